//! Requests to the API: tokens, token refresh, and failures as values.
//!
//! Invariant: at most one refresh is in flight, across all tabs of this browser: a refresh token works once, and using
//! it twice looks like theft. The access token is kept only in memory. All tabs share the cookie (or its replacement in
//! `tokens.rs`), so a refresh may return another account: its tokens are never adopted by a page that shows a different
//! one.

use std::future::Future;
use std::pin::Pin;

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, Shared};
use gloo_net::http::{Method, RequestBuilder, Response};
use leptos::prelude::*;
use parlour_protocol::Page;
use parlour_protocol::ids::UserId;
use parlour_protocol::problems::{ErrorCode, Problem};
use parlour_protocol::sessions::SignedIn;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;

use super::socket::locked;
use super::tokens::LOCK;
use crate::state::failure::Failure;
use crate::state::servers;

/// The result of a request.
pub(crate) type Answer<T> = Result<T, Failure>;

/// The body of a request.
pub(super) enum Body {
    None,
    Json(String),
    Raw(JsValue, String),
}

type Refreshing = Shared<Pin<Box<dyn Future<Output = Answer<SignedIn>>>>>;

#[derive(Default)]
struct Inner {
    token: Option<String>,
    /// The account the token belongs to.
    account: Option<UserId>,
    refreshing: Option<Refreshing>,
    /// The refresh token with its account, if it could not be stored anywhere else.
    unsaved: Option<String>,
}

/// The API client, shared by copy.
#[derive(Clone, Copy)]
pub(crate) struct Api {
    inner: StoredValue<Inner, LocalStorage>,
    /// The server's origin, if this page was not loaded from it.
    pub(super) server: RwSignal<Option<String>>,
    /// Incremented each time the session turns out to have ended.
    pub(crate) expired: RwSignal<u32>,
    /// Incremented when a refresh returned an account other than the displayed one.
    pub(crate) replaced: RwSignal<u32>,
    /// The latest sign-in or refresh.
    pub(crate) signed_in: RwSignal<Option<SignedIn>>,
}

impl Api {
    /// An API client without a session.
    pub(crate) fn new(server: RwSignal<Option<String>>) -> Self {
        Self {
            inner: StoredValue::new_local(Inner::default()),
            server,
            expired: RwSignal::new(0),
            replaced: RwSignal::new(0),
            signed_in: RwSignal::new(None),
        }
    }

    /// The access token, if the user is signed in.
    pub(crate) fn token(&self) -> Option<String> {
        self.inner.with_value(|inner| inner.token.clone())
    }

    /// Stores the tokens of a new session.
    pub(crate) fn adopt(&self, signed_in: &SignedIn) {
        self.inner.update_value(|inner| {
            inner.token = Some(signed_in.access_token.clone());
            inner.account = Some(signed_in.account.id);
        });
        self.signed_in.set(Some(signed_in.clone()));
    }

    /// Clears the session.
    pub(crate) fn forget(&self) {
        self.inner.update_value(|inner| *inner = Inner::default());
        self.signed_in.set(None);
    }

    /// The refresh token that could not be stored.
    pub(super) fn unsaved(&self) -> Option<String> {
        self.inner.with_value(|inner| inner.unsaved.clone())
    }

    /// Sets the refresh token that could not be stored.
    pub(super) fn note_unsaved(&self, unsaved: Option<String>) {
        self.inner.update_value(|inner| inner.unsaved = unsaved);
    }

    fn account(&self) -> Option<UserId> {
        self.inner.with_value(|inner| inner.account)
    }

    /// Exchanges the refresh token for new tokens. Concurrent callers share the answer. A signed-in user gets their own
    /// tokens or an error; if nobody is signed in, the answer is returned but not adopted.
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
            // The user signed out, or another one signed in, while the request was in flight.
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

    /// Sends a request as the signed-in user. If the account has changed when the answer arrives, this future never
    /// completes: a request is never repeated with another user's token, and no answer for one user reaches another's
    /// page.
    async fn send(self, method: Method, path: &str, body: Body) -> Answer<Response> {
        let (token, account) = (self.token(), self.account());
        let mut answer = self.once(method.clone(), path, &body, token.as_deref()).await;
        self.still(account).await;
        let expired = answer.as_ref().err().and_then(Failure::code);
        if account.is_some() && matches!(expired, Some(ErrorCode::TokenExpired | ErrorCode::Unauthenticated))
        {
            // Another request may have refreshed the token in the meantime.
            if self.token() == token {
                self.refresh().await?;
            }
            answer = self.once(method, path, &body, self.token().as_deref()).await;
            self.still(account).await;
        }
        answer
    }

    /// Sends a request once, with or without a token.
    pub(super) async fn once(
        self,
        method: Method,
        path: &str,
        body: &Body,
        token: Option<&str>,
    ) -> Answer<Response> {
        let address = self.server.with_untracked(|server| servers::api(server.as_deref(), path));
        let mut builder = RequestBuilder::new(&address).method(method);
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

    /// Sends a request as the signed-in user and reads the answer. Boxed: every call has its own type of answer, and this
    /// would be compiled once more for each of them.
    fn read(self, method: Method, path: &str, body: Body) -> LocalBoxFuture<'static, Answer<String>> {
        let path = path.to_owned();
        async move {
            let response = self.send(method, &path, body).await?;
            response.text().await.map_err(|_| Failure::Offline)
        }
        .boxed_local()
    }

    /// Sends a request as the signed-in user without reading the answer's content.
    fn perform(self, method: Method, path: &str, body: Body) -> LocalBoxFuture<'static, Answer<()>> {
        let path = path.to_owned();
        async move { self.send(method, &path, body).await.map(|_| ()) }.boxed_local()
    }

    /// Never completes if another account is signed in by now.
    async fn still(self, account: Option<UserId>) {
        if account.is_some() && self.account() != account {
            std::future::pending::<()>().await;
        }
    }

    /// GET, decoded from JSON.
    pub(crate) async fn get<T: DeserializeOwned>(self, path: &str) -> Answer<T> {
        parsed(&self.read(Method::GET, path, Body::None).await?)
    }

    /// GET for all pages of a list.
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

    /// Sends a JSON body and decodes the answer.
    pub(crate) async fn with_body<T: DeserializeOwned>(
        self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Answer<T> {
        parsed(&self.read(method, path, Body::Json(json(body))).await?)
    }

    /// Sends a request without a body and decodes the answer.
    pub(crate) async fn bare<T: DeserializeOwned>(self, method: Method, path: &str) -> Answer<T> {
        parsed(&self.read(method, path, Body::None).await?)
    }

    /// Sends a request without a body and ignores the answer's content.
    pub(crate) async fn done(self, method: Method, path: &str) -> Answer<()> {
        self.perform(method, path, Body::None).await
    }

    /// Sends a JSON body and ignores the answer's content.
    pub(crate) async fn done_with(self, method: Method, path: &str, body: &impl Serialize) -> Answer<()> {
        self.perform(method, path, Body::Json(json(body))).await
    }

    /// Sends a JSON body and returns the answer as text.
    pub(crate) async fn text_with(self, method: Method, path: &str, body: &impl Serialize) -> Answer<String> {
        self.read(method, path, Body::Json(json(body))).await
    }

    /// Uploads raw bytes with their media type.
    pub(crate) async fn upload<T: DeserializeOwned>(
        self,
        path: &str,
        body: JsValue,
        media: String,
    ) -> Answer<T> {
        parsed(&self.read(Method::PUT, path, Body::Raw(body, media)).await?)
    }
}

pub(super) fn json(body: &impl Serialize) -> String {
    serde_json::to_string(body).unwrap_or_default()
}

pub(super) async fn decode<T: DeserializeOwned>(response: Response) -> Answer<T> {
    let text = response.text().await.map_err(|_| Failure::Offline)?;
    parsed(&text)
}

fn parsed<T: DeserializeOwned>(text: &str) -> Answer<T> {
    serde_json::from_str(text).map_err(|_| Failure::strange())
}
