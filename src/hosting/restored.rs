//! Waits for a host whose home was deleted or renamed, until the host has created the home again.
//! Used by commands.

use super::deadlines::{RESTORED, RESTORED_PAUSE};
use crate::paths::Home;
use crate::process::table::Process;
use crate::process::{Pid, linux, lock, memory, open_files, sweep};
use crate::watchdog::SUBCOMMAND;
use std::os::unix::ffi::OsStrExt;
use std::time::Instant;

/// The name of a background host in process lists.
const NAME: &str = "stigmer";

/// Waits until the host of a deleted or renamed home has created the home again. Returns at once if
/// a process holds the host lock, if the lock file has a text, or if no host of a deleted home is
/// found.
pub fn wait_restored(home: &Home) {
    let lock = home.supervisor_lock();
    // A host creates the lock file, locks it, and then writes its identity into the file. On a full
    // disk the file stays empty, so a lock on an empty file also counts.
    let is_there = || {
        let is_unsigned = matches!(lock::try_read(&lock), Ok(text) if text.is_empty());
        !is_unsigned || lock::is_held(&lock).unwrap_or(true)
    };
    if is_there() {
        return;
    }
    let background = || linux::processes().ok()?.into_iter().find(|it| is_background(it, home));
    // The function `host_of_deleted` reads the descriptors of all processes, so call it only if a
    // process of a server of this home runs.
    let deleted = || sweep::works_in(home.root()).then(|| host_of_deleted(home)).flatten();
    let Some(host) = background().map(|host| host.pid).or_else(deleted) else { return };
    let is_alive = || matches!(linux::stat(host), Ok(Some(process)) if !process.is_zombie());
    let deadline = Instant::now() + RESTORED;
    while !is_there() && is_alive() && Instant::now() < deadline {
        std::thread::sleep(RESTORED_PAUSE);
    }
}

/// Whether `process` is a background host of this home, according to its command line.
fn is_background(process: &Process, home: &Home) -> bool {
    if process.name != NAME {
        return false;
    }
    let words = memory::words(process.pid);
    let has = |word: &[u8]| words.iter().any(|it| it == word);
    has(SUBCOMMAND.as_bytes()) && has(home.root().as_os_str().as_bytes())
}

/// Finds the process that still holds the deleted host lock of this home. Skips processes whose
/// descriptors cannot be read.
fn host_of_deleted(home: &Home) -> Option<Pid> {
    let lock = home.supervisor_lock();
    let pids = linux::processes().unwrap_or_default().into_iter().map(|process| process.pid);
    pids.into_iter().find(|pid| matches!(open_files::holds_deleted(*pid, &lock), Ok(true)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::identity::own_pid;
    use crate::process::lock::HostLock;

    #[test]
    fn only_a_living_host_can_restore_a_deleted_home() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("home")).unwrap();
        home.prepare(true).unwrap();
        let lock = HostLock::take(&home.supervisor_lock()).unwrap().unwrap();
        assert_eq!(host_of_deleted(&home), None, "nothing is deleted");
        std::fs::remove_dir_all(home.root()).unwrap();
        assert_eq!(host_of_deleted(&home), Some(own_pid()));
        drop(lock);
        assert_eq!(host_of_deleted(&home), None);
    }
}
