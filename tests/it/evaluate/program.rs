//! `personhood evaluate`, on synthetic eyes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// Arguments in; exit code, standard output and standard error out.
fn evaluate(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_personhood"))
        .env_clear()
        .arg("evaluate")
        .arg(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn document(folder: &Path, arguments: &[&str]) -> Value {
    let (code, stdout, stderr) = evaluate(folder, &[arguments, &["--json", "--replicates", "50"]].concat());
    assert_eq!(code, 0, "{stdout}{stderr}");
    serde_json::from_str(&stdout).unwrap()
}

/// Picture `capture` (1 or 2) of the left eye of a person of testdata.
fn eye(person: usize, capture: usize) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/eyes");
    folder.join(format!("person-{person:02}/left-{capture}.png"))
}

/// Three eyes with two pictures, one with a single one, a picture that is torn, one without an eye, and other files.
fn labelled() -> TempDir {
    let folder = TempDir::new().unwrap();
    for person in 1..=3 {
        let class = folder.path().join(format!("deep, and \"quoted\"/eye {person}"));
        fs::create_dir_all(&class).unwrap();
        for capture in 1..=2 {
            fs::copy(eye(person, capture), class.join(format!("{capture}.png"))).unwrap();
        }
        fs::write(class.join("notes.txt"), "not a picture").unwrap();
    }
    let single = folder.path().join("single");
    fs::create_dir(&single).unwrap();
    fs::copy(eye(4, 1), single.join("1.PNG")).unwrap();
    let whole = fs::read(eye(4, 2)).unwrap();
    fs::write(single.join("torn.png"), &whole[..whole.len() / 2]).unwrap();
    fs::write(single.join("grey.pgm"), [b"P5 320 240 255\n".as_slice(), &[128; 320 * 240]].concat()).unwrap();
    folder
}

#[test]
fn a_folder_becomes_a_report_and_a_table() {
    let folder = labelled();
    let out = TempDir::new().unwrap();
    let table = out.path().join("pairs.csv");
    let report = document(folder.path(), &["--pairs", table.to_str().unwrap()]);

    assert_eq!((&report["images"], &report["classes"], &report["templates"]), (&9.into(), &4.into(), &7.into()));
    assert!((report["failure_to_enrol"].as_f64().unwrap() - 2.0 / 9.0).abs() < 1e-12);
    let failures = report["failures"].as_array().unwrap();
    let codes: BTreeMap<_, _> =
        failures.iter().map(|f| (f["image"].as_str().unwrap(), f["error"]["code"].as_str().unwrap())).collect();
    assert_eq!(codes.len(), 2);
    assert!(codes["single/torn.png"].starts_with("image_"), "{codes:?}");
    assert!(codes["single/grey.pgm"].starts_with("segmentation_"), "{codes:?}");
    assert_eq!((&report["genuine_pairs"], &report["impostor_pairs"]), (&3.into(), &18.into()));
    assert_eq!((&report["eer"], &report["rank1"], &report["rank1_attempts"]), (&0.0.into(), &1.0.into(), &6.into()));
    for rate in ["0.01", "0.001", "0.0001", "0.00001"] {
        assert_eq!(report["fnmr_at_fmr"][rate], 0.0, "{rate}");
        assert_eq!(report["fnmr_at_fmr_interval"][rate][1], 0.0, "{rate}");
    }
    for positive in ["d_prime", "ms_per_image", "degrees_of_freedom", "comparisons_per_core_per_s"] {
        assert!(report[positive].as_f64().unwrap() > 0.0, "{positive}");
    }
    let stages: f64 = report["ms_per_stage"].as_object().unwrap().values().map(|ms| ms.as_f64().unwrap()).sum();
    assert!((stages / report["ms_per_image"].as_f64().unwrap() - 1.0).abs() < 1e-6);

    // The table says the same to somebody who knows nothing else.
    let table = fs::read_to_string(table).unwrap();
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("path_a,path_b,distance"));
    let rows: Vec<(String, String, f64)> = lines.map(row).collect();
    assert_eq!(rows.len(), 21);
    let class = |path: &str| path.rsplit_once('/').unwrap().0.to_owned();
    let (genuine, impostor): (Vec<_>, Vec<_>) = rows.iter().partition(|(a, b, _)| class(a) == class(b));
    assert_eq!((genuine.len(), impostor.len()), (3, 18));
    assert!(genuine.iter().all(|(a, ..)| a.starts_with("deep, and \"quoted\"/eye ")));
    let mean = |rows: &[&(String, String, f64)]| rows.iter().map(|row| row.2).sum::<f64>() / rows.len() as f64;
    assert!((mean(&genuine) - report["genuine"]["mean"].as_f64().unwrap()).abs() < 1e-6);
    assert!((mean(&impostor) - report["impostor"]["mean"].as_f64().unwrap()).abs() < 1e-6);
}

/// A row of three fields, the first two quoted or not.
fn row(line: &str) -> (String, String, f64) {
    let (paths, distance) = line.rsplit_once(',').unwrap();
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut characters = paths.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                fields.last_mut().unwrap().push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            other => fields.last_mut().unwrap().push(other),
        }
    }
    let [a, b] = fields.try_into().unwrap();
    (a, b, distance.parse().unwrap())
}

#[test]
fn threads_change_the_time_and_nothing_else() {
    let folder = labelled();
    let [one, many] = ["1", "3"].map(|threads| {
        let mut report = document(folder.path(), &["--threads", threads]);
        for measured in ["ms_per_image", "ms_per_stage", "comparisons_per_core_per_s", "seconds", "threads"] {
            assert!(report.as_object_mut().unwrap().remove(measured).is_some(), "{measured}");
        }
        report
    });
    assert_eq!(one, many);
}

#[test]
fn sides_are_two_eyes_of_one_person() {
    let folder = TempDir::new().unwrap();
    for person in 1..=2 {
        let name = format!("person-{person:02}");
        fs::create_dir(folder.path().join(&name)).unwrap();
        for file in ["left-1.png", "left-2.png", "right-1.png"] {
            let from = eye(person, 1).with_file_name(file);
            fs::copy(from, folder.path().join(&name).join(file)).unwrap();
        }
    }
    let report = document(folder.path(), &["--sides"]);
    assert_eq!((&report["classes"], &report["people"]), (&4.into(), &2.into()));
    assert_eq!((&report["genuine_pairs"], &report["impostor_pairs"]), (&2.into(), &13.into()));
    fs::rename(folder.path().join("person-01/left-1.png"), folder.path().join("person-01/1.png")).unwrap();
    refuses(folder.path(), &["--sides"], "no_eye");
}

/// Pictures of eyes leave the program only when they are asked for.
#[test]
fn the_page_stands_alone_and_shows_eyes_only_when_told() {
    let folder = labelled();
    let out = TempDir::new().unwrap();
    let page = out.path().join("report.html");
    let written = |arguments: &[&str]| {
        let (code, _, stderr) = evaluate(folder.path(), &[&["--html", page.to_str().unwrap()], arguments].concat());
        assert_eq!(code, 0, "{stderr}");
        (fs::read_to_string(&page).unwrap(), stderr)
    };
    for arguments in [&[][..], &["--no-pictures"]] {
        let (html, stderr) = written(arguments);
        assert!(!html.contains("<img") && !html.contains("data:image") && !stderr.contains("pictures of eyes"));
        assert_eq!(html.matches("<svg").count(), 3, "distances, DET, ROC");
        for outside in ["http://", "https://", "<script", "<link", "@import", "url("] {
            assert!(!html.contains(outside), "{outside}");
        }
        assert!(html.contains("deep, and &quot;quoted&quot;/eye 1/1.png") && !html.contains("NaN"));
    }
    let (html, stderr) = written(&["--with-pictures", "--worst", "2"]);
    assert!(stderr.contains("holds pictures of eyes"), "{stderr}");
    assert!(html.contains("This page holds pictures of people's eyes."));
    // Two pairs of each kind, two overlays and one comparison of codes each.
    assert_eq!(html.matches("<img src=\"data:image/png;base64,").count(), 12);
    // Nothing else was written, and nothing is written unasked.
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 1);
    assert_eq!(evaluate(folder.path(), &["--with-pictures"]).0, 2, "pictures need a page to be on");
}

#[track_caller]
fn refuses(folder: &Path, arguments: &[&str], code: &str) {
    let (exit, stdout, stderr) = evaluate(folder, arguments);
    assert_eq!(exit, 2, "{stderr}");
    assert!(stdout.is_empty() && stderr.contains(&format!("[{code}]")), "expected [{code}]: {stderr}");
    let (exit, stdout, _) = evaluate(folder, &[arguments, &["--json"]].concat());
    let document: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((exit, document["error"]["code"].as_str()), (2, Some(code)));
}

#[test]
fn folders_that_cannot_be_evaluated_say_why() {
    let folder = TempDir::new().unwrap();
    refuses(folder.path(), &[], "no_pictures");
    refuses(&folder.path().join("missing"), &[], "file_not_found");
    fs::write(folder.path().join("a.png"), "no picture").unwrap();
    refuses(&folder.path().join("a.png"), &[], "file_unreadable");
    refuses(folder.path(), &[], "too_few_templates");
}

/// One eye alone is no error of the folder's, but there is nothing to be measured: null, and exit code 2.
#[test]
fn one_eye_gives_no_rates() {
    let folder = TempDir::new().unwrap();
    for capture in 1..=2 {
        fs::copy(eye(1, capture), folder.path().join(format!("{capture}.png"))).unwrap();
    }
    let page = folder.path().join("report.html");
    let (code, stdout, stderr) = evaluate(folder.path(), &["--json", "--html", page.to_str().unwrap()]);
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, report["outcome"].as_str()), (2, Some("could_not_tell")));
    assert_eq!((&report["genuine_pairs"], &report["impostor_pairs"]), (&1.into(), &0.into()));
    assert!(report["eer"].is_null() && report["fnmr_at_fmr"]["0.001"].is_null() && report["eer_interval"].is_null());
    assert!(stderr.contains("no rates"), "{stderr}");
    assert!(fs::read_to_string(page).unwrap().contains("no rate of error can be given"));
}
