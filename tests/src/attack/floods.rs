//! What attackers do for as long as the attack lasts. Each flood prepares first, begins when told to, and counts what
//! the server let it do.

pub mod bodies;
pub mod frames;
pub mod guesses;
pub mod handshakes;
pub mod log;
pub mod readers;
pub mod uploads;
pub mod verbs;
