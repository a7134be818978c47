//! Keys, sealed records and the keyed transform, from outside.

#![allow(clippy::unwrap_used)]

mod unlinkability;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use personhood::iris::{EyeSide, IrisTemplate, Layout};
use personhood::matcher::rotation_counts;
use personhood::testing::templates::SyntheticTemplates;
use personhood::vault::{
    DeploymentKey, HammingCounts, Incomparable, KeyId, KeyKind, KeyMaterial, KeyService, KeyServiceError, Keyring,
    MasterKey, MasterKeyError, ProtectedTemplate, RecordBinding, RecordKind, SealedFacts, Vault, VaultError,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{CryptoRngCore, RngCore as _, SeedableRng as _};

const LEFT: RecordBinding = RecordBinding { kind: RecordKind::Enrolled, subject: 7, eye: EyeSide::Left, version: 1 };

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn eye(layout: Layout, person: u64) -> IrisTemplate {
    SyntheticTemplates::new(layout, 5).enrolled(person, EyeSide::Left)
}

fn key(byte: u8) -> DeploymentKey {
    DeploymentKey::new(&KeyMaterial::new(&[byte; 32]))
}

fn bytes(hex: &serde_json::Value) -> Vec<u8> {
    let digits = hex.as_str().unwrap().as_bytes();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// What libsodium, OpenSSL and a loop over single bits made of the documentation's words.
#[test]
fn another_implementation_seals_and_this_one_opens() {
    let vectors: serde_json::Value = serde_json::from_slice(&fs::read("testdata/vault/vectors.json").unwrap()).unwrap();
    let file = bytes(&vectors["master_key_file"]);
    let master = MasterKey::from_bytes(&file).unwrap();
    assert_eq!(master.to_bytes().as_slice(), file);
    assert_eq!(master.id().to_bytes().as_slice(), bytes(&vectors["master_key_id"]));
    assert_eq!(MasterKey::from_text(vectors["master_key_file"].as_str().unwrap()).unwrap().id(), master.id());

    let stored = bytes(&vectors["keyring"]);
    let keyring = Keyring::from_bytes(&stored).unwrap();
    assert_eq!(keyring.to_bytes(), stored);
    let vault = Vault::unlock(&keyring, &[&master]).unwrap();
    assert_eq!(vault.signing_seed().expose().as_slice(), bytes(&vectors["signing_seed"]));
    assert_eq!(vault.newest(), SealedFacts { epoch: 3, deployment: 5 });

    let records = vectors["records"].as_array().unwrap();
    assert_eq!(records.len(), 2, "one of each layout");
    for record in records {
        let binding = RecordBinding {
            kind: if record["kind"] == 1 { RecordKind::Enrolled } else { RecordKind::Queued },
            subject: record["subject"].as_u64().unwrap(),
            eye: if record["eye"] == 0 { EyeSide::Left } else { EyeSide::Right },
            version: u32::try_from(record["version"].as_u64().unwrap()).unwrap(),
        };
        let opened = vault.open(&binding, &bytes(&record["record"])).unwrap();
        assert_eq!(opened.to_bytes().as_slice(), bytes(&record["template"]));
        let protected = vault.protect(&opened);
        assert_eq!(protected.to_bytes().as_slice(), bytes(&record["protected"]));
        assert_eq!(ProtectedTemplate::from_bytes(&bytes(&record["protected"])).unwrap(), protected);
    }
}

/// Both integers, at all 31 rotations, in both layouts, for one eye and for strangers.
#[test]
fn protected_distances_are_the_plain_ones_to_the_bit() {
    for layout in Layout::ALL {
        let world = SyntheticTemplates::new(layout, 11);
        let key = key(3);
        let mut nearest = u32::MAX;
        for person in 0..6 {
            let reference = world.enrolled(person, EyeSide::Left);
            let stored = key.protect(&reference);
            for probe in
                [world.recaptured(person, EyeSide::Left, 1).template, world.enrolled(person + 1, EyeSide::Left)]
            {
                let plain = rotation_counts(&probe, &reference, 15).unwrap();
                let protected = key.probe(&probe, 15).counts(&stored).unwrap();
                assert_eq!((plain.len(), protected.len()), (31, 31));
                for (plain, protected) in plain.iter().zip(&protected) {
                    let plain = HammingCounts { disagreeing: plain.disagreeing, compared: plain.compared };
                    assert_eq!(plain, *protected);
                    nearest = nearest.min(protected.disagreeing * 1000 / protected.compared);
                }
            }
        }
        assert!(nearest < 330, "genuine pairs were among them: {nearest}");
    }
}

#[test]
fn a_transform_is_undone_by_its_own_key_only() {
    let world = SyntheticTemplates::new(Layout::Columns200, 1);
    // Both layouts mixed, and more than the sixty-four that are moved together.
    let wide = SyntheticTemplates::new(Layout::Columns256, 1);
    let templates: Vec<IrisTemplate> =
        (0..70)
            .map(|person| {
                if person % 3 == 0 {
                    wide.enrolled(person, EyeSide::Left)
                } else {
                    world.enrolled(person, EyeSide::Left)
                }
            })
            .collect();
    let stored = key(1).protect_all(&templates.iter().collect::<Vec<_>>());
    for (template, stored) in templates.iter().zip(&stored) {
        assert_eq!(*stored, key(1).protect(template), "many at once are as one by one");
        assert_ne!(stored.to_bytes()[21..], template.to_bytes()[..]);
    }
    assert_eq!(key(1).reveal_all(&stored.iter().collect::<Vec<_>>()).unwrap(), templates);
    let other = key(2).reveal(&stored[0]);
    assert_eq!(other, Err(Incomparable::Key { probe: key(2).id(), reference: key(1).id() }));

    // Re-keying needs no capture: what comes out is what the new key would have made of the eye.
    let moved = key(2).protect(&key(1).reveal(&stored[1]).unwrap());
    assert_eq!(moved, key(2).protect(&templates[1]));
    assert_eq!(moved.counts(&stored[1]), Err(Incomparable::Key { probe: key(2).id(), reference: key(1).id() }));
    assert!(matches!(stored[0].counts(&stored[1]), Err(Incomparable::Layout { .. })));
    assert_eq!(
        format!("{:?}", stored[1]),
        format!("ProtectedTemplate {{ key: {:?}, layout: Columns200, .. }}", key(1).id())
    );
}

#[test]
fn a_protected_template_has_one_spelling() {
    let good = key(1).protect(&eye(Layout::Columns200, 1)).to_bytes();
    assert_eq!(good.len(), ProtectedTemplate::encoded_len(Layout::Columns200));
    let code = |bytes: &[u8]| ProtectedTemplate::from_bytes(bytes).map(|_| ()).unwrap_err().to_string();
    assert!(code(&good[..20]).contains("too few"));
    assert!(code(&good[..good.len() - 1]).contains("has 3216 bytes, not 3215"));
    for (at, says) in [(0, "PHPT"), (4, "version"), (21, "PHIT")] {
        let mut bytes = good.to_vec();
        bytes[at] ^= 1;
        assert!(code(&bytes).contains(says), "{at}: {}", code(&bytes));
    }
}

/// Each part of the place that a record is bound to, and each byte of the record.
#[test]
fn a_record_opens_in_its_own_place_only_and_unchanged() {
    let master = MasterKey::generate(&mut rng(1));
    let vault = Vault::create(&master, &mut rng(2)).unwrap();
    let template = eye(Layout::Columns200, 7);
    let record = vault.seal(&LEFT, &template, &mut rng(3));
    assert_eq!(vault.open(&LEFT, &record).unwrap(), template);

    for other in [
        RecordBinding { kind: RecordKind::Queued, ..LEFT },
        RecordBinding { subject: 8, ..LEFT },
        RecordBinding { eye: EyeSide::Right, ..LEFT },
        RecordBinding { version: 2, ..LEFT },
    ] {
        assert_eq!(vault.open(&other, &record), Err(VaultError::Authentication), "{other:?}");
    }
    // The same master key, another registry.
    let neighbour = Vault::create(&master, &mut rng(4)).unwrap();
    assert_eq!(neighbour.open(&LEFT, &record), Err(VaultError::Authentication));

    for at in (0..120).chain(record.len() - 20..record.len()) {
        let mut changed = record.clone();
        changed[at] ^= 1;
        let error = vault.open(&LEFT, &changed).unwrap_err();
        let expected = match at {
            0 => "vault_record_format",
            1..9 => "vault_key_unknown",
            _ => "vault_record_refused",
        };
        // The number of the deployment key is inside what the tag of the content covers.
        assert!(
            error.code() == expected || ((5..9).contains(&at) && error == VaultError::Authentication),
            "{at}: {error}"
        );
    }
    for length in [0, 1, 104, 120, record.len() - 1] {
        assert!(vault.open(&LEFT, &record[..length]).is_err(), "{length}");
    }
    let mut longer = record.clone();
    longer.push(0);
    assert_eq!(vault.open(&LEFT, &longer), Err(VaultError::Authentication));
    longer.resize(1 << 20, 0);
    assert_eq!(vault.open(&LEFT, &longer).unwrap_err().code(), "vault_record_format");

    // Two records of one template have nothing in common but their numbers.
    let twin = vault.seal(&LEFT, &template, &mut rng(5));
    let equal = record[9..].iter().zip(&twin[9..]).filter(|(a, b)| a == b).count();
    assert!(equal < record.len() / 100, "{equal} equal bytes of {}", record.len());
}

/// A new master key, a new epoch, a new transform: at each step old records open, and at the end the old keys are worthless.
#[test]
fn keys_are_rotated_without_downtime() {
    let (old, new) = (MasterKey::generate(&mut rng(1)), MasterKey::generate(&mut rng(2)));
    let mut vault = Vault::create(&old, &mut rng(3)).unwrap();
    let template = eye(Layout::Columns256, 7);
    let record = vault.seal(&LEFT, &template, &mut rng(4));
    let backup = vault.keyring().clone();

    vault.add_master(&new, &[&old], &mut rng(5)).unwrap();
    for master in [&old, &new] {
        let other_process = Vault::unlock(vault.keyring(), &[master]).unwrap();
        assert_eq!(other_process.open(&LEFT, &record).unwrap(), template);
    }
    assert_eq!(vault.begin_epoch(&[&new], &mut rng(6)).unwrap_err(), VaultError::MasterKeyAbsent { id: old.id() });
    vault.begin_epoch(&[&old, &new], &mut rng(6)).unwrap();
    assert_eq!(vault.keyring().numbers(KeyKind::Epoch), [1, 2]);
    assert_eq!(vault.open(&LEFT, &record).unwrap(), template, "the old epoch is still there");

    let moved = vault.rewrap(&LEFT, &record, &mut rng(7)).unwrap().unwrap();
    assert_eq!(moved[81..], record[81..], "what the data key seals is not touched");
    assert_ne!(moved[9..81], record[9..81]);
    assert_eq!(vault.open(&LEFT, &moved).unwrap(), template);
    assert_eq!(vault.rewrap(&LEFT, &moved, &mut rng(7)).unwrap(), None, "it is there already");
    let elsewhere = RecordBinding { subject: 8, ..LEFT };
    assert_eq!(
        vault.rewrap(&elsewhere, &record, &mut rng(7)),
        Err(VaultError::Authentication),
        "nor can it be moved away"
    );

    vault.begin_deployment(&[&new, &old], &mut rng(8)).unwrap();
    let rekeyed = vault.rekey(&LEFT, &moved, &mut rng(9)).unwrap().unwrap();
    assert_eq!(SealedFacts::of(&rekeyed).unwrap(), SealedFacts { epoch: 2, deployment: 2 });
    assert_eq!(vault.open(&LEFT, &rekeyed).unwrap(), template);
    assert_eq!(vault.open_all(&[(LEFT, &record), (LEFT, &rekeyed)]).unwrap(), [template.clone(), template.clone()]);
    assert_eq!(vault.rekey(&LEFT, &rekeyed, &mut rng(9)).unwrap(), None);

    vault.drop_old_keys();
    vault.retire_master(old.id()).unwrap();
    assert_eq!(vault.retire_master(new.id()), Err(VaultError::LastMasterKey { id: new.id() }));
    let today = Keyring::from_bytes(&vault.keyring().to_bytes()).unwrap();
    assert_eq!(today.masters(), [new.id()]);
    let error = Vault::unlock(&today, &[&old]).unwrap_err();
    assert_eq!(error, VaultError::NoMasterKey { wanted_ids: vec![new.id()] });
    let vault = Vault::unlock(&today, &[&new]).unwrap();
    assert_eq!(vault.open(&LEFT, &rekeyed).unwrap(), template);
    assert_eq!(vault.open(&LEFT, &record), Err(VaultError::UnknownKey { kind: KeyKind::Epoch, number: 1 }));
    // A backup of before needs the old master key; with that destroyed, today's keys do not open it.
    assert_eq!(Vault::unlock(&backup, &[&new]).unwrap_err(), VaultError::NoMasterKey { wanted_ids: vec![old.id()] });
}

#[test]
fn a_keyring_has_one_spelling() {
    let master = MasterKey::generate(&mut rng(1));
    let mut vault = Vault::create(&master, &mut rng(2)).unwrap();
    vault.begin_epoch(&[&master], &mut rng(3)).unwrap();
    let good = vault.keyring().to_bytes();
    assert_eq!(Keyring::from_bytes(&good).unwrap(), *vault.keyring());
    for length in 0..good.len() {
        let error = Keyring::from_bytes(&good[..length]).unwrap_err();
        assert_eq!(error.code(), "vault_keyring_damaged", "{length}");
    }
    let refused = |at: usize, to: u8| {
        let mut bytes = good.clone();
        bytes[at] = to;
        Keyring::from_bytes(&bytes).unwrap_err().to_string()
    };
    assert!(refused(0, b'X').contains("PHKR"));
    assert!(refused(4, 2).contains("version 2"));
    assert!(refused(21, 0).contains("no or too many"));
    assert!(refused(22, 2).contains("no or too many"));
    assert!(refused(23, 9).contains("unknown kind"));
    assert!(refused(24, 9).contains("not in order"), "epoch 9 before epoch 2");
    assert!(refused(44, 0).contains("not in order") || refused(44, 0).contains("length"));
    let mut longer = good.clone();
    longer.push(0);
    assert!(Keyring::from_bytes(&longer).unwrap_err().to_string().contains("follows"));
    // Whatever byte is changed: it is refused here, or no key comes out of it.
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 0x80;
        let opened = Keyring::from_bytes(&bytes).and_then(|keyring| Vault::unlock(&keyring, &[&master]));
        assert!(opened.is_err(), "byte {at}");
    }
    assert!(!format!("{:?}", vault.keyring()).contains("wrapped"));
}

/// A key service in another process sees the key and its context, and its refusal arrives.
#[test]
fn a_key_service_takes_the_place_of_a_file() {
    struct Remote {
        inner: MasterKey,
        down: bool,
    }
    impl KeyService for Remote {
        fn id(&self) -> KeyId {
            KeyId::from_bytes(*b"arn:kms:key/0001")
        }
        fn wrap(
            &self,
            key: &KeyMaterial,
            context: &[u8],
            rng: &mut dyn CryptoRngCore,
        ) -> Result<Vec<u8>, KeyServiceError> {
            self.inner.wrap(key, context, rng).map(|wrapped| [b"remote:".as_slice(), &wrapped].concat())
        }
        fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<KeyMaterial, KeyServiceError> {
            if self.down {
                return Err(KeyServiceError::Unavailable { detail: "no route".into() });
            }
            self.inner.unwrap(wrapped.strip_prefix(b"remote:").ok_or(KeyServiceError::Refused)?, context)
        }
    }
    let mut remote = Remote { inner: MasterKey::generate(&mut rng(1)), down: false };
    let mut vault = Vault::create(&remote, &mut rng(2)).unwrap();
    // A file in a safe beside the service: either opens the registry.
    let safe = MasterKey::generate(&mut rng(3));
    vault.add_master(&safe, &[&remote], &mut rng(4)).unwrap();
    let record = vault.seal(&LEFT, &eye(Layout::Columns200, 1), &mut rng(5));
    let keyring = Keyring::from_bytes(&vault.keyring().to_bytes()).unwrap();
    assert!(Vault::unlock(&keyring, &[&remote]).unwrap().open(&LEFT, &record).is_ok());
    remote.down = true;
    assert_eq!(Vault::unlock(&keyring, &[&remote]).unwrap_err().code(), "vault_key_service_unavailable");
    assert!(Vault::unlock(&keyring, &[&remote, &safe]).unwrap().open(&LEFT, &record).is_ok(), "the other one is asked");
}

#[test]
fn a_master_key_file_is_private_whole_and_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    let master = MasterKey::generate(&mut rng(1));
    master.write_new(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(MasterKey::read(&path).unwrap().id(), master.id());

    let error = MasterKey::generate(&mut rng(2)).write_new(&path).unwrap_err();
    assert!(matches!(error, MasterKeyError::AlreadyExists { .. }));
    assert_eq!(MasterKey::read(&path).unwrap().id(), master.id(), "it was not touched");

    let good = fs::read(&path).unwrap();
    let reads = |content: &[u8]| {
        fs::write(&path, content).unwrap();
        MasterKey::read(&path).map(|_| ()).unwrap_err()
    };
    let changed = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    assert!(matches!(reads(&good[..44]), MasterKeyError::Length { expected: 45, found: 44 }));
    assert!(matches!(reads(&[good.as_slice(), b"\n"].concat()), MasterKeyError::Length { found: 46, .. }));
    assert!(matches!(reads(&[0; 1 << 16]), MasterKeyError::Length { .. }), "a large file is not read whole");
    assert!(matches!(reads(&changed(0)), MasterKeyError::NotAMasterKey));
    assert!(matches!(reads(&changed(4)), MasterKeyError::Version { found: 0, supported: 1 }));
    for at in 5..45 {
        assert!(matches!(reads(&changed(at)), MasterKeyError::Checksum), "byte {at}");
    }
    fs::write(&path, &good).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(MasterKey::read(&path).map(|_| ()), Err(MasterKeyError::UnsafePermissions { mode: 0o640, .. })));
    assert!(matches!(MasterKey::read(folder.path().join("none")).map(|_| ()), Err(MasterKeyError::Io { .. })));

    let text: String = good.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(MasterKey::from_text(&text).unwrap().id(), master.id());
    for wrong in [text.to_uppercase(), format!("{text}\n"), text[..88].to_owned(), String::new()] {
        assert!(matches!(MasterKey::from_text(&wrong).map(|_| ()), Err(MasterKeyError::Text { expected: 90 })));
    }
}

/// Keys that differ in one bit make of one template what two coins would.
#[test]
fn two_deployments_have_nothing_in_common() {
    let mut random = rng(9);
    let (mut same_place, mut same_bits) = (0, 0_u32);
    for _ in 0..20 {
        let mut seed = [0; 32];
        random.fill_bytes(&mut seed);
        let first = DeploymentKey::new(&KeyMaterial::new(&seed));
        seed[31] ^= 1;
        let second = DeploymentKey::new(&KeyMaterial::new(&seed));
        assert_ne!(first.id(), second.id());
        let one = eye(Layout::Columns200, 1);
        let bits = |key: &DeploymentKey| key.protect(&one).to_bytes()[37..37 + 1600].to_vec();
        let differing: u32 = bits(&first).iter().zip(bits(&second)).map(|(a, b)| (a ^ b).count_ones()).sum();
        same_bits += 12_800 - differing;
        same_place += i32::from(first.probe(&one, 0).counts(&second.protect(&one)).is_ok());
    }
    assert_eq!(same_place, 0, "and nobody compares them by mistake");
    // 256,000 bits, half of them equal, deviation 253: four of them.
    assert!(same_bits.abs_diff(128_000) < 1012, "{same_bits}");
}
