#![allow(clippy::unwrap_used)]

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;

use super::super::entry::Entry;
use super::super::entry::tests::{life, root};
use super::super::folder::{LogWriter, add_cosignatures};
use super::super::key::LogSigningKey;
use super::super::rules::LoggedRoots;
use super::*;

const NOW: u64 = 1_900_000_000;

fn log_key(seed: u64) -> LogSigningKey {
    LogSigningKey::generate("log.example/people", &mut ChaCha20Rng::seed_from_u64(seed)).unwrap()
}

fn witness_key(number: u64) -> WitnessSigningKey {
    WitnessSigningKey::generate(&format!("w.example/{number}"), &mut ChaCha20Rng::seed_from_u64(100 + number)).unwrap()
}

fn witness(number: u64) -> Witness<MemoryWitnessStore> {
    Witness::new(witness_key(number), vec![log_key(1).public()], MemoryWitnessStore::default())
}

fn log(folder: &std::path::Path, entries: &[Entry]) -> LogWriter {
    LogWriter::create(folder, log_key(1), entries).unwrap()
}

fn ask(witness: &mut Witness<impl WitnessStore>, request: &WitnessRequest) -> WitnessAnswer {
    witness.add_checkpoint(&request.to_bytes(), NOW)
}

#[test]
fn a_log_that_grows_is_cosigned_and_anything_else_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let life = life(40);
    let mut writer = log(folder.path(), &life[..5]);
    let mut witness = witness(1);
    let first = writer.log().witness_request(0).unwrap();
    let answer = ask(&mut witness, &first);
    assert_eq!((answer.status, answer.content_type), (200, "text/plain; charset=utf-8"));
    let mut checkpoint = first.checkpoint.clone();
    assert_eq!(checkpoint.add_cosignatures(&answer.body, &[witness.public()]).unwrap(), 1);
    assert_eq!(checkpoint.cosignatures(&[witness.public()]).unwrap()[0].at, NOW);

    // The same again is fine, as long as the old size is said.
    let conflict = ask(&mut witness, &first);
    assert_eq!((conflict.status, conflict.content_type, conflict.body), (409, "text/x.tlog.size", b"5\n".to_vec()));
    assert_eq!(ask(&mut witness, &writer.log().witness_request(5).unwrap()).status, 200);

    writer.append(&life[5..40]).unwrap();
    let good = writer.log().witness_request(5).unwrap();
    let mut wrong = good.clone();
    wrong.proof.swap(0, 1);
    assert_eq!(ask(&mut witness, &wrong).status, 422);
    assert_eq!(ask(&mut witness, &WitnessRequest { proof: vec![], ..good.clone() }).status, 422);
    assert_eq!(ask(&mut witness, &WitnessRequest { old: 41, ..good.clone() }).status, 400);
    assert_eq!(ask(&mut witness, &writer.log().witness_request(4).unwrap()).status, 409);
    assert_eq!(ask(&mut witness, &good).status, 200);
    // Back to what it was once.
    assert_eq!(ask(&mut witness, &first).body, b"40\n");
}

#[test]
fn who_asks_is_known_by_the_signature() {
    let folder = tempfile::tempdir().unwrap();
    let request = log(folder.path(), &life(5)).log().witness_request(0).unwrap();
    let other = |key: LogPublicKey| Witness::new(witness_key(1), vec![key], MemoryWitnessStore::default());
    assert_eq!(ask(&mut other(log_key(2).public()), &request).status, 403, "another key of that name");
    let elsewhere = LogSigningKey::generate("elsewhere", &mut ChaCha20Rng::seed_from_u64(1)).unwrap();
    assert_eq!(ask(&mut other(elsewhere.public()), &request).status, 404);
    // After a change of keys, either may sign.
    let keys = vec![log_key(2).public(), log_key(1).public()];
    let mut both = Witness::new(witness_key(1), keys, MemoryWitnessStore::default());
    assert_eq!(ask(&mut both, &request).status, 200);

    let text = String::from_utf8(request.to_bytes()).unwrap();
    let forged = text.replace("people\n5\n", "people\n6\n");
    assert_ne!(forged, text);
    assert_eq!(witness(1).add_checkpoint(forged.as_bytes(), NOW).status, 403);
    for (from, to) in
        [("old 0", "old 00"), ("old 0", "old +0"), ("old 0", "Old 0"), ("old 0\n\n", "old 0\n"), ("\n— ", "")]
    {
        let body = text.replacen(from, to, 1);
        assert_eq!(witness(1).add_checkpoint(body.as_bytes(), NOW).status, 400, "{from:?} {to:?}");
    }
    let long = WitnessRequest { proof: vec![LogHash::empty(); 64], ..request.clone() };
    assert_eq!(ask(&mut witness(1), &long).status, 400);
    let longest = WitnessRequest { proof: vec![LogHash::empty(); 63], ..request };
    assert_eq!(ask(&mut witness(1), &longest).status, 422, "no proof belongs to what begins with nothing");
    assert_eq!(witness(1).add_checkpoint(&vec![b'o'; REQUEST_LIMIT + 1], NOW).status, 400);
}

/// The empty log has one root.
#[test]
fn an_empty_log_has_the_hash_of_nothing() {
    let request =
        |root| WitnessRequest { old: 0, proof: vec![], checkpoint: SignedCheckpoint::sign(0, root, &log_key(1)) };
    assert_eq!(ask(&mut witness(1), &request(LogHash::of_entry(b""))).status, 422);
    assert_eq!(ask(&mut witness(1), &request(LogHash::empty())).status, 200);
}

/// The registry keeps two histories, one for the world and one for its victim, and shows each to one of two witnesses. Each
/// is a good log by itself. Neither comes to be seen by both.
#[test]
fn a_split_view_is_found_by_two_witnesses() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let life = life(20);
    let mut for_victim = life.clone();
    for_victim[17].new_root = root(1_000_000);
    for_victim.truncate(18);
    let mut world = log(folders[0].path(), &life[..10]);
    let mut victim = log(folders[1].path(), &life[..10]);
    let (mut first, mut second) = (witness(1), witness(2));
    let known = vec![first.public(), second.public()];
    let start = world.log().witness_request(0).unwrap();
    assert_eq!([ask(&mut first, &start).status, ask(&mut second, &start).status], [200, 200], "so far they are one");

    world.append(&life[10..18]).unwrap();
    victim.append(&for_victim[10..18]).unwrap();
    let rules = LoggedRoots::new(log_key(1).public(), known.clone(), 2).unwrap().present_within(60).unwrap();
    let cosign = |writer: LogWriter, folder: &tempfile::TempDir, witness: &mut Witness<MemoryWitnessStore>| {
        let request = writer.log().witness_request(10).unwrap();
        let answer = ask(witness, &request);
        assert_eq!(answer.status, 200);
        // The folder has one writer at a time, whoever it is.
        drop(writer);
        add_cosignatures(folder.path(), &log_key(1).public(), &request, &answer.body, &known).unwrap();
        LogWriter::open(folder.path(), log_key(1)).unwrap()
    };
    let mut world = cosign(world, &folders[0], &mut first);
    let victim = cosign(victim, &folders[1], &mut second);

    // Shown the other history, each witness refuses, whether the operator says the truth about the old size or not.
    for (writer, witness) in [(&world, &mut second), (&victim, &mut first)] {
        assert_eq!(ask(witness, &writer.log().witness_request(10).unwrap()).status, 409);
        assert_eq!(ask(witness, &writer.log().witness_request(18).unwrap()).status, 422);
    }
    world.append(&life[18..]).unwrap();
    assert_eq!(ask(&mut second, &world.log().witness_request(18).unwrap()).status, 422);

    // So no relying party that wants both takes either root.
    for (folder, root) in [(&folders[0], life[17].new_root), (&folders[1], for_victim[17].new_root)] {
        let log = super::super::LogFolder::open(folder.path(), &log_key(1).public()).unwrap();
        let bundle = log.bundle(17, &log.witnessed().unwrap().unwrap()).unwrap();
        let refused = rules.check(&root, &bundle, NOW);
        assert!(matches!(refused, Err(LogError::TooFewWitnesses { found: 1, needed: 2 })), "{refused:?}");
        assert!(LoggedRoots::new(log_key(1).public(), known.clone(), 1).unwrap().check(&root, &bundle, NOW).is_ok());
    }
}

#[test]
fn a_witness_remembers_on_the_disk_before_it_signs() {
    let (logs, memory) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let life = life(20);
    let mut writer = log(logs.path(), &life[..10]);
    let open = || {
        let store = FileWitnessStore::open(memory.path()).unwrap();
        Witness::new(witness_key(1), vec![log_key(1).public()], store)
    };
    assert_eq!(ask(&mut open(), &writer.log().witness_request(0).unwrap()).status, 200);
    writer.append(&life[10..]).unwrap();
    let request = writer.log().witness_request(10).unwrap();

    // Whenever its disk fails, it does not sign, and what it remembers is the one or the other.
    for steps in 0.. {
        let mut failing = FileWitnessStore::open(memory.path()).unwrap();
        failing.fail_after(steps);
        let mut witness = Witness::new(witness_key(1), vec![log_key(1).public()], failing);
        let answer = ask(&mut witness, &request);
        let seen = FileWitnessStore::open(memory.path()).unwrap().latest("log.example/people").unwrap().unwrap();
        if answer.status == 200 {
            assert!(steps > 3, "the disk did not fail");
            assert_eq!(seen.checkpoint().size(), 20);
            break;
        }
        assert_eq!(answer.status, 500);
        if seen.checkpoint().size() == 20 {
            // Remembered, not signed: the log asks again with the size that the witness names.
            let answer = ask(&mut open(), &writer.log().witness_request(20).unwrap());
            assert_eq!(answer.status, 200);
            break;
        }
    }

    let file = std::fs::read_dir(memory.path()).unwrap().map(|entry| entry.unwrap().path());
    let file = file.into_iter().find(|path| path.file_name().unwrap().len() == 64).unwrap();
    std::fs::write(file, b"damaged").unwrap();
    assert_eq!(ask(&mut open(), &writer.log().witness_request(0).unwrap()).status, 500, "it does not begin anew");
}

/// Many at once, of which the memory must keep the order: no smaller size after a larger one.
#[test]
fn of_two_requests_at_once_one_is_refused() {
    let (logs, memory) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let life = life(20);
    let mut writer = log(logs.path(), &life[..1]);
    let mut requests = Vec::new();
    for entry in &life[1..] {
        writer.append(&[*entry]).unwrap();
        requests.push(writer.log().witness_request(0).unwrap());
    }
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = requests
            .iter()
            .map(|request| {
                scope.spawn(|| {
                    let store = FileWitnessStore::open(memory.path()).unwrap();
                    ask(&mut Witness::new(witness_key(1), vec![log_key(1).public()], store), request).status
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|status| [200, 409].contains(status)), "{answers:?}");
}
