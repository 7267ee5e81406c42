//! A real memcached server on loopback.

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::{Program, Session, free_port, wait_until};

/// One memcached process; it is killed when dropped.
pub(crate) struct Memcached {
    program: Program,
    port: u16,
}

impl Memcached {
    /// Starts a server on a free port and waits until it answers.
    pub(crate) fn start() -> Self {
        (0..START_ATTEMPTS)
            .find_map(|_| Self::try_start(free_port()))
            .expect("memcached starts on one of several free ports")
    }

    /// Starts the server again, empty, on the port it had.
    pub(crate) fn restart(&mut self) {
        self.program.kill();
        *self = Self::try_start(self.port).expect("the port is still ours");
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.program.kill();
    }

    /// Makes the server hang: its sockets stay open and nothing is answered.
    pub(crate) fn hang(&self) {
        self.program.signal("STOP");
    }

    /// Ends [`Self::hang`].
    pub(crate) fn resume(&self) {
        self.program.signal("CONT");
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> String {
        address_of(self.port)
    }

    fn try_start(port: u16) -> Option<Self> {
        let mut command = Command::new("memcached");
        command.args(["-l", "127.0.0.1", "-U", "0", "-t", "1", "-m", "64", "-c", "4096"]);
        command.arg("-p").arg(port.to_string());
        if is_root() {
            command.args(["-u", "nobody"]);
        }
        let mut program = Program::start(&mut command);
        let address = address_of(port);
        wait_until(START_TIMEOUT, "memcached to answer or to end", || {
            program.exit_status().is_some() || Session::can_connect(&address)
        });
        program.exit_status().is_none().then_some(Self { program, port })
    }
}

fn address_of(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

/// memcached asks for a user to change to only when root starts it.
fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().any(|line| line.starts_with("Uid:\t0\t"))
}

const START_ATTEMPTS: usize = 5;
const START_TIMEOUT: Duration = Duration::from_secs(10);
