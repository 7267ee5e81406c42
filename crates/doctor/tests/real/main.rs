//! Real servers, each brought into a condition: it is found and named, and nothing else is.

mod asking;
mod fix;
mod memcached;
mod redis_checks;
mod redis_look;
