//! The socket in AsyncAPI 3: one channel, a message for every frame, and what no schema can say: when the server
//! closes, how a connection resumes, and the limits.
//!
//! Invariant: frames are described by their schemas; only what these cannot express is written here.

use parlour_protocol::close_codes::CloseCode;
use parlour_protocol::limits;
use parlour_protocol::socket::SUBPROTOCOL;
use serde_json::{Map, Value, json};

use super::schemas::Schemas;
use super::{API_VERSION, SOCKET};

/// The document, given the schemas of all frames.
pub fn of(mut schemas: Schemas) -> Value {
    let (commands, command_messages) = messages(&schemas, "ClientFrame");
    let (frames, frame_messages) = messages(&schemas, "ServerFrame");
    // Messages replace the two unions; of a discriminator, AsyncAPI supports only the field's name.
    schemas.remove("ClientFrame");
    schemas.remove("ServerFrame");
    for schema in schemas.values_mut() {
        if let Some(field) = schema.pointer("/discriminator/propertyName").cloned() {
            schema["discriminator"] = field;
        }
    }
    let channel: Map<String, Value> =
        commands.iter().chain(&frames).map(|name| (name.clone(), reference(name))).collect();
    let mut all = command_messages;
    all.extend(frame_messages);
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Parlour socket",
            "version": API_VERSION,
            "description": about(),
            "license": { "name": "MIT", "url": "https://spdx.org/licenses/MIT" },
            // An address at the example host, which stands for each operator's own.
            "contact": {
                "name": "The administrators of the server",
                "url": "https://chat.example.org",
                "email": "administrators@chat.example.org",
            },
            "tags": [{ "name": "socket", "description": "Live events and commands." }],
        },
        "defaultContentType": "application/json",
        "servers": { "own": {
            "host": "{host}",
            "protocol": "wss",
            "description": "A server of your own",
            "variables": { "host": { "default": "chat.example.org", "description": "Host, and port where it isn't 443" } },
            "security": [{ "$ref": "#/components/securitySchemes/bearer" }],
        } },
        "channels": { "socket": {
            "address": SOCKET,
            "title": "The socket",
            "description": format!("WebSocket with the subprotocol `{SUBPROTOCOL}`."),
            "messages": channel,
            "bindings": { "ws": { "bindingVersion": "0.1.0", "method": "GET", "headers": {
                "type": "object",
                "required": ["Sec-WebSocket-Protocol"],
                "properties": { "Sec-WebSocket-Protocol": { "type": "string", "const": SUBPROTOCOL } },
            } } },
        } },
        "operations": operations(&commands, &frames),
        "components": {
            "messages": all,
            "schemas": schemas,
            "securitySchemes": { "bearer": {
                "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                "description": "An access token in the `Authorization` header of the handshake, or as `token` of `start`.",
            } },
        },
        "x-close-codes": CloseCode::ALL.iter().map(close_code).collect::<Value>(),
        "x-limits": {
            "heartbeat_ms": limits::HEARTBEAT_MS,
            "silence_ms": 60_000,
            "start_within_ms": 10_000,
            "max_frame_bytes": limits::FRAME.0,
            "max_fragments": limits::FRAME.1,
            "sockets_per_person_and_node": limits::SOCKETS_PER_USER,
            "live_conversations": limits::LIVE,
            "replayed_events_per_conversation": limits::REPLAY.0,
            "replayed_events": limits::REPLAY.1,
            "events_per_sync": limits::EVENTS_PAGE,
        },
    })
}

/// What each side sends.
fn operations(commands: &[String], frames: &[String]) -> Value {
    let of_channel = |names: &[String]| -> Value {
        names.iter().map(|name| json!({ "$ref": format!("#/channels/socket/messages/{name}") })).collect()
    };
    json!({
        "receiveCommand": {
            "action": "receive",
            "channel": { "$ref": "#/channels/socket" },
            "summary": "What clients send",
            "description": "`start` comes first. Every command but `typing` is answered by `ok` or `error` with its `id`.",
            "messages": of_channel(commands),
        },
        "sendFrame": {
            "action": "send",
            "channel": { "$ref": "#/channels/socket" },
            "summary": "What the server sends",
            "description": "A WebSocket message may hold several frames, one a line. Ignore frames of a type and events of a kind that you don't know, but count the `seq` of events.",
            "messages": of_channel(frames),
        },
    })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/messages/{name}") })
}

/// The messages of a union: their names, and their definitions.
fn messages(schemas: &Schemas, union: &str) -> (Vec<String>, Map<String, Value>) {
    let mapping = schemas.get(union).and_then(|union| union.pointer("/discriminator/mapping"));
    let mut names = Vec::new();
    let mut all = Map::new();
    for (tag, target) in mapping.and_then(Value::as_object).into_iter().flatten() {
        let schema = target.as_str().unwrap_or_default();
        let name = schema.rsplit('/').next().unwrap_or_default();
        let said =
            schemas.get(name).and_then(|schema| schema.get("description")).cloned().unwrap_or_default();
        all.insert(
            name.to_owned(),
            json!({ "name": tag, "title": name, "summary": said, "payload": { "$ref": schema } }),
        );
        names.push(name.to_owned());
    }
    (names, all)
}

fn close_code(code: &CloseCode) -> Value {
    json!({
        "code": code.code(),
        "reason": code.reason(),
        "recovery": code.recovery().as_str(),
        "reconnects": CloseCode::reconnects(code.code()),
    })
}

fn about() -> String {
    let codes: String = CloseCode::ALL
        .iter()
        .map(|code| format!("| {} | {} | `{}` |\n", code.code(), code.reason(), code.recovery().as_str()))
        .collect();
    format!(
        "Commands and live events of a Parlour server: JSON text messages.\n\n\
         **Beginning.** The server says `hello`; the first command is `start`, within 10 seconds, with the access token \
         (unless the handshake had it) and the cursors that are known.\n\n\
         **Resuming.** `start` is answered with a `state` for each stream. `replay`: everything after the cursor follows as \
         events; without a cursor nothing follows, and the stream begins at its `head`. `gap`: more than {per} events of one \
         conversation or {all} in all were missed; read them with `sync` or over REST, or start over from the newest \
         messages. `reset`: the cursor is not of this history (another `epoch`, or beyond the head); forget it. `gone`: one \
         is not in this conversation. Apply an event only if its `seq` is the cursor plus one; ignore lower ones; fetch what \
         is missing before higher ones.\n\n\
         **What is heard.** Direct chats and the conversations in `live` (up to {live}, replaced by `focus`) send their \
         events. All others send `heads` with their newest positions. After `resync` some frames were left out: fetch what is \
         missing.\n\n\
         **Heartbeat.** Send anything, a `ping` command or a WebSocket ping, after {heartbeat} seconds without traffic. After \
         60 seconds of silence the server closes.\n\n\
         **Limits.** Frames up to {frame} bytes; 20 commands a second in the long run and 60 at once, then `rate_limited`; \
         {sockets} sockets of one person on one node. `sync` gives up to {sync} events, whatever more is asked for.\n\n\
         **Closing.** Every close carries a reason. Codes that aren't listed: reconnect below 4500, stop from 4500 on.\n\n\
         | Code | Reason | What to do |\n| --- | --- | --- |\n{codes}",
        per = limits::REPLAY.0,
        all = limits::REPLAY.1,
        live = limits::LIVE,
        heartbeat = limits::HEARTBEAT_MS / 1000,
        frame = limits::FRAME.0,
        sockets = limits::SOCKETS_PER_USER,
        sync = limits::EVENTS_PAGE,
    )
}
