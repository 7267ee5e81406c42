//! The deterministic simulator over core.
