//! Rates of error: the statistics against their definitions, and `personhood evaluate` as its users see it.

#![allow(clippy::unwrap_used)]

#[cfg(feature = "cli")]
mod program;

use std::collections::BTreeSet;
use std::path::Path;

use personhood::evaluation::{Bootstrap, Comparisons, EvaluationError, FMR_TARGETS, Moments, Pair, Sample, Scores};
use proptest::prelude::*;
use serde_json::Value;

fn close(found: f64, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap();
    assert!((found - expected).abs() < 1e-9, "{what}: {found}, expected {expected}");
}

/// What `testdata/evaluation/oracle.py` found by other means.
#[test]
fn known_answers_of_an_independent_program() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/evaluation/answers.json");
    let sets: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for set in sets.as_array().unwrap() {
        let number = |value: &Value| u32::try_from(value.as_u64().unwrap()).unwrap();
        let samples = set["samples"].as_array().unwrap();
        let samples = samples.iter().map(|sample| Sample { class: number(&sample[0]), person: number(&sample[1]) });
        let distances = set["distances"].as_array().unwrap();
        let comparisons = Comparisons::new(samples.collect(), |a, b| distances[b * (b - 1) / 2 + a].as_f64()).unwrap();
        let scores = Scores::new(comparisons);

        assert_eq!(scores.genuine().len() as u64, set["genuine"]);
        assert_eq!(scores.impostor().len() as u64, set["impostor"]);
        let rates = scores.rates().unwrap();
        close(rates.eer, &set["eer"], "EER");
        for target in 0..FMR_TARGETS.len() {
            close(rates.fnmr_at_fmr[target], &set["fnmr_at_fmr"][target], "FNMR at FMR");
        }
        // numpy adds in another order.
        close(scores.d_prime().unwrap(), &set["d_prime"], "d'");
        close(
            scores.degrees_of_freedom().unwrap() / 1e3,
            &(set["degrees_of_freedom"].as_f64().unwrap() / 1e3).into(),
            "N",
        );
        let rank_one = scores.rank_one();
        assert_eq!(
            [rank_one.hits as u64, rank_one.attempts as u64].to_vec(),
            serde_json::from_value::<Vec<u64>>(set["rank1"].clone()).unwrap()
        );

        let expected = &set["bootstrap"];
        let bootstrap =
            Bootstrap { replicates: number(&expected["replicates"]), seed: expected["seed"].as_u64().unwrap() };
        let intervals = scores.intervals(&bootstrap).unwrap();
        assert_eq!(intervals.replicates as u64, expected["used"]);
        close(intervals.eer.low, &expected["eer"][0], "EER, low");
        close(intervals.eer.high, &expected["eer"][1], "EER, high");
        for (interval, expected) in intervals.fnmr_at_fmr.iter().zip(expected["fnmr_at_fmr"].as_array().unwrap()) {
            close(interval.low, &expected[0], "FNMR, low");
            close(interval.high, &expected[1], "FNMR, high");
        }
        #[cfg(feature = "rayon")]
        assert_eq!(scores.par_intervals(&bootstrap), Some(intervals));
    }
}

/// Samples with few classes, and distances with many ties and some gaps.
fn sets() -> impl Strategy<Value = (Vec<Sample>, Vec<Option<u8>>)> {
    prop::collection::vec(0_u32..6, 2..14).prop_flat_map(|classes| {
        let pairs = classes.len() * (classes.len() - 1) / 2;
        // Two classes a person.
        let samples: Vec<Sample> = classes.into_iter().map(|class| Sample { class, person: class / 2 }).collect();
        let distance = prop_oneof![1 => Just(None), 12 => (0_u8..12).prop_map(Some)];
        (Just(samples), prop::collection::vec(distance, pairs))
    })
}

fn scores_of(samples: &[Sample], distances: &[Option<u8>], distance: impl Fn(u8) -> f64) -> Scores {
    let of = |a: usize, b: usize| distances[b * (b - 1) / 2 + a].map(&distance);
    Scores::new(Comparisons::new(samples.to_vec(), of).unwrap())
}

fn linear(value: u8) -> f64 {
    f64::from(value) / 16.0
}

/// EER and FNMR at FMR from their definitions: every threshold is tried.
fn by_definition(genuine: &[f64], impostor: &[f64]) -> Option<(f64, Vec<f64>)> {
    if genuine.is_empty() || impostor.is_empty() {
        return None;
    }
    let mut thresholds: Vec<f64> = genuine.iter().chain(impostor).copied().collect();
    thresholds.sort_by(f64::total_cmp);
    thresholds.dedup();
    let share = |pairs: &[f64], is: &dyn Fn(f64) -> bool| {
        pairs.iter().filter(|&&distance| is(distance)).count() as f64 / pairs.len() as f64
    };
    let mut points: Vec<[f64; 2]> =
        thresholds.iter().map(|&t| [share(impostor, &|d| d < t), share(genuine, &|d| d >= t)]).collect();
    points.push([1.0, 0.0]);
    let crossing = points.windows(2).find(|two| two[1][0] >= two[1][1]).unwrap();
    let ([fmr, fnmr], [next_fmr, next_fnmr]) = (crossing[0], crossing[1]);
    let along = (fnmr - fmr) / ((fnmr - fmr) + (next_fmr - next_fnmr));
    let at = FMR_TARGETS.map(|target| {
        let allowed = |t: &&f64| impostor.iter().filter(|&d| d < t).count() as u64 * target <= impostor.len() as u64;
        let threshold = thresholds.iter().filter(allowed).copied().fold(f64::MIN, f64::max);
        share(genuine, &|d| d >= threshold)
    });
    Some((fmr + along * (next_fmr - fmr), at.to_vec()))
}

fn keys(pairs: &[Pair]) -> Vec<f64> {
    pairs.iter().map(|pair| pair.distance().map_or(f64::INFINITY, f64::from)).collect()
}

proptest! {
    #[test]
    fn rates_are_those_of_the_definitions((samples, distances) in sets()) {
        let scores = scores_of(&samples, &distances, linear);
        let (genuine, impostor) = (keys(scores.genuine()), keys(scores.impostor()));
        prop_assert_eq!(genuine.len() + impostor.len(), distances.len());
        prop_assert!(genuine.is_sorted() && impostor.is_sorted());
        let expected = by_definition(&genuine, &impostor);
        prop_assert_eq!(scores.rates().is_some(), expected.is_some());
        if let (Some(rates), Some((eer, at))) = (scores.rates(), expected) {
            prop_assert!((rates.eer - eer).abs() < 1e-12, "{} is not {}", rates.eer, eer);
            prop_assert_eq!(rates.fnmr_at_fmr.to_vec(), at);
            // A stricter demand is never met more often.
            prop_assert!(rates.fnmr_at_fmr.is_sorted());
            for (threshold, fnmr) in rates.thresholds.into_iter().zip(rates.fnmr_at_fmr) {
                prop_assert_eq!(scores.at(threshold).unwrap().fnmr, fnmr);
            }
        }
    }

    #[test]
    fn curves_go_one_way((samples, distances) in sets(), points in 0_usize..50) {
        let scores = scores_of(&samples, &distances, linear);
        let curve = scores.curve(points);
        prop_assert_eq!(curve.is_empty(), scores.rates().is_none());
        prop_assert!(curve.windows(2).all(|two| two[0].threshold < two[1].threshold));
        prop_assert!(curve.windows(2).all(|two| two[0].fmr <= two[1].fmr && two[0].fnmr >= two[1].fnmr));
        prop_assert!(curve.iter().all(|point| scores.at(point.threshold) == Some(*point)));
    }

    /// Rates depend on the order of the distances alone, and not on how eyes are called or in which order they come.
    #[test]
    fn what_does_not_matter_does_not_matter((samples, distances) in sets()) {
        let scores = scores_of(&samples, &distances, linear);
        let squared = scores_of(&samples, &distances, |value| linear(value).powi(2) + 0.25);
        let rates = |scores: &Scores| scores.rates().map(|rates| (rates.eer, rates.fnmr_at_fmr));
        prop_assert_eq!(rates(&scores), rates(&squared));
        prop_assert_eq!(scores.rank_one(), squared.rank_one());

        let renamed: Vec<Sample> =
            samples.iter().map(|sample| Sample { class: 1000 - sample.class, person: 7 * sample.person + 3 }).collect();
        let renamed = scores_of(&renamed, &distances, linear);
        let bootstrap = Bootstrap { replicates: 20, seed: 3 };
        prop_assert_eq!(rates(&scores), rates(&renamed));
        prop_assert_eq!(scores.intervals(&bootstrap), renamed.intervals(&bootstrap));

        let last = samples.len() - 1;
        let mirrored: Vec<Sample> = samples.iter().rev().copied().collect();
        let of = |a: usize, b: usize| {
            let (a, b) = (last - b, last - a);
            distances[b * (b - 1) / 2 + a].map(linear)
        };
        let mirrored = Scores::new(Comparisons::new(mirrored, of).unwrap());
        prop_assert_eq!(rates(&scores), rates(&mirrored));
        prop_assert_eq!(scores.rank_one(), mirrored.rank_one());
        let spread = |pairs| Moments::of(pairs).map(|moments| (moments.count, (moments.mean * 1e9).round()));
        prop_assert_eq!(spread(scores.impostor()), spread(mirrored.impostor()));
    }

    #[test]
    fn histograms_hold_every_distance((samples, distances) in sets()) {
        let scores = scores_of(&samples, &distances, linear);
        let histogram = scores.histogram(0.1, 0.5, 7);
        let all = |counts: &[u64]| usize::try_from(counts.iter().sum::<u64>()).unwrap();
        prop_assert_eq!(all(&histogram.genuine), scores.genuine().iter().filter_map(Pair::distance).count());
        prop_assert_eq!(all(&histogram.impostor), scores.impostor().iter().filter_map(Pair::distance).count());
    }

    #[test]
    fn every_pair_is_there_once((samples, distances) in sets()) {
        let of = |a: usize, b: usize| distances[b * (b - 1) / 2 + a].map(linear);
        let comparisons = Comparisons::new(samples.clone(), of).unwrap();
        #[cfg(feature = "rayon")]
        prop_assert_eq!(&Comparisons::par_new(samples, of).unwrap(), &comparisons);
        let pairs: Vec<_> = comparisons.pairs().collect();
        prop_assert_eq!(pairs.len(), distances.len());
        prop_assert!(pairs.iter().all(|&(a, b, distance)| a < b && distance.map(f64::from) == of(a, b)));
        let distinct: BTreeSet<_> = pairs.iter().map(|&(a, b, _)| (a, b)).collect();
        prop_assert_eq!(distinct.len(), pairs.len());
        let scores = Scores::new(comparisons);
        let sorted: BTreeSet<_> =
            scores.genuine().iter().chain(scores.impostor()).map(|pair| pair.samples().into()).collect();
        prop_assert_eq!(sorted, distinct);
    }
}

#[test]
fn perfect_and_hopeless_systems() {
    let samples: Vec<Sample> = (0..12).map(|number| Sample { class: number / 3, person: number / 3 }).collect();
    let is_genuine = |a: usize, b: usize| a / 3 == b / 3;
    let scores = |distance: &dyn Fn(usize, usize) -> Option<f64>| {
        Scores::new(Comparisons::new(samples.clone(), distance).unwrap())
    };
    let perfect = scores(&|a, b| Some(if is_genuine(a, b) { 0.1 } else { 0.45 }));
    let rates = perfect.rates().unwrap();
    assert_eq!((rates.eer, rates.fnmr_at_fmr), (0.0, [0.0; 4]));
    assert_eq!(perfect.rank_one().rate(), Some(1.0));
    assert_eq!(perfect.d_prime(), None, "nothing varies");

    let inverted = scores(&|a, b| Some(if is_genuine(a, b) { 0.45 } else { 0.1 }));
    assert_eq!(inverted.rates().unwrap().eer, 1.0);
    assert_eq!(inverted.rank_one().rate(), Some(0.0));

    let blind = scores(&|_, _| Some(0.3));
    assert_eq!(blind.rates().unwrap().eer, 0.5);
    assert_eq!(blind.rank_one().rate(), Some(0.0), "a tie is no hit");

    let nothing = scores(&|_, _| None);
    let rates = nothing.rates().unwrap();
    assert_eq!((rates.eer, rates.fnmr_at_fmr), (0.5, [1.0; 4]));
    assert_eq!((nothing.d_prime(), nothing.degrees_of_freedom()), (None, None));
}

#[test]
fn without_both_kinds_of_pairs_there_are_no_rates() {
    let of = |samples: Vec<Sample>| Scores::new(Comparisons::new(samples, |_, _| Some(0.4)).unwrap());
    for samples in [vec![], vec![Sample { class: 0, person: 0 }]] {
        let scores = of(samples);
        assert_eq!((scores.rates(), scores.rank_one().rate()), (None, None));
    }
    let one_eye = of(vec![Sample { class: 5, person: 1 }; 3]);
    assert!(one_eye.rates().is_none() && one_eye.intervals(&Bootstrap::default()).is_none());
    let strangers = of((0..3).map(|number| Sample { class: number, person: number }).collect());
    assert!(strangers.rates().is_none() && strangers.curve(10).is_empty());
    assert_eq!(strangers.rank_one().attempts, 0);
}

#[test]
fn labels_and_distances_that_make_no_sense_are_refused() {
    let sample = |class, person| Sample { class, person };
    let new = |samples: Vec<Sample>, distance| Comparisons::new(samples, |_, _| Some(distance)).unwrap_err();
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300] {
        let error = new(vec![sample(0, 0), sample(1, 1)], bad);
        assert!(matches!(error, EvaluationError::NotFinite { a: 0, b: 1, .. }), "{error:?}");
        assert_eq!(personhood::Error::from(error).code(), "evaluation_not_finite");
    }
    let error = new(vec![sample(0, 0), sample(1, 1), sample(0, 1)], 0.5);
    assert_eq!(error, EvaluationError::TwoOwners { a: 0, b: 2 });
    let error = new(vec![sample(0, 0); Comparisons::MAX_SAMPLES + 1], 0.5);
    assert_eq!(error, EvaluationError::TooManySamples { found: 65_537, most: 65_536 });
}
