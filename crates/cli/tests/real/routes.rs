//! Prefix routes: real memcached servers in two pools behind one listener.

use std::process::Command;
use std::time::Duration;

use crate::support::{Answer, Load, Memcached, Proxy, Session, Subject, free_port, wait_until};

/// Enough for anything here on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// What to add to a configuration for another pool, `users`.
fn users(server: &Memcached, routes: &str) -> String {
    format!("[pool.users]\nservers = [{:?}]\n{routes}", server.address())
}

const KEPT: &str = "[[route]]\nprefix = \"user:\"\npool = \"users\"\n";
const STRIPPED: &str = "[[route]]\nprefix = \"/east/\"\npool = \"users\"\nstrip_prefix = true\n";

#[track_caller]
fn wait_for(proxy: &Proxy, words: &str, times: usize) {
    wait_until(PATIENCE, words, || proxy.output().matches(words).count() >= times);
}

#[test]
fn keys_of_two_pools_are_answered_on_one_session_as_memcached_answers() {
    let servers = [Memcached::start(), Memcached::start()];
    let admin = format!("[admin]\naddress = \"127.0.0.1:{}\"\n", free_port());
    let routes = format!("{}{STRIPPED}{admin}", users(&servers[1], KEPT));
    let proxy = Proxy::start_with(&[servers[0].address()], &routes);
    let mut session = Session::connect(&proxy.address());
    let mut main = Session::connect(&servers[0].address());
    let mut other = Session::connect(&servers[1].address());

    for key in ["page:1", "user:1", "/east/1"] {
        session.set(key, key);
    }
    assert_eq!(main.get("page:1").as_deref(), Some("page:1"));
    assert_eq!(other.get("user:1").as_deref(), Some("user:1"));
    assert_eq!(other.get("1").as_deref(), Some("/east/1"));
    assert_eq!((main.get("user:1"), main.get("1"), other.get("/east/1")), (None, None, None));
    session.expect(
        b"get /east/1 none page:1 /east/2 user:1\r\n",
        "VALUE /east/1 0 7\r\n/east/1\r\nVALUE page:1 0 6\r\npage:1\r\n\
         VALUE user:1 0 6\r\nuser:1\r\nEND\r\n",
    );

    // The same requests for a key that is stripped, and for one of a server by itself.
    check_key(&proxy.address(), "/east/key", "L2Vhc3Qva2V5");
    check_key(&servers[0].address(), "key", "a2V5");
    session.expect(b"get /east/\r\n", "CLIENT_ERROR bad command line format\r\n");

    let admin = admin_address(&admin);
    let route = |arguments: &[&str]| route_live(&admin, arguments);
    let said = route(&["/east/1"]);
    let expected = "  route      \"/east/\" to pool users, whose servers are sent \"1\"\n";
    assert!(said.contains(expected), "{said}");
    let said = route(&["--json", "page:1"]);
    assert!(said.contains("\"pool\":\"main\"") && !said.contains("prefix"), "{said}");
    assert!(route(&["--json", "--pool", "users", "page:1"]).contains("\"pool\":\"users\""));

    session.expect(b"flush_all\r\n", "OK\r\n");
    session.expect(b"get page:1 user:1 /east/1\r\n", "END\r\n");
}

/// Asks for everything that names `key`, which is `base64` in base64.
#[track_caller]
fn check_key(address: &str, key: &str, base64: &str) {
    let mut session = Session::connect(address);
    session.expect(format!("set {key} 7 0 1\r\n1\r\n").as_bytes(), "STORED\r\n");
    session.expect(format!("append {key} 0 0 1\r\n0\r\n").as_bytes(), "STORED\r\n");
    session.expect(format!("incr {key} 5\r\n").as_bytes(), "15\r\n");
    session.expect(
        format!("gat 100 {key}\r\n").as_bytes(),
        &format!("VALUE {key} 7 2\r\n15\r\nEND\r\n"),
    );
    session.send(format!("gets {key}\r\n").as_bytes());
    let head = session.read_line();
    let token = head.strip_prefix(&format!("VALUE {key} 7 2 ")).expect("a token").to_owned();
    assert_eq!((session.read_line().as_str(), session.read_line().as_str()), ("15", "END"));
    let cas = format!("cas {key} 0 0 1 {token}\r\n2\r\n");
    session.expect(cas.as_bytes(), "STORED\r\n");
    session.expect(cas.as_bytes(), "EXISTS\r\n");
    session.expect(
        format!("mg {key} k v t O9\r\n").as_bytes(),
        &format!("VA 1 k{key} t-1 O9\r\n2\r\n"),
    );
    session.expect(format!("mg {base64} b v k\r\n").as_bytes(), &format!("VA 1 k{key}\r\n2\r\n"));
    session.expect(format!("md {base64} b\r\n").as_bytes(), "HD\r\n");
    session.expect(format!("md {key} k O1\r\n").as_bytes(), &format!("NF k{key} O1\r\n"));
    session.expect(format!("ms {base64} 1 b\r\nx\r\n").as_bytes(), "HD\r\n");
    session
        .expect(format!("mg {base64} b k v\r\n").as_bytes(), &format!("VA 1 k{base64} b\r\nx\r\n"));
    session.send(format!("me {key}\r\n").as_bytes());
    let debug = session.read_line();
    let named = debug.split(' ').nth(1);
    assert!(named == Some(key) || named == Some(base64), "{debug}");
}

/// What `evenkeel route --live` says.
fn route_live(admin: &str, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_evenkeel"))
        .args(["route", "--live", "--admin", admin])
        .args(arguments)
        .output()
        .expect("the program starts");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

fn admin_address(admin: &str) -> String {
    admin.split('"').nth(1).expect("it has an address").to_owned()
}

#[test]
fn routes_change_under_load_and_no_request_fails() {
    let servers: Vec<_> = (0..2).map(|_| Memcached::start()).collect();
    let main = [servers[0].address()];
    let subject = Subject::Proxy(Proxy::start(&main));
    let Subject::Proxy(proxy) = &subject else { unreachable!() };
    let load = Load::start(&subject, &servers[..1]);
    let mut session = Session::connect(&proxy.address());
    session.set("user:1", "old");
    for round in 0..2 {
        proxy.configure(&main, &users(&servers[1], "[[route]]\npool = \"users\"\n"));
        wait_for(proxy, "a new configuration is in effect", 2 * round + 1);
        if round == 0 {
            assert_eq!(session.get("user:1"), None, "it is in its new pool, and not there");
            session.set("user:1", "new");
        }
        // The pool goes with its routes.
        proxy.configure(&main, "");
        wait_for(proxy, "a new configuration is in effect", 2 * round + 2);
    }
    let report = load.stop();
    for answer in [Answer::Failed, Answer::Wrong, Answer::Lost] {
        assert_eq!(report.count_all(answer), 0, "{answer:?}: {:#?}", report.notes);
    }
    // What its former pool held is found again: of that an operator is warned.
    assert_eq!(session.get("user:1").as_deref(), Some("old"));
    wait_for(proxy, "pool main: keys have come back to it that were there before", 1);
    wait_for(proxy, &format!("evenkeel server flush main/{}", main[0]), 1);
}
