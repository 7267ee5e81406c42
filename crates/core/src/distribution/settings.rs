//! A scheme with its settings.
//!
//! It decides which settings fit together. It places nothing.

use super::hash::HashFunction;
use super::hash_tag::HashTag;
use super::key_parts::{KeyParts, KeyText, Salt};
use super::member::{Member, ServerText};
use super::scheme::Scheme;

/// A scheme with settings that fit it.
///
/// ```
/// use evenkeel_core::distribution::{HashFunction, Scheme, Settings};
///
/// // libmemcached with MEMCACHED_DISTRIBUTION_CONSISTENT and MEMCACHED_HASH_MD5.
/// let settings = Settings::new(Scheme::LibmemcachedConsistent).with_hash(HashFunction::Md5)?;
/// # Ok::<(), evenkeel_core::distribution::UnusedSetting>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    scheme: Scheme,
    /// Invariant: one of the scheme's; `None` if it has none.
    hash: Option<HashFunction>,
    /// Invariant: `None` if the scheme has no point hash.
    point_hash: Option<HashFunction>,
    /// Invariant: `None` if the scheme has no formats.
    name_format: Option<NameFormat>,
    /// Invariant: `None` if the scheme is not mcrouter's.
    salt: Option<Salt>,
    key_parts: KeyParts,
}

impl Settings {
    /// The scheme with its own defaults.
    pub const fn new(scheme: Scheme) -> Self {
        Self {
            scheme,
            hash: scheme.default_hash(),
            point_hash: None,
            name_format: None,
            salt: None,
            key_parts: KeyParts::WHOLE,
        }
    }

    /// Sets the hash of keys; where the scheme makes points by it too, also that of points.
    pub fn with_hash(mut self, hash: HashFunction) -> Result<Self, UnusedSetting> {
        self.refuse_unless(self.offers(hash), "hash")?;
        self.hash = Some(hash);
        Ok(self)
    }

    /// Sets the hash of points alone, for clients that were told their hash after their servers.
    pub fn with_point_hash(mut self, hash: HashFunction) -> Result<Self, UnusedSetting> {
        self.refuse_unless(self.scheme.has_point_hash() && self.offers(hash), "point_hash")?;
        self.point_hash = Some(hash);
        Ok(self)
    }

    /// Sets how servers are written down for hashing.
    pub fn with_name_format(mut self, format: NameFormat) -> Result<Self, UnusedSetting> {
        self.refuse_unless(self.scheme.has_name_format(), "name_format")?;
        self.name_format = Some(format);
        Ok(self)
    }

    /// Sets what is hashed after each key.
    pub fn with_salt(mut self, salt: Salt) -> Result<Self, UnusedSetting> {
        self.refuse_unless(self.scheme.is_mcrouter(), "salt")?;
        self.salt = Some(salt);
        Ok(self)
    }

    /// Sets the hash tag, which every scheme can have.
    pub fn with_hash_tag(mut self, hash_tag: HashTag) -> Self {
        self.key_parts.hash_tag = Some(hash_tag);
        self
    }

    /// Sets what ends the part of a key that is hashed. mcrouter's schemes have `|#|` by
    /// themselves; this takes its place.
    pub fn with_hash_stop(mut self, hash_stop: KeyText) -> Self {
        self.key_parts.hash_stop = Some(hash_stop);
        self
    }

    /// Sets the beginning of keys that is not hashed.
    pub fn with_unhashed_prefix(mut self, prefix: KeyText) -> Self {
        self.key_parts.unhashed_prefix = Some(prefix);
        self
    }

    /// The scheme.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The hash of keys; `None` if the scheme has none to choose.
    pub const fn hash(&self) -> Option<HashFunction> {
        self.hash
    }

    /// What the scheme's client calls the hash of keys.
    pub fn hash_name(&self) -> Option<&'static str> {
        self.name_of(self.hash?)
    }

    /// The hash of points: the one set, or else that of keys.
    pub fn point_hash(&self) -> Option<HashFunction> {
        if self.scheme.has_point_hash() { self.point_hash.or(self.hash) } else { None }
    }

    /// What the scheme's client calls the hash of points.
    pub fn point_hash_name(&self) -> Option<&'static str> {
        self.name_of(self.point_hash()?)
    }

    /// How servers are written down for hashing, if there is a choice.
    pub fn name_format(&self) -> Option<NameFormat> {
        self.scheme.has_name_format().then(|| self.name_format.unwrap_or_default())
    }

    /// What is hashed after each key.
    pub const fn salt(&self) -> Option<&Salt> {
        self.salt.as_ref()
    }

    /// The hash tag, if there is one.
    pub const fn hash_tag(&self) -> Option<HashTag> {
        self.key_parts.hash_tag
    }

    /// What ends the part of a key that is hashed, if that was set.
    pub const fn hash_stop(&self) -> Option<&KeyText> {
        self.key_parts.hash_stop.as_ref()
    }

    /// The beginning of keys that is not hashed, if there is one.
    pub const fn unhashed_prefix(&self) -> Option<&KeyText> {
        self.key_parts.unhashed_prefix.as_ref()
    }

    /// Which part of a key is hashed.
    pub(super) fn key_parts(&self) -> KeyParts {
        KeyParts { is_mcrouter: self.scheme.is_mcrouter(), ..self.key_parts.clone() }
    }

    /// The text that stands for a member.
    pub(super) fn text(&self, member: &Member) -> String {
        let text = match self.name_format() {
            Some(NameFormat::Libmemcached) => ServerText::Ring,
            Some(NameFormat::Spymemcached) => ServerText::Full,
            None => self.scheme.text(),
        };
        text.of(member)
    }

    fn offers(&self, hash: HashFunction) -> bool {
        self.name_of(hash).is_some()
    }

    fn name_of(&self, hash: HashFunction) -> Option<&'static str> {
        let hashes = self.scheme.hashes();
        hashes.iter().find(|(_, offered)| *offered == hash).map(|(name, _)| *name)
    }

    fn refuse_unless(&self, is_used: bool, setting: &'static str) -> Result<(), UnusedSetting> {
        if is_used { Ok(()) } else { Err(UnusedSetting { scheme: self.scheme, setting }) }
    }
}

/// How spymemcached writes a server down for hashing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NameFormat {
    /// `host:port`, always with the port. A name that was resolved is `host/ip:port` there, which
    /// has to be given as the server's name.
    #[default]
    Spymemcached,
    /// As libmemcached does: `host:port`, or `host` alone when the port is 11211.
    Libmemcached,
}

impl NameFormat {
    /// Every name a configuration may use, with what it stands for.
    pub const NAMES: [(&str, Self); 2] =
        [("spymemcached", Self::Spymemcached), ("libmemcached", Self::Libmemcached)];

    /// The name in a configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spymemcached => "spymemcached",
            Self::Libmemcached => "libmemcached",
        }
    }
}

/// A setting that its scheme has no use for.
///
/// The caller is at fault; nothing was built.
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

    #[track_caller]
    fn check_unused(result: Result<Settings, UnusedSetting>, message: &str) {
        assert_eq!(result.unwrap_err().to_string(), message);
    }

    #[test]
    fn a_setting_without_effect_is_an_error() {
        let new = Settings::new;
        check_unused(
            new(Scheme::Pymemcache).with_hash(HashFunction::Md5),
            "distribution \"pymemcache\" has no setting \"hash\"",
        );
        check_unused(
            new(Scheme::Ketama).with_point_hash(HashFunction::Md5),
            "distribution \"ketama\" has no setting \"point_hash\"",
        );
        check_unused(
            new(Scheme::Libmc).with_name_format(NameFormat::Spymemcached),
            "distribution \"libmc\" has no setting \"name_format\"",
        );
        check_unused(
            new(Scheme::Jump).with_salt("x".parse().unwrap()),
            "distribution \"jump\" has no setting \"salt\"",
        );
    }

    #[test]
    fn a_hash_of_another_client_is_an_error() {
        assert!(Settings::new(Scheme::Libmc).with_hash(HashFunction::Fnv1_32).is_err());
        assert!(Settings::new(Scheme::Libmc).with_hash(HashFunction::UnsignedFnv1_32).is_ok());
    }

    #[test]
    fn points_follow_the_key_hash_unless_told_otherwise() {
        let settings = Settings::new(Scheme::LibmemcachedConsistent);
        let settings = settings.with_hash(HashFunction::Md5).unwrap();
        assert_eq!(settings.point_hash(), Some(HashFunction::Md5));
        let settings = settings.with_point_hash(HashFunction::Crc15).unwrap();
        assert_eq!(settings.hash(), Some(HashFunction::Md5));
        assert_eq!(settings.point_hash_name(), Some("crc32"));
        assert_eq!(Settings::new(Scheme::Ketama).point_hash(), None);
    }

    #[test]
    fn spymemcached_writes_a_server_down_in_two_formats() {
        let member = Member::new("10.0.0.1", 11211);
        let settings = Settings::new(Scheme::SpymemcachedKetama);
        assert_eq!(settings.text(&member), "10.0.0.1:11211");
        let settings = settings.with_name_format(NameFormat::Libmemcached).unwrap();
        assert_eq!(settings.text(&member), "10.0.0.1");
    }
}
