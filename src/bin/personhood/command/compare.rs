//! `personhood compare`: are these two eyes one?

use std::fmt;
use std::path::PathBuf;

use personhood::iris::{EncoderVersion, Layout};
use personhood::matcher::{Comparison, EyeRule, compare};
use personhood::pipeline::picture;
use serde::Serialize;

use crate::args::Compare;
use crate::exit::Exit;
use crate::eye::{self, EyeFile};
use crate::failure::Failure;
use crate::files;
use crate::output::Output;
use crate::report::AlignmentReport;

/// Fields of the JSON document.
#[derive(Serialize)]
struct Report {
    answer: &'static str,
    #[serde(flatten)]
    alignment: AlignmentReport,
    threshold: f64,
    /// The codes as a picture, if one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<PathBuf>,
}

pub(crate) fn run(args: &Compare, output: Output) -> Result<Exit, Failure> {
    let (a, b) = (EyeFile::read(&args.a)?, EyeFile::read(&args.b)?);
    let asked = args.layout.map(Layout::from);
    let layout = asked.or(a.layout()).or(b.layout()).unwrap_or(Layout::Columns256);
    let asked = args.encoder.map(EncoderVersion::from);
    let encoder = asked.or(a.encoder()).or(b.encoder()).unwrap_or(EncoderVersion::Personhood(1));
    let policy = eye::match_policy(&args.policy, encoder, EyeRule::Either);
    // Two templates need no pipeline, whoever made them.
    let (a, b) = if let (EyeFile::Template(a), EyeFile::Template(b)) = (&a, &b) {
        (a.clone(), b.clone())
    } else {
        let pipeline = eye::pipeline(layout, encoder, &args.segmentation)?;
        (a.into_template(&args.a, &pipeline)?, b.into_template(&args.b, &pipeline)?)
    };
    let (answer, alignment) = match compare(&a, &b, &policy) {
        Comparison::Match(alignment) => (Exit::Yes, alignment),
        Comparison::NonMatch(alignment) => (Exit::No, alignment),
        Comparison::Incomparable(reason) => return Err(Failure::from(reason)),
    };
    if let Some(file) = &args.picture {
        let png = picture::comparison(&a, &b, alignment.rotation)
            .map_err(|error| Failure::new("picture_not_drawn", error.to_string()))?;
        files::write(file, &png, output)?;
    }
    let report = Report {
        answer: if answer == Exit::Yes { "match" } else { "no_match" },
        alignment: AlignmentReport::new(alignment, &policy, layout),
        threshold: policy.threshold.ratio(),
        picture: args.picture.clone(),
    };
    output.answer(answer, &report, &report)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", if self.answer == "match" { "match: one eye" } else { "no match: two eyes" })?;
        write!(f, "{}\n  threshold  {:.4}", self.alignment, self.threshold)
    }
}
