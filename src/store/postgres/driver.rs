//! A connection to PostgreSQL with the few calls of `rusqlite` that `sqlite/rows.rs` and `sqlite/desk.rs` make.
//!
//! So the rows of a registry are written down once, and mean the same in both databases. Numbers are `BIGINT`, bytes
//! `BYTEA`, text `TEXT`; nothing else is in the tables. Placeholders are `?1` there and `$1` here.

use core::fmt;
use core::marker::PhantomData;
use std::cell::{Cell, RefCell, RefMut};
use std::collections::HashMap;
use std::thread;

use postgres::error::SqlState;
use postgres::types::ToSql;
use postgres::{Client, Statement};

/// What can go wrong with a statement.
#[derive(Debug)]
pub(super) enum Error {
    /// The server or the way to it failed.
    Postgres(postgres::Error),
    /// A row was expected.
    NoRows,
    /// A value is of another type or length than we write.
    Shape(String),
}

impl From<postgres::Error> for Error {
    fn from(error: postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

/// One session, and the statements that were prepared in it.
struct Session {
    client: Client,
    prepared: HashMap<String, Statement>,
}

/// A connection. It can break, and then be given another session.
pub(super) struct Connection {
    /// None only while it is dropped.
    session: RefCell<Option<Session>>,
    broken: Cell<bool>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("broken", &self.broken).finish_non_exhaustive()
    }
}

impl Connection {
    pub(super) fn new(client: Client) -> Self {
        Self { session: RefCell::new(Some(Session { client, prepared: HashMap::new() })), broken: Cell::new(false) }
    }

    /// Takes another session; what was prepared and begun in the old one is gone with it.
    pub(super) fn replace(&self, client: Client) {
        close(self.session.replace(Some(Session { client, prepared: HashMap::new() })));
        self.broken.set(false);
    }

    /// Whether the session is over.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.get() || self.session().client.is_closed()
    }

    /// Runs statements without parameters.
    pub(super) fn batch(&self, sql: &str) -> Result<(), Error> {
        let done = self.session().client.batch_execute(sql);
        self.judged(done)
    }

    /// Prepares a statement, once in each session.
    pub(super) fn prepare_cached(&self, sql: &str) -> Result<Prepared<'_>, Error> {
        if let Some(statement) = self.session().prepared.get(sql) {
            return Ok(Prepared { connection: self, statement: statement.clone() });
        }
        let statement = self.session().client.prepare(&sql.replace('?', "$"));
        let statement = self.judged(statement)?;
        self.session().prepared.insert(sql.to_owned(), statement.clone());
        Ok(Prepared { connection: self, statement })
    }

    /// Runs a statement with any parameters.
    pub(super) fn query(&self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<postgres::Row>, Error> {
        let rows = self.session().client.query(sql, params);
        self.judged(rows)
    }

    fn session(&self) -> RefMut<'_, Session> {
        RefMut::map(self.session.borrow_mut(), |session| session.as_mut().expect("it is taken only on drop"))
    }

    /// Remembers whether a failure ended the session.
    fn judged<T>(&self, done: Result<T, postgres::Error>) -> Result<T, Error> {
        done.map_err(|error| {
            if ends_session(&error) {
                self.broken.set(true);
            }
            error.into()
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        close(self.session.take());
    }
}

/// Closes a session on a thread of its own: the client waits for its goodbye, and a thread that drives an asynchronous
/// runtime, as the service's do, must not wait.
fn close(session: Option<Session>) {
    let closing = thread::Builder::new().name("postgres-close".to_owned()).spawn(move || drop(session));
    if let Ok(closing) = closing {
        // It cannot have failed in a way that would matter: the session is over.
        let _ = closing.join();
    }
}

/// Whether nothing more can be asked in this session: the server said goodbye, or nothing came back that it could have said.
fn ends_session(error: &postgres::Error) -> bool {
    error.code().is_none_or(|code| {
        code.code().starts_with("08")
            || [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW].contains(code)
            || ["25P03", "57P05"].contains(&code.code())
    })
}

/// A prepared statement.
pub(super) struct Prepared<'c> {
    connection: &'c Connection,
    statement: Statement,
}

impl<'c> Prepared<'c> {
    // `&mut`, as in `rusqlite`: the callers are written for both.
    pub(super) fn query(&mut self, params: impl Params) -> Result<Rows<'c>, Error> {
        let values = params.values();
        let params: Vec<_> = values.iter().map(Value::as_sql).collect();
        let rows = self.connection.session().client.query(&self.statement, &params);
        Ok(Rows { rest: self.connection.judged(rows)?.into_iter(), current: None, connection: PhantomData })
    }

    pub(super) fn execute(&mut self, params: impl Params) -> Result<usize, Error> {
        let values = params.values();
        let params: Vec<_> = values.iter().map(Value::as_sql).collect();
        let rows = self.connection.session().client.execute(&self.statement, &params);
        Ok(usize::try_from(self.connection.judged(rows)?).unwrap_or(usize::MAX))
    }

    pub(super) fn query_row<T>(
        &mut self,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        read(self.query(params)?.next()?.ok_or(Error::NoRows)?)
    }
}

/// The rows of an answer. They are here as a whole: the callers ask for so many and no more.
pub(super) struct Rows<'c> {
    rest: std::vec::IntoIter<postgres::Row>,
    current: Option<Row<'c>>,
    connection: PhantomData<&'c Connection>,
}

impl<'c> Rows<'c> {
    #[expect(clippy::unnecessary_wraps, reason = "`rusqlite` steps through its file here, and can fail")]
    pub(super) fn next(&mut self) -> Result<Option<&Row<'c>>, Error> {
        self.current = self.rest.next().map(|row| Row { row, connection: PhantomData });
        Ok(self.current.as_ref())
    }
}

/// One row.
pub(super) struct Row<'c> {
    row: postgres::Row,
    connection: PhantomData<&'c Connection>,
}

impl Row<'_> {
    pub(super) fn get<I: Column, T: FromColumn>(&self, column: I) -> Result<T, Error> {
        T::from_column(&self.row, column.number())
    }
}

/// The place of a column.
pub(super) trait Column {
    fn number(self) -> usize;
}

impl Column for usize {
    fn number(self) -> usize {
        self
    }
}

/// A value out of a column.
pub(super) trait FromColumn: Sized {
    fn from_column(row: &postgres::Row, column: usize) -> Result<Self, Error>;
}

macro_rules! from_columns {
    ($($kind:ty),*) => {
        $(impl FromColumn for $kind {
            fn from_column(row: &postgres::Row, column: usize) -> Result<Self, Error> {
                row.try_get(column).map_err(|error| Error::Shape(format!("column {column}: {error}")))
            }
        })*
    };
}

from_columns!(i64, Option<i64>, String, Vec<u8>, Option<Vec<u8>>);

impl FromColumn for Option<[u8; 32]> {
    fn from_column(row: &postgres::Row, column: usize) -> Result<Self, Error> {
        Option::<Vec<u8>>::from_column(row, column)?
            .map(|bytes| {
                <[u8; 32]>::try_from(bytes.as_slice())
                    .map_err(|_| Error::Shape(format!("column {column} has {} bytes, not 32", bytes.len())))
            })
            .transpose()
    }
}

impl FromColumn for [u8; 32] {
    fn from_column(row: &postgres::Row, column: usize) -> Result<Self, Error> {
        Option::<[u8; 32]>::from_column(row, column)?.ok_or_else(|| Error::Shape(format!("column {column} is null")))
    }
}

/// A value into a placeholder.
pub(super) enum Value {
    Number(Option<i64>),
    Bytes(Option<Vec<u8>>),
    Text(String),
}

impl Value {
    fn as_sql(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Number(number) => number,
            Self::Bytes(bytes) => bytes,
            Self::Text(text) => text,
        }
    }
}

/// What can be a [`Value`].
pub(super) trait ToValue {
    fn to_value(&self) -> Value;
}

macro_rules! numbers {
    ($($kind:ty),*) => {
        $(impl ToValue for $kind {
            fn to_value(&self) -> Value {
                Value::Number(Some(i64::from(*self)))
            }
        }
        impl ToValue for Option<$kind> {
            fn to_value(&self) -> Value {
                Value::Number(self.map(i64::from))
            }
        })*
    };
}

numbers!(u8, u32, i64);

impl ToValue for [u8] {
    fn to_value(&self) -> Value {
        Value::Bytes(Some(self.to_vec()))
    }
}

impl ToValue for [u8; 32] {
    fn to_value(&self) -> Value {
        Value::Bytes(Some(self.to_vec()))
    }
}

impl ToValue for Option<[u8; 32]> {
    fn to_value(&self) -> Value {
        Value::Bytes(self.map(|bytes| bytes.to_vec()))
    }
}

impl ToValue for str {
    fn to_value(&self) -> Value {
        Value::Text(self.to_owned())
    }
}

impl ToValue for String {
    fn to_value(&self) -> Value {
        Value::Text(self.clone())
    }
}

impl<T: ToValue + ?Sized> ToValue for &T {
    fn to_value(&self) -> Value {
        (**self).to_value()
    }
}

/// The values of all placeholders.
pub(super) trait Params {
    fn values(self) -> Vec<Value>;
}

impl Params for &[&dyn ToValue] {
    fn values(self) -> Vec<Value> {
        self.iter().map(|value| value.to_value()).collect()
    }
}

impl Params for [&dyn ToValue; 0] {
    fn values(self) -> Vec<Value> {
        Vec::new()
    }
}

macro_rules! arrays {
    ($($length:literal),*) => {
        $(impl<T: ToValue> Params for [T; $length] {
            fn values(self) -> Vec<Value> {
                self.iter().map(ToValue::to_value).collect()
            }
        })*
    };
}

arrays!(1, 2, 3, 4);

/// Values of several types for the placeholders of a statement.
macro_rules! params {
    ($($value:expr),+ $(,)?) => {
        [$(&$value as &dyn $crate::store::postgres::driver::ToValue),+].as_slice()
    };
}
pub(super) use params;

/// "No row" as an answer.
pub(super) trait OptionalExtension<T> {
    fn optional(self) -> Result<Option<T>, Error>;
}

impl<T> OptionalExtension<T> for Result<T, Error> {
    fn optional(self) -> Result<Option<T>, Error> {
        match self {
            Err(Error::NoRows) => Ok(None),
            other => other.map(Some),
        }
    }
}
