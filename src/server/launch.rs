//! Bringing a generation up: clear what is left, prove the way free, spawn.

use super::database::Stamp;
use super::occupants::occupant_of;
use super::running::{self, Running};
use super::{arguments, database};
use crate::config::{Database, Settings};
use crate::log::line::generation_mark;
use crate::paths::{self, Home, files};
use crate::process::identity::{Identity, own_pid};
use crate::process::lock::{self, Holder, InstanceLock};
use crate::process::ports::{self, Occupant};
use crate::process::record::Record;
use crate::process::spawn::{Leader, Spawn, spawn};
use crate::process::sweep::Instance;
use crate::process::threads::Unfinished;
use crate::process::watch::Watched;
use crate::process::{linux, look, memory};
use crate::supervisor::{Cause, Failure, Generation, Resource};
use crate::temporal::{locate, version};
use crate::unit::Refused;
use crate::unit::sweeps::{Permit, Unswept};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What was killed is gone in milliseconds; what is not by then sits in the kernel.
const CLEARING: Duration = Duration::from_secs(5);

/// What to launch.
#[derive(Debug, Clone)]
pub struct LaunchRequest {
    /// The number it gets.
    pub generation: Generation,
    /// Why, for the mark in the log.
    pub cause: Cause,
    /// More about why.
    pub detail: String,
    /// The options.
    pub settings: Arc<Settings>,
    /// Whether a server may run here that this host does not watch, because it could not look.
    pub unadopted: bool,
}

/// A process that runs and is not watched yet, and what is known of it.
struct Spawned {
    leader: Leader,
    record: Record,
    version: Option<String>,
    stamp: Option<Stamp>,
    mark: Option<String>,
    notes: Vec<String>,
    cleaned: Duration,
    spawned: Duration,
}

/// What became of it.
#[derive(Debug)]
pub enum Launched {
    /// A process of ours runs.
    Ours(Box<Started>),
    /// A server of an earlier host runs, which this host can watch by now.
    Met(Box<Record>, Watched),
    /// Somebody else's Temporal is on the port.
    External(Occupant),
}

/// A process that was spawned.
#[derive(Debug)]
pub struct Started {
    /// The process, and how its instance is recognised.
    pub instance: Instance,
    /// Its exit.
    pub watched: Watched,
    /// What was recorded of it.
    pub record: Record,
    /// The CLI's version, where it is known already.
    pub version: Option<String>,
    /// What the lock of its database must contain.
    pub stamp: Option<Stamp>,
    /// The mark of this generation, where the log does not have it yet.
    pub mark: Option<String>,
    /// What there is to say about it.
    pub notes: Vec<String>,
    /// How long clearing and checking took.
    pub cleaned: Duration,
    /// How long the spawn took.
    pub spawned: Duration,
}

/// Launches. When this returns an error, no process of ours is left.
///
/// # Errors
/// Why it was not spawned.
pub async fn launch(request: LaunchRequest, permit: &Permit) -> Result<Launched, Refused> {
    let begun = Instant::now();
    let settings = request.settings.clone();
    if settings.address.is_some() {
        let port = settings.port;
        return Ok(Launched::External(Occupant::unknown(port)));
    }
    let clearing = settings.clone();
    permit.check_in_place().map_err(|error| not_begun(&error))?;
    let unadopted = request.unadopted;
    let clears_under = permit.clone();
    let met = permit
        .run(move || clear(&clearing, unadopted, &clears_under))
        .await
        .map_err(|error| hangs(&error))??;
    if let Some(record) = met {
        let watched = watched(&record).map_err(|error| not_watched(&record, &error))?;
        return Ok(Launched::Met(record, watched));
    }
    if let Some(occupant) = occupant_of(&settings).await? {
        return Ok(Launched::External(occupant));
    }
    // Finding out who is on the ports may take seconds.
    permit.check_in_place().map_err(|error| not_begun(&error))?;
    let starts_under = permit.clone();
    let launching = move || {
        let prepared = prepare(&request)?;
        start(&request, prepared, begun.elapsed(), &starts_under)
    };
    let spawned = permit.run(launching).await.map_err(|error| hangs(&error))??;
    let (instance, watched) = spawned.leader.watch().map_err(|error| {
        let failure = Failure::new(
            format!("cannot watch the process that was just started: {error}"),
            "see that the host has file descriptors left (`ulimit -n`)",
        );
        Refused::for_now(&error, failure)
    })?;
    Ok(Launched::Ours(Box::new(Started {
        instance,
        watched,
        record: spawned.record,
        version: spawned.version,
        stamp: spawned.stamp,
        mark: spawned.mark,
        notes: spawned.notes,
        cleaned: spawned.cleaned,
        spawned: spawned.spawned,
    })))
}

/// Nothing was begun, for a reason that may pass.
pub fn not_begun(error: &Unswept) -> Refused {
    let hint = match error {
        Unswept::NotInPlace => {
            "the host restores a home within a second, unless another host has it"
        }
        Unswept::Silent(_) => "make it respond, or stop the server and choose another with --home",
        Unswept::Leaving | Unswept::Launching | Unswept::Unfinished(_) => {
            "see that the machine has processes and threads left (`ulimit -u`), and that the file \
             systems of home, database and program respond"
        }
    };
    let failure = Failure::new(format!("Temporal is not started: {error}"), hint);
    Refused::unfinished(failure)
}

fn hangs(error: &Unfinished) -> Refused {
    let failure = Failure::new(
        format!("starting Temporal does not come to an end: {error}"),
        "see that the file systems of home, database and program respond",
    );
    Refused::unfinished(failure)
}

/// Ends what an earlier generation left, as far as it is proven to be that. The lock comes
/// before the ports: a holder that is not proven ours is an error, also where a server listens.
/// With `unadopted`, a running server is left alone and returned: this host did not watch it. A
/// refusal is transient then, so the start is tried again until it is known what runs.
fn clear(
    settings: &Settings,
    unadopted: bool,
    permit: &Permit,
) -> Result<Option<Box<Record>>, Refused> {
    let home = &settings.home;
    let lock = home.temporal_lock();
    let until_known = |refused: Refused| match unadopted {
        true => Refused { failure: refused.failure.until_free(Resource::System), ..refused },
        false => refused,
    };
    let unknown = |error: io::Error| {
        let failure = Failure::new(
            format!("cannot find the server of {home}: {error}"),
            "see that the home can be read, and that descriptors and memory are left",
        );
        until_known(Refused::for_now(&error, failure))
    };
    let instance = match running::find(home).map_err(unknown)? {
        // Gone and proven so: the record has done its work.
        Running::Nothing => return remove_record(home, permit).map(|()| None),
        // Its number means nothing here, and the ports tell who is on them.
        Running::Elsewhere(_) => return Ok(None),
        Running::Stranger(who) => return Err(until_known(held_by_stranger(&lock, &who).into())),
        Running::Recorded(record) | Running::Unrecorded(record) if unadopted => {
            return Ok(Some(record));
        }
        Running::Recorded(record) | Running::Unrecorded(record) => record.instance(),
        Running::Remains(instance) => instance,
    };
    let left = instance.clear(&permit.lock_file(&lock), CLEARING).map_err(unknown)?;
    if !left.is_empty() {
        return Err(Refused {
            failure: Failure::new(
                format!("processes of an earlier generation do not end: {}", names(&left)),
                "see `ps -o pid,stat,wchan` on what they wait for",
            ),
            is_transient: true,
        });
    }
    remove_record(home, permit).map(|()| None)
}

/// Looks first whether the record there may be another host's.
fn remove_record(home: &Home, permit: &Permit) -> Result<(), Refused> {
    permit.check_in_place().map_err(|error| not_begun(&error))?;
    let _ = std::fs::remove_file(home.record());
    Ok(())
}

fn watched(record: &Record) -> io::Result<Watched> {
    let proven = record.leader.prove()?;
    Watched::new(proven.ok_or_else(|| io::Error::other("it has just ended"))?)
}

fn not_watched(record: &Record, error: &io::Error) -> Refused {
    let failure = Failure::new(
        format!(
            "a server of this home runs already (pid {}), and this host cannot watch it: {error}",
            record.leader.pid
        ),
        "see that the host has file descriptors left (`ulimit -n`)",
    );
    Refused::unfinished(failure)
}

struct Prepared {
    program: PathBuf,
    version: Option<String>,
    metrics_port: u16,
    locks: Vec<InstanceLock>,
    stamp: Option<Stamp>,
    log: Log,
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

    // Before a number is given to what cannot start.
    if let Some(folder) = settings.database.file().and_then(Path::parent)
        && let Err(error) = look::bounded(folder, paths::has_room)
    {
        let failure = match error.kind() {
            io::ErrorKind::TimedOut => Failure::new(
                format!("cannot use the database in {}: {error}", folder.display()),
                "make it respond, or name a database elsewhere with --db FILE",
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
        .ok_or_else(|| held_by_stranger(&lock_path, &holder_of(&lock_path)))?;
    // Before the spawn, so that the number is never given out again. On a disk that does not even
    // take its length no other host can start either, and this one knows the number.
    if let Err(error) = lock.write_number(request.generation.0) {
        tracing::warn!(path = %lock_path.display(), %error, "not written yet");
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
            "see that 127.0.0.1 is up and ports are left",
        );
        Refused::for_now(&error, failure)
    })?;
    let log = open_log(&home.temporal_log(), request).or_else(|error| {
        notes.push(format!(
            "Temporal's log {} cannot be written: {error}; a restart tries again",
            home.temporal_log().display()
        ));
        OpenOptions::new().write(true).open("/dev/null").map(|output| Log { output, mark: None })
    });
    let log = log.map_err(|error| {
        let failure =
            Failure::new(format!("cannot open /dev/null: {error}"), "the machine is broken");
        Refused::by(&error, failure)
    })?;
    Ok(Prepared { program: located.path, version, metrics_port, locks, stamp, log, notes })
}

struct Log {
    output: File,
    /// Not written yet.
    mark: Option<String>,
}

/// Opens the log and marks where this generation begins. A disk that does not take the mark may
/// take the server's lines later.
fn open_log(path: &Path, request: &LaunchRequest) -> io::Result<Log> {
    let mut output = files::open_for_writing(OpenOptions::new().append(true).create(true), path)?;
    let LaunchRequest { generation, cause, detail, .. } = request;
    let now = jiff::Timestamp::now();
    let mark = format!("{}\n", generation_mark(generation.0, now, cause.as_str(), detail));
    let before = output.metadata()?.len();
    // One write: it must not mix with the last words of another process.
    let written = output.write_all(mark.as_bytes());
    let mark = written.is_err().then(|| {
        // Half a mark would spoil the server's first line.
        let _ = output.set_len(before);
        mark
    });
    Ok(Log { output, mark })
}

fn start(
    request: &LaunchRequest,
    prepared: Prepared,
    cleaned: Duration,
    permit: &Permit,
) -> Result<Spawned, Refused> {
    let settings = &request.settings;
    let home = &settings.home;
    let arguments = arguments::arguments(settings, prepared.metrics_port);
    let marker =
        format!("{}.{}.{}", request.generation, own_pid(), jiff::Timestamp::now().as_nanosecond());
    let mut record = Record {
        name: String::new(),
        started_at: jiff::Timestamp::now().as_second(),
        marker: marker.clone(),
        generation: request.generation,
        port: settings.port,
        ui_port: settings.ui_port,
        metrics_port: prepared.metrics_port,
        database: settings.database.file().map(Path::to_owned),
        executable: prepared.program.clone(),
        options: serde_json::to_string(&settings.options).unwrap_or_default(),
        leader: Identity::to_come(),
    };
    // The preparation may have taken seconds, in which another host may have taken the home.
    permit.check_in_place().map_err(|error| not_begun(&error))?;
    // Twice: a host that dies in between leaves a process that its marker proves. Where it cannot be
    // written, the manager does so later.
    let _ = record.write(&home.record());
    let begun = Instant::now();
    let leader = spawn(&Spawn {
        program: &prepared.program,
        arguments: &arguments,
        folder: home.root(),
        output: &prepared.log.output,
        marker: &marker,
        locks: &prepared.locks,
    })
    .map_err(|error| {
        Record::remove(&home.record(), &marker);
        not_spawned(&prepared.program, &error)
    })?;
    let spawned = begun.elapsed();
    let leader = in_place_or_ended(leader, home, permit)?;
    record.leader = leader.instance.leader.clone();
    let process = linux::stat(record.leader.pid).ok().flatten();
    record.name = process.map(|process| process.name).unwrap_or_default();
    let _ = record.write(&home.record());
    // `prepared.locks` is dropped here: closed, not unlocked. Temporal holds them now.
    Ok(Spawned {
        leader,
        record,
        version: prepared.version,
        stamp: prepared.stamp,
        mark: prepared.log.mark,
        notes: prepared.notes,
        cleaned,
        spawned,
    })
}

/// Ends what was just spawned if another process may have taken the home meanwhile: its record would
/// take the place of the other host's.
fn in_place_or_ended(leader: Leader, home: &Home, permit: &Permit) -> Result<Leader, Refused> {
    let Err(error) = permit.check_in_place() else { return Ok(leader) };
    let left = leader.instance.clear(&permit.lock_file(&home.temporal_lock()), CLEARING);
    if !left.as_ref().is_ok_and(Vec::is_empty) {
        tracing::error!(?left, "processes of a start that came too late do not end");
    }
    Record::remove(&home.record(), &leader.instance.marker);
    Err(not_begun(&error))
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
        // A program that is being replaced, or too many processes for now.
        _ => Refused::for_now(error, failure),
    }
}

/// The lock is held, and what holds it is not proven to be of this home.
fn held_by_stranger(path: &Path, who: &str) -> Failure {
    Failure::new(
        format!(
            "{} is held by {who}, which cannot be proven to be a Temporal of this home",
            path.display()
        ),
        "stop that process yourself, or choose another home with --home",
    )
}

fn holder_of(lock: &Path) -> String {
    match lock::holder(lock) {
        Ok(Holder::Stranger(who)) => who,
        Ok(Holder::Instance(instance)) => memory::describe(instance.leader.pid),
        Ok(Holder::Nobody) => "a process that has ended meanwhile".into(),
        Err(error) => format!("a process that is not known ({error})"),
    }
}

fn names(processes: &[Identity]) -> String {
    processes.iter().map(|process| memory::describe(process.pid)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
