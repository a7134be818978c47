//! What a registry writes down about each of its decisions.

use serde::{Deserialize, Serialize};

use super::Evidence;
use super::candidate::{Candidate, Sighting};
use crate::iris::EyeSide;
use crate::presentation::PresentationReport;
use crate::store::{DecisionId, DecisionRecord, PersonId, PolicyId};

/// Who decided: crate and version, as in every record.
pub(super) const SOFTWARE: &str = concat!("personhood ", env!("CARGO_PKG_VERSION"));

/// Version of the stored details.
const VERSION: u32 = 1;
/// No more distances than this are written down: a probe that matches everybody would fill the disk.
const MAXIMUM_DISTANCES: usize = 32;
/// No longer reason is written down, in bytes.
pub(super) const MAXIMUM_REASON: usize = 2_000;
/// No more reports of detectors than this.
const MAXIMUM_REPORTS: usize = 16;

/// What was decided about, or is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// May this person come in?
    Enrol,
    /// Is this the person they say?
    Authenticate,
    /// Whose eyes are these? It is not recorded; the roles ask for it.
    Identify,
    /// Shall newer captures replace a person's templates?
    Refresh,
    /// May this person have a new leaf, in a while?
    Recover,
    /// The new leaf is there.
    CompleteRecovery,
    /// There will be no new leaf.
    CancelRecovery,
    /// A person is out, for a time.
    Suspend,
    /// A suspended person is back.
    Reinstate,
    /// A person is out, for good.
    Revoke,
    /// A credential has another end.
    Renew,
    /// Nothing about a person is left.
    Erase,
    /// Is a candidate an enrolled person?
    Review,
    /// A review is opened again.
    Appeal,
    /// Reading reviews; not recorded.
    ReadReviews,
    /// Another policy is in force.
    AdoptPolicy,
    /// Somebody may do something, or no longer.
    ChangeOperators,
    /// A station is known, or no longer.
    ChangeStations,
    /// Reading decisions and checking the registry; not recorded.
    Audit,
}

impl Action {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enrol => "enrol",
            Self::Authenticate => "authenticate",
            Self::Identify => "identify",
            Self::Refresh => "refresh",
            Self::Recover => "recover",
            Self::CompleteRecovery => "complete-recovery",
            Self::CancelRecovery => "cancel-recovery",
            Self::Suspend => "suspend",
            Self::Reinstate => "reinstate",
            Self::Revoke => "revoke",
            Self::Renew => "renew",
            Self::Erase => "erase",
            Self::Review => "review",
            Self::Appeal => "appeal",
            Self::ReadReviews => "read-reviews",
            Self::AdoptPolicy => "adopt-policy",
            Self::ChangeOperators => "change-operators",
            Self::ChangeStations => "change-stations",
            Self::Audit => "audit",
        }
    }
}

/// A recorded decision: who asked when, under which policy, which distances were found, which software.
///
/// It holds no template, no commitment and no secret. With the policy and the templates of that time it can
/// be taken again, and must come out the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// Its number.
    pub id: DecisionId,
    /// When, Unix seconds.
    pub at: u64,
    /// Who asked, in the deployment's own words.
    pub operator: String,
    /// What was decided about: the word of an [`Action`].
    pub action: String,
    /// "accepted", or the code of the refusal.
    pub outcome: String,
    /// About whom: the new person, the person who authenticates, or the nearest of those that a refused
    /// person is a duplicate of.
    pub person: Option<PersonId>,
    /// Under which policy.
    pub policy: PolicyId,
    /// By which software.
    pub software: String,
    /// How many people were searched.
    pub people: u64,
    /// With how many of them no eye could be compared.
    pub incomparable: u64,
    /// The distances that decided, nearest first, at most 32.
    pub distances: Vec<Distance>,
    /// What detectors of presentation attacks said.
    pub presentations: Vec<PresentationReport>,
    /// Why, in the words of whoever decided; empty where nobody was asked.
    pub reason: String,
    /// What else it is about: a review, a recovery, an operator, a station; empty where nothing is.
    pub subject: String,
    /// The number of the record of consent under which eyes were processed, in the deployment's own words; empty without one.
    pub consent: String,
}

/// One distance of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distance {
    /// Whose enrolled eye.
    pub person: u64,
    /// Which of them.
    #[serde(with = "super::eye_word")]
    pub eye: EyeSide,
    /// The side as which the probe was presented.
    #[serde(with = "super::eye_word")]
    pub probe: EyeSide,
    /// Bits that differ.
    pub disagreeing: u32,
    /// Bits that both could use.
    pub compared: u32,
    /// Columns by which the probe was turned.
    pub rotation: i16,
}

/// The stored details.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Details {
    version: u32,
    people: u64,
    incomparable: u64,
    distances: Vec<Distance>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    presentations: Vec<PresentationReport>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    reason: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    subject: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    consent: String,
}

impl Details {
    pub(super) fn new(people: u64, incomparable: u64, candidates: &[Candidate]) -> Self {
        let distances = candidates
            .iter()
            .flat_map(|candidate| candidate.sightings.iter().map(|sighting| distance(candidate.person, sighting)))
            .take(MAXIMUM_DISTANCES)
            .collect();
        Self { version: VERSION, people, incomparable, distances, ..Self::default() }
    }

    /// With what came along with the eyes, as far as it is kept.
    pub(super) fn with_evidence(mut self, evidence: &Evidence<'_>) -> Self {
        self.presentations = evidence.presentations.iter().take(MAXIMUM_REPORTS).cloned().collect();
        evidence.consent.unwrap_or_default().clone_into(&mut self.consent);
        self
    }

    /// With why, cut to 2,000 bytes.
    pub(super) fn with_reason(mut self, reason: &str) -> Self {
        reason[..reason.floor_char_boundary(MAXIMUM_REASON)].clone_into(&mut self.reason);
        self
    }

    /// With what else it is about.
    pub(super) fn about(mut self, subject: String) -> Self {
        self.subject = subject;
        self
    }

    pub(super) fn distances(&self) -> &[Distance] {
        &self.distances
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("plain numbers and words")
    }
}

fn distance(person: PersonId, sighting: &Sighting) -> Distance {
    Distance {
        person: person.as_u64(),
        eye: sighting.eye,
        probe: sighting.probe,
        disagreeing: sighting.alignment.distance.disagreeing(),
        compared: sighting.alignment.distance.compared(),
        rotation: sighting.alignment.rotation.columns(),
    }
}

impl Decision {
    /// Reads a stored decision.
    pub(super) fn from_record(record: DecisionRecord) -> Result<Self, String> {
        let details: Details = serde_json::from_str(&record.details).map_err(|error| error.to_string())?;
        if details.version != VERSION {
            return Err(format!("details of version {}, and this release reads {VERSION}", details.version));
        }
        Ok(Self {
            id: record.id,
            at: record.at,
            operator: record.operator,
            action: record.action,
            outcome: record.outcome,
            person: record.person,
            policy: record.policy,
            software: record.software,
            people: details.people,
            incomparable: details.incomparable,
            distances: details.distances,
            presentations: details.presentations,
            reason: details.reason,
            subject: details.subject,
            consent: details.consent,
        })
    }
}
