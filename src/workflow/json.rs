//! JSON for a reader.

/// Columns of one level.
const INDENT: usize = 2;
/// Maximum depth that is indented. Deeper levels are rare, and do not fit on a screen.
const DEPTH: usize = 40;

/// Writes JSON on several lines, with indentation. Keeps the order of keys and the digits of numbers,
/// and accepts any text: a text that is no JSON only gets line breaks.
pub(crate) fn pretty(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0_usize;
    let mut chars = text.chars().peekable();
    let new_line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', INDENT * depth.min(DEPTH)));
    };
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                out.push('"');
                let mut is_escaped = false;
                for c in chars.by_ref() {
                    out.push(c);
                    if c == '"' && !is_escaped {
                        break;
                    }
                    is_escaped = c == '\\' && !is_escaped;
                }
            }
            '{' | '[' => {
                out.push(c);
                while chars.next_if(|c| c.is_whitespace()).is_some() {}
                if let Some(end) = chars.next_if(|c| matches!(c, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(',');
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_whitespace() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_indented_and_otherwise_unchanged() {
        for (text, expected) in [
            (r#""a, {b}: \" c""#, r#""a, {b}: \" c""#),
            ("1.50", "1.50"),
            ("[]", "[]"),
            ("{ }", "{}"),
            (r#"{"b":1,"a":[true,{}]}"#, "{\n  \"b\": 1,\n  \"a\": [\n    true,\n    {}\n  ]\n}"),
            (r#"{"cut":"te…"#, "{\n  \"cut\": \"te…"),
            ("]]}", "\n]\n]\n}"),
        ] {
            assert_eq!(pretty(text), expected, "{text}");
        }
        assert!(pretty(&"[".repeat(10_000)).len() < 1_000_000);
    }
}
