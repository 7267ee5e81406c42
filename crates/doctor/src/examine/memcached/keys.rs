//! Some of a memcached server's keys, without their values.
//!
//! # Hard cases
//! A dump is closed early where the server has more keys than we look at. memcached before 1.6.26
//! can crash if that happens just when it writes the last of them (its release notes for 1.6.26
//! and 1.4.34), so that an older server is dumped to its end or, if that is too far away, not at
//! all: a gap.
//!
//! The server does one such thing at a time and looks for expired items by itself now and then: it
//! answers `BUSY` and is asked again.

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::conversation::Conversation;
use super::probe::KEY_START;
use crate::examine::Notes;
use crate::facts::{Figures, KeySample, version_of};

/// Looks at some keys, on a connection of its own, until `deadline`.
pub(super) async fn sample(
    addr: SocketAddr,
    stats: &Figures,
    deadline: Instant,
    notes: &mut Notes,
) -> Option<KeySample> {
    let extent = match Extent::of(stats) {
        Ok(extent) => extent,
        Err(why) => {
            notes.gap(COMMAND, &why);
            return None;
        }
    };
    // By the table of all keys, where each is as likely as any other; older servers know only the
    // lists of each size.
    let mut way = "hash";
    loop {
        // What must be read to its end has all the time there is.
        let dump_deadline = if extent == Extent::Whole { notes.deadline } else { deadline };
        match dump(addr, way, extent, dump_deadline).await {
            Ok(sample) => return Some(sample),
            Err(NoDump::Refused(words)) if way == "hash" && words.starts_with("BADCLASS") => {
                way = "all";
            }
            Err(NoDump::Refused(words))
                if words.starts_with("BUSY") && Instant::now() + BUSY_INTERVAL < deadline =>
            {
                sleep(BUSY_INTERVAL).await;
            }
            Err(NoDump::Refused(words) | NoDump::Failed(words)) => {
                notes.gap(format!("{COMMAND} {way}"), &words);
                return None;
            }
        }
    }
}

/// How much of a dump is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// Its first keys.
    Begin,
    /// All of it, and only the first keys are looked at.
    Whole,
}

impl Extent {
    fn of(stats: &Figures) -> Result<Self, String> {
        let version = version_of(stats);
        let keys = stats.number("curr_items").unwrap_or(0.0);
        match version {
            Some(version) if version >= DUMP_CLOSED_SAFELY => Ok(Self::Begin),
            Some(version) if version < DUMP_WELL => {
                Err("not asked: memcached before 1.4.34 can crash when it is".to_owned())
            }
            Some(_) if keys <= WHOLE_KEYS_MAX => Ok(Self::Whole),
            Some(_) => Err(format!(
                "not asked: memcached before 1.6.26 can crash when a dump is closed early, and \
                 {keys} keys are too many to read them all"
            )),
            None => Err("not asked of a version that is not known".to_owned()),
        }
    }
}

/// Why there is no dump.
#[derive(Debug)]
enum NoDump {
    /// The server answered that it will not, in these words.
    Refused(String),
    /// The connection failed.
    Failed(String),
}

async fn dump(
    addr: SocketAddr,
    way: &str,
    extent: Extent,
    deadline: Instant,
) -> Result<KeySample, NoDump> {
    let opened = Conversation::open(addr, deadline).await;
    let (mut conversation, _) = opened.map_err(|it| NoDump::Failed(it.to_string()))?;
    let request = format!("{COMMAND} {way}\r\n");
    let mut sample = KeySample::default();
    let mut refusal = None;
    let take = |line: &str| match line.strip_prefix("key=") {
        Some(rest) => {
            if sample.looked_at < KEYS_MAX {
                look_at(rest, &mut sample);
            }
            if sample.looked_at == KEYS_MAX && extent == Extent::Begin {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        }
        // Later versions say it first.
        None if line == "OK" => ControlFlow::Continue(()),
        None => {
            refusal = (line != "END").then(|| super::shortened(line));
            ControlFlow::Break(())
        }
    };
    let answer = conversation.ask_each(request.as_bytes(), take, DUMP_LEN_MAX, deadline).await;
    answer.map_err(|it| NoDump::Failed(it.to_string()))?;
    refusal.map_or(Ok(sample), |words| Err(NoDump::Refused(words)))
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

const COMMAND: &str = "lru_crawler metadump";
/// How many keys are looked at: a share of them is known to three percent.
const KEYS_MAX: u64 = 1_000;
/// How many keys are read from a server that must be read to its end: a few megabytes at most, which
/// come in time on any network that a cache is used over. It makes them in 20 ms.
const WHOLE_KEYS_MAX: f64 = 20_000.0;
/// What a dump may have: as many keys, of the greatest length.
const DUMP_LEN_MAX: u64 = 32 << 20;
const EXAMPLES_MAX: usize = 5;
/// How long after `BUSY` it is asked again.
const BUSY_INTERVAL: Duration = Duration::from_millis(50);
/// From here on a dump may be closed early.
const DUMP_CLOSED_SAFELY: [u32; 3] = [1, 6, 26];
/// From here on a dump can be asked for.
const DUMP_WELL: [u32; 3] = [1, 4, 34];

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::examine::Options;
    use crate::facts::Gap;

    #[track_caller]
    fn check_extent(version: &str, keys: u64, expected: Option<Extent>) {
        let stats = [("version", version.to_owned()), ("curr_items", keys.to_string())];
        assert_eq!(Extent::of(&stats.into_iter().collect()).ok(), expected, "{version} {keys}");
    }

    #[test]
    fn a_dump_is_closed_early_only_where_the_server_bears_it() {
        check_extent("1.6.26", 1_000_000, Some(Extent::Begin));
        check_extent("1.6.25", 20_000, Some(Extent::Whole));
        check_extent("1.6.25", 20_001, None);
        check_extent("1.4.34", 0, Some(Extent::Whole));
        check_extent("1.4.33", 0, None);
        check_extent("something", 0, None);
    }

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
