//! Pictures of what the pipeline saw, as PNG: for the person who asks why.
//!
//! Nothing here writes a file. An overlay shows the eye and an unrolled iris is as good as one, so the caller decides
//! who may see the bytes; the buffers behind them are wiped.

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder as _};
use zeroize::Zeroizing;

use crate::iris::{IrisTemplate, Layout, Rotation};

use super::geometry::{EyeCentres, EyePolygons, Point};
use super::image::EyeImage;
use super::normalize::NormalizedIris;
use super::raster::{line_pixels, round_points};
use super::segment::SegmentationMasks;

type Colour = [u8; 3];

const PUPIL: Colour = [255, 210, 0];
const IRIS: Colour = [0, 230, 60];
const LIDS: Colour = [0, 190, 255];
const NOISE: Colour = [255, 0, 160];
const UNUSABLE: Colour = [200, 40, 60];
const ONE: Colour = [255, 255, 255];
const ZERO: Colour = [0, 0, 0];
const DISAGREE: Colour = [255, 140, 0];
const SEPARATOR: Colour = [90, 90, 90];

/// Half length of the crosses that mark centres, pixels.
const CROSS: i64 = 5;
/// Side of the square that stands for a bit, pixels.
const BIT: usize = 4;
/// Rows of a code's picture: 16 for the real and 16 for the imaginary part of each wavelet.
const BIT_ROWS: usize = 4 * Layout::ROWS;

/// A picture could not be encoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a picture of {width}x{height} pixels cannot be stored as PNG: {detail}")]
pub struct PictureError {
    width: usize,
    height: usize,
    detail: String,
}

/// What an overlay draws; what is `None` is left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct OverlayParts<'a> {
    /// Lashes and other noise are tinted.
    pub masks: Option<&'a SegmentationMasks>,
    /// Boundaries of pupil (yellow), iris (green) and lids (blue).
    pub boundaries: Option<&'a EyePolygons>,
    /// Centres of pupil and iris, as crosses.
    pub centres: Option<EyeCentres>,
}

/// The eye with what was found in it, of the picture's size.
///
/// # Errors
/// [`PictureError`] when the picture has no pixels.
pub fn overlay(image: &EyeImage, parts: &OverlayParts<'_>) -> Result<Vec<u8>, PictureError> {
    let mut canvas = Canvas::new(image.width(), image.height());
    for (pixel, &grey) in canvas.pixels.iter_mut().zip(image.as_slice()) {
        *pixel = [grey; 3];
    }
    if let Some(masks) = parts.masks
        && masks.eyelashes.dim() == image.pixels().dim()
    {
        for (pixel, _) in canvas.pixels.iter_mut().zip(&masks.eyelashes).filter(|&(_, &noise)| noise) {
            *pixel = mixed(*pixel, NOISE);
        }
    }
    if let Some(boundaries) = parts.boundaries {
        canvas.polygon(&boundaries.eyeball, LIDS);
        canvas.polygon(&boundaries.iris, IRIS);
        canvas.polygon(&boundaries.pupil, PUPIL);
    }
    if let Some(centres) = parts.centres {
        canvas.cross(centres.iris, IRIS);
        canvas.cross(centres.pupil, PUPIL);
    }
    canvas.encode()
}

/// The unrolled iris, unusable pixels tinted; pupil on top, column 0 on the eye's axis.
///
/// # Errors
/// [`PictureError`] when the picture has no pixels.
pub fn unrolled(iris: &NormalizedIris) -> Result<Vec<u8>, PictureError> {
    let (rows, columns) = iris.image().dim();
    let mut canvas = Canvas::new(columns, rows);
    for ((pixel, &grey), &valid) in canvas.pixels.iter_mut().zip(iris.image()).zip(iris.mask()) {
        *pixel = if valid { [grey; 3] } else { mixed([grey; 3], UNUSABLE) };
    }
    canvas.encode()
}

/// Code and mask as a bar code: a bit is white for one, black for zero, red where it is not usable.
///
/// Four bands of 16 rows from top to bottom: coarse wavelet real and imaginary, fine wavelet real and imaginary.
///
/// # Errors
/// [`PictureError`] when the encoder fails.
pub fn code(template: &IrisTemplate) -> Result<Vec<u8>, PictureError> {
    let mut canvas = Canvas::of_codes(template.layout(), 1);
    canvas.bits(template.layout(), 0, |[wavelet, row, column, part]| {
        match (template.mask().bit(wavelet, row, column, part), template.code().bit(wavelet, row, column, part)) {
            (false, _) => UNUSABLE,
            (true, true) => ONE,
            (true, false) => ZERO,
        }
    });
    canvas.encode()
}

/// Two templates one above the other, and under them where they disagree (orange) among the bits usable in both.
///
/// The probe is turned by `rotation`, so that an alignment found by comparing can be looked at.
///
/// # Errors
/// [`PictureError`] when the layouts differ.
pub fn comparison(probe: &IrisTemplate, reference: &IrisTemplate, rotation: Rotation) -> Result<Vec<u8>, PictureError> {
    let layout = probe.layout();
    let mut canvas = Canvas::of_codes(layout, 3);
    if layout != reference.layout() {
        return Err(canvas.failed(format!("the layouts differ: {layout} and {}", reference.layout())));
    }
    let probe = probe.rotated(rotation);
    let look = |template: &IrisTemplate, [wavelet, row, column, part]: [usize; 4]| {
        (template.mask().bit(wavelet, row, column, part), template.code().bit(wavelet, row, column, part))
    };
    let colour = |(usable, bit): (bool, bool)| {
        if !usable {
            UNUSABLE
        } else if bit {
            ONE
        } else {
            ZERO
        }
    };
    canvas.bits(layout, 0, |at| colour(look(&probe, at)));
    canvas.bits(layout, 1, |at| colour(look(reference, at)));
    canvas.bits(layout, 2, |at| match (look(&probe, at), look(reference, at)) {
        ((true, a), (true, b)) if a != b => DISAGREE,
        ((true, _), (true, _)) => ZERO,
        _ => UNUSABLE,
    });
    canvas.encode()
}

fn mixed(under: Colour, over: Colour) -> Colour {
    core::array::from_fn(|i| under[i].midpoint(over[i]))
}

struct Canvas {
    width: usize,
    height: usize,
    pixels: Zeroizing<Vec<Colour>>,
}

impl Canvas {
    fn new(width: usize, height: usize) -> Self {
        Self { width, height, pixels: Zeroizing::new(vec![SEPARATOR; width * height]) }
    }

    /// Room for codes one above the other, a bit's height between them.
    fn of_codes(layout: Layout, count: usize) -> Self {
        Self::new(layout.columns() * BIT, (count * (BIT_ROWS + 1) - 1) * BIT)
    }

    /// Draws the `index`-th code; `colour` of `[wavelet, row, column, part]`.
    fn bits(&mut self, layout: Layout, index: usize, colour: impl Fn([usize; 4]) -> Colour) {
        let top = index * (BIT_ROWS + 1) * BIT;
        for y in 0..BIT_ROWS {
            let (band, row) = (y / Layout::ROWS, y % Layout::ROWS);
            for column in 0..layout.columns() {
                let colour = colour([band / 2, row, column, band % 2]);
                for line in 0..BIT {
                    let start = (top + y * BIT + line) * self.width + column * BIT;
                    self.pixels[start..start + BIT].fill(colour);
                }
            }
        }
    }

    fn line(&mut self, from: [i64; 2], to: [i64; 2], colour: Colour) {
        let (width, pixels) = (self.width, &mut self.pixels);
        line_pixels(self.width, self.height, from, to, |x, y| pixels[y * width + x] = colour);
    }

    fn polygon(&mut self, points: &[Point], colour: Colour) {
        let vertices = round_points(points);
        for (&from, &to) in vertices.iter().zip(vertices.iter().cycle().skip(1)) {
            self.line(from, to, colour);
        }
    }

    #[allow(clippy::cast_possible_truncation)] // saturates; far outside it draws nothing
    fn cross(&mut self, centre: [f64; 2], colour: Colour) {
        let [x, y] = round_points(&[centre.map(|c| c as f32)])[0];
        self.line([x - CROSS, y], [x + CROSS, y], colour);
        self.line([x, y - CROSS], [x, y + CROSS], colour);
    }

    fn failed(&self, detail: String) -> PictureError {
        PictureError { width: self.width, height: self.height, detail }
    }

    fn encode(self) -> Result<Vec<u8>, PictureError> {
        let side = |side: usize| u32::try_from(side).map_err(|error| self.failed(error.to_string()));
        let (width, height) = (side(self.width)?, side(self.height)?);
        let mut png = Vec::new();
        PngEncoder::new(&mut png)
            .write_image(self.pixels.as_flattened(), width, height, ExtendedColorType::Rgb8)
            .map_err(|error| self.failed(error.to_string()))?;
        Ok(png)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::iris::{EncoderVersion, IrisCode, Mask};

    fn pixels(png: &[u8]) -> image::RgbImage {
        image::load_from_memory(png).unwrap().to_rgb8()
    }

    #[test]
    fn an_overlay_keeps_the_picture_and_draws_on_it() {
        let image = EyeImage::from_pixels(Array2::from_elem((60, 80), 100));
        let square = |low: f32, high: f32| vec![[low, low], [low, high], [high, high], [high, low]];
        let boundaries =
            EyePolygons { pupil: square(30.0, 40.0), iris: square(20.0, 50.0), eyeball: square(-9.0, 55.0) };
        let parts = OverlayParts { boundaries: Some(&boundaries), ..OverlayParts::default() };
        let drawn = pixels(&overlay(&image, &parts).unwrap());
        assert_eq!(drawn.dimensions(), (80, 60));
        assert_eq!(drawn.get_pixel(30, 35).0, PUPIL);
        assert_eq!(drawn.get_pixel(50, 33).0, IRIS);
        assert_eq!(drawn.get_pixel(7, 55).0, LIDS);
        assert_eq!(drawn.get_pixel(70, 5).0, [100; 3]);
    }

    #[test]
    fn bits_are_drawn_band_by_band() {
        let layout = Layout::Columns200;
        let set = |wavelet, row, column, part| (wavelet, row, column, part) == (1, 2, 3, 1);
        let usable = |wavelet, row, column, part| (wavelet, row, column, part) != (0, 0, 0, 0);
        let code_bits = IrisCode::from_fn(layout, set);
        let mask = Mask::from_fn(layout, usable);
        let template = IrisTemplate::new(code_bits, mask, EncoderVersion::OpenIris1112).unwrap();
        let drawn = pixels(&code(&template).unwrap());
        assert_eq!(drawn.dimensions(), (800, 256));
        assert_eq!(drawn.get_pixel(0, 0).0, UNUSABLE);
        assert_eq!(drawn.get_pixel(4, 0).0, ZERO);
        assert_eq!(drawn.get_pixel(3 * 4 + 1, (3 * 16 + 2) * 4 + 1).0, ONE);
        assert_eq!(drawn.pixels().filter(|pixel| pixel.0 == ONE).count(), 16);

        let turned = pixels(&comparison(&template, &template, Rotation::new(1)).unwrap());
        // The set bit stands in two places, so two bits disagree.
        assert_eq!(turned.pixels().filter(|pixel| pixel.0 == DISAGREE).count(), 2 * 16);
    }

    #[test]
    fn an_empty_picture_is_an_error() {
        let image = EyeImage::from_pixels(Array2::zeros((0, 0)));
        assert!(overlay(&image, &OverlayParts::default()).is_err());
    }
}
