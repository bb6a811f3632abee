//! The writing side: a response body that hands everything that waits to the connection as one chunk.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;
use parlour_realtime::Outbox;

pub(super) struct SocketBody {
    outbox: Arc<Outbox>,
    // Dropped with this body, it tells the reading side that the connection is gone.
    _original: BoxBody,
}

impl SocketBody {
    pub(super) fn new(outbox: Arc<Outbox>, original: BoxBody) -> Self {
        Self { outbox, _original: original }
    }
}

impl MessageBody for SocketBody {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.outbox.poll_chunk(cx).map(|chunk| chunk.map(Ok))
    }
}

impl Drop for SocketBody {
    fn drop(&mut self) {
        self.outbox.finish();
    }
}
