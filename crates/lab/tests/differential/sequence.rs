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

/// `input` with its tokens, if the last given out is `base`.
pub(crate) fn render(input: &[u8], base: u64) -> Vec<u8> {
    let mut output = Vec::new();
    let mut rest = input;
    while let Some(at) = find(rest, TOKEN) {
        output.extend_from_slice(&rest[..at]);
        let behind = &rest[at + TOKEN.len()..];
        let len = behind.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = std::str::from_utf8(&behind[..len]).ok().and_then(|it| it.parse().ok());
        if let (Some(number), Some(b'}')) = (number, behind.get(len)) {
            output.extend_from_slice(base.wrapping_add(number).to_string().as_bytes());
            rest = &behind[len + 1..];
        } else {
            output.extend_from_slice(TOKEN);
            rest = behind;
        }
    }
    output.extend_from_slice(rest);
    output
}

/// Where `needle` first stands in `haystack`.
pub(crate) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// What stands for a CAS token, before its number and `}`.
const TOKEN: &[u8] = b"{cas+";
