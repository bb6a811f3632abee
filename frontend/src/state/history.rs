//! Which part of a conversation's history is loaded at once.

use parlour_client::engine::Part;
use parlour_protocol::ids::Seq;

/// Number of messages on one page.
pub(crate) const PAGE: usize = 50;

/// Which page of messages to load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Place {
    /// The newest ones.
    Newest,
    /// The messages before a position.
    Before(Seq),
    /// The messages after a position.
    After(Seq),
    /// The messages on both sides of a position.
    Around(Seq),
}

impl Place {
    /// The part of the log that this page covers.
    pub(crate) fn part(self) -> Part {
        match self {
            Self::Newest => Part::Newest,
            Self::Before(seq) => Part::Before(seq),
            Self::After(seq) => Part::After(seq),
            Self::Around(_) => Part::Around,
        }
    }
}
