//! A folder of people: encoded in parallel, enrolled in batches of one transaction each, and no bad file stops the others.
//!
//! Ctrl-C ends it after the batch that is in work; killed, it has enrolled whole batches and nothing else. Either way the same
//! command with `--resume` goes on: it asks the registry whose commitment is enrolled, and skips those.
//!
//! ```text
//! FOLDER/anna/left*.png  right*.png    pictures or templates; the first of each side that is good enough is taken
//!             commitment               64 hexadecimal digits, unless --identities is given
//!             consent                  number of the record of the person's consent, if there is one
//! ```

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(unix)]
use std::{sync::mpsc, thread};

use personhood::identity::IdentityCommitment;
use personhood::iris::{EyeSide, IrisTemplate};
use personhood::pipeline::Pipeline;
use personhood::registry::{EnrolmentClass, Evidence};
use personhood::store::ReadStore as _;
use personhood::tree::MerkleRoot;
use rayon::prelude::*;
use serde::Serialize;
#[cfg(unix)]
use tokio::signal::unix::{SignalKind, signal};

use super::{Outcome, outcome, read_commitment, request};
use crate::args::Enroll;
use crate::command::identity;
use crate::exit::Exit;
use crate::eye::{self, EyePair};
use crate::failure::Failure;
use crate::files;
use crate::output::Output;
use crate::place::{self, DiskRegistry};

/// People of one transaction: enough that one pass through the gallery serves many and every core is busy with their
/// pictures, few enough that little work is lost when somebody stops the program.
const BATCH: usize = 64;

/// No longer file of a record of consent is read.
const CONSENT_LIMIT: u64 = 4096;

/// What a file of an eye may be called.
const EXTENSIONS: [&str; 9] = ["png", "jpg", "jpeg", "bmp", "tif", "tiff", "pgm", "pnm", "json"];

/// Fields of the JSON document.
#[derive(Serialize)]
struct Report {
    people: Vec<PersonReport>,
    enrolled: usize,
    enrolled_before: usize,
    duplicates: usize,
    failed: usize,
    /// People whose turn did not come, because somebody paused.
    remaining: usize,
    root: MerkleRoot,
}

#[derive(Serialize)]
struct PersonReport {
    /// The name of the person's folder.
    name: String,
    #[serde(flatten)]
    result: PersonResult,
}

#[derive(Serialize)]
#[serde(untagged)]
enum PersonResult {
    Decided(Outcome),
    Failed { result: &'static str, error: Failure },
}

impl PersonResult {
    const fn exit(&self) -> Exit {
        match self {
            Self::Decided(outcome) => outcome.exit(),
            Self::Failed { error, .. } => error.exit(),
        }
    }
}

pub(super) fn run(args: &Enroll, people: &Path, output: Output) -> Result<Exit, Failure> {
    let mut registry = place::open_as(&args.registry)?;
    let pipeline = eye::pipeline_of(registry.policy(), &args.segmentation)?;
    let folders = folders_of_people(people)?;
    let pause = Pause::watch();
    if let Some(identities) = &args.identities {
        files::make_folder(identities)?;
    }
    let bar = output.progress(folders.len(), "enrolling");
    let mut reports = Vec::with_capacity(folders.len());
    for batch in folders.chunks(BATCH) {
        if pause.wanted() {
            break;
        }
        let mut results: Vec<Option<Result<Outcome, Failure>>> = Vec::new();
        for folder in batch {
            results.push(if args.resume { enrolled_before(&registry, args, folder, output).transpose() } else { None });
        }
        let new: Vec<&PathBuf> =
            batch.iter().zip(&results).filter(|(_, result)| result.is_none()).map(|(folder, _)| folder).collect();
        let encoded: Vec<Result<EyePair, Failure>> = new.par_iter().map(|folder| eyes_in(folder, &pipeline)).collect();
        let mut outcomes = enroll_batch(&mut registry, args, &new, encoded, output)?.into_iter();
        for (folder, result) in batch.iter().zip(results) {
            let result = result.unwrap_or_else(|| outcomes.next().expect("one answer for each who was not skipped"));
            let result = match result {
                Ok(outcome) => PersonResult::Decided(outcome),
                Err(error) => {
                    bar.suspend(|| output.item_failed(&error));
                    PersonResult::Failed { result: "failed", error }
                }
            };
            reports.push(PersonReport { name: name_of(folder), result });
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    let report = Report::new(reports, folders.len(), registry.root());
    let mut exit = report.people.iter().map(|person| person.result.exit()).max().unwrap_or(Exit::Yes);
    if report.remaining > 0 {
        // Nobody was told yes or no about those.
        exit = exit.max(Exit::CouldNotTell);
        output.warning(format!(
            "paused with {} people to go; the same command with --resume goes on from there",
            report.remaining
        ));
    }
    output.answer(exit, &report, &report)
}

/// Whether somebody wants the work to stop after the present batch.
struct Pause(Arc<AtomicBool>);

impl Pause {
    /// From now on the first Ctrl-C asks for a pause, and the second one ends the program.
    #[cfg(unix)]
    fn watch() -> Self {
        let wanted = Arc::new(AtomicBool::new(false));
        let watched = wanted.clone();
        let (ready, begun) = mpsc::channel();
        thread::spawn(move || {
            // Without a watcher Ctrl-C ends the program at once, between two transactions or in one that then never was.
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
            runtime.block_on(async {
                let Ok(mut interrupts) = signal(SignalKind::interrupt()) else { return };
                let _ = ready.send(());
                while interrupts.recv().await.is_some() {
                    if watched.swap(true, Ordering::Relaxed) {
                        std::process::exit(130);
                    }
                }
            });
        });
        // An error is a watcher that gave up.
        let _ = begun.recv();
        Self(wanted)
    }

    /// Other systems end the program at once, between two transactions or in one that then never was.
    #[cfg(not(unix))]
    fn watch() -> Self {
        Self(Arc::default())
    }

    fn wanted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Who the holder of this folder's commitment is, if they are enrolled; none if there is no commitment yet.
fn enrolled_before(
    registry: &DiskRegistry,
    args: &Enroll,
    folder: &Path,
    output: Output,
) -> Result<Option<Outcome>, Failure> {
    let commitment = match &args.identities {
        Some(identities) => {
            let file = secret_of(identities, folder);
            if !file.exists() {
                return Ok(None);
            }
            identity::read(&file, output)?.commitment()
        }
        // Whatever is wrong with it is told when the person is enrolled.
        None => match read_commitment(&folder.join("commitment")) {
            Ok(commitment) => commitment,
            Err(_) => return Ok(None),
        },
    };
    let person = registry.store().person_of(&commitment)?;
    Ok(person.map(|person| Outcome::EnrolledBefore { person, commitment }))
}

fn secret_of(identities: &Path, folder: &Path) -> PathBuf {
    identities.join(format!("{}.secret", name_of(folder)))
}

/// The folders in `people`, by name.
pub(in crate::command) fn folders_of_people(people: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut folders = Vec::new();
    for entry in list(people)? {
        if entry.is_dir() {
            folders.push(entry);
        }
    }
    if folders.is_empty() {
        return Err(Failure::new("no_people", format!("{} has no folder for a person in it", people.display()))
            .with_hint("each person has a folder with pictures named left*.png and right*.png"));
    }
    Ok(folders)
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error| Failure::reading(folder, &error);
    let entries = fs::read_dir(folder).map_err(failed)?;
    let mut paths =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    paths.sort();
    Ok(paths)
}

/// The files of one eye, by name.
pub(in crate::command) fn files_of_eye(folder: &Path, eye: EyeSide) -> Result<Vec<PathBuf>, Failure> {
    let mut files = list(folder)?;
    files.retain(|path| {
        let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
        let known = extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()));
        known && path.is_file() && name_of(path).starts_with(eye.as_str())
    });
    Ok(files)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn eyes_in(folder: &Path, pipeline: &Pipeline) -> Result<EyePair, Failure> {
    let [left, right] =
        EyeSide::BOTH.map(|eye| files_of_eye(folder, eye).and_then(|files| first_good(&files, pipeline)));
    let pair = EyePair { left: left?, right: right? };
    if pair.left.is_none() && pair.right.is_none() {
        return Err(Failure::new("no_eye", format!("{} has no picture of an eye in it", folder.display()))
            .with_hint("pictures are named left*.png and right*.png"));
    }
    Ok(pair)
}

/// The template of the first file that gives one; without any, why the first one did not.
fn first_good(files: &[PathBuf], pipeline: &Pipeline) -> Result<Option<IrisTemplate>, Failure> {
    let mut refusal = None;
    for file in files {
        match eye::template(file, pipeline) {
            Ok(template) => return Ok(Some(template)),
            Err(failure) => refusal = refusal.or(Some(failure)),
        }
    }
    refusal.map_or(Ok(None), Err)
}

/// Enrols the people of a batch in one transaction; one answer each, in their order.
fn enroll_batch(
    registry: &mut DiskRegistry,
    args: &Enroll,
    folders: &[&PathBuf],
    encoded: Vec<Result<EyePair, Failure>>,
    output: Output,
) -> Result<Vec<Result<Outcome, Failure>>, Failure> {
    let mut requests = Vec::with_capacity(folders.len());
    let mut consents = Vec::with_capacity(folders.len());
    let mut prepared = Vec::with_capacity(folders.len());
    for (folder, eyes) in folders.iter().zip(encoded) {
        prepared.push(eyes.and_then(|eyes| {
            let one_eye = args.one_eye && (eyes.left.is_none() || eyes.right.is_none());
            let class = if one_eye { EnrolmentClass::OneEye } else { EnrolmentClass::BothEyes };
            let (commitment, new_secret) = commitment_of(args, folder, output)?;
            // What cannot be read is no consent: the registry says whether it can do without.
            consents.push(
                files::read(&folder.join("consent"), CONSENT_LIMIT)
                    .ok()
                    .and_then(|bytes| String::from_utf8(bytes).ok().map(|text| text.trim().to_owned())),
            );
            requests.push(request(eyes, commitment, class, args.valid_days));
            Ok((commitment, new_secret))
        }));
    }
    let forget = |secret: Option<PathBuf>| {
        // Nobody is enrolled with it. If it cannot be removed, it is still no more than an unused secret.
        secret.map(fs::remove_file)
    };
    // The secrets stay if this fails: after a failing disk nobody knows whether the batch is there, and what is used by
    // nobody is taken up by the next run.
    let requests: Vec<_> = requests
        .into_iter()
        .zip(&consents)
        .map(|(request, consent)| (request, Evidence { consent: consent.as_deref(), ..Evidence::default() }))
        .collect();
    let mut outcomes = registry.enroll_batch_with(&requests)?.into_iter();
    let mut answers = Vec::with_capacity(folders.len());
    for (folder, prepared) in folders.iter().zip(prepared) {
        answers.push(prepared.and_then(|(commitment, secret)| {
            let result = outcomes.next().expect("one answer for one request");
            let outcome = outcome(result, commitment, registry.policy()).map_err(|error| error.about(folder));
            if !matches!(outcome, Ok(Outcome::Enrolled { .. })) {
                let _ = forget(secret);
            }
            outcome
        }));
    }
    Ok(answers)
}

/// The person's commitment, and the file of their secret if it was made for this.
fn commitment_of(
    args: &Enroll,
    folder: &Path,
    output: Output,
) -> Result<(IdentityCommitment, Option<PathBuf>), Failure> {
    let Some(identities) = &args.identities else {
        let file = folder.join("commitment");
        return read_commitment(&file).map(|commitment| (commitment, None)).map_err(|error| {
            error.with_hint("put the person's commitment there, or let --identities DIR make identities")
        });
    };
    let file = secret_of(identities, folder);
    if file.exists() {
        return Ok((identity::read(&file, output)?.commitment(), None));
    }
    Ok((identity::create(&file)?.commitment(), Some(file)))
}

impl Report {
    fn new(people: Vec<PersonReport>, all: usize, root: MerkleRoot) -> Self {
        let count = |wanted: fn(&PersonResult) -> bool| people.iter().filter(|person| wanted(&person.result)).count();
        let enrolled = count(|result| matches!(result, PersonResult::Decided(Outcome::Enrolled { .. })));
        let duplicates = count(|result| matches!(result, PersonResult::Decided(Outcome::Duplicate { .. })));
        let before = count(|result| matches!(result, PersonResult::Decided(Outcome::EnrolledBefore { .. })));
        let failed = count(|result| matches!(result, PersonResult::Failed { .. }));
        let remaining = all - people.len();
        Self { people, enrolled, enrolled_before: before, duplicates, failed, remaining, root }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for PersonReport { name, result } in &self.people {
            match result {
                PersonResult::Decided(outcome) => writeln!(f, "{name}: {outcome}")?,
                PersonResult::Failed { error, .. } => writeln!(f, "{name}: failed, {error}")?,
            }
        }
        write!(f, "{} enrolled, {} refused as duplicates, {} failed", self.enrolled, self.duplicates, self.failed)?;
        if self.enrolled_before > 0 {
            write!(f, ", {} enrolled before", self.enrolled_before)?;
        }
        if self.remaining > 0 {
            write!(f, ", {} to go", self.remaining)?;
        }
        write!(f, "\nroot {}", self.root)
    }
}
