//! Ours: all tasks share one client.

use std::net::SocketAddr;

use evenkeel::{Client as Library, Expiry, Lookup};

use crate::client::{Client, Fault, check};
use crate::items::Window;

/// A clone of the one client.
pub(crate) struct Evenkeel(Library);

impl Client for Evenkeel {
    async fn connect(servers: &[SocketAddr], tasks: usize) -> Result<Vec<Self>, Fault> {
        let client = Library::connect(servers.iter().map(ToString::to_string)).await?;
        Ok((0..tasks).map(|_| Self(client.clone())).collect())
    }

    async fn get(&mut self, key: &str, value: &[u8]) -> Result<(), Fault> {
        settle(key, &self.0.get(key).await?, value)
    }

    async fn set(&mut self, key: &str, value: &[u8]) -> Result<(), Fault> {
        let write = self.0.set(key, value, Expiry::Never).await?;
        if write.is_done() { Ok(()) } else { Err(Fault::NotServed(format!("{key}: {write:?}"))) }
    }

    async fn get_many(&mut self, items: Window<'_>) -> Result<(), Fault> {
        let found = self.0.get_many(items.keys).await?;
        for ((key, value), lookup) in items.iter().zip(&found) {
            settle(key, lookup, value)?;
        }
        Ok(())
    }
}

fn settle(key: &str, lookup: &Lookup, value: &[u8]) -> Result<(), Fault> {
    match lookup {
        Lookup::Hit(found) => check(key, Some(found.bytes()), value),
        Lookup::Miss => check(key, None, value),
        Lookup::Unavailable(why) => Err(Fault::NotServed(format!("{key}: {why}"))),
    }
}
