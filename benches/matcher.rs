//! The exact search, kernel by kernel, beside what the memory could deliver.
//!
//! ```text
//! cargo bench --bench matcher --features testing [-- <entries>]
//! ```
//!
//! One comparison is one probe against one entry at all 31 rotations. Machines are shared and their clocks move, so the
//! kernels take turns in short windows of the thread's own CPU time, and each line gives the best window and the median
//! one. Compare the ratios in one run, not the absolute figures of two. Every window's result is compared with the
//! portable kernel's.

use std::hint::black_box;
use std::time::{Duration, Instant};

use personhood::iris::{EyeSide, Layout};
use personhood::matcher::{EntryId, Gallery, Kernel, MatchPolicy};
use personhood::testing::templates::SyntheticTemplates;

/// Windows of every kernel.
const ROUNDS: usize = 9;
/// A window of a slow kernel lasts about so long.
const WINDOW: Duration = Duration::from_millis(120);

/// Time that this thread has spent on a CPU, where the system tells; other programs do not count then.
#[derive(Clone, Copy)]
struct Clock {
    cpu: Option<u64>,
    wall: Instant,
}

impl Clock {
    fn start() -> Self {
        let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
        let cpu = statistics.and_then(|text| text.split(' ').next()?.parse().ok());
        Self { cpu, wall: Instant::now() }
    }

    fn elapsed(self) -> Duration {
        let now = Self::start();
        match (self.cpu, now.cpu) {
            (Some(then), Some(now)) => Duration::from_nanos(now - then),
            _ => now.wall - self.wall,
        }
    }
}

fn main() {
    // `cargo bench` and `cargo test` add flags of their own.
    let entries = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(32_768);
    println!("kernels of this machine: {:?}", Kernel::available());
    println!("memory stream, one thread: {:.1} GB/s", stream());
    for layout in Layout::ALL {
        search(layout, entries);
    }
}

fn search(layout: Layout, entries: u32) {
    let world = SyntheticTemplates::new(layout, 1);
    let mut gallery = Gallery::new(layout, SyntheticTemplates::ENCODER);
    let start = Clock::start();
    for person in 0..entries {
        let template = world.enrolled(person.into(), EyeSide::Left);
        gallery.insert(EntryId::new(person), &template).expect("every name is new and every template alike");
    }
    let bytes = entries as usize * 2 * layout.bytes();
    println!(
        "\n{layout}: {entries} entries, {} MB, drawn and inserted at {:.0} per second",
        bytes / 1_000_000,
        f64::from(entries) / start.elapsed().as_secs_f64()
    );

    let policy = MatchPolicy::default();
    let probe = world.recaptured(u64::from(entries / 2), EyeSide::Left, 1).template;
    let expected = gallery.search_with(Kernel::PORTABLE, &probe, &policy).expect("one layout and one encoder");
    assert_eq!(expected.hits.first().map(|hit| hit.entry), Some(EntryId::new(entries / 2)));

    let kernels = Kernel::available();
    let mut rates: Vec<Vec<f64>> = vec![Vec::new(); kernels.len()];
    for _ in 0..ROUNDS {
        for (kernel, rates) in kernels.iter().zip(&mut rates) {
            let start = Clock::start();
            let mut searches = 0;
            while searches == 0 || start.elapsed() < WINDOW {
                let found = gallery.search_with(*kernel, black_box(&probe), &policy);
                assert_eq!(found.as_ref(), Ok(&expected), "{kernel:?}");
                searches += 1;
            }
            rates.push(f64::from(searches) * f64::from(entries) / start.elapsed().as_secs_f64());
        }
    }
    println!("{:>10} {:>12} {:>12} {:>14} {:>10}", "kernel", "best cmp/s", "median", "x portable", "GB/s");
    let best = |rates: &[f64]| rates.iter().copied().fold(0.0, f64::max);
    let portable = best(&rates[0]);
    for (kernel, rates) in kernels.iter().zip(&mut rates) {
        rates.sort_by(f64::total_cmp);
        let (best, median) = (best(rates), rates[rates.len() / 2]);
        let read = best * (2 * layout.bytes()) as f64 / 1e9;
        println!("{:>10} {best:>12.0} {median:>12.0} {:>14.2} {read:>10.2}", kernel.name(), best / portable);
    }
}

/// How fast one thread reads memory that is in no cache, in GB/s.
fn stream() -> f64 {
    const WORDS: usize = 32 << 20;
    let memory = vec![1_u64; WORDS];
    let pass = || {
        let start = Clock::start();
        // Eight sums, so that no addition waits for the one before.
        let mut sums = [0_u64; 8];
        for words in black_box(&memory).as_chunks::<8>().0 {
            for (sum, word) in sums.iter_mut().zip(words) {
                *sum = sum.wrapping_add(*word);
            }
        }
        assert_eq!(black_box(sums).iter().sum::<u64>(), WORDS as u64);
        (WORDS * 8) as f64 / start.elapsed().as_secs_f64() / 1e9
    };
    (0..5).map(|_| pass()).fold(0.0, f64::max)
}
