//! What has been found so far while a text is read: faults, places, and the keys asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use evenkeel_core::config::nearest::{alternatives, nearest, suggestion};
use evenkeel_core::config::{
    Config, Fault, KeyPath, ListenerName, PoolName, Problem, Setting, SettingValue,
};
use toml::de::{DeInteger, DeValue};

use super::FAULTS_MAX;
use super::place::Finding;
use super::reference::KnownKey;
use super::syntax::SyntaxFaults;

/// Collects what [`super::section`] and [`super::read`] find.
#[derive(Default)]
pub(super) struct Reading {
    /// Faults of what is there, with the path they concern.
    faults: Vec<(KeyPath, Finding)>,
    /// Keys that must be there and are not, with what to add.
    absences: Vec<(KeyPath, String)>,
    /// Where each key's value is; of a table, its name.
    places: BTreeMap<KeyPath, Range<usize>>,
    pub(super) known: Vec<KnownKey>,
}

/// A value and where it was found.
pub(super) struct Found<'t> {
    pub(super) value: &'t DeValue<'t>,
    pub(super) span: Range<usize>,
    pub(super) path: KeyPath,
}

/// Why a string could not be read, and what to do.
pub(super) struct Unreadable {
    pub(super) problem: String,
    pub(super) remedy: String,
}

/// What a value should have been, for the one who wrote something else.
#[derive(Clone, Copy)]
pub(super) struct Expected<'e> {
    /// Its kind: `a duration`.
    pub(super) kind: &'e str,
    /// One as it is written, with its quotes.
    pub(super) example: &'e str,
}

/// What a text is read for.
pub(super) enum Purpose<'n> {
    /// To run by all of it.
    Proxy,
    /// To use the servers of one pool: the one of this name, or the only one.
    Client { pool: Option<&'n str> },
}

impl Reading {
    pub(super) fn place(&mut self, path: KeyPath, span: Range<usize>) {
        self.places.insert(path, span);
    }

    /// A fault in a value.
    pub(super) fn fault(&mut self, found: &Found<'_>, problem: impl fmt::Display, remedy: String) {
        self.fault_at(
            found.path.clone(),
            found.span.clone(),
            format!("{}: {problem}", found.path),
            remedy,
        );
    }

    /// A fault with a message of its own. It explains what follows from `path` being wrong.
    pub(super) fn fault_at(
        &mut self,
        path: KeyPath,
        span: Range<usize>,
        message: String,
        remedy: String,
    ) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push((path, Finding { span, message, remedy }));
        }
    }

    /// A key that must be there and is not. `example` is one as it is written.
    pub(super) fn absent(&mut self, path: KeyPath, example: String) {
        self.absences.push((path, example));
    }

    pub(super) fn wrong_type(&mut self, found: &Found<'_>, expected: Expected<'_>) {
        let Expected { kind, example } = expected;
        let problem = format!("{} where {kind} belongs", kind_of(found.value));
        self.fault(found, problem, format!("write it as in {example}"));
    }

    /// What `read` makes of a string. Anything but a string is a fault, as is its refusal.
    pub(super) fn parsed<T>(
        &mut self,
        found: &Found<'_>,
        expected: Expected<'_>,
        read: impl FnOnce(&str) -> Result<T, Unreadable>,
    ) -> Option<T> {
        let Some(text) = found.value.as_str() else {
            self.wrong_type(found, expected);
            return None;
        };
        match read(text) {
            Ok(value) => Some(value),
            Err(Unreadable { problem, remedy }) => {
                self.fault(found, problem, remedy);
                None
            }
        }
    }

    /// The value as an integer; anything else is a fault.
    ///
    /// One that is too long for any setting saturates, and is out of range there.
    pub(super) fn integer(&mut self, found: &Found<'_>, expected: Expected<'_>) -> Option<i128> {
        let integer = found.value.as_integer().map(to_i128);
        if integer.is_none() {
            self.wrong_type(found, expected);
        }
        integer
    }

    /// A number that is not in the range of its setting.
    pub(super) fn out_of_range<T: SettingValue>(
        &mut self,
        found: &Found<'_>,
        number: i128,
        setting: &Setting<T>,
    ) {
        let problem = Problem::OutOfRange {
            value: number.to_string(),
            min: setting.min.written(),
            max: setting.max.written(),
        };
        self.fault(found, &problem, problem.remedy());
    }

    /// The configuration if nothing is wrong, or else all that is.
    pub(super) fn finish(
        mut self,
        config: Config,
        text: &str,
        syntax: SyntaxFaults,
        purpose: &Purpose<'_>,
    ) -> Result<Config, Vec<Finding>> {
        if syntax.is_empty() {
            self.add_absences();
            let mut faults = config.faults();
            match purpose {
                Purpose::Proxy => self.add_faults(&faults, text),
                Purpose::Client { pool } => {
                    // They are of no concern to it.
                    faults.retain(|fault| {
                        !matches!(
                            fault.problem,
                            Problem::NoListeners | Problem::UnknownListener { .. }
                        )
                    });
                    self.add_faults(&faults, text);
                    // Last, because it would explain whatever else is wrong with a pool.
                    self.add_fault_of_choice(&config, *pool);
                }
            }
        } else {
            self.faults.retain(|(_, finding)| syntax.is_clear_of(&finding.span));
        }
        let found = self.faults.into_iter().map(|(_, finding)| finding);
        let findings: Vec<_> = syntax.into_findings().into_iter().chain(found).collect();
        if findings.is_empty() { Ok(config) } else { Err(findings) }
    }

    fn add_absences(&mut self) {
        for (path, example) in std::mem::take(&mut self.absences) {
            if !self.is_explained(&path, None) {
                let span = self.nearest_place(&path);
                let message = format!("{path} is missing");
                self.fault_at(path, span, message, format!("add {example}"));
            }
        }
    }

    /// Says that it is not plain which pool is meant, if so.
    fn add_fault_of_choice(&mut self, config: &Config, wanted: Option<&str>) {
        let at = KeyPath::ROOT.key("pool");
        let is_name_faulty = |(path, _): &(KeyPath, Finding)| {
            path.leads_to(&at) || path.parent().as_ref() == Some(&at)
        };
        if config.pools.is_empty() || self.faults.iter().any(is_name_faulty) {
            return;
        }
        let names: Vec<_> = config.pools.iter().map(|pool| pool.name.as_str()).collect();
        let (problem, remedy) = match wanted {
            Some(name) if names.contains(&name) => return,
            None if names.len() == 1 => return,
            Some(name) => {
                (format!("there is no pool {name:?}"), suggestion(name, names.iter().copied()))
            }
            None => {
                ("there are several pools".to_owned(), format!("choose {}", alternatives(&names)))
            }
        };
        let span = self.nearest_place(&at);
        self.fault_at(at, span, problem, remedy);
    }

    fn add_faults(&mut self, faults: &[Fault], text: &str) {
        // First all that is not explained by what was found before: these do not explain each
        // other, because core has left out what follows.
        let new = faults.iter().filter(|fault| !self.is_explained(&fault.at, fault.other.as_ref()));
        let new: Vec<_> = new.map(|fault| self.placed(fault, text)).collect();
        self.faults.extend(new);
    }

    /// Whether a fault already found may be the cause of one between `at` and `other`.
    fn is_explained(&self, at: &KeyPath, other: Option<&KeyPath>) -> bool {
        self.faults.iter().any(|(path, _)| {
            path.leads_to(at)
                || at.leads_to(path)
                || other.is_some_and(|other| path.leads_to(other))
        })
    }

    fn placed(&self, fault: &Fault, text: &str) -> (KeyPath, Finding) {
        let at = self.places.get(&fault.at);
        let other = fault.other.as_ref().and_then(|other| self.places.get(other));
        let (span, second) = match (at, other) {
            (Some(at), second) => (at.clone(), second),
            (None, Some(other)) => (other.clone(), None),
            (None, None) => (self.nearest_place(&fault.at), None),
        };
        let mut message = format!("{}: {}", fault.at, fault.problem);
        let mut remedy = fault.problem.remedy();
        let near = match &fault.problem {
            Problem::UnknownPool { name, pools } => {
                Some(nearest(name, pools.iter().map(PoolName::as_str)))
            }
            Problem::UnknownListener { name, listeners } => {
                Some(nearest(name, listeners.iter().map(ListenerName::as_str)))
            }
            _ => None,
        };
        match (near, second) {
            (Some(Some(near)), _) => remedy = format!("did you mean {near:?}?"),
            (None, Some(second)) => {
                let line = text[..second.start].matches('\n').count() + 1;
                message = format!("{message} (line {line})");
            }
            (Some(None), _) | (None, None) => {}
        }
        (fault.at.clone(), Finding { span, message, remedy })
    }

    /// The place of the path, or of what it stands in, or the text's beginning.
    fn nearest_place(&self, path: &KeyPath) -> Range<usize> {
        let mut path = Some(path.clone());
        while let Some(inner) = path {
            if let Some(span) = self.places.get(&inner) {
                return span.clone();
            }
            path = inner.parent();
        }
        0..0
    }
}

fn to_i128(integer: &DeInteger<'_>) -> i128 {
    let saturated = if integer.as_str().starts_with('-') { i128::MIN } else { i128::MAX };
    i128::from_str_radix(integer.as_str(), integer.radix()).unwrap_or(saturated)
}

/// A value's kind, with its article.
fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
