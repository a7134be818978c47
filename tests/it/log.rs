//! The transparency log as its operator, its witnesses, relying parties and auditors use it: as a program.

#![allow(clippy::unwrap_used)]

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use personhood::bytes::from_hex;
use personhood::log::{Bundle, LogFolder, LogPublicKey, LoggedRoots, WitnessPublicKey};
use personhood::tree::MerkleRoot;
use personhood::verify::AcceptedRoots;
use serde_json::Value;

/// A folder in which lines are run as they stand in docs/log.md.
struct Desk {
    folder: tempfile::TempDir,
    key: String,
    witness: String,
}

impl Desk {
    /// A registry with one person of `testdata/eyes`, its log, and a witness that looks at it.
    fn new() -> Self {
        let mut desk = Self { folder: tempfile::tempdir().unwrap(), key: String::new(), witness: String::new() };
        desk.run("init --registry registry");
        desk.enroll(1);
        desk.key = desk.json("log init --registry registry --origin registry.example/people")["key"]
            .as_str()
            .unwrap()
            .to_owned();
        desk.witness =
            desk.json("log witness init witness --name witness.example/1")["key"].as_str().unwrap().to_owned();
        desk.run("log witness add witness KEY");
        desk
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn enroll(&self, person: u32) {
        self.enroll_into("registry", person);
    }

    fn enroll_into(&self, registry: &str, person: u32) {
        let eyes = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("testdata/eyes/person-{person:02}"));
        let (left, right) = (eyes.join("left-1.png"), eyes.join("right-1.png"));
        self.run(&format!(
            "enroll --registry {registry} --left {} --right {} --commitment {}",
            left.display(),
            right.display(),
            format!("{person:02x}").repeat(31) + "00",
        ));
    }

    fn output(&self, line: &str) -> Output {
        let words = line.split_whitespace().map(|word| match word {
            "KEY" => &self.key,
            "WITNESS" => &self.witness,
            other => other,
        });
        let mut command = Command::new(env!("CARGO_BIN_EXE_personhood"));
        command.env_clear().stdin(Stdio::null()).current_dir(self.folder.path()).args(words).output().unwrap()
    }

    #[track_caller]
    fn run(&self, line: &str) -> String {
        let output = self.output(line);
        assert!(output.status.success(), "{line}: {output:#?}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.run(&format!("{line} --json"))).unwrap()
    }

    /// The line is answered with no, or not answered, for this reason.
    #[track_caller]
    fn refused(&self, line: &str, exit: i32, code: &str) {
        let output = self.output(line);
        assert_eq!(output.status.code(), Some(exit), "{line}: {output:#?}");
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(text.contains(&format!("[{code}]")), "{line}: {text}");
    }

    /// The size that the witness has seen → its cosignature under the log.
    fn cosign(&self, old: u64) {
        self.run(&format!("log cosign request registry/log --key KEY --old {old} --out request"));
        self.run("log witness cosign witness request --out answer");
        self.run("log cosign add registry/log --key KEY --request request --witness WITNESS answer");
    }
}

#[track_caller]
fn copy(from: impl AsRef<OsStr>, to: impl AsRef<OsStr>) {
    assert!(Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap().success());
}

/// A registry, and the master key that lies beside it where its records are sealed.
#[track_caller]
fn copy_registry(desk: &Desk, from: &str, to: &str) {
    copy(desk.path(from), desk.path(to));
    let key = desk.path(&format!("{from}.master-key"));
    if key.exists() {
        copy(key, desk.path(&format!("{to}.master-key")));
    }
}

/// Every line of docs/log.md that begins with `personhood`, in its order; `curl` is the witness at hand.
#[test]
fn the_commands_of_docs_log_md_work() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/log.md")).unwrap();
    let lines: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("personhood ")).collect();
    assert!(lines.len() >= 13, "{lines:?}");
    let desk = Desk::new();
    for line in lines {
        if line.starts_with("log cosign add") {
            desk.run("log witness cosign witness request --out answer");
        }
        match line {
            // Done above, with keys that the other lines need.
            _ if line.starts_with("log init") => desk.refused(line, 2, "log_already_exists"),
            _ if line.starts_with("log witness init") => desk.refused(line, 2, "file_exists"),
            // The witness has seen that request before.
            _ if line.starts_with("log witness cosign") => {
                desk.cosign(desk.json("log status registry/log --key KEY")["size"].as_u64().unwrap())
            }
            _ => drop(desk.run(line)),
        }
    }
    let file = fs::metadata(desk.path("registry/log.key")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&file.permissions()) & 0o777, 0o600);
}

#[test]
fn the_log_follows_the_registry() {
    let desk = Desk::new();
    // Genesis, key, the first person, software.
    let status = desk.json("log status registry/log --key KEY");
    assert_eq!((&status["size"], &status["witnessed_size"]), (&Value::from(4), &Value::Null));
    desk.enroll(2);
    let found = desk.json("log verify registry/log --key KEY");
    let registry = desk.json("status --registry registry");
    assert_eq!((&found["size"], &found["inserted"], &found["leaves"]), (&5.into(), &2.into(), &2.into()));
    assert_eq!(found["members_root"], registry["root"]);
    assert_eq!(desk.json("log append --registry registry")["appended"], 0, "nothing is logged twice");

    // A log that lags behind (here: put back) is completed, with the same bytes.
    let log = desk.path("registry/log");
    let whole = fs::read(log.join("tile/entries/000.p/5")).unwrap();
    let earlier = desk.path("earlier");
    copy(&log, &earlier);
    desk.enroll(3);
    fs::remove_dir_all(&log).unwrap();
    fs::rename(&earlier, &log).unwrap();
    assert_eq!(desk.json("log append --registry registry")["appended"], 1);
    assert!(fs::read(log.join("tile/entries/000.p/6")).unwrap().starts_with(&whole));

    // A registry that was put back, and another one, are noticed.
    let backup = desk.path("backup");
    copy_registry(&desk, "registry", "backup");
    desk.enroll(4);
    for file in ["log", "log.key"] {
        let (from, to) = (desk.path("registry").join(file), backup.join(file));
        if to.is_dir() {
            fs::remove_dir_all(&to).unwrap()
        } else {
            fs::remove_file(&to).unwrap()
        }
        copy(from, to);
    }
    desk.refused("log append --registry backup", 2, "log_ahead_of_registry");
    desk.run("init --registry other");
    for person in [5, 6, 7, 8] {
        desk.enroll_into("other", person);
    }
    for file in ["log", "log.key"] {
        copy(desk.path("registry").join(file), desk.path("other").join(file));
    }
    desk.refused("log append --registry other", 2, "log_disagrees_with_registry");
}

#[test]
fn relying_parties_take_what_was_logged_and_seen() {
    let desk = Desk::new();
    desk.cosign(0);
    let bundle = |name: &str, more: &str| desk.json(&format!("log bundle registry/log --key KEY --out {name} {more}"));
    let first = bundle("first", "");
    let rules = "--key KEY --witness WITNESS --present-within 60";
    let checked =
        desk.json(&format!("log check first {rules} --root {}", first["entry"]["new_root"].as_str().unwrap()));
    assert_eq!((&checked["accepted"], &checked["cosigned_by"][0]), (&true.into(), &"witness.example/1".into()));

    desk.enroll(2);
    // Logged, but seen by nobody yet.
    let root = desk.json("status --registry registry")["root"].as_str().unwrap().to_owned();
    bundle("second", &format!("--root {root}"));
    desk.refused(&format!("log check second {rules}"), 1, "log_too_few_witnesses");
    desk.refused(&format!("log check first {rules} --root {root}"), 1, "log_other_root");
    desk.run("log check second --key KEY");
    desk.refused(&format!("log bundle registry/log --key KEY --root {}", "00".repeat(32)), 1, "log_root_unknown");
    desk.cosign(4);
    bundle("second", &format!("--root {root}"));
    desk.run(&format!("log check second {rules}"));
    // Once the newer root was seen, the earlier one is not the present one.
    bundle("first", "--index 3");
    desk.refused(&format!("log check first {rules}"), 1, "log_superseded");
    desk.run("log check first --key KEY --witness WITNESS");

    // In a program: only logged roots are accepted, and for how long counts from when they were replaced.
    let key: LogPublicKey = desk.key.parse().unwrap();
    let witness: WitnessPublicKey = desk.witness.parse().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let rules = LoggedRoots::new(key.clone(), vec![witness], 1).unwrap().present_within(3_600).unwrap();
    let log = LogFolder::open(desk.path("registry/log"), &key).unwrap();
    let accepted = AcceptedRoots::recent(log.root_history(&rules, now).unwrap(), 3_600);
    let present = MerkleRoot::from_bytes(&from_hex(&root).unwrap()).unwrap();
    accepted.check(&present, now).unwrap();
    let earlier = Bundle::from_bytes(&fs::read(desk.path("first")).unwrap()).unwrap().entry.new_root;
    accepted.check(&earlier, now).unwrap();
    assert!(accepted.check(&earlier, now + 7_200).is_err());
    let unknown = MerkleRoot::from_bytes(&[1; 32]).unwrap();
    assert!(accepted.check(&unknown, now).is_err());
}

/// The operator forks the log: one history for the world, another, with the same key, for one relying party.
#[test]
fn a_witness_does_not_sign_a_fork() {
    let desk = Desk::new();
    desk.cosign(0);
    copy_registry(&desk, "registry", "fork");
    desk.enroll(2);
    desk.cosign(4);
    let other = format!("log append --registry fork --software-digest {}", "ab".repeat(32));
    desk.run(&other);
    desk.run("log verify fork/log --key KEY");
    desk.run("log cosign request fork/log --key KEY --old 5 --out request");
    let answer = desk.output("log witness cosign witness request");
    assert_eq!(answer.status.code(), Some(1));
    assert!(String::from_utf8(answer.stdout).unwrap().starts_with("422: "));
    desk.run("log cosign request fork/log --key KEY --old 4 --out request");
    let answer = desk.output("log witness cosign witness request --json");
    let answer: Value = serde_json::from_slice(&answer.stdout).unwrap();
    assert_eq!((&answer["status"], &answer["body"]), (&409.into(), &"5\n".into()));
}

#[test]
fn what_is_wrong_with_a_log_is_said() {
    let desk = Desk::new();
    desk.refused("log verify nowhere --key KEY", 2, "log_not_found");
    desk.refused("log append --registry nowhere", 2, "file_not_found");
    desk.refused("log prove registry/log --key KEY --old 9", 2, "log_no_such_entry");
    desk.refused("log bundle registry/log --key KEY --index 4", 2, "log_no_such_entry");
    desk.refused("log check request --key KEY", 2, "file_not_found");
    fs::write(desk.path("request"), "old 0\n").unwrap();
    desk.refused("log check request --key KEY", 2, "log_malformed");
    desk.refused("log init --registry registry --origin another", 2, "file_exists");
    let usage = desk.output("log verify registry/log --key WITNESS");
    assert_eq!(usage.status.code(), Some(2), "a witness' key is no log's");
    let tile = desk.path("registry/log/tile/0/000.p/4");
    let mut bytes = fs::read(&tile).unwrap();
    bytes[0] ^= 1;
    fs::write(&tile, bytes).unwrap();
    desk.refused("log verify registry/log --key KEY", 1, "log_damaged");
    // Nothing is appended to a damaged log, and the enrolment holds.
    desk.enroll(2);
    assert_eq!(desk.json("status --registry registry")["people"], 2);
    desk.refused("log append --registry registry", 1, "log_root_mismatch");
}

/// Two processes at a time append, and are killed at any moment: no entry that was acknowledged is lost, and the log stays
/// whole. That every single step may be the last one is tested beside the writer.
#[test]
fn writers_that_are_killed_lose_nothing_that_they_acknowledged() {
    let desk = Desk::new();
    let line = |number: u32| format!("log append --registry registry --key-digest {number:064x} --json");
    let mut acknowledged = Vec::new();
    let (mut killed, mut longest) = (0, 40);
    for round in 1..=60 {
        let start = |number| {
            let words: Vec<String> = line(number).split_whitespace().map(str::to_owned).collect();
            let mut command = Command::new(env!("CARGO_BIN_EXE_personhood"));
            command.env_clear().current_dir(desk.folder.path()).args(words);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        };
        let mut children = [2 * round, 2 * round + 1].map(|number| (number, start(number)));
        std::thread::sleep(std::time::Duration::from_millis(u64::from(round * 7919 % longest)));
        for (number, child) in &mut children {
            // Killing one that has ended does nothing.
            child.kill().unwrap();
            if child.wait().unwrap().success() {
                acknowledged.push(format!("{number:064x}"));
            } else {
                killed += 1;
            }
        }
        // So that some of them end and some do not, whatever the machine.
        longest = if acknowledged.len() > killed { longest.saturating_sub(5).max(2) } else { longest + 20 };
    }
    assert!(killed > 10 && acknowledged.len() > 10, "{killed} killed, {} acknowledged", acknowledged.len());
    desk.run("log verify registry/log --key KEY");
    let log = LogFolder::open(desk.path("registry/log"), &desk.key.parse().unwrap()).unwrap();
    let digests: Vec<String> = log
        .entries()
        .filter_map(|entry| entry.unwrap().step.digest())
        .map(|digest| personhood::bytes::to_hex(&digest.to_bytes()))
        .collect();
    for digest in acknowledged {
        assert_eq!(digests.iter().filter(|other| **other == digest).count(), 1, "{digest}");
    }
}
