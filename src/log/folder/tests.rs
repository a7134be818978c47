#![allow(clippy::unwrap_used)]

use core::cell::Cell;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use tlog_tiles::{Hash, HashReader as _, Tile, TileHashReader, TileReader};

use super::super::audit;
use super::super::entry::tests::life;
use super::*;

fn key() -> LogSigningKey {
    LogSigningKey::generate("log.example/people", &mut ChaCha20Rng::seed_from_u64(1)).unwrap()
}

fn public() -> LogPublicKey {
    key().public()
}

/// Every size around the border of a tile, and one in the third tile, grown in steps of several lengths.
#[test]
fn proofs_from_the_files_hold_at_every_size_around_a_tile() {
    let folder = tempfile::tempdir().unwrap();
    let life = life(601);
    let mut writer = LogWriter::create(folder.path(), key(), &life[..1]).unwrap();
    let mut size = 1;
    for next in [2, 3, 7, 8, 100, 255, 256, 257, 258, 511, 512, 514, 601] {
        let before = writer.log().checkpoint().clone();
        writer.append(&life[size..next]).unwrap();
        let found = audit(folder.path(), &public()).unwrap();
        assert_eq!((found.size, found.members_root), (next as u64, life[next - 1].new_root));
        let log = LogFolder::open(folder.path(), &public()).unwrap();
        let (old, new) = (before.checkpoint(), log.checkpoint().checkpoint());
        let proof = log.prove_consistency(old.size(), new.size()).unwrap();
        merkle::check_consistency((old.size(), old.root()), (new.size(), new.root()), &proof).unwrap();
        for index in [0, size as u64 - 1, next as u64 - 1, next as u64 / 2] {
            let bundle = log.bundle(index, log.checkpoint()).unwrap();
            assert_eq!(bundle.entry, life[index as usize]);
            bundle.check_inclusion().unwrap();
            assert_eq!(Bundle::from_bytes(&bundle.to_bytes()).unwrap(), bundle);
            // Under the earlier checkpoint, too, although tiles have grown since.
            if index < old.size() {
                log.bundle(index, &before).unwrap().check_inclusion().unwrap();
            }
        }
        assert!(matches!(log.bundle(next as u64, log.checkpoint()), Err(LogError::NoSuchEntry { .. })));
        size = next;
    }
    let entries = writer.log().entries().collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(entries, life);
    assert!(!folder.path().join("tile/0/000.p").exists(), "partial tiles go when the full one is there");
}

/// Another library reads the same files and checks every tile against the signed hash.
#[test]
fn another_library_reads_our_tiles() {
    struct Files<'a>(&'a Path);
    impl TileReader for Files<'_> {
        fn height(&self) -> u8 {
            8
        }
        fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
            let path = |tile: &Tile| self.0.join(tile.path().replacen("tile/8/", "tile/", 1));
            Ok(tiles.iter().map(|tile| fs::read(path(tile)).unwrap()).collect())
        }
        fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
    }
    let folder = tempfile::tempdir().unwrap();
    let life = life(530);
    let mut writer = LogWriter::create(folder.path(), key(), &life[..1]).unwrap();
    writer.append(&life[1..]).unwrap();
    let root = writer.log().checkpoint().checkpoint().root();
    let files = Files(folder.path());
    let reader = TileHashReader::new(530, Hash(root.to_bytes()), &files);
    for (index, entry) in life.iter().enumerate().step_by(31) {
        let theirs = tlog_tiles::prove_record(530, index as u64, &reader).unwrap();
        let ours = writer.log().bundle(index as u64, writer.log().checkpoint()).unwrap();
        assert_eq!(
            theirs.iter().map(|hash| hash.0).collect::<Vec<_>>(),
            ours.proof.iter().map(|hash| hash.to_bytes()).collect::<Vec<_>>()
        );
        let hash = tlog_tiles::record_hash(&entry.to_bytes());
        tlog_tiles::check_record(&theirs, 530, Hash(root.to_bytes()), index as u64, hash).unwrap();
    }
    let wrong = TileHashReader::new(530, Hash([7; 32]), &files);
    assert!(wrong.read_hashes(&[0]).is_err());
}

/// Killed between any two writes, or in the middle of one: the log is what it was or what it should become, its checkpoint
/// holds, and the same entries, or others, go in afterwards.
#[test]
fn a_writer_that_is_killed_anywhere_leaves_a_whole_log() {
    let life = life(300);
    for (before, after) in [(1, 2), (3, 4), (255, 256), (255, 257), (256, 257), (250, 300)] {
        let mut finished = false;
        for steps in 0..200 {
            let folder = tempfile::tempdir().unwrap();
            LogWriter::create(folder.path(), key(), &life[..1]).unwrap().append(&life[1..before]).unwrap();
            let failing = Disk { steps_left: Some(Cell::new(steps)) };
            let mut writer = LogWriter::open_on(failing, folder.path(), key()).unwrap();
            finished = writer.append(&life[before..after]).is_ok();
            drop(writer);

            let found = audit(folder.path(), &public()).unwrap();
            let whole = [before as u64, after as u64];
            assert!(whole.contains(&found.size), "{before} {after} {steps}: {}", found.size);
            assert!(!finished || found.size == whole[1], "acknowledged and lost");
            let mut writer = LogWriter::open(folder.path(), key()).unwrap();
            // One by one this time, so that other partial tiles come first.
            for entry in &life[found.size as usize..after] {
                writer.append(&[*entry]).unwrap();
            }
            assert_eq!(audit(folder.path(), &public()).unwrap().members_root, life[after - 1].new_root);
            if finished {
                assert!(steps > 6);
                break;
            }
        }
        assert!(finished, "200 steps were not enough");
    }
}

#[test]
fn a_log_is_begun_whole_or_not_at_all() {
    let life = life(2);
    for steps in 0..100 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/log");
        let begun = LogWriter::create_on(Disk { steps_left: Some(Cell::new(steps)) }, &path, key(), &life[..1]).is_ok();
        match LogWriter::create(&path, key(), &life[..1]) {
            Ok(_) => assert!(!begun),
            Err(error) => assert!(matches!(error, LogError::AlreadyExists { .. }), "{error}"),
        }
        assert_eq!(audit(&path, &public()).unwrap().size, 1);
        if begun {
            return;
        }
    }
    panic!("100 steps were not enough");
}

#[test]
fn entries_that_do_not_follow_are_refused_all_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let life = life(10);
    assert!(matches!(LogWriter::create(folder.path(), key(), &life[1..]), Err(LogError::Refused { .. })));
    let mut writer = LogWriter::create(folder.path(), key(), &life[..1]).unwrap();
    for wrong in [&life[2..3], &life[0..1], &[life[1], life[3]], &[life[1], life[1]]] {
        assert!(matches!(writer.append(wrong), Err(LogError::Refused { .. })));
        assert_eq!(writer.log().size(), 1);
    }
    writer.append(&[]).unwrap();
    writer.append(&life[1..]).unwrap();
    assert!(matches!(writer.append(&life[7..8]), Err(LogError::Refused { .. })), "a second time");
    drop(writer);
    assert!(matches!(LogWriter::create(folder.path(), key(), &life[..1]), Err(LogError::AlreadyExists { .. })));
    let other = LogSigningKey::generate("log.example/people", &mut ChaCha20Rng::seed_from_u64(2)).unwrap();
    assert!(matches!(LogWriter::open(folder.path(), other), Err(LogError::Unsigned { .. })));
    assert!(matches!(LogWriter::open(folder.path().join("none"), key()), Err(LogError::NotFound { .. })));
}

/// Every byte of every file of a log matters to its audit: changed anywhere, cut, or taken away.
#[test]
fn damage_anywhere_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let life = life(260);
    let mut writer = LogWriter::create(folder.path(), key(), &life[..1]).unwrap();
    writer.append(&life[1..]).unwrap();
    drop(writer);
    let files =
        ["checkpoint", "tile/entries/000", "tile/entries/001.p/4", "tile/0/000", "tile/0/001.p/4", "tile/1/000.p/1"];
    for file in files {
        let path = folder.path().join(file);
        let bytes = fs::read(&path).unwrap();
        let places = (0..bytes.len()).step_by(if bytes.len() > 9_000 { 997 } else { 101 }).chain([bytes.len() - 1]);
        for place in places {
            let mut other = bytes.clone();
            other[place] ^= 1;
            fs::write(&path, &other).unwrap();
            assert!(audit(folder.path(), &public()).is_err(), "{file}, byte {place}");
        }
        for other in [&bytes[..bytes.len() - 1], &[], &[bytes.as_slice(), &[0]].concat()] {
            fs::write(&path, other).unwrap();
            assert!(audit(folder.path(), &public()).is_err(), "{file}, {} bytes", other.len());
        }
        fs::remove_file(&path).unwrap();
        assert!(audit(folder.path(), &public()).is_err(), "{file}");
        fs::write(&path, &bytes).unwrap();
        audit(folder.path(), &public()).unwrap();
    }
}

/// An operator who has the key rewrites the past and signs it: the audit of the new log alone cannot see it, its entries can.
#[test]
fn a_signed_log_with_contradicting_entries_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut life = life(10);
    life[4].new_root = super::super::entry::tests::root(77);
    write(&Disk::default(), folder.path(), 0, &life, &key()).unwrap();
    let error = audit(folder.path(), &public()).unwrap_err();
    assert!(matches!(error, LogError::Discontinuous { index: 5, .. }), "{error}");
    let rules = LoggedRoots::new(public(), vec![], 0).unwrap();
    let error = LogFolder::open(folder.path(), &public()).unwrap().root_history(&rules, 0).unwrap_err();
    assert!(matches!(error, LogError::Discontinuous { index: 5, .. }), "{error}");
}

#[test]
fn the_history_of_roots_is_that_of_the_entries() {
    let folder = tempfile::tempdir().unwrap();
    let life = life(300);
    let mut writer = LogWriter::create(folder.path(), key(), &life[..1]).unwrap();
    writer.append(&life[1..]).unwrap();
    let rules = LoggedRoots::new(public(), vec![], 0).unwrap();
    let history = writer.log().root_history(&rules, 0).unwrap();
    assert_eq!(history.current(), life[299].new_root);
    let now = life[299].at;
    history.check(&life[299].new_root, now, 0).unwrap();
    // Entry 298 changed the root, so the one before it is so old.
    assert_ne!(life[298].new_root, life[297].new_root);
    assert!(history.check(&life[297].new_root, now, now - life[298].at).is_ok());
    assert!(history.check(&life[297].new_root, now, now - life[298].at - 1).is_err());
    assert!(history.check(&super::super::entry::tests::root(5_000), now, u64::MAX).is_err());

    // A copy whose entries were changed is of no use, even with a good checkpoint.
    let path = folder.path().join("tile/entries/000");
    let mut bytes = fs::read(&path).unwrap();
    bytes[2 + 100] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(writer.log().root_history(&rules, 0), Err(LogError::Root { .. })));
}

#[test]
fn cosignatures_of_several_witnesses_come_together() {
    use super::super::{MemoryWitnessStore, Witness, WitnessSigningKey};
    let folder = tempfile::tempdir().unwrap();
    let life = life(20);
    let writer = LogWriter::create(folder.path(), key(), &life[..1]).unwrap();
    let rng = &mut ChaCha20Rng::seed_from_u64(5);
    let mut witnesses = [1, 2, 3].map(|number| {
        let key = WitnessSigningKey::generate(&format!("w{number}"), rng).unwrap();
        Witness::new(key, vec![public()], MemoryWitnessStore::default())
    });
    let known: Vec<WitnessPublicKey> = witnesses.iter().map(Witness::public).collect();
    let request = writer.log().witness_request(0).unwrap();
    drop(writer);
    for (number, witness) in witnesses.iter_mut().enumerate() {
        let answer = witness.add_checkpoint(&request.to_bytes(), 1_000 + 100 * number as u64).body;
        // The log goes on while witnesses look.
        LogWriter::open(folder.path(), key()).unwrap().append(&[life[number + 1]]).unwrap();
        assert_eq!(add_cosignatures(folder.path(), &public(), &request, &answer, &known).unwrap(), number + 1);
    }
    let log = LogFolder::open(folder.path(), &public()).unwrap();
    assert_eq!((log.size(), log.witnessed().unwrap().unwrap().checkpoint().size()), (4, 1));
    let bundle = log.bundle(0, &log.witnessed().unwrap().unwrap()).unwrap();
    let rules = |quorum| LoggedRoots::new(public(), known.clone(), quorum).unwrap();
    let check =
        |quorum, within, now| rules(quorum).present_within(within).unwrap().check(&life[0].new_root, &bundle, now);
    check(3, 500, 1_500).unwrap();
    // The time is that of the third, second, first latest of the three.
    for (quorum, age) in [(3, 500), (2, 400), (1, 300)] {
        check(quorum, age, 1_500).unwrap();
        let refused = check(quorum, age - 1, 1_500);
        assert!(matches!(refused, Err(LogError::TooOld { .. })), "{refused:?}");
    }
    assert!(matches!(check(3, 500, 899), Err(LogError::FromTheFuture { .. })));
    check(3, 500, 900).unwrap();
    // Its clock is wrong, and the two others suffice.
    check(2, 500, 899).unwrap();

    // A wrong bundle, for each reason.
    let other = |change: &dyn Fn(&mut Bundle)| {
        let mut bundle = bundle.clone();
        change(&mut bundle);
        rules(2).check(&bundle.entry.new_root.clone(), &bundle, 1_500).unwrap_err().code()
    };
    assert_eq!(other(&|bundle| bundle.index = 1), "log_not_included");
    assert_eq!(other(&|bundle| bundle.entry.at += 1), "log_not_included");
    assert_eq!(other(&|bundle| bundle.entry = life[1]), "log_not_included");
    assert_eq!(other(&|bundle| bundle.checkpoint = log.checkpoint().clone()), "log_too_few_witnesses");
    assert_eq!(rules(2).check(&life[1].new_root, &bundle, 1_500).unwrap_err().code(), "log_other_root");

    // A root that was replaced under the same checkpoint is not the present one.
    let request = log.witness_request(1).unwrap();
    for witness in &mut witnesses {
        let answer = witness.add_checkpoint(&request.to_bytes(), 2_000).body;
        add_cosignatures(folder.path(), &public(), &request, &answer, &known).unwrap();
    }
    let log = LogFolder::open(folder.path(), &public()).unwrap();
    assert_eq!(log.checkpoint().cosignatures(&known).unwrap().len(), 3, "in the checkpoint, too");
    let earlier = log.bundle(1, log.checkpoint()).unwrap();
    let present = rules(3).present_within(60).unwrap();
    assert_eq!(present.check(&life[1].new_root, &earlier, 2_000).unwrap_err().code(), "log_superseded");
    rules(3).check(&life[1].new_root, &earlier, 2_000).unwrap();
    present.check(&life[3].new_root, &log.bundle(3, log.checkpoint()).unwrap(), 2_000).unwrap();
}

#[test]
fn rules_that_cannot_be_are_refused() {
    use super::super::WitnessSigningKey;
    let rng = &mut ChaCha20Rng::seed_from_u64(5);
    let witness = WitnessSigningKey::generate("w1", rng).unwrap().public();
    let same = |witnesses, quorum| LoggedRoots::new(public(), witnesses, quorum);
    assert!(same(vec![witness.clone()], 2).is_err());
    assert!(same(vec![witness.clone(), witness.clone()], 1).is_err());
    // One key under two names counts once, so it is refused; so is the log as its own witness.
    let seed = || ChaCha20Rng::seed_from_u64(6);
    let twins = ["a", "b"].map(|name| WitnessSigningKey::generate(name, &mut seed()).unwrap().public());
    assert!(same(twins.to_vec(), 1).is_err());
    let own = WitnessSigningKey::generate("log.example/people", &mut ChaCha20Rng::seed_from_u64(1)).unwrap().public();
    assert_eq!(own.to_bytes(), public().to_bytes());
    assert!(same(vec![own], 1).is_err());
    assert!(same(vec![witness], 0).unwrap().present_within(60).is_err());
}

/// `testdata/log/v1` was written by a program that shares no code with this one, and stays for ever: it is read, everything
/// in it holds, and the same entries under the same key are the same files.
#[test]
fn a_log_written_by_another_program_is_read_and_written_alike() {
    use super::super::{FileWitnessStore, Witness, WitnessSigningKey, WitnessStore as _};
    let frozen = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/log/v1");
    let file = |name: &str| fs::read(frozen.join(name)).unwrap();
    let keys = String::from_utf8(file("keys")).unwrap();
    let mut keys = keys.lines();
    let log_key: LogPublicKey = keys.next().unwrap().parse().unwrap();
    let witness_key: WitnessPublicKey = keys.next().unwrap().parse().unwrap();
    let secret = || LogSigningKey::from_file(&file("log.key")).unwrap();
    assert_eq!(secret().public(), log_key);
    assert_eq!(secret().to_file().as_bytes(), file("log.key"));

    let log = LogFolder::open(&frozen, &log_key).unwrap();
    let found = audit(&frozen, &log_key).unwrap();
    assert_eq!((found.size, found.last_at), (260, 1_800_000_259));
    let rules = LoggedRoots::new(log_key.clone(), vec![witness_key], 1).unwrap().present_within(60).unwrap();
    let bundle = Bundle::from_bytes(&file("bundle.tlog-proof")).unwrap();
    rules.check(&bundle.entry.new_root, &bundle, 1_900_000_060).unwrap();
    assert_eq!(bundle, log.bundle(259, log.checkpoint()).unwrap());

    // Written again, in three steps.
    let entries = log.entries().collect::<Result<Vec<_>, _>>().unwrap();
    let again = tempfile::tempdir().unwrap();
    let mut writer = LogWriter::create(again.path(), secret(), &entries[..100]).unwrap();
    let hundred = writer.log().checkpoint().clone();
    writer.append(&entries[100..256]).unwrap();
    writer.append(&entries[256..]).unwrap();
    for name in ["tile/entries/000", "tile/entries/001.p/4", "tile/0/000", "tile/0/001.p/4", "tile/1/000.p/1"] {
        assert!(fs::read(again.path().join(name)).unwrap() == file(name), "{name}");
    }
    assert_eq!(writer.log().witness_request(100).unwrap().to_bytes(), file("request"));
    assert_eq!(writer.log().witness_request(0).unwrap().to_bytes(), file("first-request"));

    // The witness, from its secret file: the same cosignature, bit for bit.
    let memory = tempfile::tempdir().unwrap();
    let mut store = FileWitnessStore::open(memory.path()).unwrap();
    store.exchange(log_key.name(), &mut |_| Some(hundred.clone())).unwrap();
    let witness = WitnessSigningKey::from_file(&file("witness.key")).unwrap();
    let answer = Witness::new(witness, vec![log_key], store).add_checkpoint(&file("request"), 1_900_000_000);
    assert_eq!(answer.status, 200);
    assert!(file("checkpoint").ends_with(&answer.body));
}
