//! Sends one line to a room: `PARLOUR_URL=… PARLOUR_TOKEN=… cargo run --example send -- tea "The kettle is on."`

use std::env;
use std::error::Error;

use parlour_client::native::{Api, fresh_cid};
use parlour_client::operations::ListNamed;
use parlour_protocol::messages::SendMessage;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (url, token) = (variable("PARLOUR_URL")?, variable("PARLOUR_TOKEN")?);
    let mut words = env::args().skip(1);
    let name = words.next().ok_or("which room?")?;
    let body = words.collect::<Vec<_>>().join(" ");

    // A personal access token or a bot's token is used like the token of a log-in. `persistent` repeats idempotent
    // requests whose answer was lost.
    let api = Api::new(&url)?.persistent();
    api.set_tokens(Some(token), None);

    let search = ListNamed { search: Some(name.clone()), ..ListNamed::default() };
    let rooms = api.list_rooms(&search).await?;
    let room = rooms.items.iter().find(|room| room.name == name).ok_or("there is no such room")?;
    api.join_room(room.id).await?;

    // The message's permanent id: however often it is sent with this cid, it is stored once.
    let cid = fresh_cid();
    let stored = api.send_message(room.id, &cid, &SendMessage { body, reply_to: None }).await?;
    println!("stored at {} as number {}", stored.at, stored.seq);
    Ok(())
}

fn variable(name: &str) -> Result<String, Box<dyn Error>> {
    let value = env::var_os(name).ok_or_else(|| format!("{name} is not set"))?;
    Ok(value.into_string().map_err(|_| format!("{name} is no text"))?)
}
