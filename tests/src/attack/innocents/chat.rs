//! The chat: several people in one room. Each has a socket that writes in turn and reads everything.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::spawn_local;

use super::super::http;
use super::super::people::Person;
use super::super::scene::{Phase, read_head, read_until};
use super::{PATIENCE, Shared};
use crate::wire;

/// Time between two messages, in microseconds.
const GAP: u64 = 30_000;

/// Open sockets.
pub(super) struct Chat {
    sockets: Vec<Rc<TcpStream>>,
    room: String,
    /// When message n was due, in which phase, and whether it has been acknowledged.
    sent: Rc<RefCell<Vec<(u64, Phase, bool)>>>,
}

/// Opens a socket for each person.
pub(super) async fn open(shared: &Rc<Shared>, people: &[Person], room: &str) -> Chat {
    let mut sockets = Vec::new();
    for (number, person) in people.iter().enumerate() {
        let mut stream =
            http::connect(shared.to(number), person.from, None).await.expect("innocents connect");
        stream.write_all(wire::upgrade("localhost", "/api/v1/socket").as_bytes()).await.expect("they ask");
        assert!(read_head(&mut stream).await, "a socket for an innocent");
        let start =
            format!("{{\"op\":\"start\",\"id\":0,\"token\":\"{}\",\"live\":[\"{room}\"]}}", person.token);
        stream.write_all(&wire::client_frame(&start)).await.expect("they start");
        assert!(read_until(&mut stream, b"\"type\":\"ok\"").await, "an innocent starts");
        sockets.push(Rc::new(stream));
    }
    Chat { sockets, room: room.to_owned(), sent: Rc::default() }
}

/// Sends a message every 30 ms until the end, and reads what arrives.
pub(super) async fn talk(shared: Rc<Shared>, chat: Chat) {
    let open = Rc::new(Cell::new(chat.sockets.len()));
    for socket in &chat.sockets {
        spawn_local(watch(shared.clone(), socket.clone(), chat.sent.clone(), open.clone()));
    }
    let begin = wire::now();
    while shared.phase() < Phase::After {
        let number = chat.sent.borrow().len() as u64;
        let intended = begin + number * GAP;
        let now = wire::now();
        if intended > now {
            tokio::time::sleep(Duration::from_micros(intended - now)).await;
            continue;
        }
        let phase = shared.phase();
        chat.sent.borrow_mut().push((intended, phase, false));
        shared.note(phase, |tally| {
            tally.tried("send");
            tally.late.push(now - intended);
        });
        let frame = wire::client_frame(&format!(
            "{{\"op\":\"send\",\"id\":{},\"conversation\":\"{}\",\"cid\":\"calm-{intended:x}-{number:x}\",\"body\":\"t={intended:016}\"}}",
            number + 1,
            chat.room
        ));
        // A server that has stopped reading for long enough accepts nothing: the message is then never acknowledged.
        let _ = chat.sockets[number as usize % chat.sockets.len()].try_write(&frame);
    }
    // What is in flight may still arrive, late.
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let waits = || chat.sent.borrow().iter().any(|(_, phase, acked)| *phase < Phase::After && !acked);
    while waits() && open.get() > 0 && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for (intended, phase, acked) in chat.sent.borrow().iter() {
        if !acked {
            let waited = wire::now().saturating_sub(*intended);
            shared.note(*phase, |tally| {
                tally.refused("send", "not acknowledged");
                tally.ack.push(waited);
            });
        }
    }
    // Dropped here, after the end was recorded: sockets that close now are closed by us.
}

async fn watch(
    shared: Rc<Shared>,
    stream: Rc<TcpStream>,
    sent: Rc<RefCell<Vec<(u64, Phase, bool)>>>,
    open: Rc<Cell<usize>>,
) {
    let mut buffer: Vec<u8> = Vec::with_capacity(64 * 1024);
    let mut code = None;
    loop {
        let ended = match stream.readable().await {
            Err(_) => true,
            Ok(()) => match stream.try_read_buf(&mut buffer) {
                Ok(0) => true,
                Ok(_) => false,
                Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
            },
        };
        let mut at = 0;
        while let Some((opcode, range)) = wire::frame(&buffer[at..]) {
            let payload = &buffer[at + range.start..at + range.end];
            match opcode {
                1 => payload.split(|byte| *byte == b'\n').for_each(|text| take(&shared, &sent, text)),
                8 => code = payload.get(..2).map(|code| u16::from_be_bytes([code[0], code[1]])),
                _ => {}
            }
            at += range.end;
        }
        buffer.drain(..at);
        if ended {
            open.set(open.get() - 1);
            let code = code.map_or("without a code".to_owned(), |code| format!("with {code}"));
            shared.seen.borrow_mut().closed.push(code);
            return;
        }
    }
}

fn take(shared: &Shared, sent: &RefCell<Vec<(u64, Phase, bool)>>, text: &[u8]) {
    let now = wire::now();
    if text.starts_with(b"{\"type\":\"event\"") {
        let Some(intended) = wire::number_after(text, b"t=", 0) else { return };
        let phase = sent.borrow().iter().rev().find(|(at, ..)| *at == intended).map(|(_, phase, _)| *phase);
        if let Some(phase) = phase {
            shared.note(phase, |tally| tally.delivery.push(now.saturating_sub(intended)));
        }
        return;
    }
    let answered = text.starts_with(b"{\"type\":\"ok\"") || text.starts_with(b"{\"type\":\"error\"");
    let number = wire::number_after(text, b"\"id\":", 8).filter(|number| answered && *number > 0);
    let mut sent = sent.borrow_mut();
    let Some((intended, phase, acked)) = number.and_then(|number| sent.get_mut(number as usize - 1)) else {
        return;
    };
    *acked = true;
    let late = now.saturating_sub(*intended);
    shared.note(*phase, |tally| {
        tally.ack.push(late);
        if text.starts_with(b"{\"type\":\"error\"") {
            tally.refused("send", &String::from_utf8_lossy(&text[..text.len().min(120)]));
        }
    });
}
