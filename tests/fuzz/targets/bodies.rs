//! Request bodies, with every rule that is checked before the database is used.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parlour_server::fuzzing::bodies(bytes));
