//! PostgreSQL as an adversary: what is in a database before us, who writes at the same moment, and what is left when it dies.
//!
//! That it keeps the promises of a store is in `store.rs`, with the others.

#![allow(clippy::unwrap_used)]

pub(crate) mod server;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::sync::mpsc;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use personhood::identity::{Assurance, Credential, Leaf};
use personhood::nullifier::{ExternalNullifier, Nullifier, NullifierError, NullifierStore as _, Scope};
use personhood::registry::{EnrollError, EnrollRequest, EnrolmentClass, Registry, RegistryPolicy, check};
use personhood::store::{
    OperatorRecord, PersonId, PostgresAddress, PostgresNullifiers, PostgresOptions, PostgresStore, ReadStore as _,
    Recorded, Role, SealedStore, Sequence, SharedKeyService, SharedNullifiers as _, Store, StoreError,
    WriteTransaction as _,
};
use personhood::tree::{MerkleRoot, Tree};
use personhood::vault::MasterKey;

use crate::people::{Random, actor, again, commitment, eye, role};
use server::{Server, shared};

const NOW: u64 = 1_800_000_000;
const LATER: u64 = NOW + 1_000_000;

fn nullifier(number: u64) -> Nullifier {
    Nullifier::from_bytes(&commitment(number).to_bytes()).unwrap()
}

fn scope(action: &str) -> ExternalNullifier {
    Scope::new("app", action).unwrap().external_nullifier()
}

/// Person `number`, captured once more.
fn request(number: u64, capture: u64, secret: u64) -> EnrollRequest {
    let eyes = (again(&eye(2 * number), capture, 2, 1), again(&eye(2 * number + 1), capture + 7, -1, 1));
    EnrollRequest {
        left: Some(eyes.0),
        right: Some(eyes.1),
        commitment: commitment(secret),
        class: EnrolmentClass::BothEyes,
        issued_at: NOW,
        expires_at: LATER,
    }
}

fn new_registry(address: &PostgresAddress) {
    drop(Registry::create(PostgresStore::create(address).unwrap(), RegistryPolicy::default(), NOW).unwrap());
}

fn impatient() -> PostgresOptions {
    PostgresOptions::default().busy_timeout(Duration::from_millis(50))
}

// What is there before us.

#[test]
fn only_a_schema_of_ours_is_opened_and_only_a_free_one_created() {
    let Some(server) = shared("postgres::only_a_schema_of_ours_is_opened_and_only_a_free_one_created") else { return };
    let database = server.database();
    let address = database.address();
    let error = PostgresStore::open(&address).unwrap_err();
    assert_eq!(error.code(), "store_not_found");
    assert!(error.to_string().contains("schema personhood_registry"), "{error}");

    drop(PostgresStore::create(&address).unwrap());
    assert_eq!(PostgresStore::create(&address).unwrap_err().code(), "store_already_exists");
    drop(PostgresStore::open_or_create(&address).unwrap());
    // Nobody but its owner looks into it.
    let access = database.psql("SELECT has_schema_privilege('public', 'personhood_registry', 'USAGE')");
    assert_eq!(access, "f");

    // A list of nullifiers lives beside a registry, and is none.
    drop(PostgresNullifiers::open_or_create(&address).unwrap());
    database.psql("UPDATE personhood_registry.format SET kind = 'personhood nullifier database'");
    assert_eq!(PostgresStore::open(&address).unwrap_err().code(), "store_wrong_kind_of_file");

    let foreign = server.database();
    foreign.psql("CREATE SCHEMA personhood_registry; CREATE TABLE personhood_registry.persons (a INT)");
    assert_eq!(PostgresStore::open(&foreign.address()).unwrap_err().code(), "store_wrong_kind_of_file");
    assert_eq!(PostgresStore::create(&foreign.address()).unwrap_err().code(), "store_already_exists");

    let nowhere: PostgresAddress = server.url("nowhere").parse().unwrap();
    assert_eq!(PostgresStore::open_or_create(&nowhere).unwrap_err().code(), "store_not_found");
}

#[test]
fn a_newer_format_is_refused_and_not_touched() {
    let Some(server) = shared("postgres::a_newer_format_is_refused_and_not_touched") else { return };
    let database = server.database();
    let address = database.address();
    new_registry(&address);
    let mut open = PostgresStore::open(&address).unwrap();
    drop(PostgresNullifiers::create(&address).unwrap());
    database
        .psql("UPDATE personhood_registry.format SET format = 9; UPDATE personhood_nullifiers.format SET format = 9");
    for error in [
        PostgresStore::open(&address).map(drop).unwrap_err(),
        PostgresStore::open_or_create(&address).map(drop).unwrap_err(),
        PostgresStore::open_read_only(&address).map(drop).unwrap_err(),
        PostgresNullifiers::open(&address).map(drop).unwrap_err(),
        // Migrated by another process while we have it open: what we would write is of before.
        open.begin().map(drop).unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::NewerFormat { found: 9, supported: 1, .. }), "{error}");
    }
    assert_eq!(database.psql("SELECT format FROM personhood_registry.format"), "9");
}

#[test]
fn who_opens_for_reading_does_not_write() {
    let Some(server) = shared("postgres::who_opens_for_reading_does_not_write") else { return };
    let database = server.database();
    let address = database.address();
    new_registry(&address);
    let mut reader = PostgresStore::open_read_only(&address).unwrap();
    assert!(reader.genesis().unwrap().is_some());
    assert_eq!(reader.begin().map(drop).unwrap_err().code(), "store_read_only");
    // A role that was given nothing is told so.
    database.psql("DROP ROLE IF EXISTS stranger; CREATE ROLE stranger LOGIN");
    let url = database.url().replace("user=keeper", "user=stranger");
    let error = PostgresStore::open(&url.parse().unwrap()).unwrap_err();
    assert_eq!(error.code(), "store_read_only", "{error}");
}

#[test]
fn a_server_that_forgets_is_refused() {
    let Some(_) = shared("postgres::a_server_that_forgets_is_refused") else { return };
    let mut server = Server::start().unwrap();
    let name = server.database().name;
    let address: PostgresAddress = server.url(&name).parse().unwrap();
    // What can be set for one session is set there.
    server.psql("postgres", &format!("ALTER DATABASE {name} SET synchronous_commit = off"));
    drop(PostgresStore::create(&address).unwrap());
    server.psql("postgres", "ALTER SYSTEM SET fsync = off");
    server.stop_immediately();
    server.go_on();
    let error = PostgresStore::open(&address).unwrap_err();
    assert!(matches!(&error, StoreError::NotDurable { setting, .. } if setting == "fsync"), "{error}");
}

#[test]
fn history_is_written_once() {
    let Some(server) = shared("postgres::history_is_written_once") else { return };
    let database = server.database();
    new_registry(&database.address());
    let mut registry = Registry::open(PostgresStore::open(&database.address()).unwrap()).unwrap();
    let _ = registry.enroll(request(1, 1, 1)).unwrap();
    let outside = |sql: &str| {
        let sql = format!("SET search_path = personhood_registry; {sql}");
        std::panic::catch_unwind(|| database.psql(&sql)).is_err()
    };
    for refused in [
        "DELETE FROM changes",
        "UPDATE decisions SET at = 1",
        "TRUNCATE policies CASCADE",
        "UPDATE policies SET document = ''",
    ] {
        assert!(outside(refused), "{refused}");
    }
}

/// A statement that fails outside of a step leaves PostgreSQL's transaction dead, and a COMMIT of a dead transaction is
/// answered with a friendly ROLLBACK. That must not look like success.
#[test]
fn a_dead_transaction_is_not_committed() {
    let Some(server) = shared("postgres::a_dead_transaction_is_not_committed") else { return };
    let database = server.database();
    new_registry(&database.address());
    let mut store = PostgresStore::open(&database.address()).unwrap();
    // A question that fails: the statement is cut off by the server.
    database.psql(&format!("ALTER DATABASE {} SET statement_timeout = '300ms'", database.name));
    let mut slow = PostgresStore::open(&database.address()).unwrap();
    let operator = OperatorRecord { name: "ada".to_owned(), role: Role::Auditor, added_at: 1, removed_at: None };
    let mut transaction = slow.begin().unwrap();
    transaction.put_operator(&operator).unwrap();
    // Whoever holds the table makes the question wait until it is cut off.
    let url = database.url();
    let (ready, held) = mpsc::channel();
    let (done, released) = mpsc::channel::<()>();
    let holder = thread::spawn(move || {
        let mut client = postgres::Client::connect(&url, postgres::NoTls).unwrap();
        client.batch_execute("BEGIN; LOCK TABLE personhood_registry.stations IN ACCESS EXCLUSIVE MODE").unwrap();
        ready.send(()).unwrap();
        let _ = released.recv();
    });
    held.recv().unwrap();
    assert!(transaction.stations().is_err());
    done.send(()).unwrap();
    holder.join().unwrap();
    assert_eq!(transaction.commit().unwrap_err().code(), "store_conflict");
    assert_eq!(store.operators().unwrap(), vec![]);
    drop(store.begin().unwrap());
}

#[test]
fn a_template_is_not_in_the_database_in_clear() {
    let Some(server) = shared("postgres::a_template_is_not_in_the_database_in_clear") else { return };
    let database = server.database();
    let address = database.address();
    let key: SharedKeyService = Arc::new(MasterKey::generate(&mut rand_core::OsRng));
    let sealed = SealedStore::create(PostgresStore::create(&address).unwrap(), vec![key.clone()]).unwrap();
    let mut registry = Registry::create(sealed, RegistryPolicy::default(), NOW).unwrap();
    let enrolled = registry.enroll(request(1, 1, 1)).unwrap();
    drop(registry);
    // Bound to their places and sealed: the first byte says so, and no key that is not given opens them.
    let records = database
        .psql("SELECT count(*), min(get_byte(record, 0)), max(get_byte(record, 0)) FROM personhood_registry.templates");
    assert_eq!(records, "2|2|2");
    assert!(Registry::open(PostgresStore::open(&address).unwrap()).is_err());
    let other: SharedKeyService = Arc::new(MasterKey::generate(&mut rand_core::OsRng));
    assert!(SealedStore::open(PostgresStore::open(&address).unwrap(), vec![other]).is_err());
    let sealed = SealedStore::open(PostgresStore::open(&address).unwrap(), vec![key]).unwrap();
    let mut registry = Registry::open(sealed).unwrap();
    let again = request(1, 99, 2);
    assert_eq!(registry.identify(again.left.as_ref(), again.right.as_ref()).unwrap()[0].person, enrolled.person);
}

// Many at the same moment.

#[test]
fn of_many_threads_exactly_one_accepts_a_nullifier() {
    const THREADS: u64 = 12;
    const ROUNDS: u64 = 40;
    let Some(server) = shared("postgres::of_many_threads_exactly_one_accepts_a_nullifier") else { return };
    let database = server.database();
    let vote = scope("vote");
    // Made by whoever is first, too.
    let barrier = Barrier::new(usize::try_from(THREADS).unwrap());
    let won: u64 = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let (database, barrier, vote) = (&database, &barrier, &vote);
                scope.spawn(move || {
                    let mut store = PostgresNullifiers::open_or_create(&database.address()).unwrap();
                    let mut won = 0;
                    for round in 0..ROUNDS {
                        barrier.wait();
                        // Alone, and in batches of opposite orders, which would lock each other out.
                        won += match (round % 2, number % 2) {
                            (0, _) => match store.record(vote, &nullifier(1_000 + round)) {
                                Ok(()) => 1,
                                Err(NullifierError::AlreadyUsed { .. }) => 0,
                                Err(error) => panic!("{error}"),
                            },
                            (_, odd) => {
                                let mut batch: Vec<_> =
                                    (0..20).map(|entry| (*vote, nullifier(10_000 + 20 * round + entry))).collect();
                                if odd == 1 {
                                    batch.reverse();
                                }
                                let outcomes = store.record_each(&batch, 5).unwrap();
                                outcomes.iter().filter(|outcome| **outcome == Recorded::Now).count() as u64
                            }
                        };
                    }
                    won
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(won, ROUNDS / 2 + 20 * ROUNDS / 2);
    let store = PostgresNullifiers::open(&database.address()).unwrap();
    assert_eq!(store.count(&vote).unwrap(), won);
}

/// Played by other processes; see the tests below.
#[test]
fn actor_plays() {
    let Some((role, url)) = role() else { return };
    let address: PostgresAddress = url.to_str().unwrap().parse().unwrap();
    let mut words = role.split(' ');
    let kind = words.next().unwrap();
    let number: u64 = words.next().unwrap().parse().unwrap();
    let mut out = std::io::stdout().lock();
    match kind {
        "vote" => {
            let mut store = PostgresNullifiers::open_or_create(&address).unwrap();
            for vote in 0..200 {
                match store.record(&scope("vote"), &nullifier((vote + 37 * number) % 200)) {
                    Ok(()) => writeln!(out, "\naccepted {}", (vote + 37 * number) % 200).unwrap(),
                    Err(NullifierError::AlreadyUsed { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        }
        // The same people as the other desks, in another order.
        "race" => {
            let mut registry = Registry::open(PostgresStore::open(&address).unwrap()).unwrap();
            for round in 0..RACES {
                let person = (round + number * (RACES / 3)) % RACES;
                let said = match registry.enroll(request(person, 1_000 * number + round, 1_000 * number + person)) {
                    Ok(enrolled) => format!("accepted {}", enrolled.person),
                    Err(EnrollError::Duplicate { person, .. }) => format!("duplicate {person}"),
                    Err(error) => format!("error {error}"),
                };
                writeln!(out, "\nperson {person} {said}").unwrap();
            }
        }
        // New people from `number` on; a server that is gone is asked again.
        "loop" => {
            let mut registry = Registry::open(PostgresStore::open(&address).unwrap()).unwrap();
            let mut person = number;
            while person < number + 10_000 {
                match registry.enroll(request(person, person, person)) {
                    Ok(enrolled) => {
                        writeln!(out, "\nacknowledged {person} {} {}", enrolled.person, enrolled.root).unwrap();
                        person += 1;
                    }
                    Err(EnrollError::Duplicate { .. } | EnrollError::DuplicateCommitment { .. }) => {
                        // It was committed when the server died, and nobody was told.
                        writeln!(out, "\nfound {person}").unwrap();
                        person += 1;
                    }
                    Err(error) => {
                        writeln!(out, "\nerror {} {error}", error.code()).unwrap();
                        thread::sleep(Duration::from_millis(20));
                    }
                }
                out.flush().unwrap();
            }
        }
        _ => panic!("no such role"),
    }
}

const RACES: u64 = 30;

#[test]
fn of_two_processes_exactly_one_accepts_a_nullifier() {
    let Some(server) = shared("postgres::of_two_processes_exactly_one_accepts_a_nullifier") else { return };
    let database = server.database();
    let mut accepted: Vec<u64> = played(&database.url(), "vote")
        .iter()
        .filter_map(|line| line.strip_prefix("accepted ")?.parse().ok())
        .collect();
    accepted.sort_unstable();
    assert_eq!(accepted, (0..200).collect::<Vec<_>>());
}

/// The promise of the house: one person who enrols at the same moment at several desks comes in once.
#[test]
fn of_three_processes_that_enrol_one_person_exactly_one_succeeds() {
    let Some(server) = shared("postgres::of_three_processes_that_enrol_one_person_exactly_one_succeeds") else {
        return;
    };
    let database = server.database();
    new_registry(&database.address());
    let mut accepted = BTreeMap::<String, Vec<String>>::new();
    let mut duplicates = BTreeMap::<String, Vec<String>>::new();
    for line in played(&database.url(), "race") {
        let Some(line) = line.strip_prefix("person ") else { continue };
        let [person, said, number] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        match said {
            "accepted" => accepted.entry(person.to_owned()).or_default().push(number.to_owned()),
            "duplicate" => duplicates.entry(person.to_owned()).or_default().push(number.to_owned()),
            _ => panic!("{line}"),
        }
    }
    assert_eq!(accepted.len() as u64, RACES);
    for (person, won) in &accepted {
        assert_eq!(won.len(), 1, "person {person}");
        assert_eq!(duplicates[person], vec![won[0].clone(); 2], "person {person}");
    }
    let store = PostgresStore::open(&database.address()).unwrap();
    assert_eq!(check(&store).unwrap().findings, Vec::<String>::new());
    assert_eq!(Registry::open(store).unwrap().status().unwrap().people, RACES);
}

/// What three processes say that play a role.
fn played(url: &str, kind: &str) -> Vec<String> {
    let actors: Vec<_> = (0..3)
        .map(|number| actor("postgres::actor_plays", &format!("{kind} {number}"), Path::new(url)).spawn().unwrap())
        .collect();
    let mut lines = Vec::new();
    for actor in actors {
        let output = actor.wait_with_output().unwrap();
        assert!(output.status.success());
        lines.extend(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned));
    }
    lines
}

// When it dies.

#[test]
fn a_server_that_was_restarted_is_reached_again() {
    let Some(_) = shared("postgres::a_server_that_was_restarted_is_reached_again") else { return };
    let mut server = Server::start().unwrap();
    let name = server.database().name;
    let address: PostgresAddress = server.url(&name).parse().unwrap();
    new_registry(&address);
    let mut registry = Registry::open(PostgresStore::open(&address).unwrap()).unwrap();
    let mut seen = PostgresNullifiers::create(&address).unwrap();
    let vote = scope("vote");
    let mut lost = PostgresStore::open_with(&address, &impatient()).unwrap();
    for (round, kill) in (0..).zip([true, false, true]) {
        let _ = registry.enroll(request(round, round, round)).unwrap();
        seen.record(&vote, &nullifier(round)).unwrap();
        let transaction = lost.begin().unwrap();
        if kill {
            server.kill();
        } else {
            server.stop_immediately();
        }
        // While it is away: an error that says so, and nothing was accepted.
        assert_eq!(transaction.commit().unwrap_err().code(), "store_unreachable");
        let error = registry.enroll(request(round + 100, 1, round + 100)).unwrap_err();
        assert_eq!(error.code(), "store_unreachable", "{error}");
        assert!(matches!(seen.record(&vote, &nullifier(round + 100)), Err(NullifierError::Store(_))));
        server.go_on();
        // Afterwards, as if nothing had been.
        assert!(matches!(seen.record(&vote, &nullifier(round)), Err(NullifierError::AlreadyUsed { .. })));
        let duplicate = registry.enroll(request(round, 55 + round, 55 + round)).unwrap_err();
        assert!(matches!(duplicate, EnrollError::Duplicate { .. }), "{duplicate}");
    }
    assert_eq!(seen.count(&vote).unwrap(), 3);
    assert_eq!(check(&PostgresStore::open(&address).unwrap()).unwrap().findings, Vec::<String>::new());
}

#[test]
fn what_was_acknowledged_survives_the_death_of_the_server() {
    const ROUNDS: u64 = 12;
    const DESKS: u64 = 2;
    let Some(_) = shared("postgres::what_was_acknowledged_survives_the_death_of_the_server") else { return };
    let mut server = Server::start().unwrap();
    let name = server.database().name;
    let url = server.url(&name);
    let address: PostgresAddress = url.parse().unwrap();
    new_registry(&address);
    let (sender, said) = mpsc::channel();
    let mut desks: Vec<_> = (0..DESKS)
        .map(|desk| {
            let mut process =
                actor("postgres::actor_plays", &format!("loop {}", desk * 100_000), Path::new(&url)).spawn().unwrap();
            let (out, sender) = (process.stdout.take().unwrap(), sender.clone());
            let reader = thread::spawn(move || {
                for line in BufReader::new(out).lines().map_while(Result::ok) {
                    // The other end goes away with the test.
                    let _ = sender.send(line);
                }
            });
            (process, reader)
        })
        .collect();
    drop(sender);
    let mut random = Random(7);
    let (mut acknowledged, mut found, mut errors) = (BTreeMap::<u64, (PersonId, MerkleRoot)>::new(), 0_u64, 0_u64);
    let mut note = |line: String, acknowledged: &mut BTreeMap<_, _>| {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["acknowledged", number, person, root] => {
                let person = PersonId::new(person.parse().unwrap()).unwrap();
                acknowledged.insert(number.parse().unwrap(), (person, root.parse().unwrap()));
                true
            }
            ["found", _] => {
                found += 1;
                false
            }
            ["error", code, ..] => {
                assert_eq!(code, "store_unreachable", "{line}");
                errors += 1;
                false
            }
            _ => false,
        }
    };
    for round in 0..ROUNDS {
        // Both enrol again after the last death, so that a slow machine gets on, too.
        for _ in 0..3 {
            while !note(said.recv().expect("desks that are not killed enrol"), &mut acknowledged) {}
        }
        thread::sleep(Duration::from_micros(random.below(60_000)));
        if round % 3 == 2 {
            server.stop_immediately();
        } else {
            server.kill();
        }
        thread::sleep(Duration::from_micros(random.below(40_000)));
        server.go_on();
        // As the only writer: the desks have gone on already, and between two questions they would enrol somebody.
        let mut store = PostgresStore::open(&address).unwrap();
        let checked = check(&store.begin().unwrap()).unwrap();
        assert_eq!(checked.findings, Vec::<String>::new(), "round {round}");
    }
    for (process, _) in &mut desks {
        // SIGKILL on Unix.
        process.kill().unwrap();
        process.wait().unwrap();
    }
    for (_, reader) in desks {
        reader.join().unwrap();
    }
    for line in said {
        note(line, &mut acknowledged);
    }

    let store = PostgresStore::open(&address).unwrap();
    assert_eq!(check(&store).unwrap().findings, Vec::<String>::new());
    let roots = store.roots_since(Sequence::START, 1_000_000).unwrap();
    let mut registry = Registry::open(store).unwrap();
    let people = registry.status().unwrap().people;
    assert_eq!(roots.len() as u64, people);
    let mut tree = Tree::new();
    for (root, number) in roots.iter().zip(1..) {
        let record = registry.store().person(PersonId::new(number).unwrap()).unwrap().unwrap();
        let leaf = record.leaf.unwrap();
        tree.push(Leaf::new(&leaf.commitment, &leaf.credential)).unwrap();
        assert_eq!(root.root, tree.root());
        assert_eq!(leaf.credential, Credential::new(NOW, LATER, Assurance::BOTH_EYES).unwrap());
        assert!(record.templates.left.is_some() && record.templates.right.is_some());
    }
    for (&number, (person, root)) in &acknowledged {
        assert_eq!(registry.path(commitment(number)).unwrap().person, *person);
        assert!(roots.iter().any(|stored| stored.root == *root));
    }
    // Each death can hide one commit of each desk, and the last kill of the desks as well.
    let told = acknowledged.len() as u64 + found;
    assert!(told <= people && people <= told + DESKS, "{told} told, {people} stored");
    eprintln!(
        "{people} people stored, {} acknowledged, {found} found, {errors} errors, {ROUNDS} deaths",
        acknowledged.len()
    );
}
