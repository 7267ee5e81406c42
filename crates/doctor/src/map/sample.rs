//! Keys as the servers list them, each compared with its home.
//!
//! # Order
//! All servers are dumped, many at a time; then each home is asked for those of its keys that were
//! found elsewhere: one that it has as well would not miss, and the other is an old copy.
//!
//! # Hard cases
//! A key of ours (a canary) is at every server, wherever its home is: it is left out. So is one
//! that has expired by the server's own clock. A dump that broke off counts as far as it went, and
//! what is left of it is unproven.

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::ask::{Asker, Bounds, Manner, connect, stats};
use super::placement::Home;
use super::report::{Found, MapReport, Survey, Unproven, Way};
use super::row::Row;
use super::{KEPT_MAX, Options, Placement, SERVERS_AT_ONCE};
use crate::examine::memcached::dump::{Dump, DumpOrder, Extent};
use crate::facts::Figures;

/// Asks all servers for their keys and reports where they lie.
pub async fn sample(placement: &Arc<Placement>, options: Options) -> MapReport {
    let bounds = Bounds::of(&options, Instant::now());
    let kept_max = KEPT_MAX / placement.servers().len().max(1);
    let wanted = Wanted::of(&options, kept_max);
    let mut survey = Survey::new(placement, options, Way::of(&options));
    if options.keys_max.is_some_and(|it| it > wanted.keys) {
        survey.notes.push(format!(
            "of each server {} keys are looked at: more are not kept in memory; --all counts all",
            wanted.keys
        ));
    }
    let dumps = each_server(placement, move |placement, idx| async move {
        dump(&placement, idx, wanted, bounds).await
    });
    let mut away = vec![Vec::new(); placement.servers().len()];
    for dumped in dumps.await {
        let Dumped { idx, addr, row, elsewhere, some, notes, gap } = dumped;
        survey.addrs[idx] = addr;
        survey.rows[idx] = row;
        survey.notes.extend(notes);
        survey.unproven.extend(gap.map(|why| Unproven::of(placement, idx, why, LEAVES)));
        survey.pairs.extend(some.into_iter().map(|key| (key, idx)));
        for Away { key, home, cut } in elsewhere {
            away[home].push((key, idx, cut));
        }
    }
    ask_homes(placement, away, bounds, &mut survey).await;
    survey.report()
}

/// Asks each home for the keys that were found elsewhere.
async fn ask_homes(
    placement: &Arc<Placement>,
    away: Vec<Vec<FoundAway>>,
    bounds: Bounds,
    survey: &mut Survey<'_>,
) {
    let away = Arc::new(away);
    let asked = Arc::clone(&away);
    let answers = each_server(placement, move |placement, home| {
        let away = Arc::clone(&asked);
        async move { (home, ask_home(&placement, home, &away[home], bounds).await) }
    });
    for (home, answer) in answers.await {
        let has = match answer {
            Ok((has, Manner::Debug)) => has,
            Ok((has, Manner::Get)) => {
                survey.note_get(home);
                has
            }
            Err(why) => {
                // What was dumped has told of it already.
                if survey.unproven.iter().all(|it| it.server != placement.servers()[home].name) {
                    survey.unproven.push(Unproven::of(placement, home, why, LEAVES_COPIES));
                }
                Vec::new()
            }
        };
        let answers = has.into_iter().chain(std::iter::repeat(None));
        for ((key, at, cut), has) in away[home].iter().zip(answers) {
            let row = &mut survey.rows[*at];
            row.asked += u64::from(has.is_some());
            row.copies += u64::from(has == Some(true));
            if has != Some(true) {
                survey.show(*at, Found { key, at: *at, home, sent: &key[*cut..] });
            }
        }
    }
}

async fn ask_home(
    placement: &Placement,
    home: usize,
    keys: &[FoundAway],
    bounds: Bounds,
) -> Result<(Vec<Option<bool>>, Manner), String> {
    if keys.is_empty() {
        return Ok((Vec::new(), Manner::Debug));
    }
    let mut asker = Asker::open(&placement.servers()[home].address, bounds).await?;
    let keys: Vec<_> = keys.iter().map(|(key, _, cut)| &key[*cut..]).collect();
    Ok((asker.has(&keys).await?, asker.manner()))
}

/// Does something for each server, many at a time; what came of it in the order of the servers.
async fn each_server<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    placement: &Arc<Placement>,
    work: impl Fn(Arc<Placement>, usize) -> F,
) -> Vec<T> {
    let mut waiting = 0..placement.servers().len();
    let mut running = JoinSet::new();
    let mut done = Vec::new();
    loop {
        while running.len() < SERVERS_AT_ONCE
            && let Some(idx) = waiting.next()
        {
            let task = work(Arc::clone(placement), idx);
            running.spawn(async move { (idx, task.await) });
        }
        match running.join_next().await {
            Some(Ok(one)) => done.push(one),
            Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
            None => break,
        }
    }
    done.sort_by_key(|(idx, _)| *idx);
    done.into_iter().map(|(_, one)| one).collect()
}

/// How much is wanted of one server.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    /// How many keys are looked at.
    keys: u64,
    /// How many of those elsewhere are kept, to be asked for at home.
    kept: usize,
    /// How many keys are read of a server that must be dumped to its end.
    whole: f64,
}

impl Wanted {
    fn of(options: &Options, kept_max: usize) -> Self {
        let kept = kept_max.max(1);
        let most = u64::try_from(kept).unwrap_or(u64::MAX);
        match options.keys_max {
            Some(keys) => Self { keys: keys.min(most), kept, whole: WHOLE_KEYS_MAX },
            None => Self { keys: u64::MAX, kept, whole: f64::INFINITY },
        }
    }
}

/// What a server's dump has brought.
struct Dumped {
    idx: usize,
    addr: Option<SocketAddr>,
    row: Row,
    /// Keys that are not at home.
    elsewhere: Vec<Away>,
    /// Some of all keys, to try other distributions on.
    some: Vec<Box<[u8]>>,
    notes: Vec<String>,
    /// Why it is not all that was wanted.
    gap: Option<String>,
}

/// A key that is not at home.
struct Away {
    key: Box<[u8]>,
    home: usize,
    /// How many of its first bytes its home is not asked for: the prefix that its route strips.
    cut: usize,
}

/// A key that is not at home, the server that has it, and how much of it home is not asked for.
type FoundAway = (Box<[u8]>, usize, usize);

async fn dump(placement: &Placement, idx: usize, wanted: Wanted, bounds: Bounds) -> Dumped {
    let mut dumped = Dumped {
        idx,
        addr: None,
        row: Row::default(),
        elsewhere: Vec::new(),
        some: Vec::new(),
        notes: Vec::new(),
        gap: None,
    };
    let read = read_dump(placement, wanted, bounds, &mut dumped).await;
    dumped.gap = read.err();
    dumped
}

async fn read_dump(
    placement: &Placement,
    wanted: Wanted,
    bounds: Bounds,
    dumped: &mut Dumped,
) -> Result<(), String> {
    let server = &placement.servers()[dumped.idx];
    let (mut conversation, addr) = connect(&server.address, bounds).await?;
    dumped.addr = Some(addr);
    let figures = stats(&mut conversation, bounds).await?;
    drop(conversation);
    let clock = Clock::of(&figures);
    dumped.row.held = count(&figures, "curr_items");
    let extent = Extent::of(&figures, wanted.whole)
        .map_err(|why| format!("{why}; --all reads them all, --keys asks for keys of yours"))?;
    let Bounds { silence, deadline, .. } = bounds;
    let dump = Dump { addr, extent, silence, deadline, busy_deadline: deadline };
    let order = dump.read(|line| {
        if let Some(key) = key_of(line, clock) {
            dumped.take(placement, key, wanted);
        }
        if dumped.row.looked_at < wanted.keys {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    match order.await {
        Ok(DumpOrder::Hash) => Ok(()),
        Ok(DumpOrder::Sizes) => {
            if dumped.row.held.is_some_and(|held| held > dumped.row.looked_at) {
                dumped.notes.push(format!(
                    "{} lists its keys size by size: those looked at are its smallest items",
                    server.name
                ));
            }
            Ok(())
        }
        Err(no_dump) => Err(format!("{}: {}", no_dump.command, no_dump.why)),
    }
}

impl Dumped {
    fn take(&mut self, placement: &Placement, key: Vec<u8>, wanted: Wanted) {
        let Home { server: home, sent, .. } = placement.home_of_found(&key, self.idx);
        let cut = key.len() - sent.len();
        let is_at_home = home == self.idx && cut == 0;
        let key = key.into_boxed_slice();
        // No distribution explains what is asked for under another name.
        if self.some.len() < FIT_KEYS_MAX && cut == 0 {
            self.some.push(key.clone());
        }
        if is_at_home {
            self.row.count_at_home();
            return;
        }
        self.row.count_elsewhere(home);
        if self.elsewhere.len() < wanted.kept {
            self.elsewhere.push(Away { key, home, cut });
        }
    }
}

/// The time at a server, as it counts it.
#[derive(Clone, Copy, Debug)]
struct Clock {
    /// Seconds since 1970, by the server.
    told: Option<u64>,
    told_at: Instant,
}

impl Clock {
    fn of(figures: &Figures) -> Self {
        Self { told: count(figures, "time"), told_at: Instant::now() }
    }

    fn has_passed(self, second: u64) -> bool {
        self.told.is_some_and(|told| second <= told + self.told_at.elapsed().as_secs())
    }
}

fn count(figures: &Figures, name: &str) -> Option<u64> {
    figures.word(name)?.parse().ok()
}

/// The key of a line's rest after `key=`: `session%3A1 exp=-1 la=… …`. `None` if it has expired or
/// is one of ours.
fn key_of(line: &str, clock: Clock) -> Option<Vec<u8>> {
    let mut words = line.split(' ');
    let key: Vec<u8> = percent_decode_str(words.next()?).collect();
    let expiry = words.find_map(|it| it.strip_prefix("exp="))?;
    let has_expired = match expiry.parse() {
        Ok(1_u64..) => clock.has_passed(expiry.parse().ok()?),
        // Never: -1, or 0 in older versions.
        Ok(0) | Err(_) => false,
    };
    let is_ours = OURS.iter().any(|start| key.starts_with(start.as_bytes()));
    (!has_expired && !is_ours && !key.is_empty()).then_some(key)
}

/// How keys begin that Evenkeel puts on servers for itself.
const OURS: [&str; 3] = ["evenkeel:canary:", "evenkeel:asked:", "evenkeel:doctor:"];
/// How many keys are read of a server whose dump cannot be closed early: a hundred megabytes, and
/// seconds.
const WHOLE_KEYS_MAX: f64 = 1_000_000.0;
/// How many keys of each server other distributions are tried on.
pub(super) const FIT_KEYS_MAX: usize = 500;
const LEAVES: &str = "where its keys lie";
const LEAVES_COPIES: &str = "whether it has its keys that were found elsewhere, too";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_decoded_and_left_out_if_expired_or_ours() {
        let clock = Clock { told: Some(1_000), told_at: Instant::now() };
        let key = |line| key_of(line, clock).map(|it| String::from_utf8_lossy(&it).into_owned());
        for (line, expected) in [
            ("user%3A1 exp=-1 la=1 cas=1 fetch=no cls=1 size=63", Some("user:1")),
            ("a%20b%25 exp=0 la=1", Some("a b%")),
            ("later exp=9999999999 la=1", Some("later")),
            ("gone exp=1000 la=1", None),
            ("gone exp=999 la=1", None),
            ("evenkeel%3Acanary%3A1:2 exp=-1 la=1", None),
            ("evenkeel%3Abench%3A1 exp=-1 la=1", Some("evenkeel:bench:1")),
            ("nothing", None),
            ("", None),
            (" exp=-1", None),
        ] {
            assert_eq!(key(line).as_deref(), expected, "{line}");
        }
    }
}
