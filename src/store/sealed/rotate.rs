//! Moving a registry from key to key while others go on working with it.

use rand_core::OsRng;

use super::{SealedStore, SharedKeyService, borrowed, place};
use crate::iris::EyeSide;
use crate::store::{PersonId, PersonRecord, ReadStore as _, Store, StoreError, TemplateRecord, WriteTransaction};
use crate::vault::{KeyId, KeyService, Vault, VaultError};

/// People whose records are moved in one transaction: others wait for the writer's right some milliseconds at most.
const BATCH: u32 = 64;

/// What was moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Resealed {
    /// Records that were sealed or moved to newer keys.
    pub records: u64,
    /// Records that were there already.
    pub unchanged: u64,
}

impl<S: Store> SealedStore<S> {
    /// Seals what still is in clear, and moves every record to the newest keys; then the old keys are forgotten.
    ///
    /// It may be stopped at any moment and begun again: each person's records are moved in one transaction, and open with
    /// the old keys until all of them are moved.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; what was moved stays moved.
    pub fn seal_everything(&mut self, mut progress: impl FnMut(Resealed)) -> Result<Resealed, StoreError> {
        let services = self.services.clone();
        let services = borrowed(&services);
        let mut done = Resealed::default();
        let mut after = 0;
        loop {
            let transaction = self.begin()?;
            let Some(vault) = transaction.vault.clone() else {
                return Err(StoreError::Conflict { detail: "it has no keyring: give it one first".into() });
            };
            // The records as they lie there, not as they are handed out.
            let people = transaction.inner.people_since(after, BATCH)?;
            let mut transaction = transaction.inner;
            let Some(last) = people.last() else {
                // Under the writer's right, and everybody is moved: nothing names the old keys any more.
                let mut vault = Vault::unlock(vault.keyring(), &services)?;
                vault.drop_old_keys();
                transaction.set_keyring(&vault.keyring().to_bytes())?;
                transaction.commit()?;
                break;
            };
            after = last.person.as_u64();
            for person in people {
                move_records(&vault, &mut transaction, person, &mut done)?;
            }
            transaction.commit()?;
            progress(done);
        }
        self.scrub()?;
        Ok(done)
    }

    /// Wraps the registry's keys under one more master key, which opens it from now on as the others do.
    ///
    /// # Errors
    ///
    /// [`StoreError::Vault`], and the failures of a disk.
    pub fn add_master(&mut self, service: SharedKeyService) -> Result<(), StoreError> {
        self.services.push(service.clone());
        self.change_keys(|vault, services| vault.add_master(&*service, services, &mut OsRng))
    }

    /// Forgets what one master key wrapped. What was copied before is still opened by it, until the key is destroyed too.
    ///
    /// # Errors
    ///
    /// [`VaultError::LastMasterKey`] in [`StoreError::Vault`], and the failures of a disk.
    pub fn retire_master(&mut self, id: KeyId) -> Result<(), StoreError> {
        self.change_keys(|vault, _| vault.retire_master(id))?;
        self.services.retain(|service| service.id() != id);
        self.scrub()
    }

    /// A new epoch key for all data keys. [`Self::seal_everything`] then moves the records.
    ///
    /// # Errors
    ///
    /// [`VaultError::MasterKeyAbsent`] in [`StoreError::Vault`], and the failures of a disk.
    pub fn begin_epoch(&mut self) -> Result<(), StoreError> {
        self.change_keys(|vault, services| vault.begin_epoch(services, &mut OsRng))
    }

    /// A new deployment key, so that what is stored can be compared with no copy of before. [`Self::seal_everything`] then
    /// moves the records.
    ///
    /// # Errors
    ///
    /// As [`Self::begin_epoch`].
    pub fn begin_deployment(&mut self) -> Result<(), StoreError> {
        self.change_keys(|vault, services| vault.begin_deployment(services, &mut OsRng))
    }

    fn change_keys(
        &mut self,
        change: impl FnOnce(&mut Vault, &[&dyn KeyService]) -> Result<(), VaultError>,
    ) -> Result<(), StoreError> {
        let services = self.services.clone();
        let services = borrowed(&services);
        let transaction = self.begin()?;
        let Some(known) = transaction.vault.clone() else {
            return Err(StoreError::Conflict { detail: "it has no keyring: give it one first".into() });
        };
        let mut vault = Vault::unlock(known.keyring(), &services)?;
        change(&mut vault, &services)?;
        let mut transaction = transaction.inner;
        transaction.set_keyring(&vault.keyring().to_bytes())?;
        transaction.commit()
    }
}

fn move_records<T: WriteTransaction>(
    vault: &Vault,
    transaction: &mut T,
    mut person: PersonRecord,
    done: &mut Resealed,
) -> Result<(), StoreError> {
    let mut moved = false;
    let number: PersonId = person.person;
    for eye in EyeSide::BOTH {
        let place = place(&person, eye);
        let record = person.templates.of_mut(eye);
        let Some(old) = record.as_ref() else { continue };
        let explain = |detail: String| StoreError::corrupted(format!("{eye} template of person {number}: {detail}"));
        let new = if old.is_sealed() {
            let rekeyed =
                vault.rekey(&place, old.as_bytes(), &mut OsRng).map_err(|error| explain(error.to_string()))?;
            match rekeyed {
                Some(new) => Some(new),
                None => vault.rewrap(&place, old.as_bytes(), &mut OsRng).map_err(|error| explain(error.to_string()))?,
            }
        } else {
            let template = old.open().map_err(|error| explain(error.to_string()))?;
            Some(vault.seal(&place, &template, &mut OsRng))
        };
        match new {
            Some(new) => {
                *record = Some(TemplateRecord::sealed(new).map_err(|error| explain(error.to_string()))?);
                moved = true;
                done.records += 1;
            }
            None => done.unchanged += 1,
        }
    }
    if moved { transaction.replace_records(number, person.templates) } else { Ok(()) }
}
