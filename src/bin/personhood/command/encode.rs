//! `personhood encode`: pictures to templates.

use std::fmt;
use std::path::{Path, PathBuf};

use personhood::iris::{Layout, openiris};
use personhood::pipeline::Pipeline;
use personhood::pipeline::quality::Quality;
use rayon::prelude::*;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::args::Encode;
use crate::exit::Exit;
use crate::eye;
use crate::failure::Failure;
use crate::files;
use crate::output::Output;
use crate::pictures;

/// Fields of the JSON document.
#[derive(Serialize)]
struct Report {
    layout: usize,
    images: Vec<ImageReport>,
}

#[derive(Serialize)]
struct ImageReport {
    image: PathBuf,
    #[serde(flatten)]
    result: ImageResult,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ImageResult {
    Encoded(Encoded),
    Failed { error: Failure },
}

#[derive(Serialize)]
struct Encoded {
    /// The template, where no file was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<serde_json::Value>,
    /// The template's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    /// Pictures of what was seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pictures: Vec<PathBuf>,
    quality: QualityReport,
    /// As open-iris writes it.
    #[serde(skip)]
    json: Zeroizing<String>,
}

/// open-iris' measures. Lengths are pixels; `off_gaze`, `visible` and `visible_beside` go from 0 to 1.
#[derive(Serialize)]
struct QualityReport {
    pupil_diameter: Option<f64>,
    iris_diameter: Option<f64>,
    pupil_to_iris_diameter: Option<f64>,
    pupil_to_iris_centre_distance: Option<f64>,
    off_gaze: Option<f64>,
    visible: Option<f64>,
    visible_beside: Option<f64>,
    sharpness: Option<f64>,
    usable_bits: Option<u32>,
}

pub(crate) fn run(args: &Encode, output: Output) -> Result<Exit, Failure> {
    let layout = Layout::from(args.layout);
    let pipeline = eye::pipeline(layout);
    let target = Target::new(args)?;
    if let Some(folder) = &args.pictures {
        files::make_folder(folder)?;
    }
    let bar = output.progress(args.images.len(), "encoding");
    let encode = |image: &PathBuf| {
        let encoded = encode(image, &pipeline, args, &target, output);
        bar.inc(1);
        encoded
    };
    let results: Vec<Result<Encoded, Failure>> = args.images.par_iter().map(encode).collect();
    bar.finish_and_clear();
    if let [Err(failure)] = results.as_slice() {
        return Err(failure.clone());
    }
    let images = args.images.iter().zip(results).map(|(image, result)| {
        let result = result.map_or_else(|error| ImageResult::Failed { error }, ImageResult::Encoded);
        ImageReport { image: image.clone(), result }
    });
    let report = Report { layout: layout.columns(), images: images.collect() };
    let failed = report.images.iter().filter_map(|image| image.result.failure());
    failed.clone().for_each(|failure| output.item_failed(failure));
    let exit = failed.map(Failure::exit).max().unwrap_or(Exit::Yes);
    output.answer(exit, &report, &report)
}

fn encode(
    path: &Path,
    pipeline: &Pipeline,
    args: &Encode,
    target: &Target,
    output: Output,
) -> Result<Encoded, Failure> {
    let image = eye::read_picture(path)?;
    let pictures = match &args.pictures {
        // Also of a picture that is refused: they show why.
        Some(folder) => {
            let written = pictures::write(&image, &pipeline.trace(&image), &folder.join(stem(path)), output)?;
            written.into_iter().map(|(file, _)| file).collect()
        }
        None => Vec::new(),
    };
    let capture = eye::encode(&image, path, pipeline)?;
    let json = openiris::to_json(&capture.template).map_err(|error| Failure::from(error).about(path))?;
    let file = target.file_of(path);
    if let Some(file) = &file {
        files::write(file, json.as_bytes(), output)?;
    }
    let template = match file {
        None if output.is_json() => serde_json::from_str(&json).ok(),
        _ => None,
    };
    Ok(Encoded { template, file, pictures, quality: QualityReport::from(&capture.quality), json })
}

/// Where templates go.
enum Target {
    StandardOutput,
    File(PathBuf),
    Folder(PathBuf),
}

impl Target {
    fn new(args: &Encode) -> Result<Self, Failure> {
        let Some(out) = &args.out else { return Ok(Self::StandardOutput) };
        if args.images.len() == 1 && !out.is_dir() {
            return Ok(Self::File(out.clone()));
        }
        let mut stems: Vec<_> = args.images.iter().map(|image| stem(image)).collect();
        stems.sort();
        if let Some(twice) = stems.windows(2).find(|pair| pair[0] == pair[1]) {
            let message = format!("two pictures would give the same file {}.json", twice[0].display());
            return Err(Failure::new("usage", message).with_hint("encode them into different folders"));
        }
        files::make_folder(out)?;
        Ok(Self::Folder(out.clone()))
    }

    fn file_of(&self, image: &Path) -> Option<PathBuf> {
        match self {
            Self::StandardOutput => None,
            Self::File(file) => Some(file.clone()),
            Self::Folder(folder) => Some(folder.join(stem(image).with_added_extension("json"))),
        }
    }
}

fn stem(path: &Path) -> PathBuf {
    PathBuf::from(path.file_stem().unwrap_or_default())
}

impl ImageResult {
    const fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Encoded(_) => None,
            Self::Failed { error } => Some(error),
        }
    }
}

impl From<&Quality> for QualityReport {
    fn from(quality: &Quality) -> Self {
        Self {
            pupil_diameter: quality.pupil_diameter,
            iris_diameter: quality.iris_diameter,
            pupil_to_iris_diameter: quality.pupil_to_iris_diameter,
            pupil_to_iris_centre_distance: quality.pupil_to_iris_centre_distance,
            off_gaze: quality.off_gaze,
            visible: quality.visible,
            visible_beside: quality.visible_beside,
            sharpness: quality.sharpness,
            usable_bits: quality.usable_bits,
        }
    }
}

impl fmt::Display for Report {
    /// Templates on standard output are the bare documents, one a line; otherwise what was written where.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for image in &self.images {
            let ImageResult::Encoded(encoded) = &image.result else { continue };
            match &encoded.file {
                None => writeln!(f, "{}", *encoded.json)?,
                Some(file) if file == Path::new("-") => {}
                Some(file) => {
                    let bits = encoded.quality.usable_bits.unwrap_or_default();
                    writeln!(f, "{} -> {} ({bits} usable bits)", image.image.display(), file.display())?;
                }
            }
        }
        Ok(())
    }
}
