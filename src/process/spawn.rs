//! Spawns a process in its own session. The process inherits no descriptors except the standard
//! streams and the locks.

use super::Pid;
use super::claims::{self, Claim};
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

/// Time limit for the end of a process after SIGKILL.
const ENDING: Duration = Duration::from_secs(1);

/// The parameters of a spawn.
#[derive(Debug)]
pub struct Spawn<'a> {
    /// Path of the program.
    pub program: &'a Path,
    /// Arguments of the program.
    pub arguments: &'a [OsString],
    /// All variables of the environment of the process, without the marker.
    pub environment: &'a [(OsString, OsString)],
    /// Working folder of the process. It must not be deleted while the process runs.
    pub folder: &'a Path,
    /// File for stdout and stderr of the process, open for appending.
    pub output: &'a File,
    /// Value of the marker, an environment variable by which the process and its descendants are
    /// recognized.
    pub marker: &'a str,
    /// The locks that the process inherits. After the spawn, the caller closes its own descriptors
    /// of these locks, and never unlocks the locks.
    pub locks: &'a [InstanceLock],
}

/// A spawned process that is not watched yet. If this value is dropped before [`Leader::watch`],
/// the process is killed, because no code would ever end it.
#[derive(Debug)]
pub struct Leader {
    /// The identity of the process and its marker.
    pub instance: Instance,
    /// The proof of the identity. `None` after the process is watched.
    unwatched: Option<Proven>,
    _claim: Claim,
}

impl Leader {
    /// Watches the process. Needs a running tokio runtime.
    ///
    /// # Errors
    /// If the process has ended, if its identity cannot be verified, or if its descriptor cannot be
    /// registered with the reactor of tokio. The process is then killed.
    pub fn watch(mut self) -> io::Result<(Instance, Watched)> {
        let proven = self.instance.leader.prove();
        let proven = proven?.ok_or_else(|| io::Error::other("the process has ended"))?;
        let watched = Watched::new(proven)?;
        self.unwatched = None;
        Ok((self.instance.clone(), watched))
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        let Some(proven) = self.unwatched.take() else { return };
        tracing::warn!(pid = proven.pid(), "the process was started too late: killing the process");
        if let Err(error) = proven.signal(Signal::Kill) {
            tracing::warn!(pid = proven.pid(), %error, "cannot kill the process that was started too late");
        }
        if wait_exit(&proven, ENDING) {
            super::watch::reap(proven.pid());
        }
    }
}

/// Spawns the process.
///
/// # Errors
/// The error of the operating system if the program cannot be executed: it is missing, a permission
/// is missing, or no process is free. No process is left then.
pub fn spawn(what: &Spawn<'_>) -> io::Result<Leader> {
    let locks: Vec<RawFd> = what.locks.iter().map(|lock| lock.as_fd().as_raw_fd()).collect();
    let mut command = Command::new(what.program);
    command
        .args(what.arguments)
        .current_dir(what.folder)
        .env_clear()
        .envs(what.environment.iter().map(|(name, value)| (name, value)))
        .env(MARKER, what.marker)
        .stdin(Stdio::null())
        .stdout(what.output.try_clone()?)
        .stderr(what.output.try_clone()?);
    restore_limit(&mut command);
    let oom_score = raised_oom_score();
    // SAFETY: between fork and exec only async-signal-safe calls are made (open, write, close,
    // setsid, umask, close_range, fcntl). These calls do not allocate or lock; `locks` and
    // `oom_score` were created before the fork.
    unsafe {
        command.pre_exec(move || {
            if let Some(score) = &oom_score {
                raise_oom_score(score);
            }
            detach(&locks)
        });
    }
    let (child, claim) = claims::spawn(&mut command)?;
    let pid = Pid::try_from(child.id()).expect("the kernel's process numbers fit");
    // The id of a child is not reused before the child is reaped, so this is the identity of the
    // spawned process.
    let identified = Identity::of(pid).and_then(|identity| {
        let gone = || io::Error::other("it is not in /proc");
        let identity = identity.ok_or_else(gone)?;
        let proven = identity.prove()?.ok_or_else(gone)?;
        what.locks.iter().try_for_each(|lock| lock.inherited_by(&identity))?;
        Ok((identity, proven))
    });
    let (leader, proven) = match identified {
        Ok(identified) => identified,
        Err(error) => {
            let mut child = child;
            child.kill()?;
            child.wait()?;
            let why = format!("cannot identify the process that was just started: {error}");
            return Err(io::Error::new(error.kind(), why));
        }
    };
    let instance = Instance { leader, marker: what.marker.to_owned() };
    // `child` is dropped without a wait: its pidfd reports the exit, and `Watched::reap` reaps the
    // process.
    Ok(Leader { instance, unwatched: Some(proven), _claim: claim })
}

/// Increase of the OOM score of a server. When memory runs out, the kernel kills the process with
/// the highest score. 100 means a tenth of all memory. With the increase, the kernel kills the
/// server before its host, because a host can start a new server.
const OOM_SCORE_RAISE: i32 = 200;
const OOM_SCORE_MAX: i32 = 1000;

/// The increased OOM score for a child of this process, as text for the kernel. `None` if the score
/// of this process cannot be read or is already the highest.
fn raised_oom_score() -> Option<String> {
    let own: i32 = std::fs::read_to_string("/proc/self/oom_score_adj").ok()?.trim().parse().ok()?;
    let raised = own.saturating_add(OOM_SCORE_RAISE).min(OOM_SCORE_MAX);
    (raised > own).then(|| raised.to_string())
}

/// Sets the OOM score of the child, in the child. Async-signal-safe. After an error, the score
/// stays unchanged.
fn raise_oom_score(score: &str) {
    let path = c"/proc/self/oom_score_adj";
    // SAFETY: system calls with a path and a buffer that outlive them, and a descriptor that is
    // used only if it was opened.
    unsafe {
        let file = libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        if file >= 0 {
            libc::write(file, score.as_ptr().cast(), score.len());
            libc::close(file);
        }
    }
}

/// Runs in the child between fork and exec: creates its own session, makes new files private,
/// resets signals, and closes all descriptors at the exec, except the three streams and `keep`.
fn detach(keep: &[RawFd]) -> io::Result<()> {
    nix::unistd::setsid()?;
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    reset_signals();
    inherit_only(keep)
}

/// Restores the default disposition of every signal and unblocks all signals. Ignored and blocked
/// signals survive an exec. Without this call, a server could ignore SIGTERM, so that it could not
/// be stopped. Async-signal-safe, for use between fork and exec.
pub fn reset_signals() {
    // The call fails without effect for a number that is not a signal, or for a signal whose
    // disposition is fixed.
    for number in 1..=libc::SIGRTMAX() {
        // SAFETY: the default disposition runs no code of this program.
        unsafe { libc::signal(number, libc::SIG_DFL) };
    }
    unblock_signals();
}

/// Unblocks all signals for this thread and the threads that it creates later. Async-signal-safe.
pub fn unblock_signals() {
    // SAFETY: the set is on the stack of this function and is initialized before it is used.
    unsafe {
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

/// Marks every descriptor above the three streams close-on-exec, except those in `keep`.
/// Async-signal-safe, for use between fork and exec.
///
/// # Errors
/// If the kernel refuses, which happens only for an invalid descriptor.
pub fn inherit_only(keep: &[RawFd]) -> io::Result<()> {
    // SAFETY: a system call on plain numbers that accesses no memory.
    let done =
        unsafe { libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if done != 0 {
        // The call fails before Linux 5.11. Then the descriptors below 1024 are marked one by one.
        // std opens every file close-on-exec. So the only missed descriptors are higher ones that
        // this process has inherited.
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

/// Closes every descriptor above the three streams, except those of `keep`. For a forked process that
/// needs no other descriptor of its parent.
pub(crate) fn close_all_but(keep: &[RawFd]) {
    let mut kept: Vec<u32> = keep.iter().map(|fd| fd.unsigned_abs()).collect();
    kept.sort_unstable();
    let mut first = 3;
    for fd in kept.into_iter().filter(|fd| *fd >= 3) {
        if first < fd {
            // Before Linux 5.9 the call fails without effect.
            let _ = close_range(first, fd - 1, 0);
        }
        first = fd + 1;
    }
    let _ = close_range(first, u32::MAX, 0);
}

/// Gives the calling thread a table of descriptors of its own, in which only `keep` is open. The other
/// threads keep their table. The thread must use no other descriptor from here on.
///
/// # Errors
/// Before Linux 5.9. The thread then still has the table of the process, unchanged.
pub(crate) fn isolate_descriptors(keep: RawFd) -> io::Result<()> {
    let keep = keep.unsigned_abs();
    close_range(keep + 1, u32::MAX, libc::CLOSE_RANGE_UNSHARE)?;
    match keep {
        0 => Ok(()),
        _ => close_range(0, keep - 1, 0),
    }
}

fn close_range(first: u32, last: u32, flags: u32) -> io::Result<()> {
    // SAFETY: a system call on plain numbers. The callers are the only users of the table, and use no
    // descriptor of the range from here on.
    match unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The command that runs this program again. The command executes the file from which this process
/// was started, even if a build has replaced that file. Environment variables with options of
/// stigmer are removed, because the options that the new process gets already contain their values.
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
        // SAFETY: if no descriptor has this number, the call fails without effect.
        unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
}

/// Makes this process the parent of all orphans among its descendants, so that it can find them. If
/// the kernel refuses, init inherits the orphans.
pub fn become_subreaper() {
    if let Err(error) = nix::sys::prctl::set_child_subreaper(true) {
        tracing::warn!(%error, "cannot become a child subreaper: init inherits orphans of the server");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal as Nix};
    use nix::sys::signal::{sigaction, sigprocmask};

    #[test]
    fn unwatched_process_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let output = File::create(folder.path().join("output")).unwrap();
        let leader = spawn(&Spawn {
            program: Path::new("/bin/sleep"),
            arguments: &["600".into()],
            environment: &[],
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
    fn spawned_process_inherits_no_ignored_or_blocked_signals() {
        // The test uses two signals that no other code of this process uses.
        let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
        // SAFETY: an ignored signal runs no code of this program.
        unsafe { sigaction(Nix::SIGUSR2, &ignore).unwrap() };
        let mut blocked = SigSet::empty();
        blocked.add(Nix::SIGUSR1);
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&blocked), None).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("output");
        let leader = spawn(&Spawn {
            program: Path::new("/bin/cat"),
            arguments: &["/proc/self/status".into()],
            environment: &[],
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
            // Only signals below 32 are compared. The others belong to the C library and to
            // real-time signals.
            assert_eq!(set_of & 0x7fff_ffff, 0, "{set}");
        }
    }
}
