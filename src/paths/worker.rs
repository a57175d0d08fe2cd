//! The files of the workers of a home: `workers/NAME/{lock,pid,log,before}`.

use super::Home;
use super::check::{check_owner, create_folder};
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The files of one worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerFiles {
    folder: PathBuf,
}

impl Home {
    /// Path of the folder of the workers.
    #[must_use]
    pub fn workers(&self) -> PathBuf {
        self.root.join("workers")
    }

    /// The files of the worker with this name, which must be valid for a worker.
    #[must_use]
    pub fn worker(&self, name: &str) -> WorkerFiles {
        WorkerFiles { folder: self.workers().join(name) }
    }

    /// The names of the workers that have files in this home. They may run or not.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn worker_names(&self) -> io::Result<Vec<String>> {
        let entries = match std::fs::read_dir(self.workers()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            names.extend(name.to_str().filter(|name| name.chars().all(is_part)).map(str::to_owned));
        }
        names.sort();
        Ok(names)
    }
}

impl WorkerFiles {
    /// Creates the folder, and removes the permissions of other users.
    ///
    /// # Errors
    /// If the folder cannot be created, or belongs to another user.
    pub fn prepare(&self) -> io::Result<()> {
        for folder in self.folder.parent().into_iter().chain([self.folder.as_path()]) {
            create_folder(folder)?;
            let meta = std::fs::symlink_metadata(folder)?;
            check_owner(folder, &meta).map_err(io::Error::other)?;
            if !meta.is_dir() {
                return Err(io::ErrorKind::NotADirectory.into());
            }
            if meta.mode() & 0o077 != 0 {
                std::fs::set_permissions(folder, Permissions::from_mode(0o700))?;
            }
        }
        Ok(())
    }

    /// Path of the folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Path of the lock file that the processes of the worker inherit.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.folder.join("lock")
    }

    /// Path of the record of the running process.
    #[must_use]
    pub fn record(&self) -> PathBuf {
        self.folder.join("pid")
    }

    /// Path of the record of the command `before`, while it runs.
    #[must_use]
    pub fn before(&self) -> PathBuf {
        self.folder.join("before")
    }

    /// Path of the output of the worker.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder.join("log")
    }
}
