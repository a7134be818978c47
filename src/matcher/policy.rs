//! What counts as the same eye, and as the same person.

use core::fmt;

use core::cmp::Ordering;

use super::FractionalHammingDistance;
use crate::iris::{EncoderVersion, Layout};

/// Everything that decides about a pair of templates; stored with a registry.
///
/// Every value of every field has a meaning, so a policy is never invalid, only unwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct MatchPolicy {
    /// How the bits that were counted become a distance. Default [`ScoreRule::Normalized`].
    ///
    /// A stored policy that does not name it is of a release that knew no other than the fractional one.
    #[cfg_attr(feature = "serde", serde(default = "only_score_of_old"))]
    pub score: ScoreRule,
    /// Distances strictly below this are the same eye. Default 0.37; see [`MatchPolicy::default`].
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
    /// For templates of our own encoder: the normalized distance, below 0.37; at most one false match in 10⁶ comparisons.
    ///
    /// The least of the distances of two strangers at M independent rotations is below t with probability
    /// 1 − (1 − Φ((t − 1/2) / σ))^M, where 4 σ² is one over the degrees of freedom at the neutral number of bits (J.
    /// Daugman, *How Iris Recognition Works*, 2004, for one rotation). Fitted to mean and deviation of the impostor pairs of
    /// the program's own templates of two sets of real eyes it gives 485 and 569 degrees of freedom and M = 17 and 22, and puts
    /// one in 10⁶ at 0.380 and 0.388; on each half of the people of either set, at 0.379 to 0.391. The tail is fatter than the model's:
    /// of 100,125 pairs 22 instead of 10 are below its 10⁻⁴ and 3 instead of 1 below its 10⁻⁵, and the nearest is 0.009 nearer
    /// than it says. The threshold lies that much below the lowest of the fits. `examples/encoder_study.rs` fits it again.
    fn default() -> Self {
        Self {
            score: ScoreRule::Normalized,
            threshold: Threshold { numerator: 370, denominator: 1000 },
            minimum_compared_permille: 125,
            maximum_rotation: 15,
            eye_rule: EyeRule::Either,
        }
    }
}

impl MatchPolicy {
    /// For templates of open-iris and of World's services: the fractional distance, below 0.345 as iris-mpc has it today.
    ///
    /// Its older threshold was 0.375; open-iris groups frames of one eye at 0.35.
    pub const OPEN_IRIS: Self = Self {
        score: ScoreRule::Fractional,
        threshold: Threshold { numerator: 345, denominator: 1000 },
        minimum_compared_permille: 125,
        maximum_rotation: 15,
        eye_rule: EyeRule::Either,
    };

    /// The policy that fits templates of this encoder: [`Self::OPEN_IRIS`] for those of open-iris, else the default.
    #[must_use]
    pub fn for_encoder(encoder: EncoderVersion) -> Self {
        if encoder.open_iris_format().is_some() { Self::OPEN_IRIS } else { Self::default() }
    }

    /// The bits that two templates of this layout must have in common; at least 1.
    #[must_use]
    pub fn minimum_compared(&self, layout: Layout) -> u32 {
        let thousandths = layout.bits() as u32 * u32::from(self.minimum_compared_permille);
        thousandths.div_ceil(1000).max(1)
    }

    /// Is this pair of counts, of two templates of this layout, one eye?
    #[must_use]
    pub fn accepts(&self, counts: FractionalHammingDistance, layout: Layout) -> bool {
        counts.compared() >= self.minimum_compared(layout) && self.score.is_below(self.threshold, counts, layout)
    }

    /// The most bits that may disagree in a match, where `compared` bits could be compared.
    ///
    /// `None` where not even equal bits are a match: too few were compared. It never falls where `compared` grows, and
    /// `None` comes before every `Some`; a search that knows an upper bound of the compared bits may therefore rule an
    /// entry out by the disagreeing bits alone.
    ///
    /// ```
    /// use personhood::iris::Layout;
    /// use personhood::matcher::{MatchPolicy, Threshold};
    ///
    /// let policy = MatchPolicy { threshold: Threshold::new(1, 4)?, ..MatchPolicy::OPEN_IRIS };
    /// assert_eq!(policy.maximum_disagreeing(8_000, Layout::Columns200), Some(1_999));
    /// assert_eq!(policy.maximum_disagreeing(800, Layout::Columns200), None);
    /// # Ok::<(), personhood::matcher::ThresholdError>(())
    /// ```
    #[must_use]
    pub fn maximum_disagreeing(&self, compared: u32, layout: Layout) -> Option<u32> {
        let accepts = |disagreeing| {
            FractionalHammingDistance::new(disagreeing, compared).is_some_and(|counts| self.accepts(counts, layout))
        };
        if !accepts(0) {
            return None;
        }
        // Acceptance only ends where disagreement grows: the last accepted count lies in [accepted, refused).
        let (mut accepted, mut refused) = (0, compared + 1);
        while refused - accepted > 1 {
            let middle = accepted + (refused - accepted) / 2;
            if accepts(middle) {
                accepted = middle;
            } else {
                refused = middle;
            }
        }
        Some(accepted)
    }
}

#[cfg(feature = "serde")]
fn only_score_of_old() -> ScoreRule {
    ScoreRule::Fractional
}

/// How disagreeing and compared bits become the distance that a threshold decides about.
///
/// ```text
///   fractional   d / n
///   normalized   1/2 − (1/2 − d / n) · √(n / m)      m = 5/8 of the layout's bits
/// ```
///
/// The bits of two strangers agree like tosses of a coin, so the fraction of n disagreeing ones scatters about 1/2 as
/// 1/√n: a threshold on it is stricter for pairs with large masks than for pairs with small ones. The normalized
/// distance scatters alike for every n, so one threshold means one rate of false matches (J. Daugman, *New Methods in Iris
/// Recognition*, IEEE Trans. SMC-B 37(5), 2007, eq. 5, there with m = 911 of 2,048 bits). At n = m the two are
/// equal. m is only the unit of the threshold; 5/8 is 10,240 of 16,384 bits and 8,000 of 12,800, near the 10,000 of
/// 16,384 at which the normalization of open-iris 1.11 is neutral.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ScoreRule {
    /// The fraction of the compared bits that disagree: Daugman 2004, eq. 1; what iris-mpc decides about.
    Fractional,
    /// The fraction, normalized for the number of compared bits.
    Normalized,
}

/// The share of a layout's bits at which the normalized distance is the fractional one, as numerator and denominator.
const NEUTRAL_SHARE: [u32; 2] = [5, 8];

impl ScoreRule {
    /// Which of two pairs of counts is nearer? Exact; the layout is one and does not matter.
    ///
    /// Pairs that are equally near are `Equal` even where their counts differ.
    ///
    /// ```
    /// use core::cmp::Ordering;
    /// use personhood::matcher::{FractionalHammingDistance, ScoreRule};
    ///
    /// let [few, many] = [(700, 2_000), (3_600, 10_000)].map(|(d, n)| FractionalHammingDistance::new(d, n));
    /// let (few, many) = (few.ok_or("no bits")?, many.ok_or("no bits")?);
    /// assert_eq!(ScoreRule::Fractional.order(few, many), Ordering::Less);
    /// // 0.36 of ten thousand bits is further from a coin's half than 0.35 of two thousand.
    /// assert_eq!(ScoreRule::Normalized.order(few, many), Ordering::Greater);
    /// # Ok::<(), &str>(())
    /// ```
    #[must_use]
    pub fn order(self, a: FractionalHammingDistance, b: FractionalHammingDistance) -> Ordering {
        match self {
            Self::Fractional => a.cmp_ratio(b),
            // With e = n − 2d, the bits that agree in excess of those that do not, the distance is
            // 1/2 − e / √(4 n m): it falls as e / √n, hence as e · |e| / n, grows.
            Self::Normalized => {
                let excess = |counts: FractionalHammingDistance, other: FractionalHammingDistance| {
                    let excess = i128::from(counts.compared()) - 2 * i128::from(counts.disagreeing());
                    // Below 2^64 · 2^32.
                    excess * excess.abs() * i128::from(other.compared())
                };
                excess(b, a).cmp(&excess(a, b))
            }
        }
    }

    /// The distance of these counts, for people to read; decisions are made on the integers.
    ///
    /// The normalized one is below 0 or above 1 where more bits were compared than are neutral and (nearly) all agree
    /// or disagree.
    #[must_use]
    pub fn distance(self, counts: FractionalHammingDistance, layout: Layout) -> f64 {
        match self {
            Self::Fractional => counts.ratio(),
            Self::Normalized => {
                let [share, of] = NEUTRAL_SHARE.map(u128::from);
                // √(n / m) in 1/2^40, since there is no root of a float without `std`; n · 8 · 2^80 is below 2^115.
                let quotient = ((u128::from(counts.compared()) * of) << 80) / (layout.bits() as u128 * share);
                let root = quotient.isqrt() as f64 / (1_u64 << 40) as f64;
                0.5 - (0.5 - counts.ratio()) * root
            }
        }
    }

    /// Is the distance strictly below the threshold? Exact.
    fn is_below(self, threshold: Threshold, counts: FractionalHammingDistance, layout: Layout) -> bool {
        let (numerator, denominator) = (threshold.numerator, threshold.denominator);
        match self {
            Self::Fractional => {
                // All factors are below 2^32, so the products fit.
                let left = u64::from(counts.disagreeing()) * u64::from(denominator);
                let right = u64::from(numerator) * u64::from(counts.compared());
                left < right
            }
            // With e = n − 2d and t = p/q the condition 1/2 − e / √(4 n m) < t is e · q > (q − 2 p) · √(n m): compared
            // by sign, then by square.
            Self::Normalized => {
                let excess = i128::from(counts.compared()) - 2 * i128::from(counts.disagreeing());
                let needed = i128::from(denominator) - 2 * i128::from(numerator);
                let square = |value: i128| value.unsigned_abs().pow(2);
                let [share, of] = NEUTRAL_SHARE.map(u128::from);
                // e², q² and (q − 2p)² are at most 2^64, n below 2^32, the layout's bits 2^14: only the left product can
                // reach beyond 128 bits, and is the larger one then.
                let left = square(excess).saturating_mul(u128::from(denominator).pow(2)).saturating_mul(of);
                let right = square(needed) * u128::from(counts.compared()) * layout.bits() as u128 * share;
                match (excess.signum(), needed.signum()) {
                    (1, 1) => left > right,
                    (-1, -1) => left < right,
                    (has, needs) => has > needs,
                }
            }
        }
    }
}

/// The distance from which on two templates are two eyes, as a fraction.
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

    /// The threshold for people to read.
    #[must_use]
    pub fn ratio(self) -> f64 {
        f64::from(self.numerator) / f64::from(self.denominator)
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

    fn fractional(numerator: u32, denominator: u32) -> MatchPolicy {
        let threshold = Threshold::new(numerator, denominator).unwrap();
        MatchPolicy { score: ScoreRule::Fractional, threshold, ..MatchPolicy::default() }
    }

    #[test]
    fn the_threshold_itself_is_not_a_match() {
        let accepts = |policy: MatchPolicy, d, n| {
            let policy = MatchPolicy { minimum_compared_permille: 0, ..policy };
            policy.accepts(distance(d, n), Layout::Columns200)
        };
        let policy = fractional(345, 1000);
        assert!(accepts(policy, 344, 1000));
        assert!(!accepts(policy, 345, 1000));
        assert!(!accepts(policy, 3450, 10_000));
        assert!(accepts(policy, 3449, 10_000));
        assert!(!accepts(fractional(0, 1), 0, 1));
        assert!(!accepts(fractional(1, 1), 1, 1));
        assert!(!accepts(fractional(u32::MAX - 1, u32::MAX), u32::MAX, u32::MAX));
        // At 5/8 of the bits the two rules have one threshold; at a quarter of those, 1/2 − 0.1 is needed twice over.
        let normalized = MatchPolicy { score: ScoreRule::Normalized, ..fractional(4, 10) };
        assert!(!accepts(normalized, 3200, 8000));
        assert!(accepts(normalized, 3199, 8000));
        assert!(!accepts(normalized, 600, 2000));
        assert!(accepts(normalized, 599, 2000));
        assert!((ScoreRule::Normalized.distance(distance(600, 2000), Layout::Columns200) - 0.4).abs() < 1e-9);
    }

    #[test]
    fn numbers_of_every_size_are_judged() {
        let largest = distance(0, u32::MAX);
        for (numerator, is_match) in [(0, true), (1, true), (u32::MAX / 2, true), (u32::MAX, true)] {
            let policy = MatchPolicy { score: ScoreRule::Normalized, ..fractional(numerator, u32::MAX) };
            assert_eq!(policy.accepts(largest, Layout::Columns256), is_match);
            assert!(!policy.accepts(distance(u32::MAX, u32::MAX), Layout::Columns256));
        }
        assert_eq!(ScoreRule::Normalized.order(largest, distance(1, u32::MAX)), Ordering::Less);
        assert_eq!(ScoreRule::Normalized.order(distance(u32::MAX, u32::MAX), largest), Ordering::Greater);
    }

    #[test]
    fn more_compared_bits_never_allow_fewer_disagreeing_ones() {
        for layout in Layout::ALL {
            for score in [ScoreRule::Fractional, ScoreRule::Normalized] {
                for numerator in [0, 1, 345, 420, 499, 500, 650, 1000] {
                    let policy = MatchPolicy { score, ..fractional(numerator, 1000) };
                    let mut before = None;
                    for compared in (0..=layout.bits() as u32).step_by(3) {
                        let limit = policy.maximum_disagreeing(compared, layout);
                        assert!(limit >= before, "{compared} bits, {policy:?}");
                        before = limit;
                        let accepts = |d| policy.accepts(distance(d, compared), layout);
                        match limit {
                            Some(most) => assert!(accepts(most) && (most == compared || !accepts(most + 1))),
                            None => assert!(compared == 0 || !accepts(0)),
                        }
                    }
                }
            }
        }
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
            r#"{"score":"normalized","threshold":{"numerator":370,"denominator":1000},"minimum_compared_permille":125,"maximum_rotation":15,"eye_rule":"either"}"#
        );
        assert_eq!(serde_json::from_str::<MatchPolicy>(&text).unwrap(), MatchPolicy::default());
        for wrong in [text.replace("1000", "0"), text.replace("either", "any"), text.replace("370", "1001")] {
            assert!(serde_json::from_str::<MatchPolicy>(&wrong).is_err(), "{wrong}");
        }
        // Before there was a choice of scores nothing was said about it.
        let before = text.replace("\"score\":\"normalized\",", "").replace("370", "345");
        assert_eq!(serde_json::from_str::<MatchPolicy>(&before).unwrap(), MatchPolicy::OPEN_IRIS);
        let more = text.replace("\"eye_rule\"", "\"other\":1,\"eye_rule\"");
        assert!(serde_json::from_str::<MatchPolicy>(&more).is_err());
    }
}
