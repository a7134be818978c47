//! `personhood record`: iris image records of ISO/IEC 19794-6:2011.

use std::fmt;
use std::path::{Path, PathBuf};

use personhood::interchange::iso19794_6::{
    Bounds, CaptureTime, CompressionHistory, ImageFormat, ImageKind, IrisRecord, Orientation, Range, Representation,
    Technology,
};
use personhood::iris::EyeSide;
use personhood::pipeline::image::{FileFormat, Limits, decode, inspect};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::args::{Record, RecordCreate, RecordFormat, RecordKind};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::output::Output;
use crate::values::Moment;

/// Fields of the JSON document.
#[derive(Serialize)]
struct Report {
    file: PathBuf,
    /// As the general header says it; null is unknown.
    eyes: Option<u8>,
    representations: Vec<RepresentationReport>,
}

#[derive(Serialize)]
struct RepresentationReport {
    number: usize,
    /// `left`, `right`, or null.
    eye: Option<&'static str>,
    kind: &'static str,
    format: &'static str,
    width: u16,
    height: u16,
    bit_depth: u8,
    image_bytes: usize,
    /// UTC, as far as it is known.
    captured: Option<String>,
    device_technology: Option<&'static str>,
    device_vendor: u16,
    device_type: u16,
    quality: Vec<QualityReport>,
    horizontal_orientation: Option<&'static str>,
    vertical_orientation: Option<&'static str>,
    compression_history: Option<&'static str>,
    /// Millimetres; null where it was not measured, 65535 is 65535 or more.
    range_mm: Option<u16>,
    /// Degrees, 0 to 360.
    roll_degrees: Option<f64>,
    /// As the record gives it.
    roll_uncertainty: Option<u16>,
    centre_x: [Option<u16>; 2],
    centre_y: [Option<u16>; 2],
    diameter: [Option<u16>; 2],
    /// Where `record extract` wrote the picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<PathBuf>,
}

#[derive(Serialize)]
struct QualityReport {
    /// 0 to 100; null: the attempt failed.
    score: Option<u8>,
    vendor: u16,
    algorithm: u16,
}

pub(crate) fn run(command: &Record, output: Output) -> Result<Exit, Failure> {
    let report = match command {
        Record::Info { file } => Report::new(file, &read(file)?),
        Record::Extract { file, out } => extract(file, out, output)?,
        Record::Create(args) => create(args, output)?,
    };
    output.answer(Exit::Yes, &report, &report)
}

fn read(file: &Path) -> Result<IrisRecord, Failure> {
    let bytes = Zeroizing::new(files::read(file, files::PICTURE_LIMIT)?);
    IrisRecord::from_bytes(&bytes, &Limits::default()).map_err(|error| Failure::from(error).about(file))
}

fn extract(file: &Path, folder: &Path, output: Output) -> Result<Report, Failure> {
    let record = read(file)?;
    let mut report = Report::new(file, &record);
    files::make_folder(folder)?;
    for (one, report) in record.representations().iter().zip(&mut report.representations) {
        let about = |error| Failure::from(error).about(file);
        // Whatever the record says it is, only a picture is written.
        let picture = one.payload.decode(&Limits::default()).map_err(about)?;
        let (ending, png);
        let bytes = match one.payload.format() {
            ImageFormat::Raw => {
                ending = "png";
                png = Representation::from_picture(&picture, one.kind, one.eye).map_err(about)?;
                png.payload.bytes()
            }
            ImageFormat::Png => {
                ending = "png";
                one.payload.bytes()
            }
            ImageFormat::Jpeg2000 => {
                let boxed = !one.payload.bytes().starts_with(&[0xff, 0x4f]);
                ending = if boxed { "jp2" } else { "j2k" };
                one.payload.bytes()
            }
        };
        let path = folder.join(format!("{}-{}.{ending}", report.number, report.eye.unwrap_or("unknown")));
        files::write(&path, bytes, output)?;
        report.picture = Some(path);
    }
    Ok(report)
}

fn create(args: &RecordCreate, output: Output) -> Result<Report, Failure> {
    let captured = args.captured.map(capture_time).unwrap_or_default();
    let sides = [(Some(EyeSide::Left), &args.left), (Some(EyeSide::Right), &args.right), (None, &args.unknown)];
    let mut representations = Vec::new();
    for (eye, files) in sides {
        for file in files {
            let one =
                representation(file, args.format, args.kind.into(), eye).map_err(|failure| failure.about(file))?;
            representations.push(Representation { captured, ..one });
        }
    }
    let record = IrisRecord::new(representations)?;
    files::write(&args.out, &Zeroizing::new(record.to_bytes()), output)?;
    Ok(Report::new(&args.out, &record))
}

/// The picture in the format that is asked for; if none is, a grey PNG or JPEG 2000 file as it is and every other one as PNG.
fn representation(
    file: &Path,
    format: Option<RecordFormat>,
    kind: ImageKind,
    eye: Option<EyeSide>,
) -> Result<Representation, Failure> {
    let limits = Limits::default();
    let bytes = Zeroizing::new(files::read(file, files::PICTURE_LIMIT)?);
    let info = inspect(&bytes, &limits)?;
    // Decoded in any case: a record should not carry what nobody can read.
    let picture = decode(&bytes, &limits)?;
    let as_it_is = matches!(info.format, FileFormat::Png | FileFormat::Jpeg2000)
        && info.components == 1
        && (8..=16).contains(&info.bits);
    let one = match format {
        None if as_it_is => Representation::from_file(bytes.to_vec(), kind, eye, &limits)?,
        None | Some(RecordFormat::Png) => Representation::from_picture(&picture, kind, eye)?,
        Some(RecordFormat::Jpeg2000) => Representation::from_picture_as_jpeg2000(&picture, kind, eye)?,
    };
    let compression = match info.format {
        FileFormat::Jpeg => CompressionHistory::Lossy,
        // Nobody can see from the file's head whether it lost something.
        FileFormat::Jpeg2000 => CompressionHistory::Undefined,
        _ => CompressionHistory::LosslessOrNone,
    };
    Ok(Representation { compression, ..one })
}

impl From<RecordKind> for ImageKind {
    fn from(kind: RecordKind) -> Self {
        match kind {
            RecordKind::Uncropped => Self::Uncropped,
            RecordKind::Vga => Self::Vga,
            RecordKind::Cropped => Self::Cropped,
            RecordKind::CroppedAndMasked => Self::CroppedAndMasked,
        }
    }
}

/// Seconds since 1970 as calendar time (proleptic Gregorian, UTC).
fn capture_time(moment: Moment) -> CaptureTime {
    let (days, seconds) = (moment.0 / 86_400, moment.0 % 86_400);
    // Whole years first; a moment beyond year 65,534 has none.
    let (mut year, mut day) = (1970_u64, days);
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    while year < 65_535 && day >= 365 + u64::from(leap(year)) {
        day -= 365 + u64::from(leap(year));
        year += 1;
    }
    let Some(year) = u16::try_from(year).ok().filter(|&year| year < 65_535) else { return CaptureTime::default() };
    let february = 28 + u64::from(leap(year.into()));
    let mut month = 1_u8;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    let part = |number: u64| u8::try_from(number).ok();
    CaptureTime {
        year: Some(year),
        month: Some(month),
        day: part(day + 1),
        hour: part(seconds / 3600),
        minute: part(seconds / 60 % 60),
        second: part(seconds % 60),
        millisecond: None,
    }
}

impl Report {
    fn new(file: &Path, record: &IrisRecord) -> Self {
        let representations = (1..).zip(record.representations()).map(|(number, one)| {
            let orientation = |orientation| match orientation {
                Orientation::Undefined => None,
                Orientation::Base => Some("base"),
                Orientation::Flipped => Some("flipped"),
            };
            let bounds = |Bounds { smallest, largest }| [smallest, largest];
            RepresentationReport {
                number,
                eye: one.eye.map(EyeSide::as_str),
                kind: one.kind.as_str(),
                format: one.payload.format().as_str(),
                width: one.payload.width(),
                height: one.payload.height(),
                bit_depth: one.payload.depth(),
                image_bytes: one.payload.bytes().len(),
                captured: one.captured.to_text(),
                device_technology: (one.device.technology == Technology::CmosOrCcd).then_some("cmos-or-ccd"),
                device_vendor: one.device.vendor,
                device_type: one.device.kind,
                quality: one
                    .quality
                    .iter()
                    .map(|block| QualityReport { score: block.score, vendor: block.vendor, algorithm: block.algorithm })
                    .collect(),
                horizontal_orientation: orientation(one.horizontal),
                vertical_orientation: orientation(one.vertical),
                compression_history: match one.compression {
                    CompressionHistory::Undefined => None,
                    CompressionHistory::LosslessOrNone => Some("lossless-or-none"),
                    CompressionHistory::Lossy => Some("lossy"),
                },
                range_mm: match one.range {
                    Range::Unassigned | Range::Failed => None,
                    Range::Millimetres(millimetres) => Some(millimetres),
                    Range::Overflow => Some(u16::MAX),
                },
                roll_degrees: one.roll_angle.map(|angle| f64::from(angle) * 360.0 / 65_536.0),
                roll_uncertainty: one.roll_uncertainty,
                centre_x: bounds(one.centre_x),
                centre_y: bounds(one.centre_y),
                diameter: bounds(one.diameter),
                picture: None,
            }
        });
        Self { file: file.to_owned(), eyes: record.eyes(), representations: representations.collect() }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for one in &self.representations {
            let eye = one.eye.unwrap_or("unknown");
            write!(f, "{}  {eye} eye, {}x{}, {} bit {}", one.number, one.width, one.height, one.bit_depth, one.format)?;
            write!(f, ", {}, {} bytes", one.kind, one.image_bytes)?;
            if let Some(captured) = &one.captured {
                write!(f, ", taken {captured}")?;
            }
            for quality in &one.quality {
                match quality.score {
                    Some(score) => write!(f, ", quality {score}")?,
                    None => write!(f, ", quality not computed")?,
                }
            }
            if let Some(picture) = &one.picture {
                write!(f, " -> {}", picture.display())?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_calendar_time() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (978_307_199, "2000-12-31T23:59:59Z"),
            (1_795_384_800, "2026-11-22T22:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(capture_time(Moment(seconds)).to_text().as_deref(), Some(text));
        }
        assert_eq!(capture_time(Moment(u64::MAX)), CaptureTime::default());
    }
}
