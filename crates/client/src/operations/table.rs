//! Every operation of the REST API, once: its name, method, path, arguments, query, body and answer. What a client does
//! with the rows is up to the macro it passes in; see [`operations!`].
//!
//! Invariant: this restates the published description. A test compares each row with `openapi/openapi.json` and fails
//! if an operation is missing.

/// Passes the table of all operations to the caller's macro, which generates methods or whatever it needs. The native
/// and the browser client share the table and differ in how a request is sent.
///
/// Each operation comes as
///
/// ```text
/// /// What it does.
/// name: Method "/path/{with}/{arguments}" (with: Type, arguments: Type) query Query body Body -> Answer, mark;
/// ```
///
/// where `query`, `body` and marks are optional. The marks are `open` (needs no token, and none is sent), `keyed`
/// (accepts an `Idempotency-Key`) and `deprecated`. The types come from [`types`](crate::operations::types), which must
/// be imported.
#[macro_export]
macro_rules! operations {
    ($with:ident) => {
        $with! {
            // The server.

            /// What anyone may know about this server.
            show_server: Get "/api/v1/server" () -> ServerInfo, open;

            // The user's own account.

            /// Deletes the user's account and bots for good.
            delete_account: Delete "/api/v1/account" () body ConfirmPassword -> DeletionReceipt;
            /// The user's own account.
            show_account: Get "/api/v1/account" () -> Account;
            /// Changes the user's account.
            update_account: Patch "/api/v1/account" () body UpdateAccount -> Account;
            /// Removes the user's picture.
            delete_avatar: Delete "/api/v1/account/avatar" () -> Account;
            /// Uploads the user's picture.
            upload_avatar: Put "/api/v1/account/avatar" () body Picture -> Account;
            /// Removes the user's e-mail address, including one that waits for confirmation, given the password.
            delete_email: Delete "/api/v1/account/email" () body ConfirmPassword -> ();
            /// The user's e-mail address.
            show_email: Get "/api/v1/account/email" () -> Email;
            /// Sets the user's e-mail address, given the password.
            change_email: Put "/api/v1/account/email" () body ChangeEmail -> Email;
            /// Exports the user's own data as lines of JSON.
            export_account: Post "/api/v1/account/export" () body ConfirmPassword -> Lines;
            /// The user's identities at the OpenID provider.
            list_identities: Get "/api/v1/account/identities" () query ListAll -> Page<Identity>;
            /// Completes adding an identity at the OpenID provider, in the session that started it.
            create_identity: Post "/api/v1/account/identities" () body CompleteIdentity -> Identity;
            /// Starts adding an identity at the OpenID provider to the user's account, given the password.
            begin_identity: Post "/api/v1/account/identities/begin" () body BeginIdentity -> ProviderLogIn;
            /// Removes one of the user's identities at the OpenID provider.
            delete_identity: Delete "/api/v1/account/identities/{identity}"
                (identity: IdentityId) body ConfirmPassword -> ();
            /// The user's passkeys, oldest first.
            list_passkeys: Get "/api/v1/account/passkeys" () query ListAll -> Page<Passkey>;
            /// Adds the passkey that the authenticator created (RegistrationResponseJSON).
            create_passkey: Post "/api/v1/account/passkeys" () body CreatePasskey -> Passkey;
            /// Starts adding a passkey, given the password.
            begin_passkey: Post "/api/v1/account/passkeys/begin" () body ConfirmPassword -> PasskeyCeremony;
            /// Removes one of the user's passkeys, given the password.
            delete_passkey: Delete "/api/v1/account/passkeys/{passkey}"
                (passkey: PasskeyId) body ConfirmPassword -> ();
            /// Renames one of the user's passkeys.
            update_passkey: Patch "/api/v1/account/passkeys/{passkey}"
                (passkey: PasskeyId) body UpdatePasskey -> Passkey;
            /// Changes the user's password; every other session ends.
            change_password: Put "/api/v1/account/password" () body ChangePassword -> ();
            /// The user's privacy settings.
            show_privacy: Get "/api/v1/account/privacy" () -> Privacy;
            /// Changes the user's privacy settings; absent fields stay as they are.
            update_privacy: Patch "/api/v1/account/privacy" () body UpdatePrivacy -> Privacy;
            /// Turns off the second factor, given the password and a code.
            delete_second_factor: Delete "/api/v1/account/second-factor" () body ConfirmBoth -> ();
            /// Whether the user's second factor is on, and how many recovery codes are left.
            show_second_factor: Get "/api/v1/account/second-factor" () -> SecondFactor;
            /// Starts turning on the second factor, given the password.
            begin_second_factor: Post "/api/v1/account/second-factor"
                () body ConfirmPassword -> NewSecondFactor;
            /// Turns on the second factor, given a code for the new secret, and returns ten recovery codes, only this
            /// once.
            confirm_second_factor: Post "/api/v1/account/second-factor/confirm"
                () body ConfirmSecondFactor -> RecoveryCodes;
            /// Creates ten new recovery codes, given the password and a code.
            renew_recovery_codes: Post "/api/v1/account/second-factor/recovery-codes"
                () body ConfirmBoth -> RecoveryCodes;
            /// Registers an account and logs it in.
            create_account: Post "/api/v1/accounts" () body CreateAccount -> Registered, open, keyed;
            /// Registers someone who has logged in with the provider.
            create_provider_account: Post "/api/v1/accounts/provider"
                () body CreateProviderAccount -> Registered, open, keyed;
            /// Confirms an e-mail address with the token that was mailed to it.
            complete_email_verification: Post "/api/v1/email-verifications/use"
                () body CompleteEmailVerification -> (), open;
            /// Sets a new password with the token of a reset link.
            complete_password_reset: Post "/api/v1/password-resets" () body CompletePasswordReset -> (), open;
            /// Requests a mail with a password reset link, by an account's handle or its confirmed address.
            request_password_reset: Post "/api/v1/password-resets/requests"
                () body RequestPasswordReset -> (), open;

            // Sessions.

            /// The user's open sessions, most recently used first.
            list_sessions: Get "/api/v1/sessions" () query ListAll -> Page<Session>;
            /// Logs in.
            create_session: Post "/api/v1/sessions" () body CreateSession -> SignedIn, open, keyed;
            /// Logs out.
            delete_current_session: Delete "/api/v1/sessions/current" () -> ();
            /// Logs in with only a passkey (AuthenticationResponseJSON).
            create_passkey_session: Post "/api/v1/sessions/passkey"
                () body CreatePasskeySession -> SignedIn, open;
            /// Starts a log-in with only a passkey.
            begin_passkey_session: Post "/api/v1/sessions/passkey/begin" () -> PasskeyCeremony, open;
            /// Completes a log-in with the provider.
            complete_provider_log_in: Post "/api/v1/sessions/provider"
                () body CompleteProviderLogIn -> ProviderAnswer, open;
            /// Starts a log-in with the OpenID Connect provider.
            begin_provider_log_in: Post "/api/v1/sessions/provider/begin"
                () body BeginProviderLogIn -> ProviderLogIn, open;
            /// Exchanges a refresh token (from the body, otherwise from the cookie) for an access token and the next
            /// refresh token.
            refresh_session: Post "/api/v1/sessions/refresh" () body RefreshSession -> SignedIn, open;
            /// Completes a log-in that returned second_factor_required, with its challenge and a code of the app or a
            /// recovery code.
            complete_session: Post "/api/v1/sessions/second-factor" () body CompleteSession -> SignedIn, open;
            /// Completes a log-in that returned second_factor_required, with one of the account's passkeys
            /// (AuthenticationResponseJSON).
            complete_passkey_step: Post "/api/v1/sessions/second-factor/passkey"
                () body CompletePasskeyStep -> SignedIn, open;
            /// Starts the second step of a log-in that returned second_factor_required with passkey among its methods.
            begin_passkey_step: Post "/api/v1/sessions/second-factor/passkey/begin"
                () body BeginPasskeyStep -> PasskeyCeremony, open;
            /// Ends one of the user's sessions.
            delete_session: Delete "/api/v1/sessions/{session}" (session: SessionId) -> ();

            // Personal access tokens.

            /// The user's valid tokens, newest first.
            list_tokens: Get "/api/v1/account/tokens" () query ListAll -> Page<Token>;
            /// Creates a token with which a program reads, or reads and writes, on the user's behalf.
            create_token: Post "/api/v1/account/tokens" () body CreateToken -> CreatedToken, keyed;
            /// Revokes one of the user's tokens.
            delete_token: Delete "/api/v1/account/tokens/{token}" (token: TokenId) -> ();

            // Bots.

            /// The user's bots, oldest first.
            list_bots: Get "/api/v1/bots" () query ListAll -> Page<Bot>;
            /// Creates a bot.
            create_bot: Post "/api/v1/bots" () body CreateBot -> Bot, keyed;
            /// Deletes one of the user's bots for good, with its tokens and the text of everything it wrote, as when
            /// deleting an account.
            delete_bot: Delete "/api/v1/bots/{user}" (user: UserId) body ConfirmPassword -> DeletionReceipt;
            /// The tokens of one of the user's bots, newest first.
            list_bot_tokens: Get "/api/v1/bots/{user}/tokens" (user: UserId) query ListAll -> Page<Token>;
            /// Creates a token for one of the user's bots; see `create_token`.
            create_bot_token: Post "/api/v1/bots/{user}/tokens"
                (user: UserId) body CreateToken -> CreatedToken, keyed;
            /// Revokes a token of one of the user's bots.
            delete_bot_token: Delete "/api/v1/bots/{user}/tokens/{token}"
                (user: UserId, token: TokenId) -> ();

            // People.

            /// Downloads a picture.
            show_avatar: Get "/api/v1/avatars/{avatar}/{size}" (avatar: AvatarId, size: u32) -> Picture, open;
            /// Several people by id, to show them next to their messages.
            list_users: Get "/api/v1/users" () query ListUsers -> Page<User>;
            /// A person's profile, found by exact handle or id.
            show_user: Get "/api/v1/users/{user}" (user: &str) -> Profile;

            // Friends.

            /// Declines all incoming requests at once.
            decline_friend_requests: Delete "/api/v1/friend-requests" () -> ();
            /// Open requests in both directions.
            list_friend_requests: Get "/api/v1/friend-requests" () -> FriendRequests;
            /// Sends a friend request.
            create_friend_request: Post "/api/v1/friend-requests" () body CreateFriendRequest -> Relationship, keyed;
            /// Declines an incoming request, or cancels an outgoing one.
            delete_friend_request: Delete "/api/v1/friend-requests/{user}" (user: UserId) -> ();
            /// Accepts a request.
            accept_friend_request: Post "/api/v1/friend-requests/{user}/accept"
                (user: UserId) -> Relationship;
            /// The user's friends, most recent first.
            list_friends: Get "/api/v1/friends" () query ListAll -> Page<Friend>;
            /// Ends a friendship.
            delete_friend: Delete "/api/v1/friends/{user}" (user: UserId) -> ();

            // Blocks.

            /// The users that the caller blocks, newest first.
            list_blocks: Get "/api/v1/blocks" () query ListAll -> Page<Block>;
            /// Unblocks a user.
            delete_block: Delete "/api/v1/blocks/{user}" (user: UserId) -> ();
            /// Blocks a user.
            create_block: Put "/api/v1/blocks/{user}" (user: UserId) -> Block;

            // Rooms.

            /// Public rooms, most recently active first.
            list_rooms: Get "/api/v1/rooms" () query ListNamed -> Page<Room>;
            /// Creates a room; its creator becomes the owner.
            create_room: Post "/api/v1/rooms" () body CreateRoom -> Room, keyed;
            /// Deletes a room with everything in it; for its owner and for administrators.
            delete_room: Delete "/api/v1/rooms/{room}" (room: ConversationId) -> ();
            /// One room.
            show_room: Get "/api/v1/rooms/{room}" (room: ConversationId) -> Room;
            /// Changes a room's name or topic; for its owner.
            update_room: Patch "/api/v1/rooms/{room}" (room: ConversationId) body UpdateRoom -> Room;
            /// The members of a room in the order in which they joined, and which friends among them are online; for
            /// members.
            list_members: Get "/api/v1/rooms/{room}/members"
                (room: ConversationId) query ListMembers -> Page<Member>;
            /// Leaves a room.
            leave_room: Delete "/api/v1/rooms/{room}/membership" (room: ConversationId) -> ();
            /// Joins a room.
            join_room: Put "/api/v1/rooms/{room}/membership" (room: ConversationId) -> Conversation;

            // Conversations.

            /// The user's rooms and direct chats, most recently active first; if the token is limited to some of them,
            /// only those.
            list_conversations: Get "/api/v1/conversations" () query ListConversations -> Page<Conversation>;
            /// One of the user's conversations.
            show_conversation: Get "/api/v1/conversations/{conversation}"
                (conversation: ConversationId) -> Conversation;
            /// The events of a conversation after a position.
            list_events: Get "/api/v1/conversations/{conversation}/events"
                (conversation: ConversationId) query ListEvents -> EventPage;
            /// Sets the position up to which the user has read.
            mark_read: Put "/api/v1/conversations/{conversation}/read"
                (conversation: ConversationId) body MarkRead -> ReadMarker;
            /// Opens the direct chat with a friend, or returns the existing one.
            open_direct: Put "/api/v1/directs/{user}" (user: UserId) -> Conversation;

            // Messages.

            /// History, oldest first.
            list_messages: Get "/api/v1/conversations/{conversation}/messages"
                (conversation: ConversationId) query ListMessages -> MessagePage;
            /// Sends a message.
            send_message: Put "/api/v1/conversations/{conversation}/messages/by-cid/{cid}"
                (conversation: ConversationId, cid: &str) body SendMessage -> Stored;
            /// Deletes a message.
            delete_message: Delete "/api/v1/conversations/{conversation}/messages/{message}"
                (conversation: ConversationId, message: Seq) -> Stored;
            /// One message in its present state, by its position.
            show_message: Get "/api/v1/conversations/{conversation}/messages/{message}"
                (conversation: ConversationId, message: Seq) -> Message;
            /// Replaces the text of one of the user's messages.
            edit_message: Patch "/api/v1/conversations/{conversation}/messages/{message}"
                (conversation: ConversationId, message: Seq) body EditMessage -> Stored;
            /// Sends a message, at a deprecated path; use `send_message`.
            put_message: Put "/api/v1/conversations/{conversation}/messages/{message}"
                (conversation: ConversationId, message: &str) body SendMessage -> Stored, deprecated;
            /// Removes a reaction.
            delete_reaction: Delete "/api/v1/conversations/{conversation}/messages/{message}/reactions/{emoji}"
                (conversation: ConversationId, message: Seq, emoji: &str) -> Stored;
            /// Reacts to a message with an emoji.
            add_reaction: Put "/api/v1/conversations/{conversation}/messages/{message}/reactions/{emoji}"
                (conversation: ConversationId, message: Seq, emoji: &str) -> Stored;

            // Notifications.

            /// Friend requests, their acceptances, and mentions, newest first.
            list_notifications: Get "/api/v1/notifications" () query ListNotifications -> Notifications;
            /// Marks notifications as seen, on all of the user's devices.
            read_notifications: Put "/api/v1/notifications/read" () body ReadNotifications -> ();

            // Invites.

            /// Invites that can still be used, newest first.
            list_invites: Get "/api/v1/invites" () query ListAll -> Page<Invite>;
            /// Creates an invite and returns its code, only this once.
            create_invite: Post "/api/v1/invites" () body CreateInvite -> CreatedInvite, keyed;
            /// Ends an invite.
            delete_invite: Delete "/api/v1/invites/{invite}" (invite: InviteId) -> ();

            // For administrators.

            /// Accounts that wait for approval, longest wait first.
            list_approvals: Get "/api/v1/admin/approvals" () query ListAll -> Page<AdminUser>;
            /// Rejects a waiting account.
            reject_account: Delete "/api/v1/admin/approvals/{user}" (user: UserId) -> ();
            /// Approves a waiting account.
            approve_account: Put "/api/v1/admin/approvals/{user}" (user: UserId) -> AdminUser;
            /// The audit log: what happened to accounts and rights, newest first.
            list_audit_log: Get "/api/v1/admin/audit" () query ListAuditLog -> Page<AuditEntry>;
            /// Jobs that failed for good, latest first.
            list_failed_jobs: Get "/api/v1/admin/jobs" () query ListAll -> Page<FailedJob>;
            /// Deletes a failed job, so that it is never done.
            delete_job: Delete "/api/v1/admin/jobs/{job}" (job: JobId) -> ();
            /// Runs a failed job again.
            retry_job: Post "/api/v1/admin/jobs/{job}/retry" (job: JobId) -> ();
            /// Statistics of the whole server.
            show_statistics: Get "/api/v1/admin/statistics" () -> Statistics;
            /// Accounts, ordered by handle.
            list_admin_users: Get "/api/v1/admin/users" () query ListNamed -> Page<AdminUser>;
            /// Creates a password reset link for a user, valid once and for one hour; earlier links become invalid.
            create_password_reset: Post "/api/v1/admin/users/{user}/password-reset"
                (user: UserId) -> PasswordReset, keyed;
            /// Turns off the second factor of a user who has lost it.
            delete_user_second_factor: Delete "/api/v1/admin/users/{user}/second-factor" (user: UserId) -> ();
            /// Lifts a suspension.
            reinstate_user: Delete "/api/v1/admin/users/{user}/suspension" (user: UserId) -> AdminUser;
            /// Suspends an account.
            suspend_user: Put "/api/v1/admin/users/{user}/suspension" (user: UserId) -> AdminUser;

            // For server operators.

            /// The public keys of access tokens, as a JSON Web Key Set.
            show_keys: Get "/.well-known/jwks.json" () -> Value, open;
            /// Whether the process is alive.
            show_liveness: Get "/health/live" () -> Text, open;
            /// Whether the node can serve requests.
            show_readiness: Get "/health/ready" () -> Health, open;
            /// Metrics in Prometheus's text format; requires the configured token.
            show_metrics: Get "/metrics" () -> Text;
        }
    };
}
