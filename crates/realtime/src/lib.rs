//! Who is connected to this node, and how an event reaches them on every node.
//!
//! Invariant: the fan-out loop never awaits a socket, never touches the database and never serialises per connection.
//! Every queue here is bounded; what does not fit is in the log, and the client is told to fetch it.

pub mod broker;
mod codec;
pub mod feed;
pub mod frames;
pub mod hub;
pub mod metrics;
pub mod news;
pub mod outbox;
pub mod presence;
pub mod ready;

pub use broker::Broker;
pub use feed::{Control, Delivery, Topic};
pub use hub::{Head, Hub, Log};
pub use news::Summary;
pub use outbox::{Outbox, Urgency};
pub use ready::ReadyList;
