//! The OpenID Connect provider: its metadata, its log-in page, and the identity it asserts.
//!
//! Invariant: only a signed ID token counts, issued for this server and this very log-in (audience, nonce, PKCE).
//! Requests to the provider are bounded in time, size and number, follow no redirects, and never delay anybody who
//! does not log in with it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreIdToken, CoreIdTokenClaims, CoreIdTokenVerifier,
    CoreJwsSigningAlgorithm, CoreProviderMetadata,
};
use openidconnect::{
    AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl, Nonce, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, SignatureVerificationError, TokenResponse,
};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::{MINUTE, Timestamp};
use parlour_protocol::validation;
use tokio::sync::{Mutex, Semaphore};

use crate::config::ProviderSettings;
use crate::problems::ApiError;

/// Path of the redirect URI, below the server's address.
pub const CALLBACK: &str = "/log-in/callback";
/// Time limit for each request to the provider.
const PATIENCE: Duration = Duration::from_secs(10);
/// Maximum size of a response of the provider, in bytes.
const LONGEST: usize = 1024 * 1024;
/// Maximum age of the provider's metadata, in microseconds.
const FRESH: i64 = 60 * MINUTE;
/// Minimum interval between refetches triggered by an unknown key id, in microseconds.
const AGAIN: i64 = MINUTE / 2;
/// Maximum concurrent code exchanges.
const AT_ONCE: usize = 16;
/// Maximum length of a subject, as the standard sets it.
const SUBJECT: usize = 255;

/// Accepted signature algorithms; those with shared secrets are not.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 5] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// The library's client: the authorization endpoint is known, the token and userinfo endpoints may be.
type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Why a request to the provider failed.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("{0}")]
    Http(#[from] reqwest::Error),
    #[error("{0}")]
    Response(#[from] openidconnect::http::Error),
    #[error("the answer is too long")]
    TooLong,
}

/// A person, as the provider identifies them.
#[derive(Clone)]
pub struct Person {
    /// Permanent id of the person at the provider.
    pub subject: String,
    /// A suggested handle, if the provider's user name yields a valid one.
    pub handle: Option<String>,
    /// A suggested display name, if the provider's is valid.
    pub display_name: Option<String>,
}

struct Known {
    since: Timestamp,
    metadata: Arc<CoreProviderMetadata>,
}

/// Cached metadata of the provider, and its last failure.
#[derive(Default)]
struct Answers {
    known: Option<Known>,
    /// When fetching last failed.
    failed: Option<Instant>,
}

/// The secrets of one log-in. They are derived rather than stored, so any node can complete what another began.
pub struct Secrets {
    /// Ties the redirect to the browser.
    pub state: String,
    /// Ties the ID token to this log-in.
    pub nonce: String,
    /// Ties the code to this server (PKCE).
    pub verifier: String,
}

/// The provider's client; cached metadata is shared by all log-ins.
pub struct Provider {
    /// Issuer URL.
    pub issuer: String,
    /// Name shown on the log-in button.
    pub name: String,
    issuer_url: IssuerUrl,
    client_id: ClientId,
    client_secret: Option<ClientSecret>,
    redirect: RedirectUrl,
    http: reqwest::Client,
    answers: Mutex<Answers>,
    places: Semaphore,
}

impl Provider {
    /// Creates the client; the provider is first contacted when somebody logs in.
    pub fn new(settings: &ProviderSettings, public_url: &str) -> Result<Self, String> {
        let wrong = |error: openidconnect::url::ParseError| format!("PARLOUR_OIDC_ISSUER: {error}");
        let http = reqwest::Client::builder()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .https_only(settings.issuer.starts_with("https://"))
            .no_proxy()
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self {
            issuer: settings.issuer.clone(),
            name: settings.name.clone(),
            issuer_url: IssuerUrl::new(settings.issuer.clone()).map_err(wrong)?,
            client_id: ClientId::new(settings.client_id.clone()),
            client_secret: settings.client_secret.clone().map(|secret| ClientSecret::new(secret.0)),
            redirect: RedirectUrl::new(format!("{public_url}{CALLBACK}")).map_err(wrong)?,
            http,
            answers: Mutex::default(),
            places: Semaphore::new(AT_ONCE),
        })
    }

    /// The URL of the provider's page for a log-in.
    pub async fn authorization_url(&self, secrets: Secrets, now: Timestamp) -> Result<String, ApiError> {
        let client = self.client(&*self.metadata(FRESH, now).await?);
        let verifier = PkceCodeVerifier::new(secrets.verifier);
        let (url, ..) = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || CsrfToken::new(secrets.state),
                move || Nonce::new(secrets.nonce),
            )
            .add_scope(Scope::new("profile".to_owned()))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .url();
        Ok(url.to_string())
    }

    /// Exchanges a code for an ID token, verifies it, and returns who logged in.
    pub async fn redeem(&self, code: String, secrets: Secrets, now: Timestamp) -> Result<Person, ApiError> {
        let _place =
            self.places.try_acquire().map_err(|_| ApiError::retry_after(ErrorCode::Unavailable, 1000))?;
        let metadata = self.metadata(FRESH, now).await?;
        let ask = |request| self.ask(request);
        let tokens = self
            .client(&metadata)
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|error| failed(&error))?
            .set_pkce_verifier(PkceCodeVerifier::new(secrets.verifier))
            .request_async(&ask)
            .await
            .map_err(|error| match error {
                RequestTokenError::ServerResponse(_) => ran_out(),
                other => failed(&other),
            })?;
        let token = tokens.id_token().ok_or_else(|| failed(&"there is no ID token"))?;
        let nonce = Nonce::new(secrets.nonce);
        let claims = match self.verify(&metadata, token, &nonce, now) {
            // The provider may have rotated its keys.
            Err(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey,
            )) => {
                let metadata = self.metadata(AGAIN, now).await?;
                self.verify(&metadata, token, &nonce, now)
            }
            other => other,
        };
        person(&claims.map_err(|error| failed(&error))?)
    }

    fn client(&self, metadata: &CoreProviderMetadata) -> Client {
        let (id, secret) = (self.client_id.clone(), self.client_secret.clone());
        CoreClient::from_provider_metadata(metadata.clone(), id, secret)
            .set_redirect_uri(self.redirect.clone())
    }

    fn verify(
        &self,
        metadata: &CoreProviderMetadata,
        token: &CoreIdToken,
        nonce: &Nonce,
        now: Timestamp,
    ) -> Result<CoreIdTokenClaims, ClaimsVerificationError> {
        let now = chrono::DateTime::from_timestamp_micros(now.0).unwrap_or_default();
        // A public client's verifier: signatures made with the client's secret do not count.
        let verifier = CoreIdTokenVerifier::new_public_client(
            self.client_id.clone(),
            metadata.issuer().clone(),
            metadata.jwks().clone(),
        );
        let verifier = verifier.set_time_fn(move || now).set_allowed_algs(ALGORITHMS);
        token.claims(&verifier, nonce).cloned()
    }

    /// The provider's metadata and keys, at most `age` microseconds old.
    async fn metadata(&self, age: i64, now: Timestamp) -> Result<Arc<CoreProviderMetadata>, ApiError> {
        let came = Instant::now();
        let mut answers = self.answers.lock().await;
        if let Some(known) = answers.known.as_ref().filter(|one| (0..age).contains(&(now.0 - one.since.0))) {
            return Ok(known.metadata.clone());
        }
        // Waited for another caller's fetch, which failed: share that outcome rather than wait for another one.
        if answers.failed.is_some_and(|failed| came < failed) {
            return Err(ErrorCode::ProviderFailed.into());
        }
        let ask = |request| self.ask(request);
        match CoreProviderMetadata::discover_async(self.issuer_url.clone(), &ask).await {
            Ok(metadata) => {
                let metadata = Arc::new(metadata);
                answers.known = Some(Known { since: now, metadata: metadata.clone() });
                Ok(metadata)
            }
            Err(error) => {
                answers.failed = Some(Instant::now());
                Err(failed(&error))
            }
        }
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, Fault> {
        let mut response = self.http.execute(request.try_into()?).await?;
        let mut answer = openidconnect::http::Response::builder().status(response.status());
        for (name, value) in response.headers() {
            answer = answer.header(name, value);
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > LONGEST {
                return Err(Fault::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(answer.body(body)?)
    }
}

/// A log-in that the provider does not know, or no longer knows.
pub fn ran_out() -> ApiError {
    ApiError::because(ErrorCode::Unauthenticated, "This log-in has expired. Start again.")
}

fn failed(error: &dyn std::fmt::Display) -> ApiError {
    // Without its sources, which may quote what the provider sent.
    tracing::warn!(%error, "the log-in provider does not answer as it should");
    ErrorCode::ProviderFailed.into()
}

fn person(claims: &CoreIdTokenClaims) -> Result<Person, ApiError> {
    let subject = claims.subject().to_string();
    if subject.is_empty() || subject.len() > SUBJECT || subject.contains('\0') {
        return Err(failed(&"the subject is not acceptable"));
    }
    let handle = claims.preferred_username().map(|name| name.as_str()).and_then(handle_from);
    let display_name = claims
        .name()
        .and_then(|names| names.get(None).or_else(|| names.iter().next().map(|(_, name)| name)))
        .map(|name| name.as_str().trim().to_owned())
        .filter(|name| validation::display_name(name).is_ok());
    Ok(Person { subject, handle, display_name })
}

/// A valid handle that resembles the text, if there is one.
fn handle_from(text: &str) -> Option<String> {
    let text = text.split('@').next().unwrap_or_default();
    let handle: String = text
        .chars()
        .map(|one| if one.is_ascii_alphanumeric() { one } else { '_' })
        .skip_while(|one| !one.is_ascii_alphabetic())
        .take(24)
        .collect();
    validation::handle(&handle).is_ok().then_some(handle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_suggested_where_one_can_be_made() {
        for (text, expected) in [
            ("ada", Some("ada")),
            ("ada.lovelace@example.org", Some("ada_lovelace")),
            ("42ada", Some("ada")),
            ("Ada Lovelace", Some("Ada_Lovelace")),
            ("x", None),
            ("Ω≈ç", None),
            ("", None),
        ] {
            assert_eq!(handle_from(text).as_deref(), expected, "{text}");
        }
    }
}
