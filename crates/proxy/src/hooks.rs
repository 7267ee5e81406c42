//! Hooks of the proxy: what they are told is what the admin API says.

use std::sync::Arc;

use evenkeel_admin::events::described;
use evenkeel_control::Handle;
use evenkeel_control::events::Numbered;
use evenkeel_hooks::Hooks;

/// No hooks yet, for the events of this control plane.
pub(crate) fn hooks(handle: &Handle) -> Hooks {
    let of_events = handle.clone();
    let describe = move |told: &Numbered| described(&of_events, told.number, &told.event);
    Hooks::new(handle.clone(), Arc::new(describe))
}
