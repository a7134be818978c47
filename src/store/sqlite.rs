//! The registry's store in one SQLite file.

mod backup;
mod desk;
mod file;
mod rows;

/// What `rows` and `desk` ask of a database; `postgres/driver.rs` is the other one.
mod driver {
    pub(super) use rusqlite::{Connection, OptionalExtension, Row, params};
}

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior};

pub use file::SqliteOptions;
pub(super) use file::{Access, Fault, File, Kind, Place};

use super::{
    Census, ChangeRecord, DecisionId, DecisionRecord, Genesis, Inserted, NewDecision, NewPerson, NewPolicy,
    NewRecovery, NewReview, OperatorRecord, PersonChange, PersonId, PersonRecord, PolicyId, PolicyRecord, ReadStore,
    RecoveryId, RecoveryRecord, ReviewId, ReviewRecord, ReviewStep, ReviewVote, RootRecord, Sequence, StationRecord,
    Store, StoreError, TemplatePair, WriteTransaction,
};
use crate::identity::IdentityCommitment;
use crate::tree::TreePage;

/// "PoPr".
const APPLICATION_ID: i32 = 0x506f_5072;

static REGISTRY: Kind = Kind {
    name: "personhood registry",
    application_id: APPLICATION_ID,
    migrations: &[
        include_str!("migrations/registry/0001_begin.sql"),
        include_str!("migrations/registry/0002_life_cycle.sql"),
        include_str!("migrations/registry/0003_keyring.sql"),
    ],
};

/// A registry's store in one SQLite file with a write-ahead log.
///
/// Beside the file `F`, SQLite keeps `F-wal` and `F-shm` while it is open, and after a crash. They belong to
/// it: copy or move the three together, or close the registry first.
///
/// Any number of processes may have the file open; one writes at a time. Keep it on a local file system:
/// locks and shared memory do not work over most network file systems.
#[derive(Debug)]
pub struct SqliteStore {
    file: File,
    access: Access,
}

impl SqliteStore {
    /// Makes a new, empty store with mode 0600.
    ///
    /// # Errors
    ///
    /// [`StoreError::AlreadyExists`] unless the path is free (or an empty file, as an interrupted creation
    /// leaves it); [`StoreError::NotFound`] without its folder; [`StoreError::UnsafeDirectory`],
    /// [`StoreError::ReadOnly`], [`StoreError::Full`], [`StoreError::NoWriteAheadLog`].
    pub fn create(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::create_with(path, &SqliteOptions::default())
    }

    /// As [`create`](Self::create), with options.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn create_with(path: impl AsRef<Path>, options: &SqliteOptions) -> Result<Self, StoreError> {
        let file = File::create(path.as_ref(), &REGISTRY, options)?;
        Ok(Self { file, access: Access::ReadWrite })
    }

    /// Opens a store, and migrates it if an older release wrote it.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], [`StoreError::WrongKind`], [`StoreError::Unfinished`],
    /// [`StoreError::NewerFormat`], [`StoreError::UnsafePermissions`], [`StoreError::UnsafeDirectory`], [`StoreError::ReadOnly`],
    /// [`StoreError::Unreadable`], [`StoreError::Corrupted`], [`StoreError::NoWriteAheadLog`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with(path, &SqliteOptions::default())
    }

    /// As [`open`](Self::open), with options.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_with(path: impl AsRef<Path>, options: &SqliteOptions) -> Result<Self, StoreError> {
        let file = File::open(path.as_ref(), &REGISTRY, options, Access::ReadWrite)?;
        Ok(Self { file, access: Access::ReadWrite })
    }

    /// Opens a store, or makes it if there is none; several processes may do so at the same moment.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open) and [`create`](Self::create).
    pub fn open_or_create(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let file = File::open_or_create(path.as_ref(), &REGISTRY, &SqliteOptions::default())?;
        Ok(Self { file, access: Access::ReadWrite })
    }

    /// Opens a store for reading; [`begin`](Store::begin) then refuses.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and [`StoreError::OlderFormat`] instead of a migration.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let file = File::open(path.as_ref(), &REGISTRY, &SqliteOptions::default(), Access::ReadOnly)?;
        Ok(Self { file, access: Access::ReadOnly })
    }

    /// Where the file is, as it was given.
    #[must_use]
    pub fn path(&self) -> &PathBuf {
        &self.file.place.path
    }
}

/// The questions of [`ReadStore`], asked of one connection.
macro_rules! reads {
    ($store:ty, |$self:ident| $connection:expr, $place:expr, $bytes:expr) => {
        impl ReadStore for $store {
            reads! { @each rows |$self| $connection, $place;
                genesis() -> Option<Genesis>,
                policy() -> Option<PolicyRecord>,
                policy_of(id: PolicyId) -> Option<PolicyRecord>,
                changes_since(after: Sequence, limit: u32) -> Vec<ChangeRecord>,
                changes_of(person: PersonId) -> Vec<ChangeRecord>,
                roots_since(after: Sequence, limit: u32) -> Vec<RootRecord>,
                head() -> Sequence,
                person(person: PersonId) -> Option<PersonRecord>,
                people_since(after: u64, limit: u32) -> Vec<PersonRecord>,
                census() -> Census,
                person_of(commitment: &IdentityCommitment) -> Option<PersonId>,
                decisions_since(after: u64, limit: u32) -> Vec<DecisionRecord>,
                decision(id: DecisionId) -> Option<DecisionRecord>,
                next_person() -> PersonId,
                keyring() -> Option<Vec<u8>>,
                decisions_of(person: PersonId, since: u64, limit: u32) -> Vec<DecisionRecord>,
            }
            reads! { @each desk |$self| $connection, $place;
                saved_tree() -> Option<Sequence>,
                tree_page(page: TreePage) -> Option<Vec<u8>>,
                recovery(id: RecoveryId) -> Option<RecoveryRecord>,
                pending_recoveries() -> Vec<RecoveryRecord>,
                review(id: ReviewId) -> Option<ReviewRecord>,
                reviews_since(after: u64, limit: u32) -> Vec<ReviewRecord>,
                exceptions_of(person: PersonId) -> Vec<PersonId>,
                operators() -> Vec<OperatorRecord>,
                stations() -> Vec<StationRecord>,
            }

            fn disk_bytes(&$self) -> Result<Option<u64>, StoreError> {
                $bytes
            }
        }
    };
    (@each $rows:ident |$self:ident| $connection:expr, $place:expr;
     $($name:ident($($argument:ident: $kind:ty),*) -> $answer:ty,)*) => {
        $(
            fn $name(&$self $(, $argument: $kind)*) -> Result<$answer, StoreError> {
                $rows::$name($connection $(, $argument)*).map_err(|fault| $place.explain(fault))
            }
        )*
    };
}

reads!(SqliteStore, |self| &self.file.connection, self.file.place, self.file.disk_bytes().map(Some));
reads!(SqliteTransaction<'_>, |self| &self.transaction, self.place, Ok(Some(self.bytes)));

impl Store for SqliteStore {
    type Transaction<'a> = SqliteTransaction<'a>;

    fn begin(&mut self) -> Result<SqliteTransaction<'_>, StoreError> {
        if self.access == Access::ReadOnly {
            return Err(self.file.place.read_only("it was opened for reading"));
        }
        let bytes = self.file.disk_bytes()?;
        let place = self.file.place.clone();
        // IMMEDIATE takes the writer's lock now. A deferred transaction would take it at the first INSERT,
        // after its reads, and then fail if anybody had written in between.
        match self.file.connection.transaction_with_behavior(TransactionBehavior::Immediate) {
            Ok(transaction) => Ok(SqliteTransaction { transaction, place, bytes }),
            Err(error) => Err(place.explain(error.into())),
        }
    }

    /// Copies the log into the file, where `secure_delete` has zeroed what was deleted, and cuts the log to nothing.
    fn scrub(&mut self) -> Result<(), StoreError> {
        let busy: bool = self
            .file
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .map_err(|error| self.file.place.explain(error.into()))?;
        if busy { Err(StoreError::Busy { waited: self.file.place.patience }) } else { Ok(()) }
    }
}

/// The only writer of a [`SqliteStore`]'s file.
#[derive(Debug)]
pub struct SqliteTransaction<'a> {
    // Rolls back when it is dropped.
    transaction: Transaction<'a>,
    place: Place,
    bytes: u64,
}

impl SqliteTransaction<'_> {
    /// Runs several statements so that all of them count or none, whatever the caller does after an error.
    fn write<T>(&mut self, work: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, StoreError> {
        // A full or failing disk makes SQLite roll back the whole transaction by itself. Statements after that
        // would each be a transaction of their own.
        if self.transaction.is_autocommit() {
            return Err(self
                .place
                .explain(StoreError::Conflict { detail: "the transaction has failed".into() }.into()));
        }
        let written = self.transaction.savepoint().map_err(Fault::from).and_then(|savepoint| {
            let done = work(&savepoint)?;
            savepoint.commit()?;
            Ok(done)
        });
        written.map_err(|fault| self.place.explain(fault))
    }
}

impl WriteTransaction for SqliteTransaction<'_> {
    fn initialise(&mut self, genesis: &Genesis) -> Result<PolicyId, StoreError> {
        self.write(|connection| rows::initialise(connection, genesis))
    }

    fn insert_person(&mut self, person: NewPerson<'_>) -> Result<Inserted, StoreError> {
        self.write(|connection| rows::insert_person(connection, &person))
    }

    fn change_person(&mut self, change: PersonChange<'_>) -> Result<Inserted, StoreError> {
        self.write(|connection| rows::change_person(connection, &change))
    }

    fn adopt_policy(&mut self, policy: NewPolicy<'_>) -> Result<PolicyId, StoreError> {
        self.write(|connection| rows::adopt_policy(connection, &policy))
    }

    fn insert_decision(&mut self, decision: &NewDecision<'_>) -> Result<DecisionId, StoreError> {
        self.write(|connection| rows::insert_decision(connection, decision))
    }

    fn set_keyring(&mut self, keyring: &[u8]) -> Result<(), StoreError> {
        self.write(|connection| rows::set_keyring(connection, keyring))
    }

    fn replace_records(&mut self, person: PersonId, templates: TemplatePair) -> Result<(), StoreError> {
        self.write(|connection| rows::replace_records(connection, person, &templates))
    }

    fn save_tree(&mut self, sequence: Sequence, pages: &[(TreePage, Vec<u8>)]) -> Result<(), StoreError> {
        self.write(|connection| desk::save_tree(connection, sequence, pages))
    }

    fn open_recovery(&mut self, recovery: &NewRecovery) -> Result<RecoveryId, StoreError> {
        self.write(|connection| desk::open_recovery(connection, recovery))
    }

    fn close_recovery(&mut self, id: RecoveryId, completed: bool) -> Result<(), StoreError> {
        self.write(|connection| desk::close_recovery(connection, id, completed))
    }

    fn open_review(&mut self, review: NewReview) -> Result<ReviewId, StoreError> {
        self.write(|connection| desk::open_review(connection, &review))
    }

    fn vote(&mut self, id: ReviewId, vote: &ReviewVote) -> Result<(), StoreError> {
        self.write(|connection| desk::vote(connection, id, vote))
    }

    fn step_review(&mut self, id: ReviewId, step: ReviewStep) -> Result<(), StoreError> {
        self.write(|connection| desk::step_review(connection, id, step))
    }

    fn insert_exception(&mut self, person: PersonId, other: PersonId, review: ReviewId) -> Result<(), StoreError> {
        self.write(|connection| desk::insert_exception(connection, person, other, review))
    }

    fn put_operator(&mut self, operator: &OperatorRecord) -> Result<(), StoreError> {
        self.write(|connection| desk::put_operator(connection, operator))
    }

    fn put_station(&mut self, station: &StationRecord) -> Result<(), StoreError> {
        self.write(|connection| desk::put_station(connection, station))
    }

    fn insert_challenge(&mut self, challenge: &[u8; 32], expires_at: u64) -> Result<(), StoreError> {
        self.write(|connection| desk::insert_challenge(connection, challenge, expires_at))
    }

    fn take_challenge(&mut self, challenge: &[u8; 32]) -> Result<Option<u64>, StoreError> {
        self.write(|connection| desk::take_challenge(connection, challenge))
    }

    fn forget_challenges(&mut self, before: u64) -> Result<(), StoreError> {
        self.write(|connection| desk::forget_challenges(connection, before))
    }

    fn commit(self) -> Result<(), StoreError> {
        self.transaction.commit().map_err(|error| self.place.explain(error.into()))
    }
}
