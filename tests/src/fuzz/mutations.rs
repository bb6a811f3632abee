//! How valid input is made almost valid.

use fastrand::Rng;
use serde_json::{Value, json};

/// Deeper than any parser allows by default.
const DEEP: usize = 5000;

/// A value serialized to text, with a defect in three of four cases; sometimes not even text.
pub fn mangled_text(random: &mut Rng, whole: &Value) -> Vec<u8> {
    let mut value = whole.clone();
    match random.usize(..8) {
        0 | 1 => value.to_string().into_bytes(),
        2..=4 => {
            for _ in 0..=random.usize(..3) {
                mangle(random, &mut value);
            }
            value.to_string().into_bytes()
        }
        5 => {
            // Excessive depth and duplicate keys cannot be expressed as a value.
            let text = value.to_string();
            let odd = match random.usize(..4) {
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
        _ => mangled_bytes(random, value.to_string().into_bytes()),
    }
}

/// Changes one place of a value.
fn mangle(random: &mut Rng, value: &mut Value) {
    match value {
        Value::Object(fields) if !fields.is_empty() && random.u64(..100) < 90 => {
            let names: Vec<String> = fields.keys().cloned().collect();
            let name = &names[random.usize(..names.len())];
            match random.usize(..5) {
                0 => {
                    fields.remove(name);
                }
                1 => {
                    fields.insert(odd_text(random), odd(random));
                }
                _ => mangle(random, &mut fields[name]),
            }
        }
        Value::Array(items) if !items.is_empty() && random.u64(..100) < 70 => {
            let index = random.usize(..items.len());
            if random.u64(..100) < 20 {
                let item = items[index].clone();
                items.resize(random.usize(..300), item);
            } else {
                mangle(random, &mut items[index]);
            }
        }
        other => *other = odd(random),
    }
}

fn odd_text(random: &mut Rng) -> String {
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
    match random.usize(..(texts.len() + 2)) {
        0 => "x".repeat(random.usize(..12_000)),
        1 => "\u{10ffff}".repeat(random.usize(..2000)),
        number => texts[number - 2].to_owned(),
    }
}

fn odd(random: &mut Rng) -> Value {
    match random.usize(..12) {
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
        _ => json!(odd_text(random)),
    }
}

/// Bytes with a few changed, cut off, inserted or duplicated.
pub fn mangled_bytes(random: &mut Rng, mut bytes: Vec<u8>) -> Vec<u8> {
    for _ in 0..random.usize(..5) {
        let at = random.usize(..bytes.len().max(1));
        match random.usize(..5) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at.min(bytes.len()), random.u64(..) as u8),
            2 => {
                let tail = bytes[at.min(bytes.len())..].to_vec();
                bytes.extend(tail);
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = random.u64(..) as u8;
                }
            }
        }
    }
    bytes
}
