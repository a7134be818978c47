//! Who does the work of a proof: this thread alone, or rayon's threads.
//!
//! The parts of the prover that take long are many independent multiplications; they are handed to a [`Workers`], and
//! what comes back is the same whoever did it.

use alloc::vec::Vec;

/// Somebody to share work with.
pub(super) trait Workers {
    /// How many parts a long sum should be cut into.
    const PARTS: usize;

    /// How many of `tasks` to do before somebody should hear of it.
    fn share(&self, tasks: usize) -> usize;

    /// f(0), …, f(count − 1), in this order.
    fn map<T: Send>(&self, count: usize, f: impl Fn(usize) -> T + Sync + Send) -> Vec<T>;

    /// Both.
    fn both<A: Send, B: Send>(&self, a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B);
}

/// Nobody.
pub(super) struct OneThread;

impl Workers for OneThread {
    const PARTS: usize = 1;

    fn share(&self, tasks: usize) -> usize {
        tasks.min(1)
    }

    fn map<T: Send>(&self, count: usize, f: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
        (0..count).map(f).collect()
    }

    fn both<A: Send, B: Send>(&self, a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
        (a(), b())
    }
}

/// The threads of rayon's current pool.
#[cfg(feature = "rayon")]
pub(super) struct AllThreads;

#[cfg(feature = "rayon")]
impl Workers for AllThreads {
    /// Enough for the machines that hold a wallet; each part costs its own doublings.
    const PARTS: usize = 4;

    fn share(&self, tasks: usize) -> usize {
        tasks
    }

    fn map<T: Send>(&self, count: usize, f: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
        use rayon::prelude::*;
        (0..count).into_par_iter().map(f).collect()
    }

    fn both<A: Send, B: Send>(&self, a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
        rayon::join(a, b)
    }
}
