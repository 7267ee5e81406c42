//! What the recorder of the crate `metrics` is told.

#![cfg(feature = "metrics")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use evenkeel::Client;
use evenkeel_lab::server::{Config, Server};
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};

/// What was told, by name with labels: a counter's sum, a gauge's value, how many were recorded.
type Told = Arc<Mutex<BTreeMap<String, f64>>>;

const SOUND: &str = "nobody panics with it";

#[derive(Clone, Default)]
struct Notes {
    told: Told,
    described: Arc<Mutex<Vec<String>>>,
}

struct Entry {
    told: Told,
    key: String,
}

impl Entry {
    fn change(&self, by: impl FnOnce(f64) -> f64) {
        let mut told = self.told.lock().expect(SOUND);
        let value = told.entry(self.key.clone()).or_default();
        *value = by(*value);
    }
}

impl CounterFn for Entry {
    fn increment(&self, value: u64) {
        self.change(|it| it + f64::from(u32::try_from(value).expect("a test counts little")));
    }

    fn absolute(&self, _: u64) {
        panic!("several clients could not add up");
    }
}

impl GaugeFn for Entry {
    fn increment(&self, value: f64) {
        self.change(|it| it + value);
    }

    fn decrement(&self, value: f64) {
        self.change(|it| it - value);
    }

    fn set(&self, value: f64) {
        self.change(|_| value);
    }
}

impl HistogramFn for Entry {
    fn record(&self, seconds: f64) {
        assert!((0.0..60.0).contains(&seconds), "{seconds}");
        self.change(|it| it + 1.0);
    }
}

impl Notes {
    fn entry(&self, key: &Key) -> Arc<Entry> {
        let labels: Vec<_> =
            key.labels().map(|it| format!("{}={}", it.key(), it.value())).collect();
        let key = format!("{}{{{}}}", key.name(), labels.join(","));
        let entry = Entry { told: Arc::clone(&self.told), key };
        entry.change(|it| it);
        Arc::new(entry)
    }

    fn value(&self, key: &str) -> Option<f64> {
        self.told.lock().expect(SOUND).get(key).copied()
    }

    async fn wait_for(&self, key: &str, wanted: f64) {
        let until = Instant::now() + Duration::from_secs(20);
        while self.value(key).is_none_or(|it| it < wanted) {
            assert!(Instant::now() < until, "{key}: {:?}", self.told.lock().expect(SOUND));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Recorder for Notes {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.described.lock().expect(SOUND).push(name.as_str().to_owned());
    }

    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.described.lock().expect(SOUND).push(name.as_str().to_owned());
    }

    fn describe_histogram(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.described.lock().expect(SOUND).push(name.as_str().to_owned());
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.entry(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.entry(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.entry(key))
    }
}

/// One test, because a process has one recorder.
#[tokio::test]
async fn what_happens_is_published_by_pool_server_and_rule() {
    const MINUTE: Duration = Duration::from_mins(1);
    let notes = Notes::default();
    metrics::set_global_recorder(notes.clone()).unwrap_or_else(|_| panic!("there is none"));
    let server = Server::start(Config::default()).expect("loopback has free ports");
    let name = server.addr().to_string();
    let client = Client::connect([&name]).await.expect("a valid address");
    let _ = client.set_many([("a", "1"), ("b", "2")], MINUTE).await.unwrap();
    assert!(client.get("a").await.unwrap().is_hit());
    let _ = client.get_many(["a", "b", "missing"]).await.unwrap();
    let _ = client.delete("a").await.unwrap();
    notes.wait_for("cache_deletes_total{pool=main}", 1.0).await;
    // A request is counted when it is submitted, and timed when it has its result.
    notes.wait_for("cache_operation_seconds{pool=main,class=delete}", 1.0).await;
    let check = |key: &str, wanted: f64| {
        let found = notes.value(key);
        assert!(found.is_some_and(|it| (it - wanted).abs() < 0.5), "{key}: {found:?}");
    };
    check("cache_reads_total{pool=main}", 4.0);
    check("cache_hits_total{pool=main}", 3.0);
    check("cache_misses_total{pool=main}", 1.0);
    check("cache_writes_total{pool=main}", 2.0);
    check("cache_operation_seconds{pool=main,class=read}", 2.0);
    check("cache_operation_seconds{pool=main,class=write}", 2.0);
    check("cache_operation_seconds{pool=main,class=delete}", 1.0);
    check("cache_misplaced_keys{pool=main}", 0.0);
    check(&format!("cache_server_state{{pool=main,server={name},state=up}}"), 1.0);
    check(&format!("cache_server_state{{pool=main,server={name},state=down}}"), 0.0);
    let of_server = |what: &str| format!("{what}{{pool=main,server={name},class=write}}");
    notes.wait_for(&of_server("cache_attempts_total"), 2.0).await;
    notes.wait_for(&format!("cache_server_seconds{{pool=main,server={name}}}"), 4.0).await;

    drop(server);
    let down = format!("cache_server_state{{pool=main,server={name},state=down}}");
    notes.wait_for(&down, 1.0).await;
    let _ = client.get("a").await.unwrap();
    notes.wait_for("cache_unavailable_total{pool=main}", 1.0).await;
    let is_ejection = |key: &&String| {
        key.starts_with(&format!("cache_ejections_total{{pool=main,server={name},rule="))
    };
    let told = notes.told.lock().unwrap();
    assert_eq!(told.keys().filter(is_ejection).count(), 1, "{told:?}");

    let page = include_str!("../../../docs/client.md");
    let described = notes.described.lock().unwrap();
    for key in told.keys() {
        let name = key.split('{').next().unwrap_or_default();
        assert!(described.iter().any(|it| it == name), "{name} is not described");
        assert!(page.contains(&format!("| `{name}` |")), "{name} is not in docs/client.md");
    }
}
