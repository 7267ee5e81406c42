//! What a check is, and what it finds.

use serde::Serialize;

use crate::examine::Examination;
use crate::facts::ServerFacts;

/// One thing that is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Its name in reports, in `--explain` and in docs: for good, since people filter by it.
    pub id: &'static str,
    /// What it looks at, in a line.
    pub title: &'static str,
    /// What a finding means for those who use the cache, and why it is so. Paragraphs of Markdown.
    pub meaning: &'static str,
    /// When there is a finding, and how bad it is: the thresholds.
    pub rule: &'static str,
    /// Where its numbers come from: commands and their fields.
    pub source: &'static str,
    /// The check itself.
    pub look: Look,
}

/// What a check looks at.
#[derive(Clone, Copy, Debug)]
pub enum Look {
    /// One server by itself.
    Server(fn(&ServerFacts, &mut Findings)),
    /// Everything that was examined, together.
    All(fn(&Examination, &mut Findings)),
}

/// How bad it is. Ordered: worse is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nobody has to do anything.
    Note,
    /// It will hurt, or hurts somewhat.
    Warning,
    /// It could not be looked at, so that nobody knows.
    Unknown,
    /// It hurts now.
    Critical,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The check that found it.
    pub check: &'static str,
    /// The server, by its name; `None` if it is about several.
    pub server: Option<String>,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in a sentence without a period.
    pub summary: String,
    /// How that is known.
    pub evidence: Vec<Evidence>,
    /// What to do about it, first things first.
    pub remedies: Vec<Remedy>,
    /// What `--fix` would do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
}

/// A number or a word, and where it is from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// What it is: `connections`.
    pub what: String,
    /// With its unit: `1020 of 1024 (99.6 %)`.
    pub value: String,
    /// The command and field, or our own measurement: `stats: curr_connections`.
    pub source: String,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// What and why.
    pub words: String,
    /// As one would type it into a shell or a configuration; may be empty.
    pub commands: Vec<String>,
}

/// A change to a running server, which `--fix` offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What is changed, and to what, in words.
    pub words: String,
    /// What is sent to the server, word by word.
    pub command: Vec<String>,
    /// How what it changes is, as the server says it: what undoes it leads back there. `None` if
    /// that cannot be read.
    #[serde(skip)]
    pub before: Option<String>,
    /// What would undo it, as one would type it; `None` if nothing can.
    pub undo: Option<String>,
    /// How to make it last beyond a restart; `None` if there is nothing to last.
    pub lasting: Option<String>,
}

/// What checks have found so far.
#[derive(Debug, Default)]
pub struct Findings {
    check: &'static str,
    server: Option<String>,
    found: Vec<Finding>,
}

impl Findings {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs one check.
    pub(crate) fn run(&mut self, check: &Check, examination: &Examination) {
        self.check = check.id;
        match check.look {
            Look::Server(look) => {
                for facts in &examination.servers {
                    self.server = Some(facts.target.name.clone());
                    look(facts, self);
                }
            }
            Look::All(look) => {
                self.server = None;
                look(examination, self);
            }
        }
    }

    /// It hurts now.
    pub fn critical(&mut self, summary: impl Into<String>) -> &mut Finding {
        self.add(Severity::Critical, summary)
    }

    /// It will hurt, or hurts somewhat.
    pub fn warning(&mut self, summary: impl Into<String>) -> &mut Finding {
        self.add(Severity::Warning, summary)
    }

    /// It could not be looked at.
    pub fn unknown(&mut self, summary: impl Into<String>) -> &mut Finding {
        self.add(Severity::Unknown, summary)
    }

    /// Worth knowing.
    pub fn note(&mut self, summary: impl Into<String>) -> &mut Finding {
        self.add(Severity::Note, summary)
    }

    /// A finding whose severity depends.
    pub fn add(&mut self, severity: Severity, summary: impl Into<String>) -> &mut Finding {
        let summary = summary.into();
        debug_assert!(!summary.ends_with('.'), "a summary ends without a period: {summary}");
        self.found.push(Finding {
            check: self.check,
            server: self.server.clone(),
            severity,
            summary,
            evidence: Vec::new(),
            remedies: Vec::new(),
            change: None,
        });
        self.found.last_mut().expect("it has just been added")
    }

    /// What has been found so far.
    pub(crate) fn found(&self) -> &[Finding] {
        &self.found
    }

    /// What has been found.
    pub(crate) fn into_found(self) -> Vec<Finding> {
        self.found
    }
}

impl Finding {
    /// Adds a number or word, and its source.
    pub fn evidence(
        &mut self,
        what: impl Into<String>,
        value: impl Into<String>,
        source: impl Into<String>,
    ) -> &mut Self {
        let (what, value, source) = (what.into(), value.into(), source.into());
        self.evidence.push(Evidence { what, value, source });
        self
    }

    /// Adds something to do, with commands.
    pub fn remedy(&mut self, words: impl Into<String>, commands: &[&str]) -> &mut Self {
        let commands = commands.iter().map(|&it| it.to_owned()).collect();
        self.remedies.push(Remedy { words: words.into(), commands });
        self
    }

    /// Says what `--fix` would do.
    pub fn change(&mut self, change: Change) -> &mut Self {
        self.change = Some(change);
        self
    }

    /// Says that it is about this server, where the check looked at several.
    pub fn about(&mut self, server: &str) -> &mut Self {
        self.server = Some(server.to_owned());
        self
    }
}
