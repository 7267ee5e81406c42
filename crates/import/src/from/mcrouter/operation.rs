//! `OperationSelectorRoute`: where a request goes by what it does.

use super::pool::Failover;
use super::scope::Scope;
use super::{Handle, NOTHING, Tree};
use crate::value::{Data, Value, shorten};

/// The operations of Evenkeel, each with mcrouter's names for what belongs to it: where the first of
/// them goes, all go.
pub(super) const OPERATIONS: [(&str, &[&str]); 5] = [
    ("get", &["get", "gets", "metaget", "lease-get"]),
    ("set", &["set", "add", "replace", "append", "prepend", "cas", "lease-set"]),
    ("delete", &["delete"]),
    ("touch", &["touch", "gat", "gats"]),
    ("arithmetic", &["incr", "decr"]),
];

impl<'s> Tree<'_, '_, 's> {
    /// Each operation to its policy, and the others to the default.
    pub(super) fn lower_operations(
        &mut self,
        handle: &Handle<'s>,
        scope: &Scope,
        failover: Option<&Failover>,
    ) {
        self.say_unknown(handle, &["type", "name", "default_policy", "operation_policies"]);
        let policies = handle.get("operation_policies");
        let named = policies.as_ref().and_then(|it| it.value.entries()).unwrap_or_default();
        let mut left: Vec<&'static str> = match &scope.operations {
            Some(operations) => operations.clone(),
            None => OPERATIONS.iter().map(|(ours, _)| *ours).collect(),
        };
        let mut chosen: Vec<(&'static str, Handle)> = Vec::new();
        for (ours, theirs) in OPERATIONS {
            let of: Vec<_> = named.iter().filter(|it| theirs.contains(&it.key.as_str())).collect();
            let (Some(any), Some(policies)) = (of.first(), &policies) else { continue };
            if !left.contains(&ours) {
                continue;
            }
            let Some(first) = of.iter().find(|it| it.key == theirs[0]) else {
                let text = format!(
                    "`{}`: here {} go together (`{ours}`), and all go where `{}` goes, which is \
                     elsewhere.",
                    of.iter().map(|it| it.key.as_str()).collect::<Vec<_>>().join("`, `"),
                    theirs.join(", "),
                    theirs[0]
                );
                self.lost(&policies.child(&format!(".{}", any.key), &any.value), text);
                continue;
            };
            let child = policies.child(&format!(".{}", first.key), &first.value);
            let is_one = of.iter().all(|it| shape(&it.value) == shape(&first.value));
            if !is_one || of.len() < theirs.len() && ours != "get" {
                let text = format!(
                    "`{}`: here {} go together (`{ours}`), and all go where `{}` goes.",
                    of.iter().map(|it| it.key.as_str()).collect::<Vec<_>>().join("`, `"),
                    theirs.join(", "),
                    first.key
                );
                self.differs(&child, text);
            }
            left.retain(|it| *it != ours);
            chosen.push((ours, child));
        }
        let is_known = |key: &str| OPERATIONS.iter().any(|(_, theirs)| theirs.contains(&key));
        for entry in named.iter().filter(|it| !is_known(&it.key)) {
            let text = format!("the operation `{}` is not known.", shorten(&entry.key));
            let place = self.work.at(entry.line).with_path(&handle.path);
            self.work.plan.lost(place, text);
        }
        match handle.get("default_policy") {
            Some(default) if !left.is_empty() => {
                let operations = (left.len() < OPERATIONS.len()).then(|| left.clone());
                let scope = Scope { operations, ..scope.clone() };
                self.lower(&default, &scope, failover);
            }
            Some(_) => {}
            None if left.is_empty() => {}
            None => self.lost(handle, format!("`{}`: that {NOTHING}", left.join("`, `"))),
        }
        for (ours, child) in chosen {
            let scope = Scope { operations: Some(vec![ours]), ..scope.clone() };
            self.lower(&child, &scope, failover);
        }
    }
}

/// A value without its lines, for telling whether two say the same.
fn shape(value: &Value) -> String {
    match &value.data {
        Data::Map(entries) => {
            let inner: Vec<_> =
                entries.iter().map(|it| format!("{:?}:{}", it.key, shape(&it.value))).collect();
            format!("{{{}}}", inner.join(","))
        }
        Data::List(items) => items.iter().map(shape).collect::<Vec<_>>().join(";"),
        _ => value.shown(),
    }
}
