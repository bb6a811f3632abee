//! How valid input is made almost valid.

use serde_json::{Value, json};

use crate::chaos::lots::Lots;

/// Deeper than any parser allows by default.
const DEEP: usize = 5000;

/// A value serialized to text, with a defect in three of four cases; sometimes not even text.
pub fn mangled_text(lots: &mut Lots, whole: &Value) -> Vec<u8> {
    let mut value = whole.clone();
    match lots.below(8) {
        0 | 1 => value.to_string().into_bytes(),
        2..=4 => {
            for _ in 0..=lots.below(3) {
                mangle(lots, &mut value);
            }
            value.to_string().into_bytes()
        }
        5 => {
            // Excessive depth and duplicate keys cannot be expressed as a value.
            let text = value.to_string();
            let odd = match lots.below(4) {
                0 => "[".repeat(DEEP),
                1 => "{\"a\":".repeat(DEEP / 4),
                2 => format!("{}{}", "[".repeat(200), "]".repeat(200)),
                _ => "\"op\"".to_owned(),
            };
            format!("{},\"x\":{odd}}}", text.trim_end_matches('}')).into_bytes()
        }
        6 => {
            let text = value.to_string();
            let double = text.trim_start_matches('{');
            format!("{},{double}", text.trim_end_matches('}')).into_bytes()
        }
        _ => mangled_bytes(lots, value.to_string().into_bytes()),
    }
}

/// Changes one place of a value.
fn mangle(lots: &mut Lots, value: &mut Value) {
    match value {
        Value::Object(fields) if !fields.is_empty() && lots.percent(90) => {
            let names: Vec<String> = fields.keys().cloned().collect();
            let name = &names[lots.below(names.len())];
            match lots.below(5) {
                0 => {
                    fields.remove(name);
                }
                1 => {
                    fields.insert(odd_text(lots), odd(lots));
                }
                _ => mangle(lots, &mut fields[name]),
            }
        }
        Value::Array(items) if !items.is_empty() && lots.percent(70) => {
            let index = lots.below(items.len());
            if lots.percent(20) {
                let item = items[index].clone();
                items.resize(lots.below(300), item);
            } else {
                mangle(lots, &mut items[index]);
            }
        }
        other => *other = odd(lots),
    }
}

fn odd_text(lots: &mut Lots) -> String {
    let texts = [
        "",
        "\0",
        "\u{202e}txet",
        "\u{feff}",
        "a\u{300}\u{300}\u{300}",
        "'; DROP TABLE users; --",
        "<script>alert(1)</script>",
        "../../etc/passwd",
        "%s%n",
        "9223372036854775808",
        "-1",
        "👩‍👩‍👧‍👦",
    ];
    match lots.below(texts.len() + 2) {
        0 => "x".repeat(lots.below(12_000)),
        1 => "\u{10ffff}".repeat(lots.below(2000)),
        number => texts[number - 2].to_owned(),
    }
}

fn odd(lots: &mut Lots) -> Value {
    match lots.below(12) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(i64::MIN),
        4 => json!(i64::MAX),
        5 => json!(u64::MAX),
        6 => json!(1e308),
        7 => json!(0.5),
        8 => json!([]),
        9 => json!({}),
        _ => json!(odd_text(lots)),
    }
}

/// Bytes with a few changed, cut off, inserted or duplicated.
pub fn mangled_bytes(lots: &mut Lots, mut bytes: Vec<u8>) -> Vec<u8> {
    for _ in 0..lots.below(5) {
        let at = lots.below(bytes.len().max(1));
        match lots.below(5) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at.min(bytes.len()), lots.number() as u8),
            2 => {
                let tail = bytes[at.min(bytes.len())..].to_vec();
                bytes.extend(tail);
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = lots.number() as u8;
                }
            }
        }
    }
    bytes
}
