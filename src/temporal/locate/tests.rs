use std::fs;
use std::os::unix::fs::symlink;

use super::*;

fn program(path: &Path, script: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn named_program_precedes_that_of_the_home_and_that_on_path() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let (named, home, on_path) = (at("my/t"), at("home/bin/temporal"), at("usr/bin/temporal"));
    let path = std::env::join_paths([at("empty"), at("usr/bin")]).unwrap();
    let find = |named: Option<&Path>| locate(named, &home, Some(&path));
    let for_shell = |named: Option<&Path>| locate_for_shell(named, &home, Some(&path));

    assert!(matches!(find(None), Err(LocateError::NotFound { .. })));
    assert_eq!(for_shell(None), None);
    program(&home, "");
    program(&named, "");
    assert_eq!(
        (for_shell(None), for_shell(Some(&named))),
        (Some(home.clone()), Some(named.clone()))
    );
    fs::remove_file(&home).unwrap();
    program(&on_path, "");
    assert_eq!((for_shell(None), for_shell(Some(&named))), (None, None));
    assert_eq!(find(None).unwrap(), Located { path: on_path, origin: Origin::Path });
    program(&home, "");
    assert_eq!(find(None).unwrap(), Located { path: home.clone(), origin: Origin::Home });
    program(&named, "");
    let found = find(Some(&named)).unwrap();
    assert_eq!(found, Located { path: named, origin: Origin::Option });
}

#[test]
fn error_of_an_unusable_program_has_reason_and_hint() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("plain"), "x").unwrap();
    fs::create_dir(at("folder")).unwrap();
    let cases = [
        ("absent", "there is no such file", "--temporal-bin"),
        ("plain", "not executable", "chmod +x"),
        ("folder", "it is a folder", "--temporal-bin"),
    ];
    for (name, why, hint) in cases {
        let error = locate(Some(&at(name)), &at("home"), None).unwrap_err().to_string();
        assert!(error.contains(why) && error.contains(hint), "{error}");
        assert!(error.contains(&at(name).display().to_string()), "{error}");
    }
    symlink(at("gone"), at("home")).unwrap();
    let error = locate(None, &at("home"), None).unwrap_err().to_string();
    assert!(error.contains("stigmer local install"), "{error}");
}

#[test]
fn unusable_file_on_path_is_skipped() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("a/temporal")).unwrap();
    program(&dir.path().join("b/temporal"), "");
    let path = std::env::join_paths([dir.path().join("a"), dir.path().join("b")]).unwrap();
    let found = locate(None, &dir.path().join("home"), Some(&path)).unwrap();
    assert_eq!(found.path, dir.path().join("b/temporal"));
}

#[test]
fn version_output_is_parsed() {
    let version = parse_version("temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)\n").unwrap();
    assert_eq!(version.cli, "1.9.1");
    assert_eq!(version.server.as_deref(), Some("1.32.0"));
    assert_eq!(version.ui.as_deref(), Some("2.54.1"));
    assert_eq!(parse_version("temporal version 2.0.0").unwrap().server, None);
    assert_eq!(parse_version("usage: temporal"), None);
    assert_eq!(parse_version("temporal version unknown"), None);
}

#[test]
fn program_that_is_not_a_temporal_cli_has_no_version() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t");
    program(&path, "echo temporal version 1.2.3; sleep 20 &");
    assert_eq!(version(&path, None).unwrap().cli, "1.2.3");
    program(&path, "echo hello");
    assert!(version(&path, None).unwrap_err().to_string().contains("printed `hello`"));
    program(&path, "echo broken >&2; exit 1");
    assert!(version(&path, None).unwrap_err().to_string().contains("broken"));
}
