//! What a witness remembers: of each log, the latest checkpoint that it signed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::super::LogError;
use super::super::checkpoint::{Checkpoint, SignedCheckpoint};
use super::super::disk::{Disk, lock, read_limited};
use super::super::note::NOTE_LIMIT;

/// A memory that compares and remembers in one step.
pub trait WitnessStore {
    /// Gives `decide` the latest checkpoint of a log, and remembers the one that it returns, if it does. Nobody else
    /// decides about the same log in between, and it is on the disk when this returns `Ok`.
    ///
    /// # Errors
    ///
    /// [`LogError`] if that could not be done: then nothing may be signed.
    fn exchange(
        &mut self,
        origin: &str,
        decide: &mut dyn FnMut(Option<&Checkpoint>) -> Option<SignedCheckpoint>,
    ) -> Result<(), LogError>;
}

/// A memory of this process alone.
#[derive(Debug, Default)]
pub struct MemoryWitnessStore {
    seen: BTreeMap<String, SignedCheckpoint>,
}

impl WitnessStore for MemoryWitnessStore {
    fn exchange(
        &mut self,
        origin: &str,
        decide: &mut dyn FnMut(Option<&Checkpoint>) -> Option<SignedCheckpoint>,
    ) -> Result<(), LogError> {
        if let Some(new) = decide(self.seen.get(origin).map(SignedCheckpoint::checkpoint)) {
            self.seen.insert(origin.to_owned(), new);
        }
        Ok(())
    }
}

/// A folder with one file for each log: its latest checkpoint as it was signed, which is evidence, too. The file's name is
/// the SHA-256 of the origin.
#[derive(Debug)]
pub struct FileWitnessStore {
    folder: PathBuf,
    disk: Disk,
}

impl FileWitnessStore {
    /// Uses a folder, and makes it where it is missing.
    ///
    /// # Errors
    ///
    /// [`LogError::Disk`].
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, LogError> {
        let folder = folder.as_ref().to_owned();
        fs::create_dir_all(&folder).map_err(|error| LogError::disk(&folder, &error))?;
        Ok(Self { folder, disk: Disk::default() })
    }

    /// The latest checkpoint of a log that was signed here.
    ///
    /// # Errors
    ///
    /// [`LogError::Damaged`], [`LogError::Disk`].
    pub fn latest(&self, origin: &str) -> Result<Option<SignedCheckpoint>, LogError> {
        let path = self.folder.join(crate::bytes::to_hex(&Sha256::digest(origin)));
        let Some(bytes) = read_limited(&path, NOTE_LIMIT as u64)? else { return Ok(None) };
        let damaged = |detail: String| LogError::Damaged { path: path.clone(), detail };
        let seen = SignedCheckpoint::from_bytes(&bytes).map_err(|error| damaged(error.to_string()))?;
        if seen.checkpoint().origin() != origin {
            return Err(damaged("it is about another log".to_owned()));
        }
        Ok(Some(seen))
    }

    #[cfg(test)]
    pub(super) fn fail_after(&mut self, steps: u32) {
        self.disk.steps_left = Some(core::cell::Cell::new(steps));
    }

    fn guard(&self) -> Result<File, LogError> {
        lock(&self.folder.join("lock"))
    }
}

impl WitnessStore for FileWitnessStore {
    fn exchange(
        &mut self,
        origin: &str,
        decide: &mut dyn FnMut(Option<&Checkpoint>) -> Option<SignedCheckpoint>,
    ) -> Result<(), LogError> {
        // Held until the new state is on the disk.
        let _guard = self.guard()?;
        let seen = self.latest(origin)?;
        if let Some(new) = decide(seen.as_ref().map(SignedCheckpoint::checkpoint)) {
            let name = crate::bytes::to_hex(&Sha256::digest(origin));
            self.disk.replace(&self.folder.join(name), &new.to_bytes())?;
        }
        Ok(())
    }
}
