//! Something that is loaded from the server: loading, loaded, or failed.

use crate::state::failure::Failure;

/// Something that is loaded from the server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Load<T> {
    /// Loading.
    Pending,
    /// Loaded.
    Ready(T),
    /// Loading failed.
    Failed(Failure),
}

impl<T> From<Result<T, Failure>> for Load<T> {
    fn from(outcome: Result<T, Failure>) -> Self {
        match outcome {
            Ok(value) => Self::Ready(value),
            Err(failure) => Self::Failed(failure),
        }
    }
}

impl<T> Load<T> {
    /// The loaded value, if any.
    pub(crate) fn ready(&self) -> Option<&T> {
        match self {
            Self::Ready(value) => Some(value),
            _ => None,
        }
    }

    /// Sets the outcome of a load. What was loaded before outlives a failure. Returns whether this changed anything.
    pub(crate) fn settle(&mut self, outcome: Result<T, Failure>) -> bool {
        let changes = outcome.is_ok() || self.ready().is_none();
        if changes {
            *self = outcome.into();
        }
        changes
    }

    /// Changes what is loaded. Returns false if nothing is.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut T)) -> bool {
        match self {
            Self::Ready(value) => {
                change(value);
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_takes_nothing_away() {
        let mut load = Load::Pending;
        assert!(load.settle(Err(Failure::Offline)));
        assert_eq!(load, Load::Failed(Failure::Offline));
        assert!(load.settle(Ok(1)));
        assert!(!load.settle(Err(Failure::Offline)));
        assert_eq!(load.ready(), Some(&1));
    }
}
