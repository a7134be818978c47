//! How far the rates could be off, had other people come.

use super::{FMR_TARGETS, Rates, Scores};

/// Confidence intervals that resample people.
///
/// Each replicate draws as many people as there are, with replacement, and takes all their pictures: the subsets
/// bootstrap of R. Bolle, N. Ratha and S. Pankanti, *Error analysis of pattern recognition systems – the subsets bootstrap*
/// (Computer Vision and Image Understanding 93(1), 2004). Comparisons are not independent of each other, people are;
/// resampling comparisons would give intervals that are far too narrow.
///
/// An impostor pair belongs to two people, and weighs as often as both were drawn, the one times the other (vertex
/// bootstrap: T. Snijders and S. Borgatti, *Non-parametric standard errors and tests for network statistics*,
/// Connections 22(2), 1999). Two copies of one person are not compared with each other.
///
/// The interval is that of the percentiles of the replicates, interpolated linearly between neighbours. A replicate without
/// a genuine or an impostor pair is left out. The numbers drawn depend on the seed alone.
///
/// A rate of which no error was observed has the interval 0 to 0: resampling cannot invent people. The rule of three then
/// says more: with n people, the true rate may well be 3 / n.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bootstrap {
    /// How often people are drawn. Default 1,000.
    pub replicates: u32,
    /// Where the random numbers begin. Default 1.
    pub seed: u64,
}

/// The interval that holds 95 % of the replicates.
const CONFIDENCE: f64 = 0.95;

impl Default for Bootstrap {
    fn default() -> Self {
        Self { replicates: 1_000, seed: 1 }
    }
}

/// From where to where a rate may be.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Interval {
    /// 2.5 % of the replicates are below.
    pub low: f64,
    /// 2.5 % of the replicates are above.
    pub high: f64,
}

/// 95 % confidence intervals of [`Rates`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Intervals {
    /// Of the equal error rate.
    pub eer: Interval,
    /// Of FNMR at 1 / [`FMR_TARGETS`].
    pub fnmr_at_fmr: [Interval; 4],
    /// The replicates that gave rates.
    pub replicates: usize,
}

impl Scores {
    /// The 95 % confidence intervals; `None` with fewer than two people or where no replicate has both kinds of pairs.
    #[must_use]
    pub fn intervals(&self, bootstrap: &Bootstrap) -> Option<Intervals> {
        Intervals::of((0..bootstrap.replicates).filter_map(|number| self.replicate(bootstrap, number)).collect())
    }

    /// [`Scores::intervals`] on all threads of rayon's pool; the result is the same.
    #[cfg(feature = "rayon")]
    #[must_use]
    pub fn par_intervals(&self, bootstrap: &Bootstrap) -> Option<Intervals> {
        use rayon::prelude::*;
        let replicates = (0..bootstrap.replicates).into_par_iter();
        Intervals::of(replicates.filter_map(|number| self.replicate(bootstrap, number)).collect())
    }

    fn replicate(&self, bootstrap: &Bootstrap, number: u32) -> Option<Rates> {
        let people = self.people();
        if people < 2 {
            return None;
        }
        let mut random = SplitMix64::of_replicate(bootstrap.seed, number);
        let mut weights = vec![0; people];
        for _ in 0..people {
            weights[random.below(people as u64)] += 1;
        }
        self.weighted_rates(&weights)
    }
}

impl Intervals {
    fn of(replicates: Vec<Rates>) -> Option<Self> {
        if replicates.is_empty() {
            return None;
        }
        let interval = |rate: &dyn Fn(&Rates) -> f64| {
            let mut values: Vec<f64> = replicates.iter().map(rate).collect();
            values.sort_unstable_by(f64::total_cmp);
            Interval {
                low: quantile(&values, (1.0 - CONFIDENCE) / 2.0),
                high: quantile(&values, f64::midpoint(1.0, CONFIDENCE)),
            }
        };
        Some(Self {
            eer: interval(&|rates| rates.eer),
            fnmr_at_fmr: core::array::from_fn::<_, { FMR_TARGETS.len() }, _>(|target| {
                interval(&|rates| rates.fnmr_at_fmr[target])
            }),
            replicates: replicates.len(),
        })
    }
}

/// The quantile of at least one sorted value, interpolated linearly between the order statistics 1 + q (n − 1): type 7 of
/// R. Hyndman and Y. Fan, *Sample quantiles in statistical packages* (The American Statistician 50(4), 1996).
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let place = q * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

/// The generator of G. Steele, D. Lea and C. Flood, *Fast splittable pseudorandom number generators* (OOPSLA 2014).
struct SplitMix64(u64);

/// 2⁶⁴ over the golden ratio, as the paper has it.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

impl SplitMix64 {
    /// Replicates are numbered, so that it does not matter which thread draws which.
    const fn of_replicate(seed: u64, number: u32) -> Self {
        // 2³² steps apart: a replicate draws fewer numbers, so that no two of one seed share any.
        Self(Self(seed).mixed().wrapping_add((number as u64).wrapping_mul(GAMMA << 32)))
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        self.mixed()
    }

    const fn mixed(&self) -> u64 {
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, by its share of the range. With at most 2¹⁶ people the bias is below 2⁻⁴⁸.
    fn below(&mut self, bound: u64) -> usize {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_numbers_are_those_of_the_paper() {
        // The first outputs for seed 0 and for 1234567, as other implementations publish them.
        let first = |seed| {
            let mut random = SplitMix64(seed);
            [random.next(), random.next(), random.next()]
        };
        assert_eq!(first(0), [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f]);
        assert_eq!(first(1_234_567)[..2], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn quantiles_lie_between_their_neighbours() {
        let values = [1.0, 2.0, 4.0, 8.0, 16.0];
        for (q, expected) in [(0.0, 1.0), (0.25, 2.0), (0.375, 3.0), (0.5, 4.0), (1.0, 16.0), (0.9, 12.8)] {
            assert!((quantile(&values, q) - expected).abs() < 1e-12, "{q}");
        }
        assert_eq!(quantile(&[7.0], 0.975), 7.0);
    }
}
