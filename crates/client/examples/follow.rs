//! Prints the messages of all conversations the account is in, live: `PARLOUR_URL=… PARLOUR_TOKEN=… cargo run --example
//! follow`

use std::env;
use std::error::Error;

use parlour_client::native::{Api, Follower, Options, Update};
use parlour_protocol::events::Change;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let api = Api::new(&variable("PARLOUR_URL")?)?.persistent();
    api.set_tokens(Some(variable("PARLOUR_TOKEN")?), None);
    let me = api.show_account().await?;
    eprintln!("following as @{}", me.handle);

    // Reconnects by itself as often as needed and resumes where it was: every event arrives once, in order.
    let mut follower = Follower::start(api, Options::default());
    loop {
        match follower.next().await? {
            Update::Connected => eprintln!("connected"),
            Update::Event(event) => {
                if let Change::MessageCreated { author, body: Some(body), .. } = event.change {
                    // The text may contain terminal control sequences, so it is printed with `Debug` escapes.
                    println!("{} {} {author}: {body:?}", event.at, event.conversation);
                }
            }
            _ => {}
        }
    }
}

fn variable(name: &str) -> Result<String, Box<dyn Error>> {
    let value = env::var_os(name).ok_or_else(|| format!("{name} is not set"))?;
    Ok(value.into_string().map_err(|_| format!("{name} is no text"))?)
}
