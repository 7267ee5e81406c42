//! The board, drawn.
//!
//! From top to bottom: the process, its pools, the servers, the chosen server in words, what has
//! happened, and the keys. What does not fit is left out: of the servers' columns the last, then
//! events, then pools; the servers stay.

mod overlay;
mod servers;

use std::env;
use std::time::{Duration, Instant};

use evenkeel_api::{Connections, Pool, ReloadOutcome, Server, Status};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph, Wrap};

use crate::failure::count;
use crate::figures;
use crate::keys;
use crate::paper::Tone;
use crate::status::{misplaced, tone_of_pool};

use super::board::{Board, Overlay};

/// Whether there are colours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Colours {
    pub(super) are_wanted: bool,
}

impl Colours {
    /// As the environment wants it.
    pub(super) fn of_environment() -> Self {
        let says_no = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { are_wanted: !says_no }
    }

    fn style(self, tone: Tone) -> Style {
        let style = match tone {
            Tone::Plain => Style::new(),
            Tone::Good => Style::new().fg(Color::Green),
            Tone::Doubtful => Style::new().fg(Color::Yellow),
            Tone::Bad => Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
            Tone::Faint => Style::new().add_modifier(Modifier::DIM),
            Tone::Strong => Style::new().add_modifier(Modifier::BOLD),
        };
        if self.are_wanted { style } else { Style { fg: None, ..style } }
    }
}

/// Draws all of it.
pub(super) fn draw(frame: &mut Frame<'_>, board: &Board, now: Instant, colours: Colours) {
    let area = frame.area();
    let pools = board.status.as_ref().map_or(0, |status| status.pools.len());
    let rows = Rows::new(area.height, pools, board.servers().len());
    let [heading, pools, servers, chosen, events, keys] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Length(rows.pools),
        Constraint::Min(2),
        Constraint::Length(rows.chosen),
        Constraint::Length(rows.events),
        Constraint::Length(1),
    ])
    .areas(area);
    draw_heading(frame, heading, board, now, colours);
    draw_pools(frame, pools, board, colours);
    servers::draw(frame, servers, board, colours);
    draw_chosen(frame, chosen, board);
    draw_events(frame, events, board, colours);
    draw_keys(frame, keys, board, now, colours);
    match &board.overlay {
        Overlay::None => {}
        Overlay::Help => overlay::draw_help(frame),
        Overlay::Question(order) => overlay::draw_question(frame, order),
    }
}

/// How many lines each part has.
struct Rows {
    pools: u16,
    chosen: u16,
    events: u16,
}

impl Rows {
    fn new(height: u16, pools: usize, servers: usize) -> Self {
        // The heading, the keys, the servers' own heading and one of them.
        let free = height.saturating_sub(2 + 1 + 2);
        let pools = u16::try_from(pools).unwrap_or(POOLS_MAX).min(POOLS_MAX).min(free / 4);
        let chosen = match free {
            0..8 => 0,
            8..14 => 2,
            14.. => 4,
        };
        let free = free - pools - chosen;
        let servers = u16::try_from(servers).unwrap_or(u16::MAX);
        // Half of it at least, and what the servers leave.
        let events = free.saturating_sub(servers.saturating_sub(1)).max(free / 2);
        let events = if events >= EVENTS_MIN { events } else { 0 };
        Self { pools, chosen, events }
    }
}

fn draw_heading(frame: &mut Frame<'_>, area: Rect, board: &Board, now: Instant, colours: Colours) {
    let Some(status) = &board.status else { return };
    let link = match &board.silence {
        None => reload(status, colours),
        Some((since, why)) => {
            let time = figures::lasting(now.saturating_duration_since(*since));
            let text = format!("no answer for {time}, what is shown is old: {why}");
            Span::styled(text, colours.style(Tone::Bad))
        }
    };
    let lines = vec![Line::from(process(status, &board.address, colours)), Line::from(link)];
    frame.render_widget(Paragraph::new(lines), area);
}

fn process(status: &Status, address: &str, colours: Colours) -> Vec<Span<'static>> {
    let uptime = figures::lasting(Duration::from_secs(status.uptime_seconds));
    let sessions = status.sessions_open.map(|open| format!("; {}", count(open, "session")));
    let sessions = sessions.unwrap_or_default();
    let text =
        format!(" at {address}, {} UTC: for {uptime}{sessions}", figures::time_of_day(&status.at));
    let name = format!("evenkeel {}", status.version);
    vec![Span::styled(name, colours.style(Tone::Strong)), Span::raw(text)]
}

/// What became of the last reload, if there was one.
fn reload(status: &Status, colours: Colours) -> Span<'static> {
    let Some(reload) = &status.last_reload else { return Span::raw("") };
    let at = figures::moment(&reload.at);
    match reload.outcome {
        ReloadOutcome::Applied => Span::raw(format!("configuration of {at}")),
        ReloadOutcome::Unchanged => Span::raw(format!("reloaded at {at}, nothing had changed")),
        ReloadOutcome::Refused => {
            let fault = reload.faults.first().map_or("", String::as_str);
            let text = format!("the reload at {at} was refused: {fault}");
            Span::styled(text, colours.style(Tone::Bad))
        }
    }
}

fn draw_pools(frame: &mut Frame<'_>, area: Rect, board: &Board, colours: Colours) {
    let Some(status) = &board.status else { return };
    let lines: Vec<_> = status.pools.iter().map(|pool| of_pool(status, pool, colours)).collect();
    frame.render_widget(Paragraph::new(lines), area);
}

fn of_pool(status: &Status, pool: &Pool, colours: Colours) -> Line<'static> {
    let (usable, len) = (pool.servers_usable, pool.servers.len());
    let keys = keys::of_pool(&status.listeners, &pool.name);
    Line::from(vec![
        Span::raw("pool "),
        Span::styled(pool.name.clone(), colours.style(Tone::Strong)),
        Span::raw(": "),
        Span::styled(format!("{usable} of {len} usable"), colours.style(tone_of_pool(pool))),
        Span::raw(format!(
            "; hits {}; {}{}",
            figures::known_percent(pool.hit_percent),
            misplaced(pool),
            keys.map(|keys| format!("; {keys}")).unwrap_or_default(),
        )),
    ])
}

fn draw_chosen(frame: &mut Frame<'_>, area: Rect, board: &Board) {
    let Some(server) = board.selected_server() else { return };
    let reason = format!("{}/{}: {}", server.pool, server.name, server.reason);
    let lines = vec![Line::from(reason), Line::from(details(server))];
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: true }), area);
}

/// What else there is to know of a server, what it says of itself at the end.
fn details(server: &Server) -> String {
    let Connections { open, wanted } = server.connections;
    let mut parts = vec![format!("{open} of {} to it", count(wanted, "connection"))];
    if let Some(all) = &server.latencies.all {
        let [p50, p95] = [all.p50_us, all.p95_us].map(|it| figures::micros(Some(it)));
        parts.push(format!("p50 {p50}, p95 {p95}"));
    }
    let Some(report) = &server.report else { return parts.join("; ") };
    let of = |number: Option<String>, max: Option<String>| match (number, max) {
        (Some(number), Some(max)) => Some(format!("{number} of {max}")),
        (number, _) => number,
    };
    let bytes = |number: Option<u64>| number.map(figures::bytes);
    let number = |number: Option<u64>| number.map(figures::count);
    let uptime = report.uptime_seconds.map(|it| figures::lasting(Duration::from_secs(it)));
    let says = [
        report.version.as_ref().map(|version| format!("version {version}")),
        uptime.map(|uptime| format!("up for {uptime}")),
        of(bytes(report.memory_bytes), bytes(report.memory_bytes_max))
            .map(|memory| format!("memory {memory}")),
        of(number(report.connections), number(report.connections_max))
            .map(|connections| format!("{connections} connections")),
        number(report.evictions).map(|evictions| format!("{evictions} evictions")),
    ];
    let says: Vec<_> = says.into_iter().flatten().collect();
    if !says.is_empty() {
        parts.push(format!("it says: {}", says.join(", ")));
    }
    parts.join("; ")
}

fn draw_events(frame: &mut Frame<'_>, area: Rect, board: &Board, colours: Colours) {
    if area.height == 0 {
        return;
    }
    let block = Block::new().borders(Borders::TOP).title("events, the latest first ");
    let shown = usize::from(area.height.saturating_sub(1));
    let lines = board.events.iter().rev().take(shown).map(|event| {
        let tone = event.to.as_deref().map_or(Tone::Plain, Tone::of_state);
        Line::from(vec![
            Span::styled(figures::time_of_day(&event.at), colours.style(Tone::Faint)),
            Span::raw(" "),
            Span::styled(event.text.as_str(), colours.style(tone)),
        ])
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()).block(block), area);
}

fn draw_keys(frame: &mut Frame<'_>, area: Rect, board: &Board, now: Instant, colours: Colours) {
    let line = match board.notice(now) {
        Some(notice) => {
            let tone = if notice.is_failure { Tone::Bad } else { Tone::Strong };
            Line::styled(notice.text.clone(), colours.style(tone))
        }
        None => Line::styled(
            "q quit  ? help  ↑↓ choose  d drain  r readmit  f flush  s sort  S turn",
            colours.style(Tone::Faint),
        ),
    };
    frame.render_widget(Paragraph::new(line), area);
}

const POOLS_MAX: u16 = 6;
/// With its heading.
const EVENTS_MIN: u16 = 3;

#[cfg(test)]
mod tests;
