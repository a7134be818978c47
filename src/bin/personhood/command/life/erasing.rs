//! `personhood erase`, `retention`: people who go, and what they are given for it.

use std::fmt;
use std::path::PathBuf;

use personhood::registry::erasure_receipt;
use personhood::store::{DecisionId, PersonId, PersonStatus, Sequence};
use personhood::tree::MerkleRoot;
use personhood::vault::ErasureReceipt;
use serde::Serialize;
use serde_json::Value;

use crate::args::{Erase, RegistryFolder, Retention};
use crate::erasures;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::output::Output;
use crate::place::{self, DiskRegistry};

/// Fields of the JSON document of one who was erased.
#[derive(Serialize)]
struct Erased {
    person: PersonId,
    status: PersonStatus,
    sequence: Sequence,
    decision: DecisionId,
    leaf_index: Option<u32>,
    issued_at: Option<u64>,
    expires_at: Option<u64>,
    root: MerkleRoot,
    /// The signed receipt; null where the registry has no key to sign with.
    receipt: Option<Value>,
    /// Where it was written, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt_file: Option<PathBuf>,
    /// Whether the database's log was cut, with what was in it.
    scrubbed: bool,
    #[serde(skip)]
    text: Option<String>,
}

impl fmt::Display for Erased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "erased person {}, decision {}", self.person, self.decision)?;
        write!(f, "root {}", self.root)?;
        match (&self.receipt_file, &self.text) {
            (Some(file), _) => write!(f, "\nreceipt in {}", file.display()),
            (None, Some(text)) => write!(f, "\nreceipt:\n{text}"),
            (None, None) => Ok(()),
        }
    }
}

/// Fields of the JSON document of everybody who was overdue.
#[derive(Serialize)]
struct Overdue {
    erased: Vec<PersonId>,
    /// Reviews whose candidate did not appeal in time, and whose templates are gone now.
    reviews_forgotten: u64,
    scrubbed: bool,
    root: MerkleRoot,
}

impl fmt::Display for Overdue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for person in &self.erased {
            writeln!(f, "erased person {person}")?;
        }
        writeln!(f, "{} erased, templates of {} reviews forgotten", self.erased.len(), self.reviews_forgotten)?;
        write!(f, "root {}", self.root)
    }
}

pub(crate) fn erase(args: &Erase, output: Output) -> Result<Exit, Failure> {
    let Some(person) = args.person else { return overdue(&args.registry, &args.reason, output) };
    let person = PersonId::new(person)?;
    let mut registry = place::open_as(&args.registry)?;
    let changed = registry.erase(person, place::now(), &args.reason)?;
    let scrubbed = finish(&mut registry, &args.registry, output)?;
    let receipt = receipt_of(&registry, person)?;
    if let (Some(file), Some(receipt)) = (&args.receipt, &receipt) {
        files::write(file, receipt.to_json().as_bytes(), output)?;
    }
    let text = receipt.as_ref().map(ErasureReceipt::to_json);
    let report = Erased {
        person,
        status: changed.status,
        sequence: changed.sequence,
        decision: changed.decision,
        leaf_index: None,
        issued_at: None,
        expires_at: None,
        root: changed.root,
        receipt: text.as_deref().and_then(|text| serde_json::from_str(text).ok()),
        receipt_file: args.receipt.clone().filter(|_| receipt.is_some()),
        scrubbed,
        text,
    };
    output.answer(Exit::Yes, &report, &report)
}

/// What follows every erasure: the list outside the database, and a log without what was deleted.
fn finish(registry: &mut DiskRegistry, folder: &RegistryFolder, output: Output) -> Result<bool, Failure> {
    erasures::follow(registry.store(), &folder.registry)?;
    let scrubbed = registry.scrub();
    if scrubbed.is_err() {
        output.warning(
            "another process still reads the database's log, in which the sealed record of who was erased remains until the \
             next erasure or the end of that process",
        );
    }
    Ok(scrubbed.is_ok())
}

fn receipt_of(registry: &DiskRegistry, person: PersonId) -> Result<Option<ErasureReceipt>, Failure> {
    if registry.store().vault().is_none() {
        return Ok(None);
    }
    Ok(Some(erasure_receipt(registry.store(), person)?))
}

fn overdue(folder: &RegistryFolder, reason: &str, output: Output) -> Result<Exit, Failure> {
    let mut registry = place::open_as(folder)?;
    let now = place::now();
    let erased = registry.overdue(now)?;
    let bar = output.progress(erased.len(), "erasing");
    for person in &erased {
        let _erased = registry.erase(*person, now, reason)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    let reviews_forgotten = registry.tidy(now)?;
    let scrubbed = finish(&mut registry, folder, output)?;
    let report = Overdue { erased, reviews_forgotten, scrubbed, root: registry.root() };
    output.answer(Exit::Yes, &report, &report)
}

/// Fields of the JSON document of what a run of the retention would do.
#[derive(Serialize)]
struct Due {
    /// How long a person is kept after their credential ended, in seconds; 0 for no limit.
    retention_seconds: u64,
    at: u64,
    due: Vec<PersonId>,
}

impl fmt::Display for Due {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.retention_seconds == 0 {
            return f.write_str(
                "the policy keeps people until they are erased; `personhood policy set --retention SECONDS`",
            );
        }
        for person in &self.due {
            writeln!(f, "person {person}")?;
        }
        write!(f, "{} due at {}", self.due.len(), self.at)
    }
}

pub(crate) fn retention(args: &Retention, output: Output) -> Result<Exit, Failure> {
    match args {
        Retention::Run { registry, dry_run: false, reason } => overdue(registry, reason, output),
        Retention::Run { registry, dry_run: true, .. } => due(registry, 0, output),
        Retention::List { registry, within } => due(registry, within.saturating_mul(86_400), output),
    }
}

fn due(folder: &RegistryFolder, within: u64, output: Output) -> Result<Exit, Failure> {
    let mut registry = place::read_as(folder)?;
    let at = place::now().saturating_add(within);
    let due = registry.overdue(at)?;
    let report = Due { retention_seconds: registry.policy().retention_seconds, at, due };
    output.answer(Exit::Yes, &report, &report)
}
