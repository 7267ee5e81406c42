//! The configuration of `evenkeel run` without a file: three servers and a proxy on loopback.

use std::net::{Ipv4Addr, SocketAddr};

use evenkeel_core::config::{
    AdminConfig, Config, ListenAddress, ListenerConfig, PoolConfig, ServerAddress, ServerConfig,
};

/// How many servers there are.
pub(crate) const SERVERS_LEN: usize = NAMES.len();

/// What the servers are called. Keys are placed by the names, because ports change from run to
/// run and `evenkeel route` must know.
const NAMES: [&str; 3] = ["a", "b", "c"];

/// The port of the proxy.
const LISTENER_PORT: u16 = 11311;

/// One listener before one pool of [`SERVERS_LEN`] servers at these addresses.
pub(crate) fn lab_config(addrs: impl IntoIterator<Item = SocketAddr>) -> Config {
    let servers = NAMES.into_iter().zip(addrs).map(|(name, addr)| server(name, addr));
    let pool = PoolConfig::new(parsed("main"), servers.collect());
    let address = ListenAddress::Tcp((Ipv4Addr::LOCALHOST, LISTENER_PORT).into());
    let listener = ListenerConfig::new(parsed("main"), address, pool.name.clone());
    Config {
        listeners: vec![listener],
        pools: vec![pool],
        admin: Some(AdminConfig::default()),
        ..Config::default()
    }
}

/// The pool as far as routing goes: with the names, at addresses that stand for the real ones.
pub(crate) fn lab_config_to_route() -> Config {
    lab_config((1..).map(|port| (Ipv4Addr::LOCALHOST, port).into()).take(SERVERS_LEN))
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
        assert_eq!(placed(lab_config(other_ports)), placed(lab_config_to_route()));
    }
}
