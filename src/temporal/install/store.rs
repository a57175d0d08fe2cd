//! The store: one copy of each installed version of the Temporal CLI, for all homes of a user. The
//! store is in the default home, and each home has a hard link to the copy.
//!
//! A home has a hard link and not only the path of the copy, because it must keep its program if
//! the default home is deleted. A home on another file system has its own copy.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::staging::{self, InstallLock, Program, Staging};
use super::{How, Progress, Version, Wanted};
use crate::paths::Home;

const PREFIX: &str = "temporal-";

/// The folder of the store. `None` if the folder that contains the default home belongs to another
/// user (`sudo -E`), because this process must not write there.
pub(super) fn of_user() -> Option<PathBuf> {
    let root = Home::default_root().ok()?;
    is_ours(root.parent()?).then(|| root.join("bin/versions"))
}

fn is_ours(folder: &Path) -> bool {
    let me = nix::unistd::getuid().as_raw();
    folder.metadata().is_ok_and(|meta| meta.uid() == me && meta.mode() & 0o022 == 0)
}

/// The folder of the store, locked. Its files have the names `temporal-VERSION`.
pub(super) struct Store {
    folder: PathBuf,
    _lock: InstallLock,
}

impl Store {
    /// Opens and locks the store. `None` if the folder of the store cannot be used. The home then
    /// gets its own copy of the program.
    pub(super) fn open(folder: &Path, progress: &mut dyn Progress) -> Option<Self> {
        staging::create_folder(folder).ok()?;
        if !is_ours(folder) {
            return None;
        }
        let lock = InstallLock::take(folder, progress).ok()?;
        Some(Self { folder: folder.to_owned(), _lock: lock })
    }

    fn path(&self, wanted: &Wanted<'_>) -> PathBuf {
        self.folder.join(format!("{PREFIX}{}", wanted.version))
    }

    /// Links a program of the store into the temporary folder. `None` if the store does not have
    /// this version, or if the checksum or the version of the program is not the expected one.
    pub(super) fn fetch(&self, wanted: &Wanted<'_>, staging: &Staging) -> Option<(How, Version)> {
        let (path, program) = (self.path(wanted), staging.program());
        if !path.is_file() {
            return None;
        }
        fs::hard_link(&path, &program).or_else(|_| fs::copy(&path, &program).map(drop)).ok()?;
        let sha256 = staging::sha256(&program).ok()?;
        let checked = wanted.check(&Program { sha256 }, staging);
        if checked.is_err() {
            // The file was changed after its installation, so the store deletes it.
            let _ = fs::remove_file(&path);
        }
        checked.ok()
    }

    /// Adds a link to an installed program to the store, and deletes the versions that no home
    /// uses. If the link fails, the program is not copied into the store, because the home already
    /// has its own copy.
    pub(super) fn add(&self, program: &Path, wanted: &Wanted<'_>) {
        let path = self.path(wanted);
        let _ = fs::remove_file(&path);
        let _ = fs::hard_link(program, &path);
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let is_version = entry.file_name().to_string_lossy().starts_with(PREFIX);
            if is_version && entry.metadata().is_ok_and(|meta| meta.nlink() == 1) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}
