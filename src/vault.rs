//! Keys and what they protect: templates at rest, each under a key of its own.
//!
//! ```text
//! master key          outside the registry: a file, the environment, or a key service   wraps ▼
//! keyring             in the registry: epoch keys, deployment key, signing key          wrap  ▼ (epoch keys)
//! data key            one per record, in front of it; destroying it erases the record   seals ▼
//! record              XChaCha20-Poly1305 over a ProtectedTemplate
//! ProtectedTemplate   P_K(code ⊕ R_K), P_K(mask): the bits as only this deployment can read them
//! ```
//!
//! Each step answers another loss. Somebody who copies the registry without its master key has noise. Somebody who gets
//! at a single opened record still cannot hold it against another deployment's, because of the keyed transform.
//! A person who is erased is gone with 72 bytes, however long the disk remembers the rest. A master key is replaced by
//! wrapping a handful of keys again ([`Vault::add_master`]); an epoch key by wrapping each data key again
//! ([`Vault::rewrap`]), neither by touching what they seal.
//!
//! What this is not: protection against whoever holds the master key and the registry, and no protection of the memory of
//! a process that searches. The search needs plain bits, because all people share each of its rotations; so the keyed
//! transform is undone when a gallery is loaded. docs/privacy.md says what that means.
//!
//! # Examples
//!
//! ```
//! # #[cfg(feature = "testing")]
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use personhood::iris::EyeSide;
//! use personhood::testing::templates::SyntheticTemplates;
//! use personhood::vault::{MasterKey, RecordBinding, RecordKind, Vault};
//! use rand_core::OsRng;
//!
//! let master = MasterKey::generate(&mut OsRng);
//! let vault = Vault::create(&master, &mut OsRng)?;
//! let left = RecordBinding { kind: RecordKind::Enrolled, subject: 7, eye: EyeSide::Left, version: 1 };
//!
//! let template = SyntheticTemplates::new(personhood::iris::Layout::Columns256, 1).enrolled(7, EyeSide::Left);
//! let record = vault.seal(&left, &template, &mut OsRng);
//!
//! // Another process, with the keyring from the store and the master key from its file.
//! let vault = Vault::unlock(vault.keyring(), &[&master])?;
//! assert_eq!(vault.open(&left, &record)?, template);
//! assert!(vault.open(&RecordBinding { subject: 8, ..left }, &record).is_err(), "another person's place");
//! # Ok(())
//! # }
//! # #[cfg(feature = "testing")]
//! # example().unwrap();
//! ```

mod aead;
mod erasures;
mod error;
mod key;
mod keyring;
mod receipt;
mod record;
mod service;
mod transform;
mod unlocked;

pub use erasures::{ErasureList, ErasureListError};
pub use error::{KeyServiceError, MasterKeyError, VaultError};
pub use key::{KeyId, KeyMaterial, MasterKey};
pub use keyring::{KeyKind, Keyring, RegistryId};
pub use receipt::{Erasure, ErasureReceipt, ReceiptError};
pub use record::{RecordBinding, RecordKind, SealedFacts};
pub use service::KeyService;
pub use transform::{
    DeploymentKey, DeploymentKeyId, HammingCounts, Incomparable, ProtectedFormatError, ProtectedProbe,
    ProtectedTemplate,
};
pub use unlocked::Vault;
