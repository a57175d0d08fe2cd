//! The JSON Schema of the project file, for editors.

use super::keys;
use super::section::KeySpec;
use super::worker::{NAME_MAX, RESERVED, WorkerSpec, is_required};
use serde_json::{Map, Value, json};

/// The JSON Schema of the project file, as text. `assets/stigmer.schema.json` has this text.
#[must_use]
pub fn schema() -> String {
    let worker = keys::worker();
    let required: Vec<&str> =
        worker.iter().filter(|key| is_required(key)).map(|key| key.name.as_str()).collect();
    let mut of_worker = object(&worker, &WorkerSpec::defaults());
    of_worker.insert("required".to_owned(), json!(required));
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "stigmer.toml",
        "description": "The project file of stigmer: the Temporal server and the workers of a project",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "temporal": described(
                "What the project wants of the server",
                object(&keys::temporal(), &Map::new()),
            ),
            "worker": {
                "description": "The workers, each with its name: [worker.NAME]",
                "type": "object",
                "propertyNames": {
                    "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]*$",
                    "maxLength": NAME_MAX,
                    "not": {"enum": RESERVED}
                },
                "additionalProperties": of_worker
            }
        }
    });
    format!("{schema:#}\n")
}

fn object(keys: &[KeySpec], defaults: &Map<String, Value>) -> Map<String, Value> {
    let property = |key: &KeySpec| {
        let mut schema = described(&key.meaning, key.kind.schema());
        if let Some(default) = defaults.get(&key.name) {
            schema.insert("default".to_owned(), default.clone());
        }
        (key.name.clone(), Value::Object(schema))
    };
    let properties: Map<String, Value> = keys.iter().map(property).collect();
    let object = json!({"type": "object", "additionalProperties": false, "properties": properties});
    match object {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

fn described(meaning: &str, schema: Map<String, Value>) -> Map<String, Value> {
    let mut described = Map::new();
    described.insert("description".to_owned(), meaning.into());
    described.extend(schema);
    described
}
