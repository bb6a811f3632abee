//! The life cycle of the connection: open, start, heartbeat, refresh, back off.
//!
//! Invariant: at most one connection is open, and [`Output::Connect`] is the only way to open one. An attempt that failed
//! is followed by a wait, except once after the access token was refreshed.

use std::collections::BTreeMap;

use parlour_protocol::limits::{HEARTBEAT_MS, LIVE, REPLAY};
use parlour_protocol::socket::{ClientFrame, CloseCode, Start};

use super::{Asked, Client, Fetch, Output, Refreshed, Session};
use crate::engine::{AfterClose, after_close};

/// A connection that is silent for this long is dead: one heartbeat interval plus the time for the response.
const SILENCE_MS: u64 = 35_000;
/// How long a page waits before it tries again what the server refused.
const SLOWLY_MS: u64 = 20_000;

/// The state of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// There is none, and none is wanted.
    Down,
    /// The next attempt begins at this time.
    Waiting(u64),
    /// The connection was closed with this code, and the access token is being refreshed.
    Refreshing(u16),
    /// It has been opening since this time: the server's `hello` is missing.
    Opening(u64),
    /// `start` was sent.
    Starting,
    /// `start` was answered.
    Up,
}

impl Session {
    /// Whether the connection works: commands can be sent.
    pub fn is_connected(&self) -> bool {
        self.line == Line::Up
    }

    /// When the last frame arrived.
    pub fn heard(&self) -> u64 {
        self.heard
    }

    /// Whether frames may arrive.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.line, Line::Opening(_) | Line::Starting | Line::Up)
    }

    pub(super) fn begin(&mut self, now: u64) {
        if self.line == Line::Down {
            self.connect(now);
        }
    }

    fn connect(&mut self, now: u64) {
        self.line = Line::Opening(now);
        self.heard = now;
        self.spoke = now;
        // The first ping is sent at a random time, so that the clients of a restarted server do not ping in step.
        self.ping_after = (HEARTBEAT_MS as f64 * (self.chance)()) as u64;
        self.out.push(Output::Connect(self.addresses.current()));
    }

    /// Sends `start` with the cursors and the live conversations.
    pub(super) fn hello(&mut self, epoch: &str, now: u64) {
        if !matches!(self.line, Line::Opening(_)) {
            return;
        }
        self.line = Line::Starting;
        // The response brings all of them.
        self.heads.clear();
        let known: Vec<_> = self.cursors.conversations().keys().copied().collect();
        if self.cursors.set_epoch(epoch) {
            self.void.extend(known);
            self.out.push(Output::NewEpoch);
        }
        let most = if self.client == Client::Page { REPLAY.1 as usize } else { usize::MAX };
        let mut cursors = BTreeMap::new();
        for (id, seq) in self.cursors.conversations() {
            if self.is_close(*id) && cursors.len() < most {
                cursors.insert(*id, *seq);
            }
        }
        self.focused = self.live.iter().copied().take(LIVE).collect();
        let start = Start {
            id: self.ask(Asked::Start, now),
            token: None,
            epoch: self.cursors.epoch().map(str::to_owned),
            user_cursor: self.cursors.user(),
            cursors,
            live: self.focused.clone(),
        };
        self.spoke = now;
        self.out.push(Output::Start(start));
    }

    /// Notes that `start` was answered.
    pub(super) fn up(&mut self, now: u64) {
        self.line = Line::Up;
        self.renewed = false;
        self.connected_at = now;
        self.addresses.connected(now);
        self.out.push(Output::Connected);
    }

    /// Decides what to do after the connection has ended.
    pub(super) fn closed(&mut self, code: u16, pause: Option<u64>, now: u64) {
        if !self.is_open() {
            return;
        }
        let was_connected = self.is_connected();
        self.asked.clear();
        self.waiting = None;
        self.syncs.clear();
        self.pauses.clear();
        self.look_again = None;
        let page = self.client == Client::Page;
        let refresh = match after_close(code) {
            AfterClose::Refresh => true,
            // Another tab may have logged in again, and its session is shared.
            AfterClose::LogIn if page => true,
            AfterClose::Reconnect => false,
            AfterClose::Refused if page => false,
            AfterClose::LogIn | AfterClose::Refused | AfterClose::Stop => return self.stop(code),
        };
        self.out.push(Output::Lost { code, was_connected });
        if refresh {
            self.line = Line::Refreshing(code);
            self.out.push(Output::Refresh);
        } else {
            self.wait(code, pause, now);
        }
    }

    pub(super) fn refreshed(&mut self, refreshed: Refreshed, now: u64) {
        let Line::Refreshing(code) = self.line else { return };
        match refreshed {
            Refreshed::Ended => self.stop(code),
            Refreshed::Renewed if !self.renewed => {
                self.renewed = true;
                self.connect(now);
            }
            // The new token was refused as well.
            Refreshed::Renewed if self.client == Client::Program && !CloseCode::reconnects(code) => {
                self.stop(code);
            }
            Refreshed::Renewed | Refreshed::Failed => self.wait(code, None, now),
        }
    }

    fn wait(&mut self, code: u16, pause: Option<u64>, now: u64) {
        let chance = (self.chance)();
        let wait = self.addresses.failed(now, pause, chance);
        let least = if CloseCode::reconnects(code) { 0 } else { SLOWLY_MS };
        self.line = Line::Waiting(now + wait.max(least));
    }

    fn stop(&mut self, code: u16) {
        self.line = Line::Down;
        self.out.push(Output::Stopped(code));
    }

    /// Drops a connection that does not work, or whose events do not fit together.
    pub(super) fn give_up(&mut self, now: u64) {
        self.out.push(Output::Disconnect);
        self.closed(1006, None, now);
    }

    pub(super) fn wake(&mut self, now: u64) {
        if matches!(self.line, Line::Waiting(_)) {
            self.connect(now);
        }
    }

    /// Sends a ping, unless a response is pending anyway.
    pub(super) fn probe(&mut self, now: u64) {
        if self.is_connected() && self.waiting.is_none() {
            let id = self.ask(Asked::Ping, now);
            self.send(ClientFrame::Ping { id }, now);
        }
    }

    pub(super) fn tick(&mut self, now: u64) {
        match self.line {
            Line::Waiting(at) if now >= at => self.connect(now),
            Line::Opening(_) | Line::Starting | Line::Up if now >= self.dead_at() => self.give_up(now),
            Line::Up => {
                if now >= self.ping_at() {
                    self.ping_after = HEARTBEAT_MS;
                    self.probe(now);
                }
                self.sync_again(now);
                self.flush(now);
            }
            _ => {}
        }
    }

    /// When to report [`Input::Tick`](super::Input::Tick) at the latest.
    pub fn deadline(&self) -> Option<u64> {
        match self.line {
            Line::Down | Line::Refreshing(_) => None,
            Line::Waiting(at) => Some(at),
            Line::Opening(_) | Line::Starting => Some(self.dead_at()),
            Line::Up => {
                let mut first = self.dead_at();
                if self.waiting.is_none() {
                    first = first.min(self.ping_at());
                }
                for (_, sync) in &self.syncs {
                    if let Fetch::Again(at) = sync {
                        first = first.min(*at);
                    }
                }
                for (_, at) in &self.pauses {
                    first = first.min(*at);
                }
                Some(first.min(self.look_again.unwrap_or(first)))
            }
        }
    }

    /// When the connection counts as dead.
    fn dead_at(&self) -> u64 {
        // A page tells its user within seconds that nothing is being sent. A program is not in a hurry, unless another
        // address may respond at once.
        let (opening, answer) = match self.client {
            Client::Page => (10_000, 6_000),
            Client::Program if self.addresses.has_others() => (3_000, 20_000),
            Client::Program => (20_000, 20_000),
        };
        match (self.line, self.waiting) {
            (Line::Opening(since), _) => since + opening,
            (_, Some(waiting)) => (waiting.max(self.heard) + answer).min(self.heard + SILENCE_MS),
            _ => self.heard + SILENCE_MS,
        }
    }

    fn ping_at(&self) -> u64 {
        self.heard.min(self.spoke) + self.ping_after
    }
}
