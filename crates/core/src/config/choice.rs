//! Settings whose value is one of a few words.

use std::fmt;
use std::str::FromStr;

/// A word that is none of a setting's choices. No value was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown choice {0:?}")]
pub struct UnknownChoice(pub String);

/// Defines an enum whose variants are written as words.
macro_rules! choice {
    (
        $(#[$doc:meta])* pub enum $name:ident {
            $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Every word a configuration may use, with what it stands for.
            pub const NAMES: &[(&str, Self)] = &[$(($word, Self::$variant)),*];

            /// The word in a configuration.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl FromStr for $name {
            type Err = UnknownChoice;

            fn from_str(word: &str) -> Result<Self, UnknownChoice> {
                let known = Self::NAMES.iter().find(|(known, _)| *known == word);
                known.map(|(_, choice)| *choice).ok_or_else(|| UnknownChoice(word.to_owned()))
            }
        }
    };
}

choice! {
    /// Where a key's requests go while its server cannot be used.
    pub enum Failover {
        /// To the next usable server of the key's order. No other key moves.
        #[default]
        Next = "next",
        /// To a pool of spare servers.
        Gutter = "gutter",
        /// Nowhere: the key is a miss, and cannot be stored, until its server is back.
        None = "none",
    }
}

choice! {
    /// What an application is told when no server can serve a read.
    pub enum OnUnavailable {
        /// A miss, as if the key were not cached.
        #[default]
        Miss = "miss",
        /// An error, `SERVER_ERROR` with the reason.
        Error = "error",
    }
}

choice! {
    /// What a server that returns may serve of what it held when it went.
    pub enum Rejoin {
        /// What is not known to be old.
        #[default]
        Clean = "clean",
        /// Nothing: it is flushed before it is used.
        Flush = "flush",
        /// Everything, old values among it. Unsafe: reads may be stale.
        Trust = "trust",
    }
}

choice! {
    /// How workers read from and write to their sockets.
    pub enum Io {
        /// As `IoUring` where the kernel allows it, else as `Epoll`.
        #[default]
        Auto = "auto",
        /// By a system call for each socket.
        Epoll = "epoll",
        /// By a system call for many sockets, with the kernel's `io_uring`.
        IoUring = "io_uring",
    }
}

choice! {
    /// How a log line is written.
    pub enum LogFormat {
        /// As `Human` on a terminal, else as `Json`.
        #[default]
        Auto = "auto",
        /// For people: time, level, text, and what belongs to it.
        Human = "human",
        /// One JSON object.
        Json = "json",
    }
}

choice! {
    /// The least grave lines that are logged.
    pub enum LogLevel {
        /// What could not be done.
        Error = "error",
        /// What somebody may want to look at, too.
        Warn = "warn",
        /// What happens to servers and to this process, too.
        #[default]
        Info = "info",
        /// What helps to find a fault of this program, too.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}

choice! {
    /// Whether the keys of slow requests are logged.
    pub enum SlowRequestKeys {
        /// They are not: a key can be about a person.
        #[default]
        Hidden = "hidden",
        /// They are.
        Shown = "shown",
    }
}

choice! {
    /// What a hook can be told of.
    pub enum HookTrigger {
        /// A server has been ejected: by a rule, not by an operator's word.
        #[default]
        Down = "down",
        /// A server that was out of use has all its keys back.
        Up = "up",
        /// A server is suspected, or no longer.
        Suspect = "suspect",
        /// A server begins to get its keys back.
        Returning = "returning",
        /// An operator has taken a server out of use.
        Drained = "drained",
        /// A server is sent no writes any more.
        WritesEjected = "writes-ejected",
        /// A server is sent writes again.
        WritesReadmitted = "writes-readmitted",
        /// A server has restarted, and is empty.
        Restarted = "restarted",
        /// So many servers look bad that nobody is ejected.
        MassFailure = "mass-failure",
        /// An operator has said something about a server.
        Ordered = "ordered",
        /// A server is to be flushed before it is used.
        FlushRequired = "flush-required",
        /// A server refuses to be flushed, and is not used.
        FlushRefused = "flush-refused",
        /// A server has been flushed.
        Flushed = "flushed",
        /// There were too many misplaced keys.
        Overflowed = "overflowed",
        /// A server has been added to a pool.
        Joined = "joined",
        /// A server has been taken out of its pool for good.
        Left = "left",
        /// A configuration has been applied.
        ConfigurationApplied = "configuration-applied",
        /// A configuration has been refused; the old one is in effect.
        ConfigurationRefused = "configuration-refused",
    }
}

impl HookTrigger {
    /// What hooks are told of if nothing else is said.
    pub const DEFAULTS: [Self; 8] = [
        Self::Down,
        Self::Up,
        Self::WritesEjected,
        Self::WritesReadmitted,
        Self::MassFailure,
        Self::FlushRefused,
        Self::Overflowed,
        Self::ConfigurationRefused,
    ];
}

choice! {
    /// What a request does, as far as a route can tell requests apart.
    #[derive(PartialOrd, Ord)]
    pub enum Operation {
        /// It looks: `get`, `gets`, `mg`, `me`.
        #[default]
        Get = "get",
        /// It stores: `set`, `add`, `replace`, `append`, `prepend`, `cas`, `ms`.
        Set = "set",
        /// It removes: `delete`, `md`.
        Delete = "delete",
        /// It sets an expiry, and may look: `touch`, `gat`, `gats`.
        Touch = "touch",
        /// It counts: `incr`, `decr`, `ma`.
        Arithmetic = "arithmetic",
    }
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Get, Self::Set, Self::Delete, Self::Touch, Self::Arithmetic];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_reads_as_it_is_written() {
        for (name, choice) in Failover::NAMES {
            assert_eq!(choice.to_string(), *name);
            assert_eq!(name.parse(), Ok(*choice));
        }
        for (name, choice) in Rejoin::NAMES {
            assert_eq!(choice.to_string(), *name);
            assert_eq!(name.parse(), Ok(*choice));
        }
        for (name, choice) in OnUnavailable::NAMES {
            assert_eq!(choice.to_string(), *name);
            assert_eq!(name.parse(), Ok(*choice));
        }
        for (name, choice) in Io::NAMES {
            assert_eq!(choice.to_string(), *name);
            assert_eq!(name.parse(), Ok(*choice));
        }
    }

    #[test]
    fn what_is_logged_and_what_hooks_are_told_of_reads_as_it_is_written() {
        for (name, choice) in LogFormat::NAMES {
            assert_eq!(name.parse(), Ok(*choice));
        }
        for (name, choice) in LogLevel::NAMES {
            assert_eq!(name.parse(), Ok(*choice));
        }
        for (name, choice) in SlowRequestKeys::NAMES {
            assert_eq!(name.parse(), Ok(*choice));
        }
        for (name, choice) in HookTrigger::NAMES {
            assert_eq!(choice.to_string(), *name);
            assert_eq!(name.parse(), Ok(*choice));
        }
    }

    #[test]
    fn every_operation_reads_as_it_is_written() {
        for (idx, (name, operation)) in Operation::NAMES.iter().enumerate() {
            assert_eq!(name.parse(), Ok(*operation));
            assert_eq!((Operation::ALL[idx], *operation as usize), (*operation, idx));
        }
    }

    #[test]
    fn a_word_that_is_no_choice_is_refused() {
        for word in ["Next", "spare", "", "next "] {
            let unknown = UnknownChoice(word.to_owned());
            assert_eq!(word.parse::<Failover>(), Err(unknown.clone()));
            assert_eq!(word.parse::<OnUnavailable>(), Err(unknown));
        }
    }
}
