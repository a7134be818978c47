//! Rows in and out of the tables of `migrations/registry`; nothing is believed before a constructor took it.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::{
    Change, ChangeRecord, DecisionId, DecisionRecord, Genesis, Inserted, LeafRecord, NewDecision, NewPerson, PersonId,
    PersonRecord, PolicyId, PolicyRecord, RootRecord, Sequence, StoreError, TemplatePair, TemplateRecord,
};
use super::Fault;
use crate::identity::{Assurance, Credential, IdentityCommitment, Leaf};
use crate::iris::EyeSide;
use crate::tree::{LeafIndex, MerkleRoot};

const KIND_ENROLLED: i64 = 1;

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
    let mut statement = connection
        .prepare_cached("SELECT policy_id, adopted_at, document FROM policies ORDER BY policy_id DESC LIMIT 1")?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(PolicyRecord {
        id: PolicyId::new(unsigned(row, 0, "policies.policy_id")?)?,
        adopted_at: unsigned(row, 1, "policies.adopted_at")?,
        document: row.get(2)?,
    }))
}

/// The columns that [`person_from`] reads, from column 0 on.
macro_rules! person_columns {
    () => {
        "p.person_id, p.enrolled_at, l.leaf_index, l.commitment, l.issued_at, l.expires_at, l.assurance, l.leaf, \
         tl.record, tr.record"
    };
}

/// Where they come from, with `persons p` before it; outer joins, so that a missing row is seen as damage and not skipped.
macro_rules! rows_of_person {
    () => {
        " LEFT JOIN leaves l ON l.person_id = p.person_id \
         LEFT JOIN templates tl ON tl.person_id = p.person_id AND tl.eye = 0 \
         LEFT JOIN templates tr ON tr.person_id = p.person_id AND tr.eye = 1"
    };
}

pub(super) fn changes_since(connection: &Connection, after: Sequence, limit: u32) -> Result<Vec<ChangeRecord>, Fault> {
    // One statement is one snapshot: nothing can change between a change and the rows it speaks of.
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        person_columns!(),
        ", c.sequence, c.root, c.leaf_count, c.at, c.kind FROM changes c LEFT JOIN persons p ON p.person_id = c.person_id",
        rows_of_person!(),
        " WHERE c.sequence > ?1 ORDER BY c.sequence LIMIT ?2"
    ))?;
    let mut rows = statement.query(params![signed("sequence", after.as_u64())?, limit])?;
    let mut changes = Vec::new();
    while let Some(row) = rows.next()? {
        let root = root_from(row, 10)?;
        let kind: i64 = row.get(14)?;
        if kind != KIND_ENROLLED {
            return Err(StoreError::corrupted(format!("change {} is of unknown kind {kind}", root.sequence)).into());
        }
        let change = Change::Enrolled(Box::new(person_from(row)?));
        changes.push(ChangeRecord { sequence: root.sequence, change, root });
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
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        person_columns!(),
        " FROM persons p",
        rows_of_person!(),
        " WHERE p.person_id = ?1"
    ))?;
    let mut rows = statement.query([signed("person", person.as_u64())?])?;
    match rows.next()? {
        Some(row) => person_from(row).map(Some),
        None => Ok(None),
    }
}

pub(super) fn person_of(connection: &Connection, commitment: &IdentityCommitment) -> Result<Option<PersonId>, Fault> {
    let found: Option<i64> = connection
        .prepare_cached("SELECT person_id FROM leaves WHERE commitment = ?1")?
        .query_row([commitment.to_bytes().as_slice()], |row| row.get(0))
        .optional()?;
    found.map(person_id).transpose()
}

pub(super) fn decisions_since(connection: &Connection, after: u64, limit: u32) -> Result<Vec<DecisionRecord>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT decision_id, at, operator, action, outcome, person_id, policy_id, software, details \
         FROM decisions WHERE decision_id > ?1 ORDER BY decision_id LIMIT ?2",
    )?;
    let mut rows = statement.query(params![signed("decision", after)?, limit])?;
    let mut decisions = Vec::new();
    while let Some(row) = rows.next()? {
        decisions.push(DecisionRecord {
            id: DecisionId::new(unsigned(row, 0, "decisions.decision_id")?)?,
            at: unsigned(row, 1, "decisions.at")?,
            operator: row.get(2)?,
            action: row.get(3)?,
            outcome: row.get(4)?,
            person: row.get::<_, Option<i64>>(5)?.map(person_id).transpose()?,
            policy: PolicyId::new(unsigned(row, 6, "decisions.policy_id")?)?,
            software: row.get(7)?,
            details: row.get(8)?,
        });
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

pub(super) fn insert_person(connection: &Connection, new: &NewPerson<'_>) -> Result<Inserted, Fault> {
    must_be_initialised(connection)?;
    let leaf = &new.leaf;
    let leaf_index = i64::from(leaf.index.as_u32());
    let leaves: i64 = connection
        .prepare_cached("SELECT coalesce(max(leaf_index) + 1, 0) FROM leaves")?
        .query_row([], |row| row.get(0))?;
    new.check(leaves.unsigned_abs(), person_of(connection, &leaf.commitment)?)?;

    let person = PersonId::new(largest(connection, "SELECT max(person_id) FROM persons")? + 1)?;
    let sequence = Sequence::new(head(connection)?.as_u64() + 1)?;
    let (at, person_number) = (signed("time", new.at)?, signed("person", person.as_u64())?);
    connection
        .prepare_cached("INSERT INTO persons (person_id, enrolled_at) VALUES (?1, ?2)")?
        .execute([person_number, at])?;
    for eye in EyeSide::BOTH {
        if let Some(record) = new.templates.of(eye) {
            connection
                .prepare_cached("INSERT INTO templates (person_id, eye, record) VALUES (?1, ?2, ?3)")?
                .execute(params![person_number, eye_number(eye), record.as_bytes()])?;
        }
    }
    connection
        .prepare_cached(
            "INSERT INTO leaves (leaf_index, person_id, commitment, issued_at, expires_at, assurance, leaf) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            leaf_index,
            person_number,
            leaf.commitment.to_bytes(),
            signed("time", leaf.credential.issued_at())?,
            signed("time", leaf.credential.expires_at())?,
            leaf.credential.assurance().as_u8(),
            leaf.leaf.to_bytes(),
        ])?;
    let decision = insert_decision(connection, &NewDecision { person: Some(person), ..new.decision })?;
    connection
        .prepare_cached(
            "INSERT INTO changes (sequence, at, kind, person_id, decision_id, leaf_count, root) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            signed("sequence", sequence.as_u64())?,
            signed("time", new.root_at)?,
            KIND_ENROLLED,
            person_number,
            signed("decision", decision.as_u64())?,
            leaf_index + 1,
            new.root.to_bytes(),
        ])?;
    Ok(Inserted { person, sequence, decision })
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

fn must_be_initialised(connection: &Connection) -> Result<(), Fault> {
    let rows: i64 = connection.prepare_cached("SELECT count(*) FROM registry")?.query_row([], |row| row.get(0))?;
    if rows == 1 { Ok(()) } else { Err(StoreError::NotInitialised.into()) }
}

/// Reads the columns of `person_columns!`.
fn person_from(row: &Row<'_>) -> Result<PersonRecord, Fault> {
    let Some(person) = row.get::<_, Option<i64>>(0)? else {
        return Err(StoreError::corrupted("a change speaks of a person who is not there").into());
    };
    let person = person_id(person)?;
    let damaged = |what: &str, why: &dyn core::fmt::Display| -> Fault {
        StoreError::corrupted(format!("{what} of person {person}: {why}")).into()
    };
    let Some(leaf_index) = row.get::<_, Option<i64>>(2)? else {
        return Err(damaged("leaf", &"it is not there"));
    };
    let leaf_index = u32::try_from(leaf_index)
        .ok()
        .and_then(|index| LeafIndex::new(index).ok())
        .ok_or_else(|| damaged("leaf index", &leaf_index))?;
    let commitment =
        IdentityCommitment::from_bytes(&row.get::<_, [u8; 32]>(3)?).map_err(|error| damaged("commitment", &error))?;
    let assurance: i64 = row.get(6)?;
    let assurance = u8::try_from(assurance).map_err(|error| damaged("assurance", &error))?;
    let credential = Credential::new(
        unsigned(row, 4, "leaves.issued_at")?,
        unsigned(row, 5, "leaves.expires_at")?,
        Assurance::new(assurance),
    )
    .map_err(|error| damaged("credential", &error))?;
    let leaf = Leaf::from_bytes(&row.get::<_, [u8; 32]>(7)?).map_err(|error| damaged("leaf", &error))?;
    let template = |column| -> Result<Option<TemplateRecord>, Fault> {
        row.get::<_, Option<Vec<u8>>>(column)?
            .map(|bytes| TemplateRecord::from_bytes(bytes).map_err(|error| damaged("template", &error)))
            .transpose()
    };
    let templates = TemplatePair { left: template(8)?, right: template(9)? };
    if templates.left.is_none() && templates.right.is_none() {
        return Err(damaged("templates", &"there are none"));
    }
    Ok(PersonRecord {
        person,
        enrolled_at: unsigned(row, 1, "persons.enrolled_at")?,
        templates,
        leaf: LeafRecord { index: leaf_index, commitment, credential, leaf },
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
fn largest(connection: &Connection, query: &str) -> Result<u64, Fault> {
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

fn person_id(value: i64) -> Result<PersonId, Fault> {
    let value = u64::try_from(value).map_err(|_| StoreError::corrupted(format!("person {value} is below zero")))?;
    Ok(PersonId::new(value)?)
}

fn unsigned(row: &Row<'_>, column: usize, what: &str) -> Result<u64, Fault> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| StoreError::corrupted(format!("{what} is {value}, below zero")).into())
}

/// SQLite's integers are signed.
fn signed(what: &'static str, value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::OutOfRange { what, value, limit: super::super::LARGEST })
}

const fn eye_number(eye: EyeSide) -> i64 {
    match eye {
        EyeSide::Left => 0,
        EyeSide::Right => 1,
    }
}
