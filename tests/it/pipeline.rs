//! The pipeline against open-iris: stage by stage, and the whole of it.

#![allow(clippy::unwrap_used)]

mod decode;
mod filters;
#[cfg(feature = "jpeg2000")]
mod jpeg2000;
mod nodes;
mod refusals;
mod whole;

use std::fs;
use std::path::Path;

use ndarray::Array2;
use personhood::pipeline::geometry::{EyeCentres, EyePolygons, Point};
use personhood::pipeline::image::{EyeImage, Limits, decode};
use personhood::pipeline::segment::SegmentationMasks;
use serde_json::Value;

use crate::npy::Npy;

pub(crate) fn json(path: impl AsRef<Path>) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

pub(crate) fn number(value: &Value, path: &[&str]) -> f64 {
    path.iter().fold(value, |value, key| &value[key]).as_f64().unwrap()
}

/// A picture of any size.
pub(crate) fn picture(path: impl AsRef<Path>) -> EyeImage {
    decode(&fs::read(path).unwrap(), &Limits { min_dimension: 1, ..Limits::default() }).unwrap()
}

/// A mask stored as a picture, 255 = true.
pub(crate) fn mask(path: impl AsRef<Path>) -> Array2<bool> {
    picture(path).pixels().mapv(|pixel| pixel == 255)
}

pub(crate) fn masks(folder: &Path, prefix: &str) -> SegmentationMasks {
    let mask = |name: &str| mask(folder.join(format!("{prefix}mask_{name}.png")));
    SegmentationMasks {
        eyeball: mask("eyeball"),
        iris: mask("iris"),
        pupil: mask("pupil"),
        eyelashes: mask("eyelashes"),
    }
}

#[allow(clippy::cast_possible_truncation)] // stored in single precision
pub(crate) fn points(path: impl AsRef<Path>) -> Vec<Point> {
    Npy::read(path).points().into_iter().map(|point| point.map(|c| c as f32)).collect()
}

/// The polygons `<stem>_{pupil,iris,eyeball}.npy`.
pub(crate) fn polygons(folder: &Path, stem: &str) -> EyePolygons {
    let points = |name: &str| points(folder.join(format!("{stem}_{name}.npy")));
    EyePolygons { pupil: points("pupil"), iris: points("iris"), eyeball: points("eyeball") }
}

pub(crate) fn centres(path: impl AsRef<Path>) -> EyeCentres {
    let value = json(path);
    let centre = |key: &str| [value[key][0].as_f64().unwrap(), value[key][1].as_f64().unwrap()];
    EyeCentres { pupil: centre("pupil_center"), iris: centre("iris_center") }
}

/// Largest coordinate difference; panics when the number of points differs.
pub(crate) fn farthest(found: &EyePolygons, expected: &EyePolygons) -> f64 {
    let pairs = [
        ("pupil", &found.pupil, &expected.pupil),
        ("iris", &found.iris, &expected.iris),
        ("eyeball", &found.eyeball, &expected.eyeball),
    ];
    let mut farthest = 0.0_f64;
    for (name, found, expected) in pairs {
        assert_eq!(found.len(), expected.len(), "points of the {name}");
        for (f, e) in found.iter().flatten().zip(expected.iter().flatten()) {
            farthest = farthest.max((f64::from(*f) - f64::from(*e)).abs());
        }
    }
    farthest
}

pub(crate) fn assert_relative(name: &str, found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance * expected.abs().max(1e-9), "{name}: {found}, expected {expected}");
}
