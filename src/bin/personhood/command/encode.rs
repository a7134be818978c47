//! `personhood encode`: pictures to templates.

use std::fmt;
use std::path::{Path, PathBuf};

use personhood::iris::{Layout, openiris};
use personhood::pipeline::Pipeline;
use rayon::prelude::*;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::args::Encode;
use crate::capture::CaptureReport;
use crate::exit::Exit;
use crate::eye::{self, FrameReport};
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
    #[serde(flatten)]
    capture: Box<CaptureReport>,
    /// As open-iris writes it.
    #[serde(skip)]
    json: Zeroizing<String>,
}

pub(crate) fn run(args: &Encode, output: Output) -> Result<Exit, Failure> {
    let layout = Layout::from(args.layout);
    let encoder = args.encoder.into();
    let pipeline = eye::pipeline(layout, encoder, &args.segmentation)?;
    let target = Target::new(args)?;
    if let Some(folder) = &args.pictures {
        files::make_folder(folder)?;
    }
    if args.frames {
        return frames(args, &pipeline, output);
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
    let (encoded, capture) = eye::encode(&image, path, pipeline)?;
    let json = openiris::to_json(&encoded.template).map_err(|error| Failure::from(error).about(path))?;
    let file = target.file_of(path);
    if let Some(file) = &file {
        files::write(file, json.as_bytes(), output)?;
    }
    let template = match file {
        None if output.is_json() => serde_json::from_str(&json).ok(),
        _ => None,
    };
    Ok(Encoded { template, file, pictures, capture: Box::new(capture), json })
}

/// Fields of the JSON document for frames of one eye.
#[derive(Serialize)]
struct FramesReport {
    layout: usize,
    /// The template, where no file was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<serde_json::Value>,
    /// The template's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    frames: Vec<FrameReport>,
}

/// One template of all pictures.
fn frames(args: &Encode, pipeline: &Pipeline, output: Output) -> Result<Exit, Failure> {
    let (template, frames) = eye::fused(&args.images, None, pipeline)?;
    let json = openiris::to_json(&template)?;
    let report = |template, file| FramesReport { layout: template_columns(args), template, file, frames };
    let Some(file) = &args.out else {
        let value = output.is_json().then(|| serde_json::from_str(&json).ok()).flatten();
        return output.answer(Exit::Yes, &report(value, None), &*json);
    };
    files::write(file, json.as_bytes(), output)?;
    let text = format!("{} frames -> {}", args.images.len(), file.display());
    output.answer(Exit::Yes, &report(None, Some(file.clone())), text)
}

fn template_columns(args: &Encode) -> usize {
    Layout::from(args.layout).columns()
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
        if (args.images.len() == 1 || args.frames) && !out.is_dir() {
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

impl fmt::Display for Report {
    /// Templates on standard output are the bare documents, one a line; otherwise what was written where.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for image in &self.images {
            let ImageResult::Encoded(encoded) = &image.result else { continue };
            match &encoded.file {
                None => writeln!(f, "{}", *encoded.json)?,
                Some(file) if file == Path::new("-") => {}
                Some(file) => {
                    let bits = encoded.capture.quality.usable_bits.unwrap_or_default();
                    writeln!(f, "{} -> {} ({bits} usable bits)", image.image.display(), file.display())?;
                }
            }
        }
        Ok(())
    }
}
