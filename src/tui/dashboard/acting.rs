//! What the dashboard does to workflows and problems, in tasks: actions, look-ups, dismissals.

use super::super::actions::{self, ActionOutcome, ActionPlace, ActionUnderWay};
use super::super::dismissing::Dismissing;
use super::{Dashboard, LAST_CALLS, PagedFile};
use crate::presenter::{self, SlowAction};
use crate::protocol::DISMISSED_MAX;
use crate::session::SessionCommand;
use futures_util::FutureExt;
use futures_util::future::join_all;
use stigmer_ui::model::Answer;
use stigmer_ui::request::WorkflowRequest;
use stigmer_ui::{DismissRequest, UnitCommand, WorkerRequest};

impl Dashboard {
    /// Dismisses problems, or undoes that, on all dashboards. This one hides them at once, so that the
    /// next key applies to the next problem.
    pub(super) fn dismiss(&mut self, request: DismissRequest) {
        let shown = self.model.take().and_then(|model| model.problems).unwrap_or_default();
        let shown = shown.into_iter().map(|it| it.id).take(DISMISSED_MAX);
        self.dismissals.give(match request {
            DismissRequest::One(id) => Dismissing::Dismiss(vec![id]),
            DismissRequest::All => Dismissing::Dismiss(shown.collect()),
            DismissRequest::Undo => Dismissing::Undo,
        });
        self.viewer.problems.hide(self.dismissals.hidden());
    }

    /// Sends a command to a worker of a project.
    pub(super) fn command_worker(&mut self, request: WorkerRequest) {
        let (command, word) = match request.command {
            UnitCommand::Start => (SessionCommand::Start, "starting the worker"),
            UnitCommand::Stop => (SessionCommand::Stop, "stopping the worker"),
            UnitCommand::Restart => (SessionCommand::Restart, "restarting the worker"),
        };
        self.command_workers(vec![request.name], command, word);
    }

    /// Restarts the workers that run. Those that the user has stopped stay stopped.
    pub(super) fn restart_workers(&mut self) {
        let rows = self.model.take().and_then(|model| model.workers).unwrap_or_default();
        let names = rows.into_iter().filter(|row| row.can.restart).map(|row| row.name).collect();
        self.command_workers(names, SessionCommand::Restart, "restarting the workers");
    }

    fn command_workers(&mut self, names: Vec<String>, command: SessionCommand, word: &'static str) {
        let session = self.session.clone();
        self.commands.give(word, async move {
            let commands = names.iter().map(|name| session.command_worker(name, command));
            join_all(commands).await.into_iter().collect()
        });
        self.show_commands();
    }

    /// The server for actions. Shows a message if no server runs.
    pub(super) fn action_place(&mut self) -> Option<ActionPlace> {
        let view = self.session.view();
        let status = &view.snapshot.status;
        let Some(temporal) = &status.temporal else {
            self.toast("the server is not running");
            return None;
        };
        Some(ActionPlace {
            address: temporal.address.clone(),
            home: self.home.clone(),
            temporal_bin: status.options.values.temporal_bin.clone(),
            tasks: self.tasks.clone(),
        })
    }

    /// Ends the actions in progress, but completes the calls that must not stop halfway, within
    /// [`LAST_CALLS`]. Returns which actions may be incomplete.
    pub(in crate::tui) async fn end_actions(&mut self) -> Option<String> {
        // Leave out the actions whose results have arrived.
        while self.actions.next().now_or_never().is_some() {}
        let texts: Vec<&str> = self
            .actions
            .all()
            .inspect(|action| action.stop.cancel())
            .filter(|action| action.has_effect)
            .map(|action| action.text.as_str())
            .collect();
        let message = (!texts.is_empty())
            .then(|| format!("in progress and maybe incomplete: {}", texts.join(", ")));
        self.tasks.close();
        // Ignore a timeout: then the problems show what is incomplete.
        let _ = tokio::time::timeout(LAST_CALLS, self.tasks.wait()).await;
        message
    }

    /// Looks for a workflow of the shown namespace in a task.
    pub(super) fn find(&mut self, id: String) {
        let Some(place) = self.action_place() else { return };
        let status = &self.session.view().snapshot.status;
        let namespace = presenter::shown_namespace(status, &self.viewer.listing);
        let namespace = namespace.unwrap_or_default().to_owned();
        let look_up = ActionUnderWay::look_up(&id);
        let looking = actions::find(place, namespace, id, look_up.stop.clone());
        self.actions.give(look_up, looking);
        self.show_waiting();
    }

    /// Performs an action on workflows in a task.
    pub(super) fn act(&mut self, request: WorkflowRequest) {
        let Some(place) = self.action_place() else { return };
        let action = ActionUnderWay::begin(&request);
        let performing = actions::perform(place, request, action.stop.clone());
        self.actions.give(action, performing);
        self.show_waiting();
    }

    /// Shows the newest action in progress, until it ends.
    pub(super) fn show_waiting(&mut self) {
        let waiting = |it: &ActionUnderWay| SlowAction { text: it.text.clone(), since: it.since };
        self.viewer.waiting = self.actions.under_way().map(waiting);
        self.model = None;
    }

    pub(super) fn show_outcome(&mut self, outcome: ActionOutcome) {
        match outcome {
            ActionOutcome::Message(message) => self.toast(&message),
            ActionOutcome::Answer { title, text } => {
                let is_error = text.is_err();
                let text = text.unwrap_or_else(|error| error);
                let number = self.viewer.answer.as_ref().map_or(0, |answer| answer.number) + 1;
                self.viewer.answer = Some(Answer { number, title, text, is_error });
                self.viewer.toast = None;
                self.model = None;
            }
            ActionOutcome::Found { run, type_name } => {
                self.ui.show_workflow(run, type_name);
                self.viewer.toast = None;
                self.model = None;
            }
            ActionOutcome::History { run, file } => {
                let is_open = self.ui.open_workflow().is_some_and(|open| open.run_id == run.run_id);
                // The user may have left the page meanwhile, and would not expect a pager.
                self.read = is_open.then_some(PagedFile::History(file));
                self.viewer.toast = None;
                self.model = None;
            }
        }
    }
}
