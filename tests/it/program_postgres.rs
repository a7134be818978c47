//! The program with its registry in PostgreSQL, and the commands of docs/operations.md as they stand there.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::postgres::server::{Server, shared};

/// A folder in which lines are run against a server of their own.
struct Desk {
    folder: TempDir,
    server: Server,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { folder: TempDir::new().unwrap(), server: Server::start().unwrap() };
        fs::create_dir(desk.folder.path().join("keys")).unwrap();
        desk
    }

    /// Runs a line; an address without a host is one of our server.
    fn output(&self, line: &str, environment: &[(&str, &str)]) -> Output {
        let words: Vec<String> = split(line)
            .into_iter()
            .map(|word| match word.strip_prefix("postgres:///").filter(|name| !name.contains('?')) {
                Some(name) => self.server.url(name),
                None => word,
            })
            .collect();
        let mut command = match words[0].as_str() {
            "personhood" => Command::new(env!("CARGO_BIN_EXE_personhood")),
            program => Command::new(self.server.programs().join(program)),
        };
        command.args(&words[1..]).current_dir(self.folder.path());
        command.env("PGHOST", self.server.socket()).env("PGUSER", "keeper");
        command.env_remove("PGPASSWORD").env_remove("PERSONHOOD_MASTER_KEY").env_remove("PERSONHOOD_REGISTRY");
        command.envs(environment.iter().copied()).output().unwrap()
    }

    #[track_caller]
    fn run(&self, line: &str) -> Output {
        let output = self.output(line, &[]);
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    #[track_caller]
    fn json(&self, line: &str) -> Value {
        serde_json::from_slice(&self.run(&format!("{line} --json")).stdout).unwrap()
    }

    #[track_caller]
    fn refused(&self, line: &str, exit: i32, word: &str) -> String {
        let output = self.output(line, &[]);
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(exit), "{line}: {said}");
        assert!(said.contains(word), "{line}: {said}");
        said
    }

    fn enroll(&self, person: u32, commitment: &str) -> String {
        let eyes = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("testdata/eyes/person-{person:02}"));
        let (left, right) = (eyes.join("left-1.png"), eyes.join("right-1.png"));
        format!("enroll {WHERE} --left {} --right {} --commitment {commitment}", left.display(), right.display())
    }
}

const WHERE: &str = "--registry postgres:///registry --master-key keys/master-key";

/// Words of a line, with double quotes as a shell has them.
fn split(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            other => words.last_mut().unwrap().push(other),
        }
    }
    words
}

/// A commitment that nobody else has.
fn commitment(number: u32) -> String {
    format!("{number:02x}").repeat(31) + "00"
}

/// Every command of docs/operations.md, in its order; two people come in once there is a registry.
#[test]
fn the_commands_of_docs_operations_md_work() {
    let Some(_) = shared("program_postgres::the_commands_of_docs_operations_md_work") else { return };
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md")).unwrap();
    let commands = ["personhood ", "createdb ", "pg_dump ", "pg_restore ", "psql "];
    let lines: Vec<&str> =
        text.lines().filter(|line| commands.iter().any(|command| line.starts_with(command))).collect();
    assert!(lines.len() >= 11, "{lines:?}");
    let desk = Desk::new();
    for line in lines {
        desk.run(line);
        if line.starts_with("personhood init") {
            for person in [1, 2] {
                desk.run(&format!("personhood {}", desk.enroll(person, &commitment(person))));
            }
        }
    }
    let restored = desk.json("personhood status --registry postgres:///restored --master-key keys/master-key");
    assert_eq!(restored["people"], 2);
    assert_eq!(restored["root"], desk.json(&format!("personhood status {WHERE}"))["root"]);
}

#[test]
fn a_registry_in_a_database_is_one_like_any_other() {
    let Some(_) = shared("program_postgres::a_registry_in_a_database_is_one_like_any_other") else { return };
    let desk = Desk::new();
    desk.run("createdb registry");
    // Nothing is half there: without a key there is no registry.
    desk.refused("personhood init --registry postgres:///registry", 2, "--master-key");
    desk.refused(&format!("personhood status {WHERE}"), 2, "personhood_registry");
    desk.run(&format!("personhood init {WHERE}"));
    desk.refused(&format!("personhood init {WHERE}"), 2, "exists already");
    desk.run("personhood identity new secret");
    let of = |line: &str| desk.json(line);
    let ours = of("personhood identity show secret")["commitment"].as_str().map(str::to_owned);
    let ours = ours.unwrap_or_else(|| panic!("{}", of("personhood identity show secret")));
    desk.run(&format!("personhood {}", desk.enroll(1, &ours)));
    desk.refused(&format!("personhood {}", desk.enroll(1, &commitment(9))), 1, "enrolled already");
    assert_eq!(desk.json(&format!("personhood status {WHERE}"))["people"], 1);
    desk.run(&format!("personhood check {WHERE}"));
    let eye = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/eyes/person-01/left-2.png");
    let eye = if eye.exists() { eye } else { eye.with_file_name("left-1.png") };
    desk.run(&format!("personhood identify {WHERE} --left {}", eye.display()));
    desk.run(&format!("personhood authenticate {WHERE} --person 1 --left {}", eye.display()));

    // A proof from its path, and a list of nullifiers in another database, made by its first use.
    desk.run("createdb seen");
    desk.run(&format!("personhood prove {WHERE} --identity secret --app shop --action gift --signal yes --out proof"));
    let verify = "personhood verify --proof proof --app shop --action gift --signal yes --registry postgres:///registry --master-key keys/master-key --seen postgres:///seen";
    desk.run(verify);
    desk.refused(verify, 1, "nullifier_already_used");

    // What is not possible says so.
    for (line, word) in [
        (format!("personhood backup create {WHERE} copy"), "docs/operations.md"),
        (format!("personhood log init {WHERE} --origin registry.example/people"), "docs/operations.md"),
        (
            format!("personhood status {WHERE}").replace("postgres:///registry", "postgres://db.example/registry"),
            "tunnel",
        ),
    ] {
        desk.refused(&line, 2, word);
    }
    assert_eq!(fs::read_dir(desk.folder.path()).unwrap().count(), 3, "keys, secret, proof and nothing else");
}

/// In reports, in errors, and in what the argument parser says.
#[test]
fn a_password_is_never_shown() {
    let Some(_) = shared("program_postgres::a_password_is_never_shown") else { return };
    let desk = Desk::new();
    desk.run("createdb registry");
    let socket = desk.server.socket().display().to_string();
    let there = format!("postgres:///registry?host={socket}&user=keeper&password=hunter2");
    for (place, exit) in [
        (there.clone(), 0),
        (there.clone(), 2),
        (there.replace("/registry?", "/nowhere?"), 2),
        ("postgres://keeper:hunter2@localhost:1/registry".to_owned(), 2),
        ("postgres://keeper:hunter2@db.example/registry".to_owned(), 2),
        ("postgres://keeper:hunter2@localhost:hunter2/registry".to_owned(), 2),
    ] {
        for format in ["", " --json"] {
            let line = format!("personhood init --registry {place} --master-key keys/master-key{format}");
            let output = desk.output(&line, &[]);
            let said =
                format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(!said.contains("hunter2"), "{said}");
            if format.is_empty() {
                assert_eq!(output.status.code(), Some(exit), "{said}");
            }
        }
    }
    // Not one that is in the environment or a file, either; this server asks for none.
    fs::write(desk.folder.path().join("password"), "hunter2\n").unwrap();
    for (name, value) in [("PGPASSWORD", "hunter2"), ("PERSONHOOD_POSTGRES_PASSWORD_FILE", "password")] {
        let output = desk.output(&format!("personhood status {WHERE}"), &[(name, value)]);
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && !said.contains("hunter2"), "{said}");
    }
}
