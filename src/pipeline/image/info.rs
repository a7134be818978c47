//! What a picture file is, before a pixel of it is decoded.

use image::ImageDecoder as _;

use super::decode::{ImageError, Limits, open, recognise};

/// The start of a JP2 file: its signature box (ISO/IEC 15444-1, I.5.1).
pub(super) const JP2_SIGNATURE: &[u8] = b"\0\0\0\x0cjP  \r\n\x87\n";
/// Start of a JPEG 2000 codestream, and the marker that must follow (ISO/IEC 15444-1, A.4.1 and A.5.1).
pub(super) const CODESTREAM_SIGNATURE: &[u8] = &[0xff, 0x4f, 0xff, 0x51];

/// The formats of picture files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileFormat {
    /// Portable Network Graphics.
    Png,
    /// JPEG.
    Jpeg,
    /// JPEG 2000: a JP2 file or a raw codestream.
    Jpeg2000,
    /// Windows bitmap.
    Bmp,
    /// Tagged image file format.
    Tiff,
    /// Portable anymap: PBM, PGM, PPM.
    Pnm,
}

impl FileFormat {
    /// What the first bytes say.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(JP2_SIGNATURE) || bytes.starts_with(CODESTREAM_SIGNATURE) {
            return Some(Self::Jpeg2000);
        }
        match image::guess_format(bytes) {
            Ok(image::ImageFormat::Png) => Some(Self::Png),
            Ok(image::ImageFormat::Jpeg) => Some(Self::Jpeg),
            Ok(image::ImageFormat::Bmp) => Some(Self::Bmp),
            Ok(image::ImageFormat::Tiff) => Some(Self::Tiff),
            Ok(image::ImageFormat::Pnm) => Some(Self::Pnm),
            _ => None,
        }
    }

    /// The usual name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::Jpeg2000 => "JPEG 2000",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
            Self::Pnm => "PNM",
        }
    }
}

/// What the head of a picture file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageInfo {
    /// The format.
    pub format: FileFormat,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bits of a sample as it is stored, 1 to 32.
    pub bits: u8,
    /// Samples of a pixel: 1 grey, 2 grey and transparency, 3 colour, 4 colour and transparency.
    pub components: u8,
}

/// Reads the head of a picture file; no pixel is decoded.
///
/// # Errors
/// [`ImageError`], as far as the head shows it; sizes beyond `limits` among it.
pub fn inspect(bytes: &[u8], limits: &Limits) -> Result<ImageInfo, ImageError> {
    let format = recognise(bytes, limits)?;
    #[cfg(feature = "jpeg2000")]
    if format == FileFormat::Jpeg2000 {
        return super::jpeg2000::inspect(bytes, limits);
    }
    let decoder = open(bytes, format, limits)?;
    let (width, height) = decoder.dimensions();
    let colour = decoder.original_color_type();
    let components = colour.channel_count().max(1);
    let bits = u8::try_from(colour.bits_per_pixel() / u16::from(components)).unwrap_or(u8::MAX);
    Ok(ImageInfo { format, width, height, bits, components })
}
