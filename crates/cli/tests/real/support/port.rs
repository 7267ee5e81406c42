//! Loopback ports for servers that the tests start.

use std::net::{Ipv4Addr, TcpListener};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// A port on which nothing listens now.
///
/// It lies below the range that the kernel gives to outgoing connections, so that a server
/// which was killed can have its port again. Tests run in processes of their own: each begins
/// its search at another place.
pub(crate) fn free_port() -> u16 {
    for _ in 0..PORTS {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let offset = (process::id().wrapping_mul(PORTS_PER_PROCESS) + step) % PORTS;
        let port = u16::try_from(PORT_MIN + offset).expect("the range ends below 2^16");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no free port from {PORT_MIN} on");
}

const PORT_MIN: u32 = 12_000;
const PORTS: u32 = 20_000;
/// More than one test uses.
const PORTS_PER_PROCESS: u32 = 16;

static NEXT: AtomicU32 = AtomicU32::new(0);
