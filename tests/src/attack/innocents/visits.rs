//! What people do besides chatting: they log in, read, open sockets and confirm their password.

use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::Instant;

use serde_json::json;
use tokio::io::AsyncWriteExt;

use super::super::http;
use super::super::people::{PASSWORD, Person, address, attacker};
use super::super::scene::{read_head, read_until};
use super::{PATIENCE, Shared, every};
use crate::wire;

const NEW: &str = "log-in, new device";
const KNOWN: &str = "log-in, known device";
const READ: &str = "read";
const SOCKET: &str = "socket";
const CONFIRM: &str = "confirmation";

/// Log-ins from new devices and addresses.
pub(super) async fn log_in_first(shared: Rc<Shared>, people: Vec<Person>) {
    let again = shared.clone();
    every(&again, (0, 1000), move |number| {
        let (shared, person) = (shared.clone(), people[number % people.len()].clone());
        async move { drop(log_in(&shared, &person, address(3, number), number, NEW).await) }
    })
    .await;
}

/// Log-ins from devices that have logged in before, from any address: also from the attacker's.
pub(super) async fn log_in_again(shared: Rc<Shared>, people: Vec<Person>) {
    let devices: Rc<[RefCell<Person>]> = people.into_iter().map(RefCell::new).collect();
    let again = shared.clone();
    every(&again, (500, 1000), move |number| {
        let (shared, devices) = (shared.clone(), devices.clone());
        // Every other log-in is by the first person, whom an attacker may have chosen as a victim.
        let which = if number % 2 == 0 { 0 } else { number / 2 % devices.len() };
        async move {
            let from = if number % 3 == 2 { attacker() } else { address(4, number) };
            let person = devices[which].borrow().clone();
            if let Some(person) = log_in(&shared, &person, from, number, KNOWN).await {
                devices[which].borrow_mut().cookies = person.cookies;
            }
        }
    })
    .await;
}

async fn log_in(
    shared: &Shared,
    person: &Person,
    from: Ipv4Addr,
    number: usize,
    kind: &'static str,
) -> Option<Person> {
    let (phase, began) = (shared.phase(), Instant::now());
    shared.note(phase, |tally| tally.tried(kind));
    let asked = person.log_in(shared.to(number), from, kind == KNOWN);
    let (outcome, person) = match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok((_, Some(person)))) => (Ok(()), Some(person)),
        Ok(Ok((status, None))) => (Err(status.to_string()), None),
        Ok(Err(error)) => (Err(error.kind().to_string()), None),
        Err(_) => (Err("no answer".to_owned()), None),
    };
    let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    shared.note(phase, |tally| match outcome {
        Ok(()) => tally.log_in.push(took),
        Err(why) => tally.refused(kind, &why),
    });
    person
}

/// Reads in open sessions.
pub(super) async fn read(shared: Rc<Shared>, people: Vec<Person>) {
    let again = shared.clone();
    every(&again, (100, 250), move |number| {
        let (shared, person) = (shared.clone(), people[number % people.len()].clone());
        async move {
            let request = http::Request::new("GET", "/api/v1/conversations").by(&person.token);
            let asked = http::ask(shared.to(number), person.from, &request);
            judge(&shared, READ, asked).await;
        }
    })
    .await;
}

/// Confirms the password in an open session.
pub(super) async fn confirm(shared: Rc<Shared>, person: Person) {
    let again = shared.clone();
    every(&again, (250, 2000), move |number| {
        let (shared, person) = (shared.clone(), person.clone());
        async move {
            let body = json!({"current": PASSWORD, "new": PASSWORD});
            let request = http::Request::new("PUT", "/api/v1/account/password").by(&person.token).with(body);
            let asked = http::ask(shared.to(number), person.from, &request);
            judge(&shared, CONFIRM, asked).await;
        }
    })
    .await;
}

async fn judge(
    shared: &Shared,
    kind: &'static str,
    asked: impl Future<Output = std::io::Result<http::Answer>>,
) {
    let phase = shared.phase();
    shared.note(phase, |tally| tally.tried(kind));
    let why = match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(answer)) if answer.is_ok() => return,
        Ok(Ok(answer)) => answer.status.to_string(),
        Ok(Err(error)) => error.kind().to_string(),
        Err(_) => "no answer".to_owned(),
    };
    shared.note(phase, |tally| tally.refused(kind, &why));
}

/// New sockets of an open session, each from a different address.
pub(super) async fn open_sockets(shared: Rc<Shared>, person: Person) {
    let again = shared.clone();
    every(&again, (170, 500), move |number| {
        let (shared, person) = (shared.clone(), person.clone());
        async move {
            let phase = shared.phase();
            shared.note(phase, |tally| tally.tried(SOCKET));
            let opened = open_socket(&shared, &person, number);
            let why = match tokio::time::timeout(PATIENCE, opened).await {
                Ok(Ok(())) => return,
                Ok(Err(why)) => why,
                Err(_) => "no answer",
            };
            shared.note(phase, |tally| tally.refused(SOCKET, why));
        }
    })
    .await;
}

async fn open_socket(shared: &Shared, person: &Person, number: usize) -> Result<(), &'static str> {
    let connected = http::connect(shared.to(number), address(6, number), None).await;
    let mut stream = connected.map_err(|_| "not connected")?;
    let bearer = format!("\r\nauthorization: Bearer {}\r\n\r\n", person.token);
    let mut request = wire::upgrade("localhost", "/api/v1/socket");
    request.truncate(request.len() - 4);
    request.push_str(&bearer);
    stream.write_all(request.as_bytes()).await.map_err(|_| "not asked")?;
    if !read_head(&mut stream).await {
        return Err("no handshake");
    }
    stream.write_all(&wire::client_frame("{\"op\":\"start\",\"id\":1}")).await.map_err(|_| "not started")?;
    if read_until(&mut stream, b"\"type\":\"ok\"").await { Ok(()) } else { Err("no answer to start") }
}
