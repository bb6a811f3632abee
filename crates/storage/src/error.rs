//! Why a database operation failed, for code that knows nothing of Diesel.
//!
//! Invariant: a caller can tell from the variant whether the changes may have been stored, and whether a retry may help.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// The result of a database operation.
pub type Result<T, E = StorageError> = std::result::Result<T, E>;

/// Why a database operation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// The database can't be reached or is overloaded. Nothing was changed.
    #[error("the database is not available")]
    Unavailable,
    /// The connection broke during COMMIT; the changes may or may not be stored.
    #[error("the database did not confirm the commit")]
    OutcomeUnknown,
    /// A row with the same unique key exists; contains the name of the constraint, or the message if it has no name.
    #[error("a unique key exists already: {0}")]
    Unique(String),
    /// Another transaction got in the way; a retry may succeed.
    #[error("the transaction was interrupted by another one")]
    Interrupted,
    /// Anything else: a bug in this program, or bad data.
    #[error("database error: {0}")]
    Fault(String),
}

impl From<DieselError> for StorageError {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, info) => {
                Self::Unique(info.constraint_name().unwrap_or_else(|| info.message()).to_owned())
            }
            DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => Self::Interrupted,
            DieselError::DatabaseError(
                DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand,
                _,
            )
            | DieselError::BrokenTransactionManager => Self::Unavailable,
            DieselError::DatabaseError(_, info) if transient(info.message()) => Self::Unavailable,
            DieselError::DatabaseError(_, info) if info.message().contains("deadlock detected") => {
                Self::Interrupted
            }
            other => Self::Fault(other.to_string()),
        }
    }
}

/// Libpq and the server report these conditions only as text.
fn transient(message: &str) -> bool {
    [
        "terminating connection",
        "server closed the connection",
        "no connection to the server",
        "canceling statement",
        "the database system is",
        "could not receive data",
        "could not send data",
        "connection not open",
        "SSL connection has been closed",
        "database is locked",
        // A full disk is treated like an unavailable server: the change can be retried once there is room.
        "database or disk is full",
        "No space left on device",
        "could not extend file",
    ]
    .iter()
    .any(|known| message.contains(known))
}

/// Lets a lane find out whether a caller's own error type contains a database error.
pub trait AsStorage {
    /// The storage error, if this error is one.
    fn as_storage(&self) -> Option<&StorageError>;
}

impl AsStorage for StorageError {
    fn as_storage(&self) -> Option<&StorageError> {
        Some(self)
    }
}
