//! Golden 02: single stages of open-iris with their own inputs and outputs.

use personhood::pipeline::geometry::{self, ExtrapolationConfig, SmoothingConfig};
use personhood::pipeline::normalize::{NormalizationConfig, Perspective, RadialLaw, Unrolling, normalize, radial_grid};

use super::{centres, farthest, json, mask, number, picture, polygons};
use crate::golden::golden;
use crate::npy::Npy;

#[test]
fn interpolation() {
    let Some(folder) = golden("interpolation", "02_node_mocks") else { return };
    let found = geometry::interpolate(&polygons(&folder, "contour_interpolation_in"), 0.01);
    assert_eq!(found, polygons(&folder, "contour_interpolation_out"));
}

#[test]
fn distance_filter() {
    let Some(folder) = golden("distance_filter", "02_node_mocks") else { return };
    let Some(eye) = golden("distance_filter", "01_pipeline_anonymized") else { return };
    let noise = mask(eye.join("input_mask_eyelashes.png"));
    let found = geometry::drop_touching(polygons(&folder, "distance_filter_0p025_in"), noise.view(), 0.025).unwrap();
    assert_eq!(found, polygons(&folder, "distance_filter_0p025_out"));
}

#[test]
fn smoothing() {
    let Some(folder) = golden("smoothing", "02_node_mocks") else { return };
    let centres = centres(folder.join("smoothing_and_extrapolation_eye_centers.json"));
    let input = polygons(&folder, "smoothing_dphi1_k10_in");
    let found = geometry::smooth(&input, &centres, SmoothingConfig::OPEN_IRIS).unwrap();
    let off = farthest(&found, &polygons(&folder, "smoothing_dphi1_k10_out"));
    assert!(off < 1e-3, "{off} px");
}

#[test]
fn linear_extrapolation() {
    let Some(folder) = golden("linear_extrapolation", "02_node_mocks") else { return };
    let centres = centres(folder.join("smoothing_and_extrapolation_eye_centers.json"));
    let found = geometry::linear(&polygons(&folder, "linear_extrapolation_dphi1_in"), &centres, 1.0);
    let off = farthest(&found, &polygons(&folder, "linear_extrapolation_dphi1_out"));
    assert!(off < 1e-3, "{off} px");
}

#[test]
fn ellipse_fit() {
    let Some(folder) = golden("ellipse_fit", "02_node_mocks") else { return };
    let found = geometry::ellipses(&polygons(&folder, "lsq_ellipse_dphi1_in"), 1.0).unwrap();
    let off = farthest(&found, &polygons(&folder, "lsq_ellipse_dphi1_out"));
    assert!(off < 1e-3, "{off} px");
}

#[test]
fn fusion() {
    let Some(folder) = golden("fusion", "02_node_mocks") else { return };
    let centres = centres(folder.join("smoothing_and_extrapolation_eye_centers.json"));
    let input = polygons(&folder, "fusion_dphi0p703125_in");
    let found = geometry::extrapolate(&input, &centres, ExtrapolationConfig::OPEN_IRIS).unwrap();
    let off = farthest(&found, &polygons(&folder, "fusion_dphi0p703125_out"));
    assert!(off < 1e-3, "{off} px");
}

#[test]
fn radial_grids() {
    let Some(folder) = golden("radial_grids", "02_node_mocks") else { return };
    for (name, law) in [("default", RadialLaw::Squares), ("wyatt", RadialLaw::Wyatt)] {
        for (percent, rows) in [(30, 100), (49, 100), (70, 120)] {
            let expected = Npy::read(folder.join(format!("nonlinear_grid_{name}_p{percent}_r{rows}.npy"))).values;
            let found = radial_grid(law, percent, rows);
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                assert!((found - expected).abs() < 1e-8, "{name} {percent} {rows}: {found}, expected {expected}");
            }
        }
    }
}

#[test]
fn normalization() {
    let Some(folder) = golden("normalization", "02_node_mocks") else { return };
    let Some(eye) = golden("normalization", "01_pipeline_anonymized") else { return };
    let image = picture(eye.join("input_image_gray.png"));
    let noise = mask(eye.join("input_mask_eyelashes.png"));
    let contours = polygons(&folder, "normalization_in_contours");
    let orientation = number(&json(folder.join("normalization_in_eye_orientation.json")), &["angle_rad"]);
    let unrollings = [
        ("linear", Unrolling::Linear),
        ("nonlinear_default", Unrolling::Nonlinear(RadialLaw::Squares)),
        ("nonlinear_wyatt", Unrolling::Nonlinear(RadialLaw::Wyatt)),
        ("perspective", Unrolling::Perspective(Perspective { columns: 400, ..Perspective::OPEN_IRIS })),
    ];
    for (name, unrolling) in unrollings {
        let config = NormalizationConfig { unrolling, rows: 100, ..NormalizationConfig::OPEN_IRIS };
        let found = normalize(&image, noise.view(), &contours, orientation, &config).unwrap();
        let expected = picture(folder.join(format!("normalization_out_{name}_image.png")));
        let differing = found.image().iter().zip(expected.pixels()).filter(|(a, b)| a != b).count();
        assert_eq!((found.image().dim(), differing), (expected.pixels().dim(), 0), "pixels, {name}");
        let expected = mask(folder.join(format!("normalization_out_{name}_mask.png")));
        let differing = found.mask().iter().zip(&expected).filter(|(a, b)| a != b).count();
        assert_eq!(differing, 0, "mask, {name}");
    }
}
