//! The library's errors as the user sees them. Where the library names its reasons, its names are kept.

use personhood::identity::{CredentialError, IdentitySecretError};
use personhood::iris::openiris::OpenIrisError;
use personhood::matcher::Incomparable;
use personhood::membership::{ProofDecodeError, ProveError, StatementError};
use personhood::nullifier::{NullifierError, ScopeError};
use personhood::pipeline::PipelineError;
use personhood::pipeline::image::ImageError;
use personhood::registry::{
    AuthenticateError, EnrollError, IdentifyError, PathError, PolicyError, RegistryError, UnfitTemplate,
};
use personhood::store::StoreError;
use personhood::verify::VerifyError;

use super::Failure;

impl From<ImageError> for Failure {
    fn from(error: ImageError) -> Self {
        Self::library(error.code(), error)
    }
}

impl From<PipelineError> for Failure {
    fn from(error: PipelineError) -> Self {
        Self::library(error.code(), error)
    }
}

impl From<OpenIrisError> for Failure {
    fn from(error: OpenIrisError) -> Self {
        let code = match error {
            OpenIrisError::TooLong { .. } => "template_too_long",
            OpenIrisError::NotJson { .. } => "template_not_json",
            OpenIrisError::NotATemplate { .. } => "template_fields",
            OpenIrisError::MissingField { .. } => "template_field_missing",
            OpenIrisError::Version { .. } => "template_version",
            OpenIrisError::Base64 { .. } => "template_base64",
            OpenIrisError::Length { .. } => "template_length",
            OpenIrisError::LayoutMismatch { .. } => "template_layout_mismatch",
            OpenIrisError::NoVersion { .. } => "template_encoder",
            _ => "template_invalid",
        };
        Self::library(code, error)
    }
}

impl From<Incomparable> for Failure {
    fn from(error: Incomparable) -> Self {
        let code = match error {
            Incomparable::Layout { .. } => "incomparable_layout",
            Incomparable::Encoder { .. } => "incomparable_encoder",
            Incomparable::TooFewBits { .. } => "incomparable_too_few_bits",
            _ => "incomparable",
        };
        Self::library(code, error)
    }
}

impl From<IdentitySecretError> for Failure {
    fn from(error: IdentitySecretError) -> Self {
        let code = match error {
            IdentitySecretError::Length { .. } => "secret_length",
            IdentitySecretError::Version { .. } => "secret_version",
            IdentitySecretError::Checksum => "secret_checksum",
            _ => "secret_invalid",
        };
        Self::library(code, error)
    }
}

impl From<CredentialError> for Failure {
    fn from(error: CredentialError) -> Self {
        Self::library("credential_dates", error)
    }
}

impl From<ScopeError> for Failure {
    fn from(error: ScopeError) -> Self {
        Self::library("scope_invalid", error)
    }
}

impl From<StatementError> for Failure {
    fn from(error: StatementError) -> Self {
        Self::library(error.code(), error)
    }
}

impl From<ProveError> for Failure {
    fn from(error: ProveError) -> Self {
        let failure = Self::library(error.code(), error);
        match error {
            ProveError::Statement(_) => failure,
            // The holder's credential is not what is asked for: that is an answer.
            _ => failure.answering_no(),
        }
    }
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        Self::library(error.code(), &error)
    }
}

impl From<ProofDecodeError> for Failure {
    fn from(error: ProofDecodeError) -> Self {
        Self::library(error.code(), error)
    }
}

impl From<NullifierError> for Failure {
    fn from(error: NullifierError) -> Self {
        match error {
            NullifierError::AlreadyUsed { .. } => Self::library(error.code(), &error).answering_no(),
            _ => Self::library(error.code(), &error),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let code = error.code();
        match error {
            // What follows the colon is the operating system's or SQLite's own words, not a remedy.
            StoreError::WrongKind { .. } => Self::new(code, error.to_string()).with_hint("is this the file you meant?"),
            StoreError::Conflict { .. } | StoreError::Database { .. } => Self::new(code, error.to_string()),
            StoreError::NotFound { .. } => Self::new(code, error.to_string())
                .with_hint("`personhood init --registry DIR` creates a registry; is the path right?"),
            _ => Self::with_remedy(code, &error),
        }
    }
}

impl From<PolicyError> for Failure {
    fn from(error: PolicyError) -> Self {
        Self::library("policy_invalid", error)
    }
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Store(error) => error.into(),
            RegistryError::Policy(error) => error.into(),
            _ => Self::library(error.code(), error),
        }
    }
}

impl From<UnfitTemplate> for Failure {
    fn from(error: UnfitTemplate) -> Self {
        Self::library(word(error.code()), error)
    }
}

impl From<EnrollError> for Failure {
    fn from(error: EnrollError) -> Self {
        let code = word(error.code());
        match error {
            EnrollError::Registry(error) => error.into(),
            EnrollError::Template(error) => error.into(),
            EnrollError::Credential(error) => error.into(),
            // What follows the colon is how they match, not a remedy.
            EnrollError::Duplicate { .. } => Self::new(code, error.to_string()).answering_no(),
            EnrollError::DuplicateCommitment { .. } => Self::with_remedy(code, &error).answering_no(),
            EnrollError::SameEyeTwice { .. } => Self::with_remedy(code, &error).answering_no(),
            _ => Self::with_remedy(code, &error),
        }
    }
}

impl From<IdentifyError> for Failure {
    fn from(error: IdentifyError) -> Self {
        match error {
            IdentifyError::Template(error) => error.into(),
            IdentifyError::Registry(error) => error.into(),
            _ => Self::with_remedy("no_eye", &error),
        }
    }
}

impl From<AuthenticateError> for Failure {
    fn from(error: AuthenticateError) -> Self {
        match error {
            AuthenticateError::Template(error) => error.into(),
            AuthenticateError::Registry(error) => error.into(),
            AuthenticateError::NotThisPerson { .. } => Self::new("not_this_person", error.to_string()).answering_no(),
            AuthenticateError::UnknownPerson { .. } => Self::new("unknown_person", error.to_string()),
            AuthenticateError::Undecided { .. } => Self::with_remedy("undecided", &error),
            _ => Self::with_remedy("no_eye", &error),
        }
    }
}

impl From<PathError> for Failure {
    fn from(error: PathError) -> Self {
        match error {
            PathError::Registry(error) => error.into(),
            _ => Self::new("not_enrolled", error.to_string())
                .with_hint("`personhood identity show FILE` prints the commitment; was it enrolled in this registry?")
                .answering_no(),
        }
    }
}

/// The program's codes have underscores throughout.
fn word(code: &str) -> String {
    code.replace('-', "_")
}
