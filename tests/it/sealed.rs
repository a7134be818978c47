//! A registry whose templates are sealed: what lies on the disk, what keys do, what is left of somebody who is gone.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use personhood::iris::IrisTemplate;
use personhood::registry::{EnrollError, EnrollRequest, EnrolmentClass, Registry, RegistryError, RegistryPolicy};
use personhood::store::{
    MemoryStore, NewDecision, PersonChange, PersonId, PersonStep, PolicyId, ReadStore as _, Resealed, SealedStore,
    SharedKeyService, SqliteStore, Store, StoreError, WriteTransaction as _,
};
use personhood::tree::Tree;
use personhood::vault::{KeyKind, MasterKey, VaultError};
use rand_core::OsRng;
use serde_json::Value;
use tempfile::TempDir;

use crate::people::{again, commitment, eye};

const NOW: u64 = 1_700_000_000;

fn key() -> SharedKeyService {
    Arc::new(MasterKey::generate(&mut OsRng))
}

fn request(person: u64) -> EnrollRequest {
    EnrollRequest {
        left: Some(eye(2 * person)),
        right: Some(eye(2 * person + 1)),
        commitment: commitment(person),
        class: EnrolmentClass::BothEyes,
        issued_at: NOW,
        expires_at: NOW + 1_000_000,
    }
}

fn is_refused<S: Store>(registry: &mut Registry<S>, person: u64) -> bool {
    let recaptured = |number| Some(again(&eye(number), person + 50, 3, 1));
    let request = EnrollRequest {
        left: recaptured(2 * person),
        right: recaptured(2 * person + 1),
        commitment: commitment(person + 500),
        ..request(person)
    };
    matches!(registry.enroll(request), Err(EnrollError::Duplicate { person: found, .. }) if found.as_u64() == person + 1)
}

/// Every 16 bytes of a template's code, in steps of 8, as they would lie in a record in clear.
fn traces(template: &IrisTemplate) -> Vec<[u8; 16]> {
    let code: Vec<u8> = template.code().columns().iter().flat_map(|word| word.to_le_bytes()).collect();
    code.windows(16).step_by(8).map(|window| window.try_into().unwrap()).collect()
}

/// Whether anything of the template is in the bytes.
fn shows(bytes: &[u8], template: &IrisTemplate) -> bool {
    let traces: std::collections::HashSet<[u8; 16]> = traces(template).into_iter().collect();
    bytes.windows(16).any(|window| traces.contains(window))
}

/// A database with its log and whatever else lies beside it.
fn whole(folder: &Path) -> Vec<u8> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.is_file()).flat_map(|path| fs::read(path).unwrap()).collect()
}

fn erase<S: Store>(store: &mut S, person: u64) {
    let person = PersonId::new(person).unwrap();
    let root = store.roots_since(personhood::store::Sequence::START, 1_000).unwrap().pop().unwrap();
    let mut tree = Tree::new();
    for record in store.people_since(0, 1_000).unwrap() {
        let leaf = record.leaf.unwrap();
        tree.push(leaf.leaf).unwrap();
        if record.person == person {
            tree.remove(leaf.index).unwrap();
        }
    }
    let mut transaction = store.begin().unwrap();
    let decision = NewDecision {
        at: NOW,
        operator: "desk",
        action: "erase",
        outcome: "accepted",
        person: None,
        policy: PolicyId::new(1).unwrap(),
        software: "test",
        details: "{}",
    };
    let change = PersonChange { person, step: PersonStep::Erase, root: tree.root(), root_at: root.at, decision };
    transaction.change_person(change).unwrap();
    transaction.commit().unwrap();
}

#[test]
fn nothing_of_an_eye_lies_on_the_disk() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("registry");
    let master = key();
    let store = SealedStore::create(SqliteStore::create(&file).unwrap(), vec![master.clone()]).unwrap();
    let mut registry = Registry::create(store, RegistryPolicy::default(), NOW).unwrap();
    for person in 0..5 {
        let _ = registry.enroll(request(person)).unwrap();
    }
    assert!(is_refused(&mut registry, 3), "the gallery holds plain bits");
    for number in 0..10 {
        assert!(!shows(&whole(folder.path()), &eye(number)), "eye {number}");
    }
    drop(registry);

    // The search for traces finds them where they are: the same people in clear.
    let clear = TempDir::new().unwrap();
    let store = SqliteStore::create(clear.path().join("registry")).unwrap();
    let mut registry = Registry::create(store, RegistryPolicy::default(), NOW).unwrap();
    let _ = registry.enroll(request(0)).unwrap();
    assert!(shows(&whole(clear.path()), &eye(0)) && shows(&whole(clear.path()), &eye(1)));

    let open = |keys: Vec<SharedKeyService>| SealedStore::open(SqliteStore::open(&file).unwrap(), keys);
    let mut registry = Registry::open(open(vec![key(), master.clone()]).unwrap()).unwrap();
    assert!((0..5).all(|person| is_refused(&mut registry, person)));
    let error = open(vec![key()]).map(drop).unwrap_err();
    assert!(matches!(error, StoreError::Vault(VaultError::NoMasterKey { wanted_ids }) if wanted_ids == [master.id()]));
    // A program that knows nothing of keys is told so, and does not take noise for eyes.
    let error = Registry::open(SqliteStore::open(&file).unwrap()).map(drop).unwrap_err();
    assert!(error.to_string().contains("master key"), "{error}");
}

/// Two records exchanged, or an old version put back, by somebody who can write the database and has no key.
#[test]
fn records_that_were_moved_do_not_open() {
    let inner = MemoryStore::new();
    let store = SealedStore::create(inner.clone(), vec![key()]).unwrap();
    let mut registry = Registry::create(store, RegistryPolicy::default(), NOW).unwrap();
    for person in 0..2 {
        let _ = registry.enroll(request(person)).unwrap();
    }
    let mut bare = inner;
    let numbers = [1, 2].map(|number| PersonId::new(number).unwrap());
    let [first, second] = numbers.map(|number| bare.person(number).unwrap().unwrap().templates);
    let mut transaction = bare.begin().unwrap();
    transaction.replace_records(numbers[0], second).unwrap();
    transaction.replace_records(numbers[1], first).unwrap();
    transaction.commit().unwrap();
    let error = registry.store().person(numbers[0]).unwrap_err();
    assert!(error.to_string().contains("template of person 1"), "{error}");
    assert_eq!(error.code(), "store_damaged");
}

/// A registry that an earlier release wrote: it opens as it is, is sealed while it is in use, and the work may be cut short.
#[test]
fn a_registry_in_clear_is_sealed_in_place() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("registry");
    let mut registry = Registry::create(SqliteStore::create(&file).unwrap(), RegistryPolicy::default(), NOW).unwrap();
    for person in 0..70 {
        let _ =
            registry.enroll(EnrollRequest { left: None, class: EnrolmentClass::OneEye, ..request(person) }).unwrap();
    }
    drop(registry);
    let master = key();
    let open = || SealedStore::open(SqliteStore::open(&file).unwrap(), vec![master.clone()]).unwrap();
    assert!(open().vault().is_none());
    let mut registry = Registry::open(open()).unwrap();
    let _ = registry.enroll(request(80)).unwrap();
    drop(registry);

    let mut store = SealedStore::create(SqliteStore::open(&file).unwrap(), vec![master.clone()]).unwrap();
    assert!(matches!(
        SealedStore::create(SqliteStore::open(&file).unwrap(), vec![master.clone()]).map(drop),
        Err(StoreError::Conflict { .. })
    ));
    // Stopped after the first batch, as if the process had died.
    let stopped =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| store.seal_everything(|_| panic!("stopped"))));
    assert!(stopped.is_err());
    let sealed = |store: &SealedStore<SqliteStore>| {
        let people = store.inner().people_since(0, 100).unwrap();
        people.iter().filter(|person| person.templates.right.as_ref().is_some_and(|record| record.is_sealed())).count()
    };
    assert_eq!(sealed(&store), 64);
    let mut registry = Registry::open(open()).unwrap();
    let _ = registry.enroll(request(81)).unwrap();
    let mut store = open();
    assert_eq!(store.seal_everything(|_| {}).unwrap(), Resealed { records: 6 + 2, unchanged: 64 + 2 });
    assert_eq!(sealed(&store), 72);
    for number in [1, 139, 160, 161] {
        assert!(!shows(&whole(folder.path()), &eye(number)), "eye {number} is in a page that was freed, or in the log");
    }
    let mut registry = Registry::open(open()).unwrap();
    assert!(matches!(registry.enroll(request(80)), Err(EnrollError::Duplicate { .. })));
}

/// Master key, epoch and transform change while another process goes on enrolling with what it knows.
#[test]
fn keys_change_under_a_registry_that_is_in_use() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("registry");
    let (old, new) = (key(), key());
    let store = SealedStore::create(SqliteStore::create(&file).unwrap(), vec![old.clone()]).unwrap();
    let mut desk = Registry::create(store, RegistryPolicy::default(), NOW).unwrap();
    for person in 0..3 {
        let _ = desk.enroll(request(person)).unwrap();
    }
    let copy = folder.path().join("copy");
    desk.store().inner().back_up(&copy).unwrap();
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);

    // The administrator, in another process; both keys are there until the end.
    let mut admin = SealedStore::open(SqliteStore::open(&file).unwrap(), vec![old.clone()]).unwrap();
    admin.add_master(new.clone()).unwrap();
    admin.begin_epoch().unwrap();
    let _ = desk.enroll(request(3)).unwrap();
    admin.begin_deployment().unwrap();
    let _ = desk.enroll(request(4)).unwrap();
    assert!(is_refused(&mut desk, 0) && is_refused(&mut desk, 4));
    let moved = admin.seal_everything(|_| {}).unwrap();
    assert_eq!(moved, Resealed { records: 8, unchanged: 2 }, "the last newcomer came after the last new key");
    let _ = desk.enroll(request(5)).unwrap();
    admin.retire_master(old.id()).unwrap();

    let other = Registry::open(SealedStore::open(SqliteStore::open(&file).unwrap(), vec![new.clone()]).unwrap());
    let mut other = other.unwrap();
    assert!((0..6).all(|person| is_refused(&mut other, person)));
    let vault = other.store().vault().unwrap();
    assert_eq!(vault.keyring().masters(), [new.id()]);
    assert_eq!(vault.keyring().numbers(KeyKind::Epoch), [2]);
    assert_eq!(vault.keyring().numbers(KeyKind::Deployment), [2]);
    // The desk has the old master key only: it is told, and does nothing wrong.
    let error = desk.enroll(request(6)).unwrap_err();
    assert!(
        matches!(error, EnrollError::Registry(RegistryError::Store(StoreError::Vault(VaultError::NoMasterKey { .. })))),
        "{error}"
    );
    // The copy of before is opened by the old master key alone.
    let open_copy = |key: &SharedKeyService| SealedStore::open(SqliteStore::open(&copy).unwrap(), vec![key.clone()]);
    assert!(open_copy(&new).is_err());
    assert_eq!(Registry::open(open_copy(&old).unwrap()).unwrap().status().unwrap().people, 3);
}

/// After an erasure: the database, its log, a backup of after; and a backup of before, once the keys were changed.
#[test]
fn what_was_erased_is_found_nowhere() {
    let folder = TempDir::new().unwrap();
    let place = TempDir::new().unwrap();
    let file = place.path().join("registry");
    let (old, new) = (key(), key());
    let store = SealedStore::create(SqliteStore::create(&file).unwrap(), vec![old.clone()]).unwrap();
    let mut registry = Registry::create(store, RegistryPolicy::default(), NOW).unwrap();
    for person in 0..3 {
        let _ = registry.enroll(request(person)).unwrap();
    }
    drop(registry);
    let open =
        |key: &SharedKeyService| SealedStore::open(SqliteStore::open(&file).unwrap(), vec![key.clone()]).unwrap();
    let mut store = open(&old);
    // The sealed record, whose first 81 bytes hold the data key.
    let record = |store: &SealedStore<SqliteStore>, person: u64| {
        let person = store.inner().person(PersonId::new(person).unwrap()).unwrap().unwrap();
        person.templates.left.map(|record| record.as_bytes().to_vec())
    };
    let (gone, stays) = (record(&store, 2).unwrap(), record(&store, 1).unwrap());
    let holds = |bytes: &[u8], record: &[u8]| {
        // In pieces, since a page's own bytes lie between them; the data key is in the first.
        [&record[9..81], &record[200..232], &record[record.len() - 40..]]
            .map(|part| bytes.windows(part.len()).any(|window| window == part))
    };
    assert_eq!(holds(&whole(place.path()), &gone), [true; 3], "the search finds what is there");
    let before = folder.path().join("before");
    store.inner().back_up(&before).unwrap();

    erase(&mut store, 2);
    store.scrub().unwrap();
    assert_eq!(record(&store, 2), None);
    assert_eq!(holds(&whole(place.path()), &gone), [false; 3], "no byte of its data key or content is left");
    assert_eq!(holds(&whole(place.path()), &stays), [true; 3]);
    let after = folder.path().join("after");
    store.inner().back_up(&after).unwrap();
    assert_eq!(holds(&fs::read(&after).unwrap(), &gone), [false; 3]);

    // A copy of before still has the record and its wrapped data key. Changing keys, and destroying the old master key, closes it.
    assert_eq!(holds(&fs::read(&before).unwrap(), &gone), [true; 3]);
    store.add_master(new.clone()).unwrap();
    store.begin_epoch().unwrap();
    store.seal_everything(|_| {}).unwrap();
    store.retire_master(old.id()).unwrap();
    drop(old);
    let closed = SealedStore::open(SqliteStore::open(&before).unwrap(), vec![new.clone()]).map(drop);
    assert!(matches!(closed, Err(StoreError::Vault(VaultError::NoMasterKey { .. }))));
    // Nor does anything that the living registry still knows open that record.
    let vault = open(&new).vault().unwrap();
    let left = personhood::vault::RecordBinding {
        kind: personhood::vault::RecordKind::Enrolled,
        subject: 2,
        eye: personhood::iris::EyeSide::Left,
        version: 1,
    };
    assert_eq!(vault.open(&left, &gone), Err(VaultError::UnknownKey { kind: KeyKind::Epoch, number: 1 }));
}

/// Of which of some eyes a part of the template lies anywhere in the memory that a process may write.
fn in_memory(process: u32, eyes: &[u64]) -> Vec<u64> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let mut memory = fs::File::open(format!("/proc/{process}/mem")).unwrap();
    let parts = |number: &u64| {
        let traces = traces(&eye(*number));
        [3, traces.len() / 2, traces.len() - 3].map(|at| (*number, traces[at]))
    };
    let needles: Vec<(u64, [u8; 16])> = eyes.iter().flat_map(parts).collect();
    // Nearly every place is ruled out by its first two bytes.
    let mut begins = vec![false; 1 << 16];
    for (_, needle) in &needles {
        begins[usize::from(u16::from_le_bytes([needle[0], needle[1]]))] = true;
    }
    let mut found = Vec::new();
    for line in maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|mode| mode.starts_with("rw"))) {
        let (from, to) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let [from, to] = [from, to].map(|digits| u64::from_str_radix(digits, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
        // A few special regions cannot be read.
        if memory.seek(SeekFrom::Start(from)).and_then(|_| memory.read_exact(&mut bytes)).is_err() {
            continue;
        }
        for window in bytes.windows(16) {
            if begins[usize::from(u16::from_le_bytes([window[0], window[1]]))] {
                found.extend(needles.iter().filter(|(_, needle)| needle == window).map(|(number, _)| *number));
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// A desk that stays open while somebody is erased by another process.
#[test]
fn keeper() {
    let Some((role, file)) = crate::people::role() else { return };
    let mut lines = std::io::stdin().lines();
    let master: SharedKeyService = Arc::new(MasterKey::read(file.with_extension("key")).unwrap());
    let store = SealedStore::open(SqliteStore::open(&file).unwrap(), vec![master]).unwrap();
    let mut registry = Registry::open(store).unwrap();
    // What the search for traces must find: the templates of the second person, as somebody holds them who asked for them.
    let held = (role == "holds").then(|| registry.store().person(PersonId::new(2).unwrap()).unwrap());
    println!("ready");
    lines.next().unwrap().unwrap();
    if role == "erases" {
        let _erased = registry.erase(PersonId::new(2).unwrap(), NOW, "asked").unwrap();
    }
    registry.refresh().unwrap();
    println!("refreshed");
    lines.next().unwrap().unwrap();
    drop(held);
}

/// A process that opened the registry, searches in it, and learns of an erasure, has no template of anybody in memory but in the
/// transposed form of its gallery, whose place is overwritten.
#[cfg(target_os = "linux")]
#[test]
fn no_template_stays_in_the_memory_of_an_open_registry() {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::process::Stdio;
    let place = TempDir::new().unwrap();
    let file = place.path().join("registry");
    let master = Arc::new(MasterKey::generate(&mut OsRng));
    master.write_new(file.with_extension("key")).unwrap();
    let store = SealedStore::create(SqliteStore::create(&file).unwrap(), vec![master.clone()]).unwrap();
    let mut registry = Registry::create(store, RegistryPolicy::default(), NOW).unwrap();
    for person in 0..3 {
        let _ = registry.enroll(request(person)).unwrap();
    }
    drop(registry);
    // Person 2 has eyes 2 and 3. First a process that holds the template, so that the search is known to find one.
    let copy = place.path().join("copy");
    fs::copy(&file, &copy).unwrap();
    for (role, erased) in [("holds", false), ("searches", true), ("erases", true)] {
        if role == "erases" {
            // The process that erases, from the beginning on: everybody is there again.
            for beside in ["registry-wal", "registry-shm"] {
                let _ = fs::remove_file(place.path().join(beside));
            }
            fs::copy(&copy, &file).unwrap();
        }
        let mut child = crate::people::actor("sealed::keeper", role, &file).stdin(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        // The harness may have begun the line with the name of the test.
        let mut wait = |word: &str| while !said.next().unwrap().unwrap().ends_with(word) {};
        wait("ready");
        let all = [0, 1, 2, 3, 4, 5];
        assert_eq!(in_memory(child.id(), &all), if erased { vec![] } else { vec![2, 3] }, "{role}: after opening");
        if erased {
            if role == "searches" {
                let mut store = SealedStore::open(SqliteStore::open(&file).unwrap(), vec![master.clone()]).unwrap();
                erase(&mut store, 2);
            }
            writeln!(child.stdin.as_ref().unwrap()).unwrap();
            wait("refreshed");
            assert_eq!(in_memory(child.id(), &all), Vec::<u64>::new(), "{role}: after the erasure");
            let store = SqliteStore::open_read_only(&file).unwrap();
            let person = store.person(PersonId::new(2).unwrap()).unwrap().unwrap();
            assert_eq!(person.status, personhood::store::PersonStatus::Erased, "{role}");
        } else {
            writeln!(child.stdin.as_ref().unwrap()).unwrap();
            wait("refreshed");
        }
        writeln!(child.stdin.as_ref().unwrap()).unwrap();
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    }
}

fn program(arguments: &[&str], environment: &[(&str, &str)]) -> (i32, Value, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_personhood"))
        .env_clear()
        .envs(environment.iter().copied())
        .args(arguments)
        .arg("--json")
        .output()
        .unwrap();
    let document = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code().unwrap(), document, String::from_utf8(output.stderr).unwrap())
}

#[track_caller]
fn done(arguments: &[&str]) -> Value {
    let (code, document, stderr) = program(arguments, &[]);
    assert_eq!(code, 0, "{arguments:?}: {document} {stderr}");
    document
}

#[track_caller]
fn fails(arguments: &[&str], environment: &[(&str, &str)], with: &str) {
    let (code, document, stderr) = program(arguments, environment);
    assert_ne!(code, 0, "{arguments:?}: {document}");
    assert_eq!(document["error"]["code"], with, "{arguments:?}: {document} {stderr}");
}

#[test]
fn the_program_makes_keys_rotates_them_and_restores_backups() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| -> PathBuf { folder.path().join(name) };
    let text = |name: &str| path(name).to_str().unwrap().to_owned();
    let (registry, copy, again, second) = (text("people"), text("copy"), text("again"), text("second.key"));
    let made = done(&["init", "--registry", &registry]);
    let beside = path("people.master-key");
    assert_eq!(made["master_key_file"], beside.canonicalize().unwrap().to_str().unwrap());
    assert_eq!(fs::metadata(&beside).unwrap().permissions().mode() & 0o777, 0o600);
    fails(&["init", "--registry", &registry], &[], "store_already_exists");
    let eyes = |person: &str, picture: &str| {
        ["left", "right"].map(|side| format!("testdata/eyes/{person}/{side}-{picture}.png"))
    };
    let [left, right] = eyes("person-01", "1");
    let secret = text("secret");
    done(&["identity", "new", &secret]);
    done(&["enroll", "--registry", &registry, "--left", &left, "--right", &right, "--identity", &secret]);
    let status = done(&["status", "--registry", &registry]);
    assert_eq!((&status["sealed"], &status["people"]), (&Value::Bool(true), &Value::from(1)));
    assert!(status["fpir"]["high"].as_f64().unwrap() < 1e-4, "{status}");

    let keys = done(&["key", "status", "--registry", &registry]);
    assert_eq!(keys["keys"]["master_keys"][0], made["master_key"]);
    assert_eq!(keys["keys"]["epochs"], serde_json::json!([1]));
    let backup = done(&["backup", "create", "--registry", &registry, &copy]);
    assert_eq!((&backup["people"], &backup["root"]), (&Value::from(1), &status["root"]));
    fails(&["backup", "create", "--registry", &registry, &copy], &[], "store_already_exists");
    fails(&["backup", "restore", "--registry", &registry, &copy], &[], "store_already_exists");

    // Without its key, with another one, and with the right one by either way into the environment.
    let hidden = path("hidden");
    fs::rename(&beside, &hidden).unwrap();
    fails(&["status", "--registry", &registry], &[], "vault_no_master_key");
    done(&["key", "new", &second]);
    fails(&["status", "--registry", &registry, "--master-key", &second], &[], "vault_no_master_key");
    let hex: String = fs::read(&hidden).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
    for environment in
        [("PERSONHOOD_MASTER_KEY", hex.as_str()), ("PERSONHOOD_MASTER_KEY_FILE", hidden.to_str().unwrap())]
    {
        assert_eq!(program(&["status", "--registry", &registry], &[environment]).0, 0, "{}", environment.0);
    }
    fails(&["status", "--registry", &registry], &[("PERSONHOOD_MASTER_KEY", "00")], "master_key_text");
    fs::set_permissions(&hidden, fs::Permissions::from_mode(0o644)).unwrap();
    fails(
        &["status", "--registry", &registry, "--master-key", hidden.to_str().unwrap()],
        &[],
        "master_key_unsafe_permissions",
    );
    fs::set_permissions(&hidden, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(&hidden, &beside).unwrap();

    let rekeyed = done(&["key", "rekey", "--registry", &registry]);
    assert_eq!(rekeyed["moved"]["records"], 2);
    assert_ne!(rekeyed["keys"]["deployment_key"], keys["keys"]["deployment_key"]);
    let rotated = done(&["key", "rotate", "--registry", &registry, "--new-master-key", &second]);
    assert_eq!((&rotated["moved"]["records"], &rotated["retired"][0]), (&Value::from(2), &made["master_key"]));
    fails(&["status", "--registry", &registry], &[], "vault_no_master_key");
    let status = done(&["status", "--registry", &registry, "--master-key", &second]);
    assert_eq!(status["people"], 1);
    let [left, right] = eyes("person-01", "2");
    let arguments = ["enroll", "--registry", &registry, "--left", &left, "--right", &right, "--identity", &secret];
    let (code, document, _) = program(&[&arguments[..], &["--master-key", &second]].concat(), &[]);
    assert_eq!((code, &document["result"]), (1, &Value::from("duplicate")));

    // The backup is of the old key.
    fails(&["backup", "verify", "--registry", &registry, &copy, "--master-key", &second], &[], "vault_no_master_key");
    done(&["backup", "verify", "--registry", &registry, &copy]);
    let old = beside.to_str().unwrap();
    fails(&["backup", "restore", "--registry", &again, &copy, "--master-key", old], &[], "erasures_unknown");
    let restored = done(&["backup", "restore", "--registry", &again, &copy, "--nobody-erased", "--master-key", old]);
    assert_eq!(restored["root"], backup["root"]);
    assert_eq!(done(&["status", "--registry", &again, "--master-key", old])["people"], 1);
    // A copy in which one byte of a record is another one is no backup.
    let mut bytes = fs::read(&copy).unwrap();
    let length = bytes.len();
    let at = (0..length - 9).rev().find(|at| bytes[*at..*at + 9] == [2, 1, 0, 0, 0, 1, 0, 0, 0]).unwrap();
    bytes[at + 400] ^= 1;
    fs::write(path("bad"), &bytes).unwrap();
    fs::set_permissions(path("bad"), fs::Permissions::from_mode(0o600)).unwrap();
    fails(
        &["backup", "restore", "--registry", &text("third"), &text("bad"), "--nobody-erased", "--master-key", old],
        &[],
        "store_damaged",
    );
    assert!(!path("third").join("registry.sqlite3").exists());

    let export = text("export");
    let exported =
        done(&["subject", "export", "--registry", &registry, "1", "--out", &export, "--master-key", &second]);
    assert_eq!((&exported["templates"], &exported["changes"]), (&Value::from(2), &Value::from(1)));
    assert_eq!(fs::metadata(&export).unwrap().permissions().mode() & 0o777, 0o600);
    let document: Value = serde_json::from_slice(&fs::read(&export).unwrap()).unwrap();
    assert_eq!(document["decisions"].as_array().unwrap().len(), 2, "the enrolment, and the duplicate that was refused");
    fs::write(path("left.json"), document["templates"]["left"].to_string()).unwrap();
    let same = done(&["compare", &left, path("left.json").to_str().unwrap()]);
    assert_eq!(same["answer"], "match");
    fails(
        &["subject", "export", "--registry", &registry, "9", "--out", &text("x"), "--master-key", &second],
        &[],
        "unknown_person",
    );

    fails(
        &["receipt", "issue", "--registry", &registry, "1", "--out", &text("r"), "--master-key", &second],
        &[],
        "receipt_not_erased",
    );
}

/// Erasing through the registry leaves nothing in database, log and later copies, without anybody asking for it; and a copy of
/// before does not bring the person back.
#[test]
fn who_was_erased_stays_erased() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| -> PathBuf { folder.path().join(name) };
    let text = |name: &str| path(name).to_str().unwrap().to_owned();
    let registry = text("people");
    done(&["init", "--registry", &registry]);
    for person in 1..=3 {
        let (left, right) = (
            format!("testdata/eyes/person-0{person}/left-1.png"),
            format!("testdata/eyes/person-0{person}/right-1.png"),
        );
        let secret = text(&format!("secret-{person}"));
        done(&["identity", "new", &secret]);
        done(&["enroll", "--registry", &registry, "--left", &left, "--right", &right, "--identity", &secret]);
    }
    let database = path("people").join("registry.sqlite3");
    let record = |person: u64| {
        let store = SqliteStore::open_read_only(&database).unwrap();
        let person = store.person(PersonId::new(person).unwrap()).unwrap().unwrap();
        person.templates.right.map(|record| record.as_bytes().to_vec())
    };
    let gone = record(2).unwrap();
    let holds = |bytes: &[u8]| {
        [&gone[9..81], &gone[200..232], &gone[gone.len() - 40..]]
            .iter()
            .any(|part| bytes.windows(part.len()).any(|window| window == *part))
    };
    assert!(holds(&whole(&path("people"))));
    let before = text("before");
    done(&["backup", "create", "--registry", &registry, &before]);

    let receipt = text("receipt.json");
    let erased = done(&["erase", "--registry", &registry, "--person", "2", "--reason", "asked", "--receipt", &receipt]);
    assert_eq!((&erased["scrubbed"], &erased["receipt"]["person"]), (&Value::Bool(true), &Value::from(2)));
    let key = done(&["key", "status", "--registry", &registry])["keys"]["verifying_key"].as_str().unwrap().to_owned();
    done(&["receipt", "verify", &receipt, "--key", &key]);
    assert!(!holds(&whole(&path("people"))), "database, log, and the list of erasures");
    let after = text("after");
    done(&["backup", "create", "--registry", &registry, &after]);
    assert!(!holds(&fs::read(&after).unwrap()) && holds(&fs::read(&before).unwrap()));
    done(&["check", "--registry", &registry]);

    // The copy of before in the place of the registry: its list says who is gone.
    let list = path("people").join("erasures.jsonl");
    let kept = fs::read_to_string(&list).unwrap();
    assert_eq!(kept.lines().count(), 1);
    for name in ["registry.sqlite3", "registry.sqlite3-wal", "registry.sqlite3-shm"] {
        let _ = fs::remove_file(path("people").join(name));
    }
    let restored = done(&["backup", "restore", "--registry", &registry, &before]);
    assert_eq!(restored["erased_again"], serde_json::json!([2]));
    assert!(!holds(&whole(&path("people"))));
    let checked = done(&["check", "--registry", &registry]);
    assert_eq!(checked["findings"], serde_json::json!([]));
    let status = done(&["status", "--registry", &registry]);
    assert_eq!((&status["people"], &status["census"]["erased"]), (&Value::from(2), &Value::from(1)));

    // Elsewhere, with the list from elsewhere; and told that nobody was erased, a check says what came back.
    let (there, master) = (text("there"), text("people.master-key"));
    let restore = ["backup", "restore", "--registry", &there, &before, "--master-key", &master];
    fails(&restore, &[], "erasures_unknown");
    fs::write(path("list"), &kept).unwrap();
    let restored = done(&[&restore[..], &["--erased", &text("list")]].concat());
    assert_eq!(restored["erased_again"], serde_json::json!([2]));
    let careless = text("careless");
    done(&["backup", "restore", "--registry", &careless, &before, "--master-key", &master, "--nobody-erased"]);
    fs::write(path("careless").join("erasures.jsonl"), &kept).unwrap();
    let (code, checked, _) = program(&["check", "--registry", &careless, "--master-key", &master], &[]);
    assert!(code == 1 && checked["findings"][0].as_str().unwrap().contains("copy of before"), "{checked}");
    // Nobody puts anybody on the list: each line is signed.
    fs::write(path("list"), kept.replace("\"person\":2", "\"person\":3")).unwrap();
    let forged = ["backup", "restore", "--registry", &text("forged"), &before, "--master-key", &master];
    fails(&[&forged[..], &["--erased", &text("list")]].concat(), &[], "receipt_signature");
    // A list that was lost is written again from the registry.
    fs::remove_file(&list).unwrap();
    let (code, checked, _) = program(&["check", "--registry", &registry], &[]);
    assert!(code == 1 && checked["findings"][0].as_str().unwrap().contains("not in the list"), "{checked}");
    done(&["backup", "create", "--registry", &registry, &text("later")]);
    done(&["check", "--registry", &registry]);
}

#[test]
fn a_threshold_is_found_for_a_wanted_rate() {
    let answer =
        |people: &str| done(&["threshold", "--people", people, "--fpir", "0.001"])["threshold"].as_f64().unwrap();
    assert!(answer("1000000") < answer("1000"));
    assert!((0.30..0.37).contains(&answer("1000000")), "{}", answer("1000000"));
    fails(&["threshold", "--people", "10", "--fpir", "1.5"], &[], "threshold_invalid");
    let (code, ..) = program(&["threshold", "--fpir", "0.001"], &[]);
    assert_eq!(code, 2, "a number of people or a registry is needed");
}
