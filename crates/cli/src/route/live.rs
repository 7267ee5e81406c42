//! `evenkeel route --live`: where keys go at this moment, as a running proxy says it.

use std::io::{self, BufWriter, Write};

use evenkeel_api::{MisplacedKey, Route, RouteServer};

use crate::admin::Admin;
use crate::failure::Failure;
use crate::text::json_line;

use super::{words_of_operations, words_of_route};

/// Prints for each key where it goes now, and why. `by` has what else to ask by.
pub(super) fn route(
    admin: &Admin,
    by: &[(&str, &str)],
    keys: &[Vec<u8>],
    is_json: bool,
) -> Result<(), Failure> {
    let keys: Vec<_> = keys.iter().map(|key| text_of(key)).collect::<Result<_, _>>()?;
    let mut output = BufWriter::new(io::stdout().lock());
    for key in keys {
        let route = admin.route(by, key)?;
        if is_json {
            writeln!(output, "{}", json_line(&route))?;
        } else {
            output.write_all(sheet(&route).as_bytes())?;
        }
    }
    output.flush()?;
    Ok(())
}

fn text_of(key: &[u8]) -> Result<&str, Failure> {
    str::from_utf8(key).map_err(|_| {
        Failure::Usage(format!(
            "the key {:?} is not UTF-8; a running proxy can be asked about text only",
            String::from_utf8_lossy(key)
        ))
    })
}

/// One key's route, for people.
fn sheet(route: &Route) -> String {
    let reads = route.reads_go_to.as_deref().unwrap_or("nowhere: they are misses at once");
    let writes = route.writes_go_to.as_deref().unwrap_or("nowhere: they fail");
    let order: Vec<_> = route.order.iter().map(|server| in_order(route, server)).collect();
    let routed = route
        .prefix
        .as_ref()
        .map(|prefix| ("route", words_of_route(prefix, &route.pool, route.sent_as.as_deref())));
    let operations = &route.operations;
    let is_for = |names: &[&str]| {
        operations.is_empty() || operations.iter().any(|it| names.contains(&it.as_str()))
    };
    let only = (!operations.is_empty()).then(|| ("for", words_of_operations(operations)));
    let reads = is_for(&["get", "touch"]).then(|| ("reads", reads.to_owned()));
    let writes = is_for(&WRITES).then(|| ("writes", writes.to_owned()));
    let lines = [("why", route.reason.clone()), ("order", order.join(", "))];
    let head = routed.into_iter().chain(only).chain([("home", route.home.clone())]);
    let lines = head.chain(reads).chain(writes).chain(lines);
    let lines = lines.chain(route.misplaced.iter().map(misplaced));
    let lines = lines.map(|(what, text)| format!("  {what:<9}  {text}\n"));
    lines.fold(format!("{}\n", route.key), |sheet, line| sheet + &line)
}

fn in_order(route: &Route, server: &RouteServer) -> String {
    let RouteServer { server, pool, state, is_usable } = server;
    let pool = if *pool == route.pool { String::new() } else { format!("{pool}/") };
    let not = if *is_usable { "" } else { ", not for this key" };
    let not = if state == "down" || state == "drained" { "" } else { not };
    format!("{pool}{server} ({state}{not})")
}

fn misplaced(key: &MisplacedKey) -> (&'static str, String) {
    let holder = match &key.holder {
        Some(holder) => format!("its last write is at {holder}"),
        None => "no server has its last write".to_owned(),
    };
    let stale = match key.stale.as_slice() {
        [] => String::new(),
        stale => format!("; {} may hold an old value", stale.join(", ")),
    };
    ("misplaced", holder + &stale)
}

/// The operations that write.
const WRITES: [&str; 4] = ["set", "delete", "touch", "arithmetic"];

#[cfg(test)]
mod tests {
    use super::*;

    fn server(name: &str, pool: &str, state: &str, is_usable: bool) -> RouteServer {
        let (server, pool, state) = (name.to_owned(), pool.to_owned(), state.to_owned());
        RouteServer { server, pool, state, is_usable }
    }

    fn sample() -> Route {
        Route {
            key: "user:1".to_owned(),
            pool: "main".to_owned(),
            sent_as: None,
            prefix: None,
            operations: Vec::new(),
            home: "b".to_owned(),
            reads_go_to: Some("c".to_owned()),
            writes_go_to: Some("c".to_owned()),
            reason: "its home is down, and c is the next in its order".to_owned(),
            order: vec![
                server("b", "main", "down", false),
                server("c", "main", "up", true),
                server("a", "main", "returning", false),
                server("g", "spare", "up", true),
            ],
            misplaced: None,
        }
    }

    #[test]
    fn a_route_says_where_reads_and_writes_go_and_why() {
        assert_eq!(
            sheet(&sample()),
            "user:1\n  home       b\n  reads      c\n  writes     c\n  \
             why        its home is down, and c is the next in its order\n  \
             order      b (down), c (up), a (returning, not for this key), spare/g (up)\n"
        );
    }

    #[test]
    fn a_key_that_can_go_nowhere_is_told_so() {
        let route = Route { reads_go_to: None, writes_go_to: None, ..sample() };
        let sheet = sheet(&route);
        assert!(sheet.contains("  reads      nowhere: they are misses at once\n"), "{sheet}");
        assert!(sheet.contains("  writes     nowhere: they fail\n"), "{sheet}");
    }

    #[test]
    fn a_key_of_a_route_is_told_with_its_prefix() {
        let (prefix, sent_as) = (Some("user:".to_owned()), Some("1".to_owned()));
        let sheet = sheet(&Route { prefix, sent_as, ..sample() });
        let expected =
            "user:1\n  route      \"user:\" to pool main, whose servers are sent \"1\"\n  home";
        assert!(sheet.starts_with(expected), "{sheet}");
    }

    #[test]
    fn nothing_is_said_of_operations_that_go_elsewhere() {
        let sheet = sheet(&Route { operations: vec!["get".to_owned()], ..sample() });
        let expected = "user:1\n  for        get; other operations go elsewhere: --operation\n  \
                        home       b\n  reads      c\n  why";
        assert!(sheet.starts_with(expected), "{sheet}");
    }

    #[test]
    fn a_misplaced_key_is_told_with_its_holder_and_old_values() {
        let stale = vec!["a".to_owned(), "b".to_owned()];
        let misplaced = Some(MisplacedKey { holder: Some("c".to_owned()), stale });
        let sheet = sheet(&Route { misplaced, ..sample() });
        assert!(
            sheet.ends_with("  misplaced  its last write is at c; a, b may hold an old value\n"),
            "{sheet}"
        );
    }
}
