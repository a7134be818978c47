//! The clock that measurements are made with.

use std::time::Duration;

/// What the clock counts, as reports name it.
pub(crate) const CLOCK: &str = if cfg!(any(target_os = "linux", target_os = "macos")) { "thread_cpu" } else { "wall" };

/// The time that this thread has run on a processor, so that other programs on the machine do not count.
#[cfg(any(target_os = "linux", target_os = "macos"))]
pub(crate) fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    // A clock of processor time begins at 0 and does not run backwards.
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// The time of day since the first call: where a thread's own time cannot be told.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub(crate) fn thread_time() -> Duration {
    static BEGIN: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    BEGIN.elapsed()
}
