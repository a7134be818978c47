//! `personhood verify`: does the proof hold for what was asked, and is it the first of its holder?

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use personhood::envelope::ProofFile;
use personhood::identity::Assurance;
use personhood::membership::Statement;
use personhood::nullifier::{Nullifier, NullifierError, Scope};
use personhood::tree::{MerkleRoot, RootHistory};
use personhood::verify::{AcceptedRoots, Mismatch, Presentation, Request, Verifier, VerifyError};
use serde::Serialize;

use crate::args::Verify;
use crate::command::prove;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::output::Output;
use crate::place;

/// Fields of the JSON document.
#[derive(Serialize)]
struct Report {
    accepted: bool,
    /// Why not: a stable word, and a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    root: MerkleRoot,
    nullifier: Nullifier,
    /// Whether the nullifier was recorded, so that a second use will be refused.
    recorded: bool,
}

pub(crate) fn run(args: &Verify, output: Output) -> Result<Exit, Failure> {
    let scope = prove::scope(&args.scope)?;
    let request = Request { signal: prove::signal(&args.signal)?, nonce: prove::nonce(args.nonce) };
    let verifier = verifier(args, &scope, accepted_roots(args)?);
    let ProofFile { statement: claimed, proof } = read(&args.proof)?;
    let Statement { root, nullifier, use_index, .. } = claimed;
    let presentation = Presentation { root, nullifier, use_index, proof: &proof };
    let verdict = match &args.seen {
        Some(seen) => verifier.verify(&presentation, &request, place::now(), &mut *place::nullifiers(seen)?),
        None => {
            output.warning("without --seen FILE, nobody notices when the same person proves twice");
            verifier.check(&presentation, &request, place::now())
        }
    };
    let recorded = verdict.is_ok() && args.seen.is_some();
    let mut report = Report { accepted: verdict.is_ok(), reason: None, detail: None, root, nullifier, recorded };
    match verdict {
        Ok(()) => output.answer(Exit::Yes, &report, &report),
        Err(error) if error.is_undecided() => Err(error.into()),
        Err(error) => {
            let (reason, detail) = explain(&error, verifier.mismatch(&claimed, &request));
            report.reason = Some(reason);
            report.detail = Some(detail);
            output.answer(Exit::No, &report, &report)
        }
    }
}

fn read(proof: &Path) -> Result<ProofFile, Failure> {
    let json = files::read(proof, files::DOCUMENT_LIMIT)?;
    ProofFile::from_json(&json).map_err(|error| Failure::from(error).about(proof))
}

fn verifier(args: &Verify, scope: &Scope, roots: AcceptedRoots) -> Verifier {
    let mut verifier = Verifier::new(scope, roots).assurance_at_least(Assurance::new(args.bounds.assurance));
    if let Some(moment) = args.bounds.issued_before {
        verifier = verifier.issued_no_later_than(moment.0);
    }
    if let Some(moment) = args.bounds.expires_after {
        verifier = verifier.expires_no_earlier_than(moment.0);
    }
    verifier
}

fn accepted_roots(args: &Verify) -> Result<AcceptedRoots, Failure> {
    Ok(match &args.registry {
        Some(folder) => AcceptedRoots::recent(root_history(folder)?, args.max_root_age),
        None => AcceptedRoots::Listed(args.root.iter().copied().collect::<BTreeSet<MerkleRoot>>()),
    })
}

fn root_history(folder: &Path) -> Result<RootHistory, Failure> {
    Ok(place::open_read_only(folder)?.root_history()?)
}

/// Why a proof was refused. Where the proof system can only say "no", the file's own words may say in which respect the
/// proof is one for something else.
pub(super) fn explain(error: &VerifyError, mismatch: Option<Mismatch>) -> (&'static str, String) {
    match (error, mismatch) {
        (VerifyError::Proof(_), Some(mismatch)) => (mismatch.code(), mismatch.to_string()),
        (VerifyError::Nullifier(NullifierError::AlreadyUsed { .. }), _) => {
            (error.code(), "this person has used a proof for this action before".to_owned())
        }
        _ => (error.code(), error.to_string()),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.reason, &self.detail) {
            (Some(reason), Some(detail)) => write!(f, "refused: {detail} [{reason}]")?,
            _ => write!(f, "accepted{}", if self.recorded { ", and recorded" } else { "" })?,
        }
        write!(f, "\nnullifier {}", self.nullifier)
    }
}
