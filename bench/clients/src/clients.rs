//! The libraries.

mod evenkeel;

mod memcache;

mod memcache_blocking;

mod async_memcached;

mod redis;

pub(crate) use self::async_memcached::AsyncMemcached;
pub(crate) use self::evenkeel::Evenkeel;
pub(crate) use self::memcache::Memcache;
pub(crate) use self::memcache_blocking::MemcacheBlocking;
pub(crate) use self::redis::Redis;
