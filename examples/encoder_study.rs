//! What the encoder, the parts of the mask and the threshold are worth, on labelled folders, by the program's own templates.
//!
//! ```text
//! cargo run --release --features testing --example encoder_study -- FOLDER [PART…]
//! ```
//!
//! FOLDER has one folder for each eye, named by the person and one letter for the eye, such as `01L`. Pictures are segmented once; every
//! variant then makes templates of the same boundaries. For every variant: all people, and the two halves of the people (every
//! second one by name), so that what is chosen on one half can be reported on the other. Then the model of the threshold. A
//! PART of a variant's name chooses variants. The PART `blur` instead blurs every picture more and more, and tells by the
//! sharpness that is measured how far the templates are from those of the other pictures as they are.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::{env, fs};

use ndarray::Array2;
use personhood::evaluation::{Comparisons, Sample, Scores};
use personhood::iris::IrisTemplate;
use personhood::matcher::{MatchPolicy, ScoreRule, compare};
use personhood::pipeline::encode::FragileBits;
use personhood::pipeline::image::{EyeImage, Limits, decode};
use personhood::pipeline::quality::QualityLimits;
use personhood::pipeline::segment::classical::ClassicalSegmenter;
use personhood::pipeline::segment::{SegmentError, Segmentation, Segmenter};
use personhood::pipeline::{Pipeline, PipelineConfig};

/// A segmentation that is known already.
#[derive(Clone)]
struct Given(Arc<Mutex<Option<Result<Segmentation, SegmentError>>>>);

impl Segmenter for Given {
    fn segment(&self, _: &EyeImage) -> Result<Segmentation, SegmentError> {
        self.0.lock().expect("no holder panics").clone().expect("the loop puts one in for every picture")
    }

    fn id(&self) -> &str {
        "given"
    }
}

struct Picture {
    class: u32,
    person: u32,
    image: EyeImage,
    found: Result<Segmentation, SegmentError>,
}

struct Variant {
    name: &'static str,
    config: PipelineConfig,
    score: ScoreRule,
    change: fn(&mut Segmentation),
}

fn variants() -> Vec<Variant> {
    let ours = PipelineConfig::personhood_1();
    let angle = |degrees: f64| {
        let FragileBits::Polar { least, most, .. } = FragileBits::AXES else { unreachable!("it is polar") };
        let mut config = PipelineConfig::personhood_1();
        config.fragile_bits = FragileBits::Polar { least, most, angle: degrees.to_radians() };
        config
    };
    let mut bright = PipelineConfig::personhood_1();
    bright.specular_above = 255;
    bright.normalization.oversaturated = 255;
    let mut open_iris = PipelineConfig::open_iris_1_11_2();
    open_iris.unknown_tilt = ours.unknown_tilt;
    let no_lids = |s: &mut Segmentation| {
        s.masks.eyeball.fill(true);
        s.masks.eyelashes.fill(false);
    };
    let rule = ScoreRule::Normalized;
    let of = |name, config, score| Variant { name, config, score, change: |_| {} };
    vec![
        of("ours, all parts of the mask", ours.clone(), rule),
        of("ours, plain fraction", ours.clone(), ScoreRule::Fractional),
        Variant {
            name: "mask: lashes off",
            config: ours.clone(),
            score: rule,
            change: |s| s.masks.eyelashes.fill(false),
        },
        Variant { name: "mask: lids and lashes off", config: ours.clone(), score: rule, change: no_lids },
        of("mask: reflections off", bright, rule),
        of("fragile: 0°", angle(0.0), rule),
        of("fragile: 10°", angle(10.0), rule),
        of("fragile: 15°", angle(15.0), rule),
        of("fragile: 20°", angle(20.0), rule),
        of("open-iris, plain fraction", open_iris.clone(), ScoreRule::Fractional),
        of("open-iris, normalized", open_iris, rule),
    ]
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("name a folder of labelled pictures")?);
    let parts: Vec<String> = arguments.collect();
    let pictures = read(&folder)?;
    if parts.iter().any(|part| part == "blur") {
        blur_study(&pictures);
        return Ok(());
    }
    let refused: Vec<String> =
        pictures.iter().enumerate().filter_map(|(i, p)| Some(format!("{i}: {}", p.found.as_ref().err()?))).collect();
    println!("{} pictures, {} not segmented {refused:?}", pictures.len(), refused.len());
    println!(
        "{:28} {:5} {:>7} {:>15} {:>22} {:>6} {:>7} {:>8} {:>8}",
        "variant", "who", "refused", "genuine", "impostor (least)", "d'", "EER %", "FNMR 1e-3", "1e-4"
    );
    for variant in variants().iter().filter(|v| parts.is_empty() || parts.iter().any(|p| v.name.contains(p.as_str()))) {
        study(variant, &pictures)?;
    }
    Ok(())
}

fn read(folder: &Path) -> Result<Vec<Picture>, Box<dyn Error>> {
    let mut eyes: Vec<PathBuf> = fs::read_dir(folder)?.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>()?;
    eyes.retain(|path| path.is_dir());
    eyes.sort();
    let mut people: Vec<String> = Vec::new();
    let mut files = Vec::new();
    for (class, eye) in eyes.iter().enumerate() {
        let name = eye.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let person = name.trim_end_matches(['L', 'R']).to_owned();
        let number = people.iter().position(|p| *p == person).unwrap_or_else(|| {
            people.push(person);
            people.len() - 1
        });
        let mut pictures: Vec<PathBuf> = fs::read_dir(eye)?.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>()?;
        pictures.sort();
        files.extend(pictures.into_iter().map(|path| (class as u32, number as u32, path)));
    }
    Ok(in_parallel(
        files.len(),
        || (),
        |(), at| {
            let (class, person, path) = &files[at];
            let image = decode(&fs::read(path).expect("it was listed"), &Limits::default()).expect("it is a picture");
            let found = ClassicalSegmenter::default().segment(&image);
            Picture { class: *class, person: *person, image, found }
        },
    ))
}

/// `work(state, 0 … count − 1)` on all cores, in order.
fn in_parallel<S, T: Send>(
    count: usize,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> T + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut done: Vec<(usize, T)> = std::thread::scope(|scope| {
        let run = || {
            let (mut state, mut mine) = (state(), Vec::new());
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= count {
                    return mine;
                }
                mine.push((at, work(&mut state, at)));
            }
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no worker panics")).collect()
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, value)| value).collect()
}

fn study(variant: &Variant, pictures: &[Picture]) -> Result<(), Box<dyn Error>> {
    let templates: Vec<Option<IrisTemplate>> = in_parallel(
        pictures.len(),
        || {
            let given = Given(Arc::default());
            let limits = limits();
            let pipeline = Pipeline::builder().segmenter(given.clone()).config(variant.config.clone()).limits(limits);
            (given, pipeline.build())
        },
        |(given, pipeline), at| {
            let mut found = pictures[at].found.clone();
            if let Ok(found) = &mut found {
                (variant.change)(found);
            }
            *given.0.lock().expect("no holder panics") = Some(found);
            pipeline.run(&pictures[at].image).ok().map(|capture| capture.template)
        },
    );
    for (who, half) in [("all", None), ("half A", Some(0)), ("half B", Some(1))] {
        let belongs = |at: &usize| half.is_none_or(|half| pictures[*at].person % 2 == half);
        let (there, missing): (Vec<usize>, Vec<usize>) =
            (0..pictures.len()).filter(belongs).partition(|&at| templates[at].is_some());
        let samples =
            there.iter().map(|&at| Sample { class: pictures[at].class, person: pictures[at].person }).collect();
        let policy = MatchPolicy { score: variant.score, ..MatchPolicy::default() };
        let used: Vec<&IrisTemplate> = there.iter().filter_map(|&at| templates[at].as_ref()).collect();
        let rows = in_parallel(
            used.len(),
            || (),
            |(), b| {
                let layout = used[b].layout();
                let distance = |a: usize| {
                    compare(used[a], used[b], &policy)
                        .alignment()
                        .map(|found| variant.score.distance(found.distance, layout))
                };
                (0..b).map(distance).collect::<Vec<Option<f64>>>()
            },
        );
        let scores = Scores::new(Comparisons::new(samples, |a, b| rows[b][a])?);
        line(variant, who, missing.len(), &scores);
        if variant.name.starts_with("ours, all") || variant.name.starts_with("open-iris, plain") {
            model(&scores);
        }
    }
    Ok(())
}

/// Deviations of the blur that is added, over the iris' radius.
const BLURS: [f64; 7] = [0.0, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08];
/// Upper ends of the ranges of sharpness that are reported.
const SHARPNESS: [f64; 11] = [50.0, 75.0, 100.0, 150.0, 200.0, 250.0, 300.0, 400.0, 461.0, 700.0, f64::INFINITY];

fn blur_study(pictures: &[Picture]) {
    let threshold = 0.37;
    let pipeline = Pipeline::builder().limits(QualityLimits::NONE).build();
    let looked: Vec<Vec<Option<(f64, IrisTemplate)>>> = in_parallel(
        pictures.len(),
        || (),
        |(), at| {
            let Some(radius) = pictures[at].found.as_ref().ok().and_then(|f| f.contours.as_ref()).map(|c| {
                let [x, y] = [0, 1].map(|axis| c.iris.iter().map(|p| p[axis]).sum::<f64>() / c.iris.len() as f64);
                c.iris.iter().map(|p| (p[0] - x).hypot(p[1] - y)).sum::<f64>() / c.iris.len() as f64
            }) else {
                return vec![None; BLURS.len()];
            };
            BLURS
                .iter()
                .map(|blur| {
                    let image = blurred(&pictures[at].image, blur * radius);
                    let capture = pipeline.run(&image).ok()?;
                    Some((capture.quality.sharpness?, capture.template))
                })
                .collect()
        },
    );
    let policy = MatchPolicy::default();
    let mut ranges = vec![(0_usize, 0.0, 0_usize); SHARPNESS.len()];
    for (at, looked_at) in looked.iter().enumerate() {
        for (sharpness, template) in looked_at.iter().flatten() {
            let range = SHARPNESS.iter().position(|end| sharpness < end).unwrap_or(SHARPNESS.len() - 1);
            for (other, reference) in looked.iter().enumerate() {
                if other == at || pictures[other].class != pictures[at].class {
                    continue;
                }
                let Some((_, reference)) = &reference[0] else { continue };
                let Some(found) = compare(template, reference, &policy).alignment() else { continue };
                let distance = policy.score.distance(found.distance, template.layout());
                let (pairs, sum, missed) = &mut ranges[range];
                *pairs += 1;
                *sum += distance;
                *missed += usize::from(distance >= threshold);
            }
        }
    }
    for (at, blur) in BLURS.iter().enumerate() {
        let refused = looked.iter().filter(|l| l[at].is_none()).count();
        let mut sharpness: Vec<f64> = looked.iter().filter_map(|l| l[at].as_ref().map(|l| l.0)).collect();
        sharpness.sort_by(f64::total_cmp);
        println!(
            "blur {blur:.2} radii: {refused} of {} without an eye, median sharpness {:.0}",
            looked.len(),
            sharpness[sharpness.len() / 2]
        );
    }
    for (end, (pairs, sum, missed)) in SHARPNESS.iter().zip(&ranges).filter(|(_, r)| r.0 > 0) {
        let n = *pairs as f64;
        println!(
            "sharpness below {end:5.0}: {pairs:6} pairs, mean {:.4}, {:.2} % at {threshold} or beyond",
            sum / n,
            100.0 * *missed as f64 / n
        );
    }
}

/// A picture behind a Gaussian, deviation in pixels.
fn blurred(image: &EyeImage, deviation: f64) -> EyeImage {
    if deviation <= 0.0 {
        return image.clone();
    }
    let reach = (3.0 * deviation).ceil() as isize;
    let weights: Vec<f64> = (-reach..=reach).map(|i| (-0.5 * (i as f64 / deviation).powi(2)).exp()).collect();
    let total: f64 = weights.iter().sum();
    let mut grey = image.pixels().mapv(f64::from);
    for axis in [0, 1] {
        let size = grey.dim();
        let source = grey;
        grey = Array2::from_shape_fn(size, |(row, column)| {
            let value = |(offset, weight): (isize, &f64)| {
                let near = |at: usize, size: usize| at.saturating_add_signed(offset).min(size - 1);
                let place = if axis == 0 { [near(row, size.0), column] } else { [row, near(column, size.1)] };
                weight * source[place]
            };
            (-reach..=reach).zip(&weights).map(value).sum::<f64>() / total
        });
    }
    EyeImage::from_pixels(grey.mapv(|v| (v + 0.5) as u8))
}

fn limits() -> QualityLimits {
    if env::var_os("NO_LIMITS").is_some() { QualityLimits::NONE } else { QualityLimits::default() }
}

fn moments(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / values.len() as f64;
    (mean, variance.sqrt())
}

fn distances(pairs: &[personhood::evaluation::Pair]) -> Vec<f64> {
    pairs.iter().filter_map(|pair| pair.distance()).map(f64::from).collect()
}

fn line(variant: &Variant, who: &str, missing: usize, scores: &Scores) {
    let ((gm, gs), (im, is)) = (moments(&distances(scores.genuine())), moments(&distances(scores.impostor())));
    let least = distances(scores.impostor()).into_iter().fold(f64::INFINITY, f64::min);
    let rates = scores.rates();
    let fnmr = |at: usize| 100.0 * rates.as_ref().map_or(f64::NAN, |rates| rates.fnmr_at_fmr[at]);
    println!(
        "{:28} {who:6} {missing:6} {gm:7.4} ± {gs:.4} {im:7.4} ± {is:.4} ({least:.3}) {:6.2} {:7.3} {:8.2} {:8.2}",
        variant.name,
        scores.d_prime().unwrap_or(f64::NAN),
        100.0 * rates.as_ref().map_or(f64::NAN, |rates| rates.eer),
        fnmr(1),
        fnmr(2),
    );
}

/// Fits the least of M independent normal distances of mean 1/2 to the impostors' mean and deviation, and tells where
/// the rates of false matches lie.
fn model(scores: &Scores) {
    let mut impostors = distances(scores.impostor());
    impostors.sort_by(f64::total_cmp);
    let (mean, deviation) = moments(&impostors);
    let wanted = (0.5 - mean) / deviation;
    // (1/2 − mean) / deviation grows with M.
    let (mut low, mut high) = (1.0, 62.0);
    for _ in 0..40 {
        let middle = (low + high) / 2.0;
        let (m, s) = least_of(middle);
        if -m / s < wanted { low = middle } else { high = middle }
    }
    let (_, s) = least_of(low);
    let sigma = deviation / s;
    let at = |rate: f64| {
        let (mut from, mut to) = (0.2, 0.5);
        for _ in 0..60 {
            let t = (from + to) / 2.0;
            let found = 1.0 - (1.0 - normal((t - 0.5) / sigma)).powf(low);
            if found < rate { from = t } else { to = t }
        }
        from
    };
    let observed = |rate: f64| impostors.partition_point(|&d| d < at(rate));
    println!(
        "    model: M = {low:.1}, {:.0} degrees of freedom; below its 1e-2, 1e-3, 1e-4, 1e-5 ({:.4} {:.4} {:.4} {:.4}) are {} {} {} {} of {}; 1e-6 at {:.4}; ten nearest {:.4?}",
        1.0 / (4.0 * sigma * sigma),
        at(1e-2),
        at(1e-3),
        at(1e-4),
        at(1e-5),
        observed(1e-2),
        observed(1e-3),
        observed(1e-4),
        observed(1e-5),
        impostors.len(),
        at(1e-6),
        &impostors[..10.min(impostors.len())],
    );
}

/// Mean and deviation of the least of `count` standard normal values.
fn least_of(count: f64) -> (f64, f64) {
    let (mut total, mut first, mut second) = (0.0, 0.0, 0.0);
    let step = 0.005;
    for i in -1600..1600 {
        let x = f64::from(i) * step;
        let density = (-x * x / 2.0).exp() * count * (1.0 - normal(x)).max(0.0).powf(count - 1.0);
        total += density;
        first += x * density;
        second += x * x * density;
    }
    let mean = first / total;
    (mean, (second / total - mean * mean).sqrt())
}

/// The normal distribution (Abramowitz and Stegun 26.2.17 has 7.5 · 10⁻⁸; this is the continued fraction in the tail).
fn normal(x: f64) -> f64 {
    if x > 0.0 {
        return 1.0 - normal(-x);
    }
    let t = -x;
    let density = (-t * t / 2.0).exp() / core::f64::consts::TAU.sqrt();
    if t > 2.5 {
        let mut fraction = t;
        for k in (1..60).rev() {
            fraction = t + f64::from(k) / fraction;
        }
        return density / fraction;
    }
    // Series: 1/2 − φ(t) (t + t³/3 + t⁵/15 + …).
    let (mut term, mut sum, mut k) = (t, t, 3.0);
    while term > 1e-17 {
        term *= t * t / k;
        sum += term;
        k += 2.0;
    }
    0.5 - density * sum
}
