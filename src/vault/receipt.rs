//! What a person gets who was erased: the registry's signature under the fact.

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{KeyMaterial, RegistryId};
use crate::bytes::{from_hex, to_hex};

/// Goes before everything that is signed, so that the signature is under nothing else.
const LABEL: &[u8] = b"personhood erasure receipt v1";
const FORMAT: &str = "personhood-erasure-receipt";
const VERSION: u32 = 1;
/// No receipt is longer; a reader refuses before it parses.
const MAXIMUM_BYTES: usize = 4096;

/// That a person was erased, by which change of which registry, and to which root.
///
/// A receipt says what the registry declares. Whoever holds the log of roots can check that the change is there; that no
/// copy was kept outside the registry, nobody can prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Whose.
    pub registry: RegistryId,
    /// Number of the person, which stays taken.
    pub person: u64,
    /// When, Unix seconds.
    pub at: u64,
    /// The change that took the leaf out of the tree.
    pub change: u64,
    /// The decision behind it.
    pub decision: u64,
    /// The root afterwards.
    pub root: [u8; 32],
}

/// An [`Erasure`] with the registry's Ed25519 signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErasureReceipt {
    erasure: Erasure,
    key: [u8; 32],
    signature: [u8; 64],
}

/// Why a receipt is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// The text is no receipt.
    #[error("not a receipt: {detail}")]
    Malformed {
        /// What is wrong with it.
        detail: String,
    },
    /// A receipt of another release.
    #[error("receipt of version {found}, and this release reads {supported}")]
    Version {
        /// Version given.
        found: u32,
        /// Version read here.
        supported: u32,
    },
    /// It was signed with another key than the one that is trusted.
    #[error("the receipt names the key {}, which is not the one that is trusted", to_hex(found))]
    OtherKey {
        /// Key that it names.
        found: [u8; 32],
    },
    /// The signature does not fit.
    #[error("the signature is not this key's under this receipt")]
    Signature,
}

impl ReceiptError {
    /// A stable word for this kind of error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "receipt_malformed",
            Self::Version { .. } => "receipt_version",
            Self::OtherKey { .. } => "receipt_other_key",
            Self::Signature => "receipt_signature",
        }
    }
}

/// The text form. Every field is required and no other is taken.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    version: u32,
    registry: String,
    person: u64,
    erased_at: u64,
    change: u64,
    decision: u64,
    root: String,
    key: String,
    signature: String,
}

impl Erasure {
    /// Signs with the seed of a registry's key.
    #[must_use]
    pub fn sign(self, seed: &KeyMaterial) -> ErasureReceipt {
        let key = SigningKey::from_bytes(&Zeroizing::new(*seed.expose()));
        let signature = key.sign(&self.message()).to_bytes();
        ErasureReceipt { erasure: self, key: key.verifying_key().to_bytes(), signature }
    }

    /// What is signed: label ‖ registry (16) ‖ person, time, change, decision (8 each, little-endian) ‖ root (32).
    fn message(&self) -> Vec<u8> {
        let Self { registry, person, at, change, decision, root } = self;
        let mut message = [LABEL, &registry.to_bytes()].concat();
        for number in [person, at, change, decision] {
            message.extend_from_slice(&number.to_le_bytes());
        }
        message.extend_from_slice(root);
        message
    }
}

impl ErasureReceipt {
    /// What it says. Believe it after [`Self::verify`].
    #[must_use]
    pub const fn erasure(&self) -> &Erasure {
        &self.erasure
    }

    /// The key that it says it was signed with.
    #[must_use]
    pub const fn key(&self) -> [u8; 32] {
        self.key
    }

    /// Was it signed with the key that `trusted` is? Ask the registry's operator or its log for that, not the receipt.
    ///
    /// # Errors
    ///
    /// [`ReceiptError::OtherKey`], [`ReceiptError::Signature`].
    pub fn verify(&self, trusted: &[u8; 32]) -> Result<(), ReceiptError> {
        if self.key != *trusted {
            return Err(ReceiptError::OtherKey { found: self.key });
        }
        let key = VerifyingKey::from_bytes(trusted).map_err(|_| ReceiptError::Signature)?;
        let signature = Signature::from_bytes(&self.signature);
        key.verify_strict(&self.erasure.message(), &signature).map_err(|_| ReceiptError::Signature)
    }

    /// The receipt as a JSON document.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(&self.document()).expect("numbers and texts serialise")
    }

    /// The same document on one line.
    pub(super) fn to_line(&self) -> String {
        serde_json::to_string(&self.document()).expect("numbers and texts serialise")
    }

    fn document(&self) -> Document {
        let Erasure { registry, person, at, change, decision, root } = self.erasure;
        Document {
            format: FORMAT.into(),
            version: VERSION,
            registry: registry.to_string(),
            person,
            erased_at: at,
            change,
            decision,
            root: to_hex(&root),
            key: to_hex(&self.key),
            signature: to_hex(&self.signature),
        }
    }

    /// Reads a JSON document.
    ///
    /// # Errors
    ///
    /// [`ReceiptError::Malformed`], [`ReceiptError::Version`].
    pub fn from_json(text: &str) -> Result<Self, ReceiptError> {
        let malformed = |detail: &str| ReceiptError::Malformed { detail: detail.into() };
        if text.len() > MAXIMUM_BYTES {
            return Err(malformed("it is longer than any receipt"));
        }
        let document: Document = serde_json::from_str(text).map_err(|error| malformed(&error.to_string()))?;
        if document.format != FORMAT {
            return Err(malformed("its format is another one"));
        }
        if document.version != VERSION {
            return Err(ReceiptError::Version { found: document.version, supported: VERSION });
        }
        fn part<const N: usize>(text: &str, name: &str) -> Result<[u8; N], ReceiptError> {
            from_hex(text).map_err(|error| ReceiptError::Malformed { detail: format!("{name}: {error}") })
        }
        Ok(Self {
            erasure: Erasure {
                registry: RegistryId::from_bytes(part(&document.registry, "registry")?),
                person: document.person,
                at: document.erased_at,
                change: document.change,
                decision: document.decision,
                root: part(&document.root, "root")?,
            },
            key: part(&document.key, "key")?,
            signature: part(&document.signature, "signature")?,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn erasure() -> Erasure {
        Erasure {
            registry: RegistryId::from_bytes([3; 16]),
            person: 7,
            at: 1_800_000_000,
            change: 12,
            decision: 31,
            root: [9; 32],
        }
    }

    #[test]
    fn a_receipt_is_believed_as_it_was_signed_and_no_other_way() {
        let seed = KeyMaterial::new(&[1; 32]);
        let receipt = erasure().sign(&seed);
        let key = receipt.key();
        let read = ErasureReceipt::from_json(&receipt.to_json()).unwrap();
        assert_eq!(read, receipt);
        read.verify(&key).unwrap();

        let other = erasure().sign(&KeyMaterial::new(&[2; 32]));
        assert_eq!(other.verify(&key), Err(ReceiptError::OtherKey { found: other.key() }));
        for changed in [
            Erasure { registry: RegistryId::from_bytes([4; 16]), ..erasure() },
            Erasure { person: 8, ..erasure() },
            Erasure { at: 0, ..erasure() },
            Erasure { change: 13, ..erasure() },
            Erasure { decision: 12, change: 31, ..erasure() },
            Erasure { root: [8; 32], ..erasure() },
        ] {
            let forged = ErasureReceipt { erasure: changed, ..receipt.clone() };
            assert_eq!(forged.verify(&key), Err(ReceiptError::Signature), "{changed:?}");
        }
        for bit in 0..512 {
            let mut forged = receipt.clone();
            forged.signature[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(forged.verify(&key), Err(ReceiptError::Signature), "bit {bit}");
        }
    }

    #[test]
    fn other_texts_are_no_receipts() {
        let text = erasure().sign(&KeyMaterial::new(&[1; 32])).to_json();
        let refused = |from: &str, to: &str| {
            assert!(text.contains(from), "{from}");
            ErasureReceipt::from_json(&text.replace(from, to)).unwrap_err().code()
        };
        assert_eq!(refused("\"version\": 1", "\"version\": 2"), "receipt_version");
        assert_eq!(refused("erasure-receipt", "other-receipt"), "receipt_malformed");
        assert_eq!(refused("\"person\": 7", "\"person\": -7"), "receipt_malformed");
        assert_eq!(refused("\"person\": 7", "\"person\": 7, \"name\": 1"), "receipt_malformed");
        assert_eq!(refused("0303", "03030"), "receipt_malformed");
        assert_eq!(refused("0303", "0xA3"), "receipt_malformed");
        assert_eq!(ErasureReceipt::from_json(&" ".repeat(5_000)).unwrap_err().code(), "receipt_malformed");
    }
}
