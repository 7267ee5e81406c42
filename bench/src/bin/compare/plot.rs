//! The ratios as a picture: a row for each workload, a mark for each peer with its spread, a line
//! at 1 for the peer that the ratios are to, and what is asked.

use std::fmt::Write;

use evenkeel_bench::spread::Spread;
use evenkeel_load::Pace;

use crate::comparison::Comparison;
use crate::measure::Figure;
use crate::peer::Peer;
use crate::rows::Bound;

/// The picture, as SVG.
pub(crate) fn render(comparisons: &[Comparison]) -> String {
    let to = Peer::PROXIES[0];
    let panels = [
        (Figure::Cpu, "CPU time per request (less is better)"),
        (Figure::Rate, "Throughput (more is better)"),
        (Figure::P99, "p99 of latency (less is better)"),
    ];
    let lefts = (0..panels.len()).map(|idx| LABELS_WIDTH + float(idx) * (PANEL_WIDTH + PANEL_GAP));
    let panels = panels.into_iter().zip(lefts);
    let panels: Vec<_> =
        panels.map(|((figure, title), left)| Panel { figure, title, left }).collect();
    let shown: Vec<_> = comparisons
        .iter()
        .filter(|it| it.ratio(Figure::Cpu, Peer::Evenkeel, to).is_some())
        .collect();
    let mut drawing = Drawing::new(shown.len());
    drawing.legend();
    for (idx, comparison) in shown.iter().enumerate() {
        drawing.label(idx, comparison.row.name);
    }
    for panel in &panels {
        drawing.axis(panel);
        for (idx, comparison) in shown.iter().enumerate() {
            drawing.row(panel, idx, comparison, to);
        }
    }
    drawing.end()
}

/// One figure's part of the picture.
struct Panel {
    figure: Figure,
    title: &'static str,
    left: f64,
}

impl Panel {
    /// Where a ratio stands. The axis is logarithmic: half and twice are equally far from 1.
    fn x(&self, ratio: f64) -> f64 {
        let (least, greatest) = (RATIO_MIN.log2(), RATIO_MAX.log2());
        let part = (ratio.clamp(RATIO_MIN, RATIO_MAX).log2() - least) / (greatest - least);
        self.left + part * PANEL_WIDTH
    }
}

struct Drawing {
    svg: String,
    rows: f64,
}

impl Drawing {
    fn new(rows: usize) -> Self {
        let rows = float(rows);
        let height = TOP + rows * ROW_HEIGHT + BOTTOM;
        let mut this = Self { svg: String::new(), rows };
        let width = LABELS_WIDTH + 3.0 * PANEL_WIDTH + 2.0 * PANEL_GAP + RIGHT;
        this.push(&format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"sans-serif\" font-size=\"13\">"
        ));
        this.push(&format!("<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>"));
        this
    }

    fn push(&mut self, element: &str) {
        writeln!(self.svg, "{element}").expect("a string takes every character");
    }

    fn text(&mut self, x: f64, y: f64, anchor: &str, text: &str) {
        self.push(&format!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{INK}\">{text}</text>"
        ));
    }

    fn line(&mut self, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2], style: &str) {
        self.push(&format!(
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" {style}/>"
        ));
    }

    fn legend(&mut self) {
        let mut x = LABELS_WIDTH;
        for (peer, color) in COLORS {
            self.push(&format!("<circle cx=\"{x:.1}\" cy=\"20\" r=\"5\" fill=\"{color}\"/>"));
            self.text(x + 10.0, 24.5, "start", peer.name());
            x += 110.0;
        }
        self.asked([x, 12.0], [x, 28.0]);
        self.text(x + 10.0, 24.5, "start", "asked of evenkeel");
        let text = "points: median of the rounds; whiskers: least and greatest";
        self.text(x + 150.0, 24.5, "start", text);
    }

    fn label(&mut self, idx: usize, name: &str) {
        self.text(LABELS_WIDTH - 14.0, middle(idx) + 4.5, "end", name);
    }

    /// The title, the scale, and the line at 1.
    fn axis(&mut self, panel: &Panel) {
        let bottom = TOP + self.rows * ROW_HEIGHT;
        let middle = panel.left + PANEL_WIDTH / 2.0;
        self.text(
            middle,
            TOP - 14.0,
            "middle",
            &format!("<tspan font-weight=\"bold\">{}</tspan>", panel.title),
        );
        for (ratio, name) in SCALE {
            let x = panel.x(ratio);
            let is_one = name == "1";
            let style = if is_one { LINE_OF_ONE } else { GRID };
            self.line([x, TOP], [x, bottom], style);
            self.text(x, bottom + 18.0, "middle", name);
        }
        self.text(middle, bottom + 38.0, "middle", "ratio to twemproxy");
    }

    /// One workload's marks.
    fn row(&mut self, panel: &Panel, idx: usize, comparison: &Comparison, to: Peer) {
        let top = middle(idx) - ROW_HEIGHT / 2.0;
        let bottom = top + ROW_HEIGHT;
        self.line([panel.left, top], [panel.left + PANEL_WIDTH, top], GRID);
        self.line([panel.left, bottom], [panel.left + PANEL_WIDTH, bottom], GRID);
        // At a fixed rate everybody has the same.
        let is_open = matches!(comparison.row.workload.pace, Pace::Open { .. });
        if is_open && panel.figure == Figure::Rate {
            return;
        }
        let asked = comparison.row.asked.iter();
        for asked in asked.filter(|asked| asked.figure == panel.figure && asked.to == to) {
            let (Bound::AtMost(bound) | Bound::AtLeast(bound)) = asked.bound;
            let x = panel.x(bound);
            self.asked([x, top + 3.0], [x, bottom - 3.0]);
        }
        // Each peer has its height in the row, whoever else is there.
        let step = (ROW_HEIGHT - 12.0) / float(COLORS.len());
        for (place, (peer, color)) in COLORS.into_iter().enumerate() {
            if let Some(ratio) = comparison.ratio(panel.figure, peer, to) {
                self.mark(panel, top + 6.0 + (float(place) + 0.5) * step, color, ratio, peer);
            }
        }
    }

    /// A ratio's median as a point, with whiskers and, for Evenkeel, its number.
    fn mark(&mut self, panel: &Panel, y: f64, color: &str, ratio: Spread, peer: Peer) {
        let Spread { min, median, max } = ratio;
        let style = format!("stroke=\"{color}\" stroke-width=\"2\"");
        self.line([panel.x(min), y], [panel.x(max), y], &style);
        for end in [min, max] {
            self.line([panel.x(end), y - 3.0], [panel.x(end), y + 3.0], &style);
        }
        let x = panel.x(median);
        let title = format!("{}: {ratio}", peer.name());
        self.push(&format!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.5\" fill=\"{color}\"><title>{title}</title></circle>"
        ));
        if peer == Peer::Evenkeel {
            let (right, left) = (panel.x(max) + 7.0, panel.x(min) - 7.0);
            let has_room = right + NUMBER_WIDTH < panel.left + PANEL_WIDTH;
            let (x, anchor) = if has_room { (right, "start") } else { (left, "end") };
            self.push(&format!(
                "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\" font-size=\"11\" \
                 fill=\"{color}\" stroke=\"#ffffff\" stroke-width=\"3\" paint-order=\"stroke\">\
                 {median:.2}</text>",
                y + 4.0
            ));
        }
    }

    fn asked(&mut self, from: [f64; 2], to: [f64; 2]) {
        self.line(from, to, ASKED);
    }

    fn end(mut self) -> String {
        self.push("</svg>");
        self.svg
    }
}

/// The height of a row's middle.
fn middle(idx: usize) -> f64 {
    TOP + (float(idx) + 0.5) * ROW_HEIGHT
}

fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).expect("there are few rows and peers"))
}

/// Colours that people who see no red or no green can tell apart.
const COLORS: [(Peer, &str); 4] = [
    (Peer::Evenkeel, "#0072b2"),
    (Peer::Forwarder, "#777777"),
    (Peer::Haproxy, "#e69f00"),
    (Peer::Direct, "#009e73"),
];
const INK: &str = "#222222";
const GRID: &str = "stroke=\"#dddddd\" stroke-width=\"1\"";
const LINE_OF_ONE: &str = "stroke=\"#222222\" stroke-width=\"1.5\"";
const ASKED: &str = "stroke=\"#d55e00\" stroke-width=\"2\" stroke-dasharray=\"4 2\"";
const RATIO_MIN: f64 = 0.25;
const RATIO_MAX: f64 = 4.0;
const SCALE: [(f64, &str); 5] = [(0.25, "¼"), (0.5, "½"), (1.0, "1"), (2.0, "2"), (4.0, "4")];
const NUMBER_WIDTH: f64 = 28.0;
const LABELS_WIDTH: f64 = 250.0;
const PANEL_WIDTH: f64 = 310.0;
const PANEL_GAP: f64 = 30.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 70.0;
const ROW_HEIGHT: f64 = 64.0;
const BOTTOM: f64 = 52.0;
