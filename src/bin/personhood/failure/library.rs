//! The library's errors as the user sees them: its code, its words, and the remedy as a hint.

use personhood::error::Error;
use personhood::log::LogError;
use personhood::membership::ProveError;
use personhood::nullifier::NullifierError;
use personhood::registry::logged::LoggedError;
use personhood::registry::{
    AdoptError, AuthenticateError, EnrollError, ErasedError, IdentifyError, OperatorError, PathError, RecoverError,
    RefreshError, RegistryError, ReviewError, StepError,
};
use personhood::store::StoreError;

use super::Failure;

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        let failure = remedy(&error, error.code());
        if is_answer(&error) { failure.answering_no() } else { failure }
    }
}

/// Whether an error is the answer "no", and not a failure to answer.
fn is_answer(error: &Error) -> bool {
    match error {
        Error::Prove(error) => !matches!(error, ProveError::Statement(_)),
        Error::Nullifier(error) => matches!(error, NullifierError::AlreadyUsed { .. }),
        Error::Enroll(error) => matches!(
            error,
            EnrollError::Duplicate { .. }
                | EnrollError::MirroredDuplicate { .. }
                | EnrollError::PresentationAttack { .. }
                | EnrollError::DuplicateCommitment { .. }
                | EnrollError::SameEyeTwice { .. }
                | EnrollError::Consent { .. }
                | EnrollError::Capture(_)
        ),
        Error::Authenticate(error)
        | Error::Refresh(RefreshError::Authenticate(error))
        | Error::Recover(RecoverError::Authenticate(error)) => {
            matches!(error, AuthenticateError::NotThisPerson { .. } | AuthenticateError::NotActive { .. })
        }
        Error::Refresh(error) => {
            matches!(error, RefreshError::SomebodyElse { .. } | RefreshError::SameEyeTwice { .. })
        }
        Error::Recover(error) => {
            matches!(error, RecoverError::DuplicateCommitment { .. } | RecoverError::TooEarly { .. })
        }
        Error::Erased(error) => matches!(error, ErasedError::NotErased { .. }),
        Error::Step(error) => matches!(error, StepError::NotPossible { .. }),
        Error::Review(error) => matches!(error, ReviewError::Closed { .. } | ReviewError::NoAppealLeft { .. }),
        Error::Path(error) => matches!(error, PathError::NotEnrolled { .. } | PathError::NotActive { .. }),
        Error::Verify(error) => !error.is_undecided(),
        Error::Log(error) => error.is_refusal(),
        _ => false,
    }
}

/// Parts the library's sentence into what happened and what to do. The remedy comes last, after a semicolon; the rooms
/// of the registry put it after a colon, where nothing else follows one.
fn remedy(error: &Error, code: &'static str) -> Failure {
    let text = error.to_string();
    if let Some((message, remedy)) = text.rsplit_once("; ") {
        return Failure::new(code, message).with_hint(remedy);
    }
    if let Error::Path(PathError::NotEnrolled { .. }) = error {
        return Failure::new(code, text)
            .with_hint("`personhood identity show FILE` prints the commitment; was it enrolled in this registry?");
    }
    if let Error::Log(LogError::NotFound { .. }) = error {
        return Failure::new(code, text).with_hint("`personhood log init --registry DIR` begins the log of a registry");
    }
    match store_error(error) {
        Some(StoreError::NotFound { .. } | StoreError::NotInitialised) => Failure::new(code, text)
            .with_hint("`personhood init --registry DIR` creates a registry; is the path right?"),
        Some(StoreError::WrongKind { .. }) => Failure::new(code, text).with_hint("is this the file that you meant?"),
        // The operating system's or SQLite's own words follow the colon.
        Some(StoreError::Conflict { .. } | StoreError::Database { .. }) => Failure::new(code, text),
        Some(_) => after_colon(code, &text),
        None => match error {
            Error::Enroll(EnrollError::Duplicate { .. } | EnrollError::MirroredDuplicate { .. })
            | Error::Authenticate(AuthenticateError::NotThisPerson { .. }) => Failure::new(code, text),
            Error::Refresh(RefreshError::Authenticate(AuthenticateError::NotThisPerson { .. }))
            | Error::Recover(RecoverError::Authenticate(AuthenticateError::NotThisPerson { .. })) => {
                Failure::new(code, text)
            }
            Error::Refresh(_)
            | Error::Recover(_)
            | Error::Operator(_)
            | Error::Adopt(AdoptError::Fixed { .. })
            | Error::Review(ReviewError::Nameless | ReviewError::VotedAlready { .. } | ReviewError::NewMatch { .. })
            | Error::Registry(RegistryError::UnknownOperator { .. } | RegistryError::NotAllowed { .. }) => {
                after_colon(code, &text)
            }
            Error::Enroll(_) | Error::Identify(_) | Error::Authenticate(_) | Error::UnfitTemplate(_) => {
                after_colon(code, &text)
            }
            _ => Failure::new(code, text),
        },
    }
}

fn after_colon(code: &'static str, text: &str) -> Failure {
    match text.rsplit_once(": ") {
        Some((message, remedy)) => Failure::new(code, message).with_hint(remedy),
        None => Failure::new(code, text),
    }
}

/// The store's error inside whatever it stopped.
fn store_error(error: &Error) -> Option<&StoreError> {
    match error {
        Error::Store(error)
        | Error::Logged(LoggedError::Store(error))
        | Error::Registry(RegistryError::Store(error))
        | Error::Enroll(EnrollError::Registry(RegistryError::Store(error)))
        | Error::Path(PathError::Registry(RegistryError::Store(error)))
        | Error::Identify(IdentifyError::Registry(RegistryError::Store(error)))
        | Error::Erased(ErasedError::Registry(RegistryError::Store(error)))
        | Error::Step(StepError::Registry(RegistryError::Store(error)))
        | Error::Refresh(RefreshError::Registry(RegistryError::Store(error)))
        | Error::Recover(RecoverError::Registry(RegistryError::Store(error)))
        | Error::Review(ReviewError::Registry(RegistryError::Store(error)))
        | Error::Operator(OperatorError::Registry(RegistryError::Store(error)))
        | Error::Adopt(AdoptError::Registry(RegistryError::Store(error)))
        | Error::Authenticate(AuthenticateError::Registry(RegistryError::Store(error))) => Some(error),
        _ => None,
    }
}
