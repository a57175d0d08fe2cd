//! Watches a project file, and reads it again after each change.

use super::report::{ProjectChange, ProjectTrouble, WorkerReport};
use crate::paths::shortened;
use crate::process::threads::LOOKS;
use crate::project::{self, Project, ProjectError};
use crate::unit::tasks::Task;
use crate::watch::{Patterns, WatchReport, follow};
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Time limit for reading the file.
const READ: Duration = Duration::from_secs(10);

/// Starts to watch a project file. The task ends when the returned value is dropped.
pub(super) fn watch_project(file: &Path, report: &mpsc::UnboundedSender<WorkerReport>) -> Task {
    let (panics, report, file) = (report.clone(), report.clone(), file.to_owned());
    let panicked = move || drop(panics.send(WorkerReport::Panicked));
    Task::spawn(panicked, async move {
        // Changes while the file is read are one further change.
        let (changes, mut changed) = watch::channel(());
        let watching = follow(Patterns::of_file(&file), None, |report| match report {
            WatchReport::Trouble(None) => {}
            WatchReport::Trouble(Some(trouble)) => tracing::warn!(trouble),
            WatchReport::Changed(_) => changes.send_replace(()),
        });
        let reading = async {
            while changed.changed().await.is_ok() {
                let project = read(&file).await;
                let change = Box::new(ProjectChange { file: file.clone(), project });
                let _ = report.send(WorkerReport::Project(change));
            }
        };
        tokio::join!(watching, reading);
    })
}

/// Reads a project file.
pub(super) async fn read(file: &Path) -> Result<Project, ProjectTrouble> {
    let path = file.to_owned();
    let why = match LOOKS.run(READ, move || project::load(&path)).await {
        Ok(Ok(project)) => return Ok(project),
        Ok(Err(ProjectError::Unreadable { source, .. }))
            if source.kind() == io::ErrorKind::NotFound =>
        {
            return Err(ProjectTrouble::Deleted);
        }
        Ok(Err(error)) => error.to_string().replace('\n', "; "),
        Err(error) => format!("cannot read {}: {error}", shortened(file)),
    };
    Err(ProjectTrouble::Unusable(why))
}
