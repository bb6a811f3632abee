//! A bot that answers `!ping`, `!roll` and `!help`, each message exactly once, however often it is killed and
//! restarted.
//!
//! `PARLOUR_URL=… PARLOUR_TOKEN=… cargo run --example bot [file]`. The token is a bot's or a personal one, with the
//! scope `write`. The bot answers wherever its account is a member and joins nothing by itself. The file stores the
//! cursors, so messages that arrive while the bot is down are answered when it starts again.
//!
//! Why it never answers twice: the cid of an answer is derived from the message it answers. A bot that was killed after
//! sending an answer but before saving its cursor sends the answer again with the same cid, and the server does not
//! store a second one.

use std::collections::BTreeMap;
use std::error::Error;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs, io};

use parlour_client::native::{Api, ApiError, Follower, Options, Update};
use parlour_protocol::events::{Change, Event};
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::messages::SendMessage;
use parlour_protocol::problems::ErrorCode;
use serde::{Deserialize, Serialize};

/// The bot's cursors: everything up to these positions has been handled.
#[derive(Default, Serialize, Deserialize)]
struct Progress {
    /// Epoch of the server's history that the cursors belong to.
    epoch: String,
    cursors: BTreeMap<ConversationId, Seq>,
}

impl Progress {
    fn load(file: &Path) -> Result<Self, Box<dyn Error>> {
        match fs::read(file) {
            Ok(text) => Ok(serde_json::from_slice(&text)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes a temporary file and renames it over the old one, so that a crash leaves either the old or the new state.
    fn save(&self, file: &Path) -> Result<(), Box<dyn Error>> {
        let beside = file.with_extension("new");
        fs::write(&beside, serde_json::to_vec(self)?)?;
        Ok(fs::rename(&beside, file)?)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let file = PathBuf::from(env::args_os().nth(1).unwrap_or_else(|| "bot.json".into()));
    let api = Api::new(&variable("PARLOUR_URL")?)?.persistent();
    api.set_tokens(Some(variable("PARLOUR_TOKEN")?), None);
    let me = api.show_account().await?.id;
    let server = api.show_server().await?;

    let mut progress = Progress::load(&file)?;
    // Cursors of another epoch are meaningless here. A conversation without a cursor starts at its head.
    if progress.epoch != server.epoch {
        progress = Progress { epoch: server.epoch, ..Progress::default() };
    }
    let options = Options {
        cursors: progress.cursors.clone(),
        epoch: Some(progress.epoch.clone()),
        ..Options::default()
    };
    let mut follower = Follower::start(api.clone(), options);
    loop {
        match follower.next().await? {
            Update::Event(event) => {
                if let Some(body) = answer_to(&event, me) {
                    send(&api, &event, body).await?;
                }
                // Only now is the event handled. A bot killed before this line sends the answer again, with no effect.
                progress.cursors.insert(event.conversation, event.seq);
            }
            Update::Following { conversation, after } => {
                progress.cursors.insert(conversation, after);
            }
            Update::Reset { conversation, after } => {
                progress.epoch = api.show_server().await?.epoch;
                progress.cursors.insert(conversation, after);
            }
            Update::Left(conversation) => {
                progress.cursors.remove(&conversation);
            }
            Update::Connected => eprintln!("connected"),
            _ => continue,
        }
        progress.save(&file)?;
    }
}

/// The answer to an event, if any. Only messages by other people get one.
fn answer_to(event: &Event, me: UserId) -> Option<String> {
    let Change::MessageCreated { author, body: Some(body), .. } = &event.change else { return None };
    if *author == me {
        return None;
    }
    match body.trim() {
        "!ping" => Some("pong".into()),
        "!roll" => Some(format!("You rolled a {}.", RandomState::new().hash_one(event.seq) % 6 + 1)),
        "!help" => Some("I know !ping, !roll and !help.".into()),
        _ => None,
    }
}

/// Sends an answer until the server stores it or refuses it for good.
async fn send(api: &Api, event: &Event, body: String) -> Result<(), Box<dyn Error>> {
    let cid = format!("answer-{}-{}", event.conversation, event.seq);
    let message = SendMessage { body, reply_to: Some(event.seq) };
    loop {
        match api.send_message(event.conversation, &cid, &message).await {
            Ok(_) => return Ok(()),
            // Already answered with a different text (`!roll` is random). Nothing was stored this time.
            Err(ApiError::Problem(problem)) if problem.code == ErrorCode::Conflict => return Ok(()),
            Err(ApiError::Problem(problem)) if problem.status == 401 => return Err(problem.into()),
            Err(ApiError::Problem(problem)) if problem.status < 500 && problem.status != 429 => {
                eprintln!("not answered: {problem}");
                return Ok(());
            }
            Err(error) => {
                eprintln!("trying again: {error}");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

fn variable(name: &str) -> Result<String, Box<dyn Error>> {
    let value = env::var_os(name).ok_or_else(|| format!("{name} is not set"))?;
    Ok(value.into_string().map_err(|_| format!("{name} is no text"))?)
}
