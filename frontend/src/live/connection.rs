//! The life cycle of the connection: open, start, heartbeat, reconnect.
//!
//! Invariant: at most one connection; it belongs to one sign-in and ends with it. After every reconnect, the cursors
//! say what is missing.

use std::time::Duration;

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

/// A connection that is silent for this long counts as dead, in milliseconds.
const SILENCE_MS: f64 = 35_000.0;
/// A connection that is silent for this long although an answer is pending counts as dead, in milliseconds. Together
/// with [`QUIET_MS`], the user is told within ten seconds that nothing is being sent.
const ANSWER_MS: f64 = 6_000.0;
/// Timeout for opening a connection, in milliseconds.
const OPENING_MS: f64 = 10_000.0;
/// How long the server may take to answer a probe when the browser reports that the device is offline, in milliseconds.
const PROBE_MS: u64 = 1_000;
/// Number of probes.
const PROBES: u32 = 3;
/// Trouble shorter than this is not shown, in milliseconds, except when the device is offline.
const QUIET_MS: u32 = 2_000;

/// Keeps a connection until its sign-in ends.
pub(crate) async fn run(context: Context, generation: u64) {
    let mut backoff = Backoff::default();
    trouble(context, generation, Link::Unreachable);
    while context.live.generation() == generation {
        let code = connect(context, generation, &mut backoff).await;
        if context.live.generation() != generation {
            return;
        }
        context.live.change(|inner| {
            inner.commands = None;
            inner.asked.clear();
            inner.waiting = None;
            inner.syncing.clear();
        });
        context.set_online_myself(false);
        let why = match code {
            code if code == CloseCode::TooManyConnections.code() => Link::TooManyTabs,
            code if code == CloseCode::Overloaded.code() || code == CloseCode::RateLimited.code() => {
                Link::Busy
            }
            _ => Link::Unreachable,
        };
        match context.link.get_untracked() {
            Link::Online => trouble(context, generation, why),
            Link::Unreachable | Link::Busy | Link::TooManyTabs => context.link.set(why),
            Link::Trouble | Link::Offline => {}
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
            context.toast(crate::texts::chat::new_version(), true);
            return;
        }
        let mut wait = backoff.failed(browser::chance());
        if !CloseCode::reconnects(code) {
            // A quick retry would not help, for example if too many tabs are open.
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

/// Shows connection trouble: immediately if the browser reports that the device is offline, otherwise after
/// [`QUIET_MS`].
fn trouble(context: Context, generation: u64, why: Link) {
    if browser::offline() {
        context.link.set(Link::Offline);
        return;
    }
    context.link.set(Link::Trouble);
    leptos::task::spawn_local(async move {
        TimeoutFuture::new(QUIET_MS).await;
        if context.live.generation() == generation && context.link.get_untracked() == Link::Trouble {
            context.link.set(if browser::offline() { Link::Offline } else { why });
        }
    });
}

/// Probes the connection when the browser reports that the device is offline. Several times, because the first frames
/// heard may have been in flight before.
fn doubt(context: Context, generation: u64, probes: u32) {
    let asked = browser::now_ms();
    context.live.probe();
    let look = move || {
        if !browser::offline() || context.live.generation() != generation {
            return;
        }
        if context.live.with(|inner| inner.heard < asked) {
            context.link.set(Link::Offline);
        } else if probes > 1 {
            doubt(context, generation, probes - 1);
        }
    };
    set_timeout(look, Duration::from_millis(PROBE_MS));
}

impl Context {
    /// Handles the browser's online and offline events. An offline report may be wrong: the server's answer decides.
    pub(crate) fn line_changed(&self) {
        let generation = self.live.generation();
        match (browser::offline(), self.link.get_untracked()) {
            (true, Link::Online) => doubt(*self, generation, PROBES),
            (true, _) => self.link.set(Link::Offline),
            (false, Link::Offline) if self.live.connected() => self.live.probe(),
            (false, Link::Offline) => trouble(*self, generation, Link::Unreachable),
            (false, _) => {}
        }
        self.live.wake();
    }
}

/// Runs one connection until it ends and returns the close code.
async fn connect(context: Context, generation: u64, backoff: &mut Backoff) -> u16 {
    let Some(socket) = socket::open(&context.api.origin()) else { return 1006 };
    let (mut sink, stream) = socket.split();
    let mut stream = stream.fuse();
    let (commands, mut queue) = mpsc::channel::<ClientFrame>(256);
    let opened = browser::now_ms();
    let mut heard = opened;
    let mut spoke = heard;
    let mut works = false;
    // The first ping is sent at a random time, so that the clients of a restarted server do not ping in step.
    let mut ping_after = browser::chance() * HEARTBEAT_MS as f64;
    let mut commands = Some(commands);
    loop {
        let mut out = None;
        select! {
            message = stream.next() => match socket::read(message) {
                Ok(frames) => {
                    heard = browser::now_ms();
                    context.live.change(|inner| inner.heard = heard);
                    for frame in frames {
                        if context.live.generation() != generation {
                            return 1000;
                        }
                        if let (ServerFrame::Hello(hello), Some(commands)) = (&frame, commands.take()) {
                            context.live.change(|inner| inner.commands = Some(commands));
                            begin(context, &hello.epoch);
                        } else if context.receive(frame) {
                            backoff.succeeded();
                            works = true;
                        }
                    }
                    if works && context.link.get_untracked() != Link::Online {
                        context.link.set(Link::Online);
                    }
                }
                Err(code) => return code,
            },
            command = queue.next() => out = command,
            () = TimeoutFuture::new(1_000).fuse() => {}
        }
        if context.live.generation() != generation {
            return 1000;
        }
        let now = browser::now_ms();
        let unanswered = context.live.waiting().map_or(0.0, |since| now - since.max(heard));
        let opening = if commands.is_some() { now - opened } else { 0.0 };
        if now - heard > SILENCE_MS || unanswered > ANSWER_MS || opening > OPENING_MS {
            return 1006;
        }
        if out.is_none() && now - spoke.max(heard) > ping_after && context.live.connected() {
            ping_after = HEARTBEAT_MS as f64;
            context.live.probe();
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

/// Sends `start` with the cursors and the conversations followed live.
fn begin(context: Context, epoch: &str) {
    if context.live.change(|inner| inner.cursors.set_epoch(epoch)) {
        // A new epoch: everything built from the old one is discarded.
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
