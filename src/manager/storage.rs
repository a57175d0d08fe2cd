//! Compares the database at its path with the file that the server has open.

use crate::process::Pid;
use crate::process::open_files::{KnownFile, has_open};
use crate::protocol::Detached;
use std::path::Path;

/// How the path has lost the file that one of these processes has open. `None` where it has not,
/// and where that cannot be seen: a file that cannot be looked at is not a file that is gone.
#[must_use]
pub fn detached(path: &Path, servers: &[Pid]) -> Option<Detached> {
    let file = match KnownFile::at(path) {
        Ok(Some(file)) => file,
        Ok(None) => return Some(Detached::Deleted),
        Err(_) => return None,
    };
    let mut is_visible = false;
    for server in servers {
        match has_open(*server, &file) {
            Ok(true) => return None,
            Ok(false) => is_visible = true,
            Err(_) => {}
        }
    }
    is_visible.then_some(Detached::Replaced)
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
        assert_eq!(detached(&path, &me), None);

        let kept = folder.path().join("kept.db");
        fs::rename(&path, &kept).unwrap();
        assert_eq!(detached(&path, &me), Some(Detached::Deleted));
        File::create(&path).unwrap();
        assert_eq!(detached(&path, &me), Some(Detached::Replaced));
        assert_eq!(detached(&path, &[]), None, "no process to look at");
        fs::rename(&kept, &path).unwrap();
        assert_eq!(detached(&path, &me), None, "it is back");

        assert_eq!(detached(&path.join("below-a-file"), &me), None, "it cannot be looked at");
    }
}
