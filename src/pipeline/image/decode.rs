//! From the bytes of a picture file to grey pixels, with limits that hold before memory is taken.

use std::io::{self, Cursor};

use image::{ColorType, ImageDecoder, ImageFormat, ImageReader};
use ndarray::Array2;

use super::{EyeImage, FileFormat};
use crate::pipeline::privacy::Wiped;

/// What a picture may cost before a single pixel of it is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of the encoded file.
    pub max_bytes: usize,
    /// Most pixels (columns times rows).
    pub max_pixels: u64,
    /// Most pixels of either side.
    pub max_dimension: u32,
    /// Fewest pixels of either side.
    pub min_dimension: u32,
}

impl Default for Limits {
    /// 64 MiB of file, 2²⁵ pixels, sides from 64 to 16,384 pixels.
    ///
    /// The largest iris cameras in the field deliver 1440×1080; the room above it is for uncompressed
    /// pictures of ordinary cameras. No iris of the least usable size (50 px) fits into less than 64.
    fn default() -> Self {
        Self { max_bytes: 64 << 20, max_pixels: 1 << 25, max_dimension: 16_384, min_dimension: 64 }
    }
}

impl Limits {
    /// Refuses a picture of a size that these limits do not allow.
    ///
    /// # Errors
    /// [`ImageError::TooLarge`], [`ImageError::TooSmall`].
    pub fn check(&self, width: u32, height: u32) -> Result<(), ImageError> {
        let Self { max_pixels, max_dimension, min_dimension, .. } = *self;
        let pixels = u64::from(width) * u64::from(height);
        if width.max(height) > max_dimension || pixels > max_pixels {
            return Err(ImageError::TooLarge { width, height, max_dimension, max_pixels });
        }
        if width.min(height) < min_dimension || pixels == 0 {
            return Err(ImageError::TooSmall { width, height, min_dimension });
        }
        Ok(())
    }
}

/// Why bytes did not become a picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// There are no bytes.
    #[error("the picture is empty (0 bytes)")]
    Empty,
    /// The first bytes belong to none of the formats that are read.
    #[error(
        "the picture is in no format that is read here; PNG, JPEG, JPEG 2000, BMP, TIFF and PNM (PGM, PPM, PBM) are"
    )]
    UnknownFormat,
    /// The format is known, the flavour is not (for example 32-bit floating point TIFF).
    #[error("this kind of {format} picture is not read here ({detail}); store it as 8 or 16 bit grey or colour")]
    Unsupported {
        /// The format.
        format: &'static str,
        /// What the decoder says.
        detail: String,
    },
    /// The bytes contradict their format.
    #[error("the {format} picture is corrupt: {detail}")]
    Corrupt {
        /// The format.
        format: &'static str,
        /// What the decoder says.
        detail: String,
    },
    /// The bytes end before the picture does.
    #[error("the {format} picture is cut off after {bytes} bytes; copy it again")]
    Truncated {
        /// The format.
        format: &'static str,
        /// Bytes that are there.
        bytes: usize,
    },
    /// The file is larger than [`Limits::max_bytes`].
    #[error("the picture file has {bytes} bytes, at most {limit} are read")]
    TooManyBytes {
        /// Bytes of the file.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// A side or the area is larger than [`Limits`] allow.
    #[error(
        "the picture of {width}x{height} pixels is too large, at most {max_dimension} a side and {max_pixels} in all are read; scale it down"
    )]
    TooLarge {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// Limit of either side.
        max_dimension: u32,
        /// Limit of the area.
        max_pixels: u64,
    },
    /// A side is smaller than [`Limits::min_dimension`].
    #[error("the picture of {width}x{height} pixels is too small, each side must have at least {min_dimension}")]
    TooSmall {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// Limit of either side.
        min_dimension: u32,
    },
}

impl ImageError {
    /// A stable word for programs; it never changes for a variant.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "image_empty",
            Self::UnknownFormat => "image_unknown_format",
            Self::Unsupported { .. } => "image_unsupported",
            Self::Corrupt { .. } => "image_corrupt",
            Self::Truncated { .. } => "image_truncated",
            Self::TooManyBytes { .. } | Self::TooLarge { .. } => "image_too_large",
            Self::TooSmall { .. } => "image_too_small",
        }
    }
}

/// Decodes a PNG, JPEG, BMP, TIFF or PNM picture into grey pixels; with the feature `jpeg2000`, a JPEG 2000 picture too.
///
/// The content decides what it is, not a name. JPEG 2000 is read as JP2 file and as raw codestream, grey or colour of 8 to
/// 16 bits a sample.
///
/// Colour becomes grey as in OpenCV's `cvtColor`: luma of ITU-R BT.601, (4899 R + 9617 G + 1868 B + 8192) / 2¹⁴. 16-bit
/// samples keep their high byte, as OpenCV keeps it. Transparency is ignored: a sensor does not see through an eye.
///
/// The buffers taken here are wiped. Those inside the decoders of other crates are not ours to wipe.
///
/// # Errors
/// [`ImageError`]; whatever the bytes are, it does not panic. Sizes are checked before the pixels are allocated.
///
/// # Examples
/// ```
/// use personhood::pipeline::image::{Limits, decode};
///
/// let mut pgm = b"P5 80 64 255\n".to_vec();
/// pgm.extend((0..80 * 64).map(|i| (i % 80) as u8));
/// let image = decode(&pgm, &Limits::default())?;
/// assert_eq!((image.width(), image.height(), image.pixels()[[3, 7]]), (80, 64, 7));
///
/// assert_eq!(decode(b"GIF89a", &Limits::default()).unwrap_err().code(), "image_unknown_format");
/// # Ok::<(), personhood::pipeline::image::ImageError>(())
/// ```
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<EyeImage, ImageError> {
    let file = recognise(bytes, limits)?;
    #[cfg(feature = "jpeg2000")]
    if file == FileFormat::Jpeg2000 {
        return super::jpeg2000::decode(bytes, limits);
    }
    let format = file.name();
    let decoder = open(bytes, file, limits)?;
    let (width, height) = decoder.dimensions();
    if file == FileFormat::Jpeg && !jpeg_has_its_end(bytes) {
        return Err(ImageError::Truncated { format, bytes: bytes.len() });
    }

    let colour = decoder.color_type();
    let unsupported = |detail: &str| ImageError::Unsupported { format, detail: detail.to_owned() };
    let length = usize::try_from(decoder.total_bytes()).map_err(|_| unsupported("more bytes than addresses"))?;
    let mut samples = Wiped::filled(0_u8, length);
    decoder.read_image(&mut samples).map_err(|error| classify(format, bytes.len(), error))?;

    let grey = match colour {
        ColorType::L8 => core::mem::take(&mut *samples),
        ColorType::La8 => samples.chunks_exact(2).map(|p| p[0]).collect(),
        ColorType::Rgb8 => samples.chunks_exact(3).map(|p| luma(p[0], p[1], p[2])).collect(),
        ColorType::Rgba8 => samples.chunks_exact(4).map(|p| luma(p[0], p[1], p[2])).collect(),
        ColorType::L16 => samples.chunks_exact(2).map(|p| high_byte(p, 0)).collect(),
        ColorType::La16 => samples.chunks_exact(4).map(|p| high_byte(p, 0)).collect(),
        ColorType::Rgb16 => samples.chunks_exact(6).map(luma_of_high_bytes).collect(),
        ColorType::Rgba16 => samples.chunks_exact(8).map(luma_of_high_bytes).collect(),
        _ => return Err(unsupported("floating point samples")),
    };
    let shape = (height as usize, width as usize);
    match Array2::from_shape_vec(shape, grey) {
        Ok(pixels) => Ok(EyeImage::from_pixels(pixels)),
        Err(error) => Err(ImageError::Corrupt { format, detail: error.to_string() }),
    }
}

/// What the first bytes of a picture file are, if it is not too long.
pub(super) fn recognise(bytes: &[u8], limits: &Limits) -> Result<FileFormat, ImageError> {
    if bytes.is_empty() {
        return Err(ImageError::Empty);
    }
    if bytes.len() > limits.max_bytes {
        return Err(ImageError::TooManyBytes { bytes: bytes.len(), limit: limits.max_bytes });
    }
    FileFormat::of(bytes).ok_or(ImageError::UnknownFormat)
}

/// Reads the head of a picture that the `image` crate decodes, and checks its size.
pub(super) fn open<'a>(
    bytes: &'a [u8],
    file: FileFormat,
    limits: &Limits,
) -> Result<impl ImageDecoder + 'a, ImageError> {
    let kind = match file {
        FileFormat::Png => ImageFormat::Png,
        FileFormat::Jpeg => ImageFormat::Jpeg,
        FileFormat::Bmp => ImageFormat::Bmp,
        FileFormat::Tiff => ImageFormat::Tiff,
        FileFormat::Pnm => ImageFormat::Pnm,
        FileFormat::Jpeg2000 => {
            let detail = "this program was built without the feature `jpeg2000`".to_owned();
            return Err(ImageError::Unsupported { format: file.name(), detail });
        }
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), kind);
    let mut decoder_limits = image::Limits::default();
    // A decoder may hold a frame of its own beside ours: 4 samples of 16 bits a pixel, twice.
    decoder_limits.max_alloc = Some(limits.max_pixels.saturating_mul(16));
    reader.limits(decoder_limits);
    let decoder = reader.into_decoder().map_err(|error| classify(file.name(), bytes.len(), error))?;
    let (width, height) = decoder.dimensions();
    limits.check(width, height)?;
    Ok(decoder)
}

/// Luma of ITU-R BT.601 in 14-bit fixed point, the coefficients and rounding of OpenCV's 8-bit `COLOR_RGB2GRAY`.
pub(super) fn luma(red: u8, green: u8, blue: u8) -> u8 {
    let sum = 4899 * u32::from(red) + 9617 * u32::from(green) + 1868 * u32::from(blue) + (1 << 13);
    // The coefficients add up to 2^14, so the quotient is at most 255.
    u8::try_from(sum >> 14).unwrap_or(u8::MAX)
}

/// High byte of the `index`-th 16-bit sample; decoders deliver samples in the machine's byte order.
fn high_byte(pixel: &[u8], index: usize) -> u8 {
    pixel[2 * index + usize::from(cfg!(target_endian = "little"))]
}

fn luma_of_high_bytes(pixel: &[u8]) -> u8 {
    luma(high_byte(pixel, 0), high_byte(pixel, 1), high_byte(pixel, 2))
}

/// Sorts a decoder's error by fault.
fn classify(format: &'static str, bytes: usize, error: image::ImageError) -> ImageError {
    let ends_early = |io: &io::Error| io.kind() == io::ErrorKind::UnexpectedEof;
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(current) = cause {
        if current.downcast_ref::<io::Error>().is_some_and(ends_early) {
            return ImageError::Truncated { format, bytes };
        }
        cause = current.source();
    }
    match error {
        // Its source is the source of the inner error, so the walk above has stepped over the inner error itself.
        image::ImageError::IoError(io) if ends_early(&io) => ImageError::Truncated { format, bytes },
        image::ImageError::Unsupported(detail) => ImageError::Unsupported { format, detail: detail.to_string() },
        image::ImageError::Limits(_) => {
            ImageError::Unsupported { format, detail: "it needs more memory than pictures of its size do".to_owned() }
        }
        other => ImageError::Corrupt { format, detail: other.to_string() },
    }
}

/// Whether the scan data of a JPEG file are closed by an end-of-image marker (ITU-T T.81, B.1.1.3).
///
/// The decoder fills what is missing with grey; half an iris must not become a template that looks whole.
fn jpeg_has_its_end(bytes: &[u8]) -> bool {
    const START_OF_SCAN: u8 = 0xda;
    let mut at = 2;
    // Segments up to the first scan carry their length, so an embedded thumbnail's markers are stepped over.
    while let Some(&[0xff, marker, high, low]) = bytes.get(at..at + 4).and_then(|four| <&[u8; 4]>::try_from(four).ok())
    {
        match marker {
            START_OF_SCAN => return bytes[at..].windows(2).any(|pair| pair == [0xff, 0xd9]),
            0xff => at += 1,
            _ => at += 2 + usize::from(u16::from_be_bytes([high, low])),
        }
    }
    // Not laid out as segments: the decoder's judgement stands.
    at < bytes.len()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn luma_keeps_grey_and_weighs_colours_as_bt601() {
        for grey in 0..=255 {
            assert_eq!(luma(grey, grey, grey), grey);
        }
        assert_eq!((luma(255, 0, 0), luma(0, 255, 0), luma(0, 0, 255)), (76, 150, 29));
    }

    #[test]
    fn sizes_are_refused_before_allocation() {
        let limits = Limits::default();
        let huge = decode(b"P5 4000000000 4000000000 255\n", &limits).unwrap_err();
        assert_eq!(huge.code(), "image_too_large");
        let wide = decode(b"P5 16385 64 255\n", &limits).unwrap_err();
        assert!(matches!(wide, ImageError::TooLarge { width: 16_385, .. }), "{wide}");
        let small = decode(b"P5 63 64 255\n", &limits).unwrap_err();
        assert_eq!(small, ImageError::TooSmall { width: 63, height: 64, min_dimension: 64 });
        let long = decode(&[0; 9], &Limits { max_bytes: 8, ..limits }).unwrap_err();
        assert_eq!(long, ImageError::TooManyBytes { bytes: 9, limit: 8 });
    }

    #[test]
    fn a_jpeg_without_its_end_is_seen() {
        let whole = [0xff, 0xd8, 0xff, 0xe0, 0, 4, 0xff, 0xd9, 0xff, 0xda, 0, 2, 1, 2, 0xff, 0xd9];
        assert!(jpeg_has_its_end(&whole));
        // The end marker inside the first segment (a thumbnail's) does not count.
        assert!(!jpeg_has_its_end(&whole[..14]));
    }
}
