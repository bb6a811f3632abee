//! Why the server closes a socket, and what a client should do then.
//!
//! Invariant: a client that knows none of these codes behaves correctly if it reconnects below 4500 and stops from 4500
//! on. A new code must go in the range whose rule fits it.

use crate::problems::ErrorCode;

/// What a client should do after a connection was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// Reconnect after a back-off with full jitter, and resume with the cursors.
    Reconnect,
    /// Get a new access token first, then reconnect.
    RefreshToken,
    /// Log in again: the session has ended, or the token was never valid.
    LogIn,
    /// Reconnect, but don't send the refused frame again; it would be refused every time.
    DropFrame,
    /// Close another socket of the same user before reconnecting.
    CloseAnother,
    /// Don't reconnect: the same would happen again.
    Stop,
}

impl Recovery {
    /// The name used in the published description.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reconnect => "reconnect",
            Self::RefreshToken => "refresh_token",
            Self::LogIn => "log_in",
            Self::DropFrame => "drop_frame",
            Self::CloseAnother => "close_another",
            Self::Stop => "stop",
        }
    }
}

macro_rules! close_codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $recovery:ident, $reason:literal;)*) => {
        /// Why a socket was closed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum CloseCode {
            $($(#[$doc])* $name = $code,)*
        }

        impl CloseCode {
            /// Every code the server sends.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The close reason: a sentence for people, at most 123 bytes (RFC 6455, section 5.5).
            pub fn reason(self) -> &'static str {
                match self { $(Self::$name => $reason,)* }
            }

            /// What a client should do then.
            pub fn recovery(self) -> Recovery {
                match self { $(Self::$name => Recovery::$recovery,)* }
            }
        }
    };
}

close_codes! {
    /// A frame, or a message made of several fragments, exceeds the limit (RFC 6455).
    TooLarge = 1009, DropFrame, "The frame is larger than the server takes.";
    /// The server received nothing for 60 seconds.
    Heartbeat = 4001, Reconnect, "Nothing was heard from the client for 60 seconds.";
    /// The client read too slowly.
    SlowConsumer = 4002, Reconnect, "The client read too slowly.";
    /// The node is shutting down; connect to another one.
    Draining = 4003, Reconnect, "The server is restarting. Reconnect in a moment.";
    /// The client sent too many commands.
    RateLimited = 4004, Reconnect, "Too many frames in too short a time.";
    /// The access token has expired.
    TokenExpired = 4005, RefreshToken, "The access token has expired. Refresh it and reconnect.";
    /// The client sent no `start` within ten seconds.
    StartTimeout = 4006, Reconnect, "No start within 10 seconds.";
    /// The node is overloaded.
    Overloaded = 4007, Reconnect, "The server is busy. Reconnect in a moment.";
    /// A frame that could not be understood.
    BadFrame = 4500, Stop, "A frame couldn't be understood.";
    /// The access token isn't valid, or the first command wasn't `start`.
    AuthenticationFailed = 4501, LogIn, "The access token isn't valid, or start wasn't the first command.";
    /// The session has ended.
    SessionRevoked = 4502, LogIn, "The session was ended.";
    /// The protocol version isn't supported.
    Version = 4503, Stop, "This version of the protocol isn't supported.";
    /// The user has too many sockets open.
    TooManyConnections = 4504, CloseAnother, "Too many sockets of the same person.";
    /// The account is suspended.
    Banned = 4505, Stop, "The account is suspended.";
}

impl CloseCode {
    /// The code on the wire.
    pub fn code(self) -> u16 {
        self as u16
    }

    /// Whether a client should reconnect after this code. All codes outside 4500–4999 are transient.
    pub fn reconnects(code: u16) -> bool {
        !(4500..5000).contains(&code)
    }

    /// The error sent in response to a `start` that is refused with this code. `None` if `start` has already been
    /// answered or can't be.
    pub fn refusal(self) -> Option<ErrorCode> {
        match self {
            Self::TokenExpired => Some(ErrorCode::TokenExpired),
            Self::AuthenticationFailed | Self::SessionRevoked => Some(ErrorCode::Unauthenticated),
            Self::BadFrame | Self::Version => Some(ErrorCode::Malformed),
            Self::TooManyConnections => Some(ErrorCode::LimitReached),
            Self::Banned => Some(ErrorCode::Forbidden),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_codes_say_whether_to_come_back() {
        assert!(CloseCode::reconnects(CloseCode::Draining.code()));
        assert!(CloseCode::reconnects(1006));
        assert!(!CloseCode::reconnects(CloseCode::SessionRevoked.code()));
    }

    #[test]
    fn every_reason_fits_and_every_recovery_agrees_with_the_range() {
        for code in CloseCode::ALL {
            assert!(!code.reason().is_empty() && code.reason().len() <= 123, "{code:?}");
            let comes_back =
                matches!(code.recovery(), Recovery::Reconnect | Recovery::RefreshToken | Recovery::DropFrame);
            assert_eq!(CloseCode::reconnects(code.code()), comes_back, "{code:?}");
        }
    }
}
