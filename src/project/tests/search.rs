//! Tests of the search, and of who may write to the file.

use crate::process::look::tests::block;
use crate::project::{FILE_NAME, ProjectError, find, load};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A folder with the folders `a/b/c`, which only this user may change.
fn folders() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    fs::create_dir_all(root.join("a/b/c")).unwrap();
    (folder, root)
}

#[test]
fn nearest_file_at_or_above_the_folder_is_found() {
    let (_folder, root) = folders();
    let deep = root.join("a/b/c");
    fs::write(root.join("a").join(FILE_NAME), "").unwrap();
    assert_eq!(find(&deep, None).unwrap(), Some(root.join("a").join(FILE_NAME)));
    fs::write(deep.join(FILE_NAME), "").unwrap();
    assert_eq!(find(&deep, None).unwrap(), Some(deep.join(FILE_NAME)));
    assert_eq!(find(&root.join("a/b"), None).unwrap(), Some(root.join("a").join(FILE_NAME)));
}

#[test]
fn search_ends_after_the_home_folder() {
    let (_folder, root) = folders();
    let deep = root.join("a/b/c");
    fs::write(root.join(FILE_NAME), "").unwrap();
    assert_eq!(find(&deep, Some(&root)).unwrap(), Some(root.join(FILE_NAME)), "in the home itself");
    assert_eq!(find(&deep, Some(&root.join("a"))).unwrap(), None);
    // Another path of the same folder.
    symlink(root.join("a"), root.join("alias")).unwrap();
    assert_eq!(find(&deep, Some(&root.join("alias"))).unwrap(), None);
    assert!(find(&deep, Some(&root.join("gone"))).unwrap().is_some(), "a home that does not exist");
}

#[test]
fn search_ends_at_the_border_of_the_file_system() {
    // `/proc` is a file system of its own, and `/` is another one.
    let found = find(Path::new("/proc/self"), None).unwrap();
    assert_eq!(found, None);
}

#[test]
fn link_that_leads_nowhere_and_a_folder_are_errors_and_not_absent() {
    let (_folder, root) = folders();
    let file = root.join(FILE_NAME);
    symlink("gone", &file).unwrap();
    assert_eq!(find(&root, None).unwrap(), Some(file.clone()));
    assert!(matches!(load(&file), Err(ProjectError::Unreadable { .. })));
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let error = load(&find(&root, None).unwrap().unwrap()).unwrap_err().to_string();
    assert!(error.contains("it is a folder"), "{error}");
    fs::remove_dir(&file).unwrap();
    nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let error = load(&file).unwrap_err().to_string();
    assert!(error.contains("not a regular file"), "{error}");
}

#[test]
fn folder_that_cannot_be_examined_is_an_error() {
    let (_folder, root) = folders();
    let not_a_folder = root.join("file");
    fs::write(&not_a_folder, "").unwrap();
    let error = find(&not_a_folder.join("x"), None).unwrap_err().to_string();
    assert!(error.contains("cannot look for stigmer.toml in"), "{error}");
    let gone = root.join("gone");
    assert!(matches!(find(&gone, None), Err(ProjectError::Folder { .. })));
}

#[test]
fn folder_of_a_file_system_that_hangs_is_an_error() {
    let (_folder, root) = folders();
    let hanging = root.join("a");
    let release = block(&hanging);
    let error = find(&hanging.join("b"), None).unwrap_err().to_string();
    assert!(error.contains("does not respond"), "{error}");
    let error = load(&hanging.join(FILE_NAME)).unwrap_err().to_string();
    assert!(error.contains("does not respond"), "{error}");
    drop(release);
}

#[test]
fn file_that_others_may_write_is_refused() {
    let (_folder, root) = folders();
    let file = root.join(FILE_NAME);
    fs::write(&file, "").unwrap();
    mode(&file, 0o644);
    load(&file).unwrap();
    mode(&file, 0o646);
    let error = load(&file).unwrap_err().to_string();
    assert!(
        error.contains("every user may write to it (mode 646)") && error.contains("chmod go-w"),
        "{error}"
    );
    mode(&file, 0o644);
    mode(&root, 0o757);
    let error = load(&file).unwrap_err().to_string();
    assert!(error.contains("every user may replace it (mode 757 of its folder)"), "{error}");
    // The sticky bit lets only the owner of a file replace it.
    mode(&root, 0o1777);
    load(&file).unwrap();
    mode(&root, 0o700);
}

#[test]
fn target_of_a_link_and_its_folder_are_checked_too() {
    let (_folder, root) = folders();
    let (file, target) = (root.join(FILE_NAME), root.join("a/target.toml"));
    fs::write(&target, "[worker.x]\nrun = \"x\"\n").unwrap();
    mode(&target, 0o644);
    symlink("a/target.toml", &file).unwrap();
    let project = load(&file).unwrap();
    assert_eq!(project.workers[0].dir, root, "relative to the folder of the link");
    mode(&root.join("a"), 0o777);
    assert!(matches!(load(&file), Err(ProjectError::Refused { .. })));
    mode(&root.join("a"), 0o755);
    mode(&target, 0o666);
    assert!(matches!(load(&file), Err(ProjectError::Refused { .. })));
}

#[test]
fn file_or_folder_of_another_user_or_group_is_refused() {
    let (_folder, root) = folders();
    let file = root.join(FILE_NAME);
    fs::write(&file, "").unwrap();
    mode(&file, 0o664);
    if chown(&file, None, Some(4711)).is_err() {
        eprintln!("not tested: only root can give a file away");
        return;
    }
    let error = load(&file).unwrap_err().to_string();
    assert!(error.contains("its group may write to it (mode 664)"), "{error}");
    mode(&file, 0o644);
    load(&file).unwrap();
    chown(&file, Some(4711), None).unwrap();
    let error = load(&file).unwrap_err().to_string();
    assert!(
        error.contains("it belongs to user 4711, not to you") && error.contains("programs to run"),
        "{error}"
    );
    chown(&file, Some(0), None).unwrap();
    chown(&root, Some(4711), None).unwrap();
    let error = load(&file).unwrap_err().to_string();
    assert!(error.contains("its folder belongs to user 4711"), "{error}");
}

#[test]
fn file_that_is_not_text_or_too_large_is_an_error() {
    let (_folder, root) = folders();
    let file = root.join(FILE_NAME);
    fs::write(&file, b"# one\n\xff\n").unwrap();
    let error = load(&file).unwrap_err().to_string();
    assert!(
        error.ends_with("stigmer.toml:2: this line is not UTF-8; save the file as UTF-8"),
        "{error}"
    );
    fs::write(&file, "#".repeat((1 << 20) + 1)).unwrap();
    let error = load(&file).unwrap_err().to_string();
    assert!(error.contains("larger than 1 MiB"), "{error}");
}

#[test]
fn missing_folder_of_a_worker_is_found_on_disk() {
    let (_folder, root) = folders();
    let file = root.join(FILE_NAME);
    fs::write(
        &file,
        "[worker.x]\nrun = \"x\"\ndir = \"a/b\"\n[worker.y]\nrun = \"y\"\ndir = \"a/z\"\n",
    )
    .unwrap();
    let error = load(&file).unwrap_err().to_string();
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.contains(":6: `dir`: there is no folder"), "{error}");
}
