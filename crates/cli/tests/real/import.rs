//! Keys that other clients and proxies have stored are found by the configuration that
//! `evenkeel import` makes of theirs: with the wrong map it would be worth nothing.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::operator::{Told, evenkeel};
use crate::support::{
    Memcached, Program, Session, free_port, scratch_path, spread_key, wait_until,
};

/// How many keys are stored in each pool.
const KEYS_COUNT: usize = 500;

const TIMEOUT: Duration = Duration::from_secs(10);

/// A pool of twemproxy: what it is called, and what its part of the file says besides `listen`.
struct Pool {
    name: &'static str,
    lines: String,
}

/// What was stored, and the listener before the pool where it should be found.
struct Stored {
    listener: &'static str,
    items: Vec<(String, String)>,
}

#[test]
fn keys_of_others_are_found_by_what_is_imported_of_their_configuration() {
    let servers: Vec<_> = (0..4).map(|_| Memcached::start()).collect();
    let addresses: Vec<_> = servers.iter().map(Memcached::address).collect();
    let (nutcracker, mut stored) = fill_by_twemproxy(&addresses);
    let (ini, by_php) = fill_by_php(&addresses);
    let (settings, by_pymemcache) = fill_by_pymemcache(&addresses);
    stored.extend([by_php, by_pymemcache]);

    let output = scratch_path("toml");
    let sources = [&nutcracker, &ini, &settings];
    let imported = Told::of(evenkeel(&["import", "--output"]).arg(&output).args(sources));
    assert_eq!(imported.code, Some(1), "{imported:?}");
    let told = &imported.stderr;
    assert!(told.contains("`random` stores every key on any server"), "{told}");
    Told::of(evenkeel(&["check"]).arg(&output)).success();

    let (text, listeners, admin) = moved(&output);
    fs::write(&output, &text).expect("the scratch folder is writable");
    let mut program = Program::start(evenkeel(&["run"]).arg(&output));
    wait_until(TIMEOUT, "the proxy to accept", || {
        assert!(program.exit_status().is_none(), "{}", program.output());
        listeners.iter().all(|(_, address)| Session::can_connect(address))
            && Session::can_connect(&admin)
    });
    let connect = |name: &str| {
        let found = listeners.iter().find(|(listener, _)| listener == name);
        let (_, address) = found.unwrap_or_else(|| panic!("no listener {name} in\n{text}"));
        Session::connect(address)
    };
    for Stored { listener, items } in stored {
        let mut session = connect(listener);
        assert_eq!(items.len(), KEYS_COUNT);
        let missed = items.iter().filter(|(key, value)| session.get(key).as_ref() != Some(value));
        assert_eq!(missed.count(), 0, "keys of {listener} are not where it looks:\n{text}");
    }
    let status = Told::of(&mut evenkeel(&["status", "--admin", &admin]));
    assert_eq!(status.code, Some(0), "{status:?}");
}

/// twemproxy's file, and what it has stored by it, by pool.
fn fill_by_twemproxy(addresses: &[String]) -> (PathBuf, Vec<Stored>) {
    let [a, b, c, d] = addresses else { panic!("four servers") };
    let pools = [
        Pool {
            name: "tagged",
            lines: format!(
                "  hash: fnv1a_64\n  hash_tag: \"{{}}\"\n  distribution: ketama\n  timeout: 400\n  \
                 servers:\n   - {a}:1 one\n   - {b}:3 two\n   - {c}:2 three\n"
            ),
        },
        Pool {
            name: "plain",
            lines: format!(
                "  hash: murmur\n  distribution: modula\n  servers:\n   - {a}:1\n   - {b}:2\n   - \
                 {c}:1\n   - {d}:1\n"
            ),
        },
        Pool {
            name: "anywhere",
            lines: format!("  distribution: random\n  servers:\n   - {a}:1\n   - {d}:1\n"),
        },
    ];
    let mut text = String::new();
    let mut listening = Vec::new();
    for Pool { name, lines } in &pools {
        let address = format!("127.0.0.1:{}", free_port());
        write!(text, "{name}:\n  listen: {address}\n{lines}\n").expect("a text");
        listening.push((*name, address));
    }
    let config = scratch_path("yml");
    fs::write(&config, text).expect("the scratch folder is writable");
    let mut command = Command::new("nutcracker");
    command.args(["-a", "127.0.0.1", "-s"]).arg(free_port().to_string()).arg("-c").arg(&config);
    let _program = Program::start(&mut command);
    wait_until(TIMEOUT, "twemproxy to accept", || {
        listening.iter().all(|(_, address)| Session::can_connect(address))
    });
    let filled = listening.into_iter().filter(|(name, _)| *name != "anywhere");
    let filled = filled.map(|(name, address)| {
        let mut session = Session::connect(&address);
        let key = |serial| match serial % 2 {
            0 => format!("{name}:{{{}}}:{serial}", spread_key("tag", serial)),
            _ => spread_key(name, serial),
        };
        let items: Vec<_> = (0..KEYS_COUNT).map(|it| (key(it), format!("{name} {it}"))).collect();
        for (key, value) in &items {
            session.set(key, value);
        }
        Stored { listener: name, items }
    });
    (config, filled.collect())
}

/// php.ini, by which sessions were stored.
fn fill_by_php(addresses: &[String]) -> (PathBuf, Stored) {
    let ini = scratch_path("ini");
    let text = format!(
        "[Session]\nsession.save_handler = memcached\nsession.save_path = \"{}\"\n\
         session.use_cookies = 0\nsession.cache_limiter =\n\
         [memcached]\nmemcached.sess_binary_protocol = Off\nmemcached.sess_locking = Off\n",
        addresses.join(",")
    );
    fs::write(&ini, text).expect("the scratch folder is writable");
    let script = format!(
        "for ($n = 0; $n < {KEYS_COUNT}; $n++) {{\n\
         session_id(\"s{{$n}}x\"); session_start(); $_SESSION['n'] = $n; session_write_close(); }}"
    );
    run(Command::new("php").arg("-c").arg(&ini).args(["-r", &script]));
    let item = |it| (format!("memc.sess.key.s{it}x"), format!("n|i:{it};"));
    (ini, Stored { listener: "sessions", items: (0..KEYS_COUNT).map(item).collect() })
}

/// A settings.py, by which pymemcache has stored keys as Django gives them to it.
fn fill_by_pymemcache(addresses: &[String]) -> (PathBuf, Stored) {
    let settings = scratch_path("py");
    let text = format!(
        "CACHES = {{\n    \"default\": {{\n        \"BACKEND\": \
         \"django.core.cache.backends.memcached.PyMemcacheCache\",\n        \"LOCATION\": \
         {addresses:?},\n        \"OPTIONS\": {{\"no_delay\": True}},\n    }},\n}}\n"
    );
    fs::write(&settings, text).expect("the scratch folder is writable");
    let script = "import sys, pymemcache\n\
                  settings = {}\n\
                  exec(open(sys.argv[1]).read(), settings)\n\
                  cache = settings['CACHES']['default']\n\
                  client = pymemcache.HashClient(cache['LOCATION'], **cache['OPTIONS'])\n\
                  for n in range(int(sys.argv[2])):\n\
                  \x20   assert client.set(':1:user:%d' % n, 'v%d' % n, noreply=False)\n";
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.test/venv/bin/python");
    let count = KEYS_COUNT.to_string();
    run(Command::new(python).args(["-c", script]).arg(&settings).arg(count));
    let item = |it| (format!(":1:user:{it}"), format!("v{it}"));
    (settings, Stored { listener: "default", items: (0..KEYS_COUNT).map(item).collect() })
}

#[track_caller]
fn run(command: &mut Command) {
    let told = Told::of(command);
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""), "{told:?}");
}

/// A configuration with free ports in place of those that the import has chosen; its listeners by
/// name, and where `[admin]` listens.
fn moved(config: &Path) -> (String, Vec<(String, String)>, String) {
    let mut text = String::new();
    let mut listeners = Vec::new();
    let mut admin = None;
    let mut table = String::new();
    for line in fs::read_to_string(config).expect("it was written").lines() {
        if line.starts_with('[') {
            line.clone_into(&mut table);
        }
        let address = line.strip_prefix("address = \"").and_then(|it| it.split('"').next());
        let Some(address) = address else {
            writeln!(text, "{line}").expect("a text");
            continue;
        };
        let is_chosen = line.contains("# chosen");
        let free = || format!("127.0.0.1:{}", free_port());
        let address = if is_chosen { free() } else { address.to_owned() };
        writeln!(text, "address = {address:?}").expect("a text");
        match table.strip_prefix("[listener.") {
            Some(name) => listeners.push((name.trim_end_matches(']').to_owned(), address)),
            None => admin = Some(address),
        }
    }
    (text, listeners, admin.expect("an admin table"))
}
