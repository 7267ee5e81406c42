//! The figures of all faults as Markdown.

use crate::scenario::Measured;
use crate::scenario::measured::{Figure, What};

/// One fault and what it came to.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// None if it could not be run.
    pub(crate) result: Option<Measured>,
}

impl Row {
    /// Was everything reached that is asked?
    pub(crate) fn is_met(&self) -> bool {
        self.result.as_ref().is_some_and(|measured| measured.missed().next().is_none())
    }

    fn cell(&self, what: What) -> String {
        let mut figures = self.result.iter().flat_map(|measured| &measured.figures);
        figures.find(|figure| figure.what == what).map_or_else(String::new, cell)
    }

    fn cells(&self) -> String {
        let Some(measured) = &self.result else {
            return format!(
                "| {} | {} it did not run, see above |",
                self.title,
                "| ".repeat(COLUMNS.len())
            );
        };
        let columns: Vec<_> = COLUMNS.iter().map(|what| self.cell(*what)).collect();
        let others = measured.figures.iter().filter(|figure| !COLUMNS.contains(&figure.what));
        let others = others.filter(|figure| figure.asked.is_some() && is_worth_it(figure));
        let others = others.map(|figure| format!("{} {}", figure.what.label(), cell(figure)));
        let others: Vec<_> = others.chain(measured.remark.clone()).collect();
        format!("| {} | {} | {} |", self.title, columns.join(" | "), others.join("; "))
    }
}

/// All rows, with a heading and what the brackets mean.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let labels: Vec<_> = COLUMNS.iter().map(|what| what.label()).collect();
    let mut lines = vec![
        format!("| fault | {} | also asked |", labels.join(" | ")),
        format!("|---|{}---|", "---|".repeat(COLUMNS.len())),
    ];
    lines.extend(rows.iter().map(Row::cells));
    lines.push(String::new());
    lines.push("In brackets: what is asked. In bold: what was missed.".to_owned());
    let missed: Vec<_> = rows.iter().filter(|row| !row.is_met()).map(|row| row.name).collect();
    if !missed.is_empty() {
        lines.push(format!("Figures were missed in: {}.", missed.join(", ")));
    }
    lines.join("\n")
}

fn cell(figure: &Figure) -> String {
    if figure.is_met { figure.cell() } else { format!("**{}**", figure.cell()) }
}

/// What is always asked and always so is left out while it is so.
fn is_worth_it(figure: &Figure) -> bool {
    !(figure.is_met && matches!(figure.what, What::Lost | What::Load | What::OthersEjected))
}

const COLUMNS: [What; 10] = [
    What::ReadErrors,
    What::WriteErrors,
    What::Slowest,
    What::Stale,
    What::Wrong,
    What::EjectedAfter,
    What::FeltUntil,
    What::ReadmittedAfter,
    What::FullServiceAfter,
    What::Stall,
];
