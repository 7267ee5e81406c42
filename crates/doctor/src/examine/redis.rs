//! Asks a Redis server everything.
//!
//! # Order
//! Greeting; `INFO` for its role; keys; the probe; what is asked once; `INFO` twice; the key whose
//! expiry is watched; the clients.
//!
//! # What it never does
//! `KEYS`, `MONITOR`, `DEBUG`, `CONFIG SET`, `CLIENT KILL`, anything that blocks or saves.

mod answers;
mod conversation;
mod gather;
mod keys;
mod login;

use std::net::SocketAddr;

use self::conversation::Conversation;
use self::gather::Asker;
use self::login::{Door, Opened};
use super::{Notes, dial};
use crate::facts::{Reached, RedisFacts, Says, Unreachable};
use crate::target::{Protocol, RedisLogin, Target};

/// Examines a server as far as it lets us.
pub(super) async fn examine(target: &Target, notes: &mut Notes) -> Result<Reached, Unreachable> {
    let login = match &target.protocol {
        Protocol::Redis(login) => login.clone(),
        Protocol::Memcached => RedisLogin::default(),
    };
    let door = Door::new(&target.address, &login);
    let (reached, mut opened) = reach(target, &door, notes).await?;
    let mut ours = Ours::default();
    let id = Door::number(&mut opened.conversation, notes.step_deadline()).await;
    ours.note(&opened, id);
    let mut facts = RedisFacts::default();
    let mut asker = Asker { conversation: &mut opened.conversation, notes };
    let role = asker.info().await;
    facts.keys = look_at_keys(&door, reached.addr, asker.notes, &mut ours).await;
    gather::once(&mut asker, &mut facts, role.word("cluster_enabled") == Some("1")).await;
    facts.info = gather::samples(&mut asker).await;
    gather::clients(&mut asker, &mut facts, &ours.ids, &ours.addrs).await;
    notes.says = Some(Says::Redis(Box::new(facts)));
    Ok(reached)
}

/// Connects to the first of the server's addresses that answers, and is greeted.
async fn reach(
    target: &Target,
    door: &Door,
    notes: &mut Notes,
) -> Result<(Reached, Opened), Unreachable> {
    let (addrs, lookup) = dial::look_up(&target.address, notes.step_deadline()).await?;
    let mut failed = None;
    for addr in addrs {
        match door.open(addr, notes.step_deadline()).await {
            Ok(mut opened) => {
                let reached = Reached { addr, lookup, connect: opened.connect };
                greet(door, &mut opened.conversation, addr, notes).await?;
                return Ok((reached, opened));
            }
            Err(error) => failed = Some(error),
        }
    }
    Err(failed.expect("a name that was looked up has an address"))
}

async fn greet(
    door: &Door,
    conversation: &mut Conversation,
    addr: SocketAddr,
    notes: &mut Notes,
) -> Result<(), Unreachable> {
    let begun_at = tokio::time::Instant::now();
    match door.enter(conversation, notes.step_deadline()).await {
        Ok(None) => Ok(()),
        Ok(Some(refusal)) => {
            notes.gap("PING", &refusal);
            Ok(())
        }
        Err((kind, words)) => {
            Err(Unreachable { kind, words, addr: Some(addr), after: begun_at.elapsed() })
        }
    }
}

async fn look_at_keys(
    door: &Door,
    addr: SocketAddr,
    notes: &mut Notes,
    ours: &mut Ours,
) -> Option<crate::facts::KeySample> {
    let deadline = notes.step_deadline();
    let sample = async {
        let mut opened = door.open(addr, deadline).await.map_err(|error| error.to_string())?;
        let entered = door.enter_again(&mut opened.conversation, deadline).await;
        ours.note(&opened, entered.map_err(|failure| failure.to_string())?);
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
    fn note(&mut self, opened: &Opened, id: Option<i64>) {
        self.ids.extend(id);
        self.addrs.extend(opened.local_addr);
    }
}
