//! The bytes of a proof: decoding never panics, what decodes has one encoding, and no such proof is accepted.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use personhood::membership::{MembershipProof, Statement, verify};

/// The statement of the seed proof with another signal: whatever verifies for it is a forgery.
static STATEMENT: LazyLock<Statement> =
    LazyLock::new(|| serde_json::from_str(include_str!("../seeds/statement/other-signal.json")).expect("a seed"));

fuzz_target!(|bytes: &[u8]| {
    if let Ok(proof) = MembershipProof::from_bytes(bytes) {
        assert_eq!(proof.to_bytes(), bytes);
        assert!(verify(&STATEMENT, &proof).is_err());
    }
});
