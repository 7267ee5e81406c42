//! The bare forwarder before real servers: a floor that loses or mixes up answers is none.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use evenkeel_load::{Endpoint, Length, Load, Pace, ValueSize, Workload};
use evenkeel_rig::{Memcached, Program, free_port, wait_until};

#[test]
fn every_answer_is_right_whatever_the_connections_and_pipelines_and_values() {
    let servers = [(); 3].map(|()| Memcached::start());
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let mut command = Command::new(env!("CARGO_BIN_EXE_forwarder"));
    command.arg(address.to_string()).args(servers.iter().map(Memcached::address));
    let _forwarder = Program::start(&mut command);
    wait_until(START_TIMEOUT, "the forwarder", || TcpStream::connect(address).is_ok());
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
        let endpoint = Endpoint::Tcp(address);
        let load = Load::new(&endpoint, &workload);
        load.fill().unwrap();
        let report = load.run(Length::Requests(5000)).unwrap();
        assert_eq!(report.answered(), 5000);
        assert_eq!(report.misses + report.failed(), 0, "{report:?}");
    }
}

const START_TIMEOUT: Duration = Duration::from_secs(10);
