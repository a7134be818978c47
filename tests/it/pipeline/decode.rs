//! Decoding: every format and depth, every prefix, and pictures that are none.

use std::fs;
use std::path::Path;

use image::{DynamicImage, GrayImage, ImageBuffer, ImageFormat, Luma, RgbImage, RgbaImage};
use personhood::pipeline::image::{Limits, decode};
use proptest::prelude::{ProptestConfig, any, prop_assert, proptest};

const WIDTH: u32 = 80;
const HEIGHT: u32 = 72;

fn level(x: u32, y: u32) -> u8 {
    (x * 3 + y * y / 7) as u8
}

fn grey() -> GrayImage {
    GrayImage::from_fn(WIDTH, HEIGHT, |x, y| Luma([level(x, y)]))
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn decoded(bytes: &[u8]) -> Vec<u8> {
    let image = decode(bytes, &Limits::default()).unwrap();
    assert_eq!((image.width(), image.height()), (WIDTH as usize, HEIGHT as usize));
    image.as_slice().to_vec()
}

#[test]
fn every_lossless_format_keeps_every_grey_level() {
    let expected = grey().into_raw();
    for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::Pnm] {
        assert_eq!(decoded(&encoded(&grey().into(), format)), expected, "{format:?}");
    }
}

#[test]
fn a_jpeg_is_near_its_original() {
    let smooth = GrayImage::from_fn(WIDTH, HEIGHT, |x, y| Luma([(x + y) as u8]));
    let found = decoded(&encoded(&smooth.clone().into(), ImageFormat::Jpeg));
    assert!(found.iter().zip(smooth.iter()).all(|(a, b)| a.abs_diff(*b) < 8));
}

#[test]
fn colour_and_transparency_become_grey() {
    let colour = RgbImage::from_fn(WIDTH, HEIGHT, |x, y| image::Rgb([level(x, y), 40, x as u8]));
    let expected: Vec<u8> = colour
        .pixels()
        .map(|p| (0.299 * f64::from(p[0]) + 0.587 * f64::from(p[1]) + 0.114 * f64::from(p[2])).round() as u8)
        .collect();
    let transparent = RgbaImage::from_fn(WIDTH, HEIGHT, |x, y| image::Rgba([level(x, y), 40, x as u8, 7]));
    for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::Tiff] {
        for picture in [DynamicImage::from(colour.clone()), transparent.clone().into()] {
            let found = decoded(&encoded(&picture, format));
            // Fixed-point coefficients differ from the decimal ones by up to one level where a half is rounded.
            assert!(found.iter().zip(&expected).all(|(a, b)| a.abs_diff(*b) <= 1), "{format:?}");
        }
    }
}

#[test]
fn sixteen_bits_keep_their_high_byte() {
    let deep = ImageBuffer::from_fn(WIDTH, HEIGHT, |x, y| Luma([u16::from(level(x, y)) << 8 | 0xfe]));
    for format in [ImageFormat::Png, ImageFormat::Tiff, ImageFormat::Pnm] {
        assert_eq!(
            decoded(&encoded(&DynamicImage::ImageLuma16(deep.clone()), format)),
            grey().into_raw(),
            "{format:?}"
        );
    }
    let colour = ImageBuffer::from_fn(WIDTH, HEIGHT, |x, y| image::Rgb([u16::from(level(x, y)) << 8; 3]));
    assert_eq!(decoded(&encoded(&DynamicImage::ImageRgb16(colour), ImageFormat::Png)), grey().into_raw());
}

#[test]
fn every_prefix_of_a_picture_is_refused() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::Pnm] {
        let whole = encoded(&grey().into(), format);
        for length in (0..whole.len()).step_by(61).chain([1, 2, 3, whole.len() - 1]) {
            match decode(&whole[..length], &Limits::default()) {
                // Behind the last pixel some formats have bytes that nobody needs.
                Ok(image) => {
                    assert_eq!(image.as_slice(), decoded(&whole), "{format:?} cut after {length} of {}", whole.len());
                    assert!(whole.len() - length < 256, "{format:?} cut after {length} of {}", whole.len());
                }
                Err(error) => assert!(error.code().starts_with("image_"), "{error}"),
            }
        }
        let half = decode(&whole[..whole.len() / 2], &Limits::default()).unwrap_err();
        assert!(["image_truncated", "image_corrupt"].contains(&half.code()), "{format:?}: {half}");
    }
}

#[test]
fn broken_pictures_have_a_code_each() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/bad");
    let expected = [
        ("animation.gif", "image_unknown_format"),
        ("checksum.png", "image_corrupt"),
        ("cut-off.bmp", "image_truncated"),
        ("cut-off.jpg", "image_truncated"),
        ("cut-off.pgm", "image_truncated"),
        ("cut-off.png", "image_truncated"),
        ("cut-off.tif", "image_truncated"),
        ("empty.png", "image_empty"),
        ("floating-point.tif", "image_unsupported"),
        ("huge.bmp", "image_too_large"),
        ("huge.pgm", "image_too_large"),
        ("huge.png", "image_too_large"),
        ("impossible.bmp", "image_corrupt"),
        ("no-columns.pgm", "image_too_small"),
        ("no-directory.tif", "image_truncated"),
        ("no-grey-levels.pgm", "image_corrupt"),
        ("only-markers.jpg", "image_corrupt"),
        ("text.png", "image_unknown_format"),
        ("thumbnail.pgm", "image_too_small"),
        ("too-few-rows.png", "image_corrupt"),
    ];
    for (name, code) in expected {
        let error = decode(&fs::read(folder.join(name)).unwrap(), &Limits::default()).unwrap_err();
        assert_eq!(error.code(), code, "{name}: {error}");
    }
    let pictures = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut pictures: Vec<String> =
        pictures.filter(|name| ![".py", ".md", "SUMS"].iter().any(|end| name.ends_with(end))).collect();
    pictures.sort();
    assert_eq!(pictures, expected.map(|(name, _)| name), "every file of the folder is in the list");
}

#[test]
fn the_size_limit_is_exact() {
    let limits =
        Limits { max_dimension: WIDTH, max_pixels: u64::from(WIDTH * HEIGHT), min_dimension: HEIGHT, max_bytes: 6000 };
    let mut pgm = format!("P5 {WIDTH} {HEIGHT} 255\n").into_bytes();
    pgm.extend(grey().into_raw());
    assert!(decode(&pgm, &limits).is_ok());
    for tighter in [
        Limits { max_dimension: WIDTH - 1, ..limits },
        Limits { max_pixels: limits.max_pixels - 1, ..limits },
        Limits { min_dimension: HEIGHT + 1, ..limits },
        Limits { max_bytes: pgm.len() - 1, ..limits },
    ] {
        assert!(decode(&pgm, &tighter).is_err(), "{tighter:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn damaged_bytes_never_panic(which in 0_usize..5, damage in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..12)) {
        let formats = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::Pnm];
        let mut bytes = encoded(&grey().into(), formats[which]);
        for (at, value) in damage {
            let length = bytes.len();
            // Half of the damage goes to the header, where it matters most.
            let at = usize::from(at) % if at & 1 == 0 { length } else { length.min(64) };
            bytes[at] = value;
        }
        if let Ok(image) = decode(&bytes, &Limits::default()) {
            prop_assert!(image.width().min(image.height()) >= 64);
        }
    }
}

#[test]
fn pictures_written_by_hand() {
    // Without the encoders of the crate that decodes: what is tested against itself proves little.
    let expected = grey().into_raw();
    let header = |kind: &str| format!("{kind} {WIDTH} {HEIGHT} 255\n").into_bytes();
    let text = expected.iter().map(|level| format!("{level} ")).collect::<String>();
    let colour: Vec<u8> = expected.iter().flat_map(|&level| [level; 3]).collect();
    assert_eq!(decoded(&[header("P5"), expected.clone()].concat()), expected);
    assert_eq!(decoded(&[header("P2"), text.into_bytes()].concat()), expected);
    assert_eq!(decoded(&[header("P6"), colour].concat()), expected);
    let deep: Vec<u8> = expected.iter().flat_map(|&level| [level, 0x80]).collect();
    assert_eq!(decoded(&[format!("P5 {WIDTH} {HEIGHT} 65535\n").into_bytes(), deep].concat()), expected);
}
