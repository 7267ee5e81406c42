//! `evenkeel doctor` over time and on a page: what it tells of real servers, and of one whose words
//! are markup.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::page::play;
use crate::support::{Memcached, Program, free_port, scratch_path, wait_until};

fn doctor(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    command.arg("doctor").args(args);
    command
}

#[test]
fn changes_are_told_while_servers_are_watched() {
    let mut server = Memcached::start();
    let target = format!("memcached://{}", server.address());
    let page = scratch_path("html");
    let path = page.to_str().expect("the scratch folder has a plain name");
    let mut told = Program::start(&mut doctor(&["--watch=1s", "--html", path, &target]));
    let mut lines = Program::start(&mut doctor(&["--watch=1s", "--json", &target]));
    let has = |program: &Program, text: &str| program.output().contains(text);
    wait_until(PATIENCE, "a first report", || {
        has(&told, "healthy: nothing to do") && has(&lines, "\"verdict\":\"healthy\"")
    });
    wait_until(PATIENCE, "a first page", || page.exists());
    server.kill();
    wait_until(PATIENCE, "the change to be told", || {
        has(&told, "  new     critical ") && has(&lines, "\"verdict\":\"critical\"")
    });
    let written = || fs::read_to_string(&page).expect("it is there at any time");
    wait_until(PATIENCE, "the page to tell of it", || written().contains("reach-refused"));
    for program in [&mut told, &mut lines] {
        program.signal("INT");
        assert_eq!(program.wait_for_exit(PATIENCE).code(), Some(2), "{}", program.output());
    }
    assert_eq!(told.output().matches("examined in").count(), 1, "{}", told.output());
    let reports: Vec<Value> = lines
        .output()
        .lines()
        .map(|line| serde_json::from_str(line).expect("a report a line"))
        .collect();
    assert!(reports.len() >= 2);
    let partial = format!("{path}.partial");
    assert!(!fs::exists(partial).unwrap());
    // A leftover file in the scratch folder harms nobody.
    let _ = fs::remove_file(page);
}

#[test]
fn a_page_is_readable_everywhere_and_nothing_on_it_is_a_servers_markup() {
    let server = Memcached::start_with(&["-c", "64"]);
    let page = scratch_path("html");
    let path = page.to_str().expect("the scratch folder has a plain name");
    let gone = format!("memcached://127.0.0.1:{}", free_port());
    let targets = [format!("memcached://{}", server.address()), scoundrel(), gone];
    let mut command = doctor(&["--interval", "200ms", "--html", path]);
    let output = command.args(&targets).output().expect("the command starts");
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    let words = [MARKUP, &targets[0], &targets[1], &targets[2], "critical", "reach-refused"];
    play("report", &json!({ "url": format!("file://{path}"), "words": words }));
    // A leftover file in the scratch folder harms nobody.
    let _ = fs::remove_file(page);
}

/// A server that greets and then answers every line with markup. It ends with the test.
fn scoundrel() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
    let addr = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(&stream));
        }
    });
    format!("memcached://{addr}")
}

fn answer(mut stream: &TcpStream) {
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        let answer = match line.as_str() {
            "version" => format!("VERSION {MARKUP}\r\n"),
            _ => format!("SERVER_ERROR {MARKUP}\r\n"),
        };
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

const MARKUP: &str =
    "<img src=x onerror=alert(1)><b class=theirs>&amp;</b></style><script>alert(2)</script>";

/// Longer than an examination takes on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(20);
