//! Servers and what stands before them.

use std::env;
use std::fs;
use std::process::Command;
use std::time::Duration;

use super::{Memcached, Program, Proxy, Session, free_port, scratch_path, wait_until};

/// Real servers, and the address at which an application reaches them.
pub(crate) struct Cluster {
    /// The servers, in the order of the configuration.
    pub(crate) servers: Vec<Memcached>,
    front: Front,
}

/// What the tests run against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// The proxy: always, unless a developer asks otherwise.
    Evenkeel,
    /// One memcached, to learn what the suites expect.
    Memcached,
    /// twemproxy, to see how another proxy fares.
    Nutcracker,
}

enum Front {
    Proxy(Proxy),
    None,
    Nutcracker { _program: Program, address: String },
}

impl Target {
    /// What the environment asks for.
    pub(crate) fn from_environment() -> Self {
        match env::var("EVENKEEL_TEST_TARGET").as_deref() {
            Err(_) | Ok("evenkeel") => Self::Evenkeel,
            Ok("memcached") => Self::Memcached,
            Ok("nutcracker") => Self::Nutcracker,
            Ok(other) => panic!("EVENKEEL_TEST_TARGET={other}: evenkeel, memcached, nutcracker"),
        }
    }
}

impl Cluster {
    /// Starts so many servers, and what the environment wants tested before them.
    pub(crate) fn start(servers_count: usize) -> Self {
        let servers: Vec<_> = (0..servers_count).map(|_| Memcached::start()).collect();
        let addresses = servers.iter().map(Memcached::address).collect::<Vec<_>>();
        let front = match Target::from_environment() {
            Target::Evenkeel => Front::Proxy(Proxy::start(&addresses)),
            Target::Memcached => Front::None,
            Target::Nutcracker => start_nutcracker(&addresses),
        };
        Self { servers, front }
    }

    /// Where an application connects.
    pub(crate) fn address(&self) -> String {
        match &self.front {
            Front::Proxy(proxy) => proxy.address(),
            Front::None => self.servers[0].address(),
            Front::Nutcracker { address, .. } => address.clone(),
        }
    }

    /// The proxy; tests of the proxy itself make no sense with anything else.
    pub(crate) fn proxy(&mut self) -> &mut Proxy {
        match &mut self.front {
            Front::Proxy(proxy) => proxy,
            Front::None | Front::Nutcracker { .. } => panic!("this test is of the proxy only"),
        }
    }

    /// A new connection.
    pub(crate) fn connect(&self) -> Session {
        Session::connect(&self.address())
    }
}

fn start_nutcracker(servers: &[String]) -> Front {
    let address = format!("127.0.0.1:{}", free_port());
    let config = scratch_path("yml");
    let lines: Vec<_> = servers.iter().map(|server| format!("   - {server}:1")).collect();
    let text = format!(
        "main:\n  listen: {address}\n  hash: fnv1a_64\n  distribution: ketama\n  servers:\n{}\n",
        lines.join("\n")
    );
    fs::write(&config, text).expect("the scratch folder is writable");
    let mut command = Command::new("nutcracker");
    command.args(["-a", "127.0.0.1", "-s"]).arg(free_port().to_string()).arg("-c").arg(config);
    let program = Program::start(&mut command);
    wait_until(Duration::from_secs(10), "twemproxy to accept", || Session::can_connect(&address));
    Front::Nutcracker { _program: program, address }
}
