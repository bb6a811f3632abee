//! Bodies of answers: given out in pieces, as fast as the client takes them.
//!
//! Invariant: what waits for a client is counted in the node's memory budget until it was taken, and a connection holds
//! little of it twice.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::header::{CACHE_CONTROL, HeaderName, IF_NONE_MATCH};
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};

use crate::auth::{Shared, owner};
use crate::budget::connections::{Place, Serving};
use crate::budget::memory::{Held, Owner};
use crate::budget::{ANSWERS_OF_PERSON, SMALL};

/// Bytes that are handed to the connection at once.
const PIECE: usize = 16 * 1024;

/// Marks an answer whose bytes are part of the program: nothing is held for it but a piece.
#[derive(Clone, Copy)]
pub struct Embedded;

/// Whether the client has what this tag stands for.
pub fn is_known(request: &HttpRequest, tag: &str) -> bool {
    listed(request, IF_NONE_MATCH).split(',').map(str::trim).any(|one| one == tag || one == "*")
}

/// All values of a header as one list.
pub fn listed(request: &HttpRequest, name: HeaderName) -> String {
    request.headers().get_all(name).filter_map(|value| value.to_str().ok()).collect::<Vec<_>>().join(",")
}

/// Serves a text that stays the same. It may be made when somebody asks for it first.
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

/// An answer whose bytes are here.
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

/// An answer that is made while it is given out.
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

/// Prepares an answer's body for the connection; `None` when there is no room for it now.
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
            let most = if matches!(owner, Owner::Person(_)) { ANSWERS_OF_PERSON } else { usize::MAX };
            // One answer is always given, however large.
            let most = most.max(counted);
            Some(app.budgets.memory.hold(owner, counted, most, place.kill())?)
        }
        _ => None,
    };
    let size = bytes.len() as u64;
    Some(BoxBody::new(Pieces { bytes, size, _held: held, _serving: serving }))
}
