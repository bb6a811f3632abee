//! Which socket commands a personal access token allows; a log-in allows all of them.
//!
//! Invariant: every command is matched here, so a new one does not compile without a decision.

use parlour_chat::identity::api_tokens::Grant;
use parlour_protocol::socket::ClientFrame;

/// Whether the grant of the connection's token allows a command.
pub(super) fn by(grant: Option<&Grant>, frame: &ClientFrame) -> bool {
    let Some(grant) = grant else {
        return true;
    };
    let (writes, conversation) = match frame {
        ClientFrame::Send { conversation, .. }
        | ClientFrame::Edit { conversation, .. }
        | ClientFrame::Delete { conversation, .. }
        | ClientFrame::React { conversation, .. }
        | ClientFrame::Read { conversation, .. }
        | ClientFrame::Typing { conversation } => (true, Some(*conversation)),
        ClientFrame::Sync { conversation, .. } => (false, Some(*conversation)),
        // Which conversations are followed was settled when the connection started.
        ClientFrame::Start(_) | ClientFrame::Focus { .. } | ClientFrame::Ping { .. } => (false, None),
    };
    (grant.writes || !writes) && conversation.is_none_or(|id| grant.covers(id))
}
