//! What the user types. A separate thread reads it, because a blocking read from a terminal cannot be cancelled.

use std::io::{BufRead, IsTerminal, Read};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::sync::mpsc;

/// Number of lines buffered; typing continues meanwhile, a pipe waits.
const WAITING: usize = 16;
/// A longer line (bytes) is split. No message is that long.
const LONGEST: u64 = 64 * 1024;

/// Lines from standard input.
pub(super) struct Input(mpsc::Receiver<String>);

impl Input {
    /// Starts the reading thread.
    pub(super) fn start() -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        // The thread ends with the process or at the end of the input.
        std::thread::spawn(move || {
            let mut stdin = std::io::stdin().lock();
            let mut line = Vec::new();
            while let Ok(1..) = stdin.by_ref().take(LONGEST).read_until(b'\n', &mut line) {
                let text = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
                line.clear();
                if sender.blocking_send(text).is_err() {
                    break;
                }
            }
        });
        Self(receiver)
    }

    /// The next line; `None` at the end of the input. Safe to cancel.
    pub(super) async fn next(&mut self) -> Option<String> {
        self.0.recv().await
    }

    /// The next line, without echoing it on the terminal.
    pub(super) async fn secret(&mut self) -> Option<String> {
        let _unseen = Unseen::begin();
        self.next().await
    }
}

/// Turns off the terminal's echo until it is dropped.
struct Unseen(Option<Termios>);

impl Unseen {
    fn begin() -> Self {
        let stdin = std::io::stdin();
        if !stdin.is_terminal() {
            return Self(None);
        }
        let before = tcgetattr(&stdin).ok();
        if let Some(mut modes) = before.clone() {
            modes.local_modes.remove(LocalModes::ECHO);
            let _shown_where_it_cannot_be_helped = tcsetattr(&stdin, OptionalActions::Flush, &modes);
        }
        Self(before)
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _gone_with_its_terminal = tcsetattr(std::io::stdin(), OptionalActions::Now, before);
        }
    }
}
