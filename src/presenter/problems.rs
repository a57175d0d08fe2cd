//! Problems of the server, from its snapshot, and task queues that have tasks and no worker.

use super::timeline::ended;
use super::{Now, resources};
use crate::temporal::workflows::Workflows;
use stigmer_ui::human;
use stigmer_ui::loss::Storage;
use stigmer_ui::model::{ProblemKind, ProblemRow, Severity};

/// Time for which a repaired restart is shown.
const RESTARTED_MS: u64 = 15 * 60 * 1_000;

/// Returns the known problems, the worst first. `None` if none is known: only the problems of the
/// server and of the queues are looked for, so no row does not mean no problem.
pub(super) fn problems(now: Now<'_>, workflows: Option<&Workflows>) -> Option<Vec<ProblemRow>> {
    let queues = workflows.into_iter().flat_map(queues);
    let rows: Vec<ProblemRow> = data(now).into_iter().chain(queues).chain(restarted(now)).collect();
    (!rows.is_empty()).then_some(rows)
}

fn of_server(now: Now<'_>, id: String, kind: ProblemKind) -> ProblemRow {
    let address = now.status().temporal.as_ref().map(|temporal| temporal.address.clone());
    ProblemRow {
        id,
        kind,
        type_name: "server".to_owned(),
        subject: address.unwrap_or_default(),
        count: 1,
        ..ProblemRow::default()
    }
}

/// The database file was deleted or replaced, so the end of the server loses all data.
fn data(now: Now<'_>) -> Option<ProblemRow> {
    now.measured()?;
    let what = match resources::storage(now.status()) {
        Storage::Deleted => "deleted",
        Storage::Replaced => "replaced",
        Storage::File | Storage::Memory => return None,
    };
    Some(ProblemRow {
        cause: format!("the database file was {what}: a stop or a restart loses all data"),
        hint: "let the workflows complete before you restart the server".to_owned(),
        ..of_server(now, format!("data {what}"), ProblemKind::Data)
    })
}

fn queues(workflows: &Workflows) -> impl Iterator<Item = ProblemRow> {
    workflows.unserved.iter().map(|(queue, waiting)| ProblemRow {
        id: format!("no worker {} {queue}", workflows.namespace),
        kind: ProblemKind::NoWorker,
        namespace: workflows.namespace.clone(),
        type_name: "queue".to_owned(),
        subject: queue.clone(),
        queue: queue.clone(),
        count: 1,
        cause: format!("{}, no worker", human::counted(*waiting, "task waits", "tasks wait")),
        hint: "start a worker for this queue, or check its name".to_owned(),
        command: format!("temporal task-queue describe --task-queue {queue}"),
        ..ProblemRow::default()
    })
}

/// The latest automatic restart, for some time.
fn restarted(now: Now<'_>) -> Option<ProblemRow> {
    let last = now.status().restarts.last.as_ref()?;
    let down = last.downtime_ms.or(last.recovery_ms)?;
    let age = now.age(last.ago_ms);
    if age > RESTARTED_MS || !now.status().state.is_up() {
        return None;
    }
    let what = ended(last.cause, &last.detail);
    let number = now.status().restarts.total;
    Some(ProblemRow {
        severity: Severity::Notice,
        cause: format!("{what}; down for {}", human::duration(down)),
        since_ms: Some(age),
        ..of_server(now, format!("restarted {number}"), ProblemKind::Restarted)
    })
}
