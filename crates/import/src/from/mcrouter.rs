//! mcrouter's JSON: pools, and a tree of route handles that says where a request goes.
//!
//! The tree is walked from its root to its leaves, which are pools; on the way a key's prefix and
//! its operation choose. What a handle does beyond choosing one pool and a failover pool has no
//! counterpart: the child that serves reads first stands for it, and that is said with its path.
//!
//! | part | what it does |
//! |---|---|
//! | `pool` | a leaf: a pool of servers with the hash, the timeouts and the gutter that it is used with |
//! | `operation` | which of Evenkeel's operations mcrouter's are, and where each goes |
//! | `rule` | leaves as a listener and its routes |
//! | `scope` | which requests get to a place in the tree |
//! | here | the way through the tree |

mod operation;
mod pool;
mod rule;
mod scope;

use evenkeel_core::config::KeyPrefix;

use super::Work;
use crate::place::Place;
use crate::plan::Origin;
use crate::value::{DEPTH_MAX, Data, Entry, Value, shorten};

use pool::{Failover, Use};
use scope::Scope;

/// A leaf, and which requests go there.
struct Rule {
    scope: Scope,
    pool: String,
    origin: Origin,
}

/// Everything that a file says, in the course of reading it.
struct Tree<'w, 'p, 's> {
    work: &'w mut Work<'p>,
    root: &'s Value,
    rules: Vec<Rule>,
}

/// A handle of the tree, and the way to it.
#[derive(Clone)]
struct Handle<'s> {
    value: &'s Value,
    path: String,
    depth: usize,
}

impl<'s> Handle<'s> {
    fn child(&self, step: &str, value: &'s Value) -> Self {
        Self { value, path: format!("{}{step}", self.path), depth: self.depth + 1 }
    }

    fn get(&self, key: &str) -> Option<Self> {
        Some(self.child(&format!(".{}", shorten(key)), self.value.get(key)?))
    }

    /// The elements of a list; something else is a list of one.
    fn children(&self, key: &str) -> Vec<Self> {
        let Some(list) = self.get(key) else { return Vec::new() };
        match list.value.items() {
            Some(items) => {
                let items = items.iter().enumerate();
                items.map(|(idx, it)| list.child(&format!("[{idx}]"), it)).collect()
            }
            None => vec![list],
        }
    }
}

/// All of a file.
pub(crate) fn plan_mcrouter(work: &mut Work, source: &Value) {
    let mut tree = Tree { work, root: source, rules: Vec::new() };
    tree.say_what_is_beside();
    if let Some(entry) = source.entry("route") {
        let root = Handle { value: &entry.value, path: "$.route".to_owned(), depth: 0 };
        let place = tree.at(&root);
        tree.work.plan.chosen(place, ROUTING_PREFIX);
        tree.lower(&root, &Scope::default(), None);
    } else if let Some(entry) = source.entry("routes") {
        tree.lower_routes(entry);
    } else {
        tree.lower_lone_pool();
    }
    tree.say_unused_pools();
    tree.say_split_pools();
    tree.emit();
}

impl<'s> Tree<'_, '_, 's> {
    fn at(&self, handle: &Handle) -> Place {
        self.work.at(handle.value.line).with_path(&handle.path)
    }

    fn lost(&mut self, handle: &Handle, text: impl Into<String>) {
        let place = self.at(handle);
        self.work.plan.lost(place, text);
    }

    fn differs(&mut self, handle: &Handle, text: impl Into<String>) {
        let place = self.at(handle);
        self.work.plan.differs(place, text);
    }

    fn needless(&mut self, handle: &Handle, text: impl Into<String>) {
        let place = self.at(handle);
        self.work.plan.needless(place, text);
    }

    fn origin(&self, handle: &Handle) -> Origin {
        Origin::Source(self.at(handle), String::new())
    }

    /// What stands beside pools and routes.
    fn say_what_is_beside(&mut self) {
        for entry in self.root.entries().unwrap_or_default() {
            let path = format!("$.{}", shorten(&entry.key));
            let handle = Handle { value: &entry.value, path, depth: 0 };
            match entry.key.as_str() {
                "pools" | "route" | "routes" | "named_handles" => {}
                "macros" | "consts" | "templates" | "dynamic" => self.lost(
                    &handle,
                    "macros are not expanded: what they make is not here. Import the configuration \
                     as mcrouter has expanded it (`get __mcrouter__.preprocessed_config`).",
                ),
                key if key.starts_with('@') => {
                    self.lost(&handle, "macros are not expanded: what this makes is not here.");
                }
                _ => self.lost(&handle, "it is not known to `evenkeel import`."),
            }
        }
    }

    /// `routes`: one tree for each `/region/cluster/`.
    fn lower_routes(&mut self, entry: &'s Entry) {
        let all = Handle { value: &entry.value, path: "$.routes".to_owned(), depth: 0 };
        let mut trees: Vec<(Vec<String>, Handle)> = Vec::new();
        if let Some(items) = all.value.items() {
            for (idx, item) in items.iter().enumerate() {
                let of = all.child(&format!("[{idx}]"), item);
                self.say_unknown(&of, &["aliases", "route"]);
                let aliases = of.children("aliases");
                let aliases = aliases.iter().filter_map(|it| it.value.as_text());
                let aliases = aliases.map(str::to_owned).collect();
                match of.get("route") {
                    Some(route) => trees.push((aliases, route)),
                    None => self.lost(&of, "it has no `route`."),
                }
            }
        } else {
            for entry in all.value.entries().unwrap_or_default() {
                let path = format!(".{:?}", shorten(&entry.key));
                trees.push((vec![entry.key.clone()], all.child(&path, &entry.value)));
            }
        }
        if let Some((aliases, first)) = trees.first() {
            let text = format!(
                "mcrouter's command line says which `/region/cluster/` is that of keys without \
                 one (`--route-prefix`, `--region`, `--cluster`). It is taken to be {}; if it is \
                 another, name its pool in the listener.",
                aliases.first().map_or("the first", String::as_str)
            );
            let handle = first.clone();
            if trees.len() > 1 {
                self.differs(&handle, text);
            }
            self.lower(&handle, &Scope::default(), None);
        }
        for (aliases, route) in trees {
            for prefix in aliases {
                let is_whole = prefix.starts_with('/') && prefix.ends_with('/');
                let is_plain = prefix.matches('/').count() == 3 && !prefix.contains('*');
                if !is_plain || !is_whole || prefix.parse::<KeyPrefix>().is_err() {
                    let text = format!(
                        "the alias {:?} is not `/region/cluster/`: it is not carried over.",
                        shorten(&prefix)
                    );
                    self.lost(&route, text);
                    continue;
                }
                self.lower(&route, &Scope::of_routing(prefix), None);
            }
        }
    }

    /// Without a route mcrouter has nothing to do; one pool can only be meant.
    fn lower_lone_pool(&mut self) {
        let pools = self.root.entry("pools");
        let Some(first) = pools.and_then(|it| it.value.entries()?.first()) else { return };
        let handle = Handle { value: &first.value, path: "$.pools".to_owned(), depth: 0 };
        self.differs(&handle, "there is no `route`: the first pool is taken to serve all keys.");
        let used = Use::plain(&first.key);
        self.leaf(&handle, &Scope::default(), &used);
    }

    /// Follows a handle to its leaves. `failover` is what stands in for them.
    fn lower(&mut self, handle: &Handle<'s>, scope: &Scope, failover: Option<&Failover>) {
        if handle.depth > DEPTH_MAX || self.rules.len() >= RULES_MAX {
            self.lost(handle, "it is nested too deep, or in a circle, and is left out.");
            return;
        }
        match &handle.value.data {
            Data::Text(text) => self.lower_text(handle, text, scope, failover),
            Data::Map(_) => self.lower_object(handle, scope, failover),
            Data::List(items) => {
                if items.len() > 1 {
                    self.lost(handle, "of a list of routes only the first is carried over.");
                }
                if let Some(first) = items.first() {
                    self.lower(&handle.child("[0]", first), scope, failover);
                }
            }
            Data::Null | Data::Bool(_) | Data::Number(_) | Data::Call(_) | Data::Dynamic(_) => {
                self.lost(handle, "it is no route.");
            }
        }
    }

    /// `"PoolRoute|A"`, `"ErrorRoute|text"`, or the name of a handle.
    fn lower_text(
        &mut self,
        handle: &Handle<'s>,
        text: &str,
        scope: &Scope,
        failover: Option<&Failover>,
    ) {
        if text.contains(['%', '@']) {
            self.lost(handle, format!("`{}`: macros are not expanded.", shorten(text)));
            return;
        }
        let (kind, argument) = text.split_once('|').unwrap_or((text, ""));
        if argument.is_empty() {
            if let Some(named) = self.named(kind) {
                let mut named = named;
                named.depth = handle.depth + 1;
                self.lower(&named, scope, failover);
            } else {
                self.lost(handle, format!("`{}` {NOTHING}", shorten(kind)));
            }
            return;
        }
        match kind {
            "PoolRoute" => {
                let used = Use { failover: failover.cloned(), ..Use::plain(argument) };
                self.leaf(handle, scope, &used);
            }
            "NullRoute" | "ErrorRoute" | "DevNullRoute" => {
                self.lost(handle, format!("`{kind}` {NOTHING}"));
            }
            "Pool" => {
                self.say_servers_as_children(handle, argument);
                let used = Use { failover: failover.cloned(), ..Use::plain(argument) };
                self.leaf(handle, scope, &used);
            }
            _ => {
                self.stands_for(handle, kind);
                // Every shortcut's argument is a handle.
                if self.pool(argument).is_some() {
                    let used = Use { failover: failover.cloned(), ..Use::plain(argument) };
                    self.leaf(handle, scope, &used);
                } else {
                    self.lower_text_again(handle, argument, scope, failover);
                }
            }
        }
    }

    fn lower_text_again(
        &mut self,
        handle: &Handle<'s>,
        text: &str,
        scope: &Scope,
        failover: Option<&Failover>,
    ) {
        let mut deeper = handle.clone();
        deeper.depth += 1;
        if deeper.depth <= DEPTH_MAX {
            self.lower_text(&deeper, text, scope, failover);
        }
    }

    fn lower_object(&mut self, handle: &Handle<'s>, scope: &Scope, failover: Option<&Failover>) {
        let kind = handle.value.get("type").and_then(Value::as_text).unwrap_or_default();
        match kind {
            "PoolRoute" | "HashRoute" => {
                if let Some(used) = self.read_use(handle, failover) {
                    self.leaf(handle, scope, &used);
                }
            }
            "PrefixSelectorRoute" => self.lower_prefixes(handle, scope, failover),
            "OperationSelectorRoute" | "PrefixPolicyRoute" => {
                self.lower_operations(handle, scope, failover);
            }
            "FailoverRoute" | "FailoverWithExptimeRoute" => {
                if failover.is_some() {
                    self.lost(handle, "a failover within a failover: the outer one is left out.");
                }
                self.lower_failover(handle, scope);
            }
            "NullRoute" | "ErrorRoute" | "DevNullRoute" => {
                self.lost(handle, format!("`{kind}` {NOTHING}"));
            }
            _ => match Self::stand_in(handle) {
                Some(child) => {
                    self.stands_for(handle, kind);
                    self.lower(&child, scope, failover);
                }
                None => self.lost(handle, format!("`{}` {NOTHING}", shorten(kind))),
            },
        }
    }

    /// The child that a handle without counterpart asks first.
    fn stand_in(handle: &Handle<'s>) -> Option<Handle<'s>> {
        let single = ["child", "target", "normal", "default", "cold", "from", "primary", "l2"];
        let single = single.iter().find_map(|key| handle.get(key));
        single.or_else(|| handle.children("children").into_iter().next())
    }

    fn stands_for(&mut self, handle: &Handle, kind: &str) {
        let why = match kind {
            "AllSyncRoute" | "AllAsyncRoute" | "AllInitialRoute" | "AllFastestRoute"
            | "AllMajorityRoute" => {
                "sends every request to all its children. Evenkeel sends it to one: the others \
                 get no copies and no deletes, and whoever reads them reads old values"
            }
            "WarmUpRoute" => {
                "fills a cold pool from a warm one. Evenkeel does not: the cold pool begins empty"
            }
            "MissFailoverRoute" => "asks the next child on a miss. Evenkeel asks one pool",
            "LatestRoute" | "RandomRoute" | "LoadBalancerRoute" | "HostIdRoute" => {
                "spreads requests over its children by itself"
            }
            "ShadowRoute" => "copies requests elsewhere. Evenkeel does not",
            "OutstandingLimitRoute" | "RateLimitRoute" | "LoggingRoute" | "DelayRoute" => {
                "limits or watches requests; see `attempts_in_flight_max` and the metrics"
            }
            _ => "has no counterpart",
        };
        let text = format!("`{}` {why}. Its first child stands for it.", shorten(kind));
        self.lost(handle, text);
    }

    /// `Pool|A` is every server of the pool by itself, with no hash between them.
    fn say_servers_as_children(&mut self, handle: &Handle, pool: &str) {
        let text = format!(
            "`Pool|{0}` makes a child of each server of pool {0}, with no hash. Here its servers \
             share its keys by mcrouter's default hash, and a key need not be where it was. Check \
             with `evenkeel verify-map`.",
            shorten(pool)
        );
        self.lost(handle, text);
    }

    /// Settings of a handle that nothing here knows.
    fn say_unknown(&mut self, handle: &Handle<'s>, known: &[&str]) {
        for entry in handle.value.entries().unwrap_or_default() {
            if !known.contains(&entry.key.as_str()) {
                let child = handle.child(&format!(".{}", shorten(&entry.key)), &entry.value);
                self.lost(&child, "it is not known to `evenkeel import`.");
            }
        }
    }

    fn lower_prefixes(&mut self, handle: &Handle<'s>, scope: &Scope, failover: Option<&Failover>) {
        self.say_unknown(handle, &["type", "name", "policies", "wildcard"]);
        let policies = handle.get("policies");
        let entries = policies.as_ref().and_then(|it| it.value.entries()).unwrap_or_default();
        let mut elsewhere = scope.elsewhere.clone();
        elsewhere.extend(entries.iter().map(|it| it.key.clone()));
        if let Some(wildcard) = handle.get("wildcard") {
            let scope = Scope { elsewhere: elsewhere.clone(), ..scope.clone() };
            self.lower(&wildcard, &scope, failover);
        } else {
            self.lost(handle, format!("keys with no prefix of its `policies`: that {NOTHING}"));
        }
        let Some(policies) = policies else { return };
        for entry in entries {
            let path = format!(".{:?}", shorten(&entry.key));
            let child = policies.child(&path, &entry.value);
            if scope.is_routing {
                let text = format!(
                    "keys that begin with {:?} behind {}: servers are sent them without the \
                     latter only, which one route cannot. They go where other keys behind it go.",
                    shorten(&entry.key),
                    scope.prefix
                );
                self.lost(&child, text);
                continue;
            }
            if !entry.key.starts_with(&scope.prefix) {
                self.lost(&child, "no key begins with both this prefix and the one around it.");
                continue;
            }
            if entry.key.is_empty() || entry.key.parse::<KeyPrefix>().is_err() {
                self.lost(&child, "it is no prefix that a key can have.");
                continue;
            }
            if let Some(prefix) = scope.chosen_before(&entry.key) {
                let text = format!("no key gets here: {:?} is chosen before it.", shorten(prefix));
                self.needless(&child, text);
                continue;
            }
            self.lower(&child, &scope.narrowed(&entry.key, &elsewhere), failover);
        }
    }

    /// The first child, with the second in its place when it fails.
    fn lower_failover(&mut self, handle: &Handle<'s>, scope: &Scope) {
        let (main, spares) = if let Some(normal) = handle.get("normal") {
            (Some(normal), handle.children("failover"))
        } else {
            let mut children = handle.children("children").into_iter();
            (children.next(), children.collect())
        };
        let Some(main) = main else {
            self.lost(handle, "it has no children.");
            return;
        };
        if let Some(third) = spares.get(1) {
            self.lost(third, "a pool has one gutter: only the first failover is carried over.");
        }
        for entry in handle.value.entries().unwrap_or_default() {
            let path = format!(".{}", shorten(&entry.key));
            let child = handle.child(&path, &entry.value);
            match entry.key.as_str() {
                "type" | "children" | "normal" | "failover" | "failover_exptime" | "name" => {}
                "failover_errors"
                | "failover_limit"
                | "failover_policy"
                | "failover_tag"
                | "failover_errors_request_class" => self.differs(
                    &child,
                    "here requests fail over when their server is out of use, or when they fail \
                     and are safe to send again; attempts have a budget.",
                ),
                _ => self.lost(&child, "it is not known to `evenkeel import`."),
            }
        }
        let spare = spares.first().and_then(|it| self.gutter_of(it));
        let exptime = handle.get("failover_exptime");
        let failover = spare.map(|used| Failover {
            used: Box::new(used),
            place: self.at(&spares[0]),
            exptime: exptime.map(|it| (it.value.clone(), self.at(&it))),
        });
        self.lower(&main, scope, failover.as_ref());
    }

    /// The one pool that a failover leads to.
    fn gutter_of(&mut self, handle: &Handle<'s>) -> Option<Use> {
        let text = handle.value.as_text().map(|it| it.strip_prefix("PoolRoute|").unwrap_or(it));
        let named = text.and_then(|it| self.named(it)).filter(|_| handle.depth < DEPTH_MAX);
        if let Some(named) = named {
            return self.gutter_of(&Handle { depth: handle.depth + 1, ..named });
        }
        let is_pool = handle.value.get("type").and_then(Value::as_text) == Some("PoolRoute");
        let used = match text {
            Some(name) => Some(Use::plain(name)),
            None if is_pool => self.read_use(handle, None),
            None => None,
        };
        let used = used.filter(|used| self.pool(&used.pool).is_some());
        if used.is_none() {
            let text = "a gutter is a pool here: this failover is not carried over, and keys of a \
                        failed server stay its own.";
            self.lost(handle, text);
        }
        used
    }

    fn named(&self, name: &str) -> Option<Handle<'s>> {
        let handles = self.root.entry("named_handles")?;
        let items = handles.value.items()?.iter().enumerate();
        let mut named =
            items.filter(|(_, it)| it.get("name").and_then(Value::as_text) == Some(name));
        let (idx, value) = named.next()?;
        Some(Handle { value, path: format!("$.named_handles[{idx}]"), depth: 0 })
    }
}

/// With one `route` the prefix of keys that name one is on mcrouter's command line.
const ROUTING_PREFIX: &str = "mcrouter sends servers keys without their `/region/cluster/`. If \
     applications name the one of its `--route-prefix`, add a [[route]] to the same pool, with \
     `prefix = \"/region/cluster/\"` and `strip_prefix = true`.";

/// The most leaves that are followed: handles that name each other twice make very many.
const RULES_MAX: usize = 2000;

/// What becomes of requests that mcrouter answers by itself.
const NOTHING: &str = "has no counterpart: such requests go to the listener's pool.";
