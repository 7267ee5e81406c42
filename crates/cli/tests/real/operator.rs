//! The verbs that ask a running proxy, against one: real servers that break behind it, a terminal
//! before it.

mod events;
mod orders;
mod reload;
mod screen;
mod status;
mod terminal;
mod tmux;
mod token;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::support::{Memcached, Program, Session, free_port, scratch_path, wait_until};

use tmux::Tmux;

/// A proxy with an admin server, before real servers called `a`, `b` and so on.
pub(crate) struct Operated {
    pub(crate) servers: Vec<Memcached>,
    pub(crate) program: Program,
    pub(crate) config: PathBuf,
    port: u16,
    pub(crate) admin_port: u16,
}

impl Operated {
    /// Starts as many servers, and a proxy before them.
    pub(crate) fn start(servers_count: usize) -> Self {
        Self::start_with(servers_count, "")
    }

    /// The same with more lines in the admin server's part of the configuration.
    fn start_with(servers_count: usize, admin_lines: &str) -> Self {
        let servers: Vec<_> = (0..servers_count).map(|_| Memcached::start()).collect();
        let (port, admin_port) = (free_port(), free_port());
        let named = servers.iter().zip('a'..).map(|(server, name)| {
            format!("{{ address = {:?}, name = \"{name}\" }}", server.address())
        });
        let text = format!(
            "[listener.main]\n\
             address = \"127.0.0.1:{port}\"\n\
             pool = \"main\"\n\
             [pool.main]\n\
             servers = [{}]\n\
             distribution = \"ketama\"\n\
             [pool.main.health]\n\
             ramp = \"100ms\"\n\
             [admin]\n\
             address = \"127.0.0.1:{admin_port}\"\n\
             {admin_lines}\n",
            named.collect::<Vec<_>>().join(", "),
        );
        let config = scratch_path("toml");
        fs::write(&config, text).expect("the scratch folder is writable");
        let program = run(&config);
        let mut operated = Self { servers, program, config, port, admin_port };
        operated.wait_for_start();
        operated
    }

    /// Ends the proxy with SIGKILL.
    fn kill(&mut self) {
        self.program.kill();
    }

    /// Ends the proxy and starts another one in its place.
    fn restart(&mut self) {
        self.kill();
        self.program = run(&self.config);
        self.wait_for_start();
    }

    fn wait_for_start(&mut self) {
        let admin = format!("127.0.0.1:{}", self.admin_port);
        wait_until(TIMEOUT, "the admin server to accept", || {
            assert!(self.program.exit_status().is_none(), "{}", self.program.output());
            Session::can_connect(&admin)
        });
    }

    /// A new session of an application.
    fn connect(&self) -> Session {
        Session::connect(&format!("127.0.0.1:{}", self.port))
    }

    /// A verb that asks this proxy.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = evenkeel(args);
        command.env("EVENKEEL_ADMIN", format!("127.0.0.1:{}", self.admin_port));
        command
    }

    /// Runs a verb that asks this proxy.
    pub(crate) fn ask(&self, args: &[&str]) -> Told {
        Told::of(&mut self.command(args))
    }

    /// A verb's JSON.
    #[track_caller]
    fn json(&self, args: &[&str]) -> serde_json::Value {
        let told = self.ask(args);
        serde_json::from_str(&told.stdout).unwrap_or_else(|error| panic!("{error}: {told:?}"))
    }

    /// Waits until a server is in a state, as `status` says it.
    pub(crate) fn wait_for_state(&self, server: usize, state: &str) {
        wait_until(TIMEOUT, &format!("server {server} to be {state}"), || {
            self.json(&["status", "--json"])["pools"][0]["servers"][server]["state"] == state
        });
    }
}

/// What a verb has said, and how it ended.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: Option<i32>,
}

impl Told {
    pub(crate) fn of(command: &mut Command) -> Self {
        let Output { stdout, stderr, status } = command.output().expect("the command starts");
        let [stdout, stderr] = [stdout, stderr].map(|it| String::from_utf8(it).expect("text"));
        Self { stdout, stderr, code: status.code() }
    }

    /// It has ended with 0 and said nothing on standard error: what it said.
    #[track_caller]
    pub(crate) fn success(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{}", self.stdout);
        self.stdout
    }
}

pub(crate) fn evenkeel(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    command.args(args).stdin(Stdio::null());
    for variable in ["EVENKEEL_ADMIN", "EVENKEEL_TOKEN_FILE", "NO_COLOR"] {
        command.env_remove(variable);
    }
    command
}

fn run(config: &PathBuf) -> Program {
    Program::start(evenkeel(&["run"]).arg(config))
}

const TIMEOUT: Duration = Duration::from_secs(20);
