//! Keys of logs and of witnesses: Ed25519, with a name, in the text forms of C2SP signed notes.

use core::fmt;
use core::marker::PhantomData;
use core::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use rand_core::CryptoRngCore;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::LogError;

/// Bytes of an Ed25519 signature.
pub(super) const SIGNATURE: usize = 64;
/// Names are addresses without a scheme; more than this is none.
const LONGEST_NAME: usize = 255;

/// Signs checkpoints: signature type 0x01 of C2SP signed notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogRole {}
/// Cosigns checkpoints: signature type 0x04, "cosignature/v1" of C2SP tlog-cosignature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WitnessRole {}

/// What a key is for.
pub trait Role: private::Sealed {
    /// The type of its signatures in C2SP signed notes.
    const ALGORITHM: u8;
}

mod private {
    pub trait Sealed {}
    impl Sealed for super::LogRole {}
    impl Sealed for super::WitnessRole {}
}

impl Role for LogRole {
    const ALGORITHM: u8 = 1;
}

impl Role for WitnessRole {
    const ALGORITHM: u8 = 4;
}

/// The key by which a log's checkpoints are recognised.
pub type LogPublicKey = PublicKey<LogRole>;
/// The key by which a witness' cosignatures are recognised.
pub type WitnessPublicKey = PublicKey<WitnessRole>;
/// The secret with which a log signs.
pub type LogSigningKey = SecretKey<LogRole>;
/// The secret with which a witness cosigns.
pub type WitnessSigningKey = SecretKey<WitnessRole>;

/// A name and the Ed25519 key that signs under it. Its text form is the one of C2SP signed notes:
/// `name+1234abcd+base64`.
pub struct PublicKey<R> {
    name: String,
    key: VerifyingKey,
    role: PhantomData<R>,
}

impl<R: Role> PublicKey<R> {
    /// The name. A log's is its origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The 32 bytes of the key.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// The four bytes that a signature line begins with.
    pub(super) fn id(&self) -> [u8; 4] {
        id(&self.name, R::ALGORITHM, &self.key.to_bytes())
    }

    /// Strictly: a key or a signature that several texts would verify under is refused.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), LogError> {
        let refused = || LogError::Signature { name: self.name.clone() };
        let signature = Signature::from_slice(signature).map_err(|_| refused())?;
        self.key.verify_strict(message, &signature).map_err(|_| refused())
    }
}

impl<R> Clone for PublicKey<R> {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), key: self.key, role: PhantomData }
    }
}

impl<R> PartialEq for PublicKey<R> {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.key == other.key
    }
}

impl<R> Eq for PublicKey<R> {}

impl<R: Role> fmt::Display for PublicKey<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = crate::bytes::to_hex(&self.id());
        let mut key = vec![R::ALGORITHM];
        key.extend(self.key.to_bytes());
        write!(f, "{}+{id}+{}", self.name, STANDARD.encode(key))
    }
}

impl<R: Role> fmt::Debug for PublicKey<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl<R: Role> FromStr for PublicKey<R> {
    type Err = LogError;

    fn from_str(text: &str) -> Result<Self, LogError> {
        let malformed = |detail: &str| LogError::malformed("public key", detail);
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id_text), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(malformed("it is name+id+key"));
        };
        let name = valid_name(name)?;
        // Base64 and hexadecimal have one spelling each here: the decoders refuse every other.
        let bytes = STANDARD.decode(key).map_err(|_| malformed("its last part is not base64"))?;
        let Some((algorithm, key)) = bytes.split_first() else {
            return Err(malformed("its last part is empty"));
        };
        if *algorithm != R::ALGORITHM {
            let (wanted, found) = (R::ALGORITHM, *algorithm);
            return Err(LogError::malformed(
                "public key",
                format!("its type is {found}, and {wanted} is needed (1 is a log's, 4 a witness')"),
            ));
        }
        let key = <[u8; 32]>::try_from(key).map_err(|_| malformed("the key is not 32 bytes"))?;
        let key = VerifyingKey::from_bytes(&key).map_err(|_| malformed("the key is no point of the curve"))?;
        if key.is_weak() {
            return Err(malformed("the key is of small order, anybody could sign with it"));
        }
        let public = Self { name, key, role: PhantomData };
        if crate::bytes::from_hex::<4>(id_text) != Ok(public.id()) {
            return Err(malformed("its id is not that of the name and the key: was it copied whole?"));
        }
        Ok(public)
    }
}

/// The secret half. It is wiped when dropped, and has no text form but the one for its file.
pub struct SecretKey<R> {
    name: String,
    key: SigningKey,
    role: PhantomData<R>,
}

impl<R: Role> SecretKey<R> {
    /// A new secret under a name.
    ///
    /// # Errors
    ///
    /// [`LogError::Malformed`] if the name is empty, too long, or has spaces, control characters or a plus.
    pub fn generate(name: &str, rng: &mut impl CryptoRngCore) -> Result<Self, LogError> {
        Ok(Self { name: valid_name(name)?, key: SigningKey::generate(rng), role: PhantomData })
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey<R> {
        PublicKey { name: self.name.clone(), key: self.key.verifying_key(), role: PhantomData }
    }

    /// The content of a secret file: `PRIVATE+KEY+name+id+base64` and a newline, as other programs for signed notes write it.
    #[must_use]
    pub fn to_file(&self) -> Zeroizing<String> {
        let mut seed = Zeroizing::new([R::ALGORITHM; 33]);
        seed[1..].copy_from_slice(Zeroizing::new(self.key.to_bytes()).as_slice());
        let id = crate::bytes::to_hex(&self.public().id());
        // Room for all of it at once: a string that grows leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(self.name.len() + 80));
        text.push_str("PRIVATE+KEY+");
        text.push_str(&self.name);
        text.push('+');
        text.push_str(&id);
        text.push('+');
        STANDARD.encode_string(seed.as_slice(), &mut text);
        text.push('\n');
        text
    }

    /// Reads what [`SecretKey::to_file`] wrote.
    ///
    /// # Errors
    ///
    /// [`LogError::Malformed`]; the text is never repeated in it.
    pub fn from_file(text: &[u8]) -> Result<Self, LogError> {
        let malformed = |detail: &str| LogError::malformed("secret key", detail);
        let text = core::str::from_utf8(text).map_err(|_| malformed("it is not text"))?;
        let line = text.strip_suffix('\n').unwrap_or(text);
        let parts = line.strip_prefix("PRIVATE+KEY+").ok_or_else(|| malformed("it begins with PRIVATE+KEY+"))?;
        let mut parts = parts.splitn(3, '+');
        let (Some(name), Some(id_text), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(malformed("it is PRIVATE+KEY+name+id+key"));
        };
        // 33 bytes are 44 characters; the decoder asks for room by threes.
        let mut bytes = Zeroizing::new([0; 36]);
        if key.len() != 44 || STANDARD.decode_slice(key, bytes.as_mut_slice()).ok() != Some(33) {
            return Err(malformed("its last part is not the base64 of 33 bytes"));
        }
        if bytes[0] != R::ALGORITHM {
            return Err(malformed("it is a key of another kind: 1 is a log's, 4 a witness'"));
        }
        let mut seed = Zeroizing::new([0; 32]);
        seed.copy_from_slice(&bytes[1..33]);
        let secret = Self { name: valid_name(name)?, key: SigningKey::from_bytes(&seed), role: PhantomData };
        if crate::bytes::from_hex::<4>(id_text) != Ok(secret.public().id()) {
            return Err(malformed("its id is not that of the name and the key: was it copied whole?"));
        }
        Ok(secret)
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; SIGNATURE] {
        self.key.sign(message).to_bytes()
    }
}

impl<R> fmt::Debug for SecretKey<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretKey").field("name", &self.name).finish_non_exhaustive()
    }
}

fn id(name: &str, algorithm: u8, key: &[u8; 32]) -> [u8; 4] {
    let hash = Sha256::new().chain_update(name).chain_update([b'\n', algorithm]).chain_update(key).finalize();
    [hash[0], hash[1], hash[2], hash[3]]
}

/// The rule of C2SP signed notes for the names of keys, and a limit.
pub(super) fn valid_name(name: &str) -> Result<String, LogError> {
    let wrong = |letter: char| letter.is_whitespace() || letter.is_control() || letter == '+';
    if name.is_empty() || name.len() > LONGEST_NAME || name.contains(wrong) {
        let detail = format!("it has 1 to {LONGEST_NAME} bytes, and no spaces, control characters or plus signs");
        return Err(LogError::malformed("name of a key", detail));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng as _;
    use signed_note::{Signer as _, StandardSigner, StandardVerifier, Verifier as _};

    use super::*;

    fn secret() -> LogSigningKey {
        LogSigningKey::generate("log.example/1", &mut ChaCha20Rng::seed_from_u64(1)).unwrap()
    }

    #[test]
    fn another_library_reads_our_keys_and_agrees_on_signatures() {
        let secret = secret();
        let theirs = StandardSigner::new(secret.to_file().trim_end()).unwrap();
        let judge = StandardVerifier::new(&secret.public().to_string()).unwrap();
        assert_eq!(theirs.name(), "log.example/1");
        assert_eq!(judge.key_id().to_be_bytes(), secret.public().id());
        assert_eq!(theirs.sign(b"text\n").unwrap(), secret.sign(b"text\n"));
        assert!(judge.verify(b"text\n", &secret.sign(b"text\n")));
    }

    #[test]
    fn keys_come_back_and_every_other_spelling_is_refused() {
        let secret = secret();
        let public = secret.public();
        assert_eq!(public.to_string().parse::<LogPublicKey>().unwrap(), public);
        let again = LogSigningKey::from_file(secret.to_file().as_bytes()).unwrap();
        assert_eq!(again.public(), public);
        assert!(!format!("{secret:?}").contains(&secret.to_file()[20..40]));

        let text = public.to_string();
        for place in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[place] ^= 1;
            let other = String::from_utf8(bytes).unwrap();
            assert!(other.parse::<LogPublicKey>().is_err(), "{other}");
        }
        for other in [format!("{text} "), format!(" {text}"), text.to_uppercase(), format!("{text}+"), "a+b".to_owned()]
        {
            assert!(other.parse::<LogPublicKey>().is_err(), "{other}");
        }
        assert!(text.parse::<WitnessPublicKey>().is_err(), "a log's key is no witness'");
        assert!(WitnessSigningKey::from_file(secret.to_file().as_bytes()).is_err());
        for name in ["", "a b", "a+b", "a\nb", &"n".repeat(256)] {
            assert!(LogSigningKey::generate(name, &mut ChaCha20Rng::seed_from_u64(1)).is_err(), "{name:?}");
        }
    }

    /// The identity of the curve is a key under which anybody can sign anything.
    #[test]
    fn weak_keys_are_refused() {
        let mut weak = [0_u8; 32];
        weak[0] = 1;
        let id = crate::bytes::to_hex(&id("log", 1, &weak));
        let text = format!("log+{id}+{}", STANDARD.encode([&[1], weak.as_slice()].concat()));
        assert!(StandardVerifier::new(&text).is_ok(), "the other library takes it");
        let error = text.parse::<LogPublicKey>().unwrap_err();
        assert!(error.to_string().contains("small order"), "{error}");
    }
}
