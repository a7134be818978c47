//! The twin without a disk.

mod desk;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use desk::Desk;

use super::change::Plan;
use super::other_eyes;
use super::{
    Census, Change, ChangeRecord, DecisionId, DecisionRecord, Genesis, Inserted, NewDecision, NewPerson, NewPolicy,
    NewRecovery, NewReview, OperatorRecord, PersonChange, PersonId, PersonRecord, PersonStatus, PersonStep, PolicyId,
    PolicyRecord, ReadStore, RecoveryId, RecoveryRecord, ReviewId, ReviewRecord, ReviewStep, ReviewVote, RootRecord,
    Sequence, StationRecord, Store, StoreError, TemplatePair, WriteTransaction,
};
use crate::identity::IdentityCommitment;
use crate::tree::{MerkleRoot, TreePage};

/// How long a clone waits for another clone's transaction, as SQLite does by default here.
const PATIENCE: Duration = Duration::from_secs(10);

/// A registry's store in memory: for tests, simulations and demonstrations.
///
/// Clones share one content, as processes share one file.
#[derive(Clone, Debug)]
pub struct MemoryStore {
    content: Arc<Mutex<Content>>,
    patience: Duration,
}

/// Rows in the order they came; number n is at n - 1.
#[derive(Debug, Default)]
struct Content {
    genesis: Option<Genesis>,
    policies: Vec<PolicyRecord>,
    persons: Vec<Person>,
    changes: Vec<ChangeRecord>,
    decisions: Vec<DecisionRecord>,
    keyring: Option<Vec<u8>>,
    desk: Desk,
    tree: Option<SavedTree>,
}

/// The saved tree: after which change, and its pages.
type SavedTree = (Sequence, BTreeMap<TreePage, Vec<u8>>);

/// A person, and the commitments that they gave up.
#[derive(Clone, Debug)]
struct Person {
    now: PersonRecord,
    earlier: Vec<IdentityCommitment>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self { content: Arc::default(), patience: PATIENCE }
    }

    /// How long to wait for another writer before [`StoreError::Busy`]; 10 seconds unless told.
    #[must_use]
    pub fn busy_timeout(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    fn lock(&self) -> Result<MutexGuard<'_, Content>, StoreError> {
        let begin = Instant::now();
        loop {
            match self.content.try_lock() {
                Ok(content) => return Ok(content),
                // A panicking writer undid its rows while it unwound, see `Drop` below.
                Err(TryLockError::Poisoned(poisoned)) => return Ok(PoisonError::into_inner(poisoned)),
                Err(TryLockError::WouldBlock) if begin.elapsed() < self.patience => {
                    thread::sleep(Duration::from_micros(200));
                }
                Err(TryLockError::WouldBlock) => return Err(StoreError::Busy { waited: self.patience }),
            }
        }
    }
}

impl Content {
    fn genesis(&self) -> Option<Genesis> {
        self.genesis.clone()
    }

    fn policy(&self) -> Option<PolicyRecord> {
        self.policies.last().cloned()
    }

    fn policy_of(&self, id: PolicyId) -> Option<PolicyRecord> {
        self.policies.get(index(id.0.checked_sub(1)?)).cloned()
    }

    fn changes_since(&self, after: Sequence, limit: u32) -> Vec<ChangeRecord> {
        self.changes.iter().skip(index(after.0)).take(limit as usize).cloned().collect()
    }

    fn changes_of(&self, person: PersonId) -> Vec<ChangeRecord> {
        self.changes.iter().filter(|record| record.change.person() == Some(person)).cloned().collect()
    }

    fn roots_since(&self, after: Sequence, limit: u32) -> Vec<RootRecord> {
        self.changes.iter().skip(index(after.0)).take(limit as usize).map(|record| record.root.clone()).collect()
    }

    fn head(&self) -> Sequence {
        self.changes.last().map_or(Sequence::START, |record| record.sequence)
    }

    /// Places given out so far.
    fn leaves(&self) -> u64 {
        self.changes.last().map_or(0, |record| record.root.leaves)
    }

    fn person(&self, person: PersonId) -> Option<PersonRecord> {
        Some(self.persons.get(index(person.0.checked_sub(1)?))?.now.clone())
    }

    fn people_since(&self, after: u64, limit: u32) -> Vec<PersonRecord> {
        self.persons.iter().skip(index(after)).take(limit as usize).map(|person| person.now.clone()).collect()
    }

    fn census(&self) -> Census {
        let count = |status| self.persons.iter().filter(|person| person.now.status == status).count() as u64;
        Census {
            active: count(PersonStatus::Active),
            suspended: count(PersonStatus::Suspended),
            revoked: count(PersonStatus::Revoked),
            erased: count(PersonStatus::Erased),
        }
    }

    fn person_of(&self, commitment: &IdentityCommitment) -> Option<PersonId> {
        // Commitments are public, and this twin is for small registries: no index.
        let owns = |person: &&Person| {
            person.now.leaf.as_ref().is_some_and(|leaf| leaf.commitment == *commitment)
                || person.earlier.contains(commitment)
        };
        self.persons.iter().find(owns).map(|person| person.now.person)
    }

    fn decisions_since(&self, after: u64, limit: u32) -> Vec<DecisionRecord> {
        self.decisions.iter().skip(index(after)).take(limit as usize).cloned().collect()
    }

    fn next_person(&self) -> PersonId {
        PersonId(self.persons.len() as u64 + 1)
    }

    fn keyring(&self) -> Option<Vec<u8>> {
        self.keyring.clone()
    }

    fn decision(&self, id: DecisionId) -> Option<DecisionRecord> {
        self.decisions.get(index(id.0.checked_sub(1)?)).cloned()
    }

    fn decisions_of(&self, person: PersonId, since: u64, limit: u32) -> Vec<DecisionRecord> {
        let wanted = |record: &&DecisionRecord| record.person == Some(person) && record.at >= since;
        self.decisions.iter().rev().filter(wanted).take(limit as usize).cloned().collect()
    }

    fn saved_tree(&self) -> Option<Sequence> {
        self.tree.as_ref().map(|(sequence, _)| *sequence)
    }

    fn tree_page(&self, page: TreePage) -> Option<Vec<u8>> {
        self.tree.as_ref()?.1.get(&page).cloned()
    }

    fn recovery(&self, id: RecoveryId) -> Option<RecoveryRecord> {
        self.desk.recovery(id)
    }

    fn pending_recoveries(&self) -> Vec<RecoveryRecord> {
        self.desk.pending_recoveries()
    }

    fn review(&self, id: ReviewId) -> Option<ReviewRecord> {
        self.desk.review(id)
    }

    fn reviews_since(&self, after: u64, limit: u32) -> Vec<ReviewRecord> {
        self.desk.reviews_since(after, limit)
    }

    fn exceptions_of(&self, person: PersonId) -> Vec<PersonId> {
        self.desk.exceptions_of(person)
    }

    fn operators(&self) -> Vec<OperatorRecord> {
        self.desk.operators.values().cloned().collect()
    }

    fn stations(&self) -> Vec<StationRecord> {
        self.desk.stations.values().cloned().collect()
    }
}

/// A number of rows to skip; where it does not fit, there are fewer rows anyway.
fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The questions of [`ReadStore`], asked of a content.
macro_rules! reads {
    ($store:ty, |$self:ident| $content:expr) => {
        impl ReadStore for $store {
            reads! { @each |$self| $content;
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
                Ok(None)
            }
        }
    };
    (@each |$self:ident| $content:expr; $($name:ident($($argument:ident: $kind:ty),*) -> $answer:ty,)*) => {
        $(
            fn $name(&$self $(, $argument: $kind)*) -> Result<$answer, StoreError> {
                Ok($content.$name($($argument),*))
            }
        )*
    };
}

reads!(MemoryStore, |self| self.lock()?);
reads!(MemoryTransaction<'_>, |self| self.content);

impl Store for MemoryStore {
    type Transaction<'a> = MemoryTransaction<'a>;

    fn begin(&mut self) -> Result<MemoryTransaction<'_>, StoreError> {
        let content = self.lock()?;
        let before = Before::new(&content);
        Ok(MemoryTransaction { content, before })
    }
}

/// The only writer of a [`MemoryStore`].
///
/// Undoing is cutting back to the lengths at the beginning, and putting back what was changed, the latest first.
#[derive(Debug)]
pub struct MemoryTransaction<'a> {
    content: MutexGuard<'a, Content>,
    before: Before,
}

/// What a transaction found.
#[derive(Debug)]
struct Before {
    initialised: bool,
    policies: usize,
    persons: usize,
    changes: usize,
    decisions: usize,
    keyring: Option<Vec<u8>>,
    changed: Vec<Person>,
    /// As it was before it was first touched.
    desk: Option<Desk>,
    tree: Option<Option<SavedTree>>,
}

impl Before {
    fn new(content: &Content) -> Self {
        Self {
            initialised: content.genesis.is_some(),
            policies: content.policies.len(),
            persons: content.persons.len(),
            changes: content.changes.len(),
            decisions: content.decisions.len(),
            keyring: content.keyring.clone(),
            changed: Vec::new(),
            desk: None,
            tree: None,
        }
    }
}

impl Drop for MemoryTransaction<'_> {
    fn drop(&mut self) {
        if !self.before.initialised {
            self.content.genesis = None;
        }
        for person in self.before.changed.drain(..).rev() {
            let at = index(person.now.person.0 - 1);
            self.content.persons[at] = person;
        }
        self.content.keyring = self.before.keyring.take();
        if let Some(desk) = self.before.desk.take() {
            self.content.desk = desk;
        }
        if let Some(tree) = self.before.tree.take() {
            self.content.tree = tree;
        }
        self.content.policies.truncate(self.before.policies);
        self.content.persons.truncate(self.before.persons);
        self.content.changes.truncate(self.before.changes);
        self.content.decisions.truncate(self.before.decisions);
    }
}

impl MemoryTransaction<'_> {
    fn must_be_initialised(&self) -> Result<(), StoreError> {
        if self.content.genesis.is_some() { Ok(()) } else { Err(StoreError::NotInitialised) }
    }

    /// The desks, to be changed.
    fn desk(&mut self) -> Result<&mut Desk, StoreError> {
        self.must_be_initialised()?;
        if self.before.desk.is_none() {
            self.before.desk = Some(self.content.desk.clone());
        }
        Ok(&mut self.content.desk)
    }

    /// Is there such a decision, and are there such people?
    fn must_exist(&self, decision: Option<DecisionId>, people: &[PersonId]) -> Result<(), StoreError> {
        let decided = decision.is_none_or(|id| self.content.decision(id).is_some());
        if decided && people.iter().all(|person| self.content.person(*person).is_some()) {
            return Ok(());
        }
        Err(StoreError::Conflict { detail: "the row names a decision or person that is not there".into() })
    }

    /// The rules of [`WriteTransaction::insert_decision`]; `person` is about to be there.
    fn check_decision(&self, new: &NewDecision<'_>) -> Result<(), StoreError> {
        fits("time", new.at)?;
        let known = new.person.is_none_or(|person| self.content.person(person).is_some());
        if self.content.policy_of(new.policy).is_none() || !known {
            return Err(StoreError::Conflict {
                detail: "the decision names a policy or person that is not there".into(),
            });
        }
        Ok(())
    }

    fn add_decision(&mut self, new: &NewDecision<'_>) -> DecisionId {
        let id = DecisionId(self.content.decisions.len() as u64 + 1);
        self.content.decisions.push(DecisionRecord {
            id,
            at: new.at,
            operator: new.operator.to_owned(),
            action: new.action.to_owned(),
            outcome: new.outcome.to_owned(),
            person: new.person,
            policy: new.policy,
            software: new.software.to_owned(),
            details: new.details.to_owned(),
        });
        id
    }

    fn add_change(
        &mut self,
        change: Change,
        leaves: u64,
        (root, at): (MerkleRoot, u64),
        decision: &NewDecision<'_>,
    ) -> (Sequence, DecisionId) {
        let decision = self.add_decision(decision);
        let sequence = Sequence(self.content.head().0 + 1);
        let root = RootRecord { sequence, root, leaves, at };
        self.content.changes.push(ChangeRecord { sequence, change, decision, root });
        (sequence, decision)
    }
}

impl WriteTransaction for MemoryTransaction<'_> {
    fn initialise(&mut self, genesis: &Genesis) -> Result<PolicyId, StoreError> {
        if self.content.genesis.is_some() {
            return Err(StoreError::AlreadyInitialised);
        }
        fits("time", genesis.created_at)?;
        self.content.genesis = Some(genesis.clone());
        let id = PolicyId(1);
        let document = genesis.policy.clone();
        self.content.policies.push(PolicyRecord { id, adopted_at: genesis.created_at, document });
        Ok(id)
    }

    fn insert_person(&mut self, new: NewPerson<'_>) -> Result<Inserted, StoreError> {
        self.must_be_initialised()?;
        let leaves = self.content.leaves();
        new.check(leaves, self.content.person_of(&new.leaf.commitment))?;
        fits("time", new.at.max(new.root_at))?;
        self.check_decision(&NewDecision { person: None, ..new.decision })?;
        let person = PersonId(self.content.persons.len() as u64 + 1);
        let change = Change::Enrolled { person, index: new.leaf.index, leaf: new.leaf.leaf };
        let now = PersonRecord {
            person,
            enrolled_at: new.at,
            status: PersonStatus::Active,
            template_version: 1,
            templates: new.templates,
            leaf: Some(new.leaf),
        };
        self.content.persons.push(Person { now, earlier: Vec::new() });
        let decision = NewDecision { person: Some(person), ..new.decision };
        let (sequence, decision) = self.add_change(change, leaves + 1, (new.root, new.root_at), &decision);
        Ok(Inserted { person, sequence, decision })
    }

    fn change_person(&mut self, new: PersonChange<'_>) -> Result<Inserted, StoreError> {
        self.must_be_initialised()?;
        let person = new.person;
        let unknown = || StoreError::Conflict { detail: format!("there is no person {person}") };
        let at = person.0.checked_sub(1).map(index).ok_or_else(unknown)?;
        let before = self.content.persons.get(at).ok_or_else(unknown)?.clone();
        let taken = match &new.step {
            PersonStep::Recover { leaf } => self.content.person_of(&leaf.commitment),
            _ => None,
        };
        let Plan { status, change, leaves } = new.step.plan(&before.now, self.content.leaves(), taken)?;
        fits("time", new.root_at)?;
        let decision = NewDecision { person: Some(person), ..new.decision };
        self.check_decision(&decision)?;
        if matches!(new.step, PersonStep::Erase) {
            self.desk()?.erase(person);
        }
        let Person { now, earlier } = &mut self.content.persons[at];
        now.status = status;
        match new.step {
            PersonStep::Refresh { templates } => {
                now.templates = templates;
                now.template_version += 1;
            }
            PersonStep::Recover { leaf } => {
                earlier.extend(now.leaf.replace(leaf).map(|leaf| leaf.commitment));
            }
            PersonStep::Renew { leaf } => now.leaf = Some(leaf),
            PersonStep::Erase => {
                now.templates = TemplatePair::default();
                now.leaf = None;
                earlier.clear();
            }
            PersonStep::Suspend | PersonStep::Reinstate | PersonStep::Revoke => {}
        }
        self.before.changed.push(before);
        let (sequence, decision) = self.add_change(change, leaves, (new.root, new.root_at), &decision);
        Ok(Inserted { person, sequence, decision })
    }

    fn adopt_policy(&mut self, new: NewPolicy<'_>) -> Result<PolicyId, StoreError> {
        self.must_be_initialised()?;
        fits("time", new.root_at)?;
        self.check_decision(&new.decision)?;
        let id = PolicyId(self.content.policies.len() as u64 + 1);
        let document = new.document.to_owned();
        self.content.policies.push(PolicyRecord { id, adopted_at: new.decision.at, document });
        let leaves = self.content.leaves();
        self.add_change(Change::PolicyAdopted { policy: id }, leaves, (new.root, new.root_at), &new.decision);
        Ok(id)
    }

    fn insert_decision(&mut self, new: &NewDecision<'_>) -> Result<DecisionId, StoreError> {
        self.must_be_initialised()?;
        self.check_decision(new)?;
        Ok(self.add_decision(new))
    }

    fn set_keyring(&mut self, keyring: &[u8]) -> Result<(), StoreError> {
        self.content.keyring = Some(keyring.to_vec());
        Ok(())
    }

    fn replace_records(&mut self, person: PersonId, templates: TemplatePair) -> Result<(), StoreError> {
        let at = person.0.checked_sub(1).map_or(usize::MAX, index);
        let before = self.content.persons.get(at).cloned();
        let same_eyes = |before: &Person| before.now.templates.same_eyes(&templates);
        let before = before.filter(same_eyes).ok_or_else(|| other_eyes(person))?;
        self.content.persons[at].now.templates = templates;
        self.before.changed.push(before);
        Ok(())
    }

    fn save_tree(&mut self, sequence: Sequence, pages: &[(TreePage, Vec<u8>)]) -> Result<(), StoreError> {
        self.must_be_initialised()?;
        if self.before.tree.is_none() {
            self.before.tree = Some(self.content.tree.clone());
        }
        let (at, saved) = self.content.tree.get_or_insert_with(|| (Sequence::START, BTreeMap::new()));
        *at = sequence;
        saved.extend(pages.iter().cloned());
        Ok(())
    }

    fn open_recovery(&mut self, recovery: &NewRecovery) -> Result<RecoveryId, StoreError> {
        self.must_be_initialised()?;
        self.must_exist(Some(recovery.decision), &[recovery.person])?;
        self.desk()?.open_recovery(recovery)
    }

    fn close_recovery(&mut self, id: RecoveryId, completed: bool) -> Result<(), StoreError> {
        self.desk()?.close_recovery(id, completed)
    }

    fn open_review(&mut self, review: NewReview) -> Result<ReviewId, StoreError> {
        self.must_be_initialised()?;
        self.must_exist(Some(review.decision), &[])?;
        self.desk()?.open_review(review)
    }

    fn vote(&mut self, id: ReviewId, vote: &ReviewVote) -> Result<(), StoreError> {
        self.desk()?.vote(id, vote)
    }

    fn step_review(&mut self, id: ReviewId, step: ReviewStep) -> Result<(), StoreError> {
        if let ReviewStep::Close { person: Some(person), .. } = step {
            self.must_exist(None, &[person])?;
        }
        self.desk()?.step_review(id, step)
    }

    fn insert_exception(&mut self, person: PersonId, other: PersonId, review: ReviewId) -> Result<(), StoreError> {
        self.must_exist(None, &[person, other])?;
        if self.content.review(review).is_none() {
            return Err(StoreError::Conflict { detail: format!("there is no review {review}") });
        }
        self.desk()?.insert_exception(person, other, review)
    }

    fn put_operator(&mut self, operator: &OperatorRecord) -> Result<(), StoreError> {
        self.desk()?.put_operator(operator)
    }

    fn put_station(&mut self, station: &StationRecord) -> Result<(), StoreError> {
        self.desk()?.put_station(station)
    }

    fn insert_challenge(&mut self, challenge: &[u8; 32], expires_at: u64) -> Result<(), StoreError> {
        self.desk()?.insert_challenge(challenge, expires_at)
    }

    fn take_challenge(&mut self, challenge: &[u8; 32]) -> Result<Option<u64>, StoreError> {
        Ok(self.desk()?.challenges.remove(challenge))
    }

    fn forget_challenges(&mut self, before: u64) -> Result<(), StoreError> {
        self.desk()?.challenges.retain(|_, expires_at| *expires_at >= before);
        Ok(())
    }

    fn commit(mut self) -> Result<(), StoreError> {
        // What is there now is what `drop` cuts back to.
        self.before = Before::new(&self.content);
        Ok(())
    }
}

fn fits(what: &'static str, value: u64) -> Result<(), StoreError> {
    if value > super::LARGEST {
        return Err(StoreError::OutOfRange { what, value, limit: super::LARGEST });
    }
    Ok(())
}
