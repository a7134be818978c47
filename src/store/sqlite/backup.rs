//! A copy of a registry while others go on writing into it.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use super::file::{Access, File};
use super::{REGISTRY, SqliteOptions, SqliteStore};
use crate::store::StoreError;

impl SqliteStore {
    /// Writes the registry, as it is at one moment, into a new file of mode 0600, and waits until it is on the disk.
    ///
    /// Others read and write meanwhile. The copy is made row by row (`VACUUM INTO`), not page by page: pages that were freed,
    /// and with them whatever was deleted, do not come along. Templates that are sealed stay sealed, and the keyring comes
    /// along as it is wrapped.
    ///
    /// # Errors
    ///
    /// [`StoreError::AlreadyExists`] unless the path is free; the failures of a disk. What was half-written is removed.
    pub fn back_up(&self, path: impl AsRef<Path>) -> Result<(), StoreError> {
        let path = path.as_ref();
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists => StoreError::AlreadyExists { path: path.to_owned() },
            io::ErrorKind::NotFound => StoreError::NotFound { path: path.to_owned() },
            io::ErrorKind::StorageFull => StoreError::Full { path: path.to_owned() },
            io::ErrorKind::PermissionDenied => {
                StoreError::ReadOnly { path: path.to_owned(), detail: error.to_string() }
            }
            _ => StoreError::Disk { path: path.to_owned(), detail: error.to_string() },
        };
        // SQLite writes into a file that is empty; this one has its mode before anything is in it.
        let mut new = OpenOptions::new();
        new.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut new, 0o600);
        drop(new.open(path).map_err(failed)?);
        let copied = self.copy_into(path).and_then(|()| {
            // Opened once, so that it is in the form in which registries lie there, and can be opened for reading.
            drop(File::open(path, &REGISTRY, &SqliteOptions::default(), Access::ReadWrite)?);
            let file = fs::File::open(path).map_err(failed)?;
            file.sync_all().map_err(failed)
        });
        if copied.is_err() {
            // It is ours: it did not exist before.
            let _ = fs::remove_file(path);
        }
        copied
    }

    fn copy_into(&self, path: &Path) -> Result<(), StoreError> {
        // SQLite takes a text here; an absolute one has no meaning of its own to it.
        let absolute = fs::canonicalize(path)
            .map_err(|error| StoreError::Disk { path: path.to_owned(), detail: error.to_string() })?;
        let text = absolute.to_str().ok_or_else(|| StoreError::ReadOnly {
            path: path.to_owned(),
            detail: "its name is not UTF-8".to_owned(),
        })?;
        let copied = self.file.connection.execute("VACUUM INTO ?1", [text]);
        copied.map(drop).map_err(|error| self.file.place.explain(error.into()))
    }

    /// Reads every page and every index, as far as SQLite can judge them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupted`] with what is wrong.
    pub fn check_pages(&self) -> Result<(), StoreError> {
        let found: String = self
            .file
            .connection
            .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
            .map_err(|error| self.file.place.explain(error.into()))?;
        if found == "ok" { Ok(()) } else { Err(StoreError::corrupted(found)) }
    }
}
