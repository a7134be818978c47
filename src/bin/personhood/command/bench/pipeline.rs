//! `personhood bench pipeline`: milliseconds from picture to template, stage by stage, on synthetic eyes.

use std::fmt;
use std::hint::black_box;
use std::time::{Duration, Instant};

use personhood::iris::EyeSide;
use personhood::pipeline::image::EyeImage;
use personhood::pipeline::{Pipeline, Stage};
use personhood::testing::eyes::{CaptureConditions, SyntheticEye};
use rayon::prelude::*;
use serde::Serialize;

use super::{Milliseconds, time};
use crate::args::BenchPipeline;
use crate::clock::{CLOCK, thread_time};
use crate::failure::Failure;
use crate::output::Output;

/// The sizes that are asked for most: old access control, most data sets, the cameras of today.
const SIZES: [(usize, usize); 3] = [(320, 240), (640, 480), (1440, 1080)];
/// The size that speaks for all of them.
const TYPICAL: (usize, usize) = (640, 480);
/// Pictures of each size, of as many people: no two eyes take the same time.
const EYES: u64 = 8;
/// Every picture is encoded at least so often.
const LEAST_ROUNDS: usize = 3;

/// Fields of the JSON document.
#[derive(Serialize)]
pub(super) struct Report {
    clock: &'static str,
    sizes: Vec<SizeReport>,
    all_cores: AllCores,
}

/// One size of picture, one thread.
#[derive(Serialize)]
struct SizeReport {
    width: usize,
    height: usize,
    pictures: usize,
    /// Pictures that the pipeline refused; their time is left out.
    refused: usize,
    runs: usize,
    ms: Milliseconds,
    /// Median milliseconds of each stage.
    stages: Vec<StageReport>,
    pictures_per_s: f64,
}

#[derive(Serialize)]
struct StageReport {
    stage: &'static str,
    ms: f64,
}

/// The same work on every core, by the clock on the wall.
#[derive(Serialize)]
struct AllCores {
    width: usize,
    height: usize,
    threads: usize,
    pictures_per_s: f64,
}

pub(super) fn measure(args: &BenchPipeline, output: Output) -> Result<Report, Failure> {
    let budget = Duration::from_secs(args.seconds.into());
    let pipeline = Pipeline::builder().build();
    let bar = output.progress(SIZES.len() + 1, "measuring");
    let sizes = SIZES.map(|size| {
        let report = one_thread(&pipeline, size, &pictures(size), budget);
        bar.inc(1);
        report
    });
    let all_cores = every_core(&pipeline, TYPICAL, &pictures(TYPICAL), budget);
    bar.finish_and_clear();
    Ok(Report { clock: CLOCK, sizes: sizes.into(), all_cores })
}

fn pictures((width, height): (usize, usize)) -> Vec<EyeImage> {
    let conditions = CaptureConditions::ordinary(1).resized(width, height);
    (1..=EYES)
        .into_par_iter()
        .map(|person| SyntheticEye::new(person, EyeSide::Left).render(&conditions).image)
        .collect()
}

fn one_thread(pipeline: &Pipeline, size: (usize, usize), pictures: &[EyeImage], budget: Duration) -> SizeReport {
    let good: Vec<&EyeImage> = pictures.iter().filter(|picture| pipeline.run(picture).is_ok()).collect();
    let mut totals = Vec::new();
    let mut stages = vec![Vec::new(); Stage::ALL.len()];
    let begin = Instant::now();
    let mut rounds = 0;
    while !good.is_empty() && (rounds < LEAST_ROUNDS || begin.elapsed() < budget) {
        for picture in &good {
            let ((capture, times), total) = time(|| pipeline.run_timed(black_box(picture), thread_time));
            drop(black_box(capture));
            totals.push(total);
            for (stage, durations) in Stage::ALL.into_iter().zip(&mut stages) {
                durations.push(times.of(stage));
            }
        }
        rounds += 1;
    }
    let runs = totals.len();
    let seconds: f64 = totals.iter().map(Duration::as_secs_f64).sum();
    SizeReport {
        width: size.0,
        height: size.1,
        pictures: good.len(),
        refused: pictures.len() - good.len(),
        runs,
        ms: Milliseconds::of(totals),
        stages: Stage::ALL
            .into_iter()
            .zip(stages)
            .map(|(stage, durations)| StageReport { stage: stage.as_str(), ms: Milliseconds::of(durations).median })
            .collect(),
        pictures_per_s: runs as f64 / seconds,
    }
}

fn every_core(pipeline: &Pipeline, size: (usize, usize), pictures: &[EyeImage], budget: Duration) -> AllCores {
    let threads = rayon::current_num_threads();
    let begin = Instant::now();
    let mut runs = 0;
    while runs == 0 || begin.elapsed() < budget {
        // Many more pictures than threads, so that none of them waits long for the last one.
        let batch: usize = (0..8 * threads)
            .into_par_iter()
            .map(|number| usize::from(black_box(pipeline.run(&pictures[number % pictures.len()])).is_ok()))
            .sum();
        runs += black_box(batch);
        if batch == 0 {
            break;
        }
    }
    AllCores { width: size.0, height: size.1, threads, pictures_per_s: runs as f64 / begin.elapsed().as_secs_f64() }
}

impl Report {
    /// For the summary of everything.
    pub(super) fn summary(&self) -> impl fmt::Display {
        fmt::from_fn(|f| {
            writeln!(f, "templates")?;
            for SizeReport { width, height, ms, pictures_per_s, .. } in &self.sizes {
                let (median, size) = (ms.median, format!("{width}x{height}"));
                writeln!(f, "  {size:<10} {median:6.1} ms a picture, {pictures_per_s:6.0} pictures a second and core")?;
            }
            let AllCores { width, height, threads, pictures_per_s } = &self.all_cores;
            let size = format!("{width}x{height}");
            writeln!(f, "  {size:<10} {pictures_per_s:.0} pictures a second on all {threads} threads")
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "median milliseconds of a picture, one thread\n{:<20}", "")?;
        for SizeReport { width, height, .. } in &self.sizes {
            write!(f, "{:>12}", format!("{width}x{height}"))?;
        }
        writeln!(f)?;
        for (row, stage) in Stage::ALL.into_iter().enumerate() {
            write!(f, "  {:<18}", stage.as_str())?;
            for size in &self.sizes {
                write!(f, "{:12.2}", size.stages[row].ms)?;
            }
            writeln!(f)?;
        }
        let mut line = |name: &str, value: &dyn Fn(&SizeReport) -> f64, decimals: usize| -> fmt::Result {
            write!(f, "  {name:<18}")?;
            for size in &self.sizes {
                write!(f, "{:12.decimals$}", value(size))?;
            }
            writeln!(f)
        };
        line("picture to template", &|size| size.ms.median, 2)?;
        line("best of all runs", &|size| size.ms.best, 2)?;
        line("pictures a second", &|size| size.pictures_per_s, 1)?;
        let AllCores { width, height, threads, pictures_per_s } = &self.all_cores;
        write!(f, "{width}x{height} on all {threads} threads: {pictures_per_s:.1} pictures a second")
    }
}
