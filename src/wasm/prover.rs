//! The prover's module: identities that stay where they are, and proofs that can be stopped.

use alloc::string::String;
use core::ops::ControlFlow;

use rand_core::{OsRng, RngCore};
use serde::{Deserialize, Serialize};

use super::{Refusal, ScopeFields, nonce};
use crate::bytes::to_hex;
use crate::envelope::{MembershipFile, ProofFile};
use crate::identity::{Assurance, IdentitySecret};
use crate::membership::{Progress, ProveError, Statement, Witness, prove_observed};
use crate::nullifier::Nullifier;
use crate::request::{RequestError, SignedRequest};
use crate::signal::{Signal, world_hash};

/// What a relying party asks for, in its own words.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wanted {
    scope: ScopeFields,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    use_index: u32,
    #[serde(default)]
    issued_no_later_than: Option<u64>,
    #[serde(default)]
    expires_no_earlier_than: Option<u64>,
    #[serde(default)]
    assurance_at_least: u8,
}

/// A new identity from the browser's or Node's random source.
///
/// # Errors
///
/// `randomness_unavailable`, where there is no such source.
pub fn new_identity() -> Result<IdentitySecret, Refusal> {
    randomness()?;
    Ok(IdentitySecret::generate(&mut OsRng))
}

/// Proves.
///
/// `wanted` is the JSON `{scope: {app, action, period?}, nonce?, useIndex?, issuedNoLaterThan?, expiresNoEarlierThan?,
/// assuranceAtLeast?}`, `membership` a [`MembershipFile`]. `observe` hears each step and breaks to stop.
///
/// # Errors
///
/// A [`Refusal`] with the reason's stable code; `cancelled` if `observe` broke.
pub fn prove(
    secret: &IdentitySecret,
    wanted: &str,
    signal: &[u8],
    membership: &str,
    observe: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<ProofFile, Refusal> {
    let wanted: Wanted = serde_json::from_str(wanted).map_err(|error| Refusal::options(&error))?;
    let membership = MembershipFile::from_json(membership.as_bytes()).map_err(Refusal::new)?;
    let external_nullifier = wanted.scope.scope()?.external_nullifier();
    let statement = Statement {
        root: membership.root,
        external_nullifier,
        use_index: wanted.use_index,
        nullifier: Nullifier::new(secret, &external_nullifier, wanted.use_index),
        signal: Signal::new(signal),
        nonce: nonce(wanted.nonce.as_deref())?,
        issued_no_later_than: wanted.issued_no_later_than,
        expires_no_earlier_than: wanted.expires_no_earlier_than,
        assurance_at_least: Assurance::new(wanted.assurance_at_least),
    };
    // Said before any work: whoever was enrolled again since has another leaf.
    if !membership.is_of(&secret.commitment()) {
        return Err(Refusal::new(ProveError::NotAMember));
    }
    randomness()?;
    let witness = Witness { secret, credential: &membership.credential, path: &membership.path };
    let proof = prove_observed(&statement, &witness, &mut OsRng, observe).map_err(Refusal::new)?;
    Ok(ProofFile { statement, proof })
}

/// What a signed request asks for, as JavaScript sees it: the fields of `prove`, and who asks until when.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Read<'a> {
    key: String,
    scope: ReadScope<'a>,
    nonce: String,
    signal_hash: String,
    issued_at: u64,
    expires_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_no_later_than: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_no_earlier_than: Option<u64>,
    assurance_at_least: u8,
}

#[derive(Serialize)]
struct ReadScope<'a> {
    app: &'a str,
    action: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    period: Option<&'a str>,
}

/// Reads a request that a relying party signed with one of `keys`, which the holder knows. The answer is the JSON
/// `{key, scope, nonce, signalHash, issuedAt, expiresAt, …}`, to be shown to the holder before anything is proved: whether they mean
/// to do this at that app is theirs to say.
///
/// # Errors
///
/// A [`Refusal`]: `request_malformed`, `request_signature`, `request_other_key`, `request_expired` …, and
/// `request_other_signal` if it is about another signal than the given one.
pub fn read_request(request: &[u8], keys: &[[u8; 32]], signal: Option<&[u8]>, now: u64) -> Result<String, Refusal> {
    let request = SignedRequest::from_bytes(request).map_err(Refusal::new)?;
    let asked = request.asked();
    let app = asked.scope.app();
    let key = keys.iter().find(|key| !matches!(request.check(key, app, now), Err(RequestError::OtherKey)));
    let key = key.ok_or_else(|| Refusal::new(RequestError::OtherKey))?;
    request.check(key, app, now).map_err(Refusal::new)?;
    if signal.is_some_and(|signal| world_hash(signal) != asked.signal_hash) {
        let message = String::from("the request is about another signal; do not answer it");
        return Err(Refusal { code: "request_other_signal", message });
    }
    let read = Read {
        key: to_hex(key),
        scope: ReadScope { app, action: asked.scope.action(), period: asked.scope.period() },
        nonce: to_hex(&asked.nonce),
        signal_hash: to_hex(&asked.signal_hash),
        issued_at: asked.issued_at,
        expires_at: asked.expires_at,
        issued_no_later_than: asked.issued_no_later_than,
        expires_no_earlier_than: asked.expires_no_earlier_than,
        assurance_at_least: asked.assurance_at_least,
    };
    Ok(serde_json::to_string(&read).expect("texts and numbers serialise"))
}

/// A source that fails says so here, and not by a panic in the middle of a proof.
fn randomness() -> Result<(), Refusal> {
    OsRng.try_fill_bytes(&mut [0; 1]).map_err(|error| Refusal {
        code: "randomness_unavailable",
        message: alloc::format!("there is no source of randomness: {error}; it needs `crypto.getRandomValues`"),
    })
}

/// What JavaScript calls.
pub mod bindings {
    use alloc::boxed::Box;
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;
    use core::ops::ControlFlow;

    use js_sys::{Function, Uint8Array};
    use wasm_bindgen::JsValue;
    use wasm_bindgen::prelude::wasm_bindgen;
    use zeroize::{Zeroize, Zeroizing};

    use crate::identity::{IdentitySecret, IdentitySecretError};
    use crate::wasm::Refusal;

    /// A secret in this module's memory; `free()` wipes it. In a box, because a value that is moved leaves copies behind.
    #[wasm_bindgen]
    pub struct Identity(Box<IdentitySecret>);

    #[wasm_bindgen]
    impl Identity {
        /// A new identity.
        pub fn generate() -> Result<Self, JsValue> {
            leaving_nothing(|| super::new_identity().map(Box::new)).map(Self).map_err(|refusal| refusal.thrown())
        }

        /// Reads the 69 bytes of a secret file. The caller wipes `file`.
        pub fn restore(file: &Uint8Array) -> Result<Self, JsValue> {
            leaving_nothing(|| read(file)).map(Self).map_err(|refusal| refusal.thrown())
        }

        /// Writes the 69 bytes of a secret file over `file`, which must be as long.
        #[wasm_bindgen(js_name = backUp)]
        pub fn back_up(&self, file: &Uint8Array) {
            leaving_nothing(|| file.copy_from(self.0.to_bytes().as_slice()));
        }

        /// The commitment, 64 hexadecimal digits.
        pub fn commitment(&self) -> String {
            leaving_nothing(|| self.0.commitment()).to_string()
        }

        /// Proves; `observe(done, total)` returns whether to go on.
        pub fn prove(
            &self,
            wanted: &str,
            signal: &[u8],
            membership: &str,
            observe: &Function,
        ) -> Result<String, JsValue> {
            let observe = |progress: crate::membership::Progress| {
                let go_on = observe.call2(&JsValue::NULL, &progress.done.into(), &progress.total.into());
                if go_on.is_ok_and(|go_on| go_on.is_truthy()) {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            };
            let proof = leaving_nothing(|| super::prove(&self.0, wanted, signal, membership, observe));
            Ok(proof.map_err(|refusal| refusal.thrown())?.to_json())
        }
    }

    /// Reads a signed request. `keys` are the known keys, 32 bytes each, one after the other; `now` is in seconds since 1970.
    #[wasm_bindgen(js_name = readRequest)]
    pub fn read_request(request: &[u8], keys: &[u8], signal: Option<Vec<u8>>, now: f64) -> Result<String, JsValue> {
        // Whole seconds since 1970: what is negative or no number becomes 0, before every request.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let now = now as u64;
        let (keys, _) = keys.as_chunks::<32>();
        super::read_request(request, keys, signal.as_deref(), now).map_err(|refusal| refusal.thrown())
    }

    fn read(file: &Uint8Array) -> Result<Box<IdentitySecret>, Refusal> {
        let found = file.length() as usize;
        if found != IdentitySecret::BYTES {
            return Err(Refusal::new(IdentitySecretError::Length { expected: IdentitySecret::BYTES, found }));
        }
        let mut bytes = Zeroizing::new([0; IdentitySecret::BYTES]);
        file.copy_to(bytes.as_mut_slice());
        IdentitySecret::from_bytes(bytes.as_slice()).map(Box::new).map_err(Refusal::new)
    }

    /// Does some work, and writes over what it left on the stack. In this module the stack is memory that every script of the
    /// page can read, and `js/test/memory.test.mjs` finds copies of secrets there without this.
    fn leaving_nothing<T>(work: impl FnOnce() -> T) -> T {
        let result = below(work);
        wipe_below();
        result
    }

    /// In a frame of its own, so that all of the work is below its caller.
    #[inline(never)]
    fn below<T>(work: impl FnOnce() -> T) -> T {
        work()
    }

    /// 128 KiB of what is below the caller: more than a proof uses.
    #[inline(never)]
    fn wipe_below() {
        let mut below = [0_u8; 1 << 17];
        core::hint::black_box(&mut below).zeroize();
    }
}
