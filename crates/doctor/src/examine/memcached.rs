//! Asks a memcached server everything.
//!
//! # Order
//! The greeting; `stats`, for how many connections the probe may open; the probe; the figures; then,
//! while the interval passes, who is connected and which keys there are; the figures again.
//!
//! # Hard cases
//! A server close to its limit of connections is not pushed over it: the probe opens no more of them
//! than there is room for. A server that is silent in the middle is asked nothing more. One that
//! closed the connection is connected to again, once: it may have been restarted.

mod clients;
pub(crate) mod conversation;
pub(crate) mod dump;
mod keys;
mod order;
mod probe;

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::{Instant, sleep_until};

pub(crate) use self::order::MemcachedLine;

use self::conversation::{Broken, Conversation};
use super::{Notes, dial};
use crate::facts::{
    Figures, MemcachedFacts, Probe, Reached, Sampled, Says, Unreachable, UnreachableKind,
    version_of,
};
use crate::target::Target;

/// Examines a server as far as it lets us.
pub(super) async fn examine(target: &Target, notes: &mut Notes) -> Result<Reached, Unreachable> {
    let (reached, mut asking) = reach(target, notes).await?;
    let addr = reached.addr;
    let before = figures(&mut asking, "stats", notes).await;
    // One more is opened beside them.
    let lanes = room(&before).saturating_sub(1).min(probe::LANES);
    let mut expiring = None;
    if lanes > 0 {
        let probing = async {
            tokio::join!(probe::Expiring::begin(addr, notes), probe::run(addr, lanes, notes))
        };
        let ((begun, lanes), stalled) = super::stall::watched(probing).await;
        expiring = Some(begun);
        notes.probe = Probe { lanes, stalled };
    } else {
        notes.gap("the probe", &"the server has no room for another connection");
    }
    let mut facts = MemcachedFacts::default();
    if !is_silent(&asking) {
        look(&mut facts, addr, &mut asking, notes).await;
    }
    // What says nothing is not judged by its figures: it is a gap already.
    if !facts.stats.last.is_empty() {
        notes.says = Some(Says::Memcached(Box::new(facts)));
    }
    if is_silent(&asking) {
        // Did it fall silent, or that connection alone? It is asked once more, as others are.
        let lane = probe::greet(addr, notes).await;
        notes.probe.lanes.push(lane);
    } else if let Some(expiring) = expiring {
        let ended = expiring.end(addr, notes).await;
        notes.probe.lanes.push(ended);
    }
    Ok(reached)
}

/// Takes both samples, and everything else in between.
async fn look(
    facts: &mut MemcachedFacts,
    addr: SocketAddr,
    asking: &mut Conversation,
    notes: &mut Notes,
) {
    let sampled_at = Instant::now();
    let until = (sampled_at + notes.options.interval).min(notes.deadline);
    let first = figures(asking, "stats", notes).await;
    let items = figures(asking, "stats items", notes).await;
    facts.settings = figures(asking, "stats settings", notes).await;
    facts.slabs = figures(asking, "stats slabs", notes).await;
    facts.clock_ahead_seconds = clock_ahead(&first);
    facts.stats.last = first.clone();
    if is_silent(asking) {
        return;
    }
    let ours = asking.local_addr();
    facts.accept_queue = ours.and_then(|local| clients::accept_queue(addr, local));
    if tells_clients_safely(&first, &facts.settings) {
        facts.connections = clients::connections(addr, ours.as_slice(), notes).await;
    } else {
        notes.gap("stats conns", &"not asked: memcached before 1.5.17 can crash when it is");
    }
    // At least one step's time, however short the interval is.
    let until_keys = until.max(notes.step_deadline());
    facts.keys = keys::sample(addr, &first, until_keys, notes).await;
    sleep_until(until).await;
    let apart = sampled_at.elapsed();
    let last = figures_again(addr, asking, notes).await;
    if !last.is_empty() {
        facts.stats = Sampled { first, last, apart };
    }
    let last = figures(asking, "stats items", notes).await;
    facts.items = Sampled { first: items, last, apart };
}

/// `stats` once more, on another connection if this one was closed.
async fn figures_again(addr: SocketAddr, asking: &mut Conversation, notes: &mut Notes) -> Figures {
    let gaps = notes.gaps.len();
    let last = figures(asking, "stats", notes).await;
    if !matches!(asking.broken(), Some(Broken::Closed(_))) {
        return last;
    }
    let Ok((again, _)) = Conversation::open(addr, notes.step_deadline()).await else {
        return last;
    };
    *asking = again;
    notes.gaps.truncate(gaps);
    figures(asking, "stats", notes).await
}

/// How many more connections the server takes, as it says itself; as many as one likes if it does
/// not say.
fn room(stats: &Figures) -> usize {
    let number = |name| stats.number(name);
    let Some((max, now)) = number("max_connections").zip(number("curr_connections")) else {
        return usize::MAX;
    };
    // Its own files count, and it has a few more of them than it says.
    let own = number("reserved_fds").unwrap_or(0.0) + OWN_FILES_MORE;
    let room = (max - own - now).max(0.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is not negative, and what is too large is as good as any number"
    )]
    let room = room as usize;
    room
}

/// Whether the server has stopped answering. Nothing else is asked of it then.
fn is_silent(asking: &Conversation) -> bool {
    matches!(asking.broken(), Some(Broken::TimedOut))
}

/// Before 1.5.17 the address of a client on a UNIX socket is read beyond its end (CVE-2019-15026).
fn tells_clients_safely(stats: &Figures, settings: &Figures) -> bool {
    let is_on_socket = settings.word("domain_socket").is_none_or(|it| it != "NULL");
    !is_on_socket || version_of(stats).is_some_and(|it| it >= [1, 5, 17])
}

/// By how much the server's clock is ahead of ours, now that it has just told it.
fn clock_ahead(stats: &Figures) -> Option<f64> {
    let ours = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    // It told whole seconds: half a second is what it left out on average.
    Some(stats.number("time")? + 0.5 - ours.as_secs_f64())
}

/// Connects to the first of the server's addresses that answers, and is greeted.
async fn reach(target: &Target, notes: &Notes) -> Result<(Reached, Conversation), Unreachable> {
    let (addrs, lookup) = dial::look_up(&target.address, notes.step_deadline()).await?;
    let mut failed = None;
    for addr in addrs {
        match Conversation::open(addr, notes.step_deadline()).await {
            Ok((mut conversation, connect)) => {
                let reached = Reached { addr, lookup, connect };
                greet(&mut conversation, &reached, notes).await?;
                return Ok((reached, conversation));
            }
            Err(error) => failed = Some(with_waiting(error)),
        }
    }
    Err(failed.expect("a name that was looked up has an address"))
}

async fn greet(
    conversation: &mut Conversation,
    reached: &Reached,
    notes: &Notes,
) -> Result<(), Unreachable> {
    let begun_at = Instant::now();
    let fail = |kind, words: String| Unreachable {
        kind,
        words,
        addr: Some(reached.addr),
        after: begun_at.elapsed(),
    };
    match conversation.ask(b"version\r\n", |_| true, notes.step_deadline()).await {
        Ok(lines) => match lines.first().map_or("", String::as_str) {
            line if line.starts_with("VERSION ") => Ok(()),
            "ERROR Too many open connections" => {
                Err(fail(UnreachableKind::Full, "ERROR Too many open connections".to_owned()))
            }
            "CLIENT_ERROR unauthenticated" => Err(fail(
                UnreachableKind::Authentication,
                "CLIENT_ERROR unauthenticated".to_owned(),
            )),
            other => Err(fail(UnreachableKind::Protocol, shortened(other))),
        },
        Err(Broken::TimedOut) => {
            let local = conversation.local_addr();
            let waiting = local.and_then(|local| clients::accept_queue(reached.addr, local));
            let error = fail(UnreachableKind::Silent, "no answer to version in time".to_owned());
            Err(error.with_waiting(waiting))
        }
        Err(Broken::Closed(words)) => Err(fail(UnreachableKind::Reset, words)),
        Err(broken @ (Broken::Garbled(_) | Broken::TooLong)) => {
            Err(fail(UnreachableKind::Protocol, broken.to_string()))
        }
    }
}

/// A server that does not let us connect may be one of this machine with others waiting.
fn with_waiting(error: Unreachable) -> Unreachable {
    match error.addr.filter(|it| it.ip().is_loopback()) {
        Some(addr) if error.kind == UnreachableKind::ConnectTimedOut => {
            error.with_waiting(clients::accept_queue(addr, addr))
        }
        Some(_) | None => error,
    }
}

/// The answer to a `stats` command; nothing, and a gap, if there is none.
async fn figures(conversation: &mut Conversation, command: &str, notes: &mut Notes) -> Figures {
    let request = format!("{command}\r\n");
    let is_last = |line: &str| !line.starts_with("STAT ");
    let answer = conversation.ask(request.as_bytes(), is_last, notes.step_deadline()).await;
    match answer {
        Ok(lines) => {
            let last = lines.last().map_or("", String::as_str);
            // `RESET` is all that a server without such figures says.
            if !matches!(last, "END" | "RESET") {
                notes.gap(command, &shortened(last));
            }
            let pairs = lines.iter().filter_map(|line| line.strip_prefix("STAT ")?.split_once(' '));
            pairs.collect()
        }
        Err(broken) => {
            notes.gap(command, &broken);
            Figures::default()
        }
    }
}

/// What fits a line.
fn shortened(text: &str) -> String {
    text.chars().take(WORDS_LEN_MAX).collect()
}

/// The most of a server's words that is kept, in characters.
const WORDS_LEN_MAX: usize = 200;
/// How many more files of its own a server of four threads has than `reserved_fds` counts, and some.
const OWN_FILES_MORE: f64 = 8.0;
