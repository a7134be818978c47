//! Enrolment: check, then insert, with nobody in between.

use std::collections::BTreeSet;

use super::candidate::Candidate;
use super::captured::owner_of;
use super::decision::{Action, Details, SOFTWARE};
use super::known::Suspects;
use super::{EnrollError, OwnedEyes, Registry, RegistryError, RegistryPolicy, UnfitTemplate, eyes_of};
use crate::identity::{Assurance, Credential, IdentityCommitment, Leaf};
use crate::iris::{EyeSide, IrisTemplate};
use crate::matcher::{Alignment, Comparison, EyePair, compare};
use crate::presentation::{PresentationReport, Verdict};
use crate::store::{
    LeafRecord, NewDecision, NewPerson, NewReview, PersonId, PersonRecord, ReadStore, Store, TemplatePair,
    TemplateRecord, WriteTransaction,
};
use crate::tree::{LeafIndex, MerkleRoot};

/// The outcome of an enrolment that people will decide about.
const REVIEW: &str = "review";

/// How many eyes an enrolment rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EnrolmentClass {
    /// Both eyes, [`Assurance::BOTH_EYES`].
    BothEyes,
    /// One eye, for those who have one that can be captured; [`Assurance::ONE_EYE`]. Somebody could enrol
    /// each eye by itself as a person of this class, which is why it has to be asked for and why a relying
    /// party can refuse it.
    OneEye,
}

impl EnrolmentClass {
    /// The assurance that goes into the credential.
    #[must_use]
    pub const fn assurance(self) -> Assurance {
        match self {
            Self::BothEyes => Assurance::BOTH_EYES,
            Self::OneEye => Assurance::ONE_EYE,
        }
    }
}

/// Somebody who wants to come in.
#[derive(Clone, Debug)]
pub struct EnrollRequest {
    /// The left eye.
    pub left: Option<IrisTemplate>,
    /// The right eye.
    pub right: Option<IrisTemplate>,
    /// The commitment to a secret that only they know.
    pub commitment: IdentityCommitment,
    /// Both eyes, or one.
    pub class: EnrolmentClass,
    /// Now, Unix seconds.
    pub issued_at: u64,
    /// Until when the credential shall hold, Unix seconds.
    pub expires_at: u64,
}

/// Somebody who came in; it is on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Enrolled {
    /// Their number.
    pub person: PersonId,
    /// Their leaf.
    pub leaf_index: LeafIndex,
    /// What the registry certifies.
    pub credential: Credential,
    /// The root with their leaf in it.
    pub root: MerkleRoot,
}

/// A reason to refuse that is written down, with the distances behind it.
struct Refusal {
    error: EnrollError,
    candidates: Vec<Candidate>,
    incomparable: usize,
}

impl Refusal {
    /// About whom it is, besides the one who is refused.
    const fn person(&self) -> Option<PersonId> {
        match self.error {
            EnrollError::Duplicate { person, .. }
            | EnrollError::MirroredDuplicate { person, .. }
            | EnrollError::DuplicateCommitment { person } => Some(person),
            _ => None,
        }
    }

    /// What is written down; `people` were searched.
    fn details(&self, people: u64) -> Details {
        Details::new(people, self.incomparable as u64, &self.candidates)
    }
}

impl<S: Store> Registry<S> {
    /// Enrols a person whose eyes match nobody's.
    ///
    /// The eyes are held against every enrolled eye, over all rotations, exactly. The search runs before the
    /// store is locked; under the lock it is completed with whoever came in meanwhile, also through other
    /// processes. When this returns `Ok`, templates, leaf, root and decision are on the disk, all of them.
    ///
    /// The mirror image of each eye is searched for too, in the same pass: the picture of an enrolled eye flipped left to right is
    /// a stranger's to the plain search.
    ///
    /// # Errors
    ///
    /// [`EnrollError`]. Refusals that are decisions (a degenerate template, one eye presented twice, too many
    /// matches, a duplicate or its mirror image, undecided people, a commitment that is taken) are recorded before
    /// they are returned; requests that make no sense are not.
    ///
    /// # Examples
    ///
    /// See the [module page](super).
    pub fn enroll(&mut self, request: EnrollRequest) -> Result<Enrolled, EnrollError> {
        self.enroll_presented(request, &[])
    }

    /// [`Self::enroll`] with what detectors of presentation attacks said about the capture.
    ///
    /// One that says attack refuses the enrolment. All of them (the first 16) are recorded with the decision.
    ///
    /// # Errors
    ///
    /// As [`Self::enroll`], and [`EnrollError::PresentationAttack`].
    pub fn enroll_presented(
        &mut self,
        request: EnrollRequest,
        presentations: &[PresentationReport],
    ) -> Result<Enrolled, EnrollError> {
        self.require(Action::Enrol)?;
        let credential = Credential::new(request.issued_at, request.expires_at, request.class.assurance())?;
        let probes = request.eyes()?;
        self.check_kind(probes)?;
        let at = request.issued_at;
        let fitness = check_presentations(presentations).and_then(|()| self.check_fitness(probes));
        if let Err(error) = fitness {
            let refusal = Refusal { error, candidates: Vec::new(), incomparable: 0 };
            self.record(
                at,
                Action::Enrol,
                refusal.error.code(),
                None,
                &refusal.details(0).with_presentations(presentations),
            )?;
            return Err(refusal.error);
        }

        self.refresh()?;
        let mut suspects = self.known.search(probes, true, &self.policy);

        // From here on nobody else writes.
        let mut transaction = self.store.begin()?;
        let news = self.known.catch_up(&transaction)?;
        if self.known.policy_adopted() {
            // The search was made under rules that hold no more.
            drop(transaction);
            return self.enroll_presented(request, presentations);
        }
        suspects.catch_up(&transaction, &news, probes, &self.policy)?;

        let incomparable = suspects.incomparable.len() as u64;
        let taken = owner_of(&transaction, &transaction.pending_recoveries()?, &request.commitment)?;
        if let Some(refusal) = verdict(&self.policy, suspects, taken) {
            let people = self.known.people();
            let adjudicated = match refusal.error {
                EnrollError::Duplicate { person, eye, alignment, .. }
                    if self.policy.adjudicate_duplicates && taken.is_none() =>
                {
                    Some((person, eye, alignment))
                }
                _ => None,
            };
            let decision = transaction.insert_decision(&NewDecision {
                at,
                operator: &self.operator,
                action: Action::Enrol.as_str(),
                outcome: if adjudicated.is_some() { REVIEW } else { refusal.error.code() },
                person: refusal.person(),
                policy: self.policy_id,
                software: SOFTWARE,
                details: &refusal.details(people).with_presentations(presentations).to_json(),
            })?;
            let Some((person, eye, alignment)) = adjudicated else {
                transaction.commit()?;
                return Err(refusal.error);
            };
            let review = transaction.open_review(NewReview {
                opened_at: at,
                commitment: request.commitment,
                templates: records(probes),
                issued_at: at,
                expires_at: request.expires_at,
                assurance: credential.assurance(),
                decision,
            })?;
            transaction.commit()?;
            return Err(EnrollError::Review { review, person, eye, alignment });
        }

        let leaf = LeafRecord {
            index: self.known.next_leaf()?,
            commitment: request.commitment,
            leaf: Leaf::new(&request.commitment, &credential),
            credential,
        };
        let leaf_index = leaf.index;
        let root = self.known.root_after(&[(leaf.index, Some(leaf.leaf))])?;
        let root_at = self.known.root_at(at);
        let details = Details::new(self.known.people(), incomparable, &[]).with_presentations(presentations).to_json();
        let inserted = transaction.insert_person(NewPerson {
            at,
            templates: records(probes),
            leaf,
            root,
            root_at,
            decision: NewDecision {
                at,
                operator: &self.operator,
                action: Action::Enrol.as_str(),
                outcome: super::ACCEPTED,
                person: None,
                policy: self.policy_id,
                software: SOFTWARE,
                details: &details,
            },
        })?;
        transaction.commit()?;
        self.learn();
        Ok(Enrolled { person: inserted.person, leaf_index, credential, root })
    }

    /// Degenerate templates, and one eye in both places.
    fn check_fitness(&self, probes: EyePair<'_>) -> Result<(), EnrollError> {
        for (eye, template) in probes.present() {
            template
                .facts()
                .check(&self.policy.degeneracy)
                .map_err(|reason| UnfitTemplate::Degenerate { eye, reason })?;
        }
        same_eye_twice(probes, &self.policy).map_or(Ok(()), |alignment| Err(EnrollError::SameEyeTwice { alignment }))
    }
}

/// One eye in both places.
pub(super) fn same_eye_twice(eyes: EyePair<'_>, policy: &RegistryPolicy) -> Option<Alignment> {
    // Two eyes of one person are as independent as two people's (Daugman 2004, section 5), so a match
    // here is one eye, and its owner could enrol again with the other one.
    match compare(eyes.left?, eyes.right?, &policy.matching) {
        Comparison::Match(alignment) => Some(alignment),
        _ => None,
    }
}

fn records(eyes: EyePair<'_>) -> TemplatePair {
    TemplatePair { left: eyes.left.map(TemplateRecord::clear), right: eyes.right.map(TemplateRecord::clear) }
}

impl EnrollRequest {
    /// As many eyes as the class asks for.
    fn eyes(&self) -> Result<EyePair<'_>, EnrollError> {
        let eyes = EyePair { left: self.left.as_ref(), right: self.right.as_ref() };
        match self.class {
            EnrolmentClass::BothEyes => {
                for eye in EyeSide::BOTH {
                    if eyes.of(eye).is_none() {
                        return Err(EnrollError::MissingEye { eye });
                    }
                }
            }
            EnrolmentClass::OneEye => {
                let given = eyes.present().count();
                if given != 1 {
                    return Err(EnrollError::NotOneEye { given });
                }
            }
        }
        Ok(eyes)
    }
}

/// Does a detector say attack?
fn check_presentations(reports: &[PresentationReport]) -> Result<(), EnrollError> {
    match reports.iter().find(|report| report.verdict() == Verdict::Attack) {
        Some(report) => Err(EnrollError::PresentationAttack {
            method: report.method().to_owned(),
            version: report.version().to_owned(),
            score: report.score(),
        }),
        None => Ok(()),
    }
}

/// Why not; none if there is no reason.
fn verdict(policy: &RegistryPolicy, suspects: Suspects, taken: Option<PersonId>) -> Option<Refusal> {
    let Suspects { same: mut candidates, mirrored: reflected, incomparable } = suspects;
    let incomparable = incomparable.len();
    let (people, limit) = (candidates.len(), policy.maximum_matches);
    let error = if people > limit as usize {
        EnrollError::MatchesTooMany { people, limit }
    } else if let Some(first) = candidates.first() {
        let nearest = first.nearest();
        EnrollError::Duplicate {
            person: first.person,
            eye: nearest.eye,
            probe: nearest.probe,
            alignment: nearest.alignment,
            people,
        }
    } else if let Some(first) = reflected.first() {
        let (person, nearest) = (first.person, first.nearest());
        candidates = reflected;
        EnrollError::MirroredDuplicate { person, eye: nearest.eye, probe: nearest.probe, alignment: nearest.alignment }
    } else if incomparable > policy.maximum_incomparable as usize {
        EnrollError::Undecided { people: incomparable, limit: policy.maximum_incomparable }
    } else if let Some(person) = taken {
        EnrollError::DuplicateCommitment { person }
    } else {
        return None;
    };
    Some(Refusal { error, candidates, incomparable })
}

impl Suspects {
    /// Completes a search with what changed after it: everybody whose templates came in or were replaced.
    pub(super) fn catch_up(
        &mut self,
        store: &impl ReadStore,
        news: &BTreeSet<PersonId>,
        probes: EyePair<'_>,
        policy: &RegistryPolicy,
    ) -> Result<(), RegistryError> {
        if news.is_empty() {
            return Ok(());
        }
        let mirrored = OwnedEyes {
            left: probes.left.map(IrisTemplate::mirrored),
            right: probes.right.map(IrisTemplate::mirrored),
        };
        for &person in news {
            self.forget(person);
            let enrolled = eyes_of(&person_in(store, person)?)?;
            self.add(person, enrolled.as_eyes(), probes, mirrored.as_eyes(), policy);
        }
        Ok(())
    }
}

/// A person whom this process knows to be there.
pub(super) fn person_in(store: &impl ReadStore, person: PersonId) -> Result<PersonRecord, RegistryError> {
    store.person(person)?.ok_or_else(|| RegistryError::Damaged { detail: format!("person {person} is gone") })
}
