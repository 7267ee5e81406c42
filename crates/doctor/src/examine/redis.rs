//! Asks a Redis server everything.
//!
//! # Order
//! Greeting; `INFO` for its role; the probe; keys; the key whose expiry is watched, so that none of
//! ours is there any more; what is asked once; `INFO` twice; the clients.
//!
//! The probe and the keys have connections of their own: a server that answers nothing there may
//! still say on another what it is.
//!
//! # What it never does
//! `KEYS`, `MONITOR`, `DEBUG`, `CONFIG SET`, `CLIENT KILL`, anything that blocks or saves.

mod answers;
mod conversation;
mod gather;
mod keys;
mod login;
mod order;
mod probe;
mod slots;

use std::net::SocketAddr;

use tokio::time::{Duration, Instant, sleep};

pub(crate) use self::order::RedisLine;

use self::conversation::Conversation;
use self::gather::Asker;
use self::login::{Door, Opened};
use self::probe::Standing;
use self::slots::Slots;
use super::{Notes, dial, stall};
use crate::facts::{Figures, KeySample, Outcome, Reached, RedisFacts, Says, Unreachable};
use crate::target::{Protocol, RedisLogin, Target};

/// Examines a server as far as it lets us.
pub(super) async fn examine(target: &Target, notes: &mut Notes) -> Result<Reached, Unreachable> {
    let login = match &target.protocol {
        Protocol::Redis(login) => login.clone(),
        Protocol::Memcached => RedisLogin::default(),
    };
    let door = Door::new(&target.address, &login);
    let (reached, mut opened, is_greeted) = reach(target, &door, notes).await?;
    let conversation = &mut opened.conversation;
    let mut ours = Ours::default();
    ours.note(opened.local_addr, None);
    let mut facts = RedisFacts::default();
    let mut asker = Asker { conversation, notes };
    let at_first = asker.info().await;
    let standing = stand(&mut asker, &at_first, is_greeted).await;
    let is_cluster = standing.slots.is_some();
    let probing = probe::run(&door, reached.addr, &standing, asker.notes, &mut ours);
    let (expiring, stalled) = stall::watched(probing).await;
    asker.notes.probe.stalled = stalled;
    if standing.room > 0 {
        facts.keys = look_at_keys(&door, reached.addr, asker.notes, &mut ours).await;
    }
    if let Some(expiring) = expiring {
        let lane = expiring.end(asker.notes).await;
        asker.notes.probe.lanes.push(lane);
    }
    gather::once(&mut asker, &mut facts, is_cluster).await;
    let sampled_at = Instant::now();
    facts.info = gather::samples(&mut asker, at_first).await;
    if facts.info.apart.is_zero() && asker.conversation.is_closed() {
        // Whoever closed it may have restarted, and tells so on another connection.
        match open_anew(&door, reached.addr, asker.notes, &mut ours).await {
            Ok(opened) => {
                *asker.conversation = opened.conversation;
                gather::last_sample(&mut asker, &mut facts.info, sampled_at).await;
            }
            Err(why) => facts.gone = Some(why),
        }
    }
    gather::clients(&mut asker, &mut facts, &ours).await;
    notes.says = Some(Says::Redis(Box::new(facts)));
    Ok(reached)
}

/// Another connection in place of one that was lost, as soon as it can be had.
async fn open_anew(
    door: &Door,
    addr: SocketAddr,
    notes: &Notes,
    ours: &mut Ours,
) -> Result<Opened, String> {
    let deadline = notes.step_deadline();
    loop {
        let why = match door.open(addr, deadline).await {
            Ok(mut opened) => match door.enter_again(&mut opened.conversation, deadline).await {
                Ok(id) => {
                    ours.note(opened.local_addr, id);
                    return Ok(opened);
                }
                Err(failure) => failure.to_string(),
            },
            Err(error) => error.to_string(),
        };
        if Instant::now() + ANEW_INTERVAL >= deadline {
            return Err(why);
        }
        sleep(ANEW_INTERVAL).await;
    }
}

/// What can be asked of a server in its place: a replica, one of a cluster, or by itself.
async fn stand(asker: &mut Asker<'_>, info: &Figures, is_greeted: bool) -> Standing {
    let is_read_only =
        info.word("role") == Some("slave") && info.word("slave_read_only") != Some("0");
    let slots = if slots::is_cluster(info) {
        let answer = asker.ask(&["CLUSTER", "NODES"]).await;
        let slots = answer.and_then(|it| Slots::parse(&answers::text(&it)?)).unwrap_or_default();
        if slots.is_empty() {
            asker.notes.gap("SET, GET, DEL", &"it has no slots of the cluster");
        }
        Some(slots)
    } else {
        None
    };
    Standing { is_greeted, is_read_only, slots, room: room(info) }
}

/// How many further connections can be had from the server without taking the last ones from those
/// who use it. Who does not tell has room.
fn room(info: &Figures) -> usize {
    let (Some(max), Some(now)) = (info.number("maxclients"), info.number("connected_clients"))
    else {
        return usize::MAX;
    };
    let links = info.number("cluster_connections").unwrap_or(0.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is neither negative nor large, and what is not whole does not matter"
    )]
    let room = (max - now - links).max(0.0) as usize;
    room / 2
}

/// Connects to the first of the server's addresses that answers, and is greeted; whether it was
/// with what greetings are answered with.
async fn reach(
    target: &Target,
    door: &Door,
    notes: &mut Notes,
) -> Result<(Reached, Opened, bool), Unreachable> {
    let (addrs, lookup) = dial::look_up(&target.address, notes.step_deadline()).await?;
    let mut failed = None;
    for addr in addrs {
        match door.open(addr, notes.step_deadline()).await {
            Ok(mut opened) => {
                let reached = Reached { addr, lookup, connect: opened.connect };
                let is_greeted = greet(door, &mut opened.conversation, addr, notes).await?;
                return Ok((reached, opened, is_greeted));
            }
            Err(error) => failed = Some(door.explain(error, notes.step_deadline()).await),
        }
    }
    Err(failed.expect("a name that was looked up has an address"))
}

async fn greet(
    door: &Door,
    conversation: &mut Conversation,
    addr: SocketAddr,
    notes: &mut Notes,
) -> Result<bool, Unreachable> {
    let begun_at = Instant::now();
    match door.enter(conversation, notes.step_deadline()).await {
        Ok(refusal) => {
            // Who may not say PING may do other things, and has nothing to blame the server for.
            let is_ours = refusal.as_ref().filter(|words| !login::is_about_itself(words));
            if let Some(words) = is_ours {
                notes.gap("PING", words);
            }
            Ok(is_ours.is_none())
        }
        Err((kind, words)) => {
            let after = begun_at.elapsed();
            let error = Unreachable { kind, words, addr: Some(addr), after };
            Err(door.explain(error, notes.step_deadline()).await)
        }
    }
}

async fn look_at_keys(
    door: &Door,
    addr: SocketAddr,
    notes: &mut Notes,
    ours: &mut Ours,
) -> Option<KeySample> {
    if notes.probe.steps().any(|step| step.outcome == Outcome::TimedOut) {
        notes.gap("SCAN, TTL", &"it does not answer in time as it is");
        return None;
    }
    let deadline = notes.step_deadline();
    let sample = async {
        let mut opened = door.open(addr, deadline).await.map_err(|error| error.to_string())?;
        let entered = door.enter_again(&mut opened.conversation, deadline).await;
        ours.note(opened.local_addr, entered.map_err(|failure| failure.to_string())?);
        let sample = keys::sample(&mut opened.conversation, deadline).await;
        sample.map_err(|failure| failure.to_string())
    };
    match sample.await {
        Ok(sample) => Some(sample),
        Err(why) => {
            notes.gap("SCAN, TTL", &why);
            None
        }
    }
}

/// Our own connections, as the server may tell them among its clients.
#[derive(Debug, Default)]
struct Ours {
    ids: Vec<i64>,
    addrs: Vec<SocketAddr>,
}

impl Ours {
    fn note(&mut self, addr: Option<SocketAddr>, id: Option<i64>) {
        self.addrs.extend(addr);
        self.ids.extend(id);
    }

    fn add(&mut self, others: Self) {
        self.addrs.extend(others.addrs);
        self.ids.extend(others.ids);
    }
}

/// How long a server that closed our connection is left alone before another is tried.
const ANEW_INTERVAL: Duration = Duration::from_millis(50);
