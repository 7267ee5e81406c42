//! Events as they come: a response that does not end, in the format of server-sent events.
//!
//! # Grammar
//! Lines, each ended by a newline with or without a carriage return before it. `data: TEXT` is a
//! line of an event's data, an empty line ends the event, `:` begins a comment. Other fields
//! (`event`, `id`) say nothing that the data does not.
//!
//! # Limits
//! A line has at most [`LINE_LEN_MAX`] bytes, as has the data of an event.
//!
//! # Source
//! WHATWG HTML, section 9.2.6, as far as it is used here. A byte order mark is not expected, and a
//! carriage return alone ends no line.

use std::io::{self, BufRead, BufReader, Read};

use evenkeel_api::Event;

/// Events as they come.
pub(crate) struct EventStream<R> {
    lines: BufReader<R>,
}

/// Why there are no more events of a stream.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamError {
    /// The connection is gone or silent. The stream can be begun again.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// What came is no event.
    #[error("{0}")]
    Garbled(String),
}

impl<R: Read> EventStream<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { lines: BufReader::new(reader) }
    }

    /// Waits for the next event; `None` when the stream has ended.
    pub(crate) fn next(&mut self) -> Result<Option<Event>, StreamError> {
        let mut data = String::new();
        while let Some(line) = self.line()? {
            if line.is_empty() && !data.is_empty() {
                let event = super::printable_event(&data);
                return event.map(Some).map_err(|error| StreamError::Garbled(error.to_string()));
            }
            let Some(text) = line.strip_prefix("data:") else { continue };
            if !data.is_empty() {
                data.push('\n');
            }
            data.push_str(text.strip_prefix(' ').unwrap_or(text));
            if data.len() > LINE_LEN_MAX {
                return Err(StreamError::Garbled(format!(
                    "an event is longer than {LINE_LEN_MAX} bytes"
                )));
            }
        }
        Ok(None)
    }

    /// The next line without its end; `None` if the stream ends before that.
    fn line(&mut self) -> Result<Option<String>, StreamError> {
        let mut line = Vec::new();
        let most = LINE_LEN_MAX as u64 + 1;
        self.lines.by_ref().take(most).read_until(b'\n', &mut line)?;
        if line.pop_if(|byte| *byte == b'\n').is_none() {
            if line.len() > LINE_LEN_MAX {
                return Err(StreamError::Garbled(format!(
                    "a line is longer than {LINE_LEN_MAX} bytes"
                )));
            }
            return Ok(None);
        }
        let _ = line.pop_if(|byte| *byte == b'\r');
        let line = String::from_utf8(line);
        line.map(Some).map_err(|_| StreamError::Garbled("a line is not UTF-8".to_owned()))
    }
}

/// The longest line that is taken for one.
const LINE_LEN_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its bytes in pieces that end at `split`.
    struct Pieces<'a> {
        before: &'a [u8],
        after: &'a [u8],
    }

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let piece = if self.before.is_empty() { &mut self.after } else { &mut self.before };
            piece.read(buffer)
        }
    }

    fn event(number: u64) -> String {
        format!(
            "id: {number}\r\nevent: state\ndata: {{\"number\":{number},\"at\":\"now\",\n\
             data:\"kind\":\"state\",\"text\":\"t\\u001b\"}}\n\n"
        )
    }

    fn read(text: &[u8], split: usize) -> Result<Vec<Event>, StreamError> {
        let (before, after) = text.split_at(split);
        let mut stream = EventStream::new(Pieces { before, after });
        let mut events = Vec::new();
        while let Some(event) = stream.next()? {
            events.push(event);
        }
        Ok(events)
    }

    #[test]
    fn events_are_read_wherever_the_bytes_are_split() {
        let text = format!(": hello\n\n{}:\n{}retry: 5\n\n", event(7), event(8));
        for split in 0..=text.len() {
            let events = read(text.as_bytes(), split).unwrap();
            let numbers: Vec<_> = events.iter().map(|event| event.number).collect();
            assert_eq!(numbers, [7, 8], "split at {split}");
            assert_eq!(events[0].text, "t\\u{1b}");
        }
    }

    #[test]
    fn an_event_that_is_cut_short_is_none() {
        let text = event(7);
        for end in 0..text.len() {
            assert!(read(&text.as_bytes()[..end], 0).unwrap().is_empty(), "cut at {end}");
        }
    }

    #[test]
    fn what_is_no_event_ends_the_stream_with_a_word() {
        for text in [&b"data: {}\n\n"[..], b"data: \xff\n\n", b"data: no\n\n"] {
            assert!(matches!(read(text, 0), Err(StreamError::Garbled(_))), "{text:?}");
        }
    }

    #[test]
    fn neither_a_line_nor_an_event_grows_without_bound() {
        let comment = |len: usize| format!("{}\n", ":".repeat(len)).into_bytes();
        assert!(read(&comment(LINE_LEN_MAX), 0).unwrap().is_empty());
        assert!(read(&comment(LINE_LEN_MAX + 1), 0).is_err());
        assert!(read(&vec![b':'; LINE_LEN_MAX + 1], 0).is_err());
        let data = format!("data: {}\n", "x".repeat(LINE_LEN_MAX / 2)).repeat(3);
        assert!(read(data.as_bytes(), 0).is_err());
    }
}
