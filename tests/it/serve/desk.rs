//! The desk over HTTP: who may do what, pictures in and answers out, reviews, the life of a person.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use personhood::pipeline::{Pipeline, PipelineConfig};
use personhood::serve::Desk;

use super::*;

/// Everybody at this desk, by the text of their key.
const STAFF: &[(&str, &str)] = &[
    ("olga", "'operator'"),
    ("ada", "'adjudicator'"),
    ("bob", "'adjudicator'"),
    ("aude", "'auditor'"),
    ("dora", "'delete'"),
    ("max", "'operator', 'auditor'"),
    ("prom", "'metrics', 'insert', 'request'"),
];

fn staff() -> Keys {
    use sha2::Digest as _;
    let key = |(name, roles): &(&str, &str)| {
        let digest = to_hex(&sha2::Sha256::digest(format!("the key of {name}")));
        format!("[[key]]\nname='{name}'\nsha256='{digest}'\nroles=[{roles}]\n")
    };
    Keys::from_toml(&STAFF.iter().map(key).collect::<String>()).unwrap()
}

/// A service with a desk over an empty registry of its own.
struct Office {
    bench: Bench,
    /// How often the log was told to follow.
    followed: Arc<AtomicU64>,
}

impl Office {
    fn new(policy: RegistryPolicy) -> Self {
        let folder = TempDir::new().unwrap();
        let pipeline = Pipeline::builder()
            .config(PipelineConfig::for_encoder(policy.encoder).unwrap())
            .layout(policy.layout)
            .build();
        let registry = Registry::create(MemoryStore::new(), policy, NOW).unwrap();
        let registry = Arc::new(Mutex::new(registry));
        let followed = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&followed);
        let desk = Desk::new(Arc::clone(&registry), pipeline).after_change(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        let limits = Limits { threads: 1, requests_per_second: None, picture_bytes: 256 << 10, ..Limits::default() };
        let running = Service {
            apps: Apps::from_toml(APPS).unwrap(),
            roll: Box::new(RegistryRoll::shared(registry).unwrap()),
            nullifiers: Box::new(SqliteNullifiers::open_or_create(folder.path().join("nullifiers")).unwrap()),
            keys: staff(),
            issuer: None,
            desk: Some(desk),
            holder: None,
            log: None,
            limits,
            clock,
        }
        .start()
        .unwrap();
        let bench = Bench { router: running.router(), running, _folder: folder };
        Self { bench, followed }
    }

    fn adjudicating() -> Self {
        Self::new(RegistryPolicy { adjudicate_duplicates: true, ..RegistryPolicy::default() })
    }

    async fn get(&self, name: &str, path: &str) -> Answer {
        let key = format!("Bearer the key of {name}");
        self.bench.send_with(Method::GET, path, &[(header::AUTHORIZATION, &key)], "").await
    }

    async fn post(&self, name: &str, path: &str, body: &Value) -> Answer {
        self.post_text(name, path, body.to_string()).await
    }

    async fn post_text(&self, name: &str, path: &str, body: String) -> Answer {
        let key = format!("Bearer the key of {name}");
        let headers = [(header::AUTHORIZATION, key.as_str()), (header::CONTENT_TYPE, "application/json")];
        self.bench.send_with(Method::POST, path, &headers, body).await
    }

    async fn enrol(&self, person: u64, capture: u32, commitment: u64) -> Answer {
        let body = json!({
            "left": picture(person, &format!("left-{capture}")), "right": picture(person, &format!("right-{capture}")),
            "commitment": secret(commitment).commitment().to_string(),
        });
        self.post("olga", "/api/desk/enrol", &body).await
    }
}

fn picture(person: u64, name: &str) -> String {
    let path = format!("{}/testdata/eyes/person-{person:02}/{name}.png", env!("CARGO_MANIFEST_DIR"));
    STANDARD.encode(std::fs::read(path).unwrap())
}

fn is_png(value: &Value) -> bool {
    STANDARD.decode(value.as_str().unwrap()).unwrap().starts_with(b"\x89PNG")
}

#[tokio::test]
async fn each_address_takes_a_key_with_its_role() {
    let office = Office::new(RegistryPolicy::default());
    let all = ["olga", "ada", "bob", "aude", "dora", "max"];
    let table: &[(Method, &str, &[&str])] = &[
        (Method::GET, "/api/desk/session", &all),
        (Method::GET, "/api/desk/status", &all),
        (Method::GET, "/api/desk/people/1", &all),
        (Method::GET, "/api/desk/decisions", &["aude", "max"]),
        (Method::GET, "/api/desk/reviews", &["ada", "bob", "aude", "max"]),
        (Method::GET, "/api/desk/reviews/1", &["ada", "bob", "aude", "max"]),
        (Method::POST, "/api/desk/reviews/1/votes", &["ada", "bob"]),
        (Method::POST, "/api/desk/reviews/1/appeal", &["olga", "max"]),
        (Method::POST, "/api/desk/look", &["olga", "max"]),
        (Method::POST, "/api/desk/search", &["olga", "max"]),
        (Method::POST, "/api/desk/enrol", &["olga", "max"]),
        (Method::POST, "/api/desk/people/1/suspend", &["olga", "max"]),
        (Method::POST, "/api/desk/people/1/reinstate", &["olga", "max"]),
        (Method::POST, "/api/desk/people/1/revoke", &["dora"]),
        (Method::POST, "/api/desk/people/1/erase", &["dora"]),
        (Method::DELETE, "/v3/identities/0x00", &["dora"]),
    ];
    for (method, path, allowed) in table {
        let without = office.bench.send(method.clone(), path, "{}").await;
        assert_eq!((without.status.as_u16(), without.code().as_str()), (401, "unauthenticated"), "{path}");
        for (name, _) in STAFF {
            let key = format!("Bearer the key of {name}");
            let headers = [(header::AUTHORIZATION, key.as_str()), (header::CONTENT_TYPE, "application/json")];
            let answer = office.bench.send_with(method.clone(), path, &headers, "{}").await;
            let refused = answer.status == StatusCode::FORBIDDEN;
            assert_eq!(refused, !allowed.contains(name), "{name} at {path}: {answer:?}");
            assert!(!refused || answer.code() == "permission_denied", "{answer:?}");
        }
    }
    let session = office.get("max", "/api/desk/session").await.json();
    assert_eq!(session, json!({"name": "max", "roles": ["operator", "auditor"]}));
    // Without a desk there is nothing behind the keys.
    let bench = Bench::new();
    let refused =
        bench.send_with(Method::DELETE, "/v3/identities/0x00", &[(header::AUTHORIZATION, "Bearer x")], "").await;
    assert_eq!(refused.status, 401);
    office.get("ada", "/api/desk/reviews/1").await.golden("desk_review_unknown");
    office.post("olga", "/api/desk/people/7/suspend", &json!({"reason": "lost"})).await.golden("desk_unknown_person");
    let odd = office.post("olga", "/api/desk/people/7/promote", &json!({})).await;
    assert_eq!((odd.status.as_u16(), odd.code().as_str()), (404, "not_found"));
}

#[tokio::test]
async fn a_registry_that_names_its_operators_asks_for_the_name_of_the_key() {
    let office = Office::new(RegistryPolicy::default());
    // The registry's own list comes second: a key without a name there does nothing.
    let registry = {
        let mut registry = Registry::create(MemoryStore::new(), RegistryPolicy::default(), NOW).unwrap();
        registry.add_operator("root", personhood::store::Role::Administrator, NOW).unwrap();
        Arc::new(Mutex::new(registry))
    };
    let folder = TempDir::new().unwrap();
    let running = Service {
        apps: Apps::from_toml(APPS).unwrap(),
        roll: Box::new(RegistryRoll::shared(Arc::clone(&registry)).unwrap()),
        nullifiers: Box::new(SqliteNullifiers::open_or_create(folder.path().join("nullifiers")).unwrap()),
        keys: staff(),
        issuer: None,
        desk: Some(Desk::new(registry, Pipeline::builder().build())),
        holder: None,
        log: None,
        limits: Limits { threads: 1, ..Limits::default() },
        clock,
    }
    .start()
    .unwrap();
    let bench = Bench { router: running.router(), running, _folder: folder };
    let office = Office { bench, ..office };
    office.get("aude", "/api/desk/decisions").await.golden("desk_not_an_operator");
}

#[tokio::test]
async fn a_picture_is_looked_at_and_bad_ones_are_refused() {
    let office = Office::new(RegistryPolicy::default());
    let look = |picture: String| json!({ "picture": picture });
    let seen = office.post("olga", "/api/desk/look", &look(picture(1, "left-1"))).await;
    assert_eq!(seen.status, 200);
    assert_eq!(seen.headers[header::CACHE_CONTROL], "no-store");
    let seen = seen.json();
    assert_eq!((&seen["usable"], &seen["code"]), (&json!(true), &Value::Null));
    assert!(seen["quality"]["overall"].as_f64().unwrap() > 0.0 && seen["quality"]["usable_bits"].as_u64().unwrap() > 0);
    for png in ["overlay", "unrolled", "iris_code"] {
        assert!(is_png(&seen[png]), "{png}");
    }
    // A picture without an eye: an answer with advice, and what was seen.
    let blank: Vec<u8> = b"P5 640 480 255\n".iter().copied().chain([128; 640 * 480]).collect();
    let mut small = b"P5 320 240 255\n".to_vec();
    small.extend([128; 320 * 240]);
    let seen = office.post("olga", "/api/desk/look", &look(STANDARD.encode(&small))).await.json();
    assert_eq!(seen["usable"], false);
    assert!(seen["code"].as_str().unwrap().starts_with("segmentation") && is_png(&seen["overlay"]));
    assert!(!seen["advice"].as_array().unwrap().is_empty() && seen["iris_code"].is_null());

    let wide = STANDARD.encode(b"P5 16000 16000 255\n0000");
    let cases = [
        (look("not base64".to_owned()), 400, "invalid_format"),
        (look(STANDARD.encode("GIF89a")), 400, "image_unknown_format"),
        (look(String::new()), 400, "image_empty"),
        (look(wide), 413, "image_too_large"),
        (look(STANDARD.encode(&blank)), 413, "payload_too_large"),
        (look("A".repeat(2 << 20)), 413, "payload_too_large"),
        (json!({}), 400, "required"),
        (json!({"picture": 5}), 400, "invalid_request"),
        (json!({"picture": "", "eye": "left"}), 400, "invalid_request"),
    ];
    for (body, status, code) in cases {
        let answer = office.post("olga", "/api/desk/look", &body).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code));
    }
    // One spelling: no escapes, no field twice, no list, JSON by name.
    for text in [r#"{"picture":"\u0041"}"#, r#"{"picture":"","picture":""}"#, "[\"\"]", "{", ""] {
        let answer = office.post_text("olga", "/api/desk/look", text.to_owned()).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "invalid_request"), "{text}");
    }
    let headers = [(header::AUTHORIZATION, "Bearer the key of olga"), (header::CONTENT_TYPE, "image/png")];
    let answer = office.bench.send_with(Method::POST, "/api/desk/look", &headers, "x").await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (415, "unsupported_media_type"));
}

#[tokio::test]
async fn somebody_new_comes_in_once() {
    let office = Office::new(RegistryPolicy::default());
    let eyes = |person, capture| json!({"left": picture(person, &format!("left-{capture}")), "right": picture(person, &format!("right-{capture}"))});
    office.post("olga", "/api/desk/search", &eyes(1, 1)).await.golden("desk_new");
    let came = office.enrol(1, 1, 1).await;
    assert_eq!(came.status, 201);
    let came = came.json();
    assert_eq!((&came["person"], &came["leaf_index"], &came["assurance"]), (&json!(1), &json!(0), &json!(2)));
    assert_eq!(came["expires_at"], clock() + 3_650 * 86_400);
    assert_eq!(office.followed.load(Ordering::Relaxed), 1, "the log follows");
    // The path is there at once, without waiting for a refresh, and the root is known to verifiers.
    let path = format!("/v3/identities/0x{}/inclusion-proof/mined", secret(1).commitment());
    assert_eq!(office.bench.get(&path).await.json()["root"], came["root"]);
    let roots = office.bench.get("/api/v1/roots").await.json();
    assert_eq!(format!("0x{}", roots["current"].as_str().unwrap()), came["root"].as_str().unwrap());

    // Another picture of the same person. Whoever takes pictures learns who it is, and not how near.
    let found = office.post("olga", "/api/desk/search", &eyes(1, 2)).await;
    found.golden("desk_duplicate");
    let told = office.post("max", "/api/desk/search", &eyes(1, 2)).await.json();
    assert!(told["candidates"][0]["distance"]["score"].as_f64().unwrap() < 0.37, "{told}");
    let refused = office.enrol(1, 2, 2).await;
    refused.golden("desk_enrol_duplicate");
    office.enrol(2, 1, 1).await.golden("desk_duplicate_commitment");
    assert_eq!(office.followed.load(Ordering::Relaxed), 1, "nothing changed");

    let commitment = secret(3).commitment().to_string();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = eyes(3, 1);
        body["commitment"] = commitment.clone().into();
        change(&mut body);
        body
    };
    type Change<'a> = &'a dyn Fn(&mut Value);
    let blank: Vec<u8> = b"P5 320 240 255\n".iter().copied().chain([128; 320 * 240]).collect();
    let blank = STANDARD.encode(blank);
    let cases: &[(Change<'_>, u16, &str, Option<&str>)] = &[
        (&|body| drop(body.as_object_mut().unwrap().remove("right")), 400, "required", Some("right")),
        (&|body| drop(body.as_object_mut().unwrap().remove("commitment")), 400, "required", Some("commitment")),
        (&|body| body["commitment"] = "00".into(), 400, "invalid_format", Some("commitment")),
        (&|body| body["commitment"] = "ff".repeat(32).into(), 400, "invalid_format", Some("commitment")),
        (&|body| body["valid_days"] = 0.into(), 400, "invalid_format", Some("valid_days")),
        (&|body| body["valid_days"] = u64::MAX.into(), 400, "invalid_format", Some("valid_days")),
        (&|body| body["one_eye"] = true.into(), 400, "not_one_eye", None),
        (&|body| body["right"] = body["left"].clone(), 409, "same_eye_twice", Some("right")),
        (&|body| body["right"] = blank.clone().into(), 422, "segmentation_no_pupil", Some("right")),
        (&|body| body["name"] = "Anna".into(), 400, "invalid_request", None),
    ];
    for (change, status, code, attribute) in cases {
        let answer = office.post("olga", "/api/desk/enrol", &with(change)).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (*status, *code), "{answer:?}");
        assert_eq!(answer.json()["attribute"].as_str(), *attribute, "{code}");
        assert!(!answer.json()["detail"].as_str().unwrap().contains("bits differ"), "a distance: {answer:?}");
    }
    assert_eq!(office.post("olga", "/api/desk/search", &json!({})).await.code(), "no_eye");
    let one = json!({"left": picture(4, "left-1"), "one_eye": true, "commitment": commitment, "valid_days": 30});
    let came = office.post("olga", "/api/desk/enrol", &one).await.json();
    assert_eq!((&came["assurance"], &came["expires_at"]), (&json!(1), &json!(clock() + 30 * 86_400)));

    let status = office.get("olga", "/api/desk/status").await.json();
    assert_eq!((&status["active"], &status["open_reviews"], &status["log"]), (&json!(2), &Value::Null, &Value::Null));
    let decisions = office.get("aude", "/api/desk/decisions?after=1").await.json();
    let outcomes: Vec<_> = decisions["decisions"].as_array().unwrap().iter().map(|one| &one["outcome"]).collect();
    assert_eq!(outcomes, ["duplicate", "duplicate_commitment", "same_eye_twice", "accepted"]);
    assert!(decisions["decisions"][0]["nearest"].as_f64().unwrap() < 0.4);
    assert_eq!(decisions["decisions"][0]["operator"], "olga");
    for bad in ["after=x", "before=1", "after=-1"] {
        let answer = office.get("aude", &format!("/api/desk/decisions?{bad}")).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "invalid_format"), "{bad}");
    }
}

#[tokio::test]
async fn two_people_decide_about_a_duplicate_and_neither_follows_the_other() {
    let office = Office::adjudicating();
    assert_eq!(office.enrol(1, 1, 1).await.status, 201);
    let eyes = json!({"left": picture(1, "left-2"), "right": picture(1, "right-2")});
    assert_eq!(office.post("olga", "/api/desk/search", &eyes).await.json()["answer"], "review");
    let waits = office.enrol(1, 2, 2).await;
    assert_eq!((waits.status.as_u16(), waits.json()), (202, json!({"review": 1})));

    assert_eq!(office.get("aude", "/api/desk/reviews").await.json()["open"], 1);
    let case = office.get("ada", "/api/desk/reviews/1").await.json();
    let nearest = &case["matches"][0];
    assert_eq!((&nearest["person"], &case["votes"]), (&json!(1), &json!([])));
    assert!(nearest["distance"]["score"].as_f64().unwrap() < 0.37 && is_png(&nearest["aligned_codes"]), "{nearest}");
    let audited = office.get("aude", "/api/desk/reviews/1").await.json();
    assert!(audited["matches"][0]["aligned_codes"].is_null(), "an auditor needs no codes");

    let vote = |verdict: &str, reason: &str| json!({"verdict": verdict, "reason": reason});
    let votes = "/api/desk/reviews/1/votes";
    for (body, attribute) in [
        (vote("maybe", "x"), "verdict"),
        (vote("same", "  "), "reason"),
        (vote("same", &"x".repeat(2_001)), "reason"),
        (json!({"reason": "x"}), "verdict"),
        (json!({"verdict": "same"}), "reason"),
    ] {
        let answer = office.post("ada", votes, &body).await;
        assert_eq!((answer.status.as_u16(), answer.json()["attribute"].as_str()), (400, Some(attribute)));
    }
    let counted = office.post("ada", votes, &vote("different", "twins, both were here")).await.json();
    assert_eq!((&counted["state"], &counted["votes"]), (&json!("open"), &json!(1)));
    office.post("ada", votes, &vote("same", "on second thoughts")).await.golden("desk_voted_already");
    // Who has not decided sees that somebody has, and not what.
    let blind = office.get("bob", "/api/desk/reviews/1").await.json();
    assert_eq!((&blind["votes"], &blind["votes_in_round"], &blind["voted"]), (&json!([]), &json!(1), &json!(false)));
    assert_eq!(office.get("ada", "/api/desk/reviews/1").await.json()["votes"][0]["reason"], "twins, both were here");
    assert_eq!(office.get("aude", "/api/desk/reviews/1").await.json()["votes"][0]["operator"], "ada");
    let counted = office.post("bob", votes, &vote("different", "I know both")).await.json();
    assert_eq!((&counted["state"], &counted["person"]), (&json!("different"), &json!(2)));
    let path = format!("/v3/identities/0x{}/inclusion-proof/mined", secret(2).commitment());
    assert_eq!(office.bench.get(&path).await.status, 200);
    let closed = office.get("bob", "/api/desk/reviews/1").await.json();
    assert!(closed["matches"][0]["aligned_codes"].is_null(), "the candidate's templates are gone");
    assert_eq!(office.get("bob", "/api/desk/reviews").await.json()["open"], 0);

    // One person after all: the candidate stays out, and may appeal once.
    let again = json!({
        "left": picture(1, "left-1"), "right": picture(1, "right-1"), "commitment": secret(3).commitment().to_string(),
    });
    let again = office.post("olga", "/api/desk/enrol", &again).await;
    let number = again.json()["review"].as_u64().unwrap();
    let votes = format!("/api/desk/reviews/{number}/votes");
    office.post("ada", &votes, &vote("same", "the same eyes")).await;
    let counted = office.post("bob", &votes, &vote("same", "yes")).await.json();
    assert_eq!(counted["state"], "same");
    let appeal = format!("/api/desk/reviews/{number}/appeal");
    assert_eq!(office.post("olga", &appeal, &json!({"reason": "they insist"})).await.status, 200);
    office.post("ada", &votes, &vote("same", "still")).await.golden("desk_voted_already_appeal");
    assert_eq!(office.post("olga", &appeal, &json!({"reason": "again"})).await.status, 409);
}

#[tokio::test]
async fn a_person_is_suspended_reinstated_deleted_and_erased() {
    let office = Office::new(RegistryPolicy::default());
    assert_eq!(office.enrol(1, 1, 1).await.status, 201);
    assert_eq!(office.enrol(2, 1, 2).await.status, 201);
    let at = |person: u64| format!("/v3/identities/0x{}", secret(person).commitment());
    let path = |person: u64| format!("{}/inclusion-proof/mined", at(person));
    let why = json!({"reason": "they lost their telephone"});
    let suspended = office.post("olga", "/api/desk/people/1/suspend", &why).await.json();
    assert_eq!(suspended["status"], "suspended");
    assert_eq!(office.bench.get(&path(1)).await.status, 404);
    let twice = office.post("olga", "/api/desk/people/1/suspend", &why).await;
    assert_eq!((twice.status.as_u16(), twice.code().as_str()), (409, "not_possible"));
    assert_eq!(office.post("olga", "/api/desk/people/1/reinstate", &why).await.status, 200);
    assert_eq!(office.bench.get(&path(1)).await.status, 200);
    assert_eq!(office.post("olga", "/api/desk/people/1/suspend", &json!({})).await.code(), "required");

    // The sequencer's deletion: out of the tree, and not in again.
    let delete = |person: u64| {
        let headers = [(header::AUTHORIZATION, "Bearer the key of dora")];
        let path = at(person);
        let bench = &office.bench;
        async move { bench.send_with(Method::DELETE, &path, &headers, "").await }
    };
    assert_eq!(delete(2).await.status, 202);
    assert_eq!(office.bench.get(&path(2)).await.status, 404);
    delete(2).await.golden("sequencer_duplicate_commitment_deletion");
    delete(9).await.golden("sequencer_identity_not_found");
    assert_eq!(office.enrol(2, 2, 5).await.code(), "duplicate");
    assert_eq!(office.get("dora", "/api/desk/people/2").await.json()["status"], "revoked");

    // Erased: nothing is left, so that they are new.
    let erased = office.post("dora", "/api/desk/people/2/erase", &why).await.json();
    assert_eq!((&erased["status"], &erased["leaf_index"]), (&json!("erased"), &Value::Null));
    assert_eq!(office.enrol(2, 2, 5).await.json()["person"], 3);
    assert_eq!(office.followed.load(Ordering::Relaxed), 7);
    let status = office.get("dora", "/api/desk/status").await.json();
    assert_eq!((&status["active"], &status["erased"]), (&json!(2), &json!(1)));
}
