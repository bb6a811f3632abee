//! The floor: a bare broadcaster that stores nothing and checks nothing, and a bare HTTP server that sends bytes from
//! memory. What a server adds to this is its cost.
//!
//! It broadcasts in one of two ways: each frame to each socket of its room separately, or, gathering, all frames of two
//! milliseconds in one write per socket. The second is the least that a server with rooms and a log could need.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

use crate::wire;

/// Argument of the gathering floor.
pub const GATHERING: &str = "gathering";

/// Bytes per read.
const READ: usize = 8192;
/// How long a gathering floor waits for more after the first frame.
const GATHER: Duration = Duration::from_millis(2);

#[derive(Default)]
struct Room {
    sockets: RefCell<Vec<Rc<TcpStream>>>,
    seq: Cell<u64>,
    gathered: RefCell<Vec<u8>>,
}

#[derive(Default)]
struct Floor {
    gathers: bool,
    rooms: RefCell<HashMap<String, Rc<Room>>>,
}

/// Serves until killed; prints its address.
pub async fn serve(gathers: bool) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    let floor = Rc::new(Floor { gathers, ..Floor::default() });
    LocalSet::new()
        .run_until(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let floor = floor.clone();
                tokio::task::spawn_local(async move { connection(stream, &floor).await });
            }
        })
        .await;
}

async fn connection(mut stream: TcpStream, floor: &Floor) {
    let mut buffer = Vec::with_capacity(READ);
    if stream.read_buf(&mut buffer).await.is_err() {
        return;
    }
    if buffer.starts_with(b"GET /bytes/") {
        return pages(stream, buffer).await;
    }
    let accept = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                  sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nsec-websocket-protocol: parlour.v1\r\n\r\n";
    if stream.write_all(accept.as_bytes()).await.is_err() {
        return;
    }
    let request = String::from_utf8_lossy(&buffer).into_owned();
    let name = request.split("\"live\":[").nth(1).and_then(|rest| rest.split(']').next()).unwrap_or_default();
    let room = floor.rooms.borrow_mut().entry(name.to_owned()).or_default().clone();
    let stream = Rc::new(stream);
    room.sockets.borrow_mut().push(stream.clone());
    drop((buffer, request));
    broadcast(&stream, &room, floor.gathers).await;
    room.sockets.borrow_mut().retain(|one| !Rc::ptr_eq(one, &stream));
}

/// Answers each request with as many bytes as it asks for.
async fn pages(mut stream: TcpStream, mut buffer: Vec<u8>) {
    let mut response = Vec::new();
    loop {
        if let Some(length) = wire::number_after(&buffer, b"GET /bytes/", 0)
            && buffer.ends_with(b"\r\n\r\n")
        {
            if response.is_empty() {
                response = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n").into_bytes();
                response.resize(response.len() + length as usize, b'x');
            }
            if stream.write_all(&response).await.is_err() {
                return;
            }
            buffer.clear();
        }
        if !matches!(stream.read_buf(&mut buffer).await, Ok(1..)) {
            return;
        }
    }
}

async fn broadcast(stream: &TcpStream, room: &Rc<Room>, gathers: bool) {
    let mut buffer = Vec::new();
    loop {
        // Between frames nothing is buffered.
        if buffer.is_empty() {
            buffer = Vec::new();
        }
        if stream.readable().await.is_err() {
            return;
        }
        buffer.reserve(READ);
        match stream.try_read_buf(&mut buffer) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(_) => return,
        }
        // Frames of our own load are masked with zeros.
        while buffer.len() >= 6 {
            let (start, length) = match buffer[1] & 0x7F {
                126 if buffer.len() >= 8 => (8, u16::from_be_bytes([buffer[2], buffer[3]]) as usize),
                126 => break,
                length => (6, length as usize),
            };
            if buffer.len() < start + length {
                break;
            }
            let text = std::str::from_utf8(&buffer[start..start + length]).unwrap_or_default().to_owned();
            buffer.drain(..start + length);
            let Some(at) = text.find("\"body\":\"") else { continue };
            room.seq.set(room.seq.get() + 1);
            let event = format!(
                "{{\"type\":\"event\",\"conversation\":\"1\",\"seq\":{},\"at\":\"2026-01-01T00:00:00.000000Z\",\
                 \"kind\":\"message.created\",\"data\":{{\"author\":\"1\",\"cid\":\"c\",{}}}}}",
                room.seq.get(),
                text[at..].split("\",\"").next().unwrap_or_default().trim_end_matches('}'),
            );
            let frame = as_server(&event);
            if gathers {
                room.gather(&frame);
            } else {
                room.write(&frame);
            }
            if let Some(id) = wire::number_after(text.as_bytes(), b"\"id\":", 0) {
                let _ = stream.try_write(&as_server(&format!("{{\"type\":\"ok\",\"id\":{id}}}")));
            }
        }
    }
}

/// A frame without a mask, as servers send it.
fn as_server(text: &str) -> Vec<u8> {
    let mut frame = wire::client_frame(text);
    let mask = if frame[1] & 0x7F == 126 { 4 } else { 2 };
    frame[1] &= 0x7F;
    frame.drain(mask..mask + 4);
    frame
}

impl Room {
    /// Writes to every socket. A full socket loses it here: nothing is queued for it.
    fn write(&self, bytes: &[u8]) {
        for socket in self.sockets.borrow().iter() {
            let _ = socket.try_write(bytes);
        }
    }

    fn gather(self: &Rc<Self>, frame: &[u8]) {
        let mut gathered = self.gathered.borrow_mut();
        if gathered.is_empty() {
            let room = self.clone();
            tokio::task::spawn_local(async move {
                tokio::time::sleep(GATHER).await;
                room.write(&room.gathered.take());
            });
        }
        gathered.extend(frame);
    }
}
