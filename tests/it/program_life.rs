//! The commands for what comes after enrolment, as their users see them.

#![allow(clippy::unwrap_used)]

use std::fs;

use crate::program::{eye, typed, world};

#[test]
fn a_life_in_commands() {
    let folder = world(2);
    let registry = folder.path().join("reg");
    let at = |name: &str| folder.path().join(name);

    let changed = typed("suspend --registry {} --person 1 --reason doubt --json", &[&registry]).exits(0).json();
    assert_eq!((changed["status"].as_str(), changed["person"].as_u64()), (Some("suspended"), Some(1)));
    let status = typed("status --registry {} --json", &[&registry]).exits(0).json();
    assert_eq!(status["census"]["suspended"], 1);
    let refused = typed(
        "prove --registry {} --identity {} --app polls.example --action budget --signal s",
        &[&registry, &at("ids/p1.secret")],
    );
    assert!(refused.exits(1).stderr.contains("[not_active]"));
    typed("authenticate --registry {} --person 1 --left {}", &[&registry, &eye(1, "left-2")]).exits(1);
    typed("suspend --registry {} --person 1 --reason again", &[&registry]).exits(1);
    typed("reinstate --registry {} --person 1 --reason clear", &[&registry]).exits(0);
    typed("refresh --registry {} --person 1 --left {}", &[&registry, &eye(1, "left-2")]).exits(0);
    let other = typed("refresh --registry {} --person 1 --left {}", &[&registry, &eye(2, "left-2")]).exits(1);
    assert!(other.stderr.contains("[not_this_person]"), "{other:?}");
    typed("renew --registry {} --person 1 --valid-days 10", &[&registry]).exits(0);

    typed("identity new {}", &[&at("new.secret")]).exits(0);
    let line = "recover request --registry {} --person 2 --right {} --identity {} --json";
    let waiting = typed(line, &[&registry, &eye(2, "right-2"), &at("new.secret")]).exits(0).json();
    assert_eq!(waiting["recovery"], 1);
    let early = typed("recover complete --registry {} 1", &[&registry]).exits(1);
    assert!(early.stderr.contains("[recovery_too_early]"), "{early:?}");
    let list = typed("recover list --registry {} --json", &[&registry]).exits(0).json();
    assert_eq!(list["recoveries"][0]["person"], 2);
    typed("recover cancel --registry {} 1 --reason holder", &[&registry]).exits(0);
    typed("policy set --registry {} --recovery-delay 0", &[&registry]).exits(0);
    typed(line, &[&registry, &eye(2, "right-2"), &at("new.secret")]).exits(0);
    let recovered = typed("recover complete --registry {} 2 --json", &[&registry]).exits(0).json();
    assert_eq!((recovered["leaf_index"].as_u64(), recovered["status"].as_str()), (Some(2), Some("active")));

    typed("revoke --registry {} --person 1 --reason fraud", &[&registry]).exits(0);
    let erased = typed("erase --registry {} --person 1 --reason asked --json", &[&registry]).exits(0).json();
    assert!(erased["leaf_index"].is_null());
    let overdue = typed("erase --registry {} --overdue --reason retention --json", &[&registry]).exits(0).json();
    assert_eq!(overdue["erased"].as_array().unwrap().len(), 0);
    typed("suspend --registry {} --person 9 --reason x", &[&registry]).fails_with("unknown_person");

    let decisions = typed("decisions --registry {} --json", &[&registry]).exits(0).json();
    let actions: Vec<_> = decisions["decisions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|decision| decision["action"].as_str().unwrap())
        .collect();
    for action in
        ["enrol", "suspend", "refresh", "recover", "complete-recovery", "cancel-recovery", "adopt-policy", "erase"]
    {
        assert!(actions.contains(&action), "{action}: {actions:?}");
    }
    let checked = typed("check --registry {} --json", &[&registry]).exits(0).json();
    assert_eq!((checked["findings"].as_array().unwrap().len(), checked["people"].as_u64()), (0, Some(2)));
}

#[test]
fn reviews_and_roles_in_commands() {
    let folder = world(2);
    let registry = folder.path().join("reg");
    typed("policy set --registry {} --adjudicate true", &[&registry]).exits(0);
    let shown = typed("policy show --registry {} --json", &[&registry]).exits(0).json();
    assert_eq!(
        (shown["policy_id"].as_u64(), shown["document"]["adjudicate_duplicates"].as_bool()),
        (Some(2), Some(true))
    );
    typed("policy set --registry {} --adjudicate true", &[&registry]).fails_with("policy_in_force");

    typed("operator list --registry {}", &[&registry]).exits(0);
    typed("operator add --registry {} olga --role operator", &[&registry]).fails_with("operator_no_administrator");
    typed("operator add --registry {} zoe --role administrator", &[&registry]).exits(0);
    typed("operator add --registry {} anna --role adjudicator", &[&registry]).fails_with("operator_unknown");
    for (name, role) in [("anna", "adjudicator"), ("berta", "adjudicator"), ("olga", "operator")] {
        typed(&format!("operator add --registry {{}} --operator zoe {name} --role {role}"), &[&registry]).exits(0);
    }

    let commitment = format!("7f{}", "0".repeat(62));
    let line = format!("enroll --registry {{}} --left {{}} --right {{}} --commitment {commitment}");
    let again = [registry.as_path(), &eye(1, "left-2"), &eye(1, "right-2")];
    typed(&line, &again).fails_with("operator_unknown");
    typed(&format!("{line} --operator anna"), &again).fails_with("role_not_allowed");
    typed(&format!("{line} --operator olga"), &again).fails_with("review");

    let list = typed("review list --registry {} --operator anna --json", &[&registry]).exits(0).json();
    assert_eq!(list["reviews"][0]["review"], 1);
    let shown = typed("review show --registry {} --operator anna 1 --json", &[&registry]).exits(0).json();
    assert_eq!((shown["matches"][0]["person"].as_u64(), shown["verdict"].is_null()), (Some(1), true));
    typed("review decide --registry {} --operator olga 1 same --reason x", &[&registry]).fails_with("role_not_allowed");
    typed("review decide --registry {} --operator anna 1 same --reason x", &[&registry]).exits(0);
    typed("review decide --registry {} --operator anna 1 same --reason x", &[&registry])
        .fails_with("review_voted_already");
    let closed = typed("review decide --registry {} --operator berta 1 same --reason x --json", &[&registry]).exits(0);
    assert_eq!(closed.json()["state"], "same");
    typed("review appeal --registry {} --operator olga 1 --reason twin", &[&registry]).exits(0);
    typed("operator remove --registry {} --operator zoe olga", &[&registry]).exits(0);
    typed("decisions --registry {} --operator anna", &[&registry]).fails_with("role_not_allowed");
    // Everybody can ask for the root and for a path.
    typed("status --registry {}", &[&registry]).exits(0);
    assert!(fs::metadata(&registry).unwrap().is_dir());
}

#[test]
fn stations_consent_and_replay_in_commands() {
    let folder = world(1);
    let registry = folder.path().join("reg");
    let at = |name: &str| folder.path().join(name);
    let key = typed("station key {} --json", &[&at("desk.key")]).exits(0).json();
    let public = key["public_key"].as_str().unwrap();
    typed(&format!("station add --registry {{}} desk-1 --key {public}"), &[&registry]).exits(0);
    typed("policy set --registry {} --signed-captures true --consent-required true", &[&registry]).exits(0);
    let challenge = typed("station challenge --registry {}", &[&registry]).exits(0).stdout;
    let (l, r) = (eye(2, "left-1"), eye(2, "right-1"));
    let line = format!(
        "station sign --key {{}} --name desk-1 --challenge {} --counter 1 --left {{}} --right {{}} --out {{}}",
        challenge.trim()
    );
    typed(&line, &[&at("desk.key"), &l, &r, &at("capture")]).exits(0);
    let enroll = |number: u8| {
        format!("enroll --registry {{}} --left {{}} --right {{}} --commitment {number:02x}{}", "0".repeat(62))
    };
    let unasked = typed(&format!("{} --capture {{}}", enroll(7)), &[&registry, &l, &r, &at("capture")]).exits(1);
    assert!(unasked.stderr.contains("[consent_missing]"), "{unasked:?}");
    let enroll = |number: u8| format!("{} --consent form-17", enroll(number));
    let unsigned = typed(&enroll(7), &[&registry, &l, &r]).exits(1);
    assert!(unsigned.stderr.contains("[capture_unsigned]"), "{unsigned:?}");
    let other = typed(&format!("{} --capture {{}}", enroll(7)), &[&registry, &eye(3, "left-1"), &r, &at("capture")]);
    assert!(other.exits(1).stderr.contains("[capture_other]"));
    typed(&format!("{} --capture {{}}", enroll(7)), &[&registry, &l, &r, &at("capture")]).exits(0);
    let again = typed(&format!("{} --capture {{}}", enroll(8)), &[&registry, &l, &r, &at("capture")]).exits(1);
    assert!(again.stderr.contains("[capture_replayed]"), "{again:?}");
    let list = typed("station list --registry {} --json", &[&registry]).exits(0).json();
    let station = &list["stations"][0];
    assert_eq!((station["counter"].as_u64(), station["public_key"].as_str()), (Some(1), Some(public)));
    typed("station revoke --registry {} desk-1", &[&registry]).exits(0);
    typed("station revoke --registry {} desk-1", &[&registry]).fails_with("station_unknown");

    let replayed = typed("decisions --registry {} --replay --json", &[&registry]).exits(0).json();
    let all: Vec<_> =
        replayed["replayed"].as_array().unwrap().iter().map(|one| one["replay"].as_str().unwrap()).collect();
    // The first person, the station, the policy, two refusals, the second person, a refusal, and the station again.
    assert_eq!(all, ["same", "not_kept", "not_kept", "not_kept", "not_kept", "same", "not_kept", "not_kept"]);
    let shown = typed("decisions --registry {} --after 5 --limit 1 --json", &[&registry]).exits(0).json();
    assert_eq!(shown["decisions"][0]["consent"], "form-17");
}

#[test]
fn a_folder_is_gone_on_with_and_people_go_when_their_time_has_come() {
    let folder = world(2);
    let (registry, crowd, secrets) =
        (folder.path().join("reg"), folder.path().join("crowd"), folder.path().join("ids"));
    // As a run that was stopped leaves it: one who is in, one whose secret is made and unused, one who is new.
    let third = crowd.join("p3");
    fs::create_dir_all(&third).unwrap();
    for side in ["left-1", "right-1"] {
        fs::copy(eye(3, side), third.join(format!("{side}.png"))).unwrap();
    }
    fs::write(third.join("consent"), "form 3\n").unwrap();
    typed("identity new {}", &[&secrets.join("p3.secret")]).exits(0);
    let line = "enroll --registry {} {} --identities {} --resume --json";
    let report = typed(line, &[&registry, &crowd, &secrets]).exits(0).json();
    let count = |field: &str| report[field].as_u64().unwrap();
    assert_eq!((count("enrolled_before"), count("enrolled"), count("failed"), count("remaining")), (2, 1, 0, 0));
    assert_eq!(
        (report["people"][0]["result"].as_str(), report["people"][0]["person"].as_u64()),
        (Some("enrolled_before"), Some(1))
    );
    let again = typed(line, &[&registry, &crowd, &secrets]).exits(0).json();
    assert_eq!((again["enrolled_before"].as_u64(), again["enrolled"].as_u64()), (Some(3), Some(0)));
    let decision = typed("decisions --registry {} --after 2 --json", &[&registry]).exits(0).json();
    assert_eq!(decision["decisions"][0]["consent"], "form 3");

    typed("retention list --registry {}", &[&registry]).exits(0);
    typed("policy set --registry {} --retention 86400", &[&registry]).exits(0);
    typed("renew --registry {} --person 2 --valid-days 1", &[&registry]).exits(0);
    let due = typed("retention run --registry {} --dry-run --json", &[&registry]).exits(0).json();
    assert_eq!(due["due"].as_array().unwrap().len(), 0);
    let due = typed("retention list --registry {} --within 3 --json", &[&registry]).exits(0).json();
    assert_eq!((due["due"].as_array().unwrap().len(), due["due"][0].as_u64()), (1, Some(2)));
    let done = typed("retention run --registry {} --json", &[&registry]).exits(0).json();
    assert_eq!((done["erased"].as_array().unwrap().len(), done["scrubbed"].as_bool()), (0, Some(true)));
}

/// Ctrl-C lets the batch that is in work come to its end, and says how to go on.
#[test]
fn enrolling_a_folder_is_paused() {
    use std::process::{Command, Stdio};
    let folder = world(0);
    let (registry, crowd, secrets) =
        (folder.path().join("reg"), folder.path().join("crowd"), folder.path().join("ids"));
    // Two batches of people; what they have are no eyes, so that nobody is enrolled and each takes a moment to refuse.
    for person in 0..130 {
        let name = crowd.join(format!("p{person:03}"));
        fs::create_dir_all(&name).unwrap();
        fs::copy(eye(1, "left-1"), name.join("left-1.png")).unwrap();
        fs::copy(eye(1, "left-1"), name.join("right-1.png")).unwrap();
    }
    let mut child = Command::new(env!("CARGO_BIN_EXE_personhood"))
        .args(["enroll", "--json", "--registry"])
        .arg(&registry)
        .arg(&crowd)
        .arg("--identities")
        .arg(&secrets)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It watches for the signal before it makes the first secret.
    while !secrets.exists() {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let (people, remaining) = (report["people"].as_array().unwrap().len(), report["remaining"].as_u64().unwrap());
    assert_eq!(people as u64 + remaining, 130);
    assert!(remaining >= 2 && people % 64 == 0, "{people} and {remaining}");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("--resume"));
}
