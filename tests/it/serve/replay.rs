//! One nullifier, many at once: two servers on one file, or on one PostgreSQL, never accept it twice.

use std::sync::Arc;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_servers_on_one_store_accept_a_nullifier_once() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("nullifiers");
    let open = || -> Box<dyn SharedNullifiers> { Box::new(SqliteNullifiers::open_or_create(&file).unwrap()) };
    accept_once([open(), open()]).await;
    let scope = Scope::new("app_test", "vote").unwrap().external_nullifier();
    assert_eq!(SqliteNullifiers::open(&file).unwrap().count(&scope).unwrap(), 3);
}

#[cfg(all(feature = "postgres", unix))]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_servers_on_one_postgres_accept_a_nullifier_once() {
    use personhood::store::PostgresNullifiers;

    const NAME: &str = "serve::replay::two_servers_on_one_postgres_accept_a_nullifier_once";
    let Some(server) = crate::postgres::server::shared(NAME) else { return };
    let address = server.database().address();
    // Off the runtime's threads, as the program opens them before there are any.
    let open = |address: &personhood::store::PostgresAddress| {
        let address = address.clone();
        tokio::task::spawn_blocking(move || PostgresNullifiers::open_or_create(&address).unwrap())
    };
    let (one, other) = (open(&address).await.unwrap(), open(&address).await.unwrap());
    accept_once([Box::new(one), Box::new(other)]).await;
    let scope = Scope::new("app_test", "vote").unwrap().external_nullifier();
    let judge = open(&address).await.unwrap();
    let counted = tokio::task::spawn_blocking(move || judge.count(&scope).unwrap()).await.unwrap();
    assert_eq!(counted, 3);
}

/// Two servers, and clients that send the proofs of three people to both.
async fn accept_once(nullifiers: [Box<dyn SharedNullifiers>; 2]) {
    let limits = || Limits { threads: 2, requests_per_second: None, ..Limits::default() };
    let servers = nullifiers.map(|nullifiers| service_with(nullifiers, limits(), clock).router());
    // Different proofs of the same three people, each sent to both servers again and again.
    let bodies: Arc<Vec<String>> = Arc::new((0..12).map(|n| Shown::new(n % 3, "vote").v2().to_string()).collect());
    let clients = (0..16).map(|client| {
        let (bodies, servers) = (Arc::clone(&bodies), servers.clone());
        tokio::spawn(async move {
            let mut accepted = 0;
            for number in 0..12 {
                let body = bodies[(number + client) % 12].clone();
                let request = Request::post(V2).header(header::CONTENT_TYPE, "application/json");
                let request = request.body(Body::from(body)).unwrap();
                let response = servers[(client + number) % 2].clone().oneshot(request).await.unwrap();
                match response.status().as_u16() {
                    200 => accepted += 1,
                    400 => {
                        let body = response.into_body().collect().await.unwrap().to_bytes();
                        let body: Value = serde_json::from_slice(&body).unwrap();
                        assert_eq!(body["code"], "max_verifications_reached");
                    }
                    other => panic!("{other}"),
                }
            }
            accepted
        })
    });
    let mut accepted = 0;
    for client in clients.collect::<Vec<_>>() {
        accepted += client.await.unwrap();
    }
    assert_eq!(accepted, 3, "three people, once each");
}

/// The same holder many times in one batch: the batch records it once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_batch_has_one_first() {
    let bench = Bench::new();
    let body = Shown::new(0, "vote").v2().to_string();
    let tasks: Vec<_> = (0..48)
        .map(|_| {
            let (router, body) = (bench.router.clone(), body.clone());
            tokio::spawn(async move {
                let request = Request::post(V2).header(header::CONTENT_TYPE, "application/json");
                router.oneshot(request.body(Body::from(body)).unwrap()).await.unwrap().status().as_u16()
            })
        })
        .collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap());
    }
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1);
    assert_eq!(statuses.iter().filter(|status| **status == 400).count(), 47);
}

#[tokio::test]
async fn a_bad_proof_in_a_batch_costs_only_itself() {
    let bench = Bench::new();
    let bodies: Vec<(u16, String)> = (0..24)
        .map(|number| {
            let mut body = Shown { use_index: (number % 2) as u32, ..Shown::new(number % 3, "twice") }.v2();
            if number >= 6 {
                body["signal_hash"] = hex(&world_hash(&[number as u8])).into();
            }
            (if number >= 6 { 400 } else { 200 }, body.to_string())
        })
        .collect();
    let tasks: Vec<_> = bodies
        .into_iter()
        .map(|(expected, body)| {
            let router = bench.router.clone();
            tokio::spawn(async move {
                let request = Request::post(V2).header(header::CONTENT_TYPE, "application/json");
                let status = router.oneshot(request.body(Body::from(body)).unwrap()).await.unwrap().status().as_u16();
                (expected, status)
            })
        })
        .collect();
    for task in tasks {
        let (expected, status) = task.await.unwrap();
        assert_eq!(status, expected);
    }
}
