//! Requests to the API: tokens, refreshing them, and failures as values.
//!
//! Invariant: at most one refresh is on its way, in all tabs of this browser: a refresh token works once,
//! and using it twice looks like theft. The access token lives in memory alone. All tabs share the cookie (or what
//! `tokens.rs` keeps in its place), so a refresh may answer with somebody else: their tokens are never taken by a page that
//! shows another account.

use std::future::Future;
use std::pin::Pin;

use futures_util::FutureExt;
use futures_util::future::Shared;
use gloo_net::http::{Method, RequestBuilder, Response};
use leptos::prelude::*;
use parlour_protocol::Page;
use parlour_protocol::ids::UserId;
use parlour_protocol::problems::{ErrorCode, Problem};
use parlour_protocol::second_factors::FactorMethod;
use parlour_protocol::sessions::SignedIn;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;

use super::socket::locked;
use super::tokens::LOCK;
use crate::browser;
use crate::texts::common;

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The server could not be reached.
    Offline,
    /// The server said no.
    Problem(Box<Problem>),
    /// Somebody else is signed in in this browser now, or nobody any more.
    SomebodyElse,
}

impl Failure {
    /// The server's stable code, if it answered.
    pub(crate) fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Problem(problem) => Some(problem.code),
            Self::Offline | Self::SomebodyElse => None,
        }
    }

    /// What happened, as a sentence.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Offline => common::cannot_reach_server_try_again().to_owned(),
            Self::Problem(problem) => problem.detail.clone().unwrap_or_else(|| problem.title.clone()),
            Self::SomebodyElse => common::someone_else_signed_in().to_owned(),
        }
    }

    /// What to name when asking for help.
    pub(crate) fn request_id(&self) -> Option<String> {
        match self {
            Self::Problem(problem) if !problem.request_id.is_empty() => Some(problem.request_id.clone()),
            _ => None,
        }
    }

    /// What completes a log-in, where a second factor is asked for.
    pub(crate) fn challenge(&self) -> Option<String> {
        match self {
            Self::Problem(problem) => problem.challenge.clone(),
            Self::Offline | Self::SomebodyElse => None,
        }
    }

    /// Whether a passkey completes a log-in, where a second factor is asked for.
    pub(crate) fn takes_passkey(&self) -> bool {
        match self {
            Self::Problem(problem) => problem.methods.contains(&FactorMethod::Passkey),
            Self::Offline | Self::SomebodyElse => false,
        }
    }

    /// Whether there is no session (any more), as opposed to no answer.
    pub(crate) fn ends_session(&self) -> bool {
        matches!(self, Self::Problem(problem) if matches!(problem.status, 401 | 403))
    }

    /// What is wrong with one field.
    pub(crate) fn violation(&self, field: &str) -> Option<String> {
        match self {
            Self::Problem(problem) => {
                problem.violations.iter().find(|one| one.field == field).map(|one| one.message.clone())
            }
            Self::Offline | Self::SomebodyElse => None,
        }
    }

    fn strange() -> Self {
        let detail = Some(common::unexpected_answer().to_owned());
        Self::Problem(Box::new(Problem { detail, ..Problem::new(ErrorCode::Internal) }))
    }
}

/// An answer, or why there is none.
pub(crate) type Answer<T> = Result<T, Failure>;

/// What a request carries.
pub(super) enum Body {
    None,
    Json(String),
    Raw(JsValue, String),
}

type Refreshing = Shared<Pin<Box<dyn Future<Output = Answer<SignedIn>>>>>;

#[derive(Default)]
struct Inner {
    token: Option<String>,
    /// Whose token it is.
    account: Option<UserId>,
    refreshing: Option<Refreshing>,
    /// The refresh token with its account, where it could be kept nowhere else.
    unsaved: Option<String>,
}

/// The API of the server.
#[derive(Clone, Copy)]
pub(crate) struct Api {
    inner: StoredValue<Inner, LocalStorage>,
    /// Where the server is, if this page did not come from it.
    pub(crate) server: RwSignal<Option<String>>,
    /// Counts the times at which the session turned out to be over.
    pub(crate) expired: RwSignal<u32>,
    /// Changes when a refresh answered with another account than the one that is shown.
    pub(crate) replaced: RwSignal<u32>,
    /// The latest sign-in or refresh.
    pub(crate) signed_in: RwSignal<Option<SignedIn>>,
}

impl Api {
    /// An API without a session.
    pub(crate) fn new() -> Self {
        Self {
            inner: StoredValue::new_local(Inner::default()),
            server: RwSignal::new(None),
            expired: RwSignal::new(0),
            replaced: RwSignal::new(0),
            signed_in: RwSignal::new(None),
        }
    }

    /// The origin of the server: what the addresses of its pages begin with.
    pub(crate) fn origin(&self) -> String {
        self.server.get_untracked().unwrap_or_else(browser::origin)
    }

    /// The address of a path of the API.
    pub(crate) fn address(&self, path: &str) -> String {
        self.server.with_untracked(|server| format!("{}/api/v1{path}", server.as_deref().unwrap_or_default()))
    }

    /// The access token, if somebody is signed in.
    pub(crate) fn token(&self) -> Option<String> {
        self.inner.with_value(|inner| inner.token.clone())
    }

    /// Takes the tokens of a new session.
    pub(crate) fn adopt(&self, signed_in: &SignedIn) {
        self.inner.update_value(|inner| {
            inner.token = Some(signed_in.access_token.clone());
            inner.account = Some(signed_in.account.id);
        });
        self.signed_in.set(Some(signed_in.clone()));
    }

    /// Forgets the session.
    pub(crate) fn forget(&self) {
        self.inner.update_value(|inner| *inner = Inner::default());
        self.signed_in.set(None);
    }

    /// What could not be kept of the session.
    pub(super) fn unsaved(&self) -> Option<String> {
        self.inner.with_value(|inner| inner.unsaved.clone())
    }

    /// Notes what could not be kept of the session.
    pub(super) fn note_unsaved(&self, unsaved: Option<String>) {
        self.inner.update_value(|inner| inner.unsaved = unsaved);
    }

    fn account(&self) -> Option<UserId> {
        self.inner.with_value(|inner| inner.account)
    }

    /// Trades the refresh token for new tokens. Callers that come meanwhile share the answer. A person who is signed in already
    /// gets their own tokens or none; without anybody, the answer says who it would be and is not taken.
    pub(crate) async fn refresh(self) -> Answer<SignedIn> {
        let running = self.inner.with_value(|inner| inner.refreshing.clone());
        let shared = match running {
            Some(shared) => shared,
            None => {
                let future: Pin<Box<dyn Future<Output = Answer<SignedIn>>>> =
                    Box::pin(locked(LOCK, self.trade()));
                let shared = future.shared();
                self.inner.update_value(|inner| inner.refreshing = Some(shared.clone()));
                shared
            }
        };
        let before = self.account();
        let answer = shared.await;
        self.inner.update_value(|inner| inner.refreshing = None);
        let Some(me) = before else { return answer };
        if self.account() != Some(me) {
            // They left, or somebody else signed in, while the answer was on its way.
            return Err(Failure::SomebodyElse);
        }
        match &answer {
            Ok(signed_in) if signed_in.account.id != me => {
                self.replaced.update(|count| *count += 1);
                return Err(Failure::SomebodyElse);
            }
            Ok(signed_in) => self.adopt(signed_in),
            Err(failure) if failure.ends_session() => self.expired.update(|count| *count += 1),
            Err(_) => {}
        }
        answer
    }

    /// Sends a request as the person who is signed in. One who has left by the time of the answer gets none: nothing is
    /// repeated with somebody else's token, and nothing that concerns the one before reaches the next one's page.
    async fn send(self, method: Method, path: &str, body: Body) -> Answer<Response> {
        let (token, account) = (self.token(), self.account());
        let mut answer = self.once(method.clone(), path, &body, token.as_deref()).await;
        self.still(account).await;
        let expired = answer.as_ref().err().and_then(Failure::code);
        if account.is_some() && matches!(expired, Some(ErrorCode::TokenExpired | ErrorCode::Unauthenticated))
        {
            // Somebody else may have refreshed it while this request was on its way.
            if self.token() == token {
                self.refresh().await?;
            }
            answer = self.once(method, path, &body, self.token().as_deref()).await;
            self.still(account).await;
        }
        answer
    }

    /// Sends a request with a token or without one.
    pub(super) async fn once(
        self,
        method: Method,
        path: &str,
        body: &Body,
        token: Option<&str>,
    ) -> Answer<Response> {
        let mut builder = RequestBuilder::new(&self.address(path)).method(method);
        if let Some(token) = token {
            builder = builder.header("Authorization", &format!("Bearer {token}"));
        }
        let request = match body {
            Body::None => builder.build(),
            Body::Json(text) => builder.header("Content-Type", "application/json").body(text.as_str()),
            Body::Raw(bytes, media) => builder.header("Content-Type", media).body(bytes.clone()),
        };
        let response = request.map_err(|_| Failure::strange())?.send().await.map_err(|_| Failure::Offline)?;
        if response.ok() {
            return Ok(response);
        }
        let text = response.text().await.map_err(|_| Failure::Offline)?;
        match serde_json::from_str::<Problem>(&text) {
            Ok(problem) => Err(Failure::Problem(Box::new(problem))),
            // A proxy answered in the server's place.
            Err(_) if matches!(response.status(), 502..=504) => Err(Failure::Offline),
            Err(_) => Err(Failure::strange()),
        }
    }

    /// Goes on only while the same account is signed in.
    async fn still(self, account: Option<UserId>) {
        if account.is_some() && self.account() != account {
            std::future::pending::<()>().await;
        }
    }

    /// Reads something.
    pub(crate) async fn get<T: DeserializeOwned>(self, path: &str) -> Answer<T> {
        decode(self.send(Method::GET, path, Body::None).await?).await
    }

    /// Reads all pages of a list.
    pub(crate) async fn get_every<T: DeserializeOwned>(self, path: &str) -> Answer<Page<T>> {
        let mut all: Page<T> = self.get(path).await?;
        let and = if path.contains('?') { '&' } else { '?' };
        while let Some(after) = all.next.take() {
            let page: Page<T> = self.get(&format!("{path}{and}after={after}")).await?;
            all.items.extend(page.items);
            all.next = page.next;
        }
        Ok(all)
    }

    /// Does something with a JSON body and reads the answer.
    pub(crate) async fn with_body<T: DeserializeOwned>(
        self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Answer<T> {
        decode(self.send(method, path, Body::Json(json(body))).await?).await
    }

    /// Does something without a body and reads the answer.
    pub(crate) async fn bare<T: DeserializeOwned>(self, method: Method, path: &str) -> Answer<T> {
        decode(self.send(method, path, Body::None).await?).await
    }

    /// Does something that has no answer.
    pub(crate) async fn done(self, method: Method, path: &str) -> Answer<()> {
        self.send(method, path, Body::None).await.map(|_| ())
    }

    /// Does something with a JSON body that has no answer.
    pub(crate) async fn done_with(self, method: Method, path: &str, body: &impl Serialize) -> Answer<()> {
        self.send(method, path, Body::Json(json(body))).await.map(|_| ())
    }

    /// Does something with a JSON body and reads the answer as text.
    pub(crate) async fn text_with(self, method: Method, path: &str, body: &impl Serialize) -> Answer<String> {
        let response = self.send(method, path, Body::Json(json(body))).await?;
        response.text().await.map_err(|_| Failure::Offline)
    }

    /// Sends bytes as they are.
    pub(crate) async fn upload<T: DeserializeOwned>(
        self,
        path: &str,
        body: JsValue,
        media: String,
    ) -> Answer<T> {
        decode(self.send(Method::PUT, path, Body::Raw(body, media)).await?).await
    }
}

pub(super) fn json(body: &impl Serialize) -> String {
    serde_json::to_string(body).unwrap_or_default()
}

pub(super) async fn decode<T: DeserializeOwned>(response: Response) -> Answer<T> {
    let text = response.text().await.map_err(|_| Failure::Offline)?;
    serde_json::from_str(&text).map_err(|_| Failure::strange())
}
