//! Python's literals, by tree-sitter: what a `settings.py` assigns.
//!
//! Nothing is run. Texts that are joined (`"a" "b"`, `"a" + "b"`) are one; everything else that is
//! no literal is dynamic.

use tree_sitter::Node;

use super::{Found, Unreadable, parse};
use crate::value::{Call, DEPTH_MAX, Data, Entry, Value};

/// What is done to names that interest us, in order: assigned (`CACHES`, `CACHES["default"]`), or
/// changed otherwise (`CACHES.update`, dynamic).
pub(crate) fn read_python(text: &str, wanted: &str) -> Result<Vec<Found>, Unreadable> {
    let tree = parse(&tree_sitter_python::LANGUAGE.into(), text)?;
    let mut found = Vec::new();
    let mut cursor = tree.walk();
    let mut conditions = Vec::new();
    // A walk without recursion: how deep a program is nested is its author's affair.
    loop {
        let node = cursor.node();
        let entry = entry(node, text, wanted)?;
        let is_leaf = entry.is_some() || node.kind() == "assignment";
        let is_conditional = conditions.last() == Some(&true);
        found.extend(entry.map(|entry| Found { entry, is_conditional }));
        if !is_leaf && cursor.goto_first_child() {
            conditions.push(is_conditional || CONDITIONS.contains(&node.kind()));
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return Ok(found);
            }
            conditions.pop();
        }
    }
}

/// What makes it uncertain that what is within is done, and done once.
const CONDITIONS: [&str; 6] = [
    "if_statement",
    "try_statement",
    "for_statement",
    "while_statement",
    "match_statement",
    "function_definition",
];

/// The methods that change a dictionary.
const CHANGES: [&str; 5] = [".update", ".setdefault", ".pop", ".popitem", ".clear"];

fn entry(node: Node, text: &str, wanted: &str) -> Result<Option<Entry>, Unreadable> {
    let line = line_of(node);
    let is_wanted = |it: &&str| {
        let rest = it.strip_prefix(wanted);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '.']))
    };
    let field = |name| node.child_by_field_name(name).map(|it| source(it, text)).filter(is_wanted);
    let changed = match node.kind() {
        "assignment" => {
            let right = node.child_by_field_name("right");
            let (Some(key), Some(right)) = (field("left"), right) else { return Ok(None) };
            if right.has_error() {
                let why = format!("what is assigned to {key} is not Python");
                return Err(Unreadable::new(line, why));
            }
            let value = value(right, text, 0)?;
            return Ok(Some(Entry { line, key: key.to_owned(), value }));
        }
        "augmented_assignment" => field("left").map(|it| format!("{it} |=")),
        "call" => {
            let name = field("function");
            let name = name.filter(|it| CHANGES.iter().any(|change| it.ends_with(change)));
            name.map(str::to_owned)
        }
        "delete_statement" => {
            let target = node.named_child(0).map(|it| source(it, text)).filter(is_wanted);
            target.map(|it| format!("del {it}"))
        }
        _ => None,
    };
    let value = || Value::new(line, Data::Dynamic(source(node, text).to_owned()));
    Ok(changed.map(|key| Entry { line, key, value: value() }))
}

fn value(node: Node, text: &str, depth: usize) -> Result<Value, Unreadable> {
    let line = line_of(node);
    if depth > DEPTH_MAX {
        return Err(Unreadable::too_deep(line));
    }
    let data = match node.kind() {
        "string" => string(node, text),
        "concatenated_string" | "binary_operator" => joined(node, text, depth)?,
        "integer" | "float" | "unary_operator" => Data::Number(source(node, text).to_owned()),
        "true" => Data::Bool(true),
        "false" => Data::Bool(false),
        "none" => Data::Null,
        "list" | "tuple" | "set" => Data::List(items(node, text, depth)?),
        "parenthesized_expression" => match children(node).first() {
            Some(inner) => return value(*inner, text, depth + 1),
            None => Data::Null,
        },
        "dictionary" => Data::Map(entries(node, text, depth)?),
        "call" => call(node, text, depth)?,
        _ => Data::Dynamic(source(node, text).to_owned()),
    };
    Ok(Value::new(line, data))
}

fn items(node: Node, text: &str, depth: usize) -> Result<Vec<Value>, Unreadable> {
    children(node).into_iter().map(|it| value(it, text, depth + 1)).collect()
}

fn entries(node: Node, text: &str, depth: usize) -> Result<Vec<Entry>, Unreadable> {
    let mut entries = Vec::new();
    for child in children(node) {
        let line = line_of(child);
        let of = child.child_by_field_name("value").filter(|_| child.kind() == "pair");
        let (key, of) = if let Some(of) = of {
            let key = child.child_by_field_name("key").map(|key| value(key, text, depth + 1));
            let key = key.transpose()?.map(|key| key.shown()).unwrap_or_default();
            (key, value(of, text, depth + 1)?)
        } else {
            // `**OTHERS`: what is in there is not here.
            let source = source(child, text);
            (source.to_owned(), Value::new(line, Data::Dynamic(source.to_owned())))
        };
        entries.push(Entry { line, key, value: of });
    }
    Ok(entries)
}

/// `dict(a=1)` is a dictionary; every other call is dynamic.
fn call(node: Node, text: &str, depth: usize) -> Result<Data, Unreadable> {
    let name = node.child_by_field_name("function").map_or("", |it| source(it, text));
    let arguments = node.child_by_field_name("arguments").map(children).unwrap_or_default();
    let is_named = |it: &Node| it.kind() == "keyword_argument";
    if name == "dict" && arguments.iter().all(is_named) {
        let entries = arguments.into_iter().map(|it| {
            let key = it.child_by_field_name("name").map_or("", |key| source(key, text));
            let of = it.child_by_field_name("value").unwrap_or(it);
            let value = value(of, text, depth + 1)?;
            Ok(Entry { line: line_of(it), key: key.to_owned(), value })
        });
        return Ok(Data::Map(entries.collect::<Result<_, _>>()?));
    }
    let names_class = arguments.is_empty() && !name.contains("environ") && !name.contains("getenv");
    if names_class {
        return Ok(Data::Call(Call { name: name.to_owned(), arguments: Vec::new() }));
    }
    Ok(Data::Dynamic(source(node, text).to_owned()))
}

fn string(node: Node, text: &str) -> Data {
    let source = source(node, text);
    let prefix: String = source.chars().take_while(char::is_ascii_alphabetic).collect();
    let prefix = prefix.to_ascii_lowercase();
    let is_formatted = children(node).iter().any(|it| it.kind() == "interpolation");
    if is_formatted {
        return Data::Dynamic(source.to_owned());
    }
    let quoted = &source[prefix.len()..];
    let inner = ["\"\"\"", "'''", "\"", "'"]
        .into_iter()
        .find_map(|quote| quoted.strip_prefix(quote).and_then(|it| it.strip_suffix(quote)));
    let inner = inner.unwrap_or(quoted);
    let is_raw = prefix.contains('r');
    Data::Text(if is_raw { inner.to_owned() } else { unescape(inner) })
}

/// The escapes that a name or an address might have; an unknown one stays, as in Python.
pub(super) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            out.push(char);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('0') => out.push('\0'),
            Some('\n') => {}
            Some(same @ ('\\' | '\'' | '"')) => out.push(same),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}

fn joined(node: Node, text: &str, depth: usize) -> Result<Data, Unreadable> {
    let is_sum = node.child_by_field_name("operator").is_none_or(|it| it.kind() == "+");
    let parts = items(node, text, depth)?;
    let texts: Option<Vec<_>> = parts.iter().map(Value::as_text).collect();
    match texts {
        Some(texts) if is_sum => Ok(Data::Text(texts.concat())),
        _ => Ok(Data::Dynamic(source(node, text).to_owned())),
    }
}

fn children(node: Node) -> Vec<Node> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|it| it.kind() != "comment").collect()
}

fn source<'t>(node: Node, text: &'t str) -> &'t str {
    text.get(node.byte_range()).unwrap_or_default()
}

fn line_of(node: Node) -> usize {
    node.start_position().row + 1
}
