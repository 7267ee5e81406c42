//! A real memcached server on loopback.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{self, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::Signal;

use crate::program::{Program, wait_until};

/// One memcached process; it is killed when dropped.
pub(crate) struct Memcached {
    program: Program,
    port: u16,
}

impl Memcached {
    /// Starts a server on a free port and waits until it accepts connections.
    pub(crate) fn start() -> Self {
        (0..START_ATTEMPTS)
            .find_map(|_| Self::start_on(free_port()))
            .expect("memcached starts on one of several free ports")
    }

    /// Starts the server again, empty, on the port it had.
    pub(crate) fn start_again(&mut self) {
        *self = Self::start_on(self.port).expect("the port is still ours");
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.program.kill();
    }

    /// Makes the server hang: its sockets stay open and nothing is answered.
    pub(crate) fn hang(&self) {
        self.program.signal(Signal::STOP);
    }

    /// Ends [`Self::hang`].
    pub(crate) fn resume(&self) {
        self.program.signal(Signal::CONT);
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn start_on(port: u16) -> Option<Self> {
        let mut command = Command::new("memcached");
        command.args(["-l", "127.0.0.1", "-p", &port.to_string(), "-U", "0", "-t", "1"]);
        if is_root() {
            command.args(["-u", "nobody"]);
        }
        let mut program = Program::start(command.stdout(Stdio::null()).stderr(Stdio::null()));
        wait_until(START_TIMEOUT, "memcached to listen or to end", || {
            program.has_ended() || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
        });
        (!program.has_ended()).then_some(Self { program, port })
    }
}

/// A port on which nothing listens now.
///
/// It lies below the range that the kernel gives to outgoing connections, so that a server which
/// was killed can have its port again. Tests run in processes of their own: each begins its search
/// at another place.
fn free_port() -> u16 {
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    (0..PORTS)
        .map(|_| {
            let step = NEXT.fetch_add(1, Ordering::Relaxed);
            let offset = (process::id().wrapping_mul(PORTS_PER_PROCESS) + step) % PORTS;
            u16::try_from(PORT_MIN + offset).expect("the range ends below 2^16")
        })
        .find(is_free)
        .expect("one of many ports is free")
}

/// memcached asks for a user to change to only when root starts it.
fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().any(|line| line.starts_with("Uid:\t0\t"))
}

const START_ATTEMPTS: usize = 5;
const START_TIMEOUT: Duration = Duration::from_secs(10);
const PORT_MIN: u32 = 12_000;
const PORTS: u32 = 20_000;
/// More than one test uses.
const PORTS_PER_PROCESS: u32 = 16;

static NEXT: AtomicU32 = AtomicU32::new(0);
