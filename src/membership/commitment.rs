//! Pedersen commitments to vectors of secrets.
//!
//! C = Σ vᵢ·Gᵢ + ω·H. Perfectly hiding for uniform ω; binding while nobody knows a relation between the
//! generators. The time depends on how many positions are committed, never on their values.

use alloc::vec::Vec;

use curve25519_dalek::Scalar as DalekScalar;
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::traits::{Identity, MultiscalarMul};
use subtle::{Choice, ConditionallySelectable};
use zeroize::Zeroizing;

use crate::scalar::Scalar;

/// A point of a proof beside its encoding, so that neither is computed twice.
#[derive(Clone, Copy)]
pub(super) struct Point {
    point: RistrettoPoint,
    encoding: CompressedRistretto,
}

impl Point {
    /// Reads the one canonical encoding of a point; the identity is refused.
    ///
    /// An honest proof has the identity somewhere with probability 2^-247; a forger has no use for it,
    /// but a verifier need not think about it if it never comes in.
    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        // The canonical encoding of the identity is zero, and no other encoding decompresses to it.
        if *bytes == [0; 32] {
            return None;
        }
        let encoding = CompressedRistretto(*bytes);
        encoding.decompress().map(|point| Self { point, encoding })
    }

    /// The point.
    pub(super) fn point(&self) -> &RistrettoPoint {
        &self.point
    }

    /// Its canonical encoding.
    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        self.encoding.as_bytes()
    }
}

impl From<RistrettoPoint> for Point {
    fn from(point: RistrettoPoint) -> Self {
        Self { point, encoding: point.compress() }
    }
}

/// A commitment to values at the positions of points that has yet to be computed, in one piece or in several.
pub(super) struct Commitment {
    points: Vec<RistrettoPoint>,
    /// Copies of secrets: wiped when this is dropped.
    scalars: Zeroizing<Vec<DalekScalar>>,
}

impl Commitment {
    /// The commitment to `values` at the positions of `points`.
    ///
    /// # Panics
    ///
    /// If there are not as many points as values: a slip of the caller's layout, never outside data.
    pub(super) fn new<'a>(
        points: impl IntoIterator<Item = &'a RistrettoPoint>,
        values: impl IntoIterator<Item = Scalar>,
        blinding_point: &RistrettoPoint,
        blinding: &Scalar,
    ) -> Self {
        let points: Vec<RistrettoPoint> = points.into_iter().copied().chain([*blinding_point]).collect();
        let mut scalars = Zeroizing::new(Vec::with_capacity(points.len()));
        scalars.extend(values.into_iter().map(|value| value.to_dalek()));
        scalars.push(blinding.to_dalek());
        assert_eq!(points.len(), scalars.len(), "one point per committed value");
        Self { points, scalars }
    }

    /// One of `count` parts, whose sum is the commitment, in time independent of the values.
    pub(super) fn part(&self, number: usize, count: usize) -> RistrettoPoint {
        let length = self.points.len().div_ceil(count);
        let start = (number * length).min(self.points.len());
        let end = (start + length).min(self.points.len());
        RistrettoPoint::multiscalar_mul(&self.scalars[start..end], &self.points[start..end])
    }
}

/// A commitment in one piece.
#[cfg(test)]
pub(super) fn commit<'a>(
    points: impl IntoIterator<Item = &'a RistrettoPoint>,
    values: impl IntoIterator<Item = Scalar>,
    blinding_point: &RistrettoPoint,
    blinding: &Scalar,
) -> RistrettoPoint {
    Commitment::new(points, values, blinding_point, blinding).part(0, 1)
}

/// Σ bᵢ·Gᵢ for secret bits, by selection instead of multiplication.
///
/// An addition per bit whatever its value, some forty times cheaper than a multiplication.
pub(super) fn select_sum<'a>(
    points: impl IntoIterator<Item = &'a RistrettoPoint>,
    bits: impl IntoIterator<Item = Choice>,
) -> RistrettoPoint {
    let identity = RistrettoPoint::identity();
    points
        .into_iter()
        .zip(bits)
        .fold(identity, |sum, (point, bit)| sum + RistrettoPoint::conditional_select(&identity, point, bit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selecting_and_multiplying_agree() {
        let generators = super::super::generators::Generators::new(9);
        let bits = [1u8, 0, 1, 1, 0, 0, 1, 0, 1];
        let blinding = Scalar::from(7);
        let values = bits.map(|bit| Scalar::from(u64::from(bit)));
        let multiplied = commit(&generators.vector, values, &generators.blinding, &blinding);
        let selected =
            select_sum(&generators.vector, bits.map(Choice::from)) + commit([], [], &generators.blinding, &blinding);
        assert_eq!(multiplied, selected);
        // Also in parts, some of them empty.
        let whole = Commitment::new(&generators.vector, values, &generators.blinding, &blinding);
        for count in [1, 2, 3, 4, 7, 10, 12] {
            let sum: RistrettoPoint = (0..count).map(|part| whole.part(part, count)).sum();
            assert_eq!(sum, multiplied, "{count} parts");
        }
        let naive = generators
            .vector
            .iter()
            .zip(values)
            .fold(generators.blinding * blinding.to_dalek(), |sum, (point, value)| sum + point * value.to_dalek());
        assert_eq!(multiplied, naive);
    }
}
