//! The tables of rights. Columns: anonymous, stranger, friend, blocked, ex-member, member, moderator, owner, admin;
//! all as they stand to the owner of what is asked for, whose own things are asked for.

/// Where a conversation is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The owner's room.
    Room,
    /// A direct chat of the owner: for the blocked their own old one, for everybody else the one with the friend.
    Direct,
    /// No conversation.
    Nowhere,
}

/// A name, where it is asked for, and one word for each column.
pub type Row = (&'static str, Place, &'static str);

/// Codes of problems that have shorter names in the tables; `ok` is any success.
pub const WORDS: [(&str, &str); 8] = [
    ("unauthenticated", "anon"),
    ("not_found", "none"),
    ("not_member", "out"),
    ("not_friends", "unfr"),
    ("bad_credentials", "wrong"),
    ("forbidden", "no"),
    ("unsupported_media", "media"),
    ("malformed", "bad"),
];

/// Operations.
#[rustfmt::skip]
pub const REST: &[Row] = &[
    ("show_keys", Place::Nowhere,                 "ok       ok       ok       ok       ok       ok       ok       ok       ok"),
    ("show_account", Place::Nowhere,              "anon     ok       ok       ok       ok       ok       ok       ok       ok"),
    ("delete_account", Place::Nowhere,            "anon     ok       ok       ok       ok       ok       ok       ok       ok"),
    ("update_account", Place::Nowhere,            "anon     ok       ok       ok       ok       ok       ok       ok       ok"),
    ("upload_avatar", Place::Nowhere,             "anon     media    media    media    media    media    media    media    media"),
    ("delete_avatar", Place::Nowhere,             "anon     ok       ok       ok       ok       ok       ok       ok       ok"),
    ("export_account", Place::Nowhere,            "anon     ok       ok       ok       ok       ok       ok       ok       ok"),
    ("change_password", Place::Nowhere,           "anon     ok       ok       ok       ok       ok       ok       ok       ok"),
    ("show_privacy", Place::Nowhere,              "anon     ok       ok       ok       ok       ok       ok       ok       ok"),
    ("update_privacy", Place::Nowhere,            "anon     ok       ok       ok       ok       ok       ok       ok       ok"),
    ("create_account", Place::Nowhere,            "ok       ok       ok       ok       ok       ok       ok       ok       ok"),
    ("list_approvals", Place::Nowhere,            "anon     none     none     none     none     none     none     none     ok"),
    ("approve_account", Place::Nowhere,           "anon     none     none     none     none     none     none     none     ok"),
    ("reject_account", Place::Nowhere,            "anon     none     none     none     none     none     none     none     none"),
    ("list_audit_log", Place::Nowhere,            "anon     none     none     none     none     none     none     none     ok"),
    ("show_statistics", Place::Nowhere,           "anon     none     none     none     none     none     none     none     ok"),
    ("list_admin_users", Place::Nowhere,          "anon     none     none     none     none     none     none     none     ok"),
    ("suspend_user", Place::Nowhere,              "anon     none     none     none     none     none     none     none     ok"),
    ("reinstate_user", Place::Nowhere,            "anon     none     none     none     none     none     none     none     ok"),
    ("show_avatar", Place::Nowhere,               "ok       ok       ok       ok       ok       ok       ok       ok       ok"),
    ("list_blocks", Place::Nowhere,               "anon     ok       ok       ok       ok       ok       ok       ok       ok"),
    ("create_block", Place::Nowhere,              "anon     ok       ok       ok       ok       ok       ok       conflict ok"),
    ("delete_block", Place::Nowhere,              "anon     none     none     none     none     none     none     none     none"),
    ("list_conversations", Place::Nowhere,        "anon     ok       ok       ok       ok       ok       ok       ok       ok"),
    ("show_conversation", Place::Room,            "anon     out      out      out      out      ok       ok       ok       out"),
    ("show_conversation", Place::Direct,          "anon     none     ok       ok       none     none     none     ok       none"),
    ("list_events", Place::Room,                  "anon     out      out      out      out      ok       ok       ok       out"),
    ("list_events", Place::Direct,                "anon     none     ok       ok       none     none     none     ok       none"),
    ("list_messages", Place::Room,                "anon     out      out      out      out      ok       ok       ok       out"),
    ("list_messages", Place::Direct,              "anon     none     ok       ok       none     none     none     ok       none"),
    ("send_message", Place::Room,                 "anon     out      out      out      out      ok       ok       ok       out"),
    ("send_message", Place::Direct,               "anon     none     ok       unfr     none     none     none     ok       none"),
    ("delete_message", Place::Room,               "anon     out      out      out      out      no       ok       ok       out"),
    ("delete_message", Place::Direct,             "anon     none     no       none     none     none     none     ok       none"),
    ("edit_message", Place::Room,                 "anon     out      out      out      out      no       no       ok       out"),
    ("edit_message", Place::Direct,               "anon     none     no       unfr     none     none     none     ok       none"),
    ("add_reaction", Place::Room,                 "anon     out      out      out      out      ok       ok       ok       out"),
    ("add_reaction", Place::Direct,               "anon     none     ok       unfr     none     none     none     ok       none"),
    ("delete_reaction", Place::Room,              "anon     out      out      out      out      ok       ok       ok       out"),
    ("delete_reaction", Place::Direct,            "anon     none     ok       unfr     none     none     none     ok       none"),
    ("mark_read", Place::Room,                    "anon     out      out      out      out      ok       ok       ok       out"),
    ("mark_read", Place::Direct,                  "anon     none     ok       ok       none     none     none     ok       none"),
    ("open_direct", Place::Nowhere,               "anon     unfr     ok       ok       unfr     unfr     unfr     unfr     unfr"),
    ("list_friend_requests", Place::Nowhere,      "anon     ok       ok       ok       ok       ok       ok       ok       ok"),
    ("create_friend_request", Place::Nowhere,     "anon     none     none     none     none     none     none     none     none"),
    ("delete_friend_request", Place::Nowhere,     "anon     none     none     none     none     none     none     none     none"),
    ("accept_friend_request", Place::Nowhere,     "anon     none     ok       none     none     none     none     none     none"),
    ("list_friends", Place::Nowhere,              "anon     ok       ok       ok       ok       ok       ok       ok       ok"),
    ("delete_friend", Place::Nowhere,             "anon     none     ok       none     none     none     none     none     none"),
    ("list_invites", Place::Nowhere,              "anon     no       no       no       no       no       no       no       ok"),
    ("create_invite", Place::Nowhere,             "anon     no       no       no       no       no       no       no       ok"),
    ("delete_invite", Place::Nowhere,             "anon     no       no       no       no       no       no       no       ok"),
    ("list_notifications", Place::Nowhere,        "anon     ok       ok       ok       ok       ok       ok       ok       ok"),
    ("read_notifications", Place::Nowhere,        "anon     ok       ok       ok       ok       ok       ok       ok       ok"),
    ("list_rooms", Place::Nowhere,                "anon     ok       ok       ok       ok       ok       ok       ok       ok"),
    ("create_room", Place::Nowhere,               "anon     ok       ok       ok       ok       ok       ok       ok       ok"),
    ("show_room", Place::Room,                    "anon     ok       ok       ok       ok       ok       ok       ok       ok"),
    ("delete_room", Place::Room,                  "anon     out      out      out      out      no       no       ok       ok"),
    ("update_room", Place::Room,                  "anon     out      out      out      out      no       no       ok       out"),
    ("list_members", Place::Room,                 "anon     out      out      out      out      ok       ok       ok       out"),
    ("join_room", Place::Room,                    "anon     ok       ok       ok       ok       ok       ok       ok       ok"),
    ("leave_room", Place::Room,                   "anon     ok       ok       ok       ok       ok       ok       ok       ok"),
    ("show_server", Place::Nowhere,               "ok       ok       ok       ok       ok       ok       ok       ok       ok"),
    ("list_sessions", Place::Nowhere,             "anon     ok       ok       ok       ok       ok       ok       ok       ok"),
    ("create_session", Place::Nowhere,            "wrong    ok       ok       ok       ok       ok       ok       ok       ok"),
    ("delete_current_session", Place::Nowhere,    "anon     ok       ok       ok       ok       ok       ok       ok       ok"),
    ("refresh_session", Place::Nowhere,           "anon     anon     anon     anon     anon     anon     anon     anon     anon"),
    ("delete_session", Place::Nowhere,            "anon     none     none     none     none     none     none     ok       none"),
    ("open_socket", Place::Nowhere,               "bad      bad      bad      bad      bad      bad      bad      bad      bad"),
    ("list_users", Place::Nowhere,                "anon     ok       ok       ok       ok       ok       ok       ok       ok"),
    ("show_user", Place::Nowhere,                 "anon     ok       ok       ok       ok       ok       ok       ok       ok"),
    ("show_liveness", Place::Nowhere,             "ok       ok       ok       ok       ok       ok       ok       ok       ok"),
    ("show_readiness", Place::Nowhere,            "ok       ok       ok       ok       ok       ok       ok       ok       ok"),
    ("show_metrics", Place::Nowhere,              "ok       ok       ok       ok       ok       ok       ok       ok       ok"),
];

/// Commands of the socket. What is not answered is `ok` when others or oneself get what it is for, else `silent`.
#[rustfmt::skip]
pub const SOCKET: &[Row] = &[
    ("start", Place::Room,                        "anon     silent   silent   silent   silent   ok       ok       ok       silent"),
    ("start", Place::Direct,                      "anon     silent   ok       unfr     silent   silent   silent   ok       silent"),
    ("send", Place::Room,                         "anon     out      out      out      out      ok       ok       ok       out"),
    ("send", Place::Direct,                       "anon     none     ok       unfr     none     none     none     ok       none"),
    ("edit", Place::Room,                         "anon     out      out      out      out      no       no       ok       out"),
    ("edit", Place::Direct,                       "anon     none     no       unfr     none     none     none     ok       none"),
    ("delete", Place::Room,                       "anon     out      out      out      out      no       ok       ok       out"),
    ("delete", Place::Direct,                     "anon     none     no       none     none     none     none     ok       none"),
    ("react", Place::Room,                        "anon     out      out      out      out      ok       ok       ok       out"),
    ("react", Place::Direct,                      "anon     none     ok       unfr     none     none     none     ok       none"),
    ("read", Place::Room,                         "anon     out      out      out      out      ok       ok       ok       out"),
    ("read", Place::Direct,                       "anon     none     ok       ok       none     none     none     ok       none"),
    ("typing", Place::Room,                       "anon     silent   silent   silent   silent   ok       ok       ok       silent"),
    ("typing", Place::Direct,                     "anon     silent   ok       silent   silent   silent   silent   ok       silent"),
    ("focus", Place::Room,                        "anon     silent   silent   silent   silent   ok       ok       ok       silent"),
    ("focus", Place::Direct,                      "anon     silent   ok       unfr     silent   silent   silent   ok       silent"),
    ("sync", Place::Room,                         "anon     out      out      out      out      ok       ok       ok       out"),
    ("sync", Place::Direct,                       "anon     none     ok       ok       none     none     none     ok       none"),
    ("ping", Place::Room,                         "anon     ok       ok       ok       ok       ok       ok       ok       ok"),
    ("ping", Place::Direct,                       "anon     ok       ok       ok       ok       ok       ok       ok       ok"),
];
