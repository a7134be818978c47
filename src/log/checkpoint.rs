//! Checkpoints: what a log says that it consists of, signed by it and cosigned by its witnesses.

use core::fmt;

use super::LogError;
use super::key::{LogPublicKey, LogSigningKey, PublicKey, Role, SIGNATURE, WitnessPublicKey, WitnessSigningKey};
use super::merkle::LogHash;
use super::note::{Note, NoteSignature, checked_text, signature_lines};

/// A log of more entries is not read: tile indices and sums of sizes stay far from 2^64.
pub const LARGEST_LOG: u64 = 1 << 48;

/// The size and the hash of a log (C2SP tlog-checkpoint).
///
/// ```text
/// log.example/people              origin
/// 7                               entries
/// CsUYapGGPo4dkMgIAUqom/Xajj…     hash of their tree, base64
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: LogHash,
    /// Lines that the log added, which nobody here reads; whole lines, none empty.
    extension: String,
}

impl Checkpoint {
    /// The checkpoint of a log of ours, which has no extension lines. The origin is the name of the log's key.
    #[must_use]
    pub fn new(key: &LogPublicKey, size: u64, root: LogHash) -> Self {
        Self { origin: key.name().to_owned(), size, root, extension: String::new() }
    }

    /// Which log.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How many entries it has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The hash of their tree.
    #[must_use]
    pub const fn root(&self) -> LogHash {
        self.root
    }

    fn from_text(text: &str) -> Result<Self, LogError> {
        let malformed = |detail: &str| LogError::malformed("checkpoint", detail);
        let mut lines = text.splitn(4, '\n');
        let (Some(origin), Some(size), Some(root), Some(extension)) =
            (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(malformed("it has fewer than three lines"));
        };
        if origin.is_empty() {
            return Err(malformed("it names no log"));
        }
        if !extension.is_empty() && (extension.starts_with('\n') || extension.contains("\n\n")) {
            return Err(malformed("it has an empty line"));
        }
        let size = decimal(size).ok_or_else(|| malformed("its size is not a number without leading zeros"))?;
        if size > LARGEST_LOG {
            return Err(malformed("its size is beyond 2^48 entries"));
        }
        let root = LogHash::from_base64(root, "checkpoint")?;
        Ok(Self { origin: origin.to_owned(), size, root, extension: extension.to_owned() })
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n{}", self.origin, self.size, self.root, self.extension)
    }
}

/// A decimal number in its only spelling.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// A checkpoint with the lines of those who signed it. Reading one checks nothing: ask [`SignedCheckpoint::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

/// A witness has seen a checkpoint, and none that it contradicts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosignature {
    /// Who.
    pub witness: WitnessPublicKey,
    /// When, by the witness' own clock, Unix seconds.
    pub at: u64,
}

impl SignedCheckpoint {
    /// Signs a checkpoint of one's own log.
    #[must_use]
    pub fn sign(size: u64, root: LogHash, key: &LogSigningKey) -> Self {
        let checkpoint = Checkpoint::new(&key.public(), size, root);
        let text = checkpoint.to_string();
        let signature = line(&key.public(), key.sign(text.as_bytes()).to_vec());
        Self { checkpoint, note: Note { text, signatures: vec![signature] } }
    }

    /// Reads a checkpoint; there is one spelling.
    ///
    /// # Errors
    ///
    /// [`LogError::Malformed`], [`LogError::TooLong`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LogError> {
        let note = Note::from_bytes(bytes, "checkpoint")?;
        Ok(Self { checkpoint: Checkpoint::from_text(&note.text)?, note })
    }

    /// The bytes, as a log serves them.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.note.to_bytes()
    }

    /// What is said; who says so is not checked here.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Whether this log signed it. Signatures of unknown keys are passed over.
    ///
    /// # Errors
    ///
    /// [`LogError::Origin`], [`LogError::Unsigned`], [`LogError::Signature`].
    pub fn verify(&self, key: &LogPublicKey) -> Result<(), LogError> {
        if self.checkpoint.origin != key.name() {
            return Err(LogError::Origin { expected: key.name().to_owned(), found: self.checkpoint.origin.clone() });
        }
        let mut found = Err(LogError::Unsigned { name: key.name().to_owned() });
        for signature in self.of(key) {
            key.verify(self.note.text.as_bytes(), &signature.bytes)?;
            found = Ok(());
        }
        found
    }

    /// Which of these witnesses have cosigned; each at most once, with the latest of its times.
    ///
    /// # Errors
    ///
    /// [`LogError::Signature`] if a line in the name of one of them is not theirs.
    pub fn cosignatures(&self, witnesses: &[WitnessPublicKey]) -> Result<Vec<Cosignature>, LogError> {
        let mut found = Vec::new();
        for witness in witnesses {
            let mut latest = None;
            for signature in self.of(witness) {
                latest = latest.max(Some(self.cosigned_at(witness, &signature.bytes)?));
            }
            found.extend(latest.map(|at| Cosignature { witness: witness.clone(), at }));
        }
        Ok(found)
    }

    fn cosigned_at(&self, witness: &WitnessPublicKey, signature: &[u8]) -> Result<u64, LogError> {
        let refused = || LogError::Signature { name: witness.name().to_owned() };
        let (time, signature) = signature.split_first_chunk::<8>().ok_or_else(refused)?;
        let time = u64::from_be_bytes(*time);
        // Zero is "no time" in other types of cosignatures, and the specification ends at 2^63 - 1.
        if time == 0 || i64::try_from(time).is_err() {
            return Err(refused());
        }
        witness.verify(cosigned_text(&self.note.text, time).as_bytes(), signature)?;
        Ok(time)
    }

    /// A witness' line for this checkpoint, as [`SignedCheckpoint::add_cosignatures`] takes it.
    #[must_use]
    pub fn cosign(&self, key: &WitnessSigningKey, at: u64) -> String {
        let signature = key.sign(cosigned_text(&self.note.text, at).as_bytes());
        line(&key.public(), [at.to_be_bytes().as_slice(), &signature].concat()).to_string()
    }

    /// Takes over the lines of known witnesses from what one of them answered; lines of unknown keys are left out, and an
    /// earlier line of the same witness is replaced by a later one. Returns how many witnesses there are now.
    ///
    /// # Errors
    ///
    /// [`LogError::Malformed`], [`LogError::TooLong`], and [`LogError::Signature`] if a line in the name of a known witness is
    /// not theirs: then nothing is taken over.
    pub fn add_cosignatures(&mut self, lines: &[u8], witnesses: &[WitnessPublicKey]) -> Result<usize, LogError> {
        let new = signature_lines(checked_text(lines, "cosignature")?, "cosignature")?;
        let mut merged = self.clone();
        for witness in witnesses {
            for signature in new.iter().filter(|signature| is_of(signature, witness)) {
                let at = self.cosigned_at(witness, &signature.bytes)?;
                let present = self.cosignatures(core::slice::from_ref(witness))?;
                if present.iter().all(|cosignature| cosignature.at < at) {
                    merged.note.signatures.retain(|other| !is_of(other, witness));
                    merged.note.signatures.push(signature.clone());
                }
            }
        }
        *self = merged;
        Ok(self.cosignatures(witnesses)?.len())
    }

    /// As [`SignedCheckpoint::add_cosignatures`], from another copy of the same checkpoint.
    pub(super) fn adopt(&mut self, other: &Self, witnesses: &[WitnessPublicKey]) -> Result<(), LogError> {
        let lines: String = witnesses.iter().flat_map(|witness| other.of(witness)).map(ToString::to_string).collect();
        if !lines.is_empty() {
            self.add_cosignatures(lines.as_bytes(), witnesses)?;
        }
        Ok(())
    }

    fn of<'a, R: Role>(&'a self, key: &'a PublicKey<R>) -> impl Iterator<Item = &'a NoteSignature> {
        self.note.signatures.iter().filter(|signature| is_of(signature, key))
    }
}

fn is_of<R: Role>(signature: &NoteSignature, key: &PublicKey<R>) -> bool {
    signature.name == key.name() && signature.id == key.id()
}

fn line<R: Role>(key: &PublicKey<R>, bytes: Vec<u8>) -> NoteSignature {
    debug_assert!(bytes.len() == SIGNATURE || bytes.len() == SIGNATURE + 8);
    NoteSignature { name: key.name().to_owned(), id: key.id(), bytes }
}

/// The message of "cosignature/v1" (C2SP tlog-cosignature).
fn cosigned_text(checkpoint: &str, time: u64) -> String {
    format!("cosignature/v1\ntime {time}\n{checkpoint}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng as _;
    use signed_note::{StandardVerifier, VerifierList};

    use super::*;

    fn log() -> LogSigningKey {
        LogSigningKey::generate("log.example/1", &mut ChaCha20Rng::seed_from_u64(1)).unwrap()
    }

    fn witness(number: u64) -> WitnessSigningKey {
        let rng = &mut ChaCha20Rng::seed_from_u64(100 + number);
        WitnessSigningKey::generate(&format!("witness.example/{number}"), rng).unwrap()
    }

    fn signed() -> SignedCheckpoint {
        SignedCheckpoint::sign(7, LogHash::of_entry(b"tree"), &log())
    }

    #[test]
    fn two_other_libraries_read_what_we_sign() {
        let bytes = signed().to_bytes();
        let note = signed_note::Note::from_bytes(&bytes).unwrap();
        let judge = StandardVerifier::new(&log().public().to_string()).unwrap();
        let (verified, unknown) = note.verify(&VerifierList::new(vec![Box::new(judge)])).unwrap();
        assert_eq!((verified.len(), unknown.len()), (1, 0));
        let checkpoint = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
        assert_eq!((checkpoint.origin(), checkpoint.size()), ("log.example/1", 7));
        assert_eq!(checkpoint.hash().0, LogHash::of_entry(b"tree").to_bytes());
        assert_eq!(SignedCheckpoint::from_bytes(&bytes).unwrap(), signed());
    }

    #[test]
    fn whatever_is_changed_is_refused() {
        let mut cosigned = signed();
        let witnesses = [witness(1).public()];
        cosigned.add_cosignatures(cosigned.cosign(&witness(1), 1_000).as_bytes(), &witnesses).unwrap();
        let bytes = cosigned.to_bytes();
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut other = bytes.clone();
                other[place] ^= 1 << bit;
                let Ok(read) = SignedCheckpoint::from_bytes(&other) else { continue };
                assert_eq!(read.to_bytes(), other, "one spelling");
                let fine = read.verify(&log().public()).is_ok()
                    && read.cosignatures(&witnesses).is_ok_and(|found| found.len() == 1);
                assert!(!fine, "byte {place}, bit {bit}");
            }
        }
    }

    #[test]
    fn a_known_key_must_have_signed_and_unknown_ones_are_passed_over() {
        let other = LogSigningKey::generate("log.example/1", &mut ChaCha20Rng::seed_from_u64(2)).unwrap();
        assert!(matches!(signed().verify(&other.public()), Err(LogError::Unsigned { .. })));
        let elsewhere = LogSigningKey::generate("log.example/2", &mut ChaCha20Rng::seed_from_u64(1)).unwrap();
        assert!(matches!(signed().verify(&elsewhere.public()), Err(LogError::Origin { .. })));

        let mut cosigned = signed();
        let lines = [cosigned.cosign(&witness(1), 1_000), cosigned.cosign(&witness(2), 1_001)].concat();
        assert_eq!(cosigned.add_cosignatures(lines.as_bytes(), &[witness(2).public()]).unwrap(), 1);
        assert!(cosigned.cosignatures(&[witness(1).public()]).unwrap().is_empty());
        cosigned.verify(&log().public()).unwrap();
    }

    #[test]
    fn a_witness_counts_once_with_its_latest_time() {
        let (mut cosigned, known) = (signed(), [witness(1).public()]);
        for at in [1_000, 3_000, 2_000] {
            assert_eq!(cosigned.add_cosignatures(cosigned.cosign(&witness(1), at).as_bytes(), &known).unwrap(), 1);
        }
        let found = cosigned.cosignatures(&known).unwrap();
        assert_eq!(found.iter().map(|one| one.at).collect::<Vec<_>>(), [3_000]);
        assert_eq!(String::from_utf8(cosigned.to_bytes()).unwrap().matches("— witness").count(), 1);
    }

    /// A cosignature holds for its time, its checkpoint and its key, and no log's signature passes for one.
    #[test]
    fn cosignatures_are_not_moved() {
        let known = [witness(1).public()];
        let other = SignedCheckpoint::sign(8, LogHash::of_entry(b"tree"), &log());
        let line = other.cosign(&witness(1), 1_000);
        let before = signed();
        let mut moved = before.clone();
        assert!(matches!(moved.add_cosignatures(line.as_bytes(), &known), Err(LogError::Signature { .. })));
        assert_eq!(moved, before, "nothing is taken over");
        for at in [0, 1 << 63] {
            let line = before.cosign(&witness(1), at);
            assert!(matches!(moved.add_cosignatures(line.as_bytes(), &known), Err(LogError::Signature { .. })));
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        let text = String::from_utf8(signed().to_bytes()).unwrap();
        for (from, to) in [
            ("\n7\n", "\n07\n"),
            ("\n7\n", "\n+7\n"),
            ("\n7\n", "\n-7\n"),
            ("\n7\n", "\n281474976710657\n"),
            ("\n\n— ", "\n— "),
            ("— log", "- log"),
            ("log.example/1\n", "\n"),
            ("=\n\n", "=\n \t\n\n"),
            ("\n7\n", "\n7\r\n"),
        ] {
            assert!(text.contains(from), "{from:?}");
            assert!(SignedCheckpoint::from_bytes(text.replacen(from, to, 1).as_bytes()).is_err(), "{from:?} {to:?}");
        }
        assert!(SignedCheckpoint::from_bytes(text.trim_end().as_bytes()).is_err());
        let long = text + &"— a QUFBQUE=\n".repeat(20_000);
        assert!(matches!(SignedCheckpoint::from_bytes(long.as_bytes()), Err(LogError::TooLong { .. })));
    }

    #[test]
    fn extension_lines_are_covered_and_kept() {
        let mut note = signed().note;
        note.text.push_str("an extension\n");
        note.signatures = vec![line(&log().public(), log().sign(note.text.as_bytes()).to_vec())];
        let read = SignedCheckpoint::from_bytes(&note.to_bytes()).unwrap();
        read.verify(&log().public()).unwrap();
        assert_eq!(read.checkpoint().to_string(), note.text);
        assert_ne!(read.checkpoint(), signed().checkpoint());
    }
}
