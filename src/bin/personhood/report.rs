//! Parts that the reports of several commands share: stable JSON fields, and the same facts as text.

use std::fmt;

use personhood::iris::Layout;
use personhood::matcher::{Alignment, EyeRule, MatchPolicy};
use personhood::registry::{RegistryPolicy, Sighting};
use personhood::store::PersonId;
use serde::Serialize;

/// The best position of two templates.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct AlignmentReport {
    /// What the threshold decides about, from the two integers; those are exact, this is for people.
    pub(crate) distance: f64,
    pub(crate) disagreeing: u32,
    pub(crate) compared: u32,
    /// Turn of the probe against the reference.
    pub(crate) rotation_columns: i16,
    pub(crate) rotation_degrees: f64,
}

impl AlignmentReport {
    pub(crate) fn new(alignment: Alignment, policy: &MatchPolicy, layout: Layout) -> Self {
        Self {
            distance: policy.score.distance(alignment.distance, layout),
            disagreeing: alignment.distance.disagreeing(),
            compared: alignment.distance.compared(),
            rotation_columns: alignment.rotation.columns(),
            rotation_degrees: alignment.rotation.degrees(layout),
        }
    }

    /// One line, for sentences and tables.
    pub(crate) fn brief(&self) -> String {
        format!(
            "distance {:.4}, turned by {:+} columns ({:+.1}°)",
            self.distance, self.rotation_columns, self.rotation_degrees
        )
    }
}

impl fmt::Display for AlignmentReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "  distance   {:.4} ({} of {} compared bits differ)",
            self.distance, self.disagreeing, self.compared
        )?;
        write!(f, "  rotation   {:+} columns ({:+.1}°)", self.rotation_columns, self.rotation_degrees)
    }
}

/// The rules of a registry.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PolicyReport {
    /// Columns of the templates.
    layout: usize,
    threshold: f64,
    minimum_compared_permille: u16,
    maximum_rotation: u8,
    /// `either` or `both`.
    eyes: EyeRule,
}

impl PolicyReport {
    pub(crate) fn new(policy: &RegistryPolicy) -> Self {
        let threshold = policy.matching.threshold;
        Self {
            layout: policy.layout.columns(),
            threshold: threshold.ratio(),
            minimum_compared_permille: policy.matching.minimum_compared_permille,
            maximum_rotation: policy.matching.maximum_rotation,
            eyes: policy.matching.eye_rule,
        }
    }
}

impl fmt::Display for PolicyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let eyes = match self.eyes {
            EyeRule::Either => "one matching eye is enough",
            EyeRule::Both => "both eyes must match",
        };
        write!(
            f,
            "policy      a duplicate is below distance {:.4} within {} columns of rotation; {eyes}; templates of {} columns",
            self.threshold, self.maximum_rotation, self.layout,
        )
    }
}

/// An enrolled person whom somebody's eyes match.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct MatchReport {
    pub(crate) person: PersonId,
    /// The enrolled eye that matches best: `left` or `right`.
    pub(crate) eye: &'static str,
    /// The side as which it was presented.
    pub(crate) presented_as: &'static str,
    #[serde(flatten)]
    pub(crate) alignment: AlignmentReport,
}

impl MatchReport {
    pub(crate) fn new(person: PersonId, sighting: Sighting, policy: &RegistryPolicy) -> Self {
        Self {
            person,
            eye: sighting.eye.as_str(),
            presented_as: sighting.probe.as_str(),
            alignment: AlignmentReport::new(sighting.alignment, &policy.matching, policy.layout),
        }
    }
}

impl fmt::Display for MatchReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "person {}: {} eye", self.person, self.eye)?;
        if self.eye != self.presented_as {
            write!(f, " (presented as the {} one)", self.presented_as)?;
        }
        write!(f, ", {}", self.alignment.brief())
    }
}
