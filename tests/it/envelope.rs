//! The documents that holders, registries and services hand to one another.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use personhood::envelope::{EnvelopeError, MembershipFile, ProofFile};
use personhood::identity::{Assurance, Credential, IdentitySecret, Leaf};
use personhood::membership::{Witness, prove};
use personhood::nullifier::{Nullifier, Scope};
use personhood::tree::Tree;
use personhood::verify::{AcceptedRoots, MemoryNullifiers, Presentation, Request, Verifier};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/envelope")
}

fn poll(membership: &MembershipFile) -> (Verifier, Request, Scope) {
    let scope = Scope::new("polls.example", "budget").unwrap().in_period("2027").unwrap();
    let verifier = Verifier::new(&scope, AcceptedRoots::only(membership.root))
        .issued_no_later_than(1_750_000_000)
        .assurance_at_least(Assurance::BOTH_EYES);
    (verifier, Request::new(b"yes").with_nonce([7; 32]), scope)
}

/// A holder of nobody's eyes, among a hundred others of nobody's.
fn documents() -> (IdentitySecret, MembershipFile, ProofFile) {
    let rng = &mut ChaCha20Rng::seed_from_u64(2027);
    let credential = Credential::new(1_700_000_000, 1_900_000_000, Assurance::BOTH_EYES).unwrap();
    let mut tree = Tree::new();
    for _ in 0..100 {
        tree.push(Leaf::new(&IdentitySecret::generate(rng).commitment(), &credential)).unwrap();
    }
    let secret = IdentitySecret::generate(rng);
    let index = tree.push(Leaf::new(&secret.commitment(), &credential)).unwrap();
    let membership = MembershipFile { root: tree.root(), credential, path: tree.path(index).unwrap() };
    let (verifier, request, scope) = poll(&membership);
    let nullifier = Nullifier::new(&secret, &scope.external_nullifier(), 0);
    let statement = verifier.statement(membership.root, nullifier, 0, &request);
    let witness = Witness { secret: &secret, credential: &credential, path: &membership.path };
    let proof = prove(&statement, &witness, rng).unwrap();
    (secret, membership, ProofFile { statement, proof })
}

/// What other languages are tested with is what this release writes, and it is read for ever.
#[test]
fn the_documents_of_version_1_are_still_those() {
    let (secret, membership, proof) = documents();
    let made = [
        ("holder.secret", secret.to_bytes().to_vec()),
        ("membership.json", format!("{}\n", membership.to_json()).into_bytes()),
        ("proof.json", format!("{}\n", proof.to_json()).into_bytes()),
    ];
    for (name, bytes) in &made {
        if std::env::var_os("UPDATE").is_some() {
            fs::write(folder().join(name), bytes).unwrap();
        }
        assert_eq!(&fs::read(folder().join(name)).unwrap(), bytes, "{name}");
    }
    assert_eq!(MembershipFile::from_json(&made[1].1).unwrap(), membership);
    assert_eq!(ProofFile::from_json(&made[2].1).unwrap(), proof);
    assert!(membership.is_of(&secret.commitment()));

    let (verifier, request, _) = poll(&membership);
    let presentation = Presentation::new(&proof.statement, &proof.proof);
    let mut seen = MemoryNullifiers::new();
    verifier.verify(&presentation, &request, 1_800_000_000, &mut seen).unwrap();
    let again = verifier.verify(&presentation, &request, 1_800_000_000, &mut seen).unwrap_err();
    assert_eq!(again.code(), "nullifier_already_used");
}

#[test]
fn a_membership_is_of_one_holder() {
    let (secret, membership, _) = documents();
    let other = IdentitySecret::generate(&mut ChaCha20Rng::seed_from_u64(1));
    assert!(membership.is_of(&secret.commitment()) && !membership.is_of(&other.commitment()));
    let longer = Credential::new(1_700_000_000, 1_900_000_001, Assurance::BOTH_EYES).unwrap();
    assert!(!MembershipFile { credential: longer, ..membership }.is_of(&secret.commitment()));
}

/// One spelling of everything: a document that was changed in any way is refused, and with the code for what was changed.
#[test]
fn other_documents_are_refused_by_name() {
    let read = |name: &str| fs::read_to_string(folder().join(name)).unwrap();
    let proof_code = |json: &str| ProofFile::from_json(json.as_bytes()).unwrap_err().code();
    let membership_code = |json: &str| MembershipFile::from_json(json.as_bytes()).unwrap_err().code();

    let proof = read("proof.json");
    let digits = proof.rsplit('"').nth(1).unwrap().to_owned();
    for (from, to, code) in [
        ("\"version\": 1", "\"version\": 2", "proof_file_version"),
        ("\"version\": 1,", "", "proof_file_version"),
        ("\"version\": 1", "\"version\": \"1\"", "proof_malformed"),
        ("personhood-proof", "personhood-membership", "proof_malformed"),
        ("\"use_index\": 0", "\"use_index\": 0, \"use_index\": 0", "proof_malformed"),
        ("\"use_index\": 0", "\"use_index\": 0, \"more\": 0", "proof_malformed"),
        ("\"use_index\": 0", "\"use_index\": -1", "proof_malformed"),
        ("\"version\": 1", "\"version\": 1, \"version\": 1", "proof_malformed"),
        ("}\n", "} {}", "proof_malformed"),
        (&digits, &digits.to_uppercase(), "proof_malformed"),
        (&digits, &digits[1..], "proof_malformed"),
        (&digits, &digits[2..], "proof_version_unsupported"),
        (&digits, &digits[..digits.len() - 2], "proof_length"),
        (&digits, &format!("01{}", "ff".repeat(1440)), "proof_point_invalid"),
        (&digits, "", "proof_length"),
    ] {
        assert!(proof.contains(from), "{from}");
        let at = proof.rfind(from).unwrap();
        let changed = format!("{}{to}{}", &proof[..at], &proof[at + from.len()..]);
        assert_eq!(proof_code(&changed), code, "{from} -> {to}");
    }

    let membership = read("membership.json");
    for (from, to, code) in [
        ("\"version\": 1", "\"version\": 2", "membership_file_version"),
        ("personhood-membership", "personhood-proof", "membership_malformed"),
        ("\"assurance\": 2", "\"assurance\": 256", "membership_malformed"),
        ("\"assurance\": 2", "\"assurance\": 2, \"name\": \"Ann\"", "membership_malformed"),
        ("1900000000", "1600000000", "membership_malformed"),
        ("\"path\": \"01", "\"path\": \"02", "membership_malformed"),
        ("\"path\": \"01", "\"path\": \"0x01", "membership_malformed"),
    ] {
        assert!(membership.contains(from), "{from}");
        assert_eq!(membership_code(&membership.replacen(from, to, 1)), code, "{from} -> {to}");
    }

    let long = " ".repeat(ProofFile::MAX_BYTES + 1);
    assert!(matches!(ProofFile::from_json(long.as_bytes()), Err(EnvelopeError::TooLong { found: 16_385, .. })));
    assert!(matches!(MembershipFile::from_json(long.as_bytes()), Err(EnvelopeError::TooLong { .. })));
    // As much as is allowed is read.
    let padded = format!("{proof:<width$}", width = ProofFile::MAX_BYTES);
    ProofFile::from_json(padded.as_bytes()).unwrap();
}
