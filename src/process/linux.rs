//! What the kernel says about processes, read from procfs.

use super::Pid;
use super::identity::Identity;
use super::sweep::{Process, Table};
use crate::harmless::quote;
use procfs::FromRead;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

/// The environment variable that marks every process of an instance. It is
/// inherited across `setsid`, closed descriptors and a dead parent, where
/// session, lock and descent all fail.
pub const MARKER: &str = "STIGMER_INSTANCE";

/// What `/proc/PID/stat` says; `None` when there is no such process, or what it
/// says cannot be read.
#[must_use]
pub fn stat(pid: Pid) -> Option<Process> {
    let file = std::fs::File::open(format!("/proc/{pid}/stat")).ok()?;
    let stat = procfs::process::Stat::from_read(file).ok()?;
    Some(Process {
        pid: stat.pid,
        ppid: stat.ppid,
        session: stat.session,
        state: stat.state,
        threads: stat.num_threads,
        start_ticks: stat.starttime,
        name: quote(&stat.comm),
    })
}

/// Read of a command line, in bytes.
const COMMAND: u64 = 4096;

/// All processes that can be read now.
#[must_use]
pub fn processes() -> Vec<Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(stat)
        .collect()
}

/// The running kernel's process table, with the proofs that only it can give.
#[derive(Debug)]
pub struct Procfs {
    processes: Vec<Process>,
    lock: Option<FileId>,
    marker: String,
}

impl Procfs {
    /// Reads the table. `lock` is the lock file whose holders count, `marker`
    /// the value of [`MARKER`]; an empty one matches nothing.
    #[must_use]
    pub fn read(lock: Option<&Path>, marker: &str) -> Self {
        Self { processes: processes(), lock: lock.and_then(FileId::of), marker: marker.to_owned() }
    }
}

impl Table for Procfs {
    fn processes(&self) -> &[Process] {
        &self.processes
    }

    fn holds_lock(&self, pid: Pid) -> bool {
        self.lock.is_some_and(|lock| holds_lock(pid, lock))
    }

    fn is_marked(&self, pid: Pid) -> bool {
        !self.marker.is_empty() && marker(pid).is_some_and(|found| found == self.marker)
    }
}

/// Device and inode of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// Of the file at this path now.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let meta = std::fs::metadata(path).ok()?;
        Some(Self { device: meta.dev(), inode: meta.ino() })
    }
}

/// Whether a descriptor of this process *holds* an exclusive flock on the file.
/// To have it open proves nothing: whoever asks if it is locked has it open too.
fn holds_lock(pid: Pid, lock: FileId) -> bool {
    let Ok(descriptors) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    descriptors.filter_map(Result::ok).any(|entry| {
        let is_lock_file = std::fs::metadata(entry.path())
            .is_ok_and(|meta| meta.dev() == lock.device && meta.ino() == lock.inode);
        is_lock_file
            && std::fs::read_to_string(format!(
                "/proc/{pid}/fdinfo/{}",
                entry.file_name().to_string_lossy()
            ))
            .is_ok_and(|info| has_exclusive_flock(&info))
    })
}

/// Whether this process holds an exclusive flock on the file at this path.
#[must_use]
pub fn is_holder(pid: Pid, path: &Path) -> bool {
    FileId::of(path).is_some_and(|lock| holds_lock(pid, lock))
}

/// Who holds an exclusive flock on this file, for messages.
#[must_use]
pub fn lock_holders(path: &Path) -> String {
    let holders: Vec<String> = FileId::of(path).map_or_else(Vec::new, |lock| {
        let pids = processes().into_iter().map(|process| process.pid);
        pids.filter(|pid| holds_lock(*pid, lock)).map(describe).collect()
    });
    if holders.is_empty() {
        "a process that cannot be seen from here (another user's, a container's, or one on another \
         machine)"
            .to_owned()
    } else {
        holders.join(", ")
    }
}

/// A process as people know it: its number and its command.
#[must_use]
pub fn describe(pid: Pid) -> String {
    format!("pid {pid} ({})", command_line(pid))
}

/// `lock: 1: FLOCK  ADVISORY  WRITE 4711 fe:01:1234 0 EOF`
fn has_exclusive_flock(fdinfo: &str) -> bool {
    fdinfo.lines().filter_map(|line| line.strip_prefix("lock:")).any(|lock| {
        let mut words = lock.split_whitespace().skip(1);
        words.next() == Some("FLOCK") && words.nth(1) == Some("WRITE")
    })
}

fn marker(pid: Pid) -> Option<String> {
    // Bounded: a process may put anything into its environment.
    let mut environment = Vec::new();
    std::fs::File::open(format!("/proc/{pid}/environ"))
        .ok()?
        .take(1 << 20)
        .read_to_end(&mut environment)
        .ok()?;
    let prefix = format!("{MARKER}=");
    environment
        .split(|byte| *byte == 0)
        .find_map(|variable| variable.strip_prefix(prefix.as_bytes()))
        .map(|value| String::from_utf8_lossy(value).into_owned())
}

/// The process with this marker that began a session, the oldest if there are
/// several: the one that was spawned with it.
#[must_use]
pub fn leader_of(wanted: &str) -> Option<Identity> {
    if wanted.is_empty() {
        return None;
    }
    processes()
        .into_iter()
        .filter(|process| process.session == process.pid)
        .filter(|process| marker(process.pid).as_deref() == Some(wanted))
        .min_by_key(|process| process.start_ticks)
        .and_then(|process| Identity::of(process.pid))
}

/// How long ago something started, by its clock ticks from boot.
#[must_use]
pub fn age(start_ticks: u64) -> Option<Duration> {
    let started = Duration::from_millis(start_ticks * 1000 / procfs::ticks_per_second().max(1));
    Some(since_boot()?.saturating_sub(started))
}

/// Since boot, sleep included: one clock for all processes of the machine.
#[must_use]
pub fn since_boot() -> Option<Duration> {
    let uptime = nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME).ok()?;
    Some(uptime.into())
}

/// The command line, for people: harmless and bounded, for any process says of itself what it
/// likes. What cannot be read is the bare name.
#[must_use]
pub fn command_line(pid: Pid) -> String {
    let mut words = Vec::new();
    if let Ok(file) = std::fs::File::open(format!("/proc/{pid}/cmdline")) {
        let _ = file.take(COMMAND).read_to_end(&mut words);
    }
    let line = quote(String::from_utf8_lossy(&words).replace('\0', " ").trim());
    if line.is_empty() { stat(pid).map(|process| process.name).unwrap_or_default() } else { line }
}

/// Whether a process has this very file open, whatever its path is now.
#[must_use]
pub fn has_open(pid: Pid, file: FileId) -> bool {
    std::fs::read_dir(format!("/proc/{pid}/fd")).is_ok_and(|entries| {
        entries.filter_map(Result::ok).any(|entry| FileId::of(&entry.path()) == Some(file))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_descriptor_that_holds_the_lock_counts() {
        let held = "pos:\t0\nflags:\t02\nlock:\t1: FLOCK  ADVISORY  WRITE 12 fe:00:7 0 EOF\n";
        assert!(has_exclusive_flock(held));
        assert!(!has_exclusive_flock("pos:\t0\nflags:\t02\n"));
        assert!(!has_exclusive_flock("lock:\t1: FLOCK  ADVISORY  READ 12 fe:00:7 0 EOF\n"));
        assert!(!has_exclusive_flock("lock:\t1: POSIX  ADVISORY  WRITE 12 fe:00:7 0 EOF\n"));

        let file = tempfile::NamedTempFile::new().unwrap();
        let id = FileId::of(file.path()).unwrap();
        let me = super::super::identity::own_pid();
        assert!(!holds_lock(me, id), "open, not locked");
        fs2::FileExt::try_lock_exclusive(file.as_file()).unwrap();
        assert!(holds_lock(me, id));
        fs2::FileExt::unlock(file.as_file()).unwrap();
        assert!(!holds_lock(me, id));
    }
}
