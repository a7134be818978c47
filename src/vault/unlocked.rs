//! A vault that is open: the keys of one registry in memory.

use core::fmt;

use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

use super::record::{self, RecordBinding, SealedFacts};
use super::{
    DeploymentKey, DeploymentKeyId, KeyId, KeyKind, KeyMaterial, KeyService, Keyring, ProtectedTemplate, RegistryId,
    VaultError,
};
use crate::iris::IrisTemplate;

/// The first key of each kind.
const FIRST: u32 = 1;

/// The keys of one registry, unwrapped; they are wiped when it is dropped.
///
/// Records are sealed with the newest epoch key and the newest deployment key, and opened with whichever they name. So
/// processes go on working while another one moves records from key to key: it first adds a key, they learn it by unlocking
/// the new keyring, then records are moved, and the old key is dropped when no record names it.
pub struct Vault {
    keyring: Keyring,
    epochs: Vec<(u32, KeyMaterial)>,
    deployments: Vec<(u32, DeploymentKey)>,
    signing: KeyMaterial,
}

impl Vault {
    /// New keys for a new registry, wrapped under one master key.
    ///
    /// # Errors
    ///
    /// [`VaultError::Service`] if the key service fails.
    pub fn create(service: &dyn KeyService, rng: &mut dyn CryptoRngCore) -> Result<Self, VaultError> {
        let mut keyring = Keyring::new(RegistryId::generate(rng));
        for kind in [KeyKind::Epoch, KeyKind::Deployment, KeyKind::Signing] {
            keyring.insert(kind, FIRST, &KeyMaterial::generate(rng), &[service], rng)?;
        }
        Self::unlock(&keyring, &[service])
    }

    /// Unwraps a keyring with whichever of the master keys fits.
    ///
    /// # Errors
    ///
    /// [`VaultError::NoMasterKey`], [`VaultError::Service`].
    pub fn unlock(keyring: &Keyring, services: &[&dyn KeyService]) -> Result<Self, VaultError> {
        let keys = |kind: KeyKind| -> Result<Vec<(u32, KeyMaterial)>, VaultError> {
            let numbers = keyring.numbers(kind).into_iter();
            numbers.map(|number| Ok((number, keyring.unwrap(kind, number, services)?))).collect()
        };
        let deployments =
            keys(KeyKind::Deployment)?.iter().map(|(number, key)| (*number, DeploymentKey::new(key))).collect();
        let (_, signing) = keys(KeyKind::Signing)?.pop().ok_or(VaultError::Keyring { detail: "no signing key" })?;
        Ok(Self { keyring: keyring.clone(), epochs: keys(KeyKind::Epoch)?, deployments, signing })
    }

    /// The keyring to store.
    #[must_use]
    pub const fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Whose keys these are.
    #[must_use]
    pub const fn registry(&self) -> RegistryId {
        self.keyring.registry()
    }

    /// The public half of the registry's Ed25519 key, by which its receipts are believed.
    #[must_use]
    pub fn verifying_key(&self) -> [u8; 32] {
        let key = ed25519_dalek::SigningKey::from_bytes(&Zeroizing::new(*self.signing.expose()));
        key.verifying_key().to_bytes()
    }

    /// The seed of the registry's Ed25519 key.
    #[must_use]
    pub const fn signing_seed(&self) -> &KeyMaterial {
        &self.signing
    }

    /// Which deployment key new records go through.
    #[must_use]
    pub fn deployment(&self) -> DeploymentKeyId {
        self.newest_deployment().1.id()
    }

    /// What a record sealed now says about itself.
    #[must_use]
    pub fn newest(&self) -> SealedFacts {
        SealedFacts { epoch: self.newest_epoch().0, deployment: self.newest_deployment().0 }
    }

    /// Seals a template for one place, under a data key of its own.
    #[must_use]
    pub fn seal(&self, binding: &RecordBinding, template: &IrisTemplate, rng: &mut dyn CryptoRngCore) -> Vec<u8> {
        let (_, epoch_key) = self.newest_epoch();
        record::seal(self.registry(), binding, self.newest(), epoch_key, &self.protect(template), rng)
    }

    /// A template as this deployment keeps it, for instance for an export.
    #[must_use]
    pub fn protect(&self, template: &IrisTemplate) -> ProtectedTemplate {
        self.newest_deployment().1.protect(template)
    }

    /// Opens a record.
    ///
    /// # Errors
    ///
    /// [`VaultError::Authentication`] if it is not the record of this place, as it was sealed; the others if it is none, or of
    /// keys that are not here.
    pub fn open(&self, binding: &RecordBinding, record: &[u8]) -> Result<IrisTemplate, VaultError> {
        let mut opened = self.open_all(&[(*binding, record)])?;
        Ok(opened.pop().expect("one record gives one template"))
    }

    /// Opens many records; far less work for each than one by one.
    ///
    /// # Errors
    ///
    /// As [`Self::open`], for the first that does not open.
    pub fn open_all(&self, records: &[(RecordBinding, &[u8])]) -> Result<Vec<IrisTemplate>, VaultError> {
        let mut opened: Vec<Option<IrisTemplate>> = records.iter().map(|_| None).collect();
        let mut protected = Vec::with_capacity(records.len());
        for (binding, record) in records {
            protected.push(self.open_protected(binding, record)?);
        }
        for (number, deployment) in &self.deployments {
            let places: Vec<usize> =
                (0..protected.len()).filter(|place| protected[*place].0.deployment == *number).collect();
            let templates: Vec<&ProtectedTemplate> = places.iter().map(|place| &protected[*place].1).collect();
            let plain = deployment.reveal_all(&templates).map_err(|_| VaultError::Deployment)?;
            for (place, plain) in places.into_iter().zip(plain) {
                opened[place] = Some(plain);
            }
        }
        let unknown =
            |facts: SealedFacts| VaultError::UnknownKey { kind: KeyKind::Deployment, number: facts.deployment };
        opened.into_iter().zip(&protected).map(|(plain, (facts, _))| plain.ok_or_else(|| unknown(*facts))).collect()
    }

    fn open_protected(
        &self,
        binding: &RecordBinding,
        record: &[u8],
    ) -> Result<(SealedFacts, ProtectedTemplate), VaultError> {
        let facts = SealedFacts::of(record)?;
        let epoch_key = self.epoch(facts.epoch)?;
        Ok((facts, record::open(self.registry(), binding, facts, epoch_key, record)?))
    }

    /// The record with its data key under the newest epoch key; none if it is there already.
    ///
    /// # Errors
    ///
    /// As [`Self::open`], as far as the data key is concerned.
    pub fn rewrap(
        &self,
        binding: &RecordBinding,
        record: &[u8],
        rng: &mut dyn CryptoRngCore,
    ) -> Result<Option<Vec<u8>>, VaultError> {
        let facts = SealedFacts::of(record)?;
        let (newest, newest_key) = self.newest_epoch();
        if facts.epoch == newest {
            return Ok(None);
        }
        let old = (facts.epoch, self.epoch(facts.epoch)?);
        record::rewrap(self.registry(), binding, [old, (newest, newest_key)], record, rng).map(Some)
    }

    /// The record through the newest deployment key, under a new data key; none if it is there already.
    ///
    /// The plain template exists in memory only, between the two transforms.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn rekey(
        &self,
        binding: &RecordBinding,
        record: &[u8],
        rng: &mut dyn CryptoRngCore,
    ) -> Result<Option<Vec<u8>>, VaultError> {
        if SealedFacts::of(record)?.deployment == self.newest().deployment {
            return Ok(None);
        }
        let template = self.open(binding, record)?;
        Ok(Some(self.seal(binding, &template, rng)))
    }

    /// Wraps all keys under one more master key; `present` are master keys that open the keyring today.
    ///
    /// # Errors
    ///
    /// [`VaultError::Full`], [`VaultError::Service`].
    pub fn add_master(
        &mut self,
        service: &dyn KeyService,
        present: &[&dyn KeyService],
        rng: &mut dyn CryptoRngCore,
    ) -> Result<(), VaultError> {
        let mut keyring = self.keyring.clone();
        for kind in [KeyKind::Epoch, KeyKind::Deployment, KeyKind::Signing] {
            for number in self.keyring.numbers(kind) {
                let key = self.keyring.unwrap(kind, number, present)?;
                keyring.insert(kind, number, &key, &[service], rng)?;
            }
        }
        self.keyring = keyring;
        Ok(())
    }

    /// Forgets what one master key wrapped. Once its file is destroyed too, old copies of the keyring are closed for ever.
    ///
    /// # Errors
    ///
    /// [`VaultError::LastMasterKey`].
    pub fn retire_master(&mut self, id: KeyId) -> Result<(), VaultError> {
        self.keyring.remove_master(id)
    }

    /// A new epoch key, under all master keys of the keyring; records are moved to it by [`Self::rewrap`].
    ///
    /// # Errors
    ///
    /// [`VaultError::MasterKeyAbsent`] if one of the master keys is not given, [`VaultError::Full`], [`VaultError::Service`].
    pub fn begin_epoch(&mut self, services: &[&dyn KeyService], rng: &mut dyn CryptoRngCore) -> Result<(), VaultError> {
        let (number, key) = self.add_key(KeyKind::Epoch, services, rng)?;
        self.epochs.push((number, key));
        Ok(())
    }

    /// A new deployment key, under all master keys of the keyring; records are moved to it by [`Self::rekey`].
    ///
    /// # Errors
    ///
    /// As [`Self::begin_epoch`].
    pub fn begin_deployment(
        &mut self,
        services: &[&dyn KeyService],
        rng: &mut dyn CryptoRngCore,
    ) -> Result<(), VaultError> {
        let (number, key) = self.add_key(KeyKind::Deployment, services, rng)?;
        self.deployments.push((number, DeploymentKey::new(&key)));
        Ok(())
    }

    /// Forgets all epoch and deployment keys but the newest. The caller knows that no record names them any more.
    pub fn drop_old_keys(&mut self) {
        let newest = self.newest();
        self.keyring.keep_only(KeyKind::Epoch, newest.epoch);
        self.keyring.keep_only(KeyKind::Deployment, newest.deployment);
        self.epochs.retain(|(number, _)| *number == newest.epoch);
        self.deployments.retain(|(number, _)| *number == newest.deployment);
    }

    fn add_key(
        &mut self,
        kind: KeyKind,
        services: &[&dyn KeyService],
        rng: &mut dyn CryptoRngCore,
    ) -> Result<(u32, KeyMaterial), VaultError> {
        let masters = self.keyring.masters();
        if let Some(id) = masters.iter().find(|id| services.iter().all(|service| service.id() != **id)) {
            return Err(VaultError::MasterKeyAbsent { id: *id });
        }
        let services: Vec<&dyn KeyService> =
            services.iter().copied().filter(|service| masters.contains(&service.id())).collect();
        let newest = self.keyring.numbers(kind).last().copied().unwrap_or(0);
        let number = newest.checked_add(1).ok_or(VaultError::Keyring { detail: "its numbers are used up" })?;
        let key = KeyMaterial::generate(rng);
        self.keyring.insert(kind, number, &key, &services, rng)?;
        Ok((number, key))
    }

    fn epoch(&self, number: u32) -> Result<&KeyMaterial, VaultError> {
        let found = self.epochs.iter().find(|(known, _)| *known == number).map(|(_, key)| key);
        found.ok_or(VaultError::UnknownKey { kind: KeyKind::Epoch, number })
    }

    fn newest_epoch(&self) -> (u32, &KeyMaterial) {
        let (number, key) = self.epochs.last().expect("a keyring has a key of each kind");
        (*number, key)
    }

    fn newest_deployment(&self) -> (u32, &DeploymentKey) {
        let (number, key) = self.deployments.last().expect("a keyring has a key of each kind");
        (*number, key)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("keyring", &self.keyring).finish_non_exhaustive()
    }
}
