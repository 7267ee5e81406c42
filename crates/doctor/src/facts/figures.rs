//! What a server says as names and values, once or twice.

use std::collections::BTreeMap;
use std::time::Duration;

/// Names and values, as the server wrote them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures(BTreeMap<String, String>);

impl Figures {
    /// A value as it was written.
    pub fn word(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A value as a number, if it is a finite one.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.word(name)?.parse().ok().filter(|it: &f64| it.is_finite())
    }

    /// Names and values in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Those whose names begin so, with the rest of their names.
    pub fn beginning_with<'a>(
        &'a self,
        start: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.iter().filter_map(move |(name, value)| Some((name.strip_prefix(start)?, value)))
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Figures {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// The same figures twice, some time apart: what is counted since the start becomes a rate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sampled {
    /// What was said first.
    pub first: Figures,
    /// What was said last.
    pub last: Figures,
    /// How long after the first.
    pub apart: Duration,
}

impl Sampled {
    /// A value as it was written last.
    pub fn word(&self, name: &str) -> Option<&str> {
        self.last.word(name)
    }

    /// A value as a number, as it was last.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.last.number(name)
    }

    /// By how much a counter grew between the two. `None` if it is not there twice, if the two are
    /// not apart, or if it fell: the server restarted or its counters were reset.
    pub fn growth(&self, name: &str) -> Option<f64> {
        let growth = self.last.number(name)? - self.first.number(name)?;
        (growth >= 0.0 && !self.apart.is_zero()).then_some(growth)
    }

    /// The same by second.
    pub fn rate(&self, name: &str) -> Option<f64> {
        Some(self.growth(name)? / self.apart.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_becomes_a_rate() {
        let sampled = Sampled {
            first: [("gets", "10"), ("fell", "5"), ("word", "x")].into_iter().collect(),
            last: [("gets", "30"), ("fell", "4"), ("word", "y"), ("new", "1")]
                .into_iter()
                .collect(),
            apart: Duration::from_secs(2),
        };
        assert_eq!((sampled.growth("gets"), sampled.rate("gets")), (Some(20.0), Some(10.0)));
        for name in ["fell", "word", "new", "none"] {
            assert_eq!(sampled.rate(name), None, "{name}");
        }
        assert_eq!(sampled.word("word"), Some("y"));
        let at_once = Sampled { apart: Duration::ZERO, ..sampled };
        assert_eq!(at_once.rate("gets"), None);
    }

    #[test]
    fn what_is_no_finite_number_is_none() {
        let figures: Figures =
            [("a", "nan"), ("b", "inf"), ("c", "1e3"), ("d", "")].into_iter().collect();
        let numbers: Vec<_> = ["a", "b", "c", "d"].map(|it| figures.number(it)).into();
        assert_eq!(numbers, [None, None, Some(1000.0), None]);
    }
}
