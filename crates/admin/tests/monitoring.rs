//! The alerts and the dashboard under deploy/ are good, and of figures that there are.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use evenkeel_admin::metrics::FAMILIES;
use serde_json::Value;

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(in_repository(path)).expect("the file is in the repository")
}

#[track_caller]
fn promtool(arguments: &[&str]) {
    let folder = in_repository("deploy/prometheus");
    let output = Command::new("promtool").args(arguments).current_dir(folder).output();
    let output = output.expect("promtool is installed (scripts/install-test-deps)");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

/// The names of figures in an expression.
fn figures(text: &str) -> BTreeSet<&str> {
    let is_part = |char: char| char.is_ascii_alphanumeric() || char == '_';
    let words = text.split(|char: char| !is_part(char));
    words.filter(|it| it.starts_with("evenkeel_") || it.starts_with("cache_")).collect()
}

#[track_caller]
fn check_figures(text: &str) {
    for name in figures(text) {
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|it| name.strip_suffix(it));
        let is_there = |name: &str| FAMILIES.iter().any(|family| family.name == name);
        assert!(is_there(name) || family.is_some_and(is_there), "there is no {name}");
    }
}

/// The alerts, by name.
fn alerts(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect()
}

#[test]
fn the_alerts_fire_when_they_should_and_not_otherwise() {
    promtool(&["check", "rules", "evenkeel.rules.yml"]);
    promtool(&["test", "rules", "evenkeel.rules.test.yml"]);
    check_figures(&read("deploy/prometheus/evenkeel.rules.yml"));
}

#[test]
fn every_alert_is_tested_both_ways_and_has_its_place_in_the_runbook() {
    let rules = read("deploy/prometheus/evenkeel.rules.yml");
    let (tests, runbook) =
        (read("deploy/prometheus/evenkeel.rules.test.yml"), read("docs/operations.md"));
    let alerts = alerts(&rules);
    assert!(!alerts.is_empty());
    for alert in &alerts {
        let mut cases =
            tests.split("alertname: ").filter(|it| it.split_whitespace().next() == Some(*alert));
        assert!(
            cases.clone().any(|it| it.contains("exp_alerts: []")),
            "{alert} never stays silent"
        );
        assert!(cases.any(|it| it.contains("exp_labels")), "{alert} never fires");
        assert!(runbook.contains(&format!("\n### {alert}\n")), "the runbook has no {alert}");
        let anchor = format!("docs/operations.md#{}\"", alert.to_lowercase());
        assert!(rules.contains(&anchor), "{alert} does not say where its runbook is");
    }
    let headings = runbook.lines().filter_map(|line| line.strip_prefix("### Evenkeel"));
    assert_eq!(headings.count(), alerts.len(), "the runbook has alerts that there are not");
}

/// All values at a key, wherever it is.
fn values_at<'v>(value: &'v Value, key: &str, found: &mut Vec<&'v str>) {
    match value {
        Value::Object(object) => {
            found.extend(object.get(key).and_then(Value::as_str));
            object.values().for_each(|it| values_at(it, key, found));
        }
        Value::Array(array) => array.iter().for_each(|it| values_at(it, key, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_dashboard_asks_only_what_can_be_answered() {
    let text = read("deploy/grafana/evenkeel.json");
    let dashboard: Value = serde_json::from_str(&text).expect("it is JSON");
    check_figures(&text);
    let mut expressions = Vec::new();
    values_at(&dashboard, "expr", &mut expressions);
    assert!(expressions.len() > 20);
    // What Grafana fills in.
    let filled = |expression: &str| {
        let expression = expression.replace("$__rate_interval", "5m");
        ["$job", "$instance", "$pool"].iter().fold(expression, |it, name| it.replace(name, ".*"))
    };
    let rule =
        |(idx, it): (usize, &&str)| format!("  - record: a:{idx}\n    expr: {:?}\n", filled(it));
    let rules: Vec<_> = expressions.iter().enumerate().map(rule).collect();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dashboard.rules.yml");
    fs::write(&path, format!("groups:\n- name: a\n  rules:\n{}", rules.concat()))
        .expect("the folder is ours");
    promtool(&["check", "rules", path.to_str().expect("a path of letters")]);
}

#[test]
fn no_two_panels_of_the_dashboard_are_in_one_place() {
    let dashboard: Value =
        serde_json::from_str(&read("deploy/grafana/evenkeel.json")).expect("it is JSON");
    let mut taken = BTreeSet::new();
    for panel in dashboard["panels"].as_array().expect("it has panels") {
        let at = |key: &str| panel["gridPos"][key].as_u64().expect("a panel has a place");
        for (x, y) in (0..at("w")).flat_map(|x| (0..at("h")).map(move |y| (x, y))) {
            assert!(taken.insert((at("x") + x, at("y") + y)), "{}", panel["title"]);
        }
    }
}
