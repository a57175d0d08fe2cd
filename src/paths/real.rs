//! Resolves the symbolic links of a path, also if the file does not exist.

use std::io;
use std::path::{Path, PathBuf};

/// Maximum number of symbolic links in one path. The kernel has the same limit.
const LINKS_MAX: usize = 40;

/// Returns the path without symbolic links. If the file does not exist, the links are resolved up
/// to the nearest existing folder. A link whose target does not exist is followed too.
///
/// # Errors
/// If a folder cannot be searched, or links form a circle.
pub(super) fn real_path(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        match path.canonicalize() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            resolved => return resolved,
        }
        let Some((there, below)) = nearest(&path)? else { return Ok(path) };
        let Some(target) = linked(&there, &below) else { return Ok(there.join(below)) };
        path = target;
    }
    Err(io::Error::from_raw_os_error(libc::ELOOP))
}

/// Returns the nearest existing folder above `path` without symbolic links, and the rest of the
/// path below that folder.
fn nearest(path: &Path) -> io::Result<Option<(PathBuf, PathBuf)>> {
    for above in path.ancestors().skip(1) {
        match above.canonicalize() {
            Ok(there) => {
                let below = path.strip_prefix(above).map_err(io::Error::other)?;
                return Ok(Some((there, below.to_owned())));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// If the first part of `below` is a symbolic link in the folder `there`, returns the path to the
/// target of the link, followed by the other parts of `below`.
fn linked(there: &Path, below: &Path) -> Option<PathBuf> {
    let mut parts = below.components();
    let target = std::fs::read_link(there.join(parts.next()?)).ok()?;
    Some(there.join(target).join(parts.as_path()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn deleted_folder_below_a_link_keeps_its_real_path() {
        let base = tempfile::tempdir().unwrap();
        let base = base.path().canonicalize().unwrap();
        let home = base.join("disk/deep/home");
        std::fs::create_dir_all(&home).unwrap();
        symlink(base.join("disk"), base.join("linked")).unwrap();
        symlink("linked/deep/home", base.join("alias")).unwrap();
        let names = [base.join("linked/deep/home"), base.join("alias"), home.clone()];
        let all_lead_home = || names.iter().all(|name| real_path(name).unwrap() == home);
        assert!(all_lead_home());
        std::fs::remove_dir(&home).unwrap();
        assert!(all_lead_home());
        std::fs::remove_dir(base.join("disk/deep")).unwrap();
        assert!(all_lead_home());
        assert_eq!(real_path(&base.join("alias/logs")).unwrap(), home.join("logs"));
    }

    #[test]
    fn links_in_a_circle_are_an_error() {
        let base = tempfile::tempdir().unwrap();
        symlink("two", base.path().join("one")).unwrap();
        symlink("one", base.path().join("two")).unwrap();
        let error = real_path(&base.path().join("one")).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ELOOP));
    }
}
