//! One pool of a text, for a client.

use evenkeel_core::config::{OnUnavailable, PoolConfig, ServerConfig};

use super::*;

const TWO: &str = "\
[pool.users]
servers = [\"10.0.0.1\"]
on_unavailable = \"error\"
[pool.pages]
servers = [\"10.0.0.2\"]
";

/// Checks all faults of a text that is read for a client of `pool`.
#[track_caller]
fn check_pool(text: &str, pool: Option<&str>, expected: &[&str]) {
    let faults = parse_pool("t.toml", text, pool).unwrap_err().faults;
    let found: Vec<_> = faults
        .iter()
        .map(|it| format!("{}:{}: {}; {}", it.line, it.column, it.message, it.remedy))
        .collect();
    assert_eq!(found, expected, "\n{text}");
}

#[test]
fn a_pool_table_alone_is_a_client() {
    let pool = parse_pool("t.toml", "[pool.main]\nservers = [\"10.0.0.1\"]\n", None).unwrap();
    let server = ServerConfig::new("10.0.0.1".parse().unwrap());
    assert_eq!(pool, PoolConfig::new("main".parse().unwrap(), vec![server]));
}

#[test]
fn a_file_for_the_proxy_is_a_client_of_its_pool() {
    assert_eq!(parse_pool("t.toml", LEAST, None).unwrap(), parse_ok(LEAST).pools[0]);
}

#[test]
fn a_pool_is_chosen_by_its_name() {
    let pool = |name| parse_pool("t.toml", TWO, Some(name)).unwrap();
    assert_eq!(pool("users").on_unavailable, OnUnavailable::Error);
    assert_eq!(pool("pages").servers[0].address.to_string(), "10.0.0.2:11211");
}

#[test]
fn of_several_pools_one_must_be_chosen() {
    check_pool(TWO, None, &["1:2: there are several pools; choose \"users\" or \"pages\""]);
}

#[test]
fn a_pool_that_is_not_there_names_the_nearest_or_all() {
    check_pool(TWO, Some("user"), &["1:2: there is no pool \"user\"; did you mean \"users\"?"]);
    let expected = "1:2: there is no pool \"x\"; choose \"users\" or \"pages\"";
    check_pool(TWO, Some("x"), &[expected]);
}

#[test]
fn a_text_without_a_pool_has_one_fault() {
    let expected = "1:1: pool: there is no pool; add a [pool.NAME] table with servers";
    check_pool("", None, &[expected]);
    check_pool("", Some("main"), &[expected]);
}

#[test]
fn other_tables_are_read_for_their_faults() {
    let listener = "[listener.a]\naddress = \"[::1]:1\"\npool = \"usres\"\n";
    check_pool(
        &format!("{TWO}timeout = 5\n{listener}"),
        Some("users"),
        &[
            "6:11: pool.pages.timeout: an integer where a duration in quotes belongs; \
             write it as in \"250ms\"",
            "9:8: listener.a.pool: there is no pool \"usres\"; did you mean \"users\"?",
        ],
    );
}

#[test]
fn faults_in_a_pool_and_in_the_choice_are_found_together() {
    let text = TWO.replace("\"10.0.0.2\"", "");
    check_pool(
        &text,
        None,
        &[
            "1:2: there are several pools; choose \"users\" or \"pages\"",
            "5:11: pool.pages.servers: a pool needs at least one server; \
             set servers to a list such as [\"10.0.0.1:11211\"]",
        ],
    );
}

#[test]
fn while_the_name_of_a_pool_is_faulty_none_is_said_to_be_missing() {
    check_pool(
        "[pool.\"a b\"]\nservers = [\"10.0.0.1\"]\n[pool.c]\nservers = [\"10.0.0.2\"]\n",
        Some("a b"),
        &["1:7: pool.\"a b\": a name cannot have ' ' in it; use letters, digits, _ and -"],
    );
    check_pool(
        "[pol.a]\nservers = [\"10.0.0.1\"]\n",
        Some("a"),
        &["1:2: unknown key \"pol\"; did you mean \"pool\"?"],
    );
}

#[test]
fn a_pool_is_read_from_a_file() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../evenkeel.example.toml");
    assert_eq!(load_pool(Path::new(example), Some("main")).unwrap().name.as_str(), "main");
    let error = load_pool(Path::new("/dev/zero"), None).unwrap_err();
    assert_eq!(error.to_string(), "/dev/zero is larger than 16 MiB, the most that is read");
}
