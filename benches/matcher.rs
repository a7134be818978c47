//! The exact search, beside kernels that take entries one by one and beside what the memory could deliver.
//!
//! ```text
//! cargo bench --bench matcher --features cli [-- <entries> [--default-policy]]
//! cargo bench --bench matcher --features cli -- --passes <count> [--open-iris] [--approximate]    for counting instructions; see .ci/run
//! cargo bench --bench matcher --features cli -- --compare near|far|masked <count>    one template with another, for the same
//! cargo bench --bench matcher --features cli -- --join <people> <file>    everybody against everybody; the file says how far it is
//! cargo bench --bench matcher --features cli -- --people <count>    the search for a person with two eyes
//! cargo bench --bench matcher --features cli -- --file <entries> <file>    a gallery in a file, written there if it is missing
//! ```
//!
//! `personhood bench matcher` measures the same way, with a gallery of a million; [`personhood::matcher::measure`] says how.

use std::fs::File;
use std::io::Read as _;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, Instant};

use personhood::iris::{EyeSide, IrisTemplate, Layout, Mask};
use personhood::matcher::measure::Subject;
use personhood::matcher::{
    Comparison, EntryId, EyePair, EyeRule, Gallery, GalleryFile, GalleryWriter, Kernel, MatchPolicy, PeopleGallery,
    PeopleSearch, compare,
};
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
        let subject = subject(Layout::Columns200, 0, policy);
        let comparisons = if arguments.iter().any(|argument| argument == "--approximate") {
            subject.pass_approximate(Kernel::best(), passes)
        } else {
            subject.pass(Kernel::best(), passes)
        };
        println!("{comparisons} comparisons, {}, {:?}", Kernel::best().name(), policy.score);
        return;
    }
    if let Some(at) = arguments.iter().position(|argument| argument == "--compare") {
        let count = arguments.get(at + 2).and_then(|count| count.parse().ok()).expect("--compare takes a number");
        compare_pair(arguments.get(at + 1).expect("and which pair"), count);
        return;
    }
    if let Some(at) = arguments.iter().position(|argument| argument == "--join") {
        let people = arguments.get(at + 1).and_then(|people| people.parse().ok()).expect("--join takes a number");
        join(people, Path::new(arguments.get(at + 2).expect("and a file")));
        return;
    }
    if let Some(at) = arguments.iter().position(|argument| argument == "--people") {
        people(arguments.get(at + 1).and_then(|people| people.parse().ok()).expect("--people takes a number"));
        return;
    }
    if let Some(at) = arguments.iter().position(|argument| argument == "--file") {
        let entries = arguments.get(at + 1).and_then(|entries| entries.parse().ok()).expect("--file takes a number");
        file(entries, Path::new(arguments.get(at + 2).expect("and a file")));
        return;
    }
    // `cargo bench` and `cargo test` add flags of their own.
    let entries = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(131_072);
    let by_default = arguments.iter().any(|argument| argument == "--default-policy");
    let policy = if by_default { MatchPolicy::default() } else { MatchPolicy::OPEN_IRIS };
    println!("kernels of this machine: {:?}; {:?}", Kernel::available(), policy.score);
    for layout in Layout::ALL {
        let subject = subject(layout, entries, policy);
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
        line("approximate first stage", best.approximate);
        println!(
            "adders for {:.0} a second; {:.5} of the strangers pass the first stage, which keeps {:.0} bytes an entry",
            best.adders.quiet / best.adders_per_comparison,
            best.approximate_pass_rate,
            best.approximate_bytes_per_entry
        );
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

/// One pair of templates, so many times: the same eye, two eyes, or nothing to compare.
fn compare_pair(pair: &str, count: usize) {
    let layout = Layout::Columns200;
    let world = SyntheticTemplates::new(layout, 1);
    let reference = world.enrolled(7, EyeSide::Left);
    let probe = match pair {
        "near" => world.recaptured(7, EyeSide::Left, 1).template,
        "far" => world.recaptured(8, EyeSide::Left, 1).template,
        "masked" => {
            let code = world.recaptured(7, EyeSide::Left, 1).template.code().clone();
            IrisTemplate::new(code, Mask::empty(layout), reference.encoder()).expect("one layout")
        }
        other => panic!("near, far or masked, not {other}"),
    };
    for policy in [MatchPolicy::default(), MatchPolicy::OPEN_IRIS] {
        let mut found = None;
        for _ in 0..count {
            found = Some(compare(std::hint::black_box(&probe), &reference, &policy));
        }
        match (pair, found) {
            (_, None)
            | ("near", Some(Comparison::Match(_)))
            | ("far", Some(Comparison::NonMatch(_)))
            | ("masked", Some(Comparison::Incomparable(_))) => {}
            (_, Some(other)) => panic!("{pair}, and found was {other:?}"),
        }
    }
}

/// Every pair of so many people once, on all threads; goes on where the file says that an earlier run was.
///
/// Every fiftieth template is another capture of somebody who is there; other pairs that are found are false matches.
fn join(people: u32, file: &Path) {
    const PART: usize = 128;
    let layout = Layout::Columns200;
    let world = SyntheticTemplates::new(layout, 1).with_distances(0.15..=0.25);
    let mut gallery = Gallery::new(layout, SyntheticTemplates::ENCODER);
    for number in 0..people {
        let template = match number % 50 {
            49 => world.recaptured((number - 49).into(), EyeSide::Left, 1).template,
            _ => world.enrolled(number.into(), EyeSide::Left),
        };
        gallery.insert(EntryId::new(number), &template).expect("a new name");
    }
    let (gallery, policy) = (gallery.snapshot(), MatchPolicy::default());
    let (mut place, mut pairs, mut wrong, mut seconds) = match std::fs::read_to_string(file) {
        Ok(text) => {
            let mut numbers = text.split_whitespace().map(|number| number.parse::<f64>().expect("numbers"));
            let mut number = || numbers.next().expect("four of them");
            (number() as usize, number() as usize, number() as usize, number())
        }
        Err(_) => (0, 0, 0, 0.0),
    };
    while place < gallery.len() {
        let start = Instant::now();
        let found = gallery.par_duplicates(place..place + PART, &policy);
        seconds += start.elapsed().as_secs_f64();
        let twice = found.pairs.iter().filter(|pair| {
            let (first, second) = (pair.first.number(), pair.second.number());
            second % 50 == 49 && first + 49 == second
        });
        let twice = twice.count();
        pairs += twice;
        wrong += found.pairs.len() - twice;
        place = (place + PART).min(gallery.len());
        std::fs::write(file, format!("{place} {pairs} {wrong} {seconds}\n")).expect("a writable file");
    }
    let all = u64::from(people) * u64::from(people.saturating_sub(1)) / 2;
    println!("{people} people, {all} pairs in {seconds:.0} s by the clock: {:.0} a second", all as f64 / seconds);
    println!("{pairs} of {} who are there twice, and {wrong} other pairs", people / 50);
}

/// What both eyes, sides exchanged and mirror images cost, as multiples of one plain search of as many eyes.
fn people(count: u32) {
    let layout = Layout::Columns200;
    let world = SyntheticTemplates::new(layout, 1);
    let eyes: Vec<_> = (0..PEOPLE).map(|person| EyeSide::BOTH.map(|side| world.enrolled(person, side))).collect();
    let mut people = PeopleGallery::new(layout, SyntheticTemplates::ENCODER);
    let mut lefts = Gallery::new(layout, SyntheticTemplates::ENCODER);
    for (number, [left, right]) in (0..count).zip(eyes.iter().cycle()) {
        let entry = EntryId::new(number);
        people.insert(entry, EyePair { left: Some(left), right: Some(right) }).expect("a new name");
        lefts.insert(entry, left).expect("a new name");
    }
    let probe = EyeSide::BOTH.map(|side| world.recaptured(PEOPLE / 3, side, 1).template);
    let probe = EyePair { left: Some(&probe[0]), right: Some(&probe[1]) };
    let policy = MatchPolicy::default();
    let time = |work: &dyn Fn() -> usize| {
        let runs = (0..5).map(|_| {
            let start = clock();
            assert!(work() > 0, "the probe's own person is there");
            (clock() - start).as_secs_f64()
        });
        runs.fold(f64::INFINITY, f64::min)
    };
    let left = probe.left.expect("both are there");
    let plain = time(&|| lefts.search(left, &policy).expect("one kind").hits.len());
    println!("{count} people, both eyes; one plain search of one eye: {:.1} ms, the best of five", plain * 1e3);
    for (eye_rule, word) in [(EyeRule::Either, "either"), (EyeRule::Both, "both")] {
        for (swapped, mirrored) in [(false, false), (true, false), (false, true), (true, true)] {
            let search = PeopleSearch { policy: MatchPolicy { eye_rule, ..policy }, swapped, mirrored };
            let seconds = time(&|| people.search(probe, &search).expect("one kind").hits.len());
            let searches = 2 * (1 + usize::from(swapped)) * (1 + usize::from(mirrored));
            println!(
                "{word:>7} eye{}{}: {:8.1} ms, {:.2} plain searches; one by one it would be {searches}",
                if swapped { ", swapped" } else { "" },
                if mirrored { ", mirrored" } else { "" },
                seconds * 1e3,
                seconds / plain
            );
        }
    }
}

/// How fast a file is searched, beside how fast it is read.
fn file(entries: u32, path: &Path) {
    let layout = Layout::Columns200;
    let world = SyntheticTemplates::new(layout, 1);
    let people: Vec<_> = (0..PEOPLE).map(|person| world.enrolled(person, EyeSide::Left)).collect();
    if !path.exists() {
        let mut writer = GalleryWriter::create(path, layout, SyntheticTemplates::ENCODER).expect("a new file");
        for (number, template) in (0..entries).zip(people.iter().cycle()) {
            writer.push(EntryId::new(number), template).expect("the disk takes it");
        }
        writer.finish().and_then(|file| Ok(file.sync_all()?)).expect("the disk takes it");
    }
    let bytes = path.metadata().expect("it is there").len() as f64;
    let rate = |name: &str, work: &dyn Fn()| {
        let start = Instant::now();
        work();
        let seconds = start.elapsed().as_secs_f64();
        println!("{name:>32} {:8.0} MB/s, {seconds:.2} s", bytes / seconds / 1e6);
    };
    let gallery = GalleryFile::open(path).expect("it was written whole");
    let probes: Vec<_> = (0..64).map(|person| world.recaptured(person * 7, EyeSide::Left, 1).template).collect();
    for threads in [1, 2] {
        let threads = NonZeroUsize::new(threads).expect("not zero");
        rate("plain read", &|| {
            let (mut file, mut buffer) = (File::open(path).expect("it is there"), vec![0; 820_248]);
            while file.read(&mut buffer).expect("it can be read") > 0 {}
        });
        for count in [1, 4, 64] {
            rate(&format!("{count} probes, {threads} threads"), &|| {
                let found = gallery.search_batch(&probes[..count], &MatchPolicy::default(), threads);
                assert!(found.expect("one kind").iter().all(|found| !found.hits.is_empty()));
            });
        }
    }
}
