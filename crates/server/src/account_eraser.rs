//! Completes the deletion of accounts: erases what they wrote, conversation by conversation.
//!
//! Invariant: a deletion that was begun is completed, even after a restart, by its job if not by its request; every step
//! is a transaction of its own and may be repeated.

use std::sync::Arc;

use parlour_chat::identity::account_erasure;
use parlour_protocol::ids::{ConversationId, UserId};
use parlour_protocol::own_data::Erased;
use parlour_storage::Lane;

use crate::app::App;
use crate::problems::ApiError;

/// Erases everything that a deleted person left in conversations; returns how much it was.
pub async fn erase(app: &Arc<App>, user: UserId) -> Result<Erased, ApiError> {
    let mut erased = Erased::default();
    let mut after = ConversationId(0);
    while let Some((touched, last)) =
        app.read(move |conn| account_erasure::next_step(conn, user, after)).await?
    {
        for id in touched {
            let work = move |conn: &mut _, now| account_erasure::erase_conversation(conn, now, user, id);
            loop {
                let (here, more) = app.commit(Lane::Conversation(id), work).await?;
                erased.messages += here.messages;
                erased.conversations += here.conversations;
                if !more {
                    break;
                }
            }
        }
        after = last;
    }
    app.commit(Lane::People(user), move |conn, now| account_erasure::finish(conn, now, user)).await?;
    app.settle_soon();
    app.settle().await;
    Ok(erased)
}

/// Like [`erase`], including the person's bots.
pub async fn erase_with_bots(app: &Arc<App>, user: UserId) -> Result<Erased, ApiError> {
    let mut erased = erase(app, user).await?;
    for bot in app.read(move |conn| account_erasure::list_bots_to_erase(conn, user)).await? {
        let of_bot = erase(app, bot).await?;
        erased.messages += of_bot.messages;
        erased.conversations += of_bot.conversations;
    }
    Ok(erased)
}
