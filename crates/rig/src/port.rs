//! Loopback ports for servers that the tests start.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process;
use std::sync::Mutex;

/// A port on which nothing listens now, and that no other test is given while this one runs.
///
/// It lies below the range that the kernel gives to outgoing connections, so that a server
/// which was killed can have its port again. Tests run in processes of their own: what claims a
/// port among them is an abstract socket with its name, which is held until the process ends.
/// Each begins its search at another place. Both halves of the port are free, TCP and UDP.
pub fn free_port() -> u16 {
    let mut claims = CLAIMS.lock().expect("nothing panics while it is held");
    let begin = process::id().wrapping_mul(PORTS_PER_PROCESS) % PORTS;
    for step in 0..PORTS {
        let port = PORT_MIN + (begin + step) % PORTS;
        let port = u16::try_from(port).expect("the range ends below 2^16");
        let Ok(claim) = claim(port) else { continue };
        let address = (Ipv4Addr::LOCALHOST, port);
        if TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok() {
            claims.push(claim);
            return port;
        }
    }
    panic!("no free port from {PORT_MIN} on");
}

/// Fails where another process, or this one, has claimed it.
fn claim(port: u16) -> io::Result<UnixListener> {
    let name = SocketAddr::from_abstract_name(format!("evenkeel-test-port-{port}"))?;
    UnixListener::bind_addr(&name)
}

/// What `start` makes on a free port: on another one if it fails, because somebody who does not
/// ask here may have taken the port meanwhile.
#[track_caller]
pub(crate) fn on_free_port<T>(start: impl Fn(u16) -> Result<T, String>) -> T {
    let mut why_not = String::new();
    for _ in 0..START_ATTEMPTS {
        match start(free_port()) {
            Ok(started) => return started,
            Err(said) => why_not = said,
        }
    }
    panic!("{why_not}");
}

/// Does anybody accept connections there?
pub(crate) fn can_connect(address: &str) -> bool {
    TcpStream::connect(address).is_ok()
}

const PORT_MIN: u32 = 12_000;
const PORTS: u32 = 20_000;
/// More than one test uses.
const PORTS_PER_PROCESS: u32 = 16;
const START_ATTEMPTS: usize = 5;

static CLAIMS: Mutex<Vec<UnixListener>> = Mutex::new(Vec::new());
