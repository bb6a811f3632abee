//! Output to the terminal: one line after another on standard output.

use std::io::{IsTerminal, Result, Write};

use super::clean::clean;

/// The output for lines and prompts.
pub(super) struct Screen {
    /// Whether standard input is a terminal.
    typed: bool,
    /// Whether both input and output are the terminal, so that typed lines appear between the output.
    shared: bool,
}

impl Screen {
    /// A screen on standard output.
    pub(super) fn new() -> Self {
        let typed = std::io::stdin().is_terminal();
        Self { typed, shared: typed && std::io::stdout().is_terminal() }
    }

    /// Shows a notice, marked with `*`.
    pub(super) fn note(&mut self, text: &str) -> Result<()> {
        self.line(&format!("* {text}"))
    }

    /// Shows a text, cleaned, on a line of its own.
    pub(super) fn line(&mut self, text: &str) -> Result<()> {
        self.write(&format!("{}\n", clean(text)))
    }

    /// Shows a prompt if standard input is a terminal. It goes to standard error, because standard output may be a
    /// file.
    pub(super) fn ask(&mut self, prompt: &str) -> Result<()> {
        if self.typed { std::io::stderr().write_all(prompt.as_bytes()) } else { Ok(()) }
    }

    /// Moves to a new line after input that was not echoed.
    pub(super) fn after_secret(&mut self) -> Result<()> {
        self.ask("\n")
    }

    /// Erases the line that was just typed, because it is shown again as a message.
    pub(super) fn take_back(&mut self) -> Result<()> {
        if self.shared { self.write("\x1b[1A\x1b[2K") } else { Ok(()) }
    }

    fn write(&mut self, text: &str) -> Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush())
    }
}
