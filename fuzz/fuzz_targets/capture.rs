//! The bytes of a capture manifest: reading never panics, and what was read has one encoding.
#![no_main]

use libfuzzer_sys::fuzz_target;
use personhood::registry::{CaptureManifest, StationKey};

fuzz_target!(|bytes: &[u8]| {
    if let Ok((manifest, signature)) = CaptureManifest::from_bytes(bytes) {
        let signed = StationKey::from_bytes(&[1; 32]).sign(&manifest).expect("what was read can be written");
        let (body, _) = signed.split_last_chunk::<64>().expect("a signature is at its end");
        assert_eq!([body, signature.as_slice()].concat(), bytes);
    }
});
