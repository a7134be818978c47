//! Durability: one writer, all or nothing, and nothing acknowledged that is not on the disk.
//!
//! A [`Store`] keeps what a registry cannot recompute: who is enrolled with which templates, which leaf
//! each person has, everything that happened to them ([`Change`]), every root the tree ever had, and every decision that
//! was taken. It knows nothing of distances or trees; [`Registry`](crate::registry::Registry) gives the rows their meaning.
//!
//! | | [`SqliteStore`] | `PostgresStore` (feature `postgres`) | [`MemoryStore`] |
//! |---|---|---|---|
//! | lives in | one file, mode 0600, with a write-ahead log | a schema of a PostgreSQL database | this process |
//! | survives `kill -9`, power loss | yes (`synchronous=FULL`) | yes (a server with `fsync` off is refused) | no |
//! | shared between | processes | machines | threads, by [`Clone`] |
//!
//! All pass one conformance suite. [`SqliteNullifiers`] and `PostgresNullifiers` are the other side's stores: the nullifiers
//! that a relying party has accepted.
//!
//! # One writer
//!
//! [`Store::begin`] waits until nobody else writes, and from then on the transaction sees the newest state
//! and keeps everybody else from changing it. That is what makes *check, then insert* safe between
//! processes: whoever begins second sees what the first has stored. Dropping a transaction undoes it.
//!
//! # Why `rusqlite` and `postgres`, and not an asynchronous driver
//!
//! The check-and-insert is one synchronous transaction of a single writer around a search that keeps the
//! processor busy. There is nothing to wait for concurrently, so an asynchronous runtime inside a library
//! would only force itself on callers. A service runs the registry on a thread of its own.
//!
//! # What is stored in clear
//!
//! A store keeps the records that it is given. [`SealedStore`] around any of them seals every template under a key of its
//! own on the way in and opens it on the way out ([`vault`](crate::vault)). Without it, and in registries that an earlier
//! release made, templates are **in clear** (record format 1, see [`TemplateRecord`]): whoever can read the file can compare its
//! eyes with other eyes. Numbers, dates, commitments and decisions are in clear in both. The file has mode 0600 and the
//! store refuses wider ones.

mod change;
mod desk;
mod either;
mod error;
mod memory;
mod nullifiers;
#[cfg(feature = "postgres")]
mod postgres;
mod record;
mod sealed;
mod sqlite;

pub use change::{Change, PersonChange, PersonStatus, PersonStep};
pub use desk::{
    NewRecovery, NewReview, OperatorRecord, RecoveryRecord, RecoveryState, ReviewRecord, ReviewStep, ReviewVerdict,
    ReviewVote, Role, StationRecord,
};
pub use either::EitherStore;
pub use error::StoreError;
pub use memory::MemoryStore;
pub use nullifiers::{Recorded, SharedNullifiers, SqliteNullifiers};
#[cfg(feature = "postgres")]
pub use postgres::{PostgresAddress, PostgresNullifiers, PostgresOptions, PostgresStore, PostgresTransaction};
pub use record::{RecordError, TemplateRecord};
pub use sealed::{Resealed, SealedStore, SealedTransaction, SharedKeyService};
pub use sqlite::{SqliteOptions, SqliteStore};

use core::fmt;

use crate::identity::{Credential, IdentityCommitment, Leaf};
use crate::iris::EyeSide;
use crate::tree::{LeafIndex, MerkleRoot, TreePage};

/// The largest number that a store keeps: SQLite's integers are signed.
const LARGEST: u64 = i64::MAX as u64;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(serde::Serialize)]
        pub struct $name(u64);

        impl $name {
            /// Accepts a number from outside.
            ///
            /// # Errors
            ///
            /// [`StoreError::OutOfRange`] above 2^63 - 1.
            pub const fn new(value: u64) -> Result<Self, StoreError> {
                if value > LARGEST {
                    return Err(StoreError::OutOfRange { what: $what, value, limit: LARGEST });
                }
                Ok(Self(value))
            }

            /// The number.
            #[must_use]
            pub const fn as_u64(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(
    /// One enrolled person, numbered 1, 2, …; never reused.
    PersonId,
    "person"
);
number!(
    /// The place of a change in the order of all changes: 1, 2, … without gaps. Zero is before all.
    Sequence,
    "sequence"
);
number!(
    /// One decision, numbered 1, 2, …
    DecisionId,
    "decision"
);
number!(
    /// One version of the policy, numbered 1, 2, …; the newest is in force.
    PolicyId,
    "policy"
);

number!(
    /// One recovery, numbered 1, 2, …
    RecoveryId,
    "recovery"
);
number!(
    /// One duplicate that people decide about, numbered 1, 2, …
    ReviewId,
    "review"
);

impl From<u32> for PersonId {
    fn from(number: u32) -> Self {
        Self(u64::from(number))
    }
}

impl Sequence {
    /// Before the first change.
    pub const START: Self = Self(0);
}

/// What a registry is from its first moment on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// When the registry was created, Unix seconds.
    pub created_at: u64,
    /// Children of each inner node of the tree.
    pub tree_arity: u8,
    /// Levels of the tree.
    pub tree_depth: u8,
    /// The first policy, as the registry writes it (JSON).
    pub policy: String,
}

/// The policy in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRecord {
    /// Its number; decisions name it.
    pub id: PolicyId,
    /// Since when it is in force, Unix seconds.
    pub adopted_at: u64,
    /// As the registry wrote it (JSON).
    pub document: String,
}

/// A leaf of the tree and what it commits to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeafRecord {
    /// Its place in the tree.
    pub index: LeafIndex,
    /// The holder's commitment, unique in the store.
    pub commitment: IdentityCommitment,
    /// What the registry certifies.
    pub credential: Credential,
    /// Hash of the two, kept so that reopening hashes inner nodes only.
    pub leaf: Leaf,
}

/// Both templates of a person; at least one is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TemplatePair {
    /// The left eye's.
    pub left: Option<TemplateRecord>,
    /// The right eye's.
    pub right: Option<TemplateRecord>,
}

impl TemplatePair {
    /// The template of one eye.
    #[must_use]
    pub const fn of(&self, eye: EyeSide) -> Option<&TemplateRecord> {
        match eye {
            EyeSide::Left => self.left.as_ref(),
            EyeSide::Right => self.right.as_ref(),
        }
    }
}

impl TemplatePair {
    const fn of_mut(&mut self, eye: EyeSide) -> &mut Option<TemplateRecord> {
        match eye {
            EyeSide::Left => &mut self.left,
            EyeSide::Right => &mut self.right,
        }
    }

    fn same_eyes(&self, other: &Self) -> bool {
        EyeSide::BOTH.iter().all(|eye| self.of(*eye).is_some() == other.of(*eye).is_some())
    }
}

/// What a store says to records of eyes that a person does not have.
fn other_eyes(person: PersonId) -> StoreError {
    StoreError::Conflict { detail: format!("person {person} does not have these eyes") }
}

/// A person, as they are now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonRecord {
    /// Their number.
    pub person: PersonId,
    /// When they were enrolled, Unix seconds.
    pub enrolled_at: u64,
    /// How they stand.
    pub status: PersonStatus,
    /// How many captures were taken in: 1 at enrolment, one more with each refreshing. Both templates are of this version.
    pub template_version: u32,
    /// Their eyes; none once they are erased.
    pub templates: TemplatePair,
    /// Their leaf, which is in the tree while they are active; none once they are erased.
    pub leaf: Option<LeafRecord>,
}

/// One step in the life of a registry, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRecord {
    /// Its place in the order.
    pub sequence: Sequence,
    /// What happened.
    pub change: Change,
    /// The decision behind it.
    pub decision: DecisionId,
    /// The root afterwards.
    pub root: RootRecord,
}

/// How many people stand how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Census {
    /// Those whose leaf is in the tree.
    pub active: u64,
    /// Those whose leaf is out of the tree for a time.
    pub suspended: u64,
    /// Those whose leaf is out of the tree for good.
    pub revoked: u64,
    /// Those of whom nothing is left but a number.
    pub erased: u64,
}

/// A root that the tree had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootRecord {
    /// The change that made it.
    pub sequence: Sequence,
    /// The root.
    pub root: MerkleRoot,
    /// Leaves in the tree under it.
    pub leaves: u64,
    /// When it became current, Unix seconds.
    pub at: u64,
}

/// A person to insert, with everything that becomes true at the same moment.
#[derive(Debug)]
pub struct NewPerson<'a> {
    /// When, Unix seconds.
    pub at: u64,
    /// Their eyes.
    pub templates: TemplatePair,
    /// Their leaf, at the next free place.
    pub leaf: LeafRecord,
    /// The root of the tree with this leaf.
    pub root: MerkleRoot,
    /// When that root becomes current, Unix seconds; not before the one that it replaces did.
    pub root_at: u64,
    /// Why they were let in; the store fills in the person.
    pub decision: NewDecision<'a>,
}

impl NewPerson<'_> {
    /// The rules that every store holds before it inserts; `leaves` are in the tree, and `taken` has the
    /// commitment already.
    fn check(&self, leaves: u64, taken: Option<PersonId>) -> Result<(), StoreError> {
        let detail = if let Some(person) = taken {
            format!("the commitment is person {person}'s")
        } else if u64::from(self.leaf.index.as_u32()) != leaves {
            format!("leaf {} is not the next one, {leaves}", self.leaf.index.as_u32())
        } else if self.templates.left.is_none() && self.templates.right.is_none() {
            "a person has at least one eye".to_owned()
        } else {
            return Ok(());
        };
        Err(StoreError::Conflict { detail })
    }
}

/// A policy that shall be in force from now on.
#[derive(Debug)]
pub struct NewPolicy<'a> {
    /// As the registry writes it (JSON).
    pub document: &'a str,
    /// The root of the tree, which stays.
    pub root: MerkleRoot,
    /// Since when that root is current, Unix seconds.
    pub root_at: u64,
    /// Why.
    pub decision: NewDecision<'a>,
}

/// What an insertion was numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inserted {
    /// The new person.
    pub person: PersonId,
    /// The change.
    pub sequence: Sequence,
    /// The decision.
    pub decision: DecisionId,
}

/// A decision to record. It holds no template and no secret.
#[derive(Clone, Copy, Debug)]
pub struct NewDecision<'a> {
    /// When, Unix seconds.
    pub at: u64,
    /// Who asked: an operator or a station, in the deployment's own words.
    pub operator: &'a str,
    /// What was decided about, for example "enrol".
    pub action: &'a str,
    /// How, for example "accepted" or the code of the refusal.
    pub outcome: &'a str,
    /// About whom, where that is known.
    pub person: Option<PersonId>,
    /// Under which policy.
    pub policy: PolicyId,
    /// By which software.
    pub software: &'a str,
    /// Distances and limits (JSON, written by the registry).
    pub details: &'a str,
}

/// A decision that was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionRecord {
    /// Its number.
    pub id: DecisionId,
    /// When, Unix seconds.
    pub at: u64,
    /// Who asked.
    pub operator: String,
    /// What was decided about.
    pub action: String,
    /// How.
    pub outcome: String,
    /// About whom.
    pub person: Option<PersonId>,
    /// Under which policy.
    pub policy: PolicyId,
    /// By which software.
    pub software: String,
    /// Distances and limits (JSON).
    pub details: String,
}

/// Reading, from a store (the last committed state) or from a transaction (that, and its own writes).
pub trait ReadStore {
    /// What the registry was created as; `None` before it was.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as for every other method here: the machine failed, or the rows are damaged.
    fn genesis(&self) -> Result<Option<Genesis>, StoreError>;

    /// The policy in force; `None` before the registry was created.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn policy(&self) -> Result<Option<PolicyRecord>, StoreError>;

    /// The policy of this number, in force or not.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn policy_of(&self, id: PolicyId) -> Result<Option<PolicyRecord>, StoreError>;

    /// Up to `limit` changes after `after`, in order; empty when there are none.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn changes_since(&self, after: Sequence, limit: u32) -> Result<Vec<ChangeRecord>, StoreError>;

    /// Every change about one person, in order.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn changes_of(&self, person: PersonId) -> Result<Vec<ChangeRecord>, StoreError>;

    /// Up to `limit` roots after `after`, in order, without what happened.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn roots_since(&self, after: Sequence, limit: u32) -> Result<Vec<RootRecord>, StoreError>;

    /// The newest change, or [`Sequence::START`].
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn head(&self) -> Result<Sequence, StoreError>;

    /// One person.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn person(&self, person: PersonId) -> Result<Option<PersonRecord>, StoreError>;

    /// Up to `limit` people with numbers above `after` (zero for all), by number, the erased ones included.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn people_since(&self, after: u64, limit: u32) -> Result<Vec<PersonRecord>, StoreError>;

    /// How many people stand how.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn census(&self) -> Result<Census, StoreError>;

    /// Whose commitment this is, or was before they recovered with another one.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn person_of(&self, commitment: &IdentityCommitment) -> Result<Option<PersonId>, StoreError>;

    /// Up to `limit` decisions after number `after` (zero for all), in order.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn decisions_since(&self, after: u64, limit: u32) -> Result<Vec<DecisionRecord>, StoreError>;

    /// One decision.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn decision(&self, id: DecisionId) -> Result<Option<DecisionRecord>, StoreError>;

    /// Up to `limit` decisions about one person that were taken at `since` or later, the newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn decisions_of(&self, person: PersonId, since: u64, limit: u32) -> Result<Vec<DecisionRecord>, StoreError>;

    /// The number that the next person gets.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn next_person(&self) -> Result<PersonId, StoreError>;

    /// The keyring as it was put in, [`vault::Keyring::to_bytes`](crate::vault::Keyring::to_bytes); none where templates are in clear.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn keyring(&self) -> Result<Option<Vec<u8>>, StoreError>;

    /// After which change the tree was saved, if it was. A store may keep none: the tree follows from the changes.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn saved_tree(&self) -> Result<Option<Sequence>, StoreError> {
        Ok(None)
    }

    /// A page of the saved tree.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn tree_page(&self, page: TreePage) -> Result<Option<Vec<u8>>, StoreError> {
        let _ = page;
        Ok(None)
    }

    /// One recovery.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn recovery(&self, id: RecoveryId) -> Result<Option<RecoveryRecord>, StoreError>;

    /// The recoveries that wait for their time, by number.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn pending_recoveries(&self) -> Result<Vec<RecoveryRecord>, StoreError>;

    /// One review, with its votes.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn review(&self, id: ReviewId) -> Result<Option<ReviewRecord>, StoreError>;

    /// Up to `limit` reviews with numbers above `after` (zero for all), by number.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn reviews_since(&self, after: u64, limit: u32) -> Result<Vec<ReviewRecord>, StoreError>;

    /// The people whose eyes match this person's and who were found to be others, by number.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn exceptions_of(&self, person: PersonId) -> Result<Vec<PersonId>, StoreError>;

    /// Everybody who may or might do something, by name.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn operators(&self) -> Result<Vec<OperatorRecord>, StoreError>;

    /// Every station that is or was known, by name.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn stations(&self) -> Result<Vec<StationRecord>, StoreError>;

    /// Bytes that the store takes on its disk, write-ahead log included; `None` if it has no disk.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    fn disk_bytes(&self) -> Result<Option<u64>, StoreError>;
}

/// The only writer, until it is committed or dropped. Dropping undoes everything.
pub trait WriteTransaction: ReadStore {
    /// Makes the store a registry.
    ///
    /// # Errors
    ///
    /// [`StoreError::AlreadyInitialised`] the second time; others as for reading.
    fn initialise(&mut self, genesis: &Genesis) -> Result<PolicyId, StoreError>;

    /// Adds a person: templates, leaf, root, decision.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotInitialised`], [`StoreError::Conflict`] if the commitment is taken, the leaf is not
    /// the next one or the person has no eye, [`StoreError::Full`] and the other failures of a disk.
    fn insert_person(&mut self, person: NewPerson<'_>) -> Result<Inserted, StoreError>;

    /// Takes a step in the life of a person.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotInitialised`], [`StoreError::Conflict`] if there is no such person, the step is not possible as they
    /// stand, or a new leaf is not the next one or its commitment taken; and the failures of a disk.
    fn change_person(&mut self, change: PersonChange<'_>) -> Result<Inserted, StoreError>;

    /// Puts another policy in force; the earlier ones stay readable.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotInitialised`], and the failures of a disk.
    fn adopt_policy(&mut self, policy: NewPolicy<'_>) -> Result<PolicyId, StoreError>;

    /// Adds a decision that changed nothing else.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotInitialised`], [`StoreError::Conflict`] if the policy or the person does not exist,
    /// and the failures of a disk.
    fn insert_decision(&mut self, decision: &NewDecision<'_>) -> Result<DecisionId, StoreError>;

    /// Puts this keyring in the place of the one that is there.
    ///
    /// # Errors
    ///
    /// The failures of a disk.
    fn set_keyring(&mut self, keyring: &[u8]) -> Result<(), StoreError>;

    /// Keeps a person's templates in another form: the same templates, sealed with other keys. It is no step in their life.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] unless the person has exactly these eyes, and the failures of a disk.
    fn replace_records(&mut self, person: PersonId, templates: TemplatePair) -> Result<(), StoreError>;

    /// Saves the tree as it is after change `sequence`: these pages replace the earlier ones, the others hold still.
    ///
    /// # Errors
    ///
    /// The failures of a disk.
    fn save_tree(&mut self, sequence: Sequence, pages: &[(TreePage, Vec<u8>)]) -> Result<(), StoreError> {
        let _ = (sequence, pages);
        Ok(())
    }

    /// Lets a recovery wait for its time.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] if the person or the commitment has a pending one, or the person or the decision does not
    /// exist; and the failures of a disk.
    fn open_recovery(&mut self, recovery: &NewRecovery) -> Result<RecoveryId, StoreError>;

    /// Ends a pending recovery: completed (the person's change comes with it) or cancelled. Its commitment goes.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] if it is not pending; and the failures of a disk.
    fn close_recovery(&mut self, id: RecoveryId, completed: bool) -> Result<(), StoreError>;

    /// Puts a duplicate before people.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] if the decision does not exist; and the failures of a disk.
    fn open_review(&mut self, review: NewReview) -> Result<ReviewId, StoreError>;

    /// Adds an opinion to an open review.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] if the review is not open in this round, or the operator has an opinion in it; and the
    /// failures of a disk.
    fn vote(&mut self, id: ReviewId, vote: &ReviewVote) -> Result<(), StoreError>;

    /// Closes, reopens or forgets a review.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] if it does not stand so; and the failures of a disk.
    fn step_review(&mut self, id: ReviewId, step: ReviewStep) -> Result<(), StoreError>;

    /// Records that a review found two people whose eyes match.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] if it is recorded, or one of the three does not exist; and the failures of a disk.
    fn insert_exception(&mut self, person: PersonId, other: PersonId, review: ReviewId) -> Result<(), StoreError>;

    /// Adds an operator, or replaces the one of this name.
    ///
    /// # Errors
    ///
    /// The failures of a disk.
    fn put_operator(&mut self, operator: &OperatorRecord) -> Result<(), StoreError>;

    /// Adds a station, or replaces the one of this name.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] if another station has its key; and the failures of a disk.
    fn put_station(&mut self, station: &StationRecord) -> Result<(), StoreError>;

    /// Remembers a challenge that was given out.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] if it was before; and the failures of a disk.
    fn insert_challenge(&mut self, challenge: &[u8; 32], expires_at: u64) -> Result<(), StoreError>;

    /// Takes a challenge back, so that it is used once; says until when it was good, or that nobody knows it.
    ///
    /// # Errors
    ///
    /// The failures of a disk.
    fn take_challenge(&mut self, challenge: &[u8; 32]) -> Result<Option<u64>, StoreError>;

    /// Forgets the challenges that were good until before this time.
    ///
    /// # Errors
    ///
    /// The failures of a disk.
    fn forget_challenges(&mut self, before: u64) -> Result<(), StoreError>;

    /// Makes everything permanent. It is on the disk when this returns `Ok`.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: nothing may be acknowledged. After a failing disk the transaction may nevertheless be
    /// found there, whole, by the next reader.
    fn commit(self) -> Result<(), StoreError>;
}

/// A place where a registry lives.
pub trait Store: ReadStore {
    /// The writer's guard.
    type Transaction<'a>: WriteTransaction
    where
        Self: 'a;

    /// Waits for the right to write, then holds it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`] if others keep writing for longer than the store's patience,
    /// [`StoreError::ReadOnly`] if this store was opened for reading.
    fn begin(&mut self) -> Result<Self::Transaction<'_>, StoreError>;

    /// Makes the store's own files forget what was deleted: rows that are gone may still lie in a log of earlier pages.
    ///
    /// It is no transaction: what was deleted is deleted, with or without it. A disk keeps old blocks where no program
    /// reaches them; that is what destroying keys is for.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`] if somebody still reads the log: ask again later.
    fn scrub(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}
