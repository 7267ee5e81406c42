//! `evenkeel events`: what has happened to servers, and what happens to them.
//!
//! Events have numbers, and so nothing is repeated or left out when a stream is begun again. A
//! proxy that was restarted counts from 0: it is known by when it started.

use std::io::{self, Write};
use std::mem;
use std::thread;
use std::time::Duration;

use evenkeel_api::Event;

use crate::admin::{Admin, AdminError};
use crate::args::EventsArgs;
use crate::failure::Failure;
use crate::figures;
use crate::text::json_line;

/// Prints the events that are kept, and with `--follow` those to come.
pub(crate) fn events(args: &EventsArgs) -> Result<(), Failure> {
    let admin = Admin::find(&args.proxy)?;
    let mut reader = Reader::new(args);
    if !args.follow {
        return reader.list(&admin);
    }
    loop {
        match reader.follow(&admin) {
            Ok(()) => {}
            Err(Failure::Admin(error)) if reader.has_begun() && error.is_passing() => {
                reader.note(&error)?;
            }
            Err(failure) => return Err(failure),
        }
        thread::sleep(RETRY_INTERVAL);
    }
}

/// How far it has been read, and how it is printed.
struct Reader {
    next: u64,
    /// Whether somebody wants to know of events before the first: not of those that nobody asked for.
    is_exact: bool,
    /// When the process started whose events have been read.
    started_at: Option<String>,
    is_json: bool,
    /// What was said last about a proxy that is away: it is said once.
    noted: Option<String>,
}

impl Reader {
    fn new(args: &EventsArgs) -> Self {
        let (next, is_exact) = (args.since.unwrap_or(0), args.since.is_some());
        Self { next, is_exact, started_at: None, is_json: args.json, noted: None }
    }

    /// Whether the proxy has answered once: it is there, and its token is right.
    fn has_begun(&self) -> bool {
        self.started_at.is_some()
    }

    /// Prints all that is kept.
    fn list(&mut self, admin: &Admin) -> Result<(), Failure> {
        loop {
            let list = admin.events(self.next)?;
            if list.events.is_empty() {
                return Ok(());
            }
            for event in &list.events {
                self.print(event)?;
            }
        }
    }

    /// Prints what comes until the stream ends.
    fn follow(&mut self, admin: &Admin) -> Result<(), Failure> {
        let started_at = admin.status()?.started_at;
        if self.started_at.as_ref().is_some_and(|before| *before != started_at) {
            self.next = 0;
            say("the proxy has been restarted; its events begin with 0 again")?;
        } else if self.noted.is_some() {
            say("it answers again")?;
        }
        self.noted = None;
        self.started_at = Some(started_at);
        let mut stream = admin.follow(self.next)?;
        while let Some(event) = admin.next(&mut stream)? {
            self.print(&event)?;
        }
        Ok(())
    }

    /// Prints one event that has not been printed.
    fn print(&mut self, event: &Event) -> Result<(), Failure> {
        let Some(missed) = event.number.checked_sub(self.next) else { return Ok(()) };
        self.next = event.number + 1;
        if mem::replace(&mut self.is_exact, true) && missed > 0 {
            say(&format!("{missed} events before this one are no longer kept"))?;
        }
        let mut output = io::stdout().lock();
        writeln!(output, "{}", if self.is_json { json_line(event) } else { line(event) })?;
        output.flush()?;
        Ok(())
    }

    /// Says once that the proxy is away, and why.
    fn note(&mut self, error: &AdminError) -> Result<(), Failure> {
        let text = format!("no answer: {}; waiting for it", error.in_brief());
        if self.noted.as_ref() != Some(&text) {
            say(&text)?;
            self.noted = Some(text);
        }
        Ok(())
    }
}

fn say(text: &str) -> Result<(), Failure> {
    Ok(writeln!(io::stderr(), "evenkeel: {text}")?)
}

/// One event, for people.
pub(crate) fn line(event: &Event) -> String {
    format!("{}  {:>5}  {}", figures::moment(&event.at), event.number, event.text)
}

const RETRY_INTERVAL: Duration = Duration::from_secs(1);
