//! The actions on workflows: which of them apply, and the input that they need.

use std::sync::Arc;

use super::unlisted::Unlisted;
use crate::model::{Model, OpenWorkflow, ResetEvent, RunFound};
use crate::request::{ResetPoint, WorkflowAction, WorkflowCall, WorkflowRequest, WorkflowTarget};

/// Maximum bytes of a field.
const FIELD_MAX: usize = 4_000;

/// An entry of the menu of actions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ActionKind {
    Retry,
    Signal,
    Query,
    StackTrace,
    Update,
    Cancel,
    Terminate,
    ResetLast,
    ResetTo,
    #[default]
    SaveHistory,
    Delete,
}

/// Dialog of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ActionStep {
    /// The list of all actions.
    Menu,
    /// The fields that an action needs.
    Form,
    /// The question before an action that ends or changes workflows.
    Approve,
}

/// The workflows that the user acts on, and the input so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ActionMenu {
    /// The workflows when the menu was opened. They stay the same while rows change. What is known
    /// about a single one is updated.
    pub(crate) targets: Vec<WorkflowTarget>,
    /// Further workflows of the same rows.
    pub(crate) unlisted: Unlisted,
    /// Where a reset of a single workflow can continue, the newest event first. Empty if unknown.
    pub(crate) reset_points: Arc<[ResetEvent]>,
    /// The selected entry.
    pub(crate) kind: ActionKind,
    /// Text of each field: the name and the argument, or the ID of an event.
    pub(crate) fields: [String; 2],
    /// The field that receives the keys.
    pub(crate) field: usize,
    /// The number of workflows, as the user types it to approve the action.
    pub(crate) number: String,
}

impl ActionKind {
    /// All entries, in the order of the menu.
    pub(crate) const ALL: [Self; 11] = [
        Self::Retry,
        Self::Signal,
        Self::Query,
        Self::StackTrace,
        Self::Update,
        Self::Cancel,
        Self::Terminate,
        Self::ResetLast,
        Self::ResetTo,
        Self::SaveHistory,
        Self::Delete,
    ];

    /// Returns the word for the action in a title: `Signal`.
    pub(crate) fn verb(self) -> &'static str {
        match self {
            Self::Retry => "Retry",
            Self::Signal => "Signal",
            Self::Query => "Query",
            Self::StackTrace => "Stack trace of",
            Self::Update => "Update",
            Self::Cancel => "Cancel",
            Self::Terminate => "Terminate",
            Self::ResetLast | Self::ResetTo => "Reset",
            Self::SaveHistory => "Save the history of",
            Self::Delete => "Delete",
        }
    }

    /// Returns the names of the fields that the action needs.
    pub(crate) fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Signal | Self::Query | Self::Update => &["Name", "JSON"],
            Self::ResetTo => &["Event"],
            Self::Retry
            | Self::StackTrace
            | Self::Cancel
            | Self::Terminate
            | Self::ResetLast
            | Self::SaveHistory
            | Self::Delete => &[],
        }
    }

    /// Whether the action applies to one workflow only.
    fn is_for_one(self) -> bool {
        matches!(self, Self::Query | Self::StackTrace | Self::Update | Self::ResetTo)
    }

    /// Whether the action changes no workflow.
    fn is_harmless(self) -> bool {
        matches!(self, Self::Query | Self::StackTrace | Self::SaveHistory)
    }

    fn applies_to(self, target: &WorkflowTarget) -> bool {
        match self {
            Self::Retry => target.activity.is_some(),
            Self::Signal | Self::Update | Self::Cancel | Self::Terminate => target.is_open,
            Self::Query
            | Self::StackTrace
            | Self::ResetLast
            | Self::ResetTo
            | Self::SaveHistory
            | Self::Delete => true,
        }
    }

    /// Whether a question precedes the action on this number of workflows.
    fn asks(self, workflows: usize) -> bool {
        match self {
            Self::Terminate | Self::ResetLast | Self::ResetTo | Self::Delete => true,
            Self::Cancel | Self::Signal => workflows > 1,
            Self::Retry | Self::Query | Self::StackTrace | Self::Update | Self::SaveHistory => {
                false
            }
        }
    }
}

impl ActionMenu {
    pub(crate) fn new(targets: Vec<WorkflowTarget>) -> Self {
        let menu = Self { targets, ..Self::default() };
        let is_first = |kind: &ActionKind| kind.is_harmless() && menu.why_not_of(*kind).is_empty();
        let first = ActionKind::ALL.into_iter().find(is_first);
        Self { kind: first.unwrap_or_default(), ..menu }
    }

    /// Returns the run to read while the menu is open: the single workflow. `None` if there are
    /// several.
    pub(crate) fn run(&self) -> Option<OpenWorkflow> {
        let [WorkflowTarget { namespace, workflow_id, run_id, .. }] = &self.targets[..] else {
            return None;
        };
        Some(OpenWorkflow {
            namespace: namespace.clone(),
            workflow_id: workflow_id.clone(),
            run_id: run_id.clone(),
            row: None,
        })
    }

    /// Updates what is known about the single workflow from its page.
    pub(crate) fn learn(&mut self, model: &Model) {
        let [target] = &mut self.targets[..] else { return };
        let page = model.page.as_ref().filter(|page| page.run_id == target.run_id);
        if let Some(page) = page.filter(|page| page.found == RunFound::Yes) {
            target.is_open = page.status.is_open();
            target.activity.clone_from(&page.retried);
            self.reset_points = Arc::clone(&page.reset_points);
        }
    }

    /// Returns the workflows to which an action applies.
    pub(crate) fn concerned(&self, kind: ActionKind) -> Vec<&WorkflowTarget> {
        self.targets.iter().filter(|target| kind.applies_to(target)).collect()
    }

    /// Returns why an action does not apply. Empty if it applies.
    pub(crate) fn why_not(&self, kind: ActionKind, model: &Model) -> &'static str {
        if model.state.is_up() { self.why_not_of(kind) } else { "the server is not running" }
    }

    fn why_not_of(&self, kind: ActionKind) -> &'static str {
        let is_one = self.targets.len() == 1;
        match (kind, self.concerned(kind).is_empty()) {
            (kind, _) if kind.is_for_one() && !is_one => "for one workflow only",
            (_, false) => "",
            (ActionKind::Retry, true) => "no activity waits for a retry",
            (_, true) if is_one => "the workflow has ended",
            (_, true) => "all of them have ended",
        }
    }

    /// Selects the entry before or after the selected one. Continues at the other end.
    pub(crate) fn step(&mut self, forward: bool) {
        let all = ActionKind::ALL;
        let at = all.iter().position(|kind| *kind == self.kind).unwrap_or(0);
        let by = if forward { 1 } else { all.len() - 1 };
        self.kind = all[(at + by) % all.len()];
    }

    /// Returns why the fields are not complete. Empty if they are.
    pub(crate) fn complaint(&self) -> &'static str {
        let [first, json] = &self.fields;
        match self.kind {
            ActionKind::Signal | ActionKind::Query | ActionKind::Update => {
                if first.trim().is_empty() {
                    "the name is missing"
                } else if self.json_error().is_some() {
                    "the argument is not JSON"
                } else {
                    debug_assert!(json.len() <= FIELD_MAX);
                    ""
                }
            }
            ActionKind::ResetTo if self.event().is_none() => {
                "type the ID of an event that ended a workflow task"
            }
            _ => "",
        }
    }

    /// Returns why the argument is not JSON. An empty argument is none.
    pub(crate) fn json_error(&self) -> Option<String> {
        let [_, json] = &self.fields;
        if self.kind.fields().len() < 2 || json.trim().is_empty() {
            return None;
        }
        let parsed = serde_json::from_str::<serde_json::Value>(json);
        parsed.err().map(|error| error.to_string())
    }

    fn event(&self) -> Option<u64> {
        self.fields[0].trim().parse().ok().filter(|event| *event > 0)
    }

    /// Changes the field that receives the keys.
    pub(crate) fn edit(&mut self, edit: impl FnOnce(&mut String)) {
        let text = &mut self.fields[self.field];
        edit(text);
        let end = crate::draw::cluster::shorten(text, FIELD_MAX).len();
        text.truncate(end);
    }

    /// Whether the user approves the action by typing the number of workflows.
    pub(crate) fn asks_for_number(&self) -> bool {
        self.concerned(self.kind).len() > 1
    }

    /// Whether the user has typed the number of workflows.
    pub(crate) fn has_number(&self) -> bool {
        self.number == self.concerned(self.kind).len().to_string()
    }

    /// Whether the user must type or confirm something before this action is requested.
    pub(crate) fn has_dialog(&self, kind: ActionKind) -> bool {
        !kind.fields().is_empty() || kind.asks(self.concerned(kind).len())
    }

    /// Returns the dialog that follows the selection of an action, or its fields. `None` if the
    /// action can be requested now.
    pub(crate) fn next_step(&self, step: ActionStep) -> Option<ActionStep> {
        let asks = self.kind.asks(self.concerned(self.kind).len());
        match step {
            ActionStep::Menu if !self.kind.fields().is_empty() => Some(ActionStep::Form),
            ActionStep::Menu | ActionStep::Form if asks => Some(ActionStep::Approve),
            ActionStep::Menu | ActionStep::Form | ActionStep::Approve => None,
        }
    }

    /// Returns the request. Fields that are empty have a placeholder.
    pub(crate) fn request(&self) -> WorkflowRequest {
        let or = |text: &str, placeholder: &str| match text.trim() {
            "" => placeholder.to_owned(),
            text => text.to_owned(),
        };
        let [first, json] = &self.fields;
        let input = Some(json.trim().to_owned()).filter(|it| !it.is_empty());
        let call = || WorkflowCall { name: or(first, "NAME"), input };
        let action = match self.kind {
            ActionKind::Retry => WorkflowAction::Retry,
            ActionKind::Signal => WorkflowAction::Signal(call()),
            ActionKind::Query => WorkflowAction::Query(call()),
            ActionKind::StackTrace => WorkflowAction::StackTrace,
            ActionKind::Update => WorkflowAction::Update(call()),
            ActionKind::Cancel => WorkflowAction::Cancel,
            ActionKind::Terminate => WorkflowAction::Terminate,
            ActionKind::ResetLast => WorkflowAction::Reset(ResetPoint::LastTask),
            ActionKind::ResetTo => WorkflowAction::Reset(ResetPoint::Event(self.event())),
            ActionKind::SaveHistory => WorkflowAction::SaveHistory,
            ActionKind::Delete => WorkflowAction::Delete,
        };
        let targets = self.concerned(self.kind).into_iter().cloned().collect();
        WorkflowRequest { action, targets }
    }

    /// Returns the IDs of the workflows of the selected action: `a and b`, `a and 4 more`.
    pub(crate) fn names(targets: &[&WorkflowTarget]) -> String {
        match targets {
            [] => String::new(),
            [one] => one.workflow_id.clone(),
            [first, second] => format!("{} and {}", first.workflow_id, second.workflow_id),
            [first, rest @ ..] => format!("{} and {} more", first.workflow_id, rest.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StateView;
    use crate::request::RetriedActivity;

    fn target(id: &str, is_open: bool) -> WorkflowTarget {
        WorkflowTarget { workflow_id: id.into(), is_open, ..WorkflowTarget::default() }
    }

    fn up() -> Model {
        Model { state: StateView::Ready, ..Model::default() }
    }

    /// Letters of the actions that apply.
    fn offered(targets: &[WorkflowTarget], model: &Model) -> Vec<ActionKind> {
        let menu = ActionMenu::new(targets.to_vec());
        ActionKind::ALL.into_iter().filter(|kind| menu.why_not(*kind, model).is_empty()).collect()
    }

    #[test]
    fn actions_apply_by_state_and_number() {
        use ActionKind as K;
        let open = target("open", true);
        let closed = target("closed", false);
        let retrying = WorkflowTarget {
            activity: Some(RetriedActivity { type_name: "call_bank".into(), id: "1".into() }),
            ..target("retrying", true)
        };
        let always = [K::ResetLast, K::SaveHistory, K::Delete];
        let one = [K::Query, K::StackTrace, K::ResetTo];
        let if_open = [K::Signal, K::Cancel, K::Terminate];
        let one_of = |more: &[ActionKind]| [&always[..], &one, more].concat();
        let all_if_open = [&if_open[..], &[K::Update]].concat();
        let cases: [(Vec<WorkflowTarget>, Vec<ActionKind>); 5] = [
            (vec![open.clone()], one_of(&all_if_open)),
            (vec![closed.clone()], one_of(&[])),
            (vec![retrying.clone()], one_of(&[&all_if_open[..], &[K::Retry]].concat())),
            (vec![open, closed.clone(), retrying], [&always[..], &if_open, &[K::Retry]].concat()),
            (vec![closed.clone(), closed.clone()], always.to_vec()),
        ];
        for (targets, expected) in cases {
            let found = offered(&targets, &up());
            assert!(found.iter().all(|kind| expected.contains(kind)), "{targets:?}: {found:?}");
            assert_eq!(found.len(), expected.len(), "{targets:?}: {found:?}");
            assert_eq!(offered(&targets, &Model::default()), [], "the server does not run");
        }
        let menu = ActionMenu::new(vec![closed.clone(), closed]);
        assert_eq!(menu.why_not(K::Cancel, &up()), "all of them have ended");
        assert_eq!(menu.why_not(K::Query, &up()), "for one workflow only");
        assert_eq!(menu.kind, K::SaveHistory, "the first entry that changes nothing");
        assert_eq!(ActionMenu::new(vec![target("a", true)]).kind, K::Query);
    }

    #[test]
    fn action_changes_only_workflows_to_which_it_applies() {
        let targets = vec![target("a", true), target("b", false), target("c", true)];
        let mut menu = ActionMenu::new(targets);
        menu.kind = ActionKind::Terminate;
        let named: Vec<String> =
            menu.request().targets.into_iter().map(|it| it.workflow_id).collect();
        assert_eq!(named, ["a", "c"]);
        assert!(menu.asks_for_number() && !menu.has_number());
        menu.number = "3".into();
        assert!(!menu.has_number(), "one of them has ended");
        menu.number = "2".into();
        assert!(menu.has_number());
        menu.kind = ActionKind::SaveHistory;
        assert_eq!(menu.request().targets.len(), 3);
    }

    #[test]
    fn fields_are_complete_before_they_are_sent() {
        let menu = |kind, first: &str, json: &str| ActionMenu {
            kind,
            fields: [first.into(), json.into()],
            ..ActionMenu::new(vec![target("a", true)])
        };
        for (kind, first, json, complaint) in [
            (ActionKind::Signal, "", "", "the name is missing"),
            (ActionKind::Signal, " ", "{}", "the name is missing"),
            (ActionKind::Signal, "add", "", ""),
            (ActionKind::Query, "get", "{\"a\": [1, null]}", ""),
            (ActionKind::Update, "set", "{'a': 1}", "the argument is not JSON"),
            (ActionKind::Update, "set", "1 2", "the argument is not JSON"),
            (ActionKind::ResetTo, "7", "", ""),
            (ActionKind::ResetTo, "0", "", "type the ID of an event that ended a workflow task"),
            (ActionKind::ResetTo, "x", "", "type the ID of an event that ended a workflow task"),
            (ActionKind::Cancel, "", "not JSON", ""),
        ] {
            assert_eq!(menu(kind, first, json).complaint(), complaint, "{kind:?} {first} {json}");
        }
        let deep = "[".repeat(2_000);
        assert_eq!(menu(ActionKind::Signal, "a", &deep).complaint(), "the argument is not JSON");
    }

    #[test]
    fn questions_precede_actions_that_end_or_change_workflows() {
        let steps = |kind, targets: usize| {
            let targets = (0..targets).map(|n| target(&n.to_string(), true)).collect();
            let menu = ActionMenu { kind, ..ActionMenu::new(targets) };
            let mut steps = vec![ActionStep::Menu];
            while let Some(next) = menu.next_step(steps[steps.len() - 1]) {
                steps.push(next);
            }
            steps.split_off(1)
        };
        use ActionStep::{Approve, Form};
        for (kind, one, several) in [
            (ActionKind::Retry, vec![], vec![]),
            (ActionKind::Signal, vec![Form], vec![Form, Approve]),
            (ActionKind::Query, vec![Form], vec![Form]),
            (ActionKind::StackTrace, vec![], vec![]),
            (ActionKind::Cancel, vec![], vec![Approve]),
            (ActionKind::Terminate, vec![Approve], vec![Approve]),
            (ActionKind::ResetLast, vec![Approve], vec![Approve]),
            (ActionKind::ResetTo, vec![Form, Approve], vec![Form, Approve]),
            (ActionKind::SaveHistory, vec![], vec![]),
            (ActionKind::Delete, vec![Approve], vec![Approve]),
        ] {
            assert_eq!(steps(kind, 1), one, "{kind:?}");
            assert_eq!(steps(kind, 2), several, "{kind:?}");
        }
    }
}
