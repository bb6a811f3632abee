//! Tokens, challenges, bindings, ids and cursors, as they arrive in headers, URLs and bodies.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parlour_server::fuzzing::tokens(bytes));
