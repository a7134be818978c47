//! What can be wrong with a record and with the picture in it.

use core::fmt;

use crate::pipeline::image::ImageError;

/// A field of a record, by its name in the standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Field {
    /// General header, bytes 0 to 3.
    FormatIdentifier,
    /// General header, bytes 4 to 7.
    VersionNumber,
    /// General header, bytes 8 to 11.
    RecordLength,
    /// General header, bytes 12 and 13.
    NumberOfRepresentations,
    /// General header, byte 14.
    CertificationFlag,
    /// General header, byte 15.
    NumberOfEyes,
    /// Representation header.
    RepresentationLength,
    /// Representation header, part of the capture date and time.
    CaptureMonth,
    /// Representation header, part of the capture date and time.
    CaptureDay,
    /// Representation header, part of the capture date and time.
    CaptureHour,
    /// Representation header, part of the capture date and time.
    CaptureMinute,
    /// Representation header, part of the capture date and time.
    CaptureSecond,
    /// Representation header, part of the capture date and time.
    CaptureMillisecond,
    /// Representation header.
    CaptureDeviceTechnology,
    /// Representation header.
    NumberOfQualityBlocks,
    /// Representation header, first byte of a quality block.
    QualityScore,
    /// Representation header.
    RepresentationNumber,
    /// Representation header.
    EyeLabel,
    /// Representation header.
    ImageType,
    /// Representation header.
    ImageFormat,
    /// Representation header.
    ImageProperties,
    /// Representation header.
    ImageWidth,
    /// Representation header.
    ImageHeight,
    /// Representation header.
    BitDepth,
    /// Representation header.
    IrisCentreLargestX,
    /// Representation header.
    IrisCentreLargestY,
    /// Representation header.
    IrisDiameterLargest,
    /// Before the picture.
    ImageLength,
}

impl Field {
    /// The name, in lower-case words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FormatIdentifier => "format identifier",
            Self::VersionNumber => "version number",
            Self::RecordLength => "length of record",
            Self::NumberOfRepresentations => "number of representations",
            Self::CertificationFlag => "certification flag",
            Self::NumberOfEyes => "number of eyes",
            Self::RepresentationLength => "representation length",
            Self::CaptureMonth => "month of capture",
            Self::CaptureDay => "day of capture",
            Self::CaptureHour => "hour of capture",
            Self::CaptureMinute => "minute of capture",
            Self::CaptureSecond => "second of capture",
            Self::CaptureMillisecond => "millisecond of capture",
            Self::CaptureDeviceTechnology => "capture device technology identifier",
            Self::NumberOfQualityBlocks => "number of quality blocks",
            Self::QualityScore => "quality score",
            Self::RepresentationNumber => "representation number",
            Self::EyeLabel => "eye label",
            Self::ImageType => "image type",
            Self::ImageFormat => "image format",
            Self::ImageProperties => "iris image properties",
            Self::ImageWidth => "image width",
            Self::ImageHeight => "image height",
            Self::BitDepth => "bit depth",
            Self::IrisCentreLargestX => "iris centre, largest x",
            Self::IrisCentreLargestY => "iris centre, largest y",
            Self::IrisDiameterLargest => "iris diameter, largest",
            Self::ImageLength => "image length",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why bytes are not an iris image record, or pictures do not make one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The record is longer than the limit of the call.
    #[error("the iris record has {bytes} bytes, at most {limit} are read")]
    TooManyBytes {
        /// Bytes of the record.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The bytes end inside a field.
    #[error("the iris record ends after {bytes} bytes, inside the {field} at offset {offset}; copy it again")]
    Truncated {
        /// The field.
        field: &'static str,
        /// Where it begins.
        offset: usize,
        /// Bytes that are there.
        bytes: usize,
    },
    /// A field has a value that it cannot have.
    #[error("the {field} at offset {offset} of the iris record is {found}, expected {expected}")]
    Field {
        /// The field.
        field: Field,
        /// Where it begins.
        offset: usize,
        /// Its value.
        found: u64,
        /// What it could have been.
        expected: String,
    },
    /// A value of a new record means something else when it is written: 255 as a score, 65,535 as an angle, 0 as a
    /// coordinate, a range of 0, 1 or 65,535 mm.
    #[error("a value of the iris record is one that the standard reserves; leave it undefined instead")]
    Reserved,
}

impl RecordError {
    /// A stable word for programs; it never changes for a variant.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooManyBytes { .. } => "record_too_large",
            Self::Truncated { .. } => "record_truncated",
            Self::Field { .. } => "record_field",
            Self::Reserved => "record_reserved_value",
        }
    }
}

/// Why a payload and a picture do not fit together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PictureError {
    /// The payload is not a picture that is read.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The payload is of another format than the header says, or of one that records do not carry.
    #[error("the picture is {found}, expected {expected}")]
    Format {
        /// What the first bytes are.
        found: &'static str,
        /// What was expected.
        expected: &'static str,
    },
    /// The picture has another size than the header says.
    #[error("the picture has {found_width}x{found_height} pixels, its record says {width}x{height}")]
    Size {
        /// Columns of the picture.
        found_width: u32,
        /// Rows of the picture.
        found_height: u32,
        /// Columns by the header.
        width: u16,
        /// Rows by the header.
        height: u16,
    },
    /// The picture has another depth than the header says, or is not grey.
    #[error("the picture has {components} components of {bits} bits, expected 1 of {expected}")]
    Depth {
        /// Components of a pixel.
        components: u8,
        /// Bits of a sample.
        bits: u8,
        /// What was expected.
        expected: String,
    },
    /// A picture's side is too long for its format in a record, or the picture has no pixels.
    #[error(
        "a picture of {width}x{height} pixels does not fit into an iris record in this format: a side has 1 to {limit}"
    )]
    TooLarge {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
        /// The most pixels that a side may have.
        limit: usize,
    },
    /// Raw grey levels that are not as many as the header says.
    #[error("{found} bytes of raw grey levels, expected {expected}")]
    RawLength {
        /// Bytes of the payload.
        found: usize,
        /// Bytes of that many pixels.
        expected: u64,
    },
    /// The encoder of PNG failed.
    #[error("the picture could not be written as PNG: {detail}")]
    Encoder {
        /// What it says.
        detail: String,
    },
}

impl PictureError {
    /// A stable word for programs; it never changes for a variant.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Image(error) => error.code(),
            Self::Format { .. } => "record_picture_format",
            Self::Size { .. } | Self::RawLength { .. } => "record_picture_size",
            Self::Depth { .. } => "record_picture_depth",
            Self::TooLarge { .. } => "record_picture_too_large",
            Self::Encoder { .. } => "picture_not_drawn",
        }
    }
}
