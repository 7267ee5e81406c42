//! The configuration's types: what can be set, in which unit and range, and its default.
