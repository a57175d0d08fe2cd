//! Reads the environment and the command line of other processes, from the memory of these
//! processes.
//!
//! The kernel blocks such a read while the other process is blocked, for example on a mount whose
//! server is gone. This may take hours. So [`each`] reads on a separate thread, and abandons the
//! read if the process does not respond. The data of such a process is then unknown. No other read
//! of the same process starts until the abandoned read returns.

use super::Pid;
use super::linux::is_absence;
use super::threads::{Lane, READS, Unfinished};
use crate::harmless::quote;
use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak, mpsc};
use std::time::Duration;

/// The environment variable that marks every process of one start of a server. A process may create
/// its own session, close all descriptors or lose its parent. The session, the lock and the parent
/// then do not prove that the process belongs to the server, but the process still has this marker.
pub const MARKER: &str = "STIGMER_INSTANCE";

/// The environment variable with the name of the worker of a project. All processes of the worker inherit it.
pub const WORKER: &str = "STIGMER_WORKER";

/// Time limit of a read, which normally takes microseconds. A process whose read takes longer is
/// blocked in the kernel.
#[cfg(not(test))]
const STUCK: Duration = Duration::from_secs(1);
/// The time limit is longer in tests, which run in parallel, possibly on a busy machine.
#[cfg(test)]
const STUCK: Duration = Duration::from_secs(4);

/// Maximum size in bytes of an environment or a command line that is read. Another process may
/// choose any size.
const MOST: u64 = 1 << 20;

/// Maximum size of a command line in messages, in bytes.
const SHOWN: usize = 4096;

/// The value of [`MARKER`] in the environment of a process. `None` if the process has no marker,
/// has ended, belongs to another user or does not respond.
///
/// # Errors
/// If the environment cannot be read for another reason.
pub fn marker(pid: Pid) -> io::Result<Option<String>> {
    one(pid, read_marker).unwrap_or(Ok(None))
}

/// The name of the worker of a project to which a process belongs, from its environment. `None` if the process has no
/// such name, or if its environment cannot be read.
#[must_use]
pub fn worker(pid: Pid) -> Option<String> {
    one(pid, |pid| read_variable(pid, WORKER)).and_then(Result::ok).flatten()
}

/// The variables with which a process was started, each followed by a zero byte. `None` if they cannot
/// be read, or are too large to be read as a whole.
pub(super) fn environment(pid: Pid) -> Option<Vec<u8>> {
    let environment = one(pid, |pid| read(pid, "environ")).and_then(Result::ok)?;
    (!environment.is_empty() && (environment.len() as u64) < MOST).then_some(environment)
}

/// The words of the command line of a process. Empty if the command line cannot be read.
#[must_use]
pub fn words(pid: Pid) -> Vec<Vec<u8>> {
    let line = one(pid, |pid| read(pid, "cmdline")).and_then(Result::ok).unwrap_or_default();
    let mut words: Vec<Vec<u8>> = line.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
    words.pop_if(|last| last.is_empty());
    words
}

/// The command line of a process for messages. Another process may choose any text, so control
/// characters are removed and the text is shortened. If the command line cannot be read, returns
/// the name of the process.
#[must_use]
pub fn command_line(pid: Pid) -> String {
    shown(pid, &words(pid))
}

/// As [`command_line`], but with the program without its folder: `python worker.py` for
/// `/home/me/orders/.venv/bin/python worker.py`.
#[must_use]
pub fn short_command_line(pid: Pid) -> String {
    let mut words = words(pid);
    if let Some(program) = words.first_mut() {
        *program = without_folder(program).to_vec();
    }
    shown(pid, &words)
}

fn without_folder(program: &[u8]) -> &[u8] {
    let name = program.rsplit(|byte| *byte == b'/').next();
    name.filter(|name| !name.is_empty()).unwrap_or(program)
}

fn shown(pid: Pid, words: &[Vec<u8>]) -> String {
    let mut line = words.join(&b' ');
    line.truncate(SHOWN);
    let line = quote(String::from_utf8_lossy(&line).trim());
    if !line.is_empty() {
        return line;
    }
    super::linux::stat(pid).ok().flatten().map(|process| process.name).unwrap_or_default()
}

/// A process for messages: its id and its command line.
#[must_use]
pub fn describe(pid: Pid) -> String {
    format!("pid {pid} ({})", command_line(pid))
}

/// The value of [`MARKER`] of each of these processes. A process without a readable marker is left
/// out.
pub(super) fn markers(pids: Vec<Pid>) -> io::Result<HashMap<Pid, String>> {
    let mut found = HashMap::new();
    for (pid, marker) in each(&READS, pids, read_marker) {
        match marker {
            Ok(marker) => found.extend(marker.map(|marker| (pid, marker))),
            Err(error) if super::requirements::is_shortage(&error) => return Err(error),
            Err(_) => {}
        }
    }
    Ok(found)
}

fn read_marker(pid: Pid) -> io::Result<Option<String>> {
    read_variable(pid, MARKER)
}

/// Reads a variable in the environment of a process.
fn read_variable(pid: Pid, name: &str) -> io::Result<Option<String>> {
    let environment = match read(pid, "environ") {
        Ok(environment) => environment,
        Err(error) if is_absence(&error) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(None),
        Err(error) => return Err(error),
    };
    let prefix = format!("{name}=");
    Ok(environment
        .split(|byte| *byte == 0)
        .find_map(|variable| variable.strip_prefix(prefix.as_bytes()))
        .map(|value| String::from_utf8_lossy(value).into_owned()))
}

fn read(pid: Pid, file: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(format!("/proc/{pid}/{file}"))?.take(MOST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn one<T: Send + 'static>(pid: Pid, read: fn(Pid) -> T) -> Option<T> {
    each(&READS, vec![pid], read).pop().map(|(_, value)| value)
}

/// Calls `read` for each process, on a thread of the lane (a set of threads). A process that does
/// not respond is left out of the result, and the log names the process once.
fn each<T: Send + 'static>(
    lane: &'static Lane,
    pids: Vec<Pid>,
    read: impl Fn(Pid) -> T + Clone + Send + 'static,
) -> Vec<(Pid, T)> {
    let mut found = Vec::with_capacity(pids.len());
    let mut rest = pids;
    rest.retain(|pid| !is_stuck(*pid));
    while !rest.is_empty() {
        let (send, values) = mpsc::channel();
        let under_way = Arc::new(());
        let job = {
            let (pids, read, under_way) = (rest.clone(), read.clone(), under_way.clone());
            move || {
                let _under_way = under_way;
                for pid in pids {
                    let value = read(pid);
                    // Sending fails if the caller has abandoned this read, because the read took
                    // too long.
                    if send.send((pid, value)).is_err() {
                        break;
                    }
                }
            }
        };
        let _job = match lane.submit(STUCK, job, drop) {
            Ok(job) => job,
            // The system creates no thread, although no read is blocked. So the calling thread
            // reads the memory.
            Err(Unfinished::NoThread { abandoned: 0, .. }) => {
                found.extend(rest.iter().map(|pid| (*pid, read(*pid))));
                break;
            }
            Err(error) => {
                tracing::warn!(%error, processes = rest.len(), "cannot read the memory of processes");
                break;
            }
        };
        let before = found.len();
        let mut next = values.recv_timeout(STUCK);
        while let Ok(value) = next {
            found.push(value);
            next = values.recv_timeout(STUCK);
        }
        rest.drain(..found.len() - before);
        if !rest.is_empty() {
            let pid = rest.remove(0);
            tracing::warn!(
                pid,
                "cannot read the memory of a process that is blocked in the kernel"
            );
            stuck().insert(pid, Arc::downgrade(&under_way));
        }
    }
    found
}

/// Processes whose memory cannot be read now, because an abandoned read is still blocked. Upgrading
/// the pointer fails after that read has returned.
fn stuck() -> MutexGuard<'static, HashMap<Pid, Weak<()>>> {
    static STUCK: LazyLock<Mutex<HashMap<Pid, Weak<()>>>> = LazyLock::new(Mutex::default);
    STUCK.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_stuck(pid: Pid) -> bool {
    let mut stuck = stuck();
    stuck.retain(|_, under_way| under_way.strong_count() > 0);
    stuck.contains_key(&pid)
}

#[cfg(test)]
mod tests {
    use super::super::identity::own_pid;
    use super::*;

    #[test]
    fn blocked_read_affects_only_its_process() {
        let (release, blocked) = mpsc::channel::<()>();
        let blocked = Arc::new(Mutex::new(blocked));
        let reads = Arc::new(Mutex::new(Vec::new()));
        // These ids belong to no process, so no other test reads them.
        let pids: Vec<Pid> = (0..5).map(|n| Pid::MAX - n).collect();
        let stuck = pids[2];
        let read = {
            let reads = reads.clone();
            move |pid: Pid| {
                reads.lock().unwrap().push(pid);
                if pid == stuck {
                    let _ = blocked.lock().unwrap().recv();
                }
                pid
            }
        };
        let others: Vec<(Pid, Pid)> =
            pids.iter().filter(|pid| **pid != stuck).map(|pid| (*pid, *pid)).collect();
        assert_eq!(each(&READS, pids.clone(), read.clone()), others);
        assert_eq!(each(&READS, pids.clone(), read.clone()), others);
        let asked = reads.lock().unwrap().iter().filter(|pid| **pid == stuck).count();
        assert_eq!(asked, 1, "no second read while the first one is blocked");
        drop(release);
        while is_stuck(stuck) {
            std::thread::yield_now();
        }
        assert_eq!(each(&READS, pids.clone(), read).len(), pids.len());
    }

    #[test]
    fn more_blocked_processes_than_threads_block_no_caller() {
        static LANE: Lane = Lane::new("few", 0, 1);
        let (release, blocked) = mpsc::channel::<()>();
        let blocked = Arc::new(Mutex::new(blocked));
        let pids: Vec<Pid> = (100..103).map(|n| Pid::MAX - n).collect();
        let free = pids[0];
        let read = move |pid: Pid| {
            if pid != free {
                let _ = blocked.lock().unwrap().recv();
            }
            pid
        };
        // If `each` read the second blocked process on this thread, the test would block.
        assert_eq!(each(&LANE, pids.clone(), read.clone()), [(free, free)]);
        drop(release);
        while pids.iter().any(|pid| is_stuck(*pid)) {
            std::thread::yield_now();
        }
        // After the end of a blocked read, its thread counts as blocked for a moment longer.
        while each(&LANE, pids.clone(), read.clone()).len() < pids.len() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn program_is_shown_without_its_folder() {
        let table: &[(&str, &str)] = &[
            ("/opt/my venv/bin/python", "python"),
            ("python", "python"),
            ("./worker", "worker"),
            ("/opt/", "/opt/"),
            ("", ""),
        ];
        for (program, name) in table {
            assert_eq!(without_folder(program.as_bytes()), name.as_bytes());
        }
    }

    #[test]
    fn command_line_is_split_into_words() {
        let own = words(own_pid());
        assert!(!own.is_empty() && own.iter().all(|word| !word.contains(&0)));
        assert!(!command_line(own_pid()).is_empty());
        let short = short_command_line(own_pid());
        assert!(command_line(own_pid()).ends_with(&short));
        assert!(short.split(' ').next().is_some_and(|program| !program.contains('/')), "{short}");
        assert!(words(Pid::MAX).is_empty());
        assert_eq!(marker(Pid::MAX).unwrap(), None);
    }
}
