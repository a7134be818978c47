//! The rules of one registry, kept with it.

use serde::{Deserialize, Serialize};

use crate::iris::{DegeneracyLimits, EncoderVersion, Layout};
use crate::matcher::MatchPolicy;

/// Version of the stored document. Version 1 said nothing about the score; it was the fractional one.
const VERSION: u32 = 2;

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
        }
    }
}

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
        // Fewer usable bits than must be common could never be compared with anybody.
        if self.degeneracy.usable_at_least * 1000.0 < f64::from(permille) {
            let given = self.degeneracy.usable_at_least.to_string();
            return value("usable_at_least", given, "at least minimum_compared_permille / 1000");
        }
        Ok(())
    }
}
