//! What a server is to a distribution: the text that is hashed, and a weight.
//!
//! It decides how a server is written down for hashing. It never resolves a name: an address and
//! a host name of one machine are two texts, and place keys differently.

use std::fmt;

/// One server of a pool, as a distribution sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Host name or address, as the configuration writes it: these very characters are hashed.
    pub host: String,
    /// Port. 11211 is left out of the text by some distributions; see [`Member::ring_text`].
    pub port: u16,
    /// Share of the keys, relative to the other members. Some distributions ignore it.
    pub weight: Weight,
    /// Hashed instead of host and port, so that a server can move without moving its keys.
    pub name: Option<String>,
}

impl Member {
    /// A member of weight 1 without a name.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port, weight: Weight::ONE, name: None }
    }

    /// The same member with another weight.
    pub fn with_weight(self, weight: Weight) -> Self {
        Self { weight, ..self }
    }

    /// The same member with a name.
    pub fn with_name(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// The text twemproxy, libmemcached and libmc hash: the name; else `host:port`, or `host` alone when
    /// the port is 11211.
    pub fn ring_text(&self) -> String {
        match &self.name {
            Some(name) => name.clone(),
            None if self.port == PORT_LEFT_OUT => self.host.clone(),
            None => format!("{}:{}", self.host, self.port),
        }
    }

    /// The text with the port always in it: the name; else `host:port`.
    pub fn full_text(&self) -> String {
        match &self.name {
            Some(name) => name.clone(),
            None => format!("{}:{}", self.host, self.port),
        }
    }
}

/// Which text stands for a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServerText {
    /// [`Member::ring_text`].
    Ring,
    /// [`Member::full_text`].
    Full,
}

impl ServerText {
    pub(super) fn of(self, member: &Member) -> String {
        match self {
            Self::Ring => member.ring_text(),
            Self::Full => member.full_text(),
        }
    }
}

/// A member's share of the keys: 1 to [`Weight::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Weight(u32);

impl Weight {
    /// The weight of a member that is given none.
    pub const ONE: Self = Self(1);

    /// The largest weight. With it, the weights of [`super::MEMBERS_MAX`] members fit a `u32`.
    pub const MAX: Self = Self(1_000_000);

    /// The number.
    pub const fn as_u32(self) -> u32 {
        self.0
    }
}

impl Default for Weight {
    fn default() -> Self {
        Self::ONE
    }
}

impl TryFrom<u32> for Weight {
    type Error = InvalidWeight;

    fn try_from(weight: u32) -> Result<Self, InvalidWeight> {
        if weight == 0 || weight > Self::MAX.0 {
            return Err(InvalidWeight(weight));
        }
        Ok(Self(weight))
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A number that is no weight.
///
/// The caller is at fault; nothing was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("weight {0} is not in 1..={max}", max = Weight::MAX)]
pub struct InvalidWeight(pub u32);

/// memcached's own port, which libmemcached and twemproxy leave out of a server's text.
const PORT_LEFT_OUT: u16 = 11211;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_11211_is_left_out_of_the_ring_text_only() {
        let member = Member::new("10.0.0.1", 11211);
        assert_eq!(member.ring_text(), "10.0.0.1");
        assert_eq!(member.full_text(), "10.0.0.1:11211");
        assert_eq!(Member::new("10.0.0.1", 11212).ring_text(), "10.0.0.1:11212");
    }

    #[test]
    fn a_name_replaces_host_and_port() {
        let member = Member::new("10.0.0.1", 11212).with_name("alpha");
        assert_eq!(member.ring_text(), "alpha");
        assert_eq!(member.full_text(), "alpha");
    }

    #[test]
    fn a_weight_is_at_least_one_and_bounded() {
        assert_eq!(Weight::try_from(0), Err(InvalidWeight(0)));
        assert_eq!(Weight::try_from(1), Ok(Weight::ONE));
        assert_eq!(Weight::try_from(1_000_000), Ok(Weight::MAX));
        let error = Weight::try_from(1_000_001).unwrap_err();
        assert_eq!(error.to_string(), "weight 1000001 is not in 1..=1000000");
    }
}
