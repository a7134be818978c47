//! Where a registry lives: one folder with one database, which nobody else may read, or a PostgreSQL database.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use personhood::registry::{Checked, Registry, RegistryPolicy, check_erasures};
#[cfg(feature = "postgres")]
use personhood::store::{EitherStore, PostgresNullifiers, PostgresStore};
use personhood::store::{SealedStore, SharedNullifiers, SqliteNullifiers, SqliteStore, Store as _, StoreError};

use crate::address;
use crate::args::RegistryFolder;
use crate::erasures;
use crate::failure::Failure;
use crate::keys;

/// The database in the folder; SQLite puts its write-ahead log beside it.
const DATABASE: &str = "registry.sqlite3";

/// The name of the database of nullifiers in a registry's folder.
const NULLIFIERS: &str = "nullifiers.sqlite3";

/// Where the rows are.
#[cfg(feature = "postgres")]
pub(crate) type DiskStore = EitherStore<SqliteStore, PostgresStore>;
/// Where the rows are.
#[cfg(not(feature = "postgres"))]
pub(crate) type DiskStore = SqliteStore;

/// A registry as the program uses it.
pub(crate) type DiskRegistry = Registry<SealedStore<DiskStore>>;

/// The store of a file as a [`DiskStore`].
#[cfg(feature = "postgres")]
fn in_file(store: SqliteStore) -> DiskStore {
    EitherStore::One(store)
}

/// The store of a file as a [`DiskStore`].
#[cfg(not(feature = "postgres"))]
fn in_file(store: SqliteStore) -> DiskStore {
    store
}

/// Makes the folder and an empty registry in it.
pub(crate) fn create(folder: &Path, policy: RegistryPolicy) -> Result<DiskRegistry, Failure> {
    // Before anything is written: a policy that cannot be must not leave an empty database behind.
    policy.to_json()?;
    #[cfg(feature = "postgres")]
    if let Some(address) = address::of(folder)? {
        let (key, _) = keys::for_new(folder)?;
        let store = EitherStore::Other(PostgresStore::create(&address)?);
        return Ok(Registry::create(SealedStore::create(store, vec![key])?, policy, now())?);
    }
    address::must_be_folder(folder)?;
    make_private_folder(folder)?;
    if fs::metadata(database(folder)).is_ok_and(|metadata| metadata.len() > 0) {
        return Err(StoreError::AlreadyExists { path: database(folder) }.into());
    }
    // The key first: a registry whose key was not written would be of no use.
    let (key, _) = keys::for_new(folder)?;
    let store = in_file(SqliteStore::create(database(folder))?);
    Ok(Registry::create(SealedStore::create(store, vec![key])?, policy, now())?)
}

/// Opens a registry that is there.
pub(crate) fn open(folder: &Path) -> Result<DiskRegistry, Failure> {
    Ok(Registry::open(store(folder)?)?)
}

/// Opens a registry for questions that change nothing.
pub(crate) fn open_read_only(folder: &Path) -> Result<DiskRegistry, Failure> {
    Ok(Registry::open(store_read_only(folder)?)?)
}

/// [`open`] in the name of whoever asks.
pub(crate) fn open_as(registry: &RegistryFolder) -> Result<DiskRegistry, Failure> {
    Ok(named(open(&registry.registry)?, registry))
}

/// [`open_read_only`] in the name of whoever asks.
pub(crate) fn read_as(registry: &RegistryFolder) -> Result<DiskRegistry, Failure> {
    Ok(named(open_read_only(&registry.registry)?, registry))
}

fn named(mut opened: DiskRegistry, registry: &RegistryFolder) -> DiskRegistry {
    opened.set_operator(registry.operator.as_deref().unwrap_or_default());
    opened
}

/// Checks a registry that need not be whole enough to be opened.
pub(crate) fn check(registry: &RegistryFolder) -> Result<Checked, Failure> {
    let mut store = store(&registry.registry)?;
    let vault = store.vault();
    // As the only writer, so that nothing changes between two questions; nothing is written.
    let transaction = store.begin()?;
    let mut checked = personhood::registry::check(&transaction)?;
    // Templates in clear have no key that signs a list, and a database has no folder for one.
    if let Some(vault) = vault.filter(|_| !address::is_one(&registry.registry)) {
        match erasures::read(&erasures::place(&registry.registry), &vault) {
            Ok(list) => checked.findings.extend(check_erasures(&transaction, &list)?),
            Err(error) => checked.findings.push(error.to_string()),
        }
    }
    Ok(checked)
}

/// The store of a registry, for reading everybody without holding them in memory.
pub(crate) fn store_read_only(folder: &Path) -> Result<SealedStore<DiskStore>, Failure> {
    Ok(SealedStore::open(bare_store_read_only(folder)?, keys::at_hand(folder)?)?)
}

/// The store of a registry, with its keys.
pub(crate) fn store(folder: &Path) -> Result<SealedStore<DiskStore>, Failure> {
    Ok(SealedStore::open(bare_store(folder)?, keys::at_hand(folder)?)?)
}

/// The store behind the keys, where templates are as they lie there.
pub(crate) fn bare_store(folder: &Path) -> Result<DiskStore, Failure> {
    #[cfg(feature = "postgres")]
    if let Some(address) = address::of(folder)? {
        return Ok(EitherStore::Other(PostgresStore::open(&address)?));
    }
    address::must_be_folder(folder)?;
    Ok(in_file(SqliteStore::open(database(folder))?))
}

/// As [`bare_store`], for reading.
pub(crate) fn bare_store_read_only(folder: &Path) -> Result<DiskStore, Failure> {
    #[cfg(feature = "postgres")]
    if let Some(address) = address::of(folder)? {
        return Ok(EitherStore::Other(PostgresStore::open_read_only(&address)?));
    }
    address::must_be_folder(folder)?;
    Ok(in_file(file_read_only(folder)?))
}

/// The file of a registry that is in a folder, for reading.
pub(crate) fn file_read_only(folder: &Path) -> Result<SqliteStore, Failure> {
    address::must_be_folder(folder)?;
    Ok(SqliteStore::open_read_only(database(folder))?)
}

/// A list of used nullifiers: a file or a PostgreSQL database; made if missing.
pub(crate) fn nullifiers(seen: &Path) -> Result<Box<dyn SharedNullifiers>, Failure> {
    #[cfg(feature = "postgres")]
    if let Some(address) = address::of(seen)? {
        return Ok(Box::new(PostgresNullifiers::open_or_create(&address)?));
    }
    address::must_be_folder(seen)?;
    Ok(Box::new(SqliteNullifiers::open_or_create(seen)?))
}

/// The list of used nullifiers that lies with a registry.
pub(crate) fn nullifiers_of(registry: &Path) -> Result<Box<dyn SharedNullifiers>, Failure> {
    if address::is_one(registry) { nullifiers(registry) } else { nullifiers(&registry.join(NULLIFIERS)) }
}

/// The folder for a registry that comes from elsewhere, and the place of its database, which must be free.
pub(crate) fn make_room(folder: &Path) -> Result<PathBuf, Failure> {
    address::must_be_folder(folder)?;
    make_private_folder(folder)?;
    let place = database(folder);
    if place.exists() {
        return Err(StoreError::AlreadyExists { path: place }.into());
    }
    Ok(place)
}

/// Is there a registry in this folder, or is it the address of one?
pub(crate) fn is_registry(folder: &Path) -> bool {
    address::is_one(folder) || database(folder).exists()
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
