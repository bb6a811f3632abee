//! REST transport: how a [`Call`] is sent and with which tokens. The operations themselves are in
//! [`methods`](super::methods).
//!
//! Invariant: a refusal is [`ApiError::Problem`] and final; [`ApiError::Transport`] says nothing about whether the
//! request had an effect.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use parlour_protocol::Page;
use parlour_protocol::problems::{ErrorCode, Problem};
use parlour_protocol::sessions::{RefreshSession, SignedIn};
use reqwest::{RequestBuilder, Response, Url, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::fraction;
use crate::engine::Backoff;
use crate::operations::{Answer, Body, Call, Method, Paged, calls};

/// Request timeout; the server's own is shorter.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a [`persistent`](Api::persistent) client repeats a request.
const REPEATS: u32 = 4;
/// If the server asks for a longer wait than this, its refusal is passed to the caller.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Why a call returned no result.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The server refused the request.
    #[error(transparent)]
    Problem(Box<Problem>),
    /// The request or its answer was lost, or this library cannot parse the answer.
    #[error("no usable answer: {0}")]
    Transport(String),
}

impl ApiError {
    /// The stable error code, if the server refused; [`ErrorCode::Unknown`] if it is newer than this library.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Problem(problem) => Some(problem.code),
            Self::Transport(_) => None,
        }
    }

    /// The code as the server wrote it, even if it is newer than this library.
    pub fn code_text(&self) -> Option<&str> {
        match self {
            Self::Problem(problem) => Some(problem.code_text()),
            Self::Transport(_) => None,
        }
    }

    /// Whether the same request may succeed a little later; the inner value is the minimum wait, if the server gave
    /// one.
    fn passes(&self) -> Option<Option<Duration>> {
        match self {
            Self::Transport(_) => Some(None),
            Self::Problem(problem) => matches!(problem.code, ErrorCode::Unavailable | ErrorCode::RateLimited)
                .then(|| problem.retry_after_ms.map(Duration::from_millis)),
        }
    }
}

impl From<reqwest::Error> for ApiError {
    fn from(error: reqwest::Error) -> Self {
        // `reqwest`'s own text names only the address; the reason is in the chain of causes.
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(deeper) = cause {
            text = format!("{text}: {deeper}");
            cause = deeper.source();
        }
        Self::Transport(text)
    }
}

/// The tokens of the logged-in user.
#[derive(Default)]
struct Tokens {
    access: Option<String>,
    refresh: Option<String>,
}

/// The log-in that all clones of a client share.
#[derive(Default)]
struct Login {
    tokens: Mutex<Tokens>,
    /// Held while tokens are renewed, because a refresh token works only once.
    renewing: tokio::sync::Mutex<()>,
}

/// The part of an answer that opens a session.
#[derive(Deserialize)]
struct NewTokens {
    access_token: String,
    refresh_token: Option<String>,
}

/// The REST API of one server, logged in or anonymous. Clones share their tokens.
#[derive(Clone)]
pub struct Api {
    http: reqwest::Client,
    base: Url,
    login: Arc<Login>,
    persistent: bool,
}

impl Api {
    /// A client of the server at an address such as `https://chat.example.org`, not logged in.
    pub fn new(base: &str) -> Result<Self, ApiError> {
        Self::with(base, None)
    }

    /// Like [`Self::new`], from one of this machine's own addresses.
    pub fn from_local(base: &str, address: IpAddr) -> Result<Self, ApiError> {
        Self::with(base, Some(address))
    }

    fn with(base: &str, from: Option<IpAddr>) -> Result<Self, ApiError> {
        let base = Url::parse(base).map_err(|error| ApiError::Transport(format!("{base}: {error}")))?;
        if base.cannot_be_a_base() || !matches!(base.scheme(), "http" | "https") {
            return Err(ApiError::Transport(format!("{base} is no address of a server")));
        }
        let http = reqwest::Client::builder().timeout(PATIENCE).local_address(from);
        #[cfg(feature = "tls")]
        let http = http.tls_backend_preconfigured(super::tls::connector().map_err(ApiError::Transport)?);
        Ok(Self { http: http.build()?, base, login: Arc::default(), persistent: false })
    }

    /// The same user on another node. Tokens are shared, connections are not.
    pub fn at(&self, base: &str) -> Result<Self, ApiError> {
        Ok(Self { login: self.login.clone(), persistent: self.persistent, ..Self::new(base)? })
    }

    /// From now on, an expired access token is renewed, and idempotent calls (see [`Call::may_repeat`]) are repeated a
    /// few times if the answer was lost or the server is busy.
    pub fn persistent(self) -> Self {
        Self { persistent: true, ..self }
    }

    /// The server's address.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// The access token, when logged in.
    pub fn access_token(&self) -> Option<String> {
        self.tokens(|tokens| tokens.access.clone())
    }

    /// The refresh token, when logged in.
    pub fn refresh_token(&self) -> Option<String> {
        self.tokens(|tokens| tokens.refresh.clone())
    }

    /// Replaces the tokens, or clears them. A personal access token or a bot's token has no refresh token.
    pub fn set_tokens(&self, access: Option<String>, refresh: Option<String>) {
        self.tokens(|tokens| *tokens = Tokens { access, refresh });
    }

    fn tokens<T>(&self, with: impl FnOnce(&mut Tokens) -> T) -> T {
        with(&mut self.login.tokens.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Exchanges the refresh token for new tokens.
    pub async fn refresh(&self) -> Result<SignedIn, ApiError> {
        let _alone = self.login.renewing.lock().await;
        self.trade().await
    }

    /// Like [`Self::refresh`], unless the access token is no longer `stale` because another task renewed it.
    pub async fn renew(&self, stale: Option<&str>) -> Result<(), ApiError> {
        let _alone = self.login.renewing.lock().await;
        if self.access_token().as_deref() == stale {
            self.trade().await?;
        }
        Ok(())
    }

    async fn trade(&self) -> Result<SignedIn, ApiError> {
        let call = calls::refresh_session(&RefreshSession { refresh_token: self.refresh_token() });
        let response = Self::accepted(self.prepare(&call, None)).await?;
        self.read(&call, response).await
    }

    /// A request with the access token, for addresses that are not operations.
    pub fn request(&self, method: reqwest::Method, url: Url) -> RequestBuilder {
        Self::authorized(self.http.request(method, url), self.access_token().as_deref())
    }

    fn authorized(request: RequestBuilder, token: Option<&str>) -> RequestBuilder {
        match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Runs an operation. The methods named after operations call this.
    pub async fn run<T: Answer>(&self, call: Call<T>) -> Result<T, ApiError> {
        let response = self.send(&call).await?;
        self.read(&call, response).await
    }

    /// Fetches all pages of a list: `api.every(calls::list_friends)`.
    pub async fn every<Q: Paged, T: DeserializeOwned>(
        &self,
        page: impl Fn(&Q) -> Call<Page<T>>,
    ) -> Result<Page<T>, ApiError> {
        let mut all = self.run(page(&Q::default())).await?;
        while let Some(after) = all.next.take() {
            let next = self.run(page(&Q::after(after))).await?;
            all.items.extend(next.items);
            all.next = next.next;
        }
        Ok(all)
    }

    /// Sends a call until the answer is a success or a final refusal.
    pub(super) async fn send<T>(&self, call: &Call<T>) -> Result<Response, ApiError> {
        let (mut renewed, mut backoff) = (false, Backoff::default());
        loop {
            let token = self.access_token().filter(|_| !call.is_open());
            let outcome = Self::accepted(self.prepare(call, token.as_deref())).await;
            let Err(error) = &outcome else { return outcome };
            if !self.persistent {
                return outcome;
            }
            if error.code() == Some(ErrorCode::TokenExpired) && !renewed && self.refresh_token().is_some() {
                renewed = true;
                self.renew(token.as_deref()).await?;
                continue;
            }
            let Some(at_least) = error.passes().filter(|_| call.may_repeat()) else {
                return outcome;
            };
            let jitter = Duration::from_millis(backoff.failed(fraction()));
            let wait = at_least.unwrap_or_default() + jitter;
            if backoff.failures() > REPEATS || wait > LONGEST_WAIT {
                return outcome;
            }
            tokio::time::sleep(wait).await;
        }
    }

    fn prepare<T>(&self, call: &Call<T>, token: Option<&str>) -> RequestBuilder {
        let method = match call.method() {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
            Method::Delete => reqwest::Method::DELETE,
        };
        let (path, query) = match call.target().split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (call.target(), None),
        };
        let mut url = self.base.clone();
        url.set_path(path);
        url.set_query(query);
        let mut request = Self::authorized(self.http.request(method, url), token);
        if let Some(key) = call.key() {
            request = request.header("idempotency-key", key);
        }
        match call.body() {
            Body::None => request,
            Body::Json(text) => request.header(header::CONTENT_TYPE, "application/json").body(text.clone()),
            Body::Bytes { media_type, bytes } => {
                request.header(header::CONTENT_TYPE, media_type).body(bytes.clone())
            }
        }
    }

    /// Returns the response if its status is a success, otherwise the error.
    async fn accepted(request: RequestBuilder) -> Result<Response, ApiError> {
        let response = request.send().await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse::<u64>().ok())
            .and_then(|seconds| seconds.checked_mul(1000));
        let text = response.text().await?;
        // A proxy in front may send something other than a problem document.
        let problem = serde_json::from_str::<Problem>(&text).map_err(|_| {
            ApiError::Transport(format!("status {status}: {}", text.chars().take(200).collect::<String>()))
        })?;
        Err(ApiError::Problem(Box::new(Problem {
            retry_after_ms: problem.retry_after_ms.or(retry_after),
            ..problem
        })))
    }

    /// Reads the answer to a call. If it opens a session, its tokens are stored.
    async fn read<T: Answer>(&self, call: &Call<T>, response: Response) -> Result<T, ApiError> {
        let media_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.and_then(|text| text.split(';').next()).unwrap_or_default().to_owned();
        let body = response.bytes().await?;
        let answer = T::read(&media_type, &body).map_err(ApiError::Transport)?;
        // No other call that works without a token returns one.
        if call.is_open()
            && let Ok(new) = serde_json::from_slice::<NewTokens>(&body)
        {
            self.set_tokens(Some(new.access_token), new.refresh_token);
        }
        Ok(answer)
    }
}
