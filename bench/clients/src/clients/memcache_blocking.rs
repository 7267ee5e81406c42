//! The crate `memcache`, its blocking client: all threads share one, which has a pool.

use std::collections::HashMap;
use std::net::SocketAddr;

use memcache::Client as Library;

use crate::client::{Client, Fault, check};
use crate::items::Window;

/// A clone of the one client. Its futures never wait: they block the thread that polls them.
pub(crate) struct MemcacheBlocking(Library);

impl Client for MemcacheBlocking {
    async fn connect(servers: &[SocketAddr], tasks: usize) -> Result<Vec<Self>, Fault> {
        let urls = servers.iter().map(|server| format!("memcache://{server}?protocol=ascii"));
        let tasks_max = u32::try_from(tasks).expect("there are few tasks");
        let client = Library::with_pool_size(urls.collect::<Vec<_>>(), tasks_max)?;
        Ok((0..tasks).map(|_| Self(client.clone())).collect())
    }

    async fn get(&mut self, key: &str, value: &[u8]) -> Result<(), Fault> {
        let found: Option<Vec<u8>> = self.0.get(key)?;
        check(key, found.as_deref(), value)
    }

    async fn set(&mut self, key: &str, value: &[u8]) -> Result<(), Fault> {
        Ok(self.0.set(key, value, 0)?)
    }

    async fn get_many(&mut self, items: Window<'_>) -> Result<(), Fault> {
        let keys: Vec<_> = items.keys.iter().map(String::as_str).collect();
        let found: HashMap<String, Vec<u8>> = self.0.gets(&keys)?;
        for (key, value) in items.iter() {
            check(key, found.get(key).map(Vec::as_slice), value)?;
        }
        Ok(())
    }
}
