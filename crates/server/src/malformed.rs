//! Explains malformed requests in sentences that client developers understand without knowing serde.
//!
//! Invariant: an error repeats at most [`LONGEST_NAME`] characters of what was sent.

use actix_web::error::QueryPayloadError;
use parlour_protocol::problems::ErrorCode;
use serde_json::error::Category;

use crate::problems::ApiError;

/// Maximum characters of a name that are repeated.
const LONGEST_NAME: usize = 40;

/// The error for a malformed JSON body.
pub fn json(error: &serde_json::Error) -> ApiError {
    let said = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let reason = said.strip_suffix(&place).unwrap_or(&said);
    let mut detail = match error.classify() {
        Category::Eof => "The JSON ends too early.".to_owned(),
        Category::Syntax | Category::Io => format!("This is not valid JSON: {reason}."),
        Category::Data => explain(reason),
    };
    if error.line() > 0 {
        detail.pop();
        detail += &format!(" (line {}, column {}).", error.line(), error.column());
    }
    ApiError::because(ErrorCode::Malformed, detail)
}

/// The error for malformed query parameters.
pub fn query(error: &QueryPayloadError) -> ApiError {
    let detail = match error {
        QueryPayloadError::Deserialize(reason) => explain(&reason.to_string()),
        _ => "The parameters of the address cannot be read.".to_owned(),
    };
    ApiError::because(ErrorCode::Malformed, detail)
}

/// Turns serde's message about a value into a sentence.
fn explain(reason: &str) -> String {
    let (before, expected) = reason.split_once(", expected ").unwrap_or((reason, ""));
    if let Some(name) = before.strip_prefix("missing field ") {
        format!("{} is missing.", short(name))
    } else if let Some(name) = before.strip_prefix("duplicate field ") {
        format!("{} comes twice.", short(name))
    } else if let Some(name) = before.strip_prefix("unknown field ") {
        let name = name.strip_suffix(", there are no fields").unwrap_or(name);
        format!("There is no {} here{}.", short(name), known(expected))
    } else if let Some(name) = before.strip_prefix("unknown variant ") {
        let name = name.strip_suffix(", there are no variants").unwrap_or(name);
        format!("{} is not known here{}.", short(name), known(expected))
    } else if let Some(found) = before.strip_prefix("invalid type: ") {
        format!("Expected {}, not {}.", wanted(expected), sent(found))
    } else if before.starts_with("invalid value: ") || before.starts_with("invalid length ") {
        format!("A value is not {}.", wanted(expected))
    } else {
        let mut letters = before.chars();
        let first = letters.next().map(|first| first.to_uppercase().to_string());
        format!("{}{}.", first.unwrap_or_default(), letters.as_str())
    }
}

/// Lists the names that would have been valid.
fn known(expected: &str) -> String {
    let names = expected.strip_prefix("one of ").unwrap_or(expected);
    if names.is_empty() { String::new() } else { format!("; possible: {}", names.replace(" or ", ", ")) }
}

/// A name from the request in backticks, shortened if long.
fn short(name: &str) -> String {
    let name = name.trim_matches('`');
    let begin: String = name.chars().take(LONGEST_NAME).collect();
    let more = if begin.len() < name.len() { "…" } else { "" };
    format!("`{begin}{more}`")
}

/// The expected type of a value, in words.
fn wanted(expected: &str) -> &str {
    match expected.split_whitespace().next().unwrap_or_default() {
        "struct" | "internally" | "adjacently" | "map" => "an object",
        "sequence" | "tuple" => "a list",
        "i8" | "i16" | "i32" | "i64" | "isize" => "an integer",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0 up",
        "f32" | "f64" => "a number",
        "" => "possible here",
        _ => match expected {
            "a sequence" => "a list",
            "a map" => "an object",
            other => other,
        },
    }
}

/// The actual type of a value, in words.
fn sent(found: &str) -> &'static str {
    match found.split(['`', '"', ' ']).next().unwrap_or_default() {
        "boolean" => "a boolean",
        "integer" => "an integer",
        "floating" => "a fraction",
        "string" | "character" => "a string",
        "null" | "unit" | "Option" => "null",
        "map" | "struct" => "an object",
        "sequence" | "tuple" => "a list",
        _ => "this",
    }
}

#[cfg(test)]
mod tests {
    use parlour_protocol::messages::SendMessage;
    use parlour_protocol::rooms::CreateRoom;
    use parlour_protocol::socket::ClientFrame;
    use serde::de::DeserializeOwned;

    use super::*;
    use crate::bodies::Object;

    fn detail<T: DeserializeOwned>(text: &str) -> String {
        let error = serde_json::from_str::<T>(text).err().unwrap();
        json(&error).problem.detail.unwrap()
    }

    #[test]
    fn every_kind_of_mistake_has_a_sentence() {
        let room = detail::<Object<CreateRoom>>;
        assert_eq!(room("{"), "The JSON ends too early (line 1, column 1).");
        assert_eq!(room("nonsense"), "This is not valid JSON: expected ident (line 1, column 2).");
        assert_eq!(room("{}"), "`name` is missing (line 1, column 2).");
        assert_eq!(room("[]"), "Expected an object, not a list (line 1, column 0).");
        assert_eq!(room("{\"name\": 3}"), "Expected a string, not an integer (line 1, column 10).");
        assert_eq!(room("{\"name\": \"a\",\n\"name\": \"b\"}"), "`name` comes twice (line 2, column 6).");
        assert_eq!(
            detail::<Object<SendMessage>>("{\"text\": \"hi\"}"),
            "There is no `text` here; possible: `body`, `reply_to` (line 1, column 7)."
        );
        assert_eq!(
            detail::<ClientFrame>("{\"op\": \"read\", \"id\": 1, \"conversation\": \"7\", \"seq\": \"8\"}"),
            "Expected an integer, not a string."
        );
    }

    #[test]
    fn little_of_what_was_sent_comes_back() {
        let long = "x".repeat(5000);
        for text in [
            format!("{{\"{long}\": 1}}"),
            format!("{{\"name\": {{\"{long}\": 1}}}}"),
            format!("{{\"op\": \"{long}\"}}"),
        ] {
            assert!(detail::<CreateRoom>(&text).len() < 200, "{text}");
            assert!(detail::<ClientFrame>(&text).len() < 400, "{text}");
        }
        assert!(detail::<CreateRoom>(&format!("\"{long}\"")).len() < 200);
    }
}
