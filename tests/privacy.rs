//! Nothing of the picture is left behind: not in freed memory, not in files.
//!
//! The allocator of this binary looks at every block that is freed, and at what a growing block leaves behind, for what the
//! picture was: runs of its pixels, as bytes or as numbers of any width, at full and at half size, and rows of the unrolled
//! iris. It has a binary of its own because a program has one allocator.

#![cfg(all(feature = "image", feature = "testing"))]
#![allow(unsafe_code, clippy::unwrap_used)] // an allocator cannot be written without

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::Array2;
use personhood::iris::EyeSide;
use personhood::pipeline::image::{EyeImage, Limits, decode};
use personhood::pipeline::quality::QualityLimits;
use personhood::pipeline::segment::{SegmentError, Segmentation, SegmentationMasks, Segmenter};
use personhood::pipeline::{Pipeline, PipelineError, picture};
use personhood::testing::eyes::{CaptureConditions, SyntheticEye};

/// Pixels in a row that are taken for the picture's.
const RUN: usize = 8;

struct Inspector;

#[global_allocator]
static INSPECTOR: Inspector = Inspector;

thread_local! {
    /// Whether this thread's frees are looked at; another test's are not.
    static ARMED: Cell<bool> = const { Cell::new(false) };
}
static FREED: AtomicUsize = AtomicUsize::new(0);
static FOUND: AtomicUsize = AtomicUsize::new(0);
static LARGEST: AtomicUsize = AtomicUsize::new(0);
/// Sorted runs of pixels.
static MARKS: OnceLock<Vec<[u8; RUN]>> = OnceLock::new();

// SAFETY: every call goes to the system's allocator as it came; blocks are read before they are freed, within their size.
unsafe impl GlobalAlloc for Inspector {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are the system allocator's conditions. Zeroed, because what the inspector reads
        // later must not be what somebody else left there.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if ARMED.get() {
            // SAFETY: the block was allocated by `alloc` above, zeroed and of this size, and is still the caller's.
            inspect(unsafe { std::slice::from_raw_parts(block, layout.size()) });
        }
        // SAFETY: as for `alloc`.
        unsafe { System.dealloc(block, layout) }
    }
    // `realloc` is the trait's own: a new block, a copy, and `dealloc` of the old one, which is looked at.
}

/// Looks through a block; must not allocate.
fn inspect(block: &[u8]) {
    FREED.fetch_add(block.len(), Ordering::Relaxed);
    let Some(marks) = MARKS.get() else { return };
    let holds = |run: &[u8; RUN]| marks.binary_search(run).is_ok();
    let mut found = block.windows(RUN).any(|window| window.try_into().is_ok_and(|run| holds(&run)));
    /// Runs of numbers that are whole and fit a pixel.
    fn numbers<const N: usize>(
        block: &[u8],
        pixel: impl Fn([u8; N]) -> Option<u8>,
        holds: impl Fn(&[u8; RUN]) -> bool,
    ) -> bool {
        let (mut run, mut length) = ([0; RUN], 0);
        block.as_chunks::<N>().0.iter().any(|bytes| {
            match pixel(*bytes) {
                Some(value) => {
                    run.rotate_left(1);
                    run[RUN - 1] = value;
                    length += 1;
                }
                None => length = 0,
            }
            length >= RUN && holds(&run)
        })
    }
    let whole = |value: f64| (value.fract() == 0.0 && (0.0..256.0).contains(&value)).then_some(value as u8);
    found |= numbers(block, |bytes| u8::try_from(u16::from_ne_bytes(bytes)).ok(), holds);
    found |= numbers(block, |bytes| u8::try_from(u32::from_ne_bytes(bytes)).ok(), holds);
    found |= numbers(block, |bytes| whole(f64::from(f32::from_ne_bytes(bytes))), holds);
    found |= numbers(block, |bytes| whole(f64::from_ne_bytes(bytes)), holds);
    if found {
        FOUND.fetch_add(1, Ordering::Relaxed);
        LARGEST.fetch_max(block.len(), Ordering::Relaxed);
    }
}

/// Every run of eight pixels that differ enough not to be an accident.
fn runs(pixels: &Array2<u8>, marks: &mut BTreeSet<[u8; RUN]>) {
    for row in pixels.rows() {
        let row = row.to_vec();
        for window in row.windows(RUN) {
            if window.iter().collect::<BTreeSet<_>>().len() >= 6 {
                marks.insert(window.try_into().unwrap());
            }
        }
    }
}

fn halved(pixels: &Array2<u8>) -> Array2<u8> {
    Array2::from_shape_fn((pixels.nrows() / 2, pixels.ncols() / 2), |(y, x)| {
        let sum: u16 =
            [(0, 0), (0, 1), (1, 0), (1, 1)].iter().map(|(dy, dx)| u16::from(pixels[[2 * y + dy, 2 * x + dx]])).sum();
        ((sum + 2) / 4) as u8
    })
}

/// Blocks that held something of the picture when they were freed by `work`, and the size of the largest.
fn left_behind<T>(work: impl FnOnce() -> T) -> (usize, usize) {
    for counter in [&FOUND, &LARGEST, &FREED] {
        counter.store(0, Ordering::Relaxed);
    }
    ARMED.set(true);
    let result = work();
    drop(result);
    ARMED.set(false);
    assert!(FREED.load(Ordering::Relaxed) > 0, "the inspector saw no block");
    (FOUND.load(Ordering::Relaxed), LARGEST.load(Ordering::Relaxed))
}

/// Returns masks that lead to one refusal, or panics, with the picture in its hands.
struct Odd(&'static str);

impl Segmenter for Odd {
    fn segment(&self, image: &EyeImage) -> Result<Segmentation, SegmentError> {
        let copy = image.clone();
        let size = image.pixels().dim();
        let none = || Array2::from_elem(size, false);
        let disc = |radius: usize, x: usize| {
            Array2::from_shape_fn(size, |(row, column)| {
                row.abs_diff(120).pow(2) + column.abs_diff(x).pow(2) < radius * radius
            })
        };
        let mut masks =
            SegmentationMasks { eyeball: disc(90, 160), iris: disc(60, 160), pupil: disc(20, 160), eyelashes: none() };
        match self.0 {
            "panic" => panic!("a segmenter with a fault"),
            "too_small" => return Err(SegmentError::TooSmall { width: size.1, height: size.0, least: 1000 }),
            "no_iris" => masks.iris = none(),
            "two_irises" => masks.iris = disc(40, 80) | disc(40, 240),
            "covered" => masks.eyelashes = Array2::from_elem(size, true),
            "size" => masks.pupil = Array2::from_elem((3, 3), true),
            "large_pupil" => masks.pupil = disc(58, 160),
            _ => {}
        }
        drop(copy);
        Ok(Segmentation { masks, pupil_confidence: 1.0, iris_confidence: 1.0, contours: None })
    }

    fn id(&self) -> &str {
        "odd"
    }
}

// One test, for the counters are the whole binary's.
#[test]
fn freed_memory_holds_nothing_of_the_picture() {
    let eye = SyntheticEye::new(5, EyeSide::Left);
    let open = CaptureConditions { noise: 5.0, ..CaptureConditions::default() }.resized(320, 240);
    let capture = eye.render(&open);
    let shut = eye.render(&CaptureConditions { lid_opening: 0.0, ..open.clone() });
    let other = eye.render(&CaptureConditions { seed: 1, ..open });
    let pipeline = Pipeline::builder().build();
    let sharp = Pipeline::builder().limits(QualityLimits { least_sharpness: 1e6, ..QualityLimits::OPEN_IRIS }).build();
    let strict = Pipeline::builder()
        .limits(QualityLimits { least_usable_bits_per_1024: 1024, ..QualityLimits::OPEN_IRIS })
        .build();

    let mut marks = BTreeSet::new();
    for picture in [&capture, &shut, &other] {
        runs(picture.image.pixels(), &mut marks);
        let half = halved(picture.image.pixels());
        runs(&half, &mut marks);
        runs(&halved(&half), &mut marks);
        if let Some(iris) = pipeline.trace(&picture.image).normalized.as_ref() {
            runs(iris.image(), &mut marks);
        }
    }
    assert!(marks.len() > 50_000, "{} marks", marks.len());
    MARKS.set(marks.into_iter().collect()).unwrap();

    // The inspector finds what is there to be found.
    let pixels = capture.image.pixels();
    let (plain, _) = left_behind(|| pixels.clone());
    let (wide, _) = left_behind(|| pixels.mapv(f32::from));
    let (wider, _) = left_behind(|| pixels.mapv(f64::from));
    let (grown, _) = left_behind(|| {
        let mut growing = Vec::new();
        pixels.iter().for_each(|&pixel| growing.push(pixel));
        growing.fill(0);
    });
    assert!(plain == 1 && wide == 1 && wider == 1 && grown > 1, "{plain} {wide} {wider} {grown}");

    let clean = |what: &str, (blocks, largest): (usize, usize)| {
        assert_eq!(blocks, 0, "{what}: {blocks} freed blocks hold pixels, the largest has {largest} bytes");
    };
    let image = || capture.image.clone();
    clean("success", left_behind(|| pipeline.run(&image()).unwrap()));
    clean("trace", left_behind(|| pipeline.trace(&image())));
    clean("assess", left_behind(|| pipeline.assess(&image())));
    clean("masks", left_behind(|| pipeline.run_with_masks(&image(), &capture.masks).unwrap()));
    clean("mirrored", left_behind(|| pipeline.run(&image().mirrored())));
    for (what, picture, pipeline, code) in [
        ("shut", &shut, &pipeline, "segmentation"),
        ("blurred", &other, &sharp, "blurred"),
        ("strict", &capture, &strict, "too_few_bits"),
    ] {
        let mut error = None;
        clean(what, left_behind(|| error = pipeline.run(&picture.image.clone()).err().map(|error| error.code())));
        assert!(error.is_some_and(|found| found.starts_with(code)), "{what}: {error:?}");
    }
    for odd in ["too_small", "no_iris", "two_irises", "covered", "size", "large_pupil"] {
        let pipeline = Pipeline::builder().segmenter(Odd(odd)).build();
        let mut refused: Option<PipelineError> = None;
        clean(odd, left_behind(|| refused = pipeline.run(&image()).err()));
        assert!(refused.is_some(), "{odd}");
    }
    std::panic::set_hook(Box::new(|_| {}));
    let faulty = Pipeline::builder().segmenter(Odd("panic")).build();
    clean("panic", left_behind(|| assert!(catch_unwind(AssertUnwindSafe(|| faulty.run(&image()))).is_err())));
    let _ = std::panic::take_hook();

    // Pictures that were asked for are the caller's; what they were drawn in is not. The encoder's own rows are: see
    // `picture`.
    let trace = pipeline.trace(&capture.image);
    let code = trace.template.as_ref().unwrap();
    clean("code", left_behind(|| picture::code(code).unwrap()));

    // Decoders. A PNM is read straight into our buffer; the others have buffers of their own, which are not ours to wipe.
    let mut pgm = format!("P5 {} {} 255\n", capture.image.width(), capture.image.height()).into_bytes();
    pgm.extend_from_slice(capture.image.as_slice());
    clean("pgm", left_behind(|| decode(&pgm, &Limits::default()).unwrap()));
    clean("cut-off pgm", left_behind(|| assert!(decode(&pgm[..pgm.len() / 2], &Limits::default()).is_err())));
    let png = capture.png();
    let (blocks, largest) = left_behind(|| decode(&png, &Limits::default()).unwrap());
    eprintln!("PNG: {blocks} blocks of the decoder hold pixels when they are freed, the largest of {largest} bytes");
}

/// The program leaves the folder it works in, and the one for temporary files, as they were.
#[cfg(feature = "cli")]
#[test]
fn no_file_appears_that_was_not_asked_for() {
    use std::fs;
    use std::process::Command;

    let (here, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let eye = SyntheticEye::new(6, EyeSide::Left);
    let conditions = CaptureConditions::default().resized(320, 240);
    for (name, lids) in [("open.png", 1.0), ("shut.png", 0.0)] {
        let picture = eye.render(&CaptureConditions { lid_opening: lids, ..conditions.clone() });
        fs::write(here.path().join(name), picture.png()).unwrap();
    }
    let files = |folder: &std::path::Path| -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    for arguments in [
        vec!["encode", "open.png"],
        vec!["encode", "shut.png"],
        vec!["encode", "--json", "open.png", "shut.png"],
        vec!["encode", "--frames", "open.png", "open.png"],
        vec!["compare", "open.png", "open.png"],
        vec!["compare", "open.png", "shut.png"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_personhood"))
            .args(&arguments)
            .current_dir(here.path())
            .env("TMPDIR", temporary.path())
            .env("HOME", temporary.path())
            .output()
            .unwrap();
        assert!(output.status.code().is_some(), "{arguments:?}");
        assert_eq!(files(here.path()), ["open.png", "shut.png"], "{arguments:?}");
        assert!(files(temporary.path()).is_empty(), "{arguments:?}");
    }
    // What was asked for appears, and nothing else.
    let status = Command::new(env!("CARGO_BIN_EXE_personhood"))
        .args(["--quiet", "compare", "open.png", "open.png", "--picture", "why.png"])
        .current_dir(here.path())
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(files(here.path()), ["open.png", "shut.png", "why.png"]);
}
