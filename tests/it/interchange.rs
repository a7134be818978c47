//! Iris image records: against records that a table of fields in Python made (testdata/iris-record), field by field, and
//! through the pipeline.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;

use ndarray::{Array2, s};
use personhood::interchange::iso19794_6::{
    Bounds, CaptureTime, CompressionHistory, Device, Field, ImageFormat, ImageKind, IrisRecord, Orientation,
    PictureError, QualityBlock, Range, RecordError, Representation, Technology,
};
use personhood::interchange::jpeg2000;
use personhood::iris::EyeSide;
use personhood::matcher::{Comparison, MatchPolicy, compare};
use personhood::pipeline::Pipeline;
use personhood::pipeline::image::{EyeImage, Limits, decode};
use personhood::testing::eyes::{CaptureConditions, SyntheticEye};
use proptest::prelude::{ProptestConfig, any, prop_assert_eq, proptest};

fn file(name: &str) -> Vec<u8> {
    fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)).unwrap()
}

fn read(bytes: &[u8]) -> Result<IrisRecord, RecordError> {
    IrisRecord::from_bytes(bytes, &Limits::default())
}

/// The cut-out that all records of the folder show.
fn grey() -> EyeImage {
    decode(&file("jpeg2000/grey.png"), &Limits::default()).unwrap()
}

const BOUNDED: fn(u16, u16) -> Bounds = |least, most| Bounds { smallest: Some(least), largest: Some(most) };

#[test]
fn every_field_is_what_the_other_writer_wrote() {
    let record = read(&file("iris-record/three.iir")).unwrap();
    assert_eq!(record.eyes(), Some(2));
    let [left, right, masked] = record.representations() else { panic!("{record:?}") };

    let captured = CaptureTime {
        year: Some(2026),
        month: Some(11),
        day: Some(22),
        hour: Some(21),
        minute: Some(44),
        second: Some(5),
        millisecond: Some(123),
    };
    assert_eq!(left.captured, captured);
    assert_eq!(left.captured.to_text().as_deref(), Some("2026-11-22T21:44:05.123Z"));
    assert_eq!(left.device, Device { technology: Technology::CmosOrCcd, vendor: 0x1234, kind: 0x5678 });
    let quality = [
        QualityBlock { score: Some(87), vendor: 0x000d, algorithm: 1 },
        QualityBlock { score: None, vendor: 0xabcd, algorithm: 0xef01 },
    ];
    assert_eq!(left.quality, quality);
    assert_eq!((left.eye, left.kind), (Some(EyeSide::Left), ImageKind::Uncropped));
    assert_eq!((left.horizontal, left.vertical), (Orientation::Flipped, Orientation::Base));
    assert_eq!(left.compression, CompressionHistory::LosslessOrNone);
    assert_eq!((left.range, left.roll_angle, left.roll_uncertainty), (Range::Millimetres(320), Some(364), Some(182)));
    assert_eq!((left.centre_x, left.centre_y, left.diameter), (BOUNDED(40, 44), BOUNDED(38, 41), BOUNDED(60, 66)));
    let payload = &left.payload;
    assert_eq!((payload.format(), payload.width(), payload.height(), payload.depth()), (ImageFormat::Png, 96, 80, 8));
    assert_eq!(payload.bytes(), file("jpeg2000/grey.png"));

    assert_eq!((right.eye, right.kind), (Some(EyeSide::Right), ImageKind::Cropped));
    assert_eq!((right.horizontal, right.vertical), (Orientation::Base, Orientation::Flipped));
    assert_eq!((right.range, right.roll_angle, right.diameter), (Range::Failed, None, Bounds::default()));
    assert_eq!(right.captured.to_text().as_deref(), Some("2026-11"));
    assert_eq!(right.payload.format(), ImageFormat::Raw);

    assert_eq!((masked.eye, masked.kind), (Some(EyeSide::Left), ImageKind::CroppedAndMasked));
    assert_eq!((masked.compression, masked.range), (CompressionHistory::Lossy, Range::Overflow));
    assert_eq!((masked.payload.format(), masked.captured.to_text()), (ImageFormat::Jpeg2000, None));
    assert_eq!(masked.quality, [QualityBlock { score: Some(0), vendor: 0, algorithm: 0 }]);

    let unknown = read(&file("iris-record/unknown-eye.iir")).unwrap();
    assert_eq!((unknown.eyes(), unknown.representations()[0].eye), (None, None));
    assert_eq!(unknown.representations()[0].payload.depth(), 12);
}

#[test]
fn pictures_of_every_format_come_back_upright() {
    let (limits, grey) = (Limits::default(), grey());
    let record = read(&file("iris-record/three.iir")).unwrap();
    let [left, right, masked] = record.representations() else { panic!("{record:?}") };
    assert_eq!(left.payload.decode(&limits).unwrap().pixels(), grey.pixels());
    assert_eq!(left.picture(&limits).unwrap().pixels(), grey.mirrored().pixels());
    let rows_backwards = grey.pixels().slice(s![..;-1, ..]).to_owned();
    assert_eq!(right.picture(&limits).unwrap().pixels(), rows_backwards);
    #[cfg(feature = "jpeg2000")]
    assert_eq!(masked.picture(&limits).unwrap().pixels(), grey.pixels());
    #[cfg(not(feature = "jpeg2000"))]
    assert_eq!(masked.picture(&limits).unwrap_err().code(), "image_unsupported");
    let unknown = read(&file("iris-record/unknown-eye.iir")).unwrap();
    assert_eq!(unknown.representations()[0].picture(&limits).unwrap().pixels(), grey.pixels());
}

#[test]
fn what_is_read_is_written_as_the_same_bytes() {
    for name in ["three.iir", "unknown-eye.iir"] {
        let bytes = file(&format!("iris-record/{name}"));
        let record = read(&bytes).unwrap();
        assert_eq!(record.to_bytes(), bytes, "{name}");
        let again = IrisRecord::new(record.representations().to_vec()).unwrap();
        assert_eq!(again.to_bytes(), bytes, "{name}");
    }
}

#[test]
fn every_prefix_is_refused() {
    let bytes = file("iris-record/three.iir");
    for length in (0..200).chain((200..bytes.len()).step_by(37)).chain([bytes.len() - 1]) {
        let error = read(&bytes[..length]).unwrap_err();
        let wrong_length = matches!(&error, RecordError::Field { field: Field::RecordLength, .. });
        assert!(wrong_length || (length < 12 && error.code() == "record_truncated"), "{length}: {error}");
        // With a length to match, the end comes inside a field.
        if length >= 16 {
            let mut cut = bytes[..length].to_vec();
            cut[8..12].copy_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
            let error = read(&cut).unwrap_err();
            assert!(matches!(error, RecordError::Truncated { .. }), "{length}: {error}");
        }
    }
}

#[test]
fn every_field_refuses_what_it_cannot_be() {
    let bytes = file("iris-record/three.iir");
    // Offsets of the first representation: its header begins at 16 and has two quality blocks.
    let broken: &[(usize, &[u8], Field, u64)] = &[
        (0, b"IIQ\0", Field::FormatIdentifier, 0x4949_5100),
        (4, b"010\0", Field::VersionNumber, 0x3031_3000),
        (8, &[0, 0, 0x39, 0x5b], Field::RecordLength, 0x395b),
        (12, &[0, 0], Field::NumberOfRepresentations, 0),
        (12, &[0, 2], Field::RecordLength, 14682),
        (14, &[1], Field::CertificationFlag, 1),
        (15, &[3], Field::NumberOfEyes, 3),
        (15, &[1], Field::NumberOfEyes, 1),
        (16, &[0, 0, 13, 248], Field::RepresentationLength, 3576),
        (22, &[13], Field::CaptureMonth, 13),
        (23, &[32], Field::CaptureDay, 32),
        (24, &[24], Field::CaptureHour, 24),
        (25, &[60], Field::CaptureMinute, 60),
        (26, &[60], Field::CaptureSecond, 60),
        (27, &[3, 232], Field::CaptureMillisecond, 1000),
        (29, &[2], Field::CaptureDeviceTechnology, 2),
        (35, &[101], Field::QualityScore, 101),
        (45, &[0, 2], Field::RepresentationNumber, 2),
        (47, &[3], Field::EyeLabel, 3),
        (48, &[4], Field::ImageType, 4),
        (48, &[2], Field::ImageWidth, 96),
        (49, &[16], Field::ImageFormat, 16),
        (50, &[0x47], Field::ImageProperties, 0x47),
        (50, &[0x56], Field::ImageProperties, 0x56),
        (50, &[0xc6], Field::ImageProperties, 0xc6),
        (51, &[0, 0], Field::ImageWidth, 0),
        (53, &[0, 0], Field::ImageHeight, 0),
        (55, &[7], Field::BitDepth, 7),
        (55, &[24], Field::BitDepth, 24),
        (64, &[0, 39], Field::IrisCentreLargestX, 39),
        (68, &[0, 37], Field::IrisCentreLargestY, 37),
        (72, &[0, 59], Field::IrisDiameterLargest, 59),
        (74, &[0, 0, 0, 0], Field::ImageLength, 0),
    ];
    for (offset, value, field, number) in broken {
        let mut bytes = bytes.clone();
        bytes[*offset..offset + value.len()].copy_from_slice(value);
        match read(&bytes) {
            Err(RecordError::Field { field: found_field, offset: found_offset, found, .. }) => {
                assert_eq!((found_field, found), (*field, *number), "{offset}: {value:?}");
                let other_place = [Field::RecordLength, Field::ImageWidth].contains(field);
                assert!(found_offset == *offset || other_place, "{offset}: {found_offset}");
            }
            other => panic!("{offset}: {value:?}: {other:?}"),
        }
    }
    let error =
        IrisRecord::from_bytes(&bytes, &Limits { max_bytes: bytes.len() - 1, ..Limits::default() }).unwrap_err();
    assert_eq!(error, RecordError::TooManyBytes { bytes: 14682, limit: 14681 });
    let text = read(&[&bytes[..47], &[9], &bytes[48..]].concat()).unwrap_err().to_string();
    assert_eq!(text, "the eye label at offset 47 of the iris record is 9, expected one of 0, 1, 2");
}

#[test]
fn pictures_that_are_not_what_the_header_says_are_refused() {
    let bytes = file("iris-record/three.iir");
    let refusal = |number: usize, offset: usize, value: u8| {
        let mut bytes = bytes.clone();
        bytes[offset] = value;
        read(&bytes).unwrap().representations()[number].picture(&Limits::default()).unwrap_err()
    };
    assert!(matches!(refusal(0, 52, 97), PictureError::Size { found_width: 96, width: 97, .. }));
    assert!(matches!(refusal(0, 55, 9), PictureError::Depth { bits: 8, components: 1, .. }));
    let format = PictureError::Format { found: "PNG", expected: "JPEG 2000" };
    assert_eq!(refusal(0, 49, 10), format);
    assert_eq!(refusal(0, 78, 0).code(), "image_unknown_format");
    // The second is raw: one column more needs more bytes.
    let second = 16 + 3577;
    assert_eq!(refusal(1, second + 19 + 7, 97), PictureError::RawLength { found: 7680, expected: 97 * 80 });
    assert_eq!(refusal(1, second + 19 + 10, 16), PictureError::RawLength { found: 7680, expected: 2 * 7680 });
    let small = Limits { max_pixels: 7679, ..Limits::default() };
    for one in read(&bytes).unwrap().representations() {
        assert!(["image_too_large", "image_unsupported"].contains(&one.picture(&small).unwrap_err().code()));
    }
}

#[test]
fn what_cannot_be_written_is_refused() {
    let good = Representation::from_picture(&grey(), ImageKind::Uncropped, None).unwrap();
    let refusal = |change: &dyn Fn(&mut Representation)| {
        let mut one = good.clone();
        change(&mut one);
        IrisRecord::new(vec![one]).unwrap_err()
    };
    let field = |error| match error {
        RecordError::Field { field, .. } => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(field(IrisRecord::new(Vec::new()).unwrap_err()), Field::NumberOfRepresentations);
    assert_eq!(field(refusal(&|one| one.captured.month = Some(13))), Field::CaptureMonth);
    let block = |score| QualityBlock { score: Some(score), vendor: 0, algorithm: 0 };
    assert_eq!(field(refusal(&|one| one.quality = vec![block(101)])), Field::QualityScore);
    assert_eq!(field(refusal(&|one| one.quality = vec![block(1); 256])), Field::NumberOfQualityBlocks);
    assert_eq!(field(refusal(&|one| one.diameter = BOUNDED(9, 8))), Field::IrisDiameterLargest);
    assert_eq!(field(refusal(&|one| one.kind = ImageKind::Vga)), Field::ImageWidth);
    assert_eq!(refusal(&|one| one.quality = vec![block(255)]), RecordError::Reserved);
    assert_eq!(refusal(&|one| one.roll_angle = Some(65535)), RecordError::Reserved);
    assert_eq!(refusal(&|one| one.range = Range::Millimetres(1)), RecordError::Reserved);
    assert_eq!(refusal(&|one| one.centre_x = BOUNDED(0, 8)), RecordError::Reserved);
    assert_eq!(refusal(&|one| one.captured.hour = Some(255)), RecordError::Reserved);

    let colour = Representation::from_file(file("jpeg2000/colour.png"), ImageKind::Uncropped, None, &Limits::default());
    assert!(matches!(colour.unwrap_err(), PictureError::Depth { components: 3, bits: 8, .. }));
    let vga = EyeImage::from_pixels(Array2::from_elem((480, 640), 7));
    let vga = Representation::from_picture(&vga, ImageKind::Vga, Some(EyeSide::Right)).unwrap();
    let record = IrisRecord::new(vec![vga.clone()]).unwrap();
    assert_eq!((record.eyes(), &read(&record.to_bytes()).unwrap()), (Some(1), &record));
}

/// `written.jp2` was read by OpenJPEG, and is what it should be (testdata/jpeg2000/README.md).
#[test]
fn jpeg_2000_is_written_as_the_same_bytes() {
    assert_eq!(*jpeg2000::encode(&grey()).unwrap(), file("jpeg2000/written.jp2"));
}

#[test]
fn pictures_that_jpeg_2000_cannot_take_are_refused() {
    for (rows, columns) in [(0, 0), (1, jpeg2000::MAXIMUM_SIDE + 1), (jpeg2000::MAXIMUM_SIDE + 1, 1)] {
        let picture = EyeImage::from_pixels(Array2::zeros((rows, columns)));
        assert_eq!(jpeg2000::encode(&picture), None);
        let error = Representation::from_picture_as_jpeg2000(&picture, ImageKind::Uncropped, None).unwrap_err();
        assert_eq!(error.code(), "record_picture_too_large");
    }
}

/// The decoder is another's (`hayro-jpeg2000`).
#[cfg(feature = "jpeg2000")]
#[test]
fn a_record_of_jpeg_2000_gives_back_every_grey_level() {
    let one = Representation::from_picture_as_jpeg2000(&grey(), ImageKind::Uncropped, Some(EyeSide::Left)).unwrap();
    assert_eq!((one.payload.format(), one.payload.depth()), (ImageFormat::Jpeg2000, 8));
    let record = read(&IrisRecord::new(vec![one]).unwrap().to_bytes()).unwrap();
    assert_eq!(record.representations()[0].picture(&Limits::default()).unwrap().pixels(), grey().pixels());
}

/// Pictures that reach every part of the coder: noise, flat and sparse ones, edges of code-blocks and of stripes.
#[cfg(feature = "jpeg2000")]
fn lossless(picture: &EyeImage) {
    let file = jpeg2000::encode(picture).unwrap();
    let back = decode(&file, &Limits { min_dimension: 1, ..Limits::default() }).unwrap();
    assert_eq!(back.pixels(), picture.pixels(), "{}x{}", picture.width(), picture.height());
}

#[cfg(feature = "jpeg2000")]
#[test]
fn jpeg_2000_loses_nothing_at_any_size() {
    for rows in [1, 2, 3, 4, 5, 63, 64, 65, 130] {
        for columns in [1, 2, 3, 7, 64, 65, 129] {
            let drawn = |level: &dyn Fn(usize, usize) -> usize| {
                EyeImage::from_pixels(Array2::from_shape_fn((rows, columns), |(y, x)| (level(x, y) & 255) as u8))
            };
            lossless(&drawn(&|_, _| 128));
            lossless(&drawn(&|_, _| 0));
            lossless(&drawn(&|x, y| (x + y) % 2 * 255));
            lossless(&drawn(&|x, y| 3 * x + 5 * y));
            lossless(&drawn(&|x, y| if (x, y) == (columns / 2, rows / 2) { 255 } else { 0 }));
        }
    }
}

#[cfg(feature = "jpeg2000")]
proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn jpeg_2000_loses_nothing(rows in 1..150_usize, columns in 1..150_usize, seed in any::<u64>(), share in 0..=8_u64) {
        let mut state = seed;
        let noise = |_| {
            // Knuth's linear congruences: any noise will do.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if state >> 40 & 7 < share { state.to_be_bytes()[0] } else { 77 }
        };
        lossless(&EyeImage::from_pixels(Array2::from_shape_fn((rows, columns), noise)));
    }
}

#[test]
fn debug_shows_no_picture() {
    let record = read(&file("iris-record/unknown-eye.iir")).unwrap();
    let text = format!("{record:?}");
    assert!(text.contains("bytes: 15360") && text.len() < 1200, "{text}");
}

/// A synthetic eye as each of the four kinds: what is painted over must not hide the eye from the segmenter.
#[test]
fn every_kind_of_picture_becomes_a_template_of_the_same_eye() {
    let capture = SyntheticEye::new(5, EyeSide::Left).render(&CaptureConditions::default());
    let picture = capture.image.pixels();
    let (rows, columns) = picture.dim();
    let truth = &capture.truth;
    let ([x, y], radius) = (truth.iris.centre, truth.iris.radius());
    // Margins of 0.6 and 0.2 radii, as cropped pictures have them.
    let range = |centre: f64, reach: f64, end: usize| {
        ((centre - reach).max(0.0) as usize)..((centre + reach).ceil() as usize).min(end)
    };
    let (across, down) = (range(x, 1.6 * radius, columns), range(y, 1.2 * radius, rows));
    let cropped = picture.slice(s![down.clone(), across.clone()]).to_owned();
    let masks = &capture.masks;
    let masked = Array2::from_shape_fn(cropped.dim(), |(row, column)| {
        let at = [row + down.start, column + across.start];
        // Sclera 200, lids 128.
        match (masks.eyeball[at], masks.iris[at] || masks.pupil[at]) {
            (_, true) => cropped[[row, column]],
            (true, false) => 200,
            (false, false) => 128,
        }
    });
    let mut vga = Array2::from_elem((480, 640), 128);
    vga.slice_mut(s![..rows.min(480), ..columns.min(640)])
        .assign(&picture.slice(s![..rows.min(480), ..columns.min(640)]));

    let pipeline = Pipeline::builder().build();
    let template = |pixels: Array2<u8>, kind| {
        let one = Representation::from_picture(&EyeImage::from_pixels(pixels), kind, Some(EyeSide::Left)).unwrap();
        let bytes = IrisRecord::new(vec![one]).unwrap().to_bytes();
        let picture = read(&bytes).unwrap().representations()[0].picture(&Limits::default()).unwrap();
        pipeline.run(&picture).unwrap_or_else(|error| panic!("{kind:?}: {error}")).template
    };
    let enrolled = template(picture.clone(), ImageKind::Uncropped);
    let kinds = [(vga, ImageKind::Vga), (cropped, ImageKind::Cropped), (masked, ImageKind::CroppedAndMasked)];
    for (pixels, kind) in kinds {
        let found = compare(&template(pixels, kind), &enrolled, &MatchPolicy::default());
        assert!(matches!(found, Comparison::Match(_)), "{kind:?}: {found:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn damaged_records_are_refused_or_canonical(damage in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..6)) {
        let mut bytes = file("iris-record/three.iir");
        for (at, value) in damage {
            let length = if at & 1 == 0 { bytes.len() } else { 110 };
            bytes[usize::from(at) % length] = value;
        }
        if let Ok(record) = read(&bytes) {
            prop_assert_eq!(record.to_bytes(), bytes);
            for one in record.representations() {
                let _ = one.picture(&Limits::default());
            }
        }
    }
}
