//! What a source says, whatever language it is written in: values with their lines.
//!
//! A reader makes it and decides nothing; `from` reads it and knows no syntax. What has a value
//! only when its program runs is [`Data::Dynamic`], never guessed.

use super::secret::{without_secrets, without_texts};

/// A value, and the line it begins on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Value {
    /// From 1.
    pub(crate) line: usize,
    pub(crate) data: Data,
}

/// The kinds of values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Data {
    Null,
    Bool(bool),
    /// A number as it is written.
    Number(String),
    Text(String),
    List(Vec<Value>),
    Map(Vec<Entry>),
    /// A call, or an object that is made: `ActiveSupport::Cache.lookup_store(…)`.
    Call(Call),
    /// Something that only running the program would tell, as it is written.
    Dynamic(String),
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// From 1.
    pub(crate) line: usize,
    pub(crate) key: String,
    pub(crate) value: Value,
}

/// A call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) arguments: Vec<Value>,
}

impl Value {
    pub(crate) fn new(line: usize, data: Data) -> Self {
        Self { line, data }
    }

    pub(crate) fn text(line: usize, text: &str) -> Self {
        Self::new(line, Data::Text(text.to_owned()))
    }

    /// The text of a text.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.data {
            Data::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text of a text or a number: languages differ in what needs quotes.
    pub(crate) fn as_scalar(&self) -> Option<&str> {
        match &self.data {
            Data::Text(text) | Data::Number(text) => Some(text),
            _ => None,
        }
    }

    /// A truth, by the words that any of the languages has for it.
    pub(crate) fn as_bool(&self) -> Option<bool> {
        match &self.data {
            Data::Bool(truth) => Some(*truth),
            Data::Text(text) | Data::Number(text) => match text.to_ascii_lowercase().as_str() {
                "true" | "on" | "yes" | "1" => Some(true),
                "false" | "off" | "no" | "0" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    pub(crate) fn as_integer(&self) -> Option<i64> {
        self.as_scalar()?.trim().replace('_', "").parse().ok()
    }

    /// A number that is not negative and not beyond a year in seconds or milliseconds.
    pub(crate) fn as_decimal(&self) -> Option<f64> {
        let number: f64 = self.as_scalar()?.trim().replace('_', "").parse().ok()?;
        (0.0..=1e11).contains(&number).then_some(number)
    }

    pub(crate) fn entries(&self) -> Option<&[Entry]> {
        match &self.data {
            Data::Map(entries) => Some(entries),
            _ => None,
        }
    }

    pub(crate) fn items(&self) -> Option<&[Value]> {
        match &self.data {
            Data::List(items) => Some(items),
            _ => None,
        }
    }

    /// The last entry of that key: where a key stands twice, that is the one that counts.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries()?.iter().rev().find(|entry| entry.key == key)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The value as a comment quotes it, in short.
    pub(crate) fn shown(&self) -> String {
        match &self.data {
            Data::Null => "null".to_owned(),
            Data::Bool(truth) => truth.to_string(),
            Data::Number(text) | Data::Text(text) => shorten(text),
            Data::Dynamic(text) => shorten(&without_texts(text)),
            Data::List(items) => format!("[{} of them]", items.len()),
            Data::Map(_) => "{…}".to_owned(),
            Data::Call(call) => format!("{}(…)", shorten(&call.name)),
        }
    }
}

impl Entry {
    /// `key: value`, in short.
    pub(crate) fn shown(&self) -> String {
        match &self.value.data {
            Data::List(_) | Data::Map(_) | Data::Call(_) => shorten(&self.key),
            _ => format!("{}: {}", shorten(&self.key), self.value.shown()),
        }
    }
}

/// The longest text that a comment quotes, in characters.
const SHOWN_LEN_MAX: usize = 60;

/// One line of a text, not too long, and without passwords.
pub(crate) fn shorten(text: &str) -> String {
    let text = without_secrets(text);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= SHOWN_LEN_MAX {
        return line;
    }
    line.chars().take(SHOWN_LEN_MAX - 1).chain(['…']).collect()
}

/// How deep values may be nested in each other. Deeper is hardly a configuration.
pub(crate) const DEPTH_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, shown: &str) {
        assert_eq!(shorten(text), shown);
    }

    #[test]
    fn what_is_shown_is_one_short_line() {
        check("a\n  b\tc", "a b c");
        check(&"x".repeat(60), &"x".repeat(60));
        check(&"x".repeat(61), &format!("{}…", "x".repeat(59)));
    }

    #[test]
    fn what_is_shown_has_no_password() {
        check("memcached://shop:hunter2@10.0.0.1:11211", "…@10.0.0.1:11211");
        check("password = hunter2", "password = …");
        let dynamic = Data::Dynamic("make(\"hunter2\")".to_owned());
        assert_eq!(Value::new(1, dynamic).shown(), "make(\"…\")");
    }
}
