//! Why a registry did not do what was asked.

use super::PolicyError;
use crate::identity::CredentialError;
use crate::iris::{Degenerate, EncoderVersion, EyeSide, Layout};
use crate::matcher::Alignment;
use crate::store::{PersonId, PersonStatus, StoreError};

/// The registry cannot work at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stored or given policy cannot be used.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The rows of the store contradict each other.
    #[error("the registry is damaged: {detail}; restore it from a backup and do not enrol into it")]
    Damaged {
        /// What contradicts what.
        detail: String,
    },
    /// The registry's tree has another shape than this release builds.
    #[error(
        "the registry's tree has arity {arity} and depth {depth}, and this release builds {expected_arity} and {expected_depth}"
    )]
    OtherTree {
        /// Children of a node.
        arity: u8,
        /// Levels.
        depth: u8,
        /// What this release builds.
        expected_arity: u8,
        /// What this release builds.
        expected_depth: u8,
    },
    /// Every leaf of the tree is taken.
    #[error("the tree is full: it holds 2^30 leaves")]
    TreeFull,
}

/// A template that this registry does not take.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UnfitTemplate {
    /// Sampled on another grid.
    #[error("the {eye} template has {}, and this registry takes {}: encode the picture again", found, expected)]
    Layout {
        /// Which eye.
        eye: EyeSide,
        /// Its layout.
        found: Layout,
        /// The registry's.
        expected: Layout,
    },
    /// Made by another encoder.
    #[error("the {eye} template is of {found}, and this registry takes {expected}: encode the picture again")]
    Encoder {
        /// Which eye.
        eye: EyeSide,
        /// Its encoder.
        found: EncoderVersion,
        /// The registry's.
        expected: EncoderVersion,
    },
    /// Not the trace of an iris.
    #[error("the {eye} template is degenerate: {reason}")]
    Degenerate {
        /// Which eye.
        eye: EyeSide,
        /// Why.
        reason: Degenerate,
    },
}

/// Why somebody was not enrolled. Nothing but the decision was stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnrollError {
    // The request makes no sense.
    /// Enrolment of both eyes lacks one.
    #[error("the {eye} eye is missing: give both, or ask for a one-eye enrolment")]
    MissingEye {
        /// Which.
        eye: EyeSide,
    },
    /// Enrolment of one eye takes exactly one.
    #[error("a one-eye enrolment takes exactly one eye, and {given} are given")]
    NotOneEye {
        /// How many are there.
        given: usize,
    },
    /// The dates cannot be.
    #[error(transparent)]
    Credential(#[from] CredentialError),

    // The eyes are not acceptable.
    /// A template is not one that this registry takes.
    #[error(transparent)]
    Template(#[from] UnfitTemplate),
    /// The same eye was presented as left and as right.
    #[error("both templates are of one eye ({alignment}): capture the other eye")]
    SameEyeTwice {
        /// How they match.
        alignment: Alignment,
    },

    /// A detector says that this is no living eye.
    #[error(
        "a presentation attack, says {method} {version} (score {score} of 100): capture the eyes under supervision"
    )]
    PresentationAttack {
        /// The detector's method.
        method: String,
        /// Its version.
        version: String,
        /// How sure it is, 0 to 100.
        score: u8,
    },

    // Somebody is enrolled already.
    /// This person is enrolled.
    #[error("already enrolled as person {person}: their {eye} eye matches ({alignment})")]
    Duplicate {
        /// As whom.
        person: PersonId,
        /// Which of the enrolled eyes matches best.
        eye: EyeSide,
        /// The side as which it was presented; another one if left and right were exchanged.
        probe: EyeSide,
        /// Distance and rotation.
        alignment: Alignment,
        /// How many people match, this one included.
        people: usize,
    },
    /// The mirror image of an enrolled eye was presented.
    #[error("mirror image of person {person}: their {eye} eye matches when the picture is flipped ({alignment})")]
    MirroredDuplicate {
        /// Whose eye.
        person: PersonId,
        /// Which of the enrolled eyes matches best.
        eye: EyeSide,
        /// The side as which its mirror image was presented.
        probe: EyeSide,
        /// Distance and rotation.
        alignment: Alignment,
    },
    /// The eyes match so many people that they say nothing.
    #[error("the eyes match {people} people, more than the {limit} that the policy allows: capture them again")]
    MatchesTooMany {
        /// How many.
        people: usize,
        /// How many may.
        limit: u32,
    },
    /// For some people nobody can say whether they are this one.
    #[error(
        "too few bits in common with {people} enrolled people to rule them out ({limit} are allowed): capture the eyes wider open"
    )]
    Undecided {
        /// How many.
        people: usize,
        /// How many may be.
        limit: u32,
    },
    /// The commitment has a leaf.
    #[error("the commitment is enrolled already, as person {person}: make a new identity")]
    DuplicateCommitment {
        /// As whom.
        person: PersonId,
    },

    /// The registry failed; nothing was decided.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl EnrollError {
    /// A stable word for this kind of error, as decisions record it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MissingEye { .. } => "missing_eye",
            Self::NotOneEye { .. } => "not_one_eye",
            Self::Credential(_) => "credential_dates",
            Self::Template(unfit) => unfit.code(),
            Self::SameEyeTwice { .. } => "same_eye_twice",
            Self::PresentationAttack { .. } => "presentation_attack",
            Self::Duplicate { .. } => "duplicate",
            Self::MirroredDuplicate { .. } => "mirrored_duplicate",
            Self::MatchesTooMany { .. } => "matches_too_many",
            Self::Undecided { .. } => "undecided",
            Self::DuplicateCommitment { .. } => "duplicate_commitment",
            Self::Registry(error) => error.code(),
        }
    }
}

impl UnfitTemplate {
    /// A stable word for this kind of error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Layout { .. } => "wrong_layout",
            Self::Encoder { .. } => "wrong_encoder",
            Self::Degenerate { .. } => "degenerate_template",
        }
    }
}

impl RegistryError {
    /// A stable word for this kind of error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Policy(_) => "policy_invalid",
            Self::Damaged { .. } => "registry_damaged",
            Self::OtherTree { .. } => "registry_other_tree",
            Self::TreeFull => "registry_tree_full",
        }
    }
}

impl From<StoreError> for EnrollError {
    fn from(error: StoreError) -> Self {
        Self::Registry(error.into())
    }
}

/// Why nobody was identified or looked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentifyError {
    /// No eye was given.
    #[error("no eye is given: give the left one, the right one or both")]
    NoEye,
    /// A template is not one that this registry takes.
    #[error(transparent)]
    Template(#[from] UnfitTemplate),
    /// The registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl IdentifyError {
    /// A stable word for this kind of error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoEye => "no_eye",
            Self::Template(unfit) => unfit.code(),
            Self::Registry(error) => error.code(),
        }
    }
}

impl From<StoreError> for IdentifyError {
    fn from(error: StoreError) -> Self {
        Self::Registry(error.into())
    }
}

/// Why somebody is not believed to be whom they say.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthenticateError {
    /// No eye was given.
    #[error("no eye is given: give the left one, the right one or both")]
    NoEye,
    /// Nobody has this number.
    #[error("there is no person {person}")]
    UnknownPerson {
        /// The number.
        person: PersonId,
    },
    /// A template is not one that this registry takes.
    #[error(transparent)]
    Template(#[from] UnfitTemplate),
    /// The eyes are somebody else's.
    #[error("not person {person}: {}", match nearest {
        Some(nearest) => format!("the nearest eye is at {nearest}"),
        None => "the eye rule asks for more eyes than match".to_owned(),
    })]
    NotThisPerson {
        /// Who they said they are.
        person: PersonId,
        /// How near the best eye came, if an eye failed.
        nearest: Option<Alignment>,
    },
    /// No eye could be compared.
    #[error("no presented eye can be compared with an enrolled eye of person {person}: capture them again")]
    Undecided {
        /// Who they said they are.
        person: PersonId,
    },
    /// The registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl AuthenticateError {
    /// A stable word for this kind of error, as decisions record it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoEye => "no_eye",
            Self::UnknownPerson { .. } => "unknown_person",
            Self::Template(unfit) => unfit.code(),
            Self::NotThisPerson { .. } => "not_this_person",
            Self::Undecided { .. } => "undecided",
            Self::Registry(error) => error.code(),
        }
    }
}

impl From<StoreError> for AuthenticateError {
    fn from(error: StoreError) -> Self {
        Self::Registry(error.into())
    }
}

/// Why there is no path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// Nobody has this number, or this commitment.
    #[error("nobody is enrolled as {holder}")]
    NotEnrolled {
        /// The number or the commitment.
        holder: String,
    },
    /// Their leaf is not in the tree.
    #[error("{holder} is {}, so that no proof of membership is possible", status.as_str())]
    NotActive {
        /// The number or the commitment.
        holder: String,
        /// How they stand.
        status: PersonStatus,
    },
    /// The registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl PathError {
    /// A stable word for this kind of error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotEnrolled { .. } => "not_enrolled",
            Self::NotActive { .. } => "not_active",
            Self::Registry(error) => error.code(),
        }
    }
}

impl From<StoreError> for PathError {
    fn from(error: StoreError) -> Self {
        Self::Registry(error.into())
    }
}
