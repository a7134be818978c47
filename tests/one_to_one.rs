//! A comparison of two templates allocates nothing.
//!
//! It has a binary of its own because a program has one allocator.

#![allow(unsafe_code, clippy::unwrap_used)] // an allocator cannot be written without

use std::alloc::{GlobalAlloc, Layout as Block, System};
use std::cell::Cell;

use personhood::iris::{EncoderVersion, IrisCode, IrisTemplate, Layout, Mask, Rotation};
use personhood::matcher::{Comparison, MatchPolicy, compare, rotation_counts};

thread_local!(static ALLOCATIONS: Cell<usize> = const { Cell::new(0) });

struct Counter;

#[global_allocator]
static COUNTER: Counter = Counter;

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counter {
    unsafe fn alloc(&self, block: Block) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises are the system allocator's conditions.
        unsafe { System.alloc(block) }
    }

    unsafe fn dealloc(&self, place: *mut u8, block: Block) {
        // SAFETY: the block came from `alloc` above.
        unsafe { System.dealloc(place, block) }
    }
}

fn allocations<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = ALLOCATIONS.get();
    let done = work();
    (done, ALLOCATIONS.get() - before)
}

#[test]
fn a_comparison_allocates_nothing() {
    for layout in Layout::ALL {
        let code = |seed: usize| {
            IrisCode::from_fn(layout, |w, r, c, p| (seed * (r + 3) * (c + 1) * (c + 7) / 5 + w * r + p) % 11 < 5)
        };
        let template = |seed, mask| IrisTemplate::new(code(seed), mask, EncoderVersion::Other(1)).unwrap();
        let reference = template(1, Mask::full(layout));
        let near = reference.rotated(Rotation::new(4));
        let far = template(2, Mask::full(layout));
        let empty = template(1, Mask::empty(layout));
        for policy in [MatchPolicy::default(), MatchPolicy::OPEN_IRIS] {
            // The first asks the CPU what it can do.
            assert!(compare(&near, &reference, &policy).is_match());
            let (found, blocks) = allocations(|| compare(&near, &reference, &policy));
            assert!(found.is_match());
            assert_eq!(blocks, 0, "a match");
            let (found, blocks) = allocations(|| compare(&far, &reference, &policy));
            assert!(matches!(found, Comparison::NonMatch(_)));
            assert_eq!(blocks, 0, "no match");
            let (found, blocks) = allocations(|| compare(&empty, &reference, &policy));
            assert!(matches!(found, Comparison::Incomparable(_)));
            assert_eq!(blocks, 0, "nothing to compare");
            let (_, blocks) = allocations(|| rotation_counts(&near, &reference, policy.maximum_rotation));
            assert!(blocks > 0, "the counter sees the list that this one returns");
        }
    }
}
