//! The documents between holders, registries and services: reading never panics, and what was read is written as one text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use personhood::envelope::{MembershipFile, ProofFile};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(file) = ProofFile::from_json(bytes) {
        assert_eq!(ProofFile::from_json(file.to_json().as_bytes()), Ok(file));
    }
    if let Ok(file) = MembershipFile::from_json(bytes) {
        assert_eq!(MembershipFile::from_json(file.to_json().as_bytes()), Ok(file));
    }
});
