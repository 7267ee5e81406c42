//! What was found of one server's keys, counted.

use std::collections::BTreeMap;

/// The keys of one server: found on it, or, of keys that were given, at home there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    /// How many keys the server says it has.
    pub(super) held: Option<u64>,
    /// How many were looked at.
    pub(super) looked_at: u64,
    /// Found where they are looked for.
    pub(super) at_home: u64,
    /// Found on another server than that.
    pub(super) elsewhere: u64,
    /// Of those elsewhere: asked for at home too.
    pub(super) asked: u64,
    /// Of those: found there too, so that they would not miss.
    pub(super) copies: u64,
    /// Found on no server.
    pub(super) not_found: u64,
    /// Not asked for: their home could not be asked.
    pub(super) unasked: u64,
    /// Of those elsewhere, by the other server.
    pub(super) others: BTreeMap<usize, u64>,
}

impl Row {
    /// How many of those elsewhere would miss. Where not all were asked for at home, the others are
    /// taken to be like those that were.
    pub(super) fn would_miss(&self) -> u64 {
        if self.asked == 0 {
            return self.elsewhere;
        }
        let copies = u128::from(self.elsewhere) * u128::from(self.copies) / u128::from(self.asked);
        self.elsewhere - u64::try_from(copies).unwrap_or(self.elsewhere).min(self.elsewhere)
    }

    /// How many were found somewhere: shares are shares of these.
    pub(super) fn found(&self) -> u64 {
        self.at_home + self.elsewhere
    }

    /// The other server of most of those elsewhere, and of how many.
    pub(super) fn mostly(&self) -> Option<(usize, u64)> {
        let most =
            self.others.iter().max_by_key(|(idx, count)| (**count, std::cmp::Reverse(**idx)));
        most.map(|(idx, count)| (*idx, *count))
    }

    /// Counts a key that is at home.
    pub(super) fn count_at_home(&mut self) {
        self.looked_at += 1;
        self.at_home += 1;
    }

    /// Counts a key that is looked for `there` and is not here, or not so called.
    pub(super) fn count_elsewhere(&mut self, there: usize) {
        self.looked_at += 1;
        self.elsewhere += 1;
        *self.others.entry(there).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_home_has_too_would_not_miss() {
        let mut row = Row { elsewhere: 100, ..Row::default() };
        assert_eq!(row.would_miss(), 100, "as far as is known");
        (row.asked, row.copies) = (100, 30);
        assert_eq!(row.would_miss(), 70);
        (row.asked, row.copies) = (10, 3);
        assert_eq!(row.would_miss(), 70, "the others are like them");
        (row.asked, row.copies) = (10, 10);
        assert_eq!(row.would_miss(), 0);
    }

    #[test]
    fn most_are_where_most_are() {
        let mut row = Row::default();
        assert_eq!(row.mostly(), None);
        row.count_at_home();
        for there in [1, 2, 2, 3, 3] {
            row.count_elsewhere(there);
        }
        assert_eq!((row.at_home, row.elsewhere, row.looked_at), (1, 5, 6));
        assert_eq!(row.mostly(), Some((2, 2)), "the first of equals");
    }
}
