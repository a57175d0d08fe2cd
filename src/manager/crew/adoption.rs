//! The workers and projects that earlier hosts have left.

use super::Crew;
use crate::manager::project_watch::read;
use crate::manager::report::ProjectTrouble;
use crate::paths::{WorkerFiles, shortened};
use crate::process::record::Record;
use crate::process::threads::LOOKS;
use crate::worker::running::{self, RunningWorker};
use crate::worker::{recorded_project, recorded_spec};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Time limit for reading the records and the process table.
const READ: Duration = Duration::from_secs(10);

/// The records of the workers of which a process runs, and why others could not be searched, by name.
type SearchedWorkers = (Vec<(String, Record)>, BTreeMap<String, String>);

impl Crew {
    /// Adopts the running workers of earlier hosts. Their records describe them, so their project
    /// files need not be readable. A repeated search replaces the errors of the earlier one.
    pub(in crate::manager) async fn adopt(&mut self) {
        match self.search().await {
            Ok(unsearched) => self.unsearched = unsearched,
            Err(error) => _ = self.unsearched.insert("all".to_owned(), error),
        }
    }

    /// Searches for the running workers, and adds them. Returns why some of them could not be searched.
    async fn search(&mut self) -> Result<BTreeMap<String, String>, String> {
        let home = self.home.clone();
        let known: BTreeSet<String> = self.workers.keys().cloned().collect();
        let running = move || -> std::io::Result<SearchedWorkers> {
            let (mut records, mut errors) = (Vec::new(), BTreeMap::new());
            // The task of a known worker searches itself.
            let names = home.worker_names()?.into_iter().filter(|name| !known.contains(name));
            for name in names {
                match recorded(&home.worker(&name)) {
                    Ok(record) => records.extend(record.map(|record| (name, record))),
                    // The other workers are adopted nevertheless.
                    Err(error) => _ = errors.insert(name, error),
                }
            }
            Ok((records, errors))
        };
        let found = LOOKS.run(READ, running).await.map_err(|error| error.to_string())?;
        let (records, mut errors) = found.map_err(|error| error.to_string())?;
        for (name, record) in records {
            let project = recorded_project(&record);
            match recorded_spec(&record) {
                Some(spec) if !self.workers.contains_key(&spec.name) => {
                    self.add(&project, Arc::new(spec));
                }
                Some(_) => {}
                None => {
                    let pid = record.leader.pid;
                    let why = format!(
                        "process {pid} runs, but another version of stigmer has written its record"
                    );
                    errors.insert(name, why);
                }
            }
        }
        Ok(errors)
    }

    /// Repeats a search that could not determine which workers run, before a command that needs it.
    pub(in crate::manager) async fn adopt_unsearched(&mut self) {
        if !self.unsearched.is_empty() {
            self.adopt().await;
        }
    }

    /// Which workers may run without this host, for the status.
    pub(in crate::manager) fn search_trouble(&self) -> Option<String> {
        let workers = self.unsearched.iter().map(|(name, why)| format!("{name}: {why}"));
        let workers: Vec<String> = workers.collect();
        (!workers.is_empty())
            .then(|| format!("cannot search for running workers: {}", workers.join("; ")))
    }

    /// Loads the projects of the previous host.
    pub(in crate::manager) async fn resume_projects(&mut self) {
        for file in self.intent.projects.clone() {
            let applied = read(&file).await.and_then(|mut project| {
                // The next command for these workers or for the server repeats the search.
                project.workers.retain(|spec| !self.unsearched.contains_key(&spec.name));
                self.apply(&project, None)
                    .map_err(|error| ProjectTrouble::Unusable(error.to_string()))
            });
            self.trouble_of_project(&file, applied.err());
            // A file that cannot be used now may be repaired, or the next host may read it.
            self.watch(&file);
        }
    }
}

/// The record of a worker of which a process runs. Blocks.
///
/// # Errors
/// If a process runs, or may run, that no record describes.
fn recorded(files: &WorkerFiles) -> Result<Option<Record>, String> {
    match running::find(files).map_err(|error| error.to_string())? {
        RunningWorker::Nothing => Ok(None),
        RunningWorker::Recorded(record) => Ok(Some(*record)),
        RunningWorker::Remains(instance) => match Record::read(&files.record()) {
            Ok(Some(record)) => Ok(Some(record)),
            Ok(None) => Err(format!("process {} runs without a record", instance.leader.pid)),
            Err(error) => Err(error.to_string()),
        },
        RunningWorker::Stranger(who) => Err(format!(
            "{who} has the lock {}, but is not proven to be a process of the worker",
            shortened(&files.lock())
        )),
    }
}
