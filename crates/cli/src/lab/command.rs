//! A line that somebody has typed, or written into a script.
//!
//! ```text
//! crash b      stop b     slow b 60ms     garble b     cut-off b     lie b     full b     flap b
//! heal b       heal all   restart b
//! drain b      eject b    readmit b       flush b
//! wait 5s      wait b down
//! status       help       quit            # a remark
//! ```

use std::time::Duration;

use evenkeel_core::config::{nearest, parse_duration};
use evenkeel_core::event::{Order, StateName};
use evenkeel_lab::Trouble;

use super::deed::Deed;
use crate::lab_config::NAMES;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Something is done to these servers.
    Do(Deed, Vec<usize>),
    /// An operator's word about one.
    Order(Order, usize),
    /// Nothing further is done for so long.
    WaitFor(Duration),
    /// Nothing further is done until a server is in this state.
    WaitUntil(usize, StateName),
    /// What is the matter with whom.
    Status,
    /// What can be asked for.
    Help,
    /// The end.
    Quit,
    /// Words for whoever reads along; none for an empty line.
    Remark(String),
}

/// Why a line is no command: what is wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NoCommand(String);

/// Longer than anybody waits.
const WAIT_MAX: Duration = Duration::from_hours(24);

/// What can be waited for.
const STATES: [StateName; 5] =
    [StateName::Up, StateName::Suspect, StateName::Down, StateName::Returning, StateName::Drained];

/// As long as anything in the lab may take that is not a hang.
const DELAY_MAX: Duration = Duration::from_mins(1);

impl Command {
    /// Reads a line.
    pub(crate) fn parse(line: &str) -> Result<Self, NoCommand> {
        let line = line.trim();
        if let Some(remark) = line.strip_prefix('#') {
            return Ok(Self::Remark(remark.trim().to_owned()));
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some((verb, rest)) = words.split_first() else {
            return Ok(Self::Remark(String::new()));
        };
        let verb = verb.to_ascii_lowercase();
        if let Some(deed) = Deed::all().find(|deed| deed.label() == verb) {
            return parse_deed(deed, rest);
        }
        if let Some(order) = Order::ALL.into_iter().find(|order| order.label() == verb) {
            let [server] = rest else { return Err(usage(&verb)) };
            return Ok(Self::Order(order, parse_server(server)?));
        }
        match verb.as_str() {
            "wait" => parse_wait(rest),
            "status" => alone(Self::Status, &verb, rest),
            "help" | "?" => alone(Self::Help, &verb, rest),
            "quit" | "exit" => alone(Self::Quit, &verb, rest),
            _ => {
                let remedy = nearest::suggestion(&verb, verbs());
                Err(NoCommand(format!("there is no command {verb:?}; {remedy}")))
            }
        }
    }
}

/// Every word that a command can begin with.
pub(crate) fn verbs() -> impl Iterator<Item = &'static str> {
    let deeds = Deed::all().map(Deed::label);
    let orders = Order::ALL.into_iter().map(Order::label);
    deeds.chain(orders).chain(["wait", "status", "help", "quit"])
}

fn parse_deed(deed: Deed, rest: &[&str]) -> Result<Command, NoCommand> {
    let (servers, deed) = match (rest, deed) {
        ([server], _) => (server, deed),
        ([server, delay], Deed::Break(Trouble::Slow(_))) => {
            let delay = parse_time(delay, DELAY_MAX)?;
            (server, Deed::Break(Trouble::Slow(delay)))
        }
        _ => return Err(usage(deed.label())),
    };
    let servers = match *servers {
        ALL => (0..NAMES.len()).collect(),
        server => vec![parse_server(server)?],
    };
    Ok(Command::Do(deed, servers))
}

fn parse_wait(rest: &[&str]) -> Result<Command, NoCommand> {
    match rest {
        [time] => Ok(Command::WaitFor(parse_time(time, WAIT_MAX)?)),
        [server, state] => {
            let server = parse_server(server)?;
            let found = STATES.into_iter().find(|it| it.label() == *state);
            let state = found.ok_or_else(|| {
                let remedy = nearest::suggestion(state, STATES.map(StateName::label));
                NoCommand(format!("there is no state {state:?}; {remedy}"))
            })?;
            Ok(Command::WaitUntil(server, state))
        }
        _ => Err(usage("wait")),
    }
}

fn parse_server(name: &str) -> Result<usize, NoCommand> {
    NAMES.iter().position(|known| *known == name).ok_or_else(|| {
        let names = NAMES.join(", ");
        NoCommand(format!("there is no server {name:?}; there are {names}"))
    })
}

fn parse_time(text: &str, max: Duration) -> Result<Duration, NoCommand> {
    match parse_duration(text) {
        Ok(time) if time <= max => Ok(time),
        Ok(_) => Err(NoCommand(format!("{text:?} is too long; {} s at most", max.as_secs()))),
        Err(error) => Err(NoCommand(format!("{text:?} is no time: {error}; write it as in 5s"))),
    }
}

fn alone(command: Command, verb: &str, rest: &[&str]) -> Result<Command, NoCommand> {
    if rest.is_empty() { Ok(command) } else { Err(usage(verb)) }
}

fn usage(verb: &str) -> NoCommand {
    let example = match verb {
        "slow" => "slow b, or slow b 60ms",
        "wait" => "wait 5s, or wait b down",
        "status" | "help" | "quit" | "exit" | "?" => {
            return NoCommand(format!("{verb} stands alone"));
        }
        _ if Order::ALL.into_iter().any(|order| order.label() == verb) => {
            return NoCommand(format!("{verb} needs one server: {verb} b"));
        }
        _ => return NoCommand(format!("{verb} needs a server: {verb} b, or {verb} {ALL}")),
    };
    NoCommand(format!("write {example}"))
}

/// In the place of a server's name.
const ALL: &str = "all";

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, command: Command) {
        assert_eq!(Command::parse(line), Ok(command), "{line}");
    }

    #[track_caller]
    fn check_wrong(line: &str, words: &str) {
        assert_eq!(Command::parse(line).unwrap_err().to_string(), words, "{line}");
    }

    #[test]
    fn every_deed_is_a_command() {
        for deed in Deed::all() {
            check(&format!("{} b", deed.label()), Command::Do(deed, vec![1]));
            check(&format!("  {}  all ", deed.label()), Command::Do(deed, vec![0, 1, 2]));
        }
    }

    #[test]
    fn every_order_is_a_command() {
        for order in Order::ALL {
            check(&format!("{} c", order.label()), Command::Order(order, 2));
        }
    }

    #[test]
    fn other_commands_are_read() {
        let slow = Deed::Break(Trouble::Slow(Duration::from_millis(300)));
        check("slow a 300ms", Command::Do(slow, vec![0]));
        check("wait 5s", Command::WaitFor(Duration::from_secs(5)));
        check("wait b down", Command::WaitUntil(1, StateName::Down));
        check("status", Command::Status);
        check("HELP", Command::Help);
        check("quit", Command::Quit);
        check("# a word", Command::Remark("a word".to_owned()));
        check("", Command::Remark(String::new()));
    }

    #[test]
    fn what_is_no_command_names_the_remedy() {
        check_wrong("crush b", "there is no command \"crush\"; did you mean \"crash\"?");
        check_wrong("crash", "crash needs a server: crash b, or crash all");
        check_wrong("crash b c", "crash needs a server: crash b, or crash all");
        check_wrong("crash d", "there is no server \"d\"; there are a, b, c");
        check_wrong("drain all", "there is no server \"all\"; there are a, b, c");
        check_wrong("drain", "drain needs one server: drain b");
        check_wrong("slow b 60 ms", "write slow b, or slow b 60ms");
        check_wrong("wait", "write wait 5s, or wait b down");
        check_wrong("wait b dwon", "there is no state \"dwon\"; did you mean \"down\"?");
        check_wrong("wait 5", "\"5\" is no time: the unit is missing; write it as in 5s");
        check_wrong("quit now", "quit stands alone");
        let long = "\"61s\" is too long; 60 s at most";
        check_wrong("slow b 61s", long);
        assert!(Command::parse("slow b 60s").is_ok());
    }

    #[test]
    fn an_unknown_word_is_told_all_commands() {
        let words = Command::parse("xyzzy").unwrap_err().to_string();
        assert!(verbs().all(|verb| words.contains(verb)), "{words}");
    }
}
