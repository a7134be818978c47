//! Bodies that mean to do harm.

use super::*;

#[tokio::test]
async fn a_body_says_a_thing_once_and_nothing_else() {
    let bench = Bench::new();
    let good = Shown::new(0, "vote").v2().to_string();
    let nullifier = "\"nullifier_hash\":";
    let cases = [
        // The same field twice: which one would count?
        good.replacen(nullifier, &format!("\"nullifier_hash\":\"0x00\",{nullifier}"), 1),
        // The same name, spelt with an escape.
        good.replacen(nullifier, &format!("\"nullifier\\u005fhash\":\"0x00\",{nullifier}"), 1),
        // Look-alikes: a Cyrillic a, a zero width space, a right-to-left mark.
        good.replacen("\"action\"", "\"\u{0430}ction\"", 1),
        good.replacen("\"action\"", "\"action\u{200b}\"", 1),
        good.replacen("\"action\"", "\"\u{202e}action\"", 1),
        good.replacen("\"proof\"", "\"__proto__\"", 1),
        format!("{good}{good}"),
        format!("[{good}]"),
        good[..good.len() - 1].to_owned(),
        "[".repeat(10_000),
        "{\"action\":".repeat(5_000),
        String::new(),
        "null".to_owned(),
        good.replacen("\"vote\"", "\"\\ud800\"", 1),
        good.replacen("\"vote\"", "1e999", 1),
    ];
    for body in cases {
        let shown: String = body.chars().take(60).collect();
        let answer = bench.send(Method::POST, V2, body).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "invalid_request"), "{shown}: {answer:?}");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.len() < 1_000 && detail.is_ascii(), "{detail}");
    }
    // Not UTF-8.
    let mut bytes = good.clone().into_bytes();
    bytes[2] = 0xff;
    assert_eq!(bench.send(Method::POST, V2, bytes).await.code(), "invalid_request");
    // A name that looks like the action is another action.
    let alike = good.replacen("\"vote\"", "\"v\u{043e}te\"", 1);
    assert_eq!(bench.send(Method::POST, V2, alike).await.code(), "invalid_action");
    assert_eq!(bench.send(Method::POST, V2, good).await.status, 200);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_not_read() {
    let bench = Bench::new();
    let answer = bench.send(Method::POST, V2, format!("{{\"action\":\"{}\"}}", "x".repeat(70_000))).await;
    assert_eq!(answer.status, 413);
    answer.golden("payload_too_large");
    let answer = bench.send(Method::POST, "/v3/semaphore-proof/verify", vec![b' '; 70_000]).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (413, "payload_too_large"));
}

#[tokio::test]
async fn paths_are_only_paths() {
    let bench = Bench::new();
    let good = Shown::new(0, "vote").v2();
    for path in
        ["/api/v2/verify/%ff", "/api/v2/verify/app_test%00", "/api/v2/verify/APP_TEST", "/api/v2/verify/..%2fapp_test"]
    {
        let answer = bench.post(path, &good).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "not_found"), "{path}");
        assert!(answer.json()["app_id"].is_null(), "nothing of a path is said back");
    }
    let answer = bench.get("/v3/identities/%ff/inclusion-proof/mined").await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn proofs_of_every_wrong_length_are_refused() {
    let bench = Bench::new();
    let mut body = Shown::new(0, "vote").v2();
    let proof = body["proof"].as_str().unwrap().to_owned();
    let lengths = ["0x".to_owned(), "0x0".to_owned(), proof[..proof.len() - 1].to_owned(), format!("{proof}00")];
    for text in lengths.into_iter().chain([proof.to_uppercase(), proof.replacen("0x", "", 1), format!("{proof} ")]) {
        body["proof"] = text.clone().into();
        let answer = bench.post(V2, &body).await;
        assert_eq!(answer.status, 400, "{text}");
        assert!(matches!(answer.code().as_str(), "invalid_format" | "invalid_proof"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_full_queue_says_so() {
    let limits = Limits { queue: 1, threads: 1, requests_per_second: None, ..Limits::default() };
    let bench = Bench::with(limits, clock);
    let bodies: Vec<Value> = (0..32).map(|_| Shown::new(0, "vote").v4()).collect();
    let answers = futures(&bench, &bodies).await;
    let (good, busy): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert!(!good.is_empty() && !busy.is_empty(), "{} and {}", good.len(), busy.len());
    for answer in busy {
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (503, "overloaded"));
        assert_eq!(answer.headers[header::RETRY_AFTER], "1");
    }
    let firsts = good.iter().filter(|answer| answer.json()["message"] == "Proof verified successfully").count();
    assert_eq!(firsts, 1, "one of them was the first");
}

/// Sends all bodies at once.
async fn futures(bench: &Bench, bodies: &[Value]) -> Vec<Answer> {
    let tasks: Vec<_> = bodies
        .iter()
        .map(|body| {
            let (router, body) = (bench.router.clone(), body.to_string());
            tokio::spawn(async move {
                let request = Request::post(V4).header(header::CONTENT_TYPE, "application/json");
                let response = router.oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
                let (head, body) = response.into_parts();
                let body = body.collect().await.unwrap().to_bytes().to_vec();
                Answer { status: head.status, headers: head.headers, body }
            })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}
