//! Why a proof was not made, or not accepted.

use super::statement::StatementError;

/// Why a holder cannot prove a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProveError {
    /// Nobody can prove the statement.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The leaf is the empty one, or zero: nobody's.
    #[error("the leaf is empty, so it is nobody's; enrol first")]
    EmptyLeaf,
    /// Secret, credential and path lead to another root.
    #[error(
        "secret, credential and path do not lead to the root of the statement; fetch the current root, credential and path"
    )]
    NotAMember,
    /// The nullifier of the statement is not the one of this secret, scope and use index.
    #[error("the nullifier of the statement is not the one of this secret, scope and use index; compute it from them")]
    NullifierMismatch,
    /// The leaf is younger than the statement says.
    #[error(
        "the leaf was issued at {issued_at}, but the statement asks for {limit} or before; this action does not accept it"
    )]
    IssuedTooLate {
        /// When the leaf was issued, in seconds since 1970.
        issued_at: u64,
        /// The latest time that the statement allows.
        limit: u64,
    },
    /// The leaf expires before the time that the statement says.
    #[error("the leaf expires at {expires_at}, but the statement asks for {limit} or later; renew the enrolment")]
    ExpiresTooEarly {
        /// When the leaf expires, in seconds since 1970.
        expires_at: u64,
        /// The earliest time that the statement allows.
        limit: u64,
    },
    /// The leaf has less assurance than the statement says.
    #[error("the leaf has assurance {assurance}, but the statement asks for {limit} or more; enrol both eyes")]
    AssuranceTooLow {
        /// The assurance of the leaf.
        assurance: u8,
        /// The least assurance that the statement allows.
        limit: u8,
    },
    /// The observer of the progress asked to stop.
    #[error("the proof was cancelled before it was done; nothing of it is left")]
    Cancelled,
}

impl ProveError {
    /// A stable name of the reason, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Statement(error) => error.code(),
            Self::EmptyLeaf => "leaf_empty",
            Self::NotAMember => "not_a_member",
            Self::NullifierMismatch => "nullifier_mismatch",
            Self::IssuedTooLate { .. } => "issued_too_late",
            Self::ExpiresTooEarly { .. } => "expires_too_early",
            Self::AssuranceTooLow { .. } => "assurance_too_low",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Why a proof was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// Nobody can prove the statement.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The proof does not prove the statement. It cannot be known which part of either is at fault.
    #[error(
        "the proof does not prove this statement; check that root, scope, use index, signal, nonce and bounds are those it was made for"
    )]
    Rejected,
}

impl VerifyError {
    /// A stable name of the reason, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Statement(error) => error.code(),
            Self::Rejected => "proof_rejected",
        }
    }
}

/// Why a batch was not accepted as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {index} of the batch was not accepted: {reason}")]
#[non_exhaustive]
pub struct BatchError {
    /// The first entry that is at fault. Entries before it are good; later ones may be bad as well.
    pub index: usize,
    /// What is wrong with it.
    #[source]
    pub reason: VerifyError,
}

impl BatchError {
    /// A stable name of the reason, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.reason.code()
    }
}
