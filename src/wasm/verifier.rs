//! The verifier's module: everything but the memory for nullifiers, which is the caller's.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use core::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::{Refusal, ScopeFields, nonce};
use crate::envelope::ProofFile;
use crate::identity::Assurance;
use crate::nullifier::{ExternalNullifier, Nullifier};
use crate::signal::Signal;
use crate::tree::{MerkleRoot, RootHistory};
use crate::verify::{AcceptedRoots, Presentation, Request, Verifier};

/// The rules of a relying party, in its own words.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Rules {
    scope: ScopeFields,
    roots: Roots,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    uses_per_person: Option<NonZeroU32>,
    #[serde(default)]
    issued_no_later_than: Option<u64>,
    #[serde(default)]
    expires_no_earlier_than: Option<u64>,
    #[serde(default)]
    assurance_at_least: u8,
    now: u64,
}

/// A list of roots, or the roots of a registry through time.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Roots {
    Listed(Vec<String>),
    Recent(Recent),
}

/// What `GET /api/v1/roots` of a server answers, and how old a root may be.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Recent {
    current: String,
    /// Since when the present root is; it decides nothing.
    #[serde(default, rename = "since")]
    _since: Option<u64>,
    #[serde(default)]
    earlier: Vec<Earlier>,
    max_age: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Earlier {
    root: String,
    replaced_at: u64,
}

/// What is known once a proof was accepted. It is not yet known whether its holder acts for the first time: record
/// `nullifier` under `external_nullifier` in one step that fails if it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    /// The root that the proof leads to.
    pub root: MerkleRoot,
    /// The scope as one number.
    pub external_nullifier: ExternalNullifier,
    /// The holder's mark in this scope.
    pub nullifier: Nullifier,
    /// Which use this is, from 0.
    pub use_index: u32,
}

/// Decides everything but whether the nullifier is new.
///
/// `rules` is the JSON `{scope: {app, action, period?}, roots, nonce?, usesPerPerson?, issuedNoLaterThan?,
/// expiresNoEarlierThan?, assuranceAtLeast?, now}`; `roots` is a list of roots, or `{current, earlier: [{root,
/// replaced_at}], maxAge}`. Times are seconds since 1970. `proof` is a [`ProofFile`].
///
/// # Errors
///
/// A [`Refusal`] with the reason's stable code.
pub fn check(rules: &str, signal: &[u8], proof: &str) -> Result<Accepted, Refusal> {
    let rules: Rules = serde_json::from_str(rules).map_err(|error| Refusal::options(&error))?;
    let now = rules.now;
    let request = Request { signal: Signal::new(signal), nonce: nonce(rules.nonce.as_deref())? };
    let (verifier, external_nullifier) = rules.verifier()?;
    let ProofFile { statement: claimed, proof } = ProofFile::from_json(proof.as_bytes()).map_err(Refusal::new)?;
    let presentation = Presentation::new(&claimed, &proof);
    verifier
        .check(&presentation, &request, now)
        .map_err(|error| Refusal::explained(error, verifier.mismatch(&claimed, &request)))?;
    let Presentation { root, nullifier, use_index, .. } = presentation;
    Ok(Accepted { root, external_nullifier, nullifier, use_index })
}

impl Rules {
    fn verifier(self) -> Result<(Verifier, ExternalNullifier), Refusal> {
        let scope = self.scope.scope()?;
        let mut verifier = Verifier::new(&scope, self.roots.accepted()?)
            .uses_per_person(self.uses_per_person.unwrap_or(NonZeroU32::MIN))
            .assurance_at_least(Assurance::new(self.assurance_at_least));
        if let Some(time) = self.issued_no_later_than {
            verifier = verifier.issued_no_later_than(time);
        }
        if let Some(time) = self.expires_no_earlier_than {
            verifier = verifier.expires_no_earlier_than(time);
        }
        Ok((verifier, scope.external_nullifier()))
    }
}

impl Roots {
    fn accepted(self) -> Result<AcceptedRoots, Refusal> {
        match self {
            Self::Listed(roots) => {
                let roots: Result<BTreeSet<MerkleRoot>, Refusal> = roots.iter().map(|text| root(text)).collect();
                Ok(AcceptedRoots::Listed(roots?))
            }
            Self::Recent(recent) => recent.accepted(),
        }
    }
}

impl Recent {
    /// Replays the history: each root from the end of the one before it.
    fn accepted(mut self) -> Result<AcceptedRoots, Refusal> {
        self.earlier.sort_by_key(|earlier| earlier.replaced_at);
        let mut since = 0;
        let mut history = None;
        let ends = self.earlier.iter().map(|earlier| (&earlier.root, earlier.replaced_at));
        for (text, until) in ends.chain([(&self.current, u64::MAX)]) {
            let root = root(text)?;
            let history = history.get_or_insert_with(|| RootHistory::new(root, 0));
            history.advance(root, since).map_err(Refusal::new)?;
            since = until;
        }
        let history = history.expect("the current root is there");
        Ok(AcceptedRoots::recent(history, self.max_age))
    }
}

fn root(text: &str) -> Result<MerkleRoot, Refusal> {
    text.parse().map_err(|error: crate::scalar::ParseError| Refusal::new(error))
}

/// What JavaScript calls.
pub mod bindings {
    use alloc::string::String;

    use wasm_bindgen::JsValue;
    use wasm_bindgen::prelude::wasm_bindgen;

    /// [`super::check`] with the JSON of its result.
    #[wasm_bindgen]
    pub fn check(rules: &str, signal: &[u8], proof: &str) -> Result<String, JsValue> {
        let accepted = super::check(rules, signal, proof).map_err(|refusal| refusal.thrown())?;
        Ok(serde_json::to_string(&accepted).expect("texts and numbers serialise"))
    }
}
