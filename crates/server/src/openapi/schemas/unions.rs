//! Unions of named, flat objects with a discriminator.
//!
//! Invariant: the objects of a union are the ones that its variants were, field by field.

use serde_json::{Map, Value, json};

use super::{NOT_ON_THE_WIRE, Place, Schemas};

/// All flat objects that a schema stands for: follows references, expands unions, merges parts.
fn flat(schemas: &Schemas, place: Place, schema: &Value) -> Vec<Map<String, Value>> {
    if let Some(target) = place.named(schema).and_then(|name| schemas.get(name)) {
        return flat(schemas, place, target);
    }
    if let Some(parts) = schema.get("oneOf").and_then(Value::as_array) {
        return parts.iter().flat_map(|part| flat(schemas, place, part)).collect();
    }
    if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
        let parts = parts.iter().map(|part| flat(schemas, place, part));
        let mut all = parts.fold(vec![Map::new()], |so_far, part| {
            so_far.iter().flat_map(|left| part.iter().map(|right| merge(left, right))).collect()
        });
        // A description of the whole is better than that of a part, unless it covers several variants.
        if let ([only], Some(said)) = (all.as_mut_slice(), schema.get("description")) {
            only.insert("description".to_owned(), said.clone());
        }
        return all;
    }
    schema.as_object().cloned().into_iter().collect()
}

fn merge(left: &Map<String, Value>, right: &Map<String, Value>) -> Map<String, Value> {
    let mut all = left.clone();
    for (key, value) in right {
        match (all.get_mut(key), value) {
            (Some(Value::Object(known)), Value::Object(more)) => known.extend(more.clone()),
            (Some(Value::Array(known)), Value::Array(more)) => {
                let fresh: Vec<Value> = more.iter().filter(|one| !known.contains(one)).cloned().collect();
                known.extend(fresh);
            }
            // Of two descriptions, keep the first, which belongs to the variant.
            (Some(_), _) => {}
            (None, _) => drop(all.insert(key.clone(), value.clone())),
        }
    }
    all
}

/// The only value that a field has in a variant.
fn tag<'a>(variant: &'a Map<String, Value>, field: &str) -> Option<&'a str> {
    variant.get("properties")?.get(field)?.get("enum")?.get(0)?.as_str()
}

/// Converts `message.created` to the type name `MessageCreated`.
fn pascal(text: &str) -> String {
    let words = text.split(['.', '_', '-']);
    words
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
        })
        .collect()
}

/// Turns a schema into a union of named, flat objects, distinguished by `field`. The objects that variants carry in
/// `data` are named too.
pub fn name_union(schemas: &mut Schemas, place: Place, name: &str, field: &str, suffix: &str) {
    let Some(union) = schemas.get(name).cloned() else { return };
    let variants = flat(schemas, place, &union);
    let mapping = name_variants(schemas, place, variants, field, suffix);
    let description = union.get("description").cloned().unwrap_or_default();
    schemas.insert(name.to_owned(), union_of(place, mapping, field, description));
}

fn union_of(place: Place, mapping: Vec<(String, String)>, field: &str, description: Value) -> Value {
    let references: Vec<Value> = mapping.iter().map(|(_, name)| place.reference(name)).collect();
    let mapping: Map<String, Value> =
        mapping.into_iter().map(|(tag, name)| (tag, json!(format!("{}{name}", place.0)))).collect();
    json!({
        "description": description,
        "oneOf": references,
        "discriminator": { "propertyName": field, "mapping": mapping },
    })
}

fn name_variants(
    schemas: &mut Schemas,
    place: Place,
    variants: Vec<Map<String, Value>>,
    field: &str,
    suffix: &str,
) -> Vec<(String, String)> {
    let mut mapping = Vec::new();
    for mut variant in variants {
        let Some(tag) = tag(&variant, field).map(str::to_owned) else { continue };
        if NOT_ON_THE_WIRE.contains(&tag.as_str()) {
            continue;
        }
        let of = pascal(&tag);
        if let Some(data) = variant.get_mut("properties").and_then(|fields| fields.get_mut("data"))
            && data.get("type").is_some_and(|kind| kind == "object")
        {
            schemas.insert(of.clone(), data.take());
            *data = place.reference(&of);
        }
        let called = format!("{of}{suffix}");
        schemas.insert(called.clone(), Value::Object(variant));
        mapping.push((tag, called));
    }
    mapping
}

/// Names the frames of the socket: commands are distinguished by `op`, server frames by `type`. Server frames of one
/// type with different values of `kind` become a union of their own.
pub fn name_frames(schemas: &mut Schemas, place: Place) {
    name_union(schemas, place, "ClientFrame", "op", "Command");
    let Some(frames) = schemas.get("ServerFrame").cloned() else { return };
    let mut mapping = Vec::new();
    for branch in frames.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
        let variants = flat(schemas, place, branch);
        let Some(kind) = variants.first().and_then(|variant| tag(variant, "type")).map(str::to_owned) else {
            continue;
        };
        if NOT_ON_THE_WIRE.contains(&kind.as_str()) {
            continue;
        }
        let called = format!("{}Frame", pascal(&kind));
        if let [only] = variants.as_slice() {
            schemas.insert(called.clone(), Value::Object(only.clone()));
        } else {
            let description = branch.get("description").cloned().unwrap_or_default();
            let kinds = name_variants(schemas, place, variants, "kind", &called);
            schemas.insert(called.clone(), union_of(place, kinds, "kind", description));
        }
        mapping.push((kind, called));
    }
    let description = frames.get("description").cloned().unwrap_or_default();
    schemas.insert("ServerFrame".to_owned(), union_of(place, mapping, "type", description));
    // Schemas that only served to define the variants.
    for part in ["Start", "Hello", "Ephemeral"] {
        schemas.remove(part);
    }
}
