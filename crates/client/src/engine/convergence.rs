//! Property tests of the whole session: a model server, a network that loses, repeats and reorders frames and breaks
//! connections, and a client that consists of the engine alone.
//!
//! Invariant: whatever the network does, once it is kind again the client's timelines equal a fresh fetch, every event was
//! applied exactly once, in order, and everything the user did was stored exactly once, in order, or refused.

mod device;
mod server;
mod stored;

use fastrand::Rng;
use parlour_protocol::ids::{ConversationId, UserId};
use parlour_protocol::messages::Message;

use super::{Client, Timeline};
use device::Device;
use stored::Stored;

/// A conversation that is followed live.
const LIVE: ConversationId = ConversationId(1);
/// A direct chat.
const DIRECT: ConversationId = ConversationId(2);
/// A conversation that is neither.
const OTHER: ConversationId = ConversationId(3);
const ROOMS: [ConversationId; 3] = [LIVE, DIRECT, OTHER];
/// The client's user.
const ME: UserId = UserId(9);
/// Number of seeds tried with each kind of client; each seed is a different run.
const RUNS: u64 = 400;

/// One run. Returns how often the network or the server was unkind.
fn play(client: Client, seed: u64) -> usize {
    let mut random = Rng::with_seed(seed);
    let mut device = Device::new(client, seed);
    device.begin();
    for _ in 0..300 {
        device.now += random.u64(..400);
        match random.u64(..100) {
            0..30 => device.server.happen(&mut random),
            30..45 => device.act(&mut random),
            45..80 => (0..random.usize(..6)).for_each(|_| device.deliver(&mut random)),
            80..85 => device.server.send_heads(),
            85..93 => device.tick(),
            93..96 => device.load(),
            96..98 => device.break_connection(&mut random),
            98 => device.wake_or_refocus(&mut random),
            _ if random.u64(..4) == 0 => device.change_epoch(),
            _ => {}
        }
    }
    device.calm_down(&mut random);
    device.check();
    device.spoilt + device.server.spoilt
}

#[test]
fn a_program_converges_through_any_network() {
    let spoilt: usize = (0..RUNS).map(|seed| play(Client::Program, seed)).sum();
    assert!(spoilt > 10_000, "the network was too kind: {spoilt}");
}

#[test]
fn a_page_converges_through_any_network() {
    let spoilt: usize = (0..RUNS).map(|seed| play(Client::Page, seed)).sum();
    assert!(spoilt > 10_000, "the network was too kind: {spoilt}");
}

/// Checks that the properties can fail: a client that applies every frame does not converge.
#[test]
fn a_client_without_the_rule_does_not_converge() {
    let mut random = Rng::with_seed(7);
    let mut stored = Stored::default();
    let events: Vec<_> = (0..60).map(|_| stored.happen(LIVE, &mut random)).collect();
    let mut timeline = Timeline::from_the_beginning();
    for event in events.iter().rev() {
        timeline.apply(event);
    }
    let messages: Vec<&Message> = timeline.iter().collect();
    assert_ne!(messages, stored.messages.values().collect::<Vec<_>>());
}
