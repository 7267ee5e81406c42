//! The configuration of `evenkeel run` without a file: three servers and a proxy on loopback.

use std::net::{Ipv4Addr, SocketAddr};

use evenkeel_core::config::{
    AdminConfig, Config, ListenAddress, ListenerConfig, PoolConfig, ServerAddress, ServerConfig,
};

/// How many servers there are.
pub(crate) const SERVERS_LEN: usize = NAMES.len();

/// What the servers are called. Keys are placed by the names, because ports change from run to
/// run and `evenkeel route` must know.
pub(crate) const NAMES: [&str; 3] = ["a", "b", "c"];

/// Ports of 127.0.0.1; 0 is any free one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    /// Where applications connect.
    pub(crate) listener: u16,
    /// Where the admin server listens.
    pub(crate) admin: u16,
}

impl Ports {
    /// Those that are taken if nothing else is said.
    pub(crate) const DEFAULT: Self =
        Self { listener: 11311, admin: AdminConfig::ADDRESS_DEFAULT.port() };
}

/// One listener before one pool of [`SERVERS_LEN`] servers at these addresses, and an admin server.
pub(crate) fn lab_config(ports: Ports, addrs: impl IntoIterator<Item = SocketAddr>) -> Config {
    let servers = NAMES.into_iter().zip(addrs).map(|(name, addr)| server(name, addr));
    let pool = PoolConfig::new(parsed("main"), servers.collect());
    let address = ListenAddress::Tcp((Ipv4Addr::LOCALHOST, ports.listener).into());
    let listener = ListenerConfig::new(parsed("main"), address, pool.name.clone());
    let address = (Ipv4Addr::LOCALHOST, ports.admin).into();
    Config {
        listeners: vec![listener],
        pools: vec![pool],
        admin: Some(AdminConfig { address, ..AdminConfig::default() }),
        ..Config::default()
    }
}

/// The pool as far as routing goes: with the names, at addresses that stand for the real ones.
pub(crate) fn lab_config_to_route() -> Config {
    lab_config(
        Ports::DEFAULT,
        (1..).map(|port| (Ipv4Addr::LOCALHOST, port).into()).take(SERVERS_LEN),
    )
}

fn server(name: &str, addr: SocketAddr) -> ServerConfig {
    let address = ServerAddress::new(&addr.ip().to_string(), addr.port());
    let address = address.expect("a bound address has a port");
    ServerConfig { name: Some(parsed(name)), ..ServerConfig::new(address) }
}

fn parsed<T: std::str::FromStr>(text: &str) -> T {
    text.parse().ok().expect("a plain word is a name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lab_has_no_fault() {
        assert_eq!(lab_config_to_route().faults(), []);
    }

    #[test]
    fn keys_of_the_lab_are_placed_by_name() {
        let other_ports = (7..10).map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let placed = |config: Config| {
            let distribution = config.pools[0].build_distribution().unwrap();
            (0..100).map(|key: i32| distribution.order(&key.to_le_bytes())).collect::<Vec<_>>()
        };
        assert_eq!(placed(lab_config(Ports::DEFAULT, other_ports)), placed(lab_config_to_route()));
    }
}
