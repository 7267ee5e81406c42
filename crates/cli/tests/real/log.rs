//! What the log looks like, by where it goes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use evenkeel_lab::relay::{Fault, Relay};
use evenkeel_lab::server::{Config, Server};
use serde_json::Value;

use crate::support::{Program, Session, Terminal, free_port, scratch_path, wait_until};

const BINARY: &str = env!("CARGO_BIN_EXE_evenkeel");

/// A configuration with a server that is not there, so that there is something to log.
fn configuration(log: &str) -> PathBuf {
    let path = scratch_path("toml");
    let (port, nobody) = (free_port(), free_port());
    let text = format!(
        "[log]\n{log}\n[listener.a]\naddress = \"127.0.0.1:{port}\"\npool = \"a\"\n\
         [pool.a]\nservers = [\"127.0.0.1:{nobody}\"]\n"
    );
    fs::write(&path, text).expect("the scratch folder is writable");
    path
}

/// The log's line about the server's ejection.
fn ejection(mut program: Program) -> String {
    let mut found = None;
    wait_until(PATIENCE, "the server to be ejected", || {
        assert!(program.exit_status().is_none(), "it ended: {}", program.output());
        let output = program.output();
        let lines = output.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let mut about = lines.filter(|line| line.contains("server is down"));
        found = about.next().map(|line| line.trim_end().to_owned());
        found.is_some()
    });
    found.expect("it has been waited for")
}

#[track_caller]
fn check_json(line: &str, server_is: &str) {
    let json: Value = serde_json::from_str(line).expect("a line is an object");
    assert_eq!(json["level"], "WARN");
    assert_eq!(json["message"], "server is down");
    assert_eq!((&json["pool"], &json["to"]), (&"a".into(), &"down".into()));
    assert!(json["rule"].is_string() && json["evidence"].is_string(), "{line}");
    assert!(json["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
    assert!(json["server"].as_str().is_some_and(|it| it.starts_with(server_is)), "{line}");
}

fn run(path: &Path) -> Command {
    let mut command = Command::new(BINARY);
    command.arg("run").arg(path).env_remove("RUST_LOG");
    command
}

#[test]
fn where_no_terminal_is_each_line_is_a_json_object() {
    check_json(&ejection(Program::start(&mut run(&configuration("")))), "127.0.0.1:");
}

#[test]
fn people_can_have_lines_of_their_own_anywhere() {
    let line = ejection(Program::start(&mut run(&configuration("format = \"human\""))));
    assert!(line.contains(" WARN ") && line.contains(": server is down pool=\"a\""), "{line}");
    assert!(!line.contains('\u{1b}'), "no colour in a file: {line:?}");
}

#[test]
fn on_a_terminal_lines_are_for_people_and_in_colour() {
    let path = configuration("");
    let plain = || {
        let mut command = run(&path);
        command.env_remove("NO_COLOR");
        command
    };
    let (program, _terminal) = Terminal::start(&mut plain());
    let line = ejection(program);
    assert!(line.contains("WARN") && line.contains('\u{1b}'), "{line:?}");
    let (program, _terminal) = Terminal::start(plain().env("NO_COLOR", "1"));
    let line = ejection(program);
    assert!(line.contains(" WARN ") && !line.contains('\u{1b}'), "{line:?}");
}

#[test]
fn the_journal_is_told_each_lines_priority() {
    let shell = r#"JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) exec "$0" run "$1""#;
    let journal = |path: PathBuf| {
        let mut command = Command::new("sh");
        command.args(["-c", shell, BINARY]).arg(path).env_remove("RUST_LOG");
        ejection(Program::start(&mut command))
    };
    let line = journal(configuration(""));
    check_json(line.strip_prefix("<4>").expect("a warning has priority 4"), "127.0.0.1:");
    let line = journal(configuration("format = \"human\""));
    assert!(line.starts_with("<4> WARN "), "the journal knows the time: {line}");
}

#[test]
fn the_level_is_a_setting_and_the_environment_has_the_last_word() {
    let quiet = configuration("level = \"error\"");
    let line = ejection(Program::start(run(&quiet).env("RUST_LOG", "evenkeel_control=warn")));
    assert!(line.contains("server is down"));
    let mut program = Program::start(&mut run(&quiet));
    let mut greeted = || program.output().contains("listener a");
    wait_until(PATIENCE, "the greeting", &mut greeted);
    program.signal("TERM");
    program.wait_for_exit(PATIENCE);
    assert!(!program.output().contains("WARN"), "{}", program.output());
}

/// The first log line about a slow request, as what it is.
fn slow_request(log: &str) -> Value {
    let server = Server::start(Config::default()).expect("there is a port");
    let relay = Relay::start(server.addr()).expect("there is a port");
    let (path, port) = (scratch_path("toml"), free_port());
    let text = format!(
        "[log]\nslow_request = \"30ms\"\n{log}\n\
         [listener.a]\naddress = \"127.0.0.1:{port}\"\npool = \"a\"\n\
         [pool.a]\nservers = [\"{}\"]\n",
        relay.addr()
    );
    fs::write(&path, text).expect("the scratch folder is writable");
    let program = Program::start(&mut run(&path));
    wait_until(PATIENCE, "the listener", || program.output().contains("listener a"));
    let mut session = Session::connect(&format!("127.0.0.1:{port}"));
    session.set("user:42", "value");
    assert!(!program.output().contains("slow request"), "{}", program.output());
    relay.set(Fault::Delay(Duration::from_millis(60)));
    let mut found = None;
    wait_until(PATIENCE, "a line", || {
        session.get("user:42");
        let output = program.output();
        let lines = output.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let line = lines.into_iter().find(|line| line.contains("slow request"));
        found = line.map(|line| serde_json::from_str(line).expect("a line is an object"));
        found.is_some()
    });
    found.expect("it has been waited for")
}

#[test]
fn a_slow_request_is_a_line_that_does_not_say_its_key() {
    let slow = slow_request("");
    assert_eq!((&slow["level"], &slow["pool"]), (&"WARN".into(), &"a".into()));
    assert_eq!((&slow["class"], &slow["keys"]), (&"read".into(), &1.into()));
    assert!(slow["latency_us"].as_u64().is_some_and(|latency| latency >= 30_000), "{slow}");
    assert_eq!((slow.get("key"), &slow["untold"]), (None, &0.into()));
}

#[test]
fn a_slow_request_says_its_key_where_that_is_wanted() {
    assert_eq!(slow_request("slow_request_keys = \"shown\"")["key"], "user:42");
}

const PATIENCE: Duration = Duration::from_secs(10);
