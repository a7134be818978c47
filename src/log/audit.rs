//! The audit: everything that a log's files say, computed again.

use std::path::Path;

use super::LogError;
use super::disk::read_limited;
use super::entry::{Entry, Step};
use super::folder::{LogFolder, check_root};
use super::key::LogPublicKey;
use super::merkle::{Frontier, LogHash};
use super::tiles::{self, FULL, HASH, Kind};
use crate::tree::MerkleRoot;

/// What was found in a log that is as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Entries.
    pub size: u64,
    /// The hash of their tree.
    pub root: LogHash,
    /// The present root of the members.
    pub members_root: MerkleRoot,
    /// Places of the members' tree that were given out.
    pub leaves: u64,
    /// Members that came in or came back, left, and were changed.
    pub inserted: u64,
    /// Members whose leaf was taken out.
    pub deleted: u64,
    /// Members whose leaf was replaced.
    pub updated: u64,
    /// The time of the last entry, Unix seconds.
    pub last_at: u64,
}

/// Checks a whole log: the signature, every entry, that each follows from the one before it, every tile, and that all of it
/// has the hash that was signed.
///
/// It says nothing about whether others were shown the same log. That is what witnesses are for.
///
/// # Errors
///
/// [`LogError`], with the file or the entry at fault.
pub fn audit(folder: impl AsRef<Path>, key: &LogPublicKey) -> Result<Audit, LogError> {
    let folder = folder.as_ref();
    let log = LogFolder::open(folder, key)?;
    let (mut frontier, mut levels) = (Frontier::default(), Levels { folder, rows: Vec::new() });
    let mut last: Option<Entry> = None;
    let (mut inserted, mut deleted, mut updated) = (0, 0, 0);
    for (index, entry) in (0..).zip(log.entries()) {
        let entry = entry?;
        entry.follows(last.as_ref()).map_err(|detail| LogError::Discontinuous { index, detail })?;
        let count = u64::from(entry.step.count());
        match entry.step {
            Step::Insert(_) => inserted += count,
            Step::Delete(_) => deleted += count,
            Step::Update(_) => updated += count,
            _ => {}
        }
        let hash = LogHash::of_entry(&entry.to_bytes());
        frontier.push(hash);
        levels.push(0, hash)?;
        last = Some(entry);
    }
    levels.finish()?;
    check_root(log.checkpoint(), frontier.root())?;
    let last = last.ok_or(LogError::NoSuchEntry { index: 0, size: 0 })?;
    Ok(Audit {
        size: log.size(),
        root: frontier.root(),
        members_root: last.new_root,
        leaves: last.leaves,
        inserted,
        deleted,
        updated,
        last_at: last.at,
    })
}

/// The tiles of each level as they have to be, each compared with its file when it is complete.
struct Levels<'a> {
    folder: &'a Path,
    /// Hashes of the tile that is being filled, and its index.
    rows: Vec<(Vec<u8>, u64)>,
}

impl Levels<'_> {
    fn push(&mut self, level: u8, hash: LogHash) -> Result<(), LogError> {
        if self.rows.len() == usize::from(level) {
            self.rows.push((Vec::new(), 0));
        }
        let (row, index) = &mut self.rows[usize::from(level)];
        row.extend(hash.to_bytes());
        if row.len() < FULL as usize * HASH {
            return Ok(());
        }
        let (tile, number) = (core::mem::take(row), *index);
        *index += 1;
        compare(self.folder, level, number, &tile)?;
        self.push(level + 1, tiles::over(&tile))
    }

    fn finish(self) -> Result<(), LogError> {
        for (level, (row, index)) in (0..).zip(&self.rows) {
            if !row.is_empty() {
                compare(self.folder, level, *index, row)?;
            }
        }
        Ok(())
    }
}

fn compare(folder: &Path, level: u8, index: u64, expected: &[u8]) -> Result<(), LogError> {
    let width = (expected.len() / HASH) as u64;
    let path = folder.join(tiles::path(Kind::Hashes(level), index, width));
    let detail = match read_limited(&path, expected.len() as u64)? {
        Some(found) if found == expected => return Ok(()),
        Some(_) => "its hashes are not those of the entries",
        None => "it is missing",
    };
    Err(LogError::Damaged { path, detail: detail.to_owned() })
}
