//! Several frames against open-iris' own aggregation.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use personhood::iris::{IrisTemplate, openiris};
use personhood::pipeline::frames::{FusionConfig, fuse};
use serde_json::Value;

use crate::golden::golden;
use crate::npy::Npy;

fn template(folder: &Path, name: &str) -> IrisTemplate {
    openiris::from_json(&fs::read(folder.join(format!("{name}.json"))).unwrap()).unwrap()
}

#[test]
fn the_aggregation_of_open_iris() {
    let Some(folder) = golden("the_aggregation_of_open_iris", "05_aggregation") else { return };
    let expected: Value = serde_json::from_slice(&fs::read(folder.join("expected.json")).unwrap()).unwrap();
    let names: Vec<&str> = expected["inputs"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let kept: Vec<&str> = expected["kept_ids"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let singles = folder.join("../04_matcher");
    let frames: Vec<IrisTemplate> = names.iter().map(|name| template(&singles, &format!("template_{name}"))).collect();

    let fused = fuse(&frames, &FusionConfig::OPEN_IRIS).unwrap();
    assert_eq!(fused.reference as u64, expected["reference_index"].as_u64().unwrap());
    assert_eq!(fused.used.iter().map(|&frame| names[frame]).collect::<Vec<_>>(), kept);
    for (&frame, name) in fused.used.iter().zip(&kept) {
        let aligned = template(&folder, &format!("aligned_{name}"));
        assert!(frames[frame].rotated(fused.rotations[frame]) == aligned, "{name}");
    }

    let bits = |name: &str| Npy::read(folder.join(name));
    let (code, mask, weights) = (bits("out_code.npy"), bits("out_mask.npy"), bits("out_weights_f64.npy"));
    assert_eq!(code.shape, [2, 16, 256, 2]);
    let mut place = 0;
    for wavelet in 0..2 {
        for row in 0..16 {
            for column in 0..256 {
                for part in 0..2 {
                    let at = (wavelet, row, column, part);
                    let ours = (
                        fused.template.code().bit(wavelet, row, column, part),
                        fused.template.mask().bit(wavelet, row, column, part),
                    );
                    assert_eq!(ours, (code.values[place] == 1.0, mask.values[place] == 1.0), "{at:?}");
                    assert!((fused.weights[place] - weights.values[place]).abs() < 1e-12, "{at:?}");
                    place += 1;
                }
            }
        }
    }

    let strict = fuse(&frames, &FusionConfig::STRICT).unwrap_err();
    assert_eq!((strict.code(), strict.frame()), ("frames_stranger", Some(3)));
}
