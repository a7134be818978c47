//! Distances of open-iris and iris-mpc, and every kernel against a twin that takes one bit at a time.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;

use personhood::iris::{EncoderVersion, IrisCode, IrisTemplate, Layout, Mask, Rotation};
use personhood::matcher::{
    Alignment, Comparison, Duplicate, Duplicates, EntryId, FractionalHammingDistance, Gallery, GalleryError, Hit,
    Incomparable, Kernel, MatchPolicy, RotationCounts, ScoreRule, SearchResult, Threshold, compare, rotation_counts,
};
use proptest::prelude::*;

/// A policy under which everything with a common bit has a distance, as in open-iris.
fn all_distances() -> MatchPolicy {
    MatchPolicy {
        threshold: Threshold::new(1, 1).unwrap(),
        minimum_compared_permille: 0,
        maximum_rotation: 15,
        ..MatchPolicy::default()
    }
}

#[cfg(feature = "serde")]
mod golden_vectors {
    use std::path::Path;

    use personhood::iris::openiris;
    use personhood::matcher::openiris::{Measure, Normalisation, Score, Weights, distance, weighted_distance};
    use serde_json::Value;

    use super::*;
    use crate::golden::golden;

    fn template(folder: &Path, name: &str) -> IrisTemplate {
        openiris::from_json(&fs::read(folder.join(format!("template_{name}.json"))).unwrap()).unwrap()
    }

    fn json(path: &Path) -> Value {
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    fn expected(value: &Value) -> (f64, i16) {
        (value[0].as_f64().unwrap(), value[1].as_i64().unwrap().try_into().unwrap())
    }

    /// open-iris says distance 1 and rotation 0 where there is nothing to compare.
    fn check(ours: Result<Score, Incomparable>, (theirs, rotation): (f64, i16), what: &str) {
        match ours {
            Ok(ours) => {
                assert!((ours.distance - theirs).abs() <= 1e-12, "{what}: {} instead of {theirs}", ours.distance);
                assert_eq!(ours.rotation.columns(), rotation, "{what}");
            }
            Err(reason) => {
                assert_eq!(reason, Incomparable::TooFewBits { compared: 0, minimum: 1 }, "{what}");
                assert_eq!((theirs, rotation), (1.0, 0), "{what}");
            }
        }
    }

    fn check_counts(ours: Comparison, theirs: (f64, i16), what: &str) {
        let score = match ours {
            Comparison::Match(found) | Comparison::NonMatch(found) => {
                Ok(Score { distance: found.distance.ratio(), rotation: found.rotation })
            }
            Comparison::Incomparable(reason) => Err(reason),
        };
        check(score, theirs, what);
    }

    #[test]
    fn every_distance_of_open_iris() {
        let Some(folder) = golden("every_distance_of_open_iris", "04_matcher") else { return };
        let normalisation = Normalisation::default();
        let pairs = json(&folder.join("expected_distances.json"));
        let pairs = pairs.as_array().unwrap();
        for pair in pairs {
            let (probe_name, reference_name) = (pair["probe"].as_str().unwrap(), pair["gallery"].as_str().unwrap());
            let (probe, reference) = (template(&folder, probe_name), template(&folder, reference_name));
            for (setting, rotations, measure) in [
                ("simple_rot15", 15, Measure::Plain),
                ("simple_rot0", 0, Measure::Plain),
                ("simple_norm_rot15", 15, Measure::Normalised(normalisation)),
                ("hd_default_norm_half_rot15", 15, Measure::NormalisedHalves(normalisation)),
                ("hd_norm_nohalf_rot15", 15, Measure::Normalised(normalisation)),
                ("hd_raw_rot15", 15, Measure::Plain),
            ] {
                let what = format!("{probe_name} against {reference_name}, {setting}");
                let theirs = expected(&pair[setting]);
                check(distance(&probe, &reference, rotations, measure), theirs, &what);
                // Equal weights change nothing.
                let ones = Weights::new(Layout::Columns256, vec![0.7; 16_384]).unwrap();
                if probe_name == "half_mask_right_only" || reference_name == "anon_orb197_rolled_+7" {
                    check(weighted_distance(&probe, &reference, rotations, measure, &ones), theirs, &what);
                }
                if measure == Measure::Plain {
                    let policy = MatchPolicy { maximum_rotation: rotations, ..all_distances() };
                    check_counts(compare(&probe, &reference, &policy), theirs, &what);
                }
            }
        }
        assert_eq!(pairs.len(), 66);
    }

    #[test]
    fn every_count_of_open_iris() {
        let Some(folder) = golden("every_count_of_open_iris", "04_matcher") else { return };
        let (probe, reference) = (template(&folder, "anon_orb197_rolled_+7"), template(&folder, "anon_v1112"));
        let ours = rotation_counts(&probe, &reference, 15).unwrap();
        let theirs = json(&folder.join("per_rotation_counts_orb197rolled7_vs_anon_v1112.json"));
        let theirs = theirs.as_array().unwrap();
        assert_eq!((ours.len(), theirs.len()), (31, 31));
        let number = |value: &Value| u32::try_from(value.as_i64().unwrap()).unwrap();
        for (ours, theirs) in ours.iter().zip(theirs) {
            assert_eq!(i64::from(ours.rotation.columns()), theirs["shift"].as_i64().unwrap());
            assert_eq!(ours.disagreeing, number(&theirs["mismatch"]), "rotation {}", ours.rotation);
            assert_eq!(ours.compared, number(&theirs["common_mask"]), "rotation {}", ours.rotation);
            // The halves, through masks that leave one of them: the upper (columns from 128 on) is listed first.
            for (half, columns) in [128..256, 0..128].into_iter().enumerate() {
                let visible = Mask::from_fn(Layout::Columns256, |wavelet, row, column, part| {
                    columns.contains(&column) && reference.mask().bit(wavelet, row, column, part)
                });
                let half_reference = IrisTemplate::new(reference.code().clone(), visible, reference.encoder()).unwrap();
                let turned = probe.rotated(ours.rotation);
                let counts = rotation_counts(&turned, &half_reference, 0).unwrap()[0];
                assert_eq!(2 * counts.disagreeing, number(&theirs["half_mismatch_x2"][half]));
                assert_eq!(2 * counts.compared, number(&theirs["half_mask_x2"][half]));
            }
        }
    }

    #[test]
    fn distances_of_the_synthetic_eyes() {
        let Some(folder) = golden("distances_of_the_synthetic_eyes", "08_synthetic_eyes") else { return };
        let pairs = json(&folder.join("expected_distances.json"));
        let read = |name: &Value| {
            let path = folder.join(name.as_str().unwrap()).join("template.openiris.json");
            openiris::from_json(&fs::read(path).unwrap()).unwrap()
        };
        for pair in pairs.as_array().unwrap() {
            let (probe, reference) = (read(&pair["probe"]), read(&pair["gallery"]));
            let what = format!("{} against {}", pair["probe"], pair["gallery"]);
            check_counts(compare(&probe, &reference, &all_distances()), expected(&pair["simple_rot15"]), &what);
            let halves = Measure::NormalisedHalves(Normalisation::default());
            check(distance(&probe, &reference, 15, halves), expected(&pair["hd_default_norm_half_rot15"]), &what);
        }
    }

    #[test]
    fn pairwise_distances_before_several_frames_are_joined() {
        let Some(folder) = golden("pairwise_distances_before_several_frames_are_joined", "05_aggregation") else {
            return;
        };
        let settings = json(&folder.join("expected.json"));
        let templates: Vec<IrisTemplate> = settings["inputs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| template(&folder.join("../04_matcher"), name.as_str().unwrap()))
            .collect();
        for (pair, value) in settings["pairwise_normalised_simple_HD"].as_object().unwrap() {
            let (first, second) = pair.split_once('_').unwrap();
            let [first, second] = [first, second].map(|index| &templates[index.parse::<usize>().unwrap()]);
            let ours = distance(first, second, 15, Measure::Normalised(Normalisation::default())).unwrap();
            assert!((ours.distance - value.as_f64().unwrap()).abs() < 1e-12, "{pair}");
        }
    }

    #[test]
    fn the_weights_of_open_iris_against_a_sum_of_floats() {
        let Some(folder) = golden("the_weights_of_open_iris_against_a_sum_of_floats", "04_matcher") else { return };
        let file = fs::read(folder.join("precomputed_avgmask_openiris_u8.npy")).unwrap();
        let table: Vec<f64> = file[file.len() - 16_384..].iter().copied().map(f64::from).collect();
        let weights = Weights::new(Layout::Columns256, table.clone()).unwrap();
        let (probe, reference) = (template(&folder, "anon_v1112"), template(&folder, "anon_orb192"));
        let ours = weighted_distance(&probe, &reference, 0, Measure::Plain, &weights).unwrap();
        let (mut disagreeing, mut compared) = (0.0, 0.0);
        // Both wavelets have the same table, so its scale cancels.
        assert_eq!(table[..8192], table[8192..]);
        for wavelet in 0..2 {
            for row in 0..16 {
                for column in 0..256 {
                    for part in 0..2 {
                        let weight = table[((wavelet * 16 + row) * 256 + column) * 2 + part];
                        let bit = |template: &IrisTemplate| template.code().bit(wavelet, row, column, part);
                        let usable = |template: &IrisTemplate| template.mask().bit(wavelet, row, column, part);
                        if usable(&probe) && usable(&reference) {
                            compared += weight;
                            disagreeing += if bit(&probe) == bit(&reference) { 0.0 } else { weight };
                        }
                    }
                }
            }
        }
        assert!((ours.distance - disagreeing / compared).abs() < 1e-12);
        let plain = distance(&probe, &reference, 0, Measure::Plain).unwrap();
        assert!((ours.distance - plain.distance).abs() > 1e-3, "the weights make a difference");
    }

    #[test]
    fn weights_that_mean_nothing_are_refused() {
        let wrong = |change: fn(&mut Vec<f64>)| {
            let mut table = vec![1.0; 12_800];
            change(&mut table);
            Weights::new(Layout::Columns200, table)
        };
        assert!(wrong(|_| ()).is_some());
        assert_eq!(wrong(|table| table.truncate(12_799)), None);
        assert_eq!(wrong(|table| table[7] = -1.0), None);
        assert_eq!(wrong(|table| table[7] = f64::NAN), None);
        assert_eq!(wrong(|table| table[..6400].fill(0.0)), None);
    }

    #[test]
    fn both_distances_of_iris_mpc() {
        let Some(folder) = golden("both_distances_of_iris_mpc", "07_iris_mpc") else { return };
        let text = fs::read_to_string(folder.join("random_codes.txt")).unwrap();
        let mut lines = text.lines();
        let mut next = || {
            let (code, mask) = (lines.next().unwrap(), lines.next().unwrap());
            let code = openiris::code_from_base64(code).unwrap();
            let mask = openiris::mask_from_base64(mask).unwrap();
            IrisTemplate::new(code, mask, EncoderVersion::OpenIrisFormat { major: 2, minor: 1 }).unwrap()
        };
        let (first, second) = (next(), next());
        for maximum_rotation in [0, 15] {
            let theirs: f64 = lines.next().unwrap().parse().unwrap();
            let policy = MatchPolicy { maximum_rotation, ..all_distances() };
            let ours = compare(&first, &second, &policy).alignment().unwrap();
            assert!((ours.distance.ratio() - theirs).abs() < 1e-12, "{} instead of {theirs}", ours.distance);
        }
    }

    #[test]
    fn a_flipped_picture_is_found_by_the_mirrored_search() {
        let Some(folder) = golden("a_flipped_picture_is_found_by_the_mirrored_search", "07_iris_mpc") else { return };
        let text = fs::read_to_string(folder.join("flipped_codes.txt")).unwrap();
        let lines: Vec<&str> = text.lines().take(4).collect();
        let eye = |code: &str, mask: &str| {
            let (code, mask) = (openiris::code_from_base64(code).unwrap(), openiris::mask_from_base64(mask).unwrap());
            IrisTemplate::new(code, mask, EncoderVersion::Other(1)).unwrap()
        };
        let (straight, flipped) = (eye(lines[0], lines[1]), eye(lines[2], lines[3]));
        let mut gallery = Gallery::new(Layout::Columns200, EncoderVersion::Other(1));
        gallery.insert(EntryId::new(1), &straight).unwrap();
        let policy = MatchPolicy::default();
        assert_eq!(gallery.search(&flipped, &policy).unwrap().hits, []);
        let found = gallery.search_mirrored(&flipped, &policy).unwrap();
        assert_eq!(found.hits.len(), 1);
        assert_eq!(found.hits[0].alignment.distance.disagreeing(), 0);
        assert_eq!(gallery.search_mirrored(&straight, &policy).unwrap().hits, []);
    }
}

/// Counts as a child would: every bit by its four indices, the probe turned by arithmetic on column numbers.
fn naive_counts(probe: &IrisTemplate, reference: &IrisTemplate, maximum_rotation: u8) -> Vec<RotationCounts> {
    let columns = i32::try_from(probe.layout().columns()).unwrap();
    let furthest = i16::from(maximum_rotation);
    let mut all = Vec::new();
    for turn in -furthest..=furthest {
        let (mut disagreeing, mut compared) = (0, 0);
        for column in 0..columns {
            let from = usize::try_from((column - i32::from(turn)).rem_euclid(columns)).unwrap();
            let column = usize::try_from(column).unwrap();
            for (wavelet, row, part) in (0..2).flat_map(|w| (0..16).flat_map(move |r| (0..2).map(move |p| (w, r, p)))) {
                if probe.mask().bit(wavelet, row, from, part) && reference.mask().bit(wavelet, row, column, part) {
                    compared += 1;
                    let bits =
                        probe.code().bit(wavelet, row, from, part) != reference.code().bit(wavelet, row, column, part);
                    disagreeing += u32::from(bits);
                }
            }
        }
        all.push(RotationCounts { rotation: Rotation::new(turn), disagreeing, compared });
    }
    all
}

/// The verdict, from floats that are exact here: both counts are far below 2^26.
fn naive_compare(probe: &IrisTemplate, reference: &IrisTemplate, policy: &MatchPolicy) -> Comparison {
    let minimum = policy.minimum_compared(probe.layout());
    let mut counts = naive_counts(probe, reference, policy.maximum_rotation);
    let most = counts.iter().map(|counts| counts.compared).max().unwrap();
    counts.retain(|counts| counts.compared >= minimum);
    // Smallest distance, then smallest turn, then the negative one.
    counts.sort_by(|a, b| {
        let [left, right] = [naive_nearness(a, b, policy.score), naive_nearness(b, a, policy.score)];
        let turn = |counts: &RotationCounts| (counts.rotation.columns().abs(), counts.rotation.columns());
        left.total_cmp(&right).then(turn(a).cmp(&turn(b)))
    });
    let Some(best) = counts.first() else {
        return Comparison::Incomparable(Incomparable::TooFewBits { compared: most, minimum });
    };
    let distance = FractionalHammingDistance::new(best.disagreeing, best.compared).unwrap();
    let alignment = Alignment { distance, rotation: best.rotation };
    if naive_accepts(best, policy, probe.layout()) {
        Comparison::Match(alignment)
    } else {
        Comparison::NonMatch(alignment)
    }
}

/// Grows with the distance of `a` when compared with the value for `b` and `a`; exact, see `naive_compare`.
fn naive_nearness(a: &RotationCounts, b: &RotationCounts, score: ScoreRule) -> f64 {
    let [d, n, other] = [a.disagreeing, a.compared, b.compared].map(f64::from);
    match score {
        ScoreRule::Fractional => d * other,
        // d/n scatters as 1/√n, so (1/2 − d/n) √n is compared: its square with its sign, times 4 n of both.
        ScoreRule::Normalized => (2.0 * d - n) * (2.0 * d - n).abs() * other,
        _ => unreachable!("no third rule is known here"),
    }
}

fn naive_accepts(counts: &RotationCounts, policy: &MatchPolicy, layout: Layout) -> bool {
    let [p, q, d, n] =
        [policy.threshold.numerator(), policy.threshold.denominator(), counts.disagreeing, counts.compared]
            .map(f64::from);
    match policy.score {
        ScoreRule::Fractional => d * q < p * n,
        // 1/2 − (1/2 − d/n) √(8 n / 5 bits) < p/q; both sides are whole numbers below 2^53, as q is 1000 at most.
        ScoreRule::Normalized => {
            let bits = layout.bits() as f64;
            let signed_square = |value: f64| value * value.abs();
            signed_square((n - 2.0 * d) * q) * 8.0 > signed_square(q - 2.0 * p) * 5.0 * bits * n
        }
        _ => unreachable!("no third rule is known here"),
    }
}

fn random_words(count: usize) -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(any::<u64>(), count)
}

/// Masks that make counting go wrong where it can: all, nothing, one bit, one column, one half, stripes, noise.
fn masks(layout: Layout) -> impl Strategy<Value = Mask> {
    let columns = layout.columns();
    let half = columns / 2;
    prop_oneof![
        Just(Mask::full(layout)),
        Just(Mask::empty(layout)),
        (0..columns, 0..64_u32).prop_map(move |(column, bit)| {
            let mut words = vec![0; columns];
            words[column] = 1 << bit;
            Mask::from_columns(layout, words).unwrap()
        }),
        (0..columns).prop_map(move |column| Mask::from_fn(layout, |_, _, c, _| c == column)),
        Just(Mask::from_fn(layout, move |_, _, c, _| c < half)),
        Just(Mask::from_fn(layout, move |_, _, c, _| c >= half)),
        (1..9_usize).prop_map(move |step| Mask::from_fn(layout, |_, r, c, _| (r + c) % step == 0)),
        random_words(columns).prop_map(move |words| Mask::from_columns(layout, words).unwrap()),
        (random_words(columns), random_words(columns)).prop_map(move |(a, b)| {
            let mostly = a.iter().zip(&b).map(|(a, b)| a | b).collect();
            Mask::from_columns(layout, mostly).unwrap()
        }),
    ]
}

fn codes(layout: Layout) -> impl Strategy<Value = IrisCode> {
    prop_oneof![
        4 => random_words(layout.columns()).prop_map(move |words| IrisCode::from_columns(layout, words).unwrap()),
        1 => any::<bool>().prop_map(move |bit| IrisCode::from_fn(layout, |_, _, _, _| bit)),
        1 => (1..40_usize).prop_map(move |step| IrisCode::from_fn(layout, |w, r, c, p| (w + r + c + p) % step == 0)),
    ]
}

fn templates(layout: Layout) -> impl Strategy<Value = IrisTemplate> {
    (codes(layout), masks(layout))
        .prop_map(|(code, mask)| IrisTemplate::new(code, mask, EncoderVersion::Other(7)).unwrap())
}

fn pairs() -> impl Strategy<Value = (IrisTemplate, IrisTemplate)> {
    let pair = |layout| (templates(layout), templates(layout));
    prop_oneof![pair(Layout::Columns200), pair(Layout::Columns256)]
}

/// A pair of captures of one eye: the second is turned and one bit in `noise` differs.
fn genuine_pairs() -> impl Strategy<Value = (IrisTemplate, IrisTemplate)> {
    (pairs(), -20..=20_i16, 2..12_u64).prop_map(|((first, other), turn, noise)| {
        let layout = first.layout();
        let words = first.code().columns().iter().zip(other.code().columns()).enumerate();
        let noisy = words
            .map(|(i, (word, flips))| if (i as u64).is_multiple_of(noise) { word ^ flips } else { *word })
            .collect();
        let code = IrisCode::from_columns(layout, noisy).unwrap();
        let second = IrisTemplate::new(code, other.mask().clone(), first.encoder()).unwrap();
        (first, second.rotated(Rotation::new(turn)))
    })
}

fn policies() -> impl Strategy<Value = MatchPolicy> {
    let rotation = prop_oneof![4 => Just(15_u8), 1 => Just(0_u8), 1 => 0..40_u8, 1 => Just(255_u8)];
    let minimum = prop_oneof![2 => Just(125_u16), 2 => Just(0_u16), 1 => 0..1100_u16];
    let score = prop_oneof![Just(ScoreRule::Fractional), Just(ScoreRule::Normalized)];
    (score, rotation, minimum, 0..=1000_u32).prop_map(
        |(score, maximum_rotation, minimum_compared_permille, numerator)| MatchPolicy {
            score,
            threshold: Threshold::new(numerator, 1000).unwrap(),
            minimum_compared_permille,
            maximum_rotation,
            ..MatchPolicy::default()
        },
    )
}

/// Searches a gallery of one with every kernel of this machine.
fn one_by_one(reference: &IrisTemplate, probe: &IrisTemplate, policy: &MatchPolicy) -> Vec<SearchResult> {
    let mut gallery = Gallery::new(reference.layout(), reference.encoder());
    gallery.insert(EntryId::new(0), reference).unwrap();
    Kernel::available().into_iter().map(|kernel| gallery.search_with(kernel, probe, policy).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn counts_are_those_of_the_twin((probe, reference) in pairs(), maximum in prop_oneof![Just(15_u8), 0..30_u8]) {
        let ours = rotation_counts(&probe, &reference, maximum).unwrap();
        prop_assert_eq!(ours, naive_counts(&probe, &reference, maximum));
    }

    #[test]
    fn verdicts_are_those_of_the_twin(
        (probe, reference) in prop_oneof![pairs(), genuine_pairs()],
        policy in policies(),
    ) {
        let expected = naive_compare(&probe, &reference, &policy);
        prop_assert_eq!(compare(&probe, &reference, &policy), expected);
        for found in one_by_one(&reference, &probe, &policy) {
            let hits = match expected {
                Comparison::Match(alignment) => vec![Hit { entry: EntryId::new(0), alignment }],
                _ => vec![],
            };
            prop_assert_eq!(found.hits, hits);
            prop_assert_eq!(found.incomparable.len(), usize::from(matches!(expected, Comparison::Incomparable(_))));
        }
    }

    #[test]
    fn a_turned_copy_is_found_at_its_turn(template in templates(Layout::Columns256), turn in -15..=15_i16) {
        let turned = template.rotated(Rotation::new(-turn));
        match compare(&turned, &template, &all_distances()) {
            Comparison::Match(alignment) => {
                prop_assert_eq!(alignment.distance.disagreeing(), 0);
                // A code with a period, or a mask of few bits, has earlier turns that fit as well.
                prop_assert!(alignment.rotation.columns().abs() <= turn.abs());
            }
            Comparison::Incomparable(_) => prop_assert_eq!(template.mask().count(), 0),
            Comparison::NonMatch(alignment) => prop_assert!(false, "{alignment}"),
        }
    }
}

/// A generator that needs no crate: splitmix64.
struct Noise(u64);

impl Noise {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    fn template(&mut self, layout: Layout) -> IrisTemplate {
        let code = (0..layout.columns()).map(|_| self.word()).collect();
        // One in thirty sees hardly anything.
        let blind = self.word().is_multiple_of(30);
        let mask = (0..layout.columns())
            .map(|_| {
                if blind {
                    self.word() & self.word() & self.word() & self.word() & self.word()
                } else {
                    self.word() | self.word()
                }
            })
            .collect();
        let code = IrisCode::from_columns(layout, code).unwrap();
        IrisTemplate::new(code, Mask::from_columns(layout, mask).unwrap(), EncoderVersion::Other(7)).unwrap()
    }
}

/// What a search must say, from one comparison after the other.
fn naive_search(entries: &BTreeMap<EntryId, IrisTemplate>, probe: &IrisTemplate, policy: &MatchPolicy) -> SearchResult {
    let mut result = SearchResult::default();
    for (&entry, reference) in entries {
        match compare(probe, reference, policy) {
            Comparison::Match(alignment) => result.hits.push(Hit { entry, alignment }),
            Comparison::NonMatch(_) => {}
            Comparison::Incomparable(_) => result.incomparable.push(entry),
        }
    }
    result.hits.sort_by(|a, b| policy.score.order(a.alignment.distance, b.alignment.distance));
    result
}

fn check_searches(
    gallery: &Gallery,
    entries: &BTreeMap<EntryId, IrisTemplate>,
    probe: &IrisTemplate,
    policy: &MatchPolicy,
) {
    let expected = naive_search(entries, probe, policy);
    assert_eq!(gallery.len(), entries.len());
    assert_eq!(gallery.is_empty(), entries.is_empty());
    for kernel in Kernel::available() {
        assert_eq!(
            gallery.search_with(kernel, probe, policy).unwrap(),
            expected,
            "{kernel:?}, {} entries",
            entries.len()
        );
    }
    #[cfg(feature = "rayon")]
    assert_eq!(gallery.par_search(probe, policy).unwrap(), expected);
}

#[test]
fn galleries_of_every_size_around_a_block() {
    // Loose enough that strangers match too: the order of many hits is checked, not that of one.
    for (layout, score) in [
        (Layout::Columns200, ScoreRule::Fractional),
        (Layout::Columns200, ScoreRule::Normalized),
        (Layout::Columns256, ScoreRule::Fractional),
        (Layout::Columns256, ScoreRule::Normalized),
    ] {
        let loose = MatchPolicy { score, threshold: Threshold::new(480, 1000).unwrap(), ..MatchPolicy::default() };
        let mut noise = Noise(layout.columns() as u64);
        let probe = noise.template(layout);
        let mut gallery = Gallery::new(layout, EncoderVersion::Other(7));
        let mut entries = BTreeMap::new();
        for size in 0..=513_u32 {
            if [0, 1, 2, 63, 64, 65, 255, 256, 257, 511, 512, 513].contains(&size) {
                check_searches(&gallery, &entries, &probe, &loose);
            }
            // Names fall while places rise; every tenth entry is the probe itself, turned.
            let entry = EntryId::new(u32::MAX - size * 7);
            let template = match size % 10 {
                9 => probe.rotated(Rotation::new(i16::try_from(size % 31).unwrap() - 15)),
                _ => noise.template(layout),
            };
            gallery.insert(entry, &template).unwrap();
            entries.insert(entry, template);
        }
    }
}

/// Templates like real ones: strangers are ruled out by bounds here, mates and near-strangers are counted to the end.
#[cfg(feature = "testing")]
#[test]
fn people_are_found_among_people() {
    use personhood::iris::EyeSide;
    use personhood::testing::templates::SyntheticTemplates;

    for layout in Layout::ALL {
        let world = SyntheticTemplates::new(layout, 5);
        let mut gallery = Gallery::new(layout, SyntheticTemplates::ENCODER);
        let mut entries = BTreeMap::new();
        for person in 0..200 {
            let (entry, template) = (EntryId::new(person), world.enrolled(person.into(), EyeSide::Right));
            gallery.insert(entry, &template).unwrap();
            entries.insert(entry, template);
        }
        for person in [0, 63, 64, 199, 200] {
            let again = world.recaptured(person.into(), EyeSide::Right, 1);
            for (numerator, score) in [345, 430, 460]
                .into_iter()
                .flat_map(|numerator| [ScoreRule::Fractional, ScoreRule::Normalized].map(|score| (numerator, score)))
            {
                let threshold = Threshold::new(numerator, 1000).unwrap();
                let policy = MatchPolicy { score, threshold, ..MatchPolicy::default() };
                check_searches(&gallery, &entries, &again.template, &policy);
            }
            let found = gallery.search(&again.template, &MatchPolicy::default()).unwrap();
            let names: Vec<u32> = found.hits.iter().map(|hit| hit.entry.number()).collect();
            assert_eq!(names, if person < 200 { vec![person] } else { vec![] });
        }
    }
}

#[test]
fn entries_come_and_go_in_any_order() {
    let layout = Layout::Columns200;
    let mut noise = Noise(2);
    let probe = noise.template(layout);
    let loose = MatchPolicy { threshold: Threshold::new(480, 1000).unwrap(), ..MatchPolicy::default() };
    let mut gallery = Gallery::new(layout, EncoderVersion::Other(7));
    let mut entries = BTreeMap::new();
    for step in 0..600 {
        let entry = EntryId::new(u32::try_from(noise.word() % 150).unwrap());
        // Grow at first, shrink in the end, to nothing.
        let insert = noise.word() % 600 > step;
        if insert {
            let template = noise.template(layout);
            match gallery.insert(entry, &template) {
                Ok(()) => assert!(entries.insert(entry, template).is_none()),
                Err(error) => {
                    assert_eq!(error, GalleryError::Taken { entry });
                    assert!(entries.contains_key(&entry));
                }
            }
        } else {
            assert_eq!(gallery.remove(entry), entries.remove(&entry).is_some());
        }
        assert_eq!(gallery.contains(entry), entries.contains_key(&entry));
        if step % 60 == 0 {
            check_searches(&gallery, &entries, &probe, &loose);
        }
    }
    for entry in entries.keys().copied().collect::<Vec<_>>() {
        assert!(gallery.remove(entry));
        assert!(!gallery.remove(entry));
        entries.remove(&entry);
    }
    check_searches(&gallery, &entries, &probe, &loose);
}

#[test]
fn a_search_that_cannot_compare_says_so_instead_of_nobody() {
    let mut noise = Noise(3);
    let (narrow, wide) = (noise.template(Layout::Columns200), noise.template(Layout::Columns256));
    let mut gallery = Gallery::new(Layout::Columns200, EncoderVersion::Other(7));
    let policy = MatchPolicy::default();
    let layout = Incomparable::Layout { probe: Layout::Columns256, reference: Layout::Columns200 };
    assert_eq!(gallery.search(&wide, &policy), Err(layout));
    assert_eq!(gallery.insert(EntryId::new(1), &wide), Err(GalleryError::Incomparable(layout)));
    assert_eq!(compare(&wide, &narrow, &policy), Comparison::Incomparable(layout));

    let foreign =
        IrisTemplate::new(narrow.code().clone(), narrow.mask().clone(), EncoderVersion::OpenIris1112).unwrap();
    let encoder = Incomparable::Encoder { probe: EncoderVersion::OpenIris1112, reference: EncoderVersion::Other(7) };
    assert_eq!(gallery.search(&foreign, &policy), Err(encoder));
    assert_eq!(gallery.insert(EntryId::new(1), &foreign), Err(GalleryError::Incomparable(encoder)));
    assert_eq!(compare(&foreign, &narrow, &policy), Comparison::Incomparable(encoder));
    assert!(gallery.is_empty());

    let blind = IrisTemplate::new(narrow.code().clone(), Mask::empty(Layout::Columns200), narrow.encoder()).unwrap();
    let few = Incomparable::TooFewBits { compared: 0, minimum: 1600 };
    assert_eq!(compare(&blind, &blind, &policy), Comparison::Incomparable(few));
    assert_eq!(
        few.to_string(),
        "at most 0 bits are usable in both templates, and 1600 are needed; take a picture with more of the iris in view"
    );
    gallery.insert(EntryId::new(1), &narrow).unwrap();
    let result = gallery.search(&blind, &policy).unwrap();
    assert_eq!((result.hits, result.incomparable), (vec![], vec![EntryId::new(1)]));
}

#[test]
fn bits_in_common_are_counted_where_the_probe_is_turned_to() {
    // Masks that meet at no turn below 15 columns but at 15 exactly: the minimum is asked of each rotation.
    let layout = Layout::Columns200;
    let code = IrisCode::from_fn(layout, |_, row, column, _| (row ^ column) & 1 == 1);
    let eye = |columns: std::ops::Range<usize>| {
        let mask = Mask::from_fn(layout, |_, _, column, _| columns.contains(&column));
        IrisTemplate::new(code.clone(), mask, EncoderVersion::Other(7)).unwrap()
    };
    let (probe, reference) = (eye(0..30), eye(40..70));
    let policy = |permille| MatchPolicy { minimum_compared_permille: permille, ..all_distances() };
    // At +15 the probe covers columns 15 to 44: 5 columns, 320 bits, 25 thousandths.
    let alignment = compare(&probe, &reference, &policy(25)).alignment().unwrap();
    assert_eq!((alignment.rotation, alignment.distance.compared()), (Rotation::new(15), 320));
    assert_eq!(
        compare(&probe, &reference, &policy(26)),
        Comparison::Incomparable(Incomparable::TooFewBits { compared: 320, minimum: 333 })
    );
}

#[test]
fn equal_distances_go_to_the_nearer_turn_and_then_to_the_negative_one() {
    let layout = Layout::Columns256;
    let template = |code| IrisTemplate::new(code, Mask::full(layout), EncoderVersion::Other(7)).unwrap();
    let rotation = |probe: &IrisTemplate, reference: &IrisTemplate, maximum_rotation| {
        let policy = MatchPolicy { maximum_rotation, ..all_distances() };
        compare(probe, reference, &policy).alignment().unwrap().rotation.columns()
    };
    // A pattern with period 4 fits at 0, ±4, ±8 …; turned by 2 it fits at −2 and +2 alike.
    let stripes = template(IrisCode::from_fn(layout, |_, _, column, _| column % 4 < 2));
    assert_eq!(rotation(&stripes, &stripes, 15), 0);
    assert_eq!(rotation(&stripes.rotated(Rotation::new(2)), &stripes, 15), -2);
    assert_eq!(rotation(&stripes.rotated(Rotation::new(1)), &stripes, 15), -1);
    assert_eq!(rotation(&stripes.rotated(Rotation::new(3)), &stripes, 15), 1);
    // All turns of a constant code are equally good, and equally bad.
    let (ones, zeros) = (
        template(IrisCode::from_fn(layout, |_, _, _, _| true)),
        template(IrisCode::from_fn(layout, |_, _, _, _| false)),
    );
    assert_eq!(rotation(&ones, &ones, 255), 0);
    assert_eq!(rotation(&ones, &zeros, 255), 0);
}

#[test]
fn the_best_kernel_is_one_of_the_available_ones() {
    let available = Kernel::available();
    assert_eq!(available[0], Kernel::PORTABLE);
    assert_eq!(available.last(), Some(&Kernel::best()));
    eprintln!("kernels: {available:?}");
}

#[test]
fn a_snapshot_is_what_the_gallery_was() {
    let layout = Layout::Columns200;
    let mut noise = Noise(9);
    let loose = MatchPolicy { threshold: Threshold::new(480, 1000).unwrap(), ..MatchPolicy::default() };
    let probe = noise.template(layout);
    let mut gallery = Gallery::new(layout, EncoderVersion::Other(7));
    let mut entries = BTreeMap::new();
    let mut snapshots = Vec::new();
    for step in 0..600_u32 {
        if step % 100 == 50 {
            snapshots.push((gallery.snapshot(), naive_search(&entries, &probe, &loose)));
        }
        // The first entries go again, so that both the first block and the last change under a snapshot.
        if step % 3 == 2 {
            assert!(gallery.remove(EntryId::new(step / 3)));
            entries.remove(&EntryId::new(step / 3)).unwrap();
        }
        let template = noise.template(layout);
        gallery.insert(EntryId::new(1000 + step), &template).unwrap();
        entries.insert(EntryId::new(1000 + step), template);
        let template = noise.template(layout);
        gallery.insert(EntryId::new(step), &template).unwrap();
        entries.insert(EntryId::new(step), template);
    }
    // Searched on another thread, while the gallery is gone here.
    drop(gallery);
    let searches = std::thread::spawn(move || {
        for (snapshot, expected) in snapshots {
            assert_eq!(snapshot.search(&probe, &loose).unwrap(), expected);
        }
    });
    searches.join().unwrap();
}

#[test]
fn a_batch_finds_what_each_of_its_probes_finds() {
    let layout = Layout::Columns200;
    let mut noise = Noise(11);
    let loose = MatchPolicy { threshold: Threshold::new(480, 1000).unwrap(), ..MatchPolicy::OPEN_IRIS };
    let mut gallery = Gallery::new(layout, EncoderVersion::Other(7));
    for entry in 0..300 {
        gallery.insert(EntryId::new(entry), &noise.template(layout)).unwrap();
    }
    let gallery = gallery.snapshot();
    let probes: Vec<IrisTemplate> = (0..3).map(|_| noise.template(layout)).collect();
    let expected: Vec<SearchResult> = probes.iter().map(|probe| gallery.search(probe, &loose).unwrap()).collect();
    assert!(expected.iter().all(|found| !found.hits.is_empty() && !found.incomparable.is_empty()));
    assert_eq!(gallery.search_batch(&probes, &loose).unwrap(), expected);
    #[cfg(feature = "rayon")]
    assert_eq!(gallery.par_search_batch(&probes, &loose).unwrap(), expected);
    assert_eq!(gallery.search_batch(&[], &loose).unwrap(), []);
    let wide = noise.template(Layout::Columns256);
    assert!(gallery.search_batch(&[probes[0].clone(), wide], &loose).is_err());
}

/// All pairs by `compare`, the smaller name as the probe; then the same from parts of any size, in any order of insertion.
#[test]
fn a_self_join_finds_every_pair_once() {
    let layout = Layout::Columns200;
    let mut noise = Noise(12);
    let policy = MatchPolicy { threshold: Threshold::new(430, 1000).unwrap(), ..MatchPolicy::default() };
    let mut entries: BTreeMap<EntryId, IrisTemplate> =
        (0..270).map(|entry| (EntryId::new(entry), noise.template(layout))).collect();
    // Two more captures of one, and a code with a period, which fits at several turns equally well.
    for (entry, turn) in [(100, 3), (260, -5)] {
        let again = entries[&EntryId::new(7)].rotated(Rotation::new(turn));
        entries.insert(EntryId::new(entry), again);
    }
    for (entry, shift) in [(20, 0), (21, 4)] {
        let code = IrisCode::from_fn(layout, |_, _, c, _| (c + shift) % 8 < 4);
        let template = IrisTemplate::new(code, Mask::full(layout), EncoderVersion::Other(7)).unwrap();
        entries.insert(EntryId::new(entry), template);
    }
    let (mut expected, mut incomparable) = (Vec::new(), 0);
    for (first, probe) in &entries {
        for (second, reference) in entries.range(EntryId::new(first.number() + 1)..) {
            match compare(probe, reference, &policy) {
                Comparison::Match(alignment) => {
                    expected.push(Duplicate { first: *first, second: *second, alignment });
                }
                Comparison::NonMatch(_) => {}
                Comparison::Incomparable(_) => incomparable += 1,
            }
        }
    }
    assert!(expected.len() >= 4 && incomparable > 0);
    for backwards in [false, true] {
        let mut gallery = Gallery::new(layout, EncoderVersion::Other(7));
        let mut order: Vec<_> = entries.iter().collect();
        if backwards {
            order.reverse();
        }
        for (entry, template) in order {
            gallery.insert(*entry, template).unwrap();
        }
        let gallery = gallery.snapshot();
        let mut found = Duplicates::default();
        for part in [0..1, 1..250, 250..261, 261..100_000] {
            let more = gallery.duplicates(part.clone(), &policy);
            #[cfg(feature = "rayon")]
            assert_eq!(gallery.par_duplicates(part, &policy), more);
            found.pairs.extend(more.pairs);
            found.incomparable += more.incomparable;
        }
        found.pairs.sort_by_key(|pair| (pair.first, pair.second));
        assert_eq!(found.pairs, expected);
        assert_eq!(found.incomparable, incomparable);
    }
}
