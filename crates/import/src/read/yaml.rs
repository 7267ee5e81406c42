//! YAML by `saphyr-parser`, event by event.
//!
//! An alias (`*name`) is left as it is: twemproxy expands none, and a few lines of them can stand
//! for gigabytes.

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};

use super::Unreadable;
use crate::value::{DEPTH_MAX, Data, Entry, Value};

/// The first document of a text; the lines where further ones begin.
pub(crate) fn read_yaml(text: &str) -> Result<(Value, Vec<usize>), Unreadable> {
    let mut reader = Reader { parser: Parser::new_from_str(text) };
    let mut first = None;
    let mut further = Vec::new();
    loop {
        let (event, line) = reader.next()?;
        match event {
            Event::StreamEnd => break,
            Event::DocumentStart(_) => {
                let (event, line) = reader.next()?;
                let value = reader.value(event, line, 0)?;
                if first.is_none() {
                    first = Some(value);
                } else {
                    further.push(value.line);
                }
            }
            _ => {}
        }
        let _ = line;
    }
    Ok((first.unwrap_or(Value::new(1, Data::Null)), further))
}

struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, usize), Unreadable> {
        match self.parser.next_event() {
            Some(Ok((event, Span { start, .. }))) => Ok((event, start.line())),
            Some(Err(error)) => {
                Err(Unreadable::new(error.marker().line(), error.info().to_owned()))
            }
            None => Ok((Event::StreamEnd, 1)),
        }
    }

    fn value(&mut self, event: Event<'t>, line: usize, depth: usize) -> Result<Value, Unreadable> {
        if depth > DEPTH_MAX {
            return Err(Unreadable::too_deep(line));
        }
        let data = match event {
            Event::Scalar(text, style, ..) => scalar(&text, style),
            Event::Alias(_) => Data::Dynamic("a YAML alias".to_owned()),
            Event::SequenceStart(..) => self.list(depth)?,
            Event::MappingStart(..) => self.map(depth)?,
            _ => Data::Null,
        };
        Ok(Value::new(line, data))
    }

    fn list(&mut self, depth: usize) -> Result<Data, Unreadable> {
        let mut items = Vec::new();
        loop {
            let (event, line) = self.next()?;
            if matches!(event, Event::SequenceEnd | Event::StreamEnd) {
                return Ok(Data::List(items));
            }
            items.push(self.value(event, line, depth + 1)?);
        }
    }

    fn map(&mut self, depth: usize) -> Result<Data, Unreadable> {
        let mut entries = Vec::new();
        loop {
            let (event, line) = self.next()?;
            if matches!(event, Event::MappingEnd | Event::StreamEnd) {
                return Ok(Data::Map(entries));
            }
            let key = self.value(event, line, depth + 1)?;
            let (event, value_line) = self.next()?;
            let value = self.value(event, value_line, depth + 1)?;
            entries.push(Entry { line, key: key.shown(), value });
        }
    }
}

/// Everything but nothing is a text: whoever reads it knows what it should be.
fn scalar(text: &str, style: ScalarStyle) -> Data {
    if style == ScalarStyle::Plain && matches!(text, "" | "~" | "null") {
        return Data::Null;
    }
    Data::Text(text.to_owned())
}
