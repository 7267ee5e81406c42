//! Every operation, on embedded servers. One behaviour a test.

use std::time::{Duration, Instant};

use evenkeel::config::{Failover, HealthConfig, OnUnavailable};
use evenkeel::{Client, ClientBuilder, Count, Error, Expiry, Item, Lookup, Write};
use evenkeel_lab::server::{Config, Server};

/// Servers that end with the test.
fn servers(len: usize) -> Vec<Server> {
    (0..len).map(|_| Server::start(Config::default()).expect("loopback has free ports")).collect()
}

fn builder(servers: &[Server]) -> ClientBuilder {
    Client::builder().servers(servers.iter().map(|server| server.addr().to_string()))
}

/// A client with much patience: where nothing fails on purpose, a busy machine is no failure.
async fn client(servers: &[Server]) -> Client {
    let (canary_timeout, canary_interval) = (Duration::from_secs(5), Duration::from_secs(10));
    let health = HealthConfig { canary_timeout, canary_interval, ..HealthConfig::default() };
    let patient = Duration::from_secs(30);
    let builder = builder(servers).timeout(patient).deadline(patient).health(health);
    builder.build().await.expect("a valid description")
}

const HOUR: Duration = Duration::from_hours(1);

fn bytes(lookup: Lookup) -> Vec<u8> {
    lookup.hit().expect("a hit").into_bytes().to_vec()
}

#[tokio::test]
async fn what_was_stored_is_read_with_its_flags() {
    let servers = servers(3);
    let client = client(&servers).await;
    assert_eq!(client.get("a").await.unwrap(), Lookup::Miss);
    let item = Item { bytes: b"value", flags: 7 };
    assert!(client.set("a", item, HOUR).await.unwrap().is_done());
    let value = client.get("a").await.unwrap().hit().unwrap();
    assert_eq!((value.flags(), &value.bytes()[..]), (7, &b"value"[..]));
    assert_eq!(client.set("b", &value, HOUR).await.unwrap(), Write::Done);
    assert_eq!(client.get("b").await.unwrap(), Lookup::Hit(value));
}

#[tokio::test]
async fn writes_say_what_became_of_them() {
    let servers = servers(1);
    let client = client(&servers).await;
    assert_eq!(client.replace("a", b"0", HOUR).await.unwrap(), Write::NotStored);
    assert_eq!(client.add("a", b"1", HOUR).await.unwrap(), Write::Done);
    assert_eq!(client.add("a", b"2", HOUR).await.unwrap(), Write::NotStored);
    assert_eq!(client.append("a", b"3").await.unwrap(), Write::Done);
    assert_eq!(client.prepend("a", b"0").await.unwrap(), Write::Done);
    assert_eq!(bytes(client.get("a").await.unwrap()), b"013");
    assert_eq!(client.touch("a", HOUR).await.unwrap(), Write::Done);
    assert_eq!(client.touch("b", HOUR).await.unwrap(), Write::NotFound);
    assert_eq!(client.delete("a").await.unwrap(), Write::Done);
    assert_eq!(client.delete("a").await.unwrap(), Write::NotFound);
}

#[tokio::test]
async fn a_token_replaces_only_what_it_was_given_with() {
    let servers = servers(1);
    let client = client(&servers).await;
    let _ = client.set("a", b"1", HOUR).await.unwrap();
    let cas = client.gets("a").await.unwrap().hit().unwrap().cas().expect("gets gives a token");
    assert_eq!(client.compare_and_swap("a", b"2", HOUR, cas).await.unwrap(), Write::Done);
    assert_eq!(client.compare_and_swap("a", b"3", HOUR, cas).await.unwrap(), Write::Exists);
    assert_eq!(client.compare_and_swap("b", b"3", HOUR, cas).await.unwrap(), Write::NotFound);
    assert_eq!(bytes(client.get("a").await.unwrap()), b"2");
}

#[tokio::test]
async fn numbers_are_counted() {
    let servers = servers(1);
    let client = client(&servers).await;
    assert_eq!(client.increment("n", 1).await.unwrap(), Count::NotFound);
    let _ = client.set("n", "10", HOUR).await.unwrap();
    assert_eq!(client.increment("n", 5).await.unwrap(), Count::Now(15));
    assert_eq!(client.decrement("n", 20).await.unwrap(), Count::Now(0));
    let _ = client.set("n", "ten", HOUR).await.unwrap();
    let error = client.increment("n", 5).await.unwrap_err();
    assert!(matches!(&error, Error::Refused(words) if words.contains("non-numeric")), "{error}");
}

#[tokio::test]
async fn values_expire() {
    let servers = servers(1);
    let client = client(&servers).await;
    let _ = client.set("short", b"1", Duration::from_secs(10)).await.unwrap();
    let _ = client.set("long", b"2", Expiry::Never).await.unwrap();
    let _ = client.set("gone", b"3", Duration::ZERO).await.unwrap();
    assert_eq!(client.get("gone").await.unwrap(), Lookup::Miss);
    assert!(client.get_and_touch("short", HOUR).await.unwrap().is_hit());
    servers[0].skip_time(Duration::from_mins(1));
    assert!(client.get("short").await.unwrap().is_hit());
    servers[0].skip_time(HOUR);
    assert_eq!(client.get("short").await.unwrap(), Lookup::Miss);
    assert!(client.get("long").await.unwrap().is_hit());
}

#[tokio::test]
async fn many_keys_are_read_written_and_deleted_at_once() {
    let servers = servers(3);
    let client = client(&servers).await;
    // Numbered keys stand close together on a ring.
    let spread = |idx: u64| format!("key{:x}", (idx + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let keys: Vec<_> = (0..100).map(spread).collect();
    let stored = client.set_many(keys.iter().map(|key| (key, key)), HOUR).await.unwrap();
    assert_eq!(stored, [Write::Done; 100]);
    assert!(servers.iter().all(|server| server.item_count() > 0), "all servers have some");
    let asked = keys.iter().map(String::as_str).chain(["missing", &keys[7]]);
    let found = client.get_many(asked.clone()).await.unwrap();
    for (key, lookup) in asked.zip(found) {
        match lookup.hit() {
            Some(value) => assert_eq!(&value.bytes()[..], key.as_bytes()),
            None => assert_eq!(key, "missing"),
        }
    }
    let deleted = client.delete_many([&keys[1], "missing", &keys[2]]).await.unwrap();
    assert_eq!(deleted, [Write::Done, Write::NotFound, Write::Done]);
    assert_eq!(client.flush_all().await.unwrap(), Write::Done);
    let found = client.get_many(&keys).await.unwrap();
    assert!(found.iter().all(|lookup| *lookup == Lookup::Miss));
}

#[tokio::test]
async fn no_keys_and_one_key_are_many_keys_too() {
    let servers = servers(1);
    let client = client(&servers).await;
    assert_eq!(client.get_many::<&str>([]).await.unwrap(), []);
    assert_eq!(client.get_many(["a"]).await.unwrap(), [Lookup::Miss]);
    let _ = client.set("a", b"1", HOUR).await.unwrap();
    assert!(client.get_many(["a"]).await.unwrap()[0].is_hit());
    assert_eq!(client.delete_many::<&str>([]).await.unwrap(), []);
}

#[tokio::test]
async fn what_wants_no_reply_is_carried_out_in_order() {
    let servers = servers(1);
    let client = client(&servers).await;
    for number in 0..100 {
        client.set_noreply("a", &number.to_string(), HOUR).unwrap();
    }
    assert_eq!(bytes(client.get("a").await.unwrap()), b"99");
    client.delete_noreply("a").unwrap();
    assert_eq!(client.get("a").await.unwrap(), Lookup::Miss);
}

#[tokio::test]
async fn bad_input_is_refused_before_anything_is_sent() {
    let servers = servers(1);
    let client = client(&servers).await;
    assert!(matches!(client.get("a b").await, Err(Error::Key(_))));
    assert!(matches!(client.get_many(["a", ""]).await, Err(Error::Key(_))));
    let large = vec![0; 1024 * 1024 + 1];
    let error = client.set("a", &large, HOUR).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { len: 1_048_577, max: 1_048_576 }), "{error}");
    let items = [("a", &large), ("b", &vec![0])];
    assert!(client.set_many(items, HOUR).await.is_err());
    assert_eq!(servers[0].item_count(), 0, "nothing was stored");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_get_each_its_own() {
    let servers = servers(3);
    let client = client(&servers).await;
    let tasks: Vec<_> = (0..64)
        .map(|task| {
            let client = client.clone();
            tokio::spawn(async move {
                for round in 0..200 {
                    let (key, value) = (format!("{task}/{}", round % 7), format!("{task} {round}"));
                    assert!(client.set(&key, &value, HOUR).await.unwrap().is_done());
                    assert_eq!(bytes(client.get(&key).await.unwrap()), value.as_bytes());
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn an_operation_that_is_dropped_leaves_its_response_to_nobody() {
    let servers = servers(1);
    let client = client(&servers).await;
    let _ = client.set("a", b"of a", HOUR).await.unwrap();
    let _ = client.set("b", b"of b", HOUR).await.unwrap();
    for _ in 0..500 {
        // The request leaves at its first poll; then its future is dropped.
        let mut dropped = Box::pin(client.get("a"));
        assert!(futures_poll(&mut dropped).is_none());
        drop(dropped);
        assert_eq!(bytes(client.get("b").await.unwrap()), b"of b");
    }
}

#[tokio::test]
async fn operations_are_dropped_at_any_moment_and_others_go_on() {
    let servers = servers(2);
    let client = client(&servers).await;
    let tasks: Vec<_> = (0..20)
        .map(|task: u32| {
            let client = client.clone();
            tokio::spawn(async move {
                for round in 0..200_u32 {
                    let own = format!("{task}");
                    let patience = Duration::from_micros(u64::from((task * 31 + round * 7) % 300));
                    let other = format!("other{}", round % 5);
                    let _ = tokio::time::timeout(patience, client.set(&other, b"x", HOUR)).await;
                    let _ = tokio::time::timeout(patience, client.get_many([&own, &other])).await;
                    let value = round.to_string();
                    let _ = client.set(&own, &value, HOUR).await.unwrap();
                    assert_eq!(bytes(client.get(&own).await.unwrap()), value.as_bytes());
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn a_call_that_is_begun_and_not_looked_at_again_holds_nobody_up() {
    let servers = servers(2);
    let client = client(&servers).await;
    let _ = client.set("a", b"of a", HOUR).await.unwrap();
    let mut begun = Box::pin(client.get("a"));
    assert!(futures_poll(&mut begun).is_none());
    // Its response comes, and it is told to look.
    tokio::time::sleep(Duration::from_millis(20)).await;
    for round in 0..100 {
        let key = format!("k{round}");
        assert!(client.set(&key, &key, HOUR).await.unwrap().is_done());
        assert_eq!(bytes(client.get(&key).await.unwrap()), key.as_bytes());
    }
    assert_eq!(bytes(begun.await.unwrap()), b"of a");
}

#[test]
fn a_thread_without_a_runtime_may_wait() {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let servers = servers(2);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = runtime.block_on(client(&servers));
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    for round in 0..200 {
        let key = format!("k{}", round % 10);
        let mut operation = std::pin::pin!(async {
            let _ = client.set(&key, &key, HOUR).await.unwrap();
            bytes(client.get(&key).await.unwrap())
        });
        let value = loop {
            match operation.as_mut().poll(&mut context) {
                std::task::Poll::Ready(value) => break value,
                std::task::Poll::Pending => std::thread::park(),
            }
        };
        assert_eq!(value, key.as_bytes());
    }
}

/// One poll.
fn futures_poll<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Option<T> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::Pin::new(future).poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

// Failures.

#[tokio::test]
async fn without_a_server_reads_are_unavailable_at_once_and_writes_say_so() {
    let mut servers = servers(2);
    let client = builder(&servers).build().await.unwrap();
    let _ = client.set("a", b"1", HOUR).await.unwrap();
    servers.iter_mut().for_each(Server::stop);
    let start = Instant::now();
    for _ in 0..100 {
        assert!(client.get("a").await.unwrap().is_unavailable());
        assert!(client.set("a", b"2", HOUR).await.unwrap().is_unavailable());
        assert!(client.get_many(["a", "b"]).await.unwrap().iter().all(Lookup::is_unavailable));
    }
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[tokio::test]
async fn unavailability_is_an_error_where_that_is_wanted() {
    let mut servers = servers(1);
    let client = builder(&servers).on_unavailable(OnUnavailable::Error).build().await.unwrap();
    assert_eq!(client.get("a").await.unwrap(), Lookup::Miss);
    servers[0].stop();
    assert!(matches!(client.get("a").await, Err(Error::Unavailable(_))));
    assert!(matches!(client.get_many(["a"]).await, Err(Error::Unavailable(_))));
    let tolerant = client.with_on_unavailable(OnUnavailable::Miss);
    assert!(tolerant.get("a").await.unwrap().is_unavailable());
}

#[tokio::test]
async fn a_server_that_hangs_costs_no_more_than_the_deadline() {
    let servers = servers(1);
    let client = builder(&servers).build().await.unwrap();
    let _ = client.set("a", b"1", HOUR).await.unwrap();
    servers[0].pause();
    let hasty = client.with_deadline(Duration::from_millis(30));
    let start = Instant::now();
    assert!(hasty.get("a").await.unwrap().is_unavailable());
    assert!(start.elapsed() < Duration::from_millis(100), "{:?}", start.elapsed());
}

#[tokio::test]
async fn what_came_while_the_runtime_stood_still_came_in_time() {
    let servers = servers(1);
    let client = client(&servers).await;
    let _ = client.set("a", b"1", HOUR).await.unwrap();
    for _ in 0..5 {
        // Nothing is on its way, and nobody waits for a timer: the request has to ring.
        tokio::time::sleep(Duration::from_millis(150)).await;
        let mut waiting = Box::pin(client.get("a"));
        assert!(futures_poll(&mut waiting).is_none());
        // As no task should: for longer than an attempt and a request may take.
        std::thread::sleep(Duration::from_millis(400));
        assert_eq!(bytes(waiting.await.unwrap()), b"1");
    }
    assert_eq!(client.handle().events_since(0).events, []);
}

#[tokio::test]
async fn keys_fail_over_and_come_home_without_a_stale_read() {
    let mut servers = servers(2);
    let client = builder(&servers).build().await.unwrap();
    let keys: Vec<_> = (0..50).map(|idx| format!("k{idx}")).collect();
    let old = client.set_many(keys.iter().map(|key| (key, b"old")), HOUR).await.unwrap();
    assert!(old.into_iter().all(Write::is_done));
    servers[0].pause();
    for key in &keys {
        while !client.set(key, b"new", HOUR).await.unwrap().is_done() {}
        assert_eq!(bytes(client.get(key).await.unwrap()), b"new");
    }
    servers[0].resume();
    let deadline = Instant::now() + Duration::from_mins(1);
    let is_up = || client.handle().servers().iter().all(|it| it.standing.state.label() == "up");
    while !is_up() {
        assert!(Instant::now() < deadline, "{:?}", client.handle().servers());
        for key in &keys {
            let lookup = client.get(key).await.unwrap();
            assert!(!lookup.is_hit() || bytes(lookup) == b"new", "{key} is stale");
        }
    }
    servers[1].stop();
}

#[tokio::test]
async fn a_delete_reaches_a_server_that_is_away_before_anybody_reads_from_it() {
    let servers = servers(1);
    let client = builder(&servers).failover(Failover::None).build().await.unwrap();
    let _ = client.set("a", b"1", HOUR).await.unwrap();
    client.handle().drain(&servers[0].addr().to_string()).unwrap();
    while !client.get("a").await.unwrap().is_unavailable() {}
    assert_eq!(client.delete("a").await.unwrap(), Write::Done);
    client.handle().readmit(&servers[0].addr().to_string()).unwrap();
    loop {
        let lookup = client.get("a").await.unwrap();
        assert!(!lookup.is_hit());
        if lookup == Lookup::Miss {
            break;
        }
    }
}

#[test]
fn a_client_whose_runtime_has_ended_says_so() {
    let servers = servers(1);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = runtime.block_on(client(&servers));
    let second = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert_eq!(second.block_on(client.get("a")).unwrap(), Lookup::Miss);
    servers[0].pause();
    let waiting = second.spawn({
        let client = client.clone();
        async move { client.with_deadline(Duration::from_secs(30)).get("a").await }
    });
    second.block_on(tokio::task::yield_now());
    drop(runtime);
    assert!(matches!(second.block_on(waiting).unwrap(), Err(Error::Closed)));
    assert!(matches!(second.block_on(client.get("a")), Err(Error::Closed)));
}

#[tokio::test]
async fn when_the_last_clone_is_dropped_the_connections_are_closed() {
    let servers = servers(1);
    let client = builder(&servers).build().await.unwrap();
    let _ = client.get("a").await.unwrap();
    let clone = client.clone();
    drop(client);
    assert!(clone.get("a").await.is_ok());
    drop(clone);
    let deadline = Instant::now() + Duration::from_secs(5);
    while servers[0].connection_count() > 0 {
        assert!(Instant::now() < deadline, "{} connections", servers[0].connection_count());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_description_is_said() {
    let error = Client::connect(["no:port:at:all"]).await.unwrap_err();
    assert!(error.to_string().contains("no:port:at:all"), "{error}");
    let error = Client::connect::<&str>([]).await.unwrap_err();
    assert!(error.to_string().contains("server"), "{error}");
    let builder = Client::builder().server("127.0.0.1:1").failover(Failover::Gutter);
    let error = builder.build().await.unwrap_err();
    assert!(error.to_string().contains("gutter"), "{error}");
}
