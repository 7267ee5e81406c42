//! The text format: one family of samples after another.

use std::fmt::{self, Display, Write as _};

/// The kinds of families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, until the process ends.
    Counter,
    /// It is what it is now.
    Gauge,
    /// Counts of what was at most so large, by bound.
    Histogram,
}

impl Kind {
    /// As the format says it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// The samples of one family, as they are written. Its head is written with the first of them: a
/// family without samples is not there.
#[derive(Debug)]
pub struct Samples<'t> {
    text: &'t mut String,
    name: &'static str,
    kind: Kind,
    help: &'static str,
    is_empty: bool,
}

/// What samples are told apart by: names and values, as they stand between braces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Labels(String);

impl Labels {
    /// These labels. Whatever a value holds, it is read as that.
    pub(super) fn new(labels: &[(&str, &str)]) -> Self {
        Self::default().with(labels)
    }

    /// These, and more.
    pub(super) fn with(&self, labels: &[(&str, &str)]) -> Self {
        let mut text = self.0.clone();
        for (name, value) in labels {
            let comma = if text.is_empty() { "" } else { "," };
            write!(text, "{comma}{name}=\"{}\"", Escaped(value)).expect(IN_MEMORY);
        }
        Self(text)
    }
}

/// A label's value with what would end it escaped.
struct Escaped<'v>(&'v str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars() {
            match char {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                _ => f.write_char(char)?,
            }
        }
        Ok(())
    }
}

impl<'t> Samples<'t> {
    pub(super) fn new(
        text: &'t mut String,
        name: &'static str,
        kind: Kind,
        help: &'static str,
    ) -> Self {
        Self { text, name, kind, help, is_empty: true }
    }

    /// One sample.
    pub(super) fn add(&mut self, labels: &Labels, value: impl Display) {
        self.add_part("", labels, value);
    }

    /// One histogram: how many were at most as large as each bound, how many there were in all, and
    /// their sum.
    pub(super) fn add_histogram(
        &mut self,
        labels: &Labels,
        buckets: impl IntoIterator<Item = (f64, u64)>,
        (count, sum): (u64, f64),
    ) {
        for (bound, at_most) in buckets {
            self.add_part("_bucket", &labels.with(&[("le", &bound.to_string())]), at_most);
        }
        self.add_part("_bucket", &labels.with(&[("le", "+Inf")]), count);
        self.add_part("_sum", labels, sum);
        self.add_part("_count", labels, count);
    }

    fn add_part(&mut self, part: &str, labels: &Labels, value: impl Display) {
        let Self { text, name, kind, help, is_empty } = self;
        if std::mem::take(is_empty) {
            let kind = kind.label();
            write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n").expect(IN_MEMORY);
        }
        match labels.0.as_str() {
            "" => writeln!(text, "{name}{part} {value}"),
            labels => writeln!(text, "{name}{part}{{{labels}}} {value}"),
        }
        .expect(IN_MEMORY);
    }
}

const IN_MEMORY: &str = "writing to memory does not fail";

#[cfg(test)]
mod tests {
    use super::*;

    fn written(kind: Kind, write: impl FnOnce(&mut Samples<'_>)) -> String {
        let mut text = String::new();
        write(&mut Samples::new(&mut text, "a_total", kind, "What it is."));
        text
    }

    #[test]
    fn a_family_has_a_head_and_samples() {
        let text = written(Kind::Counter, |samples| {
            samples.add(&Labels::default(), 7);
            samples.add(&Labels::new(&[("b", "c"), ("d", "")]), 0.5);
        });
        let head = "# HELP a_total What it is.\n# TYPE a_total counter\n";
        assert_eq!(text, format!("{head}a_total 7\na_total{{b=\"c\",d=\"\"}} 0.5\n"));
    }

    #[test]
    fn a_family_without_samples_is_not_there() {
        assert_eq!(written(Kind::Gauge, |_| ()), "");
    }

    #[test]
    fn what_would_end_a_value_is_escaped() {
        let labels = Labels::new(&[("a", "x\"y\\z\nö{}")]);
        assert_eq!(labels.0, r#"a="x\"y\\z\nö{}""#);
    }

    #[test]
    fn a_histogram_ends_with_everything() {
        let text = written(Kind::Histogram, |samples| {
            samples.add_histogram(
                &Labels::new(&[("b", "c")]),
                [(0.000_032_768, 1), (1.0, 3)],
                (4, 2.5),
            );
        });
        let lines: Vec<_> = text.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                r#"a_total_bucket{b="c",le="0.000032768"} 1"#,
                r#"a_total_bucket{b="c",le="1"} 3"#,
                r#"a_total_bucket{b="c",le="+Inf"} 4"#,
                r#"a_total_sum{b="c"} 2.5"#,
                r#"a_total_count{b="c"} 4"#,
            ]
        );
    }
}
