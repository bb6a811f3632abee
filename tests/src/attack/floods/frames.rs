//! Frames that no library sends: absurd lengths, messages without an end, empty frames by the million.

use std::rc::Rc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::super::people::Person;
use super::super::scene::{Scene, pour};
use crate::wire::{client_frame, header};

/// Lengths that a header can declare: beyond the limit, beyond memory, beyond any file, and the largest possible.
const LENGTHS: [u64; 10] =
    [1 << 16, 70_000, 1 << 20, 1 << 28, (1 << 31) - 1, 1 << 31, 1 << 33, 1 << 40, 1 << 62, i64::MAX as u64];
/// Sockets that write at full speed. More would only compete for the same core.
const LOUD: usize = 32;
/// Sockets that are held open: as many as descriptors and ports allow.
const HELD: usize = 4000;
/// Sockets of one person on one node.
const PER_PERSON: usize = 10;

const TEXT: u8 = 0x81;
const FIRST_OF_TEXT: u8 = 0x01;
const MORE: u8 = 0x00;
const PING: u8 = 0x89;
const PONG: u8 = 0x8A;
const BINARY: u8 = 0x82;

async fn declare(mut stream: TcpStream, number: usize) {
    let length = LENGTHS[number % LENGTHS.len()];
    // Also as the first fragment of a message, and with an unsupported opcode.
    let first = [TEXT, TEXT, FIRST_OF_TEXT, BINARY, PING][number / LENGTHS.len() % 5];
    if stream.write_all(&header(first, length)).await.is_ok() {
        pour(&mut stream, &[b'a'; 64 * 1024]).await;
    }
}

/// Frames that declare more bytes than ever arrive.
pub fn declared(scene: Rc<Scene>) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        scene
            .keep(LOUD, async |scene, number| {
                if let Some(stream) = scene.socket(number, None).await {
                    declare(stream, number).await;
                }
            })
            .await;
    })
}

/// The same on started sockets.
pub fn declared_started(scene: Rc<Scene>) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        let people: Rc<[Person]> = scene.accounts(LOUD / PER_PERSON + 1).await.into();
        scene
            .keep(LOUD, move |scene, number| {
                let people = people.clone();
                async move {
                    if let Some(stream) = scene.started(number, &people[number % people.len()], None).await {
                        declare(stream, number).await;
                    }
                }
            })
            .await;
    })
}

/// A first fragment, followed by endless further ones: of a kilobyte, and empty.
pub fn endless_fragments(scene: Rc<Scene>) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        scene
            .keep(LOUD, async |scene, number| {
                let Some(mut stream) = scene.socket(number, None).await else { return };
                let mut first = header(FIRST_OF_TEXT, 1);
                first.push(b'{');
                if stream.write_all(&first).await.is_err() {
                    return;
                }
                let mut some = header(MORE, if number % 2 == 0 { 1024 } else { 0 });
                some.extend(vec![b' '; if number % 2 == 0 { 1024 } else { 0 }]);
                pour(&mut stream, &some.repeat(64)).await;
            })
            .await;
    })
}

/// A frame of the largest allowed size, without its last byte.
pub fn unfinished(scene: Rc<Scene>) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        scene
            .keep(HELD, async |scene, number| {
                let Some(mut stream) = scene.socket(number, None).await else { return };
                scene.count("opened", 1);
                let mut frame = header(TEXT, 16 * 1024);
                frame.extend(vec![b' '; 16 * 1024 - 1]);
                if stream.write_all(&frame).await.is_ok() {
                    hold(&stream).await;
                }
            })
            .await;
    })
}

/// Waits until the other side ends the connection.
async fn hold(stream: &TcpStream) {
    let mut bytes = [0; 512];
    while stream.readable().await.is_ok() {
        match stream.try_read(&mut bytes) {
            Ok(0) => return,
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => return,
            _ => {}
        }
    }
}

/// A long frame whose header and payload arrive byte by byte.
pub fn dribble(scene: Rc<Scene>) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        scene
            .keep(400, async |scene, number| {
                let Some(mut stream) = scene.socket(number, None).await else { return };
                let bytes = header(TEXT, 1 << 31).into_iter().chain(std::iter::repeat(b'a'));
                for byte in bytes {
                    if stream.write_all(&[byte]).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            })
            .await;
    })
}

/// Six sockets that send empty pongs as fast as they can.
pub fn pongs(scene: Rc<Scene>) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        scene
            .keep(6, async |scene, number| {
                if let Some(mut stream) = scene.socket(number, None).await {
                    pour(&mut stream, &header(PONG, 0).repeat(4096)).await;
                }
            })
            .await;
    })
}

/// Empty frames of each kind.
fn empties(number: usize) -> Vec<u8> {
    match number % 6 {
        0 => header(PONG, 0),
        1 => header(PING, 0),
        // An empty text is malformed; on a started socket it gets an error frame.
        2 => client_frame(""),
        3 => [header(FIRST_OF_TEXT, 0), header(0x80, 0)].concat(),
        4 => [header(FIRST_OF_TEXT, 0), header(MORE, 0).repeat(60), header(0x80, 0)].concat(),
        _ => [header(PING, 125), vec![b'p'; 125], header(PONG, 125), vec![b'p'; 125]].concat(),
    }
}

/// Every kind of empty frame, on a dozen sockets.
pub fn mixed(scene: Rc<Scene>) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        scene
            .keep(12, async |scene, number| {
                if let Some(mut stream) = scene.socket(number, None).await {
                    pour(&mut stream, &empties(number).repeat(1024)).await;
                }
            })
            .await;
    })
}

/// The same on started sockets, where there is more to lose than a connection.
pub fn mixed_started(scene: Rc<Scene>) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        let people: Rc<[Person]> = scene.accounts(2).await.into();
        scene
            .keep(12, move |scene, number| {
                let people = people.clone();
                async move {
                    if let Some(mut stream) =
                        scene.started(number, &people[number % people.len()], None).await
                    {
                        pour(&mut stream, &empties(number / 2).repeat(1024)).await;
                    }
                }
            })
            .await;
    })
}
