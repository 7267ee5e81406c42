//! The table of the servers.

use evenkeel_api::Server;
use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::Text;
use ratatui::widgets::{Cell, Row, Table, TableState};

use crate::figures;
use crate::paper::Tone;
use crate::status::{hit_percent, state};
use crate::text;
use crate::top::board::Board;
use crate::top::sort::{SortBy, p99_us};
use crate::top::sparkline::sparkline;
use crate::top::watch::HISTORY_SECONDS;

use super::Colours;

/// Draws as many columns and servers as there is room for; the chosen one is among them.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, board: &Board, colours: Colours) {
    let servers = board.servers();
    let columns = Columns::new(area.width, &servers, has_several_pools(board));
    let rows = servers.iter().map(|server| {
        let shown = columns.shown.iter().map(|column| {
            let text = column.text(server, board, &columns);
            Cell::new(Text::from(text).alignment(column.side()))
                .style(colours.style(column.tone(server)))
        });
        Row::new(shown.collect::<Vec<_>>())
    });
    let heading = columns.shown.iter().map(|column| {
        let text = Text::from(column.title(board, &columns)).alignment(column.side());
        Cell::new(text)
    });
    let heading = Row::new(heading.collect::<Vec<_>>()).style(colours.style(Tone::Faint));
    let widths = columns.shown.iter().map(|it| Constraint::Length(it.width(&columns)));
    let table = Table::new(rows, widths)
        .header(heading)
        .column_spacing(1)
        .highlight_symbol(">")
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    let mut state = TableState::new().with_selected(board.selected_place());
    frame.render_stateful_widget(table, area, &mut state);
}

fn has_several_pools(board: &Board) -> bool {
    board.status.as_ref().is_some_and(|status| status.pools.len() > 1)
}

/// Which columns there are, and how wide those are that take what is left.
struct Columns {
    shown: Vec<Column>,
    name_width: u16,
    line_width: u16,
    is_with_pool: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Name,
    State,
    For,
    Requests,
    Hits,
    Errors,
    Latency,
    Misplaced,
    Line,
}

impl Columns {
    fn new(width: u16, servers: &[&Server], is_with_pool: bool) -> Self {
        let names = servers.iter().map(|server| text::width(&name(server, is_with_pool)));
        let longest = u16::try_from(names.max().unwrap_or(0)).unwrap_or(u16::MAX);
        // The mark of the chosen one.
        let mut left = width.saturating_sub(1);
        let mut shown = vec![Column::Name];
        let name_width = longest.clamp(NAME_MIN, NAME_MAX);
        left = left.saturating_sub(name_width);
        for column in Column::BY_IMPORTANCE {
            let needed = column.fixed_width() + 1;
            if needed > left {
                break;
            }
            left -= needed;
            shown.push(column);
        }
        let line_width = (LINE_MIN + left).min(LINE_MAX);
        left = left.saturating_sub(line_width - LINE_MIN);
        let name_width = longest.clamp(name_width, name_width + left);
        shown.sort_by_key(|column| *column as u8);
        Self { shown, name_width, line_width, is_with_pool }
    }
}

impl Column {
    const BY_IMPORTANCE: [Self; 8] = [
        Self::State,
        Self::Requests,
        Self::Hits,
        Self::Latency,
        Self::Errors,
        Self::For,
        Self::Line,
        Self::Misplaced,
    ];

    fn width(self, columns: &Columns) -> u16 {
        match self {
            Self::Name => columns.name_width,
            Self::Line => columns.line_width,
            column => column.fixed_width(),
        }
    }

    fn fixed_width(self) -> u16 {
        match self {
            Self::Name => NAME_MIN,
            Self::State => 9,
            Self::For | Self::Hits | Self::Errors => 6,
            Self::Requests | Self::Latency | Self::Misplaced => 7,
            Self::Line => LINE_MIN,
        }
    }

    fn side(self) -> Alignment {
        match self {
            Self::Name | Self::State | Self::Line => Alignment::Left,
            Self::For
            | Self::Requests
            | Self::Hits
            | Self::Errors
            | Self::Latency
            | Self::Misplaced => Alignment::Right,
        }
    }

    /// Its title; that of the column by which the servers are sorted has a mark.
    fn title(self, board: &Board, columns: &Columns) -> String {
        let (title, by) = match self {
            Self::Name => ("server", SortBy::Name),
            Self::State => ("state", SortBy::State),
            Self::Requests => ("req/s", SortBy::Requests),
            Self::Hits => ("hits", SortBy::Hits),
            Self::Errors => ("err/s", SortBy::Errors),
            Self::Latency => ("p99", SortBy::Latency),
            Self::Misplaced => ("mispl.", SortBy::Misplaced),
            Self::For => return "for".to_owned(),
            Self::Line if columns.line_width < 16 => return "last min".to_owned(),
            Self::Line => return "p99, last minute".to_owned(),
        };
        match board.sort {
            sort if sort.by != by => title.to_owned(),
            sort if sort.is_reversed => format!("{title}▴"),
            _ => format!("{title}▾"),
        }
    }

    fn text(self, server: &Server, board: &Board, columns: &Columns) -> String {
        match self {
            Self::Name => {
                text::fitted_name(&name(server, columns.is_with_pool), columns.name_width.into())
            }
            Self::State => short_state(server),
            Self::For => figures::lasting(figures::seconds(server.for_seconds)).replace(' ', ""),
            Self::Requests => figures::rate(server.rates.requests),
            Self::Hits => figures::known_percent(hit_percent(server)),
            Self::Errors => figures::rate(server.rates.errors),
            Self::Latency => figures::micros(p99_us(server)),
            Self::Misplaced => figures::count(server.misplaced_keys),
            Self::Line => sparkline(board.latencies(server), columns.line_width.into()),
        }
    }

    fn tone(self, server: &Server) -> Tone {
        match self {
            Self::State => Tone::of_state(&server.state),
            Self::Errors if server.rates.errors > 0.0 => Tone::Bad,
            Self::Misplaced if server.misplaced_keys > 0 => Tone::Doubtful,
            _ => Tone::Plain,
        }
    }
}

/// With its pool if there are several.
fn name(server: &Server, is_with_pool: bool) -> String {
    if is_with_pool { format!("{}/{}", server.pool, server.name) } else { server.name.clone() }
}

/// The state in nine columns: `ret. 40 %` for what is returning, `up -write` for what is not sent
/// writes, `up *flush` for what is to be flushed.
fn short_state(server: &Server) -> String {
    match server.state.as_str() {
        "returning" => format!("ret. {:>2} %", server.share_percent.min(99)),
        "up" if server.is_flush_required => "up *flush".to_owned(),
        "up" if !server.takes_writes => "up -write".to_owned(),
        _ if server.is_flush_required => text::fitted(&state(server), 9),
        state => text::fitted(state, 9),
    }
}

const NAME_MIN: u16 = 12;
/// An IPv4 address and a port; where there is room left, more.
const NAME_MAX: u16 = 21;
const LINE_MIN: u16 = 8;
/// One for each second that is asked for.
const LINE_MAX: u16 = HISTORY_SECONDS;
