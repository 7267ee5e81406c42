//! The control plane as a driver meets it that is no proxy: within somebody's runtime, and for
//! workers of which it knows no more than how to wake them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use evenkeel_control::handle::OrderError;
use evenkeel_control::set_up;
use evenkeel_control::setup::{Driver, Parts};
use evenkeel_control::worker::SharedWorker;
use evenkeel_core::config::{PoolConfig, ServerConfig};
use evenkeel_core::event::{Happening, Order, StateName};
use evenkeel_core::routing::{ServerId, Usable};
use evenkeel_lab::server::{Config as LabConfig, Server};
use tokio::runtime::Builder;

/// Enough for anything here on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

const PLAIN: &str = "it is written as it must be";

fn pool(servers: &[Server]) -> PoolConfig {
    let server = |it: &Server| ServerConfig::new(it.addr().to_string().parse().expect(PLAIN));
    let mut pool =
        PoolConfig::new("main".parse().expect(PLAIN), servers.iter().map(server).collect());
    pool.health.canary_interval = Duration::from_millis(100);
    pool
}

async fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A worker that does nothing, and how often it has been woken.
fn worker() -> (SharedWorker, Arc<AtomicUsize>) {
    let woken = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&woken);
    let wake = move || {
        counter.fetch_add(1, Ordering::Relaxed);
    };
    (SharedWorker::new(wake), woken)
}

#[test]
fn a_new_table_is_published_and_every_worker_is_woken() {
    let servers = [Server::start(LabConfig::default()).unwrap()];
    let (workers, woken): (Vec<_>, Vec<_>) = [worker(), worker()].into_iter().unzip();
    let driver = Driver { workers, losses: Vec::new() };
    let parts = set_up(&[pool(&servers)], driver).unwrap();
    let Parts { shared, handle, control_plane, stop, .. } = parts;
    assert_eq!(shared.table.load().server(ServerId(0)).usable, Usable::Yes);
    Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let running = tokio::spawn(control_plane.run());
        wait_until("canaries", || servers[0].counters().set_cmds > 1).await;
        handle.drain(&servers[0].addr().to_string()).unwrap();
        wait_until("a table", || shared.table.load().server(ServerId(0)).usable == Usable::No)
            .await;
        wait_until("workers", || woken.iter().all(|it| it.load(Ordering::Relaxed) > 0)).await;
        assert_eq!(handle.servers()[0].standing.state, StateName::Drained);
        stop.stop();
        running.await.unwrap();
    });
}

#[test]
fn nothing_goes_on_in_the_runtime_after_the_control_plane_has_ended() {
    let servers = [Server::start(LabConfig::default()).unwrap()];
    let parts = set_up(&[pool(&servers)], Driver::default()).unwrap();
    let Parts { shared, handle, control_plane, stop, .. } = parts;
    Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let running = tokio::spawn(control_plane.run());
        wait_until("canaries", || servers[0].counters().set_cmds > 1).await;
        drop(stop);
        running.await.unwrap();
        // This and the handle's.
        wait_until("tasks to end", || Arc::strong_count(&shared) == 2).await;
        let name = servers[0].addr().to_string();
        assert_eq!(handle.drain(&name), Err(OrderError::Stopping));
    });
}

#[test]
fn addresses_are_known_once_they_have_been_looked_up() {
    let servers = [Server::start(LabConfig::default()).unwrap()];
    let shared = set_up(&[pool(&servers)], Driver::default()).unwrap().shared;
    let addr = || shared.server(ServerId(0)).facts.addr.load_full();
    assert_eq!(addr(), None);
    shared.resolve_blocking();
    assert_eq!(addr().as_deref(), Some(&servers[0].addr()));
}

#[test]
fn readers_are_woken_by_events_each_at_its_own_pace_and_told_of_the_end() {
    let servers = [Server::start(LabConfig::default()).unwrap()];
    let parts = set_up(&[pool(&servers)], Driver::default()).unwrap();
    let Parts { shared: _, handle, control_plane, stop, .. } = parts;
    let name = servers[0].addr().to_string();
    Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let (mut quick, mut slow) = (handle.read_events(0), handle.read_events(0));
        let running = tokio::spawn(control_plane.run());
        let first = tokio::spawn(async move { (quick.next().await, quick) });
        handle.drain(&name).unwrap();
        let (told, mut quick) = first.await.unwrap();
        let told = told.expect("the control plane runs");
        assert_eq!((told.number, told.missed), (0, 0));
        assert_eq!(
            told.event.what.server().expect("it is about a server").1,
            &Happening::Ordered(Order::Drain)
        );
        // Waiting may be given up, and nothing is lost.
        wait_until("the state to change", || handle.next_event_number() == 2).await;
        assert_eq!(quick.next().await.map(|it| it.number), Some(1));
        assert!(tokio::time::timeout(Duration::from_millis(1), quick.next()).await.is_err());
        handle.readmit(&name).unwrap();
        assert_eq!(quick.next().await.map(|it| it.number), Some(2));
        drop(stop);
        running.await.unwrap();
        let last = handle.next_event_number();
        let mut numbers = Vec::new();
        while let Some(told) = slow.next().await {
            numbers.push(told.number);
        }
        assert_eq!(numbers, (0..last).collect::<Vec<_>>());
    });
}
