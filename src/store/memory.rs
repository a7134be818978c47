//! The twin without a disk.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use super::{
    Change, ChangeRecord, DecisionId, DecisionRecord, Genesis, Inserted, NewDecision, NewPerson, PersonId,
    PersonRecord, PolicyId, PolicyRecord, ReadStore, RootRecord, Sequence, Store, StoreError, WriteTransaction,
};
use crate::identity::IdentityCommitment;

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
    persons: Vec<PersonRecord>,
    roots: Vec<RootRecord>,
    decisions: Vec<DecisionRecord>,
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
    fn policy(&self) -> Option<PolicyRecord> {
        self.genesis.as_ref().map(|genesis| PolicyRecord {
            id: PolicyId(1),
            adopted_at: genesis.created_at,
            document: genesis.policy.clone(),
        })
    }

    fn changes_since(&self, after: Sequence, limit: u32) -> Vec<ChangeRecord> {
        // Every change so far is an enrolment, so change n brought person n.
        let rows = self.persons.iter().zip(&self.roots);
        rows.skip(index(after.0))
            .take(limit as usize)
            .map(|(person, root)| ChangeRecord {
                sequence: root.sequence,
                change: Change::Enrolled(Box::new(person.clone())),
                root: root.clone(),
            })
            .collect()
    }

    fn roots_since(&self, after: Sequence, limit: u32) -> Vec<RootRecord> {
        self.roots.iter().skip(index(after.0)).take(limit as usize).cloned().collect()
    }

    fn head(&self) -> Sequence {
        self.roots.last().map_or(Sequence::START, |root| root.sequence)
    }

    fn person(&self, person: PersonId) -> Option<PersonRecord> {
        self.persons.get(index(person.0.checked_sub(1)?)).cloned()
    }

    fn person_of(&self, commitment: &IdentityCommitment) -> Option<PersonId> {
        // Commitments are public, and this twin is for small registries: no index.
        self.persons.iter().find(|person| person.leaf.commitment == *commitment).map(|person| person.person)
    }

    fn decisions_since(&self, after: u64, limit: u32) -> Vec<DecisionRecord> {
        self.decisions.iter().skip(index(after)).take(limit as usize).cloned().collect()
    }
}

/// A number of rows to skip; where it does not fit, there are fewer rows anyway.
fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl ReadStore for MemoryStore {
    fn genesis(&self) -> Result<Option<Genesis>, StoreError> {
        Ok(self.lock()?.genesis.clone())
    }

    fn policy(&self) -> Result<Option<PolicyRecord>, StoreError> {
        Ok(self.lock()?.policy())
    }

    fn changes_since(&self, after: Sequence, limit: u32) -> Result<Vec<ChangeRecord>, StoreError> {
        Ok(self.lock()?.changes_since(after, limit))
    }

    fn roots_since(&self, after: Sequence, limit: u32) -> Result<Vec<RootRecord>, StoreError> {
        Ok(self.lock()?.roots_since(after, limit))
    }

    fn head(&self) -> Result<Sequence, StoreError> {
        Ok(self.lock()?.head())
    }

    fn person(&self, person: PersonId) -> Result<Option<PersonRecord>, StoreError> {
        Ok(self.lock()?.person(person))
    }

    fn person_of(&self, commitment: &IdentityCommitment) -> Result<Option<PersonId>, StoreError> {
        Ok(self.lock()?.person_of(commitment))
    }

    fn decisions_since(&self, after: u64, limit: u32) -> Result<Vec<DecisionRecord>, StoreError> {
        Ok(self.lock()?.decisions_since(after, limit))
    }

    fn disk_bytes(&self) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }
}

impl Store for MemoryStore {
    type Transaction<'a> = MemoryTransaction<'a>;

    fn begin(&mut self) -> Result<MemoryTransaction<'_>, StoreError> {
        let content = self.lock()?;
        let before = Lengths {
            initialised: content.genesis.is_some(),
            persons: content.persons.len(),
            decisions: content.decisions.len(),
        };
        Ok(MemoryTransaction { content, before })
    }
}

/// The only writer of a [`MemoryStore`].
///
/// Rows are only ever appended, so undoing is cutting back to the lengths at the beginning.
#[derive(Debug)]
pub struct MemoryTransaction<'a> {
    content: MutexGuard<'a, Content>,
    before: Lengths,
}

#[derive(Clone, Copy, Debug)]
struct Lengths {
    initialised: bool,
    persons: usize,
    decisions: usize,
}

impl Drop for MemoryTransaction<'_> {
    fn drop(&mut self) {
        if !self.before.initialised {
            self.content.genesis = None;
        }
        self.content.persons.truncate(self.before.persons);
        self.content.roots.truncate(self.before.persons);
        self.content.decisions.truncate(self.before.decisions);
    }
}

impl ReadStore for MemoryTransaction<'_> {
    fn genesis(&self) -> Result<Option<Genesis>, StoreError> {
        Ok(self.content.genesis.clone())
    }

    fn policy(&self) -> Result<Option<PolicyRecord>, StoreError> {
        Ok(self.content.policy())
    }

    fn changes_since(&self, after: Sequence, limit: u32) -> Result<Vec<ChangeRecord>, StoreError> {
        Ok(self.content.changes_since(after, limit))
    }

    fn roots_since(&self, after: Sequence, limit: u32) -> Result<Vec<RootRecord>, StoreError> {
        Ok(self.content.roots_since(after, limit))
    }

    fn head(&self) -> Result<Sequence, StoreError> {
        Ok(self.content.head())
    }

    fn person(&self, person: PersonId) -> Result<Option<PersonRecord>, StoreError> {
        Ok(self.content.person(person))
    }

    fn person_of(&self, commitment: &IdentityCommitment) -> Result<Option<PersonId>, StoreError> {
        Ok(self.content.person_of(commitment))
    }

    fn decisions_since(&self, after: u64, limit: u32) -> Result<Vec<DecisionRecord>, StoreError> {
        Ok(self.content.decisions_since(after, limit))
    }

    fn disk_bytes(&self) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }
}

impl WriteTransaction for MemoryTransaction<'_> {
    fn initialise(&mut self, genesis: &Genesis) -> Result<PolicyId, StoreError> {
        if self.content.genesis.is_some() {
            return Err(StoreError::AlreadyInitialised);
        }
        fits("time", genesis.created_at)?;
        self.content.genesis = Some(genesis.clone());
        Ok(PolicyId(1))
    }

    fn insert_person(&mut self, new: NewPerson<'_>) -> Result<Inserted, StoreError> {
        if self.content.genesis.is_none() {
            return Err(StoreError::NotInitialised);
        }
        let leaves = self.content.persons.len() as u64;
        new.check(leaves, self.content.person_of(&new.leaf.commitment))?;
        fits("time", new.at.max(new.root_at))?;
        let person = PersonId(leaves + 1);
        let sequence = Sequence(self.content.head().0 + 1);
        self.content.persons.push(PersonRecord {
            person,
            enrolled_at: new.at,
            templates: new.templates,
            leaf: new.leaf,
        });
        self.content.roots.push(RootRecord { sequence, root: new.root, leaves: leaves + 1, at: new.root_at });
        match self.insert_decision(&NewDecision { person: Some(person), ..new.decision }) {
            Ok(decision) => Ok(Inserted { person, sequence, decision }),
            Err(error) => {
                self.content.persons.pop();
                self.content.roots.pop();
                Err(error)
            }
        }
    }

    fn insert_decision(&mut self, new: &NewDecision<'_>) -> Result<DecisionId, StoreError> {
        if self.content.genesis.is_none() {
            return Err(StoreError::NotInitialised);
        }
        fits("time", new.at)?;
        if new.policy != PolicyId(1) || new.person.is_some_and(|person| self.content.person(person).is_none()) {
            return Err(StoreError::Conflict {
                detail: "the decision names a policy or person that is not there".into(),
            });
        }
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
        Ok(id)
    }

    fn commit(mut self) -> Result<(), StoreError> {
        // What is there now is what `drop` cuts back to.
        self.before = Lengths {
            initialised: self.content.genesis.is_some(),
            persons: self.content.persons.len(),
            decisions: self.content.decisions.len(),
        };
        Ok(())
    }
}

fn fits(what: &'static str, value: u64) -> Result<(), StoreError> {
    if value > super::LARGEST {
        return Err(StoreError::OutOfRange { what, value, limit: super::LARGEST });
    }
    Ok(())
}
