//! Imitates a server of a later version: it refuses every request with an unknown error code.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use anyhow::Result;

/// The unknown error code. It must never become a published one.
pub const CODE: &str = "out_of_tea";

/// Listens until this process ends, and returns the address.
pub fn start() -> Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?.to_string();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that disconnects early misses the answer; that is its own fault.
            let _unread = refuse(stream);
        }
    });
    Ok(address)
}

fn refuse(mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut part = [0_u8; 4096];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut part)?;
        if read == 0 {
            return Ok(());
        }
        request.extend_from_slice(part.get(..read).unwrap_or_default());
    }
    let problem = format!(
        "{{\"type\":\"/api/docs/problems#{CODE}\",\"title\":\"There is no tea.\",\"status\":418,\"code\":\"{CODE}\",\
         \"request_id\":\"4f1c9a7be02d6638\",\"of_a_later_version\":true}}"
    );
    write!(
        stream,
        "HTTP/1.1 418 I'm a teapot\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{problem}",
        problem.len()
    )
}

#[cfg(test)]
mod checks {
    use super::*;

    #[test]
    fn every_request_is_refused_with_a_code_that_is_not_published() {
        let mut stream = TcpStream::connect(start().unwrap()).unwrap();
        stream.write_all(b"GET /api/v1/friends HTTP/1.1\r\nhost: here\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 418") && answer.contains(CODE), "{answer}");
        assert!(!include_str!("../../../../openapi/openapi.json").contains(CODE));
    }
}
