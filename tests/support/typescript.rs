//! Workers of the real TypeScript SDK.

use super::rig::{Rig, Running};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// The first version of Node that the SDK supports.
const NODE: (u32, u32) = (20, 3);

/// The packages of the SDK.
const MANIFEST: &str = include_str!("../samples/typescript/package.json");
/// The version and checksum of each package.
const LOCK: &str = include_str!("../samples/typescript/package-lock.json");
/// The worker of the tests.
const SOURCES: [(&str, &str); 2] = [
    ("worker.js", include_str!("../samples/typescript/worker.js")),
    ("workflows.js", include_str!("../samples/typescript/workflows.js")),
];

/// The folder of the packages. Installs the packages if necessary. Several test runs may do this at
/// the same time.
fn packages() -> &'static Path {
    static PACKAGES: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("typescript");
        let (packages, complete) = (folder.join("node_modules"), folder.join("complete"));
        let is_there = || std::fs::read_to_string(&complete).is_ok_and(|it| it == LOCK);
        if is_there() {
            return packages;
        }
        let lock = File::create(folder.with_extension("lock")).unwrap();
        fs2::FileExt::lock_exclusive(&lock).unwrap();
        if !is_there() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("package.json"), MANIFEST).unwrap();
            std::fs::write(folder.join("package-lock.json"), LOCK).unwrap();
            let mut npm = Command::new("npm");
            npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&folder);
            let done = npm.output().unwrap();
            let output = String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success(), "the tests need the TypeScript SDK: {npm:?}: {output}");
            std::fs::write(&complete, LOCK).unwrap();
        }
        packages
    });
    &PACKAGES
}

/// The version of Node, for example (20, 3) for `v20.3.1`. `None` if Node or npm is not installed.
fn node() -> Option<(u32, u32)> {
    let output = |program| Command::new(program).arg("--version").output().ok();
    output("npm").filter(|npm| npm.status.success())?;
    let version = String::from_utf8(output("node")?.stdout).ok()?;
    let mut numbers = version.trim_start_matches('v').split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// Starts a worker of this queue, and waits until the worker polls. Prints a line and returns `None`
/// if this machine cannot run the SDK.
pub fn worker(rig: &Rig, namespace: &str, queue: &str) -> Option<Running> {
    if node().is_none_or(|version| version < NODE) {
        println!("skipped: the TypeScript SDK needs Node {}.{} or later with npm", NODE.0, NODE.1);
        return None;
    }
    // A program finds packages in its own folder.
    let folder = rig.folder().join("typescript");
    std::fs::create_dir(&folder).unwrap();
    std::os::unix::fs::symlink(packages(), folder.join("node_modules")).unwrap();
    for (name, source) in SOURCES {
        std::fs::write(folder.join(name), source).unwrap();
    }
    let mut command = rig.command("node");
    command.arg(folder.join("worker.js")).args([&rig.address(), namespace, queue]);
    let worker = Running::spawn(command);
    worker.wait_for("polls");
    Some(worker)
}
