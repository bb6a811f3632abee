//! One owner, and everyone with some relation to them, in a room and in direct chats.

use parlour_client::operations::Picture;
use std::sync::atomic::{AtomicUsize, Ordering};

use parlour_client::native::fresh_cid;
use parlour_protocol::ids::{ConversationId, IdentityId};
use parlour_protocol::rooms::{CreateRoom, MemberRole};
use parlour_server::Config;
use parlour_storage::{identities, members};
use reqwest::Method;
use serde_json::json;
use system_tests::provider::Provider;
use system_tests::{App, Authenticator, Person};

use crate::operations::Operation;

/// Settings with which every operation can do something.
pub fn furnished(config: &mut Config) {
    // Passkeys must be available.
    config.public_url = Some("http://localhost:8080".into());
    system_tests::mail::on(config);
    Provider::shared().configure(config);
}

/// Makes names unique.
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// A person's relation to the owner and to the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Anonymous,
    Stranger,
    Friend,
    Blocked,
    ExMember,
    Member,
    Moderator,
    Owner,
    Admin,
}

/// In the order of the tables' columns. Those who may destroy something come late.
pub const ROLES: [Role; 9] = [
    Role::Anonymous,
    Role::Stranger,
    Role::Friend,
    Role::Blocked,
    Role::ExMember,
    Role::Member,
    Role::Moderator,
    Role::Owner,
    Role::Admin,
];

/// See the module.
pub struct Scene {
    app: App,
    /// Everyone except the anonymous role, in the order of [`ROLES`].
    people: Vec<Person>,
    /// The owner's room.
    pub room: ConversationId,
    /// The owner's direct chat with the friend.
    with_friend: ConversationId,
    /// The owner's direct chat with the blocked person.
    with_blocked: ConversationId,
    /// The owner's picture.
    avatar: String,
    /// An invite created by the administrator.
    invite: String,
    /// The owner's identity at the provider.
    pub identity: String,
    /// The owner's passkey.
    passkey: String,
    /// The owner's token.
    pub token: String,
    /// The owner's bot, and its token.
    pub bot: (String, String),
}

impl Scene {
    /// Sets up everyone; `number` distinguishes scenes of one system.
    pub async fn set(app: &App, number: usize) -> Self {
        let mut people = Vec::new();
        for role in &ROLES[1..] {
            let handle = format!("{role:?}_{number}").to_lowercase();
            people.push(match role {
                Role::Admin => app.admin(&handle).await,
                _ => app.person(&handle).await,
            });
        }
        let of = |role: Role| &people[role as usize - 1];
        let (owner, blocked) = (of(Role::Owner), of(Role::Blocked));
        let room = CreateRoom { name: format!("tea {number}"), topic: String::new() };
        let room = owner.api.create_room(&room).await.unwrap().id;
        for role in [Role::Member, Role::Moderator, Role::ExMember, Role::Blocked] {
            of(role).join(room).await;
        }
        for role in [Role::ExMember, Role::Blocked] {
            of(role).api.leave_room(room).await.unwrap();
        }
        // No operation makes moderators yet; the rights of existing ones count all the same.
        let (mut conn, moderator) = (app.database().connect(), of(Role::Moderator).id);
        assert_eq!(members::update_role(&mut conn, room, moderator, MemberRole::Moderator).unwrap(), 1);
        owner.befriend(of(Role::Friend)).await;
        owner.befriend(blocked).await;
        let with_friend = owner.direct(of(Role::Friend)).await;
        let with_blocked = owner.direct(blocked).await;
        owner.call(Method::PUT, &format!("/api/v1/blocks/{}", blocked.id), None).await.expect(200);
        let invite = of(Role::Admin).call(Method::POST, "/api/v1/invites", Some(json!({}))).await.expect(201);
        let identity = identities::IdentityRow {
            id: IdentityId(owner.id.0 / 2 + 1),
            user_id: owner.id,
            issuer: "https://guild.example".to_owned(),
            subject: format!("owner {number}"),
            created_at: app.now().0,
            last_used_at: None,
        };
        identities::insert(&mut conn, &identity).unwrap();
        let asked = Some(json!({ "password": "correct horse battery" }));
        let begun = owner.call(Method::POST, "/api/v1/account/passkeys/begin", asked).await.expect(201);
        let made = Authenticator::default().make(&begun["options"]);
        let made = json!({ "ceremony": begun["ceremony"], "credential": made, "name": "phone" });
        let passkey = owner.call(Method::POST, "/api/v1/account/passkeys", Some(made)).await.expect(201);
        let write = json!({"name": "all", "scopes": ["write"]});
        let token = owner.create_token("/api/v1/account/tokens", write.clone()).await;
        let bot = owner.create_bot(&format!("bot_{number}")).await.id;
        let bot_token = owner.create_token(&format!("/api/v1/bots/{bot}/tokens"), write).await;
        let picture = image::RgbImage::from_pixel(8, 8, image::Rgb([1, 2, 3]));
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        let account = owner
            .api
            .upload_avatar(&Picture { media_type: "image/png".into(), bytes: bytes.into_inner() })
            .await
            .unwrap();
        Self {
            app: app.clone(),
            room,
            with_friend,
            with_blocked,
            identity: identity.id.to_string(),
            avatar: account.avatar.expect("a picture").to_string(),
            invite: invite["invite"]["id"].as_str().expect("an invite's id").to_owned(),
            passkey: passkey["id"].as_str().expect("a passkey's id").to_owned(),
            token: token.token.id.to_string(),
            bot: (bot.to_string(), bot_token.token.id.to_string()),
            people,
        }
    }

    /// The owner's passkey.
    pub fn passkey(&self) -> &str {
        &self.passkey
    }

    /// The administrator's invite.
    pub fn invite(&self) -> &str {
        &self.invite
    }

    /// The person with a role; `None` for the anonymous role.
    pub fn person(&self, role: Role) -> Option<&Person> {
        (role as usize).checked_sub(1).map(|index| &self.people[index])
    }

    /// The owner.
    pub fn owner(&self) -> &Person {
        self.person(Role::Owner).unwrap()
    }

    /// The owner's direct chat with this role, or with the friend if there is none.
    pub fn direct(&self, role: Role) -> ConversationId {
        if role == Role::Blocked { self.with_blocked } else { self.with_friend }
    }

    /// A new message by the owner. Nothing new can be written to the blocked person: there it is the event that opened
    /// the chat.
    pub async fn message(&self, conversation: ConversationId) -> i64 {
        if conversation == self.with_blocked { 1 } else { self.owner().send(conversation, "hi").await }
    }

    /// Calls an operation on what belongs to the owner, and returns one word for the outcome.
    pub async fn ask(&self, role: Role, operation: &Operation, target: ConversationId) -> String {
        self.ask_as(self.person(role), operation, target).await
    }

    /// Like [`Self::ask`], with any token or none.
    pub async fn ask_as(
        &self,
        person: Option<&Person>,
        operation: &Operation,
        target: ConversationId,
    ) -> String {
        let message = match operation.id.as_str() {
            "put_message" => fresh_cid(),
            _ if operation.template.contains("{message}") => self.message(target).await.to_string(),
            _ => String::new(),
        };
        let path = operation.path(|name| match name {
            "conversation" => target.to_string(),
            "room" => self.room.to_string(),
            "message" => message.clone(),
            "cid" => fresh_cid(),
            "emoji" => "%F0%9F%91%8D".to_owned(),
            "user" if operation.template.contains("/bots/") => self.bot.0.clone(),
            "token" if operation.template.contains("/bots/") => self.bot.1.clone(),
            "token" => self.token.clone(),
            "user" => self.owner().id.to_string(),
            "session" => self.owner().session.to_string(),
            "avatar" => self.avatar.clone(),
            "size" => "64".to_owned(),
            "invite" => self.invite.clone(),
            "identity" => self.identity.clone(),
            "passkey" => self.passkey.clone(),
            // No job has failed here.
            "job" => i64::MAX.to_string(),
            other => panic!("{}: nothing is known about the parameter {other}", operation.id),
        });
        let mut body = operation.body.clone();
        if let Some(body) = &mut body {
            let fresh = || format!("new_{}", NEXT.fetch_add(1, Ordering::Relaxed));
            match operation.id.as_str() {
                "create_account" | "create_bot" => body["handle"] = fresh().into(),
                "create_room" => body["name"] = fresh().into(),
                // Different addresses, so that not too many mails go to the same one.
                "change_email" => body["email"] = format!("{}@example.org", fresh()).into(),
                // Too many tries with one passkey would be refused as too fast.
                "create_passkey_session" => {
                    let number = NEXT.fetch_add(1, Ordering::Relaxed);
                    body["credential"]["rawId"] = format!("A{number:07}").into();
                }
                "create_session" => {
                    body["handle"] = person.map_or("nobody", |person| &person.handle).into();
                }
                _ => {}
            }
        }
        let reply = match person {
            Some(person) => person.call(operation.method.clone(), &path, body).await,
            None => self.app.call(operation.method.clone(), &path, body).await,
        };
        assert!(!reply.status.is_server_error(), "{}: {}", operation.id, reply.text);
        if reply.status.is_success() {
            return "ok".to_owned();
        }
        reply.json()["code"].as_str().expect("a code").to_owned()
    }
}
