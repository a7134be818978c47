//! The keys of one registry as they lie in its store: each wrapped under one or more master keys.

use core::fmt;

use rand_core::CryptoRngCore;

use super::service::MAXIMUM_WRAPPED;
use super::{KeyId, KeyMaterial, KeyService, VaultError};
use crate::bytes::to_hex;

const MAGIC: [u8; 4] = *b"PHKR";
const VERSION: u8 = 1;
/// As many entries as a keyring takes: years of rotations, and a bound for the reader.
const MAXIMUM_ENTRIES: usize = 256;
/// Goes into the context of wrapping, so that a wrapped key is nothing else's.
const CONTEXT: &[u8] = b"personhood keyring v1";

/// Which registry a key or record belongs to: 16 random bytes, drawn when its keys are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RegistryId([u8; Self::BYTES]);

impl RegistryId {
    /// Bytes of an identifier.
    pub const BYTES: usize = 16;

    pub(super) fn generate(rng: &mut (impl CryptoRngCore + ?Sized)) -> Self {
        let mut id = [0; Self::BYTES];
        rng.fill_bytes(&mut id);
        Self(id)
    }

    /// The identifier with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; Self::BYTES] {
        self.0
    }
}

impl fmt::Display for RegistryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for RegistryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegistryId({self})")
    }
}

/// What a key of a keyring is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum KeyKind {
    /// Wraps data keys of records.
    Epoch,
    /// The keyed transform of templates.
    Deployment,
    /// The seed of the Ed25519 key that signs receipts.
    Signing,
}

impl KeyKind {
    const ALL: [Self; 3] = [Self::Epoch, Self::Deployment, Self::Signing];

    const fn as_u8(self) -> u8 {
        match self {
            Self::Epoch => 1,
            Self::Deployment => 2,
            Self::Signing => 3,
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Epoch => "epoch",
            Self::Deployment => "deployment",
            Self::Signing => "signing",
        })
    }
}

/// One key, wrapped under one master key.
#[derive(Clone, PartialEq, Eq)]
struct Entry {
    kind: KeyKind,
    number: u32,
    master: KeyId,
    wrapped: Vec<u8>,
}

impl Entry {
    const fn order(&self) -> (KeyKind, u32, KeyId) {
        (self.kind, self.number, self.master)
    }
}

/// The wrapped keys of one registry. Without a master key it tells how many there are and nothing else.
#[derive(Clone, PartialEq, Eq)]
pub struct Keyring {
    registry: RegistryId,
    /// In the order of kind, number, master key.
    entries: Vec<Entry>,
}

impl Keyring {
    pub(super) const fn new(registry: RegistryId) -> Self {
        Self { registry, entries: Vec::new() }
    }

    /// Whose it is.
    #[must_use]
    pub const fn registry(&self) -> RegistryId {
        self.registry
    }

    /// The master keys any one of which opens it.
    #[must_use]
    pub fn masters(&self) -> Vec<KeyId> {
        let mut ids: Vec<KeyId> = self.entries.iter().map(|entry| entry.master).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// The numbers of the keys of one kind, ascending; the last one is in use for what is new.
    #[must_use]
    pub fn numbers(&self, kind: KeyKind) -> Vec<u32> {
        let mut numbers: Vec<u32> =
            self.entries.iter().filter(|entry| entry.kind == kind).map(|entry| entry.number).collect();
        numbers.dedup();
        numbers
    }

    /// The form in which it is stored.
    ///
    /// ```text
    /// offset  bytes  content
    ///      0      4  "PHKR" (personhood keyring)
    ///      4      1  version of the format: 1
    ///      5     16  registry
    ///     21      2  number of entries, little-endian, 1 to 256
    ///     23      …  entries, strictly ascending by their first 21 bytes (number as a number)
    ///
    /// entry
    ///      0      1  kind: 1 epoch, 2 deployment, 3 signing
    ///      1      4  number, little-endian
    ///      5     16  identifier of the master key that wraps it
    ///     21      2  length of the wrapped key, little-endian, 1 to 1,024
    ///     23      …  wrapped key; of a master key file 24 nonce, 32 key, 16 tag, XChaCha20-Poly1305 with the associated data
    ///                "personhood keyring v1" ‖ registry ‖ bytes 0 .. 5
    /// ```
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&MAGIC);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.registry.to_bytes());
        let count = u16::try_from(self.entries.len()).expect("at most 256 entries are put in");
        bytes.extend_from_slice(&count.to_le_bytes());
        for entry in &self.entries {
            bytes.push(entry.kind.as_u8());
            bytes.extend_from_slice(&entry.number.to_le_bytes());
            bytes.extend_from_slice(&entry.master.to_bytes());
            let length = u16::try_from(entry.wrapped.len()).expect("at most 1,024 bytes are put in");
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(&entry.wrapped);
        }
        bytes
    }

    /// Reads the stored form.
    ///
    /// # Errors
    ///
    /// [`VaultError::Keyring`], [`VaultError::KeyringVersion`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, VaultError> {
        let mut rest = bytes;
        if take::<4>(&mut rest)? != MAGIC {
            return Err(damaged("it does not begin with \"PHKR\""));
        }
        let [version] = take(&mut rest)?;
        if version != VERSION {
            return Err(VaultError::KeyringVersion { found: version, supported: VERSION });
        }
        let registry = RegistryId(take(&mut rest)?);
        let count = usize::from(u16::from_le_bytes(take(&mut rest)?));
        if !(1..=MAXIMUM_ENTRIES).contains(&count) {
            return Err(damaged("it has no or too many entries"));
        }
        let mut entries: Vec<Entry> = Vec::with_capacity(count);
        for _ in 0..count {
            let [kind] = take(&mut rest)?;
            let kind = KeyKind::ALL.into_iter().find(|known| known.as_u8() == kind);
            let kind = kind.ok_or_else(|| damaged("it has a key of an unknown kind"))?;
            let number = u32::from_le_bytes(take(&mut rest)?);
            let master = KeyId::from_bytes(take(&mut rest)?);
            let length = usize::from(u16::from_le_bytes(take(&mut rest)?));
            if !(1..=MAXIMUM_WRAPPED).contains(&length) || length > rest.len() {
                return Err(damaged("a wrapped key has an impossible length"));
            }
            let (wrapped, behind) = rest.split_at(length);
            rest = behind;
            let entry = Entry { kind, number, master, wrapped: wrapped.to_vec() };
            if entries.last().is_some_and(|last| last.order() >= entry.order()) {
                return Err(damaged("its keys are not in order"));
            }
            entries.push(entry);
        }
        if !rest.is_empty() {
            return Err(damaged("something follows its last key"));
        }
        let keyring = Self { registry, entries };
        if KeyKind::ALL.iter().any(|kind| keyring.numbers(*kind).is_empty()) {
            return Err(damaged("it lacks a kind of key"));
        }
        Ok(keyring)
    }

    /// Wraps a key under every service and puts it in.
    pub(super) fn insert(
        &mut self,
        kind: KeyKind,
        number: u32,
        key: &KeyMaterial,
        services: &[&dyn KeyService],
        rng: &mut dyn CryptoRngCore,
    ) -> Result<(), VaultError> {
        if self.entries.len() + services.len() > MAXIMUM_ENTRIES {
            return Err(VaultError::Full { limit: MAXIMUM_ENTRIES });
        }
        let context = self.context(kind, number);
        let mut added = Vec::with_capacity(services.len());
        for service in services {
            let wrapped = service.wrap(key, &context, rng)?;
            if wrapped.is_empty() || wrapped.len() > MAXIMUM_WRAPPED {
                return Err(damaged("the key service wrapped a key into no or more than 1,024 bytes"));
            }
            added.push(Entry { kind, number, master: service.id(), wrapped });
        }
        self.entries.retain(|old| added.iter().all(|new| new.order() != old.order()));
        self.entries.append(&mut added);
        self.entries.sort_unstable_by_key(Entry::order);
        Ok(())
    }

    /// Unwraps one key with whichever service can.
    pub(super) fn unwrap(
        &self,
        kind: KeyKind,
        number: u32,
        services: &[&dyn KeyService],
    ) -> Result<KeyMaterial, VaultError> {
        let context = self.context(kind, number);
        let mut failed = VaultError::NoMasterKey { wanted_ids: self.masters() };
        for entry in self.entries.iter().filter(|entry| entry.kind == kind && entry.number == number) {
            for service in services.iter().filter(|service| service.id() == entry.master) {
                match service.unwrap(&entry.wrapped, &context) {
                    Ok(key) => return Ok(key),
                    Err(error) => failed = error.into(),
                }
            }
        }
        Err(failed)
    }

    /// Forgets what one master key wrapped.
    pub(super) fn remove_master(&mut self, id: KeyId) -> Result<(), VaultError> {
        if self.masters() == [id] {
            return Err(VaultError::LastMasterKey { id });
        }
        self.entries.retain(|entry| entry.master != id);
        Ok(())
    }

    /// Forgets all keys of one kind but one.
    pub(super) fn keep_only(&mut self, kind: KeyKind, number: u32) {
        self.entries.retain(|entry| entry.kind != kind || entry.number == number);
    }

    fn context(&self, kind: KeyKind, number: u32) -> Vec<u8> {
        [CONTEXT, &self.registry.to_bytes(), &[kind.as_u8()], &number.to_le_bytes()].concat()
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("registry", &self.registry)
            .field("masters", &self.masters())
            .field("epochs", &self.numbers(KeyKind::Epoch))
            .field("deployments", &self.numbers(KeyKind::Deployment))
            .finish_non_exhaustive()
    }
}

const fn damaged(detail: &'static str) -> VaultError {
    VaultError::Keyring { detail }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], VaultError> {
    let (array, behind) = rest.split_first_chunk().ok_or_else(|| damaged("it is cut off"))?;
    *rest = behind;
    Ok(*array)
}
