//! `--explain`: what a check means, and where its numbers come from.

use evenkeel_core::config::nearest::nearest;
use evenkeel_doctor::{CHECKS, Check};

use crate::failure::Failure;
use crate::paper::{Paper, Tone};
use crate::text::printable;

/// Explains a check, or lists [`ALL`].
pub(super) fn explain(id: &str) -> Result<(), Failure> {
    let paper = Paper::of_stdout().or_sized(COLUMNS, usize::MAX);
    let text = match evenkeel_doctor::check(id) {
        Some(check) => explanation(check, paper),
        None if id == ALL => list(paper),
        None => return Err(Failure::NotExamined(unknown(id))),
    };
    super::print(&text).map(drop)
}

/// All checks, as they are run.
fn list(paper: Paper) -> String {
    let checks = || CHECKS.iter().copied().flatten();
    let columns = checks().map(|it| it.id.len()).max().unwrap_or(0) + 2;
    let line = |check: &Check| {
        let title = paper.wrap(check.title, columns);
        format!(
            "{}{}{title}\n",
            paper.paint(check.id, Tone::Strong),
            " ".repeat(columns - check.id.len())
        )
    };
    checks().map(line).collect()
}

fn explanation(check: &Check, paper: Paper) -> String {
    let title = paper.wrap(check.title, 2);
    let mut lines = vec![format!("{}: {title}", paper.paint(check.id, Tone::Strong))];
    for (heading, words) in [
        ("What it means", check.meaning),
        ("When there is a finding", check.rule),
        ("Where its numbers are from", check.source),
    ] {
        lines.extend([String::new(), paper.paint(heading, Tone::Faint)]);
        let paragraphs = words.split("\n\n").map(|it| it.replace('\n', " "));
        lines.extend(paragraphs.map(|it| format!("  {}", paper.wrap(&it, 2))));
    }
    lines.join("\n") + "\n"
}

/// What is meant, perhaps.
fn unknown(id: &str) -> String {
    let ids = || CHECKS.iter().copied().flatten().map(|it| it.id);
    let mut near: Vec<_> = nearest(id, ids()).into_iter().collect();
    near.extend(ids().filter(|it| id.len() >= PART_LEN_MIN && it.contains(id)));
    near.dedup();
    near.truncate(NEAR_MAX);
    let remedy = if near.is_empty() {
        "evenkeel doctor --explain lists all".to_owned()
    } else {
        format!("did you mean {}?", near.join(" or "))
    };
    format!("there is no check \"{}\"; {remedy}", printable(id))
}

/// What clap has for an option without its value.
const ALL: &str = "all";
/// What is no terminal has lines as long as a terminal's.
const COLUMNS: usize = 80;
/// Fewer letters are part of many ids.
const PART_LEN_MIN: usize = 3;
/// How many ids are guessed at.
const NEAR_MAX: usize = 4;
