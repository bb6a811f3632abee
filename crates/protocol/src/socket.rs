//! The frames of the socket protocol `parlour.v1`: JSON text, with an `op` from the client and a `type` from the
//! server.
//!
//! Invariant: an [`Event`](crate::events::Event) is the same value here and in the catch-up pages of the REST API.

mod commands;
mod frames;
mod reading;

pub use commands::{ClientFrame, Start};
pub use frames::{
    EffectOutcome, ErrorFrame, Excerpt, Hello, News, OkFrame, ReplayState, ServerFrame, StreamState,
};

pub use crate::close_codes::CloseCode;

/// WebSocket subprotocol that client and server agree on.
pub const SUBPROTOCOL: &str = "parlour.v1";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::events::{Change, Event};
    use crate::ids::{ConversationId, UserId};
    use crate::time::Timestamp;

    #[test]
    fn unknown_kinds_and_types_are_tolerated() {
        let event: Event = serde_json::from_value(
            json!({"type":"event","conversation":"5","seq":3,"at":"1970-01-01T00:00:01Z","kind":"poll.opened","data":{"x":1},"extra":true}),
        )
        .unwrap();
        assert_eq!(event.seq, 3);
        assert!(matches!(event.change, Change::Unknown(_)));
        assert_eq!(
            serde_json::from_str::<ServerFrame>(r#"{"type":"novelty","x":1}"#).unwrap(),
            ServerFrame::Unknown
        );
    }

    #[test]
    fn an_event_reads_as_the_protocol_page_shows_it() {
        let frame = ServerFrame::Event(Event {
            conversation: ConversationId(41),
            seq: 42,
            at: Timestamp(0),
            change: Change::MessageCreated {
                author: UserId(7),
                cid: "c-000001".into(),
                body: Some("hi".into()),
                reply_to: None,
                reply_author: None,
                mentions: None,
            },
        });
        let value = serde_json::to_value(&frame).unwrap();
        assert_eq!(
            value,
            json!({"type":"event","conversation":"41","seq":42,"at":"1970-01-01T00:00:00.000000Z",
                "kind":"message.created","data":{"author":"7","cid":"c-000001","body":"hi"}})
        );
        assert_eq!(serde_json::from_value::<ServerFrame>(value).unwrap(), frame);
    }

    #[test]
    fn commands_refuse_unknown_fields() {
        assert!(serde_json::from_str::<ClientFrame>(r#"{"op":"ping","id":1}"#).is_ok());
        assert!(serde_json::from_str::<ClientFrame>(r#"{"op":"ping","id":1,"admin":true}"#).is_err());
        assert!(serde_json::from_str::<ClientFrame>(r#"{"op":"start","id":1,"admin":true}"#).is_err());
        assert!(serde_json::from_str::<ClientFrame>(r#"{"op":"start","id":1,"cursors":{"5":3}}"#).is_ok());
    }
}
