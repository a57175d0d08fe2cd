//! Starts a worker: ends the remaining processes of its last start, finds its program, takes its
//! lock, and spawns the process.

use super::environment::{self, Environment, READ};
use super::running::{self, RunningWorker};
use super::{ServerAccess, recorded};
use crate::paths::{WorkerFiles, shortened};
use crate::process::environment::BaseEnvironment;
use crate::process::identity::Identity;
use crate::process::lock::InstanceLock;
use crate::process::memory;
use crate::process::record::Record;
use crate::process::sweep::Instance;
use crate::process::threads::LOOKS;
use crate::process::watch::Watched;
use crate::project::WorkerSpec;
use crate::supervisor::{Cause, Failure, Generation, Resource};
use crate::unit::launch::{CLEARING, NotStarted, Spec, marker};
use crate::unit::mark::MarkedLog;
use crate::unit::sweeps::{Permit, Unswept};
use crate::unit::{self, Refused};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The parameters of [`launch()`].
#[derive(Debug, Clone)]
pub(crate) struct WorkerLaunch {
    /// Number of this start of the worker.
    pub generation: Generation,
    /// Why the worker is started.
    pub cause: Cause,
    /// Details of the cause.
    pub detail: String,
    /// The files of the worker.
    pub files: WorkerFiles,
    /// Path of the project file.
    pub project: PathBuf,
    /// What to run.
    pub spec: Arc<WorkerSpec>,
    /// The server, which is ready.
    pub server: ServerAccess,
    /// The variables of the command that has started the worker.
    pub base: Arc<BaseEnvironment>,
    /// Whether a process of an earlier host may still run, because this host could not search for
    /// it. Such a process is adopted and not ended.
    pub unadopted: bool,
}

/// The result of a launch.
#[derive(Debug)]
pub(crate) enum LaunchedWorker {
    /// This launch has spawned the worker.
    Ours(Box<Started>),
    /// A worker that an earlier host started still runs.
    Met(Box<Record>, Watched),
}

/// A worker that was spawned.
#[derive(Debug)]
pub(crate) struct Started {
    /// The process tree of the worker.
    pub instance: Instance,
    /// Reports the exit of the spawned process.
    pub watched: Watched,
    /// The record of the worker.
    pub record: Record,
    /// The line at the beginning of this start in the log, if it could not be written yet.
    pub mark: Option<String>,
    /// A message for the status. May be empty.
    pub note: String,
    /// How long the spawn took.
    pub spawned: Duration,
}

/// Launches a worker. If this function returns an error, no process of this launch is left.
///
/// # Errors
/// If no process was spawned.
pub(crate) async fn launch(
    request: WorkerLaunch,
    permit: &Permit,
) -> Result<LaunchedWorker, Refused> {
    let name = request.spec.name.clone();
    let not_begun = |error: Unswept| not_begun(&name, &error);
    let (files, unadopted, under) = (request.files.clone(), request.unadopted, permit.clone());
    let worker = name.clone();
    let met = permit
        .run(move || clear(&worker, &files, unadopted, &under))
        .await
        .map_err(|error| not_begun(error.into()))??;
    if let Some(record) = met {
        let watched = watched(&record).map_err(|error| not_watched(&name, &error))?;
        return Ok(LaunchedWorker::Met(record, watched));
    }
    let under = permit.clone();
    let started = permit.run(move || start(&request, &under)).await;
    let (started, note) = started.map_err(|error| not_begun(error.into()))??;
    let (instance, watched) = started.leader.watch().map_err(|error| not_watched(&name, &error))?;
    Ok(LaunchedWorker::Ours(Box::new(Started {
        instance,
        watched,
        record: started.record,
        mark: started.mark,
        note,
        spawned: started.spawned,
    })))
}

fn watched(record: &Record) -> io::Result<Watched> {
    let proven = record.leader.prove()?;
    Watched::new(proven.ok_or_else(|| io::Error::other("the worker has just exited"))?)
}

/// Ends the processes of an earlier start. Returns the record of a worker that must not be ended
/// here: `keeps` says that the spawned process of an earlier start is to be adopted.
pub(crate) fn clear(
    name: &str,
    files: &WorkerFiles,
    keeps: bool,
    permit: &Permit,
) -> Result<Option<Box<Record>>, Refused> {
    permit.check_in_place().map_err(|error| not_begun(name, &error))?;
    let unknown = |error: io::Error| {
        let failure = Failure::new(
            format!("cannot find the processes of worker `{name}`: {error}"),
            "check that the home can be read, and that descriptors and memory are free",
        );
        let refused = Refused::for_now(&error, failure);
        Refused { failure: refused.failure.until_free(Resource::System), ..refused }
    };
    let instance = match running::find(files).map_err(unknown)? {
        RunningWorker::Nothing => return Ok(None),
        RunningWorker::Recorded(record) if keeps => return Ok(Some(record)),
        RunningWorker::Recorded(record) => record.instance(),
        RunningWorker::Remains(instance) => instance,
        RunningWorker::Stranger(who) => {
            let path = files.lock();
            return Err(Failure::new(
                format!(
                    "cannot start worker `{name}`: {} is locked by {who}, and stigmer cannot verify \
                     that it started this process",
                    shortened(&path)
                ),
                "stop that process",
            )
            .into());
        }
    };
    let left = instance.clear(&permit.lock_file(&files.lock()), CLEARING).map_err(unknown)?;
    let Some(survivor) = left.first() else { return Ok(None) };
    let failure = Failure::new(
        format!(
            "processes of an earlier start of worker `{name}` do not end: {}",
            memory::describe(survivor.pid)
        ),
        "run `ps -eo pid,stat,wchan` to see what these processes wait for",
    );
    Err(Refused { is_transient: true, ..failure.into() })
}

/// Checks the folder, the program and the `env-file` of a worker before a restart ends the running
/// worker. Succeeds if they cannot be checked now: the launch waits until that is possible.
///
/// # Errors
/// If the folder or the program is missing, the program is not executable, or the `env-file` cannot be
/// used.
pub(crate) async fn check_program(
    spec: &Arc<WorkerSpec>,
    server: &ServerAccess,
    base: &Arc<BaseEnvironment>,
) -> Result<(), Refused> {
    let (spec, server, base) = (spec.clone(), server.clone(), base.clone());
    // The file system of the project may not respond.
    let checked = LOOKS.run(READ, move || found(&spec, &server, &base).map(drop)).await;
    match checked {
        Ok(Err(refused)) if !refused.is_transient => Err(refused),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Returns the program of a worker and its environment.
fn found<'base>(
    spec: &WorkerSpec,
    server: &ServerAccess,
    base: &'base BaseEnvironment,
) -> Result<(PathBuf, Environment<'base>), Refused> {
    if !spec.dir.is_dir() {
        let (name, folder) = (&spec.name, shortened(&spec.dir));
        return Err(Failure::new(
            format!("cannot start worker `{name}`: there is no folder {folder}"),
            "create the folder, or correct `dir` in stigmer.toml",
        )
        .into());
    }
    let environment = Environment::of(base, spec, server)?;
    let program = environment::program(spec, &spec.run, "run", &environment)?;
    Ok((program, environment))
}

fn start(
    request: &WorkerLaunch,
    permit: &Permit,
) -> Result<(unit::launch::Started, String), Refused> {
    let WorkerLaunch { generation, cause, detail, files, project, spec, server, base, .. } =
        request;
    let name = &spec.name;
    permit.check_in_place().map_err(|error| not_begun(name, &error))?;
    let (program, environment) = found(spec, server, base)?;
    let unwritable = |error: io::Error| {
        let failure = Failure::new(
            format!("cannot write {}: {error}", shortened(files.folder())),
            "make the home writable, or free some disk space",
        );
        Refused::by(&error, failure)
    };
    files.prepare().map_err(unwritable)?;
    let path = files.lock();
    let lock = InstanceLock::take(&path).map_err(unwritable)?.ok_or_else(|| {
        let failure = Failure::new(
            format!("cannot start worker `{name}`: {} is locked", shortened(&path)),
            "another process has just taken the lock; try again",
        );
        Refused { is_transient: true, ..failure.into() }
    })?;
    if let Err(error) = lock.write_number(generation.0) {
        tracing::warn!(worker = name, %error, "cannot write the lock file of the worker, retrying");
    }
    let mut note = String::new();
    let log = MarkedLog::open(&files.log(), *generation, *cause, detail).or_else(|error| {
        note = format!(
            "cannot write the log {}: {error}; the worker runs without a log until its next restart",
            shortened(&files.log())
        );
        MarkedLog::none()
    });
    let unit_spec = Spec {
        record: Record {
            name: String::new(),
            started_at: jiff::Timestamp::now().as_second(),
            marker: marker(*generation),
            generation: *generation,
            extra: recorded::extra(project),
            executable: program.clone(),
            options: recorded::options(spec, project),
            leader: Identity::to_come(),
        },
        record_file: files.record(),
        arguments: spec.run.iter().skip(1).map(Into::into).collect(),
        environment: environment.into_pairs(),
        folder: spec.dir.clone(),
        log: log.map_err(unwritable)?,
        lock_file: path,
        locks: vec![lock],
    };
    let started = unit::launch::start(unit_spec, permit).map_err(|error| match error {
        NotStarted::Unswept(error) => not_begun(name, &error),
        NotStarted::NotSpawned(error) => {
            let failure = Failure::new(
                format!("cannot start worker `{name}`: cannot run {}: {error}", shortened(&program)),
                match error.raw_os_error() {
                    Some(libc::ENOENT) => {
                        "the interpreter in the first line of the program is missing; install it, or \
                         name another one in `run`"
                    }
                    _ => "check the program in `run` of stigmer.toml",
                },
            );
            Refused::by(&error, failure)
        }
    })?;
    Ok((started, note))
}

/// The refusal of a start that could not begin.
pub(crate) fn not_begun(name: &str, error: &Unswept) -> Refused {
    Refused::unfinished(Failure::new(
        format!("cannot start worker `{name}` now: {error}"),
        "wait until the home responds, or until the previous start has ended",
    ))
}

fn not_watched(name: &str, error: &io::Error) -> Refused {
    let failure = Failure::new(
        format!("cannot watch the process of worker `{name}`: {error}"),
        "check that the host has free file descriptors (`ulimit -n`)",
    );
    Refused::for_now(error, failure)
}
