//! The program as its users see it: arguments in; standard output, standard error and exit code out.

#![allow(clippy::unwrap_used)]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// What one run left.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: i32,
}

impl Run {
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// The one JSON document on standard output.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// Exit code 2, the message on standard error with the code of the error, nothing on standard output.
    #[track_caller]
    pub(crate) fn fails_with(&self, code: &str) {
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
pub(crate) fn typed(line: &str, paths: &[&Path]) -> Run {
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
        "dedup",
        "authenticate",
        "refresh",
        "recover",
        "suspend",
        "reinstate",
        "revoke",
        "renew",
        "erase",
        "review",
        "retention",
        "operator",
        "station",
        "decisions",
        "policy",
        "check",
        "identity",
        "membership",
        "prove",
        "verify",
        "status",
        "log",
        "key",
        "backup",
        "receipt",
        "subject",
        "threshold",
        "eyes",
        "evaluate",
        "bench",
        "simulate",
        "demo",
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

/// The picture of a person of `testdata/eyes`.
pub(crate) fn eye(person: u32, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("testdata/eyes/person-{person:02}/{name}.png"))
}

/// A folder with a registry `reg` in which the first people of `testdata/eyes` are enrolled, their secrets in `ids`.
pub(crate) fn world(people: u32) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (registry, crowd, secrets) =
        (folder.path().join("reg"), folder.path().join("crowd"), folder.path().join("ids"));
    for person in 1..=people {
        let name = crowd.join(format!("p{person}"));
        fs::create_dir_all(&name).unwrap();
        for side in ["left-1", "right-1"] {
            fs::copy(eye(person, side), name.join(format!("{side}.png"))).unwrap();
        }
    }
    typed("init --registry {}", &[&registry]).exits(0);
    if people > 0 {
        typed("enroll --registry {} {} --identities {}", &[&registry, &crowd, &secrets]).exits(0);
    }
    folder
}

const ACTION: &str = "--app polls.example --action budget";

#[test]
fn pictures_become_templates_that_compare() {
    let folder = tempfile::tempdir().unwrap();
    let template = folder.path().join("a.json");
    let encoded = typed("encode {} --out {} --pictures {}", &[&eye(1, "left-1"), &template, folder.path()]).exits(0);
    assert!(encoded.stdout.contains("usable bits"), "{encoded:?}");
    for kind in ["overlay", "unrolled", "code"] {
        let png = fs::read(folder.path().join(format!("left-1.{kind}.png"))).unwrap();
        assert!(png.starts_with(b"\x89PNG"), "{kind}");
    }
    let same = typed("compare {} {} --json", &[&template, &eye(1, "left-2")]).exits(0).json();
    assert_eq!(same["answer"], "match");
    let (disagreeing, compared) = (same["disagreeing"].as_f64().unwrap(), same["compared"].as_f64().unwrap());
    // The reader of JSON may be off by a unit in the last place.
    let normalized = 0.5 - (0.5 - disagreeing / compared) * (compared / (16_384.0 * 5.0 / 8.0)).sqrt();
    assert!((same["distance"].as_f64().unwrap() - normalized).abs() < 1e-9, "{same}");
    assert!(typed("compare {} {}", &[&template, &eye(1, "right-1")]).exits(1).stdout.starts_with("no match"));

    // Standard output is the bare template, as open-iris reads it; twelve thousand eight hundred bits are 1,600 bytes.
    let bare = typed("encode {} --layout 200", &[&eye(1, "left-1")]).exits(0).json();
    assert_eq!(bare["iris_codes"].as_str().unwrap().len(), 2136);
    let reported = typed("encode {} --json", &[&eye(1, "left-1")]).exits(0).json();
    assert_eq!(reported["images"][0]["template"]["iris_codes"].as_str().unwrap().len(), 2732);
    assert!(reported["images"][0]["quality"]["sharpness"].as_f64().unwrap() > 0.0);
    assert_eq!(reported["images"][0]["template"]["iris_code_version"], "personhood-v1");
}

/// Every command that reads pictures of eyes takes a network, and none of them goes on with a file that is not the pinned one.
#[cfg(feature = "onnx")]
#[test]
fn a_segmentation_model_is_taken_wherever_pictures_are() {
    let folder = world(1);
    let (registry, model) = (folder.path().join("reg"), folder.path().join("model.onnx"));
    fs::write(&model, "not the one that was pinned").unwrap();
    let pin = "0".repeat(64);
    let (a, b, crowd) = (eye(1, "left-1"), eye(1, "left-2"), folder.path().join("crowd"));
    let lines: [(&str, Vec<&Path>); 7] = [
        ("encode {}", vec![&a]),
        ("compare {} {}", vec![&a, &b]),
        ("evaluate {}", vec![&crowd]),
        ("enroll --registry {} {}", vec![&registry, &crowd]),
        ("identify --registry {} --left {}", vec![&registry, &a]),
        ("authenticate --registry {} --person 1 --left {}", vec![&registry, &a]),
        ("enroll --registry {} --left {} --one-eye --commitment PIN", vec![&registry, &a]),
    ];
    for (line, mut paths) in lines {
        // A commitment that is a number of the field; nothing is read of it before the model.
        let line = line.replace("PIN", &format!("{}1", "0".repeat(63)));
        paths.push(&model);
        let with_model = format!("{line} --segmentation-model {{}} --segmentation-model-sha256 {pin}");
        typed(&with_model, &paths).fails_with("model_checksum");
    }
    // One option without the other is nothing.
    typed("identify --registry {} --left {} --segmentation-model {}", &[&registry, &a, &model]).exits(2);
}

/// The other encoder has bits of another meaning, a version that open-iris reads, and a rule of its own.
#[test]
fn the_encoder_of_open_iris_can_be_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let [theirs, ours] = ["theirs.json", "ours.json"].map(|name| folder.path().join(name));
    typed("encode {} --encoder open-iris --out {}", &[&eye(1, "left-1"), &theirs]).exits(0);
    typed("encode {} --out {}", &[&eye(1, "left-1"), &ours]).exits(0);
    assert!(fs::read_to_string(&theirs).unwrap().contains(r#""iris_code_version": "v0.1""#));
    let same = typed("compare {} {} --json", &[&theirs, &eye(1, "left-2")]).exits(0).json();
    assert_eq!(same["threshold"], 0.345);
    let ratio = same["disagreeing"].as_f64().unwrap() / same["compared"].as_f64().unwrap();
    assert!((same["distance"].as_f64().unwrap() - ratio).abs() < 1e-12, "{same}");
    typed("compare {} {}", &[&theirs, &ours]).exits(2);
}

#[test]
fn a_bad_picture_stops_no_other_and_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad.png");
    fs::write(&bad, b"\x89PNG\r\n\x1a\nrubbish").unwrap();
    let out = folder.path().join("out");
    let run = typed("encode {} {} {} --out {} --json", &[&bad, &eye(1, "left-1"), &eye(2, "right-1"), &out]).exits(2);
    let document = run.json();
    assert!(document["images"][0]["error"]["code"].as_str().unwrap().starts_with("image_"), "{document}");
    assert!(document["images"][1]["file"].is_string() && document["images"][2]["file"].is_string());
    assert!(out.join("left-1.json").exists() && out.join("right-1.json").exists() && !out.join("bad.json").exists());
}

/// Issue of the newcomer: everything in its order, every exit code on the way.
#[test]
fn the_whole_path() {
    let folder = world(3);
    let (registry, secrets) = (folder.path().join("reg"), folder.path().join("ids"));
    let at = |name: &str| folder.path().join(name);

    let found = typed("identify --registry {} --left {} --json", &[&registry, &eye(2, "left-2")]).exits(0).json();
    assert_eq!((found["candidates"][0]["person"].as_u64(), found["people"].as_u64()), (Some(2), Some(3)));
    typed("identify --registry {} --left {}", &[&registry, &eye(9, "left-1")]).exits(1);
    typed("authenticate --registry {} --person 2 --right {}", &[&registry, &eye(2, "right-2")]).exits(0);
    let other = typed("authenticate --registry {} --person 1 --right {}", &[&registry, &eye(2, "right-2")]).exits(1);
    assert!(other.stderr.contains("[not_this_person]"), "{other:?}");

    typed("identity new {}", &[&at("late.secret")]).exits(0);
    let again = "enroll --registry {} --left {} --right {} --identity {} --json";
    let refused = typed(again, &[&registry, &eye(3, "left-2"), &eye(3, "right-2"), &at("late.secret")]).exits(1).json();
    assert_eq!((refused["result"].as_str(), refused["of"]["person"].as_u64()), (Some("duplicate"), Some(3)));
    assert!(refused["of"]["distance"].as_f64().unwrap() < 0.37);

    let prove = format!("prove --registry {{}} --identity {{}} {ACTION} --signal yes --out {{}}");
    let outsider = typed(&prove, &[&registry, &at("late.secret"), &at("none.json")]).exits(1);
    assert!(outsider.stderr.contains("[not_enrolled]") && !at("none.json").exists(), "{outsider:?}");
    typed(&prove, &[&registry, &secrets.join("p1.secret"), &at("proof.json")]).exits(0);

    let verify = |line: &str| {
        let line = format!("verify --proof {{}} --registry {{}} --seen {{}} --json {line}");
        typed(&line, &[&at("proof.json"), &registry, &at("seen.db")])
    };
    let reason = |run: Run| run.json()["reason"].as_str().unwrap().to_owned();
    assert_eq!(reason(verify(&format!("{ACTION} --signal no")).exits(1)), "signal_differs");
    assert_eq!(reason(verify("--app polls.example --action other --signal yes").exits(1)), "scope_differs");
    assert_eq!(reason(verify(&format!("{ACTION} --signal yes --assurance 2")).exits(1)), "bounds_differ");
    let accepted = verify(&format!("{ACTION} --signal yes")).exits(0).json();
    assert_eq!((accepted["accepted"].as_bool(), accepted["recorded"].as_bool()), (Some(true), Some(true)));
    assert_eq!(reason(verify(&format!("{ACTION} --signal yes")).exits(1)), "nullifier_already_used");

    // The root alone is enough for somebody who has no registry; another root is refused.
    let root = accepted["root"].as_str().unwrap();
    typed(&format!("verify --proof {{}} --root {root} {ACTION} --signal yes"), &[&at("proof.json")]).exits(0);
    let zeros = "0".repeat(64);
    typed(&format!("verify --proof {{}} --root {zeros} {ACTION} --signal yes"), &[&at("proof.json")]).exits(1);

    let status = typed("status --registry {} --json", &[&registry]).exits(0).json();
    assert_eq!((status["people"].as_u64(), status["root"].as_str()), (Some(3), Some(root)));
}

#[test]
fn a_folder_of_people_goes_on_after_a_bad_one() {
    let folder = world(1);
    let (registry, crowd, secrets) =
        (folder.path().join("reg"), folder.path().join("more"), folder.path().join("more-ids"));
    let put = |person: &str, from: &[(PathBuf, &str)]| {
        fs::create_dir_all(crowd.join(person)).unwrap();
        for (file, name) in from {
            fs::copy(file, crowd.join(person).join(name)).unwrap();
        }
    };
    put("anna", &[(eye(4, "left-1"), "left.png"), (eye(4, "right-1"), "right.png")]);
    put("bea-is-p1", &[(eye(1, "left-2"), "left.png"), (eye(1, "right-2"), "right.png")]);
    put("carl-has-no-picture", &[]);
    put("dora-has-one-eye", &[(eye(5, "left-1"), "left.png")]);
    put("emil", &[(eye(6, "left-1"), "left-2.png"), (eye(6, "right-1"), "right.png")]);
    // The first picture of the left eye is broken, the second one is taken.
    fs::write(crowd.join("emil/left-1.png"), b"").unwrap();

    let line = "enroll --registry {} {} --identities {} --json";
    let document = typed(line, &[&registry, &crowd, &secrets]).exits(2).json();
    assert_eq!(
        (document["enrolled"].as_u64(), document["duplicates"].as_u64(), document["failed"].as_u64()),
        (Some(2), Some(1), Some(2)),
        "{document:#}"
    );
    let codes: Vec<_> = document["people"].as_array().unwrap().iter().map(|p| p["error"]["code"].as_str()).collect();
    assert_eq!(codes, [None, None, Some("no_eye"), Some("missing_eye"), None]);
    assert_eq!(document["people"][1]["of"]["person"], 1);
    let mut kept: Vec<_> = fs::read_dir(&secrets).unwrap().map(|file| file.unwrap().file_name()).collect();
    kept.sort();
    assert_eq!(kept, ["anna.secret", "emil.secret"], "secrets of people who were not enrolled are removed");

    // One eye is a class of its own, with less assurance.
    let document = typed("enroll --registry {} {} --identities {} --one-eye --json", &[&registry, &crowd, &secrets]);
    let dora = &document.exits(2).json()["people"][3];
    assert_eq!((dora["result"].as_str(), dora["assurance"].as_u64()), (Some("enrolled"), Some(1)));
    let prove = format!("prove --registry {{}} --identity {{}} {ACTION} --signal yes --assurance 2");
    let refused = typed(&prove, &[&registry, &secrets.join("dora-has-one-eye.secret")]).exits(1);
    assert!(
        refused.stderr.contains("[assurance_too_low]") && refused.stderr.contains("hint: enrol both eyes"),
        "{refused:?}"
    );
}

#[test]
fn bad_pictures_are_refused_each_for_its_own_reason() {
    use personhood::iris::EyeSide;
    use personhood::testing::eyes::{CaptureConditions, SyntheticEye};

    let folder = tempfile::tempdir().unwrap();
    let good = fs::read(eye(1, "left-1")).unwrap();
    let mut corrupt = good.clone();
    let middle = corrupt.len() / 2;
    corrupt[middle..middle + 64].fill(0x55);
    // A header that promises 50,000 × 50,000 pixels; its checksum is right.
    let mut huge = b"P5 50000 50000 255\n".to_vec();
    huge.resize(4096, 128);
    let shut = SyntheticEye::new(1, EyeSide::Left)
        .render(&CaptureConditions { lid_opening: 0.0, ..CaptureConditions::ordinary(1).resized(400, 300) });
    let mut noise = b"P5 320 240 255\n".to_vec();
    noise.extend((0..320 * 240_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8));

    let cases: [(&str, &[u8], &str); 7] = [
        ("empty.png", b"", "image_empty"),
        ("text.png", b"this is no picture", "image_unknown_format"),
        ("truncated.png", &good[..good.len() / 2], "image_truncated"),
        ("corrupt.png", &corrupt, "image_corrupt"),
        ("huge.pgm", &huge, "image_too_large"),
        ("noise.pgm", &noise, "segmentation_no_pupil"),
        ("shut.png", &shut.png(), "segmentation_eye_closed"),
    ];
    for (name, bytes, code) in cases {
        let file = folder.path().join(name);
        fs::write(&file, bytes).unwrap();
        let run = typed("encode {}", &[&file]);
        assert!(run.stderr.contains(name), "the message names the file: {run:?}");
        run.fails_with(code);
    }
    typed("encode {}", &[&folder.path().join("nowhere.png")]).fails_with("file_not_found");
    typed("encode {}", &[folder.path()]).fails_with("file_unreadable");
}

#[test]
fn bad_templates_are_refused() {
    let folder = world(1);
    let registry = folder.path().join("reg");
    let (narrow, wide) = (folder.path().join("200.json"), folder.path().join("256.json"));
    typed("encode {} --layout 200 --out {}", &[&eye(1, "left-1"), &narrow]).exits(0);
    typed("encode {} --layout 256 --out {}", &[&eye(1, "left-1"), &wide]).exits(0);
    typed("compare {} {}", &[&narrow, &wide]).fails_with("incomparable_layout");
    typed("identify --registry {} --left {}", &[&registry, &narrow]).fails_with("wrong_layout");

    let text = fs::read_to_string(&wide).unwrap();
    let short = folder.path().join("short.json");
    fs::write(&short, text.replacen("AAAA", "", 1).replacen("////", "", 1)).unwrap();
    if fs::read_to_string(&short).unwrap() == text {
        fs::write(&short, text.replacen(&text[20..24], "", 1)).unwrap();
    }
    typed("compare {} {}", &[&short, &wide]).fails_with("template_length");
    fs::write(&short, &text[..text.len() / 2]).unwrap();
    typed("compare {} {}", &[&short, &wide]).fails_with("template_not_json");
    fs::write(&short, "{}").unwrap();
    typed("compare {} {}", &[&short, &wide]).fails_with("template_field_missing");
    // A mask without a bit leaves nothing to compare: that is no distance.
    let document: Value = serde_json::from_str(&text).unwrap();
    let mask = document["mask_codes"].as_str().unwrap();
    fs::write(&short, text.replace(mask, &format!("{}=", "A".repeat(mask.len() - 1)))).unwrap();
    typed("compare {} {}", &[&short, &wide]).fails_with("incomparable_too_few_bits");
}

#[test]
fn bad_proofs_are_refused() {
    let folder = world(1);
    let (registry, secret) = (folder.path().join("reg"), folder.path().join("ids/p1.secret"));
    let proof = folder.path().join("proof.json");
    let prove = format!("prove --registry {{}} --identity {{}} {ACTION} --signal yes --out {{}}");
    typed(&prove, &[&registry, &secret, &proof]).exits(0);
    let good: Value = serde_json::from_slice(&fs::read(&proof).unwrap()).unwrap();
    let verify = |change: &dyn Fn(&mut Value)| {
        let mut document = good.clone();
        change(&mut document);
        fs::write(&proof, document.to_string()).unwrap();
        typed(&format!("verify --proof {{}} --registry {{}} {ACTION} --signal yes"), &[&proof, &registry])
    };
    let hex = good["proof"].as_str().unwrap().to_owned();
    verify(&|_| ()).exits(0);
    verify(&|document| document["version"] = 2.into()).fails_with("proof_file_version");
    verify(&|document| document["proof"] = format!("02{}", &hex[2..]).into()).fails_with("proof_version_unsupported");
    verify(&|document| document["proof"] = hex[..hex.len() - 2].into()).fails_with("proof_length");
    verify(&|document| document["proof"] = hex.to_uppercase().into()).fails_with("proof_malformed");
    verify(&|document| document["extra"] = 1.into()).fails_with("proof_malformed");
    verify(&|document| document["format"] = "other".into()).fails_with("proof_malformed");
    // Somebody else's nullifier, or a byte of the proof: refused, and that is an answer.
    let zeros = "0".repeat(64);
    let run = verify(&|document| document["statement"]["nullifier"] = zeros.as_str().into()).exits(1);
    assert!(run.stdout.contains("[proof_rejected]"), "{run:?}");
    let last = if hex.ends_with('0') { "1" } else { "0" };
    let run = verify(&|document| document["proof"] = format!("{}{last}", &hex[..hex.len() - 1]).into());
    assert!(run.code == 1 || run.stderr.contains("[proof_scalar_invalid]"), "{run:?}");
    fs::write(&proof, "").unwrap();
    typed(&format!("verify --proof {{}} --registry {{}} {ACTION} --signal yes"), &[&proof, &registry])
        .fails_with("proof_malformed");
}

#[test]
fn registries_that_cannot_be_used_are_left_alone() {
    let folder = world(0);
    let registry = folder.path().join("reg");
    let missing = typed("status --registry {}", &[&folder.path().join("none")]);
    missing.fails_with("store_not_found");
    assert!(missing.stderr.contains("hint: `personhood init"), "{missing:?}");
    typed("init --registry {}", &[&registry]).fails_with("store_already_exists");

    // SQLite keeps the format, its user version, at byte 60 of the file.
    let database = registry.join("registry.sqlite3");
    let good = fs::read(&database).unwrap();
    let mut newer = good.clone();
    newer[60..64].copy_from_slice(&999_u32.to_be_bytes());
    fs::write(&database, &newer).unwrap();
    typed("status --registry {}", &[&registry]).fails_with("store_newer_format");
    typed("identify --registry {} --left {}", &[&registry, &eye(1, "left-1")]).fails_with("store_newer_format");
    assert_eq!(fs::read(&database).unwrap(), newer, "a registry of a newer format is not touched");
    fs::write(&database, b"something else entirely").unwrap();
    typed("status --registry {}", &[&registry]).fails_with("store_wrong_kind_of_file");
    fs::write(&database, &good).unwrap();
    typed("status --registry {}", &[&registry]).exits(0);
}

/// A holder far from the desk: the registry gives a file, and the proof is made from it alone.
#[test]
fn a_membership_file_is_all_that_a_holder_needs() {
    let folder = world(2);
    let at = |name: &str| folder.path().join(name);
    let (registry, secret, membership) = (at("reg"), at("ids/p1.secret"), at("p1.membership"));
    let commitment = typed("identity show {} --json", &[&secret]).exits(0).json()["commitment"].clone();
    let commitment = commitment.as_str().unwrap();
    let shown = typed(&format!("membership --registry {{}} {commitment}"), &[&registry]).exits(0);
    let report =
        typed(&format!("membership --registry {{}} {commitment} --out {{}} --json"), &[&registry, &membership]);
    assert_eq!(report.exits(0).json()["assurance"], 2);
    assert_eq!(shown.stdout.trim_end(), fs::read_to_string(&membership).unwrap());

    let prove = format!("prove --membership {{}} --identity {{}} {ACTION} --signal yes --out {{}}");
    typed(&prove, &[&membership, &secret, &at("proof.json")]).exits(0);
    let verify = format!("verify --proof {{}} --registry {{}} {ACTION} --signal yes");
    typed(&verify, &[&at("proof.json"), &registry]).exits(0);

    // Of somebody else it is worth nothing, and neither is one that was changed or is no such file.
    typed(&prove, &[&membership, &at("ids/p2.secret"), &at("none.json")]).exits(1);
    let json = fs::read_to_string(&membership).unwrap();
    for (wrong, code) in [
        (json.replace("\"assurance\": 2", "\"assurance\": 3"), "not_a_member"),
        (json.replace("\"version\": 1", "\"version\": 2"), "membership_file_version"),
        (json.replace("\"root\"", "\"rot\""), "membership_malformed"),
        (fs::read_to_string(at("proof.json")).unwrap(), "membership_malformed"),
    ] {
        assert_ne!(wrong, json);
        fs::write(&membership, wrong).unwrap();
        let refused = typed(&format!("{prove} --json"), &[&membership, &secret, &at("none.json")]);
        assert_eq!(refused.json()["error"]["code"], code);
    }
    let nowhere = typed(&format!("prove --identity {{}} {ACTION} --signal yes"), &[&secret]).exits(2);
    assert!(nowhere.stderr.contains("--membership <FILE>"), "{nowhere:?}");
}

#[cfg(unix)]
#[test]
fn secrets_are_private_never_replaced_and_never_printed() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = world(1);
    let (registry, secret) = (folder.path().join("reg"), folder.path().join("ids/p1.secret"));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&secret), mode(&registry), mode(&registry.join("registry.sqlite3"))), (0o600, 0o700, 0o600));
    let bytes = fs::read(&secret).unwrap();
    typed("identity new {}", &[&secret]).fails_with("file_exists");
    assert_eq!(fs::read(&secret).unwrap(), bytes);

    let shown = typed("identity show {}", &[&secret]).exits(0);
    let prove = format!("prove --registry {{}} --identity {{}} {ACTION} --signal yes");
    let proof = typed(&prove, &[&registry, &secret]).exits(0);
    let json = typed("identity show {} --json", &[&secret]).exits(0);
    let said = [&shown, &proof, &json].map(|run| format!("{}{}", run.stdout, run.stderr)).concat().to_lowercase();
    for part in [&bytes[1..33], &bytes[33..65]] {
        for order in [part.to_vec(), part.iter().rev().copied().collect()] {
            let hex: String = order.iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(!said.contains(&hex[..16]), "a part of the secret was printed");
        }
    }

    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    let warned = typed("identity show {}", &[&secret]).exits(0);
    assert!(warned.stderr.starts_with("warning: ") && warned.stderr.contains("chmod 600"), "{warned:?}");
    let quiet = typed("identity show {} --quiet", &[&secret]).exits(0);
    assert!(quiet.stderr.is_empty(), "{quiet:?}");

    let mut damaged = bytes.clone();
    damaged[40] ^= 1;
    fs::write(&secret, &damaged).unwrap();
    typed("identity show {} --quiet", &[&secret]).fails_with("secret_checksum");
    damaged[0] = 9;
    fs::write(&secret, &damaged).unwrap();
    typed("identity show {} --quiet", &[&secret]).fails_with("secret_version");
    fs::write(&secret, &bytes[..68]).unwrap();
    typed("identity show {} --quiet", &[&secret]).fails_with("secret_length");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_nothing_half_written() {
    let folder = tempfile::tempdir().unwrap();
    let template = folder.path().join("a.json");
    fs::write(&template, "what was there before").unwrap();
    let run = typed("encode {} --out {}", &[&eye(1, "left-1"), Path::new("/dev/full")]);
    run.fails_with("disk_full");
    let missing = folder.path().join("no/such/folder/a.json");
    typed("encode {} --out {}", &[&eye(1, "left-1"), &missing]).fails_with("file_unwritable");
    assert_eq!(fs::read_to_string(&template).unwrap(), "what was there before");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no neighbour was left behind");
}

#[test]
fn the_demonstration_tells_its_story() {
    let folder = tempfile::tempdir().unwrap();
    let eyes = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/eyes");
    let story = typed("demo --eyes {} --out {}", &[&eyes, folder.path()]).exits(0).stdout;
    for part in [
        "12 people enrolled",
        "refused as a duplicate of person",
        "the proof: accepted",
        "a second time: refused",
        "[nullifier_already_used]",
        "[signal_differs]",
        "Everything happened as it should",
    ] {
        assert!(story.contains(part), "{part}: {story}");
    }
    let report = typed("demo --eyes {} --out {} --json", &[&eyes, folder.path()]).exits(0).json();
    let files = report["files"].as_array().unwrap();
    assert_eq!(files.len(), 4, "three pictures and a proof: {files:?}");
    assert!(files.iter().all(|file| Path::new(file.as_str().unwrap()).is_file()));
    typed("demo --eyes {} --out {}", &[folder.path(), folder.path()]).fails_with("no_people");
}

#[test]
fn the_simulated_world_goes_as_it_should() {
    let report = run(["simulate", "--people", "12", "--tricks", "3", "--proofs", "2", "--json"]).exits(0).json();
    assert_eq!((report["enrolled"].as_u64(), report["proofs_accepted"].as_u64()), (Some(12), Some(2)));
    let tricks = report["tricks"].as_array().unwrap();
    assert!(tricks.len() >= 10 && tricks.iter().all(|trick| trick["tried"] == trick["refused"]), "{report:#}");
}

#[test]
fn synthetic_eyes_come_with_their_truth() {
    let folder = tempfile::tempdir().unwrap();
    let line = "eyes --out {} --people 1 --captures 1 --size 200x150 --json";
    let report = typed(line, &[folder.path()]).exits(0).json();
    assert_eq!(report["pictures"], 2);
    let truth = fs::read_to_string(folder.path().join("truth.csv")).unwrap();
    assert_eq!(truth.lines().count(), 3);
    for file in ["person-01/left-1.png", "person-01/right-1.png", "truth/person-01/left-1.iris.png"] {
        assert!(fs::read(folder.path().join(file)).unwrap().starts_with(b"\x89PNG"), "{file}");
    }
}

#[test]
fn iris_records_are_read_made_and_taken_as_pictures() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let (scratch, three) = (tempfile::tempdir().unwrap(), data.join("iris-record/three.iir"));
    let info = run(["record".as_ref(), "info".as_ref(), three.as_os_str(), "--json".as_ref()]).exits(0).json();
    assert_eq!((&info["command"], &info["eyes"]), (&Value::from("record info"), &Value::from(2)));
    let first = &info["representations"][0];
    assert_eq!(first["captured"], "2026-11-22T21:44:05.123Z");
    assert_eq!((&first["eye"], &first["format"], &first["range_mm"]), (&"left".into(), &"png".into(), &320.into()));
    assert_eq!(first["quality"][1]["score"], Value::Null);

    let folder = scratch.path().join("pictures");
    let extracted = typed("record extract {} --out {} --json", &[&three, &folder]).exits(0).json();
    let picture = PathBuf::from(extracted["representations"][2]["picture"].as_str().unwrap());
    assert_eq!(picture, folder.join("3-left.jp2"));
    assert_eq!(fs::read(&picture).unwrap(), fs::read(data.join("jpeg2000/grey-8.jp2")).unwrap());
    // Raw grey levels became a PNG.
    assert!(fs::read(folder.join("2-right.png")).unwrap().starts_with(b"\x89PNG"));

    // Both eyes of a person in one record; a PNG and a JPEG 2000 file go in as they are.
    let (png, jp2, record) = (eye(1, "right-1"), data.join("jpeg2000/eye.jp2"), scratch.path().join("both.iir"));
    let line = "record create --left {} --right {} --captured 2026-11-22 --out {}";
    typed(line, &[&jp2, &png, &record]).exits(0);
    let bytes = fs::read(&record).unwrap();
    assert!(bytes.ends_with(&fs::read(&png).unwrap()));
    typed("encode {}", &[&record]).fails_with("record_several_pictures");
    let registry = scratch.path().join("registry");
    typed("init --registry {}", &[&registry]).exits(0);
    let (right_only, key) = (scratch.path().join("right.iir"), scratch.path().join("key"));
    typed("record create --right {} --out {}", &[&png, &right_only]).exits(0);
    typed("identity new {}", &[&key]).exits(0);
    let enroll = "enroll --registry {} --left {} --right {} --identity {}";
    typed(enroll, &[&registry, &right_only, &record, &key]).fails_with("record_eye_differs");
    // Each option takes its own eye of the record.
    typed(enroll, &[&registry, &record, &record, &key]).exits(0);
    // The JPEG 2000 file is left-1.png, so these are the same person's eyes.
    let found = typed("identify --registry {} --left {} --json", &[&registry, &eye(1, "left-2")]).exits(0).json();
    assert_eq!(found["candidates"][0]["eye"], "left");
    typed("compare {} {}", &[&right_only, &png]).exits(0);

    // Lossless in the other format: the same picture, so the same template.
    let smaller = scratch.path().join("smaller.iir");
    let made = typed("record create --right {} --format jpeg2000 --out {} --json", &[&png, &smaller]).exits(0).json();
    assert_eq!(made["representations"][0]["format"], "jpeg2000");
    let compared = typed("compare {} {} --json", &[&smaller, &png]).exits(0).json();
    assert_eq!(compared["disagreeing"], 0);
}

/// A folder of synthetic templates, of which some are of one eye: `name` and its recapture.
fn templates(folder: &Path, people: u32, twice: &[u32]) {
    use personhood::iris::{EncoderVersion, EyeSide, Layout, openiris};
    use personhood::testing::templates::SyntheticTemplates;

    let world = SyntheticTemplates::new(Layout::Columns200, 3).with_encoder(EncoderVersion::Personhood(1));
    fs::create_dir_all(folder).unwrap();
    let write = |name: String, template| fs::write(folder.join(name), openiris::to_json(&template).unwrap()).unwrap();
    for person in 0..people {
        write(format!("{person:05}.json"), world.enrolled(person.into(), EyeSide::Left));
    }
    for &person in twice {
        let again = world.clone().with_distances(0.15..=0.25).recaptured(person.into(), EyeSide::Left, 1);
        write(format!("{person:05}-again.json"), again.template);
    }
}

fn pairs_of_files(document: &Value) -> Vec<[String; 2]> {
    let name = |eye: &Value| Path::new(eye["file"].as_str().unwrap()).file_name().unwrap().to_str().unwrap().to_owned();
    document["pairs"].as_array().unwrap().iter().map(|pair| [name(&pair["a"]), name(&pair["b"])]).collect()
}

#[test]
fn who_is_in_a_folder_twice_is_found_in_memory_and_on_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let (here, there) = (folder.path().join("here"), folder.path().join("there"));
    templates(&here, 300, &[5, 77]);
    let text = typed("dedup {}", &[&here]).exits(1);
    assert!(text.stdout.contains("302 eyes: 2 pairs match below 0.3700"), "{text:?}");
    let found = typed("dedup {} --json", &[&here]).exits(1).json();
    let expected = [5, 77].map(|person| [format!("{person:05}-again.json"), format!("{person:05}.json")]);
    assert_eq!(pairs_of_files(&found), expected);
    assert_eq!((&found["comparisons"], &found["resumed"]), (&Value::from(302 * 301 / 2), &Value::from(0)));
    let on_disk = typed("dedup {} --memory 0 --scratch {} --json", &[&here, folder.path()]).exits(1).json();
    assert_eq!((&on_disk["pairs"], &on_disk["incomparable"]), (&found["pairs"], &found["incomparable"]));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "the file of templates is gone");
    // Somebody who is in both of two places.
    templates(&there, 78, &[]);
    fs::remove_file(there.join("00005.json")).unwrap();
    fs::remove_file(here.join("00077-again.json")).unwrap();
    for memory in ["", " --memory 0"] {
        let both = typed(&format!("dedup {{}} --against {{}} --json{memory}"), &[&here, &there]).exits(1).json();
        let pairs = pairs_of_files(&both);
        assert_eq!(pairs.len(), 77, "78 people less the one who was removed");
        assert!(pairs.iter().all(|[a, b]| a == b) && both["against"] == 77, "{pairs:?}");
    }
    // A bad file stops no other, and is remembered.
    for person in 0..78 {
        let _ = fs::remove_file(here.join(format!("{person:05}.json")));
    }
    typed("dedup {} --against {}", &[&here, &there]).exits(0);
    fs::write(here.join("bad.json"), "{}").unwrap();
    let bad = typed("dedup {} --against {}", &[&here, &there]).exits(2);
    assert!(bad.stdout.contains("no two match") && bad.stderr.contains("bad.json"), "{bad:?}");
    typed("dedup {}", &[&folder.path().join("nowhere")]).fails_with("file_not_found");
    fs::create_dir(folder.path().join("empty")).unwrap();
    typed("dedup {}", &[&folder.path().join("empty")]).fails_with("no_templates");
    run(["dedup"]).exits(2);
}

#[test]
fn a_registry_is_held_against_itself_and_against_another() {
    let (first, second) = (world(3), world(2));
    let (first, second) = (first.path().join("reg"), second.path().join("reg"));
    let alone = typed("dedup --registry {} --json", &[&first]).exits(0).json();
    // Three left eyes, three right eyes, and every left eye with the right eyes of the two others.
    assert_eq!((&alone["eyes"], &alone["pairs"]), (&Value::from(6), &Value::Array(Vec::new())));
    let both = typed("dedup --registry {} --against {} --json", &[&first, &second]).exits(1).json();
    let pairs: Vec<_> = both["pairs"].as_array().unwrap().iter().map(|pair| (&pair["a"], &pair["b"])).collect();
    assert_eq!(pairs.len(), 4);
    assert!(pairs.iter().all(|(a, b)| a == b), "{pairs:?}");
    let text = typed("dedup --registry {} --against {} --memory 0", &[&first, &second]).exits(1);
    assert!(text.stdout.contains("person 2 (right eye) and person 2 (right eye): distance "), "{text:?}");
}

#[cfg(unix)]
#[test]
fn a_comparison_that_was_killed_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (eyes, checkpoint) = (folder.path().join("eyes"), folder.path().join("state"));
    templates(&eyes, 900, &[3, 400, 898]);
    let whole = typed("dedup {} --json", &[&eyes]).exits(1).json();
    assert_eq!(whole["pairs"].as_array().unwrap().len(), 3);
    let line = |memory: &str| {
        let arguments = ["dedup", eyes.to_str().unwrap(), "--json", "--checkpoint", checkpoint.to_str().unwrap()];
        let mut all: Vec<String> = arguments.map(str::to_owned).to_vec();
        all.extend(["--checkpoint-seconds", "0", "--memory", memory].map(str::to_owned));
        all
    };
    // Killed twice, each time as soon as the state is another one.
    let mut before = Vec::new();
    for memory in ["0", "4000"] {
        let mut child = program().args(line(memory)).stdout(Stdio::null()).spawn().unwrap();
        loop {
            match fs::read(&checkpoint) {
                Ok(now) if now != before => break before = now,
                _ => assert!(child.try_wait().unwrap().is_none(), "it was killed before its end"),
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let state: Value = serde_json::from_slice(&fs::read(&checkpoint).unwrap()).unwrap();
    assert!(state["join"] == 0 && state["place"].as_u64().unwrap() < 903, "{state}");
    let resumed = run(line("4000")).exits(1).json();
    for field in ["pairs", "comparisons", "incomparable", "eyes"] {
        assert_eq!(resumed[field], whole[field], "{field}");
    }
    assert!(resumed["resumed"].as_u64().unwrap() >= 128 * 700, "{resumed}");
    // The work is done: the same question is answered at once, another one is not.
    assert_eq!(run(line("4000")).exits(1).json()["resumed"], whole["comparisons"]);
    let checkpoint = |more: &[&str]| {
        let mut all = vec!["dedup", eyes.to_str().unwrap(), "--checkpoint", checkpoint.to_str().unwrap()];
        all.extend(more);
        run(all)
    };
    checkpoint(&["--threshold", "0.36"]).fails_with("checkpoint_other_input");
    let path = folder.path().join("state");
    let right = fs::read_to_string(&path).unwrap();
    for wrong in [
        right[..right.len() / 2].to_owned(),
        right.replace("\"version\":1", "\"version\":9"),
        right.replacen("[[0,0,", "[[0,9,", 1),
        right.replacen("[[0,0,", "[[0,0,99", 1),
    ] {
        assert_ne!(wrong, right);
        fs::write(&path, wrong).unwrap();
        checkpoint(&[]).fails_with("checkpoint_malformed");
    }
    fs::write(&path, &right).unwrap();
    fs::remove_file(eyes.join("00000.json")).unwrap();
    checkpoint(&[]).fails_with("checkpoint_other_input");
    assert_eq!(fs::read_to_string(&path).unwrap(), right, "nobody touched it");
}
