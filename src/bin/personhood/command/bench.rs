//! `personhood bench`: what this machine can do, for the operator who has to plan.
//!
//! A part of it is one file in `bench/` with a function `measure(args, output)` that returns a report (`Serialize` for
//! programs, `Display` for people) and a `summary` of one line or a few; it is named in `BenchPart` (args.rs), in
//! [`run`] and in [`Everything`].

mod matcher;
mod pipeline;
mod proof;

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::args::{Bench, BenchMatcher, BenchPart, BenchPipeline, BenchProof};
use crate::clock::{CLOCK, thread_time};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

pub(crate) fn run(args: &Bench, output: Output) -> Result<Exit, Failure> {
    match &args.part {
        Some(BenchPart::Pipeline(args)) => {
            let report = pipeline::measure(args, output)?;
            output.answer(Exit::Yes, &report, &report)
        }
        Some(BenchPart::Proof(args)) => {
            let report = proof::measure(args, output)?;
            output.answer(Exit::Yes, &report, &report)
        }
        Some(BenchPart::Matcher(args)) => {
            let report = matcher::measure(args, output)?;
            output.answer(Exit::Yes, &report, &report)
        }
        None => {
            let report = Everything {
                clock: CLOCK,
                machine: Machine::here(),
                pipeline: pipeline::measure(&BenchPipeline::default(), output)?,
                proof: proof::measure(&BenchProof::default(), output)?,
                matcher: matcher::measure(&BenchMatcher::default(), output)?,
            };
            output.answer(Exit::Yes, &report, &report)
        }
    }
}

/// Fields of the JSON document without a subcommand: one for each part.
#[derive(Serialize)]
struct Everything {
    clock: &'static str,
    machine: Machine,
    pipeline: pipeline::Report,
    proof: proof::Report,
    matcher: matcher::Report,
}

impl fmt::Display for Everything {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.machine)?;
        write!(f, "{}\n{}\n{}", self.pipeline.summary(), self.proof.summary(), self.matcher.summary())
    }
}

/// What the figures were measured on.
#[derive(Serialize)]
struct Machine {
    architecture: &'static str,
    system: &'static str,
    /// Threads that run at the same time.
    threads: usize,
}

impl Machine {
    fn here() -> Self {
        Self {
            architecture: std::env::consts::ARCH,
            system: std::env::consts::OS,
            threads: rayon::current_num_threads(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { architecture, system, threads } = self;
        write!(f, "this machine: {architecture}, {system}, {threads} threads")
    }
}

/// Durations of repeated work, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Milliseconds {
    best: f64,
    median: f64,
}

impl Milliseconds {
    /// Of at least one duration.
    fn of(mut durations: Vec<Duration>) -> Self {
        durations.sort();
        let milliseconds = |duration: Option<&Duration>| duration.map_or(f64::NAN, |time| time.as_secs_f64() * 1e3);
        Self { best: milliseconds(durations.first()), median: milliseconds(durations.get(durations.len() / 2)) }
    }
}

/// How long one call takes this thread.
fn time<T>(call: impl FnOnce() -> T) -> (T, Duration) {
    let start = thread_time();
    let result = call();
    (result, thread_time().saturating_sub(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        let times = [5, 1, 9, 2, 3].map(Duration::from_millis).to_vec();
        assert_eq!(Milliseconds::of(times), Milliseconds { best: 1.0, median: 3.0 });
    }

    #[test]
    fn the_clock_counts_work_and_not_sleep() {
        let ((), asleep) = time(|| std::thread::sleep(Duration::from_millis(30)));
        let (sum, awake) = time(|| (0..30_000_000_u64).fold(0, |sum, x| std::hint::black_box(sum ^ x)));
        assert!(std::hint::black_box(sum) < u64::MAX && awake > Duration::ZERO);
        assert!(CLOCK == "wall" || asleep < Duration::from_millis(20), "{asleep:?}");
    }
}
