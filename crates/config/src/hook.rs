//! What is told to whom, and what is logged: `[hook.NAME]` and `[log]`.

use std::path::PathBuf;

use evenkeel_core::config::nearest::suggestion;
use evenkeel_core::config::{
    HookAction, HookConfig, HookName, HookTrigger, LogConfig, LogFormat, LogLevel, SlowRequestKeys,
    WebhookAddress,
};

use super::reading::{Expected, Found, Reading, Unreadable};
use super::section::Section;

/// Reads `[log]`.
pub(super) fn read_log(section: &mut Section<'_, '_>) -> LogConfig {
    let format = format!("`{:?}`", LogFormat::default().name());
    let level = format!("`{:?}`", LogLevel::default().name());
    let keys = format!("`{:?}`", SlowRequestKeys::default().name());
    LogConfig {
        format: section.choice("format", LogFormat::NAMES, &format).unwrap_or_default(),
        level: section.choice("level", LogLevel::NAMES, &level).unwrap_or_default(),
        slow_request: section.duration(LogConfig::SLOW_REQUEST),
        slow_request_keys: section
            .choice("slow_request_keys", SlowRequestKeys::NAMES, &keys)
            .unwrap_or_default(),
    }
}

/// Reads a `[hook.NAME]`.
pub(super) fn read_hook(name: HookName, section: &mut Section<'_, '_>) -> HookConfig {
    let default = HookConfig::new(name, read_action(section));
    let retries = section.count(HookConfig::RETRIES);
    HookConfig {
        events: read_events(section),
        timeout: section.duration(HookConfig::TIMEOUT),
        retries: if section.has("retries") { retries } else { default.retries },
        interval: section.duration(HookConfig::INTERVAL),
        secret_file: read_secret_file(section),
        ..default
    }
}

const WEBHOOK: &str = "webhook = \"https://example.com/…\" or command = [\"/PROGRAM\"]";

fn read_action(section: &mut Section<'_, '_>) -> HookAction {
    let webhook = read_webhook(section);
    let command = read_command(section);
    if section.has("webhook") && section.has("command") {
        section.fault(
            "command",
            "a hook has webhook or command, not both",
            "remove one of the two",
        );
    } else if !section.has("command") {
        section.require("webhook", WEBHOOK);
    }
    match (webhook, command.split_first()) {
        (None, Some((program, arguments))) => {
            HookAction::Command { program: program.into(), arguments: arguments.to_vec() }
        }
        // Stands in for one that could not be read.
        (None, None) if section.has("command") => {
            HookAction::Command { program: "/".into(), arguments: Vec::new() }
        }
        (webhook, _) => HookAction::Webhook(webhook.unwrap_or_else(stand_in)),
    }
}

/// Stands in for an address that could not be read.
fn stand_in() -> WebhookAddress {
    "http://unreadable".parse().expect("it has a scheme and a name")
}

fn read_webhook(section: &mut Section<'_, '_>) -> Option<WebhookAddress> {
    let summary = "An `https://` or `http://` address; this or `command` is required.";
    let expected = Expected { kind: "a string", example: "\"https://example.com/…\"" };
    section.parsed("webhook", summary, expected, |text| {
        text.parse().map_err(|error| Unreadable {
            // Such an address may be a secret: it is not repeated.
            problem: format!("this is not the address of a webhook: {error}"),
            remedy: "write the whole address, as in \"https://example.com/…\"".to_owned(),
        })
    })
}

fn read_command(section: &mut Section<'_, '_>) -> Vec<String> {
    let summary = "A list of strings: a program's whole path, and its arguments; \
                   this or `webhook` is required.";
    let example = "[\"/usr/local/bin/notify\", \"--cache\"]";
    let words = section.list("command", summary, example, |found, reading| {
        let expected = Expected { kind: "a string", example: "\"--cache\"" };
        let read = |text: &str| {
            let has_nul = text.contains('\0');
            let unreadable = || Unreadable {
                problem: "a word of a command cannot have a NUL in it".to_owned(),
                remedy: "remove it".to_owned(),
            };
            if has_nul { Err(unreadable()) } else { Ok(text.to_owned()) }
        };
        reading.parsed(found, expected, read).unwrap_or_default()
    });
    if section.is_empty_list("command") {
        section.fault("command", "it names no program", &format!("write {example}"));
    }
    words
}

fn read_events(section: &mut Section<'_, '_>) -> Vec<HookTrigger> {
    let words = |triggers: &[HookTrigger]| -> String {
        let words: Vec<_> = triggers.iter().map(|it| format!("`{:?}`", it.name())).collect();
        words.join(", ")
    };
    let all: Vec<_> = HookTrigger::NAMES.iter().map(|(_, trigger)| *trigger).collect();
    let defaults = words(&HookTrigger::DEFAULTS);
    let summary = format!("A list of {}; [{defaults}] by default.", words(&all));
    let events = section.list("events", &summary, "[\"down\", \"up\"]", read_event);
    if section.has("events") {
        events.into_iter().flatten().collect()
    } else {
        HookTrigger::DEFAULTS.to_vec()
    }
}

fn read_event(found: &Found<'_>, reading: &mut Reading) -> Option<HookTrigger> {
    let expected = Expected { kind: "a string", example: "\"down\"" };
    reading.parsed(found, expected, |word| {
        word.parse().map_err(|_| Unreadable {
            problem: format!("there is no event {word:?}"),
            remedy: suggestion(word, HookTrigger::NAMES.iter().map(|(name, _)| *name)),
        })
    })
}

fn read_secret_file(section: &mut Section<'_, '_>) -> Option<PathBuf> {
    let summary = "The whole path of a file; none by default.";
    let expected = Expected { kind: "a string", example: "\"/etc/evenkeel/hook.secret\"" };
    section.parsed("secret_file", summary, expected, |text| Ok(PathBuf::from(text)))
}
