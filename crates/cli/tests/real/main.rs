//! The `evenkeel` binary among real programs: memcached servers, other people's clients and
//! their own test suites, faults, and hostile input.
//!
//! Each test starts what it needs on loopback ports of its own and ends it again.
//! `EVENKEEL_TEST_TARGET=memcached` (or `nutcracker`) puts one memcached (or twemproxy) in the
//! proxy's place: that is how the expectations of `suites` were learnt, and how to see whether
//! a failure is ours. `EVENKEEL_TEST_IO=epoll` (or `io_uring`) has the proxy read and write that way.

#![expect(clippy::print_stdout, reason = "for the reader of a failure")]

mod admin;
mod bench;
mod doctor;
mod faults;
mod hooks;
mod hostile;
mod import;
mod io;
mod lab;
mod listeners;
mod log;
mod modes;
mod operator;
mod page;
mod policies;
mod process;
mod reload;
mod report;
mod routes;
mod scenario;
mod service;
mod suites;
mod support;
mod verify_map;
