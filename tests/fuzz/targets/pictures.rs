//! Uploaded pictures: decoded under limits, and encoded again.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parlour_server::fuzzing::pictures(bytes));
