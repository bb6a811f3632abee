//! The whole story of two people, told through the progenitor client alone.

// Not every type is used, and generated code is not ours to improve.
#[allow(dead_code, unused, clippy::all)]
mod client;

use std::{collections::BTreeSet, env, error::Error as StdError, fmt::Debug, fs};

use futures_util::StreamExt;
use progenitor_client::{ByteStream, Error, ResponseValue};

use client::{
    Client,
    types::{self, ConversationId, Event, Seq},
};

type Outcome<T = ()> = Result<T, Box<dyn StdError>>;
type Answer<T> = Result<ResponseValue<T>, Error<types::Problem>>;

const PASSWORD: &str = "correct horse battery";

/// A person with their own client.
struct Person {
    client: Client,
    account: types::Account,
    refresh: String,
    token: String,
}

fn setting(name: &str) -> Outcome<String> {
    env::var(name).map_err(|_| format!("{name} is not set; `cargo xtask contract` does it").into())
}

fn check(holds: bool, what: &str) -> Outcome {
    if holds { Ok(()) } else { Err(format!("does not hold: {what}").into()) }
}

fn same<T: PartialEq + Debug>(found: T, expected: T, what: &str) -> Outcome {
    check(found == expected, &format!("{what}: {expected:?} was expected, and it is {found:?}"))
}

/// The problem of an operation that must be refused, after checking what every problem has in common.
fn refused<T>(answer: Answer<T>) -> Outcome<types::Problem> {
    let Err(Error::ErrorResponse(response)) = answer else { return Err("it was not refused".into()) };
    let status = i32::from(response.status().as_u16());
    let problem = response.into_inner();
    same(problem.status, status, "the status in a problem")?;
    check(
        !problem.request_id.is_empty() && !problem.title.is_empty(),
        "a problem names its request and has a title",
    )?;
    let address = format!("#{}", problem.code.as_str());
    check(problem.type_.ends_with(&address), "the type of a problem leads to its code")?;
    Ok(problem)
}

async fn bytes(answer: ResponseValue<ByteStream>) -> Outcome<Vec<u8>> {
    let mut stream = answer.into_inner_stream();
    let mut all = Vec::new();
    while let Some(part) = stream.next().await {
        all.extend_from_slice(&part?);
    }
    Ok(all)
}

fn stranger(address: &str) -> Client {
    Client::new_with_client(address, reqwest::Client::new())
}

fn known(address: &str, token: &str) -> Outcome<Client> {
    let mut headers = reqwest::header::HeaderMap::new();
    headers.insert(reqwest::header::AUTHORIZATION, format!("Bearer {token}").parse()?);
    let http = reqwest::Client::builder().default_headers(headers).build()?;
    Ok(Client::new_with_client(address, http))
}

fn account(handle: &str) -> Outcome<types::CreateAccount> {
    Ok(types::CreateAccount {
        handle: handle.parse()?,
        password: PASSWORD.parse()?,
        refresh: Some(types::RefreshTransport::Body),
        device: None,
        display_name: None,
        invite: None,
    })
}

async fn register(address: &str, handle: &str) -> Outcome<Person> {
    let signed = stranger(address).create_account(None, &account(handle)?).await?.into_inner();
    let types::CreateAccountResponse::SignedIn(signed) = signed else {
        return Err("registration is open".into());
    };
    Ok(Person {
        client: known(address, &signed.access_token)?,
        account: signed.account,
        refresh: signed.refresh_token.ok_or("the refresh token is in the body")?,
        token: signed.access_token,
    })
}

async fn befriend(ada: &Person, ben: &Person) -> Outcome<ConversationId> {
    let user = &ben.account.id;
    let problem = refused(ada.client.open_direct(user).await)?;
    same(problem.code.as_str(), "not_friends", "writing to a stranger")?;
    let body = types::CreateFriendRequest { to: format!("@{}", ben.account.handle).parse()? };
    ada.client.create_friend_request(None, &body).await?;
    let asked = ben.client.list_friend_requests().await?.into_inner();
    let asked: Vec<_> = asked.incoming.iter().map(|request| request.user.id.as_str()).collect();
    same(asked, vec![ada.account.id.as_str()], "who asked")?;
    let accepted = ben.client.accept_friend_request(&ada.account.id).await?.into_inner();
    same(accepted.relation.as_str(), "friend", "the relation")?;
    let friends = ada.client.list_friends(None, None).await?.into_inner();
    let friends: Vec<_> = friends.items.iter().map(|friend| friend.user.handle.as_str()).collect();
    same(friends, vec![ben.account.handle.as_str()], "friends")?;
    let direct = ada.client.open_direct(user).await?.into_inner();
    check(direct.writable && direct.kind.as_str() == "direct", "friends can write to each other")?;
    let peer = direct.peer.as_ref().map(|peer| peer.id.as_str());
    same(peer, Some(user.as_str()), "the other one")?;
    Ok(direct.id)
}

async fn room(ada: &Person, ben: &Person) -> Outcome<ConversationId> {
    let name = format!("tea {}", ada.account.handle);
    let body = types::CreateRoom { name: name.parse()?, topic: Some("All about tea".parse()?) };
    let made = ada.client.create_room(None, &body).await?.into_inner();
    let taken = refused(ben.client.create_room(None, &body).await)?;
    same((taken.code.as_str(), taken.status), ("taken", 409), "a name that is taken")?;
    let found = ben.client.list_rooms(None, None, Some(&name.parse()?)).await?.into_inner();
    let found: Vec<_> = found.items.iter().map(|room| room.id.as_str()).collect();
    same(found, vec![made.id.as_str()], "what a search finds")?;
    let joined = ben.client.join_room(&made.id).await?.into_inner();
    let role = joined.role.as_ref().map(|role| role.as_str());
    same((joined.kind.as_str(), role), ("room", Some("member")), "what was joined")?;
    let members = ada.client.list_members(&made.id, None, None, None).await?.into_inner();
    same(members.items.len(), 2, "members")?;
    Ok(made.id)
}

async fn messages(ada: &Person, ben: &Person, place: &ConversationId) -> Outcome {
    let name: types::SendMessageCid = "first-message".parse()?;
    let body = types::SendMessage { body: "See you at six".parse()?, reply_to: None };
    let first = ada.client.send_message(place, &name, &body).await?.into_inner();
    let again = ada.client.send_message(place, &name, &body).await?.into_inner();
    same((first.duplicate, again.duplicate, again.seq.0), (false, true, first.seq.0), "sending twice")?;
    let other = types::SendMessage { body: "At seven".parse()?, reply_to: None };
    let conflict = refused(ada.client.send_message(place, &name, &other).await)?;
    same(conflict.code.as_str(), "conflict", "another text under the same name")?;
    let mut sent = vec![first.seq.0];
    for number in 0..4 {
        let body = types::SendMessage {
            body: format!("Message {number}").parse()?,
            reply_to: Some(first.seq.clone()),
        };
        let cid = format!("message-{number}").parse()?;
        sent.push(ada.client.send_message(place, &cid, &body).await?.into_inner().seq.0);
    }

    let two = Some(2.try_into()?);
    let (mut read, mut before, mut older) = (Vec::new(), None, true);
    while older {
        let page =
            ben.client.list_messages(place, None, None, None, before.as_ref(), two).await?.into_inner();
        check((1..=2).contains(&page.items.len()), "a page has up to as many items as were asked for")?;
        read.splice(0..0, page.items.iter().map(|message| message.seq.0));
        before = page.items.first().map(|message| message.seq.clone());
        older = page.older;
    }
    same(&read, &sent, "all pages")?;
    changes(ada, ben, place, &first.seq).await?;
    let last = Seq(*sent.last().ok_or("nothing was sent")?);
    let marker = ben.client.mark_read(place, &types::MarkRead { seq: last.clone() }).await?.into_inner();
    same(marker.seq.0, last.0, "the marker")?;
    events(ben, place, &sent).await
}

async fn changes(ada: &Person, ben: &Person, place: &ConversationId, first: &Seq) -> Outcome {
    let change = types::EditMessage { body: "See you at **seven**".parse()? };
    let theirs = refused(ben.client.edit_message(place, first, &change).await)?;
    same(theirs.code.as_str(), "forbidden", "editing what another wrote")?;
    ada.client.edit_message(place, first, &change).await?;
    ben.client.add_reaction(place, first, &"👍".parse()?).await?;
    let edited = ada.client.show_message(place, first).await?.into_inner();
    same(edited.body.as_deref(), Some("See you at **seven**"), "what was edited")?;
    check(edited.edited_at.is_some() && edited.cid == "first-message", "an edit has a time")?;
    let reactions: Vec<_> = edited
        .reactions
        .iter()
        .map(|one| (one.emoji.as_str(), one.users.iter().map(|id| id.as_str()).collect()))
        .collect();
    same(reactions, vec![("👍", vec![ben.account.id.as_str()])], "reactions")?;
    ben.client.delete_reaction(place, first, &"👍".parse()?).await?;
    ada.client.delete_message(place, first).await?;
    let deleted = ada.client.show_message(place, first).await?.into_inner();
    check(deleted.deleted_at.is_some() && deleted.body.is_none(), "a deleted message has no text")
}

/// The log, matched by kind: only what the compiler knows about each kind is used.
async fn events(person: &Person, place: &ConversationId, sent: &[i64]) -> Outcome {
    let (mut created, mut kinds, mut after, mut head) = (Vec::new(), BTreeSet::new(), 0, 1);
    while after < head {
        let three = Some(3.try_into()?);
        let page = person.client.list_events(place, Some(&Seq(after)), three).await?.into_inner();
        for event in page.items {
            after += 1;
            let seq = match event {
                Event::MessageCreatedEvent(event) => {
                    created.push(event.seq.0);
                    check(!event.data.cid.is_empty(), "a message has the name that its author gave it")?;
                    event.seq
                }
                Event::MessageEditedEvent(event) => {
                    same(Some(&event.data.target.0), sent.first(), "which was edited")?;
                    kinds.insert("edited");
                    event.seq
                }
                Event::MessageDeletedEvent(event) => {
                    kinds.insert("deleted");
                    event.seq
                }
                Event::ReactionAddedEvent(event) => {
                    kinds.insert("reacted");
                    event.seq
                }
                Event::ReactionRemovedEvent(event) => {
                    kinds.insert("withdrawn");
                    event.seq
                }
                Event::MemberJoinedEvent(event) => event.seq,
                other => return Err(format!("nobody did this: {other:?}").into()),
            };
            same(seq.0, after, "positions have no holes")?;
        }
        same(page.next_after.0, after, "where the next page begins")?;
        head = page.head.0;
    }
    same(created.as_slice(), sent, "messages in the log")?;
    same(kinds.len(), 4, "kinds of changes in the log")
}

async fn avatar(address: &str, ada: &Person) -> Outcome {
    let picture = fs::read(setting("CONTRACT_PICTURE")?)?;
    let changed = ada.client.upload_avatar(picture).await?.into_inner();
    let name = changed.avatar.ok_or("there is a picture now")?;
    let shown = bytes(stranger(address).show_avatar(&name, 256).await?).await?;
    let plain =
        reqwest::get(format!("{address}/api/v1/avatars/{}/256", name.as_str())).await?.bytes().await?;
    check(shown == plain, "the picture's bytes are those that the server sends")?;
    check(shown.len() > 100, "the picture is a picture")?;
    let without = ada.client.delete_avatar().await?.into_inner();
    check(without.avatar.is_none(), "there is no picture afterwards")
}

async fn exported(ada: &Person) -> Outcome {
    let nonsense = types::ConfirmPassword { password: "not this one".parse()? };
    let wrong = refused(ada.client.export_account(&nonsense).await)?;
    same(wrong.code.as_str(), "bad_credentials", "a wrong password")?;
    let body = types::ConfirmPassword { password: PASSWORD.parse()? };
    let file = String::from_utf8(bytes(ada.client.export_account(&body).await?).await?)?;
    let kind = |line: Option<&str>| -> Outcome<String> {
        let line: serde_json::Value = serde_json::from_str(line.ok_or("there are lines")?)?;
        Ok(line["kind"].as_str().unwrap_or_default().to_owned())
    };
    same(kind(file.lines().next())?.as_str(), "export", "the first line")?;
    same(kind(file.lines().last())?.as_str(), "end", "the last line")
}

async fn problems(address: &str, ada: &Person) -> Outcome {
    // The generated types check lengths already, so only the server can find this.
    let invalid = refused(stranger(address).create_account(None, &account("1st")?).await)?;
    same(invalid.code.as_str(), "invalid", "a handle that is none")?;
    let broken: Vec<_> = invalid.violations.iter().map(|one| one.field.as_str()).collect();
    same(broken, vec!["handle"], "what breaks rules")?;
    let later = known(&setting("CONTRACT_STUB")?, &ada.token)?;
    let unknown = refused(later.list_friends(None, None).await)?;
    same(unknown.code.as_str(), setting("CONTRACT_STUB_CODE")?.as_str(), "a code of a later version")?;
    let nobody = refused(known(address, "nonsense")?.show_account().await)?;
    same((nobody.code.as_str(), nobody.status), ("unauthenticated", 401), "a token that is none")
}

async fn sessions(address: &str, ada: &Person) -> Outcome {
    let body = types::RefreshSession { refresh_token: Some(ada.refresh.parse()?) };
    let next = stranger(address).refresh_session(&body).await?.into_inner();
    check(next.refresh_token.is_some_and(|token| token != ada.refresh), "the refresh token is a new one")?;
    let client = known(address, &next.access_token)?;
    let shown = client.show_account().await?.into_inner();
    same(shown.id.as_str(), ada.account.id.as_str(), "who the new token is of")?;
    let again = types::CreateSession {
        handle: ada.account.handle.parse()?,
        password: PASSWORD.parse()?,
        device: None,
        device_token: None,
        refresh: None,
    };
    stranger(address).create_session(None, &again).await?;
    same(client.list_sessions(None, None).await?.into_inner().items.len(), 2, "sessions")?;
    client.delete_current_session().await?;
    same(refused(client.show_account().await)?.status, 401, "after logging out")
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let address = setting("CONTRACT_SERVER")?;
    let info = stranger(&address).show_server().await?.into_inner();
    check(info.registration_open && info.limits.message_length > 0, "the server says what it takes")?;
    let (ada, ben) = (register(&address, "rs_ada").await?, register(&address, "rs_ben").await?);
    messages(&ada, &ben, &befriend(&ada, &ben).await?).await?;
    messages(&ada, &ben, &room(&ada, &ben).await?).await?;
    avatar(&address, &ada).await?;
    exported(&ada).await?;
    problems(&address, &ada).await?;
    sessions(&address, &ada).await?;
    println!("requests: {}", client::requests());
    Ok(())
}
