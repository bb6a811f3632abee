//! Input that makes the server write to its log.

use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::scene::Scene;
use crate::wire::client_frame;

/// Malformed requests.
const MALFORMED: [&[u8]; 6] = [
    b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET / HTTP/9.9\r\n\r\n",
    b"POST / HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
    b"\0\0\0\0\r\n\r\n",
    b"GET /\x80\xff HTTP/1.1\r\nhost: localhost\r\n\r\n",
];

/// Requests and frames that cannot be parsed, on twenty connections.
pub fn malformed(scene: Rc<Scene>) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        scene
            .keep(20, async |scene, number| {
                let bytes = if number % 10 == 9 {
                    let Some(mut stream) = scene.socket(number, None).await else { return };
                    let _ = stream.write_all(&client_frame("{\"op\":\"nonsense\"")).await;
                    return scene.count("frames", 1);
                } else {
                    MALFORMED[number % MALFORMED.len()]
                };
                let Some(mut stream) = scene.connect(number, None).await else { return };
                if stream.write_all(bytes).await.is_ok() {
                    let _ = stream.shutdown().await;
                    let _ = stream.read(&mut [0; 512]).await;
                    scene.count("requests", 1);
                }
            })
            .await;
    })
}
