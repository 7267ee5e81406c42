//! What checks read of a Redis server: its figures by name, and commands to type for it.

use crate::check::{Change, Finding};
use crate::facts::{Outcome, RedisFacts, ServerFacts};
use crate::target::Protocol;

/// One server that told something of itself.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) facts: &'a ServerFacts,
    pub(super) redis: &'a RedisFacts,
}

/// What one command has cost so far, or between the samples.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cost {
    pub(super) calls: f64,
    pub(super) micros: f64,
}

/// How many keys there are in all databases.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Keys {
    pub(super) all: f64,
    /// Those that expire.
    pub(super) expiring: f64,
}

impl<'a> Reading<'a> {
    /// Of a server that told something.
    pub(super) fn of(facts: &'a ServerFacts) -> Option<Self> {
        facts.redis().map(|redis| Self { facts, redis })
    }

    /// A figure of `INFO`, as it was last.
    pub(super) fn number(&self, name: &str) -> Option<f64> {
        self.redis.info.number(name)
    }

    /// A word of `INFO`, as it was last.
    pub(super) fn word(&self, name: &str) -> Option<&'a str> {
        self.redis.info.word(name)
    }

    /// Whether `INFO` said this word last.
    pub(super) fn says(&self, name: &str, word: &str) -> bool {
        self.word(name) == Some(word)
    }

    /// Whether `INFO` said this word both times.
    pub(super) fn keeps_saying(&self, name: &str, word: &str) -> bool {
        self.says(name, word) && self.redis.info.first.word(name).is_none_or(|it| it == word)
    }

    /// By how much a counter of `INFO` grew between the samples.
    pub(super) fn growth(&self, name: &str) -> Option<f64> {
        self.redis.info.growth(name)
    }

    /// How far apart the samples are, in seconds; `None` if there is one only.
    pub(super) fn apart(&self) -> Option<f64> {
        let apart = self.redis.info.apart.as_secs_f64();
        (apart > 0.0).then_some(apart)
    }

    /// A setting.
    pub(super) fn setting(&self, name: &str) -> Option<&'a str> {
        self.redis.config.word(name)
    }

    /// A setting that is a number.
    pub(super) fn setting_number(&self, name: &str) -> Option<f64> {
        self.redis.config.number(name)
    }

    /// Whether it copies another server.
    pub(super) fn is_replica(&self) -> bool {
        self.says("role", "slave")
    }

    /// The keys of all databases.
    pub(super) fn keys(&self) -> Keys {
        let databases = self.redis.info.last.beginning_with("db");
        let databases = databases.filter(|(rest, _)| rest.parse::<u32>().is_ok());
        databases.fold(Keys::default(), |keys, (_, line)| Keys {
            all: keys.all + part(line, "keys").unwrap_or(0.0),
            expiring: keys.expiring + part(line, "expires").unwrap_or(0.0),
        })
    }

    /// The commands that were called between the samples, and what that cost.
    pub(super) fn recent_costs(&self) -> Vec<(&'a str, Cost)> {
        let info = &self.redis.info;
        if info.apart.is_zero() {
            return Vec::new();
        }
        let costs = info.last.beginning_with(COMMAND).map(|(name, line)| {
            let before =
                info.first.word(&format!("{COMMAND}{name}")).map_or_else(Cost::default, cost);
            let now = cost(line);
            let (calls, micros) = (now.calls - before.calls, now.micros - before.micros);
            (name, Cost { calls, micros })
        });
        costs.filter(|(_, it)| it.calls > 0.0 && it.micros >= 0.0).collect()
    }

    /// What a command has cost since the start.
    pub(super) fn cost(&self, name: &str) -> Option<Cost> {
        self.word(&format!("{COMMAND}{name}")).map(cost)
    }

    /// The commands that failed or were refused, and how often, since the start.
    pub(super) fn failures(&self) -> Vec<(&'a str, f64)> {
        let all = self.redis.info.last.beginning_with(COMMAND).map(|(name, line)| {
            let number = |name| part(line, name).unwrap_or(0.0);
            (name, number("failed_calls") + number("rejected_calls"))
        });
        all.filter(|(_, times)| *times > 0.0).collect()
    }

    /// How often an error has been answered since the start.
    pub(super) fn errors(&self, code: &str) -> f64 {
        self.word(&format!("{ERROR}{code}")).and_then(|it| part(it, "count")).unwrap_or(0.0)
    }

    /// How often an error was answered between the samples.
    pub(super) fn recent_errors(&self, code: &str) -> f64 {
        let info = &self.redis.info;
        let first = info.first.word(&format!("{ERROR}{code}"));
        let first = first.and_then(|it| part(it, "count")).unwrap_or(0.0);
        if info.apart.is_zero() { 0.0 } else { (self.errors(code) - first).max(0.0) }
    }

    /// All errors that were ever answered, by their codes.
    pub(super) fn error_codes(&self) -> impl Iterator<Item = &'a str> {
        self.redis.info.last.beginning_with(ERROR).map(|(code, _)| code)
    }

    /// A command as one would type it for this server.
    pub(super) fn cli(&self, command: &str) -> String {
        cli(self.facts, command)
    }

    /// Tells to set something, and to write it down where the server has a file to write it to.
    pub(super) fn advise(&self, finding: &mut Finding, words: &str, settings: &[(&str, &str)]) {
        let set = |(name, value): &(&str, &str)| format!("CONFIG SET {name} {}", quoted(value));
        let mut commands: Vec<_> = settings.iter().map(|it| self.cli(&set(it))).collect();
        let mut words = words.to_owned();
        if self.has_file() {
            commands.push(self.cli("CONFIG REWRITE"));
        } else {
            words.push_str(" (lost with its restart: it runs without a configuration file)");
        }
        let commands: Vec<_> = commands.iter().map(String::as_str).collect();
        finding.remedy(words, &commands);
    }

    /// Whether it was started with a configuration file, which `CONFIG REWRITE` changes.
    fn has_file(&self) -> bool {
        self.word("config_file").is_some_and(|it| !it.is_empty())
    }

    /// Another value for a setting, if its value is known.
    pub(super) fn set(&self, name: &str, value: &str) -> Option<Change> {
        let said = self.setting(name)?;
        let before = quoted(said);
        let lasting = if self.has_file() {
            self.cli("CONFIG REWRITE")
        } else {
            format!("start it with `--{name} {}`: it runs without a file", quoted(value))
        };
        Some(Change {
            words: format!("set {name} to {value}, which is {before} now"),
            command: ["CONFIG", "SET", name, value].map(str::to_owned).into(),
            before: Some(said.to_owned()),
            undo: Some(self.cli(&format!("CONFIG SET {name} {before}"))),
            lasting: Some(lasting),
        })
    }
}

/// A command as one would type it for a server: `redis-cli -h 10.0.0.1 INFO`.
pub(crate) fn cli(facts: &ServerFacts, command: &str) -> String {
    let address = &facts.target.address;
    let mut words = vec!["redis-cli".to_owned(), "-h".to_owned(), address.host().to_owned()];
    if address.port() != PORT_DEFAULT {
        words.extend(["-p".to_owned(), address.port().to_string()]);
    }
    if let Protocol::Redis(login) = &facts.target.protocol {
        if login.is_tls {
            words.push("--tls".to_owned());
        }
        if let Some(user) = &login.user {
            words.extend(["--user".to_owned(), quoted(user)]);
        }
        if login.password.is_some() {
            words.push("--askpass".to_owned());
        }
    }
    words.push(command.to_owned());
    words.join(" ")
}

/// A word as a shell takes it for one.
fn quoted(word: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "-_.,:/+=@%".contains(it);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Whether the server refused anything of ours with this code (`OOM`, `BUSY`), and its words.
pub(super) fn refusal<'a>(facts: &'a ServerFacts, code: &str) -> Option<&'a str> {
    let of_probe = facts.probe.steps().filter_map(|step| match &step.outcome {
        Outcome::Refused(words) => Some(words.as_str()),
        _ => None,
    });
    let of_gaps = facts.gaps.iter().map(|gap| gap.why.as_str());
    of_probe.chain(of_gaps).find(|words| has_code(words, code))
}

fn has_code(words: &str, code: &str) -> bool {
    words.split(|it: char| !it.is_ascii_alphanumeric()).any(|word| word == code)
}

/// A number in `calls=1,usec=2`.
pub(super) fn part(line: &str, name: &str) -> Option<f64> {
    text_part(line, name)?.parse().ok().filter(|it: &f64| it.is_finite())
}

/// A word in `ip=10.0.0.1,state=online`.
pub(super) fn text_part<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let mut parts = line.split(',').filter_map(|part| part.split_once('='));
    parts.find(|(it, _)| *it == name).map(|(_, value)| value)
}

fn cost(line: &str) -> Cost {
    let number = |name| part(line, name).unwrap_or(0.0);
    Cost { calls: number("calls"), micros: number("usec") }
}

const COMMAND: &str = "cmdstat_";
const ERROR: &str = "errorstat_";
const PORT_DEFAULT: u16 = 6379;
