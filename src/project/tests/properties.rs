//! Properties of any project file: random texts, and random valid files.

use super::*;
use proptest::prelude::*;

/// The words of programmers of Rust and serde, which a user need not know.
const JARGON: &[&str] = &[
    "u16",
    "u32",
    "i64",
    "f64",
    "string",
    "boolean",
    "integer",
    "float",
    "struct",
    "variant",
    "serde",
    "deserialize",
    "invalid type",
    "array",
    "Option",
    "newline",
];

proptest! {
    #[test]
    fn any_text_gives_a_project_or_mistakes_within_the_file(text in texts()) {
        match parse(&text) {
            Ok(project) => prop_assert_eq!(content(&project.to_toml()), content(&text)),
            Err(mistakes) => {
                prop_assert!(!mistakes.list.is_empty());
                let lines = text.lines().count().max(1);
                for Mistake { line, what } in mistakes.list {
                    prop_assert!((1..=lines).contains(&line), "line {} of {}: {}", line, lines, what);
                    prop_assert!(!what.is_empty() && !what.contains(['\n', '\r']), "{:?}", what);
                    crate::harmless::tests::assert_harmless(&what);
                }
            }
        }
    }

    #[test]
    fn every_valid_file_is_the_same_after_it_was_written(text in files()) {
        let project = parse(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(content(&project.to_toml()), content(&text));
    }

    #[test]
    fn value_of_another_kind_is_explained_without_jargon(key in 0..40_usize, value in other_values()) {
        let keys = [keys::temporal(), keys::worker()];
        let at_server = keys[0].get(key);
        let key = at_server.or_else(|| keys[1].get(key - keys[0].len().min(key))).unwrap_or(&keys[1][0]);
        let table = if at_server.is_some() { "[temporal]" } else { "[worker.a]" };
        let text = format!("{table}\n{} = {value}\n", key.name);
        for Mistake { what, .. } in parse(&text).err().map(|it| it.list).unwrap_or_default() {
            // The name of a key, and the value, are the user's.
            let plain = what.replace(&value, "").to_lowercase();
            let word = JARGON.iter().find(|word| plain.split(|c: char| !c.is_alphanumeric()).any(|it| it == **word));
            prop_assert_eq!(word, None, "{}", what);
        }
    }
}

fn other_values() -> impl Strategy<Value = String> {
    let values = [
        "1",
        "-1",
        "1.5",
        "true",
        "\"x\"",
        "\"\"",
        "[]",
        "[1]",
        "{}",
        "{ a = 1 }",
        "1979-05-27",
        "99999999999999999999",
        "0x10",
        "\"1s\"",
        "[[\"a\"]]",
        "nan",
    ];
    prop::sample::select(values.to_vec()).prop_map(str::to_owned)
}

/// Parts of project files, and anything else, in any order.
fn texts() -> impl Strategy<Value = String> {
    let parts = [
        "[temporal]",
        "[worker.a]",
        "[worker.b]",
        "[worker]",
        "[[worker]]",
        "[",
        "]",
        "{",
        "}",
        "\"",
        "'",
        "\"\"\"",
        "=",
        ".",
        ",",
        "#",
        "\n",
        "\r\n",
        "\r",
        "\t",
        " ",
        "\\",
        "\\u0000",
        "run = \"x\"",
        "run",
        "port = 1",
        "port",
        "dir = \".\"",
        "dir",
        "env = { A = \"b\" }",
        "watch = [\"a\"]",
        "retention = \"1h\"",
        "search-attributes",
        "Keyword",
        "dynamic-config = { a.b = 1 }",
        "max-restarts = 0x10",
        "1979-05-27T07:32:00Z",
        "inf",
        "-0",
        "\u{feff}",
        "\u{202e}",
        "ö",
        "😀",
        "\u{0}",
        "99999999999999999999999",
    ];
    let part = prop_oneof![
        8 => prop::sample::select(parts.to_vec()).prop_map(str::to_owned),
        3 => Just("\n".to_owned()),
        1 => any::<String>(),
    ];
    prop_oneof![
        4 => prop::collection::vec(part, 0..24).prop_map(|parts| parts.concat()),
        1 => any::<String>(),
        1 => (any::<prop::sample::Index>(), any::<String>()).prop_map(|(at, text)| {
            // The example with a part replaced.
            let at = at.index(EXAMPLE.len());
            format!("{}{text}{}", &EXAMPLE[..at], &EXAMPLE[(at + text.len()).min(EXAMPLE.len())..])
        }),
    ]
}

/// A valid file with some of all keys.
fn files() -> impl Strategy<Value = String> {
    let keys = |keys: Vec<section::KeySpec>| {
        let keys: Vec<_> = keys
            .into_iter()
            .filter(|key| {
                // These keys exclude others, and `run` is always there.
                !matches!(
                    key.name.as_str(),
                    "in-memory" | "address" | "run" | "arguments" | "dir" | "ui-port"
                )
            })
            .collect();
        let count = keys.len();
        prop::sample::subsequence(keys, 0..count)
            .prop_flat_map(|keys| {
                keys.into_iter()
                    .map(|key| {
                        value_of(&key.name, &key.kind)
                            .prop_map(move |value| format!("{} = {value}\n", key.name))
                    })
                    .collect::<Vec<_>>()
            })
            .prop_map(|lines| lines.concat())
    };
    let worker = ("[A-Za-z0-9][A-Za-z0-9_-]{0,39}", command_text(), keys(keys::worker()))
        .prop_map(|(name, run, keys)| (name, format!("run = {run}\n{keys}")));
    (keys(keys::temporal()), prop::collection::vec(worker, 0..4)).prop_map(|(server, workers)| {
        let mut text = format!("[temporal]\n{server}");
        let mut names: Vec<String> = worker::RESERVED.map(str::to_owned).to_vec();
        for (name, keys) in workers {
            if names.iter().all(|it| !it.eq_ignore_ascii_case(&name)) {
                text.push_str(&format!("\n[worker.{name}]\n{keys}"));
                names.push(name);
            }
        }
        text
    })
}

/// Any text that is not empty, in the syntax of TOML.
fn any_text() -> BoxedStrategy<String> {
    let text = any::<String>()
        .prop_filter("a text without NUL", |it| !it.contains('\0') && !it.trim().is_empty());
    text.prop_map(|it| text::toml_text(&it)).boxed()
}

fn command_text() -> BoxedStrategy<String> {
    prop_oneof![
        Just("\"uv run python worker.py\"".to_owned()),
        Just("\"a 'b c' \\\"d\\\"\"".to_owned()),
        prop::collection::vec(any_text(), 0..3)
            .prop_map(|it| format!("[\"x\", {}]", it.join(", "))),
    ]
    .boxed()
}

fn value_of(name: &str, kind: &kind::ValueKind) -> BoxedStrategy<String> {
    use kind::ValueKind;
    let some = |values: &[&str]| {
        let values: Vec<String> = values.iter().map(|it| (*it).to_owned()).collect();
        prop::sample::select(values).boxed()
    };
    match (name, kind) {
        ("port", _) => some(&["7300", "1", "64535"]),
        ("failure-threshold", _) => some(&["1", "9"]),
        ("http", _) => some(&["9464", "\"localhost:9465\"", "\"[::1]:9466\""]),
        ("db", _) => some(&["\"a.db\"", "\"/x/b.db\""]),
        (_, ValueKind::Text | ValueKind::Path) => any_text(),
        (_, ValueKind::Flag) => some(&["true", "false"]),
        (_, ValueKind::Count { .. }) => some(&["0", "7", "0xff", "4_000"]),
        (_, ValueKind::Time) => some(&["\"1h\"", "\"1d 2h\"", "\"90m\"", "\"52w\""]),
        (_, ValueKind::Size) => some(&["\"1MiB\"", "\"3GB\"", "\"2000000\""]),
        (_, ValueKind::Word(words)) => {
            prop::sample::select(words.clone()).prop_map(|it| format!("\"{it}\"")).boxed()
        }
        (_, ValueKind::Address) => some(&["9464"]),
        (_, ValueKind::Texts { .. }) => prop::collection::vec(any_text(), 1..3)
            .prop_map(|it| format!("[{}]", it.join(", ")))
            .boxed(),
        (_, ValueKind::Patterns) => some(&["[]", "[\"a\"]", "[\"src/**/*.{py,pyi}\", \"[a-z]?\"]"]),
        (_, ValueKind::Command) => command_text(),
        (_, ValueKind::Variables) => {
            any_text().prop_map(|it| format!("{{ A_1 = {it}, _ = \"\" }}")).boxed()
        }
        (_, ValueKind::Attributes) => any_text()
            .prop_filter("another name than `b`", |it| it.trim_matches(['"', '\'']) != "b")
            .prop_map(|it| format!("{{ {it} = \"Keyword\", b = \"Int\" }}"))
            .boxed(),
        (_, ValueKind::DynamicConfig) => some(&[
            "{}",
            "{ \"a.b\" = [1, -2.5, true, { c = [] }] }",
            "{ \"a.b\" = \"x\", \"c.d\" = 1e300 }",
        ]),
    }
}
