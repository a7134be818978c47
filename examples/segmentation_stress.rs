//! Draws synthetic eyes of hard kinds and tells how the default pipeline does on them, against their truth.
//!
//! ```text
//! cargo run --release --features testing --example segmentation_stress -- [EYES [CAPTURES [KIND…]]]
//! ```
//!
//! One row a kind: pictures; those refused (by the segmenter, by a measure of quality); of the others, how many have a wrong
//! pupil and a wrong limbus, how far off the boundaries are, and what the templates are worth. Standard error has a line for each
//! picture with a wrong boundary.

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};

use personhood::evaluation::{Comparisons, Sample, Scores};
use personhood::iris::{EyeSide, IrisTemplate};
use personhood::matcher::{Comparison, MatchPolicy, compare};
use personhood::pipeline::{Pipeline, PipelineError};
use personhood::testing::eyes::{CaptureConditions, Lamps, SyntheticEye};

/// A boundary further off than this, mean distance over the true iris' radius, is wrong: a twentieth of the radius
/// moves the middle of the iris by a row of the template, beyond which bits are those of another place.
const WRONG: f64 = 0.05;

/// First identity: none of `testdata/eyes` and of the tests.
const FIRST: u64 = 40_000;

type Conditions = fn(u64) -> CaptureConditions;

const KINDS: [(&str, Conditions); 11] = [
    ("ordinary", |seed| CaptureConditions::ordinary(seed).resized(320, 240)),
    ("walk-up", CaptureConditions::walk_up),
    ("close-up", CaptureConditions::painted_close_up),
    // The iris fills the picture and touches its frame; the lamps shine in the pupil.
    ("lamps", |seed| CaptureConditions {
        height: if seed.is_multiple_of(2) { 280 } else { 240 },
        iris_radius: 100.0 + 30.0 * share(seed, 1),
        pupil_disc: 0.0,
        lamps: [Lamps::Ring, Lamps::Single, Lamps::Square][(seed / 2 % 3) as usize],
        ..CaptureConditions::painted_close_up(seed)
    }),
    ("small", CaptureConditions::small_walk_up),
    ("half-shut", |seed| CaptureConditions {
        lid_opening: 0.55 + 0.20 * share(seed, 1),
        ..CaptureConditions::ordinary(seed).resized(320, 240)
    }),
    ("tilted", |seed| CaptureConditions {
        head_roll: (20.0 + 25.0 * share(seed, 1)) * if seed.is_multiple_of(2) { 1.0 } else { -1.0 },
        ..CaptureConditions::ordinary(seed).resized(320, 240)
    }),
    ("averted", |seed| CaptureConditions {
        gaze: [20.0 + 15.0 * share(seed, 1), 20.0 * share(seed, 2) - 10.0]
            .map(|g| if seed.is_multiple_of(2) { g } else { -g }),
        ..CaptureConditions::ordinary(seed).resized(320, 240)
    }),
    ("cut", |seed| {
        // The frame takes up to half of the radius away, at any side.
        let ordinary = CaptureConditions::ordinary(seed).resized(320, 240);
        let beyond = (0.5 * share(seed, 1) - 1.0) * ordinary.iris_radius;
        let sign = if share(seed, 2) < 0.5 { 1.0 } else { -1.0 };
        let offset = if share(seed, 3) < 0.7 { [sign * (160.0 + beyond), 0.0] } else { [0.0, sign * (120.0 + beyond)] };
        CaptureConditions { offset, ..ordinary }
    }),
    // All of them must be refused.
    ("shut", |seed| {
        let open =
            if seed.is_multiple_of(2) { CaptureConditions::ordinary(seed) } else { CaptureConditions::walk_up(seed) };
        CaptureConditions { lid_opening: 0.0, glasses: None, ..open }
    }),
    ("blurred", |seed| {
        let ordinary = CaptureConditions::ordinary(seed).resized(320, 240);
        CaptureConditions { defocus: (0.02 + 0.04 * share(seed, 1)) * ordinary.iris_radius, ..ordinary }
    }),
];

/// A number in 0…1 that only the seed and `which` decide (SplitMix64).
fn share(seed: u64, which: u64) -> f64 {
    let mut z = seed.wrapping_add(which.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// What one picture gave.
struct Found {
    eye: u32,
    outcome: Result<IrisTemplate, PipelineError>,
    /// Off by, over the iris' radius; `None` where there is no boundary.
    pupil: Option<f64>,
    limbus: Option<f64>,
    /// Confidences of the pupil and of the limbus.
    trust: [f64; 2],
    /// Centre and radius of the true limbus and of the one found.
    limbi: [[f64; 3]; 2],
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let number = |at: usize, default: u64| arguments.get(at).map_or(Ok(default), |text| text.parse());
    let (eyes, captures) = (number(0, 20)?, number(1, 3)?);
    let wanted: Vec<&str> = arguments.iter().skip(2).map(String::as_str).collect();
    println!(
        "{:10} {:>4} {:>7} {:>6} {:>6}  {:>23}  {:>23}  {:>11}  {:>15} {:>7} {:>6}",
        "kind",
        "n",
        "refused",
        "wrongP",
        "wrongL",
        "pupil off 50 90 99 %",
        "limbus off 50 90 99 %",
        "genuine",
        "impostor (least)",
        "EER",
        "d'"
    );
    for (name, conditions) in KINDS.iter().filter(|(name, _)| wanted.is_empty() || wanted.contains(name)) {
        let found = measure(*conditions, eyes, captures);
        report(name, &found)?;
        for (at, found) in found.iter().enumerate().filter(|(_, f)| f.outcome.is_ok()) {
            let off = [found.pupil, found.limbus].map(|off| off.unwrap_or(f64::NAN));
            if off.iter().any(|&off| off > WRONG) {
                let trust = found.trust;
                eprintln!(
                    "  {name} {at}: off by {off:.3?}, confidences {trust:.2?}, true and found circle {:.0?}",
                    found.limbi
                );
            }
        }
    }
    Ok(())
}

fn measure(conditions: Conditions, eyes: u64, captures: u64) -> Vec<Found> {
    let pipeline = Pipeline::builder().build();
    let (next, total) = (AtomicUsize::new(0), (eyes * captures) as usize);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut found: Vec<(usize, Found)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut mine = Vec::new();
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        if at >= total {
                            return mine;
                        }
                        let (eye, capture) = (at as u64 / captures, at as u64 % captures);
                        let seed = 1_000 * (FIRST + eye) + capture;
                        mine.push((at, look(&pipeline, &conditions(seed), eye)));
                    }
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no worker panics")).collect()
    });
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, found)| found).collect()
}

fn look(pipeline: &Pipeline, conditions: &CaptureConditions, eye: u64) -> Found {
    let side = if eye.is_multiple_of(2) { EyeSide::Left } else { EyeSide::Right };
    let capture = SyntheticEye::new(FIRST + eye / 2, side).render(conditions);
    let trace = pipeline.trace(&capture.image);
    let radius = capture.truth.iris.radius();
    let curves = trace.boundaries.as_ref().map(|b| {
        [(&b.pupil, &capture.truth.contours.pupil), (&b.iris, &capture.truth.contours.iris)]
            .map(|(found, truth)| distance(found, truth) / radius)
    });
    Found {
        eye: eye as u32,
        pupil: curves.map(|c| c[0]),
        limbus: curves.map(|c| c[1]),
        trust: trace.confidence.as_ref().map_or([0.0; 2], |c| [c.pupil, c.iris]),
        limbi: [
            [capture.truth.iris.centre[0], capture.truth.iris.centre[1], radius],
            trace.boundaries.as_ref().map_or([0.0; 3], |b| circle(&b.iris)),
        ],
        outcome: trace.into_capture().map(|capture| capture.template),
    }
}

/// Mean of a closed curve's points, and their mean distance from it.
fn circle(points: &[[f32; 2]]) -> [f64; 3] {
    let [x, y] = [0, 1].map(|axis| points.iter().map(|p| f64::from(p[axis])).sum::<f64>() / points.len() as f64);
    let radius = points.iter().map(|p| (f64::from(p[0]) - x).hypot(f64::from(p[1]) - y)).sum::<f64>();
    [x, y, radius / points.len() as f64]
}

/// Mean distance of one closed curve's points from the other curve's nearest ones.
fn distance(found: &[[f32; 2]], truth: &[[f64; 2]]) -> f64 {
    let nearest = |[x, y]: [f64; 2]| {
        truth.iter().map(|[a, b]| (a - x).powi(2) + (b - y).powi(2)).fold(f64::INFINITY, f64::min).sqrt()
    };
    found.iter().map(|p| nearest(p.map(f64::from))).sum::<f64>() / found.len() as f64
}

fn report(name: &str, found: &[Found]) -> Result<(), Box<dyn Error>> {
    let mut codes: BTreeMap<&str, usize> = BTreeMap::new();
    for refusal in found.iter().filter_map(|f| f.outcome.as_ref().err()) {
        *codes.entry(refusal.code()).or_default() += 1;
    }
    let accepted: Vec<&Found> = found.iter().filter(|f| f.outcome.is_ok()).collect();
    let off = |which: fn(&Found) -> Option<f64>| {
        let mut off: Vec<f64> = accepted.iter().filter_map(|f| which(f)).collect();
        off.sort_by(f64::total_cmp);
        off
    };
    let (pupil, limbus) = (off(|f| f.pupil), off(|f| f.limbus));
    let wrong = |off: &[f64]| off.iter().filter(|&&o| o > WRONG).count();
    let quantiles = |off: &[f64]| {
        [0.5, 0.9, 0.99]
            .map(|share| off.get((share * (off.len().max(1) - 1) as f64).round() as usize).copied().unwrap_or(f64::NAN))
            .map(|o| format!("{o:7.4}"))
            .join(" ")
    };
    let templates: Vec<&IrisTemplate> = accepted.iter().filter_map(|f| f.outcome.as_ref().ok()).collect();
    let samples = accepted.iter().map(|f| Sample { class: f.eye, person: f.eye }).collect();
    let policy = MatchPolicy::default();
    let comparisons = Comparisons::new(samples, |a, b| match compare(templates[a], templates[b], &policy) {
        Comparison::Match(score) | Comparison::NonMatch(score) => {
            Some(policy.score.distance(score.distance, templates[a].layout()))
        }
        _ => None,
    })?;
    let scores = Scores::new(comparisons);
    let distances = |pairs: &[personhood::evaluation::Pair]| -> Vec<f64> {
        pairs.iter().filter_map(|p| p.distance()).map(f64::from).collect()
    };
    let (genuine, impostor) = (distances(scores.genuine()), distances(scores.impostor()));
    let mean = |d: &[f64]| d.iter().sum::<f64>() / d.len() as f64;
    println!(
        "{name:10} {:4} {:7} {:6} {:6}  {}  {}  {:11.4}  {:9.4} {:.3} {:6.2}% {:6.2}  {}",
        found.len(),
        found.len() - accepted.len(),
        wrong(&pupil),
        wrong(&limbus),
        quantiles(&pupil),
        quantiles(&limbus),
        mean(&genuine),
        mean(&impostor),
        impostor.iter().copied().fold(f64::INFINITY, f64::min),
        100.0 * scores.rates().map_or(f64::NAN, |rates| rates.eer),
        scores.d_prime().unwrap_or(f64::NAN),
        codes.iter().map(|(code, n)| format!("{code} {n}")).collect::<Vec<_>>().join(", "),
    );
    Ok(())
}
