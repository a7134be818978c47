//! Golden 03, the filter bank of golden 02, and a naive twin of it.

use ndarray::Array2;
use personhood::pipeline::encode::FragileBits;
use personhood::pipeline::filter::{
    BottomEdge, FilterBank, Gabor, IrisResponse, Kernel, LogGabor, MaskRule, WaveletResponse, probe_columns, probe_rows,
};
use personhood::pipeline::normalize::NormalizedIris;
use proptest::prelude::{ProptestConfig, any, prop_assert, proptest};

use super::{json, mask, number, picture};
use crate::golden::golden;
use crate::npy::Npy;

fn open_iris() -> [Kernel; 2] {
    [Gabor::OPEN_IRIS_COARSE, Gabor::OPEN_IRIS_FINE].map(|gabor| gabor.kernel().unwrap())
}

/// The kernels of the upstream mocks, in order: two Gabor, one log-Gabor.
fn mocks() -> [Kernel; 3] {
    let first = Gabor { size: [21, 21], sigma_phi: 2.0, sigma_rho: 4.0, theta_degrees: 45.0, lambda_phi: 10.0 };
    let second = Gabor { size: [15, 17], sigma_phi: 1.5, sigma_rho: 2.5, theta_degrees: 90.0, lambda_phi: 8.0 };
    let third = LogGabor {
        size: [19, 17],
        sigma_phi: core::f64::consts::PI / 10.0,
        sigma_rho: 0.8,
        theta_degrees: 5.5,
        lambda_rho: 8.5,
    };
    [first.kernel().unwrap(), second.kernel().unwrap(), third.kernel().unwrap()]
}

#[test]
fn default_kernels() {
    let Some(folder) = golden("default_kernels", "03_filters") else { return };
    for (i, kernel) in open_iris().iter().enumerate() {
        let expected = Npy::read(folder.join(format!("gabor_default_{i}_float_c128.npy")));
        assert_eq!(kernel.values().shape(), &expected.shape[..]);
        for (found, expected) in kernel.values().iter().flatten().zip(&expected.values) {
            assert!((found - expected).abs() < 1e-12, "{found}, expected {expected}");
        }
        let fixed = kernel.to_fixed_point();
        for (part, name) in ["real", "imag"].into_iter().enumerate() {
            let expected = Npy::read(folder.join(format!("gabor_default_{i}_{name}_q15.npy"))).values;
            let found: Vec<f64> = fixed.values().iter().map(|value| value[part]).collect();
            assert_eq!(found, expected, "kernel {i} {name}");
            let norm =
                number(&json(folder.join(format!("gabor_default_{i}_params.json"))), &[&format!("kernel_norm_{name}")]);
            assert!((fixed.norm()[part] - norm).abs() < 1e-9);
        }
    }
}

#[test]
fn mock_kernels() {
    let Some(folder) = golden("mock_kernels", "03_filters") else { return };
    for (kernel, name) in mocks().iter().zip(["gabor_21x21", "gabor2_15x17", "loggabor_19x17"]) {
        let expected = Npy::read(folder.join(format!("mock_{name}.npy")));
        assert_eq!(kernel.values().shape(), &expected.shape[..]);
        for (found, expected) in kernel.values().iter().flatten().zip(&expected.values) {
            assert!((found - expected).abs() < 1e-10, "{name}: {found}, expected {expected}");
        }
    }
}

#[test]
fn probe_positions() {
    let Some(folder) = golden("probe_positions", "03_filters") else { return };
    let expected = json(folder.join("probe_positions_16x256_on_128x512.json"));
    let list =
        |key: &str| -> Vec<u64> { expected[key].as_array().unwrap().iter().map(|v| v.as_u64().unwrap()).collect() };
    let (rows, columns) = (probe_rows(16, 128), probe_columns(256, 512));
    assert!(rows.iter().map(|&row| row as u64).eq(list("rows")));
    assert!(columns[..8].iter().map(|&column| column as u64).eq(list("cols_first8")));
    assert_eq!(columns[255] as u64, expected["cols_last"].as_u64().unwrap());

    let Some(folder) = golden("probe_positions", "01_pipeline_anonymized/n_cols_200") else { return };
    let expected = json(folder.join("probe_columns.json"));
    let expected = expected.as_array().or_else(|| expected.as_object()?.values().next()?.as_array()).unwrap();
    assert!(
        probe_columns(200, 512).iter().map(|&column| column as u64).eq(expected.iter().map(|v| v.as_u64().unwrap()))
    );
}

/// `|found − expected| ≤ absolute + relative · |expected|` for both parts of every answer.
fn assert_near(name: &str, found: &Array2<[f32; 2]>, expected: &Npy, relative: f64, absolute: f64) {
    assert_eq!(found.shape(), &expected.shape[..], "{name}");
    for (found, expected) in found.iter().flatten().zip(&expected.values) {
        let found = f64::from(*found);
        assert!(
            (found - expected).abs() <= absolute + relative * expected.abs(),
            "{name}: {found}, expected {expected}"
        );
    }
}

#[test]
fn filter_bank_of_the_mocks() {
    let Some(folder) = golden("filter_bank_of_the_mocks", "02_node_mocks") else { return };
    let iris = NormalizedIris::new(
        picture(folder.join("convbank_in_image.png")).pixels().clone(),
        mask(folder.join("convbank_in_mask.png")),
    )
    .unwrap();
    for (i, (kernel, (rows, columns))) in mocks().into_iter().zip([(25, 100), (100, 300), (60, 125)]).enumerate() {
        for (d, rule) in [MaskRule::Separate, MaskRule::Duplicated].into_iter().enumerate() {
            let bank = FilterBank::new(std::slice::from_ref(&kernel), rows, columns, rule, BottomEdge::WithoutLastRow);
            let response = bank.respond(&iris);
            let expected = Npy::read(folder.join(format!("convbank_v1_11_0_out_response_{i}.npy")));
            assert_near(&format!("response {i}"), &response.wavelets[0].iris, &expected, 1e-5, 1e-7);
            let expected = Npy::read(folder.join(format!("convbank_v1_11_0_out_maskresp_dup{d}_{i}.npy")));
            assert_near(&format!("mask {i} {rule:?}"), &response.wavelets[0].mask, &expected, 1e-5, 1e-7);
        }
    }
}

fn responses(array: &Npy) -> Vec<Array2<[f32; 2]>> {
    let [wavelets, rows, columns] = array.shape[..] else { panic!("shape {:?}", array.shape) };
    let values = array.values.as_chunks::<2>().0;
    #[allow(clippy::cast_possible_truncation)]
    let wavelet = |w: usize| {
        Array2::from_shape_fn((rows, columns), |(y, x)| values[(w * rows + y) * columns + x].map(|part| part as f32))
    };
    (0..wavelets).map(wavelet).collect()
}

#[test]
fn fragile_bits() {
    let Some(folder) = golden("fragile_bits", "02_node_mocks") else { return };
    let rules = [
        ("cartesian", FragileBits::Cartesian { least: 0.0, most_real: 0.5, most_imaginary: 0.5 }),
        ("polar", FragileBits::Polar { least: 0.0, most: 0.49, angle: core::f64::consts::PI / 8.0 }),
    ];
    for (name, rule) in rules {
        let iris = responses(&Npy::read(folder.join(format!("fragile_{name}_in_response.npy"))));
        let mask = responses(&Npy::read(folder.join(format!("fragile_{name}_in_mask.npy"))));
        for (d, duplicated) in [MaskRule::Separate, MaskRule::Duplicated].into_iter().enumerate() {
            let wavelets = iris.iter().zip(&mask).map(|(i, m)| WaveletResponse { iris: i.clone(), mask: m.clone() });
            let mut response = IrisResponse { wavelets: wavelets.collect() };
            rule.refine(&mut response, duplicated);
            let expected = responses(&Npy::read(folder.join(format!("fragile_{name}_out_mask_dup{d}.npy"))));
            for (found, expected) in response.wavelets.iter().zip(&expected) {
                assert_eq!(found.mask, expected, "{name} {duplicated:?}");
            }
        }
    }
}

/// The filter bank written down as open-iris' documentation tells it, one probe after another, in double precision.
fn naive(iris: &NormalizedIris, kernel: &Kernel, probe: [usize; 2], rule: MaskRule, edge: BottomEdge) -> [[f64; 2]; 2] {
    let (rows, columns) = iris.image().dim();
    let (kernel_rows, kernel_columns) = kernel.values().dim();
    let (reach, half) = (kernel_rows / 2, kernel_columns / 2);
    let end = if edge == BottomEdge::Full { rows } else { rows - 1 };
    let patch_rows: Vec<usize> = (probe[0].saturating_sub(reach)..(probe[0] + reach + 1).min(end)).collect();
    let top = reach - patch_rows.len() / 2;
    let (mut answer, mut valid, mut total) = ([0.0; 2], [0.0; 2], [0.0; 2]);
    for (k, &row) in patch_rows.iter().enumerate() {
        for c in 0..kernel_columns {
            let column = (probe[1] + c + columns - half) % columns;
            let weight = kernel.values()[[top + k, c]];
            for part in 0..2 {
                answer[part] += weight[part] * f64::from(iris.image()[[row, column]]);
                total[part] += weight[part].abs();
                if iris.mask()[[row, column]] {
                    valid[part] += weight[part].abs();
                }
            }
        }
    }
    let area = patch_rows.len() as f64 * kernel_columns as f64;
    let answer = [answer[0] / area / kernel.norm()[0], answer[1] / area / kernel.norm()[1]];
    let mut share = [valid[0] / total[0], valid[1] / total[1]];
    if rule == MaskRule::Duplicated {
        share[0] = share[1];
    }
    (answer, if answer == [0.0; 2] { [0.0; 2] } else { share }).into()
}

/// A picture of a few waves and a mask with holes, both from a seed.
fn random_iris(rows: usize, columns: usize, seed: u64, holes: u8) -> NormalizedIris {
    let mut state = seed | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let image = Array2::from_shape_fn((rows, columns), |_| (next() >> 32) as u8);
    let mut mask = Array2::from_elem((rows, columns), true);
    for _ in 0..holes {
        let (y, x) = (next() as usize % rows, next() as usize % columns);
        for v in y..(y + 9).min(rows) {
            for u in x..(x + 21).min(columns) {
                mask[[v, u]] = false;
            }
        }
    }
    NormalizedIris::new(image, mask).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_bank_equals_its_naive_twin(
        seed in any::<u64>(), holes in 0_u8..12, rows in 24_usize..140, columns in 48_usize..300, fixed in any::<bool>(),
        duplicated in any::<bool>(), full in any::<bool>(),
    ) {
        let iris = random_iris(rows, columns, seed, holes);
        let rule = if duplicated { MaskRule::Duplicated } else { MaskRule::Separate };
        let edge = if full { BottomEdge::Full } else { BottomEdge::WithoutLastRow };
        let kernels = open_iris().map(|kernel| if fixed { kernel.to_fixed_point() } else { kernel });
        let response = FilterBank::new(&kernels, 7, 19, rule, edge).respond(&iris);
        let (probe_rows, probe_columns) = (probe_rows(7, rows), probe_columns(19, columns));
        for (kernel, wavelet) in kernels.iter().zip(&response.wavelets) {
            for (i, &row) in probe_rows.iter().enumerate() {
                for (j, &column) in probe_columns.iter().enumerate() {
                    let [answer, share] = naive(&iris, kernel, [row, column], rule, edge);
                    for part in 0..2 {
                        let found = f64::from(wavelet.iris[[i, j]][part]);
                        prop_assert!((found - answer[part]).abs() <= 1e-6 * answer[part].abs() + 1e-9, "{found} {answer:?}");
                        let found = f64::from(wavelet.mask[[i, j]][part]);
                        prop_assert!((found - share[part]).abs() <= 1e-6, "{found} {share:?}");
                    }
                }
            }
        }
    }
}
