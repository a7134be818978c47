//! One schema of one database: recognised before it is touched, migrated forwards only, reached again when it was lost.

use std::path::PathBuf;
use std::time::Duration;

use postgres::error::SqlState;
use postgres::{Client, NoTls};

use super::address::PostgresAddress;
use super::driver::{self, Connection};
use crate::store::StoreError;

/// How long to try to reach a server.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// How long a server may keep silent on a wire before the connection counts as lost.
const SILENCE: Duration = Duration::from_secs(60);
/// Serialises creations in one database: there is no row yet that could be locked. "PoPr", for no better reason.
const CREATION_LOCK: i64 = 0x506f_5072;

/// A kind of schema, and the steps that build its tables.
#[derive(Debug)]
pub(super) struct Kind {
    /// For messages.
    pub(super) name: &'static str,
    /// The schema in the database; everything is in there.
    pub(super) schema: &'static str,
    /// Step n makes format n + 1 out of format n; format 0 is no schema.
    pub(super) migrations: &'static [&'static str],
}

impl Kind {
    fn newest(&self) -> u32 {
        u32::try_from(self.migrations.len()).expect("a handful of migrations")
    }
}

/// How a database is used.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    pub(super) busy_timeout: Duration,
}

impl Default for PostgresOptions {
    /// Waits 10 seconds for another writer.
    fn default() -> Self {
        Self { busy_timeout: Duration::from_secs(10) }
    }
}

impl PostgresOptions {
    /// How long to wait for another writer before [`StoreError::Busy`]; at least a millisecond.
    #[must_use]
    pub fn busy_timeout(mut self, patience: Duration) -> Self {
        self.busy_timeout = patience;
        self
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    ReadWrite,
    ReadOnly,
}

/// Either the server failed, or what it returned is not what we stored.
#[derive(Debug)]
pub(super) enum Fault {
    Driver(driver::Error),
    Store(StoreError),
}

impl From<driver::Error> for Fault {
    fn from(error: driver::Error) -> Self {
        Self::Driver(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Where a connection leads, for messages.
#[derive(Clone, Debug)]
pub(super) struct Place {
    address: PostgresAddress,
    kind: &'static Kind,
    patience: Duration,
}

/// What is in a database.
enum Found {
    Nothing,
    Foreign(&'static str),
    Ours(u32),
}

/// An open schema.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) connection: Connection,
    pub(super) place: Place,
    access: Access,
}

impl Database {
    /// Makes the schema where none is, with all its tables in one transaction.
    pub(super) fn create(
        address: &PostgresAddress,
        kind: &'static Kind,
        options: &PostgresOptions,
    ) -> Result<Self, StoreError> {
        let place = Place { address: address.clone(), kind, patience: options.busy_timeout };
        let connection = Connection::new(place.connect(Access::ReadWrite)?);
        place.make(&connection).map_err(|fault| place.explain(fault))?;
        Ok(Self { connection, place, access: Access::ReadWrite })
    }

    /// Opens a schema of this kind, and migrates it if it is older.
    pub(super) fn open(
        address: &PostgresAddress,
        kind: &'static Kind,
        options: &PostgresOptions,
        access: Access,
    ) -> Result<Self, StoreError> {
        let place = Place { address: address.clone(), kind, patience: options.busy_timeout };
        let connection = Connection::new(place.connect(access)?);
        place.recognise(&connection, access).map_err(|fault| place.explain(fault))?;
        Ok(Self { connection, place, access })
    }

    /// Opens a schema, or makes it where there is none; several processes may do so at the same moment.
    pub(super) fn open_or_create(
        address: &PostgresAddress,
        kind: &'static Kind,
        options: &PostgresOptions,
    ) -> Result<Self, StoreError> {
        match Self::open(address, kind, options, Access::ReadWrite) {
            Err(StoreError::NotFound { .. }) => match Self::create(address, kind, options) {
                // Somebody else was faster.
                Err(StoreError::AlreadyExists { .. }) => Self::open(address, kind, options, Access::ReadWrite),
                created => created,
            },
            opened => opened,
        }
    }

    /// Asks something outside of any transaction of ours. A connection that was lost is made again, once: a server that was
    /// restarted since the last question is no failure.
    pub(super) fn ask<T>(&self, question: impl Fn(&Connection) -> Result<T, Fault>) -> Result<T, StoreError> {
        self.revive()?;
        let mut answer = question(&self.connection);
        if answer.is_err() && self.connection.is_broken() {
            self.revive()?;
            answer = question(&self.connection);
        }
        answer.map_err(|fault| self.place.explain(fault))
    }

    /// Begins a transaction as the only writer, and sees the newest state from then on.
    pub(super) fn begin(&self) -> Result<(), StoreError> {
        if self.access == Access::ReadOnly {
            return Err(self.place.read_only("it was opened for reading"));
        }
        let begun = self.ask(|connection| {
            connection.batch("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")?;
            let found = self.place.lock(connection)?;
            if found == self.place.kind.newest() { Ok(()) } else { Err(self.place.newer(found).into()) }
        });
        if begun.is_err() {
            self.roll_back();
        }
        begun
    }

    /// Ends a transaction that shall not count. One that cannot be ended has ended with its session.
    pub(super) fn roll_back(&self) {
        let _ = self.connection.batch("ROLLBACK");
    }

    /// Makes a transaction permanent.
    pub(super) fn commit(&self) -> Result<(), StoreError> {
        // After a failed statement, PostgreSQL answers COMMIT with a friendly ROLLBACK. The question before it does not
        // go through in that state, and takes the rest of the line down with it.
        self.connection.batch("SELECT 1; COMMIT").map_err(|error| self.place.explain(error.into()))
    }

    /// Bytes of the tables and their indexes.
    pub(super) fn disk_bytes(connection: &Connection) -> Result<u64, Fault> {
        let bytes: i64 = connection
            .prepare_cached(
                "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c \
                 WHERE c.relnamespace = to_regnamespace(current_schema())::oid AND c.relkind = 'r'",
            )?
            .query_row([], |row| row.get(0))?;
        Ok(bytes.unsigned_abs())
    }

    fn revive(&self) -> Result<(), StoreError> {
        if self.connection.is_broken() {
            let client = self.place.connect(self.access)?;
            self.connection.replace(client);
        }
        Ok(())
    }
}

impl Place {
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(self.address.to_string())
    }

    pub(super) fn read_only(&self, detail: impl Into<String>) -> StoreError {
        StoreError::ReadOnly { path: self.path(), detail: detail.into() }
    }

    fn newer(&self, found: u32) -> StoreError {
        StoreError::NewerFormat { path: self.path(), found, supported: self.kind.newest() }
    }

    fn connect(&self, access: Access) -> Result<Client, StoreError> {
        let mut config = self.address.config().clone();
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_PATIENCE);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(SILENCE);
        }
        if config.get_application_name().is_none() {
            config.application_name("personhood");
        }
        let mut client = config.connect(NoTls).map_err(|error| self.explain(driver::Error::from(error).into()))?;
        self.set_up(&mut client, access).map_err(|error| self.explain(driver::Error::from(error).into())).and_then(
            |lying| match lying {
                Some(setting) => Err(StoreError::NotDurable { path: self.path(), setting }),
                None => Ok(client),
            },
        )
    }

    /// Sets what PostgreSQL keeps per session; names a setting of the server under which a promise would be empty.
    fn set_up(&self, client: &mut Client, access: Access) -> Result<Option<String>, postgres::Error> {
        // Only our schema: a table of the same name elsewhere must not be taken for ours.
        client.batch_execute(&format!(
            "SET search_path = {}; SET client_min_messages = warning; SET lock_timeout = {}; \
             SET default_transaction_read_only = {}",
            self.kind.schema,
            self.patience.as_millis().clamp(1, 2_000_000_000),
            if access == Access::ReadOnly { "on" } else { "off" },
        ))?;
        // Without these a power cut can take back commits that were acknowledged, or leave torn pages.
        for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
            let row = client.query_one("SELECT current_setting($1)", &[&setting])?;
            if row.get::<_, &str>(0) == "off" {
                if setting == "synchronous_commit" {
                    client.batch_execute("SET synchronous_commit = on")?;
                } else {
                    return Ok(Some(setting.to_owned()));
                }
            }
        }
        Ok(None)
    }

    /// Says what is in the database, without changing it.
    fn identify(&self, connection: &Connection) -> Result<Found, Fault> {
        let rows = connection.query(
            "SELECT to_regnamespace($1) IS NOT NULL, to_regclass($1 || '.format') IS NOT NULL",
            &[&self.kind.schema],
        )?;
        let has = |column| rows.first().is_some_and(|row| row.get::<_, bool>(column));
        match (has(0), has(1)) {
            (false, _) => Ok(Found::Nothing),
            (true, false) => Ok(Found::Foreign("its schema has no table `format`")),
            (true, true) => {
                let rows = connection.query("SELECT kind, format FROM format", &[])?;
                let [row] = rows.as_slice() else { return Ok(Found::Foreign("its table `format` has not one row")) };
                let mark: Result<(String, i64), _> = row.try_get(0).and_then(|kind| Ok((kind, row.try_get(1)?)));
                Ok(match mark {
                    Ok((kind, format)) if kind == self.kind.name => match u32::try_from(format) {
                        Ok(format) if format > 0 => Found::Ours(format),
                        _ => Found::Foreign("its format number is impossible"),
                    },
                    Ok(_) => Found::Foreign("its schema is of another kind"),
                    Err(_) => Found::Foreign("its table `format` has other columns"),
                })
            }
        }
    }

    /// Accepts a schema of this kind, and migrates it if it is older.
    fn recognise(&self, connection: &Connection, access: Access) -> Result<(), Fault> {
        let newest = self.kind.newest();
        let found = match self.identify(connection)? {
            Found::Ours(format) => format,
            Found::Foreign(reason) => return Err(self.wrong_kind(reason).into()),
            Found::Nothing => {
                let path = PathBuf::from(format!("schema {} in {}", self.kind.schema, self.address));
                return Err(StoreError::NotFound { path }.into());
            }
        };
        if found > newest {
            return Err(self.newer(found).into());
        }
        if found < newest {
            if access == Access::ReadOnly {
                return Err(StoreError::OlderFormat { path: self.path(), found, supported: newest }.into());
            }
            connection.batch("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")?;
            // Another process may have migrated it while we waited.
            let found = self.lock(connection)?;
            if found > newest {
                return Err(self.newer(found).into());
            }
            self.apply(connection, found)?;
            connection.batch("SELECT 1; COMMIT")?;
        }
        Ok(())
    }

    fn make(&self, connection: &Connection) -> Result<(), Fault> {
        connection.batch("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")?;
        connection.query("SELECT pg_advisory_xact_lock($1)", &[&CREATION_LOCK])?;
        if !matches!(self.identify(connection)?, Found::Nothing) {
            return Err(StoreError::AlreadyExists { path: self.path() }.into());
        }
        // Nobody but the owner of the schema: other roles of the database get nothing unless they are granted it.
        let schema = self.kind.schema;
        connection.batch(&format!(
            "CREATE SCHEMA {schema}; REVOKE ALL ON SCHEMA {schema} FROM PUBLIC; \
             CREATE TABLE format (one BIGINT PRIMARY KEY CHECK (one = 1), kind TEXT NOT NULL, format BIGINT NOT NULL)"
        ))?;
        connection.query("INSERT INTO format (one, kind, format) VALUES (1, $1, 0)", &[&self.kind.name])?;
        self.apply(connection, 0)?;
        connection.batch("SELECT 1; COMMIT")?;
        Ok(())
    }

    /// Runs the steps after format `from`; the caller holds the transaction.
    fn apply(&self, connection: &Connection, from: u32) -> Result<(), Fault> {
        for step in self.kind.migrations.iter().skip(from as usize) {
            connection.batch(step)?;
        }
        connection.query("UPDATE format SET format = $1", &[&i64::from(self.kind.newest())])?;
        Ok(())
    }

    /// Takes the one row that every writer takes first, and says which format it names. It is kept until the transaction
    /// ends, and everything that is read after it is of the newest state.
    fn lock(&self, connection: &Connection) -> Result<u32, Fault> {
        let format: i64 = connection
            .prepare_cached("SELECT format FROM format WHERE one = 1 FOR UPDATE")?
            .query_row([], |row| row.get(0))?;
        Ok(u32::try_from(format).map_err(|_| self.wrong_kind("its format number is impossible"))?)
    }

    fn wrong_kind(&self, reason: impl Into<String>) -> StoreError {
        StoreError::WrongKind { path: self.path(), expected: self.kind.name, reason: reason.into() }
    }

    /// Gives an error of PostgreSQL its name.
    pub(super) fn explain(&self, fault: Fault) -> StoreError {
        let error = match fault {
            Fault::Store(error) => return error,
            Fault::Driver(driver::Error::Postgres(error)) => error,
            Fault::Driver(driver::Error::NoRows) => return StoreError::corrupted("a row is missing"),
            Fault::Driver(driver::Error::Shape(detail)) => return StoreError::Corrupted { detail },
        };
        let path = self.path();
        let Some(said) = error.as_db_error() else {
            return StoreError::Unreachable { path, detail: with_causes(&error) };
        };
        // The message alone: PostgreSQL's "detail" quotes the values of the row.
        let detail = match said.constraint() {
            Some(constraint) => format!("{} ({constraint})", said.message()),
            None => said.message().to_owned(),
        };
        let code = said.code();
        match &code.code()[..2] {
            // An integrity constraint, a value that no column takes, or one of our triggers.
            "23" | "22" => StoreError::Conflict { detail },
            _ if *code == SqlState::RAISE_EXCEPTION => StoreError::Conflict { detail },
            "55" | "40" => StoreError::Busy { waited: self.patience },
            "25" if *code == SqlState::IN_FAILED_SQL_TRANSACTION => {
                StoreError::Conflict { detail: "the transaction has failed".to_owned() }
            }
            "25" if *code == SqlState::READ_ONLY_SQL_TRANSACTION => StoreError::ReadOnly { path, detail },
            "42" if *code == SqlState::INSUFFICIENT_PRIVILEGE => StoreError::ReadOnly { path, detail },
            "53" if *code == SqlState::DISK_FULL => StoreError::Full { path },
            "58" => StoreError::Disk { path, detail },
            "XX" if *code != SqlState::INTERNAL_ERROR => StoreError::Corrupted { detail },
            "3D" => StoreError::NotFound { path },
            "08" | "28" | "53" | "57" => StoreError::Unreachable { path, detail },
            _ if code.code() == "25P03" => StoreError::Unreachable { path, detail },
            _ => StoreError::Database { path, detail },
        }
    }
}

/// What happened, and why: the client's errors say the one and keep the other.
fn with_causes(error: &postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
