//! A person's life after enrolment: newer captures, other dates, suspension, revocation, erasure.
//!
//! Each step is one transaction with its decision. What it does to the tree is known before it is written, so that leaf and
//! root are stored together; what it does to the gallery is learned from the store afterwards, as other processes learn it.

use super::decision::{Action, Details, SOFTWARE};
use super::{ACCEPTED, Registry, RegistryError, StepError};
use crate::identity::{Credential, Leaf};
use crate::store::{
    DecisionId, LeafRecord, NewDecision, PersonChange, PersonId, PersonRecord, PersonStatus, PersonStep,
    ReadStore as _, RecoveryId, Sequence, Store, WriteTransaction,
};
use crate::tree::{LeafIndex, MerkleRoot};

/// A step in somebody's life that was taken; it is on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Changed {
    /// Who.
    pub person: PersonId,
    /// How they stand from now on.
    pub status: PersonStatus,
    /// The change's number.
    pub sequence: Sequence,
    /// The decision's number.
    pub decision: DecisionId,
    /// Their leaf's place and what it certifies; none once they are erased.
    pub leaf: Option<(LeafIndex, Credential)>,
    /// The root from now on.
    pub root: MerkleRoot,
}

impl<S: Store> Registry<S> {
    /// Takes a person's leaf out of the tree, until they are reinstated.
    ///
    /// Proofs under earlier roots are refused once a verifier's window for roots has passed, and at once by one that asks
    /// for roots that were current after its action opened.
    ///
    /// # Errors
    ///
    /// [`StepError`].
    pub fn suspend(&mut self, person: PersonId, at: u64, reason: &str) -> Result<Changed, StepError> {
        self.step(person, at, Action::Suspend, reason, |record| {
            must_be(record, &[PersonStatus::Active])?;
            Ok(PersonStep::Suspend)
        })
    }

    /// Puts the leaf of a suspended person back. It is the same leaf, so that nothing can be claimed twice.
    ///
    /// # Errors
    ///
    /// [`StepError`].
    pub fn reinstate(&mut self, person: PersonId, at: u64, reason: &str) -> Result<Changed, StepError> {
        self.step(person, at, Action::Reinstate, reason, |record| {
            must_be(record, &[PersonStatus::Suspended])?;
            Ok(PersonStep::Reinstate)
        })
    }

    /// Takes a person's leaf out of the tree for good. Their eyes stay, so that they do not come in again.
    ///
    /// # Errors
    ///
    /// [`StepError`].
    pub fn revoke(&mut self, person: PersonId, at: u64, reason: &str) -> Result<Changed, StepError> {
        self.step(person, at, Action::Revoke, reason, |record| {
            must_be(record, &[PersonStatus::Active, PersonStatus::Suspended])?;
            Ok(PersonStep::Revoke)
        })
    }

    /// Gives a person's credential another end. Date of issue, commitment and place stay, so that nothing can be claimed twice.
    ///
    /// # Errors
    ///
    /// [`StepError`].
    pub fn renew(&mut self, person: PersonId, at: u64, expires_at: u64) -> Result<Changed, StepError> {
        self.step(person, at, Action::Renew, "", |record| {
            let present = must_be(record, &[PersonStatus::Active])?;
            let old = present.credential;
            let credential = Credential::new(old.issued_at(), expires_at, old.assurance())?;
            let leaf = Leaf::new(&present.commitment, &credential);
            Ok(PersonStep::Renew { leaf: LeafRecord { credential, leaf, ..present.clone() } })
        })
    }

    /// Takes away everything about a person but their number and the facts of what was decided: templates, commitments,
    /// leaf, a pending recovery.
    ///
    /// From then on nobody can tell whether they come in again. The store's files are made to forget what was deleted, unless
    /// another process still reads them (see [`scrub`](Self::scrub)). Copies that were made before (backups, file systems that
    /// keep old blocks) are not reached: [`erase_listed`](Self::erase_listed) erases again whom one brings back.
    ///
    /// # Errors
    ///
    /// [`StepError`].
    pub fn erase(&mut self, person: PersonId, at: u64, reason: &str) -> Result<Changed, StepError> {
        let erased = self.step(person, at, Action::Erase, reason, |record| {
            must_be(record, &[PersonStatus::Active, PersonStatus::Suspended, PersonStatus::Revoked])?;
            Ok(PersonStep::Erase)
        })?;
        // They are erased, whatever comes of this: `scrub` is there for whoever wants to know.
        let _ = self.store.scrub();
        Ok(erased)
    }

    /// The people whose credential ended longer ago than the policy keeps them, by number; nobody if it keeps them without
    /// limit. Whoever is returned here is to be erased.
    ///
    /// # Errors
    ///
    /// [`RegistryError`].
    pub fn overdue(&mut self, at: u64) -> Result<Vec<PersonId>, RegistryError> {
        self.require(Action::Audit)?;
        self.refresh()?;
        let mut overdue = Vec::new();
        if self.policy.retention_seconds == 0 {
            return Ok(overdue);
        }
        let mut after = 0;
        loop {
            let people = self.store.people_since(after, super::PEOPLE)?;
            let Some(last) = people.last() else { return Ok(overdue) };
            after = last.person.as_u64();
            let ended = |person: &&PersonRecord| {
                let leaf = person.leaf.as_ref();
                leaf.is_some_and(|leaf| leaf.credential.expires_at().saturating_add(self.policy.retention_seconds) < at)
            };
            overdue.extend(people.iter().filter(ended).map(|person| person.person));
        }
    }

    /// One step: reads the person under the lock, asks for the step, and stores it with its root and decision.
    fn step(
        &mut self,
        person: PersonId,
        at: u64,
        action: Action,
        reason: &str,
        step: impl FnOnce(&PersonRecord) -> Result<PersonStep, StepError>,
    ) -> Result<Changed, StepError> {
        self.require(action)?;
        self.refresh()?;
        let mut transaction = self.store.begin()?;
        self.known.catch_up(&transaction)?;
        let record = transaction.person(person)?.ok_or(StepError::UnknownPerson { person })?;
        let step = step(&record)?;
        let deciding = Deciding {
            known: &self.known,
            operator: &self.operator,
            policy: self.policy_id,
            at,
            action,
            details: Details::new(1, 0, &[]).with_reason(reason),
        };
        let changed = deciding.take(&mut transaction, &record, step, None)?;
        transaction.commit()?;
        self.learn();
        Ok(changed)
    }
}

/// The leaf of a person who stands in one of these ways.
pub(super) fn must_be<'a>(record: &'a PersonRecord, wanted: &[PersonStatus]) -> Result<&'a LeafRecord, StepError> {
    match &record.leaf {
        Some(leaf) if wanted.contains(&record.status) => Ok(leaf),
        _ => Err(StepError::NotPossible { person: record.person, status: record.status }),
    }
}

/// A step that was decided and is about to be stored.
pub(super) struct Deciding<'a> {
    pub(super) known: &'a super::known::Known,
    pub(super) operator: &'a str,
    pub(super) policy: crate::store::PolicyId,
    pub(super) at: u64,
    pub(super) action: Action,
    pub(super) details: Details,
}

impl Deciding<'_> {
    /// Stores a step with its root and decision; a recovery that it completes is closed.
    pub(super) fn take(
        &self,
        transaction: &mut impl WriteTransaction,
        before: &PersonRecord,
        step: PersonStep,
        recovery: Option<RecoveryId>,
    ) -> Result<Changed, RegistryError> {
        let present = before.leaf.as_ref().map(|leaf| leaf.index);
        let alive = present.filter(|_| before.status == PersonStatus::Active);
        let (status, leaf, places) = match &step {
            PersonStep::Refresh { .. } => (PersonStatus::Active, before.leaf.clone(), Vec::new()),
            PersonStep::Suspend => (PersonStatus::Suspended, before.leaf.clone(), out(alive)),
            PersonStep::Revoke => (PersonStatus::Revoked, before.leaf.clone(), out(alive)),
            PersonStep::Erase => (PersonStatus::Erased, None, out(alive)),
            PersonStep::Reinstate => {
                let back = before.leaf.iter().map(|leaf| (leaf.index, Some(leaf.leaf))).collect();
                (PersonStatus::Active, before.leaf.clone(), back)
            }
            PersonStep::Renew { leaf } => {
                (PersonStatus::Active, Some(leaf.clone()), vec![(leaf.index, Some(leaf.leaf))])
            }
            PersonStep::Recover { leaf } => {
                let mut places = out(alive);
                places.push((leaf.index, Some(leaf.leaf)));
                (PersonStatus::Active, Some(leaf.clone()), places)
            }
        };
        let root = self.known.root_after(&places)?;
        let done = transaction.change_person(PersonChange {
            person: before.person,
            step,
            root,
            root_at: self.known.root_at(self.at),
            decision: NewDecision {
                at: self.at,
                operator: self.operator,
                action: self.action.as_str(),
                outcome: ACCEPTED,
                person: None,
                policy: self.policy,
                software: SOFTWARE,
                details: &self.details.to_json(),
            },
        })?;
        if let Some(recovery) = recovery {
            transaction.close_recovery(recovery, true)?;
        }
        Ok(Changed {
            person: before.person,
            status,
            sequence: done.sequence,
            decision: done.decision,
            leaf: leaf.map(|leaf| (leaf.index, leaf.credential)),
            root,
        })
    }
}

fn out(place: Option<LeafIndex>) -> Vec<(LeafIndex, Option<Leaf>)> {
    place.map(|index| (index, None)).into_iter().collect()
}
