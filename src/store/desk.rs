//! What lies on the desks of a registry: recoveries that wait, duplicates that people decide about, who may decide, and
//! the stations that take pictures.

use super::{DecisionId, PersonId, TemplatePair};
use crate::identity::{Assurance, IdentityCommitment};

/// Where a recovery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecoveryState {
    /// It waits for its time.
    Pending,
    /// The person has the new leaf.
    Completed,
    /// It will not be completed.
    Cancelled,
}

/// Somebody who asked for a new leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveryRecord {
    /// Its number.
    pub id: super::RecoveryId,
    /// Who.
    pub person: PersonId,
    /// When they asked, Unix seconds.
    pub requested_at: u64,
    /// From when on it can be completed, Unix seconds.
    pub ready_at: u64,
    /// Until when the new credential shall hold, Unix seconds.
    pub expires_at: u64,
    /// The commitment of the new leaf, while the recovery is pending.
    pub commitment: Option<IdentityCommitment>,
    /// Where it stands.
    pub state: RecoveryState,
    /// The decision that let them ask.
    pub decision: DecisionId,
}

/// A recovery that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct NewRecovery {
    /// Who.
    pub person: PersonId,
    /// When they asked, Unix seconds.
    pub requested_at: u64,
    /// From when on it can be completed, Unix seconds.
    pub ready_at: u64,
    /// Until when the new credential shall hold, Unix seconds.
    pub expires_at: u64,
    /// The commitment of the new leaf.
    pub commitment: IdentityCommitment,
    /// The decision that lets them ask, recorded before.
    pub decision: DecisionId,
}

/// What somebody who looked at a duplicate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReviewVerdict {
    /// The candidate is the enrolled person.
    Same,
    /// They are two people.
    Different,
}

impl ReviewVerdict {
    /// The word for it, lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Different => "different",
        }
    }
}

/// One person's opinion.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ReviewVote {
    /// In which round; 2 is the appeal.
    pub round: u8,
    /// Who.
    pub operator: String,
    /// When, Unix seconds.
    pub at: u64,
    /// What they say.
    pub verdict: ReviewVerdict,
    /// Why, in their own words.
    pub reason: String,
}

/// A duplicate that people decide about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewRecord {
    /// Its number.
    pub id: super::ReviewId,
    /// When it was opened, Unix seconds.
    pub opened_at: u64,
    /// What was decided; nothing while it is open.
    pub verdict: Option<ReviewVerdict>,
    /// 1, or 2 after an appeal.
    pub round: u8,
    /// When it was decided, Unix seconds; nothing while it is open.
    pub closed_at: Option<u64>,
    /// The candidate's commitment, as long as the decision can still change.
    pub commitment: Option<IdentityCommitment>,
    /// The candidate's templates, as long as the decision can still change.
    pub templates: TemplatePair,
    /// When they asked to be enrolled, Unix seconds.
    pub issued_at: u64,
    /// Until when their credential shall hold, Unix seconds.
    pub expires_at: u64,
    /// What it shall say.
    pub assurance: Assurance,
    /// Whom they were enrolled as, if they were.
    pub person: Option<PersonId>,
    /// The decision that opened it; it has the distances.
    pub decision: DecisionId,
    /// What was said so far, by round and name.
    pub votes: Vec<ReviewVote>,
}

/// A duplicate that people shall decide about.
#[derive(Debug)]
pub struct NewReview {
    /// When, Unix seconds.
    pub opened_at: u64,
    /// The candidate's commitment.
    pub commitment: IdentityCommitment,
    /// The candidate's templates.
    pub templates: TemplatePair,
    /// When they asked to be enrolled, Unix seconds.
    pub issued_at: u64,
    /// Until when their credential shall hold, Unix seconds.
    pub expires_at: u64,
    /// What it shall say.
    pub assurance: Assurance,
    /// The decision that opens it, recorded before.
    pub decision: DecisionId,
}

/// How a review goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewStep {
    /// It is decided. The candidate's templates and commitment stay for an appeal.
    Close {
        /// How.
        verdict: ReviewVerdict,
        /// When, Unix seconds.
        at: u64,
        /// Whom they were enrolled as, if they were.
        person: Option<PersonId>,
    },
    /// It is decided anew, in round 2.
    Reopen,
    /// Nothing can change any more: the candidate's templates and commitment go.
    Forget,
}

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Says who may do what, adopts policies, enrols stations; may do everything but decide reviews.
    Administrator,
    /// Works with people: enrols, authenticates, recovers, suspends, erases.
    Operator,
    /// Decides reviews.
    Adjudicator,
    /// Reads decisions and checks the registry; changes nothing.
    Auditor,
}

impl Role {
    /// All of them, in the order of their numbers in the tables.
    pub const ALL: [Self; 4] = [Self::Administrator, Self::Operator, Self::Adjudicator, Self::Auditor];

    /// The word for it, lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Operator => "operator",
            Self::Adjudicator => "adjudicator",
            Self::Auditor => "auditor",
        }
    }
}

/// Somebody who may do something.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct OperatorRecord {
    /// Their name, as decisions record it.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Since when, Unix seconds.
    pub added_at: u64,
    /// Until when, Unix seconds; nothing while they may.
    pub removed_at: Option<u64>,
}

/// A station that takes pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StationRecord {
    /// Its name.
    pub name: String,
    /// Its Ed25519 key.
    pub public_key: [u8; 32],
    /// The counter of the last capture that was taken from it.
    pub counter: u64,
    /// Since when it is known, Unix seconds.
    pub added_at: u64,
    /// Until when its captures were taken, Unix seconds; nothing while they are.
    pub removed_at: Option<u64>,
}
