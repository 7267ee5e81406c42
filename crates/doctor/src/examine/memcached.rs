//! Asks a memcached server everything.

mod conversation;
mod probe;

use tokio::time::{Duration, Instant, sleep_until};

use self::conversation::{Broken, Conversation};
use super::{Notes, dial};
use crate::facts::{Figures, MemcachedFacts, Reached, Sampled, Says, Unreachable, UnreachableKind};
use crate::target::Target;

/// Examines a server as far as it lets us.
pub(super) async fn examine(target: &Target, notes: &mut Notes) -> Result<Reached, Unreachable> {
    let (reached, mut asking) = reach(target, notes).await?;
    let expiring = probe::Expiring::begin(&mut asking, notes).await;
    notes.probe.lanes = probe::run(reached.addr, notes).await;
    let mut facts = MemcachedFacts::default();
    let sampled_at = Instant::now();
    facts.stats.first = figures(&mut asking, "stats", notes).await;
    facts.items.first = figures(&mut asking, "stats items", notes).await;
    facts.settings = figures(&mut asking, "stats settings", notes).await;
    facts.slabs = figures(&mut asking, "stats slabs", notes).await;
    sleep_until((sampled_at + notes.options.interval).min(notes.deadline)).await;
    let apart = sampled_at.elapsed();
    facts.stats = sampled(facts.stats.first, figures(&mut asking, "stats", notes).await, apart);
    facts.items =
        sampled(facts.items.first, figures(&mut asking, "stats items", notes).await, apart);
    notes.says = Some(Says::Memcached(Box::new(facts)));
    let ended = expiring.end(&mut asking, notes).await;
    notes.probe.lanes.push(ended);
    Ok(reached)
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
            Err(error) => failed = Some(error),
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
            Err(fail(UnreachableKind::Silent, "no answer to version in time".to_owned()))
        }
        Err(Broken::Closed(words)) => Err(fail(UnreachableKind::Reset, words)),
        Err(Broken::TooLong) => Err(fail(UnreachableKind::Protocol, Broken::TooLong.to_string())),
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

fn sampled(first: Figures, last: Figures, apart: Duration) -> Sampled {
    Sampled { first, last, apart }
}

/// What fits a line.
fn shortened(text: &str) -> String {
    text.chars().take(WORDS_LEN_MAX).collect()
}

/// The most of a server's words that is kept, in characters.
const WORDS_LEN_MAX: usize = 200;
