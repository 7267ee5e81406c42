use super::super::sample::{Sample, findings};
use super::*;
use crate::check::Severity::{Critical, Note};

#[test]
fn an_open_server_counts_by_where_it_is_reached() {
    let open = |addr| {
        let server = Sample::cache().config("protected-mode no\nbind * -::*");
        server.at("redis://127.0.0.1:6380", addr)
    };
    open("127.0.0.1:6380").gives(&[("redis-config-exposed", Note)]);
    open("[::1]:6380").gives(&[("redis-config-exposed", Note)]);
    for addr in ["10.1.2.3:6380", "100.64.0.1:6380", "[fd00::1]:6380", "[fe80::1]:6380"] {
        open(addr).gives(&[("redis-config-exposed", Note)]);
    }
    for addr in ["8.8.8.8:6380", "100.128.0.1:6380", "[2001:db8::1]:6380"] {
        open(addr).gives(&[("redis-config-exposed", Critical)]);
    }
}

#[test]
fn a_server_that_is_protected_is_not_open() {
    let public = "8.8.8.8:6380";
    let at = |server: Sample, target| server.at(target, public);
    let open = Sample::cache().config("protected-mode no\nbind ");
    at(open.clone(), "redis://8.8.8.8:6380").gives(&[("redis-config-exposed", Critical)]);
    at(open.clone(), "redis://:secret@8.8.8.8:6380").gives(&[]);
    at(open.clone().config("protected-mode yes"), "redis://8.8.8.8:6380").gives(&[]);
    at(open.config("bind 127.0.0.1 -::1"), "redis://8.8.8.8:6380").gives(&[]);
}

#[test]
fn vanished_clients_stay_if_nobody_looks_after_them() {
    Sample::cache().config("tcp-keepalive 0").gives(&[("redis-config-keepalive", Note)]);
    Sample::cache().config("tcp-keepalive 0\ntimeout 60").gives(&[]);
}

#[test]
fn each_smell_is_a_note_with_its_default_as_the_change() {
    for (setting, check, change) in [
        ("hz 9", "redis-config-hz", "hz 10"),
        ("hz 101", "redis-config-hz", "hz 10"),
        ("slowlog-log-slower-than -1", SLOW_LOG, "slowlog-log-slower-than 10000"),
        ("slowlog-log-slower-than 1000001", SLOW_LOG, "slowlog-log-slower-than 10000"),
        ("slowlog-max-len 0", SLOW_LOG, "slowlog-max-len 128"),
        (
            "latency-monitor-threshold 0",
            "redis-config-latency-monitor",
            "latency-monitor-threshold 100",
        ),
        ("tcp-keepalive 0", "redis-config-keepalive", "tcp-keepalive 300"),
    ] {
        let found = findings(Sample::cache().config(setting).facts());
        let [finding] = &found[..] else { panic!("{setting}: {found:?}") };
        assert_eq!((finding.check, finding.severity), (check, Note), "{setting}");
        let command = finding.change.as_ref().unwrap().command.join(" ");
        assert_eq!(command, format!("CONFIG SET {change}"));
    }
}

#[test]
fn what_takes_a_restart_is_no_change() {
    for (setting, check) in [
        ("maxclients 4064", "redis-config-maxclients"),
        ("tcp-backlog 127", "redis-config-backlog"),
    ] {
        let found = findings(Sample::cache().config(setting).facts());
        let [finding] = &found[..] else { panic!("{setting}: {found:?}") };
        assert_eq!((finding.check, finding.severity), (check, Note));
        assert_eq!(finding.change, None);
    }
}

#[test]
fn the_bounds_of_smells_are_well() {
    for setting in ["hz 10", "hz 100", "slowlog-log-slower-than 1000000", "tcp-backlog 128"] {
        Sample::cache().config(setting).gives(&[]);
    }
}

#[test]
fn waiting_for_the_disk_is_a_note_if_there_is_a_file() {
    Sample::cache().config("appendfsync always").gives(&[]);
    let server = Sample::cache().config("appendfsync always\nappendonly yes");
    server.gives(&[("redis-cache-saves", Note), ("redis-config-fsync", Note)]);
}

#[test]
fn loopback_is_what_only_names_loopback() {
    for (bind, expected) in [
        ("127.0.0.1 -::1", true),
        ("127.0.0.1", true),
        ("", false),
        ("* -::*", false),
        ("127.0.0.1 10.0.0.1", false),
        ("localhost", false),
    ] {
        assert_eq!(is_loopback_only(bind), expected, "{bind}");
    }
}

const SLOW_LOG: &str = "redis-config-slow-log";
