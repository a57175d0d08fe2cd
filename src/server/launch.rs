//! Starts a generation: ends the remains of the last one, checks ports and files, spawns the server.

use super::database::Stamp;
use super::occupants::occupant_of;
use super::running::{self, Running};
use super::{arguments, database};
use crate::config::{Database, Settings};
use crate::paths::{self, Home};
use crate::process::identity::Identity;
use crate::process::lock::{self, InstanceLock, LockHolder};
use crate::process::ports::{self, Occupant};
use crate::process::record::Record;
use crate::process::sweep::Instance;
use crate::process::threads::Unfinished;
use crate::process::watch::Watched;
use crate::process::{look, memory};
use crate::supervisor::{Cause, Failure, Generation, Resource};
use crate::temporal::{locate, version};
use crate::unit::launch::{CLEARING, NotStarted, Spec, marker};
use crate::unit::mark::MarkedLog;
use crate::unit::sweeps::{Permit, Unswept};
use crate::unit::{self, Refused};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The parameters of a launch.
#[derive(Debug, Clone)]
pub struct LaunchRequest {
    /// Number of the new generation.
    pub generation: Generation,
    /// Cause of the start, for the mark in the log.
    pub cause: Cause,
    /// Details of the cause.
    pub detail: String,
    /// Options of the server.
    pub settings: Arc<Settings>,
    /// Whether a server of an earlier host may run, because this host could not look for it.
    pub unadopted: bool,
}

/// The result of a launch.
#[derive(Debug)]
pub enum Launched {
    /// A server was spawned.
    Ours(Box<Started>),
    /// A server of an earlier host runs, and this host can watch it now.
    Met(Box<Record>, Watched),
    /// A server that someone else started listens on the port.
    External(Occupant),
}

/// A spawned server.
#[derive(Debug)]
pub struct Started {
    /// Its process tree.
    pub instance: Instance,
    /// The exit of its leader.
    pub watched: Watched,
    /// Its record.
    pub record: Record,
    /// Version of the CLI. `None` if it is not known yet.
    pub version: Option<String>,
    /// Content of the lock file of its database.
    pub stamp: Option<Stamp>,
    /// The mark of this generation. `None` if the log has it.
    pub mark: Option<String>,
    /// Notes for the status.
    pub notes: Vec<String>,
    /// Duration of the cleanup and the checks.
    pub cleaned: Duration,
    /// Duration of the spawn.
    pub spawned: Duration,
}

/// Launches a server. After an error no process of this launch is left.
///
/// # Errors
/// If no server was spawned.
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
    // The look at the ports may have taken seconds.
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
            format!("cannot watch the process that was just started: {error}"),
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

/// A server that this host does not watch, found for a stop.
pub type Searched = Result<Option<(Box<Record>, Watched)>, Failure>;

/// Finds a server that a stop must end. Kills the remaining processes of a server whose leader has ended.
/// `None` proves that no process is left.
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
            // The server has just exited.
            Ok(None) => continue,
            Err(error) => Err(error),
        };
        let watched = watched.map_err(|error| not_watched(&record, &error).failure)?;
        return Ok(Some((record, watched)));
    }
}

/// The search was not done, for a reason that may pass.
pub fn not_searched(error: &Unswept) -> Failure {
    let reason = format!("Temporal is not known to be stopped: {error}");
    Failure { reason, ..not_begun(error).failure }
}

/// The refusal of a launch that did not start.
pub fn not_begun(error: &Unswept) -> Refused {
    let hint = match error {
        Unswept::NotInPlace => {
            "the host restores a home within a second, unless another host has it"
        }
        Unswept::Silent(_) => {
            "make the file system respond, or stop the server and choose another home with --home"
        }
        Unswept::Leaving | Unswept::Launching | Unswept::Unfinished(_) => {
            "check that the machine has free processes and threads (`ulimit -u`), and that the file \
             systems of home, database and program respond"
        }
    };
    let failure = Failure::new(format!("Temporal is not started: {error}"), hint);
    Refused::unfinished(failure)
}

fn hangs(error: &Unfinished) -> Refused {
    let failure = Failure::new(
        format!("the start of Temporal does not finish: {error}"),
        "check that the file systems of home, database and program respond",
    );
    Refused::unfinished(failure)
}

/// Why a home is cleared.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    /// To start a server. With `unadopted`, a running server is left alone and returned, because this
    /// host did not watch it. A refusal then waits for the system, so the start is retried until this
    /// host knows whether a server runs.
    Start { unadopted: bool },
    /// To stop a server that this host does not watch. A running server is returned.
    Stop,
}

/// Ends the remaining processes of an earlier generation that can be proven to be stigmer's. The lock is
/// checked before the ports: an unproven holder is an error, even if a server listens.
fn clear(
    settings: &Settings,
    purpose: Purpose,
    permit: &Permit,
) -> Result<Option<Box<Record>>, Refused> {
    let home = &settings.home;
    let lock = home.temporal_lock();
    let until_known = |refused: Refused| match purpose {
        Purpose::Start { unadopted: true } => {
            Refused { failure: refused.failure.until_free(Resource::System), ..refused }
        }
        Purpose::Start { unadopted: false } | Purpose::Stop => refused,
    };
    let unknown = |error: io::Error| {
        let failure = Failure::new(
            format!("cannot find the server of {home}: {error}"),
            "check that the home can be read, and that descriptors and memory are free",
        );
        until_known(Refused::for_now(&error, failure))
    };
    let instance = match running::find(home).map_err(unknown)? {
        // No process is left, so the record is obsolete.
        Running::Nothing => return remove_record(home, permit).map(|()| None),
        // The pid is of another namespace. The check of the ports decides.
        Running::Elsewhere(record) => match purpose {
            Purpose::Start { .. } => return Ok(None),
            Purpose::Stop => return Err(elsewhere(home, &record).into()),
        },
        Running::Stranger(who) => return Err(until_known(held_by_stranger(&lock, &who).into())),
        Running::Recorded(record) | Running::Unrecorded(record) => match purpose {
            Purpose::Start { unadopted: false } => record.instance(),
            Purpose::Start { unadopted: true } | Purpose::Stop => return Ok(Some(record)),
        },
        Running::Remains(instance) => instance,
    };
    let left = instance.clear(&permit.lock_file(&lock), CLEARING).map_err(unknown)?;
    if !left.is_empty() {
        return Err(Refused {
            failure: Failure::new(
                format!("processes of an earlier generation do not end: {}", names(&left)),
                "run `ps -o pid,stat,wchan` to see what they wait for",
            ),
            is_transient: true,
        });
    }
    remove_record(home, permit).map(|()| None)
}

/// Removes the record, unless another host may have written it.
fn remove_record(home: &Home, permit: &Permit) -> Result<(), Refused> {
    permit.check_in_place().map_err(|error| not_begun(&error))?;
    let _ = std::fs::remove_file(home.record());
    Ok(())
}

fn watched(record: &Record) -> io::Result<Watched> {
    let proven = record.leader.prove()?;
    Watched::new(proven.ok_or_else(|| io::Error::other("the server has just exited"))?)
}

fn not_watched(record: &Record, error: &io::Error) -> Refused {
    let failure = Failure::new(
        format!(
            "a server of this home runs already (pid {}), and this host cannot watch it: {error}",
            record.leader.pid
        ),
        "check that the host has free file descriptors (`ulimit -n`)",
    );
    Refused::unfinished(failure)
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
    let located = locate::locate(
        settings.temporal_bin.as_deref(),
        &home.temporal_bin(),
        std::env::var_os("PATH").as_deref(),
    )
    .map_err(|error| {
        let text = error.to_string();
        let failure = match text.rsplit_once("; ") {
            Some((reason, hint)) => Failure::new(reason, hint),
            None => Failure::new(text, "run `stigmer local install`"),
        };
        match error.io() {
            Some(error) => Refused::by(error, failure),
            None => failure.into(),
        }
    })?;
    let version = version::remembered(&home.version_cache(), &located.path);
    let mut notes = Vec::new();

    // Before the lock, so that a start that cannot succeed gets no number.
    if let Some(folder) = settings.database.file().and_then(Path::parent)
        && let Err(error) = look::bounded(folder, paths::has_room)
    {
        let failure = match error.kind() {
            io::ErrorKind::TimedOut => Failure::new(
                format!("cannot use the database in {}: {error}", folder.display()),
                "make the file system respond, or name a database elsewhere with --db FILE",
            ),
            _ => Failure::new(
                format!("no room for the database in {}: {error}", folder.display()),
                "free some disk space",
            ),
        };
        return Err(Refused::by(&error, failure));
    }

    let lock_path = home.temporal_lock();
    let lock = InstanceLock::take(&lock_path)
        .map_err(|error| {
            let failure = Failure::new(
                format!("cannot lock {}: {error}", lock_path.display()),
                "make the home writable, or choose another with --home",
            );
            Refused::by(&error, failure)
        })?
        .ok_or_else(|| held(&lock_path))?;
    // Before the spawn, so that no other start uses the number. If the disk does not even accept the
    // length, no other host can start either, and this host knows the number.
    if let Err(error) = lock.write_number(request.generation.0) {
        tracing::warn!(path = %lock_path.display(), %error, "cannot write the lock file of the server yet");
    }
    let mut locks = vec![lock];
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
    let metrics_port = ports::free_port().map_err(|error| {
        let failure = Failure::new(
            format!("no free port for Temporal's metrics: {error}"),
            "check that 127.0.0.1 is up and that ports are free",
        );
        Refused::for_now(&error, failure)
    })?;
    let LaunchRequest { generation, cause, detail, .. } = request;
    let log = MarkedLog::open(&home.temporal_log(), *generation, *cause, detail).or_else(|error| {
        notes.push(format!(
            "cannot write Temporal's log {}: {error}; a restart tries again",
            home.temporal_log().display()
        ));
        MarkedLog::none()
    });
    let log = log.map_err(|error| {
        let failure = Failure::new(format!("cannot open /dev/null: {error}"), "restore /dev/null");
        Refused::by(&error, failure)
    })?;
    let record = Record {
        name: String::new(),
        started_at: jiff::Timestamp::now().as_second(),
        marker: marker(*generation),
        generation: *generation,
        port: settings.port,
        ui_port: settings.ui_port,
        metrics_port,
        database: settings.database.file().map(Path::to_owned),
        executable: located.path,
        options: serde_json::to_string(&settings.options).unwrap_or_default(),
        leader: Identity::to_come(),
    };
    let spec = Spec {
        record,
        record_file: home.record(),
        arguments: arguments::arguments(settings, metrics_port),
        environment: Vec::new(),
        folder: home.root().to_owned(),
        log,
        lock_file: lock_path,
        locks,
    };
    Ok(Prepared { spec, version, stamp, notes })
}

fn not_spawned(program: &Path, error: &io::Error) -> Refused {
    let reason = format!("cannot run {}: {error}", program.display());
    let hint = match error.raw_os_error() {
        Some(libc::EAGAIN | libc::ENOMEM) => "end some processes, or raise the limit (`ulimit -u`)",
        Some(libc::EMFILE | libc::ENFILE) => "raise the limit on descriptors (`ulimit -n`)",
        _ => "name another with --temporal-bin FILE, or run `stigmer local install`",
    };
    let failure = Failure::new(reason, hint);
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => failure.into(),
        // The program is being replaced, or there are too many processes.
        _ => Refused::for_now(error, failure),
    }
}

/// The failure of a launch because an unknown process holds the lock.
fn held_by_stranger(path: &Path, who: &str) -> Failure {
    Failure::new(
        format!(
            "{} is held by {who}, which cannot be proven to be a Temporal of this home",
            path.display()
        ),
        "stop that process yourself, or choose another home with --home",
    )
}

/// A server may run where this process cannot see it.
fn elsewhere(home: &Home, record: &Record) -> Failure {
    Failure::new(
        format!(
            "{} was recorded in another container or pid namespace (pid {}), where it may still run",
            home.record().display(),
            record.leader.pid
        ),
        "stop that server there, or choose another home with --home",
    )
}

/// The refusal of a launch because another process holds the lock. Transient if that process has ended
/// or cannot be looked for.
fn held(lock: &Path) -> Refused {
    let failure = |who: &str| held_by_stranger(lock, who);
    match lock::holder(lock) {
        Ok(LockHolder::Stranger(who)) => failure(&who).into(),
        Ok(LockHolder::Instance(instance)) => {
            failure(&memory::describe(instance.leader.pid)).into()
        }
        Ok(LockHolder::Nobody) => {
            Refused { failure: failure("a process that has exited meanwhile"), is_transient: true }
        }
        Err(error) => Refused::for_now(&error, failure(&format!("an unknown process ({error})"))),
    }
}

fn names(processes: &[Identity]) -> String {
    processes.iter().map(|process| memory::describe(process.pid)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
