//! The transport of the engine's session: opens the socket, passes frames in both directions, and shows whether there is
//! a connection.
//!
//! Invariant: at most one connection; it belongs to one sign-in and ends with it. When to connect, when to give up and
//! what to send is decided by the session alone.

use std::pin::pin;
use std::time::Duration;

use futures_channel::mpsc;
use futures_util::{FutureExt, SinkExt, StreamExt, select};
use gloo_net::websocket::futures::WebSocket;
use gloo_net::websocket::{Message, WebSocketError};
use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_client::engine::{Input, Output, Refreshed};
use parlour_protocol::socket::{ClientFrame, CloseCode};

use crate::api::socket;
use crate::browser;
use crate::context::Context;
use crate::stores::session::Link;
use crate::texts::{auth, chat};

/// The clock is read at least this often, in milliseconds: timers of a suspended tab are late.
const LOOKS_MS: u64 = 1_000;
/// How long the server may take to answer a probe when the browser reports that the device is offline, in milliseconds.
const PROBE_MS: u64 = 1_000;
/// Number of probes.
const PROBES: u32 = 3;
/// Trouble shorter than this is not shown, in milliseconds, except when the device is offline.
const QUIET_MS: u32 = 2_000;

/// Keeps a connection until its sign-in ends.
pub(crate) async fn run(context: Context, generation: u64) {
    if context.live.generation() != generation {
        return;
    }
    let (wake, mut woken) = mpsc::channel(1);
    context.live.change(|inner| inner.wake = Some(wake));
    trouble(context, generation, Link::Unreachable);
    context.feed(Input::Begin);
    let mut socket = None;
    while context.live.generation() == generation {
        carry_out(context, &mut socket).await;
        let wait = context.live.with(|inner| {
            let due = inner.session.deadline().map(|at| at.saturating_sub(browser::now_ms() as u64));
            due.map_or(LOOKS_MS, |wait| wait.min(LOOKS_MS))
        });
        let received = {
            let mut next = pin!(next(&mut socket).fuse());
            select! {
                message = next => Some(message),
                _ = woken.next() => None,
                () = TimeoutFuture::new(wait as u32).fuse() => None,
            }
        };
        match received.map(socket::read) {
            Some(Ok(frames)) => {
                for frame in frames {
                    if context.live.generation() != generation {
                        return;
                    }
                    context.feed(Input::Frame(frame));
                }
                if context.live.connected() && context.session.link.get_untracked() != Link::Online {
                    context.session.link.set(Link::Online);
                }
            }
            Some(Err(code)) if context.live.generation() == generation => closed(context, &mut socket, code),
            Some(Err(_)) | None => {}
        }
        if context.live.generation() != generation {
            return;
        }
        context.feed(Input::Tick);
    }
}

/// The next message, or none while there is no socket.
async fn next(socket: &mut Option<WebSocket>) -> Option<Result<Message, WebSocketError>> {
    match socket {
        Some(socket) => socket.next().await,
        None => std::future::pending().await,
    }
}

fn closed(context: Context, socket: &mut Option<WebSocket>, code: u16) {
    *socket = None;
    context.feed(Input::Closed { code, pause: None });
}

/// Carries out what the session wants of the transport.
async fn carry_out(context: Context, socket: &mut Option<WebSocket>) {
    for order in context.live.change(|inner| std::mem::take(&mut inner.orders)) {
        let frame = match order {
            Output::Connect(_) => {
                *socket = socket::open(&context.session.origin());
                if socket.is_none() {
                    closed(context, socket, 1006);
                }
                continue;
            }
            Output::Start(mut start) => {
                start.token = context.api.token();
                ClientFrame::Start(start)
            }
            Output::Send(frame) => frame,
            _ => {
                *socket = None;
                continue;
            }
        };
        // Without a socket this is a rest of what was meant for the previous connection.
        let (Some(open), Ok(text)) = (socket.as_mut(), serde_json::to_string(&frame)) else { continue };
        if open.send(Message::Text(text)).await.is_err() {
            closed(context, socket, 1006);
        }
    }
}

/// Shows connection trouble: immediately if the browser reports that the device is offline, otherwise after
/// [`QUIET_MS`].
fn trouble(context: Context, generation: u64, why: Link) {
    if browser::offline() {
        context.session.link.set(Link::Offline);
        return;
    }
    context.session.link.set(Link::Trouble);
    spawn_local(async move {
        TimeoutFuture::new(QUIET_MS).await;
        if context.live.generation() == generation && context.session.link.get_untracked() == Link::Trouble {
            context.session.link.set(if browser::offline() { Link::Offline } else { why });
        }
    });
}

/// Probes the connection when the browser reports that the device is offline. Several times, because the first frames
/// heard may have been in flight before.
fn doubt(context: Context, generation: u64, probes: u32) {
    let asked = browser::now_ms();
    context.feed(Input::Probe);
    let look = move || {
        if !browser::offline() || context.live.generation() != generation {
            return;
        }
        if context.live.with(|inner| inner.session.heard()) < asked as u64 {
            context.session.link.set(Link::Offline);
        } else if probes > 1 {
            doubt(context, generation, probes - 1);
        }
    };
    set_timeout(look, Duration::from_millis(PROBE_MS));
}

impl Context {
    /// Handles the loss of the connection.
    pub(super) fn lost(&self, code: u16) {
        self.people.set_online_myself(false);
        let why = match code {
            code if code == CloseCode::TooManyConnections.code() => Link::TooManyTabs,
            code if code == CloseCode::Overloaded.code() || code == CloseCode::RateLimited.code() => {
                Link::Busy
            }
            _ => Link::Unreachable,
        };
        match self.session.link.get_untracked() {
            Link::Online => trouble(*self, self.live.generation(), why),
            Link::Unreachable | Link::Busy | Link::TooManyTabs => self.session.link.set(why),
            Link::Trouble | Link::Offline => {}
        }
    }

    /// Handles the end of all attempts to connect.
    pub(super) fn stopped(&self, code: u16) {
        self.lost(code);
        if code == CloseCode::Banned.code() {
            self.leave(Some(auth::suspended().to_owned()));
        } else if code == CloseCode::SessionRevoked.code() {
            self.leave(Some(auth::logged_out().to_owned()));
        } else if code == CloseCode::Version.code() {
            self.ui.toast(chat::new_version(), true);
        }
        // Otherwise the session has expired, which every refresh reports.
    }

    /// Refreshes the access token for the connection.
    pub(super) fn renew(&self) {
        let (context, generation) = (*self, self.live.generation());
        spawn_local(async move {
            let refreshed = match context.api.refresh().await {
                Ok(_) => Refreshed::Renewed,
                Err(failure) if failure.ends_session() => Refreshed::Ended,
                Err(_) => Refreshed::Failed,
            };
            if context.live.generation() == generation {
                context.feed(Input::Refreshed(refreshed));
            }
        });
    }

    /// Handles the browser's online and offline events. An offline report may be wrong: the server's answer decides.
    pub(crate) fn line_changed(&self) {
        let generation = self.live.generation();
        match (browser::offline(), self.session.link.get_untracked()) {
            (true, Link::Online) => doubt(*self, generation, PROBES),
            (true, _) => self.session.link.set(Link::Offline),
            (false, Link::Offline) if self.live.connected() => self.feed(Input::Probe),
            (false, Link::Offline) => trouble(*self, generation, Link::Unreachable),
            (false, _) => {}
        }
        self.feed(Input::Wake);
    }
}
