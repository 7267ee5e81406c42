//! Text that comes from elsewhere, made fit for a terminal.
//!
//! What a terminal would obey instead of show (control characters), or would show in another order
//! than it is written (marks of direction), is written as Rust writes it: `\u{1b}`.

use serde::Serialize;
use serde_json::Value;
use unicode_width::UnicodeWidthChar;

/// The text with nothing in it that steers a terminal.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        if steers(char) {
            shown.extend(char.escape_unicode());
        } else {
            shown.push(char);
        }
    }
    shown
}

/// The same for every text within a JSON value, names of fields included.
pub(crate) fn printable_value(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(printable(&text)),
        Value::Array(values) => Value::Array(values.into_iter().map(printable_value).collect()),
        Value::Object(fields) => {
            let fields = fields.into_iter();
            Value::Object(fields.map(|(k, v)| (printable(&k), printable_value(v))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

/// One line of JSON, in which no character steers a terminal.
pub(crate) fn json_line(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value).expect("what is printed has no map without names");
    let mut line = String::with_capacity(text.len());
    // Outside of strings JSON has no such character; inside, this is another way to write it.
    for char in text.chars() {
        if steers(char) {
            let mut units = [0; 2];
            line.extend(char.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            line.push(char);
        }
    }
    line
}

/// How many columns of a terminal the text takes.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(|char| char.width().unwrap_or(0)).sum()
}

/// The text in at most so many columns; what is cut ends in `…`.
pub(crate) fn fitted(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut left = columns.saturating_sub(1);
    for char in text.chars() {
        let Some(rest) = left.checked_sub(char.width().unwrap_or(0)) else { break };
        left = rest;
        cut.push(char);
    }
    if columns > 0 {
        cut.push('…');
    }
    cut
}

/// The name in at most so many columns. Both ends are kept: names and addresses differ there.
pub(crate) fn fitted_name(name: &str, columns: usize) -> String {
    if width(name) <= columns || columns < 3 {
        return fitted(name, columns);
    }
    let tail_columns = (columns - 1) / 2;
    let mut tail_at = name.len();
    for (at, _) in name.char_indices().rev() {
        if width(&name[at..]) > tail_columns {
            break;
        }
        tail_at = at;
    }
    let tail = &name[tail_at..];
    fitted(name, columns - width(tail)) + tail
}

/// The text in lines of at most so many columns, broken at blanks where there are some.
pub(crate) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always one");
        if line.is_empty() {
            line.push_str(word);
        } else if width(line) + 1 + width(word) <= columns {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.iter().map(|line| fitted(line, columns)).collect()
}

fn steers(char: char) -> bool {
    char.is_control()
        || matches!(char,
            // Marks of direction, and what breaks lines or joins words without being seen.
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_is_left() {
        for (text, shown) in [
            ("plain ä 漢 🦀", "plain ä 漢 🦀"),
            ("\x1b[31mred", "\\u{1b}[31mred"),
            ("a\r\nb\tc\x7f", "a\\u{d}\\u{a}b\\u{9}c\\u{7f}"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("abc\u{202e}def\u{2066}", "abc\\u{202e}def\\u{2066}"),
        ] {
            assert_eq!(printable(text), shown);
        }
    }

    #[test]
    fn json_is_the_same_value_without_characters_that_steer() {
        let value = serde_json::json!({ "a\u{9b}": "x\u{1b}[2J\u{7f}\u{202e}ä" });
        let line = json_line(&value);
        assert_eq!(line, "{\"a\\u009b\":\"x\\u001b[2J\\u007f\\u202eä\"}");
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), value);
    }

    #[test]
    fn values_are_made_printable_all_through() {
        let value = serde_json::json!({ "a": ["\x1b", { "\x07": 1, "b": null, "c": true }] });
        let shown = serde_json::json!({
            "a": ["\\u{1b}", { "\\u{7}": 1, "b": null, "c": true }]
        });
        assert_eq!(printable_value(value), shown);
    }

    #[test]
    fn text_is_cut_by_columns() {
        for (text, columns, shown) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("漢字", 4, "漢字"),
            ("漢字", 3, "漢…"),
            ("漢字", 2, "…"),
            ("abc", 0, ""),
        ] {
            assert_eq!(fitted(text, columns), shown);
            assert!(width(shown) <= columns);
        }
    }

    #[test]
    fn a_name_keeps_both_ends() {
        for (name, columns, shown) in [
            ("10.0.0.1:11211", 14, "10.0.0.1:11211"),
            ("10.0.0.1:11211", 13, "10.0.0…:11211"),
            ("10.0.0.1:11211", 12, "10.0.0…11211"),
            ("漢字漢字", 5, "漢…字"),
            ("abc", 2, "a…"),
            ("abc", 0, ""),
        ] {
            assert_eq!(fitted_name(name, columns), shown);
            assert!(width(shown) <= columns);
        }
    }

    #[test]
    fn text_is_wrapped_at_blanks() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("one two three", 80), ["one two three"]);
        assert_eq!(wrapped("overlong", 4), ["ove…"]);
        assert_eq!(wrapped("", 4), [""]);
    }
}
