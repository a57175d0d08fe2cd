//! Splits a command line into its arguments, as a shell does. No shell runs the command, so a command
//! line that needs a shell is refused.

use super::text::{is_variable, toml_text};

/// Longest command line that an error repeats, in bytes.
const REPEATED_MAX: usize = 200;

/// Splits a command line. Knows single quotes, double quotes and backslashes.
///
/// # Errors
/// If the line is empty, a quote is not closed, or the line needs a shell. The error says what to
/// write instead.
pub(super) fn split(line: &str) -> Result<Vec<String>, String> {
    let mut arguments: Vec<String> = Vec::new();
    let mut argument: Option<String> = None;
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            c if c.is_whitespace() => arguments.extend(argument.take()),
            '\'' => {
                let text = argument.get_or_insert_default();
                loop {
                    match rest.next() {
                        Some('\'') => break,
                        Some(c) => text.push(c),
                        None => return Err(unclosed('\'')),
                    }
                }
            }
            '"' => {
                let text = argument.get_or_insert_default();
                loop {
                    match rest.next() {
                        Some('"') => break,
                        Some('\\') if rest.peek().is_some_and(|c| "\"\\$`".contains(*c)) => {
                            text.extend(rest.next());
                        }
                        Some('$') if rest.peek().is_some_and(begins_name) => {
                            return Err(needs_shell(line, &variable(&mut rest)));
                        }
                        Some('`') => return Err(needs_shell(line, "`")),
                        Some(c) => text.push(c),
                        None => return Err(unclosed('"')),
                    }
                }
            }
            '\\' => match rest.next() {
                Some(c) => argument.get_or_insert_default().push(c),
                None => return Err("ends in a backslash; remove the backslash".to_owned()),
            },
            '$' if rest.peek().is_some_and(begins_name) => {
                return Err(needs_shell(line, &variable(&mut rest)));
            }
            '~' if argument.is_none() && rest.peek().is_none_or(|c| *c == '/') => {
                return Err(needs_shell(line, "~"));
            }
            '|' | '&' | ';' | '<' | '>' | '(' | ')' | '`' | '*' => {
                let double = rest.next_if(|next| *next == c && matches!(c, '|' | '&' | '>'));
                let operator: String = [Some(c), double].into_iter().flatten().collect();
                return Err(needs_shell(line, &operator));
            }
            c => argument.get_or_insert_default().push(c),
        }
    }
    arguments.extend(argument);
    check(&arguments)?;
    Ok(arguments)
}

/// Checks the arguments of a command.
///
/// # Errors
/// If there is no program, or a variable in its place.
pub(super) fn check(arguments: &[String]) -> Result<(), String> {
    let program = match arguments.first() {
        Some(program) if !program.trim().is_empty() => program,
        Some(_) | None => {
            return Err("is empty; write a program and its arguments".to_owned());
        }
    };
    match program.split_once('=') {
        Some((name, _)) if is_variable(name) => Err(format!(
            "begins with the variable `{name}`, which needs a shell; set variables with `env`"
        )),
        Some(_) | None => Ok(()),
    }
}

/// Whether this character after `$` is the beginning of a substitution.
fn begins_name(c: &char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '{' | '(' | '@' | '*' | '#' | '?' | '!' | '$')
}

fn variable(rest: &mut impl Iterator<Item = char>) -> String {
    let name = rest.take_while(|c| c.is_ascii_alphanumeric() || "_{(}".contains(*c));
    format!("${}", name.collect::<String>())
}

fn unclosed(quote: char) -> String {
    format!("has no closing {quote} quote; add the quote")
}

/// The error of a command line that needs a shell for this part. Its advice is TOML.
fn needs_shell(line: &str, part: &str) -> String {
    let script = if line.len() <= REPEATED_MAX { line } else { "…" };
    format!(
        "needs a shell for {part}, but stigmer runs the command without one; write [\"sh\", \"-c\", {}], \
         or write the command as a list if {part} is part of an argument",
        toml_text(script)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_is_split_as_a_shell_splits_it() {
        for (line, arguments) in [
            ("uv run python worker.py", vec!["uv", "run", "python", "worker.py"]),
            ("  a   b ", vec!["a", "b"]),
            ("a 'b c' \"d e\"f", vec!["a", "b c", "d ef"]),
            (r#"a "b \" \\ \n" c\ d"#, vec!["a", r#"b " \ \n"#, "c d"]),
            ("a '' \"\"", vec!["a", "", ""]),
            ("a '$HOME | &'", vec!["a", "$HOME | &"]),
            (r#"a "| & ; >" \$HOME"#, vec!["a", "| & ; >", "$HOME"]),
            ("a --x=1 B=2 5$ x~", vec!["a", "--x=1", "B=2", "5$", "x~"]),
        ] {
            assert_eq!(split(line).unwrap(), arguments, "{line}");
        }
    }

    #[test]
    fn line_that_needs_a_shell_is_refused() {
        for (line, part) in [
            ("", "is empty"),
            ("  ", "is empty"),
            ("''", "is empty"),
            ("a 'b", "no closing '"),
            ("a \"b", "no closing \""),
            ("a \\", "backslash"),
            ("npm run build && node x", "a shell for &&"),
            ("a | b", "a shell for |"),
            ("a > b", "a shell for >"),
            ("a; b", "a shell for ;"),
            ("a &", "a shell for &"),
            ("node *.js", "a shell for *"),
            ("a $PORT", "a shell for $PORT"),
            ("a \"${PORT}\"", "a shell for ${PORT}"),
            ("a `b`", "a shell for `"),
            ("~/bin/a", "a shell for ~"),
            ("PORT=1 a", "`PORT`"),
        ] {
            let error = split(line).unwrap_err();
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}
