//! `personhood backup`: copies of a registry that is in use, and back again.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use personhood::registry::Registry;
use personhood::store::{PersonId, SealedStore, SqliteStore};
use personhood::tree::MerkleRoot;
use serde::Serialize;

use crate::args::{Backup, RegistryFolder};
use crate::erasures;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::keys;
use crate::output::Output;
use crate::place;

/// Fields of the JSON document.
#[derive(Serialize)]
struct Report {
    file: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    registry: Option<PathBuf>,
    people: u64,
    sequence: u64,
    root: MerkleRoot,
    sealed: bool,
    bytes: u64,
    /// People whom the copy brought back, and who are erased again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    erased_again: Vec<PersonId>,
    #[serde(skip)]
    done: &'static str,
}

pub(crate) fn run(args: &Backup, output: Output) -> Result<Exit, Failure> {
    let report = match args {
        Backup::Create { registry, file } => {
            let folder = &registry.registry;
            place::file_read_only(folder)?.back_up(file)?;
            // What this copy must not bring back later is on the list that stays here.
            erasures::follow(&place::store_read_only(folder)?, folder)?;
            // Not believed before it was read.
            judge(file, folder, None, "backed up into")?
        }
        Backup::Verify { registry, file } => judge(file, &registry.registry, None, "holds")?,
        Backup::Restore { registry, file, erased, nobody_erased } => {
            restore(file, registry, erased.as_deref(), *nobody_erased)?
        }
    };
    output.answer(Exit::Yes, &report, &report)
}

/// Opens a copy as a registry is opened: every page, every template with its key, every leaf, and the root.
fn judge(file: &Path, folder: &Path, registry: Option<&Path>, done: &'static str) -> Result<Report, Failure> {
    let store = SqliteStore::open_read_only(file)?;
    store.check_pages()?;
    let store = SealedStore::open(store, keys::at_hand(folder)?)?;
    let sealed = store.vault().is_some();
    let status = Registry::open(store)?.status()?;
    let bytes = fs::metadata(file).map_err(|error| Failure::reading(file, &error))?.len();
    Ok(Report {
        file: file.to_owned(),
        registry: registry.map(Path::to_owned),
        people: status.people,
        sequence: status.sequence.as_u64(),
        root: status.root,
        sealed,
        bytes,
        erased_again: Vec::new(),
        done,
    })
}

/// Puts a copy that was found good where no registry is. It has its name only once it is whole and on the disk.
fn restore(
    file: &Path,
    registry: &RegistryFolder,
    erased: Option<&Path>,
    nobody_erased: bool,
) -> Result<Report, Failure> {
    let folder = registry.registry.as_path();
    judge(file, folder, None, "holds")?;
    let target = place::make_room(folder)?;
    let beside = erasures::place(folder);
    let list =
        match erased {
            Some(file) if !file.exists() => {
                return Err(Failure::new("file_not_found", format!("{} does not exist", file.display())));
            }
            Some(file) => Some(file),
            None if nobody_erased => None,
            None if beside.exists() => Some(beside.as_path()),
            None => {
                return Err(Failure::new(
                "erasures_unknown",
                "nobody can tell whom the copy would bring back: there is no list of erasures in the registry's folder",
            )
            .with_hint("give the list of the registry that the copy is of with --erased FILE, or say --nobody-erased"));
            }
        };
    let unfinished = target.with_extension("restoring");
    // An earlier attempt that was stopped; it never had the name of a registry.
    forget(&unfinished);
    SqliteStore::open_read_only(file)?.back_up(&unfinished)?;
    let again = erase_again(&unfinished, registry, list).inspect_err(|_| forget(&unfinished))?;
    fs::rename(&unfinished, &target).map_err(|error| Failure::writing(&target, &error))?;
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| Failure::writing(folder, &error))?;
    erasures::begin(&place::store_read_only(folder)?, folder)?;
    let report = judge(&target, folder, Some(folder), "restored from")?;
    Ok(Report { file: file.to_owned(), erased_again: again, ..report })
}

/// Removes a copy that is no registry yet, with what SQLite puts beside it. What cannot be removed stops the next step.
fn forget(unfinished: &Path) {
    for ending in ["", "-wal", "-shm"] {
        let mut name = unfinished.as_os_str().to_owned();
        name.push(ending);
        let _ = fs::remove_file(name);
    }
}

/// Erases whom the copy brings back, before it is a registry.
fn erase_again(copy: &Path, registry: &RegistryFolder, list: Option<&Path>) -> Result<Vec<PersonId>, Failure> {
    let Some(list) = list else { return Ok(Vec::new()) };
    let store = SealedStore::open(SqliteStore::open(copy)?, keys::at_hand(&registry.registry)?)?;
    let Some(vault) = store.vault() else {
        return Err(Failure::new("vault_not_sealed", "the copy has no key, so no list of erasures is its own")
            .with_hint("restore it with --nobody-erased, and erase by hand whom it brings back"));
    };
    let list = erasures::read(list, &vault)?;
    let mut opened = Registry::open(store)?;
    opened.set_operator(registry.operator.as_deref().unwrap_or_default());
    let again = opened.erase_listed(&list, place::now())?;
    opened.scrub()?;
    Ok(again)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sealed = if self.sealed { "sealed" } else { "in clear" };
        write!(
            f,
            "{} {}: {} people after {} changes, templates {sealed}, {} KiB\nroot {}",
            self.done,
            self.file.display(),
            self.people,
            self.sequence,
            self.bytes.div_ceil(1024),
            self.root,
        )?;
        for person in &self.erased_again {
            write!(f, "\nerased person {person} again")?;
        }
        Ok(())
    }
}
