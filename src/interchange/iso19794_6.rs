//! Iris image records of ISO/IEC 19794-6:2011, in and out.
//!
//! A record is a general header and one to 65,535 representations: a header each, and a picture as raw grey levels, PNG or
//! JPEG 2000. All numbers are big-endian. docs/formats.md draws it byte by byte.
//!
//! What is read is canonical: [`IrisRecord::to_bytes`] gives back the very bytes that [`IrisRecord::from_bytes`] took.
//! Everything else is refused with the field, its offset, its value and what was expected.
//!
//! Where the facts come from: the standard's text is not public, so the layout was taken from three readers of such records
//! that were written independently of each other, NIST's BiomDI (`irisimage2011`), NIST's BiometricEvaluation library
//! (`be_iris_iso2011view`) and MOSIP's `bio-utils` (`biometrics.util.iris`). They agree on every offset and code that is used
//! here. A range of 65,535 is an overflow by NIST; another vendor's header gives 65,534.
//!
//! # Examples
//! ```
//! use personhood::interchange::iso19794_6::{ImageKind, IrisRecord, Representation};
//! use personhood::iris::EyeSide;
//! use personhood::pipeline::image::{Limits, decode};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let picture = decode(&std::fs::read("testdata/eyes/person-01/left-1.png")?, &Limits::default())?;
//! let representation = Representation::from_picture(&picture, ImageKind::Uncropped, Some(EyeSide::Left))?;
//! let record = IrisRecord::new(vec![representation])?;
//!
//! let bytes = record.to_bytes();
//! let again = IrisRecord::from_bytes(&bytes, &Limits::default())?;
//! assert_eq!(again, record);
//! assert_eq!(again.representations()[0].eye, Some(EyeSide::Left));
//! assert_eq!(again.representations()[0].picture(&Limits::default())?.pixels(), picture.pixels());
//! # Ok(())
//! # }
//! ```

mod error;
mod fields;
mod layout;
mod payload;

pub use error::{Field, PictureError, RecordError};
pub use fields::{
    Bounds, CaptureTime, CompressionHistory, Device, ImageFormat, ImageKind, Orientation, QualityBlock, Range,
    Technology,
};
pub use payload::Payload;

use crate::iris::EyeSide;
use crate::pipeline::image::{EyeImage, Limits};

/// The first four bytes of every record.
pub const FORMAT_IDENTIFIER: &[u8; 4] = b"IIR\0";

/// An iris image record: at least one picture of at least one eye of one person.
#[derive(Clone, Debug, PartialEq)]
pub struct IrisRecord {
    /// As the general header says it: 0 unknown, 1 one eye, 2 both.
    eyes: u8,
    representations: Vec<Representation>,
}

/// One picture of one eye, and what is known about it.
///
/// A field that the standard leaves open is `None` where it says "undefined".
#[derive(Clone, Debug, PartialEq)]
pub struct Representation {
    /// When the picture was taken (UTC).
    pub captured: CaptureTime,
    /// What took it.
    pub device: Device,
    /// Scores of the picture, at most 255.
    pub quality: Vec<QualityBlock>,
    /// Which eye, the person's own left or right.
    pub eye: Option<EyeSide>,
    /// How the picture was cut.
    pub kind: ImageKind,
    /// Whether left and right are exchanged.
    pub horizontal: Orientation,
    /// Whether top and bottom are exchanged.
    pub vertical: Orientation,
    /// What the picture lost before it came here.
    pub compression: CompressionHistory,
    /// Distance from camera to eye.
    pub range: Range,
    /// Roll of the eye in 1/65,536 of a turn, 0 to 65,534.
    pub roll_angle: Option<u16>,
    /// Uncertainty of the roll as the record gives it, 0 to 65,534.
    pub roll_uncertainty: Option<u16>,
    /// Least and greatest column of the iris' centre, pixels from 1.
    pub centre_x: Bounds,
    /// Least and greatest row of the iris' centre, pixels from 1.
    pub centre_y: Bounds,
    /// Least and greatest diameter of the iris, pixels.
    pub diameter: Bounds,
    /// The picture.
    pub payload: Payload,
}

impl Representation {
    /// A representation of a picture file, its bytes as they are; everything else is undefined and can be set.
    ///
    /// # Errors
    /// [`PictureError`] if the file is neither PNG nor JPEG 2000, is not grey, does not have 8 to 16 bits a pixel, or is
    /// beyond `limits`.
    pub fn from_file(
        bytes: Vec<u8>,
        kind: ImageKind,
        eye: Option<EyeSide>,
        limits: &Limits,
    ) -> Result<Self, PictureError> {
        Ok(Self::undefined(Payload::from_file(bytes, limits)?, kind, eye))
    }

    /// A representation of grey levels, which become a PNG of 8 bits.
    ///
    /// # Errors
    /// [`PictureError`] if a side has more than 65,535 pixels.
    pub fn from_picture(picture: &EyeImage, kind: ImageKind, eye: Option<EyeSide>) -> Result<Self, PictureError> {
        Ok(Self::undefined(Payload::png(picture)?, kind, eye))
    }

    /// A representation of grey levels, which become a JPEG 2000 file of 8 bits that loses nothing.
    ///
    /// # Errors
    /// [`PictureError`] if the picture is empty or a side has more than [`MAXIMUM_SIDE`](super::jpeg2000::MAXIMUM_SIDE) pixels.
    pub fn from_picture_as_jpeg2000(
        picture: &EyeImage,
        kind: ImageKind,
        eye: Option<EyeSide>,
    ) -> Result<Self, PictureError> {
        Ok(Self::undefined(Payload::jpeg2000(picture)?, kind, eye))
    }

    fn undefined(payload: Payload, kind: ImageKind, eye: Option<EyeSide>) -> Self {
        Self {
            captured: CaptureTime::default(),
            device: Device::default(),
            quality: Vec::new(),
            eye,
            kind,
            horizontal: Orientation::Undefined,
            vertical: Orientation::Undefined,
            compression: CompressionHistory::Undefined,
            range: Range::Unassigned,
            roll_angle: None,
            roll_uncertainty: None,
            centre_x: Bounds::default(),
            centre_y: Bounds::default(),
            diameter: Bounds::default(),
            payload,
        }
    }

    /// The picture's grey levels, turned upright: a flipped picture is flipped back.
    ///
    /// # Errors
    /// [`PictureError`] if the payload is no picture, is another one than the header says, or is beyond `limits`.
    pub fn picture(&self, limits: &Limits) -> Result<EyeImage, PictureError> {
        let mut picture = self.payload.decode(limits)?;
        // A mirrored iris has another code, so this is not cosmetics.
        if self.horizontal == Orientation::Flipped {
            picture = picture.mirrored();
        }
        if self.vertical == Orientation::Flipped {
            picture = picture.upside_down();
        }
        Ok(picture)
    }
}

impl IrisRecord {
    /// A record of these pictures, in this order.
    ///
    /// # Errors
    /// [`RecordError`] if there is none, if there are more than 65,535, or if a value cannot be written: it names the field,
    /// and the offset that it would have had.
    pub fn new(representations: Vec<Representation>) -> Result<Self, RecordError> {
        let eyes = if representations.iter().any(|one| one.eye.is_none()) {
            0
        } else {
            let both = EyeSide::BOTH.iter().all(|&eye| representations.iter().any(|one| one.eye == Some(eye)));
            1 + u8::from(both)
        };
        let record = Self { eyes, representations };
        // One set of rules, that of reading: what can be written is what comes back.
        let bytes = layout::write(&record)?;
        let again = layout::read(&bytes, usize::MAX)?;
        if again == record { Ok(record) } else { Err(RecordError::Reserved) }
    }

    /// Reads a record.
    ///
    /// Memory: at most the bytes of the record again. No picture is decoded.
    ///
    /// # Errors
    /// [`RecordError`]: more than `limits.max_bytes`, cut off, or a field with a value that the standard does not have.
    pub fn from_bytes(bytes: &[u8], limits: &Limits) -> Result<Self, RecordError> {
        layout::read(bytes, limits.max_bytes)
    }

    /// The record's one encoding.
    ///
    /// # Panics
    /// Never: whatever was constructed can be written.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        layout::write(self).expect("the constructors have written or read it before")
    }

    /// Whether bytes begin as a record.
    #[must_use]
    pub fn is_record(bytes: &[u8]) -> bool {
        bytes.starts_with(FORMAT_IDENTIFIER)
    }

    /// The pictures, in the record's order; at least one.
    #[must_use]
    pub fn representations(&self) -> &[Representation] {
        &self.representations
    }

    /// Number of eyes as the general header says it: `None` is unknown, else 1 or 2.
    #[must_use]
    pub fn eyes(&self) -> Option<u8> {
        (self.eyes != 0).then_some(self.eyes)
    }
}
