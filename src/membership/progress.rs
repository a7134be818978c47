//! How far a proof is, for those who show it and may stop it.

use core::ops::ControlFlow;

/// How far a proof is; what [`super::prove_observed`] reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Steps done. They take about the same time each.
    pub done: u32,
    /// All steps: [`Progress::STEPS`].
    pub total: u32,
}

impl Progress {
    /// Steps of a proof: 14 commitments to columns, 6 rounds of the first sum, one for the second, 2 for the mask and 6 for
    /// the inner-product argument, which is not stopped once it has begun.
    pub const STEPS: u32 = 29;
}

/// Somebody asked to stop.
pub(super) struct Cancelled;

/// Counts the steps of one proof and reports them.
pub(super) struct Reporter<'a> {
    observe: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
    done: u32,
}

impl<'a> Reporter<'a> {
    pub(super) fn new(observe: &'a mut dyn FnMut(Progress) -> ControlFlow<()>) -> Self {
        Self { observe, done: 0 }
    }

    /// Some more steps are done.
    pub(super) fn step(&mut self, steps: u32) -> Result<(), Cancelled> {
        self.done += steps;
        match (self.observe)(Progress { done: self.done, total: Progress::STEPS }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Cancelled),
        }
    }
}
