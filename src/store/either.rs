//! A store that is one of two kinds, for programs that learn at run time which one it is.

use super::{
    Census, ChangeRecord, DecisionId, DecisionRecord, Genesis, Inserted, NewDecision, NewPerson, NewPolicy,
    NewRecovery, NewReview, OperatorRecord, PersonChange, PersonId, PersonRecord, PolicyId, PolicyRecord, ReadStore,
    RecoveryId, RecoveryRecord, ReviewId, ReviewRecord, ReviewStep, ReviewVote, RootRecord, Sequence, StationRecord,
    Store, StoreError, TemplatePair, WriteTransaction,
};
use crate::identity::IdentityCommitment;
use crate::tree::TreePage;

/// One of two stores, or a transaction of one of the two.
#[derive(Debug)]
pub enum EitherStore<A, B> {
    /// The one.
    One(A),
    /// The other.
    Other(B),
}

/// Passes a call on to whichever it is.
macro_rules! pass {
    ($self:ident, $name:ident($($argument:ident),*)) => {
        match $self {
            EitherStore::One(store) => store.$name($($argument),*),
            EitherStore::Other(store) => store.$name($($argument),*),
        }
    };
}

macro_rules! reads {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $answer:ty,)*) => {
        impl<A: ReadStore, B: ReadStore> ReadStore for EitherStore<A, B> {
            $(
                fn $name(&self $(, $argument: $kind)*) -> Result<$answer, StoreError> {
                    pass!(self, $name($($argument),*))
                }
            )*
        }
    };
}

reads! {
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
    decisions_of(person: PersonId, since: u64, limit: u32) -> Vec<DecisionRecord>,
    next_person() -> PersonId,
    keyring() -> Option<Vec<u8>>,
    saved_tree() -> Option<Sequence>,
    tree_page(page: TreePage) -> Option<Vec<u8>>,
    recovery(id: RecoveryId) -> Option<RecoveryRecord>,
    pending_recoveries() -> Vec<RecoveryRecord>,
    review(id: ReviewId) -> Option<ReviewRecord>,
    reviews_since(after: u64, limit: u32) -> Vec<ReviewRecord>,
    exceptions_of(person: PersonId) -> Vec<PersonId>,
    operators() -> Vec<OperatorRecord>,
    stations() -> Vec<StationRecord>,
    disk_bytes() -> Option<u64>,
}

macro_rules! writes {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $answer:ty,)*) => {
        impl<A: WriteTransaction, B: WriteTransaction> WriteTransaction for EitherStore<A, B> {
            $(
                fn $name(&mut self $(, $argument: $kind)*) -> Result<$answer, StoreError> {
                    pass!(self, $name($($argument),*))
                }
            )*

            fn commit(self) -> Result<(), StoreError> {
                pass!(self, commit())
            }
        }
    };
}

writes! {
    initialise(genesis: &Genesis) -> PolicyId,
    insert_person(person: NewPerson<'_>) -> Inserted,
    change_person(change: PersonChange<'_>) -> Inserted,
    adopt_policy(policy: NewPolicy<'_>) -> PolicyId,
    insert_decision(decision: &NewDecision<'_>) -> DecisionId,
    set_keyring(keyring: &[u8]) -> (),
    replace_records(person: PersonId, templates: TemplatePair) -> (),
    save_tree(sequence: Sequence, pages: &[(TreePage, Vec<u8>)]) -> (),
    open_recovery(recovery: &NewRecovery) -> RecoveryId,
    close_recovery(id: RecoveryId, completed: bool) -> (),
    open_review(review: NewReview) -> ReviewId,
    vote(id: ReviewId, vote: &ReviewVote) -> (),
    step_review(id: ReviewId, step: ReviewStep) -> (),
    insert_exception(person: PersonId, other: PersonId, review: ReviewId) -> (),
    put_operator(operator: &OperatorRecord) -> (),
    put_station(station: &StationRecord) -> (),
    insert_challenge(challenge: &[u8; 32], expires_at: u64) -> (),
    take_challenge(challenge: &[u8; 32]) -> Option<u64>,
    forget_challenges(before: u64) -> (),
}

impl<A: Store, B: Store> Store for EitherStore<A, B> {
    type Transaction<'a>
        = EitherStore<A::Transaction<'a>, B::Transaction<'a>>
    where
        Self: 'a;

    fn begin(&mut self) -> Result<Self::Transaction<'_>, StoreError> {
        Ok(match self {
            Self::One(store) => EitherStore::One(store.begin()?),
            Self::Other(store) => EitherStore::Other(store.begin()?),
        })
    }

    fn scrub(&mut self) -> Result<(), StoreError> {
        pass!(self, scrub())
    }
}
