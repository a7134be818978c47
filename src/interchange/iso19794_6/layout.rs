//! The bytes of a record: one reader and one writer, field by field in the same order.

use zeroize::Zeroizing;

use super::error::{Field, RecordError};
use super::fields::{
    Bounds, CaptureTime, CompressionHistory, Device, ImageFormat, ImageKind, Orientation, QualityBlock, Range,
    Technology,
};
use super::payload::Payload;
use super::{FORMAT_IDENTIFIER, IrisRecord, Representation};
use crate::iris::EyeSide;

/// Version 2 of the format, the edition of 2011.
const VERSION: &[u8; 4] = b"020\0";
/// Bytes of a representation's header without quality blocks, the length of the image included.
const FIXED: u64 = 52;
/// Bytes of a quality block.
const QUALITY_BLOCK: u64 = 5;
/// Shallowest and deepest samples. NIST's validator has the same least depth; pictures deeper than 16 bits are not read.
const DEPTHS: core::ops::RangeInclusive<u8> = 8..=16;

/// A part of time that is unknown has all bits set.
const UNKNOWN_BYTE: u8 = 0xff;
const UNKNOWN_WORD: u16 = 0xffff;

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize, field: &'static str) -> Result<&'a [u8], RecordError> {
        let end = self.at.checked_add(length).filter(|&end| end <= self.bytes.len());
        let Some(end) = end else {
            return Err(RecordError::Truncated { field, offset: self.at, bytes: self.bytes.len() });
        };
        let found = &self.bytes[self.at..end];
        self.at = end;
        Ok(found)
    }

    fn u8(&mut self, field: &'static str) -> Result<u8, RecordError> {
        self.take(1, field).map(|one| one[0])
    }

    fn u16(&mut self, field: &'static str) -> Result<u16, RecordError> {
        self.take(2, field).map(|two| u16::from_be_bytes([two[0], two[1]]))
    }

    fn u32(&mut self, field: &'static str) -> Result<u32, RecordError> {
        self.take(4, field).map(|four| u32::from_be_bytes([four[0], four[1], four[2], four[3]]))
    }

    /// A number of 1, 2 or 4 bytes that `accept` must understand.
    fn field<T>(
        &mut self,
        field: Field,
        length: usize,
        accept: impl FnOnce(u64) -> Option<T>,
        expected: impl FnOnce() -> String,
    ) -> Result<T, RecordError> {
        let offset = self.at;
        let found = self.take(length, field.name())?.iter().fold(0, |number, &byte| number << 8 | u64::from(byte));
        accept(found).ok_or_else(|| RecordError::Field { field, offset, found, expected: expected() })
    }

    /// A byte that names one of a few values.
    fn code<T: Copy>(&mut self, field: Field, codes: &[(u8, T)]) -> Result<T, RecordError> {
        self.field(field, 1, |found| find(codes, found), || one_of(codes))
    }

    /// A byte of time: `least` to `greatest`, or unknown.
    fn time(&mut self, field: Field, least: u8, greatest: u8) -> Result<Option<u8>, RecordError> {
        self.field(
            field,
            1,
            |found| match u8::try_from(found).ok()? {
                UNKNOWN_BYTE => Some(None),
                part => (least..=greatest).contains(&part).then_some(Some(part)),
            },
            || format!("{least} to {greatest}, or {UNKNOWN_BYTE} for unknown"),
        )
    }

    /// Two limits; the greatest has the offset of an error.
    fn bounds(&mut self, field: Field) -> Result<Bounds, RecordError> {
        let known = |found: u64| u16::try_from(found).ok().filter(|&found| found != 0);
        let smallest = known(self.u16(field.name())?.into());
        let largest = self.field(
            field,
            2,
            |found| {
                let largest = known(found);
                (largest.is_none() || smallest <= largest).then_some(largest)
            },
            || format!("at least the smallest, {}, or 0 for undefined", smallest.unwrap_or_default()),
        )?;
        Ok(Bounds { smallest, largest })
    }
}

fn find<T: Copy>(codes: &[(u8, T)], found: u64) -> Option<T> {
    codes.iter().find(|(code, _)| u64::from(*code) == found).map(|(_, value)| *value)
}

fn one_of<T>(codes: &[(u8, T)]) -> String {
    let codes: Vec<String> = codes.iter().map(|(code, _)| code.to_string()).collect();
    format!("one of {}", codes.join(", "))
}

fn code_of<T: PartialEq>(codes: &[(u8, T)], value: &T) -> u8 {
    codes.iter().find(|(_, one)| one == value).map_or(0, |(code, _)| *code)
}

const EYES: [(u8, Option<EyeSide>); 3] = [(0, None), (1, Some(EyeSide::Right)), (2, Some(EyeSide::Left))];
const TECHNOLOGIES: [(u8, Technology); 2] = [(0, Technology::Unspecified), (1, Technology::CmosOrCcd)];
const ORIENTATIONS: [(u8, Orientation); 3] =
    [(0, Orientation::Undefined), (1, Orientation::Base), (2, Orientation::Flipped)];
const COMPRESSIONS: [(u8, CompressionHistory); 3] =
    [(0, CompressionHistory::Undefined), (1, CompressionHistory::LosslessOrNone), (2, CompressionHistory::Lossy)];

/// Reads a whole record of at most `limit` bytes.
pub(super) fn read(bytes: &[u8], limit: usize) -> Result<IrisRecord, RecordError> {
    if bytes.len() > limit {
        return Err(RecordError::TooManyBytes { bytes: bytes.len(), limit });
    }
    let mut reader = Reader { bytes, at: 0 };
    for (field, text, expected) in [
        (Field::FormatIdentifier, FORMAT_IDENTIFIER, "0x49495200, \"IIR\" and a zero"),
        (Field::VersionNumber, VERSION, "0x30323000, \"020\" and a zero (the edition of 2011)"),
    ] {
        let wanted = u64::from(u32::from_be_bytes(*text));
        reader.field(field, 4, |found| (found == wanted).then_some(()), || expected.to_owned())?;
    }
    let length = bytes.len();
    reader.field(
        Field::RecordLength,
        4,
        |found| (found == length as u64).then_some(()),
        || format!("{length}, the number of bytes that there are"),
    )?;
    let count = reader.field(
        Field::NumberOfRepresentations,
        2,
        |found| u16::try_from(found).ok().filter(|&count| count != 0),
        || "1 or more".to_owned(),
    )?;
    let no_flag = || "0, the format has no certification blocks".to_owned();
    reader.field(Field::CertificationFlag, 1, |found| (found == 0).then_some(()), no_flag)?;
    let eyes_at = reader.at;
    let eyes = reader.code(Field::NumberOfEyes, &[(0, 0), (1, 1), (2, 2)])?;
    // The count is a claim: memory is taken as representations turn up.
    let mut representations = Vec::new();
    for number in 1..=count {
        representations.push(representation(&mut reader, number)?);
    }
    if reader.at != length {
        return Err(RecordError::Field {
            field: Field::RecordLength,
            offset: 8,
            found: length as u64,
            expected: format!("{}, the end of the last representation", reader.at),
        });
    }
    let labels: Vec<EyeSide> = representations.iter().filter_map(|one: &Representation| one.eye).collect();
    let seen = EyeSide::BOTH.iter().filter(|eye| labels.contains(eye)).count();
    let complete = labels.len() == representations.len();
    if eyes != 0 && (seen > usize::from(eyes) || (complete && seen < usize::from(eyes))) {
        return Err(RecordError::Field {
            field: Field::NumberOfEyes,
            offset: eyes_at,
            found: u64::from(eyes),
            expected: format!("{seen}, as many as the representations have labels of, or 0 for unknown"),
        });
    }
    Ok(IrisRecord { eyes, representations })
}

fn representation(reader: &mut Reader<'_>, number: u16) -> Result<Representation, RecordError> {
    let start = reader.at;
    let length = reader.u32(Field::RepresentationLength.name())?;
    let captured = capture_time(reader)?;
    let technology = reader.code(Field::CaptureDeviceTechnology, &TECHNOLOGIES)?;
    let device = Device {
        technology,
        vendor: reader.u16("capture device vendor identifier")?,
        kind: reader.u16("capture device type identifier")?,
    };
    let blocks = reader.u8(Field::NumberOfQualityBlocks.name())?;
    let quality = (0..blocks).map(|_| quality_block(reader)).collect::<Result<Vec<_>, _>>()?;
    reader.field(
        Field::RepresentationNumber,
        2,
        |found| (found == u64::from(number)).then_some(()),
        || format!("{number}, representations are numbered from 1"),
    )?;
    let eye = reader.code(Field::EyeLabel, &EYES)?;
    let kind = reader.code(Field::ImageType, &ImageKind::ALL)?;
    let format = reader.code(Field::ImageFormat, &ImageFormat::ALL)?;
    let (horizontal, vertical, compression) = reader.field(Field::ImageProperties, 1, properties, || {
        "bits 0-1 and 2-3 (orientations) and 6-7 (compression) at most 2, bits 4-5 zero".to_owned()
    })?;

    let is_vga = kind == ImageKind::Vga;
    let side = |vga: u16| {
        move |found: u64| u16::try_from(found).ok().filter(|&side| if is_vga { side == vga } else { side != 0 })
    };
    let sides = |vga: u16| {
        move || if is_vga { format!("{vga}, a VGA picture has 640x480 pixels") } else { "1 or more".to_owned() }
    };
    let width = reader.field(Field::ImageWidth, 2, side(640), sides(640))?;
    let height = reader.field(Field::ImageHeight, 2, side(480), sides(480))?;
    let depth = reader.field(
        Field::BitDepth,
        1,
        |found| u8::try_from(found).ok().filter(|depth| DEPTHS.contains(depth)),
        || format!("{} to {} bits of grey", DEPTHS.start(), DEPTHS.end()),
    )?;
    let range = match reader.u16("range")? {
        0 => Range::Unassigned,
        1 => Range::Failed,
        UNKNOWN_WORD => Range::Overflow,
        millimetres => Range::Millimetres(millimetres),
    };
    let angle = |found: u16| (found != UNKNOWN_WORD).then_some(found);
    let roll_angle = angle(reader.u16("roll angle of eye")?);
    let roll_uncertainty = angle(reader.u16("roll angle uncertainty")?);
    let centre_x = reader.bounds(Field::IrisCentreLargestX)?;
    let centre_y = reader.bounds(Field::IrisCentreLargestY)?;
    let diameter = reader.bounds(Field::IrisDiameterLargest)?;

    let image_length = reader.field(
        Field::ImageLength,
        4,
        |found| u32::try_from(found).ok().filter(|&length| length != 0),
        || "1 or more".to_owned(),
    )?;
    let expected = FIXED + QUALITY_BLOCK * u64::from(blocks) + u64::from(image_length);
    if u64::from(length) != expected {
        return Err(RecordError::Field {
            field: Field::RepresentationLength,
            offset: start,
            found: u64::from(length),
            expected: format!("{expected}, the length of its header and image"),
        });
    }
    let image = reader.take(image_length as usize, "image")?;
    let payload = Payload::of_record(format, width, height, depth, Zeroizing::new(image.to_vec()));
    Ok(Representation {
        captured,
        device,
        quality,
        eye,
        kind,
        horizontal,
        vertical,
        compression,
        range,
        roll_angle,
        roll_uncertainty,
        centre_x,
        centre_y,
        diameter,
        payload,
    })
}

fn capture_time(reader: &mut Reader<'_>) -> Result<CaptureTime, RecordError> {
    Ok(CaptureTime {
        year: Some(reader.u16("year of capture")?).filter(|&year| year != UNKNOWN_WORD),
        month: reader.time(Field::CaptureMonth, 0, 12)?,
        day: reader.time(Field::CaptureDay, 0, 31)?,
        hour: reader.time(Field::CaptureHour, 0, 23)?,
        minute: reader.time(Field::CaptureMinute, 0, 59)?,
        second: reader.time(Field::CaptureSecond, 0, 59)?,
        millisecond: reader.field(
            Field::CaptureMillisecond,
            2,
            |found| match u16::try_from(found).ok()? {
                UNKNOWN_WORD => Some(None),
                part => (part < 1000).then_some(Some(part)),
            },
            || format!("0 to 999, or {UNKNOWN_WORD} for unknown"),
        )?,
    })
}

fn quality_block(reader: &mut Reader<'_>) -> Result<QualityBlock, RecordError> {
    let score = reader.field(
        Field::QualityScore,
        1,
        |found| match u8::try_from(found).ok()? {
            UNKNOWN_BYTE => Some(None),
            score => (score <= 100).then_some(Some(score)),
        },
        || "0 to 100, or 255 for a failed attempt".to_owned(),
    )?;
    Ok(QualityBlock {
        score,
        vendor: reader.u16("quality algorithm vendor identifier")?,
        algorithm: reader.u16("quality algorithm identifier")?,
    })
}

/// The three parts of the property byte; bits 4 and 5 are reserved.
fn properties(found: u64) -> Option<(Orientation, Orientation, CompressionHistory)> {
    if found & 0x30 != 0 {
        return None;
    }
    Some((find(&ORIENTATIONS, found & 3)?, find(&ORIENTATIONS, found >> 2 & 3)?, find(&COMPRESSIONS, found >> 6 & 3)?))
}

/// Writes a record; an error names what has too many parts for its field.
pub(super) fn write(record: &IrisRecord) -> Result<Vec<u8>, RecordError> {
    let count = record.representations.len();
    let too_many = |field, offset, found: usize, expected: &str| RecordError::Field {
        field,
        offset,
        found: found as u64,
        expected: expected.to_owned(),
    };
    let counted =
        u16::try_from(count).map_err(|_| too_many(Field::NumberOfRepresentations, 12, count, "1 to 65535"))?;
    let mut bytes = Vec::new();
    bytes.extend(FORMAT_IDENTIFIER);
    bytes.extend(VERSION);
    // The length, when it is known.
    bytes.extend([0; 4]);
    bytes.extend(counted.to_be_bytes());
    bytes.extend([0, record.eyes]);
    for (number, one) in (1..=counted).zip(&record.representations) {
        let start = bytes.len();
        let blocks = u8::try_from(one.quality.len())
            .map_err(|_| too_many(Field::NumberOfQualityBlocks, start + 18, one.quality.len(), "at most 255"))?;
        let image = one.payload.bytes();
        let length = FIXED + QUALITY_BLOCK * u64::from(blocks) + image.len() as u64;
        let length = u32::try_from(length)
            .map_err(|_| too_many(Field::RepresentationLength, start, image.len(), "less than 2^32 bytes"))?;
        bytes.extend(length.to_be_bytes());
        write_time(&mut bytes, &one.captured);
        bytes.push(code_of(&TECHNOLOGIES, &one.device.technology));
        bytes.extend(one.device.vendor.to_be_bytes());
        bytes.extend(one.device.kind.to_be_bytes());
        bytes.push(blocks);
        for block in &one.quality {
            bytes.push(block.score.unwrap_or(UNKNOWN_BYTE));
            bytes.extend(block.vendor.to_be_bytes());
            bytes.extend(block.algorithm.to_be_bytes());
        }
        bytes.extend(number.to_be_bytes());
        bytes.push(code_of(&EYES, &one.eye));
        bytes.push(code_of(&ImageKind::ALL, &one.kind));
        bytes.push(code_of(&ImageFormat::ALL, &one.payload.format()));
        bytes.push(
            code_of(&ORIENTATIONS, &one.horizontal)
                | code_of(&ORIENTATIONS, &one.vertical) << 2
                | code_of(&COMPRESSIONS, &one.compression) << 6,
        );
        bytes.extend(one.payload.width().to_be_bytes());
        bytes.extend(one.payload.height().to_be_bytes());
        bytes.push(one.payload.depth());
        let range = match one.range {
            Range::Unassigned => 0,
            Range::Failed => 1,
            Range::Millimetres(millimetres) => millimetres,
            Range::Overflow => UNKNOWN_WORD,
        };
        let angles = [one.roll_angle, one.roll_uncertainty].map(|angle| angle.unwrap_or(UNKNOWN_WORD));
        let bounds = [one.centre_x, one.centre_y, one.diameter];
        let bounds = bounds.map(|bounds| [bounds.smallest, bounds.largest].map(Option::unwrap_or_default));
        for number in [range].iter().chain(&angles).chain(bounds.as_flattened()) {
            bytes.extend(number.to_be_bytes());
        }
        let image_length = u32::try_from(image.len()).expect("shorter than the representation's length");
        bytes.extend(image_length.to_be_bytes());
        bytes.extend(image);
    }
    let length = u32::try_from(bytes.len())
        .map_err(|_| too_many(Field::RecordLength, 8, bytes.len(), "less than 2^32 bytes"))?;
    bytes[8..12].copy_from_slice(&length.to_be_bytes());
    Ok(bytes)
}

fn write_time(bytes: &mut Vec<u8>, time: &CaptureTime) {
    bytes.extend(time.year.unwrap_or(UNKNOWN_WORD).to_be_bytes());
    let parts = [time.month, time.day, time.hour, time.minute, time.second];
    bytes.extend(parts.map(|part| part.unwrap_or(UNKNOWN_BYTE)));
    bytes.extend(time.millisecond.unwrap_or(UNKNOWN_WORD).to_be_bytes());
}
