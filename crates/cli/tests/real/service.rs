//! What a service manager is told, on a socket like systemd's.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{Program, free_port, scratch_path};

const PATIENCE: Duration = Duration::from_secs(10);

/// The manager's end, and the program that speaks to it.
struct Managed {
    socket: UnixDatagram,
    program: Program,
}

impl Managed {
    fn start(watchdog: Option<Duration>) -> Self {
        let path = scratch_path("notify");
        let socket = UnixDatagram::bind(&path).expect("the scratch folder is writable");
        socket.set_read_timeout(Some(PATIENCE)).expect("it is ours");
        let config = scratch_path("toml");
        let text = format!(
            "[listener.a]\naddress = \"127.0.0.1:{}\"\npool = \"a\"\n\
             [pool.a]\nservers = [\"127.0.0.1:{}\"]\n",
            free_port(),
            free_port()
        );
        fs::write(&config, text).expect("the scratch folder is writable");
        let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
        command.arg("run").arg(config).env("NOTIFY_SOCKET", path);
        if let Some(interval) = watchdog {
            command.env("WATCHDOG_USEC", interval.as_micros().to_string());
        }
        Self { socket, program: Program::start(&mut command) }
    }

    /// What it is told next.
    fn told(&self) -> String {
        let mut bytes = [0; 1024];
        let len = self.socket.recv(&mut bytes).expect("it is told something");
        String::from_utf8_lossy(&bytes[..len]).trim().to_owned()
    }
}

#[test]
fn a_service_manager_is_told_of_the_start_and_of_the_stop() {
    let mut managed = Managed::start(None);
    assert_eq!(managed.told(), "READY=1");
    managed.program.signal("TERM");
    assert_eq!(managed.told(), "STOPPING=1");
    assert!(managed.program.wait_for_exit(PATIENCE).success());
}

#[test]
fn a_watchdog_hears_of_a_proxy_while_it_moves_and_not_while_it_stands_still() {
    let interval = Duration::from_millis(400);
    let managed = Managed::start(Some(interval));
    assert_eq!(managed.told(), "READY=1");
    assert_eq!(managed.told(), "WATCHDOG=1");
    assert_eq!(managed.told(), "WATCHDOG=1");
    managed.program.stop();
    // What was said before is still there to be read.
    managed.socket.set_nonblocking(true).expect("it is ours");
    while managed.socket.recv(&mut [0; 64]).is_ok() {}
    managed.socket.set_nonblocking(false).expect("it is ours");
    let stopped_at = Instant::now();
    let wait = interval * 3;
    managed.socket.set_read_timeout(Some(wait)).expect("it is ours");
    assert!(managed.socket.recv(&mut [0; 64]).is_err(), "nothing is said");
    assert!(stopped_at.elapsed() >= wait);
    managed.program.signal("CONT");
    managed.socket.set_read_timeout(Some(PATIENCE)).expect("it is ours");
    assert_eq!(managed.told(), "WATCHDOG=1");
}
