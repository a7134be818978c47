//! The bytes of a secret file: reading never panics, and what was read has one encoding.
#![no_main]

use libfuzzer_sys::fuzz_target;
use personhood::identity::IdentitySecret;
use personhood::scalar::hash_to_scalar;

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    // The checksum stops nearly every mutation; with the right one, what lies behind it is reached too.
    if let Some((body, _)) = bytes.split_last_chunk::<4>() {
        let checksum = hash_to_scalar(b"secret-file", &[body]).to_bytes();
        check(&[body, &checksum[..4]].concat());
    }
});

fn check(bytes: &[u8]) {
    if let Ok(secret) = IdentitySecret::from_bytes(bytes) {
        assert_eq!(secret.to_bytes().as_slice(), bytes);
    }
}
