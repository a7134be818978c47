//! Golden 01 and 08: the whole pipeline, given the masks.

use std::path::Path;

use personhood::iris::{EncoderVersion, IrisTemplate, Layout};
use personhood::pipeline::filter::{IrisResponse, MaskRule};
use personhood::pipeline::geometry::CentreMethod;
use personhood::pipeline::{Pipeline, PipelineConfig, Trace};

use super::{assert_relative, centres, farthest, json, mask, masks, number, picture, polygons};
use crate::golden::golden;
use crate::npy::Npy;

/// Golden arrays have axes (wavelet, row, column, part).
fn differing_bits(template: &IrisTemplate, code: &Npy, mask: &Npy) -> [usize; 2] {
    let columns = template.layout().columns();
    assert_eq!(code.shape, [Layout::WAVELETS, Layout::ROWS, columns, 2]);
    assert_eq!(code.shape, mask.shape);
    let mut differing = [0; 2];
    for (at, (code, mask)) in code.values.iter().zip(&mask.values).enumerate() {
        let (part, column, row) = (at % 2, at / 2 % columns, at / 2 / columns % Layout::ROWS);
        let wavelet = at / 2 / columns / Layout::ROWS;
        differing[0] += usize::from(template.code().bit(wavelet, row, column, part) != (*code == 1.0));
        differing[1] += usize::from(template.mask().bit(wavelet, row, column, part) != (*mask == 1.0));
    }
    differing
}

fn assert_bits(trace: &Trace, folder: &Path, stem: &str) {
    let template = trace.template.as_ref().unwrap();
    let array = |name: &str| Npy::read(folder.join(format!("{stem}_{name}.npy")));
    assert_eq!(differing_bits(template, &array("code"), &array("mask")), [0, 0], "bits of {stem}");
}

/// Largest difference of both parts of all answers.
fn farthest_response(found: &IrisResponse, mask: bool, expected: &Npy) -> f64 {
    let found = found.wavelets.iter().flat_map(|w| if mask { &w.mask } else { &w.iris }).flatten();
    let found: Vec<f64> = found.map(|&part| f64::from(part)).collect();
    assert_eq!(found.len(), expected.values.len());
    found.iter().zip(&expected.values).map(|(f, e)| (f - e).abs()).fold(0.0, f64::max)
}

fn trace_anonymized(folder: &Path, config: PipelineConfig) -> Trace {
    let pipeline = Pipeline::builder().config(config).build();
    pipeline.trace_with_masks(&picture(folder.join("input_image_gray.png")), &masks(folder, "input_"))
}

#[test]
fn every_stage_of_golden_01() {
    let Some(folder) = golden("every_stage_of_golden_01", "01_pipeline_anonymized") else { return };
    let trace = trace_anonymized(&folder, PipelineConfig::open_iris_1_11_2());
    assert_eq!(trace.outcome, Ok(()));
    assert_eq!(trace.contours, Some(polygons(&folder, "s1_vectorization")));
    assert_eq!(trace.interpolated, Some(polygons(&folder, "s2_interpolation")));
    assert_eq!(trace.filtered, Some(polygons(&folder, "s3_distance_filter")));

    let expected = centres(folder.join("s4_bisectors_eye_centers.json"));
    let found = trace.centres.unwrap();
    for (found, expected) in [(found.pupil, expected.pupil), (found.iris, expected.iris)] {
        assert!((found[0] - expected[0]).hypot(found[1] - expected[1]) < 1e-6, "{found:?}, expected {expected:?}");
    }
    let off = farthest(trace.smoothed.as_ref().unwrap(), &polygons(&folder, "s5_smoothing"));
    assert!(off < 1e-3, "smoothing: {off} px");
    let off = farthest(trace.boundaries.as_ref().unwrap(), &polygons(&folder, "s6_geometry_estimation"));
    assert!(off < 1e-3, "geometry estimation: {off} px");

    let normalized = trace.normalized.as_ref().unwrap();
    assert_eq!(normalized.image(), picture(folder.join("s7_normalized_image.png")).pixels());
    assert_eq!(normalized.mask(), mask(folder.join("s7_normalized_mask.png")));
    let response = trace.response.as_ref().unwrap();
    for (name, found, is_mask) in [
        ("s8_iris_response", response, false),
        ("s8_mask_response", response, true),
        ("s9_refined_mask_response", trace.refined.as_ref().unwrap(), true),
    ] {
        let off = farthest_response(found, is_mask, &Npy::read(folder.join(format!("{name}.npy"))));
        assert!(off < 1e-6, "{name}: {off}");
    }
    assert_bits(&trace, &folder, "s10_template");
    assert_metadata(&trace, &folder.join("quality_and_metadata.json"));
}

fn assert_metadata(trace: &Trace, file: &Path) {
    let expected = json(file);
    let quality = trace.quality;
    let measures = [
        (quality.pupil_to_iris_diameter, ["pupil_to_iris_property", "pupil_to_iris_diameter_ratio"].as_slice()),
        (quality.pupil_to_iris_centre_distance, &["pupil_to_iris_property", "pupil_to_iris_center_dist_ratio"]),
        (quality.visible, &["occlusion90"]),
        (quality.visible_beside, &["occlusion30"]),
        (quality.sharpness, &["sharpness_score"]),
        (trace.orientation.map(|(angle, _)| angle), &["eye_orientation"]),
        (trace.bounding_box.map(|around| f64::from(around.x_min)), &["iris_bbox", "x_min"]),
        (trace.bounding_box.map(|around| f64::from(around.x_max)), &["iris_bbox", "x_max"]),
        (trace.bounding_box.map(|around| f64::from(around.y_min)), &["iris_bbox", "y_min"]),
        (trace.bounding_box.map(|around| f64::from(around.y_max)), &["iris_bbox", "y_max"]),
    ];
    for (found, path) in measures {
        assert_relative(&path.join("."), found.unwrap(), number(&expected, path), 1e-4);
    }
    // A round iris has an eccentricity of rounding errors; below 1e-9 there is nothing to compare.
    let (found, gaze) = (quality.off_gaze.unwrap(), number(&expected, &["offgaze_score"]));
    assert!((found - gaze).abs() <= 1e-4 * gaze + 1e-9, "off-gaze: {found}, expected {gaze}");
}

#[test]
fn circle_fit_centres_of_golden_01() {
    let Some(folder) = golden("circle_fit_centres_of_golden_01", "01_pipeline_anonymized") else { return };
    let found = CentreMethod::CIRCLE_FIT.centres(&polygons(&folder, "s3_distance_filter")).unwrap();
    let expected = centres(folder.join("s4_circle_fit_eye_centers.json"));
    for (found, expected) in [(found.pupil, expected.pupil), (found.iris, expected.iris)] {
        assert!((found[0] - expected[0]).hypot(found[1] - expected[1]) < 1e-6, "{found:?}, expected {expected:?}");
    }
}

#[test]
fn the_edge_rule_of_1_11_0() {
    let Some(folder) = golden("the_edge_rule_of_1_11_0", "01_pipeline_anonymized") else { return };
    let trace = trace_anonymized(&folder, PipelineConfig::open_iris_1_11_0());
    let edge = folder.join("v1_11_0_edge");
    let response = trace.response.as_ref().unwrap();
    for (name, is_mask) in [("iris_response", false), ("mask_response", true)] {
        let off = farthest_response(response, is_mask, &Npy::read(edge.join(format!("{name}.npy"))));
        assert!(off < 1e-6, "{name}: {off}");
    }
    assert_bits(&trace, &edge, "template");
}

#[test]
fn two_hundred_columns() {
    let Some(folder) = golden("two_hundred_columns", "01_pipeline_anonymized") else { return };
    for (name, mask_rule) in [("false", MaskRule::Separate), ("true", MaskRule::Duplicated)] {
        let mut config = PipelineConfig::open_iris_1_11_2();
        config.layout = Layout::Columns200;
        config.mask_rule = mask_rule;
        let trace = trace_anonymized(&folder, config);
        assert_bits(&trace, &folder.join("n_cols_200"), &format!("template_maskduplicated_{name}"));
    }
}

const SYNTHETIC: [&str; 7] = [
    "id1_cap1",
    "id1_cap2_rot5_dilated",
    "id1_cap3_320x240",
    "id1_cap4_1440x1080",
    "id2_cap1",
    "id2_cap2_occluded_offcentre",
    "id3_cap1_blurred",
];

#[test]
fn synthetic_eyes_of_golden_08() {
    let Some(folder) = golden("synthetic_eyes_of_golden_08", "08_synthetic_eyes") else { return };
    let level = PipelineConfig::for_encoder(EncoderVersion::OpenIris1112).unwrap();
    for config in [PipelineConfig::open_iris_1_11_2(), level] {
        let pipeline = Pipeline::builder().config(config).build();
        for name in SYNTHETIC {
            let eye = folder.join(name);
            let trace = pipeline.trace_with_masks(&picture(eye.join("image.png")), &masks(&eye, ""));
            assert_eq!(trace.outcome, Ok(()), "{name}");
            let normalized = trace.normalized.as_ref().unwrap();
            assert_eq!(normalized.image(), picture(eye.join("normalized_image.png")).pixels(), "{name}");
            assert_eq!(normalized.mask(), mask(eye.join("normalized_mask.png")), "{name}");
            assert_metadata(&trace, &eye.join("openiris_1.11.2_output.json"));
            assert_eq!(
                differing_from_json(trace.template.as_ref().unwrap(), &eye.join("template.openiris.json")),
                [0, 0],
                "{name}"
            );
        }
    }
}

#[test]
fn pictures_alone_are_enough() {
    let (Some(anonymized), Some(synthetic)) = (
        golden("pictures_alone_are_enough", "01_pipeline_anonymized"),
        golden("pictures_alone_are_enough", "08_synthetic_eyes"),
    ) else {
        return;
    };
    let pipeline = Pipeline::builder().build();
    let mut pictures = vec![anonymized.join("input_image_gray.png")];
    pictures.extend(SYNTHETIC.map(|name| synthetic.join(name).join("image.png")));
    for path in pictures {
        let trace = pipeline.trace(&picture(&path));
        assert_eq!(trace.outcome, Ok(()), "{}: {trace:?}", path.display());
        assert!(trace.confidence.as_ref().unwrap().iris > 0.0);
    }
}

/// Reads open-iris' own serialisation: bits in the order row, column, wavelet, part, most significant bit first.
fn differing_from_json(template: &IrisTemplate, file: &Path) -> [usize; 2] {
    let document = json(file);
    let columns = template.layout().columns();
    ["iris_codes", "mask_codes"].map(|key| {
        let bytes = base64(document[key].as_str().unwrap());
        let mut differing = 0;
        for at in 0..template.layout().bits() {
            let expected = bytes[at / 8] >> (7 - at % 8) & 1 == 1;
            let (part, wavelet, column, row) = (at % 2, at / 2 % 2, at / 4 % columns, at / 4 / columns);
            let found = match key {
                "iris_codes" => template.code().bit(wavelet, row, column, part),
                _ => template.mask().bit(wavelet, row, column, part),
            };
            differing += usize::from(found != expected);
        }
        differing
    })
}

/// Standard base64, independent of the crate that the library uses.
fn base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    for four in text.trim_end_matches('=').as_bytes().chunks(4) {
        let value =
            four.iter().fold(0_u32, |value, c| value << 6 | ALPHABET.iter().position(|a| a == c).unwrap() as u32);
        let value = value << (6 * (4 - four.len()));
        bytes.extend_from_slice(&value.to_be_bytes()[1..four.len()]);
    }
    bytes
}

/// Every encoder that a template can name is either made by this release, or said not to be.
#[test]
fn encoders_are_told_apart() {
    let made = |encoder| PipelineConfig::for_encoder(encoder).map(|config| config.encoder);
    assert_eq!(made(EncoderVersion::Personhood(1)), Some(EncoderVersion::Personhood(1)));
    assert_eq!(PipelineConfig::default(), PipelineConfig::personhood_1());
    assert_eq!(made(EncoderVersion::OpenIrisFormat { major: 0, minor: 1 }), Some(EncoderVersion::OpenIris1112));
    for unknown in
        [EncoderVersion::Personhood(2), EncoderVersion::Other(1), EncoderVersion::OpenIrisFormat { major: 1, minor: 0 }]
    {
        assert_eq!(made(unknown), None);
        assert!(!unknown.is_comparable_with(EncoderVersion::Personhood(1)));
    }
}
