//! Text that comes from elsewhere, made fit for a terminal.
//!
//! What a terminal would obey instead of show (control characters), or would show in another order
//! than it is written (marks of direction), is written as Rust writes it: `\u{1b}`.

use serde::Serialize;

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
    fn json_is_the_same_value_without_characters_that_steer() {
        let value = serde_json::json!({ "a\u{9b}": "x\u{1b}[2J\u{7f}\u{202e}ä" });
        let line = json_line(&value);
        assert_eq!(line, "{\"a\\u009b\":\"x\\u001b[2J\\u007f\\u202eä\"}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), value);
    }
}
