//! Tokens, challenges, bindings, ids and cursors, which come in headers, addresses and bodies.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parlour_server::fuzzing::tokens(bytes));
