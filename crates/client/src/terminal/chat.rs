//! The main loop of the terminal client: runs what the user types and shows what happens.
//!
//! Invariant: one message is in flight at a time, with a cid that it keeps until it is stored or refused. So messages
//! arrive once and in the order in which they were typed, however often the connection breaks.

use std::collections::{BTreeMap, VecDeque};

use parlour_protocol::ids::{ConversationId, Seq};

use super::Trouble;
use super::commands::{HELP, Typed};
use super::input::Input;
use super::people::People;
use super::screen::Screen;
use crate::native::{Api, Follower, Update, fresh_cid};

/// Maximum number of messages waiting to be sent; beyond this, no input is read.
const OUTGOING: usize = 64;

/// A message waiting to be sent.
struct Outgoing {
    conversation: ConversationId,
    cid: String,
    body: String,
}

/// One run of the terminal client.
pub(super) struct Chat<'s> {
    pub(super) api: Api,
    pub(super) follower: Follower,
    pub(super) screen: &'s mut Screen,
    pub(super) people: People,
    /// Display names of the conversations shown so far.
    pub(super) places: BTreeMap<ConversationId, String>,
    /// The conversation that typed lines are sent to.
    pub(super) here: Option<ConversationId>,
    /// Per conversation: the last position shown as history; events up to it are skipped.
    pub(super) shown: BTreeMap<ConversationId, Seq>,
    /// Messages to send; the first one is in flight.
    outgoing: VecDeque<Outgoing>,
    /// True while the conversations that existed before the start are being announced.
    arriving: bool,
    leaving: bool,
}

impl<'s> Chat<'s> {
    /// A client that has not started yet.
    pub(super) fn new(api: Api, follower: Follower, screen: &'s mut Screen) -> Self {
        Self {
            api,
            follower,
            screen,
            people: People::default(),
            places: BTreeMap::new(),
            here: None,
            shown: BTreeMap::new(),
            outgoing: VecDeque::new(),
            arriving: true,
            leaving: false,
        }
    }

    /// Joins the given room, or lists the rooms.
    pub(super) async fn begin(&mut self, room: Option<String>) -> Result<(), Trouble> {
        match room {
            // If the requested room cannot be joined, there is nothing to do here.
            Some(name) => self.join(name.trim_start_matches('#')).await,
            None => self.rooms().await,
        }
    }

    /// Runs until the user leaves and everything they wrote is settled.
    pub(super) async fn run(&mut self, input: &mut Input) -> Result<(), Trouble> {
        while !(self.leaving && self.outgoing.is_empty()) {
            let listens = !self.leaving && self.outgoing.len() < OUTGOING;
            tokio::select! {
                update = self.follower.next() => self.happened(update?).await?,
                line = input.next(), if listens => match line {
                    Some(line) => self.typed(&line).await?,
                    None => self.leaving = true,
                },
            }
        }
        Ok(())
    }

    async fn typed(&mut self, line: &str) -> Result<(), Trouble> {
        match self.obey(Typed::read(line)).await {
            Err(Trouble::Refused(why)) => Ok(self.screen.note(&why)?),
            other => other,
        }
    }

    async fn obey(&mut self, typed: Typed) -> Result<(), Trouble> {
        match typed {
            Typed::Nothing => Ok(()),
            Typed::Message(body) => {
                let nowhere = || Trouble::Refused("You are in no room. /join ROOM enters one.".into());
                let conversation = self.here.ok_or_else(nowhere)?;
                self.screen.take_back()?;
                self.outgoing.push_back(Outgoing { conversation, cid: fresh_cid(), body });
                if self.outgoing.len() == 1 { self.send_next().await } else { Ok(()) }
            }
            Typed::Rooms => self.rooms().await,
            Typed::Join(name) => self.join(&name).await,
            Typed::Friends => self.friends().await,
            Typed::Direct(handle) => self.direct(&handle).await,
            Typed::Help => {
                for line in HELP {
                    self.screen.line(line)?;
                }
                Ok(())
            }
            Typed::Quit => {
                self.leaving = true;
                Ok(())
            }
            Typed::Unclear(why) => Err(Trouble::Refused(why)),
        }
    }

    async fn send_next(&mut self) -> Result<(), Trouble> {
        if let Some(next) = self.outgoing.front() {
            self.follower.send(next.conversation, &next.cid, &next.body, None).await?;
        }
        Ok(())
    }

    async fn settled(&mut self, cid: &str) -> Result<(), Trouble> {
        if self.outgoing.front().is_some_and(|first| first.cid == cid) {
            self.outgoing.pop_front();
            self.send_next().await?;
        }
        Ok(())
    }

    async fn happened(&mut self, update: Update) -> Result<(), Trouble> {
        // Anything other than these updates ends the initial announcements.
        self.arriving &= matches!(update, Update::Connected | Update::Following { .. });
        match update {
            Update::Event(event) => self.show(event).await,
            Update::UserEvent(event) => self.concerns(event.change).await,
            Update::Sent { cid, .. } => self.settled(&cid).await,
            Update::Refused { cid, detail, .. } => {
                self.screen.note(&format!("That was not sent. {detail}"))?;
                self.settled(&cid).await
            }
            Update::Disconnected => Ok(self.screen.note("The connection is lost. Trying again …")?),
            Update::Reset { conversation, after } => {
                self.shown.insert(conversation, after);
                let place = self.place(conversation).await;
                Ok(self
                    .screen
                    .note(&format!("{place} has another history now: what was shown may be gone."))?)
            }
            Update::Left(conversation) => {
                if self.here == Some(conversation) {
                    self.here = None;
                    let place = self.place(conversation).await;
                    self.screen.note(&format!("You are not in {place} any more."))?;
                }
                self.places.remove(&conversation);
                Ok(())
            }
            Update::Following { conversation, after } if !self.arriving => {
                self.show_missed(conversation, after).await
            }
            Update::Connected | Update::Following { .. } | Update::Ephemeral(_) => Ok(()),
        }
    }
}
