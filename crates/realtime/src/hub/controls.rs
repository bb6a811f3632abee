//! What a person's own stream does to their connections: following and leaving conversations, blocks, ended sessions.
//!
//! Invariant: a control is applied after the event that carries it was delivered, in the order of the stream.

use std::collections::BTreeSet;
use std::sync::Arc;

use parlour_protocol::ids::{SessionId, UserId};
use parlour_protocol::socket::CloseCode;

use super::{Hub, lock};
use crate::feed::{Control, Topic};
use crate::outbox::Outbox;

impl Hub {
    /// Closes the sockets of sessions that have ended.
    pub fn end_sessions(&self, ended: &BTreeSet<SessionId>) {
        let connections = lock(&self.0.connections);
        let of_session =
            |outbox: &&Arc<Outbox>| outbox.owner().is_some_and(|(_, session)| ended.contains(&session));
        for outbox in connections.values().flatten().filter(of_session) {
            outbox.close(CloseCode::SessionRevoked);
        }
    }

    pub(super) fn control(&self, user: UserId, control: Control) {
        let connections = lock(&self.0.connections).get(&user).cloned().unwrap_or_default();
        match control {
            Control::EndSession(session) => {
                let of_session =
                    |outbox: &&Arc<Outbox>| outbox.owner().is_some_and(|(_, own)| own == session);
                for outbox in connections.iter().filter(of_session) {
                    outbox.close(CloseCode::SessionRevoked);
                }
            }
            Control::Block(other) => connections.iter().for_each(|outbox| outbox.block(other, true)),
            Control::Unblock(other) => connections.iter().for_each(|outbox| outbox.block(other, false)),
            Control::Detach(id) => {
                connections.iter().for_each(|outbox| self.detach(Topic::Conversation(id), outbox));
            }
            Control::Attach(id) => {
                let topic = Topic::Conversation(id);
                for outbox in connections.iter().filter(|outbox| outbox.may_follow(topic)) {
                    // Live at first: the head read below tells whether it is a direct chat, and a frame too many is
                    // better than one too few.
                    self.attach(topic, outbox, None, true);
                    if let Some(feed) = self.feed(topic) {
                        let mut feed = lock(&feed);
                        feed.may_be_direct();
                        if !outbox.is_live(id) {
                            feed.set_live(outbox, false);
                        }
                    }
                }
                let hub = self.clone();
                tokio::spawn(async move {
                    let heads = hub.0.log.heads(vec![topic]).await;
                    hub.learn(heads);
                });
            }
        }
    }
}
