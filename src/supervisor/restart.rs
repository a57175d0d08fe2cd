//! When to restart: intensity, delay, jitter.

use super::{Cause, Want};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// This long without trouble, and the next crash is a first crash again.
const STABLE: Duration = Duration::from_secs(30);

/// An exit with code 0 may be the echo of a shutdown signal that reaches the
/// host a moment later; that signal must win.
const EXITED_PAUSE: Duration = Duration::from_millis(250);

/// However patient the probes are: one that is not healthy by then never was.
const LONGEST_ADOPTION: Duration = Duration::from_secs(3600);

/// The delay doubles from this, after the first restart, which is immediate.
const FIRST_DELAY: Duration = Duration::from_millis(250);

/// What is missing is looked for no more often than this, whatever the longest delay is.
const RESOURCE_PAUSE: Duration = Duration::from_secs(1);

/// The limits of supervision, as the operator set them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// From spawn to ready.
    pub start_timeout: Duration,
    /// From SIGTERM to SIGKILL.
    pub stop_grace: Duration,
    /// Failed rounds in a row that end a generation.
    pub failure_threshold: u32,
    /// They must also span this long; zero but for a database in memory, where
    /// a restart loses everything.
    pub failure_span: Duration,
    /// Time between two rounds.
    pub probe_period: Duration,
    /// Time one probe may take.
    pub probe_timeout: Duration,
    /// Automatic restarts within the window before giving up.
    pub max_restarts: u32,
    /// The window.
    pub restart_window: Duration,
    /// The longest delay before an automatic restart.
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
    /// How long a server that was found running may take to prove its health:
    /// as long as one that was healthy before.
    #[must_use]
    pub fn adopt_timeout(&self) -> Duration {
        self.halt_timeout().max(self.failure_span).min(LONGEST_ADOPTION)
    }

    /// How long a server that starts may be stopped by a signal: as long as one that was ready
    /// may not answer.
    pub(super) fn halt_timeout(&self) -> Duration {
        self.probe_period
            .saturating_mul(self.failure_threshold)
            .saturating_add(self.probe_timeout)
            .min(LONGEST_ADOPTION)
    }

    /// Two rounds end no further apart than this.
    pub(super) fn longest_round(&self) -> Duration {
        self.probe_period + self.probe_timeout
    }
}

/// The restart window and the delay reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Automatic spawns, oldest first; pruned when read.
    spawns: VecDeque<Instant>,
    /// Automatic restarts since the last stable life.
    in_a_row: u32,
    jitter: u64,
}

/// Supervisor state that a hand-over carries to the next host. Times are ages, because another
/// process has another clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// What the operator wants.
    pub want: Want,
    /// Automatic spawns, oldest first.
    pub(super) spawns_ago_ms: Vec<u64>,
    pub(super) in_a_row: u32,
    /// Where the next spawn waits.
    pub(super) waiting: Option<Waiting>,
}

/// A spawn that was put off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Waiting {
    pub(super) since_ms: u64,
    pub(super) delay_ms: u64,
    pub(super) cause: Cause,
    pub(super) detail: String,
    #[serde(default = "counts")]
    pub(super) counts: bool,
}

/// As a host decides that does not hand over whether it counts.
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

    /// Goes on from what another process counted, its ages as of `then`.
    pub(super) fn resume(&mut self, checkpoint: &Checkpoint, then: Instant) {
        let at = |&ms: &u64| then.checked_sub(Duration::from_millis(ms));
        self.spawns = checkpoint.spawns_ago_ms.iter().filter_map(at).collect();
        self.in_a_row = checkpoint.in_a_row;
    }

    /// Automatic restarts within the window.
    #[must_use]
    pub fn in_window(&self, policy: &Policy, now: Instant) -> usize {
        let inside = |at: &&Instant| now.saturating_duration_since(**at) < policy.restart_window;
        self.spawns.iter().filter(inside).count()
    }

    /// Automatic restarts since the last stable life.
    #[must_use]
    pub fn in_a_row(&self) -> u32 {
        self.in_a_row
    }

    pub(super) fn clear(&mut self) {
        self.spawns.clear();
        self.in_a_row = 0;
    }

    /// A generation was ready for this long.
    pub(super) fn credit(&mut self, ready: Duration) {
        if ready >= STABLE {
            self.in_a_row = 0;
        }
    }

    /// An automatic spawn happens now.
    pub(super) fn record(&mut self, now: Instant) {
        self.spawns.push_back(now);
    }

    /// The delay before the next automatic restart; none when the intensity is
    /// reached. Counted at the spawn ([`Self::record`]), decided here: a spawn
    /// comes no earlier than its decision, so the limit holds in every window.
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
            | Cause::Shutdown => jittered,
        })
    }

    /// The delay before the next try of a start that failed for want of a resource. Never none, and
    /// never the last.
    pub(super) fn resource_delay(&mut self, policy: &Policy) -> Duration {
        self.backoff(policy).max(RESOURCE_PAUSE)
    }

    /// The next delay, without the limit of restarts.
    pub(super) fn backoff(&mut self, policy: &Policy) -> Duration {
        let base = match self.in_a_row {
            0 => Duration::ZERO,
            n => FIRST_DELAY.saturating_mul(1 << (n - 1).min(20)).min(policy.backoff_max),
        };
        self.in_a_row = self.in_a_row.saturating_add(1);
        base.mul_f64(0.8 + 0.4 * self.next_fraction()).min(policy.backoff_max)
    }

    /// A number in `0.0..1.0`; splitmix64, for restarts of several homes must
    /// only not fall together.
    fn next_fraction(&mut self) -> f64 {
        self.jitter = self.jitter.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.jitter;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Whole milliseconds, for what crosses to another process.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
