//! The admin API of a client, mounted in somebody's server.

#![cfg(feature = "admin")]

use std::time::{Duration, Instant};

use evenkeel::Client;
use evenkeel::admin::{Access, Token, axum};
use evenkeel_lab::server::{Config, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const PATIENCE: Duration = Duration::from_secs(20);

/// A service with the admin API of a client under `/cache`.
struct Service {
    servers: Vec<Server>,
    client: Client,
    address: String,
}

impl Service {
    async fn start(access: Option<Access>) -> Self {
        let servers: Vec<_> =
            (0..2).map(|_| Server::start(Config::default()).expect("it starts")).collect();
        let addresses = servers.iter().map(|it| it.addr().to_string());
        let client = Client::connect(addresses).await.expect("it is described well");
        let admin = client.admin_router();
        let admin = access.map_or(admin.clone(), |access| access.guard(admin));
        let service = axum::Router::new().nest("/cache", admin);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self { servers, client, address }
    }

    async fn ask(&self, path: &str) -> (u16, String) {
        ask(&self.address, "GET", path).await
    }
}

async fn ask(address: &str, method: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: service.example\r\nx-evenkeel: 1\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("it is read");
    let mut answer = String::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await;
    read.expect("in time").expect("an answer that ends");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).expect("a status");
    (status, body.to_owned())
}

#[tokio::test]
async fn a_client_is_asked_under_the_path_that_the_application_chose() {
    let service = Service::start(None).await;
    assert_eq!(service.ask("/cache/health/ready").await.0, 200);
    let (status, body) = service.ask("/cache/api/v1/status").await;
    assert_eq!(status, 200);
    assert!(body.contains(&service.servers[0].addr().to_string()), "{body}");
    let (_, description) = service.ask("/cache/api/v1/openapi.json").await;
    assert!(description.contains(r#""servers":[{"url":"/cache"}]"#), "{description}");
    assert_eq!(service.ask("/health/ready").await.0, 404);
}

#[tokio::test]
async fn what_the_client_does_shows_in_its_figures() {
    let service = Service::start(None).await;
    let stored = service.client.set("key", "value", Duration::from_mins(1)).await;
    assert_eq!(stored.expect("it is a key"), evenkeel::Write::Done);
    assert!(service.client.get("key").await.expect("it is read").hit().is_some());
    let start = Instant::now();
    let is_counted = |text: &str| {
        let lines = text.lines().filter(|line| line.starts_with("cache_hits_total{"));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u32>().ok()).sum::<u32>() == 1
    };
    while !is_counted(&service.ask("/cache/metrics").await.1) {
        assert!(start.elapsed() < PATIENCE, "{}", service.ask("/cache/metrics").await.1);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn an_order_reaches_the_client() {
    let service = Service::start(None).await;
    let server = service.servers[0].addr();
    let path = format!("/cache/api/v1/pools/main/servers/{server}/drain");
    let mut events = service.client.events();
    let (status, body) = ask(&service.address, "POST", &path).await;
    assert_eq!(status, 202, "{body}");
    let event = tokio::time::timeout(PATIENCE, events.next()).await.expect("in time");
    assert!(event.is_some_and(|it| it.to_string().contains("drain")));
    assert_eq!(ask(&service.address, "POST", "/cache/api/v1/reload").await.0, 409);
}

#[tokio::test]
async fn a_token_may_be_wanted() {
    let token = Token::new("0123456789abcdef").expect("it is long enough");
    let service = Service::start(Some(Access { token: Some(token), ..Access::default() })).await;
    assert_eq!(service.ask("/cache/health/live").await.0, 200);
    assert_eq!(service.ask("/cache/api/v1/status").await.0, 401);
}

#[tokio::test]
async fn a_client_that_is_gone_is_not_ready() {
    let Service { servers: _servers, client, address } = Service::start(None).await;
    assert_eq!(ask(&address, "GET", "/cache/health/ready").await.0, 200);
    drop(client);
    let (status, body) = ask(&address, "GET", "/cache/health/ready").await;
    assert_eq!(status, 503, "{body}");
}
