//! Which faults are found in the table `[admin]`.

use evenkeel_core::config::AdminConfig;

use super::*;

#[test]
fn there_is_an_admin_server_if_there_is_its_table() {
    assert_eq!(parse_ok(LEAST).admin, None);
    assert_eq!(parse_ok(&format!("{LEAST}[admin]\n")).admin, Some(AdminConfig::default()));
    let text = "[admin]\naddress = \"[::]:1\"\ntoken_file = \"/t\"\nnames = [\"a.example\"]\n\
                connections_max = 4\nrequest_size_max = \"8KiB\"\nrequest_timeout = \"1s\"\n";
    let expected = AdminConfig {
        address: "[::]:1".parse().unwrap(),
        token_file: Some("/t".into()),
        names: vec!["a.example".parse().unwrap()],
        connections_max: 4,
        request_size_max: ByteSize::from_kib(8),
        request_timeout: Duration::from_secs(1),
    };
    assert_eq!(parse_ok(&format!("{LEAST}{text}")).admin, Some(expected));
}

#[test]
fn an_admin_server_that_others_reach_needs_a_token() {
    check_pool_line(
        "[admin]\naddress = \"0.0.0.0:9311\"",
        &["7:11: admin.address: 0.0.0.0:9311 is open to others, and there is no token_file; \
           set token_file to a file with a token, or address to \"127.0.0.1:9311\""],
    );
    check_pool_line("[admin]\naddress = \"0.0.0.0:9311\"\ntoken_file = \"/t\"", &[]);
    check_pool_line("[admin]\naddress = \"127.9.9.9:9311\"", &[]);
    check_pool_line("[admin]\naddress = \"[::1]:9311\"", &[]);
}

#[test]
fn settings_of_the_admin_server_that_cannot_be_read_are_faults() {
    check_pool_line(
        "[admin]\naddress = \"localhost:81\"\ntoken_file = \"\"\nnames = [\"http://a\"]",
        &[
            "7:11: admin.address: cannot listen on \"localhost:81\": it is not an IP address with \
             a port; write \"127.0.0.1:81\", or \"0.0.0.0:81\" for every interface",
            "8:14: admin.token_file: a path has at least one character; write the path of a file \
             with a token, or remove it",
            "9:10: admin.names[0]: \"http://a\" is no name in an address bar: a name cannot have \
             ':' in it; write it without scheme and port, as in \"cache-admin.example\"",
        ],
    );
    check_pool_line(
        "[admin]\naddress = \"127.0.0.1:11311\"",
        &["7:11: admin.address: listener main already listens on 127.0.0.1:11311 (line 2); \
           give the admin server an address of its own"],
    );
    check_pool_line(
        "[admin]\nconnections_max = 3",
        &["7:19: admin.connections_max: 3 is out of range; choose a value from 4 to 10000"],
    );
}
