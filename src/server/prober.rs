//! Runs the six health checks of a server in rounds. All gRPC calls use one open connection.

mod disk;
mod layers;

use self::disk::{Disk, DiskWatch};
use self::layers::{CONNECTED, Findings, LOWER};
use crate::config::{Database, Settings};
use crate::facts::Verdict;
use crate::process::Pid;
use crate::process::identity::Identity;
use crate::process::ports::{self, SocketHolder};
use crate::process::requirements::is_shortage;
use crate::process::sweep::Instance;
use crate::process::usage::{self, CpuMeter, KnownLeader, Usage};
use crate::protocol::{Detached, Layer, PerLayer};
use crate::supervisor::{Check, Generation, RestartHelps, Round};
use crate::temporal::health::{self, Client};
use crate::unit::probe::{self, Probe};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Number of rounds from one deep round to the next, while all checks pass. A deep round costs
/// more: it also checks `store` and `engine`, examines the lock and the database file (each on
/// another thread), and opens a new connection to the port. All other rounds use only the open
/// connection of the `grpc` check.
const DEEP_EVERY: u64 = 5;

/// Number of rounds after which the peak memory and the number of OOM kills are read again. Both
/// reads are expensive, because the kernel composes long texts for them.
const COUNTS_EVERY: u64 = 10;

/// Number of rounds after which stigmer searches again for all processes of the server. On a
/// machine with hundreds of processes, this search is the most expensive part of a round.
const MEMBERS_EVERY: u64 = 30;

/// The highest time limit of a call to a server that is still starting. Until the first passed
/// round, a call may take as long as the start has taken so far, up to this value. The reason: the
/// first calls make the server load data for later calls, and after a timeout the server would have
/// to load that data again.
const LONGEST_CALL: Duration = Duration::from_secs(10);

/// Time from the start of one round to the start of the next, until a round has passed.
const STARTING_PERIOD: Duration = Duration::from_millis(10);

/// The findings of one round of checks.
#[derive(Debug, Clone)]
pub struct Report {
    /// The result of each check. `None` if this round did not make the check.
    pub layers: PerLayer<Option<Verdict>>,
    /// The process that listens on the port of the server.
    pub server: Option<Pid>,
    /// Memory and CPU time of all processes of the server, and their CPU use in percent.
    pub usage: Option<(Usage, Option<f64>)>,
    /// Size of the database file and its write-ahead log, in bytes.
    pub database_bytes: Option<u64>,
    /// Set if the database file was deleted or replaced while the server has it open.
    pub detached: Option<Detached>,
    /// Peak resident memory of the processes of the server, in bytes. `None` if this round did not
    /// read it.
    pub peak_bytes: Option<u64>,
    /// How many processes of the machine the OOM killer had ended when this round ran. `None` if
    /// this round did not read the number.
    pub oom_kills: Option<u64>,
    /// For a server that someone else started: whether a process listens on the port of its web UI.
    /// `None` if unknown, or if this round did not check the port.
    pub external_ui: Option<bool>,
}

/// The server to check.
#[derive(Debug, Clone)]
pub struct Target {
    /// Number of the start of this server.
    pub generation: Generation,
    /// Processes of the server. `None` if someone else started the server.
    pub instance: Option<Instance>,
    /// Whether an earlier host started the server. Then a restart could lose data even if no round
    /// of this host has passed yet.
    pub adopted: bool,
    /// Options of the server.
    pub settings: Arc<Settings>,
}

/// Checks the server in rounds and passes each result to `send`; see [`probe::run`].
pub async fn run(target: Target, send: impl Fn(Round, Report) -> bool) {
    let period = target.settings.policy.probe_period;
    match Prober::new(target) {
        Ok(prober) => probe::run(prober, period, send).await,
        Err(error) => tracing::error!(%error, "cannot start the checks of the server"),
    }
}

struct Prober {
    target: Target,
    client: Client,
    lock: PathBuf,
    /// The process that stigmer spawned. `None` if someone else started the server.
    leader: Option<KnownLeader>,
    members: Vec<Pid>,
    holder: Option<SocketHolder>,
    cpu: CpuMeter,
    rounds: u64,
    begun: Instant,
    /// Whether at least one round has passed.
    passed: bool,
    last: Option<Round>,
    /// The process that most recently listened on the port of the server.
    server: Option<Identity>,
    disk_watch: DiskWatch,
    /// The latest findings about the database file and its disk.
    disk: Disk,
}

impl Prober {
    fn new(target: Target) -> Result<Self, String> {
        let settings = &target.settings;
        let client = Client::new(&settings.server_address(), settings.policy.probe_timeout)?;
        let members = target.instance.iter().map(|instance| instance.leader.pid).collect();
        let lock = settings.home.temporal_lock();
        Ok(Self {
            client,
            lock,
            leader: target
                .instance
                .as_ref()
                .map(|instance| KnownLeader::new(instance.leader.clone())),
            members,
            holder: None,
            cpu: CpuMeter::default(),
            rounds: 0,
            begun: Instant::now(),
            passed: false,
            last: None,
            server: None,
            disk_watch: DiskWatch::default(),
            disk: Disk::default(),
            target,
        })
    }

    /// Makes the checks that are due in this round.
    async fn check(&mut self) -> (Round, Report) {
        self.rounds += 1;
        let passed = self.passed;
        self.client = self.client.patient(self.call_patience());
        let counts = self.rounds.is_multiple_of(COUNTS_EVERY);
        let oom_kills = if counts { usage::oom_kills() } else { None };
        let deep = self.last != Some(Round::Pass) || self.rounds.is_multiple_of(DEEP_EVERY);
        if passed && self.rounds.is_multiple_of(MEMBERS_EVERY) {
            // If the search fails, the checks use the processes that are known already.
            let _ = self.refresh_members().await;
        }
        let mut findings = self.check_lower(if deep { &LOWER } else { &CONNECTED }).await;
        if deep || findings.unknown.is_some() || findings.failed().is_some() {
            self.disk = self.look_at_disk().await;
        }
        if deep && findings.passes(Layer::Grpc) {
            self.check_upper(&mut findings).await;
        }
        let round = self.conclude(&findings);
        let is_well = round == Round::Pass;
        self.passed |= is_well;
        self.last = Some(round.clone());
        let usage = self.leader.as_mut().map(|leader| {
            let usage = leader.sum(&self.members);
            (usage, self.cpu.percent(usage.cpu, Instant::now()))
        });
        let report = Report {
            layers: findings.layers,
            server: self.holder.as_ref().map(|holder| holder.pid),
            usage: usage.filter(|_| passed || is_well),
            database_bytes: self.disk.bytes,
            detached: self.disk.detached,
            peak_bytes: counts.then(|| usage::peak(&self.members)),
            oom_kills,
            external_ui: if deep { self.external_ui() } else { None },
        };
        (round, report)
    }

    /// Returns the result of a round with these findings.
    fn conclude(&self, findings: &Findings) -> Round {
        let failed = findings.failed();
        let lack = || failed.and_then(|_| shortage()).map(|error| error.to_string());
        match (findings.unknown.clone().or_else(lack), failed) {
            (Some(why), _) => {
                if self.last != Some(Round::Void) {
                    tracing::warn!(
                        why,
                        "ignoring this round of checks, because this host could not make all of them"
                    );
                }
                Round::Void
            }
            (None, None) => Round::Pass,
            (None, Some((layer, detail))) => self.judge(layer, detail.to_owned()),
        }
    }

    /// The current time limit of a call; see [`LONGEST_CALL`].
    fn call_patience(&self) -> Duration {
        let patience = self.target.settings.policy.probe_timeout;
        if self.passed { patience } else { self.begun.elapsed().min(LONGEST_CALL).max(patience) }
    }

    fn external_ui(&self) -> Option<bool> {
        let settings = &self.target.settings;
        let is_external = self.target.instance.is_none() && settings.address.is_none();
        let port = settings.ui_port.filter(|_| is_external)?;
        Some(!ports::listeners(port).ok()?.is_empty())
    }

    /// A process of the server that a signal such as SIGSTOP has stopped before the server was
    /// ready. Such a process makes no progress.
    fn halted(&self) -> Option<Pid> {
        let is_halted = |pid: &Pid| matches!(crate::process::linux::stat(*pid), Ok(Some(now)) if now.state == 'T');
        self.members.iter().copied().find(|pid| !self.passed && is_halted(pid))
    }

    /// Whether the server shuts down although stigmer did not request it: the server has closed its
    /// port, or its health service reports `NOT_SERVING`.
    fn is_shutting_down(&self, layer: Layer, detail: &str) -> bool {
        match layer {
            Layer::Process => {
                self.server.as_ref().is_some_and(|server| matches!(server.is_alive(), Ok(true)))
                    && ports::listeners(self.target.settings.port).is_ok_and(|all| all.is_empty())
            }
            Layer::Grpc => self.passed && detail == health::NOT_SERVING,
            Layer::Lock | Layer::Tcp | Layer::Store | Layer::Engine => false,
        }
    }

    /// Returns the result of a round in which this check failed, and decides whether a restart
    /// helps. A restart does not help if it would lose data, or if the disk is full. While the
    /// server starts or shuts down, a restart does not help yet.
    fn judge(&self, layer: Layer, detail: String) -> Round {
        let check = Check::from(layer);
        if !self.passed && !self.target.adopted {
            let restart_helps =
                if self.halted().is_some() { RestartHelps::Yes } else { RestartHelps::NotYet };
            return Round::Fail { check, detail, restart_helps };
        }
        if self.is_shutting_down(layer, &detail) {
            return Round::Fail { check, detail, restart_helps: RestartHelps::NotYet };
        }
        if let Some(why) = self.loss() {
            let detail = if detail == why { why } else { format!("{detail}; and {why}") };
            return Round::Fail { check, detail, restart_helps: RestartHelps::No };
        }
        if matches!(layer, Layer::Store | Layer::Engine)
            && let Some(folder) =
                self.database().and_then(Path::parent).filter(|_| self.disk.is_full)
        {
            let detail = format!(
                "{detail}; the disk of {} is full, and a restart does not fix that: free some disk \
                 space",
                folder.display()
            );
            return Round::Fail { check, detail, restart_helps: RestartHelps::No };
        }
        Round::Fail { check, detail, restart_helps: RestartHelps::Yes }
    }

    fn loss(&self) -> Option<String> {
        Some(format!(
            "the database {} was {}, but the server still uses the old file: a restart loses its \
             data, so export the data that you need first",
            self.database()?.display(),
            self.disk.detached?
        ))
    }

    async fn look_at_disk(&mut self) -> Disk {
        let Some(path) = self.database().map(Path::to_owned) else { return Disk::default() };
        let server = self.holder.as_ref().map(|holder| holder.pid);
        self.disk_watch.look(path, server, self.target.settings.policy.probe_timeout).await
    }

    fn database(&self) -> Option<&Path> {
        self.target.instance.as_ref()?;
        match &self.target.settings.database {
            Database::File(path) => Some(path),
            Database::Memory => None,
        }
    }
}

impl Probe for Prober {
    type Report = Report;

    async fn round(&mut self) -> (Round, Report) {
        self.check().await
    }

    /// Time limit for all calls of a round, of which up to four run one after the other.
    fn patience(&self) -> Duration {
        self.call_patience() * 4
    }

    fn starting_period(&self) -> Duration {
        STARTING_PERIOD
    }
}

/// The error of this process if it cannot open another file. A call that failed during such a lack
/// of resources proves nothing about the server.
fn shortage() -> Option<io::Error> {
    std::fs::File::open("/dev/null").err().filter(is_shortage)
}
