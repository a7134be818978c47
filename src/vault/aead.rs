//! XChaCha20-Poly1305 in place, with the buffers sized beforehand so that no copy is left by a growing vector.

use chacha20poly1305::{AeadInPlace, KeyInit, Tag, XChaCha20Poly1305, XNonce};
use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

use super::KeyMaterial;

/// Bytes of a nonce. 24 are enough to draw them at random: after 2^80 messages two are equal with probability 2^-32.
pub(super) const NONCE: usize = 24;
/// Bytes of the tag.
pub(super) const TAG: usize = 16;

/// The tag did not fit. Which of key, nonce, associated data or content was wrong, nobody can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused;

/// Appends nonce ‖ ciphertext ‖ tag to `out`.
pub(super) fn seal(key: &KeyMaterial, context: &[u8], content: &[u8], rng: &mut dyn CryptoRngCore, out: &mut Vec<u8>) {
    let mut nonce = [0; NONCE];
    rng.fill_bytes(&mut nonce);
    seal_with(key, &nonce, context, content, out);
}

pub(super) fn seal_with(key: &KeyMaterial, nonce: &[u8; NONCE], context: &[u8], content: &[u8], out: &mut Vec<u8>) {
    // Reserved in one go: the plain bytes lie in `out` until they are encrypted there, and must not be moved.
    out.reserve(NONCE + content.len() + TAG);
    out.extend_from_slice(nonce);
    let start = out.len();
    out.extend_from_slice(content);
    let tag = XChaCha20Poly1305::new(key.expose().into())
        .encrypt_in_place_detached(XNonce::from_slice(nonce), context, &mut out[start..])
        .expect("contents are far below the 256 GiB of one ChaCha20 stream");
    out.extend_from_slice(&tag);
}

/// The content of nonce ‖ ciphertext ‖ tag, in memory that is wiped when dropped.
pub(super) fn open(key: &KeyMaterial, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Refused> {
    let (nonce, rest) = sealed.split_first_chunk::<NONCE>().ok_or(Refused)?;
    let (content, tag) = rest.split_last_chunk::<TAG>().ok_or(Refused)?;
    let mut content = Zeroizing::new(content.to_vec());
    XChaCha20Poly1305::new(key.expose().into())
        .decrypt_in_place_detached(XNonce::from_slice(nonce), context, &mut content, Tag::from_slice(tag))
        .map_err(|_| Refused)?;
    Ok(content)
}
