//! Identities: a holder's secrets, what is published of them, and what the registry says about it.
//!
//! ```text
//! holder      (s, t) ──P9, tag 1──▶ commitment ┐
//! registry    credential: issued, expires, assurance ┴──P9, tag 4──▶ leaf of the tree
//! ```
//!
//! Two hashes and not one, because two parties write: the registry sets, renews and shortens a credential without
//! ever learning the secret, and the holder cannot change it without leaving the tree.

use core::fmt;

use rand_core::CryptoRngCore;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::poseidon::{Domain, hash};
use crate::scalar::{Scalar, ScalarError, hash_to_scalar, public_scalar};

/// The largest time that a credential can carry, in seconds since 1970: 2^40 − 1, in the year 36812.
///
/// Times are compared inside the proof, and forty bits are what the proof compares.
pub const MAX_TIME: u64 = (1 << 40) - 1;

/// What only the holder knows: the secret behind one leaf.
///
/// It is made of two independent scalars. From the *nullifier secret* s follow the nullifiers of every scope; the
/// *trapdoor* t is used for nothing but to hide s in the commitment, so that somebody who learns s still cannot
/// show which commitment it belongs to.
///
/// # Safety of the secret
///
/// The scalars are wiped when the value is dropped. There is no `Debug`, no `Copy`, no `Clone` and no serialisation:
/// the one way out is [`IdentitySecret::to_bytes`]. What moves, spills and page files leave behind is not covered.
///
/// ```compile_fail,E0277
/// fn show(secret: personhood::identity::IdentitySecret) -> String {
///     format!("{secret:?}")
/// }
/// ```
/// ```compile_fail,E0382
/// fn twice(secret: personhood::identity::IdentitySecret) {
///     drop(secret);
///     drop(secret); // not `Copy`
/// }
/// ```
/// ```compile_fail,E0599
/// fn duplicate(secret: personhood::identity::IdentitySecret) -> personhood::identity::IdentitySecret {
///     secret.clone()
/// }
/// ```
/// ```compile_fail,E0277
/// fn send(secret: personhood::identity::IdentitySecret) -> String {
///     serde_json::to_string(&secret).unwrap()
/// }
/// ```
#[doc(alias = "trapdoor")]
pub struct IdentitySecret {
    nullifier_secret: Scalar,
    trapdoor: Scalar,
}

impl IdentitySecret {
    /// The length of the file format: see [`IdentitySecret::to_bytes`].
    pub const BYTES: usize = 69;

    /// The version of the file format that is written, and the only one that is read.
    pub const FORMAT_VERSION: u8 = 1;

    /// A new identity from a cryptographic random source.
    ///
    /// ```
    /// use personhood::identity::IdentitySecret;
    ///
    /// # #[cfg(feature = "std")] {
    /// let secret = IdentitySecret::generate(&mut rand_core::OsRng);
    /// println!("enrol me as {}", secret.commitment());
    /// # }
    /// ```
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRngCore) -> Self {
        Self { nullifier_secret: nonzero(rng), trapdoor: nonzero(rng) }
    }

    /// What the holder gives to the registry: P9(1; s, t, 0, 0, 0, 0, 0, 0).
    ///
    /// Hiding as long as Poseidon is one-way, binding as long as it is collision resistant.
    #[must_use]
    pub fn commitment(&self) -> IdentityCommitment {
        let mut inputs = [Scalar::ZERO; 8];
        inputs[0] = self.nullifier_secret;
        inputs[1] = self.trapdoor;
        let commitment = hash(Domain::Identity, &inputs);
        inputs.zeroize(); // a copy of both secrets
        IdentityCommitment(commitment)
    }

    /// The content of a secret file; wiped when dropped.
    ///
    /// ```text
    /// offset  bytes  content
    ///      0      1  version of the format: 1
    ///      1     32  nullifier secret s, little-endian, 0 < s < l
    ///     33     32  trapdoor t, little-endian, 0 < t < l
    ///     65      4  checksum: first bytes of the hash to a scalar of "secret-file" over bytes 0..65
    /// ```
    ///
    /// The checksum finds accidents, not attacks: who can write the file can write another identity.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; Self::BYTES]> {
        let mut bytes = Zeroizing::new([0; Self::BYTES]);
        bytes[0] = Self::FORMAT_VERSION;
        bytes[1..33].copy_from_slice(Zeroizing::new(self.nullifier_secret.to_bytes()).as_slice());
        bytes[33..65].copy_from_slice(Zeroizing::new(self.trapdoor.to_bytes()).as_slice());
        let checksum = checksum(&bytes[..65]);
        bytes[65..].copy_from_slice(&checksum);
        bytes
    }

    /// Reads the content of a secret file, exactly as [`IdentitySecret::to_bytes`] writes it.
    ///
    /// # Errors
    ///
    /// [`IdentitySecretError`], which never repeats a byte of the secret. Wipe `bytes` afterwards.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, IdentitySecretError> {
        let bytes: &[u8; Self::BYTES] =
            bytes.try_into().map_err(|_| IdentitySecretError::Length { expected: Self::BYTES, found: bytes.len() })?;
        if bytes[0] != Self::FORMAT_VERSION {
            return Err(IdentitySecretError::Version { expected: Self::FORMAT_VERSION, found: bytes[0] });
        }
        if !bool::from(checksum(&bytes[..65]).ct_eq(&bytes[65..])) {
            return Err(IdentitySecretError::Checksum);
        }
        let secret = Self { nullifier_secret: part(&bytes[1..33])?, trapdoor: part(&bytes[33..65])? };
        Ok(secret)
    }

    /// s: determines every nullifier.
    pub(crate) fn nullifier_secret(&self) -> &Scalar {
        &self.nullifier_secret
    }

    /// t: hides s in the commitment.
    pub(crate) fn trapdoor(&self) -> &Scalar {
        &self.trapdoor
    }
}

impl Drop for IdentitySecret {
    fn drop(&mut self) {
        self.nullifier_secret.zeroize();
        self.trapdoor.zeroize();
    }
}

impl ZeroizeOnDrop for IdentitySecret {}

/// Zero is never drawn, because it is never read.
fn nonzero(rng: &mut impl CryptoRngCore) -> Scalar {
    loop {
        let scalar = Scalar::random(rng);
        if !bool::from(scalar.is_zero()) {
            return scalar;
        }
    }
}

/// One scalar of the file.
fn part(bytes: &[u8]) -> Result<Scalar, IdentitySecretError> {
    let mut array = Zeroizing::new([0; 32]);
    array.copy_from_slice(bytes);
    match Scalar::from_bytes(&array) {
        Ok(scalar) if !bool::from(scalar.is_zero()) => Ok(scalar),
        Ok(_) | Err(ScalarError::NotCanonical) => Err(IdentitySecretError::OutOfRange),
    }
}

fn checksum(body: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..] = hash_to_scalar(b"secret-file", &[body]).to_bytes();
    [a, b, c, d]
}

/// Why bytes are not a secret file. No variant carries a byte of the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentitySecretError {
    /// The file is too short or too long.
    #[error("secret file has {found} bytes instead of {expected}; it is cut off, or it is another kind of file")]
    Length {
        /// Bytes that the format has.
        expected: usize,
        /// Bytes that are there.
        found: usize,
    },
    /// The first byte names another version of the format.
    #[error("secret file has format version {found}, this release reads {expected}; use the release that wrote it")]
    Version {
        /// The version that is read.
        expected: u8,
        /// The version that is there.
        found: u8,
    },
    /// The last four bytes do not fit the others.
    #[error("checksum of the secret file is wrong: the file is damaged; restore it from a copy")]
    Checksum,
    /// A scalar is zero, or not below l.
    #[error("secret file holds a number that is zero or not reduced; no release writes that")]
    OutOfRange,
}

public_scalar!(
    /// What the world may know of a holder's secret: 32 bytes that hide it and bind to it.
    ///
    /// The registry stores it; two enrolments with one commitment are one holder.
    #[doc(alias = "identity")]
    IdentityCommitment
);

/// How thoroughly the registry looked before it enrolled somebody; more is more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Assurance(u8);

impl Assurance {
    /// Asks for nothing, as a bound; no credential that the registry issues is so low.
    pub const NONE: Self = Self(0);
    /// One eye was compared with the gallery.
    pub const ONE_EYE: Self = Self(1);
    /// Both eyes were compared with the gallery.
    pub const BOTH_EYES: Self = Self(2);

    /// Any level from 0 to 255; a registry may define levels above those named here.
    #[must_use]
    pub const fn new(level: u8) -> Self {
        Self(level)
    }

    /// The level as a number.
    #[must_use]
    pub const fn as_u8(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Assurance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What the registry says about the holder of a commitment.
///
/// All of it is private in a proof, which shows only that it keeps the bounds of the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "CredentialFields", into = "CredentialFields")
)]
pub struct Credential {
    issued_at: u64,
    expires_at: u64,
    assurance: Assurance,
}

impl Credential {
    /// A credential that holds from `issued_at` to `expires_at`, both in seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`CredentialError`] if a time is above [`MAX_TIME`], or expiry is before issue.
    pub const fn new(issued_at: u64, expires_at: u64, assurance: Assurance) -> Result<Self, CredentialError> {
        if expires_at > MAX_TIME {
            return Err(CredentialError::TooLate { seconds: expires_at });
        }
        if issued_at > expires_at {
            return Err(CredentialError::ExpiresBeforeIssue { issued_at, expires_at });
        }
        Ok(Self { issued_at, expires_at, assurance })
    }

    /// When the registry issued it, in seconds since 1970.
    #[must_use]
    pub const fn issued_at(&self) -> u64 {
        self.issued_at
    }

    /// When it ends, in seconds since 1970.
    #[must_use]
    pub const fn expires_at(&self) -> u64 {
        self.expires_at
    }

    /// How thoroughly the registry looked.
    #[must_use]
    pub const fn assurance(&self) -> Assurance {
        self.assurance
    }
}

/// Why numbers are not a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// A time is later than a credential can carry.
    #[error("time {seconds} is later than {MAX_TIME}; give seconds since 1970, not milliseconds")]
    TooLate {
        /// The time in seconds since 1970.
        seconds: u64,
    },
    /// The credential would end before it begins.
    #[error("credential expires at {expires_at}, before it is issued at {issued_at}")]
    ExpiresBeforeIssue {
        /// Issue in seconds since 1970.
        issued_at: u64,
        /// Expiry in seconds since 1970.
        expires_at: u64,
    },
}

#[cfg(feature = "serde")]
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct CredentialFields {
    issued_at: u64,
    expires_at: u64,
    assurance: Assurance,
}

#[cfg(feature = "serde")]
impl TryFrom<CredentialFields> for Credential {
    type Error = CredentialError;

    fn try_from(fields: CredentialFields) -> Result<Self, CredentialError> {
        Self::new(fields.issued_at, fields.expires_at, fields.assurance)
    }
}

#[cfg(feature = "serde")]
impl From<Credential> for CredentialFields {
    fn from(credential: Credential) -> Self {
        let Credential { issued_at, expires_at, assurance } = credential;
        Self { issued_at, expires_at, assurance }
    }
}

public_scalar!(
    /// A leaf of the tree: a commitment and its credential in one hash, or the empty leaf.
    Leaf
);

/// The hash to a scalar of "empty", computed once and for all; a test computes it again.
const EMPTY: Scalar =
    Scalar::from_limbs([0xf12e_ebec_4413_ad00, 0x9ef9_3fd9_b173_1ef4, 0xec4c_06ad_fe0e_6c5a, 0x080c_fbc9_996a_7a5f]);

impl Leaf {
    /// The leaf of an enrolled holder: P9(4; commitment, issued, expires, assurance, 0, 0, 0, 0).
    #[must_use]
    pub fn new(commitment: &IdentityCommitment, credential: &Credential) -> Self {
        let mut inputs = [Scalar::ZERO; 8];
        inputs[0] = commitment.0;
        inputs[1] = Scalar::from(credential.issued_at);
        inputs[2] = Scalar::from(credential.expires_at);
        inputs[3] = Scalar::from(u64::from(credential.assurance.0));
        Self(hash(Domain::Leaf, &inputs))
    }

    /// What fills every place of the tree that nobody holds: the hash to a scalar of "empty".
    ///
    /// It comes from another hash function, so nobody knows a commitment and a credential of it.
    #[must_use]
    pub const fn empty() -> Self {
        Self(EMPTY)
    }

    pub(crate) fn from_scalar(leaf: Scalar) -> Self {
        Self(leaf)
    }

    /// Whether the leaf can be somebody's: neither the empty leaf nor zero.
    #[must_use]
    pub fn is_member(&self) -> bool {
        *self != Self::empty() && !bool::from(self.0.is_zero())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use alloc::format;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    fn secret() -> IdentitySecret {
        IdentitySecret::generate(&mut ChaCha20Rng::seed_from_u64(1))
    }

    /// The file of a body with a right checksum, whatever the body says.
    fn file(version: u8, s: &[u8; 32], t: &[u8; 32]) -> [u8; IdentitySecret::BYTES] {
        let mut bytes = [0; IdentitySecret::BYTES];
        bytes[0] = version;
        bytes[1..33].copy_from_slice(s);
        bytes[33..65].copy_from_slice(t);
        let sum = checksum(&bytes[..65]);
        bytes[65..].copy_from_slice(&sum);
        bytes
    }

    #[test]
    fn secret_files_round_trip() {
        let secret = secret();
        let bytes = secret.to_bytes();
        let read = IdentitySecret::from_bytes(bytes.as_slice()).unwrap();
        assert_eq!(read.nullifier_secret, secret.nullifier_secret);
        assert_eq!(read.trapdoor, secret.trapdoor);
        assert_eq!(read.to_bytes(), bytes);
    }

    #[test]
    fn every_changed_bit_of_a_secret_file_is_found() {
        let bytes = secret().to_bytes();
        for bit in 0..8 * IdentitySecret::BYTES {
            let mut changed = *bytes;
            changed[bit / 8] ^= 1 << (bit % 8);
            let error = IdentitySecret::from_bytes(&changed).err();
            let expected = match bit {
                0..8 => IdentitySecretError::Version { expected: 1, found: changed[0] },
                _ => IdentitySecretError::Checksum,
            };
            assert_eq!(error, Some(expected), "bit {bit}");
        }
    }

    #[test]
    fn wrong_lengths_are_found_first() {
        let bytes = secret().to_bytes();
        for length in 0..IdentitySecret::BYTES {
            assert_eq!(
                IdentitySecret::from_bytes(&bytes[..length]).err(),
                Some(IdentitySecretError::Length { expected: 69, found: length })
            );
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert!(matches!(IdentitySecret::from_bytes(&longer), Err(IdentitySecretError::Length { found: 70, .. })));
    }

    #[test]
    fn numbers_out_of_range_are_refused_with_a_right_checksum() {
        let (zero, one, over) = ([0; 32], Scalar::ONE.to_bytes(), [0xff; 32]);
        assert!(IdentitySecret::from_bytes(&file(1, &one, &one)).is_ok());
        for (s, t) in [(&zero, &one), (&one, &zero), (&over, &one), (&one, &over)] {
            assert_eq!(IdentitySecret::from_bytes(&file(1, s, t)).err(), Some(IdentitySecretError::OutOfRange));
        }
        assert!(matches!(
            IdentitySecret::from_bytes(&file(2, &one, &one)),
            Err(IdentitySecretError::Version { found: 2, .. })
        ));
    }

    #[test]
    fn both_secrets_are_in_the_commitment_by_position() {
        let one = Scalar::ONE.to_bytes();
        let two = Scalar::from(2).to_bytes();
        let commitment = |s, t| IdentitySecret::from_bytes(&file(1, s, t)).unwrap().commitment();
        let all = [commitment(&one, &one), commitment(&one, &two), commitment(&two, &one), commitment(&two, &two)];
        for (index, commitment) in all.iter().enumerate() {
            assert!(!all[..index].contains(commitment));
        }
    }

    #[test]
    fn every_field_of_the_credential_is_in_the_leaf() {
        let commitment = secret().commitment();
        let other = IdentityCommitment(commitment.0 + Scalar::ONE);
        let leaf = |commitment, issued, expires, level| {
            Leaf::new(commitment, &Credential::new(issued, expires, Assurance::new(level)).unwrap())
        };
        let all = [
            leaf(&commitment, 5, 9, 1),
            leaf(&other, 5, 9, 1),
            leaf(&commitment, 6, 9, 1),
            leaf(&commitment, 5, 10, 1),
            leaf(&commitment, 5, 9, 2),
        ];
        for (index, leaf) in all.iter().enumerate() {
            assert!(leaf.is_member());
            assert!(!all[..index].contains(leaf));
        }
    }

    #[test]
    fn empty_and_zero_are_nobodys_leaf() {
        assert_eq!(Leaf::empty().0, hash_to_scalar(b"empty", &[]));
        assert!(!Leaf::empty().is_member());
        assert!(!Leaf::from_bytes(&[0; 32]).unwrap().is_member());
    }

    #[test]
    fn credentials_keep_their_limits() {
        let level = Assurance::BOTH_EYES;
        assert!(Credential::new(0, MAX_TIME, level).is_ok());
        assert!(Credential::new(MAX_TIME, MAX_TIME, level).is_ok());
        assert_eq!(Credential::new(0, MAX_TIME + 1, level), Err(CredentialError::TooLate { seconds: 1 << 40 }));
        assert_eq!(
            Credential::new(8, 7, level),
            Err(CredentialError::ExpiresBeforeIssue { issued_at: 8, expires_at: 7 })
        );
        // The remedy is in the message: milliseconds are the usual mistake.
        let error = Credential::new(0, 1_900_000_000_000, level).unwrap_err();
        assert!(format!("{error}").contains("milliseconds"));
    }

    #[cfg(feature = "serde")]
    #[test]
    fn credentials_in_json_are_checked() {
        let credential = Credential::new(5, 9, Assurance::ONE_EYE).unwrap();
        let json = serde_json::to_string(&credential).unwrap();
        assert_eq!(json, r#"{"issued_at":5,"expires_at":9,"assurance":1}"#);
        assert_eq!(serde_json::from_str::<Credential>(&json).unwrap(), credential);
        for wrong in [json.replace('9', "4"), json.replace(":1}", ":256}"), json.replace(":1}", ":1,\"x\":0}")] {
            assert!(serde_json::from_str::<Credential>(&wrong).is_err(), "{wrong}");
        }
    }
}
