//! The client for threads that wait.

#![cfg(feature = "blocking")]

use std::thread;
use std::time::{Duration, Instant};

use evenkeel::blocking::Client;
use evenkeel::codec::{Integer, Text};
use evenkeel::event::{Happening, Order};
use evenkeel::{BuildError, Count, Lookup, Write};
use evenkeel_lab::server::{Config, Server};

const HOUR: Duration = Duration::from_hours(1);

fn start() -> (Server, Client) {
    let server = Server::start(Config::default()).expect("loopback has free ports");
    let client = Client::connect([server.addr().to_string()]).expect("a valid address");
    (server, client)
}

#[test]
fn operations_are_those_of_the_client() {
    let (_server, cache) = start();
    assert_eq!(cache.get("a").unwrap(), Lookup::Miss);
    assert_eq!(cache.set("a", b"1", HOUR).unwrap(), Write::Done);
    assert_eq!(cache.add("a", b"2", HOUR).unwrap(), Write::NotStored);
    assert_eq!(cache.append("a", b"0").unwrap(), Write::Done);
    assert_eq!(cache.increment("a", 5).unwrap(), Count::Now(15));
    assert_eq!(cache.set_many([("b", "2"), ("c", "3")], HOUR).unwrap(), [Write::Done; 2]);
    let hits = cache.get_many(["a", "b", "missing", "c"]).unwrap();
    assert_eq!(hits.iter().map(Lookup::is_hit).collect::<Vec<_>>(), [true, true, false, true]);
    assert_eq!(cache.delete("a").unwrap(), Write::Done);
    cache.delete_noreply("b").unwrap();
    assert_eq!(cache.get("b").unwrap(), Lookup::Miss);
    assert_eq!(cache.flush_all().unwrap(), Write::Done);
    assert_eq!(cache.ping(), Ok(()));
    assert!(cache.version().unwrap()[0].result.is_ok());
    assert!(cache.available());
}

#[test]
fn values_are_typed_here_too() {
    let (_server, cache) = start();
    let numbers = cache.typed(Integer);
    let _ = numbers.set("n", &7_u32, HOUR).unwrap();
    let (number, cas): (u32, _) = numbers.gets("n").unwrap().hit().unwrap();
    assert_eq!(numbers.compare_and_swap("n", &(number + 1), HOUR, cas).unwrap(), Write::Done);
    assert_eq!(numbers.client().decrement("n", 1).unwrap(), Count::Now(7));
    let texts = cache.typed(Text);
    let _ = texts.set_many([("a", "x"), ("b", "y")], HOUR).unwrap();
    let found = texts.get_many::<String, _>(["a", "b"]).unwrap();
    assert!(found.iter().all(|it| it.as_ref().is_ok_and(Lookup::is_hit)));
}

#[test]
fn many_threads_wait_at_once_and_each_gets_its_own() {
    let (_server, cache) = start();
    let threads: Vec<_> = (0..8)
        .map(|number: u32| {
            let numbers = cache.typed(Integer);
            thread::spawn(move || {
                let key = format!("n:{number}");
                for round in 0..100_u32 {
                    let value = number * 1000 + round;
                    assert!(numbers.set(&key, &value, HOUR).unwrap().is_done());
                    assert_eq!(numbers.get::<u32>(&key).unwrap(), Lookup::Hit(value));
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no assertion failed");
    }
}

#[test]
fn a_call_ends_by_its_deadline() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let cache = Client::connect([silent.local_addr().unwrap().to_string()]).unwrap();
    let begun_at = Instant::now();
    assert!(cache.with_deadline(Duration::from_millis(100)).get("a").unwrap().is_unavailable());
    assert!(begun_at.elapsed() < Duration::from_secs(5));
}

#[test]
fn events_are_waited_for() {
    let (server, cache) = start();
    let mut events = cache.client().events();
    cache.handle().drain(&server.addr().to_string()).unwrap();
    let event = cache.wait(events.next()).expect("the client is there");
    assert_eq!(event.what, Happening::Ordered(Order::Drain));
    drop(cache);
    // Its thread ends with it, and so do the events; this one is waited for without any runtime.
    let rest = thread::spawn(move || {
        let (other_server, other) = start();
        while other.wait(events.next()).is_some() {}
        drop(other_server);
    });
    rest.join().unwrap();
}

#[test]
fn what_is_wrong_with_a_description_is_said() {
    let error = Client::connect(["not an address"]).unwrap_err();
    assert!(matches!(error, BuildError::Address { .. }), "{error}");
}

#[test]
fn timers_work_in_what_is_waited_for() {
    let (_server, cache) = start();
    let never = std::future::pending::<()>();
    let limited = async { tokio::time::timeout(Duration::from_millis(1), never).await };
    assert!(cache.wait(limited).is_err());
}

#[test]
fn a_call_within_async_code_is_slow_and_not_stuck() {
    let (_server, cache) = start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        assert_eq!(cache.get("a").unwrap(), Lookup::Miss);
        drop(cache);
    });
}
