//! How long the stages of one run took.

use core::time::Duration;

/// Reads a clock: time since some moment of its own.
pub type Clock = fn() -> Duration;

/// A part of the way from picture to template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Pixels to masks and curves.
    Segmentation,
    /// Masks to complete boundaries, centres and tilt.
    Boundaries,
    /// Measures of quality.
    Quality,
    /// The iris unrolled.
    Unrolling,
    /// Answers of the wavelets.
    Filters,
    /// Fragile bits, code and mask.
    Encoding,
}

impl Stage {
    /// Every stage, in the order of the pipeline.
    pub const ALL: [Self; 6] =
        [Self::Segmentation, Self::Boundaries, Self::Quality, Self::Unrolling, Self::Filters, Self::Encoding];

    /// The name in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Segmentation => "segmentation",
            Self::Boundaries => "boundaries",
            Self::Quality => "quality",
            Self::Unrolling => "unrolling",
            Self::Filters => "filters",
            Self::Encoding => "encoding",
        }
    }
}

/// What each stage of one run took by the caller's clock.
///
/// A stage that was not reached took nothing; the stage that refused the picture is not counted.
#[derive(Clone, Debug, Default)]
pub struct StageTimes {
    clock: Option<(Clock, Duration)>,
    times: [Duration; Stage::ALL.len()],
}

impl StageTimes {
    pub(super) fn begun(clock: Clock) -> Self {
        Self { clock: Some((clock, clock())), times: Default::default() }
    }

    /// Everything since the end of the stage before counts as this one. Without a clock nothing happens.
    pub(super) fn finished(&mut self, stage: Stage) {
        let Some((clock, since)) = &mut self.clock else { return };
        let now = clock();
        self.times[stage as usize] += now.saturating_sub(*since);
        *since = now;
    }

    /// What this stage took.
    #[must_use]
    pub const fn of(&self, stage: Stage) -> Duration {
        self.times[stage as usize]
    }
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn a_stage_takes_what_has_passed_since_the_one_before() {
        static TICKS: AtomicU64 = AtomicU64::new(0);
        fn clock() -> Duration {
            Duration::from_nanos(TICKS.fetch_add(10, Ordering::Relaxed))
        }
        let mut times = StageTimes::begun(clock);
        times.finished(Stage::Segmentation);
        TICKS.fetch_add(5, Ordering::Relaxed);
        times.finished(Stage::Quality);
        times.finished(Stage::Filters);
        times.finished(Stage::Quality);
        let nanoseconds = Stage::ALL.map(|stage| times.of(stage).as_nanos());
        assert_eq!(nanoseconds, [10, 0, 25, 0, 10, 0]);

        let mut without = StageTimes::default();
        without.finished(Stage::Segmentation);
        assert_eq!(without.of(Stage::Segmentation), Duration::ZERO);
    }
}
