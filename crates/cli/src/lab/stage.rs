//! What runs in a lab: servers that can be broken, the proxy before them, and applications that use
//! it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use evenkeel_api::{LabFault, LabServer};
use evenkeel_core::Instant;
use evenkeel_core::config::ListenAddress;
use evenkeel_core::event::{Happening, StateName};
use evenkeel_core::routing::Usable;
use evenkeel_lab::{Applications, Tally, Tier, Trouble, Workload};
use evenkeel_proxy::{Answer, Lab, Origin, Proxy, Refusal};

use super::LabError;
use super::deed::Deed;
use crate::args::LabArgs;
use crate::lab_config::{NAMES, SERVERS_LEN, lab_config};
use crate::run::{RunError, machine};

/// All of it, running.
pub(crate) struct Stage {
    pub(crate) tier: Arc<Tier>,
    pub(crate) proxy: Proxy,
    applications: Applications,
    /// Where the proxy listens.
    pub(crate) addr: SocketAddr,
    /// The longest that a request may take.
    pub(crate) deadline: Duration,
    /// By the clock of the control plane.
    started_at: Instant,
    /// What the page does.
    asked_of: Receiver<(Deed, usize)>,
    /// The next event to be told.
    next_event: u64,
}

/// One server, for people.
pub(crate) struct ServerLine {
    pub(crate) name: String,
    pub(crate) state: StateName,
    /// How much of its keys it has got back while it returns, in per cent.
    pub(crate) share_percent: Option<u32>,
    pub(crate) takes_writes: bool,
    /// For how long it has been in this state.
    pub(crate) age: Duration,
    /// Why, in words.
    pub(crate) reason: Option<String>,
    /// Keys of which it may hold an old value.
    pub(crate) misplaced_keys: usize,
    /// What has been done to it.
    pub(crate) trouble: Option<Trouble>,
    /// What it holds.
    pub(crate) items: usize,
}

/// One event, for people.
pub(crate) struct EventLine {
    /// How long after the start.
    pub(crate) at: Duration,
    pub(crate) text: String,
    /// A server is out of use by it.
    pub(crate) is_bad: bool,
}

/// An answer that comes so much after the deadline is late: this machine, too, has its moments.
const LATE_SLACK: Duration = Duration::from_millis(150);

impl Stage {
    /// Starts all of it.
    pub(crate) fn start(args: &LabArgs) -> Result<Self, LabError> {
        let tier = Tier::start(SERVERS_LEN).map_err(machine("start an embedded server"))?;
        let tier = Arc::new(tier);
        let config = lab_config(args.ports.into(), tier.addrs());
        let deadline = config.pools[0].deadline;
        let (deeds, asked_of) = mpsc::channel();
        let remote = Remote { tier: Arc::clone(&tier), deeds };
        let origin = Origin::Settings(evenkeel_config_file::write(&config));
        let proxy = Proxy::start_from(&config, origin, Some(Box::new(remote)));
        let proxy = proxy.map_err(RunError::of_ports)?;
        let addr = match proxy.addresses()[..] {
            [(_, ListenAddress::Tcp(addr)), ..] => addr,
            _ => (Ipv4Addr::LOCALHOST, args.ports.port).into(),
        };
        let late_after = deadline + LATE_SLACK;
        let workload = Workload { addr, requests_per_second: args.rate, late_after };
        match Applications::start(workload) {
            Ok(applications) => {
                let started_at = proxy.handle().now();
                Ok(Self {
                    tier,
                    proxy,
                    applications,
                    addr,
                    deadline,
                    started_at,
                    asked_of,
                    next_event: 0,
                })
            }
            Err(source) => {
                proxy.stop();
                Err(machine("start a thread")(source).into())
            }
        }
    }

    /// Does something to a server.
    pub(crate) fn carry_out(&self, deed: Deed, server: usize) -> Result<(), RunError> {
        deed.carry_out(&self.tier, server).map_err(machine("restart an embedded server"))
    }

    /// What the page has done since this was last called.
    pub(crate) fn take_remote_deeds(&self) -> Vec<(Deed, usize)> {
        self.asked_of.try_iter().collect()
    }

    /// What became of the requests since this was last called.
    pub(crate) fn take_tally(&self) -> Tally {
        self.applications.take()
    }

    /// One of the applications' keys.
    pub(crate) fn example_key(&self) -> &str {
        self.applications.key(0)
    }

    /// The servers, as of now.
    pub(crate) fn servers(&self) -> Vec<ServerLine> {
        let handle = self.proxy.handle();
        let now = handle.now();
        let servers = handle.servers().into_iter().enumerate();
        let lines = servers.map(|(idx, server)| ServerLine {
            name: server.names.server.clone(),
            state: server.standing.state,
            share_percent: match server.usable {
                Usable::Share(share) => Some(share.as_percent()),
                Usable::No | Usable::Yes => None,
            },
            takes_writes: server.standing.takes_writes,
            age: now.saturating_since(server.standing.since),
            reason: server.standing.last.map(|it| format!("{}: {}", it.rule.label(), it.evidence)),
            misplaced_keys: server.misplaced_keys,
            trouble: self.tier.trouble(idx),
            items: self.tier.item_count(idx),
        });
        lines.collect()
    }

    /// The state of one server.
    pub(crate) fn state(&self, server: usize) -> Option<StateName> {
        self.proxy.handle().servers().get(server).map(|server| server.standing.state)
    }

    /// Keys whose last write is not, or may not be, at home.
    pub(crate) fn misplaced_keys(&self) -> usize {
        self.proxy.handle().pools().iter().map(|pool| pool.misplaced_keys).sum()
    }

    /// What has happened since this was last called.
    pub(crate) fn take_events(&mut self) -> Vec<EventLine> {
        let events = self.proxy.handle().events_since(self.next_event);
        self.next_event = events.next;
        let lines = events.events.iter().map(|event| {
            let at = event.at.saturating_since(self.started_at);
            let Some((names, what)) = event.what.server() else {
                return EventLine { at, text: event.what.to_string(), is_bad: false };
            };
            let is_bad = matches!(what, Happening::State(change) if !change.to.is_usable());
            EventLine { at, text: format!("{} {what}", names.server), is_bad }
        });
        lines.collect()
    }

    /// Ends all of it.
    pub(crate) fn stop(self) {
        drop(self.applications);
        self.proxy.stop();
    }
}

/// The way from the admin API to the servers.
struct Remote {
    tier: Arc<Tier>,
    /// Tells the commentary.
    deeds: Sender<(Deed, usize)>,
}

impl Lab for Remote {
    fn servers(&self) -> Vec<LabServer> {
        let server = |(idx, name): (usize, &str)| LabServer {
            server: name.to_owned(),
            fault: self.tier.trouble(idx).map(|trouble| trouble.label().to_owned()),
        };
        NAMES.into_iter().enumerate().map(server).collect()
    }

    fn faults(&self) -> Vec<LabFault> {
        let fault = |deed: Deed| LabFault {
            name: deed.label().to_owned(),
            summary: deed.summary().to_owned(),
        };
        Deed::all().map(fault).collect()
    }

    fn apply<'a>(&'a self, server: &'a str, fault: &'a str) -> Answer<'a, ()> {
        Box::pin(async move {
            let server = NAMES.iter().position(|name| *name == server);
            let deed = Deed::all().find(|deed| deed.label() == fault);
            let (Some(server), Some(deed)) = (server, deed) else {
                return Err(Refusal::NotFound("there is no such server or fault".to_owned()));
            };
            // A relay answers when it has ended its connections; a restart waits for a thread.
            let tier = Arc::clone(&self.tier);
            let done = tokio::task::spawn_blocking(move || deed.carry_out(&tier, server)).await;
            match done {
                Ok(Ok(())) => {
                    // Without a commentary nobody listens.
                    let _ = self.deeds.send((deed, server));
                    Ok(())
                }
                Ok(Err(error)) => Err(Refusal::Conflict(format!("it cannot be done: {error}"))),
                Err(_) => Err(Refusal::Conflict("the lab is ending".to_owned())),
            }
        })
    }
}
