//! `personhood identity`: secrets, which live in files of mode 0600 and are never printed.

use std::fmt;
use std::path::{Path, PathBuf};

use personhood::identity::{IdentityCommitment, IdentitySecret};
use rand_core::OsRng;
use serde::Serialize;

use crate::args::Identity;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::output::Output;

/// Fields of the JSON document. The secret is none of them.
#[derive(Serialize)]
struct Report {
    file: PathBuf,
    commitment: IdentityCommitment,
    #[serde(skip)]
    new: bool,
}

pub(crate) fn run(args: &Identity, output: Output) -> Result<Exit, Failure> {
    let (file, new) = match args {
        Identity::New { file } => (file, true),
        Identity::Show { file } => (file, false),
    };
    let secret = if new { create(file)? } else { read(file, output)? };
    let report = Report { file: file.clone(), commitment: secret.commitment(), new };
    output.answer(Exit::Yes, &report, &report)
}

/// Makes an identity in a new file.
pub(crate) fn create(path: &Path) -> Result<IdentitySecret, Failure> {
    let secret = IdentitySecret::generate(&mut OsRng);
    files::write_secret(path, secret.to_bytes().as_slice())?;
    Ok(secret)
}

/// Reads an identity from its file.
pub(crate) fn read(path: &Path, output: Output) -> Result<IdentitySecret, Failure> {
    let bytes = files::read_secret(path, output)?;
    IdentitySecret::from_bytes(&bytes).map_err(|error| Failure::from(error).about(path))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.new {
            writeln!(f, "new identity in {}; keep the file secret, and keep a copy", self.file.display())?;
        }
        write!(f, "commitment {}", self.commitment)
    }
}
