//! The spans of operations.

#![cfg(feature = "tracing")]

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use evenkeel::Client;
use evenkeel_lab::server::{Config, Server};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// The fields of one span.
type Fields = BTreeMap<&'static str, String>;

/// Keeps the spans of the library.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<Fields>>>);

struct Noting<'a>(&'a mut Fields);

impl Visit for Noting<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}").trim_matches('"').to_owned());
    }
}

const SOUND: &str = "nobody panics with it";

impl Subscriber for Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.target().starts_with("evenkeel")
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        assert_eq!(*attributes.metadata().level(), Level::DEBUG);
        let mut spans = self.0.lock().expect(SOUND);
        let mut fields = Fields::new();
        attributes.record(&mut Noting(&mut fields));
        spans.push(fields);
        Id::from_u64(spans.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut spans = self.0.lock().expect(SOUND);
        let idx = usize::try_from(span.into_u64()).expect("as many as there are");
        values.record(&mut Noting(&mut spans[idx - 1]));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn an_operation_is_a_span_with_its_outcome_and_without_its_key() {
    const MINUTE: Duration = Duration::from_mins(1);
    let spans = Spans::default();
    let _guard = tracing::subscriber::set_default(spans.clone());
    let server = Server::start(Config::default()).expect("loopback has free ports");
    let client = Client::connect([server.addr().to_string()]).await.expect("a valid address");
    let _ = client.set("secret", "1", MINUTE).await.unwrap();
    let _ = client.get("secret").await.unwrap();
    let _ = client.get("secret:2").await.unwrap();
    let _ = client.get_many(["secret", "b", "c"]).await.unwrap();
    let _ = client.set_many([("secret", "1"), ("b", "2")], MINUTE).await.unwrap();
    let _ = client.flush_all().await.unwrap();
    client.handle().drain(&server.addr().to_string()).unwrap();
    while client.available() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let _ = client.increment("secret", 1).await.unwrap();

    let spans = spans.0.lock().unwrap();
    let line = |fields: &Fields| {
        let field = |name| fields.get(name).map_or("-", String::as_str);
        ["operation", "keys", "key_len", "outcome", "reason"].map(field).join(" ")
    };
    let lines: Vec<_> = spans.iter().map(line).collect();
    let wanted = [
        "set 1 6 done -",
        "get 1 6 hit -",
        "get 1 8 miss -",
        "get 3 - parts -",
        "set 2 - parts -",
        "flush_all - - parts -",
        "increment 1 6 unavailable no-server",
    ];
    assert_eq!(lines, wanted);
    assert!(!format!("{spans:?}").contains("secret"), "{spans:?}");
}
