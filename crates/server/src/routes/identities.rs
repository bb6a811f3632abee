//! Logging in and registering with the OpenID Connect provider; adding and removing accounts with it.
//!
//! Invariant: nothing is stored between the two halves of a log-in. They are tied together by secrets derived from a
//! random binding, which only the browser that began has, and from the log-in's purpose.

use actix_web::web::{Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parlour_chat::Outcome;
use parlour_chat::identity::log_in::{self, NewSession};
use parlour_chat::identity::{accounts, identities};
use parlour_protocol::Page;
use parlour_protocol::accounts::{CreateAccount, PendingAccount};
use parlour_protocol::identities::{
    BeginIdentity, BeginProviderLogIn, CompleteIdentity, CompleteProviderLogIn, CreateProviderAccount,
    Identity, ProviderLogIn, UnknownIdentity,
};
use parlour_protocol::ids::{IdentityId, SessionId, UserId};
use parlour_protocol::own_data::ConfirmPassword;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::sessions::{RefreshTransport, SignedIn};
use parlour_protocol::time::{MINUTE, Timestamp};
use parlour_storage::Lane;
use subtle::ConstantTimeEq;

use super::accounts::{admission, made_account, pending};
use super::invites::code_hash;
use super::{ListQuery, page_of};
use crate::app::App;
use crate::auth::cookies::{PROVIDER as COOKIE, check_cookies, cookie_name, named_cookie};
use crate::auth::log_in::{admit, client_device, confirm, second_step, signed_in};
use crate::auth::provider::{Provider, Secrets, ran_out};
use crate::auth::signed::{self, Signed};
use crate::auth::{Shared, Viewer};
use crate::bodies::Object;
use crate::idempotency::Creation;
use crate::problems::ApiError;
use crate::random;

/// Time limit between the two halves of a log-in, in microseconds.
const LIFETIME: i64 = 10 * MINUTE;
/// Time limit to choose a handle and register, in microseconds.
const TO_REGISTER: i64 = 30 * MINUTE;

/// What a log-in with the provider is for.
#[derive(Clone, Copy)]
enum Purpose {
    LogIn,
    /// Adds the identity to the account of this session.
    Add(Viewer),
}

impl Purpose {
    fn bytes(self) -> Vec<u8> {
        match self {
            Self::LogIn => Vec::new(),
            Self::Add(viewer) => [viewer.user.0.to_be_bytes(), viewer.session.0.to_be_bytes()].concat(),
        }
    }
}

/// What only the browser that began has: the expiry time and 32 random bytes.
struct Binding(Vec<u8>);

impl Binding {
    fn fresh(now: Timestamp) -> Self {
        let mut bytes = (now.0 + LIFETIME).to_be_bytes().to_vec();
        bytes.extend(random::bytes::<32>());
        Self(bytes)
    }

    fn parse(text: &str, now: Timestamp) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().filter(|_| text.len() <= 200)?;
        let (ends, rest) = bytes.split_first_chunk()?;
        (rest.len() == 32 && now.0 < i64::from_be_bytes(*ends)).then_some(Self(bytes))
    }

    fn secrets(&self, app: &App, purpose: Purpose) -> Secrets {
        let derived =
            |name: &str| URL_SAFE_NO_PAD.encode(app.master_key.derive(name, &[&self.0, &purpose.bytes()]));
        Secrets {
            state: derived("provider state"),
            nonce: derived("provider nonce"),
            verifier: derived("provider verifier"),
        }
    }
}

/// Parses a binding.
#[cfg(fuzzing)]
pub(super) fn parse_binding(text: &str) {
    let _ = Binding::parse(text, Timestamp(0));
}

fn provider(app: &App) -> Result<&Provider, ApiError> {
    app.provider.as_ref().ok_or_else(|| ErrorCode::ProviderOff.into())
}

async fn begin(app: &App, purpose: Purpose, transport: RefreshTransport) -> Result<HttpResponse, ApiError> {
    let now = app.clock.now();
    let binding = Binding::fresh(now);
    let authorization_url = provider(app)?.authorization_url(binding.secrets(app, purpose), now).await?;
    let binding = URL_SAFE_NO_PAD.encode(&binding.0);
    let mut response = HttpResponse::Ok();
    let binding = match transport {
        RefreshTransport::Body => Some(binding),
        RefreshTransport::Cookie => {
            response.cookie(named_cookie(app, COOKIE, binding, LIFETIME));
            None
        }
    };
    Ok(response.json(ProviderLogIn { authorization_url, binding }))
}

/// Verifies that the browser is the one that began, and returns who logged in at the provider.
async fn come_back(
    app: &App,
    request: &HttpRequest,
    purpose: Purpose,
    binding: Option<String>,
    state: &str,
    code: String,
) -> Result<crate::auth::provider::Person, ApiError> {
    let provider = provider(app)?;
    let now = app.clock.now();
    let in_cookie = || request.cookie(&cookie_name(app, COOKIE));
    let binding = binding.or_else(|| in_cookie().map(|cookie| cookie.value().to_owned()));
    let binding = binding.and_then(|text| Binding::parse(&text, now)).ok_or_else(ran_out)?;
    let secrets = binding.secrets(app, purpose);
    if !bool::from(secrets.state.as_bytes().ct_eq(state.as_bytes())) || code.len() > 4096 {
        return Err(ran_out());
    }
    provider.redeem(code, secrets, now).await
}

/// The purpose of a registration challenge, which carries the subject of an account with this provider.
fn registration(app: &App) -> signed::Purpose<'_> {
    let issuer = app.provider.as_ref().map_or("", |provider| provider.issuer.as_str());
    signed::Purpose { name: "provider registration", bound: issuer.as_bytes() }
}

fn challenge(app: &App, subject: &str) -> String {
    let ends = app.clock.now().0 + TO_REGISTER;
    signed::write(&app.master_key, &registration(app), ends, subject.as_bytes())
}

/// The subject that a registration challenge was issued for, if the challenge is valid.
fn challenged(app: &App, text: &str) -> Option<String> {
    let challenge = Signed::parse(text)?;
    let good = challenge.is_good(&app.master_key, &registration(app), app.clock.now());
    String::from_utf8(challenge.payload().to_vec()).ok().filter(|_| good)
}

/// Begins a log-in with the OpenID Connect provider: returns the URL of its page, to which the client sends the
/// person.
#[utoipa::path(
    tag = "sessions",
    request_body = BeginProviderLogIn,
    responses((status = 200, body = ProviderLogIn))
)]
#[post("/sessions/provider/begin")]
pub async fn begin_provider_log_in(
    app: Shared,
    request: HttpRequest,
    body: Object<BeginProviderLogIn>,
) -> Result<HttpResponse, ApiError> {
    admit(&app, &request, body.refresh)?;
    begin(&app, Purpose::LogIn, body.0.refresh).await
}

/// Completes a log-in with the provider. A person without an account here gets 202, chooses a handle, and registers
/// with `POST /accounts/provider`. A second factor is requested as after a password.
#[utoipa::path(
    tag = "sessions",
    request_body = CompleteProviderLogIn,
    responses((status = 201, body = SignedIn), (status = 202, body = UnknownIdentity))
)]
#[post("/sessions/provider")]
pub async fn complete_provider_log_in(
    app: Shared,
    request: HttpRequest,
    body: Object<CompleteProviderLogIn>,
) -> Result<HttpResponse, ApiError> {
    let address = admit(&app, &request, body.refresh)?.to_string();
    let body = body.0;
    let device = client_device(&app, &request, body.device.as_deref())?;
    let person = come_back(&app, &request, Purpose::LogIn, body.binding, &body.state, body.code).await?;
    let session = SessionId(random::id());
    let token = app.tokens.first(session);
    let token_hash = token.hash();
    let (issuer, subject) = (provider(&app)?.issuer.clone(), person.subject.clone());
    let offered = app.relying_party.is_some();
    let known = app
        .commit(Lane::STRANGER, move |conn, now| {
            let Some(row) = identities::log_in(conn, now, &issuer, &subject)? else {
                return Ok(Outcome::without_events(None));
            };
            let opened = NewSession { id: session, device: &device, token_hash: &token_hash };
            let asked = log_in::open_or_ask(conn, now, row.id, &opened, &address, offered)?;
            Ok(Outcome::without_events(Some((row, asked))))
        })
        .await?;
    match known {
        Some((row, None)) => signed_in(&app, &request, &row, &token, body.refresh, true),
        Some((_, Some(step))) => Err(second_step(&app, step)),
        None => Ok(HttpResponse::Accepted().json(UnknownIdentity {
            challenge: challenge(&app, &person.subject),
            handle: person.handle,
            display_name: person.display_name,
        })),
    }
}

/// Registers a person who has logged in with the provider. The account has no password until one is set.
#[utoipa::path(
    tag = "accounts",
    request_body = CreateProviderAccount,
    responses((status = 201, body = SignedIn), (status = 202, body = PendingAccount))
)]
#[post("/accounts/provider")]
pub async fn create_provider_account(
    app: Shared,
    request: HttpRequest,
    body: Object<CreateProviderAccount>,
) -> Result<HttpResponse, ApiError> {
    admit(&app, &request, body.refresh)?;
    let body = body.0;
    let issuer = provider(&app)?.issuer.clone();
    let subject = challenged(&app, &body.challenge).ok_or_else(ran_out)?;
    identities::check_registration(&body)?;
    let invite = body.invite.as_deref().map(code_hash);
    let mode = app.config.registration;
    admission(mode, invite.as_deref())?;
    let device = client_device(&app, &request, body.device.as_deref())?;
    let creation = Creation::of(&app, &request, None)?;
    let (user, session) = (UserId(creation.id("account")), SessionId(creation.id("session")));
    let identity = IdentityId(creation.id("identity"));
    let token = app.tokens.first_from(session, creation.secret("refresh token"));
    let token_hash = token.hash();
    let account = CreateAccount {
        handle: body.handle,
        display_name: body.display_name,
        password: String::new(),
        device: None,
        invite: None,
        refresh: body.refresh,
    };
    let row = app
        .commit(Lane::Person(user), move |conn, now| {
            let made = creation.make(conn, now, |conn| {
                let admission = admission(mode, invite.as_deref())?;
                let row = accounts::register(conn, now, user, &account, "", admission)?;
                identities::add(conn, now, identity, user, &issuer, &subject)?;
                let opened = NewSession { id: session, device: &device, token_hash: &token_hash };
                log_in::open_first(conn, now, &row, &opened)
            })?;
            made_account(conn, now, made, user, (session, &token_hash))
        })
        .await?;
    match pending(&row) {
        Some(waiting) => Ok(HttpResponse::Accepted().json(waiting)),
        None => signed_in(&app, &request, &row, &token, body.refresh, true),
    }
}

/// Lists the caller's accounts with the provider.
#[utoipa::path(tag = "accounts", params(ListQuery), responses((status = 200, body = Page<Identity>)))]
#[get("/account/identities")]
pub async fn list_identities(
    app: Shared,
    viewer: Viewer,
    query: Query<ListQuery>,
) -> Result<Json<Page<Identity>>, ApiError> {
    let items = app.read(move |conn| identities::list(conn, viewer.user)).await?;
    page_of(items, &query, |identity| identity.id.0).map(Json)
}

/// Begins to add an account with the provider to the caller's account, given the password.
#[utoipa::path(
    tag = "accounts",
    request_body = BeginIdentity,
    responses((status = 200, body = ProviderLogIn))
)]
#[post("/account/identities/begin")]
pub async fn begin_identity(
    app: Shared,
    viewer: Viewer,
    request: HttpRequest,
    body: Object<BeginIdentity>,
) -> Result<HttpResponse, ApiError> {
    provider(&app)?;
    let body = body.0;
    check_cookies(&app, &request, body.refresh)?;
    confirm(&app, viewer, body.password).await?;
    begin(&app, Purpose::Add(viewer), body.refresh).await
}

/// Adds an account with the provider, in the session that began.
#[utoipa::path(
    tag = "accounts",
    request_body = CompleteIdentity,
    responses((status = 201, body = Identity))
)]
#[post("/account/identities")]
pub async fn create_identity(
    app: Shared,
    viewer: Viewer,
    request: HttpRequest,
    body: Object<CompleteIdentity>,
) -> Result<HttpResponse, ApiError> {
    let body = body.0;
    check_cookies(&app, &request, RefreshTransport::Body)?;
    let purpose = Purpose::Add(viewer);
    let person = come_back(&app, &request, purpose, body.binding, &body.state, body.code).await?;
    let (id, issuer) = (IdentityId(random::id()), provider(&app)?.issuer.clone());
    let added = app
        .commit(Lane::Person(viewer.user), move |conn, now| {
            identities::add(conn, now, id, viewer.user, &issuer, &person.subject)
        })
        .await?;
    Ok(HttpResponse::Created().json(added))
}

/// Removes one of the caller's accounts with the provider. The last one cannot be removed while there is no password.
#[utoipa::path(
    tag = "accounts",
    params(("identity" = IdentityId, Path)),
    request_body = ConfirmPassword,
    responses((status = 204))
)]
#[delete("/account/identities/{identity}")]
pub async fn delete_identity(
    app: Shared,
    viewer: Viewer,
    identity: Path<IdentityId>,
    body: Object<ConfirmPassword>,
) -> Result<HttpResponse, ApiError> {
    confirm(&app, viewer, body.0.password).await?;
    let id = identity.into_inner();
    app.commit(Lane::Person(viewer.user), move |conn, now| identities::remove(conn, now, viewer.user, id))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
