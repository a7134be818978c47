//! An entry of the log, and a bundle file of entries: reading never panics, and what was read has one encoding.
#![no_main]

use libfuzzer_sys::fuzz_target;
use personhood::log::{Entry, split_entries};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(entry) = Entry::from_bytes(bytes) {
        assert_eq!(entry.to_bytes(), bytes);
    }
    if let Some(entries) = split_entries(bytes) {
        let length = |entry: &&[u8]| (entry.len() as u16).to_be_bytes();
        assert_eq!(entries.iter().flat_map(|entry| [&length(entry), *entry].concat()).collect::<Vec<u8>>(), bytes);
    }
});
