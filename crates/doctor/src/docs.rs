//! docs/doctor.md is what the code says: the checks are written there from here, and each field of
//! the JSON has its row.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::{env, fs};

use serde_json::Value;

use crate::CHECKS;
use crate::check::{Change, Check, Finding, Severity};
use crate::report::{GapReport, ProbeReport, Report, ServerReport, Verdict};
use crate::vitals::Vitals;

#[test]
fn the_documentation_lists_the_checks_as_they_are() {
    let document = document();
    let (before, rest) = document.split_once(BEGIN).expect("the mark is there");
    let (listed, after) = rest.split_once(END).expect("the other mark is there");
    let checks = checks();
    if listed == checks {
        return;
    }
    if env::var_os(WRITE).is_some() {
        // The other test reads it meanwhile.
        let partial = path().with_extension("md.partial");
        let written = fs::write(&partial, format!("{before}{BEGIN}{checks}{END}{after}"));
        let renamed = written.and_then(|()| fs::rename(partial, path()));
        return renamed.expect("the document can be written");
    }
    let differing = listed.lines().zip(checks.lines()).find(|(is, should)| is != should);
    panic!(
        "docs/doctor.md is not what the checks say; first at {differing:?}. Have it written:\n\n  \
         {WRITE}=1 cargo nextest run -p evenkeel-doctor the_documentation_lists\n"
    );
}

#[test]
fn the_documentation_names_every_field_of_the_json() {
    let document = document();
    let missing: Vec<_> =
        fields().into_iter().filter(|it| !document.contains(&format!("`{it}`"))).collect();
    assert!(missing.is_empty(), "docs/doctor.md does not tell of {missing:?}");
}

/// Every check, as the document has it.
fn checks() -> String {
    let mut lines =
        vec![String::new(), "| check | what is looked at |".to_owned(), "|---|---|".to_owned()];
    let all = || CHECKS.iter().copied().flatten();
    lines.extend(
        all().map(|it| format!("| [`{0}`](#{0}) | {1} |", it.id, it.title.replace('|', "\\|"))),
    );
    for check in all() {
        lines.extend(section(check));
    }
    lines.extend([String::new(), String::new()]);
    lines.join("\n")
}

fn section(check: &Check) -> Vec<String> {
    let mut lines = vec![String::new(), format!("### `{}`", check.id), String::new()];
    lines.push(format!("*{}.*", check.title));
    for (heading, words) in
        [("", check.meaning), ("**When.** ", check.rule), ("**Where from.** ", check.source)]
    {
        for (idx, paragraph) in words.split("\n\n").enumerate() {
            lines.push(String::new());
            let heading = if idx == 0 { heading } else { "" };
            lines.extend(sentences(&format!("{heading}{paragraph}")));
        }
    }
    lines
}

/// One sentence a line, as everywhere in the documentation.
fn sentences(paragraph: &str) -> Vec<String> {
    let words: Vec<_> = paragraph.split_whitespace().collect();
    let mut lines = vec![String::new()];
    for (idx, word) in words.iter().enumerate() {
        let line = lines.last_mut().expect("there is always one");
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        let is_end = word.ends_with(['.', '?', '!']);
        let begins_anew = words.get(idx + 1).is_some_and(|next| {
            next.trim_start_matches(['`', '(', '"']).starts_with(|it: char| it.is_uppercase())
        });
        if is_end && begins_anew {
            lines.push(String::new());
        }
    }
    lines
}

/// The names of all fields of a report that has something in each.
fn fields() -> BTreeSet<String> {
    let mut finding = Finding {
        check: "serve-slow",
        server: None,
        severity: Severity::Warning,
        summary: String::new(),
        evidence: Vec::new(),
        remedies: Vec::new(),
        change: None,
    };
    let (words, command) = (String::new(), Vec::new());
    finding.evidence("", "", "").remedy("", &[]).change(Change {
        words,
        command,
        before: None,
        undo: None,
        lasting: None,
    });
    let latencies_us = Vec::new();
    let server = ServerReport {
        name: String::new(),
        protocol: "memcached",
        version: None,
        verdict: Verdict::Warning,
        took_ms: 0,
        probe: Some(ProbeReport {
            requests: 0,
            failed: 0,
            median_us: None,
            p99_us: None,
            max_us: None,
            latencies_us,
        }),
        vitals: Vitals::default(),
        gaps: vec![GapReport { what: String::new(), why: String::new() }],
    };
    let report = Report {
        at: String::new(),
        took_ms: 0,
        verdict: Verdict::Warning,
        servers: vec![server],
        proxies: Vec::new(),
        findings: vec![finding],
    };
    let mut names = BTreeSet::new();
    gather(&serde_json::to_value(report).unwrap(), &mut names);
    assert!(names.contains("lasting") && names.contains("hit_ratio_now"), "{names:?}");
    names
}

fn gather(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                names.insert(name.clone());
                gather(value, names);
            }
        }
        Value::Array(values) => values.iter().for_each(|it| gather(it, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn document() -> String {
    fs::read_to_string(path()).expect("docs/doctor.md is there")
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/doctor.md")
}

const BEGIN: &str = "<!-- The checks begin. They are written by a test of crates/doctor. -->\n";
const END: &str = "<!-- The checks end. -->\n";
const WRITE: &str = "EVENKEEL_WRITE_DOCS";
