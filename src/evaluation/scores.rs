//! Genuine and impostor pairs, sorted by distance, and what is said about each kind as a whole.

use super::{Comparisons, Sample};

/// One comparison.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    distance: f32,
    a: u32,
    b: u32,
}

impl Pair {
    /// The distance, unless the two cannot be compared.
    #[must_use]
    pub fn distance(&self) -> Option<f32> {
        Some(self.distance).filter(|distance| distance.is_finite())
    }

    /// The two pictures, as indices into the samples; the smaller one first.
    #[must_use]
    pub const fn samples(&self) -> [usize; 2] {
        [self.a as usize, self.b as usize]
    }

    /// The distance by which pairs are sorted: +∞ where there is none.
    pub(super) const fn key(&self) -> f32 {
        self.distance
    }
}

/// All pairs, nearest first, genuine and impostor ones apart.
///
/// 12 bytes a pair: 10,000 pictures take 600 MB.
#[derive(Clone, Debug)]
pub struct Scores {
    samples: Vec<Sample>,
    pairs: Vec<Pair>,
    genuine: usize,
    pub(super) people: People,
}

/// The people, numbered from 0, and what is needed to count pairs without looking at them.
#[derive(Clone, Debug)]
pub(super) struct People {
    /// The person of each sample.
    pub(super) of_sample: Vec<u32>,
    /// Samples of each person.
    pub(super) samples: Vec<u64>,
    /// Impostor pairs of each person with themselves: between two eyes of theirs.
    pub(super) own_impostors: Vec<u64>,
}

/// Mean and variance of the distances of one kind of pair.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Moments {
    /// Pairs that have a distance.
    pub count: usize,
    /// Their mean.
    pub mean: f64,
    /// Their variance, with count − 1 below; 0 for a single pair.
    pub variance: f64,
}

/// How many distances fall into each of several ranges of equal width.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Histogram {
    /// Where the first range begins.
    pub from: f64,
    /// The width of each range; its lower end belongs to it.
    pub width: f64,
    /// Genuine pairs in each range; the outermost ranges also take what lies beyond them.
    pub genuine: Vec<u64>,
    /// Impostor pairs in each range.
    pub impostor: Vec<u64>,
}

/// How often the nearest picture is of the same eye.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identification {
    /// Pictures of an eye of which there is another picture: each was the probe once, all others the gallery.
    pub attempts: usize,
    /// Those of them whose nearest picture is of the same eye, and strictly nearer than any of another eye.
    pub hits: usize,
}

impl Identification {
    /// Hits over attempts; `None` without attempts.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        (self.attempts > 0).then(|| self.hits as f64 / self.attempts as f64)
    }
}

impl Scores {
    /// Sorts comparisons into kinds and by distance.
    #[must_use]
    pub fn new(comparisons: Comparisons) -> Self {
        let Comparisons { samples, distances } = comparisons;
        let count = u32::try_from(samples.len()).expect("`Comparisons` has a lower limit");
        let all = || {
            let indices = (0..count).flat_map(|b| (0..b).map(move |a| (a, b)));
            indices.zip(&distances).map(|((a, b), &distance)| Pair { distance, a, b })
        };
        let is_genuine = |pair: &Pair| samples[pair.a as usize].class == samples[pair.b as usize].class;
        let mut pairs: Vec<Pair> = Vec::with_capacity(distances.len());
        pairs.extend(all().filter(is_genuine));
        let genuine = pairs.len();
        pairs.extend(all().filter(|pair| !is_genuine(pair)));
        let (one_eye, two_eyes) = pairs.split_at_mut(genuine);
        for kind in [one_eye, two_eyes] {
            // Ties by number, so that the order depends on the comparisons alone.
            kind.sort_unstable_by(|x, y| x.distance.total_cmp(&y.distance).then((x.a, x.b).cmp(&(y.a, y.b))));
        }
        Self { people: People::of(&samples), samples, pairs, genuine }
    }

    /// The pictures.
    #[must_use]
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// Pairs of one eye, nearest first; those without a distance are last.
    #[must_use]
    pub fn genuine(&self) -> &[Pair] {
        &self.pairs[..self.genuine]
    }

    /// Pairs of two eyes, nearest first; those without a distance are last.
    #[must_use]
    pub fn impostor(&self) -> &[Pair] {
        &self.pairs[self.genuine..]
    }

    /// How many people there are.
    #[must_use]
    pub fn people(&self) -> usize {
        self.people.samples.len()
    }

    /// How many eyes there are.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.samples.iter().map(|sample| sample.class).collect::<std::collections::HashSet<_>>().len()
    }

    /// Daugman's d′: how many deviations lie between the two means.
    ///
    /// `None` where a kind has no distances, or none of the two varies.
    #[must_use]
    pub fn d_prime(&self) -> Option<f64> {
        let (genuine, impostor) = (Moments::of(self.genuine())?, Moments::of(self.impostor())?);
        let spread = f64::midpoint(genuine.variance, impostor.variance);
        (spread > 0.0).then(|| (impostor.mean - genuine.mean) / spread.sqrt())
    }

    /// Daugman's degrees of freedom: how many tosses of a coin would scatter as the impostor distances do.
    ///
    /// The smallest distance of several rotations is not one toss, so this describes the scatter and is no model of it.
    /// `None` where the distances do not vary.
    #[must_use]
    pub fn degrees_of_freedom(&self) -> Option<f64> {
        let Moments { mean, variance, .. } = Moments::of(self.impostor())?;
        (variance > 0.0).then(|| mean * (1.0 - mean) / variance)
    }

    /// Each picture against all others: is the nearest of the same eye? Leave-one-out in a closed set.
    #[must_use]
    pub fn rank_one(&self) -> Identification {
        let nearest = |pairs: &[Pair]| {
            let mut nearest = vec![None; self.samples.len()];
            // Sorted, so the first one met is the nearest.
            for pair in pairs {
                for sample in pair.samples() {
                    nearest[sample].get_or_insert(pair.distance);
                }
            }
            nearest
        };
        let (genuine, impostor) = (nearest(self.genuine()), nearest(self.impostor()));
        let attempts =
            genuine.iter().zip(&impostor).filter_map(|(genuine, impostor)| Some((genuine.as_ref()?, impostor)));
        let is_hit = |&(genuine, impostor): &(&f32, &Option<f32>)| {
            genuine.is_finite() && impostor.is_none_or(|impostor| *genuine < impostor)
        };
        Identification { attempts: attempts.clone().count(), hits: attempts.filter(is_hit).count() }
    }

    /// Counts distances in `bins` ranges of equal width; pairs without a distance are left out.
    ///
    /// # Panics
    /// If there are no bins or `to` is not beyond `from`.
    #[must_use]
    pub fn histogram(&self, from: f64, to: f64, bins: usize) -> Histogram {
        assert!(bins > 0 && to > from, "a histogram has at least one range of some width");
        let width = (to - from) / bins as f64;
        let count = |pairs: &[Pair]| {
            let mut counts = vec![0; bins];
            for distance in pairs.iter().filter_map(Pair::distance) {
                // Saturates below 0.
                let bin = ((f64::from(distance) - from) / width) as usize;
                counts[bin.min(bins - 1)] += 1;
            }
            counts
        };
        Histogram { from, width, genuine: count(self.genuine()), impostor: count(self.impostor()) }
    }
}

impl Moments {
    /// Of those pairs that have a distance; `None` if none has.
    #[must_use]
    pub fn of(pairs: &[Pair]) -> Option<Self> {
        let distances = || pairs.iter().filter_map(Pair::distance).map(f64::from);
        let count = distances().count();
        if count == 0 {
            return None;
        }
        let mean = distances().sum::<f64>() / count as f64;
        let squares: f64 = distances().map(|distance| (distance - mean).powi(2)).sum();
        Some(Self { count, mean, variance: squares / (count - 1).max(1) as f64 })
    }

    /// The standard deviation.
    #[must_use]
    pub fn deviation(&self) -> f64 {
        self.variance.sqrt()
    }
}

impl People {
    fn of(samples: &[Sample]) -> Self {
        use std::collections::HashMap;
        let mut numbers = HashMap::new();
        let mut people = Self { of_sample: Vec::with_capacity(samples.len()), samples: vec![], own_impostors: vec![] };
        let mut of_class: HashMap<u32, (u32, u64)> = HashMap::new();
        for sample in samples {
            let next = u32::try_from(numbers.len()).expect("no more people than samples");
            let person = *numbers.entry(sample.person).or_insert(next);
            if person == next {
                people.samples.push(0);
            }
            people.samples[person as usize] += 1;
            people.of_sample.push(person);
            of_class.entry(sample.class).or_insert((person, 0)).1 += 1;
        }
        let pairs = |count: u64| count * count.saturating_sub(1) / 2;
        people.own_impostors = people.samples.iter().map(|&count| pairs(count)).collect();
        for (person, count) in of_class.into_values() {
            people.own_impostors[person as usize] -= pairs(count);
        }
        people
    }
}
