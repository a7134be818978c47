//! Why something was not done, as JavaScript hears it.

use alloc::format;
use alloc::string::{String, ToString};

#[cfg(feature = "wasm-verifier")]
use crate::membership::VerifyError as ProofError;
#[cfg(feature = "wasm-verifier")]
use crate::verify::{Mismatch, VerifyError};

/// A stable code for programs, and a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Refusal {
    /// One of the codes of docs/program.md.
    pub code: &'static str,
    /// What happened, with the value, the limit and the remedy.
    pub message: String,
}

impl Refusal {
    /// Any failure of the library.
    pub(super) fn new(error: impl Into<crate::error::Error>) -> Self {
        let error = error.into();
        Self { code: error.code(), message: error.to_string() }
    }

    /// The JSON of what is asked for is not what it must be.
    pub(super) fn options(error: &serde_json::Error) -> Self {
        Self { code: "options_malformed", message: format!("the options are not understood: {error}") }
    }

    /// A verifier's refusal. Where the proof system can only say "no", the document's own words may say in which respect
    /// the proof is one for something else.
    #[cfg(feature = "wasm-verifier")]
    pub(super) fn explained(error: VerifyError, mismatch: Option<Mismatch>) -> Self {
        match (&error, mismatch) {
            (VerifyError::Proof(ProofError::Rejected), Some(mismatch)) => {
                Self { code: mismatch.code(), message: mismatch.to_string() }
            }
            _ => Self::new(error),
        }
    }

    /// What JavaScript catches: the JSON of this value.
    pub(super) fn thrown(&self) -> wasm_bindgen::JsValue {
        let json = serde_json::to_string(self).expect("two texts serialise");
        wasm_bindgen::JsValue::from_str(&json)
    }
}
