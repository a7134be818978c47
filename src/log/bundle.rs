//! Bundles: that a root was logged, and who saw it, in one text that needs no network.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::LogError;
use super::checkpoint::{SignedCheckpoint, decimal};
use super::entry::{ENTRY_BYTES, Entry};
use super::merkle::{LogHash, check_inclusion};
use super::note::{NOTE_LIMIT, checked_text};

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
/// A tree of 2^48 entries is 48 levels high.
const LONGEST_PROOF: usize = 48;

/// An entry, its place, its inclusion proof and a checkpoint with cosignatures: C2SP tlog-proof with the entry as its extra
/// data.
///
/// ```text
/// c2sp.org/tlog-proof@v1
/// extra UEhMRQEB…                          the 132 bytes of the entry, base64
/// index 6
/// gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMk…    inclusion proof, a hash on each line
///
/// log.example/people                       the checkpoint
/// 7
/// sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2X…
///
/// — log.example/people hI2DJw…
/// — witness.example/1 mJirIklj…
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The entry.
    pub entry: Entry,
    /// Its place, from 0.
    pub index: u64,
    /// That it is there.
    pub proof: Vec<LogHash>,
    /// The log of which it is an entry, and who says so.
    pub checkpoint: SignedCheckpoint,
}

impl Bundle {
    /// The text, as a file with the ending `.tlog-proof` or as the body of an answer.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let entry = STANDARD.encode(self.entry.to_bytes());
        let mut text = format!("{FIRST_LINE}\nextra {entry}\nindex {}\n", self.index);
        for hash in &self.proof {
            text.push_str(&format!("{hash}\n"));
        }
        text.push('\n');
        [text.into_bytes(), self.checkpoint.to_bytes()].concat()
    }

    /// Reads a bundle; there is one spelling. Nothing that it says is checked: see [`LoggedRoots`](super::LoggedRoots).
    ///
    /// # Errors
    ///
    /// [`LogError::Malformed`], [`LogError::TooLong`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LogError> {
        let malformed = |detail: &str| LogError::malformed("log bundle", detail);
        let limit = (NOTE_LIMIT + 8192) as u64;
        if bytes.len() as u64 > limit {
            return Err(LogError::TooLong { what: "log bundle", found: bytes.len() as u64, limit });
        }
        let border = bytes.windows(2).position(|pair| pair == b"\n\n").ok_or_else(|| malformed("no blank line"))?;
        let head = checked_text(&bytes[..border], "log bundle")?;
        let checkpoint = SignedCheckpoint::from_bytes(&bytes[border + 2..])?;

        let mut lines = head.split('\n');
        if lines.next() != Some(FIRST_LINE) {
            return Err(malformed("it does not begin with c2sp.org/tlog-proof@v1"));
        }
        let extra = lines.next().and_then(|line| line.strip_prefix("extra "));
        let entry = extra.and_then(|extra| STANDARD.decode(extra).ok()).filter(|entry| entry.len() == ENTRY_BYTES);
        let entry = Entry::from_bytes(&entry.ok_or_else(|| malformed("its second line has no entry"))?)?;
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(decimal);
        let index = index.ok_or_else(|| malformed("its third line has no index"))?;
        let proof = lines.map(|line| LogHash::from_base64(line, "log bundle")).collect::<Result<Vec<_>, _>>()?;
        if proof.len() > LONGEST_PROOF {
            return Err(malformed("its proof is longer than that of any log"));
        }
        Ok(Self { entry, index, proof, checkpoint })
    }

    /// Whether the entry is in the tree of the checkpoint; who signed that is not looked at.
    pub(super) fn check_inclusion(&self) -> Result<(), LogError> {
        let checkpoint = self.checkpoint.checkpoint();
        let entry = LogHash::of_entry(&self.entry.to_bytes());
        check_inclusion(entry, self.index, checkpoint.size(), &self.proof, checkpoint.root())
    }
}
