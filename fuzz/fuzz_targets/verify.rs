//! A good proof and its statement with some bytes changed: accepted exactly if nothing was.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use personhood::membership::{MembershipProof, verify};
use personhood_fuzz::{Entry, edits};

static ENTRY: LazyLock<Entry> = LazyLock::new(Entry::valid);

fuzz_target!(|bytes: &[u8]| {
    let mut entry = ENTRY.clone();
    for (place, value) in edits(bytes) {
        entry.set(place, value);
    }
    if let Some(statement) = entry.statement() {
        if let Ok(proof) = MembershipProof::from_bytes(&entry.proof) {
            assert_eq!(verify(&statement, &proof).is_ok(), entry == *ENTRY);
        }
    }
});
