//! A witness: it looks at logs of others, remembers what it saw, and signs nothing that contradicts it.
//!
//! The rules are those of C2SP tlog-witness. [`Witness::add_checkpoint`] takes the body of a `POST …/add-checkpoint` and
//! gives the answer; who listens on which port is another matter.
//!
//! | answer | why |
//! |---|---|
//! | 200 | seen, remembered and cosigned; the body is the line of the cosignature |
//! | 400 | the body is not a request, or asks to shrink the log |
//! | 403 | not signed by the log |
//! | 404 | the log is not one that this witness looks at |
//! | 409 | the witness has last seen another size, which is the body |
//! | 422 | the log does not continue the one that was seen: a fork, or a wrong proof |
//! | 500 | the witness could not remember it, so it did not sign |

mod store;

use super::LogError;
use super::checkpoint::{Checkpoint, SignedCheckpoint, decimal};
use super::key::{LogPublicKey, WitnessPublicKey, WitnessSigningKey};
use super::merkle::{LogHash, check_consistency};
use super::note::NOTE_LIMIT;

pub use store::{FileWitnessStore, MemoryWitnessStore, WitnessStore};

/// Hashes of a consistency proof, by the specification.
const LONGEST_PROOF: usize = 63;
/// Bytes of a request: `old`, the proof, and a note.
pub const REQUEST_LIMIT: usize = NOTE_LIMIT + 32 + 45 * LONGEST_PROOF;

/// What a log asks of a witness.
///
/// ```text
/// old 4                                    the size that the witness has seen
/// PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZ…    consistency proof, a hash on each line
///
/// log.example/people                       the checkpoint
/// 7
/// CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3…
///
/// — log.example/people Az3grlgtzPICa5OS…
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessRequest {
    /// Entries of the log when the witness saw it last; 0 if never.
    pub old: u64,
    /// That the log begins with those.
    pub proof: Vec<LogHash>,
    /// The log now.
    pub checkpoint: SignedCheckpoint,
}

impl WitnessRequest {
    /// The body of the request.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("old {}\n", self.old);
        for hash in &self.proof {
            text.push_str(&format!("{hash}\n"));
        }
        text.push('\n');
        [text.into_bytes(), self.checkpoint.to_bytes()].concat()
    }

    /// Reads the body of a request; there is one spelling.
    ///
    /// # Errors
    ///
    /// [`LogError::Malformed`], [`LogError::TooLong`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LogError> {
        let malformed = |detail: &str| LogError::malformed("witness request", detail);
        if bytes.len() > REQUEST_LIMIT {
            let (found, limit) = (bytes.len() as u64, REQUEST_LIMIT as u64);
            return Err(LogError::TooLong { what: "witness request", found, limit });
        }
        let border = bytes.windows(2).position(|pair| pair == b"\n\n").ok_or_else(|| malformed("no blank line"))?;
        let head = core::str::from_utf8(&bytes[..border]).map_err(|_| malformed("it is not UTF-8"))?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(decimal);
        let old = old.ok_or_else(|| malformed("its first line is not `old` and a size"))?;
        let proof = lines.map(|line| LogHash::from_base64(line, "witness request")).collect::<Result<Vec<_>, _>>()?;
        if proof.len() > LONGEST_PROOF {
            return Err(malformed("its proof has more than 63 hashes"));
        }
        Ok(Self { old, proof, checkpoint: SignedCheckpoint::from_bytes(&bytes[border + 2..])? })
    }
}

/// What a witness answers, ready for HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessAnswer {
    /// The status code.
    pub status: u16,
    /// The type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

/// The key, the logs that are looked at, and what was seen of them.
#[derive(Debug)]
pub struct Witness<S> {
    key: WitnessSigningKey,
    logs: Vec<LogPublicKey>,
    store: S,
}

/// Why a request is not answered with a cosignature; everything but a size is text for people.
enum Refusal {
    BadRequest(String),
    Forbidden(String),
    UnknownLog,
    Conflict(u64),
    NotConsistent(String),
    Failed(String),
}

impl<S: WitnessStore> Witness<S> {
    /// A witness that looks at these logs. Of several keys with one name (a log that changed its key), any may sign.
    #[must_use]
    pub const fn new(key: WitnessSigningKey, logs: Vec<LogPublicKey>, store: S) -> Self {
        Self { key, logs, store }
    }

    /// The key by which others recognise its cosignatures.
    #[must_use]
    pub fn public(&self) -> WitnessPublicKey {
        self.key.public()
    }

    /// Answers the body of an `add-checkpoint`; `now` in Unix seconds.
    ///
    /// What it signs was remembered before, so that no crash makes it sign a contradiction.
    pub fn add_checkpoint(&mut self, body: &[u8], now: u64) -> WitnessAnswer {
        let text = "text/plain; charset=utf-8";
        let (status, content_type, body) = match self.decide(body, now) {
            Ok(line) => (200, text, line),
            Err(Refusal::BadRequest(detail)) => (400, text, detail + "\n"),
            Err(Refusal::Forbidden(detail)) => (403, text, detail + "\n"),
            Err(Refusal::UnknownLog) => (404, text, "this witness does not look at that log\n".to_owned()),
            Err(Refusal::Conflict(size)) => (409, "text/x.tlog.size", format!("{size}\n")),
            Err(Refusal::NotConsistent(detail)) => (422, text, detail + "\n"),
            Err(Refusal::Failed(detail)) => (500, text, detail + "\n"),
        };
        WitnessAnswer { status, content_type, body: body.into_bytes() }
    }

    fn decide(&mut self, body: &[u8], now: u64) -> Result<String, Refusal> {
        let request = WitnessRequest::from_bytes(body).map_err(|error| Refusal::BadRequest(error.to_string()))?;
        let checkpoint = request.checkpoint.checkpoint();
        let origin = checkpoint.origin();
        let mut signed = None;
        for key in self.logs.iter().filter(|key| key.name() == origin) {
            match request.checkpoint.verify(key) {
                // One bad line in the name of a known key spoils the note, whatever else is on it.
                Err(error @ LogError::Signature { .. }) => return Err(Refusal::Forbidden(error.to_string())),
                Err(error) => signed = signed.or(Some(Err(error))),
                Ok(()) => signed = Some(Ok(())),
            }
        }
        signed.ok_or(Refusal::UnknownLog)?.map_err(|error| Refusal::Forbidden(error.to_string()))?;
        if request.old > checkpoint.size() {
            return Err(Refusal::BadRequest("a log does not become shorter".to_owned()));
        }

        let mut answer = Err(Refusal::Failed("nothing was decided".to_owned()));
        let stored = self.store.exchange(origin, &mut |seen| {
            let verdict = consistent(seen, &request);
            let fine = verdict.is_ok();
            answer = verdict.map(|()| request.checkpoint.cosign(&self.key, now));
            fine.then(|| request.checkpoint.clone())
        });
        match stored {
            Ok(()) => answer,
            Err(error) => Err(Refusal::Failed(error.to_string())),
        }
    }
}

fn consistent(seen: Option<&Checkpoint>, request: &WitnessRequest) -> Result<(), Refusal> {
    let new = request.checkpoint.checkpoint();
    let (size, root) = seen.map_or((0, LogHash::empty()), |seen| (seen.size(), seen.root()));
    if request.old != size {
        return Err(Refusal::Conflict(size));
    }
    check_consistency((size, root), (new.size(), new.root()), &request.proof)
        .map_err(|error| Refusal::NotConsistent(error.to_string()))
}

#[cfg(test)]
mod tests;
