//! Presentation attacks: what a detector says about a sample, and what is written down of it.
//!
//! The words are those of ISO/IEC 30107. A *presentation* is an eye, or what is passed off as one, before the camera; it is
//! *bona fide* or an *attack* (a print, a screen, a textured lens, a picture flipped left to right).
//!
//! There is no detector of prints or lenses in this crate. None could be shown to work here: that takes pictures of attacks on
//! the very camera it is for, and synthetic ones prove nothing about it. What is here is the place for one. A camera's maker
//! or an operator implements [`PresentationAttackDetector`] for whatever their camera delivers (one picture, several under
//! changing light, a depth map), and hands its reports to
//! `Registry::enroll_presented`; the registry refuses an attack and records every report with its decision.
//!
//! The mirror image of an enrolled eye needs no detector: the registry looks for it at each enrolment.
//!
//! # Examples
//! ```
//! use personhood::presentation::{PresentationAttackDetector, PresentationReport, Verdict};
//!
//! /// A lamp blinks, and a living pupil narrows.
//! struct PupilReflex;
//!
//! impl PresentationAttackDetector<[f64]> for PupilReflex {
//!     fn examine(&self, pupil_widths: &[f64]) -> PresentationReport {
//!         let narrowed = pupil_widths.last().zip(pupil_widths.first()).is_some_and(|(last, first)| *last < 0.9 * first);
//!         let (verdict, score) = if narrowed { (Verdict::BonaFide, 5) } else { (Verdict::Attack, 95) };
//!         PresentationReport::new("pupil-reflex", "1", verdict, score)
//!     }
//! }
//!
//! assert_eq!(PupilReflex.examine(&[4.0, 3.1]).verdict(), Verdict::BonaFide);
//! ```

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use core::fmt;

/// What a detector thinks of a presentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Verdict {
    /// A living eye, as far as the method can tell.
    BonaFide,
    /// Something else.
    Attack,
    /// The method could not tell.
    Undecided,
}

impl Verdict {
    /// The recorded word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BonaFide => "bona_fide",
            Self::Attack => "attack",
            Self::Undecided => "undecided",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Longest name of a method and of a version that is kept, bytes.
const MAXIMUM_NAME: usize = 64;
/// The highest score.
const MAXIMUM_SCORE: u8 = 100;

/// What one method said about one presentation; holds nothing of the sample.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct PresentationReport {
    method: String,
    version: String,
    verdict: Verdict,
    score: u8,
}

impl PresentationReport {
    /// A report of method `method` in version `version`, both cut to 64 bytes; `score` from 0 (surely bona fide) to 100
    /// (surely an attack), as ISO/IEC 30107-2 counts, greater ones are taken for 100.
    #[must_use]
    pub fn new(method: &str, version: &str, verdict: Verdict, score: u8) -> Self {
        let cut = |name: &str| name[..name.floor_char_boundary(MAXIMUM_NAME)].to_owned();
        Self { method: cut(method), version: cut(version), verdict, score: score.min(MAXIMUM_SCORE) }
    }

    /// The method's name.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The method's version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What it thinks.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// From 0 (surely bona fide) to 100 (surely an attack).
    #[must_use]
    pub const fn score(&self) -> u8 {
        self.score
    }
}

/// A method that tells living eyes from what is passed off as one.
///
/// `Sample` is what the method looks at; the [module page](self) has an example.
pub trait PresentationAttackDetector<Sample: ?Sized> {
    /// Looks at one presentation. A method that fails says [`Verdict::Undecided`].
    fn examine(&self, sample: &Sample) -> PresentationReport;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_stay_small_and_in_range() {
        let long = "ä".repeat(40);
        let report = PresentationReport::new(&long, "1.0", Verdict::Undecided, 255);
        assert_eq!((report.method().len(), report.version(), report.score()), (64, "1.0", 100));
        assert_eq!(report.verdict().as_str(), "undecided");
    }
}
