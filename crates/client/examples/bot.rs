//! A bot that answers `!ping`, `!roll` and `!help`, each message once, however often it is killed and started.
//!
//! `PARLOUR_URL=… PARLOUR_TOKEN=… cargo run --example bot [file]`. The token is a bot's (or a personal one) with the scope
//! `write`; it answers where its account takes part, and joins nothing by itself. The file remembers how far it has come:
//! what was said while it was away is answered when it comes back.
//!
//! Why it never answers twice: the name of an answer is made from the message that it answers. When it was killed between
//! sending an answer and noting so, it sends that answer again, under the same name, and the server stores no second one.

use std::collections::BTreeMap;
use std::error::Error;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs, io};

use parlour_client::native::{Api, ApiError, Follower, Options, Update};
use parlour_protocol::ids::{ConversationId, Seq, UserId};
use parlour_protocol::messages::SendMessage;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::{Change, Event};
use serde::{Deserialize, Serialize};

/// How far the bot has come: everything up to these positions is done.
#[derive(Default, Serialize, Deserialize)]
struct Progress {
    /// The history that the positions belong to.
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

    /// Writes beside the file and puts that in its place, so that a crash leaves the old state or the new one.
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
    // Positions of another history mean nothing here. Where the file knows none, the bot begins at the end.
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
                // Only now is it done. A bot that is stopped before this line answers once more, to no effect.
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

/// The answer to an event, if any: only to messages, and only to those of others.
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

/// Sends an answer until the server has it, or refuses it for good.
async fn send(api: &Api, event: &Event, body: String) -> Result<(), Box<dyn Error>> {
    let cid = format!("answer-{}-{}", event.conversation, event.seq);
    let message = SendMessage { body, reply_to: Some(event.seq) };
    loop {
        match api.send_message(event.conversation, &cid, &message).await {
            Ok(_) => return Ok(()),
            // Answered before, by other words: dice fall differently each time. Nothing was stored now.
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
