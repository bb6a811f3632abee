//! Commands for operators: they work on the database without serving.
//!
//! Invariant: a running server notices their changes by itself, since it rereads what it keeps in the database.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parlour_chat::identity::accounts;
use parlour_chat::identity::accounts::Admission;
use parlour_chat::{Outcome, Refusal, admin};
use parlour_protocol::accounts::CreateAccount;
use parlour_protocol::ids::UserId;
use parlour_protocol::problems::ErrorCode;
use parlour_storage::Lane;

use crate::app::App;
use crate::auth::keys;
use crate::clock::Clock;
use crate::config::Config;
use crate::hashing::Asker;
use crate::problems::ApiError;
use crate::random;
use crate::routes::password_resets;
use crate::server::CLOSE_WITHIN;

/// Opens the database for one command, without serving, and closes it afterwards.
fn once(
    config: Config,
    work: impl AsyncFnOnce(Arc<App>) -> Result<String, String>,
) -> Result<String, String> {
    let (outcome, database) = actix_web::rt::System::new().block_on(async move {
        let app = App::open(config, Clock::system(0)).await?;
        let database = app.database.clone();
        Ok::<_, String>((work(app).await, database))
    })?;
    database.close(CLOSE_WITHIN);
    outcome
}

fn say(error: ApiError) -> String {
    error.to_string()
}

/// Makes somebody an administrator: a new account, or an existing one, which keeps its password.
pub fn create_superuser(config: Config, handle: &str, password: Option<String>) -> Result<String, String> {
    once(config, async |app| {
        let name = handle.to_owned();
        if app.commit(Lane::Server, move |conn, now| admin::promote(conn, now, &name)).await.map_err(say)? {
            return Ok(format!("@{handle} is an administrator now."));
        }
        let password = password.ok_or("a new account needs a password")?;
        let request = CreateAccount {
            handle: handle.to_owned(),
            display_name: None,
            password,
            device: None,
            invite: None,
            refresh: parlour_protocol::sessions::RefreshTransport::Body,
        };
        accounts::check_registration(&request).map_err(|refusal| say(refusal.into()))?;
        let hash = app.hash_password(Asker::Known(UserId(0)), request.password.clone()).await.map_err(say)?;
        let id = UserId(random::id());
        app.commit(Lane::Server, move |conn, now| -> Result<_, Refusal> {
            accounts::register(conn, now, id, &request, &hash, Admission::Administrator)?;
            Ok(Outcome::without_events(()))
        })
        .await
        .map_err(say)?;
        Ok(format!("@{handle} was registered as an administrator."))
    })
}

/// Replaces the signing keys: gradually, or at once, which ends every session.
pub fn rotate_keys(config: Config, at_once: bool) -> Result<String, String> {
    once(config, async |app| {
        let fresh = || STANDARD.encode(random::bytes::<32>());
        let (seed, refresh_key) = (fresh(), fresh());
        if at_once {
            let ended = app
                .commit(Lane::Server, move |conn, now| keys::replace_all(conn, now, &seed, &refresh_key))
                .await
                .map_err(say)?;
            return Ok(format!(
                "Only a new key is valid now, and {ended} sessions have ended. Nodes notice in seconds."
            ));
        }
        app.commit(Lane::Server, move |conn, now| keys::rotate(conn, now, &seed)).await.map_err(say)?;
        Ok("A new key signs in half a minute; tokens of the one before stay valid until they run out."
            .to_owned())
    })
}

/// The server's own address, if the settings tell it.
fn own_address(config: &Config) -> Result<String, String> {
    if let Some(address) = &config.public_url {
        return Ok(address.clone());
    }
    let missing = |why: &str| {
        format!(
            "A link needs the address of the server, and {why}. Set PARLOUR_PUBLIC_URL to how people reach it."
        )
    };
    let (host, port) = config.listen.rsplit_once(':').unwrap_or((&config.listen, ""));
    if port.parse::<u16>().ok().is_none_or(|port| port == 0) {
        return Err(missing(&format!(
            "it listens on a port that is chosen at every start ({})",
            config.listen
        )));
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_unspecified()) {
        return Err(missing(&format!("it listens on every address of its machine ({})", config.listen)));
    }
    Ok(format!("http://{}", config.listen))
}

/// Creates a link with which the owner of a handle sets a new password; valid for one hour and for one use.
pub fn reset_password(config: Config, handle: &str) -> Result<String, String> {
    // Check this before anything changes: an earlier link stays valid if no new one can be made.
    let address = own_address(&config)?;
    once(config, async |app| {
        let (token, hash) = password_resets::token_of(crate::random::bytes());
        let name = handle.trim_start_matches('@').to_owned();
        app.commit(Lane::Server, move |conn, now| {
            parlour_chat::identity::password_resets::create_by_handle(conn, now, &name, &hash)
        })
        .await
        .map_err(|error| match error.code() {
            ErrorCode::NotFound => format!("nobody has the handle @{handle}"),
            _ => error.to_string(),
        })?;
        Ok(format!("Good for one new password, for an hour:\n{}", password_resets::link(&address, &token)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_opens_or_a_sentence_says_what_is_missing() {
        let address = |listen: &str, public: Option<&str>| {
            let public_url = public.map(str::to_owned);
            own_address(&Config { listen: listen.to_owned(), public_url, ..Config::default() })
        };
        for (listen, public, expected) in [
            ("127.0.0.1:8080", None, "http://127.0.0.1:8080"),
            ("[::1]:8080", None, "http://[::1]:8080"),
            ("chat.example:80", None, "http://chat.example:80"),
            ("0.0.0.0:8080", Some("https://chat.example"), "https://chat.example"),
        ] {
            assert_eq!(address(listen, public).unwrap(), expected);
        }
        for listen in ["0.0.0.0:8080", "[::]:8080", "127.0.0.1:0", ":8080", "[::ffff:0.0.0.0]:0", "localhost"]
        {
            let error = address(listen, None).unwrap_err();
            assert!(error.contains("PARLOUR_PUBLIC_URL"), "{error}");
        }
    }
}
