//! Every picture against every other.

/// What one picture shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sample {
    /// The eye. Pictures of one class make genuine pairs.
    pub class: u32,
    /// Whose eye it is; a person may have several. Resampling draws people, because two eyes of one face, and all pictures
    /// of one eye, share what made them easy or hard.
    pub person: u32,
}

/// The distances of all pairs of pictures: complete by construction.
///
/// A distance is kept in 32 bits, so that two that differ by less than 2⁻²⁴ of their size are equal here; 10,000
/// pictures take 200 MB.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparisons {
    pub(super) samples: Vec<Sample>,
    /// The pair (a, b), a < b, lies at b (b − 1) / 2 + a; no distance is +∞.
    pub(super) distances: Vec<f32>,
}

/// Why pictures cannot be evaluated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// A distance is infinite or not a number.
    #[error("the distance of pictures {a} and {b} is {distance}; give a finite number, or none where there is none")]
    NotFinite {
        /// The first picture.
        a: usize,
        /// The second picture.
        b: usize,
        /// What was given.
        distance: f64,
    },
    /// One eye has two owners.
    #[error("the pictures {a} and {b} are of one class but of two people; an eye has one owner")]
    TwoOwners {
        /// A picture of the class.
        a: usize,
        /// Another picture of it.
        b: usize,
    },
    /// More pictures than there is memory for their pairs.
    #[error(
        "{found} pictures are too many for comparing all pairs, at most {most} are possible; evaluate a part of them"
    )]
    TooManySamples {
        /// How many there are.
        found: usize,
        /// The limit.
        most: usize,
    },
}

impl EvaluationError {
    /// A stable word for programs; it never changes for a variant.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFinite { .. } => "evaluation_not_finite",
            Self::TwoOwners { .. } => "evaluation_two_owners",
            Self::TooManySamples { .. } => "evaluation_too_many_samples",
        }
    }
}

impl Comparisons {
    /// The most pictures: 2³¹ pairs, which take 8 GiB here and 24 GiB sorted.
    pub const MAX_SAMPLES: usize = 1 << 16;

    /// Compares every picture with every other one; `distance(a, b)` with a < b is `None` where there is no distance.
    ///
    /// # Errors
    /// [`EvaluationError`] if a distance is not finite, a class has two owners, or there are too many pictures.
    pub fn new(
        samples: Vec<Sample>,
        mut distance: impl FnMut(usize, usize) -> Option<f64>,
    ) -> Result<Self, EvaluationError> {
        let mut comparisons = Self::begin(samples)?;
        for (b, row) in rows(&mut comparisons.distances) {
            fill(b, row, &mut distance)?;
        }
        Ok(comparisons)
    }

    /// [`Comparisons::new`] on all threads of rayon's pool; the result is the same.
    ///
    /// # Errors
    /// As [`Comparisons::new`].
    #[cfg(feature = "rayon")]
    pub fn par_new(
        samples: Vec<Sample>,
        distance: impl Fn(usize, usize) -> Option<f64> + Sync,
    ) -> Result<Self, EvaluationError> {
        Self::par_prepared(samples, |b| b, |&b, a| distance(a, b))
    }

    /// [`Comparisons::par_new`] with something made of every picture once, by `prepare(b)`, for all pairs (a, b), a < b.
    ///
    /// # Errors
    /// As [`Comparisons::new`].
    #[cfg(feature = "rayon")]
    pub fn par_prepared<Probe>(
        samples: Vec<Sample>,
        prepare: impl Fn(usize) -> Probe + Sync,
        distance: impl Fn(&Probe, usize) -> Option<f64> + Sync,
    ) -> Result<Self, EvaluationError> {
        use rayon::prelude::*;
        let mut comparisons = Self::begin(samples)?;
        let rows: Vec<_> = rows(&mut comparisons.distances).collect();
        // The longest rows first, so that no thread is left alone with one at the end.
        rows.into_par_iter().rev().with_max_len(1).try_for_each(|(b, row)| {
            let probe = prepare(b);
            fill(b, row, |a, _| distance(&probe, a))
        })?;
        Ok(comparisons)
    }

    fn begin(samples: Vec<Sample>) -> Result<Self, EvaluationError> {
        let count = samples.len();
        if count > Self::MAX_SAMPLES {
            return Err(EvaluationError::TooManySamples { found: count, most: Self::MAX_SAMPLES });
        }
        let mut owners = std::collections::HashMap::with_capacity(count);
        for (b, sample) in samples.iter().enumerate() {
            let (a, person) = *owners.entry(sample.class).or_insert((b, sample.person));
            if person != sample.person {
                return Err(EvaluationError::TwoOwners { a, b });
            }
        }
        Ok(Self { distances: vec![f32::INFINITY; count * count.saturating_sub(1) / 2], samples })
    }

    /// The pictures.
    #[must_use]
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// Every pair once: a, b, and their distance if there is one; a < b, ordered by b and then by a.
    pub fn pairs(&self) -> impl Iterator<Item = (usize, usize, Option<f32>)> + '_ {
        let pairs = (0..self.samples.len()).flat_map(|b| (0..b).map(move |a| (a, b)));
        pairs.zip(&self.distances).map(|((a, b), &distance)| (a, b, Some(distance).filter(|d| d.is_finite())))
    }
}

/// The rows of the triangle, each with its number b: room for the pairs (0, b) to (b − 1, b).
fn rows(mut distances: &mut [f32]) -> impl Iterator<Item = (usize, &mut [f32])> {
    let mut b = 0;
    core::iter::from_fn(move || {
        b += 1;
        let row = distances.split_off_mut(..b)?;
        Some((b, row))
    })
}

fn fill(
    b: usize,
    row: &mut [f32],
    mut distance: impl FnMut(usize, usize) -> Option<f64>,
) -> Result<(), EvaluationError> {
    for (a, place) in row.iter_mut().enumerate() {
        let Some(distance) = distance(a, b) else { continue };
        let kept = distance as f32;
        if !kept.is_finite() {
            return Err(EvaluationError::NotFinite { a, b, distance });
        }
        *place = kept;
    }
    Ok(())
}
