//! Known answers that `testdata/membership/vectors.py` computed without this crate: generators, a commitment, the transcript.

use alloc::vec::Vec;
use std::string::String;

use serde_json::Value;

use super::{shared, transcript_of};
use crate::bytes::{from_hex, to_hex};
use crate::membership::commitment::{Point, commit};
use crate::membership::proof::MembershipProof;
use crate::membership::statement::Statement;
use crate::membership::verifier::Equation;
use crate::scalar::Scalar;

const VECTORS: &str = include_str!("../../../testdata/membership/vectors.json");
const GOLDEN: &str = include_str!("../../../testdata/membership/proof-v1.txt");

fn vectors() -> Value {
    serde_json::from_str(VECTORS).unwrap()
}

fn encode(point: &curve25519_dalek::RistrettoPoint) -> String {
    to_hex(Point::from(*point).as_bytes())
}

#[test]
fn generators_and_a_commitment() {
    let vectors = vectors();
    let generators = &shared().generators;
    let expected = &vectors["generators"];
    assert_eq!(encode(&generators.vector[0]), expected["first"]);
    assert_eq!(encode(&generators.vector[255]), expected["last"]);
    assert_eq!(encode(&generators.blinding), expected["blinding"]);
    assert_eq!(encode(&generators.form), expected["form"]);
    let values = (0..256u64).map(|i| Scalar::from(i).pow5());
    let commitment = commit(&generators.vector, values, &generators.blinding, &-Scalar::ONE);
    assert_eq!(encode(&commitment), vectors["commitment_of_fifth_powers"]);
}

#[test]
fn every_challenge_of_the_golden_proof() {
    let value = |name: &str| GOLDEN.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap();
    let scalar = |name: &str| from_hex::<32>(value(name)).unwrap();
    let time = |name: &str| Some(u64::from_be_bytes(from_hex(value(name)).unwrap()));
    let statement = Statement {
        root: crate::tree::MerkleRoot::from_bytes(&scalar("root")).unwrap(),
        external_nullifier: crate::nullifier::ExternalNullifier::from_bytes(&scalar("ext")).unwrap(),
        use_index: u32::from_be_bytes(from_hex(value("k")).unwrap()),
        nullifier: crate::nullifier::Nullifier::from_bytes(&scalar("nf")).unwrap(),
        signal: crate::signal::Signal::from_bytes(&scalar("signal")).unwrap(),
        nonce: scalar("nonce"),
        issued_no_later_than: time("issued"),
        expires_no_earlier_than: time("expires"),
        assurance_at_least: crate::identity::Assurance::new(from_hex::<1>(value("assurance")).unwrap()[0]),
    };
    let proof = MembershipProof::from_bytes(&from_hex::<{ MembershipProof::BYTES }>(value("proof")).unwrap()).unwrap();
    let mut transcript = transcript_of(&statement);
    let public = statement.public_inputs().unwrap();
    Equation::new().add(shared(), &mut transcript, &public, &proof, &Scalar::ONE);
    let drawn: Vec<String> = transcript.trace().iter().map(|challenge| to_hex(&challenge.to_bytes())).collect();
    let expected = &vectors()["challenges_of_the_golden_proof"];
    assert_eq!(expected.as_array().unwrap(), &drawn);
}
