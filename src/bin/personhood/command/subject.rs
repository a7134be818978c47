//! `personhood subject export`: everything that a registry keeps about one person, for that person.

use std::fmt;
use std::path::PathBuf;

use personhood::iris::openiris;
use personhood::store::{PersonId, PersonRecord, ReadStore as _};
use serde::Serialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::args::Subject;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::output::Output;
use crate::place;

/// Decisions that are exported: more than anybody has.
const DECISIONS: u32 = 100_000;

/// Fields of the JSON document; what was exported is in the file.
#[derive(Serialize)]
struct Report {
    file: PathBuf,
    person: u64,
    status: &'static str,
    templates: usize,
    changes: usize,
    decisions: usize,
}

pub(crate) fn run(args: &Subject, output: Output) -> Result<Exit, Failure> {
    let Subject::Export { registry, person, out } = args;
    let store = place::store_read_only(&registry.registry)?;
    let id = PersonId::new(*person)?;
    let Some(record) = store.person(id)? else {
        return Err(Failure::new("unknown_person", format!("there is no person {person}")).answering_no());
    };
    let changes: Vec<Value> = store
        .changes_of(id)?
        .iter()
        .map(|record| {
            let (change, sequence, at) = (record.change.as_str(), record.sequence.as_u64(), record.root.at);
            json!({"change": change, "sequence": sequence, "at": at, "decision": record.decision.as_u64()})
        })
        .collect();
    let decisions: Vec<Value> = store
        .decisions_of(id, 0, DECISIONS)?
        .into_iter()
        .map(|decision| {
            json!({
                "decision": decision.id.as_u64(), "at": decision.at, "by": decision.operator, "action": decision.action,
                "outcome": decision.outcome, "policy": decision.policy.as_u64(), "software": decision.software,
                "details": about(*person, &decision.details),
            })
        })
        .collect();
    let templates = templates(&record)?;
    let report = Report {
        file: out.clone(),
        person: *person,
        status: record.status.as_str(),
        templates: templates.len(),
        changes: changes.len(),
        decisions: decisions.len(),
    };
    let document = json!({
        "format": "personhood-subject", "version": 1, "person": person, "enrolled_at": record.enrolled_at,
        "status": record.status, "template_version": record.template_version, "leaf": leaf(&record),
        "templates": templates, "changes": changes, "decisions": decisions,
    });
    let text = serde_json::to_string_pretty(&document)
        .map_err(|error| Failure::new("internal", format!("the export does not serialise: {error}")))?;
    // As private as a secret: the person's irises are in it.
    files::write_secret(out, Zeroizing::new(text).as_bytes())?;
    output.answer(Exit::Yes, &report, &report)
}

fn leaf(record: &PersonRecord) -> Value {
    let Some(leaf) = &record.leaf else { return Value::Null };
    json!({
        "index": leaf.index.as_u32(), "commitment": leaf.commitment.to_string(), "issued_at": leaf.credential.issued_at(),
        "expires_at": leaf.credential.expires_at(), "assurance": leaf.credential.assurance().as_u8(),
    })
}

/// The templates in open-iris' form, which other programs read.
fn templates(record: &PersonRecord) -> Result<Map<String, Value>, Failure> {
    let mut all = Map::new();
    for eye in personhood::iris::EyeSide::BOTH {
        if let Some(template) = record.templates.of(eye) {
            let json = openiris::to_json(&template.open()?)?;
            let value = serde_json::from_str(&json)
                .map_err(|error| Failure::new("internal", format!("a template is no JSON: {error}")))?;
            all.insert(eye.as_str().to_owned(), value);
        }
    }
    Ok(all)
}

/// Details without the distances to other people: those are about them.
fn about(person: u64, details: &str) -> Value {
    let mut details: Value = serde_json::from_str(details).unwrap_or(Value::Null);
    if let Some(distances) = details.get_mut("distances").and_then(Value::as_array_mut) {
        distances.retain(|distance| distance["person"] == person);
    }
    details
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "person {} ({}): {} templates, {} changes, {} decisions in {}",
            self.person,
            self.status,
            self.templates,
            self.changes,
            self.decisions,
            self.file.display()
        )
    }
}
