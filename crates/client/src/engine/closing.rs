//! What a close code means for a client. Unknown codes keep the meaning of their range.

use parlour_protocol::socket::CloseCode;

/// What to do after a connection was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterClose {
    /// Connect again and resume.
    Reconnect,
    /// The access token has expired: get a new one first.
    Refresh,
    /// Do not reconnect: the same would happen again.
    Stop,
}

/// Returns what to do after a connection was closed with this code.
pub fn after_close(code: u16) -> AfterClose {
    if code == CloseCode::TokenExpired.code() {
        AfterClose::Refresh
    } else if CloseCode::reconnects(code) {
        AfterClose::Reconnect
    } else {
        AfterClose::Stop
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
        for code in [BadFrame, AuthenticationFailed, SessionRevoked, Version, TooManyConnections, Banned] {
            assert!((4500..5000).contains(&code.code()), "{code:?}");
            assert_eq!(after_close(code.code()), AfterClose::Stop, "{code:?}");
        }
        assert_eq!(after_close(TokenExpired.code()), AfterClose::Refresh);
        // Codes of the WebSocket protocol itself, or no code at all: a network problem.
        for code in [1000, 1001, 1005, 1006, 1009, 1011, 1012] {
            assert_eq!(after_close(code), AfterClose::Reconnect, "{code}");
        }
        // Codes that a later version may add keep the meaning of their range.
        assert_eq!((after_close(4499), after_close(4999)), (AfterClose::Reconnect, AfterClose::Stop));
    }
}
