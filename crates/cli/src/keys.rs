//! Which keys go to which pool by the routes of a running proxy, in words.

use std::collections::BTreeMap;

use evenkeel_api::{Listener, PrefixRoute};

use crate::failure::count;
use crate::paper::{Paper, Side, Table};

/// One route, and the listeners for whose sessions it counts as it stands.
struct Rule<'a> {
    route: &'a PrefixRoute,
    listeners: Vec<&'a str>,
}

impl Rule<'_> {
    /// What it is for; nothing if that is everything.
    fn operations(&self) -> Option<String> {
        let PrefixRoute { operations, .. } = self.route;
        (operations.len() < OPERATIONS_LEN).then(|| operations.join(", "))
    }

    /// The prefix, as it is read.
    fn prefix(&self) -> String {
        format!("\"{}\"", self.route.prefix)
    }
}

/// The table of all routes, lines; none if there is no route.
pub(crate) fn table(listeners: &[Listener], paper: Paper) -> Vec<String> {
    let rules = rules(listeners);
    let mut table = Table::new(&COLUMNS);
    for rule in rules.iter().take(ROUTES_SHOWN_MAX) {
        let is_for_all = rule.listeners.len() == listeners.len();
        let listener = if is_for_all { "all".to_owned() } else { rule.listeners.join(", ") };
        table.push(vec![
            rule.prefix().into(),
            rule.route.pool.clone().into(),
            rule.operations().unwrap_or_else(|| "all".to_owned()).into(),
            if rule.route.strip_prefix { "stripped" } else { "kept" }.to_owned().into(),
            listener.into(),
        ]);
    }
    if rules.is_empty() {
        return Vec::new();
    }
    let mut lines = table.lines(paper);
    if let Some(left @ 1..) = rules.len().checked_sub(ROUTES_SHOWN_MAX) {
        lines.push(format!("and {}; --json has all of them", count(left, "more route")));
    }
    lines
}

/// Which keys lead to a pool; nothing where there is no route.
pub(crate) fn of_pool(listeners: &[Listener], pool: &str) -> Option<String> {
    let rules = rules(listeners);
    let routed: Vec<_> = rules.iter().filter(|it| it.route.pool == pool).collect();
    let word = |rule: &&Rule<'_>| match rule.operations() {
        Some(operations) => format!("{} ({operations})", rule.prefix()),
        None => rule.prefix(),
    };
    let mut words: Vec<_> = routed.iter().take(KEYS_SHOWN_MAX).map(word).collect();
    if let Some(left @ 1..) = routed.len().checked_sub(KEYS_SHOWN_MAX) {
        words.push(count(left, "more route"));
    }
    let own = listeners.iter().filter(|it| it.pool == pool).map(|it| it.name.as_str());
    let own: Vec<_> = own.collect();
    match own.len() {
        0 => {}
        len if len == listeners.len() => words.push("every other key".to_owned()),
        _ => words.push(format!("every other key of {}", own.join(", "))),
    }
    let is_told = !rules.is_empty() && !words.is_empty();
    is_told.then(|| format!("keys: {}", words.join(", ")))
}

/// The routes in the order of their prefixes, each once.
fn rules(listeners: &[Listener]) -> Vec<Rule<'_>> {
    let mut rules: BTreeMap<_, Rule<'_>> = BTreeMap::new();
    for listener in listeners {
        for route in &listener.routes {
            let PrefixRoute { prefix, pool, strip_prefix, operations } = route;
            let rule = rules.entry((prefix, pool, strip_prefix, operations));
            let rule = rule.or_insert_with(|| Rule { route, listeners: Vec::new() });
            rule.listeners.push(&listener.name);
        }
    }
    rules.into_values().collect()
}

const COLUMNS: [(&str, Side); 5] = [
    ("route", Side::Left),
    ("pool", Side::Left),
    ("for", Side::Left),
    ("prefix", Side::Left),
    ("listener", Side::Left),
];

/// As many operations as a route may be for.
const OPERATIONS_LEN: usize = 5;
/// More are no help to somebody who looks for one.
const ROUTES_SHOWN_MAX: usize = 100;
const KEYS_SHOWN_MAX: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    fn route(prefix: &str, pool: &str, operations: &[&str]) -> PrefixRoute {
        PrefixRoute {
            prefix: prefix.to_owned(),
            pool: pool.to_owned(),
            strip_prefix: prefix.starts_with('/'),
            operations: operations.iter().map(|&it| it.to_owned()).collect(),
        }
    }

    fn listener(name: &str, routes: Vec<PrefixRoute>) -> Listener {
        let (name, pool) = (name.to_owned(), "main".to_owned());
        Listener { name, address: "127.0.0.1:11311".to_owned(), pool, routes }
    }

    const ALL: [&str; OPERATIONS_LEN] = ["get", "set", "delete", "touch", "arithmetic"];

    #[test]
    fn a_route_is_told_once_with_what_is_not_plain_of_it() {
        let user = || route("user:", "users", &ALL);
        let listeners = [
            listener("main", vec![user(), route("/east/", "users", &["get", "set"])]),
            listener("other", vec![user()]),
        ];
        assert_eq!(
            table(&listeners, Paper::plain(None)),
            [
                "route     pool   for       prefix    listener",
                "\"/east/\"  users  get, set  stripped  main",
                "\"user:\"   users  all       kept      all",
            ]
        );
        let of = |pool| of_pool(&listeners, pool);
        assert_eq!(of("users").as_deref(), Some("keys: \"/east/\" (get, set), \"user:\""));
        assert_eq!(of("main").as_deref(), Some("keys: every other key"));
        assert_eq!(of("spare"), None);
    }

    #[test]
    fn without_routes_nothing_is_told() {
        let listeners = [listener("main", Vec::new())];
        assert_eq!(
            (table(&listeners, Paper::plain(None)).len(), of_pool(&listeners, "main")),
            (0, None)
        );
    }

    #[test]
    fn many_long_prefixes_fit_a_narrow_terminal_and_say_how_many_there_are() {
        let long = |idx| route(&format!("{idx:05}{}", "p".repeat(200)), "users", &ALL);
        let listeners = [listener("main", (0..10_000).map(long).collect())];
        let lines = table(&listeners, Paper::plain(Some(80)));
        assert_eq!(lines.len(), 1 + ROUTES_SHOWN_MAX + 1);
        assert_eq!(lines[101], "and 9900 more routes; --json has all of them");
        for line in lines {
            assert!(crate::text::width(&line) <= 80, "{line}");
        }
        let keys = of_pool(&listeners, "users").expect("routes lead there");
        assert!(keys.ends_with("\", 9994 more routes"), "{keys}");
    }
}
