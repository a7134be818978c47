//! A person's life after enrolment: what happens to their leaf, their eyes and their history, and what others see of it.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use personhood::identity::{Assurance, Credential, Leaf};
use personhood::iris::IrisTemplate;
use personhood::registry::{
    AdoptError, AuthenticateError, AuthenticateRequest, EnrollError, EnrollRequest, EnrolmentClass, OperatorError,
    PathError, RecoverError, RecoverRequest, RefreshError, RefreshRequest, Registry, RegistryError, RegistryPolicy,
    ReviewError, StepError, Voted, check,
};
use personhood::store::{
    Census, LeafRecord, MemoryStore, NewDecision, NewPerson, PersonStatus, ReadStore, ReviewId, ReviewVerdict, Role,
    SqliteStore, Store, TemplatePair, TemplateRecord, WriteTransaction,
};
use personhood::tree::{Tree, TreePage};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::people::{Random, actor, again, commitment, role};
use crate::world::{LATER, NOW, both, capture, id, left, request, right, world};

const DAY: u64 = 86_400;

fn claim(person: u64, left: IrisTemplate, at: u64) -> AuthenticateRequest {
    AuthenticateRequest { person: id(person), left: Some(left), right: None, at }
}

/// Opened anew, a registry is the same; and nothing in it contradicts anything else.
fn is_whole<S: Store>(registry: &mut Registry<S>, reopened: impl FnOnce() -> S) {
    registry.refresh().unwrap();
    let other = Registry::open(reopened()).unwrap();
    assert_eq!(other.root(), registry.root());
    let checked = check(registry.store()).unwrap();
    assert_eq!((checked.root, checked.findings), (registry.root(), vec![]));
}

#[test]
fn a_leaf_goes_and_comes_back() {
    let mut registry = world(RegistryPolicy::default(), 3);
    let with_all = registry.root();
    let store = registry.store().clone();
    let mut other = Registry::open(store.clone()).unwrap();
    let path = registry.path(id(2)).unwrap();

    let suspended = registry.suspend(id(2), NOW + 10, "lost trust").unwrap();
    assert_eq!((suspended.status, suspended.root), (PersonStatus::Suspended, registry.root()));
    assert_ne!(registry.root(), with_all);
    for registry in [&mut registry, &mut other] {
        let error = registry.path(id(2)).unwrap_err();
        assert!(matches!(error, PathError::NotActive { status: PersonStatus::Suspended, .. }), "{error}");
        let error = registry.authenticate(&claim(2, left(1), NOW + 11)).unwrap_err();
        assert!(matches!(error, AuthenticateError::NotActive { .. }), "{error}");
        // Their eyes stay: they do not come in again as somebody else.
        let error = registry.enroll(both(capture(&left(1), 1), right(90), 90)).unwrap_err();
        assert!(matches!(error, EnrollError::Duplicate { person, .. } if person == id(2)), "{error}");
        // The others' paths lead to the new root.
        assert_eq!(registry.path(id(1)).unwrap().root, suspended.root);
    }
    let history = registry.root_history().unwrap();
    assert_eq!(history.replaced_at(&with_all), Some(NOW + 10));

    let back = registry.reinstate(id(2), NOW + 20, "explained").unwrap();
    assert_eq!((back.status, back.root), (PersonStatus::Active, with_all));
    assert_eq!(registry.path(id(2)).unwrap(), path);
    assert_eq!(other.path(id(2)).unwrap(), path);
    // The root came back, so it is the present one again.
    let history = registry.root_history().unwrap();
    assert_eq!((history.current(), history.since()), (with_all, NOW + 20));
    assert_eq!(history.replaced_at(&suspended.root), Some(NOW + 20));

    for (error, status) in [
        (registry.reinstate(id(2), NOW, "").unwrap_err(), PersonStatus::Active),
        {
            let _revoked = registry.revoke(id(3), NOW + 30, "two people").unwrap();
            (registry.reinstate(id(3), NOW + 31, "").unwrap_err(), PersonStatus::Revoked)
        },
        (registry.suspend(id(3), NOW + 31, "").unwrap_err(), PersonStatus::Revoked),
        (registry.renew(id(3), NOW + 31, LATER).unwrap_err(), PersonStatus::Revoked),
    ] {
        assert!(matches!(error, StepError::NotPossible { status: found, .. } if found == status), "{error}");
    }
    assert!(matches!(registry.suspend(id(9), NOW, ""), Err(StepError::UnknownPerson { .. })));
    let census = registry.status().unwrap().census;
    assert_eq!(census, Census { active: 2, revoked: 1, ..Census::default() });

    let said: Vec<_> = registry
        .decisions(3, 100)
        .unwrap()
        .into_iter()
        .filter(|decision| !["enrol", "authenticate"].contains(&decision.action.as_str()))
        .map(|decision| (decision.action, decision.outcome, decision.reason, decision.person.unwrap().as_u64()))
        .collect();
    let expected = [("suspend", "lost trust", 2), ("reinstate", "explained", 2), ("revoke", "two people", 3)];
    let expected =
        expected.map(|(action, reason, person)| (action.to_owned(), "accepted".to_owned(), reason.to_owned(), person));
    assert_eq!(said, expected);
    is_whole(&mut registry, || store);
}

#[test]
fn renewal_changes_the_end_and_nothing_else() {
    let mut registry = world(RegistryPolicy::default(), 2);
    let before = registry.path(id(1)).unwrap();
    let renewed = registry.renew(id(1), NOW + 5, LATER + 1).unwrap();
    let after = registry.path(id(1)).unwrap();
    assert_eq!(after.leaf_index, before.leaf_index);
    assert_eq!(after.credential, Credential::new(NOW, LATER + 1, Assurance::BOTH_EYES).unwrap());
    assert_eq!(renewed.leaf, Some((after.leaf_index, after.credential)));
    let leaf = Leaf::new(&commitment(0), &after.credential);
    assert_eq!((after.path.root(&leaf), after.root), (renewed.root, registry.root()));
    // The leaf that certified the earlier end is in the tree no more.
    let old = Leaf::new(&commitment(0), &before.credential);
    assert_ne!(after.path.root(&old), registry.root());
    assert!(matches!(registry.renew(id(1), NOW, NOW - 1), Err(StepError::Credential(_))));
}

#[test]
fn an_erased_person_is_gone_and_may_come_again() {
    let mut registry = world(RegistryPolicy::default(), 4);
    let store = registry.store().clone();
    let mut other = Registry::open(store.clone()).unwrap();
    let erased = registry.erase(id(2), NOW + 10, "on request").unwrap();
    assert_eq!((erased.status, erased.leaf), (PersonStatus::Erased, None));
    for registry in [&mut registry, &mut other] {
        assert!(registry.identify(Some(&left(1)), Some(&right(1))).unwrap().is_empty());
        assert!(matches!(registry.path(id(2)), Err(PathError::NotEnrolled { .. })));
        assert!(matches!(registry.path(commitment(1)), Err(PathError::NotEnrolled { .. })));
        let status = registry.status().unwrap();
        assert_eq!((status.people, status.left_eyes, status.leaves), (3, 3, 4));
    }
    assert!(matches!(registry.erase(id(2), NOW, ""), Err(StepError::NotPossible { .. })));
    let words: Vec<_> = registry.history(id(2)).unwrap().iter().map(|record| record.change.as_str()).collect();
    assert_eq!(words, ["enrolled", "erased"]);
    // Nobody can tell, so they come in again: with another number, at another place.
    let enrolled = registry.enroll(both(capture(&left(1), 5), capture(&right(1), 6), 1)).unwrap();
    assert_eq!((enrolled.person, enrolled.leaf_index.as_u32()), (id(5), 4));
    assert_eq!(other.identify(Some(&left(1)), None).unwrap()[0].person, id(5));
    is_whole(&mut registry, || store);
}

#[test]
fn newer_captures_replace_the_older_ones() {
    let mut registry = world(RegistryPolicy::default(), 3);
    let store = registry.store().clone();
    let mut other = Registry::open(store.clone()).unwrap();
    let root = registry.root();
    let newer = |l: Option<IrisTemplate>, r: Option<IrisTemplate>| RefreshRequest {
        person: id(2),
        left: l,
        right: r,
        at: NOW + 9,
    };
    // The eye has changed so much that the first capture and the third are strangers; the second joins them.
    let second = again(&left(1), 10, 0, 2);
    let third = again(&second, 11, 0, 2);
    assert!(registry.authenticate(&claim(2, third.clone(), NOW)).is_err());
    let refreshed = registry.refresh_template(&newer(Some(second.clone()), None)).unwrap();
    assert_eq!((refreshed.person, refreshed.root), (id(2), root));
    for registry in [&mut registry, &mut other] {
        let _same = registry.authenticate(&claim(2, third.clone(), NOW + 10)).unwrap();
        assert_eq!(registry.identify(Some(&third), None).unwrap()[0].person, id(2));
        // The eye that was not presented is still theirs.
        assert_eq!(registry.identify(None, Some(&right(1))).unwrap()[0].person, id(2));
        assert_eq!(registry.status().unwrap().people, 3);
    }
    let record = store.person(id(2)).unwrap().unwrap();
    assert_eq!((record.template_version, record.templates.left.unwrap().open().unwrap()), (2, second));

    // Somebody else's eye, one of each, one eye as both, and an eye that is two people's.
    let refused = |registry: &mut Registry<MemoryStore>, l, r| registry.refresh_template(&newer(l, r)).unwrap_err();
    let error = refused(&mut registry, Some(left(7)), None);
    assert!(matches!(error, RefreshError::Authenticate(AuthenticateError::NotThisPerson { .. })), "{error}");
    let error = refused(&mut registry, Some(third.clone()), Some(right(7)));
    assert!(matches!(error, RefreshError::Authenticate(AuthenticateError::NotThisPerson { .. })), "{error}");
    assert!(matches!(refused(&mut registry, None, None), RefreshError::Authenticate(AuthenticateError::NoEye)));
    let decisions = registry.decisions(0, 100).unwrap();
    let last = decisions.last().unwrap();
    assert_eq!((last.action.as_str(), last.outcome.as_str()), ("refresh", "not_this_person"));
    is_whole(&mut registry, || store);
}

#[test]
fn newer_captures_must_be_nobody_elses() {
    // An eye at distance 1/4 from two strangers: it matches both, and they do not match each other.
    let base = left(50);
    let (one, two) = (again(&base, 1, 0, 2), again(&base, 2, 0, 2));
    let mut registry = Registry::create(MemoryStore::new(), RegistryPolicy::default(), NOW).unwrap();
    let _first = registry.enroll(both(one, right(1), 1)).unwrap();
    let _second = registry.enroll(both(two, right(2), 2)).unwrap();
    let newer = RefreshRequest { person: id(1), left: Some(base.clone()), right: None, at: NOW + 5 };
    let error = registry.refresh_template(&newer).unwrap_err();
    assert!(matches!(error, RefreshError::SomebodyElse { person, .. } if person == id(2)), "{error}");
    // A person of one eye has no place for another one.
    let one_eye = EnrollRequest { right: None, class: EnrolmentClass::OneEye, ..request(9) };
    let _third = registry.enroll(one_eye).unwrap();
    let newer = RefreshRequest { person: id(3), left: Some(left(9)), right: Some(right(9)), at: NOW + 6 };
    let error = registry.refresh_template(&newer).unwrap_err();
    assert!(matches!(error, RefreshError::EyeNotEnrolled { .. }), "{error}");
    assert_eq!(registry.store().person(id(1)).unwrap().unwrap().template_version, 1);
}

fn lost(person: u64, number: u64, at: u64) -> RecoverRequest {
    RecoverRequest {
        person: id(person),
        left: Some(capture(&left(person - 1), number)),
        right: None,
        commitment: commitment(number),
        expires_at: LATER,
        at,
    }
}

#[test]
fn whoever_lost_their_secret_has_a_new_leaf_after_a_while() {
    let mut registry = world(RegistryPolicy::default(), 3);
    let store = registry.store().clone();
    let mut other = Registry::open(store.clone()).unwrap();
    let before = registry.path(id(2)).unwrap();
    let requested = registry.request_recovery(&lost(2, 100, NOW + 10)).unwrap();
    assert_eq!(requested.ready_at, NOW + 10 + 3 * DAY);
    // Until then everything is as it was.
    assert_eq!(registry.path(id(2)).unwrap(), before);
    let error = registry.complete_recovery(requested.recovery, requested.ready_at - 1).unwrap_err();
    assert!(matches!(error, RecoverError::TooEarly { wait: 1, .. }), "{error}");
    // Neither a second request, nor anybody else with the commitment that is to be theirs.
    let error = registry.request_recovery(&lost(2, 101, NOW + 11)).unwrap_err();
    assert!(matches!(error, RecoverError::Pending { .. }), "{error}");
    let error = registry.request_recovery(&lost(1, 100, NOW + 11)).unwrap_err();
    assert!(matches!(error, RecoverError::DuplicateCommitment { person } if person == id(2)), "{error}");
    let error = registry.enroll(both(left(60), right(60), 100)).unwrap_err();
    assert!(matches!(error, EnrollError::DuplicateCommitment { person } if person == id(2)), "{error}");
    // Somebody who is enrolled meanwhile takes the next place.
    let _late = other.enroll(request(20)).unwrap();

    let recovered = other.complete_recovery(requested.recovery, requested.ready_at).unwrap();
    assert_eq!(recovered.leaf.map(|(index, _)| index.as_u32()), Some(4));
    let old_root = registry.root();
    for registry in [&mut registry, &mut other] {
        let now = registry.path(id(2)).unwrap();
        assert_eq!((now.leaf_index.as_u32(), now.credential.issued_at()), (4, requested.ready_at));
        assert_eq!(now.path.root(&Leaf::new(&commitment(100), &now.credential)), registry.root());
        assert_eq!(registry.path(commitment(100)).unwrap(), now);
        assert_eq!(registry.identify(Some(&left(1)), None).unwrap()[0].person, id(2));
    }
    // No action takes both leaves: what opened when the new one was issued refuses every root with the old one.
    let history = registry.root_history().unwrap();
    assert!(history.replaced_at(&old_root).is_none_or(|at| at <= requested.ready_at), "{history:?}");
    let mut tree = Tree::new();
    tree.extend(
        &[commitment(0), commitment(1), commitment(2), commitment(20)]
            .map(|commitment| Leaf::new(&commitment, &Credential::new(NOW, LATER, Assurance::BOTH_EYES).unwrap())),
    )
    .unwrap();
    assert_eq!(history.replaced_at(&tree.root()), Some(requested.ready_at));
    // The commitment that was lost is taken for ever, and leads to the person's present leaf.
    assert_eq!(registry.path(commitment(1)).unwrap().leaf_index.as_u32(), 4);
    assert!(matches!(registry.complete_recovery(requested.recovery, LATER), Err(RecoverError::NotPending { .. })));
    is_whole(&mut registry, || store);
}

#[test]
fn a_recovery_can_be_stopped_and_needs_the_eyes() {
    let mut registry = world(RegistryPolicy::default(), 2);
    let error = registry.request_recovery(&RecoverRequest { left: Some(left(9)), ..lost(1, 100, NOW) }).unwrap_err();
    assert!(matches!(error, RecoverError::Authenticate(AuthenticateError::NotThisPerson { .. })), "{error}");
    let late = RecoverRequest { expires_at: NOW + DAY, ..lost(1, 100, NOW) };
    assert!(matches!(registry.request_recovery(&late), Err(RecoverError::Credential(_))));
    let requested = registry.request_recovery(&lost(1, 100, NOW)).unwrap();
    assert_eq!(registry.pending_recoveries().unwrap().len(), 1);
    let _decision = registry.cancel_recovery(requested.recovery, NOW + 5, "the holder objects").unwrap();
    assert!(registry.pending_recoveries().unwrap().is_empty());
    let error = registry.complete_recovery(requested.recovery, LATER).unwrap_err();
    assert!(matches!(error, RecoverError::NotPending { .. }), "{error}");
    // A new request begins a new delay; suspension and erasure stop it.
    let requested = registry.request_recovery(&lost(1, 100, NOW + 6)).unwrap();
    let _suspended = registry.suspend(id(1), NOW + 7, "").unwrap();
    let error = registry.complete_recovery(requested.recovery, requested.ready_at).unwrap_err();
    assert!(matches!(error, RecoverError::Authenticate(AuthenticateError::NotActive { .. })), "{error}");
    let _erased = registry.erase(id(1), NOW + 8, "").unwrap();
    assert!(registry.pending_recoveries().unwrap().is_empty());
    let _enrolled = registry.enroll(both(left(0), right(0), 100)).unwrap();
}

#[test]
fn too_many_attempts_lock_out_and_the_time_is_told() {
    let policy = RegistryPolicy { maximum_attempts: 3, attempt_window_seconds: 100, ..RegistryPolicy::default() };
    let mut registry = world(policy, 2);
    let store = registry.store().clone();
    let mut other = Registry::open(store).unwrap();
    for (registry, at) in [(&mut registry, NOW), (&mut other, NOW + 10)] {
        assert_eq!(registry.authenticate(&claim(1, left(5), at)).unwrap_err().code(), "not_this_person");
    }
    // One that is theirs begins the count anew.
    let _same = registry.authenticate(&claim(1, left(0), NOW + 11)).unwrap();
    for at in [NOW + 12, NOW + 20, NOW + 30] {
        assert_eq!(registry.authenticate(&claim(1, left(5), at)).unwrap_err().code(), "not_this_person");
    }
    for registry in [&mut registry, &mut other] {
        let error = registry.authenticate(&claim(1, left(0), NOW + 31)).unwrap_err();
        let expected = NOW + 112;
        assert!(
            matches!(error, AuthenticateError::LockedOut { retry_at, retry_after: 81, .. } if retry_at == expected),
            "{error}"
        );
        let error = registry.request_recovery(&lost(1, 100, NOW + 31)).unwrap_err();
        assert_eq!(error.code(), "locked_out");
        // Nobody else is.
        let _other = registry.authenticate(&claim(2, left(1), NOW + 31)).unwrap();
    }
    assert_eq!(registry.authenticate(&claim(1, left(0), NOW + 111)).unwrap_err().code(), "locked_out");
    let _same = registry.authenticate(&claim(1, left(0), NOW + 112)).unwrap();
}

/// A registry in which person 4 looks like person 1 as far as the left eye goes, and waits for a decision.
fn doubtful() -> (Registry<MemoryStore>, ReviewId) {
    let policy = RegistryPolicy { adjudicate_duplicates: true, ..RegistryPolicy::default() };
    let mut registry = world(policy, 3);
    let error = registry.enroll(both(capture(&left(0), 7), right(30), 30)).unwrap_err();
    let EnrollError::Review { review, person, .. } = error else { panic!("{error}") };
    assert_eq!(person, id(1));
    (registry, review)
}

fn vote(
    registry: &mut Registry<MemoryStore>,
    review: ReviewId,
    name: &str,
    verdict: ReviewVerdict,
) -> Result<Voted, ReviewError> {
    registry.set_operator(name);
    registry.decide(review, verdict, NOW + 50, "looked at both")
}

#[test]
fn two_people_decide_about_a_duplicate() {
    use ReviewVerdict::{Different, Same};
    let (mut registry, review) = doubtful();
    let store = registry.store().clone();
    assert_eq!(registry.status().unwrap().people, 3);
    let (record, opened) = registry.review(review).unwrap();
    assert_eq!((record.verdict, record.round, record.votes.len()), (None, 1, 0));
    assert_eq!((opened.outcome.as_str(), opened.distances[0].person), ("review", 1));

    assert!(matches!(registry.decide(review, Same, NOW, "x"), Err(ReviewError::Nameless)));
    registry.set_operator("anna");
    assert!(matches!(registry.decide(review, Same, NOW, "  "), Err(ReviewError::Reason { .. })));
    assert_eq!(vote(&mut registry, review, "anna", Different).unwrap(), Voted::Open { votes: 1 });
    let error = vote(&mut registry, review, "anna", Different).unwrap_err();
    assert!(matches!(error, ReviewError::VotedAlready { .. }), "{error}");
    // They disagree: a third one decides.
    assert_eq!(vote(&mut registry, review, "berta", Same).unwrap(), Voted::Open { votes: 2 });
    assert_eq!(vote(&mut registry, review, "carla", Different).unwrap(), Voted::Different { person: id(4) });
    let error = vote(&mut registry, review, "dora", Same).unwrap_err();
    assert!(matches!(error, ReviewError::Closed { verdict: Different, .. }), "{error}");

    assert_eq!(registry.path(commitment(30)).unwrap().person, id(4));
    let (record, _) = registry.review(review).unwrap();
    assert_eq!((record.person, record.votes.len(), record.commitment), (Some(id(4)), 3, None));
    assert!(record.templates.left.is_none() && record.templates.right.is_none());
    assert_eq!(store.exceptions_of(id(1)).unwrap(), [id(4)]);
    // The exception is for this pair: each can renew their captures, and a third who looks so is a duplicate again.
    for (person, eyes) in [(1, left(0)), (4, capture(&left(0), 7))] {
        let newer = RefreshRequest { person: id(person), left: Some(eyes), right: None, at: NOW + 60 };
        let _refreshed = registry.refresh_template(&newer).unwrap();
    }
    let error = registry.enroll(both(capture(&left(0), 8), right(31), 31)).unwrap_err();
    assert_eq!(error.code(), "review");
    assert!(matches!(registry.appeal(review, NOW, ""), Err(ReviewError::NothingToAppeal { .. })));
    is_whole(&mut registry, || store);
}

#[test]
fn whoever_is_refused_may_appeal_once() {
    use ReviewVerdict::{Different, Same};
    let (mut registry, review) = doubtful();
    let _open = vote(&mut registry, review, "anna", Same).unwrap();
    let until = NOW + 50 + 30 * DAY;
    assert_eq!(vote(&mut registry, review, "berta", Same).unwrap(), Voted::Same { appeal_until: Some(until) });
    assert_eq!(registry.status().unwrap().people, 3);
    assert!(matches!(registry.appeal(review, until + 1, ""), Err(ReviewError::NoAppealLeft { .. })));
    let _decision = registry.appeal(review, until, "a twin").unwrap();
    // Others decide.
    for name in ["anna", "berta"] {
        assert!(matches!(vote(&mut registry, review, name, Same), Err(ReviewError::VotedAlready { .. })));
    }
    let _open = vote(&mut registry, review, "carla", Same).unwrap();
    let _open = vote(&mut registry, review, "dora", Different).unwrap();
    assert_eq!(vote(&mut registry, review, "emma", Same).unwrap(), Voted::Same { appeal_until: None });
    assert!(matches!(registry.appeal(review, NOW + 60, ""), Err(ReviewError::NoAppealLeft { .. })));
    // Nothing of the candidate is left.
    let (record, _) = registry.review(review).unwrap();
    assert!(record.templates.left.is_none() && record.commitment.is_none());
    // Who did not appeal in time is forgotten, too.
    let (mut registry, review) = doubtful();
    for name in ["anna", "berta"] {
        let _voted = vote(&mut registry, review, name, Same).unwrap();
    }
    assert_eq!(registry.tidy(until).unwrap(), 0);
    assert_eq!(registry.tidy(until + 1).unwrap(), 1);
    assert!(registry.review(review).unwrap().0.templates.left.is_none());
}

#[test]
fn nobody_comes_in_by_a_review_that_did_not_see_everybody() {
    use ReviewVerdict::Different;
    let (mut registry, review) = doubtful();
    // Meanwhile somebody came in whose right eye is the candidate's.
    let _late = registry.enroll(both(left(40), capture(&right(30), 3), 40)).unwrap();
    let _open = vote(&mut registry, review, "anna", Different).unwrap();
    let error = vote(&mut registry, review, "berta", Different).unwrap_err();
    assert!(matches!(error, ReviewError::NewMatch { person, .. } if person == id(4)), "{error}");
    assert_eq!(registry.status().unwrap().people, 4);
    assert_eq!(registry.review(review).unwrap().0.votes.len(), 1);
}

#[test]
fn roles_say_who_may_do_what() {
    let mut registry = world(RegistryPolicy::default(), 1);
    assert!(matches!(registry.add_operator("zoe", Role::Operator, NOW), Err(OperatorError::NoAdministrator)));
    for name in ["", " zoe", "zoe\n", "a/b", &"z".repeat(65)] {
        assert!(matches!(registry.add_operator(name, Role::Administrator, NOW), Err(OperatorError::Name { .. })));
    }
    let _added = registry.add_operator("zoe", Role::Administrator, NOW).unwrap();
    // From now on a name is needed, in every process.
    let mut other = Registry::open(registry.store().clone()).unwrap();
    for registry in [&mut registry, &mut other] {
        let error = registry.enroll(request(1)).unwrap_err();
        assert!(matches!(error, EnrollError::Registry(RegistryError::UnknownOperator { .. })), "{error}");
    }
    registry.set_operator("zoe");
    for (name, role) in [("olga", Role::Operator), ("ada", Role::Adjudicator), ("aud", Role::Auditor)] {
        let _added = registry.add_operator(name, role, NOW + 1).unwrap();
    }
    let allowed = |registry: &mut Registry<MemoryStore>, name: &str| -> Vec<bool> {
        registry.set_operator(name);
        let refused = |code: &str| code != "role_not_allowed" && code != "operator_unknown";
        vec![
            registry.suspend(id(9), NOW, "").map_or_else(|error| refused(error.code()), |_| true),
            registry.identify(Some(&left(0)), None).map_or_else(|error| refused(error.code()), |_| true),
            registry
                .decide(ReviewId::new(9).unwrap(), ReviewVerdict::Same, NOW, "x")
                .map_or_else(|error| refused(error.code()), |_| true),
            registry.reviews(0, 1).map_or_else(|error| refused(error.code()), |_| true),
            registry.decisions(0, 1).map_or_else(|error| refused(error.code()), |_| true),
            registry.adopt_policy(&RegistryPolicy::default(), NOW).map_or_else(|error| refused(error.code()), |_| true),
        ]
    };
    assert_eq!(allowed(&mut registry, "zoe"), [true, true, false, true, true, true]);
    assert_eq!(allowed(&mut registry, "olga"), [true, true, false, false, false, false]);
    assert_eq!(allowed(&mut registry, "ada"), [false, true, true, true, false, false]);
    assert_eq!(allowed(&mut registry, "aud"), [false, false, false, true, true, false]);
    assert_eq!(allowed(&mut registry, "nobody"), [false; 6]);
    // What anybody may know.
    assert!(registry.path(id(1)).is_ok() && registry.status().is_ok());

    registry.set_operator("zoe");
    assert!(matches!(registry.remove_operator("zoe", NOW + 2), Err(OperatorError::NoAdministrator)));
    let removed = registry.remove_operator("olga", NOW + 2).unwrap();
    assert_eq!((removed.role, removed.removed_at), (Role::Operator, Some(NOW + 2)));
    assert_eq!(allowed(&mut registry, "olga"), [false; 6]);
    registry.set_operator("zoe");
    let subjects: Vec<_> = registry.decisions(1, 99).unwrap().into_iter().map(|decision| decision.subject).collect();
    assert_eq!(subjects.last().map(String::as_str), Some("operator olga: removed"));
}

#[test]
fn another_policy_is_in_force_everywhere_at_once() {
    let mut registry = world(RegistryPolicy::default(), 2);
    let mut other = Registry::open(registry.store().clone()).unwrap();
    let root = registry.root();
    let strict = RegistryPolicy { adjudicate_duplicates: true, maximum_matches: 2, ..RegistryPolicy::default() };
    assert_eq!(registry.adopt_policy(&strict, NOW + 5).unwrap().as_u64(), 2);
    assert!(matches!(registry.adopt_policy(&strict, NOW + 6), Err(AdoptError::InForce)));
    let layout = RegistryPolicy { layout: personhood::iris::Layout::Columns200, ..RegistryPolicy::default() };
    assert!(matches!(registry.adopt_policy(&layout, NOW + 6), Err(AdoptError::Fixed { .. })));
    // The other one has not looked yet, and decides by the new rules all the same.
    let error = other.enroll(both(capture(&left(0), 1), right(50), 50)).unwrap_err();
    assert_eq!(error.code(), "review");
    assert_eq!((other.policy(), other.policy_id().as_u64(), other.root()), (&strict, 2, root));
    let decisions = registry.decisions(2, 9).unwrap();
    let seen: Vec<_> = decisions.iter().map(|decision| (decision.action.as_str(), decision.policy.as_u64())).collect();
    assert_eq!(seen, [("adopt-policy", 1), ("enrol", 2)]);
    // Roots begin when they did, and not when the policy changed.
    assert_eq!(registry.root_history().unwrap().since(), NOW);
    let store = registry.store().clone();
    is_whole(&mut registry, || store);
}

/// The saved tree spares the hashing, and nothing depends on it.
#[test]
fn a_saved_tree_is_taken_up_and_can_be_lost() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("registry.db");
    let mut registry = Registry::create(SqliteStore::create(&file).unwrap(), RegistryPolicy::default(), NOW).unwrap();
    // Written straight into the store, as so many enrolments would have.
    let mut tree = Tree::new();
    let mut store = SqliteStore::open(&file).unwrap();
    let mut transaction = store.begin().unwrap();
    for number in 0..1_100 {
        let credential = Credential::new(NOW, LATER, Assurance::BOTH_EYES).unwrap();
        let leaf = Leaf::new(&commitment(number), &credential);
        let index = tree.push(leaf).unwrap();
        transaction
            .insert_person(NewPerson {
                at: NOW,
                templates: TemplatePair { left: Some(TemplateRecord::clear(&left(number))), right: None },
                leaf: LeafRecord { index, commitment: commitment(number), credential, leaf },
                root: tree.root(),
                root_at: NOW,
                decision: NewDecision {
                    at: NOW,
                    operator: "",
                    action: "enrol",
                    outcome: "accepted",
                    person: None,
                    policy: registry.policy_id(),
                    software: "test",
                    details: "{\"version\":1,\"people\":0,\"incomparable\":0,\"distances\":[]}",
                },
            })
            .unwrap();
    }
    transaction.commit().unwrap();
    assert_eq!(store.saved_tree().unwrap(), None);
    let _suspended = registry.suspend(id(3), NOW + 1, "").unwrap();
    let saved = store.saved_tree().unwrap().unwrap();
    assert_eq!(saved.as_u64(), 1_101);
    let _erased = registry.erase(id(700), NOW + 2, "").unwrap();
    let _back = registry.reinstate(id(3), NOW + 3, "").unwrap();
    let (root, path) = (registry.root(), registry.path(id(1_000)).unwrap());
    is_whole(&mut registry, || SqliteStore::open(&file).unwrap());
    drop(registry);
    // Cut, changed, of another change, gone: the tree is hashed again, and a check says so.
    for (change, found) in [
        ("UPDATE tree_pages SET nodes = substr(nodes, 1, 100) WHERE level = 1", true),
        (
            "UPDATE tree_pages SET nodes = CAST(substr(nodes, 1, 50) || x'01' || substr(nodes, 52) AS BLOB) WHERE level = 0",
            true,
        ),
        ("", true),
        ("UPDATE tree_state SET sequence = 1102", true),
        ("UPDATE tree_state SET sequence = 9999", true),
        ("DELETE FROM tree_pages WHERE level = 10", true),
        ("DELETE FROM tree_state", false),
    ] {
        rusqlite::Connection::open(&file).unwrap().execute_batch(change).unwrap();
        if change.is_empty() {
            forge(&file);
        }
        let mut registry = Registry::open(SqliteStore::open(&file).unwrap()).unwrap();
        assert_eq!((registry.root(), &registry.path(id(1_000)).unwrap()), (root, &path), "{change}");
        let findings = check(&SqliteStore::open(&file).unwrap()).unwrap().findings;
        assert_eq!(findings.iter().any(|finding| finding.contains("saved tree")), found, "{change}: {findings:?}");
        // The next change saves it anew, all of it.
        let _suspended = registry.suspend(id(5), NOW + 4, "").unwrap();
        assert!(check(registry.store()).unwrap().findings.is_empty(), "{change}");
        let _back = registry.reinstate(id(5), NOW + 4, "").unwrap();
        drop(registry);
    }
}

/// Puts another leaf into the saved tree, with a checksum that fits.
fn forge(file: &Path) {
    let mut store = SqliteStore::open(file).unwrap();
    let (saved, page) = (store.saved_tree().unwrap().unwrap(), TreePage { level: 0, number: 0 });
    let mut other = Tree::new();
    let credential = Credential::new(NOW, LATER, Assurance::BOTH_EYES).unwrap();
    other.extend(&(0..512).map(|n| Leaf::new(&commitment(5_000 + n), &credential)).collect::<Vec<_>>()).unwrap();
    let mut transaction = store.begin().unwrap();
    transaction.save_tree(saved, &[(page, other.page(page).unwrap())]).unwrap();
    transaction.commit().unwrap();
}

/// Two of one person in one batch: the first comes in, as if they had come one after the other.
#[test]
fn a_batch_is_as_many_enrolments() {
    let mut one_by_one = world(RegistryPolicy::default(), 2);
    let mut at_once = world(RegistryPolicy::default(), 2);
    let batch = vec![
        request(2),
        both(capture(&left(0), 1), right(50), 50),
        both(capture(&left(2), 2), right(51), 51),
        request(3),
        EnrollRequest { right: None, ..request(4) },
        both(left(60), right(60), 3),
        both(left(61), capture(&left(3), 4), 61),
        both(left(62), left(62), 62),
        EnrollRequest { issued_at: NOW - 50, ..request(5) },
        both(capture(&right(3), 5).mirrored(), right(70), 70),
        request(6),
    ];
    fn say<T: std::fmt::Debug, E: std::fmt::Display>(result: Result<T, E>) -> String {
        result.map_or_else(|error| error.to_string(), |value| format!("{value:?}"))
    }
    let expected: Vec<_> = batch.iter().map(|request| say(one_by_one.enroll(request.clone()))).collect();
    let found: Vec<_> = at_once.enroll_batch(&batch).unwrap().into_iter().map(say).collect();
    assert_eq!(found, expected);
    assert!(
        expected[2].contains("already enrolled as person 3") && expected[9].contains("mirror image"),
        "{expected:?}"
    );
    assert_eq!(at_once.root(), one_by_one.root());
    assert_eq!(at_once.roots().unwrap(), one_by_one.roots().unwrap());
    assert_eq!(at_once.decisions(0, 99).unwrap(), one_by_one.decisions(0, 99).unwrap());
    assert!(at_once.enroll_batch(&[]).unwrap().is_empty());
    let store = at_once.store().clone();
    is_whole(&mut at_once, || store);
}

/// What fails in the middle of a batch takes all of it back.
#[test]
fn a_batch_that_fails_enrols_nobody() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("registry.db");
    let mut registry = Registry::create(SqliteStore::create(&file).unwrap(), RegistryPolicy::default(), NOW).unwrap();
    let _first = registry.enroll(request(0)).unwrap();
    let root = registry.root();
    drop(registry);
    let room = fs::metadata(&file).unwrap().len() + 60_000;
    let options = personhood::store::SqliteOptions::default().maximum_bytes(room);
    let mut registry = Registry::open(SqliteStore::open_with(&file, &options).unwrap()).unwrap();
    let batch: Vec<_> = (1..40).map(request).collect();
    let error = registry.enroll_batch(&batch).unwrap_err();
    assert_eq!(error.code(), "store_disk_full");
    assert_eq!((registry.status().unwrap().people, registry.root()), (1, root));
    drop(registry);
    let mut registry = Registry::open(SqliteStore::open(&file).unwrap()).unwrap();
    let outcomes = registry.enroll_batch(&batch).unwrap();
    assert!(outcomes.iter().all(Result::is_ok));
    is_whole(&mut registry, || SqliteStore::open(&file).unwrap());
}

#[test]
fn whoever_is_kept_too_long_is_named() {
    let policy = RegistryPolicy { retention_seconds: 10, ..RegistryPolicy::default() };
    let mut registry = world(policy, 2);
    let _renewed = registry.renew(id(1), NOW, NOW + 100).unwrap();
    assert!(registry.overdue(NOW + 110).unwrap().is_empty());
    assert_eq!(registry.overdue(NOW + 111).unwrap(), [id(1)]);
    let _erased = registry.erase(id(1), NOW + 111, "retention").unwrap();
    assert!(registry.overdue(NOW + 111).unwrap().is_empty());
    assert!(world(RegistryPolicy::default(), 1).overdue(u64::MAX).unwrap().is_empty());
}

/// One step of a random history; numbers are taken modulo what there is.
#[derive(Clone, Copy, Debug)]
enum Step {
    Enrol(u64),
    Refresh(u64),
    Request(u64, u64),
    Complete(u64),
    Cancel(u64),
    Suspend(u64),
    Reinstate(u64),
    Revoke(u64),
    Renew(u64),
    Erase(u64),
    Authenticate(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..6_u64).prop_map(Step::Enrol),
        1 => (0..6_u64).prop_map(Step::Refresh),
        2 => (0..6_u64, 0..9_u64).prop_map(|(person, number)| Step::Request(person, number)),
        3 => (0..4_u64).prop_map(Step::Complete),
        1 => (0..4_u64).prop_map(Step::Cancel),
        2 => (0..6_u64).prop_map(Step::Suspend),
        2 => (0..6_u64).prop_map(Step::Reinstate),
        1 => (0..6_u64).prop_map(Step::Revoke),
        1 => (0..6_u64).prop_map(Step::Renew),
        2 => (0..6_u64).prop_map(Step::Erase),
        1 => (0..6_u64).prop_map(Step::Authenticate),
    ]
}

/// Takes a step and says what came of it.
fn play<S: Store>(registry: &mut Registry<S>, step: Step, at: u64) -> String {
    fn say<T: std::fmt::Debug, E: std::fmt::Display>(result: Result<T, E>) -> String {
        result.map_or_else(|error| format!("refused: {error}"), |value| format!("{value:?}"))
    }
    let person = |number: u64| id(number + 1);
    let recovery = |number: u64| personhood::store::RecoveryId::new(number + 1).unwrap();
    match step {
        Step::Enrol(number) => say(registry.enroll(EnrollRequest { issued_at: at, ..request(number) })),
        Step::Refresh(number) => say(registry.refresh_template(&RefreshRequest {
            person: person(number),
            left: Some(capture(&left(number), at)),
            right: None,
            at,
        })),
        Step::Request(number, secret) => say(registry.request_recovery(&lost(number + 1, 500 + secret, at))),
        Step::Complete(number) => say(registry.complete_recovery(recovery(number), at)),
        Step::Cancel(number) => say(registry.cancel_recovery(recovery(number), at, "no")),
        Step::Suspend(number) => say(registry.suspend(person(number), at, "")),
        Step::Reinstate(number) => say(registry.reinstate(person(number), at, "")),
        Step::Revoke(number) => say(registry.revoke(person(number), at, "")),
        Step::Renew(number) => say(registry.renew(person(number), at, LATER + at)),
        Step::Erase(number) => say(registry.erase(person(number), at, "")),
        Step::Authenticate(number) => say(registry.authenticate(&claim(number + 1, left(number), at))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Any life, at two desks of each store: the same answers, one tree, and nothing contradicts anything.
    #[test]
    fn any_life_is_the_same_in_both_stores(steps in prop::collection::vec((step(), 0..2_usize), 1..40)) {
        let policy = RegistryPolicy { recovery_delay_seconds: 2, ..RegistryPolicy::default() };
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("registry.db");
        let store = MemoryStore::new();
        drop(Registry::create(store.clone(), policy.clone(), NOW).unwrap());
        drop(Registry::create(SqliteStore::create(&file).unwrap(), policy, NOW).unwrap());
        let mut memory = [0, 1].map(|_| Registry::open(store.clone()).unwrap());
        let mut sqlite = [0, 1].map(|_| Registry::open(SqliteStore::open(&file).unwrap()).unwrap());
        for (at, (step, desk)) in (NOW + 1..).zip(steps) {
            prop_assert_eq!(play(&mut memory[desk], step, at), play(&mut sqlite[desk], step, at), "{:?}", step);
            prop_assert_eq!(memory[desk].root(), sqlite[desk].root());
        }
        prop_assert_eq!(memory[0].decisions(0, 1_000).unwrap(), sqlite[0].decisions(0, 1_000).unwrap());
        prop_assert_eq!(memory[0].root_history().unwrap(), sqlite[0].root_history().unwrap());
        for registry in &mut sqlite {
            is_whole(registry, || SqliteStore::open(&file).unwrap());
        }
        let [registry, _] = &mut memory;
        is_whole(registry, || store.clone());
        prop_assert_eq!(
            format!("{:?}", registry.status().unwrap().census),
            format!("{:?}", sqlite[1].status().unwrap().census)
        );
    }
}

#[test]
fn a_check_finds_what_does_not_agree() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("registry.db");
    let mut registry = Registry::create(SqliteStore::create(&file).unwrap(), RegistryPolicy::default(), NOW).unwrap();
    for person in 0..4 {
        let _enrolled = registry.enroll(request(person)).unwrap();
    }
    let _suspended = registry.suspend(id(2), NOW + 1, "").unwrap();
    let _renewed = registry.renew(id(3), NOW + 2, LATER + 5).unwrap();
    is_whole(&mut registry, || SqliteStore::open(&file).unwrap());
    drop(registry);
    let good = fs::read(&file).unwrap();
    for (change, word) in [
        ("UPDATE persons SET status = 1 WHERE person_id = 2", "person 2: active"),
        ("UPDATE persons SET template_version = 2 WHERE person_id = 1", "person 1: active with templates of version 2"),
        ("UPDATE leaves SET issued_at = 5 WHERE person_id = 3", "person 3: their leaf is not that of"),
        (
            "UPDATE leaves SET leaf = CAST(x'01' || zeroblob(31) AS BLOB) WHERE person_id = 1",
            "person 1: their leaf is not the one",
        ),
        (
            "UPDATE changes SET root = (SELECT root FROM changes WHERE sequence = 1) WHERE sequence = 2",
            "change 2 has another root",
        ),
        ("UPDATE changes SET leaf_count = 7 WHERE sequence = 2", "change 2 has another root or count"),
        ("UPDATE changes SET at = 1 WHERE sequence = 3", "change 3: root of time 1"),
        ("UPDATE changes SET decision_id = 1 WHERE sequence = 3", "different people"),
        ("DELETE FROM decisions WHERE decision_id = 2", "decision 3 follows 1"),
        ("UPDATE decisions SET details = '{}' WHERE decision_id = 2", "decision 2: missing field"),
        ("UPDATE policies SET document = '{}'", "policy 1: not a policy document"),
    ] {
        fs::write(&file, &good).unwrap();
        let connection = rusqlite::Connection::open(&file).unwrap();
        connection
            .execute_batch(
                "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; DROP TRIGGER changes_stay; \
                 DROP TRIGGER decisions_remain; DROP TRIGGER decisions_stay; DROP TRIGGER policies_stay;",
            )
            .unwrap();
        connection.execute_batch(change).unwrap();
        drop(connection);
        let checked = check(&SqliteStore::open(&file).unwrap()).unwrap();
        assert!(checked.findings.iter().any(|finding| finding.contains(word)), "{change}: {:?}", checked.findings);
    }
}

// Releases.

/// A copy of a frozen registry, with the mode that a registry has.
fn frozen(release: &str) -> (TempDir, PathBuf) {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("registry.sqlite3");
    let origin =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/registries").join(release).join("registry.sqlite3");
    fs::copy(origin, &file).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    (folder, file)
}

/// What release 0.1.0 wrote in format 1 opens, loses nothing, and goes on.
#[test]
fn a_registry_of_format_1_opens_for_ever() {
    const ROOT: &str = "90a4fb9fb266e99cc72f4ba554e2506f463da41f2091cd8d36a91543806f5a08";
    let (_folder, file) = frozen("v1");
    let error = SqliteStore::open_read_only(&file).map(drop).unwrap_err();
    assert_eq!(error.code(), "store_older_format");
    let mut registry = Registry::open(SqliteStore::open(&file).unwrap()).unwrap();
    assert_eq!(registry.root().to_string(), ROOT);
    let status = registry.status().unwrap();
    assert_eq!((status.people, status.left_eyes, status.right_eyes, status.leaves), (4, 4, 3, 4));
    assert_eq!(status.census, Census { active: 4, ..Census::default() });
    assert!(registry.policy().recovery_delay_seconds > 0);
    let outcomes: Vec<_> = registry.decisions(0, 99).unwrap().into_iter().map(|decision| decision.outcome).collect();
    assert_eq!(outcomes, ["accepted", "accepted", "accepted", "accepted", "duplicate", "accepted", "not_this_person"]);
    let roots = registry.roots().unwrap();
    assert_eq!((roots.len(), roots[3].root.to_string().as_str()), (4, ROOT));
    for person in 1..=4 {
        let record = registry.store().person(id(person)).unwrap().unwrap();
        let leaf = record.leaf.unwrap();
        assert_eq!(leaf.commitment.to_string(), format!("{person:02x}{}", "0".repeat(62)));
        let eye = record.templates.left.unwrap().open().unwrap();
        assert_eq!(registry.identify(Some(&eye), None).unwrap()[0].person, id(person));
        assert_eq!(registry.path(id(person)).unwrap().root.to_string(), ROOT);
    }
    is_whole(&mut registry, || SqliteStore::open(&file).unwrap());
    let _suspended = registry.suspend(id(3), status.created_at + 99, "").unwrap();
    let _erased = registry.erase(id(1), status.created_at + 100, "").unwrap();
    is_whole(&mut registry, || SqliteStore::open(&file).unwrap());
}

// Processes.

/// Played by other processes: enrols, recovers, suspends and erases people of its own until it is killed, and says what is done.
#[test]
fn actor_lives() {
    let Some((role, file)) = role() else { return };
    let first: u64 = role.parse().unwrap();
    let mut registry = Registry::open(SqliteStore::open(file).unwrap()).unwrap();
    let mut out = std::io::stdout().lock();
    let mut random = Random(first);
    // Numbers of eyes and commitments are never used twice, by whatever process.
    for number in first.. {
        let at = NOW + number % 1_000;
        let person = registry.enroll(EnrollRequest { issued_at: at, ..request(number) }).unwrap().person;
        writeln!(out, "\ndone active {person} {number}").unwrap();
        out.flush().unwrap();
        if random.below(2) == 0 {
            let new = 1_000_000_000 + number;
            let wanted = RecoverRequest {
                person,
                left: Some(capture(&left(number), number)),
                right: None,
                commitment: commitment(new),
                expires_at: LATER,
                at,
            };
            let requested = registry.request_recovery(&wanted).unwrap();
            let _recovered = registry.complete_recovery(requested.recovery, at).unwrap();
            writeln!(out, "\ndone active {person} {new}").unwrap();
            out.flush().unwrap();
        }
        match random.below(3) {
            0 => {
                let _erased = registry.erase(person, at, "").unwrap();
                writeln!(out, "\ndone erased {person} {number}").unwrap();
            }
            1 => {
                let _suspended = registry.suspend(person, at, "").unwrap();
                writeln!(out, "\ndone suspended {person} {number}").unwrap();
            }
            _ => {}
        }
        out.flush().unwrap();
    }
}

/// Several processes at once, each killed at some moment: what they said is done is done, and nothing is half done.
#[test]
fn lives_survive_kill_9() {
    const ROUNDS: u64 = 10;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("registry.db");
    let policy = RegistryPolicy { recovery_delay_seconds: 0, ..RegistryPolicy::default() };
    drop(Registry::create(SqliteStore::create(&file).unwrap(), policy, NOW).unwrap());
    let mut said: BTreeMap<u64, (String, u64)> = BTreeMap::new();
    let mut random = Random(5);
    let mut steps = 0;
    for round in 0..ROUNDS {
        let mut processes: Vec<_> = (0..2)
            .map(|desk| {
                let first = (round * 2 + desk + 1) * 10_000;
                actor("lifecycle::actor_lives", &first.to_string(), &file).spawn().unwrap()
            })
            .collect();
        let readers: Vec<_> = processes
            .iter_mut()
            .map(|process| {
                let lines = BufReader::new(process.stdout.take().unwrap()).lines();
                thread::spawn(move || {
                    lines.map_while(Result::ok).filter(|line| line.starts_with("done ")).collect::<Vec<_>>()
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(400 + random.below(500)));
        for process in &mut processes {
            thread::sleep(Duration::from_micros(random.below(20_000)));
            // SIGKILL on Unix.
            process.kill().unwrap();
            process.wait().unwrap();
        }
        for reader in readers {
            for line in reader.join().unwrap() {
                let words: Vec<_> = line.split(' ').collect();
                let Ok(&[_, status, person, number]) = <&[&str; 4]>::try_from(words.as_slice()) else {
                    panic!("{line}")
                };
                said.insert(person.parse().unwrap(), (status.to_owned(), number.parse().unwrap()));
                steps += 1;
            }
        }
        let store = SqliteStore::open(&file).unwrap();
        assert_eq!(check(&store).unwrap().findings, Vec::<String>::new(), "round {round}");
        let mut registry = Registry::open(store).unwrap();
        for (&person, (status, number)) in &said {
            let record = registry.store().person(id(person)).unwrap().unwrap();
            // The step after the last one that was told may have been taken too.
            match status.as_str() {
                "erased" => assert_eq!(record.status, PersonStatus::Erased, "{person}"),
                "suspended" => assert_eq!(record.status, PersonStatus::Suspended, "{person}"),
                _ if record.status == PersonStatus::Active => {
                    let owner = registry.store().person_of(&commitment(*number)).unwrap();
                    assert_eq!(owner, Some(id(person)));
                    assert!(registry.path(id(person)).is_ok());
                }
                _ => {}
            }
        }
    }
    assert!(steps > ROUNDS as usize, "only {steps} steps in {ROUNDS} rounds");
    eprintln!("{steps} steps told, {} people, {} kills", said.len(), 2 * ROUNDS);
}
