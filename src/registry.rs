//! The registry: who is enrolled, exactly once, and with which leaf.
//!
//! A [`Registry`] joins the three things that make one person one member: the exact search among all
//! enrolled eyes ([`PeopleGallery`](crate::matcher::PeopleGallery)), the tree of leaves ([`Tree`]), and
//! a [`Store`] that keeps both across crashes. Several processes may work on one store: each catches up with
//! the others before it decides, and decides under the store's lock.
//!
//! Time is always an argument: the registry has no clock.
//!
//! ```
//! use personhood::identity::IdentitySecret;
//! use personhood::iris::{EncoderVersion, IrisCode, IrisTemplate, Layout, Mask};
//! use personhood::registry::{EnrollError, EnrollRequest, EnrolmentClass, Registry, RegistryPolicy};
//! use personhood::store::MemoryStore;
//! # fn eye(seed: u64) -> Result<IrisTemplate, personhood::iris::TemplateError> {
//! #     let mut state = seed;
//! #     let code = IrisCode::from_fn(Layout::Columns256, |_, _, _, _| {
//! #         state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
//! #         state >> 63 == 1
//! #     });
//! #     IrisTemplate::new(code, Mask::full(Layout::Columns256), EncoderVersion::Personhood(1))
//! # }
//!
//! let mut registry = Registry::create(MemoryStore::new(), RegistryPolicy::default(), 1_700_000_000)?;
//! let request = |secret: &IdentitySecret| -> Result<EnrollRequest, personhood::iris::TemplateError> {
//!     Ok(EnrollRequest {
//!         left: Some(eye(1)?),
//!         right: Some(eye(2)?),
//!         commitment: secret.commitment(),
//!         class: EnrolmentClass::BothEyes,
//!         issued_at: 1_700_000_000,
//!         expires_at: 1_900_000_000,
//!     })
//! };
//! let (first, second) = (IdentitySecret::generate(&mut rand_core::OsRng), IdentitySecret::generate(&mut rand_core::OsRng));
//! let enrolled = registry.enroll(request(&first)?)?;
//! let refused = registry.enroll(request(&second)?);
//! assert!(matches!(refused, Err(EnrollError::Duplicate { person, .. }) if person == enrolled.person));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What uniqueness means here
//!
//! Whoever enrols with both eyes has been held against everybody: each presented eye against all enrolled
//! eyes of its side and, unless the policy says otherwise, of the other side. Nobody is let in while there is
//! an enrolled person of whom no eye could be compared. What this cannot see: somebody of the one-eye class
//! who enrols the other eye as another person ([`EnrolmentClass::OneEye`] has a lower assurance for that
//! reason), and eyes that are not eyes; capture has to refuse those, and [`Registry::enroll_presented`] takes what
//! [detectors](crate::presentation) say. Mirrored pictures of enrolled eyes are found.

mod candidate;
mod captured;
mod check;
mod decision;
mod enrol;
mod erasure;
mod error;
mod eye_word;
mod known;
mod lifecycle;
#[cfg(feature = "log")]
pub mod logged;
mod policy;
mod replay;
mod review;
mod roles;
mod station;

pub use candidate::{Candidate, Sighting};
pub use captured::{RecoverRequest, RefreshRequest, Requested};
pub use check::{Checked, check};
pub use decision::{Action, Decision, Distance};
pub use enrol::{EnrollRequest, Enrolled, EnrolmentClass, Evidence};
pub use erasure::{ErasedError, check_erasures, erasure_receipt, erasures};
pub use error::{
    AdoptError, AuthenticateError, EnrollError, IdentifyError, OperatorError, PathError, RecoverError, RefreshError,
    RegistryError, ReviewError, StepError, UnfitTemplate,
};
pub use lifecycle::Changed;
pub use policy::{PolicyError, RegistryPolicy};
pub use replay::{ReplayOutcome, Replayed};
pub use review::Voted;
pub use station::{CaptureError, CaptureEvidence, CaptureManifest, StationError, StationKey, capture_digest};

use core::fmt;

use captured::{Claim, claimed};
use decision::{Details, SOFTWARE};
use known::Known;
use lifecycle::Deciding;

use crate::identity::{Credential, IdentityCommitment, Leaf};
use crate::iris::{EyeSide, IrisTemplate, Layout};
use crate::matcher::EyePair;
use crate::store::{
    Census, ChangeRecord, DecisionId, Genesis, NewDecision, NewPolicy, PersonId, PersonRecord, PersonStatus, PolicyId,
    RootRecord, Sequence, Store, StoreError, TemplatePair, WriteTransaction,
};
use crate::tree::{self, LeafIndex, MerklePath, MerkleRoot, RootHistory, Tree};

/// The outcome of a decision in somebody's favour.
const ACCEPTED: &str = "accepted";
/// No longer operator's name is kept: it goes into every decision.
const MAXIMUM_OPERATOR: usize = 200;
/// The shape of the tree that this release builds, stored with each registry.
const TREE_ARITY: u8 = tree::ARITY as u8;
const TREE_DEPTH: u8 = tree::DEPTH as u8;
/// Rows read at a time where rows are small.
const BATCH: u32 = 10_000;
/// Rows read at a time where they have templates.
const PEOPLE: u32 = 1_000;

/// Everybody who is enrolled, in a store.
pub struct Registry<S> {
    store: S,
    policy: RegistryPolicy,
    policy_id: PolicyId,
    created_at: u64,
    operator: String,
    known: Known,
}

/// Whose path is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The person of this number.
    Person(PersonId),
    /// Whoever enrolled with this commitment.
    Commitment(IdentityCommitment),
}

impl From<PersonId> for Holder {
    fn from(person: PersonId) -> Self {
        Self::Person(person)
    }
}

impl From<IdentityCommitment> for Holder {
    fn from(commitment: IdentityCommitment) -> Self {
        Self::Commitment(commitment)
    }
}

/// What a holder needs besides their secret to prove that they are enrolled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Who.
    pub person: PersonId,
    /// Where their leaf is.
    pub leaf_index: LeafIndex,
    /// What it certifies.
    pub credential: Credential,
    /// The way from the leaf to the root.
    pub path: MerklePath,
    /// The root that the path leads to, the newest one.
    pub root: MerkleRoot,
}

/// Somebody who says who they are.
#[derive(Clone, Debug)]
pub struct AuthenticateRequest {
    /// Who they say they are.
    pub person: PersonId,
    /// Their left eye.
    pub left: Option<IrisTemplate>,
    /// Their right eye.
    pub right: Option<IrisTemplate>,
    /// Now, Unix seconds.
    pub at: u64,
}

/// Somebody who is who they say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticated {
    /// Who.
    pub person: PersonId,
    /// The eyes that matched, nearest first; at least one.
    pub sightings: Vec<Sighting>,
    /// The decision's number.
    pub decision: DecisionId,
}

/// A registry at a glance.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Status {
    /// When it was created, Unix seconds.
    pub created_at: u64,
    /// The newest change.
    pub sequence: Sequence,
    /// How many people are enrolled, whatever their status.
    pub people: u64,
    /// How they stand.
    pub census: Census,
    /// How many of them with their left eye.
    pub left_eyes: u64,
    /// How many of them with their right eye.
    pub right_eyes: u64,
    /// The layout of their templates.
    pub layout: Layout,
    /// The policy in force.
    pub policy: RegistryPolicy,
    /// Its number.
    pub policy_id: PolicyId,
    /// The root.
    pub root: MerkleRoot,
    /// Leaves in the tree.
    pub leaves: u32,
    /// Leaves that it can hold.
    pub capacity: u32,
    /// Bytes on the disk, write-ahead log included; none for a store without a disk.
    pub disk_bytes: Option<u64>,
}

impl<S: Store> Registry<S> {
    /// Makes a registry in an empty store; `created_at` is now, in Unix seconds.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Policy`] for a policy under which everybody or nobody would be a duplicate,
    /// [`StoreError::AlreadyInitialised`] if the store holds a registry.
    pub fn create(mut store: S, policy: RegistryPolicy, created_at: u64) -> Result<Self, RegistryError> {
        let document = policy.to_json()?;
        let mut transaction = store.begin()?;
        transaction.initialise(&Genesis {
            created_at,
            tree_arity: TREE_ARITY,
            tree_depth: TREE_DEPTH,
            policy: document,
        })?;
        transaction.commit()?;
        Self::open(store)
    }

    /// Opens the registry in a store: reads every template and every leaf, and checks the root over them.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotInitialised`] if there is none, [`RegistryError::Damaged`] if its rows contradict each
    /// other, [`RegistryError::Policy`] if another release wrote its policy.
    pub fn open(store: S) -> Result<Self, RegistryError> {
        let genesis = store.genesis()?.ok_or(StoreError::NotInitialised)?;
        let stored = store.policy()?.ok_or(StoreError::NotInitialised)?;
        if (genesis.tree_arity, genesis.tree_depth) != (TREE_ARITY, TREE_DEPTH) {
            return Err(RegistryError::OtherTree {
                arity: genesis.tree_arity,
                depth: genesis.tree_depth,
                expected_arity: TREE_ARITY,
                expected_depth: TREE_DEPTH,
            });
        }
        let policy = RegistryPolicy::from_json(&stored.document)?;
        let known = Known::new(&policy, genesis.created_at);
        let mut registry = Self {
            store,
            policy,
            policy_id: stored.id,
            created_at: genesis.created_at,
            operator: String::new(),
            known,
        };
        registry.refresh()?;
        Ok(registry)
    }

    /// Opens the registry in a store, or makes one with this policy if the store is empty.
    ///
    /// The policy of a registry that is there stays what it is: compare [`policy`](Self::policy) if it matters.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open) and [`create`](Self::create).
    pub fn open_or_create(store: S, policy: RegistryPolicy, created_at: u64) -> Result<Self, RegistryError> {
        if store.genesis()?.is_some() { Self::open(store) } else { Self::create(store, policy, created_at) }
    }

    /// Who asks for the decisions from now on: an operator or a station, in the deployment's own words. It goes
    /// into every decision, cut to 200 bytes; empty unless told.
    pub fn set_operator(&mut self, operator: &str) {
        let end = operator.floor_char_boundary(MAXIMUM_OPERATOR);
        operator[..end].clone_into(&mut self.operator);
    }

    /// The rules.
    #[must_use]
    pub fn policy(&self) -> &RegistryPolicy {
        &self.policy
    }

    /// Puts another policy in force, for every process that works on this registry.
    ///
    /// Layout and encoder stay, since everybody's templates are of them.
    ///
    /// # Errors
    ///
    /// [`AdoptError`].
    pub fn adopt_policy(&mut self, policy: &RegistryPolicy, at: u64) -> Result<PolicyId, AdoptError> {
        self.require(Action::AdoptPolicy)?;
        let document = policy.to_json().map_err(RegistryError::from)?;
        self.refresh()?;
        if policy.layout != self.policy.layout {
            return Err(AdoptError::Fixed { field: "the layout" });
        }
        if policy.encoder != self.policy.encoder {
            return Err(AdoptError::Fixed { field: "the encoder" });
        }
        if *policy == self.policy {
            return Err(AdoptError::InForce);
        }
        let mut transaction = self.store.begin()?;
        self.known.catch_up(&transaction)?;
        let id = transaction.adopt_policy(NewPolicy {
            document: &document,
            root: self.known.tree().root(),
            root_at: self.known.root_at(at),
            decision: NewDecision {
                at,
                operator: &self.operator,
                action: Action::AdoptPolicy.as_str(),
                outcome: ACCEPTED,
                person: None,
                policy: self.policy_id,
                software: SOFTWARE,
                details: &Details::new(0, 0, &[]).to_json(),
            },
        })?;
        transaction.commit()?;
        self.learn();
        Ok(id)
    }

    /// The number of the policy in force.
    #[must_use]
    pub fn policy_id(&self) -> PolicyId {
        self.policy_id
    }

    /// Everything that happened to a person, in order: the facts, never the templates.
    ///
    /// # Errors
    ///
    /// [`RegistryError`].
    pub fn history(&self, person: PersonId) -> Result<Vec<ChangeRecord>, RegistryError> {
        self.require(Action::Audit)?;
        Ok(self.store.changes_of(person)?)
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Learns what other processes have committed. Every method with `&mut self` does so by itself.
    ///
    /// # Errors
    ///
    /// [`RegistryError`].
    pub fn refresh(&mut self) -> Result<(), RegistryError> {
        self.known.catch_up(&self.store)?;
        self.read_policy()
    }

    /// Takes the policy in force, if it is another one than before.
    fn read_policy(&mut self) -> Result<(), RegistryError> {
        if self.known.policy_adopted() {
            let stored = self.store.policy()?.ok_or(StoreError::NotInitialised)?;
            self.policy = RegistryPolicy::from_json(&stored.document)?;
            self.policy_id = stored.id;
            self.known.policy_read();
        }
        Ok(())
    }

    /// Learns what this process has committed itself.
    fn learn(&mut self) {
        // It is committed, so it is not taken back. Whatever failed here fails again, and is told, at the next question.
        let _ = self.refresh().and_then(|()| self.save_tree());
    }

    /// Saves the tree now and then, so that reopening need not hash it again; nothing is lost if it is not.
    fn save_tree(&mut self) -> Result<(), RegistryError> {
        if !self.known.is_save_due() {
            return Ok(());
        }
        let mut transaction = self.store.begin()?;
        self.known.catch_up(&transaction)?;
        let Some(pages) = self.known.pages_due() else { return Ok(()) };
        transaction.save_tree(self.known.sequence(), &pages)?;
        transaction.commit()?;
        self.known.saved();
        Ok(())
    }

    /// The root, as of the last [`refresh`](Self::refresh).
    #[must_use]
    pub fn root(&self) -> MerkleRoot {
        self.known.tree().root()
    }

    /// Every root that the tree had after a change, oldest first, each with the time when it became current.
    ///
    /// # Errors
    ///
    /// [`RegistryError`].
    pub fn roots(&self) -> Result<Vec<RootRecord>, RegistryError> {
        let mut roots = Vec::new();
        loop {
            let after = roots.last().map_or(Sequence::START, |root: &RootRecord| root.sequence);
            let batch = self.store.roots_since(after, BATCH)?;
            if batch.is_empty() {
                return Ok(roots);
            }
            roots.extend(batch);
        }
    }

    /// The same roots as a relying party keeps them, from the empty tree on: it checks a statement's root
    /// against them with [`RootHistory::check`].
    ///
    /// # Errors
    ///
    /// [`RegistryError`].
    pub fn root_history(&self) -> Result<RootHistory, RegistryError> {
        let mut history = RootHistory::new(Tree::new().root(), self.created_at);
        for root in self.roots()? {
            history.advance(root.root, root.at).map_err(|error| RegistryError::Damaged {
                detail: format!("root of change {}: {error}", root.sequence),
            })?;
        }
        Ok(history)
    }

    /// Up to `limit` decisions after number `after` (zero for all), oldest first.
    ///
    /// # Errors
    ///
    /// [`RegistryError`].
    pub fn decisions(&self, after: u64, limit: u32) -> Result<Vec<Decision>, RegistryError> {
        self.require(Action::Audit)?;
        let records = self.store.decisions_since(after, limit)?;
        records
            .into_iter()
            .map(|record| {
                let id = record.id;
                Decision::from_record(record)
                    .map_err(|detail| RegistryError::Damaged { detail: format!("decision {id}: {detail}") })
            })
            .collect()
    }

    /// The registry at a glance.
    ///
    /// # Errors
    ///
    /// [`RegistryError`].
    pub fn status(&mut self) -> Result<Status, RegistryError> {
        self.refresh()?;
        let eyes = |eye| self.known.gallery().eyes(eye) as u64;
        Ok(Status {
            created_at: self.created_at,
            sequence: self.known.sequence(),
            people: self.known.people(),
            census: self.store.census()?,
            left_eyes: eyes(EyeSide::Left),
            right_eyes: eyes(EyeSide::Right),
            layout: self.policy.layout,
            policy: self.policy.clone(),
            policy_id: self.policy_id,
            root: self.known.tree().root(),
            leaves: self.known.tree().len(),
            capacity: tree::CAPACITY,
            disk_bytes: self.store.disk_bytes()?,
        })
    }

    /// Everybody whom these eyes match, nearest first; nobody is an empty list.
    ///
    /// The same rule as for enrolment: whoever is returned here would make an enrolment a duplicate.
    ///
    /// # Errors
    ///
    /// [`IdentifyError`].
    pub fn identify(
        &mut self,
        left: Option<&IrisTemplate>,
        right: Option<&IrisTemplate>,
    ) -> Result<Vec<Candidate>, IdentifyError> {
        let probes = EyePair { left, right };
        if probes.present().next().is_none() {
            return Err(IdentifyError::NoEye);
        }
        self.check_kind(probes)?;
        self.require(Action::Identify)?;
        self.refresh()?;
        Ok(self.known.search(probes, false, &self.policy).same)
    }

    /// Is this the person they say? The answer is recorded as a decision.
    ///
    /// Each presented eye is held against the same enrolled eye. With
    /// [`EyeRule::Either`](crate::matcher::EyeRule::Either) one that matches is enough; with
    /// [`EyeRule::Both`](crate::matcher::EyeRule::Both) every enrolled eye must be presented and match.
    ///
    /// # Errors
    ///
    /// [`AuthenticateError::NotThisPerson`] if not, [`AuthenticateError::Undecided`] if nothing could be
    /// compared; the others if the question makes no sense or the registry failed.
    pub fn authenticate(&mut self, request: &AuthenticateRequest) -> Result<Authenticated, AuthenticateError> {
        let person = request.person;
        let probes = EyePair { left: request.left.as_ref(), right: request.right.as_ref() };
        if probes.present().next().is_none() {
            return Err(AuthenticateError::NoEye);
        }
        self.check_kind(probes)?;
        self.require(Action::Authenticate)?;
        self.refresh()?;
        let mut transaction = self.store.begin()?;
        let record = claimed(&transaction, &self.policy, person, request.at)?;
        let enrolled = eyes_of(&record)?;
        let claim = Claim::new(probes, enrolled.as_eyes(), false, &self.policy);
        let refusal = claim.refusal(person);
        let deciding = Deciding {
            known: &self.known,
            operator: &self.operator,
            policy: self.policy_id,
            at: request.at,
            action: Action::Authenticate,
            details: claim.details(person),
        };
        let outcome = refusal.as_ref().map_or(ACCEPTED, AuthenticateError::code);
        let decision = deciding.record(&mut transaction, outcome, person)?;
        transaction.commit()?;
        match (refusal, claim) {
            (Some(error), _) => Err(error),
            (None, Claim::Theirs(pairing) | Claim::Undecided(pairing) | Claim::Other(pairing)) => {
                Ok(Authenticated { person, sightings: pairing.matching, decision })
            }
        }
    }

    /// The newest path of a person, by number or by commitment.
    ///
    /// # Errors
    ///
    /// [`PathError::NotEnrolled`], or the registry failed.
    pub fn path(&mut self, holder: impl Into<Holder>) -> Result<Membership, PathError> {
        self.refresh()?;
        let (person, name) = match holder.into() {
            Holder::Person(person) => (Some(person), format!("person {person}")),
            Holder::Commitment(commitment) => {
                (self.store.person_of(&commitment)?, format!("the holder of commitment {commitment}"))
            }
        };
        let record = match person {
            Some(person) => self.store.person(person)?,
            None => None,
        };
        let Some(PersonRecord { person, leaf: Some(leaf), status, .. }) = record else {
            return Err(PathError::NotEnrolled { holder: name });
        };
        if status != PersonStatus::Active {
            return Err(PathError::NotActive { holder: name, status });
        }
        let damaged = |detail: &str| RegistryError::Damaged { detail: format!("leaf of person {person}: {detail}") };
        // Reopening trusts the stored leaf to spare a hash per person; whoever asks gets it checked.
        if Leaf::new(&leaf.commitment, &leaf.credential) != leaf.leaf {
            return Err(damaged("it is not that of its commitment and credential").into());
        }
        let path = self.known.tree().path(leaf.index).map_err(|error| damaged(&error.to_string()))?;
        let root = self.known.tree().root();
        if path.root(&leaf.leaf) != root {
            return Err(damaged("another leaf is in its place").into());
        }
        Ok(Membership { person, leaf_index: leaf.index, credential: leaf.credential, path, root })
    }

    /// Of the registry's layout and encoder?
    fn check_kind(&self, probes: EyePair<'_>) -> Result<(), UnfitTemplate> {
        for (eye, template) in probes.present() {
            if template.layout() != self.policy.layout {
                return Err(UnfitTemplate::Layout { eye, found: template.layout(), expected: self.policy.layout });
            }
            if !template.encoder().is_comparable_with(self.policy.encoder) {
                return Err(UnfitTemplate::Encoder { eye, found: template.encoder(), expected: self.policy.encoder });
            }
        }
        Ok(())
    }
}

impl<S> fmt::Debug for Registry<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("people", &self.known.people())
            .field("root", &self.known.tree().root())
            .finish_non_exhaustive()
    }
}

/// The opened templates of one person; wiped on drop.
struct OwnedEyes {
    left: Option<IrisTemplate>,
    right: Option<IrisTemplate>,
}

impl OwnedEyes {
    const fn as_eyes(&self) -> EyePair<'_> {
        EyePair { left: self.left.as_ref(), right: self.right.as_ref() }
    }
}

fn eyes_of(record: &PersonRecord) -> Result<OwnedEyes, RegistryError> {
    eyes_of_pair(&record.templates, &format!("person {}", record.person))
}

fn eyes_of_pair(templates: &TemplatePair, owner: &str) -> Result<OwnedEyes, RegistryError> {
    let open = |eye: EyeSide| {
        templates
            .of(eye)
            .map(|template| template.open())
            .transpose()
            .map_err(|error| RegistryError::Damaged { detail: format!("{eye} template of {owner}: {error}") })
    };
    Ok(OwnedEyes { left: open(EyeSide::Left)?, right: open(EyeSide::Right)? })
}
