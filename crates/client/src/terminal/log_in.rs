//! Asks for handle and password, and for the second factor if the account has one.

use parlour_protocol::problems::ErrorCode;

use super::Trouble;
use super::input::Input;
use super::screen::Screen;
use crate::native::{Api, ApiError};
use crate::operations::types::{CompleteSession, CreateSession};

fn nobody() -> Trouble {
    Trouble::Over("There is no more input to log in with.".into())
}

/// Asks for handle and password, and for a code if the server requires one. Any refusal is an error.
pub(super) async fn log_in(api: &Api, input: &mut Input, screen: &mut Screen) -> Result<(), Trouble> {
    screen.ask("Username: ")?;
    let handle = input.next().await.ok_or_else(nobody)?;
    screen.ask("Password: ")?;
    let password = input.secret().await.ok_or_else(nobody)?;
    screen.after_secret()?;
    let session = CreateSession {
        handle,
        password,
        device: Some("parlour chat".into()),
        refresh: Default::default(),
        device_token: None,
    };
    let challenge = match api.create_session(&session).await {
        Ok(_) => return Ok(()),
        Err(ApiError::Problem(problem)) if problem.code == ErrorCode::SecondFactorRequired => {
            let how = "The server wants a second factor, and does not say how.";
            problem.challenge.ok_or_else(|| Trouble::Over(how.into()))?
        }
        Err(error) => return Err(error.into()),
    };
    screen.ask("Code of your authenticator app, or a recovery code: ")?;
    let code = input.secret().await.ok_or_else(nobody)?;
    screen.after_secret()?;
    let code = code.trim().to_owned();
    let device = session.device;
    api.complete_session(&CompleteSession { challenge, code, device, refresh: session.refresh }).await?;
    Ok(())
}
