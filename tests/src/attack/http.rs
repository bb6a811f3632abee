//! Hand-written HTTP from any loopback address: whole requests, and raw connections for what no library sends.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// Connecting fails after this long.
const CONNECT: Duration = Duration::from_secs(5);
/// Largest response body that is kept; no caller expects more.
const LARGEST: usize = 64 * 1024 * 1024;

/// Connects from an address. A small `window` keeps the kernel's buffer small for a client that does not read.
pub async fn connect(to: SocketAddr, from: Ipv4Addr, window: Option<u32>) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(bytes) = window {
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.bind(SocketAddr::new(IpAddr::V4(from), 0))?;
    let stream = tokio::time::timeout(CONNECT, socket.connect(to)).await??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A response.
#[derive(Debug, Default)]
pub struct Answer {
    /// The status; 0 when the connection ended before there was one.
    pub status: u16,
    /// Status line and headers, with names as received.
    pub head: String,
    /// The body, with chunks joined.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON, or null if it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The values of a header.
    pub fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.head.lines().skip(1).filter_map(move |line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Whether the status is a success.
    pub fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body's text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A request to serialize.
#[derive(Debug, Clone, Default)]
pub struct Request<'a> {
    /// `GET`, `POST` and so on.
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// Access token, if any.
    pub token: Option<&'a str>,
    /// Further header lines, each with its line ending.
    pub headers: &'a str,
    /// A JSON body, if any.
    pub json: Option<Value>,
}

impl<'a> Request<'a> {
    /// A request without token or body.
    pub fn new(method: &'a str, path: &'a str) -> Self {
        Self { method, path, ..Self::default() }
    }

    /// The same request with an access token.
    pub fn by(self, token: &'a str) -> Self {
        Self { token: Some(token), ..self }
    }

    /// The same request with a JSON body.
    pub fn with(self, json: Value) -> Self {
        Self { json: Some(json), ..self }
    }

    /// Its bytes; the connection stays open if `keep`.
    pub fn bytes(&self, keep: bool) -> Vec<u8> {
        let body = self.json.as_ref().map(Value::to_string).unwrap_or_default();
        let mut text = format!("{} {} HTTP/1.1\r\nhost: localhost\r\n", self.method, self.path);
        if !keep {
            text.push_str("connection: close\r\n");
        }
        if let Some(token) = self.token {
            text.push_str(&format!("authorization: Bearer {token}\r\n"));
        }
        if self.json.is_some() {
            text.push_str(&format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()));
        }
        text.push_str(self.headers);
        text.push_str("\r\n");
        text.push_str(&body);
        text.into_bytes()
    }
}

/// Sends a request on a connection of its own and reads the response.
pub async fn ask(to: SocketAddr, from: Ipv4Addr, request: &Request<'_>) -> io::Result<Answer> {
    let mut stream = connect(to, from, None).await?;
    stream.write_all(&request.bytes(false)).await?;
    read_answer(&mut stream, &mut Vec::new()).await
}

/// Reads one response; bytes after it stay in the buffer.
pub async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Answer> {
    let head_end = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        more(stream, buffer).await?;
    };
    let head = String::from_utf8_lossy(&buffer[..head_end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let mut answer = Answer { status, head, body: Vec::new() };
    buffer.drain(..head_end);
    let length = answer.headers("content-length").next().and_then(|value| value.parse::<usize>().ok());
    let chunked = answer.headers("transfer-encoding").any(|value| value.contains("chunked"));
    if chunked {
        while let Some(chunk) = chunk(stream, buffer).await? {
            answer.body.extend(chunk);
        }
    } else if let Some(length) = length.filter(|_| status >= 200 && status != 204 && status != 304) {
        while buffer.len() < length {
            more(stream, buffer).await?;
        }
        answer.body = buffer.drain(..length).collect();
    }
    Ok(answer)
}

/// The next chunk of a body; `None` at its end.
async fn chunk(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    let line_end = loop {
        if let Some(at) = buffer.windows(2).position(|window| window == b"\r\n") {
            break at;
        }
        more(stream, buffer).await?;
    };
    let line = String::from_utf8_lossy(&buffer[..line_end]).into_owned();
    let size = usize::from_str_radix(line.trim(), 16)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not the size of a chunk"))?;
    while buffer.len() < line_end + 2 + size + 2 {
        more(stream, buffer).await?;
    }
    let data = buffer[line_end + 2..line_end + 2 + size].to_vec();
    buffer.drain(..line_end + 2 + size + 2);
    Ok((size > 0).then_some(data))
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<()> {
    if buffer.len() > LARGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "an answer beyond all bounds"));
    }
    match stream.read_buf(buffer).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}
