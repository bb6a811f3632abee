//! Bytes that follow the handshake: WebSocket frames, fragments, and the commands in them.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parlour_server::fuzzing::socket(bytes));
