//! The file that a holder hands to a verifier: a statement and its proof.
//!
//! ```text
//! {"format": "personhood-proof", "version": 1, "statement": {…}, "proof": "<2,882 hexadecimal digits>"}
//! ```
//!
//! Of the statement, a verifier takes root, nullifier and use index, and checks each of them. The rest, the nonce
//! included, it computes from what it asked for; the file's own words serve to say in which respect a refused proof is
//! another one.

use std::path::Path;

use personhood::bytes::{from_hex, to_hex};
use personhood::membership::{MembershipProof, Statement};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::files;

const FORMAT: &str = "personhood-proof";
const VERSION: u32 = 1;

/// A statement and the proof of it, as they travel.
pub(crate) struct ProofFile {
    pub(crate) statement: Statement,
    pub(crate) proof: MembershipProof,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    version: u32,
    statement: Statement,
    proof: String,
}

/// Read before the rest, so that a newer file is called newer and not malformed.
#[derive(Deserialize)]
struct Header {
    format: Option<String>,
    version: Option<u32>,
}

impl ProofFile {
    /// The file's content.
    pub(crate) fn to_json(&self) -> Result<String, Failure> {
        let document = Document {
            format: FORMAT.to_owned(),
            version: VERSION,
            statement: self.statement.clone(),
            proof: to_hex(&self.proof.to_bytes()),
        };
        serde_json::to_string_pretty(&document)
            .map_err(|error| Failure::new("internal", format!("the proof does not serialise: {error}")))
    }

    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        Self::from_json(&files::read(path, files::DOCUMENT_LIMIT)?).map_err(|error| error.about(path))
    }

    fn from_json(json: &[u8]) -> Result<Self, Failure> {
        let malformed = |error: serde_json::Error| {
            Failure::new("proof_malformed", format!("not a proof file: {error}"))
                .with_hint("a proof file is what `personhood prove --out FILE` writes")
        };
        let header: Header = serde_json::from_slice(json).map_err(malformed)?;
        if header.format.as_deref() != Some(FORMAT) {
            return Err(Failure::new("proof_malformed", format!("not a proof file: its format is not \"{FORMAT}\""))
                .with_hint("a proof file is what `personhood prove --out FILE` writes"));
        }
        if header.version != Some(VERSION) {
            let found = header.version.map_or("missing".to_owned(), |version| version.to_string());
            let message = format!("the proof file's version is {found}, and this release reads version {VERSION}");
            return Err(Failure::new("proof_file_version", message)
                .with_hint("install the release that wrote it, or ask for another proof"));
        }
        let document: Document = serde_json::from_slice(json).map_err(malformed)?;
        let bytes = from_hex_of_any_length(&document.proof)?;
        Ok(Self { statement: document.statement, proof: MembershipProof::from_bytes(&bytes)? })
    }
}

/// The bytes of a proof, whatever their number: what is wrong with a proof is for its own decoder to say.
fn from_hex_of_any_length(text: &str) -> Result<Vec<u8>, Failure> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| {
            let digits = std::str::from_utf8(pair).unwrap_or_default();
            from_hex::<1>(digits).map(|[byte]| byte)
        })
        .collect::<Result<_, _>>()
        .map_err(|_| {
            Failure::new("proof_malformed", "the proof is not lower-case hexadecimal, two digits for each byte")
        })
}
