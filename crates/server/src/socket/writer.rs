//! The writing side: one task per thread writes what is queued for all of its sockets.
//!
//! Invariant: it never waits for a socket. What a socket does not accept at once is left to the socket's own task,
//! which waits with a time limit.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parlour_realtime::metrics::Metrics;
use parlour_realtime::ready::{LATER, Token};
use parlour_realtime::{Outbox, ReadyList};
use slab::Slab;
use tokio::net::TcpStream;

/// Sockets written before other tasks of the thread get their turn: about a third of a millisecond.
const AT_ONCE: usize = 64;
/// A connection that accepts no bytes for this long is closed.
const STALLED: Duration = Duration::from_secs(15);

type Sockets = Rc<RefCell<Slab<(Rc<TcpStream>, Arc<Outbox>)>>>;

/// The sockets of a thread, and the list of those that have something to write.
#[derive(Clone, Default)]
struct Writer {
    ready: Arc<ReadyList>,
    sockets: Sockets,
}

thread_local! {
    static WRITER: Writer = {
        let writer = Writer::default();
        actix_web::rt::spawn(run(writer.clone()));
        actix_web::rt::spawn(run_later(writer.clone()));
        writer
    };
}

/// A socket's slot on its thread; dropping it frees the slot.
pub(super) struct Place {
    sockets: Sockets,
    token: Token,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.sockets.borrow_mut().try_remove(self.token);
    }
}

/// Creates the queue of a socket on this thread, and starts writing it.
pub(super) fn register(stream: &Rc<TcpStream>, metrics: Arc<Metrics>) -> (Arc<Outbox>, Place) {
    let Writer { ready, sockets } = WRITER.with(Clone::clone);
    let (outbox, token) = {
        let mut sockets = sockets.borrow_mut();
        let entry = sockets.vacant_entry();
        let token = entry.key();
        let outbox = Arc::new(Outbox::new(metrics, ready, token));
        entry.insert((stream.clone(), outbox.clone()));
        (outbox, token)
    };
    (outbox, Place { sockets, token })
}

async fn run(writer: Writer) {
    let mut tokens = Vec::new();
    loop {
        std::future::poll_fn(|cx| writer.ready.poll_take(cx, &mut tokens)).await;
        writer.write(&mut tokens, Outbox::take_ready).await;
    }
}

/// Writes patient replies that no other frame took along.
async fn run_later(writer: Writer) {
    let mut tokens = Vec::new();
    loop {
        std::future::poll_fn(|cx| writer.ready.poll_take_later(cx, &mut tokens)).await;
        tokio::time::sleep(LATER).await;
        writer.write(&mut tokens, Outbox::take_later).await;
    }
}

impl Writer {
    /// Writes what `take` returns to each of these connections.
    async fn write(&self, tokens: &mut Vec<Token>, take: fn(&Outbox) -> Option<Bytes>) {
        for some in tokens.chunks(AT_ONCE) {
            {
                let sockets = self.sockets.borrow();
                // The socket of a listed token may have gone; if another one took its slot, it has nothing to write.
                let found = some.iter().filter_map(|token| sockets.get(*token));
                found.for_each(|(stream, outbox)| {
                    // A panic costs one connection, not all of this thread.
                    if catch_unwind(AssertUnwindSafe(|| write(stream, outbox, take))).is_err() {
                        outbox.finish();
                    }
                });
            }
            if some.len() == AT_ONCE {
                tokio::task::yield_now().await;
            }
        }
        tokens.clear();
    }
}

fn write(stream: &TcpStream, outbox: &Outbox, take: fn(&Outbox) -> Option<Bytes>) {
    while let Some(chunk) = take(outbox) {
        match stream.try_write(&chunk) {
            Ok(count) if count == chunk.len() => {}
            Ok(count) => outbox.hold(chunk.slice(count..)),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => outbox.hold(chunk),
            Err(_) => outbox.finish(),
        }
    }
}

/// Writes what the socket did not accept at once. Returns false if it accepts nothing for too long, or is broken.
pub(super) async fn write_patiently(stream: &TcpStream, mut chunk: Bytes, outbox: &Outbox) -> bool {
    while !chunk.is_empty() {
        match tokio::time::timeout(STALLED, stream.writable()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return false,
            Err(_) => {
                outbox.stalled();
                return false;
            }
        }
        match stream.try_write(&chunk) {
            Ok(count) => drop(chunk.split_to(count)),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return false,
        }
    }
    true
}
