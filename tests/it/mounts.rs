//! A file system that does not respond, such as FUSE with a program that hangs, or NFS without its
//! server.

use crate::support::fuse::{HangingMount, HangingReads};
use crate::support::mounts::rig_with_own_mounts;
use crate::support::process::{Process, wait_gone};
use crate::support::rig::{READY, REUSED, Rig, Running};
use crate::support::socket::{ask_tcp, get};
use crate::support::{LIMIT, ports, status, wait_until};
use rustix::process::Signal;
use serde_json::Value;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

/// Returns a folder outside the home, covered by a hanging file system.
fn hanging(rig: &Rig, name: &str) -> Option<(PathBuf, HangingMount)> {
    let folder = folder(rig, name);
    let mount = HangingMount::over(&folder)?;
    Some((folder, mount))
}

fn folder(rig: &Rig, name: &str) -> PathBuf {
    let folder = rig.folder().join(name);
    std::fs::create_dir(&folder).unwrap();
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Waits until the status of the host contains these words. If the host did not respond, the status
/// would come from the files of the home and name no host.
#[track_caller]
fn host_reports(rig: &Rig, host: &Process, words: &[&str]) {
    wait_until(&format!("{words:?}"), || {
        let status = rig.status();
        assert_eq!(status["host"]["pid"], host.pid, "{status:#}");
        assert_eq!(get(rig, "/healthz").body, "ok\n");
        let message = status["message"].as_str().unwrap();
        words.iter().all(|word| message.contains(word))
    });
}

/// Words that a host reports while the folder of the database does not respond.
const UNKEPT: [&str; 2] = ["the lock next to the database", "does not respond"];

#[test]
fn process_with_an_open_file_on_a_hanging_mount_delays_nothing() {
    let Some(rig) = rig_with_own_mounts(|| ()) else { return };
    for is_known in [false, true] {
        let folder = folder(&rig, &format!("mount{is_known}"));
        let Some((_mount, file)) = HangingMount::with_open_file(&folder, is_known) else { return };
        delays_nothing(&rig, file);
    }
}

#[track_caller]
fn delays_nothing(rig: &Rig, file: File) {
    let mut stranger = std::process::Command::new("sleep");
    let _stranger = Running::spawn({
        stranger.arg("300").stdin(file);
        stranger
    });
    rig.start();
    let status = rig.status();
    rig.temporal().kill();
    rig.wait_ready(status["temporal"]["generation"].as_u64().unwrap() + 1);
    assert_eq!(rig.run(&["restart"]).exits(0).says(), READY);
    // Without host and record, a start reads the open files of every process, also of the process
    // with the hanging mount.
    std::fs::remove_file(rig.path("temporal.pid")).unwrap();
    rig.host().kill();
    rig.start();
    rig.stop();
}

#[test]
fn database_on_a_hanging_mount_is_an_error() {
    let Some(rig) = rig_with_own_mounts(|| ()) else { return };
    let Some((folder, mount)) = hanging(&rig, "mount") else { return };
    let database = folder.join("temporal.db");
    let options = ["--max-restarts", "1", "--db", text(&database)];
    let says = [text(&folder), "does not respond", "--db"];
    rig.run(&options).exits(1).complains(&says);
    rig.status();
    rig.stop();
    drop(mount);
    // A FUSE file system that responds is refused, too, because file locks may not work there.
    let Some(_mount) = HangingMount::empty(&folder) else { return };
    rig.run(&options).exits(1).complains(&[text(&folder), "FUSE", "--db", "STIGMER_ALLOW"]);
    rig.stop();
}

/// The kernel caches the metadata of the file, so only an `open` of the file blocks.
#[test]
fn database_whose_open_hangs_is_an_error() {
    let Some(rig) = rig_with_own_mounts(|| ()) else { return };
    let folder = folder(&rig, "mount");
    let names = ["temporal.db", "temporal.db.stigmer", "temporal.db-wal", "temporal.db-shm"];
    let Some(_mount) = HangingMount::with_known_files(&folder, &names) else { return };
    for allowed in [false, true] {
        let database = folder.join(names[0]);
        let mut start = rig.local(&["--max-restarts", "1", "--db", text(&database)]);
        if allowed {
            start.env("STIGMER_ALLOW_NETWORK_HOME", "1");
        }
        rig.finish(start).exits(1).complains(&[text(&folder), "does not respond", "--db"]);
        rig.status();
        rig.stop();
    }
}

/// Checks that neither a background nor a foreground start works with this program.
#[track_caller]
fn refuses_program(rig: &Rig, program: &Path) {
    for mode in [&[][..], &["--no-tui"]] {
        let arguments = [mode, &["--temporal-bin", text(program)]].concat();
        let says = [text(program), "does not respond", "--temporal-bin"];
        rig.run(&arguments).exits(1).complains(&says);
        rig.assert_nothing_runs();
    }
}

/// The kernel caches the metadata of the program, so only an `open` of the program blocks.
#[test]
fn program_whose_open_hangs_is_an_error() {
    let Some(rig) = rig_with_own_mounts(|| ()) else { return };
    let folder = folder(&rig, "mount");
    let Some(_mount) = HangingMount::with_known_files(&folder, &["temporal"]) else { return };
    refuses_program(&rig, &folder.join("temporal"));
}

#[test]
fn server_continues_while_a_hanging_mount_covers_its_database() {
    let Some(rig) = rig_with_own_mounts(|| ()) else { return };
    let (host, temporal) = rig.start_both();
    let Some(mount) = HangingMount::over(&rig.path("temporal-data")) else { return };
    // Wait for several reports of the host. The host makes the later reports while one of its
    // system calls on the folder is blocked.
    for _ in 0..4 {
        host_reports(&rig, &host, &UNKEPT);
    }
    let status = rig.status();
    assert_eq!((&status["state"], temporal.is_alive()), (&"ready".into(), true), "{status:#}");
    temporal.kill();
    host_reports(&rig, &host, &["cannot use the database", "does not respond"]);
    assert_eq!(rig.status()["intent"], "up");
    drop(mount);
    rig.wait_state("ready");
    assert!(host.is_alive());
    let Some(mount) = HangingMount::over(&rig.path("temporal-data")) else { return };
    rig.stop();
    drop(mount);
}

#[test]
fn host_is_not_delayed_by_a_server_that_ends_while_its_database_hangs() {
    let Some(rig) = rig_with_own_mounts(|| ()) else { return };
    let _host = rig.headless(&[]);
    rig.wait_for("a server", |status| status["temporal"]["pid"].is_i64());
    let (host, temporal) = (rig.host(), rig.temporal());
    let Some(mount) = HangingMount::over(&rig.path("temporal-data")) else { return };
    temporal.kill();
    host_reports(&rig, &host, &["cannot use the database", "does not respond"]);
    drop(mount);
    rig.wait_state("ready");
    assert!(host.is_alive());
    rig.stop();
}

#[test]
fn program_on_a_hanging_mount_is_an_error() {
    let Some(rig) = rig_with_own_mounts(|| ()) else { return };
    let Some((folder, _mount)) = hanging(&rig, "mount") else { return };
    refuses_program(&rig, &folder.join("temporal"));
}

#[test]
fn error_names_a_hanging_folder_of_path() {
    let Some(mut rig) = rig_with_own_mounts(|| ()) else { return };
    let Some((folder, _mount)) = hanging(&rig, "mount") else { return };
    rig.unset("temporal-bin");
    let mut command = rig.local(&[]);
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", text(&folder)));
    rig.finish(command).exits(1).complains(&[text(&folder), "does not respond", "PATH"]);
    rig.assert_nothing_runs();
}

#[test]
fn hanging_bin_folder_prevents_a_start_until_it_responds() {
    let Some(rig) = rig_with_own_mounts(|| ()) else { return };
    rig.start();
    let host = rig.host();
    let Some(mount) = HangingMount::over(&rig.path("bin")) else { return };
    rig.temporal().kill();
    rig.status();
    drop(mount);
    rig.wait_state("ready");
    assert!(host.is_alive());
    rig.stop();
    let Some(_mount) = HangingMount::over(&rig.path("bin")) else { return };
    rig.run(&[]).exits(1).complains(&[text(&rig.home), "does not respond"]);
    rig.run(&["stop"]).exits(0);
    assert!(rig.processes().is_empty());
}

#[test]
fn every_command_ends_if_the_home_hangs() {
    let Some(rig) = rig_with_own_mounts(|| ()) else { return };
    let Some(mount) = HangingMount::over(&rig.home) else { return };
    let says = [text(&rig.home), "does not respond", "--home"];
    rig.every_command_complains(&says);
    let mut below = rig.command(rig.stigmer());
    below.args(["local", "status", "--home"]).arg(rig.path("below"));
    rig.finish(below).exits(1).complains(&says);
    drop(mount);
}

#[test]
fn commands_end_while_the_home_of_a_running_server_hangs_and_the_host_continues() {
    let Some(rig) = rig_with_own_mounts(|| ()) else { return };
    let (host, temporal) = rig.start_both();
    let Some(mount) = HangingMount::over(&rig.home) else { return };
    for command in [&[][..], &["status"], &["restart"], &["stop"]] {
        rig.run(command).exits(1).complains(&["does not respond"]);
    }
    drop(mount);
    rig.wait_state("ready");
    assert!(host.is_alive() && temporal.is_alive());
    rig.stop();
}

#[test]
fn reads_of_the_log_that_hang_delay_neither_the_host_nor_a_viewer() {
    let Some(rig) = rig_with_own_mounts(|| ()) else { return };
    let path = rig.path("logs/temporal.log");
    std::fs::create_dir(rig.path("logs")).unwrap();
    std::fs::write(&path, "").unwrap();
    let Some(log) = HangingReads::over(&path) else { return };
    let (host, temporal) = rig.start_both();
    let follower = rig.headless(&[]);
    follower.wait_for("attached to the background host");
    log.hang();
    let append = |line: &str| {
        let mut log = File::options().append(true).open(&path).unwrap();
        log.write_all(line.as_bytes()).unwrap();
    };
    append("while it hangs\n");
    wait_until("reads of host and follower", || log.waiting() >= 2);
    for _ in 0..3 {
        assert_eq!(rig.status()["host"]["pid"], host.pid);
        assert_eq!(get(&rig, "/healthz").body, "ok\n");
    }
    rig.run(&["logs"]).exits(1).complains(&[text(&path), "does not respond"]);
    assert!(host.is_alive() && temporal.is_alive());
    log.respond();
    follower.wait_for("while it hangs");
    append("afterwards\n");
    follower.wait_for("afterwards");
    log.hang();
    append("at the end\n");
    rig.run(&["stop"]).exits(0);
    follower.finish().exits(0);
    rig.assert_nothing_runs();
}

/// A host whose home is covered by a hanging mount. Through the mount its socket cannot be reached,
/// so the test uses a descriptor of the covered folder.
struct Covered {
    host: Process,
    home: PathBuf,
    below: File,
    http: u16,
}

impl Covered {
    /// Starts a host that checks its server every 100 ms.
    #[track_caller]
    fn start(rig: &mut Rig) -> (Self, Process) {
        let http = ports::free();
        rig.set("http", &format!("\"127.0.0.1:{http}\""));
        rig.set("probe-period", "\"100ms\"");
        let (host, temporal) = rig.start_both();
        let below = File::open(&rig.home).unwrap();
        (Self { host, home: rig.home.clone(), below, http }, temporal)
    }

    /// Checks the health endpoint over TCP. Returns the status from the socket.
    #[track_caller]
    fn status(&self) -> Value {
        let folder = format!("/proc/self/fd/{}", self.below.as_raw_fd());
        assert_eq!(self.over_tcp("/healthz"), "ok\n");
        let status = status::ask_within(LIMIT, Path::new(&folder));
        let status = status.expect("the host responds on its socket");
        assert_eq!(status["host"]["pid"], self.host.pid, "{status:#}");
        status
    }

    fn over_tcp(&self, path: &str) -> String {
        ask_tcp(self.http, "GET", path, "localhost").body
    }

    /// Waits until the status reports that the home does not respond.
    #[track_caller]
    fn wait_reported(&self) {
        let words = [text(&self.home), "does not respond"];
        wait_until("the home in the status", || {
            let status = self.status();
            let message = status["message"].as_str().unwrap();
            words.iter().all(|word| message.contains(word))
        });
    }

    /// The number of passed rounds of checks so far.
    fn rounds(&self) -> u64 {
        let metrics = self.over_tcp("/metrics");
        let count = "stigmer_temporal_probe_duration_seconds_count{layer=\"grpc\"} ";
        metrics.lines().find_map(|line| line.strip_prefix(count)?.parse().ok()).unwrap_or(0)
    }

    fn threads(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/task", self.host.pid)).unwrap().count()
    }
}

#[test]
fn host_whose_home_hangs_checks_its_server_and_responds() {
    let Some(mut rig) = rig_with_own_mounts(|| ()) else { return };
    let (covered, temporal) = Covered::start(&mut rig);
    let Some(mount) = HangingMount::over(&rig.home) else { return };
    covered.wait_reported();
    // Wait for more rounds than the host makes between two look-ups of the processes of the server.
    let (rounds, threads) = (covered.rounds(), covered.threads());
    wait_until("passed checks", || {
        assert_eq!(covered.status()["state"], "ready");
        covered.rounds() > rounds + 60
    });
    assert!(covered.threads() <= threads + 1, "each look blocks another thread");
    temporal.kill();
    wait_until("the crash in the status", || covered.status()["state"] != "ready");
    covered.wait_reported();
    drop(mount);
    // Generation 2 is the start that was refused while the home did not respond.
    rig.wait_for("the next start", |status| {
        status["state"] == "ready" && status["temporal"]["generation"].as_u64() >= Some(3)
    });
    rig.wait_for("no trouble", |status| status["message"] == "");
    assert!(covered.host.is_alive());
    let timeline = rig.run(&["events"]).exits(0).stdout;
    assert!(timeline.contains("SIGKILL"), "{timeline}");
    rig.stop();
}

#[test]
fn host_whose_home_hangs_ends_by_a_signal() {
    let Some(mut rig) = rig_with_own_mounts(|| ()) else { return };
    let (covered, temporal) = Covered::start(&mut rig);
    let Some(mount) = HangingMount::over(&rig.home) else { return };
    covered.wait_reported();
    covered.host.signal(Signal::TERM);
    wait_gone(&covered.host);
    assert!(!temporal.is_alive());
    drop(mount);
    rig.stop();
}

#[test]
fn host_whose_home_hangs_keeps_its_server_running_at_sighup() {
    let Some(rig) = rig_with_own_mounts(|| ()) else { return };
    let host = rig.headless(&[]);
    host.wait_for(READY);
    let temporal = rig.temporal();
    let Some(mount) = HangingMount::over(&rig.home) else { return };
    host.process().signal(Signal::HUP);
    let ran = host.finish();
    assert!(ran.stdout.contains("cannot start a background host"), "{ran:?}");
    assert!(temporal.is_alive());
    drop(mount);
    assert_eq!(rig.start().says(), REUSED);
    assert_eq!(rig.temporal().pid, temporal.pid);
    rig.stop();
}
