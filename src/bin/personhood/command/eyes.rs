//! `personhood eyes`: synthetic eyes in a folder, with everything that is true of them beside each picture.
//!
//! ```text
//! OUT/person-0001/left-1.png               the picture, as `enroll OUT` takes it
//!                 truth/left-1.json        circles, lids, visible share, turn
//!                 truth/left-1.iris.png    masks: iris, pupil, eyeball, eyelashes
//! ```

use std::fmt;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{ExtendedColorType, ImageEncoder as _, codecs::png::PngEncoder};
use ndarray::Array2;
use personhood::iris::EyeSide;
use personhood::testing::eyes::{CaptureConditions, Ellipse, SyntheticCapture, SyntheticEye};
use rayon::prelude::*;
use serde::Serialize;

use crate::args::{Conditions, Eyes};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::output::Output;

/// Fields of the JSON document.
#[derive(Serialize)]
struct Report {
    folder: PathBuf,
    people: u32,
    pictures: u64,
    seed: u64,
}

/// Fields of `truth/*.json`. Lengths are pixels, angles degrees clockwise on the screen.
#[derive(Serialize)]
struct Truth {
    identity: u64,
    eye: &'static str,
    capture: u64,
    pupil: EllipseTruth,
    iris: EllipseTruth,
    upper_lid: Vec<[f64; 2]>,
    lower_lid: Vec<[f64; 2]>,
    visible_iris: f64,
    rotation: f64,
}

#[derive(Serialize)]
struct EllipseTruth {
    centre: [f64; 2],
    semi_axes: [f64; 2],
    angle: f64,
}

/// One picture to draw.
struct Task {
    name: String,
    eye: EyeSide,
    identity: u64,
    capture: u32,
}

pub(crate) fn run(args: &Eyes, output: Output) -> Result<Exit, Failure> {
    let tasks: Vec<Task> = (1..=args.people).flat_map(|person| tasks_of(person, args)).collect();
    let bar = output.progress(tasks.len(), "drawing");
    tasks.par_iter().try_for_each(|task| {
        let drawn = draw(task, args, output);
        bar.inc(1);
        drawn
    })?;
    bar.finish_and_clear();
    let report =
        Report { folder: args.out.clone(), people: args.people, pictures: tasks.len() as u64, seed: args.seed };
    output.answer(Exit::Yes, &report, &report)
}

fn tasks_of(person: u32, args: &Eyes) -> impl Iterator<Item = Task> + use<> {
    // Seeds do not share people as long as both numbers fit into 32 bits.
    let identity = (args.seed << 32) | u64::from(person);
    let captures = args.captures;
    EyeSide::BOTH.into_iter().flat_map(move |eye| {
        (1..=captures).map(move |capture| Task { name: format!("person-{person:04}"), eye, identity, capture })
    })
}

fn draw(task: &Task, args: &Eyes, output: Output) -> Result<(), Failure> {
    let Task { name, eye, identity, capture } = task;
    // Left and right are two moments, as are two captures of one eye.
    let moment = identity.wrapping_mul(4096) ^ (u64::from(*capture) << 1) ^ u64::from(*eye == EyeSide::Right);
    let conditions = match args.conditions {
        Conditions::Ordinary => CaptureConditions::ordinary(moment),
        Conditions::WalkUp => CaptureConditions::walk_up(moment),
    };
    let drawn = SyntheticEye::new(*identity, *eye).render(&conditions);
    let folder = args.out.join(name);
    let stem = format!("{eye}-{capture}");
    files::make_folder(&folder)?;
    files::write(&folder.join(format!("{stem}.png")), &png(drawn.image.pixels())?, output)?;
    if args.pictures_only {
        return Ok(());
    }
    write_truth(&folder.join("truth"), &stem, task, &drawn, output)
}

fn write_truth(
    folder: &Path,
    stem: &str,
    task: &Task,
    drawn: &SyntheticCapture,
    output: Output,
) -> Result<(), Failure> {
    files::make_folder(folder)?;
    let truth = &drawn.truth;
    let report = Truth {
        identity: task.identity,
        eye: task.eye.as_str(),
        capture: u64::from(task.capture),
        pupil: truth.pupil.into(),
        iris: truth.iris.into(),
        upper_lid: truth.upper_lid.clone(),
        lower_lid: truth.lower_lid.clone(),
        visible_iris: truth.visible_iris,
        rotation: truth.rotation,
    };
    let json = serde_json::to_vec_pretty(&report)
        .map_err(|error| Failure::new("internal", format!("the truth does not serialise: {error}")))?;
    files::write(&folder.join(format!("{stem}.json")), &json, output)?;
    let masks = &drawn.masks;
    let masks =
        [("iris", &masks.iris), ("pupil", &masks.pupil), ("eyeball", &masks.eyeball), ("eyelashes", &masks.eyelashes)];
    masks.into_iter().try_for_each(|(part, mask)| {
        let grey = mask.mapv(|belongs| if belongs { 255 } else { 0 });
        files::write(&folder.join(format!("{stem}.{part}.png")), &png(&grey)?, output)
    })
}

/// Grey pixels as a PNG file.
fn png(pixels: &Array2<u8>) -> Result<Vec<u8>, Failure> {
    let (height, width) = pixels.dim();
    let bytes = pixels.as_standard_layout();
    let failed = |reason: String| Failure::new("internal", format!("a picture does not encode: {reason}"));
    let size = u32::try_from(width).and_then(|width| Ok((width, u32::try_from(height)?)));
    let (width, height) = size.map_err(|error| failed(error.to_string()))?;
    let mut file = Cursor::new(Vec::new());
    PngEncoder::new(&mut file)
        .write_image(bytes.as_slice().unwrap_or_default(), width, height, ExtendedColorType::L8)
        .map_err(|error| failed(error.to_string()))?;
    Ok(file.into_inner())
}

impl From<Ellipse> for EllipseTruth {
    fn from(ellipse: Ellipse) -> Self {
        Self { centre: ellipse.centre, semi_axes: ellipse.semi_axes, angle: ellipse.angle }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} pictures of {} people in {}", self.pictures, self.people, self.folder.display())
    }
}
