//! `personhood compare`: are these two eyes one?

use std::fmt;

use personhood::iris::Layout;
use personhood::matcher::{Comparison, EyeRule, compare};
use serde::Serialize;

use crate::args::Compare;
use crate::exit::Exit;
use crate::eye::{self, EyeFile};
use crate::failure::Failure;
use crate::output::Output;
use crate::report::AlignmentReport;

/// Fields of the JSON document.
#[derive(Serialize)]
struct Report {
    answer: &'static str,
    #[serde(flatten)]
    alignment: AlignmentReport,
    threshold: f64,
}

pub(crate) fn run(args: &Compare, output: Output) -> Result<Exit, Failure> {
    let policy = eye::match_policy(&args.policy, EyeRule::Either);
    let (a, b) = (EyeFile::read(&args.a)?, EyeFile::read(&args.b)?);
    let asked = args.layout.map(Layout::from);
    let layout = asked.or(a.layout()).or(b.layout()).unwrap_or(Layout::Columns256);
    let pipeline = eye::pipeline(layout);
    let (a, b) = (a.into_template(&args.a, &pipeline)?, b.into_template(&args.b, &pipeline)?);
    let (answer, alignment) = match compare(&a, &b, &policy) {
        Comparison::Match(alignment) => (Exit::Yes, alignment),
        Comparison::NonMatch(alignment) => (Exit::No, alignment),
        Comparison::Incomparable(reason) => return Err(Failure::from(reason)),
    };
    let report = Report {
        answer: if answer == Exit::Yes { "match" } else { "no_match" },
        alignment: AlignmentReport::new(alignment, layout),
        threshold: f64::from(policy.threshold.numerator()) / f64::from(policy.threshold.denominator()),
    };
    output.answer(answer, &report, &report)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", if self.answer == "match" { "match: one eye" } else { "no match: two eyes" })?;
        write!(f, "{}\n  threshold  {:.4}", self.alignment, self.threshold)
    }
}
