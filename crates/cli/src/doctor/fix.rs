//! `--fix`: each change that a finding offers is shown, asked about, carried out and looked at.
//!
//! Nothing is sent to anybody without a yes. The end of the input is a no, and so is that of the
//! output: nobody has read what would be sent.

use std::io::{self, BufRead as _, Read as _};

use evenkeel_doctor::fix::{Carried, Effect, FixError, carry_out};
use evenkeel_doctor::{Examination, Finding, Severity, check::Change};
use tokio::runtime::Runtime;

use super::print;
use crate::failure::{Failure, count};
use crate::paper::{Paper, Tone};
use crate::text::printable;

/// What became of the changes that were offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fixed {
    /// How many were sent, whatever came of it: what is true of the servers must be looked at anew.
    pub(super) sent: usize,
}

/// Offers each change that a finding from `least` on has.
pub(super) fn fix(
    examination: &Examination,
    findings: &[Finding],
    least: Severity,
    runtime: &Runtime,
) -> Result<Fixed, Failure> {
    let offers = offers(findings, least);
    let mut fixed = Fixed::default();
    if offers.is_empty() {
        print("\nThere is nothing that --fix could change.\n")?;
        return Ok(fixed);
    }
    for (idx, offer) in offers.iter().enumerate() {
        let Some(facts) = examination.server(offer.server) else { continue };
        let Ok(reached) = &facts.reach else { continue };
        let heading = format!("fix {} of {}", idx + 1, offers.len());
        if !print(&format!("\n{}{PROMPT}", offer.shown(&heading, Paper::of_stdout())))? {
            // What nobody was shown, nobody can say yes to.
            break;
        }
        if !is_yes()? {
            print("not done\n")?;
            continue;
        }
        let carried = runtime.block_on(carry_out(&facts.target, reached.addr, offer.change));
        print(&offer.told(&carried))?;
        fixed.sent += usize::from(is_sent(&carried));
    }
    if fixed.sent > 0 {
        print(&format!("\n{} made; what is left:\n\n", count(fixed.sent, "change")))?;
    }
    Ok(fixed)
}

/// A change that a finding offers.
#[derive(Clone, Copy, Debug)]
struct Offer<'f> {
    server: &'f str,
    finding: &'f Finding,
    change: &'f Change,
}

/// All changes, those that several findings offer once.
fn offers(findings: &[Finding], least: Severity) -> Vec<Offer<'_>> {
    let mut offers: Vec<Offer<'_>> = Vec::new();
    for finding in findings.iter().filter(|it| it.severity >= least) {
        let (Some(server), Some(change)) = (&finding.server, &finding.change) else { continue };
        let is_same = |it: &Offer<'_>| it.server == server && it.change.command == change.command;
        if !offers.iter().any(is_same) {
            offers.push(Offer { server, finding, change });
        }
    }
    offers
}

impl Offer<'_> {
    /// Everything that one needs to know before a yes, in lines.
    fn shown(&self, heading: &str, paper: Paper) -> String {
        let Finding { check, summary, .. } = self.finding;
        let undo = match &self.change.undo {
            Some(command) => printable(command),
            None => "cannot be undone".to_owned(),
        };
        let lasting = match &self.change.lasting {
            Some(words) => printable(words),
            None => "there is nothing to make last".to_owned(),
        };
        let heading = paper.paint(heading, Tone::Strong);
        let finding = format!("{}: {} [{check}]", printable(self.server), printable(summary));
        let lines = [
            format!("{heading}: {}", paper.wrap(&finding, 2)),
            format!("  change:  {}", paper.wrap(&printable(&self.change.words), 11)),
            format!("  sends:   {}", self.command()),
            format!("  undo:    {undo}"),
            format!("  to last: {}", paper.wrap(&lasting, 11)),
        ];
        lines.join("\n") + "\n"
    }

    /// What has become of it, in a line: when, where, what, from what to what.
    fn told(&self, carried: &Result<Carried, FixError>) -> String {
        let server = printable(self.server);
        let command = self.command();
        match carried {
            Ok(Carried { at, before, after, effect }) => {
                let value = |it: &Option<String>| match it {
                    Some(value) => quoted(value),
                    None => "?".to_owned(),
                };
                let how = match effect {
                    Effect::Took => format!("{} -> {}", value(before), value(after)),
                    Effect::None => {
                        format!("it had no effect: {} as before", value(after))
                    }
                    Effect::Unseen => "done, as the server says".to_owned(),
                };
                format!("{at} {server}: {command}: {how}\n")
            }
            Err(error) => {
                format!("{server}: {command}: not done: {}\n", printable(&error.to_string()))
            }
        }
    }

    /// What is sent, as one would type it.
    fn command(&self) -> String {
        let words = self.change.command.iter().map(|word| quoted(word));
        words.collect::<Vec<_>>().join(" ")
    }
}

/// Whether anything may have been changed.
fn is_sent(carried: &Result<Carried, FixError>) -> bool {
    match carried {
        Ok(_) | Err(FixError::Unanswered(_)) => true,
        Err(
            FixError::Unfit
            | FixError::Unreachable(_)
            | FixError::Silent(_)
            | FixError::Changed { .. }
            | FixError::Refused(_),
        ) => false,
    }
}

/// A word, in quotes where it would not be one.
fn quoted(word: &str) -> String {
    let is_plain = |it: char| !it.is_whitespace() && !matches!(it, '"' | '\'' | '\\');
    if !word.is_empty() && word.chars().all(is_plain) {
        return printable(word);
    }
    format!("\"{}\"", printable(&word.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// Whether whoever is asked says yes.
fn is_yes() -> Result<bool, Failure> {
    let mut answer = String::new();
    let mut input = io::stdin().lock();
    let read = input.by_ref().take(ANSWER_LEN_MAX).read_line(&mut answer);
    if answer.len() as u64 == ANSWER_LEN_MAX && !answer.ends_with('\n') {
        // The rest of a long answer is none to the next question.
        input.skip_until(b'\n')?;
    }
    if read.is_err() || !answer.ends_with('\n') {
        // No line end was typed after the question.
        print("\n")?;
    }
    // What was read before an error is no answer.
    Ok(read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

const PROMPT: &str = "Do it? [y/N] ";
const ANSWER_LEN_MAX: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(server: &str, command: &[&str]) -> Finding {
        Finding {
            check: "redis-policy",
            server: Some(server.to_owned()),
            severity: Severity::Warning,
            summary: "it refuses writes when it is full".to_owned(),
            evidence: Vec::new(),
            remedies: Vec::new(),
            change: Some(Change {
                words: "have it evict".to_owned(),
                command: command.iter().map(|&it| it.to_owned()).collect(),
                before: None,
                undo: Some("redis-cli CONFIG SET save \"\"".to_owned()),
                lasting: None,
            }),
        }
    }

    #[test]
    fn a_change_is_offered_once_for_each_server() {
        let findings = [
            finding("a", &["x"]),
            finding("a", &["x"]),
            finding("a", &["y"]),
            finding("b", &["x"]),
            Finding { change: None, ..finding("c", &["x"]) },
            Finding { severity: Severity::Note, ..finding("d", &["x"]) },
        ];
        let offers = offers(&findings, Severity::Warning);
        let shown: Vec<_> = offers.iter().map(|it| (it.server, it.command())).collect();
        let expected = [("a", "x"), ("a", "y"), ("b", "x")];
        assert_eq!(shown, expected.map(|(server, command)| (server, command.to_owned())));
    }

    #[test]
    fn all_that_matters_is_shown_before_a_yes() {
        let finding = finding("redis://a:1", &["CONFIG", "SET", "save", ""]);
        let offers = offers(std::slice::from_ref(&finding), Severity::Note);
        assert_eq!(
            offers[0].shown("fix 1 of 1", Paper::plain(None)),
            "fix 1 of 1: redis://a:1: it refuses writes when it is full [redis-policy]\n  \
             change:  have it evict\n  \
             sends:   CONFIG SET save \"\"\n  \
             undo:    redis-cli CONFIG SET save \"\"\n  \
             to last: there is nothing to make last\n"
        );
    }

    #[test]
    fn what_was_done_is_told_with_time_and_values() {
        let finding = finding("redis://a:1", &["CONFIG", "SET", "save", ""]);
        let offers = offers(std::slice::from_ref(&finding), Severity::Note);
        let carried = Carried {
            at: "2026-11-22T03:00:12Z".to_owned(),
            before: Some("3600 1".to_owned()),
            after: Some(String::new()),
            effect: Effect::Took,
        };
        assert_eq!(
            offers[0].told(&Ok(carried)),
            "2026-11-22T03:00:12Z redis://a:1: CONFIG SET save \"\": \"3600 1\" -> \"\"\n"
        );
        assert_eq!(
            offers[0].told(&Err(FixError::Refused("NOPERM \u{1b}[2J".to_owned()))),
            "redis://a:1: CONFIG SET save \"\": not done: the server refused it: NOPERM \\u{1b}[2J\n"
        );
    }
}
