//! One eye from a file: a template in open-iris' JSON, or a picture that is encoded on the way.

use std::path::{Path, PathBuf};

use personhood::interchange::iso19794_6::IrisRecord;
use personhood::iris::{EncoderVersion, EyeSide, IrisTemplate, Layout, openiris};
use personhood::matcher::{EyeRule, MatchPolicy, Threshold};
use personhood::pipeline::frames::{FusionConfig, fuse};
use personhood::pipeline::image::{EyeImage, Limits, decode};
use personhood::pipeline::{Assessment, Capture, Pipeline, PipelineBuilder, PipelineConfig};
use personhood::registry::RegistryPolicy;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::args::{Columns, Encoder, EyeFiles, EyesNeeded, FrameFiles, Policy, SegmentationModel};
use crate::capture::CaptureReport;
use crate::failure::Failure;
use crate::values::Ratio;
use crate::{files, record};

impl From<Columns> for Layout {
    fn from(columns: Columns) -> Self {
        match columns {
            Columns::C200 => Self::Columns200,
            Columns::C256 => Self::Columns256,
        }
    }
}

impl From<EyesNeeded> for EyeRule {
    fn from(eyes: EyesNeeded) -> Self {
        match eyes {
            EyesNeeded::Either => Self::Either,
            EyesNeeded::Both => Self::Both,
        }
    }
}

impl From<Encoder> for EncoderVersion {
    fn from(encoder: Encoder) -> Self {
        match encoder {
            Encoder::Personhood1 => Self::Personhood(1),
            Encoder::OpenIris => Self::OpenIris1112,
        }
    }
}

/// The policy that the options describe, for templates of this encoder.
pub(crate) fn match_policy(policy: &Policy, encoder: EncoderVersion, eye_rule: EyeRule) -> MatchPolicy {
    let fitting = MatchPolicy::for_encoder(encoder);
    MatchPolicy {
        score: fitting.score,
        threshold: policy.threshold.map_or(fitting.threshold, threshold),
        minimum_compared_permille: policy.minimum_compared,
        maximum_rotation: policy.maximum_rotation,
        eye_rule,
    }
}

/// The threshold that an option gives.
pub(crate) fn threshold(ratio: Ratio) -> Threshold {
    Threshold::new(ratio.numerator, ratio.denominator).expect("the parser takes decimals between 0 and 1 only")
}

/// What a file turned out to hold.
pub(crate) enum EyeFile {
    /// A template, of whatever layout it has.
    Template(IrisTemplate),
    /// A picture.
    Picture(EyeImage),
}

impl EyeFile {
    /// Reads a file; a JSON document begins with `{`, a picture of no format does.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        Self::read_as(path, None)
    }

    /// [`Self::read`]; of an iris record, the picture of `eye`.
    pub(crate) fn read_as(path: &Path, eye: Option<EyeSide>) -> Result<Self, Failure> {
        let bytes = Zeroizing::new(files::read(path, files::PICTURE_LIMIT)?);
        if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{') {
            let template = openiris::from_json(&bytes).map_err(|error| Failure::from(error).about(path))?;
            return Ok(Self::Template(template));
        }
        picture(&bytes, path, eye).map(Self::Picture)
    }

    /// The layout, where the file decides it.
    pub(crate) fn layout(&self) -> Option<Layout> {
        match self {
            Self::Template(template) => Some(template.layout()),
            Self::Picture(_) => None,
        }
    }

    /// The encoder, where the file decides it.
    pub(crate) fn encoder(&self) -> Option<EncoderVersion> {
        match self {
            Self::Template(template) => Some(template.encoder()),
            Self::Picture(_) => None,
        }
    }

    /// The template; a picture is encoded by `pipeline`.
    pub(crate) fn into_template(self, path: &Path, pipeline: &Pipeline) -> Result<IrisTemplate, Failure> {
        match self {
            Self::Template(template) => Ok(template),
            Self::Picture(picture) => encode(&picture, path, pipeline).map(|(capture, _)| capture.template),
        }
    }
}

/// The template of one file.
pub(crate) fn template(path: &Path, pipeline: &Pipeline) -> Result<IrisTemplate, Failure> {
    EyeFile::read(path)?.into_template(path, pipeline)
}

/// Reads a picture, or the only one of an iris record; a template is refused as one.
pub(crate) fn read_picture(path: &Path) -> Result<EyeImage, Failure> {
    picture(&Zeroizing::new(files::read(path, files::PICTURE_LIMIT)?), path, None)
}

fn picture(bytes: &[u8], path: &Path, eye: Option<EyeSide>) -> Result<EyeImage, Failure> {
    if IrisRecord::is_record(bytes) {
        return record::picture(bytes, eye).map_err(|failure| failure.about(path));
    }
    decode(bytes, &Limits::default()).map_err(|error| Failure::from(error).about(path))
}

/// Runs the pipeline; a refusal says which file it is about, what was measured and how to take a better picture.
pub(crate) fn encode(
    picture: &EyeImage,
    path: &Path,
    pipeline: &Pipeline,
) -> Result<(Capture, CaptureReport), Failure> {
    let Assessment { quality, advice, outcome, .. } = pipeline.assess(picture);
    let report = CaptureReport::new(&quality, &advice);
    match outcome {
        Ok(capture) => Ok((capture, report)),
        Err(error) => Err(Failure::from(error).about(path).with_capture(report)),
    }
}

/// One file of an eye, and what came of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FrameReport {
    file: PathBuf,
    /// `quality` and `advice` of a picture; a template has none.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    capture: Option<CaptureReport>,
}

/// Makes one template of several files of one eye. Files that show different eyes are refused.
pub(crate) fn fused(
    paths: &[PathBuf],
    eye: Option<EyeSide>,
    pipeline: &Pipeline,
) -> Result<(IrisTemplate, Vec<FrameReport>), Failure> {
    let read = |path: &PathBuf| {
        let (template, capture) = match EyeFile::read_as(path, eye)? {
            EyeFile::Template(template) => (template, None),
            EyeFile::Picture(picture) => {
                let (capture, report) = encode(&picture, path, pipeline)?;
                (capture.template, Some(report))
            }
        };
        Ok((template, FrameReport { file: path.clone(), capture }))
    };
    let frames: Vec<_> = paths.iter().map(read).collect::<Result<_, Failure>>()?;
    let (templates, reports): (Vec<_>, Vec<_>) = frames.into_iter().unzip();
    let fused = fuse(&templates, &FusionConfig::STRICT).map_err(|error| {
        // Frames are counted in the order of the files.
        let file = error.frame().and_then(|frame| paths.get(frame)).or(paths.first());
        let failure = Failure::from(error.clone());
        file.map_or(failure.clone(), |file| failure.about(file))
    })?;
    Ok((fused.template, reports))
}

/// The pipeline for one layout and encoder with the default limits, and the classical segmenter unless a network is named.
pub(crate) fn pipeline(
    layout: Layout,
    encoder: EncoderVersion,
    segmentation: &SegmentationModel,
) -> Result<Pipeline, Failure> {
    let builder = Pipeline::builder().config(config(encoder)?).layout(layout);
    with_model(builder, segmentation).map(PipelineBuilder::build)
}

#[cfg(feature = "onnx")]
fn with_model(builder: PipelineBuilder, segmentation: &SegmentationModel) -> Result<PipelineBuilder, Failure> {
    use personhood::pipeline::segment::onnx::{ModelLimits, OnnxSegmenter};
    let (Some(file), Some(pin)) = (&segmentation.segmentation_model, &segmentation.segmentation_model_sha256) else {
        return Ok(builder);
    };
    let segmenter =
        OnnxSegmenter::open(file, &pin.0, &ModelLimits::default()).map_err(|error| Failure::from(error).about(file))?;
    Ok(builder.segmenter(segmenter))
}

#[cfg(not(feature = "onnx"))]
#[allow(clippy::unnecessary_wraps)] // as with the feature
fn with_model(builder: PipelineBuilder, _: &SegmentationModel) -> Result<PipelineBuilder, Failure> {
    Ok(builder)
}

fn config(encoder: EncoderVersion) -> Result<PipelineConfig, Failure> {
    PipelineConfig::for_encoder(encoder).ok_or_else(|| {
        Failure::new("encoder_unknown", format!("this release cannot make templates of {encoder} from pictures"))
            .with_hint("give templates instead of pictures, or install the release that made the others")
    })
}

/// The pipeline whose templates a registry takes.
pub(crate) fn pipeline_of(policy: &RegistryPolicy, segmentation: &SegmentationModel) -> Result<Pipeline, Failure> {
    pipeline(policy.layout, policy.encoder, segmentation)
}

/// The templates of one person's eyes, as far as they were given.
pub(crate) struct EyePair {
    pub(crate) left: Option<IrisTemplate>,
    pub(crate) right: Option<IrisTemplate>,
}

impl EyePair {
    /// Reads one file of each eye.
    pub(crate) fn read(files: &EyeFiles, pipeline: &Pipeline) -> Result<Self, Failure> {
        let read = |path: &Option<PathBuf>, eye| {
            let template = |path: &Path| EyeFile::read_as(path, Some(eye))?.into_template(path, pipeline);
            path.as_deref().map(template).transpose()
        };
        Ok(Self { left: read(&files.left, EyeSide::Left)?, right: read(&files.right, EyeSide::Right)? })
    }

    /// Reads one or more files of each eye.
    pub(crate) fn read_frames(files: &FrameFiles, pipeline: &Pipeline) -> Result<(Self, EyeReports), Failure> {
        let read = |paths: &[PathBuf], eye| match paths {
            [] => Ok((None, Vec::new())),
            _ => fused(paths, Some(eye), pipeline).map(|(template, reports)| (Some(template), reports)),
        };
        let (left, left_frames) = read(&files.left, EyeSide::Left)?;
        let (right, right_frames) = read(&files.right, EyeSide::Right)?;
        Ok((Self { left, right }, EyeReports { left: left_frames, right: right_frames }))
    }
}

/// The frames of each eye.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct EyeReports {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left: Vec<FrameReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    right: Vec<FrameReport>,
}
