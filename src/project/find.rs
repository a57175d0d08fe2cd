//! Finds and reads the project file.

use super::mistake::{Mistakes, not_utf8};
use super::trust::{self, Refusal};
use super::{FILE_NAME, Project};
use crate::paths::shortened;
use crate::process::look;
use nix::fcntl::OFlag;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Maximum size of a project file. A larger file is no project file.
const SIZE_MAX: u64 = 1 << 20;

/// Why the project of a folder is unknown.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// The search cannot look at a folder.
    #[error(
        "cannot look for {FILE_NAME} in {}: {source}; change to another folder, make this one \
         readable, or use --no-project",
        shortened(folder)
    )]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file cannot be read.
    #[error("cannot read {}: {source}", shortened(file))]
    Unreadable {
        /// Path of the file.
        file: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Another user could have written the file.
    #[error("cannot use {}: {why}, and the file names programs to run; {hint}", shortened(file))]
    Refused {
        /// Path of the file.
        file: PathBuf,
        /// Who could have written the file.
        why: String,
        /// What to do next.
        hint: &'static str,
    },
    /// The file has mistakes.
    #[error("{0}")]
    Mistakes(Mistakes),
}

/// The project file that a command uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProjectChoice {
    /// The nearest file at or above the current folder, if there is one.
    Nearest,
    /// This file.
    File(PathBuf),
    /// None.
    Nothing,
}

impl ProjectChoice {
    /// Returns the absolute path of the project file. `None` without a project.
    ///
    /// # Errors
    /// If a folder cannot be examined.
    pub fn locate(&self) -> Result<Option<PathBuf>, ProjectError> {
        match self {
            Self::Nearest => match std::env::current_dir() {
                Ok(folder) => {
                    find(&folder, std::env::home_dir().filter(|it| it.is_absolute()).as_deref())
                }
                // The current folder was deleted, so it has no project.
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(source) => Err(ProjectError::Folder { folder: ".".into(), source }),
            },
            Self::File(file) => {
                let path = std::path::absolute(file);
                let failed = |source| ProjectError::Unreadable { file: file.clone(), source };
                path.map(Some).map_err(failed)
            }
            Self::Nothing => Ok(None),
        }
    }

    /// Returns the project. `None` without a project.
    ///
    /// # Errors
    /// If the file cannot be found or read, if another user could have written it, or if it has
    /// mistakes.
    pub fn load(&self) -> Result<Option<Project>, ProjectError> {
        self.locate()?.as_deref().map(load).transpose()
    }
}

/// Searches the project file in `folder` and in the folders above, and returns the nearest one. The
/// search ends after `user_home`, the home folder of the user, and at the border of the file system.
/// Does not read the file, so it may be a symbolic link that leads nowhere.
///
/// # Errors
/// If a folder cannot be examined. A file there would then be unknown.
pub fn find(folder: &Path, user_home: Option<&Path>) -> Result<Option<PathBuf>, ProjectError> {
    let id = |meta: &Metadata| (meta.dev(), meta.ino());
    let last = match user_home.map(|home| (home, look::bounded(home, Path::metadata))) {
        Some((_, Ok(meta))) => Some(id(&meta)),
        Some((home, Err(source))) if source.kind() != io::ErrorKind::NotFound => {
            return Err(ProjectError::Folder { folder: home.to_owned(), source });
        }
        Some((_, Err(_))) | None => None,
    };
    let mut file_system = None;
    for folder in folder.ancestors() {
        let failed = |source| ProjectError::Folder { folder: folder.to_owned(), source };
        let meta = look::bounded(folder, Path::metadata).map_err(failed)?;
        if *file_system.get_or_insert(meta.dev()) != meta.dev() {
            break;
        }
        let file = folder.join(FILE_NAME);
        if look::bounded(&file, exists).map_err(failed)? {
            return Ok(Some(file));
        }
        if last == Some(id(&meta)) {
            break;
        }
    }
    Ok(None)
}

/// Whether there is a file of any kind, also a symbolic link that leads nowhere. Other errors mean that
/// it is unknown.
fn exists(path: &Path) -> io::Result<bool> {
    match path.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Reads and parses a project file. Follows a symbolic link; paths in the file are relative to the
/// folder of the link.
///
/// # Errors
/// If the file cannot be read, if another user could have written it, or if it has mistakes.
pub fn load(file: &Path) -> Result<Project, ProjectError> {
    let unreadable = |source| ProjectError::Unreadable { file: file.to_owned(), source };
    let path = std::path::absolute(file).map_err(unreadable)?;
    let read = look::bounded(&path, |path| {
        let file = open(path)?;
        if let Err(refusal) = trust::check_file(&file.metadata()?) {
            return Ok(Err(refusal));
        }
        // The folder of a link and the folder of its target can both decide what is read.
        let places = [path.to_owned(), path.canonicalize()?];
        for folder in places.iter().filter_map(|place| place.parent()) {
            if let Err(refusal) = trust::check_folder(&folder.metadata()?) {
                return Ok(Err(refusal));
            }
        }
        let mut bytes = Vec::new();
        file.take(SIZE_MAX + 1).read_to_end(&mut bytes)?;
        Ok(Ok(bytes))
    });
    let bytes = match read.map_err(unreadable)? {
        Ok(bytes) => bytes,
        Err(Refusal { why, hint }) => {
            return Err(ProjectError::Refused { file: path, why, hint });
        }
    };
    if bytes.len() as u64 > SIZE_MAX {
        let why = "it is larger than 1 MiB, which is no project file";
        return Err(unreadable(io::Error::new(io::ErrorKind::FileTooLarge, why)));
    }
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => text,
        Err(error) => {
            return Err(ProjectError::Mistakes(not_utf8(&path, &bytes, error.valid_up_to())));
        }
    };
    Project::parse(&path, text, is_folder).map_err(ProjectError::Mistakes)
}

/// Whether there is a folder at this path.
pub(super) fn is_folder(path: &Path) -> io::Result<bool> {
    look::bounded(path, |path| Ok(path.metadata()?.is_dir()))
}

fn open(path: &Path) -> io::Result<File> {
    // Without O_NONBLOCK, opening a FIFO waits until another process opens its other end.
    OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)
}
