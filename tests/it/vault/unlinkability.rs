//! Can somebody with two registries tell that one person is in both? Measured as M. Gomez-Barrero, J. Galbally, C. Rathgeb and C.
//! Busch propose (*General Framework to Evaluate Unlinkability in Biometric Template Protection Systems*, IEEE TIFS 13(6), 2018):
//! with the scores of mated pairs (one eye, two keys) and of non-mated ones (two eyes, two keys),
//!
//! ```text
//! LR(s) = p(s | mated) / p(s | non-mated)       D(s) = 2 · LR(s) / (1 + LR(s)) − 1 where LR(s) > 1, else 0
//! D_sys = ∫ p(s | mated) · D(s) ds              0: nothing can be told, 1: everything
//! ```
//!
//! for equal priors. The densities are histograms, and noise alone makes a D_sys above 0; so the same is done with non-mated
//! pairs in both places, and what counts is the difference.
//!
//! `PERSONHOOD_UNLINKABILITY=4000` takes as many people instead of the few that are enough for a test.

use personhood::iris::{EyeSide, IrisTemplate, Layout};
use personhood::testing::templates::SyntheticTemplates;
use personhood::vault::{DeploymentKey, KeyMaterial, ProtectedTemplate};

/// As `counts` has it, without asking for the key: what somebody with two stolen registries would do.
fn distance(first: &[u8], second: &[u8], layout: Layout) -> f64 {
    let (code, mask) = (37..37 + layout.bytes(), 37 + layout.bytes()..37 + 2 * layout.bytes());
    let (mut disagreeing, mut compared) = (0, 0);
    for (code, mask) in code.zip(mask) {
        let both = first[mask] & second[mask];
        compared += both.count_ones();
        disagreeing += ((first[code] ^ second[code]) & both).count_ones();
    }
    f64::from(disagreeing) / f64::from(compared)
}

fn moments(scores: &[f64]) -> (f64, f64) {
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    let variance = scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / (scores.len() - 1) as f64;
    (mean, variance.sqrt())
}

/// D_sys over a histogram of `bins` equal parts of what is occupied.
fn linkability(mated: &[f64], strangers: &[f64], bins: usize) -> f64 {
    let all = || mated.iter().chain(strangers).copied();
    let (low, high) = (all().fold(f64::MAX, f64::min), all().fold(f64::MIN, f64::max));
    let density = |scores: &[f64]| {
        let mut counts = vec![0.0; bins];
        for score in scores {
            let bin = ((score - low) / (high - low) * bins as f64) as usize;
            counts[bin.min(bins - 1)] += 1.0 / scores.len() as f64;
        }
        counts
    };
    let pairs = density(mated).into_iter().zip(density(strangers));
    // 2 LR / (1 + LR) − 1 = (m − n) / (m + n), which also holds where n is 0.
    pairs.filter(|(m, n)| m > n).map(|(m, n)| m * (m - n) / (m + n)).sum()
}

#[test]
fn two_deployments_cannot_tell_that_they_have_one_person() {
    let people: usize = std::env::var("PERSONHOOD_UNLINKABILITY").ok().map_or(300, |text| text.parse().unwrap());
    let keys = [1, 2].map(|byte| DeploymentKey::new(&KeyMaterial::new(&[byte; 32])));
    for layout in Layout::ALL {
        let world = SyntheticTemplates::new(layout, 77).with_maximum_rotation(0);
        let templates = |captured: bool| -> Vec<IrisTemplate> {
            (0..people as u64)
                .map(|person| match captured {
                    true => world.recaptured(person, EyeSide::Left, 1).template,
                    false => world.enrolled(person, EyeSide::Left),
                })
                .collect()
        };
        let stored = |key: &DeploymentKey, templates: &[IrisTemplate]| -> Vec<Vec<u8>> {
            let protected = key.protect_all(&templates.iter().collect::<Vec<_>>());
            protected.iter().map(|template: &ProtectedTemplate| template.to_bytes().to_vec()).collect()
        };
        let (enrolled, again) = (templates(false), templates(true));
        let here = stored(&keys[0], &enrolled);
        let (there, same_key) = (stored(&keys[1], &again), stored(&keys[0], &again));
        let pairs = |others: &[Vec<u8>], step: usize| -> Vec<f64> {
            (0..people).map(|person| distance(&here[person], &others[(person + step) % people], layout)).collect()
        };

        let plain = [pairs(&same_key, 0), pairs(&same_key, 1)];
        let crossed = [pairs(&there, 0), pairs(&there, 1), pairs(&there, 2)];
        let bins = ((people as f64).sqrt() as usize).clamp(8, 40);
        let (linked, crossed_linked, noise) = (
            linkability(&plain[0], &plain[1], bins),
            linkability(&crossed[0], &crossed[1], bins),
            linkability(&crossed[2], &crossed[1], bins),
        );
        for (name, scores) in [
            ("one key, one eye", &plain[0]),
            ("one key, strangers", &plain[1]),
            ("two keys, one eye", &crossed[0]),
            ("two keys, strangers", &crossed[1]),
        ] {
            let (mean, deviation) = moments(scores);
            let freedom = mean * (1.0 - mean) / deviation.powi(2);
            let least = scores.iter().copied().fold(f64::MAX, f64::min);
            println!(
                "{layout}: {name}: mean {mean:.4}, deviation {deviation:.4}, {freedom:.0} degrees of freedom, least {least:.4}"
            );
        }
        println!(
            "{layout}: D_sys one key {linked:.3}, two keys {crossed_linked:.3}, of noise alone {noise:.3} ({people} people, {bins} bins)"
        );

        let ((mated, deviation), (strangers, spread)) = (moments(&crossed[0]), moments(&crossed[1]));
        // Five standard errors of the mean of so many.
        let error = (deviation.powi(2) + spread.powi(2)).sqrt() / (people as f64).sqrt();
        assert!((mated - strangers).abs() < 5.0 * error, "{mated} and {strangers}");
        assert!((mated - 0.5).abs() < 0.005 && deviation < 0.02, "{mated} {deviation}");
        assert!(crossed[0].iter().all(|score| *score > 0.45), "none comes near a threshold");
        assert!(linked > 0.95, "with one key everything can be told: the measure works ({linked})");
        assert!(crossed_linked < noise + 0.06, "{crossed_linked} against {noise}");
    }
}
