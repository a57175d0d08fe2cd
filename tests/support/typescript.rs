//! Workers of the real TypeScript SDK.

use super::rig::{Rig, Running};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// The first version of Node that the SDK supports.
const NODE: (u32, u32) = (20, 3);

/// The packages of the example, which all workers of the tests use.
const MANIFEST: &str = include_str!("../../examples/typescript/package.json");

/// The version and checksum of each package.
const LOCK: &str = include_str!("../../examples/typescript/package-lock.json");

/// The worker of [`worker`].
const SOURCES: [(&str, &str); 2] = [
    ("worker.js", include_str!("../samples/typescript/worker.js")),
    ("workflows.js", include_str!("../samples/typescript/workflows.js")),
];

/// The folder of the packages. Installs the packages if necessary. Several test runs may do this at the
/// same time. Prints a line and returns `None` if this machine cannot run the SDK.
pub fn packages() -> Option<&'static Path> {
    static PACKAGES: LazyLock<Option<PathBuf>> = LazyLock::new(|| is_supported().then(install));
    PACKAGES.as_deref()
}

fn install() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("typescript-example");
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
}

/// The version of Node, for example (20, 3) for `v20.3.1`. `None` if Node or npm is not installed.
fn node() -> Option<(u32, u32)> {
    let output = |program| Command::new(program).arg("--version").output().ok();
    output("npm").filter(|npm| npm.status.success())?;
    let version = String::from_utf8(output("node")?.stdout).ok()?;
    let mut numbers = version.trim_start_matches('v').split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn is_supported() -> bool {
    let is_supported = node().is_some_and(|version| version >= NODE);
    if !is_supported {
        println!("skipped: the TypeScript SDK needs Node {}.{} or later with npm", NODE.0, NODE.1);
    }
    is_supported
}

/// Writes source files into a folder, with a link to the packages, which Node finds there.
pub fn place(sources: &[(&str, &str)], folder: &Path) {
    let packages = packages().expect("this machine can run the SDK");
    std::os::unix::fs::symlink(packages, folder.join("node_modules")).unwrap();
    for (name, source) in sources {
        std::fs::write(folder.join(name), source).unwrap();
    }
}

/// Starts a worker of this queue, and waits until the worker polls. Returns `None` if this machine
/// cannot run the SDK.
pub fn worker(rig: &Rig, namespace: &str, queue: &str) -> Option<Running> {
    packages()?;
    let folder = rig.folder().join("typescript");
    std::fs::create_dir(&folder).unwrap();
    place(&SOURCES, &folder);
    let mut command = rig.command("node");
    command.arg(folder.join("worker.js")).args([&rig.address(), namespace, queue]);
    let worker = Running::spawn(command);
    worker.wait_for("polls");
    Some(worker)
}
