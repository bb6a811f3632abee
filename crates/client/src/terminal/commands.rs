//! Parses a typed line.

/// Shown by `/help`.
pub(super) const HELP: &[&str] = &[
    "/rooms          where you are, and which rooms there are",
    "/join ROOM      enter a room",
    "/friends        your friends",
    "/dm HANDLE      write to a friend",
    "/help           this",
    "/quit           leave",
    "Everything else is sent where you are. A message that begins with / is written with two of them.",
];

/// A typed line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Typed {
    /// An empty line.
    Nothing,
    /// A message to send.
    Message(String),
    /// List the rooms.
    Rooms,
    /// Join the room with this name.
    Join(String),
    /// List the friends.
    Friends,
    /// Open the direct chat with the friend of this handle.
    Direct(String),
    /// List the commands.
    Help,
    /// Leave the chat.
    Quit,
    /// An unknown command.
    Unclear(String),
}

impl Typed {
    /// Parses a line.
    pub(super) fn read(line: &str) -> Self {
        let Some(rest) = line.strip_prefix('/') else {
            return if line.trim().is_empty() { Self::Nothing } else { Self::Message(line.to_owned()) };
        };
        if rest.starts_with('/') {
            return Self::Message(rest.to_owned());
        }
        let (word, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let rest = rest.trim();
        match (word, rest) {
            ("rooms", "") => Self::Rooms,
            ("join", name) if !name.is_empty() => Self::Join(name.trim_start_matches('#').to_owned()),
            ("friends", "") => Self::Friends,
            ("dm", handle) if !handle.is_empty() => Self::Direct(handle.to_owned()),
            ("help", "") => Self::Help,
            ("quit" | "exit", "") => Self::Quit,
            ("join", _) => Self::Unclear("Which room? /join ROOM".into()),
            ("dm", _) => Self::Unclear("To whom? /dm HANDLE".into()),
            _ => Self::Unclear(format!("There is no /{word}. /help lists the commands.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_messages_unless_they_begin_with_one_slash() {
        for (line, typed) in [
            ("hello /join", Typed::Message("hello /join".into())),
            ("  indented", Typed::Message("  indented".into())),
            ("//etc/passwd", Typed::Message("/etc/passwd".into())),
            ("   ", Typed::Nothing),
            ("/join  #green tea ", Typed::Join("green tea".into())),
            ("/dm @ada", Typed::Direct("@ada".into())),
            ("/quit", Typed::Quit),
        ] {
            assert_eq!(Typed::read(line), typed, "{line:?}");
        }
        for unclear in ["/join", "/dm ", "/quit now", "/kick ada", "/"] {
            assert!(matches!(Typed::read(unclear), Typed::Unclear(_)), "{unclear:?}");
        }
    }
}
