//! One eye from a file: a template in open-iris' JSON, or a picture that is encoded on the way.

use std::path::{Path, PathBuf};

use personhood::iris::{IrisTemplate, Layout, openiris};
use personhood::matcher::{EyeRule, MatchPolicy, Threshold};
use personhood::pipeline::image::{EyeImage, Limits, decode};
use personhood::pipeline::{Capture, Pipeline};
use zeroize::Zeroizing;

use crate::args::{Columns, EyeFiles, EyesNeeded, Policy};
use crate::failure::Failure;
use crate::files;

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

/// The policy that the options describe.
pub(crate) fn match_policy(policy: &Policy, eye_rule: EyeRule) -> MatchPolicy {
    let threshold = Threshold::new(policy.threshold.numerator, policy.threshold.denominator)
        .expect("the parser takes decimals between 0 and 1 only");
    MatchPolicy {
        threshold,
        minimum_compared_permille: policy.minimum_compared,
        maximum_rotation: policy.maximum_rotation,
        eye_rule,
    }
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
        let bytes = Zeroizing::new(files::read(path, files::PICTURE_LIMIT)?);
        if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{') {
            let template = openiris::from_json(&bytes).map_err(|error| Failure::from(error).about(path))?;
            return Ok(Self::Template(template));
        }
        picture(&bytes, path).map(Self::Picture)
    }

    /// The layout, where the file decides it.
    pub(crate) fn layout(&self) -> Option<Layout> {
        match self {
            Self::Template(template) => Some(template.layout()),
            Self::Picture(_) => None,
        }
    }

    /// The template; a picture is encoded by `pipeline`.
    pub(crate) fn into_template(self, path: &Path, pipeline: &Pipeline) -> Result<IrisTemplate, Failure> {
        match self {
            Self::Template(template) => Ok(template),
            Self::Picture(picture) => encode(&picture, path, pipeline).map(|capture| capture.template),
        }
    }
}

/// The template of one file.
pub(crate) fn template(path: &Path, pipeline: &Pipeline) -> Result<IrisTemplate, Failure> {
    EyeFile::read(path)?.into_template(path, pipeline)
}

/// Reads a picture; a template is refused as one.
pub(crate) fn read_picture(path: &Path) -> Result<EyeImage, Failure> {
    picture(&Zeroizing::new(files::read(path, files::PICTURE_LIMIT)?), path)
}

fn picture(bytes: &[u8], path: &Path) -> Result<EyeImage, Failure> {
    decode(bytes, &Limits::default()).map_err(|error| Failure::from(error).about(path))
}

/// Runs the pipeline, and says about which file a refusal is.
pub(crate) fn encode(picture: &EyeImage, path: &Path, pipeline: &Pipeline) -> Result<Capture, Failure> {
    pipeline.run(picture).map_err(|error| Failure::from(error).about(path))
}

/// The pipeline for one layout, with the classical segmenter and the default limits.
pub(crate) fn pipeline(layout: Layout) -> Pipeline {
    Pipeline::builder().layout(layout).build()
}

/// The templates of one person's eyes, as far as they were given.
pub(crate) struct EyePair {
    pub(crate) left: Option<IrisTemplate>,
    pub(crate) right: Option<IrisTemplate>,
}

impl EyePair {
    /// Reads the files that the options name.
    pub(crate) fn read(files: &EyeFiles, pipeline: &Pipeline) -> Result<Self, Failure> {
        let read = |path: &Option<PathBuf>| path.as_deref().map(|path| template(path, pipeline)).transpose();
        Ok(Self { left: read(&files.left)?, right: read(&files.right)? })
    }
}
