//! Proofs made of zeros, of the identity, and of encodings that are none.

use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::traits::Identity;

use super::{accepts, prove_unchecked};
use crate::membership::commitment::Point;
use crate::membership::inner_product::InnerProductProof;
use crate::membership::proof::{MembershipProof, ProofDecodeError};
use crate::membership::relation::Evaluations;
use crate::membership::relation::tests::Sample;
use crate::scalar::Scalar;

/// Every element zero, as no decoder lets it in.
fn nothing() -> MembershipProof {
    let identity = Point::from(RistrettoPoint::identity());
    let zero = Scalar::ZERO;
    MembershipProof {
        columns: [identity; 14],
        gate_rounds: [identity; 6],
        evaluations: Evaluations { a: zero, b: zero, e: zero, d: zero },
        slot_rounds: [identity; 2],
        mask: identity,
        mask_value: zero,
        zeta: zero,
        inner_product: InnerProductProof { folds: [(identity, identity); 6], last: [zero; 4] },
    }
}

#[test]
fn nothing_proves_nothing() {
    // Equations whose every term is a message would hold for zeros. Here the constants of the hash remain, so that zeros fail
    // even behind a decoder that lets them through.
    let public = Sample::new(1).public();
    assert!(!accepts(&public, &nothing()));
    assert_eq!(MembershipProof::from_bytes(&nothing().to_bytes()).err(), Some(ProofDecodeError::Point { offset: 1 }));
}

#[test]
fn the_identity_in_any_place_of_a_good_proof_fails_the_equations_too() {
    let (public, good) = prove_unchecked(&Sample::new(2));
    assert!(accepts(&public, &good));
    let identity = Point::from(RistrettoPoint::identity());
    let rejects = |change: &dyn Fn(&mut MembershipProof)| {
        let mut proof = good.clone();
        change(&mut proof);
        assert!(!accepts(&public, &proof));
        assert!(MembershipProof::from_bytes(&proof.to_bytes()).is_err());
    };
    (0..14).for_each(|i| rejects(&|proof| proof.columns[i] = identity));
    (0..6).for_each(|i| rejects(&|proof| proof.gate_rounds[i] = identity));
    (0..2).for_each(|i| rejects(&|proof| proof.slot_rounds[i] = identity));
    rejects(&|proof| proof.mask = identity);
    (0..6).for_each(|i| rejects(&|proof| proof.inner_product.folds[i].0 = identity));
    (0..6).for_each(|i| rejects(&|proof| proof.inner_product.folds[i].1 = identity));
}

#[test]
fn zero_in_the_place_of_any_scalar_is_rejected() {
    let (public, good) = prove_unchecked(&Sample::new(3));
    let rejects = |change: &dyn Fn(&mut MembershipProof)| {
        let mut proof = good.clone();
        change(&mut proof);
        let decoded = MembershipProof::from_bytes(&proof.to_bytes()).expect("zero is a scalar");
        assert!(!accepts(&public, &decoded));
    };
    rejects(&|proof| proof.evaluations.a = Scalar::ZERO);
    rejects(&|proof| proof.evaluations.b = Scalar::ZERO);
    rejects(&|proof| proof.evaluations.e = Scalar::ZERO);
    rejects(&|proof| proof.evaluations.d = Scalar::ZERO);
    rejects(&|proof| proof.mask_value = Scalar::ZERO);
    rejects(&|proof| proof.zeta = Scalar::ZERO);
    (0..4).for_each(|i| rejects(&|proof| proof.inner_product.last[i] = Scalar::ZERO));
    rejects(&|proof| proof.inner_product.last = [Scalar::ZERO; 4]);
}

#[test]
fn rounds_cannot_be_exchanged() {
    let (public, good) = prove_unchecked(&Sample::new(4));
    let rejects = |change: &dyn Fn(&mut MembershipProof)| {
        let mut proof = good.clone();
        change(&mut proof);
        assert!(!accepts(&public, &proof));
    };
    for i in 0..6 {
        for j in 0..i {
            rejects(&|proof| proof.gate_rounds.swap(i, j));
            rejects(&|proof| proof.inner_product.folds.swap(i, j));
        }
        rejects(&|proof| {
            let fold = &mut proof.inner_product.folds[i];
            *fold = (fold.1, fold.0);
        });
    }
    rejects(&|proof| proof.slot_rounds.swap(0, 1));
    for slot in 1..14 {
        rejects(&|proof| proof.columns.swap(slot - 1, slot));
    }
}

/// Encodings that RFC 9496, appendix A.2, lists as invalid.
const INVALID: [&str; 22] = [
    // not canonical
    "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    // negative
    "0100000000000000000000000000000000000000000000000000000000000000",
    "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ed57ffd8c914fb201471d1c3d245ce3c746fcbe63a3679d51b6a516ebebe0e20",
    "c34c4e1826e5d403b78e246e88aa051c36ccf0aafebffe137d148a2bf9104562",
    "c940e5a4404157cfb1628b108db051a8d439e1a421394ec4ebccb9ec92a8ac78",
    "47cfc5497c53dc8e61c91d17fd626ffb1c49e2bca94eed052281b510b1117a24",
    // x² is not a square
    "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
    "4eac077a713c57b4f4397629a4145982c661f48044dd3f96427d40b147d9742f",
    "de6a7b00deadc788eb6b6c8d20c0ae96c2f2019078fa604fee5b87d6e989ad7b",
    "bcab477be20861e01e4a0e295284146a510150d9817763caf1a6f4b422d67042",
    "2a292df7e32cababbd9de088d1d1abec9fc0440f637ed2fba145094dc14bea08",
    "f4a9e534fc0d216c44b218fa0c42d99635a0127ee2e53c712f70609649fdff22",
    // xy is negative
    "3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e",
    "a45fdc55c76448c049a1ab33f17023edfb2be3581e9c7aade8a6125215e04220",
    "d483fe813c6ba647ebbfd3ec41adca1c6130c2beeee9d9bf065c8d151c5f396e",
    "8a2e1d30050198c65a54483123960ccc38aef6848e1ec8f5f780e8523769ba32",
    "32888462f8b486c68ad7dd9610be5192bbeaf3b443951ac1a8118419d9fa097b",
    // s = −1: y = 0
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

#[test]
fn the_invalid_encodings_of_the_standard_are_refused_everywhere() {
    let (_, good) = prove_unchecked(&Sample::new(5));
    let bytes = good.to_bytes();
    for text in INVALID {
        let encoding: [u8; 32] = crate::bytes::from_hex(text).expect("32 bytes");
        for element in [0, 13, 14, 19, 24, 25, 26, 29, 40] {
            let offset = 1 + 32 * element;
            let mut changed = bytes;
            changed[offset..offset + 32].copy_from_slice(&encoding);
            let error = MembershipProof::from_bytes(&changed).err();
            assert_eq!(error, Some(ProofDecodeError::Point { offset }), "{text}");
        }
    }
}

#[test]
fn no_element_has_small_order() {
    // The bytes of the curve's eight torsion points are refused, or are the encoding of some element of prime order.
    for torsion in curve25519_dalek::constants::EIGHT_TORSION {
        if let Some(point) = Point::from_bytes(&torsion.compress().to_bytes()) {
            let eightfold = point.point() * curve25519_dalek::Scalar::from(8u8);
            assert_ne!(eightfold, RistrettoPoint::identity());
        }
    }
}
