//! Finds and stops the server of a home that has no host, for commands.

use super::deadlines::{KILLING, LEAVING, LOOKING, PAUSE};
use super::end::{StopError, Stopped, end_unresponsive, want_down};
use super::{Notice, Notify, Patience, Unresponsive, holder, workers};
use crate::config::Options;
use crate::control::client;
use crate::facts::Intent;
use crate::facts::record::ServerRecord;
use crate::paths::Home;
use crate::process::identity::Proven;
use crate::process::lock::{self, HostLock, LockHolder};
use crate::process::record::Record;
use crate::process::{memory, ports, watch};
use crate::runtime::block_on;
use crate::server::running::{self, Running};
use crate::supervisor::{Policy, StopSignal};
use std::io;
use std::path::Path;
use std::time::Duration;

/// Usual time limit of a stop of all workers, whose grace period is 30 s by default.
const STOPPING_WORKERS: Duration = Duration::from_secs(60);

/// The search for the server of a home has failed. So a server may run with unknown options.
#[derive(Debug, thiserror::Error)]
#[error("cannot find the server of {home}: {source}; make the home readable and try again")]
pub struct UnknownServer {
    home: String,
    source: io::Error,
}

impl UnknownServer {
    pub(super) fn of(home: &Home) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { home: home.to_string(), source }
    }
}

/// Returns the record and the options of the running server of this home. The server may have a
/// host or not.
///
/// # Errors
/// If the search fails. In this case, a server may run.
pub fn running(home: &Home) -> Result<Option<(Record, Options)>, UnknownServer> {
    let found = running::find(home).map_err(UnknownServer::of(home))?;
    let Some(record) = found.server() else { return Ok(None) };
    let options = running::options(&record);
    Ok(Some((record, options)))
}

/// Returns the options of the server of this home, if the server runs and is to run.
///
/// # Errors
/// If the search for the server fails, or if the intent cannot be read.
pub(super) fn adoptable(home: &Home) -> Result<Option<Options>, UnknownServer> {
    let is_down = Intent::is_down(home).map_err(|error| UnknownServer::of(home)(error.source))?;
    Ok(if is_down { None } else { running(home)?.map(|(_, options)| options) })
}

/// Stops the server of a home without a host. Does nothing and returns `None` if a host responds.
pub(super) fn stop(home: &Home, notify: Notify<'_>) -> Result<Option<Stopped>, StopError> {
    let is_held = |lock: &Path| lock::is_held(lock).unwrap_or(true);
    want_down(home, notify);
    let watchdog = watchdog_of_dead_host(home);
    let nothing = !home.record().try_exists().unwrap_or(true)
        && home.socket().symlink_metadata().is_err()
        && !is_held(&home.temporal_lock())
        && !is_held(&home.supervisor_lock())
        && !workers::may_run(home);
    let stopped = if nothing {
        Stopped::Nothing
    } else {
        let was_alive = is_alive(home);
        let Some(lock) = take_host_lock(home, notify)? else { return Ok(None) };
        sign(&lock, home, ("looking for the server", LOOKING), notify);
        // Delete the socket: a killed host leaves it behind.
        let _ = std::fs::remove_file(home.socket());
        let had_workers = workers::may_run(home);
        if had_workers {
            sign(&lock, home, ("stopping the workers", STOPPING_WORKERS), notify);
            let names = home.worker_names().map_err(StopError::unknown(home))?;
            workers::stop_each(home, names)?;
        }
        match end_server(home, &lock, notify)? {
            // The server was alive before this command took the lock, so the host stopped the
            // server before the host ended.
            Stopped::Nothing if was_alive || had_workers => Stopped::Ours,
            stopped => stopped,
        }
    };
    // Wait until the watchdog of a dead host has ended. The watchdog starts a host, which reads the
    // intent "down" and exits.
    if let Some(watchdog) = watchdog {
        let _ = watch::wait_exit(&watchdog, LEAVING);
    }
    Ok(Some(stopped))
}

/// Stops a worker, or `all`, of a home without a host and without a server. Returns whether a process
/// ran. Does nothing and returns `None` if a host responds.
pub(super) fn stop_worker(
    home: &Home,
    name: &str,
    notify: Notify<'_>,
) -> Result<Option<bool>, StopError> {
    if !workers::may_run(home) {
        return Ok(Some(false));
    }
    let Some(lock) = take_host_lock(home, notify)? else { return Ok(None) };
    sign(&lock, home, ("stopping the workers", STOPPING_WORKERS), notify);
    let mut names = home.worker_names().map_err(StopError::unknown(home))?;
    names.retain(|it| name == "all" || name == it);
    workers::stop_each(home, names).map(Some)
}

/// Deletes the socket and the record of a host that has ended and of its server. A host deletes both
/// itself, but gives up if the file system does not respond in time. Does nothing if another process
/// has become the host.
pub(super) fn delete_remaining_files(home: &Home) {
    let remains = |path: &Path| path.symlink_metadata().is_ok();
    if !remains(&home.socket()) && !remains(&home.record()) {
        return;
    }
    let Ok(Some(_host_lock)) = HostLock::take(&home.supervisor_lock()) else { return };
    let _ = std::fs::remove_file(home.socket());
    if matches!(running::find(home), Ok(Running::Nothing)) {
        let _ = std::fs::remove_file(home.record());
    }
}

/// Takes the host lock, so that no host can start. Waits for a host that is starting or ending
/// (some milliseconds), and for another command that holds the lock. Ends a host that holds the
/// lock longer and does not respond. Returns `None` if a host responds.
fn take_host_lock(home: &Home, notify: Notify<'_>) -> Result<Option<HostLock>, StopError> {
    let path = home.supervisor_lock();
    let mut patience = Patience::new(LEAVING);
    let mut killed = false;
    let (mut named, mut pinned) = (None, Ok(None));
    loop {
        let holder = holder(home);
        if holder != named {
            // Another process holds the lock now. Start the time limit again for that process.
            patience.renew();
            pinned = holder.as_ref().map_or(Ok(None), |it| holder::prove_holder(home, it));
            named = holder;
        }
        let taken = HostLock::take(&path)
            .map_err(|source| StopError::Lock { path: path.clone(), source })?;
        match taken {
            Some(lock) => return Ok(Some(lock)),
            None if block_on(client::status(home))?.is_ok() => return Ok(None),
            None if !patience.is_over(home, notify) => std::thread::sleep(PAUSE),
            None if killed => return Err(Unresponsive::host_of(home).into()),
            None => {
                end_unresponsive(home, std::mem::replace(&mut pinned, Ok(None)), notify)?;
                killed = true;
                patience.renew();
            }
        }
    }
}

/// Writes into the lock file what this process does and its time limit, so that other commands wait
/// for this process.
fn sign(lock: &HostLock, home: &Home, work: (&str, Duration), notify: Notify<'_>) {
    // Continue even if the text cannot be written. Without the text, other commands wait for a
    // shorter time. But they cannot end this process either, because the text does not name it.
    if let Err(error) = holder::sign(lock, home, Some(work)) {
        notify(&Notice::Unwritten(home.supervisor_lock(), error));
    }
}

/// Whether a process of a server of this home is alive, according to a search.
pub(super) fn is_alive(home: &Home) -> bool {
    use Running::{Recorded, Remains, Unrecorded};
    matches!(running::find(home), Ok(Recorded(_) | Unrecorded(_) | Remains(_)))
}

/// Returns the watchdog of a dead host, if that watchdog still runs.
fn watchdog_of_dead_host(home: &Home) -> Option<Proven> {
    holder::watchdog_of_dead_host(home)?.prove().ok()?
}

fn end_server(home: &Home, host_lock: &HostLock, notify: Notify<'_>) -> Result<Stopped, StopError> {
    let lock = home.temporal_lock();
    let (instance, grace, ports) = match running::find(home).map_err(StopError::unknown(home))? {
        Running::Nothing => {
            let _ = std::fs::remove_file(home.record());
            return Ok(Stopped::Nothing);
        }
        Running::Recorded(record) | Running::Unrecorded(record) => {
            let ports = ServerRecord::of(&record).ports();
            (record.instance(), grace(&record), ports)
        }
        Running::Remains(instance) => (instance, Policy::default().stop_grace, Vec::new()),
        Running::Stranger(who) => return Err(StopError::Unproven { path: lock, who }),
        Running::Elsewhere(record) => {
            return Err(StopError::Elsewhere { path: home.record(), pid: record.leader.pid });
        }
    };
    sign(host_lock, home, ("stopping the server", grace + KILLING), notify);
    let left =
        instance.end(&lock, &[(StopSignal::Terminate, grace)]).map_err(StopError::unknown(home))?;
    if let Some(survivor) = left.first() {
        return Err(StopError::Survivor(survivor.pid));
    }
    check_server_lock(home)?;
    let _ = std::fs::remove_file(home.record());
    for port in ports {
        if let Ok(Some(occupant)) = ports::occupant(port) {
            notify(&Notice::PortHeld(occupant));
        }
    }
    Ok(Stopped::Ours)
}

/// Returns the grace period of a stop (time from SIGTERM to SIGKILL) from the options of the
/// server.
fn grace(record: &Record) -> Duration {
    Options::recorded(&record.options)
        .and_then(|options| options.stop_grace)
        .map_or(Policy::default().stop_grace, |span| span.0)
}

/// Fails if a process still holds the lock of the server after the server was stopped. Such a
/// process does not belong to the server.
pub(super) fn check_server_lock(home: &Home) -> Result<(), StopError> {
    let path = home.temporal_lock();
    let who = match lock::holder(&path).map_err(StopError::unknown(home))? {
        LockHolder::Nobody => return Ok(()),
        LockHolder::Stranger(who) => who,
        LockHolder::Instance(instance) => memory::describe(instance.leader.pid),
    };
    Err(StopError::Unproven { path, who })
}
