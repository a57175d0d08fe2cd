//! The server that a command would end, and what its data would lose.

use super::deadlines::COUNTING;
use super::unhosted;
use crate::config::Settings;
use crate::control::client;
use crate::paths::Home;
use crate::process::{Pid, look, ports};
use crate::protocol::{Detached, State, Status};
use crate::runtime::block_on;
use crate::server::database;
use crate::temporal::health::Client;
use crate::temporal::holdings::Holdings;
use std::path::PathBuf;

/// A running server of a home, with or without a host.
#[derive(Debug)]
pub struct ServerAtRisk {
    /// Path of its database. `None` in memory.
    database: Option<PathBuf>,
    /// Processes that may have the database open.
    pids: Vec<Pid>,
    address: String,
}

/// Where the workflows of a server are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Data {
    /// In the memory of the server.
    Memory,
    /// In a database file that outlives the server.
    File,
    /// In a file that has lost its path.
    Detached(Detached),
}

impl ServerAtRisk {
    /// Returns the server of `home`, or `None` if no server runs that could have workflows.
    #[must_use]
    pub fn find(home: &Home) -> Option<Self> {
        if !home.root().is_dir() {
            return None;
        }
        match block_on(client::status(home)).ok()? {
            Ok(status) => Self::hosted(&status),
            Err(_) => Self::unhosted(home),
        }
    }

    /// The server of a host. Before the server is ready it has no workflows, unless it ran before its host did.
    fn hosted(status: &Status) -> Option<Self> {
        let temporal = status.temporal.as_ref().filter(|_| status.managed)?;
        let has_work = status.state.is_up() || status.state == State::Starting && temporal.adopted;
        has_work.then(|| Self {
            database: temporal.database.as_ref().map(|database| database.path.clone()),
            pids: temporal.server_pid.into_iter().collect(),
            address: temporal.address.clone(),
        })
    }

    /// The server of a record. If it does not listen on its port, it may not have opened its database, so that is not
    /// checked.
    fn unhosted(home: &Home) -> Option<Self> {
        let (record, options) = unhosted::running(home).ok()??;
        let settings = Settings::resolve(home.clone(), options).ok()?;
        let members: Vec<Pid> = record
            .instance()
            .members(&home.temporal_lock())
            .iter()
            .flatten()
            .map(|member| member.pid)
            .collect();
        let holder = ports::listeners(record.port)
            .iter()
            .flatten()
            .find_map(|listener| ports::holder_among(&members, listener.inode).ok()?);
        Some(Self {
            database: settings.database.file().map(ToOwned::to_owned),
            pids: holder.map(|holder| holder.pid).into_iter().collect(),
            address: settings.server_address(),
        })
    }

    /// Returns where the workflows are. A file that cannot be examined does not count as detached.
    #[must_use]
    pub fn data(&self) -> Data {
        let Some(path) = &self.database else { return Data::Memory };
        let pids = self.pids.clone();
        match look::bounded(path, move |path| database::detached(path, &pids)) {
            Ok(Some(detached)) => Data::Detached(detached),
            Ok(None) | Err(_) => Data::File,
        }
    }

    /// Counts the workflows, in 2 s at most for any number of namespaces. Returns `None` if that fails.
    #[must_use]
    pub fn holdings(&self) -> Option<Holdings> {
        let counted = block_on(async {
            let client = Client::new(&self.address, COUNTING).ok()?;
            tokio::time::timeout(COUNTING, client.holdings()).await.ok()?.ok()
        });
        counted.ok().flatten()
    }
}
