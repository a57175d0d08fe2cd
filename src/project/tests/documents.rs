//! Tests that the JSON Schema and the documentation describe the keys as they are.

use super::parse;
use crate::project::{Project, WorkerSpec, keys, schema, section::KeySpec, text::toml_value};
use serde_json::Value;
use std::path::Path;

const SCHEMA: &str = "assets/stigmer.schema.json";
const PAGE: &str = include_str!("../../../docs/project-file.md");

/// The properties of a table in the schema.
fn properties<'s>(schema: &'s Value, table: &str) -> &'s serde_json::Map<String, Value> {
    let table = &schema["properties"][table];
    let table = table.get("properties").or_else(|| table["additionalProperties"].get("properties"));
    table.and_then(Value::as_object).expect("the table has keys")
}

fn names(keys: &[KeySpec]) -> Vec<String> {
    let mut names: Vec<String> = keys.iter().map(|key| key.name.clone()).collect();
    names.sort();
    names
}

#[test]
fn schema_in_the_assets_is_the_one_of_the_keys() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(SCHEMA);
    if std::env::var_os("INSTA_UPDATE").is_some_and(|it| it == "always") {
        std::fs::write(&path, schema()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written == schema(), "{SCHEMA} is out of date; run this test with INSTA_UPDATE=always");
    let schema: Value = serde_json::from_str(&written).unwrap();
    for (table, keys) in [("temporal", keys::temporal()), ("worker", keys::worker())] {
        let properties = properties(&schema, table);
        let mut found: Vec<String> = properties.keys().cloned().collect();
        found.sort();
        assert_eq!(found, names(&keys), "{table}");
        for (name, property) in properties {
            let text = property["description"].as_str().unwrap_or_default();
            assert!(text.len() > 10 && !text.ends_with('.'), "{name}: {text}");
        }
    }
}

/// Whether a value is valid by the part of JSON Schema that the schema uses.
fn is_valid(schema: &Value, value: &Value) -> bool {
    let schema = schema.as_object().expect("a schema is an object");
    schema.iter().all(|(rule, limit)| match (rule.as_str(), value) {
        ("description" | "default" | "examples" | "title" | "$schema", _) => true,
        ("anyOf", _) => limit.as_array().unwrap().iter().any(|it| is_valid(it, value)),
        ("not", _) => !is_valid(limit, value),
        ("enum", _) => limit.as_array().unwrap().contains(value),
        ("type", _) => match limit.as_str().unwrap() {
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            other => panic!("{other}"),
        },
        ("minLength", Value::String(text)) => {
            text.chars().count() as u64 >= limit.as_u64().unwrap()
        }
        ("maxLength", Value::String(text)) => {
            text.chars().count() as u64 <= limit.as_u64().unwrap()
        }
        ("pattern", Value::String(text)) => {
            regex::Regex::new(limit.as_str().unwrap()).unwrap().is_match(text)
        }
        ("minimum", Value::Number(number)) => number.as_f64() >= limit.as_f64(),
        ("maximum", Value::Number(number)) => number.as_f64() <= limit.as_f64(),
        ("minItems", Value::Array(list)) => list.len() as u64 >= limit.as_u64().unwrap(),
        ("items", Value::Array(list)) => list.iter().all(|it| is_valid(limit, it)),
        ("required", Value::Object(table)) => {
            limit.as_array().unwrap().iter().all(|key| table.contains_key(key.as_str().unwrap()))
        }
        ("propertyNames", Value::Object(table)) => {
            table.keys().all(|key| is_valid(limit, &Value::from(key.as_str())))
        }
        ("properties", Value::Object(table)) => {
            table.iter().all(|(key, it)| limit.get(key).is_none_or(|limit| is_valid(limit, it)))
        }
        ("additionalProperties", Value::Object(table)) => {
            let known = schema.get("properties").and_then(Value::as_object);
            let mut others =
                table.iter().filter(|(key, _)| known.is_none_or(|known| !known.contains_key(*key)));
            others.all(|(_, it)| match limit {
                Value::Bool(is_allowed) => *is_allowed,
                limit => is_valid(limit, it),
            })
        }
        (
            "minLength"
            | "maxLength"
            | "pattern"
            | "minimum"
            | "maximum"
            | "minItems"
            | "items"
            | "required"
            | "propertyNames"
            | "properties"
            | "additionalProperties",
            _,
        ) => true,
        (other, _) => panic!("{other} is not tested"),
    })
}

#[test]
fn schema_refuses_values_of_another_type_as_the_parser_does() {
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    let values = [
        "1",
        "-1",
        "70000",
        "1.5",
        "true",
        "\"x\"",
        "\"\"",
        "\"1h\"",
        "\"2MiB\"",
        "\"debug\"",
        "[]",
        "[1]",
        "[\"x\"]",
        "[\"\"]",
        "{}",
        "{ A = 1 }",
        "{ A = \"Int\" }",
        "{ \"a b\" = \"x\" }",
    ];
    let mut accepted = 0;
    for (table, keys) in [("temporal", keys::temporal()), ("worker", keys::worker())] {
        for key in keys {
            for value in values {
                let header = if table == "worker" { "[worker.a]\n" } else { "[temporal]\n" };
                let run = if table == "worker" && key.name != "run" { "run = \"x\"\n" } else { "" };
                let text = format!("{header}{run}{} = {value}\n", key.name);
                let json: Value = toml::from_str(&text).unwrap();
                let (by_schema, by_parser) = (is_valid(&schema, &json), parse(&text));
                // The parser knows more: units, limits, folders.
                if by_parser.is_ok() {
                    accepted += 1;
                    assert!(by_schema, "the schema refuses {text}");
                }
                let is_type = |error: &str| {
                    error.contains(" must be ") && !error.contains("at least")
                        || error.contains("is not a name")
                };
                if let Err(mistakes) = by_parser
                    && mistakes.list.iter().any(|it| is_type(&it.what))
                    && !(key.name == "dynamic-config" && value.starts_with('{'))
                {
                    assert!(!by_schema, "the schema accepts {text}{mistakes}");
                }
            }
        }
    }
    assert!(accepted > 60, "only {accepted} valid values");
    for name in ["all", "a b", "-a"] {
        let text = format!("[worker.\"{name}\"]\nrun = \"x\"\n");
        let json: Value = toml::from_str(&text).unwrap();
        assert!(!is_valid(&schema, &json) && parse(&text).is_err(), "{name}");
    }
    for text in ["[worker.a]\n", "[banana]\n", "[temporal]\nbanana = 1\n"] {
        assert!(!is_valid(&schema, &toml::from_str(text).unwrap()), "{text}");
    }
}

/// The rows of the tables of the page with four cells: key, unit or kind, default, meaning.
fn rows() -> Vec<Vec<&'static str>> {
    let rows = PAGE.lines().filter(|line| line.starts_with("| `"));
    let rows = rows.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect());
    rows.filter(|row: &Vec<_>| row.len() == 4).collect()
}

#[test]
fn page_has_each_key_with_its_default() {
    let row_of = |key: &str| {
        let name = format!("`{key}`");
        rows().into_iter().find(|row| row[0] == name).unwrap_or_else(|| panic!("no row for {key}"))
    };
    let defaults = WorkerSpec::defaults();
    for key in keys::worker() {
        let row = row_of(&key.name);
        let default = match defaults.get(&key.name) {
            Some(value) => format!("`{}`", toml_value(value)),
            None => if key.name == "run" { "required" } else { "none" }.to_owned(),
        };
        assert_eq!(row[2], default, "{}", key.name);
    }
    // The options are on the page of the configuration.
    let options = include_str!("../../../docs/configuration.md");
    for key in keys::temporal() {
        let is_option = options.contains(&format!("| `{}` |", key.name));
        assert!(is_option || row_of(&key.name)[2] == "none", "{}", key.name);
    }
    let known = [names(&keys::temporal()), names(&keys::worker())].concat();
    for row in rows() {
        assert!(known.contains(&row[0].trim_matches('`').to_owned()), "{} is not a key", row[0]);
    }
}

#[test]
fn examples_of_the_page_have_no_mistakes() {
    let examples: Vec<&str> =
        PAGE.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() > 1, "{examples:?}");
    for example in examples {
        parse(example).unwrap_or_else(|mistakes| panic!("{mistakes}\n{example}"));
    }
}

#[test]
fn messages_of_the_page_are_those_of_the_parser() {
    let block = PAGE.split("```text\n").nth(1).and_then(|rest| rest.split("```").next());
    let block = block.expect("the page shows mistakes");
    let file =
        PAGE.split("```toml-with-mistakes\n").nth(1).and_then(|rest| rest.split("```").next());
    let mistakes = parse(file.expect("the page shows a file with mistakes")).unwrap_err();
    assert_eq!(mistakes.to_string().replace("/shop/", ""), block.trim_end());
}

#[test]
fn project_files_of_the_examples_have_no_mistakes_and_init_proposes_their_workers() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for (name, worker) in [("python", "orders"), ("typescript", "shipping")] {
        let file = examples.join(name).join(crate::project::FILE_NAME);
        let text = std::fs::read_to_string(&file).unwrap();
        let project = Project::parse(&file, &text, |path| Ok(path.metadata()?.is_dir()));
        let project = project.unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let proposal = crate::project::propose(&examples.join(name)).unwrap();
        let [written] = project.workers.as_slice() else { panic!("{project:?}") };
        let [proposed] = proposal.workers.as_slice() else { panic!("{proposal:?}") };
        assert_eq!((written.name.as_str(), proposed.name.as_str()), (worker, worker));
        assert!(proposed.is_certain && written.task_queues == [worker], "{proposed:?}");
    }
}
