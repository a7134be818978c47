//! Steps for which a person comes back with their eyes: newer captures, and a new leaf after a lost device.

use super::candidate::{Candidate, Pairing};
use super::decision::{Action, Details, SOFTWARE};
use super::enrol::same_eye_twice;
use super::lifecycle::{Changed, Deciding};
use super::{
    AuthenticateError, OwnedEyes, RecoverError, RefreshError, Registry, RegistryError, RegistryPolicy, eyes_of,
};
use crate::identity::{Assurance, Credential, IdentityCommitment, Leaf};
use crate::iris::{EyeSide, IrisTemplate};
use crate::matcher::EyePair;
use crate::store::{
    DecisionId, LeafRecord, NewDecision, NewRecovery, PersonId, PersonRecord, PersonStatus, PersonStep, ReadStore,
    RecoveryId, RecoveryRecord, RecoveryState, Store, StoreError, TemplatePair, TemplateRecord, WriteTransaction,
};

/// A person with newer captures of their eyes.
#[derive(Clone, Debug)]
pub struct RefreshRequest {
    /// Who.
    pub person: PersonId,
    /// Their left eye, if it shall be replaced.
    pub left: Option<IrisTemplate>,
    /// Their right eye, if it shall be replaced.
    pub right: Option<IrisTemplate>,
    /// Now, Unix seconds.
    pub at: u64,
}

/// A person who lost their secret.
#[derive(Clone, Debug)]
pub struct RecoverRequest {
    /// Who.
    pub person: PersonId,
    /// Their left eye.
    pub left: Option<IrisTemplate>,
    /// Their right eye.
    pub right: Option<IrisTemplate>,
    /// The commitment to a new secret.
    pub commitment: IdentityCommitment,
    /// Until when the new credential shall hold, Unix seconds.
    pub expires_at: u64,
    /// Now, Unix seconds.
    pub at: u64,
}

/// A recovery that waits for its time; it is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Requested {
    /// The recovery's number.
    pub recovery: RecoveryId,
    /// Who.
    pub person: PersonId,
    /// From when on it can be completed, Unix seconds.
    pub ready_at: u64,
    /// The decision's number.
    pub decision: DecisionId,
}

/// What came of comparing a person's eyes with those of one who is enrolled.
pub(super) enum Claim {
    /// The eyes are theirs.
    Theirs(Pairing),
    /// Nothing could be compared.
    Undecided(Pairing),
    /// The eyes are somebody else's.
    Other(Pairing),
}

impl Claim {
    /// One against one; `every` presented eye must match, or as many as the eye rule asks for.
    pub(super) fn new(probes: EyePair<'_>, enrolled: EyePair<'_>, every: bool, policy: &RegistryPolicy) -> Self {
        let pairing = Pairing::new(probes, enrolled, false, &policy.matching);
        let proved = pairing.proves_same(policy.matching.eye_rule, enrolled.present().count());
        let all = pairing.matching.len() == probes.present().count();
        if proved && (all || !every) {
            Self::Theirs(pairing)
        } else if pairing.matching.is_empty() && pairing.differing.is_empty() {
            Self::Undecided(pairing)
        } else {
            Self::Other(pairing)
        }
    }

    /// What is written down about it.
    pub(super) fn details(&self, person: PersonId) -> Details {
        let (Self::Theirs(pairing) | Self::Undecided(pairing) | Self::Other(pairing)) = self;
        let mut sightings = pairing.matching.clone();
        sightings.extend(&pairing.differing);
        Details::new(1, pairing.incomparable as u64, &[Candidate { person, sightings }])
    }

    /// The refusal, if it is one.
    pub(super) fn refusal(&self, person: PersonId) -> Option<AuthenticateError> {
        match self {
            Self::Theirs(_) => None,
            Self::Undecided(_) => Some(AuthenticateError::Undecided { person }),
            Self::Other(pairing) => {
                let nearest = pairing.differing.first().map(|sighting| sighting.alignment);
                Some(AuthenticateError::NotThisPerson { person, nearest })
            }
        }
    }
}

/// The person whom somebody says they are, if they may try.
pub(super) fn claimed(
    store: &impl ReadStore,
    policy: &RegistryPolicy,
    person: PersonId,
    at: u64,
) -> Result<PersonRecord, AuthenticateError> {
    let record = store.person(person)?.ok_or(AuthenticateError::UnknownPerson { person })?;
    if record.status != PersonStatus::Active {
        return Err(AuthenticateError::NotActive { person, status: record.status });
    }
    match locked_until(store, policy, person, at)? {
        Some(retry_at) => Err(AuthenticateError::LockedOut { person, retry_at, retry_after: retry_at - at }),
        None => Ok(record),
    }
}

/// Until when nobody may try to be this person, because others tried too often.
///
/// What counts are the latest attempts that found other eyes, since the last one that found theirs.
fn locked_until(
    store: &impl ReadStore,
    policy: &RegistryPolicy,
    person: PersonId,
    at: u64,
) -> Result<Option<u64>, StoreError> {
    let limit = policy.maximum_attempts as usize;
    if limit == 0 {
        return Ok(None);
    }
    let since = at.saturating_sub(policy.attempt_window_seconds.saturating_sub(1));
    let attempts = [Action::Authenticate, Action::Refresh, Action::Recover].map(Action::as_str);
    let decisions = store.decisions_of(person, since, DECISIONS)?;
    let failed = decisions
        .iter()
        .filter(|decision| attempts.contains(&decision.action.as_str()))
        .take_while(|decision| decision.outcome != super::ACCEPTED)
        .filter(|decision| decision.outcome == "not_this_person");
    let oldest = failed.take(limit).map(|decision| decision.at).collect::<Vec<_>>();
    Ok((oldest.len() == limit)
        .then(|| oldest.iter().min().map(|oldest| oldest.saturating_add(policy.attempt_window_seconds)))
        .flatten()
        .filter(|until| *until > at))
}

/// Decisions that are looked at for a lock-out.
const DECISIONS: u32 = 10_000;

impl<S: Store> Registry<S> {
    /// Replaces a person's templates by those of newer captures.
    ///
    /// Every presented eye must match the enrolled one of its side, and still be nobody else's. An eye that is not presented
    /// keeps its template. That there were earlier templates, since when and under which decision, stays on record.
    ///
    /// # Errors
    ///
    /// [`RefreshError`]. Refusals that are decisions are recorded.
    pub fn refresh_template(&mut self, request: &RefreshRequest) -> Result<Changed, RefreshError> {
        self.require(Action::Refresh)?;
        let RefreshRequest { person, at, .. } = *request;
        let probes = EyePair { left: request.left.as_ref(), right: request.right.as_ref() };
        if probes.present().next().is_none() {
            return Err(AuthenticateError::NoEye.into());
        }
        self.check_kind(probes).map_err(AuthenticateError::from)?;
        loop {
            self.refresh()?;
            let mut suspects = self.known.search(probes, true, &self.policy);
            let mut transaction = self.store.begin()?;
            let news = self.known.catch_up(&transaction)?;
            if self.known.policy_adopted() {
                continue;
            }
            suspects.catch_up(&transaction, &news, probes, &self.policy)?;
            let record = claimed(&transaction, &self.policy, person, at)?;
            let enrolled = eyes_of(&record)?;
            for (eye, _) in probes.present() {
                if enrolled.as_eyes().of(eye).is_none() {
                    return Err(RefreshError::EyeNotEnrolled { person, eye });
                }
            }
            suspects.forget(person);
            for other in transaction.exceptions_of(person)? {
                suspects.forget(other);
            }
            let claim = Claim::new(probes, enrolled.as_eyes(), true, &self.policy);
            let refusal = unfit(probes, &self.policy)
                .map(RefreshError::from)
                .or_else(|| claim.refusal(person).map(RefreshError::from))
                .or_else(|| {
                    let alignment = same_eye_twice(replaced(probes, &enrolled), &self.policy)?;
                    Some(RefreshError::SameEyeTwice { alignment })
                })
                .or_else(|| {
                    let other = suspects.same.first().or(suspects.mirrored.first())?;
                    let nearest = other.nearest();
                    Some(RefreshError::SomebodyElse {
                        person: other.person,
                        eye: nearest.eye,
                        alignment: nearest.alignment,
                    })
                })
                .or_else(|| {
                    let (people, limit) = (suspects.incomparable.len(), self.policy.maximum_incomparable);
                    (people > limit as usize).then_some(RefreshError::NotRuledOut { people, limit })
                });
            let deciding = Deciding {
                known: &self.known,
                operator: &self.operator,
                policy: self.policy_id,
                at,
                action: Action::Refresh,
                details: claim.details(person),
            };
            if let Some(error) = refusal {
                deciding.record(&mut transaction, error.code(), person)?;
                transaction.commit()?;
                return Err(error);
            }
            let all = replaced(probes, &enrolled);
            let templates =
                TemplatePair { left: all.left.map(TemplateRecord::clear), right: all.right.map(TemplateRecord::clear) };
            let changed = deciding.take(&mut transaction, &record, PersonStep::Refresh { templates }, None)?;
            transaction.commit()?;
            self.learn();
            return Ok(changed);
        }
    }

    /// Asks for a new leaf for a person who lost their secret: their eyes must match.
    ///
    /// The new leaf comes when the policy's delay has passed, by [`complete_recovery`](Self::complete_recovery); until then
    /// [`cancel_recovery`](Self::cancel_recovery) stops it, and the earlier leaf holds.
    ///
    /// # Errors
    ///
    /// [`RecoverError`]. Refusals that are decisions are recorded.
    pub fn request_recovery(&mut self, request: &RecoverRequest) -> Result<Requested, RecoverError> {
        self.require(Action::Recover)?;
        let RecoverRequest { person, at, commitment, expires_at, .. } = *request;
        let probes = EyePair { left: request.left.as_ref(), right: request.right.as_ref() };
        if probes.present().next().is_none() {
            return Err(AuthenticateError::NoEye.into());
        }
        self.check_kind(probes).map_err(AuthenticateError::from)?;
        self.refresh()?;
        let mut transaction = self.store.begin()?;
        self.known.catch_up(&transaction)?;
        let record = claimed(&transaction, &self.policy, person, at)?;
        let ready_at = at.saturating_add(self.policy.recovery_delay_seconds);
        let assurance = record.leaf.as_ref().map_or(Assurance::NONE, |leaf| leaf.credential.assurance());
        // Dates that cannot be are refused now, and not after the delay.
        Credential::new(ready_at, expires_at, assurance)?;
        let pending = transaction.pending_recoveries()?;
        if let Some(other) = pending.iter().find(|other| other.person == person) {
            return Err(RecoverError::Pending { recovery: other.id, ready_at: other.ready_at });
        }
        if let Some(owner) = owner_of(&transaction, &pending, &commitment)? {
            return Err(RecoverError::DuplicateCommitment { person: owner });
        }
        let enrolled = eyes_of(&record)?;
        let claim = Claim::new(probes, enrolled.as_eyes(), false, &self.policy);
        let deciding = Deciding {
            known: &self.known,
            operator: &self.operator,
            policy: self.policy_id,
            at,
            action: Action::Recover,
            details: claim.details(person),
        };
        let refusal = unfit(probes, &self.policy).map(RecoverError::from);
        if let Some(error) = refusal.or_else(|| claim.refusal(person).map(RecoverError::from)) {
            deciding.record(&mut transaction, error.code(), person)?;
            transaction.commit()?;
            return Err(error);
        }
        let decision = deciding.record(&mut transaction, super::ACCEPTED, person)?;
        let new = NewRecovery { person, requested_at: at, ready_at, expires_at, commitment, decision };
        let recovery = transaction.open_recovery(&new)?;
        transaction.commit()?;
        Ok(Requested { recovery, person, ready_at, decision })
    }

    /// Gives a person the new leaf that they asked for, and kills their earlier one.
    ///
    /// The new credential is issued at the moment at which the earlier leaf dies: an action that opened before refuses the
    /// new leaf, and one that opens later refuses every root that has the earlier one.
    ///
    /// # Errors
    ///
    /// [`RecoverError`].
    pub fn complete_recovery(&mut self, id: RecoveryId, at: u64) -> Result<Changed, RecoverError> {
        self.require(Action::Recover)?;
        self.refresh()?;
        let mut transaction = self.store.begin()?;
        self.known.catch_up(&transaction)?;
        let index = self.known.next_leaf()?;
        let recovery = pending(transaction.recovery(id)?, id)?;
        let person = recovery.person;
        if at < recovery.ready_at {
            let ready_at = recovery.ready_at;
            return Err(RecoverError::TooEarly { recovery: id, ready_at, wait: ready_at - at });
        }
        let record = transaction.person(person)?.ok_or(AuthenticateError::UnknownPerson { person })?;
        let (Some(present), Some(commitment), PersonStatus::Active) =
            (&record.leaf, recovery.commitment, record.status)
        else {
            return Err(AuthenticateError::NotActive { person, status: record.status }.into());
        };
        if let Some(owner) = transaction.person_of(&commitment)? {
            return Err(RecoverError::DuplicateCommitment { person: owner });
        }
        let issued_at = self.known.root_at(at);
        let credential = Credential::new(issued_at, recovery.expires_at, present.credential.assurance())?;
        let leaf = LeafRecord { index, commitment, credential, leaf: Leaf::new(&commitment, &credential) };
        let deciding = Deciding {
            known: &self.known,
            operator: &self.operator,
            policy: self.policy_id,
            at,
            action: Action::CompleteRecovery,
            details: Details::new(1, 0, &[]).about(format!("recovery {id}")),
        };
        let changed = deciding.take(&mut transaction, &record, PersonStep::Recover { leaf }, Some(id))?;
        transaction.commit()?;
        self.learn();
        Ok(changed)
    }

    /// Stops a recovery that waits for its time; the earlier leaf stays what it is.
    ///
    /// # Errors
    ///
    /// [`RecoverError::NotPending`], or the registry failed.
    pub fn cancel_recovery(&mut self, id: RecoveryId, at: u64, reason: &str) -> Result<DecisionId, RecoverError> {
        self.require(Action::Recover)?;
        self.refresh()?;
        let mut transaction = self.store.begin()?;
        let recovery = pending(transaction.recovery(id)?, id)?;
        let deciding = Deciding {
            known: &self.known,
            operator: &self.operator,
            policy: self.policy_id,
            at,
            action: Action::CancelRecovery,
            details: Details::new(1, 0, &[]).with_reason(reason).about(format!("recovery {id}")),
        };
        let decision = deciding.record(&mut transaction, super::ACCEPTED, recovery.person)?;
        transaction.close_recovery(id, false)?;
        transaction.commit()?;
        Ok(decision)
    }

    /// The recoveries that wait for their time, by number.
    ///
    /// # Errors
    ///
    /// [`RegistryError`].
    pub fn pending_recoveries(&self) -> Result<Vec<RecoveryRecord>, RegistryError> {
        Ok(self.store.pending_recoveries()?)
    }
}

/// What is no iris among the presented eyes.
fn unfit(probes: EyePair<'_>, policy: &RegistryPolicy) -> Option<AuthenticateError> {
    probes.present().find_map(|(eye, template)| {
        let reason = template.facts().check(&policy.degeneracy).err()?;
        Some(super::UnfitTemplate::Degenerate { eye, reason }.into())
    })
}

fn pending(recovery: Option<RecoveryRecord>, id: RecoveryId) -> Result<RecoveryRecord, RecoverError> {
    recovery
        .filter(|recovery| recovery.state == RecoveryState::Pending)
        .ok_or(RecoverError::NotPending { recovery: id })
}

/// Whose commitment this is, or will be.
pub(super) fn owner_of(
    store: &impl ReadStore,
    pending: &[RecoveryRecord],
    commitment: &IdentityCommitment,
) -> Result<Option<PersonId>, StoreError> {
    let waiting = pending.iter().find(|recovery| recovery.commitment.as_ref() == Some(commitment));
    match waiting {
        Some(recovery) => Ok(Some(recovery.person)),
        None => store.person_of(commitment),
    }
}

/// The eyes that a person has once those that were presented are replaced.
fn replaced<'a>(probes: EyePair<'a>, enrolled: &'a OwnedEyes) -> EyePair<'a> {
    let of = |eye| probes.of(eye).or(enrolled.as_eyes().of(eye));
    EyePair { left: of(EyeSide::Left), right: of(EyeSide::Right) }
}

impl Deciding<'_> {
    /// Writes a decision about a person down that changes nothing else yet.
    pub(super) fn record(
        &self,
        transaction: &mut impl WriteTransaction,
        outcome: &str,
        person: PersonId,
    ) -> Result<DecisionId, StoreError> {
        transaction.insert_decision(&NewDecision {
            at: self.at,
            operator: self.operator,
            action: self.action.as_str(),
            outcome,
            person: Some(person),
            policy: self.policy,
            software: SOFTWARE,
            details: &self.details.to_json(),
        })
    }
}
