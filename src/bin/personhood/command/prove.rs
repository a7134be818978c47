//! `personhood prove`: one of the enrolled, for one action, without saying who.

use std::fmt;
use std::path::PathBuf;

use personhood::identity::Assurance;
use personhood::membership::{Statement, Witness, prove};
use personhood::nullifier::{Nullifier, Scope};
use personhood::signal::Signal;
use personhood::tree::MerkleRoot;
use rand_core::OsRng;
use serde::Serialize;

use crate::args::{Prove, ScopeArgs, SignalArgs};
use crate::command::identity;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::output::Output;
use crate::place;
use crate::proof_file::ProofFile;
use crate::values::Hex32;

/// A message that is signed may be a document, but not a film.
const SIGNAL_LIMIT: u64 = 64 << 20;

/// Fields of the JSON document, when the proof went into a file.
#[derive(Serialize)]
struct Report {
    file: PathBuf,
    root: MerkleRoot,
    nullifier: Nullifier,
}

pub(crate) fn run(args: &Prove, output: Output) -> Result<Exit, Failure> {
    let external_nullifier = scope(&args.scope)?.external_nullifier();
    let signal = signal(&args.signal)?;
    let secret = identity::read(&args.identity, output)?;
    let membership = place::open_read_only(&args.registry)?.path(secret.commitment())?;
    let nonce = nonce(args.nonce);
    let statement = Statement {
        root: membership.root,
        external_nullifier,
        use_index: 0,
        nullifier: Nullifier::new(&secret, &external_nullifier, 0),
        signal,
        nonce,
        issued_no_later_than: args.bounds.issued_before.map(|moment| moment.0),
        expires_no_earlier_than: args.bounds.expires_after.map(|moment| moment.0),
        assurance_at_least: Assurance::new(args.bounds.assurance),
    };
    let witness = Witness { secret: &secret, credential: &membership.credential, path: &membership.path };
    let proof = prove(&statement, &witness, &mut OsRng)?;
    let file_content = ProofFile { statement, proof };
    let Some(file) = &args.out else {
        output.data(file_content.to_json()?.as_bytes())?;
        output.data(b"\n")?;
        return Ok(Exit::Yes);
    };
    files::write(file, file_content.to_json()?.as_bytes(), output)?;
    let Statement { root, nullifier, .. } = file_content.statement;
    let report = Report { file: file.clone(), root, nullifier };
    output.answer(Exit::Yes, &report, &report)
}

/// Application, action and period.
pub(crate) fn scope(args: &ScopeArgs) -> Result<Scope, Failure> {
    let scope = Scope::new(&args.app, &args.action)?;
    Ok(match &args.period {
        Some(period) => scope.in_period(period)?,
        None => scope,
    })
}

/// The message, digested.
pub(crate) fn signal(args: &SignalArgs) -> Result<Signal, Failure> {
    match (&args.signal, &args.signal_file) {
        (Some(text), _) => Ok(Signal::new(text.as_bytes())),
        (None, Some(file)) => Ok(Signal::new(&files::read(file, SIGNAL_LIMIT)?)),
        (None, None) => Err(Failure::new("usage", "a signal is needed: --signal TEXT or --signal-file FILE")),
    }
}

/// The verifier's number for this proof; zeros where it gave none.
pub(crate) fn nonce(nonce: Option<Hex32>) -> [u8; 32] {
    nonce.map_or([0; 32], |nonce| nonce.0)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "proof in {}\nroot      {}\nnullifier {}", self.file.display(), self.root, self.nullifier)
    }
}
