//! Actions on workflows, and the command of the Temporal CLI that does the same.

/// The address that the Temporal CLI uses without `--address`.
const DEFAULT_ADDRESSES: [&str; 2] = ["127.0.0.1:7233", "localhost:7233"];
/// The namespace that the Temporal CLI uses without `--namespace`.
const DEFAULT_NAMESPACE: &str = "default";
/// The reason that the server stores with an action.
const REASON: &str = "requested in the stigmer dashboard";
/// Maximum bytes of a workflow ID in the name of a file. The limit of a file name is 255 bytes.
const FILE_ID_MAX: usize = 150;

/// A request to act on workflows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkflowRequest {
    /// What to do.
    pub action: WorkflowAction,
    /// The workflows, at least one. Exactly one if the action needs an answer.
    pub targets: Vec<WorkflowTarget>,
}

/// A run of a workflow that an action applies to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkflowTarget {
    /// Namespace. Empty for the default one.
    pub namespace: String,
    /// Workflow ID.
    pub workflow_id: String,
    /// Run ID. Empty for the latest run.
    pub run_id: String,
    /// Whether the workflow has not ended.
    pub is_open: bool,
    /// The activity that waits for its next attempt.
    pub activity: Option<RetriedActivity>,
}

/// An activity that waits for its next attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetriedActivity {
    /// Type of the activity.
    pub type_name: String,
    /// ID of the activity. Empty if unknown.
    pub id: String,
}

/// An action on a workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkflowAction {
    /// Request the cancellation, so that the code of the workflow can clean up.
    Cancel,
    /// End the workflow at once.
    Terminate,
    /// Send a signal.
    Signal(WorkflowCall),
    /// Send a query, and show the result.
    Query(WorkflowCall),
    /// Show where the code waits.
    StackTrace,
    /// Send an update, and show the result.
    Update(WorkflowCall),
    /// Continue in a new run from a workflow task.
    Reset(ResetPoint),
    /// Start the next attempt of the activity that waits for it.
    Retry,
    /// Delete the run and its history.
    Delete,
    /// Write the history into a file of the current folder.
    SaveHistory,
}

/// Name and argument of a signal, a query or an update.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkflowCall {
    /// Name of the signal, the query or the update.
    pub name: String,
    /// The argument as JSON. `None` without an argument.
    pub input: Option<String>,
}

/// Where a reset continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetPoint {
    /// From the last completed workflow task.
    LastTask,
    /// From the workflow task that ended with the event of this ID. `None` if the ID is not known yet.
    Event(Option<u64>),
}

impl WorkflowRequest {
    /// Returns the command line of the Temporal CLI, for a shell. `address` is the address of the
    /// server.
    #[must_use]
    pub fn command(&self, address: Option<&str>) -> String {
        self.commands(address).join(" && ")
    }

    /// Returns the commands of [`Self::command`], which run one after the other.
    #[must_use]
    pub fn commands(&self, address: Option<&str>) -> Vec<String> {
        let mut namespaces: Vec<&str> = Vec::new();
        for target in &self.targets {
            if !namespaces.contains(&target.namespace.as_str()) {
                namespaces.push(&target.namespace);
            }
        }
        let commands = namespaces.into_iter().flat_map(|namespace| {
            let targets: Vec<&WorkflowTarget> =
                self.targets.iter().filter(|it| it.namespace == namespace).collect();
            let several = self.action.for_several().filter(|_| targets.len() > 1);
            let commands = match several {
                Some(command) => vec![command.on_all(&targets)],
                None => targets.iter().flat_map(|target| self.action.for_one(target)).collect(),
            };
            commands.into_iter().map(move |command| command.at(address, namespace))
        });
        commands.collect()
    }
}

/// One command of the Temporal CLI.
struct CliCommand {
    words: Vec<String>,
    /// File into which the shell writes the output.
    file: Option<String>,
}

impl CliCommand {
    fn new(words: &str) -> Self {
        Self { words: words.split(' ').map(str::to_owned).collect(), file: None }
    }

    fn with(mut self, option: &str, value: &str) -> Self {
        self.words.extend([option.to_owned(), value.to_owned()]);
        self
    }

    fn with_call(self, call: &WorkflowCall) -> Self {
        let named = self.with("--name", &call.name);
        match &call.input {
            Some(input) => named.with("--input", input),
            None => named,
        }
    }

    fn on(self, target: &WorkflowTarget) -> Self {
        let named = self.with("--workflow-id", &target.workflow_id);
        match target.run_id.as_str() {
            "" => named,
            run => named.with("--run-id", run),
        }
    }

    /// Applies the command to exactly these runs. Workflow IDs would select earlier runs too.
    fn on_all(self, targets: &[&WorkflowTarget]) -> Self {
        let runs: Vec<String> = targets.iter().map(|it| format!("'{}'", it.run_id)).collect();
        let query = format!("RunId IN ({})", runs.join(", "));
        self.with("--query", &query).with("--reason", REASON).confirmed()
    }

    /// Makes the CLI not ask.
    fn confirmed(mut self) -> Self {
        self.words.push("--yes".to_owned());
        self
    }

    fn at(mut self, address: Option<&str>, namespace: &str) -> String {
        if let Some(address) = address.filter(|it| !DEFAULT_ADDRESSES.contains(it)) {
            self = self.with("--address", address);
        }
        if !["", DEFAULT_NAMESPACE].contains(&namespace) {
            self = self.with("--namespace", namespace);
        }
        let words = self.words.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ");
        match self.file {
            Some(file) => format!("{words} > {}", shell_word(&file)),
            None => words,
        }
    }
}

impl WorkflowAction {
    /// Returns the commands for one workflow. Several commands run one after the other.
    fn for_one(&self, target: &WorkflowTarget) -> Vec<CliCommand> {
        let on = |words: &str| CliCommand::new(&format!("temporal {words}")).on(target);
        let reset = || on("workflow reset");
        vec![match self {
            Self::Cancel => on("workflow cancel"),
            Self::Terminate => on("workflow terminate").with("--reason", REASON),
            Self::Signal(call) => on("workflow signal").with_call(call),
            Self::Query(call) => on("workflow query").with_call(call),
            Self::StackTrace => on("workflow stack"),
            Self::Update(call) => on("workflow update execute").with_call(call),
            Self::Reset(ResetPoint::LastTask) => {
                reset().with("--type", "LastWorkflowTask").with("--reason", REASON)
            }
            Self::Reset(ResetPoint::Event(event)) => {
                let id = event.map_or_else(|| "EVENT_ID".to_owned(), |event| event.to_string());
                reset().with("--event-id", &id).with("--reason", REASON)
            }
            Self::Retry => {
                let id = target.activity.as_ref().map_or("", |it| it.id.as_str());
                let id = if id.is_empty() { "ACTIVITY_ID" } else { id };
                return ["activity pause", "activity unpause"]
                    .map(|words| on(words).with("--activity-id", id))
                    .into();
            }
            Self::Delete => on("workflow delete").confirmed(),
            Self::SaveHistory => CliCommand {
                file: Some(target.history_file()),
                ..on("workflow show").with("--output", "json")
            },
        }]
    }

    /// Returns the command for several workflows, without them. `None` if each workflow needs its
    /// own command.
    fn for_several(&self) -> Option<CliCommand> {
        let all = |words: &str| Some(CliCommand::new(&format!("temporal {words}")));
        match self {
            Self::Cancel => all("workflow cancel"),
            Self::Terminate => all("workflow terminate"),
            Self::Signal(call) => all("workflow signal").map(|it| it.with_call(call)),
            Self::Reset(ResetPoint::LastTask) => {
                all("workflow reset").map(|it| it.with("--type", "LastWorkflowTask"))
            }
            Self::Delete => all("workflow delete"),
            Self::Query(_)
            | Self::StackTrace
            | Self::Update(_)
            | Self::Reset(ResetPoint::Event(_))
            | Self::Retry
            | Self::SaveHistory => None,
        }
    }
}

impl WorkflowTarget {
    /// Returns the name of the file for the history: `WORKFLOWID-RUN.json`. Characters that a file
    /// name cannot have are replaced by `_`.
    #[must_use]
    pub fn history_file(&self) -> String {
        let clean = |text: &str| -> String {
            let is_safe = |c: char| c.is_alphanumeric() || "._-".contains(c);
            text.chars().map(|c| if is_safe(c) { c } else { '_' }).collect()
        };
        let mut id = clean(&self.workflow_id);
        while id.len() > FILE_ID_MAX {
            id.pop();
        }
        // A hidden file would be hard to find.
        let id = if id.is_empty() || id.starts_with('.') { format!("_{id}") } else { id };
        let mut run = clean(&self.run_id);
        while run.len() > 50 {
            run.pop();
        }
        match run.as_str() {
            "" => format!("{id}.json"),
            run => format!("{id}-{run}.json"),
        }
    }
}

/// Returns the command line of the Temporal CLI that shows a run, for a shell. `address` is the address of
/// the server.
pub(crate) fn show_command(target: &WorkflowTarget, address: Option<&str>) -> String {
    CliCommand::new("temporal workflow show").on(target).at(address, &target.namespace)
}

/// Returns a command with another program in place of `temporal`, for a shell that does not find
/// `temporal`. `program` is quoted for a shell. Other commands stay unchanged.
#[must_use]
pub fn runnable(command: &str, program: Option<&str>) -> String {
    match (program, command.strip_prefix("temporal ")) {
        (Some(program), Some(arguments)) => format!("{program} {arguments}"),
        (_, _) => command.to_owned(),
    }
}

/// Quotes a word for a POSIX shell, if necessary.
#[must_use]
pub fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./_-".contains(c);
    match word {
        "" => "''".to_owned(),
        word if word.chars().all(is_plain) => word.to_owned(),
        word if !word.contains('\'') => format!("'{word}'"),
        // Within double quotes these characters have a meaning; `!` only in an interactive shell.
        word if !word.contains(['"', '\\', '$', '`', '!']) => format!("\"{word}\""),
        word => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(id: &str, run: &str) -> WorkflowTarget {
        WorkflowTarget {
            namespace: "default".into(),
            workflow_id: id.into(),
            run_id: run.into(),
            is_open: true,
            activity: None,
        }
    }

    fn command(action: WorkflowAction, targets: &[WorkflowTarget]) -> String {
        WorkflowRequest { action, targets: targets.to_vec() }.command(Some("127.0.0.1:7233"))
    }

    fn call(name: &str, input: Option<&str>) -> WorkflowCall {
        WorkflowCall { name: name.into(), input: input.map(Into::into) }
    }

    #[test]
    fn each_action_has_a_command() {
        use WorkflowAction as A;
        let activity = RetriedActivity { type_name: "call_bank".into(), id: "1".into() };
        let one = [WorkflowTarget { activity: Some(activity), ..target("a 1", "r-1") }];
        let reason = "--reason 'requested in the stigmer dashboard'";
        let of = "--workflow-id 'a 1' --run-id r-1";
        let cases = [
            (A::Cancel, format!("workflow cancel {of}")),
            (A::Terminate, format!("workflow terminate {of} {reason}")),
            (
                A::Signal(call("add", Some(r#"{"n": 1}"#))),
                format!(r#"workflow signal {of} --name add --input '{{"n": 1}}'"#),
            ),
            (A::Signal(call("add", None)), format!("workflow signal {of} --name add")),
            (A::Query(call("get", None)), format!("workflow query {of} --name get")),
            (A::StackTrace, format!("workflow stack {of}")),
            (
                A::Update(call("set", Some("\"it's\""))),
                format!(r#"workflow update execute {of} --name set --input '"it'\''s"'"#),
            ),
            (
                A::Reset(ResetPoint::LastTask),
                format!("workflow reset {of} --type LastWorkflowTask {reason}"),
            ),
            (
                A::Reset(ResetPoint::Event(Some(7))),
                format!("workflow reset {of} --event-id 7 {reason}"),
            ),
            (
                A::Retry,
                format!(
                    "activity pause {of} --activity-id 1 && temporal activity unpause {of} --activity-id 1"
                ),
            ),
            (A::Delete, format!("workflow delete {of} --yes")),
            (A::SaveHistory, format!("workflow show {of} --output json > a_1-r-1.json")),
        ];
        for (action, expected) in cases {
            assert_eq!(command(action, &one), format!("temporal {expected}"));
        }
    }

    #[test]
    fn command_for_several_names_exactly_their_runs() {
        use WorkflowAction as A;
        let two = [target("a", "r-1"), target("b", "r-2")];
        let reason = "--reason 'requested in the stigmer dashboard'";
        let of = format!("--query \"RunId IN ('r-1', 'r-2')\" {reason} --yes");
        let cases = [
            (A::Cancel, format!("workflow cancel {of}")),
            (A::Terminate, format!("workflow terminate {of}")),
            (
                A::Signal(call("add", Some("1"))),
                format!("workflow signal --name add --input 1 {of}"),
            ),
            (
                A::Reset(ResetPoint::LastTask),
                format!("workflow reset --type LastWorkflowTask {of}"),
            ),
            (A::Delete, format!("workflow delete {of}")),
            (
                A::SaveHistory,
                "workflow show --workflow-id a --run-id r-1 --output json > a-r-1.json && \
                 temporal workflow show --workflow-id b --run-id r-2 --output json > b-r-2.json"
                    .to_owned(),
            ),
        ];
        for (action, expected) in cases {
            assert_eq!(command(action, &two), format!("temporal {expected}"));
        }
    }

    #[test]
    fn address_and_namespace_are_named_if_they_differ_from_the_defaults() {
        let command = |namespace: &str, address: Option<&str>| {
            let target = WorkflowTarget { namespace: namespace.into(), ..target("a", "") };
            WorkflowRequest { action: WorkflowAction::Cancel, targets: vec![target] }
                .command(address)
        };
        let plain = "temporal workflow cancel --workflow-id a";
        for address in [None, Some("127.0.0.1:7233"), Some("localhost:7233")] {
            assert_eq!(command("default", address), plain);
            assert_eq!(command("", address), plain);
        }
        let other = command("o'brien", Some("127.0.0.1:7300"));
        assert_eq!(other, format!("{plain} --address 127.0.0.1:7300 --namespace \"o'brien\""));
        let mixed = WorkflowRequest {
            action: WorkflowAction::Cancel,
            targets: vec![
                target("a", "r-1"),
                WorkflowTarget { namespace: "n1".into(), ..target("b", "r-2") },
            ],
        };
        let expected = "temporal workflow cancel --workflow-id a --run-id r-1 && \
                        temporal workflow cancel --workflow-id b --run-id r-2 --namespace n1";
        assert_eq!(mixed.command(None), expected);
    }

    #[test]
    fn shell_sees_every_word_as_it_is() {
        for (word, quoted) in [
            ("", "''"),
            ("a-b_c.d/e:f@g", "a-b_c.d/e:f@g"),
            ("a b", "'a b'"),
            ("$(rm -r /)", "'$(rm -r /)'"),
            ("it's", "\"it's\""),
            ("it's $HOME", r"'it'\''s $HOME'"),
            ("a\nb", "'a\nb'"),
            ("größe", "'größe'"),
        ] {
            assert_eq!(shell_word(word), quoted);
        }
    }

    #[test]
    fn history_file_is_a_plain_name_in_the_current_folder() {
        let name = |id: &str, run: &str| target(id, run).history_file();
        assert_eq!(name("order-1", "r1"), "order-1-r1.json");
        assert_eq!(name("../etc/x y", "r1"), "_.._etc_x_y-r1.json");
        assert_eq!(name("", ""), "_.json");
        assert!(name(&"漢".repeat(500), &"x".repeat(500)).len() <= 255);
    }
}
