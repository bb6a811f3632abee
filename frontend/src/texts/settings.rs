//! Texts of the settings: profile, appearance, privacy, the user's own data.

texts! {
    title = "Settings";
    log_out = "Log out";
    profile = "Profile";
    appearance = "Appearance";
    privacy = "Privacy";
    security = "Security";
    data = "Your data";

    photo = "Photo";
    photo_hint = "JPEG, PNG, WebP or GIF, up to 5 MB. It will be cropped to a square.";
    photo_chosen = "The photo you chose";
    photo_choose = "Choose a photo";
    photo_use = "Use this photo";
    photo_wrong_kind = "Choose a picture: JPEG, PNG, WebP or GIF.";
    photo_too_large = "The picture is larger than 5 MB.";
    photo_broken = "This picture can't be shown. Choose another one.";
    photo_updated = "Photo updated.";
    photo_removed = "Photo removed.";
    display_name = "Display name";
    display_name_hint = "What others see.";
    username_hint = "3 to 24 letters, digits or underscores, starting with a letter. You can change it once a week.";
    about_you = "About you";
    about_you_hint = "A few words, up to 300 characters.";
    of_characters(count: usize, most: usize) = "{count} of {most}";
    no_changes = "No changes to save.";
    profile_saved = "Profile saved.";

    theme = "Theme";
    theme_system = "System";
    theme_light = "Light";
    theme_dark = "Dark";
    writing = "Writing";
    enter_breaks = "Press Enter for a new line";
    enter_breaks_hint = "Send with Ctrl+Enter or Shift+Enter.";

    privacy_text = "Others can't see these choices. A request you don't receive looks pending to them.";
    privacy_saved = "Privacy settings saved.";
    findable_by = "Who can find you by username?";
    requests_from = "Who can send you friend requests?";
    presence_to = "Who can see when you're online?";
    everyone = "Everyone";
    friends_only = "Friends only";
    people_in_my_rooms = "People in my rooms";
    friends = "Friends";
    no_one = "No one";
    blocked_people = "Blocked people";
    blocked_text = "You won't hear from them, and their messages in rooms are hidden.";
    blocked_none = "You haven't blocked anyone.";
    blocked_since(handle: &str, day: &str) = "{handle} · since {day}";

    export = "Export your data";
    export_text = "Your profile, friends, settings and sessions, your messages and your private chats, as a JSON Lines \
                   file (.ndjson).";
    export_submit = "Export";
    exported(file: &str) = "Your data is in {file}.";
    delete = "Delete account";
    delete_text = "Everything you wrote is deleted for everyone; your name is replaced by \u{201c}Deleted user\u{201d}. \
                   Export your data first if you want to keep it.";
    delete_title = "Delete your account?";
    delete_question = "Your profile, friends and photo are deleted right away, and the text of everything you wrote. This \
                       can't be undone.";
    delete_confirm = "Delete permanently";
}

/// Confirms that an account and its messages were deleted.
pub(crate) fn deleted(messages: i64) -> String {
    match messages {
        0 => "Your account was deleted.".to_owned(),
        _ => format!("Your account and {} were deleted.", super::counted(messages, "message", "messages")),
    }
}
