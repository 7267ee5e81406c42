//! The servers that everybody talks to.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use evenkeel_bench::program::{Program, Server, free_address};
use evenkeel_load::Endpoint;

use crate::rows::{Peer, Row, Work};

/// Three memcached servers and a redis-server; they end with us.
pub(crate) struct Stage {
    memcached: Vec<Server>,
    redis: SocketAddr,
    _redis: Program,
}

impl Stage {
    pub(crate) fn set() -> io::Result<Self> {
        let start = |_| Server::start(&[Ipv4Addr::LOCALHOST]);
        let memcached = (0..SERVERS).map(start).collect::<io::Result<_>>()?;
        let redis = free_address()?;
        let port = redis.port().to_string();
        // Nothing is written to disk.
        let arguments =
            ["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "no"];
        let program = Program::start("redis-server".as_ref(), &arguments, &Endpoint::Tcp(redis))?;
        Ok(Self { memcached, redis, _redis: program })
    }

    /// The servers that this peer does the row's work with.
    pub(crate) fn servers(&self, peer: Peer, row: &Row) -> Vec<SocketAddr> {
        let len = match row.work {
            Work::Get | Work::GetAndSet => 1,
            Work::GetMany => SERVERS,
        };
        match peer {
            Peer::Redis => vec![self.redis],
            _ => self.memcached[..len].iter().map(|server| server.address).collect(),
        }
    }
}

const SERVERS: usize = 3;
