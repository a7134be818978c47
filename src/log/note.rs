//! Signed notes as C2SP defines them: a text, a blank line, and lines of signatures.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::LogError;
use super::key::valid_name;

/// Bytes of a note that is read: sixteen post-quantum signatures of nearly 5 kB, which every reader must take, fit twice.
pub(super) const NOTE_LIMIT: usize = 160 << 10;
/// Signatures of a note that is read.
const SIGNATURE_LIMIT: usize = 64;

/// A text with signatures that nobody has checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) text: String,
    pub(super) signatures: Vec<NoteSignature>,
}

/// A line `— name base64(id, signature)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NoteSignature {
    pub(super) name: String,
    pub(super) id: [u8; 4],
    pub(super) bytes: Vec<u8>,
}

impl Note {
    pub(super) fn from_bytes(bytes: &[u8], what: &'static str) -> Result<Self, LogError> {
        let text = checked_text(bytes, what)?;
        let (text, lines) = text
            .rsplit_once("\n\n")
            .ok_or_else(|| LogError::malformed(what, "there is no blank line between a text and its signatures"))?;
        Ok(Self { text: format!("{text}\n"), signatures: signature_lines(lines, what)? })
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut text = self.text.clone();
        text.push('\n');
        for signature in &self.signatures {
            text.push_str(&signature.to_string());
        }
        text.into_bytes()
    }
}

impl core::fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let all = [self.id.as_slice(), &self.bytes].concat();
        writeln!(f, "— {} {}", self.name, STANDARD.encode(all))
    }
}

/// UTF-8 without control characters but newlines, of bounded length.
pub(super) fn checked_text<'a>(bytes: &'a [u8], what: &'static str) -> Result<&'a str, LogError> {
    if bytes.len() > NOTE_LIMIT {
        return Err(LogError::TooLong { what, found: bytes.len() as u64, limit: NOTE_LIMIT as u64 });
    }
    let text = core::str::from_utf8(bytes).map_err(|_| LogError::malformed(what, "it is not UTF-8"))?;
    if text.chars().any(|letter| letter < ' ' && letter != '\n') {
        return Err(LogError::malformed(what, "it has control characters"));
    }
    Ok(text)
}

/// One or more lines of signatures and nothing else.
pub(super) fn signature_lines(lines: &str, what: &'static str) -> Result<Vec<NoteSignature>, LogError> {
    let lines = lines.strip_suffix('\n').ok_or_else(|| LogError::malformed(what, "its last line has no end"))?;
    if lines.split('\n').count() > SIGNATURE_LIMIT {
        return Err(LogError::malformed(what, format!("it has more than {SIGNATURE_LIMIT} signatures")));
    }
    lines.split('\n').map(|line| signature_line(line, what)).collect()
}

fn signature_line(line: &str, what: &'static str) -> Result<NoteSignature, LogError> {
    let malformed = || LogError::malformed(what, "a signature line is not `— name base64`");
    let (name, base64) = line.strip_prefix("— ").and_then(|rest| rest.split_once(' ')).ok_or_else(malformed)?;
    let bytes = STANDARD.decode(base64).map_err(|_| malformed())?;
    let (id, signature) = bytes.split_first_chunk::<4>().ok_or_else(malformed)?;
    if signature.is_empty() {
        return Err(malformed());
    }
    Ok(NoteSignature { name: valid_name(name)?, id: *id, bytes: signature.to_vec() })
}
