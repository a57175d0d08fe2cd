//! The phases of a host's life, each with one injected failure, and what must be true afterwards.

use crate::control::{Control, FUNCTIONS, Fault};
use crate::fake;
use crate::support::process::Process;
use crate::support::rig::{Ran, Rig, Running};
use crate::support::{status, timed, within};
use nix::sys::resource::{Resource, setrlimit};
use rustix::process::Signal;
use serde_json::Value;
use std::os::unix::process::CommandExt;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Time limit of each command: longer than the 10 s after which a command ends a host that does not
/// respond, also on a busy machine.
const COMMAND: Duration = Duration::from_secs(40);
const POLL: Duration = Duration::from_millis(10);
/// Time limit for a reaction of a host. Every reaction is faster.
const REACTION: Duration = Duration::from_secs(60);
/// A lasting failure ends after this time at the latest. Then the host has the rest of [`REACTION`] for the
/// repair.
const LASTING: Duration = Duration::from_secs(15);
/// A lasting failure ends after this number of failed calls. Several restarts have failed by then.
const LASTING_HITS: u32 = 60;
/// A lasting failure also ends after this number of calls of all functions, if at least one call
/// has failed. A start makes fewer calls.
const LASTING_CALLS: u32 = 600;
/// Approximate number of calls of all functions in one round of checks of the server.
const ROUND: u32 = 20;
/// Number of rounds of checks in the watch phase: twice as many as make a server unresponsive.
/// While a failure lasts, a round has fewer calls, so the phase then waits for three times as many
/// calls.
const ROUNDS: u32 = 6;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Start,
    Watch,
    Crash,
    Restart,
    HandOver,
    Stop,
}

impl Phase {
    pub const ALL: [Self; 6] =
        [Self::Start, Self::Watch, Self::Crash, Self::Restart, Self::HandOver, Self::Stop];

    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Watch => "watch",
            Self::Crash => "crash",
            Self::Restart => "restart",
            Self::HandOver => "hand-over",
            Self::Stop => "stop",
        }
    }
}

/// The result of a phase.
#[derive(Debug)]
pub struct Outcome {
    pub counts: [u32; FUNCTIONS.len()],
    pub hits: u32,
    /// Whether the server ran without a host after the phase. The next command repaired that.
    pub host_lost: bool,
    /// The error that the phase itself reported.
    pub reported: Option<String>,
}

struct Case {
    rig: Rig,
    control: Control,
    watchdog: bool,
}

/// Runs a phase with the failure in a new home. With the watchdog, no host may be lost.
///
/// # Errors
/// A condition that was not true after the phase.
pub fn run(phase: Phase, fault: Option<Fault>, watchdog: bool) -> Result<Outcome, String> {
    Case::check(watchdog, |case| case.run(phase, fault))
}

/// Starts the server with this limit on descriptors in every process. If the server becomes ready,
/// kills the server.
///
/// # Errors
/// A condition that was not true afterwards.
pub fn run_with_descriptors(limit: u64) -> Result<(), String> {
    Case::check(false, |case| {
        let mut command = case.rig.local(&[]);
        // SAFETY: `setrlimit` is a system call on plain numbers.
        unsafe {
            command.pre_exec(move || Ok(setrlimit(Resource::RLIMIT_NOFILE, limit, limit)?));
        }
        let (started, took) = timed(|| case.rig.finish(command));
        bounded("a start", took)?;
        if started.complaint()?.is_none() {
            let (server, generation) = case.server()?;
            server.kill();
            if let Some(why) = case.repaired(generation + 1) {
                eprintln!("{limit} descriptors: {why}");
            }
        }
        // The low limit applies only to the command above and to the host that this command
        // started. The commands below have no such limit.
        case.succeeds(&["stop"])?;
        case.nothing_lives()?;
        case.keeps_its_promises()
    })
}

/// Starts the server on a new database. Afterwards the host marks the database as complete. Checks
/// that the host syncs this mark to the disk.
///
/// # Errors
/// A condition that was not true afterwards.
pub fn sync_mark() -> Result<(), String> {
    Case::check(false, |case| {
        let fsync = FUNCTIONS.iter().position(|function| function.name == "fsync");
        let syncs = || fsync.map_or(0, |fsync| case.control.counts()[fsync]);
        case.control.arm(None);
        case.succeeds(&[])?;
        let synced = within(REACTION, || syncs() > 0);
        case.succeeds(&["stop"])?;
        synced.then_some(()).ok_or_else(|| "the mark may not outlive a power cut".into())
    })
}

impl Case {
    fn check<T>(
        watchdog: bool,
        work: impl FnOnce(&Self) -> Result<T, String>,
    ) -> Result<T, String> {
        let mut rig = Rig::with(&[
            ("probe-period", "\"100ms\""),
            ("backoff-max", "\"100ms\""),
            ("max-restarts", "50"),
            ("watchdog", if watchdog { "true" } else { "false" }),
        ]);
        fake::install(&mut rig);
        let control = Control::create(rig.folder().join("faults"));
        let case = Self { rig, control, watchdog };
        let result = work(&case);
        if result.is_err() {
            case.rig.power_cut();
        }
        result.map_err(|broken| format!("{broken}\n{}", case.rig.own_log()))
    }

    /// Runs the phase with the failure. A lasting failure ends after enough failed calls, because
    /// the phase may be unable to end before.
    fn with<T>(&self, fault: Option<Fault>, phase: impl FnOnce() -> T) -> T {
        self.control.arm(fault);
        let (over, ended) = mpsc::channel::<()>();
        let done = std::thread::scope(|scope| {
            scope.spawn(move || {
                let lasts = fault.is_some_and(|fault| fault.times > 1);
                let begun = Instant::now();
                let enough = || {
                    let hits = self.control.hits();
                    hits >= LASTING_HITS
                        || hits > 0 && self.control.calls() >= LASTING_CALLS
                        || begun.elapsed() > LASTING
                };
                // This loop ends with the phase, which closes the channel.
                while lasts && ended.recv_timeout(POLL) == Err(RecvTimeoutError::Timeout) {
                    if enough() {
                        return self.control.disarm();
                    }
                }
            });
            let done = phase();
            drop(over);
            done
        });
        self.control.disarm();
        done
    }

    fn run(&self, phase: Phase, fault: Option<Fault>) -> Result<Outcome, String> {
        if !matches!(phase, Phase::Start | Phase::HandOver) {
            self.succeeds(&[])?;
        }
        let reported = match phase {
            Phase::Start => self.with(fault, || self.command(&[]))?.complaint()?,
            Phase::Watch => {
                let (server, _) = self.server()?;
                let reported = self.with(fault, || self.watched(fault));
                if fault.is_some_and(Fault::is_shortage) && self.server()?.0.pid != server.pid {
                    return Err("a shortage of the host was taken for a fault of the server".into());
                }
                reported
            }
            Phase::Crash => {
                let (server, generation) = self.server()?;
                self.with(fault, || {
                    server.kill();
                    self.repaired(generation + 1)
                })
            }
            Phase::Restart => self.with(fault, || self.command(&["restart"]))?.complaint()?,
            Phase::HandOver => {
                let mut command = self.rig.local(&["--no-tui"]);
                self.control.load(&mut command);
                let host = Running::spawn(command);
                host.wait_for(crate::support::rig::READY);
                let (ran, took) = self.with(fault, || {
                    host.process().signal(Signal::HUP);
                    timed(|| host.finish())
                });
                bounded("hand-over", took)?;
                (ran.code != Some(0)).then(|| format!("{ran:?}"))
            }
            Phase::Stop => {
                let complaint = self.with(fault, || self.command(&["stop"]))?.complaint()?;
                if complaint.is_none() {
                    self.nothing_lives()?;
                }
                complaint
            }
        };
        let (counts, hits) = (self.control.counts(), self.control.hits());
        let mut outcome = Outcome { counts, hits, host_lost: false, reported };
        if phase == Phase::Stop {
            self.succeeds(&["stop"])?;
            self.nothing_lives()?;
        } else {
            outcome.host_lost = self.is_host_lost()?;
        }
        if phase == Phase::Start && fault.is_some_and(|fault| fault.times == 1) {
            self.host_is_identified()?;
        }
        let is_transient = fault.is_some_and(Fault::is_transient);
        let is_single = fault.is_some_and(|fault| fault.times == 1);
        let repairs_itself = is_transient && matches!(phase, Phase::Watch | Phase::Crash);
        if repairs_itself && let Some(why) = outcome.reported {
            return Err(why);
        }
        // Only a lasting failure of a hand-over may lose the host, and only without the watchdog,
        // which starts the next host.
        let may_be_lost = phase == Phase::HandOver && !is_single && !self.watchdog;
        if outcome.host_lost && !may_be_lost {
            return Err("the host is lost".into());
        }
        self.keeps_its_promises()?;
        Ok(outcome)
    }

    /// Whether a server runs without a host. With the watchdog, waits for the host that the
    /// watchdog starts.
    fn is_host_lost(&self) -> Result<bool, String> {
        let look = || {
            let status = self.status()?;
            Ok(status["host"].is_null() && status["state"] != "stopped")
        };
        let mut last: Result<bool, String> = look();
        if self.watchdog {
            within(REACTION, || {
                last = look();
                last != Ok(true)
            });
        }
        last
    }

    /// Checks that the lock file has the identity of the host. A command needs this identity to end
    /// a host that does not respond.
    fn host_is_identified(&self) -> Result<(), String> {
        let text = std::fs::read_to_string(self.rig.path("supervisor.lock")).unwrap_or_default();
        let unknown = ["start_ticks=0", "boot_id=", "pid_namespace="];
        let identified = !text.lines().any(|line| unknown.contains(&line));
        identified.then_some(()).ok_or_else(|| format!("the host lock names nobody: {text}"))
    }

    /// Checks that the next command repairs the home, and that `stop` leaves no process.
    fn keeps_its_promises(&self) -> Result<(), String> {
        self.succeeds(&[])?;
        let mut status = self.brief_status()?;
        // The server may be degraded by the failure until the next check, so wait for that check.
        within(REACTION, || {
            let is_degraded = status["state"] == "degraded";
            if is_degraded {
                status = self.brief_status().unwrap_or_default();
            }
            !is_degraded
        });
        if status["state"] != "ready" || status["host"].is_null() {
            return Err(format!("`local` succeeded without a watched server: {status:#}"));
        }
        if fake::met_another(&self.rig) {
            return Err("two servers ran at a time".into());
        }
        self.succeeds(&["stop"])?;
        self.nothing_lives()?;
        self.rig.assert_nothing_runs();
        Ok(())
    }

    /// Waits for some rounds of checks: two after a single failure, more while a failure lasts.
    /// Returns the reason if the host stops checking.
    fn watched(&self, fault: Option<Fault>) -> Option<String> {
        let (control, mut hit_at) = (&self.control, None);
        let is_single = fault.is_some_and(|fault| fault.times == 1);
        let done = within(REACTION, || {
            let (calls, hits) = (control.calls(), control.hits());
            if hits > 0 {
                hit_at.get_or_insert(calls);
            }
            match hit_at {
                Some(at) if is_single => calls >= at + 2 * ROUND,
                Some(_) => calls >= 3 * ROUNDS * ROUND || hits >= LASTING_HITS,
                None if fault.is_some() => calls >= 2 * ROUNDS * ROUND,
                None => calls >= ROUNDS * ROUND,
            }
        });
        (!done).then(|| format!("the host is silent after {} calls", control.calls()))
    }

    /// Waits until the host has repaired a crash without a command. If the host has not, returns
    /// the reason.
    fn repaired(&self, generation: u64) -> Option<String> {
        let mut last = Value::Null;
        let done = within(REACTION, || {
            last = self.brief_status().unwrap_or_default();
            last["state"] == "ready" && last["temporal"]["generation"].as_u64() >= Some(generation)
        });
        let ready = done && last["state"] == "ready" && !last["host"].is_null();
        (!ready).then(|| format!("not repaired: {}: {}", last["state"], last["message"]))
    }

    fn command(&self, arguments: &[&str]) -> Result<Ran, String> {
        let mut command = self.rig.local(arguments);
        self.control.load(&mut command);
        let (ran, took) = timed(|| self.rig.finish(command));
        bounded(&format!("{arguments:?}"), took)?;
        Ok(ran)
    }

    fn succeeds(&self, arguments: &[&str]) -> Result<(), String> {
        let ran = self.command(arguments)?;
        let failed = || format!("`local {}` fails afterwards: {ran:?}", arguments.join(" "));
        (ran.code == Some(0)).then_some(()).ok_or_else(failed)
    }

    /// The running server and its generation.
    fn server(&self) -> Result<(Process, u64), String> {
        let temporal = &self.brief_status()?["temporal"];
        let pid = temporal["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
        let server = pid.and_then(Process::pin).zip(temporal["generation"].as_u64());
        server.ok_or_else(|| format!("no server runs: {temporal}"))
    }

    /// The status, like [`Self::status`]. If a host responds on its socket, reads the status from
    /// the socket, which needs no new process.
    fn brief_status(&self) -> Result<Value, String> {
        status::ask(&self.rig.home).map_or_else(|| self.status(), Ok)
    }

    /// Runs `status` without the preload library, so that only calls of the host count.
    fn status(&self) -> Result<Value, String> {
        let (ran, took) = timed(|| self.rig.run(&["status", "--json"]));
        bounded("status", took)?;
        serde_json::from_str(&ran.stdout).map_err(|error| format!("status: {error} in {ran:?}"))
    }

    fn nothing_lives(&self) -> Result<(), String> {
        let left: Vec<String> = self.rig.processes().iter().map(Process::describe).collect();
        let listening = [self.rig.port, self.rig.ui_port].map(Rig::is_listening);
        let locked = ["temporal.lock", "supervisor.lock"].map(|lock| self.rig.is_locked(lock));
        if left.is_empty() && listening == [false; 2] && locked == [false; 2] {
            return Ok(());
        }
        Err(format!("left by `stop`: {left:?}, listening {listening:?}, locked {locked:?}"))
    }
}

fn bounded(what: &str, took: Duration) -> Result<(), String> {
    (took < COMMAND).then_some(()).ok_or_else(|| format!("{what} took {took:?}"))
}

trait Complaint {
    fn complaint(self) -> Result<Option<String>, String>;
}

impl Complaint for Ran {
    /// The error message of a failed command. A failure without a message, or with a panic, is an
    /// error.
    fn complaint(self) -> Result<Option<String>, String> {
        match self.code {
            Some(0) => Ok(None),
            Some(_) if self.stderr.contains("panicked") => Err(self.stderr),
            Some(_) if !self.stderr.trim().is_empty() => Ok(Some(self.stderr)),
            _ => Err(format!("failed without a word: {self:?}")),
        }
    }
}
