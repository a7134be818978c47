//! A witness in a folder: `witness.key`, `logs` with one public key on each line, and `seen`, its memory.

use std::fs;
use std::path::{Path, PathBuf};

use personhood::log::{FileWitnessStore, LogPublicKey, REQUEST_LIMIT, Witness, WitnessPublicKey, WitnessSigningKey};
use rand_core::OsRng;
use serde::Serialize;

use super::operator::text;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::output::Output;
use crate::place;

const KEY: &str = "witness.key";
const LOGS: &str = "logs";
const SEEN: &str = "seen";

/// Fields of the JSON document.
#[derive(Serialize)]
struct Report {
    folder: PathBuf,
    #[serde(serialize_with = "text")]
    key: WitnessPublicKey,
    logs: Vec<String>,
}

pub(super) fn init(folder: &Path, name: &str, output: Output) -> Result<Exit, Failure> {
    let secret = WitnessSigningKey::generate(name, &mut OsRng)?;
    place::make_private_folder(folder)?;
    files::write_secret(&folder.join(KEY), secret.to_file().as_bytes())?;
    let report = Report { folder: folder.to_owned(), key: secret.public(), logs: Vec::new() };
    output.answer(Exit::Yes, &report, format_args!("witness     {}\nkey         {}", folder.display(), report.key))
}

pub(super) fn add(folder: &Path, log: &LogPublicKey, output: Output) -> Result<Exit, Failure> {
    let key = secret(folder, output)?.public();
    let mut logs = logs(folder)?;
    if !logs.contains(log) {
        logs.push(log.clone());
        let lines: String = logs.iter().map(|log| format!("{log}\n")).collect();
        files::write(&folder.join(LOGS), lines.as_bytes(), output)?;
    }
    let report = Report { folder: folder.to_owned(), key, logs: logs.iter().map(ToString::to_string).collect() };
    output.answer(Exit::Yes, &report, format_args!("looks at\n{}", report.logs.join("\n")))
}

/// Fields of the JSON document.
#[derive(Serialize)]
struct Answered {
    status: u16,
    content_type: &'static str,
    body: String,
}

pub(super) fn cosign(folder: &Path, request: &Path, out: Option<&Path>, output: Output) -> Result<Exit, Failure> {
    let store = FileWitnessStore::open(folder.join(SEEN))?;
    let mut witness = Witness::new(secret(folder, output)?, logs(folder)?, store);
    let body = files::read(request, REQUEST_LIMIT as u64)?;
    let answer = witness.add_checkpoint(&body, place::now());
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    let report = Answered { status: answer.status, content_type: answer.content_type, body };
    let exit = match answer.status {
        200 => Exit::Yes,
        500 => Exit::CouldNotTell,
        _ => Exit::No,
    };
    if exit == Exit::Yes
        && let Some(out) = out
    {
        files::write(out, &answer.body, output)?;
        return output.answer(exit, &report, format_args!("cosigned, in {}", out.display()));
    }
    let text = if exit == Exit::Yes { report.body.clone() } else { format!("{}: {}", report.status, report.body) };
    output.answer(exit, &report, text.trim_end())
}

fn secret(folder: &Path, output: Output) -> Result<WitnessSigningKey, Failure> {
    let path = folder.join(KEY);
    WitnessSigningKey::from_file(&files::read_secret(&path, output)?).map_err(|error| Failure::from(error).about(&path))
}

fn logs(folder: &Path) -> Result<Vec<LogPublicKey>, Failure> {
    let path = folder.join(LOGS);
    if !fs::exists(&path).map_err(|error| Failure::reading(&path, &error))? {
        return Ok(Vec::new());
    }
    let bytes = files::read(&path, files::DOCUMENT_LIMIT)?;
    let lines = String::from_utf8_lossy(&bytes);
    lines.lines().map(|line| line.parse().map_err(|error| Failure::from(error).about(&path))).collect()
}
