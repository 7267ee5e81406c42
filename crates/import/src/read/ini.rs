//! php.ini and the files of conf.d: `key = value` lines.
//!
//! Our own: what must be known of each setting is its line, and no crate of this size keeps that.
//! A section (`[Session]`) groups lines for people only, unless it is `[PATH=…]` or `[HOST=…]`,
//! which is part of the key here. `;` begins a comment outside quotes, and `#` at a line's start.

use super::Unreadable;
use crate::value::{Data, Entry, Value};

/// All settings, in order.
pub(crate) fn read_ini(text: &str) -> Result<Value, Unreadable> {
    let mut entries = Vec::new();
    let mut section = String::new();
    for (idx, raw) in text.lines().enumerate() {
        let line = idx + 1;
        let trimmed = raw.trim();
        if trimmed.is_empty() || trimmed.starts_with([';', '#']) {
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[') {
            let name = name.split(']').next().unwrap_or_default();
            let is_conditional = ["PATH=", "HOST="].iter().any(|it| name.starts_with(it));
            section = if is_conditional { format!("[{name}] ") } else { String::new() };
            continue;
        }
        let Some((key, value)) = trimmed.split_once('=') else {
            return Err(Unreadable::new(line, "it is neither `key = value` nor `[section]`"));
        };
        let key = format!("{section}{}", key.trim());
        entries.push(Entry { line, key, value: Value::new(line, read_value(value.trim())) });
    }
    Ok(Value::new(1, Data::Map(entries)))
}

fn read_value(text: &str) -> Data {
    for quote in ['"', '\''] {
        if let Some(rest) = text.strip_prefix(quote) {
            let inner = rest.split(quote).next().unwrap_or_default();
            return text_or_dynamic(inner);
        }
    }
    let bare = text.split(';').next().unwrap_or_default().trim();
    if bare.is_empty() { Data::Null } else { text_or_dynamic(bare) }
}

/// PHP puts the value of a variable of the environment for `${NAME}`.
fn text_or_dynamic(text: &str) -> Data {
    if text.contains("${") { Data::Dynamic(text.to_owned()) } else { Data::Text(text.to_owned()) }
}
