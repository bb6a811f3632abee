//! Reacting to messages, and which reactions are allowed: emoji from Unicode's list, each in one form.
//!
//! Invariant: an emoji is one reaction, with or without the variation selectors for emoji (U+FE0F) or text (U+FE0E)
//! presentation. It is stored and sent in the form that Unicode recommends.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use parlour_protocol::events::Change;
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::limits;
use parlour_protocol::messages::Stored;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::rights::Permission;
use parlour_protocol::time::Timestamp;
use parlour_storage::reactions::ReactionRow;
use parlour_storage::{Connection, events, reactions, server_state};

use crate::Refusal;
use crate::messages::append;
use crate::outcome::{Done, Outcome};
use crate::rights::Access;

/// Version of the form in which stored emoji are written.
const FORM: &str = "1";
const FORM_OF: &str = "reaction_emoji";

fn bare(text: &str) -> Cow<'_, str> {
    let selects = |one: char| matches!(one, '\u{FE0E}' | '\u{FE0F}');
    if text.contains(selects) { text.chars().filter(|one| !selects(*one)).collect() } else { text.into() }
}

/// The emoji in a text, in the form that Unicode recommends; `None` if the text isn't an emoji.
pub fn emoji(text: &str) -> Option<&'static str> {
    static LIST: LazyLock<HashMap<Cow<'static, str>, &'static str>> = LazyLock::new(|| {
        let tones = |emoji: &'static emojis::Emoji| emoji.skin_tones().into_iter().flatten();
        let all = emojis::iter().flat_map(|emoji| std::iter::once(emoji).chain(tones(emoji)));
        all.map(|emoji| (bare(emoji.as_str()), emoji.as_str())).collect()
    });
    if text.len() > limits::EMOJI {
        return None;
    }
    LIST.get(&bare(text)).copied()
}

/// Adds or removes the user's own reaction. Doing it twice changes nothing. Text that isn't an emoji can still be
/// removed: it was stored when more was allowed.
pub fn react(
    conn: &mut Connection,
    now: Timestamp,
    user: UserId,
    id: ConversationId,
    seq: Seq,
    emoji: &str,
    on: bool,
) -> Done<Stored> {
    let Some(emoji) = self::emoji(emoji).or((!on).then_some(emoji)) else {
        return Err(Refusal::field("emoji", "Use one emoji."));
    };
    Access::lock(conn, id, user)?.require(Permission::React)?;
    let message = events::find_message(conn, id, seq)?.ok_or(ErrorCode::NotFound)?;
    if message.deleted_at.is_some() {
        return Err(ErrorCode::Gone.into());
    }
    let present = reactions::list(conn, id, &[seq])?.remove(&seq).unwrap_or_default();
    let known = present.iter().find(|reaction| reaction.emoji == emoji);
    let reacted = known.is_some_and(|reaction| reaction.users.contains(&user));
    if reacted == on {
        return Ok(Outcome::without_events(Stored { seq, at: Timestamp(message.at), duplicate: true }));
    }
    let emoji = emoji.to_owned();
    if !on {
        reactions::delete(conn, id, seq, &emoji, user)?;
        return append(conn, now, id, Change::ReactionRemoved { user, target: seq, emoji });
    }
    if known.is_none() && present.len() >= limits::REACTIONS_PER_MESSAGE {
        return Err(Refusal::because(
            ErrorCode::LimitReached,
            "This message has too many different reactions.",
        ));
    }
    let outcome = append(conn, now, id, Change::ReactionAdded { user, target: seq, emoji: emoji.clone() })?;
    let row = ReactionRow { conversation_id: id, seq, emoji, user_id: user, event_seq: outcome.value.seq };
    reactions::insert(conn, &row)?;
    Ok(outcome)
}

/// Rewrites reactions that were stored before each emoji had one form. A user who reacted with two forms of the same
/// emoji keeps one reaction.
pub fn renew_emoji(conn: &mut Connection) -> Result<usize, Refusal> {
    if server_state::find(conn, FORM_OF)?.as_deref() == Some(FORM) {
        return Ok(0);
    }
    let mut changed = 0;
    for stored in reactions::list_emoji(conn)? {
        // Text that isn't an emoji stays until its user removes it.
        if let Some(emoji) = emoji(&stored).filter(|emoji| **emoji != stored) {
            changed += reactions::rename_emoji(conn, &stored, emoji)?;
        }
    }
    server_state::find_or_insert(conn, FORM_OF, FORM)?;
    server_state::replace(conn, FORM_OF, FORM)?;
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_unicode_lists_is_an_emoji() {
        for (text, expected) in [
            ("👍", "👍"),
            ("👍\u{FE0F}", "👍"),
            ("❤", "❤\u{FE0F}"),
            ("❤\u{FE0F}", "❤\u{FE0F}"),
            ("❤\u{FE0E}", "❤\u{FE0F}"),
            ("ℹ\u{FE0F}", "ℹ\u{FE0F}"),
            ("ℹ", "ℹ\u{FE0F}"),
            ("Ⓜ", "Ⓜ\u{FE0F}"),
            ("㊗", "㊗\u{FE0F}"),
            ("©", "©\u{FE0F}"),
            ("‼", "‼\u{FE0F}"),
            ("1\u{20E3}", "1\u{FE0F}\u{20E3}"),
            ("#\u{FE0F}\u{20E3}", "#\u{FE0F}\u{20E3}"),
            ("🇩🇪", "🇩🇪"),
            ("👍🏽", "👍🏽"),
            ("👩‍👩‍👧", "👩‍👩‍👧"),
            ("👩🏽‍🤝‍👨🏿", "👩🏽‍🤝‍👨🏿"),
            ("🏳‍⚧", "🏳\u{FE0F}‍⚧\u{FE0F}"),
            ("❤‍🔥", "❤\u{FE0F}‍🔥"),
            ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"),
            ("🫠", "🫠"),
        ] {
            assert_eq!(emoji(text), Some(expected), "{text:?}");
        }
        for bad in [
            "",
            "a",
            "1",
            "#",
            "—",
            "…",
            "★",
            "→",
            "€",
            "<b>",
            " ",
            "👍 👍",
            "👍👍",
            "ö",
            "\u{FE0F}",
            "\u{200D}",
            "🇩",
            "👍\u{200D}",
            "♪",
            "\u{E007F}",
            "字",
            "☃☃",
            "½",
        ] {
            assert_eq!(emoji(bad), None, "{bad:?}");
        }
    }
}
