//! The library on real memcached: what the embedded server's likeness cannot prove.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use evenkeel::{Client, LoadError, LoadPolicy, Loaded, Lookup, Source, Storing};
use evenkeel_rig::Memcached;

async fn client_of(server: &Memcached) -> Client {
    Client::connect([server.address()]).await.expect("a valid address")
}

/// A loader that says how many have asked, this one included.
fn count(asked: &Arc<AtomicUsize>) -> impl FnOnce() -> Answer + Send + 'static {
    let asked = Arc::clone(asked);
    move || {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok((asked.fetch_add(1, Ordering::SeqCst) + 1).to_string())
        })
    }
}

type Answer = std::pin::Pin<Box<dyn Future<Output = Result<String, &'static str>> + Send>>;

fn text(loaded: &Loaded) -> &str {
    std::str::from_utf8(loaded.value.bytes()).expect("a number")
}

const STORED: Source = Source::Loaded(Storing::Stored);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_of_a_hundred_tasks_each_are_one_load() {
    let server = Memcached::start();
    let clients = [client_of(&server).await, client_of(&server).await];
    for round in 0..10 {
        let (asked, key) = (Arc::default(), format!("key{round}"));
        let tasks: Vec<_> = (0..200)
            .map(|idx: usize| {
                let (client, key, loader) = (clients[idx % 2].clone(), key.clone(), count(&asked));
                let ttl = Duration::from_mins(5);
                tokio::spawn(async move { client.get_or_load(&key, ttl, loader).await })
            })
            .collect();
        for task in tasks {
            assert_eq!(text(&task.await.unwrap().unwrap()), "1");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1, "round {round}");
    }
}

#[tokio::test]
async fn a_value_is_renewed_before_its_end_by_one_process_and_nobody_waits() {
    let server = Memcached::start();
    let (clients, asked) = ([client_of(&server).await, client_of(&server).await], Arc::default());
    let policy = LoadPolicy::new(Duration::from_secs(5)).early(Duration::from_secs(5));
    let first = clients[0].get_or_load("a", policy, count(&asked)).await.unwrap();
    assert_eq!((text(&first), first.source), ("1", STORED));
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut renewed = [false; 2];
    while renewed != [true; 2] {
        assert!(Instant::now() < deadline, "not renewed");
        for (client, renewed) in clients.iter().zip(&mut renewed) {
            let found = client.get_or_load("a", policy, count(&asked)).await.unwrap();
            assert_eq!(found.source, Source::Cache);
            *renewed |= text(&found) == "2";
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_stale_value_stands_in_for_an_error() {
    let server = Memcached::start();
    let (client, asked) = (client_of(&server).await, Arc::default());
    let policy = LoadPolicy::new(Duration::from_secs(1)).stale_on_error(Duration::from_mins(10));
    let first = client.get_or_load("a", policy, count(&asked)).await.unwrap();
    assert_eq!(first.source, STORED);
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        assert!(Instant::now() < deadline, "never stale");
        let failing = || async { Err::<String, _>("the database is away") };
        let found = client.get_or_load("a", policy, failing).await.unwrap();
        assert_eq!(text(&found), "1");
        if found.source == Source::Stale {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mended = client.get_or_load("a", policy, count(&asked)).await.unwrap();
    assert_eq!((text(&mended), mended.source), ("2", STORED));
}

#[tokio::test]
async fn that_there_is_none_is_cached_for_its_own_time() {
    let server = Memcached::start();
    let (client, asked) = (client_of(&server).await, Arc::new(AtomicUsize::new(0)));
    let policy = LoadPolicy::new(Duration::from_mins(5)).absent_ttl(Duration::from_secs(2));
    let none = || {
        let asked = Arc::clone(&asked);
        move || async move {
            asked.fetch_add(1, Ordering::SeqCst);
            Ok::<Option<String>, LoadError<()>>(None)
        }
    };
    let first = client.get_or_load_option("a", policy, none()).await.unwrap();
    assert_eq!((first.value, first.source), (None, STORED));
    let second = client.get_or_load_option("a", policy, none()).await.unwrap();
    assert_eq!((second.value, second.source), (None, Source::Cache));
    assert_eq!(client.get("a").await.unwrap(), Lookup::Miss);
    let deadline = Instant::now() + Duration::from_secs(10);
    while asked.load(Ordering::SeqCst) == 1 {
        assert!(Instant::now() < deadline, "never asked again");
        let _ = client.get_or_load_option("a", policy, none()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_server_that_is_killed_while_a_value_is_loaded_does_not_cost_the_value() {
    let mut server = Memcached::start();
    let client = client_of(&server).await;
    let loader = move || async move {
        server.kill();
        Ok::<_, LoadError<()>>("a value")
    };
    let ttl = Duration::from_mins(5);
    let found = client.get_or_load("a", ttl, loader).await.unwrap();
    assert!(matches!(found.source, Source::Loaded(Storing::Unavailable(_))), "{found:?}");
    let asked = Arc::default();
    let found = client.get_or_load("a", ttl, count(&asked)).await.unwrap();
    assert_eq!(text(&found), "1");
}
