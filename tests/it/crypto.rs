//! The nouns of the proof side against known answers.
//!
//! `testdata/poseidon/vectors.json` is written by `testdata/poseidon/reference.py`, which shares no code with the
//! crate: plain integers, the dense permutation, its own Grain generator.

#![allow(clippy::unwrap_used)]

use personhood::identity::{Assurance, Credential, IdentityCommitment, IdentitySecret, Leaf};
use personhood::nullifier::{Nullifier, Scope};
use personhood::poseidon::{Domain, hash, permute};
use personhood::scalar::{SUITE, Scalar, hash_to_scalar};
use personhood::signal::Signal;
use personhood::tree::{MerklePath, MerkleRoot, Tree};
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../testdata/poseidon/vectors.json")).unwrap()
}

fn list(value: &Value) -> &[Value] {
    let list = value.as_array().unwrap();
    assert!(!list.is_empty());
    list
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn scalar(value: &Value) -> Scalar {
    Scalar::from_bytes(&personhood::bytes::from_hex(text(value)).unwrap()).unwrap()
}

/// The secret of two given scalars, by way of the documented file format.
fn secret(nullifier_secret: &Value, trapdoor: Scalar) -> IdentitySecret {
    let mut file = vec![IdentitySecret::FORMAT_VERSION];
    file.extend(scalar(nullifier_secret).to_bytes());
    file.extend(trapdoor.to_bytes());
    let checksum = hash_to_scalar(b"secret-file", &[&file]).to_bytes();
    file.extend(&checksum[..4]);
    IdentitySecret::from_bytes(&file).unwrap()
}

#[test]
fn hashes() {
    let vectors = vectors();
    assert_eq!(text(&vectors["suite"]).as_bytes(), SUITE);
    for vector in list(&vectors["hashes"]) {
        let domain = match number(&vector["tag"]) {
            1 => Domain::Identity,
            2 => Domain::Node,
            3 => Domain::Nullifier,
            4 => Domain::Leaf,
            tag => panic!("no domain has the tag {tag}"),
        };
        let inputs: Vec<Scalar> = list(&vector["inputs"]).iter().map(scalar).collect();
        assert_eq!(hash(domain, &inputs.try_into().unwrap()), scalar(&vector["output"]));
    }
    let mut state = std::array::from_fn(|index| Scalar::from(index as u64));
    permute(&mut state);
    let expected: Vec<Scalar> = list(&vectors["permutation_of_0_to_8"]).iter().map(scalar).collect();
    assert_eq!(state.as_slice(), expected);
}

#[test]
fn hashes_to_scalars_and_signals() {
    let vectors = vectors();
    for vector in list(&vectors["hash_to_scalar"]) {
        assert_eq!(text(&vector["label"]), "test");
        let parts: Vec<&[u8]> = vector["parts"].as_array().unwrap().iter().map(|part| text(part).as_bytes()).collect();
        assert_eq!(hash_to_scalar(b"test", &parts), scalar(&vector["scalar"]));
    }
    for vector in list(&vectors["signals"]) {
        assert_eq!(Signal::new(text(&vector["bytes"]).as_bytes()).to_string(), text(&vector["signal"]));
    }
}

#[test]
fn commitments_and_leaves() {
    for vector in list(&vectors()["identities"]) {
        let secret = secret(&vector["nullifier_secret"], scalar(&vector["trapdoor"]));
        let commitment = secret.commitment();
        assert_eq!(commitment.to_string(), text(&vector["commitment"]));
        assert_eq!(text(&vector["commitment"]).parse::<IdentityCommitment>().unwrap(), commitment);
        let assurance = Assurance::new(u8::try_from(number(&vector["assurance"])).unwrap());
        let credential =
            Credential::new(number(&vector["issued_at"]), number(&vector["expires_at"]), assurance).unwrap();
        assert_eq!(Leaf::new(&commitment, &credential).to_string(), text(&vector["leaf"]));
    }
    assert_eq!(Leaf::empty().to_string(), text(&vectors()["empty_leaf"]));
}

#[test]
fn scopes_and_nullifiers() {
    for vector in list(&vectors()["scopes"]) {
        let mut scope = Scope::new(text(&vector["app"]), text(&vector["action"])).unwrap();
        if let Some(period) = vector["period"].as_str() {
            scope = scope.in_period(period).unwrap();
        }
        let external = scope.external_nullifier();
        assert_eq!(external.to_string(), text(&vector["external_nullifier"]));
        // The trapdoor has no part in a nullifier.
        for trapdoor in [Scalar::ONE, Scalar::from(2)] {
            let secret = secret(&vector["nullifier_secret"], trapdoor);
            for vector in list(&vector["nullifiers"]) {
                let index = u32::try_from(number(&vector["use_index"])).unwrap();
                assert_eq!(Nullifier::new(&secret, &external, index).to_string(), text(&vector["nullifier"]));
            }
        }
    }
}

#[test]
fn roots_of_trees() {
    let leaves: Vec<Leaf> = (0..64u32)
        .map(|number| Leaf::from_bytes(&hash_to_scalar(b"leaf", &[&number.to_le_bytes()]).to_bytes()).unwrap())
        .collect();
    let mut grown = Tree::new();
    for vector in list(&vectors()["trees"]) {
        let expected: MerkleRoot = text(&vector["root"]).parse().unwrap();
        let count = usize::try_from(number(&vector["leaves"])).unwrap();
        let mut batch = Tree::new();
        batch.extend(&leaves[..count]).unwrap();
        assert_eq!(batch.root(), expected);
        for leaf in &leaves[grown.len() as usize..count] {
            let index = grown.push(*leaf).unwrap();
            let path = grown.path(index).unwrap();
            assert_eq!(path.root(leaf), grown.root());
            assert_eq!(MerklePath::from_bytes(&path.to_bytes()).unwrap(), path);
        }
        assert_eq!(grown.root(), expected);
    }
}

/// Whatever is read is written back the same, and whatever else is refused without a panic.
mod strictness {
    use super::*;
    use personhood::nullifier::ExternalNullifier;
    use proptest::prelude::*;

    /// 32 bytes around the border between canonical and not.
    fn scalar_bytes() -> impl Strategy<Value = [u8; 32]> {
        (any::<[u8; 32]>(), prop_oneof![any::<u8>(), 0x0f..0x12u8]).prop_map(|(mut bytes, top)| {
            bytes[31] = top;
            bytes
        })
    }

    proptest! {
        #[test]
        fn public_values(bytes in scalar_bytes(), text in ".{0,70}") {
            macro_rules! check {
                ($($name:ty),*) => {$(
                    if let Ok(value) = <$name>::from_bytes(&bytes) {
                        prop_assert_eq!(value.to_bytes(), bytes);
                        prop_assert_eq!(value.to_string().parse::<$name>().unwrap(), value);
                    }
                    if let Ok(value) = text.parse::<$name>() {
                        prop_assert_eq!(value.to_string(), text.as_str());
                    }
                )*};
            }
            check!(IdentityCommitment, Leaf, Nullifier, ExternalNullifier, Signal, MerkleRoot);
        }

        #[test]
        fn secret_files(mut bytes in prop::collection::vec(any::<u8>(), 67..72), version in 0..3u8, repair: bool) {
            if let [first, .., _, _, _, _] = bytes.as_mut_slice() {
                *first = version;
            }
            if repair && bytes.len() > 4 {
                let body = bytes.len() - 4;
                let checksum = hash_to_scalar(b"secret-file", &[&bytes[..body]]).to_bytes();
                bytes[body..].copy_from_slice(&checksum[..4]);
            }
            if let Ok(secret) = IdentitySecret::from_bytes(&bytes) {
                prop_assert!(secret.to_bytes().as_slice() == bytes);
            }
        }

        #[test]
        fn paths(start in prop::collection::vec(any::<u8>(), 0..64), length in 2240..2250usize, fill in 0..0x12u8) {
            let mut bytes = vec![fill; length];
            bytes[..start.len()].copy_from_slice(&start);
            bytes[0] = 1;
            if let Ok(path) = MerklePath::from_bytes(&bytes) {
                prop_assert!(path.to_bytes().as_slice() == bytes);
            }
        }
    }
}
