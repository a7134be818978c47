//! Requests that the service signs: answered once, in time, for what was asked.

use personhood::request::SignedRequest;

use super::*;

const ISSUE: &str = "/api/v1/requests/app_test";

async fn issue(bench: &Bench, body: &Value) -> Answer {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::AUTHORIZATION, "Bearer the key of the tests")];
    bench.send_with(Method::POST, ISSUE, &headers, body.to_string()).await
}

fn bytes(text: &Value) -> Vec<u8> {
    let text = &text.as_str().unwrap()[2..];
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn nonce(answer: &Answer) -> [u8; 32] {
    bytes(&answer.json()["nonce"]).try_into().unwrap()
}

#[tokio::test]
async fn an_answer_counts_once_in_time_and_for_what_was_asked() {
    static TIME: AtomicU64 = AtomicU64::new(NOW + 1_000);
    let bench =
        Bench::with(Limits { threads: 1, requests_per_second: None, stale_after: 10_000, ..Limits::default() }, || {
            TIME.load(Ordering::Relaxed)
        });
    let ask = json!({"action": "asked", "signal_hash": hex(&world_hash(b"yes")), "seconds": 60});
    let issued = issue(&bench, &ask).await;
    assert_eq!(issued.status, 200);
    // A holder reads the same from the signed bytes, and knows the key from another place.
    let request = SignedRequest::from_bytes(&bytes(&issued.json()["request"])).unwrap();
    assert_eq!(request.asked().nonce, nonce(&issued));
    assert_eq!((request.asked().scope.action(), request.asked().signal_hash), ("asked", world_hash(b"yes")));
    let keys = bench.get("/api/v1/jwks").await.json();
    let key: [u8; 32] = bytes(&json!(format!("0x{}", keys["keys"][0]["kid"].as_str().unwrap()))).try_into().unwrap();
    assert_eq!(key, Issuer::from_secret(&[7; 32]).public());
    request.check(&key, "app_test", NOW + 1_000).unwrap();

    let answering = |person, signal, nonce| Shown { signal, nonce, ..Shown::new(person, "asked") };
    // Without a nonce, with one of one's own, and with the right one for another signal.
    bench.post(V2, &Shown { signal: "yes", ..Shown::new(0, "asked") }.v2()).await.golden("v2_invalid_rp_signature");
    assert_eq!(bench.post(V2, &answering(0, "yes", [3; 32]).v2()).await.code(), "invalid_rp_signature");
    assert_eq!(bench.post(V2, &answering(0, "no", nonce(&issued)).v2()).await.code(), "invalid_rp_signature");
    // Two people answer one request: it counts for the first.
    assert_eq!(bench.post(V2, &answering(0, "yes", nonce(&issued)).v2()).await.status, 200);
    bench.post(V2, &answering(1, "yes", nonce(&issued)).v2()).await.golden("v2_duplicate_nonce");
    // Replayed in the fourth version, which says yes to a nullifier that was used: not to a nonce.
    bench.post(V4, &answering(0, "yes", nonce(&issued)).v4()).await.golden("v4_duplicate_nonce");
    // The other person has not lost their turn by it.
    let second = issue(&bench, &ask).await;
    assert_eq!(bench.post(V2, &answering(1, "yes", nonce(&second)).v2()).await.status, 200);
    // A minute later.
    let third = issue(&bench, &ask).await;
    TIME.store(NOW + 1_060, Ordering::Relaxed);
    bench.post(V2, &answering(2, "yes", nonce(&third)).v2()).await.golden("v2_rp_signature_expired");
}

#[tokio::test]
async fn only_who_may_has_requests_signed() {
    let bench = Bench::new();
    let ask = json!({"action": "asked", "signal_hash": hex(&world_hash(b"yes"))});
    assert_eq!(bench.post(ISSUE, &ask).await.status, 401);
    for (field, value, code) in [
        ("action", json!("mayor"), "invalid_action"),
        ("action", json!("closed"), "action_inactive"),
        ("signal_hash", json!("0x00"), "invalid_format"),
        ("seconds", json!(1), "invalid_format"),
        ("seconds", json!(1_000_000), "invalid_format"),
        ("colour", json!(1), "invalid_request"),
    ] {
        let mut body = ask.clone();
        body[field] = value;
        let answer = issue(&bench, &body).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, code), "{field}");
    }
}

/// Nonces are known again by another server with the same key, and by no server with another.
#[tokio::test]
async fn servers_with_one_key_take_each_others_requests() {
    let (one, two) = (Bench::new(), Bench::new());
    let ask = json!({"action": "asked", "signal_hash": hex(&world_hash(b""))});
    let issued = issue(&one, &ask).await;
    let body = Shown { nonce: nonce(&issued), ..Shown::new(0, "asked") }.v2();
    assert_eq!(two.post(V2, &body).await.status, 200);
    let folder = TempDir::new().unwrap();
    let running = Service {
        apps: Apps::from_toml(APPS).unwrap(),
        roll: Box::new(RegistryRoll::new(Registry::open(world().store.clone()).unwrap()).unwrap()),
        nullifiers: Box::new(SqliteNullifiers::open_or_create(folder.path().join("nullifiers")).unwrap()),
        keys: keys(),
        issuer: Some(Issuer::from_secret(&[8; 32])),
        desk: None,
        holder: None,
        log: None,
        limits: Limits { threads: 1, requests_per_second: None, ..Limits::default() },
        clock,
    }
    .start()
    .unwrap();
    let other = Bench { router: running.router(), running, _folder: folder };
    assert_eq!(other.post(V2, &body).await.code(), "invalid_rp_signature");
}

#[tokio::test]
async fn a_request_comes_as_a_link_and_a_picture_of_it() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let bench = Bench::new();
    let page = "https://registry.example/holder/";
    let ask = json!({"action": "asked", "signal": "grüße ✓", "page": page});
    let issued = issue(&bench, &ask).await.json();
    let link = issued["link"].as_str().unwrap();
    let (request, signal) = link.strip_prefix(&format!("{page}#request=")).unwrap().split_once("&signal=").unwrap();
    assert_eq!(URL_SAFE_NO_PAD.decode(request).unwrap(), bytes(&issued["request"]));
    assert_eq!(URL_SAFE_NO_PAD.decode(signal).unwrap(), "grüße ✓".as_bytes());
    let signed = SignedRequest::from_bytes(&bytes(&issued["request"])).unwrap();
    assert_eq!(signed.asked().signal_hash, world_hash("grüße ✓".as_bytes()));
    let qr = issued["qr"].as_str().unwrap();
    assert!(qr.contains("<svg") && qr.trim_end().ends_with("</svg>") && !qr.contains("<script"), "{qr}");
    // The hash alone, without a page: as before.
    let plain = issue(&bench, &json!({"action": "asked", "signal_hash": hex(&world_hash(b"yes"))})).await.json();
    assert!(plain.get("link").is_none() && plain.get("qr").is_none());

    let refused = [
        (json!({"action": "asked", "signal": "a", "signal_hash": hex(&world_hash(b"a"))}), "invalid_format"),
        (json!({"action": "asked"}), "required"),
        (json!({"action": "asked", "signal": "x".repeat(1_025)}), "invalid_format"),
        (json!({"action": "asked", "signal": "a", "page": "javascript:alert(1)"}), "invalid_format"),
        (json!({"action": "asked", "signal": "a", "page": "https://a.example/#x"}), "invalid_format"),
        (json!({"action": "asked", "signal": "a", "page": "https://a.example/ x"}), "invalid_format"),
        (
            json!({"action": "asked", "signal": "a", "page": format!("https://a.example/{}", "x".repeat(256))}),
            "invalid_format",
        ),
    ];
    for (body, code) in refused {
        let answer = issue(&bench, &body).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, code), "{body}");
    }
    // As long as a signal may be, it still fits into a picture.
    let long = issue(&bench, &json!({"action": "asked", "signal": "x".repeat(1_024), "page": page})).await;
    assert_eq!(long.status, 200);
}
