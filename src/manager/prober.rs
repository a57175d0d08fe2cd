//! The six layers of health, asked in process over one kept connection.

use super::{Event, storage};
use crate::config::{Database, Settings};
use crate::process::Pid;
use crate::process::identity::Identity;
use crate::process::linux::FileId;
use crate::process::lock;
use crate::process::ports::{self, Holder};
use crate::process::sweep::Subject;
use crate::process::usage::{self, CpuMeter, Usage};
use crate::protocol::Detached;
use crate::supervisor::{Generation, LATE, Layer, Remedy, Round};
use crate::temporal::health::{self, Client};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// Between two rounds until the first one that passes.
const STARTING_PERIOD: Duration = Duration::from_millis(10);

/// While all is well, the upper two layers are asked only every so many rounds.
const DEEP_EVERY: u64 = 5;

/// The members of the instance are looked up anew after so many rounds.
const MEMBERS_EVERY: u64 = 10;

/// While a server starts, a call may take as long as the start has taken so far, and at most this:
/// to give up a first call, which loads what all later ones use, is to begin it anew.
const LONGEST_CALL: Duration = Duration::from_secs(10);

/// Less free space than this, and a failing database is no fault of the process.
const DISK_FULL: u64 = 4 << 20;

/// One layer in one round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Passed; none where it does not apply.
    pub ok: Option<bool>,
    /// How long the answer took.
    pub latency: Duration,
    /// What there is to say.
    pub detail: String,
}

/// One round.
#[derive(Debug, Clone)]
pub struct Report {
    /// What it says as a whole.
    pub round: Round,
    /// None for a layer that was not asked in this round.
    pub layers: [Option<Verdict>; 6],
    /// The process that owns the socket.
    pub server: Option<Pid>,
    /// What the instance costs.
    pub usage: Option<(Usage, Option<f64>)>,
    /// Size of the database.
    pub database_bytes: Option<u64>,
    /// How its path has lost the file that the server has open.
    pub detached: Option<Detached>,
    /// Processes that the kernel had ended for want of memory before this round.
    pub oom_kills: Option<u64>,
}

/// What is probed.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its generation.
    pub generation: Generation,
    /// Its processes; none for a server that somebody else runs.
    pub subject: Option<Subject>,
    /// It ran before this host did, and may hold what a restart would lose.
    pub adopted: bool,
    /// The options.
    pub settings: Arc<Settings>,
}

/// Probes until it is dropped. `reports` gets one [`Event::Probed`] a round.
pub async fn run(target: Target, reports: mpsc::UnboundedSender<Event>) {
    let generation = target.generation;
    let policy = target.settings.policy.clone();
    let mut prober = match Prober::new(target) {
        Ok(prober) => prober,
        Err(error) => {
            tracing::error!(%error, "probes cannot run");
            return;
        }
    };
    let mut due = Instant::now();
    loop {
        let late = Instant::now().saturating_duration_since(due) > LATE;
        let begun = Instant::now();
        let mut report = prober.round().await;
        // Every call is bounded; a failure beyond all bounds was not the server's doing. What
        // passes has passed, however late.
        let bound = prober.patience() * 4 + LATE;
        if report.round != Round::Pass && (late || begun.elapsed() > bound) {
            report.round = Round::Void;
        }
        let passed = prober.passed;
        if reports.send(Event::Probed { generation, report: Box::new(report) }).is_err() {
            return;
        }
        let period = if passed { policy.probe_period } else { STARTING_PERIOD };
        due = (due + period).max(Instant::now());
        tokio::time::sleep_until(due.into()).await;
    }
}

struct Prober {
    target: Target,
    client: Client,
    lock: std::path::PathBuf,
    members: Vec<Pid>,
    holder: Option<Holder>,
    /// The database that the server was last seen to have open.
    open: Option<FileId>,
    detached: Option<Detached>,
    cpu: CpuMeter,
    rounds: u64,
    begun: Instant,
    /// Whether any round has passed.
    passed: bool,
    well: bool,
    /// The process that owned the socket when it was last seen.
    server: Option<Identity>,
}

impl Prober {
    fn new(target: Target) -> Result<Self, String> {
        let settings = &target.settings;
        let client = Client::new(&settings.server_address(), settings.policy.probe_timeout)?;
        let members = target.subject.iter().map(|subject| subject.leader.pid).collect();
        let lock = settings.home.temporal_lock();
        Ok(Self {
            client,
            lock,
            members,
            holder: None,
            open: None,
            detached: None,
            cpu: CpuMeter::default(),
            rounds: 0,
            begun: Instant::now(),
            passed: false,
            well: false,
            server: None,
            target,
        })
    }

    /// Asks from the bottom up and stops at the first layer that fails: what
    /// lies above it can only fail too, and later.
    async fn round(&mut self) -> Report {
        self.rounds += 1;
        let passed = self.passed;
        self.client = self.client.patient(self.patience());
        let oom_kills = usage::oom_kills();
        // The gentle period, in memory of what was ready before.
        let deep = !self.well || self.rounds.is_multiple_of(DEEP_EVERY);
        if passed && self.rounds.is_multiple_of(MEMBERS_EVERY) {
            self.refresh_members();
        }
        let mut layers: [Option<Verdict>; 6] = [const { None }; 6];
        for layer in [Layer::Lock, Layer::Process, Layer::Tcp, Layer::Grpc] {
            let verdict = timed(self.ask(layer)).await;
            let failed = verdict.ok == Some(false);
            layers[layer as usize] = Some(verdict);
            if failed {
                break;
            }
        }
        self.look_at_database();
        if deep && layers[Layer::Grpc as usize].as_ref().is_some_and(|v| v.ok == Some(true)) {
            // Together: a server that has just come up takes its time over each first call.
            let (store, engine) = tokio::join!(timed(self.store()), timed(self.engine()));
            layers[Layer::Engine as usize] = (store.ok == Some(true)).then_some(engine);
            layers[Layer::Store as usize] = Some(store);
        }
        let failed = Layer::ALL.into_iter().zip(&layers).find_map(|(layer, verdict)| {
            let verdict = verdict.as_ref().filter(|verdict| verdict.ok == Some(false))?;
            Some((layer, verdict.detail.clone()))
        });
        let round = match failed {
            None => Round::Pass,
            Some((layer, detail)) => self.judge(layer, detail),
        };
        self.well = round == Round::Pass;
        self.passed |= self.well;
        let usage = self.target.subject.is_some().then(|| {
            let usage = usage::read(&self.members);
            (usage, self.cpu.percent(usage.cpu, Instant::now()))
        });
        Report {
            round,
            layers,
            server: self.holder.as_ref().map(|holder| holder.pid),
            usage: usage.filter(|_| passed || self.well),
            database_bytes: self.database().and_then(database_bytes),
            detached: self.detached,
            oom_kills,
        }
    }

    /// How long a call may take now.
    fn patience(&self) -> Duration {
        let patience = self.target.settings.policy.probe_timeout;
        if self.passed { patience } else { self.begun.elapsed().min(LONGEST_CALL).max(patience) }
    }

    async fn ask(&mut self, layer: Layer) -> Result<Answer, String> {
        match layer {
            Layer::Lock => Ok(match &self.target.subject {
                None => Answer::DoesNotApply("started elsewhere".into()),
                Some(_) => match lock::is_held(&self.lock) {
                    Ok(true) => Answer::Passes,
                    Ok(false) => Answer::DoesNotApply("the instance has closed it".into()),
                    Err(error) => Answer::DoesNotApply(error.to_string()),
                },
            }),
            Layer::Process => self.process(),
            Layer::Tcp => {
                let address = self.target.settings.server_address();
                if let Some(uid) = self.other_user() {
                    return Err(format!("{address} belongs to another user now, uid {uid}"));
                }
                let patience = self.target.settings.policy.probe_timeout;
                match tokio::time::timeout(patience, TcpStream::connect(&address)).await {
                    Ok(Ok(stream)) => {
                        // Closed without a trace: a reset leaves no socket waiting a minute on our side.
                        let _ = stream.set_zero_linger();
                        Ok(Answer::Passes)
                    }
                    Ok(Err(error)) => Err(format!("{address}: {error}")),
                    Err(_) => Err(format!("{address}: no connection within {patience:?}")),
                }
            }
            Layer::Grpc => self.client.serving().await.map(|()| Answer::Passes),
            Layer::Store => self.store().await,
            Layer::Engine => self.engine().await,
        }
    }

    async fn store(&self) -> Result<Answer, String> {
        self.client.namespace(&self.target.settings.namespaces[0]).await?;
        self.loss().map_or(Ok(Answer::Passes), Err)
    }

    async fn engine(&self) -> Result<Answer, String> {
        self.client.engine(&self.target.settings.namespaces[0]).await.map(|()| Answer::Passes)
    }

    fn process(&mut self) -> Result<Answer, String> {
        let Some(subject) = &self.target.subject else {
            return Ok(Answer::DoesNotApply("started elsewhere".into()));
        };
        if !subject.leader.is_alive() {
            return Err(format!("pid {} has ended", subject.leader.pid));
        }
        if let Some(pid) = self.halted() {
            return Err(format!("pid {pid} is stopped by a signal"));
        }
        if self.holder.as_ref().is_some_and(Holder::still_holds) {
            return Ok(Answer::Passes);
        }
        self.holder = None;
        let port = self.target.settings.port;
        let listeners = ports::listeners(port);
        if listeners.is_empty() {
            return Err(match &self.server {
                Some(server) if server.is_alive() => {
                    format!("shutting down: pid {} has closed port {port}", server.pid)
                }
                Some(_) | None => format!("nothing listens on port {port}"),
            });
        }
        let held_by =
            |pids: &[Pid]| listeners.iter().find_map(|l| ports::holder_among(pids, l.inode));
        self.holder = held_by(&self.members);
        if self.holder.is_none() {
            // Behind a wrapper the server is not the leader.
            self.refresh_members();
            self.holder = held_by(&self.members);
        }
        self.server = self.holder.as_ref().and_then(|holder| Identity::of(holder.pid));
        match &self.holder {
            Some(_) => Ok(Answer::Passes),
            None => Err(format!("port {port} belongs to a process of somebody else")),
        }
    }

    fn refresh_members(&mut self) {
        if let Some(subject) = &self.target.subject {
            let members = subject.members(&self.lock);
            crate::process::sweep::reap_orphans(&subject.leader);
            self.members = members.iter().map(|Identity { pid, .. }| *pid).collect();
        }
    }

    /// Somebody else who has the port of a server that is only watched: it is not the one that
    /// was found there. What was asked for by its address may be anybody's.
    fn other_user(&self) -> Option<u32> {
        let settings = &self.target.settings;
        let is_ours = self.target.subject.is_some() || settings.address.is_some();
        if is_ours || settings.allow_other_user { None } else { ports::other_user(settings.port) }
    }

    /// A process of a server that starts and is stopped by a signal: it uses none of its time.
    fn halted(&self) -> Option<Pid> {
        let is_halted =
            |pid: &Pid| crate::process::linux::stat(*pid).is_some_and(|now| now.state == 'T');
        self.members.iter().copied().find(|pid| !self.passed && is_halted(pid))
    }

    /// Whether the server is on its way down, by the request of somebody else: it has closed the
    /// socket that it listened on, or says so before it does that.
    fn is_shutting_down(&self, layer: Layer, detail: &str) -> bool {
        match layer {
            Layer::Process => {
                self.server.as_ref().is_some_and(Identity::is_alive)
                    && ports::listeners(self.target.settings.port).is_empty()
            }
            Layer::Grpc => self.passed && detail == health::NOT_SERVING,
            Layer::Lock | Layer::Tcp | Layer::Store | Layer::Engine => false,
        }
    }

    /// Whether a restart may cure it. Not where it would lose what only the
    /// running process has, nor where the disk is full, nor what has yet to come up or is going.
    fn judge(&self, layer: Layer, detail: String) -> Round {
        if !self.passed && !self.target.adopted {
            let remedy = if self.halted().is_some() { Remedy::Restart } else { Remedy::Wait };
            return Round::Fail { layer, detail, remedy };
        }
        if self.is_shutting_down(layer, &detail) {
            return Round::Fail { layer, detail, remedy: Remedy::Wait };
        }
        if let Some(why) = self.loss() {
            let detail = if detail == why { why } else { format!("{detail}; and {why}") };
            return Round::Fail { layer, detail, remedy: Remedy::None };
        }
        if matches!(layer, Layer::Store | Layer::Engine)
            && let Some(folder) = self.database().and_then(Path::parent)
            && free_space(folder).is_some_and(|free| free < DISK_FULL)
        {
            let detail = format!(
                "{detail}; the disk of {} is full, and a restart does not cure that",
                folder.display()
            );
            return Round::Fail { layer, detail, remedy: Remedy::None };
        }
        Round::Fail { layer, detail, remedy: Remedy::Restart }
    }

    /// Whether the path of the database still leads to the file that the server has open.
    fn look_at_database(&mut self) {
        let (Some(path), Some(holder)) = (self.database(), &self.holder) else { return };
        let file = FileId::of(path);
        if file.is_none() || file != self.open {
            self.detached = storage::detached(path, &[holder.pid]);
            self.open = file.filter(|_| self.detached.is_none());
        }
    }

    /// What a restart would lose.
    fn loss(&self) -> Option<String> {
        let (path, how) = (self.database()?, self.detached?);
        self.holder.as_ref()?;
        Some(format!(
            "the database {} was {how} while the server has it open: a restart loses what it holds",
            path.display()
        ))
    }

    fn database(&self) -> Option<&Path> {
        self.target.subject.as_ref()?;
        match &self.target.settings.database {
            Database::File(path) => Some(path),
            Database::Memory => None,
        }
    }
}

enum Answer {
    Passes,
    DoesNotApply(String),
}

async fn timed(answer: impl Future<Output = Result<Answer, String>>) -> Verdict {
    let begun = Instant::now();
    let answer = answer.await;
    let latency = begun.elapsed();
    let (ok, detail) = match answer {
        Ok(Answer::Passes) => (Some(true), String::new()),
        Ok(Answer::DoesNotApply(why)) => (None, why),
        Err(why) => (Some(false), why),
    };
    Verdict { ok, latency, detail }
}

fn database_bytes(path: &Path) -> Option<u64> {
    let size = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        std::fs::metadata(name).map(|meta| meta.len())
    };
    Some(size("").ok()? + size("-wal").unwrap_or(0))
}

fn free_space(folder: &Path) -> Option<u64> {
    let disk = nix::sys::statvfs::statvfs(folder).ok()?;
    Some(disk.blocks_available() * disk.fragment_size())
}
