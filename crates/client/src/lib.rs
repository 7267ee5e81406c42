//! The place of the client library: see `ARCHITECTURE.md`.
