//! Stack traces of the SDKs: the frame of the user's code, and folds of library frames.

/// A stack trace, with the lines of library frames folded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct StackFrames {
    /// The innermost frame of the user's code: `worker.py:13 in call_bank`. Empty if there is none.
    pub(crate) place: String,
    /// The lines. Consecutive frames of a library are one line: `+ 3 frames of temporalio`.
    pub(crate) lines: Vec<String>,
}

/// One frame: its lines in the trace, and what they name.
struct StackFrame<'a> {
    lines: Vec<&'a str>,
    place: String,
    /// The library to which the frame belongs.
    library: Option<&'static str>,
}

impl StackFrames {
    pub(crate) fn of(trace: &str) -> Self {
        let frames = split(trace);
        let is_python = trace.lines().any(|line| python(line).is_some());
        let mut own =
            frames.iter().filter(|frame| frame.library.is_none() && !frame.place.is_empty());
        // Python lists the innermost frame last, all other languages list it first.
        let innermost = if is_python { own.next_back() } else { own.next() };
        let place = innermost.map(|frame| frame.place.clone()).unwrap_or_default();
        let mut lines = Vec::new();
        for group in
            frames.chunk_by(|one, next| one.library.is_some() && one.library == next.library)
        {
            match group[0].library {
                Some(library) => {
                    let noun = if group.len() == 1 { "frame" } else { "frames" };
                    lines.push(format!("+ {} {noun} of {library}", group.len()));
                }
                None => lines.extend(
                    group.iter().flat_map(|frame| &frame.lines).map(|line| (*line).to_owned()),
                ),
            }
        }
        Self { place, lines }
    }
}

fn split(trace: &str) -> Vec<StackFrame<'_>> {
    let mut frames: Vec<StackFrame<'_>> = Vec::new();
    for line in trace.lines().filter(|line| !line.trim().is_empty()) {
        let found = python(line).or_else(|| at(line));
        match (found, frames.last_mut()) {
            (Some((file, number, function)), _) => {
                let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
                let place = match function {
                    "" => format!("{name}:{number}"),
                    function => format!("{name}:{number} in {function}"),
                };
                frames.push(StackFrame { lines: vec![line], place, library: library(line) });
            }
            // The source code below a frame of Python belongs to the frame.
            (None, Some(frame)) if !frame.place.is_empty() && line.starts_with("    ") => {
                frame.lines.push(line);
            }
            (None, _) => {
                frames.push(StackFrame { lines: vec![line], place: String::new(), library: None });
            }
        }
    }
    frames
}

/// A frame of Python: `File "/src/worker.py", line 13, in call_bank`.
fn python(line: &str) -> Option<(&str, &str, &str)> {
    let (file, rest) = line.trim_start().strip_prefix("File \"")?.split_once("\", line ")?;
    let (number, function) = rest.split_once(", in ").unwrap_or((rest, ""));
    Some((file, number, function.trim()))
}

/// A frame of JavaScript or Java: `at ship (/src/worker.ts:13:5)`, `at /src/worker.ts:13:5`, `at
/// shop.Worker.ship(Worker.java:13)`.
fn at(line: &str) -> Option<(&str, &str, &str)> {
    let rest = line.trim_start().strip_prefix("at ")?;
    let (function, position) = match rest.strip_suffix(')').and_then(|it| it.rsplit_once('(')) {
        Some((function, position)) => (function.trim(), position),
        None => ("", rest),
    };
    let position = position.trim_start_matches("file://");
    let mut parts = position.rsplitn(3, ':');
    let (last, before, first) = (parts.next()?, parts.next()?, parts.next());
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match first {
        Some(file) if is_number(before) && is_number(last) => Some((file, before, function)),
        _ if is_number(last) => {
            let file = &position[..position.len() - last.len() - 1];
            Some((file, last, function))
        }
        _ => None,
    }
}

/// The library that a frame belongs to. The SDKs of Temporal are named, all others are `libraries`.
fn library(line: &str) -> Option<&'static str> {
    for (part, name) in [
        ("/temporalio/", "temporalio"),
        ("@temporalio/", "@temporalio"),
        ("at io.temporal.", "io.temporal"),
        ("site-packages/", "libraries"),
        ("/lib/python3", "libraries"),
        ("node_modules/", "libraries"),
        ("node:internal", "libraries"),
        ("at java.base/", "libraries"),
        ("at jdk.internal.", "libraries"),
    ] {
        if line.replace('\\', "/").contains(part) {
            return Some(name);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_is_the_innermost_frame_of_the_user() {
        for (trace, place) in [
            (
                "  File \"/venv/site-packages/temporalio/worker/_activity.py\", line 300, in _run\n    await x\n  \
                 File \"/src/worker.py\", line 13, in call_bank\n    raise BankUnavailable(\n",
                "worker.py:13 in call_bank",
            ),
            (
                "Error: x\n    at ship (/src/shop/worker.ts:13:5)\n    at run (/src/node_modules/@temporalio/w.js:1:2)",
                "worker.ts:13 in ship",
            ),
            ("    at file:///src/a.mjs:7:1", "a.mjs:7"),
            (
                "    at shop.Worker.ship(Worker.java:13)\n    at io.temporal.X.y(X.java:1)",
                "Worker.java:13 in shop.Worker.ship",
            ),
            ("    at java.base/java.lang.Thread.run(Thread.java:1583)", ""),
            ("main.Ship\n\t/src/worker.go:13", ""),
            ("", ""),
            ("at :::", ""),
        ] {
            assert_eq!(StackFrames::of(trace).place, place, "{trace}");
        }
    }

    #[test]
    fn frames_of_a_library_are_one_line() {
        let sdk = "  File \"/v/site-packages/temporalio/a.py\", line 1, in f\n    code\n";
        let trace = format!("{sdk}{sdk}  File \"/src/w.py\", line 2, in g\n    own()\n");
        assert_eq!(
            StackFrames::of(&trace).lines,
            ["+ 2 frames of temporalio", "  File \"/src/w.py\", line 2, in g", "    own()"]
        );
    }
}
