//! The program as its users see it: arguments in; standard output, standard error and exit code out.

#![allow(clippy::unwrap_used)]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// What one run left.
#[derive(Debug)]
struct Run {
    stdout: String,
    stderr: String,
    code: i32,
}

impl Run {
    #[track_caller]
    fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// The one JSON document on standard output.
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// Exit code 2, the message on standard error with the code of the error, nothing on standard output.
    #[track_caller]
    fn fails_with(&self, code: &str) {
        assert_eq!(self.code, 2, "{self:#?}");
        assert!(self.stderr.starts_with("error: ") || self.stderr.contains("\nerror: "), "{self:#?}");
        assert!(self.stderr.contains(&format!("[{code}]")), "expected [{code}]: {self:#?}");
        assert!(self.stdout.is_empty(), "{self:#?}");
        assert!(!self.stderr.contains("panicked"), "{self:#?}");
    }
}

/// The program with a clean environment.
fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_personhood"));
    command.env_clear().stdin(Stdio::null());
    command
}

fn run<Argument: AsRef<OsStr>>(arguments: impl IntoIterator<Item = Argument>) -> Run {
    let output = program().args(arguments).output().unwrap();
    Run {
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code().expect("the program was not killed"),
    }
}

/// Runs a line as typed; words are separated by spaces, `{}` is the next of `paths`.
fn typed(line: &str, paths: &[&Path]) -> Run {
    let mut paths = paths.iter();
    let arguments: Vec<PathBuf> = line
        .split_whitespace()
        .map(|word| match word.split_once("{}") {
            Some((before, after)) => {
                let path = paths.next().expect("a path for every {}").to_str().unwrap();
                PathBuf::from(format!("{before}{path}{after}"))
            }
            None => PathBuf::from(word),
        })
        .collect();
    assert!(paths.next().is_none(), "more paths than {{}} in {line}");
    run(arguments)
}

#[test]
fn help_names_every_command_and_the_exit_codes() {
    let help = run(["--help"]).exits(0);
    for command in [
        "encode",
        "compare",
        "init",
        "enroll",
        "identify",
        "authenticate",
        "identity",
        "prove",
        "verify",
        "status",
        "eyes",
        "completions",
        "man",
    ] {
        assert!(help.stdout.contains(&format!("\n  {command} ")), "{command}: {}", help.stdout);
        let help = run([command, "--help"]).exits(0);
        assert!(help.stdout.contains("Usage: personhood"), "{help:?}");
    }
    assert!(help.stdout.contains("Exit codes: 0 yes, 1 no, 2 could not tell."));
    assert!(run(["--version"]).exits(0).stdout.starts_with("personhood "));
}

#[test]
fn a_command_line_that_makes_no_sense_is_exit_2() {
    let usage = run(["compare", "only-one.json"]).exits(2);
    assert!(usage.stderr.starts_with("error: "), "{usage:?}");
    let usage = run(["--json", "frobnicate"]).exits(2);
    let document = usage.json();
    assert_eq!(document["outcome"], "could_not_tell");
    assert_eq!(document["error"]["code"], "usage");
    assert!(document["error"]["message"].as_str().unwrap().contains("frobnicate"));
}

#[test]
fn completions_and_manual_pages_cover_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(run(["completions", shell]).exits(0).stdout.contains("authenticate"), "{shell}");
    }
    assert!(run(["man"]).exits(0).stdout.contains(".TH personhood 1"));
    let folder = tempfile::tempdir().unwrap();
    typed("man --out {}", &[folder.path()]).exits(0);
    for page in ["personhood.1", "personhood-enroll.1", "personhood-identity-new.1"] {
        let text = fs::read_to_string(folder.path().join(page)).unwrap();
        assert!(text.contains(".TH "), "{page}");
    }
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child =
        program().args(["completions", "bash"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Closed before the program writes: whatever it writes meets a broken pipe.
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_and_not_a_shorter_answer() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = program().args(["man"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("[disk_full]") && stderr.contains("\n\nhint: make room"), "{stderr}");
}
