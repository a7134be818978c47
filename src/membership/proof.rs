//! The proof and its bytes.

use alloc::vec::Vec;
use core::fmt;

use super::commitment::Point;
use super::inner_product::{FINAL_LENGTH, InnerProductProof, ROUNDS as FOLDS};
use super::relation::{COMMITTED_SLOTS, Evaluations, ROW_DIGITS, SLOT_DIGITS};
use super::version::ProofVersion;
use crate::scalar::Scalar;

/// Rounds of the first sum: the digits of slot and row.
pub(super) const GATE_ROUNDS: usize = SLOT_DIGITS + ROW_DIGITS;
/// Rounds of the second sum: the digits of the slot.
pub(super) const SLOT_ROUNDS: usize = SLOT_DIGITS;

/// Points and scalars of an encoded proof.
const ELEMENTS: usize = COMMITTED_SLOTS + GATE_ROUNDS + 4 + SLOT_ROUNDS + 3 + 2 * FOLDS + FINAL_LENGTH;

/// A proof that the holder of some leaf made a [`Statement`](super::Statement).
///
/// It tells nothing beyond the truth of the statement, and it is worth nothing for any other one. Do not
/// use it as a key: replay protection belongs to the nullifier, because its holder can make as many
/// different proofs of one statement as they like.
///
/// # Encoding
///
/// Exactly [`MembershipProof::BYTES`] bytes. Points are canonical ristretto255 encodings other than the
/// identity; scalars are 32 bytes, little endian, below the group order.
///
/// ```text
/// offset  bytes  content
///      0      1  version, 1
///      1    448  W   14 commitments to the columns of a slot
///    449    192  P    6 commitments to the rounds of the first sum
///    641    128  a, b, e, d   evaluations at the random point
///    769     64  Q    2 commitments to the rounds of the second sum
///    833     32  S    commitment to the mask
///    865     32  c    linear form of the mask
///    897     32  ζ    blinding of the masked vector
///    929    384  L, R   6 pairs of the inner-product argument
///   1313    128  z    4 values of the folded vector
///   1441
/// ```
#[derive(Clone)]
#[doc(alias = "SemaphoreProof")]
pub struct MembershipProof {
    pub(super) columns: [Point; COMMITTED_SLOTS],
    pub(super) gate_rounds: [Point; GATE_ROUNDS],
    pub(super) evaluations: Evaluations,
    pub(super) slot_rounds: [Point; SLOT_ROUNDS],
    pub(super) mask: Point,
    pub(super) mask_value: Scalar,
    pub(super) zeta: Scalar,
    pub(super) inner_product: InnerProductProof,
}

/// Why bytes are not a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofDecodeError {
    /// The proof is of a version that this crate does not know.
    #[error(
        "proof version {found} is not supported, only version {}; update the verifier or the prover",
        ProofVersion::CURRENT
    )]
    UnsupportedVersion {
        /// The version byte found.
        found: u8,
    },
    /// The proof is truncated or padded.
    #[error("proof has {found} bytes, not {}; it was truncated or something follows it", MembershipProof::BYTES)]
    Length {
        /// The number of bytes found.
        found: usize,
    },
    /// A point is not in its canonical encoding, or is the identity.
    #[error("proof has no valid point at byte {offset}; it was damaged or forged")]
    Point {
        /// Where the encoding of the point begins.
        offset: usize,
    },
    /// A scalar is not below the group order.
    #[error("proof has no canonical scalar at byte {offset}; it was damaged or forged")]
    Scalar {
        /// Where the encoding of the scalar begins.
        offset: usize,
    },
}

impl ProofDecodeError {
    /// A stable name of the reason, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnsupportedVersion { .. } => "proof_version_unsupported",
            Self::Length { .. } => "proof_length",
            Self::Point { .. } => "proof_point_invalid",
            Self::Scalar { .. } => "proof_scalar_invalid",
        }
    }
}

impl MembershipProof {
    /// The length of every encoded proof.
    pub const BYTES: usize = 1 + 32 * ELEMENTS;

    /// The version of this proof.
    #[must_use]
    pub fn version(&self) -> ProofVersion {
        ProofVersion::V1
    }

    /// The one encoding of this proof, drawn above.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[0] = self.version().to_byte();
        let mut elements = bytes[1..].chunks_exact_mut(32);
        let mut write = |element: &[u8; 32]| {
            elements.next().expect("BYTES counts every element").copy_from_slice(element);
        };
        self.columns.iter().for_each(|point| write(point.as_bytes()));
        self.gate_rounds.iter().for_each(|point| write(point.as_bytes()));
        let Evaluations { a, b, e, d } = &self.evaluations;
        [a, b, e, d].into_iter().for_each(|scalar| write(&scalar.to_bytes()));
        self.slot_rounds.iter().for_each(|point| write(point.as_bytes()));
        write(self.mask.as_bytes());
        write(&self.mask_value.to_bytes());
        write(&self.zeta.to_bytes());
        for (low, high) in &self.inner_product.folds {
            write(low.as_bytes());
            write(high.as_bytes());
        }
        self.inner_product.last.iter().for_each(|scalar| write(&scalar.to_bytes()));
        bytes
    }

    /// Reads a proof.
    ///
    /// # Errors
    ///
    /// [`ProofDecodeError`] for another version, another length, and every element that is not in its one
    /// canonical encoding. What is accepted here can still be a false proof.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProofDecodeError> {
        // The version comes first: a proof of another version may well have another length.
        let (&version, body) = bytes.split_first().ok_or(ProofDecodeError::Length { found: 0 })?;
        if ProofVersion::from_byte(version) != Some(ProofVersion::V1) {
            return Err(ProofDecodeError::UnsupportedVersion { found: version });
        }
        let (elements, rest) = body.as_chunks::<32>();
        if elements.len() != ELEMENTS || !rest.is_empty() {
            return Err(ProofDecodeError::Length { found: bytes.len() });
        }
        let mut reader = Reader { elements, next: 0 };
        Ok(Self {
            columns: reader.points()?,
            gate_rounds: reader.points()?,
            evaluations: Evaluations {
                a: reader.scalar()?,
                b: reader.scalar()?,
                e: reader.scalar()?,
                d: reader.scalar()?,
            },
            slot_rounds: reader.points()?,
            mask: reader.point()?,
            mask_value: reader.scalar()?,
            zeta: reader.scalar()?,
            inner_product: InnerProductProof {
                folds: {
                    let points: [Point; 2 * FOLDS] = reader.points()?;
                    core::array::from_fn(|round| (points[2 * round], points[2 * round + 1]))
                },
                last: [reader.scalar()?, reader.scalar()?, reader.scalar()?, reader.scalar()?],
            },
        })
    }
}

/// Reads elements in order. The number of elements has been checked.
struct Reader<'a> {
    elements: &'a [[u8; 32]],
    next: usize,
}

impl Reader<'_> {
    fn element(&mut self) -> (usize, &[u8; 32]) {
        let place = self.next;
        self.next += 1;
        (1 + 32 * place, &self.elements[place])
    }

    fn point(&mut self) -> Result<Point, ProofDecodeError> {
        let (offset, bytes) = self.element();
        Point::from_bytes(bytes).ok_or(ProofDecodeError::Point { offset })
    }

    fn points<const N: usize>(&mut self) -> Result<[Point; N], ProofDecodeError> {
        let points: Vec<Point> = (0..N).map(|_| self.point()).collect::<Result<_, _>>()?;
        Ok(points.try_into().unwrap_or_else(|_| unreachable!("N points were read")))
    }

    fn scalar(&mut self) -> Result<Scalar, ProofDecodeError> {
        let (offset, bytes) = self.element();
        Scalar::from_bytes(bytes).map_err(|_| ProofDecodeError::Scalar { offset })
    }
}

/// Equal proofs have equal bytes.
impl PartialEq for MembershipProof {
    fn eq(&self, other: &Self) -> bool {
        self.to_bytes() == other.to_bytes()
    }
}

impl Eq for MembershipProof {}

/// The version and the first bytes: a proof is public, but long.
impl fmt::Debug for MembershipProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MembershipProof")
            .field("version", &self.version())
            .field("begins", &format_args!("{:02x?}", &self.columns[0].as_bytes()[..4]))
            .finish_non_exhaustive()
    }
}
