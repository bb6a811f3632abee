//! Real processes that are killed, cut off and restored: what was acknowledged is there, once, and nothing else is.

mod processes;
mod scenarios;
