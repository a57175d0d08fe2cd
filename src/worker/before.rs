//! Runs the command `before` of a worker, for example its build. Its output goes into the log of the
//! worker.

use super::environment::{self, Environment};
use super::output::CommandOutput;
use super::{ServerAccess, not_begun};
use crate::paths::{WorkerFiles, files, shortened};
use crate::process::environment::BaseEnvironment;
use crate::process::identity::Identity;
use crate::process::record::Record;
use crate::process::sweep::Instance;
use crate::process::watch::Watched;
use crate::project::WorkerSpec;
use crate::supervisor::{Exit, Failure, Generation};
use crate::unit::launch::{CLEARING, NotStarted, Spec, Started, marker};
use crate::unit::mark::MarkedLog;
use crate::unit::sweeps::{Permit, Unswept};
use crate::unit::{self, Refused};
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Runs `before`, if the worker has one, and waits for its end. Its time limit is `start-timeout`.
/// Ends all its processes after its exit, after the time limit, or when `cancelled` completes.
/// Returns whether it ended by itself.
///
/// # Errors
/// If the command cannot be executed, fails, or does not end in time.
pub(crate) async fn run_before(
    spec: &Arc<WorkerSpec>,
    files: &WorkerFiles,
    server: &ServerAccess,
    base: &Arc<BaseEnvironment>,
    generation: Generation,
    permit: &Permit,
    cancelled: impl Future<Output = ()>,
) -> Result<bool, Refused> {
    let Some(command) = spec.before.clone() else { return Ok(true) };
    let unfinished = |error: Unswept| not_begun(&spec.name, &error);
    let (begun, of, to, base) = (server.clone(), spec.clone(), files.clone(), base.clone());
    let under = permit.clone();
    let spawning =
        move || begin(&of, &command, &to, Environment::of(&base, &of, &begun)?, generation, &under);
    let (started, output) =
        permit.run(spawning).await.map_err(|error| unfinished(error.into()))??;
    let (instance, watched) = started.leader.watch().map_err(|error| {
        let failure = failed(spec, &format!("cannot be watched: {error}"), "free some descriptors");
        Refused::for_now(&error, failure)
    })?;
    let limit = spec.limits.policy.start_timeout;
    let exit = tokio::select! {
        () = watched.ended() => Some(watched.exit()),
        () = cancelled => {
            end(files, instance, watched, permit).await;
            output.finish().await;
            return Ok(false);
        }
        () = tokio::time::sleep(limit) => None,
    };
    // A process that the command has left in the background has a marker that no other record names.
    end(files, instance, watched, permit).await;
    let last_words = output.finish().await;
    let failure = match exit {
        Some(Exit::Code(0)) => return Ok(true),
        Some(exit) => {
            let hint = format!(
                "see its output with `stigmer local logs {}`, then correct the cause",
                spec.name
            );
            failed(spec, &format!("failed with {exit}"), &hint)
        }
        None => {
            let hint = "make it faster, or give it more time with `start-timeout`";
            failed(spec, &format!("has not ended within {limit:?}"), hint)
        }
    };
    Err(Refused { last_words, ..failure.into() })
}

/// Spawns the command. Returns also its output.
fn begin(
    spec: &WorkerSpec,
    command: &[String],
    to: &WorkerFiles,
    environment: Environment<'_>,
    generation: Generation,
    permit: &Permit,
) -> Result<(Started, CommandOutput), Refused> {
    let program = environment::program(spec, command, "before", &environment)?;
    let log = open_log(to).map_err(|error| {
        let path = shortened(&to.log());
        let failure = failed(
            spec,
            &format!("cannot run, because {path} cannot be written: {error}"),
            "make the home writable, or free some disk space",
        );
        Refused::by(&error, failure)
    })?;
    if let Err(error) = end_before(to) {
        let failure = failed(
            spec,
            &format!("cannot run, because an earlier run of it cannot be ended: {error}"),
            "run `ps -eo pid,stat,wchan` to see what its processes wait for",
        );
        return Err(Refused::for_now(&error, failure));
    }
    let (output, input) = CommandOutput::copied_into(log).map_err(|error| {
        let failure = failed(
            spec,
            &format!("cannot run, because its output cannot be read: {error}"),
            "end some processes, or free some descriptors",
        );
        Refused::for_now(&error, failure)
    })?;
    // The next host, or a stop without a host, ends the command by its record.
    let record = Record {
        leader: Identity::to_come(),
        name: String::new(),
        started_at: jiff::Timestamp::now().as_second(),
        marker: format!("{}.before", marker(generation)),
        generation,
        extra: Vec::new(),
        executable: program.clone(),
        options: String::new(),
    };
    let unit_spec = Spec {
        record,
        record_file: to.before(),
        arguments: command.iter().skip(1).map(Into::into).collect(),
        environment: environment.into_pairs(),
        folder: spec.dir.clone(),
        log: MarkedLog { output: input, mark: None },
        lock_file: PathBuf::new(),
        locks: Vec::new(),
    };
    let started = unit::launch::start(unit_spec, permit).map_err(|error| match error {
        NotStarted::Unswept(error) => not_begun(&spec.name, &error),
        NotStarted::NotSpawned(error) => {
            let why = format!("cannot run {}: {error}", shortened(&program));
            Refused::by(&error, failed(spec, &why, "check the program in `before` of stigmer.toml"))
        }
    })?;
    Ok((started, output))
}

/// Ends the command `before` that a killed host has left running. Blocks.
///
/// # Errors
/// If it is unknown whether the command runs, or if it does not end.
pub(crate) fn end_before(files: &WorkerFiles) -> io::Result<()> {
    let path = files.before();
    let Some(record) = Record::read(&path)? else { return Ok(()) };
    if record.leader.is_local() {
        let left = record.instance().clear(Path::new(""), CLEARING)?;
        if let Some(survivor) = left.first() {
            return Err(io::Error::other(format!("process {} does not end", survivor.pid)));
        }
    } else if !record.leader.is_before_boot() {
        // A process of another pid namespace cannot be seen.
        return Ok(());
    }
    Record::remove(&path, &record.marker);
    Ok(())
}

fn open_log(to: &WorkerFiles) -> io::Result<File> {
    to.prepare()?;
    files::open_for_writing(OpenOptions::new().append(true).create(true), &to.log())
}

/// Kills all processes of the command.
async fn end(files: &WorkerFiles, instance: Instance, watched: Watched, permit: &Permit) {
    let ending = instance.clone();
    let cleared = permit.run(move || ending.clear(Path::new(""), CLEARING)).await;
    match cleared {
        Ok(Ok(left)) if left.is_empty() => forget(files, &instance, permit).await,
        left => tracing::warn!(?left, "cannot end all processes of `before`"),
    }
    watched.reap();
}

/// Deletes the record. After an error it stays, and proves nothing.
async fn forget(files: &WorkerFiles, instance: &Instance, permit: &Permit) {
    let (path, marker) = (files.before(), instance.marker.clone());
    let _ = permit.run(move || Record::remove(&path, &marker)).await;
}

fn failed(spec: &WorkerSpec, what: &str, hint: &str) -> Failure {
    Failure::new(format!("`before` of worker `{}` {what}", spec.name), hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::Home;
    use crate::process::lock::HostLock;
    use crate::project::Project;
    use crate::unit::sweeps::{Launches, Sweeps};

    /// Runs this shell script as `before` in a folder. Its log has the content `log` already.
    async fn run(folder: &Path, script: &str, log: &str) -> (Result<bool, Refused>, WorkerFiles) {
        let home = Home::at(&folder.join("home")).unwrap();
        home.prepare(true).unwrap();
        let lock = Arc::new(HostLock::take(&home.supervisor_lock()).unwrap().unwrap());
        let permit = Launches::new(Sweeps::new(&lock)).begin().await.unwrap();
        let text = format!("[worker.orders]\nrun = \"true\"\nbefore = {:?}", ["sh", "-c", script]);
        let file = folder.join("stigmer.toml");
        let spec = Project::parse(&file, &text, |_| Ok(true)).unwrap().workers.remove(0);
        let files = home.worker("orders");
        files.prepare().unwrap();
        std::fs::write(files.log(), log).unwrap();
        let base = Arc::new(BaseEnvironment::own());
        let access = ServerAccess::default();
        let (spec, generation) = (Arc::new(spec), Generation(1));
        let never = std::future::pending();
        let ended = run_before(&spec, &files, &access, &base, generation, &permit, never).await;
        (ended, files)
    }

    #[tokio::test]
    async fn failure_has_the_last_lines_of_the_output_and_no_line_of_the_worker() {
        for (script, lines) in [
            (
                "echo building; echo; echo no such module >&2; exit 2",
                &["building", "no such module"][..],
            ),
            ("exit 2", &[]),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let (ended, _) = run(folder.path(), script, "a line of the worker\n").await;
            let refused = ended.unwrap_err();
            assert_eq!(refused.last_words, lines);
            assert!(refused.failure.reason.ends_with("failed with exit 2"), "{refused:?}");
        }
    }

    #[tokio::test]
    async fn failure_has_no_line_that_the_worker_writes_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("home/workers/orders/log");
        let work = format!("seq -f 'worker %g' 100 >> '{}'", log.display());
        let script = format!("{work}; echo no such module; {work}; exit 1");
        let (ended, files) = run(folder.path(), &script, "").await;
        assert_eq!(ended.unwrap_err().last_words, ["no such module"]);
        let log = std::fs::read_to_string(files.log()).unwrap();
        let lines = |text: &str| log.lines().filter(|line| line.starts_with(text)).count();
        assert_eq!((lines("worker "), lines("no such module")), (200, 1), "{log}");
    }

    #[tokio::test]
    async fn processes_that_before_leaves_in_the_background_are_ended_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let (ended, files) = run(folder.path(), "sleep 300 >&2 & echo $! > pid", "").await;
        assert!(ended.unwrap());
        let pid = std::fs::read_to_string(folder.path().join("pid")).unwrap();
        let left = Identity::of(pid.trim().parse().unwrap()).unwrap();
        assert!(left.is_none_or(|left| !left.is_alive().unwrap()));
        assert!(!files.before().exists());
    }
}
