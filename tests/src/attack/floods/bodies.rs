//! Bodies that never end, or that nobody asked for.

use std::rc::Rc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::super::people::Person;
use super::super::scene::{Scene, pour};

/// Time between two bytes of a body that trickles.
const DRIP: Duration = Duration::from_secs(2);

/// Writes `begin`, and then a byte now and then until the other side gives up.
async fn drip(mut stream: TcpStream, begin: &[u8]) {
    if stream.write_all(begin).await.is_err() {
        return;
    }
    let mut answer = [0; 4096];
    loop {
        tokio::select! {
            () = tokio::time::sleep(DRIP) => if stream.write_all(b" ").await.is_err() { return },
            ready = stream.readable() => {
                if ready.is_err() { return }
                match stream.try_read(&mut answer) {
                    Ok(0) => return,
                    Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => return,
                    // The response is here; the body continues all the same.
                    _ => {}
                }
            }
        }
    }
}

fn post(path: &str, headers: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{headers}\r\n")
        .into_bytes()
}

/// Sixty of sixty-five kilobytes of a body on thousands of connections.
pub fn json(scene: Rc<Scene>) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        scene
            .keep(3000, async |scene, number| {
                let path = ["/api/v1/sessions", "/api/v1/accounts", "/api/v1/sessions/refresh"][number % 3];
                let Some(stream) = scene.connect(number, None).await else { return };
                let mut begin = post(path, "content-length: 65000\r\n");
                begin.extend(b"{\"handle\":\"");
                begin.extend(vec![b'a'; 60_000]);
                scene.count("opened", 1);
                drip(stream, &begin).await;
            })
            .await;
    })
}

/// Five megabytes of a picture and a little more, on 200 connections of one account.
pub fn pictures(scene: Rc<Scene>) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        let person: Rc<Person> = Rc::new(scene.accounts(1).await.remove(0));
        scene
            .keep(200, move |scene, number| {
                let person = person.clone();
                async move {
                    let Some(stream) = scene.connect(number, None).await else { return };
                    let mut begin = format!(
                        "PUT /api/v1/account/avatar HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
                         content-type: image/png\r\ncontent-length: 5200000\r\n\r\n",
                        person.token
                    )
                    .into_bytes();
                    begin.extend(b"\x89PNG\r\n\x1a\n");
                    begin.extend(vec![0; 5_000_000]);
                    scene.count("opened", 1);
                    drip(stream, &begin).await;
                }
            })
            .await;
    })
}

/// Chunks of one byte, chunk extensions that never end, and a chunk size that never ends.
pub fn chunked(scene: Rc<Scene>) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        scene
            .keep(60, async |scene, number| {
                let Some(mut stream) = scene.connect(number, None).await else { return };
                if stream
                    .write_all(&post("/api/v1/sessions", "transfer-encoding: chunked\r\n"))
                    .await
                    .is_err()
                {
                    return;
                }
                match number % 4 {
                    0 => pour(&mut stream, &b"1\r\n{\r\n".repeat(512)).await,
                    1 => pour(&mut stream, &[b"1;".as_slice(), &[b'x'; 16 * 1024]].concat()).await,
                    2 => pour(&mut stream, &[b'0'; 16 * 1024]).await,
                    _ => {
                        let _ = stream.write_all(b"FFFFFFFFFFFFFFF\r\n").await;
                        pour(&mut stream, &[b'a'; 64 * 1024]).await;
                    }
                }
            })
            .await;
    })
}

/// Bodies for operations that take none and for paths that do not exist, with more bytes after the response has
/// arrived.
pub fn unwanted(scene: Rc<Scene>) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        let person: Rc<Person> = Rc::new(scene.accounts(1).await.remove(0));
        scene
            .keep(60, move |scene, number| {
                let person = person.clone();
                async move {
                    let Some(mut stream) = scene.connect(number, None).await else { return };
                    let line = [
                        "GET /health/live",
                        "GET /",
                        "DELETE /api/v1/blocks/5",
                        "GET /api/v1/account",
                        "POST /api/v1/nothing",
                        "PATCH /api/v1/sessions",
                        "GET /api/v1/socket",
                    ][number % 7];
                    let length = if number % 2 == 0 {
                        "content-length: 5000000000"
                    } else {
                        "transfer-encoding: chunked"
                    };
                    let head = format!(
                        "{line} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n{length}\r\n\r\n",
                        person.token
                    );
                    if stream.write_all(head.as_bytes()).await.is_err() {
                        return;
                    }
                    let chunk = [b"10000\r\n".as_slice(), &[b'a'; 65_536], b"\r\n"].concat();
                    pour(&mut stream, &chunk).await;
                }
            })
            .await;
    })
}

/// One byte of a ten-byte body, on more connections than a process has descriptors by default.
pub fn descriptors(scene: Rc<Scene>) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        scene
            .keep(1100, async |scene, number| {
                let Some(stream) = scene.connect(number, None).await else { return };
                let mut begin = post("/api/v1/sessions", "content-length: 10\r\n");
                begin.push(b'{');
                scene.count("opened", 1);
                // No further bytes: ten would complete the body.
                hold(stream, &begin).await;
            })
            .await;
    })
}

async fn hold(mut stream: TcpStream, begin: &[u8]) {
    if stream.write_all(begin).await.is_err() {
        return;
    }
    let mut answer = [0; 4096];
    while stream.readable().await.is_ok() {
        match stream.try_read(&mut answer) {
            Ok(0) => return,
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => return,
            _ => {}
        }
    }
}

/// Nothing at all, half a line, one header per second, and silence after one good request.
pub fn silent(scene: Rc<Scene>) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        scene
            .keep(4000, async |scene, number| {
                let Some(mut stream) = scene.connect(number, None).await else { return };
                scene.count("opened", 1);
                match number % 4 {
                    0 => hold(stream, b"").await,
                    1 => hold(stream, b"GET / HT").await,
                    2 => hold(stream, b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n").await,
                    _ => {
                        if stream
                            .write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n")
                            .await
                            .is_err()
                        {
                            return;
                        }
                        while stream.write_all(b"x-slow: x\r\n").await.is_ok() {
                            tokio::time::sleep(Duration::from_secs(1)).await;
                        }
                    }
                }
            })
            .await;
    })
}
