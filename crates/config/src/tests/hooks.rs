//! Faults of `[hook.NAME]` and `[log]`.

use evenkeel_core::config::{
    HookAction, HookConfig, HookTrigger, LogFormat, LogLevel, SlowRequestKeys,
};

use super::*;

/// Checks the faults of a `[hook.a]`, whose first line is line 7.
#[track_caller]
fn check_hook(lines: &str, expected: &[&str]) {
    check(&format!("{LEAST}[hook.a]\n{lines}\n"), expected);
}

#[test]
fn every_setting_of_hooks_and_of_the_log_is_read() {
    let text = r#"
[log]
format = "json"
level = "debug"
slow_request = "50ms"
slow_request_keys = "shown"
[hook.a]
webhook = "https://example.com/a"
events = ["up", "left"]
timeout = "1s"
retries = 0
interval = "2s"
secret_file = "/s"
[hook.b]
command = ["/bin/sh", "-c", "true"]
"#;
    let config = parse_ok(&format!("{LEAST}{text}"));
    assert_eq!((config.log.format, config.log.level), (LogFormat::Json, LogLevel::Debug));
    assert_eq!(config.log.slow_request, Duration::from_millis(50));
    assert_eq!(config.log.slow_request_keys, SlowRequestKeys::Shown);
    let webhook = HookAction::Webhook("https://example.com/a".parse().unwrap());
    let a = HookConfig {
        action: webhook,
        name: "a".parse().unwrap(),
        events: vec![HookTrigger::Up, HookTrigger::Left],
        timeout: Duration::from_secs(1),
        retries: 0,
        interval: Duration::from_secs(2),
        secret_file: Some("/s".into()),
    };
    let arguments = vec!["-c".to_owned(), "true".to_owned()];
    let command = HookAction::Command { program: "/bin/sh".into(), arguments };
    assert_eq!(config.hooks, [a, HookConfig::new("b".parse().unwrap(), command)]);
}

#[test]
fn a_hook_has_either_a_webhook_or_a_command() {
    check_hook("webhook = \"http://a\"", &[]);
    check_hook("command = [\"/bin/true\"]", &[]);
    check_hook(
        "",
        &["6:7: hook.a.webhook is missing; \
           add webhook = \"https://example.com/…\" or command = [\"/PROGRAM\"]"],
    );
    check_hook(
        "webhook = \"http://a\"\ncommand = [\"/bin/true\"]",
        &["8:11: hook.a.command: a hook has webhook or command, not both; remove one of the two"],
    );
    check_hook(
        "webook = \"http://a\"",
        &["7:1: unknown key \"webook\" in [hook.a]; did you mean \"webhook\"?"],
    );
}

#[test]
fn the_address_of_a_webhook_is_not_repeated_in_its_fault() {
    check_hook(
        "webhook = \"hooks.example.com/secret\"",
        &["7:11: hook.a.webhook: this is not the address of a webhook: \
           it does not begin with https:// or http://; \
           write the whole address, as in \"https://example.com/…\""],
    );
}

#[test]
fn a_command_is_a_list_of_words_and_begins_with_a_whole_path() {
    check_hook(
        "command = \"/bin/true\"",
        &["7:11: hook.a.command: a string where a list belongs; \
           write it as in [\"/usr/local/bin/notify\", \"--cache\"]"],
    );
    check_hook(
        "command = []",
        &["7:11: hook.a.command: it names no program; \
           write [\"/usr/local/bin/notify\", \"--cache\"]"],
    );
    check_hook(
        "command = [\"/bin/true\", 1]",
        &["7:25: hook.a.command[1]: an integer where a string belongs; write it as in \"--cache\""],
    );
    check_hook(
        "command = [\"true\"]",
        &["7:11: hook.a.command: \"true\" is not a whole path; \
           write it from the root, beginning with /"],
    );
    check_hook(
        "command = [\"/bin/true\", \"a\\u0000\"]",
        &["7:25: hook.a.command[1]: a word of a command cannot have a NUL in it; remove it"],
    );
}

#[test]
fn an_event_that_there_is_not_gets_a_guess() {
    check_hook(
        "webhook = \"http://a\"\nevents = [\"dwon\"]",
        &["8:11: hook.a.events[0]: there is no event \"dwon\"; did you mean \"down\"?"],
    );
    check_hook(
        "webhook = \"http://a\"\nevents = []",
        &["8:10: hook.a.events: a hook without events is never told of anything; \
           remove events for the usual ones, or the table"],
    );
}

#[test]
fn a_command_is_told_once_and_without_a_signature() {
    check_hook(
        "command = [\"/bin/true\"]\nretries = 2\nsecret_file = \"/s\"",
        &[
            "8:11: hook.a.retries: it has no effect on a command; remove it",
            "9:15: hook.a.secret_file: it has no effect on a command; remove it",
        ],
    );
}

#[test]
fn a_log_has_a_format_and_a_level() {
    check(
        &format!("{LEAST}[log]\nformat = \"text\"\nlevel = \"warning\"\n"),
        &[
            "7:10: log.format: unknown choice \"text\"; choose \"auto\", \"human\" or \"json\"",
            "8:9: log.level: unknown choice \"warning\"; \
             choose \"error\", \"warn\", \"info\", \"debug\" or \"trace\"",
        ],
    );
}
