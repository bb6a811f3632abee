//! The browser's own dialog for passkeys (`navigator.credentials`).
//!
//! Invariant: options and results are WebAuthn's JSON forms. Browsers that cannot convert them themselves get bytes
//! instead; the result is the same.

use js_sys::{Array, Function, Object, Reflect, Uint8Array};
use leptos::prelude::window;
use parlour_protocol::problems::{ErrorCode, Problem};
use serde_json::Value;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::state::base64url;
use crate::state::failure::Failure;
use crate::texts::security as texts;

/// The kind of request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// Create a new passkey.
    New,
    /// Sign with an existing passkey.
    Answer,
}

fn part(of: &JsValue, name: &str) -> JsValue {
    Reflect::get(of, &name.into()).unwrap_or(JsValue::UNDEFINED)
}

fn method(of: &JsValue, name: &str) -> Option<Function> {
    part(of, name).dyn_into().ok()
}

/// Whether the browser supports passkeys here; it does not on pages without TLS.
pub(crate) fn are_known() -> bool {
    part(&window(), "PublicKeyCredential").is_function()
        && part(&window().navigator(), "credentials").is_object()
}

/// Asks the browser to create a passkey.
pub(crate) async fn create(options: &Value) -> Result<Value, Failure> {
    ask(Asked::New, options).await
}

/// Asks the browser to use an existing passkey.
pub(crate) async fn get(options: &Value) -> Result<Value, Failure> {
    ask(Asked::Answer, options).await
}

async fn ask(asked: Asked, options: &Value) -> Result<Value, Failure> {
    let answer = dialog(asked, options).await.map_err(|error| said(asked, &error))?;
    written(asked, &answer).ok_or_else(|| said(asked, &JsValue::UNDEFINED))
}

async fn dialog(asked: Asked, options: &Value) -> Result<JsValue, JsValue> {
    let options = js_sys::JSON::parse(&options.to_string())?;
    let class = part(&window(), "PublicKeyCredential");
    let (reader, verb) = match asked {
        Asked::New => ("parseCreationOptionsFromJSON", "create"),
        Asked::Answer => ("parseRequestOptionsFromJSON", "get"),
    };
    let options = match method(&class, reader) {
        Some(reader) => reader.call1(&class, &options)?,
        None => with_bytes(&options)?,
    };
    let request = Object::new();
    Reflect::set(&request, &"publicKey".into(), &options)?;
    let credentials = part(&window().navigator(), "credentials");
    let verb = method(&credentials, verb).ok_or(JsValue::UNDEFINED)?;
    let promise: js_sys::Promise = verb.call1(&credentials, &request)?.dyn_into()?;
    JsFuture::from(promise).await
}

/// Replaces base64url texts by bytes, for browsers that do not do this themselves.
fn with_bytes(options: &JsValue) -> Result<JsValue, JsValue> {
    let put = |of: &JsValue, name: &str| -> Result<(), JsValue> {
        if let Some(bytes) = part(of, name).as_string().and_then(|text| base64url::decode(&text)) {
            Reflect::set(of, &name.into(), &Uint8Array::from(bytes.as_slice()))?;
        }
        Ok(())
    };
    put(options, "challenge")?;
    let user = part(options, "user");
    if user.is_object() {
        put(&user, "id")?;
    }
    for list in ["excludeCredentials", "allowCredentials"] {
        if let Ok(list) = part(options, list).dyn_into::<Array>() {
            list.iter().try_for_each(|one| put(&one, "id"))?;
        }
    }
    Ok(options.clone())
}

/// A credential as JSON: from the browser's `toJSON`, otherwise converted here.
fn written(asked: Asked, credential: &JsValue) -> Option<Value> {
    let own = method(credential, "toJSON")
        .and_then(|writer| writer.call0(credential).ok())
        .and_then(|plain| js_sys::JSON::stringify(&plain).ok())
        .and_then(|text| serde_json::from_str(&String::from(text)).ok());
    if own.is_some() {
        return own;
    }
    let bytes = |of: &JsValue, name: &str| -> Option<Value> {
        let value = part(of, name);
        value.is_object().then(|| base64url::encode(&Uint8Array::new(&value).to_vec()).into())
    };
    let response = part(credential, "response");
    let mut said = serde_json::Map::new();
    let names: &[&str] = match asked {
        Asked::New => &["clientDataJSON", "attestationObject"],
        Asked::Answer => &["clientDataJSON", "authenticatorData", "signature", "userHandle"],
    };
    for name in names {
        if let Some(value) = bytes(&response, name) {
            said.insert((*name).to_owned(), value);
        }
    }
    let transports = method(&response, "getTransports").and_then(|list| list.call0(&response).ok());
    if let Some(list) = transports.and_then(|list| list.dyn_into::<Array>().ok()) {
        said.insert("transports".to_owned(), list.iter().filter_map(|one| one.as_string()).collect());
    }
    Some(serde_json::json!({
        "id": part(credential, "id").as_string()?,
        "rawId": bytes(credential, "rawId")?,
        "type": "public-key",
        "response": said,
        "clientExtensionResults": {},
    }))
}

/// A failure of the browser's dialog, in plain words.
fn said(asked: Asked, error: &JsValue) -> Failure {
    let name = part(error, "name").as_string().unwrap_or_default();
    let detail = match (name.as_str(), asked) {
        ("NotAllowedError" | "AbortError", Asked::New) => texts::passkey_cancelled_new(),
        ("NotAllowedError" | "AbortError", Asked::Answer) => texts::passkey_cancelled(),
        ("InvalidStateError", _) => texts::passkey_known(),
        ("SecurityError", _) => texts::passkey_address(),
        ("NotSupportedError" | "ConstraintError", _) => texts::passkey_unsupported(),
        _ => texts::passkey_failed(),
    };
    let detail = Some(detail.to_owned());
    Failure::Problem(Box::new(Problem { detail, ..Problem::new(ErrorCode::Conflict) }))
}
