//! The relying party's rules: which log, which witnesses, how many of them, how long ago.

use super::LogError;
use super::bundle::Bundle;
use super::checkpoint::SignedCheckpoint;
use super::key::{LogPublicKey, WitnessPublicKey};
use crate::tree::MerkleRoot;

/// How far a witness' clock may be ahead of ours, in seconds: what clocks that somebody looks after do not exceed.
pub const CLOCK_TOLERANCE: u64 = 300;

/// Roots are taken only if they were logged, and the log was seen by `quorum` of these witnesses.
///
/// A registry that shows one root to the world and another to its victim needs two logs, and an honest witness signs only
/// one of them: with more than half of the witnesses as quorum, and fewer than that dishonest, there is one history.
///
/// ```
/// use personhood::log::{Bundle, LogError, LoggedRoots};
/// # use personhood::log::{LogSigningKey, WitnessSigningKey, SignedCheckpoint, LogHash, Entry, Step, DocumentDigest};
/// # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
/// # let rng = &mut ChaCha20Rng::seed_from_u64(1);
/// # let log = LogSigningKey::generate("log.example/people", rng)?;
/// # let witnesses = [1, 2, 3].map(|number| WitnessSigningKey::generate(&format!("w.example/{number}"), rng).unwrap());
/// # let known: Vec<_> = witnesses.iter().map(|witness| witness.public()).collect();
/// # let root = personhood::tree::Tree::new().root();
/// # let step = Step::Genesis(DocumentDigest::of(b"policy"));
/// # let entry = Entry { sequence: 0, at: 1_800_000_000, leaves: 0, old_root: root, new_root: root, step };
/// # let mut checkpoint = SignedCheckpoint::sign(1, LogHash::of_entry(&entry.to_bytes()), &log);
/// # let lines = [&witnesses[0], &witnesses[2]].map(|witness| checkpoint.cosign(witness, 1_800_000_100)).concat();
/// # checkpoint.add_cosignatures(lines.as_bytes(), &known)?;
/// # let bytes = Bundle { entry, index: 0, proof: vec![], checkpoint }.to_bytes();
/// # let log = log.public();
///
/// // Two of three, and no longer than an hour ago.
/// let rules = LoggedRoots::new(log, known, 2)?.present_within(3_600)?;
/// let bundle = Bundle::from_bytes(&bytes)?; // sent along by the holder, or fetched
/// rules.check(&root, &bundle, 1_800_000_200)?;
/// assert!(matches!(rules.check(&root, &bundle, 1_800_003_701), Err(LogError::TooOld { age: 3_601, .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct LoggedRoots {
    log: LogPublicKey,
    witnesses: Vec<WitnessPublicKey>,
    quorum: usize,
    present_within: Option<u64>,
}

impl LoggedRoots {
    /// Roots of this log, seen by at least `quorum` of these witnesses; with none at all, the log's own word is taken.
    ///
    /// # Errors
    ///
    /// [`LogError::Rules`] if there are fewer witnesses than the quorum, or one of them is there twice.
    pub fn new(log: LogPublicKey, witnesses: Vec<WitnessPublicKey>, quorum: usize) -> Result<Self, LogError> {
        if quorum > witnesses.len() {
            let detail = format!("{quorum} of {} witnesses cannot sign", witnesses.len());
            return Err(LogError::Rules { detail });
        }
        for (place, witness) in witnesses.iter().enumerate() {
            // Under two names, one witness would count twice; and a log's own key is no witness.
            let same = |other: &WitnessPublicKey| other.to_bytes() == witness.to_bytes();
            if witnesses[..place].iter().any(same) {
                return Err(LogError::Rules { detail: format!("{:?} has the key of another witness", witness.name()) });
            }
            if witness.to_bytes() == log.to_bytes() {
                return Err(LogError::Rules { detail: format!("{:?} has the key of the log itself", witness.name()) });
            }
        }
        Ok(Self { log, witnesses, quorum, present_within: None })
    }

    /// Takes a root only if it was still the present one when `quorum` witnesses last looked, at most so many seconds ago.
    ///
    /// Without this, every root that was ever logged is taken: right for a snapshot, such as the roll of one day.
    ///
    /// # Errors
    ///
    /// [`LogError::Rules`] without a quorum: then nobody but the log itself would say what time it is.
    pub fn present_within(mut self, seconds: u64) -> Result<Self, LogError> {
        if self.quorum == 0 {
            return Err(LogError::Rules { detail: "without witnesses nobody says how old a checkpoint is".to_owned() });
        }
        self.present_within = Some(seconds);
        Ok(self)
    }

    /// The log.
    #[must_use]
    pub const fn log(&self) -> &LogPublicKey {
        &self.log
    }

    /// Whether a bundle shows by these rules that `root` may be accepted; `now` in Unix seconds.
    ///
    /// # Errors
    ///
    /// [`LogError`] says which rule refused. Act only on `Ok(())`.
    pub fn check(&self, root: &MerkleRoot, bundle: &Bundle, now: u64) -> Result<(), LogError> {
        if bundle.entry.new_root != *root {
            return Err(LogError::OtherRoot);
        }
        self.check_checkpoint(&bundle.checkpoint, now)?;
        bundle.check_inclusion()?;
        // Whatever its kind, the last entry names the root that was the present one.
        let size = bundle.checkpoint.checkpoint().size();
        if self.present_within.is_some() && bundle.index + 1 != size {
            return Err(LogError::Superseded { index: bundle.index, size });
        }
        Ok(())
    }

    /// Whether a checkpoint is of this log and was seen by enough witnesses, recently if that is asked.
    ///
    /// # Errors
    ///
    /// As [`LoggedRoots::check`].
    pub fn check_checkpoint(&self, checkpoint: &SignedCheckpoint, now: u64) -> Result<(), LogError> {
        checkpoint.verify(&self.log)?;
        let latest = now.saturating_add(CLOCK_TOLERANCE);
        // A witness whose clock is wrong counts for nothing, but does not spoil what the others signed.
        let (mut seen, early): (Vec<_>, Vec<_>) =
            checkpoint.cosignatures(&self.witnesses)?.into_iter().partition(|cosignature| cosignature.at <= latest);
        if seen.len() < self.quorum {
            return Err(match early.first() {
                Some(early) => LogError::FromTheFuture {
                    name: early.witness.name().to_owned(),
                    ahead: early.at - now,
                    allowed: CLOCK_TOLERANCE,
                },
                None => LogError::TooFewWitnesses { found: seen.len(), needed: self.quorum },
            });
        }
        if let Some(max_age) = self.present_within {
            seen.sort_by_key(|cosignature| core::cmp::Reverse(cosignature.at));
            // The quorum is at least one, so there is a last of the latest.
            let since = seen[..self.quorum].last().map_or(0, |cosignature| cosignature.at);
            let age = now.saturating_sub(since);
            if age > max_age {
                return Err(LogError::TooOld { age, max_age });
            }
        }
        Ok(())
    }
}
