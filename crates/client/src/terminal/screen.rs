//! What the person sees: one line after another on standard output.

use std::io::{IsTerminal, Result, Write};

use super::clean::clean;

/// Where lines appear.
pub(super) struct Screen {
    /// Whether somebody types.
    typed: bool,
    /// Whether what is typed appears among what is shown.
    shared: bool,
}

impl Screen {
    /// Standard output.
    pub(super) fn new() -> Self {
        let typed = std::io::stdin().is_terminal();
        Self { typed, shared: typed && std::io::stdout().is_terminal() }
    }

    /// Says something that is no message.
    pub(super) fn note(&mut self, text: &str) -> Result<()> {
        self.line(&format!("* {text}"))
    }

    /// Shows a text, cleaned, as a line of its own.
    pub(super) fn line(&mut self, text: &str) -> Result<()> {
        self.write(&format!("{}\n", clean(text)))
    }

    /// Asks somebody who types for something, beside what is shown, which may go to a file.
    pub(super) fn ask(&mut self, prompt: &str) -> Result<()> {
        if self.typed { std::io::stderr().write_all(prompt.as_bytes()) } else { Ok(()) }
    }

    /// Goes on below what was typed without being seen.
    pub(super) fn after_secret(&mut self) -> Result<()> {
        self.ask("\n")
    }

    /// Takes away the line that was just typed: it appears again as a message.
    pub(super) fn take_back(&mut self) -> Result<()> {
        if self.shared { self.write("\x1b[1A\x1b[2K") } else { Ok(()) }
    }

    fn write(&mut self, text: &str) -> Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush())
    }
}
