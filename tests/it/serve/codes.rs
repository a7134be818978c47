//! One golden body for each code: what an integration of World ID parses.

use super::*;

/// A body with some fields replaced; null takes one away.
fn with(mut body: Value, changes: &[(&str, Value)]) -> Value {
    for (field, value) in changes {
        if value.is_null() {
            body.as_object_mut().unwrap().remove(*field);
        } else {
            body[*field] = value.clone();
        }
    }
    body
}

#[tokio::test]
async fn version_2_accepts_once() {
    let bench = Bench::new();
    let body = Shown::new(0, "vote").v2();
    bench.post(V2, &body).await.golden("v2_accepted");
    bench.post(V2, &body).await.golden("v2_max_verifications_reached");
    // Another proof of the same person is the same nullifier.
    let again = Shown { signal: "changed my mind", ..Shown::new(0, "vote") }.v2();
    assert_eq!(bench.post(V2, &again).await.code(), "max_verifications_reached");
    assert_eq!(bench.post(V2, &Shown::new(1, "vote").v2()).await.status, 200);
}

#[tokio::test]
async fn version_2_has_worlds_word_for_every_refusal() {
    let bench = Bench::new();
    let good = Shown::new(0, "vote").v2();
    let none = Value::Null;
    let zeros = format!("0x{}", "00".repeat(32));
    let cut = json!(good["proof"].as_str().unwrap()[..200]);
    let mut forged = good["proof"].as_str().unwrap().to_owned();
    // The lowest byte of the last scalar: still an encoding of a proof.
    let last = forged.len() - 64..forged.len() - 62;
    let digits = if forged[last.clone()] == *"00" { "01" } else { "00" };
    forged.replace_range(last, digits);
    let cases: [(&str, &str, Value); 19] = [
        ("v2_required", "required", with(good.clone(), &[("proof", none.clone())])),
        ("v2_required_action", "required", with(good.clone(), &[("action", none.clone())])),
        ("v2_invalid_action", "invalid_action", with(good.clone(), &[("action", json!("mayor"))])),
        ("v2_action_inactive", "action_inactive", Shown::new(0, "closed").v2()),
        ("v2_action_over", "action_inactive", Shown::new(0, "over").v2()),
        ("v2_invalid_merkle_root", "invalid_merkle_root", with(good.clone(), &[("merkle_root", json!(zeros))])),
        (
            "v2_invalid_format_case",
            "invalid_format",
            with(
                good.clone(),
                &[(
                    "nullifier_hash",
                    json!(good["nullifier_hash"].as_str().unwrap().to_uppercase().replace("0X", "0x")),
                )],
            ),
        ),
        (
            "v2_invalid_format_order",
            "invalid_format",
            with(good.clone(), &[("nullifier_hash", json!(format!("0x{}", "ff".repeat(32))))]),
        ),
        ("v2_invalid_format_short", "invalid_format", with(good.clone(), &[("merkle_root", json!("0x0"))])),
        (
            "v2_invalid_format_signal",
            "invalid_format",
            with(good.clone(), &[("signal_hash", json!(format!("0x01{}", "00".repeat(31))))]),
        ),
        ("v2_invalid_format_level", "invalid_format", with(good.clone(), &[("verification_level", json!("device"))])),
        ("v2_invalid_format_max_age", "invalid_format", with(good.clone(), &[("max_age", json!(60))])),
        ("v2_invalid_request_unknown", "invalid_request", with(good.clone(), &[("colour", json!("blue"))])),
        ("v2_invalid_proof_truncated", "invalid_proof", with(good.clone(), &[("proof", cut)])),
        (
            "v2_invalid_proof_world",
            "invalid_proof",
            with(
                good.clone(),
                &[("proof", json!("[[\"0x1\",\"0x2\"],[[\"0x3\",\"0x4\"],[\"0x5\",\"0x6\"]],[\"0x7\",\"0x8\"]]"))],
            ),
        ),
        ("v2_invalid_proof_forged", "invalid_proof", with(good.clone(), &[("proof", json!(forged))])),
        (
            "v2_invalid_proof_signal",
            "invalid_proof",
            with(good.clone(), &[("signal_hash", json!(hex(&world_hash(b"another signal"))))]),
        ),
        ("v2_invalid_proof_nonce", "invalid_proof", with(good.clone(), &[("nonce", json!(hex(&[7; 32])))])),
        ("v2_invalid_format_period", "invalid_format", with(good.clone(), &[("period", json!("2026-12"))])),
    ];
    for (name, code, body) in cases {
        let answer = bench.post(V2, &body).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::BAD_REQUEST, code), "{name}: {answer:?}");
        answer.golden(name);
    }
    bench.post("/api/v2/verify/app_other", &good).await.golden("v2_not_found");
    bench.send(Method::GET, V2, Body::empty()).await.golden("method_not_allowed");
    bench.send_with(Method::POST, V2, &[], good.to_string()).await.golden("unsupported_media_type");
    bench.get("/nowhere").await.golden("not_found");
    // After all these refusals the turn is still there.
    assert_eq!(bench.post(V2, &good).await.status, 200);
}

#[tokio::test]
async fn a_root_that_was_replaced_is_accepted_for_its_time() {
    let old = Shown { old_root: true, ..Shown::new(0, "vote") };
    let bench = Bench::new();
    assert_eq!(bench.post(V2, &old.v2()).await.status, 200, "a thousand seconds old");
    // The root was replaced at NOW + 2; two hours later it is too old, and one hour later for whoever asks for less.
    let late = Bench::with(Limits { threads: 1, requests_per_second: None, ..Limits::default() }, || NOW + 7_203);
    late.post(V2, &old.v2()).await.golden("v2_root_too_old");
    let hour = Bench::with(Limits { threads: 1, requests_per_second: None, ..Limits::default() }, || NOW + 3_700);
    let strict = with(old.v2(), &[("max_age", json!(3_600))]);
    assert_eq!(hour.post(V2, &strict).await.code(), "root_too_old");
    let lax = with(old.v2(), &[("max_age", json!(604_800))]);
    assert_eq!(late.post(V2, &lax).await.code(), "root_too_old", "a client cannot ask for more than the action allows");
    assert_eq!(hour.post(V2, &lax).await.status, 200);
}

#[tokio::test]
async fn an_action_refuses_leaves_that_are_younger() {
    let bench = Bench::new();
    // The holder's leaf is of NOW; the action opened a second before. A proof without the bound is one of another statement.
    let answer = bench.post(V2, &Shown::new(0, "early").v2()).await;
    assert_eq!(answer.code(), "invalid_proof");
    let precheck = bench.post("/api/v1/precheck/app_test", &json!({"action": "early"})).await;
    assert_eq!(precheck.json()["action"]["issued_no_later_than"], json!(1_796_083_199));
    assert_eq!(bench.post(V2, &Shown::new(0, "sure").v2()).await.code(), "invalid_proof");
}

#[tokio::test]
async fn a_person_has_as_many_uses_as_the_action_says() {
    let bench = Bench::new();
    let [first, second, third] = [0, 1, 2].map(|use_index| Shown { use_index, ..Shown::new(0, "twice") }.v2());
    assert_eq!(bench.post(V2, &first).await.json()["uses"], 1);
    bench.post(V2, &second).await.golden("v2_accepted_second_use");
    bench.post(V2, &third).await.golden("v2_max_verifications_reached_uses");
    assert_eq!(bench.post(V2, &second).await.code(), "max_verifications_reached");
}

#[tokio::test]
async fn a_period_has_nullifiers_of_its_own() {
    let limits = || Limits { threads: 1, requests_per_second: None, ..Limits::default() };
    let in_period = |period| Shown { period: Some(period), ..Shown::new(0, "monthly") };
    let bench = Bench::with(limits(), clock);
    let december = in_period("2026-12");
    assert_eq!(bench.post(V2, &december.v2()).await.status, 200);
    assert_eq!(bench.post(V2, &december.v2()).await.code(), "max_verifications_reached");
    // A thousand seconds into December, a proof for November is in time; those of others are not.
    assert_eq!(bench.post(V2, &in_period("2026-11").v2()).await.status, 200);
    bench.post(V2, &in_period("2026-10").v2()).await.golden("v2_period_over");
    bench.post(V2, &in_period("2027-01").v2()).await.golden("v2_period_to_come");
    bench.post(V4, &in_period("2026-10").v4()).await.golden("v4_outdated_nullifier");
    bench.post(V4, &in_period("2027-01").v4()).await.golden("v4_nullifier_from_future");
    let late = Bench::with(limits(), || NOW + 3_601);
    assert_eq!(late.post(V2, &in_period("2026-11").v2()).await.code(), "action_inactive");
    // Without a period in the body it is the present one.
    let silent = with(in_period("2026-12").v2(), &[("period", Value::Null)]);
    assert_eq!(late.post(V2, &silent).await.status, 200);
}

/// Who was enrolled in a period takes part from the next one on: a device that was lost has had its turn.
#[tokio::test]
async fn leaves_of_the_present_period_wait_for_the_next() {
    let bench = Bench::new();
    let bounded =
        |person, limit| Shown { period: Some("2026-12"), issued_no_later_than: limit, ..Shown::new(person, "payout") };
    assert_eq!(bench.post(V2, &bounded(0, None).v2()).await.code(), "invalid_proof");
    // Enrolled a second after the period began, with the latest bound that this leaf keeps.
    assert_eq!(bench.post(V2, &bounded(1, Some(NOW + 1)).v2()).await.code(), "invalid_proof");
    assert_eq!(bench.post(V2, &bounded(0, Some(NOW)).v2()).await.status, 200);
    assert_eq!(bench.post(V2, &bounded(0, Some(NOW)).v2()).await.code(), "max_verifications_reached");
}

#[tokio::test]
async fn version_4_says_reuse_and_can_refuse_it() {
    let bench = Bench::new();
    let body = Shown { nonce: [9; 32], ..Shown::new(0, "vote") }.v4();
    bench.post(V4, &body).await.golden("v4_accepted");
    bench.post(V4, &body).await.golden("v4_accepted_reuse");
    bench.post(&format!("{V4}?on_reuse=reject"), &body).await.golden("v4_nullifier_replayed");
    bench.post(&format!("{V4}?on_reuse=perhaps"), &body).await.golden("v4_invalid_request_option");
    assert_eq!(bench.post(V2, &Shown::new(0, "vote").v2()).await.code(), "max_verifications_reached");
    assert_eq!(bench.post("/api/v4/verify/app_test", &Shown::new(1, "vote").v4()).await.status, 200);
}

#[tokio::test]
async fn version_4_has_worlds_word_for_every_refusal() {
    let bench = Bench::new();
    let good = Shown::new(0, "vote").v4();
    let item = |changes: &[(&str, Value)]| {
        let mut body = good.clone();
        body["responses"] = json!([with(good["responses"][0].clone(), changes)]);
        body
    };
    let world = json!({
        "protocol_version": "4.0", "nonce": hex(&[1; 32]), "action": "vote", "action_description": "", "session_id": null,
        "environment": "production", "responses": [good["responses"][0]],
    });
    let cases: [(&str, u16, &str, Value); 10] = [
        ("v4_invalid_root", 400, "all_verifications_failed", item(&[("merkle_root", json!(hex(&[0; 32])))])),
        ("v4_invalid_proof", 400, "all_verifications_failed", item(&[("signal_hash", json!(hex(&world_hash(b"x"))))])),
        ("v4_invalid_public_input", 400, "all_verifications_failed", item(&[("use_index", json!(1))])),
        ("v4_world_proof", 400, "all_verifications_failed", world),
        ("v4_protocol", 400, "invalid_request", with(good.clone(), &[("protocol_version", json!("5.0"))])),
        ("v4_session", 400, "invalid_request", with(good.clone(), &[("session_id", json!("session_1"))])),
        (
            "v4_integrity",
            403,
            "integrity_verification_failed",
            with(
                good.clone(),
                &[(
                    "integrity_bundle",
                    json!({"version": 1, "signature_format": "android_keystore", "timestamp": 0, "signature": "00"}),
                )],
            ),
        ),
        ("v4_no_responses", 400, "invalid_request", with(good.clone(), &[("responses", json!([]))])),
        ("v4_invalid_action", 400, "invalid_action", with(good.clone(), &[("action", json!("mayor"))])),
        ("v4_action_inactive", 400, "action_inactive", Shown::new(0, "closed").v4()),
    ];
    for (name, status, code, body) in cases {
        let answer = bench.post(V4, &body).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{name}: {answer:?}");
        answer.golden(name);
    }
    bench.post("/api/v4/verify/rp_other", &good).await.golden("v4_not_found");
    // One that holds is enough, and says which did not.
    let mut both = good.clone();
    both["responses"] = json!([item(&[("merkle_root", json!(hex(&[0; 32])))])["responses"][0], good["responses"][0]]);
    bench.post(V4, &both).await.golden("v4_accepted_one_of_two");
}

#[tokio::test]
async fn the_service_says_when_it_cannot_decide() {
    // Roots of a moment ago, and a clock that went on.
    static TIME: AtomicU64 = AtomicU64::new(NOW + 1_000);
    let bench = Bench::with(Limits { threads: 1, requests_per_second: None, ..Limits::default() }, || {
        TIME.load(Ordering::Relaxed)
    });
    assert_eq!(bench.get("/readyz").await.status, 200);
    TIME.store(NOW + 1_061, Ordering::Relaxed);
    let body = Shown::new(0, "vote").v2();
    let answer = bench.post(V2, &body).await;
    answer.golden("v2_registry_unreachable");
    assert_eq!(answer.headers[header::RETRY_AFTER], "1");
    assert_eq!(bench.get("/readyz").await.status, 503);
    assert_eq!(bench.get("/health").await.status, 200);
    bench.running.refresh().unwrap();
    assert_eq!(bench.get("/readyz").await.status, 200);
    assert_eq!(bench.post(V2, &body).await.status, 200);
}
