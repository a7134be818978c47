//! Pictures of what the program saw, for people: the only pictures it ever writes.

use std::path::{Path, PathBuf};

use personhood::pipeline::Trace;
use personhood::pipeline::image::EyeImage;
use personhood::pipeline::picture::{self, OverlayParts, PictureError};

use crate::failure::Failure;
use crate::files;
use crate::output::Output;

/// One written picture, and what it shows.
pub(crate) type Drawn = (PathBuf, &'static str);

/// Writes `STEM.overlay.png`, `STEM.unrolled.png` and `STEM.code.png`, as far as the trace got.
pub(crate) fn write(image: &EyeImage, trace: &Trace, stem: &Path, output: Output) -> Result<Vec<Drawn>, Failure> {
    let parts =
        OverlayParts { masks: trace.masks.as_ref(), boundaries: trace.boundaries.as_ref(), centres: trace.centres };
    let overlay = Some(picture::overlay(image, &parts));
    let unrolled = trace.normalized.as_ref().map(picture::unrolled);
    let code = trace.template.as_ref().map(picture::code);
    let pictures = [
        ("overlay", overlay, "the eye: pupil, iris and lids as they were found"),
        ("unrolled", unrolled, "the iris unrolled: pupil on top, unusable pixels tinted"),
        ("code", code, "the code: white 1, black 0, red not usable"),
    ];
    let mut drawn = Vec::new();
    for (kind, picture, what) in pictures {
        let Some(png) = picture else { continue };
        let png = png.map_err(|error: PictureError| Failure::new("picture_not_drawn", error.to_string()))?;
        let file = stem.with_added_extension(format!("{kind}.png"));
        files::write(&file, &png, output)?;
        drawn.push((file, what));
    }
    Ok(drawn)
}
