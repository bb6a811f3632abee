//! The guide for authors of clients, `docs/guide.md`: every request in it is made, and every response must match.
//!
//! Invariant: a block of an unknown kind fails. So does a placeholder that nothing has set.

use std::collections::BTreeMap;

use futures_util::{SinkExt, StreamExt};
use parlour_protocol::time::SECOND;
use reqwest::Method;
use serde_json::Value;
use system_tests::{App, on_all_backends};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

on_all_backends!(everything_in_the_guide_is_so);

const GUIDE: &str = include_str!("../../../docs/guide.md");

/// A code block: the text after its fence, and its lines.
struct Block<'a> {
    kind: &'a str,
    lines: Vec<&'a str>,
}

fn blocks() -> Vec<Block<'static>> {
    let (mut found, mut open) = (Vec::new(), None::<Block<'_>>);
    for line in GUIDE.lines() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(kind), None) => open = Some(Block { kind, lines: Vec::new() }),
            (Some(_), Some(block)) => found.push(block),
            (None, Some(mut block)) => {
                block.lines.push(line);
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    found
}

/// The values of placeholders.
#[derive(Default)]
struct Known(BTreeMap<String, String>);

impl Known {
    /// Replaces placeholders by their values.
    fn fill(&self, text: &str) -> String {
        let mut filled = text.to_owned();
        for (name, value) in &self.0 {
            filled = filled.replace(&format!("{{{name}}}"), value);
        }
        let left = ["\"{", " {", "/{", "-{"].iter().any(|start| {
            filled.split(start).skip(1).any(|rest| {
                rest.split_once('}').is_some_and(|(name, _)| {
                    !name.is_empty() && name.chars().all(|one| one.is_ascii_alphanumeric() || one == '_')
                })
            })
        });
        assert!(!left, "nothing has set a placeholder in {filled}");
        filled
    }

    /// Compares a response with what the guide shows; objects may have additional fields.
    fn compare(&mut self, shown: &Value, came: &Value, at: &str) -> Result<(), String> {
        match (shown, came) {
            (Value::String(shown), _) if shown == "…" => Ok(()),
            (Value::String(shown), Value::String(came)) => {
                let name = shown.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
                match name.map(|name| (name, self.0.get(name))) {
                    Some((name, None)) => {
                        self.0.insert(name.to_owned(), came.clone());
                        Ok(())
                    }
                    Some((_, Some(known))) if known == came => Ok(()),
                    None if shown == came => Ok(()),
                    _ => Err(format!("{at} is {came:?}, not {shown:?}")),
                }
            }
            (Value::Object(shown), Value::Object(came)) => shown.iter().try_for_each(|(name, shown)| {
                let name = if name.starts_with('{') { self.fill(name) } else { name.clone() };
                let at = format!("{at}.{name}");
                self.compare(shown, came.get(&name).ok_or_else(|| format!("{at} is missing"))?, &at)
            }),
            (Value::Array(shown), Value::Array(came)) => {
                let anything = shown.len() == 1 && shown[0] == "…";
                if !anything && shown.len() != came.len() {
                    return Err(format!("{at} has {} items, not {}", came.len(), shown.len()));
                }
                shown.iter().zip(came).try_for_each(|(shown, came)| self.compare(shown, came, at))
            }
            _ if shown == came => Ok(()),
            _ => Err(format!("{at} is {came}, not {shown}")),
        }
    }
}

/// Makes a request and returns its status and body.
async fn request(app: &App, known: &Known, node: usize, lines: &[&str]) -> (String, u16, Value) {
    let text = known.fill(&lines.join("\n"));
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let mut head = head.lines();
    let first = head.next().unwrap();
    let (method, path) = first.split_once(' ').unwrap();
    let url = app.stranger(node).base().join(path).unwrap();
    let mut request = reqwest::Client::new().request(Method::from_bytes(method.as_bytes()).unwrap(), url);
    for line in head {
        let (name, value) = line.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    let response = request.body(body.to_owned()).send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
    (first.to_owned(), status, body)
}

async fn socket(app: &App, known: &mut Known, node: usize, lines: &[&str]) {
    let address = app.address(node).replacen("http", "ws", 1);
    let mut request =
        format!("{}/api/v1/socket", address.trim_end_matches('/')).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "parlour.v1".parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    let mut frames: Vec<Value> = Vec::new();
    let mut closed = None;
    for line in lines {
        if let Some(frame) = line.strip_prefix("> ") {
            socket.send(Message::text(known.fill(frame))).await.unwrap();
            continue;
        }
        let shown = line.strip_prefix("< ");
        loop {
            // Other frames, such as presence, are skipped.
            if let Some(shown) = shown {
                let shown: Value = serde_json::from_str(shown).unwrap();
                let found = frames.iter().position(|came| {
                    shown["type"] == came["type"]
                        && ["id", "seq"].iter().all(|key| shown[*key].is_null() || shown[*key] == came[*key])
                });
                if let Some(found) = found {
                    let came = frames.drain(..=found).next_back().unwrap();
                    known
                        .compare(&shown, &came, "$")
                        .unwrap_or_else(|fault| panic!("{line}: {fault}: {came}"));
                    break;
                }
            } else if let Some(code) = closed {
                assert_eq!(*line, format!("close {code}"));
                break;
            }
            let next = tokio::time::timeout(std::time::Duration::from_secs(20), socket.next()).await;
            match next.unwrap_or_else(|_| panic!("{line} does not come; left are {frames:?}")) {
                Some(Ok(Message::Text(text))) => {
                    frames.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
                }
                Some(Ok(Message::Close(Some(frame)))) => closed = Some(u16::from(frame.code)),
                Some(Ok(_)) => {}
                other => panic!("{line}: {other:?}"),
            }
        }
    }
}

async fn everything_in_the_guide_is_so(app: App) {
    let mut known = Known::default();
    let mut asked: Option<(String, u16, Value)> = None;
    let mut counts = [0; 2];
    for (number, block) in blocks().into_iter().enumerate() {
        // Time moves on, and the sections use the nodes in turn.
        app.advance(SECOND);
        let node = number / 2 % app.nodes();
        match block.kind.split_once(' ').unwrap_or((block.kind, "")) {
            ("http", "") => {
                assert!(asked.is_none(), "a request without an answer");
                asked = Some(request(&app, &known, node, &block.lines).await);
                counts[0] += 1;
            }
            ("json", status) => {
                let (what, came_with, came) = asked.take().expect("an answer without a request");
                assert_eq!(status, came_with.to_string(), "{what}: {came}");
                let shown = block.lines.join("\n");
                let shown =
                    if shown.is_empty() { Value::Null } else { serde_json::from_str(&shown).unwrap() };
                known.compare(&shown, &came, "$").unwrap_or_else(|fault| panic!("{what}: {fault}: {came}"));
            }
            ("socket", _) => {
                socket(&app, &mut known, node, &block.lines).await;
                counts[1] += 1;
            }
            ("sh", _) => {}
            (kind, _) => panic!("a block of a kind that nobody runs: {kind}"),
        }
    }
    assert!(asked.is_none() && counts[0] >= 25 && counts[1] == 3, "{counts:?}");
}
