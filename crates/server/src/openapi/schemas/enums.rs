//! Enums: that further values may be added, and what each value means.
//!
//! Invariant: a value that only our types have, for what they don't know, is not described.

use parlour_protocol::problems::ErrorCode;
use serde_json::{Value, json};

use super::{NOT_ON_THE_WIRE, Schemas};

/// Enums that get further values within `v1`. A client must tolerate unknown values, so the description allows any
/// string in addition to today's.
const OPEN_ENUMS: [&str; 13] = [
    "AuditKind",
    "ConversationKind",
    "ErrorCode",
    "FactorMethod",
    "Feature",
    "JobKind",
    "MemberRole",
    "NotificationKind",
    "Permission",
    "Registration",
    "Relation",
    "ReplayState",
    "ServerRole",
];

/// Adds the meanings of enum values, and which one is the default.
pub(super) fn values(schemas: &mut Schemas) {
    let codes: String =
        ErrorCode::ALL.iter().map(|code| format!("\n- `{code}`: {}", code.meaning())).collect();
    // A default is given in the text: a Python generator gives one in the schema the wrong type.
    let texts = [
        ("ErrorCode", codes.as_str()),
        (
            "Permission",
            "\n- `read`: read its messages and events, and see its members.\n- `write`: send messages and edit one's own.\n- `react`: add and remove one's own reactions.\n- `delete_others`: delete messages of others; everyone may delete their own.\n- `edit_room`: change the room's name and topic.\n- `delete_room`: delete the room.",
        ),
        (
            "RefreshTransport",
            "\n- `body`, the default: in the body of the answer, for every client but pages of the server itself.\n- `cookie`: in a cookie that no script can read, for pages of the server itself.",
        ),
        (
            "ReplayState",
            "\n- `replay`: what was missed comes now, in order.\n- `gap`: too much was missed; page through it.\n- `reset`: the cursor is of another history, or beyond the head; start over.\n- `gone`: one is not in it any more.",
        ),
    ];
    for (name, text) in texts {
        let Some(schema) = schemas.get_mut(name) else { continue };
        let said = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        schema["description"] = json!(format!("{said}\n{text}"));
    }
    if let Some(status) =
        schemas.get_mut("Health").and_then(|health| health.pointer_mut("/properties/status"))
    {
        status["enum"] = json!(["ready", "degraded", "unavailable"]);
    }
}

/// Allows any other text besides today's values.
pub(super) fn open_enums(schemas: &mut Schemas) {
    for name in OPEN_ENUMS {
        let Some(Value::Object(schema)) = schemas.get_mut(name) else { continue };
        let Some(Value::Array(mut values)) = schema.remove("enum") else { continue };
        values.retain(|value| !NOT_ON_THE_WIRE.iter().any(|not| value == not));
        schema.remove("type");
        schema
            .insert("anyOf".to_owned(), json!([{ "type": "string", "enum": values }, { "type": "string" }]));
        let said = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        let said =
            format!("{said} Further values may be added: treat one that you don't know like none of these.");
        schema.insert("description".to_owned(), Value::String(said.trim().to_owned()));
    }
}
