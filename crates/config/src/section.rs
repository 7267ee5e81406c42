//! One table of the file, read key by key.
//!
//! Each method asks for one key and gives its value, or its default if it is absent or faulty.
//! Keys that nobody asked for are unknown when the section ends.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

use evenkeel_core::config::nearest::{nearest, suggestion};
use evenkeel_core::config::{
    ByteSize, DURATION_UNITS, KeyPath, NameError, QuantityError, SIZE_UNITS, Setting, SettingValue,
    parse_duration,
};
use toml::Spanned;
use toml::de::{DeString, DeTable};

use super::reading::{Expected, Found, Reading, Unreadable};
use super::reference::{self, Kind, KnownKey};

/// A table that is being read.
pub(super) struct Section<'t, 'r> {
    table: &'t DeTable<'t>,
    path: KeyPath,
    /// The table as the documentation calls it.
    title: &'static str,
    asked: Vec<&'static str>,
    reading: &'r mut Reading,
}

impl<'t> Section<'t, '_> {
    /// Reads a table with `read`, and then reports its unknown keys.
    pub(super) fn read<T>(
        (table, path, title): (&DeTable<'_>, KeyPath, &'static str),
        reading: &mut Reading,
        read: impl FnOnce(&mut Section<'_, '_>) -> T,
    ) -> T {
        let mut section = Section { table, path, title, asked: Vec::new(), reading };
        let value = read(&mut section);
        section.report_unknown_keys();
        value
    }

    /// A duration in quotes.
    pub(super) fn duration(&mut self, setting: Setting<Duration>) -> Duration {
        self.quantity(Kind::Duration, setting, &DURATION_UNITS, parse_duration)
    }

    /// A size in quotes.
    pub(super) fn size(&mut self, setting: Setting<ByteSize>) -> ByteSize {
        self.quantity(Kind::Size, setting, &SIZE_UNITS, ByteSize::from_str)
    }

    fn quantity<T: SettingValue>(
        &mut self,
        kind: Kind,
        setting: Setting<T>,
        units: &[&str],
        parse: impl FnOnce(&str) -> Result<T, QuantityError>,
    ) -> T {
        let example = kind.in_file(&setting.default.written());
        let read = |text: &str| {
            parse(text).map_err(|error| Unreadable {
                problem: format!("{text:?} is not {}: {error}", kind.name()),
                remedy: format!(
                    "write a number and a unit ({}), as in {example}",
                    units.join(", ")
                ),
            })
        };
        let summary = reference::bounded(kind, &setting);
        self.parsed(setting.key, &summary, kind.expected(&example), read).unwrap_or(setting.default)
    }

    /// An integer.
    pub(super) fn count<T: SettingValue + TryFrom<i128>>(&mut self, setting: Setting<T>) -> T {
        let summary = reference::bounded(Kind::Count, &setting);
        let Some(found) = self.ask(setting.key, &summary) else { return setting.default };
        let example = setting.default.written();
        let Some(integer) = self.reading.integer(&found, Kind::Count.expected(&example)) else {
            return setting.default;
        };
        match T::try_from(integer) {
            Ok(value) if setting.accepts(value) => value,
            Ok(_) | Err(_) => {
                self.reading.out_of_range(&found, integer, &setting);
                setting.default
            }
        }
    }

    /// One of a few words. `default` says in Markdown what holds if it is absent.
    pub(super) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        names: &[(&'static str, T)],
        default: &str,
    ) -> Option<T> {
        let words: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        let example = format!("{:?}", words[0]);
        let read = |word: &str| {
            let choice = names.iter().find(|(name, _)| *name == word);
            choice.map(|(_, choice)| *choice).ok_or_else(|| Unreadable {
                problem: format!("unknown choice {word:?}"),
                remedy: suggestion(word, words.iter().copied()),
            })
        };
        let summary = reference::choice(&words, default);
        self.parsed(key, &summary, Expected { kind: "a string", example: &example }, read)
    }

    /// A string that `read` makes something of.
    pub(super) fn parsed<T>(
        &mut self,
        key: &'static str,
        summary: &str,
        expected: Expected<'_>,
        read: impl FnOnce(&str) -> Result<T, Unreadable>,
    ) -> Option<T> {
        let found = self.ask(key, summary)?;
        self.reading.parsed(&found, expected, read)
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        let summary = format!("`true` or `false`; `{default}` by default.");
        let Some(found) = self.ask(key, &summary) else { return default };
        let flag = found.value.as_bool();
        if flag.is_none() {
            self.reading.wrong_type(&found, Expected { kind: "true or false", example: "true" });
        }
        flag.unwrap_or(default)
    }

    /// Whether the table has this key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Whether the value at `key` is a list of nothing.
    pub(super) fn is_empty_list(&self, key: &str) -> bool {
        let list = self.table.get(key).and_then(|value| value.get_ref().as_array());
        list.is_some_and(|list| list.is_empty())
    }

    /// Says that a key which must be there is not, if so. `example` is it with a value.
    pub(super) fn require(&mut self, key: &'static str, example: &str) {
        if !self.table.contains_key(key) {
            self.reading.absent(self.path.key(key), example.to_owned());
        }
    }

    /// Says that the value at `key` is faulty for a reason of the caller's.
    pub(super) fn fault(&mut self, key: &'static str, problem: impl fmt::Display, remedy: &str) {
        if let Some(found) = self.find(key) {
            self.reading.fault(&found, problem, remedy.to_owned());
        }
    }

    /// The elements of a list, each read by `read`.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        summary: &str,
        example: &str,
        mut read: impl FnMut(&Found<'t>, &mut Reading) -> T,
    ) -> Vec<T> {
        let Some(found) = self.ask(key, summary) else { return Vec::new() };
        let Some(elements) = found.value.as_array() else {
            self.reading.wrong_type(&found, Expected { kind: "a list", example });
            return Vec::new();
        };
        let elements = elements.iter().enumerate().map(|(idx, element)| Found {
            value: element.get_ref(),
            span: element.span(),
            path: found.path.element(idx),
        });
        elements
            .map(|element| {
                self.reading.place(element.path.clone(), element.span.clone());
                read(&element, self.reading)
            })
            .collect()
    }

    /// The table at `key`, read by `read`; an empty one if it is absent.
    pub(super) fn table<T>(
        &mut self,
        key: &'static str,
        title: &'static str,
        read: impl FnOnce(&mut Section<'_, '_>) -> T,
    ) -> T {
        let empty = DeTable::new();
        let header = format!("[{}]", self.path.key(key));
        let table = self.table_at(key, &header).unwrap_or(&empty);
        Self::read((table, self.path.key(key), title), self.reading, read)
    }

    /// The table at `key`, read by `read`; `None` if it is absent.
    pub(super) fn table_if_there<T>(
        &mut self,
        key: &'static str,
        title: &'static str,
        read: impl FnOnce(&mut Section<'_, '_>) -> T,
    ) -> Option<T> {
        let header = format!("[{}]", self.path.key(key));
        let table = self.table_at(key, &header)?;
        Some(Self::read((table, self.path.key(key), title), self.reading, read))
    }

    /// The tables `[[key]]`, in the order of the file.
    pub(super) fn tables<T>(
        &mut self,
        key: &'static str,
        title: &'static str,
        mut read: impl FnMut(&mut Section<'_, '_>) -> T,
    ) -> Vec<T> {
        self.asked.push(key);
        let Some(found) = self.find(key) else { return Vec::new() };
        let example = format!("[[{key}]]");
        let expected = Expected { kind: "a list of tables", example: &example };
        let Some(elements) = found.value.as_array() else {
            self.reading.wrong_type(&found, expected);
            return Vec::new();
        };
        let mut values = Vec::new();
        for (idx, element) in elements.iter().enumerate() {
            let (value, span, path) = (element.get_ref(), element.span(), found.path.element(idx));
            self.reading.place(path.clone(), span.clone());
            if let Some(table) = value.as_table() {
                values.push(Self::read((table, path, title), self.reading, &mut read));
            } else {
                self.reading.wrong_type(&Found { value, span, path }, expected);
            }
        }
        values
    }

    /// The tables `[key.NAME]`, in the order of the file.
    pub(super) fn named_tables<N: FromStr<Err = NameError>, T>(
        &mut self,
        key: &'static str,
        title: &'static str,
        mut read: impl FnMut(N, &mut Section<'_, '_>) -> T,
    ) -> Vec<T> {
        let mut values = Vec::new();
        for (name, table) in self.tables_at(key, &format!("[{title}]")) {
            let path = self.path.key(key).key(name.get_ref().as_ref());
            let parsed = name.get_ref().parse::<N>();
            if let Err(error) = &parsed {
                self.bad_name(&path, name.span(), error);
            }
            let is_kept = parsed.is_ok();
            // A table without a good name is read for the faults in it.
            let name = parsed.or_else(|_| "unnamed".parse()).expect("a plain word is a name");
            let value =
                Self::read((table, path, title), self.reading, |section| read(name, section));
            values.extend(is_kept.then_some(value));
        }
        values
    }

    /// The tables in the table at `key`, with their names.
    fn tables_at(
        &mut self,
        key: &'static str,
        header: &str,
    ) -> Vec<(&'t Spanned<DeString<'t>>, &'t DeTable<'t>)> {
        let Some(outer) = self.table_at(key, header) else { return Vec::new() };
        let mut tables = Vec::new();
        for (name, value) in outer {
            let path = self.path.key(key).key(name.get_ref().as_ref());
            self.reading.place(path.clone(), name.span());
            match value.get_ref().as_table() {
                Some(table) => tables.push((name, table)),
                None => self.outside_named_table(key, path, name),
            }
        }
        tables.sort_by_key(|(name, _)| name.span().start);
        tables
    }

    fn table_at(&mut self, key: &'static str, header: &str) -> Option<&'t DeTable<'t>> {
        self.asked.push(key);
        let found = self.find(key)?;
        let table = found.value.as_table();
        if table.is_none() {
            self.reading.wrong_type(&found, Expected { kind: "a table", example: header });
        }
        table
    }

    /// Asks for a key, and notes for the reference that it is known.
    fn ask(&mut self, key: &'static str, summary: &str) -> Option<Found<'t>> {
        self.asked.push(key);
        let summary = summary.to_owned();
        self.reading.known.push(KnownKey { table: self.title, key, summary });
        self.find(key)
    }

    fn find(&mut self, key: &str) -> Option<Found<'t>> {
        let (name, value) = self.table.get_key_value(key)?;
        let path = self.path.key(key);
        // A table's own span is its last header; people look for its name.
        let span = if value.get_ref().is_table() { name.span() } else { value.span() };
        self.reading.place(path.clone(), span.clone());
        Some(Found { value: value.get_ref(), span, path })
    }

    fn bad_name(&mut self, path: &KeyPath, span: Range<usize>, error: &NameError) {
        let remedy = "use letters, digits, _ and -".to_owned();
        self.reading.fault_at(path.clone(), span, format!("{path}: {error}"), remedy);
    }

    fn outside_named_table(&mut self, key: &str, path: KeyPath, name: &Spanned<DeString<'_>>) {
        let message = format!("{path} stands outside a table with a name");
        let remedy = format!("write it under a header such as [{key}.main]");
        self.reading.fault_at(path, name.span(), message, remedy);
    }

    fn report_unknown_keys(mut self) {
        for (key, _) in self.table {
            if !self.asked.contains(&key.get_ref().as_ref()) {
                self.report_unknown_key(key);
            }
        }
    }

    /// The table as it follows the name of one of its keys.
    fn shown(&self) -> String {
        match self.path.to_string().as_str() {
            "" => String::new(),
            element if element.ends_with(']') => format!(" in {element}"),
            table => format!(" in [{table}]"),
        }
    }

    fn report_unknown_key(&mut self, key: &Spanned<DeString<'_>>) {
        let word = key.get_ref().as_ref();
        let place = self.shown();
        let meant = nearest(word, self.asked.iter().copied()).unwrap_or(word);
        let message = format!("unknown key {word:?}{place}");
        let remedy = suggestion(word, self.asked.iter().copied());
        self.reading.fault_at(self.path.key(meant), key.span(), message, remedy);
    }
}
