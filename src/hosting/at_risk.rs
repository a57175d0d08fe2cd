//! The server that a `stop` or `restart` would end, and the workflows that would be lost with it.

use super::deadlines::COUNTING;
use super::unhosted;
use crate::config::Settings;
use crate::control::client;
use crate::facts::record::ServerRecord;
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
    /// Path of the database file. `None` if the database is in memory.
    database: Option<PathBuf>,
    /// Processes that may have the database open.
    pids: Vec<Pid>,
    address: String,
}

/// Where a server stores its workflows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Data {
    /// In the memory of the server.
    Memory,
    /// In a database file, which keeps the workflows after the end of the server.
    File,
    /// In a database file that was deleted or replaced while the server has it open.
    Detached(Detached),
}

impl ServerAtRisk {
    /// Finds the running server of `home`. `None` if no server runs, or if the server cannot have
    /// workflows yet.
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

    /// Creates the value from the status that a host has reported. `None` for a server that is
    /// starting, because such a server has no workflows yet. But an adopted server ran before, so
    /// its workflows count even while it is starting.
    fn hosted(status: &Status) -> Option<Self> {
        let temporal = status.temporal.as_ref().filter(|_| status.managed)?;
        let has_work = status.state.is_up() || status.state == State::Starting && temporal.adopted;
        has_work.then(|| Self {
            database: temporal.database.as_ref().map(|database| database.path.clone()),
            pids: temporal.server_pid.into_iter().collect(),
            address: temporal.address.clone(),
        })
    }

    /// Finds the server of a home without a host, through the record of the server in the home. A
    /// server that does not listen on its port may not have opened its database yet. For such a
    /// server, `pids` is empty, and a replaced database file is not detected.
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
        let holder = ports::listeners(ServerRecord::of(&record).port)
            .iter()
            .flatten()
            .find_map(|listener| ports::holder_among(&members, listener.inode).ok()?);
        Some(Self {
            database: settings.database.file().map(ToOwned::to_owned),
            pids: holder.map(|holder| holder.pid).into_iter().collect(),
            address: settings.server_address(),
        })
    }

    /// Returns where the server stores its workflows. A database file that cannot be examined
    /// counts as [`Data::File`].
    #[must_use]
    pub fn data(&self) -> Data {
        let Some(path) = &self.database else { return Data::Memory };
        let pids = self.pids.clone();
        match look::bounded(path, move |path| database::detached(path, &pids)) {
            Ok(Some(detached)) => Data::Detached(detached),
            Ok(None) | Err(_) => Data::File,
        }
    }

    /// Counts the workflows of all namespaces, within 2 s. `None` if the count fails or takes
    /// longer.
    #[must_use]
    pub fn holdings(&self) -> Option<Holdings> {
        let counted = block_on(async {
            let client = Client::new(&self.address, COUNTING).ok()?;
            tokio::time::timeout(COUNTING, client.holdings(None)).await.ok()?.ok()
        });
        counted.ok().flatten()
    }
}
