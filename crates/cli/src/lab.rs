//! `evenkeel lab`: a cache tier to break, and to watch while it is broken.
//!
//! Servers that can be broken, the proxy before them, the admin server with its page, applications
//! that judge each value they read, and a prompt. What is typed, piped or clicked happens to a
//! server; what comes of it is told line by line.
//!
//! | part | what it does |
//! |---|---|
//! | [`stage`] | runs all of it |
//! | [`deed`] | what can be done to a server, and the words for it |
//! | [`command`] | a line that was typed → what is asked for |
//! | [`console`] | where lines come from |
//! | [`screen`] | where lines go |
//! | [`commentary`] | what is said without being asked |

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::{Duration, Instant};

use evenkeel_core::event::StateName;

use crate::args::{LabArgs, Show};
use crate::lab_config::NAMES;
use crate::run::{RunError, machine};
use crate::signals::{EXIT_INTERRUPTED, Signals};

mod stage;

mod deed;

mod command;

mod console;

mod screen;

mod commentary;

use command::{Command, NoCommand};
use commentary::Commentary;
use console::{Console, Input, Kind};
use screen::{Paint, Screen};
use stage::Stage;

/// Why a lab ended otherwise than it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LabError {
    /// It could not start, or not go on. Nothing is left running.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A line of a script is no command. What came before it was done.
    #[error("line {number} of the script: {source}")]
    Script {
        /// Which line, from 1.
        number: usize,
        /// What is wrong with it.
        source: NoCommand,
    },
    /// What a script waits for does not happen. What came before it was done.
    #[error(
        "line {number} of the script: after {} s {server} is {is}, not {wanted}",
        WAIT_UNTIL_MAX.as_secs()
    )]
    Waited {
        /// Which line, from 1.
        number: usize,
        /// The server.
        server: &'static str,
        /// Its state.
        is: &'static str,
        /// The state that was waited for.
        wanted: &'static str,
    },
    /// A request was answered wrongly.
    #[error("{number} answers were wrong; the first: {first}")]
    Wrong {
        /// How many.
        number: u64,
        /// One of them, in words.
        first: String,
    },
    /// What happens cannot be told.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

/// What the demo does.
const DEMO: &str = include_str!("lab/demo.txt");

/// How long a state is waited for.
const WAIT_UNTIL_MAX: Duration = Duration::from_mins(1);

/// How long nobody looks whether something has happened.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Runs a lab until it is told to end.
pub(crate) fn lab(args: &LabArgs) -> Result<(), LabError> {
    let mut signals = Signals::catch().map_err(machine("catch signals"))?;
    let stage = Stage::start(args)?;
    let (console, screen) = match args.show {
        Some(Show::Demo) => (Console::of_script(DEMO), Screen::plain()),
        None => Console::open().map_err(machine("read commands"))?,
    };
    let is_ended = Arc::new(AtomicBool::new(false));
    {
        let (is_ended, restore) = (Arc::clone(&is_ended), console.restore());
        thread::spawn(move || {
            signals.wait();
            is_ended.store(true, Ordering::Relaxed);
            signals.wait();
            restore();
            std::process::exit(EXIT_INTERRUPTED.into());
        });
    }
    let mut lab = Lab::new(stage, screen, console.kind());
    let ended = lab.run(&console, &is_ended);
    drop(console);
    lab.end(ended)
}

/// A lab that runs.
struct Lab {
    stage: Stage,
    screen: Screen,
    kind: Kind,
    commentary: Commentary,
    /// How many lines have come.
    lines: usize,
    waiting: Option<Waiting>,
}

/// What is waited for before the next command.
#[derive(Clone, Copy, Debug)]
enum Waiting {
    Time { until: Instant },
    State { server: usize, wanted: StateName, deadline: Instant },
}

/// Whether there is more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    GoesOn,
    Ends,
}

impl Lab {
    fn new(stage: Stage, screen: Screen, kind: Kind) -> Self {
        Self { stage, screen, kind, commentary: Commentary::new(), lines: 0, waiting: None }
    }

    /// Does what is asked for, and says what happens, until the end.
    fn run(&mut self, console: &Console, is_ended: &AtomicBool) -> Result<(), LabError> {
        self.greet()?;
        let mut has_commands = true;
        while !is_ended.load(Ordering::Relaxed) {
            self.tell()?;
            if self.is_waiting()? || !has_commands {
                thread::sleep(LOOK_INTERVAL);
                continue;
            }
            let course = match console.inputs().recv_timeout(LOOK_INTERVAL) {
                Ok(Input::Line(line)) => self.obey(&line)?,
                Ok(Input::End) => Course::Ends,
                Ok(Input::Failed(error)) => return Err(machine("read commands")(error).into()),
                Err(RecvTimeoutError::Timeout) => Course::GoesOn,
                Err(RecvTimeoutError::Disconnected) => {
                    has_commands = false;
                    Course::GoesOn
                }
            };
            if course == Course::Ends {
                break;
            }
        }
        Ok(())
    }

    /// Says what has happened since it was last asked.
    fn tell(&mut self) -> io::Result<()> {
        for (deed, server) in self.stage.take_remote_deeds() {
            let text = format!("page: {deed} {}: {}", NAMES[server], deed.summary());
            self.commentary.stir();
            self.say(Paint::Said, &text)?;
        }
        for event in self.stage.take_events() {
            let text = self.commentary.event(&self.screen, &event);
            self.screen.line(&text)?;
        }
        self.commentary.take_in(self.stage.take_tally());
        if let Some(text) = self.commentary.bad_answer(&self.screen) {
            self.screen.line(&text)?;
        }
        if self.commentary.is_due() {
            let (servers, misplaced) = (self.stage.servers(), self.stage.misplaced_keys());
            for text in self.commentary.figures(&self.screen, &servers, misplaced) {
                self.screen.line(&text)?;
            }
        }
        Ok(())
    }

    fn is_waiting(&mut self) -> Result<bool, LabError> {
        let is_over = match self.waiting {
            None => return Ok(false),
            Some(Waiting::Time { until }) => Instant::now() >= until,
            Some(Waiting::State { server, wanted, deadline }) => {
                let is = self.stage.state(server).map_or("gone", StateName::label);
                if is != wanted.label() && Instant::now() >= deadline {
                    let (server, wanted) = (NAMES[server], wanted.label());
                    return Err(LabError::Waited { number: self.lines, server, is, wanted });
                }
                is == wanted.label()
            }
        };
        if is_over {
            self.waiting = None;
        }
        Ok(!is_over)
    }

    /// Does what a line asks for.
    fn obey(&mut self, line: &str) -> Result<Course, LabError> {
        self.lines += 1;
        let command = match (Command::parse(line), self.kind) {
            (Ok(command), _) => command,
            (Err(source), Kind::Script) => {
                return Err(LabError::Script { number: self.lines, source });
            }
            (Err(source), Kind::Person) => {
                self.say(Paint::Odd, &format!("{source} (help lists all)"))?;
                return Ok(Course::GoesOn);
            }
        };
        self.echo(&command, line)?;
        match command {
            Command::Do(deed, servers) => {
                self.commentary.stir();
                for server in &servers {
                    self.stage.carry_out(deed, *server)?;
                }
                self.say(Paint::Faint, &format!("  {}", deed.summary()))?;
                self.say(Paint::Faint, &format!("  look for: {}", deed.look_for()))?;
            }
            Command::Order(order, server) => {
                self.commentary.stir();
                let ordered = self.stage.proxy.handle().order(NAMES[server], order);
                if let Err(error) = ordered {
                    self.say(Paint::Odd, &error.to_string())?;
                }
            }
            Command::WaitFor(time) => {
                self.waiting = Some(Waiting::Time { until: Instant::now() + time });
            }
            Command::WaitUntil(server, wanted) => {
                let deadline = Instant::now() + WAIT_UNTIL_MAX;
                self.waiting = Some(Waiting::State { server, wanted, deadline });
            }
            Command::Status => {
                for line in commentary::table(&self.screen, &self.stage.servers()) {
                    self.screen.line(&line)?;
                }
            }
            Command::Help => self.help()?,
            Command::Remark(text) if text.is_empty() => {}
            Command::Remark(text) => self.say(Paint::Said, &format!("\n# {text}"))?,
            Command::Quit => return Ok(Course::Ends),
        }
        Ok(Course::GoesOn)
    }

    /// Shows what a script does; at a prompt it can be seen.
    fn echo(&mut self, command: &Command, line: &str) -> io::Result<()> {
        match (self.kind, command) {
            (Kind::Person, _) | (_, Command::Remark(_)) => Ok(()),
            (Kind::Script, _) => self.say(Paint::Said, &format!("> {}", line.trim())),
        }
    }

    fn say(&mut self, paint: Paint, text: &str) -> io::Result<()> {
        let text = self.screen.paint(paint, text);
        self.screen.line(&text)
    }

    /// Says what there is, and what to try.
    fn greet(&mut self) -> io::Result<()> {
        let names = NAMES.join(", ");
        let addr = self.stage.addr;
        self.screen.line(&format!(
            "evenkeel {}: servers {names}, the proxy before them on {addr}, and applications that use it",
            env!("CARGO_PKG_VERSION"),
        ))?;
        if let Some(admin) = self.stage.proxy.admin_address() {
            self.screen.line(&format!("  page     http://{admin}/"))?;
        }
        let key = self.stage.example_key().to_owned();
        self.screen.line(&format!(
            "  by hand  printf 'get {key}\\r\\nquit\\r\\n' | nc {} {}",
            addr.ip(),
            addr.port()
        ))?;
        if self.kind == Kind::Person {
            self.screen.line(
                "  try      crash b, and heal b after a while; then stop b, lie b, slow b; help lists all\n",
            )?;
        }
        Ok(())
    }

    fn help(&mut self) -> io::Result<()> {
        for deed in deed::Deed::all() {
            self.screen.line(&format!("  {:<9} b  {}", deed.label(), deed.summary()))?;
        }
        for (usage, summary) in HELP {
            self.screen.line(&format!("  {usage:<11}  {summary}"))?;
        }
        Ok(())
    }

    /// Ends everything, and says what came of it.
    fn end(mut self, ended: Result<(), LabError>) -> Result<(), LabError> {
        self.commentary.take_in(self.stage.take_tally());
        let (summary, total) =
            (self.commentary.summary(self.stage.deadline), self.commentary.total());
        self.stage.stop();
        ended?;
        // The prompt is gone; so is whoever redrew it.
        for text in summary {
            Screen::plain().line(&text)?;
        }
        match total.first_bad_answer {
            Some(first) => Err(LabError::Wrong { number: total.stale + total.wrong, first }),
            None => Ok(()),
        }
    }
}

/// What can be asked for beside what is done to a server.
const HELP: [(&str, &str); 10] = [
    ("slow b 99ms", "so much longer; 60 ms if nothing is said"),
    ("heal all", "all three at once; so with every word above"),
    ("drain b", "an operator takes it out of use: drain, eject; readmit takes that back"),
    ("flush b", "it is emptied before it is used again"),
    ("wait 5s", "nothing further is done for so long, in a script"),
    ("wait b down", "nor until it is in that state: up, suspect, down, returning, drained"),
    ("# words", "a remark"),
    ("status", "the servers, and why they are what they are"),
    ("help", "this"),
    ("quit", "the end; Ctrl-C and Ctrl-D too"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_demo_is_a_command() {
        for line in DEMO.lines() {
            assert!(Command::parse(line).is_ok(), "{line}");
        }
    }
}
