//! The nullifiers that several servers of one relying party have accepted together.

use std::collections::{HashMap, HashSet};

use super::driver::{self, Connection};
use super::{Access, Database, Fault, Kind, PostgresAddress, PostgresOptions};
use crate::nullifier::{ExternalNullifier, Nullifier, NullifierError, NullifierStore};
use crate::store::{Recorded, SharedNullifiers, StoreError};

static NULLIFIERS: Kind = Kind {
    name: "personhood nullifier database",
    schema: "personhood_nullifiers",
    migrations: &[include_str!("../migrations/postgres/nullifiers/0001_begin.sql")],
};

/// Accepted nullifiers in the schema `personhood_nullifiers` of a PostgreSQL database, shared between servers.
///
/// The primary key decides: of any number of servers that record one nullifier at the same moment, exactly one is told that
/// it is new, and it is told after the nullifier is on the server's disk. There is no lock besides; different nullifiers do
/// not wait for each other.
///
/// A connection that is lost while a nullifier is being recorded is an error: the proof is not accepted, though the
/// nullifier may be found used afterwards. It costs somebody their turn and gives nobody a second one.
///
/// It waits for its server, so a thread that drives an asynchronous runtime must not call it.
#[derive(Debug)]
pub struct PostgresNullifiers {
    database: Database,
}

impl PostgresNullifiers {
    /// Makes a new, empty list in a database that is there and has none.
    ///
    /// # Errors
    ///
    /// As [`PostgresStore::create`](super::PostgresStore::create).
    pub fn create(address: &PostgresAddress) -> Result<Self, StoreError> {
        Ok(Self { database: Database::create(address, &NULLIFIERS, &PostgresOptions::default())? })
    }

    /// Opens a list, and migrates it if an older release wrote it.
    ///
    /// # Errors
    ///
    /// As [`PostgresStore::open`](super::PostgresStore::open).
    pub fn open(address: &PostgresAddress) -> Result<Self, StoreError> {
        Ok(Self { database: Database::open(address, &NULLIFIERS, &PostgresOptions::default(), Access::ReadWrite)? })
    }

    /// Opens a list, or makes it if there is none; several servers may do so at the same moment.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open) and [`create`](Self::create).
    pub fn open_or_create(address: &PostgresAddress) -> Result<Self, StoreError> {
        Ok(Self { database: Database::open_or_create(address, &NULLIFIERS, &PostgresOptions::default())? })
    }

    fn insert(&self, batch: &[(ExternalNullifier, Nullifier)], at: Option<i64>) -> Result<Vec<Recorded>, StoreError> {
        // What can be done again is done before the first row is sent; after that, a lost connection is an error.
        self.database.ask(|connection| {
            connection.batch("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")?;
            Ok(())
        })?;
        let recorded = insert(&self.database.connection, batch, at)
            .map_err(|fault| self.database.place.explain(fault))
            .and_then(|outcomes| self.database.commit().map(|()| outcomes));
        if recorded.is_err() {
            self.database.roll_back();
        }
        recorded
    }
}

/// One entry as its bytes.
type Key = (Vec<u8>, Vec<u8>);

/// Inserts what is new in one statement, and asks for the rest in another. In the order of their keys: two servers that
/// insert the same rows in different orders would wait for each other.
fn insert(
    connection: &Connection,
    batch: &[(ExternalNullifier, Nullifier)],
    at: Option<i64>,
) -> Result<Vec<Recorded>, Fault> {
    let keys: Vec<Key> =
        batch.iter().map(|(scope, nullifier)| (scope.to_bytes().to_vec(), nullifier.to_bytes().to_vec())).collect();
    let (scopes, nullifiers): (Vec<_>, Vec<_>) = keys.iter().cloned().unzip();
    let key = |row: &postgres::Row| -> Result<Key, driver::Error> { Ok((row.try_get(0)?, row.try_get(1)?)) };
    let inserted = connection.query(
        "INSERT INTO nullifiers (external_nullifier, nullifier, accepted_at) \
         SELECT scope, nullifier, $3 FROM unnest($1::bytea[], $2::bytea[]) AS batch (scope, nullifier) ORDER BY 1, 2 \
         ON CONFLICT DO NOTHING RETURNING external_nullifier, nullifier",
        &[&scopes, &nullifiers, &at],
    )?;
    let mut new = inserted.iter().map(key).collect::<Result<HashSet<Key>, _>>()?;
    let mut before: HashMap<Key, Option<i64>> = HashMap::new();
    if new.len() < keys.len() {
        let found = connection.query(
            "SELECT external_nullifier, nullifier, accepted_at FROM nullifiers \
             WHERE (external_nullifier, nullifier) IN (SELECT * FROM unnest($1::bytea[], $2::bytea[]))",
            &[&scopes, &nullifiers],
        )?;
        for row in &found {
            before.insert(key(row)?, row.try_get(2).map_err(driver::Error::from)?);
        }
    }
    // Of two equal entries of one batch, the first is new.
    keys.into_iter()
        .map(|key| {
            if new.remove(&key) {
                return Ok(Recorded::Now);
            }
            let at = before.get(&key).ok_or_else(|| StoreError::corrupted("a nullifier is neither new nor there"))?;
            Ok(Recorded::Before { at: at.and_then(|at| u64::try_from(at).ok()) })
        })
        .collect()
}

impl SharedNullifiers for PostgresNullifiers {
    fn count(&self, scope: &ExternalNullifier) -> Result<u64, StoreError> {
        self.database.ask(|connection| {
            let count: i64 = connection
                .prepare_cached("SELECT count(*) FROM nullifiers WHERE external_nullifier = ?1")?
                .query_row([scope.to_bytes()], |row| row.get(0))?;
            Ok(count.unsigned_abs())
        })
    }

    fn contains(&self, scope: &ExternalNullifier, nullifier: &Nullifier) -> Result<bool, StoreError> {
        self.database.ask(|connection| {
            let count: i64 = connection
                .prepare_cached("SELECT count(*) FROM nullifiers WHERE external_nullifier = ?1 AND nullifier = ?2")?
                .query_row([scope.to_bytes(), nullifier.to_bytes()], |row| row.get(0))?;
            Ok(count > 0)
        })
    }

    fn record_each(&mut self, batch: &[(ExternalNullifier, Nullifier)], at: u64) -> Result<Vec<Recorded>, StoreError> {
        self.insert(batch, Some(i64::try_from(at).unwrap_or(i64::MAX)))
    }
}

impl NullifierStore for PostgresNullifiers {
    fn record(&mut self, scope: &ExternalNullifier, nullifier: &Nullifier) -> Result<(), NullifierError> {
        match self.insert(&[(*scope, *nullifier)], None) {
            Ok(outcomes) if outcomes == [Recorded::Now] => Ok(()),
            Ok(_) => Err(NullifierError::AlreadyUsed { nullifier: *nullifier }),
            Err(error) => Err(NullifierError::Store(Box::new(error))),
        }
    }
}
