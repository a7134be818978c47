//! `personhood prove`: one of the enrolled, for one action, without saying who.

mod body;
mod request;

use std::fmt;
use std::path::PathBuf;

use personhood::envelope::{MembershipFile, ProofFile};
use personhood::identity::{Assurance, IdentityCommitment};
use personhood::membership::{Statement, Witness, prove};
use personhood::nullifier::{Nullifier, Scope};
use personhood::signal::{Signal, world_hash};
use personhood::tree::MerkleRoot;
use rand_core::OsRng;
use serde::Serialize;

use crate::args::{BoundArgs, Prove, ScopeArgs, SignalArgs};
use crate::command::{identity, membership};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::output::Output;
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
    let request = request::read(args)?;
    let scope = request.as_ref().map_or_else(|| scope(&args.scope), |asked| Ok(asked.scope.clone()))?;
    let external_nullifier = scope.external_nullifier();
    let signal_hash = args.body.map(|_| world_hash_of(&args.signal)).transpose()?;
    let signal = match &signal_hash {
        Some(hash) => Signal::from_world_hash(hash).expect("every such hash begins with a zero"),
        None => signal(&args.signal)?,
    };
    let secret = identity::read(&args.identity, output)?;
    let membership = membership(args, &secret.commitment())?;
    let nonce = request.as_ref().map_or_else(|| nonce(args.nonce), |asked| asked.nonce);
    let bounds = match &request {
        Some(asked) => (asked.issued_no_later_than, asked.expires_no_earlier_than, asked.assurance_at_least),
        None => {
            let BoundArgs { issued_before, expires_after, assurance } = &args.bounds;
            (issued_before.map(|moment| moment.0), expires_after.map(|moment| moment.0), *assurance)
        }
    };
    let statement = Statement {
        root: membership.root,
        external_nullifier,
        use_index: args.use_index,
        nullifier: Nullifier::new(&secret, &external_nullifier, args.use_index),
        signal,
        nonce,
        issued_no_later_than: bounds.0,
        expires_no_earlier_than: bounds.1,
        assurance_at_least: Assurance::new(bounds.2),
    };
    let witness = Witness { secret: &secret, credential: &membership.credential, path: &membership.path };
    let proof = prove(&statement, &witness, &mut OsRng)?;
    let Statement { root, nullifier, .. } = statement;
    let json = match (args.body, &signal_hash) {
        (Some(version), Some(signal_hash)) => body::json(version, args, &scope, signal_hash, &statement, &proof)?,
        _ => ProofFile { statement, proof }.to_json(),
    };
    let Some(file) = &args.out else {
        output.data(json.as_bytes())?;
        output.data(b"\n")?;
        return Ok(Exit::Yes);
    };
    files::write(file, json.as_bytes(), output)?;
    let report = Report { file: file.clone(), root, nullifier };
    output.answer(Exit::Yes, &report, &report)
}

/// From the file that the registry gave, or from the registry itself.
fn membership(args: &Prove, commitment: &IdentityCommitment) -> Result<MembershipFile, Failure> {
    match (&args.membership, &args.registry) {
        (Some(file), _) => {
            let json = files::read(file, files::DOCUMENT_LIMIT)?;
            MembershipFile::from_json(&json).map_err(|error| Failure::from(error).about(file))
        }
        (None, Some(folder)) => membership::of(folder, commitment),
        (None, None) => Err(Failure::new("usage", "a registry is needed: --registry DIR or --membership FILE")),
    }
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
    Ok(Signal::new(&message(args)?))
}

/// The message, digested as World ID's libraries do.
pub(super) fn world_hash_of(args: &SignalArgs) -> Result<[u8; 32], Failure> {
    Ok(world_hash(&message(args)?))
}

fn message(args: &SignalArgs) -> Result<Vec<u8>, Failure> {
    match (&args.signal, &args.signal_file) {
        (Some(text), _) => Ok(text.as_bytes().to_vec()),
        (None, Some(file)) => files::read(file, SIGNAL_LIMIT),
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
