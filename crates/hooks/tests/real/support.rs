//! A control plane to whose servers things happen, and what waits for a condition.

pub(crate) mod receiver;

use std::sync::Arc;
use std::time::{Duration, Instant};

use evenkeel_api as api;
use evenkeel_control::events::{Event, Numbered, Occasion};
use evenkeel_control::setup::{Driver, Parts};
use evenkeel_control::{Shared, set_up};
use evenkeel_core::config::{HookAction, HookConfig, PoolConfig, ServerConfig};
use evenkeel_core::event::{Evidence, Happening, Rule, StateName, Transition};
use evenkeel_core::failure::Failure;
use evenkeel_core::routing::ServerId;
use evenkeel_hooks::{HookTally, Hooks};

/// More than anything here takes on a machine that is busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Hooks, and a control plane that is not run: what happens, the test says.
pub(crate) struct Rig {
    pub(crate) hooks: Hooks,
    shared: Arc<Shared>,
    /// Dropping this ends the events.
    control_plane: Option<evenkeel_control::ControlPlane>,
}

impl Rig {
    /// Twenty servers, and these hooks.
    pub(crate) fn new(configs: &[HookConfig]) -> Self {
        let server = |idx| ServerConfig::new(format!("10.0.0.{idx}").parse().expect("an address"));
        let pool = PoolConfig::new("main".parse().expect("a name"), (0..20).map(server).collect());
        let Parts { shared, handle, control_plane, .. } =
            set_up(&[pool], Driver::default()).expect("a pool without faults");
        let mut hooks = Hooks::new(handle, Arc::new(described));
        hooks.apply(configs, 0).expect("the system has a thread");
        Self { hooks, shared, control_plane: Some(control_plane) }
    }

    /// A server changes its state.
    pub(crate) fn change(&self, server: u16, from: StateName, to: StateName) {
        let evidence = Evidence::Request(Failure::Refused, 0);
        let what = Happening::State(Transition { from, to, rule: Rule::Refused, evidence });
        let id = ServerId(server);
        let names = Arc::clone(&self.shared.server(id).names);
        let what = Occasion::Server { id, names, what };
        self.shared.events.push(Event { at: self.shared.now(), what });
    }

    /// A server is ejected.
    pub(crate) fn eject(&self, server: u16) {
        self.change(server, StateName::Suspect, StateName::Down);
    }

    /// Nothing happens any more.
    pub(crate) fn end(&mut self) {
        self.control_plane = None;
    }

    /// What became of the messages of the only hook.
    pub(crate) fn tally(&self) -> HookTally {
        self.hooks.deliveries().tallies().remove(0)
    }

    /// Waits until this is true of the only hook's tally.
    #[track_caller]
    pub(crate) fn wait_for_tally(&self, is_there: impl Fn(&HookTally) -> bool) {
        wait_for(|| is_there(&self.tally()).then_some(()), || format!("{:?}", self.tally()));
    }
}

/// An event, as the admin API describes it.
fn described(told: &Numbered) -> api::Event {
    let (names, what) = told.event.what.server().expect("it happens to servers");
    let state = match what {
        Happening::State(it) => Some((it.from.label(), it.to.label(), it.rule.label())),
        _ => None,
    };
    api::Event {
        number: told.number,
        at: "2026-11-22T03:00:00.000Z".to_owned(),
        kind: what.label().to_owned(),
        pool: Some(names.pool.to_string()),
        server: Some(names.server.clone()),
        from: state.map(|(from, ..)| from.to_owned()),
        to: state.map(|(_, to, _)| to.to_owned()),
        rule: state.map(|(.., rule)| rule.to_owned()),
        evidence: None,
        text: format!("{names} {what}"),
    }
}

/// A hook with the shortest interval there is.
pub(crate) fn hook(action: HookAction) -> HookConfig {
    HookConfig {
        interval: HookConfig::INTERVAL.min,
        ..HookConfig::new("test".parse().expect("a name"), action)
    }
}

/// Looks until there is something, for as long as patience lasts.
#[track_caller]
pub(crate) fn wait_for<T>(mut look: impl FnMut() -> Option<T>, seen: impl Fn() -> String) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "it does not come about: {}", seen());
        std::thread::sleep(Duration::from_millis(5));
    }
}
