//! A log in a folder: read by everybody, written by one.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::LogError;
use super::bundle::Bundle;
use super::checkpoint::SignedCheckpoint;
use super::disk::{Disk, lock, read_limited};
use super::entry::{ENTRY_BYTES, Entry};
use super::key::{LogPublicKey, LogSigningKey, WitnessPublicKey};
use super::merkle::{self, Frontier, LogHash};
use super::note::NOTE_LIMIT;
use super::rules::LoggedRoots;
use super::tiles::{self, FULL, HASH, Kind, Tiles, split_entries};
use super::witness::WitnessRequest;
use crate::tree::RootHistory;

const CHECKPOINT: &str = "checkpoint";
const WITNESSED: &str = "checkpoint.witnessed";

/// A log on a disk, or a copy of one, as its checkpoint says that it is.
///
/// Its proofs are made from files that are not checked here: who receives a proof checks it. [`audit`](super::audit())
/// checks the files.
#[derive(Clone, Debug)]
pub struct LogFolder {
    folder: PathBuf,
    checkpoint: SignedCheckpoint,
}

impl LogFolder {
    /// Reads the checkpoint of a log, which must be signed by this key.
    ///
    /// # Errors
    ///
    /// [`LogError::NotFound`], [`LogError::Damaged`], and those of [`SignedCheckpoint::verify`].
    pub fn open(folder: impl AsRef<Path>, key: &LogPublicKey) -> Result<Self, LogError> {
        let folder = folder.as_ref().to_owned();
        let checkpoint = read_checkpoint(&folder, CHECKPOINT)?;
        let checkpoint = checkpoint.ok_or_else(|| LogError::NotFound { path: folder.clone() })?;
        checkpoint.verify(key)?;
        Ok(Self { folder, checkpoint })
    }

    /// The checkpoint, as it was when the log was opened.
    #[must_use]
    pub const fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }

    /// The latest checkpoint that witnesses have cosigned, if there is one.
    ///
    /// # Errors
    ///
    /// [`LogError::Damaged`], [`LogError::Disk`].
    pub fn witnessed(&self) -> Result<Option<SignedCheckpoint>, LogError> {
        read_checkpoint(&self.folder, WITNESSED)
    }

    /// Entries of the log.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.checkpoint.checkpoint().size()
    }

    /// One entry.
    ///
    /// # Errors
    ///
    /// [`LogError::NoSuchEntry`], [`LogError::Damaged`], [`LogError::Disk`].
    pub fn entry(&self, index: u64) -> Result<Entry, LogError> {
        self.within(index)?;
        let entries = self.tile(index / FULL, self.size())?;
        // The tile has an entry for each place below the size.
        Ok(entries[(index % FULL) as usize])
    }

    /// All entries in order, the files of one tile in memory at a time.
    pub fn entries(&self) -> impl Iterator<Item = Result<Entry, LogError>> + '_ {
        self.entries_of(self.size())
    }

    fn entries_of(&self, size: u64) -> impl Iterator<Item = Result<Entry, LogError>> + '_ {
        (0..size.div_ceil(FULL)).flat_map(move |tile| {
            let (good, bad) = match self.tile(tile, size) {
                Ok(entries) => (entries, None),
                Err(error) => (Vec::new(), Some(error)),
            };
            good.into_iter().map(Ok).chain(bad.map(Err))
        })
    }

    fn tile(&self, index: u64, size: u64) -> Result<Vec<Entry>, LogError> {
        let width = tiles::width(0, index, size);
        let bytes = tiles::read(&self.folder, Kind::Entries, index, width)?;
        let damaged = |detail: String| LogError::Damaged {
            path: self.folder.join(tiles::path(Kind::Entries, index, width)),
            detail,
        };
        let entries = split_entries(&bytes).ok_or_else(|| damaged("it is no entry bundle".to_owned()))?;
        entries.into_iter().map(|bytes| Entry::from_bytes(bytes).map_err(|error| damaged(error.to_string()))).collect()
    }

    fn within(&self, index: u64) -> Result<(), LogError> {
        if index < self.size() { Ok(()) } else { Err(LogError::NoSuchEntry { index, size: self.size() }) }
    }

    /// The bundle that shows an entry under a checkpoint of this log, for example the witnessed one.
    ///
    /// # Errors
    ///
    /// [`LogError::NoSuchEntry`] if the checkpoint has no such entry, or is of a later state than this one; failures of the
    /// disk.
    pub fn bundle(&self, index: u64, checkpoint: &SignedCheckpoint) -> Result<Bundle, LogError> {
        let size = checkpoint.checkpoint().size();
        if index >= size || size > self.size() {
            return Err(LogError::NoSuchEntry { index, size: size.min(self.size()) });
        }
        let proof = merkle::prove_inclusion(&self.tiles(), index, size)?;
        Ok(Bundle { entry: self.entry(index)?, index, proof, checkpoint: checkpoint.clone() })
    }

    /// The hashes from which follows that the log of `old` entries is the beginning of the log of `new` entries.
    ///
    /// # Errors
    ///
    /// [`LogError::NoSuchEntry`] unless `old` ≤ `new` ≤ the size; failures of the disk.
    pub fn prove_consistency(&self, old: u64, new: u64) -> Result<Vec<LogHash>, LogError> {
        if new > self.size() || old > new {
            return Err(LogError::NoSuchEntry { index: old.max(new), size: self.size() });
        }
        if old == 0 {
            return Ok(Vec::new());
        }
        merkle::prove_consistency(&self.tiles(), old, new)
    }

    /// The hash of the log when it had `size` entries.
    ///
    /// # Errors
    ///
    /// [`LogError::NoSuchEntry`] if it never had so many; failures of the disk.
    pub fn root_at(&self, size: u64) -> Result<LogHash, LogError> {
        if size > self.size() {
            return Err(LogError::NoSuchEntry { index: size, size: self.size() });
        }
        merkle::range(&self.tiles(), 0, size)
    }

    /// The tiles of now, which hold those of every smaller size: partial ones of before are not kept.
    fn tiles(&self) -> Tiles<'_> {
        Tiles::new(&self.folder, self.size())
    }

    /// What to ask a witness that has last seen `old` entries.
    ///
    /// # Errors
    ///
    /// As [`LogFolder::prove_consistency`].
    pub fn witness_request(&self, old: u64) -> Result<WitnessRequest, LogError> {
        let proof = self.prove_consistency(old, self.size())?;
        Ok(WitnessRequest { old, proof, checkpoint: self.checkpoint.clone() })
    }

    /// The roots of the members through time, as far as these rules accept the log: for
    /// [`AcceptedRoots::recent`](crate::verify::AcceptedRoots::recent), which then takes no root that was not logged.
    ///
    /// Every entry is read and hashed, so that the folder may be a copy from anywhere.
    ///
    /// # Errors
    ///
    /// Those of [`LoggedRoots::check_checkpoint`], [`LogError::Root`] if the entries are not those of the checkpoint,
    /// [`LogError::Discontinuous`] if they contradict each other, [`LogError::TooFewWitnesses`] if there are to be witnesses and
    /// no checkpoint was seen by one.
    pub fn root_history(&self, rules: &LoggedRoots, now: u64) -> Result<RootHistory, LogError> {
        let checkpoint = self.witnessed()?.unwrap_or_else(|| self.checkpoint.clone());
        rules.check_checkpoint(&checkpoint, now)?;
        let (mut frontier, mut before, mut history): (_, Option<Entry>, Option<RootHistory>) =
            (Frontier::default(), None, None);
        for (index, entry) in (0..).zip(self.entries_of(checkpoint.checkpoint().size())) {
            let entry = entry?;
            let contradiction = |detail: String| LogError::Discontinuous { index, detail };
            entry.follows(before.as_ref()).map_err(contradiction)?;
            frontier.push(LogHash::of_entry(&entry.to_bytes()));
            match &mut history {
                None => history = Some(RootHistory::new(entry.new_root, entry.at)),
                Some(history) => {
                    history.advance(entry.new_root, entry.at).map_err(|error| contradiction(error.to_string()))?;
                }
            }
            before = Some(entry);
        }
        check_root(&checkpoint, frontier.root())?;
        history.ok_or(LogError::NoSuchEntry { index: 0, size: 0 })
    }
}

pub(super) fn check_root(checkpoint: &SignedCheckpoint, found: LogHash) -> Result<(), LogError> {
    let (size, expected) = (checkpoint.checkpoint().size(), checkpoint.checkpoint().root());
    if found == expected {
        return Ok(());
    }
    Err(LogError::Root { size, expected: expected.to_string(), found: found.to_string() })
}

fn read_checkpoint(folder: &Path, name: &str) -> Result<Option<SignedCheckpoint>, LogError> {
    let path = folder.join(name);
    let Some(bytes) = read_limited(&path, NOTE_LIMIT as u64)? else { return Ok(None) };
    let damaged = |error: LogError| LogError::Damaged { path, detail: error.to_string() };
    SignedCheckpoint::from_bytes(&bytes).map(Some).map_err(damaged)
}

/// The one who writes a log, until it is dropped.
///
/// Entries and tiles come first, the checkpoint last and in one step: whoever is killed in between leaves the log as it
/// was, and files that the next one writes again.
#[derive(Debug)]
pub struct LogWriter {
    key: LogSigningKey,
    log: LogFolder,
    last: Entry,
    disk: Disk,
    _lock: File,
}

impl LogWriter {
    /// Begins a log in a folder, which is made where it is missing, with its first entries.
    ///
    /// # Errors
    ///
    /// [`LogError::AlreadyExists`], [`LogError::Refused`] if the first entry is no genesis or another one does not follow,
    /// [`LogError::Disk`].
    pub fn create(folder: impl AsRef<Path>, key: LogSigningKey, entries: &[Entry]) -> Result<Self, LogError> {
        Self::create_on(Disk::default(), folder.as_ref(), key, entries)
    }

    pub(super) fn create_on(
        disk: Disk,
        folder: &Path,
        key: LogSigningKey,
        entries: &[Entry],
    ) -> Result<Self, LogError> {
        let last = following(None, entries)?;
        let last = last.ok_or_else(|| LogError::Refused { detail: "a log begins with an entry".to_owned() })?;
        fs::create_dir_all(folder).map_err(|error| LogError::disk(folder, &error))?;
        let guard = lock(&folder.join("lock"))?;
        if read_checkpoint(folder, CHECKPOINT)?.is_some() {
            return Err(LogError::AlreadyExists { path: folder.to_owned() });
        }
        let checkpoint = write(&disk, folder, 0, entries, &key)?;
        let log = LogFolder { folder: folder.to_owned(), checkpoint };
        Ok(Self { key, log, last, disk, _lock: guard })
    }

    /// Waits until nobody else writes, and goes on where they ended.
    ///
    /// # Errors
    ///
    /// [`LogError::NotFound`], [`LogError::Damaged`] or [`LogError::Root`] if the files are not what the checkpoint says,
    /// [`LogError::Origin`], [`LogError::Unsigned`] or [`LogError::Signature`] if the log is not this key's.
    pub fn open(folder: impl AsRef<Path>, key: LogSigningKey) -> Result<Self, LogError> {
        Self::open_on(Disk::default(), folder.as_ref(), key)
    }

    pub(super) fn open_on(disk: Disk, folder: &Path, key: LogSigningKey) -> Result<Self, LogError> {
        if read_checkpoint(folder, CHECKPOINT)?.is_none() {
            return Err(LogError::NotFound { path: folder.to_owned() });
        }
        let guard = lock(&folder.join("lock"))?;
        let log = LogFolder::open(folder, &key.public())?;
        let size = log.size();
        check_root(log.checkpoint(), log.root_at(size)?)?;
        let last = log.entry(size.saturating_sub(1))?;
        Ok(Self { key, log, last, disk, _lock: guard })
    }

    /// The log as it is now.
    #[must_use]
    pub const fn log(&self) -> &LogFolder {
        &self.log
    }

    /// The last entry.
    #[must_use]
    pub const fn last(&self) -> &Entry {
        &self.last
    }

    /// Adds entries, all of them or none. They are on the disk, and under a new checkpoint, when this returns `Ok`.
    ///
    /// # Errors
    ///
    /// [`LogError::Refused`] if one of them does not follow from the one before it; [`LogError::Disk`].
    pub fn append(&mut self, entries: &[Entry]) -> Result<(), LogError> {
        let last = following(Some(self.last), entries)?;
        if let Some(last) = last.filter(|_| !entries.is_empty()) {
            self.log.checkpoint = write(&self.disk, &self.log.folder, self.log.size(), entries, &self.key)?;
            self.last = last;
        }
        Ok(())
    }
}

/// The last of these entries, each of which must follow from the one before it; `last` if there are none.
fn following(mut last: Option<Entry>, entries: &[Entry]) -> Result<Option<Entry>, LogError> {
    for entry in entries {
        entry.follows(last.as_ref()).map_err(|detail| LogError::Refused { detail })?;
        last = Some(*entry);
    }
    Ok(last)
}

/// Takes over what witnesses answered to a request that was made from this log, into the checkpoint if it is still the
/// present one, and into the witnessed checkpoint if that is not newer. Returns how many of the witnesses have signed. It waits
/// until nobody writes to the log: whoever holds the [`LogWriter`] drops it first.
///
/// # Errors
///
/// Those of [`SignedCheckpoint::add_cosignatures`], [`LogError::NotConsistent`] if the request is not about this log, and
/// failures of the disk.
pub fn add_cosignatures(
    folder: impl AsRef<Path>,
    key: &LogPublicKey,
    request: &WitnessRequest,
    answers: &[u8],
    witnesses: &[WitnessPublicKey],
) -> Result<usize, LogError> {
    let (folder, disk) = (folder.as_ref(), Disk::default());
    let _guard = lock(&folder.join("lock"))?;
    let log = LogFolder::open(folder, key)?;
    let asked = request.checkpoint.checkpoint();
    request.checkpoint.verify(key)?;
    if log.root_at(asked.size())? != asked.root() {
        return Err(LogError::NotConsistent { old: asked.size(), new: log.size() });
    }
    // What others answered about the same checkpoint before is kept.
    let witnessed = log.witnessed()?;
    let known = [Some(log.checkpoint.clone()), witnessed.clone()];
    let same = known.into_iter().flatten().filter(|other| other.checkpoint() == asked);
    let mut cosigned = request.checkpoint.clone();
    for other in same {
        cosigned.adopt(&other, witnesses)?;
    }
    let count = cosigned.add_cosignatures(answers, witnesses)?;
    if log.checkpoint.checkpoint() == asked {
        disk.replace(&folder.join(CHECKPOINT), &cosigned.to_bytes())?;
    }
    if count > 0 && witnessed.is_none_or(|other| other.checkpoint().size() <= asked.size()) {
        disk.replace(&folder.join(WITNESSED), &cosigned.to_bytes())?;
    }
    Ok(count)
}

/// Writes the files of a log that grows from `size` by these entries, and its new checkpoint.
fn write(
    disk: &Disk,
    folder: &Path,
    size: u64,
    entries: &[Entry],
    key: &LogSigningKey,
) -> Result<SignedCheckpoint, LogError> {
    let mut folders = BTreeSet::new();
    let mut full = Vec::new();
    let mut put = |kind: Kind, index: u64, width: u64, bytes: &[u8]| {
        if width == FULL {
            full.push(tiles::path(kind, index, FULL));
        }
        disk.put(&folder.join(tiles::path(kind, index, width)), bytes, &mut folders)
    };

    // The rest of the last bundle, and on from there.
    let (mut bundle, mut width) = old_part(folder, Kind::Entries, size)?;
    let mut index = size / FULL;
    for (number, entry) in entries.iter().enumerate() {
        bundle.extend((ENTRY_BYTES as u16).to_be_bytes());
        bundle.extend(entry.to_bytes());
        width += 1;
        if width == FULL || number + 1 == entries.len() {
            put(Kind::Entries, index, width, &bundle)?;
            if width == FULL {
                (index, width) = (index + 1, 0);
                bundle.clear();
            }
        }
    }

    // Each level: the hashes that are new there, and from the tiles that they fill, those of the next level.
    let mut new: Vec<LogHash> = entries.iter().map(|entry| LogHash::of_entry(&entry.to_bytes())).collect();
    for level in 0..8 {
        let before = size >> (8 * u32::from(level));
        let (mut bytes, _) = old_part(folder, Kind::Hashes(level), before)?;
        new.iter().for_each(|hash| bytes.extend(hash.to_bytes()));
        new.clear();
        for (index, tile) in (before / FULL..).zip(bytes.chunks(FULL as usize * HASH)) {
            let width = (tile.len() / HASH) as u64;
            put(Kind::Hashes(level), index, width, tile)?;
            if width == FULL {
                new.push(tiles::over(tile));
            }
        }
        if new.is_empty() {
            break;
        }
    }
    disk.sync_folders(&folders)?;

    let size = size + entries.len() as u64;
    let root = merkle::range(&Tiles::new(folder, size), 0, size)?;
    let checkpoint = SignedCheckpoint::sign(size, root, key);
    disk.replace(&folder.join(CHECKPOINT), &checkpoint.to_bytes())?;
    for file in full {
        // The full tile has all of it. Best effort: a partial tile that stays is read by nobody.
        let mut partial = file.into_os_string();
        partial.push(".p");
        let _ = fs::remove_dir_all(folder.join(partial));
    }
    Ok(checkpoint)
}

/// The records of the last tile of a level that has `count` of them, and how many they are; none if it is full.
fn old_part(folder: &Path, kind: Kind, count: u64) -> Result<(Vec<u8>, u64), LogError> {
    let width = count % FULL;
    if width == 0 {
        return Ok((Vec::new(), 0));
    }
    Ok((tiles::read(folder, kind, count / FULL, width)?, width))
}

#[cfg(test)]
mod tests;
