//! What every store promises, what a file may be, and what a disk may do.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use personhood::identity::{Assurance, Credential, Leaf};
use personhood::nullifier::{Nullifier, NullifierError, NullifierStore, Scope};
use personhood::store::{
    Census, Change, DecisionId, DecisionRecord, Genesis, LeafRecord, MemoryStore, NewDecision, NewPerson, NewPolicy,
    NewRecovery, NewReview, OperatorRecord, PersonChange, PersonId, PersonRecord, PersonStatus, PersonStep, PolicyId,
    PolicyRecord, ReadStore, RecordError, Recorded, RecoveryId, RecoveryRecord, RecoveryState, ReviewId, ReviewRecord,
    ReviewStep, ReviewVerdict, ReviewVote, Role, SealedStore, Sequence, SharedKeyService, SharedNullifiers,
    SqliteNullifiers, SqliteOptions, SqliteStore, StationRecord, Store, StoreError, TemplatePair, TemplateRecord,
    WriteTransaction,
};
use personhood::tree::{LeafIndex, MerkleRoot};
use personhood::vault::MasterKey;
use proptest::prelude::*;
use tempfile::TempDir;

use crate::people::{Random, actor, commitment, eye, role};

/// A place in which a store can be opened several times.
trait Ground {
    type Store: Store;

    fn new() -> Self;
    /// Whether there is one on this machine; says so if there is not.
    fn is_there(_test: &str) -> bool {
        true
    }
    /// A store without a registry.
    fn open(&self) -> Self::Store;
}

struct Memory(MemoryStore);

impl Ground for Memory {
    type Store = MemoryStore;

    fn new() -> Self {
        Self(MemoryStore::new().busy_timeout(Duration::from_millis(50)))
    }

    fn open(&self) -> MemoryStore {
        self.0.clone()
    }
}

/// A store whose templates are sealed; what it promises is what the one behind it promises.
struct Sealed<G>(G, SharedKeyService);

impl<G: Ground> Ground for Sealed<G> {
    type Store = SealedStore<G::Store>;

    fn new() -> Self {
        let (ground, key) = (G::new(), Arc::new(MasterKey::generate(&mut rand_core::OsRng)));
        SealedStore::create(ground.open(), vec![key.clone()]).unwrap();
        Self(ground, key)
    }

    fn open(&self) -> Self::Store {
        let store = SealedStore::open(self.0.open(), vec![self.1.clone()]).unwrap();
        assert!(store.vault().is_some());
        store
    }
}

struct Sqlite(TempDir);

impl Sqlite {
    fn file(&self) -> PathBuf {
        self.0.path().join("registry.db")
    }
}

impl Ground for Sqlite {
    type Store = SqliteStore;

    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        SqliteStore::create(folder.path().join("registry.db")).unwrap();
        Self(folder)
    }

    fn open(&self) -> SqliteStore {
        let options = SqliteOptions::default().busy_timeout(Duration::from_millis(50));
        SqliteStore::open_with(self.file(), &options).unwrap()
    }
}

#[cfg(feature = "postgres")]
struct Postgres(crate::postgres::server::Database<'static>);

#[cfg(feature = "postgres")]
impl Ground for Postgres {
    type Store = personhood::store::PostgresStore;

    fn new() -> Self {
        let database = crate::postgres::server::shared("store").unwrap().database();
        drop(personhood::store::PostgresStore::create(&database.address()).unwrap());
        Self(database)
    }

    fn is_there(test: &str) -> bool {
        crate::postgres::server::shared(&format!("store::{test}")).is_some()
    }

    fn open(&self) -> Self::Store {
        let options = personhood::store::PostgresOptions::default().busy_timeout(Duration::from_millis(50));
        personhood::store::PostgresStore::open_with(&self.0.address(), &options).unwrap()
    }
}

fn genesis() -> Genesis {
    Genesis { created_at: 1_000, tree_arity: 8, tree_depth: 10, policy: "{\"rules\":1}".to_owned() }
}

fn policy() -> PolicyId {
    PolicyId::new(1).unwrap()
}

fn person(number: u64) -> PersonId {
    PersonId::new(number).unwrap()
}

fn root(number: u64) -> MerkleRoot {
    MerkleRoot::from_bytes(&commitment(1_000_000 + number).to_bytes()).unwrap()
}

fn decision(number: u64) -> NewDecision<'static> {
    NewDecision {
        at: 2_000 + number,
        operator: "desk 3",
        action: "enrol",
        outcome: "accepted",
        person: None,
        policy: policy(),
        software: "personhood test",
        details: "{}",
    }
}

/// Person number `number`, at leaf `number`; even ones have one eye only.
fn newcomer(number: u64) -> NewPerson<'static> {
    let index = LeafIndex::new(u32::try_from(number).unwrap()).unwrap();
    let commitment = commitment(number);
    let credential = Credential::new(10 + number, 1_000_000, Assurance::BOTH_EYES).unwrap();
    let leaf = Leaf::new(&commitment, &credential);
    let eyes = |seed| Some(TemplateRecord::clear(&eye(seed)));
    let templates = match number % 4 {
        0 => TemplatePair { left: eyes(number), right: None },
        2 => TemplatePair { left: None, right: eyes(number) },
        _ => TemplatePair { left: eyes(number), right: eyes(number + 1_000) },
    };
    NewPerson {
        at: 2_000 + number,
        templates,
        leaf: LeafRecord { index, commitment, credential, leaf },
        root: root(number),
        root_at: 3_000 + number,
        decision: decision(number),
    }
}

fn initialise(store: &mut impl Store) {
    let mut transaction = store.begin().unwrap();
    transaction.initialise(&genesis()).unwrap();
    transaction.commit().unwrap();
}

fn enrol(store: &mut impl Store, numbers: std::ops::Range<u64>) {
    let mut transaction = store.begin().unwrap();
    for number in numbers {
        transaction.insert_person(newcomer(number)).unwrap();
    }
    transaction.commit().unwrap();
}

/// Everything that can be read, to compare two stores or two moments.
#[derive(Clone, Debug, PartialEq)]
struct Everything {
    genesis: Option<Genesis>,
    policy: Option<PolicyRecord>,
    people: Vec<PersonRecord>,
    census: Census,
    changes: Vec<personhood::store::ChangeRecord>,
    roots: Vec<personhood::store::RootRecord>,
    decisions: Vec<DecisionRecord>,
    recoveries: Vec<RecoveryRecord>,
    reviews: Vec<ReviewRecord>,
    operators: Vec<OperatorRecord>,
    stations: Vec<StationRecord>,
    head: Sequence,
}

fn everything(store: &impl ReadStore) -> Everything {
    Everything {
        genesis: store.genesis().unwrap(),
        policy: store.policy().unwrap(),
        people: store.people_since(0, 1_000).unwrap(),
        census: store.census().unwrap(),
        changes: store.changes_since(Sequence::START, 1_000).unwrap(),
        roots: store.roots_since(Sequence::START, 1_000).unwrap(),
        decisions: store.decisions_since(0, 1_000).unwrap(),
        recoveries: store.pending_recoveries().unwrap(),
        reviews: store.reviews_since(0, 1_000).unwrap(),
        operators: store.operators().unwrap(),
        stations: store.stations().unwrap(),
        head: store.head().unwrap(),
    }
}

/// The same tests on every store.
macro_rules! conformance {
    ($($test:ident)*) => {
        mod memory {
            $(#[test] fn $test() { super::$test::<super::Memory>(); })*
        }
        mod sqlite {
            $(#[test] fn $test() { super::$test::<super::Sqlite>(); })*
        }
        mod sealed {
            $(#[test] fn $test() {
                super::$test::<super::Sealed<super::Memory>>();
                super::$test::<super::Sealed<super::Sqlite>>();
            })*
        }
        #[cfg(feature = "postgres")]
        mod postgres {
            use super::Ground as _;

            $(#[test] fn $test() {
                if super::Postgres::is_there(concat!("postgres::", stringify!($test))) {
                    super::$test::<super::Postgres>();
                    super::$test::<super::Sealed<super::Postgres>>();
                }
            })*
        }
    };
}

conformance! {
    an_empty_store_is_empty
    it_is_initialised_once
    what_goes_in_comes_out
    a_dropped_transaction_never_was
    a_panic_in_a_transaction_undoes_it
    a_refused_row_leaves_the_transaction_as_it_was
    a_transaction_sees_itself_and_nobody_else_does
    one_writes_and_the_other_waits
    changes_come_in_order_and_in_pieces
    numbers_beyond_the_store_are_refused
    a_life_has_its_steps
    steps_that_are_not_possible_are_refused
    an_erased_person_leaves_a_number
    a_dropped_transaction_undoes_steps
    policies_follow_one_another
    decisions_are_found_by_number_and_person
    recoveries_wait_once
    reviews_are_decided_in_rounds
    operators_and_stations_are_replaced_by_name
    desks_are_undone_with_the_rest
}

fn an_empty_store_is_empty<G: Ground>() {
    let ground = G::new();
    let mut store = ground.open();
    assert_eq!(
        everything(&store),
        Everything {
            genesis: None,
            policy: None,
            people: vec![],
            census: Census::default(),
            changes: vec![],
            roots: vec![],
            decisions: vec![],
            recoveries: vec![],
            reviews: vec![],
            operators: vec![],
            stations: vec![],
            head: Sequence::START,
        }
    );
    assert_eq!(store.policy().unwrap(), None);
    assert_eq!(store.person(person(1)).unwrap(), None);
    assert_eq!(store.person(person(0)).unwrap(), None);
    assert_eq!(store.person_of(&commitment(1)).unwrap(), None);
    let mut transaction = store.begin().unwrap();
    assert!(matches!(transaction.insert_person(newcomer(0)), Err(StoreError::NotInitialised)));
    assert!(matches!(transaction.insert_decision(&decision(0)), Err(StoreError::NotInitialised)));
}

fn it_is_initialised_once<G: Ground>() {
    let ground = G::new();
    let (mut store, other) = (ground.open(), ground.open());
    let mut transaction = store.begin().unwrap();
    assert_eq!(transaction.initialise(&genesis()).unwrap(), policy());
    drop(transaction);
    assert_eq!(store.genesis().unwrap(), None);

    initialise(&mut store);
    for store in [&store, &other] {
        assert_eq!(store.genesis().unwrap(), Some(genesis()));
        let stored = store.policy().unwrap().unwrap();
        assert_eq!((stored.id, stored.adopted_at, stored.document), (policy(), 1_000, genesis().policy));
    }
    let mut transaction = store.begin().unwrap();
    assert!(matches!(transaction.initialise(&genesis()), Err(StoreError::AlreadyInitialised)));
}

fn what_goes_in_comes_out<G: Ground>() {
    let ground = G::new();
    let mut store = ground.open();
    initialise(&mut store);
    enrol(&mut store, 0..4);
    let mut transaction = store.begin().unwrap();
    let refusal = NewDecision { outcome: "duplicate", person: Some(person(2)), ..decision(9) };
    assert_eq!(transaction.insert_decision(&refusal).unwrap().as_u64(), 5);
    transaction.commit().unwrap();

    let store = ground.open();
    let changes = store.changes_since(Sequence::START, 10).unwrap();
    assert_eq!(changes.len(), 4);
    for (number, change) in (0..).zip(&changes) {
        let expected = newcomer(number);
        let Change::Enrolled { person: id, index, leaf } = change.change else { panic!("{change:?}") };
        assert_eq!((change.sequence.as_u64(), change.decision.as_u64()), (number + 1, number + 1));
        assert_eq!((id, index, leaf), (person(number + 1), expected.leaf.index, expected.leaf.leaf));
        let stored = store.person(id).unwrap().unwrap();
        assert_eq!((stored.person, stored.enrolled_at), (id, expected.at));
        assert_eq!((stored.status, stored.template_version), (PersonStatus::Active, 1));
        assert_eq!(stored.leaf.as_ref(), Some(&expected.leaf));
        assert_eq!(stored.templates, expected.templates);
        assert_eq!(stored.templates.left.is_some(), number != 2);
        assert_eq!((change.root.root, change.root.at), (expected.root, expected.root_at));
        assert_eq!((change.root.leaves, change.root.sequence), (number + 1, change.sequence));
        assert_eq!(store.people_since(number, 1).unwrap(), std::slice::from_ref(&stored));
        assert_eq!(store.changes_of(id).unwrap(), std::slice::from_ref(change));
        assert_eq!(store.person_of(&expected.leaf.commitment).unwrap(), Some(stored.person));
    }
    let decisions = store.decisions_since(0, 10).unwrap();
    assert_eq!(decisions.len(), 5);
    assert_eq!(decisions[1].person, Some(person(2)));
    assert_eq!(decisions[1].operator, "desk 3");
    let last = &decisions[4];
    assert_eq!((last.at, last.action.as_str(), last.outcome.as_str()), (2_009, "enrol", "duplicate"));
    assert_eq!((last.person, last.policy), (Some(person(2)), policy()));
    assert_eq!((last.software.as_str(), last.details.as_str()), ("personhood test", "{}"));
}

fn a_dropped_transaction_never_was<G: Ground>() {
    let ground = G::new();
    let mut store = ground.open();
    initialise(&mut store);
    enrol(&mut store, 0..2);
    let before = everything(&store);
    let mut transaction = store.begin().unwrap();
    transaction.insert_person(newcomer(2)).unwrap();
    transaction.insert_decision(&decision(7)).unwrap();
    drop(transaction);
    assert_eq!(everything(&store), before);
    assert_eq!(everything(&ground.open()), before);
    // Its numbers are free again: there are no gaps to explain to an auditor.
    let mut transaction = store.begin().unwrap();
    let inserted = transaction.insert_person(newcomer(2)).unwrap();
    assert_eq!((inserted.person, inserted.sequence.as_u64(), inserted.decision.as_u64()), (person(3), 3, 3));
}

fn a_panic_in_a_transaction_undoes_it<G: Ground>() {
    let ground = G::new();
    let mut store = ground.open();
    initialise(&mut store);
    let before = everything(&store);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut transaction = store.begin().unwrap();
        transaction.insert_person(newcomer(0)).unwrap();
        std::panic::resume_unwind(Box::new("the operator stumbled"));
    }));
    assert!(panicked.is_err());
    assert_eq!(everything(&ground.open()), before);
    enrol(&mut store, 0..1);
}

fn a_refused_row_leaves_the_transaction_as_it_was<G: Ground>() {
    let ground = G::new();
    let mut store = ground.open();
    initialise(&mut store);
    enrol(&mut store, 0..1);
    let mut transaction = store.begin().unwrap();
    transaction.insert_person(newcomer(1)).unwrap();

    let taken = NewPerson { leaf: LeafRecord { commitment: commitment(0), ..newcomer(2).leaf }, ..newcomer(2) };
    let eyeless = NewPerson { templates: TemplatePair::default(), ..newcomer(2) };
    let nobody = NewDecision { person: Some(person(9)), ..decision(2) };
    let no_policy = NewDecision { policy: PolicyId::new(2).unwrap(), ..decision(2) };
    let before = everything(&transaction);
    for refused in [taken, newcomer(1), newcomer(3), eyeless, NewPerson { decision: no_policy, ..newcomer(2) }] {
        let error = transaction.insert_person(refused).unwrap_err();
        assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
        assert_eq!(everything(&transaction), before);
    }
    for refused in [nobody, no_policy] {
        let error = transaction.insert_decision(&refused).unwrap_err();
        assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
        assert_eq!(everything(&transaction), before);
    }
    transaction.insert_person(newcomer(2)).unwrap();
    transaction.commit().unwrap();
    assert_eq!(everything(&ground.open()).changes.len(), 3);
}

fn a_transaction_sees_itself_and_nobody_else_does<G: Ground>() {
    let ground = G::new();
    let mut store = ground.open();
    initialise(&mut store);
    let reader = ground.open();
    let mut transaction = store.begin().unwrap();
    transaction.insert_person(newcomer(0)).unwrap();
    assert_eq!(everything(&transaction).changes.len(), 1);
    assert_eq!(transaction.person_of(&commitment(0)).unwrap(), Some(person(1)));
    assert_eq!(transaction.person(person(1)).unwrap().unwrap().leaf, Some(newcomer(0).leaf));
    // In memory the reader waits for the writer and gives up; in SQLite it reads what was committed.
    match reader.head() {
        Ok(head) => assert_eq!(head, Sequence::START),
        Err(error) => assert!(matches!(error, StoreError::Busy { .. }), "{error}"),
    }
    transaction.commit().unwrap();
    assert_eq!(ground.open().head().unwrap().as_u64(), 1);
}

fn one_writes_and_the_other_waits<G: Ground>() {
    let ground = G::new();
    let (mut first, mut second) = (ground.open(), ground.open());
    initialise(&mut first);
    let transaction = first.begin().unwrap();
    let error = second.begin().map(drop).unwrap_err();
    assert!(matches!(error, StoreError::Busy { waited } if waited == Duration::from_millis(50)), "{error}");
    assert_eq!(error.code(), "store_busy");
    drop(transaction);
    enrol(&mut second, 0..1);
    // Whoever begins now sees it, and the number that they meant to take is taken.
    let mut transaction = first.begin().unwrap();
    assert_eq!(transaction.head().unwrap().as_u64(), 1);
    assert!(matches!(transaction.insert_person(newcomer(0)), Err(StoreError::Conflict { .. })));
}

fn changes_come_in_order_and_in_pieces<G: Ground>() {
    let ground = G::new();
    let mut store = ground.open();
    initialise(&mut store);
    enrol(&mut store, 0..7);
    let all = store.changes_since(Sequence::START, 100).unwrap();
    let roots = store.roots_since(Sequence::START, 100).unwrap();
    assert_eq!(all.iter().map(|change| change.root.clone()).collect::<Vec<_>>(), roots);
    for limit in 1..9 {
        let (mut pieces, mut root_pieces, mut after) = (vec![], vec![], Sequence::START);
        loop {
            let piece = store.changes_since(after, limit).unwrap();
            root_pieces.extend(store.roots_since(after, limit).unwrap());
            let Some(last) = piece.last() else { break };
            assert!(piece.len() <= limit as usize);
            after = last.sequence;
            pieces.extend(piece);
        }
        assert_eq!(pieces, all);
        assert_eq!(root_pieces, roots);
    }
    assert!(store.changes_since(store.head().unwrap(), 10).unwrap().is_empty());
    assert!(store.changes_since(Sequence::new(i64::MAX as u64).unwrap(), 10).unwrap().is_empty());
    assert!(store.changes_since(Sequence::START, 0).unwrap().is_empty());
    assert_eq!(store.decisions_since(5, 1).unwrap()[0].id.as_u64(), 6);
}

fn numbers_beyond_the_store_are_refused<G: Ground>() {
    const BEYOND: u64 = 1 << 63;
    assert!(matches!(PersonId::new(BEYOND), Err(StoreError::OutOfRange { value: BEYOND, .. })));
    assert!(PersonId::new(BEYOND - 1).is_ok());
    let ground = G::new();
    let mut store = ground.open();
    let mut transaction = store.begin().unwrap();
    let late = Genesis { created_at: BEYOND, ..genesis() };
    assert!(matches!(transaction.initialise(&late), Err(StoreError::OutOfRange { .. })));
    transaction.initialise(&genesis()).unwrap();
    for late in [NewPerson { at: BEYOND, ..newcomer(0) }, NewPerson { root_at: BEYOND, ..newcomer(0) }] {
        assert!(matches!(transaction.insert_person(late), Err(StoreError::OutOfRange { .. })));
    }
    let late = NewDecision { at: BEYOND, ..decision(0) };
    assert!(matches!(transaction.insert_decision(&late), Err(StoreError::OutOfRange { .. })));
    assert!(everything(&transaction).changes.is_empty());
    assert!(transaction.decisions_since(0, 9).unwrap().is_empty());
}

/// Leaf `index` of a person with the commitment of newcomer `number`, issued at `issued_at`.
fn leaf(index: u64, number: u64, issued_at: u64) -> LeafRecord {
    let commitment = commitment(number);
    let credential = Credential::new(issued_at, 2_000_000, Assurance::BOTH_EYES).unwrap();
    let leaf = Leaf::new(&commitment, &credential);
    LeafRecord { index: LeafIndex::new(u32::try_from(index).unwrap()).unwrap(), commitment, credential, leaf }
}

fn step_of(number: u64, step: PersonStep) -> PersonChange<'static> {
    PersonChange {
        person: person(number),
        step,
        root: root(7_000 + number),
        root_at: 4_000,
        decision: NewDecision { action: "change", ..decision(20) },
    }
}

fn take<S: Store>(store: &mut S, number: u64, step: PersonStep) -> Result<Change, StoreError> {
    let mut transaction = store.begin()?;
    let done = transaction.change_person(step_of(number, step))?;
    transaction.commit()?;
    assert_eq!(done.person, person(number));
    let record = store.changes_since(Sequence::new(done.sequence.as_u64() - 1).unwrap(), 9)?.pop().unwrap();
    assert_eq!((record.sequence, record.decision, record.root.at), (done.sequence, done.decision, 4_000));
    assert_eq!(record.change.person(), Some(person(number)));
    Ok(record.change)
}

fn a_life_has_its_steps<G: Ground>() {
    let ground = G::new();
    let mut store = ground.open();
    initialise(&mut store);
    enrol(&mut store, 0..3);
    let place = |index| LeafIndex::new(index).unwrap();
    let first = newcomer(1).leaf;

    let fresh = TemplatePair { left: None, right: Some(TemplateRecord::clear(&eye(77))) };
    let change = take(&mut store, 2, PersonStep::Refresh { templates: fresh.clone() }).unwrap();
    assert_eq!(change, Change::Refreshed { person: person(2), version: 2 });
    assert_eq!((change.placed(), change.removed(), change.changes_templates()), (None, None, true));
    let record = store.person(person(2)).unwrap().unwrap();
    assert_eq!((record.templates, record.template_version, record.leaf.unwrap()), (fresh, 2, first.clone()));

    let change = take(&mut store, 2, PersonStep::Suspend).unwrap();
    assert_eq!(change, Change::Suspended { person: person(2), removed: place(1) });
    assert_eq!(store.person(person(2)).unwrap().unwrap().status, PersonStatus::Suspended);
    let change = take(&mut store, 2, PersonStep::Reinstate).unwrap();
    assert_eq!(change, Change::Reinstated { person: person(2), index: place(1), leaf: first.leaf });

    let renewed = leaf(1, 1, 99);
    let change = take(&mut store, 2, PersonStep::Renew { leaf: renewed.clone() }).unwrap();
    assert_eq!(change, Change::Renewed { person: person(2), index: place(1), leaf: renewed.leaf });
    assert_eq!(store.person(person(2)).unwrap().unwrap().leaf, Some(renewed));

    let second = leaf(3, 500, 5_000);
    let change = take(&mut store, 2, PersonStep::Recover { leaf: second.clone() }).unwrap();
    let expected = Change::Recovered { person: person(2), removed: place(1), index: place(3), leaf: second.leaf };
    assert_eq!((change.removed(), change.placed()), (Some(place(1)), Some((place(3), second.leaf))));
    assert_eq!(change, expected);
    assert_eq!(store.person(person(2)).unwrap().unwrap().leaf, Some(second));
    // The commitment that was given up stays taken.
    assert_eq!(store.person_of(&commitment(1)).unwrap(), Some(person(2)));
    assert_eq!(store.person_of(&commitment(500)).unwrap(), Some(person(2)));

    let change = take(&mut store, 2, PersonStep::Revoke).unwrap();
    assert_eq!(change, Change::Revoked { person: person(2), removed: Some(place(3)) });
    take(&mut store, 3, PersonStep::Suspend).unwrap();
    let change = take(&mut store, 3, PersonStep::Revoke).unwrap();
    assert_eq!(change, Change::Revoked { person: person(3), removed: None });
    let expected = Census { active: 1, revoked: 2, ..Census::default() };
    assert_eq!(store.census().unwrap(), expected);

    let store = ground.open();
    let words: Vec<_> = store.changes_of(person(2)).unwrap().iter().map(|record| record.change.as_str()).collect();
    assert_eq!(words, ["enrolled", "refreshed", "suspended", "reinstated", "renewed", "recovered", "revoked"]);
    let leaves: Vec<_> = store.roots_since(Sequence::START, 99).unwrap().iter().map(|root| root.leaves).collect();
    assert_eq!(leaves, [1, 2, 3, 3, 3, 3, 3, 4, 4, 4, 4]);
}

fn steps_that_are_not_possible_are_refused<G: Ground>() {
    let ground = G::new();
    let mut store = ground.open();
    let mut transaction = store.begin().unwrap();
    assert!(matches!(transaction.change_person(step_of(1, PersonStep::Suspend)), Err(StoreError::NotInitialised)));
    drop(transaction);
    initialise(&mut store);
    // 1 active, 2 suspended, 3 revoked, 4 erased.
    enrol(&mut store, 0..4);
    take(&mut store, 2, PersonStep::Suspend).unwrap();
    take(&mut store, 3, PersonStep::Revoke).unwrap();
    take(&mut store, 4, PersonStep::Erase).unwrap();
    let eyes = || TemplatePair { left: Some(TemplateRecord::clear(&eye(5))), right: None };
    let refresh = || PersonStep::Refresh { templates: eyes() };
    let recover = |index, number| PersonStep::Recover { leaf: leaf(index, number, 5_000) };
    let before = everything(&store);
    let mut transaction = store.begin().unwrap();
    for (number, step) in [
        (0, PersonStep::Suspend),
        (5, PersonStep::Suspend),
        (1, PersonStep::Reinstate),
        (1, PersonStep::Refresh { templates: TemplatePair::default() }),
        // Not the next leaf, a commitment that is somebody's, and one that is their own.
        (1, recover(5, 600)),
        (1, recover(3, 600)),
        (1, recover(4, 1)),
        (1, recover(4, 0)),
        // Another place, another commitment.
        (1, PersonStep::Renew { leaf: leaf(1, 0, 10) }),
        (1, PersonStep::Renew { leaf: leaf(0, 1, 10) }),
        (2, PersonStep::Suspend),
        (2, refresh()),
        (2, recover(4, 600)),
        (2, PersonStep::Renew { leaf: leaf(1, 1, 10) }),
        (3, PersonStep::Suspend),
        (3, PersonStep::Reinstate),
        (3, PersonStep::Revoke),
        (3, refresh()),
        (3, recover(4, 600)),
        (4, PersonStep::Suspend),
        (4, PersonStep::Reinstate),
        (4, PersonStep::Revoke),
        (4, PersonStep::Erase),
        (4, refresh()),
        (4, recover(4, 600)),
    ] {
        let said = format!("{number} {step:?}");
        let error = transaction.change_person(step_of(number, step)).expect_err(&said);
        assert!(matches!(error, StoreError::Conflict { .. }), "{said}: {error}");
        assert_eq!(everything(&transaction), before, "{said}");
    }
    let late = PersonChange { root_at: 1 << 63, ..step_of(1, PersonStep::Suspend) };
    assert!(matches!(transaction.change_person(late), Err(StoreError::OutOfRange { .. })));
    let no_policy = NewDecision { policy: PolicyId::new(9).unwrap(), ..decision(1) };
    let change = PersonChange { decision: no_policy, ..step_of(1, PersonStep::Suspend) };
    assert!(matches!(transaction.change_person(change), Err(StoreError::Conflict { .. })));
    assert_eq!(everything(&transaction), before);
    transaction.commit().unwrap();
    assert_eq!(everything(&ground.open()), before);
}

fn an_erased_person_leaves_a_number<G: Ground>() {
    let ground = G::new();
    let mut store = ground.open();
    initialise(&mut store);
    enrol(&mut store, 0..3);
    take(&mut store, 3, PersonStep::Recover { leaf: leaf(3, 500, 5_000) }).unwrap();
    let change = take(&mut store, 3, PersonStep::Erase).unwrap();
    assert_eq!(change.removed(), Some(LeafIndex::new(3).unwrap()));
    take(&mut store, 2, PersonStep::Suspend).unwrap();
    assert_eq!(take(&mut store, 2, PersonStep::Erase).unwrap().removed(), None);
    for erased in [2, 3] {
        let record = store.person(person(erased)).unwrap().unwrap();
        assert_eq!(
            (record.status, record.templates, record.leaf),
            (PersonStatus::Erased, TemplatePair::default(), None)
        );
    }
    for number in [1, 2, 500] {
        assert_eq!(store.person_of(&commitment(number)).unwrap(), None, "{number}");
    }
    assert_eq!(store.census().unwrap(), Census { active: 1, erased: 2, ..Census::default() });
    // Neither their numbers nor their places are given to anybody else, though their commitments are free.
    let mut transaction = store.begin().unwrap();
    let mut next = newcomer(4);
    next.leaf = leaf(4, 2, 10);
    assert_eq!(transaction.insert_person(next).unwrap().person, person(4));
    transaction.commit().unwrap();
    assert_eq!(store.person_of(&commitment(2)).unwrap(), Some(person(4)));
}

fn a_dropped_transaction_undoes_steps<G: Ground>() {
    let ground = G::new();
    let mut store = ground.open();
    initialise(&mut store);
    enrol(&mut store, 0..3);
    take(&mut store, 1, PersonStep::Suspend).unwrap();
    let before = everything(&store);
    let mut transaction = store.begin().unwrap();
    transaction.insert_person(newcomer(3)).unwrap();
    for (number, step) in [
        (1, PersonStep::Reinstate),
        (1, PersonStep::Recover { leaf: leaf(4, 700, 1) }),
        (4, PersonStep::Suspend),
        (2, PersonStep::Refresh { templates: newcomer(3).templates }),
        (2, PersonStep::Erase),
        (4, PersonStep::Erase),
        (3, PersonStep::Revoke),
    ] {
        transaction.change_person(step_of(number, step)).unwrap();
    }
    transaction.adopt_policy(NewPolicy { document: "{}", root: root(1), root_at: 5, decision: decision(1) }).unwrap();
    assert_ne!(everything(&transaction), before);
    drop(transaction);
    assert_eq!(everything(&store), before);
    assert_eq!(store.person_of(&commitment(700)).unwrap(), None);
    assert_eq!(everything(&ground.open()), before);
}

fn policies_follow_one_another<G: Ground>() {
    let ground = G::new();
    let mut store = ground.open();
    let adopt = |number| NewPolicy {
        document: "{\"rules\":2}",
        root: root(number),
        root_at: 9_000 + number,
        decision: NewDecision { action: "adopt-policy", ..decision(number) },
    };
    let mut transaction = store.begin().unwrap();
    assert!(matches!(transaction.adopt_policy(adopt(1)), Err(StoreError::NotInitialised)));
    drop(transaction);
    initialise(&mut store);
    enrol(&mut store, 0..1);
    let mut transaction = store.begin().unwrap();
    let second = transaction.adopt_policy(adopt(1)).unwrap();
    let by_second = NewDecision { policy: second, ..decision(30) };
    transaction.insert_decision(&by_second).unwrap();
    transaction.commit().unwrap();
    assert_eq!(second.as_u64(), 2);
    let policy = store.policy().unwrap().unwrap();
    assert_eq!((policy.id, policy.adopted_at, policy.document.as_str()), (second, 2_001, "{\"rules\":2}"));
    assert_eq!(store.policy_of(second).unwrap(), Some(policy));
    assert_eq!(store.policy_of(PolicyId::new(1).unwrap()).unwrap().unwrap().document, genesis().policy);
    for unknown in [0, 3] {
        assert_eq!(store.policy_of(PolicyId::new(unknown).unwrap()).unwrap(), None);
    }
    assert_eq!(store.genesis().unwrap(), Some(genesis()));
    let record = store.changes_since(Sequence::START, 9).unwrap().pop().unwrap();
    assert_eq!((record.change.person(), record.change.clone()), (None, Change::PolicyAdopted { policy: second }));
    assert_eq!((record.root.leaves, record.root.root, record.root.at), (1, root(1), 9_001));
    assert_eq!(store.decisions_since(1, 1).unwrap()[0].action, "adopt-policy");
}

fn decisions_are_found_by_number_and_person<G: Ground>() {
    let ground = G::new();
    let mut store = ground.open();
    initialise(&mut store);
    enrol(&mut store, 0..3);
    let mut transaction = store.begin().unwrap();
    for number in 10..20 {
        let about = NewDecision { person: Some(person(1 + number % 2)), ..decision(number) };
        transaction.insert_decision(&about).unwrap();
    }
    transaction.commit().unwrap();
    let all = store.decisions_since(0, 99).unwrap();
    for record in &all {
        assert_eq!(store.decision(record.id).unwrap().as_ref(), Some(record));
    }
    for unknown in [0, 14] {
        assert_eq!(store.decision(DecisionId::new(unknown).unwrap()).unwrap(), None);
    }
    let times = |since, limit| -> Vec<u64> {
        store.decisions_of(person(2), since, limit).unwrap().iter().map(|record| record.at).collect()
    };
    assert_eq!(times(0, 99), [2_019, 2_017, 2_015, 2_013, 2_011, 2_001]);
    assert_eq!(times(2_015, 99), [2_019, 2_017, 2_015]);
    assert_eq!(times(0, 2), [2_019, 2_017]);
    assert!(times(2_020, 9).is_empty() && times(0, 0).is_empty());
}

fn recovery(number: u64, person_number: u64, secret: u64) -> NewRecovery {
    NewRecovery {
        person: person(person_number),
        requested_at: 100 + number,
        ready_at: 200 + number,
        expires_at: 300 + number,
        commitment: commitment(secret),
        decision: DecisionId::new(number).unwrap(),
    }
}

fn recoveries_wait_once<G: Ground>() {
    let ground = G::new();
    let mut store = ground.open();
    let mut transaction = store.begin().unwrap();
    assert!(matches!(transaction.open_recovery(&recovery(1, 1, 50)), Err(StoreError::NotInitialised)));
    drop(transaction);
    initialise(&mut store);
    enrol(&mut store, 0..3);
    let mut transaction = store.begin().unwrap();
    let first = transaction.open_recovery(&recovery(1, 1, 50)).unwrap();
    let second = transaction.open_recovery(&recovery(2, 2, 51)).unwrap();
    // One a person, one a commitment; a person and a decision that are there; a time that fits.
    for wrong in [recovery(3, 1, 52), recovery(3, 3, 50), recovery(3, 4, 52), recovery(9, 3, 52)] {
        assert!(matches!(transaction.open_recovery(&wrong), Err(StoreError::Conflict { .. })), "{wrong:?}");
    }
    let late = NewRecovery { ready_at: 1 << 63, ..recovery(3, 3, 52) };
    assert!(matches!(transaction.open_recovery(&late), Err(StoreError::OutOfRange { .. })));
    transaction.commit().unwrap();
    let store = &mut ground.open();
    let pending = store.pending_recoveries().unwrap();
    assert_eq!(pending.iter().map(|record| record.id).collect::<Vec<_>>(), [first, second]);
    let expected = RecoveryRecord {
        id: first,
        person: person(1),
        requested_at: 101,
        ready_at: 201,
        expires_at: 301,
        commitment: Some(commitment(50)),
        state: RecoveryState::Pending,
        decision: DecisionId::new(1).unwrap(),
    };
    assert_eq!((pending[0].clone(), store.recovery(first).unwrap()), (expected.clone(), Some(expected.clone())));
    assert_eq!(store.recovery(RecoveryId::new(0).unwrap()).unwrap(), None);

    let mut transaction = store.begin().unwrap();
    transaction.close_recovery(first, true).unwrap();
    transaction.close_recovery(second, false).unwrap();
    for closed in [first, second, RecoveryId::new(9).unwrap()] {
        assert!(matches!(transaction.close_recovery(closed, true), Err(StoreError::Conflict { .. })));
    }
    // Their places are free again, and numbers go on.
    let third = transaction.open_recovery(&recovery(3, 1, 50)).unwrap();
    assert_eq!(third.as_u64(), 3);
    transaction.commit().unwrap();
    let state = |id| store.recovery(id).unwrap().map(|record| (record.state, record.commitment.is_some()));
    assert_eq!(state(first), Some((RecoveryState::Completed, false)));
    assert_eq!(state(second), Some((RecoveryState::Cancelled, false)));
    // Whoever is erased waits for nothing.
    take(store, 1, PersonStep::Erase).unwrap();
    assert!(store.pending_recoveries().unwrap().is_empty());
    assert_eq!(store.recovery(third).unwrap().unwrap().state, RecoveryState::Cancelled);
}

fn candidate(secret: u64) -> NewReview {
    NewReview {
        opened_at: 500,
        commitment: commitment(secret),
        templates: TemplatePair { left: Some(TemplateRecord::clear(&eye(secret))), right: None },
        issued_at: 499,
        expires_at: 9_000,
        assurance: Assurance::ONE_EYE,
        decision: DecisionId::new(1).unwrap(),
    }
}

fn opinion(round: u8, operator: &str, verdict: ReviewVerdict) -> ReviewVote {
    ReviewVote { round, operator: operator.to_owned(), at: 600, verdict, reason: "looked".to_owned() }
}

fn reviews_are_decided_in_rounds<G: Ground>() {
    use ReviewVerdict::{Different, Same};
    let ground = G::new();
    let mut store = ground.open();
    initialise(&mut store);
    enrol(&mut store, 0..3);
    let mut transaction = store.begin().unwrap();
    let unfounded = NewReview { decision: DecisionId::new(9).unwrap(), ..candidate(1) };
    assert!(matches!(transaction.open_review(unfounded), Err(StoreError::Conflict { .. })));
    let review = transaction.open_review(candidate(70)).unwrap();
    transaction.vote(review, &opinion(1, "berta", Same)).unwrap();
    transaction.vote(review, &opinion(1, "anna", Different)).unwrap();
    for wrong in [opinion(1, "anna", Same), opinion(2, "carla", Same)] {
        assert!(matches!(transaction.vote(review, &wrong), Err(StoreError::Conflict { .. })), "{wrong:?}");
    }
    for wrong in [ReviewStep::Reopen, ReviewStep::Forget] {
        assert!(matches!(transaction.step_review(review, wrong), Err(StoreError::Conflict { .. })), "{wrong:?}");
    }
    transaction.commit().unwrap();

    let mut store = ground.open();
    let record = store.review(review).unwrap().unwrap();
    let expected = ReviewRecord {
        id: review,
        opened_at: 500,
        verdict: None,
        round: 1,
        closed_at: None,
        commitment: Some(commitment(70)),
        templates: candidate(70).templates,
        issued_at: 499,
        expires_at: 9_000,
        assurance: Assurance::ONE_EYE,
        person: None,
        decision: DecisionId::new(1).unwrap(),
        votes: vec![opinion(1, "anna", Different), opinion(1, "berta", Same)],
    };
    assert_eq!(record, expected);
    assert_eq!(store.reviews_since(0, 9).unwrap(), [expected]);
    assert!(store.reviews_since(1, 9).unwrap().is_empty() && store.reviews_since(0, 0).unwrap().is_empty());

    let close = |verdict, person| ReviewStep::Close { verdict, at: 700, person };
    let mut transaction = store.begin().unwrap();
    let nobody = close(Different, Some(person(9)));
    assert!(matches!(transaction.step_review(review, nobody), Err(StoreError::Conflict { .. })));
    transaction.step_review(review, close(Same, None)).unwrap();
    assert!(matches!(transaction.step_review(review, close(Same, None)), Err(StoreError::Conflict { .. })));
    assert!(matches!(transaction.vote(review, &opinion(1, "carla", Same)), Err(StoreError::Conflict { .. })));
    transaction.step_review(review, ReviewStep::Reopen).unwrap();
    transaction.vote(review, &opinion(2, "anna", Same)).unwrap();
    transaction.step_review(review, close(Different, Some(person(2)))).unwrap();
    assert!(matches!(transaction.step_review(review, ReviewStep::Reopen), Err(StoreError::Conflict { .. })));
    transaction.insert_exception(person(2), person(1), review).unwrap();
    transaction.insert_exception(person(2), person(3), review).unwrap();
    assert!(matches!(transaction.insert_exception(person(2), person(1), review), Err(StoreError::Conflict { .. })));
    transaction.step_review(review, ReviewStep::Forget).unwrap();
    transaction.commit().unwrap();
    let record = store.review(review).unwrap().unwrap();
    assert_eq!((record.verdict, record.round, record.closed_at), (Some(Different), 2, Some(700)));
    assert_eq!((record.person, record.commitment, record.templates), (Some(person(2)), None, TemplatePair::default()));
    assert_eq!(record.votes.len(), 3);
    assert_eq!(store.exceptions_of(person(2)).unwrap(), [person(1), person(3)]);
    assert_eq!(store.exceptions_of(person(3)).unwrap(), [person(2)]);
    assert!(store.exceptions_of(person(7)).unwrap().is_empty());
    assert_eq!(store.review(ReviewId::new(5).unwrap()).unwrap(), None);
}

fn operators_and_stations_are_replaced_by_name<G: Ground>() {
    let ground = G::new();
    let mut store = ground.open();
    initialise(&mut store);
    let anna = OperatorRecord { name: "anna".to_owned(), role: Role::Auditor, added_at: 5, removed_at: None };
    let gone = OperatorRecord { removed_at: Some(9), ..anna.clone() };
    let zoe = OperatorRecord { name: "zoe".to_owned(), role: Role::Administrator, ..anna.clone() };
    let desk =
        StationRecord { name: "desk 1".to_owned(), public_key: [7; 32], counter: 0, added_at: 6, removed_at: None };
    let mut transaction = store.begin().unwrap();
    for operator in [&zoe, &anna, &gone] {
        transaction.put_operator(operator).unwrap();
    }
    transaction.put_station(&desk).unwrap();
    let twin = StationRecord { name: "desk 2".to_owned(), ..desk.clone() };
    assert!(matches!(transaction.put_station(&twin), Err(StoreError::Conflict { .. })));
    let counted = StationRecord { counter: 12, ..desk };
    transaction.put_station(&counted).unwrap();
    transaction.insert_challenge(&[1; 32], 50).unwrap();
    transaction.insert_challenge(&[2; 32], 60).unwrap();
    assert!(matches!(transaction.insert_challenge(&[2; 32], 70), Err(StoreError::Conflict { .. })));
    transaction.commit().unwrap();
    assert_eq!(store.operators().unwrap(), [gone, zoe]);
    assert_eq!(ground.open().stations().unwrap(), [counted]);
    let mut transaction = store.begin().unwrap();
    assert_eq!(transaction.take_challenge(&[2; 32]).unwrap(), Some(60));
    assert_eq!(transaction.take_challenge(&[2; 32]).unwrap(), None);
    transaction.forget_challenges(50).unwrap();
    assert_eq!(transaction.take_challenge(&[1; 32]).unwrap(), Some(50));
    transaction.insert_challenge(&[3; 32], 50).unwrap();
    transaction.forget_challenges(51).unwrap();
    assert_eq!(transaction.take_challenge(&[3; 32]).unwrap(), None);
}

fn desks_are_undone_with_the_rest<G: Ground>() {
    let ground = G::new();
    let mut store = ground.open();
    initialise(&mut store);
    enrol(&mut store, 0..2);
    let mut transaction = store.begin().unwrap();
    let review = transaction.open_review(candidate(70)).unwrap();
    let waiting = transaction.open_recovery(&recovery(1, 1, 50)).unwrap();
    transaction.insert_challenge(&[1; 32], 50).unwrap();
    transaction.commit().unwrap();
    let before = everything(&store);
    let mut transaction = store.begin().unwrap();
    transaction.close_recovery(waiting, true).unwrap();
    transaction.vote(review, &opinion(1, "anna", ReviewVerdict::Same)).unwrap();
    transaction.step_review(review, ReviewStep::Close { verdict: ReviewVerdict::Same, at: 1, person: None }).unwrap();
    let zoe = OperatorRecord { name: "zoe".to_owned(), role: Role::Operator, added_at: 1, removed_at: None };
    transaction.put_operator(&zoe).unwrap();
    transaction.take_challenge(&[1; 32]).unwrap();
    drop(transaction);
    assert_eq!(everything(&store), before);
    let mut transaction = ground.open();
    let mut transaction = transaction.begin().unwrap();
    assert_eq!(transaction.take_challenge(&[1; 32]).unwrap(), Some(50));
}

/// One step of a random history.
#[derive(Clone, Debug)]
enum Step {
    Life { who: u64, kind: u8, number: u64 },
    Person { number: u64, leaf: u64, late: bool },
    Decision { about: Option<u64>, policy: u64 },
    Commit,
    Drop,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..12u64, 0..3u64, prop::bool::weighted(0.1))
            .prop_map(|(number, leaf, late)| Step::Person { number, leaf, late }),
        5 => (0..6u64, 0..8u8, 0..12u64).prop_map(|(who, kind, number)| Step::Life { who, kind, number }),
        2 => (prop::option::of(0..6u64), 1..3u64).prop_map(|(about, policy)| Step::Decision { about, policy }),
        3 => Just(Step::Commit),
        1 => Just(Step::Drop),
        1 => Just(Step::Reopen),
    ]
}

/// Places of the tree that are given out.
fn given(store: &impl ReadStore) -> u64 {
    store.roots_since(Sequence::START, 1_000).unwrap().last().map_or(0, |root| root.leaves)
}

/// Plays steps up to the next end of a transaction; returns what each said, and how many were played.
fn play<S: Store>(store: &mut S, steps: &[Step], said: &mut Vec<String>) -> usize {
    let mut transaction = store.begin().unwrap();
    for (played, step) in steps.iter().enumerate() {
        match step {
            Step::Person { number, leaf, late } => {
                // Mostly the next leaf, so that histories grow.
                let next = given(&transaction);
                let index = if *leaf < 2 { next } else { next + 1 };
                let mut new = newcomer(*number);
                new.leaf.index = LeafIndex::new(u32::try_from(index).unwrap()).unwrap();
                new.at = if *late { u64::MAX } else { new.at };
                let said_now = transaction.insert_person(new);
                said.push(said_now.map_or_else(|error| error.code().to_owned(), |inserted| format!("{inserted:?}")));
            }
            Step::Life { who, kind, number } => {
                let present = transaction.person(person(*who)).unwrap().and_then(|record| record.leaf);
                let step = match kind {
                    0 => PersonStep::Refresh { templates: newcomer(*number).templates },
                    1 => PersonStep::Recover { leaf: leaf(given(&transaction), *number, 9_000) },
                    2 => PersonStep::Suspend,
                    3 => PersonStep::Reinstate,
                    4 => PersonStep::Revoke,
                    5 => PersonStep::Erase,
                    // Mostly a leaf that is theirs.
                    _ => PersonStep::Renew {
                        leaf: present.filter(|_| *number > 1).unwrap_or_else(|| leaf(*number, *number, 9_000)),
                    },
                };
                let said_now = transaction.change_person(step_of(*who, step));
                said.push(said_now.map_or_else(|error| error.code().to_owned(), |done| format!("{done:?}")));
            }
            Step::Decision { about, policy } => {
                let person = about.map(person);
                let new = NewDecision { person, policy: PolicyId::new(*policy).unwrap(), ..decision(0) };
                let said_now = transaction.insert_decision(&new);
                said.push(said_now.map_or_else(|error| error.code().to_owned(), |id| format!("{id:?}")));
            }
            Step::Commit => {
                transaction.commit().unwrap();
                return played + 1;
            }
            Step::Drop | Step::Reopen => return played + 1,
        }
    }
    steps.len()
}

/// Plays one history in two stores, and compares what they say and what they hold.
fn the_same_history<A: Ground, B: Ground>(steps: &[Step]) {
    let (one, other) = (A::new(), B::new());
    let (mut left, mut right) = (one.open(), other.open());
    initialise(&mut left);
    initialise(&mut right);
    let mut rest = steps;
    while !rest.is_empty() {
        let (mut said_left, mut said_right) = (vec![], vec![]);
        let played = play(&mut left, rest, &mut said_left);
        assert_eq!(play(&mut right, rest, &mut said_right), played);
        assert_eq!(said_left, said_right);
        if matches!(rest[played - 1], Step::Reopen) {
            (left, right) = (one.open(), other.open());
        }
        assert_eq!(everything(&left), everything(&right));
        rest = &rest[played..];
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_history_is_the_same_in_both_stores(steps in prop::collection::vec(step(), 1..40)) {
        the_same_history::<Memory, Sqlite>(&steps);
    }
}

#[cfg(feature = "postgres")]
proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn any_history_is_the_same_in_postgres(steps in prop::collection::vec(step(), 1..40)) {
        if Postgres::is_there("any_history_is_the_same_in_postgres") {
            the_same_history::<Memory, Postgres>(&steps);
        }
    }
}

// Files.

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_new_file_is_its_owners_alone_and_so_are_those_beside_it() {
    let ground = Sqlite::new();
    let mut store = ground.open();
    initialise(&mut store);
    let mut files: Vec<_> = fs::read_dir(ground.0.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 3, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn only_what_is_not_there_is_created() {
    let ground = Sqlite::new();
    let mut store = ground.open();
    initialise(&mut store);
    drop(store);
    let before = fs::read(ground.file()).unwrap();
    let error = SqliteStore::create(ground.file()).unwrap_err();
    assert!(matches!(error, StoreError::AlreadyExists { .. }), "{error}");
    assert_eq!(fs::read(ground.file()).unwrap(), before);

    let folder = ground.0.path();
    assert!(matches!(SqliteStore::create(folder), Err(StoreError::AlreadyExists { .. })));
    assert!(matches!(SqliteStore::create(folder.join("no/such.db")), Err(StoreError::NotFound { .. })));
    assert!(matches!(SqliteStore::create(folder.join("..")), Err(StoreError::WrongKind { .. })));
    // SQLite's own meaning of this name would keep everything in memory.
    let named = folder.join(":memory:");
    SqliteStore::create(&named).unwrap();
    assert!(fs::metadata(&named).unwrap().len() > 0);
}

#[test]
fn an_interrupted_creation_is_taken_up() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("registry.db");
    fs::write(&file, b"").unwrap();
    let error = SqliteStore::create(&file).unwrap_err();
    assert!(matches!(error, StoreError::UnsafePermissions { .. }), "{error}");
    set_mode(&file, 0o600);
    let error = SqliteStore::open(&file).unwrap_err();
    assert!(error.to_string().contains("create it again"), "{error}");
    let mut store = SqliteStore::create(&file).unwrap();
    initialise(&mut store);
}

#[test]
fn other_files_are_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    assert!(matches!(SqliteStore::open(path("nothing")), Err(StoreError::NotFound { .. })));
    assert!(matches!(SqliteStore::open(folder.path()), Err(StoreError::WrongKind { .. })));

    // A text, a PNG, noise, a SQLite header with nothing behind it.
    let mut random = Random(1);
    let noise: Vec<u8> = (0..9_000).map(|_| random.word().to_le_bytes()[0]).collect();
    let contents: [&[u8]; 4] = [
        b"not a database, but long enough to have a header: ".as_slice(),
        b"\x89PNG\r\n\x1a\n",
        &noise,
        b"SQLite format 3\0",
    ];
    for (number, content) in contents.iter().enumerate() {
        let file = path(&format!("other{number}"));
        fs::write(&file, content.repeat(20)).unwrap();
        let before = fs::read(&file).unwrap();
        for opened in [SqliteStore::open(&file), SqliteStore::open_read_only(&file), SqliteStore::create(&file)] {
            let error = opened.map(drop).unwrap_err();
            let expected = matches!(
                error,
                StoreError::WrongKind { .. } | StoreError::AlreadyExists { .. } | StoreError::Corrupted { .. }
            );
            assert!(expected, "{number}: {error}");
        }
        assert!(matches!(
            SqliteNullifiers::open_or_create(&file),
            Err(StoreError::WrongKind { .. } | StoreError::Corrupted { .. })
        ));
        assert_eq!(fs::read(&file).unwrap(), before);
    }

    // The two kinds of ours are not each other.
    let nullifiers = path("nullifiers.db");
    drop(SqliteNullifiers::create(&nullifiers).unwrap());
    let before = fs::read(&nullifiers).unwrap();
    let error = SqliteStore::open(&nullifiers).unwrap_err();
    assert!(matches!(&error, StoreError::WrongKind { expected: "personhood registry", .. }), "{error}");
    assert!(matches!(SqliteStore::create(&nullifiers), Err(StoreError::AlreadyExists { .. })));
    assert_eq!(fs::read(&nullifiers).unwrap(), before);
    let registry = path("registry.db");
    drop(SqliteStore::create(&registry).unwrap());
    assert!(matches!(SqliteNullifiers::open(&registry), Err(StoreError::WrongKind { .. })));
}

/// Sets the format number in the header: `user_version`, big-endian at offset 60 (SQLite file format, section 1.3).
fn set_format(file: &Path, format: u32) {
    let mut bytes = fs::read(file).unwrap();
    bytes[60..64].copy_from_slice(&format.to_be_bytes());
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_newer_format_is_refused_and_not_touched() {
    let ground = Sqlite::new();
    initialise(&mut ground.open());
    set_format(&ground.file(), 4);
    let before = fs::read(ground.file()).unwrap();
    for opened in [SqliteStore::open(ground.file()), SqliteStore::open_read_only(ground.file())] {
        let error = opened.map(drop).unwrap_err();
        assert!(matches!(error, StoreError::NewerFormat { found: 4, supported: 3, .. }), "{error}");
        assert!(error.to_string().contains("install a newer release"), "{error}");
    }
    assert!(matches!(SqliteStore::create(ground.file()), Err(StoreError::AlreadyExists { .. })));
    assert_eq!(fs::read(ground.file()).unwrap(), before);
    for impossible in [0, u32::MAX] {
        set_format(&ground.file(), impossible);
        assert!(matches!(SqliteStore::open(ground.file()), Err(StoreError::WrongKind { .. })), "{impossible}");
    }
}

#[test]
fn files_and_folders_that_others_can_reach_are_refused() {
    let ground = Sqlite::new();
    for loose in [0o644, 0o660, 0o604, 0o601] {
        set_mode(&ground.file(), loose);
        let error = SqliteStore::open(ground.file()).unwrap_err();
        assert!(matches!(error, StoreError::UnsafePermissions { mode, .. } if mode == loose), "{error}");
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
    set_mode(&ground.file(), 0o600);
    set_mode(ground.0.path(), 0o777);
    let error = SqliteStore::open(ground.file()).unwrap_err();
    assert!(matches!(error, StoreError::UnsafeDirectory { .. }), "{error}");
    let error = SqliteStore::create(ground.0.path().join("another.db")).unwrap_err();
    assert!(matches!(error, StoreError::UnsafeDirectory { .. }), "{error}");
    // As /tmp is.
    set_mode(ground.0.path(), 0o1777);
    SqliteStore::open(ground.file()).unwrap();
}

#[test]
fn a_read_only_file_is_read_and_not_written() {
    let ground = Sqlite::new();
    let mut store = ground.open();
    initialise(&mut store);
    enrol(&mut store, 0..3);
    let expected = everything(&store);
    drop(store);
    set_mode(&ground.file(), 0o400);
    let error = SqliteStore::open(ground.file()).unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
    let mut store = SqliteStore::open_read_only(ground.file()).unwrap();
    assert_eq!(everything(&store), expected);
    let error = store.begin().map(drop).unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
    drop(store);
    set_mode(&ground.file(), 0o600);
    assert_eq!(everything(&ground.open()), expected);
}

#[test]
fn a_full_disk_is_an_error_and_leaves_nothing_half_written() {
    let ground = Sqlite::new();
    let mut store = ground.open();
    initialise(&mut store);
    enrol(&mut store, 0..4);
    let size = fs::metadata(ground.file()).unwrap().len();
    drop(store);
    // Room for a few more people, at different places of one enrolment.
    for extra in (0..20).map(|pages| pages * 4096) {
        let options = SqliteOptions::default().maximum_bytes(size.max(45_000) + extra);
        let mut store = SqliteStore::open_with(ground.file(), &options).unwrap();
        let mut acknowledged = everything(&store);
        let error = loop {
            let number = acknowledged.head.as_u64();
            let mut transaction = store.begin().unwrap();
            let inserted = transaction.insert_person(newcomer(number));
            match inserted.and_then(|_| transaction.commit()) {
                Ok(()) => acknowledged = everything(&store),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, StoreError::Full { .. }), "{error}");
        assert!(error.to_string().contains("nothing was stored"), "{error}");
        assert_eq!(everything(&store), acknowledged);
        drop(store);
        assert_eq!(everything(&ground.open()), acknowledged);
    }
    // With room again, the same file goes on.
    let mut store = ground.open();
    let next = store.head().unwrap().as_u64();
    enrol(&mut store, next..next + 2);
}

#[test]
fn after_a_failure_a_transaction_cannot_write_the_rest_by_itself() {
    let ground = Sqlite::new();
    initialise(&mut ground.open());
    let options = SqliteOptions::default().maximum_bytes(50_000);
    let mut store = SqliteStore::open_with(ground.file(), &options).unwrap();
    let before = everything(&store);
    let mut transaction = store.begin().unwrap();
    let error = (0..100).find_map(|number| transaction.insert_person(newcomer(number)).err()).unwrap();
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    // Whatever a careless caller does now, either all of the earlier rows are stored or none.
    let rows = transaction.changes_since(Sequence::START, 1_000).map(|changes| changes.len());
    let decided = transaction.insert_decision(&decision(1));
    let committed = transaction.commit();
    let after = everything(&ground.open());
    match (rows, committed) {
        (Ok(rows), Ok(())) => assert_eq!(after.changes.len(), rows),
        (_, Err(_)) => assert_eq!(after, before),
        (Err(error), Ok(())) => panic!("{error}"),
    }
    drop(decided);
}

/// What a flipped bit may do: be harmless, or be an error. Never another answer, never a panic.
#[test]
fn a_damaged_file_gives_errors_and_not_other_answers() {
    let ground = Sqlite::new();
    let mut store = ground.open();
    initialise(&mut store);
    enrol(&mut store, 0..6);
    let expected = everything(&store);
    drop(store);
    let good = fs::read(ground.file()).unwrap();
    assert!(!ground.0.path().join("registry.db-wal").exists());

    let folder = TempDir::new().unwrap();
    let file = folder.path().join("damaged.db");
    let mut random = Random(7);
    let (mut refused, mut harmless) = (0, 0);
    let mut try_open = |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        set_mode(&file, 0o600);
        let read = SqliteStore::open_read_only(&file).and_then(|store| {
            let changes = store.changes_since(Sequence::START, 1_000)?;
            let people = store.people_since(0, 1_000)?;
            Ok((changes, people, store.head()?))
        });
        match read {
            Ok((changes, people, head))
                if (head, changes.len(), people.len())
                    == (expected.head, expected.changes.len(), expected.people.len()) =>
            {
                for (found, person) in people.iter().zip(&expected.people) {
                    assert_eq!(found.templates, person.templates);
                }
                harmless += 1;
            }
            // The rows that are left end earlier: the registry sees that by the root, not the store.
            Ok(_) => refused += 1,
            Err(error) => {
                assert!(!error.code().is_empty());
                refused += 1;
            }
        }
        for name in ["damaged.db-wal", "damaged.db-shm"] {
            let _ = fs::remove_file(folder.path().join(name));
        }
    };
    for _ in 0..400 {
        let mut bytes = good.clone();
        let at = usize::try_from(random.below(bytes.len() as u64)).unwrap();
        bytes[at] ^= 1 << random.below(8);
        try_open(&bytes);
    }
    for cut in [0, 1, 99, 100, 512, 4095, 4096, 4097, good.len() / 2, good.len() - 4096, good.len() - 1] {
        try_open(&good[..cut]);
    }
    assert!(refused > 80 && harmless > 10, "{refused} refused, {harmless} harmless");
}

#[test]
fn template_records_are_checked() {
    let record = TemplateRecord::clear(&eye(5));
    assert_eq!(record.open().unwrap(), eye(5));
    let bytes = record.as_bytes().to_vec();
    assert_eq!(TemplateRecord::from_bytes(bytes.clone()).unwrap(), record);
    for at in (0..bytes.len()).step_by(97).chain([1, bytes.len() - 1]) {
        let mut wrong = bytes.clone();
        wrong[at] ^= 0x10;
        let error = TemplateRecord::from_bytes(wrong).unwrap_err();
        if at == 0 {
            assert_eq!(error, RecordError::Format { found: 0x11, supported: 2 });
        } else {
            assert_eq!(error, RecordError::Checksum, "byte {at}");
        }
    }
    for length in [0, 1, 16] {
        assert!(matches!(TemplateRecord::from_bytes(bytes[..length].to_vec()), Err(RecordError::Length { .. })));
    }
    assert_eq!(TemplateRecord::from_bytes(bytes[..bytes.len() - 1].to_vec()), Err(RecordError::Checksum));
    assert!(matches!(TemplateRecord::from_bytes(vec![1; 20_000]), Err(RecordError::Length { found: 20_000, .. })));
    assert_eq!(format!("{record:?}"), format!("TemplateRecord {{ bytes: {}, .. }}", bytes.len()));
}

// Nullifiers.

fn nullifier(number: u64) -> Nullifier {
    Nullifier::from_bytes(&commitment(number).to_bytes()).unwrap()
}

/// A list of nullifiers that can be opened again.
trait List {
    type Nullifiers: SharedNullifiers;

    fn new() -> Self;
    fn open(&self) -> Self::Nullifiers;
}

struct SqliteList(TempDir);

impl List for SqliteList {
    type Nullifiers = SqliteNullifiers;

    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn open(&self) -> SqliteNullifiers {
        SqliteNullifiers::open_or_create(self.0.path().join("nullifiers.db")).unwrap()
    }
}

#[cfg(feature = "postgres")]
struct PostgresList(crate::postgres::server::Database<'static>);

#[cfg(feature = "postgres")]
impl List for PostgresList {
    type Nullifiers = personhood::store::PostgresNullifiers;

    fn new() -> Self {
        Self(crate::postgres::server::shared("store").unwrap().database())
    }

    fn open(&self) -> Self::Nullifiers {
        personhood::store::PostgresNullifiers::open_or_create(&self.0.address()).unwrap()
    }
}

/// The same tests on every list of nullifiers.
macro_rules! nullifier_conformance {
    ($($test:ident)*) => {
        mod sqlite_nullifiers {
            $(#[test] fn $test() { super::$test::<super::SqliteList>(); })*
        }
        #[cfg(feature = "postgres")]
        mod postgres_nullifiers {
            $(#[test] fn $test() {
                if crate::postgres::server::shared(concat!("store::postgres_nullifiers::", stringify!($test))).is_some() {
                    super::$test::<super::PostgresList>();
                }
            })*
        }
    };
}

nullifier_conformance! {
    a_nullifier_is_accepted_once_per_scope_and_for_ever
    many_nullifiers_are_recorded_together_and_each_once
}

fn a_nullifier_is_accepted_once_per_scope_and_for_ever<L: List>() {
    let list = L::new();
    let [vote, gift] = ["vote", "gift"].map(|action| Scope::new("app", action).unwrap().external_nullifier());
    let mut store = list.open();
    store.record(&vote, &nullifier(1)).unwrap();
    store.record(&gift, &nullifier(1)).unwrap();
    store.record(&vote, &nullifier(2)).unwrap();
    drop(store);
    let (mut store, mut other) = (list.open(), list.open());
    for store in [&mut store, &mut other] {
        let error = store.record(&vote, &nullifier(1)).unwrap_err();
        assert!(matches!(error, NullifierError::AlreadyUsed { nullifier: used } if used == nullifier(1)), "{error}");
    }
    other.record(&gift, &nullifier(2)).unwrap();
    assert!(matches!(store.record(&gift, &nullifier(2)), Err(NullifierError::AlreadyUsed { .. })));
    assert_eq!((store.count(&vote).unwrap(), store.count(&gift).unwrap()), (2, 2));
}

fn many_nullifiers_are_recorded_together_and_each_once<L: List>() {
    let [vote, gift] = ["vote", "gift"].map(|action| Scope::new("app", action).unwrap().external_nullifier());
    let mut store = L::new().open();
    assert_eq!(store.record_each(&[], 1).unwrap(), []);
    store.record(&vote, &nullifier(1)).unwrap();
    let batch = [(vote, nullifier(1)), (vote, nullifier(2)), (gift, nullifier(2)), (vote, nullifier(2))];
    let (now, before) = (Recorded::Now, |at| Recorded::Before { at });
    assert_eq!(store.record_each(&batch, 77).unwrap(), [before(None), now, now, before(Some(77))]);
    assert_eq!(store.record_each(&batch[1..], 99).unwrap(), [before(Some(77)), before(Some(77)), before(Some(77))]);
    assert_eq!((store.count(&vote).unwrap(), store.count(&gift).unwrap()), (2, 1));
    assert!(store.contains(&gift, &nullifier(2)).unwrap() && !store.contains(&gift, &nullifier(1)).unwrap());
}

#[test]
fn a_file_of_nullifiers_is_its_owners_alone_and_of_a_known_format() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("nullifiers.db");
    drop(SqliteNullifiers::open_or_create(&file).unwrap());
    assert_eq!(mode(&file), 0o600);
    set_format(&file, 9);
    assert!(matches!(SqliteNullifiers::open(&file), Err(StoreError::NewerFormat { found: 9, .. })));
}

/// A database as the release before wrote it, without the time: what was used there stays used.
#[test]
fn nullifiers_of_the_first_format_stay_used() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("nullifiers.db");
    let vote = Scope::new("app", "vote").unwrap().external_nullifier();
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection.execute_batch(include_str!("../../src/store/migrations/nullifiers/0001_begin.sql")).unwrap();
    connection.pragma_update(None, "application_id", 0x506f_506e).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    let row = [vote.to_bytes(), nullifier(1).to_bytes()];
    connection.execute("INSERT INTO nullifiers VALUES (?1, ?2)", row).unwrap();
    drop(connection);
    #[cfg(unix)]
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let mut store = SqliteNullifiers::open(&file).unwrap();
    assert!(matches!(store.record(&vote, &nullifier(1)), Err(NullifierError::AlreadyUsed { .. })));
    let outcome = store.record_each(&[(vote, nullifier(1)), (vote, nullifier(2))], 5).unwrap();
    assert_eq!(outcome, [Recorded::Before { at: None }, Recorded::Now]);
}

#[test]
fn a_nullifier_that_cannot_be_stored_is_not_accepted() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("nullifiers.db");
    drop(SqliteNullifiers::create(&file).unwrap());
    let options = SqliteOptions::default().maximum_bytes(16_000).busy_timeout(Duration::from_millis(30));
    let mut store = SqliteNullifiers::open_with(&file, &options).unwrap();
    let scope = Scope::new("app", "vote").unwrap().external_nullifier();
    let mut accepted = 0;
    let error = loop {
        match store.record(&scope, &nullifier(accepted)) {
            Ok(()) => accepted += 1,
            Err(error) => break error,
        }
    };
    let NullifierError::Store(source) = &error else { panic!("{error}") };
    let source = source.downcast_ref::<StoreError>().unwrap();
    assert!(matches!(source, StoreError::Full { .. }), "{source}");
    assert_eq!(store.count(&scope).unwrap(), accepted);
    drop(store);
    let mut store = SqliteNullifiers::open(&file).unwrap();
    store.record(&scope, &nullifier(accepted)).unwrap();
}

/// Played by other processes: accepts what it can of a hundred nullifiers, and says which.
#[test]
fn actor_records_nullifiers() {
    let Some((role, file)) = role() else { return };
    let mut store = SqliteNullifiers::open_or_create(file).unwrap();
    let scope = Scope::new("app", "vote").unwrap().external_nullifier();
    let mut random = Random(role.parse().unwrap());
    let mut order: Vec<u64> = (0..100).collect();
    for at in 1..order.len() {
        order.swap(at, usize::try_from(random.below(at as u64 + 1)).unwrap());
    }
    for number in order {
        match store.record(&scope, &nullifier(number)) {
            Ok(()) => println!("\naccepted {number}"),
            Err(NullifierError::AlreadyUsed { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn of_many_processes_exactly_one_accepts_a_nullifier() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("nullifiers.db");
    let actors: Vec<_> = (0..4)
        .map(|number| actor("store::actor_records_nullifiers", &number.to_string(), &file).spawn().unwrap())
        .collect();
    let mut accepted = Vec::new();
    for actor in actors {
        let output = actor.wait_with_output().unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        accepted.extend(text.lines().filter_map(|line| line.strip_prefix("accepted ")?.parse::<u64>().ok()));
    }
    accepted.sort_unstable();
    assert_eq!(accepted, (0..100).collect::<Vec<_>>());
}
