//! The operations of the API, one function each, named as on the server.

use gloo_net::http::Method;
use parlour_protocol::Page;
use parlour_protocol::accounts::{Account, ChangePassword, CreateAccount, PendingAccount, UpdateAccount};
use parlour_protocol::admin::{AdminUser, Statistics};
use parlour_protocol::audit::AuditEntry;
use parlour_protocol::blocks::Block;
use parlour_protocol::conversations::Conversation;
use parlour_protocol::emails::{ChangeEmail, CompleteEmailVerification, Email};
use parlour_protocol::friends::{CreateFriendRequest, Friend, FriendRequests, Relationship};
use parlour_protocol::ids::{ConversationId, InviteId, JobId, PasskeyId, Seq, SessionId, UserId};
use parlour_protocol::invites::{CreateInvite, CreatedInvite, Invite};
use parlour_protocol::jobs::FailedJob;
use parlour_protocol::messages::MessagePage;
use parlour_protocol::notifications::{Notifications, ReadNotifications};
use parlour_protocol::own_data::{ConfirmPassword, DeletionReceipt};
use parlour_protocol::passkeys::{
    BeginPasskeyStep, CompletePasskeyStep, CreatePasskey, CreatePasskeySession, Passkey, PasskeyCeremony,
    UpdatePasskey,
};
use parlour_protocol::password_resets::{CompletePasswordReset, PasswordReset, RequestPasswordReset};
use parlour_protocol::privacy::{Privacy, UpdatePrivacy};
use parlour_protocol::rooms::{CreateRoom, Member, Room, UpdateRoom};
use parlour_protocol::second_factors::{
    CompleteSession, ConfirmBoth, ConfirmSecondFactor, NewSecondFactor, RecoveryCodes, SecondFactor,
};
use parlour_protocol::sessions::{CreateSession, Session, SignedIn};
use parlour_protocol::users::{Profile, User};
use wasm_bindgen::JsValue;

use super::http::{Answer, Api};
use crate::state::history::{PAGE, Place};

/// The outcome of a registration.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(untagged)]
pub(crate) enum Registered {
    /// The user is logged in.
    In(Box<SignedIn>),
    /// An administrator must approve the account first.
    Waiting(PendingAccount),
}

fn escape(text: &str) -> String {
    js_sys::encode_uri_component(text).into()
}

fn query(path: &str, search: &str, after: Option<&str>) -> String {
    let mut address = format!("{path}?limit=50");
    if !search.trim().is_empty() {
        address.push_str("&search=");
        address.push_str(&escape(search.trim()));
    }
    if let Some(after) = after {
        address.push_str("&after=");
        address.push_str(&escape(after));
    }
    address
}

impl Api {
    pub(crate) async fn create_account(self, body: &CreateAccount) -> Answer<Registered> {
        self.with_body(Method::POST, "/accounts", body).await
    }

    pub(crate) async fn create_session(self, body: &CreateSession) -> Answer<SignedIn> {
        self.with_body(Method::POST, "/sessions", body).await
    }

    pub(crate) async fn complete_session(self, body: &CompleteSession) -> Answer<SignedIn> {
        self.with_body(Method::POST, "/sessions/second-factor", body).await
    }

    pub(crate) async fn complete_password_reset(self, body: &CompletePasswordReset) -> Answer<()> {
        self.done_with(Method::POST, "/password-resets", body).await
    }

    pub(crate) async fn request_password_reset(self, body: &RequestPasswordReset) -> Answer<()> {
        self.done_with(Method::POST, "/password-resets/requests", body).await
    }

    pub(crate) async fn read_email(self) -> Answer<Email> {
        self.get("/account/email").await
    }

    pub(crate) async fn change_email(self, body: &ChangeEmail) -> Answer<Email> {
        self.with_body(Method::PUT, "/account/email", body).await
    }

    pub(crate) async fn delete_email(self, body: &ConfirmPassword) -> Answer<()> {
        self.done_with(Method::DELETE, "/account/email", body).await
    }

    pub(crate) async fn complete_email_verification(self, body: &CompleteEmailVerification) -> Answer<()> {
        self.done_with(Method::POST, "/email-verifications/use", body).await
    }

    pub(crate) async fn read_second_factor(self) -> Answer<SecondFactor> {
        self.get("/account/second-factor").await
    }

    pub(crate) async fn begin_second_factor(self, body: &ConfirmPassword) -> Answer<NewSecondFactor> {
        self.with_body(Method::POST, "/account/second-factor", body).await
    }

    pub(crate) async fn confirm_second_factor(self, body: &ConfirmSecondFactor) -> Answer<RecoveryCodes> {
        self.with_body(Method::POST, "/account/second-factor/confirm", body).await
    }

    pub(crate) async fn renew_recovery_codes(self, body: &ConfirmBoth) -> Answer<RecoveryCodes> {
        self.with_body(Method::POST, "/account/second-factor/recovery-codes", body).await
    }

    pub(crate) async fn delete_second_factor(self, body: &ConfirmBoth) -> Answer<()> {
        self.done_with(Method::DELETE, "/account/second-factor", body).await
    }

    pub(crate) async fn list_passkeys(self) -> Answer<Page<Passkey>> {
        self.get("/account/passkeys").await
    }

    pub(crate) async fn begin_passkey(self, body: &ConfirmPassword) -> Answer<PasskeyCeremony> {
        self.with_body(Method::POST, "/account/passkeys/begin", body).await
    }

    pub(crate) async fn create_passkey(self, body: &CreatePasskey) -> Answer<Passkey> {
        self.with_body(Method::POST, "/account/passkeys", body).await
    }

    pub(crate) async fn update_passkey(self, id: PasskeyId, body: &UpdatePasskey) -> Answer<Passkey> {
        self.with_body(Method::PATCH, &format!("/account/passkeys/{id}"), body).await
    }

    pub(crate) async fn delete_passkey(self, id: PasskeyId, body: &ConfirmPassword) -> Answer<()> {
        self.done_with(Method::DELETE, &format!("/account/passkeys/{id}"), body).await
    }

    pub(crate) async fn begin_passkey_session(self) -> Answer<PasskeyCeremony> {
        self.bare(Method::POST, "/sessions/passkey/begin").await
    }

    pub(crate) async fn create_passkey_session(self, body: &CreatePasskeySession) -> Answer<SignedIn> {
        self.with_body(Method::POST, "/sessions/passkey", body).await
    }

    pub(crate) async fn begin_passkey_step(self, body: &BeginPasskeyStep) -> Answer<PasskeyCeremony> {
        self.with_body(Method::POST, "/sessions/second-factor/passkey/begin", body).await
    }

    pub(crate) async fn complete_passkey_step(self, body: &CompletePasskeyStep) -> Answer<SignedIn> {
        self.with_body(Method::POST, "/sessions/second-factor/passkey", body).await
    }

    pub(crate) async fn end_session(self) -> Answer<()> {
        self.done(Method::DELETE, "/sessions/current").await
    }

    pub(crate) async fn list_sessions(self) -> Answer<Page<Session>> {
        self.get("/sessions").await
    }

    pub(crate) async fn revoke_session(self, id: SessionId) -> Answer<()> {
        self.done(Method::DELETE, &format!("/sessions/{id}")).await
    }

    pub(crate) async fn read_account(self) -> Answer<Account> {
        self.get("/account").await
    }

    pub(crate) async fn update_account(self, body: &UpdateAccount) -> Answer<Account> {
        self.with_body(Method::PATCH, "/account", body).await
    }

    pub(crate) async fn change_password(self, body: &ChangePassword) -> Answer<()> {
        self.done_with(Method::PUT, "/account/password", body).await
    }

    pub(crate) async fn upload_avatar(self, picture: JsValue, media: String) -> Answer<Account> {
        self.upload("/account/avatar", picture, media).await
    }

    pub(crate) async fn delete_avatar(self) -> Answer<Account> {
        self.bare(Method::DELETE, "/account/avatar").await
    }

    pub(crate) async fn read_profile(self, handle: &str) -> Answer<Profile> {
        self.get(&format!("/users/{}", escape(handle))).await
    }

    pub(crate) async fn list_users(self, ids: &[UserId]) -> Answer<Page<User>> {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        self.get(&format!("/users?ids={}", ids.join(","))).await
    }

    pub(crate) async fn list_friends(self) -> Answer<Page<Friend>> {
        self.get_every("/friends").await
    }

    pub(crate) async fn end_friendship(self, id: UserId) -> Answer<()> {
        self.done(Method::DELETE, &format!("/friends/{id}")).await
    }

    pub(crate) async fn list_friend_requests(self) -> Answer<FriendRequests> {
        self.get("/friend-requests").await
    }

    pub(crate) async fn create_friend_request(self, to: String) -> Answer<Relationship> {
        self.with_body(Method::POST, "/friend-requests", &CreateFriendRequest { to }).await
    }

    pub(crate) async fn accept_friend_request(self, id: UserId) -> Answer<Relationship> {
        self.bare(Method::POST, &format!("/friend-requests/{id}/accept")).await
    }

    pub(crate) async fn delete_friend_request(self, id: UserId) -> Answer<()> {
        self.done(Method::DELETE, &format!("/friend-requests/{id}")).await
    }

    pub(crate) async fn list_blocks(self) -> Answer<Page<Block>> {
        self.get_every("/blocks").await
    }

    pub(crate) async fn block(self, id: UserId) -> Answer<Block> {
        self.bare(Method::PUT, &format!("/blocks/{id}")).await
    }

    pub(crate) async fn unblock(self, id: UserId) -> Answer<()> {
        self.done(Method::DELETE, &format!("/blocks/{id}")).await
    }

    pub(crate) async fn read_privacy(self) -> Answer<Privacy> {
        self.get("/account/privacy").await
    }

    pub(crate) async fn update_privacy(self, body: &UpdatePrivacy) -> Answer<Privacy> {
        self.with_body(Method::PATCH, "/account/privacy", body).await
    }

    pub(crate) async fn export_account(self, body: &ConfirmPassword) -> Answer<String> {
        self.text_with(Method::POST, "/account/export", body).await
    }

    pub(crate) async fn delete_account(self, body: &ConfirmPassword) -> Answer<DeletionReceipt> {
        self.with_body(Method::DELETE, "/account", body).await
    }

    pub(crate) async fn create_invite(self, body: &CreateInvite) -> Answer<CreatedInvite> {
        self.with_body(Method::POST, "/invites", body).await
    }

    pub(crate) async fn list_invites(self, after: Option<&str>) -> Answer<Page<Invite>> {
        self.get(&query("/invites", "", after)).await
    }

    pub(crate) async fn revoke_invite(self, id: InviteId) -> Answer<()> {
        self.done(Method::DELETE, &format!("/invites/{id}")).await
    }

    pub(crate) async fn list_approvals(self, after: Option<&str>) -> Answer<Page<AdminUser>> {
        self.get(&query("/admin/approvals", "", after)).await
    }

    pub(crate) async fn approve(self, id: UserId) -> Answer<AdminUser> {
        self.bare(Method::PUT, &format!("/admin/approvals/{id}")).await
    }

    pub(crate) async fn reject(self, id: UserId) -> Answer<()> {
        self.done(Method::DELETE, &format!("/admin/approvals/{id}")).await
    }

    pub(crate) async fn list_audit_log(self, after: Option<&str>) -> Answer<Page<AuditEntry>> {
        self.get(&query("/admin/audit", "", after)).await
    }

    pub(crate) async fn list_rooms(self, search: &str, after: Option<&str>) -> Answer<Page<Room>> {
        self.get(&query("/rooms", search, after)).await
    }

    pub(crate) async fn read_room(self, id: ConversationId) -> Answer<Room> {
        self.get(&format!("/rooms/{id}")).await
    }

    pub(crate) async fn create_room(self, body: &CreateRoom) -> Answer<Room> {
        self.with_body(Method::POST, "/rooms", body).await
    }

    pub(crate) async fn update_room(self, id: ConversationId, body: &UpdateRoom) -> Answer<Room> {
        self.with_body(Method::PATCH, &format!("/rooms/{id}"), body).await
    }

    pub(crate) async fn delete_room(self, id: ConversationId) -> Answer<()> {
        self.done(Method::DELETE, &format!("/rooms/{id}")).await
    }

    pub(crate) async fn join_room(self, id: ConversationId) -> Answer<Conversation> {
        self.bare(Method::PUT, &format!("/rooms/{id}/membership")).await
    }

    pub(crate) async fn leave_room(self, id: ConversationId) -> Answer<()> {
        self.done(Method::DELETE, &format!("/rooms/{id}/membership")).await
    }

    pub(crate) async fn list_members(self, id: ConversationId, after: Option<&str>) -> Answer<Page<Member>> {
        self.get(&query(&format!("/rooms/{id}/members"), "", after)).await
    }

    /// Members of a room whose handle or name starts with `prefix`.
    pub(crate) async fn find_members(self, id: ConversationId, prefix: &str) -> Answer<Page<Member>> {
        self.get(&format!("/rooms/{id}/members?limit=50&prefix={}", escape(prefix))).await
    }

    pub(crate) async fn list_conversations(self) -> Answer<Page<Conversation>> {
        self.get_every("/conversations").await
    }

    /// Only these conversations, as far as the user is in them.
    pub(crate) async fn list_some_conversations(self, ids: &[ConversationId]) -> Answer<Page<Conversation>> {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        self.get_every(&format!("/conversations?ids={}", ids.join(","))).await
    }

    pub(crate) async fn read_conversation(self, id: ConversationId) -> Answer<Conversation> {
        self.get(&format!("/conversations/{id}")).await
    }

    pub(crate) async fn open_direct(self, id: UserId) -> Answer<Conversation> {
        self.bare(Method::PUT, &format!("/directs/{id}")).await
    }

    pub(crate) async fn list_messages(self, id: ConversationId, place: Place) -> Answer<MessagePage> {
        let place = match place {
            Place::Newest => String::new(),
            Place::Before(seq) => format!("&before={seq}"),
            Place::After(seq) => format!("&after={seq}"),
            Place::Around(seq) => format!("&around={seq}"),
        };
        self.get(&format!("/conversations/{id}/messages?authors=true&limit={PAGE}{place}")).await
    }

    /// One message, as a page.
    pub(crate) async fn read_message(self, id: ConversationId, seq: Seq) -> Answer<MessagePage> {
        self.get(&format!("/conversations/{id}/messages?authors=true&after={}&limit=1", seq - 1)).await
    }

    pub(crate) async fn list_notifications(self, before: Option<Seq>) -> Answer<Notifications> {
        let before = before.map(|seq| format!("&before={seq}")).unwrap_or_default();
        self.get(&format!("/notifications?limit=30{before}")).await
    }

    pub(crate) async fn read_notifications(self, up_to: Seq) -> Answer<()> {
        self.done_with(Method::PUT, "/notifications/read", &ReadNotifications { up_to }).await
    }

    pub(crate) async fn list_failed_jobs(self, after: Option<&str>) -> Answer<Page<FailedJob>> {
        self.get(&query("/admin/jobs", "", after)).await
    }

    pub(crate) async fn retry_job(self, id: JobId) -> Answer<()> {
        self.done(Method::POST, &format!("/admin/jobs/{id}/retry")).await
    }

    pub(crate) async fn delete_job(self, id: JobId) -> Answer<()> {
        self.done(Method::DELETE, &format!("/admin/jobs/{id}")).await
    }

    pub(crate) async fn list_admin_users(self, search: &str, after: Option<&str>) -> Answer<Page<AdminUser>> {
        self.get(&query("/admin/users", search, after)).await
    }

    pub(crate) async fn suspend_user(self, id: UserId, suspended: bool) -> Answer<AdminUser> {
        let method = if suspended { Method::PUT } else { Method::DELETE };
        self.bare(method, &format!("/admin/users/{id}/suspension")).await
    }

    pub(crate) async fn create_password_reset(self, id: UserId) -> Answer<PasswordReset> {
        self.bare(Method::POST, &format!("/admin/users/{id}/password-reset")).await
    }

    pub(crate) async fn delete_user_second_factor(self, id: UserId) -> Answer<()> {
        self.done(Method::DELETE, &format!("/admin/users/{id}/second-factor")).await
    }

    pub(crate) async fn read_statistics(self) -> Answer<Statistics> {
        self.get("/admin/statistics").await
    }
}
