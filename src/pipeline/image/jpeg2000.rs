//! JPEG 2000 (ISO/IEC 15444-1): JP2 files and raw codestreams.
//!
//! The decoder is `hayro-jpeg2000`, without its SIMD: pure Rust that forbids `unsafe`. It has no limits of its own, so
//! [`header`] reads everything that decides about memory first: a file that asks for too much is refused before the decoder
//! sees it.

mod header;

use hayro_jpeg2000::{DecodeError, DecodeSettings, DecoderContext, DecodingError, Image};
use ndarray::Array2;

use super::decode::{ImageError, Limits, luma};
use super::{EyeImage, FileFormat, ImageInfo, wipe};
use header::{Colour, Header};

/// The name in errors.
const FORMAT: &str = "JPEG 2000";

/// What the head of a picture says; `bytes` are those of a JPEG 2000 file.
pub(super) fn inspect(bytes: &[u8], limits: &Limits) -> Result<ImageInfo, ImageError> {
    let Header { width, height, depth, components, .. } = Header::read(bytes, limits)?;
    Ok(ImageInfo { format: FileFormat::Jpeg2000, width, height, bits: depth, components })
}

/// Decodes one picture; `bytes` are those of a JPEG 2000 file.
///
/// Samples of 9 to 16 bits keep their highest eight.
pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<EyeImage, ImageError> {
    let header = Header::read(bytes, limits)?;
    let settings = DecodeSettings {
        // Half an iris must not become a template that looks whole: what ends early is refused. A codestream whose last part
        // has no length runs to its end, end marker included, and that is all that the strict decoder would object to.
        strict: !header.open_ended,
        ..DecodeSettings::default()
    };
    let fault = |error: DecodeError| match error {
        DecodeError::Decoding(DecodingError::UnexpectedEof) => truncated(bytes.len()),
        other => corrupt(other.to_string()),
    };
    let image = Image::new(header.codestream, &settings).map_err(fault)?;
    let mut context = DecoderContext::default();
    let decoded = image.decode(&mut context).map_err(fault)?;

    let (width, height) = (header.width as usize, header.height as usize);
    let used = match header.colour {
        Colour::Grey | Colour::LumaFirst => 1,
        Colour::Rgb => 3,
    };
    let planes: Vec<&[f32]> = decoded.components().iter().take(used).map(|plane| plane.samples()).collect();
    if planes.len() != used || planes.iter().any(|plane| plane.len() != width * height) {
        return Err(corrupt("its components are not of the size that its header gives".to_owned()));
    }
    let mut pixels = Array2::zeros((height, width));
    let grey: &mut [u8] = pixels.as_slice_mut().expect("a new array is row-major");
    for (at, level) in grey.iter_mut().enumerate() {
        let sample = |plane: usize| high_bits(planes[plane][at], header.depth);
        *level = if used == 1 { sample(0) } else { luma(sample(0), sample(1), sample(2)) };
    }
    if header.open_ended && !header.has_its_end {
        wipe(&mut pixels);
        return Err(truncated(bytes.len()));
    }
    Ok(EyeImage::from_pixels(pixels))
}

/// The highest eight bits of a sample of `depth` bits (8 to 16).
///
/// The decoder works in `f32`, which holds whole numbers up to 2²⁴ exactly: a lossless sample arrives as it was.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0 ..= 65535 just before")]
fn high_bits(sample: f32, depth: u8) -> u8 {
    let greatest = f32::from(u16::MAX >> (16 - depth));
    let level = sample.round().clamp(0.0, greatest) as u16;
    (level >> (depth - 8)) as u8
}

fn truncated(bytes: usize) -> ImageError {
    ImageError::Truncated { format: FORMAT, bytes }
}

fn corrupt(detail: String) -> ImageError {
    ImageError::Corrupt { format: FORMAT, detail }
}

fn unsupported(detail: impl Into<String>) -> ImageError {
    ImageError::Unsupported { format: FORMAT, detail: detail.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_eight_bits_are_kept() {
        for level in 0..=255_u8 {
            assert_eq!(high_bits(f32::from(level), 8), level);
            assert_eq!(high_bits(f32::from(u16::from(level) << 4 | 0xf), 12), level);
            assert_eq!(high_bits(f32::from(u16::from(level) << 8 | 0xff), 16), level);
        }
        // A lossy picture's samples lie between and beyond whole levels.
        assert_eq!([high_bits(-3.0, 8), high_bits(300.0, 8), high_bits(99.6, 8)], [0, 255, 100]);
        assert_eq!(high_bits(f32::NAN, 8), 0);
    }
}
