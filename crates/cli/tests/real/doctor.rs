//! `evenkeel doctor` against real servers and a real proxy: what it is given, what it says, how it
//! ends, and what it changes.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use evenkeel_rig::Redis;
use serde_json::Value;

use crate::operator::{Operated, Told, evenkeel};
use crate::support::{Memcached, free_port, scratch_path, wait_until};

/// `evenkeel doctor`, with nothing in its environment that others have put there.
fn doctor(args: &[&str]) -> Command {
    let mut command = evenkeel(&["doctor", "--interval", "200ms"]);
    command.env_remove("EVENKEEL_REDIS_PASSWORD").args(args);
    command
}

/// What it says as JSON, and its exit code.
#[track_caller]
fn examined(command: &mut Command) -> (Value, Option<i32>) {
    let told = Told::of(command.arg("--json"));
    let json = serde_json::from_str(&told.stdout);
    (json.unwrap_or_else(|error| panic!("{error}: {told:?}")), told.code)
}

/// Check, server and severity of all findings, worst first; of notes only those of our own proxy.
fn findings(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().expect("a list of findings");
    let word = |it: &Value, name: &str| it[name].as_str().unwrap_or("-").to_owned();
    let told = findings
        .iter()
        .filter(|it| it["severity"] != "note" || word(it, "check").starts_with("evenkeel-"));
    let told = told.map(|it| ["check", "server", "severity"].map(|name| word(it, name)).join(" "));
    told.collect()
}

fn names(report: &Value) -> Vec<&str> {
    let servers = report["servers"].as_array().expect("a list of servers");
    servers.iter().filter_map(|it| it["name"].as_str()).collect()
}

#[test]
fn a_configuration_file_means_all_its_servers() {
    let servers: Vec<_> = (0..3).map(|_| Memcached::start()).collect();
    let [a, b, c] = [0, 1, 2].map(|idx| servers[idx].address());
    let config = scratch_path("toml");
    let text = format!(
        "[listener.main]\naddress = \"127.0.0.1:{}\"\npool = \"main\"\n[pool.main]\n\
         servers = [{{ address = {a:?}, name = \"a\" }}, {{ address = {b:?}, name = \"b\" }}, {c:?}]\n",
        free_port()
    );
    fs::write(&config, text).expect("the scratch folder is writable");
    let file = config.to_str().expect("a plain path");

    let (report, code) = examined(&mut doctor(&[file, &format!("memcached://{a}")]));
    assert_eq!((findings(&report), code), (Vec::new(), Some(0)), "{report:#}");
    assert_eq!(names(&report), ["main/a", "main/b", &format!("main/{c}")]);

    servers[1].hang();
    let begun_at = Instant::now();
    let (report, code) = examined(&mut doctor(&[file]));
    assert!(begun_at.elapsed() < HUNG_MAX, "{:?}", begun_at.elapsed());
    assert_eq!(
        (findings(&report), code),
        (vec!["reach-silent main/b critical".to_owned()], Some(2))
    );
    assert_eq!(report["verdict"], "critical");
}

#[test]
fn a_proxy_tells_its_view_and_its_servers_and_listeners_are_examined() {
    let mut proxy = Operated::start(2);
    let address = format!("127.0.0.1:{}", proxy.admin_port);
    let url = format!("http://{address}");
    proxy.wait_for_state(0, "up");
    proxy.wait_for_state(1, "up");

    // By its address alone, too, and as what other verbs ask.
    thread::scope(|scope| {
        for args in [&[url.as_str(), &address][..], &[]] {
            let mut command = doctor(args);
            command.env("EVENKEEL_ADMIN", &address);
            scope.spawn(move || {
                let (report, code) = examined(&mut command);
                assert_eq!((findings(&report), code), (Vec::new(), Some(0)), "{report:#}");
                let names = names(&report);
                assert_eq!(names[..2], ["main/a", "main/b"]);
                assert!(names[2].starts_with("listener main (127.0.0.1:"), "{names:?}");
            });
        }
    });

    proxy.ask(&["server", "eject", "a", "--wait"]).success();
    let (report, code) = examined(&mut doctor(&[&url]));
    assert_eq!(
        (findings(&report), code),
        (vec!["evenkeel-ordered main/a note".to_owned()], Some(0))
    );

    proxy.servers[1].kill();
    proxy.wait_for_state(1, "down");
    let (report, code) = examined(&mut doctor(&[&url]));
    let found = findings(&report);
    for expected in [
        "reach-refused main/b critical".to_owned(),
        format!("evenkeel-not-ready {url} critical"),
        "evenkeel-server-out main/b note".to_owned(),
        "evenkeel-ordered main/a note".to_owned(),
    ] {
        assert!(found.contains(&expected), "{expected}: {found:?}");
    }
    assert_eq!(code, Some(2));

    proxy.program.stop();
    let begun_at = Instant::now();
    let (report, code) = examined(&mut doctor(&[&url]));
    assert_eq!(
        (findings(&report), code),
        (vec![format!("evenkeel-reach {url} critical")], Some(2))
    );
    let told = Told::of(&mut doctor(&[&address]));
    assert!(told.stderr.contains(&format!("write http://{address}")), "{told:?}");
    assert_eq!((told.code, told.stdout.as_str()), (Some(3), ""));
    assert!(begun_at.elapsed() < HUNG_MAX, "{:?}", begun_at.elapsed());
}

#[test]
fn whatever_keeps_it_from_looking_is_told_and_ends_with_3() {
    let nobody = format!("127.0.0.1:{}", free_port());
    let memcached = Memcached::start();
    let server = memcached.address();
    for (args, words) in [
        (&["10.0.0.1:11211"][..], "write memcached://10.0.0.1:11211"),
        (&["cache.example:6379"], "write redis://cache.example:6379"),
        (&["https://127.0.0.1:9311"], "plain HTTP"),
        (&["http://127.0.0.1:9311/page"], "write http://address:port"),
        (&["10.0.0.1"], "name servers as memcached://"),
        (&["none.toml"], "cannot read none.toml"),
        (&["redis://me@10.0.0.1"], "EVENKEEL_REDIS_PASSWORD"),
        (&["redis://:secret@10.0.0.1:x"], "redis://…@10.0.0.1:x"),
        (&[&nobody], "no admin API answers there"),
        (&[&server], "no admin API answers there"),
        (&["--password-file", "none", "redis://10.0.0.1"], "none gives no password"),
        (&["--token-file", "none", "http://10.0.0.1"], "none gives no token"),
        (&["--none-such"], "--none-such"),
        (&["--interval", "soon", "redis://10.0.0.1"], "multiple times"),
        (&["--fix", "--json", "redis://10.0.0.1"], "cannot be used with"),
        (&[], "no running proxy answers at"),
    ] {
        let told = Told::of(doctor(args).env("EVENKEEL_ADMIN", &nobody));
        assert!(told.stderr.contains(words), "{args:?}: {told:?}");
        assert!(!told.stderr.contains("secret"), "{args:?}: {told:?}");
        assert_eq!((told.code, told.stdout.as_str()), (Some(3), ""), "{args:?}: {told:?}");
    }
    // All at once.
    let told = Told::of(&mut doctor(&["10.0.0.1:11211", "none.toml", "ftp://10.0.0.1", &nobody]));
    for words in ["10.0.0.1:11211", "none.toml", "\"ftp\"", &nobody] {
        assert!(told.stderr.contains(words), "{words}: {told:?}");
    }
    assert!(Told::of(&mut doctor(&["--help"])).success().contains("evenkeel doctor"));
}

#[test]
fn a_password_is_given_in_private_and_never_told() {
    let redis = Redis::start_with(&["--requirepass", PASSWORD]);
    let url = format!("redis://{}", redis.address());
    let file = scratch_path("password");
    fs::write(&file, format!("{PASSWORD}\n")).expect("the scratch folder is writable");
    let file = file.to_str().expect("a plain path");
    let typed = format!("redis://:{PASSWORD}@{}", redis.address());

    for (args, password, expected) in [
        (&[url.as_str()][..], None, Some(3)),
        (&[&url], Some("another"), Some(3)),
        (&[&url], Some(PASSWORD), Some(0)),
        (&["--password-file", file, &url], Some("another"), Some(0)),
        (&[&typed], Some("another"), Some(0)),
    ] {
        let mut command = doctor(args);
        command.arg("--verbose").envs(password.map(|it| ("EVENKEEL_REDIS_PASSWORD", it)));
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child = child.expect("the program starts");
        // What is let in takes its time; what is not has ended when it is looked at.
        if expected == Some(0) {
            assert_eq!(command_line(child.id()).contains(PASSWORD), args == [&typed], "{args:?}");
        }
        let output = child.wait_with_output().expect("the program ends");
        let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), expected, "{args:?}: {told}");
        assert!(!told.contains(PASSWORD) && !told.contains("another"), "{args:?}: {told}");
    }
}

/// What everybody can read of a process that runs.
fn command_line(process_id: u32) -> String {
    let path = format!("/proc/{process_id}/cmdline");
    let mut line = String::new();
    // For a moment after its start a process has none.
    wait_until(HUNG_MAX, "the process to have a command line", || {
        line = fs::read_to_string(&path).expect("its end has not been waited for");
        !line.is_empty()
    });
    line
}

#[test]
fn what_is_fixed_was_said_yes_to_and_is_undone_as_it_says() {
    let redis = Redis::start_with(&["--maxmemory", "3mb", "--maxmemory-policy", "noeviction"]);
    // What a script has begun it may end, whatever memory that takes.
    let fill = "for i = 1, 5000 do redis.call('SET', i, string.rep('x', 1000)) end";
    redis.command(&["EVAL", fill, "0"]);
    assert!(redis.command(&["SET", "key", "value"]).contains("OOM"));
    let policy = || redis.command(&["CONFIG", "GET", "maxmemory-policy"]);
    let before = policy();
    let url = format!("redis://{}", redis.address());

    let long = format!("{}y\n", "n".repeat(1024));
    for answer in ["", "n\n", "yes, but\n", &long] {
        let (told, code) = fix(&url, answer);
        assert!(told.contains("sends:   CONFIG SET maxmemory-policy allkeys-lru\n"), "{told}");
        assert!(told.contains("not done") && !told.contains("what is left"), "{told}");
        assert_eq!((policy(), code), (before.clone(), Some(2)), "{answer:?}");
    }

    let mut unread = doctor(&["--fix", &url]);
    let (input, output) = (Stdio::piped(), Stdio::piped());
    let mut child = unread.stdin(input).stdout(output).spawn().expect("the program starts");
    drop(child.stdout.take());
    let mut input = child.stdin.take().expect("it is piped");
    input.write_all(b"y\ny\n").expect("a pipe holds more");
    assert_eq!(child.wait().expect("the program ends").code(), Some(2));
    assert_eq!(policy(), before, "what nobody read was sent");

    let (told, code) = fix(&url, "y\n");
    let line = format!("{url}: CONFIG SET maxmemory-policy allkeys-lru: noeviction -> allkeys-lru");
    assert!(told.contains(&line), "{told}");
    assert!(told.contains("what is left"), "{told}");
    assert!(policy().contains("allkeys-lru"));
    assert_ne!(code, Some(2), "{told}");

    let undo = told.lines().find_map(|line| line.strip_prefix("  undo:    "));
    let undo = undo.expect("it says how to undo it");
    let words: Vec<_> = undo.split(' ').skip_while(|it| *it != "CONFIG").collect();
    redis.command(&words);
    assert_eq!(policy(), before);
}

/// What `--fix` says and how it ends when it is answered so, and then no more.
fn fix(url: &str, answer: &str) -> (String, Option<i32>) {
    let mut command = doctor(&["--fix", url]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut input = child.stdin.take().expect("it is piped");
    input.write_all(answer.as_bytes()).expect("the program reads later");
    drop(input);
    let output = child.wait_with_output().expect("the program ends");
    (String::from_utf8(output.stdout).expect("text"), output.status.code())
}

#[test]
fn a_server_that_differs_from_its_neighbours_is_the_odd_one() {
    let servers = [
        Memcached::start(),
        Memcached::start_with(&["-m", "128"]),
        Memcached::start(),
        Memcached::start(),
    ];
    let urls = servers.each_ref().map(|it| format!("memcached://{}", it.address()));
    let (report, code) = examined(&mut doctor(&urls.each_ref().map(String::as_str)));
    let expected = format!("compare-memory {} warning", urls[1]);
    assert_eq!((findings(&report), code), (vec![expected], Some(1)));
    // Of two nobody can say which is odd.
    let (report, code) = examined(&mut doctor(&[&urls[0], &urls[1]]));
    assert_eq!((findings(&report), code), (Vec::new(), Some(0)));
}

/// Whoever runs out of files of its own must not say that servers do not serve.
#[test]
fn few_files_are_no_fault_of_the_servers() {
    let redis = Redis::start();
    let urls = (0..3).map(|database| format!("redis://{}/{database}", redis.address()));
    let program = doctor(&["--json"]);
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -n 40; exec \"$0\" \"$@\""]).arg(program.get_program());
    limited.args(program.get_args()).args(urls).env_remove("EVENKEEL_REDIS_PASSWORD");
    let told = Told::of(&mut limited);
    let report: Value = serde_json::from_str(&told.stdout).expect("it is JSON");
    assert_eq!((findings(&report), told.code), (Vec::new(), Some(0)));
    for server in report["servers"].as_array().expect("a list of servers") {
        assert_eq!(server["gaps"], Value::Array(Vec::new()), "{server}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_does_not_hide_the_verdict() {
    let nobody = format!("memcached://127.0.0.1:{}", free_port());
    let mut child = doctor(&[&nobody]).stdout(Stdio::piped()).spawn().expect("the program starts");
    drop(child.stdout.take());
    let mut status = None;
    wait_until(HUNG_MAX, "the program to end", || {
        status = child.try_wait().expect("our own child can be waited for");
        status.is_some()
    });
    assert_eq!(status.and_then(|it| it.code()), Some(2));
}

const PASSWORD: &str = "a-secret-of-ours";
/// What an examination may take when somebody hangs, on a machine that is busy with other tests.
const HUNG_MAX: Duration = Duration::from_secs(10);
