//! Sequences made of those in the corpus: bytes changed, words exchanged, lines doubled, parts of two
//! joined.

use evenkeel_core::random::Random;

use crate::generate::EDGES;
use crate::sequence::Sequence;

/// A mutation that depends on `seed` alone.
pub(crate) fn mutation(corpus: &[Vec<u8>], of: usize, seed: u64) -> Sequence {
    let mut mutator = Mutator { random: Random::new(seed) };
    let mut bytes = corpus[of].clone();
    for _ in 0..=mutator.below(4) {
        let other = mutator.below(corpus.len());
        bytes = mutator.mutate(bytes, &corpus[other]);
    }
    bytes.truncate(BYTES_MAX);
    if !bytes.ends_with(b"\n") {
        bytes.extend_from_slice(b"\r\n");
    }
    let steps = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    Sequence { seed, steps }
}

/// The longest mutation: enough for a line past its limit.
const BYTES_MAX: usize = 6000;

struct Mutator {
    random: Random,
}

impl Mutator {
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.random.below(bound.max(1) as u64)).expect("below a usize")
    }

    fn mutate(&mut self, mut bytes: Vec<u8>, other: &[u8]) -> Vec<u8> {
        let at = self.below(bytes.len());
        match self.below(9) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
            1 => bytes.insert(at, self.random.next_u64().to_be_bytes()[0]),
            2 => bytes.truncate(at),
            3 => {
                let len = self.below(12).min(bytes.len() - at);
                bytes.drain(at..at + len);
            }
            4 => bytes = self.exchange_words(&bytes),
            5 => bytes = self.put_edge(&bytes),
            6 => bytes = self.repeat(&bytes),
            7 => {
                let start = self.below(other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[start.min(other.len())..]);
            }
            _ => {
                let start = self.below(other.len());
                let len = self.below(60).min(other.len() - start);
                bytes.splice(at..at, other[start..start + len].iter().copied());
            }
        }
        bytes
    }

    fn exchange_words(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut words: Vec<_> = bytes.split(|byte| *byte == b' ').collect();
        let (a, b) = (self.below(words.len()), self.below(words.len()));
        words.swap(a, b);
        words.join(&b' ')
    }

    fn put_edge(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut words: Vec<_> = bytes.split(|byte| *byte == b' ').collect();
        let (at, edge) = (self.below(words.len()), self.below(EDGES.len()));
        let (word, edge) = (words[at], EDGES[edge].as_bytes());
        // What stands before a line's end is a word, too.
        let end = word.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(word.len());
        let put = [edge, &word[end..]].concat();
        words[at] = &put;
        words.join(&b' ')
    }

    fn repeat(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut lines: Vec<_> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        let at = self.below(lines.len());
        if let Some(line) = lines.get(at).copied() {
            for _ in 0..=self.below(3) {
                lines.insert(at, line);
            }
        }
        lines.concat()
    }
}
