//! What counts as the same eye, and as the same person.

use core::fmt;

use super::FractionalHammingDistance;
use crate::iris::Layout;

/// Everything that decides about a pair of templates; stored with a registry.
///
/// Every value of every field has a meaning, so a policy is never invalid, only unwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct MatchPolicy {
    /// Distances strictly below this are the same eye. Default 0.345.
    pub threshold: Threshold,
    /// The bits that two templates must have in common, in thousandths of all bits. Default 125: an eighth.
    ///
    /// One bit at least is always asked for. Above 1000 everything is incomparable.
    pub minimum_compared_permille: u16,
    /// The furthest turn tried in either direction, in columns. Default 15.
    ///
    /// 15 of 256 columns are 21°, 15 of 200 are 27°. From half of the columns on, all turns are tried.
    pub maximum_rotation: u8,
    /// How two eyes decide about one person. Default [`EyeRule::Either`].
    pub eye_rule: EyeRule,
}

impl Default for MatchPolicy {
    fn default() -> Self {
        Self {
            threshold: Threshold::default(),
            minimum_compared_permille: 125,
            maximum_rotation: 15,
            eye_rule: EyeRule::Either,
        }
    }
}

impl MatchPolicy {
    /// The bits that two templates of this layout must have in common; at least 1.
    #[must_use]
    pub fn minimum_compared(&self, layout: Layout) -> u32 {
        let thousandths = layout.bits() as u32 * u32::from(self.minimum_compared_permille);
        thousandths.div_ceil(1000).max(1)
    }
}

/// The distance from which on two templates are two eyes, as a fraction.
///
/// The default, 0.345, is the threshold at which iris-mpc calls two irises a match today; 0.375 is its older one.
/// open-iris groups frames of one eye at 0.35.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(deny_unknown_fields, try_from = "RawThreshold")
)]
pub struct Threshold {
    numerator: u32,
    denominator: u32,
}

impl Threshold {
    /// A fraction between 0 (nobody is the same) and 1.
    ///
    /// # Errors
    ///
    /// [`ThresholdError`] if the denominator is zero or the numerator greater than it.
    pub const fn new(numerator: u32, denominator: u32) -> Result<Self, ThresholdError> {
        if denominator == 0 || numerator > denominator {
            return Err(ThresholdError { numerator, denominator });
        }
        Ok(Self { numerator, denominator })
    }

    /// The numerator as it was given; the fraction is not reduced.
    #[must_use]
    pub const fn numerator(self) -> u32 {
        self.numerator
    }

    /// The denominator as it was given; at least 1.
    #[must_use]
    pub const fn denominator(self) -> u32 {
        self.denominator
    }

    /// Is this distance below the threshold? Exactly at it is not.
    #[must_use]
    pub fn accepts(self, distance: FractionalHammingDistance) -> bool {
        // All factors are below 2^32, so the products fit.
        let left = u64::from(distance.disagreeing()) * u64::from(self.denominator);
        let right = u64::from(self.numerator) * u64::from(distance.compared());
        left < right
    }
}

impl Default for Threshold {
    fn default() -> Self {
        Self { numerator: 345, denominator: 1000 }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ratio = f64::from(self.numerator) / f64::from(self.denominator);
        write!(f, "{:.*}", f.precision().unwrap_or(4), ratio)
    }
}

/// The fraction is not between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the threshold {numerator}/{denominator} is not a fraction between 0 and 1")]
pub struct ThresholdError {
    numerator: u32,
    denominator: u32,
}

/// What a file may say before anybody has checked it.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawThreshold {
    numerator: u32,
    denominator: u32,
}

#[cfg(feature = "serde")]
impl TryFrom<RawThreshold> for Threshold {
    type Error = ThresholdError;

    fn try_from(raw: RawThreshold) -> Result<Self, ThresholdError> {
        Self::new(raw.numerator, raw.denominator)
    }
}

/// How the comparisons of two eyes decide about one person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum EyeRule {
    /// One matching eye makes a duplicate: hardest to cheat with a contact lens on one side.
    #[default]
    Either,
    /// Both eyes must match: fewest false alarms in a very large gallery.
    Both,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn distance(disagreeing: u32, compared: u32) -> FractionalHammingDistance {
        FractionalHammingDistance::new(disagreeing, compared).unwrap()
    }

    #[test]
    fn the_threshold_itself_is_not_a_match() {
        let threshold = Threshold::default();
        assert!(threshold.accepts(distance(344, 1000)));
        assert!(!threshold.accepts(distance(345, 1000)));
        assert!(!threshold.accepts(distance(3450, 10_000)));
        assert!(threshold.accepts(distance(3449, 10_000)));
        assert!(!Threshold::new(0, 1).unwrap().accepts(distance(0, 1)));
        assert!(!Threshold::new(1, 1).unwrap().accepts(distance(1, 1)));
        let largest = Threshold::new(u32::MAX - 1, u32::MAX).unwrap();
        assert!(!largest.accepts(distance(u32::MAX, u32::MAX)));
    }

    #[test]
    fn only_fractions_are_thresholds() {
        assert!(Threshold::new(1, 0).is_err());
        assert!(Threshold::new(0, 0).is_err());
        assert!(Threshold::new(2, 1).is_err());
    }

    #[test]
    fn the_minimum_is_rounded_up_and_never_zero() {
        let with = |permille| MatchPolicy { minimum_compared_permille: permille, ..MatchPolicy::default() };
        assert_eq!(with(125).minimum_compared(Layout::Columns200), 1600);
        assert_eq!(with(125).minimum_compared(Layout::Columns256), 2048);
        assert_eq!(with(1).minimum_compared(Layout::Columns256), 17);
        assert_eq!(with(0).minimum_compared(Layout::Columns200), 1);
        assert!(with(u16::MAX).minimum_compared(Layout::Columns256) > Layout::Columns256.bits() as u32);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn a_stored_policy_is_checked_when_read() {
        let text = serde_json::to_string(&MatchPolicy::default()).unwrap();
        assert_eq!(
            text,
            r#"{"threshold":{"numerator":345,"denominator":1000},"minimum_compared_permille":125,"maximum_rotation":15,"eye_rule":"either"}"#
        );
        assert_eq!(serde_json::from_str::<MatchPolicy>(&text).unwrap(), MatchPolicy::default());
        for wrong in [text.replace("1000", "0"), text.replace("either", "any"), text.replace("345", "1001")] {
            assert!(serde_json::from_str::<MatchPolicy>(&wrong).is_err(), "{wrong}");
        }
        let more = text.replace("\"eye_rule\"", "\"other\":1,\"eye_rule\"");
        assert!(serde_json::from_str::<MatchPolicy>(&more).is_err());
    }
}
