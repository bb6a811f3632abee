//! One snapshot per type that crosses the wire. A changed snapshot is a changed contract with clients that are already
//! installed: optional fields may be added, and nothing else. Every sample is also read back.

use std::collections::{BTreeMap, BTreeSet};

use parlour_protocol::accounts::{
    Account, ChangePassword, CreateAccount, PendingAccount, Registration, ServerRole, UpdateAccount,
};
use parlour_protocol::admin::{AdminUser, Statistics};
use parlour_protocol::api_tokens::{CreateToken, CreatedToken, Token, TokenScope};
use parlour_protocol::audit::{AuditEntry, AuditKind};
use parlour_protocol::blocks::Block;
use parlour_protocol::bots::{Bot, CreateBot};
use parlour_protocol::conversations::{Conversation, ConversationKind, EventPage, MarkRead, ReadMarker};
use parlour_protocol::emails::{ChangeEmail, CompleteEmailVerification, Email};
use parlour_protocol::events::{Change, Ephemeral, Event, UserChange, UserEvent};
use parlour_protocol::friends::{CreateFriendRequest, Friend, FriendRequest, FriendRequests, Relationship};
use parlour_protocol::identities::{
    BeginIdentity, BeginProviderLogIn, CompleteIdentity, CompleteProviderLogIn, CreateProviderAccount,
    Identity, ProviderLogIn, UnknownIdentity,
};
use parlour_protocol::ids::{
    AvatarId, ConversationId, IdentityId, InviteId, JobId, PasskeyId, SessionId, TokenId, UserId,
};
use parlour_protocol::invites::{CreateInvite, CreatedInvite, Invite};
use parlour_protocol::jobs::{FailedJob, JobKind};
use parlour_protocol::messages::{EditMessage, Mention, Message, MessagePage, Reaction, SendMessage, Stored};
use parlour_protocol::notifications::{Notification, NotificationKind, Notifications, ReadNotifications};
use parlour_protocol::own_data::{
    ConfirmPassword, DeletionReceipt, Erased, ExportEnd, ExportHead, ExportLine, ExportedMessages,
    ExportedPicture,
};
use parlour_protocol::passkeys::{
    BeginPasskeyStep, CompletePasskeyStep, CreatePasskey, CreatePasskeySession, Passkey, PasskeyCeremony,
    UpdatePasskey,
};
use parlour_protocol::password_resets::{CompletePasswordReset, PasswordReset, RequestPasswordReset};
use parlour_protocol::privacy::{FindableBy, PresenceTo, Privacy, RequestsFrom, UpdatePrivacy};
use parlour_protocol::problems::{ErrorCode, Problem, Violation};
use parlour_protocol::rights::Permission;
use parlour_protocol::rooms::{CreateRoom, Member, MemberRole, Room, UpdateRoom};
use parlour_protocol::second_factors::{
    CompleteSession, ConfirmBoth, ConfirmSecondFactor, FactorMethod, NewSecondFactor, RecoveryCodes,
    SecondFactor,
};
use parlour_protocol::sessions::{CreateSession, RefreshSession, RefreshTransport, Session, SignedIn};
use parlour_protocol::socket::{
    ClientFrame, EffectOutcome, ErrorFrame, Excerpt, Hello, News, OkFrame, ReplayState, ServerFrame, Start,
    StreamState,
};
use parlour_protocol::time::Timestamp;
use parlour_protocol::users::{Profile, Relation, User};
use parlour_protocol::{Feature, Page, ServerInfo, ServerLimits};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const AT: Timestamp = Timestamp(1_795_401_856_123_456);
const ROOM: ConversationId = ConversationId(41);
const ADA: UserId = UserId(9_007_199_254_740_993);
const BOB: UserId = UserId(7);

/// A sample as JSON, after checking that it reads back as the same value.
fn written<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(sample: &T) -> Value {
    let value = serde_json::to_value(sample).unwrap();
    assert_eq!(serde_json::from_value::<T>(value.clone()).unwrap(), *sample);
    value
}

macro_rules! snapshot {
    ($name:literal, $($sample:expr),+ $(,)?) => {
        insta::assert_json_snapshot!($name, [$(written(&$sample)),+])
    };
}

fn user() -> User {
    User {
        id: ADA,
        handle: "ada".into(),
        display_name: "Ada Lovelace".into(),
        avatar: Some(AvatarId(5)),
        bot: false,
    }
}

fn bare_user() -> User {
    User { id: BOB, handle: "bob".into(), display_name: "bob".into(), avatar: None, bot: false }
}

fn account() -> Account {
    Account {
        id: ADA,
        handle: "ada".into(),
        display_name: "Ada Lovelace".into(),
        bio: "Poetical science".into(),
        avatar: Some(AvatarId(5)),
        has_password: true,
        role: ServerRole::Admin,
        created_at: AT,
    }
}

fn message() -> Message {
    Message {
        seq: 42,
        author: ADA,
        cid: "client-id-1".into(),
        body: Some("hi 👋".into()),
        reply_to: Some(40),
        reply_author: Some(BOB),
        mentions: Some(vec![Mention { user: BOB, handle: "bob".into() }]),
        at: AT,
        edited_at: Some(AT),
        deleted_at: None,
        reactions: vec![Reaction { emoji: "👍".into(), users: vec![ADA, BOB] }],
    }
}

fn deleted_message() -> Message {
    Message {
        body: None,
        reply_to: None,
        reply_author: None,
        mentions: None,
        edited_at: None,
        deleted_at: Some(AT),
        reactions: vec![],
        ..message()
    }
}

fn event(seq: i64, change: Change) -> Event {
    Event { conversation: ROOM, seq, at: AT, change }
}

fn stream_state() -> StreamState {
    StreamState { head: Some(44), state: ReplayState::Replay, read_seq: Some(40) }
}

#[test]
fn basics() {
    snapshot!(
        "ServerInfo",
        ServerInfo {
            name: "Parlour".into(),
            version: "0.1.0".into(),
            registration_open: true,
            registration: Registration::Approval,
            member_invites: true,
            provider: Some("Guild".into()),
            mail: true,
            passkeys: true,
            features: Feature::ALL.to_vec(),
            limits: ServerLimits::default(),
            epoch: "7b1c".into()
        }
    );
    snapshot!(
        "Page",
        Page { items: vec![user()], next: Some("cursor".into()) },
        Page { items: vec![user()], next: None }
    );
    let violation = Violation { field: "handle".into(), message: "Too short.".into() };
    snapshot!("Violation", violation.clone());
    let full = Problem {
        detail: Some("What happened".into()),
        violations: vec![violation],
        request_id: "0123456789abcdef".into(),
        retry_after_ms: Some(1200),
        challenge: Some("bm90IGEgY2hhbGxlbmdl".into()),
        methods: vec![FactorMethod::Code, FactorMethod::Passkey],
        ..Problem::new(ErrorCode::Invalid)
    };
    snapshot!("Problem", full, Problem::new(ErrorCode::NotFound));
    let codes: Vec<(Value, u16, &str)> = ErrorCode::ALL
        .iter()
        .map(|code| (serde_json::to_value(code).unwrap(), code.status(), code.title()))
        .collect();
    insta::assert_json_snapshot!("ErrorCode", codes);
}

#[test]
fn accounts_and_sessions() {
    snapshot!("Account", account(), Account { avatar: None, role: ServerRole::Member, ..account() });
    snapshot!(
        "CreateAccount",
        CreateAccount {
            handle: "ada".into(),
            display_name: Some("Ada".into()),
            password: "correct horse".into(),
            device: Some("phone".into()),
            invite: None,
            refresh: RefreshTransport::Cookie,
        },
        CreateAccount {
            handle: "ada".into(),
            display_name: None,
            password: "correct horse".into(),
            device: None,
            invite: None,
            refresh: RefreshTransport::Body,
        }
    );
    snapshot!(
        "UpdateAccount",
        UpdateAccount {
            handle: Some("ada".into()),
            display_name: Some("Ada".into()),
            bio: Some("hi".into())
        },
        UpdateAccount::default()
    );
    snapshot!("ChangePassword", ChangePassword { current: "old".into(), new: "new".into() });
    snapshot!(
        "CreateSession",
        CreateSession {
            handle: "ada".into(),
            password: "correct horse".into(),
            device: Some("phone".into()),
            refresh: RefreshTransport::Body,
            device_token: None,
        }
    );
    snapshot!(
        "RefreshSession",
        RefreshSession { refresh_token: Some("5.x".into()) },
        RefreshSession::default()
    );
    let signed_in = SignedIn {
        account: account(),
        session: SessionId(9),
        access_token: "a.b.c".into(),
        expires_in: 600,
        refresh_token: Some("9.x".into()),
        device_token: Some("AAAAAAAAACo".into()),
    };
    snapshot!(
        "SignedIn",
        signed_in.clone(),
        SignedIn { refresh_token: None, device_token: None, ..signed_in }
    );
    snapshot!(
        "Session",
        Session { id: SessionId(9), device: "phone".into(), current: true, created_at: AT, last_used_at: AT }
    );
    snapshot!(
        "AdminUser",
        AdminUser {
            user: user(),
            role: ServerRole::Admin,
            created_at: AT,
            suspended_at: None,
            pending_since: Some(AT),
            second_factor: true,
            owner: None,
        },
        AdminUser {
            user: bare_user(),
            role: ServerRole::Member,
            created_at: AT,
            suspended_at: Some(AT),
            pending_since: None,
            second_factor: false,
            owner: Some(ADA),
        }
    );
    snapshot!(
        "Registration",
        Registration::Open,
        Registration::Invite,
        Registration::Approval,
        Registration::Closed
    );
    snapshot!("PendingAccount", PendingAccount { id: ADA, handle: "ada".into(), pending_since: AT });
    snapshot!("ConfirmPassword", ConfirmPassword { password: "correct horse".into() });
    let erased = Erased {
        messages: 1,
        conversations: 2,
        friendships: 3,
        blocks: 4,
        sessions: 5,
        notifications: 6,
        pictures: 7,
        invites: 8,
        bots: 9,
    };
    snapshot!("Erased", erased);
    snapshot!("DeletionReceipt", DeletionReceipt { account: ADA, deleted_at: AT, erased });
    let head = ExportHead { format: 1, server: "Tea House".into(), at: AT };
    let picture = ExportedPicture { media_type: "image/png".into(), base64: "iVBORw0KGgo=".into() };
    let messages = ExportedMessages { conversation: ROOM, items: vec![message()] };
    let end = ExportEnd { messages: 1 };
    snapshot!("ExportHead", head.clone());
    snapshot!("ExportedPicture", picture.clone());
    snapshot!("ExportedMessages", messages.clone());
    snapshot!("ExportEnd", end.clone());
    snapshot!(
        "ExportLine",
        ExportLine::Export(head),
        ExportLine::Account(account()),
        ExportLine::Friends(vec![]),
        ExportLine::Picture(picture),
        ExportLine::Messages(messages),
        ExportLine::End(end),
    );
    let kinds: Vec<&str> = AuditKind::ALL.iter().map(|kind| kind.as_str()).collect();
    insta::assert_json_snapshot!("AuditKind", kinds);
    let entry = AuditEntry {
        id: 9_007_199_254_740_993,
        at: AT,
        kind: AuditKind::Suspended,
        actor: Some(ADA),
        subject: Some(BOB),
        address: Some("192.0.2.1".into()),
        operation: None,
    };
    snapshot!("AuditEntry", entry);
    let kinds: Vec<&str> = JobKind::ALL.iter().map(|kind| kind.as_str()).collect();
    insta::assert_json_snapshot!("JobKind", kinds);
    let failed = FailedJob {
        id: JobId(7),
        kind: JobKind::Mail,
        tries: 20,
        failed_at: AT,
        last_error: "the SMTP server refused with 550".into(),
    };
    snapshot!("JobId", JobId(7));
    snapshot!("FailedJob", failed);
    snapshot!("TokenId", TokenId(3));
    snapshot!("Feature", Feature::Tokens, Feature::Unknown);
    snapshot!("TokenScope", TokenScope::Read, TokenScope::Write);
    let create = CreateToken {
        password: "correct horse".into(),
        name: "weather report".into(),
        scopes: vec![TokenScope::Write],
        conversations: Some(vec![ROOM]),
        days: Some(30),
    };
    snapshot!("CreateToken", create.clone(), CreateToken { conversations: None, days: None, ..create });
    let token = Token {
        id: TokenId(3),
        name: "weather report".into(),
        scopes: vec![TokenScope::Read, TokenScope::Write],
        conversations: Some(vec![ROOM]),
        created_at: AT,
        last_used_at: Some(AT),
        expires_at: Some(AT),
    };
    let fresh = Token { conversations: None, last_used_at: None, expires_at: None, ..token.clone() };
    snapshot!("Token", token, fresh.clone());
    snapshot!("CreatedToken", CreatedToken { token: fresh, secret: "plt_3_bm90IGEgdG9rZW4".into() });
    snapshot!(
        "CreateBot",
        CreateBot { handle: "weather".into(), display_name: Some("Weather".into()) },
        CreateBot { handle: "weather".into(), display_name: None }
    );
    let bot = User { bot: true, ..bare_user() };
    snapshot!("Bot", Bot { user: bot, owner: ADA, created_at: AT });
    snapshot!("InviteId", InviteId(3));
    snapshot!("CreateInvite", CreateInvite::default(), CreateInvite { uses: Some(5), days: Some(30) });
    let invite =
        Invite { id: InviteId(3), created_by: ADA, created_at: AT, expires_at: AT, uses: 5, used: 2 };
    snapshot!("Invite", invite.clone());
    snapshot!("CreatedInvite", CreatedInvite { invite, code: "9w0yTn3cQ1m6sT4vX7aZbA".into() });
    snapshot!(
        "PasswordReset",
        PasswordReset { link: "https://chat.example/reset#bm90IGEgdG9rZW4".into(), expires_at: AT }
    );
    snapshot!(
        "CompletePasswordReset",
        CompletePasswordReset { token: "bm90IGEgdG9rZW4".into(), password: "correct horse".into() }
    );
    snapshot!(
        "SecondFactor",
        SecondFactor { since: Some(AT), recovery_codes: 10 },
        SecondFactor { since: None, recovery_codes: 0 }
    );
    snapshot!(
        "NewSecondFactor",
        NewSecondFactor {
            secret: "JBSWY3DP".into(),
            uri: "otpauth://totp/Parlour:ada?secret=JBSWY3DP".into()
        }
    );
    snapshot!("ConfirmSecondFactor", ConfirmSecondFactor { code: "123456".into() });
    snapshot!("ConfirmBoth", ConfirmBoth { password: "correct horse".into(), code: "123456".into() });
    snapshot!("RecoveryCodes", RecoveryCodes { codes: vec!["abcd-efgh-ijkl-mnop".into()] });
    let complete = CompleteSession {
        challenge: "bm90IGEgY2hhbGxlbmdl".into(),
        code: "123456".into(),
        device: Some("Laptop".into()),
        refresh: RefreshTransport::Cookie,
    };
    snapshot!("CompleteSession", complete.clone(), CompleteSession { device: None, ..complete });
    snapshot!("Statistics", Statistics { users: 1, rooms: 2, directs: 3, events: 4, online: 5, sockets: 6 });
}

#[test]
fn passkeys() {
    let credential = json!({ "id": "AQID", "response": {} });
    snapshot!("FactorMethod", FactorMethod::Code, FactorMethod::Passkey);
    snapshot!("PasskeyId", PasskeyId(9));
    snapshot!(
        "Passkey",
        Passkey { id: PasskeyId(9), name: "My phone".into(), created_at: AT, last_used_at: Some(AT) },
        Passkey { id: PasskeyId(9), name: "My phone".into(), created_at: AT, last_used_at: None }
    );
    snapshot!(
        "PasskeyCeremony",
        PasskeyCeremony { ceremony: "bmFtZQ".into(), options: json!({ "challenge": "AQID" }) }
    );
    let create =
        CreatePasskey { ceremony: "bmFtZQ".into(), credential: credential.clone(), name: "My phone".into() };
    snapshot!("CreatePasskey", create);
    snapshot!("UpdatePasskey", UpdatePasskey { name: "My phone".into() });
    let log_in = CreatePasskeySession {
        ceremony: "bmFtZQ".into(),
        credential: credential.clone(),
        device: Some("Laptop".into()),
        refresh: RefreshTransport::Cookie,
    };
    snapshot!("CreatePasskeySession", log_in);
    snapshot!("BeginPasskeyStep", BeginPasskeyStep { challenge: "bm90IGEgY2hhbGxlbmdl".into() });
    let step = CompletePasskeyStep {
        challenge: "bm90IGEgY2hhbGxlbmdl".into(),
        ceremony: "bmFtZQ".into(),
        credential,
        device: None,
        refresh: RefreshTransport::Body,
    };
    snapshot!("CompletePasskeyStep", step);
}

#[test]
fn people() {
    snapshot!("User", user(), bare_user(), User { bot: true, ..bare_user() });
    snapshot!(
        "Relation",
        Relation::Myself,
        Relation::None,
        Relation::Friend,
        Relation::Incoming,
        Relation::Outgoing
    );
    snapshot!(
        "Profile",
        Profile {
            user: user(),
            bio: "hi".into(),
            relation: Relation::Friend,
            direct: Some(ROOM),
            blocked: true,
            online: Some(true),
            owner: None,
            created_at: AT,
        },
        Profile {
            user: bare_user(),
            bio: String::new(),
            relation: Relation::None,
            direct: None,
            blocked: false,
            online: None,
            owner: Some(ADA),
            created_at: AT,
        }
    );
    snapshot!("Block", Block { user: user(), at: AT });
    let settings = Privacy {
        findable_by: FindableBy::Nobody,
        requests_from: RequestsFrom::CommonRoom,
        presence_to: PresenceTo::Nobody,
    };
    snapshot!("FindableBy", FindableBy::Everybody, FindableBy::Nobody);
    snapshot!("RequestsFrom", RequestsFrom::Everybody, RequestsFrom::CommonRoom, RequestsFrom::Nobody);
    snapshot!("PresenceTo", PresenceTo::Friends, PresenceTo::Nobody);
    snapshot!("Privacy", Privacy::default(), settings);
    snapshot!(
        "UpdatePrivacy",
        UpdatePrivacy::default(),
        UpdatePrivacy { requests_from: Some(RequestsFrom::Nobody), ..UpdatePrivacy::default() }
    );
    let friend = Friend { user: user(), online: true, since: AT, direct: Some(ROOM) };
    snapshot!("Friend", friend.clone(), Friend { direct: None, ..friend });
    let request = FriendRequest { user: user(), at: AT };
    snapshot!("FriendRequest", request.clone());
    snapshot!("FriendRequests", FriendRequests { incoming: vec![request], outgoing: vec![] });
    snapshot!("CreateFriendRequest", CreateFriendRequest { to: "@ada".into() });
    snapshot!("Relationship", Relationship { user: user(), relation: Relation::Outgoing });
    let mention = Notification {
        seq: 12,
        kind: NotificationKind::Mentioned,
        actor: user(),
        conversation: Some(ROOM),
        room: Some("tea".into()),
        message: Some(42),
        at: AT,
        read: false,
    };
    let request = Notification {
        kind: NotificationKind::FriendRequested,
        conversation: None,
        room: None,
        message: None,
        read: true,
        ..mention.clone()
    };
    let accepted = Notification { kind: NotificationKind::FriendAccepted, ..request.clone() };
    snapshot!("Notification", mention.clone(), request, accepted);
    snapshot!(
        "Notifications",
        Notifications { items: vec![mention], unread: 1, next: Some(12) },
        Notifications { items: vec![], unread: 0, next: None }
    );
    snapshot!("ReadNotifications", ReadNotifications { up_to: 12 });
}

#[test]
fn rooms_and_conversations() {
    let room = Room {
        id: ROOM,
        name: "tea".into(),
        topic: "All about it".into(),
        member_count: 2,
        online_count: 1,
        role: Some(MemberRole::Owner),
        last_activity_at: AT,
        created_at: AT,
        head: 44,
    };
    snapshot!("Room", room.clone(), Room { role: None, ..room });
    snapshot!("CreateRoom", CreateRoom { name: "tea".into(), topic: "All about it".into() });
    snapshot!(
        "UpdateRoom",
        UpdateRoom { name: Some("tea".into()), topic: Some("All about it".into()) },
        UpdateRoom::default()
    );
    snapshot!("MemberRole", MemberRole::Member, MemberRole::Moderator, MemberRole::Owner);
    snapshot!("Member", Member { user: user(), role: MemberRole::Moderator, online: true, joined_at: AT });
    let conversation = Conversation {
        id: ROOM,
        kind: ConversationKind::Room,
        name: Some("tea".into()),
        topic: Some("All about it".into()),
        peer: None,
        online: None,
        role: Some(MemberRole::Member),
        writable: true,
        can: vec![Permission::Read, Permission::Write, Permission::React],
        member_count: 2,
        head: 44,
        read_seq: 42,
        unread: 1,
        mentions: 1,
        last_message: Some(message()),
        last_activity_at: AT,
    };
    let direct = Conversation {
        kind: ConversationKind::Direct,
        name: None,
        topic: None,
        peer: Some(user()),
        online: Some(false),
        role: None,
        writable: false,
        can: vec![Permission::Read],
        last_message: None,
        ..conversation.clone()
    };
    snapshot!("Conversation", conversation, direct);
    snapshot!("MarkRead", MarkRead { seq: 42 });
    snapshot!("ReadMarker", ReadMarker { seq: 42 });
    snapshot!("Message", message(), deleted_message());
    snapshot!(
        "MessagePage",
        MessagePage {
            items: vec![message()],
            older: true,
            newer: false,
            head: 44,
            previous: Some(44),
            next: None,
            authors: Vec::new()
        }
    );
    snapshot!(
        "SendMessage",
        SendMessage { body: "hi".into(), reply_to: Some(40) },
        SendMessage { body: "hi".into(), reply_to: None }
    );
    snapshot!("Stored", Stored { seq: 45, at: AT, duplicate: true });
    snapshot!("EditMessage", EditMessage { body: "hello".into() });
    let page = EventPage::after(44, vec![event(45, Change::MemberLeft { user: BOB })], 45);
    snapshot!("EventPage", page);
}

#[test]
fn commands() {
    let (id, conversation, seq) = (7, ROOM, 42);
    let start = Start {
        id,
        token: Some("a.b.c".into()),
        epoch: Some("7b1c".into()),
        user_cursor: Some(881),
        cursors: BTreeMap::from([(ROOM, 41)]),
        live: vec![ROOM],
    };
    snapshot!(
        "ClientFrame",
        ClientFrame::Start(start),
        ClientFrame::Start(Start { id, ..Start::default() }),
        ClientFrame::Send {
            id,
            conversation,
            cid: "client-id-1".into(),
            body: "hi".into(),
            reply_to: Some(40)
        },
        ClientFrame::Send { id, conversation, cid: "client-id-1".into(), body: "hi".into(), reply_to: None },
        ClientFrame::Edit { id, conversation, seq, body: "hello".into() },
        ClientFrame::Delete { id, conversation, seq },
        ClientFrame::React { id, conversation, seq, emoji: "👍".into(), on: true },
        ClientFrame::Read { id, conversation, seq },
        ClientFrame::Typing { conversation },
        ClientFrame::Focus { id, live: vec![ROOM] },
        ClientFrame::Sync { id, conversation, after: 41, limit: Some(50) },
        ClientFrame::Ping { id },
    );
}

#[test]
fn server_frames() {
    let hello =
        Hello { epoch: "7b1c".into(), heartbeat_ms: 25_000, max_frame_bytes: 16_384, server_time: AT };
    let started = OkFrame::started(
        1,
        Some(StreamState { head: Some(882), state: ReplayState::Gap, read_seq: None }),
        BTreeMap::from([
            (ROOM, stream_state()),
            (ConversationId(90), StreamState { head: None, state: ReplayState::Gone, read_seq: None }),
            (ConversationId(91), StreamState { head: Some(3), state: ReplayState::Reset, read_seq: None }),
        ]),
    );
    let stored = OkFrame::stored(7, ROOM, Stored { seq: 45, at: AT, duplicate: false });
    let synced = OkFrame::synced(8, ROOM, vec![event(45, Change::MemberLeft { user: BOB })], 45);
    let limited = ErrorFrame {
        id: Some(8),
        code: ErrorCode::RateLimited,
        detail: Some("Too fast".into()),
        retry: true,
        retry_after_ms: Some(1200),
        outcome: EffectOutcome::None,
    };
    let unknown = ErrorFrame {
        id: None,
        code: ErrorCode::Unavailable,
        detail: None,
        retry: true,
        retry_after_ms: None,
        outcome: EffectOutcome::Unknown,
    };
    let heads = BTreeMap::from([(ConversationId(77), 9001)]);
    let news = News {
        after: 8990,
        unread: vec![[8993, 8995], [9001, 9001]],
        own: Some(8992),
        last: Some(Excerpt { seq: 9001, author: ADA, text: "See you at six".into(), at: AT }),
        deleted: vec![8996],
        members: -1,
        over: true,
    };
    let quiet = News { after: 9000, ..News::default() };
    snapshot!(
        "ServerFrame",
        ServerFrame::Hello(hello),
        ServerFrame::Ok(Box::new(started)),
        ServerFrame::Ok(Box::new(stored)),
        ServerFrame::Ok(Box::new(synced)),
        ServerFrame::Ok(Box::new(OkFrame::done(9))),
        ServerFrame::Error(limited),
        ServerFrame::Error(unknown),
        ServerFrame::Heads { conversations: heads.clone(), news: BTreeMap::new() },
        ServerFrame::Heads {
            conversations: heads.clone(),
            news: BTreeMap::from([(ConversationId(77), news)])
        },
        ServerFrame::Heads {
            conversations: heads.clone(),
            news: BTreeMap::from([(ConversationId(77), quiet)])
        },
        ServerFrame::Resync { conversations: heads.clone(), user: Some(890) },
        ServerFrame::Resync { conversations: heads, user: None },
        ServerFrame::Ephemeral(Ephemeral::Typing { conversation: ROOM, user: ADA, ttl_ms: 5000 }),
        ServerFrame::Ephemeral(Ephemeral::Presence { user: ADA, online: true }),
        ServerFrame::Ephemeral(Ephemeral::Read { conversation: ROOM, seq: 42 }),
    );
}

#[test]
fn events() {
    let (target, emoji) = (42, "👍".to_owned());
    snapshot!(
        "Event",
        event(1, Change::MemberJoined { user: ADA, role: MemberRole::Owner }),
        event(
            42,
            Change::MessageCreated {
                author: ADA,
                cid: "client-id-1".into(),
                body: Some("hi @bob".into()),
                reply_to: Some(40),
                reply_author: Some(BOB),
                mentions: Some(vec![Mention { user: BOB, handle: "bob".into() }]),
            }
        ),
        event(
            42,
            Change::MessageCreated {
                author: ADA,
                cid: "client-id-1".into(),
                body: None,
                reply_to: None,
                reply_author: None,
                mentions: None,
            }
        ),
        event(
            43,
            Change::MessageEdited { author: ADA, target, body: Some("hello".into()), mentions: Some(vec![]) }
        ),
        event(43, Change::MessageEdited { author: ADA, target, body: None, mentions: None }),
        event(44, Change::MessageDeleted { actor: BOB, target, author: Some(ADA) }),
        event(45, Change::ReactionAdded { user: BOB, target, emoji: emoji.clone() }),
        event(46, Change::ReactionRemoved { user: BOB, target, emoji }),
        event(47, Change::MemberLeft { user: BOB }),
        event(48, Change::RoomChanged { actor: ADA, name: "tea".into(), topic: "All about it".into() }),
        event(49, Change::RoomDeleted { actor: ADA }),
        event(50, Change::DirectChanged { writable: false }),
        event(51, Change::AuthorErased { author: ADA }),
    );
    let user_event = |change| UserEvent { seq: 882, at: AT, change };
    let conversation = ROOM;
    snapshot!(
        "UserEvent",
        user_event(UserChange::FriendRequested { user: ADA }),
        user_event(UserChange::FriendAsked { user: ADA }),
        user_event(UserChange::FriendAdded { user: ADA, accepted: true }),
        user_event(UserChange::FriendRemoved { user: ADA }),
        user_event(UserChange::ConversationJoined { conversation }),
        user_event(UserChange::ConversationLeft { conversation }),
        user_event(UserChange::RightsChanged { conversation }),
        user_event(UserChange::ReadMoved { conversation, seq: 42 }),
        user_event(UserChange::Mentioned { conversation, seq: 42, author: BOB }),
        user_event(UserChange::Answered { conversation, seq: 42, author: BOB }),
        user_event(UserChange::MentionRemoved { conversation, seq: 42 }),
        user_event(UserChange::NotificationsRead { up_to: 12 }),
        user_event(UserChange::AccountChanged {}),
        user_event(UserChange::SessionEnded { session: SessionId(9) }),
    );
}

#[test]
fn emails() {
    snapshot!(
        "Email",
        Email {
            address: Some("ada@example.org".into()),
            verified_at: Some(AT),
            pending: Some("ada@example.net".into())
        },
        Email::default()
    );
    snapshot!(
        "ChangeEmail",
        ChangeEmail { email: "ada@example.org".into(), password: "correct horse".into() }
    );
    snapshot!("CompleteEmailVerification", CompleteEmailVerification { token: "bm90IGEgdG9rZW4".into() });
    snapshot!("RequestPasswordReset", RequestPasswordReset { handle_or_email: "ada@example.org".into() });
}

#[test]
fn identities() {
    let transport = RefreshTransport::Cookie;
    snapshot!("IdentityId", IdentityId(7));
    snapshot!("BeginProviderLogIn", BeginProviderLogIn { refresh: transport });
    snapshot!("BeginIdentity", BeginIdentity { password: "correct horse".into(), refresh: transport });
    snapshot!(
        "ProviderLogIn",
        ProviderLogIn {
            authorization_url: "https://guild.example/authorize".into(),
            binding: Some("YmluZGluZw".into())
        }
    );
    snapshot!(
        "CompleteProviderLogIn",
        CompleteProviderLogIn {
            state: "c3RhdGU".into(),
            code: "code".into(),
            binding: None,
            device: Some("phone".into()),
            refresh: transport
        }
    );
    snapshot!(
        "CompleteIdentity",
        CompleteIdentity { state: "c3RhdGU".into(), code: "code".into(), binding: Some("YmluZGluZw".into()) }
    );
    snapshot!(
        "UnknownIdentity",
        UnknownIdentity {
            challenge: "Y2hhbGxlbmdl".into(),
            handle: Some("ada".into()),
            display_name: Some("Ada Lovelace".into())
        }
    );
    snapshot!(
        "CreateProviderAccount",
        CreateProviderAccount {
            challenge: "Y2hhbGxlbmdl".into(),
            handle: "ada".into(),
            display_name: None,
            invite: Some("code".into()),
            device: None,
            refresh: transport
        }
    );
    snapshot!(
        "Identity",
        Identity {
            id: IdentityId(7),
            issuer: "https://guild.example".into(),
            created_at: AT,
            last_used_at: Some(AT)
        }
    );
}

/// Every described type is in some snapshot: by itself, or inside another one, which is then named here.
#[test]
fn no_type_is_forgotten() {
    let inside = [
        // The response of the health checks, and a number.
        "Health",
        "Seq",
        // In an event, a frame, or another sample above.
        "AvatarId",
        "ConversationId",
        "ConversationKind",
        "EffectOutcome",
        "Excerpt",
        "News",
        "NotificationKind",
        "Mention",
        "Permission",
        "Reaction",
        "RefreshTransport",
        "ReplayState",
        "ServerLimits",
        "ServerRole",
        "SessionId",
        "StreamState",
        "Timestamp",
        "UserId",
    ];
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots");
    let mut known: BTreeSet<String> = inside.iter().map(ToString::to_string).collect();
    for entry in std::fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        known.extend(
            file.strip_prefix("wire__").and_then(|name| name.strip_suffix(".snap")).map(str::to_owned),
        );
    }
    let api = serde_json::to_value(parlour_server::openapi::document()).unwrap();
    let frames = parlour_server::openapi::socket_schema();
    let described = [&api["components"]["schemas"], &frames["$defs"]];
    // Variants are in the snapshots of their unions.
    let variants: BTreeSet<String> = described
        .iter()
        .flat_map(|schemas| schemas.as_object().unwrap().values())
        .filter_map(|schema| schema["discriminator"]["mapping"].as_object())
        .flat_map(|mapping| mapping.values().filter_map(|target| target.as_str()?.rsplit('/').next()))
        .flat_map(|name| {
            [
                name.to_owned(),
                ["UserEventFrame", "EventFrame", "UserEvent", "Event"]
                    .into_iter()
                    .find_map(|end| name.strip_suffix(end))
                    .unwrap_or(name)
                    .to_owned(),
            ]
        })
        .collect();
    let names = described.iter().flat_map(|schemas| schemas.as_object().unwrap().keys());
    let forgotten: Vec<&String> = names
        .filter(|name| !known.contains(*name) && !variants.contains(*name) && !name.ends_with("Page"))
        .collect();
    assert!(forgotten.is_empty(), "no snapshot shows {forgotten:?}");
}
