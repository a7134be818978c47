//! The service on a socket of this machine: slow heads, long heads, too many, TLS, and the end.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use personhood::serve::{Server, Tls};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::*;

struct Served {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
    _folder: TempDir,
}

async fn serve(limits: Limits, tls: Option<Tls>) -> Served {
    let folder = TempDir::new().unwrap();
    let service = service(folder.path().join("nullifiers"), limits, clock);
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), tls).await.unwrap();
    let address = server.address().unwrap();
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(server.run(service, async {
        let _ = stopped.await;
    }));
    Served { address, stop, ended, _folder: folder }
}

fn limits() -> Limits {
    Limits { threads: 1, requests_per_second: None, ..Limits::default() }
}

/// Sends bytes and reads until the other side closes or half a minute has passed.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server that has heard enough closes, and the rest cannot be sent.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let _ = tokio::time::timeout(Duration::from_secs(30), read).await.expect("the server closes");
    String::from_utf8_lossy(&answer).into_owned()
}

fn post(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

const GET: &str = "GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proof_is_verified_over_a_socket() {
    let served = serve(limits(), None).await;
    let answer = exchange(served.address, post(V2, &Shown::new(0, "vote").v2().to_string()).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("\"success\":true"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_and_bodies_have_to_come_in_time() {
    let short = Duration::from_millis(300);
    let served = serve(Limits { head_time: short, request_time: short, ..limits() }, None).await;
    let started = Instant::now();
    // Slow loris: one byte at a time, for ever.
    let mut slow = TcpStream::connect(served.address).await.unwrap();
    let mut sent = 0;
    for byte in GET.bytes().cycle() {
        if slow.write_all(&[byte]).await.is_err() || started.elapsed() > Duration::from_secs(10) {
            break;
        }
        sent += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{sent} bytes were heard in {:?}", started.elapsed());
    // A head that is whole and a body that never comes.
    let answer = exchange(served.address, post(V2, "").replace("length: 0", "length: 100").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"code\":\"timeout\""), "{answer}");
    // A connection that says nothing.
    assert_eq!(exchange(served.address, b"").await, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_are_bounded() {
    let served = serve(limits(), None).await;
    let many: String = (0..100).map(|number| format!("x-{number}: y\r\n")).collect();
    let answer = exchange(served.address, GET.replace("\r\n\r\n", &format!("\r\n{many}\r\n")).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let long = GET.replace("localhost", &"h".repeat(1 << 20));
    let answer = exchange(served.address, long.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431 ") || answer.is_empty(), "{answer}");
    let answer =
        exchange(served.address, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 not HTTP at all\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400 ") || answer.is_empty(), "{answer}");
    // Two lengths, or a length and chunks: which one another reader on the way believes is not known.
    let two = post(V2, "{}").replace("content-length: 2", "content-length: 2\r\ncontent-length: 3");
    let answer = exchange(served.address, two.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let answer = exchange(served.address, GET.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "and after all that it serves: {answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_announced_too_large_is_not_waited_for() {
    let served = serve(limits(), None).await;
    let announced = post(V2, "").replace("length: 0", "length: 1000000000");
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(announced.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    tokio::time::timeout(Duration::from_secs(5), stream.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(answer, b"HTTP/1.1 413");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_asks_too_often_is_told_to_wait() {
    let limits = Limits { requests_per_second: NonZeroU32::new(2), ..limits() };
    let served = serve(limits, None).await;
    let mut statuses = Vec::new();
    for _ in 0..8 {
        let answer = exchange(served.address, GET.as_bytes()).await;
        statuses.push(answer[9..12].to_owned());
        if answer.starts_with("HTTP/1.1 429") {
            assert!(answer.contains("\r\nretry-after: 1\r\n") && answer.contains("\"too_many_requests\""), "{answer}");
        }
    }
    assert_eq!(statuses[..4], ["200"; 4], "twice the rate at once");
    assert!(statuses.contains(&"429".to_owned()), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_connections_than_are_allowed_wait() {
    let served = serve(Limits { connections: 2, head_time: Duration::from_secs(2), ..limits() }, None).await;
    let idle = [TcpStream::connect(served.address).await.unwrap(), TcpStream::connect(served.address).await.unwrap()];
    let started = Instant::now();
    let answer = exchange(served.address, GET.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(started.elapsed() > Duration::from_millis(1_000), "it waited until an idle one was dropped");
    drop(idle);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_lets_what_runs_come_to_its_end() {
    let served = serve(limits(), None).await;
    let request = post(V2, &Shown::new(0, "vote").v2().to_string());
    let (head, rest) = request.split_at(request.len() - 10);
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    served.stop.send(()).unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(TcpStream::connect(served.address).await.is_err(), "nobody new is heard");
    stream.write_all(rest.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    tokio::time::timeout(Duration::from_secs(5), served.ended).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_is_spoken_with_the_certificate_that_was_given() {
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = issued.signing_key.serialize_pem();
    let tls = Tls::from_pem(issued.cert.pem().as_bytes(), key.as_bytes()).unwrap();
    let served = serve(limits(), Some(tls)).await;

    let address = served.address;
    let connect = |trusted: RootCertStore| async move {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(trusted)
            .with_no_client_auth();
        let stream = TcpStream::connect(address).await.unwrap();
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
    };
    let mut trusted = RootCertStore::empty();
    trusted.add(issued.cert.der().clone()).unwrap();
    let mut stream = connect(trusted).await.unwrap();
    stream.write_all(GET.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
    assert!(connect(RootCertStore::empty()).await.is_err(), "an unknown certificate");
    let plain = exchange(served.address, GET.as_bytes()).await;
    assert!(!plain.contains("200 OK"), "{plain}");

    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let wrong = Tls::from_pem(other.cert.pem().as_bytes(), key.as_bytes());
    assert_eq!(wrong.unwrap_err().code(), "tls_unfit");
    assert_eq!(Tls::from_pem(b"", key.as_bytes()).unwrap_err().code(), "tls_certificates");
    assert_eq!(Tls::from_pem(issued.cert.pem().as_bytes(), b"").unwrap_err().code(), "tls_key");
}
