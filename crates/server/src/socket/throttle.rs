//! How fast one connection may send.
//!
//! Invariant: a client that keeps exceeding a limit is disconnected, whatever it sends.

use std::time::Instant;

use parlour_protocol::socket::CloseCode;

/// Commands per second, and the burst.
const COMMANDS: (f64, f64) = (20.0, 60.0);
/// Rate-limited or malformed commands that are tolerated before the connection is closed.
const PATIENCE: u32 = 50;
/// Frames other than messages (pings, pongs, message fragments) per second, and the burst.
const SIGNS: (f64, f64) = (10.0, 200.0);
/// Total of such frames before `start`: a client may check whether the server is there.
const SIGNS_BEFORE_START: f64 = 4.0;

/// The limits of one connection, and what is left of them.
pub(super) struct Throttle {
    /// Commands per second.
    per_second: f64,
    /// Commands left; below zero they are refused.
    commands: f64,
    counted_at: Instant,
    malformed: u32,
    /// Other frames left.
    signs: f64,
    /// When other frames were last counted; `None` before `start`.
    signs_at: Option<Instant>,
}

impl Throttle {
    pub fn new(sends_per_second: u32) -> Self {
        let per_second = COMMANDS.0.max(f64::from(sends_per_second));
        Self {
            per_second,
            commands: burst(per_second),
            counted_at: Instant::now(),
            malformed: 0,
            signs: SIGNS_BEFORE_START,
            signs_at: None,
        }
    }

    /// Raises the limit of frames other than messages, now that the client is authenticated.
    pub fn start(&mut self) {
        self.signs = SIGNS.1;
        self.signs_at = Some(Instant::now());
    }

    /// Charges a command. Above the limit, commands are refused one by one.
    pub fn charge_command(&mut self) -> Result<(), CloseCode> {
        let now = Instant::now();
        let gained = (now - self.counted_at).as_secs_f64() * self.per_second;
        self.commands = (self.commands + gained).min(burst(self.per_second)) - 1.0;
        self.counted_at = now;
        if self.commands < -f64::from(PATIENCE) { Err(CloseCode::RateLimited) } else { Ok(()) }
    }

    /// How long to wait before the next command, in milliseconds, if the client exceeds the limit.
    pub fn wait_ms(&self) -> Option<u64> {
        (self.commands < 0.0).then(|| (-self.commands / COMMANDS.0 * 1000.0).ceil() as u64)
    }

    /// Charges a frame other than a message. A client never needs many, so exceeding the limit ends the connection.
    pub fn charge_sign(&mut self) -> Result<(), CloseCode> {
        if let Some(at) = &mut self.signs_at {
            let now = Instant::now();
            let gained = (now - *at).as_secs_f64() * SIGNS.0;
            self.signs = (self.signs + gained).min(SIGNS.1);
            *at = now;
        }
        self.signs -= 1.0;
        if self.signs < 0.0 { Err(CloseCode::RateLimited) } else { Ok(()) }
    }

    /// Charges a frame that is not a valid command.
    pub fn charge_malformed(&mut self) -> Result<(), CloseCode> {
        self.malformed += 1;
        if self.malformed > PATIENCE { Err(CloseCode::BadFrame) } else { Ok(()) }
    }
}

/// A client that has just connected may have a backlog to send: the burst of commands covers the burst of messages,
/// which are limited per person.
fn burst(per_second: f64) -> f64 {
    COMMANDS.1.max(per_second * 2.0)
}
