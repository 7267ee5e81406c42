//! The documentation of the configuration says what the code does.

use std::fs;
use std::path::{Path, PathBuf};

use evenkeel_config_file::{load, parse, reference};

fn in_repository(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(in_repository(name)).expect("the file is in the repository")
}

/// Every setting in docs/configuration.md as `table key: first line of its text`.
fn documented() -> Vec<String> {
    let text = read("docs/configuration.md");
    let mut table = "";
    let mut settings = Vec::new();
    let mut lines = text.lines().filter(|line| !line.is_empty());
    while let Some(line) = lines.next() {
        if let Some(header) = line.strip_prefix("## ") {
            table = header.trim_matches(['`', '[', ']']);
        } else if let Some(key) = line.strip_prefix("### ") {
            settings.push(setting(table, key, lines.next()));
        } else if let Some(key) = line.strip_prefix("#### ") {
            settings.push(setting("pool.NAME.servers", key, lines.next()));
        }
    }
    settings.sort();
    settings
}

fn setting(table: &str, key: &str, first_line: Option<&str>) -> String {
    format!("{table} {}: {}", key.trim_matches('`'), first_line.unwrap_or_default())
}

#[test]
fn every_setting_is_documented_with_its_range_and_default_and_no_other_is() {
    let keys = reference();
    let mut known: Vec<_> =
        keys.iter().map(|key| setting(key.table, key.key, Some(&key.summary))).collect();
    known.sort();
    assert_eq!(documented(), known);
}

#[test]
fn the_example_is_a_configuration() {
    load(&in_repository("evenkeel.example.toml")).unwrap();
}

#[test]
fn what_the_example_has_commented_out_is_a_default() {
    let text = read("evenkeel.example.toml");
    let uncommented: Vec<_> = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(setting) if setting.contains(" = ") => setting,
            Some(_) | None => line,
        })
        .collect();
    let uncommented = uncommented.join("\n");
    assert_ne!(uncommented, text.trim_end());
    assert_eq!(parse("uncommented", &uncommented).unwrap(), parse("example", &text).unwrap());
}

#[test]
fn the_hooks_of_the_example_are_read_when_they_are_taken_in() {
    let text = read("evenkeel.example.toml").replace("\n## ", "\n");
    let hooks = parse("with hooks", &text).unwrap().hooks;
    let [chat, pager] = &hooks[..] else { panic!("two hooks") };
    assert_eq!((chat.name.as_str(), pager.name.as_str()), ("chat", "pager"));
}

#[test]
fn the_configuration_of_the_kubernetes_example_is_read() {
    let text = read("deploy/kubernetes/sidecar.yaml");
    let (_, after) = text.split_once("evenkeel.toml: |\n").unwrap();
    let lines = after.lines().take_while(|line| line.is_empty() || line.starts_with("    "));
    let lines: Vec<_> = lines.map(|line| line.strip_prefix("    ").unwrap_or_default()).collect();
    let config = parse("sidecar", &lines.join("\n")).unwrap();
    assert_eq!(config.pools[0].servers.len(), 3);
}

#[test]
fn the_example_has_every_setting() {
    let text = read("evenkeel.example.toml");
    // These have no default to show.
    let without_default = [
        "compatible_with",
        "point_hash",
        "name_format",
        "salt",
        "hash_tag",
        "hash_stop",
        "unhashed_prefix",
        "gutter",
        "token_file",
    ];
    for key in reference().iter().filter(|key| !without_default.contains(&key.key)) {
        assert!(text.contains(&format!("{} = ", key.key)), "{} {}", key.table, key.key);
    }
}

#[test]
fn the_toml_in_the_documentation_is_read() {
    let text = read("docs/configuration.md");
    let mut blocks = text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    parse("least", blocks.next().unwrap()).unwrap();
    let listener = "[listener.a]\naddress = \"127.0.0.1:1\"\npool = \"a\"\n[pool.a]\n";
    parse("servers", &format!("{listener}{}", blocks.next().unwrap())).unwrap();
    let pool = format!("{listener}servers = [\"a\"]\n");
    parse("hooks", &format!("{pool}{}", blocks.next().unwrap())).unwrap();
    assert_eq!(blocks.next(), None);
}
