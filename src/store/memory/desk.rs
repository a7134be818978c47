//! The desks of the twin: small tables, copied as a whole before a transaction first changes them.

use std::collections::BTreeMap;

use super::super::{
    NewRecovery, NewReview, OperatorRecord, PersonId, RecoveryId, RecoveryRecord, RecoveryState, ReviewId,
    ReviewRecord, ReviewStep, ReviewVote, StationRecord, StoreError, TemplatePair,
};
use super::{fits, index};

/// Recoveries, reviews, operators and stations.
#[derive(Clone, Debug, Default)]
pub(super) struct Desk {
    pub(super) recoveries: Vec<RecoveryRecord>,
    pub(super) reviews: Vec<ReviewRecord>,
    /// Person, other, review.
    pub(super) exceptions: Vec<(PersonId, PersonId, ReviewId)>,
    pub(super) operators: BTreeMap<String, OperatorRecord>,
    pub(super) stations: BTreeMap<String, StationRecord>,
    pub(super) challenges: BTreeMap<[u8; 32], u64>,
}

fn refuse<T>(detail: String) -> Result<T, StoreError> {
    Err(StoreError::Conflict { detail })
}

impl Desk {
    pub(super) fn recovery(&self, id: RecoveryId) -> Option<RecoveryRecord> {
        self.recoveries.get(index(id.as_u64().checked_sub(1)?)).cloned()
    }

    pub(super) fn pending_recoveries(&self) -> Vec<RecoveryRecord> {
        self.recoveries.iter().filter(|recovery| recovery.state == RecoveryState::Pending).cloned().collect()
    }

    pub(super) fn open_recovery(&mut self, new: &NewRecovery) -> Result<RecoveryId, StoreError> {
        fits("time", new.requested_at.max(new.ready_at).max(new.expires_at))?;
        let pending = self.pending_recoveries();
        if pending.iter().any(|other| other.person == new.person || other.commitment == Some(new.commitment)) {
            return refuse(format!("person {} or the commitment has a pending recovery", new.person));
        }
        let id = RecoveryId::new(self.recoveries.len() as u64 + 1)?;
        self.recoveries.push(RecoveryRecord {
            id,
            person: new.person,
            requested_at: new.requested_at,
            ready_at: new.ready_at,
            expires_at: new.expires_at,
            commitment: Some(new.commitment),
            state: RecoveryState::Pending,
            decision: new.decision,
        });
        Ok(id)
    }

    pub(super) fn close_recovery(&mut self, id: RecoveryId, completed: bool) -> Result<(), StoreError> {
        let pending = |recovery: &&mut RecoveryRecord| recovery.id == id && recovery.state == RecoveryState::Pending;
        let Some(recovery) = self.recoveries.iter_mut().find(pending) else {
            return refuse(format!("recovery {id} is not pending"));
        };
        recovery.state = if completed { RecoveryState::Completed } else { RecoveryState::Cancelled };
        recovery.commitment = None;
        Ok(())
    }

    /// An erased person waits for nothing.
    pub(super) fn erase(&mut self, person: PersonId) {
        for recovery in &mut self.recoveries {
            if recovery.person == person && recovery.state == RecoveryState::Pending {
                recovery.state = RecoveryState::Cancelled;
                recovery.commitment = None;
            }
        }
    }

    pub(super) fn review(&self, id: ReviewId) -> Option<ReviewRecord> {
        self.reviews.get(index(id.as_u64().checked_sub(1)?)).cloned()
    }

    pub(super) fn reviews_since(&self, after: u64, limit: u32) -> Vec<ReviewRecord> {
        self.reviews.iter().skip(index(after)).take(limit as usize).cloned().collect()
    }

    pub(super) fn open_review(&mut self, new: NewReview) -> Result<ReviewId, StoreError> {
        fits("time", new.opened_at.max(new.issued_at).max(new.expires_at))?;
        let id = ReviewId::new(self.reviews.len() as u64 + 1)?;
        self.reviews.push(ReviewRecord {
            id,
            opened_at: new.opened_at,
            verdict: None,
            round: 1,
            closed_at: None,
            commitment: Some(new.commitment),
            templates: new.templates,
            issued_at: new.issued_at,
            expires_at: new.expires_at,
            assurance: new.assurance,
            person: None,
            decision: new.decision,
            votes: Vec::new(),
        });
        Ok(id)
    }

    pub(super) fn vote(&mut self, id: ReviewId, vote: &ReviewVote) -> Result<(), StoreError> {
        fits("time", vote.at)?;
        let open = |review: &&mut ReviewRecord| review.id == id && review.verdict.is_none();
        let Some(review) = self.reviews.iter_mut().find(open).filter(|review| review.round == vote.round) else {
            return refuse(format!("review {id} is not open in round {}", vote.round));
        };
        if review.votes.iter().any(|other| (other.round, &other.operator) == (vote.round, &vote.operator)) {
            return refuse(format!("{} has voted in review {id}", vote.operator));
        }
        review.votes.push(vote.clone());
        review.votes.sort_by(|a, b| (a.round, a.at, &a.operator).cmp(&(b.round, b.at, &b.operator)));
        Ok(())
    }

    pub(super) fn step_review(&mut self, id: ReviewId, step: ReviewStep) -> Result<(), StoreError> {
        let stands = || format!("review {id} does not stand so that it could take this step");
        let Some(review) = self.reviews.iter_mut().find(|review| review.id == id) else { return refuse(stands()) };
        match step {
            ReviewStep::Close { verdict, at, person } if review.verdict.is_none() => {
                fits("time", at)?;
                (review.verdict, review.closed_at, review.person) = (Some(verdict), Some(at), person);
            }
            ReviewStep::Reopen if review.verdict.is_some() && review.round == 1 && review.commitment.is_some() => {
                (review.verdict, review.closed_at, review.round) = (None, None, 2);
            }
            ReviewStep::Forget if review.verdict.is_some() => {
                (review.commitment, review.templates) = (None, TemplatePair::default());
            }
            _ => return refuse(stands()),
        }
        Ok(())
    }

    pub(super) fn exceptions_of(&self, person: PersonId) -> Vec<PersonId> {
        let mut others: Vec<_> = self
            .exceptions
            .iter()
            .filter_map(|(one, other, _)| match (*one == person, *other == person) {
                (true, _) => Some(*other),
                (_, true) => Some(*one),
                _ => None,
            })
            .collect();
        others.sort_unstable();
        others.dedup();
        others
    }

    pub(super) fn insert_exception(
        &mut self,
        person: PersonId,
        other: PersonId,
        review: ReviewId,
    ) -> Result<(), StoreError> {
        if self.exceptions.iter().any(|(one, two, _)| (*one, *two) == (person, other)) {
            return refuse(format!("people {person} and {other} are an exception already"));
        }
        self.exceptions.push((person, other, review));
        Ok(())
    }

    pub(super) fn put_operator(&mut self, operator: &OperatorRecord) -> Result<(), StoreError> {
        fits("time", operator.added_at.max(operator.removed_at.unwrap_or(0)))?;
        self.operators.insert(operator.name.clone(), operator.clone());
        Ok(())
    }

    pub(super) fn put_station(&mut self, station: &StationRecord) -> Result<(), StoreError> {
        fits("time", station.added_at.max(station.removed_at.unwrap_or(0)))?;
        fits("counter", station.counter)?;
        if self.stations.values().any(|other| other.name != station.name && other.public_key == station.public_key) {
            return refuse("the key is another station's".to_owned());
        }
        self.stations.insert(station.name.clone(), station.clone());
        Ok(())
    }

    pub(super) fn insert_challenge(&mut self, challenge: &[u8; 32], expires_at: u64) -> Result<(), StoreError> {
        fits("time", expires_at)?;
        if self.challenges.contains_key(challenge) {
            return refuse("the challenge was given out already".to_owned());
        }
        self.challenges.insert(*challenge, expires_at);
        Ok(())
    }
}
