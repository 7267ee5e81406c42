//! `[[route]]`.

use evenkeel_core::config::{Operation, RouteConfig};

use super::*;

/// Checks the faults of `lines` after [`LEAST`], which has five.
#[track_caller]
fn check_lines(lines: &str, expected: &[&str]) {
    check(&format!("{LEAST}{lines}"), expected);
}

#[test]
fn routes_are_read_in_their_order() {
    let text = "[[route]]\nprefix = \"user:\"\npool = \"main\"\n\
        [[route]]\npool = \"main\"\nstrip_prefix = false\nlistener = \"main\"\n\
        operations = [\"get\", \"touch\"]\n";
    let routes = parse_ok(&format!("{LEAST}{text}")).routes;
    let main = || "main".parse().unwrap();
    let users = RouteConfig::new("user:".parse().unwrap(), main());
    let reads = RouteConfig {
        operations: vec![Operation::Get, Operation::Touch],
        listener: Some("main".parse().unwrap()),
        ..RouteConfig::new("".parse().unwrap(), main())
    };
    assert_eq!(routes, [users, reads]);
}

#[test]
fn a_route_needs_a_pool_that_is_there() {
    check_lines(
        "[[route]]\n",
        &[
            "6:1: route[0].pool is missing; add pool = \"NAME\" with the NAME of a [pool.NAME] table",
        ],
    );
    check_lines(
        "[[route]]\npool = \"mains\"\n",
        &["7:8: route[0].pool: there is no pool \"mains\"; did you mean \"main\"?"],
    );
}

#[test]
fn a_route_names_a_listener_that_is_there() {
    check_lines(
        "[[route]]\npool = \"main\"\nlistener = \"mian\"\n",
        &["8:12: route[0].listener: there is no listener \"mian\"; did you mean \"main\"?"],
    );
}

#[test]
fn a_prefix_that_no_key_begins_with_is_refused() {
    check_lines(
        "[[route]]\nprefix = \"a b\"\npool = \"main\"\n",
        &["7:10: route[0].prefix: this is not what a key begins with: ' ' is in no key; remove it"],
    );
    let long = format!("[[route]]\nprefix = \"{}\"\npool = \"main\"\n", "p".repeat(250));
    check_lines(
        &long,
        &["7:10: route[0].prefix: this is not what a key begins with: it has 250 bytes, and may \
           have 249; write a shorter one"],
    );
}

#[test]
fn two_routes_for_the_same_requests_are_refused() {
    let twice = |operations: &str| {
        format!(
            "[[route]]\nprefix = \"a\"\npool = \"main\"\noperations = [\"get\", \"set\"]\n\
             [[route]]\nprefix = \"a\"\npool = \"main\"\n{operations}"
        )
    };
    check_lines(
        &twice(""),
        &["10:1: route[1]: another route has the prefix \"a\" for \"get\" already (line 6); \
           remove one, or give them different operations or listeners"],
    );
    check_lines(&twice("operations = [\"delete\", \"touch\"]\n"), &[]);
    check_lines(&twice("listener = \"main\"\n"), &[]);
}

#[test]
fn what_would_have_no_effect_is_refused() {
    check_lines(
        "[[route]]\npool = \"main\"\nstrip_prefix = true\n",
        &["8:16: route[0].strip_prefix: strip_prefix has no effect without a prefix; \
           remove it, or give the route a prefix"],
    );
    check_lines(
        "[[route]]\npool = \"main\"\noperations = []\n",
        &["8:14: route[0].operations: a route without operations is for no request; \
           remove operations for all of them, or the table"],
    );
    check_lines(
        "[[route]]\npool = \"main\"\noperations = [\"get\", \"set\", \"get\"]\n",
        &["8:29: route[0].operations[2]: \"get\" is in the list already; remove one of the two"],
    );
}

#[test]
fn words_that_are_no_operations_and_keys_of_no_meaning_are_refused() {
    check_lines(
        "[[route]]\npool = \"main\"\noperations = [\"got\", 1]\nstrip_prefix = \"yes\"\nprefx = \"\"\n",
        &[
            "8:15: route[0].operations[0]: there is no operation \"got\"; did you mean \"get\"?",
            "8:22: route[0].operations[1]: an integer where a string belongs; write it as in \"get\"",
            "9:16: route[0].strip_prefix: a string where true or false belongs; write it as in true",
            "10:1: unknown key \"prefx\" in route[0]; did you mean \"prefix\"?",
        ],
    );
}

#[test]
fn a_table_where_a_list_of_tables_belongs_is_refused() {
    check_lines(
        "[route]\npool = \"main\"\n",
        &["6:2: route: a table where a list of tables belongs; write it as in [[route]]"],
    );
}

#[test]
fn no_route_leads_to_the_gutter_of_a_pool() {
    check_lines(
        "failover = \"gutter\"\ngutter = \"spare\"\n[pool.spare]\nservers = [\"10.0.0.9\"]\n\
         [[route]]\npool = \"spare\"\n",
        &["7:10: pool.main.gutter: pool spare is not this pool's alone; \
           give each pool a gutter of its own that no listener and no route names"],
    );
}

#[test]
fn routes_are_of_no_concern_to_a_client() {
    let text = "[pool.main]\nservers = [\"10.0.0.1\"]\n\
        [[route]]\npool = \"main\"\nlistener = \"other\"\n";
    assert!(parse_pool("t.toml", text, None).is_ok());
}
