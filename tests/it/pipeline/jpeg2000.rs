//! JPEG 2000 against files that OpenJPEG made (testdata/jpeg2000), and files that are broken.

use std::fs;
use std::path::PathBuf;

use personhood::pipeline::image::{EyeImage, ImageError, Limits, decode};
use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};

fn file(name: &str) -> Vec<u8> {
    fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/jpeg2000").join(name)).unwrap()
}

fn read(name: &str) -> Result<EyeImage, ImageError> {
    decode(&file(name), &Limits::default())
}

fn assert_same(name: &str, expected: &EyeImage) {
    let found = read(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(found.pixels(), expected.pixels(), "{name}");
}

#[test]
fn lossless_pictures_are_exact() {
    let grey = read("grey.png").unwrap();
    let files = [
        "grey-8.jp2",
        "grey-8.j2k",
        "grey-12.jp2",
        "grey-16.j2k",
        "grey-16.jp2",
        "tiles.jp2",
        "precincts.j2k",
        "layers.jp2",
        "grey-and-alpha.jp2",
    ];
    for name in files {
        assert_same(name, &grey);
    }
    let colour = read("colour.png").unwrap();
    assert_same("colour.jp2", &colour);
    assert_same("colour.j2k", &colour);
}

#[test]
fn a_whole_eye_gives_the_template_of_its_png() {
    let png = fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/eyes/person-01/left-1.png")).unwrap();
    assert_same("eye.jp2", &decode(&png, &Limits::default()).unwrap());
}

#[test]
fn a_lossy_picture_is_what_openjpeg_sees() {
    let (found, expected) = (read("lossy.jp2").unwrap(), read("lossy.png").unwrap());
    assert!(found.pixels().iter().zip(expected.pixels()).all(|(a, b)| a.abs_diff(*b) <= 1));
    assert_ne!(found.pixels(), read("grey.png").unwrap().pixels(), "the file is lossy indeed");
}

#[test]
fn broken_pictures_have_a_code_each() {
    let expected = [
        ("cut-off.j2k", "image_truncated"),
        ("cut-off.jp2", "image_truncated"),
        ("huge.j2k", "image_too_large"),
        ("long-box.jp2", "image_truncated"),
        ("many-components.j2k", "image_unsupported"),
        ("many-tiles.j2k", "image_unsupported"),
        ("no-codestream.jp2", "image_truncated"),
        ("no-end.j2k", "image_truncated"),
        ("palette.jp2", "image_unsupported"),
        ("signed.j2k", "image_unsupported"),
        ("small.j2k", "image_too_small"),
        ("subsampled.j2k", "image_unsupported"),
        ("two-bits.j2k", "image_unsupported"),
    ];
    for (name, code) in expected {
        let error = read(&format!("bad/{name}")).unwrap_err();
        assert_eq!(error.code(), code, "{name}: {error}");
    }
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/jpeg2000/bad");
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, expected.map(|(name, _)| name), "every file of the folder is in the list");
}

#[test]
fn every_prefix_is_refused() {
    for name in ["grey-8.j2k", "grey-8.jp2", "tiles.jp2", "layers.jp2", "lossy.jp2"] {
        let whole = file(name);
        for length in (0..whole.len()).step_by(7).chain([whole.len() - 2, whole.len() - 1]) {
            let error = decode(&whole[..length], &Limits::default()).unwrap_err();
            let codes = ["image_empty", "image_unknown_format", "image_truncated"];
            assert!(codes.contains(&error.code()), "{name} cut after {length}: {error}");
        }
    }
}

#[test]
fn the_size_limits_are_exact() {
    let (bytes, limits) = (file("grey-8.jp2"), Limits::default());
    let exact = Limits { max_dimension: 96, max_pixels: 96 * 80, min_dimension: 80, max_bytes: bytes.len() };
    assert!(decode(&bytes, &exact).is_ok());
    for (tighter, code) in [
        (Limits { max_dimension: 95, ..limits }, "image_too_large"),
        (Limits { max_pixels: 96 * 80 - 1, ..limits }, "image_too_large"),
        (Limits { min_dimension: 81, ..limits }, "image_too_small"),
        (Limits { max_bytes: bytes.len() - 1, ..limits }, "image_too_large"),
    ] {
        assert_eq!(decode(&bytes, &tighter).unwrap_err().code(), code, "{tighter:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn damaged_bytes_never_panic(
        which in 0_usize..6,
        damage in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..12),
    ) {
        let names = ["grey-8.jp2", "grey-12.jp2", "precincts.j2k", "tiles.jp2", "layers.jp2", "colour.j2k"];
        let mut bytes = file(names[which]);
        for (at, value) in damage {
            let length = bytes.len();
            // Half of the damage goes to the headers, where it matters most.
            let at = usize::from(at) % if at & 1 == 0 { length } else { length.min(220) };
            bytes[at] = value;
        }
        match decode(&bytes, &Limits::default()) {
            Ok(image) => prop_assert!(image.width().min(image.height()) >= 64),
            Err(error) => prop_assert_eq!(&error.code()[..6], "image_"),
        }
    }
}
