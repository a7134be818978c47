//! Why a registry did not do what was asked.

mod claim;
mod enrol;
mod life;

pub use claim::{AuthenticateError, PathError, RecoverError, RefreshError};
pub use enrol::{EnrollError, IdentifyError};
pub use life::{AdoptError, OperatorError, ReviewError, StepError};

use super::PolicyError;
use crate::iris::{Degenerate, EncoderVersion, EyeSide, Layout};
use crate::store::{Role, StoreError};

/// A store that fails is a registry that cannot work, whatever was asked of it.
macro_rules! from_store {
    ($($error:ident)*) => {
        $(impl From<StoreError> for $error {
            fn from(error: StoreError) -> Self {
                Self::Registry(error.into())
            }
        })*
    };
}
use from_store;

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
    /// The registry names who may do what, and nobody of this name is among them.
    #[error("{}: say who you are, or ask an administrator to add you", match operator.as_str() {
        "" => "no operator is named".to_owned(),
        name => format!("nobody named {name:?} may work here"),
    })]
    UnknownOperator {
        /// The name that was given; empty if none was.
        operator: String,
    },
    /// Their role does not allow it.
    #[error("{operator} is {}, which does not allow {action}: ask somebody whose role does", role.as_str())]
    NotAllowed {
        /// Who.
        operator: String,
        /// Their role.
        role: Role,
        /// What they asked for.
        action: &'static str,
    },
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
            Self::UnknownOperator { .. } => "operator_unknown",
            Self::NotAllowed { .. } => "role_not_allowed",
        }
    }
}
