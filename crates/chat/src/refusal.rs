//! Why something was not done.

use parlour_protocol::problems::{ErrorCode, Violation};
use parlour_storage::StorageError;
use parlour_storage::database::AsStorage;

/// A rule said no, or the database did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A rule.
    #[error("{code}")]
    Rule {
        /// Stable code.
        code: ErrorCode,
        /// What happened this time, for people; the code's own sentence when absent.
        detail: Option<String>,
    },
    /// Too often; try again after this many milliseconds.
    #[error("too often")]
    TooOften {
        /// How long to wait, in milliseconds.
        wait_ms: u64,
    },
    /// Fields that break their rules.
    #[error("invalid fields")]
    Invalid(Vec<Violation>),
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Refusal {
    /// A refusal with a sentence of its own.
    pub fn because(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self::Rule { code, detail: Some(detail.into()) }
    }

    /// One field that breaks its rule.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![Violation { field: field.to_owned(), message: message.into() }])
    }
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        Self::Rule { code, detail: None }
    }
}

impl From<diesel::result::Error> for Refusal {
    fn from(error: diesel::result::Error) -> Self {
        Self::Storage(error.into())
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
