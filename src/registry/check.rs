//! Does everything that a store says about a registry agree?
//!
//! Opening a registry compares the tree with the last root and with everybody's leaf. This goes through the whole history: each
//! change is played again, so that every root is computed anew, and what the changes make of everybody is compared with what the
//! rows say.

use std::collections::BTreeMap;

use super::decision::Decision;
use super::{RegistryError, RegistryPolicy, eyes_of_pair};
use crate::identity::Leaf;
use crate::store::{
    Change, ChangeRecord, DecisionRecord, PersonId, PersonRecord, PersonStatus, PolicyId, ReadStore, Sequence,
    StoreError,
};
use crate::tree::{LeafIndex, MerkleRoot, RootHistory, Tree, TreePage};

/// Rows read at a time.
const ROWS: u32 = 4_096;
/// No more contradictions are listed: a registry that has so many is no better known by more.
const MAXIMUM_FINDINGS: usize = 1_000;

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The newest change.
    pub sequence: Sequence,
    /// People, the erased ones included.
    pub people: u64,
    /// Changes that were played again.
    pub changes: u64,
    /// Decisions that were read.
    pub decisions: u64,
    /// The root that the changes lead to.
    pub root: MerkleRoot,
    /// What contradicts what, in words; empty if nothing does. At most 1,000.
    pub findings: Vec<String>,
}

/// What the changes so far make of a person.
struct Expected {
    status: PersonStatus,
    version: u32,
    index: LeafIndex,
    leaf: Leaf,
}

struct Check<'a, R> {
    store: &'a R,
    findings: Vec<String>,
    people: BTreeMap<PersonId, Expected>,
    tree: Tree,
    sequence: Sequence,
    changes: u64,
}

/// Checks the registry in a store that nobody writes to meanwhile: pass a transaction if others might.
///
/// It reads everything and changes nothing. Damage is a finding where the rest can still be looked at.
///
/// # Errors
///
/// [`RegistryError::Store`] if there is no registry, or rows cannot be read at all.
pub fn check(store: &impl ReadStore) -> Result<Checked, RegistryError> {
    let genesis = store.genesis()?.ok_or(StoreError::NotInitialised)?;
    let mut check = Check {
        store,
        findings: Vec::new(),
        people: BTreeMap::new(),
        tree: Tree::new(),
        sequence: Sequence::START,
        changes: 0,
    };
    let decisions = check.decisions()?;
    check.play(genesis.created_at, &decisions)?;
    let people = check.persons()?;
    check.policies()?;
    check.desks()?;
    check.findings.truncate(MAXIMUM_FINDINGS);
    Ok(Checked {
        sequence: check.sequence,
        people,
        changes: check.changes,
        decisions: decisions.len() as u64,
        root: check.tree.root(),
        findings: check.findings,
    })
}

impl<R: ReadStore> Check<'_, R> {
    fn found(&mut self, finding: String) {
        if self.findings.len() < MAXIMUM_FINDINGS {
            self.findings.push(finding);
        }
    }

    /// Every decision: numbers without gaps, details that can be read. Returns whom each is about.
    fn decisions(&mut self) -> Result<Vec<Option<PersonId>>, RegistryError> {
        let mut about = Vec::new();
        loop {
            let batch = self.store.decisions_since(about.len() as u64, ROWS)?;
            if batch.is_empty() {
                return Ok(about);
            }
            for record in batch {
                let DecisionRecord { id, person, .. } = record;
                if id.as_u64() != about.len() as u64 + 1 {
                    self.found(format!("decision {id} follows {}", about.len()));
                    return Ok(about);
                }
                about.push(person);
                if let Err(detail) = Decision::from_record(record) {
                    self.found(format!("decision {id}: {detail}"));
                }
            }
        }
    }

    /// Every change once more: its root, its count, its time, its decision, and what it makes of a person.
    fn play(&mut self, created_at: u64, decisions: &[Option<PersonId>]) -> Result<(), RegistryError> {
        let mut roots = RootHistory::new(self.tree.root(), created_at);
        let saved = self.store.saved_tree()?;
        loop {
            let batch = self.store.changes_since(self.sequence, ROWS)?;
            if batch.is_empty() {
                if saved.is_some_and(|saved| saved > self.sequence) {
                    self.found(
                        "the saved tree is of a change that is not there; it is derived, and not used".to_owned(),
                    );
                }
                return Ok(());
            }
            for record in batch {
                let ChangeRecord { sequence, change, decision, root } = record;
                if sequence.as_u64() != self.sequence.as_u64() + 1 {
                    self.found(format!("change {sequence} follows {}", self.sequence));
                }
                (self.sequence, self.changes) = (sequence, self.changes + 1);
                if let Err(detail) = self.make(&change) {
                    self.found(format!("change {sequence}: {detail}"));
                }
                if self.tree.root() != root.root || u64::from(self.tree.len()) != root.leaves {
                    self.found(format!("change {sequence} has another root or count than its leaves"));
                }
                if saved == Some(sequence) {
                    self.saved_tree(sequence)?;
                }
                if let Err(error) = roots.advance(root.root, root.at) {
                    self.found(format!("change {sequence}: {error}"));
                }
                let about = usize::try_from(decision.as_u64().wrapping_sub(1)).ok().and_then(|at| decisions.get(at));
                if about.is_none_or(|about| *about != change.person()) {
                    self.found(format!("change {sequence} and its decision {decision} are about different people"));
                }
            }
        }
    }

    /// Is the saved tree the one of its change, node by node?
    fn saved_tree(&mut self, sequence: Sequence) -> Result<(), RegistryError> {
        for page in self.tree.pages(None) {
            if self.store.tree_page(page)? != self.tree.page(page) {
                let TreePage { level, number } = page;
                self.found(format!(
                    "page {number} of level {level} of the saved tree is not that of change {sequence}; it is derived, \
                     and the next change saves it anew"
                ));
            }
        }
        Ok(())
    }

    /// Does to the tree and to what is expected of a person what a change did.
    fn make(&mut self, change: &Change) -> Result<(), String> {
        let error = |error: crate::tree::TreeError| error.to_string();
        if let Some(index) = change.removed() {
            self.tree.remove(index).map_err(error)?;
        }
        match change.placed() {
            Some((index, leaf)) if index.as_u32() == self.tree.len() => drop(self.tree.push(leaf).map_err(error)?),
            Some((index, leaf)) => self.tree.replace(index, leaf).map_err(error)?,
            None => {}
        }
        let Some(person) = change.person() else { return Ok(()) };
        if let Change::Enrolled { index, leaf, .. } = change {
            let expected = Expected { status: PersonStatus::Active, version: 1, index: *index, leaf: *leaf };
            return match self.people.insert(person, expected) {
                None => Ok(()),
                Some(_) => Err(format!("person {person} is enrolled twice")),
            };
        }
        let Some(expected) = self.people.get_mut(&person) else {
            return Err(format!("person {person} was not enrolled before"));
        };
        let (status, before) = (expected.status, expected.index);
        if change.removed().is_some_and(|removed| removed != before || status != PersonStatus::Active) {
            return Err(format!("another leaf than person {person}'s died"));
        }
        let possible = match change {
            Change::Refreshed { version, .. } => {
                let next = *version == expected.version + 1;
                expected.version = *version;
                next && status == PersonStatus::Active
            }
            Change::Recovered { index, leaf, .. } => {
                (expected.index, expected.leaf) = (*index, *leaf);
                status == PersonStatus::Active
            }
            Change::Renewed { index, leaf, .. } => {
                expected.leaf = *leaf;
                status == PersonStatus::Active && *index == before
            }
            Change::Reinstated { index, leaf, .. } => {
                expected.status = PersonStatus::Active;
                status == PersonStatus::Suspended && *index == before && *leaf == expected.leaf
            }
            Change::Suspended { .. } => {
                expected.status = PersonStatus::Suspended;
                status == PersonStatus::Active
            }
            Change::Revoked { removed, .. } => {
                expected.status = PersonStatus::Revoked;
                matches!(status, PersonStatus::Active | PersonStatus::Suspended)
                    && removed.is_some() == (status == PersonStatus::Active)
            }
            Change::Erased { removed, .. } => {
                expected.status = PersonStatus::Erased;
                status != PersonStatus::Erased && removed.is_some() == (status == PersonStatus::Active)
            }
            Change::Enrolled { .. } | Change::PolicyAdopted { .. } => true,
        };
        if possible {
            Ok(())
        } else {
            Err(format!("person {person} was {}: {} is no next step", status.as_str(), change.as_str()))
        }
    }

    /// Everybody's row against what the changes made of them.
    fn persons(&mut self) -> Result<u64, RegistryError> {
        let mut people = 0;
        loop {
            let batch = self.store.people_since(people, super::PEOPLE)?;
            if batch.is_empty() {
                break;
            }
            for record in batch {
                people += 1;
                if record.person.as_u64() != people {
                    self.found(format!("person {} follows {}", record.person, people - 1));
                    people = record.person.as_u64();
                }
                if let Err(detail) = self.person(&record) {
                    self.found(format!("person {}: {detail}", record.person));
                }
                self.people.remove(&record.person);
            }
        }
        for person in std::mem::take(&mut self.people).into_keys() {
            self.found(format!("person {person} is in the changes and nowhere else"));
        }
        Ok(people)
    }

    fn person(&self, record: &PersonRecord) -> Result<(), String> {
        let expected = self.people.get(&record.person).ok_or("no change speaks of them")?;
        if (record.status, record.template_version) != (expected.status, expected.version) {
            return Err(format!(
                "{} with templates of version {}, and by the changes {} with version {}",
                record.status.as_str(),
                record.template_version,
                expected.status.as_str(),
                expected.version
            ));
        }
        if let Some(leaf) = &record.leaf {
            if (leaf.index, leaf.leaf) != (expected.index, expected.leaf) {
                return Err("their leaf is not the one of the changes".to_owned());
            }
            if Leaf::new(&leaf.commitment, &leaf.credential) != leaf.leaf {
                return Err("their leaf is not that of their commitment and credential".to_owned());
            }
        }
        eyes_of_pair(&record.templates, &format!("person {}", record.person))
            .map(drop)
            .map_err(|error| error.to_string())
    }

    /// Every policy can be read.
    fn policies(&mut self) -> Result<(), RegistryError> {
        let newest = self.store.policy()?.ok_or(StoreError::NotInitialised)?.id;
        for number in 1..=newest.as_u64() {
            match self.store.policy_of(PolicyId::new(number)?)? {
                None => self.found(format!("policy {number} is gone")),
                Some(policy) => {
                    if let Err(error) = RegistryPolicy::from_json(&policy.document) {
                        self.found(format!("policy {number}: {error}"));
                    }
                }
            }
        }
        Ok(())
    }

    /// Reviews and recoveries can be read.
    fn desks(&mut self) -> Result<(), RegistryError> {
        self.store.pending_recoveries()?;
        let mut after = 0;
        loop {
            let reviews = self.store.reviews_since(after, super::PEOPLE)?;
            let Some(last) = reviews.last() else { return Ok(()) };
            after = last.id.as_u64();
            for review in reviews {
                let owner = format!("review {}", review.id);
                if let Err(error) = eyes_of_pair(&review.templates, &owner) {
                    self.found(error.to_string());
                }
                let waits = review.verdict.is_none();
                let has_eyes = review.templates.left.is_some() || review.templates.right.is_some();
                if has_eyes != review.commitment.is_some() || (waits && !has_eyes) {
                    self.found(format!(
                        "{owner} is {} with some of its candidate gone",
                        if waits { "open" } else { "closed" }
                    ));
                }
            }
        }
    }
}
