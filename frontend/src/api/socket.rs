//! The socket: opening it, decoding its frames, and the lock shared by all tabs.
//!
//! Invariant: frames that cannot be parsed are skipped; a frame of a later version never ends a connection.

use std::future::Future;

use gloo_net::websocket::futures::WebSocket;
use gloo_net::websocket::{Message, WebSocketError};
use leptos::prelude::window;
use parlour_protocol::socket::{SUBPROTOCOL, ServerFrame};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};

use crate::state::servers;

/// Opens the socket of the server at an origin.
pub(crate) fn open(origin: &str) -> Option<WebSocket> {
    WebSocket::open_with_protocol(&servers::socket(origin), SUBPROTOCOL).ok()
}

/// Decodes what the socket received: frames, or the close code.
pub(crate) fn read(message: Option<Result<Message, WebSocketError>>) -> Result<Vec<ServerFrame>, u16> {
    match message {
        Some(Ok(Message::Text(text))) => Ok(frames(&text)),
        Some(Ok(Message::Bytes(_))) => Ok(Vec::new()),
        Some(Err(WebSocketError::ConnectionClose(close))) => Err(close.code),
        Some(Err(_)) | None => Err(1006),
    }
}

/// The frames in one text message, one per line.
pub(crate) fn frames(text: &str) -> Vec<ServerFrame> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Runs a future while holding a lock shared by all tabs of this browser (Web Locks); without a lock if the browser
/// does not support them.
pub(crate) async fn locked<T: 'static>(name: &str, work: impl Future<Output = T> + 'static) -> T {
    let Some((granted, release)) = request_lock(name) else { return work.await };
    let _ = wasm_bindgen_futures::JsFuture::from(granted).await;
    let outcome = work.await;
    let _ = release.call0(&JsValue::NULL);
    outcome
}

/// Requests a lock: returns a promise that resolves when the lock is held, and the function that releases it.
fn request_lock(name: &str) -> Option<(js_sys::Promise, js_sys::Function)> {
    let navigator: JsValue = window().navigator().into();
    let locks = js_sys::Reflect::get(&navigator, &"locks".into()).ok().filter(JsValue::is_object)?;
    let request: js_sys::Function = js_sys::Reflect::get(&locks, &"request".into()).ok()?.dyn_into().ok()?;
    let mut release = None;
    let held = js_sys::Promise::new(&mut |resolve, _| release = Some(resolve));
    let mut failed = false;
    let granted = js_sys::Promise::new(&mut |resolve, _| {
        let held = held.clone();
        let callback = Closure::once_into_js(move || {
            let _ = resolve.call0(&JsValue::NULL);
            held
        });
        failed = request.call2(&locks, &name.into(), &callback).is_err();
    });
    if failed { None } else { Some((granted, release?)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_frames_come_in_one_text() {
        let text = "{\"type\":\"heads\",\"conversations\":{\"5\":3}}\n\n{\"type\":\"novelty\"}\n{oops}";
        assert_eq!(frames(text).len(), 2);
    }
}
