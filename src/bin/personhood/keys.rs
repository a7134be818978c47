//! Where the master key of a registry comes from: an option, the environment, or the file beside the registry.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use personhood::store::SharedKeyService;
use personhood::vault::MasterKey;
use rand_core::OsRng;

use crate::address;
use crate::failure::Failure;

/// `--master-key`, or `PERSONHOOD_MASTER_KEY_FILE`; set once, before any command runs.
static CHOSEN: OnceLock<Option<PathBuf>> = OnceLock::new();

/// What the command line said.
pub(crate) fn choose(file: Option<PathBuf>) {
    CHOSEN.get_or_init(|| file);
}

fn chosen() -> Option<&'static Path> {
    CHOSEN.get().and_then(Option::as_deref)
}

/// The key in `PERSONHOOD_MASTER_KEY`, if there is one.
fn of_environment() -> Result<Option<MasterKey>, Failure> {
    match env::var("PERSONHOOD_MASTER_KEY") {
        Ok(text) if !text.is_empty() => Ok(Some(MasterKey::from_text(&text)?)),
        _ => Ok(None),
    }
}

/// The file beside a registry's folder: outside of it, so that a copy of the folder does not carry its key along.
pub(crate) fn beside(folder: &Path) -> PathBuf {
    let whole = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let mut name = whole.file_name().map_or_else(|| OsString::from("registry"), OsString::from);
    name.push(".master-key");
    whole.with_file_name(name)
}

/// The master keys that are at hand for a registry; none if it needs none, or if they are missing.
pub(crate) fn at_hand(folder: &Path) -> Result<Vec<SharedKeyService>, Failure> {
    let mut keys: Vec<SharedKeyService> = Vec::new();
    if let Some(file) = chosen() {
        keys.push(Arc::new(MasterKey::read(file)?));
    }
    if let Some(key) = of_environment()? {
        keys.push(Arc::new(key));
    }
    let beside = beside(folder);
    if keys.is_empty() && !address::is_one(folder) && beside.exists() {
        keys.push(Arc::new(MasterKey::read(&beside)?));
    }
    Ok(keys)
}

/// The master key for a registry that is being made, and its file if it has one: what was chosen, or a new file.
pub(crate) fn for_new(folder: &Path) -> Result<(SharedKeyService, Option<PathBuf>), Failure> {
    if chosen().is_none()
        && let Some(key) = of_environment()?
    {
        return Ok((Arc::new(key), None));
    }
    let file = match chosen() {
        Some(file) => file.to_owned(),
        None if address::is_one(folder) => {
            return Err(Failure::new("usage", "a registry in a database has no folder beside which its key could lie")
                .with_hint("name the file of its master key: --master-key FILE; a new one is made there"));
        }
        None => beside(folder),
    };
    Ok((read_or_make(&file)?, Some(file)))
}

/// The key in a file; a new key in a new file where there is none.
pub(crate) fn read_or_make(file: &Path) -> Result<SharedKeyService, Failure> {
    if file.exists() {
        return Ok(Arc::new(MasterKey::read(file)?));
    }
    let key = MasterKey::generate(&mut OsRng);
    key.write_new(file)?;
    Ok(Arc::new(key))
}
