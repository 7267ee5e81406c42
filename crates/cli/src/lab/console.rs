//! Where the lab's commands come from: a prompt, a pipe, or a script that is built in.
//!
//! A thread reads; it hands one line on at a time, so that a script is not read faster than it is
//! carried out.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::Validator;
use rustyline::{Config, Context, Editor, Helper};

use super::command::verbs;
use super::screen::Screen;
use crate::lab_config::NAMES;

/// Where commands come from.
pub(crate) struct Console {
    inputs: Receiver<Input>,
    kind: Kind,
    /// How the terminal was before the prompt took it over.
    terminal: Option<Termios>,
}

/// What has come.
#[derive(Debug)]
pub(crate) enum Input {
    /// A line.
    Line(String),
    /// Nothing more comes after at least one line.
    End,
    /// Nothing more comes because it cannot be read.
    Failed(io::Error),
}

/// Who gives the commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A person, who can be told of a mistake and try again.
    Person,
    /// A script, which a mistake ends.
    Script,
}

/// The longest line.
const LINE_LEN_MAX: u64 = 4096;

const PROMPT: &str = "lab> ";

impl Console {
    /// Commands from standard input, at a prompt if it is a terminal, and the screen that goes
    /// with it.
    pub(crate) fn open() -> io::Result<(Self, Screen)> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Ok((Self::of_pipe()?, Screen::plain()));
        }
        let terminal = tcgetattr(io::stdin()).ok();
        let config = Config::builder().auto_add_history(true).build();
        let mut editor: LineEditor =
            Editor::with_history(config, MemHistory::new()).map_err(io::Error::other)?;
        editor.set_helper(Some(Words));
        // A terminal that cannot do it has a prompt of the plainest kind.
        let screen = match editor.create_external_printer() {
            Ok(printer) => Screen::above_prompt(printer),
            Err(_) => Screen::plain(),
        };
        let (sender, inputs) = mpsc::channel();
        thread::Builder::new()
            .name("lab-prompt".to_owned())
            .spawn(move || prompt(editor, &sender))?;
        Ok((Self { inputs, kind: Kind::Person, terminal }, screen))
    }

    fn of_pipe() -> io::Result<Self> {
        let (sender, inputs) = mpsc::sync_channel(0);
        thread::Builder::new().name("lab-script".to_owned()).spawn(move || read(&sender))?;
        Ok(Self { inputs, kind: Kind::Script, terminal: None })
    }

    /// Commands from a script.
    pub(crate) fn of_script(script: &str) -> Self {
        let (sender, inputs) = mpsc::channel();
        let lines = script.lines().map(|line| Input::Line(line.to_owned()));
        for input in lines.chain([Input::End]) {
            sender.send(input).expect("the receiver is ours");
        }
        Self { inputs, kind: Kind::Script, terminal: None }
    }

    /// Who gives the commands.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// What comes next.
    pub(crate) fn inputs(&self) -> &Receiver<Input> {
        &self.inputs
    }

    /// Gives a way to leave the terminal as it was, for whoever ends the process.
    pub(crate) fn restore(&self) -> impl Fn() + Send + 'static {
        let terminal = self.terminal.clone();
        move || {
            if let Some(terminal) = &terminal {
                // A terminal that is gone needs nothing.
                let _ = tcsetattr(io::stdin(), OptionalActions::Now, terminal);
            }
        }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.restore()();
    }
}

type LineEditor = Editor<Words, MemHistory>;

fn prompt(mut editor: LineEditor, inputs: &Sender<Input>) {
    loop {
        let input = match editor.readline(PROMPT) {
            Ok(line) => Input::Line(line),
            Err(ReadlineError::Eof | ReadlineError::Interrupted) => Input::End,
            Err(error) => Input::Failed(io::Error::other(error)),
        };
        let is_last = !matches!(&input, Input::Line(line) if line.trim() != "quit");
        if inputs.send(input).is_err() || is_last {
            return;
        }
    }
}

fn read(inputs: &SyncSender<Input>) {
    let mut stdin = io::stdin().lock();
    let mut is_empty = true;
    loop {
        let mut line = Vec::new();
        let input = match (&mut stdin).take(LINE_LEN_MAX).read_until(b'\n', &mut line) {
            // Who starts it without a standard input wants it to run.
            Ok(0) if is_empty => return,
            Ok(0) => Input::End,
            Ok(_) => Input::Line(String::from_utf8_lossy(&line).into_owned()),
            Err(error) => Input::Failed(error),
        };
        is_empty = false;
        let is_last = !matches!(input, Input::Line(_));
        if inputs.send(input).is_err() || is_last {
            return;
        }
    }
}

/// Completes commands and servers.
struct Words;

impl Completer for Words {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        _context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(complete(&line[..pos]))
    }
}

impl Hinter for Words {
    type Hint = String;
}

impl Highlighter for Words {}

impl Validator for Words {}

impl Helper for Words {}

/// Where the word begins that is being typed, and what it may become.
fn complete(line: &str) -> (usize, Vec<String>) {
    let start = line.rfind(' ').map_or(0, |blank| blank + 1);
    let (before, word) = line.split_at(start);
    let known: Vec<&str> = if before.trim().is_empty() {
        verbs().collect()
    } else if before.split_whitespace().count() == 1 {
        NAMES.into_iter().chain(["all"]).collect()
    } else {
        Vec::new()
    };
    let fitting = known.into_iter().filter(|known| known.starts_with(word));
    (start, fitting.map(|known| format!("{known} ")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, start: usize, words: &[&str]) {
        assert_eq!(complete(line), (start, words.iter().map(|&it| it.to_owned()).collect()));
    }

    #[test]
    fn commands_and_servers_are_completed() {
        check("cr", 0, &["crash "]);
        check("f", 0, &["full ", "flap ", "flush "]);
        check("crash ", 6, &["a ", "b ", "c ", "all "]);
        check("crash a", 6, &["a ", "all "]);
        check("crash b x", 8, &[]);
        check("xyz", 0, &[]);
    }
}
