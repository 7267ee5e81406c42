//! Reads the answers to our own requests, and checks every byte of them.

use memchr::memchr_iter;

use crate::content::{Content, parse_decimal};

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// A read of so many keys.
    Read(usize),
    /// A write of one key.
    Write,
}

/// What the bytes received so far come to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The answer is not complete.
    Incomplete,
    /// The answer is complete.
    Done(Answer),
    /// These bytes are no answer to the request; the connection is of no more use.
    Wrong(String),
}

/// A complete answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// So many of the keys had values, all of them right.
    Values(usize),
    /// The value was stored.
    Stored,
    /// The request was refused in these words.
    Refused(Refusal, String),
}

/// Which of the three errors of the protocol it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// `SERVER_ERROR`
    Server,
    /// `CLIENT_ERROR`
    Client,
    /// `ERROR`
    Unknown,
}

impl Answer {
    /// Does it come from a target that serves this connection? One that has too many says
    /// `ERROR` to the next request and closes.
    pub(crate) fn is_served(&self) -> bool {
        !matches!(self, Self::Refused(Refusal::Unknown, _))
    }
}

impl Refusal {
    fn of(line: &[u8]) -> Option<Self> {
        let starts = [
            (&b"SERVER_ERROR "[..], Self::Server),
            (b"CLIENT_ERROR ", Self::Client),
            (b"ERROR", Self::Unknown),
        ];
        starts.into_iter().find(|(start, _)| line.starts_with(start)).map(|(_, refusal)| refusal)
    }
}

/// The error that a target says unasked before it closes (memcached: too many connections).
pub(crate) fn farewell(input: &[u8]) -> Option<String> {
    let line = line(input)?;
    Refusal::of(line).map(|_| text(line))
}

/// Reads one answer at a time, in pieces of any size.
#[derive(Default)]
pub(crate) struct AnswerReader {
    /// For each key of the read that is being answered: has its value come?
    seen: Vec<bool>,
    /// The place of the key whose value is likely to come next: most targets keep the order.
    next: usize,
}

impl AnswerReader {
    /// Reads on in the answer to `request`, which is for the keys that `asked` begins with.
    /// `consumed` is advanced over what need not be
    /// seen again; an incomplete line or value stays.
    pub(crate) fn read(
        &mut self,
        request: Request,
        asked: &[u32],
        content: &Content,
        input: &[u8],
        consumed: &mut usize,
    ) -> Progress {
        match request {
            Request::Read(keys) => {
                self.seen.resize(keys, false);
                loop {
                    let rest = &input[*consumed..];
                    if let Some(len) = self.likely_value_len(&asked[..keys], content, rest) {
                        self.seen[self.next] = true;
                        self.next += 1;
                        *consumed += len;
                        continue;
                    }
                    if let Some(progress) = self.read_line(&asked[..keys], content, rest, consumed)
                    {
                        return progress;
                    }
                }
            }
            Request::Write => read_write_answer(&input[*consumed..], consumed),
        }
    }

    /// The length of the value that is likely to come next, if it is what has come.
    fn likely_value_len(&self, asked: &[u32], content: &Content, input: &[u8]) -> Option<usize> {
        let is_awaited = self.seen.get(self.next) == Some(&false);
        is_awaited.then(|| content.value_lines_len(asked[self.next], input)).flatten()
    }

    /// One `VALUE` with its data (nothing: read on), or the line that ends the answer.
    fn read_line(
        &mut self,
        asked: &[u32],
        content: &Content,
        input: &[u8],
        consumed: &mut usize,
    ) -> Option<Progress> {
        let Some(line) = line(input) else { return Some(Progress::Incomplete) };
        let Some(head) = line.strip_prefix(b"VALUE ") else {
            *consumed += line.len() + 2;
            return Some(self.end(line));
        };
        let Some((idx, position)) = self.expected(asked, content, head) else {
            return Some(wrong(line));
        };
        let value = content.value(idx);
        let data = &input[line.len() + 2..];
        if data.len() < value.len() + 2 {
            return Some(Progress::Incomplete);
        }
        if &data[..value.len()] != value || &data[value.len()..][..2] != b"\r\n" {
            return Some(Progress::Wrong(format!("the data of {}", text(line))));
        }
        self.seen[position] = true;
        self.next = position + 1;
        *consumed += line.len() + 2 + value.len() + 2;
        None
    }

    /// The key's number and its place in the request, if it was asked for and has not come yet,
    /// and the rest of the line is right.
    fn expected(&self, asked: &[u32], content: &Content, head: &[u8]) -> Option<(u32, usize)> {
        let mut words = head.split(|byte| *byte == b' ');
        let idx = content.idx_of(words.next()?)?;
        let position = if asked.get(self.next) == Some(&idx) {
            self.next
        } else {
            asked.iter().position(|asked| *asked == idx)?
        };
        let is_awaited = self.seen.get(position) == Some(&false);
        let are_flags_right = words.next()? == b"0";
        let is_len_right = parse_decimal(words.next()?)? == content.value(idx).len();
        (is_awaited && are_flags_right && is_len_right && words.next().is_none())
            .then_some((idx, position))
    }

    fn end(&mut self, line: &[u8]) -> Progress {
        let values = self.seen.iter().filter(|seen| **seen).count();
        self.seen.clear();
        self.next = 0;
        if line == b"END" { Progress::Done(Answer::Values(values)) } else { refusal(line) }
    }
}

fn read_write_answer(input: &[u8], consumed: &mut usize) -> Progress {
    let Some(line) = line(input) else { return Progress::Incomplete };
    *consumed += line.len() + 2;
    if line == b"STORED" { Progress::Done(Answer::Stored) } else { refusal(line) }
}

fn refusal(line: &[u8]) -> Progress {
    match Refusal::of(line) {
        Some(refusal) => Progress::Done(Answer::Refused(refusal, text(line))),
        None => wrong(line),
    }
}

fn wrong(line: &[u8]) -> Progress {
    Progress::Wrong(text(line))
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(&line[..line.len().min(TEXT_LEN_MAX)]).into_owned()
}

/// The first line of `input` without its end, once that has come.
fn line(input: &[u8]) -> Option<&[u8]> {
    let mut ends = memchr_iter(b'\n', input).filter(|end| input[..*end].ends_with(b"\r"));
    ends.next().map(|end| &input[..end - 1])
}

/// How much of a surprising line is kept.
const TEXT_LEN_MAX: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ValueSize, Workload};

    fn content() -> Content {
        Content::new(&Workload { value_size: ValueSize::Fixed(5), keys: 10, ..Workload::default() })
    }

    fn value_head(content: &Content, idx: u32) -> String {
        let mut head = b"VALUE ".to_vec();
        content.push_key(idx, &mut head);
        head.extend_from_slice(b" 0 5");
        String::from_utf8(head).unwrap()
    }

    fn value_lines(content: &Content, idx: u32) -> Vec<u8> {
        [value_head(content, idx).as_bytes(), b"\r\n", content.value(idx), b"\r\n"].concat()
    }

    /// Feeds `input` in two pieces, cut at every place: the outcome is always the same one.
    #[track_caller]
    fn check(asked: &[u32], input: &[u8], expected: &Progress) {
        let content = content();
        let request = if asked.is_empty() { Request::Write } else { Request::Read(asked.len()) };
        for cut in 0..=input.len() {
            let mut reader = AnswerReader::default();
            let mut consumed = 0;
            let first = reader.read(request, asked, &content, &input[..cut], &mut consumed);
            let progress = match first {
                Progress::Incomplete => reader.read(request, asked, &content, input, &mut consumed),
                Progress::Done(_) | Progress::Wrong(_) => first,
            };
            assert_eq!(&progress, expected, "cut at {cut}");
        }
    }

    #[test]
    fn reads_are_counted_by_the_keys_that_had_values() {
        let content = content();
        let [nine, zero] = [9, 0].map(|idx| value_lines(&content, idx));
        for input in [[&nine[..], &zero, b"END\r\n"], [&zero, &nine, b"END\r\n"]] {
            check(&[9, 4, 0], &input.concat(), &Progress::Done(Answer::Values(2)));
        }
        check(&[9, 4, 0], b"END\r\n", &Progress::Done(Answer::Values(0)));
    }

    #[test]
    fn a_value_that_was_not_asked_for_is_wrong() {
        let content = content();
        let input = value_lines(&content, 2);
        check(&[0, 1], &input, &Progress::Wrong(value_head(&content, 2)));
    }

    #[test]
    fn a_value_that_comes_twice_is_wrong() {
        let content = content();
        let input = value_lines(&content, 0).repeat(2);
        check(&[0, 1], &input, &Progress::Wrong(value_head(&content, 0)));
    }

    #[test]
    fn a_byte_that_differs_is_wrong() {
        let content = content();
        let mut input = value_lines(&content, 0);
        let len = input.len();
        input[len - 3] ^= 1;
        let line = format!("the data of {}", value_head(&content, 0));
        check(&[0], &input, &Progress::Wrong(line));
    }

    #[test]
    fn writes_are_stored_or_refused() {
        check(&[], b"STORED\r\n", &Progress::Done(Answer::Stored));
        for (line, refusal) in [
            ("SERVER_ERROR out of memory", Refusal::Server),
            ("CLIENT_ERROR bad data chunk", Refusal::Client),
            ("ERROR", Refusal::Unknown),
        ] {
            let refused = Answer::Refused(refusal, line.to_owned());
            check(&[], format!("{line}\r\n").as_bytes(), &Progress::Done(refused));
        }
        check(&[], b"END\r\n", &Progress::Wrong("END".to_owned()));
    }
}
