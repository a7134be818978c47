//! `personhood backup`: copies of a registry that is in use, and back again.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use personhood::registry::Registry;
use personhood::store::{SealedStore, SqliteStore};
use personhood::tree::MerkleRoot;
use serde::Serialize;

use crate::args::Backup;
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
    #[serde(skip)]
    done: &'static str,
}

pub(crate) fn run(args: &Backup, output: Output) -> Result<Exit, Failure> {
    let report = match args {
        Backup::Create { registry, file } => {
            let folder = &registry.registry;
            place::file_read_only(folder)?.back_up(file)?;
            // Not believed before it was read.
            judge(file, folder, None, "backed up into")?
        }
        Backup::Verify { registry, file } => judge(file, &registry.registry, None, "holds")?,
        Backup::Restore { registry, file } => restore(file, &registry.registry)?,
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
        done,
    })
}

/// Puts a copy that was found good where no registry is. It has its name only once it is whole and on the disk.
fn restore(file: &Path, folder: &Path) -> Result<Report, Failure> {
    judge(file, folder, None, "holds")?;
    let target = place::make_room(folder)?;
    let unfinished = target.with_extension("restoring");
    SqliteStore::open_read_only(file)?.back_up(&unfinished)?;
    fs::rename(&unfinished, &target).map_err(|error| Failure::writing(&target, &error))?;
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| Failure::writing(folder, &error))?;
    let report = judge(&target, folder, Some(folder), "restored from")?;
    Ok(Report { file: file.to_owned(), ..report })
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
        )
    }
}
