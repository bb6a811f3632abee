//! The stored form of pending actions.
//!
//! Invariant: an entry written by an earlier version is either read or skipped; it never causes a failure.

use parlour_client::engine::{Act, Pending, SendState};
use parlour_protocol::problems::ErrorCode;
use serde_json::{Value, json};

/// Serializes a pending action.
pub(crate) fn write(pending: &Pending) -> String {
    let act = match &pending.act {
        Act::Send { body, reply_to } => json!({ "send": body, "reply_to": reply_to }),
        Act::Edit { seq, body } => json!({ "edit": body, "seq": seq }),
        Act::Delete { seq } => json!({ "delete": true, "seq": seq }),
        Act::React { seq, emoji, on } => json!({ "react": emoji, "seq": seq, "on": on }),
    };
    let refused = match &pending.state {
        SendState::Sending => None,
        SendState::Failed { detail, .. } => Some(detail),
    };
    let whole = json!({
        "conversation": pending.conversation.0,
        "cid": pending.cid,
        "at": pending.at,
        "tab": pending.tab,
        "act": act,
        "refused": refused,
    });
    whole.to_string()
}

/// Parses a pending action; `None` if it is unreadable.
pub(crate) fn read(text: &str) -> Option<Pending> {
    let whole: Value = serde_json::from_str(text).ok()?;
    let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).map(str::to_owned);
    let number = |of: &Value, name: &str| of.get(name).and_then(Value::as_i64);
    let act = whole.get("act")?;
    let act = if let Some(body) = text(act, "send") {
        Act::Send { body, reply_to: number(act, "reply_to") }
    } else {
        let seq = number(act, "seq")?;
        if let Some(body) = text(act, "edit") {
            Act::Edit { seq, body }
        } else if let Some(emoji) = text(act, "react") {
            Act::React { seq, emoji, on: act.get("on")?.as_bool()? }
        } else {
            act.get("delete").and_then(Value::as_bool).filter(|delete| *delete)?;
            Act::Delete { seq }
        }
    };
    let state = match text(&whole, "refused") {
        None => SendState::Sending,
        Some(detail) => SendState::Failed { code: ErrorCode::Unknown, detail },
    };
    Some(Pending {
        conversation: parlour_protocol::ids::ConversationId(number(&whole, "conversation")?),
        cid: text(&whole, "cid")?,
        at: number(&whole, "at")?,
        tab: text(&whole, "tab")?,
        act,
        state,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlour_protocol::ids::ConversationId;

    #[test]
    fn what_waits_is_read_as_it_was_written() {
        let acts = [
            Act::Send { body: "hi".into(), reply_to: Some(3) },
            Act::Send { body: "\"}".into(), reply_to: None },
            Act::Edit { seq: 4, body: "new".into() },
            Act::Delete { seq: 5 },
            Act::React { seq: 6, emoji: "👍".into(), on: false },
        ];
        for act in acts {
            let failed = SendState::Failed { code: ErrorCode::Unknown, detail: "No.".into() };
            for state in [SendState::Sending, failed] {
                let (conversation, act) = (ConversationId(7_000_000_000_000_000_007), act.clone());
                let one = Pending { conversation, cid: "cid".into(), at: 5, tab: "one".into(), act, state };
                assert_eq!(read(&write(&one)), Some(one));
            }
        }
        for bad in ["", "{}", "[]", "{\"act\":{\"seq\":1}}"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
