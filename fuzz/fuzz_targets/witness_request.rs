//! A request to a witness: reading never panics, there is one spelling, and only the log's own checkpoint is cosigned.
#![no_main]

use libfuzzer_sys::fuzz_target;
use personhood::log::{MemoryWitnessStore, Witness, WitnessRequest};
use personhood_fuzz::log::{log_key, signed, witness_secret};

fuzz_target!(|bytes: &[u8]| {
    let mut witness = Witness::new(witness_secret(), vec![log_key()], MemoryWitnessStore::default());
    let answer = witness.add_checkpoint(bytes, 1_800_000_000);
    let Ok(request) = WitnessRequest::from_bytes(bytes) else {
        assert_eq!(answer.status, 400);
        return;
    };
    assert_eq!(request.to_bytes(), bytes);
    if answer.status == 200 {
        assert_eq!(request.checkpoint.checkpoint(), signed().checkpoint());
    }
});
