//! The keyed transform: bits that only one deployment can line up with an eye. [`DeploymentKey`] says how.

mod lanes;
mod permutation;
mod protected;

pub use protected::{HammingCounts, Incomparable, ProtectedFormatError, ProtectedProbe, ProtectedTemplate};

use core::fmt;

use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::KeyMaterial;
use crate::bytes::to_hex;
use crate::iris::{IrisCode, IrisTemplate, Layout, Mask, Rotation};
use permutation::{Permutation, Stream};

const SALT: &[u8] = b"personhood keyed transform v1";
const ID_LABEL: &[u8] = b"personhood deployment key id v1";

/// Which deployment's transform a template went through: 16 bytes that tell nothing of the key.
///
/// The first half of SHA-256("personhood deployment key id v1" ‖ K).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeploymentKeyId([u8; Self::BYTES]);

impl DeploymentKeyId {
    /// Bytes of an identifier.
    pub const BYTES: usize = 16;

    /// The bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; Self::BYTES] {
        self.0
    }
}

impl fmt::Display for DeploymentKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for DeploymentKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeploymentKeyId({self})")
    }
}

/// The key of one deployment's transform, made ready for both layouts; wiped when dropped.
///
/// With a key K of the deployment, a permutation P_K of the bits and a random code R_K,
///
/// ```text
/// stored code = P_K(code ⊕ R_K)        stored mask = P_K(mask)
/// ```
///
/// Two stored templates of one key disagree in exactly as many bits as the plain ones, and have exactly as many in common,
/// since R_K cancels and a permutation moves both sides alike. A turn of the head permutes the *plain* columns,
/// so a probe is turned first and transformed then, once for each rotation ([`DeploymentKey::probe`]). Under two keys one
/// eye is as far from itself as strangers are.
///
/// # How P_K and R_K follow from K
///
/// ```text
/// stream(use, columns) = ChaCha20 (RFC 8439), nonce 0, counter from 0, with the key
///                        HKDF-SHA-256(salt "personhood keyed transform v1", K, info = use ‖ columns as u16, little-endian)
/// R_K                  = stream("mask", C), the first 8 C bytes: one little-endian u64 per column
/// P_K                  = Fisher and Yates with rejection over stream("permutation", C), four bytes at a time:
///                        source = 0, 1, 2 … n − 1
///                        for i = n − 1 … 1: draw x until x < 2^32 − (2^32 mod (i + 1)); swap source[i], source[x mod (i + 1)]
/// stored bit i         = plain bit source[i], where bit 64 c + b is bit b of column c
/// ```
///
/// # What it is not
///
/// It is no encryption. Neighbouring bits of an iris agree more often than distant ones, so somebody with thousands of stored
/// templates of one deployment can find from their statistics which places were neighbours. It also leaves the number of
/// usable bits as it is. That is why the transformed template lies inside the encryption, as the second lock.
pub struct DeploymentKey {
    id: DeploymentKeyId,
    /// In the order of [`Layout::ALL`].
    permutations: [Permutation; 2],
    masks: [Zeroizing<Vec<u64>>; 2],
}

impl DeploymentKey {
    /// Shuffles; a quarter of a millisecond.
    #[must_use]
    pub fn new(key: &KeyMaterial) -> Self {
        let digest = Sha256::new().chain_update(ID_LABEL).chain_update(key.expose()).finalize();
        let mut id = [0; DeploymentKeyId::BYTES];
        id.copy_from_slice(&digest[..DeploymentKeyId::BYTES]);
        let kdf = Hkdf::<Sha256>::new(Some(SALT), key.expose());
        let stream = |purpose: &[u8], layout: Layout| {
            let columns = u16::try_from(layout.columns()).expect("a layout has at most 256 columns").to_le_bytes();
            let mut seed = Zeroizing::new([0; 32]);
            kdf.expand_multi_info(&[purpose, &columns], seed.as_mut_slice())
                .expect("32 bytes are fewer than the 8160 that SHA-256 expands to");
            Stream::new(&seed)
        };
        Self {
            id: DeploymentKeyId(id),
            permutations: Layout::ALL
                .map(|layout| Permutation::draw(layout.bits(), &mut stream(b"permutation", layout))),
            masks: Layout::ALL.map(|layout| stream(b"mask", layout).words(layout.columns())),
        }
    }

    /// Which key this is.
    #[must_use]
    pub const fn id(&self) -> DeploymentKeyId {
        self.id
    }

    /// P_K(code ⊕ R_K), P_K(mask).
    #[must_use]
    pub fn protect(&self, template: &IrisTemplate) -> ProtectedTemplate {
        let mut protected = self.protect_all(&[template]);
        protected.pop().expect("one template gives one")
    }

    /// As [`Self::protect`] for many at once: sixty-four take hardly longer than one.
    ///
    /// The templates may be of either layout.
    #[must_use]
    pub fn protect_all(&self, templates: &[&IrisTemplate]) -> Vec<ProtectedTemplate> {
        self.map(templates, |number, planes| {
            for code in &mut planes[0] {
                xor(code, &self.masks[number]);
            }
            self.permutations[number].apply(planes);
        })
        .into_iter()
        .map(|bits| ProtectedTemplate::new(self.id, bits))
        .collect()
    }

    /// The plain template again.
    ///
    /// # Errors
    ///
    /// [`Incomparable::Key`] if it is of another deployment.
    pub fn reveal(&self, protected: &ProtectedTemplate) -> Result<IrisTemplate, Incomparable> {
        let mut plain = self.reveal_all(&[protected])?;
        Ok(plain.pop().expect("one template gives one"))
    }

    /// As [`Self::reveal`] for many at once: sixty-four take hardly longer than one.
    ///
    /// # Errors
    ///
    /// [`Incomparable::Key`] if one is of another deployment; none is revealed then.
    pub fn reveal_all(&self, protected: &[&ProtectedTemplate]) -> Result<Vec<IrisTemplate>, Incomparable> {
        for template in protected {
            if template.key() != self.id {
                return Err(Incomparable::Key { probe: self.id, reference: template.key() });
            }
        }
        let bits: Vec<&IrisTemplate> = protected.iter().map(|template| template.bits()).collect();
        Ok(self.map(&bits, |number, planes| {
            self.permutations[number].undo(planes);
            for code in &mut planes[0] {
                xor(code, &self.masks[number]);
            }
        }))
    }

    /// A probe that can be held against protected templates of this deployment: turned first, then transformed.
    #[must_use]
    pub fn probe(&self, template: &IrisTemplate, maximum_rotation: u8) -> ProtectedProbe {
        let furthest = i16::from(maximum_rotation);
        let turned: Vec<IrisTemplate> =
            (-furthest..=furthest).map(|columns| template.rotated(Rotation::new(columns))).collect();
        ProtectedProbe::new(self.protect_all(&turned.iter().collect::<Vec<_>>()))
    }

    /// Applies `work` to the planes of all templates of one layout at a time. The planes are codes, then masks.
    fn map(
        &self,
        templates: &[&IrisTemplate],
        work: impl Fn(usize, &mut [Vec<Zeroizing<Vec<u64>>>; 2]),
    ) -> Vec<IrisTemplate> {
        let mut done: Vec<Option<IrisTemplate>> = templates.iter().map(|_| None).collect();
        for (number, layout) in Layout::ALL.into_iter().enumerate() {
            let places: Vec<usize> =
                (0..templates.len()).filter(|place| templates[*place].layout() == layout).collect();
            for places in places.chunks(lanes::LANES) {
                let copies = |plane: fn(&IrisTemplate) -> &[u64]| -> Vec<Zeroizing<Vec<u64>>> {
                    places.iter().map(|place| Zeroizing::new(plane(templates[*place]).to_vec())).collect()
                };
                let mut planes =
                    [copies(|template| template.code().columns()), copies(|template| template.mask().columns())];
                work(number, &mut planes);
                let [codes, masks] = planes;
                for ((place, mut code), mut mask) in places.iter().zip(codes).zip(masks) {
                    // Handed over, not copied: what is left behind is empty.
                    let code = IrisCode::from_columns(layout, core::mem::take(&mut *code));
                    let mask = Mask::from_columns(layout, core::mem::take(&mut *mask));
                    let right = "as many columns as the template had";
                    let bits = IrisTemplate::new(code.expect(right), mask.expect(right), templates[*place].encoder());
                    done[*place] = Some(bits.expect("code and mask have one layout"));
                }
            }
        }
        done.into_iter().map(|template| template.expect("every template has one of the layouts")).collect()
    }
}

fn xor(code: &mut [u64], mask: &[u64]) {
    for (word, mask) in code.iter_mut().zip(mask) {
        *word ^= mask;
    }
}
