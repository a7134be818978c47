//! The roots that all requests of a moment see.

use std::sync::{Arc, PoisonError, RwLock};

use crate::tree::RootHistory;

/// The history as of the last refresh.
#[derive(Debug)]
pub(super) struct Roots {
    known: RwLock<Known>,
}

/// What one request sees.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) history: Arc<RootHistory>,
    /// When it was last known to be all, in seconds since 1970.
    pub(super) at: u64,
}

impl Roots {
    pub(super) fn new(history: Arc<RootHistory>, at: u64) -> Self {
        Self { known: RwLock::new(Known { history, at }) }
    }

    pub(super) fn replace(&self, history: Arc<RootHistory>, at: u64) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Known { history, at };
    }

    pub(super) fn known(&self) -> Known {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
