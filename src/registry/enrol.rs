//! Enrolment: check, then insert, with nobody in between.

use std::collections::BTreeSet;

use super::candidate::Candidate;
use super::captured::owner_of;
use super::decision::{Action, Details, SOFTWARE};
use super::known::{Known, Suspects};
use super::station::{CaptureError, CaptureEvidence, take_capture};
use super::{EnrollError, OwnedEyes, Registry, RegistryError, RegistryPolicy, UnfitTemplate, eyes_of};
use crate::identity::{Assurance, Credential, IdentityCommitment, Leaf};
use crate::iris::{EyeSide, IrisTemplate};
use crate::matcher::{Alignment, Comparison, EyePair, compare};
use crate::presentation::{PresentationReport, Verdict};
use crate::store::{
    DecisionId, LeafRecord, NewDecision, NewPerson, NewReview, PersonId, PersonRecord, PolicyId, ReadStore,
    RecoveryRecord, Store, StoreError, TemplatePair, TemplateRecord, WriteTransaction,
};
use crate::tree::{LeafIndex, MerkleRoot, Tree};

/// No longer number of a record of consent is kept, in bytes.
const MAXIMUM_CONSENT: usize = 200;
/// The outcome of an enrolment that people will decide about.
pub(super) const REVIEW: &str = "review";

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

/// What is known about a capture besides the eyes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Evidence<'a> {
    /// What detectors of presentation attacks said. One that says attack refuses the enrolment; the first 16 are recorded.
    pub presentations: &'a [PresentationReport],
    /// The number of the record of consent, in the deployment's own words; it goes into the decision and stays there when
    /// the person is erased. At most 200 bytes.
    pub consent: Option<&'a str>,
    /// What the station that captured the eyes signed. One that is given must hold, whatever the policy asks for. It is
    /// taken once, also if the eyes are refused.
    pub capture: Option<CaptureEvidence<'a>>,
}

/// A request with what came along.
#[derive(Clone, Copy)]
struct Application<'a> {
    request: &'a EnrollRequest,
    evidence: Evidence<'a>,
}

/// A request before the store is locked.
enum Prepared {
    /// It makes no sense, and is not recorded.
    Senseless(EnrollError),
    /// The eyes are not acceptable, whoever is enrolled.
    Unfit(EnrollError),
    /// To be searched.
    Fit(Credential),
}

impl Prepared {
    fn into_senseless(self) -> Option<EnrollError> {
        match self {
            Self::Senseless(error) => Some(error),
            Self::Unfit(_) | Self::Fit(_) => None,
        }
    }
}

/// A reason to refuse that is written down, with the distances behind it.
pub(super) struct Refusal {
    error: EnrollError,
    candidates: Vec<Candidate>,
    incomparable: usize,
}

impl Refusal {
    /// The code of the reason.
    pub(super) const fn code(&self) -> &'static str {
        self.error.code()
    }

    /// A reason that is nobody's.
    const fn of(error: EnrollError) -> Self {
        Self { error, candidates: Vec::new(), incomparable: 0 }
    }

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
        self.enroll_with(request, Evidence { presentations, ..Evidence::default() })
    }

    /// [`Self::enroll`] with what else is known about the capture.
    ///
    /// # Errors
    ///
    /// As [`Self::enroll_presented`], [`EnrollError::Consent`] and [`EnrollError::Capture`].
    pub fn enroll_with(&mut self, request: EnrollRequest, evidence: Evidence<'_>) -> Result<Enrolled, EnrollError> {
        let mut outcomes = self.enroll_each(&[Application { request: &request, evidence }])?;
        outcomes.pop().expect("one answer for one request")
    }

    /// Enrols many people in one transaction: all who are let in are on the disk when this returns, or nobody is.
    ///
    /// The gallery is searched once for all of them. Each is also held against those of the batch who were let in before, so
    /// that of two requests of one person the first succeeds: the outcomes are those of as many single enrolments in this
    /// order. One answer for each request, in their order; refusals that are decisions are recorded as for
    /// [`enroll`](Self::enroll).
    ///
    /// Others wait for their turn to write while the batch is decided, some milliseconds for each person. Some hundred
    /// people are a good size.
    ///
    /// # Errors
    ///
    /// [`RegistryError`] if the registry failed; then nobody of the batch was enrolled, and nothing was recorded.
    pub fn enroll_batch(
        &mut self,
        requests: &[EnrollRequest],
    ) -> Result<Vec<Result<Enrolled, EnrollError>>, RegistryError> {
        let applications: Vec<_> =
            requests.iter().map(|request| Application { request, evidence: Evidence::default() }).collect();
        self.enroll_each(&applications)
    }

    /// [`Self::enroll_batch`] with what else is known about each capture.
    ///
    /// # Errors
    ///
    /// As [`Self::enroll_batch`].
    pub fn enroll_batch_with(
        &mut self,
        requests: &[(EnrollRequest, Evidence<'_>)],
    ) -> Result<Vec<Result<Enrolled, EnrollError>>, RegistryError> {
        let applications: Vec<_> =
            requests.iter().map(|(request, evidence)| Application { request, evidence: *evidence }).collect();
        self.enroll_each(&applications)
    }

    fn enroll_each(
        &mut self,
        applications: &[Application<'_>],
    ) -> Result<Vec<Result<Enrolled, EnrollError>>, RegistryError> {
        self.require(Action::Enrol)?;
        loop {
            self.refresh()?;
            let prepared: Vec<_> = applications.iter().map(|application| self.prepare(application)).collect();
            if prepared.iter().all(|prepared| matches!(prepared, Prepared::Senseless(_))) {
                return Ok(prepared.into_iter().filter_map(Prepared::into_senseless).map(Err).collect());
            }
            let fit = applications.iter().zip(&prepared).filter(|(_, prepared)| matches!(prepared, Prepared::Fit(_)));
            let probes: Vec<_> = fit.map(|(application, _)| application.request.present()).collect();
            let mut suspects = self.known.search_batch(&probes, &self.policy).into_iter();

            // From here on nobody else writes.
            let mut transaction = self.store.begin()?;
            let news = self.known.catch_up(&transaction)?;
            if self.known.policy_adopted() {
                // The search was made under rules that hold no more.
                continue;
            }
            let mut desk = Desk {
                known: &self.known,
                policy: &self.policy,
                policy_id: self.policy_id,
                operator: &self.operator,
                pending: transaction.pending_recoveries()?,
                tree: (applications.len() > 1).then(|| self.known.tree().clone()),
                admitted: Vec::new(),
                root_at: 0,
            };
            let mut outcomes = Vec::with_capacity(applications.len());
            for (application, prepared) in applications.iter().zip(prepared) {
                // Whoever was searched has suspects, also if their capture turns out to be no good.
                let found = if matches!(prepared, Prepared::Fit(_)) { suspects.next() } else { None };
                let prepared = match prepared {
                    Prepared::Senseless(error) => Prepared::Senseless(error),
                    prepared => match desk.take_capture(&mut transaction, application)? {
                        Ok(()) => prepared,
                        Err(error) => Prepared::Unfit(error.into()),
                    },
                };
                outcomes.push(match prepared {
                    Prepared::Senseless(error) => Err(error),
                    Prepared::Unfit(error) => {
                        desk.refuse(&mut transaction, application, Refusal::of(error), 0).map(Err)?
                    }
                    Prepared::Fit(credential) => {
                        let mut suspects = found.expect("one answer for each that was searched");
                        suspects.catch_up(&transaction, &news, application.request.present(), &self.policy)?;
                        desk.decide(&mut transaction, application, credential, suspects)?
                    }
                });
            }
            transaction.commit()?;
            self.learn();
            return Ok(outcomes);
        }
    }

    /// What can be said before anybody is searched.
    fn prepare(&self, application: &Application<'_>) -> Prepared {
        let request = application.request;
        let sense = || -> Result<(Credential, EyePair<'_>), EnrollError> {
            let credential = Credential::new(request.issued_at, request.expires_at, request.class.assurance())?;
            self.check_consent(application.evidence.consent)?;
            let probes = request.eyes()?;
            self.check_kind(probes)?;
            Ok((credential, probes))
        };
        let (credential, probes) = match sense() {
            Ok(sense) => sense,
            Err(error) => return Prepared::Senseless(error),
        };
        match check_presentations(application.evidence.presentations).and_then(|()| self.check_fitness(probes)) {
            Ok(()) => Prepared::Fit(credential),
            Err(error) => Prepared::Unfit(error),
        }
    }

    /// Is there a consent, where the policy asks for one? Eyes without it are not looked at, and nothing is recorded.
    fn check_consent(&self, consent: Option<&str>) -> Result<(), EnrollError> {
        match consent {
            None if self.policy.consent_required => Err(EnrollError::Consent { limit: MAXIMUM_CONSENT }),
            Some(consent) if consent.trim().is_empty() || consent.len() > MAXIMUM_CONSENT => {
                Err(EnrollError::Consent { limit: MAXIMUM_CONSENT })
            }
            _ => Ok(()),
        }
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

/// Where enrolments are decided while nobody else writes.
struct Desk<'a> {
    known: &'a Known,
    policy: &'a RegistryPolicy,
    policy_id: PolicyId,
    operator: &'a str,
    pending: Vec<RecoveryRecord>,
    /// The tree with everybody who was let in by this transaction; none where it is only one person.
    tree: Option<Tree>,
    /// Who was let in by this transaction: the gallery does not know them yet.
    admitted: Vec<(PersonId, EyePair<'a>)>,
    /// When the last root of this transaction became current.
    root_at: u64,
}

impl<'a> Desk<'a> {
    /// Takes the capture, if there is one or the policy asks for one.
    fn take_capture(
        &self,
        transaction: &mut impl WriteTransaction,
        application: &Application<'_>,
    ) -> Result<Result<(), CaptureError>, RegistryError> {
        let taken = match application.evidence.capture {
            Some(capture) => take_capture(transaction, &capture, application.request.issued_at),
            None if self.policy.signed_captures => Err(CaptureError::Unsigned),
            None => Ok(()),
        };
        match taken {
            Err(CaptureError::Registry(error)) => Err(error),
            taken => Ok(taken),
        }
    }

    /// It is known who the eyes might be: lets them in, or refuses and writes down why.
    fn decide(
        &mut self,
        transaction: &mut impl WriteTransaction,
        application: &Application<'a>,
        credential: Credential,
        mut suspects: Suspects,
    ) -> Result<Result<Enrolled, EnrollError>, RegistryError> {
        let request = application.request;
        let probes = request.present();
        suspects.add_all(&self.admitted, probes, self.policy);
        let people = self.known.people() + self.admitted.len() as u64;
        let incomparable = suspects.incomparable.len() as u64;
        let taken = owner_of(transaction, &self.pending, &request.commitment)?;
        if let Some(refusal) = verdict(self.policy, suspects, taken) {
            return match refusal.error {
                EnrollError::Duplicate { person, eye, alignment, .. }
                    if self.policy.adjudicate_duplicates && taken.is_none() =>
                {
                    let details = refusal.details(people).with_evidence(&application.evidence);
                    let decision = self.record(transaction, request.issued_at, REVIEW, Some(person), &details)?;
                    let review = transaction.open_review(NewReview {
                        opened_at: request.issued_at,
                        commitment: request.commitment,
                        templates: records(probes),
                        issued_at: request.issued_at,
                        expires_at: request.expires_at,
                        assurance: credential.assurance(),
                        decision,
                    })?;
                    Ok(Err(EnrollError::Review { review, person, eye, alignment }))
                }
                _ => self.refuse(transaction, application, refusal, people).map(Err),
            };
        }
        let details = Details::new(people, incomparable, &[]).with_evidence(&application.evidence);
        self.admit(transaction, request, credential, &details).map(Ok)
    }

    fn admit(
        &mut self,
        transaction: &mut impl WriteTransaction,
        request: &'a EnrollRequest,
        credential: Credential,
        details: &Details,
    ) -> Result<Enrolled, RegistryError> {
        let probes = request.present();
        let leaf = Leaf::new(&request.commitment, &credential);
        let (leaf_index, root) = match &mut self.tree {
            Some(tree) => {
                let index = LeafIndex::new(tree.len()).map_err(|_| RegistryError::TreeFull)?;
                tree.push(leaf).map_err(|error| RegistryError::Damaged { detail: error.to_string() })?;
                (index, tree.root())
            }
            None => {
                let index = self.known.next_leaf()?;
                (index, self.known.root_after(&[(index, Some(leaf))])?)
            }
        };
        // Of one transaction, too, no root became current before an earlier one.
        self.root_at = self.known.root_at(request.issued_at.max(self.root_at));
        let inserted = transaction.insert_person(NewPerson {
            at: request.issued_at,
            templates: records(probes),
            leaf: LeafRecord { index: leaf_index, commitment: request.commitment, leaf, credential },
            root,
            root_at: self.root_at,
            decision: self.decision(request.issued_at, super::ACCEPTED, None, &details.to_json()),
        })?;
        self.admitted.push((inserted.person, probes));
        Ok(Enrolled { person: inserted.person, leaf_index, credential, root })
    }

    /// Writes down why somebody is not let in; `people` were searched.
    fn refuse(
        &self,
        transaction: &mut impl WriteTransaction,
        application: &Application<'_>,
        refusal: Refusal,
        people: u64,
    ) -> Result<EnrollError, RegistryError> {
        let details = refusal.details(people).with_evidence(&application.evidence);
        let at = application.request.issued_at;
        self.record(transaction, at, refusal.error.code(), refusal.person(), &details)?;
        Ok(refusal.error)
    }

    fn record(
        &self,
        transaction: &mut impl WriteTransaction,
        at: u64,
        outcome: &str,
        person: Option<PersonId>,
        details: &Details,
    ) -> Result<DecisionId, StoreError> {
        transaction.insert_decision(&self.decision(at, outcome, person, &details.to_json()))
    }

    const fn decision<'b>(
        &self,
        at: u64,
        outcome: &'b str,
        person: Option<PersonId>,
        details: &'b str,
    ) -> NewDecision<'b>
    where
        'a: 'b,
    {
        NewDecision {
            at,
            operator: self.operator,
            action: Action::Enrol.as_str(),
            outcome,
            person,
            policy: self.policy_id,
            software: SOFTWARE,
            details,
        }
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
    /// The eyes that are there.
    const fn present(&self) -> EyePair<'_> {
        EyePair { left: self.left.as_ref(), right: self.right.as_ref() }
    }

    /// As many eyes as the class asks for.
    fn eyes(&self) -> Result<EyePair<'_>, EnrollError> {
        let eyes = self.present();
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
pub(super) fn verdict(policy: &RegistryPolicy, suspects: Suspects, taken: Option<PersonId>) -> Option<Refusal> {
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
        let mirrored = mirrored(probes);
        for &person in news {
            self.forget(person);
            let enrolled = eyes_of(&person_in(store, person)?)?;
            self.add(person, enrolled.as_eyes(), probes, mirrored.as_eyes(), policy);
        }
        Ok(())
    }
}

impl Suspects {
    /// The same questions about people who were let in by the same transaction.
    fn add_all(&mut self, people: &[(PersonId, EyePair<'_>)], probes: EyePair<'_>, policy: &RegistryPolicy) {
        if people.is_empty() {
            return;
        }
        let mirrored = mirrored(probes);
        for (person, eyes) in people {
            self.add(*person, *eyes, probes, mirrored.as_eyes(), policy);
        }
    }
}

/// The eyes flipped left to right.
pub(super) fn mirrored(eyes: EyePair<'_>) -> OwnedEyes {
    OwnedEyes { left: eyes.left.map(IrisTemplate::mirrored), right: eyes.right.map(IrisTemplate::mirrored) }
}

/// A person whom this process knows to be there.
pub(super) fn person_in(store: &impl ReadStore, person: PersonId) -> Result<PersonRecord, RegistryError> {
    store.person(person)?.ok_or_else(|| RegistryError::Damaged { detail: format!("person {person} is gone") })
}
