//! What becomes of other programs' configuration: samples, single settings, and hostile input.

mod hostile;
mod samples;
mod settings;
