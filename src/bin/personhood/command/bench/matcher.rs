//! `personhood bench matcher`: how many people this machine searches in a second, and how many it can hold.

use std::fmt;
use std::hint::black_box;
use std::time::Instant;

use personhood::iris::{EyeSide, IrisTemplate, Layout};
use personhood::matcher::measure::{Rate, Rates, Subject};
use personhood::matcher::{EntryId, Gallery, Kernel, MatchPolicy};
use personhood::testing::templates::SyntheticTemplates;
use rayon::prelude::*;
use serde::Serialize;

use crate::args::{BenchMatcher, Columns};
use crate::clock::{CLOCK, thread_time};
use crate::failure::Failure;
use crate::output::Output;
use crate::place;

/// Different people; the gallery repeats them.
const PEOPLE: u64 = 4096;
/// A gallery takes at most this share of the memory that is free, unless the operator says how many entries.
const SHARE_OF_MEMORY: f64 = 0.6;
/// The gallery of a million that the project's goals are about.
const ENTRIES: usize = 1_000_000;
/// The sizes between which an entry should always cost the same.
const GROWTH: [usize; 4] = [10_240, 102_400, 1_003_520, 4_001_792];
/// Entries whose insertion is timed.
const APPENDED: u32 = 40_960;
/// Whole searches on all threads.
const SEARCHES: usize = 3;

/// Fields of the JSON document.
#[derive(Serialize)]
pub(super) struct Report {
    clock: &'static str,
    columns: usize,
    rotations: usize,
    /// Entries of the gallery, of which `people` are different and the others copies.
    gallery: usize,
    people: usize,
    gallery_bytes: usize,
    /// Comparisons at all rotations per second of one thread, in undisturbed windows: the search.
    exact_per_core_per_s: f64,
    /// The same with eight probes that share every block.
    batch_per_core_per_s: f64,
    /// The same, one entry after the other, all bits counted: words and the CPU's bit count.
    popcnt_scalar_per_s: Option<f64>,
    /// The same with AVX2's table look-up.
    popcnt_avx2_per_s: Option<f64>,
    /// How fast one thread reads the gallery and does nothing with it.
    stream_gb_per_s: f64,
    /// What the additions alone would allow, measured on registers.
    adder_limit_per_s: f64,
    /// What reading the gallery alone would allow.
    memory_limit_per_s: f64,
    /// Entries per second of one thread that the first stage of an approximate search looks at.
    approximate_per_core_per_s: f64,
    /// Bytes of an entry there, and the share of strangers that go on to the exact comparison.
    approximate_bytes_per_entry: f64,
    approximate_pass_rate: f64,
    /// The search on all threads, by the clock on the wall; the median of whole searches.
    exact_all_threads_per_s: f64,
    threads: usize,
    /// People with two eyes that one check goes through in a second.
    people_per_s: f64,
    /// People with two eyes that fit in the memory that was free before.
    people_in_memory: Option<u64>,
    /// Galleries of other sizes, if that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    growth: Option<Growth>,
    windows: Rates,
}

/// What an entry costs in galleries of different sizes.
#[derive(Serialize)]
struct Growth {
    sizes: Vec<SizeReport>,
    /// Microseconds for adding an entry: the first and the last tenth of 40,960 that were added one by one.
    append_us: [f64; 2],
}

#[derive(Serialize)]
struct SizeReport {
    gallery: usize,
    /// Nanoseconds for an entry in undisturbed windows, one thread.
    ns_per_entry: f64,
    /// Bytes in memory by those of codes and masks.
    memory_by_bits: f64,
}

impl Growth {
    fn measure(
        people: &[IrisTemplate],
        probe: &IrisTemplate,
        policy: MatchPolicy,
        fitting: usize,
        windows: usize,
    ) -> Self {
        let layout = probe.layout();
        let sizes = GROWTH.into_iter().filter(|&size| size <= fitting.max(GROWTH[0]));
        let size = |size| {
            let subject =
                Subject::new(people, size, probe.clone(), policy).expect("one world has one layout and one encoder");
            let rates = subject.measure(Kernel::best(), windows, thread_time);
            SizeReport {
                gallery: subject.entries(),
                ns_per_entry: 1e9 / rates.exact.quiet,
                memory_by_bits: subject.bytes() as f64 / (subject.entries() * 2 * layout.bytes()) as f64,
            }
        };
        let sizes = sizes.map(size).collect();
        let mut gallery = Gallery::new(layout, probe.encoder());
        let mut tenths = (0..10).map(|tenth| {
            let start = thread_time();
            for (number, template) in (0..APPENDED / 10).zip(people.iter().cycle()) {
                let entry = EntryId::new(tenth * (APPENDED / 10) + number);
                gallery.insert(entry, template).expect("a new name of one kind");
            }
            (thread_time() - start).as_secs_f64() * 1e6 / f64::from(APPENDED / 10)
        });
        let first = tenths.next().unwrap_or(f64::NAN);
        Self { sizes, append_us: [first, tenths.last().unwrap_or(f64::NAN)] }
    }
}

pub(super) fn measure(args: &BenchMatcher, output: Output) -> Result<Report, Failure> {
    let layout = match args.columns {
        Columns::C200 => Layout::Columns200,
        Columns::C256 => Layout::Columns256,
    };
    let free = place::free_memory();
    let bytes_per_entry = 2 * layout.bytes() + Layout::BITS_PER_COLUMN + size_of::<u32>();
    let fitting = free.map_or(ENTRIES, |free| (free as f64 * SHARE_OF_MEMORY) as usize / bytes_per_entry);
    let entries = args.gallery.map_or(ENTRIES.min(fitting), |entries| entries as usize);

    let bar = output.progress(3, "measuring");
    let world = SyntheticTemplates::new(layout, 1);
    let people: Vec<_> = (0..PEOPLE).into_par_iter().map(|person| world.enrolled(person, EyeSide::Left)).collect();
    let probe = world.recaptured(PEOPLE / 3, EyeSide::Left, 1).template;
    let policy = MatchPolicy::OPEN_IRIS;
    let subject =
        Subject::new(&people, entries, probe.clone(), policy).expect("one world has one layout and one encoder");
    let growth = args.growth.then(|| Growth::measure(&people, &probe, policy, fitting, args.windows.into()));
    drop(people);
    bar.inc(1);
    let rates = subject.measure(Kernel::best(), args.windows.into(), thread_time);
    bar.inc(1);
    let mut searches: Vec<f64> = (0..SEARCHES)
        .map(|_| {
            let start = Instant::now();
            let found = black_box(subject.gallery().par_search(&probe, &policy));
            assert!(found.is_ok_and(|found| !found.hits.is_empty()), "the probe's own person is in the gallery");
            subject.entries() as f64 / start.elapsed().as_secs_f64()
        })
        .collect();
    searches.sort_by(f64::total_cmp);
    let all_threads = searches[SEARCHES / 2];
    bar.finish_and_clear();

    let one_by_one =
        |name: &str| rates.one_by_one.iter().find(|(kernel, _)| *kernel == name).map(|(_, rate)| rate.quiet);
    Ok(Report {
        clock: CLOCK,
        columns: layout.columns(),
        rotations: 2 * usize::from(policy.maximum_rotation) + 1,
        gallery: subject.entries(),
        people: subject.people(),
        gallery_bytes: subject.bytes(),
        exact_per_core_per_s: rates.exact.quiet,
        batch_per_core_per_s: rates.batch.quiet,
        popcnt_scalar_per_s: one_by_one("popcnt"),
        popcnt_avx2_per_s: one_by_one("avx2"),
        stream_gb_per_s: rates.stream.quiet / 1e9,
        adder_limit_per_s: rates.adders.quiet / rates.adders_per_comparison,
        memory_limit_per_s: rates.stream.quiet * subject.entries() as f64 / subject.bytes() as f64,
        approximate_per_core_per_s: rates.approximate.quiet,
        approximate_bytes_per_entry: rates.approximate_bytes_per_entry,
        approximate_pass_rate: rates.approximate_pass_rate,
        exact_all_threads_per_s: all_threads,
        threads: rayon::current_num_threads(),
        people_per_s: all_threads / 2.0,
        people_in_memory: free.map(|free| free / (2 * bytes_per_entry as u64)),
        growth,
        windows: rates,
    })
}

impl Report {
    /// For the summary of everything.
    pub(super) fn summary(&self) -> impl fmt::Display {
        fmt::from_fn(|f| {
            writeln!(f, "search of {} columns, exact, both eyes", self.columns)?;
            writeln!(f, "  {:>12.0} people a second on all {} threads", self.people_per_s, self.threads)?;
            if let Some(people) = self.people_in_memory {
                writeln!(f, "  {people:>12} people fit in the memory that is free")?;
            }
            Ok(())
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { columns, rotations, gallery, people, windows: rates, .. } = self;
        writeln!(
            f,
            "{gallery} entries of {columns} columns ({people} people and copies), {:.2} GB; one probe at {rotations} rotations",
            self.gallery_bytes as f64 / 1e9
        )?;
        writeln!(f, "comparisons a second, one thread           quiet   all windows    ratio")?;
        let mut line = |name: &str, rate: &Rate| {
            let ratio = rates.exact.quiet / rate.quiet;
            writeln!(f, "  {name:<32} {:13.0} {:13.0} {ratio:8.2}", rate.quiet, rate.all)
        };
        line(&format!("exact search, {}", rates.kernel), &rates.exact)?;
        line("eight probes at once", &rates.batch)?;
        for (kernel, rate) in &rates.one_by_one {
            line(&format!("one by one, {kernel}"), rate)?;
        }
        let bytes_per_entry = self.gallery_bytes as f64 / *gallery as f64;
        let limit = |rate: f64| rate / bytes_per_entry;
        let stream = Rate { quiet: limit(rates.stream.quiet), all: limit(rates.stream.all), ..rates.stream };
        line("if memory were the only limit", &stream)?;
        let limit = |rate: f64| rate / rates.adders_per_comparison;
        let adders = Rate { quiet: limit(rates.adders.quiet), all: limit(rates.adders.all), ..rates.adders };
        line("if adding were the only limit", &adders)?;
        line("approximate first stage", &rates.approximate)?;
        writeln!(
            f,
            "  the first stage keeps {:.0} bytes an entry; {:.5} of the strangers go on to the exact comparison",
            rates.approximate_bytes_per_entry, rates.approximate_pass_rate
        )?;
        writeln!(
            f,
            "  {} of {} windows of the search were quiet; memory stream {:.1} GB/s; a probe is made ready in {:.2} ms",
            rates.exact.quiet_windows,
            rates.windows,
            self.stream_gb_per_s,
            rates.preparation * 1e3
        )?;
        writeln!(f, "whole searches on all {} threads: {:.0} a second", self.threads, self.exact_all_threads_per_s)?;
        for SizeReport { gallery, ns_per_entry, memory_by_bits } in self.growth.iter().flat_map(|growth| &growth.sizes)
        {
            writeln!(f, "{gallery:>10} entries: {ns_per_entry:.1} ns each, memory {memory_by_bits:.3} of the bits")?;
        }
        if let Some(Growth { append_us: [first, last], .. }) = &self.growth {
            writeln!(f, "adding an entry: {first:.1} µs at first, {last:.1} µs behind {APPENDED} others")?;
        }
        write!(f, "{}", self.summary())
    }
}
