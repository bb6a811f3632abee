//! REST: one method per operation, named like it.
//!
//! Invariant: a refusal is [`ApiError::Problem`] and final; [`ApiError::Transport`] says nothing about whether the
//! request had an effect.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use parlour_protocol::accounts::{Account, ChangePassword, CreateAccount, UpdateAccount};
use parlour_protocol::admin::{AdminUser, Statistics};
use parlour_protocol::conversations::{Conversation, EventPage, MarkRead, ReadMarker};
use parlour_protocol::friends::{CreateFriendRequest, Friend, FriendRequests, Relationship};
use parlour_protocol::ids::{AvatarId, ConversationId, Seq, SessionId, UserId};
use parlour_protocol::messages::{EditMessage, MessagePage, SendMessage, Stored};
use parlour_protocol::notifications::{Notifications, ReadNotifications};
use parlour_protocol::problems::{ErrorCode, Problem};
use parlour_protocol::rooms::{CreateRoom, Member, Room, UpdateRoom};
use parlour_protocol::sessions::{CreateSession, RefreshSession, Session, SignedIn};
use parlour_protocol::users::{Profile, User};
use parlour_protocol::{Page, ServerInfo};
use reqwest::{Method, RequestBuilder, Response, Url, header};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An answer that takes longer is given up; the server gives up earlier.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The server said no.
    #[error(transparent)]
    Problem(Box<Problem>),
    /// The request or its answer was lost, or the answer was not what this library understands.
    #[error("no usable answer: {0}")]
    Transport(String),
}

impl ApiError {
    /// The stable code, if the server said no.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Problem(problem) => Some(problem.code),
            Self::Transport(_) => None,
        }
    }
}

impl From<reqwest::Error> for ApiError {
    fn from(error: reqwest::Error) -> Self {
        Self::Transport(error.to_string())
    }
}

/// Which messages of a conversation to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessagesAt {
    /// The newest.
    Newest,
    /// Those before a position.
    Before(Seq),
    /// Those after a position.
    After(Seq),
    /// Those on both sides of a position.
    Around(Seq),
}

/// Tokens of the one who is logged in.
#[derive(Default)]
struct Tokens {
    access: Option<String>,
    refresh: Option<String>,
}

/// The REST API of one server, as one person or as nobody. Clones share their tokens.
#[derive(Clone)]
pub struct Api {
    http: reqwest::Client,
    base: Url,
    tokens: Arc<Mutex<Tokens>>,
}

impl Api {
    /// A client of the server at an address like `http://127.0.0.1:8080`, not logged in.
    pub fn new(base: &str) -> Result<Self, ApiError> {
        let base = Url::parse(base).map_err(|error| ApiError::Transport(error.to_string()))?;
        if base.cannot_be_a_base() {
            return Err(ApiError::Transport(format!("{base} is no address of a server")));
        }
        let http = reqwest::Client::builder().timeout(PATIENCE).build()?;
        Ok(Self { http, base, tokens: Arc::default() })
    }

    /// Like [`Self::new`], from one of this machine's own addresses.
    pub fn from_local(base: &str, address: IpAddr) -> Result<Self, ApiError> {
        let http = reqwest::Client::builder().timeout(PATIENCE).local_address(address).build()?;
        Ok(Self { http, ..Self::new(base)? })
    }

    /// The same person on another node. Tokens are shared, connections are not.
    pub fn at(&self, base: &str) -> Result<Self, ApiError> {
        Ok(Self { tokens: self.tokens.clone(), ..Self::new(base)? })
    }

    /// Address of the server.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// The access token, when logged in.
    pub fn access_token(&self) -> Option<String> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).access.clone()
    }

    /// The refresh token, when logged in.
    pub fn refresh_token(&self) -> Option<String> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).refresh.clone()
    }

    /// Takes over the tokens of a log-in, or forgets them.
    pub fn set_tokens(&self, access: Option<String>, refresh: Option<String>) {
        *self.tokens.lock().unwrap_or_else(PoisonError::into_inner) = Tokens { access, refresh };
    }

    /// The address of something under `/api/v1`; every segment is escaped.
    fn path<'s>(&self, segments: impl IntoIterator<Item = &'s str>) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(["api", "v1"]).extend(segments);
        }
        url
    }

    /// A request that carries the access token, for operations that have no method here.
    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let request = self.http.request(method, url);
        match self.access_token() {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// All pages of a list.
    async fn every<T: DeserializeOwned>(&self, url: Url) -> Result<Page<T>, ApiError> {
        let mut all: Page<T> = self.get(url.clone()).await?;
        while let Some(after) = all.next.take() {
            let mut next = url.clone();
            next.query_pairs_mut().append_pair("after", &after);
            let page: Page<T> = self.get(next).await?;
            all.items.extend(page.items);
            all.next = page.next;
        }
        Ok(all)
    }

    async fn answer(request: RequestBuilder) -> Result<Response, ApiError> {
        let response = request.send().await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse::<u64>().ok())
            .map(|seconds| seconds * 1000);
        let text = response.text().await?;
        // A proxy in front may answer with something else than a problem document.
        let problem = serde_json::from_str::<Problem>(&text).map_err(|_| {
            ApiError::Transport(format!("status {status}: {}", text.chars().take(200).collect::<String>()))
        })?;
        Err(ApiError::Problem(Box::new(Problem {
            retry_after_ms: problem.retry_after_ms.or(retry_after),
            ..problem
        })))
    }

    async fn read<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, ApiError> {
        Ok(Self::answer(request).await?.json().await?)
    }

    async fn done(request: RequestBuilder) -> Result<(), ApiError> {
        Self::answer(request).await.map(drop)
    }

    async fn get<T: DeserializeOwned>(&self, url: Url) -> Result<T, ApiError> {
        Self::read(self.request(Method::GET, url)).await
    }

    async fn write<T: DeserializeOwned>(
        &self,
        method: Method,
        url: Url,
        body: &impl Serialize,
    ) -> Result<T, ApiError> {
        Self::read(self.request(method, url).json(body)).await
    }

    // Server, accounts and sessions.

    /// What this server is.
    pub async fn server(&self) -> Result<ServerInfo, ApiError> {
        self.get(self.path(["server"])).await
    }

    /// Registers an account and is logged in from then on.
    pub async fn create_account(&self, account: &CreateAccount) -> Result<SignedIn, ApiError> {
        let signed_in: SignedIn = self.write(Method::POST, self.path(["accounts"]), account).await?;
        Ok(self.keep(signed_in))
    }

    /// Logs in.
    pub async fn create_session(&self, session: &CreateSession) -> Result<SignedIn, ApiError> {
        let signed_in: SignedIn = self.write(Method::POST, self.path(["sessions"]), session).await?;
        Ok(self.keep(signed_in))
    }

    /// Trades the refresh token for new tokens.
    pub async fn refresh(&self) -> Result<SignedIn, ApiError> {
        let body = RefreshSession { refresh_token: self.refresh_token() };
        // The access token is probably over: it stays at home.
        let request = self.http.post(self.path(["sessions", "refresh"])).json(&body);
        Ok(self.keep(Self::read(request).await?))
    }

    fn keep(&self, signed_in: SignedIn) -> SignedIn {
        self.set_tokens(Some(signed_in.access_token.clone()), signed_in.refresh_token.clone());
        signed_in
    }

    /// Logs out.
    pub async fn delete_current_session(&self) -> Result<(), ApiError> {
        Self::done(self.request(Method::DELETE, self.path(["sessions", "current"]))).await?;
        self.set_tokens(None, None);
        Ok(())
    }

    /// One's own log-ins.
    pub async fn list_sessions(&self) -> Result<Page<Session>, ApiError> {
        self.get(self.path(["sessions"])).await
    }

    /// Ends one of one's own log-ins.
    pub async fn delete_session(&self, id: SessionId) -> Result<(), ApiError> {
        Self::done(self.request(Method::DELETE, self.path(["sessions", &id.to_string()]))).await
    }

    /// One's own account.
    pub async fn account(&self) -> Result<Account, ApiError> {
        self.get(self.path(["account"])).await
    }

    /// Changes one's own account.
    pub async fn update_account(&self, update: &UpdateAccount) -> Result<Account, ApiError> {
        self.write(Method::PATCH, self.path(["account"]), update).await
    }

    /// Sets one's own picture.
    pub async fn set_avatar(&self, media_type: &str, bytes: Vec<u8>) -> Result<Account, ApiError> {
        let request = self.request(Method::PUT, self.path(["account", "avatar"]));
        Self::read(request.header(header::CONTENT_TYPE, media_type).body(bytes)).await
    }

    /// Removes one's own picture.
    pub async fn delete_avatar(&self) -> Result<Account, ApiError> {
        Self::read(self.request(Method::DELETE, self.path(["account", "avatar"]))).await
    }

    /// Changes one's own password.
    pub async fn change_password(&self, change: &ChangePassword) -> Result<(), ApiError> {
        Self::done(self.request(Method::PUT, self.path(["account", "password"])).json(change)).await
    }

    /// Media type and bytes of a picture.
    pub async fn avatar(&self, id: AvatarId, size: u32) -> Result<(String, Vec<u8>), ApiError> {
        let url = self.path(["avatars", &id.to_string(), &size.to_string()]);
        let response = Self::answer(self.request(Method::GET, url)).await?;
        let media_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        Ok((media_type.unwrap_or_default().to_owned(), response.bytes().await?.into()))
    }

    // People.

    /// A person's profile, by exact handle (with or without `@`) or id.
    pub async fn user(&self, who: &str) -> Result<Profile, ApiError> {
        self.get(self.path(["users", who])).await
    }

    /// Several people by id.
    pub async fn users(&self, ids: &[UserId]) -> Result<Page<User>, ApiError> {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let mut url = self.path(["users"]);
        url.query_pairs_mut().append_pair("ids", &ids.join(","));
        self.get(url).await
    }

    /// One's friends.
    pub async fn list_friends(&self) -> Result<Page<Friend>, ApiError> {
        self.every(self.path(["friends"])).await
    }

    /// Ends a friendship.
    pub async fn delete_friend(&self, user: UserId) -> Result<(), ApiError> {
        Self::done(self.request(Method::DELETE, self.path(["friends", &user.to_string()]))).await
    }

    /// Open friend requests in both directions.
    pub async fn list_friend_requests(&self) -> Result<FriendRequests, ApiError> {
        self.get(self.path(["friend-requests"])).await
    }

    /// Asks for friendship, by exact handle or id.
    pub async fn create_friend_request(&self, to: &str) -> Result<Relationship, ApiError> {
        let body = CreateFriendRequest { to: to.to_owned() };
        self.write(Method::POST, self.path(["friend-requests"]), &body).await
    }

    /// Accepts a friend request.
    pub async fn accept_friend_request(&self, user: UserId) -> Result<Relationship, ApiError> {
        Self::read(self.request(Method::POST, self.path(["friend-requests", &user.to_string(), "accept"])))
            .await
    }

    /// Declines a friend request, or cancels one's own.
    pub async fn delete_friend_request(&self, user: UserId) -> Result<(), ApiError> {
        Self::done(self.request(Method::DELETE, self.path(["friend-requests", &user.to_string()]))).await
    }

    // Rooms and conversations.

    /// A page of public rooms, most recently active first.
    pub async fn list_rooms(
        &self,
        search: &str,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Page<Room>, ApiError> {
        self.get(page(self.path(["rooms"]), search, after, limit)).await
    }

    /// Makes a room.
    pub async fn create_room(&self, room: &CreateRoom) -> Result<Room, ApiError> {
        self.write(Method::POST, self.path(["rooms"]), room).await
    }

    /// A room.
    pub async fn room(&self, id: ConversationId) -> Result<Room, ApiError> {
        self.get(self.path(["rooms", &id.to_string()])).await
    }

    /// Changes a room.
    pub async fn update_room(&self, id: ConversationId, update: &UpdateRoom) -> Result<Room, ApiError> {
        self.write(Method::PATCH, self.path(["rooms", &id.to_string()]), update).await
    }

    /// Deletes a room.
    pub async fn delete_room(&self, id: ConversationId) -> Result<(), ApiError> {
        Self::done(self.request(Method::DELETE, self.path(["rooms", &id.to_string()]))).await
    }

    /// Enters a room.
    pub async fn join_room(&self, id: ConversationId) -> Result<Conversation, ApiError> {
        Self::read(self.request(Method::PUT, self.path(["rooms", &id.to_string(), "membership"]))).await
    }

    /// Leaves a room.
    pub async fn leave_room(&self, id: ConversationId) -> Result<(), ApiError> {
        Self::done(self.request(Method::DELETE, self.path(["rooms", &id.to_string(), "membership"]))).await
    }

    /// A page of a room's members, in the order in which they came.
    pub async fn list_members(
        &self,
        id: ConversationId,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Page<Member>, ApiError> {
        self.get(page(self.path(["rooms", &id.to_string(), "members"]), "", after, limit)).await
    }

    /// Members of a room whose handle or name begins with something.
    pub async fn find_members(
        &self,
        id: ConversationId,
        prefix: &str,
        limit: i64,
    ) -> Result<Page<Member>, ApiError> {
        let mut url = page(self.path(["rooms", &id.to_string(), "members"]), "", None, limit);
        url.query_pairs_mut().append_pair("prefix", prefix);
        self.get(url).await
    }

    /// One's own conversations, most recently active first.
    pub async fn list_conversations(&self) -> Result<Page<Conversation>, ApiError> {
        self.every(self.path(["conversations"])).await
    }

    /// One of one's own conversations.
    pub async fn conversation(&self, id: ConversationId) -> Result<Conversation, ApiError> {
        self.get(self.path(["conversations", &id.to_string()])).await
    }

    /// Opens the direct chat with a friend.
    pub async fn open_direct(&self, user: UserId) -> Result<Conversation, ApiError> {
        Self::read(self.request(Method::PUT, self.path(["directs", &user.to_string()]))).await
    }

    // Messages.

    /// A page of messages, oldest first.
    pub async fn list_messages(
        &self,
        id: ConversationId,
        at: MessagesAt,
        limit: i64,
    ) -> Result<MessagePage, ApiError> {
        let mut url = self.path(["conversations", &id.to_string(), "messages"]);
        let place = match at {
            MessagesAt::Newest => None,
            MessagesAt::Before(seq) => Some(("before", seq)),
            MessagesAt::After(seq) => Some(("after", seq)),
            MessagesAt::Around(seq) => Some(("around", seq)),
        };
        if let Some((name, seq)) = place {
            url.query_pairs_mut().append_pair(name, &seq.to_string());
        }
        url.query_pairs_mut().append_pair("limit", &limit.to_string());
        self.get(url).await
    }

    fn message(&self, id: ConversationId, name: &str) -> Url {
        self.path(["conversations", &id.to_string(), "messages", name])
    }

    /// Sends a message under a name that stays the same when it is tried again.
    pub async fn send_message(
        &self,
        id: ConversationId,
        cid: &str,
        message: &SendMessage,
    ) -> Result<Stored, ApiError> {
        self.write(Method::PUT, self.message(id, cid), message).await
    }

    /// Replaces the text of one's own message.
    pub async fn edit_message(&self, id: ConversationId, seq: Seq, body: &str) -> Result<Stored, ApiError> {
        let edit = EditMessage { body: body.to_owned() };
        self.write(Method::PATCH, self.message(id, &seq.to_string()), &edit).await
    }

    /// Deletes a message.
    pub async fn delete_message(&self, id: ConversationId, seq: Seq) -> Result<Stored, ApiError> {
        Self::read(self.request(Method::DELETE, self.message(id, &seq.to_string()))).await
    }

    /// Adds or takes back a reaction.
    pub async fn react(
        &self,
        id: ConversationId,
        seq: Seq,
        emoji: &str,
        on: bool,
    ) -> Result<Stored, ApiError> {
        let (id, seq) = (id.to_string(), seq.to_string());
        let url = self.path(["conversations", &id, "messages", &seq, "reactions", emoji]);
        Self::read(self.request(if on { Method::PUT } else { Method::DELETE }, url)).await
    }

    /// Moves the read marker forward.
    pub async fn mark_read(&self, id: ConversationId, seq: Seq) -> Result<ReadMarker, ApiError> {
        self.write(Method::PUT, self.path(["conversations", &id.to_string(), "read"]), &MarkRead { seq })
            .await
    }

    /// A page of a conversation's log.
    pub async fn list_events(
        &self,
        id: ConversationId,
        after: Seq,
        limit: i64,
    ) -> Result<EventPage, ApiError> {
        let mut url = self.path(["conversations", &id.to_string(), "events"]);
        url.query_pairs_mut()
            .append_pair("after", &after.to_string())
            .append_pair("limit", &limit.to_string());
        self.get(url).await
    }

    // Notifications and administration.

    /// A page of notifications, newest first.
    pub async fn list_notifications(
        &self,
        before: Option<Seq>,
        limit: i64,
    ) -> Result<Notifications, ApiError> {
        let mut url = self.path(["notifications"]);
        if let Some(before) = before {
            url.query_pairs_mut().append_pair("before", &before.to_string());
        }
        url.query_pairs_mut().append_pair("limit", &limit.to_string());
        self.get(url).await
    }

    /// Marks notifications as seen.
    pub async fn read_notifications(&self, up_to: Seq) -> Result<(), ApiError> {
        let body = ReadNotifications { up_to };
        Self::done(self.request(Method::PUT, self.path(["notifications", "read"])).json(&body)).await
    }

    /// A page of accounts, for administrators.
    pub async fn admin_list_users(
        &self,
        search: &str,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Page<AdminUser>, ApiError> {
        self.get(page(self.path(["admin", "users"]), search, after, limit)).await
    }

    /// Suspends an account or lifts the suspension, for administrators.
    pub async fn admin_suspend(&self, user: UserId, suspended: bool) -> Result<AdminUser, ApiError> {
        let url = self.path(["admin", "users", &user.to_string(), "suspension"]);
        Self::read(self.request(if suspended { Method::PUT } else { Method::DELETE }, url)).await
    }

    /// Figures about the whole server, for administrators.
    pub async fn admin_statistics(&self) -> Result<Statistics, ApiError> {
        self.get(self.path(["admin", "statistics"])).await
    }
}

fn page(mut url: Url, search: &str, after: Option<&str>, limit: i64) -> Url {
    {
        let mut query = url.query_pairs_mut();
        if !search.is_empty() {
            query.append_pair("search", search);
        }
        if let Some(after) = after {
            query.append_pair("after", after);
        }
        query.append_pair("limit", &limit.to_string());
    }
    url
}
