//! What the stages took when somebody last said that this is right: a page with tables.
//!
//! In each table the first column says what a stage is run on, and the others are stages.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use crate::callgrind::Count;
use crate::stage::StageName;

/// The page's content.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Baseline {
    /// Versions of what decides the counts besides our code.
    pub(crate) tools: String,
    /// All stages, in the order of the page.
    pub(crate) counts: Vec<Count>,
}

impl Baseline {
    /// Reads the page.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        fs::read_to_string(path).map(|page| Self::parse(&page))
    }

    /// Writes the page.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        fs::write(path, self.render())
    }

    fn parse(page: &str) -> Self {
        let tools = page.lines().find_map(|line| line.strip_prefix(TOOLS));
        let tools = tools.map_or("", |it| it.trim_end_matches('.')).to_owned();
        let mut counts = Vec::new();
        let mut stages: Vec<&str> = Vec::new();
        for line in page.lines() {
            let Some(cells) = line.strip_prefix("| ").and_then(|it| it.strip_suffix(" |")) else {
                if !line.starts_with('|') {
                    stages.clear();
                }
                continue;
            };
            let mut cells = cells.split(" | ");
            let of = cells.next().unwrap_or_default();
            if stages.is_empty() {
                stages = cells.collect();
                continue;
            }
            counts.extend(stages.iter().zip(cells).filter_map(|(stage, cell)| {
                let stage = StageName { stage: (*stage).into(), of: of.into() };
                let instructions = cell.replace(',', "").parse().ok()?;
                Some(Count { stage, instructions })
            }));
        }
        Self { tools, counts }
    }

    fn render(&self) -> String {
        let mut page = format!("{HEAD}{TOOLS}{}.\n", self.tools);
        let mut rest = &self.counts[..];
        let mut head = Vec::new();
        while let Some(first) = rest.first() {
            // A row is a run of counts of one thing.
            let len = rest.iter().take_while(|it| it.stage.of == first.stage.of).count();
            let (row, behind) = rest.split_at(len);
            rest = behind;
            let stages: Vec<_> = row.iter().map(|it| it.stage.stage.as_str()).collect();
            if stages != head {
                head = stages;
                let columns = "---:|".repeat(head.len());
                write!(page, "\n| per | {} |\n|---|{columns}\n", head.join(" | "))
                    .expect("a string takes every character");
            }
            let cells: Vec<_> = row.iter().map(|it| number(it.instructions)).collect();
            writeln!(page, "| {} | {} |", first.stage.of, cells.join(" | "))
                .expect("a string takes every character");
        }
        page
    }
}

/// The versions of the tools at hand.
pub(crate) fn tools() -> io::Result<String> {
    let version = |program: &str| {
        let output = Command::new(program).arg("--version").output()?;
        Ok::<_, io::Error>(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    Ok(format!("{}, {}, {}", version("rustc")?, version("valgrind")?, std::env::consts::ARCH))
}

/// A count as it is shown; small ones have a decimal.
pub(crate) fn number(instructions: f64) -> String {
    if instructions < 100.0 { format!("{instructions:.1}") } else { format!("{instructions:.0}") }
}

const TOOLS: &str = "Counted with ";

const HEAD: &str = "# Instructions per request

Written by `make instructions-accept`, and held by `make instructions`, a part of `make test`.

Keys have 32 bytes and values 100, unless the row says otherwise; every read is a hit; three servers, ketama.
`parse` and `route` are one function each.
The other stages are parts of a whole worker of core, without sockets:

- `enqueue`: from a session's bytes to a connection's output, parse and route among it;
- `match`: from a server's bytes to the sessions' answers;
- `write`: what there is to write, and that it has been written;
- `turn`: what the two turns of the loop cost that a request takes: timers, actions, reports;
- `whole`: all of these.

All are per request, however many keys it has or requests come at once.

";

#[cfg(test)]
mod tests {
    use super::*;

    fn count(stage: &str, instructions: f64) -> Count {
        Count { stage: stage.parse().unwrap(), instructions }
    }

    #[test]
    fn a_page_that_is_written_is_read_again() {
        let counts = vec![
            count("parse: get", 512.0),
            count("parse: set", 1907.0),
            count("route: 3 servers", 226.0),
            count("enqueue: get", 2018.0),
            count("match: get", 12_345_678.0),
            count("enqueue: get, from 50 sessions", 2018.0),
            count("match: get, from 50 sessions", 16.3),
        ];
        let baseline = Baseline { tools: "rustc 1.95.0, valgrind-3.19.0".into(), counts };
        assert_eq!(Baseline::parse(&baseline.render()), baseline);
    }

    #[test]
    fn a_table_has_a_row_for_what_its_stages_are_run_on() {
        let counts = vec![
            count("parse: get", 512.3),
            count("enqueue: get", 99.96),
            count("match: get", 16.25),
            count("enqueue: set", 2.0),
            count("match: set", 3.0),
        ];
        let page = Baseline { tools: String::new(), counts }.render();
        let tables = "\
| per | parse | enqueue | match |
|---|---:|---:|---:|
| get | 512 | 100.0 | 16.2 |

| per | enqueue | match |
|---|---:|---:|
| set | 2.0 | 3.0 |
";
        assert!(page.ends_with(tables), "{page}");
    }
}
