//! How the effect of a command is read back.

use super::Effect;

/// What shows the effect of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// A setting of Redis, and what it is to be.
    Config { name: String, wanted: String },
    /// A client of Redis by its number, that is to be gone.
    Client { id: String },
    /// A figure of memcached's `stats`, or of a part of them, and what it is to be.
    Stat { part: Option<&'static str>, name: &'static str, wanted: String },
}

impl Sight {
    /// Of a command; `None` if nothing shows its effect.
    pub(super) fn of(words: &[&str]) -> Option<Self> {
        let upper: Vec<_> = words.iter().map(|it| it.to_ascii_uppercase()).collect();
        let upper: Vec<_> = upper.iter().map(String::as_str).collect();
        match (&upper[..], words) {
            (["CONFIG", "SET", _, _], [_, _, name, wanted]) => {
                Some(Self::Config { name: (*name).to_owned(), wanted: (*wanted).to_owned() })
            }
            (["CLIENT", "KILL", "ID", id], _) => Some(Self::Client { id: (*id).to_owned() }),
            (["CACHE_MEMLIMIT", mebibytes], _) => {
                let bytes = mebibytes.parse::<u64>().ok()?.checked_mul(1 << 20)?;
                Some(Self::Stat { part: None, name: "limit_maxbytes", wanted: bytes.to_string() })
            }
            (["SLABS", "AUTOMOVE", wanted], _) => {
                let wanted = (*wanted).to_owned();
                Some(Self::Stat { part: Some("settings"), name: "slab_automove", wanted })
            }
            (["VERBOSITY", wanted], _) => {
                let wanted = (*wanted).to_owned();
                Some(Self::Stat { part: Some("settings"), name: "verbosity", wanted })
            }
            _ => None,
        }
    }

    /// The command that shows it.
    pub(super) fn question(&self) -> Vec<&str> {
        match self {
            Self::Config { name, .. } => vec!["CONFIG", "GET", name],
            Self::Client { id } => vec!["CLIENT", "LIST", "ID", id],
            Self::Stat { part: Some(part), .. } => vec!["stats", part],
            Self::Stat { part: None, .. } => vec!["stats"],
        }
    }

    /// How it is, by the answer to that.
    pub(super) fn read(&self, answer: &[String]) -> Option<String> {
        match self {
            Self::Config { .. } => answer.get(1).cloned(),
            Self::Client { id } => {
                let own = format!("id={id} ");
                let lines = answer.iter().flat_map(|it| it.lines());
                let is_there = lines.clone().any(|line| line.starts_with(&own));
                Some(if is_there { CONNECTED } else { GONE }.to_owned())
            }
            Self::Stat { name, .. } => answer.iter().find_map(|line| {
                let (own, value) = line.strip_prefix("STAT ")?.split_once(' ')?;
                (own == *name).then(|| value.to_owned())
            }),
        }
    }

    /// Whether it is as it is wanted.
    pub(super) fn effect(&self, before: Option<&str>, after: &str) -> Effect {
        let is_wanted = match self {
            Self::Config { wanted, .. } => is_same(wanted, after),
            Self::Client { .. } => after == GONE,
            Self::Stat { wanted, .. } => wanted == after,
        };
        // What was written in another form (a size with its unit) has changed all the same.
        if is_wanted || before.is_some_and(|before| before != after) {
            Effect::Took
        } else {
            Effect::None
        }
    }
}

/// Whether a setting that was written so is told so: Redis tells sizes in bytes.
fn is_same(wanted: &str, told: &str) -> bool {
    wanted.eq_ignore_ascii_case(told)
        || bytes(wanted).is_some_and(|it| told.parse().is_ok_and(|told: u64| told == it))
}

/// A size as redis.conf writes it.
fn bytes(text: &str) -> Option<u64> {
    let text = text.to_ascii_lowercase();
    let digits = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    let unit = match &text[digits..] {
        "" | "b" => 1,
        "k" => 1_000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    text[..digits].parse::<u64>().ok()?.checked_mul(unit)
}

const CONNECTED: &str = "connected";
const GONE: &str = "gone";

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(command: &str, answer: &[&str], before: &str, expected: (Option<&str>, Effect)) {
        let words: Vec<_> = command.split(' ').collect();
        let sight = Sight::of(&words).expect("its effect is seen");
        let answer: Vec<_> = answer.iter().map(|&it| it.to_owned()).collect();
        let after = sight.read(&answer);
        let effect = after.as_deref().map_or(Effect::Unseen, |it| sight.effect(Some(before), it));
        assert_eq!((after.as_deref(), effect), expected);
    }

    #[test]
    fn the_effect_of_a_setting_is_read_back() {
        let get = ["maxmemory-policy", "allkeys-lru"];
        let set = "CONFIG SET maxmemory-policy allkeys-lru";
        check(set, &get, "noeviction", (Some("allkeys-lru"), Effect::Took));
        check(
            set,
            &["maxmemory-policy", "noeviction"],
            "noeviction",
            (Some("noeviction"), Effect::None),
        );
        check(set, &[], "noeviction", (None, Effect::Unseen));
        let set = "config set maxmemory 100mb";
        check(set, &["maxmemory", "104857600"], "104857600", (Some("104857600"), Effect::Took));
    }

    #[test]
    fn a_client_is_gone_or_is_not() {
        let kill = "CLIENT KILL ID 7";
        check(kill, &[""], "connected", (Some("gone"), Effect::Took));
        check(kill, &["id=7 addr=127.0.0.1:1\n"], "connected", (Some("connected"), Effect::None));
        check(kill, &["id=70 addr=127.0.0.1:1\n"], "connected", (Some("gone"), Effect::Took));
    }

    #[test]
    fn memcached_says_what_it_was_told() {
        let stats = ["STAT pid 1", "STAT limit_maxbytes 134217728", "END"];
        check("cache_memlimit 128", &stats, "1", (Some("134217728"), Effect::Took));
        check("slabs automove 1", &["STAT slab_automove 0"], "0", (Some("0"), Effect::None));
    }

    #[test]
    fn of_other_commands_nothing_is_seen() {
        for words in
            [&["SCRIPT", "KILL"][..], &["CONFIG", "REWRITE"], &["cache_memlimit", "x"], &[]]
        {
            assert_eq!(Sight::of(words), None);
        }
    }
}
