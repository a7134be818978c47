//! open-iris' JSON: reading never panics, and what was read is written and read again as the same bits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use personhood::iris::openiris;
use personhood::matcher::{MatchPolicy, compare};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(template) = openiris::from_json(bytes) {
        let json = openiris::to_json(&template).expect("it came from this format");
        assert_eq!(openiris::from_json(json.as_bytes()).expect("its own text"), template);
        let _ = compare(&template, &template.mirrored(), &MatchPolicy::default());
    }
});
