//! What a memcached server says of itself.

use super::{ClientConnection, Figures, KeySample, Sampled};

/// The answers to `stats` and its kin. Figures that were not given are empty.
#[derive(Clone, Debug, Default)]
pub struct MemcachedFacts {
    /// `stats`.
    pub stats: Sampled,
    /// `stats settings`.
    pub settings: Figures,
    /// `stats items`: names as memcached writes them, `items:CLASS:evicted`.
    pub items: Sampled,
    /// `stats slabs`: `CLASS:total_pages`, `total_malloced`.
    pub slabs: Figures,
    /// `stats conns`: clients' connections; `None` if the server did not tell.
    pub connections: Option<Vec<ClientConnection>>,
    /// Keys at the cold ends of the server's lists; `None` if none could be looked at.
    pub keys: Option<KeySample>,
}
