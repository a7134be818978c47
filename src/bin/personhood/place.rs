//! Where a registry lives: one folder with one database, which nobody else may read.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use personhood::registry::{Checked, Registry, RegistryPolicy};
use personhood::store::{SqliteStore, Store as _};
use personhood::tree::RootHistory;

use crate::args::RegistryFolder;
use crate::failure::Failure;

/// The database in the folder; SQLite puts its write-ahead log beside it.
const DATABASE: &str = "registry.sqlite3";

/// A registry as the program uses it.
pub(crate) type DiskRegistry = Registry<SqliteStore>;

/// Makes the folder and an empty registry in it.
pub(crate) fn create(folder: &Path, policy: RegistryPolicy) -> Result<DiskRegistry, Failure> {
    // Before anything is written: a policy that cannot be must not leave an empty database behind.
    policy.to_json()?;
    make_private_folder(folder)?;
    let store = SqliteStore::create(database(folder))?;
    Ok(Registry::create(store, policy, now())?)
}

/// Opens a registry that is there, in the name of whoever asks.
pub(crate) fn open(registry: &RegistryFolder) -> Result<DiskRegistry, Failure> {
    named(Registry::open(SqliteStore::open(database(&registry.registry))?)?, registry)
}

/// Opens a registry for questions that change nothing.
pub(crate) fn open_read_only(registry: &RegistryFolder) -> Result<DiskRegistry, Failure> {
    named(Registry::open(SqliteStore::open_read_only(database(&registry.registry))?)?, registry)
}

fn named(mut opened: DiskRegistry, registry: &RegistryFolder) -> Result<DiskRegistry, Failure> {
    opened.set_operator(registry.operator.as_deref().unwrap_or_default());
    Ok(opened)
}

/// The roots of a registry, which everybody may know.
pub(crate) fn roots(folder: &Path) -> Result<RootHistory, Failure> {
    Ok(Registry::open(SqliteStore::open_read_only(database(folder))?)?.root_history()?)
}

/// Checks a registry that need not be whole enough to be opened.
pub(crate) fn check(registry: &RegistryFolder) -> Result<Checked, Failure> {
    let mut store = SqliteStore::open(database(&registry.registry))?;
    // As the only writer, so that nothing changes between two questions; nothing is written.
    Ok(personhood::registry::check(&store.begin()?)?)
}

/// The store of a registry, for reading everybody without holding them in memory.
pub(crate) fn store_read_only(folder: &Path) -> Result<SqliteStore, Failure> {
    Ok(SqliteStore::open_read_only(database(folder))?)
}

/// Is there a registry in this folder?
pub(crate) fn is_registry(folder: &Path) -> bool {
    database(folder).exists()
}

fn database(folder: &Path) -> PathBuf {
    folder.join(DATABASE)
}

/// Makes a folder (and its parents) that only its owner can enter.
pub(crate) fn make_private_folder(folder: &Path) -> Result<(), Failure> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| Failure::writing(folder, &error))
}

/// Bytes that programs can still ask for, where the system tells.
pub(crate) fn free_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Unix seconds. The library has no clock; this is the program's only one.
pub(crate) fn now() -> u64 {
    // A clock before 1970 is as wrong as one that stands at 1970.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}
