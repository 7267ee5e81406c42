//! How many requests arrive at each server, by the servers' own counters.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::support::{Memcached, Session};

/// Reads every server's counters over and over, from itself, until it is stopped.
pub(super) struct ArrivalMeter {
    is_stopped: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<Count>>>,
}

/// What has arrived at each server.
pub(super) struct Arrivals(Vec<Vec<Count>>);

/// What a server has counted since it was started.
#[derive(Debug, Clone, Copy)]
struct Count {
    at: Instant,
    requests: u64,
    hits: u64,
}

impl ArrivalMeter {
    /// Begins.
    pub(super) fn start(servers: &[Memcached]) -> Self {
        let is_stopped = Arc::new(AtomicBool::new(false));
        let addresses = servers.iter().map(Memcached::address);
        let start = |address: String| {
            let is_stopped = Arc::clone(&is_stopped);
            thread::spawn(move || follow(&address, &is_stopped))
        };
        let threads = addresses.map(start).collect();
        Self { is_stopped, threads }
    }

    /// Ends it: what it has seen.
    pub(super) fn stop(self) -> Arrivals {
        self.is_stopped.store(true, Ordering::Relaxed);
        let join = |thread: JoinHandle<_>| thread.join().expect("reading counters does not panic");
        Arrivals(self.threads.into_iter().map(join).collect())
    }
}

impl Arrivals {
    /// Requests a second at these servers together, from the one moment to the other.
    pub(super) fn rate(&self, servers: &[usize], from: Instant, to: Instant) -> f64 {
        servers.iter().map(|idx| rate(&self.0[*idx], from, to)).sum()
    }

    /// How many reads hit at this server between the two.
    pub(super) fn hits(&self, server: usize, from: Instant, to: Instant) -> u64 {
        let counts = &self.0[server];
        let before = counts.iter().rfind(|count| count.at <= from);
        let after = counts.iter().rfind(|count| count.at <= to);
        let difference = |(before, after): (&Count, &Count)| after.hits.saturating_sub(before.hits);
        before.zip(after).map_or(0, difference)
    }
}

/// Over the counts that lie between the two; none of them is no request.
fn rate(counts: &[Count], from: Instant, to: Instant) -> f64 {
    let between = counts.iter().filter(|count| (from..=to).contains(&count.at));
    let between: Vec<_> = between.collect();
    match (between.first(), between.last()) {
        (Some(first), Some(last)) if last.at > first.at => {
            // A count of a few thousand is exact in the type.
            let requests = u32::try_from(last.requests.saturating_sub(first.requests));
            f64::from(requests.unwrap_or(0)) / (last.at - first.at).as_secs_f64()
        }
        _ => 0.0,
    }
}

fn follow(address: &str, is_stopped: &AtomicBool) -> Vec<Count> {
    let mut counts = Vec::new();
    let mut connected = None;
    while !is_stopped.load(Ordering::Relaxed) {
        thread::sleep(READ_INTERVAL);
        let session = connected.take();
        let session = session.or_else(|| Session::try_connect_within(address, READ_TIMEOUT).ok());
        // A server that is not there or hangs has no count.
        let Some(mut session) = session else { continue };
        if let Some(count) = read(&mut session) {
            counts.push(count);
            connected = Some(session);
        }
    }
    counts
}

fn read(session: &mut Session) -> Option<Count> {
    session.try_send(b"stats\r\n").ok()?;
    let mut count = Count { at: Instant::now(), requests: 0, hits: 0 };
    loop {
        let line = session.try_read_line().ok()??;
        let mut words = line.split_whitespace().skip(1);
        let (Some(name), Some(value)) = (words.next(), words.next()) else {
            return (line == "END").then_some(count);
        };
        match name {
            "cmd_get" | "cmd_set" => count.requests += value.parse::<u64>().ok()?,
            "get_hits" => count.hits = value.parse().ok()?,
            _ => {}
        }
    }
}

const READ_INTERVAL: Duration = Duration::from_millis(50);
const READ_TIMEOUT: Duration = Duration::from_millis(200);
