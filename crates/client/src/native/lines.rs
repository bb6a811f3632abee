//! Reads a response of any length line by line.

use reqwest::Response;

use super::api::ApiError;

/// The longest accepted line. An export puts a hundred messages on one line; the longest possible ones, with every
/// character escaped, take 2.4 MB.
const LONGEST: usize = 8 * 1024 * 1024;

/// A stream of lines, read as they arrive.
pub struct Lines {
    response: Response,
    waiting: Vec<u8>,
    /// How much of `waiting` was already searched for a line break.
    seen: usize,
}

impl Lines {
    pub(super) fn new(response: Response) -> Self {
        Self { response, waiting: Vec::new(), seen: 0 }
    }

    /// The next line without its line break; `None` after the last one.
    pub async fn next(&mut self) -> Result<Option<String>, ApiError> {
        loop {
            if let Some(end) = self.waiting[self.seen..].iter().position(|byte| *byte == b'\n') {
                let rest = self.waiting.split_off(self.seen + end + 1);
                let mut line = std::mem::replace(&mut self.waiting, rest);
                line.pop();
                self.seen = 0;
                return text(line).map(Some);
            }
            self.seen = self.waiting.len();
            if self.seen > LONGEST {
                return Err(ApiError::Transport("a line that never ends".into()));
            }
            match self.response.chunk().await? {
                Some(chunk) => self.waiting.extend_from_slice(&chunk),
                None if self.waiting.is_empty() => return Ok(None),
                None => {
                    self.seen = 0;
                    return text(std::mem::take(&mut self.waiting)).map(Some);
                }
            }
        }
    }
}

fn text(line: Vec<u8>) -> Result<String, ApiError> {
    String::from_utf8(line).map_err(|error| ApiError::Transport(error.to_string()))
}
