//! Opens files, and refuses a file that another user may have written, or whose path is a symbolic
//! link.
//!
//! Each check uses the open descriptor. A check by path would be unsafe, because another process
//! could replace the file between the check and its use.

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// The permission bits that let the group and all other users write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// The error of a file of stigmer that exists and cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {path}: {source}")]
pub struct Unreadable {
    /// Path of the file.
    pub path: PathBuf,
    /// The error of the operating system.
    pub source: io::Error,
}

impl Unreadable {
    /// Returns a function that adds this path to an error, for `map_err`.
    pub(crate) fn at(path: PathBuf) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { path, source }
    }

    /// Advice for the user: what to do next.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        hint(&self.source)
    }
}

/// Advice for the user about a file of a home that cannot be used.
#[must_use]
pub fn hint(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EMFILE | libc::ENFILE) => "raise the limit on descriptors (`ulimit -n`)",
        Some(libc::ENOMEM) => "end some processes",
        _ => "make the home writable, or choose another home with --home",
    }
}

/// Opens a file of stigmer for reading. Does not follow a symbolic link.
///
/// # Errors
/// `NotFound` if there is no file. `PermissionDenied` if the path is a symbolic link or not a
/// regular file, if the file belongs to another user except root, or if others may write to the
/// file.
pub fn open(path: &Path) -> io::Result<File> {
    let file = no_follow(OpenOptions::new().read(true), path)?;
    let mode = check_owner(&file)?;
    if mode & WRITABLE_BY_OTHERS != 0 {
        return Err(refused(format!("other users may write to it (mode {:o})", mode & 0o7777)));
    }
    Ok(file)
}

/// Reads the first `max` bytes of a file of stigmer.
///
/// # Errors
/// See [`open()`]; `InvalidData` if the text is not UTF-8.
pub fn read(path: &Path, max: u64) -> io::Result<String> {
    let mut text = String::new();
    open(path)?.take(max).read_to_string(&mut text)?;
    Ok(text)
}

/// Reads the configuration file, which the user writes. Follows symbolic links.
///
/// # Errors
/// `NotFound` if there is no file. `PermissionDenied` if the file belongs to another user except
/// root, or if all users may write to the file.
pub fn read_config(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mode = check_owner(&file)?;
    // The group may write to the file, because an editor with umask 002 creates such a file. The
    // file is still protected, because the group has no access to the folder.
    if mode & 0o002 != 0 {
        return Err(refused(format!(
            "every user may write to it (mode {:o}); run `chmod go-w` on it",
            mode & 0o7777
        )));
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text)
}

/// Opens a file of stigmer for writing. A new file gets mode 0600. If the file exists, the write
/// permission of other users is removed. The caller must not set `truncate` in the options, because
/// the file would lose its content before the checks.
///
/// # Errors
/// See [`open()`].
pub fn open_for_writing(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let file = no_follow(options.mode(0o600), path)?;
    let mode = check_owner(&file)?;
    if mode & WRITABLE_BY_OTHERS != 0 {
        file.set_permissions(Permissions::from_mode(mode & 0o7777 & !WRITABLE_BY_OTHERS))?;
    }
    Ok(file)
}

/// Writes a file in one step if there is no file at the path. If another process creates the file
/// at the same time, that file stays, unless the file system lacks a rename that never replaces a
/// file.
///
/// # Errors
/// If the file cannot be written; see also [`open_for_writing`].
pub fn write_absent(path: &Path, text: &str) -> io::Result<()> {
    if path.try_exists()? {
        return Ok(());
    }
    write_whole(path, text, |temporary| {
        match renameat_with(CWD, temporary, CWD, path, RenameFlags::NOREPLACE) {
            Ok(()) => Ok(()),
            Err(rustix::io::Errno::EXIST) => std::fs::remove_file(temporary),
            // The file system does not support a rename that never replaces a file.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                std::fs::rename(temporary, path)
            }
            Err(errno) => Err(errno.into()),
        }
    })
}

/// Writes a temporary file next to the path. Then calls `put` with the path of the temporary file.
/// `put` moves the temporary file to its final path. After an error, the temporary file is deleted.
///
/// # Errors
/// If the file cannot be written; see also [`open_for_writing`].
pub(super) fn write_whole(
    path: &Path,
    text: &str,
    put: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    // Each writer needs its own name for the temporary file. With a common name, one writer could
    // rename the unfinished file of another writer.
    static WRITES: AtomicU32 = AtomicU32::new(0);
    let number = WRITES.fetch_add(1, Ordering::Relaxed);
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}-{number}.new", std::process::id()));
    let temporary = PathBuf::from(name);
    let write = || -> io::Result<()> {
        let mut file = open_for_writing(OpenOptions::new().write(true).create(true), &temporary)?;
        file.set_len(0)?;
        file.write_all(text.as_bytes())?;
        put(&temporary)
    };
    write().inspect_err(|_| {
        // No code reads an unfinished file, so the file would only take disk space.
        let _ = std::fs::remove_file(&temporary);
    })
}

/// Checks that a file is a regular file of this user or of root. Returns its mode.
fn check_owner(file: &File) -> io::Result<u32> {
    let meta = file.metadata()?;
    let me = super::check::me();
    if !meta.is_file() {
        return Err(refused("it is not a regular file".to_owned()));
    }
    if meta.uid() != me && meta.uid() != 0 {
        return Err(refused(format!("it belongs to user {}, not to you ({me})", meta.uid())));
    }
    Ok(meta.mode())
}

fn no_follow(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    // Without O_NONBLOCK, opening a FIFO waits until another process opens its other end.
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    let file = options.custom_flags(flags).open(path).map_err(|error| {
        match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ELOOP) => {
                refused("it is a symbolic link, which stigmer does not follow here".to_owned())
            }
            _ => error,
        }
    })?;
    // Only the open above needs O_NONBLOCK. The flag is removed, because the server inherits this
    // file description.
    let flags = OFlag::from_bits_retain(fcntl(&file, FcntlArg::F_GETFL)?);
    fcntl(&file, FcntlArg::F_SETFL(flags - OFlag::O_NONBLOCK))?;
    Ok(file)
}

fn refused(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn writing() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.write(true).create(true);
        options
    }

    #[test]
    fn symbolic_links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target");
        let link = folder.path().join("link");
        std::fs::write(&target, "kept").unwrap();
        symlink(&target, &link).unwrap();
        for error in [open(&link), open_for_writing(&mut writing(), &link)].map(Result::unwrap_err)
        {
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
            assert!(error.to_string().contains("symbolic link"), "{error}");
        }
        // The target of the link does not exist now. Opening the link for writing must not create
        // the target.
        std::fs::remove_file(&target).unwrap();
        open_for_writing(&mut writing(), &link).unwrap_err();
        assert!(!target.exists());
    }

    #[test]
    fn file_is_written_only_if_none_exists() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for text in ["first", "second"] {
            write_absent(&path, text).unwrap();
            assert_eq!(read(&path, 100).unwrap(), "first");
        }
        // This closure behaves like another process that creates the file after the check of the
        // path.
        let put = |temporary: &Path| {
            let put = renameat_with(CWD, temporary, CWD, &path, RenameFlags::NOREPLACE);
            put.map_err(io::Error::from)
        };
        assert_eq!(
            write_whole(&path, "third", put).unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            1,
            "no temporary file is left"
        );
    }

    #[test]
    fn fifo_is_refused_without_blocking() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fifo");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(open(&path).unwrap_err().to_string().contains("regular file"));
        open_for_writing(&mut writing(), &path).unwrap_err();
    }

    #[test]
    fn file_that_others_may_write_is_not_read_and_is_closed_before_a_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "planted").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        assert!(read(&path, 100).unwrap_err().to_string().contains("mode 666"));
        open_for_writing(&mut writing(), &path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o644);
        assert_eq!(read(&path, 4).unwrap(), "plan");
    }

    #[test]
    fn file_of_another_user_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "planted").unwrap();
        if std::os::unix::fs::chown(&path, Some(4711), None).is_err() {
            eprintln!("not tested: only root can give a file away");
            return;
        }
        for error in [open(&path), open_for_writing(&mut writing(), &path)].map(Result::unwrap_err)
        {
            assert!(error.to_string().contains("user 4711"), "{error}");
        }
    }
}
