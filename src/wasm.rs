//! The face for JavaScript: a verifier and a prover for `wasm32-unknown-unknown`.
//!
//! ```text
//! feature         module               who loads it
//! wasm-verifier   personhood_verifier  services: Node, workers at the edge, pages
//! wasm-prover     personhood_prover    holders: in a Web Worker of their page
//! ```
//!
//! Two feature sets of one crate make two modules, so that a service does not load a prover. Neither needs a package of its
//! own: `cargo rustc --lib --crate-type cdylib …` makes the module without declaring one for every dependent, see
//! `js/build.mjs`. The functions here are Rust first: tests call them without JavaScript. What JavaScript sees
//! are the thin wrappers in the modules `bindings`.
//!
//! Texts cross the border as JSON, read by the same code that reads the program's files: an unknown or a repeated field is
//! refused, which `JSON.parse` would let pass. Failures cross it as `{"code", "message"}`, with the stable codes of
//! [`Error::code`](crate::error::Error::code).
//!
//! Secrets are values of the prover's module. Their bytes enter and leave through buffers of the caller without a copy that
//! stays behind in the module's memory, and they are in no message.

#[cfg(feature = "wasm-prover")]
pub mod prover;
mod refusal;
#[cfg(feature = "wasm-verifier")]
pub mod verifier;

pub use refusal::Refusal;

use alloc::string::String;

use crate::nullifier::Scope;

/// App, action and period as JavaScript writes them.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ScopeFields {
    app: String,
    action: String,
    #[serde(default)]
    period: Option<String>,
}

impl ScopeFields {
    /// The scope; read apart from the JSON, so that a name that is unclear has its own code.
    fn scope(self) -> Result<Scope, Refusal> {
        let scope = Scope::new(self.app, self.action).map_err(Refusal::new)?;
        match self.period {
            Some(period) => scope.in_period(period).map_err(Refusal::new),
            None => Ok(scope),
        }
    }
}

/// 32 bytes as hexadecimal digits, or zeros where none are asked for.
fn nonce(text: Option<&str>) -> Result<[u8; 32], Refusal> {
    text.map_or(Ok([0; 32]), |text| crate::bytes::from_hex(text).map_err(Refusal::new))
}
