//! The header `X-Forwarded-For`. Whatever a client has written there, what the trusted proxy appends decides.

#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use parlour_server::fuzzing::forwarded;

const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 1));
const TRUSTED: &str = "127.0.0.1/32, 10.0.0.0/8, fd00::/8";
/// What a proxy may write, and its meaning. An entry that cannot be parsed means the proxy itself.
const WRITTEN: [(&str, &str); 8] = [
    ("198.51.100.7", "198.51.100.7"),
    ("198.51.100.7:5001", "198.51.100.7"),
    ("2001:db8::7", "2001:db8::7"),
    ("[2001:db8::7]", "2001:db8::7"),
    ("[2001:db8::7]:443", "2001:db8::7"),
    ("::ffff:198.51.100.7", "198.51.100.7"),
    ("unknown", "127.0.0.1"),
    ("_hidden", "127.0.0.1"),
];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.split('\n').collect();
    for (written, meant) in WRITTEN {
        let mut with_a_line = lines.clone();
        with_a_line.push(written);
        assert_eq!(forwarded(PROXY, TRUSTED, &with_a_line), meant, "a line of its own: {written}");
        let joined = format!("{}, {written}", lines.last().unwrap_or(&""));
        let mut with_an_entry = lines.clone();
        with_an_entry.pop();
        with_an_entry.push(&joined);
        assert_eq!(forwarded(PROXY, TRUSTED, &with_an_entry), meant, "an entry at the end: {written}");
        // Through another trusted proxy, too.
        with_an_entry.push("10.1.2.3");
        assert_eq!(forwarded(PROXY, TRUSTED, &with_an_entry), meant, "through two proxies: {written}");
    }
    // The address of a client that is not a proxy is its own, whatever it writes.
    let stranger = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));
    assert_eq!(forwarded(stranger, TRUSTED, &lines), "203.0.113.9");
    // Otherwise the result can only be an address, and one that can be written again.
    let alone = forwarded(PROXY, TRUSTED, &lines);
    assert!(alone.parse::<IpAddr>().is_ok(), "{alone:?}");
});
