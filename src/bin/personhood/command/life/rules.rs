//! `personhood operator`, `policy`, `decisions`, `check`: who may do what, by which rules, and whether they were followed.

use std::fmt;

use personhood::registry::{Checked, Decision, RegistryPolicy, ReplayOutcome, Replayed};
use personhood::store::{DecisionId, OperatorRecord, PersonId, PolicyId, Sequence};
use personhood::tree::MerkleRoot;
use serde::Serialize;

use crate::args::{Check, Decisions, Operator, PolicyCommand};
use crate::exit::Exit;
use crate::eye;
use crate::failure::Failure;
use crate::output::Output;
use crate::place;

/// Fields of the JSON document of one operator.
#[derive(Serialize)]
#[serde(transparent)]
struct Named(OperatorRecord);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OperatorRecord { name, role, added_at, removed_at } = &self.0;
        match removed_at {
            Some(at) => write!(f, "{name} was {} from {added_at} to {at}", role.as_str()),
            None => write!(f, "{name} is {} since {added_at}", role.as_str()),
        }
    }
}

#[derive(Serialize)]
struct List {
    operators: Vec<Named>,
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.operators.is_empty() {
            return f.write_str("nobody is named: whoever can open the registry may do everything");
        }
        let lines: Vec<String> = self.operators.iter().map(Named::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

pub(crate) fn operator(args: &Operator, output: Output) -> Result<Exit, Failure> {
    let named = match args {
        Operator::Add { registry, name, role } => {
            place::open_as(registry)?.add_operator(name, (*role).into(), place::now())?
        }
        Operator::Remove { registry, name } => place::open_as(registry)?.remove_operator(name, place::now())?,
        Operator::List { registry } => {
            let operators = place::read_as(registry)?.operators()?;
            let report = List { operators: operators.into_iter().map(Named).collect() };
            return output.answer(Exit::Yes, &report, &report);
        }
    };
    let report = Named(named);
    output.answer(Exit::Yes, &report, &report)
}

/// Fields of the JSON document of a policy.
#[derive(Serialize)]
struct PolicyReport {
    policy_id: PolicyId,
    /// The document as the registry keeps it.
    document: serde_json::Value,
}

impl PolicyReport {
    fn new(policy_id: PolicyId, policy: &RegistryPolicy) -> Result<Self, Failure> {
        let document = serde_json::from_str(&policy.to_json()?)
            .map_err(|error| Failure::new("internal", format!("the policy does not serialise: {error}")))?;
        Ok(Self { policy_id, document })
    }
}

impl fmt::Display for PolicyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "policy {}\n{:#}", self.policy_id, self.document)
    }
}

pub(crate) fn policy(args: &PolicyCommand, output: Output) -> Result<Exit, Failure> {
    let report = match args {
        PolicyCommand::Show { registry } => {
            let registry = place::read_as(registry)?;
            PolicyReport::new(registry.policy_id(), registry.policy())?
        }
        PolicyCommand::Set(args) => {
            let mut registry = place::open_as(&args.registry)?;
            let mut policy = registry.policy().clone();
            if let Some(threshold) = args.threshold {
                policy.matching.threshold = eye::threshold(threshold);
            }
            let change = |field: &mut u64, value: Option<u64>| *field = value.unwrap_or(*field);
            change(&mut policy.recovery_delay_seconds, args.recovery_delay);
            change(&mut policy.appeal_seconds, args.appeal);
            change(&mut policy.attempt_window_seconds, args.attempt_window);
            change(&mut policy.retention_seconds, args.retention);
            let change = |field: &mut u32, value: Option<u32>| *field = value.unwrap_or(*field);
            change(&mut policy.maximum_matches, args.maximum_matches);
            change(&mut policy.maximum_incomparable, args.maximum_incomparable);
            change(&mut policy.maximum_attempts, args.maximum_attempts);
            policy.consent_required = args.consent_required.unwrap_or(policy.consent_required);
            policy.signed_captures = args.signed_captures.unwrap_or(policy.signed_captures);
            policy.adjudicate_duplicates = args.adjudicate.unwrap_or(policy.adjudicate_duplicates);
            let id = registry.adopt_policy(&policy, place::now())?;
            PolicyReport::new(id, &policy)?
        }
    };
    output.answer(Exit::Yes, &report, &report)
}

/// Fields of the JSON document of decisions.
#[derive(Serialize)]
struct Recorded {
    decisions: Vec<Decision>,
}

impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for decision in &self.decisions {
            let Decision { id, at, action, outcome, operator, person, policy, .. } = decision;
            write!(f, "{id}  {at}  {action}: {outcome}")?;
            if let Some(person) = person {
                write!(f, ", person {person}")?;
            }
            if !operator.is_empty() {
                write!(f, ", by {operator}")?;
            }
            write!(f, ", policy {policy}")?;
            for words in [&decision.subject, &decision.reason] {
                if !words.is_empty() {
                    write!(f, ", {words}")?;
                }
            }
            writeln!(f)?;
        }
        write!(f, "{} decisions", self.decisions.len())
    }
}

/// Fields of the JSON document of decisions that were taken again.
#[derive(Serialize)]
struct Replays {
    replayed: Vec<Replay>,
    different: usize,
}

#[derive(Serialize)]
struct Replay {
    decision: DecisionId,
    /// `same`, `same_by_distances`, `different` or `not_kept`.
    replay: &'static str,
    /// How it differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// People of that time whose templates of that time are gone.
    missing: Vec<PersonId>,
}

impl From<Replayed> for Replay {
    fn from(Replayed { decision, outcome, missing }: Replayed) -> Self {
        let (replay, detail) = match outcome {
            ReplayOutcome::Same => ("same", None),
            ReplayOutcome::SameByDistances => ("same_by_distances", None),
            ReplayOutcome::Different { detail } => ("different", Some(detail)),
            _ => ("not_kept", None),
        };
        Self { decision, replay, detail, missing }
    }
}

impl fmt::Display for Replays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Replay { decision, replay, detail, missing } in &self.replayed {
            let said = match *replay {
                "same" => "the same",
                "same_by_distances" => "the same, by its recorded distances",
                "different" => "different",
                _ => "not kept, so that it cannot be taken again",
            };
            write!(f, "{decision}  {said}")?;
            if let Some(detail) = detail {
                write!(f, ": {detail}")?;
            }
            if !missing.is_empty() {
                write!(f, " ({} people of that time are gone)", missing.len())?;
            }
            writeln!(f)?;
        }
        write!(f, "{} decisions, {} come out differently", self.replayed.len(), self.different)
    }
}

fn replay(args: &Decisions, output: Output) -> Result<Exit, Failure> {
    let replayed = place::read_as(&args.registry)?.replay(args.after, args.limit)?;
    let replayed: Vec<Replay> = replayed.into_iter().map(Replay::from).collect();
    let different = replayed.iter().filter(|one| one.replay == "different").count();
    let report = Replays { replayed, different };
    output.answer(Exit::from_answer(different == 0), &report, &report)
}

pub(crate) fn decisions(args: &Decisions, output: Output) -> Result<Exit, Failure> {
    if args.replay {
        return replay(args, output);
    }
    let decisions = place::read_as(&args.registry)?.decisions(args.after, args.limit)?;
    let report = Recorded { decisions };
    output.answer(Exit::Yes, &report, &report)
}

/// Fields of the JSON document of a check.
#[derive(Serialize)]
struct CheckReport {
    sequence: Sequence,
    people: u64,
    changes: u64,
    decisions: u64,
    root: MerkleRoot,
    /// What contradicts what; empty if nothing does.
    findings: Vec<String>,
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        let Self { people, changes, decisions, root, .. } = self;
        writeln!(
            f,
            "{people} people, {changes} changes, {decisions} decisions: {} contradictions",
            self.findings.len()
        )?;
        write!(f, "root {root}")
    }
}

pub(crate) fn check(args: &Check, output: Output) -> Result<Exit, Failure> {
    let Checked { sequence, people, changes, decisions, root, findings } = place::check(&args.registry)?;
    let report = CheckReport { sequence, people, changes, decisions, root, findings };
    output.answer(Exit::from_answer(report.findings.is_empty()), &report, &report)
}
