//! What a server logs at full detail: no password, token, code, invite, address or text of anyone.
//!
//! Invariant: the server is the real program in a process of its own, with every log line of every library.

use data_encoding::BASE32_NOPAD;
use diesel::prelude::*;
use parlour_chat::identity::totp;
use parlour_client::native::{Api, fresh_cid};
use parlour_protocol::ids::ConversationId;
use parlour_protocol::sessions::SignedIn;
use parlour_protocol::socket::{ClientFrame, Start};
use parlour_protocol::time::Timestamp;
use parlour_storage::schema::{server_state, users};
use parlour_storage::{Connection, connection};
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::TestSocket;
use system_tests::chaos::nodes::Node;
use system_tests::mail::MailServer;

/// Names and values of what must not appear in the log.
#[derive(Default)]
struct Secrets(Vec<(&'static str, String)>);

impl Secrets {
    /// Remembers a secret and returns it.
    fn add(&mut self, name: &'static str, value: impl Into<String>) -> String {
        let value = value.into();
        assert!(value.len() >= 6, "{name} is too short to be looked for");
        self.0.push((name, value.clone()));
        value
    }

    /// Which of these appear in a text. Numeric codes count only when they stand alone: other numbers contain them by
    /// chance.
    fn found(&self, text: &str) -> Vec<&'static str> {
        let alone = |secret: &str| {
            let digits = secret.bytes().all(|byte| byte.is_ascii_digit());
            text.match_indices(secret).any(|(start, _)| {
                let (before, after) = (&text[..start], &text[start + secret.len()..]);
                let touches = before.ends_with(|one: char| one.is_ascii_alphanumeric() || one == '.')
                    || after.starts_with(|one: char| one.is_ascii_alphanumeric());
                !digits || !touches
            })
        };
        self.0.iter().filter(|(_, secret)| alone(secret)).map(|(name, _)| *name).collect()
    }
}

struct Scene {
    api: Api,
    secrets: Secrets,
}

impl Scene {
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self.api.request(method, self.api.base().join(path).unwrap());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default())
    }

    /// Remembers the tokens that the client has now.
    fn note_tokens(&mut self) {
        self.secrets.add("an access token", self.api.access_token().unwrap());
        self.secrets.add("a refresh token", self.api.refresh_token().unwrap());
    }

    /// Adopts a log-in from the response to a plain request.
    fn adopt(&mut self, answer: Value) {
        let signed_in: SignedIn = serde_json::from_value(answer).unwrap();
        self.api.set_tokens(Some(signed_in.access_token), signed_in.refresh_token);
        self.note_tokens();
    }
}

#[test]
fn nothing_secret_is_logged() {
    let folder = tempfile::tempdir().unwrap();
    let mails = MailServer::start();
    let mut secrets = Secrets::default();
    let smtp_password = secrets.add("the SMTP password", "zebra-smtp-password");
    let metrics = secrets.add("the token of metrics", "zebra-metrics-token");
    let settings = [
        ("RUST_LOG", "trace".to_owned()),
        ("PARLOUR_SMTP_URL", format!("smtp://mailer:{smtp_password}@127.0.0.1:{}", mails.port())),
        ("PARLOUR_MAIL_FROM", "chat@chat.example".to_owned()),
        ("PARLOUR_PUBLIC_URL", "http://chat.example".to_owned()),
        ("PARLOUR_METRICS_TOKEN", metrics.clone()),
        ("PARLOUR_AUTH_PER_MINUTE", "100000".to_owned()),
        ("PARLOUR_HASH_MEMORY_KIB", "8".to_owned()),
        ("PARLOUR_HASH_PASSES", "1".to_owned()),
        ("PARLOUR_UNSAFE_DATABASE", "true".to_owned()),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let node = Node::start(folder.path().to_owned(), settings);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut scene = Scene { api: Api::new(&node.address).unwrap(), secrets };
    let mut conn = || -> Connection {
        let file = folder.path().join("parlour.sqlite3");
        connection::Address::Sqlite(file.to_str().unwrap().to_owned()).connect().unwrap()
    };
    runtime.block_on(daily_life(&mut scene, &mails, &mut conn));
    runtime.block_on(odd_places(&mut scene, &node.address, &metrics));
    drop(runtime);

    let Scene { mut secrets, .. } = scene;
    let state: Vec<(String, String)> =
        server_state::table.select((server_state::key, server_state::value)).load(&mut conn()).unwrap();
    let secret = ["signing_key", "signing_keys", "refresh_key", "factor_key"];
    for (key, value) in state.into_iter().filter(|(key, _)| secret.contains(&key.as_str())) {
        assert!(value.len() > 30, "{key}");
        // The signing keys are written as JSON.
        secrets.0.extend(
            value
                .split('"')
                .filter(|part| part.len() > 30)
                .map(|part| ("a key of the server", part.to_owned())),
        );
    }
    let hashes: Vec<String> = users::table.select(users::password_hash).load(&mut conn()).unwrap();
    secrets.0.extend(hashes.into_iter().map(|hash| ("a password's hash", hash)));
    assert!(node.end(), "it ends well");
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(log.contains("a refresh token was used again"), "the log is kept");
    assert!(log.contains("a job is tried again later"), "also about mails:\n{}", node.last_words());
    assert!(secrets.0.len() > 40, "{}", secrets.0.len());
    println!("{} secrets were looked for in {} lines", secrets.0.len(), log.lines().count());
    assert_eq!(secrets.found(&log), Vec::<&str>::new());
    // Control: the search finds what is there.
    secrets.add("something that is logged", "a refresh token was used again");
    assert_eq!(secrets.found(&log), ["something that is logged"]);
}

/// Everything that involves secrets, as people do it.
async fn daily_life(scene: &mut Scene, mails: &MailServer, conn: &mut impl FnMut() -> Connection) {
    let password = scene.secrets.add("a password", "zebra horse battery");
    let account =
        json!({ "handle": "ada", "password": password, "display_name": "Ada", "device": "zebra phone" });
    let (status, answer) = scene.call(Method::POST, "/api/v1/accounts", Some(account)).await;
    assert_eq!(status, 201, "{answer}");
    scene.adopt(answer);
    parlour_chat::admin::promote(&mut conn(), Timestamp(1), "ada").unwrap();
    let session = |handle: &str, password: &str| Some(json!({ "handle": handle, "password": password }));
    let wrong = scene.secrets.add("a wrong password", "zebra horse batteri");
    assert_eq!(scene.call(Method::POST, "/api/v1/sessions", session("ada", &wrong)).await.0, 401);
    // In the wrong field.
    assert_eq!(scene.call(Method::POST, "/api/v1/sessions", session(&password, "ada")).await.0, 401);

    // Refreshing, and a refresh token that was stolen.
    let used = json!({ "refresh_token": scene.api.refresh_token().unwrap() });
    for _ in 0..2 {
        scene.api.refresh().await.unwrap();
        scene.note_tokens();
    }
    assert_eq!(scene.call(Method::POST, "/api/v1/sessions/refresh", Some(used)).await.0, 401);
    let (status, answer) = scene.call(Method::POST, "/api/v1/sessions", session("ada", &password)).await;
    assert_eq!(status, 201, "{answer}");
    scene.adopt(answer);

    // Message texts, over REST and the socket.
    let room = scene.call(Method::POST, "/api/v1/rooms", Some(json!({ "name": "tea" }))).await.1;
    let room = room["id"].as_str().unwrap().to_owned();
    let words = scene.secrets.add("a message", "zebra words by request");
    let path = format!("/api/v1/conversations/{room}/messages/{}", fresh_cid());
    let sent = scene.call(Method::PUT, &path, Some(json!({ "body": words }))).await;
    assert!(sent.0 < 300, "{sent:?}");
    let mut socket = TestSocket::connect(scene.api.base().as_str().trim_end_matches('/')).await;
    let token = scene.api.access_token();
    let room = ConversationId(room.parse().unwrap());
    socket.start(Start { token, live: vec![room], ..Start::default() }).await.unwrap();
    let words = scene.secrets.add("a message by the socket", "zebra words by the socket");
    socket.send(room, &fresh_cid(), &words).await.unwrap();
    socket.close().await;

    // An invite.
    let invite = scene.call(Method::POST, "/api/v1/invites", Some(json!({}))).await.1;
    let code = scene.secrets.add("an invite", invite["code"].as_str().unwrap());
    let other = scene.secrets.add("another password", "zebra donkey battery");
    let account = json!({ "handle": "bob", "password": other, "invite": code });
    let (status, bob) = scene.call(Method::POST, "/api/v1/accounts", Some(account)).await;
    assert_eq!(status, 201, "{bob}");
    for token in ["access_token", "refresh_token"] {
        scene.secrets.add("a token of somebody else", bob[token].as_str().unwrap());
    }

    // A link from an administrator.
    let path = format!("/api/v1/admin/users/{}/password-reset", bob["account"]["id"].as_str().unwrap());
    let link = scene.call(Method::POST, &path, None).await.1;
    let token = scene.secrets.add("a reset token", link["link"].as_str().unwrap().split_once('#').unwrap().1);
    let new = scene.secrets.add("a new password", "zebra turtle battery");
    for status in [204, 410] {
        let body = json!({ "token": token, "password": new });
        assert_eq!(scene.call(Method::POST, "/api/v1/password-resets", Some(body)).await.0, status);
    }

    // An address, and a new password by mail.
    let address = scene.secrets.add("an address", "zebra@zebra.example");
    let body = json!({ "email": address, "password": password });
    assert_eq!(scene.call(Method::PUT, "/api/v1/account/email", Some(body)).await.0, 200);
    let token = scene.secrets.add("a token that confirms", mails.take(&address, "Confirm").await.token());
    let body = json!({ "token": token });
    assert_eq!(scene.call(Method::POST, "/api/v1/email-verifications/use", Some(body)).await.0, 204);
    mails.set_mood(system_tests::mail::Mood::Refusing(451));
    let begun = mails.begun();
    let body = json!({ "handle_or_email": address });
    assert_eq!(scene.call(Method::POST, "/api/v1/password-resets/requests", Some(body)).await.0, 202);
    system_tests::eventually("it was refused", || async { mails.begun() > begun }).await;

    // A second factor.
    let factor = "/api/v1/account/second-factor";
    let made = scene.call(Method::POST, factor, Some(json!({ "password": password }))).await.1;
    let secret = scene.secrets.add("the secret of a second factor", made["secret"].as_str().unwrap());
    let secret = BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    // The server uses the real clock here; the candidates are the steps around the time of the response.
    let now = sent.1["at"].as_str().and_then(Timestamp::parse).expect("the time of the message");
    let mut confirmed = None;
    for off in 0..3 {
        let code = scene.secrets.add("a code", totp::code(&secret, totp::step(now) + off));
        let body = Some(json!({ "code": code }));
        let (status, answer) = scene.call(Method::POST, &format!("{factor}/confirm"), body).await;
        if status == 200 {
            confirmed = Some(answer);
            break;
        }
    }
    let codes = confirmed.expect("one of the codes is right")["codes"].as_array().unwrap().clone();
    for code in &codes {
        scene.secrets.add("a recovery code", code.as_str().unwrap());
    }
    let (status, problem) = scene.call(Method::POST, "/api/v1/sessions", session("ada", &password)).await;
    assert_eq!(status, 401, "{problem}");
    let challenge = scene.secrets.add("a challenge", problem["challenge"].as_str().unwrap());
    for (code, expected) in [("zebra-nonsense", 401), (codes[0].as_str().unwrap(), 201)] {
        let body = json!({ "challenge": challenge, "code": code });
        let (status, answer) = scene.call(Method::POST, "/api/v1/sessions/second-factor", Some(body)).await;
        assert_eq!(status, expected, "{answer}");
        if status == 201 {
            scene.adopt(answer);
        }
    }
}

/// Secrets where they do not belong.
async fn odd_places(scene: &mut Scene, address: &str, metrics: &str) {
    let all: Vec<String> = scene.secrets.0.iter().map(|(_, secret)| secret.clone()).collect();
    for secret in &all {
        // As they are and, as clients would write them, without what a path cannot contain.
        let plain: String = secret.chars().filter(|one| !one.is_whitespace()).collect();
        for path in [
            format!("/api/v1/account?token={plain}"),
            format!("/api/v1/socket?access_token={plain}"),
            format!("/reset?token={plain}"),
            format!("/api/v1/users/{plain}"),
            format!("/api/v1/admin/users/{plain}/second-factor"),
            format!("/nothing/{plain}"),
        ] {
            let (status, _) = scene.call(Method::GET, &path, None).await;
            assert!(status < 500, "{path}: {status}");
        }
        let client = scene.api.request(Method::POST, scene.api.base().join("/api/v1/sessions").unwrap());
        let unknown = format!("{{\"handle\": \"ada\", \"password\": \"{secret}\", \"{secret}\": 1");
        client.header("content-type", "application/json").body(unknown).send().await.unwrap();
        let (status, _) = scene
            .call(Method::POST, "/api/v1/accounts", Some(json!({ "handle": secret, "password": secret })))
            .await;
        assert!(status < 500, "{status}");
        for header in ["x-token", "cookie", "referer", "origin", "x-forwarded-for", "user-agent"] {
            let request = scene.api.request(Method::GET, scene.api.base().join("/api/v1/account").unwrap());
            let value = if header == "cookie" { format!("parlour_refresh={plain}") } else { plain.clone() };
            request.header(header, value).send().await.unwrap();
        }
        let mut socket = TestSocket::connect(address).await;
        let start = Start { token: Some(secret.clone()), ..Start::default() };
        let id = socket.post(|id| ClientFrame::Start(Start { id, ..start })).await;
        // Of all these, only the newest access token opens it.
        let _refused_mostly = socket.ending(id).await;
    }
    let url = scene.api.base().join("/metrics").unwrap();
    let (good, bad) = (format!("Bearer {metrics}"), format!("Bearer {metrics}x"));
    for token in [good, bad] {
        scene.api.request(Method::GET, url.clone()).header("authorization", token).send().await.unwrap();
    }
}
