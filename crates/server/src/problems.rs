//! Errors as clients see them: problem documents over HTTP, error frames on the socket.
//!
//! Invariant: the cause of an internal error goes to the log with the request's id, never to the client.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use parlour_chat::Refusal;
use parlour_protocol::problems::{ErrorCode, Problem};
use parlour_protocol::socket::{EffectOutcome, ErrorFrame};
use parlour_storage::StorageError;

use crate::middleware::written_headers;
use crate::random;

/// An error to be sent to the client.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{problem}")]
pub struct ApiError {
    /// What the client is told.
    pub problem: Box<Problem>,
    /// Cause for the log, never sent to the client.
    pub cause: Option<String>,
    /// Whether the request may have had an effect.
    pub outcome: EffectOutcome,
}

impl ApiError {
    /// An error with its own detail text.
    pub fn because(code: ErrorCode, detail: impl Into<String>) -> Self {
        let mut error = Self::from(code);
        error.problem.detail = Some(detail.into());
        error
    }

    /// An error that tells the client to retry after this many milliseconds.
    pub fn retry_after(code: ErrorCode, millis: u64) -> Self {
        let mut error = Self::from(code);
        error.problem.retry_after_ms = Some(millis);
        error
    }

    /// The server is overloaded: retry after this many milliseconds.
    pub fn busy(millis: u64) -> Self {
        Self::retry_after(ErrorCode::Unavailable, millis)
    }

    /// Rate limit exceeded: retry after this many milliseconds.
    pub fn too_fast(millis: u64) -> Self {
        Self::retry_after(ErrorCode::RateLimited, millis)
    }

    /// A fault of this program; the cause is only logged.
    pub fn fault(cause: impl Into<String>) -> Self {
        Self { cause: Some(cause.into()), ..Self::from(ErrorCode::Internal) }
    }

    /// Turns the error into a 403 if only the password or code that had to be confirmed was wrong, in a valid
    /// session: a 401 is about the session alone, and clients react to it with a refresh.
    pub fn within_a_session(mut self) -> Self {
        if self.is_of_confirmation() {
            self.problem.status = 403;
        }
        self
    }

    /// Whether it is about a password or code that confirms something, rather than about permissions.
    pub fn is_of_confirmation(&self) -> bool {
        matches!(self.problem.code, ErrorCode::BadCredentials | ErrorCode::LogInAgain)
    }

    /// The error code.
    pub fn code(&self) -> ErrorCode {
        self.problem.code
    }

    /// The error as a socket frame, for the command with this id.
    pub fn frame(&self, id: Option<u64>) -> ErrorFrame {
        let code = self.problem.code;
        let detail = self.problem.violations.first().map(|one| format!("{}: {}", one.field, one.message));
        ErrorFrame {
            id,
            code,
            detail: detail.or_else(|| self.problem.detail.clone()),
            retry: matches!(code, ErrorCode::RateLimited | ErrorCode::Unavailable | ErrorCode::Internal),
            retry_after_ms: self.problem.retry_after_ms,
            outcome: self.outcome,
        }
    }

    /// The HTTP response, with the request's id. Logs the cause.
    pub fn answer(&self, request_id: &str) -> HttpResponse {
        if let Some(cause) = &self.cause {
            tracing::error!(request_id, code = %self.problem.code, cause, "request failed");
        }
        let mut problem = (*self.problem).clone();
        request_id.clone_into(&mut problem.request_id);
        let mut response = HttpResponse::build(self.status_code());
        if let Some(millis) = problem.retry_after_ms {
            response.insert_header((RETRY_AFTER, millis.div_ceil(1000).to_string()));
        }
        if problem.code == ErrorCode::Unauthenticated || problem.code == ErrorCode::TokenExpired {
            response.insert_header((WWW_AUTHENTICATE, "Bearer"));
        }
        if problem.code == ErrorCode::InsufficientScope {
            response.insert_header((WWW_AUTHENTICATE, "Bearer error=\"insufficient_scope\""));
        }
        let mut response = response.json(problem);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}

/// A response written by hand, where there is no handler: status line, headers, problem document.
pub fn written(error: &ApiError, secure: bool) -> Vec<u8> {
    let mut problem = (*error.problem).clone();
    problem.request_id = random::request_id();
    let retry = problem.retry_after_ms.map(|millis| format!("retry-after: {}\r\n", millis.div_ceil(1000)));
    let body = serde_json::to_string(&problem).unwrap_or_default();
    let reason = error.status_code().canonical_reason().unwrap_or_default();
    format!(
        "HTTP/1.1 {} {reason}\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\n\
         x-request-id: {}\r\ncache-control: no-store\r\n{}{}connection: close\r\n\r\n{body}",
        problem.status,
        body.len(),
        problem.request_id,
        written_headers(secure),
        retry.unwrap_or_default(),
    )
    .into_bytes()
}

/// The response to a request that the HTTP dispatcher itself rejects with this status.
pub fn of_the_dispatcher(status: u16) -> Vec<u8> {
    let code = match status {
        408 => ErrorCode::RequestTimeout,
        413 | 431 => ErrorCode::TooLarge,
        400..=499 => ErrorCode::Malformed,
        _ => ErrorCode::Internal,
    };
    let mut error = ApiError::from(code);
    error.problem.status = status;
    // `secure` is not known here; browsers never send such a request anyway.
    written(&error, false)
}

/// The replacement for an error response that the HTTP dispatcher writes itself, which lacks the headers of every
/// response. `None` if `bytes` do not start one.
pub fn in_place_of(bytes: &[u8]) -> Option<Vec<u8>> {
    let status = std::str::from_utf8(bytes.strip_prefix(b"HTTP/1.1 ")?.get(..3)?).ok()?.parse().ok()?;
    (400..600).contains(&status).then(|| of_the_dispatcher(status))
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        self.answer(&self.problem.request_id)
    }
}

impl From<ErrorCode> for ApiError {
    fn from(code: ErrorCode) -> Self {
        Self { problem: Box::new(Problem::new(code)), cause: None, outcome: EffectOutcome::None }
    }
}

impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Unavailable | StorageError::Interrupted => {
                Self::retry_after(ErrorCode::Unavailable, 1000)
            }
            StorageError::OutcomeUnknown => {
                Self { outcome: EffectOutcome::Unknown, ..Self::retry_after(ErrorCode::Unavailable, 1000) }
            }
            StorageError::Unique(_) => Self::from(ErrorCode::Conflict),
            StorageError::Fault(cause) => Self::fault(cause),
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Rule { code, detail } => {
                let mut error = Self::from(code);
                error.problem.detail = detail;
                error
            }
            Refusal::Invalid(violations) => {
                let mut error = Self::from(ErrorCode::Invalid);
                error.problem.violations = violations;
                error
            }
            Refusal::TooOften { wait_ms } => Self::too_fast(wait_ms),
            Refusal::Storage(error) => error.into(),
        }
    }
}
