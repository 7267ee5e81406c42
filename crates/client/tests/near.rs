//! Copies of values in this process: what is seen of writes. One behaviour a test.
#![cfg(feature = "near")]

use std::time::{Duration, Instant};

use evenkeel::config::ByteSize;
use evenkeel::{Client, LoadPolicy, Lookup, NearConfig, Source, Value};
use evenkeel_lab::server::{Config, Server};

fn server() -> Server {
    Server::start(Config::default()).expect("loopback has free ports")
}

async fn client(server: &Server, near: NearConfig) -> Client {
    let builder = Client::builder().server(server.addr().to_string()).near(near);
    builder.build().await.expect("a valid description")
}

/// Copies live for longer than any test.
const LONG: NearConfig = NearConfig { bytes_max: ByteSize::from_mib(32), ttl: HOUR };

const HOUR: Duration = Duration::from_hours(1);

/// What is found under a key; empty if nothing is.
async fn text(client: &Client, key: &str) -> String {
    let lookup = client.get(key).await.expect("a valid key");
    let bytes = lookup.hit().map(Value::into_bytes).unwrap_or_default();
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[tokio::test]
async fn what_was_read_is_read_again_without_a_server() {
    let mut server = server();
    let client = client(&server, LONG).await;
    let _ = client.set("a", "1", HOUR).await.unwrap();
    assert_eq!(text(&client, "a").await, "1");
    server.stop();
    assert_eq!(text(&client, "a").await, "1");
    let loader = || async { Err::<Value, _>("the loader is not needed") };
    let found = client.get_or_load("a", HOUR, loader).await.unwrap();
    assert_eq!((found.value, found.source), (Value::from("1"), Source::Near));
}

#[tokio::test]
async fn what_get_or_load_finds_is_kept_for_as_long_as_it_is_fresh() {
    let server = server();
    let client = client(&server, LONG).await;
    let policy = LoadPolicy::new(Duration::from_secs(2)).stale_on_error(HOUR);
    let loader = || async { Ok::<_, &str>("1") };
    let mut near = 0;
    let deadline = Instant::now() + Duration::from_secs(10);
    while near == 0 || client.get_or_load("a", policy, loader).await.unwrap().source == Source::Near
    {
        assert!(Instant::now() < deadline, "it never ends");
        let source = client.get_or_load("a", policy, loader).await.unwrap().source;
        near += usize::from(source == Source::Near);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn that_there_is_none_is_kept_and_is_a_miss_to_a_get() {
    let mut server = server();
    let client = client(&server, LONG).await;
    let policy = LoadPolicy::new(HOUR).absent_ttl(HOUR);
    let loader = || async { Ok::<Option<Value>, &str>(None) };
    for _ in 0..2 {
        assert_eq!(client.get_or_load_option("a", policy, loader).await.unwrap().value, None);
    }
    server.stop();
    let found = client.get_or_load_option("a", policy, loader).await.unwrap();
    assert_eq!((found.value, found.source), (None, Source::Near));
    assert_eq!(client.get("a").await.unwrap(), Lookup::Miss);
}

#[tokio::test]
async fn every_write_of_ones_own_is_seen_at_once() {
    let server = server();
    let client = client(&server, LONG).await;
    let clone = client.clone();
    let _ = client.set("a", "1", HOUR).await.unwrap();
    assert_eq!(text(&clone, "a").await, "1");
    let _ = client.set("a", "2", HOUR).await.unwrap();
    assert_eq!(text(&clone, "a").await, "2");
    let _ = client.append("a", "3").await.unwrap();
    assert_eq!(text(&clone, "a").await, "23");
    let _ = client.increment("a", 1).await.unwrap();
    assert_eq!(text(&clone, "a").await, "24");
    let _ = client.set_many([("a", "3")], HOUR).await.unwrap();
    assert_eq!(text(&clone, "a").await, "3");
    client.set_noreply("a", "4", HOUR).unwrap();
    assert_eq!(text(&clone, "a").await, "4");
    let _ = client.get_and_touch("a", Duration::ZERO).await.unwrap();
    assert_eq!(text(&clone, "a").await, "");
    let _ = client.set("a", "5", HOUR).await.unwrap();
    assert_eq!(text(&clone, "a").await, "5");
    let _ = client.delete("a").await.unwrap();
    assert_eq!(text(&clone, "a").await, "");
    let _ = client.set("a", "6", HOUR).await.unwrap();
    assert_eq!(text(&clone, "a").await, "6");
    let _ = client.delete_many(["a"]).await.unwrap();
    assert_eq!(text(&clone, "a").await, "");
    let _ = client.set("a", "7", HOUR).await.unwrap();
    assert_eq!(text(&clone, "a").await, "7");
    client.delete_noreply("a").unwrap();
    assert_eq!(text(&clone, "a").await, "");
    let _ = client.set("a", "8", HOUR).await.unwrap();
    assert_eq!(text(&clone, "a").await, "8");
    let _ = client.flush_all().await.unwrap();
    assert_eq!(text(&clone, "a").await, "");
}

#[tokio::test]
async fn a_write_of_others_is_seen_when_the_copys_time_is_over() {
    let server = server();
    let ttl = Duration::from_millis(300);
    let (client, other) =
        (client(&server, NearConfig { ttl, ..LONG }).await, client(&server, LONG).await);
    let _ = other.set("a", "old", HOUR).await.unwrap();
    let before = Instant::now();
    assert_eq!(text(&client, "a").await, "old");
    let _ = other.set("a", "new", HOUR).await.unwrap();
    while text(&client, "a").await == "old" {
        assert!(before.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(before.elapsed() >= ttl, "{:?}", before.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_in_flight_does_not_put_back_what_a_write_has_replaced() {
    let server = server();
    let client = client(&server, LONG).await;
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                loop {
                    let _ = client.get("a").await.unwrap();
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for round in 0..3000 {
        let written = round.to_string();
        let _ = client.set("a", &written, HOUR).await.unwrap();
        for _ in 0..3 {
            assert_eq!(text(&client, "a").await, written);
        }
    }
    readers.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn neither_a_miss_nor_what_is_large_nor_an_empty_item_is_kept() {
    let mut server = server();
    let client = client(&server, NearConfig { bytes_max: ByteSize::from_kib(64), ..LONG }).await;
    assert_eq!(client.get("missing").await.unwrap(), Lookup::Miss);
    let _ = client.set("large", &vec![0; 5000], HOUR).await.unwrap();
    assert!(client.get("large").await.unwrap().is_hit());
    let _ = client.set("empty", "", HOUR).await.unwrap();
    assert!(client.get("empty").await.unwrap().is_hit());
    server.stop();
    for key in ["missing", "large", "empty"] {
        assert!(client.get(key).await.unwrap().is_unavailable(), "{key}");
    }
}

#[tokio::test]
async fn copies_stay_within_their_room() {
    let mut server = server();
    let client = client(&server, NearConfig { bytes_max: ByteSize::from_kib(256), ..LONG }).await;
    for idx in 0..1000 {
        let key = idx.to_string();
        let _ = client.set(&key, &vec![0; 1000], HOUR).await.unwrap();
        assert!(client.get(&key).await.unwrap().is_hit());
    }
    server.stop();
    let mut kept = 0;
    for idx in 0..1000 {
        kept += usize::from(client.get(idx.to_string()).await.unwrap().is_hit());
    }
    assert!((50..256).contains(&kept), "{kept} copies of 1,000 bytes in 256 KiB");
}
