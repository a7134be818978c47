//! A real PostgreSQL server for tests: from the distribution's package, in a temporary folder, on a Unix socket only.

// Each of the binaries that includes this file uses its own part.
#![allow(dead_code, clippy::unwrap_used)]

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use personhood::store::PostgresAddress;
use tempfile::TempDir;

/// The server that all tests of this binary share, each with a database of its own; none where PostgreSQL is not installed.
pub(crate) fn shared(test: &str) -> Option<&'static Server> {
    static SHARED: OnceLock<Option<Server>> = OnceLock::new();
    let server = SHARED.get_or_init(|| Server::begin(true)).as_ref();
    if server.is_none() {
        eprintln!("skipped: {test}: PostgreSQL is not installed (Debian: apt-get install postgresql)");
    }
    server
}

/// A running server. It stops when this is dropped, and when this process ends, however it ends.
pub(crate) struct Server {
    programs: PathBuf,
    folder: TempDir,
    keeper: Option<Child>,
    /// Whether the folder goes with the server: nothing of a `static` is dropped.
    swept: bool,
}

/// Runs the server until its standard input closes: whoever holds the other end is gone then.
const KEEPER: &str = "\"$@\" & server=$!; cat >/dev/null; kill -INT $server 2>/dev/null; wait $server; \
                      [ -z \"$SWEEP\" ] || rm -rf \"$SWEEP\"";

impl Server {
    /// Makes a server with a folder of its own.
    pub(crate) fn start() -> Option<Self> {
        Self::begin(false)
    }

    fn begin(swept: bool) -> Option<Self> {
        let programs = programs()?;
        let folder = tempfile::Builder::new().prefix("pg").tempdir().unwrap();
        if let Some((user, group)) = other_user() {
            chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let mut server = Self { programs, folder, keeper: None, swept };
        let made = server
            .command("initdb")
            .args(["--auth=trust", "--username=keeper", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(server.data())
            .output()
            .unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        server.go_on();
        Some(server)
    }

    /// Starts the server again, and waits until it answers.
    pub(crate) fn go_on(&mut self) {
        let begin = Instant::now();
        loop {
            let program = self.command("postgres");
            let mut keeper = Command::new("sh");
            keeper.args(["-c", KEEPER, "keeper"]).arg(program.get_program()).args(program.get_args());
            keeper.arg("-D").arg(self.data()).arg("-k").arg(self.folder.path());
            keeper.args(["-c", "listen_addresses=", "-c", "max_connections=60", "-c", "shared_buffers=16MB"]);
            let log = fs::File::options().create(true).append(true).open(self.log()).unwrap();
            keeper.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).current_dir("/");
            keeper.env("SWEEP", if self.swept { self.folder.path().as_os_str() } else { "".as_ref() });
            self.stop();
            self.keeper = Some(keeper.spawn().unwrap());
            // A server that was killed may leave processes that have not noticed yet; then the next one gives up at once.
            for _ in 0..200 {
                if self.try_psql("postgres", "SELECT 1").is_ok() {
                    return;
                }
                thread::sleep(Duration::from_millis(20));
            }
            let log = fs::read_to_string(self.log()).unwrap_or_default();
            assert!(begin.elapsed() < Duration::from_secs(120), "the server does not start:\n{log}");
        }
    }

    /// Kills every process of the server with SIGKILL, as a machine that loses its memory.
    pub(crate) fn kill(&mut self) {
        let Some(main) = self.process() else { return };
        // The main process first: it would start the others again.
        let mut victims = vec![main.clone()];
        victims.extend(children(&main));
        let _ = Command::new("kill").arg("-KILL").args(&victims).stderr(Stdio::null()).status();
        self.stop();
    }

    /// Stops the server at once, without writing anything back.
    pub(crate) fn stop_immediately(&mut self) {
        let Some(main) = self.process() else { return };
        let _ = Command::new("kill").arg("-QUIT").arg(main).status();
        self.stop();
    }

    /// A new, empty database.
    pub(crate) fn database(&self) -> Database<'_> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &format!("CREATE DATABASE {name}"));
        Database { server: self, name }
    }

    /// The address of a database.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres:///{database}?host={}&user=keeper", self.folder.path().display())
    }

    /// What PostgreSQL's own client says.
    pub(crate) fn psql(&self, database: &str, sql: &str) -> String {
        self.try_psql(database, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    fn try_psql(&self, database: &str, sql: &str) -> Result<String, String> {
        let output = Command::new(self.programs.join("psql"))
            .args(["-XAtq", "-U", "keeper", "-v", "ON_ERROR_STOP=1", "-h"])
            .arg(self.folder.path())
            .args(["-d", database, "-c", sql])
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// A program of PostgreSQL, to be run as a user that may run it: the server refuses the superuser.
    pub(crate) fn command(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        let mut command = match other_user() {
            Some((user, group)) => {
                let mut command = Command::new("setpriv");
                command
                    .arg(format!("--reuid={user}"))
                    .arg(format!("--regid={group}"))
                    .arg("--clear-groups")
                    .arg(program);
                command
            }
            None => Command::new(program),
        };
        command.current_dir("/");
        command
    }

    /// Where programs of the server find its socket.
    pub(crate) fn socket(&self) -> &Path {
        self.folder.path()
    }

    /// Where its programs are.
    pub(crate) fn programs(&self) -> &Path {
        &self.programs
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log(&self) -> PathBuf {
        // Written by us: a file in the server's folder would be another user's.
        self.folder.path().join("log")
    }

    fn process(&self) -> Option<String> {
        let file = fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        file.lines().next().map(str::to_owned)
    }

    fn stop(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            drop(keeper.stdin.take());
            keeper.wait().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A database of a server.
pub(crate) struct Database<'s> {
    pub(crate) server: &'s Server,
    pub(crate) name: String,
}

impl Database<'_> {
    pub(crate) fn url(&self) -> String {
        self.server.url(&self.name)
    }

    pub(crate) fn address(&self) -> PostgresAddress {
        self.url().parse().unwrap()
    }

    pub(crate) fn psql(&self, sql: &str) -> String {
        self.server.psql(&self.name, sql)
    }
}

/// The folder with `initdb` and `postgres`: Debian keeps them out of the path.
fn programs() -> Option<PathBuf> {
    let whole = |folder: &PathBuf| ["initdb", "postgres", "psql"].iter().all(|name| folder.join(name).exists());
    let path = env::var_os("PATH").unwrap_or_default();
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = debian.map(|entry| entry.path().join("bin")).collect();
    versions.sort();
    env::split_paths(&path).find(whole).or_else(|| versions.into_iter().rev().find(whole))
}

/// The user and group that the package made, if we are the superuser.
fn other_user() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| -> Option<u32> {
        let output = Command::new("id").args(arguments).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    (id(&["-u"])? == 0).then(|| Some((id(&["-u", "postgres"])?, id(&["-g", "postgres"])?))).flatten()
}

fn children(process: &str) -> Vec<String> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            // "PID (name) state PARENT …"; the name may hold anything, the last parenthesis ends it.
            let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.to_owned();
            (parent == process).then(|| entry.file_name().to_string_lossy().into_owned())
        })
        .collect()
}
