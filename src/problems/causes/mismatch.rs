//! Reads from the message of a non-determinism error what the code of the workflow does, and what the history
//! of the run has instead. The SDKs word this differently.

/// What the code of a workflow does at some place, and what the history has there.
struct ReplayDifference {
    code: String,
    history: String,
}

/// One sentence about a non-determinism error, for example `the code expects a timer, history has
/// ActivityTaskScheduled (event 5)`.
pub(super) fn sentence(message: &str) -> String {
    let message = plain(message);
    let found = of_core(message).or_else(|| of_core_type(message)).or_else(|| of_go(message));
    match found.or_else(|| of_java(message)) {
        Some(ReplayDifference { code, history }) => {
            format!("the code expects {code}, history has {history}")
        }
        None => format!("the code does not match the history: {message}"),
    }
}

/// The message without the marks that all such messages have.
fn plain(message: &str) -> &str {
    let marks = ["[TMPRL1100] ", "Nondeterminism error: ", "nondeterministic workflow: "];
    let message = message.find("[TMPRL1100] ").map_or(message, |at| &message[at..]);
    marks.iter().fold(message, |rest, mark| rest.strip_prefix(mark).unwrap_or(rest))
}

/// Python, TypeScript, .NET, Ruby: `Timer machine does not handle this event: HistoryEvent(id: 5,
/// ActivityTaskScheduled)` and `No command scheduled for event HistoryEvent(id: 5, TimerStarted)`.
fn of_core(message: &str) -> Option<ReplayDifference> {
    let (before, event) = message.split_once("HistoryEvent(id: ")?;
    let (id, name) = event.split_once(')')?.0.split_once(", ")?;
    let history = format!("{name} (event {id})");
    let machine = before.split_once(" machine does not handle this event");
    let code = match machine {
        Some((machine, _)) => of_machine(machine),
        None if before.starts_with("No command scheduled for event") => "nothing".to_owned(),
        None => return None,
    };
    Some(ReplayDifference { code, history })
}

/// The command for which the SDK has such a machine.
fn of_machine(machine: &str) -> String {
    let name = match machine {
        "Timer" => "a timer",
        "Activity" => "an activity",
        "Local activity" | "LocalActivity" => "a local activity",
        "Child workflow" => "a child workflow",
        "Complete workflow" => "the end of the workflow",
        "Fail workflow" => "the failure of the workflow",
        "Cancel workflow" => "the end of the workflow by a cancellation",
        "Continue as new workflow" => "a continuation as new",
        "Signal external workflow" => "a signal to another workflow",
        "Patch" => "a patch",
        "Update" => "an update",
        other => return format!("a command \"{other}\""),
    };
    name.to_owned()
}

/// Python, TypeScript, .NET, Ruby: `Activity type of scheduled event 'ship' does not match activity type of
/// activity command 'pack'`.
fn of_core_type(message: &str) -> Option<ReplayDifference> {
    let (before, after) = message.split_once("' does not match ")?;
    let (what, theirs) = before.split_once(" event '")?;
    let (what, _) = what.split_once(" of ")?;
    let ours = after.split_once(" command '")?.1.strip_suffix('\'')?;
    let what = what.to_lowercase();
    Some(ReplayDifference { code: format!("{what} {ours}"), history: theirs.to_owned() })
}

/// Go: `history event is ActivityTaskScheduled: (ActivityId:5, ActivityType:(Name:ship), …), replay command
/// is StartTimer: (…)`, `missing replay command for TimerStarted: (…)` and `extra replay command for
/// StartTimer: (…)`.
fn of_go(message: &str) -> Option<ReplayDifference> {
    if let Some(event) = message.strip_prefix("missing replay command for ") {
        return Some(ReplayDifference { code: "nothing".to_owned(), history: named(event) });
    }
    if let Some(command) = message.strip_prefix("extra replay command for ") {
        return Some(ReplayDifference {
            code: named(command),
            history: "nothing there".to_owned(),
        });
    }
    let (event, command) =
        message.strip_prefix("history event is ")?.split_once(", replay command is ")?;
    Some(ReplayDifference { code: named(command), history: named(event) })
}

/// The type of an event or a command of Go, with the name of its activity or workflow: `StartTimer`,
/// `ScheduleActivityTask ship`.
fn named(text: &str) -> String {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len());
    let (kind, rest) = text.split_at(end);
    let name = rest.split_once("Type:(Name:").and_then(|(_, rest)| rest.split_once([')', ',']));
    name.map_or_else(|| kind.to_owned(), |(name, _)| format!("{kind} {name}"))
}

/// Java: `Event 21 of type EVENT_TYPE_TIMER_STARTED does not match command type COMMAND_TYPE_START_TIMER`.
fn of_java(message: &str) -> Option<ReplayDifference> {
    let (before, after) = message.split_once(" does not match command type COMMAND_TYPE_")?;
    let (id, event) = before.rsplit_once("Event ")?.1.split_once(" of type EVENT_TYPE_")?;
    let end = after.find(|c: char| !c.is_ascii_uppercase() && c != '_').unwrap_or(after.len());
    let history = format!("{} (event {id})", pascal(event));
    Some(ReplayDifference { code: pascal(&after[..end]), history })
}

/// Converts `TIMER_STARTED` to `TimerStarted`.
fn pascal(name: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        first.to_owned() + &rest.to_lowercase()
    };
    name.split('_').map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn messages_of_the_sdks_become_one_sentence() {
        let core = "[TMPRL1100] Nondeterminism error: ";
        let go = "[TMPRL1100] nondeterministic workflow: ";
        let activity = "ActivityTaskScheduled: (ActivityId:5, ActivityType:(Name:ship), Input:[])";
        let cases = [
            (
                core,
                "Timer machine does not handle this event: HistoryEvent(id: 5, ActivityTaskScheduled)",
                "the code expects a timer, history has ActivityTaskScheduled (event 5)",
            ),
            (
                core,
                "Complete workflow machine does not handle this event: HistoryEvent(id: 5, TimerStarted)",
                "the code expects the end of the workflow, history has TimerStarted (event 5)",
            ),
            (
                core,
                "Odd machine does not handle this event: HistoryEvent(id: 5, TimerStarted)",
                "the code expects a command \"Odd\", history has TimerStarted (event 5)",
            ),
            (
                core,
                "No command scheduled for event HistoryEvent(id: 5, TimerStarted)",
                "the code expects nothing, history has TimerStarted (event 5)",
            ),
            (
                core,
                "Activity type of scheduled event 'ship' does not match activity type of activity command \
                 'pack'",
                "the code expects activity type pack, history has ship",
            ),
            (
                core,
                "Event does not apply to a wf task machine: HistoryEvent(id: 5, TimerStarted)",
                "the code does not match the history: Event does not apply to a wf task machine: \
                 HistoryEvent(id: 5, TimerStarted)",
            ),
            (
                go,
                &format!("history event is {activity}, replay command is StartTimer: (TimerId:5)"),
                "the code expects StartTimer, history has ActivityTaskScheduled ship",
            ),
            (
                go,
                &format!("missing replay command for {activity}"),
                "the code expects nothing, history has ActivityTaskScheduled ship",
            ),
            (
                go,
                "extra replay command for ScheduleActivityTask: (ActivityType:(Name:pack))",
                "the code expects ScheduleActivityTask pack, history has nothing there",
            ),
            (
                "",
                "Failure handling event 21 of type 'EVENT_TYPE_TIMER_STARTED' during replay. Event 21 of \
                 type EVENT_TYPE_TIMER_STARTED does not match command type COMMAND_TYPE_START_TIMER. {}",
                "the code expects StartTimer, history has TimerStarted (event 21)",
            ),
            ("", "é", "the code does not match the history: é"),
            (core, "", "the code does not match the history: "),
        ];
        for (prefix, message, expected) in cases {
            assert_eq!(sentence(&format!("{prefix}{message}")), expected);
        }
    }
}
