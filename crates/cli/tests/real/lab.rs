//! `evenkeel lab` as people use it: a script on its standard input, a prompt, its page.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::termios::{LocalModes, tcgetattr};

use crate::support::{Program, Terminal, scratch_path, wait_until};

#[test]
fn a_crashed_server_is_down_and_comes_back() {
    check_trouble("crash b", "down");
}

#[test]
fn a_stopped_server_is_down_and_comes_back() {
    check_trouble("stop b", "down");
}

#[test]
fn a_slow_server_is_down_and_comes_back() {
    check_trouble("slow b 60ms", "down");
}

#[test]
fn a_garbling_server_is_down_and_comes_back() {
    check_trouble("garble b", "down");
}

#[test]
fn a_server_that_is_cut_off_is_down_and_comes_back() {
    check_trouble("cut-off b", "down");
}

#[test]
fn a_lying_server_is_down_and_comes_back() {
    check_trouble("lie b", "down");
}

#[test]
fn a_flapping_server_is_down_and_comes_back() {
    check_trouble("flap b", "down");
}

#[test]
fn a_full_server_is_sent_no_writes_and_stays() {
    let output = run_script("full b\nwait 2s\nstatus\nheal b\nwait b up\n", 0);
    assert!(output.contains("b is sent no writes"), "{output}");
    assert!(output.contains("no writes are sent to it"), "{output}");
    assert!(!output.contains("-> down"), "{output}");
}

#[test]
fn all_servers_crash_and_come_back() {
    let output = run_script(
        "crash all\nwait a down\nwait b down\nwait c down\nheal all\nwait a up\nwait b up\nwait c up\n",
        0,
    );
    assert!(output.contains(" 0 wrong"), "{output}");
}

#[test]
fn a_restarted_server_is_empty_and_an_event_says_so() {
    // First it must have been asked which process it is.
    let output = run_script("wait 3s\ncrash b\nwait b down\nrestart b\nwait b returning\n", 0);
    assert!(output.contains("b has restarted, and is empty"), "{output}");
}

#[test]
fn an_operator_takes_a_server_out_and_back() {
    let output = run_script("drain b\nwait b drained\nreadmit b\nwait b returning\n", 0);
    assert!(output.contains("b operator: drain"), "{output}");
}

#[test]
fn a_mistake_ends_a_script_and_names_the_remedy() {
    let output = run_script("# to begin with\ncrush b\ncrash b\n", 2);
    let words =
        "evenkeel: line 2 of the script: there is no command \"crush\"; did you mean \"crash\"?";
    assert!(output.contains(words), "{output}");
    assert!(!output.contains("> crash b"), "{output}");
}

#[test]
fn a_port_that_is_taken_names_the_option() {
    for verb in ["lab", "run"] {
        check_port_taken(verb, "--port", "--admin-port");
        check_port_taken(verb, "--admin-port", "--port");
    }
}

#[track_caller]
fn check_port_taken(verb: &str, option: &str, other: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let addr = listener.local_addr().expect("a bound socket has an address");
    let port = addr.port().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    let mut program = Program::start(command.args([verb, option, &port, other, "0"]));
    let status = program.wait_for_exit(BOUND);
    let words = format!(
        "evenkeel: something listens on {addr} already; end it (another evenkeel?), or choose \
         another port with {option} (0: any free one)\n"
    );
    assert_eq!((program.output(), status.code()), (words, Some(1)));
}

#[test]
fn without_commands_it_runs_until_it_is_interrupted() {
    let mut lab = start();
    wait_for(&lab, "100 %");
    lab.signal("INT");
    let status = lab.wait_for_exit(BOUND);
    assert!(status.success(), "{status}:\n{}", lab.output());
    assert!(lab.output().contains(" 0 wrong"), "{}", lab.output());
}

#[test]
fn what_is_done_over_the_api_happens_and_is_told() {
    let lab = start();
    wait_for(&lab, "page     http://");
    let address = admin_address(&lab);
    let before = http(&address, "GET", "/api/v1/lab");
    assert!(before.contains("{\"server\":\"b\"}"), "{before}");
    assert!(before.contains("{\"name\":\"cut-off\",\"summary\":\""), "{before}");
    let after = http(&address, "POST", "/api/v1/lab/servers/b/crash");
    assert!(after.contains("{\"server\":\"b\",\"fault\":\"crash\"}"), "{after}");
    wait_for(&lab, "page: crash b: its process is gone");
    wait_for(&lab, "b suspect -> down");
    let unknown = http(&address, "POST", "/api/v1/lab/servers/b/crush");
    assert!(unknown.starts_with("HTTP/1.1 404 "), "{unknown}");
    let healed = http(&address, "POST", "/api/v1/lab/servers/b/heal");
    assert!(healed.contains("{\"server\":\"b\"}"), "{healed}");
    wait_for(&lab, "b down -> returning");
}

#[test]
fn at_a_prompt_a_mistake_is_told_and_the_lab_goes_on() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    let (mut lab, terminal) = Terminal::start(command.args(ARGS).env("TERM", "xterm"));
    wait_for(&lab, "lab> ");
    let is_as_found = || {
        let modes = tcgetattr(&terminal).expect("it is a terminal").local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    };
    assert!(!is_as_found(), "the prompt edits lines by itself");
    terminal.write("crush b\r");
    wait_for(&lab, "did you mean \"crash\"?");
    terminal.write("crash b\r");
    wait_for(&lab, "b suspect -> down");
    // Ctrl-C.
    terminal.write("\x03");
    wait_for(&lab, " 0 wrong");
    let status = lab.wait_for_exit(BOUND);
    assert!(status.success(), "{status}");
    assert!(is_as_found());
}

/// Has a server get into trouble until it is in this state, and out of it again.
#[track_caller]
fn check_trouble(command: &str, state: &str) {
    let script = format!("{command}\nwait b {state}\nheal b\nwait b returning\nstatus\n");
    let output = run_script(&script, 0);
    assert!(output.contains(" 0 wrong"), "{output}");
    let slowest = output.rsplit("the slowest took ").next().expect("there is a summary");
    // Far above the deadline, because the machine has other things to do, and far below a hang.
    let is_short = !slowest.split(';').next().is_none_or(|figure| figure.ends_with(" s"));
    assert!(is_short, "{output}");
}

/// Runs a script to its end: what was said.
#[track_caller]
fn run_script(script: &str, code: i32) -> String {
    let path = scratch_path("txt");
    fs::write(&path, script).expect("the scratch folder is writable");
    let input = File::open(&path).expect("it was written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    let mut lab = Program::start_with_input(command.args(ARGS), input);
    let status = lab.wait_for_exit(BOUND);
    assert_eq!(status.code(), Some(code), "{}", lab.output());
    lab.output()
}

/// A lab without commands.
fn start() -> Program {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    Program::start_with_input(command.args(ARGS), Stdio::null())
}

#[track_caller]
fn wait_for(lab: &Program, words: &str) {
    wait_until(BOUND, words, || lab.output().contains(words));
}

fn admin_address(lab: &Program) -> String {
    let output = lab.output();
    let address = output.split("http://").nth(1).and_then(|rest| rest.split('/').next());
    address.expect("the page has an address").to_owned()
}

fn http(address: &str, method: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the admin server listens");
    stream.set_read_timeout(Some(BOUND)).expect("the bound is not zero");
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nx-evenkeel: 1\r\ncontent-length: 0\r\n\
         connection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("the admin server takes requests");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the answer is text");
    answer
}

/// Any free ports.
const ARGS: [&str; 5] = ["lab", "--port", "0", "--admin-port", "0"];

/// Longer than anything here takes.
const BOUND: Duration = Duration::from_secs(30);
