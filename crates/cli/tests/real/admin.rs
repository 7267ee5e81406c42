//! The admin API of the program as others use it: orchestrators, Prometheus, tools.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::{
    HttpAnswer, Memcached, Program, Session, free_port, http_get, scratch_path, wait_until,
};

/// A proxy before real servers, with an admin server.
struct Watched {
    servers: Vec<Memcached>,
    program: Program,
    address: String,
    admin: String,
}

/// Names that a format could stumble over.
const NAMES: [&str; 3] = ["plain", r#"a"quote\and{more}"#, "ü,=;/"];

impl Watched {
    fn start() -> Self {
        let servers: Vec<_> = NAMES.iter().map(|_| Memcached::start()).collect();
        let (port, admin_port) = (free_port(), free_port());
        let server = |(name, server): (&&str, &Memcached)| {
            format!("{{ address = '{}', name = '{name}' }}", server.address())
        };
        let list: Vec<_> = NAMES.iter().zip(&servers).map(server).collect();
        let path = scratch_path("toml");
        let config = format!(
            "[proxy]\nworkers = 2\n[listener.main]\naddress = '127.0.0.1:{port}'\npool = 'main'\n\
             [pool.main]\nservers = [{}]\n[admin]\naddress = '127.0.0.1:{admin_port}'\n",
            list.join(", ")
        );
        fs::write(&path, config).expect("the scratch folder is writable");
        let mut program =
            Program::start(Command::new(env!("CARGO_BIN_EXE_evenkeel")).arg("run").arg(&path));
        let (address, admin) = (format!("127.0.0.1:{port}"), format!("127.0.0.1:{admin_port}"));
        wait_until(TIMEOUT, "the proxy to accept or to end", || {
            program.exit_status().is_some()
                || (Session::can_connect(&address) && Session::can_connect(&admin))
        });
        assert!(program.exit_status().is_none(), "it ended:\n{}", program.output());
        Self { servers, program, address, admin }
    }

    #[track_caller]
    fn ask(&self, path: &str) -> HttpAnswer {
        http_get(&self.admin, path)
    }

    /// Writes and reads keys of every server, hits and misses.
    fn use_it(&self) {
        let mut session = Session::connect(&self.address);
        for serial in 0..100 {
            session.set(&format!("key{serial}"), "value");
            assert_eq!(session.get(&format!("key{serial}")).as_deref(), Some("value"));
            assert_eq!(session.get(&format!("none{serial}")), None);
        }
    }

    /// The sum of the samples of a family whose labels hold all of these.
    fn sum(&self, family: &str, labels: &[&str]) -> f64 {
        let text = self.ask("/metrics").body;
        let samples = text.lines().filter_map(|line| {
            let rest = line.strip_prefix(family)?;
            let is_it = rest.starts_with(['{', ' ']) && labels.iter().all(|it| rest.contains(it));
            is_it.then(|| rest.rsplit(' ').next()?.parse::<f64>().ok())?
        });
        samples.sum()
    }
}

#[test]
fn prometheus_reads_the_metrics_and_finds_nothing_to_complain_of() {
    let mut watched = Watched::start();
    watched.use_it();
    watched.servers[0].kill();
    let down = [r#"server="plain""#, r#"state="down""#];
    wait_until(TIMEOUT, "the ejection to be counted", || {
        watched.sum("evenkeel_server_state", &down) > 0.0
    });
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed (scripts/install-test-deps)");
    let text = watched.ask("/metrics").body;
    let mut input = promtool.stdin.take().expect("it is piped");
    input.write_all(text.as_bytes()).expect("it reads all of it");
    drop(input);
    let output = promtool.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}\n{text}");
    assert!(watched.program.exit_status().is_none());
}

#[test]
fn metrics_count_what_was_done_and_what_happened() {
    let mut watched = Watched::start();
    watched.use_it();
    let escaped = r#"server="a\"quote\\and{more}""#;
    wait_until(TIMEOUT, "the figures to come in", || {
        watched.sum("cache_hits_total", &[]) >= 100.0
            && watched.sum("cache_misses_total", &[]) >= 100.0
    });
    assert!(watched.sum("cache_hits_total", &[escaped]) > 0.0);
    let reads = watched.sum("cache_requests_total", &[r#"class="read""#]);
    assert!(reads >= 200.0, "{reads}");
    let durations = "cache_request_duration_seconds";
    let all = watched.sum(&format!("{durations}_bucket"), &[r#"class="write""#, r#"le="+Inf""#]);
    assert!(all >= 100.0, "{all}");
    assert!((watched.sum(&format!("{durations}_count"), &[r#"class="write""#]) - all).abs() < 0.5);
    assert!(watched.sum(&format!("{durations}_sum"), &[r#"class="write""#]) > 0.0);
    watched.servers[1].kill();
    wait_until(TIMEOUT, "the ejection to be counted", || {
        watched.sum("evenkeel_ejections_total", &[escaped]) > 0.0
            && watched.sum("evenkeel_server_usable", &[escaped]) < 0.5
    });
    assert!(watched.sum("evenkeel_ejections_total", &[r#"server="plain""#]) < 0.5);
}

#[test]
fn a_process_is_ready_while_it_can_serve_and_live_as_long_as_it_runs() {
    let mut watched = Watched::start();
    assert_eq!(watched.ask("/health/live").json()["is_live"], true);
    let ready = watched.ask("/health/ready");
    assert_eq!((ready.status, &ready.json()["is_ready"]), (200, &true.into()));
    watched.servers.iter_mut().for_each(Memcached::kill);
    wait_until(TIMEOUT, "the process to be ready no more", || {
        watched.ask("/health/ready").status == 503
    });
    let ready = watched.ask("/health/ready").json();
    assert_eq!(ready["pools"][0]["servers_usable"], 0);
    let reason = ready["reason"].as_str().expect("a reason");
    assert!(reason.starts_with("main: no server is usable: plain is down ("), "{reason}");
    assert_eq!(watched.ask("/health/live").status, 200);
    watched.servers.iter_mut().for_each(Memcached::restart);
    wait_until(TIMEOUT, "the process to be ready again", || {
        watched.ask("/health/ready").status == 200
    });
}

#[test]
fn every_answer_is_as_the_description_says() {
    let mut watched = Watched::start();
    watched.use_it();
    let mut description = watched.ask("/api/v1/openapi.json").json();
    give_examples(&mut description);
    let path = scratch_path("json");
    fs::write(&path, description.to_string()).expect("the scratch folder is writable");
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let schemathesis = repository.join(".test/venv/bin/schemathesis");
    // The same requests in each run; a stream of events has no end to wait for.
    let output = Command::new(schemathesis)
        .args(["run", &path.display().to_string()])
        .args(["--url", &format!("http://{}", watched.admin)])
        .args(["--exclude-path", "/api/v1/events/stream"])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", "15"])
        .args(["--generation-deterministic", "--no-color"])
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .output()
        .expect("schemathesis is installed (scripts/install-test-deps)");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let is_tested = |line: &&str| line.trim().starts_with("Tested:") && !line.ends_with(": 0");
    assert!(said.lines().any(|line| is_tested(&line)), "{said}");
    assert!(watched.program.exit_status().is_none(), "{}", watched.program.output());
    let _ = fs::remove_file(path);
}

/// Names what there is, so that not every question is about something that is not there.
fn give_examples(description: &mut Value) {
    let examples = [("pool", "main"), ("server", NAMES[0]), ("order", "readmit"), ("key", "key7")];
    let paths = description["paths"].as_object_mut().expect("paths").values_mut();
    let operations = paths.flat_map(|item| item.as_object_mut().expect("methods").values_mut());
    for operation in operations {
        let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
        for parameter in parameters.into_iter().flatten() {
            let example = examples.iter().find(|(name, _)| parameter["name"] == *name);
            if let Some((_, example)) = example {
                parameter["example"] = (*example).into();
            }
        }
    }
}

const TIMEOUT: Duration = Duration::from_secs(20);
