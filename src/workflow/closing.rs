//! The end of a run in one short line: its result, its failure, or who ended it and why.

use crate::temporal::history::{EventFacts, RunEvent, Subject, SubjectPhase};

/// Maximum length of a line, in characters.
const LINE: usize = 60;

/// Describes the end of a run by its last event, for example as `"ch_o-312"` or `by you: wrong queue`. `own` is
/// the user with the name of the machine, such as `ann@box`. Empty if there is nothing to say.
#[must_use]
pub fn closing_note(last: &RunEvent, own: &str) -> String {
    let EventFacts { result, failures, reason, identity, .. } = &last.facts;
    let text = match (last.subject, last.phase) {
        (Subject::Run, SubjectPhase::Completed) => match result.first() {
            Some(value) if value.text != "null" => one_line(&value.text),
            Some(_) | None => String::new(),
        },
        (Subject::Run, SubjectPhase::Failed) => {
            let mut causes = failures.iter().rev().map(|link| &link.text);
            causes.find(|text| !text.is_empty()).map(|text| one_line(text)).unwrap_or_default()
        }
        (Subject::Run, SubjectPhase::Terminated) => {
            let by = Some(name(identity, own)).filter(|name| !name.is_empty());
            let parts = by.map(|name| format!("by {name}")).into_iter().chain([one_line(reason)]);
            parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
        }
        _ => String::new(),
    };
    cut(text)
}

/// The name of the user or the program with this identity.
fn name<'a>(identity: &'a str, own: &str) -> &'a str {
    let name = identity.strip_prefix("temporal-cli:").unwrap_or(identity);
    if name == own || name == crate::temporal::actions::IDENTITY { "you" } else { name }
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

fn cut(text: String) -> String {
    match text.char_indices().nth(LINE) {
        Some(_) => text.chars().take(LINE - 1).chain(['…']).collect(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temporal::failure::FailureLink;
    use crate::temporal::payload::DecodedPayload;

    fn event(phase: SubjectPhase, facts: EventFacts) -> RunEvent {
        let (subject, type_name) = (Subject::Run, "");
        RunEvent { id: 9, first: 9, at: None, type_name, subject, phase, facts }
    }

    #[test]
    fn end_of_a_run_is_one_short_line() {
        let completed = |text: &str| {
            let result =
                vec![DecodedPayload { text: text.to_owned(), ..DecodedPayload::default() }];
            event(SubjectPhase::Completed, EventFacts { result, ..EventFacts::default() })
        };
        let terminated = |identity: &str, reason: &str| {
            let (identity, reason) = (identity.to_owned(), reason.to_owned());
            let facts = EventFacts { identity, reason, ..EventFacts::default() };
            event(SubjectPhase::Terminated, facts)
        };
        let link = |text: &str| FailureLink { text: text.to_owned(), ..FailureLink::default() };
        let failures = vec![link("activity ship failed"), link("ValueError: postcode"), link("")];
        let failed = event(SubjectPhase::Failed, EventFacts { failures, ..EventFacts::default() });
        let cut = format!("\"{}…", "é".repeat(58));
        let long = "é".repeat(90);
        for (event, expected) in [
            (completed("\"ch_o-312\""), "\"ch_o-312\""),
            (completed("{\n  \"a\": 1\n}"), "{ \"a\": 1 }"),
            (completed("encrypted, 312 bytes"), "encrypted, 312 bytes"),
            (completed("null"), ""),
            (completed(&format!("\"{long}\"")), cut.as_str()),
            (event(SubjectPhase::Completed, EventFacts::default()), ""),
            (failed, "ValueError: postcode"),
            (terminated("temporal-cli:ann@box", "wrong queue"), "by you: wrong queue"),
            (terminated("stigmer", ""), "by you"),
            (terminated("temporal-cli:bob@box", "wrong queue"), "by bob@box: wrong queue"),
            (terminated("", "wrong queue"), "wrong queue"),
            (event(SubjectPhase::Canceled, EventFacts::default()), ""),
        ] {
            assert_eq!(closing_note(&event, "ann@box"), expected);
        }
    }
}
