//! A checkpoint with signatures: reading never panics, there is one spelling, and nothing that was changed verifies.
#![no_main]

use libfuzzer_sys::fuzz_target;
use personhood::log::SignedCheckpoint;
use personhood_fuzz::log::{log_key, signed, witness_key};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(read) = SignedCheckpoint::from_bytes(bytes) {
        assert_eq!(read.to_bytes(), bytes);
        let signed = signed();
        assert!(read.verify(&log_key()).is_err() || read.checkpoint() == signed.checkpoint());
        let cosigned = read.cosignatures(&[witness_key()]).is_ok_and(|found| !found.is_empty());
        assert!(!cosigned || read.checkpoint() == signed.checkpoint());
    }
});
