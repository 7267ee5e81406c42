//! A real memcached server on loopback.

use std::fs;
use std::mem;
use std::process::Command;

use crate::port::{can_connect, on_free_port};
use crate::{Network, Program};

/// One memcached process; it is killed when dropped.
pub struct Memcached {
    program: Program,
    place: Place,
    arguments: Vec<String>,
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
    /// Starts a server of one thread on a free port and waits until it accepts connections.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with further arguments, which win over ours: `-m 64 -c 4096 -t 1 -U 0`.
    ///
    /// Its address is not theirs to choose: memcached adds one that `-l` names to ours. Memory of
    /// `-m 1` asks for `-I 512k` or less as well, and with less than `-c 16` it has too few
    /// descriptors to start.
    pub fn start_with(arguments: &[&str]) -> Self {
        let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
        on_free_port(|port| Self::try_start(Place::Loopback(port), arguments.clone()))
    }

    /// Starts a server in a network of its own.
    pub fn start_in(network: &Network) -> Self {
        let (namespace, ip) = (network.namespace(), network.ip());
        Self::try_start(Place::Network { namespace, ip }, Vec::new())
            .unwrap_or_else(|why_not| panic!("{why_not}"))
    }

    /// Starts the server again, empty, on the port it had.
    pub fn restart(&mut self) {
        self.program.kill();
        *self = Self::try_start(self.place.clone(), mem::take(&mut self.arguments))
            .unwrap_or_else(|why_not| panic!("{why_not}"));
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

    fn try_start(place: Place, arguments: Vec<String>) -> Result<Self, String> {
        let mut command = place.command("memcached");
        command.args(["-l", place.ip(), "-p", &place.port().to_string()]);
        command.args(["-U", "0", "-t", "1", "-m", "64", "-c", "4096"]);
        if is_root() {
            command.args(["-u", "nobody"]);
        }
        let address = place.address();
        let program = Program::start_server(command.args(&arguments), || can_connect(&address))?;
        Ok(Self { program, place, arguments })
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
