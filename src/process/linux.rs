//! Reads the process table from procfs.
//!
//! The functions return `None` for a process that has ended. Any other failed read is an error,
//! because it does not show whether the process runs: without a free descriptor, for example, no
//! file can be read.

use super::Pid;
use super::requirements;
use super::table::Process;
use crate::harmless::quote;
use procfs::FromRead;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

/// Returns the entry of one process, or `None` if there is no such process.
///
/// # Errors
/// If the kernel does not report the process, or `/proc` belongs to another pid namespace.
pub fn stat(pid: Pid) -> io::Result<Option<Process>> {
    requirements::check()?;
    Ok(full_stat(pid)?.as_ref().map(process))
}

/// Converts an entry of procfs. The resulting start times are the same for readers in all time
/// namespaces.
pub(super) fn process(stat: &procfs::process::Stat) -> Process {
    Process {
        pid: stat.pid,
        ppid: stat.ppid,
        session: stat.session,
        state: stat.state,
        threads: stat.num_threads,
        start_ticks: machine_ticks(stat.starttime, clock_offset()),
        name: quote(&stat.comm),
    }
}

/// The open file `/proc/PID/stat` of one process. Reading it again takes one system call, and never
/// returns data of a later process with the same id.
#[derive(Debug)]
pub(super) struct Row(File);

impl Row {
    /// Opens the file, or returns `None` if there is no such process.
    pub(super) fn of(pid: Pid) -> io::Result<Option<Self>> {
        present(File::open(format!("/proc/{pid}/stat")).map(Self))
    }

    /// Reads the current values, or returns `None` after the end of the process.
    pub(super) fn read(&self) -> io::Result<Option<procfs::process::Stat>> {
        // One system call returns the whole line, which has about 300 bytes.
        let mut line = [0; 4096];
        let Some(length) = present(self.0.read_at(&mut line, 0))? else { return Ok(None) };
        match procfs::process::Stat::from_read(&line[..length]) {
            Ok(stat) => Ok(Some(stat)),
            Err(error) => Err(io::Error::other(error.to_string())),
        }
    }
}

/// Converts the result of a read: an error that means "the process has ended" becomes `None`.
fn present<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns all fields of `/proc/PID/stat`, or `None` if there is no such process.
pub(super) fn full_stat(pid: Pid) -> io::Result<Option<procfs::process::Stat>> {
    Row::of(pid)?.map_or(Ok(None), |row| row.read())
}

/// The working folder of a process. `None` if it is unknown, for example because the process belongs
/// to another user. Reads a link and does not follow it.
#[must_use]
pub fn folder(pid: Pid) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/{pid}/cwd")).ok()
}

/// All processes that are visible to this user.
///
/// # Errors
/// If the table cannot be read as a whole. Entries of ended or hidden processes are left out.
pub fn processes() -> io::Result<Vec<Process>> {
    requirements::check()?;
    let mut rows = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        match stat(pid) {
            Ok(row) => rows.extend(row),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            Err(error) => return Err(error),
        }
    }
    Ok(rows)
}

/// Whether this error of a file in `/proc` means that the process has ended.
pub(super) fn is_absence(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}

/// Time since the start of a process, from its [`Process::start_ticks`].
#[must_use]
pub fn age(start_ticks: u64) -> Option<Duration> {
    let started = Duration::from_millis(start_ticks * 1000 / procfs::ticks_per_second().max(1));
    Some(since_boot()?.saturating_sub(started))
}

/// Time since the boot of the machine, including the time in sleep. The value is the same in every
/// time namespace.
#[must_use]
pub fn since_boot() -> Option<Duration> {
    let here = nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME).ok()?;
    let offset = clock_offset();
    let nanos = i128::from(here.tv_sec()) * NANOS + i128::from(here.tv_nsec()) - offset;
    Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(0)))
}

/// Like [`since_boot`], in the clock ticks of [`Process::start_ticks`].
pub(super) fn ticks_since_boot() -> Option<u64> {
    let per_tick = NANOS / i128::from(procfs::ticks_per_second().max(1));
    u64::try_from(i128::try_from(since_boot()?.as_nanos()).ok()? / per_tick).ok()
}

const NANOS: i128 = 1_000_000_000;

/// Converts a start time in `/proc` to the time of the machine, without the offset of the time
/// namespace of this process. So every reader gets the same start time for a process.
fn machine_ticks(shown: u64, offset: i128) -> u64 {
    let per_tick = NANOS / i128::from(procfs::ticks_per_second().max(1));
    u64::try_from(i128::from(shown) - offset.div_euclid(per_tick)).unwrap_or(0)
}

/// Nanoseconds by which the boot clock of this time namespace is ahead of the clock of the machine.
fn clock_offset() -> i128 {
    static OFFSET: OnceLock<i128> = OnceLock::new();
    *OFFSET.get_or_init(|| {
        let link = |name| std::fs::read_link(format!("/proc/self/ns/{name}")).ok();
        // The file has the offsets for child processes. They also apply to this process only if its
        // children are in the same namespace.
        if link("time") != link("time_for_children") {
            return 0;
        }
        let text = std::fs::read_to_string("/proc/self/timens_offsets").unwrap_or_default();
        boot_offset(&text).unwrap_or(0)
    })
}

fn boot_offset(text: &str) -> Option<i128> {
    let mut words = text.lines().find(|line| line.starts_with("boottime"))?.split_whitespace();
    let mut number = || words.next_back()?.parse::<i128>().ok();
    let nanos = number()?;
    Some(number()? * NANOS + nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_times_are_the_same_in_every_time_namespace() {
        let ahead = boot_offset("monotonic  0  0\nboottime   86400  5\n").unwrap();
        assert_eq!(ahead, 86_400 * NANOS + 5);
        let behind = boot_offset("monotonic  0  0\nboottime   -60  0\n").unwrap();
        let hz = procfs::ticks_per_second();
        assert_eq!(machine_ticks(1000 + 86_400 * hz, ahead), 1000);
        assert_eq!(machine_ticks(1000, behind), 1000 + 60 * hz);
        assert_eq!(machine_ticks(1000, 0), 1000);
        assert_eq!(boot_offset(""), None);
    }

    #[test]
    fn ended_process_is_not_an_error() {
        assert!(stat(Pid::MAX).unwrap().is_none());
        assert!(stat(super::super::identity::own_pid()).unwrap().is_some());
    }
}
