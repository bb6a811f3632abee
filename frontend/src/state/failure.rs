//! Why a request has no result, as a value that pages and stores can keep.

use parlour_protocol::problems::{ErrorCode, Problem};
use parlour_protocol::second_factors::FactorMethod;

use crate::texts::common;

/// Why a request has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The server could not be reached.
    Offline,
    /// The server refused the request.
    Problem(Box<Problem>),
    /// Another account, or none, is signed in in this browser now.
    SomebodyElse,
}

impl Failure {
    /// The server's stable error code, if it sent one.
    pub(crate) fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Problem(problem) => Some(problem.code),
            Self::Offline | Self::SomebodyElse => None,
        }
    }

    /// The failure in a sentence for the user.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Offline => common::cannot_reach_server_try_again().to_owned(),
            Self::Problem(problem) => problem.detail.clone().unwrap_or_else(|| problem.title.clone()),
            Self::SomebodyElse => common::someone_else_signed_in().to_owned(),
        }
    }

    /// The request id to quote when asking for help.
    pub(crate) fn request_id(&self) -> Option<String> {
        match self {
            Self::Problem(problem) if !problem.request_id.is_empty() => Some(problem.request_id.clone()),
            _ => None,
        }
    }

    /// The challenge to complete a log-in with, if a second factor is required.
    pub(crate) fn challenge(&self) -> Option<String> {
        match self {
            Self::Problem(problem) => problem.challenge.clone(),
            Self::Offline | Self::SomebodyElse => None,
        }
    }

    /// Whether a passkey is accepted as the second factor.
    pub(crate) fn takes_passkey(&self) -> bool {
        match self {
            Self::Problem(problem) => problem.methods.contains(&FactorMethod::Passkey),
            Self::Offline | Self::SomebodyElse => false,
        }
    }

    /// Whether the session has ended, as opposed to a missing answer.
    pub(crate) fn ends_session(&self) -> bool {
        matches!(self, Self::Problem(problem) if matches!(problem.status, 401 | 403))
    }

    /// What is wrong with one field of the form.
    pub(crate) fn violation(&self, field: &str) -> Option<String> {
        match self {
            Self::Problem(problem) => {
                problem.violations.iter().find(|one| one.field == field).map(|one| one.message.clone())
            }
            Self::Offline | Self::SomebodyElse => None,
        }
    }

    /// The server sent something that this client does not understand.
    pub(crate) fn strange() -> Self {
        let detail = Some(common::unexpected_answer().to_owned());
        Self::Problem(Box::new(Problem { detail, ..Problem::new(ErrorCode::Internal) }))
    }
}
