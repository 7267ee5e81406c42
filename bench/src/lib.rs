//! Load generator and side-by-side comparison with other proxies.
