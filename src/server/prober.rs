//! The six layers of health, asked in process over one kept connection.

mod disk;

use self::disk::{Disk, DiskWatch};
use crate::config::{Database, Settings};
use crate::facts::Verdict;
use crate::process::Pid;
use crate::process::identity::Identity;
use crate::process::ports::{self, SocketHolder};
use crate::process::requirements::is_shortage;
use crate::process::sweep::{Instance, reap_inherited};
use crate::process::threads::LOOKS;
use crate::process::usage::{self, CpuMeter, KnownLeader, Usage};
use crate::process::{lock, look};
use crate::protocol::Detached;
use crate::supervisor::{Generation, Layer, PerLayer, RestartHelps, Round};
use crate::temporal::dial;
use crate::temporal::health::{self, Client};
use crate::unit::probe::{self, Probe};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// While all checks pass, one round in this many probes the upper two layers, looks at the files of
/// the database and at the lock, which cost a switch to another thread each, and opens another
/// connection to the port: the grpc layer keeps one.
const DEEP_EVERY: u64 = 5;

/// Peak memory and the kernel's count of processes that it ended are read only every so many
/// rounds: the kernel composes long texts for them.
const COUNTS_EVERY: u64 = 10;

/// The members of the instance are looked up anew after so many rounds. On a machine with hundreds
/// of processes this is the most expensive part of a round.
const MEMBERS_EVERY: u64 = 30;

/// While a server starts, a call may take as long as the start has taken so far, and at most this:
/// to give up a first call, which loads what all later ones use, is to begin it anew.
const LONGEST_CALL: Duration = Duration::from_secs(10);

/// One round.
#[derive(Debug, Clone)]
pub struct Report {
    /// None for a layer that was not asked in this round.
    pub layers: PerLayer<Option<Verdict>>,
    /// The process that owns the socket.
    pub server: Option<Pid>,
    /// What the instance costs.
    pub usage: Option<(Usage, Option<f64>)>,
    /// Size of the database.
    pub database_bytes: Option<u64>,
    /// How its path has lost the file that the server has open.
    pub detached: Option<Detached>,
    /// The most resident memory that the members have ever had, in bytes; not read in each round.
    pub peak_bytes: Option<u64>,
    /// Processes that the kernel had ended for want of memory before this round; not read in each
    /// round.
    pub oom_kills: Option<u64>,
    /// Whether a process listens on the port of the web UI of an external server. `None` if this
    /// is not known, and if the round did not look.
    pub external_ui: Option<bool>,
}

/// What is probed.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its generation.
    pub generation: Generation,
    /// Its processes; none for a server that somebody else runs.
    pub instance: Option<Instance>,
    /// It ran before this host did, and may hold what a restart would lose.
    pub adopted: bool,
    /// The options.
    pub settings: Arc<Settings>,
}

/// Checks the server, round by round; see [`probe::run`].
pub async fn run(target: Target, send: impl Fn(Round, Report) -> bool) {
    let period = target.settings.policy.probe_period;
    match Prober::new(target) {
        Ok(prober) => probe::run(prober, period, send).await,
        Err(error) => tracing::error!(%error, "probes cannot run"),
    }
}

struct Prober {
    target: Target,
    client: Client,
    lock: PathBuf,
    /// `None` for a server that somebody else runs.
    leader: Option<KnownLeader>,
    members: Vec<Pid>,
    holder: Option<SocketHolder>,
    cpu: CpuMeter,
    rounds: u64,
    begun: Instant,
    /// Whether any round has passed.
    passed: bool,
    last: Option<Round>,
    /// The process that owned the socket when it was last seen.
    server: Option<Identity>,
    disk_watch: DiskWatch,
    /// As of the last look.
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

    /// Checks the layers from the bottom up and stops at the first one that fails: the layers above it
    /// can only fail too, and later.
    async fn check(&mut self) -> (Round, Report) {
        self.rounds += 1;
        let passed = self.passed;
        self.client = self.client.patient(self.call_patience());
        let counts = self.rounds.is_multiple_of(COUNTS_EVERY);
        let oom_kills = if counts { usage::oom_kills() } else { None };
        // The gentle period, in memory of what was ready before.
        let deep = self.last != Some(Round::Pass) || self.rounds.is_multiple_of(DEEP_EVERY);
        if passed && self.rounds.is_multiple_of(MEMBERS_EVERY) {
            // Those that were known stay known.
            let _ = self.refresh_members().await;
        }
        let mut layers = PerLayer::<Option<Verdict>>::default();
        let mut unknown = None;
        let lower = [Layer::Lock, Layer::Process, Layer::Tcp, Layer::Grpc];
        let is_due = |layer: &Layer| deep || !matches!(layer, Layer::Lock | Layer::Tcp);
        for layer in lower.into_iter().filter(is_due) {
            let (answer, latency) = timed(self.ask(layer)).await;
            if let Ok(Answer::Unknown(why)) = &answer {
                unknown = Some(why.clone());
            }
            let goes_on = matches!(answer, Ok(Answer::Passes | Answer::DoesNotApply(_)));
            layers[layer] = Some(verdict(answer, latency));
            if !goes_on {
                break;
            }
        }
        let first_failed = |layers: &PerLayer<Option<Verdict>>| {
            layers.iter().find_map(|(layer, verdict)| {
                let verdict = verdict.as_ref().filter(|verdict| verdict.ok == Some(false))?;
                Some((layer, verdict.detail.clone()))
            })
        };
        let has_failed = first_failed(&layers).is_some();
        if deep || has_failed || unknown.is_some() {
            self.disk = self.look_at_disk().await;
        }
        if deep && layers[Layer::Grpc].as_ref().is_some_and(|v| v.ok == Some(true)) {
            // Together: a server that has just come up takes its time over each first call.
            let (store, engine) = tokio::join!(timed(self.store()), timed(self.engine()));
            let store = match (&store.0, self.loss()) {
                (Ok(_), Some(why)) => verdict(Err(why), store.1),
                (Ok(_) | Err(_), _) => verdict(store.0, store.1),
            };
            let engine = verdict(engine.0, engine.1);
            layers[Layer::Engine] = (store.ok == Some(true)).then_some(engine);
            layers[Layer::Store] = Some(store);
        }
        let failed = first_failed(&layers);
        if failed.is_some() {
            unknown = unknown.or_else(|| shortage().map(|error| error.to_string()));
        }
        let round = match (unknown, failed) {
            (Some(why), _) => {
                if self.last != Some(Round::Void) {
                    tracing::warn!(why, "this round of probes tells nothing about the server");
                }
                Round::Void
            }
            (None, None) => Round::Pass,
            (None, Some((layer, detail))) => self.judge(layer, detail),
        };
        let is_well = round == Round::Pass;
        self.passed |= is_well;
        self.last = Some(round.clone());
        let usage = self.leader.as_mut().map(|leader| {
            let usage = leader.sum(&self.members);
            (usage, self.cpu.percent(usage.cpu, Instant::now()))
        });
        let report = Report {
            layers,
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

    /// How long a call may take now.
    fn call_patience(&self) -> Duration {
        let patience = self.target.settings.policy.probe_timeout;
        if self.passed { patience } else { self.begun.elapsed().min(LONGEST_CALL).max(patience) }
    }

    async fn ask(&mut self, layer: Layer) -> Result<Answer, String> {
        match layer {
            Layer::Lock => Ok(match &self.target.instance {
                None => Answer::DoesNotApply("started elsewhere".into()),
                Some(_) => match self.look_at_home(|lock| lock::is_held(&lock)).await {
                    Ok(true) => Answer::Passes,
                    Ok(false) => Answer::DoesNotApply("the instance has closed it".into()),
                    Err(error) if is_shortage(&error) => Answer::Unknown(error.to_string()),
                    Err(error) => Answer::DoesNotApply(error.to_string()),
                },
            }),
            Layer::Process => self.process().await,
            Layer::Tcp => {
                let address = self.target.settings.server_address();
                match self.other_user() {
                    Ok(None) => {}
                    Ok(Some(uid)) => {
                        return Err(format!("{address} belongs to another user now, uid {uid}"));
                    }
                    Err(error) => return Ok(Answer::Unknown(error.to_string())),
                }
                let patience = self.target.settings.policy.probe_timeout;
                match dial::connect(&address, patience).await {
                    Ok(stream) => {
                        // Closed without a trace: a reset leaves no socket waiting a minute on our side.
                        let _ = stream.set_zero_linger();
                        Ok(Answer::Passes)
                    }
                    Err(error) if is_shortage(&error) => {
                        Ok(Answer::Unknown(format!("{address}: {error}")))
                    }
                    Err(error) => Err(format!("{address}: {error}")),
                }
            }
            Layer::Grpc => self.client.serving().await.map(|()| Answer::Passes),
            Layer::Store => self.store().await,
            Layer::Engine => self.engine().await,
        }
    }

    async fn store(&self) -> Result<Answer, String> {
        let namespace = &self.target.settings.namespaces[0];
        self.client.namespace(namespace).await.map(|()| Answer::Passes)
    }

    async fn engine(&self) -> Result<Answer, String> {
        self.client.engine(&self.target.settings.namespaces[0]).await.map(|()| Answer::Passes)
    }

    async fn process(&mut self) -> Result<Answer, String> {
        let Some(instance) = &self.target.instance else {
            return Ok(Answer::DoesNotApply("started elsewhere".into()));
        };
        match self.leader.as_mut().map_or(Ok(false), KnownLeader::is_alive) {
            Ok(true) => {}
            Ok(false) => return Err(format!("pid {} has ended", instance.leader.pid)),
            Err(error) => return Ok(Answer::Unknown(error.to_string())),
        }
        if let Some(pid) = self.halted() {
            return Err(format!("pid {pid} is stopped by a signal"));
        }
        match self.find_server().await {
            Ok(found) => found.map(|()| Answer::Passes),
            Err(error) => Ok(Answer::Unknown(error.to_string())),
        }
    }

    /// Finds the member that listens. The outer error: it cannot be told.
    async fn find_server(&mut self) -> io::Result<Result<(), String>> {
        // One link of a process of ours is read here and now, and never followed.
        if let Some(holder) = &self.holder
            && holder.still_holds()?
        {
            return Ok(Ok(()));
        }
        self.holder = None;
        let port = self.target.settings.port;
        let listeners: Vec<u64> = ports::listeners(port)?.iter().map(|l| l.inode).collect();
        if listeners.is_empty() {
            return Ok(Err(match &self.server {
                Some(server) if server.is_alive()? => {
                    format!("shutting down: pid {} has closed port {port}", server.pid)
                }
                Some(_) | None => format!("nothing listens on port {port}"),
            }));
        }
        self.holder = self.holder_of(listeners.clone()).await?;
        if self.holder.is_none() {
            // Behind a wrapper the server is not the leader.
            self.refresh_members().await?;
            self.holder = self.holder_of(listeners).await?;
        }
        self.server = match &self.holder {
            Some(holder) => Identity::of(holder.pid)?,
            None => None,
        };
        Ok(match &self.holder {
            Some(_) => Ok(()),
            None => Err(format!("port {port} belongs to a process of somebody else")),
        })
    }

    async fn holder_of(&self, listeners: Vec<u64>) -> io::Result<Option<SocketHolder>> {
        let members = self.members.clone();
        self.look(move || {
            for inode in listeners {
                if let Some(holder) = ports::holder_among(&members, inode)? {
                    return Ok(Some(holder));
                }
            }
            Ok(None)
        })
        .await?
    }

    async fn refresh_members(&mut self) -> io::Result<()> {
        let Some(instance) = self.target.instance.clone() else {
            return self.look(|| reap_inherited(None)).await;
        };
        let members =
            self.look_at_home(move |lock| instance.members_without_orphans(&lock)).await?;
        self.members = members.iter().map(|Identity { pid, .. }| *pid).collect();
        Ok(())
    }

    /// Looks at what may block, on a thread that can be given up.
    async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        let bound = self.target.settings.policy.probe_timeout;
        LOOKS.run(bound, look).await.map_err(|error| io::Error::other(error.to_string()))
    }

    /// Looks at the lock of the instance in the same way, see [`look::patiently`].
    async fn look_at_home<T: Send + 'static>(
        &self,
        look: impl FnOnce(PathBuf) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let settings = &self.target.settings;
        let lock = self.lock.clone();
        let bound = settings.policy.probe_timeout;
        look::patiently(bound, settings.home.root(), move |_| look(lock)).await
    }

    /// Somebody else who has the port of a server that is only watched: it is not the one that
    /// was found there. What was asked for by its address may be anybody's.
    fn other_user(&self) -> io::Result<Option<u32>> {
        let settings = &self.target.settings;
        let is_ours = self.target.instance.is_some() || settings.address.is_some();
        if is_ours || settings.allow_other_user {
            return Ok(None);
        }
        ports::other_user(settings.port)
    }

    fn external_ui(&self) -> Option<bool> {
        let settings = &self.target.settings;
        let is_external = self.target.instance.is_none() && settings.address.is_none();
        let port = settings.ui_port.filter(|_| is_external)?;
        Some(!ports::listeners(port).ok()?.is_empty())
    }

    /// A process of a server that starts and is stopped by a signal: it uses none of its time.
    fn halted(&self) -> Option<Pid> {
        let is_halted = |pid: &Pid| matches!(crate::process::linux::stat(*pid), Ok(Some(now)) if now.state == 'T');
        self.members.iter().copied().find(|pid| !self.passed && is_halted(pid))
    }

    /// Whether the server is on its way down, by the request of somebody else: it has closed the
    /// socket that it listened on, or says so before it does that.
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

    /// Whether a restart helps. Not where it would lose what only the
    /// running process has, nor where the disk is full, nor what has yet to come up or is going.
    fn judge(&self, layer: Layer, detail: String) -> Round {
        if !self.passed && !self.target.adopted {
            let restart_helps =
                if self.halted().is_some() { RestartHelps::Yes } else { RestartHelps::NotYet };
            return Round::Fail { layer, detail, restart_helps };
        }
        if self.is_shutting_down(layer, &detail) {
            return Round::Fail { layer, detail, restart_helps: RestartHelps::NotYet };
        }
        if let Some(why) = self.loss() {
            let detail = if detail == why { why } else { format!("{detail}; and {why}") };
            return Round::Fail { layer, detail, restart_helps: RestartHelps::No };
        }
        if matches!(layer, Layer::Store | Layer::Engine)
            && let Some(folder) =
                self.database().and_then(Path::parent).filter(|_| self.disk.is_full)
        {
            let detail = format!(
                "{detail}; the disk of {} is full, and a restart does not fix that",
                folder.display()
            );
            return Round::Fail { layer, detail, restart_helps: RestartHelps::No };
        }
        Round::Fail { layer, detail, restart_helps: RestartHelps::Yes }
    }

    fn loss(&self) -> Option<String> {
        Some(format!(
            "the database {} was {} while the server has it open: a restart loses what it holds",
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

    /// Up to four calls run one after the other.
    fn patience(&self) -> Duration {
        self.call_patience() * 4
    }
}

#[derive(Debug)]
enum Answer {
    Passes,
    DoesNotApply(String),
    /// This process could not look.
    Unknown(String),
}

async fn timed<T>(answer: impl Future<Output = T>) -> (T, Duration) {
    let begun = Instant::now();
    let answer = answer.await;
    (answer, begun.elapsed())
}

fn verdict(answer: Result<Answer, String>, latency: Duration) -> Verdict {
    let (ok, detail) = match answer {
        Ok(Answer::Passes) => (Some(true), String::new()),
        Ok(Answer::DoesNotApply(why) | Answer::Unknown(why)) => (None, why),
        Err(why) => (Some(false), why),
    };
    Verdict { ok, latency, detail }
}

/// What this process is short of, where it is: a call that failed meanwhile proves nothing.
fn shortage() -> Option<io::Error> {
    std::fs::File::open("/dev/null").err().filter(is_shortage)
}
