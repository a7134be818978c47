//! The bytes of a picture: decoding and the whole pipeline never panic and keep to their limits.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use personhood::pipeline::Pipeline;
use personhood::pipeline::image::{Limits, decode};

static PIPELINE: LazyLock<Pipeline> = LazyLock::new(|| Pipeline::builder().build());

fuzz_target!(|bytes: &[u8]| {
    // Small enough for many runs a second; the limits themselves are under test.
    let limits = Limits { max_pixels: 1 << 17, max_dimension: 1024, ..Limits::default() };
    if let Ok(image) = decode(bytes, &limits) {
        assert!(image.width() * image.height() <= 1 << 17);
        let _ = PIPELINE.trace(&image);
    }
});
