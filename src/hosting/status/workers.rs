//! The workers of a home without a host, from their records.

use crate::paths::Home;
use crate::process::linux;
use crate::process::record::Record;
use crate::protocol::{LogStatus, ProjectWorker, RestartStatus, State};
use crate::supervisor::Want;
use crate::worker::{recorded_project, recorded_spec};

/// The workers that run. A worker whose record cannot be read is not shown.
pub(super) fn running(home: &Home) -> Vec<ProjectWorker> {
    let names = home.worker_names().unwrap_or_default();
    names.into_iter().filter_map(|name| worker(home, name)).collect()
}

fn worker(home: &Home, name: String) -> Option<ProjectWorker> {
    let files = home.worker(&name);
    let record = Record::read(&files.record()).ok()??;
    if !matches!(record.leader.is_alive(), Ok(true)) {
        return None;
    }
    let file = recorded_project(&record);
    let age = linux::age(record.leader.start_ticks);
    let age = age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
    Some(ProjectWorker {
        name,
        project: file.parent().unwrap_or(&file).to_owned(),
        file,
        command: recorded_spec(&record).map(|spec| spec.command()).unwrap_or_default(),
        // Whether the worker polls is unknown.
        state: State::Degraded,
        intent: Want::Up,
        message: "no host supervises the worker".to_owned(),
        hint: None,
        pid: Some(record.leader.pid),
        generation: record.generation,
        adopted: false,
        restarts: RestartStatus::default(),
        namespace: None,
        task_queues: Vec::new(),
        own_queues: Vec::new(),
        outdated: None,
        rss_bytes: None,
        cpu_percent: None,
        uptime_ms: age,
        state_ms: age.unwrap_or_default(),
        next_start_ms: None,
        log: LogStatus { lines: 0, path: files.log() },
        last_words: Vec::new(),
    })
}
