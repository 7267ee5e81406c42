//! Another configuration while the proxy runs, and requests with it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use evenkeel_rig::ScratchFolder;

use crate::support::{
    Answer, Load, Memcached, Program, Proxy, Session, Subject, free_port, scratch_path, wait_until,
};

/// Enough for anything here on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn addresses(servers: &[Memcached]) -> Vec<String> {
    servers.iter().map(Memcached::address).collect()
}

#[track_caller]
fn wait_for(proxy: &Proxy, words: &str, times: usize) {
    wait_until(PATIENCE, words, || proxy.output().matches(words).count() >= times);
}

#[test]
fn servers_join_and_leave_under_load_and_no_request_is_lost_or_stale() {
    let servers: Vec<_> = (0..4).map(|_| Memcached::start()).collect();
    let all = addresses(&servers);
    let proxy = Proxy::start(&all[..3]);
    let subject = Subject::Proxy(proxy);
    let Subject::Proxy(proxy) = &subject else { unreachable!() };
    // What the fourth server holds of a former life must not be read.
    let load = Load::start(&subject, &servers[..3]);
    let mut fourth = Session::connect(&servers[3].address());
    for number in 0..100 {
        fourth.set(&format!("former{number}"), "from a former life");
    }
    proxy.configure(&all, "");
    wait_for(proxy, "server has joined", 1);
    wait_for(proxy, "server has been flushed", 1);
    assert_eq!(fourth.get("former7"), None);
    // It fails, and what its keys' former homes hold must not be read.
    servers[3].hang();
    wait_for(proxy, "server is down", 1);
    servers[3].resume();
    wait_for(proxy, "server is up", 1);
    proxy.configure(&all[1..], "timeout = \"200ms\"");
    wait_for(proxy, "server has left", 1);
    std::thread::sleep(Duration::from_millis(300));
    let report = load.stop();
    for answer in [Answer::Stale, Answer::Wrong, Answer::Lost] {
        assert_eq!(report.count_all(answer), 0, "{answer:?}: {:#?}", report.notes);
    }
    assert!(report.samples.len() > 1000);
}

#[test]
fn a_reload_under_load_fails_no_request() {
    let servers: Vec<_> = (0..4).map(|_| Memcached::start()).collect();
    let all = addresses(&servers);
    let subject = Subject::Proxy(Proxy::start(&all[..3]));
    let Subject::Proxy(proxy) = &subject else { unreachable!() };
    let load = Load::start(&subject, &servers[..3]);
    for round in 1..=3 {
        proxy.configure(&all, "deadline = \"400ms\"");
        wait_for(proxy, "server has joined", round);
        proxy.configure(&all[..3], "");
        wait_for(proxy, "server has left", round);
    }
    let report = load.stop();
    for answer in [Answer::Failed, Answer::Wrong, Answer::Lost] {
        assert_eq!(report.count_all(answer), 0, "{answer:?}: {:#?}", report.notes);
    }
    // That keys come back to where they were is what an operator is warned of.
    wait_for(proxy, "evenkeel server flush main/", 1);
}

#[test]
fn a_file_with_faults_changes_nothing_and_the_next_good_one_is_taken() {
    let server = Memcached::start();
    let proxy = Proxy::start(&[server.address()]);
    let mut session = Session::connect(&proxy.address());
    session.set("key", "value");
    proxy.configure(&[server.address()], "timeuot = \"100ms\"\nfailover = \"nowhere\"");
    wait_for(&proxy, "a configuration was refused", 1);
    wait_for(&proxy, "timeuot", 1);
    assert_eq!(session.get("key").as_deref(), Some("value"));
    proxy.configure(&[server.address()], "timeout = \"100ms\"");
    wait_for(&proxy, "a new configuration is in effect", 1);
    assert_eq!(session.get("key").as_deref(), Some("value"), "on the same connection");
}

#[test]
fn a_changed_file_is_read_without_being_asked() {
    let servers = [Memcached::start(), Memcached::start()];
    let proxy = Proxy::start(&addresses(&servers[..1]));
    proxy.write_configuration(&addresses(&servers), "");
    wait_for(&proxy, "server has joined", 1);
}

#[test]
fn a_listener_comes_and_goes_and_its_sessions_stay() {
    let server = Memcached::start();
    let proxy = Proxy::start(&[server.address()]);
    let port = free_port();
    let more = format!("[listener.more]\naddress = \"127.0.0.1:{port}\"\npool = \"main\"");
    proxy.configure(&[server.address()], &more);
    let address = format!("127.0.0.1:{port}");
    wait_until(PATIENCE, "the new listener", || Session::can_connect(&address));
    let mut session = Session::connect(&address);
    session.set("key", "value");
    proxy.configure(&[server.address()], "");
    wait_until(PATIENCE, "it to be gone", || !Session::can_connect(&address));
    assert_eq!(session.get("key").as_deref(), Some("value"));
}

#[test]
fn sessions_follow_their_listener_to_another_pool_and_end_with_their_pool() {
    let servers = [Memcached::start(), Memcached::start()];
    let proxy = Proxy::start(&addresses(&servers[..1]));
    let mut session = Session::connect(&proxy.address());
    session.set("key", "one");
    let port = free_port();
    let second = format!("[pool.other]\nservers = [{:?}]", servers[1].address());
    let text = proxy.configuration(&addresses(&servers[..1]), &second);
    let moved = text.replace("pool = \"main\"", "pool = \"other\"");
    let kept = format!("[listener.kept]\naddress = \"127.0.0.1:{port}\"\npool = \"main\"\n");
    proxy.configure_as(&format!("{kept}{moved}"));
    wait_for(&proxy, "a new configuration is in effect", 1);
    wait_until(PATIENCE, "the session to follow", || session.get("key").is_none());
    session.set("key", "two");
    assert_eq!(Session::connect(&servers[1].address()).get("key").as_deref(), Some("two"));
    let mut last = Session::connect(&format!("127.0.0.1:{port}"));
    assert_eq!(last.get("key").as_deref(), Some("one"));
    let main =
        format!("[pool.main]\nservers = [\"{}\"]\ndistribution = \"ketama\"", servers[0].address());
    let without = moved.replace(&main, "");
    assert_ne!(without, moved);
    proxy.configure_as(&without);
    assert_eq!(last.read_to_end().expect("an orderly close"), b"");
    assert_eq!(session.get("key").as_deref(), Some("two"));
}

#[test]
fn sessions_follow_a_listener_that_gets_another_address_and_another_pool_at_once() {
    let servers = [Memcached::start(), Memcached::start()];
    let proxy = Proxy::start(&addresses(&servers[..1]));
    let mut session = Session::connect(&proxy.address());
    session.set("key", "one");
    let second = format!("[pool.other]\nservers = [{:?}]", servers[1].address());
    let text = proxy.configuration(&addresses(&servers[..1]), &second);
    let address = format!("127.0.0.1:{}", free_port());
    let moved =
        text.replace("pool = \"main\"", "pool = \"other\"").replace(&proxy.address(), &address);
    proxy.configure_as(&moved);
    wait_until(PATIENCE, "the session to follow", || session.get("key").is_none());
    assert!(Session::can_connect(&address));
    wait_until(PATIENCE, "the old one to be gone", || !Session::can_connect(&proxy.address()));
}

#[test]
fn an_address_that_is_taken_changes_nothing() {
    let server = Memcached::start();
    let proxy = Proxy::start(&[server.address()]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound");
    let more = format!("[listener.more]\naddress = \"{address}\"\npool = \"main\"");
    proxy.configure(&[server.address()], &more);
    wait_for(&proxy, "listener more cannot listen on", 1);
    Session::connect(&proxy.address()).set("key", "value");
}

#[test]
fn what_was_good_last_is_started_with_when_the_file_has_faults() {
    let server = Memcached::start();
    let (path, directory) = (scratch_path("toml"), ScratchFolder::create());
    let port = free_port();
    let text = format!(
        "[listener.main]\naddress = \"127.0.0.1:{port}\"\npool = \"main\"\n\
         [pool.main]\nservers = [{:?}]\n",
        server.address()
    );
    fs::write(&path, text).expect("the scratch folder is writable");
    let mut first = start(&path, directory.path());
    let address = format!("127.0.0.1:{port}");
    wait_until(PATIENCE, "the proxy", || Session::can_connect(&address));
    first.signal("TERM");
    assert!(first.wait_for_exit(PATIENCE).success());
    fs::write(&path, "[listener.main\n").expect("the scratch folder is writable");
    let mut second = start(&path, directory.path());
    wait_until(PATIENCE, "the proxy", || Session::can_connect(&address));
    wait_until(PATIENCE, "why", || second.output().contains("a configuration was refused"));
    second.signal("TERM");
    assert!(second.wait_for_exit(PATIENCE).success());
    let status = start(&path, &scratch_path("nowhere")).wait_for_exit(PATIENCE);
    assert_eq!(status.code(), Some(78), "without it the faults are said, and it ends");
}

fn start(path: &Path, state_directory: &Path) -> Program {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    Program::start(command.arg("run").arg(path).arg("--state-directory").arg(state_directory))
}
