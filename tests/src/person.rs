//! Somebody who uses the system, in a vocabulary of user actions: befriend, create a room, send.

use parlour_client::native::{Api, fresh_cid};
use parlour_protocol::api_tokens::CreatedToken;
use parlour_protocol::bots::Bot;
use parlour_protocol::conversations::Conversation;
use parlour_protocol::friends::CreateFriendRequest;
use parlour_protocol::ids::{ConversationId, Seq, SessionId, UserId};
use parlour_protocol::messages::{SendMessage, Stored};
use parlour_protocol::rooms::CreateRoom;
use parlour_protocol::sessions::{CreateSession, SignedIn};
use parlour_protocol::socket::Start;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::PASSWORD;
use crate::{App, Reply, TestSocket};

/// A registered person on one node.
#[derive(Clone)]
pub struct Person {
    /// Their id.
    pub id: UserId,
    /// Their handle.
    pub handle: String,
    /// Their session.
    pub session: SessionId,
    /// REST client on their node, with their token.
    pub api: Api,
    app: App,
    node: usize,
}

impl Person {
    pub(crate) fn new(app: App, node: usize, handle: &str, signed_in: SignedIn, api: Api) -> Self {
        Self {
            id: signed_in.account.id,
            handle: handle.to_owned(),
            session: signed_in.session,
            api,
            app,
            node,
        }
    }

    /// The same person with the same log-in on the next node, or on the same node if there is only one.
    pub fn elsewhere(&self) -> Self {
        let node = self.node + 1;
        Self { api: self.api.at(&self.app.address(node)).unwrap(), node, ..self.clone() }
    }

    /// The same person with the same log-in on a given node.
    pub fn at_node(&self, node: usize) -> Self {
        Self { api: self.api.at(&self.app.address(node)).unwrap(), node, ..self.clone() }
    }

    /// The same person with another log-in, as on another device.
    pub async fn other_device(&self) -> Self {
        let api = self.app.stranger(self.node);
        let log_in = CreateSession {
            handle: self.handle.clone(),
            password: PASSWORD.to_owned(),
            device: None,
            refresh: Default::default(),
            device_token: None,
        };
        let signed_in = api.create_session(&log_in).await.expect("logs in");
        Self { session: signed_in.session, api, ..self.clone() }
    }

    /// Creates a token at `path` (the person's own, or a bot's); adds the right password to the request.
    pub async fn create_token(&self, path: &str, mut request: Value) -> CreatedToken {
        request["password"] = PASSWORD.into();
        serde_json::from_value(self.call(Method::POST, path, Some(request)).await.expect(201)).unwrap()
    }

    /// A program that acts as this account with a token, on the same node.
    pub fn with_token(&self, secret: &str) -> Self {
        let api = self.app.stranger(self.node);
        api.set_tokens(Some(secret.to_owned()), None);
        Self { api, ..self.clone() }
    }

    /// Creates a bot with a write token; returns what acts with that token, on the same node.
    pub async fn create_bot(&self, handle: &str) -> Self {
        let request = Some(json!({ "handle": handle }));
        let bot: Bot =
            serde_json::from_value(self.call(Method::POST, "/api/v1/bots", request).await.expect(201))
                .unwrap();
        let tokens = format!("/api/v1/bots/{}/tokens", bot.user.id);
        let token = self.create_token(&tokens, json!({"name": "all", "scopes": ["write"]})).await;
        Self { id: bot.user.id, handle: bot.user.handle, ..self.with_token(&token.secret) }
    }

    /// A request as this person, with a path like `/api/v1/rooms`.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        Reply::of(&self.app, &self.api, method, path, body).await
    }

    /// GET as this person.
    pub async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path, None).await
    }

    /// Becomes friends with somebody.
    pub async fn befriend(&self, other: &Self) {
        self.api
            .create_friend_request(&CreateFriendRequest { to: other.handle.clone() })
            .await
            .expect("asks for friendship");
        other.api.accept_friend_request(self.id).await.expect("accepts");
    }

    /// Creates a room.
    pub async fn create_room(&self, name: &str) -> ConversationId {
        let room = CreateRoom { name: name.to_owned(), topic: String::new() };
        self.api.create_room(&room).await.expect("creates a room").id
    }

    /// Joins a room.
    pub async fn join(&self, room: ConversationId) -> Conversation {
        self.api.join_room(room).await.expect("joins")
    }

    /// Opens the direct chat with a friend.
    pub async fn direct(&self, friend: &Self) -> ConversationId {
        self.api.open_direct(friend.id).await.expect("opens the direct chat").id
    }

    /// Sends a message and returns its position.
    pub async fn send(&self, conversation: ConversationId, body: &str) -> Seq {
        self.send_as(conversation, &fresh_cid(), body).await.seq
    }

    /// Sends a message with a client id.
    pub async fn send_as(&self, conversation: ConversationId, cid: &str, body: &str) -> Stored {
        let message = SendMessage { body: body.to_owned(), reply_to: None };
        self.api.send_message(conversation, cid, &message).await.expect("sends")
    }

    /// The `start` command with this person's token.
    pub fn start(&self) -> Start {
        Start { token: self.api.access_token(), ..Start::default() }
    }

    /// A started socket with no live conversations except direct chats.
    pub async fn socket(&self) -> TestSocket {
        self.socket_on(&[]).await
    }

    /// A started socket with these conversations live.
    pub async fn socket_on(&self, live: &[ConversationId]) -> TestSocket {
        let mut socket = self.app.socket(self.node).await;
        socket.start(Start { live: live.to_vec(), ..self.start() }).await.expect("starts");
        socket
    }
}
