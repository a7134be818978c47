//! Where words go: data to standard output, everything else to standard error.

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::args::Global;
use crate::exit::Exit;
use crate::failure::Failure;

/// How the user wants to be told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    command: &'static str,
    json: bool,
    quiet: bool,
    colour: bool,
}

/// What every JSON document begins with; the fields of the command's own report follow.
#[derive(Serialize)]
struct Envelope<'a, Report> {
    command: &'static str,
    outcome: Exit,
    #[serde(flatten)]
    report: &'a Report,
}

#[derive(Serialize)]
struct Failed<'a> {
    error: &'a Failure,
}

impl Output {
    /// `no_colour` is the wish of the environment (`NO_COLOR`); a pipe or file never gets colours.
    pub(crate) fn new(command: &'static str, global: &Global, no_colour: bool) -> Self {
        let colour = !no_colour && io::stderr().is_terminal();
        Self { command, json: global.json, quiet: global.quiet, colour }
    }

    /// Whether the answer is one JSON document.
    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// The answer: `report` as JSON or `text` for people. Returns `exit` once it has been written.
    pub(crate) fn answer(self, exit: Exit, report: &impl Serialize, text: impl fmt::Display) -> Result<Exit, Failure> {
        if self.json {
            self.document(exit, report)?;
        } else {
            print(&text.to_string())?;
        }
        Ok(exit)
    }

    fn document(self, outcome: Exit, report: &impl Serialize) -> Result<(), Failure> {
        let envelope = Envelope { command: self.command, outcome, report };
        let document = serde_json::to_string_pretty(&envelope)
            .map_err(|error| Failure::new("internal", format!("the report does not serialise: {error}")))?;
        print(&document)
    }

    /// The end of a command that could not answer: words on standard error and, for programs, a document.
    pub(crate) fn stopped(self, failure: &Failure) -> Exit {
        if failure.is_broken_pipe() {
            return failure.exit();
        }
        if !self.json || self.document(failure.exit(), &Failed { error: failure }).is_err() {
            self.failure(failure);
        }
        failure.exit()
    }

    /// One part of an answer that is told as it happens; in JSON the report at the end has it.
    pub(crate) fn tell(self, text: impl fmt::Display) -> Result<(), Failure> {
        if self.json { Ok(()) } else { print(&text.to_string()) }
    }

    /// The end of an answer that was told as it happened.
    pub(crate) fn told(self, exit: Exit, report: &impl Serialize) -> Result<Exit, Failure> {
        if self.json {
            self.document(exit, report)?;
        }
        Ok(exit)
    }

    /// Raw data to standard output, for instance a template or a man page. Nothing is added.
    pub(crate) fn data(self, bytes: &[u8]) -> Result<(), Failure> {
        write(bytes)
    }

    /// Something the user should change; only `--quiet` silences it.
    pub(crate) fn warning(self, text: impl fmt::Display) {
        if !self.quiet {
            let _ = writeln!(io::stderr(), "{} {text}", self.paint("warning:", "33;1"));
        }
    }

    /// One item of a batch that failed while the others went on; in JSON it is part of the report.
    pub(crate) fn item_failed(self, failure: &Failure) {
        if !self.json {
            self.failure(failure);
        }
    }

    fn failure(self, failure: &Failure) {
        let _ = writeln!(io::stderr(), "{} {failure}", self.paint("error:", "31;1"));
        if let Some(hint) = failure.hint() {
            let _ = writeln!(io::stderr(), "\n{} {hint}", self.paint("hint:", "36;1"));
        }
        for advice in failure.advice() {
            let _ = writeln!(io::stderr(), "{} {advice}", self.paint("advice:", "36;1"));
        }
    }

    /// A bar over `length` steps on standard error; invisible with `--quiet`, `--json`, or when nobody watches.
    pub(crate) fn progress(self, length: usize, doing: &'static str) -> ProgressBar {
        let watched = !self.quiet && !self.json && io::stderr().is_terminal();
        let target = if watched { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(length as u64), target).with_message(doing);
        let style = ProgressStyle::with_template("{msg:>12} [{bar:30}] {pos}/{len} {eta}")
            .expect("the template is a constant and its keys exist");
        bar.with_style(style.progress_chars("=> "))
    }

    fn paint(self, word: &str, code: &str) -> String {
        if self.colour { format!("\x1b[{code}m{word}\x1b[0m") } else { word.to_owned() }
    }
}

/// Writes one text and a line end, and makes sure that it arrived: a full disk is an error, not a shorter file.
fn print(text: &str) -> Result<(), Failure> {
    if text.is_empty() {
        return Ok(());
    }
    let mut line = text.trim_end_matches('\n').to_owned();
    line.push('\n');
    write(line.as_bytes())
}

fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(Failure::standard_output)
}
