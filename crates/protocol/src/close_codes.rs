//! Why the server closes a socket, and what a client does then.
//!
//! Invariant: a client that knows none of these codes is right when it reconnects below 4500 and stops from 4500 on. A new
//! code belongs to the range whose rule fits it.

use crate::problems::ErrorCode;

/// What a client does after a connection was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// Reconnect with full jitter, and resume with the cursors.
    Reconnect,
    /// Get a new access token first, then reconnect.
    RefreshToken,
    /// Log in again: the session is over, or the token was never valid.
    LogIn,
    /// Reconnect without the frame that was refused. The same frame would be refused each time.
    DropFrame,
    /// Close another socket of this person before reconnecting.
    CloseAnother,
    /// Stay away: the same would happen again.
    Stop,
}

impl Recovery {
    /// The name in the published description.
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
            /// Every code that a server sends.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The reason that goes with the code: a sentence for people, at most 123 bytes (RFC 6455, section 5.5).
            pub fn reason(self) -> &'static str {
                match self { $(Self::$name => $reason,)* }
            }

            /// What a client does then.
            pub fn recovery(self) -> Recovery {
                match self { $(Self::$name => Recovery::$recovery,)* }
            }
        }
    };
}

close_codes! {
    /// A frame, or a message of several fragments, above the limit (RFC 6455).
    TooLarge = 1009, DropFrame, "The frame is larger than the server takes.";
    /// No sign of life for 60 seconds.
    Heartbeat = 4001, Reconnect, "Nothing was heard from the client for 60 seconds.";
    /// The client read too slowly.
    SlowConsumer = 4002, Reconnect, "The client read too slowly.";
    /// The node is going down; another one takes over.
    Draining = 4003, Reconnect, "The server is restarting. Reconnect in a moment.";
    /// Too many commands.
    RateLimited = 4004, Reconnect, "Too many frames in too short a time.";
    /// The access token has expired.
    TokenExpired = 4005, RefreshToken, "The access token has expired. Refresh it and reconnect.";
    /// No `start` within ten seconds.
    StartTimeout = 4006, Reconnect, "No start within 10 seconds.";
    /// The node has too much to do.
    Overloaded = 4007, Reconnect, "The server is busy. Reconnect in a moment.";
    /// A frame that could not be understood.
    BadFrame = 4500, Stop, "A frame couldn't be understood.";
    /// The access token is not valid, or something else than `start` came first.
    AuthenticationFailed = 4501, LogIn, "The access token isn't valid, or start wasn't the first command.";
    /// The session was ended.
    SessionRevoked = 4502, LogIn, "The session was ended.";
    /// The protocol version is not supported.
    Version = 4503, Stop, "This version of the protocol isn't supported.";
    /// Too many sockets of one person.
    TooManyConnections = 4504, CloseAnother, "Too many sockets of the same person.";
    /// The account is suspended.
    Banned = 4505, Stop, "The account is suspended.";
}

impl CloseCode {
    /// The code on the wire.
    pub fn code(self) -> u16 {
        self as u16
    }

    /// Whether a client that sees this code comes back by itself. Codes outside 4500–4999 are transient.
    pub fn reconnects(code: u16) -> bool {
        !(4500..5000).contains(&code)
    }

    /// The error that answers a `start` which is refused with this code; `None` where it was answered already, or could
    /// not be.
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
