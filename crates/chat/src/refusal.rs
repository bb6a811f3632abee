//! Errors of the chat rules.

use parlour_protocol::problems::{ErrorCode, Violation};
use parlour_storage::{AsStorage, StorageError};

/// A rule refused the operation, or the database failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A rule refused it.
    #[error("{code}")]
    Rule {
        /// Stable code.
        code: ErrorCode,
        /// What went wrong, for people; the code's own title if absent.
        detail: Option<String>,
    },
    /// The rate limit is exceeded; try again after `wait_ms`.
    #[error("too often")]
    TooOften {
        /// How long to wait, in milliseconds.
        wait_ms: u64,
    },
    /// Fields whose values aren't valid.
    #[error("invalid fields")]
    Invalid(Vec<Violation>),
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Refusal {
    /// A refusal with its own explanation.
    pub fn because(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self::Rule { code, detail: Some(detail.into()) }
    }

    /// A refusal because of one field.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![Violation { field: field.to_owned(), message: message.into() }])
    }
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        Self::Rule { code, detail: None }
    }
}

impl From<Vec<Violation>> for Refusal {
    fn from(violations: Vec<Violation>) -> Self {
        Self::Invalid(violations)
    }
}

impl AsStorage for Refusal {
    fn as_storage(&self) -> Option<&StorageError> {
        match self {
            Self::Storage(error) => Some(error),
            _ => None,
        }
    }
}
