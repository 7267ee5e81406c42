//! Which distribution a pool uses, by the names people know, and its settings.
//!
//! It decides which settings a scheme has and what they are by default. It places nothing.
//!
//! A scheme of another client (spymemcached, dalli, PECL memcache, mcrouter, …) is one more
//! variant of [`Scheme`] with a row in [`Scheme::NAMES`], and one more arm in
//! [`super::Distribution::new`]; most are one more way to make the points of a ring.

use std::fmt;
use std::str::FromStr;

use super::hash::HashFunction;
use super::hash_tag::HashTag;

/// A way to place keys on servers. `docs/routing.md` says which client uses which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Ring of weighted MD5 points: twemproxy's `ketama`, libmemcached's `ketama_weighted`.
    Ketama,
    /// Ring of 100 points a server by the key's hash: libmemcached's `consistent`. No weights.
    Consistent,
    /// Hash modulo number of servers, in the order listed: libmemcached's default. No weights.
    Modula,
    /// Hash modulo total weight, servers sorted by name: twemproxy's `modula`.
    TwemproxyModula,
    /// The highest score of server and key together: pymemcache. No weights.
    Rendezvous,
}

impl Scheme {
    /// Every name a configuration may use, with what it stands for.
    pub const NAMES: [(&str, Self); 5] = [
        ("ketama", Self::Ketama),
        ("consistent", Self::Consistent),
        ("modula", Self::Modula),
        ("twemproxy_modula", Self::TwemproxyModula),
        ("rendezvous", Self::Rendezvous),
    ];

    /// The name in a configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ketama => "ketama",
            Self::Consistent => "consistent",
            Self::Modula => "modula",
            Self::TwemproxyModula => "twemproxy_modula",
            Self::Rendezvous => "rendezvous",
        }
    }

    /// The key hash when none is set: that of the program the scheme comes from. `None` if the
    /// scheme has no key hash to choose.
    pub const fn default_hash(self) -> Option<HashFunction> {
        match self {
            Self::Ketama | Self::TwemproxyModula => Some(HashFunction::Fnv1a64),
            Self::Consistent | Self::Modula => Some(HashFunction::OneAtATime),
            Self::Rendezvous => None,
        }
    }

    /// Whether a member's weight changes its share of the keys.
    pub const fn is_weighted(self) -> bool {
        match self {
            Self::Ketama | Self::TwemproxyModula => true,
            Self::Consistent | Self::Modula | Self::Rendezvous => false,
        }
    }

    /// Whether the points of the servers are made by a hash that can be chosen.
    pub const fn has_point_hash(self) -> bool {
        match self {
            Self::Consistent => true,
            Self::Ketama | Self::Modula | Self::TwemproxyModula | Self::Rendezvous => false,
        }
    }
}

impl FromStr for Scheme {
    type Err = UnknownScheme;

    fn from_str(name: &str) -> Result<Self, UnknownScheme> {
        let known = Self::NAMES.into_iter().find(|(known, _)| *known == name);
        known.map(|(_, scheme)| scheme).ok_or_else(|| UnknownScheme(name.to_owned()))
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no distribution's.
///
/// The caller is at fault; nothing was built. [`Scheme::NAMES`] has the known ones.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown distribution {0:?}")]
pub struct UnknownScheme(pub String);

/// A scheme with settings that fit it.
///
/// ```
/// use evenkeel_core::distribution::{HashFunction, Scheme, Settings};
///
/// // php-memcached with OPT_LIBKETAMA_COMPATIBLE.
/// let settings = Settings::new(Scheme::Ketama).with_hash(HashFunction::Md5)?;
/// # Ok::<(), evenkeel_core::distribution::UnusedSetting>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    scheme: Scheme,
    /// Invariant: `None` if the scheme has no key hash.
    hash: Option<HashFunction>,
    /// Invariant: `None` if the scheme has no point hash.
    point_hash: Option<HashFunction>,
    hash_tag: Option<HashTag>,
}

impl Settings {
    /// The scheme with its own defaults and no hash tag.
    pub const fn new(scheme: Scheme) -> Self {
        Self { scheme, hash: scheme.default_hash(), point_hash: None, hash_tag: None }
    }

    /// Sets the hash of keys; where the scheme makes points by it too, also that of points.
    pub fn with_hash(self, hash: HashFunction) -> Result<Self, UnusedSetting> {
        if self.hash.is_none() {
            return Err(UnusedSetting { scheme: self.scheme, setting: "hash" });
        }
        Ok(Self { hash: Some(hash), ..self })
    }

    /// Sets the hash of points alone, for clients that were told their hash after their servers.
    pub fn with_point_hash(self, hash: HashFunction) -> Result<Self, UnusedSetting> {
        if !self.scheme.has_point_hash() {
            return Err(UnusedSetting { scheme: self.scheme, setting: "point_hash" });
        }
        Ok(Self { point_hash: Some(hash), ..self })
    }

    /// Sets the hash tag, which every scheme can have.
    pub const fn with_hash_tag(self, hash_tag: HashTag) -> Self {
        Self { hash_tag: Some(hash_tag), ..self }
    }

    /// The scheme.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The hash of keys; `None` if the scheme has none to choose.
    pub const fn hash(&self) -> Option<HashFunction> {
        self.hash
    }

    /// The hash of points: the one set, or else that of keys.
    pub fn point_hash(&self) -> Option<HashFunction> {
        if self.scheme.has_point_hash() { self.point_hash.or(self.hash) } else { None }
    }

    /// The hash tag, if there is one.
    pub const fn hash_tag(&self) -> Option<HashTag> {
        self.hash_tag
    }
}

/// A setting that its scheme has no use for.
///
/// The caller is at fault; the settings are unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("distribution {scheme:?} has no setting {setting:?}", scheme = scheme.name())]
pub struct UnusedSetting {
    /// The scheme.
    pub scheme: Scheme,
    /// The setting's name in a configuration.
    pub setting: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_parsed_and_printed() {
        for (name, scheme) in Scheme::NAMES {
            assert_eq!(name.parse(), Ok(scheme));
            assert_eq!(scheme.to_string(), name);
        }
        let error = "ketma".parse::<Scheme>().unwrap_err();
        assert_eq!(error.to_string(), "unknown distribution \"ketma\"");
    }

    #[test]
    fn a_setting_without_effect_is_an_error() {
        let rendezvous = Settings::new(Scheme::Rendezvous);
        let error = rendezvous.with_hash(HashFunction::Md5).unwrap_err();
        assert_eq!(error.to_string(), "distribution \"rendezvous\" has no setting \"hash\"");
        let ketama = Settings::new(Scheme::Ketama);
        let error = ketama.with_point_hash(HashFunction::Md5).unwrap_err();
        assert_eq!(error.to_string(), "distribution \"ketama\" has no setting \"point_hash\"");
    }

    #[test]
    fn points_follow_the_key_hash_unless_told_otherwise() {
        let settings = Settings::new(Scheme::Consistent).with_hash(HashFunction::Md5).unwrap();
        assert_eq!(settings.point_hash(), Some(HashFunction::Md5));
        let settings = settings.with_point_hash(HashFunction::Crc32).unwrap();
        assert_eq!(settings.hash(), Some(HashFunction::Md5));
        assert_eq!(settings.point_hash(), Some(HashFunction::Crc32));
        assert_eq!(Settings::new(Scheme::Ketama).point_hash(), None);
    }
}
