//! Values that are loaded when they are missing, on embedded servers. One behaviour a test.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use evenkeel::config::OnUnavailable;
use evenkeel::{
    Client, ClientBuilder, LoadError, LoadPolicy, Loaded, Lookup, Source, Storing, Value, Write,
};
use evenkeel_lab::server::{Config, MetaCommands, Server};
use tokio::sync::{Notify, Semaphore};

fn server() -> Server {
    Server::start(Config::default()).expect("loopback has free ports")
}

/// As memcached before 1.6.
fn old_server() -> Server {
    let config = Config { meta: MetaCommands::Unknown, ..Config::default() };
    Server::start(config).expect("loopback has free ports")
}

fn builder(server: &Server) -> ClientBuilder {
    Client::builder().server(server.addr().to_string())
}

async fn client(server: &Server) -> Client {
    builder(server).build().await.expect("a valid description")
}

const TTL: Duration = Duration::from_mins(5);
/// How old a value of [`TTL`] is before its last minute, and within the later half of that.
const BEFORE_THE_WINDOW: Duration = Duration::from_secs(235);
const IN_THE_WINDOW: Duration = Duration::from_secs(280);

/// Long enough for a call to have joined a load.
const JOINING: Duration = Duration::from_millis(200);

/// More than a lookup may take (`deadline`): whoever waits so long has begun a load.
const PAST_THE_LOOKUP: Duration = Duration::from_millis(500);

const HOUR: Duration = Duration::from_hours(1);

/// A database that counts how often it is asked.
#[derive(Clone, Default)]
struct Database {
    asked: Arc<AtomicUsize>,
}

#[derive(Debug, thiserror::Error)]
#[error("the database is away")]
struct Away;

impl Database {
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// A loader that says how many have asked, this one included.
    fn count(&self) -> impl FnOnce() -> Answer<String> + Send + 'static {
        let asked = Arc::clone(&self.asked);
        move || {
            Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Ok((asked.fetch_add(1, Ordering::SeqCst) + 1).to_string())
            })
        }
    }

    fn fail(&self) -> impl FnOnce() -> Answer<String> + Send + 'static {
        let asked = Arc::clone(&self.asked);
        move || {
            Box::pin(async move {
                asked.fetch_add(1, Ordering::SeqCst);
                Err(Away)
            })
        }
    }

    fn know_of_none(&self) -> impl FnOnce() -> Answer<Option<String>> + Send + 'static {
        let asked = Arc::clone(&self.asked);
        move || {
            Box::pin(async move {
                asked.fetch_add(1, Ordering::SeqCst);
                Ok(None)
            })
        }
    }
}

type Answer<T> = std::pin::Pin<Box<dyn Future<Output = Result<T, Away>> + Send>>;

fn text(loaded: &Loaded) -> &str {
    std::str::from_utf8(loaded.value.bytes()).expect("a number")
}

#[track_caller]
fn check(loaded: &Loaded, value: &str, source: Source) {
    assert_eq!((text(loaded), loaded.source), (value, source));
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is_so().await {
        assert!(Instant::now() < deadline, "waited for {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

const STORED: Source = Source::Loaded(Storing::Stored);

// One load.

#[tokio::test]
async fn what_is_missing_is_loaded_and_stored_and_then_found() {
    let (server, database) = (server(), Database::default());
    let client = client(&server).await;
    check(&client.get_or_load("a", TTL, database.count()).await.unwrap(), "1", STORED);
    check(&client.get_or_load("a", TTL, database.count()).await.unwrap(), "1", Source::Cache);
    assert_eq!(client.get("a").await.unwrap().hit().unwrap(), Value::from("1"));
    server.skip_time(TTL + Duration::from_secs(1));
    check(&client.get_or_load("a", TTL, database.count()).await.unwrap(), "2", STORED);
    assert_eq!(database.asked(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_tasks_are_one_load() {
    check_two_hundred(&server()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_tasks_are_one_load_without_meta_commands() {
    check_two_hundred(&old_server()).await;
}

async fn check_two_hundred(server: &Server) {
    let client = client(server).await;
    for round in 0..20 {
        let (database, key) = (Database::default(), format!("key{round}"));
        let tasks: Vec<_> = (0..200)
            .map(|_| {
                let (client, key, loader) = (client.clone(), key.clone(), database.count());
                tokio::spawn(async move { client.get_or_load(&key, TTL, loader).await })
            })
            .collect();
        let mut loaded = 0;
        for task in tasks {
            let found = task.await.expect("it does not panic").expect("a value");
            assert_eq!(text(&found), "1");
            loaded += usize::from(found.source == STORED);
        }
        assert_eq!((database.asked(), loaded), (1, 1), "round {round}");
    }
}

#[tokio::test]
async fn an_error_is_shared_and_not_kept() {
    let (server, database) = (server(), Database::default());
    let client = client(&server).await;
    let go = Arc::new(Semaphore::new(0));
    let loader = {
        let go = Arc::clone(&go);
        move || async move {
            go.acquire().await.unwrap().forget();
            Err::<String, _>(Away)
        }
    };
    let mut first = std::pin::pin!(client.get_or_load("a", TTL, loader));
    let mut second = std::pin::pin!(client.get_or_load("a", TTL, database.fail()));
    assert!(tokio::time::timeout(JOINING, &mut first).await.is_err());
    assert!(tokio::time::timeout(JOINING, &mut second).await.is_err());
    go.add_permits(1);
    let (Err(LoadError::Loader(first)), Err(LoadError::Loader(second))) =
        tokio::join!(first, second)
    else {
        panic!("both fail")
    };
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!(database.asked(), 0);
    check(&client.get_or_load("a", TTL, database.count()).await.unwrap(), "1", STORED);
}

fn broken() -> Result<String, Away> {
    panic!("this test's loader panics")
}

#[tokio::test]
async fn a_loader_that_panics_leaves_nobody_waiting() {
    let (server, database) = (server(), Database::default());
    let client = client(&server).await;
    let go = Arc::new(Semaphore::new(0));
    let loader = {
        let go = Arc::clone(&go);
        move || async move {
            go.acquire().await.unwrap().forget();
            broken()
        }
    };
    let mut first = std::pin::pin!(client.get_or_load("a", TTL, loader));
    let mut second = std::pin::pin!(client.get_or_load("a", TTL, database.count()));
    assert!(tokio::time::timeout(JOINING, &mut first).await.is_err());
    assert!(tokio::time::timeout(JOINING, &mut second).await.is_err());
    go.add_permits(1);
    let (first, second) = tokio::join!(first, second);
    assert!(matches!(first, Err(LoadError::Panicked)), "{first:?}");
    assert!(matches!(second, Err(LoadError::Panicked)), "{second:?}");
    assert_eq!(server.item_count(), 0, "other processes need not wait either");
    check(&client.get_or_load("a", TTL, database.count()).await.unwrap(), "1", STORED);
}

#[tokio::test]
async fn a_load_goes_on_when_its_caller_is_dropped() {
    let (server, database) = (server(), Database::default());
    let client = client(&server).await;
    let go = Arc::new(Semaphore::new(0));
    let hasty = client.get_or_load("a", TTL, load_when(&go));
    assert!(tokio::time::timeout(JOINING, hasty).await.is_err());
    let mut patient = std::pin::pin!(client.get_or_load("a", TTL, database.count()));
    assert!(tokio::time::timeout(JOINING, &mut patient).await.is_err());
    go.add_permits(1);
    check(&patient.await.unwrap(), "a value", Source::Shared(Storing::Stored));
    check(&client.get_or_load("a", TTL, database.count()).await.unwrap(), "a value", Source::Cache);
    assert_eq!(database.asked(), 0);
}

#[tokio::test]
async fn a_caller_waits_as_long_as_it_says_and_the_load_goes_on() {
    let server = server();
    let client = client(&server).await;
    let go = Arc::new(Semaphore::new(0));
    let hasty = LoadPolicy::new(TTL).timeout(PAST_THE_LOOKUP);
    let error = client.get_or_load("a", hasty, load_when(&go)).await.unwrap_err();
    assert!(matches!(error, LoadError::TimedOut { .. }), "{error}");
    go.add_permits(1);
    until("the value", async || client.get("a").await.unwrap().hit() == Some("a value".into()))
        .await;
}

/// A loader that waits for a permit.
fn load_when(go: &Arc<Semaphore>) -> impl FnOnce() -> Answer<&'static str> + Send + 'static {
    let go = Arc::clone(go);
    move || {
        Box::pin(async move {
            go.acquire().await.expect("nobody closes it").forget();
            Ok("a value")
        })
    }
}

#[tokio::test]
async fn a_loader_that_hangs_is_dropped() {
    let (server, database) = (server(), Database::default());
    let client = client(&server).await;
    let policy = LoadPolicy::new(TTL).load_timeout(Duration::from_millis(20));
    let hanging = pending::<Result<String, Away>>;
    let error = client.get_or_load("a", policy, hanging).await.unwrap_err();
    assert!(matches!(error, LoadError::TimedOut { .. }), "{error}");
    check(&client.get_or_load("a", TTL, database.count()).await.unwrap(), "1", STORED);
}

#[tokio::test]
async fn what_a_write_has_overtaken_is_not_stored_nor_shared() {
    let (server, database) = (server(), Database::default());
    let client = client(&server).await;
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = {
        let (client, begun, go) = (client.clone(), Arc::clone(&begun), Arc::clone(&go));
        tokio::spawn(async move {
            let loader = move || async move {
                begun.notify_one();
                go.notified().await;
                Ok::<_, Away>("old")
            };
            client.get_or_load("a", TTL, loader).await
        })
    };
    begun.notified().await;
    let _ = client.delete("a").await.unwrap();
    check(&client.get_or_load("a", TTL, database.count()).await.unwrap(), "1", STORED);
    go.notify_one();
    let overtaken = slow.await.unwrap().unwrap();
    check(&overtaken, "old", Source::Loaded(Storing::Overtaken));
    assert_eq!(client.get("a").await.unwrap().hit().unwrap(), Value::from("1"));
}

#[tokio::test]
async fn what_another_client_has_written_meanwhile_stays() {
    for server in [server(), old_server()] {
        let (client, other) = (client(&server).await, client(&server).await);
        let loader = move || async move {
            let _ = other.set("a", "new", TTL).await.unwrap();
            Ok::<_, Away>("old")
        };
        let found = client.get_or_load("a", TTL, loader).await.unwrap();
        check(&found, "old", Source::Loaded(Storing::Overtaken));
        assert_eq!(client.get("a").await.unwrap().hit().unwrap(), Value::from("new"));
    }
}

// Several processes.

#[tokio::test]
async fn of_two_processes_one_loads_and_the_other_finds() {
    let (server, database) = (server(), Database::default());
    let (first, second) = (client(&server).await, client(&server).await);
    let (one, other) = tokio::join!(
        first.get_or_load("a", TTL, database.count()),
        second.get_or_load("a", TTL, database.count()),
    );
    let mut sources = [one.unwrap().source, other.unwrap().source];
    sources.sort_by_key(|source| source.label());
    assert_eq!(sources, [STORED, Source::Peer]);
    assert_eq!(database.asked(), 1);
}

#[tokio::test]
async fn a_process_that_never_stores_holds_others_up_for_no_longer_than_said() {
    let (server, database) = (server(), Database::default());
    let (lost, client) = (client(&server).await, client(&server).await);
    let lost =
        tokio::spawn(
            async move { lost.get_or_load("a", TTL, pending::<Result<String, Away>>).await },
        );
    until("the empty item", async || server.item_count() == 1).await;
    let policy = LoadPolicy::new(TTL).peer_timeout(Duration::from_millis(100));
    let start = Instant::now();
    check(&client.get_or_load("a", policy, database.count()).await.unwrap(), "1", STORED);
    let waited = start.elapsed();
    assert!((Duration::from_millis(100)..Duration::from_secs(1)).contains(&waited), "{waited:?}");
    lost.abort();
}

#[tokio::test]
async fn a_process_whose_loader_fails_lets_others_load_at_once() {
    let (server, database) = (server(), Database::default());
    let (first, second) = (client(&server).await, client(&server).await);
    assert!(first.get_or_load("a", TTL, database.fail()).await.is_err());
    assert_eq!(server.item_count(), 0);
    check(&second.get_or_load("a", TTL, database.count()).await.unwrap(), "2", STORED);
}

#[tokio::test]
async fn a_value_that_is_soon_over_is_renewed_by_one_of_all_and_nobody_waits() {
    let (server, database) = (server(), Database::default());
    let clients = [client(&server).await, client(&server).await];
    let policy = LoadPolicy::new(TTL).early(Duration::from_mins(1));
    check(&clients[0].get_or_load("a", policy, database.count()).await.unwrap(), "1", STORED);
    for client in &clients {
        let found = client.get_or_load("a", policy, database.count()).await.unwrap();
        check(&found, "1", Source::Cache);
    }
    server.skip_time(IN_THE_WINDOW);
    for client in clients.iter().cycle().take(10) {
        let found = client.get_or_load("a", policy, database.count()).await.unwrap();
        assert_eq!(found.source, Source::Cache);
    }
    until("the new value", async || clients[1].get("a").await.unwrap().hit() == Some("2".into()))
        .await;
    server.skip_time(BEFORE_THE_WINDOW);
    let found = clients[0].get_or_load("a", policy, database.count()).await.unwrap();
    check(&found, "2", Source::Cache);
    assert_eq!(database.asked(), 2);
}

#[tokio::test]
async fn who_loads_alone_renews_too_and_leaves_no_empty_item() {
    let (server, database) = (server(), Database::default());
    let client = client(&server).await;
    let policy = LoadPolicy::new(TTL).early(Duration::from_mins(1)).alone();
    assert!(client.get_or_load("a", policy, database.fail()).await.is_err());
    assert_eq!(client.get("a").await.unwrap(), Lookup::Miss);
    check(&client.get_or_load("a", policy, database.count()).await.unwrap(), "2", STORED);
    server.skip_time(IN_THE_WINDOW);
    let found = client.get_or_load("a", policy, database.count()).await.unwrap();
    check(&found, "2", Source::Cache);
    until("the new value", async || client.get("a").await.unwrap().hit() == Some("3".into())).await;
}

// Stale and absent values.

#[tokio::test]
async fn a_stale_value_is_given_at_once_while_it_is_loaded() {
    let (server, database) = (server(), Database::default());
    let client = client(&server).await;
    let policy = LoadPolicy::new(TTL).stale_while_loading(HOUR);
    check(&client.get_or_load("a", policy, database.count()).await.unwrap(), "1", STORED);
    server.skip_time(TTL + Duration::from_secs(30));
    let found = client.get_or_load("a", policy, database.count()).await.unwrap();
    check(&found, "1", Source::Stale);
    until("the new value", async || client.get("a").await.unwrap().hit() == Some("2".into())).await;
    let found = client.get_or_load("a", policy, database.count()).await.unwrap();
    check(&found, "2", Source::Cache);
    server.skip_time(TTL + HOUR + Duration::from_secs(1));
    check(&client.get_or_load("a", policy, database.count()).await.unwrap(), "3", STORED);
}

#[tokio::test]
async fn a_stale_value_is_loaded_again_if_who_was_to_do_it_has_not() {
    let (server, database) = (server(), Database::default());
    let client = client(&server).await;
    let policy = LoadPolicy::new(TTL).stale_while_loading(HOUR);
    check(&client.get_or_load("a", policy, database.count()).await.unwrap(), "1", STORED);
    server.skip_time(TTL + Duration::from_secs(30));
    let found = client.get_or_load("a", policy, database.fail()).await.unwrap();
    check(&found, "1", Source::Stale);
    until("the failure", async || database.asked() == 2).await;
    until("the new value", async || {
        let found = client.get_or_load("a", policy, database.count()).await.unwrap();
        (text(&found), found.source) == ("3", Source::Cache)
    })
    .await;
    assert_eq!(database.asked(), 3);
}

#[tokio::test]
async fn a_stale_value_stands_in_for_the_loaders_error_if_that_is_asked_for() {
    let (server, database) = (server(), Database::default());
    let client = client(&server).await;
    let policy = LoadPolicy::new(TTL).stale_on_error(HOUR);
    check(&client.get_or_load("a", policy, database.count()).await.unwrap(), "1", STORED);
    server.skip_time(TTL + Duration::from_mins(1));
    for _ in 0..3 {
        let start = Instant::now();
        let found = client.get_or_load("a", policy, database.fail()).await.unwrap();
        check(&found, "1", Source::Stale);
        assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    }
    assert_eq!(database.asked(), 4, "each of them has tried");
    check(&client.get_or_load("a", policy, database.count()).await.unwrap(), "5", STORED);
    server.skip_time(TTL + HOUR + Duration::from_secs(1));
    assert!(client.get_or_load("a", policy, database.fail()).await.is_err());
}

#[tokio::test]
async fn that_there_is_none_is_cached_for_its_own_time() {
    let (server, database) = (server(), Database::default());
    let client = client(&server).await;
    let policy = LoadPolicy::new(TTL).stale_on_error(HOUR).absent_ttl(Duration::from_secs(10));
    for source in [STORED, Source::Cache, Source::Cache] {
        let found = client.get_or_load_option("a", policy, database.know_of_none()).await.unwrap();
        assert_eq!((found.value, found.source), (None, source));
    }
    assert_eq!(client.get("a").await.unwrap(), Lookup::Miss);
    assert_eq!(client.get_many(["a"]).await.unwrap(), [Lookup::Miss]);
    assert_eq!(database.asked(), 1);
    server.skip_time(Duration::from_secs(11));
    let found = client.get_or_load_option("a", policy, database.know_of_none()).await.unwrap();
    assert_eq!((found.value, found.source), (None, STORED));
    // Who cannot do with none asks for itself.
    check(&client.get_or_load("a", policy, database.count()).await.unwrap(), "3", STORED);
}

#[tokio::test]
async fn who_needs_a_value_does_not_share_the_answer_that_there_is_none() {
    let (server, database) = (server(), Database::default());
    let client = client(&server).await;
    let go = Arc::new(Semaphore::new(0));
    let loader = {
        let go = Arc::clone(&go);
        move || async move {
            go.acquire().await.unwrap().forget();
            Ok::<Option<String>, Away>(None)
        }
    };
    let mut first = std::pin::pin!(client.get_or_load_option("a", TTL, loader));
    let mut second = std::pin::pin!(client.get_or_load("a", TTL, database.count()));
    assert!(tokio::time::timeout(JOINING, &mut first).await.is_err());
    assert!(tokio::time::timeout(JOINING, &mut second).await.is_err());
    go.add_permits(1);
    assert_eq!(first.await.unwrap().value, None);
    check(&second.await.unwrap(), "1", STORED);
}

#[tokio::test]
async fn that_there_is_none_is_not_cached_unless_asked_for() {
    let (server, database) = (server(), Database::default());
    let client = client(&server).await;
    for _ in 0..2 {
        let found = client.get_or_load_option("a", TTL, database.know_of_none()).await.unwrap();
        assert_eq!((found.value, found.source), (None, Source::Loaded(Storing::NotAsked)));
    }
    assert_eq!((database.asked(), server.item_count()), (2, 0));
}

// The cache is away.

#[tokio::test]
async fn without_the_cache_the_loader_is_run_and_says_that_nothing_was_stored() {
    let (mut server, database) = (server(), Database::default());
    let client = client(&server).await;
    server.stop();
    let found = client.get_or_load("a", TTL, database.count()).await.unwrap();
    assert!(matches!(found.source, Source::Loaded(Storing::Unavailable(_))), "{found:?}");
    let strict = client.with_on_unavailable(OnUnavailable::Error);
    let error = strict.get_or_load("a", TTL, database.count()).await.unwrap_err();
    assert!(matches!(error, LoadError::Unavailable(_)), "{error}");
    assert_eq!(database.asked(), 1);
}

#[tokio::test]
async fn a_server_that_goes_while_a_value_is_loaded_does_not_cost_the_value() {
    let (server, database) = (server(), Database::default());
    let client = client(&server).await;
    let server = std::sync::Mutex::new(server);
    let loader = move || async move {
        server.lock().unwrap().stop();
        Ok::<_, Away>("a value")
    };
    let found = client.get_or_load("a", TTL, loader).await.unwrap();
    assert_eq!(text(&found), "a value");
    assert!(matches!(found.source, Source::Loaded(Storing::Unavailable(_))), "{found:?}");
    assert!(client.get_or_load("a", TTL, database.count()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_cache_the_database_is_asked_by_few_at_a_time() {
    let mut server = server();
    let client = builder(&server).loads_unavailable_max(3).build().await.unwrap();
    server.stop();
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let tasks: Vec<_> = (0..60)
        .map(|idx| {
            let (client, now, most) = (client.clone(), Arc::clone(&now), Arc::clone(&most));
            tokio::spawn(async move {
                let loader = move || async move {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    now.fetch_sub(1, Ordering::SeqCst);
                    Ok::<_, Away>("a value")
                };
                client.get_or_load(format!("{idx}"), TTL, loader).await
            })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap().is_ok());
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn who_waits_too_long_for_its_turn_is_told_so_and_its_loader_never_runs() {
    let (server, database) = (server(), Database::default());
    let client = builder(&server).loads_max(1).build().await.unwrap();
    let go = Arc::new(Semaphore::new(0));
    let first = {
        let (client, go) = (client.clone(), Arc::clone(&go));
        tokio::spawn(async move {
            let loader = move || async move {
                go.acquire().await.unwrap().forget();
                Ok::<_, Away>("first")
            };
            client.get_or_load("first", TTL, loader).await
        })
    };
    until("the first load", async || server.item_count() == 1).await;
    let hasty = LoadPolicy::new(TTL).timeout(Duration::from_millis(50));
    let error = client.get_or_load("second", hasty, database.count()).await.unwrap_err();
    assert!(matches!(error, LoadError::Overloaded { loads_max: 1, .. }), "{error}");
    go.add_permits(1);
    check(&first.await.unwrap().unwrap(), "first", STORED);
    until("the empty item to go", async || server.item_count() == 1).await;
    assert_eq!(database.asked(), 0);
    check(&client.get_or_load("second", TTL, database.count()).await.unwrap(), "1", STORED);
}

#[tokio::test]
async fn what_was_deleted_does_not_come_back_when_a_server_hangs_and_returns() {
    let servers = [server(), server()];
    let addresses = servers.iter().map(|server| server.addr().to_string());
    let client = Client::connect(addresses).await.unwrap();
    let keys: Vec<_> = (0..50).map(|idx| format!("k{idx}")).collect();
    let load = async |key: &str, version: &'static str| {
        let loader = move || async move { Ok::<_, Away>(version) };
        let found = client.get_or_load(key, TTL, loader).await.unwrap();
        text(&found).to_owned()
    };
    for key in &keys {
        assert_eq!(load(key, "old").await, "old");
    }
    servers[0].pause();
    for key in &keys {
        // The database has changed.
        while client.delete(key).await.unwrap().is_unavailable() {}
        assert_eq!(load(key, "new").await, "new");
    }
    servers[0].resume();
    until("all servers to be up", async || {
        for key in &keys {
            assert_eq!(load(key, "new").await, "new", "{key}");
        }
        client.handle().servers().iter().all(|it| it.standing.state.label() == "up")
    })
    .await;
}

// Surroundings.

#[tokio::test]
async fn a_server_that_knows_no_meta_commands_is_no_error() {
    let (server, database) = (old_server(), Database::default());
    let client = client(&server).await;
    let policy = LoadPolicy::new(TTL).stale_on_error(HOUR).absent_ttl(Duration::from_secs(10));
    check(&client.get_or_load("a", policy, database.count()).await.unwrap(), "1", STORED);
    check(&client.get_or_load("a", policy, database.count()).await.unwrap(), "1", Source::Cache);
    server.skip_time(TTL + Duration::from_secs(1));
    // Its age cannot be known there: it is not kept for longer than it is fresh.
    assert_eq!(client.get("a").await.unwrap(), Lookup::Miss);
    let absent = client.get_or_load_option("b", policy, database.know_of_none()).await.unwrap();
    assert_eq!(absent.source, STORED);
    let absent = client.get_or_load_option("b", policy, database.know_of_none()).await.unwrap();
    assert_eq!((absent.value, absent.source), (None, Source::Cache));
}

#[tokio::test]
async fn a_key_that_is_none_is_refused_before_anything_is_loaded() {
    let (server, database) = (server(), Database::default());
    let client = client(&server).await;
    let error = client.get_or_load("a b", TTL, database.count()).await.unwrap_err();
    assert!(matches!(error, LoadError::Key(_)), "{error}");
    assert_eq!(database.asked(), 0);
}

#[tokio::test]
async fn what_is_too_large_is_given_and_not_stored() {
    let server = server();
    let client = client(&server).await;
    let loader = || async { Ok::<_, Away>(vec![0; 2 * 1024 * 1024]) };
    let found = client.get_or_load("a", TTL, loader).await.unwrap();
    assert_eq!(found.source, Source::Loaded(Storing::Refused));
    assert_eq!(found.value.bytes().len(), 2 * 1024 * 1024);
}

#[test]
fn it_works_outside_of_any_runtime() {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let (server, database) = (server(), Database::default());
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let client = runtime.block_on(client(&server));
    let mut call = std::pin::pin!(client.get_or_load("a", TTL, database.count()));
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let found = loop {
        match call.as_mut().poll(&mut context) {
            std::task::Poll::Ready(found) => break found.unwrap(),
            std::task::Poll::Pending => std::thread::park(),
        }
    };
    check(&found, "1", STORED);
    assert_eq!(runtime.block_on(client.delete("a")).unwrap(), Write::Done);
}
