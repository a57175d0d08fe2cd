//! File systems that are full or read-only. Each is mounted in a mount namespace that ends with the
//! test.

use super::rig::Rig;
use super::server::Permit;
use super::wait_until;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

const INSIDE: &str = "TEST_OWN_MOUNTS";

/// Runs the calling test a second time, in its own mount namespace. The second run gets a rig. The
/// first run gets `None` and must return. If no such namespace can be created, prints the reason
/// and returns `None`. The name of the test is taken from the type of the closure.
pub fn rig_with_own_mounts<C: Fn()>(test: C) -> Option<Rig> {
    has_own_mounts(test).then(Rig::new)
}

/// Like [`rig_with_own_mounts`], with the home on its own small disk and with a very high limit on
/// restarts.
pub fn rig_on_small_disk<C: Fn()>(test: C, options: &[(&'static str, &str)]) -> Option<Rig> {
    if !has_own_mounts(test) {
        return None;
    }
    let often =
        [("backoff-max", "\"50ms\""), ("max-restarts", "1000"), ("restart-window", "\"10s\"")];
    let rig = Rig::with(&[&often, options].concat());
    run("mount", &["-t", "tmpfs", "-o", "size=48m,mode=700", "none"], &rig.home);
    rig.configure();
    Some(rig)
}

fn has_own_mounts<C: Fn()>(_: C) -> bool {
    let (_crate, closure) = std::any::type_name::<C>().split_once("::").unwrap();
    let test = closure.strip_suffix("::{{closure}}").unwrap();
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let ways: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];
    let works = |way: &&&[&str]| {
        // Some systems create the namespace and then refuse mounts in it, so try a mount.
        let script = "mount -t tmpfs none /tmp";
        let mut unshare = Command::new("unshare");
        unshare.args(**way).args(["sh", "-c", script]);
        unshare.output().is_ok_and(|ran| ran.status.success())
    };
    let Some(way) = ways.iter().find(works) else {
        println!("skipped: no file system can be mounted here, not even in a user namespace");
        return false;
    };
    // The second run of the test is another process, which does not share the permits of this
    // process. So this process takes a permit for the second run.
    let _permit = Permit::wait();
    let mut again = Command::new("unshare");
    again.args(*way).arg(std::env::current_exe().unwrap());
    again.args(["--exact", test, "--nocapture"]).env(INSIDE, "1");
    let ran = again.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success() && out.contains("1 passed"), "{out}\n{err}");
    false
}

#[track_caller]
fn run(program: &str, arguments: &[&str], last: &Path) {
    let ran = Command::new(program).args(arguments).arg(last).output().unwrap();
    assert!(ran.status.success(), "{program}: {}", String::from_utf8_lossy(&ran.stderr));
}

/// A folder that is read-only until this value is dropped.
pub struct ReadOnly(PathBuf);

impl ReadOnly {
    #[track_caller]
    pub fn new(folder: &Path) -> Self {
        let name = folder.to_str().unwrap();
        run("mount", &["--bind", name], folder);
        // The kernel does not make the folder read-only while a file of the folder is open for
        // writing, so try again.
        wait_until("a read-only folder", || {
            let mut remount = Command::new("mount");
            remount.args(["-o", "remount,bind,ro"]).arg(folder);
            remount.output().unwrap().status.success()
        });
        Self(folder.to_owned())
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        run("umount", &["--lazy"], &self.0);
    }
}

/// A full disk. A thread fills the disk again whenever some space becomes free, until this value is
/// dropped.
pub struct Full {
    fill: PathBuf,
    done: Arc<AtomicBool>,
    filler: Option<JoinHandle<()>>,
}

impl Full {
    pub fn new(folder: &Path) -> Self {
        let (fill, done) = (folder.join("fill"), Arc::new(AtomicBool::new(false)));
        let mut file = File::create(&fill).unwrap();
        let full = move |file: &mut File| while file.write(&[1; 4096]).is_ok_and(|n| n > 0) {};
        full(&mut file);
        let is_done = done.clone();
        let filler = std::thread::spawn(move || {
            while !is_done.load(Ordering::Relaxed) {
                full(&mut file);
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        });
        Self { fill, done, filler: Some(filler) }
    }
}

impl Drop for Full {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        let _ = self.filler.take().map(JoinHandle::join);
        let _ = std::fs::remove_file(&self.fill);
    }
}
