//! Which server a key belongs to, and which ones follow when that one cannot be used.
