//! Every key a file may have, with its range and default: what the documentation must say.

use evenkeel_core::config::{Setting, SettingValue};

use super::read;
use super::reading::Expected;

/// A key of the configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownKey {
    /// The table it stands in, `pool.NAME` for one; empty for the file itself.
    pub table: &'static str,
    /// The key.
    pub key: &'static str,
    /// Kind, range and default in one sentence, in Markdown.
    pub summary: String,
}

/// Every key, once, in the order in which the reader asks for them.
pub fn reference() -> Vec<KnownKey> {
    let mut known = read::known_keys(EVERY_TABLE);
    let mut seen = Vec::new();
    known.retain(|key| {
        let is_new = !seen.contains(&(key.table, key.key));
        seen.push((key.table, key.key));
        is_new
    });
    known
}

/// A text in which every table occurs, so that every key is asked for.
const EVERY_TABLE: &str = "
[proxy]
[listener.a]
[[route]]
[pool.a]
servers = [{}]
[pool.a.health]
[admin]
[log]
[hook.a]
";

/// The summary of a bounded setting: `A duration from …`.
pub(super) fn bounded<T: SettingValue>(kind: Kind, setting: &Setting<T>) -> String {
    let [min, max, default] =
        [setting.min, setting.max, setting.default].map(|value| kind.in_file(&value.written()));
    format!("{} from `{min}` to `{max}`; `{default}` by default.", kind.sentence_start())
}

/// The summary of a setting that is one of a few words. `default` follows the choice.
pub(super) fn choice(words: &[&str], default: &str) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("`{word:?}`")).collect();
    format!("One of {}; {default} by default.", words.join(", "))
}

/// The kinds of bounded settings.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Duration,
    Size,
    Count,
}

impl Kind {
    /// The kind, with its article.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Duration => "a duration",
            Self::Size => "a size",
            Self::Count => "an integer",
        }
    }

    fn sentence_start(self) -> &'static str {
        match self {
            Self::Duration => "A duration",
            Self::Size => "A size",
            Self::Count => "An integer",
        }
    }

    /// What a value of this kind should have been.
    pub(super) fn expected(self, example: &str) -> Expected<'_> {
        let kind = match self {
            Self::Duration => "a duration in quotes",
            Self::Size => "a size in quotes",
            Self::Count => "an integer",
        };
        Expected { kind, example }
    }

    /// A value with the quotes it needs in a file.
    pub(super) fn in_file(self, written: &str) -> String {
        match self {
            Self::Duration | Self::Size => format!("{written:?}"),
            Self::Count => written.to_owned(),
        }
    }
}
