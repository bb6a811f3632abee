//! Response bodies: handed out in pieces, as fast as the client takes them.
//!
//! Invariant: bytes that wait for a client count against the node's memory budget until they are taken, and little of
//! them is also buffered by the connection.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::header::{CACHE_CONTROL, HeaderName, IF_NONE_MATCH};
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};

use crate::auth::{Shared, owner};
use crate::budget::memory::{Held, Owner};
use crate::budget::place::{Place, Serving};
use crate::budget::{ANSWERS_OF_PERSON, SMALL};

/// Bytes handed to the connection at once.
const PIECE: usize = 16 * 1024;

/// Marks a response whose bytes are part of the executable: only the pieces in flight are charged to the memory
/// budget.
#[derive(Clone, Copy)]
pub struct Embedded;

/// Whether the client already has the version with this ETag (`If-None-Match`).
pub fn is_known(request: &HttpRequest, tag: &str) -> bool {
    listed(request, IF_NONE_MATCH).split(',').map(str::trim).any(|one| one == tag || one == "*")
}

/// All values of a header, joined by commas.
pub fn listed(request: &HttpRequest, name: HeaderName) -> String {
    request.headers().get_all(name).filter_map(|value| value.to_str().ok()).collect::<Vec<_>>().join(",")
}

/// Serves a text that never changes. `text` runs on each request and may build it lazily.
pub fn serve_text(
    config: &mut web::ServiceConfig,
    path: &str,
    kind: &'static str,
    text: impl Fn() -> &'static str + Clone + 'static,
) {
    let serve = move || {
        let mut response = HttpResponse::Ok();
        response.content_type(kind).insert_header((CACHE_CONTROL, "no-cache"));
        std::future::ready(response.body(text()))
    };
    config.route(path, web::get().to(serve));
}

/// A body whose bytes are all in memory.
struct Pieces {
    bytes: Bytes,
    size: u64,
    _held: Option<Held>,
    _serving: Option<Serving>,
}

impl MessageBody for Pieces {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.size)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let count = self.bytes.len().min(PIECE);
        let piece = self.bytes.split_to(count);
        Poll::Ready((!piece.is_empty()).then_some(Ok(piece)))
    }
}

/// A body that is produced while it is sent.
struct Stream {
    body: BoxBody,
    _serving: Option<Serving>,
}

impl MessageBody for Stream {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(cx)
    }
}

/// Wraps a response body for the connection; `None` if the memory budget has no room for it now.
pub fn bounded(
    request: &HttpRequest,
    body: BoxBody,
    embedded: bool,
    serving: Option<Serving>,
) -> Option<BoxBody> {
    let bytes = match body.try_into_bytes() {
        Ok(bytes) => bytes,
        Err(body) => return Some(BoxBody::new(Stream { body, _serving: serving })),
    };
    let counted = if embedded { bytes.len().min(2 * PIECE) } else { bytes.len() };
    let held = match (request.app_data::<Shared>(), request.conn_data::<Arc<Place>>()) {
        (Some(app), Some(place)) if counted > SMALL => {
            let owner = owner(app, request);
            if let Owner::Person(person) = owner
                && !embedded
            {
                app.budgets.charge_for_size(person, counted);
            }
            let most = if matches!(owner, Owner::Person(_)) { ANSWERS_OF_PERSON } else { usize::MAX };
            // A single response is always allowed, however large.
            let most = most.max(counted);
            Some(app.budgets.memory.hold(owner, counted, most, place.kill())?)
        }
        _ => None,
    };
    let size = bytes.len() as u64;
    Some(BoxBody::new(Pieces { bytes, size, _held: held, _serving: serving }))
}
