//! The face for JavaScript without JavaScript: `js/test` has the same from the other side.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use personhood::envelope::ProofFile;
use personhood::identity::IdentitySecret;
use personhood::wasm::{prover, verifier};
use serde_json::{Value, json};

fn document(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/envelope").join(name)).unwrap()
}

fn text(name: &str) -> String {
    String::from_utf8(document(name)).unwrap()
}

fn wanted() -> Value {
    json!({
        "scope": {"app": "polls.example", "action": "budget", "period": "2027"},
        "nonce": "07".repeat(32), "issuedNoLaterThan": 1_750_000_000, "assuranceAtLeast": 2,
    })
}

fn rules() -> Value {
    let membership: Value = serde_json::from_slice(&document("membership.json")).unwrap();
    let mut rules = wanted();
    rules["roots"] = json!([membership["root"]]);
    rules["now"] = json!(1_800_000_000);
    rules
}

#[test]
fn what_javascript_proves_rust_verifies() {
    let secret = IdentitySecret::from_bytes(&document("holder.secret")).unwrap();
    let membership = text("membership.json");
    let mut steps = Vec::new();
    let go_on = |progress: personhood::membership::Progress| {
        steps.push(progress.done);
        ControlFlow::Continue(())
    };
    let made = prover::prove(&secret, &wanted().to_string(), b"yes", &membership, go_on).unwrap();
    assert_eq!(steps.last(), Some(&personhood::membership::Progress::STEPS));
    let golden = ProofFile::from_json(&document("proof.json")).unwrap();
    assert_eq!(made.statement, golden.statement);
    assert_ne!(made.proof, golden.proof, "two proofs of one statement have nothing in common");

    for proof in [made.to_json(), golden.to_json()] {
        let accepted = verifier::check(&rules().to_string(), b"yes", &proof).unwrap();
        assert_eq!(accepted.nullifier, golden.statement.nullifier);
        assert_eq!(accepted.external_nullifier, golden.statement.external_nullifier);
        assert_eq!(verifier::check(&rules().to_string(), b"no", &proof).unwrap_err().code, "signal_differs");
    }
    let stop = |_| ControlFlow::Break(());
    let stopped = prover::prove(&secret, &wanted().to_string(), b"yes", &membership, stop).unwrap_err();
    assert_eq!(stopped.code, "cancelled");
    let stranger = prover::new_identity().unwrap();
    let refused = prover::prove(&stranger, &wanted().to_string(), b"yes", &membership, stop).unwrap_err();
    assert_eq!(refused.code, "not_a_member");
}

/// Options that are misspelt must not be rules that do not hold.
#[test]
fn options_are_all_understood_or_refused() {
    let (proof, good) = (text("proof.json"), rules());
    let code = |rules: &str| verifier::check(rules, b"yes", &proof).err().map(|refusal| refusal.code);
    assert_eq!(code(&good.to_string()), None);
    for key in ["issued_no_later_than", "assuranceatleast", "root", "signal"] {
        let mut changed = good.clone();
        changed[key] = json!(1);
        assert_eq!(code(&changed.to_string()), Some("options_malformed"), "{key}");
    }
    let twice = good.to_string().replacen('{', "{\"now\":1,", 1);
    assert_eq!(code(&twice), Some("options_malformed"));
    for (key, value, expected) in [
        ("now", json!(-1), "options_malformed"),
        ("usesPerPerson", json!(0), "options_malformed"),
        ("nonce", json!("07"), "hex_length"),
        ("roots", json!({"current": "0", "maxAge": 1}), "hex_length"),
        ("roots", json!({"current": good["roots"][0], "maxage": 1}), "options_malformed"),
        ("scope", json!({"app": "polls.example", "action": ""}), "scope_invalid"),
        ("scope", json!({"app": "polls.example", "action": "budget", "epoch": "2027"}), "options_malformed"),
    ] {
        let mut changed = good.clone();
        changed[key] = value;
        assert_eq!(code(&changed.to_string()), Some(expected), "{changed}");
    }
}

/// The history is replayed from its ends, in whatever order they are given.
#[test]
fn earlier_roots_are_taken_for_as_long_as_they_are_young() {
    let proof = text("proof.json");
    let root = rules()["roots"][0].clone();
    let others = ["01", "02"].map(|byte| format!("{}00", byte.repeat(31)));
    let code = |now: u64| {
        let mut rules = rules();
        rules["now"] = json!(now);
        rules["roots"] = json!({
            "current": others[0], "maxAge": 60,
            "earlier": [{"root": root, "replaced_at": 1_800_000_000_u64}, {"root": others[1], "replaced_at": 1_799_999_000_u64}],
        });
        verifier::check(&rules.to_string(), b"yes", &proof).err().map(|refusal| refusal.code)
    };
    assert_eq!(code(1_800_000_060), None);
    assert_eq!(code(1_800_000_061), Some("root_too_old"));
}

#[cfg(feature = "requests")]
#[test]
fn a_holder_reads_a_request_of_a_key_that_they_know() {
    use ed25519_dalek::SigningKey;
    use personhood::nullifier::Scope;
    use personhood::request::{Asked, SignedRequest};
    use personhood::signal::world_hash;
    let key = SigningKey::from_bytes(&[7; 32]);
    let known = key.verifying_key().to_bytes();
    let asked = Asked {
        scope: Scope::new("polls.example", "budget").unwrap().in_period("2027").unwrap(),
        signal_hash: world_hash(b"yes"),
        nonce: [9; 32],
        issued_at: 1_800_000_000,
        expires_at: 1_800_000_300,
        issued_no_later_than: Some(1_750_000_000),
        expires_no_earlier_than: None,
        assurance_at_least: 2,
    };
    let bytes = SignedRequest::sign(&asked, &key).unwrap().to_bytes();
    let read = |bytes: &[u8], keys: &[[u8; 32]], signal, now| prover::read_request(bytes, keys, signal, now);
    let told: Value =
        serde_json::from_str(&read(&bytes, &[[1; 32], known], Some(b"yes"), 1_800_000_100).unwrap()).unwrap();
    assert_eq!(told["scope"], json!({"app": "polls.example", "action": "budget", "period": "2027"}));
    assert_eq!((&told["nonce"], &told["assuranceAtLeast"]), (&json!("09".repeat(32)), &json!(2)));
    assert_eq!((&told["issuedNoLaterThan"], told.get("expiresNoEarlierThan")), (&json!(1_750_000_000), None));
    let code = |result: Result<String, personhood::wasm::Refusal>| result.unwrap_err().code;
    assert_eq!(code(read(&bytes, &[[1; 32]], None, 1_800_000_100)), "request_other_key");
    assert_eq!(code(read(&bytes, &[], None, 1_800_000_100)), "request_other_key");
    assert_eq!(code(read(&bytes, &[known], Some(b"no"), 1_800_000_100)), "request_other_signal");
    assert_eq!(code(read(&bytes, &[known], None, 1_800_000_300)), "request_expired");
    assert_eq!(code(read(&bytes[1..], &[known], None, 1_800_000_100)), "request_version");
    let mut forged = bytes.clone();
    forged[40] ^= 1;
    assert_eq!(code(read(&forged, &[known], None, 1_800_000_100)), "request_signature");
}
