use super::*;

#[test]
fn folders_are_created_and_kept_closed_to_others() {
    let base = tempfile::tempdir().unwrap();
    let home = Home::at(&base.path().join("deep/home")).unwrap();
    home.prepare(false).unwrap();
    std::fs::set_permissions(home.logs(), Permissions::from_mode(0o755)).unwrap();
    home.prepare(false).unwrap();
    for folder in [home.root().to_owned(), home.logs(), home.bin(), home.data()] {
        let mode = std::fs::metadata(&folder).unwrap().mode() & 0o777;
        assert_eq!(mode, 0o700, "{}", folder.display());
    }
}

#[test]
fn home_of_another_user_is_refused_before_it_is_read() {
    let base = tempfile::tempdir().unwrap();
    if std::os::unix::fs::chown(base.path(), Some(4711), None).is_err() {
        eprintln!("not tested: only root can give a folder away");
        return;
    }
    let error = Home::at(base.path()).unwrap_err().to_string();
    assert!(error.contains("user 4711") && error.contains("--home"), "{error}");
}

#[test]
fn folder_with_files_that_others_may_have_written_is_refused() {
    let base = tempfile::tempdir().unwrap();
    std::fs::set_permissions(base.path(), Permissions::from_mode(0o777)).unwrap();
    std::fs::write(base.path().join("config.toml"), "").unwrap();
    Home::at(base.path()).unwrap();
    std::fs::write(base.path().join("temporal.pid"), "").unwrap();
    let error = Home::at(base.path()).unwrap_err().to_string();
    assert!(error.contains("mode 777") && error.contains("chmod 700"), "{error}");
    std::fs::set_permissions(base.path(), Permissions::from_mode(0o755)).unwrap();
    Home::at(base.path()).unwrap();
}

#[test]
fn two_spellings_lead_to_one_home_even_if_deleted() {
    let base = tempfile::tempdir().unwrap();
    let [a, b] = ["a", "b"].map(|name| base.path().join(name));
    std::fs::create_dir(&a).unwrap();
    std::os::unix::fs::symlink(&a, &b).unwrap();
    let home = Home::at(&a).unwrap();
    assert_eq!(Home::at(&base.path().join("b/../b/.")).unwrap(), home);
    std::fs::remove_dir(&a).unwrap();
    assert_eq!(Home::at(&b).unwrap(), home);
}

#[test]
fn path_too_long_for_a_socket_is_refused() {
    let error = Home::at(&PathBuf::from(format!("/tmp/{}", "x".repeat(100)))).unwrap_err();
    assert!(error.to_string().contains("--home"), "{error}");
}

#[test]
fn file_at_the_path_is_an_error_that_names_it() {
    let base = tempfile::tempdir().unwrap();
    let file = base.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Home::at(&file).unwrap_err().to_string();
    assert!(error.contains("file") && error.contains("not a directory"), "{error}");
}

#[test]
fn failed_replacement_leaves_no_temporary_file() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("temporal.pid");
    write_private(&path, "old").unwrap();
    let mode = std::fs::metadata(&path).unwrap().mode() & 0o777;
    assert_eq!(mode, 0o600);
    write_private(&path, "new").unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
    // The write fails, because a file cannot replace a folder.
    let folder = base.path().join("folder");
    std::fs::create_dir(&folder).unwrap();
    write_private(&folder, "new").unwrap_err();
    std::fs::remove_dir(&folder).unwrap();
    let left = std::fs::read_dir(base.path()).unwrap().map(|it| it.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["temporal.pid"]);
}
