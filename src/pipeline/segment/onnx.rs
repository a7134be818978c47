//! The segmentation network of open-iris, from an ONNX file.
//!
//! The file is not part of this package; the operator has it, and pins it by its SHA-256. What goes into the network and what is
//! made of its answer is open-iris 1.11.2's, see [`OnnxSegmenter`].
//!
//! The engine is `rten`: Rust throughout, without build scripts or downloads, 14 crates beside those that are here anyway
//! (`tract-onnx` needs some 90; `ort` downloads a library). It computes in single precision, also for a model in half precision.

mod inspect;
mod prepare;

use std::fs::File;
use std::io::Read as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use ndarray::Array2;
use rten::{Model, ModelOptions, Value};
use rten_tensor::{AsView as _, Layout as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroize as _;

use super::{SegmentError, Segmentation, SegmentationMasks, Segmenter};
use crate::bytes::to_hex;
use crate::pipeline::image::EyeImage;
use prepare::Precision;

/// Columns of the network's pictures.
const WIDTH: usize = 640;
/// Rows of the network's pictures.
const HEIGHT: usize = 480;
/// Planes of the answer: eyeball, iris, pupil, eyelashes.
const CLASSES: usize = 4;
/// A pixel belongs to a class from this probability on (`MultilabelSegmentationBinarization`, all four classes).
const THRESHOLD: f32 = 0.5;

/// What a model may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelLimits {
    /// Most bytes of the file.
    pub max_bytes: u64,
    /// Most numbers in one tensor of the file.
    pub max_elements: u64,
}

impl Default for ModelLimits {
    /// 256 MiB, and 2²⁶ numbers a tensor.
    ///
    /// open-iris' network (UNet++ on MobileNetV2) has some 7 million parameters in all.
    fn default() -> Self {
        Self { max_bytes: 256 << 20, max_elements: 1 << 26 }
    }
}

/// Why a file is not taken as a segmentation model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The file cannot be read.
    #[error("the segmentation model cannot be read: {detail}")]
    Unreadable {
        /// What the operating system says.
        detail: String,
    },
    /// The file is larger than [`ModelLimits::max_bytes`].
    #[error("the segmentation model has more than {limit} bytes; is this the file that you meant?")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// The file is another one than the operator pinned.
    #[error(
        "the segmentation model has the SHA-256 {found}, but {expected} is pinned; get the right file, or pin this one if you trust it"
    )]
    Checksum {
        /// Of the file, hexadecimal.
        found: String,
        /// The pin, hexadecimal.
        expected: String,
    },
    /// The bytes are not an ONNX model, or are cut off.
    #[error("the segmentation model is not an ONNX file: {detail}")]
    NotOnnx {
        /// What is wrong.
        detail: &'static str,
    },
    /// A tensor's numbers are in another file, which is not pinned.
    #[error("tensor {tensor} of the segmentation model is kept in another file; save the model as one file")]
    ExternalData {
        /// Its name.
        tensor: String,
    },
    /// A tensor is too large, or has another number of bytes than its shape asks for.
    #[error("tensor {tensor} of the segmentation model is impossible: {detail}")]
    Tensor {
        /// Its name.
        tensor: String,
        /// What is wrong.
        detail: String,
    },
    /// An operator that a segmentation network does not need.
    #[error("the segmentation model uses the operator {operator}, which is not among those that are run here")]
    Operator {
        /// Its type.
        operator: String,
    },
    /// The input is not one picture of 3×480×640 in single or half precision.
    #[error("the segmentation model takes {found}, expected one tensor [1, 3, 480, 640] of float or float16")]
    Input {
        /// What it takes.
        found: String,
    },
    /// The output is not four planes of 480×640.
    #[error("the segmentation model gives {found}, expected one tensor [1, 4, 480, 640]")]
    Output {
        /// What it gives.
        found: String,
    },
    /// The engine cannot load or run the model.
    #[error("the segmentation model does not run: {detail}")]
    Engine {
        /// What the engine says.
        detail: String,
    },
}

impl ModelError {
    /// A stable word for programs; it never changes for a variant.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "model_unreadable",
            Self::TooLarge { .. } => "model_too_large",
            Self::Checksum { .. } => "model_checksum",
            Self::NotOnnx { .. } => "model_not_onnx",
            Self::ExternalData { .. } => "model_external_data",
            Self::Tensor { .. } => "model_tensor",
            Self::Operator { .. } => "model_operator",
            Self::Input { .. } => "model_input",
            Self::Output { .. } => "model_output",
            Self::Engine { .. } => "model_engine",
        }
    }
}

/// Segments with a network of four classes, as open-iris 1.11.2 does (`ONNXMultilabelSegmentation`).
///
/// In: the picture is resized to 640×480 in 8 bits, bilinearly; smoothed by a bilateral filter where it is not darker than 75
/// (`denoise`, on by default as in open-iris' pipeline); normalised to ImageNet's mean and deviation in three equal channels; and
/// rounded to the precision of the model's input. Out: four planes of probabilities, brought to the picture's size by the nearest
/// pixel; a pixel belongs to each class whose probability is at least 0.5.
///
/// The trust in pupil and iris is the mean probability of the pixels that belong to them.
pub struct OnnxSegmenter {
    model: Model,
    id: String,
    precision: Precision,
    denoise: bool,
}

impl OnnxSegmenter {
    /// Opens a model file of which the SHA-256 is known.
    ///
    /// The checksum comes first, before a byte is understood: a model is a program, and the pin is what makes it the
    /// operator's own. The rest finds wrong files: one file, known operators, tensors within limits, the right input and output.
    /// At last it is run once on an empty picture, so that what does not run is known here and not at the first person.
    ///
    /// # Errors
    /// [`ModelError`]. A panic of the engine becomes [`ModelError::Engine`].
    pub fn open(path: &Path, sha256: &[u8; 32], limits: &ModelLimits) -> Result<Self, ModelError> {
        let unreadable = |error: std::io::Error| ModelError::Unreadable { detail: error.to_string() };
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(unreadable)?;
        file.take(limits.max_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
        Self::from_bytes(bytes, sha256, limits)
    }

    /// [`Self::open`] for the bytes of the file.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn from_bytes(bytes: Vec<u8>, sha256: &[u8; 32], limits: &ModelLimits) -> Result<Self, ModelError> {
        if bytes.len() as u64 > limits.max_bytes {
            return Err(ModelError::TooLarge { limit: limits.max_bytes });
        }
        let found: [u8; 32] = Sha256::digest(&bytes).into();
        if found != *sha256 {
            return Err(ModelError::Checksum { found: to_hex(&found), expected: to_hex(sha256) });
        }
        let precision = inspect::check(&bytes, limits)?;
        let engine = |error: rten::LoadError| ModelError::Engine { detail: error.to_string() };
        let load = AssertUnwindSafe(|| ModelOptions::with_all_ops().load(bytes));
        let model = catch_unwind(load).map_err(|_| panicked())?.map_err(engine)?;
        let id = format!("onnx-{}", &to_hex(&found)[..16]);
        let segmenter = Self { model, id, precision, denoise: true };
        segmenter.probabilities(&Array2::zeros((HEIGHT, WIDTH)))?;
        Ok(segmenter)
    }

    /// Whether the picture is smoothed before it goes in.
    #[must_use]
    pub fn with_denoising(mut self, denoise: bool) -> Self {
        self.denoise = denoise;
        self
    }

    /// The four planes for a picture of any size, row after row.
    fn probabilities(&self, pixels: &Array2<u8>) -> Result<Vec<f32>, ModelError> {
        let mut small = prepare::resize(pixels, WIDTH, HEIGHT);
        if self.denoise {
            let smooth = prepare::denoise(&small);
            crate::pipeline::image::wipe(&mut small);
            small = smooth;
        }
        let table = prepare::normalised(self.precision);
        let levels = table.iter().flat_map(|channel| small.iter().map(|&level| channel[usize::from(level)]));
        let input: Vec<f32> = levels.collect();
        crate::pipeline::image::wipe(&mut small);
        let input = Value::from_shape([1, 3, HEIGHT, WIDTH], input)
            .map_err(|error| ModelError::Engine { detail: error.to_string() })?;

        let run = AssertUnwindSafe(|| self.model.run_one((&input).into(), None));
        let output = catch_unwind(run).map_err(|_| panicked());
        // What went in shows the eye; the engine's own buffers are not ours to wipe.
        if let Value::FloatTensor(mut tensor) = input
            && let Some(numbers) = tensor.data_mut()
        {
            numbers.zeroize();
        }
        let output = output?.map_err(|error| ModelError::Engine { detail: error.to_string() })?;
        let Value::FloatTensor(output) = output else {
            return Err(ModelError::Output { found: "numbers of another type".to_owned() });
        };
        if output.shape() != [1, CLASSES, HEIGHT, WIDTH] {
            return Err(ModelError::Output { found: format!("{:?}", output.shape()) });
        }
        let numbers = output.to_vec();
        if numbers.iter().any(|number| !number.is_finite()) {
            return Err(ModelError::Output { found: "numbers that are not finite".to_owned() });
        }
        Ok(numbers)
    }
}

fn panicked() -> ModelError {
    ModelError::Engine { detail: "the engine gave up on it".to_owned() }
}

impl core::fmt::Debug for OnnxSegmenter {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("OnnxSegmenter").field("id", &self.id).field("denoise", &self.denoise).finish_non_exhaustive()
    }
}

impl Segmenter for OnnxSegmenter {
    fn segment(&self, image: &EyeImage) -> Result<Segmentation, SegmentError> {
        let planes =
            self.probabilities(image.pixels()).map_err(|error| SegmentError::Model { detail: error.to_string() })?;
        let (columns, rows) = (prepare::nearest(WIDTH, image.width()), prepare::nearest(HEIGHT, image.height()));
        let mask = |class: usize| {
            let plane = &planes[class * WIDTH * HEIGHT..][..WIDTH * HEIGHT];
            Array2::from_shape_fn((image.height(), image.width()), |(y, x)| {
                plane[rows[y] * WIDTH + columns[x]] >= THRESHOLD
            })
        };
        // The mean probability of what belongs to a class; 0 where nothing does.
        let trust = |class: usize| {
            let plane = &planes[class * WIDTH * HEIGHT..][..WIDTH * HEIGHT];
            let (sum, count) = plane
                .iter()
                .filter(|&&number| number >= THRESHOLD)
                .fold((0.0, 0_u32), |(sum, count), &number| (sum + f64::from(number.min(1.0)), count + 1));
            if count == 0 { 0.0 } else { sum / f64::from(count) }
        };
        let least = f64::from(THRESHOLD);
        let (iris_confidence, pupil_confidence) = (trust(1), trust(2));
        if pupil_confidence == 0.0 {
            return Err(SegmentError::NoPupil { confidence: 0.0, least });
        }
        if iris_confidence == 0.0 {
            return Err(SegmentError::NoIris { confidence: 0.0, least });
        }
        let masks = SegmentationMasks { eyeball: mask(0), iris: mask(1), pupil: mask(2), eyelashes: mask(3) };
        Ok(Segmentation { masks, pupil_confidence, iris_confidence, contours: None })
    }

    fn id(&self) -> &str {
        &self.id
    }
}
