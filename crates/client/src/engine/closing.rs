//! What a close code means for a client. Unknown codes keep the meaning of their range.

use parlour_protocol::socket::CloseCode;

/// What to do after a connection was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterClose {
    /// Connect again and resume.
    Reconnect,
    /// The access token is not accepted, most likely because it has expired: get a new one first.
    Refresh,
    /// The session has ended.
    LogIn,
    /// Refused until something else changes, for example until another connection of the same user is closed.
    Refused,
    /// Do not reconnect: the same would happen again.
    Stop,
}

/// Returns what to do after a connection was closed with this code.
pub fn after_close(code: u16) -> AfterClose {
    const EXPIRED: u16 = CloseCode::TokenExpired as u16;
    const NOT_ACCEPTED: u16 = CloseCode::AuthenticationFailed as u16;
    const ENDED: u16 = CloseCode::SessionRevoked as u16;
    const VERSION: u16 = CloseCode::Version as u16;
    const BANNED: u16 = CloseCode::Banned as u16;
    match code {
        EXPIRED | NOT_ACCEPTED => AfterClose::Refresh,
        ENDED => AfterClose::LogIn,
        VERSION | BANNED => AfterClose::Stop,
        code if CloseCode::reconnects(code) => AfterClose::Reconnect,
        _ => AfterClose::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_come_back_iff_the_code_is_below_4500() {
        use CloseCode::*;
        for code in [Heartbeat, SlowConsumer, Draining, RateLimited, StartTimeout, Overloaded] {
            assert!((4000..4500).contains(&code.code()), "{code:?}");
            assert_eq!(after_close(code.code()), AfterClose::Reconnect, "{code:?}");
        }
        for code in [BadFrame, SessionRevoked, Version, TooManyConnections, Banned] {
            assert!((4500..5000).contains(&code.code()), "{code:?}");
            assert_ne!(after_close(code.code()), AfterClose::Reconnect, "{code:?}");
        }
        // A token that has expired and one that was never valid look alike to some servers: a new one shows the truth.
        for code in [TokenExpired, AuthenticationFailed] {
            assert_eq!(after_close(code.code()), AfterClose::Refresh, "{code:?}");
        }
        assert_eq!(after_close(SessionRevoked.code()), AfterClose::LogIn);
        assert_eq!(after_close(Banned.code()), AfterClose::Stop);
        // Codes of the WebSocket protocol itself, or no code at all: a network problem.
        for code in [1000, 1001, 1005, 1006, 1009, 1011, 1012] {
            assert_eq!(after_close(code), AfterClose::Reconnect, "{code}");
        }
        // Codes that a later version may add keep the meaning of their range.
        assert_eq!((after_close(4499), after_close(4999)), (AfterClose::Reconnect, AfterClose::Refused));
    }
}
