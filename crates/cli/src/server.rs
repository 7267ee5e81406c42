//! `evenkeel server`: an operator's word about a server, given to a running proxy.
//!
//! The proxy decides what becomes of it; with `--wait` its events and the server's state are
//! watched until it has taken effect.

use std::io::{self, BufRead, IsTerminal, Write};
use std::thread;
use std::time::{Duration, Instant};

use evenkeel_api::{Event, Pool, Server};
use evenkeel_core::config::Written;
use evenkeel_core::config::nearest::near_or_all;
use evenkeel_core::event::Order;
use serde_json::json;

use crate::admin::Admin;
use crate::args::{OrderArgs, ServerArgs, ServerVerb};
use crate::failure::Failure;
use crate::text::json_line;

/// Gives the order, and waits for its effect if that is wanted.
pub(crate) fn server(args: &ServerArgs) -> Result<(), Failure> {
    let (order, how) = args.order.order();
    let admin = Admin::find(&how.proxy)?;
    let status = admin.status()?;
    let (pool, server) = find(&status.pools, &how.name)?;
    if let ServerVerb::Flush(args) = &args.order
        && !args.yes
    {
        confirm(pool, server)?;
    }
    admin.order(order, &pool.name, &server.name)?;
    let named = Named { order, pool: &pool.name, server: &server.name };
    let after = how.wait.then(|| named.wait(&admin, status.next_event, how.timeout)).transpose()?;
    say(how, &named, after.as_ref())
}

/// The server that is meant, and its pool.
pub(crate) fn find<'p>(pools: &'p [Pool], name: &str) -> Result<(&'p Pool, &'p Server), Failure> {
    let known: Vec<_> =
        pools.iter().flat_map(|pool| pool.servers.iter().map(move |it| (pool, it))).collect();
    let long: Vec<_> =
        known.iter().map(|(pool, server)| format!("{}/{}", pool.name, server.name)).collect();
    let is_it = |idx: &usize| long[*idx] == name || known[*idx].1.name == name;
    let found: Vec<_> = (0..known.len()).filter(is_it).collect();
    match found[..] {
        [idx] => Ok(known[idx]),
        [] => {
            let mut short: Vec<_> = known.iter().map(|(_, server)| server.name.as_str()).collect();
            short.sort_unstable();
            short.dedup();
            let words = short.iter().copied().chain(long.iter().map(String::as_str));
            let remedy = near_or_all(name, words, || short.clone());
            Err(Failure::Usage(format!("there is no server {name:?}; {remedy}")))
        }
        _ => {
            let long: Vec<_> = found.iter().map(|idx| long[*idx].as_str()).collect();
            Err(Failure::Usage(format!(
                "several pools have a server {name:?}; write {}",
                long.join(" or ")
            )))
        }
    }
}

/// Asks whether the server is to be emptied.
fn confirm(pool: &Pool, server: &Server) -> Result<(), Failure> {
    let (pool, server) = (&pool.name, &server.name);
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Err(Failure::Usage(format!(
            "everything that {pool}/{server} holds would be lost; say --yes if it is meant"
        )));
    }
    let mut output = io::stderr().lock();
    write!(output, "Everything that {pool}/{server} holds will be lost. Flush it? [y/N] ")?;
    output.flush()?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::Declined),
    }
}

/// An order that has been given.
struct Named<'n> {
    order: Order,
    pool: &'n str,
    server: &'n str,
}

impl Named<'_> {
    /// Waits until it has taken effect: how the server is then.
    fn wait(&self, admin: &Admin, since: u64, timeout: Duration) -> Result<Server, Failure> {
        let deadline = Instant::now() + timeout;
        let mut progress = Progress { next: since, is_taken: false, is_flushed: false };
        loop {
            let list = admin.events(progress.next)?;
            progress.next = list.next.max(progress.next);
            for event in list.events.iter().filter(|event| self.concerns(event)) {
                progress.handle_event(event)?;
            }
            let pools = admin.pools()?;
            let pool = pools.iter().find(|pool| pool.name == self.pool);
            let server = pool.and_then(|it| it.servers.iter().find(|it| it.name == self.server));
            let Some(server) = server else {
                return Err(Failure::Ineffective(format!("{self} has left the configuration")));
            };
            if progress.is_effective(self.order, server) {
                return Ok(server.clone());
            }
            if Instant::now() >= deadline {
                let timeout = Written(timeout);
                let reason = &server.reason;
                return Err(Failure::Ineffective(format!(
                    "{} of {self} has not taken effect within {timeout}: {reason}",
                    self.order.label()
                )));
            }
            thread::sleep(POLL_INTERVAL);
        }
    }

    fn concerns(&self, event: &Event) -> bool {
        event.pool.as_deref() == Some(self.pool) && event.server.as_deref() == Some(self.server)
    }
}

impl std::fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.pool, self.server)
    }
}

/// What has been seen of an order's effect.
struct Progress {
    /// The number of the event to read next.
    next: u64,
    /// The proxy has taken the order in: its state is that of after.
    is_taken: bool,
    is_flushed: bool,
}

impl Progress {
    fn handle_event(&mut self, event: &Event) -> Result<(), Failure> {
        match event.kind.as_str() {
            "ordered" => self.is_taken = true,
            "flushed" => self.is_flushed = true,
            "flush-refused" => return Err(Failure::Ineffective(event.text.clone())),
            _ => {}
        }
        Ok(())
    }

    fn is_effective(&self, order: Order, server: &Server) -> bool {
        self.is_taken
            && match order {
                Order::Drain | Order::Eject => server.state == "drained",
                Order::Readmit => server.state == "up",
                Order::Flush if server.is_flush_required => server.state == "drained",
                Order::Flush => self.is_flushed,
            }
    }
}

fn say(how: &OrderArgs, named: &Named<'_>, after: Option<&Server>) -> Result<(), Failure> {
    let order = named.order.label();
    let text = if how.json {
        json_line(&json!({
            "order": order,
            "pool": named.pool,
            "server": named.server,
            "took_effect": after.is_some(),
            "state": after.map(|server| &server.state),
        }))
    } else {
        match after {
            None => {
                format!("{named}: {order} is ordered; evenkeel events shows what becomes of it")
            }
            Some(server) if server.is_flush_required => {
                format!("{named}: it is {}, and is flushed before it is used again", server.state)
            }
            Some(server) => format!("{named}: {order} has taken effect; it is {}", server.state),
        }
    };
    Ok(writeln!(io::stdout(), "{text}")?)
}

const POLL_INTERVAL: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    fn pools() -> Vec<Pool> {
        let mut pools = samples::status().pools;
        let mut other = pools[0].clone();
        other.name = "other".to_owned();
        other.servers.truncate(1);
        pools.push(other);
        pools
    }

    #[track_caller]
    fn check_unknown(name: &str, expected: &str) {
        assert_eq!(find(&pools(), name).unwrap_err().to_string(), expected);
    }

    #[test]
    fn a_server_is_found_by_its_name_or_with_its_pool() {
        let pools = pools();
        let (pool, server) = find(&pools, "b").unwrap();
        assert_eq!((pool.name.as_str(), server.name.as_str()), ("main", "b"));
        let (pool, server) = find(&pools, "other/10.0.0.1:11211").unwrap();
        assert_eq!((pool.name.as_str(), server.name.as_str()), ("other", "10.0.0.1:11211"));
    }

    #[test]
    fn a_server_that_is_not_found_is_told_with_what_there_is() {
        check_unknown(
            "10.0.0.1:11211",
            "several pools have a server \"10.0.0.1:11211\"; \
             write main/10.0.0.1:11211 or other/10.0.0.1:11211",
        );
        check_unknown(
            "10.0.0.1:11212",
            "there is no server \"10.0.0.1:11212\"; did you mean \"10.0.0.1:11211\"?",
        );
        check_unknown(
            "elsewhere",
            "there is no server \"elsewhere\"; choose \"10.0.0.1:11211\", \"b\" or \"c\"",
        );
    }

    fn event(kind: &str) -> Event {
        Event { kind: kind.to_owned(), ..samples::events()[0].clone() }
    }

    #[test]
    fn an_order_has_taken_effect_when_it_was_taken_in_and_the_state_follows() {
        let server = |state: &str| Server {
            state: state.to_owned(),
            ..samples::status().pools[0].servers[0].clone()
        };
        let mut progress = Progress { next: 0, is_taken: false, is_flushed: false };
        assert!(!progress.is_effective(Order::Readmit, &server("up")), "that was before");
        progress.handle_event(&event("ordered")).unwrap();
        assert!(progress.is_effective(Order::Readmit, &server("up")));
        assert!(!progress.is_effective(Order::Readmit, &server("returning")));
        assert!(progress.is_effective(Order::Drain, &server("drained")));
        assert!(!progress.is_effective(Order::Flush, &server("up")));
        progress.handle_event(&event("flushed")).unwrap();
        assert!(progress.is_effective(Order::Flush, &server("up")));
        let to_flush = Server { is_flush_required: true, ..server("up") };
        assert!(!progress.is_effective(Order::Flush, &to_flush));
        let drained = Server { is_flush_required: true, ..server("drained") };
        assert!(progress.is_effective(Order::Flush, &drained), "no more can be done");
        assert!(progress.handle_event(&event("flush-refused")).is_err());
    }
}
