//! Templates of open-iris and of iris-mpc, bit by bit.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Read;
use std::path::Path;

use personhood::iris::{
    EncoderVersion, IrisCode, IrisTemplate, Layout, Mask, Rotation, TemplateFormatError, irismpc, openiris,
};
use proptest::prelude::*;

use crate::golden::golden;

/// All files of the golden folders that open-iris wrote.
fn open_iris_files(golden: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![golden.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".openiris.json") || (name.starts_with("template_") && name.ends_with(".json")) {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

#[test]
fn files_of_open_iris_are_read_and_written_byte_for_byte() {
    let Some(folder) = golden("files_of_open_iris_are_read_and_written_byte_for_byte", "") else { return };
    let files = open_iris_files(&folder);
    assert!(files.len() >= 20, "only {} files found", files.len());
    for file in files {
        let json = fs::read(&file).unwrap();
        let template = openiris::from_json(&json).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let v0_1 = EncoderVersion::OpenIrisFormat { major: 0, minor: 1 };
        assert_eq!(template.encoder(), v0_1, "{}", file.display());
        let text = String::from_utf8(json).unwrap();
        // One file of the golden folders is laid out over several lines; its values are compared, the others' bytes are.
        if text.contains('\n') {
            let ours: serde_json::Value = serde_json::from_str(&openiris::to_json(&template).unwrap()).unwrap();
            assert_eq!(ours, serde_json::from_str::<serde_json::Value>(&text).unwrap(), "{}", file.display());
        } else {
            assert_eq!(openiris::to_json(&template).unwrap().as_str(), text, "{}", file.display());
        }
        assert_eq!(IrisTemplate::from_bytes(&template.to_bytes()).unwrap(), template);
    }
}

#[test]
fn the_name_of_the_picture_is_kept() {
    let Some(folder) = golden("the_name_of_the_picture_is_kept", "05_aggregation") else { return };
    for name in ["anon_v1112", "anon_orb192", "anon_orb197_rolled_+7"] {
        let json = fs::read_to_string(folder.join(format!("aligned_{name}.json"))).unwrap();
        let document = openiris::Document::from_json(json.as_bytes()).unwrap();
        assert_eq!(document.image_id.as_deref(), Some(name));
        assert_eq!(document.to_json().unwrap().as_str(), json);
    }
}

#[test]
fn bits_lie_where_the_arrays_of_open_iris_have_them() {
    let Some(folder) = golden("bits_lie_where_the_arrays_of_open_iris_have_them", "01_pipeline_anonymized") else {
        return;
    };
    let template = openiris::from_json(&fs::read(folder.join("s10_template.openiris.json")).unwrap()).unwrap();
    let (code, mask) = (npy(&folder.join("s10_template_code.npy")), npy(&folder.join("s10_template_mask.npy")));
    let mut index = 0;
    for wavelet in 0..2 {
        for row in 0..16 {
            for column in 0..256 {
                for part in 0..2 {
                    assert_eq!(template.code().bit(wavelet, row, column, part), code[index] == 1);
                    assert_eq!(template.mask().bit(wavelet, row, column, part), mask[index] == 1);
                    index += 1;
                }
            }
        }
    }
}

/// The bytes of a one-byte NumPy array of the shape (2, 16, 256, 2).
fn npy(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let text = String::from_utf8_lossy(&bytes[10..10 + header]).into_owned();
    assert!(text.contains("(2, 16, 256, 2)") && (text.contains("u1") || text.contains("b1")), "{text}");
    bytes[10 + header..].to_vec()
}

#[test]
fn both_eyes_of_iris_mpc_come_back_byte_for_byte() {
    let Some(folder) = golden("both_eyes_of_iris_mpc_come_back_byte_for_byte", "07_iris_mpc") else { return };
    let json = fs::read_to_string(folder.join("iris_codes.json")).unwrap();
    let eyes = irismpc::Eyes::from_json(json.as_bytes(), EncoderVersion::Other(161)).unwrap();
    assert_eq!(eyes.iris_version, "1.6.1");
    assert_eq!(eyes.left.layout(), Layout::Columns200);
    assert_eq!(eyes.to_json().unwrap().as_str(), json.trim_end());
    // The service has one mask bit per response, written twice.
    assert_eq!(eyes.left.with_paired_mask(), eyes.left);
    assert_eq!(eyes.right.with_paired_mask(), eyes.right);
}

#[test]
fn every_rotation_of_iris_mpc_is_ours() {
    let Some(folder) = golden("every_rotation_of_iris_mpc_is_ours", "07_iris_mpc") else { return };
    let mut text = String::new();
    let file = fs::File::open(folder.join("all_rotations.txt.gz")).unwrap();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let mut lines = text.lines().filter(|line| !line.is_empty());
    let code = openiris::code_from_base64(lines.next().unwrap()).unwrap();
    let mut seen = 0;
    for line in lines {
        let (rotation, bits) = line.split_once(':').unwrap();
        let turned = code.rotated(Rotation::new(rotation.trim().parse().unwrap()));
        let words = irismpc::code_to_words(&turned).unwrap();
        let ours: String = (0..12_800).map(|i| if words[i / 64] >> (i % 64) & 1 == 1 { '1' } else { '0' }).collect();
        assert_eq!(ours, bits.replace(' ', ""), "rotation {rotation}");
        seen += 1;
    }
    assert_eq!(seen, 31);
}

#[test]
fn the_mirror_image_is_that_of_iris_mpc() {
    let Some(folder) = golden("the_mirror_image_is_that_of_iris_mpc", "07_iris_mpc") else { return };
    let text = fs::read_to_string(folder.join("flipped_codes.txt")).unwrap();
    let [code, mask, flipped_code, flipped_mask] = four_lines(&text);
    let template = mpc_template(code, mask);
    assert_eq!(template.mirrored(), mpc_template(flipped_code, flipped_mask));
    assert_eq!(template.mirrored().mirrored(), template);
}

fn four_lines(text: &str) -> [&str; 4] {
    let lines: Vec<&str> = text.lines().take(4).collect();
    lines.try_into().unwrap()
}

fn mpc_template(code: &str, mask: &str) -> IrisTemplate {
    let code = openiris::code_from_base64(code).unwrap();
    let mask = openiris::mask_from_base64(mask).unwrap();
    IrisTemplate::new(code, mask, EncoderVersion::OpenIrisFormat { major: 2, minor: 1 }).unwrap()
}

fn layouts() -> impl Strategy<Value = Layout> {
    prop_oneof![Just(Layout::Columns200), Just(Layout::Columns256)]
}

fn templates() -> impl Strategy<Value = IrisTemplate> {
    layouts().prop_flat_map(|layout| {
        let words = || prop::collection::vec(any::<u64>(), layout.columns());
        let encoder = prop_oneof![
            Just(EncoderVersion::OpenIris1112),
            any::<(u16, u16)>().prop_map(|(major, minor)| EncoderVersion::OpenIrisFormat { major, minor }),
            any::<u16>().prop_map(EncoderVersion::Personhood),
            any::<u32>().prop_map(EncoderVersion::Other),
        ];
        (words(), words(), encoder).prop_map(move |(code, mask, encoder)| {
            let code = IrisCode::from_columns(layout, code).unwrap();
            IrisTemplate::new(code, Mask::from_columns(layout, mask).unwrap(), encoder).unwrap()
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_form_of_a_template_comes_back(template in templates()) {
        let bytes = template.to_bytes();
        prop_assert_eq!(&IrisTemplate::from_bytes(&bytes).unwrap(), &template);
        if !matches!(template.encoder(), EncoderVersion::Other(_)) {
            let read = openiris::from_json(openiris::to_json(&template).unwrap().as_bytes()).unwrap();
            prop_assert_eq!(read.code(), template.code());
            prop_assert_eq!(read.mask(), template.mask());
            prop_assert!(read.encoder().is_comparable_with(template.encoder()));
        }
    }

    #[test]
    fn two_turns_are_one(template in templates(), first in any::<i8>(), second in any::<i8>()) {
        let (first, second) = (i16::from(first), i16::from(second));
        let twice = template.rotated(Rotation::new(first)).rotated(Rotation::new(second));
        prop_assert_eq!(twice, template.rotated(Rotation::new(first + second)));
    }

    #[test]
    fn a_mirror_turns_the_other_way(template in templates(), columns in any::<i8>()) {
        let columns = i16::from(columns);
        let one = template.rotated(Rotation::new(columns)).mirrored();
        let other = template.mirrored().rotated(Rotation::new(-columns));
        prop_assert_eq!(one, other);
    }

    #[test]
    fn no_bytes_make_it_panic_and_every_accepted_one_is_canonical(
        mut bytes in prop::collection::vec(any::<u8>(), 0..4200),
        // A header that is right but for a few bytes gets further than noise does.
        header in prop::option::of((0_u8..4, 0_u8..4, prop::sample::select(vec![0_u16, 200, 256, 300]))),
        exact in any::<bool>(),
    ) {
        if let Some((version, encoder, columns)) = header {
            let mut right = b"PHIT".to_vec();
            right.extend([version, encoder]);
            right.extend(columns.to_le_bytes());
            right.extend([0; 8]);
            if exact {
                bytes.resize(usize::from(columns) * 16, 0x5A);
            }
            bytes.splice(0..0, right);
        }
        match IrisTemplate::from_bytes(&bytes) {
            Ok(template) => prop_assert_eq!(&*template.to_bytes(), &bytes),
            Err(TemplateFormatError::TooShort { found }) => prop_assert!(found < 16),
            Err(_) => {}
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}", kind in 0..4) {
        let json = match kind {
            0 => text,
            1 => format!(r#"{{"iris_codes": "{text}", "mask_codes": "{text}", "iris_code_version": "v0.1"}}"#),
            2 => format!(r#"{{"iris_codes": "AAAA", "mask_codes": "", "iris_code_version": "{text}"}}"#),
            _ => format!(r#"{{"{text}": "AAAA"}}"#),
        };
        prop_assert!(openiris::from_json(json.as_bytes()).is_err());
        prop_assert!(irismpc::Eyes::from_json(json.as_bytes(), EncoderVersion::Other(0)).is_err());
    }
}
