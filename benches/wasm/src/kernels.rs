//! The matcher of this module against counting column by column.

use personhood::iris::{EncoderVersion, IrisCode, IrisTemplate, Layout, Mask, Rotation};
use personhood::matcher::{
    Comparison, EntryId, Gallery, Kernel, MatchPolicy, ScoreRule, Threshold, compare, rotation_counts,
};

/// More than one block of the gallery, and not a whole number of them.
const ENTRIES: u64 = 300;

/// Runs every kernel of this module on both layouts; 1 if all counts and all results are right.
#[unsafe(no_mangle)]
pub extern "C" fn check_kernels(seed: u32) -> u32 {
    u32::from(Layout::ALL.into_iter().all(|layout| check(layout, seed.into())))
}

/// One search, for the caller to time; how many comparisons that were.
#[unsafe(no_mangle)]
pub extern "C" fn search() -> u32 {
    thread_local!(static GALLERY: (Gallery, IrisTemplate) = {
        let layout = Layout::Columns200;
        (gallery(layout, &entries(layout, 1, 5_120)), template(layout, 1_500_000))
    });
    GALLERY.with(|(gallery, probe)| {
        let found = gallery.search(probe, &MatchPolicy::OPEN_IRIS).expect("one layout, one encoder");
        (gallery.len() - found.incomparable.len()) as u32
    })
}

/// Noise, and templates that resemble one another so that distances of every size occur.
fn template(layout: Layout, number: u64) -> IrisTemplate {
    let mut state = number;
    let mut word = move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (state ^ state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    };
    let flips = number % 1000 % 5;
    let code = (0..layout.columns() as u64).map(|column| {
        let alike = column.wrapping_mul(column + 7).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        alike ^ (0..flips).fold(word(), |flips, _| flips & word())
    });
    let code = IrisCode::from_columns(layout, code.collect()).expect("one word per column");
    let mask = match number % 11 {
        0 => Mask::empty(layout),
        1 => Mask::full(layout),
        _ => {
            let mask = (0..layout.columns()).map(|_| word() | word());
            Mask::from_columns(layout, mask.collect()).expect("one word per column")
        }
    };
    IrisTemplate::new(code, mask, EncoderVersion::Other(1)).expect("one layout")
}

fn entries(layout: Layout, seed: u64, count: u64) -> Vec<IrisTemplate> {
    (0..count).map(|number| template(layout, seed * 1_000_000 + number)).collect()
}

fn gallery(layout: Layout, entries: &[IrisTemplate]) -> Gallery {
    let mut gallery = Gallery::new(layout, EncoderVersion::Other(1));
    for (number, entry) in (0..).zip(entries) {
        gallery.insert(EntryId::new(number), entry).expect("a new name, one layout");
    }
    gallery
}

fn check(layout: Layout, seed: u64) -> bool {
    let entries = entries(layout, seed, ENTRIES);
    let gallery = gallery(layout, &entries);
    let threshold = Threshold::new(45, 100).expect("a fraction");
    let policy = MatchPolicy { score: ScoreRule::Fractional, threshold, ..MatchPolicy::OPEN_IRIS };
    let furthest = i16::from(policy.maximum_rotation);
    let (mut matches, mut others) = (0, 0);
    let right = (0..14).all(|number| {
        let probe = template(layout, seed * 1_000_000 + 500_000 + number).rotated(Rotation::new(number as i16 - 3));
        let (mut hits, mut incomparable) = (Vec::new(), Vec::new());
        for (name, entry) in (0..).zip(&entries) {
            let naive: Vec<[u32; 2]> = (-furthest..=furthest).map(|turn| naive(&probe, entry, turn)).collect();
            let counts = rotation_counts(&probe, entry, policy.maximum_rotation).expect("one layout, one encoder");
            if !counts.iter().map(|counts| [counts.disagreeing, counts.compared]).eq(naive) {
                return false;
            }
            match compare(&probe, entry, &policy) {
                Comparison::Match(alignment) => hits.push((EntryId::new(name), alignment)),
                Comparison::NonMatch(_) => {}
                Comparison::Incomparable(_) => incomparable.push(EntryId::new(name)),
            }
        }
        matches += hits.len();
        others += entries.len() - hits.len() - incomparable.len();
        Kernel::available().into_iter().all(|kernel| {
            let found = gallery.search_with(kernel, &probe, &policy).expect("one layout, one encoder");
            let mut found_hits: Vec<_> = found.hits.iter().map(|hit| (hit.entry, hit.alignment)).collect();
            found_hits.sort_by_key(|(entry, _)| *entry);
            found_hits == hits && found.incomparable == incomparable
        })
    });
    // It says something only where there is something to decide.
    right && matches > 100 && others > 100
}

/// Disagreeing and compared bits of the probe turned by so many columns.
fn naive(probe: &IrisTemplate, entry: &IrisTemplate, turn: i16) -> [u32; 2] {
    let probe = probe.rotated(Rotation::new(turn));
    let columns = probe.code().columns().iter().zip(entry.code().columns());
    let masks = probe.mask().columns().iter().zip(entry.mask().columns());
    columns.zip(masks).fold([0, 0], |[disagreeing, compared], ((a, b), (p, q))| {
        [disagreeing + ((a ^ b) & p & q).count_ones(), compared + (p & q).count_ones()]
    })
}
