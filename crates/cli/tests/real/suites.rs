//! Other people's clients and their own test suites, through the proxy.
//!
//! What cannot pass through a pool is listed with its reason, and the list is exact: a test
//! that fails without a line fails this test, and so does a line whose test passes. The counts
//! are exact too, so that a suite which silently runs less is seen.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::support::{Cluster, Memcached, Program, Proxy, Target, scratch_path};

/// A suite, and what is known of it.
struct Suite {
    /// The command that runs it against an address.
    command: fn(address: &str) -> Command,
    passes: usize,
    known: &'static [Known],
}

/// Tests that do not pass, and why that is right or not to be helped.
struct Known {
    /// The test's name; for a test with parameters, the part before them.
    test: &'static str,
    reason: &'static str,
}

/// What one test of a suite came to.
struct Outcome {
    is_pass: bool,
    test: String,
    what: String,
}

const PYMEMCACHE: Suite = Suite {
    command: pymemcache,
    passes: 94,
    known: &[
        Known { test: "test_integration.py::test_misc", reason: PER_SERVER },
        Known {
            test: "test_integration.py::test_tls",
            reason: "skipped by the suite itself, against memcached too",
        },
    ],
};

const LIBMEMCACHED: Suite = Suite { command: memccapable, passes: 27, known: &[] };

const PHP_MEMCACHED: Suite = Suite {
    command: |address| php("memcached.php", address),
    passes: 38,
    known: &[Known { test: "binary protocol", reason: BINARY }],
};

const PHP_MEMCACHE: Suite = Suite {
    command: |address| php("memcache.php", address),
    passes: 32,
    known: &[Known { test: "getStats of slabs and items", reason: NO_ITEMS }],
};

const PYLIBMC: Suite = Suite {
    command: pylibmc,
    passes: 24,
    known: &[
        Known { test: "test_client.py::ClientTests::test_get_with_default", reason: BINARY },
        Known { test: "test_client.py::ClientTests::test_none_values", reason: BINARY },
        Known { test: "test_client.py::ClientTests::test_utf8_encoding", reason: BINARY },
        Known { test: "test_client.py::ClientTests::test_zerokey", reason: BINARY },
        Known { test: "test_refcounts.py::RefcountTests::test_delete", reason: BINARY },
        Known { test: "test_refcounts.py::RefcountTests::test_get_complex_type", reason: BINARY },
        Known { test: "test_refcounts.py::RefcountTests::test_get_multi", reason: BINARY },
        Known {
            test: "test_refcounts.py::RefcountTests::test_get_multi_bytes_and_unicode",
            reason: BINARY,
        },
        Known { test: "test_refcounts.py::RefcountTests::test_get_simple", reason: BINARY },
        Known { test: "test_refcounts.py::RefcountTests::test_get_singleton", reason: BINARY },
        Known { test: "test_refcounts.py::RefcountTests::test_get_with_default", reason: BINARY },
        Known { test: "test_refcounts.py::RefcountTests::test_incr", reason: BINARY },
        Known { test: "test_refcounts.py::RefcountTests::test_prefixes", reason: BINARY },
        Known {
            test: "test_refcounts.py::RefcountTests::test_set_and_delete_multi",
            reason: BINARY,
        },
    ],
};

const PYTHON_MEMCACHED: Suite = Suite { command: python_memcached, passes: 26, known: &[] };

const NO_ITEMS: &str =
    "no items or slabs are in the proxy, and this client calls an empty list false";
const PER_SERVER: &str = "asks for figures and settings of one server, and there are several";
const BINARY: &str = "the binary protocol, which memcached deprecates, is not spoken";

#[test]
fn pymemcache_passes_over_one_server() {
    check(&PYMEMCACHE, 1);
}

#[test]
fn pymemcache_passes_over_three_servers() {
    check(&PYMEMCACHE, 3);
}

#[test]
fn libmemcached_passes_over_one_server() {
    check(&LIBMEMCACHED, 1);
}

#[test]
fn libmemcached_passes_over_three_servers() {
    check(&LIBMEMCACHED, 3);
}

#[test]
fn php_memcached_passes_over_one_server() {
    check(&PHP_MEMCACHED, 1);
}

#[test]
fn php_memcached_passes_over_three_servers() {
    check(&PHP_MEMCACHED, 3);
}

#[test]
fn php_memcache_passes_over_one_server() {
    check(&PHP_MEMCACHE, 1);
}

#[test]
fn php_memcache_passes_over_three_servers() {
    check(&PHP_MEMCACHE, 3);
}

#[test]
fn pylibmc_passes_over_one_server() {
    check(&PYLIBMC, 1);
}

#[test]
fn pylibmc_passes_over_three_servers() {
    check(&PYLIBMC, 3);
}

#[test]
fn python_memcached_passes_over_one_server() {
    check(&PYTHON_MEMCACHED, 1);
}

#[test]
fn python_memcached_passes_over_three_servers() {
    check(&PYTHON_MEMCACHED, 3);
}

#[test]
fn clients_read_and_write_through_routes_to_two_pools() {
    let [main, users] = [Memcached::start(), Memcached::start()].map(|it| (it.address(), it));
    let routes = format!(
        "[[route]]\nprefix = \"user:\"\npool = \"users\"\n\
         [[route]]\nprefix = \"/east/\"\npool = \"users\"\nstrip_prefix = true\n\
         [pool.users]\nservers = [{:?}]\n",
        users.0
    );
    let proxy = Proxy::start_with(std::slice::from_ref(&main.0), &routes);
    let mut python = Command::new(repository().join(".test/venv/bin/python"));
    python.arg(suites_folder().join("routes.py")).env("PYTHONDONTWRITEBYTECODE", "1");
    python.arg(proxy.address());
    for (mut command, passes) in [(python, 6), (php("routes.php", &proxy.address()), 4)] {
        let outcomes = run(command.args([&main.0, &users.0]));
        compare(&Suite { command: pymemcache, passes, known: &[] }, &outcomes);
    }
}

#[track_caller]
fn check(suite: &Suite, servers_count: usize) {
    let cluster = Cluster::start(servers_count);
    let outcomes = run(&mut (suite.command)(&cluster.address()));
    match Target::from_environment() {
        Target::Evenkeel => compare(suite, &outcomes),
        Target::Memcached | Target::Nutcracker => report(&outcomes),
    }
}

/// Fails unless the outcomes are exactly the expected ones.
#[track_caller]
fn compare(suite: &Suite, outcomes: &[Outcome]) {
    let mut faults = Vec::new();
    for outcome in outcomes.iter().filter(|outcome| !outcome.is_pass) {
        if !suite.known.iter().any(|known| known.covers(outcome)) {
            faults.push(format!("fails: {} # {}", outcome.test, outcome.what));
        }
    }
    for known in suite.known {
        let mut covered = outcomes.iter().filter(|outcome| known.covers(outcome)).peekable();
        if covered.peek().is_none() {
            faults.push(format!("not run: {}, listed because: {}", known.test, known.reason));
        } else if covered.all(|outcome| outcome.is_pass) {
            faults.push(format!("passes: {}, listed because: {}", known.test, known.reason));
        }
    }
    let passes = outcomes.iter().filter(|outcome| outcome.is_pass).count();
    if passes != suite.passes {
        faults.push(format!("{passes} tests pass, {} expected", suite.passes));
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// Shows how something else than the proxy fares.
fn report(outcomes: &[Outcome]) {
    for outcome in outcomes.iter().filter(|outcome| !outcome.is_pass) {
        println!("fails: {} # {}", outcome.test, outcome.what);
    }
    let passes = outcomes.iter().filter(|outcome| outcome.is_pass).count();
    println!("{passes} of {} tests pass", outcomes.len());
}

impl Known {
    fn covers(&self, outcome: &Outcome) -> bool {
        outcome.test.split('[').next() == Some(self.test)
    }
}

/// Runs a suite and reads its outcomes from the file that it was told to write, or from its
/// output.
fn run(command: &mut Command) -> Vec<Outcome> {
    let path = scratch_path("outcomes");
    let mut program = Program::start(command.env("EVENKEEL_OUTCOMES", &path));
    program.wait_for_exit(SUITE_TIMEOUT);
    let output = program.output();
    let lines = fs::read_to_string(path).unwrap_or_default();
    let outcomes = parse(if lines.is_empty() { &output } else { &lines });
    assert!(!outcomes.is_empty(), "the suite reports no test:\n{output}");
    outcomes
}

/// Reads `ok NAME # WHAT` and `not ok NAME # WHAT`, or libmemcached's own table.
fn parse(output: &str) -> Vec<Outcome> {
    if output.starts_with("ascii ") {
        return parse_memccapable(output);
    }
    let outcome = |line: &str| {
        let (verdict, rest) = match line.strip_prefix("not ok ") {
            Some(rest) => (false, rest),
            None => (true, line.strip_prefix("ok ")?),
        };
        let (test, what) = rest.split_once(" #").unwrap_or((rest, ""));
        Some(Outcome { is_pass: verdict, test: test.to_owned(), what: what.trim().to_owned() })
    };
    output.lines().filter_map(outcome).collect()
}

/// Reads `ascii NAME    [pass]` and `ascii NAME    [FAIL]`; the latter may be on a line with
/// the next test.
fn parse_memccapable(output: &str) -> Vec<Outcome> {
    let tests = output.split("ascii ").skip(1);
    tests
        .map(|entry| {
            let name_len = entry.find(['[', '\n']).unwrap_or(entry.len()).min(MEMCCAPABLE_NAME_LEN);
            Outcome {
                is_pass: entry.contains("[pass]"),
                test: entry[..name_len].trim().to_owned(),
                what: entry[name_len..].trim().to_owned(),
            }
        })
        .collect()
}

fn pymemcache(address: &str) -> Command {
    let tests = site_packages().join("pymemcache/test/test_integration.py");
    let (host, port) = split(address);
    let mut command = pytest();
    command.arg(tests).args(["--server", host, "--port", port]);
    command
}

fn pylibmc(address: &str) -> Command {
    let (host, port) = split(address);
    let mut command = pytest();
    command.current_dir(repository().join(".test/suites/pylibmc-1.6.3"));
    command.env("MEMCACHED_HOST", host).env("MEMCACHED_PORT", port);
    // Its tests of auto-discovery start no server and speak to a fixed port.
    command.args(["tests", "--ignore", "tests/test_autoconf.py"]);
    command
}

fn python_memcached(address: &str) -> Command {
    let mut command = pytest();
    command.current_dir(repository().join(".test/suites/python-memcached-1.62"));
    command.env("EVENKEEL_ADDRESS", address);
    command.args(["tests", "-p", "python_memcached", "--import-mode", "importlib"]);
    command
}

fn memccapable(address: &str) -> Command {
    let (host, port) = split(address);
    let mut command = Command::new("memccapable");
    command.args(["-a", "-t", "5", "-h", host, "-p", port]);
    command
}

fn php(script: &str, address: &str) -> Command {
    let mut command = Command::new("php");
    command.arg(suites_folder().join(script)).arg(address);
    command
}

fn pytest() -> Command {
    let mut command = Command::new(repository().join(".test/venv/bin/python"));
    command.env("PYTHONPATH", suites_folder()).env("PYTHONDONTWRITEBYTECODE", "1");
    command.args(["-m", "pytest", "-q", "-W", "ignore", "-p", "outcomes"]);
    command.args(["-p", "no:cacheprovider"]);
    command
}

fn site_packages() -> PathBuf {
    let lib = repository().join(".test/venv/lib");
    let entries = fs::read_dir(&lib).expect("`make deps` has made the virtual environment");
    let python = entries.flatten().map(|entry| entry.path().join("site-packages"));
    python.into_iter().find(|path| path.is_dir()).expect("the virtual environment has packages")
}

fn suites_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/suites")
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn split(address: &str) -> (&str, &str) {
    address.split_once(':').expect("an address has a port")
}

const SUITE_TIMEOUT: Duration = Duration::from_mins(2);
const MEMCCAPABLE_NAME_LEN: usize = 34;
