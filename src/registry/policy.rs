//! The rules of one registry, kept with it.

use serde::{Deserialize, Serialize};

use crate::iris::{DegeneracyLimits, EncoderVersion, Layout};
use crate::matcher::MatchPolicy;

/// Version of the stored document. Version 1 said nothing about the score; it was the fractional one. Version 2 said nothing
/// about what comes after enrolment, and version 3 nothing about consent and stations; the defaults hold then.
const VERSION: u32 = 4;
/// No time span is longer, in seconds: some 35,000 years, as for times.
const LONGEST: u64 = crate::identity::MAX_TIME;

/// The rules by which a registry decides; stored with it, and named by every decision.
///
/// ```
/// use personhood::iris::Layout;
/// use personhood::registry::RegistryPolicy;
///
/// let policy = RegistryPolicy { layout: Layout::Columns200, ..RegistryPolicy::default() };
/// assert!(policy.swapped_eyes);
/// assert_eq!(policy.matching.threshold.to_string(), "0.3700");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RegistryPolicy {
    /// The only layout that is taken. Default 256 columns.
    pub layout: Layout,
    /// The only encoder (or its equals) whose templates are taken. Default version 1 of our own.
    pub encoder: EncoderVersion,
    /// Threshold, rotations, least common bits, and whether one eye or both make a match.
    pub matching: MatchPolicy,
    /// What is no iris. Default as [`DegeneracyLimits`], but with a quarter of the bits usable: 4,096 of
    /// 16,384, as open-iris 1.11 asks for (`pipeline.yaml`, `min_maskcodes_size`).
    pub degeneracy: DegeneracyLimits,
    /// A probe that matches more people than this is refused as such, since it would match anybody: the
    /// "supermatcher" of World's uniqueness service. Default 8.
    pub maximum_matches: u32,
    /// A probe that cannot be compared with more people than this is refused, since nobody can say that it
    /// is new. Default 0: every enrolled person must have been ruled out.
    pub maximum_incomparable: u32,
    /// Search each eye among the other eyes too. Default true: somebody who is enrolled could otherwise come
    /// back with left and right exchanged. It doubles the work; turn it off where the camera knows the side.
    pub swapped_eyes: bool,
    /// How long a recovery waits before it can be completed, in seconds, so that whoever still has the earlier secret can
    /// object. Default three days.
    pub recovery_delay_seconds: u64,
    /// Whether people decide about duplicates instead of the threshold alone. Default false.
    pub adjudicate_duplicates: bool,
    /// How long somebody whom people took for an enrolled person may appeal, in seconds; as long their templates are kept.
    /// Default 30 days.
    pub appeal_seconds: u64,
    /// How often eyes that are not a person's may be presented as theirs within
    /// [`attempt_window_seconds`](Self::attempt_window_seconds) before nobody may try any more. 0: without limit. Default 10.
    pub maximum_attempts: u32,
    /// How long an attempt counts, in seconds. Default one hour.
    pub attempt_window_seconds: u64,
    /// How long a person is kept after their credential has ended, in seconds. 0: until they are erased. Default 0.
    pub retention_seconds: u64,
    /// Whether nobody is enrolled without the number of the record of their consent. Default false.
    pub consent_required: bool,
    /// Whether only captures that a known station signed are taken for enrolment. Default false.
    pub signed_captures: bool,
}

impl Default for RegistryPolicy {
    fn default() -> Self {
        Self {
            layout: Layout::Columns256,
            encoder: EncoderVersion::Personhood(1),
            matching: MatchPolicy::default(),
            degeneracy: DegeneracyLimits { usable_at_least: 0.25, ..DegeneracyLimits::default() },
            maximum_matches: 8,
            maximum_incomparable: 0,
            swapped_eyes: true,
            recovery_delay_seconds: 3 * DAY,
            adjudicate_duplicates: false,
            appeal_seconds: 30 * DAY,
            maximum_attempts: 10,
            attempt_window_seconds: 3_600,
            retention_seconds: 0,
            consent_required: false,
            signed_captures: false,
        }
    }
}

const DAY: u64 = 86_400;

/// A policy that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The document is of another release.
    #[error(
        "policy document of version {found}, and this release reads versions up to {supported}: install a newer release"
    )]
    Version {
        /// Version of the document.
        found: u32,
        /// The newest version that this release reads; it reads the older ones too.
        supported: u32,
    },
    /// The document is not one.
    #[error("not a policy document: {detail}")]
    Malformed {
        /// What is wrong with it.
        detail: String,
    },
    /// A value makes no sense.
    #[error("{field} is {value}, and must be {rule}")]
    Value {
        /// Which.
        field: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        rule: &'static str,
    },
}

/// The stored document. Every field is required and no other is taken: a rule that this release does not
/// know must not be skipped in silence.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    columns: u16,
    encoder: Encoder,
    matching: MatchPolicy,
    usable_at_least: f64,
    minority_at_least: f64,
    transitions_at_least: f64,
    transitions_at_most: f64,
    self_distance_at_least: f64,
    maximum_matches: u32,
    maximum_incomparable: u32,
    swapped_eyes: bool,
    // Since version 3: all of these or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recovery_delay_seconds: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    adjudicate_duplicates: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    appeal_seconds: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    maximum_attempts: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attempt_window_seconds: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retention_seconds: Option<u64>,
    // Since version 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    consent_required: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signed_captures: Option<bool>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Encoder {
    #[serde(rename = "open-iris-1.11.2")]
    OpenIris1112,
    OpenIrisFormat([u16; 2]),
    Personhood(u16),
    Other(u32),
}

/// Read before the rest, so that a newer document is called newer and not malformed.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl RegistryPolicy {
    /// The document to store.
    ///
    /// # Errors
    ///
    /// [`PolicyError::Value`] if the policy makes no sense.
    pub fn to_json(&self) -> Result<String, PolicyError> {
        self.check()?;
        let document = Document {
            version: VERSION,
            columns: u16::try_from(self.layout.columns()).expect("200 or 256"),
            encoder: match self.encoder {
                EncoderVersion::OpenIris1112 => Encoder::OpenIris1112,
                EncoderVersion::OpenIrisFormat { major, minor } => Encoder::OpenIrisFormat([major, minor]),
                EncoderVersion::Personhood(version) => Encoder::Personhood(version),
                EncoderVersion::Other(number) => Encoder::Other(number),
            },
            matching: self.matching,
            usable_at_least: self.degeneracy.usable_at_least,
            minority_at_least: self.degeneracy.minority_at_least,
            transitions_at_least: self.degeneracy.transitions_at_least,
            transitions_at_most: self.degeneracy.transitions_at_most,
            self_distance_at_least: self.degeneracy.self_distance_at_least,
            maximum_matches: self.maximum_matches,
            maximum_incomparable: self.maximum_incomparable,
            swapped_eyes: self.swapped_eyes,
            recovery_delay_seconds: Some(self.recovery_delay_seconds),
            adjudicate_duplicates: Some(self.adjudicate_duplicates),
            appeal_seconds: Some(self.appeal_seconds),
            maximum_attempts: Some(self.maximum_attempts),
            attempt_window_seconds: Some(self.attempt_window_seconds),
            retention_seconds: Some(self.retention_seconds),
            consent_required: Some(self.consent_required),
            signed_captures: Some(self.signed_captures),
        };
        Ok(serde_json::to_string(&document).expect("plain numbers and words; `check` refused NaN"))
    }

    /// Reads a stored document.
    ///
    /// # Errors
    ///
    /// [`PolicyError`].
    pub fn from_json(text: &str) -> Result<Self, PolicyError> {
        let malformed = |error: serde_json::Error| PolicyError::Malformed { detail: error.to_string() };
        let Versioned { version } = serde_json::from_str(text).map_err(malformed)?;
        if !(1..=VERSION).contains(&version) {
            return Err(PolicyError::Version { found: version, supported: VERSION });
        }
        let document: Document = serde_json::from_str(text).map_err(malformed)?;
        let layout = Layout::from_columns(usize::from(document.columns)).ok_or_else(|| PolicyError::Value {
            field: "columns",
            value: document.columns.to_string(),
            rule: "200 or 256",
        })?;
        let default = Self::default();
        let since = |first, field| Since { first, field, version };
        let policy = Self {
            layout,
            encoder: match document.encoder {
                Encoder::OpenIris1112 => EncoderVersion::OpenIris1112,
                Encoder::OpenIrisFormat([major, minor]) => EncoderVersion::OpenIrisFormat { major, minor },
                Encoder::Personhood(version) => EncoderVersion::Personhood(version),
                Encoder::Other(number) => EncoderVersion::Other(number),
            },
            matching: document.matching,
            degeneracy: DegeneracyLimits {
                usable_at_least: document.usable_at_least,
                minority_at_least: document.minority_at_least,
                transitions_at_least: document.transitions_at_least,
                transitions_at_most: document.transitions_at_most,
                self_distance_at_least: document.self_distance_at_least,
            },
            maximum_matches: document.maximum_matches,
            maximum_incomparable: document.maximum_incomparable,
            swapped_eyes: document.swapped_eyes,
            recovery_delay_seconds: since(3, "recovery_delay_seconds")
                .value(document.recovery_delay_seconds, default.recovery_delay_seconds)?,
            adjudicate_duplicates: since(3, "adjudicate_duplicates")
                .value(document.adjudicate_duplicates, default.adjudicate_duplicates)?,
            appeal_seconds: since(3, "appeal_seconds").value(document.appeal_seconds, default.appeal_seconds)?,
            maximum_attempts: since(3, "maximum_attempts")
                .value(document.maximum_attempts, default.maximum_attempts)?,
            attempt_window_seconds: since(3, "attempt_window_seconds")
                .value(document.attempt_window_seconds, default.attempt_window_seconds)?,
            retention_seconds: since(3, "retention_seconds")
                .value(document.retention_seconds, default.retention_seconds)?,
            consent_required: since(4, "consent_required")
                .value(document.consent_required, default.consent_required)?,
            signed_captures: since(4, "signed_captures").value(document.signed_captures, default.signed_captures)?,
        };
        policy.check()?;
        Ok(policy)
    }

    /// Refuses rules under which everybody, or nobody, would be a duplicate.
    pub(super) fn check(&self) -> Result<(), PolicyError> {
        let threshold = self.matching.threshold;
        let (numerator, denominator) = (threshold.numerator(), threshold.denominator());
        let value = |field, value: String, rule| Err(PolicyError::Value { field, value, rule });
        // Strangers meet at one half: a threshold there calls everybody a duplicate.
        if numerator == 0 || u64::from(numerator) * 2 >= u64::from(denominator) {
            let given = format!("{numerator}/{denominator}");
            return value("threshold", given, "above 0 and below 1/2");
        }
        let permille = self.matching.minimum_compared_permille;
        if permille == 0 || permille > 1000 {
            return value("minimum_compared_permille", permille.to_string(), "1 to 1000");
        }
        let rotation = self.matching.maximum_rotation;
        if usize::from(rotation) * 2 >= self.layout.columns() {
            return value("maximum_rotation", rotation.to_string(), "less than half of the columns");
        }
        if self.maximum_matches == 0 {
            return value("maximum_matches", "0".to_owned(), "at least 1 (a duplicate matches one person)");
        }
        for (field, share) in [
            ("usable_at_least", self.degeneracy.usable_at_least),
            ("minority_at_least", self.degeneracy.minority_at_least),
            ("transitions_at_least", self.degeneracy.transitions_at_least),
            ("transitions_at_most", self.degeneracy.transitions_at_most),
            ("self_distance_at_least", self.degeneracy.self_distance_at_least),
        ] {
            // NaN is in no range.
            if !(0.0..=1.0).contains(&share) {
                return value(field, share.to_string(), "a share of 0 to 1");
            }
        }
        for (field, seconds) in [
            ("recovery_delay_seconds", self.recovery_delay_seconds),
            ("appeal_seconds", self.appeal_seconds),
            ("attempt_window_seconds", self.attempt_window_seconds),
            ("retention_seconds", self.retention_seconds),
        ] {
            if seconds > LONGEST {
                return value(field, seconds.to_string(), "below 2^40 seconds");
            }
        }
        if self.maximum_attempts > 0 && self.attempt_window_seconds == 0 {
            return value("attempt_window_seconds", "0".to_owned(), "above 0 where attempts are limited");
        }
        // Fewer usable bits than must be common could never be compared with anybody.
        if self.degeneracy.usable_at_least * 1000.0 < f64::from(permille) {
            let given = self.degeneracy.usable_at_least.to_string();
            return value("usable_at_least", given, "at least minimum_compared_permille / 1000");
        }
        Ok(())
    }
}

/// A field that came with a version: there since then, and not before.
struct Since {
    first: u32,
    field: &'static str,
    version: u32,
}

impl Since {
    fn value<T>(self, value: Option<T>, default: T) -> Result<T, PolicyError> {
        let Self { first, field, version } = self;
        match (version >= first, value) {
            (true, Some(value)) => Ok(value),
            (false, None) => Ok(default),
            (true, None) => Err(PolicyError::Malformed { detail: format!("missing field `{field}`") }),
            (false, Some(_)) => {
                Err(PolicyError::Malformed { detail: format!("unknown field `{field}` in version {version}") })
            }
        }
    }
}
