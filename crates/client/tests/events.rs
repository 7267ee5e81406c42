//! What is told of the servers as it happens.

use std::time::{Duration, SystemTime};

use evenkeel::event::{Happening, Order, StateName};
use evenkeel::{Client, ServerEvent};
use evenkeel_lab::server::{Config, Server};

async fn start() -> (Server, Client) {
    let server = Server::start(Config::default()).expect("loopback has free ports");
    let client = Client::connect([server.addr().to_string()]).await.expect("a valid address");
    (server, client)
}

fn states(event: &ServerEvent) -> Option<(StateName, StateName)> {
    match event.what {
        Happening::State(transition) => Some((transition.from, transition.to)),
        _ => None,
    }
}

/// Enough for anything here on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_transition_is_told_with_its_rule_and_evidence() {
    let (server, client) = start().await;
    let begun_at = SystemTime::now() - Duration::from_secs(1);
    let mut events = client.events();
    client.handle().drain(&server.addr().to_string()).unwrap();
    let ordered = events.next().await.expect("the client is there");
    assert_eq!(ordered.what, Happening::Ordered(Order::Drain));
    assert!(ordered.at >= begun_at && ordered.at <= SystemTime::now() + PATIENCE);
    let drained = events.next().await.expect("the client is there");
    assert_eq!(states(&drained), Some((StateName::Up, StateName::Drained)));
    assert_eq!((drained.number, drained.missed), (ordered.number + 1, 0));
    let words = format!("main/{}: up -> drained (drain: operator)", server.addr());
    assert_eq!(drained.to_string(), words);
}

#[tokio::test]
async fn a_server_that_crashes_is_told_of_without_a_request() {
    let (server, client) = start().await;
    let mut events = client.events();
    drop(server);
    let down = async {
        while let Some(event) = events.next().await {
            if states(&event).is_some_and(|(_, to)| to == StateName::Down) {
                return event;
            }
        }
        panic!("the client is there");
    };
    let event = tokio::time::timeout(PATIENCE, down).await.expect("it is noticed");
    assert!(event.to_string().contains("refused"), "{event}");
}

#[tokio::test]
async fn events_that_were_before_are_told_if_they_are_asked_for() {
    let (server, client) = start().await;
    client.handle().drain(&server.addr().to_string()).unwrap();
    let mut events = client.events();
    let first = events.next().await.expect("the client is there");
    let again = client.events_since(first.number).next().await;
    assert_eq!(again, Some(first));
}

#[tokio::test]
async fn events_end_with_the_last_clone_of_the_client() {
    let (_server, client) = start().await;
    let mut events = client.events();
    let waiting = tokio::spawn(async move { (events.next().await, events.next().await) });
    tokio::task::yield_now().await;
    drop(client.clone());
    assert!(!waiting.is_finished());
    drop(client);
    let ended = tokio::time::timeout(PATIENCE, waiting).await.expect("it ends").unwrap();
    assert_eq!(ended, (None, None));
}

#[cfg(feature = "stream")]
#[tokio::test]
async fn events_are_a_stream() {
    use std::pin::Pin;

    use futures_core::Stream as _;

    let (server, client) = start().await;
    let mut events = client.events();
    client.handle().drain(&server.addr().to_string()).unwrap();
    let first = std::future::poll_fn(|context| Pin::new(&mut events).poll_next(context)).await;
    assert_eq!(first.map(|it| it.what), Some(Happening::Ordered(Order::Drain)));
    assert!(events.next().await.is_some(), "both ways read on where the other was");
}
