//! Who takes part in a scenario: a server, people, and their rooms.

use futures_util::future::join_all;
use parlour_client::native::Api;
use parlour_protocol::accounts::CreateAccount;
use parlour_protocol::friends::CreateFriendRequest;
use parlour_protocol::ids::{ConversationId, UserId};
use parlour_protocol::rooms::CreateRoom;

use crate::server::Process;

/// Requests in flight while a scenario is prepared.
const AT_ONCE: usize = 32;

/// The password of every person.
pub const PASSWORD: &str = "correct horse battery";

/// A setting that `cargo xtask bench` passes.
pub fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is set by cargo xtask bench"))
}

/// The database, and with it the back end, of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    /// One node that keeps everything in a file: the default of most people.
    Sqlite,
    /// A node of a cluster: PostgreSQL with durable commits, and Redis.
    Postgres,
}

impl Database {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    /// The name that tables show.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }

    /// Starts Parlour.
    pub fn parlour(self) -> Process {
        self.parlour_with(&[])
    }

    /// The same, with further settings.
    pub fn parlour_with(self, settings: &[(&str, &str)]) -> Process {
        self.build(&setting("BENCH_PARLOUR_BIN"), settings)
    }

    /// Starts a given build of Parlour.
    pub fn build(self, program: &str, settings: &[(&str, &str)]) -> Process {
        if self == Self::Sqlite {
            return Process::parlour(program, settings);
        }
        let (database, redis) = (setting("TEST_DATABASE_URL"), setting("TEST_REDIS_URL"));
        let mut all = vec![("DATABASE_URL", database.as_str()), ("REDIS_URL", redis.as_str())];
        all.extend(settings);
        Process::parlour(program, &all)
    }
}

/// A person with an access token.
pub struct Somebody {
    /// REST client with their token.
    pub api: Api,
    /// Their id.
    pub id: UserId,
    /// Their handle.
    pub handle: String,
    /// Their access token.
    pub token: String,
}

/// Registers people for one run; handles do not clash with those of other runs on the same database.
pub async fn people(server: &Process, count: usize) -> Vec<Somebody> {
    let run = crate::wire::now() % 10_000_000_000;
    let register = |number: usize| async move {
        let api = Api::new(&format!("http://{}", server.address)).unwrap();
        let account = CreateAccount {
            handle: format!("b{run}_{number}"),
            display_name: None,
            password: PASSWORD.into(),
            device: Some("bench".into()),
            invite: None,
            refresh: Default::default(),
        };
        let signed_in =
            api.create_account(&account).await.expect("registers").signed_in().expect("is let in");
        let (id, handle) = (signed_in.account.id, signed_in.account.handle);
        Somebody { api, id, handle, token: signed_in.access_token }
    };
    let mut people = Vec::with_capacity(count);
    while people.len() < count {
        let next = people.len()..count.min(people.len() + AT_ONCE);
        people.extend(join_all(next.map(register)).await);
    }
    people
}

/// A room with all of these people in it.
pub async fn room(people: &[Somebody]) -> ConversationId {
    let name = format!("room {}", crate::wire::now());
    let room =
        people[0].api.create_room(&CreateRoom { name, topic: String::new() }).await.expect("makes a room");
    for group in people[1..].chunks(AT_ONCE) {
        for joined in join_all(group.iter().map(|one| one.api.join_room(room.id))).await {
            joined.expect("joins");
        }
    }
    room.id
}

/// Makes each person a friend of the next two, so that everyone has four.
pub async fn befriend(people: &[Somebody]) {
    let next = |number: usize, step: usize| &people[(number + step) % people.len()];
    for step in [1, 2] {
        for group in (0..people.len()).collect::<Vec<_>>().chunks(AT_ONCE) {
            let friends = group.iter().map(|number| async move {
                let (one, other) = (&people[*number], next(*number, step));
                let request = CreateFriendRequest { to: other.handle.clone() };
                one.api.create_friend_request(&request).await.expect("asks for friendship");
                other.api.accept_friend_request(one.id).await.expect("accepts");
            });
            join_all(friends).await;
        }
    }
}

/// Everybody's access token.
pub fn tokens(people: &[Somebody]) -> Vec<String> {
    people.iter().map(|one| one.token.clone()).collect()
}
