//! `personhood key`: the keys under which a registry's templates lie.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use personhood::bytes::to_hex;
use personhood::store::{Resealed, SealedStore};
use personhood::vault::{KeyKind, MasterKey};
use rand_core::OsRng;
use serde::Serialize;

use crate::args::Key;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::keys;
use crate::output::Output;
use crate::place;

/// Fields of the JSON document; none of them is secret.
#[derive(Serialize)]
struct Report {
    registry: PathBuf,
    sealed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<Keys>,
    #[serde(skip_serializing_if = "Option::is_none")]
    moved: Option<Resealed>,
    /// Master keys that open the registry no more; destroy their files to close the backups of before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    retired: Vec<String>,
}

#[derive(Serialize)]
struct Keys {
    registry_id: String,
    master_keys: Vec<String>,
    epochs: Vec<u32>,
    deployments: Vec<u32>,
    deployment_key: String,
    verifying_key: String,
}

/// Fields of the JSON document of `key new`.
#[derive(Serialize)]
struct New {
    file: PathBuf,
    master_key: String,
}

pub(crate) fn run(args: &Key, output: Output) -> Result<Exit, Failure> {
    let (folder, moved, retired) = match args {
        Key::New { file } => return new(file, output),
        Key::Status { registry } => (&registry.registry, None, Vec::new()),
        Key::Migrate { registry } => (&registry.registry, Some(migrate(&registry.registry, output)?), Vec::new()),
        Key::Rotate { registry, new_master_key } => {
            let (moved, retired) = rotate(&registry.registry, new_master_key, output)?;
            (&registry.registry, Some(moved), retired)
        }
        Key::Rekey { registry } => {
            let mut store = sealed(&registry.registry)?;
            store.begin_deployment()?;
            (&registry.registry, Some(reseal(&mut store, output)?), Vec::new())
        }
    };
    let store = match &moved {
        // After a rotation the new key may lie in a file that nothing names yet.
        Some(_) if !retired.is_empty() => None,
        _ => Some(place::store_read_only(folder)?),
    };
    let vault = store.as_ref().and_then(SealedStore::vault);
    let keys = vault.map(|vault| Keys {
        registry_id: vault.registry().to_string(),
        master_keys: vault.keyring().masters().iter().map(ToString::to_string).collect(),
        epochs: vault.keyring().numbers(KeyKind::Epoch),
        deployments: vault.keyring().numbers(KeyKind::Deployment),
        deployment_key: vault.deployment().to_string(),
        verifying_key: to_hex(&vault.verifying_key()),
    });
    let sealed = keys.is_some() || moved.is_some();
    let report = Report { registry: folder.clone(), sealed, keys, moved, retired };
    output.answer(Exit::Yes, &report, &report)
}

fn new(file: &Path, output: Output) -> Result<Exit, Failure> {
    let key = MasterKey::generate(&mut OsRng);
    key.write_new(file)?;
    let report = New { file: file.to_owned(), master_key: key.id().to_string() };
    output.answer(Exit::Yes, &report, format_args!("new master key {} in {}", key.id(), file.display()))
}

/// A registry that has its keys.
fn sealed(folder: &Path) -> Result<SealedStore<place::DiskStore>, Failure> {
    let store = place::store(folder)?;
    if store.vault().is_none() {
        return Err(Failure::new("vault_not_sealed", "the registry's templates are in clear")
            .with_hint("`personhood key migrate --registry DIR` seals them"));
    }
    Ok(store)
}

/// Seals a registry of an earlier release; begun again, it goes on.
fn migrate(folder: &Path, output: Output) -> Result<Resealed, Failure> {
    let mut store = place::store(folder)?;
    if store.vault().is_none() {
        drop(store);
        let (key, _) = keys::for_new(folder)?;
        store = SealedStore::create(place::bare_store(folder)?, vec![key])?;
    }
    reseal(&mut store, output)
}

/// A new master key, a new epoch, every data key wrapped again, and the old master keys retired.
fn rotate(folder: &Path, new: &Path, output: Output) -> Result<(Resealed, Vec<String>), Failure> {
    let mut store = sealed(folder)?;
    let new = keys::read_or_make(new)?;
    let old: Vec<_> = store.vault().map(|vault| vault.keyring().masters()).unwrap_or_default();
    store.add_master(Arc::clone(&new))?;
    store.begin_epoch()?;
    let moved = reseal(&mut store, output)?;
    let mut retired = Vec::new();
    for id in old.into_iter().filter(|id| *id != new.id()) {
        store.retire_master(id)?;
        retired.push(id.to_string());
    }
    Ok((moved, retired))
}

fn reseal(store: &mut SealedStore<place::DiskStore>, output: Output) -> Result<Resealed, Failure> {
    let people = usize::try_from(personhood::store::ReadStore::next_person(store)?.as_u64() - 1).unwrap_or(usize::MAX);
    let bar = output.progress(people.saturating_mul(2), "sealing");
    let done = store.seal_everything(|done| bar.set_position(done.records + done.unchanged))?;
    bar.finish_and_clear();
    Ok(done)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "registry        {}", self.registry.display())?;
        if let Some(Resealed { records, unchanged, .. }) = self.moved {
            write!(f, "\nsealed          {records} records ({unchanged} were already)")?;
        }
        if let Some(keys) = &self.keys {
            write!(f, "\nregistry id     {}", keys.registry_id)?;
            write!(f, "\nmaster keys     {}", keys.master_keys.join(", "))?;
            write!(f, "\nepochs          {:?}, deployment keys {:?}", keys.epochs, keys.deployments)?;
            write!(f, "\ndeployment key  {}", keys.deployment_key)?;
            write!(f, "\nsigns receipts  {}", keys.verifying_key)?;
        } else if !self.sealed {
            write!(f, "\ntemplates are in clear; `personhood key migrate` seals them")?;
        }
        for id in &self.retired {
            write!(f, "\nretired         {id}: destroy its file, and backups of before are closed for ever")?;
        }
        Ok(())
    }
}
