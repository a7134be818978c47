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
