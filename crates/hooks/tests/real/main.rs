//! Hooks with real receivers: an HTTP server, and programs.

mod support;

mod commands;

mod webhooks;

mod hooks;
