//! Why something did not change: a step in a life, a review, a role, a policy.

use super::{RegistryError, from_store};
use crate::identity::CredentialError;
use crate::store::{PersonId, PersonStatus, ReviewId, ReviewVerdict, Role, StoreError};

/// Why a step in somebody's life was not taken. Nothing was stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// Nobody has this number.
    #[error("there is no person {person}")]
    UnknownPerson {
        /// The number.
        person: PersonId,
    },
    /// They do not stand so that this could happen to them.
    #[error("person {person} is {}, so that this cannot be done", status.as_str())]
    NotPossible {
        /// Who.
        person: PersonId,
        /// How they stand.
        status: PersonStatus,
    },
    /// The dates cannot be.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// The registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl StepError {
    /// A stable word for this kind of error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownPerson { .. } => "unknown_person",
            Self::NotPossible { .. } => "not_possible",
            Self::Credential(_) => "credential_dates",
            Self::Registry(error) => error.code(),
        }
    }
}

/// Why nothing was decided about a duplicate. Nothing was stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReviewError {
    /// There is no such review.
    #[error("there is no review {review}")]
    Unknown {
        /// The number.
        review: ReviewId,
    },
    /// It is decided.
    #[error("review {review} is decided: {}", verdict.as_str())]
    Closed {
        /// The review.
        review: ReviewId,
        /// How.
        verdict: ReviewVerdict,
    },
    /// Votes have a name.
    #[error("a review is decided by people with names: say who you are")]
    Nameless,
    /// Votes have a reason.
    #[error("the reason has {found} bytes, and must have 1 to {limit}")]
    Reason {
        /// Its length.
        found: usize,
        /// The longest.
        limit: usize,
    },
    /// Nobody decides twice, in an appeal neither.
    #[error("{operator} has decided in review {review}: somebody else has to")]
    VotedAlready {
        /// The review.
        review: ReviewId,
        /// Who.
        operator: String,
    },
    /// Somebody matches whom the people who decided have not seen.
    #[error("the candidate of review {review} matches person {person} too, who came later: enrol them again")]
    NewMatch {
        /// The review.
        review: ReviewId,
        /// Who.
        person: PersonId,
    },
    /// The candidate's commitment was enrolled meanwhile.
    #[error("the commitment is enrolled already, as person {person}: make a new identity")]
    DuplicateCommitment {
        /// As whom.
        person: PersonId,
    },
    /// Nobody was refused by it.
    #[error("review {review} has refused nobody")]
    NothingToAppeal {
        /// The review.
        review: ReviewId,
    },
    /// It was appealed already, or too much time has passed.
    #[error("review {review} cannot be appealed any more")]
    NoAppealLeft {
        /// The review.
        review: ReviewId,
    },
    /// The dates cannot be any more.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// The registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl ReviewError {
    /// A stable word for this kind of error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "review_unknown",
            Self::Closed { .. } => "review_closed",
            Self::Nameless => "operator_nameless",
            Self::Reason { .. } => "review_reason",
            Self::VotedAlready { .. } => "review_voted_already",
            Self::NewMatch { .. } => "review_new_match",
            Self::DuplicateCommitment { .. } => "duplicate_commitment",
            Self::NothingToAppeal { .. } => "review_nothing_to_appeal",
            Self::NoAppealLeft { .. } => "review_no_appeal_left",
            Self::Credential(_) => "credential_dates",
            Self::Registry(error) => error.code(),
        }
    }
}

/// Why somebody's role stays what it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// The name cannot be one.
    #[error(
        "a name has 1 to {limit} bytes of letters, digits, spaces, dots, hyphens, underscores and @, no space at its ends"
    )]
    Name {
        /// The most bytes.
        limit: usize,
    },
    /// They have this role.
    #[error("{operator} is {} already", role.as_str())]
    There {
        /// Who.
        operator: String,
        /// Their role.
        role: Role,
    },
    /// Nobody of this name has a role.
    #[error("nobody named {operator:?} has a role")]
    Unknown {
        /// The name.
        operator: String,
    },
    /// Nobody could add operators any more.
    #[error("no administrator would be left: add one first")]
    NoAdministrator,
    /// The registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl OperatorError {
    /// A stable word for this kind of error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Name { .. } => "operator_name",
            Self::There { .. } => "operator_there",
            Self::Unknown { .. } => "operator_unknown",
            Self::NoAdministrator => "operator_no_administrator",
            Self::Registry(error) => error.code(),
        }
    }
}

/// Why a policy was not adopted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptError {
    /// The templates of everybody enrolled are of another kind.
    #[error("{field} cannot change once a registry is there: create another one")]
    Fixed {
        /// Layout or encoder.
        field: &'static str,
    },
    /// It is in force.
    #[error("this policy is in force already")]
    InForce,
    /// The registry failed, or the policy cannot be.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl AdoptError {
    /// A stable word for this kind of error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Fixed { .. } => "policy_fixed",
            Self::InForce => "policy_in_force",
            Self::Registry(error) => error.code(),
        }
    }
}

from_store!(StepError ReviewError OperatorError AdoptError);
