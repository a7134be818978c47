//! A folder of people: encoded in parallel, enrolled one after the other, and no bad file stops the others.
//!
//! ```text
//! FOLDER/anna/left*.png  right*.png    pictures or templates; the first of each side that is good enough is taken
//!             commitment               64 hexadecimal digits, unless --identities is given
//! ```

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use personhood::identity::IdentityCommitment;
use personhood::iris::{EyeSide, IrisTemplate};
use personhood::pipeline::Pipeline;
use personhood::registry::EnrolmentClass;
use personhood::tree::MerkleRoot;
use rayon::prelude::*;
use serde::Serialize;

use super::{Outcome, enroll, read_commitment};
use crate::args::Enroll;
use crate::command::identity;
use crate::exit::Exit;
use crate::eye::{self, EyePair};
use crate::failure::Failure;
use crate::files;
use crate::output::Output;
use crate::place::{self, DiskRegistry};

/// People who are encoded before the first of them is enrolled: enough to keep every core busy, few enough that
/// little work is lost when somebody stops the program.
const BATCH: usize = 64;

/// What a file of an eye may be called.
const EXTENSIONS: [&str; 9] = ["png", "jpg", "jpeg", "bmp", "tif", "tiff", "pgm", "pnm", "json"];

/// Fields of the JSON document.
#[derive(Serialize)]
struct Report {
    people: Vec<PersonReport>,
    enrolled: usize,
    duplicates: usize,
    failed: usize,
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
    if let Some(identities) = &args.identities {
        files::make_folder(identities)?;
    }
    let bar = output.progress(folders.len(), "enrolling");
    let mut reports = Vec::with_capacity(folders.len());
    for batch in folders.chunks(BATCH) {
        let encoded: Vec<Result<EyePair, Failure>> =
            batch.par_iter().map(|folder| eyes_in(folder, &pipeline)).collect();
        for (folder, eyes) in batch.iter().zip(encoded) {
            let result = eyes.and_then(|eyes| enroll_person(&mut registry, args, folder, eyes, output));
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
    let report = Report::new(reports, registry.root());
    let exit = report.people.iter().map(|person| person.result.exit()).max().unwrap_or(Exit::Yes);
    output.answer(exit, &report, &report)
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

fn enroll_person(
    registry: &mut DiskRegistry,
    args: &Enroll,
    folder: &Path,
    eyes: EyePair,
    output: Output,
) -> Result<Outcome, Failure> {
    let one_eye = args.one_eye && (eyes.left.is_none() || eyes.right.is_none());
    let class = if one_eye { EnrolmentClass::OneEye } else { EnrolmentClass::BothEyes };
    let (commitment, new_secret) = commitment_of(args, folder, output)?;
    let outcome = enroll(registry, eyes, commitment, class, args.valid_days).map_err(|error| error.about(folder));
    if let (Some(secret), Ok(Outcome::Duplicate { .. }) | Err(_)) = (new_secret, &outcome) {
        // Nobody is enrolled with it. If it cannot be removed, it is still no more than an unused secret.
        let _ = fs::remove_file(secret);
    }
    outcome
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
    let file = identities.join(format!("{}.secret", name_of(folder)));
    if file.exists() {
        return Ok((identity::read(&file, output)?.commitment(), None));
    }
    Ok((identity::create(&file)?.commitment(), Some(file)))
}

impl Report {
    fn new(people: Vec<PersonReport>, root: MerkleRoot) -> Self {
        let count = |wanted: fn(&PersonResult) -> bool| people.iter().filter(|person| wanted(&person.result)).count();
        let enrolled = count(|result| matches!(result, PersonResult::Decided(Outcome::Enrolled { .. })));
        let duplicates = count(|result| matches!(result, PersonResult::Decided(Outcome::Duplicate { .. })));
        let failed = count(|result| matches!(result, PersonResult::Failed { .. }));
        Self { people, enrolled, duplicates, failed, root }
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
        write!(
            f,
            "{} enrolled, {} refused as duplicates, {} failed\nroot {}",
            self.enrolled, self.duplicates, self.failed, self.root
        )
    }
}
