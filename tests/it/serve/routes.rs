//! Everything beside verification: paths, keys, prechecks, the document.

use super::*;

fn commitment(person: u64) -> String {
    format!("0x{}", secret(person).commitment())
}

#[tokio::test]
async fn members_find_their_path() {
    let bench = Bench::new();
    for stage in ["processed", "mined"] {
        let answer = bench.get(&format!("/v3/identities/{}/inclusion-proof/{stage}", commitment(1))).await;
        assert_eq!(answer.status, 200);
        let json = answer.json();
        let path: Vec<u8> = (0..json["path"].as_str().unwrap().len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&json["path"].as_str().unwrap()[at..at + 2], 16).unwrap())
            .collect();
        let path = personhood::tree::MerklePath::from_bytes(&path).unwrap();
        let member = &world().members[1];
        assert_eq!(path, member.path);
        let leaf = personhood::identity::Leaf::new(&secret(1).commitment(), &member.credential);
        assert_eq!(json["root"], format!("0x{}", path.root(&leaf)));
        assert_eq!(json["leafIndex"], 1);
        assert_eq!(json["credential"], json!({"issuedAt": NOW + 1, "expiresAt": LATER, "assurance": 2}));
    }
    let body = json!({"identityCommitment": commitment(1)});
    assert_eq!(bench.post("/inclusionProof", &body).await.json()["leafIndex"], 1);
    let ask = |text: String| format!("/v3/identities/{text}/inclusion-proof/mined");
    bench.get(&ask(commitment(77))).await.golden("sequencer_identity_not_found");
    bench.get(&ask("0x12".to_owned())).await.golden("sequencer_invalid_commitment");
    bench.get(&ask(format!("0x{}", "ff".repeat(32)))).await.golden("sequencer_unreduced_commitment");
    let bridged = format!("/v3/identities/{}/inclusion-proof/bridged", commitment(1));
    bench.get(&bridged).await.golden("sequencer_invalid_path");
}

#[tokio::test]
async fn what_is_not_public_takes_a_key_with_the_role() {
    let bench = Bench::new();
    let path = format!("/v3/identities/{}", commitment(0));
    bench.post(&path, &json!({})).await.golden("sequencer_unauthenticated");
    let key = [(header::AUTHORIZATION, "Bearer the key of the tests")];
    let wrong = [(header::AUTHORIZATION, "Bearer the key of the test")];
    bench.send_with(Method::POST, &path, &key, "").await.golden("sequencer_already_included");
    let other = format!("/v3/identities/{}", commitment(77));
    bench.send_with(Method::POST, &other, &key, "").await.golden("sequencer_eyes_required");
    assert_eq!(bench.send_with(Method::GET, "/metrics", &wrong, "").await.status, 401);
    let metrics = bench.send_with(Method::GET, "/metrics", &key, "").await;
    let text = String::from_utf8(metrics.body).unwrap();
    let counted =
        "personhood_requests_total{route=\"/v3/identities/{commitment}\",status=\"409\",code=\"already_included\"} 1";
    assert!(text.contains(counted), "{text}");
    assert!(!text.contains(&commitment(0)[2..]), "a commitment in the metrics");
}

#[tokio::test]
async fn a_proof_on_its_own_is_checked_and_not_used_up() {
    let bench = Bench::new();
    let (statement, proof) = Shown { signal: "hello", ..Shown::new(0, "anything at all") }.prove();
    let body = json!({
        "root": format!("0x{}", statement.root),
        "signalHash": hex(&world_hash(b"hello")),
        "nullifierHash": format!("0x{}", statement.nullifier),
        "externalNullifierHash": format!("0x{}", statement.external_nullifier),
        "proof": hex(&proof),
        "maxRootAgeSeconds": 0,
    });
    for _ in 0..2 {
        bench.post("/v3/semaphore-proof/verify", &body).await.golden("sequencer_valid");
    }
    let change = |field: &str, value: String| {
        let mut body = body.clone();
        body[field] = value.into();
        body
    };
    let verify = "/v3/semaphore-proof/verify";
    let other = change("signalHash", hex(&world_hash(b"hullo")));
    bench.post(verify, &other).await.golden("sequencer_not_valid");
    bench.post(verify, &change("root", hex(&[0; 32]))).await.golden("sequencer_invalid_root");
    bench.post(verify, &change("proof", "0x01".to_owned())).await.golden("sequencer_decompressing_proof_error");
    let (old, proof) = Shown { old_root: true, ..Shown::new(0, "anything at all") }.prove();
    let body = json!({
        "root": format!("0x{}", old.root), "signalHash": hex(&world_hash(b"")), "proof": hex(&proof),
        "nullifierHash": format!("0x{}", old.nullifier),
        "externalNullifierHash": format!("0x{}", old.external_nullifier), "maxRootAgeSeconds": 100,
    });
    bench.post(verify, &body).await.golden("sequencer_root_too_old");
}

#[tokio::test]
async fn a_holder_learns_beforehand_what_is_asked_for() {
    let bench = Bench::new();
    let path = "/api/v1/precheck/app_test";
    bench.post(path, &json!({"action": "vote"})).await.golden("precheck_undetermined");
    bench.post(path, &json!({"action": "monthly"})).await.golden("precheck_monthly");
    bench.post(path, &json!({"action": "closed"})).await.golden("precheck_inactive");
    let body = Shown::new(2, "vote").v2();
    let ask = json!({"action": "vote", "nullifier_hash": body["nullifier_hash"]});
    assert_eq!(bench.post(path, &ask).await.json()["can_user_verify"], "yes");
    assert_eq!(bench.post(V2, &body).await.status, 200);
    assert_eq!(bench.post(path, &ask).await.json()["can_user_verify"], "no");
    let scope = json!({"action": "vote", "external_nullifier": hex(&[0; 32])});
    assert_eq!(bench.post(path, &scope).await.code(), "invalid_format");
}

#[tokio::test]
async fn roots_can_be_handed_to_a_server_without_a_registry() {
    let bench = Bench::new();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("roots.json");
    std::fs::write(&file, bench.get("/api/v1/roots").await.body).unwrap();
    let running = Service {
        apps: Apps::from_toml(APPS).unwrap(),
        roll: Box::new(personhood::serve::RootsFile::new(&file)),
        nullifiers: Box::new(SqliteNullifiers::open_or_create(folder.path().join("nullifiers")).unwrap()),
        keys: keys(),
        issuer: None,
        desk: None,
        holder: None,
        log: None,
        limits: Limits { threads: 1, requests_per_second: None, ..Limits::default() },
        clock,
    }
    .start()
    .unwrap();
    let bench = Bench { router: running.router(), running, _folder: folder };
    assert_eq!(bench.post(V2, &Shown::new(0, "vote").v2()).await.status, 200);
    let path = format!("/v3/identities/{}/inclusion-proof/mined", commitment(1));
    bench.get(&path).await.golden("sequencer_no_registry");
    std::fs::write(&file, "{}").unwrap();
    assert_eq!(bench.running.refresh().unwrap_err().code(), "roots_format");
    assert_eq!(bench.post(V2, &Shown::new(1, "vote").v2()).await.status, 200, "what was known stays known for a while");
}

#[tokio::test]
async fn the_document_describes_every_route() {
    let bench = Bench::new();
    let answer = bench.get("/openapi.json").await;
    let document = answer.json();
    assert_eq!(document["openapi"], "3.1.0");
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    assert!(paths.len() >= 10, "{paths:?}");
    for path in paths {
        // A route that is described answers something else than "nothing at this address".
        let path = path.replace("{app_id}", "app_test").replace("{id}", "app_test");
        let path = path.replace("{commitment}", &commitment(1)).replace("{stage}", "mined");
        let answer = bench.send(Method::PATCH, &path, Body::empty()).await;
        assert_eq!(answer.status, 405, "{path}");
    }
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    assert_eq!(answer.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
}
