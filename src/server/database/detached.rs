//! Compares the database at its path with the file that the server has open.

use crate::process::Pid;
use crate::process::open_files::{KnownFile, has_any_open, has_open};
use crate::protocol::Detached;
use std::io;
use std::path::Path;

/// How the path has lost the file that one of these processes has open; `None` if it has not.
///
/// # Errors
/// When the file or the processes cannot be looked at: that is not a file that is gone.
pub fn detached(path: &Path, servers: &[Pid]) -> io::Result<Option<Detached>> {
    let Some(file) = KnownFile::at(path)? else { return Ok(Some(Detached::Deleted)) };
    let mut seen = Err(io::Error::new(io::ErrorKind::NotFound, "no process to look at"));
    for server in servers {
        let has_open = || Ok((has_open(*server, &file)?, has_any_open(*server)?));
        match has_open() {
            Ok((true, _)) => return Ok(None),
            Ok((false, true)) => seen = Ok(Some(Detached::Replaced)),
            // It ends, and has closed its files already.
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
    fn a_deleted_or_replaced_file_is_told_apart_from_one_that_cannot_be_seen() {
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
        assert!(detached(&path, &[]).is_err(), "no process to look at");
        fs::rename(&kept, &path).unwrap();
        assert_eq!(detached(&path, &me).unwrap(), None, "it is back");

        let mut ended = std::process::Command::new("true").spawn().unwrap();
        let pid = ended.id().cast_signed();
        // To an ordinary user its descriptors are denied for a moment while it ends.
        while has_any_open(pid).unwrap_or(true) {
            std::thread::yield_now();
        }
        assert!(detached(&path, &[pid]).is_err(), "it has closed its files, because it ends");
        ended.wait().unwrap();

        assert!(detached(&path.join("below-a-file"), &me).is_err(), "it cannot be looked at");
    }
}
