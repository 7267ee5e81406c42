//! The bare forwarder before real servers: a floor that loses or mixes up answers is none.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use evenkeel_load::{Endpoint, Length, Load, Pace, ValueSize, Workload};

/// A child process; it ends with the test.
struct Program {
    child: Child,
    address: SocketAddr,
}

impl Program {
    /// Starts the program that `command` makes for an address, and waits until it listens there.
    #[track_caller]
    fn start(command: impl FnOnce(SocketAddr) -> Command) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        drop(listener);
        let mut command = command(address);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let child = child.expect("the program is there");
        let program = Self { child, address };
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < deadline, "{command:?} does not listen");
            thread::sleep(Duration::from_millis(5));
        }
        program
    }

    fn memcached() -> Self {
        Self::start(|address| {
            let mut command = Command::new("memcached");
            command.args(["-l", "127.0.0.1", "-U", "0", "-t", "1", "-u", "nobody", "-p"]);
            command.arg(address.port().to_string());
            command
        })
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // An error means that it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_answer_is_right_whatever_the_connections_and_pipelines_and_values() {
    let servers = [(); 3].map(|()| Program::memcached());
    let forwarder = Program::start(|address| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_forwarder"));
        command.arg(address.to_string());
        command.args(servers.iter().map(|server| server.address.to_string()));
        command
    });
    for (connections, batch, value_len) in
        [(1, 1, 0), (50, 1, 100), (20, 16, 100), (10, 40, 90_000)]
    {
        let workload = Workload {
            connections,
            pace: Pace::Closed { batch },
            reads_percent: 70,
            keys: 200,
            value_size: ValueSize::Fixed(value_len),
            ..Workload::default()
        };
        let endpoint = Endpoint::Tcp(forwarder.address);
        let load = Load::new(&endpoint, &workload);
        load.fill().unwrap();
        let report = load.run(Length::Requests(5000)).unwrap();
        assert_eq!(report.answered(), 5000);
        assert_eq!(report.misses + report.failed(), 0, "{report:?}");
    }
}
