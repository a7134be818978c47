//! Rates of error at thresholds.

use super::scores::People;
use super::{Pair, Scores};

/// The false match rates that reports ask for, as powers of ten: 10⁻², 10⁻³, 10⁻⁴, 10⁻⁵.
pub const FMR_TARGETS: [u64; 4] = [100, 1_000, 10_000, 100_000];

/// Both rates of error at one threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct OperatingPoint {
    /// Pairs strictly nearer than this match; +∞ accepts everything that can be compared.
    pub threshold: f64,
    /// False match rate, 0 to 1.
    pub fmr: f64,
    /// False non-match rate, 0 to 1.
    pub fnmr: f64,
}

/// The rates that a report begins with.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Rates {
    /// Equal error rate, 0 to 1.
    ///
    /// Between two neighbouring operating points, one with FMR < FNMR and one with FMR ≥ FNMR, the rates are interpolated
    /// linearly: what one reaches by tossing a coin between the two thresholds.
    pub eer: f64,
    /// The distance at which the rates cross.
    pub eer_threshold: f64,
    /// FNMR at the largest threshold whose observed FMR is at most 1 / [`FMR_TARGETS`].
    ///
    /// With fewer impostor pairs than the target's denominator that is the threshold without a false match: the figure is
    /// there, but says less than its name. [`Scores::expected_false_matches`] tells.
    pub fnmr_at_fmr: [f64; 4],
    /// The thresholds that belong to them; +∞ where even that is no false match.
    pub thresholds: [f64; 4],
}

impl Scores {
    /// The rates of all comparisons; `None` without a genuine or without an impostor pair.
    #[must_use]
    pub fn rates(&self) -> Option<Rates> {
        Walk { scores: self, weights: None }.rates()
    }

    /// [`Scores::rates`] where person number p, in the order in which samples name them, is there `weights[p]` times.
    ///
    /// Two copies of one person are not compared with each other: that would be neither genuine nor impostor.
    pub(super) fn weighted_rates(&self, weights: &[u64]) -> Option<Rates> {
        Walk { scores: self, weights: Some(weights) }.rates()
    }

    /// Both rates at a threshold of one's own; `None` without a genuine or without an impostor pair.
    #[must_use]
    pub fn at(&self, threshold: f64) -> Option<OperatingPoint> {
        let (genuine, impostor) = (self.genuine(), self.impostor());
        let below = |pairs: &[Pair]| pairs.partition_point(|pair| f64::from(pair.key()) < threshold);
        (!genuine.is_empty() && !impostor.is_empty()).then(|| OperatingPoint {
            threshold,
            fmr: below(impostor) as f64 / impostor.len() as f64,
            fnmr: (genuine.len() - below(genuine)) as f64 / genuine.len() as f64,
        })
    }

    /// The false matches that there are at 1 / `target`, on average.
    ///
    /// By the rule of 30 (G. Doddington et al., *The NIST speaker recognition evaluation*, Speech Communication 31, 2000),
    /// a rate that rests on 30 errors is within 30 % of the truth with 90 % confidence.
    #[must_use]
    pub fn expected_false_matches(&self, target: u64) -> f64 {
        self.impostor().len() as f64 / target as f64
    }

    /// Some `points` operating points from the strictest threshold to the laxest, close together where the rates are small.
    ///
    /// FMR never falls and FNMR never rises along the curve. Empty without genuine or without impostor pairs.
    #[must_use]
    pub fn curve(&self, points: usize) -> Vec<OperatingPoint> {
        let (genuine, impostor) = (self.genuine(), self.impostor());
        // The n-th false match and the n-th last false non-match, for n = 1 … all in steps of one ratio.
        let ranks = |count: usize| {
            let steps = (points / 2).max(2);
            let rank = move |step: usize| (count as f64).powf(step as f64 / (steps - 1) as f64).round() as usize;
            (0..steps).map(move |step| rank(step).clamp(1, count.max(1)) - 1)
        };
        let mut thresholds: Vec<f32> = ranks(impostor.len())
            .filter_map(|rank| impostor.get(rank))
            .chain(ranks(genuine.len()).filter_map(|rank| genuine.iter().nth_back(rank)))
            .map(Pair::key)
            .chain([f32::INFINITY])
            .collect();
        thresholds.sort_unstable_by(f32::total_cmp);
        thresholds.dedup();
        thresholds.into_iter().filter_map(|threshold| self.at(threshold.into())).collect()
    }
}

/// One walk over all distances, nearest first, with the rates on the way.
struct Walk<'a> {
    scores: &'a Scores,
    /// How often each person is there; `None` is once each, and faster.
    weights: Option<&'a [u64]>,
}

impl Walk<'_> {
    fn rates(&self) -> Option<Rates> {
        let (genuine, impostor) = (self.scores.genuine(), self.scores.impostor());
        let all_genuine: u64 = match self.weights {
            None => genuine.len() as u64,
            Some(_) => genuine.iter().map(|pair| self.weight_of_genuine(pair)).sum(),
        };
        let all_impostor = self.all_impostor();
        if all_genuine == 0 || all_impostor == 0 {
            return None;
        }
        let mut rates =
            Rates { eer: f64::NAN, eer_threshold: f64::INFINITY, fnmr_at_fmr: [0.0; 4], thresholds: [0.0; 4] };
        // The strictest targets are met first.
        let mut open_targets = FMR_TARGETS.len();
        let (mut is_eer_open, mut rejected, mut accepted) = (true, all_genuine, 0);
        let (mut g, mut i) = (0, 0);
        while is_eer_open || open_targets > 0 {
            let key = |pairs: &[Pair], at: usize| pairs.get(at).map(Pair::key);
            let distance = match (key(genuine, g), key(impostor, i)) {
                (Some(a), Some(b)) => a.min(b),
                (Some(a), None) | (None, Some(a)) => a,
                (None, None) => break,
            };
            let (rejected_before, accepted_before) = (rejected, accepted);
            while let Some(pair) = genuine.get(g).filter(|pair| pair.key() == distance) {
                rejected -= self.weight_of_genuine(pair);
                g += 1;
            }
            while let Some(pair) = impostor.get(i).filter(|pair| pair.key() == distance) {
                accepted += self.weight_of_impostor(pair);
                i += 1;
            }
            // Here: what a threshold just above this distance accepts and rejects; before: what this distance itself does.
            while open_targets > 0 && accepted > all_impostor / FMR_TARGETS[open_targets - 1] {
                open_targets -= 1;
                rates.fnmr_at_fmr[open_targets] = rejected_before as f64 / all_genuine as f64;
                rates.thresholds[open_targets] = distance.into();
            }
            if is_eer_open
                && u128::from(accepted) * u128::from(all_genuine) >= u128::from(rejected) * u128::from(all_impostor)
            {
                is_eer_open = false;
                let fmr = [accepted_before, accepted].map(|count| count as f64 / all_impostor as f64);
                let fnmr = [rejected_before, rejected].map(|count| count as f64 / all_genuine as f64);
                let (before, after) = (fnmr[0] - fmr[0], fmr[1] - fnmr[1]);
                rates.eer = fmr[0] + (fmr[1] - fmr[0]) * before / (before + after);
                rates.eer_threshold = distance.into();
            }
        }
        Some(rates)
    }

    /// The weight of all impostor pairs, without looking at them.
    fn all_impostor(&self) -> u64 {
        let Some(weights) = self.weights else { return self.scores.impostor().len() as u64 };
        let People { samples, own_impostors, .. } = &self.scores.people;
        let (mut all, mut squares, mut own) = (0, 0, 0);
        for ((weight, samples), own_impostors) in weights.iter().zip(samples).zip(own_impostors) {
            all += weight * samples;
            squares += (weight * samples).pow(2);
            own += weight * own_impostors;
        }
        (all * all - squares) / 2 + own
    }

    fn weight_of_genuine(&self, pair: &Pair) -> u64 {
        self.weights.map_or(1, |weights| weights[self.person(pair)[0]])
    }

    fn weight_of_impostor(&self, pair: &Pair) -> u64 {
        self.weights.map_or(1, |weights| {
            let [a, b] = self.person(pair);
            if a == b { weights[a] } else { weights[a] * weights[b] }
        })
    }

    fn person(&self, pair: &Pair) -> [usize; 2] {
        pair.samples().map(|sample| self.scores.people.of_sample[sample] as usize)
    }
}
