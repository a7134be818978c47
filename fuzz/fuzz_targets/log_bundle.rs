//! An offline bundle: reading never panics, there is one spelling, and a changed one is accepted only for what it says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use personhood::log::{Bundle, LoggedRoots, SignedCheckpoint};
use personhood_fuzz::log::{BUNDLE, log_key, witness_key};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(read) = Bundle::from_bytes(bytes) {
        assert_eq!(read.to_bytes(), bytes);
        let rules = LoggedRoots::new(log_key(), vec![witness_key()], 1).unwrap();
        if rules.check(&read.entry.new_root, &read, u64::MAX / 2).is_ok() {
            let good = Bundle::from_bytes(BUNDLE.as_bytes()).unwrap();
            let said = |checkpoint: &SignedCheckpoint| checkpoint.checkpoint().clone();
            assert_eq!((read.entry, read.index, read.proof), (good.entry, good.index, good.proof));
            assert_eq!(said(&read.checkpoint), said(&good.checkpoint));
        }
    }
});
