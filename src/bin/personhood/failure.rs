//! Why a command could not answer: a code for programs, a sentence and a hint for people.

mod library;

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::Path;

use serde::Serialize;

use crate::capture::CaptureReport;
use crate::exit::Exit;

/// A failure as the user sees it.
///
/// The code is part of the interface: lower-case words as in the library, `image_truncated`. docs/program.md lists
/// them; none is reused.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Failure {
    code: Cow<'static, str>,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// `quality` and `advice`, where a picture was refused.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    capture: Option<Box<CaptureReport>>,
    #[serde(skip)]
    answer: Exit,
    #[serde(skip)]
    broken_pipe: bool,
}

impl Failure {
    pub(crate) fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            hint: None,
            capture: None,
            answer: Exit::CouldNotTell,
            broken_pipe: false,
        }
    }

    /// The failure is an answer: no.
    #[must_use]
    pub(crate) fn answering_no(mut self) -> Self {
        self.answer = Exit::No;
        self
    }

    /// What the user can do about it.
    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What was measured on the picture that was refused, and how to take a better one.
    #[must_use]
    pub(crate) fn with_capture(mut self, capture: CaptureReport) -> Self {
        self.capture = Some(Box::new(capture));
        self
    }

    /// Says which file the failure is about.
    #[must_use]
    pub(crate) fn about(mut self, path: &Path) -> Self {
        self.message = format!("{}: {}", path.display(), self.message);
        self
    }

    /// A file that could not be read.
    pub(crate) fn reading(path: &Path, error: &io::Error) -> Self {
        let (code, hint) = match error.kind() {
            io::ErrorKind::NotFound => ("file_not_found", "check the spelling of the path"),
            io::ErrorKind::PermissionDenied => ("file_unreadable", "check the permissions of the file"),
            io::ErrorKind::IsADirectory => ("file_unreadable", "a file is expected here, not a folder"),
            _ => ("file_unreadable", "check the disk and the path"),
        };
        Self::new(code, format!("{} cannot be read: {error}", path.display())).with_hint(hint)
    }

    /// A file that could not be written; what was there before is still there.
    pub(crate) fn writing(path: &Path, error: &io::Error) -> Self {
        let message = format!("{} cannot be written: {error}", path.display());
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::new("disk_full", message).with_hint("make room on the disk and run the command again")
            }
            io::ErrorKind::AlreadyExists => Self::new("file_exists", message)
                .with_hint("nothing is overwritten here: choose another name or move the old file away"),
            _ => Self::new("file_unwritable", message).with_hint("check that the folder exists and may be written to"),
        }
    }

    /// Standard output that could not be written.
    pub(crate) fn standard_output(error: io::Error) -> Self {
        let mut failure = Self::writing(Path::new("standard output"), &error);
        failure.broken_pipe = error.kind() == io::ErrorKind::BrokenPipe;
        failure
    }

    /// The code, for programs.
    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    /// What the user can do about it, if anything is known.
    pub(crate) fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// How to take a better picture, if a picture was refused.
    pub(crate) fn advice(&self) -> impl Iterator<Item = &str> {
        self.capture.iter().flat_map(|capture| &capture.advice).map(|advice| advice.text.as_str())
    }

    /// The reader went away (`personhood … | head`): no failure of ours.
    pub(crate) const fn is_broken_pipe(&self) -> bool {
        self.broken_pipe
    }

    /// The exit code that the failure leads to.
    pub(crate) const fn exit(&self) -> Exit {
        if self.broken_pipe { Exit::Yes } else { self.answer }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.message, self.code)
    }
}
