//! Addresses of databases among the places of the command line: `--registry postgres://…`, `--seen postgres://…`.
//!
//! The argument parser hands every place through [`shown`], which puts the address aside and leaves its text without the
//! password. So no report, no message and no log can have it, whoever writes them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

#[cfg(feature = "postgres")]
use personhood::store::PostgresAddress;

use crate::failure::Failure;

/// What was given, by what is shown of it.
static GIVEN: Mutex<BTreeMap<PathBuf, String>> = Mutex::new(BTreeMap::new());

/// The schemes of an address.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

fn meant(place: &OsStr) -> Option<&str> {
    place.to_str().filter(|text| SCHEMES.iter().any(|scheme| text.starts_with(scheme)))
}

/// A place as it may be shown.
pub(crate) fn shown(place: PathBuf) -> PathBuf {
    let Some(text) = meant(place.as_os_str()) else { return place };
    let shown = PathBuf::from(without_secrets(text));
    GIVEN.lock().unwrap_or_else(PoisonError::into_inner).insert(shown.clone(), text.to_owned());
    shown
}

#[cfg(feature = "postgres")]
fn without_secrets(text: &str) -> String {
    // One that cannot be read is not shown at all: who knows which part of it is the password.
    text.parse::<PostgresAddress>().map_or_else(|_| SCHEMES[0].to_owned(), |address| address.to_string())
}

#[cfg(not(feature = "postgres"))]
fn without_secrets(_text: &str) -> String {
    SCHEMES[0].to_owned()
}

/// Whether a place is the address of a database.
pub(crate) fn is_one(place: &Path) -> bool {
    meant(place.as_os_str()).is_some()
}

/// The address that a place is, with its password: its own, or else `PGPASSWORD`, or else the file that
/// `PERSONHOOD_POSTGRES_PASSWORD_FILE` names.
#[cfg(feature = "postgres")]
pub(crate) fn of(place: &Path) -> Result<Option<PostgresAddress>, Failure> {
    let Some(text) = meant(place.as_os_str()) else { return Ok(None) };
    let given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner).get(place).cloned();
    let address: PostgresAddress = given.as_deref().unwrap_or(text).parse()?;
    Ok(Some(match password()? {
        Some(password) => address.password(&password),
        None => address,
    }))
}

#[cfg(feature = "postgres")]
fn password() -> Result<Option<zeroize::Zeroizing<String>>, Failure> {
    use std::env;
    use zeroize::Zeroizing;

    if let Some(password) = env::var("PGPASSWORD").ok().filter(|password| !password.is_empty()) {
        return Ok(Some(Zeroizing::new(password)));
    }
    let Some(file) = env::var_os("PERSONHOOD_POSTGRES_PASSWORD_FILE").filter(|file| !file.is_empty()) else {
        return Ok(None);
    };
    let file = PathBuf::from(file);
    let text = std::fs::read_to_string(&file).map(Zeroizing::new).map_err(|error| Failure::reading(&file, &error))?;
    Ok(Some(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned())))
}

/// Refuses the address of a database where only a folder or a file will do, or where this build knows no databases.
pub(crate) fn must_be_folder(place: &Path) -> Result<(), Failure> {
    if !is_one(place) {
        return Ok(());
    }
    let failure = Failure::new("usage", format!("{} is a database, and a folder is needed here", place.display()));
    Err(if cfg!(feature = "postgres") {
        failure.with_hint(
            "docs/operations.md says how a registry in PostgreSQL is copied and restored, and what it cannot do",
        )
    } else {
        failure.with_hint("this program was built without PostgreSQL: cargo build --features cli,postgres")
    })
}
