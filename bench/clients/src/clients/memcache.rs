//! The crate `memcache`, its async client: all tasks share one, which has a pool.

use std::net::SocketAddr;

use memcache::exp::{AsyncMemcache, MemcacheBuilder, Ttl};

use crate::client::{Client, Fault, check};
use crate::items::Window;

/// A clone of the one client.
pub(crate) struct Memcache(AsyncMemcache);

impl Client for Memcache {
    async fn connect(servers: &[SocketAddr], tasks: usize) -> Result<Vec<Self>, Fault> {
        // By default eight connections are kept; of more tasks most would connect for each
        // operation.
        let builder = MemcacheBuilder::new().max_idle(tasks);
        let client = builder.connect_async(servers.iter().copied()).await?;
        Ok((0..tasks).map(|_| Self(client.clone())).collect())
    }

    async fn get(&mut self, key: &str, value: &[u8]) -> Result<(), Fault> {
        let found: Option<Vec<u8>> = self.0.get(key).await?;
        check(key, found.as_deref(), value)
    }

    async fn set(&mut self, key: &str, value: &[u8]) -> Result<(), Fault> {
        Ok(self.0.set(key, value, Ttl::NEVER).await?)
    }

    async fn get_many(&mut self, items: Window<'_>) -> Result<(), Fault> {
        let found = self.0.get_many::<Vec<u8>, _>(items.keys.iter().map(String::as_str)).await?;
        for (key, value) in items.iter() {
            check(key, found.get(key).map(Vec::as_slice), value)?;
        }
        Ok(())
    }
}
