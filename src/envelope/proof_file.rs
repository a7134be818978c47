//! What a holder hands to a verifier: a statement and its proof.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{DocumentKind, EnvelopeError, read};
use crate::bytes::{from_hex, to_hex};
use crate::membership::{MembershipProof, Statement};

/// A statement and the proof of it, as they travel.
///
/// ```text
/// {"format": "personhood-proof", "version": 1, "statement": {…}, "proof": "<2,882 hexadecimal digits>"}
/// ```
///
/// Of the statement, a verifier takes root, nullifier and use index, and checks each of them. The rest, the nonce
/// included, it computes from what it asked for; the document's own words serve to say in which respect a refused proof
/// is another one (see [`Verifier::mismatch`](crate::verify::Verifier::mismatch)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofFile {
    /// What the holder claims.
    pub statement: Statement,
    /// The proof of it.
    pub proof: MembershipProof,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    version: u32,
    statement: Statement,
    proof: String,
}

impl ProofFile {
    /// The longest document that is read, in bytes: five times what is written, for those who indent.
    pub const MAX_BYTES: usize = 1 << 14;

    /// The document, indented, without a line feed at its end.
    ///
    /// # Panics
    ///
    /// Never: texts and numbers always serialise.
    #[must_use]
    pub fn to_json(&self) -> String {
        let document = Document {
            format: DocumentKind::Proof.format().to_owned(),
            version: DocumentKind::Proof.version(),
            statement: self.statement.clone(),
            proof: to_hex(&self.proof.to_bytes()),
        };
        serde_json::to_string_pretty(&document).expect("texts and numbers serialise")
    }

    /// Reads a document.
    ///
    /// What is read is not yet believed: see [`Verifier::verify`](crate::verify::Verifier::verify).
    ///
    /// # Errors
    ///
    /// [`EnvelopeError`] for more than [`ProofFile::MAX_BYTES`], for another kind or version of document, unknown,
    /// missing and repeated fields, and bytes that are not a proof.
    pub fn from_json(json: &[u8]) -> Result<Self, EnvelopeError> {
        let document: Document = read(DocumentKind::Proof, Self::MAX_BYTES, json)?;
        let bytes = from_hex_of_any_length(&document.proof)?;
        Ok(Self { statement: document.statement, proof: MembershipProof::from_bytes(&bytes)? })
    }
}

/// The bytes of a proof, whatever their number: what is wrong with a proof is for its own decoder to say.
fn from_hex_of_any_length(text: &str) -> Result<Vec<u8>, EnvelopeError> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| from_hex::<1>(core::str::from_utf8(pair).unwrap_or_default()).map(|[byte]| byte))
        .collect::<Result<_, _>>()
        .map_err(|_| EnvelopeError::Malformed {
            kind: DocumentKind::Proof,
            detail: "the proof is not lower-case hexadecimal, two digits for each byte".to_owned(),
        })
}
