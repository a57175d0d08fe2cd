//! Finds the files that a process has open or has locked.
//!
//! A link in `/proc/PID/fd` is read, but is followed only if the text of the link is the path of a
//! file of stigmer. Following a link accesses the file system of the target. If that file system is
//! a mount whose server is gone, the access would block this thread. `fdinfo` has inode and locks,
//! and reading it accesses no other file system.

use super::Pid;
use super::identity::Identity;
use super::linux::{self, is_absence};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A file of stigmer that other processes may have open: its path, device and inode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl KnownFile {
    /// Returns the file that is at this path now, or `None` if there is no file.
    ///
    /// # Errors
    /// If the file cannot be examined.
    pub fn at(path: &Path) -> io::Result<Option<Self>> {
        let found = path.canonicalize().and_then(|path| Ok((path.metadata()?, path)));
        match found {
            Ok((meta, path)) => Ok(Some(Self { path, device: meta.dev(), inode: meta.ino() })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the path leads to this file. False for a path that is a symbolic link.
    ///
    /// # Errors
    /// If the path cannot be examined.
    pub fn is_at(&self, path: &Path) -> io::Result<bool> {
        match path.symlink_metadata() {
            Ok(meta) => Ok((meta.dev(), meta.ino()) == (self.device, self.inode)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) fn is_in(&self, flock: &Flock) -> bool {
        (flock.device, flock.inode) == (self.device, self.inode)
    }

    /// Device and inode of the file.
    pub(super) fn id(&self) -> (u64, u64) {
        (self.device, self.inode)
    }

    fn is_exactly(&self, target: &Path) -> bool {
        let target = target.as_os_str().as_bytes();
        target == self.path.as_os_str().as_bytes()
            || target.strip_suffix(DELETED) == Some(self.path.as_os_str().as_bytes())
    }

    /// Whether the target of a link in `/proc/PID/fd` may be this file. Only the names are
    /// compared, because another mount or namespace may show the file in another folder.
    fn may_be(&self, target: &Path) -> bool {
        let name = target.file_name().map(OsStr::as_bytes).unwrap_or_default();
        let name = name.strip_suffix(DELETED).unwrap_or(name);
        self.path.file_name().is_some_and(|own| own.as_bytes() == name)
    }
}

const DELETED: &[u8] = b" (deleted)";

/// Whether a descriptor of process `pid` *has* an exclusive flock on the file. An open file alone
/// proves nothing, because a process that checks the lock opens the file too.
///
/// # Errors
/// If the descriptors of the process cannot be read, for example because the process belongs to
/// another user.
pub fn holds_lock(pid: Pid, lock: &KnownFile) -> io::Result<bool> {
    any_descriptor(pid, |number, target| {
        if !lock.may_be(target) {
            return Ok(false);
        }
        let Some(info) = info(pid, number)? else { return Ok(false) };
        Ok(flocks(&info).any(|flock| lock.is_in(&flock))
            // On btrfs and overlayfs, `fdinfo` shows another device number than `stat`. The file is
            // then identified by its path and by `stat`.
            || (flocks(&info).next().is_some()
                && lock.is_exactly(target)
                && is_at(&descriptor(pid, number), lock)))
    })
}

/// Whether a descriptor of process `pid` has an exclusive flock on a file that was at this path and
/// is deleted now.
///
/// # Errors
/// If the descriptors of the process cannot be read, for example because the process belongs to
/// another user.
pub fn holds_deleted(pid: Pid, path: &Path) -> io::Result<bool> {
    // The folders of the path may be deleted too, so links are resolved only in the nearest
    // existing folder.
    let above =
        path.ancestors().skip(1).find_map(|above| Some((above, above.canonicalize().ok()?)));
    let below = above.and_then(|(above, real)| Some(real.join(path.strip_prefix(above).ok()?)));
    let mut deleted = below.unwrap_or_else(|| path.to_owned()).into_os_string();
    deleted.push(OsStr::from_bytes(DELETED));
    any_descriptor(pid, |number, target| {
        let Some(info) = (target == deleted).then(|| info(pid, number)).transpose()?.flatten()
        else {
            return Ok(false);
        };
        Ok(flocks(&info).next().is_some())
    })
}

/// Whether a process has this file open, and the file is not deleted.
///
/// # Errors
/// If the descriptors of the process cannot be read.
pub fn has_open(pid: Pid, file: &KnownFile) -> io::Result<bool> {
    any_descriptor(pid, |number, target| {
        if !file.may_be(target) {
            return Ok(false);
        }
        let inode = info(pid, number)?.and_then(|info| value(&info, "ino")?.parse::<u64>().ok());
        Ok(inode == Some(file.inode)
            // Before Linux 5.14 `fdinfo` has no inode. The file is then identified by its path and
            // by `stat`.
            || (file.is_exactly(target) && is_at(&descriptor(pid, number), file)))
    })
}

/// Whether a process has any file open. A process that exits closes its files first, and is still
/// visible for some time after that.
///
/// # Errors
/// If the descriptors of the process cannot be read.
pub fn has_any_open(pid: Pid) -> io::Result<bool> {
    any_descriptor(pid, |_, _| Ok(true))
}

/// The file to which a process writes its output. The process was started with one file as standard
/// output and standard error, at a known path.
#[derive(Debug)]
pub enum Output {
    /// The process writes to the file that is at this path.
    InPlace,
    /// The process still writes to the file of its start, which was deleted or replaced. The
    /// contained file is open for reading and writing.
    Unlinked(File),
    /// The process still writes to the file of its start, which was moved to this path.
    Moved(PathBuf),
    /// The process writes to another file, for example because a wrapper script redirects its
    /// output. Also used if the file is unknown.
    Elsewhere,
}

/// Finds the file to which `writer` writes its output. The writer was started with the file at
/// `path` as standard output and standard error. A file that was moved later is recognized by its
/// `inode`.
///
/// # Errors
/// If a deleted file cannot be opened, or the identity of the writer cannot be verified.
pub fn output(path: &Path, writer: &Identity, inode: Option<u64>) -> io::Result<Output> {
    let Some(folder) = path.parent().and_then(|folder| folder.canonicalize().ok()) else {
        return Ok(Output::Elsewhere);
    };
    let place = folder.join(path.file_name().unwrap_or_default()).into_os_string();
    let mut deleted = place.clone();
    deleted.push(OsStr::from_bytes(DELETED));
    for number in ["1", "2"].map(OsStr::new) {
        let descriptor = descriptor(writer.pid, number);
        let Ok(link) = std::fs::read_link(&descriptor) else { continue };
        if link == place {
            return Ok(Output::InPlace);
        }
        if link == deleted {
            let file = File::options().read(true).write(true).open(descriptor)?;
            // The process is checked after the open, because another process may have had this id
            // during the open. The link count of the file is checked, because the name of an
            // existing file may end with ` (deleted)`.
            let is_unlinked = writer.is_alive()? && file.metadata()?.nlink() == 0;
            return Ok(if is_unlinked { Output::Unlinked(file) } else { Output::Elsewhere });
        }
        let written = info(writer.pid, number)?.and_then(|info| value(&info, "ino")?.parse().ok());
        if written.is_some() && written == inode && writer.is_alive()? {
            return Ok(Output::Moved(link));
        }
    }
    Ok(Output::Elsewhere)
}

fn descriptor(pid: Pid, number: &OsStr) -> PathBuf {
    Path::new("/proc").join(pid.to_string()).join("fd").join(number)
}

fn is_at(path: &Path, file: &KnownFile) -> bool {
    path.metadata().is_ok_and(|meta| (meta.dev(), meta.ino()) == (file.device, file.inode))
}

/// Whether the condition is true for any descriptor of a process. The condition gets the number of
/// the descriptor and the target of its link in `/proc/PID/fd`.
fn any_descriptor(
    pid: Pid,
    mut condition: impl FnMut(&OsStr, &Path) -> io::Result<bool>,
) -> io::Result<bool> {
    let entries = match std::fs::read_dir(format!("/proc/{pid}/fd")) {
        Ok(entries) => entries,
        Err(error) if has_ended(pid, &error) => return Ok(false),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if has_ended(pid, &error) => return Ok(false),
            Err(error) => return Err(error),
        };
        match std::fs::read_link(entry.path()) {
            Ok(target) => {
                if condition(&entry.file_name(), &target)? {
                    return Ok(true);
                }
            }
            Err(error) if is_absence(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

/// Whether a read of `/proc/PID/fd` failed because the process has ended. For a zombie, the read
/// fails for lack of permission, because the folder then belongs to root.
fn has_ended(pid: Pid, error: &io::Error) -> bool {
    let is_reaped_or_zombie =
        || linux::stat(pid).is_ok_and(|process| process.is_none_or(|process| process.is_zombie()));
    is_absence(error) || (error.kind() == io::ErrorKind::PermissionDenied && is_reaped_or_zombie())
}

fn info(pid: Pid, number: &OsStr) -> io::Result<Option<String>> {
    let path = Path::new("/proc").join(pid.to_string()).join("fdinfo").join(number);
    match std::fs::read_to_string(path) {
        Ok(info) => Ok(Some(info)),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn value<'i>(info: &'i str, key: &str) -> Option<&'i str> {
    info.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).map(str::trim)
}

/// An exclusive flock, as the kernel lists it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Flock {
    /// The process that took the lock, or 0 if that process has ended.
    pub(super) pid: Pid,
    device: u64,
    inode: u64,
}

/// Finds the exclusive flocks in the text of `/proc/PID/fdinfo/FD` or `/proc/locks`:
/// `lock: 1: FLOCK  ADVISORY  WRITE 4711 fe:01:1234 0 EOF`
pub(super) fn flocks(text: &str) -> impl Iterator<Item = Flock> {
    text.lines().filter_map(|line| {
        let line = line.strip_prefix("lock:").unwrap_or(line);
        let mut words = line.split_whitespace().skip(1);
        if (words.next(), words.nth(1)) != (Some("FLOCK"), Some("WRITE")) {
            return None;
        }
        let pid = words.next()?.parse().ok()?;
        let mut file = words.next()?.split(':');
        let mut part = |radix| u64::from_str_radix(file.next()?, radix).ok();
        let (major, minor, inode) = (part(16)?, part(16)?, part(10)?);
        Some(Flock { pid, device: nix::sys::stat::makedev(major, minor), inode })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_descriptor_with_the_lock_counts() {
        let held = "pos:\t0\nflags:\t02\nlock:\t1: FLOCK  ADVISORY  WRITE 12 fe:00:7 0 EOF\n";
        let device = nix::sys::stat::makedev(0xfe, 0);
        assert_eq!(flocks(held).collect::<Vec<_>>(), [Flock { pid: 12, device, inode: 7 }]);
        let table = "1: FLOCK  ADVISORY  WRITE 0 fe:00:7 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 9\n";
        assert_eq!(flocks(table).collect::<Vec<_>>(), [Flock { pid: 0, device, inode: 7 }]);
        for other in [
            "pos:\t0\nflags:\t02\n",
            "lock:\t1: FLOCK  ADVISORY  READ 12 fe:00:7 0 EOF\n",
            "lock:\t1: POSIX  ADVISORY  WRITE 12 fe:00:7 0 EOF\n",
            "lock:\t1: FLOCK\n",
        ] {
            assert_eq!(flocks(other).count(), 0, "{other}");
        }

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("temporal.lock");
        let file = File::create(&path).unwrap();
        let known = KnownFile::at(&path).unwrap().unwrap();
        let me = super::super::identity::own_pid();
        assert!(!holds_lock(me, &known).unwrap(), "open, not locked");
        fs2::FileExt::try_lock_exclusive(&file).unwrap();
        assert!(holds_lock(me, &known).unwrap());
        std::fs::rename(folder.path(), folder.path().with_extension("moved")).unwrap();
        assert!(holds_lock(me, &known).unwrap(), "under another folder");
        std::fs::remove_dir_all(folder.path().with_extension("moved")).unwrap();
        assert!(holds_lock(me, &known).unwrap(), "deleted");
        fs2::FileExt::unlock(&file).unwrap();
        assert!(!holds_lock(me, &known).unwrap());
    }

    #[test]
    fn zombie_has_no_descriptors_and_those_of_another_user_are_unknown() {
        let denied = io::Error::from_raw_os_error(libc::EACCES);
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id().cast_signed();
        while !linux::stat(pid).unwrap().unwrap().is_zombie() {
            std::thread::yield_now();
        }
        assert!(has_ended(pid, &denied));
        child.wait().unwrap();
        assert!(has_ended(pid, &denied), "ended meanwhile");
        assert!(!has_ended(super::super::identity::own_pid(), &denied), "another user's");
        assert!(!has_ended(pid, &io::Error::from_raw_os_error(libc::EMFILE)));
    }

    #[test]
    fn deleted_file_is_locked_while_a_descriptor_has_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        std::fs::create_dir(&home).unwrap();
        let path = home.join("supervisor.lock");
        let file = File::create(&path).unwrap();
        let linked = folder.path().join("linked");
        std::os::unix::fs::symlink(folder.path(), &linked).unwrap();
        let me = super::super::identity::own_pid();
        let held = |path: &Path| holds_deleted(me, path).unwrap();
        fs2::FileExt::try_lock_exclusive(&file).unwrap();
        assert!(!held(&path), "the file exists");
        std::fs::remove_dir_all(&home).unwrap();
        assert!(held(&path) && held(&linked.join("home/supervisor.lock")));
        assert!(!held(&folder.path().join("other/supervisor.lock")));
        fs2::FileExt::unlock(&file).unwrap();
        assert!(!held(&path), "open, not locked");
    }

    #[test]
    fn file_of_the_same_name_is_another_file() {
        let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let paths = folders.each_ref().map(|folder| folder.path().join("temporal.lock"));
        let files = paths.each_ref().map(|path| File::create(path).unwrap());
        fs2::FileExt::try_lock_exclusive(&files[0]).unwrap();
        let [locked, other] = paths.each_ref().map(|path| KnownFile::at(path).unwrap().unwrap());
        let me = super::super::identity::own_pid();
        assert!(holds_lock(me, &locked).unwrap());
        assert!(!holds_lock(me, &other).unwrap());
    }

    #[test]
    fn file_counts_as_open_until_it_is_deleted_or_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("temporal.db");
        let known = || KnownFile::at(&path).unwrap().unwrap();
        let me = super::super::identity::own_pid();
        std::fs::write(&path, "").unwrap();
        assert!(!has_open(me, &known()).unwrap());
        let _file = File::open(&path).unwrap();
        assert!(has_open(me, &known()).unwrap());
        let link = folder.path().join("link.db");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(has_open(me, &KnownFile::at(&link).unwrap().unwrap()).unwrap());
        std::fs::write(folder.path().join("other"), "").unwrap();
        std::fs::rename(folder.path().join("other"), &path).unwrap();
        assert!(!has_open(me, &known()).unwrap(), "replaced");
        std::fs::remove_file(&path).unwrap();
        assert!(KnownFile::at(&path).unwrap().is_none());
    }
}
