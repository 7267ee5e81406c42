//! A look at a target before a load: is it used by others, and does it have room?
//!
//! A load that is sent to a cache in production by mistake takes its time and its memory away
//! from whom it is for. The target's own `stats`, asked twice, say whether anybody else is there.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::{Endpoint, Workload};

/// What a target says of itself. What it does not say is missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Survey {
    /// Its version.
    pub version: Option<String>,
    /// Reads and writes of others, a second.
    pub requests_rate: Option<f64>,
    /// Items that it holds.
    pub items: Option<u64>,
    /// Bytes that they take.
    pub bytes: Option<u64>,
    /// Bytes that they may take before some are evicted.
    pub bytes_max: Option<u64>,
}

/// Why a load should not be sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Danger {
    /// Others use the target.
    InUse {
        /// Their reads and writes, a second.
        requests_rate: f64,
    },
    /// The workload's values would push out what others have stored.
    Evicts {
        /// Bytes that the values of the workload take.
        needed: u64,
        /// Bytes that are free.
        free: u64,
        /// Items that the target holds.
        items: u64,
    },
}

impl Survey {
    /// Asks the target twice. It takes half a second, or two if the target does not answer.
    ///
    /// # Errors
    /// When the target cannot be reached, or does not answer `stats` as memcached does.
    pub fn take(endpoint: &Endpoint) -> io::Result<Self> {
        match endpoint {
            Endpoint::Tcp(addr) => {
                let stream = TcpStream::connect_timeout(addr, TIMEOUT)?;
                stream.set_read_timeout(Some(TIMEOUT))?;
                Self::ask_twice(stream.try_clone()?, stream)
            }
            Endpoint::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(TIMEOUT))?;
                Self::ask_twice(stream.try_clone()?, stream)
            }
        }
    }

    /// What is wrong with sending this workload to the target, as far as is known.
    pub fn danger(&self, workload: &Workload) -> Option<Danger> {
        if let Some(requests_rate) = self.requests_rate
            && requests_rate > IN_USE_RATE_MIN
        {
            return Some(Danger::InUse { requests_rate });
        }
        let (items, bytes, bytes_max) = (self.items?, self.bytes?, self.bytes_max?);
        let needed = workload.items_len();
        let free = bytes_max.saturating_sub(bytes);
        // So few may be what an earlier run has left.
        let may_be_ours = items <= workload.keys as u64;
        (!may_be_ours && needed > free).then_some(Danger::Evicts { needed, free, items })
    }

    fn ask_twice(reader: impl Read, mut writer: impl Write) -> io::Result<Self> {
        let mut reader = BufReader::new(reader);
        let first = Stats::ask(&mut reader, &mut writer)?;
        let start = Instant::now();
        thread::sleep(LOOK);
        let second = Stats::ask(&mut reader, &mut writer)?;
        Ok(second.survey(&first, start.elapsed()))
    }
}

/// A sentence without its end.
impl fmt::Display for Danger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse { requests_rate } => {
                write!(f, "others use it: {requests_rate:.0} requests a second just now")
            }
            Self::Evicts { needed, free, items } => write!(
                f,
                "it holds {items} items, and has room for {free} bytes more; the load would store \
                 {needed}, and push some of the items out"
            ),
        }
    }
}

/// Some of what `stats` says.
#[derive(Debug, Default)]
struct Stats {
    version: Option<String>,
    reads: Option<u64>,
    writes: Option<u64>,
    items: Option<u64>,
    bytes: Option<u64>,
    bytes_max: Option<u64>,
}

impl Stats {
    fn ask(reader: &mut impl BufRead, writer: &mut impl Write) -> io::Result<Self> {
        writer.write_all(b"stats\r\n")?;
        let mut stats = Self::default();
        let mut line = Vec::new();
        for _ in 0..LINES_MAX {
            line.clear();
            reader.by_ref().take(LINE_LEN_MAX).read_until(b'\n', &mut line)?;
            let text = String::from_utf8_lossy(&line);
            let mut words = text.split_whitespace();
            match (words.next(), words.next(), words.next()) {
                (Some("END"), None, None) => return Ok(stats),
                (Some("STAT"), Some(name), Some(value)) => stats.note(name, value),
                (Some("STAT"), Some(_), None) => {}
                _ => break,
            }
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "it does not answer `stats`"))
    }

    fn note(&mut self, name: &str, value: &str) {
        let place = match name {
            "version" => {
                self.version = Some(value.to_owned());
                return;
            }
            "cmd_get" => &mut self.reads,
            "cmd_set" => &mut self.writes,
            "curr_items" => &mut self.items,
            "bytes" => &mut self.bytes,
            "limit_maxbytes" => &mut self.bytes_max,
            _ => return,
        };
        *place = value.parse().ok();
    }

    #[expect(clippy::cast_precision_loss, reason = "nobody sends 2^52 requests in half a second")]
    fn survey(self, earlier: &Self, elapsed: Duration) -> Survey {
        let since = |now: Option<u64>, then: Option<u64>| Some(now?.saturating_sub(then?));
        let requests = since(self.reads, earlier.reads)
            .and_then(|reads| Some(reads + since(self.writes, earlier.writes)?));
        let Self { version, items, bytes, bytes_max, .. } = self;
        let requests_rate = requests.map(|count| count as f64 / elapsed.as_secs_f64());
        Survey { version, requests_rate, items, bytes, bytes_max }
    }
}

/// How long is looked for requests of others.
const LOOK: Duration = Duration::from_millis(500);
const TIMEOUT: Duration = Duration::from_secs(2);
/// So many a second may be probes of somebody who only looks after the target.
const IN_USE_RATE_MIN: f64 = 20.0;
/// More than any memcached has.
const LINES_MAX: usize = 1000;
const LINE_LEN_MAX: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(answer: &str) -> io::Result<Stats> {
        Stats::ask(&mut answer.as_bytes(), &mut io::sink())
    }

    fn survey(items: u64, bytes: u64) -> Survey {
        let version = None;
        let (items, bytes, bytes_max) = (Some(items), Some(bytes), Some(10_000_000));
        Survey { version, requests_rate: Some(1.0), items, bytes, bytes_max }
    }

    /// 10,000 values of a hundred bytes: two megabytes with all that belongs to them.
    fn danger(survey: &Survey) -> Option<Danger> {
        survey.danger(&Workload::default())
    }

    #[test]
    fn what_is_asked_twice_gives_a_rate() {
        let answer = |reads, writes| {
            format!(
                "STAT version 1.6.18\r\nSTAT cmd_get {reads}\r\nSTAT cmd_set {writes}\r\nEND\r\n"
            )
        };
        let first = ask(&answer(100, 10)).unwrap();
        let survey = ask(&answer(400, 60)).unwrap().survey(&first, Duration::from_millis(500));
        assert_eq!(survey.requests_rate, Some(700.0));
        assert_eq!((survey.version.as_deref(), survey.items), (Some("1.6.18"), None));
    }

    #[test]
    fn anything_but_stats_is_an_error() {
        for answer in
            ["", "ERROR\r\n", "STAT a 1\r\n", "END of it\r\n", &"STAT a 1\r\n".repeat(2000)]
        {
            assert!(ask(answer).is_err(), "{answer:?}");
        }
        assert!(ask("STAT empty \r\nSTAT a b c\r\nEND\r\n").is_ok());
    }

    #[test]
    fn a_target_that_others_use_is_a_danger() {
        let used = Survey { requests_rate: Some(21.0), ..Survey::default() };
        assert_eq!(danger(&used), Some(Danger::InUse { requests_rate: 21.0 }));
        assert_eq!(danger(&Survey { requests_rate: Some(20.0), ..used }), None);
    }

    #[test]
    fn a_full_target_that_holds_more_than_our_own_keys_is_a_danger() {
        assert_eq!(danger(&survey(10_001, 1_000_000)), None);
        let found = danger(&survey(10_001, 9_500_000));
        assert!(matches!(found, Some(Danger::Evicts { free: 500_000, items: 10_001, .. })));
        assert_eq!(danger(&survey(10_000, 9_500_000)), None, "they may be ours");
    }

    #[test]
    fn what_is_not_known_is_no_danger() {
        assert_eq!(danger(&Survey::default()), None);
        assert_eq!(danger(&Survey { bytes_max: None, ..survey(20_000, 1) }), None);
    }
}
