//! The list of erasures beside a registry's database: which of its people a restored copy must not bring back.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use personhood::registry::erasures;
use personhood::store::{ReadStore as _, SealedStore, Store};
use personhood::vault::{ErasureList, Vault};

use crate::address;
use crate::failure::Failure;
use crate::files;

/// No list is longer than the library reads.
const LIMIT: u64 = 256 << 20;

/// Where the list of a registry lies.
pub(crate) fn place(folder: &Path) -> PathBuf {
    folder.join("erasures.jsonl")
}

/// A list of this registry; empty if there is no such file.
pub(crate) fn read(file: &Path, vault: &Vault) -> Result<ErasureList, Failure> {
    if !file.exists() {
        return Ok(ErasureList::new());
    }
    let bytes = files::read(file, LIMIT)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::new("receipt_malformed", "not a list of erasures: it is no text").about(file))?;
    ErasureList::from_text(&text, vault.registry(), &vault.verifying_key())
        .map_err(|error| Failure::from(error).about(file))
}

/// Puts everybody on the list who was erased and is not on it yet; nobody is taken off.
///
/// What is added follows from the registry, so that a list that was lost is whole again. Who is on the list and not erased stays:
/// the registry may be a copy of before, which a check says. Templates in clear have no key to sign with, and no list; a
/// registry in a database has no folder for one, and its copies are the database's.
pub(crate) fn follow<S: Store>(store: &SealedStore<S>, folder: &Path) -> Result<(), Failure> {
    let Some(vault) = store.vault().filter(|_| !address::is_one(folder)) else { return Ok(()) };
    let file = place(folder);
    let mut list = read(&file, &vault)?;
    if list.len() as u64 == store.census()?.erased {
        return Ok(());
    }
    let before = list.clone();
    let all = erasures(store)?;
    all.people().filter_map(|person| all.of(person)).for_each(|receipt| list.insert(receipt.clone()));
    if list == before { Ok(()) } else { write(&file, &list) }
}

/// Begins the list of a registry that was restored: it says what the registry says. Numbers that the copy does not have will be
/// given to others, so that an earlier list in this folder is of no more use; it is put aside.
pub(crate) fn begin<S: Store>(store: &SealedStore<S>, folder: &Path) -> Result<(), Failure> {
    if store.vault().is_none() {
        return Ok(());
    }
    let file = place(folder);
    if file.exists() {
        let aside = file.with_extension("jsonl.before");
        fs::rename(&file, &aside).map_err(|error| Failure::writing(&aside, &error))?;
    }
    write(&file, &erasures(store)?)
}

fn write(file: &Path, list: &ErasureList) -> Result<(), Failure> {
    files::write_with(file, |out| out.write_all(list.to_text().as_bytes()))
}
