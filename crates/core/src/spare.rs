//! Buffers to be used again, so that steady traffic allocates nothing.

use crate::exchange::Split;

/// Buffers that nobody uses at the moment.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    buffers: Vec<Vec<u8>>,
    /// Bytes that the buffers hold.
    buffers_len: usize,
    // The box is what is used again.
    #[expect(clippy::vec_box, reason = "the box itself is kept, to spare its allocation")]
    splits: Vec<Box<Split>>,
    lens: Vec<Vec<u32>>,
}

/// A buffer larger than this is given back to the allocator.
const BUFFER_LEN_MAX: usize = 64 * 1024;

/// How many bytes are kept in all buffers together.
const BUFFERS_LEN_MAX: usize = 4 * 1024 * 1024;

/// How many splits are kept, and how many lists of lengths.
const SPLITS_MAX: usize = 64;
const LENS_MAX: usize = 256;

/// A split with room for more bytes is given back to the allocator: a request may name very many
/// keys, with a long prefix to be stripped off each.
const SPLIT_LEN_MAX: usize = 256 * 1024;

/// A longer list is given back to the allocator.
const LENS_LEN_MAX: usize = 1024;

impl Spare {
    /// An empty buffer, with room if one is at hand.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let buffer = self.buffers.pop().unwrap_or_default();
        self.buffers_len -= buffer.capacity();
        buffer
    }

    /// Gives a buffer back.
    pub(crate) fn give(&mut self, mut buffer: Vec<u8>) {
        let len = buffer.capacity();
        let is_worth_keeping = len > 0 && len <= BUFFER_LEN_MAX;
        if is_worth_keeping && self.buffers_len + len <= BUFFERS_LEN_MAX {
            buffer.clear();
            self.buffers_len += len;
            self.buffers.push(buffer);
        }
    }

    /// An empty list of lengths.
    pub(crate) fn take_lens(&mut self) -> Vec<u32> {
        self.lens.pop().unwrap_or_default()
    }

    fn give_lens(&mut self, mut lens: Vec<u32>) {
        if (1..=LENS_LEN_MAX).contains(&lens.capacity()) && self.lens.len() < LENS_MAX {
            lens.clear();
            self.lens.push(lens);
        }
    }

    /// A split without parts.
    pub(crate) fn take_split(&mut self) -> Box<Split> {
        self.splits.pop().unwrap_or_default()
    }

    /// Gives a split back, and its parts' buffers.
    pub(crate) fn give_split(&mut self, mut split: Box<Split>) {
        for part in split.parts.drain(..) {
            self.give_lens(part.value_lens);
            self.give(part.body);
        }
        if self.splits.len() < SPLITS_MAX && split.kept_len() <= SPLIT_LEN_MAX {
            split.clear();
            self.splits.push(split);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_is_kept_unless_it_is_large() {
        let mut spare = Spare::default();
        for (len, is_kept) in [(SPLIT_LEN_MAX, true), (SPLIT_LEN_MAX + 1, false)] {
            let stripped = Vec::with_capacity(len);
            spare.give_split(Box::new(Split { stripped, ..Split::default() }));
            assert_eq!(spare.take_split().stripped.capacity() >= len, is_kept, "{len}");
        }
    }
}
