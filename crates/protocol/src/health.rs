//! How a node is, for the people who run it.

use serde::{Deserialize, Serialize};

/// How the node is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Health {
    /// `ready`, `degraded` (works, with delays between nodes, or takes no changes) or `unavailable`.
    pub status: String,
    /// Whether the database answers.
    pub database: bool,
    /// Whether the database takes changes: not when its disk is full.
    pub writable: bool,
    /// Whether the way to the other nodes is open.
    pub broker: bool,
}
