//! Load from outside: a process of its own that sends proofs to `personhood serve` over loopback.
//!
//! ```text
//! cargo build --release --features cli --bin personhood --example load
//! target/release/examples/load target/release/personhood --fresh 2000 --seconds 60 --connections 64
//! ```
//!
//! The first part sends proofs with nullifiers that nobody has seen, so that each is verified and written to the disk; the
//! second sends the same ones again and again to `/api/v4`, so that each is verified and found in the store. The server is told the
//! root by a file; its registry has one member with many uses. Standard output is one JSON object.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use personhood::bytes::to_hex;
use personhood::identity::{Assurance, Credential, IdentitySecret, Leaf};
use personhood::membership::{self, Statement, Witness};
use personhood::nullifier::{Nullifier, Scope};
use personhood::signal::{Signal, world_hash};
use personhood::tree::Tree;
use rand_core::OsRng;
use serde_json::{Value, json};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

struct Arguments {
    program: PathBuf,
    fresh: usize,
    seconds: u64,
    connections: usize,
}

fn main() -> Outcome<()> {
    let arguments = arguments()?;
    let folder = std::env::temp_dir().join(format!("personhood-load-{}", std::process::id()));
    std::fs::create_dir(&folder)?;
    let bodies = bodies(arguments.fresh, &folder)?;
    let mut server = Server::start(&arguments.program, &folder)?;
    let rest = server.resident();
    let once = AtomicUsize::new(0);
    let fresh = drive(server.address, arguments.connections, |_| {
        let number = once.fetch_add(1, Ordering::Relaxed);
        bodies.get(number).map(|(v2, _)| ("/api/v2/verify/load", v2.as_str()))
    })?;
    let after_fresh = server.resident();
    let (end, next) = (Instant::now() + Duration::from_secs(arguments.seconds), AtomicUsize::new(0));
    let sustained = drive(server.address, arguments.connections, |_| {
        let number = next.fetch_add(1, Ordering::Relaxed);
        (Instant::now() < end).then(|| ("/api/v4/verify/load", bodies[number % bodies.len()].1.as_str()))
    })?;
    let report = json!({
        "fresh": fresh,
        "sustained": sustained,
        "resident_kib": {"rest": rest, "after_fresh": after_fresh, "after_sustained": server.resident()},
        "stopped_cleanly": server.stop()?,
    });
    println!("{}", serde_json::to_string_pretty(&report)?);
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

fn arguments() -> Outcome<Arguments> {
    let mut words = std::env::args().skip(1);
    let program = words.next().ok_or("usage: load PROGRAM [--fresh N] [--seconds N] [--connections N]")?.into();
    let mut found = Arguments { program, fresh: 1_000, seconds: 30, connections: 64 };
    while let (Some(name), Some(value)) = (words.next(), words.next()) {
        match name.as_str() {
            "--fresh" => found.fresh = value.parse()?,
            "--seconds" => found.seconds = value.parse()?,
            "--connections" => found.connections = value.parse()?,
            other => return Err(format!("there is no option {other}").into()),
        }
    }
    Ok(found)
}

/// The bodies of version 2 and version 4 for each use, made by all cores; the files that the server reads.
fn bodies(count: usize, folder: &std::path::Path) -> Outcome<Vec<(String, String)>> {
    let secret = IdentitySecret::generate(&mut OsRng);
    let credential = Credential::new(1, 4_000_000_000, Assurance::BOTH_EYES)?;
    let mut tree = Tree::new();
    let index = tree.push(Leaf::new(&secret.commitment(), &credential))?;
    let (root, path) = (tree.root(), tree.path(index)?);
    std::fs::write(folder.join("roots.json"), json!({"current": root, "since": 1, "earlier": []}).to_string())?;
    let apps = "[[app]]\nid = \"load\"\n[[app.action]]\naction = \"act\"\nuses = 4294967295\n";
    std::fs::write(folder.join("apps.toml"), apps)?;

    let scope = Scope::new("load", "act")?.external_nullifier();
    let hash = world_hash(b"");
    let signal = Signal::from_world_hash(&hash)?;
    let prove = |use_index: u32| -> Outcome<(String, String)> {
        let nullifier = Nullifier::new(&secret, &scope, use_index);
        let statement = Statement {
            root,
            external_nullifier: scope,
            use_index,
            nullifier,
            signal,
            nonce: [0; 32],
            issued_no_later_than: None,
            expires_no_earlier_than: None,
            assurance_at_least: Assurance::NONE,
        };
        let witness = Witness { secret: &secret, credential: &credential, path: &path };
        let proof = format!("0x{}", to_hex(&membership::prove(&statement, &witness, &mut OsRng)?.to_bytes()));
        let (root, nullifier) = (format!("0x{root}"), format!("0x{nullifier}"));
        let v2 = json!({
            "action": "act", "proof": proof, "nullifier_hash": nullifier, "merkle_root": root, "use_index": use_index,
        });
        let v4 = json!({"protocol_version": "personhood-1", "action": "act", "responses": [{
            "identifier": "orb", "proof": proof, "nullifier": nullifier, "merkle_root": root, "use_index": use_index,
        }]});
        Ok((v2.to_string(), v4.to_string()))
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let made: Vec<Outcome<Vec<_>>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores)
            .map(|core| {
                let prove = &prove;
                scope.spawn(move || (core..count).step_by(cores).map(|number| prove(u32::try_from(number)?)).collect())
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("a prover does not panic")).collect()
    });
    let mut all = Vec::with_capacity(count);
    for part in made {
        all.extend(part?);
    }
    Ok(all)
}

struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(program: &std::path::Path, folder: &std::path::Path) -> Outcome<Self> {
        let mut child = Command::new(program)
            .args(["serve", "--json", "--listen", "127.0.0.1:0", "--rate-limit", "0", "--log", "error"])
            .arg("--roots")
            .arg(folder.join("roots.json"))
            .arg("--apps")
            .arg(folder.join("apps.toml"))
            .arg("--seen")
            .arg(folder.join("nullifiers.sqlite3"))
            .stdout(Stdio::piped())
            .spawn()?;
        let mut text = String::new();
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        while let Some(line) = lines.next().transpose()? {
            text += &line;
            if line == "}" {
                break;
            }
        }
        let document: Value = serde_json::from_str(&text)?;
        let address = document["address"].as_str().ok_or("the server does not say where it listens")?.parse()?;
        Ok(Self { child, address })
    }

    /// Memory in use, in KiB, where the system tells.
    fn resident(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().strip_suffix("kB")?.trim().parse().ok()
    }

    /// Asks the server to stop, and says whether it ended well.
    fn stop(&mut self) -> Outcome<bool> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        Ok(self.child.wait()?.success())
    }
}

/// What one thread saw: the time of each answer, and how often each status.
type Part = (Vec<Duration>, BTreeMap<u16, u64>);

/// Sends what `next` gives on many connections until each of them is told to end.
fn drive<'a>(
    address: SocketAddr,
    connections: usize,
    next: impl Fn(usize) -> Option<(&'static str, &'a str)> + Sync,
) -> Outcome<Value> {
    let started = Instant::now();
    let parts: Vec<Outcome<Part>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..connections)
            .map(|connection| {
                let next = &next;
                scope.spawn(move || {
                    let mut client = Client::connect(address)?;
                    let (mut times, mut statuses) = (Vec::new(), BTreeMap::new());
                    while let Some((path, body)) = next(connection) {
                        let sent = Instant::now();
                        *statuses.entry(client.post(path, body)?).or_default() += 1;
                        times.push(sent.elapsed());
                    }
                    Ok((times, statuses))
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("a client does not panic")).collect()
    });
    let seconds = started.elapsed().as_secs_f64();
    let (mut times, mut statuses) = (Vec::new(), BTreeMap::<u16, u64>::new());
    for part in parts {
        let (more, counted) = part?;
        times.extend(more);
        counted.into_iter().for_each(|(status, count)| *statuses.entry(status).or_default() += count);
    }
    times.sort_unstable();
    let at = |permille: usize| times.get(times.len() * permille / 1_000).map(|time| time.as_secs_f64() * 1_000.0);
    let accepted = statuses.get(&200).copied().unwrap_or(0);
    Ok(json!({
        "requests": times.len(), "statuses": statuses, "seconds": seconds, "accepted_per_s": accepted as f64 / seconds,
        "ms": {"p50": at(500), "p99": at(990), "p999": at(999), "longest": times.last().map(|time| time.as_secs_f64() * 1_000.0)},
    }))
}

/// One connection that is kept.
struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn connect(address: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends a body and returns the status of the answer, whose body is read and let go.
    fn post(&mut self, path: &str, body: &str) -> Outcome<u16> {
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: load\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).ok_or("no status")?.parse()?;
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse()?;
            }
        }
        let mut rest = vec![0; length];
        self.stream.read_exact(&mut rest)?;
        Ok(status)
    }
}
