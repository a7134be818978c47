//! Why a registry did not do what was asked.

use super::PolicyError;
use crate::identity::CredentialError;
use crate::iris::{Degenerate, EncoderVersion, EyeSide, Layout};
use crate::matcher::Alignment;
use crate::store::{PersonId, PersonStatus, RecoveryId, ReviewId, ReviewVerdict, Role, StoreError};

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
            Self::Review { .. } => "review",
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
            Self::UnknownOperator { .. } => "operator_unknown",
            Self::NotAllowed { .. } => "role_not_allowed",
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

macro_rules! from_store {
    ($($error:ident)*) => {
        $(impl From<StoreError> for $error {
            fn from(error: StoreError) -> Self {
                Self::Registry(error.into())
            }
        })*
    };
}

from_store!(StepError RefreshError RecoverError ReviewError OperatorError AdoptError);
