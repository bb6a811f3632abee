//! The life of the connection: open, start, heartbeat, and again after it broke.
//!
//! Invariant: at most one connection; it belongs to one sign-in and ends with it. After every reconnection
//! the cursors say what is missing.

use futures_channel::mpsc;
use futures_util::{FutureExt, SinkExt, StreamExt, select};
use gloo_net::websocket::Message;
use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use parlour_client::engine::Backoff;
use parlour_protocol::conversations::ConversationKind;
use parlour_protocol::limits::{HEARTBEAT_MS, LIVE, REPLAY};
use parlour_protocol::socket::{ClientFrame, CloseCode, ServerFrame, Start};

use super::Asked;
use crate::api::socket;
use crate::browser;
use crate::context::{Context, Link};

/// Silence after which the connection counts as dead, in milliseconds.
const SILENCE_MS: f64 = 35_000.0;
/// Trouble shorter than this is not told, in milliseconds.
const QUIET_MS: u32 = 2_000;
/// Trouble longer than this is called offline, in milliseconds.
const LONG_MS: u32 = 12_000;

/// Keeps a connection until the sign-in that it belongs to is over.
pub(crate) async fn run(context: Context, generation: u64) {
    let mut backoff = Backoff::default();
    trouble(context, generation);
    while context.live.generation() == generation {
        let code = connect(context, generation, &mut backoff).await;
        if context.live.generation() != generation {
            return;
        }
        context.live.change(|inner| {
            inner.commands = None;
            inner.asked.clear();
            inner.syncing.clear();
        });
        if context.link.get_untracked() == Link::Online {
            trouble(context, generation);
        }
        if code == CloseCode::TokenExpired.code() || code == CloseCode::AuthenticationFailed.code() {
            let refreshed = context.api.refresh().await;
            if refreshed.is_ok() && backoff.failures() == 0 {
                let _ = backoff.failed(0.0);
                continue;
            }
        } else if code == CloseCode::SessionRevoked.code() {
            if context.session_over(crate::texts::auth::logged_out()).await && backoff.failures() == 0 {
                let _ = backoff.failed(0.0);
                continue;
            }
        } else if code == CloseCode::Banned.code() {
            context.leave(Some(crate::texts::auth::suspended().to_owned()));
            return;
        } else if code == CloseCode::Version.code() {
            context.toast("A new version of Parlour is there. Reload the page to go on.", true);
            return;
        }
        let mut wait = backoff.failed(browser::chance());
        if !CloseCode::reconnects(code) {
            // Nothing that a quick retry would mend, such as too many open tabs.
            wait = wait.max(20_000);
        }
        let (wake, mut woken) = mpsc::channel(1);
        context.live.change(|inner| inner.wake = Some(wake));
        select! {
            () = TimeoutFuture::new(u32::try_from(wait).unwrap_or(30_000)).fuse() => {}
            _ = woken.next() => {}
        }
        context.live.change(|inner| inner.wake = None);
    }
}

/// Tells about trouble, once it has lasted.
fn trouble(context: Context, generation: u64) {
    context.link.set(Link::Trouble);
    leptos::task::spawn_local(async move {
        let still =
            |now: Link| context.live.generation() == generation && context.link.get_untracked() == now;
        TimeoutFuture::new(QUIET_MS).await;
        if still(Link::Trouble) {
            context.link.set(Link::Reconnecting);
            TimeoutFuture::new(LONG_MS - QUIET_MS).await;
            if still(Link::Reconnecting) {
                context.link.set(Link::Offline);
            }
        }
    });
}

/// One connection, from opening to its end; answers the code with which it ended.
async fn connect(context: Context, generation: u64, backoff: &mut Backoff) -> u16 {
    let Some(socket) = socket::open() else { return 1006 };
    let (mut sink, stream) = socket.split();
    let mut stream = stream.fuse();
    let (commands, mut queue) = mpsc::channel::<ClientFrame>(256);
    let mut heard = browser::now_ms();
    let mut spoke = heard;
    // The first ping comes at a random time, so that the clients of a restarted server do not ping in step.
    let mut ping_after = browser::chance() * HEARTBEAT_MS as f64;
    let mut commands = Some(commands);
    loop {
        let mut out = None;
        select! {
            message = stream.next() => match socket::read(message) {
                Ok(frames) => {
                    heard = browser::now_ms();
                    for frame in frames {
                        if context.live.generation() != generation {
                            return 1000;
                        }
                        if let (ServerFrame::Hello(hello), Some(commands)) = (&frame, commands.take()) {
                            context.live.change(|inner| inner.commands = Some(commands));
                            begin(context, &hello.epoch);
                        } else if context.receive(frame) {
                            backoff.succeeded();
                            context.link.set(Link::Online);
                        }
                    }
                }
                Err(code) => return code,
            },
            command = queue.next() => out = command,
            () = TimeoutFuture::new(2_000).fuse() => {}
        }
        if context.live.generation() != generation {
            return 1000;
        }
        let now = browser::now_ms();
        if now - heard > SILENCE_MS {
            return 1006;
        }
        if out.is_none() && now - spoke.max(heard) > ping_after && context.live.connected() {
            ping_after = HEARTBEAT_MS as f64;
            context.live.command(Asked::Other, |id| ClientFrame::Ping { id });
        }
        if let Some(frame) = out {
            spoke = now;
            let Ok(text) = serde_json::to_string(&frame) else { continue };
            if sink.send(Message::Text(text)).await.is_err() {
                return 1006;
            }
        }
    }
}

/// The first command: what is known, and what is followed live.
fn begin(context: Context, epoch: &str) {
    if context.live.change(|inner| inner.cursors.set_epoch(epoch)) {
        // The server's history is another one: everything that was built from the old one goes.
        context.reload_all();
    }
    let open = context.open.id.get_untracked();
    let mut cursors = std::collections::BTreeMap::new();
    for id in context.ids.get_untracked() {
        let direct = context
            .entry(id)
            .is_some_and(|entry| entry.with_untracked(|entry| entry.kind == ConversationKind::Direct));
        if (direct || open == Some(id))
            && (cursors.len() as i64) < REPLAY.1
            && let Some(cursor) = context.live.cursor(id)
        {
            cursors.insert(id, cursor);
        }
    }
    let live: Vec<_> = open.into_iter().take(LIVE).collect();
    let (epoch, user_cursor) =
        context.live.with(|inner| (inner.cursors.epoch().map(str::to_owned), inner.cursors.user()));
    let token = context.api.token();
    context.live.command(Asked::Start, |id| {
        ClientFrame::Start(Start { id, token, epoch, user_cursor, cursors, live })
    });
}
