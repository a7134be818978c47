//! Why somebody is not believed, or has no path: what people ask for who say who they are.

use super::{RegistryError, UnfitTemplate, from_store};
use crate::identity::CredentialError;
use crate::iris::EyeSide;
use crate::matcher::Alignment;
use crate::store::{PersonId, PersonStatus, RecoveryId, StoreError};

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
    /// They are not active.
    #[error("person {person} is {}, not active", status.as_str())]
    NotActive {
        /// Who they said they are.
        person: PersonId,
        /// How that person stands.
        status: PersonStatus,
    },
    /// Other eyes were presented as theirs too often.
    #[error("too many attempts to be person {person} failed: try again in {retry_after} s")]
    LockedOut {
        /// Who they said they are.
        person: PersonId,
        /// From when on they may try again, Unix seconds.
        retry_at: u64,
        /// In how many seconds that is.
        retry_after: u64,
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
            Self::NotActive { .. } => "not_active",
            Self::LockedOut { .. } => "locked_out",
            Self::Undecided { .. } => "undecided",
            Self::Registry(error) => error.code(),
        }
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

/// Why a person's templates were not replaced. Nothing but the decision was stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RefreshError {
    /// The eyes are not theirs, or nobody can tell.
    #[error(transparent)]
    Authenticate(#[from] AuthenticateError),
    /// An eye is presented that was not enrolled.
    #[error("person {person} is enrolled without a {eye} eye: present the other one")]
    EyeNotEnrolled {
        /// Who.
        person: PersonId,
        /// Which eye.
        eye: EyeSide,
    },
    /// One eye would be enrolled as both.
    #[error("both templates are of one eye ({alignment}): capture the other eye")]
    SameEyeTwice {
        /// How they match.
        alignment: Alignment,
    },
    /// The new captures match somebody else too, straight or mirrored.
    #[error("the new captures match person {person} too, their {eye} eye ({alignment}): capture the eyes again")]
    SomebodyElse {
        /// Whom.
        person: PersonId,
        /// Which of their eyes.
        eye: EyeSide,
        /// Distance and rotation.
        alignment: Alignment,
    },
    /// For some people nobody can say whether the new captures are theirs.
    #[error(
        "too few bits in common with {people} enrolled people to rule them out ({limit} are allowed): capture the eyes wider open"
    )]
    NotRuledOut {
        /// How many.
        people: usize,
        /// How many may be.
        limit: u32,
    },
    /// The registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl RefreshError {
    /// A stable word for this kind of error, as decisions record it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Authenticate(error) => error.code(),
            Self::EyeNotEnrolled { .. } => "eye_not_enrolled",
            Self::SameEyeTwice { .. } => "same_eye_twice",
            Self::SomebodyElse { .. } => "somebody_else",
            Self::NotRuledOut { .. } => "not_ruled_out",
            Self::Registry(error) => error.code(),
        }
    }
}

/// Why there is no new leaf. Nothing but the decision was stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// The eyes are not theirs, or nobody can tell.
    #[error(transparent)]
    Authenticate(#[from] AuthenticateError),
    /// The dates cannot be.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// The commitment has a leaf, or waits for one.
    #[error("the commitment is enrolled already, as person {person}: make a new identity")]
    DuplicateCommitment {
        /// As whom.
        person: PersonId,
    },
    /// They have asked already.
    #[error("recovery {recovery} is pending until {ready_at}: complete it then, or cancel it")]
    Pending {
        /// The recovery that waits.
        recovery: RecoveryId,
        /// From when on it can be completed, Unix seconds.
        ready_at: u64,
    },
    /// No such recovery waits.
    #[error("recovery {recovery} is not pending")]
    NotPending {
        /// The number.
        recovery: RecoveryId,
    },
    /// Its time has not come.
    #[error("recovery {recovery} cannot be completed before {ready_at}: wait {wait} s")]
    TooEarly {
        /// The recovery.
        recovery: RecoveryId,
        /// From when on it can be completed, Unix seconds.
        ready_at: u64,
        /// In how many seconds that is.
        wait: u64,
    },
    /// The registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl RecoverError {
    /// A stable word for this kind of error, as decisions record it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Authenticate(error) => error.code(),
            Self::Credential(_) => "credential_dates",
            Self::DuplicateCommitment { .. } => "duplicate_commitment",
            Self::Pending { .. } => "recovery_pending",
            Self::NotPending { .. } => "recovery_not_pending",
            Self::TooEarly { .. } => "recovery_too_early",
            Self::Registry(error) => error.code(),
        }
    }
}

from_store!(AuthenticateError PathError RefreshError RecoverError);
