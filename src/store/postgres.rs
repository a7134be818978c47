//! The registry's store, and the relying party's, in a PostgreSQL database.

mod address;
mod database;
mod driver;
mod nullifiers;

// The rows are written down once: see the head of the file.
#[expect(clippy::duplicate_mod, reason = "one text for two drivers, so that rows mean the same in both")]
#[path = "sqlite/desk.rs"]
mod desk;
#[expect(clippy::duplicate_mod, reason = "one text for two drivers, so that rows mean the same in both")]
#[path = "sqlite/rows.rs"]
mod rows;

pub use address::PostgresAddress;
pub use database::PostgresOptions;
pub use nullifiers::PostgresNullifiers;

use database::{Access, Database, Fault, Kind};
use driver::Connection;

use super::{
    Census, ChangeRecord, DecisionId, DecisionRecord, Genesis, Inserted, NewDecision, NewPerson, NewPolicy,
    NewRecovery, NewReview, OperatorRecord, PersonChange, PersonId, PersonRecord, PolicyId, PolicyRecord, ReadStore,
    RecoveryId, RecoveryRecord, ReviewId, ReviewRecord, ReviewStep, ReviewVote, RootRecord, Sequence, StationRecord,
    Store, StoreError, TemplatePair, WriteTransaction,
};
use crate::identity::IdentityCommitment;
use crate::tree::TreePage;

static REGISTRY: Kind = Kind {
    name: "personhood registry",
    schema: "personhood_registry",
    migrations: &[include_str!("migrations/postgres/registry/0001_begin.sql")],
};

/// A registry's store in the schema `personhood_registry` of a PostgreSQL database.
///
/// Any number of processes on any number of machines may have it open; one writes at a time. Every writer first takes the
/// one row of the table `format`, and from then on sees the newest state: whoever begins second sees what the first has
/// stored. What is committed is on the server's disk; a server with `fsync` or `full_page_writes` off is refused.
///
/// A connection that was lost is made again at the next question or transaction. A transaction that it was lost in never
/// was, unless it was lost during [`commit`](WriteTransaction::commit): then nobody may report success, and whoever asks next
/// sees all of it or nothing.
///
/// It waits for its server, so a thread that drives an asynchronous runtime must not call it.
#[derive(Debug)]
pub struct PostgresStore {
    database: Database,
}

impl PostgresStore {
    /// Makes a new, empty store in a database that is there and has none.
    ///
    /// # Errors
    ///
    /// [`StoreError::AlreadyExists`] if the database has the schema; [`StoreError::NotFound`] if there is no such database;
    /// [`StoreError::Unreachable`], [`StoreError::ReadOnly`] if the role may not make a schema there,
    /// [`StoreError::NotDurable`], [`StoreError::Full`].
    pub fn create(address: &PostgresAddress) -> Result<Self, StoreError> {
        Self::create_with(address, &PostgresOptions::default())
    }

    /// As [`create`](Self::create), with options.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn create_with(address: &PostgresAddress, options: &PostgresOptions) -> Result<Self, StoreError> {
        Ok(Self { database: Database::create(address, &REGISTRY, options)? })
    }

    /// Opens a store, and migrates it if an older release wrote it.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`], [`StoreError::WrongKind`], [`StoreError::NewerFormat`], [`StoreError::Unreachable`],
    /// [`StoreError::ReadOnly`], [`StoreError::NotDurable`].
    pub fn open(address: &PostgresAddress) -> Result<Self, StoreError> {
        Self::open_with(address, &PostgresOptions::default())
    }

    /// As [`open`](Self::open), with options.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_with(address: &PostgresAddress, options: &PostgresOptions) -> Result<Self, StoreError> {
        Ok(Self { database: Database::open(address, &REGISTRY, options, Access::ReadWrite)? })
    }

    /// Opens a store, or makes it if there is none; several processes may do so at the same moment.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open) and [`create`](Self::create).
    pub fn open_or_create(address: &PostgresAddress) -> Result<Self, StoreError> {
        Ok(Self { database: Database::open_or_create(address, &REGISTRY, &PostgresOptions::default())? })
    }

    /// Opens a store for reading; [`begin`](Store::begin) then refuses.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and [`StoreError::OlderFormat`] instead of a migration.
    pub fn open_read_only(address: &PostgresAddress) -> Result<Self, StoreError> {
        let options = PostgresOptions::default();
        Ok(Self { database: Database::open(address, &REGISTRY, &options, Access::ReadOnly)? })
    }
}

/// The questions of [`ReadStore`], asked through `$ask`.
macro_rules! reads {
    ($store:ty) => {
        impl ReadStore for $store {
            reads! { @each rows;
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
            reads! { @each desk;
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

            fn disk_bytes(&self) -> Result<Option<u64>, StoreError> {
                self.ask(Database::disk_bytes).map(Some)
            }
        }
    };
    (@each $rows:ident; $($name:ident($($argument:ident: $kind:ty),*) -> $answer:ty,)*) => {
        $(
            fn $name(&self $(, $argument: $kind)*) -> Result<$answer, StoreError> {
                self.ask(|connection| $rows::$name(connection $(, $argument)*))
            }
        )*
    };
}

reads!(PostgresStore);
reads!(PostgresTransaction<'_>);

impl PostgresStore {
    fn ask<T>(&self, question: impl Fn(&Connection) -> Result<T, Fault>) -> Result<T, StoreError> {
        self.database.ask(question)
    }
}

impl Store for PostgresStore {
    type Transaction<'a> = PostgresTransaction<'a>;

    fn begin(&mut self) -> Result<PostgresTransaction<'_>, StoreError> {
        self.database.begin()?;
        Ok(PostgresTransaction { database: &self.database, failed: false, open: true })
    }

    /// Writes the tables that hold something about a person anew, without the rows that are gone.
    ///
    /// Nobody reads them meanwhile, and there must be room for a second copy. The server's write-ahead log, its archive and its
    /// replicas are beyond this: what was deleted is in them as long as they are kept.
    fn scrub(&mut self) -> Result<(), StoreError> {
        self.ask(|connection| {
            for table in ["templates", "review_templates", "leaves", "recoveries", "reviews", "keyring", "challenges"] {
                connection.batch(&format!("VACUUM (FULL) {table}"))?;
            }
            Ok(())
        })
    }
}

/// The only writer of a [`PostgresStore`]'s database.
#[derive(Debug)]
pub struct PostgresTransaction<'a> {
    database: &'a Database,
    /// A step could not be undone by itself: the whole must not count.
    failed: bool,
    open: bool,
}

impl PostgresTransaction<'_> {
    /// Asks within the transaction: in its session, or not at all.
    fn ask<T>(&self, question: impl Fn(&Connection) -> Result<T, Fault>) -> Result<T, StoreError> {
        question(&self.database.connection).map_err(|fault| self.database.place.explain(fault))
    }

    /// Runs several statements so that all of them count or none, whatever the caller does after an error.
    fn write<T>(&mut self, work: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, StoreError> {
        if self.failed {
            return Err(StoreError::Conflict { detail: "the transaction has failed".into() });
        }
        let connection = &self.database.connection;
        let written = connection.batch("SAVEPOINT step").map_err(Fault::from).and_then(|()| {
            let done = work(connection)?;
            connection.batch("RELEASE SAVEPOINT step")?;
            Ok(done)
        });
        if written.is_err() {
            self.failed = connection.batch("ROLLBACK TO SAVEPOINT step; RELEASE SAVEPOINT step").is_err();
        }
        written.map_err(|fault| self.database.place.explain(fault))
    }
}

impl Drop for PostgresTransaction<'_> {
    fn drop(&mut self) {
        if self.open {
            self.database.roll_back();
        }
    }
}

impl WriteTransaction for PostgresTransaction<'_> {
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

    fn commit(mut self) -> Result<(), StoreError> {
        if self.failed {
            return Err(StoreError::Conflict { detail: "the transaction has failed".into() });
        }
        self.database.commit()?;
        self.open = false;
        Ok(())
    }
}
