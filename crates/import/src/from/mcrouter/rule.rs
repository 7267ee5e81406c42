//! Leaves as a listener and its routes.

use std::collections::BTreeSet;
use std::mem;

use super::operation::OPERATIONS;
use super::pool::Use;
use super::scope::Scope;
use super::{Handle, Rule, Tree};
use crate::note::NoteKind;
use crate::plan::{ListenerPlan, Literal, Origin, RoutePlan, Setting};

impl<'s> Tree<'_, '_, 's> {
    /// Adds a leaf: its pool, and which requests go there.
    pub(super) fn leaf(&mut self, handle: &Handle<'s>, scope: &Scope, used: &Use) {
        if let Some(pool) = self.plan_pool(handle, used) {
            let rule = Rule { scope: scope.clone(), pool, origin: self.origin(handle) };
            self.rules.push(rule);
        }
    }

    /// Listener, default pool and routes.
    pub(super) fn emit(&mut self) {
        let mut rules = mem::take(&mut self.rules);
        // A pool of which no server is known is left out, and its requests go where the others do.
        let pools = &self.work.plan.pools;
        let known: BTreeSet<_> =
            pools.iter().filter(|it| !it.servers.is_empty()).map(|it| it.name.as_str()).collect();
        if rules.iter().any(|it| known.contains(it.pool.as_str())) {
            rules.retain(|it| known.contains(it.pool.as_str()));
        }
        let is_of_all_keys = |it: &&Rule| it.scope.prefix.is_empty();
        let is_default = |it: &&Rule| is_of_all_keys(it) && it.scope.operations.is_none();
        let default = rules.iter().find(is_default);
        let default = default.or_else(|| rules.iter().find(is_of_all_keys));
        let Some(default) = default.or_else(|| rules.first()) else { return };
        if !is_of_all_keys(&default) {
            let text = format!(
                "no pool that is known serves keys with no prefix: pool {} is named for them, because a \
                 listener has one.",
                default.pool
            );
            self.work.plan.note(NoteKind::Differs, None, text);
        }
        let name = self.work.plan.listener_name("main");
        self.work.plan.listeners.push(ListenerPlan {
            name,
            address: None,
            pool: (default.pool.clone(), default.origin.clone()),
            settings: Vec::new(),
        });
        let default_pool = default.pool.clone();
        let mut taken: Vec<(String, &'static str)> = Vec::new();
        for rule in rules.iter().filter(|it| !is_default(it)) {
            let all = || OPERATIONS.iter().map(|(ours, _)| *ours).collect::<Vec<_>>();
            let wanted = rule.scope.operations.clone().unwrap_or_else(all);
            let is_free = |it: &&str| {
                !taken.iter().any(|(prefix, of)| *prefix == rule.scope.prefix && of == it)
            };
            let free: Vec<_> = wanted.iter().copied().filter(|it| is_free(it)).collect();
            let changes_nothing = rule.scope.prefix.is_empty() && rule.pool == default_pool;
            taken.extend(free.iter().map(|it| (rule.scope.prefix.clone(), *it)));
            if free.is_empty() || changes_nothing {
                continue;
            }
            self.work.plan.routes.push(route(rule, &free));
        }
    }
}

fn route(rule: &Rule, operations: &[&'static str]) -> RoutePlan {
    let origin = &rule.origin;
    let mut settings = vec![Setting::text("prefix", rule.scope.prefix.clone(), origin.clone())];
    if rule.scope.is_routing {
        let why = Origin::chosen("mcrouter sends keys without /region/cluster/");
        settings.push(Setting::new("strip_prefix", Literal::Bool(true), why));
    }
    if operations.len() < OPERATIONS.len() {
        let words = operations.iter().map(|it| (*it).to_owned()).collect();
        settings.push(Setting::new("operations", Literal::Words(words), origin.clone()));
    }
    RoutePlan { pool: rule.pool.clone(), origin: origin.clone(), settings }
}
