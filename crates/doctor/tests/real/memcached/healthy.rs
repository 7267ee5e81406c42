//! Servers with nothing wrong: no finding, nothing changed.

use std::time::Duration;

use evenkeel_doctor::Options;
use evenkeel_rig::{Memcached, wait_until};

use super::{Application, PATIENCE, Traffic, target};
use crate::asking::{examined, found, quick};

/// An application that stores a few keys and reads most of them.
fn light_traffic(server: &Memcached) -> Traffic {
    let mut application = Application::connect(server);
    let mut round = 0_u32;
    Traffic::start(move || {
        round += 1;
        let key = format!("session:{}", round % 500);
        if application.ask(format!("get {key}\r\n").as_bytes()) == "END" {
            application.store(&key, 600, 200);
        } else {
            let rest = [application.ask(b""), application.ask(b"")];
            assert_eq!(rest[1], "END");
        }
    })
}

#[test]
fn a_hundred_examinations_of_healthy_servers_find_nothing() {
    let servers: Vec<_> = (0..4).map(|_| Memcached::start_with(&["-t", "4"])).collect();
    let _traffic: Vec<_> = servers.iter().map(light_traffic).collect();
    for _ in 0..4 {
        let targets = (0..25).map(|idx| target(&servers[idx % servers.len()]));
        let examination = examined(targets.collect(), quick());
        assert_eq!(found(&examination), [""; 0]);
    }
}

#[test]
fn twenty_servers_are_examined_in_six_seconds_and_each_in_three() {
    let servers: Vec<_> = (0..20).map(|_| Memcached::start()).collect();
    let examination = examined(servers.iter().map(target).collect(), Options::default());
    assert_eq!(found(&examination), [""; 0]);
    assert!(examination.took < Duration::from_secs(6), "{:?}", examination.took);
    for facts in &examination.servers {
        // Three on a machine that is not shared with other tests.
        assert!(facts.took < Duration::from_secs(4), "{:?}", facts.took);
        assert!(facts.gaps.is_empty(), "{:?}", facts.gaps);
    }
}

#[test]
fn only_canary_keys_are_touched_and_nothing_is_left() {
    let server = Memcached::start();
    let mut application = Application::connect(&server);
    for idx in 0..2_000 {
        assert_eq!(application.store(&format!("theirs{idx}"), idx % 2 * 600, 10), "STORED");
    }
    let settings = application.lines("stats settings");
    let mut watcher = Application::connect(&server);
    assert_eq!(watcher.ask(b"watch mutations fetchers\r\n"), "OK");

    let examination = examined(vec![target(&server)], quick());
    assert_eq!(found(&examination), [""; 0]);
    let facts = examination.servers[0].memcached().expect("it said everything");
    let keys = facts.keys.as_ref().expect("keys were looked at");
    assert_eq!((keys.looked_at, examination.servers[0].gaps.len()), (1_000, 0));

    assert_eq!(application.lines("stats settings"), settings);
    assert_eq!(application.figure("cmd_flush"), 0);
    assert_eq!(application.figure("curr_items"), 2_000);
    wait_until(PATIENCE, "the examination's connections to be gone", || {
        application.figure("curr_connections") <= 2
    });
    // Somebody else's key says where the examination's end.
    assert_eq!(application.ask(b"get the-end\r\n"), "END");
    let mut touched = 0;
    loop {
        let line = watcher.ask(b"");
        let key = line.split(' ').find_map(|it| it.strip_prefix("key=")).unwrap_or("");
        if key == "the-end" {
            break;
        }
        assert!(key.replace("%3A", ":").starts_with("evenkeel:doctor:"), "{line:?}");
        touched += 1;
    }
    assert!(touched > 200, "{touched}");
    let dump = application.lines("lru_crawler metadump all");
    assert!(!dump.iter().any(|it| it.contains("evenkeel")));
}
