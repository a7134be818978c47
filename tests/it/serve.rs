//! The HTTP service from outside: every code, hostile bodies, two servers on one store, a socket that is abused.

#![allow(clippy::unwrap_used)]

mod codes;
mod desk;
mod files;
mod hostile;
mod replay;
mod requests;
mod routes;
mod socket;

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use personhood::bytes::to_hex;
use personhood::identity::IdentitySecret;
use personhood::membership::{Statement, Witness, prove};
use personhood::nullifier::{Nullifier, Scope};
use personhood::registry::{EnrollRequest, EnrolmentClass, Membership, Registry, RegistryPolicy};
use personhood::serve::{Apps, Issuer, Keys, Limits, RegistryRoll, Running, Service};
use personhood::signal::{Signal, world_hash};
use personhood::store::{MemoryStore, SharedNullifiers, SqliteNullifiers};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::people::eye;

/// 2026-12-01 00:00 UTC, when the registry began and the action `early` opened.
const NOW: u64 = 1_796_083_200;
const LATER: u64 = NOW + 400 * 86_400;

/// The clock of the services of these tests; a test that moves it has one of its own.
fn clock() -> u64 {
    NOW + 1_000
}

const APPS: &str = r#"
[[app]]
id = "app_test"
rp_id = "rp_test"
name = "Test"
[[app.action]]
action = "vote"
[[app.action]]
action = "closed"
active = false
[[app.action]]
action = "over"
closed_at = 1796083300
[[app.action]]
action = "early"
opened_at = 1796083199
[[app.action]]
action = "twice"
uses = 2
[[app.action]]
action = "sure"
assurance = 3
[[app.action]]
action = "monthly"
period = "month"
newcomers = true
period_grace = 3600
[[app.action]]
action = "payout"
period = "month"
[[app.action]]
action = "asked"
requests = true
"#;

/// Digest of "the key of the tests".
fn keys() -> Keys {
    use sha2::Digest as _;
    let digest = to_hex(&sha2::Sha256::digest("the key of the tests"));
    let toml = format!("[[key]]\nname='tests'\nsha256='{digest}'\nroles=['metrics','insert','request']\n");
    Keys::from_toml(&toml).unwrap()
}

fn secret(person: u64) -> IdentitySecret {
    IdentitySecret::generate(&mut ChaCha20Rng::seed_from_u64(person))
}

/// A registry of three people, and one root that it had before the third came.
struct World {
    store: MemoryStore,
    members: Vec<Membership>,
    old: Membership,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let store = MemoryStore::new();
        let mut registry = Registry::create(store.clone(), RegistryPolicy::default(), NOW).unwrap();
        let enroll = |registry: &mut Registry<MemoryStore>, person: u64, at| {
            let request = EnrollRequest {
                left: Some(eye(2 * person)),
                right: Some(eye(2 * person + 1)),
                commitment: secret(person).commitment(),
                class: EnrolmentClass::BothEyes,
                issued_at: at,
                expires_at: LATER,
            };
            let _ = registry.enroll(request).unwrap();
        };
        enroll(&mut registry, 0, NOW);
        enroll(&mut registry, 1, NOW + 1);
        let old = registry.path(secret(0).commitment()).unwrap();
        enroll(&mut registry, 2, NOW + 2);
        let members = (0..3).map(|person| registry.path(secret(person).commitment()).unwrap()).collect();
        World { store, members, old }
    })
}

/// A service over [`world`] with nullifiers of its own.
struct Bench {
    running: Running,
    router: Router,
    _folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        Self::with(Limits { threads: 1, requests_per_second: None, ..Limits::default() }, clock)
    }

    fn with(limits: Limits, clock: fn() -> u64) -> Self {
        let folder = TempDir::new().unwrap();
        let running = service(folder.path().join("nullifiers"), limits, clock);
        Self { router: running.router(), running, _folder: folder }
    }

    async fn send(&self, method: Method, path: &str, body: impl Into<Body>) -> Answer {
        self.send_with(method, path, &[(header::CONTENT_TYPE, "application/json")], body).await
    }

    async fn send_with(
        &self,
        method: Method,
        path: &str,
        headers: &[(header::HeaderName, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let response = self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: head.status, headers: head.headers, body: body.to_vec() }
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, body.to_string()).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, Body::empty()).await
    }
}

fn service(nullifiers: PathBuf, limits: Limits, clock: fn() -> u64) -> Running {
    service_with(Box::new(SqliteNullifiers::open_or_create(nullifiers).unwrap()), limits, clock)
}

fn service_with(nullifiers: Box<dyn SharedNullifiers>, limits: Limits, clock: fn() -> u64) -> Running {
    Service {
        apps: Apps::from_toml(APPS).unwrap(),
        roll: Box::new(RegistryRoll::new(Registry::open(world().store.clone()).unwrap()).unwrap()),
        nullifiers,
        keys: keys(),
        issuer: Some(Issuer::from_secret(&[7; 32])),
        desk: None,
        holder: None,
        log: None,
        limits,
        clock,
    }
    .start()
    .unwrap()
}

#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: axum::http::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The portal's or the sequencer's word.
    #[track_caller]
    fn code(&self) -> String {
        let json = self.json();
        json.get("code").or(json.get("errorId")).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// Compares status and body with the file of this name in testdata/serve; `UPDATE_SERVE=1` writes it.
    #[track_caller]
    fn golden(&self, name: &str) {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("testdata/serve/{name}.json"));
        let found = json!({ "status": self.status.as_u16(), "body": without_numbers(self.json()) });
        if std::env::var_os("UPDATE_SERVE").is_some() {
            std::fs::write(&path, serde_json::to_string_pretty(&found).unwrap() + "\n").unwrap();
        }
        let golden = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(found, serde_json::from_str::<Value>(&golden).unwrap(), "{name}");
    }
}

/// The same with values of 32 bytes and the place of an error in a body left out.
fn without_numbers(value: Value) -> Value {
    match value {
        Value::String(text) if text.len() == 66 && text.starts_with("0x") => "0x(32 bytes)".into(),
        Value::String(text) => match text.split_once(" column ") {
            Some((front, _)) => format!("{front} column C.").into(),
            None => text.into(),
        },
        Value::Array(items) => items.into_iter().map(without_numbers).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, without_numbers(value))).collect(),
        other => other,
    }
}

/// What one proof shows.
#[derive(Clone)]
struct Shown {
    person: usize,
    action: &'static str,
    period: Option<&'static str>,
    use_index: u32,
    signal: &'static str,
    nonce: [u8; 32],
    issued_no_later_than: Option<u64>,
    old_root: bool,
}

impl Shown {
    const fn new(person: usize, action: &'static str) -> Self {
        Self {
            person,
            action,
            period: None,
            use_index: 0,
            signal: "",
            nonce: [0; 32],
            issued_no_later_than: None,
            old_root: false,
        }
    }

    /// Statement and proof, each proof made with a generator of its own.
    fn prove(&self) -> (Statement, Vec<u8>) {
        static SEED: AtomicU64 = AtomicU64::new(0);
        let member = if self.old_root { &world().old } else { &world().members[self.person] };
        let secret = secret(self.person as u64);
        let mut scope = Scope::new("app_test", self.action).unwrap();
        if let Some(period) = self.period {
            scope = scope.in_period(period).unwrap();
        }
        let external_nullifier = scope.external_nullifier();
        let statement = Statement {
            root: member.root,
            external_nullifier,
            use_index: self.use_index,
            nullifier: Nullifier::new(&secret, &external_nullifier, self.use_index),
            signal: Signal::from_world_hash(&world_hash(self.signal.as_bytes())).unwrap(),
            nonce: self.nonce,
            issued_no_later_than: self.issued_no_later_than,
            expires_no_earlier_than: None,
            assurance_at_least: personhood::identity::Assurance::NONE,
        };
        let witness = Witness { secret: &secret, credential: &member.credential, path: &member.path };
        let rng = &mut ChaCha20Rng::seed_from_u64(SEED.fetch_add(1, Ordering::Relaxed));
        let proof = prove(&statement, &witness, rng).unwrap().to_bytes().to_vec();
        (statement, proof)
    }

    /// The body of a request to /api/v2/verify/app_test.
    fn v2(&self) -> Value {
        let (statement, proof) = self.prove();
        let mut body = json!({
            "action": self.action,
            "signal_hash": hex(&world_hash(self.signal.as_bytes())),
            "proof": hex(&proof),
            "nullifier_hash": format!("0x{}", statement.nullifier),
            "merkle_root": format!("0x{}", statement.root),
            "verification_level": "orb",
        });
        if self.use_index > 0 {
            body["use_index"] = self.use_index.into();
        }
        if let Some(period) = self.period {
            body["period"] = period.into();
        }
        if self.nonce != [0; 32] {
            body["nonce"] = hex(&self.nonce).into();
        }
        body
    }

    /// One item of a request to /api/v4/verify/rp_test.
    fn response_v4(&self) -> Value {
        let v2 = self.v2();
        let mut item = json!({
            "identifier": "proof_of_human",
            "signal_hash": v2["signal_hash"],
            "merkle_root": v2["merkle_root"],
            "nullifier": v2["nullifier_hash"],
            "proof": v2["proof"],
        });
        for field in ["use_index", "period"] {
            if let Some(value) = v2.get(field) {
                item[field] = value.clone();
            }
        }
        item
    }

    /// The body of a request to /api/v4/verify/rp_test.
    fn v4(&self) -> Value {
        json!({
            "protocol_version": "personhood-1",
            "nonce": hex(&self.nonce),
            "action": self.action,
            "environment": "staging",
            "responses": [self.response_v4()],
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    format!("0x{}", to_hex(bytes))
}

const V2: &str = "/api/v2/verify/app_test";
const V4: &str = "/api/v4/verify/rp_test";
