//! One SQLite file: made safely, recognised before it is touched, migrated forwards only.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::super::StoreError;

/// A kind of file: its mark in SQLite's header and the steps that build its tables.
#[derive(Debug)]
pub(crate) struct Kind {
    /// For messages.
    pub(crate) name: &'static str,
    /// `PRAGMA application_id`, which also `file(1)` shows.
    pub(crate) application_id: i32,
    /// Step n makes format n + 1 out of format n; format 0 is an empty file.
    pub(crate) migrations: &'static [&'static str],
}

impl Kind {
    fn newest(&self) -> u32 {
        u32::try_from(self.migrations.len()).expect("a handful of migrations")
    }
}

/// How a file is opened.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    busy_timeout: Duration,
    maximum_bytes: Option<u64>,
}

impl Default for SqliteOptions {
    /// Waits 10 seconds for another writer; no limit of its own on the size.
    fn default() -> Self {
        Self { busy_timeout: Duration::from_secs(10), maximum_bytes: None }
    }
}

impl SqliteOptions {
    /// How long to wait for another writer before [`StoreError::Busy`].
    #[must_use]
    pub fn busy_timeout(mut self, patience: Duration) -> Self {
        self.busy_timeout = patience;
        self
    }

    /// Refuses to let the file grow beyond this many bytes (rounded up to whole pages), with
    /// [`StoreError::Full`]: a registry that shares its disk can be told to leave room for others.
    #[must_use]
    pub fn maximum_bytes(mut self, bytes: u64) -> Self {
        self.maximum_bytes = Some(bytes);
        self
    }
}

/// Whether a file may be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    ReadWrite,
    ReadOnly,
}

/// An open file and what its errors need to say.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) connection: Connection,
    pub(crate) place: Place,
    real: PathBuf,
}

/// Where a connection leads, for messages.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    expected: &'static str,
    pub(crate) patience: Duration,
}

/// Either SQLite failed, or what it returned is not what we stored.
#[derive(Debug)]
pub(crate) enum Fault {
    Sqlite(rusqlite::Error),
    Store(StoreError),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Held while files are created and opened. POSIX drops *all* of a process's locks on a file when it
/// closes *any* descriptor of it, so the descriptor that creates a file must be closed before anybody else
/// in this process can have a SQLite lock on it.
static FILES: Mutex<()> = Mutex::new(());

/// What the header of a file says.
enum Found {
    /// No table, no mark: SQLite has never committed anything, or creation was interrupted.
    Blank,
    /// Somebody else's.
    Foreign(String),
    /// Ours, with this format.
    Ours(u32),
}

impl File {
    /// Makes a file where none is, mode 0600, with all its tables in one transaction.
    ///
    /// An empty file is accepted too: an earlier creation that was killed leaves one. Nothing is removed
    /// when a later step fails, since by then another process may have finished what we began.
    pub(crate) fn create(path: &Path, kind: &Kind, options: &SqliteOptions) -> Result<Self, StoreError> {
        let _files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
        let place = Place::new(path, kind, options);
        let (folder, real) = place.locate()?;
        place.check_folder(&folder)?;

        let mut new = OpenOptions::new();
        new.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut new, 0o600);
        match new.open(&real) {
            Ok(file) => drop(file),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if !fs::metadata(&real).map_err(|error| place.explain_io(&error, Access::ReadOnly))?.is_file() {
                    return Err(StoreError::AlreadyExists { path: place.path });
                }
            }
            Err(error) => return Err(place.explain_io(&error, Access::ReadWrite)),
        }

        let mut connection = place.connect(&real, options, Access::ReadWrite)?;
        // Asked before anything is written, not even the journal mode: it may be somebody else's file.
        if !matches!(identify(&connection, kind), Ok(Found::Blank)) {
            return Err(StoreError::AlreadyExists { path: place.path });
        }
        place.check_mode(&real)?;
        place.configure(&connection, options, Access::ReadWrite)?;
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| place.explain(error.into()))?;
        match identify(&transaction, kind) {
            Ok(Found::Blank) => {}
            Ok(_) => return Err(StoreError::AlreadyExists { path: place.path }),
            Err(error) => return Err(place.explain(error.into())),
        }
        apply(&transaction, kind, 0)
            .and_then(|()| transaction.commit())
            .map_err(|error| place.explain(error.into()))?;
        sync_folder(&folder).map_err(|error| place.explain_io(&error, Access::ReadWrite))?;
        Ok(Self { connection, place, real })
    }

    /// Opens a file of this kind, and migrates it if it is older.
    pub(crate) fn open(path: &Path, kind: &Kind, options: &SqliteOptions, access: Access) -> Result<Self, StoreError> {
        let _files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
        let place = Place::new(path, kind, options);
        let (folder, real) = place.locate()?;
        let metadata = fs::metadata(&real).map_err(|error| place.explain_io(&error, Access::ReadOnly))?;
        if !metadata.is_file() {
            return Err(place.wrong_kind("it is not a regular file"));
        }
        let mut connection = place.connect(&real, options, access)?;
        let format = match identify(&connection, kind).map_err(|error| place.explain(error.into()))? {
            Found::Ours(format) => format,
            Found::Foreign(reason) => return Err(place.wrong_kind(reason)),
            Found::Blank => return Err(StoreError::Unfinished { path: place.path }),
        };
        if format > kind.newest() {
            return Err(StoreError::NewerFormat { path: place.path, found: format, supported: kind.newest() });
        }
        place.check_mode(&real)?;
        place.check_folder(&folder)?;
        if access == Access::ReadWrite {
            // The superuser could write to it all the same; whoever took the right away meant it.
            let read_only = connection.is_readonly("main").map_err(|error| place.explain(error.into()))?;
            if read_only || metadata.permissions().readonly() {
                return Err(place.read_only("it has no write permission"));
            }
        }
        place.configure(&connection, options, access)?;
        if format < kind.newest() {
            if access == Access::ReadOnly {
                return Err(StoreError::OlderFormat { path: place.path, found: format, supported: kind.newest() });
            }
            migrate(&mut connection, kind, &place)?;
        }
        Ok(Self { connection, place, real })
    }

    /// Opens a file, or makes it where none is; several processes may do so at the same moment.
    pub(crate) fn open_or_create(path: &Path, kind: &Kind, options: &SqliteOptions) -> Result<Self, StoreError> {
        match Self::open(path, kind, options, Access::ReadWrite) {
            Err(StoreError::NotFound { .. } | StoreError::Unfinished { .. }) => match Self::create(path, kind, options)
            {
                // Somebody else was faster.
                Err(StoreError::AlreadyExists { .. }) => Self::open(path, kind, options, Access::ReadWrite),
                created => created,
            },
            opened => opened,
        }
    }

    /// Bytes of the file and of its write-ahead log.
    pub(crate) fn disk_bytes(&self) -> Result<u64, StoreError> {
        let size = |path: &Path| match fs::metadata(path) {
            Ok(metadata) => Ok(metadata.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(self.place.explain_io(&error, Access::ReadOnly)),
        };
        let mut log = self.real.clone().into_os_string();
        log.push("-wal");
        Ok(size(&self.real)? + size(Path::new(&log))?)
    }
}

impl Place {
    fn new(path: &Path, kind: &Kind, options: &SqliteOptions) -> Self {
        Self { path: path.to_owned(), expected: kind.name, patience: options.busy_timeout }
    }

    /// The folder, and an absolute path in it: SQLite gives a meaning of its own to names like `:memory:`
    /// and to the empty name.
    fn locate(&self) -> Result<(PathBuf, PathBuf), StoreError> {
        let Some(name) = self.path.file_name() else {
            return Err(self.wrong_kind("it is not a file name"));
        };
        let folder = match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        match fs::canonicalize(folder) {
            Ok(folder) => {
                let real = folder.join(name);
                Ok((folder, real))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(StoreError::NotFound { path: folder.to_owned() })
            }
            Err(error) => Err(self.explain_io(&error, Access::ReadOnly)),
        }
    }

    fn connect(&self, real: &Path, options: &SqliteOptions, access: Access) -> Result<Connection, StoreError> {
        // Without SQLITE_OPEN_CREATE, which would make files readable by everybody, and without
        // SQLITE_OPEN_URI, which would read options out of a file name.
        let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX
            | match access {
                Access::ReadWrite => OpenFlags::SQLITE_OPEN_READ_WRITE,
                Access::ReadOnly => OpenFlags::SQLITE_OPEN_READ_ONLY,
            };
        Connection::open_with_flags(real, flags)
            .and_then(|connection| {
                connection.busy_timeout(options.busy_timeout)?;
                Ok(connection)
            })
            .map_err(|error| self.explain(error.into()))
    }

    /// Sets everything that SQLite keeps per connection, and the write-ahead log.
    fn configure(&self, connection: &Connection, options: &SqliteOptions, access: Access) -> Result<(), StoreError> {
        if access == Access::ReadWrite {
            let mode: String = connection
                .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))
                .map_err(|error| self.explain(error.into()))?;
            if !mode.eq_ignore_ascii_case("wal") {
                return Err(StoreError::NoWriteAheadLog { path: self.path.clone(), mode });
            }
        }
        let set = || -> rusqlite::Result<()> {
            // Without this (level NORMAL) a power cut can take back commits that were acknowledged.
            connection.pragma_update(None, "synchronous", "FULL")?;
            // On macOS fsync alone does not reach the medium.
            connection.pragma_update(None, "fullfsync", true)?;
            connection.pragma_update(None, "checkpoint_fullfsync", true)?;
            connection.pragma_update(None, "foreign_keys", true)?;
            // No bits of a template in temporary files, nor in pages that were freed.
            connection.pragma_update(None, "temp_store", "MEMORY")?;
            connection.pragma_update(None, "secure_delete", true)?;
            // A damaged file must give errors, not wrong answers or crashes.
            connection.pragma_update(None, "cell_size_check", true)?;
            connection.pragma_update(None, "mmap_size", 0)?;
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
            if let Some(bytes) = options.maximum_bytes {
                let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
                let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / page + 1;
                connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
            }
            Ok(())
        };
        set().map_err(|error| self.explain(error.into()))
    }

    #[cfg(unix)]
    fn check_mode(&self, real: &Path) -> Result<(), StoreError> {
        use std::os::unix::fs::PermissionsExt;
        let metadata = fs::metadata(real).map_err(|error| self.explain_io(&error, Access::ReadOnly))?;
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(StoreError::UnsafePermissions { path: self.path.clone(), mode });
        }
        Ok(())
    }

    #[cfg(unix)]
    fn check_folder(&self, folder: &Path) -> Result<(), StoreError> {
        use std::os::unix::fs::PermissionsExt;
        let metadata = fs::metadata(folder).map_err(|error| self.explain_io(&error, Access::ReadOnly))?;
        let mode = metadata.permissions().mode() & 0o7777;
        // With the sticky bit, as on /tmp, others may add files but not replace ours.
        if mode & 0o002 != 0 && mode & 0o1000 == 0 {
            return Err(StoreError::UnsafeDirectory { path: folder.to_owned(), mode });
        }
        Ok(())
    }

    // Other systems have no mode bits; access there is what the folder inherits.
    #[cfg(not(unix))]
    fn check_mode(&self, _real: &Path) -> Result<(), StoreError> {
        Ok(())
    }

    #[cfg(not(unix))]
    fn check_folder(&self, _folder: &Path) -> Result<(), StoreError> {
        Ok(())
    }

    fn wrong_kind(&self, reason: impl Into<String>) -> StoreError {
        StoreError::WrongKind { path: self.path.clone(), expected: self.expected, reason: reason.into() }
    }

    pub(crate) fn read_only(&self, detail: impl Into<String>) -> StoreError {
        StoreError::ReadOnly { path: self.path.clone(), detail: detail.into() }
    }

    /// Gives an error of the operating system its name.
    fn explain_io(&self, error: &io::Error, wanted: Access) -> StoreError {
        let (path, detail) = (self.path.clone(), error.to_string());
        match error.kind() {
            io::ErrorKind::NotFound => StoreError::NotFound { path },
            io::ErrorKind::PermissionDenied if wanted == Access::ReadOnly => StoreError::Unreadable { path, detail },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                StoreError::ReadOnly { path, detail }
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full { path },
            _ => StoreError::Disk { path, detail },
        }
    }

    /// Gives an error of SQLite its name.
    pub(crate) fn explain(&self, fault: Fault) -> StoreError {
        let error = match fault {
            Fault::Store(error) => return error,
            Fault::Sqlite(error) => error,
        };
        let (path, detail) = (self.path.clone(), error.to_string());
        match error {
            rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
                ErrorCode::NotADatabase => self.wrong_kind("it is not a SQLite file"),
                ErrorCode::DatabaseCorrupt => StoreError::Corrupted { detail },
                ErrorCode::ConstraintViolation => StoreError::Conflict { detail },
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed => {
                    StoreError::Busy { waited: self.patience }
                }
                ErrorCode::DiskFull => StoreError::Full { path },
                ErrorCode::ReadOnly => StoreError::ReadOnly { path, detail },
                ErrorCode::CannotOpen | ErrorCode::PermissionDenied => StoreError::Unreadable { path, detail },
                ErrorCode::SystemIoFailure => StoreError::Disk { path, detail },
                _ => StoreError::Database { path, detail },
            },
            // A value of another type or range than we write: the tables are STRICT, so a file that holds one
            // was changed by somebody else or by a failing disk.
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..) => StoreError::Corrupted { detail },
            _ => StoreError::Database { path, detail },
        }
    }
}

/// Reads the marks of a file without changing it.
fn identify(connection: &Connection, kind: &Kind) -> rusqlite::Result<Found> {
    // One snapshot: between two reads another process may finish creating the file, and a mark of before with
    // tables of after would look like somebody else's.
    let snapshot = if connection.is_autocommit() { Some(connection.unchecked_transaction()?) } else { None };
    let application_id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let format: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let things: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    drop(snapshot);
    Ok(if application_id == kind.application_id {
        match u32::try_from(format) {
            Ok(format) if format > 0 => Found::Ours(format),
            _ => Found::Foreign(format!("its format number {format} is impossible")),
        }
    } else if application_id == 0 && format == 0 && things == 0 {
        Found::Blank
    } else {
        Found::Foreign(format!("it is a SQLite file of another program (application id {application_id:#010x})"))
    })
}

/// Runs the steps after format `from`; the caller holds the transaction.
fn apply(transaction: &Connection, kind: &Kind, from: u32) -> rusqlite::Result<()> {
    for step in kind.migrations.iter().skip(from as usize) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", kind.application_id)?;
    transaction.pragma_update(None, "user_version", kind.newest())
}

fn migrate(connection: &mut Connection, kind: &Kind, place: &Place) -> Result<(), StoreError> {
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(|error| place.explain(error.into()))?;
    // Another process may have migrated it while we waited.
    match identify(&transaction, kind).map_err(|error| place.explain(error.into()))? {
        Found::Ours(format) if format < kind.newest() => apply(&transaction, kind, format)
            .and_then(|()| transaction.commit())
            .map_err(|error| place.explain(error.into())),
        Found::Ours(format) if format == kind.newest() => Ok(()),
        Found::Ours(found) => {
            Err(StoreError::NewerFormat { path: place.path.clone(), found, supported: kind.newest() })
        }
        Found::Blank | Found::Foreign(_) => Err(place.wrong_kind("it was replaced while it was being opened")),
    }
}

/// Makes the name of a new file as durable as its content.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const FIRST: &str = "CREATE TABLE one (value INTEGER) STRICT; INSERT INTO one VALUES (1);";
    const SECOND: &str = "ALTER TABLE one RENAME TO two; UPDATE two SET value = value + 1;";
    const FAILING: &str = "UPDATE two SET value = 99; SELECT * FROM nowhere;";

    static ONE: Kind = Kind { name: "test file", application_id: 7, migrations: &[FIRST] };
    static TWO: Kind = Kind { name: "test file", application_id: 7, migrations: &[FIRST, SECOND] };
    static THREE: Kind = Kind { name: "test file", application_id: 7, migrations: &[FIRST, SECOND, FAILING] };

    fn value(file: &File) -> i64 {
        file.connection.query_row("SELECT value FROM two", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn files_are_migrated_forwards_once_and_never_backwards() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("file");
        let options = SqliteOptions::default();
        drop(File::create(&path, &ONE, &options).unwrap());
        let error = File::open(&path, &TWO, &options, Access::ReadOnly).unwrap_err();
        assert!(matches!(error, StoreError::OlderFormat { found: 1, supported: 2, .. }), "{error}");
        for _ in 0..2 {
            assert_eq!(value(&File::open(&path, &TWO, &options, Access::ReadWrite).unwrap()), 2);
        }
        assert_eq!(value(&File::open(&path, &TWO, &options, Access::ReadOnly).unwrap()), 2);
        let error = File::open(&path, &ONE, &options, Access::ReadWrite).unwrap_err();
        assert!(matches!(error, StoreError::NewerFormat { found: 2, supported: 1, .. }), "{error}");
        // A new file of the newest format is the same as a migrated one.
        let new = File::create(&folder.path().join("new"), &TWO, &options).unwrap();
        assert_eq!(value(&new), 2);
    }

    #[test]
    fn a_migration_that_fails_changes_nothing() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("file");
        let options = SqliteOptions::default();
        drop(File::create(&path, &TWO, &options).unwrap());
        let error = File::open(&path, &THREE, &options, Access::ReadWrite).unwrap_err();
        assert!(matches!(error, StoreError::Database { .. }), "{error}");
        assert_eq!(value(&File::open(&path, &TWO, &options, Access::ReadWrite).unwrap()), 2);
        // Neither does a creation: the file stays as empty as an interrupted one, and can be created again.
        let path = folder.path().join("new");
        assert!(File::create(&path, &THREE, &options).is_err());
        assert!(matches!(File::open(&path, &TWO, &options, Access::ReadWrite), Err(StoreError::Unfinished { .. })));
        assert_eq!(value(&File::create(&path, &TWO, &options).unwrap()), 2);
    }

    #[test]
    fn every_connection_is_set_up_for_durability() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("file");
        let options = SqliteOptions::default().busy_timeout(Duration::from_millis(1_234));
        let created = File::create(&path, &ONE, &options).unwrap();
        let opened = File::open(&path, &ONE, &options, Access::ReadWrite).unwrap();
        for file in [&created, &opened] {
            let number = |name| file.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
            let mode: String = file.connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
            assert_eq!(mode, "wal");
            assert_eq!(number("synchronous"), 2, "FULL");
            assert_eq!((number("fullfsync"), number("checkpoint_fullfsync")), (1, 1));
            assert_eq!((number("foreign_keys"), number("secure_delete")), (1, 1));
            assert_eq!((number("temp_store"), number("cell_size_check")), (2, 1));
            assert_eq!(number("busy_timeout"), 1_234);
            assert_eq!((number("trusted_schema"), number("application_id")), (0, 7));
        }
    }
}
