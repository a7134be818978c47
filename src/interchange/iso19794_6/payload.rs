//! The picture in a representation.

use core::fmt;

use image::ImageEncoder as _;
use image::codecs::png::PngEncoder;
use ndarray::Array2;
use zeroize::Zeroizing;

use super::error::PictureError;
use super::fields::ImageFormat;
use crate::interchange::jpeg2000;
use crate::pipeline::image::{EyeImage, FileFormat, ImageInfo, Limits, decode, inspect};

/// A picture as it lies in a record, with what the header says of it. Its bytes are wiped when it is dropped.
///
/// `Debug` shows the size, never a byte of the picture.
#[derive(Clone, PartialEq)]
pub struct Payload {
    format: ImageFormat,
    width: u16,
    height: u16,
    depth: u8,
    bytes: Zeroizing<Vec<u8>>,
}

impl Payload {
    /// The bytes of a grey PNG or JPEG 2000 file, as they are.
    pub(super) fn from_file(bytes: Vec<u8>, limits: &Limits) -> Result<Self, PictureError> {
        let bytes = Zeroizing::new(bytes);
        let info = inspect(&bytes, limits)?;
        let format = match info.format {
            FileFormat::Png => ImageFormat::Png,
            FileFormat::Jpeg2000 => ImageFormat::Jpeg2000,
            other => return Err(PictureError::Format { found: other.name(), expected: "PNG or JPEG 2000" }),
        };
        if info.components != 1 || !(8..=16).contains(&info.bits) {
            let expected = "8 to 16 bits, grey".to_owned();
            return Err(PictureError::Depth { components: info.components, bits: info.bits, expected });
        }
        let (width, height) = sides(info.width as usize, info.height as usize)?;
        Ok(Self { format, width, height, depth: info.bits, bytes })
    }

    /// Grey levels as PNG.
    pub(super) fn png(picture: &EyeImage) -> Result<Self, PictureError> {
        let (width, height) = sides(picture.width(), picture.height())?;
        let mut bytes = Zeroizing::new(Vec::new());
        PngEncoder::new(&mut *bytes)
            .write_image(picture.as_slice(), width.into(), height.into(), image::ExtendedColorType::L8)
            .map_err(|error| PictureError::Encoder { detail: error.to_string() })?;
        Ok(Self { format: ImageFormat::Png, width, height, depth: 8, bytes })
    }

    /// Grey levels as JPEG 2000, lossless.
    pub(super) fn jpeg2000(picture: &EyeImage) -> Result<Self, PictureError> {
        let (width, height) = (picture.width(), picture.height());
        let too_large = PictureError::TooLarge { width, height, limit: jpeg2000::MAXIMUM_SIDE };
        let bytes = jpeg2000::encode(picture).ok_or(too_large)?;
        let (width, height) = sides(width, height)?;
        Ok(Self { format: ImageFormat::Jpeg2000, width, height, depth: 8, bytes })
    }

    pub(super) fn of_record(
        format: ImageFormat,
        width: u16,
        height: u16,
        depth: u8,
        bytes: Zeroizing<Vec<u8>>,
    ) -> Self {
        Self { format, width, height, depth, bytes }
    }

    /// The format that the header says.
    #[must_use]
    pub fn format(&self) -> ImageFormat {
        self.format
    }

    /// Columns, as the header says.
    #[must_use]
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Rows, as the header says.
    #[must_use]
    pub fn height(&self) -> u16 {
        self.height
    }

    /// Bits of a grey level, as the header says: 8 to 16.
    #[must_use]
    pub fn depth(&self) -> u8 {
        self.depth
    }

    /// The picture as it lies in the record.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The grey levels, not turned; deeper samples keep their highest eight bits.
    ///
    /// # Errors
    /// As [`super::Representation::picture`].
    pub fn decode(&self, limits: &Limits) -> Result<EyeImage, PictureError> {
        let expected = match self.format {
            ImageFormat::Raw => return self.decode_raw(limits),
            ImageFormat::Png => FileFormat::Png,
            ImageFormat::Jpeg2000 => FileFormat::Jpeg2000,
        };
        let ImageInfo { format, width, height, bits, components } = inspect(&self.bytes, limits)?;
        if format != expected {
            return Err(PictureError::Format { found: format.name(), expected: expected.name() });
        }
        if (width, height) != (self.width.into(), self.height.into()) {
            return Err(PictureError::Size {
                found_width: width,
                found_height: height,
                width: self.width,
                height: self.height,
            });
        }
        if components != 1 || bits != self.depth {
            let expected = format!("{} bits, grey", self.depth);
            return Err(PictureError::Depth { components, bits, expected });
        }
        Ok(decode(&self.bytes, limits)?)
    }

    fn decode_raw(&self, limits: &Limits) -> Result<EyeImage, PictureError> {
        limits.check(self.width.into(), self.height.into())?;
        let wide = self.depth > 8;
        let expected = u64::from(self.width) * u64::from(self.height) * if wide { 2 } else { 1 };
        if self.bytes.len() as u64 != expected {
            return Err(PictureError::RawLength { found: self.bytes.len(), expected });
        }
        let grey: Vec<u8> = if wide {
            // The high byte comes first; bits above the depth are not the picture's.
            let highest = |two: &[u8]| (u16::from_be_bytes([two[0], two[1]]) >> (self.depth - 8)).to_be_bytes()[1];
            self.bytes.chunks_exact(2).map(highest).collect()
        } else {
            self.bytes.to_vec()
        };
        let shape = (usize::from(self.height), usize::from(self.width));
        let pixels = Array2::from_shape_vec(shape, grey).expect("as many bytes as pixels, which was checked");
        Ok(EyeImage::from_pixels(pixels))
    }
}

fn sides(width: usize, height: usize) -> Result<(u16, u16), PictureError> {
    match (u16::try_from(width), u16::try_from(height)) {
        (Ok(columns), Ok(rows)) => Ok((columns, rows)),
        _ => Err(PictureError::TooLarge { width, height, limit: u16::MAX.into() }),
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payload")
            .field("format", &self.format)
            .field("width", &self.width)
            .field("height", &self.height)
            .field("depth", &self.depth)
            .field("bytes", &self.bytes.len())
            .finish()
    }
}
