//! Jobs: work that the server does later, as far as administrators see it.
//!
//! Invariant: nothing here says whom a job is about, and no error contains a secret or an address.

use serde::{Deserialize, Serialize};

use crate::ids::JobId;
use crate::time::Timestamp;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:tt,)*) => {
        /// Kind of a job.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum JobKind {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
            /// A kind this version doesn't know.
            #[serde(other, rename = "unknown")]
            Unknown,
        }

        impl JobKind {
            /// Every kind the server runs.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The kind as it is written on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* Self::Unknown => "unknown" }
            }

            /// Parses a kind; unknown text gives `Unknown`.
            pub fn of(text: &str) -> Self {
                match text { $($text => Self::$name,)* _ => Self::Unknown }
            }
        }
    };
}

kinds! {
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
