//! A small OpenID Connect provider that speaks real HTTP: its discovery document, its keys, the page that redirects
//! people back, and the token endpoint. It can be told to misbehave.
//!
//! Invariant: it checks what a good provider checks (client, redirect URI, PKCE, that a code works once), so a server
//! that omits something fails here.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener as Std};
use std::sync::{Arc, Mutex, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use parlour_server::Config;
use parlour_server::config::{ProviderSettings, Secret};
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::traits::PublicKeyParts;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The client id of the servers under test.
const CLIENT: &str = "parlour";
/// The client secret.
const SECRET: &str = "a secret of two";

/// How the provider handles a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Correctly.
    Good,
    /// Signs with a key that it publishes only now.
    NewKey,
    /// Signs with a key that it never published.
    StrangeKey,
    /// Signs with the secret that it shares with the server.
    SharedSecret,
    /// Does not sign.
    Unsigned,
    /// Names another audience.
    OtherAudience,
    /// Uses the nonce of another log-in.
    OtherNonce,
    /// Names another issuer.
    OtherIssuer,
    /// Issues a token that has expired.
    Expired,
    /// Returns no ID token.
    NoToken,
    /// Sends a response that is longer than anyone should read.
    Endless,
    /// Returns an HTML page.
    Nonsense,
}

struct Grant {
    asked: HashMap<String, String>,
    claims: Value,
    manner: Manner,
}

struct Key {
    id: &'static str,
    private: EncodingKey,
    public: Value,
}

impl Key {
    fn new(id: &'static str) -> Self {
        let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).expect("a key");
        let number = |number: &rsa::BigUint| URL_SAFE_NO_PAD.encode(number.to_bytes_be());
        let (n, e) = (number(key.n()), number(key.e()));
        Self {
            id,
            private: EncodingKey::from_rsa_der(key.to_pkcs1_der().expect("a key").as_bytes()),
            public: json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": id, "n": n, "e": e}),
        }
    }
}

#[derive(Default)]
struct State {
    grants: HashMap<String, Grant>,
    codes: u64,
    /// Whether the second key is published.
    rotated: bool,
    /// The provider's clock, in seconds, for log-ins on its page.
    now: Option<i64>,
}

/// See the module.
pub struct Provider {
    address: String,
    keys: [Key; 3],
    state: Mutex<State>,
}

impl Provider {
    /// Starts a separate one, for tests that make it change its keys.
    pub fn start() -> Arc<Self> {
        let listener = Std::bind("127.0.0.1:0").expect("a port");
        let address: SocketAddr = listener.local_addr().expect("an address");
        let provider = Arc::new(Self {
            address: format!("http://{address}"),
            keys: ["first", "second", "strange"].map(Key::new),
            state: Mutex::default(),
        });
        let serving = provider.clone();
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                listener.set_nonblocking(true).expect("it listens");
                let listener = tokio::net::TcpListener::from_std(listener).expect("it listens");
                while let Ok((stream, _)) = listener.accept().await {
                    let provider = serving.clone();
                    tokio::spawn(async move { provider.answer(stream).await });
                }
            });
        });
        provider
    }

    /// The one that tests share.
    pub fn shared() -> Arc<Self> {
        static SHARED: OnceLock<Arc<Provider>> = OnceLock::new();
        SHARED.get_or_init(Self::start).clone()
    }

    /// Configures a server to use it.
    pub fn configure(&self, config: &mut Config) {
        config.provider = Some(ProviderSettings {
            issuer: self.address.clone(),
            client_id: CLIENT.to_owned(),
            client_secret: Some(Secret(SECRET.to_owned())),
            name: "Guild".to_owned(),
        });
        config.public_url.get_or_insert_with(|| "http://chat.test".to_owned());
    }

    /// Its URL.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Sets its clock, in seconds since 1970, for log-ins on its page.
    pub fn set_clock(&self, seconds: i64) {
        self.state.lock().expect("no panic").now = Some(seconds);
    }

    /// Logs somebody in on the page: returns the `state` and `code` of the redirect.
    pub fn consent(&self, page: &str, claims: Value, manner: Manner) -> (String, String) {
        let asked: HashMap<String, String> =
            url::Url::parse(page).expect("an address").query_pairs().into_owned().collect();
        for (name, value) in
            [("client_id", CLIENT), ("response_type", "code"), ("code_challenge_method", "S256")]
        {
            assert_eq!(asked.get(name).map(String::as_str), Some(value), "{name}");
        }
        let scopes = asked["scope"].split(' ').collect::<Vec<_>>();
        assert!(scopes.contains(&"openid"), "{scopes:?}");
        let mut state = self.state.lock().expect("no panic");
        state.codes += 1;
        let code = format!("code-{}", state.codes);
        let sent_back = asked["state"].clone();
        state.grants.insert(code.clone(), Grant { asked, claims, manner });
        (sent_back, code)
    }

    async fn answer(&self, mut stream: TcpStream) {
        let mut received = Vec::new();
        let (head, body) = loop {
            let mut buffer = [0; 4096];
            let Ok(count @ 1..) = stream.read(&mut buffer).await else { return };
            received.extend_from_slice(&buffer[..count]);
            let text = String::from_utf8_lossy(&received).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = header(head, "content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
                if body.len() >= length {
                    break (head.to_owned(), body.to_owned());
                }
            }
        };
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let (status, more, content) = match path.split('?').next().unwrap_or_default() {
            "/.well-known/openid-configuration" => ("200 OK", String::new(), self.description().to_string()),
            "/jwks" => ("200 OK", String::new(), self.published().to_string()),
            "/authorize" => {
                let now = self.state.lock().expect("no panic").now;
                let claims = json!({"now": now, "sub": "grace", "name": "Grace Hopper", "preferred_username": "grace"});
                let page = format!("{}{path}", self.address);
                let asked = url::Url::parse(&page).expect("an address");
                let back =
                    asked.query_pairs().find(|(name, _)| name == "redirect_uri").expect("a way back").1;
                let (state, code) = self.consent(&page, claims, Manner::Good);
                ("302 Found", format!("location: {back}?state={state}&code={code}\r\n"), String::new())
            }
            "/token" => {
                let (status, content) = self.trade(&head, &body);
                (status, String::new(), content)
            }
            _ => ("404 Not Found", String::new(), String::new()),
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{more}content-length: {}\r\n\
             connection: close\r\n\r\n{content}",
            content.len()
        );
        let _ = stream.write_all(answer.as_bytes()).await;
    }

    fn description(&self) -> Value {
        let below = |path: &str| format!("{}{path}", self.address);
        json!({
            "issuer": self.address,
            "authorization_endpoint": below("/authorize"),
            "token_endpoint": below("/token"),
            "jwks_uri": below("/jwks"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
        })
    }

    fn published(&self) -> Value {
        let count = if self.state.lock().expect("no panic").rotated { 2 } else { 1 };
        json!({ "keys": self.keys[..count].iter().map(|key| &key.public).collect::<Vec<_>>() })
    }

    fn trade(&self, head: &str, body: &str) -> (&'static str, String) {
        let refused = ("400 Bad Request", json!({"error": "invalid_grant"}).to_string());
        let form: HashMap<String, String> =
            url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        let expected = STANDARD.encode(format!("{CLIENT}:{}", SECRET.replace(' ', "+")));
        if header(head, "authorization") != Some(&format!("Basic {expected}")) {
            return ("401 Unauthorized", json!({"error": "invalid_client"}).to_string());
        }
        let mut state = self.state.lock().expect("no panic");
        let Some(grant) = form.get("code").and_then(|code| state.grants.remove(code)) else {
            return refused;
        };
        let verifier = form.get("code_verifier").map_or("", String::as_str);
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
        if grant.asked.get("code_challenge") != Some(&challenge)
            || grant.asked.get("redirect_uri") != form.get("redirect_uri")
        {
            return refused;
        }
        state.rotated |= grant.manner == Manner::NewKey;
        drop(state);
        match grant.manner {
            Manner::Nonsense => return ("200 OK", "<html>Hello!</html>".to_owned()),
            Manner::Endless => return ("200 OK", "x".repeat(3 * 1024 * 1024)),
            _ => {}
        }
        let mut answer = json!({"access_token": "not for you", "token_type": "Bearer", "expires_in": 60});
        if grant.manner != Manner::NoToken {
            answer["id_token"] = self.id_token(&grant).into();
        }
        ("200 OK", answer.to_string())
    }

    fn id_token(&self, grant: &Grant) -> String {
        let now: i64 = grant.claims["now"].as_i64().expect("a time");
        let mut claims = json!({
            "iss": self.address, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": grant.asked["nonce"],
        });
        for (name, value) in
            grant.claims.as_object().expect("claims").iter().filter(|(name, _)| *name != "now")
        {
            claims[name] = value.clone();
        }
        match grant.manner {
            Manner::OtherAudience => claims["aud"] = "another server".into(),
            Manner::OtherNonce => claims["nonce"] = "another log-in".into(),
            Manner::OtherIssuer => claims["iss"] = "https://elsewhere.example".into(),
            Manner::Expired => claims["exp"] = (now - 60).into(),
            _ => {}
        }
        let key = match grant.manner {
            Manner::NewKey => &self.keys[1],
            Manner::StrangeKey => &self.keys[2],
            _ => &self.keys[0],
        };
        match grant.manner {
            Manner::SharedSecret => {
                let key = EncodingKey::from_secret(SECRET.as_bytes());
                jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).expect("it signs")
            }
            Manner::Unsigned => {
                let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
                format!("{}.{}.", part(json!({"alg": "none", "typ": "JWT"})), part(claims))
            }
            _ => {
                let header = Header { kid: Some(key.id.to_owned()), ..Header::new(Algorithm::RS256) };
                jsonwebtoken::encode(&header, &claims, &key.private).expect("it signs")
            }
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}
