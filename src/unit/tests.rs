//! Tests of a unit that runs a shell script instead of the server.

use super::*;
use crate::process::descriptors::tests::in_own_process;
use crate::process::identity::Identity;
use crate::process::lock::{self, HostLock, InstanceLock};
use crate::process::record::Record;
use crate::process::record::tests::record;
use crate::supervisor::{
    Cause, Check, Effect, Input, Policy, RestartHelps, Round, State, UnitKind,
};
use launch::{Spec, Started, marker, start};
use log_reader::TroubleWords;
use log_reader::tests::PlainLog;
use mark::MarkedLog;
use probe::Probe;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep_until, timeout};

/// A result of a task of the unit, for its owner.
enum Event {
    Launched(Generation, Box<Started>),
    Probed(Generation, Round),
    Ended(Generation, Ended),
    Panicked,
}

/// A check that passes once the program has written its word into the log.
struct WordProbe {
    log: PathBuf,
    word: String,
}

impl Probe for WordProbe {
    type Report = ();

    async fn round(&mut self) -> (Round, ()) {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let is_ready = log.lines().any(|line| line == self.word);
        let check = Check { name: "word", shows_end: false };
        let restart_helps = RestartHelps::NotYet;
        let failed = || Round::Fail { check, detail: "no word".into(), restart_helps };
        (if is_ready { Round::Pass } else { failed() }, ())
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn starting_period(&self) -> Duration {
        Duration::from_millis(10)
    }
}

/// The owner of one unit. In a host, the manager is the owner.
struct Owner {
    unit: Unit,
    events: mpsc::UnboundedReceiver<Event>,
    report: mpsc::UnboundedSender<Event>,
    folder: tempfile::TempDir,
    _host: Arc<HostLock>,
}

impl Owner {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let host = HostLock::take(&folder.path().join("host.lock")).unwrap().unwrap();
        let host = Arc::new(host);
        let supervisor = Supervisor::new(
            UnitKind {
                unit: "the shell".into(),
                start_hint: "start it".into(),
                stop_signals: &[StopSignal::Terminate],
            },
            Policy::default(),
            Generation(0),
            0,
            Instant::now(),
        );
        let words = TroubleWords { writer: "the shell", hint: "restart it" };
        let log =
            LogReader::start(folder.path().join("unit.log"), 1 << 20, words, PlainLog::default());
        let lock_file = folder.path().join("unit.lock");
        let unit = Unit::new(supervisor, log, Sweeps::new(&host), lock_file);
        let (report, events) = mpsc::unbounded_channel();
        Self { unit, events, report, folder, _host: host }
    }

    /// The specification of a shell with a child process.
    fn spec(&self, generation: Generation, cause: Cause) -> Spec {
        let folder = self.folder.path();
        let lock = InstanceLock::take(&folder.join("unit.lock")).unwrap();
        let executable = PathBuf::from("/bin/sh");
        Spec {
            record: Record { executable, generation, marker: marker(generation), ..record() },
            record_file: folder.join("unit.pid"),
            arguments: vec!["-c".into(), "sleep 1000 & echo $WORD; wait".into()],
            environment: vec![("WORD".into(), format!("word {generation}").into())],
            folder: folder.to_owned(),
            log: MarkedLog::open(&folder.join("unit.log"), generation, cause, "").unwrap(),
            lock_file: folder.join("unit.lock"),
            locks: vec![lock.expect("no process of the last generation is left")],
        }
    }

    fn on_panic(&self) -> impl FnOnce() + Send + use<> {
        let report = self.report.clone();
        move || drop(report.send(Event::Panicked))
    }

    fn step(&mut self, input: Option<Input>) {
        let now = Instant::now();
        let effects = match input {
            Some(input) => self.unit.supervisor.handle(input, now),
            None => self.unit.supervisor.handle_timeout(now),
        };
        for effect in effects {
            match effect {
                Effect::Launch { generation, cause, .. } => {
                    let (spec, report) = (self.spec(generation, cause), self.report.clone());
                    let launch = async move |(), permit: Result<Permit, Unswept>| {
                        let permit = permit.unwrap();
                        let under = permit.clone();
                        let started = permit.run(move || start(spec, &under)).await;
                        let started = Box::new(started.unwrap().unwrap());
                        let _ = report.send(Event::Launched(generation, started));
                    };
                    self.unit.launch(self.on_panic(), async {}, launch);
                }
                Effect::Search { .. } => panic!("no process is unknown"),
                Effect::Terminate { generation, signal } => {
                    self.unit.terminate(generation, signal);
                }
                Effect::Kill { generation } => self.unit.kill(generation),
                Effect::Unwatch { generation } => drop(self.unit.unwatch(generation)),
            }
        }
    }

    fn receive(&mut self, event: Event) {
        match event {
            Event::Launched(generation, started) => {
                self.unit.launched();
                let (instance, watched) = started.leader.watch().unwrap();
                let (probed, ended) = (self.report.clone(), self.report.clone());
                let send = move |round, ()| probed.send(Event::Probed(generation, round)).is_ok();
                let log = self.folder.path().join("unit.log");
                let probe = WordProbe { log, word: format!("word {generation}") };
                let rounds = probe::run(probe, Duration::from_millis(10), send);
                let probes = Task::spawn(self.on_panic(), rounds);
                let end = async move |how, _| drop(ended.send(Event::Ended(generation, how)));
                self.unit.supervise(generation, instance, watched, probes, self.on_panic(), end);
                self.step(Some(Input::Launched { generation }));
            }
            Event::Probed(generation, round) => {
                self.step(Some(Input::Probed { generation, round }));
            }
            Event::Ended(generation, how) => {
                assert!(self.unit.unwatch(generation).is_some());
                self.step(Some(Input::Exited { generation, exit: how.exit, fatal: None }));
            }
            Event::Panicked => panic!("a task panicked"),
        }
    }

    /// Receives results until the state of the unit matches.
    async fn until(&mut self, reached: impl Fn(&State) -> bool) {
        let serving = async {
            while !reached(self.unit.supervisor.state()) {
                let due = self.unit.supervisor.poll_timeout();
                let timer = async {
                    match due {
                        Some(due) => sleep_until(due.into()).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    Some(event) = self.events.recv() => self.receive(event),
                    () = timer => self.step(None),
                }
            }
        };
        timeout(Duration::from_secs(60), serving).await.expect("the state is reached");
    }

    /// Waits until this generation is ready. Returns its processes.
    async fn ready(&mut self, generation: u64) -> Instance {
        self.until(|state| {
            matches!(state, State::Ready(live) if live.generation == Generation(generation))
        })
        .await;
        self.unit.instance().unwrap().clone()
    }

    /// The running processes of an instance: the shell and its child.
    fn members(&self, instance: &Instance) -> Vec<Identity> {
        let members = instance.members(&self.folder.path().join("unit.lock")).unwrap();
        assert_eq!(members.len(), 2);
        members
    }
}

fn is_alive(process: &Identity) -> bool {
    process.is_alive().unwrap()
}

#[tokio::test]
async fn plain_program_is_started_restarted_after_a_crash_and_stopped() {
    // In its own process: the process of another test that has just executed its program may still
    // have the locks of this test, and a sweep ends it.
    let name = "unit::tests::plain_program_is_started_restarted_after_a_crash_and_stopped";
    if !in_own_process(name) {
        return;
    }
    let mut owner = Owner::new();
    owner.step(Some(Input::Start));
    let first = owner.ready(1).await;
    let of_first = owner.members(&first);

    first.leader.prove().unwrap().unwrap().signal(Signal::Kill).unwrap();
    let second = owner.ready(2).await;
    let of_second = owner.members(&second);
    assert!(!of_first.iter().any(is_alive), "the child of the shell was ended too");
    assert_ne!(first.leader, second.leader);
    let recorded = Record::read(&owner.folder.path().join("unit.pid")).unwrap().unwrap();
    assert_eq!((recorded.leader, recorded.generation), (second.leader.clone(), Generation(2)));

    owner.step(Some(Input::Stop { cause: Cause::Operator }));
    owner.until(|state| matches!(state, State::Stopped { .. })).await;
    assert!(!of_second.iter().any(is_alive));
    assert!(!lock::is_held(&owner.folder.path().join("unit.lock")).unwrap());
    assert!(owner.unit.instance().is_none());
    let log = std::fs::read_to_string(owner.folder.path().join("unit.log")).unwrap();
    assert_eq!(log.lines().filter(|line| line.contains("generation")).count(), 2, "{log}");
}
