//! The proxy under test, as its users start it.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use super::{Program, Session, free_port, scratch_path, wait_until};

/// `evenkeel run FILE` on a free loopback port; it is killed when dropped.
pub(crate) struct Proxy {
    program: Program,
    port: u16,
    io: String,
    path: PathBuf,
}

impl Proxy {
    /// Starts the proxy before these servers and waits until it accepts connections.
    pub(crate) fn start(servers: &[String]) -> Self {
        Self::start_with(servers, "")
    }

    /// The same with more lines in the pool's part of the configuration.
    pub(crate) fn start_with(servers: &[String], pool_lines: &str) -> Self {
        let io = env::var("EVENKEEL_TEST_IO").unwrap_or_else(|_| "auto".to_owned());
        let command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
        Self::start_as(command, &io, servers, pool_lines)
    }

    /// The same by a command of the caller's, which is given the arguments, and a choice of `io`.
    pub(crate) fn start_as(
        mut command: Command,
        io: &str,
        servers: &[String],
        pool_lines: &str,
    ) -> Self {
        let port = free_port();
        let path = scratch_path("toml");
        let config = configuration(servers, port, io, pool_lines);
        fs::write(&path, config).expect("the scratch folder is writable");
        let mut program = Program::start(command.arg("run").arg(&path));
        wait_until(START_TIMEOUT, "the proxy to accept or to end", || {
            program.exit_status().is_some() || Session::can_connect(&address_of(port))
        });
        if let Some(status) = program.exit_status() {
            panic!("the proxy ended at its start with {status}:\n{}", program.output());
        }
        Self { program, port, io: io.to_owned(), path }
    }

    /// Its configuration with these servers, and more lines in the pool's part or behind.
    pub(crate) fn configuration(&self, servers: &[String], more_lines: &str) -> String {
        configuration(servers, self.port, &self.io, more_lines)
    }

    /// Replaces its configuration, and says nothing.
    pub(crate) fn write_configuration(&self, servers: &[String], more_lines: &str) {
        self.replace_file(&self.configuration(servers, more_lines));
    }

    /// Replaces its configuration, and has it read.
    pub(crate) fn configure(&self, servers: &[String], more_lines: &str) {
        self.configure_as(&self.configuration(servers, more_lines));
    }

    /// The same with this text.
    pub(crate) fn configure_as(&self, text: &str) {
        self.replace_file(text);
        self.signal("HUP");
    }

    fn replace_file(&self, text: &str) {
        let new = scratch_path("toml");
        fs::write(&new, text).expect("the scratch folder is writable");
        fs::rename(new, &self.path).expect("both are in the scratch folder");
    }

    /// Where applications connect.
    pub(crate) fn address(&self) -> String {
        address_of(self.port)
    }

    /// Resident memory in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        self.program.resident_kib()
    }

    /// What it has said so far.
    pub(crate) fn output(&self) -> String {
        self.program.output()
    }

    /// Stops the proxy where it stands: it answers nothing until [`Self::resume`].
    pub(crate) fn hang(&self) {
        self.program.stop();
    }

    /// Ends [`Self::hang`].
    pub(crate) fn resume(&self) {
        self.program.signal("CONT");
    }

    /// Sends a signal. A proxy that hangs gets it when it goes on.
    pub(crate) fn signal(&self, name: &str) {
        self.program.signal(name);
    }

    /// The number of its process.
    pub(crate) fn process_id(&self) -> u32 {
        self.program.id()
    }

    /// Has the proxy not ended?
    pub(crate) fn is_running(&mut self) -> bool {
        self.program.exit_status().is_none()
    }

    /// Sends a signal and waits for the end of the proxy: how it ended, and after how long.
    pub(crate) fn end_by(&mut self, signal: &str, timeout: Duration) -> (ExitStatus, Duration) {
        let start = Instant::now();
        self.program.signal(signal);
        (self.program.wait_for_exit(timeout), start.elapsed())
    }
}

fn configuration(servers: &[String], port: u16, io: &str, pool_lines: &str) -> String {
    let servers: Vec<String> = servers.iter().map(|server| format!("{server:?}")).collect();
    format!(
        "[log]\n\
         format = \"human\"\n\
         [proxy]\n\
         workers = 2\n\
         io = {io:?}\n\
         [listener.main]\n\
         address = \"127.0.0.1:{port}\"\n\
         pool = \"main\"\n\
         [pool.main]\n\
         servers = [{}]\n\
         distribution = \"ketama\"\n\
         {pool_lines}\n",
        servers.join(", ")
    )
}

fn address_of(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

const START_TIMEOUT: Duration = Duration::from_secs(10);
