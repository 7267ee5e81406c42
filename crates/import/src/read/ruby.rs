//! Ruby's literals, by tree-sitter: which stores and clients a program names.
//!
//! Nothing is run. What is no literal is dynamic.

use tree_sitter::Node;

use super::python::unescape;
use super::{Found, Unreadable, parse};
use crate::value::{Call, DEPTH_MAX, Data, Entry, Value};

/// The assignments to `….cache_store` and `….session_store`, and the calls that make a client or
/// a store, in order. Each is a call or a value.
pub(crate) fn read_ruby(text: &str) -> Result<Vec<Found>, Unreadable> {
    let tree = parse(&tree_sitter_ruby::LANGUAGE.into(), text)?;
    let mut found = Vec::new();
    let mut cursor = tree.walk();
    let mut conditions = Vec::new();
    loop {
        let node = cursor.node();
        let entry = entry(node, text)?;
        let is_found = entry.is_some();
        let is_conditional = conditions.last() == Some(&true);
        found.extend(entry.map(|entry| Found { entry, is_conditional }));
        if !is_found && cursor.goto_first_child() {
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
const CONDITIONS: [&str; 8] =
    ["if", "unless", "case", "if_modifier", "unless_modifier", "while", "rescue", "method"];

fn entry(node: Node, text: &str) -> Result<Option<Entry>, Unreadable> {
    let line = line_of(node);
    match node.kind() {
        "assignment" => {
            let left = node.child_by_field_name("left").map_or("", |it| source(it, text));
            let is_store = left == "config.cache_store" || left.ends_with(".cache_store");
            let Some(right) = node.child_by_field_name("right").filter(|_| is_store) else {
                return Ok(None);
            };
            checked(right, left)?;
            let value = value(right, text, 0)?;
            Ok(Some(Entry { line, key: left.to_owned(), value }))
        }
        "call" => {
            let name = call_name(node, text);
            let is_store = name.ends_with(".session_store")
                || name.ends_with("Dalli::Client.new")
                || name.ends_with("MemCacheStore.new")
                || name.ends_with("Cache.lookup_store");
            if !is_store {
                return Ok(None);
            }
            checked(node, &name)?;
            let value = value(node, text, 0)?;
            Ok(Some(Entry { line, key: name, value }))
        }
        _ => Ok(None),
    }
}

fn checked(node: Node, what: &str) -> Result<(), Unreadable> {
    if node.has_error() {
        return Err(Unreadable::new(line_of(node), format!("what {what} is given is not Ruby")));
    }
    Ok(())
}

fn value(node: Node, text: &str, depth: usize) -> Result<Value, Unreadable> {
    let line = line_of(node);
    if depth > DEPTH_MAX {
        return Err(Unreadable::too_deep(line));
    }
    let whole = source(node, text);
    let data = match node.kind() {
        "string" | "chained_string" => string(node, text),
        "simple_symbol" => Data::Text(whole.trim_start_matches(':').to_owned()),
        "string_array" => {
            let items = children(node).into_iter();
            Data::List(items.map(|it| Value::text(line_of(it), source(it, text))).collect())
        }
        "integer" | "float" | "unary" => Data::Number(whole.to_owned()),
        "true" => Data::Bool(true),
        "false" => Data::Bool(false),
        "nil" => Data::Null,
        "array" | "right_assignment_list" => Data::List(items(node, text, depth)?),
        "hash" => Data::Map(pairs(&children(node), text, depth)?),
        "call" => call(node, text, depth)?,
        _ => Data::Dynamic(whole.to_owned()),
    };
    Ok(Value::new(line, data))
}

/// The elements of a list; what has keys and no braces is one map at its end.
fn items(node: Node, text: &str, depth: usize) -> Result<Vec<Value>, Unreadable> {
    let (named, plain): (Vec<_>, Vec<_>) = children(node)
        .into_iter()
        .partition(|it| matches!(it.kind(), "pair" | "hash_splat_argument"));
    let mut items = Vec::new();
    for it in plain {
        items.push(value(it, text, depth + 1)?);
    }
    if let Some(first) = named.first() {
        let map = Data::Map(pairs(&named, text, depth)?);
        items.push(Value::new(line_of(*first), map));
    }
    Ok(items)
}

fn pairs(parts: &[Node], text: &str, depth: usize) -> Result<Vec<Entry>, Unreadable> {
    let mut entries = Vec::new();
    for &node in parts {
        let line = line_of(node);
        let key = node.child_by_field_name("key");
        let (Some(key), Some(of)) = (key, node.child_by_field_name("value")) else {
            let source = source(node, text).to_owned();
            let value = Value::new(line, Data::Dynamic(source.clone()));
            entries.push(Entry { line, key: source, value });
            continue;
        };
        let key = match key.kind() {
            "string" => string(key, text),
            _ => Data::Text(source(key, text).trim_matches(':').to_owned()),
        };
        let key = Value::new(line, key).shown();
        entries.push(Entry { line, key, value: value(of, text, depth + 1)? });
    }
    Ok(entries)
}

/// Calls of the clients and stores are kept; a time is counted (`1.hour`); others are dynamic.
fn call(node: Node, text: &str, depth: usize) -> Result<Data, Unreadable> {
    let name = call_name(node, text);
    let is_store = name.rsplit('.').next() == Some("new")
        || name.ends_with(".session_store")
        || name.ends_with("Cache.lookup_store");
    if !is_store || name.contains("ENV") {
        return Ok(Data::Dynamic(source(node, text).to_owned()));
    }
    let arguments = node.child_by_field_name("arguments");
    let arguments = arguments.map(|it| items(it, text, depth)).transpose()?.unwrap_or_default();
    Ok(Data::Call(Call { name, arguments }))
}

fn call_name(node: Node, text: &str) -> String {
    let receiver = node.child_by_field_name("receiver").map_or("", |it| source(it, text));
    let method = node.child_by_field_name("method").map_or("", |it| source(it, text));
    if receiver.len() > 200 { method.to_owned() } else { format!("{receiver}.{method}") }
}

fn string(node: Node, text: &str) -> Data {
    let whole = source(node, text);
    let mut parts = String::new();
    let mut todo = vec![node];
    while let Some(node) = todo.pop() {
        match node.kind() {
            "interpolation" => return Data::Dynamic(whole.to_owned()),
            "string_content" => parts.push_str(source(node, text)),
            "escape_sequence" => parts.push_str(&unescape(source(node, text))),
            _ => todo.extend(children(node).into_iter().rev()),
        }
    }
    Data::Text(parts)
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
