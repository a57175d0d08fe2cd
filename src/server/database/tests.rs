use super::*;
use crate::process::identity::Identity;
use crate::process::lock::tests::until_free;
use crate::process::memory::{self, MARKER, words};
use std::os::fd::AsRawFd;

fn stamp_of(path: &Path) -> Stamp {
    read(&lock_path(path).unwrap()).unwrap()
}

/// Ends a start on this database and waits until the lock is free.
fn end(start: Guarded, file: &Path) {
    drop(start);
    until_free(&lock_path(file).unwrap());
}

/// This test process as the server: it has the lock that [`guard`] returns.
fn this_process() -> Instance {
    Instance { leader: Identity::own(), marker: String::new() }
}

/// A second server, which has the lock of this database and has written its own text into the lock
/// file.
struct OtherServer(std::process::Child);

impl OtherServer {
    fn on(file: &Path, home: &str) -> Self {
        Self::marked(file, home, "")
    }

    fn marked(file: &Path, home: &str, marker: &str) -> Self {
        let path = lock_path(file).unwrap();
        let mut command = std::process::Command::new("flock");
        command.arg("--no-fork").arg(&path).args(["sleep", "300"]).env(MARKER, marker);
        let child = command.spawn().unwrap();
        let pid = child.id().try_into().unwrap();
        // `flock` locks the file and then executes `sleep`. For a moment within `execve`, no other
        // process can read the environment of this process.
        let sleeps = || {
            lock::is_held(&path).unwrap()
                && words(pid).first().is_some_and(|word| word == b"sleep")
                && memory::marker(pid).unwrap().as_deref() == Some(marker)
        };
        while !sleeps() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let stamp = Stamp { home: home.to_owned(), complete: true, ..Stamp::default() };
        lock::keep_text(&path, &text(&stamp).unwrap()).unwrap();
        Self(child)
    }

    fn instance(&self) -> Instance {
        let leader = Identity::of(self.0.id().try_into().unwrap()).unwrap().unwrap();
        Instance { leader, marker: String::new() }
    }
}

impl Drop for OtherServer {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn second_server_on_one_database_is_refused_under_any_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.db");
    std::fs::write(&file, "x").unwrap();
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let held = guard(&file, "/home/one", "1.9.1").unwrap();
    let refused = guard(&link, "/home/two", "1.9.1").unwrap_err();
    assert!(refused.failure.reason.contains("/home/one"), "{refused:?}");
    end(held, &file);
    guard(&link, "/home/two", "1.9.1").unwrap();
}

#[test]
fn dangling_link_and_its_target_have_the_same_lock() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.db");
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink("a.db", &link).unwrap();
    let _held = guard(&link, "one", "1").unwrap();
    assert!(guard(&file, "two", "1").is_err());
}

#[test]
fn incomplete_database_of_stigmer_is_renamed_with_its_journal() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.db");
    end(guard(&file, "h", "1").unwrap(), &file);
    assert!(!stamp_of(&file).complete);
    std::fs::write(&file, "half a schema").unwrap();
    std::fs::write(folder.path().join("a.db-wal"), "wal").unwrap();
    let again = guard(&file, "h", "1").unwrap();
    assert_eq!(again.warnings.len(), 1);
    assert!(!file.exists());
    assert!(folder.path().join("a.db.incomplete-1").exists());
    assert!(folder.path().join("a.db.incomplete-1-wal").exists());
}

#[test]
fn complete_database_is_kept_and_another_version_causes_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.db");
    end(guard(&file, "h", "1.8.0").unwrap(), &file);
    std::fs::write(&file, "a whole schema").unwrap();
    let mut kept = Kept::complete(file.clone(), "h", Some("1.8.0"), this_process()).unwrap().0;
    kept.keep().unwrap();
    drop(kept);
    assert!(stamp_of(&file).complete);
    let same = guard(&file, "h", "1.8.0").unwrap();
    assert!(same.warnings.is_empty());
    end(same, &file);
    let warnings = guard(&file, "h", "1.9.1").unwrap().warnings;
    assert!(warnings[0].contains("1.8.0") && warnings[0].contains("1.9.1"), "{warnings:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "a whole schema");
}

#[test]
fn database_of_another_program_is_used_unchanged_and_never_renamed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.db");
    std::fs::write(&file, "theirs").unwrap();
    let guarded = guard(&file, "h", "1").unwrap();
    assert!(guarded.stamp().complete && !guarded.stamp().created);
    drop(guarded);
    std::fs::write(&file, "").unwrap();
    std::fs::remove_file(lock_path(&file).unwrap()).unwrap();
    assert!(guard(&file, "h", "1").unwrap_err().failure.reason.contains("empty"));
    assert!(file.exists());
}

#[test]
fn lock_file_that_is_a_link_is_refused_and_its_target_is_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.db");
    let target = folder.path().join("target");
    std::fs::write(&file, "a whole schema").unwrap();
    std::fs::write(&target, "kept").unwrap();
    std::os::unix::fs::symlink(&target, lock_path(&file).unwrap()).unwrap();
    assert!(guard(&file, "h", "1").unwrap_err().failure.reason.contains("symbolic link"));
    Kept::complete(file.clone(), "h", Some("1"), this_process()).unwrap_err();
    Kept::new(file, Stamp::default(), this_process()).keep().unwrap_err();
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "kept");
}

#[test]
fn deleted_lock_file_of_a_running_server_is_restored_and_locked_by_the_host() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.db");
    std::fs::write(&file, "a whole schema").unwrap();
    let server = guard(&file, "/home/one", "1").unwrap();
    let (mut kept, note) =
        Kept::complete(file.clone(), "/home/one", Some("1"), this_process()).unwrap();
    assert_eq!(note, None);
    kept.keep().unwrap();
    assert!(kept.lock.is_none(), "the server holds the lock");
    for _ in 0..2 {
        std::fs::remove_file(lock_path(&file).unwrap()).unwrap();
        kept.keep().unwrap();
        kept.keep().unwrap();
        assert_eq!(stamp_of(&file).cli_version.as_deref(), Some("1"));
        let refused = guard(&file, "/home/two", "1").unwrap_err();
        assert!(refused.failure.reason.contains("/home/one"), "{refused:?}");
    }
    drop((server, kept));
    guard(&file, "/home/one", "1").unwrap();
}

#[test]
fn lock_file_that_another_server_has_locked_is_reported_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.db");
    std::fs::write(&file, "a whole schema").unwrap();
    let _server = guard(&file, "/home/one", "1").unwrap();
    let (mut kept, _) =
        Kept::complete(file.clone(), "/home/one", Some("1"), this_process()).unwrap();
    kept.keep().unwrap();
    std::fs::remove_file(lock_path(&file).unwrap()).unwrap();
    let other = OtherServer::on(&file, "/home/two");
    for _ in 0..2 {
        assert!(kept.keep().unwrap_err().to_string().contains("another server"));
        assert_eq!(stamp_of(&file).home, "/home/two");
    }
    drop(other);
    kept.keep().unwrap();
    assert_eq!(stamp_of(&file).home, "/home/one");
}

#[test]
fn adopting_host_leaves_the_lock_file_of_another_server_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.db");
    std::fs::write(&file, "a whole schema").unwrap();
    let server = OtherServer::on(&file, "/home/one");
    let adopt = || Kept::complete(file.clone(), "/home/one", Some("1"), server.instance());
    adopt().unwrap().0.keep().unwrap();
    std::fs::remove_file(lock_path(&file).unwrap()).unwrap();
    let other = OtherServer::on(&file, "/home/two");
    let mut kept = adopt().unwrap().0;
    let error = kept.keep().unwrap_err().to_string();
    assert!(error.contains("another server"), "{error}");
    assert!(error.contains(&format!("pid {}", other.0.id())), "{error}");
    assert_eq!(stamp_of(&file).home, "/home/two");
    drop(other);
    kept.keep().unwrap();
    assert_eq!(stamp_of(&file).home, "/home/one");
}

#[test]
fn child_proves_the_lock_if_the_leader_does_not() {
    assert!(proof(Ok(true)).unwrap());
    let looked = |code| proof(Err(io::Error::from_raw_os_error(code)));
    assert!(!looked(libc::EACCES).unwrap(), "the descriptors cannot be read");
    assert!(looked(libc::EMFILE).is_err(), "the look has failed");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.db");
    std::fs::write(&file, "a whole schema").unwrap();
    // The leader is the test process, which does not have the lock. Its child has the lock, as with
    // a wrapper script.
    let _server = OtherServer::marked(&file, "/home/one", "1.server-of-a-wrapper.1");
    let keep = |marker: &str| {
        let server = Instance { leader: Identity::own(), marker: marker.to_owned() };
        Kept::complete(file.clone(), "/home/one", Some("1"), server).unwrap().0.keep()
    };
    keep("1.server-of-a-wrapper.1").unwrap();
    assert!(keep("1.another-server.1").unwrap_err().to_string().contains("another server"));
    assert!(keep("").is_err(), "an empty marker proves nothing");
}

/// The lock of a database on a file system that does not show which process has a lock. A memory
/// mapping keeps the locked file open without a descriptor.
struct InvisibleLock(*mut libc::c_void);

impl InvisibleLock {
    fn on(file: &Path) -> Self {
        let mut options = std::fs::File::options();
        let options = options.read(true).write(true).create(true).truncate(false);
        let lock = options.open(lock_path(file).unwrap()).unwrap();
        fs2::FileExt::try_lock_exclusive(&lock).unwrap();
        let fd = lock.as_raw_fd();
        // SAFETY: the mapping is new, and no code reads it.
        let mapping = unsafe {
            libc::mmap(std::ptr::null_mut(), 1, libc::PROT_READ, libc::MAP_SHARED, fd, 0)
        };
        assert_ne!(mapping, libc::MAP_FAILED);
        Self(mapping)
    }
}

impl Drop for InvisibleLock {
    fn drop(&mut self) {
        // SAFETY: only this value uses the mapping.
        unsafe { libc::munmap(self.0, 1) };
    }
}

#[test]
fn lock_without_a_visible_holder_belongs_to_a_server_that_inherited_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.db");
    std::fs::write(&file, "a whole schema").unwrap();
    let lock = InvisibleLock::on(&file);
    let path = lock_path(&file).unwrap();
    // A child that another test has spawned meanwhile has the lock until it executes its program.
    while Machine::read(&path, 0).unwrap().lock_holders().next().is_some() {
        std::thread::yield_now();
    }
    for (inherits, opened) in [(true, path.as_path()), (false, file.as_path())] {
        let mut command = std::process::Command::new("sleep");
        command.arg("300").stdin(std::fs::File::open(opened).unwrap());
        let server = OtherServer(command.spawn().unwrap());
        let mut kept =
            Kept::complete(file.clone(), "/home/one", Some("1"), server.instance()).unwrap().0;
        let is_kept = kept.keep();
        assert_eq!(is_kept.is_ok(), inherits, "{is_kept:?}");
        assert_eq!(stamp_of(&file).home, "/home/one", "the stamp of the first server");
    }
    drop(lock);
    // The process of another test may keep the mapping for a moment.
    until_free(&path);
    Kept::new(file.clone(), Stamp::default(), this_process()).keep().unwrap();
    assert_eq!(stamp_of(&file), Stamp::default(), "the lock is free");
}

#[test]
fn lock_held_by_this_process_is_a_transient_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.db");
    let held = guard(&file, "/home/one", "1").unwrap();
    assert!(guard(&file, "/home/one", "1").unwrap_err().is_transient);
    drop(held);
    let _other = OtherServer::on(&file, "/home/two");
    assert!(!guard(&file, "/home/one", "1").unwrap_err().is_transient);
}

#[test]
fn error_names_a_missing_folder() {
    let folder = tempfile::tempdir().unwrap();
    let refused = guard(&folder.path().join("no/a.db"), "h", "1").unwrap_err();
    assert!(refused.failure.reason.contains("no/a.db"), "{refused:?}");
    assert!(guard(folder.path(), "h", "1").unwrap_err().failure.reason.contains("folder"));
}
