//! The client of openapi-generator, in short form: events, bytes and problems are where it used to fail.

use std::{
    env,
    error::Error as StdError,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use parlour_openapi_generator::{
    apis::{
        Error, accounts_api, configuration::Configuration, conversations_api, friends_api, messages_api,
        rooms_api, sessions_api, users_api,
    },
    models,
};

type Outcome<T = ()> = Result<T, Box<dyn StdError>>;

const PASSWORD: &str = "correct horse battery";
static REQUESTS: AtomicU32 = AtomicU32::new(0);

async fn ask<T>(operation: impl Future<Output = T>) -> T {
    REQUESTS.fetch_add(1, Ordering::Relaxed);
    operation.await
}

fn check(holds: bool, what: &str) -> Outcome {
    if holds { Ok(()) } else { Err(format!("does not hold: {what}").into()) }
}

fn client(setting: &str, token: Option<String>) -> Outcome<Configuration> {
    let base_path = env::var(setting).map_err(|_| format!("{setting} is not set"))?;
    Ok(Configuration { base_path, bearer_access_token: token, ..Configuration::new() })
}

/// Code and status of a refusal. Every operation has its own type for it; their contents are the same.
fn refused<T, E>(
    answer: Result<T, Error<E>>,
    problem: fn(E) -> Option<models::Problem>,
) -> Outcome<(String, u16)> {
    let Err(Error::ResponseError(refusal)) = answer else { return Err("it was not refused".into()) };
    let problem = refusal.entity.and_then(problem).ok_or("the refusal is no problem")?;
    Ok((problem.code, refusal.status.as_u16()))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let body = models::CreateAccount::new("rust_generator".into(), PASSWORD.into());
    let signed = ask(accounts_api::create_account(&client("CONTRACT_SERVER", None)?, body, None)).await?;
    let models::CreateAccount201Response::SignedIn(signed) = signed else {
        return Err("registration is open".into());
    };
    let token = Some(signed.access_token);
    let ada = client("CONTRACT_SERVER", token.clone())?;
    let room = ask(rooms_api::create_room(&ada, models::CreateRoom::new("rust".into()), None)).await?;
    let text = models::SendMessage::new("See you at six".into());
    let first = ask(messages_api::send_message(&ada, &room.id, "first-message", text.clone())).await?;
    let again = ask(messages_api::send_message(&ada, &room.id, "first-message", text.clone())).await?;
    check(again.seq == first.seq && again.duplicate, "sending twice makes one message")?;

    let log = ask(conversations_api::list_events(&ada, &room.id, Some(0), None)).await?;
    let texts: Vec<_> = log
        .items
        .into_iter()
        .filter_map(|event| match event {
            models::Event::MessageCreatedEvent(event) => event.data.body,
            _ => None,
        })
        .collect();
    check(texts == [text.body], "the log has the message")?;

    let picture = PathBuf::from(env::var("CONTRACT_PICTURE")?);
    let changed = ask(accounts_api::upload_avatar(&ada, picture)).await?;
    let shown =
        ask(users_api::show_avatar(&ada, &changed.avatar.ok_or("there is a picture now")?, 64)).await?;
    check(shown.bytes().await?.len() > 100, "the picture is a picture")?;
    let export =
        ask(accounts_api::export_account(&ada, models::ConfirmPassword::new(PASSWORD.into()))).await?;
    let last = export.text().await?.lines().last().map(serde_json::from_str::<serde_json::Value>);
    check(last.ok_or("there are lines")??["kind"] == "end", "the last line of the export")?;

    let later = ask(friends_api::list_friends(&client("CONTRACT_STUB", token)?, None, None)).await;
    let (code, _) = refused(later, |error| match error {
        friends_api::ListFriendsError::Status4XX(problem) => Some(problem),
        _ => None,
    })?;
    check(code == env::var("CONTRACT_STUB_CODE")?, "a code of a later version is read")?;
    ask(sessions_api::delete_current_session(&ada)).await?;
    let after = refused(ask(accounts_api::show_account(&ada)).await, |error| match error {
        accounts_api::ShowAccountError::Status4XX(problem) => Some(problem),
        _ => None,
    })?;
    check(after == ("unauthenticated".to_owned(), 401), "nobody is logged in after logging out")?;
    println!("requests: {}", REQUESTS.load(Ordering::Relaxed));
    Ok(())
}
