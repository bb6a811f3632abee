//! Jobs: work that the server does later, as far as administrators see it.
//!
//! Invariant: nothing here says whom a job is about, and no error contains a secret or an address.

use serde::{Deserialize, Serialize};

use crate::ids::JobId;
use crate::kinds::kinds;
use crate::time::Timestamp;

kinds! {
    /// Kind of a job.
    JobKind,
    "Every kind the server runs.",
    /// Sends a mail.
    Mail = "mail",
    /// Looks up whom a request for a new password means, and queues the mails.
    ResetRequest = "reset_request",
    /// Erases what a deleted account wrote.
    Erasure = "erasure",
    /// Deletes what is no longer needed; once an hour.
    Cleaning = "cleaning",
}

/// A job that failed for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FailedJob {
    /// Id of the job.
    pub id: JobId,
    /// Kind of the job.
    pub kind: JobKind,
    /// Number of attempts.
    pub tries: i64,
    /// When the last attempt failed.
    pub failed_at: Timestamp,
    /// Why the last attempt failed.
    pub last_error: String,
}
