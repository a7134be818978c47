//! One person once: enrolment, its refusals, two processes at once, kill -9, a full disk, tampering.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use personhood::identity::{Assurance, Credential, Leaf};
use personhood::iris::{Degenerate, EncoderVersion, EyeSide, IrisTemplate, Layout, Rotation};
use personhood::matcher::{Comparison, EyeRule, MatchPolicy, ScoreRule, Threshold, compare};
use personhood::presentation::{PresentationReport, Verdict};
use personhood::registry::{
    AuthenticateError, AuthenticateRequest, EnrollError, EnrollRequest, EnrolmentClass, IdentifyError, PathError,
    PolicyError, Registry, RegistryError, RegistryPolicy, UnfitTemplate,
};
use personhood::store::{
    LeafRecord, MemoryStore, NewDecision, NewPerson, PersonId, ReadStore, SqliteNullifiers, SqliteStore, Store,
    StoreError, TemplatePair, TemplateRecord, WriteTransaction,
};
use personhood::tree::{LeafIndex, MerkleRoot, Tree};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::people::{Random, actor, again, commitment, eye, eye_in, role, template};

const NOW: u64 = 1_700_000_000;
const LATER: u64 = 1_900_000_000;

/// The left eye of a person is eye 2n, the right one 2n + 1.
fn left(person: u64) -> IrisTemplate {
    eye(2 * person)
}

fn right(person: u64) -> IrisTemplate {
    eye(2 * person + 1)
}

fn both(left: IrisTemplate, right: IrisTemplate, number: u64) -> EnrollRequest {
    EnrollRequest {
        left: Some(left),
        right: Some(right),
        commitment: commitment(number),
        class: EnrolmentClass::BothEyes,
        issued_at: NOW,
        expires_at: LATER,
    }
}

fn request(person: u64) -> EnrollRequest {
    both(left(person), right(person), person)
}

fn memory(policy: RegistryPolicy) -> Registry<MemoryStore> {
    Registry::create(MemoryStore::new(), policy, NOW).unwrap()
}

/// The outcomes of all decisions so far.
fn outcomes<S: Store>(registry: &Registry<S>) -> Vec<String> {
    registry.decisions(0, 1_000).unwrap().into_iter().map(|decision| decision.outcome).collect()
}

#[test]
fn a_person_comes_in_once() {
    let mut registry = memory(RegistryPolicy::default());
    registry.set_operator("desk 3");
    let empty = registry.root();
    let mut roots = vec![];
    for person in 0..5 {
        let enrolled = registry.enroll(request(person)).unwrap();
        assert_eq!(enrolled.person.as_u64(), person + 1);
        assert_eq!(u64::from(enrolled.leaf_index.as_u32()), person);
        assert_eq!(enrolled.credential, Credential::new(NOW, LATER, Assurance::BOTH_EYES).unwrap());
        assert_eq!(enrolled.root, registry.root());
        roots.push(enrolled.root);
    }
    // Another capture of both eyes, turned by six columns.
    let again = |eye: &IrisTemplate, capture| again(eye, capture, 6, 1);
    let error = registry.enroll(both(again(&left(3), 1), again(&right(3), 2), 100)).unwrap_err();
    let EnrollError::Duplicate { person, eye, probe, alignment, people } = error else { panic!("{error}") };
    assert_eq!((person.as_u64(), people), (4, 1));
    assert_eq!(eye, probe);
    assert_eq!(alignment.rotation, Rotation::new(-6));
    assert!((0.1..0.15).contains(&alignment.distance.ratio()), "{alignment}");
    // One eye is enough, and so is one eye presented as the other one.
    for (l, r, enrolled, presented) in [
        (again(&left(3), 3), eye_in(Layout::Columns256, 900), EyeSide::Left, EyeSide::Left),
        (eye_in(Layout::Columns256, 901), again(&right(3), 4), EyeSide::Right, EyeSide::Right),
        (again(&right(3), 5), eye_in(Layout::Columns256, 902), EyeSide::Right, EyeSide::Left),
        (eye_in(Layout::Columns256, 903), again(&left(3), 6), EyeSide::Left, EyeSide::Right),
    ] {
        let error = registry.enroll(both(l, r, 101)).unwrap_err();
        let EnrollError::Duplicate { person, eye, probe, .. } = error else { panic!("{error}") };
        assert_eq!((person.as_u64(), eye, probe), (4, enrolled, presented));
    }
    assert_eq!(registry.status().unwrap().people, 5);
    assert_eq!(registry.root(), *roots.last().unwrap());
    assert!(!roots.contains(&empty));

    let decisions = registry.decisions(0, 100).unwrap();
    assert_eq!(decisions.len(), 10);
    let (accepted, refused) = (&decisions[4], &decisions[5]);
    assert_eq!((accepted.outcome.as_str(), accepted.people, accepted.distances.len()), ("accepted", 4, 0));
    assert_eq!((refused.outcome.as_str(), refused.people, refused.distances.len()), ("duplicate", 5, 2));
    assert_eq!((refused.action.as_str(), refused.operator.as_str(), refused.at), ("enrol", "desk 3", NOW));
    assert_eq!(refused.person.map(PersonId::as_u64), Some(4));
    assert_eq!(refused.software, concat!("personhood ", env!("CARGO_PKG_VERSION")));
    let nearest = refused.distances[0];
    assert_eq!((nearest.person, nearest.disagreeing, nearest.rotation), (4, alignment.distance.disagreeing(), -6));
}

#[test]
fn the_search_of_swapped_eyes_can_be_turned_off() {
    let mut registry = memory(RegistryPolicy { swapped_eyes: false, ..RegistryPolicy::default() });
    let _ = registry.enroll(request(1)).unwrap();
    let _ = registry.enroll(both(right(1), left(1), 2)).unwrap();
}

#[test]
fn one_eye_has_to_be_asked_for() {
    let mut registry = memory(RegistryPolicy::default());
    let one = |left, right, class| EnrollRequest { left, right, class, ..request(7) };
    let error = registry.enroll(one(Some(left(7)), None, EnrolmentClass::BothEyes)).unwrap_err();
    assert!(matches!(error, EnrollError::MissingEye { eye: EyeSide::Right }), "{error}");
    let error = registry.enroll(one(None, None, EnrolmentClass::BothEyes)).unwrap_err();
    assert!(matches!(error, EnrollError::MissingEye { eye: EyeSide::Left }), "{error}");
    for (eyes, given) in [((None, None), 0), ((Some(left(7)), Some(right(7))), 2)] {
        let error = registry.enroll(one(eyes.0, eyes.1, EnrolmentClass::OneEye)).unwrap_err();
        assert!(matches!(error, EnrollError::NotOneEye { given: found } if found == given), "{error}");
    }
    // Requests that make no sense are no decisions.
    assert!(outcomes(&registry).is_empty());

    let enrolled = registry.enroll(one(None, Some(right(7)), EnrolmentClass::OneEye)).unwrap();
    assert_eq!(enrolled.credential.assurance(), Assurance::ONE_EYE);
    let status = registry.status().unwrap();
    assert_eq!((status.people, status.left_eyes, status.right_eyes), (1, 0, 1));
    let error = registry.enroll(both(left(7), again(&right(7), 1, 0, 1), 8)).unwrap_err();
    assert!(matches!(error, EnrollError::Duplicate { eye: EyeSide::Right, .. }), "{error}");
}

#[test]
fn templates_of_another_kind_are_refused() {
    let mut registry = memory(RegistryPolicy::default());
    let error = registry.enroll(both(left(1), eye_in(Layout::Columns200, 3), 1)).unwrap_err();
    let expected =
        UnfitTemplate::Layout { eye: EyeSide::Right, found: Layout::Columns200, expected: Layout::Columns256 };
    assert!(matches!(&error, EnrollError::Template(unfit) if *unfit == expected), "{error}");
    assert_eq!(error.code(), "wrong_layout");

    let other = IrisTemplate::new(left(1).code().clone(), left(1).mask().clone(), EncoderVersion::Other(7)).unwrap();
    let error = registry.enroll(both(other.clone(), right(1), 1)).unwrap_err();
    assert!(matches!(error, EnrollError::Template(UnfitTemplate::Encoder { eye: EyeSide::Left, .. })), "{error}");
    assert!(matches!(
        registry.identify(Some(&other), None),
        Err(IdentifyError::Template(UnfitTemplate::Encoder { .. }))
    ));
    assert!(outcomes(&registry).is_empty());
    // What open-iris wrote itself is the same encoder.
    let named = EncoderVersion::OpenIrisFormat { major: 0, minor: 1 };
    let by = |encoder, eye: IrisTemplate| IrisTemplate::new(eye.code().clone(), eye.mask().clone(), encoder).unwrap();
    let policy = RegistryPolicy {
        encoder: EncoderVersion::OpenIris1112,
        matching: MatchPolicy::OPEN_IRIS,
        ..RegistryPolicy::default()
    };
    let mut registry = memory(policy);
    let _ = registry.enroll(both(by(named, left(1)), by(EncoderVersion::OpenIris1112, right(1)), 1)).unwrap();
}

#[test]
fn what_is_no_iris_is_refused_and_written_down() {
    let mut registry = memory(RegistryPolicy::default());
    let all = || vec![u64::MAX; 256];
    let noise = |seed| left(seed).code().columns().to_vec();
    // 15 of 64 bits of every column are below a quarter, 16 are exactly one.
    let thin = template(Layout::Columns256, noise(1), vec![0x7FFF << 20; 256]);
    let enough = template(Layout::Columns256, noise(1), vec![0xFFFF << 20; 256]);
    let constant = template(Layout::Columns256, vec![0; 256], all());
    let stripes = template(Layout::Columns256, vec![0x5555_5555_5555_5555; 256], all());
    let repeating = template(Layout::Columns256, noise(1)[..64].repeat(4), all());
    let blind = template(Layout::Columns256, noise(1), vec![0; 256]);
    for (bad, number) in [thin, constant, stripes, repeating, blind].into_iter().zip(0..) {
        for (l, r, eye) in [(bad.clone(), right(1), EyeSide::Left), (left(1), bad.clone(), EyeSide::Right)] {
            let error = registry.enroll(both(l, r, 1)).unwrap_err();
            let EnrollError::Template(UnfitTemplate::Degenerate { eye: found, reason }) = error else {
                panic!("{error}")
            };
            assert_eq!(found, eye);
            let expected = match number {
                0 | 4 => matches!(reason, Degenerate::Masked { .. }),
                1 => matches!(reason, Degenerate::Constant { .. }),
                2 => matches!(reason, Degenerate::Striped { .. }),
                _ => matches!(reason, Degenerate::Periodic { .. }),
            };
            assert!(expected, "{number}: {reason}");
        }
    }
    assert_eq!(outcomes(&registry), ["degenerate_template"; 10]);
    assert_eq!(registry.status().unwrap().people, 0);
    // One plane of four is masked as a whole here, and has no rarer value; a quarter in all planes is enough.
    let error = registry.enroll(both(enough, right(1), 1)).unwrap_err();
    assert!(matches!(
        error,
        EnrollError::Template(UnfitTemplate::Degenerate { reason: Degenerate::Constant { .. }, .. })
    ));
    let spread = template(
        Layout::Columns256,
        noise(1),
        vec![0x0F0F_0F0F_0F0F_0F0F & 0x00FF_00FF_00FF_00FF | 0xF000_F000_F000_F000; 256],
    );
    let _ = registry.enroll(both(spread, right(1), 1)).unwrap();
}

#[test]
fn one_eye_is_not_two() {
    let mut registry = memory(RegistryPolicy::default());
    let error = registry.enroll(both(left(1), again(&left(1), 1, 3, 1), 1)).unwrap_err();
    assert!(
        matches!(error, EnrollError::SameEyeTwice { alignment } if alignment.rotation == Rotation::new(3)),
        "{error}"
    );
    assert_eq!(outcomes(&registry), ["same_eye_twice"]);
}

/// Eyes at distance 1/4 from `base` and 3/8 from each other: `base` matches all of them, none matches another.
fn circle(base: &IrisTemplate, number: u64) -> IrisTemplate {
    again(base, 10_000 + number, 0, 2)
}

#[test]
fn who_matches_everybody_is_refused_as_such() {
    let mut registry = memory(RegistryPolicy::default());
    let base = left(500);
    for number in 0..8 {
        let _ = registry.enroll(both(circle(&base, number), right(number), number)).unwrap();
    }
    let probe = || both(base.clone(), right(600), 600);
    let error = registry.enroll(probe()).unwrap_err();
    assert!(matches!(error, EnrollError::Duplicate { people: 8, .. }), "{error}");
    let _ = registry.enroll(both(circle(&base, 8), right(8), 8)).unwrap();
    let error = registry.enroll(probe()).unwrap_err();
    assert!(matches!(error, EnrollError::MatchesTooMany { people: 9, limit: 8 }), "{error}");
    let last = registry.decisions(0, 100).unwrap().pop().unwrap();
    assert_eq!((last.outcome.as_str(), last.person, last.distances.len()), ("matches_too_many", None, 9));
    assert_eq!(registry.identify(Some(&base), None).unwrap().len(), 9);
}

/// The same eye with only these bits of every column usable.
fn masked(eye: &IrisTemplate, mask: u64) -> IrisTemplate {
    template(eye.layout(), eye.code().columns().to_vec(), vec![mask; eye.layout().columns()])
}

/// Rows 0 to 7 of every wavelet and part, and the others: no turn makes them overlap.
const INNER: u64 = 0x00FF_00FF_00FF_00FF;
const OUTER: u64 = !INNER;

#[test]
fn nobody_comes_in_while_somebody_is_not_ruled_out() {
    let mut registry = memory(RegistryPolicy::default());
    let _ = registry.enroll(both(masked(&left(1), INNER), masked(&right(1), INNER), 1)).unwrap();
    let error = registry.enroll(both(masked(&left(1), OUTER), masked(&right(1), OUTER), 2)).unwrap_err();
    assert!(matches!(error, EnrollError::Undecided { people: 1, limit: 0 }), "{error}");
    // A stranger with such masks cannot be told from them either; with one comparable eye they can.
    let error = registry.enroll(both(masked(&left(3), OUTER), masked(&right(3), OUTER), 3)).unwrap_err();
    assert_eq!(error.code(), "undecided");
    let _ = registry.enroll(both(masked(&left(3), OUTER), right(3), 3)).unwrap();
    // Two people, each with another eye that cannot be compared, are both ruled out by their other eyes.
    let mut registry = memory(RegistryPolicy::default());
    let _ = registry.enroll(both(masked(&left(1), INNER), right(1), 1)).unwrap();
    let _ = registry.enroll(both(left(2), masked(&right(2), INNER), 2)).unwrap();
    let _ = registry.enroll(both(masked(&left(3), OUTER), masked(&right(3), OUTER), 3)).unwrap();
    let last = registry.decisions(0, 100).unwrap().pop().unwrap();
    assert_eq!((last.outcome.as_str(), last.incomparable), ("accepted", 0));
    // A policy may let them in, and then says so in the decision.
    let mut registry = memory(RegistryPolicy { maximum_incomparable: 1, ..RegistryPolicy::default() });
    let _ = registry.enroll(both(masked(&left(1), INNER), masked(&right(1), INNER), 1)).unwrap();
    let _ = registry.enroll(both(masked(&left(2), OUTER), masked(&right(2), OUTER), 2)).unwrap();
    let last = registry.decisions(0, 100).unwrap().pop().unwrap();
    assert_eq!((last.outcome.as_str(), last.incomparable), ("accepted", 1));
}

fn rule(eye_rule: EyeRule) -> RegistryPolicy {
    RegistryPolicy { matching: MatchPolicy { eye_rule, ..MatchPolicy::default() }, ..RegistryPolicy::default() }
}

#[test]
fn the_rule_of_both_eyes_asks_for_both() {
    let mut registry = memory(rule(EyeRule::Both));
    let _ = registry.enroll(request(1)).unwrap();
    let error = registry.enroll(both(again(&left(1), 1, 2, 1), again(&right(1), 2, 2, 1), 2)).unwrap_err();
    assert!(matches!(error, EnrollError::Duplicate { .. }), "{error}");
    // Exchanged, and with one eye that says nothing.
    assert_eq!(registry.enroll(both(right(1), left(1), 2)).unwrap_err().code(), "duplicate");
    let _ = registry.enroll(both(again(&left(1), 3, 2, 1), right(2), 2)).unwrap();

    let mut registry = memory(rule(EyeRule::Both));
    let _ = registry.enroll(both(left(1), masked(&right(1), INNER), 1)).unwrap();
    let error = registry.enroll(both(again(&left(1), 1, 2, 1), masked(&right(9), OUTER), 2)).unwrap_err();
    assert_eq!(error.code(), "duplicate", "masking one eye does not undo the other's match");
}

#[test]
fn a_commitment_has_one_leaf() {
    let mut registry = memory(RegistryPolicy::default());
    let _ = registry.enroll(request(1)).unwrap();
    let error = registry.enroll(both(left(2), right(2), 1)).unwrap_err();
    assert!(matches!(error, EnrollError::DuplicateCommitment { person } if person.as_u64() == 1), "{error}");
    assert_eq!(outcomes(&registry), ["accepted", "duplicate_commitment"]);
    assert_eq!(registry.status().unwrap().people, 1);
}

#[test]
fn a_credential_must_be_possible() {
    let mut registry = memory(RegistryPolicy::default());
    for (issued_at, expires_at) in [(NOW, NOW - 1), (NOW, 1 << 40), (1 << 40, 1 << 41)] {
        let error = registry.enroll(EnrollRequest { issued_at, expires_at, ..request(1) }).unwrap_err();
        assert!(matches!(error, EnrollError::Credential(_)), "{error}");
    }
    assert!(outcomes(&registry).is_empty());
}

#[test]
fn people_are_identified_and_authenticated() {
    let mut registry = memory(RegistryPolicy::default());
    for person in 0..4 {
        let _ = registry.enroll(request(person)).unwrap();
    }
    let (l, r) = (again(&left(2), 1, -4, 1), again(&right(2), 2, 5, 1));
    let found = registry.identify(Some(&l), Some(&r)).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].person.as_u64(), found[0].sightings.len()), (3, 2));
    let [first, second] = [0, 1].map(|at: usize| found[0].sightings[at].alignment.distance);
    assert!(MatchPolicy::default().score.order(first, second).is_le());
    assert!(registry.identify(Some(&left(9)), Some(&right(9))).unwrap().is_empty());
    assert!(matches!(registry.identify(None, None), Err(IdentifyError::NoEye)));
    let found = registry.identify(Some(&left(0)), Some(&again(&right(1), 3, 0, 1))).unwrap();
    assert_eq!(found.iter().map(|found| found.person.as_u64()).collect::<Vec<_>>(), [1, 2]);

    let claim = |person, left: Option<&IrisTemplate>, right: Option<&IrisTemplate>| AuthenticateRequest {
        person: PersonId::new(person).unwrap(),
        left: left.cloned(),
        right: right.cloned(),
        at: NOW + 5,
    };
    let authenticated = registry.authenticate(&claim(3, Some(&l), Some(&r))).unwrap();
    assert_eq!((authenticated.person.as_u64(), authenticated.sightings.len()), (3, 2));
    let _ = registry.authenticate(&claim(3, None, Some(&r))).unwrap();
    let error = registry.authenticate(&claim(2, Some(&l), Some(&r))).unwrap_err();
    assert!(matches!(error, AuthenticateError::NotThisPerson { nearest: Some(_), .. }), "{error}");
    // The eyes of person 3, presented as each other, are not believed: a camera knows left from right.
    let error = registry.authenticate(&claim(3, Some(&r), Some(&l))).unwrap_err();
    assert!(matches!(error, AuthenticateError::NotThisPerson { .. }), "{error}");
    let error = registry.authenticate(&claim(5, Some(&l), None)).unwrap_err();
    assert!(matches!(error, AuthenticateError::UnknownPerson { .. }), "{error}");
    assert!(matches!(registry.authenticate(&claim(3, None, None)), Err(AuthenticateError::NoEye)));
    let _ = registry.enroll(both(masked(&left(50), INNER), right(50), 50)).unwrap();
    let error = registry.authenticate(&claim(5, Some(&masked(&left(50), OUTER)), None)).unwrap_err();
    assert!(matches!(error, AuthenticateError::Undecided { .. }), "{error}");

    let decisions = registry.decisions(4, 100).unwrap();
    let seen: Vec<_> = decisions.iter().map(|decision| (decision.action.as_str(), decision.outcome.as_str())).collect();
    assert_eq!(
        seen,
        [
            ("authenticate", "accepted"),
            ("authenticate", "accepted"),
            ("authenticate", "not_this_person"),
            ("authenticate", "not_this_person"),
            ("enrol", "accepted"),
            ("authenticate", "undecided"),
        ]
    );
    assert_eq!((decisions[0].at, decisions[0].distances.len(), decisions[2].distances.len()), (NOW + 5, 2, 2));

    // With the rule of both eyes, one is not enough to be believed.
    let mut registry = memory(rule(EyeRule::Both));
    for person in 0..3 {
        let _ = registry.enroll(request(person)).unwrap();
    }
    let _ = registry.authenticate(&claim(3, Some(&l), Some(&r))).unwrap();
    let error = registry.authenticate(&claim(3, Some(&l), None)).unwrap_err();
    assert!(matches!(error, AuthenticateError::NotThisPerson { nearest: None, .. }), "{error}");
    let error = registry.authenticate(&claim(3, Some(&l), Some(&right(1)))).unwrap_err();
    assert!(matches!(error, AuthenticateError::NotThisPerson { nearest: Some(_), .. }), "{error}");
}

#[test]
fn paths_lead_to_the_newest_root() {
    let mut registry = memory(RegistryPolicy::default());
    let mut tree = Tree::new();
    for person in 0..10 {
        let issued_at = NOW + person;
        let enrolled = registry.enroll(EnrollRequest { issued_at, ..request(person) }).unwrap();
        let leaf = Leaf::new(&commitment(person), &enrolled.credential);
        tree.push(leaf).unwrap();
        assert_eq!(enrolled.root, tree.root());
        let by_number = registry.path(enrolled.person).unwrap();
        let by_commitment = registry.path(commitment(person)).unwrap();
        assert_eq!(by_number, by_commitment);
        assert_eq!(by_number.path.root(&leaf), registry.root());
        assert_eq!((by_number.root, by_number.credential), (registry.root(), enrolled.credential));
        assert_eq!((by_number.person, by_number.leaf_index), (enrolled.person, enrolled.leaf_index));
    }
    let old = registry.path(PersonId::new(1).unwrap()).unwrap();
    assert_eq!(old.root, registry.root());
    assert!(matches!(registry.path(PersonId::new(11).unwrap()), Err(PathError::NotEnrolled { .. })));
    let error = registry.path(commitment(77)).unwrap_err();
    assert!(error.to_string().contains(&commitment(77).to_string()), "{error}");

    let roots = registry.roots().unwrap();
    assert_eq!(roots.len(), 10);
    assert_eq!(roots.last().unwrap().root, registry.root());
    let history = registry.root_history().unwrap();
    assert_eq!(history.current(), registry.root());
    // Each root ended when the next one came, a second later.
    for (at, root) in (NOW + 1..).zip(&roots[..9]) {
        assert!(history.check(&root.root, at + 60, 60).is_ok());
        assert!(history.check(&root.root, at + 61, 60).is_err());
    }
    assert!(history.check(&Tree::new().root(), NOW, 0).is_ok());
}

#[test]
fn clocks_that_disagree_do_not_turn_the_history_of_roots_back() {
    let mut registry = memory(RegistryPolicy::default());
    for (person, issued_at) in [(1, NOW + 100), (2, NOW + 50), (3, NOW - 500), (4, NOW + 101)] {
        let _ = registry.enroll(EnrollRequest { issued_at, ..request(person) }).unwrap();
    }
    let times: Vec<_> = registry.roots().unwrap().iter().map(|root| root.at).collect();
    assert_eq!(times, [NOW + 100, NOW + 100, NOW + 100, NOW + 101]);
    assert_eq!(registry.root_history().unwrap().since(), NOW + 101);
    // What each person was told stays what it was.
    let person = registry.path(PersonId::new(3).unwrap()).unwrap();
    assert_eq!(person.credential.issued_at(), NOW - 500);
}

#[test]
fn policies_are_kept_and_checked() {
    let unusual = RegistryPolicy {
        layout: Layout::Columns200,
        encoder: EncoderVersion::OpenIrisFormat { major: 2, minor: 1 },
        matching: MatchPolicy {
            score: ScoreRule::Normalized,
            threshold: Threshold::new(3, 10).unwrap(),
            minimum_compared_permille: 200,
            maximum_rotation: 7,
            eye_rule: EyeRule::Both,
        },
        maximum_matches: 3,
        maximum_incomparable: 2,
        swapped_eyes: false,
        recovery_delay_seconds: 5,
        adjudicate_duplicates: true,
        appeal_seconds: 6,
        maximum_attempts: 7,
        attempt_window_seconds: 8,
        retention_seconds: 9,
        consent_required: true,
        signed_captures: true,
        ..RegistryPolicy::default()
    };
    for policy in [RegistryPolicy::default(), unusual.clone()] {
        let text = policy.to_json().unwrap();
        assert_eq!(RegistryPolicy::from_json(&text).unwrap(), policy);
        let store = MemoryStore::new();
        drop(Registry::create(store.clone(), policy.clone(), NOW).unwrap());
        assert_eq!(*Registry::open(store).unwrap().policy(), policy);
    }
    let text = RegistryPolicy::default().to_json().unwrap();
    for unknown in [0, 5] {
        let newer = text.replacen("\"version\":4", &format!("\"version\":{unknown}"), 1);
        let error = RegistryPolicy::from_json(&newer).unwrap_err();
        assert!(matches!(error, PolicyError::Version { found, supported: 4 } if found == unknown), "{error}");
    }
    let more = text.replacen('{', "{\"surprise\":1,", 1);
    assert!(matches!(RegistryPolicy::from_json(&more), Err(PolicyError::Malformed { .. })));
    let less = text.replace(",\"appeal_seconds\":2592000", "");
    assert!(matches!(RegistryPolicy::from_json(&less), Err(PolicyError::Malformed { .. })));
    for version in [2, 3] {
        let early = text.replacen("\"version\":4", &format!("\"version\":{version}"), 1);
        assert!(matches!(RegistryPolicy::from_json(&early), Err(PolicyError::Malformed { .. })), "{version}");
    }
    // As an earlier release wrote it.
    let third = text.replacen("\"version\":4", "\"version\":3", 1);
    let third = third.replace(",\"consent_required\":false,\"signed_captures\":false", "");
    assert_eq!(RegistryPolicy::from_json(&third).unwrap(), RegistryPolicy::default());
    let less = text.replace("\"maximum_matches\":8,", "");
    assert!(matches!(RegistryPolicy::from_json(&less), Err(PolicyError::Malformed { .. })));
    for wrong in ["", "{}", "[]", "null", &text[..text.len() - 1]] {
        assert!(matches!(RegistryPolicy::from_json(wrong), Err(PolicyError::Malformed { .. })), "{wrong}");
    }

    let refused = |policy: RegistryPolicy, field: &str| {
        let error = Registry::create(MemoryStore::new(), policy, NOW).unwrap_err();
        let RegistryError::Policy(PolicyError::Value { field: found, .. }) = error else { panic!("{error}") };
        assert_eq!(found, field);
    };
    let with = |matching: MatchPolicy| RegistryPolicy { matching, ..RegistryPolicy::default() };
    let matching = MatchPolicy::default();
    for (numerator, denominator) in [(0, 1), (1, 2), (1, 1), (500, 1000)] {
        let threshold = Threshold::new(numerator, denominator).unwrap();
        refused(with(MatchPolicy { threshold, ..matching }), "threshold");
    }
    refused(with(MatchPolicy { minimum_compared_permille: 0, ..matching }), "minimum_compared_permille");
    refused(with(MatchPolicy { minimum_compared_permille: 1001, ..matching }), "minimum_compared_permille");
    refused(with(MatchPolicy { minimum_compared_permille: 300, ..matching }), "usable_at_least");
    refused(with(MatchPolicy { maximum_rotation: 128, ..matching }), "maximum_rotation");
    refused(RegistryPolicy { maximum_matches: 0, ..RegistryPolicy::default() }, "maximum_matches");
    refused(RegistryPolicy { recovery_delay_seconds: 1 << 40, ..RegistryPolicy::default() }, "recovery_delay_seconds");
    refused(RegistryPolicy { attempt_window_seconds: 0, ..RegistryPolicy::default() }, "attempt_window_seconds");
    let mut nan = RegistryPolicy::default();
    nan.degeneracy.self_distance_at_least = f64::NAN;
    refused(nan, "self_distance_at_least");
}

/// What release 0.1 wrote before there was a choice of scores, byte for byte: its registries stay readable.
#[test]
fn policies_of_the_first_version_are_read() {
    let document = r#"{"version":1,"columns":256,"encoder":"open-iris-1.11.2","matching":{"threshold":{"numerator":345,"denominator":1000},"minimum_compared_permille":125,"maximum_rotation":15,"eye_rule":"either"},"usable_at_least":0.25,"minority_at_least":0.1,"transitions_at_least":0.01,"transitions_at_most":0.85,"self_distance_at_least":0.25,"maximum_matches":8,"maximum_incomparable":0,"swapped_eyes":true}"#;
    let policy = RegistryPolicy::from_json(document).unwrap();
    assert_eq!(policy.encoder, EncoderVersion::OpenIris1112);
    assert_eq!(policy.matching.score, ScoreRule::Fractional);
    assert_eq!(policy.recovery_delay_seconds, RegistryPolicy::default().recovery_delay_seconds);
    assert_eq!(policy.matching.threshold, Threshold::new(345, 1000).unwrap());
}

/// `docs/formats.md` draws every column of every table, and shows the documents as they are written.
#[test]
fn the_formats_are_documented_as_they_are() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/formats.md")).unwrap();
    let ground = Ground::new(RegistryPolicy::default());
    let nullifiers = ground.0.path().join("nullifiers.db");
    drop(SqliteNullifiers::create(&nullifiers).unwrap());
    for (file, tables) in [(ground.file(), 18), (nullifiers, 1)] {
        let connection = rusqlite::Connection::open(file).unwrap();
        let mut statement = connection
            .prepare(
                "SELECT m.name, i.name, i.type FROM sqlite_schema m, pragma_table_info(m.name) i \
                 WHERE m.type = 'table' ORDER BY m.rowid, i.cid",
            )
            .unwrap();
        let columns: Vec<(String, String, String)> = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let names: BTreeSet<_> = columns.iter().map(|column| &column.0).collect();
        assert_eq!(names.len(), tables);
        // Drawn with this type, as often as there are tables with such a column.
        for (table, column, kind) in &columns {
            let named = [format!("\n{table} "), format!(" {table} "), format!("\n{table}\n")];
            assert!(named.iter().any(|name| text.contains(name)), "{table}");
            let drawn = text
                .match_indices(column.as_str())
                .filter(|(at, _)| {
                    let rest = text[at + column.len()..].trim_start();
                    let before = text[..*at].trim_end();
                    (before.ends_with('│') || before.ends_with('┤'))
                        && rest.strip_prefix('│').is_some_and(|rest| rest.trim_start().starts_with(kind.as_str()))
                })
                .count();
            let expected = columns.iter().filter(|other| other.1 == *column && other.2 == *kind).count();
            assert_eq!(drawn, expected, "{table}.{column} {kind}");
        }
    }
    assert!(text.contains(&RegistryPolicy::default().to_json().unwrap()));

    let mut registry = ground.open().unwrap();
    let _ = registry.enroll(request(1)).unwrap();
    let _ = registry.enroll(both(left(1), right(2), 2)).unwrap_err();
    let record = registry.store().decisions_since(1, 1).unwrap().remove(0);
    let shape = |json: &str| -> String { json.chars().filter(|c| !c.is_ascii_digit() && *c != '-').collect() };
    assert!(text.lines().any(|line| shape(line) == shape(&record.details)), "{}", record.details);
}

// Several registries on one store.

#[test]
fn registries_on_one_store_learn_from_each_other() {
    let store = MemoryStore::new();
    let mut first = Registry::create(store.clone(), RegistryPolicy::default(), NOW).unwrap();
    let mut second = Registry::open(store.clone()).unwrap();
    for person in 0..20 {
        let (one, other) = if person % 2 == 0 { (&mut first, &mut second) } else { (&mut second, &mut first) };
        let enrolled = one.enroll(request(person)).unwrap();
        // The other one has not looked yet, and still refuses.
        let error = other.enroll(both(again(&left(person), 1, 1, 1), right(100 + person), 100 + person)).unwrap_err();
        assert!(matches!(error, EnrollError::Duplicate { person, .. } if person == enrolled.person), "{error}");
        assert_eq!(other.root(), enrolled.root);
        assert_eq!(other.identify(Some(&left(person)), None).unwrap()[0].person, enrolled.person);
    }
    let mut third = Registry::open(store).unwrap();
    assert_eq!(third.root(), first.root());
    second.refresh().unwrap();
    assert_eq!(format!("{:?}", third.status().unwrap()), format!("{:?}", second.status().unwrap()));
}

#[test]
fn threads_that_enrol_one_person_have_one_winner() {
    let store = MemoryStore::new();
    drop(Registry::create(store.clone(), RegistryPolicy::default(), NOW).unwrap());
    for round in 0..10 {
        let accepted: usize = thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|number| {
                    let store = store.clone();
                    scope.spawn(move || {
                        let mut registry = Registry::open(store).unwrap();
                        let capture = again(&left(round), number, 0, 1);
                        let result =
                            registry.enroll(both(capture, right(1_000 + round * 10 + number), round * 10 + number));
                        usize::from(match result {
                            Ok(_) => true,
                            Err(EnrollError::Duplicate { .. }) => false,
                            Err(error) => panic!("{error}"),
                        })
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(accepted, 1, "round {round}");
    }
}

/// What a registry said, without the parts that are allowed to differ.
fn say<T: std::fmt::Debug, E: std::fmt::Display>(result: Result<T, E>) -> String {
    result.map_or_else(|error| format!("refused: {error}"), |value| format!("{value:?}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// Few people, many captures, several registries on each store: the same answers from memory and from SQLite.
    #[test]
    fn any_history_is_the_same_in_both_stores(
        steps in prop::collection::vec((0..6_u8, 0..3_usize, 0..5_u64, 0..5_u64, 0..12_u64), 1..25)
    ) {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("registry.db");
        let store = MemoryStore::new();
        let policy = RegistryPolicy { maximum_matches: 1, ..RegistryPolicy::default() };
        drop(Registry::create(store.clone(), policy.clone(), NOW).unwrap());
        drop(Registry::create(SqliteStore::create(&file).unwrap(), policy, NOW).unwrap());
        let mut memory: Vec<_> = (0..3).map(|_| Registry::open(store.clone()).unwrap()).collect();
        let mut sqlite: Vec<_> = (0..3).map(|_| Registry::open(SqliteStore::open(&file).unwrap()).unwrap()).collect();
        for (number, (action, desk, l, r, secret)) in (0..).zip(steps) {
            let captured = |eye: IrisTemplate, side: u64| again(&eye, 2 * number + side, 2, 1);
            let (l, r) = (captured(left(l), 0), captured(right(r), 1));
            let (memory, sqlite) = (&mut memory[desk], &mut sqlite[desk]);
            let person = PersonId::new(secret).unwrap();
            match action {
                0..=2 => {
                    let request = both(l, r, secret);
                    prop_assert_eq!(say(memory.enroll(request.clone())), say(sqlite.enroll(request)));
                }
                3 => {
                    let found = memory.identify(Some(&l), Some(&r));
                    prop_assert_eq!(say(found), say(sqlite.identify(Some(&l), Some(&r))));
                }
                4 => {
                    let claim = AuthenticateRequest { person, left: Some(l), right: Some(r), at: NOW };
                    prop_assert_eq!(say(memory.authenticate(&claim)), say(sqlite.authenticate(&claim)));
                }
                _ => prop_assert_eq!(say(memory.path(person)), say(sqlite.path(person))),
            }
        }
        prop_assert_eq!(memory[0].roots().unwrap(), sqlite[0].roots().unwrap());
        prop_assert_eq!(memory[0].decisions(0, 100).unwrap(), sqlite[0].decisions(0, 100).unwrap());
        let reopened = Registry::open(SqliteStore::open(&file).unwrap()).unwrap();
        memory[0].refresh().unwrap();
        prop_assert_eq!(reopened.root(), memory[0].root());
    }
}

// Files.

struct Ground(TempDir);

impl Ground {
    fn new(policy: RegistryPolicy) -> Self {
        let ground = Self(TempDir::new().unwrap());
        drop(Registry::create(SqliteStore::create(ground.file()).unwrap(), policy, NOW).unwrap());
        ground
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("registry.db")
    }

    fn open(&self) -> Result<Registry<SqliteStore>, RegistryError> {
        Registry::open(SqliteStore::open(self.file())?)
    }
}

#[test]
fn a_registry_is_created_once_and_found_again() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("registry.db");
    let store = SqliteStore::open_or_create(&file).unwrap();
    assert!(matches!(Registry::open(store), Err(RegistryError::Store(StoreError::NotInitialised))));
    let policy = RegistryPolicy { layout: Layout::Columns200, ..RegistryPolicy::default() };
    let open = || Registry::open_or_create(SqliteStore::open_or_create(&file).unwrap(), policy.clone(), NOW).unwrap();
    let mut registry = open();
    let eyes = |number| eye_in(Layout::Columns200, number);
    let _ = registry.enroll(both(eyes(1), eyes(2), 1)).unwrap();
    let status = registry.status().unwrap();
    drop(registry);
    let mut registry = open();
    let again = registry.status().unwrap();
    assert_eq!((again.people, again.root, again.layout), (1, status.root, Layout::Columns200));
    assert_eq!((again.created_at, again.leaves, again.capacity), (NOW, 1, 1 << 30));
    let bytes = again.disk_bytes.unwrap();
    assert!((40_000..500_000).contains(&bytes), "{bytes}");
    let store = SqliteStore::open(&file).unwrap();
    let error = Registry::create(store, policy.clone(), NOW).unwrap_err();
    assert!(matches!(error, RegistryError::Store(StoreError::AlreadyInitialised)), "{error}");

    // Who may only read can look, and nothing else.
    let mut reader = Registry::open(SqliteStore::open_read_only(&file).unwrap()).unwrap();
    assert_eq!(reader.identify(Some(&eyes(1)), None).unwrap().len(), 1);
    assert_eq!(reader.path(commitment(1)).unwrap().root, status.root);
    let error = reader.enroll(both(eyes(3), eyes(4), 2)).unwrap_err();
    assert_eq!(error.code(), "store_read_only", "{error}");
    assert_eq!(reader.status().unwrap().people, 1);
}

/// Every row of a registry, changed by hand behind its back, is noticed when it is opened or asked for.
#[test]
fn tampering_is_noticed() {
    let ground = Ground::new(RegistryPolicy::default());
    let mut registry = ground.open().unwrap();
    for person in 0..12 {
        let _ = registry.enroll(request(person)).unwrap();
    }
    drop(registry);
    let good = fs::read(ground.file()).unwrap();
    let unlock = "DROP TRIGGER changes_stay; DROP TRIGGER changes_remain; DROP TRIGGER decisions_remain; DROP TRIGGER policies_stay;";
    for change in [
        // A leaf that is not its person's, and two that have changed places.
        "UPDATE leaves SET leaf = (SELECT leaf FROM leaves WHERE leaf_index = 2) WHERE leaf_index = 1",
        "UPDATE leaves SET leaf_index = 99 WHERE leaf_index = 1; \
         UPDATE leaves SET leaf_index = 1 WHERE leaf_index = 2; UPDATE leaves SET leaf_index = 2 WHERE leaf_index = 99",
        // A person taken out, with and without their change.
        "DELETE FROM leaves WHERE leaf_index = 11",
        "DELETE FROM leaves WHERE leaf_index = 3",
        "DELETE FROM templates WHERE person_id = 4",
        "DELETE FROM changes WHERE sequence = 5",
        "DELETE FROM persons WHERE person_id = 5",
        // A root of another time, and no root at all.
        "UPDATE changes SET root = (SELECT root FROM changes WHERE sequence = 11) WHERE sequence = 12",
        "UPDATE changes SET root = zeroblob(32) WHERE sequence = 12",
        "UPDATE changes SET root = CAST(randomblob(31) || x'ff' AS BLOB) WHERE sequence = 12",
        "UPDATE changes SET kind = 7 WHERE sequence = 12",
        // Templates that are cut, changed or none.
        "UPDATE templates SET record = substr(record, 1, 100) WHERE person_id = 2 AND eye = 0",
        "UPDATE templates SET record = x'' WHERE person_id = 2 AND eye = 1",
        "UPDATE templates SET record = CAST(x'02' || substr(record, 2) AS BLOB) WHERE person_id = 2 AND eye = 1",
        "UPDATE templates SET record = CAST(substr(record, 1, 99) || x'0102' || substr(record, 102) AS BLOB) WHERE person_id = 3",
        // Values that no release writes.
        "UPDATE leaves SET commitment = CAST(zeroblob(31) || x'ff' AS BLOB) WHERE leaf_index = 4",
        "UPDATE leaves SET expires_at = 0 WHERE leaf_index = 4",
        "UPDATE leaves SET issued_at = 1099511627776, expires_at = 1099511627777 WHERE leaf_index = 4",
        "UPDATE policies SET document = '{}'",
        "UPDATE policies SET document = replace(document, '\"version\":4', '\"version\":9')",
        "UPDATE registry SET tree_depth = 20",
        "UPDATE registry SET tree_arity = 300",
        "DROP TABLE templates",
    ] {
        fs::write(ground.file(), &good).unwrap();
        let connection = rusqlite::Connection::open(ground.file()).unwrap();
        connection.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON;").unwrap();
        connection.execute_batch(unlock).unwrap();
        connection.execute_batch(change).unwrap();
        drop(connection);
        let error = ground.open().map(drop).expect_err(change);
        assert!(!error.to_string().is_empty() && !error.code().is_empty());
    }
    // What only shows when somebody asks for it.
    for change in
        ["UPDATE leaves SET assurance = 3 WHERE leaf_index = 4", "UPDATE leaves SET issued_at = 0 WHERE leaf_index = 4"]
    {
        fs::write(ground.file(), &good).unwrap();
        rusqlite::Connection::open(ground.file()).unwrap().execute_batch(change).unwrap();
        let mut registry = ground.open().unwrap();
        let error = registry.path(PersonId::new(5).unwrap()).unwrap_err();
        assert!(matches!(error, PathError::Registry(RegistryError::Damaged { .. })), "{change}: {error}");
    }
    // And the rows that are append-only refuse the hand at the prompt.
    fs::write(ground.file(), &good).unwrap();
    let connection = rusqlite::Connection::open(ground.file()).unwrap();
    for change in [
        "UPDATE decisions SET outcome = 'accepted'",
        "DELETE FROM decisions",
        "DELETE FROM changes",
        "UPDATE policies SET document = '{}'",
    ] {
        let error = connection.execute_batch(change).unwrap_err();
        assert!(error.to_string().contains("append-only"), "{error}");
    }
    ground.open().unwrap();
}

#[test]
fn a_store_that_went_back_is_noticed() {
    let ground = Ground::new(RegistryPolicy::default());
    let mut registry = ground.open().unwrap();
    let _ = registry.enroll(request(1)).unwrap();
    let connection = rusqlite::Connection::open(ground.file()).unwrap();
    connection.execute_batch("PRAGMA foreign_keys = OFF; DROP TRIGGER changes_remain; DELETE FROM changes").unwrap();
    let error = registry.enroll(request(2)).unwrap_err();
    assert!(matches!(error, EnrollError::Registry(RegistryError::Damaged { .. })), "{error}");
    assert!(error.to_string().contains("older copy"), "{error}");
}

// Processes.

/// Played by other processes; see the tests below.
#[test]
fn actor_enrols() {
    let Some((role, file)) = role() else { return };
    let mut words = role.split(' ');
    let kind = words.next().unwrap();
    let number: u64 = words.next().unwrap().parse().unwrap();
    let mut out = std::io::stdout().lock();
    let mut registry = Registry::open(SqliteStore::open(file).unwrap()).unwrap();
    match kind {
        // The same people as the other actors, one in each slot of the clock.
        "race" => {
            let begin: u128 = words.next().unwrap().parse().unwrap();
            for round in 0..RACES {
                let slot = begin + u128::from(round) * SLOT.as_millis();
                while SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() < slot {
                    std::hint::spin_loop();
                }
                let capture = 1_000 * number + round;
                let eyes = (again(&left(round), capture, 3, 1), again(&right(round), capture + 500, -2, 1));
                let said = match registry.enroll(both(eyes.0, eyes.1, capture)) {
                    Ok(enrolled) => format!("accepted {}", enrolled.person),
                    Err(EnrollError::Duplicate { person, .. }) => format!("duplicate {person}"),
                    Err(error) => format!("error {error}"),
                };
                writeln!(out, "\n{round} {said}").unwrap();
            }
        }
        // New people from `number` on, until the process is killed or the disk is full.
        "loop" => {
            for person in number.. {
                match registry.enroll(request(person)) {
                    Ok(enrolled) => {
                        writeln!(out, "\nacknowledged {person} {} {}", enrolled.person, enrolled.root).unwrap()
                    }
                    Err(error) => {
                        writeln!(out, "\nerror {} {error}", error.code()).unwrap();
                        // The registry still answers, and says what was acknowledged.
                        let status = registry.status().unwrap();
                        writeln!(out, "people {}", status.people).unwrap();
                        return;
                    }
                }
                out.flush().unwrap();
            }
        }
        _ => panic!("no such role"),
    }
}

const RACES: u64 = 40;
const SLOT: Duration = Duration::from_millis(40);

/// The promise of the house: one person who enrols at the same moment at two desks comes in once.
#[test]
fn of_two_processes_that_enrol_one_person_exactly_one_succeeds() {
    let ground = Ground::new(RegistryPolicy::default());
    let begin = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_millis(400);
    let actors: Vec<_> = (1..=3)
        .map(|number| {
            let role = format!("race {number} {}", begin.as_millis());
            actor("registry::actor_enrols", &role, &ground.file()).spawn().unwrap()
        })
        .collect();
    let mut accepted = BTreeMap::<u64, Vec<String>>::new();
    let mut duplicates = BTreeMap::<u64, Vec<String>>::new();
    for actor in actors {
        let output = actor.wait_with_output().unwrap();
        assert!(output.status.success());
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            let Some((round, said)) = line.split_once(' ') else { continue };
            let Ok(round) = round.parse::<u64>() else { continue };
            match said.split_once(' ').unwrap() {
                ("accepted", person) => accepted.entry(round).or_default().push(person.to_owned()),
                ("duplicate", person) => duplicates.entry(round).or_default().push(person.to_owned()),
                (other, rest) => panic!("{other} {rest}"),
            }
        }
    }
    for round in 0..RACES {
        assert_eq!(accepted[&round].len(), 1, "round {round}");
        assert_eq!(duplicates[&round], vec![accepted[&round][0].clone(); 2], "round {round}");
    }
    let mut registry = ground.open().unwrap();
    assert_eq!(registry.status().unwrap().people, RACES);
    let outcomes = outcomes(&registry);
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "duplicate").count() as u64, 2 * RACES);
    assert_eq!(outcomes.len() as u64, 3 * RACES);
}

/// Checks a registry file from the outside: everything acknowledged is there, and everything that is there is whole.
fn check_whole(file: &Path, acknowledged: &BTreeMap<u64, (PersonId, MerkleRoot)>) -> u64 {
    // `open` recomputes the root over all leaves and compares it with the stored one.
    let mut registry = Registry::open(SqliteStore::open(file).unwrap()).unwrap();
    let roots = registry.roots().unwrap();
    let mut tree = Tree::new();
    let people = registry.status().unwrap().people;
    assert_eq!(roots.len() as u64, people);
    for (root, person) in roots.iter().zip(1..) {
        let record = registry.store().person(PersonId::new(person).unwrap()).unwrap().unwrap();
        let leaf = record.leaf.unwrap();
        tree.push(Leaf::new(&leaf.commitment, &leaf.credential)).unwrap();
        assert_eq!(root.root, tree.root());
        assert!(record.templates.left.unwrap().open().is_ok() && record.templates.right.unwrap().open().is_ok());
    }
    let accepted: Vec<_> =
        registry.decisions(0, 1_000_000).unwrap().into_iter().filter_map(|decision| decision.person).collect();
    assert_eq!(accepted, (1..=people).map(|person| PersonId::new(person).unwrap()).collect::<Vec<_>>());
    for (&number, (person, root)) in acknowledged {
        let membership = registry.path(commitment(number)).unwrap();
        assert_eq!(membership.person, *person);
        assert!(roots.iter().any(|stored| stored.root == *root));
    }
    if let Some((&number, (person, _))) = acknowledged.last_key_value() {
        assert_eq!(registry.identify(Some(&left(number)), Some(&right(number))).unwrap()[0].person, *person);
    }
    people
}

fn acknowledgement(line: &str) -> Option<(u64, (PersonId, MerkleRoot))> {
    let mut words = line.strip_prefix("acknowledged ")?.split(' ');
    let number = words.next()?.parse().ok()?;
    let person = PersonId::new(words.next()?.parse().ok()?).ok()?;
    Some((number, (person, words.next()?.parse().ok()?)))
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let ground = Ground::new(RegistryPolicy::default());
    let mut acknowledged = BTreeMap::new();
    let mut people = 0;
    let mut random = Random(99);
    for round in 0..20 {
        let mut process = actor("registry::actor_enrols", &format!("loop {people}"), &ground.file()).spawn().unwrap();
        let out = process.stdout.take().unwrap();
        let (first, acknowledged_once) = mpsc::channel();
        let reader = thread::spawn(move || {
            let mut lines = Vec::new();
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if let Some(enrolled) = acknowledgement(&line) {
                    lines.push(enrolled);
                    // Nobody listens any more after the first.
                    let _ = first.send(());
                }
            }
            lines
        });
        // Every fourth process dies while it opens the registry or enrols its first person, the others a while after
        // their first acknowledgement, so that a slow machine enrols somebody, too.
        if round % 4 != 3 {
            acknowledged_once.recv().expect("a process that is not killed acknowledges enrolments");
        }
        thread::sleep(Duration::from_micros(random.below(150_000)));
        // SIGKILL on Unix.
        process.kill().unwrap();
        process.wait().unwrap();
        acknowledged.extend(reader.join().unwrap());
        let before = people;
        people = check_whole(&ground.file(), &acknowledged);
        // One enrolment may have been committed without its acknowledgement getting out.
        assert!(people >= before && people <= acknowledged.len() as u64 + round + 1, "{people}");
    }
    assert!(acknowledged.len() >= 15, "only {} enrolments in 20 rounds", acknowledged.len());
    eprintln!("{} enrolments acknowledged, {people} stored, 20 kills", acknowledged.len());
}

/// A limit on the size of files, which needs no privileges: writes beyond it fail as on a failing disk.
#[test]
fn a_disk_that_takes_no_more_loses_nothing() {
    let ground = Ground::new(RegistryPolicy::default());
    let mut acknowledged = BTreeMap::new();
    for blocks in [300, 340, 401, 555] {
        let first = check_whole(&ground.file(), &acknowledged);
        let inner = actor("registry::actor_enrols", &format!("loop {first}"), &ground.file());
        // `trap` makes the signal of the limit an error of the write; `ulimit -f` counts in 512 or 1,024 bytes.
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let mut command = Command::new("sh");
        command.arg("-c").arg(script).arg(inner.get_program()).args(inner.get_args());
        for (name, value) in inner.get_envs() {
            command.env(name, value.unwrap());
        }
        let output = command.stdin(Stdio::null()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        acknowledged.extend(text.lines().filter_map(acknowledgement));
        let error = text.lines().find(|line| line.starts_with("error ")).unwrap_or_else(|| panic!("{text}"));
        let code = error.split(' ').nth(1).unwrap();
        assert!(["store_disk_full", "store_disk_failed"].contains(&code), "{error}");
        let people: u64 = text.lines().find_map(|line| line.strip_prefix("people ")?.parse().ok()).unwrap();
        assert_eq!(check_whole(&ground.file(), &acknowledged), people);
    }
    assert!(acknowledged.len() > 4, "{acknowledged:?}");
}

// Many people.

/// Writes people straight into a store, with their leaves and roots, as so many enrolments would have.
fn fill<S: Store>(store: &mut S, eyes: &[[IrisTemplate; 2]]) {
    let mut tree = Tree::new();
    let policy = store.policy().unwrap().unwrap().id;
    let mut transaction = store.begin().unwrap();
    for (number, [l, r]) in (0..).zip(eyes) {
        let commitment = commitment(number);
        let credential = Credential::new(NOW, LATER, Assurance::BOTH_EYES).unwrap();
        let leaf = Leaf::new(&commitment, &credential);
        let index = tree.push(leaf).unwrap();
        assert_eq!(index, LeafIndex::new(u32::try_from(number).unwrap()).unwrap());
        let person = NewPerson {
            at: NOW,
            templates: TemplatePair { left: Some(TemplateRecord::clear(l)), right: Some(TemplateRecord::clear(r)) },
            leaf: LeafRecord { index, commitment, credential, leaf },
            root: tree.root(),
            root_at: NOW,
            decision: NewDecision {
                at: NOW,
                operator: "",
                action: "enrol",
                outcome: "accepted",
                person: None,
                policy,
                software: "test",
                details: "{\"version\":1,\"people\":0,\"incomparable\":0,\"distances\":[]}",
            },
        };
        transaction.insert_person(person).unwrap();
    }
    transaction.commit().unwrap();
}

/// Enrols newcomers among people, and holds every answer against a plain comparison with everybody; returns how many were
/// refused as duplicates and how many came in.
fn against_brute_force(
    policy: RegistryPolicy,
    mut people: Vec<[IrisTemplate; 2]>,
    newcomers: impl IntoIterator<Item = [IrisTemplate; 2]>,
) -> (usize, usize) {
    let ground = Ground::new(policy.clone());
    fill(&mut SqliteStore::open(ground.file()).unwrap(), &people);
    let mut registry = ground.open().unwrap();
    let (mut duplicates, mut strangers) = (0, 0);
    for (number, newcomer) in (0..).zip(newcomers) {
        let [l, r] = &newcomer;
        let mut matches: Vec<_> = (1..)
            .zip(&people)
            .flat_map(|(person, eyes)| {
                let pairs = [(l, &eyes[0]), (r, &eyes[1]), (l, &eyes[1]), (r, &eyes[0])];
                pairs.map(|(probe, reference)| match compare(probe, reference, &policy.matching) {
                    Comparison::Match(alignment) => Some((person, alignment)),
                    Comparison::NonMatch(_) => None,
                    Comparison::Incomparable(reason) => panic!("{reason}"),
                })
            })
            .flatten()
            .collect();
        matches.sort_by(|a, b| policy.matching.score.order(a.1.distance, b.1.distance));
        match registry.enroll(both(l.clone(), r.clone(), 100_000 + number)) {
            Ok(enrolled) => {
                assert!(matches.is_empty(), "newcomer {number}");
                people.push(newcomer);
                assert_eq!(enrolled.person.as_u64(), people.len() as u64);
                strangers += 1;
            }
            Err(EnrollError::Duplicate { person, alignment, .. }) => {
                assert_eq!((person.as_u64(), alignment), matches[0], "newcomer {number}");
                duplicates += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    (duplicates, strangers)
}

/// Forty newcomers, many of them near the threshold of somebody among two thousand.
#[test]
fn uniqueness_among_two_thousand_is_what_brute_force_says() {
    let people: Vec<[IrisTemplate; 2]> = (0..2_000).map(|person| [left(person), right(person)]).collect();
    let mut random = Random(3);
    let newcomers: Vec<_> = (0..40)
        .map(|number| {
            // Mixtures of captures at distance 1/4 and 3/8 of somebody: some below 0.345, some above.
            let someone = &people[usize::try_from(random.below(2_000)).unwrap()];
            let mixed = |eye: &IrisTemplate, capture: u64| {
                let (near, far) = (again(eye, capture, 0, 2), again(eye, capture + 1, 0, 3));
                let from_far = 185 + capture % 20;
                let words = |near: &[u64], far: &[u64]| -> Vec<u64> {
                    near.iter()
                        .zip(far)
                        .zip(0..)
                        .map(|((near, far), at)| if at < from_far { *far } else { *near })
                        .collect()
                };
                template(
                    eye.layout(),
                    words(near.code().columns(), far.code().columns()),
                    words(near.mask().columns(), far.mask().columns()),
                )
                .rotated(Rotation::new(i16::try_from(capture % 31).unwrap() - 15))
            };
            match number % 4 {
                0 => [left(5_000 + number), right(5_000 + number)],
                1 => [mixed(&someone[0], 50 * number), right(5_000 + number)],
                2 => [mixed(&someone[0], 50 * number), mixed(&someone[1], 50 * number + 7)],
                _ => [mixed(&someone[1], 50 * number), left(5_000 + number)],
            }
        })
        .collect();
    let policy = RegistryPolicy { matching: MatchPolicy::OPEN_IRIS, ..RegistryPolicy::default() };
    let (duplicates, strangers) = against_brute_force(policy, people, newcomers);
    assert!(duplicates > 8 && strangers > 12, "{duplicates} duplicates, {strangers} strangers");
}

/// The same with templates that have the statistics of real ones: lids, texture, few degrees of freedom.
#[cfg(feature = "testing")]
#[test]
fn uniqueness_of_lifelike_templates_is_what_brute_force_says() {
    use personhood::testing::templates::SyntheticTemplates;

    let world = SyntheticTemplates::new(Layout::Columns200, 5).with_distances(0.2..=0.4);
    let policy = RegistryPolicy {
        layout: Layout::Columns200,
        encoder: SyntheticTemplates::ENCODER,
        ..RegistryPolicy::default()
    };
    let enrolled = |person| EyeSide::BOTH.map(|eye| world.enrolled(person, eye));
    let fit = |eyes: &[IrisTemplate; 2]| eyes.iter().all(|eye| eye.facts().check(&policy.degeneracy).is_ok());
    let people: Vec<_> = (0..500).map(enrolled).filter(fit).collect();
    assert!(people.len() > 450, "{}", people.len());
    let newcomers = (0..40).map(|number| {
        if number % 3 == 0 {
            enrolled(1_000 + number)
        } else {
            EyeSide::BOTH.map(|eye| world.recaptured(11 * number, eye, 1).template)
        }
    });
    let newcomers: Vec<_> = newcomers.filter(fit).collect();
    let (duplicates, strangers) = against_brute_force(policy, people, newcomers);
    assert!(duplicates > 8 && strangers > 8, "{duplicates} duplicates, {strangers} strangers");
}

/// A flipped picture of an enrolled eye gives a template that the plain search takes for a stranger's.
#[test]
fn the_mirror_image_of_an_enrolled_eye_is_refused() {
    let mut registry = memory(RegistryPolicy::default());
    for person in 0..3 {
        let _enrolled = registry.enroll(request(person)).unwrap();
    }
    // Flipped, turned by the hand that holds the print, and once presented as the eye that it looks like.
    let flipped = again(&left(1).mirrored(), 1, 4, 1);
    for (l, r, presented) in [(flipped.clone(), eye(900), EyeSide::Left), (eye(901), flipped.clone(), EyeSide::Right)] {
        let error = registry.enroll(both(l, r, 100)).unwrap_err();
        let EnrollError::MirroredDuplicate { person, eye, probe, alignment } = error else { panic!("{error}") };
        assert_eq!((person.as_u64(), eye, probe), (2, EyeSide::Left, presented));
        assert!(alignment.distance.ratio() < 0.2, "{alignment}");
    }
    assert_eq!(outcomes(&registry)[3..], ["mirrored_duplicate", "mirrored_duplicate"]);
    let decision = registry.decisions(0, 100).unwrap().pop().unwrap();
    assert_eq!((decision.person.map(PersonId::as_u64), decision.distances.len()), (Some(2), 1));
    // A person who is found straight is a duplicate, whatever the other eye does.
    let error = registry.enroll(both(again(&left(2), 2, 0, 1), flipped, 101)).unwrap_err();
    assert_eq!(error.code(), "duplicate");
    assert_eq!(registry.status().unwrap().people, 3);
}

#[test]
fn what_detectors_say_is_recorded_and_an_attack_refuses() {
    let report = |verdict, score| PresentationReport::new("pupil-reflex", "2.1", verdict, score);
    let mut registry = memory(RegistryPolicy::default());
    let said = [report(Verdict::BonaFide, 3), report(Verdict::Undecided, 50)];
    let _enrolled = registry.enroll_presented(request(1), &said).unwrap();
    let attack = [report(Verdict::BonaFide, 1), report(Verdict::Attack, 97)];
    let error = registry.enroll_presented(request(2), &attack).unwrap_err();
    let EnrollError::PresentationAttack { method, version, score } = &error else { panic!("{error}") };
    assert_eq!(
        (method.as_str(), version.as_str(), *score, error.code()),
        ("pupil-reflex", "2.1", 97, "presentation_attack")
    );
    let _plain = registry.enroll(request(2)).unwrap();
    let decisions = registry.decisions(0, 100).unwrap();
    assert_eq!(outcomes(&registry), ["accepted", "presentation_attack", "accepted"]);
    assert_eq!(decisions[0].presentations, said);
    assert_eq!(decisions[1].presentations, attack);
    assert!(decisions[2].presentations.is_empty());
    let json = serde_json::to_value(&decisions[1]).unwrap();
    assert_eq!(json["presentations"][1]["verdict"], "attack");
}
