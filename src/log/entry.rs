//! Entries: one step in the life of a registry, as everybody may see it.

use core::num::NonZeroU32;

use sha2::{Digest as _, Sha256};

use super::LogError;
use crate::bytes::{Reader, WrongLength};
use crate::tree::MerkleRoot;

/// Bytes of an entry of version 1.
pub const ENTRY_BYTES: usize = 132;
const MAGIC: [u8; 4] = *b"PHLE";
const VERSION: u8 = 1;

/// One step: the root of the members afterwards, and what kind of step it was. Nothing in it is about one person.
///
/// ```text
/// offset  bytes
///      0      4  "PHLE"
///      4      1  version, 1
///      5      1  kind: 0 genesis, 1 insert, 2 delete, 3 update, 4 policy, 5 key, 6 software
///      6      2  zero
///      8      8  sequence: the registry's number of the change      integers are little-endian
///     16      8  time, Unix seconds
///     24      8  places of the tree that were given out, afterwards
///     32      4  count: members that the step is about (kinds 1 to 3), otherwise zero
///     36     32  old root
///     68     32  new root; of kinds 0 and 4 to 6 the same as the old one
///    100     32  SHA-256 of the policy, key or software (kinds 0 and 4 to 6), otherwise zero
/// ```
///
/// The last entry of a log names the present root, whatever its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The registry's number of the change. Kinds 5 and 6 have that of the entry before them.
    pub sequence: u64,
    /// When the new root became the present one, or the digest began to hold; Unix seconds.
    pub at: u64,
    /// Places of the tree that were given out, the emptied ones included.
    pub leaves: u64,
    /// The root before.
    pub old_root: MerkleRoot,
    /// The root afterwards.
    pub new_root: MerkleRoot,
    /// What kind of step.
    pub step: Step,
}

/// What kind of step an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The registry was created with this policy.
    Genesis(DocumentDigest),
    /// So many leaves came in, or came back.
    Insert(NonZeroU32),
    /// So many leaves were taken out.
    Delete(NonZeroU32),
    /// So many leaves were replaced by others.
    Update(NonZeroU32),
    /// Another policy is in force.
    Policy(DocumentDigest),
    /// The registry uses another key, for example to sign this log.
    Key(DocumentDigest),
    /// The registry runs other software.
    Software(DocumentDigest),
}

/// The SHA-256 of a document that the registry publishes, or shows to an auditor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DocumentDigest([u8; 32]);

impl DocumentDigest {
    /// The digest of a document.
    #[must_use]
    pub fn of(document: &[u8]) -> Self {
        Self(Sha256::digest(document).into())
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }
}

impl From<[u8; 32]> for DocumentDigest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl Step {
    /// The word for it, lower case.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Genesis(_) => "genesis",
            Self::Insert(_) => "insert",
            Self::Delete(_) => "delete",
            Self::Update(_) => "update",
            Self::Policy(_) => "policy",
            Self::Key(_) => "key",
            Self::Software(_) => "software",
        }
    }

    /// How many members it is about.
    #[must_use]
    pub const fn count(&self) -> u32 {
        match self {
            Self::Insert(count) | Self::Delete(count) | Self::Update(count) => count.get(),
            _ => 0,
        }
    }

    /// The document that it is about.
    #[must_use]
    pub const fn digest(&self) -> Option<DocumentDigest> {
        match self {
            Self::Genesis(digest) | Self::Policy(digest) | Self::Key(digest) | Self::Software(digest) => Some(*digest),
            _ => None,
        }
    }

    const fn number(&self) -> u8 {
        match self {
            Self::Genesis(_) => 0,
            Self::Insert(_) => 1,
            Self::Delete(_) => 2,
            Self::Update(_) => 3,
            Self::Policy(_) => 4,
            Self::Key(_) => 5,
            Self::Software(_) => 6,
        }
    }
}

impl Entry {
    /// The bytes that the log holds.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; ENTRY_BYTES] {
        let mut bytes = [0; ENTRY_BYTES];
        let mut rest = bytes.as_mut_slice();
        let mut put = |part: &[u8]| {
            let (head, tail) = core::mem::take(&mut rest).split_at_mut(part.len());
            head.copy_from_slice(part);
            rest = tail;
        };
        put(&MAGIC);
        put(&[VERSION, self.step.number(), 0, 0]);
        put(&self.sequence.to_le_bytes());
        put(&self.at.to_le_bytes());
        put(&self.leaves.to_le_bytes());
        put(&self.step.count().to_le_bytes());
        put(&self.old_root.to_bytes());
        put(&self.new_root.to_bytes());
        put(&self.step.digest().map_or([0; 32], DocumentDigest::to_bytes));
        bytes
    }

    /// Reads an entry; there is one encoding.
    ///
    /// # Errors
    ///
    /// [`LogError::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LogError> {
        let malformed = |detail: String| LogError::malformed("log entry", detail);
        let length = |_: WrongLength| malformed(format!("it has {} bytes, not {ENTRY_BYTES}", bytes.len()));
        let mut reader = Reader::new(bytes);
        if reader.array().map_err(length)? != MAGIC {
            return Err(malformed("it does not begin with PHLE".to_owned()));
        }
        let [version, kind] = reader.array().map_err(length)?;
        if version != VERSION {
            return Err(malformed(format!("it has version {version}, and this release reads version {VERSION}")));
        }
        if reader.array().map_err(length)? != [0, 0] {
            return Err(malformed("its reserved bytes are not zero".to_owned()));
        }
        let sequence = u64::from_le_bytes(reader.array().map_err(length)?);
        let at = u64::from_le_bytes(reader.array().map_err(length)?);
        let leaves = u64::from_le_bytes(reader.array().map_err(length)?);
        let count = u32::from_le_bytes(reader.array().map_err(length)?);
        let root = |bytes: [u8; 32]| {
            MerkleRoot::from_bytes(&bytes).map_err(|_| malformed("a root is not in its canonical form".to_owned()))
        };
        let old_root = root(reader.array().map_err(length)?)?;
        let new_root = root(reader.array().map_err(length)?)?;
        let digest: [u8; 32] = reader.array().map_err(length)?;
        reader.finish().map_err(length)?;

        let count = NonZeroU32::new(count);
        let document = (digest != [0; 32]).then_some(DocumentDigest(digest));
        let step = match (kind, count, document) {
            (0, None, Some(digest)) => Step::Genesis(digest),
            (1, Some(count), None) => Step::Insert(count),
            (2, Some(count), None) => Step::Delete(count),
            (3, Some(count), None) => Step::Update(count),
            (4, None, Some(digest)) => Step::Policy(digest),
            (5, None, Some(digest)) => Step::Key(digest),
            (6, None, Some(digest)) => Step::Software(digest),
            (0..=6, ..) => return Err(malformed(format!("kind {kind} has a count or a digest of another kind"))),
            _ => return Err(malformed(format!("it is of the unknown kind {kind}"))),
        };
        if step.digest().is_some() != (old_root == new_root) {
            let detail = "members change exactly the root, everything else leaves it as it is";
            return Err(malformed(detail.to_owned()));
        }
        Ok(Self { sequence, at, leaves, old_root, new_root, step })
    }

    /// Whether this can be the entry after `before`, or the first one; says what contradicts.
    pub(super) fn follows(&self, before: Option<&Self>) -> Result<(), String> {
        let Some(before) = before else {
            return match self.step {
                Step::Genesis(_) if self.leaves == 0 && self.sequence == 0 => Ok(()),
                Step::Genesis(_) => Err("a registry begins empty, with change 0".to_owned()),
                _ => Err("the first entry is not a genesis".to_owned()),
            };
        };
        let most = match self.step {
            Step::Genesis(_) => return Err("a registry begins only once".to_owned()),
            Step::Insert(count) | Step::Update(count) => before.leaves.saturating_add(u64::from(count.get())),
            _ => before.leaves,
        };
        let same_change = matches!(self.step, Step::Key(_) | Step::Software(_));
        if self.old_root != before.new_root {
            Err(format!("it starts from the root {}, and the one before ended with {}", self.old_root, before.new_root))
        } else if self.at < before.at {
            Err(format!("its time {} is before {}", self.at, before.at))
        } else if same_change != (self.sequence == before.sequence) || self.sequence < before.sequence {
            Err(format!("its change {} does not come after {}", self.sequence, before.sequence))
        } else if self.leaves < before.leaves || self.leaves > most {
            Err(format!("it leaves {} places given out, and before there were {}", self.leaves, before.leaves))
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::scalar::hash_to_scalar;

    pub(in crate::log) fn root(number: u64) -> MerkleRoot {
        MerkleRoot::from_bytes(&hash_to_scalar(b"test root", &[&number.to_le_bytes()]).to_bytes()).unwrap()
    }

    /// The entries of a small life, `count` of them: number n ends with the root n unless it leaves the root as it was.
    pub(in crate::log) fn life(count: u64) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for number in 0..count {
            let one = NonZeroU32::MIN;
            let digest = DocumentDigest::of(&number.to_le_bytes());
            let step = match number % 11 {
                0 if number == 0 => Step::Genesis(digest),
                3 => Step::Delete(one),
                5 => Step::Policy(digest),
                7 => Step::Update(one),
                8 => Step::Software(digest),
                9 => Step::Key(digest),
                _ => Step::Insert(one),
            };
            let before = entries.last();
            let sequence = before
                .map_or(0, |before| before.sequence + u64::from(!matches!(step, Step::Key(_) | Step::Software(_))));
            let old_root = before.map_or(root(0), |before| before.new_root);
            let new_root = if step.digest().is_some() { old_root } else { root(number) };
            let leaves = before.map_or(0, |before| before.leaves) + u64::from(matches!(step, Step::Insert(_)));
            entries.push(Entry { sequence, at: 1_800_000_000 + 10 * number, leaves, old_root, new_root, step });
        }
        entries
    }

    #[test]
    fn one_encoding() {
        let mut before = None;
        for entry in life(40) {
            entry.follows(before.as_ref()).unwrap();
            let bytes = entry.to_bytes();
            assert_eq!(Entry::from_bytes(&bytes).unwrap(), entry);
            for place in 0..bytes.len() {
                for bit in 0..8 {
                    let mut other = bytes;
                    other[place] ^= 1 << bit;
                    if let Ok(read) = Entry::from_bytes(&other) {
                        assert_eq!(read.to_bytes(), other, "byte {place}, bit {bit}");
                        assert_ne!(read, entry);
                    }
                }
            }
            for length in [0, 4, ENTRY_BYTES - 1] {
                assert!(Entry::from_bytes(&bytes[..length]).is_err());
            }
            assert!(Entry::from_bytes(&[bytes.as_slice(), &[0]].concat()).is_err());
            before = Some(entry);
        }
    }

    #[test]
    fn a_life_that_contradicts_itself_is_found() {
        let life = life(40);
        for (number, entry) in life.iter().enumerate().skip(1) {
            let before = Some(&life[number - 1]);
            entry.follows(before).unwrap();
            entry.follows(None).unwrap_err();
            // Two digests may be logged after one change; nothing else comes twice.
            assert_eq!(entry.follows(Some(entry)).is_ok(), matches!(entry.step, Step::Key(_) | Step::Software(_)));
            let changed = [
                Entry { old_root: root(1_000), ..*entry },
                Entry { at: 1_799_999_999, ..*entry },
                Entry { sequence: entry.sequence + 1 - 2 * u64::from(entry.step.digest().is_none()), ..*entry },
                Entry { leaves: entry.leaves + 2, ..*entry },
                Entry { step: life[0].step, ..*entry },
            ];
            for (what, other) in changed.iter().enumerate() {
                // A gap in the numbers is allowed: not every change of a registry changes its root.
                if what == 2 && matches!(entry.step, Step::Policy(_)) {
                    continue;
                }
                assert!(other.follows(before).is_err(), "{number} {what}");
            }
        }
        assert!(Entry { leaves: 1, ..life[0] }.follows(None).is_err());
        assert!(Entry { sequence: 1, ..life[0] }.follows(None).is_err());
    }
}
