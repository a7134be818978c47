//! Why somebody does not come in, or is not looked for.

use super::{RegistryError, UnfitTemplate, from_store};
use crate::identity::CredentialError;
use crate::iris::EyeSide;
use crate::matcher::Alignment;
use crate::registry::CaptureError;
use crate::store::{PersonId, ReviewId, StoreError};

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

    /// There is no record of consent, or its number cannot be one.
    #[error("no consent: give the number of the record of consent, 1 to {limit} bytes")]
    Consent {
        /// The most bytes.
        limit: usize,
    },
    /// The capture is not one of a known station, or was taken before.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// People will decide whether this is a duplicate.
    #[error("looks like person {person}, whose {eye} eye matches ({alignment}): two people decide in review {review}")]
    Review {
        /// The number of the review.
        review: ReviewId,
        /// Whose eye matches best.
        person: PersonId,
        /// Which of their eyes.
        eye: EyeSide,
        /// Distance and rotation.
        alignment: Alignment,
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
            Self::Consent { .. } => "consent_missing",
            Self::Capture(error) => error.code(),
            Self::Review { .. } => "review",
            Self::Registry(error) => error.code(),
        }
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

from_store!(EnrollError IdentifyError);
