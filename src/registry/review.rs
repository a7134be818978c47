//! Duplicates that people decide about.
//!
//! Under a policy that [adjudicates](super::RegistryPolicy::adjudicate_duplicates), somebody whose eyes match an enrolled
//! person's is not refused outright: their templates wait in a queue. Two people decide, each with a reason; if they disagree, a
//! third one does. Whoever is refused may appeal once, and others decide anew.

use std::collections::BTreeSet;

use super::decision::{Action, Decision, Details, MAXIMUM_REASON, SOFTWARE};
use super::{ACCEPTED, Registry, RegistryError, ReviewError, eyes_of_pair};
use crate::identity::{Credential, Leaf};
use crate::store::{
    DecisionId, LeafRecord, NewDecision, NewPerson, PersonId, ReadStore, ReviewId, ReviewRecord, ReviewStep,
    ReviewVerdict, ReviewVote, Store, WriteTransaction,
};

/// Votes that agree and decide a round.
const AGREEING: usize = 2;

/// What came of a vote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Voted {
    /// Others have to decide too.
    Open {
        /// How many votes there are in this round.
        votes: usize,
    },
    /// The candidate is the enrolled person, and stays out.
    Same {
        /// Until when they may appeal, Unix seconds; not after an appeal.
        appeal_until: Option<u64>,
    },
    /// They are two people, and the candidate came in.
    Different {
        /// As whom.
        person: PersonId,
    },
}

impl<S: Store> Registry<S> {
    /// Up to `limit` reviews with numbers above `after`, by number, closed ones included.
    ///
    /// # Errors
    ///
    /// [`RegistryError`].
    pub fn reviews(&self, after: u64, limit: u32) -> Result<Vec<ReviewRecord>, RegistryError> {
        self.require(Action::ReadReviews)?;
        Ok(self.store.reviews_since(after, limit)?)
    }

    /// One review and the decision that opened it, which has the distances.
    ///
    /// # Errors
    ///
    /// [`ReviewError::Unknown`], or the registry failed.
    pub fn review(&self, id: ReviewId) -> Result<(ReviewRecord, Decision), ReviewError> {
        self.require(Action::ReadReviews)?;
        let review = self.store.review(id)?.ok_or(ReviewError::Unknown { review: id })?;
        let opened = opening(&self.store, &review)?;
        Ok((review, opened))
    }

    /// Decides about a duplicate, in the name of the operator who is set.
    ///
    /// Two votes that agree decide. Where they are for two people, the candidate is enrolled in the same transaction, with an
    /// exception for every person whom they were found to be other than; whoever else matches them stops it.
    ///
    /// # Errors
    ///
    /// [`ReviewError`].
    pub fn decide(
        &mut self,
        id: ReviewId,
        verdict: ReviewVerdict,
        at: u64,
        reason: &str,
    ) -> Result<Voted, ReviewError> {
        self.require(Action::Review)?;
        if self.operator.is_empty() {
            return Err(ReviewError::Nameless);
        }
        if reason.trim().is_empty() || reason.len() > MAXIMUM_REASON {
            return Err(ReviewError::Reason { found: reason.len(), limit: MAXIMUM_REASON });
        }
        self.refresh()?;
        let mut transaction = self.store.begin()?;
        self.known.catch_up(&transaction)?;
        let review = transaction.review(id)?.ok_or(ReviewError::Unknown { review: id })?;
        if let Some(verdict) = review.verdict {
            return Err(ReviewError::Closed { review: id, verdict });
        }
        // Whoever decided the first round does not hear the appeal.
        if review.votes.iter().any(|vote| vote.operator == self.operator) {
            return Err(ReviewError::VotedAlready { review: id, operator: self.operator.clone() });
        }
        let round = review.round;
        let vote = ReviewVote { round, operator: self.operator.clone(), at, verdict, reason: reason.to_owned() };
        transaction.vote(id, &vote)?;
        let in_round = review.votes.iter().filter(|vote| vote.round == round);
        let votes = in_round.clone().count() + 1;
        let agreeing = in_round.filter(|vote| vote.verdict == verdict).count() + 1;

        let details = Details::new(0, 0, &[]).with_reason(reason).about(format!("review {id}"));
        let mut decision = NewDecision {
            at,
            operator: &self.operator,
            action: Action::Review.as_str(),
            outcome: verdict.as_str(),
            person: None,
            policy: self.policy_id,
            software: SOFTWARE,
            details: &details.to_json(),
        };
        if agreeing < AGREEING {
            transaction.insert_decision(&decision)?;
            transaction.commit()?;
            return Ok(Voted::Open { votes });
        }
        if verdict == ReviewVerdict::Same {
            transaction.insert_decision(&decision)?;
            transaction.step_review(id, ReviewStep::Close { verdict, at, person: None })?;
            let appeal_until = (round == 1).then(|| at.saturating_add(self.policy.appeal_seconds));
            if appeal_until.is_none() {
                transaction.step_review(id, ReviewStep::Forget)?;
            }
            transaction.commit()?;
            return Ok(Voted::Same { appeal_until });
        }

        let damaged = |detail: &str| RegistryError::Damaged { detail: format!("review {id}: {detail}") };
        let Some(commitment) = review.commitment else { return Err(damaged("it has no commitment").into()) };
        let eyes = eyes_of_pair(&review.templates, &format!("review {id}"))?;
        let opened = opening(&transaction, &review)?;
        let seen: BTreeSet<u64> = opened.distances.iter().map(|distance| distance.person).collect();
        let suspects = self.known.search(eyes.as_eyes(), true, &self.policy);
        let others: Vec<PersonId> =
            suspects.same.iter().chain(&suspects.mirrored).map(|candidate| candidate.person).collect();
        if let Some(other) = others.iter().find(|person| !seen.contains(&person.as_u64())) {
            return Err(ReviewError::NewMatch { review: id, person: *other });
        }
        let pending = transaction.pending_recoveries()?;
        if let Some(person) = super::captured::owner_of(&transaction, &pending, &commitment)? {
            return Err(ReviewError::DuplicateCommitment { person });
        }
        let credential = Credential::new(self.known.root_at(at), review.expires_at, review.assurance)?;
        let leaf = LeafRecord {
            index: self.known.next_leaf()?,
            commitment,
            credential,
            leaf: Leaf::new(&commitment, &credential),
        };
        let root = self.known.root_after(&[(leaf.index, Some(leaf.leaf))])?;
        decision.outcome = ACCEPTED;
        let inserted = transaction.insert_person(NewPerson {
            at,
            templates: review.templates.clone(),
            leaf,
            root,
            root_at: self.known.root_at(at),
            decision,
        })?;
        for other in BTreeSet::from_iter(others) {
            transaction.insert_exception(inserted.person, other, id)?;
        }
        transaction.step_review(id, ReviewStep::Close { verdict, at, person: Some(inserted.person) })?;
        transaction.step_review(id, ReviewStep::Forget)?;
        transaction.commit()?;
        self.learn();
        Ok(Voted::Different { person: inserted.person })
    }

    /// Opens a review again for somebody who was refused by it: once, and as long as the policy allows.
    ///
    /// # Errors
    ///
    /// [`ReviewError`].
    pub fn appeal(&mut self, id: ReviewId, at: u64, reason: &str) -> Result<DecisionId, ReviewError> {
        self.require(Action::Appeal)?;
        self.refresh()?;
        let mut transaction = self.store.begin()?;
        let review = transaction.review(id)?.ok_or(ReviewError::Unknown { review: id })?;
        let (Some(ReviewVerdict::Same), Some(closed_at)) = (review.verdict, review.closed_at) else {
            return Err(ReviewError::NothingToAppeal { review: id });
        };
        let until = closed_at.saturating_add(self.policy.appeal_seconds);
        if review.round != 1 || review.commitment.is_none() || at > until {
            return Err(ReviewError::NoAppealLeft { review: id });
        }
        transaction.step_review(id, ReviewStep::Reopen)?;
        let decision = transaction.insert_decision(&NewDecision {
            at,
            operator: &self.operator,
            action: Action::Appeal.as_str(),
            outcome: ACCEPTED,
            person: None,
            policy: self.policy_id,
            software: SOFTWARE,
            details: &Details::new(0, 0, &[]).with_reason(reason).about(format!("review {id}")).to_json(),
        })?;
        transaction.commit()?;
        Ok(decision)
    }

    /// Takes away what was kept for a time that has passed: the templates of candidates who did not appeal, and challenges
    /// that were not used. Says how many candidates that were.
    ///
    /// # Errors
    ///
    /// [`RegistryError`].
    pub fn tidy(&mut self, at: u64) -> Result<u64, RegistryError> {
        self.refresh()?;
        let mut transaction = self.store.begin()?;
        let (mut forgotten, mut after) = (0, 0);
        loop {
            let reviews = transaction.reviews_since(after, super::PEOPLE)?;
            let Some(last) = reviews.last() else { break };
            after = last.id.as_u64();
            for review in reviews {
                let over =
                    review.closed_at.is_some_and(|closed| closed.saturating_add(self.policy.appeal_seconds) < at);
                if over && review.commitment.is_some() {
                    transaction.step_review(review.id, ReviewStep::Forget)?;
                    forgotten += 1;
                }
            }
        }
        transaction.forget_challenges(at)?;
        transaction.commit()?;
        Ok(forgotten)
    }
}

/// The decision that opened a review.
fn opening(store: &impl ReadStore, review: &ReviewRecord) -> Result<Decision, RegistryError> {
    let damaged = |detail: String| RegistryError::Damaged { detail: format!("review {}: {detail}", review.id) };
    let record = store.decision(review.decision)?.ok_or_else(|| damaged("its decision is gone".to_owned()))?;
    Decision::from_record(record).map_err(damaged)
}
