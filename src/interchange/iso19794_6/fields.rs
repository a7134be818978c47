//! The values of a representation's fields.

/// How a picture was cut around the iris.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageKind {
    /// As the camera took it (code 1).
    Uncropped,
    /// 640×480 pixels, the iris well inside (code 2).
    Vga,
    /// Cut to the iris and a margin around it, the iris in the middle (code 3).
    Cropped,
    /// As [`Self::Cropped`], and lids and sclera painted over with even greys (code 7).
    CroppedAndMasked,
}

impl ImageKind {
    /// All kinds, with their codes.
    pub const ALL: [(u8, Self); 4] =
        [(1, Self::Uncropped), (2, Self::Vga), (3, Self::Cropped), (7, Self::CroppedAndMasked)];

    /// The word in JSON and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Uncropped => "uncropped",
            Self::Vga => "vga",
            Self::Cropped => "cropped",
            Self::CroppedAndMasked => "cropped-and-masked",
        }
    }
}

/// How a picture is written in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageFormat {
    /// Grey levels row after row; two bytes each, the high one first, above 8 bits (code 2).
    Raw,
    /// JPEG 2000, JP2 file or codestream (code 10).
    Jpeg2000,
    /// PNG (code 14).
    Png,
}

impl ImageFormat {
    /// All formats, with their codes.
    pub const ALL: [(u8, Self); 3] = [(2, Self::Raw), (10, Self::Jpeg2000), (14, Self::Png)];

    /// The word in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Jpeg2000 => "jpeg2000",
            Self::Png => "png",
        }
    }
}

/// Whether an axis of the picture is as it is seen, or the other way round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Orientation {
    /// Not said (code 0).
    #[default]
    Undefined,
    /// As it is seen by somebody who stands before the person (code 1).
    Base,
    /// The other way round (code 2).
    Flipped,
}

/// What a picture lost to compression before it was put into the record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CompressionHistory {
    /// Not said (code 0).
    #[default]
    Undefined,
    /// Nothing (code 1).
    LosslessOrNone,
    /// Something (code 2).
    Lossy,
}

/// How a capture device works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Technology {
    /// Unknown or not said (code 0).
    #[default]
    Unspecified,
    /// CMOS or CCD sensor (code 1).
    CmosOrCcd,
}

/// What took a picture. Numbers are those of the biometric registration authority; 0 is "not said".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// How it works.
    pub technology: Technology,
    /// Who made it.
    pub vendor: u16,
    /// Which of the vendor's products it is.
    pub kind: u16,
}

/// One score of a picture. Numbers of vendor and algorithm are those of the biometric registration authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QualityBlock {
    /// 0 (poor) to 100; `None`: the attempt to score failed.
    pub score: Option<u8>,
    /// Whose algorithm it is; 0 is "not said".
    pub vendor: u16,
    /// Which of the vendor's algorithms it is; 0 is "not said".
    pub algorithm: u16,
}

/// Distance from camera to eye.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Range {
    /// Not said (0).
    #[default]
    Unassigned,
    /// Measuring it failed (1).
    Failed,
    /// Millimetres, 2 to 65,534.
    Millimetres(u16),
    /// 65,535 mm or more.
    Overflow,
}

/// A time in parts, each of which may be unknown (all bits set in the record).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureTime {
    /// Year, 0 to 65,534.
    pub year: Option<u16>,
    /// Month, 1 to 12; also 0, which NIST's validator takes and some writers leave where they have no date.
    pub month: Option<u8>,
    /// Day of the month, 1 to 31, or 0 as with the month.
    pub day: Option<u8>,
    /// Hour, 0 to 23.
    pub hour: Option<u8>,
    /// Minute, 0 to 59.
    pub minute: Option<u8>,
    /// Second, 0 to 59.
    pub second: Option<u8>,
    /// Millisecond, 0 to 999.
    pub millisecond: Option<u16>,
}

impl CaptureTime {
    /// The time as ISO 8601 text in UTC, as far as it is known from the year on: `2026-11-22T21:44:05.123Z`, `2026-11`;
    /// `None` without a year.
    #[must_use]
    pub fn to_text(&self) -> Option<String> {
        let mut text = format!("{:04}", self.year?);
        for (mark, part) in [('-', self.month), ('-', self.day)] {
            let Some(part) = part.filter(|&part| part != 0) else { return Some(text) };
            text.push_str(&format!("{mark}{part:02}"));
        }
        let (Some(hour), Some(minute)) = (self.hour, self.minute) else { return Some(text) };
        text.push_str(&format!("T{hour:02}:{minute:02}"));
        if let Some(second) = self.second {
            text.push_str(&format!(":{second:02}"));
            if let Some(millisecond) = self.millisecond {
                text.push_str(&format!(".{millisecond:03}"));
            }
        }
        text.push('Z');
        Some(text)
    }
}

/// What a length or a coordinate lies between, both ends included. Pixels, 1 to 65,535.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The least value.
    pub smallest: Option<u16>,
    /// The greatest value, at least the least.
    pub largest: Option<u16>,
}
