//! `personhood eyes`: synthetic eyes in a folder, with everything that is true of them beside the pictures.
//!
//! ```text
//! OUT/person-01/left-1.png                 the pictures, as `enroll OUT` takes them
//!     truth.csv                            circles, visible share and turn, a line for each picture
//!     truth/person-01/left-1.iris.png      masks: iris, pupil, eyeball, eyelashes
//! ```

use std::fmt;
use std::path::{Path, PathBuf};

use personhood::testing::eyes::{Picture, PictureSet, SyntheticCapture, TRUTH_COLUMNS, mask_png};
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
    people: u64,
    pictures: usize,
    width: usize,
    height: usize,
}

pub(crate) fn run(args: &Eyes, output: Output) -> Result<Exit, Failure> {
    let set = PictureSet {
        first_identity: args.first_identity,
        people: args.people.into(),
        captures: args.captures,
        width: args.size.width,
        height: args.size.height,
        walk_up: args.conditions == Conditions::WalkUp,
    };
    let pictures: Vec<Picture> = set.pictures().collect();
    let bar = output.progress(pictures.len(), "drawing");
    let rows = pictures.par_iter().map(|picture| {
        let row = draw(picture, args, output);
        bar.inc(1);
        row
    });
    let rows: Vec<String> = rows.collect::<Result<_, _>>()?;
    bar.finish_and_clear();
    if !args.pictures_only {
        let table = format!("{TRUTH_COLUMNS}\n{}\n", rows.join("\n"));
        files::write(&args.out.join("truth.csv"), table.as_bytes(), output)?;
    }
    let report = Report {
        folder: args.out.clone(),
        people: set.people,
        pictures: pictures.len(),
        width: set.width,
        height: set.height,
    };
    output.answer(Exit::Yes, &report, &report)
}

/// Draws one picture; what is true of it, as a row.
fn draw(picture: &Picture, args: &Eyes, output: Output) -> Result<String, Failure> {
    let capture = picture.render();
    let path = PathBuf::from(picture.path());
    write_in_folder(&args.out.join(&path), &capture.png(), output)?;
    if !args.pictures_only {
        write_masks(&args.out.join("truth").join(path.with_extension("")), &capture, output)?;
    }
    Ok(picture.truth_row(&capture))
}

fn write_masks(stem: &Path, capture: &SyntheticCapture, output: Output) -> Result<(), Failure> {
    let masks = &capture.masks;
    let masks = [
        ("iris.png", &masks.iris),
        ("pupil.png", &masks.pupil),
        ("eyeball.png", &masks.eyeball),
        ("eyelashes.png", &masks.eyelashes),
    ];
    masks
        .into_iter()
        .try_for_each(|(part, mask)| write_in_folder(&stem.with_added_extension(part), &mask_png(mask), output))
}

fn write_in_folder(file: &Path, bytes: &[u8], output: Output) -> Result<(), Failure> {
    files::make_folder(file.parent().unwrap_or(Path::new(".")))?;
    files::write(file, bytes, output)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} pictures of {} people in {}", self.pictures, self.people, self.folder.display())
    }
}
