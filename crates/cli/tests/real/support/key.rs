//! Keys that belong to all servers.

/// A key that begins with digits which look random.
///
/// Keys that differ in their last letters only can all belong to one server: `ketama` hashes as
/// the clients do that it was taken from, and their hash keeps such keys together.
pub(crate) fn spread_key(name: &str, serial: usize) -> String {
    let text = format!("{name}{serial}");
    let spread = text.bytes().fold(0x9e37_79b9_u32, |spread, byte| {
        (spread ^ u32::from(byte)).wrapping_mul(0x85eb_ca6b).rotate_left(13)
    });
    format!("{spread:08x}:{text}")
}
