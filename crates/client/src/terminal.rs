//! `parlour chat`: Parlour in a terminal, line by line, so that it works in a pipe as well.
//!
//! It lives in this crate and not in the server's because it is a client like any other: it knows of the server only
//! what the public API says, and it demonstrates this crate. It is behind a feature because bot authors do not need it,
//! and it is part of the `parlour` command so that there is only one program to install. That command reads the
//! environment, calls [`run`], and knows nothing else of it.
//!
//! Invariant: text written by others reaches the terminal only through [`Screen`](screen::Screen), which removes
//! everything that could control it.

mod chat;
mod clean;
mod commands;
mod input;
mod log_in;
mod messages;
mod people;
mod places;
mod screen;

use std::time::Duration;

use crate::native::{Api, ApiError, Follower, Options, Stopped};
use chat::Chat;
use input::Input;
use screen::Screen;

/// Limit for logging out at the end, in case the server is unreachable.
const GOODBYE: Duration = Duration::from_secs(5);

/// Where to chat, and as which user.
#[derive(Clone, Default)]
pub struct Settings {
    /// Address of the server; https if it has no scheme.
    pub server: String,
    /// The room to join first.
    pub room: Option<String>,
    /// A personal access token; without one, the user is asked for handle and password.
    pub token: Option<String>,
}

/// Chats until the user leaves or the input ends.
pub fn run(settings: Settings) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime.map_err(|error| error.to_string())?.block_on(visit(settings));
    // The text may come from the server, or from something that responds in its place.
    outcome.map_err(|why| clean::clean(&why))
}

async fn visit(settings: Settings) -> Result<(), String> {
    let mut screen = Screen::new();
    let mut input = Input::start();
    let address = address(&settings.server);
    let api = Api::new(&address).map_err(text)?.persistent();
    if api.base().scheme() == "http" && !is_local(&api) {
        let warning = "This connection isn't encrypted: anyone on the way can read along.";
        screen.note(warning).map_err(|error| error.to_string())?;
    }
    if let Some(token) = settings.token {
        api.set_tokens(Some(token), None);
    }
    let outcome = tokio::select! {
        outcome = stay(&api, settings.room, &mut input, &mut screen) => outcome.map_err(Trouble::text),
        // Dropping the other branch restores the terminal's echo.
        _ = tokio::signal::ctrl_c() => Ok(()),
    };
    // A token stays valid. A session that was opened for this visit ends with it, or expires if logging out fails.
    if api.refresh_token().is_some() {
        let _server_may_be_away = tokio::time::timeout(GOODBYE, api.delete_current_session()).await;
    }
    outcome
}

async fn stay(
    api: &Api,
    room: Option<String>,
    input: &mut Input,
    screen: &mut Screen,
) -> Result<(), Trouble> {
    let server = api.show_server().await?;
    if api.access_token().is_none() {
        log_in::log_in(api, input, screen).await?;
    }
    let me = api.show_account().await?;
    screen.note(&format!("You are @{} at {}. /help lists the commands.", me.handle, server.name))?;
    let options = Options { epoch: Some(server.epoch), ..Options::default() };
    let follower = Follower::start(api.clone(), options);
    let mut chat = Chat::new(api.clone(), follower, screen);
    chat.begin(room).await?;
    chat.run(input).await
}

/// Why something failed.
enum Trouble {
    /// It was refused; the chat continues.
    Refused(String),
    /// The chat cannot continue.
    Over(String),
}

impl Trouble {
    fn text(self) -> String {
        match self {
            Self::Refused(text) | Self::Over(text) => text,
        }
    }
}

impl From<ApiError> for Trouble {
    fn from(error: ApiError) -> Self {
        Self::Refused(text(error))
    }
}

impl From<Stopped> for Trouble {
    fn from(stopped: Stopped) -> Self {
        Self::Over(match stopped {
            Stopped::SignedOut => "Your session has ended. Log in again.".into(),
            Stopped::Closed(code) => format!("The server closed the connection for good, with code {code}."),
            Stopped::Dropped => "The connection has ended.".into(),
        })
    }
}

/// The terminal is gone.
impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Over(error.to_string())
    }
}

/// Adds `https://` to an address without a scheme.
fn address(given: &str) -> String {
    if given.contains("://") { given.to_owned() } else { format!("https://{given}") }
}

fn is_local(api: &Api) -> bool {
    matches!(api.base().host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

/// Describes an error in a sentence.
fn text(error: ApiError) -> String {
    match error {
        ApiError::Problem(problem) => {
            let mut text = problem.detail.unwrap_or(problem.title);
            for violation in problem.violations {
                text = format!("{text} ({}: {})", violation.field, violation.message);
            }
            text
        }
        ApiError::Transport(why) => format!("The server can't be reached: {why}"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_bare_host_is_asked_safely() {
        assert_eq!(super::address("chat.example.org"), "https://chat.example.org");
        assert_eq!(super::address("http://localhost:8080"), "http://localhost:8080");
    }
}
