//! Keys and their values.

use crate::rows::MANY;

/// [`KEYS`] keys of 32 bytes, and for each a value of 100 bytes that no other key has.
pub(crate) struct Items {
    /// The first [`MANY`] stand at the end again, so that any key is the first of that many.
    keys: Vec<String>,
    values: Vec<Vec<u8>>,
}

/// Some keys beside their values.
#[derive(Clone, Copy)]
pub(crate) struct Window<'a> {
    pub(crate) keys: &'a [String],
    pub(crate) values: &'a [Vec<u8>],
}

impl Items {
    pub(crate) fn new() -> Self {
        let numbers = || (0..KEYS + MANY).map(|idx| idx % KEYS);
        let keys = numbers().map(|number| format!("key-{number:028}")).collect();
        let values = numbers().map(|number| format!("{number:0100}").into_bytes()).collect();
        Self { keys, values }
    }

    /// `len` items, at most [`MANY`], from number `first` on, which may be any.
    pub(crate) fn window(&self, first: usize, len: usize) -> Window<'_> {
        let range = first % KEYS..first % KEYS + len;
        Window { keys: &self.keys[range.clone()], values: &self.values[range] }
    }

    /// One item.
    pub(crate) fn item(&self, number: usize) -> (&str, &[u8]) {
        let idx = number % KEYS;
        (&self.keys[idx], &self.values[idx])
    }
}

impl<'a> Window<'a> {
    pub(crate) fn iter(self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        self.keys.iter().map(String::as_str).zip(self.values.iter().map(Vec::as_slice))
    }
}

pub(crate) const KEYS: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_32_bytes_and_values_100_of_their_own() {
        let items = Items::new();
        assert_eq!((items.item(7).0.len(), items.item(7).1.len()), (32, 100));
        assert_ne!(items.item(7).1, items.item(8).1);
    }

    #[test]
    fn a_window_may_begin_at_any_item() {
        let items = Items::new();
        let window: Vec<_> = items.window(KEYS + KEYS - 1, MANY).iter().collect();
        assert_eq!(window.len(), MANY);
        assert_eq!((window[0], window[1]), (items.item(KEYS - 1), items.item(0)));
    }
}
