//! What a relying party remembers: the nullifiers it has accepted.

use std::path::Path;

use rusqlite::{TransactionBehavior, params};

use super::StoreError;
use super::sqlite::{Access, File, Kind, SqliteOptions};
use crate::nullifier::{ExternalNullifier, Nullifier, NullifierError, NullifierStore};

/// "PoPn".
const APPLICATION_ID: i32 = 0x506f_506e;

static NULLIFIERS: Kind = Kind {
    name: "personhood nullifier database",
    application_id: APPLICATION_ID,
    migrations: &[
        include_str!("migrations/nullifiers/0001_begin.sql"),
        include_str!("migrations/nullifiers/0002_time.sql"),
    ],
};

/// Accepted nullifiers in one SQLite file, shared safely between processes.
///
/// [`record`](NullifierStore::record) checks and inserts in one statement, and answers when the nullifier is
/// on the disk: a proof that was accepted once is refused ever after, also after a power cut, and of any
/// number of processes that verify it at the same moment exactly one accepts.
#[derive(Debug)]
pub struct SqliteNullifiers {
    file: File,
}

impl SqliteNullifiers {
    /// Makes a new, empty database with mode 0600.
    ///
    /// # Errors
    ///
    /// As [`SqliteStore::create`](super::SqliteStore::create).
    pub fn create(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let file = File::create(path.as_ref(), &NULLIFIERS, &SqliteOptions::default())?;
        Ok(Self { file })
    }

    /// Opens a database, and migrates it if an older release wrote it.
    ///
    /// # Errors
    ///
    /// As [`SqliteStore::open`](super::SqliteStore::open).
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with(path, &SqliteOptions::default())
    }

    /// As [`open`](Self::open), with options.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_with(path: impl AsRef<Path>, options: &SqliteOptions) -> Result<Self, StoreError> {
        let file = File::open(path.as_ref(), &NULLIFIERS, options, Access::ReadWrite)?;
        Ok(Self { file })
    }

    /// Opens a database, or makes it if there is none.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open) and [`create`](Self::create).
    pub fn open_or_create(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let file = File::open_or_create(path.as_ref(), &NULLIFIERS, &SqliteOptions::default())?;
        Ok(Self { file })
    }

    fn insert(&mut self, scope: &ExternalNullifier, nullifier: &Nullifier) -> rusqlite::Result<bool> {
        let transaction = self.file.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let inserted = transaction.prepare_cached(INSERT)?.execute(params![
            scope.to_bytes(),
            nullifier.to_bytes(),
            None::<i64>
        ])?;
        transaction.commit()?;
        Ok(inserted == 1)
    }

    fn insert_each(&mut self, at: i64, batch: &[(ExternalNullifier, Nullifier)]) -> rusqlite::Result<Vec<Recorded>> {
        let transaction = self.file.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut outcomes = Vec::with_capacity(batch.len());
        {
            let mut insert = transaction.prepare_cached(INSERT)?;
            let mut select = transaction.prepare_cached(
                "SELECT accepted_at FROM nullifiers WHERE external_nullifier = ?1 AND nullifier = ?2",
            )?;
            for (scope, nullifier) in batch {
                let (scope, nullifier) = (scope.to_bytes(), nullifier.to_bytes());
                outcomes.push(if insert.execute(params![scope, nullifier, at])? == 1 {
                    Recorded::Now
                } else {
                    let before: Option<i64> = select.query_row(params![scope, nullifier], |row| row.get(0))?;
                    Recorded::Before { at: before.and_then(|at| u64::try_from(at).ok()) }
                });
            }
        }
        transaction.commit()?;
        Ok(outcomes)
    }
}

const INSERT: &str = "INSERT INTO nullifiers VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";

/// Accepted nullifiers that several processes share: what a service needs of their store.
pub trait SharedNullifiers: NullifierStore + Send + core::fmt::Debug {
    /// How many nullifiers were accepted in a scope.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn count(&self, scope: &ExternalNullifier) -> Result<u64, StoreError>;

    /// Whether a nullifier was accepted in a scope.
    ///
    /// For answers beforehand only: what decides is whether it is new when it is recorded.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn contains(&self, scope: &ExternalNullifier, nullifier: &Nullifier) -> Result<bool, StoreError>;

    /// Records many nullifiers in one transaction, so with one wait for the disk; `at` is the present time in seconds
    /// since 1970.
    ///
    /// Outcomes are in the order of the batch. Of two equal entries of one batch, the first is new.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; then none of them is recorded, and nothing may be accepted.
    fn record_each(&mut self, batch: &[(ExternalNullifier, Nullifier)], at: u64) -> Result<Vec<Recorded>, StoreError>;
}

/// What [`SharedNullifiers::record_each`] did with one nullifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a nullifier that was there before is a second use"]
pub enum Recorded {
    /// It was new, and is recorded.
    Now,
    /// It was there already: this person has done this before.
    Before {
        /// When it was recorded, in seconds since 1970, if that was told.
        at: Option<u64>,
    },
}

impl NullifierStore for SqliteNullifiers {
    fn record(&mut self, scope: &ExternalNullifier, nullifier: &Nullifier) -> Result<(), NullifierError> {
        match self.insert(scope, nullifier) {
            Ok(true) => Ok(()),
            Ok(false) => Err(NullifierError::AlreadyUsed { nullifier: *nullifier }),
            Err(error) => Err(NullifierError::Store(Box::new(self.file.place.explain(error.into())))),
        }
    }
}

impl SharedNullifiers for SqliteNullifiers {
    fn count(&self, scope: &ExternalNullifier) -> Result<u64, StoreError> {
        let count: i64 = self
            .file
            .connection
            .prepare_cached("SELECT count(*) FROM nullifiers WHERE external_nullifier = ?1")
            .and_then(|mut statement| statement.query_row([scope.to_bytes().as_slice()], |row| row.get(0)))
            .map_err(|error| self.file.place.explain(error.into()))?;
        u64::try_from(count).map_err(|_| StoreError::corrupted("a count below zero"))
    }

    fn contains(&self, scope: &ExternalNullifier, nullifier: &Nullifier) -> Result<bool, StoreError> {
        self.file
            .connection
            .prepare_cached("SELECT 1 FROM nullifiers WHERE external_nullifier = ?1 AND nullifier = ?2")
            .and_then(|mut statement| statement.exists(params![scope.to_bytes(), nullifier.to_bytes()]))
            .map_err(|error| self.file.place.explain(error.into()))
    }

    fn record_each(&mut self, batch: &[(ExternalNullifier, Nullifier)], at: u64) -> Result<Vec<Recorded>, StoreError> {
        let at = i64::try_from(at).unwrap_or(i64::MAX);
        self.insert_each(at, batch).map_err(|error| self.file.place.explain(error.into()))
    }
}
