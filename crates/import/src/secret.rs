//! What a source says and no note, comment or error repeats: passwords, and what may be one.
//!
//! Three things are hidden, each as `…`: what is before an `@`, the value of what is called a
//! password or a token, and the texts within an expression that only its program can compute.

/// A text as it may be quoted.
pub(crate) fn without_secrets(text: &str) -> String {
    without_named(&without_credentials(text))
}

/// An expression as it may be quoted: of its texts only names of variables and servers are left.
pub(crate) fn without_texts(expression: &str) -> String {
    let mut out = String::with_capacity(expression.len());
    let mut rest = expression;
    while let Some(start) = rest.find(['"', '\'']) {
        let quote = char::from(rest.as_bytes()[start]);
        let (before, from) = rest.split_at(start + 1);
        out.push_str(before);
        let len = end_of_text(from, quote);
        let text = &from[..len];
        let is_plain = !text.chars().any(char::is_alphanumeric);
        let is_key = before.trim_end_matches(quote).ends_with(['(', '[']);
        let is_told = is_plain || (is_key && is_variable(text)) || is_servers(text);
        out.push_str(if is_told { text } else { "…" });
        rest = &from[len..];
        if rest.starts_with(quote) {
            out.push(quote);
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    out
}

/// Where a quoted text ends, in bytes.
fn end_of_text(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, char) in text.char_indices() {
        if char == quote && !is_escaped {
            return at;
        }
        is_escaped = char == '\\' && !is_escaped;
    }
    text.len()
}

/// Whether a text is called as variables of an environment are.
fn is_variable(text: &str) -> bool {
    text.chars().all(|char| char.is_ascii_uppercase() || char.is_ascii_digit() || char == '_')
}

/// Whether a text is `host:port`, or several of them.
fn is_servers(text: &str) -> bool {
    text.split(',').all(|server| {
        let Some((host, port)) = server.split_once(':') else { return false };
        let is_host = |char: char| char.is_ascii_alphanumeric() || ".-".contains(char);
        (host == "localhost" || host.contains('.'))
            && host.chars().all(is_host)
            && port.parse::<u16>().is_ok()
    })
}

/// `user:password@` is `…@`, wherever it stands.
fn without_credentials(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut pieces = text.split('@').peekable();
    while let Some(piece) = pieces.next() {
        let ends = |char: char| char.is_whitespace() || "\"',;(".contains(char);
        let start = piece.char_indices().rev().find(|(_, char)| ends(*char));
        let start = start.map_or(0, |(at, char)| at + char.len_utf8());
        // Behind a scheme a password may have commas.
        let scheme = piece.rfind("://").map(|at| at + "://".len());
        let is_whole = |at: &usize| !piece[*at..].contains(|it: char| it.is_whitespace());
        let start = scheme.filter(is_whole).map_or(start, |at| at.min(start));
        let (before, word) = piece.split_at(start);
        if pieces.peek().is_none() {
            out.push_str(piece);
        } else if word.contains(':') || before.ends_with("://") {
            out.extend([before.trim_end_matches(URL_WORD), "…@"]);
        } else {
            out.extend([piece, "@"]);
        }
    }
    out
}

/// What a scheme is made of.
const URL_WORD: fn(char) -> bool = |char| char.is_ascii_alphanumeric() || ":/+-".contains(char);

/// `password=x`, `"auth_token": "x"` and `fetch("SECRET", "x")` are without their `x`.
fn without_named(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    while let Some(at) = SECRETS.iter().filter_map(|it| find(&lower, it, done)).min() {
        let value = value_after(text, at);
        out.push_str(&text[done..value.0]);
        if value.0 < value.1 {
            out.push('…');
        }
        done = value.1;
    }
    out.push_str(&text[done..]);
    out
}

/// Where the word ends that begins at or after `from` and has this in it.
fn find(lower: &str, word: &str, from: usize) -> Option<usize> {
    let at = from + lower[from..].find(word)? + word.len();
    let rest = &lower[at..];
    let is_name = |char: char| char.is_ascii_alphanumeric() || char == '_';
    Some(at + rest.find(|char| !is_name(char)).unwrap_or(rest.len()))
}

/// From where to where the value of a name stands that ends at `at`; nothing if it has none.
fn value_after(text: &str, at: usize) -> (usize, usize) {
    let rest = &text[at..];
    let value = rest.trim_start_matches(|char: char| char.is_whitespace() || "\"']".contains(char));
    let separated = value.trim_start_matches(['=', ':', ',', '>']);
    if separated.len() == value.len() {
        return (at, at);
    }
    let value = separated.trim_start();
    let (skip, ends): (usize, &[char]) = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => (1, if quote == '"' { &['"'] } else { &['\''] }),
        _ => (0, &[' ', '\t', '\n', '\r', ',', ';', '&', ')', ']', '}', '"', '\'']),
    };
    let start = text.len() - value.len() + skip;
    let len = text[start..].find(ends).unwrap_or(text.len() - start);
    (start, start + len)
}

/// What names of secrets have in them.
const SECRETS: [&str; 6] = ["passw", "passphrase", "pwd", "secret", "token", "auth"];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, told: &str) {
        assert_eq!(without_secrets(text), told);
    }

    #[test]
    fn what_is_before_an_at_is_hidden() {
        check("memcached://shop:hunter2@10.0.0.1:11211", "…@10.0.0.1:11211");
        check("memcached://shop:hun,ter2@10.0.0.1", "…@10.0.0.1");
        check("memcached://hunter2@10.0.0.1", "…@10.0.0.1");
        check("10.0.0.1:1,mc://shop:hunter2@10.0.0.2:2", "10.0.0.1:1,…@10.0.0.2:2");
        check("a:b@c,d:e@f", "…@c,…@f");
        check("someone@example", "someone@example");
        check("a\u{2028}b:c@d", "a\u{2028}…@d");
    }

    #[test]
    fn the_value_of_what_is_called_a_password_is_hidden() {
        check("tcp://10.0.0.1?auth=hunter2&weight=1", "tcp://10.0.0.1?auth=…&weight=1");
        check("--SERVER=a --PASSWORD=hunter2", "--SERVER=a --PASSWORD=…");
        check("make(password=\"hunter2 x\", a=1)", "make(password=\"…\", a=1)");
        check("{'auth_token': 'hunter2'}", "{'auth_token': '…'}");
        check(":password => \"hunter2\"", ":password => \"…\"");
        check("fetch(\"SECRET_KEY\", \"hunter2\")", "fetch(\"SECRET_KEY\", \"…\")");
        check("ENV[\"MEMCACHE_PASSWORD\"]", "ENV[\"MEMCACHE_PASSWORD\"]");
        check("password", "password");
        check("password=", "password=");
        check("passwörd ä token=ä", "passwörd ä token=…");
    }

    #[test]
    fn of_an_expression_the_names_of_variables_and_servers_are_left() {
        let check = |text, told| assert_eq!(without_texts(text), told);
        check("os.environ[\"CACHE_URL\"]", "os.environ[\"CACHE_URL\"]");
        check("get('URL', 'hunter2').split(',')", "get('URL', '…').split(',')");
        check("make(\"shop\", \"HUNTER2\")", "make(\"…\", \"…\")");
        check("f\"{HOST}:1\" + \"it\\\"s\"", "f\"…\" + \"…\"");
        check("a or '10.0.0.1:1,localhost:2'", "a or '10.0.0.1:1,localhost:2'");
        check("it's never closed", "it'…");
        check("…", "…");
    }
}
