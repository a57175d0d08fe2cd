//! Spawning Temporal: its own session, and nothing of ours but the locks.

use super::Pid;
use super::descriptors::restore_limit;
use super::identity::{Identity, Proven, Signal};
use super::lock::InstanceLock;
use super::memory::MARKER;
use super::sweep::Instance;
use super::watch::{Watched, wait_exit};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A process that was killed has ended by then.
const ENDING: Duration = Duration::from_secs(1);

/// What to spawn.
#[derive(Debug)]
pub struct Spawn<'a> {
    /// The program's file.
    pub program: &'a Path,
    /// Its arguments.
    pub arguments: &'a [OsString],
    /// Where it runs; a folder that cannot vanish under it.
    pub folder: &'a Path,
    /// Takes both of its streams; must be open for appending.
    pub output: &'a File,
    /// What its environment carries, and that of all it begins.
    pub marker: &'a str,
    /// The locks that it inherits. Closed here once it runs, never unlocked.
    pub locks: &'a [InstanceLock],
}

/// A process that was just spawned and that nobody watches yet. Dropped as such it is killed:
/// whoever wanted it has given up, and nobody would ever end it.
#[derive(Debug)]
pub struct Leader {
    /// Who it is, and how its instance is recognised.
    pub instance: Instance,
    /// `None` once it is watched.
    unwatched: Option<Proven>,
}

impl Leader {
    /// Watches it from now on. Needs a running runtime.
    ///
    /// # Errors
    /// When the reactor cannot take the descriptor. The process is killed then.
    pub fn watch(mut self) -> io::Result<(Instance, Watched)> {
        let proven = self.instance.leader.prove();
        let proven = proven?.ok_or_else(|| io::Error::other("the process has gone"))?;
        let watched = Watched::new(proven)?;
        self.unwatched = None;
        Ok((self.instance.clone(), watched))
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        let Some(proven) = self.unwatched.take() else { return };
        tracing::warn!(pid = proven.pid(), "spawned too late: ended again");
        if let Err(error) = proven.signal(Signal::Kill) {
            tracing::warn!(pid = proven.pid(), %error, "not killed");
        }
        if wait_exit(&proven, ENDING) {
            super::watch::reap(proven.pid());
        }
    }
}

/// Spawns it. The kernel's word for what failed comes back: a missing program,
/// no permission, no more processes.
///
/// # Errors
/// When it cannot be executed. No process is left then.
pub fn spawn(what: &Spawn<'_>) -> io::Result<Leader> {
    let locks: Vec<RawFd> = what.locks.iter().map(|lock| lock.as_fd().as_raw_fd()).collect();
    let mut command = Command::new(what.program);
    command
        .args(what.arguments)
        .current_dir(what.folder)
        .env(MARKER, what.marker)
        .stdin(Stdio::null())
        .stdout(what.output.try_clone()?)
        .stderr(what.output.try_clone()?);
    restore_limit(&mut command);
    let oom_score = raised_oom_score();
    // SAFETY: between fork and exec only async-signal-safe calls are made
    // (open, write, close, setsid, umask, close_range, fcntl); nothing allocates
    // or locks, and `locks` and `oom_score` were made before the fork.
    unsafe {
        command.pre_exec(move || {
            if let Some(score) = &oom_score {
                raise_oom_score(score);
            }
            detach(&locks)
        });
    }
    let child = command.spawn()?;
    let pid = Pid::try_from(child.id()).expect("the kernel's process numbers fit");
    // A child that was not reaped keeps its number, so this is the one we spawned.
    let identified = Identity::of(pid).and_then(|identity| {
        let gone = || io::Error::other("it is not in /proc");
        let identity = identity.ok_or_else(gone)?;
        let proven = identity.prove()?.ok_or_else(gone)?;
        Ok((identity, proven))
    });
    let (leader, proven) = match identified {
        Ok(identified) => identified,
        Err(error) => {
            let mut child = child;
            child.kill()?;
            child.wait()?;
            let why = format!("the spawned process cannot be identified: {error}");
            return Err(io::Error::new(error.kind(), why));
        }
    };
    let instance = Instance { leader, marker: what.marker.to_owned() };
    // `child` is dropped unwaited: the exit comes through the pidfd, the reaping after the sweep.
    Ok(Leader { instance, unwatched: Some(proven) })
}

/// Added to the score by which the kernel chooses a process to end for want of
/// memory: a tenth of all memory counts 100. Of a server and its host, the server
/// goes first: a host starts a new server.
const OOM_SCORE_RAISE: i32 = 200;
const OOM_SCORE_MAX: i32 = 1000;

/// The score that a child of this process gets, as text for the kernel. `None`
/// where it cannot be read or is the highest already.
fn raised_oom_score() -> Option<String> {
    let own: i32 = std::fs::read_to_string("/proc/self/oom_score_adj").ok()?.trim().parse().ok()?;
    let raised = own.saturating_add(OOM_SCORE_RAISE).min(OOM_SCORE_MAX);
    (raised > own).then(|| raised.to_string())
}

/// In the child. Async-signal-safe. A score that cannot be raised stays as it is.
fn raise_oom_score(score: &str) {
    let path = c"/proc/self/oom_score_adj";
    // SAFETY: system calls with a path and a buffer that outlive them, and a descriptor
    // that is used only if it was opened.
    unsafe {
        let file = libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        if file >= 0 {
            libc::write(file, score.as_ptr().cast(), score.len());
            libc::close(file);
        }
    }
}

/// In the child: a session of its own, private files, no descriptors but the
/// three streams and `keep`.
fn detach(keep: &[RawFd]) -> io::Result<()> {
    nix::unistd::setsid()?;
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    reset_signals();
    inherit_only(keep)
}

/// Gives every signal its default disposition and blocks none: ignored and blocked signals
/// survive an exec, and a server that ignores SIGTERM could not be stopped. Async-signal-safe:
/// made for use between fork and exec.
pub fn reset_signals() {
    // A number without a signal, or one that nobody may change, is refused without effect.
    for number in 1..=libc::SIGRTMAX() {
        // SAFETY: the default disposition runs no code of ours.
        unsafe { libc::signal(number, libc::SIG_DFL) };
    }
    unblock_signals();
}

/// Lets every signal through to this thread and to those it creates. Async-signal-safe.
pub fn unblock_signals() {
    // SAFETY: the set lives on our stack and is initialised before it is used.
    unsafe {
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

/// Marks every descriptor above the three streams close-on-exec, but these.
/// Async-signal-safe: made for use between fork and exec.
///
/// # Errors
/// When the kernel refuses, which it does only for a bad descriptor.
pub fn inherit_only(keep: &[RawFd]) -> io::Result<()> {
    // SAFETY: a system call on plain numbers; it touches no memory.
    let done =
        unsafe { libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if done != 0 {
        // Before Linux 5.11: std opens everything close-on-exec, only what we
        // ourselves inherited slips through.
        mark_one_by_one();
    }
    for fd in keep {
        // SAFETY: `fcntl` on a descriptor that the caller keeps open.
        if unsafe { libc::fcntl(*fd, libc::F_SETFD, 0) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Closes every descriptor above the three streams but this one. For a process
/// that was forked and keeps nothing of its parent's.
pub(crate) fn close_all_but(keep: RawFd) {
    let keep = keep.unsigned_abs();
    for (first, last) in [(3, keep.saturating_sub(1)), (keep.max(2) + 1, u32::MAX)] {
        if first <= last {
            // SAFETY: a system call on plain numbers. The caller uses no descriptor but `keep`
            // from here on. Before Linux 5.9 it does nothing.
            unsafe { libc::syscall(libc::SYS_close_range, first, last, 0u32) };
        }
    }
}

/// The command that runs this program again: from the file that this process runs
/// from, even if a build has replaced it meanwhile. Options given by environment
/// are in the options of the command already, and must not be given twice.
#[must_use]
pub fn this_program() -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("stigmer");
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let ours = text.starts_with("STIGMER_")
            && !matches!(&*text, "STIGMER_LOG_LEVEL" | "STIGMER_ALLOW_NETWORK_HOME");
        if ours {
            command.env_remove(&name);
        }
    }
    restore_limit(&mut command);
    command
}

fn mark_one_by_one() {
    for fd in 3..1024 {
        // SAFETY: on a number that is no descriptor this fails and does nothing.
        unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
}

/// Makes this process the one that inherits orphans of its descendants, so that
/// they stay findable. Where the kernel refuses, they become init's.
pub fn become_subreaper() {
    if let Err(error) = nix::sys::prctl::set_child_subreaper(true) {
        tracing::warn!(%error, "not a child subreaper: orphans of Temporal go to init");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal as Nix};
    use nix::sys::signal::{sigaction, sigprocmask};

    #[test]
    fn what_is_spawned_and_not_watched_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let output = File::create(folder.path().join("output")).unwrap();
        let leader = spawn(&Spawn {
            program: Path::new("/bin/sleep"),
            arguments: &["600".into()],
            folder: folder.path(),
            output: &output,
            marker: "late",
            locks: &[],
        })
        .unwrap();
        let identity = leader.instance.leader.clone();
        assert!(identity.is_alive().unwrap());
        drop(leader);
        assert!(Identity::of(identity.pid).unwrap().is_none(), "ended and reaped");
    }

    #[test]
    fn what_is_spawned_ignores_and_blocks_no_signal_that_we_do() {
        // Two that nothing else in this process cares for.
        let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
        // SAFETY: to ignore runs no code of ours.
        unsafe { sigaction(Nix::SIGUSR2, &ignore).unwrap() };
        let mut blocked = SigSet::empty();
        blocked.add(Nix::SIGUSR1);
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&blocked), None).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("output");
        let leader = spawn(&Spawn {
            program: Path::new("/bin/cat"),
            arguments: &["/proc/self/status".into()],
            folder: folder.path(),
            output: &File::options().create(true).append(true).open(&path).unwrap(),
            marker: "signals",
            locks: &[],
        })
        .unwrap();
        assert!(wait_exit(leader.unwatched.as_ref().unwrap(), Duration::from_secs(30)));
        let status = std::fs::read_to_string(&path).unwrap();
        for set in ["SigBlk", "SigIgn"] {
            let line = status.lines().find_map(|line| line.strip_prefix(set)).unwrap();
            let set_of = u64::from_str_radix(line.trim_start_matches(":\t"), 16).unwrap();
            // From 32 on they are the C library's own and real-time ones.
            assert_eq!(set_of & 0x7fff_ffff, 0, "{set}");
        }
    }
}
