//! Folders of synthetic pictures: the set in `testdata/eyes`, and larger ones for load tests.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder as _};
use ndarray::Array2;

use super::conditions::CaptureConditions;
use super::numeric::Stream;
use super::{SyntheticCapture, SyntheticEye};
use crate::iris::EyeSide;

/// A set of pictures: so many people, both eyes of each, so many captures of every eye.
///
/// The default is the set in `testdata/eyes`.
///
/// # Examples
/// ```
/// use personhood::testing::eyes::PictureSet;
/// let paths: Vec<String> = PictureSet::default().pictures().map(|picture| picture.path()).collect();
/// assert_eq!(paths.len(), 48);
/// assert_eq!(paths[0], "person-01/left-1.png");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureSet {
    /// Identity of the first person; the others follow by one.
    pub first_identity: u64,
    /// Number of people.
    pub people: u64,
    /// Captures of each eye.
    pub captures: u32,
    /// Columns of each picture.
    pub width: usize,
    /// Rows of each picture.
    pub height: usize,
    /// Whether captures are [`CaptureConditions::walk_up`] instead of [`CaptureConditions::ordinary`].
    pub walk_up: bool,
}

impl Default for PictureSet {
    fn default() -> Self {
        Self { first_identity: 1, people: 12, captures: 2, width: 400, height: 300, walk_up: false }
    }
}

/// One picture of a [`PictureSet`], not yet drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Number of the person in the set, from 1.
    pub person: u64,
    /// The person's identity.
    pub identity: u64,
    /// Which eye.
    pub side: EyeSide,
    /// Number of the capture of this eye, from 1.
    pub capture: u32,
    /// How it is taken.
    pub conditions: CaptureConditions,
}

impl PictureSet {
    /// Every picture of the set: by person, left eye first, by capture.
    pub fn pictures(&self) -> impl Iterator<Item = Picture> + Send + use<> {
        let set = self.clone();
        (0..set.people).flat_map(move |index| {
            let set = set.clone();
            EyeSide::BOTH.into_iter().flat_map(move |side| {
                let set = set.clone();
                (1..=set.captures).map(move |capture| set.picture(index, side, capture))
            })
        })
    }

    fn picture(&self, index: u64, side: EyeSide, capture: u32) -> Picture {
        let identity = self.first_identity.wrapping_add(index);
        let seed = Stream::new(identity, side.as_str()).bits().wrapping_add(u64::from(capture));
        let mut conditions =
            if self.walk_up { CaptureConditions::walk_up(seed) } else { CaptureConditions::ordinary(seed) }
                .resized(self.width, self.height);
        if !self.walk_up {
            // Noise is what a PNG cannot compress: 0.8 grey levels keep a picture near 55 kB.
            conditions.noise = conditions.noise.min(0.8);
        }
        Picture { person: index + 1, identity, side, capture, conditions }
    }
}

/// Header of the rows that [`Picture::truth_row`] makes: lengths in pixels, angles in degrees.
pub const TRUTH_COLUMNS: &str = "path,pupil_x,pupil_y,pupil_semi_major,pupil_semi_minor,pupil_angle,\
iris_x,iris_y,iris_semi_major,iris_semi_minor,iris_angle,visible_iris,rotation";

impl Picture {
    /// Path of the picture in the set's folder, such as `person-01/left-1.png`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("person-{:02}/{}-{}.png", self.person, self.side, self.capture)
    }

    /// Draws the picture.
    #[must_use]
    pub fn render(&self) -> SyntheticCapture {
        SyntheticEye::new(self.identity, self.side).render(&self.conditions)
    }

    /// What is true of the rendered picture as one row of comma separated values (see [`TRUTH_COLUMNS`]).
    #[must_use]
    pub fn truth_row(&self, capture: &SyntheticCapture) -> String {
        let mut row = self.path();
        for ellipse in [capture.truth.pupil, capture.truth.iris] {
            let ([x, y], [major, minor]) = (ellipse.centre, ellipse.semi_axes);
            row += &format!(",{x:.2},{y:.2},{major:.2},{minor:.2},{:.1}", ellipse.angle);
        }
        row + &format!(",{:.3},{:.2}", capture.truth.visible_iris, capture.truth.rotation)
    }
}

/// A mask as a PNG file: 255 where it is true, 0 elsewhere.
#[must_use]
pub fn mask_png(mask: &Array2<bool>) -> Vec<u8> {
    grey_png(&mask.mapv(|inside| if inside { 255 } else { 0 }))
}

pub(super) fn grey_png(pixels: &Array2<u8>) -> Vec<u8> {
    let (height, width) = pixels.dim();
    let bytes: Vec<u8> = pixels.iter().copied().collect();
    let side = |n: usize| u32::try_from(n).expect("rendered pictures have at most 4096 pixels a side");
    let mut png = Vec::new();
    PngEncoder::new_with_quality(&mut png, CompressionType::Best, FilterType::Adaptive)
        .write_image(&bytes, side(width), side(height), ExtendedColorType::L8)
        .expect("memory takes every byte, and there is one per pixel");
    png
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_picture_of_a_set_has_its_own_path_and_seed() {
        let set = PictureSet { people: 120, captures: 3, ..PictureSet::default() };
        let mut paths: Vec<String> = set.pictures().map(|p| p.path()).collect();
        let mut seeds: Vec<u64> = set.pictures().map(|p| p.conditions.seed).collect();
        paths.sort();
        paths.dedup();
        seeds.sort_unstable();
        seeds.dedup();
        assert_eq!((paths.len(), seeds.len()), (720, 720));
    }

    #[test]
    fn rows_have_as_many_values_as_the_header() {
        let picture = PictureSet::default().pictures().next().expect("the set is not empty");
        let row = picture.truth_row(&picture.render());
        assert_eq!(row.split(',').count(), TRUTH_COLUMNS.split(',').count());
    }
}
