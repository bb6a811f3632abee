//! Responses to plain requests: status, headers and body, checked against the published description.

use parlour_client::native::{Api, ApiError};
use parlour_protocol::problems::{ErrorCode, Problem};
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::App;

/// A response.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub text: String,
    what: String,
}

impl Reply {
    pub(crate) async fn of(app: &App, api: &Api, method: Method, path: &str, body: Option<Value>) -> Self {
        let url = api.base().join(path).unwrap();
        let mut request = api.request(method.clone(), url);
        if let Some(body) = &body {
            request = request.json(body);
        }
        let reply = Self::from_response(format!("{method} {path}"), request.send().await.unwrap()).await;
        app.contract().check(&method, path, &reply);
        reply
    }

    /// Reads a response to the end.
    pub async fn from_response(what: String, response: reqwest::Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        Self { status, headers, text: response.text().await.unwrap(), what }
    }

    /// A header as text, or empty if absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{}: {error}: {}", self.what, self.text))
    }

    /// Demands a status and returns the body as JSON; null if empty.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}: {}", self.what, self.text);
        if self.text.is_empty() { Value::Null } else { self.json() }
    }

    /// Demands a refusal: a complete problem document with this code.
    #[track_caller]
    pub fn refused(&self, code: ErrorCode) -> Problem {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}: {}", self.what, self.text);
        let problem: Problem = serde_json::from_str(&self.text).unwrap();
        assert_eq!(problem.code, code, "{}: {problem:?}", self.what);
        assert_eq!(self.status.as_u16(), problem.status, "{}: {problem:?}", self.what);
        assert!(fits(&problem), "{}: {problem:?}", self.what);
        assert!(!problem.request_id.is_empty(), "{}: a problem names its request", self.what);
        problem
    }
}

/// Whether status and title match the code. Confirmations in an open session are refused with 403, because 401 is about
/// the session.
fn fits(problem: &Problem) -> bool {
    let confirmation = matches!(problem.code, ErrorCode::BadCredentials | ErrorCode::LogInAgain);
    (problem.status == problem.code.status() || confirmation && problem.status == 403)
        && problem.title == problem.code.title()
}

/// Demands that a typed call was refused.
pub trait Refusal {
    /// The problem, which must have this code.
    fn refused(self, code: ErrorCode) -> Problem;
}

impl<T: std::fmt::Debug> Refusal for Result<T, ApiError> {
    #[track_caller]
    fn refused(self, code: ErrorCode) -> Problem {
        match self {
            Err(ApiError::Problem(problem)) => {
                assert_eq!(problem.code, code, "{problem:?}");
                assert!(fits(&problem), "{problem:?}");
                *problem
            }
            other => panic!("expected the problem {code}, got {other:?}"),
        }
    }
}
