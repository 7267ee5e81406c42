//! The rules of STYLE.md and ARCHITECTURE.md that a machine can hold.
//!
//! Each test lists every breach it finds and says what to do about it. An exception is a line
//! in a table with its reason, and one that no longer applies is itself a breach.

use std::fs;

use toml::de::DeTable;

use evenkeel_tidy::{File, read_files, root, scan};

/// One crate of the workspace, and what it may and must not use.
struct CratePlace {
    path: &'static str,
    /// Our crates it may depend on.
    on: &'static [&'static str],
    /// Our crates that only its tests may use, besides.
    in_tests_on: &'static [&'static str],
    /// Other people's crates that must stay out of it.
    never: &'static [&'static str],
}

const ADMIN: &str = "evenkeel-admin";
const API: &str = "evenkeel-api";
const CORE: &str = "evenkeel-core";
const CONTROL: &str = "evenkeel-control";
const CONFIG_FILE: &str = "evenkeel-config-file";
const LAB: &str = "evenkeel-lab";
const RIG: &str = "evenkeel-rig";

/// The arrows between the crates. A new one is an edit of ARCHITECTURE.md first.
const CRATES: &[CratePlace] = &[
    CratePlace {
        path: "crates/core",
        on: &[],
        in_tests_on: &[],
        never: &["tokio", "mio", "socket2", "tracing", "rand", "fastrand", "clap", "parking_lot"],
    },
    CratePlace {
        path: "crates/client",
        on: &[ADMIN, CORE, CONTROL, CONFIG_FILE],
        in_tests_on: &[LAB, RIG],
        never: &["clap", "toml", "hyper", "mio"],
    },
    CratePlace { path: "crates/api", on: &[], in_tests_on: &[], never: &["tokio", "axum"] },
    CratePlace {
        path: "crates/admin",
        on: &[API, CONTROL, CORE],
        in_tests_on: &[LAB],
        never: &["clap", "mio", "toml", "evenkeel-uring"],
    },
    CratePlace {
        path: "crates/uring",
        on: &[],
        in_tests_on: &[],
        never: &["tokio", "mio", "socket2", "tracing"],
    },
    CratePlace {
        path: "crates/control",
        on: &[CORE],
        in_tests_on: &[LAB],
        never: &["mio", "evenkeel-uring", "clap", "toml", "hyper"],
    },
    CratePlace {
        path: "crates/config",
        on: &[CORE],
        in_tests_on: &[],
        never: &["tokio", "mio", "socket2", "tracing", "clap", "serde"],
    },
    CratePlace {
        path: "crates/import",
        on: &[CONFIG_FILE, CORE],
        in_tests_on: &[],
        never: &["clap", "mio", "tokio"],
    },
    CratePlace {
        path: "crates/hooks",
        on: &["evenkeel-api", CONTROL, CORE],
        in_tests_on: &[RIG],
        never: &["axum", "clap", "mio", "toml"],
    },
    CratePlace {
        path: "crates/proxy",
        on: &[ADMIN, API, CONTROL, CORE, "evenkeel-hooks", "evenkeel-uring"],
        in_tests_on: &[LAB],
        never: &["clap", "io-uring", "toml"],
    },
    CratePlace {
        path: "crates/doctor",
        on: &[API, CORE],
        in_tests_on: &[LAB, RIG],
        never: &["axum", "clap", "mio", "toml"],
    },
    CratePlace {
        path: "crates/cli",
        on: &[
            "evenkeel-doctor",
            "evenkeel-import",
            "evenkeel-proxy",
            API,
            CONFIG_FILE,
            CORE,
            LAB,
            "evenkeel-load",
        ],
        // What happens to the proxy in the tests of faults happens to the library, too.
        in_tests_on: &["evenkeel", RIG],
        never: &["mio"],
    },
    CratePlace {
        path: "crates/lab",
        on: &[CORE],
        // Whatever answers as memcached does is compared with it in one place.
        in_tests_on: &[CONFIG_FILE, "evenkeel-proxy", RIG],
        never: &["clap"],
    },
    // Only tests use it: whoever does has it in `in_tests_on`, never in `on`.
    CratePlace { path: "crates/rig", on: &[], in_tests_on: &[], never: &["tokio", "clap"] },
    CratePlace {
        path: "crates/sim",
        on: &[CORE],
        in_tests_on: &[],
        never: &["tokio", "mio", "socket2", "rand"],
    },
    CratePlace { path: "examples/web", on: &["evenkeel"], in_tests_on: &[RIG], never: &["clap"] },
    CratePlace { path: "crates/load", on: &[], in_tests_on: &[], never: &["clap", "tokio"] },
    CratePlace {
        path: "bench",
        on: &["evenkeel-load"],
        in_tests_on: &[RIG],
        never: &["clap", "tokio"],
    },
    CratePlace { path: "gauge", on: &[CORE], in_tests_on: &[], never: &["tokio", "mio", "clap"] },
    CratePlace { path: "tidy", on: &[], in_tests_on: &[], never: &[] },
];

/// Words that DESIGN's vocabulary replaces, each with the word to use.
const WORDS: [(&str, &str); 11] = [
    ("backend", "server"),
    ("backends", "servers"),
    ("node", "server"),
    ("nodes", "servers"),
    ("upstream", "server"),
    ("upstreams", "servers"),
    ("tko", "ejected"),
    ("ping", "canary"),
    ("heartbeat", "canary"),
    ("dead", "down, or what is meant"),
    ("host", "server; for a part of an address list the file in WORDS_ALLOWED"),
];

/// Where such a word is right: path (or the start of one), word, reason.
const WORDS_ALLOWED: &[(&str, &str, &str)] = &[
    ("crates/core/src/config/", "host", HALF_OF_ADDRESS),
    ("crates/core/src/distribution", "host", "clients hash the first half of an address"),
    ("crates/core/src/distribution/", "node", "in the names of spymemcached's classes"),
    ("crates/core/tests/golden_distribution/", "node", "in the names of spymemcached's classes"),
    ("crates/core/tests/golden_distribution/", "host", "as recorded from clients"),
    ("crates/config/src/", "host", HALF_OF_ADDRESS),
    ("crates/control/src/", "host", HALF_OF_ADDRESS),
    ("crates/admin/src/access", "host", "a header of HTTP"),
    ("crates/cli/", "host", HALF_OF_ADDRESS),
    ("crates/cli/tests/real/import.rs", "backend", "what Django calls a kind of cache"),
    ("crates/cli/tests/real/import.rs", "backends", "part of the name of Django's classes"),
    ("crates/cli/tests/real/page.rs", "node", "the program that runs JavaScript"),
    ("crates/cli/src/top/", "backend", "what ratatui calls a terminal"),
    ("crates/client/src/", "ping", "what clients call it"),
    ("crates/client/tests/", "ping", "what clients call it"),
    ("crates/doctor/src/", "host", HALF_OF_ADDRESS),
    ("crates/doctor/src/examine/redis", "nodes", "Redis' command"),
    ("crates/doctor/", "ping", "Redis' command, and the program"),
    ("crates/import/src/", "host", HALF_OF_ADDRESS),
    ("crates/import/src/from/django.rs", "backend", "what Django calls a kind of cache"),
    ("crates/import/src/from/django.rs", "backends", "part of the name of Django's classes"),
    ("crates/import/src/from/django.rs", "dead", "part of the name of a setting of pymemcache"),
    ("crates/import/src/kind.rs", "backend", "what Django calls a kind of cache"),
    ("crates/import/src/kind.rs", "backends", "part of the name of Django's classes"),
    ("crates/import/src/read/", "node", "what parsers call a part of a syntax tree"),
    ("crates/import/tests/", "backend", "what Django calls a kind of cache"),
    ("crates/import/tests/", "backends", "part of the name of Django's classes"),
    ("crates/lab/src/relay/", "ping", "Redis' command"),
    ("crates/proxy/tests/admin/", "host", "a header of HTTP"),
    ("docs/client.md", "ping", "what clients call it"),
    ("docs/configuration.md", "host", HALF_OF_ADDRESS),
    ("docs/doctor.md", "ping", "Redis' command, and the program"),
    ("docs/import.md", "host", HALF_OF_ADDRESS),
    ("docs/migrating/", "host", "clients hash the first half of an address"),
    ("docs/migrating/django.md", "backend", "Django's settings"),
    ("docs/migrating/django.md", "backends", "Django's modules"),
    ("docs/migrating", "dead", "settings of pymemcache and libmemcached"),
    ("docs/migrating", "node", "what spymemcached calls its locators"),
    ("docs/migrating", "tko", "settings of mcrouter"),
    ("docs/routing.md", "host", "clients hash the first half of an address"),
];

const HALF_OF_ADDRESS: &str = "the first half of an address";

const FILE_LINES_MAX: usize = 800;
const FILE_CODE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

#[test]
fn crates_depend_only_in_the_direction_of_the_architecture() {
    let mut breaches = Vec::new();
    for member in workspace_members() {
        match CRATES.iter().find(|place| place.path == member) {
            Some(place) => check_dependencies(place, &mut breaches),
            None => breaches.push(format!("{member}: has no line in CRATES (tidy/tests/tidy.rs)")),
        }
    }
    assert_none(
        &breaches,
        "Turn the dependency round, or move the code. A new arrow is argued for in \
         ARCHITECTURE.md first and then added to CRATES.",
    );
}

#[test]
fn versions_of_dependencies_are_in_the_workspace_manifest_only() {
    let mut breaches = Vec::new();
    for place in CRATES {
        for (name, has_version) in dependencies(place.path) {
            if has_version {
                breaches
                    .push(format!("{}/Cargo.toml: {name} has a version of its own", place.path));
            }
        }
    }
    assert_none(
        &breaches,
        "State the version under [workspace.dependencies] in the root Cargo.toml and write \
         `name.workspace = true` here.",
    );
}

#[test]
fn files_are_short() {
    let mut breaches = Vec::new();
    for file in read_files(&["rs"]) {
        let lines = file.text.lines().count();
        if lines > FILE_LINES_MAX {
            breaches.push(format!("{}: {lines} lines, {FILE_LINES_MAX} at most", file.path));
        }
        let code = scan::lines_without_tests(&file.text);
        if !file.is_test() && code > FILE_CODE_LINES_MAX {
            breaches.push(format!(
                "{}: {code} lines without its tests, {FILE_CODE_LINES_MAX} at most",
                file.path
            ));
        }
    }
    assert_none(
        &breaches,
        "Split the file by nouns: `foo.rs` keeps the public type, `foo/part.rs` gets the part. \
         Tests that outgrow their file go to `foo/tests.rs`.",
    );
}

#[test]
fn functions_fit_a_screen() {
    let mut breaches = Vec::new();
    for file in read_files(&["rs"]) {
        for function in scan::functions(&file.text) {
            if function.lines > FUNCTION_LINES_MAX {
                breaches.push(format!(
                    "{}:{}: {} has {} lines, {FUNCTION_LINES_MAX} at most",
                    file.path, function.line, function.name, function.lines
                ));
            }
        }
    }
    assert_none(
        &breaches,
        "Keep the branching in the caller and move each branch's work into a function named \
         after what it does.",
    );
}

#[test]
fn the_vocabulary_is_kept() {
    let mut breaches = Vec::new();
    let mut used = [false; WORDS_ALLOWED.len()];
    for file in read_files(&["rs", "md"]).iter().filter(|file| has_vocabulary(file)) {
        for (line, word) in scan::words(&file.text) {
            let Some((_, instead)) = WORDS.iter().find(|(banned, _)| *banned == word) else {
                continue;
            };
            let allowed = WORDS_ALLOWED
                .iter()
                .position(|(path, allowed, _)| file.path.starts_with(path) && *allowed == word);
            match allowed {
                Some(idx) => used[idx] = true,
                None => breaches.push(format!("{}:{line}: `{word}`; say {instead}", file.path)),
            }
        }
    }
    for ((path, word, _), _) in WORDS_ALLOWED.iter().zip(used).filter(|(_, used)| !used) {
        breaches.push(format!("WORDS_ALLOWED: {path} says `{word}` no longer; remove the line"));
    }
    assert_none(
        &breaches,
        "Use the words of docs/glossary.md. Where another program's own name for a thing is \
         quoted, add the file to WORDS_ALLOWED with the reason.",
    );
}

#[test]
fn every_module_opens_with_what_it_is() {
    let breaches: Vec<_> = read_files(&["rs"])
        .into_iter()
        .filter(|file| file.is_module() && !file.is_test() && !file.text.starts_with("//! "))
        .map(|file| format!("{}:1: does not open with `//! `", file.path))
        .collect();
    assert_none(&breaches, "Say what the module is, what it decides and what it never does.");
}

#[test]
fn nothing_is_skipped_or_left_for_later() {
    let mut breaches = Vec::new();
    for file in read_files(&["rs"]) {
        let code = scan::without_literals(&file.text);
        for (idx, line) in code.lines().enumerate() {
            for mark in ["#[ignore", "todo!(", "unimplemented!("] {
                if line.contains(mark) {
                    breaches.push(format!("{}:{}: {mark}", file.path, idx + 1));
                }
            }
        }
    }
    assert_none(
        &breaches,
        "A test that does not run proves nothing: mend or remove it. What is not built yet \
         answers with an error that says so.",
    );
}

/// The rules' own tables and the guide that names the words to avoid are not held to them.
fn has_vocabulary(file: &File) -> bool {
    !file.path.starts_with("tidy/") && file.path != "STYLE.md"
}

fn check_dependencies(place: &CratePlace, breaches: &mut Vec<String>) {
    for (section, allowed) in [
        ("dependencies", [place.on, &[]].concat()),
        ("dev-dependencies", [place.on, place.in_tests_on].concat()),
    ] {
        for (name, _) in section_of(place.path, section) {
            let is_ours = name == "evenkeel" || name.starts_with("evenkeel-");
            if is_ours && !allowed.contains(&name.as_str()) {
                breaches.push(format!("{}: [{section}] has {name}", place.path));
            }
            if section == "dependencies" && place.never.contains(&name.as_str()) {
                breaches.push(format!("{}: [{section}] has {name}, never there", place.path));
            }
        }
    }
}

fn workspace_members() -> Vec<String> {
    let text = read_manifest("");
    let manifest = parse(&text);
    let workspace = table_in(&manifest, "workspace").expect("the root is a workspace");
    let members = workspace.get("members").and_then(|value| value.get_ref().as_array());
    let members = members.expect("members are a list").iter();
    members.map(|member| member.get_ref().as_str().expect("a member is a path").into()).collect()
}

/// A dependency's name, and whether its version is stated where it is used.
type Dependency = (String, bool);

fn dependencies(member: &str) -> Vec<Dependency> {
    ["dependencies", "dev-dependencies", "build-dependencies"]
        .into_iter()
        .flat_map(|section| section_of(member, section))
        .collect()
}

fn section_of(member: &str, section: &str) -> Vec<Dependency> {
    let text = read_manifest(member);
    let manifest = parse(&text);
    let entries = table_in(&manifest, section).into_iter().flatten();
    entries
        .map(|(name, value)| {
            let has_version = match value.get_ref().as_table() {
                Some(table) => table.contains_key("version"),
                None => true,
            };
            (name.get_ref().to_string(), has_version)
        })
        .collect()
}

fn table_in<'a>(table: &'a DeTable<'a>, name: &str) -> Option<&'a DeTable<'a>> {
    table.get(name).and_then(|value| value.get_ref().as_table())
}

fn parse(manifest: &str) -> DeTable<'_> {
    DeTable::parse(manifest).expect("cargo has read the manifest before").into_inner()
}

fn read_manifest(member: &str) -> String {
    let path = root().join(member).join("Cargo.toml");
    fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

#[track_caller]
fn assert_none(breaches: &[String], remedy: &str) {
    assert!(breaches.is_empty(), "\n\n{}\n\n{remedy}\n", breaches.join("\n"));
}
