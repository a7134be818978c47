#![no_main]

use libfuzzer_sys::fuzz_target;
use personhood::request::SignedRequest;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(request) = SignedRequest::from_bytes(bytes) {
        assert_eq!(request.to_bytes(), bytes);
    }
});
