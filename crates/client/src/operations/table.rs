//! Every operation of the REST API, once: its name, method, path, arguments, query, body and answer. What a client
//! makes of it is up to the macro that it hands over; see [`operations!`].
//!
//! Invariant: this is the published description in other words. A test compares each line with
//! `openapi/openapi.json`, and fails when an operation is missing.

/// Hands the table of all operations to a macro of one's own, which makes methods of it, or whatever it needs. Native
/// and browser client share the table and differ in how a request travels.
///
/// Each operation comes as
///
/// ```text
/// /// What it does.
/// name: Method "/path/{with}/{arguments}" (with: Type, arguments: Type) query Query body Body -> Answer, mark;
/// ```
///
/// where `query`, `body` and marks may be missing. The marks are `open` (needs no token, and none is sent), `keyed` (takes
/// an `Idempotency-Key`) and `deprecated`. The types are those of [`types`](crate::operations::types), which has to be imported.
#[macro_export]
macro_rules! operations {
    ($with:ident) => {
        $with! {
            // The server.

            /// What anybody may know about this server.
            show_server: Get "/api/v1/server" () -> ServerInfo, open;

            // One's own account.

            /// Deletes one's account for good, and one's bots.
            delete_account: Delete "/api/v1/account" () body ConfirmPassword -> DeletionReceipt;
            /// One's own account.
            show_account: Get "/api/v1/account" () -> Account;
            /// Changes one's own account.
            update_account: Patch "/api/v1/account" () body UpdateAccount -> Account;
            /// Removes one's own picture.
            delete_avatar: Delete "/api/v1/account/avatar" () -> Account;
            /// Uploads one's own picture.
            upload_avatar: Put "/api/v1/account/avatar" () body Picture -> Account;
            /// Removes one's own e-mail address, also one that waits to be confirmed, given the password.
            delete_email: Delete "/api/v1/account/email" () body ConfirmPassword -> ();
            /// One's own e-mail address.
            show_email: Get "/api/v1/account/email" () -> Email;
            /// Chooses an e-mail address, given the password.
            change_email: Put "/api/v1/account/email" () body ChangeEmail -> Email;
            /// One's own data as lines of JSON.
            export_account: Post "/api/v1/account/export" () body ConfirmPassword -> Lines;
            /// One's own accounts with the provider.
            list_identities: Get "/api/v1/account/identities" () query ListAll -> Page<Identity>;
            /// Adds an account with the provider, in the session that began.
            create_identity: Post "/api/v1/account/identities" () body CompleteIdentity -> Identity;
            /// Begins to add an account with the provider to one's own, given the password.
            begin_identity: Post "/api/v1/account/identities/begin" () body BeginIdentity -> ProviderLogIn;
            /// Removes one of one's own accounts with the provider.
            delete_identity: Delete "/api/v1/account/identities/{identity}"
                (identity: IdentityId) body ConfirmPassword -> ();
            /// One's own passkeys, oldest first.
            list_passkeys: Get "/api/v1/account/passkeys" () query ListAll -> Page<Passkey>;
            /// Adds the passkey that the authenticator made (RegistrationResponseJSON).
            create_passkey: Post "/api/v1/account/passkeys" () body CreatePasskey -> Passkey;
            /// Begins to add a passkey, given the password.
            begin_passkey: Post "/api/v1/account/passkeys/begin" () body ConfirmPassword -> PasskeyCeremony;
            /// Removes one of one's own passkeys, given the password.
            delete_passkey: Delete "/api/v1/account/passkeys/{passkey}"
                (passkey: PasskeyId) body ConfirmPassword -> ();
            /// Gives one of one's own passkeys another name.
            update_passkey: Patch "/api/v1/account/passkeys/{passkey}"
                (passkey: PasskeyId) body UpdatePasskey -> Passkey;
            /// Changes one's own password; every other session ends.
            change_password: Put "/api/v1/account/password" () body ChangePassword -> ();
            /// One's own settings.
            show_privacy: Get "/api/v1/account/privacy" () -> Privacy;
            /// Changes one's own settings; absent ones stay as they are.
            update_privacy: Patch "/api/v1/account/privacy" () body UpdatePrivacy -> Privacy;
            /// Turns the second factor off, given the password and a code.
            delete_second_factor: Delete "/api/v1/account/second-factor" () body ConfirmBoth -> ();
            /// Whether one's own second factor is on, and how many recovery codes are left.
            show_second_factor: Get "/api/v1/account/second-factor" () -> SecondFactor;
            /// Begins to turn the second factor on, given the password.
            begin_second_factor: Post "/api/v1/account/second-factor"
                () body ConfirmPassword -> NewSecondFactor;
            /// Turns the second factor on, given a code of the new secret, and tells ten recovery codes, this
            /// once.
            confirm_second_factor: Post "/api/v1/account/second-factor/confirm"
                () body ConfirmSecondFactor -> RecoveryCodes;
            /// Makes ten new recovery codes, given the password and a code.
            renew_recovery_codes: Post "/api/v1/account/second-factor/recovery-codes"
                () body ConfirmBoth -> RecoveryCodes;
            /// Registers an account and logs it in.
            create_account: Post "/api/v1/accounts" () body CreateAccount -> Registered, open, keyed;
            /// Registers somebody who has logged in with the provider.
            create_provider_account: Post "/api/v1/accounts/provider"
                () body CreateProviderAccount -> Registered, open, keyed;
            /// Confirms an e-mail address with the token of the mail that went there.
            complete_email_verification: Post "/api/v1/email-verifications/use"
                () body CompleteEmailVerification -> (), open;
            /// Sets a new password with the token of a link.
            complete_password_reset: Post "/api/v1/password-resets" () body CompletePasswordReset -> (), open;
            /// Asks for a mail with a link that sets a new password, by the handle of an account or by its
            /// confirmed address.
            request_password_reset: Post "/api/v1/password-resets/requests"
                () body RequestPasswordReset -> (), open;

            // Sessions.

            /// One's own open sessions, last used first.
            list_sessions: Get "/api/v1/sessions" () query ListAll -> Page<Session>;
            /// Logs in.
            create_session: Post "/api/v1/sessions" () body CreateSession -> SignedIn, open, keyed;
            /// Logs out.
            delete_current_session: Delete "/api/v1/sessions/current" () -> ();
            /// Logs in with a passkey alone (AuthenticationResponseJSON).
            create_passkey_session: Post "/api/v1/sessions/passkey"
                () body CreatePasskeySession -> SignedIn, open;
            /// Begins a log-in with a passkey alone.
            begin_passkey_session: Post "/api/v1/sessions/passkey/begin" () -> PasskeyCeremony, open;
            /// Completes a log-in with the provider.
            complete_provider_log_in: Post "/api/v1/sessions/provider"
                () body CompleteProviderLogIn -> ProviderAnswer, open;
            /// Begins to log in with the provider of OpenID Connect.
            begin_provider_log_in: Post "/api/v1/sessions/provider/begin"
                () body BeginProviderLogIn -> ProviderLogIn, open;
            /// Trades a refresh token (from the body, or else from the cookie) for an access token and the
            /// next refresh token.
            refresh_session: Post "/api/v1/sessions/refresh" () body RefreshSession -> SignedIn, open;
            /// Completes a log-in that was answered second_factor_required, with its challenge and a code of
            /// the app or a recovery code.
            complete_session: Post "/api/v1/sessions/second-factor" () body CompleteSession -> SignedIn, open;
            /// Completes a log-in that was answered second_factor_required with one of the account's passkeys
            /// (AuthenticationResponseJSON).
            complete_passkey_step: Post "/api/v1/sessions/second-factor/passkey"
                () body CompletePasskeyStep -> SignedIn, open;
            /// Begins the second step of a log-in that was answered second_factor_required with passkey among
            /// its methods.
            begin_passkey_step: Post "/api/v1/sessions/second-factor/passkey/begin"
                () body BeginPasskeyStep -> PasskeyCeremony, open;
            /// Ends one of one's own sessions.
            delete_session: Delete "/api/v1/sessions/{session}" (session: SessionId) -> ();

            // Tokens of programs.

            /// One's own tokens that can be used, newest first.
            list_tokens: Get "/api/v1/account/tokens" () query ListAll -> Page<Token>;
            /// Makes a token with which a program reads, or reads and writes, as oneself.
            create_token: Post "/api/v1/account/tokens" () body CreateToken -> CreatedToken, keyed;
            /// Revokes one of one's own tokens.
            delete_token: Delete "/api/v1/account/tokens/{token}" (token: TokenId) -> ();

            // Bots.

            /// One's own bots, oldest first.
            list_bots: Get "/api/v1/bots" () query ListAll -> Page<Bot>;
            /// Makes a bot.
            create_bot: Post "/api/v1/bots" () body CreateBot -> Bot, keyed;
            /// Deletes one of one's own bots for good, with its tokens and the text of everything that it
            /// wrote, as an account is deleted.
            delete_bot: Delete "/api/v1/bots/{user}" (user: UserId) body ConfirmPassword -> DeletionReceipt;
            /// The tokens of one of one's own bots, newest first.
            list_bot_tokens: Get "/api/v1/bots/{user}/tokens" (user: UserId) query ListAll -> Page<Token>;
            /// Makes a token for one of one's own bots; see `create_token`.
            create_bot_token: Post "/api/v1/bots/{user}/tokens"
                (user: UserId) body CreateToken -> CreatedToken, keyed;
            /// Revokes a token of one of one's own bots.
            delete_bot_token: Delete "/api/v1/bots/{user}/tokens/{token}"
                (user: UserId, token: TokenId) -> ();

            // People.

            /// A picture.
            show_avatar: Get "/api/v1/avatars/{avatar}/{size}" (avatar: AvatarId, size: u32) -> Picture, open;
            /// Several people by id, for showing them beside their messages.
            list_users: Get "/api/v1/users" () query ListUsers -> Page<User>;
            /// A person's profile, found by exact handle or id.
            show_user: Get "/api/v1/users/{user}" (user: &str) -> Profile;

            // Friends.

            /// Declines all incoming requests at once.
            decline_friend_requests: Delete "/api/v1/friend-requests" () -> ();
            /// Open requests in both directions.
            list_friend_requests: Get "/api/v1/friend-requests" () -> FriendRequests;
            /// Asks for friendship.
            create_friend_request: Post "/api/v1/friend-requests" () body CreateFriendRequest -> Relationship, keyed;
            /// Declines an incoming request, or cancels one's own.
            delete_friend_request: Delete "/api/v1/friend-requests/{user}" (user: UserId) -> ();
            /// Accepts a request.
            accept_friend_request: Post "/api/v1/friend-requests/{user}/accept"
                (user: UserId) -> Relationship;
            /// One's own friends, most recent first.
            list_friends: Get "/api/v1/friends" () query ListAll -> Page<Friend>;
            /// Ends a friendship.
            delete_friend: Delete "/api/v1/friends/{user}" (user: UserId) -> ();

            // Blocks.

            /// Whom one blocks, newest first.
            list_blocks: Get "/api/v1/blocks" () query ListAll -> Page<Block>;
            /// Ends a block.
            delete_block: Delete "/api/v1/blocks/{user}" (user: UserId) -> ();
            /// Blocks somebody.
            create_block: Put "/api/v1/blocks/{user}" (user: UserId) -> Block;

            // Rooms.

            /// Public rooms, most recently active first.
            list_rooms: Get "/api/v1/rooms" () query ListNamed -> Page<Room>;
            /// Makes a room; its maker becomes the owner.
            create_room: Post "/api/v1/rooms" () body CreateRoom -> Room, keyed;
            /// Deletes a room with everything in it; for its owner and administrators.
            delete_room: Delete "/api/v1/rooms/{room}" (room: ConversationId) -> ();
            /// One room.
            show_room: Get "/api/v1/rooms/{room}" (room: ConversationId) -> Room;
            /// Changes a room's name or topic; for its owner.
            update_room: Patch "/api/v1/rooms/{room}" (room: ConversationId) body UpdateRoom -> Room;
            /// Who is in a room, in the order in which they came, and which friends among them are online;
            /// for members.
            list_members: Get "/api/v1/rooms/{room}/members"
                (room: ConversationId) query ListMembers -> Page<Member>;
            /// Leaves a room.
            leave_room: Delete "/api/v1/rooms/{room}/membership" (room: ConversationId) -> ();
            /// Enters a room.
            join_room: Put "/api/v1/rooms/{room}/membership" (room: ConversationId) -> Conversation;

            // Conversations.

            /// The rooms that one is in and one's direct chats, most recently active first; only those that
            /// the token is limited to, if it is.
            list_conversations: Get "/api/v1/conversations" () query ListConversations -> Page<Conversation>;
            /// One of one's own conversations.
            show_conversation: Get "/api/v1/conversations/{conversation}"
                (conversation: ConversationId) -> Conversation;
            /// What happened in a conversation after a position.
            list_events: Get "/api/v1/conversations/{conversation}/events"
                (conversation: ConversationId) query ListEvents -> EventPage;
            /// Says up to where one has read.
            mark_read: Put "/api/v1/conversations/{conversation}/read"
                (conversation: ConversationId) body MarkRead -> ReadMarker;
            /// Opens the direct chat with a friend, or answers the one that exists.
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
            /// Replaces the text of one's own message.
            edit_message: Patch "/api/v1/conversations/{conversation}/messages/{message}"
                (conversation: ConversationId, message: Seq) body EditMessage -> Stored;
            /// Sends a message, at a path that is given up; `send_message` is the one to use.
            put_message: Put "/api/v1/conversations/{conversation}/messages/{message}"
                (conversation: ConversationId, message: &str) body SendMessage -> Stored, deprecated;
            /// Takes a reaction back.
            delete_reaction: Delete "/api/v1/conversations/{conversation}/messages/{message}/reactions/{emoji}"
                (conversation: ConversationId, message: Seq, emoji: &str) -> Stored;
            /// Reacts to a message with an emoji.
            add_reaction: Put "/api/v1/conversations/{conversation}/messages/{message}/reactions/{emoji}"
                (conversation: ConversationId, message: Seq, emoji: &str) -> Stored;

            // Notifications.

            /// Requests, answers and mentions, newest first.
            list_notifications: Get "/api/v1/notifications" () query ListNotifications -> Notifications;
            /// Marks notifications as seen, on all of one's devices.
            read_notifications: Put "/api/v1/notifications/read" () body ReadNotifications -> ();

            // Invites.

            /// Invites that can still be used, newest first.
            list_invites: Get "/api/v1/invites" () query ListAll -> Page<Invite>;
            /// Makes an invite and tells its code, this once.
            create_invite: Post "/api/v1/invites" () body CreateInvite -> CreatedInvite, keyed;
            /// Ends an invite.
            delete_invite: Delete "/api/v1/invites/{invite}" (invite: InviteId) -> ();

            // For administrators.

            /// Accounts that wait for approval, longest first.
            list_approvals: Get "/api/v1/admin/approvals" () query ListAll -> Page<AdminUser>;
            /// Turns a waiting account away.
            reject_account: Delete "/api/v1/admin/approvals/{user}" (user: UserId) -> ();
            /// Lets a waiting account in.
            approve_account: Put "/api/v1/admin/approvals/{user}" (user: UserId) -> AdminUser;
            /// What happened to accounts and rights, newest first.
            list_audit_log: Get "/api/v1/admin/audit" () query ListAuditLog -> Page<AuditEntry>;
            /// Figures about the whole server.
            show_statistics: Get "/api/v1/admin/statistics" () -> Statistics;
            /// Accounts in the order of their handles.
            list_admin_users: Get "/api/v1/admin/users" () query ListNamed -> Page<AdminUser>;
            /// Makes a link with which a person sets a new password, once and within an hour; earlier links
            /// of theirs end.
            create_password_reset: Post "/api/v1/admin/users/{user}/password-reset"
                (user: UserId) -> PasswordReset, keyed;
            /// Turns somebody's second factor off, who has lost it.
            delete_user_second_factor: Delete "/api/v1/admin/users/{user}/second-factor" (user: UserId) -> ();
            /// Lifts a suspension.
            reinstate_user: Delete "/api/v1/admin/users/{user}/suspension" (user: UserId) -> AdminUser;
            /// Suspends an account.
            suspend_user: Put "/api/v1/admin/users/{user}/suspension" (user: UserId) -> AdminUser;

            // For those who run a server.

            /// The public keys of access tokens, as a JSON Web Key Set.
            show_keys: Get "/.well-known/jwks.json" () -> Value, open;
            /// The process lives.
            show_liveness: Get "/health/live" () -> Text, open;
            /// The node can serve.
            show_readiness: Get "/health/ready" () -> Health, open;
            /// Numbers in the text form of Prometheus, with the configured token.
            show_metrics: Get "/metrics" () -> Text;
        }
    };
}
