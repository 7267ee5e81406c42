//! Whom to tell what happens, and how.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::choice::HookTrigger;
use super::fault::{Fault, KeyPath, Problem};
use super::name::HookName;
use super::setting::Setting;

/// The table `[hook.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookConfig {
    /// The NAME of the table: what logs, metrics and faults call it.
    pub name: HookName,

    /// What is done: a request to `webhook`, or a run of `command`.
    pub action: HookAction,

    /// What it is told of.
    ///
    /// [`HookTrigger::DEFAULTS`] by default: what takes a server out of use and what brings it
    /// back, what loses data, and what an operator must see to.
    pub events: Vec<HookTrigger>,

    /// How long one request, or one run of the command, may take.
    ///
    /// A duration from 100 ms to 5 m; 10 s by default. A request is then given up and made again; a
    /// command is killed, with all processes of its group.
    pub timeout: Duration,

    /// How often a request that failed is made again, after pauses that double from 1 s to 1 m.
    ///
    /// From 0 to 20; 5 by default, which takes half a minute. What happens meanwhile is told in the
    /// next message. 0 for a command: it is run once for a message.
    pub retries: usize,

    /// How long after a message what happens is gathered into one summary.
    ///
    /// A duration from 1 s to 1 h; 10 s by default. The first event is told at once. While there
    /// is more to tell at the end of each interval, the next is twice as long, up to
    /// [`HookConfig::INTERVAL_FACTOR_MAX`] times this.
    pub interval: Duration,

    /// The file with the secret that requests are signed with (HMAC-SHA256); none by default.
    ///
    /// It is read anew for every message. A line's end at its end does not count.
    pub secret_file: Option<PathBuf>,
}

/// What a hook does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookAction {
    /// Sends a POST request to this address.
    Webhook(WebhookAddress),
    /// Runs this program with these arguments. No shell is involved.
    Command {
        /// Its whole path.
        program: PathBuf,
        /// What it is given.
        arguments: Vec<String>,
    },
}

impl HookAction {
    /// The key that it is written at.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Webhook(_) => "webhook",
            Self::Command { .. } => "command",
        }
    }
}

impl HookConfig {
    /// See [`HookConfig::timeout`].
    pub const TIMEOUT: Setting<Duration> = Setting {
        key: "timeout",
        min: Duration::from_millis(100),
        max: Duration::from_mins(5),
        default: Duration::from_secs(10),
    };

    /// See [`HookConfig::retries`].
    pub const RETRIES: Setting<usize> = Setting { key: "retries", min: 0, max: 20, default: 5 };

    /// See [`HookConfig::interval`].
    pub const INTERVAL: Setting<Duration> = Setting {
        key: "interval",
        min: Duration::from_secs(1),
        max: Duration::from_hours(1),
        default: Duration::from_secs(10),
    };

    /// How much longer an interval can become than it is set.
    pub const INTERVAL_FACTOR_MAX: u32 = 16;

    /// A hook with every other setting at its default.
    pub fn new(name: HookName, action: HookAction) -> Self {
        let retries = match action {
            HookAction::Webhook(_) => Self::RETRIES.default,
            HookAction::Command { .. } => 0,
        };
        Self {
            name,
            action,
            retries,
            events: HookTrigger::DEFAULTS.to_vec(),
            timeout: Self::TIMEOUT.default,
            interval: Self::INTERVAL.default,
            secret_file: None,
        }
    }

    /// Where the settings of this hook stand.
    pub fn path(&self) -> KeyPath {
        KeyPath::ROOT.key("hook").key(self.name.as_str())
    }

    pub(super) fn check(&self, faults: &mut Vec<Fault>) {
        let table = &self.path();
        Self::TIMEOUT.check(self.timeout, table, faults);
        Self::RETRIES.check(self.retries, table, faults);
        Self::INTERVAL.check(self.interval, table, faults);
        if self.events.is_empty() {
            faults.push(Fault::new(table.key("events"), Problem::HookWithoutEvents));
        }
        if let HookAction::Command { program, .. } = &self.action {
            check_absolute(program, table.key("command"), faults);
            let without_effect =
                [("retries", self.retries != 0), ("secret_file", self.secret_file.is_some())];
            for (key, _) in without_effect.into_iter().filter(|(_, is_set)| *is_set) {
                faults.push(Fault::new(table.key(key), Problem::NoEffectOnCommand));
            }
        }
        if let Some(path) = &self.secret_file {
            check_absolute(path, table.key("secret_file"), faults);
        }
    }
}

fn check_absolute(path: &Path, at: KeyPath, faults: &mut Vec<Fault>) {
    if !path.is_absolute() {
        faults.push(Fault::new(at, Problem::RelativePath(path.display().to_string())));
    }
}

/// Where a webhook's requests go: an `http://` or `https://` address.
///
/// Such an address is often a secret by itself. What is displayed of it is the part that says
/// who is told; all of it is [`WebhookAddress::as_str`].
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookAddress(String);

/// Why a text is no address for a webhook. Nothing was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookAddressError {
    /// It begins with neither of the two.
    #[error("it does not begin with https:// or http://")]
    Scheme,
    /// Nothing follows that could be asked.
    #[error("it names nobody to ask")]
    NoAuthority,
    /// A character that no such address has.
    #[error("it cannot have {0:?} in it")]
    Character(char),
    /// Longer than [`WebhookAddress::LEN_MAX`].
    #[error("it has {0} bytes, more than {max}", max = WebhookAddress::LEN_MAX)]
    TooLong(usize),
}

impl WebhookAddress {
    /// The longest, in bytes.
    pub const LEN_MAX: usize = 2048;

    /// All of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WebhookAddress {
    type Err = WebhookAddressError;

    fn from_str(text: &str) -> Result<Self, WebhookAddressError> {
        if text.len() > Self::LEN_MAX {
            return Err(WebhookAddressError::TooLong(text.len()));
        }
        if let Some(char) = text.chars().find(|char| !char.is_ascii_graphic()) {
            return Err(WebhookAddressError::Character(char));
        }
        match text.split_once("://") {
            Some(("http" | "https", rest)) if rest.starts_with(['/', '?', '#', ':']) => {
                Err(WebhookAddressError::NoAuthority)
            }
            Some(("http" | "https", "")) => Err(WebhookAddressError::NoAuthority),
            Some(("http" | "https", _)) => Ok(Self(text.to_owned())),
            Some(_) | None => Err(WebhookAddressError::Scheme),
        }
    }
}

impl fmt::Display for WebhookAddress {
    /// `https://hooks.example.com/…`: who is told, and not the rest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").expect("an address has a scheme");
        let (authority, _) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let public = authority.rsplit_once('@').map_or(authority, |(_, public)| public);
        write!(f, "{scheme}://{public}/…")
    }
}

impl fmt::Debug for WebhookAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_a_webhook_is_shown_without_what_may_be_secret_in_it() {
        for (text, shown) in [
            ("https://hooks.example.com/T0/B0/x", "https://hooks.example.com/…"),
            ("https://user:word@example.com:8443?token=x", "https://example.com:8443/…"),
            ("http://[::1]:80", "http://[::1]:80/…"),
            ("http://a#b", "http://a/…"),
        ] {
            let address: WebhookAddress = text.parse().unwrap();
            assert_eq!(address.as_str(), text);
            assert_eq!(address.to_string(), shown);
            assert_eq!(format!("{address:?}"), shown);
        }
    }

    #[test]
    fn an_address_of_a_webhook_is_checked() {
        let parse = |text: &str| text.parse::<WebhookAddress>();
        assert_eq!(parse("ftp://a"), Err(WebhookAddressError::Scheme));
        assert_eq!(parse("example.com"), Err(WebhookAddressError::Scheme));
        assert_eq!(parse(""), Err(WebhookAddressError::Scheme));
        for text in ["https://", "https:///x", "http://?x", "http://:80"] {
            assert_eq!(parse(text), Err(WebhookAddressError::NoAuthority), "{text}");
        }
        assert_eq!(parse("http://a b"), Err(WebhookAddressError::Character(' ')));
        assert_eq!(parse("http://a\r\nb"), Err(WebhookAddressError::Character('\r')));
        let long = |len: usize| format!("http://{}", "a".repeat(len - 7));
        assert!(parse(&long(2048)).is_ok());
        assert_eq!(parse(&long(2049)), Err(WebhookAddressError::TooLong(2049)));
    }
}
