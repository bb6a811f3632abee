//! The send queue, the only way to send a message, for REST and sockets alike: everything that waits for a write lane
//! goes into one transaction of a handful of statements.
//!
//! Invariant: messages of one lane are stored, acknowledged and published in order of arrival. Acknowledgements go
//! first: publishing wakes everybody in the room, and authors need not wait for that.

use std::sync::{Arc, OnceLock};

use parlour_chat::messages::{self, Send};
use parlour_chat::{Outcome, Refusal};
use parlour_protocol::messages::Stored;
use parlour_protocol::problems::ErrorCode;
use parlour_storage::{Connection, Lane, StorageError};
use tokio::sync::{mpsc, oneshot};

use crate::app::App;
use crate::problems::ApiError;

/// Messages that may be queued per lane; more are refused as overload.
const QUEUE: usize = 2048;
/// Maximum messages per transaction.
const BATCH: usize = 256;

/// Called once with the outcome of a message, after COMMIT. It must not block.
type Reply = Box<dyn FnOnce(Result<Stored, ApiError>) + std::marker::Send>;

struct Waiting {
    send: Send,
    reply: Reply,
}

/// A queue for each write lane.
pub struct SendQueue {
    lanes: usize,
    queues: OnceLock<Vec<mpsc::Sender<Waiting>>>,
}

impl SendQueue {
    /// Creates the queues; [`Self::start`] starts them.
    pub fn new(lanes: usize) -> Self {
        Self { lanes, queues: OnceLock::new() }
    }

    /// Spawns a task for each lane.
    pub fn start(&self, app: &Arc<App>) {
        let queues = (0..self.lanes)
            .map(|_| {
                let (sender, receiver) = mpsc::channel(QUEUE);
                tokio::spawn(run(app.clone(), receiver));
                sender
            })
            .collect();
        let _ = self.queues.set(queues);
    }

    /// Queues a message without waiting. `reply` receives the outcome after COMMIT; it is dropped uncalled only when
    /// the node shuts down.
    pub fn submit(
        &self,
        app: &App,
        send: Send,
        reply: impl FnOnce(Result<Stored, ApiError>) + std::marker::Send + 'static,
    ) -> Result<(), ApiError> {
        messages::check_send(&send)?;
        app.budgets.sends.take(send.author).map_err(ApiError::too_fast)?;
        let lane = app.database.lane_of(send.conversation);
        let queue = self.queues.get().and_then(|queues| queues.get(lane));
        let full = || ApiError::retry_after(ErrorCode::Unavailable, 500);
        let typist = (send.author, send.conversation);
        let waiting = Waiting { send, reply: Box::new(reply) };
        queue.ok_or_else(full)?.try_send(waiting).map_err(|_| full())?;
        // When the message arrives, others stop showing that its author is typing: a new typing notice may be sent at
        // once.
        app.budgets.typing.give_back(&typist);
        Ok(())
    }

    /// Sends a message and waits for the outcome.
    pub async fn send(&self, app: &App, send: Send) -> Result<Stored, ApiError> {
        let (reply, answer) = oneshot::channel();
        // The caller may have gone; the message is stored and published all the same.
        self.submit(app, send, |outcome| drop(reply.send(outcome)))?;
        answer.await.unwrap_or_else(|_| Err(StorageError::OutcomeUnknown.into()))
    }
}

async fn run(app: Arc<App>, mut queue: mpsc::Receiver<Waiting>) {
    let mut waiting = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut waiting, BATCH).await > 0 {
        let (sends, replies): (Vec<Send>, Vec<_>) =
            waiting.drain(..).map(|one| (one.send, one.reply)).unzip();
        let Some(lane) = sends.first().map(|send| Lane::Messages(send.conversation)) else {
            continue;
        };
        let sends: Arc<[Send]> = sends.into();
        let mut outcome = store(&app, lane, &sends, false).await;
        // Retry twice: another node that retries the same messages at this very moment may get in between once.
        for _ in 0..2 {
            if matches!(outcome, Err(Refusal::Storage(StorageError::Unique(_)))) {
                outcome = store(&app, lane, &sends, true).await;
            }
        }
        match outcome {
            Ok(answers) => {
                let mut stored = Vec::with_capacity(answers.len());
                for ((answer, reply), send) in answers.into_iter().zip(replies).zip(sends.iter()) {
                    reply(match answer {
                        Ok(Outcome { value, effects }) => {
                            // Before anybody is told, so that whatever they ask for next shows it.
                            app.markers.note(send.author, send.conversation, value.seq);
                            stored.push(effects);
                            Ok(value)
                        }
                        Err(refusal) => Err(refusal.into()),
                    });
                }
                stored.into_iter().for_each(|effects| app.publish(effects));
            }
            Err(refusal) => {
                let error = ApiError::from(refusal);
                replies.into_iter().for_each(|reply| reply(Err(error.clone())));
            }
        }
    }
}

async fn store(
    app: &App,
    lane: Lane,
    sends: &Arc<[Send]>,
    look_for_earlier: bool,
) -> Result<messages::Sent, Refusal> {
    let now = app.clock.now();
    let sends = sends.clone();
    let work = move |conn: &mut Connection| messages::send_batch(conn, now, &sends, look_for_earlier);
    app.database.write_and_tell(lane, work, messages::concerned).await
}
