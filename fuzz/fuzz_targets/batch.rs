//! A batch of up to four proofs, each with some bytes changed: the verdict of the batch is that of its first bad entry.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use personhood::membership::{MembershipProof, verify, verify_batch};
use personhood_fuzz::{Entry, edits};

static ENTRY: LazyLock<Entry> = LazyLock::new(Entry::valid);

fuzz_target!(|bytes: &[u8]| {
    // 0xff separates entries, so that one input can undo in the second what it did to the first.
    let batch: Vec<_> = bytes
        .split(|byte| *byte == 0xff)
        .take(4)
        .filter_map(|part| {
            let mut entry = ENTRY.clone();
            for (place, value) in edits(part) {
                entry.set(place, value);
            }
            Some((entry.statement()?, MembershipProof::from_bytes(&entry.proof).ok()?))
        })
        .collect();
    let first = batch.iter().position(|(statement, proof)| verify(statement, proof).is_err());
    assert_eq!(verify_batch(&batch).err().map(|error| error.index), first);
});
