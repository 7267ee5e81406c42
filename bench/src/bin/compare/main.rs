//! Evenkeel beside other proxies: processor time per request, throughput, latency, memory.
//!
//! Three real memcached servers; before them Evenkeel and twemproxy with one thread each, the bare
//! forwarder, haproxy passing bytes on, and nobody; and a fixed number of requests from one load
//! generator to each in turn, for several rounds. Who begins rotates. Machines are noisy: what is
//! quoted are the ratios within a round, with their spread over the rounds. Every answer is
//! checked, and a run with a single wrong, lost or refused answer or a miss is no result.
//!
//! Then Evenkeel with itself: two workers beside one, a unix socket beside TCP, and what idle
//! sessions and connections to servers cost in memory.
//!
//! `make bench` runs all of it, in some ten minutes. `--rounds N`, `--only PART_OF_A_NAME` and
//! `--peers LIST` make it shorter; only a run of everything is written to bench/results/, and
//! `--no-write` leaves that alone, too. `--calibrate` compares twemproxy with twemproxy: how far
//! the ratios are from 1 then is what the machine adds to them. `--beside BINARY` compares with
//! another build of `evenkeel`: what a change costs.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

mod comparison;
mod measure;
mod memory;
mod options;
mod page;
mod peer;
mod plot;
mod rows;
mod stage;

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use self::comparison::Comparison;
use self::memory::{ConnectionMemory, SessionMemory};
use self::options::{Kind, Options};
use self::peer::{Peer, Target};
use self::rows::Group;
use self::stage::Stage;

/// All that was measured.
pub(crate) struct Results {
    /// Each group's title and rows; the first is that of the proxies.
    pub(crate) groups: Vec<(&'static str, Vec<Comparison>)>,
    pub(crate) sessions: Option<SessionMemory>,
    pub(crate) connections: Option<ConnectionMemory>,
}

impl Results {
    /// Every row of every group.
    pub(crate) fn comparisons(&self) -> impl Iterator<Item = &Comparison> {
        self.groups.iter().flat_map(|(_, comparisons)| comparisons)
    }
}

fn main() -> ExitCode {
    let result = Options::parse(env::args().skip(1)).and_then(|options| compare(&options));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}

/// One line of progress.
pub(crate) fn say(text: &str) {
    println!("{text}");
}

fn compare(options: &Options) -> Result<(), Box<dyn Error>> {
    let stage = Stage::set(SERVERS)?;
    let evenkeel = env::current_exe()?.with_file_name("evenkeel");
    let mut results = Results { groups: Vec::new(), sessions: None, connections: None };
    for group in rows::groups(options) {
        if !group.rows.is_empty() {
            results.groups.push(compare_group(group, options, &stage, &evenkeel)?);
        }
    }
    let is_full = matches!(options.kind, Kind::Full) && options.peers.is_empty();
    if is_full && options.wants(memory::SESSIONS) {
        results.sessions = Some(SessionMemory::measure(&stage, &evenkeel)?);
    }
    if is_full && options.wants(memory::CONNECTIONS) {
        results.connections = Some(ConnectionMemory::measure(&stage, &evenkeel)?);
    }
    let page = page::render(&results, options.rounds);
    println!("\n{page}");
    if options.writes_results {
        write_results(&page, &results)?;
    }
    Ok(())
}

fn compare_group(
    group: Group,
    options: &Options,
    stage: &Stage,
    evenkeel: &Path,
) -> Result<(&'static str, Vec<Comparison>), Box<dyn Error>> {
    let mut targets = Vec::new();
    for peer in group.peers {
        let binary = match (peer, &options.kind) {
            (Peer::OtherBuild, Kind::Beside(other)) => other,
            _ => evenkeel,
        };
        targets.push(Target::start(peer, stage, binary)?);
    }
    let mut comparisons = Vec::new();
    for row in group.rows {
        comparisons.push(Comparison::make(row, &targets, stage, options.rounds)?);
    }
    Ok((group.title, comparisons))
}

fn write_results(page: &str, results: &Results) -> Result<(), Box<dyn Error>> {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("comparison.md"), page)?;
    if let Some((_, comparisons)) = results.groups.first() {
        fs::write(folder.join("comparison.svg"), plot::render(comparisons))?;
    }
    Ok(())
}

const SERVERS: usize = 3;
