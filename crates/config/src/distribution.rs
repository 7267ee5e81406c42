//! How a pool places keys: the settings that belong together.
//!
//! Each is read by itself, and then it is seen whether the distribution has it.

use evenkeel_core::config::PoolConfig;
use evenkeel_core::config::nearest::{alternatives, nearest, suggestion};
use evenkeel_core::distribution::{
    HashFunction, HashTag, InvalidKeyText, KeyText, NameFormat, Salt, Scheme, Settings,
    UnknownHash, UnusedSetting,
};

use super::read::quoted;
use super::reading::{Expected, Unreadable};
use super::section::Section;

/// Reads `distribution` and all that goes with it.
pub(super) fn read_distribution(section: &mut Section<'_, '_>) -> Settings {
    let scheme = read_scheme(section);
    let settings = Settings::new(scheme.unwrap_or(PoolConfig::DISTRIBUTION_DEFAULT.scheme()));
    let hash = read_hash(section, "hash", "the first that the distribution has", scheme);
    let point_hash = read_hash(section, "point_hash", "`hash`", scheme);
    let name_format =
        section.choice("name_format", &NameFormat::NAMES, &quoted(NameFormat::default().name()));
    let salt = read_key_text::<Salt>(section, "salt", "\"x\"");
    let hash_tag = read_hash_tag(section);
    let hash_stop = read_key_text::<KeyText>(section, "hash_stop", "\"|#|\"");
    let prefix = read_key_text::<KeyText>(section, "unhashed_prefix", "\"app:\"");

    let mut set = Set { section, settings, is_scheme_known: scheme.is_some() };
    set.set("hash", hash, Settings::with_hash);
    set.set("point_hash", point_hash, Settings::with_point_hash);
    set.set("name_format", name_format, Settings::with_name_format);
    set.set("salt", salt, Settings::with_salt);
    set.set("hash_tag", hash_tag, |settings, tag| Ok(settings.with_hash_tag(tag)));
    set.set("hash_stop", hash_stop, |settings, stop| Ok(settings.with_hash_stop(stop)));
    set.set(
        "unhashed_prefix",
        prefix,
        |settings, prefix| Ok(settings.with_unhashed_prefix(prefix)),
    );
    set.settings
}

/// Settings while they are put together.
struct Set<'s, 't, 'r> {
    section: &'s mut Section<'t, 'r>,
    settings: Settings,
    /// While it is not, nothing is said to be without effect.
    is_scheme_known: bool,
}

impl Set<'_, '_, '_> {
    fn set<T>(
        &mut self,
        key: &'static str,
        value: Option<T>,
        with: impl FnOnce(Settings, T) -> Result<Settings, UnusedSetting>,
    ) {
        let Some(value) = value else { return };
        match with(self.settings.clone(), value) {
            Ok(settings) => self.settings = settings,
            Err(error) if self.is_scheme_known => self.section.fault(key, error, "remove it"),
            Err(_) => {}
        }
    }
}

/// The scheme by its name or by that of a client; `None` if what is written is neither.
fn read_scheme(section: &mut Section<'_, '_>) -> Option<Scheme> {
    let default = PoolConfig::DISTRIBUTION_DEFAULT.scheme();
    let names = Scheme::NAMES.map(|(name, _)| name);
    let clients = Scheme::CLIENTS.map(|(name, _)| name);
    let expected = Expected { kind: "a string", example: "\"ketama\"" };
    let summary = super::reference::choice(&names, &quoted(default.name()));
    let is_written = section.has("distribution");
    let by_name = section.parsed("distribution", &summary, expected, |name| {
        name.parse().map_err(|_| Unreadable {
            problem: format!("unknown choice {name:?}"),
            remedy: remedy(name, &names, ("compatible_with", &clients)),
        })
    });
    let expected = Expected { kind: "a string", example: "\"php-memcached\"" };
    let summary = super::reference::choice(&clients, "`distribution`");
    let has_client = section.has("compatible_with");
    let by_client = section.parsed("compatible_with", &summary, expected, |name| {
        let client = Scheme::CLIENTS.into_iter().find(|(known, _)| *known == name);
        client.map(|(_, scheme)| scheme).ok_or_else(|| Unreadable {
            problem: format!("unknown choice {name:?}"),
            remedy: remedy(name, &clients, ("distribution", &names)),
        })
    });
    match (is_written, has_client) {
        (true, true) => {
            let problem = "distribution is set as well";
            section.fault("compatible_with", problem, "remove one of the two");
            by_name
        }
        (true, false) => by_name,
        (false, true) => by_client,
        (false, false) => Some(default),
    }
}

/// What to write instead of a name that is unknown: the same of the other setting, those that have
/// it as a word of theirs, one that it is near to, those that it is part of, or all.
fn remedy(name: &str, known: &[&str], (other_key, other): (&str, &[&str])) -> String {
    // Before a near one: pylibmc is near to libmc, and maps keys otherwise.
    if other.contains(&name) {
        return format!("write {other_key} = {name:?}");
    }
    let word = name.to_lowercase().replace('_', "-");
    let having = |has: &dyn Fn(&str) -> bool| -> Vec<&str> {
        known.iter().copied().filter(|known| has(known)).collect()
    };
    let same = having(&|known| known == word);
    let wordy = having(&|known| known.split('-').any(|part| part == word));
    let near = nearest(name, known.iter().copied()).into_iter().collect();
    let longer = having(&|known| word.len() > 3 && known.contains(&word));
    match [same, wordy, near, longer].iter().find(|it| !it.is_empty()) {
        Some(meant) => format!("did you mean {}?", alternatives(meant)),
        None => format!("choose {}", alternatives(known)),
    }
}

fn read_hash(
    section: &mut Section<'_, '_>,
    key: &'static str,
    default: &str,
    scheme: Option<Scheme>,
) -> Option<HashFunction> {
    let summary = format!("A hash that the distribution has, by its name; {default} by default.");
    let expected = Expected { kind: "a string", example: "\"md5\"" };
    let is_unused = |scheme: Scheme| {
        scheme.hashes().is_empty() || (key == "point_hash" && !scheme.has_point_hash())
    };
    let hash = section.parsed(key, &summary, expected, |name| match scheme {
        Some(scheme) if is_unused(scheme) => Err(Unreadable {
            problem: UnusedSetting { scheme, setting: key }.to_string(),
            remedy: "remove it".to_owned(),
        }),
        Some(scheme) => scheme.hash_named(name).map(Some).map_err(|error| unknown_hash(&error)),
        // What it should be depends on the distribution, which is found faulty already.
        None => Ok(None),
    });
    hash.flatten()
}

fn unknown_hash(error: &UnknownHash) -> Unreadable {
    let names = error.scheme.hashes().iter().map(|(name, _)| *name);
    Unreadable { problem: error.to_string(), remedy: suggestion(&error.name, names) }
}

fn read_hash_tag(section: &mut Section<'_, '_>) -> Option<HashTag> {
    let summary = "Two visible ASCII characters; none by default.";
    let expected = Expected { kind: "a string", example: "\"{}\"" };
    section.parsed("hash_tag", summary, expected, |text| {
        text.parse().map_err(|_| Unreadable {
            problem: format!("{text:?} is not two visible ASCII characters"),
            remedy: "write the opening and the closing character, as in \"{}\"".to_owned(),
        })
    })
}

fn read_key_text<T: std::str::FromStr<Err = InvalidKeyText>>(
    section: &mut Section<'_, '_>,
    key: &'static str,
    example: &str,
) -> Option<T> {
    let expected = Expected { kind: "a string", example };
    let summary = "A text of up to 249 bytes; none by default.";
    section.parsed(key, summary, expected, |text| {
        text.parse().map_err(|error| Unreadable {
            problem: format!("{text:?} cannot be part of a key: {error}"),
            remedy: format!("write it as in {example}, or remove it"),
        })
    })
}
