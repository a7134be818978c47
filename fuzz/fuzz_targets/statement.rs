//! A statement in JSON: reading never panics, and what was read is written and read again as the same.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use personhood::membership::{MembershipProof, Statement, verify};

static PROOF: LazyLock<MembershipProof> =
    LazyLock::new(|| MembershipProof::from_bytes(include_bytes!("../seeds/proof/valid.bin")).expect("a seed"));
static PROVEN: LazyLock<Statement> =
    LazyLock::new(|| serde_json::from_str(include_str!("../seeds/statement/valid.json")).expect("a seed"));

fuzz_target!(|bytes: &[u8]| {
    if let Ok(statement) = serde_json::from_slice::<Statement>(bytes) {
        let json = serde_json::to_vec(&statement).expect("a statement is JSON");
        assert_eq!(serde_json::from_slice::<Statement>(&json).expect("its own text"), statement);
        assert_eq!(verify(&statement, &PROOF).is_ok(), statement == *PROVEN);
    }
});
