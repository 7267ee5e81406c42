//! Asks a Redis server everything.

use super::{Notes, dial};
use crate::facts::{Reached, Unreachable};
use crate::target::Target;

/// Examines a server as far as it lets us.
pub(super) async fn examine(target: &Target, notes: &mut Notes) -> Result<Reached, Unreachable> {
    let (addrs, lookup) = dial::look_up(&target.address, notes.step_deadline()).await?;
    let (_, connect) = dial::connect(addrs[0], notes.step_deadline()).await?;
    Ok(Reached { addr: addrs[0], lookup, connect })
}
