//! `personhood refresh`, `recover`, `suspend`, `reinstate`, `revoke`, `renew`.

use std::fmt;

use personhood::identity::IdentityCommitment;
use personhood::registry::{Changed, RecoverRequest, RefreshRequest, StepError};
use personhood::store::{DecisionId, PersonId, PersonStatus, RecoveryId, RecoveryRecord, Sequence};
use personhood::tree::MerkleRoot;
use serde::Serialize;

use crate::args::{Recover, Refresh, Renew, Step};
use crate::command::identity;
use crate::exit::Exit;
use crate::eye::{self, EyePair};
use crate::failure::Failure;
use crate::output::Output;
use crate::place::{self, DiskRegistry};

const DAY: u64 = 86_400;

/// Fields of the JSON document of a step that was taken.
#[derive(Serialize)]
struct Report {
    person: PersonId,
    status: PersonStatus,
    sequence: Sequence,
    decision: DecisionId,
    leaf_index: Option<u32>,
    issued_at: Option<u64>,
    expires_at: Option<u64>,
    root: MerkleRoot,
    #[serde(skip)]
    done: &'static str,
}

impl Report {
    fn new(changed: &Changed, done: &'static str) -> Self {
        let credential = changed.leaf.map(|(_, credential)| credential);
        Self {
            person: changed.person,
            status: changed.status,
            sequence: changed.sequence,
            decision: changed.decision,
            leaf_index: changed.leaf.map(|(index, _)| index.as_u32()),
            issued_at: credential.map(|credential| credential.issued_at()),
            expires_at: credential.map(|credential| credential.expires_at()),
            root: changed.root,
            done,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { done, person, decision, .. } = self;
        writeln!(f, "{done} person {person}, decision {decision}")?;
        write!(f, "root {}", self.root)
    }
}

fn answer(changed: &Changed, done: &'static str, output: Output) -> Result<Exit, Failure> {
    let report = Report::new(changed, done);
    output.answer(Exit::Yes, &report, &report)
}

pub(crate) fn refresh(args: &Refresh, output: Output) -> Result<Exit, Failure> {
    let person = PersonId::new(args.person)?;
    let mut registry = place::open_as(&args.registry)?;
    let EyePair { left, right } = EyePair::read(&args.eyes, &eye::pipeline_of(registry.policy(), &args.segmentation)?)?;
    let changed = registry.refresh_template(&RefreshRequest { person, left, right, at: place::now() })?;
    answer(&changed, "refreshed", output)
}

type Taken = Result<Changed, StepError>;

pub(crate) fn suspend(args: &Step, output: Output) -> Result<Exit, Failure> {
    step(args, "suspended", output, |registry, person, reason| registry.suspend(person, place::now(), reason))
}

pub(crate) fn reinstate(args: &Step, output: Output) -> Result<Exit, Failure> {
    step(args, "reinstated", output, |registry, person, reason| registry.reinstate(person, place::now(), reason))
}

pub(crate) fn revoke(args: &Step, output: Output) -> Result<Exit, Failure> {
    step(args, "revoked", output, |registry, person, reason| registry.revoke(person, place::now(), reason))
}

fn step(
    args: &Step,
    done: &'static str,
    output: Output,
    take: impl FnOnce(&mut DiskRegistry, PersonId, &str) -> Taken,
) -> Result<Exit, Failure> {
    let person = PersonId::new(args.person)?;
    let changed = take(&mut place::open_as(&args.registry)?, person, &args.reason)?;
    answer(&changed, done, output)
}

pub(crate) fn renew(args: &Renew, output: Output) -> Result<Exit, Failure> {
    let person = PersonId::new(args.person)?;
    let now = place::now();
    let changed = place::open_as(&args.registry)?.renew(person, now, now + args.valid_days * DAY)?;
    answer(&changed, "renewed", output)
}

/// Fields of the JSON document of a recovery that waits.
#[derive(Serialize)]
struct Waiting {
    recovery: RecoveryId,
    person: PersonId,
    ready_at: u64,
    decision: DecisionId,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { recovery, person, ready_at, .. } = self;
        write!(f, "recovery {recovery} of person {person} can be completed from {ready_at} on")
    }
}

impl From<RecoveryRecord> for Waiting {
    fn from(recovery: RecoveryRecord) -> Self {
        let RecoveryRecord { id, person, ready_at, decision, .. } = recovery;
        Self { recovery: id, person, ready_at, decision }
    }
}

#[derive(Serialize)]
struct List {
    recoveries: Vec<Waiting>,
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for recovery in &self.recoveries {
            writeln!(f, "{recovery}")?;
        }
        write!(f, "{} waiting", self.recoveries.len())
    }
}

/// Fields of the JSON document of a recovery that was stopped.
#[derive(Serialize)]
struct Cancelled {
    recovery: RecoveryId,
    decision: DecisionId,
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "recovery {} cancelled, decision {}", self.recovery, self.decision)
    }
}

pub(crate) fn recover(args: &Recover, output: Output) -> Result<Exit, Failure> {
    let now = place::now();
    match args {
        Recover::Request(args) => {
            let person = PersonId::new(args.person)?;
            let commitment = commitment(args.commitment, args.identity.as_deref(), output)?;
            let mut registry = place::open_as(&args.registry)?;
            let EyePair { left, right } =
                EyePair::read(&args.eyes, &eye::pipeline_of(registry.policy(), &args.segmentation)?)?;
            let expires_at = now + args.valid_days * DAY;
            let request = RecoverRequest { person, left, right, commitment, expires_at, at: now };
            let requested = registry.request_recovery(&request)?;
            let report = Waiting {
                recovery: requested.recovery,
                person,
                ready_at: requested.ready_at,
                decision: requested.decision,
            };
            output.answer(Exit::Yes, &report, &report)
        }
        Recover::Complete(args) => {
            let changed = place::open_as(&args.registry)?.complete_recovery(RecoveryId::new(args.recovery)?, now)?;
            answer(&changed, "recovered", output)
        }
        Recover::Cancel(args) => {
            let recovery = RecoveryId::new(args.recovery)?;
            let decision = place::open_as(&args.registry)?.cancel_recovery(recovery, now, &args.reason)?;
            let report = Cancelled { recovery, decision };
            output.answer(Exit::Yes, &report, &report)
        }
        Recover::List { registry } => {
            let waiting = place::read_as(registry)?.pending_recoveries()?;
            let report = List { recoveries: waiting.into_iter().map(Waiting::from).collect() };
            output.answer(Exit::Yes, &report, &report)
        }
    }
}

/// The new commitment, given or read from a secret file; the parser has seen that it is one of the two.
fn commitment(
    commitment: Option<IdentityCommitment>,
    file: Option<&std::path::Path>,
    output: Output,
) -> Result<IdentityCommitment, Failure> {
    match (commitment, file) {
        (Some(commitment), _) => Ok(commitment),
        (None, Some(file)) => Ok(identity::read(file, output)?.commitment()),
        (None, None) => Err(Failure::new("usage", "a recovery needs --commitment or --identity")),
    }
}
