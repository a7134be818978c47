//! How often a search of many strangers finds one, from how their distances scatter.

/// The distance of two strangers: the least of M normal distances of mean 1/2, one for each independent rotation.
///
/// ```text
/// FMR(t) = 1 − (1 − Φ((t − 1/2) / σ))^M        4 σ² · degrees of freedom = 1
/// ```
///
/// J. Daugman, *How Iris Recognition Works* (2004), section V, for one rotation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StrangerModel {
    /// Degrees of freedom of the distance at one rotation.
    pub degrees_of_freedom: f64,
    /// M, the rotations that are as good as independent.
    pub rotations: f64,
}

impl StrangerModel {
    /// The share of strangers' eyes nearer than `distance`.
    #[must_use]
    pub fn false_match_rate(&self, distance: f64) -> f64 {
        let deviations = (distance - 0.5) * 2.0 * self.degrees_of_freedom.sqrt();
        let at_one_rotation = 0.5 * libm::erfc(-deviations / core::f64::consts::SQRT_2);
        at_least_once(at_one_rotation, self.rotations)
    }

    /// The distance below which a share `rate` of strangers' eyes lies; the largest that has no more, to 10⁻⁹.
    #[must_use]
    pub fn distance_at(&self, rate: f64) -> f64 {
        let (mut low, mut high) = (0.0, 1.0);
        while high - low > 1e-9 {
            let middle = 0.5 * (low + high);
            if self.false_match_rate(middle) <= rate {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    }
}

/// 1 − (1 − `rate`)^`times`, without losing small rates.
fn at_least_once(rate: f64, times: f64) -> f64 {
    -f64::exp_m1(times * f64::ln_1p(-rate))
}

/// A rate that was not measured but follows from a model, with the bounds between which the data leave it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Estimate {
    /// The lowest rate of any fit.
    pub low: f64,
    /// The geometric mean of the fits.
    pub likely: f64,
    /// The highest rate of any fit, at a threshold that is wider by what the tail exceeds the model.
    pub high: f64,
}

/// What is known of the strangers of one encoder and one score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StrangerEvidence {
    /// One fit for each set of data.
    pub fits: &'static [StrangerModel],
    /// By how much the nearest stranger that was seen is nearer than the fits say.
    pub excess: f64,
    /// On what the fits rest, in a sentence.
    pub data: &'static str,
}

impl StrangerEvidence {
    /// Our own encoder, version 1, with the normalized distance: the fits that the default threshold follows from.
    ///
    /// `examples/encoder_study.rs` makes them again from the same pictures. They say little about other cameras.
    pub const PERSONHOOD_1: Self = Self {
        fits: &[
            StrangerModel { degrees_of_freedom: 485.0, rotations: 17.0 },
            StrangerModel { degrees_of_freedom: 569.0, rotations: 22.0 },
        ],
        excess: 0.009,
        data: "two public sets of near-infrared pictures, 90 and 10 eyes, 100,125 and 4,465 pairs at most; \
               below a rate of one in 100,000 it is extrapolation",
    };

    /// The share of strangers' eyes nearer than `distance`.
    #[must_use]
    pub fn false_match_rate(&self, distance: f64) -> Estimate {
        self.estimate(distance, |rate| rate)
    }

    fn estimate(&self, distance: f64, of_rate: impl Fn(f64) -> f64) -> Estimate {
        let at = |distance: f64| self.fits.iter().map(move |fit| fit.false_match_rate(distance)).map(&of_rate);
        let logarithms: f64 = at(distance).map(f64::ln).sum();
        Estimate {
            low: at(distance).fold(1.0, f64::min),
            likely: (logarithms / self.fits.len() as f64).exp(),
            high: at(distance + self.excess).fold(0.0, f64::max),
        }
    }
}

/// What one person's search consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Search {
    /// How many people are searched.
    pub people: u64,
    /// Whether a person matches only with both eyes.
    pub both_eyes: bool,
    /// Whether each eye is also held against the other eyes.
    pub swapped: bool,
    /// Whether its mirror image is searched for as well.
    pub mirrored: bool,
}

impl Search {
    /// The probability that a stranger with two eyes finds anybody, where an eye finds one of one person with `rate`.
    ///
    /// Eyes and people count as independent, as far as is known they are (Daugman 2004, section V).
    #[must_use]
    pub fn false_positive_rate(&self, rate: f64) -> f64 {
        let ways = if self.swapped { 2.0 } else { 1.0 } * if self.mirrored { 2.0 } else { 1.0 };
        let person = if self.both_eyes { at_least_once(rate * rate, ways) } else { at_least_once(rate, 2.0 * ways) };
        at_least_once(person, self.people as f64)
    }

    /// FPIR, the false positive identification rate of ISO/IEC 19795-1, at a threshold.
    #[must_use]
    pub fn fpir(&self, evidence: &StrangerEvidence, threshold: f64) -> Estimate {
        evidence.estimate(threshold, |rate| self.false_positive_rate(rate))
    }

    /// The largest threshold at which even the highest estimate of FPIR is at most `wanted`; to 10⁻⁴, rounded down.
    ///
    /// ```
    /// use personhood::evaluation::{Search, StrangerEvidence};
    ///
    /// let evidence = StrangerEvidence::PERSONHOOD_1;
    /// let search = |people| Search { people, both_eyes: false, swapped: true, mirrored: true };
    /// let town = search(10_000).threshold_for(&evidence, 0.001).ok_or("none")?;
    /// let country = search(10_000_000).threshold_for(&evidence, 0.001).ok_or("none")?;
    /// assert!(country < town, "the more people, the stricter");
    /// assert!(search(10_000).fpir(&evidence, town).high <= 0.001);
    /// # Ok::<(), &str>(())
    /// ```
    ///
    /// None if `wanted` is no rate between 0 and 1.
    #[must_use]
    pub fn threshold_for(&self, evidence: &StrangerEvidence, wanted: f64) -> Option<f64> {
        let fits = |step: u32| self.fpir(evidence, f64::from(step) / 10_000.0).high <= wanted;
        if !(wanted > 0.0 && wanted < 1.0) {
            return None;
        }
        // FPIR grows with the threshold, and at 1/2 strangers are found by all means.
        let (mut kept, mut broken) = (0, 5_000);
        while broken - kept > 1 {
            let middle = (kept + broken) / 2;
            if fits(middle) {
                kept = middle;
            } else {
                broken = middle;
            }
        }
        Some(f64::from(kept) / 10_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of `0.5 * erfc(-z / sqrt(2))` and of the formula, from Python's `math` and `decimal`.
    #[test]
    fn rates_are_those_of_the_formula() {
        for (model, distance, expected) in RATES {
            let rate = model.false_match_rate(distance);
            assert!((rate / expected - 1.0).abs() < 1e-9, "{rate} and {expected}");
            assert!((model.distance_at(expected) - distance).abs() < 1e-8);
        }
    }

    const RATES: [(StrangerModel, f64, f64); 4] = [
        (StrangerModel { degrees_of_freedom: 485.0, rotations: 17.0 }, 0.37, 8.745067732263116e-08),
        (StrangerModel { degrees_of_freedom: 569.0, rotations: 22.0 }, 0.37, 6.1337781644138465e-09),
        (StrangerModel { degrees_of_freedom: 485.0, rotations: 17.0 }, 0.3, 1.07244600715794e-17),
        (StrangerModel { degrees_of_freedom: 569.0, rotations: 22.0 }, 0.45, 0.1717875095940196),
    ];

    #[test]
    fn the_default_threshold_has_the_rate_that_its_words_say() {
        for fit in StrangerEvidence::PERSONHOOD_1.fits {
            let distance = fit.distance_at(1e-6);
            assert!((0.379..0.389).contains(&distance), "{distance}");
        }
        assert!(StrangerEvidence::PERSONHOOD_1.false_match_rate(0.37).high <= 1e-6);
    }

    /// Drawn strangers instead of the formula: 40,000 searches of five people at a rate that can be counted.
    #[test]
    fn the_rate_of_searches_is_that_of_searches_that_are_drawn() {
        let mut state = 7_u64;
        let mut uniform = || {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = state;
            z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
            ((z ^ z >> 31) >> 11) as f64 / (1_u64 << 53) as f64
        };
        let rate = 0.03;
        for both_eyes in [false, true] {
            for (swapped, mirrored) in [(false, false), (true, false), (true, true)] {
                let search = Search { people: 5, both_eyes, swapped, mirrored };
                let mut found = 0;
                for _ in 0..40_000 {
                    let ways = (1 + u32::from(swapped)) * (1 + u32::from(mirrored));
                    let mut any = false;
                    for _ in 0..search.people * u64::from(ways) {
                        let (left, right) = (uniform() < rate, uniform() < rate);
                        any |= if both_eyes { left && right } else { left || right };
                    }
                    found += u32::from(any);
                }
                let (expected, drawn) = (search.false_positive_rate(rate), f64::from(found) / 40_000.0);
                let error = (expected * (1.0 - expected) / 40_000.0).sqrt();
                assert!((drawn - expected).abs() < 4.0 * error, "{search:?}: {drawn} and {expected}");
            }
        }
    }

    #[test]
    fn a_wish_that_is_no_rate_has_no_threshold() {
        let search = Search { people: 1_000, both_eyes: false, swapped: true, mirrored: true };
        for wrong in [0.0, 1.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(search.threshold_for(&StrangerEvidence::PERSONHOOD_1, wrong), None);
        }
        let mut last = 1.0;
        for people in [1, 1_000, 1_000_000, 1_000_000_000] {
            let threshold =
                Search { people, ..search }.threshold_for(&StrangerEvidence::PERSONHOOD_1, 1e-3).unwrap_or(1.0);
            assert!(threshold < last);
            let wider = Search { people, ..search }.fpir(&StrangerEvidence::PERSONHOOD_1, threshold + 1e-4);
            assert!(wider.high > 1e-3, "it is the largest");
            last = threshold;
        }
    }
}
