//! A real memcached server on loopback.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::port::can_connect;
use crate::{Network, Program, free_port, wait_until};

/// One memcached process; it is killed when dropped.
pub struct Memcached {
    program: Program,
    place: Place,
}

/// Where a server runs.
#[derive(Debug, Clone)]
enum Place {
    /// On a loopback port.
    Loopback(u16),
    /// In a network of its own, with this name and address.
    Network { namespace: String, ip: String },
}

impl Memcached {
    /// Starts a server on a free port and waits until it answers.
    pub fn start() -> Self {
        (0..START_ATTEMPTS)
            .find_map(|_| Self::try_start(Place::Loopback(free_port())))
            .expect("memcached starts on one of several free ports")
    }

    /// Starts a server in a network of its own.
    pub fn start_in(network: &Network) -> Self {
        let (namespace, ip) = (network.namespace(), network.ip());
        Self::try_start(Place::Network { namespace, ip }).expect("nobody else is in there")
    }

    /// Starts the server again, empty, on the port it had.
    pub fn restart(&mut self) {
        self.program.kill();
        *self = Self::try_start(self.place.clone()).expect("the port is still ours");
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.program.kill();
    }

    /// Makes the server hang: its sockets stay open and nothing is answered.
    pub fn hang(&self) {
        self.program.stop();
    }

    /// Ends [`Self::hang`].
    pub fn resume(&self) {
        self.program.signal("CONT");
    }

    /// Where it listens.
    pub fn address(&self) -> String {
        self.place.address()
    }

    /// The number of its process.
    pub fn process_id(&self) -> u32 {
        self.program.id()
    }

    fn try_start(place: Place) -> Option<Self> {
        let mut command = place.command("memcached");
        command.args(["-l", place.ip(), "-p", &place.port().to_string()]);
        command.args(["-U", "0", "-t", "1", "-m", "64", "-c", "4096"]);
        if is_root() {
            command.args(["-u", "nobody"]);
        }
        let mut program = Program::start(&mut command);
        let address = place.address();
        wait_until(START_TIMEOUT, "memcached to answer or to end", || {
            program.exit_status().is_some() || can_connect(&address)
        });
        program.exit_status().is_none().then_some(Self { program, place })
    }
}

impl Place {
    fn ip(&self) -> &str {
        match self {
            Self::Loopback(_) => "127.0.0.1",
            Self::Network { ip, .. } => ip,
        }
    }

    fn port(&self) -> u16 {
        match self {
            Self::Loopback(port) => *port,
            Self::Network { .. } => MEMCACHED_PORT,
        }
    }

    fn address(&self) -> String {
        format!("{}:{}", self.ip(), self.port())
    }

    fn command(&self, program: &str) -> Command {
        match self {
            Self::Loopback(_) => Command::new(program),
            Self::Network { namespace, .. } => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace, program]);
                command
            }
        }
    }
}

/// memcached asks for a user to change to only when root starts it.
fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().any(|line| line.starts_with("Uid:\t0\t"))
}

const MEMCACHED_PORT: u16 = 11_211;
const START_ATTEMPTS: usize = 5;
const START_TIMEOUT: Duration = Duration::from_secs(10);
