//! Accounts as a browser has them: a token, the device's cookies, and an address that requests come from.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use serde_json::{Value, json};

use super::http::{self, Answer, Request};

/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery";

/// Somebody who is logged in.
#[derive(Debug, Clone)]
pub struct Person {
    /// Their handle.
    pub handle: String,
    /// Their id.
    pub id: String,
    /// Their access token.
    pub token: String,
    /// Their refresh token, if it came in the body.
    pub refresh_token: Option<String>,
    /// Cookies that the device stores.
    pub cookies: Vec<(String, String)>,
    /// The address that they usually come from.
    pub from: Ipv4Addr,
}

impl Person {
    /// Registers somebody.
    pub async fn register(to: SocketAddr, from: Ipv4Addr, handle: &str) -> Result<Self, String> {
        let body = json!({"handle": handle, "password": PASSWORD, "device": "attack", "refresh": "cookie"});
        let request = Request::new("POST", "/api/v1/accounts").with(body);
        let answer = http::ask(to, from, &request).await.map_err(|error| error.to_string())?;
        Self::signed_in(handle, from, Vec::new(), &answer)
    }

    /// Reads the response to a log-in or registration; keeps the cookies that the device already had.
    fn signed_in(
        handle: &str,
        from: Ipv4Addr,
        cookies: Vec<(String, String)>,
        answer: &Answer,
    ) -> Result<Self, String> {
        let body = answer.json();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let (Some(id), Some(token)) = (text(&body["account"]["id"]), text(&body["access_token"])) else {
            return Err(format!("{} {}", answer.status, answer.text()));
        };
        let mut person = Self {
            handle: handle.to_owned(),
            id,
            token,
            refresh_token: text(&body["refresh_token"]),
            cookies,
            from,
        };
        for line in answer.headers("set-cookie") {
            let Some((name, value)) = line.split(';').next().and_then(|pair| pair.split_once('=')) else {
                continue;
            };
            person.cookies.retain(|(known, _)| known != name);
            person.cookies.push((name.to_owned(), value.to_owned()));
        }
        Ok(person)
    }

    /// The header line with the device's cookies.
    pub fn cookie_line(&self) -> String {
        if self.cookies.is_empty() {
            return String::new();
        }
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("cookie: {}\r\n", pairs.join("; "))
    }

    /// Logs in again from an address, as the same device if `known`. Returns the status, and the person who is then
    /// logged in.
    pub async fn log_in(
        &self,
        to: SocketAddr,
        from: Ipv4Addr,
        known: bool,
    ) -> io::Result<(u16, Option<Self>)> {
        let headers = if known { self.cookie_line() } else { String::new() };
        let request = Request { headers: &headers, ..log_in(&self.handle, PASSWORD) };
        let answer = http::ask(to, from, &request).await?;
        let cookies = if known { self.cookies.clone() } else { Vec::new() };
        let person = Self::signed_in(&self.handle, from, cookies, &answer).ok();
        Ok((answer.status, person))
    }

    /// Sends a request as this person, from their address.
    pub async fn ask(
        &self,
        to: SocketAddr,
        method: &str,
        path: &str,
        json: Option<Value>,
    ) -> io::Result<Answer> {
        http::ask(to, self.from, &Request { method, path, token: Some(&self.token), headers: "", json }).await
    }

    /// Like [`Self::ask`], but the request must succeed.
    pub async fn must(&self, to: SocketAddr, method: &str, path: &str, json: Option<Value>) -> Value {
        let answer =
            self.ask(to, method, path, json).await.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        assert!(answer.is_ok(), "{method} {path}: {} {}", answer.status, answer.text());
        answer.json()
    }

    /// Creates a room and returns its id.
    pub async fn create_room(&self, to: SocketAddr, name: &str) -> String {
        let room = self.must(to, "POST", "/api/v1/rooms", Some(json!({"name": name}))).await;
        room["id"].as_str().expect("the id of a room").to_owned()
    }

    /// Joins a room.
    pub async fn join(&self, to: SocketAddr, room: &str) {
        self.must(to, "PUT", &format!("/api/v1/rooms/{room}/membership"), None).await;
    }

    /// Sends a message and returns the response, whatever it is.
    pub async fn send(
        &self,
        to: SocketAddr,
        conversation: &str,
        cid: &str,
        body: &str,
    ) -> io::Result<Answer> {
        let path = format!("/api/v1/conversations/{conversation}/messages/{cid}");
        self.ask(to, "PUT", &path, Some(json!({"body": body}))).await
    }
}

/// The request that logs in.
pub fn log_in(handle: &str, password: &str) -> Request<'static> {
    let body = json!({"handle": handle, "password": password, "refresh": "cookie"});
    Request::new("POST", "/api/v1/sessions").with(body)
}

/// A loopback address in 127.`range`, chosen by a number.
pub fn address(range: u8, number: usize) -> Ipv4Addr {
    let number = number % (250 * 250);
    Ipv4Addr::new(127, range, (number / 250) as u8, (number % 250 + 1) as u8)
}

/// The address of the single attacker.
pub fn attacker() -> Ipv4Addr {
    address(1, 0)
}
