//! Everybody else's side: a log, or a copy of one, and its public key.

use std::fmt;
use std::path::PathBuf;

use personhood::bytes::to_hex;
use personhood::log::{self, Audit, Bundle, Entry, LogFolder, LogHash, LoggedRoots};
use personhood::tree::MerkleRoot;
use serde::Serialize;

use super::operator::text;
use crate::args;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::output::Output;
use crate::place;

/// An entry as JSON and as text.
#[derive(Serialize)]
struct EntryReport {
    index: u64,
    kind: &'static str,
    sequence: u64,
    at: u64,
    leaves: u64,
    count: u32,
    old_root: MerkleRoot,
    new_root: MerkleRoot,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
}

impl EntryReport {
    fn new(index: u64, entry: &Entry) -> Self {
        Self {
            index,
            kind: entry.step.as_str(),
            sequence: entry.sequence,
            at: entry.at,
            leaves: entry.leaves,
            count: entry.step.count(),
            old_root: entry.old_root,
            new_root: entry.new_root,
            digest: entry.step.digest().map(|digest| to_hex(&digest.to_bytes())),
        }
    }
}

impl fmt::Display for EntryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "entry       {} ({}, change {}, at {})", self.index, self.kind, self.sequence, self.at)?;
        if let Some(digest) = &self.digest {
            writeln!(f, "digest      {digest}")?;
        }
        write!(f, "root        {}", self.new_root)
    }
}

/// Fields of the JSON document.
#[derive(Serialize)]
struct Status {
    log: PathBuf,
    origin: String,
    size: u64,
    #[serde(serialize_with = "text")]
    tree_hash: LogHash,
    witnessed_size: Option<u64>,
    last: EntryReport,
}

pub(super) fn status(args: &args::LogFolder, output: Output) -> Result<Exit, Failure> {
    let log = LogFolder::open(&args.log, &args.key)?;
    let checkpoint = log.checkpoint().checkpoint();
    let last = checkpoint.size().saturating_sub(1);
    let report = Status {
        log: args.log.clone(),
        origin: checkpoint.origin().to_owned(),
        size: checkpoint.size(),
        tree_hash: checkpoint.root(),
        witnessed_size: log.witnessed()?.map(|witnessed| witnessed.checkpoint().size()),
        last: EntryReport::new(last, &log.entry(last)?),
    };
    output.answer(Exit::Yes, &report, &report)
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "log         {} ({} entries)", self.origin, self.size)?;
        writeln!(f, "tree hash   {}", self.tree_hash)?;
        match self.witnessed_size {
            Some(size) => writeln!(f, "witnessed   the first {size} entries")?,
            None => writeln!(f, "witnessed   never")?,
        }
        write!(f, "last {}", self.last)
    }
}

/// Fields of the JSON document.
#[derive(Serialize)]
struct Verified {
    good: bool,
    size: u64,
    #[serde(serialize_with = "text")]
    tree_hash: LogHash,
    members_root: MerkleRoot,
    leaves: u64,
    inserted: u64,
    deleted: u64,
    updated: u64,
    last_at: u64,
}

pub(super) fn verify(args: &args::LogFolder, output: Output) -> Result<Exit, Failure> {
    let Audit { size, root, members_root, leaves, inserted, deleted, updated, last_at } =
        log::audit(&args.log, &args.key)?;
    let report =
        Verified { good: true, size, tree_hash: root, members_root, leaves, inserted, deleted, updated, last_at };
    output.answer(Exit::Yes, &report, &report)
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the log is whole: {} entries, each follows from the one before it", self.size)?;
        writeln!(f, "members     {} came in, {} left, {} changed", self.inserted, self.deleted, self.updated)?;
        writeln!(f, "tree hash   {}", self.tree_hash)?;
        write!(f, "root        {}", self.members_root)
    }
}

/// Fields of the JSON document.
#[derive(Serialize)]
struct Proved {
    old: u64,
    new: u64,
    old_tree_hash: String,
    new_tree_hash: String,
    proof: Vec<String>,
}

pub(super) fn prove(args: &args::LogProve, output: Output) -> Result<Exit, Failure> {
    let log = LogFolder::open(&args.folder.log, &args.folder.key)?;
    let (old, new) = (args.old, args.new.unwrap_or_else(|| log.size()));
    let (old_root, new_root, proof) = (log.root_at(old)?, log.root_at(new)?, log.prove_consistency(old, new)?);
    log::check_consistency((old, old_root), (new, new_root), &proof)?;
    let proof: Vec<String> = proof.iter().map(ToString::to_string).collect();
    let lines = proof.join("\n");
    let report = Proved { old, new, old_tree_hash: old_root.to_string(), new_tree_hash: new_root.to_string(), proof };
    let text = format!("{old} {}\n{new} {}\n{lines}", report.old_tree_hash, report.new_tree_hash);
    output.answer(Exit::Yes, &report, text.trim_end())
}

/// Fields of the JSON document.
#[derive(Serialize)]
struct Bundled {
    file: PathBuf,
    checkpoint_size: u64,
    entry: EntryReport,
}

pub(super) fn bundle(args: &args::LogBundle, output: Output) -> Result<Exit, Failure> {
    let log = LogFolder::open(&args.folder.log, &args.folder.key)?;
    // Under the checkpoint that witnesses have seen, if it has the entry.
    let witnessed = log.witnessed()?;
    let seen = witnessed.as_ref().map_or(0, |checkpoint| checkpoint.checkpoint().size());
    let index = match (args.index, args.root) {
        (Some(index), _) => index,
        (None, Some(root)) => latest_with(&log, root)?,
        (None, None) if seen > 0 => seen - 1,
        (None, None) => log.size().saturating_sub(1),
    };
    let checkpoint = witnessed.filter(|_| index < seen).unwrap_or_else(|| {
        output.warning("no witness has seen this entry yet");
        log.checkpoint().clone()
    });
    let bundle = log.bundle(index, &checkpoint)?;
    let Some(file) = &args.out else {
        output.data(&bundle.to_bytes())?;
        return Ok(Exit::Yes);
    };
    files::write(file, &bundle.to_bytes(), output)?;
    let checkpoint_size = checkpoint.checkpoint().size();
    let report = Bundled { file: file.clone(), checkpoint_size, entry: EntryReport::new(index, &bundle.entry) };
    output.answer(Exit::Yes, &report, format_args!("bundle      {}\n{}", file.display(), report.entry))
}

fn latest_with(log: &LogFolder, root: MerkleRoot) -> Result<u64, Failure> {
    let mut found = None;
    for (index, entry) in (0..).zip(log.entries()) {
        if entry?.new_root == root {
            found = Some(index);
        }
    }
    found.ok_or_else(|| {
        Failure::new("log_root_unknown", format!("the log has no entry about the root {root}"))
            .with_hint("a root that was never logged is not to be trusted; or is this copy of the log old?")
            .answering_no()
    })
}

/// Fields of the JSON document.
#[derive(Serialize)]
struct Checked {
    accepted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    cosigned_by: Vec<String>,
    entry: EntryReport,
}

pub(super) fn check(args: &args::LogCheck, output: Output) -> Result<Exit, Failure> {
    let bundle = Bundle::from_bytes(&files::read(&args.bundle, files::DOCUMENT_LIMIT)?)
        .map_err(|error| Failure::from(error).about(&args.bundle))?;
    let quorum = args.quorum.unwrap_or(if args.witness.is_empty() { 0 } else { args.witness.len() / 2 + 1 });
    let mut rules = LoggedRoots::new(args.key.clone(), args.witness.clone(), quorum)?;
    if let Some(seconds) = args.present_within {
        rules = rules.present_within(seconds)?;
    }
    if quorum == 0 {
        output.warning("without witnesses, the log could show you another history than everybody else");
    }
    let root = args.root.unwrap_or(bundle.entry.new_root);
    let verdict = rules.check(&root, &bundle, place::now());
    let cosigned_by = bundle.checkpoint.cosignatures(&args.witness).unwrap_or_default();
    let report = Checked {
        accepted: verdict.is_ok(),
        reason: verdict.as_ref().err().map(log::LogError::code),
        detail: verdict.as_ref().err().map(ToString::to_string),
        cosigned_by: cosigned_by.iter().map(|one| one.witness.name().to_owned()).collect(),
        entry: EntryReport::new(bundle.index, &bundle.entry),
    };
    output.answer(Exit::from_answer(verdict.is_ok()), &report, &report)
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.reason, &self.detail) {
            (Some(reason), Some(detail)) => writeln!(f, "refused: {detail} [{reason}]")?,
            _ => writeln!(
                f,
                "accepted: the root was logged, and {} of the known witnesses have seen it",
                self.cosigned_by.len()
            )?,
        }
        self.entry.fmt(f)
    }
}
