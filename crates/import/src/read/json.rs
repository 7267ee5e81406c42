//! JSON with comments, by `jsonc-parser`.

use jsonc_parser::ast::Value as Node;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::Unreadable;
use crate::value::{DEPTH_MAX, Data, Entry, Value};

/// The one value of a text.
pub(crate) fn read_json(text: &str) -> Result<Value, Unreadable> {
    let lines = Lines::new(text);
    let options = ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_missing_commas: false,
        allow_loose_object_property_names: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let parsed = parse_to_ast(text, &CollectOptions::default(), &options)
        .map_err(|error| Unreadable::new(error.line_display(), error.kind().to_string()))?;
    match parsed.value {
        Some(node) => value(&node, &lines, 0),
        None => Err(Unreadable::new(1, "it is empty")),
    }
}

fn value(node: &Node, lines: &Lines, depth: usize) -> Result<Value, Unreadable> {
    let line = lines.line_of(node.start());
    if depth > DEPTH_MAX {
        return Err(Unreadable::too_deep(line));
    }
    let data = match node {
        Node::StringLit(text) => Data::Text(text.value.to_string()),
        Node::NumberLit(number) => Data::Number(number.value.to_owned()),
        Node::BooleanLit(truth) => Data::Bool(truth.value),
        Node::NullKeyword(_) => Data::Null,
        Node::Array(array) => {
            let items = array.elements.iter().map(|it| value(it, lines, depth + 1));
            Data::List(items.collect::<Result<_, _>>()?)
        }
        Node::Object(object) => {
            let entries = object.properties.iter().map(|property| {
                Ok(Entry {
                    line: lines.line_of(property.start()),
                    key: property.name.as_str().to_owned(),
                    value: value(&property.value, lines, depth + 1)?,
                })
            });
            Data::Map(entries.collect::<Result<_, _>>()?)
        }
    };
    Ok(Value::new(line, data))
}

/// Where lines begin, in bytes.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(idx, _)| idx + 1).collect())
    }

    fn line_of(&self, offset: usize) -> usize {
        self.0.partition_point(|start| *start <= offset) + 1
    }
}
