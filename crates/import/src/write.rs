//! A plan as TOML, each line with where it comes from.

use std::fmt::{Display, Write as _};

use super::note::{Note, NoteKind};
use super::plan::{Literal, Origin, Plan, PoolPlan, ServerPlan, Setting};

/// What is written of a plan. `from` says what it was made of: `twemproxy.yml (twemproxy)`.
pub(crate) fn write(plan: &Plan, from: &str) -> String {
    let mut out = Out(String::new());
    out.comment("", &format!("Made by `evenkeel import` from {from}."));
    out.comment(
        "",
        "Every line says where it comes from. `evenkeel check` says whether it is good,",
    );
    out.comment("", "`evenkeel verify-map` whether the keys lie where it will look for them.");
    for kind in NoteKind::ALL {
        out.notes(kind, &plan.notes);
    }
    for listener in &plan.listeners {
        out.table(&format!("[listener.{}]", listener.name));
        if let Some((address, origin)) = &listener.address {
            out.setting("address", &quoted(address), origin);
        }
        out.setting("pool", &quoted(&listener.pool.0), &listener.pool.1);
        out.settings(&listener.settings);
    }
    for route in &plan.routes {
        out.table("[[route]]");
        out.settings(&route.settings);
        out.setting("pool", &quoted(&route.pool), &route.origin);
    }
    plan.pools.iter().for_each(|pool| out.pool(pool));
    if let Some(address) = plan.admin {
        out.line(
            "\n# Evenkeel's own: `evenkeel status` and the other verbs, the page, health, metrics.",
        );
        out.line("[admin]");
        let why = Origin::chosen("chosen: only this machine reaches it");
        out.setting("address", &quoted(&address.to_string()), &why);
    }
    out.0
}

/// The notes of a plan as text for a terminal.
pub(crate) fn summary(notes: &[Note]) -> String {
    let mut text = String::new();
    for kind in NoteKind::ALL {
        let of_kind: Vec<_> = notes.iter().filter(|note| note.kind == kind).collect();
        if of_kind.is_empty() {
            continue;
        }
        writeln!(text, "{}:", kind.heading()).expect(NO_FAILURE);
        for note in of_kind {
            writeln!(text, "  {}", printable(&note.to_string())).expect(NO_FAILURE);
        }
    }
    text
}

struct Out(String);

impl Out {
    fn line(&mut self, line: impl Display) {
        writeln!(self.0, "{line}").expect(NO_FAILURE);
    }

    /// A comment, broken where a screen ends; further lines are indented as the first is marked.
    fn comment(&mut self, mark: &str, text: &str) {
        let text = printable(text);
        let mut line = format!("#{mark}");
        let mut is_empty = true;
        for word in text.split(' ') {
            if !is_empty && line.chars().count() + 1 + word.chars().count() > COLUMNS {
                self.line(&line);
                line = format!("#{:1$}", "", mark.len());
            }
            line.push(' ');
            line.push_str(word);
            is_empty = false;
        }
        self.line(line.trim_end());
    }

    fn notes(&mut self, kind: NoteKind, notes: &[Note]) {
        let mut of_kind = notes.iter().filter(|note| note.kind == kind).peekable();
        if of_kind.peek().is_none() {
            return;
        }
        self.line("#");
        self.comment("", &format!("{}:", kind.heading()));
        for note in of_kind {
            self.comment(" -", &note.to_string());
        }
    }

    fn table(&mut self, head: &str) {
        self.line(format_args!("\n{head}"));
    }

    fn settings(&mut self, settings: &[Setting]) {
        for Setting { key, value, origin } in settings {
            self.setting(key, &literal(value), origin);
        }
    }

    fn setting(&mut self, key: &str, value: &str, origin: &Origin) {
        self.line(format_args!("{key} = {value}  # {}", printable(&origin.to_string())));
    }

    fn pool(&mut self, pool: &PoolPlan) {
        self.line(format_args!("\n# {}", printable(&pool.origin.to_string())));
        self.line(format_args!("[pool.{}]", pool.name));
        self.line("servers = [");
        for server in &pool.servers {
            let origin = printable(&server.origin.to_string());
            self.line(format_args!("  {},  # {origin}", server_text(server)));
        }
        self.line("]");
        self.settings(&pool.settings);
    }
}

fn server_text(server: &ServerPlan) -> String {
    let address = quoted(&server.address.to_string());
    let name = server.name.as_ref().map(|name| format!(", name = {}", quoted(name)));
    let weight = (server.weight != 1).then(|| format!(", weight = {}", server.weight));
    match (name, weight) {
        (None, None) => address,
        (name, weight) => format!(
            "{{ address = {address}{}{} }}",
            name.unwrap_or_default(),
            weight.unwrap_or_default()
        ),
    }
}

fn literal(value: &Literal) -> String {
    match value {
        Literal::Text(text) => quoted(text),
        Literal::Number(number) => number.to_string(),
        Literal::Bool(truth) => truth.to_string(),
        Literal::Words(words) => {
            let words: Vec<_> = words.iter().map(|it| quoted(it)).collect();
            format!("[{}]", words.join(", "))
        }
    }
}

/// A text in TOML's quotes.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for char in text.chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            char if char.is_control() => {
                write!(out, "\\u{:04X}", u32::from(char)).expect(NO_FAILURE);
            }
            char => out.push(char),
        }
    }
    out.push('"');
    out
}

/// Without what would end a comment or steer a terminal.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_control() { out.extend(char.escape_unicode()) } else { out.push(char) }
    }
    out
}

/// How wide comments are.
const COLUMNS: usize = 98;

const NO_FAILURE: &str = "writing to a String does not fail";
