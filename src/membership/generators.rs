//! The points that every commitment is made of.
//!
//! Nobody knows a discrete logarithm between any two of them, because each is the output of a hash
//! to the group. The vector is the one of the `bulletproofs` crate (`BulletproofGens::share(0)`), so
//! that its derivation has been read by others; a test holds the two equal.

use alloc::vec::Vec;

use curve25519_dalek::constants::RISTRETTO_BASEPOINT_COMPRESSED;
use curve25519_dalek::ristretto::RistrettoPoint;
use sha2::{Digest, Sha512};
use sha3::digest::{ExtendableOutput, Update, XofReader};
use sha3::{Sha3_512, Shake256};

use crate::scalar::SUITE;

/// Label of the point that carries the value of the linear form.
const FORM_LABEL: &[u8] = b"/linear form generator";

/// Independent points: one per vector position, one to hide, one for the value of a linear form.
pub(super) struct Generators {
    /// One point per position of the committed vectors.
    pub(super) vector: Vec<RistrettoPoint>,
    /// The point that blinding factors multiply.
    pub(super) blinding: RistrettoPoint,
    /// The point that the claimed value of the linear form multiplies.
    pub(super) form: RistrettoPoint,
}

impl Generators {
    /// Derives the points for vectors of `length` positions.
    pub(super) fn new(length: usize) -> Self {
        let mut chain = Shake256::default();
        chain.update(b"GeneratorsChain");
        // 'G' and the party number 0 as 32 bits, little endian: the first party's chain of `bulletproofs`.
        chain.update(b"G\0\0\0\0");
        let mut stream = chain.finalize_xof();
        let vector = (0..length)
            .map(|_| {
                let mut uniform = [0; 64];
                stream.read(&mut uniform);
                RistrettoPoint::from_uniform_bytes(&uniform)
            })
            .collect();

        let blinding: [u8; 64] = <Sha3_512 as Digest>::digest(RISTRETTO_BASEPOINT_COMPRESSED.as_bytes()).into();
        let form: [u8; 64] = Sha512::new().chain_update(SUITE).chain_update(FORM_LABEL).finalize().into();
        Self {
            vector,
            blinding: RistrettoPoint::from_uniform_bytes(&blinding),
            form: RistrettoPoint::from_uniform_bytes(&form),
        }
    }

    /// Hashes every point into `digest`, in the order of the fields.
    pub(super) fn absorb_into(&self, digest: &mut Sha512) {
        for point in self.vector.iter().chain([&self.blinding, &self.form]) {
            Digest::update(digest, point.compress().as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_bulletproofs_crate() {
        let ours = Generators::new(256);
        let theirs = bulletproofs::BulletproofGens::new(256, 1);
        let theirs: Vec<_> = theirs.share(0).G(256).copied().collect();
        assert_eq!(ours.vector, theirs);
        assert_eq!(ours.blinding, bulletproofs::PedersenGens::default().B_blinding);
    }

    #[test]
    fn no_point_appears_twice() {
        let ours = Generators::new(256);
        let mut encodings: Vec<_> = ours.vector.iter().map(|point| point.compress().to_bytes()).collect();
        encodings.push(ours.blinding.compress().to_bytes());
        encodings.push(ours.form.compress().to_bytes());
        encodings.push(RISTRETTO_BASEPOINT_COMPRESSED.to_bytes());
        encodings.push([0; 32]);
        encodings.sort_unstable();
        encodings.dedup();
        assert_eq!(encodings.len(), 256 + 4);
    }
}
