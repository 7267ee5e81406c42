//! What servers are asked about themselves.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use evenkeel::{Client, PingError, Write};
use evenkeel_lab::server::{Config, Server};

fn server() -> Server {
    Server::start(Config::default()).expect("loopback has free ports")
}

/// An address where nothing listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    listener.local_addr().expect("it is bound").to_string()
}

/// Says that to whoever connects, whatever they ask, and keeps the connection.
fn parrot(words: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let addr = listener.local_addr().expect("it is bound").to_string();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            // Until whoever asks has gone.
            std::thread::spawn(move || {
                while stream.read(&mut [0; 4096]).is_ok_and(|len| len > 0) {
                    let _ = stream.write_all(words);
                }
            });
        }
    });
    addr
}

async fn client(servers: &[&str]) -> Client {
    Client::connect(servers).await.expect("valid addresses")
}

#[tokio::test]
async fn servers_that_work_are_content() {
    let (a, b) = (server(), server());
    let client = client(&[&a.addr().to_string(), &b.addr().to_string()]).await;
    assert_eq!(client.ping().await, Ok(()));
    assert_eq!((a.item_count(), b.item_count()), (0, 0));
}

#[tokio::test]
async fn a_server_that_is_down_is_named_with_the_reason() {
    let (a, b, mute) = (server(), nobody(), parrot(b""));
    let client = client(&[&a.addr().to_string(), &b, &mute]).await;
    let begun_at = Instant::now();
    let error = client.with_deadline(Duration::from_millis(200)).ping().await.unwrap_err();
    assert!(begun_at.elapsed() < Duration::from_secs(5));
    let PingError::Down { down, servers_len: 3 } = &error else { panic!("{error}") };
    let found: Vec<_> = down.iter().map(|it| (it.server.clone(), it.why.label())).collect();
    assert_eq!(found, [(b.clone(), "refused"), (mute.clone(), "timeout")]);
    let words = format!(
        "2 of 3 servers cannot be used: main/{b} (connection refused), main/{mute} (timed out)"
    );
    assert_eq!(error.to_string(), words);
}

#[tokio::test]
async fn a_server_that_only_tells_its_version_is_down() {
    let liar = parrot(b"VERSION 1.6.18\r\n");
    let client = client(&[&liar]).await;
    let PingError::Down { down, .. } = client.ping().await.unwrap_err() else { panic!() };
    assert_eq!(down[0].why.label(), "garbled");
    assert_eq!(client.version().await.unwrap()[0].result.as_deref(), Ok("1.6.18"));
}

#[tokio::test]
async fn every_server_tells_its_version_and_its_statistics_or_why_not() {
    let (a, b) = (server(), nobody());
    let client = client(&[&a.addr().to_string(), &b]).await;
    assert_eq!(client.set("a", b"1", Duration::from_mins(1)).await.unwrap(), Write::Done);
    let versions = client.version().await.unwrap();
    assert_eq!(versions[0].server, a.addr().to_string());
    assert!(versions[0].result.as_ref().is_ok_and(|it| !it.is_empty() && !it.contains('\r')));
    assert_eq!(versions[1].result.as_ref().unwrap_err().label(), "refused");
    let stats = client.stats().await.unwrap();
    let of_a = stats[0].result.as_ref().unwrap();
    assert!(of_a.iter().any(|(name, value)| name == "curr_items" && value == "1"), "{of_a:?}");
    assert_eq!(stats[1].result.as_ref().unwrap_err().label(), "refused");
}

/// More than anybody may say.
static TALK: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| "x".repeat(70 * 1024));

#[tokio::test]
async fn statistics_without_end_are_refused_at_the_limit() {
    let talker = parrot(TALK.as_bytes());
    let stats = client(&[&talker]).await.stats().await.unwrap();
    assert_eq!(stats[0].result.as_ref().unwrap_err().label(), "garbled");
}

#[tokio::test]
async fn a_client_is_available_until_its_last_server_is_ejected() {
    let a = server();
    let client = client(&[&a.addr().to_string(), &nobody()]).await;
    assert!(client.available());
    drop(a);
    let until = Instant::now() + Duration::from_secs(10);
    while client.available() {
        assert!(Instant::now() < until, "no server is there");
        let _ = client.get("a").await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn a_client_whose_runtime_has_ended_is_not_available() {
    let a = server();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = runtime.block_on(client(&[&a.addr().to_string()]));
    let other = tokio::runtime::Runtime::new().unwrap();
    assert_eq!(other.block_on(client.ping()), Ok(()), "asked from another runtime");
    drop(runtime);
    assert!(!client.available());
    assert_eq!(other.block_on(client.ping()), Err(PingError::Closed));
}
