//! Iris image records: whatever the bytes are, no panic and no unbounded memory; what is read is written as the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use personhood::interchange::iso19794_6::IrisRecord;
use personhood::pipeline::image::Limits;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { max_bytes: 1 << 20, max_pixels: 1 << 18, ..Limits::default() };
    if let Ok(record) = IrisRecord::from_bytes(bytes, &limits) {
        assert_eq!(record.to_bytes(), bytes);
        for one in record.representations().iter().take(4) {
            let _ = one.picture(&limits);
        }
    }
});
