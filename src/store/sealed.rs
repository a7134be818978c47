//! A store whose templates are sealed on the way in and opened on the way out, whatever store lies behind.

mod rotate;

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use rand_core::OsRng;

pub use rotate::Resealed;

use super::{
    Census, ChangeRecord, DecisionId, DecisionRecord, Genesis, Inserted, NewDecision, NewPerson, NewPolicy,
    NewRecovery, NewReview, OperatorRecord, PersonChange, PersonId, PersonRecord, PersonStep, PolicyId, PolicyRecord,
    ReadStore, RecoveryId, RecoveryRecord, ReviewId, ReviewRecord, ReviewStep, ReviewVote, RootRecord, Sequence,
    StationRecord, Store, StoreError, TemplatePair, TemplateRecord, WriteTransaction,
};
use crate::identity::IdentityCommitment;
use crate::iris::EyeSide;
use crate::tree::TreePage;
use crate::vault::{KeyService, Keyring, RecordBinding, RecordKind, Vault, VaultError};

/// A master key that several threads may use.
pub type SharedKeyService = Arc<dyn KeyService + Send + Sync>;

/// Records opened together: as many as the keyed transform moves at a time.
const TOGETHER: usize = 64;

/// Any store, with every template sealed under a data key of its own.
///
/// Whoever stands on it sees templates in clear, and whatever it stands on sees sealed ones. A store without a keyring
/// passes through as it is: that is how registries of earlier releases open, until [`Self::seal_everything`] moves them.
///
/// Data keys and nonces come from the operating system. Other processes may change the keys: a transaction begins with the
/// keyring that is in the store then, and a record of a key that is not known makes the keyring be read again.
pub struct SealedStore<S> {
    inner: S,
    services: Vec<SharedKeyService>,
    keys: RefCell<Keys>,
}

/// The keys as they were last read.
#[derive(Clone, Default)]
struct Keys {
    /// As it is stored, to notice that it has changed.
    stored: Option<Vec<u8>>,
    vault: Option<Arc<Vault>>,
}

impl Keys {
    fn unlock(stored: Option<Vec<u8>>, services: &[SharedKeyService]) -> Result<Self, StoreError> {
        let Some(bytes) = stored else { return Ok(Self::default()) };
        let vault = Vault::unlock(&Keyring::from_bytes(&bytes)?, &borrowed(services))?;
        Ok(Self { stored: Some(bytes), vault: Some(Arc::new(vault)) })
    }
}

fn borrowed(services: &[SharedKeyService]) -> Vec<&dyn KeyService> {
    services.iter().map(|service| &**service as &dyn KeyService).collect()
}

impl<S: Store> SealedStore<S> {
    /// Opens the keyring of a store, if it has one, with whichever of the master keys fits.
    ///
    /// # Errors
    ///
    /// [`StoreError::Vault`] if none does; others as for reading.
    pub fn open(inner: S, services: Vec<SharedKeyService>) -> Result<Self, StoreError> {
        let keys = Keys::unlock(inner.keyring()?, &services)?;
        Ok(Self { inner, services, keys: RefCell::new(keys) })
    }

    /// Gives a store without a keyring one, under the first of the master keys. What is in it already stays as it is.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] if it has one or no master key is given; [`StoreError::Vault`], and the failures of a disk.
    pub fn create(mut inner: S, services: Vec<SharedKeyService>) -> Result<Self, StoreError> {
        let conflict = |detail: &str| StoreError::Conflict { detail: detail.into() };
        let first =
            services.first().ok_or_else(|| conflict("keys are wrapped under a master key, and none is given"))?;
        let vault = Vault::create(&**first, &mut OsRng)?;
        let mut transaction = inner.begin()?;
        if transaction.keyring()?.is_some() {
            return Err(conflict("it has a keyring already"));
        }
        transaction.set_keyring(&vault.keyring().to_bytes())?;
        transaction.commit()?;
        Self::open(inner, services)
    }

    /// The open keys; none where templates are in clear.
    #[must_use]
    pub fn vault(&self) -> Option<Arc<Vault>> {
        self.keys.borrow().vault.clone()
    }

    /// The store behind, which sees sealed records.
    #[must_use]
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    /// Reads people and opens their templates. If they are of keys that are not known, keyring and people are read again:
    /// somebody moves the records, and the two have to be of one moment.
    fn opened(
        &self,
        read: impl Fn(&S) -> Result<Vec<PersonRecord>, StoreError>,
    ) -> Result<Vec<PersonRecord>, StoreError> {
        let people = read(&self.inner)?;
        match open_people(self.vault().as_deref(), &people) {
            Err(StoreError::Vault(VaultError::UnknownKey { .. } | VaultError::NoMasterKey { .. })) => {
                self.keys.replace(Keys::unlock(self.inner.keyring()?, &self.services)?);
                let people = read(&self.inner)?;
                let opened = open_people(self.vault().as_deref(), &people)?;
                Ok(fill(people, opened))
            }
            opened => Ok(fill(people, opened?)),
        }
    }
}

impl<S: Store> SealedStore<S> {
    /// As [`Self::opened`], for candidates.
    fn opened_reviews(
        &self,
        read: impl Fn(&S) -> Result<Vec<ReviewRecord>, StoreError>,
    ) -> Result<Vec<ReviewRecord>, StoreError> {
        match open_reviews(self.vault().as_deref(), read(&self.inner)?) {
            Err(StoreError::Vault(VaultError::UnknownKey { .. } | VaultError::NoMasterKey { .. })) => {
                self.keys.replace(Keys::unlock(self.inner.keyring()?, &self.services)?);
                open_reviews(self.vault().as_deref(), read(&self.inner)?)
            }
            opened => opened,
        }
    }
}

/// Which record is sealed, of whom, and where it belongs.
fn place(record: &PersonRecord, eye: EyeSide) -> RecordBinding {
    RecordBinding { kind: RecordKind::Enrolled, subject: record.person.as_u64(), eye, version: record.template_version }
}

/// The opened records of sealed ones, by person (as a position) and eye.
type Opened = Vec<(usize, EyeSide, TemplateRecord)>;

fn open_people(vault: Option<&Vault>, people: &[PersonRecord]) -> Result<Opened, StoreError> {
    let mut sealed = Vec::new();
    for (position, record) in people.iter().enumerate() {
        for eye in EyeSide::BOTH {
            if let Some(template) = record.templates.of(eye).filter(|template| template.is_sealed()) {
                sealed.push((position, eye, place(record, eye), template.as_bytes()));
            }
        }
    }
    if sealed.is_empty() {
        return Ok(Vec::new());
    }
    let vault = vault.ok_or(VaultError::NoMasterKey { wanted_ids: Vec::new() })?;
    let open = |part: &[(usize, EyeSide, RecordBinding, &[u8])]| -> Result<Opened, StoreError> {
        let records: Vec<(RecordBinding, &[u8])> = part.iter().map(|(.., place, bytes)| (*place, *bytes)).collect();
        let templates = vault.open_all(&records).map_err(|error| explain(vault, &records, error))?;
        let clear = part.iter().zip(&templates);
        Ok(clear.map(|((position, eye, ..), template)| (*position, *eye, TemplateRecord::clear(template))).collect())
    };
    #[cfg(feature = "rayon")]
    let parts: Result<Vec<Opened>, StoreError> = {
        use rayon::prelude::*;
        sealed.par_chunks(TOGETHER).map(open).collect()
    };
    #[cfg(not(feature = "rayon"))]
    let parts: Result<Vec<Opened>, StoreError> = sealed.chunks(TOGETHER).map(open).collect();
    Ok(parts?.into_iter().flatten().collect())
}

/// Says whose record it is that does not open.
fn explain(vault: &Vault, records: &[(RecordBinding, &[u8])], error: VaultError) -> StoreError {
    if matches!(error, VaultError::UnknownKey { .. } | VaultError::Service(_)) {
        return error.into();
    }
    let bad = records.iter().find(|(place, bytes)| vault.open(place, bytes).is_err());
    match bad {
        Some((place, _)) => {
            StoreError::corrupted(format!("{} template of person {}: {error}", place.eye, place.subject))
        }
        None => error.into(),
    }
}

fn fill(mut people: Vec<PersonRecord>, opened: Opened) -> Vec<PersonRecord> {
    for (position, eye, record) in opened {
        *people[position].templates.of_mut(eye) = Some(record);
    }
    people
}

/// Opens the templates of candidates about whom people decide.
fn open_reviews(vault: Option<&Vault>, mut reviews: Vec<ReviewRecord>) -> Result<Vec<ReviewRecord>, StoreError> {
    for review in &mut reviews {
        for eye in EyeSide::BOTH {
            let record = review.templates.of_mut(eye);
            if let Some(sealed) = record.as_ref().filter(|record| record.is_sealed()) {
                let vault = vault.ok_or(VaultError::NoMasterKey { wanted_ids: Vec::new() })?;
                let template = vault.open(&queued(review.id, eye), sealed.as_bytes())?;
                *record = Some(TemplateRecord::clear(&template));
            }
        }
    }
    Ok(reviews)
}

/// Where a candidate's record belongs.
const fn queued(review: ReviewId, eye: EyeSide) -> RecordBinding {
    RecordBinding { kind: RecordKind::Queued, subject: review.as_u64(), eye, version: 1 }
}

/// Seals what is not sealed yet.
fn seal(
    vault: Option<&Vault>,
    templates: &mut TemplatePair,
    place: impl Fn(EyeSide) -> RecordBinding,
) -> Result<(), StoreError> {
    let Some(vault) = vault else { return Ok(()) };
    for eye in EyeSide::BOTH {
        let record = templates.of_mut(eye);
        if let Some(clear) = record.as_ref().filter(|record| !record.is_sealed()) {
            let damaged =
                |error: super::RecordError| StoreError::corrupted(format!("{eye} template to be sealed: {error}"));
            let template = clear.open().map_err(damaged)?;
            let sealed = vault.seal(&place(eye), &template, &mut OsRng);
            *record = Some(TemplateRecord::sealed(sealed).map_err(damaged)?);
        }
    }
    Ok(())
}

/// The questions that have no templates in their answers.
macro_rules! reads {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $answer:ty,)*) => {
        $(
            fn $name(&self $(, $argument: $kind)*) -> Result<$answer, StoreError> {
                self.inner.$name($($argument),*)
            }
        )*
    };
}

macro_rules! read_store {
    () => {
        reads! {
            genesis() -> Option<Genesis>,
            policy() -> Option<PolicyRecord>,
            policy_of(id: PolicyId) -> Option<PolicyRecord>,
            changes_since(after: Sequence, limit: u32) -> Vec<ChangeRecord>,
            changes_of(person: PersonId) -> Vec<ChangeRecord>,
            roots_since(after: Sequence, limit: u32) -> Vec<RootRecord>,
            head() -> Sequence,
            census() -> Census,
            person_of(commitment: &IdentityCommitment) -> Option<PersonId>,
            decisions_since(after: u64, limit: u32) -> Vec<DecisionRecord>,
            decision(id: DecisionId) -> Option<DecisionRecord>,
            decisions_of(person: PersonId, since: u64, limit: u32) -> Vec<DecisionRecord>,
            next_person() -> PersonId,
            keyring() -> Option<Vec<u8>>,
            saved_tree() -> Option<Sequence>,
            tree_page(page: TreePage) -> Option<Vec<u8>>,
            recovery(id: RecoveryId) -> Option<RecoveryRecord>,
            pending_recoveries() -> Vec<RecoveryRecord>,
            exceptions_of(person: PersonId) -> Vec<PersonId>,
            operators() -> Vec<OperatorRecord>,
            stations() -> Vec<StationRecord>,
            disk_bytes() -> Option<u64>,
        }

        fn review(&self, id: ReviewId) -> Result<Option<ReviewRecord>, StoreError> {
            Ok(self.opened_reviews(|inner| Ok(inner.review(id)?.into_iter().collect()))?.pop())
        }

        fn reviews_since(&self, after: u64, limit: u32) -> Result<Vec<ReviewRecord>, StoreError> {
            self.opened_reviews(|inner| inner.reviews_since(after, limit))
        }

        fn person(&self, person: PersonId) -> Result<Option<PersonRecord>, StoreError> {
            Ok(self.opened(|inner| Ok(inner.person(person)?.into_iter().collect()))?.pop())
        }

        fn people_since(&self, after: u64, limit: u32) -> Result<Vec<PersonRecord>, StoreError> {
            self.opened(|inner| inner.people_since(after, limit))
        }
    };
}

impl<S: Store> ReadStore for SealedStore<S> {
    read_store!();
}

impl<S: Store> Store for SealedStore<S> {
    type Transaction<'a>
        = SealedTransaction<S::Transaction<'a>>
    where
        S: 'a;

    fn begin(&mut self) -> Result<Self::Transaction<'_>, StoreError> {
        let transaction = self.inner.begin()?;
        // With the writer's right nobody changes the keyring any more: what is sealed now is sealed with the newest keys.
        let stored = transaction.keyring()?;
        let keys = self.keys.get_mut();
        if stored != keys.stored {
            *keys = Keys::unlock(stored, &self.services)?;
        }
        Ok(SealedTransaction { inner: transaction, vault: keys.vault.clone() })
    }

    fn scrub(&mut self) -> Result<(), StoreError> {
        self.inner.scrub()
    }
}

impl<S> fmt::Debug for SealedStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedStore").field("sealed", &self.keys.borrow().vault.is_some()).finish_non_exhaustive()
    }
}

/// The only writer of a [`SealedStore`].
#[derive(Debug)]
pub struct SealedTransaction<T> {
    inner: T,
    vault: Option<Arc<Vault>>,
}

impl<T: WriteTransaction> SealedTransaction<T> {
    /// Nobody moves records or keys while this transaction is there, so once is enough.
    fn opened(
        &self,
        read: impl Fn(&T) -> Result<Vec<PersonRecord>, StoreError>,
    ) -> Result<Vec<PersonRecord>, StoreError> {
        let people = read(&self.inner)?;
        let opened = open_people(self.vault.as_deref(), &people)?;
        Ok(fill(people, opened))
    }

    fn opened_reviews(
        &self,
        read: impl Fn(&T) -> Result<Vec<ReviewRecord>, StoreError>,
    ) -> Result<Vec<ReviewRecord>, StoreError> {
        open_reviews(self.vault.as_deref(), read(&self.inner)?)
    }
}

impl<T: WriteTransaction> ReadStore for SealedTransaction<T> {
    read_store!();
}

impl<T: WriteTransaction> WriteTransaction for SealedTransaction<T> {
    fn initialise(&mut self, genesis: &Genesis) -> Result<PolicyId, StoreError> {
        self.inner.initialise(genesis)
    }

    fn insert_person(&mut self, mut person: NewPerson<'_>) -> Result<Inserted, StoreError> {
        let subject = self.inner.next_person()?;
        let place = |eye| RecordBinding { kind: RecordKind::Enrolled, subject: subject.as_u64(), eye, version: 1 };
        seal(self.vault.as_deref(), &mut person.templates, place)?;
        let inserted = self.inner.insert_person(person)?;
        if inserted.person != subject {
            // The records would be bound to somebody else's place. The caller drops the transaction.
            return Err(StoreError::Conflict { detail: format!("person {subject} was numbered {}", inserted.person) });
        }
        Ok(inserted)
    }

    fn change_person(&mut self, mut change: PersonChange<'_>) -> Result<Inserted, StoreError> {
        if let PersonStep::Refresh { templates } = &mut change.step {
            let before = self.inner.person(change.person)?;
            let version = before.map_or(0, |before| before.template_version).saturating_add(1);
            let subject = change.person.as_u64();
            let place = |eye| RecordBinding { kind: RecordKind::Enrolled, subject, eye, version };
            seal(self.vault.as_deref(), templates, place)?;
        }
        self.inner.change_person(change)
    }

    fn adopt_policy(&mut self, policy: NewPolicy<'_>) -> Result<PolicyId, StoreError> {
        self.inner.adopt_policy(policy)
    }

    fn insert_decision(&mut self, decision: &NewDecision<'_>) -> Result<DecisionId, StoreError> {
        self.inner.insert_decision(decision)
    }

    fn save_tree(&mut self, sequence: Sequence, pages: &[(TreePage, Vec<u8>)]) -> Result<(), StoreError> {
        self.inner.save_tree(sequence, pages)
    }

    fn open_recovery(&mut self, recovery: &NewRecovery) -> Result<RecoveryId, StoreError> {
        self.inner.open_recovery(recovery)
    }

    fn close_recovery(&mut self, id: RecoveryId, completed: bool) -> Result<(), StoreError> {
        self.inner.close_recovery(id, completed)
    }

    fn open_review(&mut self, mut review: NewReview) -> Result<ReviewId, StoreError> {
        let last = self.inner.reviews_since(0, u32::MAX)?.last().map_or(0, |review| review.id.as_u64());
        let id = ReviewId::new(last + 1)?;
        seal(self.vault.as_deref(), &mut review.templates, |eye| queued(id, eye))?;
        let opened = self.inner.open_review(review)?;
        if opened != id {
            // The records would be bound to another place. The caller drops the transaction.
            return Err(StoreError::Conflict { detail: format!("review {id} was numbered {opened}") });
        }
        Ok(opened)
    }

    fn vote(&mut self, id: ReviewId, vote: &ReviewVote) -> Result<(), StoreError> {
        self.inner.vote(id, vote)
    }

    fn step_review(&mut self, id: ReviewId, step: ReviewStep) -> Result<(), StoreError> {
        self.inner.step_review(id, step)
    }

    fn insert_exception(&mut self, person: PersonId, other: PersonId, review: ReviewId) -> Result<(), StoreError> {
        self.inner.insert_exception(person, other, review)
    }

    fn put_operator(&mut self, operator: &OperatorRecord) -> Result<(), StoreError> {
        self.inner.put_operator(operator)
    }

    fn put_station(&mut self, station: &StationRecord) -> Result<(), StoreError> {
        self.inner.put_station(station)
    }

    fn insert_challenge(&mut self, challenge: &[u8; 32], expires_at: u64) -> Result<(), StoreError> {
        self.inner.insert_challenge(challenge, expires_at)
    }

    fn take_challenge(&mut self, challenge: &[u8; 32]) -> Result<Option<u64>, StoreError> {
        self.inner.take_challenge(challenge)
    }

    fn forget_challenges(&mut self, before: u64) -> Result<(), StoreError> {
        self.inner.forget_challenges(before)
    }

    fn set_keyring(&mut self, keyring: &[u8]) -> Result<(), StoreError> {
        self.inner.set_keyring(keyring)
    }

    fn replace_records(&mut self, person: PersonId, templates: TemplatePair) -> Result<(), StoreError> {
        self.inner.replace_records(person, templates)
    }

    fn commit(self) -> Result<(), StoreError> {
        self.inner.commit()
    }
}
