//! Which distribution a pool uses, by the names people know.
//!
//! It decides what a scheme is called and what can be set for it: one row each in [`ROWS`]. What a
//! scheme does is said in the file of its family. It places nothing.

use std::fmt;
use std::str::FromStr;

use super::hash::HashFunction;
use super::member::ServerText;

/// A way to place keys on servers. `docs/routing.md` says which client uses which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Ring of weighted MD5 points, servers sorted by name: twemproxy's `ketama`.
    Ketama,
    /// Hash modulo total weight, servers sorted by name: twemproxy's `modula`.
    TwemproxyModula,
    /// Hash modulo number of servers: libmemcached's default.
    LibmemcachedModula,
    /// Ring of 100 points a server by the key's hash: libmemcached's `consistent` and `ketama`.
    LibmemcachedConsistent,
    /// Ring of weighted MD5 points: libmemcached's `ketama_weighted`.
    LibmemcachedKetama,
    /// Hash modulo number of servers: spymemcached's default.
    SpymemcachedArrayMod,
    /// Ring of 160 points a server: spymemcached's `KetamaNodeLocator`.
    SpymemcachedKetama,
    /// Ring of weighted MD5 points: spymemcached's `KetamaNodeLocator` with weights.
    SpymemcachedWeightedKetama,
    /// Hash modulo total weight: PECL memcache's `standard`.
    PeclStandard,
    /// Ring read into 1024 buckets: PECL memcache's `consistent`.
    PeclConsistent,
    /// The highest score of server and key together: pymemcache, keys given as `str`.
    Pymemcache,
    /// The same for keys given as `bytes`.
    PymemcacheBytes,
    /// Hash modulo total weight: python-memcached.
    PythonMemcached,
    /// The highest score of key and server together: emcache.
    Emcache,
    /// Ring of 100 MD5 points a server: libmc.
    Libmc,
    /// Hash modulo total weight: gomemcache.
    Gomemcache,
    /// Ring of weighted SHA-1 points: dalli.
    Dalli,
    /// `furc_hash` of the key: mcrouter's default.
    McrouterCh3,
    /// `furc_hash` of the key, tried again by weight.
    McrouterWeightedCh3,
    /// Hash modulo number of servers: mcrouter's `Crc32`.
    McrouterCrc32,
    /// Jump consistent hash of Lamping and Veach.
    Jump,
}

/// A scheme in words, and what can be set for it.
struct Row {
    name: &'static str,
    scheme: Scheme,
    /// The hashes of keys there are to choose from, the default first; none if there is no choice.
    hashes: &'static [(&'static str, HashFunction)],
    is_weighted: bool,
    /// What stands for a server.
    text: ServerText,
    /// The settings that not every scheme has.
    has: &'static [Extra],
}

/// A setting that only some schemes have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extra {
    /// The hash of points apart from that of keys.
    PointHash,
    /// How a server is written down for hashing.
    NameFormat,
    /// What is hashed after the key, and how a key is read.
    Mcrouter,
}

const fn row(
    name: &'static str,
    scheme: Scheme,
    hashes: &'static [(&'static str, HashFunction)],
) -> Row {
    Row { name, scheme, hashes, is_weighted: false, text: ServerText::Full, has: &[] }
}

impl Row {
    const fn weighted(self) -> Self {
        Self { is_weighted: true, ..self }
    }

    const fn ring_text(self) -> Self {
        Self { text: ServerText::Ring, ..self }
    }

    const fn with(self, has: &'static [Extra]) -> Self {
        Self { has, ..self }
    }
}

/// Every scheme, in the order in which they are declared.
static ROWS: [Row; 21] = {
    use Scheme as S;
    [
        row("ketama", S::Ketama, FNV1A_64_FIRST).weighted().ring_text(),
        row("twemproxy-modula", S::TwemproxyModula, FNV1A_64_FIRST).weighted().ring_text(),
        row("libmemcached-modula", S::LibmemcachedModula, ONE_AT_A_TIME_FIRST),
        row("libmemcached-consistent", S::LibmemcachedConsistent, ONE_AT_A_TIME_FIRST)
            .ring_text()
            .with(&[Extra::PointHash]),
        row("libmemcached-ketama", S::LibmemcachedKetama, MD5_FIRST).weighted().ring_text(),
        row("spymemcached-array-mod", S::SpymemcachedArrayMod, NATIVE_FIRST),
        row("spymemcached-ketama", S::SpymemcachedKetama, KETAMA_FIRST).with(&[Extra::NameFormat]),
        row("spymemcached-weighted-ketama", S::SpymemcachedWeightedKetama, KETAMA_FIRST)
            .weighted()
            .with(&[Extra::NameFormat]),
        row("pecl-standard", S::PeclStandard, PECL).weighted(),
        row("pecl-consistent", S::PeclConsistent, PECL).weighted(),
        row("pymemcache", S::Pymemcache, &[]),
        row("pymemcache-bytes", S::PymemcacheBytes, &[]),
        row("python-memcached", S::PythonMemcached, &[]).weighted(),
        row("emcache", S::Emcache, &[]),
        row("libmc", S::Libmc, LIBMC).ring_text(),
        row("gomemcache", S::Gomemcache, &[]).weighted(),
        row("dalli", S::Dalli, &[]).weighted(),
        row("mcrouter-ch3", S::McrouterCh3, &[]).with(&[Extra::Mcrouter]),
        row("mcrouter-weighted-ch3", S::McrouterWeightedCh3, &[])
            .weighted()
            .with(&[Extra::Mcrouter]),
        row("mcrouter-crc32", S::McrouterCrc32, &[]).with(&[Extra::Mcrouter]),
        row("jump", S::Jump, &[("xxh64", HashFunction::Xxh64)]),
    ]
};

/// The hashes of twemproxy and libmemcached, with this one first.
macro_rules! c_hashes {
    ($($name:literal, $hash:ident);* $(;)?) => {
        &[
            $(($name, HashFunction::$hash),)*
            ("crc16", HashFunction::Crc16),
            ("crc32", HashFunction::Crc15),
            ("crc", HashFunction::Crc15),
            ("crc32a", HashFunction::Crc32),
            ("fnv1_64", HashFunction::Fnv1_64),
            ("fnv1_32", HashFunction::Fnv1_32),
            ("fnv1a_32", HashFunction::Fnv1a32),
            ("hsieh", HashFunction::Hsieh),
            ("murmur", HashFunction::Murmur),
            ("murmur3", HashFunction::Murmur3),
            ("jenkins", HashFunction::Jenkins),
        ]
    };
}

const FNV1A_64_FIRST: &[(&str, HashFunction)] =
    c_hashes!("fnv1a_64", Fnv1a64; "one_at_a_time", OneAtATime; "md5", Md5);

const ONE_AT_A_TIME_FIRST: &[(&str, HashFunction)] =
    c_hashes!("one_at_a_time", OneAtATime; "md5", Md5; "fnv1a_64", Fnv1a64);

const MD5_FIRST: &[(&str, HashFunction)] =
    c_hashes!("md5", Md5; "one_at_a_time", OneAtATime; "fnv1a_64", Fnv1a64);

/// The hashes of spymemcached, with these first.
macro_rules! java_hashes {
    ($($name:literal, $hash:ident);* $(;)?) => {
        &[
            $(($name, HashFunction::$hash),)*
            ("crc", HashFunction::Crc15),
            ("fnv1_64", HashFunction::JavaFnv1_64),
            ("fnv1a_64", HashFunction::JavaFnv1a64),
            ("fnv1_32", HashFunction::JavaFnv1_32),
            ("fnv1a_32", HashFunction::JavaFnv1a32),
        ]
    };
}

const NATIVE_FIRST: &[(&str, HashFunction)] = java_hashes!("native", JavaNative; "ketama", Md5);

const KETAMA_FIRST: &[(&str, HashFunction)] = java_hashes!("ketama", Md5; "native", JavaNative);

const PECL: &[(&str, HashFunction)] =
    &[("crc32", HashFunction::Crc32), ("fnv", HashFunction::Fnv1a32)];

const LIBMC: &[(&str, HashFunction)] = &[
    ("md5", HashFunction::Md5),
    ("fnv1_32", HashFunction::UnsignedFnv1_32),
    ("fnv1a_32", HashFunction::UnsignedFnv1a32),
    ("crc_32", HashFunction::Crc32),
];

impl Scheme {
    /// Every name a configuration may use, with what it stands for.
    pub const NAMES: [(&str, Self); ROWS.len()] = {
        let mut names = [("", Self::Ketama); ROWS.len()];
        let mut idx = 0;
        while idx < ROWS.len() {
            names[idx] = (ROWS[idx].name, ROWS[idx].scheme);
            idx += 1;
        }
        names
    };

    /// Clients and proxies that are used with their defaults, and the scheme that is theirs.
    pub const CLIENTS: [(&str, Self); 18] = [
        ("twemproxy", Self::Ketama),
        ("libmemcached", Self::LibmemcachedModula),
        ("php-memcached", Self::LibmemcachedModula),
        ("php-memcached-ketama", Self::LibmemcachedKetama),
        ("pylibmc", Self::LibmemcachedModula),
        ("pylibmc-ketama", Self::LibmemcachedConsistent),
        ("django-pylibmc", Self::LibmemcachedModula),
        ("spymemcached", Self::SpymemcachedArrayMod),
        ("pecl-memcache", Self::PeclConsistent),
        ("pymemcache", Self::Pymemcache),
        ("django-pymemcache", Self::Pymemcache),
        ("python-memcached", Self::PythonMemcached),
        ("emcache", Self::Emcache),
        ("libmc", Self::Libmc),
        ("gomemcache", Self::Gomemcache),
        ("dalli", Self::Dalli),
        ("rails", Self::Dalli),
        ("mcrouter", Self::McrouterCh3),
    ];

    /// The name in a configuration.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The hashes of keys there are to choose from, by the names that the client has for them; the
    /// default first. Empty if there is no choice.
    pub const fn hashes(self) -> &'static [(&'static str, HashFunction)] {
        self.row().hashes
    }

    /// The hash of this name among [`Scheme::hashes`].
    pub fn hash_named(self, name: &str) -> Result<HashFunction, UnknownHash> {
        let known = self.hashes().iter().find(|(known, _)| *known == name);
        known.map(|(_, hash)| *hash).ok_or_else(|| UnknownHash { scheme: self, name: name.into() })
    }

    /// The key hash when none is set: that of the program the scheme comes from. `None` if the
    /// scheme has no key hash to choose.
    pub const fn default_hash(self) -> Option<HashFunction> {
        match self.hashes() {
            [(_, hash), ..] => Some(*hash),
            [] => None,
        }
    }

    /// Whether a member's weight changes its share of the keys.
    pub const fn is_weighted(self) -> bool {
        self.row().is_weighted
    }

    /// Whether the points of the servers are made by a hash that can be chosen.
    pub fn has_point_hash(self) -> bool {
        self.has(Extra::PointHash)
    }

    /// Whether servers can be written down for hashing in more than one format.
    pub fn has_name_format(self) -> bool {
        self.has(Extra::NameFormat)
    }

    /// Whether keys are read as mcrouter reads them: without a `/region/cluster/` prefix, up to
    /// `|#|`, and with a salt.
    pub fn is_mcrouter(self) -> bool {
        self.has(Extra::Mcrouter)
    }

    /// What stands for a server if no format is chosen.
    pub(super) const fn text(self) -> ServerText {
        self.row().text
    }

    fn has(self, extra: Extra) -> bool {
        self.row().has.contains(&extra)
    }

    const fn row(self) -> &'static Row {
        &ROWS[self as usize]
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

/// A name that is none of the scheme's hashes.
///
/// The caller is at fault; nothing was built. [`Scheme::hashes`] has the known ones.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("distribution {scheme:?} has no hash {name:?}", scheme = scheme.name())]
pub struct UnknownHash {
    /// The scheme.
    pub scheme: Scheme,
    /// The name.
    pub name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheme_has_its_own_row() {
        for (idx, row) in ROWS.iter().enumerate() {
            assert_eq!(row.scheme as usize, idx, "{}", row.name);
            assert_eq!(row.scheme.name(), row.name);
        }
    }

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
    fn a_name_of_a_hash_means_what_it_means_to_the_client() {
        assert_eq!(Scheme::PeclStandard.hash_named("crc32"), Ok(HashFunction::Crc32));
        assert_eq!(Scheme::Ketama.hash_named("crc32"), Ok(HashFunction::Crc15));
        assert_eq!(Scheme::Ketama.hash_named("crc"), Ok(HashFunction::Crc15));
        assert_eq!(Scheme::Libmc.hash_named("fnv1_32"), Ok(HashFunction::UnsignedFnv1_32));
        assert_eq!(Scheme::SpymemcachedKetama.hash_named("ketama"), Ok(HashFunction::Md5));
        let error = Scheme::Libmc.hash_named("murmur").unwrap_err();
        assert_eq!(error.to_string(), "distribution \"libmc\" has no hash \"murmur\"");
        assert!(Scheme::Dalli.hash_named("crc32").is_err(), "dalli has no choice");
    }

    #[test]
    fn the_default_hash_is_the_clients() {
        assert_eq!(Scheme::Ketama.default_hash(), Some(HashFunction::Fnv1a64));
        assert_eq!(Scheme::LibmemcachedKetama.default_hash(), Some(HashFunction::Md5));
        assert_eq!(Scheme::SpymemcachedArrayMod.default_hash(), Some(HashFunction::JavaNative));
        assert_eq!(Scheme::Pymemcache.default_hash(), None);
    }
}
