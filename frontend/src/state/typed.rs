//! The unsent input of a page's fields, as stored in the browser's history entry: a reload and going back restore it.
//!
//! Invariant: it is shown only to the account that typed it. Passwords and codes are never stored.

use std::collections::BTreeMap;

use parlour_protocol::ids::UserId;
use serde_json::{Value, json};

/// The fields of one page, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Typed(BTreeMap<String, String>);

impl Typed {
    /// Parses the input stored for an account (0 if nobody is signed in); empty if it is another's or unreadable.
    pub(crate) fn read(kept: Option<&str>, owner: UserId) -> Self {
        let whole = kept.and_then(|kept| serde_json::from_str::<Value>(kept).ok()).unwrap_or_default();
        if whole.get("owner").and_then(Value::as_i64) != Some(owner.0) {
            return Self::default();
        }
        let fields = whole.get("fields").and_then(Value::as_object).into_iter().flatten();
        let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
        Self(fields.filter_map(text).collect())
    }

    /// The stored form; `None` if it is empty.
    pub(crate) fn write(&self, owner: UserId) -> Option<String> {
        (!self.0.is_empty()).then(|| json!({ "owner": owner.0, "fields": self.0 }).to_string())
    }

    /// The stored text of a field.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Sets the text of a field, or removes it if it is back at its initial value. Returns whether this changed
    /// anything.
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
