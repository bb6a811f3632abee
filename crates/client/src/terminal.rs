//! `parlour chat`: Parlour in a terminal, line by line, so that it works as well behind a pipe.
//!
//! It lives in this crate and not in the server's, since it is a client like any other: it sees of the server what the
//! public API tells, and it shows what the crate is good for. It is behind a feature, since the author of a bot needs
//! none of it; and it is part of the `parlour` command, so that there is one program to install. That command calls
//! [`run`], reads the environment for it, and knows nothing else of it.
//!
//! Invariant: nothing that others wrote reaches the terminal but through [`Screen`](screen::Screen), which takes out
//! whatever could control it.

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

/// A server that is not reachable when we leave is not waited for.
const GOODBYE: Duration = Duration::from_secs(5);

/// Where to chat, and as whom.
#[derive(Clone, Default)]
pub struct Settings {
    /// Address of the server; https where it names no scheme.
    pub server: String,
    /// The room to begin in.
    pub room: Option<String>,
    /// A personal access token; without one, handle and password are asked for.
    pub token: Option<String>,
}

/// Chats until the person leaves or the input ends.
pub fn run(settings: Settings) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime.map_err(|error| error.to_string())?.block_on(visit(settings));
    // A server wrote it, or something that answers in its place.
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
        // Whatever is typed unseen is seen again from here on.
        _ = tokio::signal::ctrl_c() => Ok(()),
    };
    // A token stays as it is; a session that was made for this visit ends with it, at the latest when nobody renews it.
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

/// Why something was not done.
enum Trouble {
    /// It is refused; everything else goes on.
    Refused(String),
    /// Nothing can go on.
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

/// The address of a server as people write it.
fn address(given: &str) -> String {
    if given.contains("://") { given.to_owned() } else { format!("https://{given}") }
}

fn is_local(api: &Api) -> bool {
    matches!(api.base().host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

/// What went wrong, in a sentence.
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
