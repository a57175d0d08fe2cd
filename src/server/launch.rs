//! Starts the server: ends the remaining processes of the last server, checks ports and files,
//! takes the locks, and spawns the new process.

mod refusals;
mod remains;
#[cfg(test)]
mod tests;

pub use refusals::{not_begun, not_searched};

use super::database::Stamp;
use super::occupants::occupant_of;
use super::{arguments, database};
use crate::config::{Database, Settings};
use crate::facts::record::ServerRecord;
use crate::paths;
use crate::process::environment::BaseEnvironment;
use crate::process::identity::Identity;
use crate::process::lock::InstanceLock;
use crate::process::look;
use crate::process::ports::{self, Occupant};
use crate::process::record::Record;
use crate::process::sweep::Instance;
use crate::process::watch::Watched;
use crate::supervisor::{Cause, Failure, Generation};
use crate::temporal::{locate, version};
use crate::unit::launch::{NotStarted, Spec, marker};
use crate::unit::mark::MarkedLog;
use crate::unit::sweeps::Permit;
use crate::unit::{self, Refused};
use refusals::{hangs, held, not_spawned, not_watched};
use remains::{Purpose, clear};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The parameters of [`launch()`].
#[derive(Debug, Clone)]
pub struct LaunchRequest {
    /// Number of this start of the server.
    pub generation: Generation,
    /// Why the server is started. The first log line of this start contains the cause.
    pub cause: Cause,
    /// Details of the cause.
    pub detail: String,
    /// Options of the server.
    pub settings: Arc<Settings>,
    /// Whether a server of an earlier host may still run, because this host could not search for
    /// it.
    pub unadopted: bool,
}

/// The result of a launch.
#[derive(Debug)]
pub enum Launched {
    /// This launch has spawned a server.
    Ours(Box<Started>),
    /// A server that an earlier host started still runs. Contains the record of this server, and
    /// the watch of its exit. With them, this host can supervise the server.
    Met(Box<Record>, Watched),
    /// A Temporal server that someone else started listens on the port.
    External(Occupant),
}

/// A server that was spawned.
#[derive(Debug)]
pub struct Started {
    /// The process tree of the server.
    pub instance: Instance,
    /// Reports the exit of the spawned process.
    pub watched: Watched,
    /// The record of the server, as written to a file for the next host.
    pub record: Record,
    /// Version of the Temporal CLI. `None` if it is not known yet.
    pub version: Option<String>,
    /// Text of the lock file of the database. `None` with a database in memory.
    pub stamp: Option<Stamp>,
    /// The line at the beginning of this start in the log, if the line could not be written yet.
    pub mark: Option<String>,
    /// Messages for the status, such as a warning about the database.
    pub notes: Vec<String>,
    /// Time from the begin of the launch to the spawn, in which old processes are ended and ports
    /// and files are checked.
    pub cleaned: Duration,
    /// How long the spawn took.
    pub spawned: Duration,
}

/// Launches a server. If this function returns an error, no process of this launch is left.
///
/// # Errors
/// If no server was spawned, and no running server was found that could be used instead.
pub async fn launch(request: LaunchRequest, permit: &Permit) -> Result<Launched, Refused> {
    let begun = Instant::now();
    let settings = request.settings.clone();
    if settings.address.is_some() {
        let port = settings.port;
        return Ok(Launched::External(Occupant::unknown(port)));
    }
    let clearing = settings.clone();
    permit.check_in_place().map_err(|error| not_begun(&error))?;
    let purpose = Purpose::Start { unadopted: request.unadopted };
    let clears_under = permit.clone();
    let met = permit
        .run(move || clear(&clearing, purpose, &clears_under))
        .await
        .map_err(|error| hangs(&error))??;
    if let Some(record) = met {
        let watched = watched(&record).map_err(|error| not_watched(&record, &error))?;
        return Ok(Launched::Met(record, watched));
    }
    if let Some(occupant) = occupant_of(&settings).await? {
        return Ok(Launched::External(occupant));
    }
    // The check of the ports may have taken seconds. Another host may have taken over the home
    // meanwhile.
    permit.check_in_place().map_err(|error| not_begun(&error))?;
    let starts_under = permit.clone();
    let launching = move || {
        let Prepared { spec, version, stamp, notes } = prepare(&request)?;
        let cleaned = begun.elapsed();
        let program = spec.record.executable.clone();
        let started = unit::launch::start(spec, &starts_under).map_err(|error| match error {
            NotStarted::Unswept(error) => not_begun(&error),
            NotStarted::NotSpawned(error) => not_spawned(&program, &error),
        })?;
        Ok::<_, Refused>((started, version, stamp, notes, cleaned))
    };
    let (started, version, stamp, notes, cleaned) =
        permit.run(launching).await.map_err(|error| hangs(&error))??;
    let (instance, watched) = started.leader.watch().map_err(|error| {
        let failure = Failure::new(
            format!("cannot watch the server process that was just started: {error}"),
            "check that the host has free file descriptors (`ulimit -n`)",
        );
        Refused::for_now(&error, failure)
    })?;
    Ok(Launched::Ours(Box::new(Started {
        instance,
        watched,
        record: started.record,
        version,
        stamp,
        mark: started.mark,
        notes,
        cleaned,
        spawned: started.spawned,
    })))
}

/// The result of [`search`]: a server of this home that this host does not watch, or `None` if no
/// server runs.
pub type Searched = Result<Option<(Box<Record>, Watched)>, Failure>;

/// Searches for a server of this home that is to be stopped. If the spawned process of a server has
/// ended, kills the rest of its processes. `None` proves that no process is left.
///
/// # Errors
/// If stigmer cannot find out whether a server runs.
pub async fn search(settings: Arc<Settings>, permit: &Permit) -> Searched {
    if settings.address.is_some() {
        return Ok(None);
    }
    loop {
        let (settings, searches_under) = (settings.clone(), permit.clone());
        let searching = move || clear(&settings, Purpose::Stop, &searches_under);
        let found = permit.run(searching).await.map_err(|error| not_searched(&error.into()))?;
        let Some(record) = found.map_err(|refused| refused.failure)? else { return Ok(None) };
        let watched = match record.leader.prove() {
            Ok(Some(proven)) => Watched::new(proven),
            // The server has just exited. The next search ends the rest of its processes.
            Ok(None) => continue,
            Err(error) => Err(error),
        };
        let watched = watched.map_err(|error| not_watched(&record, &error).failure)?;
        // The search may have taken seconds. Another host may have taken over the home and written
        // this record meanwhile.
        permit.check_in_place().map_err(|error| not_searched(&error))?;
        return Ok(Some((record, watched)));
    }
}

fn watched(record: &Record) -> io::Result<Watched> {
    let proven = record.leader.prove()?;
    Watched::new(proven.ok_or_else(|| io::Error::other("the server has just exited"))?)
}

struct Prepared {
    spec: Spec,
    version: Option<String>,
    stamp: Option<Stamp>,
    notes: Vec<String>,
}

fn prepare(request: &LaunchRequest) -> Result<Prepared, Refused> {
    let settings = &request.settings;
    let home = &settings.home;
    let program = locate_program(settings)?;
    let version = version::remembered(&home.version_cache(), &program);
    let mut notes = Vec::new();

    // The free space is checked before the server lock is taken, so that a start without free space
    // uses no generation number.
    if let Some(folder) = settings.database.file().and_then(Path::parent) {
        check_room(folder)?;
    }
    let lock_path = home.temporal_lock();
    let mut locks = vec![lock_server(&lock_path, request.generation)?];
    let mut stamp = None;
    match &settings.database {
        Database::File(file) => {
            let guarded = database::guard(
                file,
                &home.root().display().to_string(),
                version.as_deref().unwrap_or_default(),
            )?;
            stamp = Some(guarded.stamp().clone());
            notes.extend(guarded.warnings);
            locks.push(guarded.lock);
        }
        Database::Memory => {}
    }
    let metrics_port = free_metrics_port()?;
    let log = open_log(request, &mut notes)?;
    let server = ServerRecord {
        port: settings.port,
        ui_port: settings.ui_port,
        metrics_port,
        database: settings.database.file().map(Path::to_owned),
    };
    let record = Record {
        name: String::new(),
        started_at: jiff::Timestamp::now().as_second(),
        marker: marker(request.generation),
        generation: request.generation,
        extra: server.to_extra(),
        executable: program,
        options: serde_json::to_string(&settings.options).unwrap_or_default(),
        leader: Identity::to_come(),
    };
    let spec = Spec {
        record,
        record_file: home.record(),
        arguments: arguments::arguments(settings, metrics_port),
        environment: BaseEnvironment::own().with([]),
        folder: home.root().to_owned(),
        log,
        lock_file: lock_path,
        locks,
    };
    Ok(Prepared { spec, version, stamp, notes })
}

fn locate_program(settings: &Settings) -> Result<PathBuf, Refused> {
    let located = locate::locate(
        settings.temporal_bin.as_deref(),
        &settings.home.temporal_bin(),
        std::env::var_os("PATH").as_deref(),
    );
    located.map(|located| located.path).map_err(|error| {
        let text = error.to_string();
        let failure = match text.rsplit_once("; ") {
            Some((reason, hint)) => Failure::new(reason, hint),
            None => Failure::new(text, "run `stigmer local install`"),
        };
        match error.io() {
            Some(error) => Refused::by(error, failure),
            None => failure.into(),
        }
    })
}

fn check_room(folder: &Path) -> Result<(), Refused> {
    look::bounded(folder, paths::has_room).map_err(|error| {
        let failure = match error.kind() {
            io::ErrorKind::TimedOut => Failure::new(
                format!("cannot use the database in {}: {error}", folder.display()),
                "make the file system respond, or name a database on another file system with --db \
                 FILE",
            ),
            _ => Failure::new(
                format!("the folder of the database {} accepts no data: {error}", folder.display()),
                "free some disk space, or make the folder writable",
            ),
        };
        Refused::by(&error, failure)
    })
}

/// Takes the lock that the server of the home inherits, and writes the generation number into the
/// lock file.
fn lock_server(path: &Path, generation: Generation) -> Result<InstanceLock, Refused> {
    let lock = InstanceLock::take(path)
        .map_err(|error| {
            let failure = Failure::new(
                format!("cannot lock {}: {error}", path.display()),
                "make the home writable, or choose another home with --home",
            );
            Refused::by(&error, failure)
        })?
        .ok_or_else(|| held(path))?;
    // The number is written before the spawn, so that no later start uses it again. If the disk
    // accepts no text, the length of the file stores the number. If the disk does not accept the
    // length either, no other host can start a server, and this host remembers the number.
    if let Err(error) = lock.write_number(generation.0) {
        tracing::warn!(
            path = %path.display(), %error,
            "cannot write the lock file of the server, retrying"
        );
    }
    Ok(lock)
}

fn free_metrics_port() -> Result<u16, Refused> {
    ports::free_port().map_err(|error| {
        let failure = Failure::new(
            format!("no free port for the metrics of the server: {error}"),
            "check that 127.0.0.1 is up and that ports are free",
        );
        Refused::for_now(&error, failure)
    })
}

/// Opens the log of the server. If the log cannot be opened, the server starts without a log, and
/// `notes` gets a message about it.
fn open_log(request: &LaunchRequest, notes: &mut Vec<String>) -> Result<MarkedLog, Refused> {
    let LaunchRequest { generation, cause, detail, settings, .. } = request;
    let path = settings.home.temporal_log();
    let log = MarkedLog::open(&path, *generation, *cause, detail).or_else(|error| {
        notes.push(format!(
            "cannot write the server log {}: {error}; the server runs without a log until the next \
             restart",
            path.display()
        ));
        MarkedLog::none()
    });
    log.map_err(|error| {
        let failure = Failure::new(format!("cannot open /dev/null: {error}"), "restore /dev/null");
        Refused::by(&error, failure)
    })
}
