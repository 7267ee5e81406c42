//! The proxy: data-plane workers and the control plane.
