//! The service with real memcached servers that are killed, stopped and started again: whatever
//! becomes of them, every request is answered in time and rightly.

mod load;
mod service;

use std::thread;
use std::time::Duration;

use evenkeel_rig::{Memcached, wait_until};

use self::load::Load;
use self::service::Service;

/// Longer than any request takes while servers fail, and shorter than they are away: who waited for
/// a server would be noticed.
const BOUND: Duration = Duration::from_secs(2);
/// For how long the load goes on without some servers, and without any.
const OUTAGE: Duration = Duration::from_secs(3);
/// Until the service has noticed something.
const NOTICE: Duration = Duration::from_secs(20);

#[test]
fn every_request_is_answered_while_servers_are_killed_and_hang() {
    let mut servers = [Memcached::start(), Memcached::start(), Memcached::start()];
    let service = Service::start(&servers.each_ref().map(Memcached::address));
    wait_until(NOTICE, "users to be cached", || service.read_all_twice().all_cached());

    let load = Load::start(&service);
    servers[0].kill();
    wait_until(NOTICE, "the loss to be noticed", || service.ready().shows(&servers[0], "down"));
    servers[1].hang();
    wait_until(NOTICE, "the hang to be noticed", || service.ready().shows(&servers[1], "down"));
    thread::sleep(OUTAGE);
    servers[2].kill();
    wait_until(NOTICE, "the outage to be noticed", || service.ready().has_no_cache());
    thread::sleep(OUTAGE);
    let ready = service.ready();
    assert_eq!(ready.status, 200, "without its cache the service is as ready as before: {ready:?}");
    assert!(ready.says_why(), "{ready:?}");

    servers[0].restart();
    servers[1].resume();
    servers[2].restart();
    let are_up = || servers.iter().all(|server| service.ready().shows(server, "up"));
    wait_until(3 * NOTICE, "the servers to be used again", are_up);
    let report = load.stop();
    assert_eq!(report.faults, Vec::<String>::new(), "of {} requests", report.requests);
    assert!(report.slowest < BOUND, "a request took {:?}", report.slowest);
    wait_until(NOTICE, "users to be cached again", || service.read_all_twice().all_cached());
}

#[test]
fn a_service_starts_and_serves_without_any_cache() {
    let mut server = Memcached::start();
    server.kill();
    let service = Service::start(&[server.address()]);
    let report = service.read_all_twice();
    assert_eq!((report.faults, report.cached), (Vec::new(), 0));
    wait_until(NOTICE, "the outage to be noticed", || service.ready().has_no_cache());
    assert_eq!((service.ready().status, service.live()), (200, 200));
    server.restart();
    wait_until(3 * NOTICE, "users to be cached", || service.read_all_twice().all_cached());
}

#[test]
fn without_its_database_a_service_is_alive_but_not_ready() {
    let server = Memcached::start();
    let service = Service::start(&[server.address()]);
    assert_eq!((service.ready().status, service.live()), (200, 200));
    service.ruin_database();
    wait_until(NOTICE, "the loss to be noticed", || service.ready().status == 503);
    assert_eq!(service.live(), 200);
}
