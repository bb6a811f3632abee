//! What stands in the fields of a page and was not sent, as the browser keeps it with the entry of its history: a reload
//! and the way back show it again.
//!
//! Invariant: it is shown to the account that typed it and to no other. Passwords and codes are not kept at all.

use std::collections::BTreeMap;

use parlour_protocol::ids::UserId;
use serde_json::{Value, json};

/// The fields of one page, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Typed(BTreeMap<String, String>);

impl Typed {
    /// What was kept for an account (0 when nobody is logged in); nothing if it is another's or cannot be read.
    pub(crate) fn read(kept: Option<&str>, owner: UserId) -> Self {
        let whole = kept.and_then(|kept| serde_json::from_str::<Value>(kept).ok()).unwrap_or_default();
        if whole.get("owner").and_then(Value::as_i64) != Some(owner.0) {
            return Self::default();
        }
        let fields = whole.get("fields").and_then(Value::as_object).into_iter().flatten();
        let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
        Self(fields.filter_map(text).collect())
    }

    /// As it is kept; nothing when there is nothing in it.
    pub(crate) fn write(&self, owner: UserId) -> Option<String> {
        (!self.0.is_empty()).then(|| json!({ "owner": owner.0, "fields": self.0 }).to_string())
    }

    /// What stands in a field.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Notes what stands in a field, or that it is as it was at first. True when this changes something.
    pub(crate) fn note(&mut self, name: &str, text: Option<&str>) -> bool {
        let before = match text {
            Some(text) => self.0.insert(name.to_owned(), text.to_owned()),
            None => self.0.remove(name),
        };
        before.as_deref() != text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_comes_back_for_the_same_account_alone() {
        let (ada, bob) = (UserId(7), UserId(8));
        let mut typed = Typed::default();
        assert_eq!(typed.write(ada), None);
        assert!(typed.note("bio", Some("\"hi\"\n")));
        assert!(!typed.note("bio", Some("\"hi\"\n")));
        let kept = typed.write(ada);
        assert_eq!(Typed::read(kept.as_deref(), ada).field("bio"), Some("\"hi\"\n"));
        assert_eq!(Typed::read(kept.as_deref(), bob), Typed::default());
        assert_eq!(Typed::read(kept.as_deref(), UserId(0)), Typed::default());
        assert!(typed.note("bio", None));
        assert_eq!(typed, Typed::default());
        for strange in ["", "{", "[]", "{\"owner\":7,\"fields\":[1]}"] {
            assert_eq!(Typed::read(Some(strange), ada), Typed::default(), "{strange}");
        }
    }
}
