//! The relying party's verifier: every rule refuses by its own name, and a refusal uses nothing up.

#![allow(clippy::unwrap_used)]

use std::num::NonZeroU32;
use std::sync::{Arc, LazyLock};

use personhood::identity::{Assurance, Credential, IdentitySecret, Leaf};
use personhood::membership::{self, MembershipProof, ProveError, Witness};
use personhood::nullifier::{ExternalNullifier, Nullifier, NullifierError, NullifierStore, Scope};
use personhood::tree::{LeafIndex, RootHistory, Tree};
use personhood::verify::{AcceptedRoots, MemoryNullifiers, Mismatch, Presentation, Request, Verifier, VerifyError};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

const OPENED: u64 = 1_800_000_000;

/// A registry of a dozen members, and the secrets of all of them.
struct World {
    tree: Tree,
    members: Vec<(IdentitySecret, Credential)>,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let rng = &mut ChaCha20Rng::seed_from_u64(7);
    let mut tree = Tree::new();
    let members: Vec<_> = (0..12)
        .map(|number| {
            let secret = IdentitySecret::generate(rng);
            let assurance = if number == 3 { Assurance::ONE_EYE } else { Assurance::BOTH_EYES };
            let credential = Credential::new(OPENED - 100 + number, OPENED + 1_000_000, assurance).unwrap();
            tree.push(Leaf::new(&secret.commitment(), &credential)).unwrap();
            (secret, credential)
        })
        .collect();
    World { tree, members }
});

fn scope() -> Scope {
    Scope::new("polls.example", "budget 2027").unwrap()
}

fn poll() -> Verifier {
    Verifier::new(&scope(), AcceptedRoots::only(WORLD.tree.root()))
        .issued_no_later_than(OPENED)
        .expires_no_earlier_than(OPENED + 1_000)
        .assurance_at_least(Assurance::ONE_EYE)
}

/// What a holder shows, with its proof owned.
struct Shown {
    nullifier: Nullifier,
    use_index: u32,
    proof: MembershipProof,
}

impl Shown {
    fn presentation(&self) -> Presentation<'_> {
        let Self { nullifier, use_index, proof } = self;
        Presentation { root: WORLD.tree.root(), nullifier: *nullifier, use_index: *use_index, proof }
    }
}

/// The proof of member `number` for `verifier`, which is all that the holder knows of it.
fn show(
    verifier: &Verifier,
    scope: &Scope,
    number: u32,
    use_index: u32,
    request: &Request,
) -> Result<Shown, ProveError> {
    let (secret, credential) = &WORLD.members[number as usize];
    let nullifier = Nullifier::new(secret, &scope.external_nullifier(), use_index);
    let statement = verifier.statement(WORLD.tree.root(), nullifier, use_index, request);
    let path = WORLD.tree.path(LeafIndex::new(number).unwrap()).unwrap();
    let rng = &mut ChaCha20Rng::seed_from_u64(u64::from(number));
    let proof = membership::prove(&statement, &Witness { secret, credential, path: &path }, rng)?;
    Ok(Shown { nullifier, use_index, proof })
}

/// Member 5, once, "yes": the proof that most tests bend.
static YES: LazyLock<Shown> = LazyLock::new(|| show(&poll(), &scope(), 5, 0, &Request::new(b"yes")).unwrap());

/// Asserts that `verifier` refuses, with this code, and records nothing.
fn refused(verifier: &Verifier, presentation: &Presentation<'_>, request: &Request, now: u64, code: &str) {
    let mut nullifiers = MemoryNullifiers::new();
    let error = verifier.verify(presentation, request, now, &mut nullifiers).unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert!(!error.is_undecided());
    assert!(nullifiers.is_empty(), "a refused proof has used something up");
}

#[test]
fn everybody_acts_once() {
    let (poll, yes) = (poll(), Request::new(b"yes"));
    let mut voters = MemoryNullifiers::new();
    poll.verify(&YES.presentation(), &yes, OPENED, &mut voters).unwrap();
    let again = poll.verify(&YES.presentation(), &yes, OPENED, &mut voters).unwrap_err();
    assert_eq!(again.code(), "nullifier_already_used");
    assert!(
        matches!(again, VerifyError::Nullifier(NullifierError::AlreadyUsed { nullifier }) if nullifier == YES.nullifier)
    );

    // Another message of the same person, rightly proven, is the same person.
    let no = Request::new(b"no");
    let changed_mind = show(&poll, &scope(), 5, 0, &no).unwrap();
    let error = poll.verify(&changed_mind.presentation(), &no, OPENED, &mut voters).unwrap_err();
    assert_eq!(error.code(), "nullifier_already_used");

    // Another person is not, and neither is the same person in another period.
    let neighbour = show(&poll, &scope(), 6, 0, &no).unwrap();
    poll.verify(&neighbour.presentation(), &no, OPENED, &mut voters).unwrap();
    let next_scope = scope().in_period("second round").unwrap();
    let next = Verifier::new(&next_scope, AcceptedRoots::only(WORLD.tree.root()));
    let second = show(&next, &next_scope, 5, 0, &yes).unwrap();
    next.verify(&second.presentation(), &yes, OPENED, &mut voters).unwrap();
    assert_eq!(voters.len(), 3);
    assert!(voters.contains(&scope().external_nullifier(), &YES.nullifier));
    assert!(!voters.contains(&next_scope.external_nullifier(), &YES.nullifier));
}

#[test]
fn what_the_proof_was_not_made_for_is_refused() {
    let (poll, yes, shown) = (poll(), Request::new(b"yes"), YES.presentation());
    refused(&poll, &shown, &Request::new(b"no"), OPENED, "proof_rejected");
    refused(&poll, &shown, &yes.with_nonce([1; 32]), OPENED, "proof_rejected");
    refused(&poll.clone().issued_no_later_than(OPENED + 1), &shown, &yes, OPENED, "proof_rejected");
    refused(&poll.clone().issued_no_later_than(OPENED - 1), &shown, &yes, OPENED, "proof_rejected");
    refused(&poll.clone().expires_no_earlier_than(OPENED + 999), &shown, &yes, OPENED, "proof_rejected");
    refused(&poll.clone().assurance_at_least(Assurance::BOTH_EYES), &shown, &yes, OPENED, "proof_rejected");
    refused(&poll.clone().assurance_at_least(Assurance::NONE), &shown, &yes, OPENED, "proof_rejected");
    let other = Scope::new("polls.example", "budget 2028").unwrap();
    let other = Verifier::new(&other, AcceptedRoots::only(WORLD.tree.root()))
        .issued_no_later_than(OPENED)
        .expires_no_earlier_than(OPENED + 1_000)
        .assurance_at_least(Assurance::ONE_EYE);
    refused(&other, &shown, &yes, OPENED, "proof_rejected");
    let neighbour = Nullifier::new(&WORLD.members[6].0, &scope().external_nullifier(), 0);
    refused(&poll, &Presentation { nullifier: neighbour, ..shown }, &yes, OPENED, "proof_rejected");
    let impossible = poll.clone().issued_no_later_than(1 << 40);
    refused(&impossible, &shown, &yes, OPENED, "statement_time_out_of_range");
}

#[test]
fn what_a_holder_claims_can_be_compared_and_decides_nothing() {
    let (poll, yes) = (poll(), Request::new(b"yes"));
    let claimed = poll.statement(WORLD.tree.root(), YES.nullifier, 0, &yes);
    assert_eq!(poll.mismatch(&claimed, &yes), None);
    let other = Scope::new("polls.example", "budget 2028").unwrap();
    let elsewhere = Verifier::new(&other, AcceptedRoots::only(WORLD.tree.root()));
    for (verifier, request, expected) in [
        (elsewhere, yes, Mismatch::Scope),
        (poll.clone(), Request::new(b"no"), Mismatch::Signal),
        (poll.clone(), yes.with_nonce([1; 32]), Mismatch::Nonce),
        (poll.clone().issued_no_later_than(OPENED + 1), yes, Mismatch::Issue),
        (poll.clone().expires_no_earlier_than(OPENED), yes, Mismatch::Expiry),
        (poll.clone().assurance_at_least(Assurance::NONE), yes, Mismatch::Assurance),
    ] {
        assert_eq!(verifier.mismatch(&claimed, &request), Some(expected));
        // The holder's own words are for messages: with them in order, the proof is refused all the same.
        let flattering = verifier.statement(claimed.root, claimed.nullifier, 0, &request);
        assert_eq!(verifier.mismatch(&flattering, &request), None);
        refused(&verifier, &Presentation::new(&flattering, &YES.proof), &request, OPENED, "proof_rejected");
    }
}

#[test]
fn uses_are_counted_by_the_verifier() {
    let yes = Request::new(b"yes");
    let twice = poll().uses_per_person(NonZeroU32::new(2).unwrap());
    let mut used = MemoryNullifiers::new();
    twice.verify(&YES.presentation(), &yes, OPENED, &mut used).unwrap();
    let second = show(&twice, &scope(), 5, 1, &yes).unwrap();
    assert_ne!(second.nullifier, YES.nullifier);
    twice.verify(&second.presentation(), &yes, OPENED, &mut used).unwrap();

    // The second use is a good proof, and beyond the limit of a poll that is open once.
    refused(&poll(), &second.presentation(), &yes, OPENED, "use_limit_exceeded");
    let third = show(&twice, &scope(), 5, 2, &yes).unwrap();
    refused(&twice, &third.presentation(), &yes, OPENED, "use_limit_exceeded");
    // Calling a second use a first one does not help.
    refused(&twice, &Presentation { use_index: 0, ..second.presentation() }, &yes, OPENED, "proof_rejected");
}

#[test]
fn roots_are_accepted_while_they_are_fresh() {
    let (yes, shown) = (Request::new(b"yes"), YES.presentation());
    let mut tree = WORLD.tree.clone();
    let history = RootHistory::new(tree.root(), OPENED - 50);
    let mut poll = Verifier::new(&scope(), AcceptedRoots::recent(history, 3_600))
        .issued_no_later_than(OPENED)
        .expires_no_earlier_than(OPENED + 1_000)
        .assurance_at_least(Assurance::ONE_EYE);
    // However old the present root is, it is the truth.
    poll.check(&shown, &yes, OPENED + 900_000).unwrap();

    // Member 5 is revoked. What they proved before stays good for an hour, not longer.
    tree.remove(LeafIndex::new(5).unwrap()).unwrap();
    let AcceptedRoots::Recent { history, .. } = poll.roots_mut() else { panic!("these are the roots given") };
    Arc::make_mut(history).advance(tree.root(), OPENED + 900_000).unwrap();
    poll.check(&shown, &yes, OPENED + 903_600).unwrap();
    refused(&poll, &shown, &yes, OPENED + 903_601, "root_too_old");

    let stranger = Verifier::new(&scope(), AcceptedRoots::only(tree.root()));
    refused(&stranger, &shown, &yes, OPENED, "root_unknown");
    // A root that is accepted, but not the one of the proof.
    refused(&stranger, &Presentation { root: tree.root(), ..shown }, &yes, OPENED, "proof_rejected");
}

#[test]
fn each_of_many_presentations_has_the_verdict_that_it_has_alone() {
    let (yes, no) = (Request::new(b"yes"), Request::new(b"no"));
    let poll = poll();
    let other = show(&poll, &scope(), 6, 0, &no).unwrap();
    let stranger = Presentation { root: Tree::new().root(), ..YES.presentation() };
    let second = Presentation { use_index: 1, ..YES.presentation() };
    let batch = [
        (YES.presentation(), yes),
        (stranger, yes),
        (other.presentation(), no),
        (second, yes),
        (other.presentation(), yes),
        (YES.presentation(), no),
        (YES.presentation(), yes),
    ];
    let code = |verdict: Result<(), VerifyError>| verdict.map_err(|error| error.code());
    let together: Vec<_> = poll.check_each(&batch, OPENED + 5).into_iter().map(code).collect();
    let alone: Vec<_> = batch.iter().map(|(shown, request)| code(poll.check(shown, request, OPENED + 5))).collect();
    assert_eq!(together, alone);
    let (unknown, limit, rejected) = (Err("root_unknown"), Err("use_limit_exceeded"), Err("proof_rejected"));
    assert_eq!(together, [Ok(()), unknown, Ok(()), limit, rejected, rejected, Ok(())]);
}

#[test]
fn nobody_acts_with_an_old_leaf_and_its_replacement() {
    // Member 5 loses a device a minute before the poll opens: the old leaf is in a root that is still recent, and the
    // new one was issued early enough. Without a rule about the root, both would be one vote each.
    let (yes, moved) = (Request::new(b"yes"), OPENED - 60);
    let rng = &mut ChaCha20Rng::seed_from_u64(8);
    let (secret, index) = (IdentitySecret::generate(rng), LeafIndex::new(5).unwrap());
    let credential = Credential::new(moved, OPENED + 1_000_000, Assurance::BOTH_EYES).unwrap();
    let mut tree = WORLD.tree.clone();
    let mut history = RootHistory::new(tree.root(), OPENED - 80);
    tree.replace(index, Leaf::new(&secret.commitment(), &credential)).unwrap();
    history.advance(tree.root(), moved).unwrap();
    let poll = |opened| {
        Verifier::new(&scope(), AcceptedRoots::recent(history.clone(), 7_200))
            .issued_no_later_than(opened)
            .expires_no_earlier_than(OPENED + 1_000)
            .assurance_at_least(Assurance::ONE_EYE)
    };

    let mut voters = MemoryNullifiers::new();
    let nullifier = Nullifier::new(&secret, &scope().external_nullifier(), 0);
    let statement = poll(OPENED).statement(tree.root(), nullifier, 0, &yes);
    let witness = Witness { secret: &secret, credential: &credential, path: &tree.path(index).unwrap() };
    let proof = membership::prove(&statement, &witness, rng).unwrap();
    poll(OPENED).verify(&Presentation::new(&statement, &proof), &yes, OPENED + 1, &mut voters).unwrap();
    let old = YES.presentation();
    let error = poll(OPENED).verify(&old, &yes, OPENED + 2, &mut voters).unwrap_err();
    assert_eq!(error.code(), "root_superseded", "{error}");
    assert_eq!(voters.len(), 1);

    // At the very second of the replacement the new leaf is still old enough, a second earlier it is not.
    let code = |opened| poll(opened).check(&old, &yes, OPENED).unwrap_err().code();
    assert_eq!(code(moved), "root_superseded");
    assert_eq!(code(moved - 1), "proof_rejected", "the root is good, and the proof is for another limit");
}

#[test]
fn rules_that_a_holder_does_not_meet_cannot_be_proven() {
    let yes = Request::new(b"yes");
    // Members are issued from OPENED − 100 on, one a second.
    let early = poll().issued_no_later_than(OPENED - 96);
    assert!(show(&early, &scope(), 4, 0, &yes).is_ok());
    assert_eq!(show(&early, &scope(), 5, 0, &yes).err().map(|error| error.code()), Some("issued_too_late"));
    let long = poll().expires_no_earlier_than(OPENED + 1_000_001);
    assert_eq!(show(&long, &scope(), 5, 0, &yes).err().map(|error| error.code()), Some("expires_too_early"));
    let strict = poll().assurance_at_least(Assurance::BOTH_EYES);
    assert_eq!(show(&strict, &scope(), 3, 0, &yes).err().map(|error| error.code()), Some("assurance_too_low"));
}

/// A store whose disk is full.
struct Broken;

impl NullifierStore for Broken {
    fn record(&mut self, _: &ExternalNullifier, _: &Nullifier) -> Result<(), NullifierError> {
        Err(NullifierError::Store("disk full".into()))
    }
}

#[test]
fn a_failing_store_accepts_nobody_and_decides_nothing() {
    let yes = Request::new(b"yes");
    let mut store: Box<dyn NullifierStore> = Box::new(Broken);
    let error = poll().verify(&YES.presentation(), &yes, OPENED, store.as_mut()).unwrap_err();
    assert_eq!(error.code(), "nullifier_store_failed");
    assert!(error.is_undecided());
    assert!(error.to_string().contains("disk full"));
    // Nothing was used up: the same presentation is accepted elsewhere.
    poll().verify(&YES.presentation(), &yes, OPENED, &mut MemoryNullifiers::new()).unwrap();
}
