//! Texts of access tokens and bots in the settings.

use crate::state::people::number;

texts! {
    title = "Tokens and bots";

    tokens = "Access tokens";
    tokens_text = "With an access token, a script or another program can use Parlour as you. A token can't log in, change your \
                   account, or create other tokens. Changing your password revokes all of them. Up to 50 per person.";
    tokens_none = "No access tokens yet.";
    tokens_full = "You have 50 tokens, which is the most you can have. Revoke one to create another.";
    new_token = "New token";
    new_token_for(bot: &str) = "New token for {bot}";
    token_of(name: &str) = "New token: {name}";
    create_token = "Create token";
    name = "Name";
    name_hint = "What you'll use it for.";
    name_example = "Weather report";

    access = "Access";
    access_read = "Read";
    access_write = "Read and write";
    access_hint_read = "Reads everything you can read.";
    access_hint_write = "Reads everything you can read, and sends, edits and deletes messages, joins rooms and adds friends as you.";
    access_hint_read_bot = "Reads everything the bot can read.";
    access_hint_write_bot = "Reads everything the bot can read, and sends, edits and deletes messages, joins rooms and adds \
                             friends as the bot.";

    conversations = "Conversations";
    conversations_all = "All";
    conversations_some = "Only some";
    conversations_hint_all = "Including those joined later.";
    conversations_hint_some = "Nothing else can be seen or done with it: no other conversations, no friends, no notifications.";
    conversations_which = "Which conversations";
    conversations_find = "Find a conversation";
    conversations_none = "You're not in any conversations yet.";
    rooms_none = "You're not in any rooms yet.";
    conversations_not_found = "No results";
    conversations_missing = "Choose at least one.";
    conversations_many = "Choose up to 100.";

    expiry = "Expiration";
    expiry_never = "Never";
    expiry_year = "1 year";
    expiry_hint_never = "It works until you revoke it.";
    expiry_hint(day: &str) = "It stops working on {day}.";

    secret_text = "Copy it now and keep it somewhere safe. You won't see it again.";
    copy_token = "Copy token";
    secret_kept = "Done";

    everywhere = "All conversations";
    only(names: &str) = "Only {names}";
    created(day: &str) = "Created {day}";
    last_used(ago: &str) = "Last used {ago}";
    never_used = "Never used";
    expires(day: &str) = "Expires {day}";
    never_expires = "Never expires";
    revoke = "Revoke";
    revoke_named(name: &str) = "Revoke \u{201c}{name}\u{201d}";
    revoke_title(name: &str) = "Revoke \u{201c}{name}\u{201d}?";
    revoke_text = "Programs that use this token are disconnected right away. This can't be undone.";
    revoked(name: &str) = "\u{201c}{name}\u{201d} is revoked.";

    bots = "Bots";
    bots_text = "A bot is an account for a program. It has its own access tokens, and everyone can see that it's a bot. You're \
                 responsible for what it does: it stops when your account is suspended, and is deleted with it. Up to 5 per \
                 person.";
    bots_none = "No bots yet.";
    bots_full = "You have 5 bots, which is the most you can have. Delete one to create another.";
    new_bot = "New bot";
    create_bot = "Create bot";
    bot_handle_hint = "3 to 24 letters, digits or underscores, starting with a letter. It can't be changed later.";
    bot_name = "Display name (optional)";
    bot_name_hint = "What others see. It can't be changed later.";
    bot_handle_example = "weather";
    bot_name_example = "Weather";
    bot_created(name: &str) = "{name} is ready. Create a token so that a program can use it.";
    handle_created(handle: &str, day: &str) = "{handle} · created {day}";
    bot_tokens = "Tokens";
    bot_tokens_of(name: &str) = "Tokens of {name}";
    bot_tokens_none = "No tokens yet. Without one, no program can use this bot.";
    bot_tokens_full = "This bot has 50 tokens, which is the most it can have. Revoke one to create another.";
    delete = "Delete";
    delete_named(name: &str) = "Delete {name}";
    delete_text(name: &str) = "Its tokens stop working right away, and everything {name} wrote is deleted for everyone. This can't \
                               be undone.";
    delete_confirm = "Delete permanently";
}

/// A token's lifetime: `30 days`.
pub(crate) fn lifetime(days: Option<i64>) -> String {
    match days {
        None => expiry_never().to_owned(),
        Some(365) => expiry_year().to_owned(),
        Some(days) => super::counted(days, "day", "days"),
    }
}

/// Where a token is valid: `Only #tea, bob and 2 others`.
pub(crate) fn only_in(names: &[String], more: usize) -> String {
    let list = match (names, more) {
        ([], more) => {
            super::counted(i64::try_from(more).unwrap_or(i64::MAX), "conversation", "conversations")
        }
        ([one], 0) => one.clone(),
        ([all @ .., last], 0) => format!("{} and {last}", all.join(", ")),
        (all, 1) => format!("{} and 1 other", all.join(", ")),
        (all, more) => format!("{} and {more} others", all.join(", ")),
    };
    only(&list)
}

/// Confirms that a bot and its messages were deleted.
pub(crate) fn bot_deleted(name: &str, messages: i64) -> String {
    match messages {
        0 => format!("{name} was deleted."),
        1 => format!("{name} and its message were deleted."),
        many => format!("{name} and its {} messages were deleted.", number(many)),
    }
}

#[cfg(test)]
mod tests {
    use parlour_protocol::limits;

    use super::*;

    #[test]
    fn what_a_token_reaches_is_said_in_one_line() {
        let names: Vec<String> = ["#tea", "bob", "cy"].map(String::from).to_vec();
        assert_eq!(only_in(&names[..1], 0), "Only #tea");
        assert_eq!(only_in(&names[..2], 0), "Only #tea and bob");
        assert_eq!(only_in(&names, 0), "Only #tea, bob and cy");
        assert_eq!(only_in(&names[..2], 1), "Only #tea, bob and 1 other");
        assert_eq!(only_in(&names, 4), "Only #tea, bob, cy and 4 others");
        assert_eq!(only_in(&[], 1), "Only 1 conversation");
        assert_eq!(only_in(&[], 2), "Only 2 conversations");
    }

    #[test]
    fn limits_are_told_as_they_are() {
        let tells = |text: &str, limit: i64| assert!(text.contains(&limit.to_string()), "{text}");
        for text in [tokens_text(), tokens_full(), bot_tokens_full()] {
            tells(text, limits::TOKENS_PER_USER);
        }
        for text in [bots_text(), bots_full()] {
            tells(text, limits::BOTS_PER_USER);
        }
        tells(conversations_many(), limits::TOKEN_CONVERSATIONS as i64);
    }

    #[test]
    fn lifetimes_and_ends_have_their_form() {
        assert_eq!(lifetime(Some(1)), "1 day");
        assert_eq!(lifetime(Some(90)), "90 days");
        assert_eq!((lifetime(Some(365)).as_str(), lifetime(None).as_str()), ("1 year", "Never"));
        assert_eq!(bot_deleted("weather", 0), "weather was deleted.");
        assert_eq!(bot_deleted("weather", 2), "weather and its 2 messages were deleted.");
    }
}
