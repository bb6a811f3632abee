//! The unsent content of a composer: the message being written, and the new text of a message being edited. It is
//! stored on the device as a whole, however it was changed.

use parlour_protocol::ids::Seq;
use serde_json::{Value, json};

/// The draft of a conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Draft {
    /// The message that is being written.
    pub(crate) text: String,
    /// The message it replies to.
    pub(crate) reply_to: Option<Seq>,
    /// The message being edited, with its new text. `text` is restored after the edit.
    pub(crate) edit: Option<(Seq, String)>,
}

impl Draft {
    /// The stored form; `None` if the draft is empty.
    pub(crate) fn write(&self) -> Option<String> {
        let empty = self.text.trim().is_empty() && self.edit.is_none() && self.reply_to.is_none();
        (!empty)
            .then(|| json!({ "text": self.text, "reply_to": self.reply_to, "edit": self.edit }).to_string())
    }

    /// Parses the stored form; an unreadable one gives an empty draft.
    pub(crate) fn read(kept: Option<String>) -> Self {
        let Some(kept) = kept.and_then(|kept| serde_json::from_str::<Value>(&kept).ok()) else {
            return Self::default();
        };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Self {
            text: kept.get("text").and_then(text).unwrap_or_default(),
            reply_to: kept.get("reply_to").and_then(Value::as_i64),
            edit: kept.get("edit").and_then(|edit| Some((edit.get(0)?.as_i64()?, text(edit.get(1)?)?))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_comes_back_as_it_was() {
        for draft in [
            Draft { text: "hi @bob ".into(), ..Draft::default() },
            Draft { text: "  two\nlines".into(), reply_to: Some(7), edit: None },
            Draft { reply_to: Some(7), ..Draft::default() },
            Draft { text: "later".into(), reply_to: None, edit: Some((9, String::new())) },
        ] {
            assert_eq!(Draft::read(draft.write()), draft);
        }
        assert_eq!(Draft { text: " \n".into(), ..Draft::default() }.write(), None);
        assert_eq!(Draft::read(Some("{oops".into())), Draft::default());
    }
}
