//! The ONNX segmenter, with models that the tests write themselves, byte by byte.

#![allow(clippy::unwrap_used)]

use ndarray::Array2;
use personhood::pipeline::image::EyeImage;
use personhood::pipeline::segment::onnx::{ModelError, ModelLimits, OnnxSegmenter};
use personhood::pipeline::segment::{SegmentError, Segmenter};
use proptest::prelude::{ProptestConfig, any, prop_assert, proptest};
use sha2::{Digest, Sha256};

/// Protocol buffers: a field with a number, and one with bytes.
fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn bytes(field: u64, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    [varint(field << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}

/// What can be wrong with a model; the default is right.
#[derive(Clone)]
struct Plan {
    input: Vec<u64>,
    output: Vec<u64>,
    kind: u64,
    activation: &'static str,
    domain: &'static str,
    /// Put in front of the first tensor's other fields.
    tensor_extra: Vec<u8>,
    /// Channels that the first convolution claims to read.
    channels: usize,
    /// Behind the fields of the first node.
    node_extra: Vec<u8>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            input: vec![1, 3, 480, 640],
            output: vec![1, 4, 480, 640],
            kind: 1,
            activation: "Sigmoid",
            domain: "",
            tensor_extra: Vec::new(),
            channels: 3,
            node_extra: Vec::new(),
        }
    }
}

impl Plan {
    /// 1×1 convolutions that tell four classes by grey level: lashes below 20, pupil to 70, iris to 130, eyeball to 200.
    fn model(&self) -> Vec<u8> {
        const STEEP: f64 = 400.0;
        let levels = [20.5, 70.5, 130.5, 200.5].map(|level| (level / 255.0 - 0.485) / 0.229);
        let (mut first, mut first_bias) = (Vec::new(), Vec::new());
        for level in levels {
            first.extend((0..self.channels).map(|channel| if channel == 0 { STEEP } else { 0.0 }));
            first_bias.push(-STEEP * level);
        }
        // Each row: a class out of "brighter than" each level.
        let second = [[0.0, 0.0, 0.0, -1.0], [0.0, 1.0, -1.0, 0.0], [1.0, -1.0, 0.0, 0.0], [-1.0, 0.0, 0.0, 0.0]];
        let second_bias = [1.0, 0.0, 0.0, 1.0];
        let nodes = [
            [node("Conv", &["picture", "w1", "b1"], "h", ""), self.node_extra.clone()].concat(),
            node(self.activation, &["h"], "s", self.domain),
            node("Conv", &["s", "w2", "b2"], "classes", ""),
        ];
        let mut graph: Vec<u8> = nodes.iter().flat_map(|node| bytes(1, node)).collect();
        graph.extend(bytes(2, "four classes by grey level"));
        let w1 = self.tensor("w1", &[4, self.channels, 1, 1], &first);
        graph.extend(bytes(5, [self.tensor_extra.clone(), w1].concat()));
        graph.extend(bytes(5, self.tensor("b1", &[4], &first_bias)));
        graph.extend(bytes(5, self.tensor("w2", &[4, 4, 1, 1], second.as_flattened())));
        graph.extend(bytes(5, self.tensor("b2", &[4], &second_bias)));
        graph.extend(bytes(11, value("picture", self.kind, &self.input)));
        graph.extend(bytes(12, value("classes", self.kind, &self.output)));
        [number(1, 8), bytes(7, graph), bytes(8, number(2, 17))].concat()
    }

    fn tensor(&self, name: &str, dimensions: &[usize], numbers: &[f64]) -> Vec<u8> {
        let mut tensor: Vec<u8> = dimensions.iter().flat_map(|&side| number(1, side as u64)).collect();
        tensor.extend(number(2, self.kind));
        tensor.extend(bytes(8, name));
        let raw: Vec<u8> = numbers
            .iter()
            .flat_map(|&number| {
                if self.kind == 10 { half(number as f32).to_vec() } else { (number as f32).to_le_bytes().to_vec() }
            })
            .collect();
        tensor.extend(bytes(9, raw));
        tensor
    }
}

/// Half precision of a number that is 0 or neither very small nor very large.
fn half(number: f32) -> [u8; 2] {
    let bits = number.to_bits();
    if number == 0.0 {
        return [0, 0];
    }
    let exponent = (bits >> 23 & 0xff) as u16 - (127 - 15);
    ((bits >> 16 & 0x8000) as u16 | exponent << 10 | (bits >> 13 & 0x3ff) as u16).to_le_bytes()
}

fn node(operator: &str, inputs: &[&str], output: &str, domain: &str) -> Vec<u8> {
    let mut node: Vec<u8> = inputs.iter().flat_map(|input| bytes(1, input)).collect();
    node.extend(bytes(2, output));
    node.extend(bytes(4, operator));
    node.extend(bytes(7, domain));
    if operator == "Conv" {
        // As exporters write them, also where they are the format's defaults.
        for (name, numbers) in
            [("strides", vec![1, 1]), ("dilations", vec![1, 1]), ("pads", vec![0; 4]), ("kernel_shape", vec![1, 1])]
        {
            const INTEGERS: u64 = 7;
            let numbers: Vec<u8> = numbers.into_iter().flat_map(|one| number(8, one)).collect();
            node.extend(bytes(5, [bytes(1, name), number(20, INTEGERS), numbers].concat()));
        }
    }
    node
}

fn value(name: &str, kind: u64, sides: &[u64]) -> Vec<u8> {
    let shape: Vec<u8> = sides.iter().flat_map(|&side| bytes(1, number(1, side))).collect();
    [bytes(1, name), bytes(2, bytes(1, [number(1, kind), bytes(2, shape)].concat()))].concat()
}

fn open(model: Vec<u8>) -> Result<OnnxSegmenter, ModelError> {
    let pin = Sha256::digest(&model).into();
    OnnxSegmenter::from_bytes(model, &pin, &ModelLimits::default())
}

/// Discs of the four greys and a lash, `scale` pixels to a unit.
fn drawn(width: usize, height: usize) -> Array2<u8> {
    let scale = width as f64 / 640.0;
    Array2::from_shape_fn((height, width), |(y, x)| {
        let radius = (x as f64 / scale - 320.0).hypot(y as f64 / scale - 240.0);
        match radius {
            _ if (300.0..312.0).contains(&(x as f64 / scale)) && y as f64 / scale < 200.0 => 10,
            0.0..35.0 => 40,
            35.0..90.0 => 100,
            90.0..150.0 => 170,
            _ => 230,
        }
    })
}

/// Pixels of which a mask says something else than the grey levels.
fn wrong(picture: &Array2<u8>, segmenter: &OnnxSegmenter) -> [usize; 4] {
    let found = segmenter.segment(&EyeImage::from_pixels(picture.clone())).unwrap();
    assert!(found.pupil_confidence > 0.9 && found.iris_confidence > 0.9 && found.contours.is_none());
    let masks = [found.masks.eyeball, found.masks.iris, found.masks.pupil, found.masks.eyelashes];
    let classes: [fn(u8) -> bool; 4] =
        [|grey| grey <= 200, |grey| (71..=130).contains(&grey), |grey| (21..=70).contains(&grey), |grey| grey <= 20];
    core::array::from_fn(|class| {
        assert_eq!(masks[class].dim(), picture.dim());
        masks[class].iter().zip(picture).filter(|&(&mask, &grey)| mask != classes[class](grey)).count()
    })
}

#[test]
fn four_classes_are_told_by_a_model_in_single_and_in_half_precision() {
    for kind in [1, 10] {
        let sharp = open(Plan { kind, ..Plan::default() }.model()).unwrap().with_denoising(false);
        assert_eq!(wrong(&drawn(640, 480), &sharp), [0; 4]);
        // Another size goes through the network's: only pixels beside an edge may differ.
        for (width, height) in [(320, 240), (1280, 960), (400, 300)] {
            let differing = wrong(&drawn(width, height), &sharp);
            assert!(differing.iter().all(|&count| count < width * height / 50), "{width}x{height}: {differing:?}");
        }
        let smooth = open(Plan { kind, ..Plan::default() }.model()).unwrap();
        assert!(wrong(&drawn(640, 480), &smooth).iter().all(|&count| count < 640 * 480 / 50));
        assert!(smooth.id().starts_with("onnx-") && smooth.id().len() == 21);
    }
}

#[test]
fn an_empty_answer_is_a_refusal() {
    let segmenter = open(Plan::default().model()).unwrap();
    let refusal = segmenter.segment(&EyeImage::from_pixels(Array2::from_elem((480, 640), 230))).unwrap_err();
    assert!(matches!(refusal, SegmentError::NoPupil { .. }), "{refusal}");
}

#[test]
fn a_model_that_is_not_the_pinned_one_is_refused_first() {
    let model = Plan::default().model();
    let refusal = OnnxSegmenter::from_bytes(model.clone(), &[7; 32], &ModelLimits::default()).unwrap_err();
    assert!(matches!(refusal, ModelError::Checksum { .. }) && refusal.to_string().contains(&"07".repeat(32)));
    // Nothing in it has been read by then: text that is no model has the same error.
    let text = OnnxSegmenter::from_bytes(b"no model".to_vec(), &[7; 32], &ModelLimits::default());
    assert_eq!(text.unwrap_err().code(), "model_checksum");

    let limits = ModelLimits { max_bytes: model.len() as u64 - 1, ..ModelLimits::default() };
    let pin = Sha256::digest(&model).into();
    assert_eq!(OnnxSegmenter::from_bytes(model.clone(), &pin, &limits).unwrap_err().code(), "model_too_large");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.onnx");
    std::fs::write(&file, &model).unwrap();
    assert_eq!(OnnxSegmenter::open(&file, &pin, &limits).unwrap_err().code(), "model_too_large");
    assert!(OnnxSegmenter::open(&file, &pin, &ModelLimits::default()).is_ok());
    let missing = OnnxSegmenter::open(&folder.path().join("none"), &pin, &ModelLimits::default());
    assert_eq!(missing.unwrap_err().code(), "model_unreadable");
}

#[test]
fn wrong_and_hostile_models_have_an_error_each() {
    let plan = Plan::default;
    let graph_inside = bytes(5, bytes(6, [0_u8; 0]));
    let refused: Vec<(&str, Vec<u8>, &str)> = vec![
        ("text", b"This is no model.\n".to_vec(), "model_not_onnx"),
        ("empty", Vec::new(), "model_not_onnx"),
        ("a picture", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec(), "model_not_onnx"),
        ("one channel", Plan { input: vec![1, 1, 480, 640], ..plan() }.model(), "model_input"),
        ("another size", Plan { input: vec![1, 3, 224, 224], ..plan() }.model(), "model_input"),
        ("three sides", Plan { input: vec![3, 480, 640], ..plan() }.model(), "model_input"),
        ("double precision", Plan { kind: 11, ..plan() }.model(), "model_tensor"),
        ("two classes", Plan { output: vec![1, 2, 480, 640], ..plan() }.model(), "model_output"),
        ("an operator that makes memory", Plan { activation: "ConstantOfShape", ..plan() }.model(), "model_operator"),
        ("an operator with a graph", Plan { node_extra: graph_inside, ..plan() }.model(), "model_operator"),
        ("somebody's own operator", Plan { domain: "com.example", ..plan() }.model(), "model_operator"),
        ("numbers elsewhere", Plan { tensor_extra: bytes(13, b"x"), ..plan() }.model(), "model_external_data"),
        ("location elsewhere", Plan { tensor_extra: number(14, 1), ..plan() }.model(), "model_external_data"),
        ("a giant tensor", Plan { tensor_extra: number(1, 1 << 40), ..plan() }.model(), "model_tensor"),
        ("an overflowing tensor", Plan { tensor_extra: number(1, u64::MAX), ..plan() }.model(), "model_tensor"),
        ("too few numbers", Plan { tensor_extra: number(1, 2), ..plan() }.model(), "model_tensor"),
        ("a convolution of other channels", Plan { channels: 7, ..plan() }.model(), "model_engine"),
    ];
    for (what, model, code) in refused {
        let refusal = open(model).unwrap_err();
        assert_eq!(refusal.code(), code, "{what}: {refusal}");
    }
    let sideless = open(Plan { input: Vec::new(), ..plan() }.model()).unwrap_err();
    assert_eq!(sideless, ModelError::Input { found: "[] of type 1".to_owned() });
}

#[test]
fn every_prefix_of_a_model_is_refused() {
    let model = Plan::default().model();
    for length in 0..model.len() - 4 {
        let refusal = open(model[..length].to_vec()).unwrap_err();
        assert_eq!(refusal.code(), "model_not_onnx", "{length} of {}: {refusal}", model.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn damaged_models_never_panic(damage in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..4)) {
        let mut model = Plan::default().model();
        for (at, value) in damage {
            let length = model.len();
            model[usize::from(at) % length] = value;
        }
        // Pinned by whoever damaged it: all that stands between it and the engine is what is tested here.
        match open(model) {
            Ok(segmenter) => prop_assert!(segmenter.id().starts_with("onnx-")),
            Err(refusal) => prop_assert!(refusal.code().starts_with("model_"), "{refusal}"),
        }
    }
}
