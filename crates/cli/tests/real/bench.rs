//! `evenkeel bench` against real servers: what it measures, and what it survives.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Memcached, Program, Session, Terminal, free_port, scratch_path, wait_until};

fn command(options: &str, endpoint: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    command.arg("bench").args(options.split_whitespace()).arg(endpoint).stdin(Stdio::null());
    command
}

fn bench(options: &str, endpoint: &str) -> Output {
    command(options, endpoint).output().expect("the command starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the output is text")
}

/// The JSON of a run that is a success.
#[track_caller]
fn measure(options: &str, endpoint: &str) -> Value {
    let output = bench(&format!("--json {options}"), endpoint);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "", "nothing is shown where there is no terminal");
    serde_json::from_slice(&output.stdout).expect("it is one JSON object")
}

#[track_caller]
fn field<'a>(run: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(run, |value, name| &value[name])
}

#[track_caller]
fn number(run: &Value, path: &str) -> u64 {
    field(run, path).as_u64().unwrap_or_else(|| panic!("{path} is no number in {run}"))
}

#[track_caller]
fn latency(run: &Value, path: &str) -> Duration {
    let micros = field(run, path).as_f64();
    Duration::from_secs_f64(micros.unwrap_or_else(|| panic!("no {path} in {run}")) / 1e6)
}

#[track_caller]
fn check_failure(output: &Output, code: i32, words: &[&str]) {
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    for words in words {
        assert!(stderr.contains(words), "{words:?} is not in {stderr}");
    }
}

/// One of memcached's own counters.
fn stat(session: &mut Session, name: &str) -> u64 {
    session.send(b"stats\r\n");
    let mut found = None;
    loop {
        let line = session.read_line();
        if line == "END" {
            return found.unwrap_or_else(|| panic!("memcached counts {name}"));
        }
        if let Some(value) = line.strip_prefix(&format!("STAT {name} ")) {
            found = value.parse().ok();
        }
    }
}

/// Waits until the server has been read from so many times.
fn wait_for_reads(session: &mut Session, reads: u64) {
    wait_until(TIMEOUT, "reads to arrive", || stat(session, "cmd_get") >= reads);
}

#[test]
fn what_it_counts_is_what_the_server_counts() {
    let memcached = Memcached::start();
    let run = measure(
        "-c 5 -t 2 -n 3000 --warmup 0s --keys 500 --multiget 3 --reads 80 --value-size 1-2kB",
        &memcached.address(),
    );
    let mut session = Session::connect(&memcached.address());
    let (reads, writes) = (number(&run, "requests.reads"), number(&run, "requests.writes"));
    assert_eq!(reads + writes, 3000, "{run}");
    assert_eq!(number(&run, "keys.hits"), 3 * reads, "{run}");
    assert_eq!(stat(&mut session, "cmd_get"), 3 * reads, "a key at a time");
    assert_eq!(stat(&mut session, "cmd_set"), 500 + writes, "with the fill");
    assert_eq!(number(&run, "requests.failed"), 0, "{run}");
    session.send(b"version\r\n");
    let version = format!("VERSION {}", run["target_version"].as_str().unwrap_or_default());
    assert_eq!(session.read_line(), version);
}

#[test]
fn all_that_it_writes_has_its_prefix_and_expires() {
    let memcached = Memcached::start();
    measure("-n 100 --warmup 0s --keys 50 --reads 0 --expiry 5m", &memcached.address());
    let mut stream = TcpStream::connect(memcached.address()).expect("it accepts");
    stream.set_read_timeout(Some(TIMEOUT)).expect("a socket takes a timeout");
    stream.write_all(b"lru_crawler metadump all\r\n").expect("it is read");
    let lines = BufReader::new(stream).lines().map(|line| line.expect("lines come until END"));
    let lines: Vec<_> = lines.take_while(|line| line != "END").collect();
    assert_eq!(lines.len(), 50, "{lines:?}");
    for line in lines {
        assert!(line.starts_with("key=evenkeel%3Abench%3A"), "{line}");
        assert!(line.contains(" exp=") && !line.contains(" exp=-1"), "{line}");
    }
}

#[test]
fn an_open_loop_shows_how_long_requests_waited_while_the_server_hung() {
    let memcached = Memcached::start();
    let address = memcached.address();
    let mut session = Session::connect(&address);
    let options = "--json --force -R 1k -d 2s --warmup 0s -c 4 -P 8 --keys 100";
    let mut program = Program::start(&mut command(options, &address));
    wait_for_reads(&mut session, 200);
    memcached.hang();
    thread::sleep(HANG);
    memcached.resume();
    let status = program.wait_for_exit(TIMEOUT);
    assert!(status.success(), "{status}: {}", program.output());
    let run: Value = serde_json::from_str(&program.output()).expect("it is one JSON object");
    assert_eq!(number(&run, "requests.answered"), 2000, "{run}");
    // Of 2000 requests 600 were due while nothing was answered.
    for (quantile, percent) in [("p90", 50), ("p99", 90), ("p99_9", 90), ("max", 90)] {
        let latency = latency(&run, &format!("latency_us.all.{quantile}"));
        assert!(latency >= HANG * percent / 100, "{quantile} is {latency:?}: {run}");
    }
    assert!(number(&run, "starts.held_back") > 300, "{run}");
}

#[test]
fn a_server_that_is_killed_and_comes_back_costs_what_it_lost_and_no_more() {
    let mut memcached = Memcached::start();
    let address = memcached.address();
    let options = "--json --force -R 1k -d 3s --warmup 0s -c 4 --keys 100";
    let mut program = Program::start(&mut command(options, &address));
    wait_for_reads(&mut Session::connect(&address), 200);
    memcached.kill();
    thread::sleep(HANG);
    memcached.restart();
    let status = program.wait_for_exit(TIMEOUT);
    assert!(status.success(), "{status}: {}", program.output());
    let run: Value = serde_json::from_str(&program.output()).expect("it is one JSON object");
    // One that is made again may find the dying server's queue of connections, and be lost too.
    assert!((4..10).contains(&number(&run, "connections.lost")), "{run}");
    assert!(number(&run, "connections.connects_failed") > 0, "{run}");
    assert!(number(&run, "keys.misses") > 0, "it came back empty: {run}");
    let unanswered = number(&run, "failures.lost");
    assert_eq!(number(&run, "requests.answered") + unanswered, 3000, "{run}");
    assert!(latency(&run, "latency_us.all.max") >= HANG * 90 / 100, "{run}");
}

#[test]
fn ctrl_c_prints_what_was_measured_so_far() {
    let memcached = Memcached::start();
    let address = memcached.address();
    let options = "--json --force -d 1h --warmup 0s --keys 100";
    let mut program = Program::start(&mut command(options, &address));
    wait_for_reads(&mut Session::connect(&address), 1000);
    program.signal("INT");
    let status = program.wait_for_exit(TIMEOUT);
    assert_eq!(status.code(), Some(130), "{}", program.output());
    let output = program.output();
    let (object, message) = output.split_once('\n').expect("an object and a message");
    let run: Value = serde_json::from_str(object).expect("it is one JSON object");
    assert_eq!((&run["end"], number(&run, "requests.failed")), (&Value::from("stopped"), 0));
    assert!(number(&run, "requests.answered") > 900, "{run}");
    assert_eq!(message, "evenkeel: stopped by a signal\n");
}

#[test]
fn a_server_that_answers_nothing_fails_the_run() {
    let memcached = Memcached::start();
    memcached.hang();
    let options = "--force --warmup 0s -n 100 -c 2 --timeout 200ms";
    let output = bench(&format!("{options} --no-fill"), &memcached.address());
    check_failure(&output, 1, &["nothing was answered", "no answer for 200ms"]);
    assert!(text(&output.stdout).contains("note: given up early"), "{}", text(&output.stdout));
    let output = bench(options, &memcached.address());
    check_failure(&output, 1, &["0 of 10000 keys were stored", "--no-fill"]);
    memcached.resume();
}

#[test]
fn a_wrong_byte_is_loud() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let address = listener.local_addr().expect("it is bound").to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let reader = BufReader::new(stream.try_clone().expect("a socket can be duplicated"));
            for line in reader.lines().map_while(Result::ok) {
                let key = line.rsplit(' ').next().unwrap_or_default();
                let answer = format!("VALUE {key} 0 100\r\n{}\r\nEND\r\n", "x".repeat(100));
                if stream.write_all(answer.as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    let options = "--force --no-fill --reads 100 --warmup 0s -n 5 -c 1";
    check_failure(
        &bench(options, &address),
        3,
        &["5 answers were WRONG: wrong: the data of VALUE"],
    );
}

#[test]
fn a_refused_connection_names_the_target_and_the_remedy() {
    let address = format!("127.0.0.1:{}", free_port());
    let words = [&*address, "Connection refused", "start the target, or check the address"];
    check_failure(&bench("", &address), 1, &words);
    let words = ["cannot make connection 1 of 4 to unix:/no/such.sock", "start the target"];
    check_failure(&bench("--force", "unix:/no/such.sock"), 1, &words);
}

#[test]
fn more_connections_than_descriptors_are_refused_with_the_remedy() {
    let memcached = Memcached::start();
    let mut shell = Command::new("sh");
    let run = format!("ulimit -n 64 && exec \"$0\" bench -c 100 {}", memcached.address());
    shell.args(["-c", &run, env!("CARGO_BIN_EXE_evenkeel")]);
    let output = shell.output().expect("there is a shell");
    check_failure(&output, 1, &["100 connections need", "may have 64", "ulimit -n"]);
}

#[test]
fn a_server_that_others_use_is_left_alone_unless_forced() {
    let memcached = Memcached::start();
    let address = memcached.address();
    let others = Program::start(&mut command("--force -R 500 -d 1h --keys 100", &address));
    wait_for_reads(&mut Session::connect(&address), 100);
    let output = bench("-n 10 --keys 10", &address);
    check_failure(&output, 2, &["others use it", "Nothing was sent", "--force"]);
    let output = bench("-n 10 --keys 10 --warmup 0s --force", &address);
    assert!(output.status.success(), "{}", text(&output.stderr));
    drop(others);
}

#[test]
fn the_proxy_is_measured_through_its_unix_socket() {
    let memcached = Memcached::start();
    let (config, socket) = (scratch_path("toml"), scratch_path("sock"));
    let lines = format!(
        "[listener.main]\naddress = \"unix:{}\"\npool = \"main\"\n[pool.main]\nservers = [\"{}\"]\n",
        socket.display(),
        memcached.address()
    );
    fs::write(&config, lines).expect("the scratch folder is writable");
    let mut proxy = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    let proxy = Program::start(proxy.arg("run").arg(&config));
    wait_until(TIMEOUT, "the proxy to listen", || UnixStream::connect(&socket).is_ok());
    let options = "-n 1000 --warmup 0s --keys 100 --key-dist zipf --value-size 10:9,100kB:1";
    let run = measure(options, &format!("unix:{}", socket.display()));
    assert_eq!(number(&run, "requests.answered"), 1000, "{run}");
    assert_eq!(number(&run, "requests.failed") + number(&run, "keys.misses"), 0, "{run}");
    assert_eq!(run["workload"]["value_bytes"], "10:9,100000:1");
    drop(proxy);
}

#[test]
fn a_saved_run_is_compared_with_another() {
    let memcached = Memcached::start();
    let file = scratch_path("json");
    let path = file.display();
    let options = "-n 500 --warmup 0s --keys 100";
    let saved = measure(&format!("{options} --save {path}"), &memcached.address());
    let written = fs::read(&file).expect("it was saved");
    assert_eq!(saved, serde_json::from_slice::<Value>(&written).expect("it is JSON"));
    let run = measure(&format!("{options} --compare {path}"), &memcached.address());
    let comparison = &run["comparison"];
    assert_eq!(comparison["differences"], Value::Array(Vec::new()));
    let rates = [&run, &saved].map(|run| run["requests_per_second"].as_f64());
    let ratio = rates[0].zip(rates[1]).map(|(this, saved)| this / saved);
    let found = comparison["ratios"]["requests_per_second"].as_f64();
    let difference = ratio.zip(found).map(|(ratio, found)| (ratio / found - 1.0).abs());
    assert!(difference.is_some_and(|difference| difference < 1e-9), "{ratio:?}: {run}");
    assert_eq!(comparison["ratios"]["keys.hits"], 1.0, "the same seed, the same requests");

    let output = bench(&format!("{options} -c 7 --compare {path}"), &memcached.address());
    assert!(output.status.success());
    assert_eq!(
        text(&output.stderr),
        "evenkeel: not the saved run's workload: connections is 7, and was 50\n"
    );
    let table = text(&output.stdout);
    assert!(
        table.contains("\nnote: the workloads differ: connections is 7, and was 50."),
        "{table}"
    );
    assert!(table.contains("saved         this   ratio\nrequests a second"), "{table}");
    fs::remove_file(file).expect("it is there");
}

#[test]
fn what_is_no_saved_run_is_refused_before_anything_is_sent() {
    let file = scratch_path("json");
    for (content, words) in [
        (None, "cannot read"),
        (Some("not JSON"), "is no saved run"),
        (Some("{\"schema\": \"evenkeel-bench/0\"}"), "was saved as evenkeel-bench/0"),
    ] {
        if let Some(content) = content {
            fs::write(&file, content).expect("the scratch folder is writable");
        }
        let options = format!("--compare {}", file.display());
        check_failure(&bench(&options, "127.0.0.1:1"), 2, &[words, "save"]);
    }
    fs::remove_file(file).expect("it is there");
}

#[test]
fn a_file_that_cannot_be_saved_is_known_before_the_run() {
    let output = bench("--save /no/such/folder/run.json", "127.0.0.1:1");
    check_failure(&output, 1, &["cannot write /no/such/folder/run.json"]);
}

#[test]
fn a_run_that_fails_leaves_no_file_behind() {
    let file = scratch_path("json");
    let output = bench(&format!("--save {}", file.display()), "127.0.0.1:1");
    assert_eq!(output.status.code(), Some(1));
    let partial = file.with_extension("json.partial");
    assert!(!file.exists() && !partial.exists(), "{}", partial.display());
}

#[test]
fn a_terminal_shows_how_it_goes() {
    let memcached = Memcached::start();
    let options = "-d 2500ms --warmup 0s --keys 100";
    let (mut bench, _terminal) = Terminal::start(&mut command(options, &memcached.address()));
    for words in ["\r\u{1b}[Kmeasuring: 1 s   ", "/s   p50 "] {
        wait_until(TIMEOUT, words, || bench.output().contains(words));
    }
    let status = bench.wait_for_exit(TIMEOUT);
    assert!(status.success(), "{}", bench.output());
}

/// The paths of all fields of an object, those of its objects among them: `latency_us.all.p50`.
fn paths(value: &Value, path: &str, paths: &mut Vec<String>) {
    let Value::Object(fields) = value else {
        paths.push(path.to_owned());
        return;
    };
    for (name, value) in fields {
        let dot = if path.is_empty() { "" } else { "." };
        self::paths(value, &format!("{path}{dot}{name}"), paths);
    }
}

/// What the table of fields in docs/cli.md says there is.
fn documented_paths() -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    let document = fs::read_to_string(file).expect("it is there");
    let table = document.split("### The JSON of a run").nth(1).expect("the section is there");
    let table = table.split("\n## ").next().unwrap_or_default();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    let names = rows.flat_map(|row| row.split('|').next().unwrap_or_default().split("`, `"));
    let names = names.map(|name| name.trim().trim_end_matches('`').to_owned());
    names.flat_map(|name| expand(&name)).collect()
}

/// `latency_us.*.p50` stands for every group of latencies.
fn expand(name: &str) -> Vec<String> {
    match name.split_once('*') {
        None => vec![name.to_owned()],
        Some((start, end)) => ["all", "reads", "writes", "given_up"]
            .map(|group| format!("{start}{group}{end}"))
            .to_vec(),
    }
}

#[test]
fn every_field_of_the_json_is_documented_and_there() {
    let memcached = Memcached::start();
    let file = scratch_path("json");
    let options = "-R 5k -n 200 --warmup 0s --keys 100";
    measure(&format!("{options} --save {}", file.display()), &memcached.address());
    let options = format!("{options} --compare {}", file.display());
    let mut run = measure(&options, &memcached.address());
    run["comparison"]["ratios"] = Value::Null;
    let mut found = Vec::new();
    paths(&run, "", &mut found);
    let mut documented = documented_paths();
    found.sort();
    documented.sort();
    assert_eq!(found, documented);
    fs::remove_file(file).expect("it is there");
}

/// How long a server is hung or away.
const HANG: Duration = Duration::from_millis(600);
const TIMEOUT: Duration = Duration::from_secs(20);
