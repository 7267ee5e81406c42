//! What is sent: requests one after another on one connection.

use evenkeel_core::random::Random;

/// Requests, and where they are cut when they are sent.
///
/// `{cas+3}` in a request stands for the third CAS token that is given out in the sequence.
#[derive(Clone, Debug)]
pub(crate) struct Sequence {
    /// What chance made it of, and the places of its cuts; 0 for none.
    pub(crate) seed: u64,
    /// The requests, each with its value; or what was made of them.
    pub(crate) steps: Vec<Vec<u8>>,
}

impl Sequence {
    /// The bytes to be sent, if the last CAS token given out is `base`.
    pub(crate) fn render(&self, base: u64) -> Vec<u8> {
        render(&self.steps.concat(), base)
    }

    /// Where to cut what is `len` bytes long: seldom, and anywhere.
    pub(crate) fn cuts(&self, len: usize) -> Vec<usize> {
        let mut random = Random::new(self.seed ^ len as u64);
        let cuts_len = if self.seed == 0 { 0 } else { random.below(4) };
        let mut cuts: Vec<_> = (0..cuts_len)
            .map(|_| usize::try_from(random.below(len as u64 + 1)).expect("it is in the input"))
            .collect();
        cuts.push(len);
        cuts.sort_unstable();
        cuts
    }

    /// The same without some steps.
    pub(crate) fn without(&self, steps: std::ops::Range<usize>) -> Self {
        let mut shorter = self.clone();
        shorter.steps.drain(steps);
        shorter
    }

    /// Its steps but for those at `places`, in order.
    pub(crate) fn without_all(&self, places: &[usize]) -> Vec<Vec<u8>> {
        let steps = self.steps.iter().enumerate().filter(|(at, _)| !places.contains(at));
        steps.map(|(_, step)| step.clone()).collect()
    }

    /// Its first steps.
    pub(crate) fn prefix(&self, len: usize) -> Self {
        Self { seed: self.seed, steps: self.steps[..len].to_vec() }
    }
}

/// `input` with its tokens, if the last given out is `base`: those in the place of one, for a
/// length or an amount must not hang on how many have been given out.
pub(crate) fn render(input: &[u8], base: u64) -> Vec<u8> {
    let mut output = Vec::new();
    for line in input.split_inclusive(|byte| *byte == b'\n') {
        let mut words = Vec::new();
        for (idx, word) in line.split(|byte| *byte == b' ').enumerate() {
            if idx > 0 {
                output.push(b' ');
            }
            if !word.is_empty() {
                words.push(word);
            }
            let end = word.iter().position(|byte| b"\r\n".contains(byte)).unwrap_or(word.len());
            let (word, end) = word.split_at(end);
            let flag_len = usize::from(word.starts_with(b"C"));
            let (flag, text) = word.split_at(flag_len);
            // A line may begin within another, if a value was too short.
            let of_cas = words.iter().rev().nth(5).is_some_and(|word| word.ends_with(b"cas"));
            output.extend_from_slice(flag);
            match token(text).filter(|_| flag_len > 0 || of_cas) {
                Some(number) => output.extend(base.wrapping_add(number).to_string().bytes()),
                None => output.extend_from_slice(text),
            }
            output.extend_from_slice(end);
        }
    }
    output
}

/// The number of the token that a word stands for, if it stands for one.
pub(crate) fn token(word: &[u8]) -> Option<u64> {
    let digits = word.strip_prefix(b"{cas+")?.strip_suffix(b"}")?;
    let is_number = digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| std::str::from_utf8(digits).ok()?.parse().ok())?
}

/// Where `needle` first stands in `haystack`.
pub(crate) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
