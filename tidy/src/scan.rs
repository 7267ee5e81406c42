//! A look at Rust source that knows comments, literals and braces, and nothing more.

/// A function in a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The line of its `fn`, from 1.
    pub line: usize,
    /// Lines from its `fn` to its closing brace, both included.
    pub lines: usize,
}

/// Replaces what is inside comments and literals by blanks; line ends stay where they are.
pub fn without_literals(source: &str) -> String {
    let mut blanker = Blanker { rest: source, out: String::with_capacity(source.len()) };
    while !blanker.rest.is_empty() {
        blanker.step();
    }
    blanker.out
}

/// Every function of `source` that has a body, in the order of their `fn`.
pub fn functions(source: &str) -> Vec<Function> {
    let code = without_literals(source);
    let mut found = Vec::new();
    for (start, _) in code.match_indices("fn ") {
        let is_word = !code[..start].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let after = &code[start + 3..];
        let name: String = after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if !is_word || name.is_empty() {
            continue;
        }
        if let Some(len) = body_end(after) {
            let line = 1 + count_lines(&code[..start]);
            found.push(Function { name, line, lines: 1 + count_lines(&after[..len]) });
        }
    }
    found
}

/// Lines of `source` before its `mod tests`, or all when it has none.
pub fn lines_without_tests(source: &str) -> usize {
    let tests = without_literals(source).find("#[cfg(test)]\nmod tests {");
    source[..tests.unwrap_or(source.len())].lines().count()
}

/// The words of `text` in lower case, each with its line: identifiers are split at `_` and at
/// a change of case, so `deadHost` and `dead_host` are both `dead` and `host`.
pub fn words(text: &str) -> impl Iterator<Item = (usize, String)> {
    text.lines().enumerate().flat_map(|(idx, line)| {
        split_words(line).into_iter().map(move |word| (idx + 1, word.to_lowercase()))
    })
}

fn split_words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = None;
    let mut previous = ' ';
    for (idx, c) in line.char_indices() {
        let is_letter = c.is_alphabetic();
        let begins_hump = previous.is_lowercase() && c.is_uppercase();
        if let Some(begin) = start.filter(|_| !is_letter || begins_hump) {
            words.push(&line[begin..idx]);
            start = None;
        }
        if is_letter && start.is_none() {
            start = Some(idx);
        }
        previous = c;
    }
    words.extend(start.map(|begin| &line[begin..]));
    words
}

/// Where the body that follows a function's signature ends, or nothing for one without a body.
fn body_end(after_fn: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut brackets = 0_usize;
    for (idx, c) in after_fn.char_indices() {
        match c {
            '[' | '(' => brackets += 1,
            ']' | ')' => brackets = brackets.saturating_sub(1),
            ';' if depth == 0 && brackets == 0 => return None,
            '{' => depth += 1,
            '}' => depth = depth.checked_sub(1)?,
            _ => continue,
        }
        if c == '}' && depth == 0 {
            return Some(idx);
        }
    }
    None
}

fn count_lines(code: &str) -> usize {
    code.bytes().filter(|byte| *byte == b'\n').count()
}

struct Blanker<'a> {
    rest: &'a str,
    out: String,
}

impl Blanker<'_> {
    fn step(&mut self) {
        if self.rest.starts_with("//") {
            let len = self.rest.find('\n').unwrap_or(self.rest.len());
            self.blank(len);
        } else if self.rest.starts_with("/*") {
            self.blank(block_comment_len(self.rest));
        } else if let Some(len) = raw_string_len(self.rest).filter(|_| !self.is_in_word()) {
            self.blank(len);
        } else if self.rest.starts_with('"') {
            self.blank(quoted_len(self.rest, '"'));
        } else if let Some(len) = char_literal_len(self.rest) {
            self.blank(len);
        } else {
            let len = self.rest.chars().next().map_or(0, char::len_utf8);
            self.out.push_str(&self.rest[..len]);
            self.rest = &self.rest[len..];
        }
    }

    fn blank(&mut self, len: usize) {
        let (blanked, rest) = self.rest.split_at(len);
        self.out.extend(blanked.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        self.rest = rest;
    }

    fn is_in_word(&self) -> bool {
        self.out.ends_with(|c: char| c.is_alphanumeric() || c == '_')
    }
}

fn block_comment_len(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut idx = 0;
    while idx < text.len() {
        if text[idx..].starts_with("/*") {
            depth += 1;
            idx += 2;
        } else if text[idx..].starts_with("*/") {
            depth -= 1;
            idx += 2;
        } else {
            idx += text[idx..].chars().next().map_or(1, char::len_utf8);
        }
        if depth == 0 {
            break;
        }
    }
    idx
}

/// The length of a raw string literal (`r"…"`, `br#"…"#`) at the start of `text`.
fn raw_string_len(text: &str) -> Option<usize> {
    let after_r = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = after_r.len() - after_r.trim_start_matches('#').len();
    let body = after_r[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let end = body.find(&close).map_or(body.len(), |at| at + close.len());
    Some(text.len() - body.len() + end)
}

/// The length of a literal that opens `text` with `quote` and may hold escapes.
fn quoted_len(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (idx, c) in text.char_indices().skip(1) {
        if c == quote && !is_escaped {
            return idx + c.len_utf8();
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    text.len()
}

/// The length of a character literal at the start of `text`; a lifetime is none.
fn char_literal_len(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('\'')?;
    let first = inner.chars().next()?;
    let closes = inner[first.len_utf8()..].starts_with('\'');
    (first == '\\' || closes).then(|| quoted_len(text, '\''))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_blanked(source: &str, expected: &str) {
        assert_eq!(without_literals(source), expected);
    }

    #[test]
    fn comments_and_literals_are_blanked() {
        check_blanked("a // }\nb", "a     \nb");
        check_blanked("a /* { /* { */ */ b", "a                 b");
        check_blanked(r#"f("}\"{") g"#, "f(      ) g");
        check_blanked(r##"f(r#"} " {"#) g"##, "f(          ) g");
        check_blanked(r"match '{' { '\'' => '\u{7d}' }", "match     {      =>          }");
    }

    #[test]
    fn lifetimes_and_names_that_end_in_r_are_left_alone() {
        check_blanked("fn f<'a>(x: &'a u8) {}", "fn f<'a>(x: &'a u8) {}");
        check_blanked("for r in x { r }", "for r in x { r }");
    }

    #[test]
    fn a_function_reaches_from_its_name_to_its_closing_brace() {
        let source =
            "trait T {\n    fn none(&self) -> [u8; 2];\n}\nfn two() {\n    a(|| { 1 });\n}\n";
        let expected = [Function { name: "two".to_owned(), line: 4, lines: 3 }];
        assert_eq!(functions(source), expected);
    }

    #[test]
    fn a_nested_function_counts_for_itself_and_for_the_outer_one() {
        let found = functions("fn outer() {\n    fn inner() {}\n}\n");
        let lines: Vec<usize> = found.iter().map(|function| function.lines).collect();
        assert_eq!(lines, [3, 1]);
    }

    #[test]
    fn the_tests_module_does_not_count_as_code() {
        assert_eq!(lines_without_tests("a\nb\n#[cfg(test)]\nmod tests {\n}\n"), 2);
        assert_eq!(lines_without_tests("a\nb\n"), 2);
    }

    #[test]
    fn identifiers_are_split_into_words() {
        let found: Vec<_> = words("a deadHost\nAUTO_EJECT_hosts2").collect();
        let expected =
            [(1, "a"), (1, "dead"), (1, "host"), (2, "auto"), (2, "eject"), (2, "hosts")];
        assert_eq!(found, expected.map(|(line, word)| (line, word.to_owned())));
    }
}
