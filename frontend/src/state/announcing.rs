//! Screen reader announcements: each thing once, and at most one sentence a second.
//!
//! Invariant: whatever arrives within a second is combined into one sentence.

use super::bidi;
use crate::texts::{chat, common};

/// Minimum interval between two sentences, in milliseconds.
pub(crate) const EVERY: f64 = 1_000.0;
/// Longer texts are cut to this length, in characters.
const LONGEST: usize = 280;

/// Something to announce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// A message in the open conversation, or in a direct chat.
    Message {
        /// The author's name.
        author: String,
        /// The text.
        text: String,
        /// Whether it mentions the user or replies to one of the user's messages.
        mentions: bool,
        /// Whether it is in a direct chat that is not open.
        direct: bool,
    },
    /// Any other text, announced as it is.
    Notice(String),
}

/// The pending announcements.
#[derive(Debug, Default)]
pub(crate) struct Announcements {
    waiting: Vec<Said>,
    last: Option<f64>,
}

impl Announcements {
    /// Adds an announcement. Returns in how many milliseconds the next sentence may be spoken.
    pub(crate) fn add(&mut self, said: Said, now: f64) -> f64 {
        self.waiting.push(said);
        self.last.map_or(0.0, |last| (last + EVERY - now).clamp(0.0, EVERY))
    }

    /// The next sentence, if it is due.
    pub(crate) fn take(&mut self, now: f64) -> Option<String> {
        if self.waiting.is_empty() || self.last.is_some_and(|last| now - last < EVERY && now >= last) {
            return None;
        }
        self.last = Some(now);
        Some(sentence(std::mem::take(&mut self.waiting)))
    }
}

fn sentence(waiting: Vec<Said>) -> String {
    let (messages, notices): (Vec<Said>, Vec<Said>) =
        waiting.into_iter().partition(|said| matches!(said, Said::Message { .. }));
    let mut parts: Vec<String> = Vec::new();
    match messages.as_slice() {
        [] => {}
        [Said::Message { author, text, mentions, direct }] => {
            let author = bidi::isolated(author);
            let who = match (direct, mentions) {
                (true, _) => chat::direct_from(&author),
                (false, true) => chat::mentioned_by(&author),
                (false, false) => author,
            };
            parts.push(chat::spoken(&who, &bidi::isolated(&spoken(text))));
        }
        many => parts.push(together(many)),
    }
    for notice in notices {
        if let Said::Notice(text) = notice
            && !parts.contains(&text)
        {
            parts.push(text);
        }
    }
    parts.join(" ")
}

/// Combines several messages into one sentence.
fn together(messages: &[Said]) -> String {
    let (mut authors, mut mentioning) = (Vec::new(), Vec::new());
    for message in messages {
        if let Said::Message { author, mentions, direct, .. } = message {
            if !authors.contains(author) {
                authors.push(author.clone());
            }
            if (*mentions || *direct) && !mentioning.contains(author) {
                mentioning.push(author.clone());
            }
        }
    }
    let names =
        |names: &[String]| common::names(&names.iter().map(|name| bidi::isolated(name)).collect::<Vec<_>>());
    let from = if authors.len() > 2 { chat::people(authors.len() as i64) } else { names(&authors) };
    let count = messages.len() as i64;
    if mentioning.is_empty() {
        chat::heard(count, &from)
    } else {
        chat::heard_and_called(count, &from, &names(&mentioning))
    }
}

/// A text as it should be read aloud: code blocks are mentioned, not spelt out.
fn spoken(text: &str) -> String {
    let mut said = String::new();
    for (index, part) in text.split("```").enumerate() {
        if index % 2 == 0 {
            said.push_str(part);
        } else {
            said.push_str(&format!(" {} ", chat::code_left_out()));
        }
    }
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    if said.chars().count() <= LONGEST {
        return said;
    }
    let mut short: String = said.chars().take(LONGEST).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(author: &str, text: &str) -> Said {
        Said::Message { author: author.into(), text: text.into(), mentions: false, direct: false }
    }

    fn said(all: Vec<Said>) -> String {
        sentence(all)
    }

    #[test]
    fn one_message_is_read_and_many_are_counted() {
        assert_eq!(said(vec![message("Ada", "see you at six")]), "Ada: see you at six");
        assert_eq!(
            said(vec![message("Ada", "one"), message("Ada", "two"), message("Ada", "three")]),
            "3 new messages from Ada."
        );
        assert_eq!(said(vec![message("Ada", "a"), message("Bob", "b")]), "2 new messages from Ada and Bob.");
        let many = ["Ada", "Bob", "Cy", "Ada"].map(|name| message(name, "x")).to_vec();
        assert_eq!(said(many), "4 new messages from 3 people.");
    }

    #[test]
    fn what_concerns_one_is_told_as_such() {
        let to_me =
            |direct, mentions| Said::Message { author: "Bob".into(), text: "hi".into(), mentions, direct };
        assert_eq!(said(vec![to_me(true, false)]), "Direct message from Bob: hi");
        assert_eq!(said(vec![to_me(false, true)]), "Bob mentioned you: hi");
        assert_eq!(
            said(vec![message("Ada", "x"), to_me(false, true)]),
            "2 new messages from Ada and Bob. Bob wrote to you."
        );
        let lost = Said::Notice("No connection.".into());
        assert_eq!(said(vec![lost.clone(), message("Ada", "x"), lost]), "Ada: x No connection.");
    }

    #[test]
    fn code_is_not_spelt_and_long_texts_end() {
        assert_eq!(
            said(vec![message("Ada", "look:\n```\nlet x = {};\n```\nright?")]),
            "Ada: look: (code) right?"
        );
        let long = said(vec![message("Ada", &"word ".repeat(200))]);
        assert!(long.chars().count() < 300 && long.ends_with('…'));
    }

    #[test]
    fn there_is_one_sentence_a_second() {
        let mut all = Announcements::default();
        assert_eq!(all.add(message("Ada", "one"), 5_000.0), 0.0);
        assert_eq!(all.take(5_000.0), Some("Ada: one".into()));
        for step in 1..60 {
            let now = 5_000.0 + f64::from(step) * 10.0;
            assert!(all.add(message("Ada", "more"), now) > 0.0);
            assert_eq!(all.take(now), None);
        }
        assert_eq!(all.take(6_000.0), Some("59 new messages from Ada.".into()));
        assert_eq!(all.take(7_000.0), None);
    }
}
