//! Tests of the manager without a real server.

mod stops;

use super::*;
use crate::config::Options;
use crate::facts::record::ServerRecord;
use crate::paths::Home;
use crate::process::identity::Identity;
use crate::process::lock::{HostLock, InstanceLock};
use crate::process::ports::Occupant;
use crate::process::record::Record;
use crate::process::record::tests::record;
use crate::protocol::{Happened, Layer, PerLayer};
use crate::supervisor::{
    Cause, Degradation, Failure, Live, Owner, RestartHelps, Round, Starting, State, Stopping,
};

/// A manager of a new home, with the files and the host lock of the home.
struct Rig {
    manager: Manager,
    handle: Handle,
    _lock: Arc<HostLock>,
    _folder: tempfile::TempDir,
}

fn rig() -> Rig {
    rig_as(Mode::Background)
}

fn rig_as(mode: Mode) -> Rig {
    rig_with(mode, Options::on_free_ports())
}

fn rig_with(mode: Mode, options: Options) -> Rig {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path()).unwrap();
    let lock = Arc::new(HostLock::take(&home.supervisor_lock()).unwrap().unwrap());
    let settings = Settings::resolve(home, options).unwrap();
    let (manager, handle) = Manager::new(settings, mode, Sweeps::new(&lock)).unwrap();
    Rig { manager, handle, _lock: lock, _folder: folder }
}

#[tokio::test]
async fn giving_up_is_one_entry_even_if_the_last_process_ends_later() {
    let Rig { mut manager, .. } = rig();
    let failed = |left| State::Failed { failure: Failure::new("why", "hint"), left, retry: None };
    let now = Instant::now();
    manager.observe(&State::Stopped { note: None }, &failed(Some(Generation(1))), now);
    let ended = timeline::entry(Happened::Ended, Generation(1), Cause::Crash, String::new());
    manager.remember(ended);
    manager.observe(&failed(Some(Generation(1))), &failed(None), now);
    let happened: Vec<Happened> = manager.facts.timeline.iter().map(|it| it.happened).collect();
    assert_eq!(happened, [Happened::Failed, Happened::Ended]);
}

#[tokio::test]
async fn launch_does_not_end_a_server_that_was_not_proven_before() {
    let Rig { mut manager, _folder, .. } = rig();
    // The test process has locked temporal.lock, but it is not a server of stigmer.
    let held = InstanceLock::take(&manager.facts.settings.home.temporal_lock()).unwrap();
    manager.adopt().await;
    assert!(manager.unadopted.is_some());
    drop(held);
}

#[tokio::test]
async fn server_that_is_proven_later_is_adopted_without_a_command() {
    for mode in [Mode::Background, Mode::Headless] {
        let Rig { manager, handle, _lock, _folder } = rig_as(mode);
        let home = manager.facts.settings.home.clone();
        // The test process has locked temporal.lock, but it is not a server of stigmer.
        let held = InstanceLock::take(&home.temporal_lock()).unwrap();
        let mut facts = handle.watch();
        let running = tokio::spawn(manager.run());
        let mut until = async |condition: fn(&Facts) -> bool| {
            let reached =
                tokio::time::timeout(Duration::from_secs(60), facts.wait_for(|it| condition(it)));
            reached.await.unwrap().unwrap().clone()
        };
        until(|facts| facts.troubles.contains_key("server")).await;
        if mode == Mode::Background {
            // The background host starts the server without a request. That start fails, because
            // the test process holds the lock.
            until(|facts| matches!(facts.state, State::Failed { retry: Some(_), .. })).await;
        }
        let mut server = std::process::Command::new("sleep").arg("300").spawn().unwrap();
        let leader = Identity::of(server.id().cast_signed()).unwrap().unwrap();
        let record = Record { leader: leader.clone(), ..record() };
        record.write(&home.record()).unwrap();
        drop(held);
        let facts = until(|facts| facts.server.is_some()).await;
        let found = facts.server.as_ref().unwrap();
        assert_eq!((found.owner, found.leader.as_ref()), (Owner::Adopted, Some(&leader)));
        assert!(!facts.troubles.contains_key("server"));
        running.abort();
        server.kill().unwrap();
        server.wait().unwrap();
    }
}

#[tokio::test]
async fn search_is_not_repeated_once_it_finds_no_server() {
    let Rig { manager, handle, _lock, _folder } = rig_as(Mode::Headless);
    let held = InstanceLock::take(&manager.facts.settings.home.temporal_lock()).unwrap();
    let mut facts = handle.watch();
    let running = tokio::spawn(manager.run());
    for (held, is_troubled) in [(held, true), (None, false)] {
        let changed = facts.wait_for(|it| it.troubles.contains_key("server") == is_troubled);
        tokio::time::timeout(Duration::from_secs(60), changed).await.unwrap().unwrap();
        drop(held);
    }
    assert!(matches!(handle.facts().state, State::Stopped { .. }));
    running.abort();
}

/// A child process that sleeps. Its environment does not contain the variable by which stigmer
/// recognizes its own processes. Dropping the value kills the process.
struct Sleeper(std::process::Child);

impl Sleeper {
    /// Starts a process that has locked temporal.lock, without proof that it is the server.
    fn stranger(home: &Home) -> Self {
        let lock = std::fs::File::create(home.temporal_lock()).unwrap();
        fs2::FileExt::try_lock_exclusive(&lock).unwrap();
        Self(std::process::Command::new("sleep").arg("300").stdin(lock).spawn().unwrap())
    }

    /// Starts a process, and writes a record into the home that proves the process to be the
    /// server.
    fn server(home: &Home, options: &Options) -> Self {
        let server = Self(std::process::Command::new("sleep").arg("300").spawn().unwrap());
        let leader = Identity::of(server.0.id().cast_signed()).unwrap().unwrap();
        let options = serde_json::to_string(options).unwrap();
        let port = crate::process::ports::free_port().unwrap();
        let extra = ServerRecord { port, ..ServerRecord::default() }.to_extra();
        Record { leader, options, extra, ..record() }.write(&home.record()).unwrap();
        server
    }

    fn is_alive(&self) -> bool {
        let identity = Identity::of(self.0.id().cast_signed()).unwrap();
        identity.is_some_and(|identity| identity.is_alive().unwrap())
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running manager that could not adopt the server of its home.
struct Unadopted {
    handle: Handle,
    home: Home,
    /// The process that holds the lock of the server, so that every search for the server fails.
    stranger: Option<Sleeper>,
    running: tokio::task::JoinHandle<()>,
    _lock: Arc<HostLock>,
    _folder: tempfile::TempDir,
}

impl Unadopted {
    async fn new(mode: Mode) -> Self {
        // With a limit of 0 restarts, a start that is refused once counts as failed at once.
        let options = Options { max_restarts: Some(0), ..Options::on_free_ports() };
        let Rig { manager, handle, _lock, _folder } = rig_with(mode, options);
        let home = manager.facts.settings.home.clone();
        let stranger = Some(Sleeper::stranger(&home));
        let running = tokio::spawn(manager.run());
        let mut facts = handle.watch();
        let troubled = facts.wait_for(|facts| {
            let is_waiting = match mode {
                Mode::Background => matches!(facts.state, State::Failed { retry: Some(_), .. }),
                Mode::Headless | Mode::Tui | Mode::Other => true,
            };
            is_waiting && facts.troubles.contains_key("server")
        });
        tokio::time::timeout(Duration::from_secs(60), troubled).await.unwrap().unwrap();
        Self { handle, home, stranger, running, _lock, _folder }
    }

    /// Frees the lock, and starts a process with proof that it is the server of this home.
    fn prove(&mut self, options: &Options) -> Sleeper {
        let server = Sleeper::server(&self.home, options);
        self.stranger = None;
        server
    }
}

impl Drop for Unadopted {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// A host that has received no command yet, and a background host, which has begun a start without
/// a command.
const MODES: [Mode; 2] = [Mode::Headless, Mode::Background];

#[tokio::test]
async fn stop_is_an_error_that_names_the_holder_of_the_lock_until_the_lock_is_free() {
    for mode in MODES {
        let mut rig = Unadopted::new(mode).await;
        let error = rig.handle.command(Command::Stop(Cause::Operator)).await.unwrap_err();
        assert!(error.is_unproven(), "{mode:?}: {error}");
        let holder = format!("pid {}", rig.stranger.as_ref().unwrap().0.id());
        let names = |what: &str| error.message.contains(what);
        assert!(names("temporal.lock") && names(&holder), "{error}");
        assert!(error.hint.contains("--home"), "{error}");
        let facts = rig.handle.facts();
        assert_eq!((facts.want, facts.state.name()), (Want::Down, "failed"));
        assert_eq!(facts.snapshot(Instant::now()).next_start_ms, None, "it starts nothing");
        rig.stranger = None;
        rig.handle.command(Command::Stop(Cause::Operator)).await.unwrap();
        let facts = rig.handle.facts();
        assert_eq!(facts.state.name(), "stopped");
        assert!(!facts.troubles.contains_key("server"));
    }
}

#[tokio::test]
async fn stop_ends_a_server_that_was_not_adopted() {
    for mode in MODES {
        let mut rig = Unadopted::new(mode).await;
        let server = rig.prove(&Options::default());
        rig.handle.command(Command::Stop(Cause::Operator)).await.unwrap();
        assert!(!server.is_alive(), "{mode:?}");
        assert_eq!(rig.handle.facts().state.name(), "stopped");
        // A slow disk delays the deletion. `unit::files` repeats it.
        let deleted = async {
            while rig.home.record().exists() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), deleted).await.expect("no record is left");
    }
}

#[tokio::test]
async fn restart_replaces_a_server_that_was_not_adopted_and_its_options() {
    for mode in MODES {
        let mut rig = Unadopted::new(mode).await;
        let server = rig.prove(&Options { port: Some(7555), ..Options::default() });
        // The program does not exist, so the restart with these options fails.
        let temporal_bin = Some(rig.home.root().join("no-program"));
        let options = Options { port: Some(7666), temporal_bin, ..Options::default() };
        let settings = Settings::resolve(rig.home.clone(), options.clone()).unwrap();
        let restart = Command::Restart(Some(Box::new(settings)));
        let error = rig.handle.command(restart).await.unwrap_err();
        assert!(error.message.contains("no-program"), "{mode:?}: {error}");
        assert!(!server.is_alive(), "{mode:?}");
        assert_eq!(rig.handle.facts().settings.options, options);
    }
}

/// Passes these states to a new manager, each at its time in milliseconds after `begun`. Returns
/// two figures of the repair, in milliseconds: its recovery time and its downtime.
fn downtime(begun: Instant, states: &[(u64, State)]) -> (u64, u64) {
    let Rig { mut manager, .. } = rig();
    manager.facts.remember_restart(RestartFacts {
        cause: Cause::Unresponsive,
        detail: String::new(),
        at: begun,
        recovery: None,
        downtime: None,
    });
    for pair in states.windows(2) {
        let now = begun + Duration::from_millis(pair[1].0);
        manager.observe(&pair[0].1, &pair[1].1, now);
    }
    let last = manager.facts.last_restart.unwrap();
    let entry = manager.facts.timeline.back().unwrap();
    assert_eq!(entry.downtime_ms, last.downtime.map(crate::facts::millis));
    (crate::facts::millis(last.recovery.unwrap()), entry.downtime_ms.unwrap())
}

#[tokio::test]
async fn downtime_counts_from_the_failed_checks_and_includes_failed_starts() {
    let begun = Instant::now();
    let at = |ms| begun + Duration::from_millis(ms);
    let live = || Live { generation: Generation(1), owner: Owner::Spawned, since: begun };
    let ready = || State::Ready(live());
    let failing = |ms, restart_helps| {
        let (check, detail) = (Layer::Grpc.into(), String::new());
        State::Degraded(
            live(),
            Degradation { check, detail, restart_helps, failures: 3, since: at(ms) },
        )
    };
    let stopping = |ms, cause| {
        let generation = Generation(1);
        let detail = String::new();
        let (since, act_at) = (at(ms), at(ms));
        let launched = true;
        State::Stopping(Stopping {
            generation,
            cause,
            detail,
            launched,
            since,
            grace_ended: false,
            act_at,
            signals: 0,
            kills: 1,
        })
    };
    let starting = |ms| {
        State::Starting(Starting {
            generation: Generation(2),
            owner: Owner::Spawned,
            cause: Cause::Unresponsive,
            detail: String::new(),
            launched: true,
            since: at(ms),
            timeout: Duration::from_secs(30),
            deadline: at(ms + 30_000),
            halted: None,
            failing: None,
        })
    };
    let hung = || (3_000, stopping(3_000, Cause::Unresponsive));
    let frozen = |restart_helps| (1_000, failing(1_000, restart_helps));
    let repaired = downtime(
        begun,
        &[
            (0, ready()),
            frozen(RestartHelps::Yes),
            hung(),
            (3_100, starting(3_100)),
            (3_400, ready()),
        ],
    );
    assert_eq!(repaired, (400, 2_400));
    let twice = downtime(
        begun,
        &[
            (0, ready()),
            frozen(RestartHelps::Yes),
            hung(),
            (3_100, starting(3_100)),
            (33_100, stopping(33_100, Cause::StartTimeout)),
            (33_200, starting(33_200)),
            (33_500, ready()),
        ],
    );
    assert_eq!(twice, (400, 32_500));
}

#[tokio::test]
async fn check_that_fails_after_the_exit_adds_no_downtime() {
    let Rig { mut manager, .. } = rig();
    let begun = Instant::now();
    let at = |ms| begun + Duration::from_millis(ms);
    let failing = |since| {
        let live = Live { generation: Generation(1), owner: Owner::Spawned, since: begun };
        let (check, detail, restart_helps) = (Layer::Tcp.into(), String::new(), RestartHelps::Yes);
        State::Degraded(live, Degradation { check, detail, restart_helps, failures: 1, since })
    };
    manager.is_down(&failing(at(20)), at(10));
    assert_eq!(manager.down_since.take(), Some(at(10)));
    manager.is_down(&failing(at(10)), at(20));
    assert_eq!(manager.down_since, Some(at(10)));
}

#[tokio::test]
async fn web_ui_of_an_external_server_is_shown_once_its_port_is_checked() {
    let Rig { mut manager, .. } = rig();
    let generation = Generation(1);
    manager.launched(generation, Ok(Launched::External(Occupant::unknown(7233))));
    let url = manager.facts.settings.ui_url();
    let mut shown_after = |external_ui| {
        manager.probed(generation, Round::Pass, &prober::Report { external_ui, ..report() });
        manager.facts.server.as_ref().unwrap().ui_url.clone()
    };
    assert_eq!(shown_after(None), None, "the look has failed");
    assert_eq!(shown_after(Some(true)), url);
    assert_eq!(shown_after(None), url);
    assert_eq!(shown_after(Some(false)), None);
    assert!(url.is_some());
}

/// A report of a round of checks that have all passed, without details.
fn report() -> prober::Report {
    prober::Report {
        layers: PerLayer::default(),
        server: None,
        usage: None,
        database_bytes: None,
        detached: None,
        peak_bytes: None,
        oom_kills: None,
        external_ui: None,
    }
}
