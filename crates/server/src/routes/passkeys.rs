//! Passkeys: managing the caller's own, logging in with one, and using one as the second step of a log-in.
//!
//! Invariant: a ceremony accepts one response, right or wrong.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::web::{Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parlour_chat::identity::log_in::{self, NewSession};
use parlour_chat::identity::passkeys::{self, Answer, Judged};
use parlour_chat::identity::relying_party::RelyingParty;
use parlour_chat::identity::{accounts, second_factors};
use parlour_chat::outcome::Done;
use parlour_protocol::Page;
use parlour_protocol::audit::AuditKind;
use parlour_protocol::ids::{PasskeyId, SessionId};
use parlour_protocol::limits::CREDENTIAL;
use parlour_protocol::own_data::ConfirmPassword;
use parlour_protocol::passkeys::{
    BeginPasskeyStep, CompletePasskeyStep, CreatePasskey, CreatePasskeySession, Passkey, PasskeyCeremony,
    UpdatePasskey,
};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::sessions::{RefreshTransport, SignedIn};
use parlour_protocol::time::Timestamp;
use parlour_storage::{Connection, Lane};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::second_factors::challenged;
use super::{ListQuery, page_of};
use crate::app::App;
use crate::auth::log_in::{admit, client_device, confirm, signed_in};
use crate::auth::{Shared, Viewer};
use crate::bodies::Object;
use crate::budget::addresses::AddressKey;
use crate::budget::login_throttle::Attempt;
use crate::problems::ApiError;
use crate::random;

/// Random bytes in a ceremony's name.
const NAME: usize = 16;

/// Whether passkeys can be used at the host that a request names: browsers accept them only at the server's own name.
pub(super) fn are_offered(app: &App, request: &HttpRequest) -> bool {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let named = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let party = app.relying_party.as_ref();
    // A proxy may use another host name; then the configured address counts.
    party.is_some_and(|party| app.config.public_url.is_some() || named == party.id())
}

fn party(app: &App) -> Result<RelyingParty, ApiError> {
    let off = "Passkeys need a server with a name: set PARLOUR_PUBLIC_URL, or come by http://localhost.";
    app.relying_party.clone().ok_or_else(|| ApiError::because(ErrorCode::Conflict, off))
}

/// Runs the first half of a ceremony.
async fn begin(
    app: &Arc<App>,
    work: impl Fn(&mut Connection, Timestamp, &[u8]) -> Done<Value> + Clone + Send + 'static,
) -> Result<HttpResponse, ApiError> {
    let name = random::bytes::<NAME>();
    let options = app.commit(Lane::STRANGER, move |conn, now| work(conn, now, &name)).await?;
    Ok(HttpResponse::Created().json(PasskeyCeremony { ceremony: URL_SAFE_NO_PAD.encode(name), options }))
}

/// Decodes the name of a ceremony; a malformed one becomes empty, which no ceremony has.
fn ceremony(text: &str) -> Vec<u8> {
    let short = text.len() <= 2 * NAME;
    short.then(|| URL_SAFE_NO_PAD.decode(text).ok()).flatten().unwrap_or_default()
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

/// Parses an authenticator's response. Unknown fields added by browsers are ignored, within limits of size and depth.
fn credential<T: DeserializeOwned>(mut value: Value) -> Result<T, ApiError> {
    if value.to_string().len() > CREDENTIAL.0 {
        return Err(ErrorCode::TooLarge.into());
    }
    let strange = || ApiError::because(ErrorCode::Malformed, "The credential is none that browsers make.");
    if depth(&value) > CREDENTIAL.1 {
        return Err(strange());
    }
    // These are unsigned and vary by browser, and nothing here depends on them.
    if let Some(fields) = value.as_object_mut() {
        fields.remove("clientExtensionResults");
        fields.remove("extensions");
    }
    serde_json::from_value(value).map_err(|_| strange())
}

/// Lists the caller's passkeys, oldest first.
#[utoipa::path(tag = "accounts", params(ListQuery), responses((status = 200, body = Page<Passkey>)))]
#[get("/account/passkeys")]
pub async fn list_passkeys(
    app: Shared,
    viewer: Viewer,
    query: Query<ListQuery>,
) -> Result<Json<Page<Passkey>>, ApiError> {
    let items = app.read(move |conn| passkeys::list(conn, viewer.user)).await?;
    page_of(items, &query, |passkey| passkey.id.0).map(Json)
}

/// Begins to add a passkey, given the password: returns the options for the authenticator
/// (`PublicKeyCredentialCreationOptionsJSON`), valid for five minutes. At most ten passkeys per person.
#[utoipa::path(
    tag = "accounts",
    request_body = ConfirmPassword,
    responses((status = 201, body = PasskeyCeremony))
)]
#[post("/account/passkeys/begin")]
pub async fn begin_passkey(
    app: Shared,
    viewer: Viewer,
    body: Object<ConfirmPassword>,
) -> Result<HttpResponse, ApiError> {
    let (party, key) = (party(&app)?, app.master_key.clone());
    confirm(&app, viewer, body.0.password).await?;
    begin(&app, move |conn, now, name| passkeys::begin(conn, now, &party, &key, viewer.user, name)).await
}

/// Adds the passkey that the authenticator created (`RegistrationResponseJSON`). A ceremony accepts one response,
/// right or wrong.
#[utoipa::path(tag = "accounts", request_body = CreatePasskey, responses((status = 201, body = Passkey)))]
#[post("/account/passkeys")]
pub async fn create_passkey(
    app: Shared,
    viewer: Viewer,
    body: Object<CreatePasskey>,
) -> Result<HttpResponse, ApiError> {
    let party = party(&app)?;
    let body = body.0;
    let (name, made, id) = (ceremony(&body.ceremony), credential(body.credential)?, PasskeyId(random::id()));
    let judged = app
        .commit(Lane::Person(viewer.user), move |conn, now| {
            passkeys::add(conn, now, &party, (viewer.user, id), &name, &made, &body.name)
        })
        .await?;
    let added = judged.map_err(|refusal| ApiError::from(refusal).within_a_session())?;
    Ok(HttpResponse::Created().json(added))
}

/// Renames one of the caller's passkeys.
#[utoipa::path(
    tag = "accounts",
    params(("passkey" = PasskeyId, Path)),
    request_body = UpdatePasskey,
    responses((status = 200, body = Passkey))
)]
#[patch("/account/passkeys/{passkey}")]
pub async fn update_passkey(
    app: Shared,
    viewer: Viewer,
    passkey: Path<PasskeyId>,
    body: Object<UpdatePasskey>,
) -> Result<Json<Passkey>, ApiError> {
    let (id, name) = (passkey.into_inner(), body.0.name);
    app.commit(Lane::Person(viewer.user), move |conn, _| passkeys::rename(conn, viewer.user, id, &name))
        .await
        .map(Json)
}

/// Removes one of the caller's passkeys, given the password. Sessions that it opened stay.
#[utoipa::path(
    tag = "accounts",
    params(("passkey" = PasskeyId, Path)),
    request_body = ConfirmPassword,
    responses((status = 204))
)]
#[delete("/account/passkeys/{passkey}")]
pub async fn delete_passkey(
    app: Shared,
    viewer: Viewer,
    passkey: Path<PasskeyId>,
    body: Object<ConfirmPassword>,
) -> Result<HttpResponse, ApiError> {
    confirm(&app, viewer, body.0.password).await?;
    let id = passkey.into_inner();
    app.commit(Lane::Person(viewer.user), move |conn, now| passkeys::remove(conn, now, viewer.user, id))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Begins a log-in with only a passkey: returns the options for the authenticator
/// (`PublicKeyCredentialRequestOptionsJSON`), valid for five minutes. They name nobody: the authenticator knows whose
/// passkeys it has.
#[utoipa::path(tag = "sessions", responses((status = 201, body = PasskeyCeremony)))]
#[post("/sessions/passkey/begin")]
pub async fn begin_passkey_session(app: Shared, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    admit(&app, &request, RefreshTransport::Body)?;
    let party = party(&app)?;
    begin(&app, move |conn, now, name| passkeys::begin_log_in(conn, now, &party, name)).await
}

/// Counts as a failed attempt unless `work` accepts the response; then returns what it opened.
async fn attempt<T: Send + 'static>(
    app: &Arc<App>,
    attempt: Attempt,
    work: impl Fn(&mut Connection, Timestamp) -> Done<Judged<T>> + Clone + Send + 'static,
) -> Result<T, ApiError> {
    let taken = app.budgets.login_throttle.take(attempt).await.map_err(ApiError::too_fast)?;
    match app.commit(Lane::STRANGER, work).await {
        Ok(Ok(value)) => {
            taken.right().await;
            Ok(value)
        }
        Ok(Err(refusal)) => {
            taken.wrong();
            Err(refusal.into())
        }
        Err(error) => {
            if error.code() == ErrorCode::BadCredentials {
                taken.wrong();
            }
            Err(error)
        }
    }
}

/// Logs in with only a passkey (`AuthenticationResponseJSON`). The authenticator has verified the person, so no
/// second factor is requested. Unknown passkeys, wrong responses and suspended accounts are refused alike. A ceremony
/// accepts one response, right or wrong.
#[utoipa::path(
    tag = "sessions",
    request_body = CreatePasskeySession,
    responses((status = 201, body = SignedIn))
)]
#[post("/sessions/passkey")]
pub async fn create_passkey_session(
    app: Shared,
    request: HttpRequest,
    body: Object<CreatePasskeySession>,
) -> Result<HttpResponse, ApiError> {
    let address = admit(&app, &request, body.refresh)?;
    let network = AddressKey::of(address);
    let address = address.to_string();
    let (party, key) = (party(&app)?, app.master_key.clone());
    let body = body.0;
    let device = client_device(&app, &request, body.device.as_deref())?;
    let name = ceremony(&body.ceremony);
    let answer: Answer = credential(body.credential)?;

    let session = SessionId(random::id());
    let token = app.tokens.first(session);
    let token_hash = token.hash();
    let tried = Attempt::passkey(answer.get_credential_id(), network);
    let row = attempt(&app, tried, move |conn, now| {
        let judged = passkeys::log_in(conn, now, (&party, &key), &name, &answer, &address)?;
        if let Ok(row) = &judged.value {
            let opened = NewSession { id: session, device: &device, token_hash: &token_hash };
            let how = (AuditKind::LoggedInByPasskey, address.as_str());
            log_in::open(conn, now, row.id, &opened, how)?;
        }
        Ok(judged)
    })
    .await?;
    signed_in(&app, &request, &row, &token, body.refresh, true)
}

/// Begins the second step of a log-in that was refused with `second_factor_required` and lists `passkey` in
/// `methods`: returns the options for the authenticator (`PublicKeyCredentialRequestOptionsJSON`), valid for five
/// minutes.
#[utoipa::path(
    tag = "sessions",
    request_body = BeginPasskeyStep,
    responses((status = 201, body = PasskeyCeremony))
)]
#[post("/sessions/second-factor/passkey/begin")]
pub async fn begin_passkey_step(
    app: Shared,
    request: HttpRequest,
    body: Object<BeginPasskeyStep>,
) -> Result<HttpResponse, ApiError> {
    admit(&app, &request, RefreshTransport::Body)?;
    let party = party(&app)?;
    let (user, ..) = challenged(&app, &body.challenge).await?;
    begin(&app, move |conn, now, name| passkeys::begin_second_step(conn, now, &party, user, name)).await
}

/// Completes a log-in that was refused with `second_factor_required`, using a passkey. The credential is an
/// `AuthenticationResponseJSON` of one of the account's passkeys. A ceremony accepts one response, right or wrong;
/// wrong ones are slowed down like wrong codes.
#[utoipa::path(
    tag = "sessions",
    request_body = CompletePasskeyStep,
    responses((status = 201, body = SignedIn))
)]
#[post("/sessions/second-factor/passkey")]
pub async fn complete_passkey_step(
    app: Shared,
    request: HttpRequest,
    body: Object<CompletePasskeyStep>,
) -> Result<HttpResponse, ApiError> {
    let address = admit(&app, &request, body.refresh)?;
    let network = AddressKey::of(address);
    let address = address.to_string();
    let (party, key) = (party(&app)?, app.master_key.clone());
    let body = body.0;
    let device = client_device(&app, &request, body.device.as_deref())?;
    let (user, row, challenge) = challenged(&app, &body.challenge).await?;
    let name = ceremony(&body.ceremony);
    let answer: Answer = credential(body.credential)?;

    let session = SessionId(random::id());
    let token = app.tokens.first(session);
    let token_hash = token.hash();
    let tried = Attempt::second_factor(user, network);
    attempt(&app, tried, move |conn, now| {
        // The account may have changed since the password was given.
        let row = accounts::find(conn, user)?;
        if !row.is_active() || !challenge.is_good(&key, now, &row) {
            return Err(ErrorCode::Unauthenticated.into());
        }
        if !second_factors::is_on(conn, user)? {
            return Err(second_factors::off());
        }
        let judged = passkeys::second_step(conn, now, &party, user, &name, &answer, &address)?;
        if judged.value.is_ok() {
            let opened = NewSession { id: session, device: &device, token_hash: &token_hash };
            log_in::open(conn, now, user, &opened, (AuditKind::LoggedIn, &address))?;
        }
        Ok(judged)
    })
    .await?;
    signed_in(&app, &request, &row, &token, body.refresh, true)
}
