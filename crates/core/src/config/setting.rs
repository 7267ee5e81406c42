//! One setting that has bounds and a default: its name, its range and what it is if left out.
//!
//! Each such setting is one constant beside the field it describes. Defaults, validation, the
//! file reader and the test of the documentation all use that constant, so they cannot disagree.

use std::fmt;
use std::time::Duration;

use super::fault::{Current, Fault, KeyPath, Problem};
use super::quantity::{ByteSize, Written};

/// The name, range and default of one setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting<T> {
    /// As it is written in a configuration.
    pub key: &'static str,
    /// The lowest value accepted.
    pub min: T,
    /// The highest value accepted.
    pub max: T,
    /// The value if it is not set.
    pub default: T,
}

impl<T: SettingValue> Setting<T> {
    /// Whether the value is in range.
    pub fn accepts(&self, value: T) -> bool {
        self.min <= value && value <= self.max
    }

    /// Adds a fault if `value`, set in the table at `table`, is outside the range.
    pub(super) fn check(&self, value: T, table: &KeyPath, faults: &mut Vec<Fault>) {
        if !self.accepts(value) {
            faults.push(Fault::new(
                table.key(self.key),
                Problem::OutOfRange {
                    value: value.written(),
                    min: self.min.written(),
                    max: self.max.written(),
                },
            ));
        }
    }

    fn current(&self, value: T) -> Current {
        Current { key: self.key, value: value.written(), default: self.default.written() }
    }
}

/// Adds a fault if the first setting of the table at `table` is below the second.
///
/// Says nothing of a value out of range: that has its own fault, and mending it may mend this.
pub(super) fn check_at_least<T: SettingValue>(
    (low, low_value): (Setting<T>, T),
    (high, high_value): (Setting<T>, T),
    table: &KeyPath,
    faults: &mut Vec<Fault>,
) {
    let are_in_range = low.accepts(low_value) && high.accepts(high_value);
    if are_in_range && low_value < high_value {
        faults.push(Fault::between(
            table.key(low.key),
            table.key(high.key),
            Problem::Below { low: low.current(low_value), high: high.current(high_value) },
        ));
    }
}

/// A value that can be ordered and written down.
pub trait SettingValue: Copy + PartialOrd + fmt::Debug {
    /// As a person would write it in a configuration file, without quotes.
    fn written(self) -> String;
}

impl SettingValue for Duration {
    fn written(self) -> String {
        Written(self).to_string()
    }
}

impl SettingValue for ByteSize {
    fn written(self) -> String {
        self.to_string()
    }
}

impl SettingValue for usize {
    fn written(self) -> String {
        self.to_string()
    }
}

impl SettingValue for u32 {
    fn written(self) -> String {
        self.to_string()
    }
}
