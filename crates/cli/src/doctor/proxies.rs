//! Running proxies: what they say, and their servers and listeners as they are from here.
//!
//! # Where things are
//! A loopback address means the machine of whoever uses it. What a proxy on another machine calls
//! `127.0.0.1` is not examined from here: this machine may have something else there.
//!
//! # Time
//! A proxy's first answer is waited for before its servers can be examined. What that takes is
//! taken off their time, so that the whole takes no longer than servers alone.

use std::fs;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use evenkeel_api::{Listener, Server, Status};
use evenkeel_core::config::{Comparison, Config, ServerAddress};
use evenkeel_doctor::facts::{
    Gap, Group, HookTally, Member, Place, ProxyFacts, ProxyUnreachable, ProxyUnreachableKind,
    ProxyView, ServerFacts, name_of,
};
use evenkeel_doctor::{Options, Target};

use super::roster::Roster;
use crate::admin::{Admin, AdminError};

/// What was found by way of proxies.
pub(super) struct Found {
    pub(super) proxies: Vec<ProxyFacts>,
    /// Servers and listeners that were not named otherwise.
    pub(super) servers: Vec<ServerFacts>,
    /// Which of all servers are listeners of proxies, by name.
    pub(super) listeners: Vec<String>,
    /// The pools.
    pub(super) groups: Vec<Group>,
    pub(super) took: Duration,
}

/// Asks proxies, and examines what they name and nobody else did.
pub(super) async fn examine(admins: &[Admin], named: &Roster, options: Options) -> Found {
    let begun_at = Instant::now();
    let asking: Vec<_> = admins.iter().cloned().map(|it| blocking(move || Asked::of(it))).collect();
    let mut asked = Vec::new();
    for one in asking {
        asked.push(joined(one.await));
    }
    let mut roster = named.clone();
    let mut listeners = Vec::new();
    let mut groups = Vec::new();
    for one in &mut asked {
        one.find_places(&mut roster, &mut listeners, &mut groups);
    }
    let targets = roster.targets.split_off(named.targets.len());
    let budget = options.budget.saturating_sub(begun_at.elapsed());
    let examination = evenkeel_doctor::examine(targets, Options { budget, ..options });
    let telling: Vec<_> = asked.into_iter().map(|it| blocking(move || it.facts())).collect();
    let telling = async {
        let mut proxies = Vec::new();
        for one in telling {
            proxies.push(joined(one.await));
        }
        proxies
    };
    let (examination, proxies) = tokio::join!(examination, telling);
    let took = begun_at.elapsed();
    Found { proxies, servers: examination.servers, listeners, groups, took }
}

fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    tokio::task::spawn_blocking(work)
}

fn joined<T>(result: Result<T, tokio::task::JoinError>) -> T {
    result.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// A proxy that was asked for its status.
struct Asked {
    admin: Admin,
    at: SystemTime,
    begun_at: Instant,
    /// It runs on this machine, so that its loopback is ours.
    is_here: bool,
    status: Result<Status, ProxyUnreachable>,
    servers: Vec<Place>,
    listeners: Vec<Place>,
}

impl Asked {
    fn of(admin: Admin) -> Self {
        let (at, begun_at) = (SystemTime::now(), Instant::now());
        let status = admin.status();
        let after = begun_at.elapsed();
        let status = status.map_err(|error| ProxyUnreachable {
            kind: kind_of(&error),
            words: error.in_brief(),
            after,
        });
        let is_here = status.as_ref().is_ok_and(|it| is_here(admin.address(), it.pid));
        Self { admin, at, begun_at, is_here, status, servers: Vec::new(), listeners: Vec::new() }
    }

    /// Enters its servers and listeners among those to examine.
    fn find_places(
        &mut self,
        roster: &mut Roster,
        listeners: &mut Vec<String>,
        groups: &mut Vec<Group>,
    ) {
        let Ok(status) = &self.status else { return };
        for pool in &status.pools {
            let mut members = Vec::new();
            for server in &pool.servers {
                let examined = self.target_of(server).map(|it| roster.add(it));
                if let Ok(name) = &examined {
                    members.push(Member { server: name.clone(), weight: server.weight });
                }
                self.servers.push(Place { name: name_of(server), examined });
            }
            let name = format!("pool {}", pool.name);
            groups.push(Group { name, is_pool: true, members });
        }
        for listener in &status.listeners {
            let examined = self.target_of_listener(listener).map(|it| roster.add(it));
            listeners.extend(examined.iter().cloned());
            self.listeners.push(Place { name: listener.name.clone(), examined });
        }
    }

    fn target_of(&self, server: &Server) -> Result<Target, String> {
        let address: ServerAddress = server
            .address
            .parse()
            .map_err(|error| format!("its address {} cannot be read: {error}", server.address))?;
        if !self.is_here && is_loopback(address.host()) {
            return Err(elsewhere(&server.address));
        }
        Ok(Target::memcached(address).named(name_of(server)))
    }

    fn target_of_listener(&self, listener: &Listener) -> Result<Target, String> {
        let shown = &listener.address;
        let addr: SocketAddr =
            shown.parse().map_err(|_| format!("{shown} is no address of the network"))?;
        let (own, _) = parted(self.admin.address());
        let address = match addr.ip() {
            ip if ip.is_unspecified() => ServerAddress::new(own, addr.port()),
            ip if ip.is_loopback() && !self.is_here => return Err(elsewhere(shown)),
            ip => ServerAddress::new(&ip.to_string(), addr.port()),
        };
        let address = address.map_err(|error| format!("{shown} cannot be reached: {error}"))?;
        let name = format!("listener {} ({address})", listener.name);
        Ok(Target::memcached(address).named(name))
    }

    /// Asks for the rest.
    fn facts(self) -> ProxyFacts {
        let mut gaps = Vec::new();
        let name = format!("http://{}", self.admin.address());
        let Self { admin, at, begun_at, is_here, status, servers, listeners } = self;
        let view = status.map(|status| {
            let details = Details::of(&admin, &status, &mut gaps);
            let settings = details.configuration.as_ref();
            let settings =
                settings.and_then(|it| evenkeel_config_file::parse("settings", &it.toml).ok());
            let file = details.configuration.as_ref().and_then(|it| it.file.as_deref());
            let file_differences = match (&settings, file) {
                (Some(settings), Some(file)) if is_here => differences(settings, file, status.pid),
                _ => Vec::new(),
            };
            Box::new(ProxyView {
                status,
                configuration: details.configuration,
                settings,
                file_differences,
                history: details.history,
                events: details.events,
                hooks: details.hooks,
                servers,
                listeners,
            })
        });
        ProxyFacts { name, at, took: begun_at.elapsed(), view, gaps }
    }
}

/// What else a proxy says.
struct Details {
    configuration: Option<evenkeel_api::Configuration>,
    history: Option<evenkeel_api::History>,
    events: Vec<evenkeel_api::Event>,
    hooks: Vec<HookTally>,
}

impl Details {
    /// Asks for all of it at once.
    fn of(admin: &Admin, status: &Status, gaps: &mut Vec<Gap>) -> Self {
        let since = status.next_event.saturating_sub(EVENTS_MAX);
        let (configuration, history, events, metrics) = thread::scope(|scope| {
            let configuration = scope.spawn(|| admin.configuration());
            let history = scope.spawn(|| admin.history(HISTORY_SECONDS));
            let events = scope.spawn(|| admin.events(since));
            let metrics = scope.spawn(|| admin.metrics());
            (ended(configuration), ended(history), ended(events), ended(metrics))
        });
        let hooks = known(metrics, "/metrics", gaps).map(|it| hook_tallies(&it));
        Self {
            configuration: known(configuration, "/api/v1/configuration", gaps),
            history: known(history, "/api/v1/history", gaps),
            events: known(events, "/api/v1/events", gaps).map(|it| it.events).unwrap_or_default(),
            hooks: hooks.unwrap_or_default(),
        }
    }
}

fn ended<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn known<T>(answer: Result<T, AdminError>, what: &str, gaps: &mut Vec<Gap>) -> Option<T> {
    let gap = |error: AdminError| gaps.push(Gap { what: what.to_owned(), why: error.in_brief() });
    answer.map_err(gap).ok()
}

/// `evenkeel_hook_deliveries_total{hook="x",outcome="failed"} 3`.
fn hook_tallies(metrics: &str) -> Vec<HookTally> {
    let lines = metrics.lines().filter_map(|line| {
        let labels = line.strip_prefix("evenkeel_hook_deliveries_total{")?;
        let (labels, times) = labels.rsplit_once("} ")?;
        let (hook, outcome) = labels.split_once("\",outcome=\"")?;
        Some(HookTally {
            hook: hook.strip_prefix("hook=\"")?.to_owned(),
            outcome: outcome.strip_suffix('"')?.to_owned(),
            times: times.trim().parse().ok()?,
        })
    });
    lines.collect()
}

/// What the file says otherwise than what is in effect: nothing while the proxy may be reading it.
fn differences(settings: &Config, file: &str, pid: u32) -> Vec<String> {
    let path = Path::new("/proc").join(pid.to_string()).join("cwd").join(file);
    let modified = fs::metadata(&path).and_then(|it| it.modified()).ok();
    let age = modified.and_then(|it| SystemTime::now().duration_since(it).ok());
    if age.is_none_or(|it| it < FILE_AGE_MIN) {
        return Vec::new();
    }
    let Ok(config) = evenkeel_config_file::load(&path) else { return Vec::new() };
    Comparison::new(settings, &config).changes.iter().map(ToString::to_string).collect()
}

fn kind_of(error: &AdminError) -> ProxyUnreachableKind {
    match error {
        AdminError::Unreachable { .. } => ProxyUnreachableKind::Unreachable,
        AdminError::Silent { .. } | AdminError::Closed { .. } => ProxyUnreachableKind::Silent,
        AdminError::Unauthorized { .. } => ProxyUnreachableKind::Unauthorized,
        AdminError::Address { .. }
        | AdminError::Token { .. }
        | AdminError::NotConfigured { .. }
        | AdminError::Refused { .. }
        | AdminError::Foreign { .. } => ProxyUnreachableKind::Foreign,
    }
}

/// Whether a process that was reached at this address runs on this machine. A loopback address may
/// be a tunnel's end: there, no process has that number.
fn is_here(address: &str, pid: u32) -> bool {
    let (host, _) = parted(address);
    let is_ours = is_loopback(host)
        || host.parse::<IpAddr>().is_ok_and(|ip| UdpSocket::bind((ip, 0)).is_ok());
    is_ours && Path::new("/proc").join(pid.to_string()).exists()
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// An address' name or IP address, without brackets, and its port.
fn parted(address: &str) -> (&str, &str) {
    let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
    (host.trim_start_matches('[').trim_end_matches(']'), port)
}

fn elsewhere(address: &str) -> String {
    format!("{address} is a loopback address, and the proxy runs on another machine")
}

const HISTORY_SECONDS: u16 = 600;
/// As many as a proxy keeps.
const EVENTS_MAX: u64 = 1024;
/// A proxy reads its file within seconds of a change.
const FILE_AGE_MIN: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_of_hooks_are_read_from_metrics() {
        let text = "# TYPE evenkeel_hook_deliveries_total counter\n\
                    evenkeel_hook_deliveries_total{hook=\"a\",outcome=\"delivered\"} 12\n\
                    evenkeel_hook_deliveries_total{hook=\"a\",outcome=\"failed\"} 3\n\
                    evenkeel_hook_deliveries_total{broken 3\n\
                    evenkeel_other_total{hook=\"a\",outcome=\"failed\"} 3\n";
        let tallies = hook_tallies(text);
        let seen: Vec<_> = tallies.iter().map(|it| (it.outcome.as_str(), it.times)).collect();
        assert_eq!(seen, [("delivered", 12), ("failed", 3)]);
    }

    #[test]
    fn a_tunnel_is_not_this_machine() {
        let pid = std::process::id();
        for (address, pid, expected) in [
            ("127.0.0.1:9311", pid, true),
            ("[::1]:9311", pid, true),
            ("localhost:9311", pid, true),
            // No process has this number.
            ("127.0.0.1:9311", u32::MAX, false),
            // An address of documentation is no machine's.
            ("192.0.2.1:9311", pid, false),
        ] {
            assert_eq!(is_here(address, pid), expected, "{address} {pid}");
        }
    }
}
