//! Some of a memcached server's keys, without their values.

use std::net::SocketAddr;
use std::ops::ControlFlow;

use tokio::time::Instant;

use super::dump::{COMMAND, Dump, Extent};
use super::probe::KEY_START;
use crate::examine::Notes;
use crate::facts::{Figures, KeySample};

/// Looks at some keys, on a connection of its own, until `deadline`.
pub(super) async fn sample(
    addr: SocketAddr,
    stats: &Figures,
    deadline: Instant,
    notes: &mut Notes,
) -> Option<KeySample> {
    let extent = match Extent::of(stats, WHOLE_KEYS_MAX) {
        Ok(extent) => extent,
        Err(why) => {
            notes.gap(COMMAND, &why);
            return None;
        }
    };
    // What must be read to its end has all the time there is.
    let dump_deadline = if extent == Extent::Whole { notes.deadline } else { deadline };
    let silence = dump_deadline.saturating_duration_since(Instant::now());
    let dump = Dump { addr, extent, silence, deadline: dump_deadline, busy_deadline: deadline };
    let mut sample = KeySample::default();
    let take = |line: &str| {
        look_at(line, &mut sample);
        if sample.looked_at < KEYS_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    match dump.read(take).await {
        Ok(_) => Some(sample),
        Err(no_dump) => {
            notes.gap(no_dump.command, &no_dump.why);
            None
        }
    }
}

/// Looks at what follows `key=` in a line: `session%3A1 exp=-1 la=… …`.
fn look_at(line: &str, sample: &mut KeySample) {
    let mut words = line.split(' ');
    let key = words.next().unwrap_or("");
    if key.replace("%3A", ":").starts_with(KEY_START) {
        return;
    }
    let Some(expiry) = words.find_map(|it| it.strip_prefix("exp=")) else { return };
    sample.looked_at += 1;
    if matches!(expiry, "-1" | "0") {
        sample.without_expiry += 1;
        if sample.examples.len() < EXAMPLES_MAX {
            sample.examples.push(super::shortened(key));
        }
    }
}

/// How many keys are looked at: a share of them is known to three percent.
const KEYS_MAX: u64 = 1_000;
/// How many keys are read from a server that must be read to its end: a few megabytes at most, which
/// come in time on any network that a cache is used over. It makes them in 20 ms.
const WHOLE_KEYS_MAX: f64 = 20_000.0;
const EXAMPLES_MAX: usize = 5;

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::examine::Options;
    use crate::facts::Gap;

    /// Each connection is given the next of these answers, the last one again and again until the
    /// other end closes.
    async fn sampled(
        version: &str,
        answers: &'static [&'static str],
    ) -> (Option<KeySample>, Notes) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
        let addr = listener.local_addr().expect("it is bound");
        let serving = tokio::spawn(async move {
            for (idx, answer) in answers.iter().enumerate() {
                let (mut stream, _) = listener.accept().await.expect("it is asked");
                let mut request = [0; 64];
                let len = stream.read(&mut request).await.expect("it is asked something");
                assert!(request[..len].starts_with(b"lru_crawler metadump "));
                let is_endless = idx + 1 == answers.len() && answer.starts_with("key=");
                while stream.write_all(answer.as_bytes()).await.is_ok() && is_endless {}
            }
        });
        let stats = [("version", version), ("curr_items", "10")].into_iter().collect();
        let mut notes = Notes::new(Options::default(), Instant::now());
        let deadline = notes.step_deadline();
        let sample = sample(addr, &stats, deadline, &mut notes).await;
        serving.await.expect("it serves until the other end closes");
        (sample, notes)
    }

    fn run<T>(work: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime needs a few files").block_on(work)
    }

    const KEY: &str = "key=a exp=-1 la=1 cas=1 fetch=no cls=1 size=63\r\n";

    #[test]
    fn an_endless_dump_is_closed_after_a_thousand_keys() {
        let (sample, notes) = run(sampled("1.6.26", &[KEY]));
        let sample = sample.expect("there are keys");
        assert_eq!((sample.looked_at, sample.without_expiry), (KEYS_MAX, KEYS_MAX));
        assert_eq!(sample.examples.len(), EXAMPLES_MAX);
        assert!(notes.gaps.is_empty());
    }

    #[test]
    fn a_busy_server_is_asked_again_and_an_older_one_by_its_lists() {
        const BUSY: &str = "BUSY currently processing crawler request\r\n";
        const NO_HASH: &str = "BADCLASS invalid class id\r\n";
        let answers = &[BUSY, NO_HASH, BUSY, "OK\r\nkey=a exp=0 la=1\r\nEND\r\n"];
        let (sample, notes) = run(sampled("1.6.5", answers));
        assert_eq!(sample.map(|it| (it.looked_at, it.without_expiry)), Some((1, 1)));
        assert!(notes.gaps.is_empty());
    }

    #[test]
    fn a_server_that_will_not_tell_leaves_a_gap_in_its_words() {
        let (sample, notes) = run(sampled("1.6.18", &["ERROR metadump not allowed\r\n"]));
        assert_eq!(sample, None);
        let what = "lru_crawler metadump hash".to_owned();
        assert_eq!(notes.gaps, [Gap { what, why: "ERROR metadump not allowed".to_owned() }]);
    }

    #[test]
    fn keys_are_looked_at_and_canaries_are_not() {
        let mut sample = KeySample::default();
        for line in [
            "a exp=-1 la=1 cas=1 fetch=no cls=1 size=63",
            "b exp=1795377441 la=1 cas=2 fetch=no cls=1 size=63",
            "evenkeel%3Adoctor%3A00:0:0 exp=-1 la=1",
            "evenkeel:doctor:00:0:0 exp=-1 la=1",
            "c",
            "",
        ] {
            look_at(line, &mut sample);
        }
        let expected = KeySample { looked_at: 2, without_expiry: 1, examples: vec!["a".into()] };
        assert_eq!(sample, expected);
    }
}
