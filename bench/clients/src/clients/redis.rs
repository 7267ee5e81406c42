//! redis-rs: all tasks share one multiplexed connection.

use std::net::SocketAddr;

use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;

use crate::client::{Client, Fault, check};
use crate::items::Window;

/// A clone of the one connection.
pub(crate) struct Redis(MultiplexedConnection);

impl Client for Redis {
    async fn connect(servers: &[SocketAddr], tasks: usize) -> Result<Vec<Self>, Fault> {
        let [server] = servers else {
            return Err(Fault::NotServed("one connection leads to one server".to_owned()));
        };
        let client = redis::Client::open(format!("redis://{server}/"))?;
        let connection = client.get_multiplexed_async_connection().await?;
        Ok((0..tasks).map(|_| Self(connection.clone())).collect())
    }

    async fn get(&mut self, key: &str, value: &[u8]) -> Result<(), Fault> {
        let found: Option<Vec<u8>> = self.0.get(key).await?;
        check(key, found.as_deref(), value)
    }

    async fn set(&mut self, key: &str, value: &[u8]) -> Result<(), Fault> {
        Ok(self.0.set::<_, _, ()>(key, value).await?)
    }

    async fn get_many(&mut self, items: Window<'_>) -> Result<(), Fault> {
        let found: Vec<Option<Vec<u8>>> = self.0.mget(items.keys).await?;
        for ((key, value), found) in items.iter().zip(&found) {
            check(key, found.as_deref(), value)?;
        }
        Ok(())
    }
}
