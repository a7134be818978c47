//! What an erasure leaves to be done: a signed receipt for the person, and that no copy of before brings them back.

use super::{Registry, RegistryError, StepError};
use crate::store::{Change, ChangeRecord, PersonId, PersonStatus, ReadStore, SealedStore, Sequence, Store, StoreError};
use crate::vault::{Erasure, ErasureList, ErasureReceipt, Vault};

/// Why somebody is erased whom a copy of before brought back.
const AGAIN: &str = "erased before the copy was restored";

/// Why there is no receipt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErasedError {
    /// Nothing to sign with.
    #[error("the registry has no key to sign with; `personhood key migrate --registry DIR` gives it one")]
    NotSealed,
    /// They are still there, or never were.
    #[error("person {person} was not erased")]
    NotErased {
        /// Who.
        person: PersonId,
    },
    /// The registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl From<StoreError> for ErasedError {
    fn from(error: StoreError) -> Self {
        Self::Registry(error.into())
    }
}

impl ErasedError {
    /// A stable word for this kind of error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotSealed => "vault_not_sealed",
            Self::NotErased { .. } => "receipt_not_erased",
            Self::Registry(error) => error.code(),
        }
    }
}

/// The registry's signature under the erasure of a person.
///
/// # Errors
///
/// [`ErasedError`].
pub fn erasure_receipt<S: Store>(store: &SealedStore<S>, person: PersonId) -> Result<ErasureReceipt, ErasedError> {
    let vault = store.vault().ok_or(ErasedError::NotSealed)?;
    let changes = store.changes_of(person)?;
    let erased = changes.iter().find(|record| matches!(record.change, Change::Erased { .. }));
    sign(store, &vault, person, erased.ok_or(ErasedError::NotErased { person })?)
}

/// Everybody whom the registry erased, with their receipts; reads every change.
///
/// # Errors
///
/// [`ErasedError`].
pub fn erasures<S: Store>(store: &SealedStore<S>) -> Result<ErasureList, ErasedError> {
    let vault = store.vault().ok_or(ErasedError::NotSealed)?;
    let mut list = ErasureList::new();
    each_erased(store, |person, record| {
        list.insert(sign(store, &vault, person, record)?);
        Ok::<_, ErasedError>(())
    })?;
    Ok(list)
}

fn sign(
    store: &impl ReadStore,
    vault: &Vault,
    person: PersonId,
    erased: &ChangeRecord,
) -> Result<ErasureReceipt, ErasedError> {
    let decision = store.decision(erased.decision)?.ok_or_else(|| RegistryError::Damaged {
        detail: format!("the decision to erase person {person} is not there"),
    })?;
    let erasure = Erasure {
        registry: vault.registry(),
        person: person.as_u64(),
        at: decision.at,
        change: erased.sequence.as_u64(),
        decision: erased.decision.as_u64(),
        root: erased.root.root.to_bytes(),
    };
    Ok(erasure.sign(vault.signing_seed()))
}

fn each_erased<E: From<StoreError>>(
    store: &impl ReadStore,
    mut take: impl FnMut(PersonId, &ChangeRecord) -> Result<(), E>,
) -> Result<(), E> {
    let mut after = Sequence::START;
    loop {
        let batch = store.changes_since(after, super::BATCH)?;
        let Some(last) = batch.last() else { return Ok(()) };
        after = last.sequence;
        for record in &batch {
            if let Change::Erased { person, .. } = record.change {
                take(person, record)?;
            }
        }
    }
}

/// What the list of erasures and the registry say differently; nothing if they agree.
///
/// # Errors
///
/// [`RegistryError`].
pub fn check_erasures(store: &impl ReadStore, list: &ErasureList) -> Result<Vec<String>, RegistryError> {
    let mut findings = Vec::new();
    let mut erased = std::collections::BTreeSet::new();
    each_erased(store, |person, _| {
        erased.insert(person.as_u64());
        Ok::<_, RegistryError>(())
    })?;
    for person in list.people().filter(|person| !erased.contains(person)) {
        findings
            .push(format!("person {person} is in the list of erasures and is not erased: this is a copy of before"));
    }
    for person in erased.iter().filter(|person| list.of(**person).is_none()) {
        findings.push(format!("person {person} is erased and not in the list of erasures"));
    }
    Ok(findings)
}

impl<S: Store> Registry<S> {
    /// Makes the store's own files forget what was deleted, as [`erase`](Self::erase) tries to by itself.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`] if another process still reads the log: ask again later.
    pub fn scrub(&mut self) -> Result<(), RegistryError> {
        Ok(self.store.scrub()?)
    }

    /// Erases everybody again who is on a list of erasures and whom a copy of before brought back; says who that was.
    ///
    /// People who are on the list and came in after the copy was made are not there, and nothing is done about them.
    ///
    /// # Errors
    ///
    /// [`StepError`]; who was erased stays erased.
    pub fn erase_listed(&mut self, list: &ErasureList, at: u64) -> Result<Vec<PersonId>, StepError> {
        let mut again = Vec::new();
        for person in list.people() {
            let person = PersonId::new(person)?;
            let record = self.store.person(person)?;
            if record.is_some_and(|record| record.status != PersonStatus::Erased) {
                let _erased = self.erase(person, at, AGAIN)?;
                again.push(person);
            }
        }
        Ok(again)
    }
}
