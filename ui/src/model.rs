//! The view model: all data on the screen except the log.
//!
//! Times are ages and durations in ms, never points in time, because the crate has no clock.

mod page;
mod server;
mod timeline;
mod work;

use crate::loss::{Storage, WorkflowCount};
pub use page::{
    CauseRow, HistoryDetails, HistoryRow, HistoryState, OpenWorkflow, PendingRow, ResetEvent,
    RunFound, WorkflowPage,
};
pub use server::{
    FailureLimit, FailureView, LastRestart, LayerView, ProbePoint, ProbeView, ResourcesView,
    RestartLimit, RestartsView,
};
pub use timeline::{Phase, TimelineKind, TimelineRow};
pub use work::{
    Answer, ClosedCount, Dismissed, FoundWorkflows, Listing, Member, ProblemKind, ProblemRow,
    Severity, UnitCommands, WorkerRow, WorkerState, WorkflowCounts, WorkflowRow, WorkflowStatus,
};

/// The data that the dashboard draws. The default is the model before the first snapshot of a host.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// The host that supervises the server: `this dashboard`, `background host 4711`.
    pub host_label: String,
    /// Home folder, shortened for display: `~/.stigmer`.
    pub home: String,
    /// Whether another process is the host. `false`: this dashboard is the host.
    pub attached: bool,
    /// State of the server.
    pub state: StateView,
    /// Age of the state. `None` if unknown.
    pub state_age_ms: Option<u64>,
    /// Current activity of the supervisor: `restarting in 0.8 s — 2nd try`. Empty if none.
    pub doing: String,
    /// Reason for the state, for example why it is degraded or failed. Empty if there is none.
    pub message: String,
    /// Whether stigmer started or adopted the server. `false`: an external server, which stigmer only watches.
    pub managed: bool,
    /// Whether a host supervises and checks the server. `false`: the host is gone.
    pub watched: bool,
    /// Whether an earlier host started the server.
    pub adopted: bool,
    /// Number of the server process that runs or ran last. Each start gets a new number. 0 if none
    /// ran yet.
    pub generation: u64,
    /// Process ID of the server. `None` if the server does not run.
    pub pid: Option<u32>,
    /// Time for which the server process has run.
    pub uptime_ms: Option<u64>,
    /// Version of the Temporal CLI.
    pub version: Option<String>,
    /// Version of the Temporal server.
    pub server_version: Option<String>,
    /// Address for clients: `127.0.0.1:7233`.
    pub address: Option<String>,
    /// The Temporal CLI in copied commands, quoted for a shell. `None` if the shell finds `temporal`.
    pub temporal_program: Option<String>,
    /// URL of the web UI. `None` if the web UI is off.
    pub ui_url: Option<String>,
    /// Automatic restarts.
    pub restarts: RestartsView,
    /// Latency of the gRPC check.
    pub probe: ProbeView,
    /// The six checks, outermost first: lock, process, tcp, grpc, store, engine.
    pub health: [LayerView; 6],
    /// Usage of the process tree and the database.
    pub resources: ResourcesView,
    /// Set when the supervisor has given up.
    pub failure: Option<FailureView>,
    /// Starts, stops and restarts, newest first.
    pub timeline: Vec<TimelineRow>,
    /// Namespace whose workflows are shown. Empty if unknown.
    pub namespace: String,
    /// Namespaces of the server that are configured. [`Ui::listing`](crate::Ui::listing) selects one.
    pub namespaces: Vec<String>,
    /// Problems, in the order of the screen. `None` while they are unknown.
    pub problems: Option<Vec<ProblemRow>>,
    /// The problems that the user dismissed. They are not in `problems`.
    pub dismissed: Dismissed,
    /// Running workflows and those that closed recently, in the order of the screen. `None` while
    /// they are unknown.
    pub recent: Option<Vec<WorkflowRow>>,
    /// The workflows that match the query of [`Ui::listing`](crate::Ui::listing). `None` without a query,
    /// or before its answer.
    pub found: Option<FoundWorkflows>,
    /// Workers, in the order of the screen. `None` while they are unknown.
    pub workers: Option<Vec<WorkerRow>>,
    /// Page of the run that [`Ui::open_workflow`](crate::Ui::open_workflow) returns. `None` while no
    /// page is open, or before its first data.
    pub page: Option<WorkflowPage>,
    /// Number of workers that poll now. `None` if unknown.
    pub connected_workers: Option<u64>,
    /// Counts of the namespace. `None` while they are not current: no number is better than a wrong one.
    pub counts: Option<WorkflowCounts>,
    /// Closed workflows of the last 30 minutes, 2 minutes each, oldest first. Empty if unknown.
    pub closed_history: Vec<ClosedCount>,
    /// Time of day of problems, workflows and workers, `14:02:10`, if they cannot be refreshed.
    pub as_of: Option<String>,
    /// Place of the data of the running server.
    pub storage: Storage,
    /// Known number of workflows in all namespaces, for the dialogs before a stop or a restart. These dialogs
    /// do not wait for a new count.
    pub count: WorkflowCount,
    /// The newest answer of a workflow to a query or an update. The view opens its page.
    pub answer: Option<Answer>,
    /// Commands that are available now.
    pub can: Commands,
    /// Whether the user has quit and the dashboard finishes its work. No dialog opens any more.
    pub leaving: bool,
    /// An action that takes long: `query items of basket-1, 3 s`. The key Esc gives
    /// [`Action::StopWaiting`](crate::Action::StopWaiting).
    pub waiting: Option<String>,
    /// A message for a short time: `copied 3 lines`. The caller removes it.
    pub toast: Option<String>,
}

/// State of the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StateView {
    /// The server does not run, and no start is requested.
    #[default]
    Stopped,
    /// The server was started and is not ready yet.
    Starting,
    /// All checks that apply to the server pass.
    Ready,
    /// The server runs, with a problem.
    Degraded,
    /// The server stops. Some of its processes still run.
    Stopping,
    /// The server does not run. The next start is scheduled.
    Backoff,
    /// The server does not run, and the supervisor has given up.
    Failed,
}

impl StateView {
    /// Whether the server has become ready and still runs.
    pub(crate) fn is_up(self) -> bool {
        matches!(self, Self::Ready | Self::Degraded)
    }
}

/// Commands that are available now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Commands {
    /// Start, key `s`.
    pub start: bool,
    /// Stop, key `x`.
    pub stop: bool,
    /// Restart, key `r`.
    pub restart: bool,
    /// Hand-over to a background host, key `b`.
    pub background: bool,
}

impl Model {
    /// Whether stigmer runs a worker that can be restarted.
    pub(crate) fn restarts_workers(&self) -> bool {
        self.workers.iter().flatten().any(|row| row.can.restart)
    }

    /// Returns the explanation of the failed state. `None` in other states.
    pub(crate) fn failed(&self) -> Option<&FailureView> {
        self.failure.as_ref().filter(|_| self.state == StateView::Failed)
    }

    /// Whether the numbers are current: the server runs, and a host measures it. Otherwise the
    /// numbers are the last known ones.
    pub(crate) fn is_live(&self) -> bool {
        match self.state {
            _ if !self.watched => false,
            StateView::Starting | StateView::Ready | StateView::Degraded | StateView::Stopping => {
                true
            }
            StateView::Stopped | StateView::Backoff | StateView::Failed => false,
        }
    }
}

impl Default for Model {
    fn default() -> Self {
        Self {
            host_label: String::new(),
            home: String::new(),
            attached: false,
            state: StateView::default(),
            state_age_ms: None,
            doing: String::new(),
            message: String::new(),
            managed: true,
            watched: true,
            adopted: false,
            generation: 0,
            pid: None,
            uptime_ms: None,
            version: None,
            server_version: None,
            address: None,
            temporal_program: None,
            ui_url: None,
            restarts: RestartsView::default(),
            probe: ProbeView::default(),
            health: ["lock", "process", "tcp", "grpc", "store", "engine"]
                .map(|name| LayerView { name: name.into(), ..LayerView::default() }),
            resources: ResourcesView::default(),
            failure: None,
            timeline: Vec::new(),
            namespace: String::new(),
            namespaces: Vec::new(),
            problems: None,
            dismissed: Dismissed::default(),
            recent: None,
            found: None,
            workers: None,
            page: None,
            connected_workers: None,
            counts: None,
            closed_history: Vec::new(),
            as_of: None,
            storage: Storage::default(),
            count: WorkflowCount::default(),
            answer: None,
            can: Commands::default(),
            leaving: false,
            waiting: None,
            toast: None,
        }
    }
}
