//! Milliseconds per stage of the pipeline, one thread, on synthetic eyes of three sizes.
//!
//! `cargo bench --features testing --bench pipeline` prints the mean time of many runs of each stage; an argument limits
//! the output to the stages whose name contains it. On Linux it is time that the thread ran on a processor, so that
//! other work on the machine counts only as far as it cools the caches. The rows above `masks to template` are its parts.

use std::fs;
use std::hint::black_box;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use personhood::iris::EyeSide;
use personhood::pipeline::contour::vectorize;
use personhood::pipeline::encode::encode;
use personhood::pipeline::filter::{BottomEdge, FilterBank, MaskRule};
use personhood::pipeline::geometry::{self, CentreMethod, ExtrapolationConfig, SmoothingConfig};
use personhood::pipeline::image::{Limits, decode};
use personhood::pipeline::normalize::{NormalizationConfig, normalize};
use personhood::pipeline::quality::{sharpness, visible_fractions};
use personhood::pipeline::{Pipeline, PipelineConfig};
use personhood::testing::eyes::{CaptureConditions, SyntheticEye};

/// Each stage runs for about this long: the clock below ticks every few milliseconds.
const BUDGET: Duration = Duration::from_millis(600);

/// Time that this thread has run, or time of day where that cannot be told.
fn now() -> Duration {
    static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let own = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = own.and_then(|own| own.split(' ').next()?.parse().ok());
    nanoseconds.map_or_else(|| BEGIN.elapsed(), Duration::from_nanos)
}

/// Mean duration of one call, milliseconds.
fn time<T>(mut call: impl FnMut() -> T) -> f64 {
    black_box(call());
    let (wall, start) = (Instant::now(), now());
    let mut runs = 0_u32;
    while runs < 5 || wall.elapsed() < BUDGET {
        black_box(call());
        runs += 1;
    }
    now().saturating_sub(start).as_secs_f64() * 1e3 / f64::from(runs)
}

fn main() {
    // Cargo passes `--bench`; anything else is a filter.
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let report = |name: &str, call: &mut dyn FnMut()| {
        if name.contains(&filter) {
            println!("  {name:<24} {:>9.3} ms", time(call));
        }
    };
    for (width, height) in [(320, 240), (640, 480), (1440, 1080)] {
        println!("{width}x{height}");
        let eye = SyntheticEye::new(1, EyeSide::Left);
        let capture = eye.render(&CaptureConditions::ordinary(1).resized(width, height));
        let (image, masks) = (&capture.image, &capture.masks);
        let mut pgm = format!("P5 {width} {height} 255\n").into_bytes();
        pgm.extend_from_slice(image.as_slice());

        let config = PipelineConfig::default();
        let pipeline = Pipeline::builder().build();
        let trace = pipeline.trace_with_masks(image, masks);
        println!("  outcome: {:?}", trace.outcome.as_ref().map_err(ToString::to_string));
        let (Some(contours), Some(interpolated), Some(filtered), Some(centres), Some(smoothed), Some(boundaries)) =
            (trace.contours, trace.interpolated, trace.filtered, trace.centres, trace.smoothed, trace.boundaries)
        else {
            continue;
        };
        let Some(normalized) = trace.normalized else { continue };
        let angle = trace.orientation.map_or(0.0, |(angle, _)| angle);
        let noise = masks.eyelashes.view();
        let bank = FilterBank::new(&config.wavelets, 16, 256, MaskRule::Separate, BottomEdge::Full)
            .with_background(config.background);
        let theirs = PipelineConfig::open_iris_1_11_2();
        let plain = FilterBank::new(&theirs.wavelets, 16, 256, MaskRule::Separate, BottomEdge::Full);
        let response = bank.respond(&normalized);

        report("decode PGM", &mut || drop(black_box(decode(&pgm, &Limits::default()))));
        report("vectorisation", &mut || drop(black_box(vectorize(masks))));
        report("interpolation", &mut || drop(black_box(geometry::interpolate(&contours, config.largest_gap))));
        report("distance filter", &mut || {
            let polygons = interpolated.clone();
            drop(black_box(geometry::drop_touching(polygons, noise, config.distance_to_noise)));
        });
        report("centres, bisectors", &mut || drop(black_box(CentreMethod::Bisectors.centres(&filtered))));
        report("centres, circle fit", &mut || drop(black_box(CentreMethod::CIRCLE_FIT.centres(&filtered))));
        report("smoothing", &mut || {
            drop(black_box(geometry::smooth(&filtered, &centres, SmoothingConfig::OPEN_IRIS)));
        });
        report("geometry estimation", &mut || {
            drop(black_box(geometry::extrapolate(&smoothed, &centres, ExtrapolationConfig::OPEN_IRIS)));
        });
        report("occlusion, both", &mut || {
            black_box(visible_fractions(&boundaries, noise, angle, [90.0, 30.0]));
        });
        report("unrolling", &mut || {
            drop(black_box(normalize(image, noise, &boundaries, angle, &NormalizationConfig::OPEN_IRIS)));
        });
        report("sharpness", &mut || {
            black_box(sharpness(&normalized));
        });
        report("filter bank", &mut || drop(black_box(bank.respond(&normalized))));
        report("filter bank of open-iris", &mut || drop(black_box(plain.respond(&normalized))));
        report("fragile bits", &mut || {
            let mut response = response.clone();
            config.fragile_bits.refine(&mut response, MaskRule::Separate);
            black_box(&response);
        });
        report("encoder", &mut || {
            drop(black_box(encode(&response, config.layout, config.mask_threshold, config.encoder)));
        });
        report("masks to template", &mut || drop(black_box(pipeline.run_with_masks(image, masks))));
        report("segmentation", &mut || drop(black_box(pipeline.segmenter().segment(image))));
        report("picture to template", &mut || drop(black_box(pipeline.run(image))));
    }
}
