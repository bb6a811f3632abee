//! A connection as the HTTP dispatcher sees it: it reads and writes as its [`Place`] allows.
//!
//! Invariant: no more is read from a connection than what was asked for, and a little ahead.

use std::io;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};

use actix_web::rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::door::Entry;
use super::pace::Paced;
use super::place::{Place, TAKEN, Turn};
use crate::problems;

/// Bytes of an unwanted body that are discarded, so that a client that keeps sending still sees the response; more
/// for somebody authenticated whose picture is too large.
const THROW_AWAY: (usize, usize) = (64 * 1024, 8 * 1024 * 1024);
/// Bytes read ahead of what was asked for: before a request, a head of maximum size and some of the body; while a
/// request is served, little of what follows it.
const AHEAD: (usize, usize) = (16 * 1024, 8 * 1024);

/// A connection as the HTTP dispatcher sees it.
pub struct Conn {
    stream: TcpStream,
    entry: Entry,
    reader: Paced,
}

impl Conn {
    pub(super) fn new(stream: TcpStream, entry: Entry, reader: Paced) -> Self {
        Self { stream, entry, reader }
    }

    /// The state of the connection.
    pub fn place(&self) -> &Arc<Place> {
        &self.entry.place
    }

    /// Splits it into the stream and its entry at the door.
    pub fn into_parts(self) -> (TcpStream, Entry) {
        (self.stream, self.entry)
    }
}

impl AsyncRead for Conn {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { stream, entry, reader } = self.get_mut();
        let place = &entry.place;
        if place.held.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        let throws_away = place.turn.load(Ordering::Relaxed) == Turn::Request as u8
            && place.unwanted.load(Ordering::Relaxed);
        let served = place.turn.load(Ordering::Relaxed) != Turn::Request as u8;
        let most_ahead = if served { AHEAD.1 } else { AHEAD.0 };
        if place.ahead.load(Ordering::Relaxed) >= most_ahead && !throws_away {
            if place.turn.load(Ordering::Relaxed) == Turn::Request as u8 {
                // The dispatcher parses what was read before it polls again: if it still finds no request in that
                // much, the head is too long.
                if place.starved.swap(true, Ordering::Relaxed) {
                    let _ = stream.try_write(&problems::of_the_dispatcher(431));
                    return Poll::Ready(Ok(()));
                }
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            // What was read before has not been asked for yet.
            *place.reading.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if throws_away {
            let generous = place.generous.load(Ordering::Relaxed);
            let most = if generous { THROW_AWAY.1 } else { THROW_AWAY.0 };
            if place.thrown_away.load(Ordering::Relaxed) > most {
                // Closed rather than held: its buffers are as large as they get.
                return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
            }
        }
        let paced = !place.is_known();
        if paced && reader.poll(cx, place.is_unread()).is_pending() {
            place.waits_to_be_read();
            return Poll::Pending;
        }
        place.is_read();
        let before = buf.filled().len();
        let polled = Pin::new(stream).poll_read(cx, buf);
        let count = buf.filled().len() - before;
        if paced && polled.is_pending() {
            reader.give_back();
        }
        if count > 0 {
            place.read_ahead(count);
            if throws_away {
                place.thrown_away.fetch_add(count, Ordering::Relaxed);
            }
        }
        polled
    }
}

impl AsyncWrite for Conn {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Self { stream, entry, .. } = self.get_mut();
        let place = &entry.place;
        if place.held.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        if !place.answering.load(Ordering::Relaxed)
            && let Some(ours) = problems::in_place_of(bytes)
        {
            // A kilobyte always fits: nothing else on this connection is still unflushed.
            let _ = stream.try_write(&ours);
            if place.is_known() {
                return Poll::Ready(Ok(bytes.len()));
            }
            // The client sees the response and the end of the stream. The dispatcher would close the connection right
            // after writing; `Pending` makes it wait until the connection is overdue.
            place.hold();
            let _ = Pin::new(&mut *stream).poll_shutdown(cx);
            return Poll::Pending;
        }
        match Pin::new(stream).poll_write(cx, bytes) {
            Poll::Pending => {
                if place.blocked.load(Ordering::Relaxed) == 0 {
                    place.taken.store(0, Ordering::Relaxed);
                    place.blocked.store(place.millis() + 1, Ordering::Relaxed);
                }
                Poll::Pending
            }
            Poll::Ready(Ok(count)) => {
                if place.blocked.load(Ordering::Relaxed) > 0
                    && place.taken.fetch_add(count, Ordering::Relaxed) + count >= TAKEN
                {
                    place.blocked.store(0, Ordering::Relaxed);
                }
                Poll::Ready(Ok(count))
            }
            failed => failed,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Everything was written, to the client or to the kernel's buffer.
        let place = &self.entry.place;
        place.blocked.store(0, Ordering::Relaxed);
        if place.turn.load(Ordering::Relaxed) == Turn::Request as u8 {
            place.answering.store(false, Ordering::Relaxed);
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
