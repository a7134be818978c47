//! Rows in and out of the tables of `migrations/registry`; nothing is believed before a constructor took it.
//!
//! This file and `desk.rs` are compiled twice: for SQLite, and by `postgres.rs` for PostgreSQL. What they say to a database is
//! SQL that both understand (`ON CONFLICT … DO UPDATE`, never `INSERT OR REPLACE`), through the calls of `driver`.

use super::driver::{Connection, OptionalExtension, Row, params};

use super::super::change::{ChangeRow, Plan};
use super::super::{
    Census, Change, ChangeRecord, DecisionId, DecisionRecord, Genesis, Inserted, LeafRecord, NewDecision, NewPerson,
    NewPolicy, PersonChange, PersonId, PersonRecord, PersonStatus, PersonStep, PolicyId, PolicyRecord, RootRecord,
    Sequence, StoreError, TemplatePair, TemplateRecord,
};
use super::Fault;
use crate::identity::{Assurance, Credential, IdentityCommitment, Leaf};
use crate::iris::EyeSide;
use crate::tree::{LeafIndex, MerkleRoot};

pub(super) fn genesis(connection: &Connection) -> Result<Option<Genesis>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT created_at, tree_arity, tree_depth, document FROM registry, policies WHERE policy_id = 1",
    )?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let small = |column| -> Result<u8, Fault> {
        u8::try_from(row.get::<_, i64>(column)?)
            .map_err(|_| StoreError::corrupted("impossible shape of the tree").into())
    };
    Ok(Some(Genesis {
        created_at: unsigned(row, 0, "registry.created_at")?,
        tree_arity: small(1)?,
        tree_depth: small(2)?,
        policy: row.get(3)?,
    }))
}

pub(super) fn policy(connection: &Connection) -> Result<Option<PolicyRecord>, Fault> {
    let newest = largest(connection, "SELECT max(policy_id) FROM policies")?;
    policy_of(connection, PolicyId::new(newest)?)
}

pub(super) fn policy_of(connection: &Connection, id: PolicyId) -> Result<Option<PolicyRecord>, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT policy_id, adopted_at, document FROM policies WHERE policy_id = ?1")?;
    let mut rows = statement.query([signed("policy", id.as_u64())?])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(PolicyRecord {
        id: PolicyId::new(unsigned(row, 0, "policies.policy_id")?)?,
        adopted_at: unsigned(row, 1, "policies.adopted_at")?,
        document: row.get(2)?,
    }))
}

/// The columns that [`person_from`] reads, and where they come from; outer joins, so that a missing row is seen as damage
/// and not skipped.
macro_rules! people {
    ($rest:literal) => {
        concat!(
            "SELECT p.person_id, p.enrolled_at, l.leaf_index, l.commitment, l.issued_at, l.expires_at, l.assurance, l.leaf, \
             tl.record, tr.record, p.status, p.template_version, p.leaf_index \
             FROM persons p LEFT JOIN leaves l ON l.leaf_index = p.leaf_index AND l.person_id = p.person_id \
             LEFT JOIN templates tl ON tl.person_id = p.person_id AND tl.eye = 0 \
             LEFT JOIN templates tr ON tr.person_id = p.person_id AND tr.eye = 1 ",
            $rest
        )
    };
}

/// The columns that [`change_from`] reads.
macro_rules! changes {
    ($rest:literal) => {
        concat!(
            "SELECT sequence, root, leaf_count, at, kind, person_id, policy_id, template_version, removed, placed, leaf, \
             decision_id FROM changes ",
            $rest
        )
    };
}

pub(super) fn changes_since(connection: &Connection, after: Sequence, limit: u32) -> Result<Vec<ChangeRecord>, Fault> {
    let mut statement = connection.prepare_cached(changes!("WHERE sequence > ?1 ORDER BY sequence LIMIT ?2"))?;
    let mut rows = statement.query(params![signed("sequence", after.as_u64())?, limit])?;
    let mut changes = Vec::new();
    while let Some(row) = rows.next()? {
        changes.push(change_from(row)?);
    }
    Ok(changes)
}

pub(super) fn changes_of(connection: &Connection, person: PersonId) -> Result<Vec<ChangeRecord>, Fault> {
    let mut statement = connection.prepare_cached(changes!("WHERE person_id = ?1 ORDER BY sequence"))?;
    let mut rows = statement.query([signed("person", person.as_u64())?])?;
    let mut changes = Vec::new();
    while let Some(row) = rows.next()? {
        changes.push(change_from(row)?);
    }
    Ok(changes)
}

pub(super) fn roots_since(connection: &Connection, after: Sequence, limit: u32) -> Result<Vec<RootRecord>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT sequence, root, leaf_count, at FROM changes WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
    )?;
    let mut rows = statement.query(params![signed("sequence", after.as_u64())?, limit])?;
    let mut roots = Vec::new();
    while let Some(row) = rows.next()? {
        roots.push(root_from(row, 0)?);
    }
    Ok(roots)
}

pub(super) fn head(connection: &Connection) -> Result<Sequence, Fault> {
    let largest = largest(connection, "SELECT max(sequence) FROM changes")?;
    Ok(Sequence::new(largest)?)
}

pub(super) fn person(connection: &Connection, person: PersonId) -> Result<Option<PersonRecord>, Fault> {
    let mut statement = connection.prepare_cached(people!("WHERE p.person_id = ?1"))?;
    let mut rows = statement.query([signed("person", person.as_u64())?])?;
    match rows.next()? {
        Some(row) => person_from(row).map(Some),
        None => Ok(None),
    }
}

pub(super) fn people_since(connection: &Connection, after: u64, limit: u32) -> Result<Vec<PersonRecord>, Fault> {
    let mut statement = connection.prepare_cached(people!("WHERE p.person_id > ?1 ORDER BY p.person_id LIMIT ?2"))?;
    let mut rows = statement.query(params![signed("person", after)?, limit])?;
    let mut people = Vec::new();
    while let Some(row) = rows.next()? {
        people.push(person_from(row)?);
    }
    Ok(people)
}

pub(super) fn census(connection: &Connection) -> Result<Census, Fault> {
    let mut statement = connection.prepare_cached("SELECT status, count(*) FROM persons GROUP BY status")?;
    let mut rows = statement.query([])?;
    let mut census = Census::default();
    while let Some(row) = rows.next()? {
        let people = match PersonStatus::from_number(row.get(0)?)? {
            PersonStatus::Active => &mut census.active,
            PersonStatus::Suspended => &mut census.suspended,
            PersonStatus::Revoked => &mut census.revoked,
            PersonStatus::Erased => &mut census.erased,
        };
        *people = unsigned(row, 1, "count")?;
    }
    Ok(census)
}

pub(super) fn person_of(connection: &Connection, commitment: &IdentityCommitment) -> Result<Option<PersonId>, Fault> {
    let found: Option<i64> = connection
        .prepare_cached("SELECT person_id FROM leaves WHERE commitment = ?1")?
        .query_row([commitment.to_bytes().as_slice()], |row| row.get(0))
        .optional()?;
    found.map(person_id).transpose()
}

/// The columns that [`decision_from`] reads.
macro_rules! decisions {
    ($rest:literal) => {
        concat!(
            "SELECT decision_id, at, operator, action, outcome, person_id, policy_id, software, details FROM decisions ",
            $rest
        )
    };
}

pub(super) fn decisions_since(connection: &Connection, after: u64, limit: u32) -> Result<Vec<DecisionRecord>, Fault> {
    let mut statement =
        connection.prepare_cached(decisions!("WHERE decision_id > ?1 ORDER BY decision_id LIMIT ?2"))?;
    let mut rows = statement.query(params![signed("decision", after)?, limit])?;
    let mut decisions = Vec::new();
    while let Some(row) = rows.next()? {
        decisions.push(decision_from(row)?);
    }
    Ok(decisions)
}

pub(super) fn decision(connection: &Connection, id: DecisionId) -> Result<Option<DecisionRecord>, Fault> {
    let mut statement = connection.prepare_cached(decisions!("WHERE decision_id = ?1"))?;
    let mut rows = statement.query([signed("decision", id.as_u64())?])?;
    match rows.next()? {
        Some(row) => decision_from(row).map(Some),
        None => Ok(None),
    }
}

pub(super) fn decisions_of(
    connection: &Connection,
    person: PersonId,
    since: u64,
    limit: u32,
) -> Result<Vec<DecisionRecord>, Fault> {
    let mut statement = connection
        .prepare_cached(decisions!("WHERE person_id = ?1 AND at >= ?2 ORDER BY decision_id DESC LIMIT ?3"))?;
    let mut rows = statement.query(params![signed("person", person.as_u64())?, signed("time", since)?, limit])?;
    let mut decisions = Vec::new();
    while let Some(row) = rows.next()? {
        decisions.push(decision_from(row)?);
    }
    Ok(decisions)
}

pub(super) fn initialise(connection: &Connection, genesis: &Genesis) -> Result<PolicyId, Fault> {
    if self::genesis(connection)?.is_some() {
        return Err(StoreError::AlreadyInitialised.into());
    }
    let created_at = signed("time", genesis.created_at)?;
    let policy = PolicyId::new(1)?;
    connection
        .prepare_cached("INSERT INTO registry (one, created_at, tree_arity, tree_depth) VALUES (1, ?1, ?2, ?3)")?
        .execute(params![created_at, genesis.tree_arity, genesis.tree_depth])?;
    connection
        .prepare_cached("INSERT INTO policies (policy_id, adopted_at, document) VALUES (?1, ?2, ?3)")?
        .execute(params![signed("policy", policy.as_u64())?, created_at, genesis.policy])?;
    Ok(policy)
}

pub(super) fn next_person(connection: &Connection) -> Result<PersonId, Fault> {
    Ok(PersonId::new(largest(connection, "SELECT max(person_id) FROM persons")? + 1)?)
}

pub(super) fn keyring(connection: &Connection) -> Result<Option<Vec<u8>>, Fault> {
    Ok(connection.prepare_cached("SELECT document FROM keyring")?.query_row([], |row| row.get(0)).optional()?)
}

pub(super) fn set_keyring(connection: &Connection, keyring: &[u8]) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO keyring (one, document) VALUES (1, ?1) ON CONFLICT (one) DO UPDATE SET document = ?1",
        )?
        .execute([keyring])?;
    Ok(())
}

pub(super) fn replace_records(
    connection: &Connection,
    person: PersonId,
    templates: &TemplatePair,
) -> Result<(), Fault> {
    let before = self::person(connection, person)?;
    if !before.is_some_and(|before| before.templates.same_eyes(templates)) {
        return Err(super::super::other_eyes(person).into());
    }
    for eye in EyeSide::BOTH {
        if let Some(record) = templates.of(eye) {
            connection
                .prepare_cached("UPDATE templates SET record = ?3 WHERE person_id = ?1 AND eye = ?2")?
                .execute(params![signed("person", person.as_u64())?, eye_number(eye), record.as_bytes()])?;
        }
    }
    Ok(())
}

pub(super) fn insert_person(connection: &Connection, new: &NewPerson<'_>) -> Result<Inserted, Fault> {
    must_be_initialised(connection)?;
    let leaf = &new.leaf;
    let leaves = leaf_count(connection)?;
    new.check(leaves, person_of(connection, &leaf.commitment)?)?;

    let person = next_person(connection)?;
    connection
        .prepare_cached(
            "INSERT INTO persons (person_id, enrolled_at, status, template_version, leaf_index) VALUES (?1, ?2, 1, 1, ?3)",
        )?
        .execute(params![
            signed("person", person.as_u64())?,
            signed("time", new.at)?,
            i64::from(leaf.index.as_u32())
        ])?;
    insert_templates(connection, person, &new.templates)?;
    insert_leaf(connection, person, leaf)?;
    let change = Change::Enrolled { person, index: leaf.index, leaf: leaf.leaf };
    let decision = NewDecision { person: Some(person), ..new.decision };
    let (sequence, decision) = insert_change(connection, &change, leaves + 1, (&new.root, new.root_at), &decision)?;
    Ok(Inserted { person, sequence, decision })
}

pub(super) fn change_person(connection: &Connection, new: &PersonChange<'_>) -> Result<Inserted, Fault> {
    must_be_initialised(connection)?;
    let person = new.person;
    let before = self::person(connection, person)?
        .ok_or_else(|| StoreError::Conflict { detail: format!("there is no person {person}") })?;
    let taken = match &new.step {
        PersonStep::Recover { leaf } => person_of(connection, &leaf.commitment)?,
        _ => None,
    };
    let Plan { status, change, leaves } = new.step.plan(&before, leaf_count(connection)?, taken)?;
    let number = signed("person", person.as_u64())?;
    connection
        .prepare_cached("UPDATE persons SET status = ?2 WHERE person_id = ?1")?
        .execute([number, i64::from(status.number())])?;
    match &new.step {
        PersonStep::Refresh { templates } => {
            connection.prepare_cached("DELETE FROM templates WHERE person_id = ?1")?.execute([number])?;
            insert_templates(connection, person, templates)?;
            connection
                .prepare_cached("UPDATE persons SET template_version = template_version + 1 WHERE person_id = ?1")?
                .execute([number])?;
        }
        PersonStep::Recover { leaf } => {
            insert_leaf(connection, person, leaf)?;
            connection
                .prepare_cached("UPDATE persons SET leaf_index = ?2 WHERE person_id = ?1")?
                .execute([number, i64::from(leaf.index.as_u32())])?;
        }
        PersonStep::Renew { leaf } => {
            connection
                .prepare_cached("DELETE FROM leaves WHERE leaf_index = ?1")?
                .execute([i64::from(leaf.index.as_u32())])?;
            insert_leaf(connection, person, leaf)?;
        }
        PersonStep::Erase => {
            for erase in [
                "DELETE FROM templates WHERE person_id = ?1",
                "DELETE FROM leaves WHERE person_id = ?1",
                "UPDATE persons SET leaf_index = NULL WHERE person_id = ?1",
                "UPDATE recoveries SET commitment = NULL, state = 3 WHERE person_id = ?1 AND state = 1",
            ] {
                connection.prepare_cached(erase)?.execute([number])?;
            }
        }
        PersonStep::Suspend | PersonStep::Reinstate | PersonStep::Revoke => {}
    }
    let decision = NewDecision { person: Some(person), ..new.decision };
    let (sequence, decision) = insert_change(connection, &change, leaves, (&new.root, new.root_at), &decision)?;
    Ok(Inserted { person, sequence, decision })
}

pub(super) fn adopt_policy(connection: &Connection, new: &NewPolicy<'_>) -> Result<PolicyId, Fault> {
    must_be_initialised(connection)?;
    let policy = PolicyId::new(largest(connection, "SELECT max(policy_id) FROM policies")? + 1)?;
    connection
        .prepare_cached("INSERT INTO policies (policy_id, adopted_at, document) VALUES (?1, ?2, ?3)")?
        .execute(params![signed("policy", policy.as_u64())?, signed("time", new.decision.at)?, new.document])?;
    let leaves = leaf_count(connection)?;
    let change = Change::PolicyAdopted { policy };
    insert_change(connection, &change, leaves, (&new.root, new.root_at), &new.decision)?;
    Ok(policy)
}

/// Places given out so far. Not the number of leaves: those of erased people are gone.
fn leaf_count(connection: &Connection) -> Result<u64, Fault> {
    largest(connection, "SELECT leaf_count FROM changes ORDER BY sequence DESC LIMIT 1")
}

fn insert_templates(connection: &Connection, person: PersonId, templates: &TemplatePair) -> Result<(), Fault> {
    for eye in EyeSide::BOTH {
        if let Some(record) = templates.of(eye) {
            connection
                .prepare_cached("INSERT INTO templates (person_id, eye, record) VALUES (?1, ?2, ?3)")?
                .execute(params![signed("person", person.as_u64())?, eye_number(eye), record.as_bytes()])?;
        }
    }
    Ok(())
}

fn insert_leaf(connection: &Connection, person: PersonId, leaf: &LeafRecord) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO leaves (leaf_index, person_id, commitment, issued_at, expires_at, assurance, leaf) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            i64::from(leaf.index.as_u32()),
            signed("person", person.as_u64())?,
            leaf.commitment.to_bytes(),
            signed("time", leaf.credential.issued_at())?,
            signed("time", leaf.credential.expires_at())?,
            leaf.credential.assurance().as_u8(),
            leaf.leaf.to_bytes(),
        ])?;
    Ok(())
}

/// Adds a change and the decision behind it; `root` is the root afterwards and since when it is current.
fn insert_change(
    connection: &Connection,
    change: &Change,
    leaves: u64,
    (root, at): (&MerkleRoot, u64),
    decision: &NewDecision<'_>,
) -> Result<(Sequence, DecisionId), Fault> {
    let decision = insert_decision(connection, decision)?;
    let sequence = Sequence::new(head(connection)?.as_u64() + 1)?;
    let ChangeRow { kind, person, policy, template_version, removed, placed } = change.to_row();
    connection
        .prepare_cached(
            "INSERT INTO changes (sequence, at, kind, person_id, policy_id, template_version, removed, placed, leaf, \
             decision_id, leaf_count, root) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            signed("sequence", sequence.as_u64())?,
            signed("time", at)?,
            kind,
            person.map(|person| signed("person", person.as_u64())).transpose()?,
            policy.map(|policy| signed("policy", policy.as_u64())).transpose()?,
            template_version,
            removed.map(|index| i64::from(index.as_u32())),
            placed.map(|(index, _)| i64::from(index.as_u32())),
            placed.map(|(_, leaf)| leaf.to_bytes()),
            signed("decision", decision.as_u64())?,
            signed("leaves", leaves)?,
            root.to_bytes(),
        ])?;
    Ok((sequence, decision))
}

pub(super) fn insert_decision(connection: &Connection, decision: &NewDecision<'_>) -> Result<DecisionId, Fault> {
    must_be_initialised(connection)?;
    let id = DecisionId::new(largest(connection, "SELECT max(decision_id) FROM decisions")? + 1)?;
    connection
        .prepare_cached(
            "INSERT INTO decisions \
             (decision_id, at, operator, action, outcome, person_id, policy_id, software, details) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            signed("decision", id.as_u64())?,
            signed("time", decision.at)?,
            decision.operator,
            decision.action,
            decision.outcome,
            decision.person.map(|person| signed("person", person.as_u64())).transpose()?,
            signed("policy", decision.policy.as_u64())?,
            decision.software,
            decision.details,
        ])?;
    Ok(id)
}

pub(super) fn must_be_initialised(connection: &Connection) -> Result<(), Fault> {
    let rows: i64 = connection.prepare_cached("SELECT count(*) FROM registry")?.query_row([], |row| row.get(0))?;
    if rows == 1 { Ok(()) } else { Err(StoreError::NotInitialised.into()) }
}

/// Reads the columns of `people!`.
fn person_from(row: &Row<'_>) -> Result<PersonRecord, Fault> {
    let person = person_id(row.get(0)?)?;
    let damaged = |what: &str, why: &dyn core::fmt::Display| -> Fault {
        StoreError::corrupted(format!("{what} of person {person}: {why}")).into()
    };
    let status = PersonStatus::from_number(row.get(10)?)?;
    let template = |column| -> Result<Option<TemplateRecord>, Fault> {
        row.get::<_, Option<Vec<u8>>>(column)?
            .map(|bytes| TemplateRecord::from_bytes(bytes).map_err(|error| damaged("template", &error)))
            .transpose()
    };
    let templates = TemplatePair { left: template(8)?, right: template(9)? };
    let leaf = match row.get::<_, Option<i64>>(2)? {
        Some(index) => Some(leaf_from(row, index, person)?),
        None => None,
    };
    let eyes = templates.left.is_some() || templates.right.is_some();
    let erased = status == PersonStatus::Erased;
    match (erased, eyes, leaf.is_some(), row.get::<_, Option<i64>>(12)?.is_some()) {
        (false, true, true, true) | (true, false, false, false) => {}
        (false, false, ..) => return Err(damaged("templates", &"there are none")),
        (true, true, ..) => return Err(damaged("templates", &"they are there, though they were erased")),
        (false, _, false, _) => return Err(damaged("leaf", &"it is not there")),
        _ => return Err(damaged("leaf", &"it is there, though it was erased")),
    }
    Ok(PersonRecord {
        person,
        enrolled_at: unsigned(row, 1, "persons.enrolled_at")?,
        status,
        template_version: u32::try_from(row.get::<_, i64>(11)?).map_err(|error| damaged("template version", &error))?,
        templates,
        leaf,
    })
}

/// Reads the columns 3 to 7 of `people!`.
fn leaf_from(row: &Row<'_>, index: i64, person: PersonId) -> Result<LeafRecord, Fault> {
    let damaged = |what: &str, why: &dyn core::fmt::Display| -> Fault {
        StoreError::corrupted(format!("{what} of person {person}: {why}")).into()
    };
    let commitment =
        IdentityCommitment::from_bytes(&row.get::<_, [u8; 32]>(3)?).map_err(|error| damaged("commitment", &error))?;
    let assurance = u8::try_from(row.get::<_, i64>(6)?).map_err(|error| damaged("assurance", &error))?;
    let credential = Credential::new(
        unsigned(row, 4, "leaves.issued_at")?,
        unsigned(row, 5, "leaves.expires_at")?,
        Assurance::new(assurance),
    )
    .map_err(|error| damaged("credential", &error))?;
    let leaf = Leaf::from_bytes(&row.get::<_, [u8; 32]>(7)?).map_err(|error| damaged("leaf", &error))?;
    Ok(LeafRecord { index: place(index)?, commitment, credential, leaf })
}

/// Reads the columns of `changes!`.
fn change_from(row: &Row<'_>) -> Result<ChangeRecord, Fault> {
    let root = root_from(row, 0)?;
    let sequence = root.sequence;
    let damaged = |detail: &dyn core::fmt::Display| -> Fault {
        StoreError::corrupted(format!("change {sequence}: {detail}")).into()
    };
    let placed = match (row.get::<_, Option<i64>>(9)?, row.get::<_, Option<[u8; 32]>>(10)?) {
        (Some(index), Some(leaf)) => Some((place(index)?, Leaf::from_bytes(&leaf).map_err(|error| damaged(&error))?)),
        (None, None) => None,
        _ => return Err(damaged(&"a place without its leaf")),
    };
    let change = Change::from_row(ChangeRow {
        kind: row.get(4)?,
        person: row.get::<_, Option<i64>>(5)?.map(person_id).transpose()?,
        policy: optional(row, 6, "changes.policy_id")?.map(PolicyId::new).transpose()?,
        template_version: row
            .get::<_, Option<i64>>(7)?
            .map(|version| u32::try_from(version).map_err(|error| damaged(&error)))
            .transpose()?,
        removed: row.get::<_, Option<i64>>(8)?.map(place).transpose()?,
        placed,
    })
    .map_err(|error| damaged(&error))?;
    let decision = DecisionId::new(unsigned(row, 11, "changes.decision_id")?)?;
    Ok(ChangeRecord { sequence, change, decision, root })
}

/// Reads the columns of `decisions!`.
fn decision_from(row: &Row<'_>) -> Result<DecisionRecord, Fault> {
    Ok(DecisionRecord {
        id: DecisionId::new(unsigned(row, 0, "decisions.decision_id")?)?,
        at: unsigned(row, 1, "decisions.at")?,
        operator: row.get(2)?,
        action: row.get(3)?,
        outcome: row.get(4)?,
        person: row.get::<_, Option<i64>>(5)?.map(person_id).transpose()?,
        policy: PolicyId::new(unsigned(row, 6, "decisions.policy_id")?)?,
        software: row.get(7)?,
        details: row.get(8)?,
    })
}

/// Reads sequence, root, leaf_count, at from column `first` on.
fn root_from(row: &Row<'_>, first: usize) -> Result<RootRecord, Fault> {
    let sequence = Sequence::new(unsigned(row, first, "changes.sequence")?)?;
    let root = MerkleRoot::from_bytes(&row.get::<_, [u8; 32]>(first + 1)?)
        .map_err(|error| StoreError::corrupted(format!("root of change {sequence}: {error}")))?;
    Ok(RootRecord {
        sequence,
        root,
        leaves: unsigned(row, first + 2, "changes.leaf_count")?,
        at: unsigned(row, first + 3, "changes.at")?,
    })
}

/// The largest number in a column, zero in an empty table.
pub(super) fn largest(connection: &Connection, query: &str) -> Result<u64, Fault> {
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query([])?;
    match rows.next()? {
        Some(row) => match row.get::<_, Option<i64>>(0)? {
            Some(_) => unsigned(row, 0, query),
            None => Ok(0),
        },
        None => Ok(0),
    }
}

pub(super) fn person_id(value: i64) -> Result<PersonId, Fault> {
    let value = u64::try_from(value).map_err(|_| StoreError::corrupted(format!("person {value} is below zero")))?;
    Ok(PersonId::new(value)?)
}

fn place(value: i64) -> Result<LeafIndex, Fault> {
    u32::try_from(value)
        .ok()
        .and_then(|index| LeafIndex::new(index).ok())
        .ok_or_else(|| StoreError::corrupted(format!("leaf index {value} is not in any tree")).into())
}

pub(super) fn optional(row: &Row<'_>, column: usize, what: &str) -> Result<Option<u64>, Fault> {
    match row.get::<_, Option<i64>>(column)? {
        Some(_) => unsigned(row, column, what).map(Some),
        None => Ok(None),
    }
}

pub(super) fn unsigned(row: &Row<'_>, column: usize, what: &str) -> Result<u64, Fault> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| StoreError::corrupted(format!("{what} is {value}, below zero")).into())
}

/// SQLite's integers are signed.
pub(super) fn signed(what: &'static str, value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::OutOfRange { what, value, limit: super::super::LARGEST })
}

pub(super) const fn eye_number(eye: EyeSide) -> i64 {
    match eye {
        EyeSide::Left => 0,
        EyeSide::Right => 1,
    }
}
