//! The exact search, beside kernels that take entries one by one and beside what the memory could deliver.
//!
//! ```text
//! cargo bench --bench matcher --features cli [-- <entries>]
//! cargo bench --bench matcher --features cli -- --passes <count> [--open-iris]    for counting instructions; see .ci/run
//! ```
//!
//! `personhood bench matcher` measures the same way, with a gallery of a million; [`personhood::matcher::measure`] says how.

use std::time::Duration;

use personhood::iris::{EyeSide, Layout};
use personhood::matcher::measure::Subject;
use personhood::matcher::{Comparison, Kernel, MatchPolicy, compare};
use personhood::testing::templates::SyntheticTemplates;

/// Different people; the gallery repeats them.
const PEOPLE: u64 = 1024;
/// Windows of each kernel.
const WINDOWS: usize = 600;

/// Time that this thread has spent on a CPU: other programs do not count then.
fn clock() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--passes") {
        let passes = arguments.get(at + 1).and_then(|passes| passes.parse().ok()).expect("--passes takes a number");
        let open_iris = arguments.iter().any(|argument| argument == "--open-iris");
        let policy = if open_iris { MatchPolicy::OPEN_IRIS } else { MatchPolicy::default() };
        let comparisons = subject(Layout::Columns200, 0, policy).pass(Kernel::best(), passes);
        println!("{comparisons} comparisons, {}, {:?}", Kernel::best().name(), policy.score);
        return;
    }
    // `cargo bench` and `cargo test` add flags of their own.
    let entries = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(131_072);
    println!("kernels of this machine: {:?}", Kernel::available());
    for layout in Layout::ALL {
        let subject = subject(layout, entries, MatchPolicy::OPEN_IRIS);
        println!("\n{layout}: {} entries, {} MB", subject.entries(), subject.bytes() / 1_000_000);
        println!("{:>24} {:>12} {:>12} {:>8}", "comparisons a second", "quiet", "all windows", "x");
        let best = subject.measure(Kernel::best(), WINDOWS, clock);
        let line = |name: &str, rate: personhood::matcher::measure::Rate| {
            println!("{name:>24} {:>12.0} {:>12.0} {:>8.2}", rate.quiet, rate.all, best.exact.quiet / rate.quiet);
        };
        line(&format!("search, {}", best.kernel), best.exact);
        for kernel in Kernel::available().into_iter().filter(|kernel| *kernel != Kernel::best()) {
            let rates = subject.measure(kernel, WINDOWS / 4, clock);
            line(&format!("search, {}", rates.kernel), rates.exact);
        }
        for &(kernel, rate) in &best.one_by_one {
            line(&format!("one by one, {kernel}"), rate);
        }
        println!(
            "memory stream {:.1} GB/s; {} of {WINDOWS} windows quiet; a probe is made ready in {:.2} ms",
            best.stream.quiet / 1e9,
            best.exact.quiet_windows,
            best.preparation * 1e3
        );
        one_to_one(layout);
    }
}

fn subject(layout: Layout, entries: usize, policy: MatchPolicy) -> Subject {
    let world = SyntheticTemplates::new(layout, 1);
    let people: Vec<_> = (0..PEOPLE).map(|person| world.enrolled(person, EyeSide::Left)).collect();
    let probe = world.recaptured(PEOPLE / 3, EyeSide::Left, 1).template;
    Subject::new(&people, entries, probe, policy).expect("one world has one layout and one encoder")
}

/// Two templates, everything included: the best of many windows.
fn one_to_one(layout: Layout) {
    let world = SyntheticTemplates::new(layout, 1);
    let reference = world.enrolled(1, EyeSide::Left);
    let policy = MatchPolicy::OPEN_IRIS;
    for (what, probe) in [
        ("the same eye", world.recaptured(1, EyeSide::Left, 1).template),
        ("another", world.recaptured(2, EyeSide::Left, 1).template),
    ] {
        let window = || {
            let start = clock();
            let matches = (0..200)
                .filter(|_| matches!(compare(std::hint::black_box(&probe), &reference, &policy), Comparison::Match(_)));
            let matches = matches.count();
            assert!(matches == 0 || matches == 200);
            (clock() - start).as_secs_f64() / 200.0
        };
        let best = (0..60).map(|_| window()).fold(f64::INFINITY, f64::min);
        println!("one to one, {what}: {:.2} µs", best * 1e6);
    }
}
