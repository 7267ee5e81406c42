//! `evenkeel verify-map` against real servers that other clients and our own proxy have filled.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::operator::{Told, evenkeel};
use crate::support::{Memcached, Proxy, Session, scratch_path, spread_key};

/// A configuration of one pool with these lines.
fn config(servers: &[String], pool_lines: &str) -> PathBuf {
    let path = scratch_path("toml");
    let text = format!(
        "[listener.main]\naddress = \"127.0.0.1:11311\"\npool = \"main\"\n\
         [pool.main]\nservers = {servers:?}\n{pool_lines}\n"
    );
    fs::write(&path, text).expect("the scratch folder is writable");
    path
}

/// What it reports, and its exit code.
#[track_caller]
fn verified(config: &Path, args: &[&str]) -> (Value, Option<i32>) {
    let mut command = evenkeel(&["verify-map", "--json"]);
    let told = Told::of(command.args(args).arg(config));
    let json = serde_json::from_str(&told.stdout);
    (json.unwrap_or_else(|error| panic!("{error}: {told:?}")), told.code)
}

/// The lines of its hint.
#[track_caller]
fn hint(report: &Value) -> Vec<&str> {
    let lines = report["hint"]["settings"].as_array();
    let lines = lines.unwrap_or_else(|| panic!("no hint: {report:#}"));
    assert_eq!(report["hint"]["at_home_percent"], 100.0);
    lines.iter().filter_map(Value::as_str).collect()
}

/// 600 keys by pylibmc with its defaults, which place them by the order of the list.
fn fill_by_pylibmc(servers: &[String]) {
    let script = "import sys, pylibmc\n\
                  client = pylibmc.Client(sys.argv[1:])\n\
                  for number in range(600): assert client.set('user:%d' % number, 'x' * number)\n";
    run_python(script, servers);
}

/// 300 keys by pymemcache, with a prefix that it sends and does not hash.
fn fill_by_pymemcache(servers: &[String]) {
    let script = "import sys\n\
                  from pymemcache.client.hash import HashClient\n\
                  client = HashClient(sys.argv[1:], key_prefix=b'shop:', default_noreply=False)\n\
                  for number in range(300): assert client.set('user:%d' % number, 'x')\n";
    run_python(script, servers);
}

fn run_python(script: &str, args: &[String]) {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.test/venv/bin/python");
    let told = Told::of(Command::new(python).args(["-c", script]).args(args));
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""), "{}", told.stdout);
}

/// Three servers, and how they are written.
fn servers() -> (Vec<Memcached>, Vec<String>) {
    let servers: Vec<_> = (0..3).map(|_| Memcached::start()).collect();
    let addresses = servers.iter().map(Memcached::address).collect();
    (servers, addresses)
}

#[test]
fn keys_of_another_client_would_miss_until_its_settings_are_set() {
    let (servers, addresses) = servers();
    fill_by_pylibmc(&addresses);

    let (report, code) = verified(&config(&addresses, "distribution = \"ketama\""), &[]);
    assert_eq!((&report["verdict"], code), (&Value::from("would_miss"), Some(1)), "{report:#}");
    assert_eq!(report["looked_at"], 600);
    assert!(report["would_miss_percent"].as_f64() > Some(40.0), "{report:#}");
    let example = &report["examples"][0];
    let found_at = addresses.iter().position(|it| *it == example["found_at"]).expect("a server");
    let key = example["key"].as_str().expect("a key");
    assert!(Session::connect(&servers[found_at].address()).get(key).is_some(), "{example}");

    let lines = hint(&report).join("\n");
    let right = config(&addresses, &lines);
    let (report, code) = verified(&right, &["--all"]);
    assert_eq!((&report["at_home"], code), (&Value::from(600), Some(0)), "{report:#}");
    let told = Told::of(evenkeel(&["verify-map"]).arg(&right)).success();
    assert!(told.contains("all 600 keys looked at are where this configuration looks"), "{told}");

    let mut turned = addresses.clone();
    turned.rotate_left(1);
    let (report, code) = verified(&config(&turned, &lines), &[]);
    assert_eq!((report["at_home"].as_u64(), code), (Some(0), Some(1)), "{report:#}");
    let order = format!("servers = {addresses:?}");
    assert_eq!(hint(&report).last(), Some(&order.as_str()), "the order of the list is read off");

    let allowed = ["--allow", "100"];
    assert_eq!(verified(&config(&turned, &lines), &allowed).1, Some(0));
}

#[test]
fn a_prefix_that_is_not_hashed_is_found_out() {
    let (_servers, addresses) = servers();
    fill_by_pymemcache(&addresses);
    // The client is right, and its prefix is not known.
    let (report, code) = verified(&config(&addresses, "compatible_with = \"pymemcache\""), &[]);
    assert_eq!(code, Some(1), "{report:#}");
    let lines = hint(&report);
    assert_eq!(lines, ["distribution = \"pymemcache\"", "unhashed_prefix = \"shop:\""]);
    let (report, code) = verified(&config(&addresses, &lines.join("\n")), &[]);
    assert_eq!((&report["at_home"], code), (&Value::from(300), Some(0)), "{report:#}");
}

#[test]
fn keys_of_the_proxy_are_at_home_and_one_that_strayed_is_found() {
    let (_servers, addresses) = servers();
    let proxy = Proxy::start(&addresses);
    let mut session = Session::connect(&proxy.address());
    let keys: Vec<_> = (0..300).map(|serial| spread_key("map", serial)).collect();
    for key in &keys {
        session.set(key, "value");
    }
    let right = config(&addresses, "");
    let (report, code) = verified(&right, &[]);
    assert_eq!((&report["at_home"], code), (&Value::from(300), Some(0)), "{report:#}");

    let file = scratch_path("keys");
    let mut text = keys.iter().fold(String::new(), |text, key| text + key + "\n");
    // What a dump ends with is no key.
    text.push_str("never:stored\nkey=with%20blank exp=-1 size=1\r\n\r\nEND\r\n");
    fs::write(&file, text).expect("the scratch folder is writable");
    let file = file.to_str().expect("a plain path");
    let (report, code) = verified(&right, &["--keys", file]);
    assert_eq!((&report["at_home"], code), (&Value::from(300), Some(0)), "{report:#}");
    assert_eq!((&report["not_found"], &report["unasked"]), (&Value::from(2), &Value::from(0)));

    // One key at a wrong server only, another one at home too.
    let mut direct: Vec<_> = addresses.iter().map(|it| Session::connect(it)).collect();
    let mut stray = |key: &str, is_kept: bool| {
        let home = direct.iter_mut().position(|it| it.get(key).is_some()).expect("it is stored");
        direct[(home + 1) % 3].set(key, "value");
        if !is_kept {
            direct[home].expect(format!("delete {key}\r\n").as_bytes(), "DELETED\r\n");
        }
        (addresses[home].clone(), addresses[(home + 1) % 3].clone())
    };
    let (home, strayed) = stray(&keys[0], false);
    stray(&keys[1], true);
    let example = serde_json::json!(
        { "key": keys[0], "found_at": strayed, "home": home, "asked_as": null }
    );
    let expected = Value::from(vec![example]);
    let (report, code) = verified(&right, &[]);
    assert_eq!((&report["would_miss"], code), (&Value::from(1), Some(1)), "{report:#}");
    assert_eq!(report["also_at_home"], 1);
    assert_eq!(report["examples"], expected);
    let (report, code) = verified(&right, &["--keys", file]);
    assert_eq!((&report["would_miss"], code), (&Value::from(1), Some(1)), "{report:#}");
    assert_eq!(report["examples"], expected);
    assert_eq!(report["hint"], Value::Null, "nearly all are at home");
}

#[test]
fn keys_are_looked_for_where_their_routes_send_them() {
    let (_servers, addresses) = servers();
    let (main, users) = addresses.split_at(1);
    let lines = |strip| {
        format!(
            "[[route]]\nprefix = \"user:\"\npool = \"users\"\n\
             [[route]]\nprefix = \"/east/\"\npool = \"users\"\nstrip_prefix = {strip}\n\
             [pool.users]\nservers = {users:?}\n"
        )
    };
    let proxy = Proxy::start_with(main, &lines(true));
    let mut session = Session::connect(&proxy.address());
    let keys: Vec<_> = ["page:", "user:", "/east/"]
        .iter()
        .flat_map(|prefix| (0..60).map(move |number| format!("{prefix}{number}")))
        .collect();
    for key in &keys {
        session.set(key, "value");
    }
    let file = scratch_path("keys");
    fs::write(&file, keys.join("\n")).expect("the scratch folder is writable");
    let file = file.to_str().expect("a plain path");
    let right = config(main, &lines(true));
    for args in [&[][..], &["--keys", file]] {
        let (report, code) = verified(&right, args);
        assert_eq!((&report["at_home"], code), (&Value::from(180), Some(0)), "{report:#}");
        assert_eq!(report["pool"], "main, users");
    }
    // What servers know without a prefix is not found with it.
    let kept = config(main, &lines(false));
    let (report, code) = verified(&kept, &["--all"]);
    assert_eq!((&report["would_miss"], code), (&Value::from(60), Some(1)), "{report:#}");
    // Nor the other way round, also on the server that the rest of the key belongs to.
    let mut direct: Vec<_> = addresses.iter().map(|it| Session::connect(it)).collect();
    for session in &mut direct {
        session.expect(b"flush_all\r\n", "OK\r\n");
    }
    let proxy = Proxy::start_with(main, &lines(false));
    let mut session = Session::connect(&proxy.address());
    for key in &keys {
        session.set(key, "value");
    }
    for args in [&[][..], &["--keys", file]] {
        let (report, code) = verified(&right, args);
        let counts = ["at_home", "would_miss", "not_found"].map(|it| report[it].as_u64());
        assert_eq!(counts, [Some(120), Some(60), Some(0)], "{report:#}");
        assert_eq!(code, Some(1));
        let example = &report["examples"][0];
        let [key, asked_as] = ["key", "asked_as"].map(|it| example[it].as_str().expect("a key"));
        assert_eq!(key.strip_prefix("/east/"), Some(asked_as), "{example}");
        assert!(report["notes"][0].as_str().expect("a note").contains("strip_prefix = false"));
    }
}

#[test]
fn a_name_in_place_of_an_address_is_found_out() {
    let (_servers, addresses) = servers();
    let proxy = Proxy::start(&addresses);
    let mut session = Session::connect(&proxy.address());
    for serial in 0..200 {
        session.set(&spread_key("named", serial), "value");
    }
    let named: Vec<_> = addresses.iter().map(|it| it.replace("127.0.0.1", "localhost")).collect();
    let (report, code) = verified(&config(&named, ""), &[]);
    assert_eq!(code, Some(1), "{report:#}");
    let servers = named.iter().zip(&addresses).fold(String::new(), |mut text, (named, address)| {
        let comma = if text.is_empty() { "" } else { ", " };
        write!(text, "{comma}{{ address = {named:?}, name = {address:?} }}").expect("a text");
        text
    });
    assert_eq!(hint(&report).last(), Some(&format!("servers = [{servers}]").as_str()));
}

#[test]
fn what_could_not_be_asked_is_unproven() {
    let (servers, addresses) = servers();
    let empty = config(&addresses, "");
    let (report, code) = verified(&empty, &[]);
    assert_eq!((&report["verdict"], code), (&Value::from("unproven"), Some(3)), "no key at all");

    let proxy = Proxy::start(&addresses);
    let mut session = Session::connect(&proxy.address());
    for serial in 0..100 {
        session.set(&spread_key("map", serial), "value");
    }
    servers[1].hang();
    let begun_at = Instant::now();
    let (report, code) = verified(&empty, &["--timeout", "300ms"]);
    assert!(begun_at.elapsed() < Duration::from_secs(10), "{:?}", begun_at.elapsed());
    assert_eq!((&report["verdict"], code), (&Value::from("unproven"), Some(3)), "{report:#}");
    let unproven = report["unproven"].as_array().expect("a list");
    assert_eq!(unproven.len(), 1, "{report:#}");
    assert_eq!(unproven[0]["server"], addresses[1]);
    assert!(report["at_home"].as_u64() > Some(0));
}

#[test]
fn a_server_that_never_ends_its_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = listener.local_addr().expect("it is bound").to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut request = [0; 64];
            let len = stream.read(&mut request).unwrap_or(0);
            let endless: &[u8] = if request[..len].starts_with(b"stats") {
                b"STAT version 1.6.39\r\nSTAT curr_items 1\r\nEND\r\n"
            } else {
                b"key=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
            };
            while stream.write_all(endless).is_ok() && endless.starts_with(b"key=") {}
        }
    });
    let (report, code) = verified(&config(&[address], ""), &[]);
    assert_eq!(code, Some(3), "{report:#}");
    let why = report["unproven"][0]["why"].as_str().expect("a reason");
    assert!(why.contains("longer than any such answer"), "{why}");
}

#[test]
fn wrong_arguments_are_named() {
    let config = config(&["127.0.0.1:11211".to_owned()], "");
    let keys = scratch_path("keys");
    fs::write(&keys, "good\nnot good\n").expect("the scratch folder is writable");
    let keys = keys.to_str().expect("a plain path");
    for (args, code, words) in [
        (&["--keys", keys][..], 2, ":2: a key has no blanks"),
        (&["--keys", "/nowhere/keys"], 2, "cannot read the keys in /nowhere/keys"),
        (&["--allow", "101"], 2, "give a number from 0 to 100"),
        (&["--all", "--sample", "5"], 2, "cannot be used with"),
        (&["--pool", "other"], 2, "there is no pool \"other\""),
    ] {
        let told = Told::of(evenkeel(&["verify-map"]).args(args).arg(&config));
        assert_eq!(told.code, Some(code), "{told:?}");
        assert!(told.stderr.contains(words), "{told:?}");
    }
}
