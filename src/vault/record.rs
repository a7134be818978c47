//! A sealed record, byte by byte, and what it is bound to.

use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

use super::aead::{self, NONCE, TAG};
use super::{KeyMaterial, ProtectedTemplate, RegistryId, VaultError};
use crate::iris::{EyeSide, Layout};

/// Record format 2; format 1 is the template in clear.
pub(super) const FORMAT: u8 = 2;
const EPOCH: usize = 1;
const DEPLOYMENT: usize = 5;
const DATA_KEY: usize = 9;
const CONTENT: usize = DATA_KEY + NONCE + KeyMaterial::BYTES + TAG;
const SHORTEST: usize = CONTENT + NONCE + TAG;
const LONGEST: usize = SHORTEST + ProtectedTemplate::encoded_len(Layout::Columns256);

const RECORD_CONTEXT: &[u8] = b"personhood sealed record v2";
const DATA_KEY_CONTEXT: &[u8] = b"personhood data key v2";

/// Where a template is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordKind {
    /// With a person.
    Enrolled,
    /// In the queue of cases that people decide.
    Queued,
}

impl RecordKind {
    const fn as_u8(self) -> u8 {
        match self {
            Self::Enrolled => 1,
            Self::Queued => 2,
        }
    }
}

/// The place that a record belongs to. It opens there and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordBinding {
    /// Where.
    pub kind: RecordKind,
    /// The number of the person, or of the case.
    pub subject: u64,
    /// Which eye.
    pub eye: EyeSide,
    /// Which of the templates that this eye has had, 1, 2, …
    pub version: u32,
}

impl RecordBinding {
    /// Associated data: `label` ‖ registry ‖ kind ‖ subject ‖ eye ‖ version ‖ key number.
    fn context(&self, label: &[u8], registry: RegistryId, key: u32) -> Vec<u8> {
        let eye = match self.eye {
            EyeSide::Left => 0,
            EyeSide::Right => 1,
        };
        [
            label,
            &registry.to_bytes(),
            &[self.kind.as_u8()],
            &self.subject.to_le_bytes(),
            &[eye],
            &self.version.to_le_bytes(),
            &key.to_le_bytes(),
        ]
        .concat()
    }
}

/// What a sealed record says about itself without being opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedFacts {
    /// Number of the epoch key that wraps its data key.
    pub epoch: u32,
    /// Number of the deployment key of its transform.
    pub deployment: u32,
}

impl SealedFacts {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// [`VaultError::Record`] if the bytes are no sealed record.
    pub fn of(record: &[u8]) -> Result<Self, VaultError> {
        let format = record.first().copied().unwrap_or(0);
        if format != FORMAT || !(SHORTEST..=LONGEST).contains(&record.len()) {
            return Err(VaultError::Record { found: record.len(), format, supported: FORMAT });
        }
        let number = |at: usize| {
            u32::from_le_bytes(record[at..at + 4].try_into().expect("the shortest record is longer than its numbers"))
        };
        Ok(Self { epoch: number(EPOCH), deployment: number(DEPLOYMENT) })
    }
}

/// Seals a protected template under a new data key.
///
/// ```text
/// offset   bytes  content
///      0       1  record format: 2
///      1       4  number of the epoch key, little-endian
///      5       4  number of the deployment key, little-endian
///      9      72  data key: 24 nonce, 32 key, 16 tag; XChaCha20-Poly1305 under the epoch key, associated data
///                 "personhood data key v2" ‖ place ‖ bytes 1 .. 5
///     81      24  nonce
///    105       n  ProtectedTemplate::to_bytes, encrypted with XChaCha20 under the data key
///  105 + n    16  Poly1305 tag; associated data "personhood sealed record v2" ‖ place ‖ bytes 5 .. 9
///
/// place: registry (16) ‖ kind (1: 1 enrolled, 2 queued) ‖ person or case (8) ‖ eye (1: 0 left, 1 right) ‖ version (4)
/// ```
pub(super) fn seal(
    registry: RegistryId,
    binding: &RecordBinding,
    facts: SealedFacts,
    epoch_key: &KeyMaterial,
    template: &ProtectedTemplate,
    rng: &mut dyn CryptoRngCore,
) -> Vec<u8> {
    let data_key = KeyMaterial::generate(rng);
    let content = template.to_bytes();
    let mut record = Vec::with_capacity(SHORTEST + content.len());
    record.push(FORMAT);
    record.extend_from_slice(&facts.epoch.to_le_bytes());
    record.extend_from_slice(&facts.deployment.to_le_bytes());
    let context = binding.context(DATA_KEY_CONTEXT, registry, facts.epoch);
    aead::seal(epoch_key, &context, data_key.expose(), rng, &mut record);
    let context = binding.context(RECORD_CONTEXT, registry, facts.deployment);
    aead::seal(&data_key, &context, &content, rng, &mut record);
    record
}

/// Takes the protected template out; the caller has checked the format by [`SealedFacts::of`].
pub(super) fn open(
    registry: RegistryId,
    binding: &RecordBinding,
    facts: SealedFacts,
    epoch_key: &KeyMaterial,
    record: &[u8],
) -> Result<ProtectedTemplate, VaultError> {
    let data_key = data_key(registry, binding, facts, epoch_key, record)?;
    let context = binding.context(RECORD_CONTEXT, registry, facts.deployment);
    let content = aead::open(&data_key, &context, &record[CONTENT..]).map_err(|_| VaultError::Authentication)?;
    Ok(ProtectedTemplate::from_bytes(&content)?)
}

/// The same record with its data key wrapped under another epoch key; what the data key seals stays as it is.
pub(super) fn rewrap(
    registry: RegistryId,
    binding: &RecordBinding,
    [old, new]: [(u32, &KeyMaterial); 2],
    record: &[u8],
    rng: &mut dyn CryptoRngCore,
) -> Result<Vec<u8>, VaultError> {
    let facts = SealedFacts::of(record)?;
    let data_key = data_key(registry, binding, SealedFacts { epoch: old.0, ..facts }, old.1, record)?;
    let mut moved = Vec::with_capacity(record.len());
    moved.push(FORMAT);
    moved.extend_from_slice(&new.0.to_le_bytes());
    moved.extend_from_slice(&facts.deployment.to_le_bytes());
    let context = binding.context(DATA_KEY_CONTEXT, registry, new.0);
    aead::seal(new.1, &context, data_key.expose(), rng, &mut moved);
    moved.extend_from_slice(&record[CONTENT..]);
    Ok(moved)
}

fn data_key(
    registry: RegistryId,
    binding: &RecordBinding,
    facts: SealedFacts,
    epoch_key: &KeyMaterial,
    record: &[u8],
) -> Result<KeyMaterial, VaultError> {
    let context = binding.context(DATA_KEY_CONTEXT, registry, facts.epoch);
    let opened = aead::open(epoch_key, &context, &record[DATA_KEY..CONTENT]).map_err(|_| VaultError::Authentication)?;
    let mut key = Zeroizing::new([0; KeyMaterial::BYTES]);
    key.copy_from_slice(&opened);
    Ok(KeyMaterial::new(&key))
}
