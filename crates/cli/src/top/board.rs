//! What is known of the proxy, what of it is chosen, and what a key does to it.
//!
//! Pure: what happens is handed in with the time at which it did, and what is to be done comes out.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use evenkeel_api::{Event, History, Server, Status};
use evenkeel_core::event::Order as OrderName;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::sort::Sort;
use super::watch::Look;

/// Everything that is drawn.
pub(super) struct Board {
    /// Where the proxy is asked.
    pub(super) address: String,
    /// Its last answer.
    pub(super) status: Option<Status>,
    /// Since when it does not answer, and why.
    pub(super) silence: Option<(Instant, String)>,
    /// The latest at the end, at most [`EVENTS_MAX`].
    pub(super) events: VecDeque<Event>,
    /// The latencies of each server by pool and name, second by second.
    latencies: BTreeMap<ServerName, Vec<Option<u64>>>,
    pub(super) sort: Sort,
    selected: Option<ServerName>,
    pub(super) overlay: Overlay,
    notice: Option<(Notice, Instant)>,
}

/// What a server is known by: its pool, and its name there.
type ServerName = (String, String);

/// What lies over everything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Overlay {
    None,
    /// What the keys do.
    Help,
    /// Whether an order is meant.
    Question(Order),
}

/// An order about a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) what: OrderName,
    pub(super) pool: String,
    pub(super) server: String,
}

/// Something that is said for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Notice {
    pub(super) text: String,
    pub(super) is_failure: bool,
}

/// What a key asks for beyond the board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    None,
    Quit,
    Suspend,
    Order(Order),
}

impl Board {
    pub(super) fn new(address: String) -> Self {
        Self {
            address,
            status: None,
            silence: None,
            events: VecDeque::new(),
            latencies: BTreeMap::new(),
            sort: Sort::START,
            selected: None,
            overlay: Overlay::None,
            notice: None,
        }
    }

    /// The proxy has answered.
    pub(super) fn handle_look(&mut self, look: Look, now: Instant) {
        let Look { status, history, events, is_restarted } = look;
        if is_restarted {
            self.events.clear();
            self.say("the proxy has been restarted".to_owned(), false, now);
        } else if self.silence.is_some() {
            self.say("the proxy answers again".to_owned(), false, now);
        }
        self.silence = None;
        self.events.extend(events);
        let too_many = self.events.len().saturating_sub(EVENTS_MAX);
        self.events.drain(..too_many);
        self.latencies = history.map(latencies).unwrap_or_default();
        self.status = Some(status);
        if self.selected_server().is_none() {
            self.selected = self.servers().first().map(|server| name_of(server));
        }
    }

    /// The proxy has not answered.
    pub(super) fn handle_silence(&mut self, why: String, now: Instant) {
        let since = self.silence.take().map_or(now, |(since, _)| since);
        self.silence = Some((since, why));
    }

    /// What became of an order.
    pub(super) fn handle_outcome(&mut self, outcome: Result<String, String>, now: Instant) {
        let is_failure = outcome.is_err();
        let (Ok(text) | Err(text)) = outcome;
        self.say(text, is_failure, now);
    }

    /// A key has been pressed.
    pub(super) fn handle_key(&mut self, key: KeyEvent) -> Effect {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return match key.code {
                KeyCode::Char('c') => Effect::Quit,
                KeyCode::Char('z') => Effect::Suspend,
                _ => Effect::None,
            };
        }
        match std::mem::replace(&mut self.overlay, Overlay::None) {
            Overlay::None => self.handle_plain_key(key.code),
            Overlay::Help => Effect::None,
            Overlay::Question(order) => match key.code {
                KeyCode::Char('y' | 'Y') => Effect::Order(order),
                KeyCode::Char('n' | 'N' | 'q') | KeyCode::Esc => Effect::None,
                // A key that was meant for something else is neither a yes nor a no.
                _ => {
                    self.overlay = Overlay::Question(order);
                    Effect::None
                }
            },
        }
    }

    fn handle_plain_key(&mut self, code: KeyCode) -> Effect {
        match code {
            KeyCode::Char('q') | KeyCode::Esc => return Effect::Quit,
            KeyCode::Char('?' | 'h') | KeyCode::F(1) => self.overlay = Overlay::Help,
            KeyCode::Up | KeyCode::Char('k') => self.select(|place, _| place.saturating_sub(1)),
            KeyCode::Down | KeyCode::Char('j') => self.select(|place, _| place + 1),
            KeyCode::PageUp => self.select(|place, _| place.saturating_sub(PAGE)),
            KeyCode::PageDown => self.select(|place, _| place + PAGE),
            KeyCode::Home => self.select(|_, _| 0),
            KeyCode::End => self.select(|_, len| len),
            KeyCode::Char('s') => self.sort = self.sort.next(),
            KeyCode::Char('S') => self.sort = self.sort.reversed(),
            KeyCode::Char('d') => self.ask(OrderName::Drain),
            KeyCode::Char('r') => self.ask(OrderName::Readmit),
            KeyCode::Char('f') => self.ask(OrderName::Flush),
            _ => {}
        }
        Effect::None
    }

    /// The servers as they are sorted.
    pub(super) fn servers(&self) -> Vec<&Server> {
        let pools = self.status.as_ref().map(|status| status.pools.as_slice());
        self.sort.sorted(pools.unwrap_or_default())
    }

    /// The chosen one's place among them.
    pub(super) fn selected_place(&self) -> Option<usize> {
        let selected = self.selected.as_ref()?;
        self.servers().iter().position(|server| name_of(server) == *selected)
    }

    /// The chosen one.
    pub(super) fn selected_server(&self) -> Option<&Server> {
        self.servers().get(self.selected_place()?).copied()
    }

    /// Its latencies, second by second, in microseconds.
    pub(super) fn latencies(&self, server: &Server) -> &[Option<u64>] {
        self.latencies.get(&name_of(server)).map_or(&[], Vec::as_slice)
    }

    /// What is said at the moment.
    pub(super) fn notice(&self, now: Instant) -> Option<&Notice> {
        let (notice, until) = self.notice.as_ref()?;
        (now < *until).then_some(notice)
    }

    fn say(&mut self, text: String, is_failure: bool, now: Instant) {
        self.notice = Some((Notice { text, is_failure }, now + NOTICE_TIME));
    }

    fn select(&mut self, step: impl FnOnce(usize, usize) -> usize) {
        let (place, servers) = (self.selected_place().unwrap_or(0), self.servers());
        let place = step(place, servers.len()).min(servers.len().saturating_sub(1));
        self.selected = servers.get(place).map(|server| name_of(server));
    }

    fn ask(&mut self, what: OrderName) {
        if let Some(server) = self.selected_server() {
            let (pool, server) = name_of(server);
            self.overlay = Overlay::Question(Order { what, pool, server });
        }
    }
}

fn name_of(server: &Server) -> ServerName {
    (server.pool.clone(), server.name.clone())
}

fn latencies(history: History) -> BTreeMap<ServerName, Vec<Option<u64>>> {
    let pools = history.pools.into_iter();
    let servers = pools.flat_map(|pool| {
        let name = pool.pool;
        pool.servers.into_iter().map(move |it| ((name.clone(), it.server), it.p99_us))
    });
    servers.collect()
}

/// More than a screen has lines.
const EVENTS_MAX: usize = 500;
/// How far a page goes.
const PAGE: usize = 10;
const NOTICE_TIME: Duration = Duration::from_secs(6);

#[cfg(test)]
mod tests;
