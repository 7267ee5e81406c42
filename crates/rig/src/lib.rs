//! Real servers and programs for tests: started on loopback ports of their own, broken as a test
//! wants it, and ended with it.
//!
//! Only tests depend on this crate. What cannot be had fails the test, with a message that says
//! what was missing. scripts/install-test-deps installs the programs.

#![expect(clippy::print_stderr, reason = "for the reader of a failure")]

mod certificates;
mod memcached;
mod network;
mod port;
mod program;
mod redis;
mod scratch;
mod terminal;

pub use certificates::make_certificates;
pub use memcached::Memcached;
pub use network::Network;
pub use port::free_port;
pub use program::{Program, wait_until};
pub use redis::Redis;
pub use scratch::{ScratchFolder, scratch_path};
pub use terminal::Terminal;
