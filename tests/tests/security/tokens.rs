//! Forged access tokens: none is accepted, neither by REST nor by the socket.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::{ClientFrame, Start};
use parlour_storage::server_state;
use serde_json::{Value, json};
use system_tests::{App, Person, on_all_backends};

on_all_backends!(made_up_tokens);

/// The time on the tests' clock at the beginning, in seconds.
const NOW: i64 = 1_767_225_600;

fn signed(header: &Value, claims: &Value, key: &EncodingKey, algorithm: Algorithm) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    format!("{text}.{}", crypto::sign(text.as_bytes(), key, algorithm).unwrap())
}

/// RFC 8410: an Ed25519 seed as a PKCS #8 document.
fn ed25519(seed: &[u8]) -> EncodingKey {
    let mut document =
        vec![0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
    document.extend_from_slice(seed);
    EncodingKey::from_ed_der(&document)
}

/// A change of a valid header or of valid claims; null removes a field.
fn with(whole: &Value, changes: Value) -> Value {
    let mut whole = whole.clone();
    let fields = whole.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
    whole
}

/// REST's response to a token.
async fn rest(app: &App, token: &str) -> Result<(), ErrorCode> {
    let api = app.stranger(0);
    api.set_tokens(Some(token.to_owned()), None);
    api.show_account().await.map(drop).map_err(|error| error.code().expect("a problem document"))
}

/// The code with which a socket is closed; `None` if the token is accepted.
async fn socket(app: &App, token: &str) -> Option<u16> {
    let mut socket = app.socket(1).await;
    let start = Start { token: Some(token.to_owned()), ..Start::default() };
    let id = socket.post(|id| ClientFrame::Start(Start { id, ..start })).await;
    socket.ending(id).await.err()
}

async fn made_up_tokens(app: App) {
    let ada = app.person("ada").await;
    let stored = server_state::find(&mut app.database().connect(), "signing_keys").unwrap().unwrap();
    let stored: Value = serde_json::from_str(&stored).unwrap();
    let key = ed25519(&STANDARD.decode(stored["keys"][0]["seed"].as_str().unwrap()).unwrap());
    let other_key = ed25519(&[7; 32]);
    let jwks = app.call(reqwest::Method::GET, "/.well-known/jwks.json", None).await.expect(200);
    let (kid, public) = (&jwks["keys"][0]["kid"], jwks["keys"][0]["x"].as_str().unwrap());
    let header = json!({"typ": "at+jwt", "alg": "EdDSA", "kid": kid});
    let claims = right_claims(&ada);
    let eddsa = |header: &Value, claims: &Value| signed(header, claims, &key, Algorithm::EdDSA);

    // Control: the test's own signing works. A valid token is accepted, also half a minute after its expiry.
    let right = eddsa(&header, &claims);
    assert_eq!((rest(&app, &right).await, socket(&app, &right).await), (Ok(()), None));
    let just_over =
        eddsa(&header, &with(&claims, json!({"iat": NOW - 629, "nbf": NOW - 629, "exp": NOW - 29})));
    assert_eq!((rest(&app, &just_over).await, socket(&app, &just_over).await), (Ok(()), None));

    let own_key = json!({"kty": "OKP", "crv": "Ed25519", "x": public});
    let mut tokens: Vec<(String, String)> = Vec::new();
    let mut add = |what: &str, token: String| tokens.push((what.to_owned(), token));
    for (what, algorithm) in [("none", "none"), ("None", "None"), ("empty", "")] {
        let (text, signature) = right.rsplit_once('.').unwrap();
        let payload = text.split_once('.').unwrap().1;
        let head = URL_SAFE_NO_PAD.encode(with(&header, json!({"alg": algorithm})).to_string());
        add(&format!("alg {what}"), format!("{head}.{payload}."));
        add(&format!("alg {what} with a signature"), format!("{head}.{payload}.{signature}"));
    }
    let raw = URL_SAFE_NO_PAD.decode(public).unwrap();
    for (what, secret) in
        [("the public key", raw.as_slice()), ("its text", public.as_bytes()), ("nothing", b"")]
    {
        let head = with(&header, json!({"alg": "HS256"}));
        let secret = EncodingKey::from_secret(secret);
        add(&format!("HS256 with {what}"), signed(&head, &claims, &secret, Algorithm::HS256));
    }
    for (what, change) in [
        ("unknown kid", json!({"kid": "x"})),
        ("no kid", json!({"kid": null})),
        ("kid of a file", json!({"kid": "../../etc/passwd"})),
        ("wrong typ", json!({"typ": "JWT"})),
        ("no typ", json!({"typ": null})),
        ("another algorithm", json!({"alg": "ES256"})),
    ] {
        add(what, eddsa(&with(&header, change), &claims));
    }
    for name in ["jku", "x5u"] {
        let head = with(&header, json!({name: "https://evil.example/keys", "kid": "evil"}));
        add(name, signed(&head, &claims, &other_key, Algorithm::EdDSA));
        let head = with(&header, json!({name: "https://evil.example/keys"}));
        add(&format!("{name} with our kid"), signed(&head, &claims, &other_key, Algorithm::EdDSA));
    }
    let head = with(&header, json!({"jwk": own_key}));
    add("jwk", signed(&head, &claims, &other_key, Algorithm::EdDSA));
    add("another key", signed(&header, &claims, &other_key, Algorithm::EdDSA));
    for name in ["iss", "aud", "sub", "sid", "iat", "nbf", "exp"] {
        add(&format!("no {name}"), eddsa(&header, &with(&claims, json!({name: null}))));
    }
    for name in ["iat", "nbf", "exp"] {
        let text = claims[name].to_string();
        add(&format!("{name} as text"), eddsa(&header, &with(&claims, json!({name: text}))));
        add(&format!("{name} as a list"), eddsa(&header, &with(&claims, json!({name: [NOW]}))));
    }
    for (what, change) in [
        ("wrong iss", json!({"iss": "somebody"})),
        ("wrong aud", json!({"aud": "another-api"})),
        ("of tomorrow", json!({"iat": NOW + 31, "nbf": NOW + 31, "exp": NOW + 631})),
        ("valid for a year", json!({"exp": NOW + 31_536_000})),
        ("endless", json!({"exp": i64::MAX})),
        ("with more rights", json!({"admin": true})),
        ("sub as a number", json!({"sub": ada.id.0})),
        ("sub below zero", json!({"sub": "-1"})),
    ] {
        add(what, eddsa(&header, &with(&claims, change)));
    }
    let over = json!({"iat": NOW - 631, "nbf": NOW - 631, "exp": NOW - 31});
    add("over", eddsa(&header, &with(&claims, over)));
    for (what, tail) in
        [("a letter", "A"), ("a dot", "."), ("a part", ".e30"), ("padding", "="), ("a comma", ",x")]
    {
        add(&format!("{what} at its end"), format!("{right}{tail}"));
    }
    let (text, signature) = right.rsplit_once('.').unwrap();
    add("no signature", format!("{text}."));
    add("half a signature", format!("{text}.{}", &signature[..signature.len() / 2]));
    add("a changed signature", format!("{text}.{}", signature.chars().rev().collect::<String>()));
    add("nothing", String::new());

    let mut faults = Vec::new();
    for (what, token) in &tokens {
        let expected = if what == "over" { ErrorCode::TokenExpired } else { ErrorCode::Unauthenticated };
        let closed = if what == "over" { 4005 } else { 4501 };
        let found = (rest(&app, token).await, socket(&app, token).await);
        if found != (Err(expected), Some(closed)) {
            faults.push(format!("{what}: {found:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    println!("made-up tokens: {} by REST and by the socket", tokens.len());
    ada.api.show_account().await.unwrap();
}

fn right_claims(person: &Person) -> Value {
    json!({
        "iss": "parlour", "aud": "parlour-api", "sub": person.id.to_string(), "sid": person.session.to_string(),
        "iat": NOW, "nbf": NOW, "exp": NOW + 600,
    })
}
