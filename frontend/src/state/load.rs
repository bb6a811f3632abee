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

    /// Converts what is loaded.
    pub(crate) fn map<U>(self, convert: impl FnOnce(T) -> U) -> Load<U> {
        match self {
            Self::Pending => Load::Pending,
            Self::Ready(value) => Load::Ready(convert(value)),
            Self::Failed(failure) => Load::Failed(failure),
        }
    }

    /// Whether the outcome of another load replaces this. What was loaded before outlives a failure.
    pub(crate) fn gives_way_to(&self, outcome: &Result<T, Failure>) -> bool {
        outcome.is_ok() || self.ready().is_none()
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
        let (good, bad) = (Ok(1), Err(Failure::Offline));
        for load in [Load::Pending, Load::Failed(Failure::Offline)] {
            assert!(load.gives_way_to(&good) && load.gives_way_to(&bad));
        }
        assert!(Load::Ready(0).gives_way_to(&good) && !Load::Ready(0).gives_way_to(&bad));
    }
}
