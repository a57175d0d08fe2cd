//! Texts of a project file: names of variables, and texts in the syntax of TOML.

use serde_json::Value;

/// Whether this is a name of an environment variable that each shell can set.
pub(super) fn is_variable(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.chars().all(is_part) && name.starts_with(|c: char| !c.is_ascii_digit())
}

/// Writes a text in TOML: in quotes, with escapes.
pub(super) fn toml_text(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Writes a value in TOML, in one line. `null` cannot be written and becomes an empty text.
pub(super) fn toml_value(value: &Value) -> String {
    match value {
        Value::Null => toml_text(""),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => toml_text(text),
        Value::Array(list) => {
            format!("[{}]", list.iter().map(toml_value).collect::<Vec<_>>().join(", "))
        }
        Value::Object(table) if table.is_empty() => "{}".to_owned(),
        Value::Object(table) => {
            let entries = table.iter();
            let entries =
                entries.map(|(key, value)| format!("{} = {}", toml_key(key), toml_value(value)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

pub(super) fn toml_key(key: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !key.is_empty() && key.chars().all(is_bare) { key.to_owned() } else { toml_text(key) }
}

/// Replaces the names of flags, such as `--port`, by the names of keys.
pub(super) fn without_flags(why: &str) -> String {
    let mut plain = String::new();
    let mut rest = why;
    while let Some(at) = rest.find("--") {
        let (before, flag) = rest.split_at(at);
        let name = &flag[2..];
        let end = name.find(|c: char| !c.is_ascii_lowercase() && c != '-').unwrap_or(name.len());
        plain.push_str(before);
        if end == 0 || before.ends_with('`') {
            plain.push_str("--");
            rest = name;
        } else {
            plain.push_str(&format!("`{}`", &name[..end]));
            rest = &name[end..];
        }
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_in_messages_become_keys() {
        for (why, expected) in [
            ("use --db", "use `db`"),
            (
                "the server uses it too (--ui-port); or --http",
                "the server uses it too (`ui-port`); or `http`",
            ),
            ("stigmer sets `--output none`, so", "stigmer sets `--output none`, so"),
            ("a -- b", "a -- b"),
            ("no flag", "no flag"),
        ] {
            assert_eq!(without_flags(why), expected);
        }
    }
}
