//! What tokens may do: every operation, for tokens that read, that write, and that are limited to conversations.
//!
//! Invariant: an operation that is described and not in the table fails. One that nobody thought about is for log-ins
//! only.

use std::collections::BTreeSet;

use parlour_protocol::ids::ConversationId;
use serde_json::json;
use system_tests::{App, Person, on_all_backends};

use crate::operations;
use crate::scene::Scene;

on_all_backends!(tokens with crate::scene::furnished);

/// Which tokens an operation accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// It needs nothing, not even a token.
    Nothing,
    /// It accepts any token.
    Names,
    /// A token that reads, for this conversation.
    ToRead,
    /// A token that writes, for this conversation.
    ToWrite,
    /// A token that reads everywhere.
    ToReadAll,
    /// A token that writes everywhere.
    ToWriteAll,
}

use Needs::{Names, Nothing, ToRead, ToReadAll, ToWrite, ToWriteAll};

#[rustfmt::skip]
const TABLE: &[(Needs, &[&str])] = &[
    (Nothing, &[
        "show_server", "create_account", "create_session", "begin_provider_log_in", "complete_provider_log_in",
        "create_provider_account", "complete_session", "begin_passkey_session", "create_passkey_session",
        "begin_passkey_step", "complete_passkey_step", "refresh_session", "show_avatar", "complete_password_reset",
        "request_password_reset", "complete_email_verification", "show_liveness", "show_readiness", "show_metrics",
        "show_keys",
    ]),
    (Names, &["show_account", "list_users", "list_conversations"]),
    (ToRead, &["list_messages", "show_message", "list_events", "show_conversation", "show_room", "list_members"]),
    (ToWrite, &[
        "send_message", "put_message", "edit_message", "delete_message", "add_reaction", "delete_reaction", "mark_read",
        "update_room", "join_room",
    ]),
    (ToReadAll, &[
        "list_rooms", "show_user", "list_friends", "list_friend_requests", "list_blocks", "list_notifications",
    ]),
    (ToWriteAll, &[
        "create_room", "open_direct", "delete_friend", "create_friend_request", "accept_friend_request",
        "decline_friend_requests", "delete_friend_request", "create_block", "delete_block", "read_notifications",
    ]),
    // Last, because they end what the others need.
    (ToWrite, &["leave_room", "delete_room"]),
];

/// Operations for log-ins only.
#[rustfmt::skip]
const NEVER: &[&str] = &[
    "update_account", "delete_account", "upload_avatar", "delete_avatar", "export_account", "change_password",
    "show_second_factor", "begin_second_factor", "confirm_second_factor", "renew_recovery_codes",
    "delete_second_factor", "delete_user_second_factor", "list_identities", "begin_identity", "create_identity",
    "delete_identity", "list_passkeys", "begin_passkey", "create_passkey", "update_passkey", "delete_passkey",
    "create_password_reset", "show_email", "change_email", "delete_email", "show_privacy", "update_privacy",
    "list_approvals", "approve_account", "reject_account", "list_audit_log", "show_statistics",
    "list_failed_jobs", "retry_job", "delete_job", "list_admin_users", "suspend_user", "reinstate_user", "create_invite", "list_invites", "delete_invite",
    "list_sessions", "delete_session", "delete_current_session", "create_token", "list_tokens", "delete_token",
    "create_bot", "list_bots", "delete_bot", "create_bot_token", "list_bot_tokens", "delete_bot_token",
];

struct Tokens {
    read: Person,
    write: Person,
    read_here: Person,
    write_here: Person,
    write_elsewhere: Person,
}

impl Tokens {
    async fn of(person: &Person, here: ConversationId) -> Self {
        let make = async |scope: &str, only: Option<ConversationId>| {
            let mut request = json!({"name": "all", "scopes": [scope]});
            if let Some(only) = only {
                request["conversations"] = json!([only]);
            }
            person.with_token(&person.create_token("/api/v1/account/tokens", request).await.secret)
        };
        Self {
            read: make("read", None).await,
            write: make("write", None).await,
            read_here: make("read", Some(here)).await,
            write_here: make("write", Some(here)).await,
            write_elsewhere: make("write", Some(ConversationId(here.0 / 2 + 1))).await,
        }
    }

    /// Each token, with whether an operation that needs `needs` is allowed; refused ones come first.
    fn allowed(&self, needs: Option<Needs>) -> Vec<(&'static str, &Person, bool)> {
        let is = |those: &[Needs]| needs.is_some_and(|needs| those.contains(&needs));
        let mut all = vec![
            ("reads", &self.read, is(&[Nothing, Names, ToRead, ToReadAll])),
            ("writes", &self.write, needs.is_some()),
            ("reads here", &self.read_here, is(&[Nothing, Names, ToRead])),
            ("writes here", &self.write_here, is(&[Nothing, Names, ToRead, ToWrite])),
            ("writes elsewhere", &self.write_elsewhere, is(&[Nothing, Names])),
        ];
        all.sort_by_key(|(.., allowed)| *allowed);
        all
    }
}

async fn tokens(app: App) {
    let operations = operations::all(&app);
    let in_table = TABLE.iter().flat_map(|(_, names)| names.iter()).chain(NEVER).copied();
    let described: BTreeSet<&str> = operations.iter().map(|operation| operation.id.as_str()).collect();
    assert_eq!(in_table.clone().collect::<BTreeSet<_>>(), described, "the table and the description");
    assert_eq!(in_table.count(), described.len(), "each is there once");
    let scene = Scene::set(&app, 0).await;
    let tokens = Tokens::of(scene.owner(), scene.room).await;
    let never = NEVER.iter().map(|id| (*id, None));
    let rest = TABLE.iter().flat_map(|(needs, ids)| ids.iter().map(|id| (*id, Some(*needs))));
    let mut faults = Vec::new();
    for (id, needs) in never.chain(rest) {
        let operation = operations.iter().find(|operation| operation.id == id).unwrap();
        for (which, person, allowed) in tokens.allowed(needs) {
            let found = scene.ask_as(Some(person), operation, scene.room).await;
            if (found != "insufficient_scope") != allowed
                || (allowed && found == "unauthenticated" && needs != Some(Nothing))
            {
                faults.push(format!("{id}, a token that {which}: {found}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    // Nothing that was tried has ended anything.
    scene.owner().api.show_account().await.unwrap();
}
