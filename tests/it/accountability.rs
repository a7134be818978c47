//! What a registry can be held to: decisions taken again, captures of known stations, consent, and erasures that stay.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use personhood::iris::IrisTemplate;
use personhood::registry::{
    AuthenticateRequest, CaptureError, CaptureEvidence, CaptureManifest, Evidence, RefreshRequest, Registry,
    RegistryPolicy, ReplayOutcome, StationError, StationKey,
};
use personhood::store::{MemoryStore, SqliteStore};
use tempfile::TempDir;

use crate::world::{NOW, both, capture, id, left, request, right, world};

fn claim(person: u64, left: IrisTemplate) -> AuthenticateRequest {
    AuthenticateRequest { person: id(person), left: Some(left), right: None, at: NOW }
}

fn outcomes(registry: &mut Registry<MemoryStore>) -> Vec<ReplayOutcome> {
    registry.replay(0, 1_000).unwrap().into_iter().map(|replayed| replayed.outcome).collect()
}

#[test]
fn decisions_come_out_the_same_again() {
    let policy = RegistryPolicy { adjudicate_duplicates: true, ..RegistryPolicy::default() };
    let mut registry = world(policy, 4);
    let error = registry.enroll(both(capture(&left(2), 7), capture(&right(2), 8), 30)).unwrap_err();
    assert_eq!(error.code(), "review");
    let _same = registry.authenticate(&claim(1, capture(&left(0), 3))).unwrap();
    assert_eq!(registry.authenticate(&claim(1, left(9))).unwrap_err().code(), "not_this_person");
    let _suspended = registry.suspend(id(4), NOW, "").unwrap();
    let by_distances = ReplayOutcome::SameByDistances;
    let expected = [vec![ReplayOutcome::Same; 5], vec![by_distances.clone(), by_distances, ReplayOutcome::NotKept]];
    assert_eq!(outcomes(&mut registry), expected.concat());
    assert_eq!(registry.replay(5, 1).unwrap()[0].decision.as_u64(), 6);

    // Who is gone is not compared, and is named; who was enrolled later does not count.
    let _erased = registry.erase(id(2), NOW, "").unwrap();
    let newer = RefreshRequest { person: id(3), left: Some(capture(&left(2), 9)), right: None, at: NOW };
    let _refreshed = registry.refresh_template(&newer).unwrap();
    let _later = registry.enroll(request(50)).unwrap();
    let replayed = registry.replay(0, 5).unwrap();
    assert_eq!((&replayed[3].outcome, &replayed[3].missing), (&ReplayOutcome::Same, &vec![id(2), id(3)]));
    for gone in [1, 2] {
        assert_eq!(replayed[gone].outcome, ReplayOutcome::NotKept, "the eyes of decision {}", gone + 1);
    }
    assert!(!outcomes(&mut registry).iter().any(|outcome| matches!(outcome, ReplayOutcome::Different { .. })));
}

/// A registry whose rows were changed by hand does not come out the same.
#[test]
fn decisions_about_other_rows_do_not_come_out_the_same() {
    let change = |file: &Path, statement: &str| {
        rusqlite::Connection::open(file).unwrap().execute_batch(statement).unwrap();
    };
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("registry.db");
    let mut registry = Registry::create(SqliteStore::create(&file).unwrap(), RegistryPolicy::default(), NOW).unwrap();
    for person in 0..3 {
        let _enrolled = registry.enroll(request(person)).unwrap();
    }
    let _same = registry.authenticate(&claim(1, left(0))).unwrap();
    drop(registry);
    let replay = || {
        let mut registry = Registry::open(SqliteStore::open(&file).unwrap()).unwrap();
        let replayed = registry.replay(0, 10).unwrap();
        replayed
            .into_iter()
            .map(|replayed| match replayed.outcome {
                ReplayOutcome::Different { detail } => detail,
                outcome => format!("{outcome:?}"),
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(replay(), ["Same", "Same", "Same", "SameByDistances"]);
    // The distance that let somebody in.
    change(
        &file,
        "DROP TRIGGER decisions_stay; \
         UPDATE decisions SET details = replace(details, '\"disagreeing\":0', '\"disagreeing\":6000') WHERE decision_id = 4",
    );
    let found = replay();
    assert!(found[3].contains("0 of its 1 distances match"), "{found:?}");
    // Somebody else's eye in somebody's place.
    change(
        &file,
        "UPDATE templates SET record = (SELECT record FROM templates WHERE person_id = 1 AND eye = 0) \
         WHERE person_id = 3 AND eye = 0",
    );
    let found = replay();
    assert!(found[1] == "Same" && found[2].contains("duplicate"), "{found:?}");
}

#[test]
fn consent_is_asked_for_and_kept() {
    let mut registry = world(RegistryPolicy { consent_required: true, ..RegistryPolicy::default() }, 0);
    let with = |consent| Evidence { consent, ..Evidence::default() };
    let long = "x".repeat(201);
    for missing in [None, Some(""), Some(" "), Some(long.as_str())] {
        assert_eq!(registry.enroll_with(request(1), with(missing)).unwrap_err().code(), "consent_missing");
    }
    assert!(registry.decisions(0, 9).unwrap().is_empty(), "without consent nothing is looked at, and nothing recorded");
    let _enrolled = registry.enroll_with(request(1), with(Some("form 17"))).unwrap();
    let outcomes =
        registry.enroll_batch_with(&[(request(2), with(None)), (request(3), with(Some("form 18")))]).unwrap();
    assert_eq!(outcomes[0].as_ref().unwrap_err().code(), "consent_missing");
    assert!(outcomes[1].is_ok());
    let again = both(capture(&left(1), 4), capture(&right(1), 5), 9);
    assert_eq!(registry.enroll_with(again, with(Some("form 19"))).unwrap_err().code(), "duplicate");
    let _erased = registry.erase(id(1), NOW, "asked").unwrap();
    let kept: Vec<_> = registry.decisions(0, 9).unwrap().into_iter().map(|decision| decision.consent).collect();
    assert_eq!(kept, ["form 17", "form 18", "form 19", ""]);
    // Where it is not asked for, what is given is kept all the same.
    let mut registry = world(RegistryPolicy::default(), 0);
    let _enrolled = registry.enroll_with(request(1), with(Some("form 1"))).unwrap();
    let _enrolled = registry.enroll(request(2)).unwrap();
    let kept: Vec<_> = registry.decisions(0, 9).unwrap().into_iter().map(|decision| decision.consent).collect();
    assert_eq!(kept, ["form 1", ""]);
}

/// Of a batch, each has a capture of their own; one that is replayed is refused alone.
#[test]
fn captures_of_a_batch_are_taken_one_by_one() {
    let (mut registry, key) = desk();
    let signed: Vec<_> =
        [(1, 5), (2, 5), (3, 6)].map(|(challenge, counter)| key.sign(&manifest(challenge, counter)).unwrap()).into();
    let batch: Vec<_> =
        (1..).zip(&signed).map(|(person, signed)| (request(person), taken(presented(signed)))).collect();
    let outcomes = registry.enroll_batch_with(&batch).unwrap();
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok(), "{outcomes:?}");
    assert_eq!(outcomes[1].as_ref().unwrap_err().code(), "capture_replayed");
    assert_eq!(registry.stations().unwrap()[0].counter, 6);
}

/// A station, its key, and a registry that takes its captures only.
fn desk() -> (Registry<MemoryStore>, StationKey) {
    let policy = RegistryPolicy { signed_captures: true, ..RegistryPolicy::default() };
    let mut registry = Registry::create(MemoryStore::new(), policy, NOW).unwrap();
    let key = StationKey::from_bytes(&[9; 32]);
    let _station = registry.add_station("desk 1", key.public_key(), NOW).unwrap();
    for challenge in 1..9 {
        registry.challenge(&[challenge; 32], NOW + 100).unwrap();
    }
    (registry, key)
}

fn manifest(challenge: u8, counter: u64) -> CaptureManifest {
    CaptureManifest {
        station: "desk 1".to_owned(),
        challenge: [challenge; 32],
        counter,
        expires_at: NOW + 60,
        left: Some([1; 32]),
        right: Some([2; 32]),
    }
}

/// What was presented: the eyes of `manifest`.
fn presented(signed: &[u8]) -> CaptureEvidence<'_> {
    CaptureEvidence { signed, left: Some([1; 32]), right: Some([2; 32]) }
}

fn taken(capture: CaptureEvidence<'_>) -> Evidence<'_> {
    Evidence { capture: Some(capture), ..Evidence::default() }
}

#[test]
fn a_capture_is_taken_once_from_a_station_that_is_known() {
    let (mut registry, key) = desk();
    assert_eq!(registry.enroll(request(1)).unwrap_err().code(), "capture_unsigned");
    let signed = key.sign(&manifest(1, 5)).unwrap();
    let mut enroll = |person: u64, evidence: CaptureEvidence<'_>| {
        registry.enroll_with(request(person), taken(evidence)).map_err(|error| error.code())
    };
    assert!(enroll(1, presented(&signed)).is_ok());
    // Again; with another challenge but a counter that has not grown; with a challenge that was used.
    assert_eq!(enroll(2, presented(&signed)).unwrap_err(), "capture_replayed");
    let mut refused = |manifest: CaptureManifest, code: &str| {
        let signed = key.sign(&manifest).unwrap();
        assert_eq!(enroll(2, presented(&signed)).unwrap_err(), code, "{manifest:?}");
    };
    refused(manifest(2, 5), "capture_replayed");
    refused(manifest(1, 6), "capture_challenge");
    refused(manifest(77, 6), "capture_challenge");
    refused(CaptureManifest { expires_at: NOW - 1, ..manifest(2, 6) }, "capture_expired");
    refused(CaptureManifest { station: "desk 2".to_owned(), ..manifest(2, 6) }, "capture_station_unknown");
    refused(CaptureManifest { left: Some([3; 32]), ..manifest(2, 6) }, "capture_other");
    refused(CaptureManifest { right: None, ..manifest(2, 6) }, "capture_other");
    let other = StationKey::from_bytes(&[8; 32]).sign(&manifest(2, 6)).unwrap();
    assert_eq!(enroll(2, presented(&other)).unwrap_err(), "capture_signature");
    // None of the refused captures used anything up: the next good one is taken.
    let signed = key.sign(&manifest(2, 6)).unwrap();
    assert!(enroll(2, presented(&signed)).is_ok());
    // A duplicate's capture is used up all the same.
    let signed = key.sign(&manifest(3, 7)).unwrap();
    assert_eq!(enroll(2, presented(&signed)).unwrap_err(), "duplicate");
    assert_eq!(enroll(3, presented(&signed)).unwrap_err(), "capture_replayed");
    assert_eq!(registry.stations().unwrap()[0].counter, 7);
    // Nothing is taken from a station that was removed, and neither its name nor its key come back.
    let _removed = registry.revoke_station("desk 1", NOW + 1).unwrap();
    let signed = key.sign(&manifest(4, 8)).unwrap();
    let error = registry.enroll_with(request(3), taken(presented(&signed))).unwrap_err();
    assert_eq!(error.code(), "capture_station_unknown");
    for (name, key) in [("desk 1", StationKey::from_bytes(&[1; 32]).public_key()), ("desk 3", key.public_key())] {
        let error = registry.add_station(name, key, NOW).unwrap_err();
        assert!(matches!(error, StationError::There { .. }), "{name}: {error}");
    }
    assert!(matches!(registry.add_station("weak", [0; 32], NOW), Err(StationError::Key)));
    let outcomes: Vec<_> = registry.decisions(0, 99).unwrap().into_iter().map(|decision| decision.outcome).collect();
    assert!(outcomes.contains(&"capture_signature".to_owned()) && outcomes.contains(&"capture_unsigned".to_owned()));
}

#[test]
fn manifests_have_one_encoding_and_every_bit_counts() {
    let (mut registry, key) = desk();
    let signed = key.sign(&manifest(1, 5)).unwrap();
    assert_eq!(CaptureManifest::from_bytes(&signed).unwrap().0, manifest(1, 5));
    for bit in 0..signed.len() * 8 {
        let mut changed = signed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let error = registry.enroll_with(request(1), taken(presented(&changed))).unwrap_err();
        assert!(error.code().starts_with("capture_"), "bit {bit}: {error}");
    }
    for length in 0..signed.len() {
        assert!(CaptureManifest::from_bytes(&signed[..length]).is_err(), "{length} bytes");
    }
    let longer = [signed.as_slice(), &[0]].concat();
    assert!(CaptureManifest::from_bytes(&longer).is_err());
    let _taken = registry.enroll_with(request(1), taken(presented(&signed))).unwrap();
    for wrong in [
        CaptureManifest { station: String::new(), ..manifest(1, 5) },
        CaptureManifest { station: "x".repeat(65), ..manifest(1, 5) },
        CaptureManifest { counter: 1 << 63, ..manifest(1, 5) },
        CaptureManifest { left: None, right: None, ..manifest(1, 5) },
    ] {
        assert!(matches!(key.sign(&wrong), Err(CaptureError::Malformed { .. })), "{wrong:?}");
    }
    assert_eq!(format!("{key:?}"), "StationKey { .. }");
}
