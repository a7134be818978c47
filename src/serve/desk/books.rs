//! A registry as the desk uses it, whatever its store.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::identity::IdentityCommitment;
use crate::iris::IrisTemplate;
use crate::registry::{
    Candidate, Changed, Decision, EnrollError, EnrollRequest, Enrolled, Evidence, IdentifyError, Registry,
    RegistryError, RegistryPolicy, ReviewError, Status, StepError, Voted,
};
use crate::store::{DecisionId, PersonId, PersonRecord, ReviewId, ReviewRecord, ReviewVerdict, Store};

/// What happens to somebody who is enrolled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Suspend,
    Reinstate,
    Revoke,
    Erase,
}

/// [`Registry`] without its type parameter: the methods are its own.
pub(super) trait Books: Send + fmt::Debug {
    fn set_operator(&mut self, name: &str);
    fn policy(&self) -> &RegistryPolicy;
    fn status(&mut self) -> Result<Status, RegistryError>;
    fn identify(
        &mut self,
        left: Option<&IrisTemplate>,
        right: Option<&IrisTemplate>,
    ) -> Result<Vec<Candidate>, IdentifyError>;
    fn enroll(&mut self, request: EnrollRequest, consent: Option<&str>) -> Result<Enrolled, EnrollError>;
    fn person(&self, person: PersonId) -> Result<Option<PersonRecord>, RegistryError>;
    fn person_of(&self, commitment: &IdentityCommitment) -> Result<Option<PersonId>, RegistryError>;
    fn step(&mut self, step: Step, person: PersonId, at: u64, reason: &str) -> Result<Changed, StepError>;
    fn reviews(&self, after: u64, limit: u32) -> Result<Vec<ReviewRecord>, RegistryError>;
    fn review(&self, id: ReviewId) -> Result<(ReviewRecord, Decision), ReviewError>;
    fn decide(&mut self, id: ReviewId, verdict: ReviewVerdict, at: u64, reason: &str) -> Result<Voted, ReviewError>;
    fn appeal(&mut self, id: ReviewId, at: u64, reason: &str) -> Result<DecisionId, ReviewError>;
    fn decisions(&self, after: u64, limit: u32) -> Result<Vec<Decision>, RegistryError>;
}

impl<S: Store + Send> Books for Registry<S> {
    fn set_operator(&mut self, name: &str) {
        self.set_operator(name);
    }

    fn policy(&self) -> &RegistryPolicy {
        self.policy()
    }

    fn status(&mut self) -> Result<Status, RegistryError> {
        self.status()
    }

    fn identify(
        &mut self,
        left: Option<&IrisTemplate>,
        right: Option<&IrisTemplate>,
    ) -> Result<Vec<Candidate>, IdentifyError> {
        self.identify(left, right)
    }

    fn enroll(&mut self, request: EnrollRequest, consent: Option<&str>) -> Result<Enrolled, EnrollError> {
        self.enroll_with(request, Evidence { consent, ..Evidence::default() })
    }

    fn person(&self, person: PersonId) -> Result<Option<PersonRecord>, RegistryError> {
        Ok(self.store().person(person)?)
    }

    fn person_of(&self, commitment: &IdentityCommitment) -> Result<Option<PersonId>, RegistryError> {
        Ok(self.store().person_of(commitment)?)
    }

    fn step(&mut self, step: Step, person: PersonId, at: u64, reason: &str) -> Result<Changed, StepError> {
        match step {
            Step::Suspend => self.suspend(person, at, reason),
            Step::Reinstate => self.reinstate(person, at, reason),
            Step::Revoke => self.revoke(person, at, reason),
            Step::Erase => self.erase(person, at, reason),
        }
    }

    fn reviews(&self, after: u64, limit: u32) -> Result<Vec<ReviewRecord>, RegistryError> {
        self.reviews(after, limit)
    }

    fn review(&self, id: ReviewId) -> Result<(ReviewRecord, Decision), ReviewError> {
        self.review(id)
    }

    fn decide(&mut self, id: ReviewId, verdict: ReviewVerdict, at: u64, reason: &str) -> Result<Voted, ReviewError> {
        self.decide(id, verdict, at, reason)
    }

    fn appeal(&mut self, id: ReviewId, at: u64, reason: &str) -> Result<DecisionId, ReviewError> {
        self.appeal(id, at, reason)
    }

    fn decisions(&self, after: u64, limit: u32) -> Result<Vec<Decision>, RegistryError> {
        self.decisions(after, limit)
    }
}

/// The registry, for one at a time.
pub(in crate::serve) fn lock<T: ?Sized>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    // A registry is as its store says: whoever panicked left nothing half done in it.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
