//! The floor: a bare broadcaster that stores nothing, checks nothing, and writes every frame to every socket
//! separately. What a server adds to this is its cost.

use std::cell::RefCell;
use std::rc::Rc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

use crate::wire;

/// Bytes per read.
const READ: usize = 8192;

/// Serves until killed; prints its address.
pub async fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    let sockets: Rc<RefCell<Vec<Rc<TcpStream>>>> = Rc::default();
    let seq = Rc::new(RefCell::new(0_u64));
    LocalSet::new()
        .run_until(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (sockets, seq) = (sockets.clone(), seq.clone());
                tokio::task::spawn_local(async move { connection(stream, sockets, seq).await });
            }
        })
        .await;
}

async fn connection(mut stream: TcpStream, sockets: Rc<RefCell<Vec<Rc<TcpStream>>>>, seq: Rc<RefCell<u64>>) {
    let mut buffer = Vec::with_capacity(READ);
    if stream.read_buf(&mut buffer).await.is_err() {
        return;
    }
    let accept = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                  sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nsec-websocket-protocol: parlour.v1\r\n\r\n";
    if stream.write_all(accept.as_bytes()).await.is_err() {
        return;
    }
    let stream = Rc::new(stream);
    sockets.borrow_mut().push(stream.clone());
    drop(buffer);
    broadcast(&stream, &sockets, &seq).await;
    sockets.borrow_mut().retain(|one| !Rc::ptr_eq(one, &stream));
}

async fn broadcast(stream: &TcpStream, sockets: &RefCell<Vec<Rc<TcpStream>>>, seq: &RefCell<u64>) {
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
            *seq.borrow_mut() += 1;
            let event = format!(
                "{{\"type\":\"event\",\"conversation\":\"1\",\"seq\":{},\"at\":\"2026-01-01T00:00:00.000000Z\",\
                 \"kind\":\"message.created\",\"data\":{{\"author\":\"1\",\"cid\":\"c\",{}}}}}",
                seq.borrow(),
                text[at..].split("\",\"").next().unwrap_or_default().trim_end_matches('}'),
            );
            let mut frame = wire::client_frame(&event);
            // The same frame without the mask, as servers send it.
            let mask = if frame[1] & 0x7F == 126 { 4 } else { 2 };
            frame[1] &= 0x7F;
            frame.drain(mask..mask + 4);
            for socket in sockets.borrow().iter() {
                // A full socket loses the frame here: nothing is queued for it.
                let _ = socket.try_write(&frame);
            }
            if let Some(id) = wire::number_after(text.as_bytes(), b"\"id\":", 0) {
                let mut ok = wire::client_frame(&format!("{{\"type\":\"ok\",\"id\":{id}}}"));
                ok[1] &= 0x7F;
                ok.drain(2..6);
                let _ = stream.try_write(&ok);
            }
        }
    }
}
