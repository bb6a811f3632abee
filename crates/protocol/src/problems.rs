//! Errors of the API: RFC 9457 problem documents with a stable `code` for programs and a `detail` for people. Socket
//! error frames carry the same codes.
//!
//! Invariant: a problem never reveals whether something exists that the caller may not see.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::second_factors::FactorMethod;

// `$text` and `$doc` are `tt`, not `literal`: the derive of the OpenAPI schema can't look inside a `literal`.
macro_rules! codes {
    ($($(#[doc = $doc:tt])* $name:ident = $text:tt, $status:literal, $title:literal;)*) => {
        /// Stable, machine-readable error code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum ErrorCode {
            $($(#[doc = $doc])* #[serde(rename = $text)] $name,)*
            /// A code this version of the library doesn't know.
            #[serde(other, rename = "unknown")]
            Unknown,
        }

        impl ErrorCode {
            /// Every code the server sends.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code as it is written on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* Self::Unknown => "unknown" }
            }

            /// The HTTP status of the code.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* Self::Unknown => 500 }
            }

            /// When the server returns this code, and what a client should do then.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*).trim_ascii(),)* Self::Unknown => "" }
            }

            /// Short sentence for people, the same for every occurrence of the code.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* Self::Unknown => "Something went wrong." }
            }
        }
    };
}

codes! {
    /// The request is malformed: not JSON, a wrong type, an unknown field, a bad parameter.
    Malformed = "malformed", 400, "The request couldn't be understood.";
    /// A field's value isn't valid; `violations` says which.
    Invalid = "invalid", 422, "Some of the values aren't valid.";
    /// The `Idempotency-Key` was already used with a different request.
    IdempotencyKeyReused = "idempotency_key_reused", 422, "This key belongs to another request.";
    /// The request has no valid access token.
    Unauthenticated = "unauthenticated", 401, "Log in first.";
    /// The access token was valid but has expired.
    TokenExpired = "token_expired", 401, "The access token has expired.";
    /// The handle or the password is wrong.
    BadCredentials = "bad_credentials", 401, "Wrong username or password.";
    /// The password was right, but a second factor is needed; send `challenge` to `POST /sessions/second-factor`.
    SecondFactorRequired = "second_factor_required", 401, "Enter your two-factor code.";
    /// The account has no password, and this operation requires a log-in within the last ten minutes.
    LogInAgain = "log_in_again", 401, "Log in again, then try once more.";
    /// No OpenID Connect provider is set up.
    ProviderOff = "provider_off", 404, "This server has no other way to log in.";
    /// The OpenID Connect provider doesn't respond, or its response isn't valid.
    ProviderFailed = "provider_failed", 502, "The log-in provider isn't responding.";
    /// The caller is authenticated, but may not do this.
    Forbidden = "forbidden", 403, "You don't have permission to do this.";
    /// The token may not do this: it lacks a scope, is limited to other conversations, or the operation accepts no
    /// tokens.
    InsufficientScope = "insufficient_scope", 403, "This token doesn't allow that.";
    /// Writing to this direct chat requires a friendship, which doesn't exist or has ended.
    NotFriends = "not_friends", 403, "You can only message friends.";
    /// The caller must be a member of the room.
    NotMember = "not_member", 403, "Join the room first.";
    /// It doesn't exist, or the caller may not see it.
    NotFound = "not_found", 404, "Not found.";
    /// The path exists, but doesn't support this method.
    MethodNotAllowed = "method_not_allowed", 405, "This method isn't supported here.";
    /// The request wasn't received completely in time.
    RequestTimeout = "request_timeout", 408, "The request took too long to arrive.";
    /// The current state doesn't allow this, or the client id was already used with different content.
    Conflict = "conflict", 409, "This can't be done right now.";
    /// The handle or name is already taken.
    Taken = "taken", 409, "This name is taken.";
    /// The resource existed, but has been deleted.
    Gone = "gone", 410, "This has been deleted.";
    /// The body or frame exceeds its size limit.
    TooLarge = "too_large", 413, "This is too large.";
    /// The content type or picture format isn't supported.
    UnsupportedMedia = "unsupported_media", 415, "This format isn't supported.";
    /// A limit on the number of rooms, friends, sockets etc. was reached.
    LimitReached = "limit_reached", 409, "You've reached a limit.";
    /// Too many requests; `Retry-After` says when to try again.
    RateLimited = "rate_limited", 429, "You're going too fast. Try again in a moment.";
    /// The server doesn't accept new accounts.
    RegistrationClosed = "registration_closed", 403, "This server doesn't accept new accounts.";
    /// Registering requires an invite, and the code is missing or no longer valid.
    InviteNeeded = "invite_needed", 403, "You need a valid invite to join this server.";
    /// The server doesn't send mail.
    MailOff = "mail_off", 409, "This server doesn't send email.";
    /// The account waits for an administrator's approval.
    ApprovalPending = "approval_pending", 403, "Your account is waiting for approval.";
    /// A fault in the server; `request_id` helps to find it in the server's log.
    Internal = "internal", 500, "Something went wrong on the server.";
    /// A service the server depends on is unavailable, or the server is overloaded; try again.
    Unavailable = "unavailable", 503, "The server is busy or restarting. Try again.";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A field whose value isn't valid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Violation {
    /// Name of the field in the request.
    pub field: String,
    /// What is wrong, as a sentence for people.
    pub message: String,
}

/// A problem document, media type `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// URL of the code's description, relative to the server.
    #[cfg_attr(feature = "openapi", schema(format = "uri-reference"))]
    #[serde(rename = "type")]
    pub kind: String,
    /// Short sentence, the same for every occurrence of the code.
    pub title: String,
    /// The HTTP status of the response.
    pub status: u16,
    /// Stable code for programs.
    pub code: ErrorCode,
    /// What went wrong in this request, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The fields whose values aren't valid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
    /// Identifies this request in the server's log.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub request_id: String,
    /// When to try again, in milliseconds; absent if that doesn't apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// With `second_factor_required`: send this together with a code to complete the log-in; valid for five minutes. It
    /// grants no access by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<String>,
    /// With `second_factor_required`: the ways to complete the log-in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<FactorMethod>,
}

impl Problem {
    /// A problem with this code and no details.
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

    /// The code as the server wrote it. For a code this version doesn't know, it is taken from `kind`.
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
