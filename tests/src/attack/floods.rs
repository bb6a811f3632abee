//! What attackers do for as long as the attack takes. Each prepares first, begins when it is told to, and counts what
//! the server let it do.

pub mod bodies;
pub mod frames;
pub mod guesses;
pub mod handshakes;
pub mod log;
pub mod readers;
pub mod uploads;
pub mod verbs;
