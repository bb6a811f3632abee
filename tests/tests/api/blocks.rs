//! Blocking: nothing reaches the blocker, and the blocked person cannot tell it from being ignored by a stranger. The
//! second half is shown by comparing everything that two people see who do the same: one is blocked, the other one is
//! ignored.

use parlour_client::operations::ListNotifications;
use parlour_protocol::events::UserChange;
use parlour_protocol::friends::CreateFriendRequest;
use parlour_protocol::ids::{ConversationId, Seq};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::ClientFrame;
use parlour_protocol::time::SECOND;
use parlour_protocol::users::Relation;
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::{App, Person, Refusal, TestSocket, on_all_backends};

on_all_backends!(
    blocking_and_unblocking,
    a_blocked_stranger_cannot_tell,
    a_blocked_friend_cannot_tell,
    a_block_that_meets_a_request,
);

async fn block(who: &Person, whom: &Person) {
    who.call(Method::PUT, &format!("/api/v1/blocks/{}", whom.id), None).await.expect(200);
}

async fn blocking_and_unblocking(app: App) {
    let (ada, bob) = app.friends("ada", "bob").await;
    let direct = ada.direct(&bob).await;
    let mut socket = ada.socket().await;
    let path = format!("/api/v1/blocks/{}", bob.id);

    let first = ada.call(Method::PUT, &path, None).await.expect(200);
    assert_eq!(first["user"]["handle"], "bob");
    assert_eq!(ada.elsewhere().call(Method::PUT, &path, None).await.expect(200), first, "twice is once");
    let mut seen = vec![socket.user_event().await.change, socket.user_event().await.change];
    seen.sort_by_key(|change| matches!(change, UserChange::FriendRemoved { .. }));
    assert_eq!(
        seen,
        [UserChange::BlockAdded { user: bob.id }, UserChange::FriendRemoved { user: bob.id }],
        "one's other devices are told"
    );
    assert_eq!(ada.get("/api/v1/blocks").await.expect(200)["items"], json!([first]));
    assert_eq!(bob.get("/api/v1/blocks").await.expect(200)["items"], json!([]));
    assert!(ada.api.show_user("bob").await.unwrap().blocked);
    assert!(!bob.api.show_user("ada").await.unwrap().blocked, "whom others block is not told");

    // Neither can write any more; both keep the earlier messages.
    for person in [&ada, &bob] {
        let text = parlour_protocol::messages::SendMessage { body: "hi".into(), reply_to: None };
        person.api.send_message(direct, "cid-blocked", &text).await.refused(ErrorCode::NotFriends);
        assert!(!person.api.show_conversation(direct).await.unwrap().writable);
    }
    ada.api
        .create_friend_request(&CreateFriendRequest { to: "bob".into() })
        .await
        .refused(ErrorCode::Conflict);

    ada.call(Method::DELETE, &path, None).await.expect(204);
    ada.call(Method::DELETE, &path, None).await.refused(ErrorCode::NotFound);
    socket.expect_user(UserChange::BlockRemoved { user: bob.id }).await;
    assert_eq!(
        ada.api.show_user("bob").await.unwrap().relation,
        Relation::None,
        "unblocking befriends nobody"
    );
    bob.befriend(&ada).await;
    ada.send(direct, "welcome back").await;

    let oneself = format!("/api/v1/blocks/{}", ada.id);
    ada.call(Method::PUT, &oneself, None).await.refused(ErrorCode::Conflict);
    ada.call(Method::PUT, "/api/v1/blocks/1", None).await.refused(ErrorCode::NotFound);
    app.call(Method::GET, "/api/v1/blocks", None).await.refused(ErrorCode::Unauthenticated);
}

/// Everything that differs between two people who see the same: their own names, the conversations that each shares
/// with ada alone, and times.
struct Names(Vec<(String, &'static str)>);

impl Names {
    fn normal(&self, value: Value) -> Value {
        match value {
            Value::String(text) => {
                let moment = text.len() == 27 && text.starts_with("20") && text.ends_with('Z');
                if moment {
                    return "a moment".into();
                }
                let replace = |text: String, (name, role): &(String, &str)| text.replace(name.as_str(), role);
                self.0.iter().fold(text, replace).into()
            }
            Value::Array(list) => list.into_iter().map(|one| self.normal(one)).collect(),
            Value::Object(map) => map
                .into_iter()
                .filter(|(key, _)| key != "request_id" && key != "cid")
                .map(|(key, value)| {
                    let key = self.normal(key.into()).as_str().unwrap_or_default().to_owned();
                    (key, self.normal(value))
                })
                .collect(),
            other => other,
        }
    }
}

/// One of the two, with what they saw so far.
struct Witness {
    person: Person,
    room: ConversationId,
    direct: Option<ConversationId>,
    socket: TestSocket,
    seen: Vec<Value>,
}

impl Witness {
    async fn new(app: &App, ada: &Person, person: Person, direct: Option<ConversationId>) -> Self {
        let room = ada.create_room(&format!("tea of {}", person.handle)).await;
        // Entries with the same time are listed in the order of random ids.
        app.advance(SECOND);
        person.join(room).await;
        app.advance(SECOND);
        let socket = person.socket_on(&[room]).await;
        Self { person, room, direct, socket, seen: Vec::new() }
    }

    fn names(&self) -> Names {
        let mut names = vec![
            (self.person.id.to_string(), "ID"),
            (self.person.handle.clone(), "HANDLE"),
            (self.room.to_string(), "ROOM"),
            (format!("tea of {}", self.person.handle), "ROOM NAME"),
        ];
        names.extend(self.direct.map(|id| (id.to_string(), "DIRECT")));
        Names(names)
    }

    async fn ask(&mut self, method: Method, path: &str, body: Option<Value>) {
        let reply = self.person.call(method.clone(), path, body).await;
        let body = if reply.text.is_empty() { Value::Null } else { reply.json() };
        let answer =
            json!({ "asked": format!("{method} {path}"), "status": reply.status.as_u16(), "body": body });
        self.seen.push(self.names().normal(answer));
    }

    /// Everything that a person can try with ada.
    async fn try_everything(&mut self, ada: &Person) {
        let ask = json!({ "to": ada.id.to_string() });
        let by_handle = json!({ "to": "@ada" });
        let request = format!("/api/v1/friend-requests/{}", ada.id);
        let room = self.room;
        for (method, path, body) in [
            (Method::GET, "/api/v1/users/ada".to_owned(), None),
            (Method::GET, format!("/api/v1/users/{}", ada.id), None),
            (Method::GET, format!("/api/v1/users?ids={}", ada.id), None),
            (Method::POST, "/api/v1/friend-requests".to_owned(), Some(by_handle)),
            (Method::POST, "/api/v1/friend-requests".to_owned(), Some(ask.clone())),
            (Method::GET, "/api/v1/users/@ada".to_owned(), None),
            (Method::GET, "/api/v1/friend-requests".to_owned(), None),
            (Method::POST, format!("{request}/accept"), None),
            (Method::DELETE, format!("/api/v1/friends/{}", ada.id), None),
            (Method::GET, "/api/v1/friends".to_owned(), None),
            (Method::DELETE, request.clone(), None),
            (Method::DELETE, request, None),
            (Method::POST, "/api/v1/friend-requests".to_owned(), Some(ask)),
            (Method::PUT, format!("/api/v1/directs/{}", ada.id), None),
            (Method::GET, "/api/v1/conversations".to_owned(), None),
            (Method::GET, format!("/api/v1/rooms/{room}/members"), None),
            (
                Method::PUT,
                format!("/api/v1/conversations/{room}/messages/cid-mention"),
                Some(json!({ "body": "@ada?" })),
            ),
            (Method::GET, format!("/api/v1/conversations/{room}/messages"), None),
            (Method::GET, "/api/v1/notifications".to_owned(), None),
            (Method::GET, "/api/v1/blocks".to_owned(), None),
        ] {
            self.ask(method, &path, body).await;
        }
        if let Some(direct) = self.direct {
            let message = format!("/api/v1/conversations/{direct}/messages/cid-direct");
            self.ask(Method::PUT, &message, Some(json!({ "body": "are you there?" }))).await;
            self.ask(Method::GET, &format!("/api/v1/conversations/{direct}/messages"), None).await;
            let read = format!("/api/v1/conversations/{direct}/read");
            self.ask(Method::PUT, &read, Some(json!({ "seq": 1 }))).await;
            self.socket.post(|_| ClientFrame::Typing { conversation: direct }).await;
        }
        self.socket.post(|_| ClientFrame::Typing { conversation: room }).await;
    }

    /// What ada does in the common room reaches everyone in it.
    async fn is_met(&mut self, ada: &Person) -> Seq {
        ada.send(self.room, &format!("@{} hello", self.person.handle)).await;
        let last = ada.send(self.room, "bye").await;
        let trace = self.socket.trace_until(self.room, last).await;
        let trace = self.names().normal(trace);
        self.seen.push(trace);
        self.ask(Method::GET, "/api/v1/notifications", None).await;
        last
    }
}

/// Compares step by step, so that a difference shows in little text.
fn same(blocked: &Witness, ignored: &Witness) {
    assert_eq!(blocked.seen.len(), ignored.seen.len());
    for (one, other) in blocked.seen.iter().zip(&ignored.seen) {
        assert_eq!(one, other);
    }
}

/// Nothing has reached ada except what is in the logs of the rooms.
async fn nothing_arrived(ada: &Person, hers: &mut TestSocket, room: ConversationId, last: Seq) {
    let trace = hers.trace_until(room, last).await;
    assert_eq!(trace["ephemerals"], json!([]), "neither typing nor presence");
    assert_eq!(trace["user_events"], json!([]), "neither requests nor mentions");
    let requests = ada.api.list_friend_requests().await.unwrap();
    assert!(requests.incoming.is_empty(), "{requests:?}");
}

async fn a_blocked_stranger_cannot_tell(app: App) {
    let ada = app.person("ada").await;
    let bob = app.person("bob").await;
    app.person("between").await;
    let carl = app.person("carl").await;
    block(&ada, &bob).await;
    let mut blocked = Witness::new(&app, &ada, bob, None).await;
    let mut ignored = Witness::new(&app, &ada, carl, None).await;
    let mut hers = ada.socket_on(&[blocked.room]).await;

    blocked.try_everything(&ada).await;
    let last = blocked.is_met(&ada).await;
    nothing_arrived(&ada, &mut hers, blocked.room, last).await;
    assert_eq!(
        ada.api
            .list_notifications(&ListNotifications { limit: Some(10), ..Default::default() })
            .await
            .unwrap()
            .items,
        []
    );

    ignored.try_everything(&ada).await;
    ignored.is_met(&ada).await;
    same(&blocked, &ignored);

    let asked = ada.api.list_friend_requests().await.unwrap().incoming;
    let asked: Vec<&str> = asked.iter().map(|one| one.user.handle.as_str()).collect();
    assert_eq!(asked, ["carl"], "the one who is only ignored was heard");
    // What was withheld does not arrive when the block ends, but somebody who was wanted after all becomes a friend.
    ada.call(Method::DELETE, &format!("/api/v1/blocks/{}", blocked.person.id), None).await.expect(204);
    assert_eq!(ada.api.list_friend_requests().await.unwrap().incoming.len(), 1);
    assert_eq!(
        ada.api.create_friend_request(&CreateFriendRequest { to: "bob".into() }).await.unwrap().relation,
        Relation::Friend
    );
}

async fn a_blocked_friend_cannot_tell(app: App) {
    let ada = app.person("ada").await;
    let bob = app.person("bob").await;
    app.person("between").await;
    let carl = app.person("carl").await;
    let mut directs = Vec::new();
    for friend in [&bob, &carl] {
        friend.befriend(&ada).await;
        directs.push(ada.direct(friend).await);
        ada.send(directs[directs.len() - 1], "hello").await;
    }
    let mut blocked = Witness::new(&app, &ada, bob, Some(directs[0])).await;
    let mut ignored = Witness::new(&app, &ada, carl, Some(directs[1])).await;

    block(&ada, &blocked.person).await;
    ada.api.delete_friend(ignored.person.id).await.unwrap();
    // Begins after the events that ended the friendships, which ada's own devices receive.
    let mut hers = ada.socket_on(&[blocked.room]).await;
    blocked.try_everything(&ada).await;
    let last = blocked.is_met(&ada).await;
    nothing_arrived(&ada, &mut hers, blocked.room, last).await;
    ignored.try_everything(&ada).await;
    ignored.is_met(&ada).await;
    same(&blocked, &ignored);
}

async fn a_block_that_meets_a_request(app: App) {
    let (ada, bob, carl) = (app.person("ada").await, app.person("bob").await, app.person("carl").await);
    // The other person's request still looks open to them; the blocker's own request is withdrawn, as by cancelling.
    bob.api.create_friend_request(&CreateFriendRequest { to: "ada".into() }).await.unwrap();
    ada.api.create_friend_request(&CreateFriendRequest { to: "carl".into() }).await.unwrap();
    block(&ada, &bob).await;
    block(&ada, &carl).await;
    let requests = ada.api.list_friend_requests().await.unwrap();
    assert!(requests.incoming.is_empty() && requests.outgoing.is_empty(), "{requests:?}");
    assert_eq!(bob.api.show_user("ada").await.unwrap().relation, Relation::Outgoing);
    assert_eq!(carl.api.show_user("ada").await.unwrap().relation, Relation::None);
    ada.api.accept_friend_request(bob.id).await.refused(ErrorCode::NotFound);
    bob.api.delete_friend_request(ada.id).await.unwrap();

    // Both may block each other, and neither learns of it.
    block(&bob, &ada).await;
    ada.call(Method::DELETE, &format!("/api/v1/blocks/{}", bob.id), None).await.expect(204);
    assert_eq!(
        ada.api.create_friend_request(&CreateFriendRequest { to: "bob".into() }).await.unwrap().relation,
        Relation::Outgoing
    );
    assert!(bob.api.list_friend_requests().await.unwrap().incoming.is_empty());

    // However a request and a block interleave, no request of the blocked person is left over.
    for _ in 0..5 {
        let (asks, blocks) = (carl.elsewhere(), ada.clone());
        tokio::join!(
            async {
                asks.api.create_friend_request(&CreateFriendRequest { to: "ada".into() }).await.unwrap()
            },
            async {
                let path = format!("/api/v1/blocks/{}", asks.id);
                blocks.call(Method::DELETE, &path, None).await;
                blocks.call(Method::PUT, &path, None).await.expect(200);
            }
        );
        assert!(ada.api.list_friend_requests().await.unwrap().incoming.is_empty());
        carl.api.delete_friend_request(ada.id).await.unwrap();
    }
}
