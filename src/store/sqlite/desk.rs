//! Rows of the desks: recoveries, reviews, operators, stations; and the pages of the saved tree.

use super::driver::{Connection, OptionalExtension, Row, params};

use super::super::{
    LARGEST, NewRecovery, NewReview, OperatorRecord, PersonId, RecoveryId, RecoveryRecord, RecoveryState, ReviewId,
    ReviewRecord, ReviewStep, ReviewVerdict, ReviewVote, Role, StationRecord, StoreError, TemplatePair, TemplateRecord,
};
use super::Fault;
use super::rows::{eye_number, largest, must_be_initialised, optional, person_id, signed, unsigned};
use crate::identity::{Assurance, IdentityCommitment};
use crate::iris::EyeSide;
use crate::store::{DecisionId, Sequence};
use crate::tree::TreePage;

pub(super) fn saved_tree(connection: &Connection) -> Result<Option<Sequence>, Fault> {
    let found: Option<i64> =
        connection.prepare_cached("SELECT sequence FROM tree_state")?.query_row([], |row| row.get(0)).optional()?;
    // The column's rule is that it is not negative; a hand at the prompt may have gone around it.
    Ok(found.and_then(|sequence| u64::try_from(sequence).ok()).map(Sequence::new).transpose()?)
}

pub(super) fn tree_page(connection: &Connection, page: TreePage) -> Result<Option<Vec<u8>>, Fault> {
    Ok(connection
        .prepare_cached("SELECT nodes FROM tree_pages WHERE level = ?1 AND page = ?2")?
        .query_row(params![i64::from(page.level), i64::from(page.number)], |row| row.get(0))
        .optional()?)
}

pub(super) fn save_tree(
    connection: &Connection,
    sequence: Sequence,
    pages: &[(TreePage, Vec<u8>)],
) -> Result<(), Fault> {
    must_be_initialised(connection)?;
    for (page, nodes) in pages {
        connection
            .prepare_cached(
                "INSERT INTO tree_pages (level, page, nodes) VALUES (?1, ?2, ?3)
                 ON CONFLICT (level, page) DO UPDATE SET nodes = ?3",
            )?
            .execute(params![i64::from(page.level), i64::from(page.number), nodes.as_slice()])?;
    }
    connection
        .prepare_cached(
            "INSERT INTO tree_state (one, sequence) VALUES (1, ?1) ON CONFLICT (one) DO UPDATE SET sequence = ?1",
        )?
        .execute([signed("sequence", sequence.as_u64())?])?;
    Ok(())
}

/// The columns that [`recovery_from`] reads.
macro_rules! recoveries {
    ($rest:literal) => {
        concat!(
            "SELECT recovery_id, person_id, requested_at, ready_at, expires_at, commitment, state, decision_id \
             FROM recoveries ",
            $rest
        )
    };
}

pub(super) fn recovery(connection: &Connection, id: RecoveryId) -> Result<Option<RecoveryRecord>, Fault> {
    let mut statement = connection.prepare_cached(recoveries!("WHERE recovery_id = ?1"))?;
    let mut rows = statement.query([signed("recovery", id.as_u64())?])?;
    rows.next()?.map(recovery_from).transpose()
}

pub(super) fn pending_recoveries(connection: &Connection) -> Result<Vec<RecoveryRecord>, Fault> {
    let mut statement = connection.prepare_cached(recoveries!("WHERE state = 1 ORDER BY recovery_id"))?;
    let mut rows = statement.query([])?;
    let mut recoveries = Vec::new();
    while let Some(row) = rows.next()? {
        recoveries.push(recovery_from(row)?);
    }
    Ok(recoveries)
}

pub(super) fn open_recovery(connection: &Connection, new: &NewRecovery) -> Result<RecoveryId, Fault> {
    must_be_initialised(connection)?;
    let id = RecoveryId::new(largest(connection, "SELECT max(recovery_id) FROM recoveries")? + 1)?;
    connection
        .prepare_cached(
            "INSERT INTO recoveries \
             (recovery_id, person_id, requested_at, ready_at, expires_at, commitment, state, decision_id) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7)",
        )?
        .execute(params![
            signed("recovery", id.as_u64())?,
            signed("person", new.person.as_u64())?,
            signed("time", new.requested_at)?,
            signed("time", new.ready_at)?,
            signed("time", new.expires_at)?,
            new.commitment.to_bytes(),
            signed("decision", new.decision.as_u64())?,
        ])?;
    Ok(id)
}

pub(super) fn close_recovery(connection: &Connection, id: RecoveryId, completed: bool) -> Result<(), Fault> {
    let state = if completed { 2 } else { 3 };
    let closed = connection
        .prepare_cached("UPDATE recoveries SET state = ?2, commitment = NULL WHERE recovery_id = ?1 AND state = 1")?
        .execute([signed("recovery", id.as_u64())?, state])?;
    one(closed, || format!("recovery {id} is not pending"))
}

/// The columns of a review.
macro_rules! reviews {
    ($rest:literal) => {
        concat!(
            "SELECT review_id, opened_at, state, round, closed_at, commitment, issued_at, expires_at, assurance, \
             person_id, decision_id FROM reviews ",
            $rest
        )
    };
}

pub(super) fn review(connection: &Connection, id: ReviewId) -> Result<Option<ReviewRecord>, Fault> {
    let mut statement = connection.prepare_cached(reviews!("WHERE review_id = ?1"))?;
    let mut rows = statement.query([signed("review", id.as_u64())?])?;
    rows.next()?.map(|row| review_from(connection, row)).transpose()
}

pub(super) fn reviews_since(connection: &Connection, after: u64, limit: u32) -> Result<Vec<ReviewRecord>, Fault> {
    let mut statement = connection.prepare_cached(reviews!("WHERE review_id > ?1 ORDER BY review_id LIMIT ?2"))?;
    let mut rows = statement.query(params![signed("review", after)?, limit])?;
    let mut reviews = Vec::new();
    while let Some(row) = rows.next()? {
        reviews.push(review_from(connection, row)?);
    }
    Ok(reviews)
}

pub(super) fn open_review(connection: &Connection, new: &NewReview) -> Result<ReviewId, Fault> {
    must_be_initialised(connection)?;
    let id = ReviewId::new(largest(connection, "SELECT max(review_id) FROM reviews")? + 1)?;
    let number = signed("review", id.as_u64())?;
    connection
        .prepare_cached(
            "INSERT INTO reviews \
             (review_id, opened_at, state, round, commitment, issued_at, expires_at, assurance, decision_id) \
             VALUES (?1, ?2, 1, 1, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            number,
            signed("time", new.opened_at)?,
            new.commitment.to_bytes(),
            signed("time", new.issued_at)?,
            signed("time", new.expires_at)?,
            new.assurance.as_u8(),
            signed("decision", new.decision.as_u64())?,
        ])?;
    for eye in EyeSide::BOTH {
        if let Some(record) = new.templates.of(eye) {
            connection
                .prepare_cached("INSERT INTO review_templates (review_id, eye, record) VALUES (?1, ?2, ?3)")?
                .execute(params![number, eye_number(eye), record.as_bytes()])?;
        }
    }
    Ok(id)
}

pub(super) fn vote(connection: &Connection, id: ReviewId, vote: &ReviewVote) -> Result<(), Fault> {
    let number = signed("review", id.as_u64())?;
    let open: Option<i64> = connection
        .prepare_cached("SELECT round FROM reviews WHERE review_id = ?1 AND state = 1")?
        .query_row([number], |row| row.get(0))
        .optional()?;
    if open != Some(i64::from(vote.round)) {
        return Err(StoreError::Conflict { detail: format!("review {id} is not open in round {}", vote.round) }.into());
    }
    connection
        .prepare_cached(
            "INSERT INTO review_votes (review_id, round, operator, at, verdict, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            number,
            vote.round,
            vote.operator,
            signed("time", vote.at)?,
            verdict_number(vote.verdict) - 1,
            vote.reason
        ])?;
    Ok(())
}

pub(super) fn step_review(connection: &Connection, id: ReviewId, step: ReviewStep) -> Result<(), Fault> {
    let number = signed("review", id.as_u64())?;
    let done = match step {
        ReviewStep::Close { verdict, at, person } => connection
            .prepare_cached(
                "UPDATE reviews SET state = ?2, closed_at = ?3, person_id = ?4 WHERE review_id = ?1 AND state = 1",
            )?
            .execute(params![
                number,
                verdict_number(verdict),
                signed("time", at)?,
                person.map(|person| signed("person", person.as_u64())).transpose()?
            ])?,
        ReviewStep::Reopen => connection
            .prepare_cached(
                "UPDATE reviews SET state = 1, round = 2, closed_at = NULL \
                 WHERE review_id = ?1 AND state <> 1 AND round = 1 AND commitment IS NOT NULL",
            )?
            .execute([number])?,
        ReviewStep::Forget => {
            connection.prepare_cached("DELETE FROM review_templates WHERE review_id = ?1")?.execute([number])?;
            connection
                .prepare_cached("UPDATE reviews SET commitment = NULL WHERE review_id = ?1 AND state <> 1")?
                .execute([number])?
        }
    };
    one(done, || format!("review {id} does not stand so that it could take this step"))
}

pub(super) fn exceptions_of(connection: &Connection, person: PersonId) -> Result<Vec<PersonId>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT other_id FROM exceptions WHERE person_id = ?1 UNION SELECT person_id FROM exceptions WHERE other_id = ?1 \
         ORDER BY 1",
    )?;
    let mut rows = statement.query([signed("person", person.as_u64())?])?;
    let mut people = Vec::new();
    while let Some(row) = rows.next()? {
        people.push(person_id(row.get(0)?)?);
    }
    Ok(people)
}

pub(super) fn insert_exception(
    connection: &Connection,
    person: PersonId,
    other: PersonId,
    review: ReviewId,
) -> Result<(), Fault> {
    connection.prepare_cached("INSERT INTO exceptions (person_id, other_id, review_id) VALUES (?1, ?2, ?3)")?.execute(
        [signed("person", person.as_u64())?, signed("person", other.as_u64())?, signed("review", review.as_u64())?],
    )?;
    Ok(())
}

pub(super) fn operators(connection: &Connection) -> Result<Vec<OperatorRecord>, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT operator, role, added_at, removed_at FROM operators ORDER BY operator")?;
    let mut rows = statement.query([])?;
    let mut operators = Vec::new();
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(1)?;
        let role = usize::try_from(number - 1)
            .ok()
            .and_then(|at| Role::ALL.get(at).copied())
            .ok_or_else(|| StoreError::corrupted(format!("an operator has the unknown role {number}")))?;
        operators.push(OperatorRecord {
            name: row.get(0)?,
            role,
            added_at: unsigned(row, 2, "operators.added_at")?,
            removed_at: optional(row, 3, "operators.removed_at")?,
        });
    }
    Ok(operators)
}

pub(super) fn put_operator(connection: &Connection, operator: &OperatorRecord) -> Result<(), Fault> {
    must_be_initialised(connection)?;
    let role = Role::ALL.iter().position(|role| *role == operator.role).map_or(0, |at| at as u64 + 1);
    connection
        .prepare_cached(
            "INSERT INTO operators (operator, role, added_at, removed_at) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (operator) DO UPDATE SET role = ?2, added_at = ?3, removed_at = ?4",
        )?
        .execute(params![
            operator.name,
            signed("role", role)?,
            signed("time", operator.added_at)?,
            operator.removed_at.map(|at| signed("time", at)).transpose()?
        ])?;
    Ok(())
}

pub(super) fn stations(connection: &Connection) -> Result<Vec<StationRecord>, Fault> {
    let mut statement = connection
        .prepare_cached("SELECT station, public_key, counter, added_at, removed_at FROM stations ORDER BY station")?;
    let mut rows = statement.query([])?;
    let mut stations = Vec::new();
    while let Some(row) = rows.next()? {
        stations.push(StationRecord {
            name: row.get(0)?,
            public_key: row.get(1)?,
            counter: unsigned(row, 2, "stations.counter")?,
            added_at: unsigned(row, 3, "stations.added_at")?,
            removed_at: optional(row, 4, "stations.removed_at")?,
        });
    }
    Ok(stations)
}

pub(super) fn put_station(connection: &Connection, station: &StationRecord) -> Result<(), Fault> {
    must_be_initialised(connection)?;
    connection
        .prepare_cached(
            "INSERT INTO stations (station, public_key, counter, added_at, removed_at) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (station) DO UPDATE SET public_key = ?2, counter = ?3, added_at = ?4, removed_at = ?5",
        )?
        .execute(params![
            station.name,
            station.public_key,
            signed("counter", station.counter)?,
            signed("time", station.added_at)?,
            station.removed_at.map(|at| signed("time", at)).transpose()?
        ])?;
    Ok(())
}

pub(super) fn insert_challenge(connection: &Connection, challenge: &[u8; 32], expires_at: u64) -> Result<(), Fault> {
    must_be_initialised(connection)?;
    connection
        .prepare_cached("INSERT INTO challenges (challenge, expires_at) VALUES (?1, ?2)")?
        .execute(params![challenge, signed("time", expires_at)?])?;
    Ok(())
}

pub(super) fn take_challenge(connection: &Connection, challenge: &[u8; 32]) -> Result<Option<u64>, Fault> {
    let found: Option<i64> = connection
        .prepare_cached("DELETE FROM challenges WHERE challenge = ?1 RETURNING expires_at")?
        .query_row([challenge.as_slice()], |row| row.get(0))
        .optional()?;
    Ok(found.map(i64::unsigned_abs))
}

pub(super) fn forget_challenges(connection: &Connection, before: u64) -> Result<(), Fault> {
    connection
        .prepare_cached("DELETE FROM challenges WHERE expires_at < ?1")?
        .execute([i64::try_from(before.min(LARGEST)).unwrap_or(i64::MAX)])?;
    Ok(())
}

/// Of an update that must find its row.
fn one(rows: usize, detail: impl FnOnce() -> String) -> Result<(), Fault> {
    if rows == 1 { Ok(()) } else { Err(StoreError::Conflict { detail: detail() }.into()) }
}

fn recovery_from(row: &Row<'_>) -> Result<RecoveryRecord, Fault> {
    let id = RecoveryId::new(unsigned(row, 0, "recoveries.recovery_id")?)?;
    let commitment = commitment(row, 5, || format!("recovery {id}"))?;
    let state = match row.get::<_, i64>(6)? {
        1 => RecoveryState::Pending,
        2 => RecoveryState::Completed,
        3 => RecoveryState::Cancelled,
        other => return Err(StoreError::corrupted(format!("recovery {id} has the unknown state {other}")).into()),
    };
    if commitment.is_some() != (state == RecoveryState::Pending) {
        return Err(
            StoreError::corrupted(format!("recovery {id} has a commitment though it is closed, or none")).into()
        );
    }
    Ok(RecoveryRecord {
        id,
        person: person_id(row.get(1)?)?,
        requested_at: unsigned(row, 2, "recoveries.requested_at")?,
        ready_at: unsigned(row, 3, "recoveries.ready_at")?,
        expires_at: unsigned(row, 4, "recoveries.expires_at")?,
        commitment,
        state,
        decision: DecisionId::new(unsigned(row, 7, "recoveries.decision_id")?)?,
    })
}

fn review_from(connection: &Connection, row: &Row<'_>) -> Result<ReviewRecord, Fault> {
    let id = ReviewId::new(unsigned(row, 0, "reviews.review_id")?)?;
    let damaged = |detail: &str| -> Fault { StoreError::corrupted(format!("review {id}: {detail}")).into() };
    let verdict = match row.get::<_, i64>(2)? {
        1 => None,
        2 => Some(ReviewVerdict::Same),
        3 => Some(ReviewVerdict::Different),
        _ => return Err(damaged("unknown state")),
    };
    let assurance = u8::try_from(row.get::<_, i64>(8)?).map_err(|_| damaged("impossible assurance"))?;
    let number = signed("review", id.as_u64())?;
    let mut templates = TemplatePair::default();
    let mut statement = connection.prepare_cached("SELECT eye, record FROM review_templates WHERE review_id = ?1")?;
    let mut rows = statement.query([number])?;
    while let Some(row) = rows.next()? {
        let record = TemplateRecord::from_bytes(row.get(1)?).map_err(|error| damaged(&error.to_string()))?;
        match row.get::<_, i64>(0)? {
            0 => templates.left = Some(record),
            _ => templates.right = Some(record),
        }
    }
    let mut votes = Vec::new();
    let mut statement = connection.prepare_cached(
        "SELECT round, operator, at, verdict, reason FROM review_votes WHERE review_id = ?1 ORDER BY round, at, operator",
    )?;
    let mut rows = statement.query([number])?;
    while let Some(row) = rows.next()? {
        votes.push(ReviewVote {
            round: u8::try_from(row.get::<_, i64>(0)?).map_err(|_| damaged("impossible round"))?,
            operator: row.get(1)?,
            at: unsigned(row, 2, "review_votes.at")?,
            verdict: if row.get::<_, i64>(3)? == 1 { ReviewVerdict::Same } else { ReviewVerdict::Different },
            reason: row.get(4)?,
        });
    }
    Ok(ReviewRecord {
        id,
        opened_at: unsigned(row, 1, "reviews.opened_at")?,
        verdict,
        round: u8::try_from(row.get::<_, i64>(3)?).map_err(|_| damaged("impossible round"))?,
        closed_at: optional(row, 4, "reviews.closed_at")?,
        commitment: commitment(row, 5, || format!("review {id}"))?,
        templates,
        issued_at: unsigned(row, 6, "reviews.issued_at")?,
        expires_at: unsigned(row, 7, "reviews.expires_at")?,
        assurance: Assurance::new(assurance),
        person: row.get::<_, Option<i64>>(9)?.map(person_id).transpose()?,
        decision: DecisionId::new(unsigned(row, 10, "reviews.decision_id")?)?,
        votes,
    })
}

fn commitment(row: &Row<'_>, column: usize, of: impl FnOnce() -> String) -> Result<Option<IdentityCommitment>, Fault> {
    let Some(bytes) = row.get::<_, Option<[u8; 32]>>(column)? else { return Ok(None) };
    match IdentityCommitment::from_bytes(&bytes) {
        Ok(commitment) => Ok(Some(commitment)),
        Err(error) => Err(StoreError::corrupted(format!("commitment of {}: {error}", of())).into()),
    }
}

/// The state of a review with this verdict.
const fn verdict_number(verdict: ReviewVerdict) -> i64 {
    match verdict {
        ReviewVerdict::Same => 2,
        ReviewVerdict::Different => 3,
    }
}
