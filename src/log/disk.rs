//! Files that are written whole or not at all, and are on the disk when that is said.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::LogError;

/// The disk; in tests, one that fails when it is told to.
#[derive(Debug, Default)]
pub(super) struct Disk {
    /// Steps until the failure.
    #[cfg(test)]
    pub(super) steps_left: Option<core::cell::Cell<u32>>,
}

impl Disk {
    /// Puts `bytes` in place of a file: into a neighbour, to the disk, renamed, and the new name to the disk.
    pub(super) fn replace(&self, path: &Path, bytes: &[u8]) -> Result<(), LogError> {
        let mut folders = BTreeSet::new();
        self.put(path, bytes, &mut folders)?;
        self.sync_folders(&folders)
    }

    /// As [`Disk::replace`], but leaves the names to [`Disk::sync_folders`]: `folders` are those that it has to sync.
    pub(super) fn put(&self, path: &Path, bytes: &[u8], folders: &mut BTreeSet<PathBuf>) -> Result<(), LogError> {
        let failed = |error: io::Error| LogError::disk(path, &error);
        let folder = path.parent().unwrap_or(Path::new("."));
        make_folders(folder, folders).map_err(failed)?;
        folders.insert(folder.to_owned());
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let part = path.with_file_name(name);
        let mut file = File::create(&part).map_err(failed)?;
        let (first, second) = bytes.split_at(bytes.len() / 2);
        file.write_all(first).map_err(failed)?;
        self.step(path)?;
        file.write_all(second).and_then(|()| file.sync_all()).map_err(failed)?;
        self.step(path)?;
        fs::rename(&part, path).map_err(failed)?;
        self.step(path)
    }

    /// Makes the names in these folders permanent.
    pub(super) fn sync_folders(&self, folders: &BTreeSet<PathBuf>) -> Result<(), LogError> {
        for folder in folders {
            self.step(folder)?;
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| LogError::disk(folder, &error))?;
        }
        Ok(())
    }

    #[cfg(not(test))]
    #[allow(clippy::unused_self, clippy::unnecessary_wraps, reason = "the disk of tests fails here")]
    fn step(&self, _: &Path) -> Result<(), LogError> {
        Ok(())
    }

    #[cfg(test)]
    fn step(&self, path: &Path) -> Result<(), LogError> {
        if let Some(left) = &self.steps_left {
            if left.get() == 0 {
                return Err(LogError::disk(path, &io::Error::other("told to fail")));
            }
            left.set(left.get() - 1);
        }
        Ok(())
    }
}

/// Makes a folder and its parents; `made` receives the folders that have a new name in them.
fn make_folders(folder: &Path, made: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        make_folders(parent, made)?;
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        made.insert(parent.to_owned());
    }
    fs::create_dir(folder)
}

/// Waits until nobody else holds this lock; it is given back when the file is dropped, or its process dies.
pub(super) fn lock(path: &Path) -> Result<File, LogError> {
    let file = File::options().create(true).truncate(false).write(true).open(path);
    let file = file.map_err(|error| LogError::disk(path, &error))?;
    file.lock().map_err(|error| LogError::disk(path, &error))?;
    Ok(file)
}

/// A whole file of at most `limit` bytes; nothing if there is none.
pub(super) fn read_limited(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, LogError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(LogError::disk(path, &error)),
    };
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| LogError::disk(path, &error))?;
    if bytes.len() as u64 > limit {
        let detail = format!("it has more than {limit} bytes");
        return Err(LogError::Damaged { path: path.to_owned(), detail });
    }
    Ok(Some(bytes))
}
