//! `stigmer local stop`: whoever hosts it, or nobody.

use super::loss::{self, Ending};
use super::output::{self, line, note};
use super::{CliError, Context, block_on};
use crate::config::Options;
use crate::control::client::{self, ClientError};
use crate::hosting::{self, Patience};
use crate::manager::Intent;
use crate::paths::Home;
use crate::process::identity::{Identity, Proven, Signal};
use crate::process::lock::{self, Holder, HostLock};
use crate::process::record::Record;
use crate::process::{memory, ports, watch};
use crate::protocol::{Mode, Status};
use crate::server::running::{self, Running};
use crate::supervisor::{Policy, Want};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// A host ends within milliseconds of its Temporal.
const LEAVING: Duration = Duration::from_secs(5);
/// So long a host has for SIGTERM. A server takes 1.1 s to stop.
const OBEYING: Duration = Duration::from_secs(2);
/// To find the server of a home takes milliseconds, and seconds where something hangs.
const LOOKING: Duration = Duration::from_secs(15);

/// After the grace period: the time to kill what is left, and to see that nothing is.
const KILLING: Duration = Duration::from_secs(10);

pub(super) fn run(context: &Context, yes: bool) -> Result<i32, CliError> {
    context.warn_of_broken_config();
    loss::confirm(context, Ending::Stop, yes)?;
    let stopped = stop(&context.home)?;
    line(match stopped {
        Stopped::Ours => "Temporal is stopped",
        Stopped::LeftAlone => {
            "Temporal was started elsewhere and is left alone; the host that watched it has ended"
        }
        Stopped::Watched => {
            "Temporal was started elsewhere and is left alone; a dashboard still watches it"
        }
        Stopped::Nothing => "Temporal is not running",
    });
    Ok(0)
}

/// What there was to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    Ours,
    LeftAlone,
    /// Left alone, and its host is a dashboard, which stays.
    Watched,
    Nothing,
}

/// Returns when nothing of this home runs any more.
pub(super) fn stop(home: &Home) -> Result<Stopped, CliError> {
    if !home.root().is_dir() {
        return Ok(Stopped::Nothing);
    }
    // While it went on, one host may have made place for another.
    let mut met = Stopped::Nothing;
    loop {
        let host = hosting::prove(home);
        let answer = match block_on(client::status(home))? {
            Ok(before) => {
                met = match &before.temporal {
                    Some(_) if !before.managed && ends_with_server(&before) => Stopped::LeftAlone,
                    Some(_) if !before.managed => Stopped::Watched,
                    Some(_) => Stopped::Ours,
                    None if before.intent == Want::Up => Stopped::Ours,
                    None => met,
                };
                shut_down(home, &before)?.map(drop)
            }
            Err(error) => Err(error),
        };
        match answer {
            Ok(()) if !lock::is_held(&home.temporal_lock()).unwrap_or(true) => return Ok(met),
            // The lock is held, though the host has proven nobody who holds it. A dashboard goes
            // on hosting; where no host is left, what holds it is looked for below.
            Ok(()) => {
                if let Ok(now) = block_on(client::status(home))? {
                    return if now.intent == Want::Up { Ok(met) } else { still_held(home, met) };
                }
            }
            Err(ClientError::Refused(error)) if error.code != "gone" => {
                return Err(CliError::Other(error.to_string()));
            }
            Err(ClientError::NoHost | ClientError::Refused(_)) => {}
            Err(error @ ClientError::Unreachable { .. }) => {
                return Err(CliError::Other(error.to_string()));
            }
            Err(ClientError::Unresponsive | ClientError::Garbled(_) | ClientError::Foreign(_)) => {
                if is_running(home) {
                    met = Stopped::Ours;
                }
                kill_host(home, host)?;
            }
        }
        match stop_orphan(home)? {
            Some(Stopped::Nothing) => return Ok(met),
            Some(stopped) => return Ok(stopped),
            None => {}
        }
    }
}

/// As long as it was started with.
fn grace(record: &Record) -> Duration {
    serde_json::from_str::<Options>(&record.options)
        .ok()
        .and_then(|options| options.stop_grace)
        .map_or(Policy::default().stop_grace, |span| span.0)
}

/// The lock is held, and its holder is not proven ours: nobody is signalled.
fn unproven(lock: &Path, who: &str) -> CliError {
    CliError::Other(format!(
        "cannot stop the process that holds {}: {who}. It is not proven to be a server of this \
         home, so nothing was signalled; stop that process yourself, or choose another home with \
         --home",
        lock.display()
    ))
}

/// Fails if a process holds the lock that is not proven to be of the stopped instance.
fn still_held(home: &Home, stopped: Stopped) -> Result<Stopped, CliError> {
    let lock = home.temporal_lock();
    match lock::holder(&lock).map_err(|error| unknown(home, &error))? {
        Holder::Nobody => Ok(stopped),
        Holder::Stranger(who) => Err(unproven(&lock, &who)),
        Holder::Instance(instance) => Err(unproven(&lock, &memory::describe(instance.leader.pid))),
    }
}

fn unknown(home: &Home, error: &io::Error) -> CliError {
    CliError::Other(format!(
        "cannot find the server of {home}: {error}; nothing was deleted. Make the home readable and \
         try again"
    ))
}

fn ends_with_server(status: &Status) -> bool {
    status.host.as_ref().is_some_and(|host| match host.mode {
        Mode::Background | Mode::Headless => true,
        Mode::Tui | Mode::Other => false,
    })
}

/// A background host ends after its Temporal: the next start should not meet it,
/// and whoever removes the home should find nobody writing there.
fn shut_down(home: &Home, before: &Status) -> Result<Result<Status, ClientError>, CliError> {
    let ends = ends_with_server(before);
    // Pinned before it goes, by the number in its answer: the lock has no text where the host could
    // not write it. One in another pid namespace cannot be pinned; its lock tells.
    let pid = before.host.as_ref().map(|host| host.pid).filter(|_| ends);
    let host = pid
        .and_then(|pid| Identity::of(pid).ok().flatten())
        .and_then(|claimant| hosting::prove_holder(home, &claimant).ok().flatten());
    let answer = block_on(client::command(home, "shutdown", None))?;
    // A host that refuses goes on hosting, and one that does not answer is ended by the caller.
    if !ends || !matches!(answer, Ok(_) | Err(ClientError::NoHost)) {
        return Ok(answer);
    }
    match host {
        // Its lock is free then, or the next host's.
        Some(host) => _ = watch::wait_exit(&host, LEAVING),
        None => {
            let deadline = Instant::now() + LEAVING;
            while hosting::is_hosted(home) && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }
    Ok(answer)
}

/// Ends a host that holds its lock and does not respond: stopped, deadlocked, or worse. `host` was
/// the host of this home before it was asked. A host that has taken its place since was not asked:
/// it is left alone, and the caller asks it.
pub(super) fn kill_host(home: &Home, host: io::Result<Option<Proven>>) -> Result<(), CliError> {
    let cannot = |error| CliError::Other(format!("cannot end the host: {error}"));
    super::start::provable(home)?;
    let Some(host) = host.map_err(cannot)? else { return Ok(()) };
    // A command that works holds the lock where the host has ended meanwhile.
    if !hosting::is_held_by(home, &host).map_err(cannot)? || hosting::work(home).is_some() {
        return Ok(());
    }
    want_down(home);
    note(&format!("the host (pid {}) does not answer: ending it", host.pid()));
    // A host that is only out of reach leaves by SIGTERM, and its watchdog starts none after it.
    for (signal, patience) in [(Signal::Term, OBEYING), (Signal::Kill, LEAVING)] {
        host.signal(signal).map_err(cannot)?;
        if watch::wait_exit(&host, patience) {
            break;
        }
    }
    Ok(())
}

/// Holding the host's lock keeps every starter out. A host comes and goes within
/// milliseconds; one that holds the lock for long and has no socket is no use to
/// anybody. A command that works is waited for. `None`: the host answers.
fn take_host_lock(home: &Home) -> Result<Option<HostLock>, CliError> {
    let path = home.supervisor_lock();
    let mut patience = Patience::new(LEAVING);
    let mut killed = false;
    let (mut named, mut pinned) = (None, Ok(None));
    loop {
        let holder = hosting::holder(home);
        if holder != named {
            // Each holder has its own time.
            patience.renew();
            pinned = holder.as_ref().map_or(Ok(None), |it| hosting::prove_holder(home, it));
            named = holder;
        }
        let taken = HostLock::take(&path)
            .map_err(|error| CliError::Other(format!("cannot lock {}: {error}", path.display())))?;
        match taken {
            Some(lock) => return Ok(Some(lock)),
            None if block_on(client::status(home))?.is_ok() => return Ok(None),
            None if !patience.is_over(home, output::waiting) => {
                std::thread::sleep(Duration::from_millis(5));
            }
            None if killed => return Err(super::start::unresponsive(home)),
            None => {
                kill_host(home, std::mem::replace(&mut pinned, Ok(None)))?;
                killed = true;
                patience.renew();
            }
        }
    }
}

/// Lets others know who holds the lock, and what they wait for.
fn sign(lock: &HostLock, home: &Home, work: Option<(&str, Duration)>) {
    // They wait for less, and cannot end this process.
    if let Err(error) = hosting::sign(lock, home, work) {
        note(&format!("warning: cannot write {}: {error}", home.supervisor_lock().display()));
    }
}

/// Ends a Temporal that no host owns. `None`: a host does.
pub(super) fn stop_orphan(home: &Home) -> Result<Option<Stopped>, CliError> {
    let is_held = |lock: &Path| lock::is_held(lock).unwrap_or(true);
    want_down(home);
    let watchdog = watchdog_of_the_dead(home);
    let nothing = !home.record().try_exists().unwrap_or(true)
        && home.socket().symlink_metadata().is_err()
        && !is_held(&home.temporal_lock())
        && !is_held(&home.supervisor_lock());
    let stopped = if nothing {
        Stopped::Nothing
    } else {
        let ran = is_running(home);
        let Some(lock) = take_host_lock(home)? else { return Ok(None) };
        sign(&lock, home, Some(("looking for the server", LOOKING)));
        // A host that was killed has left its socket.
        let _ = std::fs::remove_file(home.socket());
        match end_orphan(home, &lock)? {
            // Its host has ended it, when that was asked to end.
            Stopped::Nothing if ran => Stopped::Ours,
            stopped => stopped,
        }
    };
    // It begins a host, which finds that nothing is to run.
    if let Some(watchdog) = watchdog {
        let _ = watch::wait_exit(&watchdog, LEAVING);
    }
    Ok(Some(stopped))
}

/// Whether a process of a server of this home lives, as far as that can be seen.
fn is_running(home: &Home) -> bool {
    use Running::{Recorded, Remains, Unrecorded};
    matches!(running::find(home), Ok(Recorded(_) | Unrecorded(_) | Remains(_)))
}

/// A host that is killed is replaced, unless its watchdog reads this.
fn want_down(home: &Home) {
    if matches!(Intent::read(home), Ok(None | Some(Intent { want: Want::Down, .. }))) {
        return;
    }
    if let Err(error) = Intent::write_down(home) {
        let path = home.intent();
        note(&format!("warning: cannot write {}: {error}", path.display()));
    }
}

/// The watchdog of a host that is dead, while it lives.
fn watchdog_of_the_dead(home: &Home) -> Option<Proven> {
    hosting::companion_of_the_dead(home)?.prove().ok()?
}

fn end_orphan(home: &Home, host_lock: &HostLock) -> Result<Stopped, CliError> {
    let lock = home.temporal_lock();
    let (instance, grace, ports) =
        match running::find(home).map_err(|error| unknown(home, &error))? {
            Running::Nothing => {
                let _ = std::fs::remove_file(home.record());
                return Ok(Stopped::Nothing);
            }
            Running::Recorded(record) | Running::Unrecorded(record) => {
                let ports = [Some(record.port), record.ui_port];
                (record.instance(), grace(&record), ports)
            }
            Running::Remains(instance) => (instance, Policy::default().stop_grace, [None, None]),
            Running::Stranger(who) => return Err(unproven(&lock, &who)),
            Running::Elsewhere(record) => {
                return Err(CliError::Other(format!(
                    "{} was recorded in another container or pid namespace (pid {}), where it may \
                 still run; nothing was signalled. Stop it there, or choose another home with \
                 --home",
                    home.record().display(),
                    record.leader.pid
                )));
            }
        };
    sign(host_lock, home, Some(("stopping the server", grace + KILLING)));
    let left = instance.end(&lock, grace).map_err(|error| unknown(home, &error))?;
    if let Some(survivor) = left.first() {
        return Err(CliError::Other(format!(
            "pid {} does not end, not even by SIGKILL; see `ps -o pid,stat,wchan {}`",
            survivor.pid, survivor.pid
        )));
    }
    still_held(home, Stopped::Ours)?;
    let _ = std::fs::remove_file(home.record());
    for port in ports.into_iter().flatten() {
        if let Ok(Some(occupant)) = ports::occupant(port) {
            note(&format!(
                "note: port {port} is held by {occupant}, which is not proven ours and was left \
                 alone"
            ));
        }
    }
    Ok(Stopped::Ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn socket_of_killed_host_is_deleted_where_no_server_ran() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("home")).unwrap();
        home.prepare(true).unwrap();
        drop(std::os::unix::net::UnixListener::bind(home.socket()).unwrap());
        assert!(home.socket().exists(), "a listener that ends leaves its socket");
        assert_eq!(stop(&home).unwrap(), Stopped::Nothing);
        assert!(!home.socket().exists());
    }
}
