//! A folder that only we can read and that goes away with its value.

use std::fs;
use std::path::{Path, PathBuf};

use personhood::bytes::to_hex;
use rand_core::{OsRng, RngCore as _};

use crate::failure::Failure;
use crate::place;

pub(super) struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    /// A new folder of mode 0700 under the system's folder for such things.
    pub(super) fn new() -> Result<Self, Failure> {
        let mut number = [0; 8];
        OsRng.fill_bytes(&mut number);
        let path = std::env::temp_dir().join(format!("personhood-demo-{}", to_hex(&number)));
        place::make_private_folder(&path)?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // The folder was made by us, under a name that nobody could guess. What stays, the system clears.
        let _ = fs::remove_dir_all(&self.0);
    }
}
