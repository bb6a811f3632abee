//! What a token allows of the commands of a socket; a log-in allows all of them.

use parlour_chat::api_tokens::Grant;
use parlour_protocol::socket::ClientFrame;

/// Whether the grant of the token that a connection was started with allows a command.
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
        // What is followed was settled when the connection started.
        ClientFrame::Start(_) | ClientFrame::Focus { .. } | ClientFrame::Ping { .. } => (false, None),
    };
    (grant.writes || !writes) && conversation.is_none_or(|id| grant.covers(id))
}
