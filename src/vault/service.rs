//! Whoever holds a master key: this process, or a service that never gives it away.

use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

use super::aead;
use super::{KeyId, KeyMaterial, KeyServiceError, MasterKey};

/// Wraps and unwraps the keys of a keyring.
///
/// [`MasterKey`] does it in this process. A deployment with a hardware module or a key service implements the trait for
/// it: a keyring has a handful of entries, so opening a registry takes as many calls, whatever its size.
///
/// `context` says what the key is for (registry, kind, number); unwrapping for another context must fail. Services
/// call it "additional authenticated data" or "encryption context".
pub trait KeyService {
    /// Which key this is. It is stored in clear beside everything that it wraps.
    fn id(&self) -> KeyId;

    /// Encrypts a key; at most 1,024 bytes come out.
    ///
    /// # Errors
    ///
    /// [`KeyServiceError`].
    fn wrap(&self, key: &KeyMaterial, context: &[u8], rng: &mut dyn CryptoRngCore) -> Result<Vec<u8>, KeyServiceError>;

    /// Decrypts what [`Self::wrap`] made for the same context.
    ///
    /// # Errors
    ///
    /// [`KeyServiceError::Refused`] for anything else.
    fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<KeyMaterial, KeyServiceError>;
}

/// As many bytes as a wrapped key may have in a keyring.
pub(super) const MAXIMUM_WRAPPED: usize = 1024;

impl KeyService for MasterKey {
    fn id(&self) -> KeyId {
        self.id()
    }

    fn wrap(&self, key: &KeyMaterial, context: &[u8], rng: &mut dyn CryptoRngCore) -> Result<Vec<u8>, KeyServiceError> {
        let mut wrapped = Vec::new();
        aead::seal(self.material(), context, key.expose(), rng, &mut wrapped);
        Ok(wrapped)
    }

    fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<KeyMaterial, KeyServiceError> {
        let content = aead::open(self.material(), context, wrapped).map_err(|_| KeyServiceError::Refused)?;
        let mut key = Zeroizing::new([0; KeyMaterial::BYTES]);
        if content.len() != key.len() {
            return Err(KeyServiceError::Refused);
        }
        key.copy_from_slice(&content);
        Ok(KeyMaterial::new(&key))
    }
}
