//! Membership proofs as holders and relying parties use them.

#![allow(clippy::unwrap_used)]

use std::ops::ControlFlow;
use std::sync::OnceLock;

use personhood::bytes::{from_hex, to_hex};
use personhood::identity::{Assurance, Credential, IdentitySecret, Leaf};
use personhood::membership::{
    self, MembershipProof, Parameters, Progress, ProofDecodeError, ProofVersion, ProveError, Statement, StatementError,
    VerifyError, Witness,
};
use personhood::nullifier::{ExternalNullifier, Nullifier, NullifierStore, Scope};
use personhood::signal::Signal;
use personhood::tree::{LeafIndex, MerklePath, MerkleRoot, Tree};
use personhood::verify::MemoryNullifiers;
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{CryptoRng, Error, RngCore, SeedableRng};

const ISSUED: u64 = 1_700_000_000;
const EXPIRES: u64 = 1_900_000_000;

/// Enrolled people, and the tree of their leaves.
struct World {
    holders: Vec<Holder>,
    tree: Tree,
}

struct Holder {
    secret: IdentitySecret,
    credential: Credential,
    path: MerklePath,
}

impl Holder {
    fn witness(&self) -> Witness<'_> {
        Witness { secret: &self.secret, credential: &self.credential, path: &self.path }
    }
}

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// `people` holders among `strangers` other leaves.
fn world(seed: u64, people: usize, strangers: usize) -> World {
    let mut rng = rng(seed);
    let mut tree = Tree::new();
    let mut stranger = |tree: &mut Tree| {
        let credential = Credential::new(ISSUED, EXPIRES, Assurance::ONE_EYE).unwrap();
        tree.push(Leaf::new(
            &IdentitySecret::generate(&mut ChaCha20Rng::seed_from_u64(rng.next_u64())).commitment(),
            &credential,
        ))
        .unwrap()
    };
    let mut indices = Vec::new();
    let mut secrets = Vec::new();
    for person in 0..people {
        for _ in 0..strangers / people {
            stranger(&mut tree);
        }
        let secret = IdentitySecret::generate(&mut ChaCha20Rng::seed_from_u64(seed * 1000 + person as u64));
        let credential = Credential::new(ISSUED, EXPIRES, Assurance::BOTH_EYES).unwrap();
        indices.push(tree.push(Leaf::new(&secret.commitment(), &credential)).unwrap());
        secrets.push((secret, credential));
    }
    let holders = secrets
        .into_iter()
        .zip(indices)
        .map(|((secret, credential), index)| Holder { secret, credential, path: tree.path(index).unwrap() })
        .collect();
    World { holders, tree }
}

fn scope() -> ExternalNullifier {
    Scope::new("polls.example", "budget 2027").unwrap().external_nullifier()
}

fn statement(world: &World, holder: &Holder) -> Statement {
    Statement {
        root: world.tree.root(),
        external_nullifier: scope(),
        use_index: 0,
        nullifier: Nullifier::new(&holder.secret, &scope(), 0),
        signal: Signal::new(b"yes"),
        nonce: [7; 32],
        issued_no_later_than: Some(ISSUED + 10),
        expires_no_earlier_than: Some(EXPIRES - 10),
        assurance_at_least: Assurance::ONE_EYE,
    }
}

/// One good proof, made once: proving is the slow part of these tests.
fn good() -> &'static (World, Statement, MembershipProof) {
    static GOOD: OnceLock<(World, Statement, MembershipProof)> = OnceLock::new();
    GOOD.get_or_init(|| {
        let world = world(1, 3, 20);
        let statement = statement(&world, &world.holders[1]);
        let proof = membership::prove(&statement, &world.holders[1].witness(), &mut rng(2)).unwrap();
        (world, statement, proof)
    })
}

fn rejected(statement: &Statement, proof: &MembershipProof) {
    assert_eq!(membership::verify(statement, proof), Err(VerifyError::Rejected), "{statement:?}");
}

#[test]
fn everybody_in_the_tree_can_prove() {
    let world = world(3, 4, 40);
    for (i, holder) in world.holders.iter().enumerate() {
        let mut statement = statement(&world, holder);
        // Bounds on and off, and met exactly.
        statement.issued_no_later_than = [None, Some(ISSUED), Some(ISSUED + 1), Some((1 << 40) - 1)][i];
        statement.expires_no_earlier_than = [Some(EXPIRES), None, Some(0), Some(EXPIRES - 1)][i];
        statement.assurance_at_least = Assurance::new([0, 1, 2, 2][i]);
        statement.use_index = [0, 1, u32::MAX, 3][i];
        statement.nullifier = Nullifier::new(&holder.secret, &statement.external_nullifier, statement.use_index);
        let proof = membership::prove(&statement, &holder.witness(), &mut rng(i as u64)).unwrap();
        assert_eq!(membership::verify(&statement, &proof), Ok(()));
        let bytes = proof.to_bytes();
        assert_eq!(bytes.len(), MembershipProof::BYTES);
        assert_eq!(MembershipProof::from_bytes(&bytes).unwrap(), proof);
    }
}

#[test]
fn every_place_of_the_tree_can_prove() {
    // Far places, with paths made by hand: a path to a place of a tree that has nothing but this leaf.
    let mut rng = rng(4);
    for index in [0, 7, 8, (1 << 30) - 1, 0o1_2345_6701, 1 << 29] {
        let secret = IdentitySecret::generate(&mut rng);
        let credential = Credential::new(0, (1 << 40) - 1, Assurance::new(255)).unwrap();
        let index = LeafIndex::new(index).unwrap();
        let mut bytes = vec![0; MerklePath::BYTES];
        bytes[0] = MerklePath::FORMAT_VERSION;
        bytes[1..5].copy_from_slice(&index.as_u32().to_le_bytes());
        for sibling in bytes[5..].chunks_mut(32) {
            rng.fill_bytes(&mut sibling[..31]);
        }
        let path = MerklePath::from_bytes(&bytes).unwrap();
        let statement = Statement {
            root: path.root(&Leaf::new(&secret.commitment(), &credential)),
            external_nullifier: scope(),
            use_index: 5,
            nullifier: Nullifier::new(&secret, &scope(), 5),
            signal: Signal::new(b""),
            nonce: [0; 32],
            issued_no_later_than: Some(0),
            expires_no_earlier_than: Some((1 << 40) - 1),
            assurance_at_least: Assurance::new(255),
        };
        let witness = Witness { secret: &secret, credential: &credential, path: &path };
        let proof = membership::prove(&statement, &witness, &mut rng).unwrap();
        assert_eq!(membership::verify(&statement, &proof), Ok(()), "place {index}");
    }
}

#[test]
fn each_public_value_is_part_of_what_is_proven() {
    let (world, statement, proof) = good();
    assert_eq!(membership::verify(statement, proof), Ok(()));
    let other_scope = Scope::new("polls.example", "budget 2028").unwrap().external_nullifier();
    let changes: [&dyn Fn(&mut Statement); 16] = [
        &|statement| statement.root = Tree::new().root(),
        &|statement| statement.root = MerkleRoot::from_bytes(&[0; 32]).unwrap(),
        &|statement| statement.external_nullifier = other_scope,
        &|statement| statement.use_index = 1,
        &|statement| statement.nullifier = Nullifier::from_bytes(&[0; 32]).unwrap(),
        &|statement| statement.nullifier = Nullifier::new(&world.holders[0].secret, &scope(), 0),
        &|statement| statement.nullifier = Nullifier::new(&world.holders[1].secret, &scope(), 1),
        &|statement| statement.signal = Signal::new(b"no"),
        &|statement| statement.nonce[0] ^= 1,
        &|statement| statement.issued_no_later_than = Some(ISSUED + 11),
        &|statement| statement.issued_no_later_than = Some(ISSUED - 1),
        &|statement| statement.issued_no_later_than = None,
        &|statement| statement.expires_no_earlier_than = Some(EXPIRES - 9),
        &|statement| statement.expires_no_earlier_than = None,
        &|statement| statement.assurance_at_least = Assurance::BOTH_EYES,
        &|statement| statement.assurance_at_least = Assurance::NONE,
    ];
    for change in changes {
        let mut changed = statement.clone();
        change(&mut changed);
        assert_ne!(&changed, statement);
        rejected(&changed, proof);
    }
}

#[test]
fn no_byte_of_a_proof_can_change() {
    let (_, statement, proof) = good();
    let bytes = proof.to_bytes();
    let mut decoded = 0;
    for position in 0..bytes.len() {
        let mut changed = bytes;
        changed[position] ^= 1 << (position % 8);
        if let Ok(proof) = MembershipProof::from_bytes(&changed) {
            decoded += 1;
            rejected(statement, &proof);
        }
    }
    // Most changed scalars and half of the changed points decode, so the equations were tested too.
    assert!(decoded > 600, "{decoded}");
}

#[test]
fn elements_cannot_be_exchanged_replaced_or_mixed() {
    let (world, statement, proof) = good();
    let bytes = proof.to_bytes();
    let other = membership::prove(statement, &world.holders[1].witness(), &mut rng(3)).unwrap();
    assert_eq!(membership::verify(statement, &other), Ok(()));
    let other = other.to_bytes();
    let element = |i: usize| 1 + 32 * i..33 + 32 * i;
    let count = (bytes.len() - 1) / 32;
    for i in 0..count {
        // From another good proof of the same statement.
        let mut mixed = bytes;
        mixed[element(i)].copy_from_slice(&other[element(i)]);
        rejected(statement, &MembershipProof::from_bytes(&mixed).unwrap());

        // With the next element; a point is not often a scalar.
        let next = (i + 1) % count;
        let mut swapped = bytes;
        swapped[element(i)].copy_from_slice(&bytes[element(next)]);
        swapped[element(next)].copy_from_slice(&bytes[element(i)]);
        if let Ok(swapped) = MembershipProof::from_bytes(&swapped) {
            rejected(statement, &swapped);
        }
    }
}

#[test]
fn points_and_scalars_have_one_spelling() {
    let (_, _, proof) = good();
    let bytes = proof.to_bytes();
    // l, little endian: zero in another spelling.
    let mut order = [0; 32];
    order[..16].copy_from_slice(&27_742_317_777_372_353_535_851_937_790_883_648_493_u128.to_le_bytes());
    order[31] = 0x10;
    // Points by their places in the encoding; the others are scalars.
    let is_point = |i: usize| matches!(i, 0..20 | 24..27 | 29..41);
    for i in 0..(bytes.len() - 1) / 32 {
        let offset = 1 + 32 * i;
        let with = |element: &[u8; 32]| {
            let mut changed = bytes;
            changed[offset..offset + 32].copy_from_slice(element);
            MembershipProof::from_bytes(&changed)
        };
        if is_point(i) {
            assert_eq!(with(&[0; 32]), Err(ProofDecodeError::Point { offset }), "the identity");
            let mut high_bit: [u8; 32] = bytes[offset..offset + 32].try_into().unwrap();
            high_bit[31] |= 0x80;
            assert_eq!(with(&high_bit), Err(ProofDecodeError::Point { offset }), "a bit beyond the field");
            let mut odd = [0; 32];
            odd[0] = 1;
            assert_eq!(with(&odd), Err(ProofDecodeError::Point { offset }), "a negative encoding");
            // p and p + 2 of the field of the curve: 0 and 2 in another spelling.
            for low in [0xed, 0xef] {
                let mut modulus = [0xff; 32];
                modulus[0] = low;
                modulus[31] = 0x7f;
                assert_eq!(with(&modulus), Err(ProofDecodeError::Point { offset }), "an unreduced encoding");
            }
        } else {
            assert_eq!(with(&order), Err(ProofDecodeError::Scalar { offset }));
            assert_eq!(with(&[0xff; 32]), Err(ProofDecodeError::Scalar { offset }));
            let mut below = order;
            below[0] -= 1;
            assert!(with(&below).is_ok());
        }
    }
}

#[test]
fn lengths_and_versions_are_exact() {
    let (_, _, proof) = good();
    assert_eq!(proof.version(), ProofVersion::V1);
    let bytes = proof.to_bytes();
    for length in [0, 1, 2, 33, bytes.len() - 32, bytes.len() - 1] {
        assert_eq!(MembershipProof::from_bytes(&bytes[..length]), Err(ProofDecodeError::Length { found: length }));
    }
    for extra in [1, 31, 32, 64] {
        let mut padded = bytes.to_vec();
        padded.resize(bytes.len() + extra, 0);
        assert_eq!(MembershipProof::from_bytes(&padded), Err(ProofDecodeError::Length { found: padded.len() }));
    }
    for version in [0, 2, 3, 255] {
        let mut other = bytes;
        other[0] = version;
        let error = MembershipProof::from_bytes(&other).unwrap_err();
        assert_eq!(error, ProofDecodeError::UnsupportedVersion { found: version });
        assert_eq!(error.code(), "proof_version_unsupported");
        // A short message of another version is of another version, not too short.
        assert_eq!(MembershipProof::from_bytes(&[version]), Err(error));
    }
}

#[test]
fn a_wrong_witness_is_an_error_with_its_reason() {
    let (world, good, _) = good();
    let holder = &world.holders[1];
    let fail = |statement: &Statement, witness: &Witness<'_>| {
        membership::prove(statement, witness, &mut rng(0)).expect_err("the witness is wrong")
    };
    let with = |change: &dyn Fn(&mut Statement)| {
        let mut statement = good.clone();
        change(&mut statement);
        fail(&statement, &holder.witness())
    };

    assert_eq!(with(&|statement| statement.root = Tree::new().root()), ProveError::NotAMember);
    let other = &world.holders[0];
    assert_eq!(fail(good, &Witness { path: &other.path, ..holder.witness() }), ProveError::NotAMember);
    assert_eq!(fail(good, &Witness { secret: &other.secret, ..holder.witness() }), ProveError::NotAMember);
    let better = Credential::new(ISSUED, EXPIRES + 1, Assurance::BOTH_EYES).unwrap();
    assert_eq!(fail(good, &Witness { credential: &better, ..holder.witness() }), ProveError::NotAMember);

    let nullifier = Nullifier::new(&other.secret, &scope(), 0);
    assert_eq!(with(&|statement| statement.nullifier = nullifier), ProveError::NullifierMismatch);
    assert_eq!(with(&|statement| statement.use_index = 1), ProveError::NullifierMismatch);
    assert_eq!(
        with(&|statement| statement.issued_no_later_than = Some(ISSUED - 1)),
        ProveError::IssuedTooLate { issued_at: ISSUED, limit: ISSUED - 1 }
    );
    assert_eq!(
        with(&|statement| statement.expires_no_earlier_than = Some(EXPIRES + 1)),
        ProveError::ExpiresTooEarly { expires_at: EXPIRES, limit: EXPIRES + 1 }
    );
    assert_eq!(
        with(&|statement| statement.assurance_at_least = Assurance::new(3)),
        ProveError::AssuranceTooLow { assurance: 2, limit: 3 }
    );
    let error = with(&|statement| statement.issued_no_later_than = Some(1_700_000_000_000));
    assert_eq!(error.code(), "statement_time_out_of_range");
    assert!(error.to_string().contains("milliseconds"), "{error}");
}

#[test]
fn a_bound_that_is_no_time_is_refused_by_the_verifier_too() {
    let (_, good, proof) = good();
    for time in [1 << 40, u64::MAX] {
        let mut statement = good.clone();
        statement.expires_no_earlier_than = Some(time);
        let error = StatementError::TimeOutOfRange { bound: "expires_no_earlier_than", value: time };
        assert_eq!(membership::verify(&statement, proof), Err(VerifyError::Statement(error)));
    }
}

#[test]
fn a_revoked_leaf_is_no_member() {
    let mut world = world(5, 2, 8);
    let holder = &world.holders[0];
    let good = statement(&world, holder);
    assert!(membership::prove(&good, &holder.witness(), &mut rng(1)).is_ok());

    world.tree.remove(holder.path.index()).unwrap();
    let path = world.tree.path(holder.path.index()).unwrap();
    let after = Statement { root: world.tree.root(), ..good };
    // Neither the old path nor the new one leads from the old leaf to the new root.
    for path in [&holder.path, &path] {
        let witness = Witness { path, ..holder.witness() };
        assert_eq!(membership::prove(&after, &witness, &mut rng(2)).err(), Some(ProveError::NotAMember));
    }
    // The empty leaf that is there now leads to the root, and nobody has its secret.
    assert_eq!(path.root(&Leaf::empty()), world.tree.root());
    let neighbour = &world.holders[1];
    let path = world.tree.path(neighbour.path.index()).unwrap();
    let statement = Statement { nullifier: Nullifier::new(&neighbour.secret, &scope(), 0), ..after };
    let proof = membership::prove(&statement, &Witness { path: &path, ..neighbour.witness() }, &mut rng(3)).unwrap();
    assert_eq!(membership::verify(&statement, &proof), Ok(()));
}

#[test]
fn a_zero_leaf_gives_nobody_a_proof() {
    // A tree above a zero leaf: its path leads to the root from zero, but no secret has the leaf zero.
    let mut rng = rng(6);
    let mut bytes = vec![0; MerklePath::BYTES];
    bytes[0] = MerklePath::FORMAT_VERSION;
    let path = MerklePath::from_bytes(&bytes).unwrap();
    let zero = Leaf::from_bytes(&[0; 32]).unwrap();
    let secret = IdentitySecret::generate(&mut rng);
    let credential = Credential::new(0, EXPIRES, Assurance::BOTH_EYES).unwrap();
    let statement = Statement {
        root: path.root(&zero),
        external_nullifier: scope(),
        use_index: 0,
        nullifier: Nullifier::new(&secret, &scope(), 0),
        signal: Signal::new(b"zero"),
        nonce: [0; 32],
        issued_no_later_than: None,
        expires_no_earlier_than: None,
        assurance_at_least: Assurance::NONE,
    };
    let witness = Witness { secret: &secret, credential: &credential, path: &path };
    assert_eq!(membership::prove(&statement, &witness, &mut rng).err(), Some(ProveError::NotAMember));
}

#[test]
fn a_batch_is_as_good_as_its_worst_proof() {
    let (world, statement, proof) = good();
    let second = Statement { signal: Signal::new(b"second"), ..statement.clone() };
    let second_proof = membership::prove(&second, &world.holders[1].witness(), &mut rng(9)).unwrap();
    let good = [(statement, proof), (&second, &second_proof), (statement, proof)];
    assert_eq!(membership::verify_batch(&good), Ok(()));
    assert_eq!(membership::verify_batch::<&Statement, &MembershipProof>(&[]), Ok(()));

    for bad in 0..7 {
        let mut batch = vec![(statement, proof); 7];
        batch[bad] = (&second, proof);
        let error = membership::verify_batch(&batch).unwrap_err();
        assert_eq!((error.index, error.reason, error.code()), (bad, VerifyError::Rejected, "proof_rejected"));
    }

    // Errors that cancel in an unweighted sum: the last values are followed by no challenge, so one more in one copy and
    // one less in another leave two equations that are wrong by opposite points.
    let shift = |step: u8| {
        let mut bytes = proof.to_bytes();
        assert!((1..255).contains(&bytes[1313]), "no carry; another seed will do");
        bytes[1313] = bytes[1313].wrapping_add(step);
        MembershipProof::from_bytes(&bytes).unwrap()
    };
    let (more, less) = (shift(1), shift(255));
    assert_eq!(membership::verify_batch(&[(statement, &more), (statement, &less)]).unwrap_err().index, 0);

    let wrong = Statement { issued_no_later_than: Some(1 << 50), ..statement.clone() };
    let error = membership::verify_batch(&[(statement, proof), (&wrong, proof)]).unwrap_err();
    assert_eq!((error.index, error.code()), (1, "statement_time_out_of_range"));
    // Fuzzing found that a statement which cannot be proven was named before the bad proof in front of it, although the error
    // says that entries before it are good: all statements were looked at first.
    let error = membership::verify_batch(&[(statement, &more), (&wrong, proof)]).unwrap_err();
    assert_eq!((error.index, error.code()), (0, "proof_rejected"));
    let error = membership::verify_batch(&[(statement, proof), (&wrong, proof), (statement, &less)]).unwrap_err();
    assert_eq!((error.index, error.code()), (1, "statement_time_out_of_range"));
}

/// Every pattern of good and bad among six, an impossible statement among them: the verdicts are those of one by one.
#[test]
fn each_proof_of_a_batch_has_its_own_verdict() {
    let (_, statement, proof) = good();
    let other = Statement { signal: Signal::new(b"other"), ..statement.clone() };
    let impossible = Statement { expires_no_earlier_than: Some(1 << 50), ..statement.clone() };
    for pattern in 0_u32..64 {
        let batch: Vec<_> = (0..6)
            .map(|place| match (pattern >> place & 1, (pattern + place).is_multiple_of(5)) {
                (0, _) => (statement, proof),
                (_, false) => (&other, proof),
                (_, true) => (&impossible, proof),
            })
            .collect();
        let one_by_one: Vec<_> = batch.iter().map(|(statement, proof)| membership::verify(statement, proof)).collect();
        assert_eq!(membership::verify_each(&batch), one_by_one, "{pattern:06b}");
    }
    assert!(membership::verify_each::<&Statement, &MembershipProof>(&[]).is_empty());
}

/// A generator that says the same for ever.
struct Broken;
impl RngCore for Broken {
    fn next_u32(&mut self) -> u32 {
        0
    }
    fn next_u64(&mut self) -> u64 {
        0
    }
    fn fill_bytes(&mut self, dest: &mut [u8]) {
        dest.fill(0);
    }
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Error> {
        dest.fill(0);
        Ok(())
    }
}
impl CryptoRng for Broken {}

#[test]
fn a_broken_generator_repeats_whole_proofs_and_nothing_less() {
    let (world, statement, _) = good();
    let prove = |statement: &Statement| {
        membership::prove(statement, &world.holders[1].witness(), &mut Broken).unwrap().to_bytes()
    };
    let first = prove(statement);
    assert_eq!(first, prove(statement));
    // Had two statements the same masks, the difference of their answers would give the witness away.
    let mut proofs = vec![
        first,
        prove(&Statement { signal: Signal::new(b"other"), ..statement.clone() }),
        prove(&Statement { nonce: [8; 32], ..statement.clone() }),
        prove(&Statement { expires_no_earlier_than: None, ..statement.clone() }),
    ];
    // And another witness, for a statement that differs in nothing else than what it must.
    let holder = &world.holders[0];
    let statement = Statement { nullifier: Nullifier::new(&holder.secret, &scope(), 0), ..statement.clone() };
    proofs.push(membership::prove(&statement, &holder.witness(), &mut Broken).unwrap().to_bytes());
    for (i, one) in proofs.iter().enumerate() {
        for two in &proofs[..i] {
            assert!(one[1..].chunks(32).zip(two[1..].chunks(32)).all(|(a, b)| a != b));
        }
    }
}

#[test]
fn the_observer_hears_every_step_and_can_stop_at_each() {
    let (world, statement, _) = good();
    let witness = world.holders[1].witness();
    let mut seen = Vec::new();
    let observed = membership::prove_observed(statement, &witness, &mut rng(12), |progress| {
        seen.push(progress.done);
        assert_eq!(progress.total, Progress::STEPS);
        ControlFlow::Continue(())
    });
    assert_eq!(observed, membership::prove(statement, &witness, &mut rng(12)), "watching changes nothing");
    assert!(seen.is_sorted() && seen.last() == Some(&Progress::STEPS), "{seen:?}");
    for stop in [1, 14, 15, 20, 21, 23, Progress::STEPS] {
        let mut calls = 0;
        let cancelled = membership::prove_observed(statement, &witness, &mut rng(12), |progress| {
            calls += 1;
            if progress.done >= stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!(cancelled, Err(ProveError::Cancelled));
        assert!(calls <= stop, "it stops at once");
    }
    assert_eq!(ProveError::Cancelled.code(), "cancelled");
}

#[cfg(feature = "rayon")]
#[test]
fn many_threads_make_the_same_proof() {
    let (world, statement, _) = good();
    let witness = world.holders[1].witness();
    for seed in 0..3 {
        let one = membership::prove(statement, &witness, &mut rng(seed)).unwrap();
        assert_eq!(membership::par_prove(statement, &witness, &mut rng(seed)).unwrap(), one);
    }
    let wrong = Statement { use_index: 9, ..statement.clone() };
    assert_eq!(membership::par_prove(&wrong, &witness, &mut rng(1)), Err(ProveError::NullifierMismatch));
}

#[test]
fn an_action_of_three_uses_in_periods_that_recur() {
    // What a faucet does: everybody three times a day, every day anew.
    let world = world(32, 2, 8);
    let limit = 3;
    let mut used = MemoryNullifiers::new();
    let mut take = |holder: &Holder, day: &str, use_index: u32| {
        let scope = Scope::new("faucet.example", "claim").unwrap().in_period(day).unwrap().external_nullifier();
        let statement = Statement {
            external_nullifier: scope,
            use_index,
            nullifier: Nullifier::new(&holder.secret, &scope, use_index),
            ..statement(&world, holder)
        };
        let proof = membership::prove(&statement, &holder.witness(), &mut rng(u64::from(use_index))).unwrap();
        assert_eq!(membership::verify(&statement, &proof), Ok(()));
        // A claim of another use with the same proof: the index is part of what is proven.
        rejected(&Statement { use_index: use_index + 1, ..statement.clone() }, &proof);
        let fresh = used.record(&statement.external_nullifier, &statement.nullifier).is_ok();
        (use_index < limit && fresh, statement.nullifier)
    };
    let [ann, bob] = &world.holders[..] else { unreachable!() };
    let mut marks = Vec::new();
    for day in ["2026-11-22", "2026-11-23"] {
        for use_index in 0..limit {
            for holder in [ann, bob] {
                let (taken, mark) = take(holder, day, use_index);
                assert!(taken, "{day} {use_index}");
                marks.push(mark.to_bytes());
            }
        }
        assert!(!take(ann, day, 1).0, "a use is used once");
        assert!(!take(bob, day, limit).0, "no use beyond the limit");
    }
    // Twelve claims, twelve marks: nobody can tell which of them are one person's.
    marks.sort_unstable();
    marks.dedup();
    assert_eq!(marks.len(), 12);
}

#[test]
fn nullifiers_are_those_of_the_person_and_the_scope() {
    let (world, statement, proof) = good();
    // Two proofs by one person in one scope have one nullifier, whatever the signal; another scope, another nullifier.
    let holder = &world.holders[1];
    let again = Statement { signal: Signal::new(b"again"), nonce: [9; 32], ..statement.clone() };
    let second = membership::prove(&again, &holder.witness(), &mut rng(11)).unwrap();
    assert_eq!(membership::verify(&again, &second), Ok(()));
    assert_eq!(again.nullifier, statement.nullifier);
    assert_ne!(second.to_bytes(), proof.to_bytes());
    let elsewhere = Scope::new("polls.example", "mayor").unwrap().external_nullifier();
    assert_ne!(Nullifier::new(&holder.secret, &elsewhere, 0), statement.nullifier);
}

/// A proof of version 1 for a known witness and generator. It must verify for ever; if it no longer does, something that
/// every deployed proof depends on has changed, and that needs a new version.
const GOLDEN: &str = include_str!("../../testdata/membership/proof-v1.txt");

/// The value of a line `name value` of the golden file.
fn golden<const N: usize>(name: &str) -> [u8; N] {
    let line = GOLDEN.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap();
    from_hex(line).unwrap()
}

#[test]
fn a_proof_of_version_1_verifies_for_ever() {
    let time = |name| u64::from_be_bytes(golden(name));
    let statement = Statement {
        root: MerkleRoot::from_bytes(&golden("root")).unwrap(),
        external_nullifier: ExternalNullifier::from_bytes(&golden("ext")).unwrap(),
        use_index: u32::from_be_bytes(golden("k")),
        nullifier: Nullifier::from_bytes(&golden("nf")).unwrap(),
        signal: Signal::from_bytes(&golden("signal")).unwrap(),
        nonce: golden("nonce"),
        issued_no_later_than: Some(time("issued")),
        expires_no_earlier_than: Some(time("expires")),
        assurance_at_least: Assurance::new(golden::<1>("assurance")[0]),
    };
    let proof = MembershipProof::from_bytes(&golden::<{ MembershipProof::BYTES }>("proof")).unwrap();
    assert_eq!(membership::verify(&statement, &proof), Ok(()));
}

#[test]
fn the_prover_still_makes_the_golden_proof() {
    let world = world(2027, 3, 20);
    let holder = &world.holders[2];
    let statement =
        Statement { use_index: 3, nullifier: Nullifier::new(&holder.secret, &scope(), 3), ..statement(&world, holder) };
    let proof = membership::prove(&statement, &holder.witness(), &mut rng(2027)).unwrap();
    let made = block(&statement, &proof.to_bytes());
    let kept: String = GOLDEN.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    assert!(made == kept, "the prover makes another proof of the same witness:\n{made}");
}

/// A block of the file that `testdata/membership/verify.py` reads.
fn block(statement: &Statement, proof: &[u8]) -> String {
    let time = |name, time: Option<u64>| time.map(|time| (name, to_hex(&time.to_be_bytes())));
    let lines = [
        Some(("circuit", to_hex(Parameters::new().digest()))),
        Some(("root", to_hex(&statement.root.to_bytes()))),
        Some(("ext", to_hex(&statement.external_nullifier.to_bytes()))),
        Some(("k", to_hex(&statement.use_index.to_be_bytes()))),
        Some(("nf", to_hex(&statement.nullifier.to_bytes()))),
        Some(("signal", to_hex(&statement.signal.to_bytes()))),
        Some(("nonce", to_hex(&statement.nonce))),
        time("issued", statement.issued_no_later_than),
        time("expires", statement.expires_no_earlier_than),
        Some(("assurance", to_hex(&[statement.assurance_at_least.as_u8()]))),
        Some(("proof", to_hex(proof))),
    ];
    lines.iter().flatten().map(|(name, value)| format!("{name} {value}\n")).collect()
}

/// What the scripts under `testdata` say of themselves: the vectors are what they compute, the rounds of the hash are enough.
#[test]
fn the_reference_scripts_agree_with_what_they_wrote() {
    for script in ["poseidon/reference.py", "poseidon/margin.py", "membership/vectors.py"] {
        let path = format!("{}/testdata/{script}", env!("CARGO_MANIFEST_DIR"));
        match std::process::Command::new("python3").args(["-B", &path]).output() {
            Ok(output) => assert!(output.status.success(), "{script}: {output:?}"),
            Err(_) => eprintln!("skipped: {script}: no python3"),
        }
    }
}

/// One of the ways to spoil a proof or its statement. `other` is a good proof of another statement.
fn mutate(kind: u64, statement: &mut Statement, proof: &mut Vec<u8>, other: &[u8], rng: &mut ChaCha20Rng) {
    let mut below = |limit: usize| rng.next_u32() as usize % limit;
    let element = |i: usize| 1 + 32 * i..33 + 32 * i;
    let one = Assurance::new(statement.assurance_at_least.as_u8() ^ 1);
    match kind {
        // One bit anywhere; most of these are no encodings. Then one of a scalar.
        0 => proof[below(1441)] ^= 1 << below(8),
        1 => {
            let scalars = [20, 21, 22, 23, 27, 28, 41, 42, 43, 44];
            proof[1 + 32 * scalars[below(10)] + below(31)] ^= 1 << below(8);
        }
        // An element of another proof, or of another place of this one; zero, or the identity; the order of the group.
        2 => {
            let i = below(45);
            proof[element(i)].copy_from_slice(&other[element(i)]);
        }
        3 => {
            let (i, j) = (below(45), below(45));
            let (first, second) = (proof[element(i)].to_vec(), proof[element(j)].to_vec());
            proof[element(i)].copy_from_slice(&second);
            proof[element(j)].copy_from_slice(&first);
        }
        4 => proof[element(below(45))].fill(0),
        5 => {
            let mut order = [0; 32];
            order[..16].copy_from_slice(&27_742_317_777_372_353_535_851_937_790_883_648_493_u128.to_le_bytes());
            order[31] = 0x10;
            order[0] -= below(2) as u8;
            proof[element(below(45))].copy_from_slice(&order);
        }
        // A part of another proof; too short, too long, another version.
        6 => {
            let cut = 1 + 32 * (1 + below(44));
            proof[cut..].copy_from_slice(&other[cut..]);
        }
        7 => match below(3) {
            0 => proof.truncate(below(1441)),
            1 => proof.resize(1442 + below(64), 0),
            _ => proof[0] = below(256) as u8,
        },
        // One public value.
        8 => match below(5) {
            0 => statement.signal = Signal::new(&[below(256) as u8]),
            1 => statement.nonce[below(32)] ^= 1 << below(8),
            2 => statement.use_index ^= 1 << below(32),
            3 => statement.nullifier = Nullifier::from_bytes(&statement.root.to_bytes()).unwrap(),
            _ => statement.root = MerkleRoot::from_bytes(&statement.nullifier.to_bytes()).unwrap(),
        },
        _ => match below(4) {
            0 => statement.issued_no_later_than = statement.issued_no_later_than.map_or(Some(ISSUED), |_| None),
            1 => statement.expires_no_earlier_than = statement.expires_no_earlier_than.map_or(Some(EXPIRES), |_| None),
            2 => statement.assurance_at_least = one,
            _ => statement.external_nullifier = Scope::new("a", "b").unwrap().external_nullifier(),
        },
    }
}

/// Random proofs and ten mutations of each, judged here and by `verify.py`, which was written from docs/proof-system.md alone: what
/// the two have in common is the document. `PERSONHOOD_JUDGED=1000` judges 1,000 proofs and 10,000 mutations in a quarter of an
/// hour; `PERSONHOOD_JUDGED_SEED` chooses other ones, so that many can be judged a part at a time.
#[test]
fn a_verifier_in_another_language_agrees() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/membership/verify.py");
    let proofs = std::env::var("PERSONHOOD_JUDGED").map_or(3, |count| count.parse::<u64>().unwrap());
    let seed = std::env::var("PERSONHOOD_JUDGED_SEED").map_or(31, |seed| seed.parse::<u64>().unwrap());
    let world = world(seed, 8, 64);
    let rng = &mut rng(seed);
    let (_, _, other) = good();
    let mut other = other.to_bytes();
    let mut cases = Vec::new();
    for _ in 0..proofs {
        let holder = &world.holders[rng.next_u32() as usize % 8];
        let scope = Scope::new("random.example", rng.next_u64().to_string()).unwrap().external_nullifier();
        let use_index = rng.next_u32() >> (rng.next_u32() % 32);
        let mut statement = Statement {
            external_nullifier: scope,
            use_index,
            nullifier: Nullifier::new(&holder.secret, &scope, use_index),
            signal: Signal::new(&rng.next_u64().to_le_bytes()),
            issued_no_later_than: rng.next_u32().is_multiple_of(4).then(|| ISSUED + u64::from(rng.next_u32())),
            expires_no_earlier_than: rng.next_u32().is_multiple_of(4).then(|| EXPIRES - rng.next_u64() % EXPIRES),
            assurance_at_least: Assurance::new((rng.next_u32() % 3) as u8),
            ..statement(&world, holder)
        };
        rng.fill_bytes(&mut statement.nonce);
        let proof = membership::prove(&statement, &holder.witness(), rng).unwrap().to_bytes();
        for kind in 0..10 {
            let (mut statement, mut bytes) = (statement.clone(), proof.to_vec());
            mutate(kind, &mut statement, &mut bytes, &other, rng);
            cases.push((statement, bytes));
        }
        cases.push((statement, proof.to_vec()));
        other = proof;
    }
    let text: Vec<String> = cases.iter().map(|(statement, proof)| block(statement, proof)).collect();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("proofs.txt");
    std::fs::write(&file, text.join("\n")).unwrap();
    let Ok(output) = std::process::Command::new("python3").args(["-B", script, "--jobs", "2"]).arg(&file).output()
    else {
        eprintln!("skipped: a_verifier_in_another_language_agrees: no python3");
        return;
    };
    let verdicts = String::from_utf8(output.stdout).unwrap();
    let theirs: Vec<bool> = verdicts.lines().map(|line| line == "accepted").collect();
    let ours: Vec<bool> = cases
        .iter()
        .map(|(statement, bytes)| {
            MembershipProof::from_bytes(bytes).is_ok_and(|proof| membership::verify(statement, &proof).is_ok())
        })
        .collect();
    let first = theirs.iter().zip(&ours).position(|(theirs, ours)| theirs != ours);
    assert_eq!(first, None, "{}{}", text[first.unwrap_or(0)], String::from_utf8_lossy(&output.stderr));
    assert_eq!(theirs.len(), ours.len());
    // Few mutations change nothing: a bit of the version that was set, an element that takes its own place.
    let accepted = ours.iter().filter(|accepted| **accepted).count() as u64;
    assert!((proofs..=proofs + 1 + proofs / 20).contains(&accepted), "{accepted} of {}", ours.len());
    let decoded = cases.iter().filter(|(_, bytes)| MembershipProof::from_bytes(bytes).is_ok()).count();
    eprintln!("{} judged, {decoded} of them proofs by form, {accepted} accepted by both", cases.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn decoding_never_panics(mut bytes in proptest::collection::vec(any::<u8>(), 0..2000), first in 0u8..3) {
        if let Some(version) = bytes.first_mut() {
            *version = first;
        }
        if let Ok(proof) = MembershipProof::from_bytes(&bytes) {
            prop_assert_eq!(&proof.to_bytes()[..], &bytes[..]);
        }
    }

    #[test]
    fn many_changed_bytes_are_rejected(changes in proptest::collection::vec((0..MembershipProof::BYTES, any::<u8>()), 1..4)) {
        let (_, statement, proof) = good();
        let mut bytes = proof.to_bytes();
        for (position, value) in changes {
            bytes[position] = value;
        }
        if let Ok(changed) = MembershipProof::from_bytes(&bytes) {
            let expected = if changed == *proof { Ok(()) } else { Err(VerifyError::Rejected) };
            prop_assert_eq!(membership::verify(statement, &changed), expected);
        }
    }
}
