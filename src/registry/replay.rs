//! Decisions taken once more: from the templates, the policy and the people of that time, as far as they are still there.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::decision::{Action, Decision, Details, Distance};
use super::enrol::{REVIEW, mirrored, verdict};
use super::known::Suspects;
use super::{ACCEPTED, OwnedEyes, Registry, RegistryError, RegistryPolicy, eyes_of, eyes_of_pair};
use crate::matcher::EyeRule;
use crate::store::{Change, ChangeRecord, DecisionId, PersonId, PersonStatus, PolicyId, ReviewRecord, Sequence, Store};

/// What came of taking a decision again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Which decision.
    pub decision: DecisionId,
    /// What came of it.
    pub outcome: ReplayOutcome,
    /// People of that time whose templates of that time are gone, because they were refreshed or erased: they were not
    /// compared again.
    pub missing: Vec<PersonId>,
}

/// Whether a decision comes out the same.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplayOutcome {
    /// Compared again, it does, with the same distances, except for those of missing people.
    Same,
    /// What was presented was not kept (refused eyes are not stored, nor those of an authentication); the distances that
    /// were recorded lead to this outcome under the policy of that time.
    SameByDistances,
    /// It does not.
    Different {
        /// How it differs.
        detail: String,
    },
    /// Nothing is stored from which it could be taken again: neither eyes nor distances were what decided.
    NotKept,
}

/// What all decisions need that are taken again.
struct Past {
    changes: Vec<ChangeRecord>,
    policies: BTreeMap<PolicyId, RegistryPolicy>,
    reviews: BTreeMap<DecisionId, ReviewRecord>,
}

impl<S: Store> Registry<S> {
    /// Takes up to `limit` decisions after number `after` (zero for all) again, each under the policy of its time.
    ///
    /// An enrolment that was accepted or put before people is compared again with everybody who was enrolled then, each pair of
    /// eyes by itself, on another way than the search that decided. Where the presented eyes were not kept, the recorded
    /// distances are held against the policy.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Damaged`] if the rows contradict each other, or the store failed.
    pub fn replay(&mut self, after: u64, limit: u32) -> Result<Vec<Replayed>, RegistryError> {
        self.require(Action::Audit)?;
        self.refresh()?;
        let mut past = Past { changes: self.all_changes()?, policies: BTreeMap::new(), reviews: self.all_reviews()? };
        let mut replayed = Vec::new();
        for decision in self.decisions(after, limit)? {
            if let Entry::Vacant(place) = past.policies.entry(decision.policy) {
                let stored = self.store.policy_of(decision.policy)?.ok_or_else(|| RegistryError::Damaged {
                    detail: format!("decision {}: its policy is gone", decision.id),
                })?;
                place.insert(RegistryPolicy::from_json(&stored.document)?);
            }
            replayed.push(self.replay_one(&past, &decision)?);
        }
        Ok(replayed)
    }

    fn replay_one(&self, past: &Past, decision: &Decision) -> Result<Replayed, RegistryError> {
        let policy = &past.policies[&decision.policy];
        let id = decision.id;
        let enrolment = decision.action == Action::Enrol.as_str();
        let eyes = match decision.outcome.as_str() {
            ACCEPTED if enrolment => self.enrolled_by(past, id)?,
            REVIEW if enrolment => past.reviews.get(&id).filter(|review| review.commitment.is_some()).map_or(
                Ok::<_, RegistryError>(None),
                |review| {
                    let before = past.changes.iter().take_while(|change| change.decision < id).count();
                    Ok(Some((eyes_of_pair(&review.templates, &format!("decision {id}"))?, before)))
                },
            )?,
            _ => None,
        };
        let Some((probes, before)) = eyes else {
            return Ok(Replayed { decision: id, outcome: by_distances(decision, policy), missing: Vec::new() });
        };
        let (suspects, missing, people) = self.compare_all(&probes, &past.changes[..before], policy)?;
        let outcome = compare_outcomes(decision, suspects, &missing, people, policy);
        Ok(Replayed { decision: id, outcome, missing })
    }

    /// The eyes that an accepted enrolment brought in, and how many changes there were before it; none if they are others by now.
    fn enrolled_by(&self, past: &Past, id: DecisionId) -> Result<Option<(OwnedEyes, usize)>, RegistryError> {
        let damaged = |detail: &str| RegistryError::Damaged { detail: format!("decision {id}: {detail}") };
        let at = past.changes.binary_search_by_key(&id, |change| change.decision);
        let at = at.map_err(|_| damaged("it was accepted, and no change says so"))?;
        let person = past.changes[at].change.person().ok_or_else(|| damaged("its change is about nobody"))?;
        match self.store.person(person)? {
            Some(person) if person.template_version == 1 && person.status != PersonStatus::Erased => {
                Ok(Some((eyes_of(&person)?, at)))
            }
            _ => Ok(None),
        }
    }

    fn all_changes(&self) -> Result<Vec<ChangeRecord>, RegistryError> {
        let mut changes: Vec<ChangeRecord> = Vec::new();
        loop {
            let after = changes.last().map_or(Sequence::START, |change| change.sequence);
            let batch = self.store.changes_since(after, super::BATCH)?;
            if batch.is_empty() {
                return Ok(changes);
            }
            changes.extend(batch);
        }
    }

    fn all_reviews(&self) -> Result<BTreeMap<DecisionId, ReviewRecord>, RegistryError> {
        let (mut reviews, mut after) = (BTreeMap::new(), 0);
        loop {
            let batch = self.store.reviews_since(after, super::PEOPLE)?;
            let Some(last) = batch.last() else { return Ok(reviews) };
            after = last.id.as_u64();
            reviews.extend(batch.into_iter().map(|review| (review.decision, review)));
        }
    }

    /// Holds eyes against everybody who was there after these changes and whose templates are still those of that time.
    fn compare_all(
        &self,
        probes: &OwnedEyes,
        changes: &[ChangeRecord],
        policy: &RegistryPolicy,
    ) -> Result<(Suspects, Vec<PersonId>, u64), RegistryError> {
        let mut people: BTreeMap<PersonId, u32> = BTreeMap::new();
        for record in changes {
            match &record.change {
                Change::Enrolled { person, .. } => drop(people.insert(*person, 1)),
                Change::Refreshed { person, version } => drop(people.insert(*person, *version)),
                Change::Erased { person, .. } => drop(people.remove(person)),
                _ => {}
            }
        }
        let eyes = probes.as_eyes();
        let flipped = mirrored(eyes);
        let (mut suspects, mut missing) = (Suspects::default(), Vec::new());
        for (&person, &version) in &people {
            match self.store.person(person)? {
                Some(record) if record.template_version == version && record.status != PersonStatus::Erased => {
                    suspects.add(person, eyes_of(&record)?.as_eyes(), eyes, flipped.as_eyes(), policy);
                }
                _ => missing.push(person),
            }
        }
        Ok((suspects, missing, people.len() as u64))
    }
}

/// Is it what was recorded?
fn compare_outcomes(
    decision: &Decision,
    suspects: Suspects,
    missing: &[PersonId],
    people: u64,
    policy: &RegistryPolicy,
) -> ReplayOutcome {
    let different = |detail: String| ReplayOutcome::Different { detail };
    if decision.people != people {
        return different(format!("{} people were searched, and {people} were enrolled", decision.people));
    }
    let incomparable = suspects.incomparable.len() as u64;
    let agrees = incomparable == decision.incomparable || (!missing.is_empty() && incomparable < decision.incomparable);
    if !agrees {
        return different(format!("{} people were incomparable, and {incomparable} are", decision.incomparable));
    }
    let again = Details::new(people, incomparable, &suspects.same);
    let outcome = verdict(policy, suspects, None).map_or(ACCEPTED, |refusal| refusal.code());
    let expected = if decision.outcome == REVIEW { "duplicate" } else { decision.outcome.as_str() };
    if outcome != expected && missing.is_empty() {
        return different(format!("it was {expected}, and is {outcome}"));
    }
    // Equally near ones may stand in another order.
    let of = |distances: &[Distance]| -> Vec<_> {
        let gone = |person: u64| missing.iter().any(|missing| missing.as_u64() == person);
        let there = distances.iter().filter(|distance| !gone(distance.person));
        let mut all: Vec<_> = there
            .map(|distance| {
                let eyes = (distance.eye as u8, distance.probe as u8);
                (distance.person, eyes, distance.disagreeing, distance.compared, distance.rotation)
            })
            .collect();
        all.sort_unstable();
        all
    };
    if of(&decision.distances) == of(again.distances()) {
        ReplayOutcome::Same
    } else {
        different("the distances are others".to_owned())
    }
}

/// Do the recorded distances lead to the recorded outcome?
fn by_distances(decision: &Decision, policy: &RegistryPolicy) -> ReplayOutcome {
    let matches = |distance: &&Distance| {
        let most = policy.matching.maximum_disagreeing(distance.compared, policy.layout);
        most.is_some_and(|most| distance.disagreeing <= most)
    };
    let matching = decision.distances.iter().filter(matches).count();
    let all = decision.distances.len();
    let claim = [Action::Authenticate, Action::Refresh, Action::Recover].map(Action::as_str);
    let agrees = match (decision.action.as_str(), decision.outcome.as_str()) {
        ("enrol", "duplicate" | "mirrored_duplicate" | "matches_too_many" | REVIEW) => matching > 0 && matching == all,
        ("enrol", "undecided") => all == 0 && decision.incomparable > u64::from(policy.maximum_incomparable),
        (action, ACCEPTED) if claim.contains(&action) => matching > 0,
        // With both eyes asked for, one that matches does not make it theirs.
        (action, "not_this_person") if claim.contains(&action) => {
            all > 0 && (matching == 0 || policy.matching.eye_rule == EyeRule::Both)
        }
        _ => return ReplayOutcome::NotKept,
    };
    if agrees {
        return ReplayOutcome::SameByDistances;
    }
    ReplayOutcome::Different {
        detail: format!("it was {}, and {matching} of its {all} distances match under its policy", decision.outcome),
    }
}
