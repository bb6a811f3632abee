//! Writes out what is said wherever one takes part, as it happens: `PARLOUR_URL=… PARLOUR_TOKEN=… cargo run --example follow`

use std::env;
use std::error::Error;

use parlour_client::native::{Api, Follower, Options, Update};
use parlour_protocol::socket::Change;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let api = Api::new(&variable("PARLOUR_URL")?)?.persistent();
    api.set_tokens(Some(variable("PARLOUR_TOKEN")?), None);
    let me = api.show_account().await?;
    eprintln!("following as @{}", me.handle);

    // It connects again by itself, as often as it takes, and goes on where it was: each event comes once, in order.
    let mut follower = Follower::start(api, Options::default());
    loop {
        match follower.next().await? {
            Update::Connected => eprintln!("connected"),
            Update::Event(event) => {
                if let Change::MessageCreated { author, body: Some(body), .. } = event.change {
                    // What others write may hold what a terminal obeys: it is written as Rust would.
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
