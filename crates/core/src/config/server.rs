//! One server of a pool, as configured.

use std::fmt;

use crate::distribution::{Member, Weight};

use super::address::ServerAddress;
use super::name::ServerName;
use super::setting::Setting;

/// One element of a pool's `servers`: an address, or a table with the keys below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// Where the server is reached: `host:port`, `[ipv6]:port`, or the host alone for port 11211.
    ///
    /// No default. No two servers of a pool share one. The host is hashed as it is written: to
    /// place keys as another client does, write it as that client was told.
    pub address: ServerAddress,

    /// What the server is called, in logs and commands and for hashing in place of its address.
    ///
    /// Up to 253 bytes without blanks; the address by default. No two servers of a pool are
    /// known by the same. With a name a server can move to another address and keep its keys.
    pub name: Option<ServerName>,

    /// The server's share of the keys, relative to the other servers of its pool.
    ///
    /// From 1 to 1,000,000; 1 by default. Only some distributions know weights; with the others a
    /// weight is a fault. Twice the memory, twice the weight.
    pub weight: Weight,
}

impl ServerConfig {
    /// See [`ServerConfig::weight`].
    pub const WEIGHT: Setting<u32> = Setting {
        key: "weight",
        min: Weight::ONE.as_u32(),
        max: Weight::MAX.as_u32(),
        default: Weight::ONE.as_u32(),
    };

    /// The server at an address, without a name and with weight 1.
    pub fn new(address: ServerAddress) -> Self {
        Self { address, name: None, weight: Weight::ONE }
    }

    /// What the server is to a distribution.
    pub fn member(&self) -> Member {
        let member = Member::new(self.address.host(), self.address.port()).with_weight(self.weight);
        match &self.name {
            Some(name) => member.with_name(name.as_str()),
            None => member,
        }
    }
}

impl fmt::Display for ServerConfig {
    /// What the server is known by: its name, or else its address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => name.fmt(f),
            None => self.address.fmt(f),
        }
    }
}
