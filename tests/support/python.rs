//! Workers of the real Python SDK.

use super::rig::{Ran, Rig, Running};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// The version of the SDK.
const SDK: &str = "temporalio==1.35.0";

/// The worker of the tests.
const WORKER: &str = "worker.py";

/// The path of a Python interpreter that has the SDK. Installs the SDK if necessary. Several test
/// runs may do this at the same time.
pub fn interpreter() -> &'static Path {
    static PYTHON: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python");
        let (python, complete) = (folder.join("bin/python"), folder.join("complete"));
        let is_there = || std::fs::read_to_string(&complete).is_ok_and(|it| it == SDK);
        if is_there() {
            return python;
        }
        let lock = File::create(folder.with_extension("lock")).unwrap();
        fs2::FileExt::lock_exclusive(&lock).unwrap();
        if !is_there() {
            run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
            run(Command::new(&python).args(["-m", "pip", "install", "--quiet", SDK]));
            std::fs::write(&complete, SDK).unwrap();
        }
        python
    });
    &PYTHON
}

/// The folder of the virtual environment that has the SDK.
pub fn environment() -> &'static Path {
    interpreter().parent().and_then(Path::parent).unwrap()
}

fn run(command: &mut Command) {
    let done = command.output().unwrap_or_else(|error| {
        panic!("the tests need Python 3.10 or later with `venv`: {command:?}: {error}")
    });
    let output = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "the tests need the Python SDK: {command:?}: {output}");
}

/// Starts a worker of this queue, and waits until the worker polls. `version` selects the code of
/// the workflow type `Drift`.
pub fn worker(rig: &Rig, namespace: &str, queue: &str, version: &str) -> Running {
    let worker = running(rig, WORKER, &[namespace, queue, version]);
    worker.wait_for("polls");
    worker
}

/// Starts a script of `tests/samples`. Its first argument is the address of the server.
pub fn running(rig: &Rig, name: &str, words: &[&str]) -> Running {
    Running::spawn(sample(rig, name, words))
}

/// Runs a script of `tests/samples`. Its first argument is the address of the server.
pub fn script(rig: &Rig, name: &str, words: &[&str]) -> Ran {
    running(rig, name, words).finish()
}

fn sample(rig: &Rig, name: &str, words: &[&str]) -> Command {
    let mut command = rig.command(interpreter());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    command.arg(folder.join(name)).arg(rig.address()).args(words);
    command
}
