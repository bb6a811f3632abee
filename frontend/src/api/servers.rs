//! Finds out what is at an address before anything is known about it.

use futures_util::{FutureExt, select};
use gloo_net::http::{Method, RequestBuilder};
use gloo_timers::future::TimeoutFuture;

use crate::browser;
use crate::state::servers::{Found, found};

/// Timeout in milliseconds.
const PATIENCE_MS: u32 = 15_000;

/// Asks what is at an address: an origin, or an empty string for the host that this page came from. Also returns the
/// origin that answered, which differs if a server redirects to its own TLS address.
pub(crate) async fn look(address: &str) -> (Found, Option<String>) {
    let mut asking = Box::pin(ask(address)).fuse();
    select! {
        answer = asking => answer.unwrap_or((Found::Unknown, None)),
        () = TimeoutFuture::new(PATIENCE_MS).fuse() => (Found::Unknown, None),
    }
}

async fn ask(address: &str) -> Option<(Found, Option<String>)> {
    let request =
        RequestBuilder::new(&format!("{address}/api/v1/server")).method(Method::GET).build().ok()?;
    let response = request.send().await.ok()?;
    let (status, origin) = (response.status(), browser::origin_of(&response.url()));
    let text = response.text().await.ok()?;
    Some((found(status, &text), origin))
}
