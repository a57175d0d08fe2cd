//! Finds out the versions of the Temporal CLI and of the server. Also marks a database as complete
//! in the lock file next to it, after a server has become ready with it.

use super::generation::STAMP;
use super::{Event, Manager};
use crate::config::Settings;
use crate::process::threads::LOOKS;
use crate::server::database;
use crate::supervisor::{Generation, State};
use crate::temporal::health::Client;
use crate::temporal::{locate, version};
use crate::unit::files::once_kept;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Time limit to find out the version of the CLI. The CLI process may use 5 s of this time.
const ASK_VERSION: Duration = Duration::from_secs(10);

/// Time limit of a sync to the disk. A disk that takes longer does not respond.
const SYNC: Duration = Duration::from_secs(30);

impl Manager {
    /// Marks the database of a ready server as complete. Requests the version of the CLI if the
    /// version is unknown.
    pub(super) fn note_readiness(&mut self, generation: Generation) {
        let settings = self.facts.settings.clone();
        let known = self.facts.server.as_ref().and_then(|server| server.version.clone());
        // Do not wait for the version: the database must be marked before the server can crash.
        self.mark_complete(generation, known.clone());
        if known.is_none() {
            let report = self.report.clone();
            let marker = self.unit.instance().map(|instance| instance.marker.clone());
            tokio::spawn(async move {
                let asked =
                    LOOKS.run(ASK_VERSION, move || ask_version(&settings, marker.as_deref()));
                let version = asked.await.inspect_err(|error| {
                    tracing::warn!(%error, "cannot read the version of the Temporal CLI");
                });
                let version = version.unwrap_or_default();
                let _ = report.send(Event::Version { generation, version });
            });
        }
    }

    /// Stores the version of the CLI, and marks the database again together with that version.
    /// Ignores the version of an earlier generation.
    pub(super) fn version(&mut self, generation: Generation, version: Option<String>) {
        let Some(server) = &mut self.facts.server else { return };
        if server.generation != generation || version.is_none() {
            return;
        }
        server.version = version;
        let version = server.version.clone();
        // Do not mark the database during a stop: the current options, including the path of the
        // database, may already be those of the next generation.
        if matches!(self.unit.supervisor.state(), State::Ready(_) | State::Degraded(..)) {
            self.mark_complete(generation, version);
        }
    }

    /// Shows a note about the database in the status. Ignores a note of an earlier generation.
    pub(super) fn noted(&mut self, generation: Generation, note: String) {
        if self.facts.server.as_ref().is_some_and(|server| server.generation == generation) {
            self.facts.note = note;
        }
    }

    /// Writes into the lock file next to the database that a server became ready with this
    /// database. Shows a note in the status if the previous server had another version.
    fn mark_complete(&mut self, generation: Generation, version: Option<String>) {
        let settings = self.facts.settings.clone();
        let Some(file) = settings.database.file().map(Path::to_owned) else { return };
        let Some(server) = self.unit.instance().cloned() else { return };
        let home = settings.home.to_string();
        let mut kept = None;
        let (at, report) = (file.clone(), self.report.clone());
        let keep = move || {
            let kept = match &mut kept {
                Some(kept) => kept,
                None => {
                    let (complete, changed) = database::Kept::complete(
                        at.clone(),
                        &home,
                        version.as_deref(),
                        server.clone(),
                    )?;
                    if let Some(note) = changed {
                        let _ = report.send(Event::Noted { generation, note });
                    }
                    kept.insert(complete)
                }
            };
            kept.keep()
        };
        let runtime = tokio::runtime::Handle::current();
        self.files.keep_distant(STAMP, once_kept(keep, move || drop(runtime.spawn(sync(file)))));
    }

    pub(super) fn server_version(&mut self, generation: Generation, version: String) {
        if let Some(server) = &mut self.facts.server
            && server.generation == generation
        {
            server.server_version = Some(version);
        }
    }

    /// Requests the version of the running server over gRPC.
    pub(super) fn ask_server_version(&self, generation: Generation) {
        let address = self.facts.settings.server_address();
        let report = self.report.clone();
        tokio::spawn(async move {
            let Ok(client) = Client::new(&address, Duration::from_secs(2)) else {
                return;
            };
            if let Ok(info) = client.info().await {
                let version = info.server_version;
                let _ = report.send(Event::ServerVersion { generation, version });
            }
        });
    }
}

/// Writes the lock file of this database from the cache of the kernel to the disk (sync).
async fn sync(file: PathBuf) {
    let synced = LOOKS.run(SYNC, move || database::sync(&file)).await;
    let synced = synced.map_err(|error| io::Error::other(error.to_string())).flatten();
    if let Err(error) = synced {
        tracing::warn!(
            %error,
            "cannot sync the lock file next to the database; a power cut may delete that file"
        );
    }
}

/// Finds the CLI, reads its version, and stores the version in the cache of the home.
fn ask_version(settings: &Settings, marker: Option<&str>) -> Option<String> {
    let home = &settings.home;
    let located = locate::locate(
        settings.temporal_bin.as_deref(),
        &home.temporal_bin(),
        std::env::var_os("PATH").as_deref(),
    )
    .ok()?;
    version::ask(&home.version_cache(), &located.path, marker)
}
