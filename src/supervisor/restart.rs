//! The restart policy: a limit on the number of restarts, and a delay with a random part.

use super::{Cause, Want};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// If a server was ready for this time, its next crash counts as the first crash in a row.
const STABLE: Duration = Duration::from_secs(30);

/// Minimum delay of a restart after exit code 0. If a signal shut down the server, the same signal
/// may reach the host a moment later. During the delay the host can still handle that signal and
/// stop.
const EXITED_PAUSE: Duration = Duration::from_millis(250);

/// Upper limit of [`Policy::adopt_timeout`], for any values of the probe options.
const LONGEST_ADOPTION: Duration = Duration::from_secs(3600);

/// Delay before the second restart in a row. The first restart is immediate. Each later delay is
/// twice the previous one.
const FIRST_DELAY: Duration = Duration::from_millis(250);

/// Minimum delay between two start attempts while a resource is missing, for any `backoff_max`.
const RESOURCE_PAUSE: Duration = Duration::from_secs(1);

/// The limits of supervision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Maximum time from spawn to ready.
    pub start_timeout: Duration,
    /// Time from SIGTERM to SIGKILL.
    pub stop_grace: Duration,
    /// Number of failed rounds of checks in a row after which the server is killed.
    pub failure_threshold: u32,
    /// Minimum time from the first to the last failed round before the server is killed. Zero,
    /// except for a database in memory: with such a database a restart loses all data, so the
    /// supervisor waits longer.
    pub failure_span: Duration,
    /// Time between two rounds of checks.
    pub probe_period: Duration,
    /// Time limit of one check.
    pub probe_timeout: Duration,
    /// Maximum number of automatic restarts within `restart_window`.
    pub max_restarts: u32,
    /// Length of the time window in which automatic restarts are counted.
    pub restart_window: Duration,
    /// Upper limit of the delay before an automatic restart.
    pub backoff_max: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            start_timeout: Duration::from_secs(30),
            stop_grace: Duration::from_secs(15),
            failure_threshold: 3,
            failure_span: Duration::ZERO,
            probe_period: Duration::from_secs(1),
            probe_timeout: Duration::from_secs(1),
            max_restarts: 5,
            restart_window: Duration::from_secs(60),
            backoff_max: Duration::from_secs(30),
        }
    }
}

impl Policy {
    /// Time limit for a server that was found running to pass its checks. A ready server may fail
    /// its checks for the same time.
    #[must_use]
    pub fn adopt_timeout(&self) -> Duration {
        self.halt_timeout().max(self.failure_span).min(LONGEST_ADOPTION)
    }

    /// If a signal has stopped a starting server, the supervisor kills the server after this time.
    /// A ready server may be unresponsive for the same time.
    pub(super) fn halt_timeout(&self) -> Duration {
        self.probe_period
            .saturating_mul(self.failure_threshold)
            .saturating_add(self.probe_timeout)
            .min(LONGEST_ADOPTION)
    }

    /// Maximum time between the ends of two consecutive rounds of checks.
    pub(super) fn longest_round(&self) -> Duration {
        self.probe_period + self.probe_timeout
    }
}

/// The automatic restarts so far, from which the next delay and the restart limit follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Times of automatic spawns, oldest first. `next_delay` removes the times before the restart
    /// window.
    spawns: VecDeque<Instant>,
    /// Automatic restarts since the server was last ready for [`STABLE`].
    in_a_row: u32,
    jitter: u64,
}

/// The state that a hand-over carries from the supervisor of one host to the supervisor of the next
/// host. Points in time are stored as ages, because the clocks of two processes differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The operator's intent.
    pub want: Want,
    /// Ages of automatic spawns, oldest first.
    pub(super) spawns_ago_ms: Vec<u64>,
    pub(super) in_a_row: u32,
    /// The scheduled spawn. Set if the state is backoff.
    pub(super) waiting: Option<Waiting>,
}

/// The spawn that is scheduled while the state is backoff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Waiting {
    pub(super) since_ms: u64,
    pub(super) delay_ms: u64,
    pub(super) cause: Cause,
    pub(super) detail: String,
    #[serde(default = "counts")]
    pub(super) counts: bool,
}

/// Default of [`Waiting::counts`] for files of older hosts, where every delayed spawn counts as a
/// restart.
fn counts() -> bool {
    true
}

impl Schedule {
    pub(super) fn new(seed: u64) -> Self {
        Self { spawns: VecDeque::new(), in_a_row: 0, jitter: seed }
    }

    /// The ages of the automatic spawns, in milliseconds.
    pub(super) fn spawns_ago(&self, now: Instant) -> Vec<u64> {
        self.spawns.iter().map(|at| millis(now.saturating_duration_since(*at))).collect()
    }

    /// Continues the counts of the previous host. The ages in `checkpoint` are relative to `then`,
    /// the end of that host.
    pub(super) fn resume(&mut self, checkpoint: &Checkpoint, then: Instant) {
        let at = |&ms: &u64| then.checked_sub(Duration::from_millis(ms));
        self.spawns = checkpoint.spawns_ago_ms.iter().filter_map(at).collect();
        self.in_a_row = checkpoint.in_a_row;
    }

    /// Number of automatic restarts within the restart window.
    #[must_use]
    pub fn in_window(&self, policy: &Policy, now: Instant) -> usize {
        let inside = |at: &&Instant| now.saturating_duration_since(**at) < policy.restart_window;
        self.spawns.iter().filter(inside).count()
    }

    /// Number of automatic restarts since the server was last ready for [`STABLE`].
    #[must_use]
    pub fn in_a_row(&self) -> u32 {
        self.in_a_row
    }

    pub(super) fn clear(&mut self) {
        self.spawns.clear();
        self.in_a_row = 0;
    }

    /// Resets the count of restarts in a row if a generation was ready for at least [`STABLE`].
    pub(super) fn credit(&mut self, ready: Duration) {
        if ready >= STABLE {
            self.in_a_row = 0;
        }
    }

    /// Counts an automatic spawn at `now`.
    pub(super) fn record(&mut self, now: Instant) {
        self.spawns.push_back(now);
    }

    /// Returns the delay before the next automatic restart, or `None` if the restart limit is
    /// reached. This function checks the limit, and [`Self::record`] counts the spawn later. A
    /// spawn is never earlier than the check for it, so the limit applies in every time window.
    pub(super) fn next_delay(
        &mut self,
        policy: &Policy,
        cause: Cause,
        now: Instant,
    ) -> Option<Duration> {
        while let Some(oldest) = self.spawns.front()
            && now.saturating_duration_since(*oldest) >= policy.restart_window
        {
            self.spawns.pop_front();
        }
        if self.spawns.len() >= policy.max_restarts as usize {
            return None;
        }
        let jittered = self.backoff(policy);
        Some(match cause {
            Cause::Exited => jittered.max(EXITED_PAUSE),
            Cause::Operator
            | Cause::Crash
            | Cause::Unresponsive
            | Cause::StartTimeout
            | Cause::SpawnFailed
            | Cause::Shutdown
            | Cause::Changed => jittered,
        })
    }

    /// Returns the delay before the next attempt to start a server while a resource is missing. At
    /// least [`RESOURCE_PAUSE`]. The number of attempts is unlimited.
    pub(super) fn resource_delay(&mut self, policy: &Policy) -> Duration {
        self.backoff(policy).max(RESOURCE_PAUSE)
    }

    /// Returns the next delay and counts one more restart in a row. Does not check the restart
    /// limit.
    pub(super) fn backoff(&mut self, policy: &Policy) -> Duration {
        let base = match self.in_a_row {
            0 => Duration::ZERO,
            n => FIRST_DELAY.saturating_mul(1 << (n - 1).min(20)).min(policy.backoff_max),
        };
        self.in_a_row = self.in_a_row.saturating_add(1);
        base.mul_f64(0.8 + 0.4 * self.next_fraction()).min(policy.backoff_max)
    }

    /// Returns a random number in `0.0..1.0` (splitmix64). Its quality does not matter: the number
    /// only keeps several homes from restarting their servers at the same time.
    fn next_fraction(&mut self) -> f64 {
        self.jitter = self.jitter.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.jitter;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Converts to whole milliseconds, for data that one process sends to another.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
