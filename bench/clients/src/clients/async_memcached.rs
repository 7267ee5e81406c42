//! The crate `async-memcached`: one server, and a connection for each task.

use std::net::SocketAddr;

use async_memcached::{AsciiProtocol, Client as Library};

use crate::client::{Client, Fault, check};
use crate::items::Window;

/// One connection.
pub(crate) struct AsyncMemcached(Library);

impl Client for AsyncMemcached {
    async fn connect(servers: &[SocketAddr], tasks: usize) -> Result<Vec<Self>, Fault> {
        let [server] = servers else {
            return Err(Fault::NotServed("it knows one server".to_owned()));
        };
        let mut clients = Vec::new();
        for _ in 0..tasks {
            clients.push(Self(Library::new(format!("tcp://{server}")).await?));
        }
        Ok(clients)
    }

    async fn get(&mut self, key: &str, value: &[u8]) -> Result<(), Fault> {
        let found = self.0.get(key).await?;
        check(key, found.as_ref().and_then(|found| found.data.as_deref()), value)
    }

    async fn set(&mut self, key: &str, value: &[u8]) -> Result<(), Fault> {
        Ok(self.0.set(key, value, None, None).await?)
    }

    async fn get_many(&mut self, items: Window<'_>) -> Result<(), Fault> {
        let found = self.0.get_multi(items.keys).await?;
        if found.len() != items.keys.len() {
            return Err(Fault::NotServed(format!("{} of {}", found.len(), items.keys.len())));
        }
        // A server answers in the order of the keys.
        for ((key, value), found) in items.iter().zip(&found) {
            check(key, found.data.as_deref(), value)?;
        }
        Ok(())
    }
}
