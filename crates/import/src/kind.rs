//! What kind of source a text is: by its name, and else by what is in it.
//!
//! It is found or it is asked for; nothing is taken for what it may not be.

use std::fmt;
use std::str::FromStr;

/// The kinds of sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// twemproxy's YAML.
    Twemproxy,
    /// mcrouter's JSON.
    Mcrouter,
    /// PHP's ini files, and connection strings of its clients.
    Php,
    /// spymemcached's list of servers.
    Spymemcached,
    /// Somebody's list of servers; whose, is said beside it.
    List,
    /// Django's settings, in Python or JSON.
    Django,
    /// Rails' settings in Ruby, and `MEMCACHE_SERVERS`.
    Rails,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Twemproxy,
        Self::Mcrouter,
        Self::Php,
        Self::Spymemcached,
        Self::List,
        Self::Django,
        Self::Rails,
    ];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Twemproxy => "twemproxy",
            Self::Mcrouter => "mcrouter",
            Self::Php => "php",
            Self::Spymemcached => "spymemcached",
            Self::List => "list",
            Self::Django => "django",
            Self::Rails => "rails",
        }
    }

    /// The kinds that a text may be of, by its name if that says it.
    pub(crate) fn candidates(name: &str, text: &str) -> Vec<Self> {
        let of_json = || {
            let is_django = text.contains("\"BACKEND\"");
            if is_django { Self::Django } else { Self::Mcrouter }
        };
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        match extension.to_ascii_lowercase().as_str() {
            "yml" | "yaml" => return vec![Self::Twemproxy],
            "json" | "jsonc" => return vec![of_json()],
            "ini" => return vec![Self::Php],
            "py" => return vec![Self::Django],
            "rb" => return vec![Self::Rails],
            _ => {}
        }
        if text.trim_start().starts_with('{') || text.trim_start().starts_with("/*") {
            return vec![of_json()];
        }
        let signs = [
            (Self::Django, &["CACHES =", "CACHES=", "CACHES["][..]),
            (Self::Rails, &["cache_store", "Dalli::Client", "MemCacheStore", "MEMCACHE_SERVERS="]),
            (Self::Php, &["session.save_", "memcache.", "memcached.", "--SERVER", "PERSISTENT="]),
            (Self::Twemproxy, &["servers:", "listen:"]),
        ];
        // Django's classes are not php-memcached's settings.
        let text = &text.replace("backends.memcached", "");
        let found = signs.into_iter().filter(|(_, signs)| signs.iter().any(|it| text.contains(it)));
        let found: Vec<_> = found.map(|(kind, _)| kind).collect();
        match found.is_empty() {
            true if text.contains("://") => vec![Self::Php],
            true if is_list(text) => vec![Self::List],
            _ => found,
        }
    }
}

/// Whether every part could be a server.
fn is_list(text: &str) -> bool {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    let parts = lines.flat_map(|line| line.split([',', ';', ' ', '\t']));
    let mut parts = parts.filter(|it| !it.is_empty());
    let is_server = |it: &str| {
        it.contains(':') && it.chars().all(|it| it.is_ascii_alphanumeric() || ".-_:[]".contains(it))
    };
    parts.clone().next().is_some() && parts.all(is_server)
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that is no kind's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no kind of source; choose one of {all}", all = names())]
pub struct UnknownKind(String);

/// All names, for people.
pub(crate) fn names() -> String {
    Kind::ALL.map(Kind::name).join(", ")
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == text);
        found.ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, text: &str, expected: &[Kind]) {
        assert_eq!(Kind::candidates(name, text), expected, "{name}: {text}");
    }

    #[test]
    fn a_name_says_what_a_file_is() {
        check("nutcracker.yml", "", &[Kind::Twemproxy]);
        check("mcrouter.json", "{}", &[Kind::Mcrouter]);
        check("caches.json", r#"{"default": {"BACKEND": ""}}"#, &[Kind::Django]);
        check("20-memcached.ini", "", &[Kind::Php]);
        check("settings.py", "", &[Kind::Django]);
        check("production.rb", "", &[Kind::Rails]);
    }

    #[test]
    fn what_is_in_a_text_says_it_else() {
        check("-", "alpha:\n  listen: 127.0.0.1:1\n  servers:\n", &[Kind::Twemproxy]);
        check("-", "// it\n{\"pools\": {}}", &[]);
        check("-", " {\"pools\": {}}", &[Kind::Mcrouter]);
        check("-", "CACHES = {}", &[Kind::Django]);
        check("-", "tcp://10.0.0.1:11211?weight=1", &[Kind::Php]);
        check("-", "MEMCACHE_SERVERS=memcached://10.0.0.1:11211", &[Kind::Rails]);
        let django = "CACHES = {'a': 'django.core.cache.backends.memcached.PyMemcacheCache'}";
        check("-", django, &[Kind::Django]);
        check("-", "10.0.0.1:11211,10.0.0.2:11211 [::1]:11211", &[Kind::List]);
    }

    #[test]
    fn what_could_be_either_or_neither_is_not_decided() {
        check("-", "config.cache_store = 1\nsession.save_path = x", &[Kind::Rails, Kind::Php]);
        check("-", "hello", &[]);
        check("-", "", &[]);
    }

    #[test]
    fn every_kind_is_known_by_its_name() {
        for kind in Kind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        let error = "nutcracker".parse::<Kind>().unwrap_err().to_string();
        assert!(error.contains("twemproxy, mcrouter, php"), "{error}");
    }
}
