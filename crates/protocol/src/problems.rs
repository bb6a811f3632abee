//! How the API says no: RFC 9457 problem documents whose `code` is stable, for programs, and whose `detail` is
//! for people. Socket error frames carry the same codes.
//!
//! Invariant: a problem never tells whether something that the caller may not see exists.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::second_factors::FactorMethod;

// `$text` and `$doc` are `tt`, not `literal`: the derive of the OpenAPI schema cannot look into a `literal`.
macro_rules! codes {
    ($($(#[doc = $doc:tt])* $name:ident = $text:tt, $status:literal, $title:literal;)*) => {
        /// Stable, machine-readable reason of a refusal.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum ErrorCode {
            $($(#[doc = $doc])* #[serde(rename = $text)] $name,)*
            /// A code that this version of the library does not know.
            #[serde(other, rename = "unknown")]
            Unknown,
        }

        impl ErrorCode {
            /// Every code that a server sends.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code as written on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* Self::Unknown => "unknown" }
            }

            /// HTTP status that goes with the code.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* Self::Unknown => 500 }
            }

            /// When a server refuses with this code, and what a client does then.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*).trim_ascii(),)* Self::Unknown => "" }
            }

            /// Short sentence for people, the same for every occurrence.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* Self::Unknown => "Something went wrong." }
            }
        }
    };
}

codes! {
    /// The request is not well-formed: not JSON, a wrong type, an unknown field, a bad parameter.
    Malformed = "malformed", 400, "The request couldn't be understood.";
    /// A field breaks its rule; `violations` says which.
    Invalid = "invalid", 422, "Some of the values aren't valid.";
    /// The `Idempotency-Key` was sent before, with another request.
    IdempotencyKeyReused = "idempotency_key_reused", 422, "This key belongs to another request.";
    /// No valid access token.
    Unauthenticated = "unauthenticated", 401, "Log in first.";
    /// The access token was right once, and has expired.
    TokenExpired = "token_expired", 401, "The access token has expired.";
    /// Handle and password do not belong together.
    BadCredentials = "bad_credentials", 401, "Wrong username or password.";
    /// The password was right, and a second factor is needed; `challenge` goes on to `POST /sessions/second-factor`.
    SecondFactorRequired = "second_factor_required", 401, "Enter your two-factor code.";
    /// The account has no password, and this needs a log-in of the last ten minutes.
    LogInAgain = "log_in_again", 401, "Log in again, then try once more.";
    /// No provider of OpenID Connect is set up.
    ProviderOff = "provider_off", 404, "This server has no other way to log in.";
    /// The provider of OpenID Connect does not answer, or not as it should.
    ProviderFailed = "provider_failed", 502, "The log-in provider isn't responding.";
    /// The caller is known, and may not do this.
    Forbidden = "forbidden", 403, "You don't have permission to do this.";
    /// The token may not do this: it lacks a scope, or is limited to other conversations, or no token may.
    InsufficientScope = "insufficient_scope", 403, "This token doesn't allow that.";
    /// Writing to this direct chat needs a friendship that does not exist (any more).
    NotFriends = "not_friends", 403, "You can only message friends.";
    /// This needs membership in the room.
    NotMember = "not_member", 403, "Join the room first.";
    /// There is nothing here that the caller may see.
    NotFound = "not_found", 404, "Not found.";
    /// The operation exists, not with this method.
    MethodNotAllowed = "method_not_allowed", 405, "This method isn't supported here.";
    /// The request did not come to its end in time.
    RequestTimeout = "request_timeout", 408, "The request took too long to arrive.";
    /// The present state does not allow it, or a client id was used with another content.
    Conflict = "conflict", 409, "This can't be done right now.";
    /// The handle or name belongs to somebody else.
    Taken = "taken", 409, "This name is taken.";
    /// The thing was there and has been deleted.
    Gone = "gone", 410, "This has been deleted.";
    /// The body or frame is larger than its limit.
    TooLarge = "too_large", 413, "This is too large.";
    /// The content type or picture format is not supported.
    UnsupportedMedia = "unsupported_media", 415, "This format isn't supported.";
    /// A limit on amounts was reached (rooms, friends, sockets).
    LimitReached = "limit_reached", 409, "You've reached a limit.";
    /// Too many requests; `Retry-After` says when to come back.
    RateLimited = "rate_limited", 429, "You're going too fast. Try again in a moment.";
    /// This server doesn't accept new accounts.
    RegistrationClosed = "registration_closed", 403, "This server doesn't accept new accounts.";
    /// Registering needs an invite; there was none, or it is not good (any more).
    InviteNeeded = "invite_needed", 403, "You need a valid invite to join this server.";
    /// This server sends no mails.
    MailOff = "mail_off", 409, "This server doesn't send email.";
    /// The account waits until an administrator lets it in.
    ApprovalPending = "approval_pending", 403, "Your account is waiting for approval.";
    /// A fault of the server; the request id helps to find it in the log.
    Internal = "internal", 500, "Something went wrong on the server.";
    /// A service that the server needs is away, or it has too much to do; try again.
    Unavailable = "unavailable", 503, "The server is busy or restarting. Try again.";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A field that breaks its rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Violation {
    /// Name of the field in the request.
    pub field: String,
    /// The rule, as a sentence for people.
    pub message: String,
}

/// Problem document, media type `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// Address of the code's description; relative to the server.
    #[cfg_attr(feature = "openapi", schema(format = "uri-reference"))]
    #[serde(rename = "type")]
    pub kind: String,
    /// Short sentence, the same for every occurrence of the code.
    pub title: String,
    /// HTTP status, repeated.
    pub status: u16,
    /// Stable code for programs.
    pub code: ErrorCode,
    /// What happened this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Fields that break their rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
    /// Identifies this request in the server's log.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub request_id: String,
    /// When to try again, in milliseconds, where that makes sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// With `second_factor_required`: what completes the log-in together with a code, for five minutes. It opens nothing
    /// by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<String>,
    /// With `second_factor_required`: what completes the log-in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<FactorMethod>,
}

impl Problem {
    /// The problem of a code, without details.
    pub fn new(code: ErrorCode) -> Self {
        Self {
            kind: format!("/api/docs/problems#{code}"),
            title: code.title().to_owned(),
            status: code.status(),
            code,
            detail: None,
            violations: Vec::new(),
            request_id: String::new(),
            retry_after_ms: None,
            challenge: None,
            methods: Vec::new(),
        }
    }

    /// The code as the server wrote it: of one that this version does not know, `kind` still tells the name.
    pub fn code_text(&self) -> &str {
        match self.code {
            ErrorCode::Unknown => self.kind.rsplit_once('#').map_or(self.code.as_str(), |(_, name)| name),
            known => known.as_str(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code_text(), self.detail.as_deref().unwrap_or(&self.title))?;
        self.violations.iter().try_for_each(|one| write!(f, " ({}: {})", one.field, one.message))
    }
}

impl std::error::Error for Problem {}
