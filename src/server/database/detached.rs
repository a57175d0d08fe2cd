//! Detects that the database file was deleted or replaced while the server has it open.

use crate::process::Pid;
use crate::process::open_files::{KnownFile, has_any_open, has_open};
use crate::protocol::Detached;
use std::io;
use std::path::Path;

/// Finds out whether the file at `path` was deleted or replaced while one of the processes
/// `servers` has it open. `None` if the path still leads to the open file.
///
/// # Errors
/// If the path or the open files of the processes cannot be read. Such an error does not prove that
/// the file was deleted or replaced.
pub fn detached(path: &Path, servers: &[Pid]) -> io::Result<Option<Detached>> {
    let Some(file) = KnownFile::at(path)? else { return Ok(Some(Detached::Deleted)) };
    let mut seen = Err(io::Error::new(io::ErrorKind::NotFound, "no process to check"));
    for server in servers {
        let has_open = || Ok((has_open(*server, &file)?, has_any_open(*server)?));
        match has_open() {
            Ok((true, _)) => return Ok(None),
            Ok((false, true)) => seen = Ok(Some(Detached::Replaced)),
            // The process is exiting and has already closed its files.
            Ok((false, false)) => {}
            Err(error) if seen.is_err() => seen = Err(error),
            Err(_) => {}
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};

    #[test]
    fn deleted_or_replaced_file_is_detected_and_a_failed_check_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("temporal.db");
        let me = [crate::process::identity::own_pid()];
        let _open = File::create(&path).unwrap();
        assert_eq!(detached(&path, &me).unwrap(), None);

        let kept = folder.path().join("kept.db");
        fs::rename(&path, &kept).unwrap();
        assert_eq!(detached(&path, &me).unwrap(), Some(Detached::Deleted));
        File::create(&path).unwrap();
        assert_eq!(detached(&path, &me).unwrap(), Some(Detached::Replaced));
        assert!(detached(&path, &[]).is_err(), "no process to check");
        fs::rename(&kept, &path).unwrap();
        assert_eq!(detached(&path, &me).unwrap(), None, "the file is restored");

        let mut ended = std::process::Command::new("true").spawn().unwrap();
        let pid = ended.id().cast_signed();
        // While a process exits, an ordinary user cannot read its descriptors for a moment.
        while has_any_open(pid).unwrap_or(true) {
            std::thread::yield_now();
        }
        assert!(
            detached(&path, &[pid]).is_err(),
            "the process has closed its files, because it exits"
        );
        ended.wait().unwrap();

        assert!(detached(&path.join("below-a-file"), &me).is_err(), "the path cannot be read");
    }
}
