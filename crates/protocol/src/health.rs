//! Health of a node, for operators.

use serde::{Deserialize, Serialize};

/// Health of the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Health {
    /// `ready`, `degraded` (works, but events from other nodes are delayed or changes are refused) or `unavailable`.
    pub status: String,
    /// Whether the database responds.
    pub database: bool,
    /// Whether the database accepts changes; false, for example, when its disk is full.
    pub writable: bool,
    /// Whether the connection to the other nodes works.
    pub broker: bool,
}
