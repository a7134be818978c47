//! `personhood evaluate`: labelled pictures in, rates of error out.
//!
//! Pictures become templates and are let go; only templates and distances are kept. The statistics are
//! [`personhood::evaluation`]'s.

mod folder;
mod gallery;
mod glossary;
mod page;
mod pairs;
mod plot;
mod report;

use std::time::Instant;

use personhood::evaluation::{Bootstrap, Comparisons, Scores};
use personhood::matcher::{EyeRule, MatchPolicy, PreparedProbe};
use rayon::ThreadPoolBuilder;

use crate::args::Evaluate;
use crate::clock::thread_time;
use crate::exit::Exit;
use crate::eye;
use crate::failure::Failure;
use crate::files;
use crate::output::Output;

use folder::Labelled;
use gallery::Gallery;
use report::{Report, Timing};

pub(crate) fn run(args: &Evaluate, output: Output) -> Result<Exit, Failure> {
    let Some(threads) = args.threads else { return evaluate(args, output) };
    let pool = ThreadPoolBuilder::new().num_threads(threads.into()).build();
    let pool = pool.map_err(|error| {
        Failure::new("threads_refused", format!("{threads} threads cannot be started: {error}"))
            .with_hint("ask for fewer, or leave --threads out")
    })?;
    pool.install(|| evaluate(args, output))
}

fn evaluate(args: &Evaluate, output: Output) -> Result<Exit, Failure> {
    let started = Instant::now();
    let layout = args.layout.into();
    let encoder = args.encoder.into();
    let pipeline = eye::pipeline(layout, encoder, &args.segmentation)?;
    let policy = eye::match_policy(&args.policy, encoder, EyeRule::Either);
    let labelled = Labelled::find(&args.folder, args.sides)?;
    let gallery = Gallery::encode(&labelled, &pipeline, output);
    if gallery.templates.len() < 2 {
        return Err(gallery.too_few_templates(&labelled));
    }

    let (comparisons, seconds_per_comparison) = compare_all(&gallery, &policy, output)?;
    if let Some(file) = &args.pairs {
        pairs::write(file, &comparisons, |sample| labelled.pictures[gallery.pictures[sample]].name.as_str())?;
    }
    let scores = Scores::new(comparisons);
    let intervals = scores.par_intervals(&Bootstrap { replicates: args.replicates, ..Bootstrap::default() });
    let timing = Timing { started, seconds_per_comparison };
    let report = Report::new(args, &policy, &labelled, &gallery, &scores, intervals, timing);
    if let Some(file) = &args.html {
        let pictures =
            args.with_pictures.then(|| page::Pictures::draw(&report, &labelled, &gallery, &pipeline, &policy));
        let page = page::page(&report, pictures.transpose()?.as_ref());
        files::write(file, page.as_bytes(), output)?;
        if args.with_pictures {
            output.warning(format_args!("{} holds pictures of eyes; keep it as you keep the pictures", file.display()));
        }
    }
    if report.eer.is_none() {
        output.warning("there are no genuine or no impostor pairs, so there are no rates; is one folder one eye?");
    }
    let exit = if report.eer.is_some() { Exit::Yes } else { Exit::CouldNotTell };
    output.answer(exit, &report, &report)
}

/// Every template with every other one, and the processor time of one comparison.
fn compare_all(gallery: &Gallery, policy: &MatchPolicy, output: Output) -> Result<(Comparisons, f64), Failure> {
    let templates = &gallery.templates;
    let bar = output.progress(templates.len() * (templates.len() - 1) / 2, "comparing");
    let prepare = |b: usize| {
        bar.inc(b as u64);
        PreparedProbe::new(&templates[b], policy)
    };
    let comparisons = Comparisons::par_prepared(gallery.samples.clone(), prepare, |probe, a| {
        let alignment = probe.compare(&templates[a]).alignment()?;
        Some(policy.score.distance(alignment.distance, templates[a].layout()))
    })?;
    bar.finish_and_clear();
    // Timed by themselves: a clock around each of millions of comparisons would cost as much as they do.
    let some = templates.len().min(64);
    let begin = thread_time();
    for b in 0..some {
        let probe = PreparedProbe::new(&templates[b], policy);
        for reference in &templates[..b] {
            let _ = std::hint::black_box(probe.compare(reference));
        }
    }
    let pairs = some * (some - 1) / 2;
    Ok((comparisons, (thread_time() - begin).as_secs_f64() / pairs as f64))
}
