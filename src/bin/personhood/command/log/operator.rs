//! The registry's side: the log lies in the registry's folder as `log`, and its secret key beside it as `log.key`.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use personhood::log::{self, DocumentDigest, LogFolder, LogPublicKey, LogSigningKey, LogWriter, WitnessRequest};
use personhood::registry::logged;
use personhood::tree::MerkleRoot;
use rand_core::OsRng;
use serde::{Serialize, Serializer};

use crate::address;
use crate::args::{LogAnswers, LogAppend, LogInit, LogRequest};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::output::Output;
use crate::place;

/// The log in the registry's folder; a symbolic link where a web server shall read it elsewhere.
const FOLDER: &str = "log";
/// The secret key.
const KEY: &str = "log.key";
/// The software of the latest software entry, in its own words.
const SOFTWARE_FILE: &str = "log.software";

pub(super) fn text<T: fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Fields of the JSON document.
#[derive(Serialize)]
struct Report {
    log: PathBuf,
    #[serde(serialize_with = "text")]
    key: LogPublicKey,
    /// Entries that were appended.
    appended: u64,
    size: u64,
    root: MerkleRoot,
}

pub(super) fn init(args: &LogInit, output: Output) -> Result<Exit, Failure> {
    let registry = &args.registry.registry;
    address::must_be_folder(registry)?;
    // Roots, counts and policies: whoever keeps the log needs no master key.
    let store = place::bare_store_read_only(registry)?;
    let (folder, path) = (registry.join(FOLDER), registry.join(KEY));
    let secret = if path.exists() {
        // A beginning that was interrupted: the key is there and the log is not.
        let secret = read_key(&path, output)?;
        if secret.public().name() != args.origin {
            return Err(Failure::new("file_exists", format!("{} is the key of another log", path.display()))
                .with_hint("if that log was never begun, move the file away"));
        }
        secret
    } else {
        let secret = LogSigningKey::generate(&args.origin, &mut OsRng)?;
        files::write_secret(&path, secret.to_file().as_bytes())?;
        secret
    };
    let key = secret.public();
    let first = logged::first_entries(&store, &key, place::now())?;
    let mut writer = LogWriter::create(folder, secret, &first)?;
    let appended = catch_up(registry, &mut writer)? + first.len() as u64;
    answer(registry, &writer, key, appended, output)
}

fn read_key(path: &Path, output: Output) -> Result<LogSigningKey, Failure> {
    LogSigningKey::from_file(&files::read_secret(path, output)?).map_err(|error| Failure::from(error).about(path))
}

pub(super) fn append(args: &LogAppend, output: Output) -> Result<Exit, Failure> {
    let registry = &args.registry.registry;
    let (mut writer, key) = open(registry, output)?;
    let mut appended = catch_up(registry, &mut writer)?;
    let now = place::now();
    if let Some(digest) = args.key_digest {
        logged::append_key(&mut writer, digest.0.into(), now)?;
        appended += 1;
    }
    if let Some(digest) = args.software_digest {
        logged::append_software(&mut writer, digest.0.into(), now)?;
        appended += 1;
    }
    answer(registry, &writer, key, appended, output)
}

fn answer(
    registry: &Path,
    writer: &LogWriter,
    key: LogPublicKey,
    appended: u64,
    output: Output,
) -> Result<Exit, Failure> {
    let (size, root) = (writer.log().size(), writer.last().new_root);
    let report = Report { log: registry.join(FOLDER), key, appended, size, root };
    output.answer(Exit::Yes, &report, &report)
}

/// The folder of a registry's log, whether there is one already or not.
pub(crate) fn folder_of(registry: &Path) -> PathBuf {
    registry.join(FOLDER)
}

/// Brings the log of a registry up to date, if it has one; a log that cannot be written lags behind, and says so.
pub(crate) fn follow(registry: &Path, output: Output) {
    if !registry.join(KEY).exists() {
        return;
    }
    let followed = open(registry, output).and_then(|(mut writer, _)| catch_up(registry, &mut writer));
    if let Err(failure) = followed {
        output.warning(format_args!(
            "the registry has changed and its log has not: {failure}; `personhood log append` catches up"
        ));
    }
}

fn open(registry: &Path, output: Output) -> Result<(LogWriter, LogPublicKey), Failure> {
    address::must_be_folder(registry)?;
    let secret = read_key(&registry.join(KEY), output)?;
    let key = secret.public();
    Ok((LogWriter::open(registry.join(FOLDER), secret)?, key))
}

/// Appends what the registry did since, and that other software runs, if it does. Returns how many entries.
fn catch_up(registry: &Path, writer: &mut LogWriter) -> Result<u64, Failure> {
    let before = writer.log().size();
    logged::catch_up(&place::bare_store_read_only(registry)?, writer)?;
    let path = registry.join(SOFTWARE_FILE);
    if fs::read(&path).ok().as_deref() != Some(logged::software().as_bytes()) {
        logged::append_software(writer, DocumentDigest::of(logged::software().as_bytes()), place::now())?;
        // After the entry: whoever is killed in between logs it twice, which says nothing wrong.
        files::write_with(&path, |file| std::io::Write::write_all(file, logged::software().as_bytes()))?;
    }
    Ok(writer.log().size() - before)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "log         {} ({} entries, {} of them new)", self.log.display(), self.size, self.appended)?;
        writeln!(f, "key         {}", self.key)?;
        write!(f, "root        {}", self.root)
    }
}

/// Fields of the JSON document.
#[derive(Serialize)]
struct Requested {
    file: PathBuf,
    old: u64,
    size: u64,
}

pub(super) fn request(args: &LogRequest, output: Output) -> Result<Exit, Failure> {
    let log = LogFolder::open(&args.folder.log, &args.folder.key)?;
    let request = log.witness_request(args.old)?.to_bytes();
    let Some(file) = &args.out else {
        output.data(&request)?;
        return Ok(Exit::Yes);
    };
    files::write(file, &request, output)?;
    let report = Requested { file: file.clone(), old: args.old, size: log.size() };
    output.answer(
        Exit::Yes,
        &report,
        format_args!("request in {}: from {} entries to {}", file.display(), args.old, log.size()),
    )
}

/// Fields of the JSON document.
#[derive(Serialize)]
struct Added {
    cosigned_by: usize,
    of: usize,
}

pub(super) fn add(args: &LogAnswers, output: Output) -> Result<Exit, Failure> {
    let request = WitnessRequest::from_bytes(&files::read(&args.request, files::DOCUMENT_LIMIT)?)
        .map_err(|error| Failure::from(error).about(&args.request))?;
    let mut cosigned_by = 0;
    for path in &args.answers {
        let answer = files::read(path, files::DOCUMENT_LIMIT)?;
        cosigned_by = log::add_cosignatures(&args.folder.log, &args.folder.key, &request, &answer, &args.witness)
            .map_err(|error| Failure::from(error).about(path))?;
    }
    let report = Added { cosigned_by, of: args.witness.len() };
    let text = format!("cosigned by {cosigned_by} of {} witnesses", report.of);
    output.answer(Exit::from_answer(cosigned_by > 0), &report, text)
}
